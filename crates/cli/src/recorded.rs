use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use futures::StreamExt;
use jiff::Timestamp;
use klimalade_connect::{CancellationToken, Clock, Context};
use klimalade_model::{Fault, Result};
use klimalade_pipeline::{Owner, Pipeline, Task};
use klimalade_run::{MappedRows, map_pages, view_rows};
use klimalade_testkit::serve::{Recorded, RecordedAnswer};
use klimalade_transport::{Client, Jitter, Options};

use crate::{
    FINDINGS,
    arguments::{Arguments, TestNames},
    connectors::registry,
    demo,
    output::{data, note},
    recording::Recording,
    setup::Ground,
};

/// What came of a pipeline's recorded answers.
#[derive(Debug, Default)]
pub struct TestOutcome {
    /// Rows that came out.
    pub rows: usize,
    /// Expected and not there, or there and not expected, as lines `- ...` and `+ ...`.
    pub difference: Vec<String>,
    /// expected.csv as it would have to be.
    pub accepted: String,
}

#[derive(Debug)]
struct Stopped(Timestamp);

#[async_trait]
impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        self.0
    }
    async fn sleep(&self, _: std::time::Duration) {}
}

/// `klimalade test`.
pub(crate) async fn test(arguments: &Arguments, names: &TestNames) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    ground.catalogue.select(&names.pipelines)?;
    let mut code = 0;
    for pipeline in ground.catalogue.pipelines.values() {
        if !names.pipelines.is_empty() && !names.pipelines.contains(&pipeline.name) {
            continue;
        }
        match test_pipeline(&ground, pipeline).await {
            Ok(outcome) if outcome.difference.is_empty() => {
                data(format!("ok      {} ({} rows)", pipeline.name, outcome.rows))
            }
            Ok(outcome) => {
                let path = arguments
                    .home
                    .join("pipelines")
                    .join(&pipeline.name)
                    .join("test/expected.csv");
                if names.accept {
                    write(&path, &outcome.accepted)?;
                    data(format!("written {} ({} rows)", path.display(), outcome.rows));
                    continue;
                }
                data(format!("differs {} ({} rows)", pipeline.name, outcome.rows));
                outcome.difference.iter().for_each(|line| data(format!("  {line}")));
                note(format!(
                    "hint: when the new rows are right: klimalade test {} --accept",
                    pipeline.name
                ));
                code = FINDINGS;
            }
            Err(fault) => {
                data(format!("failed  {}", pipeline.name));
                note(format!("error: {}: {fault}", pipeline.name));
                code = FINDINGS;
            }
        }
    }
    Ok(code)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|source| {
        Fault::settings("the expected rows cannot be written")
            .at(path.display().to_string())
            .because(source)
            .hint("--home names the folder above pipelines/")
    })
}

/// Serves test/answer-1.*, answer-2.* ... on loopback in the order of requests, runs plan, fetch, decode and map as
/// the night does, and compares with test/expected.csv. Errors: the pipeline's.
pub async fn test_pipeline(ground: &Ground, pipeline: &Pipeline) -> Result<TestOutcome> {
    let owner = pipeline
        .owners
        .first()
        .ok_or_else(|| Fault::bug("a pipeline without an owner"))?;
    let mapped = match owner.definition.kind {
        Task::View => {
            let inputs: Vec<(String, String)> = pipeline
                .files
                .iter()
                .filter_map(|(name, bytes)| {
                    let table = name.strip_prefix("test/input-")?.strip_suffix(".csv")?;
                    Some((table.to_owned(), String::from_utf8_lossy(bytes).into_owned()))
                })
                .collect();
            view_rows(
                &ground.engine()?,
                &ground.schemas,
                owner,
                &inputs,
                ground.scratch.path(),
            )
            .await?
        }
        Task::Harvest => harvest(ground, pipeline, owner).await?,
    };
    if let Some(reject) = mapped.rejects.first() {
        return Err(Fault::contract("a recorded row breaks the table's contract").found(reject.clone()));
    }
    let expected = pipeline
        .files
        .get("test/expected.csv")
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .ok_or_else(|| {
            Fault::settings("the pipeline has no expected rows")
                .expected("test/expected.csv")
                .hint("klimalade test <pipeline> --accept")
        })?;
    compare(ground, owner, &expected, &mapped)
}

