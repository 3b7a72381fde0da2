use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use futures::StreamExt;
use jiff::Timestamp;
use klimalade_connect::{CancellationToken, Clock, Context};
use klimalade_model::{Fault, Result};
use klimalade_pipeline::{Origin, Owner, Pipeline, Task};
use klimalade_run::{MappedRows, map_pages, view_rows};
use klimalade_testkit::serve::{Recorded, RecordedAnswer};
use klimalade_transport::{Client, Jitter, Options};

use crate::{
    FINDINGS,
    arguments::{Arguments, TestNames},
    connectors::registry,
    demo,
    expected::{TestOutcome, Tested, compare},
    output::{self, data, note},
    recording::{Answers, Recording},
    setup::Ground,
};

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
    let (mut code, mut objects) = (0, Vec::new());
    for pipeline in ground.catalogue.pipelines.values() {
        let owner_of = |name: &String| pipeline.owners.iter().any(|owner| owner.name == *name);
        if !names.pipelines.is_empty()
            && !names
                .pipelines
                .iter()
                .any(|name| *name == pipeline.name || owner_of(name))
        {
            continue;
        }
        let name = &pipeline.name;
        let (word, outcome) = match test_pipeline(&ground, pipeline, names.accept).await {
            Ok(outcome) if names.accept => match accept(arguments, pipeline, &outcome) {
                Ok(true) => ("written", Ok(outcome)),
                Ok(false) => ("ok", Ok(outcome)),
                Err(fault) => ("failed", Err(fault)),
            },
            Ok(outcome) if !outcome.is_written => ("failed", Err(not_written(pipeline))),
            Ok(outcome) if outcome.difference.is_empty() => ("ok", Ok(outcome)),
            Ok(outcome) => ("differs", Ok(outcome)),
            Err(fault) => ("failed", Err(fault)),
        };
        if matches!(word, "differs" | "failed") {
            code = FINDINGS;
        }
        if arguments.json {
            let said = outcome.as_ref().ok();
            objects.push(serde_json::json!({
                "pipeline": name, "verdict": word, "rows": said.map_or(0, |outcome| outcome.rows),
                "controls": said.map_or(0, |outcome| outcome.controls),
                "controls_not_compared": said.map_or(0, |outcome| outcome.not_compared),
                "untested": said.map(|outcome| &outcome.untested),
                "difference": said.map(|outcome| outcome.difference.as_json()),
                "fault": outcome.as_ref().err().map(Fault::line),
            }));
            continue;
        }
        match outcome {
            Ok(outcome) => {
                let counts = match word {
                    "ok" => String::new(),
                    _ => format!(": {}", outcome.difference.counts()),
                };
                data(format!("{word:7} {name} ({}){counts}", outcome.counts()));
                if word == "differs" {
                    for line in outcome.difference.lines() {
                        data(format!("  {line}"));
                    }
                    note(format!(
                        "hint: when the new rows are right: klimalade test {name} --accept"
                    ));
                }
                if outcome.not_compared > 0 {
                    let controls = output::count(outcome.not_compared, "control");
                    let them = if outcome.not_compared == 1 { "it" } else { "them" };
                    note(format!(
                        "note: {name}: {controls} compared with nothing: klimalade test {name} --accept adds {them} to \
                         expected.csv, with a column what_code"
                    ));
                }
                for folder in &outcome.untested {
                    note(format!(
                        "note: {name}: an instance is not tested: {folder} holds no answer-1.*"
                    ));
                }
            }
            Err(fault) => {
                data(format!("failed  {name}"));
                note(format!("error: {name}: {fault}"));
            }
        }
    }
    if arguments.json {
        output::json(&objects)?;
    }
    Ok(code)
}

fn not_written(pipeline: &Pipeline) -> Fault {
    Fault::settings("the pipeline has no expected rows")
        .at(format!("pipelines/{}/test/expected.csv", pipeline.name))
        .hint(format!(
            "klimalade test {} --accept writes what came out: read it, it is what will be published",
            pipeline.name
        ))
}

