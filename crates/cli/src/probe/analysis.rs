//! What the columns of a sample are: area, period, value, breakdowns, key.

use std::collections::BTreeSet;

use klimalade_connect::SourceType;
use klimalade_model::{Result, Schemas};

use super::{
    areas::{AreaMatch, Areas},
    codes::{self, CodeMatch},
    keys::smallest_key,
    periods::Period,
    sample::{Sample, Seen},
};

/// Distinct values that are compared with areas.
const MOST_AREAS: usize = 2_000;
/// Marks that may stand among numbers.
const MOST_MARKS: usize = 4;
/// Letters of a mark: `..`, `-`, `n/a`.
const LONGEST_MARK: usize = 6;

/// Columns by what they are, as places in the sample.
#[derive(Debug)]
pub(super) struct Analysis {
    pub(super) area: Option<(usize, AreaMatch)>,
    pub(super) period: Option<(usize, Period)>,
    pub(super) value: Option<(usize, Reading)>,
    /// Other columns that hold numbers which may be figures.
    pub(super) other_values: Vec<usize>,
    /// Breakdowns; `None` where no code list is near.
    pub(super) codes: Vec<(usize, Option<CodeMatch>)>,
    pub(super) key: Option<Vec<usize>>,
    /// Rows are things of an area (features), and the figure is their sum.
    pub(super) sums: bool,
    /// Columns that tell rows apart and have no place in the table yet.
    pub(super) unplaced: Vec<usize>,
}

/// How a figure is read from its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Text that is no number, such as `..`.
    pub(super) marks: Vec<String>,
    /// As text with a decimal comma; else as it is typed, or cast.
    pub(super) decimal_comma: bool,
}

/// Looks at every column. Errors: Settings, where the code lists of areas are not there.
pub(super) fn analyse(schemas: &Schemas, sample: &Sample) -> Result<Analysis> {
    let areas = Areas::of(schemas)?;
    let columns = &sample.columns;
    let area = columns
        .iter()
        .enumerate()
        .filter(|(_, column)| matches!(column.kind, SourceType::Text | SourceType::Int))
        .filter_map(|(at, column)| Some((at, areas.best(&column.distinct(MOST_AREAS))?)))
        // Of two that match alike the first: agencies write code, then name.
        .rev()
        .max_by_key(|(_, found)| (found.municipalities.len(), std::cmp::Reverse(found.unknown.len())));
    let is_area = |at: usize| area.as_ref().is_some_and(|(known, _)| *known == at);
    let period = period(columns, &is_area);
    let is_period = |at: usize| period.as_ref().is_some_and(|(known, _)| *known == at);
    let mut values: Vec<(i32, usize, Reading)> = columns
        .iter()
        .enumerate()
        .filter(|(at, _)| !is_area(*at) && !is_period(*at))
        .filter_map(|(at, column)| {
            let reading = reading(column)?;
            let score = likeliness(column, &reading, sample.rows);
            (score > 0).then_some((score, at, reading))
        })
        .collect();
    values.sort_by_key(|(score, at, _)| (*score, *at));
    let value = values.pop().map(|(_, at, reading)| (at, reading));
    let other_values: BTreeSet<usize> = values.into_iter().map(|(_, at, _)| at).collect();
    let is_value = |at: usize| value.as_ref().is_some_and(|(known, _)| *known == at) || other_values.contains(&at);
    let codes: Vec<(usize, Option<CodeMatch>)> = columns
        .iter()
        .enumerate()
        .filter(|(at, column)| !is_area(*at) && !is_period(*at) && !is_value(*at) && is_breakdown(column, sample.rows))
        .filter(|(_, column)| areas.best(&column.distinct(MOST_AREAS)).is_none())
        .map(|(at, column)| (at, codes::best(schemas, &column.distinct(codes::MOST_VALUES))))
        .collect();
    let key = key(columns, &is_value, &|at| is_area(at) || is_period(at));
    let is_place = |at: usize| is_area(at) || is_period(at);
    let are_distinct = |is_one: &dyn Fn(usize) -> bool| {
        let kept = columns.iter().enumerate().filter(|(at, _)| is_one(*at));
        smallest_key(&kept.map(|(_, column)| column.cells.as_slice()).collect::<Vec<_>>()).is_some()
    };
    let is_id = key
        .as_ref()
        .is_some_and(|key| key.len() == 1 && !key.iter().any(|at| is_place(*at)));
    let sums = area.is_some() && is_id && !are_distinct(&is_place);
    let unplaced = match sums || are_distinct(&is_place) {
        true => Vec::new(),
        false => key.iter().flatten().copied().filter(|at| !is_place(*at)).collect(),
    };
    Ok(Analysis {
        area,
        period,
        value,
        other_values: other_values.into_iter().collect(),
        codes,
        key,
        sums,
        unplaced,
    })
}

