//! Where figures come from: source, licence, newest retrieval, the snapshot of it.

use std::collections::BTreeMap;

use super::Frame;

/// One source of an indicator or table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// With `sim_` in front where it is simulated.
    pub(crate) source: String,
    pub(crate) licence: String,
    pub(crate) method: String,
    /// Newest retrieval, ISO.
    pub(crate) retrieved: String,
    /// The snapshot of that retrieval.
    pub(crate) snapshot: String,
    pub(crate) rows: u64,
}

/// A retrieval and its snapshot.
type Newest<'a> = (&'a str, &'a str);

/// The sources of each value of a column.
pub(super) fn by(frame: &Frame, column: &str) -> BTreeMap<String, Vec<Origin>> {
    let mut found: BTreeMap<[&str; 4], (Newest, u64)> = BTreeMap::new();
    for row in frame.rows() {
        let key = [column, "source_id", "method_code", "licence_code"].map(|name| frame.text(row, name));
        // Of two retrievals at one moment the greater hash, so that the order of files does not matter.
        let newest = (frame.text(row, "retrieved_at"), frame.text(row, "snapshot_sha256"));
        let known = found.entry(key).or_default();
        known.0 = known.0.max(newest);
        known.1 += 1;
    }
    let mut origins: BTreeMap<String, Vec<Origin>> = BTreeMap::new();
    for ([value, source, method, licence], ((retrieved, snapshot), rows)) in found {
        origins.entry(value.to_owned()).or_default().push(Origin {
            source: source.to_owned(),
            licence: licence.to_owned(),
            method: method.to_owned(),
            retrieved: retrieved.to_owned(),
            snapshot: snapshot.to_owned(),
            rows,
        });
    }
    origins
}

/// The sources of a whole table.
pub(super) fn of(frame: &Frame) -> Vec<Origin> {
    by(frame, "").into_values().flatten().collect()
}
