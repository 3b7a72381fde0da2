use std::collections::BTreeMap;

use klimalade_connect::{Context, Fault, Part, Result};
use klimalade_transport::{Accept, Answer, Request};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Format, Language, Presentation, Settings,
    bulk::Grid,
    period::part_key,
    select::expand,
    slice::Slice,
    tableinfo::{TableInfo, Variable},
};

/// Stored with the part: all that fetch asks for and that decode needs, and nothing that moves while these stay: `updated`
/// is the change mark, or every part would be another one at each update of the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Detail {
    pub(crate) table: String,
    pub(crate) lang: Language,
    pub(crate) format: Format,
    pub(crate) presentation: Presentation,
    /// In the order of the request, Tid last.
    pub(crate) variables: Vec<Chosen>,
    /// How the part is asked for: a page per slice.
    pub(crate) pages: Vec<Slice>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bulk: Option<Bulk>,
}

/// A variable of the request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Chosen {
    pub(crate) code: String,
    pub(crate) codes: Vec<String>,
    /// Beside the codes, where the answer names values by text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) texts: Option<Vec<String>>,
}

/// What makes a BULK answer whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Bulk {
    /// The value of a combination that does not come: `suppressedDataValue`.
    pub(crate) suppressed: String,
    /// By variable.
    pub(crate) totals: BTreeMap<String, Total>,
    pub(crate) tolerance: f64,
    /// How the totals are asked for; a total's variable has the place (0, 1).
    pub(crate) pages: Vec<Slice>,
}

/// The code that stands for the sum of a variable's selected codes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Total {
    pub(crate) code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
}

impl Total {
    /// As the answer names it.
    pub(crate) fn name(&self) -> &str {
        self.text.as_deref().unwrap_or(&self.code)
    }
}

impl Detail {
    /// Reads what plan stored. Errors: Bug.
    pub(crate) fn of(part: &Part) -> Result<Self> {
        part.detail_as()
    }
    /// Place of Tid among the variables.
    pub(crate) fn time(&self) -> usize {
        self.variables.len().saturating_sub(1)
    }
}

/// Asks for tableinfo and plans the parts.
pub(crate) async fn plan(settings: &Settings, cx: &Context) -> Result<Vec<Part>> {
    let body = serde_json::json!({ "table": settings.table, "lang": settings.lang.name(), "format": "JSON" });
    let request = Request::post(settings.address("tableinfo")?, body.to_string())
        .accept(Accept::Json)
        .classify(classify)
        .dataset(&settings.table);
    let info = TableInfo::read(cx.client.json(&request).await?)?;
    parts(settings, &info)
}

/// StatBank's own error bodies, before the common reading of the status. Those of 5xx are unknown and left to it.
pub(crate) fn classify(answer: &Answer<'_>) -> Option<Fault> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "errorTypeCode")]
        code: String,
        #[serde(default)]
        message: String,
    }
    if answer.status >= 500 || answer.status == 429 {
        return None;
    }
    let head = answer.head.trim_ascii_start();
    if !head.starts_with(b"{") {
        return None;
    }
    let body: Body = serde_json::from_slice(head).ok()?;
    Some(
        Error::Refused {
            code: body.code,
            message: body.message,
        }
        .into(),
    )
}

/// The parts of a table as tableinfo describes it now, oldest first.
pub(crate) fn parts(settings: &Settings, info: &TableInfo) -> Result<Vec<Part>> {
    check_table(settings, info)?;
    let variables = choose(settings, info)?;
    let Some((tid, others)) = variables.split_last() else {
        return Err(Fault::bug("a table without Tid").at(&info.id));
    };
    let updated = info.updated_utc()?;
    let mut periods: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, code) in tid.codes.iter().enumerate() {
        let key = part_key(settings.split, code).ok_or_else(|| Error::Period {
            code: code.clone(),
            split: settings.split.name(),
        })?;
        periods.entry(key).or_default().push(at);
    }
    let mut parts = Vec::new();
    for (key, places) in periods {
        let mut variables = others.to_vec();
        variables.push(Chosen {
            code: tid.code.clone(),
            codes: places.iter().map(|at| tid.codes[*at].clone()).collect(),
            texts: tid
                .texts
                .as_ref()
                .map(|texts| places.iter().map(|at| texts[*at].clone()).collect()),
        });
        let whole = Slice::whole(variables.iter().map(|variable| variable.codes.len()));
        let promised = whole.rows();
        let time = variables.len() - 1;
        let (pages, bulk) = match settings.format {
            Format::Csv => (whole.split(time, settings.max_cells)?, None),
            Format::Bulk => (vec![whole], Some(bulk(settings, info, &variables)?)),
        };
        let detail = Detail {
            table: info.id.clone(),
            lang: settings.lang,
            format: settings.format,
            presentation: settings.value_presentation,
            variables,
            pages,
            bulk,
        };
        parts.push(Part {
            key,
            change_mark: Some(updated.clone()),
            promised: Some(promised),
            detail: serde_json::to_value(detail).map_err(|source| Fault::bug("a detail is no JSON").because(source))?,
        });
    }
    Ok(parts)
}