/// The column of times; one whose name speaks of something else (when a row was written) comes last.
fn period(columns: &[Seen], is_area: &dyn Fn(usize) -> bool) -> Option<(usize, Period)> {
    const OF_THE_ROW: [&str; 8] = [
        "created",
        "updated",
        "modified",
        "oprettet",
        "opdateret",
        "aendret",
        "publiceret",
        "hentet",
    ];
    columns
        .iter()
        .enumerate()
        .filter(|(at, _)| !is_area(*at))
        .filter_map(|(at, column)| Some((at, Period::of(column.kind, &column.distinct(MOST_AREAS))?)))
        .min_by_key(|(at, _)| OF_THE_ROW.iter().any(|word| columns[*at].name.contains(word)))
}

/// How a column's cells are read as figures; `None` where they are none.
fn reading(column: &Seen) -> Option<Reading> {
    if matches!(column.kind, SourceType::Int | SourceType::Float) {
        return Some(Reading {
            marks: Vec::new(),
            decimal_comma: false,
        });
    }
    if column.kind != SourceType::Text {
        return None;
    }
    let (mut numbers, mut commas, mut points, mut marks) = (0_usize, 0_usize, 0_usize, Vec::new());
    for cell in column.cells.iter().flatten() {
        let digits = cell.trim().trim_start_matches(['-', '+']);
        let is_number = digits.starts_with(|letter: char| letter.is_ascii_digit())
            && digits
                .chars()
                .all(|letter| letter.is_ascii_digit() || ".,".contains(letter));
        // A code with a leading zero is no figure.
        if is_number
            && digits.len() > 1
            && digits.starts_with('0')
            && !digits.starts_with("0,")
            && !digits.starts_with("0.")
        {
            return None;
        }
        if is_number {
            numbers += 1;
            commas += usize::from(digits.contains(','));
            points += usize::from(digits.contains('.'));
        } else if !marks.contains(cell) {
            marks.push(cell.clone());
            if marks.len() > MOST_MARKS || cell.chars().count() > LONGEST_MARK {
                return None;
            }
        }
    }
    // Nothing but digits, and the source says text: codes.
    let is_code = marks.is_empty() && commas == 0 && points == 0 && column.remark.is_none();
    let filled = column.cells.len() - column.empty();
    (!is_code && numbers * 4 > filled).then_some(Reading {
        marks,
        decimal_comma: commas > 0 || points == 0,
    })
}

/// How likely a column of numbers is the figure: above 0 is possible.
fn likeliness(column: &Seen, reading: &Reading, rows: usize) -> i32 {
    const FIGURES: [&str; 14] = [
        "indhold", "value", "vaerdi", "antal", "laengde", "areal", "km", "ha", "mwh", "kwh", "tonne", "ton", "sum",
        "amount",
    ];
    const OTHERS: [&str; 17] = [
        "id", "fid", "gid", "objectid", "nr", "no", "kode", "code", "version", "x", "y", "lat", "lon", "lng", "status",
        "postnr", "cvr",
    ];
    let words: Vec<&str> = column.name.split('_').collect();
    let has = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let mut score = 1;
    score += 2 * i32::from(column.kind == SourceType::Float || reading.decimal_comma && reading.marks.is_empty());
    score += 3 * i32::from(has(&FIGURES));
    score -= 6 * i32::from(has(&OTHERS));
    // As many numbers as rows, one after the other, count the rows.
    let counts = column.kind == SourceType::Int
        && rows > 2
        && column
            .cells
            .iter()
            .flatten()
            .map(|cell| cell.parse::<i64>().ok())
            .collect::<Vec<_>>()
            .windows(2)
            .all(|pair| matches!(pair, [Some(one), Some(two)] if *two == one + 1));
    score - 6 * i32::from(counts)
}

