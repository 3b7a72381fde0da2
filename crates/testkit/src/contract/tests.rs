#![allow(clippy::unwrap_used, clippy::expect_used)]
//! The suite itself: a good connector passes, and every breach is noticed.

use std::{
    collections::HashMap,
    io::Read,
    sync::atomic::{AtomicU64, Ordering},
};

use arrow::array::{ArrayRef, Float64Array, RecordBatch, RecordBatchIterator, RecordBatchReader, StringArray};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use async_trait::async_trait;
use futures::{StreamExt, stream::BoxStream};
use klimalade_connect::{CancellationToken, Client, Fault, Result, Secrets, SourceColumn, SourceType};
use klimalade_transport::Options;

use super::*;
use crate::clock::{FixedRandom, TestClock};

/// What is wrong with the connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Nothing,
    PlanChanges,
    KeyTwice,
    KeyIsAPath,
    PromisesTooMuch,
    RowInTwoParts,
    RowTwice,
    LosesARow,
    LosesLetters,
    OtherColumns,
    PanicsOnDamage,
    SwallowsCuts,
    RefusesEmpty,
    DecodesDifferently,
    ErrorIsNoFault,
    HidesAColumn,
    SaysAnotherType,
}

/// Towns over two parts, a line each: `id;name;value` and a last line `end`.
#[derive(Debug)]
struct Towns {
    flaw: Flaw,
    calls: AtomicU64,
}

const NORTH: &str = "1;Ålborg;1,5\n2;Læsø;2,5\nend\n";
const SOUTH: &str = "3;Ærø;-3,25\n4;Møn;4\n5;Ribe;5\nend\n";

impl Towns {
    fn body(&self, part: &Part) -> String {
        let body = if part.key == "north" { NORTH } else { SOUTH };
        match (self.flaw, part.key.as_str()) {
            (Flaw::RowInTwoParts, "south") => body.replace("3;Ærø", "1;Ålborg"),
            (Flaw::RowTwice, "south") => body.replace("4;Møn", "3;Ærø"),
            (Flaw::LosesARow, "south") => body.replace("4;Møn;4\n", ""),
            (Flaw::LosesLetters, _) => body.replace('Æ', "?"),
            _ => body.to_owned(),
        }
    }
}

#[async_trait]
impl Connector for Towns {
    async fn plan(&self, _: &Context) -> Result<Vec<Part>> {
        let mut parts = vec![Part::new("north"), Part::new("south")];
        for part in &mut parts {
            let rows = self.body(part).lines().count() as u64 - 1;
            part.promised = Some(rows + u64::from(self.flaw == Flaw::PromisesTooMuch));
        }
        match self.flaw {
            Flaw::PlanChanges => parts[1].change_mark = Some(self.calls.fetch_add(1, Ordering::Relaxed).to_string()),
            Flaw::KeyTwice => parts[1].key = "north".to_owned(),
            Flaw::KeyIsAPath => parts[1].key = "../south".to_owned(),
            _ => {}
        }
        Ok(parts)
    }

