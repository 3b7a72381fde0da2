use klimalade_lake::{Lake, OpenOptions};
use klimalade_model::Result;
use klimalade_run::{House, NightOptions, OwnerRehearsal, Rows, rehearse};

use crate::{
    arguments::Arguments,
    night::faults,
    output::{self, data, grouped},
    setup::Ground,
};

/// Files of one owner that are listed; the others are counted. `--json` has them all.
const FILES_SHOWN: usize = 12;

/// A lake laid over the one that stands, in the scratch folder: it goes with the command.
pub(crate) async fn lake(ground: &Ground, arguments: &Arguments) -> Result<Lake> {
    let options = OpenOptions {
        simulated: arguments.demo,
        spool: ground.scratch.path().to_owned(),
        ..OpenOptions::default()
    };
    let folder = ground.scratch.path().join("rehearsal");
    Lake::rehearsal(&ground.lake_address(arguments), &folder, options).await
}

/// `klimalade run --dry-run` and `klimalade replay --dry-run`.
pub(crate) async fn run(
    ground: &Ground,
    arguments: &Arguments,
    strict: bool,
    house: &House,
    options: &NightOptions,
) -> Result<u8> {
    // Where nothing was ever published there may be no lake.
    let standing = if house.lake.each_state().await?.is_empty() {
        None
    } else {
        Some(ground.lake(arguments, true).await?)
    };
    let rehearsal = rehearse(house, standing.as_ref(), options).await?;
    if arguments.json {
        output::json(&rehearsal.owners)?;
    } else {
        for (at, owner) in rehearsal.owners.iter().enumerate() {
            if at > 0 {
                data("");
            }
            print(owner);
        }
        data("");
        let address = house.lake.address();
        data(format!("DRY RUN: nothing was written to the lake {address}"));
        for owner in &rehearsal.night.owners {
            for warning in &owner.warnings {
                output::warning(&owner.owner, warning);
            }
            faults(owner);
        }
    }
    let broken = u8::from(!ground.catalogue.broken.is_empty() && options.names.is_empty());
    Ok(rehearsal.night.exit_code(strict).max(broken))
}

fn print(owner: &OwnerRehearsal) {
    data(format!("{}  {}", owner.owner, verdict(owner)));
    let requests = &owner.requests;
    if requests.plan + requests.parts > 0 {
        data(format!(
            "  requests  {} to plan, {} for {} of {} parts; waiting under the limits about {} (an estimate: {} ms between two)",
            requests.plan,
            requests.parts,
            requests.parts_asked,
            requests.parts_offered,
            lasting(requests.waiting_seconds),
            requests.interval_millis
        ));
    }
    if owner.rows.mapped > 0 {
        data(format!("  rows      {}", rows(&owner.rows)));
    }
    for reject in &owner.rejects {
        let cell = |name: &str| reject.get(name).unwrap_or("null").to_owned();
        data(format!(
            "  rejected  part {}, row {}: {} {}: found {}, expected {}",
            cell("part"),
            cell("row_number"),
            cell("reason_code"),
            cell("column_name"),
            cell("found"),
            cell("expected")
        ));
    }
    for file in owner.files.iter().take(FILES_SHOWN) {
        data(format!(
            "  {:9} {}: {} rows; {} added, {} changed, {} vanished",
            file.what,
            file.key,
            grouped(file.rows),
            grouped(file.added),
            grouped(file.changed),
            grouped(file.vanished)
        ));
    }
    if owner.files.len() > FILES_SHOWN {
        data(format!("  ... {} files in all; --json lists them", owner.files.len()));
    }
    for change in &owner.changes {
        data(format!(
            "  change    {} {}: {} {} -> {}",
            change.table,
            telling(&change.row_key),
            change.column,
            change.old.as_deref().unwrap_or("null"),
            change.new.as_deref().unwrap_or("null")
        ));
    }
}

/// Seconds as people say them.
fn lasting(seconds: f64) -> String {
    match seconds {
        ..10.0 => format!("{seconds:.1} s"),
        ..120.0 => format!("{seconds:.0} s"),
        ..7200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// A row's key without what nobody broke the figure down by.
fn telling(row_key: &str) -> String {
    let cells = row_key
        .split('|')
        .filter(|cell| !cell.ends_with("=_T") && !cell.ends_with("=_Z"));
    cells.collect::<Vec<_>>().join(" ")
}

fn verdict(owner: &OwnerRehearsal) -> &str {
    match owner.status {
        "published" => "would be published",
        "unchanged" => "would be unchanged",
        "failed" => "would be REFUSED",
        "warning" => "would end with a warning",
        other => other,
    }
}

fn rows(rows: &Rows) -> String {
    let skipped: u64 = rows.skipped.values().sum();
    let reasons: Vec<String> = rows
        .skipped
        .iter()
        .map(|(reason, number)| format!("{reason} {}", grouped(*number)))
        .collect();
    let reasons = if reasons.is_empty() {
        String::new()
    } else {
        format!(" ({})", reasons.join(", "))
    };
    format!(
        "{} received, {} mapped: {} published, {} control, {} skipped{reasons}, {} rejected",
        grouped(rows.received),
        grouped(rows.mapped),
        grouped(rows.published),
        grouped(rows.control),
        grouped(skipped),
        grouped(rows.rejected)
    )
}
