use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{AsArray, BooleanArray, RecordBatch},
    compute::filter_record_batch,
    datatypes::{DataType, Date32Type},
};
use klimalade_engine::{
    AreaRule, ControlFile, ControlRules, Known, PartitionSpool, Rule, ScalarValue, Spooled, check_adding_up,
    compare_controls, indicator_sums, missing_areas,
};
use klimalade_lake::StagedFile;
use klimalade_model::{Fault, Result};
use klimalade_pipeline::{ExpectedAreas, Formula};

use crate::{
    mapper::PathValues,
    publish::{PartResult, Publisher},
    runner_table::nullable,
};

/// Checks of a staged file as a whole, before it may take the place of the published one.
impl Publisher<'_> {
    /// Least rows, adding up and areas.
    pub(crate) async fn check_file(
        &self,
        key: &str,
        staged: &StagedFile,
        constants: &[(String, ScalarValue)],
    ) -> Result<()> {
        let least = self.owner.definition.checks.min_rows;
        if staged.rows < least {
            return Err(Fault::contract("a partition has fewer rows than [checks] min_rows")
                .at(key.to_owned())
                .expected(format!("at least {least}"))
                .found(staged.rows.to_string())
                .hint("look at what was served: klimalade run --dry-run; where fewer are right: [checks] min_rows"));
        }
        let texts: BTreeMap<String, String> = constants
            .iter()
            .filter_map(|(name, value)| match value {
                ScalarValue::Utf8(Some(text)) => Some((name.clone(), text.clone())),
                _ => None,
            })
            .collect();
        let (engine, schemas) = (&self.house.engine, &self.house.schemas);
        check_adding_up(engine, &staged.path, self.table, schemas, &texts)
            .await
            .map_err(|fault| fault.at(key.to_owned()))?;
        self.check_areas(key, staged, &texts).await
    }

    async fn check_areas(&self, key: &str, staged: &StagedFile, texts: &BTreeMap<String, String>) -> Result<()> {
        let Some(expected) = &self.owner.definition.checks.expected_areas else {
            return Ok(());
        };
        let areas = self.house.schemas.code_list("areas")?;
        let rule = AreaRule {
            level: expected.level.clone(),
            except: expected.except.clone(),
            also: expected.also.clone(),
            may: expected.may.clone(),
            per: expected.per.clone(),
            indicators: self.owner.definition.publishes.indicators.clone(),
        };
        let findings = missing_areas(&self.house.engine, &staged.path, self.table, areas, &rule, texts).await?;
        let Some(first) = findings.first() else { return Ok(()) };
        Err(Fault::contract("the areas of a partition are not the expected ones")
            .at(key.to_owned())
            .expected(
                expected_in_words(expected),
            )
            .found(format!(
                "{} of its groups differ; in {}: missing [{}], unexpected [{}]",
                findings.len(),
                first.group,
                first.missing.join(" "),
                first.unexpected.join(" "),
            ))
            .hint("[checks] expected_areas: also = [...] for areas that must be there, may = [...] for those that can, except = [...] for those of the level that never are; an indicator with other periods than its neighbours is a pipeline of its own (raw_of)"))
    }

    /// Each indicator's sum of each period against the published one. New periods and periods without a figure are
    /// free; `left`: a part has left the plan, and with it the oldest periods may.
    pub(crate) async fn check_change(
        &self,
        key: &str,
        staged: &StagedFile,
        old: &std::path::Path,
        left: bool,
    ) -> Result<()> {
        let Some(largest) = &self.owner.definition.checks.largest_change else {
            return Ok(());
        };
        let before = indicator_sums(&self.house.engine, old, self.table).await?;
        let after = indicator_sums(&self.house.engine, &staged.path, self.table).await?;
        let oldest = after.keys().map(|(_, period)| period).min();
        for ((indicator, period), before) in &before {
            let Some(before) = before.filter(|before| *before != 0.0) else {
                continue;
            };
            let now = after.get(&(indicator.clone(), period.clone())).copied().flatten();
            if now.is_none() && left && oldest.is_some_and(|oldest| period < oldest) {
                continue;
            }
            if (now.unwrap_or_default() - before).abs() > largest.ratio * before.abs() {
                return Err(
                    Fault::contract("an indicator's sum changed more than [checks] largest_change")
                        .at(format!("{key}: {indicator} {period}").trim_end().to_owned())
                        .expected(format!("{before} within {} %", largest.ratio * 100.0))
                        .found(now.map_or_else(|| "no figure".to_owned(), |now| now.to_string()))
                        .hint(
                            "look at the agency's notes; raise largest_change for one night when the change is right",
                        ),
                );
            }
        }
        Ok(())
    }

    pub(crate) async fn check_controls(
        &self,
        key: &str,
        values: &PathValues,
        filling: &[&PartResult],
        constants: &[(String, ScalarValue)],
        staged: &StagedFile,
    ) -> Result<Option<Arc<Spooled>>> {
        let spools: Vec<(&Arc<Spooled>, i32)> = filling
            .iter()
            .filter_map(|result| Some((result.rows.as_ref()?.controls.as_ref()?, result.number)))
            .collect();
        if spools.is_empty() {
            return Ok(None);
        }
        let engine = &self.house.engine;
        let mut file = ControlFile::create(engine, self.table, constants)?;
        for (spool, number) in spools {
            for batch in spool.read()? {
                let batch = of_year(&batch?, values)?;
                if batch.num_rows() > 0 {
                    file.append(&batch, number)?;
                }
            }
        }
        if file.rows == 0 {
            return Ok(None);
        }
        let target = self.house.schemas.table("control_total")?;
        let mut verdicts = PartitionSpool::create(engine, &nullable(&target.schema()))?;
        let rules = ControlRules(
            self.owner
                .definition
                .checks
                .control
                .iter()
                .map(|(what, rule)| {
                    let rule = Rule {
                        positive_only: rule.formula == Formula::SumOfPositive,
                        tolerance: rule.tolerance,
                        tolerance_ratio: rule.tolerance_ratio,
                        known: rule
                            .known
                            .iter()
                            .map(|known| Known {
                                key: known.key.clone(),
                                difference: known.difference,
                                reason: known.reason.clone(),
                            })
                            .collect(),
                    };
                    (what.clone(), rule)
                })
                .collect(),
        );
        let path = file.finish()?.to_owned();
        let summary = compare_controls(engine, &staged.path, &path, &rules, &self.house.schemas, &mut verdicts).await?;
        if summary.failed > 0 {
            return Err(Fault::contract("the agency's own totals are not the sums of its rows")
                .at(key.to_owned())
                .expected(format!(
                    "{} controls to agree",
                    summary.agrees + summary.known + summary.failed
                ))
                .found(format!(
                    "{} that do not; {}",
                    summary.failed,
                    summary.examples.join("; ")
                ))
                .hint("a difference that is right goes to [[checks.control.<what_code>.known]] with its reason"));
        }
        Ok(Some(Arc::new(verdicts.finish()?)))
    }
}