    fn fetch<'a>(&'a self, part: &'a Part, _: &'a Context) -> BoxStream<'a, Result<Page>> {
        let page = Page::from_bytes(&format!("/{}", part.key), self.body(part).as_bytes());
        futures::stream::once(async move { page.map_err(|error| Fault::transient("no page").because(error)) }).boxed()
    }

    fn decode<'a>(
        &'a self,
        _: &'a Part,
        page: &'a Page,
        columns: &SchemaRef,
    ) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
        let mut text = String::new();
        let read = page.open().and_then(|mut input| input.read_to_string(&mut text));
        if self.flaw == Flaw::PanicsOnDamage {
            read.expect("UTF-8");
        } else {
            read.map_err(|error| Fault::source("not UTF-8").because(error))?;
        }
        if self.flaw == Flaw::RefusesEmpty && text == "end\n" {
            return Err(Fault::source("no rows"));
        }
        let whole = text.strip_suffix("end\n");
        if whole.is_none() && self.flaw != Flaw::SwallowsCuts {
            return Err(Fault::source("cut"));
        }
        let (mut ids, mut names, mut values) = (vec![], vec![], vec![]);
        for line in whole.unwrap_or(&text).lines() {
            let mut cells = line.split(';');
            let (Some(id), Some(name), Some(value), None) = (cells.next(), cells.next(), cells.next(), cells.next())
            else {
                if self.flaw == Flaw::SwallowsCuts {
                    continue;
                }
                return Err(Fault::contract("a row of another length"));
            };
            let value = value
                .replace(',', ".")
                .parse::<f64>()
                .map_err(|error| Fault::contract("no number").because(error))?;
            ids.push(id.to_owned());
            names.push(name.to_owned());
            values.push(
                value
                    + if self.flaw == Flaw::DecodesDifferently {
                        self.calls.fetch_add(1, Ordering::Relaxed) as f64
                    } else {
                        0.0
                    },
            );
        }
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(ids)),
            Arc::new(StringArray::from(names)),
            Arc::new(Float64Array::from(values)),
        ];
        let schema = match self.flaw {
            Flaw::OtherColumns => Arc::new(Schema::new(
                columns
                    .fields()
                    .iter()
                    .map(|field| field.as_ref().clone().with_metadata(HashMap::new()))
                    .collect::<Vec<_>>(),
            )),
            _ => Arc::clone(columns),
        };
        let batch = match self.flaw {
            Flaw::ErrorIsNoFault => Err(ArrowError::CsvError("x".to_owned())),
            _ => RecordBatch::try_new(Arc::clone(&schema), arrays),
        };
        Ok(Box::new(RecordBatchIterator::new([batch], schema)))
    }

    fn columns(&self, _: &Part, _: &Page) -> Result<Vec<SourceColumn>> {
        let column = |name: &str, kind: SourceType| SourceColumn {
            name: name.to_owned(),
            kind,
            fits: vec![kind],
            filled: 1,
        };
        let mut found = vec![
            column("id", SourceType::Text),
            column("name", SourceType::Text),
            column("value", SourceType::Float),
        ];
        match self.flaw {
            Flaw::HidesAColumn => drop(found.pop()),
            Flaw::SaysAnotherType => {
                found[2].fits.push(SourceType::Int);
                found[2].kind = SourceType::Int;
            }
            _ => {}
        }
        Ok(found)
    }
}

fn columns() -> SchemaRef {
    let id = HashMap::from([(ID_KEY.to_owned(), "true".to_owned())]);
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Utf8, false).with_metadata(id),
        Field::new("name", DataType::Utf8, false),
        Field::new("value", DataType::Float64, false),
    ]))
}

fn case(flaw: Flaw) -> Case {
    let clock = Arc::new(TestClock::at("2026-11-23T02:00:00Z".parse().unwrap()));
    let client = Client::new(Options {
        clock: clock.clone(),
        random: Arc::new(FixedRandom(0.5)),
        secrets: Secrets::default(),
        spool: std::env::temp_dir(),
        redirect: None,
        redirect_folders: std::collections::BTreeMap::new(),
        longest_pause: None,
    })
    .unwrap();
    Case {
        connector: Arc::new(Towns {
            flaw,
            calls: AtomicU64::new(0),
        }),
        context: Context {
            client,
            clock,
            secrets: Secrets::default(),
            schemas: Arc::default(),
            cancel: CancellationToken::new(),
        },
        columns: columns(),
        expected: Expected::per_part([("north", 2), ("south", 3)])
            .cell("name", "Ærø")
            .cell("value", "-3.25"),
        empty: Some((Part::new("north"), Page::from_bytes("/north", b"end\n").unwrap())),
        declared: &[],
    }
}

