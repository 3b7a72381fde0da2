//! The record batch reader over one page.

use std::{io::Read, sync::Arc};

use arrow::array::{RecordBatch, RecordBatchOptions, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};
use klimalade_model::{Fault, Result};

use super::{JsonOptions, row::Table, scan::Input, twice};
use crate::{BATCH_BYTES, column::Writing, error::travelling};

pub(super) struct Rows<'a> {
    input: Input<'a>,
    table: Table,
    schema: SchemaRef,
    /// The keys on the way to the rows: so many objects are open around the array.
    path: Vec<String>,
    batch_rows: usize,
    done: bool,
}

impl<'a> Rows<'a> {
    /// Reads up to the first row.
    pub(super) fn open(source: Box<dyn Read + Send + 'a>, schema: &SchemaRef, options: &JsonOptions) -> Result<Self> {
        let table = Table::new(
            schema,
            Writing {
                decimal_comma: false,
                crs: options.crs,
                empty_is_null: options.empty_is_null,
            },
        )?;
        let (input, path) = enter_rows(source, &options.rows)?;
        Ok(Self {
            input,
            table,
            schema: Arc::clone(schema),
            path,
            batch_rows: options.batch_rows.max(1),
            done: false,
        })
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut rows = 0;
        let begin = self.input.position();
        while rows < self.batch_rows && self.input.position() - begin < BATCH_BYTES {
            if !self.input.has_element()? {
                self.close()?;
                self.done = true;
                break;
            }
            let run = self.table.take_run(self.input.ahead(), self.batch_rows - rows)?;
            self.input.consume(run.bytes);
            rows += run.rows;
            if run.rows == 0 {
                // The row is not whole in the buffer: the scanner finds its end and has the rest read.
                let range = self.input.value()?;
                self.table.take(self.input.bytes(range))?;
                rows += 1;
            }
        }
        if rows == 0 {
            return Ok(None);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), self.table.finish(), &options)
            .map(Some)
            .map_err(|error| Fault::bug("a batch that does not fit its own schema").because(error))
    }

    /// What follows the array must be whole too: a body that was cut after the last row is a cut body.
    fn close(&mut self) -> Result<()> {
        for step in self.path.iter().rev() {
            while let Some(key) = self.input.next_key()? {
                if key == *step {
                    return Err(twice(&self.path.join(".")));
                }
                self.input.skip_value()?;
            }
        }
        self.input.end()?;
        self.table.check_columns()
    }
}

/// Steps up to the first element of the array at `rows`. Gives the keys on the way. Errors: Source, where it is not there.
pub(super) fn enter_rows<'a>(source: Box<dyn Read + Send + 'a>, rows: &str) -> Result<(Input<'a>, Vec<String>)> {
    let mut input = Input::new(source);
    let path: Vec<String> = if rows.is_empty() {
        Vec::new()
    } else {
        rows.split('.').map(str::to_owned).collect()
    };
    for (depth, step) in path.iter().enumerate() {
        if input.peek()? != Some(b'{') {
            return Err(input.no_rows(rows)?);
        }
        input.enter()?;
        loop {
            let Some(key) = input.next_key()? else {
                return Err(input.no_rows(rows)?);
            };
            if depth == 0 {
                input.note_key(&key);
            }
            if key == *step {
                break;
            }
            input.skip_value()?;
        }
    }
    if input.peek()? != Some(b'[') {
        return Err(input.no_rows(rows)?);
    }
    input.enter()?;
    Ok((input, path))
}

impl Iterator for Rows<'_> {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let batch = self.batch().map_err(|fault| match self.table.rows() {
            0 => fault,
            rows => fault.at(format!("after {rows} rows")),
        });
        if batch.is_err() {
            self.done = true;
        }
        batch.map_err(travelling).transpose()
    }
}

impl RecordBatchReader for Rows<'_> {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
