//! What a probe says, for a person or as JSON.

use klimalade_connect::SourceType;
use serde::Serialize;

use super::{
    analysis::Analysis,
    areas::Unknown,
    ask::Asked,
    codes::CodeMatch,
    forms::Correction,
    indicators::Candidate,
    sample::{Sample, Seen},
};
use crate::output::{self, data, grouped};

/// Cells shown of a column.
const SAMPLES: usize = 3;
/// Letters shown of a cell.
const SAMPLE_LETTERS: usize = 24;
/// Values without a match that are shown.
const MOST_UNKNOWN: usize = 12;

/// All that was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pipeline: String,
    connector: String,
    address: String,
    part: String,
    parts: usize,
    rows: usize,
    page_is_whole: bool,
    /// Settings of `[source]` that the page shows to be wrong, as they should be.
    settings: Vec<String>,
    left_out: Vec<String>,
    columns: Vec<Column>,
    key: Vec<String>,
    /// Columns of the key that no column of the table takes yet.
    unplaced: Vec<String>,
    area: Option<Area>,
    period: Option<Period>,
    value: Option<Value>,
    codes: Vec<Codes>,
    indicators: Vec<Candidate>,
}

#[derive(Debug, Serialize)]
struct Column {
    name: String,
    from: String,
    #[serde(rename = "type")]
    kind: SourceType,
    samples: Vec<String>,
    empty: usize,
    remark: Option<String>,
}

#[derive(Debug, Serialize)]
struct Area {
    column: String,
    matched_by: &'static str,
    matched: usize,
    municipalities: usize,
    unknown: Vec<Unknown>,
    aliases: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
struct Period {
    column: String,
    form: &'static str,
    frequency_code: &'static str,
}

#[derive(Debug, Serialize)]
struct Value {
    column: String,
    marks: Vec<String>,
    decimal_comma_in_text: bool,
    also_numbers: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Codes {
    column: String,
    values: usize,
    #[serde(flatten)]
    found: Option<CodeMatch>,
}

impl Report {
    pub(super) fn of(
        pipeline: &str,
        asked: &Asked,
        sample: &Sample,
        analysis: &Analysis,
        indicators: Vec<Candidate>,
    ) -> Self {
        let name = |at: usize| sample.columns[at].name.clone();
        Self {
            pipeline: pipeline.to_owned(),
            connector: asked.name.clone(),
            address: asked.page.entry.address.clone(),
            part: asked.part.key.clone(),
            parts: asked.parts,
            rows: sample.rows,
            page_is_whole: sample.is_whole,
            settings: asked.corrections.iter().map(Correction::line).collect(),
            left_out: sample.left_out.clone(),
            columns: sample.columns.iter().map(column).collect(),
            key: analysis.key.iter().flatten().map(|at| name(*at)).collect(),
            unplaced: analysis.unplaced.iter().map(|at| name(*at)).collect(),
            area: analysis.area.as_ref().map(|(at, found)| Area {
                column: name(*at),
                matched_by: found.join.words(),
                matched: found.municipalities.len() + found.others.len(),
                municipalities: found.municipalities.len(),
                unknown: found.unknown.clone(),
                aliases: found.aliases.clone(),
            }),
            period: analysis.period.as_ref().map(|(at, period)| Period {
                column: name(*at),
                form: period.words(),
                frequency_code: period.frequency,
            }),
            value: analysis.value.as_ref().map(|(at, reading)| Value {
                column: name(*at),
                marks: reading.marks.clone(),
                decimal_comma_in_text: sample.columns[*at].kind == SourceType::Text && reading.decimal_comma,
                also_numbers: analysis.other_values.iter().map(|at| name(*at)).collect(),
            }),
            codes: analysis
                .codes
                .iter()
                .map(|(at, found)| Codes {
                    column: name(*at),
                    values: sample.columns[*at].distinct(usize::MAX).len(),
                    found: found.clone(),
                })
                .collect(),
            indicators,
        }
    }

