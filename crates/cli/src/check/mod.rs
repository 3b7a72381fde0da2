//! `klimalade check`: everything that can be known of a pipeline without asking anybody.

mod codes;
mod habits;
mod mapping;

use std::{collections::BTreeMap, sync::Arc};

use klimalade_connect::Registry;
use klimalade_engine::Engine;
use klimalade_model::{Fault, Result, Schemas};
use klimalade_pipeline::{Catalogue, Owner, Pipeline, Task, Written, clashes};
use serde_json::{Value, json};

use crate::{
    FINDINGS,
    arguments::{Arguments, Check},
    connectors::registry,
    output::{self, data, note},
    setup::Ground,
};

/// One finding of `check` that refuses a pipeline.
#[derive(Debug)]
pub struct Finding {
    /// The owner, or the folder.
    pub owner: String,
    /// What is wrong.
    pub fault: Fault,
}

/// One thing that was looked at.
#[derive(Debug)]
struct Step {
    /// What was looked at, in a word or two.
    name: &'static str,
    /// What is said where nothing is wrong with it.
    holds: String,
    errors: Vec<Fault>,
    warnings: Vec<Fault>,
}

impl Step {
    fn new(name: &'static str, holds: impl Into<String>) -> Self {
        Self {
            name,
            holds: holds.into(),
            errors: Vec::new(),
            warnings: Vec::new(),
        }
    }
    fn verdict(&self) -> &'static str {
        verdict(self.errors.len(), self.warnings.len())
    }
    fn line(&self) -> String {
        match self.errors.first().or(self.warnings.first()) {
            None => self.holds.clone(),
            Some(fault) => match self.errors.len() + self.warnings.len() - 1 {
                0 => format!("{}: {}", self.name, fault.what()),
                more => format!("{}: {}, and {more} more", self.name, fault.what()),
            },
        }
    }
}

fn verdict(errors: usize, warnings: usize) -> &'static str {
    match (errors, warnings) {
        (0, 0) => "ok",
        (0, _) => "warned",
        _ => "refused",
    }
}

/// An owner and all that was looked at.
#[derive(Debug)]
struct Checked {
    owner: String,
    steps: Vec<Step>,
}

impl Checked {
    fn errors(&self) -> impl Iterator<Item = &Fault> {
        self.steps.iter().flat_map(|step| &step.errors)
    }
    fn warnings(&self) -> impl Iterator<Item = &Fault> {
        self.steps.iter().flat_map(|step| &step.warnings)
    }
    fn verdict(&self) -> &'static str {
        verdict(self.errors().count(), self.warnings().count())
    }
}

/// `klimalade check`.
pub(crate) async fn check(arguments: &Arguments, names: &Check) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    for name in &names.pipelines {
        if !ground.catalogue.broken.contains_key(name) {
            ground.catalogue.select(std::slice::from_ref(name))?;
        }
    }
    let checked = look(
        &ground.engine()?,
        &ground.schemas,
        &ground.catalogue,
        &registry(),
        &names.pipelines,
    )
    .await?;
    let errors: usize = checked.iter().map(|owner| owner.errors().count()).sum();
    let warnings: usize = checked.iter().map(|owner| owner.warnings().count()).sum();
    if arguments.json {
        output::json(&checked.iter().map(as_json).collect::<Vec<_>>())?;
    } else {
        // One pipeline: what was looked at is what its operator wants to see.
        let each = names.verbose || names.pipelines.len() == 1;
        for owner in &checked {
            if each {
                for step in &owner.steps {
                    data(format!("{:7} {}", step.verdict(), step.line()));
                }
            }
            data(format!("{:7} {}", owner.verdict(), owner.owner));
            for fault in owner.errors() {
                note(format!("error: {}: {fault}", owner.owner));
            }
            for fault in owner.warnings() {
                note(format!("warning: {}: {fault}", owner.owner));
            }
        }
        let counts = [(checked.len(), "owner"), (errors, "finding"), (warnings, "warning")];
        data(counts.map(|(number, word)| output::count(number, word)).join(", "));
    }
    let fails = errors > 0 || warnings > 0 && names.deny_warnings;
    Ok(if fails { FINDINGS } else { 0 })
}

