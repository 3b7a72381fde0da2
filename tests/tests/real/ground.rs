//! What the tests of real answers stand on: the embedded pipelines over a lake of their own, an agency that gives
//! recorded answers, and readers of raw text and Parquet that share nothing with the code under test.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{array::Array, record_batch::RecordBatch, util::display::array_value_to_string};
use klimalade_connect::{CancellationToken, Connector, Context, Page, Part, Registry, Secrets};
use klimalade_engine::{Engine, EngineOptions};
use klimalade_lake::{Lake, OpenOptions};
use klimalade_model::{Result, Schemas};
use klimalade_pipeline::{Catalogue, Definition, Owner};
use klimalade_run::{House, NightOptions, NightReport, OwnerReport, Quiet, run_night};
use klimalade_testkit::{
    clock::{FixedRandom, TestClock},
    serve::{Recorded, RecordedAnswer},
};
use klimalade_transport::{Client, Options};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value as Json;

/// When all tests of this file take place.
pub(crate) const NOW: &str = "2026-11-23T12:00:00Z";

/// Hosts and where they are played.
pub(crate) type Hosts = BTreeMap<String, SocketAddr>;

/// A cell in text, by column; null is left out.
pub(crate) type Row = BTreeMap<String, String>;

/// What one night left behind: read once, so that several tests look at one night.
pub(crate) struct Harvest {
    pub(crate) report: OwnerReport,
    /// `core/<table>` of the owner.
    pub(crate) rows: Vec<Row>,
    /// `core/control_total` of the owner.
    pub(crate) controls: Vec<Row>,
}

/// The embedded pipelines and schemas, a scratch folder, and a lake in it.
pub(crate) struct Ground {
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) catalogue: Catalogue,
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<TestClock>,
    scratch: tempfile::TempDir,
}

impl Ground {
    pub(crate) fn new() -> Self {
        let scratch = tempfile::TempDir::with_prefix("klimalade-real-").unwrap();
        let home = scratch.path().join("home");
        std::fs::create_dir(&home).unwrap();
        let catalogue = Catalogue::load(&home).unwrap();
        assert!(catalogue.broken.is_empty(), "{:?}", catalogue.broken);
        Self {
            schemas: Arc::new(Schemas::embedded().unwrap()),
            catalogue,
            registry: klimalade_cli::registry(),
            clock: Arc::new(TestClock::at(NOW.parse().unwrap())),
            scratch,
        }
    }

    /// The one owner of a pipeline, to read or to change before the night.
    pub(crate) fn owner(&mut self, name: &str) -> &mut Owner {
        &mut self.catalogue.pipelines.get_mut(name).unwrap().owners[0]
    }

    /// A connector with settings as `[source]` writes them.
    pub(crate) fn open(&self, connector: &str, settings: Json) -> Arc<dyn Connector> {
        self.registry.open(connector, settings).unwrap()
    }

    pub(crate) fn context(&self, hosts: Hosts, secrets: Secrets) -> Context {
        let spool = self.scratch.path().join("spool");
        let client = Client::new(Options {
            clock: self.clock.clone(),
            random: Arc::new(FixedRandom(0.5)),
            secrets: secrets.clone(),
            spool,
            redirect: Some(hosts),
            redirect_folders: std::collections::BTreeMap::new(),
            longest_pause: Some(std::time::Duration::ZERO),
        });
        Context {
            client: client.unwrap(),
            clock: self.clock.clone(),
            secrets,
            schemas: self.schemas.clone(),
            cancel: CancellationToken::new(),
        }
    }

    /// One night of one pipeline into this ground's lake.
    pub(crate) async fn night(&self, pipeline: &str, hosts: Hosts, secrets: Secrets, simulated: bool) -> OwnerReport {
        let scratch = self.scratch.path().join("engine");
        std::fs::create_dir_all(&scratch).unwrap();
        let options = OpenOptions {
            simulated,
            spool: scratch.clone(),
            ..OpenOptions::default()
        };
        let lake = Lake::open(self.lake().to_str().unwrap(), options).await.unwrap();
        let Context {
            client,
            clock,
            secrets,
            cancel,
            ..
        } = self.context(hosts, secrets);
        let house = House {
            schemas: self.schemas.clone(),
            catalogue: Arc::new(self.catalogue.clone()),
            registry: Arc::new(self.registry.clone()),
            lake,
            engine: Engine::new(
                &EngineOptions {
                    memory_bytes: 64 << 20,
                    scratch: scratch.clone(),
                },
                &self.schemas,
            )
            .unwrap(),
            client,
            clock,
            secrets,
            cancel,
            scratch,
            progress: Arc::new(Quiet),
        };
        let options = NightOptions {
            names: vec![pipeline.to_owned()],
            concurrency: 1,
            replay: false,
            repair: false,
            left_out: Vec::new(),
        };
        let NightReport {
            simulated: said,
            mut owners,
            ..
        } = run_night(&house, &options).await.unwrap();
        assert_eq!((said, owners.len()), (simulated, 1));
        owners.remove(0)
    }

    /// What stands in the lake after the night of this report.
    pub(crate) fn harvest(&self, report: OwnerReport) -> Harvest {
        let rows = self.rows(&report.table, &report.owner);
        let controls = self.rows("control_total", &report.owner);
        Harvest { report, rows, controls }
    }

    fn lake(&self) -> PathBuf {
        self.scratch.path().join("lake")
    }