fn check_table(settings: &Settings, info: &TableInfo) -> Result<()> {
    if !info.active && !settings.allow_inactive {
        return Err(Error::Inactive {
            table: info.id.clone(),
            updated: info.updated.clone(),
        }
        .into());
    }
    if let Some(date) = settings.min_updated()?
        && info.updated_local()?.date() < date
    {
        let found = info.updated.clone();
        return Err(Error::Outdated {
            table: info.id.clone(),
            expected: date.to_string(),
            found,
        }
        .into());
    }
    for name in settings
        .select
        .keys()
        .chain(&settings.eliminate)
        .chain(&settings.area_variable)
        .chain(&settings.unit_in_variable)
    {
        if info.variable(name).is_none() {
            return Err(Error::UnknownVariable {
                table: info.id.clone(),
                name: name.clone(),
                known: info.names(),
            }
            .into());
        }
    }
    check_map(settings, info)?;
    check_unit(settings, info)
}

/// Old and new codes look alike and collide (250, 350, 420, 550, 707, 760, 849; 2026-11-23): only `map` tells them
/// apart. Its case varies from table to table.
fn check_map(settings: &Settings, info: &TableInfo) -> Result<()> {
    let eliminated = |variable: &Variable| settings.eliminate.iter().any(|name| Settings::same(name, &variable.id));
    let mapped: Vec<(&Variable, &str)> = info
        .variables
        .iter()
        .filter(|variable| !eliminated(variable))
        .filter_map(|variable| Some((variable, variable.map.as_deref()?)))
        .collect();
    if let Some((variable, map)) = mapped
        .iter()
        .find(|(_, map)| map.eq_ignore_ascii_case("Denmark_municipality"))
    {
        let (table, variable, map) = (info.id.clone(), variable.id.clone(), (*map).to_owned());
        return Err(Error::OldMap { table, variable, map }.into());
    }
    if settings.expect_map.eq_ignore_ascii_case("none") {
        return Ok(());
    }
    let areas: Vec<_> = mapped
        .iter()
        .filter(|(variable, _)| {
            settings
                .area_variable
                .as_ref()
                .is_none_or(|name| Settings::same(name, &variable.id))
        })
        .collect();
    let found = match areas.as_slice() {
        [(_, map)] if map.eq_ignore_ascii_case(&settings.expect_map) => return Ok(()),
        [] => "no variable with a map".to_owned(),
        several => several
            .iter()
            .map(|(variable, map)| format!("{}: {map}", variable.id))
            .collect::<Vec<_>>()
            .join(", "),
    };
    Err(Error::OtherMap {
        table: info.id.clone(),
        expected: settings.expect_map.clone(),
        found,
    }
    .into())
}

fn check_unit(settings: &Settings, info: &TableInfo) -> Result<()> {
    let unit = info.unit.trim();
    if let Some(expected) = &settings.expect_unit
        && !expected.eq_ignore_ascii_case(unit)
    {
        let (table, expected, found) = (info.id.clone(), expected.clone(), info.unit.clone());
        return Err(Error::OtherUnit { table, expected, found }.into());
    }
    if (unit == "-" || unit.is_empty()) && settings.unit_in_variable.is_none() {
        return Err(Error::UnitInVariable {
            table: info.id.clone(),
            variables: info.names(),
        }
        .into());
    }
    let Some(name) = &settings.unit_in_variable else {
        return Ok(());
    };
    if settings.eliminate.iter().any(|other| Settings::same(other, name)) {
        return Err(Fault::settings("the variable that holds the unit is eliminated")
            .at(&info.id)
            .found(name)
            .hint(format!("select = {{ \"{name}\" = [\"*\"] }}")));
    }
    Ok(())
}

