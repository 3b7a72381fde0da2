use std::path::{Path, PathBuf};

use klimalade_connect::{Fault, Result, fits_wildcard};
use url::Url;

/// Where one file is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Place {
    /// Over HTTP.
    Http(Url),
    /// In an object store.
    Store(Url),
    /// On disk.
    Disk(PathBuf),
}

impl Place {
    /// Errors: Settings.
    pub(crate) fn parse(address: &str) -> Result<Self> {
        let Some((scheme, _)) = address.split_once("://") else {
            return Ok(Self::Disk(absolute(address)?));
        };
        let wrong = || {
            Fault::settings("not the address of a file")
                .at("[source] address")
                .found(address.to_owned())
                .expected("https://, http://, s3://, az://, gs://, file:/// or a path")
                .hint("address = \"https://ens.dk/media/7199/download\"")
        };
        // What cannot be parsed may hold a password, so it is not shown.
        let url = Url::parse(address).map_err(|_| wrong().found(format!("{scheme}://...")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong()
                .found("an address with a user or password")
                .hint("address = \"https://...\", without user and password"));
        }
        match url.scheme() {
            "http" | "https" => Ok(Self::Http(url)),
            "s3" | "az" | "gs" => Ok(Self::Store(url)),
            "file" => url.to_file_path().map(Self::Disk).map_err(|()| wrong()),
            _ => Err(wrong()),
        }
    }
}

/// Files of a folder or a bucket whose names fit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pattern {
    /// The folder, as an address that the transport lists.
    pub(crate) folder: Url,
    /// The name, with `*` for any letters.
    pub(crate) name: String,
    /// The folder as it was written.
    pub(crate) written: String,
    /// On disk, so that somebody can put a file there.
    pub(crate) on_disk: bool,
}

impl Pattern {
    /// `None` where the address names one file. Errors: Settings.
    pub(crate) fn parse(address: &str) -> Result<Option<Self>> {
        let (folder, name) = match address.rfind('/') {
            Some(at) => address.split_at(at + 1),
            None => ("./", address),
        };
        if !name.is_empty() && !name.contains('*') {
            return Ok(None);
        }
        let no_listing = || {
            Fault::settings("only a folder on disk or in an object store can be listed")
                .at("[source] address")
                .found(folder.to_owned())
                .hint("[source.addresses] with the key and the address of each file")
        };
        if folder.contains('*') {
            return Err(Fault::settings("only the last piece of an address may hold *")
                .at("[source] address")
                .found(folder.to_owned())
                .hint("address = \"drop/renseanlaeg/*.csv\""));
        }
        let (url, on_disk) = match Place::parse(folder)? {
            Place::Http(_) => return Err(no_listing()),
            Place::Store(url) => (url, false),
            Place::Disk(path) => (Url::from_directory_path(&path).map_err(|()| no_listing())?, true),
        };
        let name = if name.is_empty() { "*" } else { name };
        Ok(Some(Self {
            folder: url,
            name: name.to_owned(),
            written: folder.to_owned(),
            on_disk,
        }))
    }

    /// The name of the file at `url`, where it lies in the folder itself and its name fits. Hidden files
    /// and the lock files of office programs (`~$`, `.~lock`) are nobody's data.
    pub(crate) fn file_name(&self, url: &Url) -> Option<String> {
        let folder = self.folder.path().trim_end_matches('/');
        let encoded = url.path().strip_prefix(folder)?.strip_prefix('/')?;
        let name = decoded(encoded);
        let is_own = !encoded.contains('/') && !name.starts_with('.') && !name.starts_with("~$");
        (is_own && fits_wildcard(&self.name, &name)).then_some(name)
    }
}

fn decoded(encoded: &str) -> String {
    // A plus sign in a path is a plus sign.
    let kept = format!("name={}", encoded.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(kept.as_bytes())
        .map(|(_, value)| value.into_owned())
        .collect()
}

fn absolute(path: &str) -> Result<PathBuf> {
    std::path::absolute(Path::new(path)).map_err(|source| {
        Fault::settings("not a path")
            .at("[source] address")
            .found(path.to_owned())
            .hint("address = \"drop/fil.csv\"")
            .because(source)
    })
}

/// The name of a file as a part's key: without its ending, Danish letters spelled out, anything else a hyphen.
pub(crate) fn key_of(file_name: &str) -> String {
    let mut key = String::new();
    for letter in file_name.chars() {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '=' | '-' => key.push(letter),
            'æ' => key.push_str("ae"),
            'ø' => key.push_str("oe"),
            'å' => key.push_str("aa"),
            'Æ' => key.push_str("Ae"),
            'Ø' => key.push_str("Oe"),
            'Å' => key.push_str("Aa"),
            _ => key.push('-'),
        }
    }
    key
}

/// `name` without its last ending.
pub(crate) fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn danish_letters_are_spelled_out_in_a_key() {
        assert_eq!(key_of(stem("Rensåanlæg Ærø (2023).csv")), "Rensaaanlaeg-Aeroe--2023-");
        assert_eq!(stem(".hidden"), ".hidden");
        assert_eq!(stem("2023.v2.csv"), "2023.v2");
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_shown() {
        for address in ["https://user:hemmelig@a.dk/x.csv", "https://user:hemmelig@[/x.csv"] {
            let fault = Place::parse(address).unwrap_err();
            assert!(!format!("{fault:?}").contains("hemmelig"), "{fault}");
        }
    }

    #[test]
    fn an_encoded_name_is_read() {
        let pattern = Pattern::parse("s3://drop/puls/*.csv").unwrap().unwrap();
        let url = Url::parse("s3://drop/puls/%C3%86r%C3%B8%20a+b&c.csv").unwrap();
        assert_eq!(pattern.file_name(&url).as_deref(), Some("Ærø a+b&c.csv"));
        assert_eq!(
            pattern.file_name(&Url::parse("s3://drop/puls/2022/a.csv").unwrap()),
            None
        );
        assert_eq!(pattern.file_name(&Url::parse("s3://drop/pulsar/a.csv").unwrap()), None);
    }
}