fn is_breakdown(column: &Seen, rows: usize) -> bool {
    let distinct = column.distinct(codes::MOST_VALUES + 1).len();
    column.kind == SourceType::Text && (2..=codes::MOST_VALUES).contains(&distinct) && distinct < rows
}

fn key(columns: &[Seen], is_value: &dyn Fn(usize) -> bool, is_place: &dyn Fn(usize) -> bool) -> Option<Vec<usize>> {
    let can = |at: &usize| {
        !is_value(*at)
            && !matches!(
                columns[*at].kind,
                SourceType::Float | SourceType::Geometry | SourceType::Bool
            )
    };
    let mut tried: Vec<usize> = (0..columns.len()).filter(can).collect();
    tried.sort_by_key(|at| !is_place(*at));
    let cells: Vec<&[Option<String>]> = tried.iter().map(|at| columns[*at].cells.as_slice()).collect();
    Some(smallest_key(&cells)?.into_iter().map(|at| tried[at]).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn sample(columns: &[(&str, SourceType, &[&str])]) -> Sample {
        let seen = columns.iter().map(|(name, kind, cells)| Seen {
            name: (*name).to_owned(),
            source: (*name).to_owned(),
            kind: *kind,
            remark: None,
            cells: cells
                .iter()
                .map(|cell| (!cell.is_empty()).then(|| (*cell).to_owned()))
                .collect(),
        });
        Sample {
            columns: seen.collect(),
            rows: columns.first().map_or(0, |(_, _, cells)| cells.len()),
            is_whole: true,
            left_out: Vec::new(),
        }
    }

    #[test]
    fn area_period_value_and_key_are_told_apart() {
        let found = analyse(
            &Schemas::embedded().unwrap(),
            &sample(&[
                ("nr", SourceType::Int, &["1", "2", "3", "4"]),
                ("kommune", SourceType::Text, &["Århus", "Århus", "Læsø", "Læsø"]),
                ("aar", SourceType::Int, &["2022", "2023", "2022", "2023"]),
                ("km", SourceType::Text, &["1.412,5", "..", "7", "8,25"]),
            ]),
        )
        .unwrap();
        assert_eq!(found.area.as_ref().unwrap().0, 1);
        assert_eq!(found.period.as_ref().unwrap().0, 2);
        let (at, reading) = found.value.as_ref().unwrap();
        assert_eq!(
            (*at, reading.marks.as_slice(), reading.decimal_comma),
            (3, &["..".to_owned()][..], true)
        );
        assert_eq!(found.key, Some(vec![0]));
        assert!(!found.sums, "area and year name a row already");
    }

    #[test]
    fn features_of_an_area_are_summed() {
        let found = analyse(
            &Schemas::embedded().unwrap(),
            &sample(&[
                ("id", SourceType::Text, &["a", "b", "c"]),
                ("kommunekode", SourceType::Text, &["0751", "0751", "0825"]),
                ("laengde", SourceType::Float, &["1.5", "2.5", "3.5"]),
                ("slags", SourceType::Text, &["sti", "sti", "bane"]),
            ]),
        )
        .unwrap();
        assert!(found.sums && found.unplaced.is_empty());
        assert_eq!(found.value.unwrap().0, 2);
        assert_eq!(found.codes.len(), 1);
    }

    #[test]
    fn a_column_that_tells_rows_apart_beside_area_and_period_has_no_place_yet() {
        let found = analyse(
            &Schemas::embedded().unwrap(),
            &sample(&[
                ("kommune", SourceType::Text, &["Aarhus", "Aarhus", "Læsø", "Læsø"]),
                ("aar", SourceType::Int, &["2023", "2023", "2023", "2023"]),
                ("slags", SourceType::Text, &["qqqq", "xxxx", "qqqq", "xxxx"]),
                ("km", SourceType::Float, &["1.5", "2.5", "3.5", "3.5"]),
            ]),
        )
        .unwrap();
        assert_eq!((found.key, found.unplaced), (Some(vec![0, 2]), vec![2]));
    }

    #[test]
    fn codes_and_marks_alone_are_no_figures() {
        let found = analyse(
            &Schemas::embedded().unwrap(),
            &sample(&[
                ("postnr", SourceType::Int, &["8000", "9940"]),
                ("kode", SourceType::Text, &["0101", "0102"]),
                ("note", SourceType::Text, &["..", "nej"]),
            ]),
        )
        .unwrap();
        assert_eq!(found.value, None);
    }
}
