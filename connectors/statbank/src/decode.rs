use std::{
    collections::{BTreeSet, HashMap},
    io::{Read, Seek, SeekFrom},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchIterator, RecordBatchReader, StringArray},
    error::ArrowError,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use klimalade_connect::{FROM_KEY, Fault, Page, Part, Result, SourceColumn, SourceType, open_page, source_name};
use klimalade_format::csv::{self, CsvOptions};

use crate::{
    Error, Format, Language,
    bulk::{self, Grid, MissingRows},
    plan::{Chosen, Detail},
};

/// The value column; all others of the header are variables.
const VALUE: &str = "INDHOLD";

/// Rows of one page in the declared columns.
pub(crate) fn decode<'a>(
    part: &Part,
    page: &'a Page,
    columns: &SchemaRef,
) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
    let detail = Detail::of(part)?;
    check_end(page)?;
    let header = header(&detail, page)?;
    if let Some(bulk) = &detail.bulk
        && bulk::is_control(&detail, bulk, page, &header)?
    {
        return Ok(Box::new(RecordBatchIterator::new(Vec::new(), columns.clone())));
    }
    let lookups: Vec<Lookup> = detail.variables.iter().map(Lookup::new).collect();
    let mut fields = Vec::new();
    let mut recoded = Vec::new();
    for field in columns.fields() {
        let from = source_name(field).to_uppercase();
        let variable = lookups.iter().position(|lookup| lookup.column == from);
        if variable.is_none() && from != VALUE {
            return Err(Fault::settings("a declared column is no column of the answer")
                .found(format!("{} from {from}", field.name()))
                .expected(expected_header(&detail).into_iter().collect::<Vec<_>>().join(", "))
                .hint("correct `from`, or select the variable"));
        }
        let texts = variable.is_some_and(|at| detail.variables[at].texts.is_some());
        if texts && field.data_type() != &DataType::Utf8 {
            return Err(
                Fault::settings("a column that is made from texts must be declared as text")
                    .found(field.name())
                    .hint("type = \"text\", or value_presentation = \"code\""),
            );
        }
        recoded.push(variable.filter(|_| texts));
        fields.push(read_as(field.name(), &from, field.data_type().clone(), &header));
    }
    // The variables once more, as text, for the comparison with the request.
    for (at, lookup) in lookups.iter().enumerate() {
        fields.push(read_as(
            &format!("klimalade variable {at}"),
            &lookup.column,
            DataType::Utf8,
            &header,
        ));
    }
    let read_schema = Arc::new(Schema::new(fields));
    let inner = csv::reader(open_page(page)?, &read_schema, &options(&detail))?;
    let grid = (detail.format == Format::Bulk).then(|| Grid::new(&detail));
    let seen = detail
        .variables
        .iter()
        .map(|variable| vec![false; variable.codes.len()])
        .collect();
    Ok(Box::new(Checked {
        inner,
        read_schema,
        columns: columns.clone(),
        detail,
        lookups,
        recoded,
        seen,
        grid,
        rows: 0,
        done: false,
    }))
}

/// The variables, which are text because they are codes, and the value. Of a variable that is asked for by its texts
/// nothing but text can be made.
pub(crate) fn columns(part: &Part, page: &Page) -> Result<Vec<SourceColumn>> {
    let detail = Detail::of(part)?;
    header(&detail, page)?;
    let mut found = csv::columns(open_page(page)?, &options(&detail))?;
    for column in &mut found {
        let name = column.name.to_uppercase();
        let variable = detail
            .variables
            .iter()
            .find(|variable| variable.code.to_uppercase() == name);
        if let Some(variable) = variable {
            *column = column.clone().as_text();
            if variable.texts.is_some() {
                column.fits = vec![SourceType::Text];
            }
        }
    }
    Ok(found)
}

/// `;`, decimal comma in Danish, UTF-8 with a BOM in CSV and without one in BULK (95 and 98 bytes, measured 2025-10-30).
pub(crate) fn options(detail: &Detail) -> CsvOptions {
    CsvOptions {
        delimiter: b';',
        decimal_comma: detail.lang == Language::Da,
        ..CsvOptions::default()
    }
}

/// The served columns by their names in upper case. The order is the server's matter; names and number are not.
/// Errors: Contract.
pub(crate) fn header(detail: &Detail, page: &Page) -> Result<HashMap<String, String>> {
    let served = csv::header(open_page(page)?, &options(detail))?;
    let names: HashMap<String, String> = served
        .iter()
        .map(|name| (name.trim().to_uppercase(), name.clone()))
        .collect();
    let expected = expected_header(detail);
    if names.len() != served.len() || names.keys().cloned().collect::<BTreeSet<_>>() != expected {
        let expected = expected.into_iter().collect::<Vec<_>>().join(";");
        return Err(Fault::from(Error::Header {
            expected,
            found: served.join(";"),
        })
        .at(&page.entry.address));
    }
    Ok(names)
}

fn expected_header(detail: &Detail) -> BTreeSet<String> {
    detail
        .variables
        .iter()
        .map(|variable| variable.code.to_uppercase())
        .chain([VALUE.to_owned()])
        .collect()
}

/// A field that is read from the served column `from`.
pub(crate) fn read_as(name: &str, from: &str, kind: DataType, header: &HashMap<String, String>) -> Field {
    let served = header.get(from).cloned().unwrap_or_else(|| from.to_owned());
    Field::new(name, kind, true).with_metadata(HashMap::from([(FROM_KEY.to_owned(), served)]))
}

