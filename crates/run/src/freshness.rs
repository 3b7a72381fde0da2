use std::{path::Path, sync::Arc};

use arrow::{array::AsArray, datatypes::Date32Type};
use jiff::{ToSpan, civil::Date};
use klimalade_engine::{LakeFile, LakeTable};
use klimalade_model::{Fault, Result, Table};
use klimalade_pipeline::{Definition, OnFinding};

use crate::publish::{Built, Published, Publisher};

/// What is published is older than `[checks] freshness` allows.
#[derive(Clone, Debug)]
pub(crate) enum TooOld {
    /// It is published all the same.
    Warning(String),
    /// `too_old = "stop"`, and nothing was to be published tonight.
    Refusal(Fault),
}

/// The last day on which what was published up to `newest` (the day after the newest period) is fresh. Errors: Settings,
/// when neither the check nor the rhythm says.
fn fresh_until(definition: &Definition, newest: Date) -> Result<Date> {
    let days = definition
        .checks
        .freshness
        .and_then(|freshness| freshness.newest_period_within_days);
    match (days, definition.harvest.rhythm) {
        (Some(days), _) => Ok(newest.saturating_add(i64::from(days).days())),
        (None, Some(rhythm)) => Ok(newest
            .saturating_add(i64::from(rhythm.every_months).months())
            .saturating_add(i64::from(rhythm.lag_days).days())),
        (None, None) => Err(Fault::settings("how old the newest period may be is not said")
            .at("[checks] freshness")
            .expected("newest_period_within_days, or [harvest] rhythm")
            .hint("freshness = { newest_period_within_days = 500 }")),
    }
}

/// SQL for the day after the period of a row.
fn period_end(table: &Table) -> Option<&'static str> {
    let ends = [
        ("period_end", "period_end"),
        ("civil_date", "civil_date + INTERVAL '1' DAY"),
        ("period_start", "period_start + INTERVAL '1' DAY"),
        ("year", "make_date(CAST(year AS INT) + 1, 1, 1)"),
    ];
    ends.into_iter()
        .find(|(column, _)| table.column(column).is_some())
        .map(|(_, sql)| sql)
}

/// Whether `[checks] freshness` can be looked at. Errors: Settings.
pub fn check_freshness_declared(definition: &Definition, table: &Table) -> Result<()> {
    if definition.checks.freshness.is_none() {
        return Ok(());
    }
    if period_end(table).is_none() {
        return Err(
            Fault::settings("[checks] freshness for a table whose rows have no period")
                .found(table.name.clone())
                .hint("take freshness out of [checks]"),
        );
    }
    fresh_until(definition, Date::constant(2000, 1, 1)).map(|_| ())
}

impl Publisher<'_> {
    /// Looks how old the newest period is of what would stand after tonight. Too old: said, or, where that stops,
    /// everything built is held. Errors: Settings, when it is not said how old it may be.
    pub(crate) async fn check_freshness(
        &self,
        built: &mut Vec<Built>,
        removed: &mut Vec<String>,
        published: &mut Published,
    ) -> Result<()> {
        let definition = &self.owner.definition;
        let Some(freshness) = definition.checks.freshness else {
            return Ok(());
        };
        check_freshness_declared(definition, self.table).map_err(|fault| fault.at(self.owner.name.clone()))?;
        let Some(newest) = self.newest_period(built, removed).await? else {
            return Ok(());
        };
        let until = fresh_until(definition, newest)?;
        let today = self.house.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
        if today <= until {
            return Ok(());
        }
        let name = &self.owner.name;
        let fault = Fault::contract("the newest published period is older than [checks] freshness allows")
            .at(name.clone())
            .expected(format!("figures of a newer period by {until}"))
            .found(format!("the newest period ends before {newest}"))
            .hint(format!(
                "klimalade plan {name} asks what the agency offers now; where it is late, raise freshness in pipelines/{}/pipeline.toml",
                self.owner.pipeline
            ));
        if freshness.too_old == OnFinding::Warn {
            let hint = fault.hint_text().unwrap_or_default();
            published.too_old = Some(TooOld::Warning(format!("{}; hint: {hint}", fault.line())));
            return Ok(());
        }
        let before = published.held.len();
        for one in built.iter().filter(|one| !one.equal) {
            let parts = one.parts.keys().cloned().collect();
            published.held.push((one.key.clone(), parts, fault.clone()));
        }
        built.retain(|one| one.equal);
        for key in removed.drain(..) {
            let parts = self.old.partitions.get(&key).map(|old| old.parts.clone());
            published.held.push((key, parts.unwrap_or_default(), fault.clone()));
        }
        if published.held.len() == before {
            published.too_old = Some(TooOld::Refusal(fault));
        }
        Ok(())
    }

    /// The day after the newest period that has a figure, over the files built tonight and those that stay.
    async fn newest_period(&self, built: &[Built], removed: &[String]) -> Result<Option<Date>> {
        let Some(end) = period_end(self.table) else {
            return Ok(None);
        };
        let mut newest = None;
        for one in built {
            newest = newest.max(self.newest_in(end, &one.staged.path, Arc::new(())).await?);
        }
        let stays = |key: &&String| {
            self.table.has_file(key) && !removed.contains(key) && !built.iter().any(|one| one.key == **key)
        };
        for key in self.old.partitions.keys().filter(stays) {
            if let Some(file) = self.published_file(key).await? {
                let path = file.path().to_owned();
                newest = newest.max(self.newest_in(end, &path, Arc::new(file)).await?);
            }
        }
        Ok(newest)
    }

    async fn newest_in(
        &self,
        end: &str,
        file: &Path,
        keep: Arc<dyn std::any::Any + Send + Sync>,
    ) -> Result<Option<Date>> {
        let mut conditions = vec!["true"];
        conditions.extend(self.table.column("value").map(|_| "value IS NOT NULL"));
        conditions.extend(self.table.column("scenario_code").map(|_| "scenario_code = 'actual'"));
        let sql = format!(
            "SELECT CAST(max({end}) AS DATE) FROM {} WHERE {}",
            self.table.sql_name(),
            conditions.join(" AND ")
        );
        let file = LakeFile {
            path: file.to_owned(),
            values: vec![("pipeline".to_owned(), self.owner.name.clone())],
            keep,
        };
        let table = LakeTable::of_files(self.table, self.table.schema(), vec![file]);
        let batches = self.house.engine.query(&sql, &[table]).await?;
        let days = batches.iter().filter(|batch| batch.num_rows() > 0).find_map(|batch| {
            let days = batch.column(0).as_primitive_opt::<Date32Type>()?;
            days.iter().next().flatten()
        });
        Ok(days.map(|days| Date::constant(1970, 1, 1).saturating_add(days.days())))
    }
}
