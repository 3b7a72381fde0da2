//! `klimalade probe`: one page, what it holds, and a first draft of the folder.

mod analysis;
mod areas;
mod ask;
mod codes;
mod draft;
mod forms;
mod indicators;
mod keys;
pub(crate) mod names;
mod periods;
mod record;
mod report;
mod sample;
mod write;

use std::{path::PathBuf, sync::Arc};

use klimalade_connect::{CancellationToken, Context};
use klimalade_demo::Script;
use klimalade_model::{Fault, Result};
use klimalade_pipeline::{Origin, Owner, Task};
use klimalade_run::limits;
use klimalade_transport::{Clock, SystemClock};

use crate::{
    arguments::{Arguments, Probe},
    demo,
    output::{self, note},
    recording,
    setup::Ground,
};
use report::Report;

/// `klimalade probe`.
pub(crate) async fn probe(arguments: &Arguments, probe: &Probe) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    let names = std::slice::from_ref(&probe.pipeline);
    let owner = ground
        .catalogue
        .select(names)?
        .into_iter()
        .next()
        .ok_or_else(|| Fault::bug("a pipeline without an owner"))?;
    refuse_other_kinds(owner)?;
    let folder = folder_to_write(arguments, &ground, probe, owner)?;
    let simulation = match arguments.demo {
        true => {
            let script = Script {
                today: jiff::Zoned::now().date(),
                ..Script::default()
            };
            Some(demo::Simulation::start(script, ground.scratch.path())?)
        }
        false => None,
    };
    let secrets = match arguments.demo {
        true => demo::secrets(&ground.catalogue),
        false => ground.settings.secrets(),
    };
    let client = ground.client(&secrets, simulation.as_ref().map(demo::Simulation::redirects))?;
    let context = Context {
        client: client.with_limits(limits(&owner.definition.limits)),
        clock: Arc::new(SystemClock),
        secrets,
        schemas: ground.schemas.clone(),
        cancel: CancellationToken::new(),
    };
    let now = SystemClock.now();
    let asked = ask::ask(owner, &context).await?;
    let sample = sample::read(asked.connector.as_ref(), &asked.part, &asked.page)?;
    let analysis = analysis::analyse(&ground.schemas, &sample)?;
    let mut words = vec![owner.pipeline.clone(), owner.definition.title_da.clone()];
    words.extend(sample.columns.iter().map(|column| column.source.clone()));
    let published_by = |code: &str| publisher(&ground, owner, code);
    let indicators = indicators::candidates(&ground.schemas, &words, published_by);
    let report = Report::of(&owner.name, &asked, &sample, &analysis, indicators);
    match arguments.json {
        true => output::json(&report)?,
        false => report.print(),
    }
    let Some(folder) = folder else { return Ok(0) };
    let answers = record::answers(&ground, &asked, now).await?;
    for file in record::save(&folder.join(tests(&ground, owner)), &answers)? {
        note(format!("saved {}", file.display()));
    }
    if let Some(rows) = answers.cut_to_rows {
        note(format!(
            "the last answer was large: its first {rows} rows are kept, nothing else is changed"
        ));
    }
    if !probe.write {
        note(format!(
            "next: klimalade probe {} --write --force, for a first draft of [columns] and map.sql",
            probe.pipeline
        ));
        return Ok(0);
    }
    let day = now.strftime("%Y-%m-%d").to_string();
    let draft = draft::draft(&owner.pipeline, &day, &sample, &analysis);
    for name in write::write(&folder, &draft, &asked.corrections)? {
        note(format!("wrote {}", folder.join(name).display()));
    }
    say_what_is_left(&folder, &owner.pipeline);
    Ok(0)
}

fn refuse_other_kinds(owner: &Owner) -> Result<()> {
    let place = format!("pipelines/{}/pipeline.toml", owner.pipeline);
    if owner.definition.kind == Task::View {
        return Err(Fault::settings("a view asks no agency")
            .at(place)
            .hint("klimalade schema <table> prints what it reads"));
    }
    match &owner.definition.raw_of {
        None => Ok(()),
        Some(base) => Err(Fault::settings("the pipeline maps another's pages")
            .at(place)
            .found(format!("raw_of = \"{base}\""))
            .hint(format!("klimalade probe {base}"))),
    }
}

/// Where answers and draft go; `None` where nothing is to be kept. Errors: Settings, before anybody is asked.
fn folder_to_write(arguments: &Arguments, ground: &Ground, probe: &Probe, owner: &Owner) -> Result<Option<PathBuf>> {
    let folder = arguments.home.join("pipelines").join(&owner.pipeline);
    let at_home = ground
        .catalogue
        .pipelines
        .get(&owner.pipeline)
        .is_some_and(|pipeline| pipeline.origin == Origin::Home);
    if arguments.demo || !at_home {
        if probe.write {
            return Err(Fault::settings("there is no folder to write to")
                .found(match arguments.demo {
                    true => "--demo, whose figures are simulated",
                    false => "a pipeline of the binary",
                })
                .hint(format!("a folder {} of your own", folder.display())));
        }
        return Ok(None);
    }
    let tests = folder.join(tests(ground, owner));
    if record::are_there(&tests) && !probe.force {
        return Err(Fault::settings("answers are recorded already")
            .at(tests.display().to_string())
            .hint(format!("klimalade probe {} --force writes over them", probe.pipeline)));
    }
    if probe.write && !probe.force {
        write::refuse_written(&folder)?;
    }
    Ok(Some(folder))
}

/// Where the owner's answers go, within its pipeline's folder.
fn tests(ground: &Ground, owner: &Owner) -> String {
    let pipeline = ground.catalogue.pipelines.get(&owner.pipeline);
    pipeline.map_or_else(|| "test".to_owned(), |pipeline| recording::folder(pipeline, owner))
}

fn publisher(ground: &Ground, owner: &Owner, indicator: &str) -> Option<String> {
    let owners = ground.catalogue.owners();
    let found = owners.iter().find(|other| {
        other.pipeline != owner.pipeline
            && other
                .definition
                .publishes
                .indicators
                .iter()
                .any(|code| code == indicator)
    });
    found.map(|owner| owner.name.clone())
}

/// The lines that only the operator can fill in, and what to type then.
fn say_what_is_left(folder: &std::path::Path, pipeline: &str) {
    for file in ["pipeline.toml", "map.sql"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        for (at, line) in text.lines().enumerate() {
            if line.contains("TODO") && !line.starts_with('#') {
                note(format!("todo  {file}, line {}: {}", at + 1, line.trim()));
            }
        }
    }
    note(format!(
        "next: klimalade check {pipeline}, klimalade test {pipeline} --accept, klimalade run {pipeline}"
    ));
}