/// Every line of StatBank ends, the last one too; a last line without an end may hold a shortened number.
fn check_end(page: &Page) -> Result<()> {
    let unreadable = |source| {
        Fault::bug("a stored page cannot be read")
            .at(&page.entry.address)
            .because(source)
    };
    let mut file = std::fs::File::open(page.path()).map_err(unreadable)?;
    if file.seek(SeekFrom::End(0)).map_err(unreadable)? == 0 {
        return Err(Fault::source("the answer is empty")
            .at(&page.entry.address)
            .expected("a header"));
    }
    file.seek(SeekFrom::End(-1)).map_err(unreadable)?;
    let mut last = [0];
    file.read_exact(&mut last).map_err(unreadable)?;
    if last != *b"\n" {
        return Err(Fault::from(Error::Cut).at(&page.entry.address));
    }
    Ok(())
}

/// From the names in the answer (codes, or texts) to places among the part's codes.
#[derive(Debug)]
pub(crate) struct Lookup {
    /// The variable in upper case, as in the header.
    pub(crate) column: String,
    places: HashMap<String, usize>,
}

impl Lookup {
    pub(crate) fn new(variable: &Chosen) -> Self {
        let names = variable.texts.as_ref().unwrap_or(&variable.codes);
        let places = names.iter().enumerate().map(|(at, name)| (name.clone(), at)).collect();
        Self {
            column: variable.code.to_uppercase(),
            places,
        }
    }
    /// Place of the name in a row. Errors: Contract, where it was not asked for.
    pub(crate) fn place(&self, names: &StringArray, row: usize) -> Result<usize> {
        let name = if names.is_valid(row) { names.value(row) } else { "" };
        let place = self.places.get(name).or_else(|| self.places.get(name.trim()));
        place.copied().ok_or_else(|| {
            Error::CodeNotAsked {
                variable: self.column.clone(),
                code: name.to_owned(),
            }
            .into()
        })
    }
}

/// Rows compared with the request while they are read; after the last one of BULK come those that StatBank left out.
struct Checked<'a> {
    inner: Box<dyn RecordBatchReader + Send + 'a>,
    read_schema: SchemaRef,
    columns: SchemaRef,
    detail: Detail,
    lookups: Vec<Lookup>,
    /// For each declared column, the variable whose texts are to become codes.
    recoded: Vec<Option<usize>>,
    /// Codes of each variable that came.
    seen: Vec<Vec<bool>>,
    /// BULK only, until its own rows are read.
    grid: Option<Grid>,
    rows: u64,
    done: bool,
}

impl Checked<'_> {
    fn check(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let names: Vec<StringArray> = (0..self.lookups.len())
            .map(|at| batch.column(self.recoded.len() + at).as_string::<i32>().clone())
            .collect();
        let mut places: Vec<Vec<usize>> = vec![Vec::with_capacity(batch.num_rows()); self.lookups.len()];
        let mut row_places = vec![0; self.lookups.len()];
        for row in 0..batch.num_rows() {
            for (at, lookup) in self.lookups.iter().enumerate() {
                let place = lookup
                    .place(&names[at], row)
                    .map_err(|fault| fault.at(format!("row {}", self.rows + 1)))?;
                self.seen[at][place] = true;
                places[at].push(place);
                row_places[at] = place;
            }
            if self.grid.as_mut().is_some_and(|grid| !grid.mark(&row_places)) {
                return Err(Fault::source("a combination comes twice").at(format!("row {}", self.rows + 1)));
            }
            self.rows += 1;
        }
        let arrays = self.recoded.iter().enumerate().map(|(column, recoded)| -> ArrayRef {
            let Some(variable) = recoded else {
                return batch.column(column).clone();
            };
            let codes = &self.detail.variables[*variable].codes;
            Arc::new(StringArray::from_iter_values(
                places[*variable].iter().map(|place| &codes[*place]),
            ))
        });
        let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.columns.clone(), arrays.collect(), &options)
            .map_err(|source| Fault::bug("the declared columns do not fit the rows").because(source))
    }

    /// CSV has exactly the product of the values, so the product of those that came: a page that lost rows is not.
    fn check_rows(&self) -> Result<()> {
        if self.detail.format == Format::Bulk {
            return Ok(());
        }
        let came = |seen: &Vec<bool>| seen.iter().filter(|seen| **seen).count() as u64;
        let expected = self.seen.iter().map(came).product();
        if expected != self.rows {
            return Err(Error::Rows {
                expected,
                found: self.rows,
            }
            .into());
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        loop {
            if let Some(batch) = self.inner.next() {
                return self.check(&batch?).map(Some).map_err(external);
            }
            let Some(grid) = self.grid.take() else {
                self.check_rows().map_err(external)?;
                return Ok(None);
            };
            // The rows that follow were never served; they are read as if they had been.
            let missing = MissingRows::new(self.detail.clone(), grid);
            let header: HashMap<String, String> = expected_header(&self.detail)
                .into_iter()
                .map(|name| (name.clone(), name))
                .collect();
            let fields: Vec<Field> = self
                .read_schema
                .fields()
                .iter()
                .map(|field| {
                    read_as(
                        field.name(),
                        &source_name(field).trim().to_uppercase(),
                        field.data_type().clone(),
                        &header,
                    )
                })
                .collect();
            self.inner = csv::reader(
                Box::new(missing),
                &Arc::new(Schema::new(fields)),
                &options(&self.detail),
            )
            .map_err(external)?;
        }
    }
}

fn external(fault: Fault) -> ArrowError {
    ArrowError::ExternalError(Box::new(fault))
}

impl Iterator for Checked<'_> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.advance().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

impl RecordBatchReader for Checked<'_> {
    fn schema(&self) -> SchemaRef {
        self.columns.clone()
    }
}
