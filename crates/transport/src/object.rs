//! Object stores and local files as a source: drops of agencies that publish files.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures::TryStreamExt;
use klimalade_model::{Page, Result};
use object_store::{
    BackoffConfig, ClientConfigKey, GetOptions, ObjectStore, ObjectStoreScheme, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    azure::{AzureConfigKey, MicrosoftAzureBuilder},
    gcp::{GoogleCloudStorageBuilder, GoogleConfigKey},
    local::LocalFileSystem,
    path::Path,
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    Client, Error,
    client::USER_AGENT,
    error::chain,
    redact::Redactor,
    spool::{Origin, Spool},
    target::host_key,
};

/// One object of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectEntry {
    /// Its own address, to be given to [`Client::object`].
    pub url: Url,
    /// Bytes as stored there.
    pub size: u64,
    /// The store's mark that it changed.
    pub etag: Option<String>,
    /// UTC, RFC 3339.
    pub last_modified: Option<String>,
}

impl Client {
    /// One object as a page: `s3://bucket/key`, `az://container/key`, `gs://bucket/key` or `file:///path` (a local path
    /// becomes one with `Url::from_file_path`). Credentials come from the environment (`AWS_*`, `AZURE_*`,
    /// `GOOGLE_*`), retries are object_store's own under this client's `attempts` and `timeout`. With
    /// [`Client::with_previous`] the stored page is the answer while the ETag is the same. Errors: Source, when there is
    /// no such object or it is larger than `page_bytes`; Settings, for another scheme or a refused credential, and in
    /// the demo for every store but local files; else Transient.
    pub async fn object(&self, url: &Url) -> Result<Page> {
        let redactor = &self.shared.redactor;
        let address = redactor.url(url);
        self.object_page(url, redactor, &address)
            .await
            .map(|page| self.kept(page))
            .map_err(|error| klimalade_model::Fault::from(error).at(address))
    }

    /// Every object below `url` (a bucket, a folder), sorted by address. Errors: as [`Client::object`]; an empty or
    /// missing folder is an empty list.
    pub async fn list_objects(&self, url: &Url) -> Result<Vec<ObjectEntry>> {
        let redactor = &self.shared.redactor;
        self.entries(url, redactor)
            .await
            .map_err(|error| klimalade_model::Fault::from(error).at(redactor.url(url)))
    }

    async fn object_page(&self, url: &Url, redactor: &Redactor, address: &str) -> Result<Page, Error> {
        let Reached { store, path, .. } = self.store(url)?;
        let held = self.held(address);
        let options = GetOptions {
            if_none_match: held.and_then(|page| page.entry.etag.clone()),
            ..GetOptions::default()
        };
        self.wait_for_host(&store_host(url)).await;
        self.count_request();
        let answer = match (store.get_opts(&path, options).await, held) {
            (Err(object_store::Error::NotModified { .. }), Some(page)) => return Ok(page.clone()),
            (answer, _) => answer.map_err(|error| store_error(&error, redactor))?,
        };
        let cap = self.limits.page_bytes;
        if answer.meta.size > cap {
            return Err(Error::TooMuch {
                expected: format!("page_bytes of at most {cap}"),
                found: format!("an object of {} bytes", answer.meta.size),
            });
        }
        let size = answer.meta.size;
        let origin = Origin {
            address: address.to_owned(),
            retrieved_at: self.retrieved_now(),
            etag: answer.meta.e_tag.clone(),
            last_modified: Some(answer.meta.last_modified.to_rfc3339()),
        };
        let mut spool = Spool::create(&self.shared.options.spool, redactor).await?;
        let mut body = answer.into_stream();
        let mut received = 0u64;
        while let Some(chunk) = body.try_next().await.map_err(|error| Error::Cut {
            found: redactor.text(&chain(&error)),
        })? {
            self.count_bytes(chunk.len());
            received += chunk.len() as u64;
            spool.write(&chunk).await?;
        }
        if received != size {
            return Err(Error::Cut {
                found: format!("{received} of {size} bytes"),
            });
        }
        spool.end().await?;
        Ok(spool.page(origin))
    }

    async fn entries(&self, url: &Url, redactor: &Redactor) -> Result<Vec<ObjectEntry>, Error> {
        let Reached { store, path, root } = self.store(url)?;
        self.wait_for_host(&store_host(url)).await;
        self.count_request();
        let objects: Vec<_> = store
            .list(Some(&path))
            .try_collect()
            .await
            .map_err(|error| store_error(&error, redactor))?;
        let mut entries = Vec::with_capacity(objects.len());
        for object in objects {
            entries.push(ObjectEntry {
                url: object_url(url, &root, &object.location)?,
                size: object.size,
                etag: object.e_tag,
                last_modified: Some(object.last_modified.to_rfc3339()),
            });
        }
        entries.sort_by(|a, b| a.url.as_str().cmp(b.url.as_str()));
        Ok(entries)
    }

