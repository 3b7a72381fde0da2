//! Emissions of an area: accounted, projected, wanted.

use std::collections::BTreeMap;

use super::Frame;

/// One year of one method.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) year: i16,
    pub(crate) value: Option<f64>,
    pub(crate) target: Option<f64>,
    pub(crate) gap: Option<f64>,
    pub(crate) on_track: Option<bool>,
    pub(crate) reason: String,
}

/// The steps of each method, in years.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trajectory {
    pub(crate) methods: BTreeMap<String, Vec<Step>>,
}

impl Trajectory {
    /// The steps of a method.
    pub(crate) fn steps(&self, method: &str) -> &[Step] {
        self.methods.get(method).map_or(&[], Vec::as_slice)
    }

    /// The years of a method that have a value.
    pub(crate) fn line(&self, method: &str) -> Vec<(i16, f64)> {
        self.steps(method)
            .iter()
            .filter_map(|step| Some((step.year, step.value?)))
            .collect()
    }

    /// The target path: the area's own, else the sum of its municipalities'.
    pub(crate) fn target_path(&self) -> Vec<(i16, f64)> {
        let own = self.line("target_path");
        if own.is_empty() {
            self.line("target_path_sum")
        } else {
            own
        }
    }

    /// The step of the newest account year.
    pub(crate) fn latest(&self) -> Option<&Step> {
        self.steps("actual").iter().rev().find(|step| step.value.is_some())
    }

    /// The step of a method in a year.
    pub(crate) fn at(&self, method: &str, year: i16) -> Option<&Step> {
        self.steps(method).iter().find(|step| step.year == year)
    }
}

pub(super) fn read(frame: &Frame) -> BTreeMap<String, Trajectory> {
    let mut all: BTreeMap<String, Trajectory> = BTreeMap::new();
    for row in frame.rows() {
        let trajectory = all.entry(frame.text(row, "area_code").to_owned()).or_default();
        let steps = trajectory
            .methods
            .entry(frame.text(row, "method_code").to_owned())
            .or_default();
        steps.push(Step {
            year: frame.year(row, "year"),
            value: frame.number(row, "value_tonne_co2e"),
            target: frame.number(row, "target_value_tonne_co2e"),
            gap: frame.number(row, "gap_tonne_co2e"),
            on_track: frame.flag(row, "is_on_track"),
            reason: frame.text(row, "reason_code").to_owned(),
        });
    }
    for trajectory in all.values_mut() {
        for steps in trajectory.methods.values_mut() {
            steps.sort_by_key(|step| step.year);
        }
    }
    all
}
