//! The leaves of rows that nobody declared yet.

use std::{collections::BTreeMap, fmt, io::Read};

use klimalade_model::{Fault, Result, SourceColumn};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::{Deserializer, value::RawValue};

use super::{JsonOptions, read::enter_rows};
use crate::{
    column::Writing,
    error::Error,
    infer::{Candidates, LOOK_ROWS},
};

/// Columns of one page at most: rows whose keys are data (a key for each day) would have no end of them.
const MOST_COLUMNS: usize = 2_000;
/// Bytes of a path at most; nobody declares a longer one.
const LONGEST_PATH: usize = 4 << 10;

/// What stood at a path so far.
#[derive(Default)]
struct Leaf {
    candidates: Option<Candidates>,
    /// An object stood there, so that what is below it are the columns.
    is_object: bool,
}

#[derive(Default)]
struct Leaves {
    order: Vec<String>,
    by_path: BTreeMap<String, Leaf>,
}

pub(super) fn columns(input: Box<dyn Read + Send + '_>, options: &JsonOptions) -> Result<Vec<SourceColumn>> {
    let writing = Writing {
        decimal_comma: false,
        crs: options.crs,
        empty_is_null: options.empty_is_null,
    };
    let (mut input, _) = enter_rows(input, &options.rows)?;
    let mut leaves = Leaves::default();
    for row in 1..=LOOK_ROWS {
        if !input.has_element()? {
            break;
        }
        let range = input.value()?;
        let malformed = |found: String| Fault::from(Error::Malformed { found }).at(format!("row {row}"));
        let text = std::str::from_utf8(input.bytes(range))
            .map_err(|error| malformed(format!("bytes that are not UTF-8 ({error})")))?;
        if !text.starts_with('{') {
            return Err(malformed("an element that is no object".to_owned()));
        }
        leaves.object(text, "", writing).map_err(|error| match error {
            Wrong::Json(error) => malformed(error.to_string()),
            Wrong::Fault(fault) => fault,
        })?;
    }
    Ok(leaves.finish())
}

enum Wrong {
    Json(serde_json::Error),
    Fault(Fault),
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Leaves {
    fn object(&mut self, text: &str, prefix: &str, writing: Writing) -> Result<(), Wrong> {
        for (key, raw) in members(text).map_err(Wrong::Json)? {
            // A key that itself holds a dot is found at the row's top only.
            if !prefix.is_empty() && key.contains('.') {
                continue;
            }
            let path = match prefix {
                "" => key,
                _ => format!("{prefix}.{key}"),
            };
            self.member(path, raw.get(), writing)?;
        }
        Ok(())
    }

    fn member(&mut self, path: String, raw: &str, writing: Writing) -> Result<(), Wrong> {
        if !self.by_path.contains_key(&path) {
            if self.order.len() == MOST_COLUMNS || path.len() > LONGEST_PATH {
                return Ok(());
            }
            self.order.push(path.clone());
        }
        let leaf = self.by_path.entry(path.clone()).or_default();
        if raw == "null" || writing.empty_is_null && raw == "\"\"" {
            return Ok(());
        }
        if raw.starts_with('{') && leaf.candidates.is_none() && !is_geometry(raw) {
            leaf.is_object = true;
            return self.object(raw, &path, writing);
        }
        if leaf.is_object {
            // Columns are below it; the odd value of another kind is in none of them.
            return Ok(());
        }
        let candidates = match &mut leaf.candidates {
            Some(candidates) => candidates,
            None => leaf.candidates.insert(Candidates::new(&path, true)?),
        };
        candidates.see_json(raw, writing);
        Ok(())
    }

    fn finish(mut self) -> Vec<SourceColumn> {
        let mut found = Vec::new();
        for path in self.order {
            match self.by_path.remove(&path) {
                Some(leaf) if !leaf.is_object => match leaf.candidates {
                    Some(candidates) => found.push(candidates.column()),
                    None => found.extend(Candidates::new(&path, true).map(Candidates::column)),
                },
                _ => {}
            }
        }
        found
    }
}

/// The members of one object as written, in order.
fn members(text: &str) -> serde_json::Result<Vec<(String, &RawValue)>> {
    struct Members;
    impl<'t> Visitor<'t> for Members {
        type Value = Vec<(String, &'t RawValue)>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
            let mut found = Vec::new();
            while let Some(member) = map.next_entry()? {
                found.push(member);
            }
            Ok(found)
        }
    }
    Deserializer::from_str(text).deserialize_map(Members)
}

/// Whether an object is a GeoJSON geometry.
fn is_geometry(raw: &str) -> bool {
    members(raw).is_ok_and(|members| {
        let has = |wanted: &str| members.iter().any(|(key, _)| key == wanted);
        has("type") && (has("coordinates") || has("geometries"))
    })
}