/// The variables of the request with their codes, Tid last.
fn choose(settings: &Settings, info: &TableInfo) -> Result<Vec<Chosen>> {
    let mut chosen = Vec::new();
    let all = vec!["*".to_owned()];
    let (time, others): (Vec<&Variable>, Vec<&Variable>) = info.variables.iter().partition(|variable| variable.time);
    for variable in others.into_iter().chain(time) {
        let patterns = settings
            .select
            .iter()
            .find(|(name, _)| Settings::same(name, &variable.id))
            .map(|(_, patterns)| patterns);
        if settings.eliminate.iter().any(|name| Settings::same(name, &variable.id)) {
            if !variable.elimination {
                return Err(Error::NoElimination {
                    variable: variable.id.clone(),
                }
                .into());
            }
            continue;
        }
        let patterns = match patterns {
            Some(patterns) if !patterns.is_empty() => patterns,
            _ if variable.time => &all,
            _ => {
                let codes = variable
                    .values
                    .iter()
                    .take(5)
                    .map(|value| value.id.as_str())
                    .collect::<Vec<_>>()
                    .join(", ");
                return Err(Error::Unchosen {
                    variable: variable.id.clone(),
                    codes,
                }
                .into());
            }
        };
        let values = expand(variable, patterns)?;
        let texts = match settings.value_presentation {
            Presentation::Code => None,
            Presentation::Default => {
                let texts: Vec<String> = values.iter().map(|value| value.text.trim().to_owned()).collect();
                // Compared with all of the variable's values, chosen or not: who widens `select` later must not be surprised.
                for text in &texts {
                    if variable.values.iter().filter(|value| value.text.trim() == text).count() > 1 {
                        return Err(Error::TextTwice {
                            variable: variable.id.clone(),
                            text: text.clone(),
                        }
                        .into());
                    }
                }
                Some(texts)
            }
        };
        let codes = values.iter().map(|value| value.id.clone()).collect();
        chosen.push(Chosen {
            code: variable.id.clone(),
            codes,
            texts,
        });
    }
    Ok(chosen)
}

fn bulk(settings: &Settings, info: &TableInfo, variables: &[Chosen]) -> Result<Bulk> {
    let suppressed = info.suppressed.clone().unwrap_or_default();
    if suppressed.trim() != "0" {
        return Err(Fault::contract("BULK leaves out another value than 0 here")
            .at(&info.id)
            .expected("suppressedDataValue 0")
            .found(suppressed)
            .hint("format = \"csv\""));
    }
    let rows = Slice::whole(variables.iter().map(|variable| variable.codes.len())).rows();
    if rows > Grid::MOST_ROWS {
        return Err(
            Fault::settings("a BULK part has more combinations than can be zero-filled")
                .expected(format!("at most {}", Grid::MOST_ROWS))
                .found(rows.to_string())
                .hint("split = \"year\" or \"half_year\", or a narrower select"),
        );
    }
    let mut totals = BTreeMap::new();
    let mut lengths: Vec<usize> = variables.iter().map(|variable| variable.codes.len()).collect();
    for (name, total) in &settings.bulk_control {
        let unknown = || Error::UnknownVariable {
            table: info.id.clone(),
            name: name.clone(),
            known: info.names(),
        };
        let variable = info.variable(name).ok_or_else(unknown)?;
        let value = *expand(variable, std::slice::from_ref(total))?
            .first()
            .ok_or_else(unknown)?;
        let at = variables
            .iter()
            .position(|chosen| chosen.code == variable.id)
            .ok_or_else(unknown)?;
        if variable.time || variables[at].codes.contains(&value.id) {
            return Err(
                Fault::settings("the total of bulk_control is selected too, so the sums would count it twice")
                    .at(&variable.id)
                    .found(&value.id)
                    .hint("select the codes that the total is the sum of"),
            );
        }
        lengths[at] = 1;
        let text = (settings.value_presentation == Presentation::Default).then(|| value.text.trim().to_owned());
        totals.insert(
            variable.id.clone(),
            Total {
                code: value.id.clone(),
                text,
            },
        );
    }
    let pages = Slice::whole(lengths.into_iter()).split(variables.len() - 1, settings.max_cells)?;
    Ok(Bulk {
        suppressed,
        totals,
        tolerance: settings.bulk_control_tolerance,
        pages,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn errors_are_read_by_body_with_any_status() {
        let read = |status, head: &[u8]| {
            classify(&Answer {
                status,
                content_type: "text/json",
                head,
            })
        };
        let limit = "{\"errorTypeCode\":\"REQUEST-LIMIT\",\"message\":\"Forespørgslen på op mod 12 celler\"}";
        assert!(Error::is_limit(&read(400, limit.as_bytes()).unwrap()));
        assert!(Error::is_limit(&read(200, format!(" {limit}").as_bytes()).unwrap()));
        assert!(
            read(503, limit.as_bytes()).is_none(),
            "a 503 is retried, whatever it says"
        );
        assert!(read(200, "OMRÅDE;TID;INDHOLD\r\n".as_bytes()).is_none());
        assert!(read(200, b"{\"id\":\"ARE207\",\"variables\":[").is_none());
        let unknown = "{\"errorTypeCode\":\"EXTRACT-NOTFOUND\",\"message\":\"Tabel findes ikke: INGEN\"}";
        let fault = read(400, unknown.as_bytes()).unwrap();
        assert_eq!(fault.kind(), klimalade_connect::Kind::Settings);
        assert!(fault.to_string().contains("Tabel findes ikke: INGEN"), "{fault}");
    }
}