    fn store(&self, url: &Url) -> Result<Reached, Error> {
        let redactor = &self.shared.redactor;
        let malformed = || Error::Malformed {
            expected: "an address of s3://, az://, gs:// or file://".to_owned(),
            found: redactor.url(url),
        };
        if !matches!(url.scheme(), "s3" | "az" | "gs" | "file") {
            return Err(malformed());
        }
        let (scheme, path) = ObjectStoreScheme::parse(url).map_err(|_| malformed())?;
        if let Some((asked, read)) = self.redirected(url) {
            // Below the prefix an address has the path that it has below the folder that was asked for.
            let store = LocalFileSystem::new_with_prefix(read).map_err(|error| store_error(&error, redactor))?;
            let root = Path::from_absolute_path(asked).map_err(|_| malformed())?;
            let path = path.prefix_match(&root).ok_or_else(malformed)?.collect();
            return Ok(Reached {
                store: Arc::new(store),
                path,
                root,
            });
        }
        if self.shared.options.redirect.is_some() && !matches!(scheme, ObjectStoreScheme::Local) {
            return Err(Error::NotSimulated {
                host: redactor.url(url),
                known: "file:// addresses".to_owned(),
            });
        }
        let retry = RetryConfig {
            max_retries: self.limits.attempts.saturating_sub(1),
            retry_timeout: self.limits.timeout,
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(500),
                max_backoff: Duration::from_secs(30),
                base: 2.0,
            },
        };
        // Single settings beside the environment's: a whole `ClientOptions` would undo what AWS_ALLOW_HTTP, AWS_PROXY_URL
        // and the like say.
        let timeout = format!("{} ms", self.limits.timeout.as_millis());
        let store: Result<Arc<dyn ObjectStore>, object_store::Error> = match scheme {
            ObjectStoreScheme::Local => Ok(Arc::new(LocalFileSystem::new())),
            ObjectStoreScheme::AmazonS3 => AmazonS3Builder::from_env()
                .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::Timeout), timeout)
                .with_config(AmazonS3ConfigKey::Client(ClientConfigKey::UserAgent), USER_AGENT)
                .with_retry(retry)
                .with_url(url.as_str())
                .build()
                .map(|store| Arc::new(store) as _),
            ObjectStoreScheme::MicrosoftAzure => MicrosoftAzureBuilder::from_env()
                .with_config(AzureConfigKey::Client(ClientConfigKey::Timeout), timeout)
                .with_config(AzureConfigKey::Client(ClientConfigKey::UserAgent), USER_AGENT)
                .with_retry(retry)
                .with_url(url.as_str())
                .build()
                .map(|store| Arc::new(store) as _),
            ObjectStoreScheme::GoogleCloudStorage => GoogleCloudStorageBuilder::from_env()
                .with_config(GoogleConfigKey::Client(ClientConfigKey::Timeout), timeout)
                .with_config(GoogleConfigKey::Client(ClientConfigKey::UserAgent), USER_AGENT)
                .with_retry(retry)
                .with_url(url.as_str())
                .build()
                .map(|store| Arc::new(store) as _),
            _ => return Err(malformed()),
        };
        let store = store.map_err(|error| Error::Malformed {
            expected: "what the environment says of this store".to_owned(),
            found: redactor.text(&chain(&error)),
        })?;
        Ok(Reached {
            store,
            path,
            root: Path::default(),
        })
    }

    /// The folder of [`crate::Options::redirect_folders`] that `url` lies below, and the one that is read instead.
    fn redirected(&self, url: &Url) -> Option<(&PathBuf, &PathBuf)> {
        let path = url.to_file_path().ok()?;
        let mut folders = self.shared.options.redirect_folders.iter();
        folders.find(|(asked, _)| path.starts_with(asked))
    }
}

/// Where an address leads.
struct Reached {
    store: Arc<dyn ObjectStore>,
    /// In the store.
    path: Path,
    /// What stands in front of a path of the store in an address.
    root: Path,
}

/// The address of `location` below `root` in the store of `base`.
fn object_url(base: &Url, root: &Path, location: &Path) -> Result<Url, Error> {
    let malformed = || Error::Malformed {
        expected: "an object whose name can stand in an address".to_owned(),
        found: location.to_string(),
    };
    let mut url = base.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.path_segments_mut().map_err(|()| malformed())?.clear().extend(
        root.parts()
            .chain(location.parts())
            .map(|part| part.as_ref().to_owned()),
    );
    Ok(url)
}

/// Stores are their own hosts, whatever the bucket is called.
fn store_host(url: &Url) -> String {
    format!("{}://{}", url.scheme(), host_key(url))
}

fn store_error(error: &object_store::Error, redactor: &Redactor) -> Error {
    let found = redactor.text(&chain(error));
    match error {
        object_store::Error::NotFound { .. } => Error::Gone { found },
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => Error::Refused {
            status: if matches!(error, object_store::Error::PermissionDenied { .. }) {
                403
            } else {
                401
            },
            body: found,
            hint: "set AWS_*, AZURE_* or GOOGLE_* in the environment".to_owned(),
        },
        object_store::Error::InvalidPath { .. }
        | object_store::Error::NotSupported { .. }
        | object_store::Error::NotImplemented { .. }
        | object_store::Error::UnknownConfigurationKey { .. } => Error::Malformed {
            expected: "an object that this store can serve".to_owned(),
            found,
        },
        _ => Error::Unreachable { found },
    }
}