async fn harvest(ground: &Ground, pipeline: &Pipeline, owner: &Owner) -> Result<MappedRows> {
    let mut answers: BTreeMap<u32, RecordedAnswer> = BTreeMap::new();
    for (name, bytes) in &pipeline.files {
        let Some((number, ending)) = name.strip_prefix("test/answer-").and_then(|rest| rest.split_once('.')) else {
            continue;
        };
        let Ok(number) = number.parse() else { continue };
        answers.insert(number, RecordedAnswer::ok(content_type(ending), bytes.clone()));
    }
    let recording = Recording::of(pipeline)?;
    let (server, context) = loopback(ground, answers.into_values().collect(), &recording).await?;
    let (name, mut settings) = owner.definition.connector()?;
    recording.serve_files(&name, &mut settings);
    // A month of hours is recorded as a few of them: what a complete part has is not asked of an excerpt.
    settings
        .as_object_mut()
        .map(|settings| settings.remove("expected_rows"));
    let connector = registry().open(&name, settings)?;
    let engine = ground.engine()?;
    let mut all = MappedRows::default();
    for part in connector.plan(&context).await? {
        if !recording.is_of(&part) {
            continue;
        }
        if server.left() == 0 {
            break;
        }
        let mut pages = Vec::new();
        let mut walk = connector.fetch(&part, &context);
        while server.left() > 0 {
            let Some(page) = walk.next().await else { break };
            pages.push(page?);
        }
        drop(walk);
        // What is recorded may end within a part: its promise is not checked then.
        let part = klimalade_model::Part {
            promised: part.promised.filter(|_| server.left() > 0),
            ..part
        };
        let rows = map_pages(&engine, &ground.schemas, owner, connector.clone(), &part, pages).await?;
        all.rows.extend(rows.rows);
        all.rejects.extend(rows.rejects);
    }
    if server.left() > 0 {
        return Err(Fault::settings("recorded answers were not asked for")
            .found(format!("{} left", server.left()))
            .hint("number them in the order of requests: plan, then the oldest part"));
    }
    Ok(all)
}

/// The content type of a recorded answer, by its file's ending.
pub(crate) fn content_type(ending: &str) -> &'static str {
    match ending {
        "csv" => "text/csv; charset=utf-8",
        "json" | "geojson" => "application/json; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// A server of recorded answers, and a context in which every request goes there, at the moment of the recording.
pub(crate) async fn loopback(
    ground: &Ground,
    answers: Vec<RecordedAnswer>,
    recording: &Recording,
) -> Result<(Recorded, Context)> {
    let server = Recorded::start(answers).await?;
    let clock: Arc<dyn Clock> = Arc::new(Stopped(recording.at()?));
    let secrets = demo::secrets(&ground.catalogue);
    let client = Client::new(Options {
        clock: clock.clone(),
        random: Arc::new(Jitter),
        secrets: secrets.clone(),
        spool: ground.scratch.path().to_owned(),
        redirect: Some([("*".to_owned(), server.address())].into()),
        longest_pause: Some(std::time::Duration::ZERO),
    })?;
    let context = Context {
        client,
        clock,
        secrets,
        cancel: CancellationToken::new(),
    };
    Ok((server, context))
}

fn compare(ground: &Ground, owner: &Owner, expected: &str, mapped: &MappedRows) -> Result<TestOutcome> {
    let table = ground.schemas.table(&owner.definition.table)?;
    let wrong = |error: csv::Error| Fault::settings("expected.csv cannot be read").found(error.to_string());
    let mut reader = csv::Reader::from_reader(expected.as_bytes());
    let header: Vec<String> = reader.headers().map_err(wrong)?.iter().map(str::to_owned).collect();
    if let Some(name) = header.iter().find(|name| table.column(name).is_none()) {
        return Err(Fault::settings("expected.csv has a column that the table has not")
            .found(name.clone())
            .hint(format!("klimalade schema {}", table.name)));
    }
    let line = |cells: &dyn Fn(&str) -> String| header.iter().map(|name| cells(name)).collect::<Vec<_>>().join(",");
    let mut wanted: Vec<String> = Vec::new();
    for row in reader.records() {
        let row = row.map_err(wrong)?;
        wanted.push(line(&|name| {
            header
                .iter()
                .position(|known| known == name)
                .and_then(|at| row.get(at))
                .map(normal)
                .unwrap_or_default()
        }));
    }
    let key = |row: &BTreeMap<String, String>| {
        table
            .unique_key
            .iter()
            .map(|name| row.get(name).cloned().unwrap_or_default())
            .collect::<Vec<_>>()
    };
    let mut rows: Vec<&BTreeMap<String, String>> = mapped.rows.iter().collect();
    rows.sort_by_key(|row| key(row));
    let found: Vec<String> = rows
        .iter()
        .map(|row| line(&|name| row.get(name).map(|cell| normal(cell)).unwrap_or_default()))
        .collect();
    let (wanted_set, found_set): (BTreeSet<&String>, BTreeSet<&String>) =
        (wanted.iter().collect(), found.iter().collect());
    let mut difference: Vec<String> = wanted
        .iter()
        .filter(|line| !found_set.contains(line))
        .map(|line| format!("- {line}"))
        .collect();
    difference.extend(
        found
            .iter()
            .filter(|line| !wanted_set.contains(line))
            .map(|line| format!("+ {line}")),
    );
    if difference.is_empty() && wanted.len() != found.len() {
        difference.push(format!("- {} rows\n  + {} rows", wanted.len(), found.len()));
    }
    let mut accepted = header.join(",");
    accepted.push('\n');
    for row in &found {
        accepted.push_str(row);
        accepted.push('\n');
    }
    Ok(TestOutcome {
        rows: found.len(),
        difference,
        accepted,
    })
}

/// One spelling of a number: `547.50` and `547.5` are one.
fn normal(cell: &str) -> String {
    let plain = cell.trim_end_matches(".0");
    match plain.parse::<f64>() {
        Ok(number) if plain.contains('.') && number.is_finite() => format!("{number}"),
        _ => plain.to_owned(),
    }
}