/// What the suite says, or `None` when it is content.
async fn verdict(case: Case) -> Option<String> {
    let outcome = tokio::spawn(run(case)).await;
    let panic = outcome.err()?.into_panic();
    let text = panic.downcast_ref::<String>().cloned();
    Some(
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap(),
    )
}

#[tokio::test]
async fn a_good_connector_keeps_the_contract() {
    run(case(Flaw::Nothing)).await;
    run(Case {
        expected: Expected::total(5).cell("name", "Ålborg"),
        ..case(Flaw::Nothing)
    })
    .await;
}

#[tokio::test]
async fn every_breach_is_noticed() {
    for (flaw, expected) in [
        (Flaw::PlanChanges, "two plans"),
        (Flaw::KeyTwice, "stands twice in the plan"),
        (Flaw::KeyIsAPath, "no folder name"),
        (Flaw::PromisesTooMuch, "promised is not received"),
        (Flaw::RowInTwoParts, "is in two parts: north and south"),
        (Flaw::RowTwice, "received twice"),
        (Flaw::LosesARow, "not the rows of the source"),
        (Flaw::LosesLetters, "no cell of `name` is `Ærø`"),
        (Flaw::OtherColumns, "not that of the declared columns"),
        (Flaw::PanicsOnDamage, "decode panics on"),
        (Flaw::SwallowsCuts, "is decoded without an error"),
        (Flaw::RefusesEmpty, "an empty answer is no error"),
        (Flaw::DecodesDifferently, "two decodes of one page differ"),
        (Flaw::ErrorIsNoFault, "no Fault in ArrowError::ExternalError"),
        (Flaw::HidesAColumn, "does not name the declared column `value`"),
        (Flaw::SaysAnotherType, "decode fails with the types that columns() says"),
    ] {
        let mut broken = case(flaw);
        if flaw == Flaw::SwallowsCuts {
            // With a promised count the runner would see that rows are missing; without one nobody does.
            broken.connector = Arc::new(Unpromised(Towns {
                flaw,
                calls: AtomicU64::new(0),
            }));
            broken.declared = &[Unsupported::PromisedCount];
        }
        let found = verdict(broken)
            .await
            .unwrap_or_else(|| panic!("{flaw:?} is not noticed"));
        assert!(found.contains(expected), "{flaw:?}: {found}");
    }
}

/// The same without promised counts.
#[derive(Debug)]
struct Unpromised(Towns);

#[async_trait]
impl Connector for Unpromised {
    async fn plan(&self, cx: &Context) -> Result<Vec<Part>> {
        let mut parts = self.0.plan(cx).await?;
        parts.iter_mut().for_each(|part| part.promised = None);
        Ok(parts)
    }
    fn fetch<'a>(&'a self, part: &'a Part, cx: &'a Context) -> BoxStream<'a, Result<Page>> {
        self.0.fetch(part, cx)
    }
    fn decode<'a>(
        &'a self,
        part: &'a Part,
        page: &'a Page,
        columns: &SchemaRef,
    ) -> Result<Box<dyn RecordBatchReader + Send + 'a>> {
        self.0.decode(part, page, columns)
    }
    fn columns(&self, part: &Part, page: &Page) -> Result<Vec<SourceColumn>> {
        self.0.columns(part, page)
    }
}

#[tokio::test]
async fn what_is_declared_impossible_must_be_impossible() {
    for (declared, expected) in [
        (
            &[Unsupported::PromisedCount][..],
            "Unsupported::PromisedCount exclude each other",
        ),
        (
            &[Unsupported::RowIdentity],
            "Unsupported::RowIdentity exclude each other",
        ),
        (
            &[Unsupported::EmptyAnswer],
            "Unsupported::EmptyAnswer exclude each other",
        ),
    ] {
        let found = verdict(Case {
            declared,
            ..case(Flaw::Nothing)
        })
        .await
        .expect("a breach");
        assert!(found.contains(expected), "{found}");
    }
}
