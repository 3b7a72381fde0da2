use std::collections::BTreeMap;

use futures::StreamExt;
use jiff::{Timestamp, ToSpan};
use klimalade_lake::Lake;
use klimalade_model::{Fault, Result};
use klimalade_pipeline::{Owner, Task, check_ownership};
use serde::{Deserialize, Serialize};

use crate::{
    harvest::{Night, harvest_owner},
    house::{House, NightOptions, rfc3339},
    report::{NightReport, OwnerReport, Status},
    view::{build_view, reads_owner},
};

/// A broken night younger than this is gone on with.
const RESUME_HOURS: i64 = 20;

#[derive(Serialize, Deserialize)]
struct Begun {
    run_id: String,
    started_at: String,
}

/// Finished nights of a lake: which night comes next, from 0.
pub async fn night_number(lake: &Lake) -> Result<u32> {
    let finished = lake
        .list("ledger")
        .await?
        .iter()
        .filter(|file| file.key.ends_with("/night.json"))
        .count();
    Ok(u32::try_from(finished).unwrap_or(u32::MAX))
}

/// Runs a night. Errors: Settings, when a name is unknown or two pipelines publish one indicator: then nothing runs.
pub async fn run_night(house: &House, options: &NightOptions) -> Result<NightReport> {
    let started = house.clock.now();
    let selected: Vec<Owner> = house
        .catalogue
        .select(&options.names)?
        .into_iter()
        .filter(|owner| !options.left_out.contains(&owner.name))
        .cloned()
        .collect();
    let all = house.catalogue.owners();
    let run_id = format!("{}-{}", started.strftime("%Y%m%dT%H%M%S%3fZ"), std::process::id());
    let resume_since = broken_night(&house.lake, started).await?;
    let begun = Begun {
        run_id: run_id.clone(),
        started_at: rfc3339(started),
    };
    let text =
        serde_json::to_vec_pretty(&begun).map_err(|source| Fault::bug("a night cannot be written").because(source))?;
    house.lake.put(&format!("ledger/{run_id}/begun.json"), text).await?;
    let night = Night {
        run_id: run_id.clone(),
        resume_since,
        replay: options.replay,
    };
    let not_run = |owner: &Owner, status: Status| OwnerReport {
        owner: owner.name.clone(),
        table: owner.definition.table.clone(),
        status,
        kind: None,
        parts: Vec::new(),
        replaced: Vec::new(),
        revisions: 0,
        faults: Vec::new(),
        warnings: Vec::new(),
        seconds: 0.0,
    };
    let refused = |owner: &Owner, fault: &Fault| OwnerReport {
        kind: Some(fault.kind()),
        faults: vec![fault.to_string()],
        ..not_run(owner, Status::Failed)
    };
    let mut owners: Vec<OwnerReport> = Vec::new();
    let (mut harvests, mut views) = (Vec::new(), Vec::new());
    let retired = retired_owners(&house.lake).await?;
    for owner in &selected {
        // Who was retired comes back when it is named, and not by itself.
        if options.names.is_empty()
            && let Some(since) = retired.get(&owner.name)
        {
            owners.push(OwnerReport {
                warnings: vec![format!(
                    "retired {since}; it comes back with: klimalade run {}",
                    owner.name
                )],
                ..not_run(owner, Status::Retired)
            });
            continue;
        }
        // Of two pipelines that claim one indicator the one whose figures stand in the lake goes on: a folder added
        // beside it is no failure of its own. Where none does, neither is run: which of them is right is not ours to
        // say.
        let rivals = all
            .iter()
            .filter(|other| other.name != owner.name && !retired.contains_key(&other.name));
        let clash = rivals.filter_map(|other| check_ownership(&[other, owner]).err()).next();
        if let Some(fault) = clash
            && !stands(&house.lake, &owner.name).await
        {
            owners.push(refused(owner, &fault));
        } else if owner.definition.kind == Task::View {
            views.push(owner.clone());
        } else {
            harvests.push(owner.clone());
        }
    }
    let based: Vec<Owner> = harvests
        .iter()
        .filter(|owner| owner.definition.raw_of.is_some())
        .cloned()
        .collect();
    harvests.retain(|owner| owner.definition.raw_of.is_none());
    for group in [harvests, based] {
        let running = futures::stream::iter(group.into_iter().map(|owner| {
            let (house, night) = (house.clone(), night.clone());
            async move {
                let name = owner.name.clone();
                let task = tokio::spawn(async move { harvest_owner(&house, &owner, &night).await });
                (name, task.await)
            }
        }))
        .buffer_unordered(options.concurrency.max(1));
        let finished: Vec<_> = running.collect().await;
        for (name, outcome) in finished {
            match outcome {
                Ok(report) => owners.push(report),
                Err(error) => {
                    let fault = Fault::bug("the night of an owner broke")
                        .at(name.clone())
                        .found(error.to_string());
                    let owner = selected.iter().find(|owner| owner.name == name);
                    owners.extend(owner.map(|owner| refused(owner, &fault)));
                }
            }
        }
    }
    owners.sort_by(|a, b| a.owner.cmp(&b.owner));
    for owner in in_reading_order(views)? {
        owners.push(build_view(house, &owner, &night).await);
    }
    for name in &options.left_out {
        owners.push(OwnerReport {
            status: Status::LeftOut,
            owner: name.clone(),
            table: String::new(),
            kind: None,
            parts: Vec::new(),
            replaced: Vec::new(),
            revisions: 0,
            faults: Vec::new(),
            warnings: vec!["no simulated agency serves it".to_owned()],
            seconds: 0.0,
        });
    }
    let report = NightReport {
        run_id: run_id.clone(),
        simulated: house.lake.simulated(),
        owners,
    };
    if !house.cancel.is_cancelled() {
        let text = serde_json::to_vec_pretty(&serde_json::json!({
            "run_id": run_id,
            "started_at": rfc3339(started),
            "finished_at": house.now_text(),
            "simulated": report.simulated,
            "owners": report.owners.iter().map(|owner| serde_json::json!({
                "owner": owner.owner, "status": owner.status, "kind": owner.kind, "faults": owner.faults,
            })).collect::<Vec<_>>(),
        }))
        .map_err(|source| Fault::bug("a night cannot be written").because(source))?;
        house.lake.put(&format!("ledger/{run_id}/night.json"), text).await?;
    }
    Ok(report)
}