    /// On stdout.
    pub(super) fn print(&self) {
        let whole = if self.page_is_whole {
            ""
        } else {
            ", and more behind them"
        };
        data(format!(
            "{}: part {} of {}, {} rows{whole}, from {}",
            self.pipeline,
            self.part,
            self.parts,
            grouped(self.rows as u64),
            self.address
        ));
        data("");
        let rows = self.columns.iter().map(|column| {
            vec![
                column.name.clone(),
                column.from.clone(),
                column.kind.to_string(),
                column.samples.join(" | "),
                match column.empty {
                    0 => String::new(),
                    empty => grouped(empty as u64),
                },
            ]
        });
        output::table(&["column", "from", "type", "samples", "empty"], rows.collect());
        data("");
        for line in self.lines() {
            data(line);
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        lines.extend(self.settings.iter().map(|line| format!("setting    [source] {line}")));
        lines.extend(self.left_out.iter().map(|line| format!("left out   {line}")));
        for column in &self.columns {
            lines.extend(
                column
                    .remark
                    .iter()
                    .map(|remark| format!("type       {}: {remark}", column.name)),
            );
        }
        lines.push(match self.key.as_slice() {
            [] => "key        no three columns tell all rows apart".to_owned(),
            key => format!("key        {}: no two rows are alike in it", key.join(", ")),
        });
        if !self.unplaced.is_empty() {
            let names = self.unplaced.join(", ");
            lines.push(format!(
                "           {names}: a breakdown, or what is to be summed over; map.sql must say which"
            ));
        }
        lines.extend(self.area_lines());
        lines.push(match &self.period {
            None => "period     no column holds times".to_owned(),
            Some(period) => format!(
                "period     {}: {} (frequency {})",
                period.column, period.form, period.frequency_code
            ),
        });
        lines.extend(self.value_lines());
        for codes in &self.codes {
            lines.extend(code_lines(codes));
        }
        for candidate in &self.indicators {
            let owner = candidate
                .owner
                .as_ref()
                .map(|owner| format!("; {owner} publishes it already"));
            lines.push(format!(
                "indicator  {}: {} ({}){}",
                candidate.code,
                candidate.name,
                candidate.unit_code,
                owner.unwrap_or_default()
            ));
        }
        if self.indicators.is_empty() {
            lines.push("indicator  no name comes near; klimalade schema indicators".to_owned());
        }
        lines
    }

    fn area_lines(&self) -> Vec<String> {
        let Some(area) = &self.area else {
            return vec!["area       no column names a municipality".to_owned()];
        };
        let mut shown: Vec<&str> = area.unknown.iter().map(|unknown| unknown.value.as_str()).collect();
        let more = shown.len().saturating_sub(MOST_UNKNOWN);
        shown.truncate(MOST_UNKNOWN);
        let unknown = match (area.unknown.len(), more) {
            (0, _) => "0 unknown".to_owned(),
            (count, 0) => format!("{count} unknown: {}", shown.join(", ")),
            (count, more) => format!("{count} unknown: {} and {more} more", shown.join(", ")),
        };
        let mut lines = vec![format!(
            "area       {}: {} matched, {unknown} (by {})",
            area.column, area.matched, area.matched_by
        )];
        for (alias, name) in area.aliases.iter().take(MOST_UNKNOWN) {
            lines.push(format!("           {alias} is known as {name}"));
        }
        for unknown in area.unknown.iter().take(MOST_UNKNOWN) {
            lines.push(match &unknown.nearest {
                Some((name, code)) => format!(
                    "           {} may be {name} ({code}); if so, in schemas/codes/area_aliases.csv under --home, below code,area_code: {},{code}",
                    unknown.value, unknown.value
                ),
                None => format!("           {} is near no municipality", unknown.value),
            });
        }
        lines
    }

    fn value_lines(&self) -> Vec<String> {
        let Some(value) = &self.value else {
            return vec!["value      no column holds figures".to_owned()];
        };
        let mut line = format!("value      {}", value.column);
        if value.decimal_comma_in_text {
            line.push_str(": text, read with decimal_comma()");
        }
        if !value.marks.is_empty() {
            line.push_str(&format!("; no numbers are {}", quoted(&value.marks)));
        }
        let mut lines = vec![line];
        if !value.also_numbers.is_empty() {
            lines.push(format!("           numbers too: {}", value.also_numbers.join(", ")));
        }
        lines
    }
}

fn code_lines(codes: &Codes) -> Vec<String> {
    let Some(found) = &codes.found else {
        return vec![format!(
            "codes      {}: {} values, near no code list",
            codes.column, codes.values
        )];
    };
    let mut lines = vec![format!(
        "codes      {}: {} of {} values are in {} (by {})",
        codes.column,
        found.matched.len(),
        codes.values,
        found.list,
        found.by
    )];
    for (value, near) in found.unknown.iter().take(MOST_UNKNOWN) {
        lines.push(match near {
            Some((name, code)) => format!("           {value} may be {code} ({name})"),
            None => format!("           {value} is near none"),
        });
    }
    lines
}

fn quoted(marks: &[String]) -> String {
    marks
        .iter()
        .map(|mark| format!("`{mark}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn column(seen: &Seen) -> Column {
    let samples = seen.distinct(SAMPLES).into_iter().map(|cell| {
        let line = cell.replace(['\n', '\r'], " ");
        match line.char_indices().nth(SAMPLE_LETTERS) {
            Some((end, _)) => format!("{}...", line.get(..end).unwrap_or_default()),
            None => line,
        }
    });
    Column {
        name: seen.name.clone(),
        from: seen.source.clone(),
        kind: seen.kind,
        samples: samples.collect(),
        empty: seen.empty(),
        remark: seen.remark.clone(),
    }
}