fn as_json(checked: &Checked) -> Value {
    let findings = |severity: &str, faults: &mut dyn Iterator<Item = &Fault>| -> Vec<Value> {
        faults
            .map(|fault| {
                json!({
                    "severity": severity, "what": fault.what(), "at": fault.places(),
                    "expected": fault.expected_text(), "found": fault.found_text(), "hint": fault.hint_text(),
                })
            })
            .collect()
    };
    let steps: Vec<Value> = checked
        .steps
        .iter()
        .map(|step| json!({ "check": step.name, "verdict": step.verdict(), "says": step.line() }))
        .collect();
    let mut all = findings("error", &mut checked.errors());
    all.extend(findings("warning", &mut checked.warnings()));
    json!({ "owner": checked.owner, "verdict": checked.verdict(), "checks": steps, "findings": all })
}

fn chosen(owner: &Owner, names: &[String]) -> bool {
    names.is_empty() || names.iter().any(|name| *name == owner.name || *name == owner.pipeline)
}

/// What refuses a pipeline, of all or of the named ones; see [`Finding`]. No network.
pub async fn check_catalogue(
    engine: &Engine,
    schemas: &Arc<Schemas>,
    catalogue: &Catalogue,
    registry: &Registry,
    names: &[String],
) -> Result<Vec<Finding>> {
    let checked = look(engine, schemas, catalogue, registry, names).await?;
    let findings = checked.into_iter().flat_map(|checked| {
        let owner = checked.owner;
        let errors = checked.steps.into_iter().flat_map(|step| step.errors);
        errors.map(move |fault| Finding {
            owner: owner.clone(),
            fault,
        })
    });
    Ok(findings.collect())
}

async fn look(
    engine: &Engine,
    schemas: &Arc<Schemas>,
    catalogue: &Catalogue,
    registry: &Registry,
    names: &[String],
) -> Result<Vec<Checked>> {
    let settings: BTreeMap<&str, Value> = registry
        .entries()
        .map(|entry| (entry.name, entry.schema.clone().to_value()))
        .collect();
    let mut all = Vec::new();
    for (name, broken) in &catalogue.broken {
        if names.is_empty() || names.contains(name) {
            let mut step = Step::new("pipeline.toml", "pipeline.toml fits the schema");
            step.errors = broken.faults.clone();
            let mut steps = vec![step];
            // What can be said of [source] is said in the same breath.
            let text = broken
                .files
                .get("pipeline.toml")
                .map(|text| String::from_utf8_lossy(text));
            let file = format!("pipelines/{name}/pipeline.toml");
            if let Ok(written) = Written::parse(&file, &text.unwrap_or_default())
                && let Some(faults) = written.source_misfits(&settings)
            {
                let mut step = Step::new("[source]", "[source] fits its connector");
                step.errors = faults;
                steps.push(step);
            }
            all.push(Checked {
                owner: name.clone(),
                steps,
            });
        }
    }
    let owners = catalogue.owners();
    let clashes = clashes(&owners, schemas);
    for owner in owners.iter().filter(|owner| chosen(owner, names)) {
        let Some(pipeline) = catalogue.pipelines.get(&owner.pipeline) else {
            continue;
        };
        let about = About {
            owner,
            pipeline,
            written: pipeline.written()?,
            schemas,
            is_first: pipeline.owners.first().is_some_and(|first| first.name == owner.name),
        };
        let mut steps = vec![Step::new("pipeline.toml", "pipeline.toml fits the schema")];
        steps.push(source(&about, catalogue, registry, &settings));
        let (step, planned) = mapping::step(&about, engine).await;
        steps.push(step);
        steps.push(codes::step(&about));
        let mut step = Step::new("ownership", owned(owner));
        for clash in clashes.iter().filter(|clash| clash.owner == owner.name) {
            let indicators = &owner.definition.publishes.indicators;
            let at = indicators
                .iter()
                .position(|code| Some(code) == clash.indicator.as_ref());
            let place = match at {
                Some(at) => about.at(&["publishes", "indicators", &at.to_string()]),
                None => about.at(&["publishes"]),
            };
            step.errors.push(clash.fault.clone().at(place));
        }
        steps.push(step);
        steps.extend(habits::steps(&about, planned.as_ref()));
        all.push(Checked {
            owner: owner.name.clone(),
            steps,
        });
    }
    Ok(all)
}

