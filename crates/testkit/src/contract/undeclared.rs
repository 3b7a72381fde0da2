//! What a page has, before anybody declared it.

use std::{collections::HashMap, sync::Arc};

use arrow::array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use klimalade_connect::{FROM_KEY, SourceColumn, SourceType, source_name};

use super::{Case, Walked, decode_all};

pub(super) fn check_columns(case: &Case, walked: &[Walked]) {
    for one in walked {
        for (page, batches) in one.pages.iter().zip(&one.batches) {
            let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
            if rows == 0 {
                continue;
            }
            let found = match case.connector.columns(&one.part, page) {
                Ok(found) => found,
                Err(fault) => panic!("part {}: columns fails on a page that decodes: {fault}", one.part.key),
            };
            check_declared(case, &found);
            // As it says, and as everything else that it says would do.
            let mut tried: Vec<SchemaRef> = Vec::new();
            for kind in SourceType::ALL {
                let columns = declared(&found, kind);
                if tried.contains(&columns) {
                    continue;
                }
                tried.push(Arc::clone(&columns));
                match decode_all(case.connector.as_ref(), &one.part, page, &columns) {
                    Ok(batches) => assert_eq!(
                        batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
                        rows,
                        "part {}: the page has other rows in the columns that columns() names",
                        one.part.key
                    ),
                    Err(fault) => panic!(
                        "part {}: decode fails with the types that columns() says ({columns:?}): {fault}",
                        one.part.key
                    ),
                }
            }
        }
    }
}

fn check_declared(case: &Case, found: &[SourceColumn]) {
    for field in case.columns.fields() {
        let name = source_name(field);
        let column = found
            .iter()
            .find(|column| column.name.to_lowercase() == name.to_lowercase());
        let Some(column) = column else {
            let names: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
            panic!("columns() does not name the declared column `{name}`; it names {names:?}")
        };
        let is_declarable = |kind: &SourceType| {
            kind.arrow() == *field.data_type() || matches!(field.data_type(), DataType::Int16 | DataType::Int32)
        };
        assert!(
            column.filled == 0 || column.fits.iter().any(is_declarable),
            "columns() says that `{name}` cannot be declared as {}, but it was: {column:?}",
            field.data_type()
        );
    }
}

/// The columns declared as `kind` where they fit it, else as the kind that columns() proposes.
fn declared(found: &[SourceColumn], kind: SourceType) -> SchemaRef {
    let fields = found.iter().map(|column| {
        let kind = match column.fits.contains(&kind) {
            true => kind,
            false => column.kind,
        };
        let metadata = HashMap::from([(FROM_KEY.to_owned(), column.name.clone())]);
        Field::new(&column.name, kind.arrow(), true).with_metadata(metadata)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
