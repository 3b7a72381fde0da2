//! What a lake keeps of what went wrong: rejected rows, and controls that disagree.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use klimalade_lake::Lake;
use klimalade_model::{Result, Schemas};

use super::facts::{Control, Names, Night, Owner, Rejected, kept};
use crate::data::Frame;

/// The newest rejects of each owner, where they still count: of its newest night, or where its rows in the ledger still have some.
pub(super) async fn read_rejects(
    lake: &Lake,
    nights: &[Night],
    owners: &BTreeMap<String, Owner>,
    spool: &Path,
    damage: &mut Vec<String>,
) -> Result<Vec<Rejected>> {
    let keys: BTreeSet<String> = lake
        .list("reject")
        .await?
        .into_iter()
        .map(|listed| listed.key)
        .collect();
    let mut all = Vec::new();
    for owner in owners.values() {
        let key = |night: &Night| format!("reject/{}/{}.parquet", night.run_id, owner.name);
        let Some(night) = nights.iter().find(|night| keys.contains(&key(night))) else {
            continue;
        };
        let is_newest = nights
            .iter()
            .find(|night| night.tallies.contains_key(&owner.name))
            .is_some_and(|newest| newest.run_id == night.run_id);
        if !is_newest && owner.tally.is_none_or(|tally| tally.rejected == 0) {
            continue;
        }
        let Some(rows) = kept(Frame::file(lake, &key(night), spool).await, damage) else {
            continue;
        };
        let mut by_reason: BTreeMap<String, Rejected> = BTreeMap::new();
        for row in rows.rows() {
            let reason = rows.text(row, "reason_code").to_owned();
            let first = || ["column_name", "found", "expected"].map(|column| rows.text(row, column).to_owned());
            let group = by_reason.entry(reason.clone()).or_insert_with(|| Rejected {
                owner: owner.name.clone(),
                run_id: night.run_id.clone(),
                reason,
                count: 0,
                first: first(),
            });
            group.count += 1;
        }
        all.extend(by_reason.into_values());
    }
    all.sort_by(|a, b| {
        b.count
            .cmp(&a.count)
            .then_with(|| (&a.owner, &a.reason).cmp(&(&b.owner, &b.reason)))
    });
    Ok(all)
}

/// Controls that disagree, by owner, indicator and kind.
pub(super) async fn read_controls(lake: &Lake, spool: &Path, damage: &mut Vec<String>) -> Result<Vec<Control>> {
    let mut keys: Vec<String> = lake
        .list("core/control_total")
        .await?
        .into_iter()
        .map(|listed| listed.key)
        .collect();
    keys.sort();
    let mut groups: BTreeMap<[String; 5], Control> = BTreeMap::new();
    for key in keys.iter().filter(|key| key.ends_with(".parquet")) {
        let owner = key
            .split('/')
            .find_map(|part| part.strip_prefix("pipeline="))
            .unwrap_or_default();
        let Some(rows) = kept(Frame::file(lake, key, spool).await, damage) else {
            continue;
        };
        for row in rows
            .rows()
            .filter(|row| !matches!(rows.text(*row, "verdict_code"), "agrees" | ""))
        {
            let text = |column| rows.text(row, column).to_owned();
            let year = rows.text(row, "period_start").get(..4).unwrap_or_default().to_owned();
            let difference = rows.number(row, "difference").unwrap_or_default();
            let names = [
                text("verdict_code"),
                owner.to_owned(),
                text("indicator_code"),
                text("what_code"),
                text("reason"),
            ];
            let control = groups.entry(names.clone()).or_insert_with(|| {
                let [verdict, owner, indicator, what, reason] = names;
                let largest = (difference, text("area_code"), year.clone());
                Control {
                    owner,
                    verdict,
                    indicator,
                    what,
                    reason,
                    unit: text("unit_code"),
                    count: 0,
                    years: (year.clone(), year.clone()),
                    largest,
                }
            });
            control.count += 1;
            control.years.0 = control.years.0.clone().min(year.clone());
            control.years.1 = control.years.1.clone().max(year.clone());
            if difference.abs() > control.largest.0.abs() {
                control.largest = (difference, text("area_code"), year);
            }
        }
    }
    // fails stands before known.
    Ok(groups.into_values().collect())
}

/// Names of the codes of controls.
pub(super) fn names(schemas: &Schemas, controls: &[Control]) -> Result<Names> {
    let mut all = BTreeMap::new();
    for control in controls {
        let codes = [
            ("indicators", &control.indicator),
            ("control_kinds", &control.what),
            ("units", &control.unit),
            ("areas", &control.largest.1),
        ];
        for (list, code) in codes {
            let Ok(codes) = schemas.code_list(list) else { continue };
            let name = |column| codes.get(code, column).unwrap_or(code).to_owned();
            all.insert((list, code.clone()), (name("name_da"), name("name_en")));
        }
    }
    Ok(all)
}
