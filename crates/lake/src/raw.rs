use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use jiff::Timestamp;
use klimalade_model::{Fault, Manifest, Page, PageEntry, Result, sha256_hex};

use crate::{
    Lake, SnapshotRef,
    hash::{Hashing, copy},
    key::{check_owner, check_part_key},
    store::{Condition, blocking, disk_fault},
};

/// The address of a page entry that names an input of a view (`lake:core/observation/...`) begins with this: such a
/// page is a file of the lake with that sha256 and is not kept in raw/.
pub const INPUT_SCHEME: &str = "lake:";

/// 1: raw pages are text that packs tenfold at any level, and are written once and seldom read.
const ZSTD_LEVEL: i32 = 1;

/// A manifest in raw/, from a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRef {
    /// The part.
    pub part_key: String,
    /// Name of the manifest.
    pub manifest_sha256: String,
    /// When it was put, by the store's clock.
    pub put_at: Timestamp,
}

impl Lake {
    /// Keeps one page in raw/, packed. A page that stands there already and is whole is not written again; one that is
    /// damaged is. Errors: Bug, when the spool file is not what the entry says; else the store's.
    pub async fn put_page(&self, owner: &str, part_key: &str, page: &Page) -> Result<()> {
        let key = page_key(owner, part_key, &page.entry.sha256)?;
        if self.store.exists(&key).await? && self.is_whole(&key, &page.entry).await? {
            return Ok(());
        }
        let (page, place) = (page.clone(), key.clone());
        let body = move |to: &mut dyn Write| {
            let fault = |source| disk_fault("a page cannot be packed", &place, source);
            let mut from = Hashing::new(page.open().map_err(fault)?);
            let mut packer = zstd::Encoder::new(to, ZSTD_LEVEL).map_err(fault)?;
            packer.include_checksum(true).map_err(fault)?;
            copy(&mut from, &mut packer).map_err(fault)?;
            packer.finish().map_err(fault)?;
            let (_, sha256, bytes) = from.finish();
            if sha256 != page.entry.sha256 || bytes != page.entry.bytes {
                return Err(Fault::bug("a spool file changed between fetching and keeping it")
                    .at(page.entry.address.clone())
                    .expected(format!("{} bytes, sha256 {}", page.entry.bytes, page.entry.sha256))
                    .found(format!("{bytes} bytes, sha256 {sha256}")));
            }
            Ok(())
        };
        self.store.put_body(&key, Box::new(body)).await
    }

    /// True when what stands at the key unpacks to the page that the entry names.
    pub(crate) async fn is_whole(&self, key: &str, entry: &PageEntry) -> Result<bool> {
        Ok(self
            .unpacked(key)
            .await?
            .is_some_and(|found| found == described(entry.bytes, &entry.sha256)))
    }

    /// What a file of raw/ unpacks to, in words; `None` when there is none.
    pub(crate) async fn unpacked(&self, key: &str) -> Result<Option<String>> {
        let Some(copy) = self.local_copy(key, &self.spool).await? else {
            return Ok(None);
        };
        blocking(move || {
            let mut to = Hashing::new(io::sink());
            Ok(Some(match unpack(copy.path(), &mut to) {
                Ok(()) => {
                    let (_, sha256, bytes) = to.finish();
                    described(bytes, &sha256)
                }
                Err(error) => error.to_string(),
            }))
        })
        .await
    }

    /// Takes back a manifest that says nothing new: its pages are those of one that stays. Nothing there is no error.
    pub async fn drop_manifest(&self, snapshot: &SnapshotRef) -> Result<()> {
        let key = manifest_key(&snapshot.owner, &snapshot.part_key, &snapshot.manifest_sha256)?;
        self.store.delete(&key).await
    }

    /// Keeps the manifest: put last, it makes the part finished. Errors: Bug, when one of its pages does not stand in
    /// raw/ (inputs of views excepted, see [`INPUT_SCHEME`]); else the store's.
    pub async fn put_manifest(&self, manifest: &Manifest) -> Result<SnapshotRef> {
        let folder = part_folder(&manifest.owner, &manifest.part.key)?;
        let standing = self.store.list(&folder).await?;
        for page in kept_pages(manifest) {
            let key = page_key(&manifest.owner, &manifest.part.key, &page.sha256)?;
            if standing
                .binary_search_by(|listed| listed.key.as_str().cmp(&key))
                .is_err()
            {
                return Err(Fault::bug("a manifest was put before its pages")
                    .at(key)
                    .found(page.address.clone()));
            }
        }
        let (snapshot, bytes) = snapshot_of(manifest)?;
        let key = manifest_key(&manifest.owner, &snapshot.part_key, &snapshot.manifest_sha256)?;
        self.store.put(&key, Bytes::from(bytes), Condition::Any).await?;
        Ok(snapshot)
    }

    /// One manifest, by the part's key and the manifest's sha256. Errors: Contract, when it is gone or its bytes are
    /// not those of its name.
    pub async fn manifest(&self, owner: &str, part_key: &str, manifest_sha256: &str) -> Result<Manifest> {
        let key = manifest_key(owner, part_key, manifest_sha256)?;
        let Some((bytes, _)) = self.store.get(&key).await? else {
            return Err(Fault::contract("a manifest is gone from raw/")
                .at(key)
                .hint(repair_hint(owner)));
        };
        let found = sha256_hex(&bytes);
        if found != manifest_sha256 {
            return Err(Fault::contract("the bytes of a manifest are not those of its name")
                .at(key)
                .expected(manifest_sha256.to_owned())
                .found(found)
                .hint(repair_hint(owner)));
        }
        serde_json::from_slice(&bytes).map_err(|source| {
            Fault::contract("a manifest cannot be read")
                .at(key)
                .hint(repair_hint(owner))
                .because(source)
        })
    }