/// Owners that were retired and have not come back, and since when.
async fn retired_owners(lake: &Lake) -> Result<BTreeMap<String, String>> {
    let states = lake.states().await?;
    Ok(states
        .into_iter()
        .filter_map(|state| Some((state.owner, state.retired_at?)))
        .collect())
}

/// True when the owner has published and was not retired since.
async fn stands(lake: &Lake, owner: &str) -> bool {
    lake.state(owner)
        .await
        .is_ok_and(|state| state.is_some_and(|state| state.retired_at.is_none() && !state.partitions.is_empty()))
}

/// Start of the newest night, when it is unfinished and young.
async fn broken_night(lake: &Lake, now: Timestamp) -> Result<Option<Timestamp>> {
    let files = lake.list("ledger").await?;
    let Some(newest) = files
        .iter()
        .filter(|file| file.key.ends_with("/begun.json"))
        .map(|file| &file.key)
        .max()
    else {
        return Ok(None);
    };
    let finished = newest.replace("/begun.json", "/night.json");
    if files.iter().any(|file| file.key == finished) {
        return Ok(None);
    }
    let Some(bytes) = lake.get(newest).await? else {
        return Ok(None);
    };
    let Ok(begun) = serde_json::from_slice::<Begun>(&bytes) else {
        return Ok(None);
    };
    let Ok(started) = begun.started_at.parse::<Timestamp>() else {
        return Ok(None);
    };
    let oldest = now.checked_sub(RESUME_HOURS.hours()).unwrap_or(now);
    Ok((started >= oldest).then_some(started))
}

/// Views after the views whose rows they read.
fn in_reading_order(mut views: Vec<Owner>) -> Result<Vec<Owner>> {
    views.sort_by(|a, b| a.name.cmp(&b.name));
    let mut ordered: Vec<Owner> = Vec::new();
    while !views.is_empty() {
        let first = |firm: bool| {
            views
                .iter()
                .position(|view| !views.iter().any(|other| waits_for(view, other, firm)))
        };
        let at = first(false).or_else(|| first(true)).ok_or_else(|| {
            Fault::settings("views read each other in a circle")
                .found(
                    views
                        .iter()
                        .map(|view| view.name.as_str())
                        .collect::<Vec<_>>()
                        .join(", "),
                )
                .hint("name in each what it reads: reads = [\"<pipeline>\"]")
        })?;
        ordered.push(views.remove(at));
    }
    Ok(ordered)
}

/// True when a view reads what another fills. Two views of one table that do not say what they read may read each
/// other only in appearance: such an edge is not `firm`.
fn waits_for(view: &Owner, other: &Owner, firm: bool) -> bool {
    let table = &other.definition.table;
    other.name != view.name
        && reads_owner(view, &other.name)
        && klimalade_engine::tables_read(&view.sql).is_ok_and(|read| read.contains(table))
        && (!firm || !view.definition.reads.is_empty() || view.definition.table != *table)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn view(name: &str, from: &str, reads: &[&str]) -> Owner {
        let mut view = Owner::unknown(name, "observation");
        view.sql = format!("SELECT * FROM core.{from}");
        view.definition.reads = reads.iter().map(|name| (*name).to_owned()).collect();
        view
    }
    fn order(views: Vec<Owner>) -> Result<Vec<String>> {
        Ok(in_reading_order(views)?.into_iter().map(|view| view.name).collect())
    }

    #[test]
    fn views_of_one_table_are_built_after_those_that_they_read() {
        let views = vec![
            view("a_share", "observation", &["b_sum"]),
            view("b_sum", "observation", &["c_january"]),
            view("c_january", "observation_within_year", &[]),
        ];
        assert_eq!(order(views).unwrap(), ["c_january", "b_sum", "a_share"]);
    }

    #[test]
    fn a_view_that_names_nobody_is_built_after_the_others_of_its_table() {
        let views = vec![
            view("a_share", "observation", &[]),
            view("b_january", "observation_within_year", &[]),
        ];
        assert_eq!(order(views).unwrap(), ["b_january", "a_share"]);
        // Two that name nobody read each other in appearance only.
        let views = vec![view("a", "observation", &[]), view("b", "observation", &[])];
        assert_eq!(order(views).unwrap(), ["a", "b"]);
    }

    #[test]
    fn views_that_name_each_other_are_refused() {
        let views = vec![view("a", "observation", &["b"]), view("b", "observation", &["a"])];
        let fault = order(views).unwrap_err();
        assert!(fault.to_string().contains("in a circle"), "{fault}");
    }
}