    /// The rows of every Parquet file that the lake holds for a table and owner.
    fn rows(&self, table: &str, owner: &str) -> Vec<Row> {
        let folder = self.lake().join(format!("core/{table}/pipeline={owner}"));
        let mut files = Vec::new();
        parquet_files(&folder, &mut files);
        files.sort();
        files.iter().flat_map(|file| parquet_rows(file)).collect()
    }
}

fn parquet_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            parquet_files(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            files.push(path);
        }
    }
}

fn parquet_rows(file: &Path) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap())
        .unwrap()
        .build()
        .unwrap();
    reader.flat_map(|batch| batch_rows(&batch.unwrap())).collect()
}

/// The rows of a batch in text. Floats are printed with as many digits as it takes to read them back exactly.
pub(crate) fn batch_rows(batch: &RecordBatch) -> Vec<Row> {
    let schema = batch.schema();
    (0..batch.num_rows())
        .map(|row| {
            let cells = schema.fields().iter().zip(batch.columns());
            cells
                .filter(|(_, column)| column.is_valid(row))
                .map(|(field, column)| (field.name().clone(), array_value_to_string(column, row).unwrap()))
                .collect()
        })
        .collect()
}

/// A page decoded to the end, as one list of batches.
pub(crate) fn decoded(
    connector: &dyn Connector,
    part: &Part,
    page: &Page,
    definition: &Definition,
) -> Result<Vec<RecordBatch>> {
    let reader = connector.decode(part, page, &definition.raw_schema())?;
    reader
        .map(|batch| {
            batch.map_err(|error| match error {
                arrow::error::ArrowError::ExternalError(inner) => {
                    *inner.downcast().expect("errors of a reader are faults")
                }
                other => panic!("not a fault: {other}"),
            })
        })
        .collect()
}

/// The cell as a number; `None` is null.
pub(crate) fn number(row: &Row, column: &str) -> Option<f64> {
    row.get(column).map(|text| text.parse().unwrap())
}

/// A definition of raw columns alone, for answers that no pipeline maps: name, type, source name.
pub(crate) fn columns_only(columns: &[(&str, &str, &str)]) -> Definition {
    let columns: BTreeMap<&str, Json> = columns
        .iter()
        .map(|(name, kind, from)| (*name, serde_json::json!({"type": kind, "from": from})))
        .collect();
    let definition = serde_json::json!({
        "version": 1, "title_en": "", "title_da": "", "source_id": "", "table": "observation", "columns": columns,
    });
    serde_json::from_value(definition).unwrap()
}

/// An agency that plays every host, with these answers in order.
pub(crate) async fn agency(answers: Vec<RecordedAnswer>) -> (Recorded, Hosts) {
    let server = Recorded::start(answers).await.unwrap();
    let hosts = [("*".to_owned(), server.address())].into();
    (server, hosts)
}

/// StatBank's CSV as it is served (content type as recorded 2025-09-07).
pub(crate) fn csv_answer(body: Vec<u8>) -> RecordedAnswer {
    RecordedAnswer::ok("text/csv; charset=utf-8", body)
}

pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn json(path: &Path) -> Json {
    serde_json::from_slice(&bytes(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Lines of StatBank's CSV by header name, read with the csv crate alone.
pub(crate) fn csv_rows(body: &[u8]) -> Vec<Row> {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text);
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let line = |record: csv::StringRecord| header.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
    reader.records().map(|record| line(record.unwrap())).collect()
}

/// A Danish number; `..` is none.
pub(crate) fn danish(text: &str) -> Option<f64> {
    (text != "..").then(|| {
        text.replace(',', ".")
            .parse()
            .unwrap_or_else(|_| panic!("{text} is no number"))
    })
}

/// StatBank's area codes as ours: `000` is the country, `08x` a region, the others are municipalities.
pub(crate) fn area_of(statbank: &str) -> String {
    match statbank {
        "000" => "DK".to_owned(),
        region if region.starts_with("08") => format!("1{region}"),
        municipality => format!("0{municipality}"),
    }
}

/// tableinfo with only those values that stand in `rows`, by column. What the agency would say of a smaller table.
pub(crate) fn trimmed(mut tableinfo: Json, rows: &[Row]) -> Json {
    for variable in tableinfo["variables"].as_array_mut().unwrap() {
        let column = variable["id"].as_str().unwrap().to_uppercase();
        let used: BTreeSet<&str> = rows
            .iter()
            .filter_map(|row| row.get(&column))
            .map(String::as_str)
            .collect();
        if !used.is_empty() {
            let values = variable["values"].as_array_mut().unwrap();
            values.retain(|value| used.contains(value["id"].as_str().unwrap()));
            assert_eq!(
                values.len(),
                used.len(),
                "{column} has codes that tableinfo does not know"
            );
        }
    }
    tableinfo
}

/// Values by key, added up.
pub(crate) fn sums<K: Ord>(pairs: impl Iterator<Item = (K, f64)>) -> BTreeMap<K, f64> {
    let mut sums = BTreeMap::new();
    for (key, value) in pairs {
        *sums.entry(key).or_default() += value;
    }
    sums
}

/// Two sets of sums that have the same keys and differ by less than `tolerance`.
pub(crate) fn assert_close<K: Ord + std::fmt::Debug>(
    found: &BTreeMap<K, f64>,
    expected: &BTreeMap<K, f64>,
    tolerance: f64,
) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (key, value) in expected {
        assert!(
            (found[key] - value).abs() < tolerance,
            "{key:?}: expected {value}, found {}",
            found[key]
        );
    }
}
