//! What the settings of several protocols have in common.

use std::fmt;

use klimalade_model::{Fault, Result};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

/// The value of a query parameter.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum QueryValue {
    /// Text, sent as written.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Flag(bool),
}

impl fmt::Display for QueryValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// `base_url` as an address: http or https, without a query, a user and a password. A password would be sent, but
/// nobody would know it as a secret that must not be printed; `auth` names one. Errors: Settings; `example` is what
/// can be typed instead. What was written is not shown: it may hold a password.
pub fn base_url(written: &str, example: &str) -> Result<Url> {
    let wrong = |what: &str, expected: &str| {
        Fault::settings(what)
            .at("[source] base_url")
            .expected(expected)
            .hint(format!("base_url = \"{example}\""))
    };
    let url = Url::parse(written)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.query().is_none())
        .ok_or_else(|| {
            wrong(
                "base_url is not the address of a service",
                "http:// or https://, without a query",
            )
        })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "base_url holds a user or a password",
            "an address alone, and a credential by the name of its secret",
        ));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_password_in_base_url_is_refused_and_not_shown() {
        let example = "https://a.dk/api";
        assert_eq!(
            base_url("https://a.dk:8080/api/", example).unwrap().as_str(),
            "https://a.dk:8080/api/"
        );
        for written in [
            "https://anna:hemmelig@a.dk/api",
            "https://:hemmelig@a.dk",
            "https://hemmelig@a.dk",
            "https://anna:hemmelig@[/api",
            "https://a.dk/api?key=hemmelig",
            "ftp://anna:hemmelig@a.dk",
            "hemmelig.dk",
        ] {
            let fault = base_url(written, example).unwrap_err();
            assert_eq!(fault.kind(), klimalade_model::Kind::Settings);
            assert!(!format!("{fault:?} {fault}").contains("hemmelig"), "{written}: {fault}");
            assert_eq!(fault.hint_text(), Some("base_url = \"https://a.dk/api\""));
        }
    }
}
