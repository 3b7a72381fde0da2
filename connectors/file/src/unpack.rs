//! `[source.unpack]`: the members of an archive, one after the other.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, RecordBatchOptions, RecordBatchReader, StringArray},
    error::ArrowError,
};
use arrow_schema::{DataType, Schema, SchemaRef};
use klimalade_connect::{Fault, Page, Result, SourceColumn, source_name};
use klimalade_format::{
    archive::{Archive, UnpackOptions},
    text_column,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{decode, settings::Form};

/// The name by which a column takes the name of its member: `from = "(member)"`.
const MEMBER_COLUMN: &str = "(member)";

/// What of an archive (ZIP, gzip) is read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unpack {
    /// Name of the member, with `*` for any letters: `*.csv`. With a slash it is the whole name in the archive. Left out:
    /// the archive has one member.
    #[serde(default = "any")]
    pub member: String,
    /// Every member that fits is read, in the order of their names, and `from = "(member)"` gives a column the name of its
    /// member. Otherwise exactly one must fit.
    #[serde(default)]
    pub several: bool,
    /// An archive whose read members are larger when unpacked is refused.
    #[serde(default = "most_bytes")]
    pub most_bytes: u64,
    /// So is a member of which one packed byte unpacks to more, above the first MiB.
    #[serde(default = "most_ratio")]
    pub most_ratio: u64,
}

fn any() -> String {
    UnpackOptions::default().member
}

fn most_bytes() -> u64 {
    UnpackOptions::default().most_bytes
}

fn most_ratio() -> u64 {
    UnpackOptions::default().most_ratio
}

impl Unpack {
    pub(crate) fn options(self) -> Result<UnpackOptions> {
        let wrong = |what: &str, hint: &str| Err(Fault::settings(what).at("[source.unpack]").hint(hint));
        if self.member.is_empty() {
            return wrong("a member without a name", "member = \"*.csv\"");
        }
        if self.most_bytes == 0 || self.most_ratio == 0 {
            return wrong("nothing could be unpacked", "remove most_bytes and most_ratio");
        }
        Ok(UnpackOptions {
            member: self.member,
            several: self.several,
            most_bytes: self.most_bytes,
            most_ratio: self.most_ratio,
        })
    }
}

/// The rows of all members. Errors, here: those of the archive, and of the first member; from the reader: of the others.
pub(crate) fn reader<'a>(
    form: &'a Form,
    options: &UnpackOptions,
    page: &Page,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let archive = Archive::open(page.path(), options)?;
    let mut own = Vec::new();
    let mut takes_member = Vec::new();
    for field in columns.fields() {
        let is_member = source_name(field) == MEMBER_COLUMN;
        takes_member.push(is_member);
        match (is_member, field.data_type()) {
            (false, _) => own.push(Arc::clone(field)),
            (true, DataType::Utf8) => {}
            (true, other) => {
                return Err(Fault::settings("the name of a member is text")
                    .at(format!("column `{}`", field.name()))
                    .found(other.to_string())
                    .hint("type = \"text\""));
            }
        }
    }
    let mut members = Members {
        names: archive.names().into_iter().map(str::to_owned).collect(),
        archive,
        form,
        schema: Arc::clone(columns),
        own: Arc::new(Schema::new(own)),
        takes_member,
        at: 0,
        current: None,
        failed: false,
    };
    members.current = members.open()?;
    Ok(Box::new(members))
}

/// The columns of the first member, and the name of the member.
pub(crate) fn columns(form: &Form, options: &UnpackOptions, page: &Page) -> Result<Vec<SourceColumn>> {
    let archive = Archive::open(page.path(), options)?;
    let names: Vec<String> = archive.names().into_iter().map(str::to_owned).collect();
    let mut found = decode::form_columns(form, archive.read(0)?).map_err(|fault| placed(fault, names.first()))?;
    found.push(text_column(MEMBER_COLUMN, names.iter().map(String::as_str))?);
    Ok(found)
}

fn placed(fault: Fault, name: Option<&String>) -> Fault {
    match name.filter(|name| !name.is_empty()) {
        Some(name) => fault.at(format!("member `{name}`")),
        None => fault,
    }
}

struct Members<'a> {
    archive: Archive,
    names: Vec<String>,
    form: &'a Form,
    schema: SchemaRef,
    /// The columns that the members have themselves.
    own: SchemaRef,
    /// For each column whether it is the name of the member.
    takes_member: Vec<bool>,
    at: usize,
    current: Option<Box<dyn RecordBatchReader + Send + 'a>>,
    failed: bool,
}

impl<'a> Members<'a> {
    /// The rows of the member `self.at`; `None` behind the last.
    fn open(&self) -> Result<Option<Box<dyn RecordBatchReader + Send + 'a>>> {
        if self.at == self.names.len() {
            return Ok(None);
        }
        let placed = |fault| placed(fault, self.names.get(self.at));
        let input = self.archive.read(self.at).map_err(placed)?;
        decode::form_reader(self.form, input, &self.own)
            .map(Some)
            .map_err(placed)
    }

    fn step(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        while let Some(current) = &mut self.current {
            let name = self.names.get(self.at).map_or("", String::as_str);
            if let Some(batch) = current.next() {
                let batch = batch.map_err(|error| match error {
                    ArrowError::ExternalError(inner) => match inner.downcast::<Fault>() {
                        Ok(fault) => travelling(placed(*fault, self.names.get(self.at))),
                        Err(other) => ArrowError::ExternalError(other),
                    },
                    other => other,
                })?;
                return self.whole(&batch, name).map(Some);
            }
            self.at += 1;
            self.current = self.open().map_err(travelling)?;
        }
        Ok(None)
    }

    fn whole(&self, own: &RecordBatch, name: &str) -> Result<RecordBatch, ArrowError> {
        let mut others = own.columns().iter();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.takes_member.len());
        for takes_member in &self.takes_member {
            match takes_member {
                true => arrays.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
                    name,
                    own.num_rows(),
                )))),
                false => arrays.extend(others.next().map(Arc::clone)),
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(own.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
    }
}

fn travelling(fault: Fault) -> ArrowError {
    ArrowError::ExternalError(Box::new(fault))
}

impl Iterator for Members<'_> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let batch = self.step();
        self.failed = batch.is_err();
        batch.transpose()
    }
}

impl RecordBatchReader for Members<'_> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