    /// Where a page of a manifest stands in the lake; an input of a view is a file of core (see [`INPUT_SCHEME`]).
    /// Errors: Bug, Settings or Contract, when a name is none.
    pub fn place_of_page(owner: &str, part_key: &str, entry: &PageEntry) -> Result<String> {
        match entry.address.strip_prefix(INPUT_SCHEME) {
            Some(key) => Ok(key.to_owned()),
            None => page_key(owner, part_key, &entry.sha256),
        }
    }

    /// The snapshot that this manifest is, without looking into the lake. Errors: Bug.
    pub fn snapshot(manifest: &Manifest) -> Result<SnapshotRef> {
        Ok(snapshot_of(manifest)?.0)
    }

    /// One page out of raw/, unpacked into a temporary file in `spool` that goes with the last clone of the page.
    /// Errors: Contract, when it is gone or its bytes are not those that were fetched.
    pub async fn page(&self, owner: &str, part_key: &str, entry: &PageEntry, spool: &Path) -> Result<Page> {
        let key = page_key(owner, part_key, &entry.sha256)?;
        let gone = || {
            Fault::contract("a page is gone from raw/")
                .at(key.clone())
                .hint(repair_hint(owner))
        };
        let copied = self.local_copy(&key, spool).await?.ok_or_else(gone)?;
        let (entry, spool, place, hint) = (entry.clone(), spool.to_owned(), key.clone(), repair_hint(owner));
        blocking(move || {
            let fault = |source| disk_fault("a page cannot be unpacked", &place, source);
            let file = tempfile::Builder::new()
                .prefix("page-")
                .tempfile_in(&spool)
                .map_err(fault)?;
            let damaged = |found: String| {
                Fault::contract("a page in raw/ is not the one that was fetched")
                    .at(place.clone())
                    .expected(format!("{} bytes, sha256 {}", entry.bytes, entry.sha256))
                    .found(found)
                    .hint(hint.clone())
            };
            let mut to = Hashing::new(file);
            unpack(copied.path(), &mut to).map_err(|source| match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::PermissionDenied => fault(source),
                _ => damaged(source.to_string()),
            })?;
            let (file, sha256, bytes) = to.finish();
            if sha256 != entry.sha256 || bytes != entry.bytes {
                return Err(damaged(format!("{bytes} bytes, sha256 {sha256}")));
            }
            let path = file.into_temp_path();
            Ok(Page::spooled(path.to_path_buf(), entry, Arc::new(path)))
        })
        .await
    }

    /// Every manifest of the owner in raw/, by part and, within it, oldest first.
    pub async fn list_manifests(&self, owner: &str) -> Result<Vec<ManifestRef>> {
        let mut found: Vec<ManifestRef> = self
            .store
            .list(&owner_folder(owner)?)
            .await?
            .into_iter()
            .filter_map(|listed| {
                let mut segments = listed.key.rsplit('/');
                let manifest_sha256 = segments.next()?.strip_suffix(".json")?.to_owned();
                let part_key = segments.next()?.to_owned();
                Some(ManifestRef {
                    part_key,
                    manifest_sha256,
                    put_at: listed.modified_at,
                })
            })
            .collect();
        found.sort_by(|left, right| (&left.part_key, left.put_at).cmp(&(&right.part_key, right.put_at)));
        Ok(found)
    }
}

/// What can be typed when something in raw/ is gone or damaged.
pub(crate) fn repair_hint(owner: &str) -> String {
    format!("klimalade run {owner} --repair, which fetches it again")
}

pub(crate) fn described(bytes: u64, sha256: &str) -> String {
    format!("{bytes} bytes, sha256 {sha256}")
}

/// Pages that stand in raw/.
pub(crate) fn kept_pages(manifest: &Manifest) -> impl Iterator<Item = &PageEntry> {
    manifest
        .pages
        .iter()
        .filter(|page| !page.address.starts_with(INPUT_SCHEME))
}

/// Unpacks a file of raw/; the checksum of the frame is looked at on the way.
pub(crate) fn unpack(path: &Path, to: &mut dyn Write) -> io::Result<()> {
    let mut unpacker = zstd::Decoder::new(File::open(path)?)?;
    copy(&mut unpacker, to)?;
    Ok(())
}

fn snapshot_of(manifest: &Manifest) -> Result<(SnapshotRef, Vec<u8>)> {
    let bytes = serde_json::to_vec(manifest)
        .map_err(|source| Fault::bug("a manifest cannot be written as JSON").because(source))?;
    let snapshot = SnapshotRef {
        owner: manifest.owner.clone(),
        manifest_sha256: sha256_hex(&bytes),
        content_sha256: manifest.content_sha256(),
        part_key: manifest.part.key.clone(),
        bytes: manifest.pages.iter().map(|page| page.bytes).sum(),
    };
    Ok((snapshot, bytes))
}

pub(crate) fn owner_folder(owner: &str) -> Result<String> {
    check_owner(owner)?;
    Ok(format!("raw/{owner}"))
}

pub(crate) fn part_folder(owner: &str, part_key: &str) -> Result<String> {
    check_part_key(part_key)?;
    Ok(format!("{}/{part_key}", owner_folder(owner)?))
}

pub(crate) fn page_key(owner: &str, part_key: &str, sha256: &str) -> Result<String> {
    Ok(format!("{}/{sha256}.zst", part_folder(owner, part_key)?))
}

pub(crate) fn manifest_key(owner: &str, part_key: &str, sha256: &str) -> Result<String> {
    Ok(format!("{}/{sha256}.json", part_folder(owner, part_key)?))
}