fn owned(owner: &Owner) -> String {
    let indicators = &owner.definition.publishes.indicators;
    if indicators.is_empty() {
        return format!("nobody else publishes the same rows of {}", owner.definition.table);
    }
    format!("nobody else publishes {}", indicators.join(", "))
}

/// What is looked at.
struct About<'a> {
    owner: &'a Owner,
    pipeline: &'a Pipeline,
    written: Written,
    schemas: &'a Arc<Schemas>,
    /// The pipeline's one owner, or its first instance: what all have in common is said of it alone.
    is_first: bool,
}

impl About<'_> {
    /// Where a setting of this owner stands.
    fn at(&self, path: &[&str]) -> String {
        match self.owner.name.split_once('.') {
            Some((_, instance)) => self.written.place_in(instance, path),
            None => self.written.place(path),
        }
    }
    fn file(&self, name: &str) -> String {
        format!("pipelines/{}/{name}", self.owner.pipeline)
    }
}

/// What the connector, or the pipeline whose pages are read, says of it.
fn source(about: &About<'_>, catalogue: &Catalogue, registry: &Registry, settings: &BTreeMap<&str, Value>) -> Step {
    let (owner, definition) = (about.owner, &about.owner.definition);
    if definition.kind == Task::View {
        let mut step = Step::new("[source]", "a view asks nobody");
        for (is_there, key) in [
            (definition.source.is_some(), "source"),
            (!definition.columns.is_empty(), "columns"),
            (definition.raw_of.is_some(), "raw_of"),
        ] {
            if is_there {
                step.warnings.push(
                    Fault::settings(format!("a view has no use for {key}"))
                        .at(about.at(&[key]))
                        .hint("leave it out"),
                );
            }
        }
        for read in &definition.reads {
            if !catalogue.pipelines.contains_key(read) && !catalogue.owners().iter().any(|known| known.name == *read) {
                let names = catalogue.pipelines.keys().map(String::as_str);
                step.errors.push(
                    Fault::settings("reads names no pipeline")
                        .at(about.at(&["reads"]))
                        .found(read.clone())
                        .hint(codes::meant(read, names, "klimalade check lists them")),
                );
            }
        }
        return step;
    }
    if let Some(base) = &definition.raw_of {
        let mut step = Step::new("[source]", format!("raw_of = \"{base}\" fetches the pages"));
        step.errors.extend(catalogue.raw_owner(owner).err());
        return step;
    }
    let name = definition
        .source
        .as_ref()
        .and_then(|source| source.get("connector")?.as_str());
    let mut step = Step::new(
        "[source]",
        format!("[source] fits connector {}", name.unwrap_or_default()),
    );
    let misfits = about.written.source_misfits(settings).unwrap_or_default();
    if misfits.is_empty() {
        let opened = definition
            .connector()
            .and_then(|(name, settings)| registry.open(&name, settings));
        // The connector names a table of [source] as its place, or none.
        step.errors
            .extend(opened.err().map(|fault| fault.at(about.at(&["source"]))));
    } else if about.is_first {
        step.errors = misfits;
    }
    step.errors.extend(secret_names(about));
    step
}

/// `secret` names a secret. One that was pasted there would go to every log, so it is not shown either.
fn secret_names(about: &About<'_>) -> Vec<Fault> {
    let is_name = |text: &str| {
        let mut letters = text.chars();
        letters.all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_')
            && text.len() <= 40
            && text.starts_with(|letter: char| letter.is_ascii_lowercase())
    };
    let names = about.owner.definition.secrets();
    let wrong = names.iter().filter(|name| !is_name(name));
    wrong
        .map(|_| {
            Fault::settings("secret is no name of a secret")
                .at(about.at(&["source", "auth", "secret"]))
                .expected("a name in small letters, digits and _; the secret itself stands elsewhere")
                .hint("secret = \"my_key\" here, and my_key = \"...\" under [secrets] of klimalade.toml or KLIMALADE_SECRET_MY_KEY in the environment")
        })
        .collect()
}
