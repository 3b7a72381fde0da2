//! A first `[columns]` and map.sql from what a page shows. What only the operator knows says TODO.

use klimalade_connect::SourceType;

use super::{
    analysis::{Analysis, Reading},
    codes::CodeMatch,
    sample::Sample,
};

/// A proposal for the folder.
#[derive(Debug)]
pub(super) struct Draft {
    /// Name, type, source name, part of the key.
    pub(super) columns: Vec<(String, SourceType, String, bool)>,
    /// Columns of the page that are not declared.
    pub(super) others: Vec<String>,
    pub(super) sql: String,
    /// Header of the expected rows, before there are any.
    pub(super) expected: String,
    /// `rows_per_row = "aggregate"`.
    pub(super) sums: bool,
    /// The table that holds figures so far apart; `None` where no column says.
    pub(super) table: Option<&'static str>,
    /// All municipalities are there, or nearly all.
    pub(super) all_municipalities: bool,
    /// The one municipality that the page is of.
    pub(super) only_area: Option<String>,
}

/// Of 98: a few that are spelled another way are known once they have an alias.
const MOST_MUNICIPALITIES: usize = 95;

pub(super) fn draft(pipeline: &str, day: &str, sample: &Sample, analysis: &Analysis) -> Draft {
    let name = |at: usize| sample.columns[at].name.as_str();
    let mut used: Vec<usize> = analysis.key.iter().flatten().copied().collect();
    used.extend(analysis.area.as_ref().map(|(at, _)| *at));
    used.extend(analysis.period.as_ref().map(|(at, _)| *at));
    used.extend(
        analysis
            .codes
            .iter()
            .filter(|(_, found)| known(found))
            .map(|(at, _)| *at),
    );
    used.extend(analysis.value.as_ref().map(|(at, _)| *at));
    let is_area = |at: usize| analysis.area.as_ref().is_some_and(|(area, _)| *area == at);
    let is_id = |at: usize| analysis.key.as_ref().is_some_and(|key| key.contains(&at));
    let columns = (0..sample.columns.len()).filter(|at| used.contains(at)).map(|at| {
        let seen = &sample.columns[at];
        // A code is text, whatever it looks like.
        let kind = if is_area(at) { SourceType::Text } else { seen.kind };
        (seen.name.clone(), kind, seen.source.clone(), is_id(at))
    });
    let others = (0..sample.columns.len())
        .filter(|at| !used.contains(at))
        .map(|at| format!("{} ({})", sample.columns[at].source, sample.columns[at].kind));
    let municipalities = analysis
        .area
        .as_ref()
        .map_or(&[][..], |(_, found)| &found.municipalities);
    let has_others = analysis
        .area
        .as_ref()
        .is_some_and(|(_, found)| !found.unknown.is_empty());
    let times: Vec<&str> = match &analysis.period {
        Some((at, period)) => period
            .columns(name(*at))
            .into_iter()
            .map(|(_, column)| column)
            .collect(),
        None => vec!["period_start"],
    };
    Draft {
        columns: columns.collect(),
        others: others.collect(),
        sql: sql(pipeline, day, sample, analysis, &name),
        expected: format!(
            "indicator_code,area_code,{},frequency_code,method_code,value,unit_code,value_status\n",
            times.join(",")
        ),
        sums: analysis.sums,
        table: analysis.period.as_ref().map(|(_, period)| period.table()),
        all_municipalities: municipalities.len() >= MOST_MUNICIPALITIES,
        only_area: match municipalities {
            [one] if !has_others => Some(one.clone()),
            _ => None,
        },
    }
}

/// Whether a code list knows some of the column's values.
fn known(found: &Option<CodeMatch>) -> bool {
    found.as_ref().is_some_and(|found| !found.matched.is_empty())
}

