use std::sync::Arc;

use jiff::SignedDuration;
use klimalade_connect::{CancellationToken, Context};
use klimalade_model::{Fault, Result};
use klimalade_pipeline::Task;
use klimalade_run::{Ask, decide, retire as retire_owner};
use klimalade_transport::{Clock, SystemClock};

use crate::{
    FINDINGS,
    arguments::{Arguments, Names, Retire, Status, Vacuum},
    connectors::registry,
    demo,
    output::{self, data, grouped},
    setup::Ground,
};

/// `klimalade plan`.
pub(crate) async fn plan(arguments: &Arguments, names: &Names) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    let owners = ground.catalogue.select(&names.pipelines)?;
    let lake = ground.lake(arguments, true).await.ok();
    let (simulation, secrets) = match (arguments.demo, &lake) {
        (true, Some(lake)) => (
            Some(demo::start(lake, 1.0, 1, ground.scratch.path()).await?),
            demo::secrets(&ground.catalogue),
        ),
        (true, None) => {
            return Err(Fault::settings("there is no demo lake yet").hint("klimalade run --demo"));
        }
        (false, _) => (None, ground.settings.secrets()),
    };
    let client = ground.client(&secrets, simulation.as_ref().map(demo::Simulation::redirects))?;
    let context = Context {
        client,
        clock: Arc::new(SystemClock),
        secrets,
        schemas: ground.schemas.clone(),
        cancel: CancellationToken::new(),
    };
    let (registry, mut rows, mut code) = (registry(), Vec::new(), 0);
    for owner in owners
        .into_iter()
        .filter(|owner| owner.definition.kind == Task::Harvest && owner.definition.source.is_some())
    {
        let planned = async {
            let (name, settings) = owner.definition.connector()?;
            registry.open(&name, settings)?.plan(&context).await
        };
        let parts = match planned.await {
            Ok(parts) => parts,
            Err(fault) => {
                output::fault(&fault.at(owner.name.clone()));
                code = FINDINGS;
                continue;
            }
        };
        let state = match &lake {
            Some(lake) => lake.state(&owner.name).await?,
            None => None,
        };
        let known = state.map(|state| state.parts).unwrap_or_default();
        let asks = decide(&parts, &known, &owner.definition.harvest, SystemClock.now());
        for (part, ask) in parts.into_iter().zip(asks) {
            let known = known.get(&part.key);
            rows.push(vec![
                owner.name.clone(),
                part.key.clone(),
                part.promised.map(grouped).unwrap_or_default(),
                part.change_mark.clone().unwrap_or_default(),
                known
                    .map(|known| known.confirmed_at.clone())
                    .unwrap_or_else(|| "never".to_owned()),
                match ask {
                    Ask::Yes => "yes",
                    Ask::Confirmed => "no: unchanged",
                    Ask::NotYet => "no: not yet",
                }
                .to_owned(),
            ]);
        }
    }
    if arguments.json {
        let header = ["pipeline", "part", "promised", "change_mark", "confirmed_at", "asked"];
        let objects: Vec<_> = rows
            .iter()
            .map(|row| {
                header
                    .iter()
                    .zip(row)
                    .map(|(k, v)| ((*k).to_owned(), serde_json::Value::String(v.clone())))
                    .collect::<serde_json::Map<_, _>>()
            })
            .collect();
        output::json(&objects)?;
    } else {
        output::table(
            &["pipeline", "part", "promised", "change mark", "confirmed", "asked"],
            rows,
        );
    }
    Ok(code)
}

