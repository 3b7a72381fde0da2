use klimalade_engine::Mapping;
use klimalade_model::Fault;
use klimalade_pipeline::Task;

use super::{About, Step};

/// What no night would refuse and a careful operator would not leave out: all of it warnings.
pub(super) fn steps(about: &About<'_>, mapping: Option<&Mapping>) -> Vec<Step> {
    let mut steps = vec![literals(about, mapping), checks(about)];
    // The folder is one, however many instances it has.
    if about.is_first {
        steps.push(recorded(about));
        steps.push(notes(about));
    }
    steps
}

/// Codes that are declared and that nothing in map.sql or its maps can give.
fn literals(about: &About<'_>, mapping: Option<&Mapping>) -> Step {
    let mut step = Step::new("[publishes]", "map.sql names what is declared");
    let (owner, definition) = (about.owner, &about.owner.definition);
    let is_given = |code: &str| {
        owner.sql.contains(&format!("'{code}'"))
            || owner
                .maps
                .values()
                .any(|map| map.rows.iter().flatten().any(|cell| cell == code))
    };
    for (at, indicator) in definition.publishes.indicators.iter().enumerate() {
        let is_known = about
            .schemas
            .code_list("indicators")
            .is_ok_and(|list| list.contains(indicator));
        if mapping.is_some() && is_known && !is_given(indicator) {
            step.warnings.push(
                Fault::settings(format!("nothing in map.sql gives the indicator {indicator}"))
                    .at(about.at(&["publishes", "indicators", &at.to_string()]))
                    .hint(format!(
                        "'{indicator}' AS indicator_code, or leave it out of [publishes]"
                    )),
            );
        }
    }
    for what in definition.checks.control.keys() {
        if mapping.is_some() && !is_given(what) {
            step.warnings.push(
                Fault::settings(format!("nothing in map.sql gives the control {what}"))
                    .at(about.at(&["checks", "control", what]))
                    .hint(format!(
                        "'{what}' AS what_code beside fate 'control', or leave it out of [checks]"
                    )),
            );
        }
    }
    for map in owner.maps.keys() {
        let named = owner.sql.contains(&format!("maps.{map}")) || owner.sql.contains(&format!("maps.\"{map}\""));
        if about.is_first && !named {
            step.warnings.push(
                Fault::settings(format!("map.sql never reads maps.{map}"))
                    .at(about.file(&format!("maps/{map}.csv")))
                    .hint("remove the file, or join it"),
            );
        }
    }
    step
}

/// A half harvest publishes half the figures where nothing says how many there must be.
fn checks(about: &About<'_>) -> Step {
    let mut step = Step::new("[checks]", "[checks] says what must be there");
    let definition = &about.owner.definition;
    let has_areas = about
        .schemas
        .table(&definition.table)
        .is_ok_and(|table| table.column("area_code").is_some());
    if has_areas && definition.checks.min_rows == 0 && definition.checks.expected_areas.is_none() {
        step.warnings.push(
            Fault::settings("nothing says how much must be there")
                .at(about.at(&["checks"]))
                .expected("min_rows, or expected_areas")
                .hint("[checks] expected_areas = { level = \"municipality\" }, or min_rows = 1"),
        );
    }
    step
}

fn recorded(about: &About<'_>) -> Step {
    let mut step = Step::new("test", "recorded answers and expected rows are there");
    let (name, files) = (&about.owner.pipeline, &about.pipeline.files);
    let (start, wanted) = match about.owner.definition.kind {
        Task::Harvest => ("test/answer-", "test/answer-1.json (or .csv, ...)"),
        Task::View => ("test/input-", "test/input-<table>.csv"),
    };
    // Who maps another's pages is tested over that one's answers.
    let is_tested = about.owner.definition.raw_of.is_some() || files.keys().any(|file| file.starts_with(start));
    if !is_tested {
        step.warnings.push(
            Fault::settings("no answer is recorded, so nothing tests map.sql")
                .at(about.file("test"))
                .expected(wanted)
                .hint("save one small answer of the agency there"),
        );
    }
    if !files.contains_key("test/expected.csv") {
        step.warnings.push(
            Fault::settings("no expected rows are written down")
                .at(about.file("test/expected.csv"))
                .hint(format!("klimalade test {name} --accept")),
        );
    }
    step
}

fn notes(about: &About<'_>) -> Step {
    let mut step = Step::new(
        "notes.md",
        format!("notes.md says verified_live: {}", about.pipeline.verified_live()),
    );
    let notes = about.pipeline.files.get("notes.md");
    let says = notes.is_some_and(|text| {
        let text = String::from_utf8_lossy(text);
        text.lines().any(|line| line.trim().starts_with("verified_live:"))
    });
    if !says {
        step.warnings.push(
            Fault::settings("notes.md does not say whether anybody saw it harvest")
                .at(about.file("notes.md"))
                .expected("a line verified_live: <date>, or never")
                .hint("verified_live: never"),
        );
    }
    step
}
