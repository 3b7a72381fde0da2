use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Areas that an owner may publish.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "AreaWords", into = "AreaWords")]
pub enum AreaScope {
    /// Everything: written "all".
    #[default]
    Everything,
    /// These codes only.
    Codes(Vec<String>),
}

/// "all", or a list of codes of areas.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
enum AreaWords {
    /// "all".
    Word(#[schemars(regex(pattern = "^all$"))] String),
    /// These codes only.
    Codes(Vec<String>),
}

impl TryFrom<AreaWords> for AreaScope {
    type Error = String;
    fn try_from(words: AreaWords) -> Result<Self, String> {
        match words {
            AreaWords::Codes(codes) => Ok(Self::Codes(codes)),
            AreaWords::Word(word) if word == "all" => Ok(Self::Everything),
            // One code without brackets would otherwise claim the whole country.
            AreaWords::Word(word) => Err(format!(
                "areas = \"{word}\" is neither \"all\" nor a list of codes; write areas = [\"{word}\"]"
            )),
        }
    }
}

impl From<AreaScope> for AreaWords {
    fn from(scope: AreaScope) -> Self {
        match scope {
            AreaScope::Everything => Self::Word("all".to_owned()),
            AreaScope::Codes(codes) => Self::Codes(codes),
        }
    }
}

impl AreaScope {
    /// The codes, where it is not everything.
    pub fn codes(&self) -> Option<&[String]> {
        match self {
            Self::Codes(codes) => Some(codes),
            _ => None,
        }
    }
    /// True when both may publish one and the same area.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self.codes(), other.codes()) {
            (Some(mine), Some(theirs)) => mine.iter().any(|code| theirs.contains(code)),
            _ => true,
        }
    }
    /// True when the area may be published.
    pub fn covers(&self, area: &str) -> bool {
        self.codes().is_none_or(|codes| codes.iter().any(|code| code == area))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Publishes;

    #[test]
    fn areas_are_all_or_a_list_and_one_code_without_brackets_is_refused() {
        let read = |text: &str| toml::from_str::<Publishes>(text).map(|publishes| publishes.areas);
        assert_eq!(read("").unwrap(), AreaScope::Everything);
        assert_eq!(read("areas = \"all\"").unwrap(), AreaScope::Everything);
        let one = AreaScope::Codes(vec!["0751".to_owned()]);
        assert_eq!(read("areas = [\"0751\"]").unwrap(), one);
        assert!(!one.covers("0101"));
        let error = read("areas = \"0751\"").unwrap_err().to_string();
        assert!(error.contains("write areas = [\"0751\"]"), "{error}");
        for scope in [AreaScope::Everything, one] {
            let text = serde_json::to_string(&scope).unwrap();
            assert_eq!(serde_json::from_str::<AreaScope>(&text).unwrap(), scope);
        }
    }
}