/// `every municipality but 0825, and 0411`.
fn expected_in_words(expected: &ExpectedAreas) -> String {
    let mut words = match &expected.level {
        Some(level) => format!("every {level}"),
        None => String::new(),
    };
    if !expected.except.is_empty() {
        words.push_str(&format!(" but {}", expected.except.join(" ")));
    }
    if !expected.also.is_empty() {
        words.push_str(if words.is_empty() { "" } else { ", and " });
        words.push_str(&expected.also.join(" "));
    }
    words
}

/// Rows of a control batch that belong to a partition's year.
fn of_year(batch: &RecordBatch, values: &PathValues) -> Result<RecordBatch> {
    let year = values
        .iter()
        .find(|(name, _)| name == "year")
        .and_then(|(_, value)| value.parse::<i16>().ok());
    let (Some(year), Some(days)) = (year, batch.column_by_name("period_start")) else {
        return Ok(batch.clone());
    };
    if *days.data_type() != DataType::Date32 {
        return Ok(batch.clone());
    }
    use jiff::ToSpan;
    let epoch = jiff::civil::Date::constant(1970, 1, 1);
    let mask: BooleanArray = days
        .as_primitive::<Date32Type>()
        .iter()
        .map(|day| Some(day.is_some_and(|day| epoch.saturating_add(day.days()).year() == year)))
        .collect();
    filter_record_batch(batch, &mask).map_err(|source| Fault::bug("controls cannot be split").because(source))
}
