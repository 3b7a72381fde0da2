use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

use jiff::Timestamp;
use klimalade_catalog::{CatalogOptions, write_catalog};
use klimalade_connect::CancellationToken;
use klimalade_lake::Lake;
use klimalade_model::{Fault, Result};
use klimalade_run::{NightOptions, NightReport, OwnerReport, Progress, Quiet, Status, run_night};

use crate::{
    NOTHING_RAN,
    arguments::{Arguments, LogFormat, Run},
    demo,
    output::{self, data, grouped, note},
    progress::{Bars, Logged},
    rehearsal,
    setup::Ground,
};

/// Owners beside each other.
const CONCURRENCY: usize = 4;

/// `klimalade run` and `klimalade replay`.
pub(crate) async fn run(arguments: &Arguments, run: &Run, replay: bool) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    let is_meant = |name: &String| run.pipelines.is_empty() || run.pipelines.contains(name);
    let broken = ground.catalogue.broken.iter().filter(|(name, _)| is_meant(name));
    let mut is_broken = false;
    for fault in broken.flat_map(|(_, broken)| &broken.faults) {
        output::fault(fault);
        is_broken = true;
    }
    if is_broken && !run.pipelines.is_empty() {
        return Ok(NOTHING_RAN);
    }
    let selected = ground.catalogue.select(&run.pipelines)?;
    if !run.pipelines.is_empty() && !arguments.demo && !replay {
        refuse_off(&selected, &ground.settings.secrets())?;
    }
    if replay {
        // What is not there has nothing to map again; a lake is made by harvesting.
        ground.lake(arguments, true).await?;
    }
    let lake = if run.dry_run {
        rehearsal::lake(&ground, arguments).await?
    } else {
        ground.lake(arguments, false).await?
    };
    let (simulation, secrets) = if arguments.demo {
        (
            Some(demo::start(&lake, run.demo_factor, run.demo_seed, ground.scratch.path()).await?),
            demo::secrets(&ground.catalogue),
        )
    } else {
        (None, ground.settings.secrets())
    };
    let left_out = simulation
        .as_ref()
        .map(|simulation| demo::left_out(&ground.catalogue, &simulation.agencies, &arguments.home))
        .unwrap_or_default();
    let client = ground.client(&secrets, simulation.as_ref().map(demo::Simulation::redirects))?;
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            note("ending after the page in hand; run again to go on");
            stop.cancel();
        }
    });
    let terminal = io::stderr().is_terminal();
    let progress: Arc<dyn Progress> = match arguments.log_format {
        LogFormat::Json => Arc::new(Logged),
        LogFormat::Text if terminal => Arc::new(Bars::default()),
        LogFormat::Text => Arc::new(Quiet),
    };
    let house = ground.house(lake.clone(), client, secrets, cancel, progress)?;
    let options = NightOptions {
        names: run.pipelines.clone(),
        concurrency: run.concurrency.or(ground.settings.concurrency).unwrap_or(CONCURRENCY),
        replay,
        repair: run.repair,
        left_out,
    };
    if run.dry_run {
        return rehearsal::run(&ground, arguments, run.strict, &house, &options).await;
    }
    let report = run_night(&house, &options).await?;
    let now = house.clock.now();
    let catalogued = catalogue(&ground, &lake, now).await;
    let pictured = operations(&ground, &lake, now).await;
    if arguments.json {
        output::json(&report)?;
    } else {
        summary(&report, &lake.address());
    }
    let broken = u8::from(!ground.catalogue.broken.is_empty() && run.pipelines.is_empty());
    Ok(report.exit_code(run.strict).max(broken).max(catalogued).max(pictured))
}

/// Writes what the lake says of itself. The figures stand by now: where it fails, that is said, and the exit code is 1.
async fn catalogue(ground: &Ground, lake: &Lake, now: Timestamp) -> u8 {
    let options = CatalogOptions {
        base_iri: ground.settings.catalog.base_iri.clone(),
        publisher: ground.settings.catalog.publisher.clone(),
    };
    match write_catalog(lake, &ground.schemas, &ground.catalogue, now, &options).await {
        Ok(_) => 0,
        Err(fault) => {
            output::fault(&fault);
            1
        }
    }
}

/// Writes the operations page. The figures stand by now: where it fails, that is said, and the exit code is 1.
async fn operations(ground: &Ground, lake: &Lake, now: Timestamp) -> u8 {
    let written = async {
        let pipelines = ground.catalogue.described(&ground.schemas)?;
        klimalade_report::write_status(lake, &ground.schemas, &pipelines, now).await
    };
    match written.await {
        Ok(_) => 0,
        Err(fault) => {
            output::fault(&fault);
            1
        }
    }
}

/// A pipeline that is named on the command line must not be off. Errors: Settings, with what to type.
fn refuse_off(selected: &[&klimalade_pipeline::Owner], secrets: &klimalade_connect::Secrets) -> Result<()> {
    for owner in selected {
        if owner.definition.harvest.off {
            return Err(Fault::settings("a pipeline named on the command line is off")
                .found(owner.name.clone())
                .hint("take [harvest] off = true out of its pipeline.toml"));
        }
        let asked = owner.definition.secrets();
        if let Some(missing) = asked.iter().find(|name| secrets.get(name).is_none()) {
            return Err(
                Fault::settings("a pipeline named on the command line is off: its secret is not configured")
                    .found(format!("{} needs {missing}", owner.name))
                    .hint(format!(
                        "set KLIMALADE_SECRET_{}, or [secrets] {missing} in klimalade.toml",
                        missing.to_uppercase()
                    )),
            );
        }
    }
    Ok(())
}

/// The night as a table, then what failed.
fn summary(report: &NightReport, address: &str) {
    let rows = report
        .owners
        .iter()
        .map(|owner| {
            let sum = |count: fn(&klimalade_run::PartLedger) -> u64| grouped(owner.parts.iter().map(count).sum());
            vec![
                owner.owner.clone(),
                owner.status.word().to_owned(),
                owner.parts.len().to_string(),
                sum(|part| part.received.unwrap_or_default()),
                sum(|part| part.published),
                sum(|part| part.control),
                sum(|part| part.skipped),
                sum(|part| part.rejected),
                sum(|part| part.written),
                owner.revisions.to_string(),
                sum(|part| part.requests),
                format!("{:.1}", owner.seconds),
            ]
        })
        .collect();
    output::table(
        &[
            "pipeline",
            "status",
            "parts",
            "received",
            "published",
            "control",
            "skipped",
            "rejected",
            "written",
            "revised",
            "requests",
            "seconds",
        ],
        rows,
    );
    data("");
    if report.simulated {
        data(format!(
            "SIMULATED figures: lake {address}, night {}. Every source_id begins with sim_.",
            report.run_id
        ));
    } else {
        data(format!("lake {address}, night {}", report.run_id));
    }
    for owner in &report.owners {
        for warning in &owner.warnings {
            output::warning(&owner.owner, warning);
        }
        faults(owner);
    }
}

/// What failed, in full.
pub(crate) fn faults(owner: &OwnerReport) {
    // A log in JSON has had them, field by field, when they happened.
    for fault in owner.faults.iter().filter(|_| !output::is_json_log()) {
        let word = if owner.status == Status::Warning {
            "warning"
        } else {
            "error"
        };
        note(format!("{word}: {}: {fault}", owner.owner));
    }
}
