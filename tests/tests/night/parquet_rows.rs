//! Parquet files read as they stand, by nothing but the parquet crate.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    path::{Path, PathBuf},
    time::SystemTime,
};

use arrow::{array::Array, util::display::array_value_to_string};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};

/// A row by column; nulls are left out.
pub(crate) type Row = BTreeMap<String, String>;

/// Attached by the runner, not by a pipeline: they say how a figure came here, not what it is.
pub(crate) const COMMON: [&str; 5] = [
    "source_id",
    "retrieved_at",
    "snapshot_sha256",
    "source_version",
    "licence_code",
];

/// All rows of one file.
pub(crate) fn rows_of(file: &Path) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap())
        .unwrap()
        .build()
        .unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let schema = batch.schema();
        for at in 0..batch.num_rows() {
            let cells = schema
                .fields()
                .iter()
                .zip(batch.columns())
                .filter(|(_, column)| !column.is_null(at));
            rows.push(
                cells
                    .map(|(field, column)| (field.name().clone(), array_value_to_string(column, at).unwrap()))
                    .collect(),
            );
        }
    }
    rows
}

/// All rows of a table of core, each with the values of its path.
pub(crate) fn table(lake: &Path, name: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for file in files_below(&lake.join("core").join(name)) {
        let path = file.strip_prefix(lake).unwrap();
        let values: Vec<(String, String)> = path
            .iter()
            .filter_map(|piece| piece.to_str()?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        rows.extend(rows_of(&file).into_iter().map(|mut row| {
            row.extend(values.clone());
            row
        }));
    }
    rows
}

/// Rows of a table of one owner.
pub(crate) fn table_of(lake: &Path, name: &str, owner: &str) -> Vec<Row> {
    table(lake, name)
        .into_iter()
        .filter(|row| row["pipeline"] == owner)
        .collect()
}

/// All rows of core without the columns that tell how they came here, as sorted text: two lakes that are equal here
/// say the same.
pub(crate) fn figures(lake: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in std::fs::read_dir(lake.join("core")).unwrap() {
        let name = name.unwrap().file_name().into_string().unwrap();
        for mut row in table(lake, &name).into_iter().filter(|_| name != "revision") {
            COMMON
                .iter()
                .filter(|name| !["source_id", "licence_code"].contains(name))
                .for_each(|column| {
                    row.remove(*column);
                });
            assert!(
                found.insert(format!("{name} {row:?}")),
                "{name}: a row stands twice: {row:?}"
            );
        }
    }
    found
}

/// The columns of a row that are neither common nor of its key.
pub(crate) fn figure_columns(row: &Row, key: &[String]) -> Row {
    let kept = |name: &String| !key.contains(name) && !COMMON.contains(&name.as_str()) && name != "pipeline";
    row.iter()
        .filter(|(name, _)| kept(name))
        .map(|(name, cell)| (name.clone(), cell.clone()))
        .collect()
}

/// A row's key as core/revision writes it.
pub(crate) fn key_text(row: &Row, key: &[String]) -> String {
    key.iter()
        .map(|name| format!("{name}={}", row.get(name).map_or("", String::as_str)))
        .collect::<Vec<_>>()
        .join("|")
}

/// Every file below a folder, sorted; none where the folder is not there.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return files;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// Hash and time of change of every file of core, by its path within the lake.
pub(crate) fn core_marks(lake: &Path) -> BTreeMap<String, (String, SystemTime)> {
    files_below(&lake.join("core"))
        .into_iter()
        .map(|file| {
            let hash = format!("{:x}", Sha256::digest(std::fs::read(&file).unwrap()));
            let changed = std::fs::metadata(&file).unwrap().modified().unwrap();
            (
                file.strip_prefix(lake).unwrap().to_str().unwrap().to_owned(),
                (hash, changed),
            )
        })
        .collect()
}