/// `klimalade verify`.
pub(crate) async fn verify(arguments: &Arguments) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    let lake = ground.lake(arguments, true).await?;
    let findings = lake.verify().await?;
    if arguments.json {
        let objects: Vec<_> = findings
            .iter()
            .map(|finding| {
                serde_json::json!({
                    "what": finding.what, "place": finding.place, "expected": finding.expected,
                    "found": finding.found, "hint": finding.hint,
                })
            })
            .collect();
        output::json(&objects)?;
        return Ok(if findings.is_empty() { 0 } else { FINDINGS });
    }
    for finding in &findings {
        data(format!(
            "{}\n  at       {}\n  expected {}\n  found    {}\n  hint     {}",
            finding.what, finding.place, finding.expected, finding.found, finding.hint
        ));
    }
    let states = lake.states().await?;
    let files: usize = states.iter().map(|state| state.partitions.len()).sum();
    let rows: u64 = states
        .iter()
        .flat_map(|state| state.partitions.values())
        .map(|partition| partition.rows)
        .sum();
    data(format!(
        "{}, {}, {} rows, {} findings",
        output::count(states.len(), "owner"),
        output::count(files, "file"),
        grouped(rows),
        findings.len()
    ));
    Ok(if findings.is_empty() { 0 } else { FINDINGS })
}

/// `klimalade vacuum`.
pub(crate) async fn vacuum(arguments: &Arguments, vacuum: &Vacuum) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    let simulated = ground.lake(arguments, true).await?.simulated();
    let options = klimalade_lake::OpenOptions {
        simulated,
        spool: ground.scratch.path().to_owned(),
        ..Default::default()
    };
    let lake = klimalade_lake::Lake::open(&ground.lake_address(arguments), options).await?;
    let now = SystemClock.now();
    let older_than = now
        .checked_sub(SignedDuration::from_hours(24 * i64::from(vacuum.older_than_days)))
        .map_err(|source| Fault::settings("not so many days").because(source))?;
    let run_id = format!("{}-vacuum", now.strftime("%Y%m%dT%H%M%SZ"));
    let (mut rows, mut code) = (Vec::new(), 0);
    for state in lake.states().await? {
        let Some(lock) = lake.lock(&state.owner, &run_id).await? else {
            output::warning(&state.owner, "locked by another run: left alone");
            code = FINDINGS;
            continue;
        };
        let outcome = lake.vacuum(&lock, older_than, vacuum.dry_run).await;
        lock.release().await?;
        let gone = outcome?;
        rows.push(vec![
            state.owner.clone(),
            gone.manifests.to_string(),
            gone.pages.to_string(),
            grouped(gone.bytes),
            gone.kept_manifests.to_string(),
        ]);
    }
    let words = if vacuum.dry_run { "would remove" } else { "removed" };
    output::table(
        &[
            "pipeline",
            &format!("snapshots {words}"),
            "pages",
            "bytes",
            "snapshots kept",
        ],
        rows,
    );
    Ok(code)
}

/// `klimalade retire`.
pub(crate) async fn retire(arguments: &Arguments, retire: &Retire) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    let lake = ground.lake(arguments, true).await?;
    let kind = lake.simulated();
    let options = klimalade_lake::OpenOptions {
        simulated: kind,
        spool: ground.scratch.path().to_owned(),
        ..Default::default()
    };
    let lake = klimalade_lake::Lake::open(&ground.lake_address(arguments), options).await?;
    let owners = ground.catalogue.owners();
    let owner = owners.iter().find(|owner| owner.name == retire.owner);
    let owner = match owner {
        Some(owner) => (*owner).clone(),
        None => klimalade_pipeline::Owner::unknown(
            &retire.owner,
            &lake
                .state(&retire.owner)
                .await?
                .map(|state| state.table)
                .unwrap_or_default(),
        ),
    };
    let house = ground.quiet_house(lake)?;
    let run_id = format!("{}-retire", house.clock.now().strftime("%Y%m%dT%H%M%SZ"));
    let (revisions, removed) = retire_owner(&house, &owner, &run_id).await?;
    for key in removed {
        data(format!("removed {key}"));
    }
    data(format!(
        "{} written to core/revision",
        output::count(usize::try_from(revisions).unwrap_or(usize::MAX), "row")
    ));
    Ok(0)
}

