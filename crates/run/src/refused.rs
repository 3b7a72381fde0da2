use std::collections::BTreeSet;

use klimalade_engine::Reject;
use klimalade_lake::{Areas, Publishes};
use klimalade_model::{Fault, Part, Result};
use klimalade_pipeline::PartsLeave;

use crate::{
    mapper::PartRows,
    publish::{PartResult, Publisher, planned},
};

/// Rejects of an owner that are written down; all are counted.
const WRITTEN_REJECTS: usize = 10_000;

/// What must not take published figures away: parts that are not offered any more, parts whose rows are refused.
impl Publisher<'_> {
    /// Keeps published parts that the plan leaves out though an older part is still in it: agencies drop the oldest
    /// figures, so a newer part that is missing is a hiccup. Each stays in the plan, as a failed part, so that its
    /// partitions stay as they were. Errors: Source, when nothing at all is planned.
    pub(crate) fn keep_missing(&self, plan: &mut Vec<Part>, results: &mut Vec<PartResult>) -> Result<()> {
        let shown = |key: &str| {
            let known = self.old.parts.get(key);
            known.filter(|part| part.counts.published > 0)
        };
        if plan.is_empty() && self.old.parts.keys().any(|key| shown(key).is_some()) {
            return Err(Fault::source("the plan is empty though figures are published")
                .at(format!("{}: plan", self.owner.name))
                .expected(format!("about {} parts, as before", self.old.parts.len()))
                .found("none")
                .hint(self.hint_to_retire()));
        }
        let any = self.owner.definition.harvest.parts_leave == PartsLeave::Any;
        // A part whose address was taken out of pipeline.toml was meant to go.
        let asks_otherwise = self
            .old
            .info
            .get(SOURCE)
            .is_some_and(|source| source.as_str() != Some(self.source_sha256().as_str()));
        if any || asks_otherwise {
            return Ok(());
        }
        let mut newest_kept: Option<usize> = None;
        for part in &self.old.plan {
            if let Some(at) = plan.iter().position(|kept| kept.key == part.key) {
                newest_kept = Some(newest_kept.map_or(at, |known| known.max(at)));
                continue;
            }
            let (Some(before), Some(state)) = (newest_kept, shown(&part.key)) else {
                continue;
            };
            plan.insert(before + 1, part.clone());
            newest_kept = Some(before + 1);
            let fault = Fault::source("a part with published figures is not offered any more")
                .at(format!("{}: plan", self.owner.name))
                .expected(format!("part {} still offered, as parts before it are", part.key))
                .found("no such part in the plan")
                .hint(format!(
                    "{}; where parts are taken away on purpose: [harvest] parts_leave = \"any\"",
                    self.hint_to_retire()
                ));
            results.push(PartResult {
                part: part.clone(),
                state: Some(state.clone()),
                rows: None,
                changed: false,
                fault: Some(fault),
                number: 0,
            });
        }
        Ok(())
    }

    /// Makes parts fail that were mapped and whose rows must not be published: too many of them broke the contract, or
    /// none is left of those that stand in core. A partition is replaced whole, so it would lose figures.
    pub(crate) fn refuse(&self, results: &mut [PartResult]) {
        let allowed = &self.owner.definition.checks.max_rejected;
        let allowed = allowed.as_ref().map_or(0, |max| max.rows);
        for result in results.iter_mut().filter(|result| result.fault.is_none()) {
            let Some(rows) = &result.rows else { continue };
            let old = self.old.parts.get(&result.part.key);
            let fault = if rows.counts.rejected > allowed {
                self.rejected_fault(rows, &result.part, allowed)
            } else if result.changed
                && rows.counts.published == 0
                && old.is_some_and(|old| {
                    old.counts.published > 0
                        && result.state.as_ref().map(|state| &state.mapping_hash) == Some(&old.mapping_hash)
                })
            {
                Fault::source("a part that had published rows gives none")
                    .at(format!("part {}", result.part.key))
                    .expected(format!(
                        "about {} rows to publish, as before",
                        old.map_or(0, |old| old.counts.published)
                    ))
                    .found(format!("{} mapped, 0 to publish", rows.counts.mapped))
                    .hint(self.hint_to_retire())
            } else {
                continue;
            };
            result.fault = Some(fault);
            result.state = old.cloned();
        }
    }

    fn rejected_fault(&self, rows: &PartRows, part: &Part, allowed: u64) -> Fault {
        let mut fault = Fault::contract("rows broke the table's contract")
            .at(format!("part {}", part.key))
            .expected(format!(
                "at most {allowed} rejected of {} mapped rows",
                rows.counts.mapped
            ));
        let Some(first) = rows.rejects.first() else {
            return fault;
        };
        fault = fault.found(format!(
            "{}; the first: {} {} found {} expected {}",
            rows.counts.rejected, first.reason_code, first.column, first.found, first.expected
        ));
        let list = self
            .table
            .column(&first.column)
            .and_then(|column| column.field.codes.as_ref());
        let mend = match (first.reason_code, list) {
            ("unknown_code", Some(list)) => {
                let own =
                    format!("add a row to schemas/codes/{list}.csv under --home (klimalade schema {list} prints it)");
                // map.sql puts a `?` before what is the agency's.
                let (wrong, schemas) = (first.found.trim_start_matches('?'), &self.house.schemas);
                let likely = schemas.code_list(list).ok().and_then(|list| list.likely(wrong));
                let aliases = schemas.code_list("area_aliases");
                match likely {
                    _ if list == "areas" && aliases.is_ok_and(|aliases| aliases.contains(wrong)) => {
                        format!("codes.area_aliases has {wrong}: LEFT JOIN it in map.sql")
                    }
                    Some(likely) if list == "areas" => format!(
                        "if {wrong} is {likely}: LEFT JOIN codes.area_aliases in map.sql, and a row of {wrong} in schemas/codes/area_aliases.csv under --home; else {own}"
                    ),
                    Some(likely) => format!("if {wrong} is {likely}: mend map.sql; else {own}"),
                    None => format!("mend map.sql, or {own}"),
                }
            }
            ("range", _) => "mend map.sql, or [checks.range] of the indicator".to_owned(),
            _ => "mend map.sql or the code list".to_owned(),
        };
        fault.hint(format!(
            "{mend}; rows that are right to lose: [checks] max_rejected = {{ rows = N, reason = \"...\" }}"
        ))
    }

    /// A partition may go when every part that filled it has left the plan, or when its rows moved to others and
    /// nothing is declared that none can fulfil. Errors: Contract.
    pub(crate) fn check_removal(&self, key: &str, results: &[PartResult]) -> Result<()> {
        let Some(old) = self.old.partitions.get(key) else {
            return Ok(());
        };
        if old.parts.iter().all(|part| !planned(results, part)) {
            return Ok(());
        }
        let checks = &self.owner.definition.checks;
        let moved = results.iter().any(|result| {
            old.parts.contains(&result.part.key) && result.rows.as_ref().is_some_and(|rows| rows.counts.published > 0)
        });
        if moved && checks.min_rows == 0 && checks.expected_areas.is_none() {
            return Ok(());
        }
        Err(Fault::contract("a partition would lose all its rows")
            .at(key.to_owned())
            .expected(format!("about {} rows, as before", old.rows))
            .found("0 rows")
            .hint(self.hint_to_retire()))
    }

    fn hint_to_retire(&self) -> String {
        format!(
            "if they are withdrawn: klimalade retire {0}, then klimalade run {0}",
            self.owner.name
        )
    }

    /// What the state keeps besides: where the figures are from, and which request planned them.
    pub(crate) fn info(&self) -> serde_json::Value {
        serde_json::json!({
            "source_id": self.house.source_id(self.owner),
            "indicators": self.owner.definition.publishes.indicators,
            SOURCE: self.source_sha256(),
        })
    }

    /// Hash of the settings that plan the parts.
    fn source_sha256(&self) -> String {
        let planner = self.house.catalogue.raw_owner(self.owner).unwrap_or(self.owner);
        let text = serde_json::to_string(&planner.definition.source).unwrap_or_default();
        klimalade_model::sha256_hex(text.as_bytes())
    }

    /// What the state says is published. While anything stays as it was, what stood there before is claimed as well:
    /// another owner must not take an indicator over that a held file still shows.
    pub(crate) fn publishes(&self, settled: bool) -> Publishes {
        let declared = &self.owner.definition.publishes;
        let codes = declared.areas.codes();
        let mut publishes = Publishes {
            indicators: declared.indicators.clone(),
            areas: codes.map_or(Areas::All, |codes| Areas::Only(codes.to_vec())),
        };
        if settled {
            return publishes;
        }
        let before = &self.old.publishes;
        let indicators = before.indicators.iter();
        let more: Vec<String> = indicators
            .filter(|code| !publishes.indicators.contains(code))
            .cloned()
            .collect();
        publishes.indicators.extend(more);
        publishes.areas = match (publishes.areas, &before.areas) {
            (Areas::Only(now), Areas::Only(then)) => {
                let all: BTreeSet<String> = now.into_iter().chain(then.iter().cloned()).collect();
                Areas::Only(all.into_iter().collect())
            }
            _ => Areas::All,
        };
        publishes
    }
}

/// Key in a state's info: [`Publisher::source_sha256`].
const SOURCE: &str = "source_sha256";

/// The rejects of a night by part, taken out of its results.
pub(crate) fn take_rejects(results: &mut [PartResult]) -> Vec<(String, Reject)> {
    let mut taken = Vec::new();
    for result in results {
        let Some(rows) = &mut result.rows else { continue };
        let key = &result.part.key;
        let rejects = std::mem::take(&mut rows.rejects).into_iter();
        taken.extend(rejects.map(|reject| (key.clone(), reject)));
    }
    taken.truncate(WRITTEN_REJECTS);
    taken
}
