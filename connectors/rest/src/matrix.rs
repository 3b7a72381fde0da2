use std::fmt;

use klimalade_connect::{Part, Result};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

/// `Part.detail`: the axes with the values that are asked for in this part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Detail {
    pub(crate) matrix: Vec<AxisOfPart>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AxisOfPart {
    pub(crate) name: String,
    pub(crate) values: Vec<String>,
}

/// One value of every axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Combination(pub(crate) Vec<(String, String)>);

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}={value}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl Detail {
    pub(crate) fn of(part: &Part) -> Result<Self> {
        part.detail_as()
    }

    /// Every combination, the first axis turning slowest. A part without axes has one, which is empty.
    pub(crate) fn combinations(&self) -> Vec<Combination> {
        let mut found = vec![Combination::default()];
        for axis in &self.matrix {
            found = found
                .iter()
                .flat_map(|before| {
                    axis.values.iter().map(|value| {
                        let mut pairs = before.0.clone();
                        pairs.push((axis.name.clone(), value.clone()));
                        Combination(pairs)
                    })
                })
                .collect();
        }
        found
    }

    /// The value of `axis` under which the page at `address` was asked for. The address is what the raw layer keeps;
    /// it may be whole, or path and query only. An axis of one value needs no address: a next link may drop it.
    pub(crate) fn value_at(&self, axis: &AxisOfPart, address: &str) -> Option<String> {
        let asked = query_of(address)
            .into_iter()
            .find(|(name, _)| *name == axis.name)
            .map(|(_, value)| value);
        match (asked, axis.values.as_slice()) {
            (Some(value), values) => values.contains(&value).then_some(value),
            (None, [only]) => Some(only.clone()),
            (None, _) => None,
        }
    }
}

pub(crate) fn query_of(address: &str) -> Vec<(String, String)> {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    let query = query.split('#').next().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}