/// `klimalade status`.
pub(crate) async fn status(arguments: &Arguments, status: &Status) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    let lake = ground.lake(arguments, true).await?;
    if status.html {
        let pipelines = ground.catalogue.described(&ground.schemas)?;
        let now = SystemClock.now();
        klimalade_report::write_status_to(&lake, &ground.schemas, &pipelines, now, &status.out).await?;
        data(status.out.join("status.html").display().to_string());
        return Ok(0);
    }
    let secrets = if arguments.demo || lake.simulated() {
        demo::secrets(&ground.catalogue)
    } else {
        ground.settings.secrets()
    };
    let mut rows = Vec::new();
    for owner in ground.catalogue.owners() {
        let state = lake.state(&owner.name).await?;
        let missing: Vec<String> = owner
            .definition
            .secrets()
            .into_iter()
            .filter(|name| secrets.get(name).is_none())
            .collect();
        let word = match &state {
            _ if owner.definition.harvest.off => "off".to_owned(),
            None if !missing.is_empty() => format!(
                "off: set KLIMALADE_SECRET_{}",
                missing.join(", KLIMALADE_SECRET_").to_uppercase()
            ),
            None => "never published".to_owned(),
            Some(state) if state.retired_at.is_some() => "retired".to_owned(),
            Some(_) => "published".to_owned(),
        };
        let files: u64 = state
            .iter()
            .flat_map(|state| state.partitions.values())
            .map(|partition| partition.rows)
            .sum();
        let newest = state
            .iter()
            .flat_map(|state| state.parts.values())
            .map(|part| part.confirmed_at.clone())
            .max();
        let oldest = state
            .iter()
            .flat_map(|state| state.parts.values())
            .map(|part| part.confirmed_at.clone())
            .min();
        rows.push(vec![
            owner.name.clone(),
            owner.definition.table.clone(),
            word,
            state.as_ref().map_or(0, |state| state.parts.len()).to_string(),
            grouped(files),
            oldest.unwrap_or_default(),
            newest.unwrap_or_default(),
        ]);
    }
    let header = [
        "pipeline",
        "table",
        "status",
        "parts",
        "rows",
        "oldest_confirmation",
        "newest_confirmation",
    ];
    if arguments.json {
        let objects: Vec<_> = rows
            .iter()
            .map(|row| {
                header
                    .iter()
                    .zip(row)
                    .map(|(k, v)| ((*k).to_owned(), serde_json::Value::String(v.clone())))
                    .collect::<serde_json::Map<_, _>>()
            })
            .collect();
        output::json(&objects)?;
    } else {
        output::table(&header.map(|name| name), rows);
        last_night(&lake).await?;
        if lake.simulated() {
            data("");
            data(format!("SIMULATED figures: lake {}", lake.address()));
        }
    }
    Ok(0)
}

/// What the newest finished night said of owners that are not well.
async fn last_night(lake: &klimalade_lake::Lake) -> Result<()> {
    let nights = lake.list("ledger").await?;
    let Some(newest) = nights
        .iter()
        .map(|file| &file.key)
        .filter(|key| key.ends_with("/night.json"))
        .max()
    else {
        return Ok(());
    };
    let Some(bytes) = lake.get(newest).await? else {
        return Ok(());
    };
    let night: serde_json::Value = serde_json::from_slice(&bytes).map_err(|source| {
        Fault::source("a night of the ledger cannot be read")
            .at(newest.clone())
            .because(source)
    })?;
    data("");
    data(format!(
        "last night {}, finished {}",
        night["run_id"].as_str().unwrap_or_default(),
        night["finished_at"].as_str().unwrap_or_default()
    ));
    for owner in night["owners"].as_array().into_iter().flatten() {
        for warning in owner["warnings"].as_array().into_iter().flatten() {
            data(format!(
                "{}: {}",
                owner["owner"].as_str().unwrap_or_default(),
                warning.as_str().unwrap_or_default()
            ));
        }
        for fault in owner["faults"].as_array().into_iter().flatten() {
            data(format!(
                "{}: {}",
                owner["owner"].as_str().unwrap_or_default(),
                fault.as_str().unwrap_or_default()
            ));
        }
    }
    Ok(())
}
