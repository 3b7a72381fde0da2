//! What an address says of a connector's settings.

use std::collections::BTreeMap;

use klimalade_model::{Fault, Result};
use klimalade_pipeline::UNFILLED;

/// Settings that need not be asked for, as TOML.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Known {
    pub(crate) settings: BTreeMap<&'static str, String>,
}

/// Reads an address as somebody copies it from a browser. Errors: Settings, where the connector cannot ask there.
pub(crate) fn known(connector: &str, address: Option<&str>) -> Result<Known> {
    let mut known = Known::default();
    let mut put = |name: &'static str, value: &str| drop(known.settings.insert(name, quoted(value)));
    if connector == "energidata" {
        put("start", "now-P2Y");
    }
    let whole = address.unwrap_or(UNFILLED);
    let (address, query) = whole.split_once('?').unwrap_or((whole, ""));
    let path = address.trim_end_matches('/');
    match connector {
        "file" => {
            put("address", whole);
            let ending = path.rsplit('.').next().unwrap_or_default().to_lowercase();
            if ending == "xls" {
                return Err(Fault::settings("a spreadsheet of before 2007 cannot be read")
                    .at("--address")
                    .found(whole.to_owned())
                    .hint("save it as .xlsx, and give the address of that file"));
            }
            if matches!(ending.as_str(), "zip" | "gz") {
                known.settings.insert("unpack", "{ member = \"*\" }".to_owned());
            }
            let format = match ending.as_str() {
                "json" | "geojson" => "{ type = \"json\" }".to_owned(),
                "xlsx" | "ods" => "{ type = \"sheet\" }".to_owned(),
                "xml" => format!("{{ type = \"xml\", record = {} }}", quoted(UNFILLED)),
                _ => "{ type = \"csv\" }".to_owned(),
            };
            known.settings.insert("format", format);
        }
        "arcgis" if whole != UNFILLED => put("base_url", path.trim_end_matches("/query")),
        "ckan" if whole != UNFILLED => {
            match path.split_once("/dataset/") {
                Some((base, rest)) => {
                    put("base_url", base);
                    put("package", rest.split('/').next().unwrap_or_default());
                }
                // The pages of Open Data DK stand on another host than its portal.
                None if path.contains("opendata.dk/") => {
                    put("base_url", "https://admin.opendata.dk");
                    put("package", last_piece(path));
                }
                None => put("base_url", path),
            }
            known
                .settings
                .insert("read", "{ type = \"csv\", delimiter = \",\" }".to_owned());
        }
        "ogcapi" if whole != UNFILLED => match path.split_once("/collections/") {
            Some((base, rest)) => {
                put("base_url", base);
                put("collection", rest.split('/').next().unwrap_or_default());
                put_query(&mut known, query, &["f", "limit", "offset", "crs"]);
            }
            None => put("base_url", path.trim_end_matches("/collections")),
        },
        "rest" if whole != UNFILLED => {
            let host_end = path.find("://").map_or(0, |at| at + 3);
            let (base, last) = match path.get(host_end..).and_then(|rest| rest.rfind('/')) {
                Some(at) => (&path[..host_end + at], &path[host_end + at + 1..]),
                None => (path, ""),
            };
            put("base_url", base);
            if !last.is_empty() {
                put("path", last);
            }
            put_query(&mut known, query, &[]);
        }
        "statbank" if whole != UNFILLED => put("table", &last_piece(path).to_uppercase()),
        "energidata" if whole != UNFILLED => put("dataset", last_piece(path)),
        _ => {}
    }
    Ok(known)
}

fn put_query(known: &mut Known, query: &str, own: &[&str]) {
    let pairs: Vec<String> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| !own.contains(name))
        .map(|(name, value)| format!("{} = {}", key(name), quoted(value)))
        .collect();
    if !pairs.is_empty() {
        known.settings.insert("query", format!("{{ {} }}", pairs.join(", ")));
    }
}

fn last_piece(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn key(name: &str) -> String {
    let is_bare = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    if is_bare { name.to_owned() } else { quoted(name) }
}

/// As TOML writes a text.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn lines(connector: &str, address: &str) -> Vec<String> {
        let known = known(connector, Some(address)).unwrap();
        known
            .settings
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect()
    }

    #[test]
    fn an_address_from_a_browser_is_taken_apart() {
        assert_eq!(
            lines(
                "ogcapi",
                "https://kort.dk/api/collections/stier/items?f=json&limit=10&slags=sti"
            ),
            [
                r#"base_url = "https://kort.dk/api""#,
                r#"collection = "stier""#,
                r#"query = { slags = "sti" }"#
            ]
        );
        assert_eq!(
            lines(
                "arcgis",
                "https://gis.dk/rest/services/Stier/FeatureServer/0/query?where=1%3D1&f=html"
            ),
            [r#"base_url = "https://gis.dk/rest/services/Stier/FeatureServer/0""#]
        );
        for page in [
            "https://admin.opendata.dk/dataset/stier/resource/1?x=y",
            "https://www.opendata.dk/city-of-aarhus/stier",
        ] {
            assert_eq!(
                lines("ckan", page),
                [
                    r#"base_url = "https://admin.opendata.dk""#,
                    r#"package = "stier""#,
                    r#"read = { type = "csv", delimiter = "," }"#
                ]
            );
        }
        assert_eq!(
            lines("ogcapi", "https://kort.dk/api/"),
            [r#"base_url = "https://kort.dk/api""#]
        );
        assert_eq!(
            lines("rest", "https://a.dk/api/v1/tal?år=2023"),
            [
                r#"base_url = "https://a.dk/api/v1""#,
                r#"path = "tal""#,
                r#"query = { "år" = "2023" }"#
            ]
        );
        assert_eq!(lines("rest", "https://a.dk"), [r#"base_url = "https://a.dk""#]);
        assert_eq!(
            lines("statbank", "https://api.statbank.dk/v1/tableinfo/are207"),
            [r#"table = "ARE207""#]
        );
        assert_eq!(
            lines("energidata", "https://api.energidataservice.dk/dataset/GasFlow?limit=5"),
            [r#"dataset = "GasFlow""#, r#"start = "now-P2Y""#]
        );
        assert_eq!(
            lines("file", "drop/Ærø \"1\".geojson"),
            [r#"address = 'drop/Ærø "1".geojson'"#, r#"format = { type = "json" }"#]
        );
        assert_eq!(
            lines("file", "drop/tal.XLSX"),
            [r#"address = "drop/tal.XLSX""#, r#"format = { type = "sheet" }"#]
        );
        assert_eq!(
            lines("file", "https://a.dk/tal.zip"),
            [
                r#"address = "https://a.dk/tal.zip""#,
                r#"format = { type = "csv" }"#,
                r#"unpack = { member = "*" }"#
            ]
        );
    }

    #[test]
    fn a_spreadsheet_of_before_2007_is_refused_with_what_to_do() {
        let fault = known("file", Some("drop/tal.XLS")).unwrap_err();
        assert!(fault.hint_text().unwrap().contains(".xlsx"), "{fault}");
    }
}