fn sql<'a>(pipeline: &str, day: &str, sample: &Sample, analysis: &Analysis, name: &dyn Fn(usize) -> &'a str) -> String {
    let mut given: Vec<(String, &str)> = Vec::new();
    let mut joins: Vec<String> = Vec::new();
    let mut groups: Vec<String> = Vec::new();
    let has_totals = analysis.area.as_ref().is_some_and(|(_, found)| found.has_totals);
    let fate = match has_totals {
        true => "CASE WHEN a.area_level IN ('country', 'region', 'landsdel') THEN 'skip:total' ELSE 'publish' END",
        false => "'publish'",
    };
    given.push((fate.to_owned(), "fate"));
    if has_totals {
        groups.push(fate.to_owned());
    }
    if analysis.sums {
        given.push(("count(*)".to_owned(), "raw_rows"));
    }
    given.push(("'TODO'".to_owned(), "indicator_code"));
    match &analysis.area {
        Some((at, found)) => {
            let code = found.join.area_code(name(*at));
            groups.push(code.clone());
            given.push((code, "area_code"));
            joins = found.join.joins(name(*at));
        }
        None => given.push(("'TODO'".to_owned(), "area_code")),
    }
    match &analysis.period {
        Some((at, period)) => {
            for (start, column) in period.columns(name(*at)) {
                groups.push(start.clone());
                given.push((start, column));
            }
            given.push((format!("'{}'", period.frequency), "frequency_code"));
        }
        None => {
            given.push(("CAST('TODO-01-01' AS DATE)".to_owned(), "period_start"));
            given.push(("'A'".to_owned(), "frequency_code"));
        }
    }
    given.push(("'_U'".to_owned(), "method_code"));
    let (value, status) = match &analysis.value {
        Some((at, reading)) => value(name(*at), sample.columns[*at].kind, reading),
        None => ("CAST('TODO' AS DOUBLE)".to_owned(), None),
    };
    match analysis.sums {
        true => given.push((format!("sum({value})"), "value")),
        false => {
            let empty = analysis
                .value
                .as_ref()
                .is_some_and(|(at, _)| sample.columns[*at].empty() > 0);
            let status = status.or_else(|| empty.then(|| status_of(&format!("{value} IS NULL"))));
            given.push((value, "value"));
            given.extend(status.map(|status| (status, "value_status")));
        }
    }
    let mut text = format!(
        "-- Drafted by `klimalade probe {pipeline}` from one page, {day}: yours to change (pipelines/README.md).\n"
    );
    if !analysis.other_values.is_empty() {
        let names: Vec<&str> = analysis.other_values.iter().map(|at| name(*at)).collect();
        text.push_str(&format!(
            "-- Numbers too, one row each by unnest and rows_per_row: {}.\n",
            names.join(", ")
        ));
    }
    if !analysis.unplaced.is_empty() {
        let names: Vec<&str> = analysis.unplaced.iter().map(|at| name(*at)).collect();
        text.push_str(&format!(
            "-- Rows of one area and period are told apart by {}: give it a breakdown (category_code, detail_code, ...),\n\
             -- or sum over it: count(*) AS raw_rows, GROUP BY, and rows_per_row = \"aggregate\" in pipeline.toml.\n",
            names.join(", ")
        ));
    }
    for (at, found) in &analysis.codes {
        if let Some(found) = found.as_ref().filter(|found| !found.matched.is_empty()) {
            text.push_str(&format!(
                "-- {} is a breakdown: LEFT JOIN codes.{list} b ON b.{by} = r.{column}, and coalesce(b.code, concat('?', r.{column})) AS {dimension}.\n",
                name(*at),
                list = found.list,
                by = found.by,
                column = name(*at),
                dimension = found.dimension
            ));
        }
    }
    let columns: Vec<String> = given
        .iter()
        .map(|(value, column)| format!("    {value} AS {column}"))
        .collect();
    let columns = columns.join(",\n").replace(
        "'_U' AS method_code,",
        "'_U' AS method_code, -- how it was counted: klimalade schema methods",
    );
    text.push_str(&format!("SELECT\n{columns}\nFROM raw r\n"));
    for join in joins {
        text.push_str(&format!("{join}\n"));
    }
    if analysis.sums && !groups.is_empty() {
        text.push_str(&format!("GROUP BY {}\n", groups.join(", ")));
    }
    text
}

/// The figure, and its status where marks stand among the numbers.
fn value(name: &str, kind: SourceType, reading: &Reading) -> (String, Option<String>) {
    let value = match kind {
        SourceType::Float => format!("r.{name}"),
        SourceType::Text if reading.decimal_comma => format!("decimal_comma(r.{name})"),
        SourceType::Text => format!("TRY_CAST(r.{name} AS DOUBLE)"),
        _ => format!("CAST(r.{name} AS DOUBLE)"),
    };
    let marks: Vec<String> = reading
        .marks
        .iter()
        .map(|mark| format!("'{}'", mark.replace('\'', "''")))
        .collect();
    let status = (!marks.is_empty()).then(|| {
        let is_mark = format!("r.{name} IN ({})", marks.join(", "));
        status_of(&format!("r.{name} IS NULL OR {is_mark}"))
    });
    (value, status)
}

fn status_of(missing: &str) -> String {
    format!("CASE WHEN {missing} THEN 'O' ELSE 'A' END")
}