/// Writes expected.csv; false where it says so already. Errors: Settings, when the folder is none of `--home`'s: a
/// folder with nothing but expected.csv would take the place of nothing, and the file would never be read.
fn accept(arguments: &Arguments, pipeline: &Pipeline, outcome: &TestOutcome) -> Result<bool> {
    if outcome.is_written && outcome.difference.is_empty() {
        return Ok(false);
    }
    let folder = arguments.home.join("pipelines").join(&pipeline.name);
    if pipeline.origin == Origin::Embedded {
        return Err(Fault::settings("the pipeline stands in the binary, so its expected rows cannot be written")
            .at(format!("pipelines/{}", pipeline.name))
            .expected(format!("the whole folder at {}", folder.display()))
            .hint("copy the pipeline's folder there, change it, and accept again; or --home <the folder above pipelines/>"));
    }
    let path = folder.join("test/expected.csv");
    let wrong = |source: std::io::Error| {
        Fault::settings("the expected rows cannot be written")
            .at(path.display().to_string())
            .because(source)
            .hint("--home names the folder above pipelines/")
    };
    std::fs::create_dir_all(folder.join("test")).map_err(wrong)?;
    std::fs::write(&path, &outcome.accepted).map_err(wrong)?;
    Ok(true)
}

/// Serves the recorded answers of each owner on loopback in the order of requests, runs plan, fetch, decode and map as the
/// night does, and compares with test/expected.csv. `accept`: what that file has no column for counts as rows that came
/// and were not expected. Errors: the pipeline's.
async fn test_pipeline(ground: &Ground, pipeline: &Pipeline, accept: bool) -> Result<TestOutcome> {
    let first = pipeline
        .owners
        .first()
        .ok_or_else(|| Fault::bug("a pipeline without an owner"))?;
    let (mut tested, mut untested) = (Vec::new(), Vec::new());
    for owner in &pipeline.owners {
        let answers = Answers::of(&ground.catalogue, pipeline, owner)?;
        if owner.name != first.name && !answers.are_there() {
            untested.push(answers.place());
            continue;
        }
        let mapped = match owner.definition.kind {
            Task::View => view(ground, owner, &answers).await,
            Task::Harvest => harvest(ground, owner, &answers).await,
        };
        let mapped = mapped.and_then(|mapped| match mapped.rejects.as_slice() {
            [] => Ok(mapped),
            [first, rest @ ..] => Err(
                Fault::contract("a recorded row breaks the table's contract").found(match rest.len() {
                    0 => first.clone(),
                    more => format!("{first}, and {more} more"),
                }),
            ),
        });
        let instance = owner.name.split_once('.').map_or("", |(_, instance)| instance);
        tested.push(Tested {
            instance: instance.to_owned(),
            mapped: mapped.map_err(|fault| match instance {
                "" => fault,
                instance => fault.at(format!("[[instance]] {instance}")),
            })?,
        });
    }
    let expected = pipeline
        .files
        .get("test/expected.csv")
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let table = ground.schemas.table(&first.definition.table)?;
    let outcome = compare(table, &pipeline.name, expected.as_deref(), &tested, accept)?;
    Ok(TestOutcome { untested, ..outcome })
}

async fn view(ground: &Ground, owner: &Owner, answers: &Answers<'_>) -> Result<MappedRows> {
    let inputs: Vec<(String, String)> = answers
        .files("input-")
        .filter_map(|(name, bytes)| {
            let table = name.strip_suffix(".csv")?;
            Some((table.to_owned(), String::from_utf8_lossy(bytes).into_owned()))
        })
        .collect();
    let engine = ground.engine()?;
    view_rows(&engine, &ground.schemas, owner, &inputs, ground.scratch.path()).await
}

async fn harvest(ground: &Ground, owner: &Owner, answers: &Answers<'_>) -> Result<MappedRows> {
    let mut served: BTreeMap<u32, RecordedAnswer> = BTreeMap::new();
    for (name, bytes) in answers.files("answer-") {
        let Some((number, ending)) = name.split_once('.') else {
            continue;
        };
        let Ok(number) = number.parse() else { continue };
        served.insert(number, RecordedAnswer::ok(content_type(ending), bytes.to_vec()));
    }
    let recording = answers.recording()?;
    let (server, context) = loopback(ground, served.into_values().collect(), &recording).await?;
    let (name, mut settings) = answers.asked_by.definition.connector()?;
    recording.serve_files(&name, &mut settings, server.left());
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
        all.controls.extend(rows.controls);
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
        redirect_folders: std::collections::BTreeMap::new(),
        longest_pause: Some(std::time::Duration::ZERO),
    })?;
    let context = Context {
        client,
        clock,
        secrets,
        schemas: ground.schemas.clone(),
        cancel: CancellationToken::new(),
    };
    Ok((server, context))
}
