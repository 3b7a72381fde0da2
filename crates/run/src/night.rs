use futures::StreamExt;
use klimalade_lake::Lake;
use klimalade_model::{Fault, Result};
use klimalade_pipeline::{Owner, Task, clashes};

use crate::{
    harvest::{Night, harvest_owner},
    house::{House, NightOptions, rfc3339},
    locked::outlasts_lock,
    report::{NightReport, OwnerReport, Status},
    states::States,
    view::{build_view, reads_owner},
};

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
    let states = States::read(&house.lake, &house.catalogue).await?;
    let night = Night {
        run_id: run_id.clone(),
        replay: options.replay,
        repair: options.repair,
        states,
    };
    let refused = |owner: &Owner, fault: &Fault| {
        house.progress.failed(&owner.name, "*", fault, false);
        OwnerReport {
            kind: Some(fault.kind()),
            faults: vec![fault.to_string()],
            ..OwnerReport::new(owner, Status::Failed)
        }
    };
    let mut owners: Vec<OwnerReport> = Vec::new();
    let (mut harvests, mut views) = (Vec::new(), Vec::new());
    let retired = night.states.retired();
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
                ..OwnerReport::new(owner, Status::Retired)
            });
            continue;
        }
        // Of two pipelines that claim one indicator the one whose figures stand in the lake goes on: a folder added
        // beside it is no failure of its own. Where none does, neither is run: which of them is right is not ours to
        // say.
        let rivals = all
            .iter()
            .filter(|other| other.name != owner.name && !retired.contains_key(&other.name));
        let clash = rivals.flat_map(|other| clashes(&[other, owner], &house.schemas)).next();
        if let Some(clash) = clash
            && !night.states.stands(&owner.name)
        {
            owners.push(refused(owner, &clash.fault));
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
    for report in &mut owners {
        // What a dead run locked on an object store runs out within a quarter of an hour: worth waiting for.
        if report.status == Status::Locked
            && outlasts_lock(house, &report.owner).await
            && let Some(owner) = selected.iter().find(|owner| owner.name == report.owner)
        {
            *report = harvest_owner(house, owner, &night).await;
        }
    }
    owners.sort_by(|a, b| a.owner.cmp(&b.owner));
    let (views, circle) = in_reading_order(views);
    for owner in views {
        let (house, night, view) = (house.clone(), night.clone(), owner.clone());
        let built = on_deep_stack(async move { build_view(&house, &view, &night).await });
        owners.push(match built.await {
            Ok(report) => report,
            Err(fault) => refused(&owner, &fault.at(owner.name.clone())),
        });
    }
    owners.extend(circle.iter().map(|(owner, fault)| refused(owner, fault)));
    for name in &options.left_out {
        owners.push(OwnerReport {
            status: Status::LeftOut,
            owner: name.clone(),
            table: String::new(),
            kind: None,
            parts: Vec::new(),
            plan_requests: 0,
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
        named: !options.names.is_empty(),
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
                "warnings": owner.warnings,
            })).collect::<Vec<_>>(),
        }))
        .map_err(|source| Fault::bug("a night cannot be written").because(source))?;
        house.lake.put(&format!("ledger/{run_id}/night.json"), text).await?;
    }
    Ok(report)
}

/// Stack of a thread that plans a view. A view of layer out is a statement of some thirty pieces, and the planner goes down
/// them by recursion: more than the two megabytes that tokio and test threads have.
const VIEW_STACK_BYTES: usize = 32 << 20;

/// Runs a future to its end on a thread of its own. Errors: Bug, when the thread cannot be made or breaks.
async fn on_deep_stack<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    std::thread::Builder::new()
        .name("view".to_owned())
        .stack_size(VIEW_STACK_BYTES)
        .spawn(move || sender.send(runtime.block_on(future)))
        .map_err(|source| Fault::bug("a thread cannot be made").because(source))?;
    receiver.await.map_err(|_| Fault::bug("the night of a view broke"))
}

/// Views after the views whose rows they read; and those that wait for each other, each with why it cannot be built.
fn in_reading_order(mut views: Vec<Owner>) -> (Vec<Owner>, Vec<(Owner, Fault)>) {
    views.sort_by(|a, b| a.name.cmp(&b.name));
    let mut ordered: Vec<Owner> = Vec::new();
    loop {
        let first = |firm: bool| {
            views
                .iter()
                .position(|view| !views.iter().any(|other| waits_for(view, other, firm)))
        };
        let Some(at) = first(false).or_else(|| first(true)) else {
            break;
        };
        ordered.push(views.remove(at));
    }
    let names: Vec<&str> = views.iter().map(|view| view.name.as_str()).collect();
    let fault = Fault::settings("views read each other in a circle")
        .found(names.join(", "))
        .hint("name in each what it reads: reads = [\"<pipeline>\"]");
    let circle = views.into_iter().map(|view| (view, fault.clone())).collect();
    (ordered, circle)
}

/// True when a view reads what another fills. Two views of one table that do not say what they read may read each
/// other only in appearance: such an edge is not `firm`.
fn waits_for(view: &Owner, other: &Owner, firm: bool) -> bool {
    let table = &other.definition.table;
    let reads_table =
        || klimalade_engine::tables_read(&view.sql).is_ok_and(|read| read.iter().any(|name| name.name == *table));
    other.name != view.name
        && reads_owner(view, &other.name)
        && reads_table()
        && (!firm || !view.definition.reads.is_empty() || view.definition.table != *table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(name: &str, from: &str, reads: &[&str]) -> Owner {
        let mut view = Owner::unknown(name, "observation");
        view.sql = format!("SELECT * FROM core.{from}");
        view.definition.reads = reads.iter().map(|name| (*name).to_owned()).collect();
        view
    }
    fn order(views: Vec<Owner>) -> Vec<String> {
        let (ordered, circle) = in_reading_order(views);
        assert!(circle.is_empty(), "{circle:?}");
        ordered.into_iter().map(|view| view.name).collect()
    }

    #[test]
    fn views_of_one_table_are_built_after_those_that_they_read() {
        let views = vec![
            view("a_share", "observation", &["b_sum"]),
            view("b_sum", "observation", &["c_january"]),
            view("c_january", "observation_within_year", &[]),
        ];
        assert_eq!(order(views), ["c_january", "b_sum", "a_share"]);
    }

    #[test]
    fn a_view_that_names_nobody_is_built_after_the_others_of_its_table() {
        let views = vec![
            view("a_share", "observation", &[]),
            view("b_january", "observation_within_year", &[]),
        ];
        assert_eq!(order(views), ["b_january", "a_share"]);
        // Two that name nobody read each other in appearance only.
        let views = vec![view("a", "observation", &[]), view("b", "observation", &[])];
        assert_eq!(order(views), ["a", "b"]);
    }

    #[test]
    fn views_that_name_each_other_are_refused_and_no_others() {
        let views = vec![
            view("a", "observation", &["b"]),
            view("b", "observation", &["a"]),
            view("c", "observation_within_year", &[]),
        ];
        let (ordered, circle) = in_reading_order(views);
        assert_eq!(ordered.len(), 1, "the others are built");
        assert_eq!(circle.len(), 2);
        assert!(
            circle
                .iter()
                .all(|(_, fault)| fault.to_string().contains("in a circle"))
        );
    }
}
