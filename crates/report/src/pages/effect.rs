//! What the change since the base year is due to, as far as the data say.

use maud::{Markup, html};

use super::{
    Desk, charts,
    weather::{self, Weather},
};
use crate::{
    data::{Area, Lack, spread},
    numbers,
    page::{Place, or_dash},
};

/// A split of the change between two years, in tonnes.
pub(super) struct Split {
    pub(super) from: i16,
    pub(super) to: i16,
    pub(super) whole: f64,
    /// The electricity factor that moved, at the mean consumption of the two years.
    pub(super) factor: f64,
}

impl Split {
    /// What is left without the factor: consumption of electricity, all other energy, transport, land, waste, weather.
    pub(super) fn rest(&self) -> f64 {
        self.whole - self.factor
    }
}

/// The widest pair of years, up to the newest account year, that has emissions, consumption and factor.
pub(super) fn split(desk: &Desk, area: &Area) -> Option<Split> {
    let facts = desk.facts;
    let emissions = facts.indicator("ghg_emissions")?.line(&area.code);
    let consumption = facts.indicator("electricity_consumption")?;
    let factor = facts.indicator("electricity_emission_factor")?;
    let all = |year: i16| {
        let tonne = emissions.iter().find(|point| point.0 == year)?.1;
        Some((
            tonne,
            consumption.at(&area.code, year)?.value?,
            factor.at(&area.code, year)?.value?,
        ))
    };
    let years: Vec<i16> = emissions
        .iter()
        .map(|point| point.0)
        .filter(|year| all(*year).is_some())
        .collect();
    let (from, to) = (*years.first()?, *years.last()?);
    if from >= to {
        return None;
    }
    let ((before, used_before, factor_before), (after, used_after, factor_after)) = (all(from)?, all(to)?);
    // MWh x g/kWh is kg: a thousandth of it is tonnes.
    let factor = (used_before + used_after) / 2.0 * (factor_after - factor_before) / 1000.0;
    Some(Split {
        from,
        to,
        whole: after - before,
        factor,
    })
}

/// The section of an area's page.
pub(super) fn section(desk: &Desk, area: &Area) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let emissions = facts
        .indicator("ghg_emissions")
        .and_then(|indicator| indicator.newest(&area.code));
    let whole = emissions.and_then(|point| Some((point.base_year?, point.year, point.change?)));
    let split = split(desk, area);
    let years = split
        .as_ref()
        .map(|split| [split.from, split.to])
        .or(whole.map(|(from, to, _)| [from, to]));
    let weather = years.map(|years| weather::between(facts, area, years));
    html! {
        div.scroll tabindex="0" { table.parts {
            caption.hidden { (lang.of("Ændringen delt på det, der kan skilles ud", "The change, split into what can be told apart")) }
            thead { tr {
                th scope="col" { (lang.of("Del", "Part")) }
                th scope="col" { (lang.of("År", "Years")) }
                th scope="col" { (lang.of("Ton CO₂e", "Tonne CO₂e")) }
                th.text scope="col" { (lang.of("Bemærkning", "Remark")) }
            } }
            tbody {
                tr {
                    th scope="row" { strong { (lang.of("Målt ændring siden basisåret", "Measured change since the base year")) } }
                    td.years { @if let Some((from, to, _)) = whole { (from) "–" (to) } }
                    td { (or_dash(whole.map(|(.., change)| tonne(desk, change)), lang.no_figure())) }
                    td.text { (desk.source("ghg_emissions")) }
                }
                (parts(desk, area, split.as_ref(), years, &weather, &longer(desk, area, years, whole.map(|(from, to, _)| [from, to]))))
                (uncertainty(desk, area))
                (actions(desk, area))
                tr {
                    th scope="row" { (lang.of("Skyldes ændringen indsatserne?", "Is the change due to the actions?")) }
                    td.years {} td { (lang.cannot_be_said()) }
                    td.text { (lang.of("der er intet sammenligningsgrundlag uden indsatserne", "there is nothing to compare with, without the actions")) }
                }
            }
        } }
    }
}

fn tonne(desk: &Desk, value: f64) -> String {
    numbers::signed(numbers::fixed(value, 0, desk.lang))
}

/// The middle of a range, and the range below it.
fn ranged(desk: &Desk, [low, middle, high]: [f64; 3]) -> Markup {
    let lang = desk.lang;
    let (low, high) = (tonne(desk, low), tonne(desk, high));
    html! {
        (tonne(desk, middle))
        @if low != high { br; span.small { (lang.of("fra", "from")) "\u{a0}" (low) " " (lang.of("til", "to")) "\u{a0}" (high) } }
    }
}

fn method(desk: &Desk, anchor: &str, text: &str) -> Markup {
    html! { a href={ (desk.place.to(&Place::Methods, desk.lang)) "#" (anchor) } { (text) } }
}

/// Electricity factor, weather and the rest.
fn parts(
    desk: &Desk,
    area: &Area,
    split: Option<&Split>,
    years: Option<[i16; 2]>,
    weather: &Option<Result<Weather, Lack>>,
    longer: &str,
) -> Markup {
    let lang = desk.lang;
    let none = lang.cannot_be_said();
    let formula = |anchor: &str| method(desk, anchor, lang.of("formel", "formula"));
    let span = html! { td.years { @if let Some([from, to]) = years { (from) "–" (to) } } };
    html! {
        @if let Some(split) = split {
            tr {
                th scope="row" { (lang.of("heraf i de år, der kan deles", "of it in the years that can be split")) }
                (span) td { (tonne(desk, split.whole)) }
                td.text { (lang.of("de år, der har både regnskab, elforbrug og elfaktor", "the years with account, consumption and factor")) }
            }
        }
        tr {
            th scope="row" { (lang.of("– national elfaktor", "– national electricity factor")) }
            @if let Some(split) = split {
                (span) td { (tonne(desk, split.factor)) }
                td.text { (formula("elfaktor")) (lang.of("; regnskabet kan bruge en anden faktor", "; the account may use another factor")) }
            } @else {
                td.years {} td { (none) }
                td.text { (lang.of("ingen to år har både regnskab, elforbrug og elfaktor", "no two years have account, consumption and factor")) }
            }
        }
        tr {
            th scope="row" { (lang.of("– vejr (graddage), skøn", "– weather (degree days), estimate")) }
            (span)
            td #vejr-ton { @if let Some(Ok(weather)) = weather { (ranged(desk, weather.tonne())) } @else { (none) } }
            td.text {
                @if let Some(change) = years.and_then(|years| days_change(desk, area, years)) {
                    (lang.of("graddage ", "degree days ")) (numbers::signed(numbers::percent(change, lang))) "; "
                }
                @match weather {
                    Some(Ok(weather)) => { (formula("vejr")) (included(desk, weather)) (longer) }
                    Some(Err(lack)) => { (lacking(desk, *lack)) }
                    None => { (lang.no_figure()) }
                }
            }
        }
        tr {
            th scope="row" { (lang.of("– resten", "– the rest")) }
            (span)
            @match (split, weather) {
                (Some(split), Some(Ok(weather))) => {
                    td #rest-ton { (ranged(desk, weather.rest(split))) }
                    td.text { (lang.of("lokale indsatser, aktivitet og usikkerhed; kan ikke skilles ad", "local actions, activity and uncertainty; cannot be told apart")) }
                }
                (Some(split), _) => {
                    td #rest-ton { (tonne(desk, split.rest())) }
                    td.text { (lang.of("lokale indsatser, aktivitet, vejr og usikkerhed; kan ikke skilles ad", "local actions, activity, weather and uncertainty; cannot be told apart")) }
                }
                _ => {
                    td #rest-ton { (none) }
                    td.text { (lang.of("elfaktorens del mangler", "the electricity factor's part is missing")) }
                }
            }
        }
    }
}

/// The weather's part since the base year, where the split does not reach back to it.
fn longer(desk: &Desk, area: &Area, years: Option<[i16; 2]>, whole: Option<[i16; 2]>) -> String {
    let lang = desk.lang;
    let Some([from, to]) = whole.filter(|_| years != whole) else {
        return String::new();
    };
    let Ok(weather) = weather::between(desk.facts, area, [from, to]) else {
        return String::new();
    };
    let [low, middle, high] = weather.tonne().map(|value| tonne(desk, value));
    let without = match (weather.without_district, weather.members) {
        (0, _) => String::new(),
        (_, 1) => lang.of(", uden fjernvarme", ", without district heat").to_owned(),
        (count, members) => lang.of(
            format!(", uden fjernvarme i {count} af {members} kommuner"),
            format!(", without district heat in {count} of {members} municipalities"),
        ),
    };
    lang.of(
        format!("; for hele perioden {from}–{to}{without}: {middle} ton ({low} til {high})"),
        format!("; for all of {from}–{to}{without}: {middle} tonne ({low} to {high})"),
    )
}

fn days_change(desk: &Desk, area: &Area, [from, to]: [i16; 2]) -> Option<f64> {
    let days = desk.facts.indicator("heating_degree_days")?;
    let (before, after) = (days.at(&area.code, from)?.value?, days.at(&area.code, to)?.value?);
    (before > 0.0).then_some(after / before - 1.0)
}

/// What the weather's part is made of, where it is not made of everything.
fn included(desk: &Desk, weather: &Weather) -> String {
    let lang = desk.lang;
    let (without, members) = (weather.without_district, weather.members);
    let mut said = match (without, members) {
        (0, _) => lang
            .of("; med fjernvarmens brændsel", "; with the fuel for district heat")
            .to_owned(),
        (_, 1) => lang
            .of(
                "; uden fjernvarme, hvis brændsel ikke kendes her",
                "; without district heat, the fuel of which is not known here",
            )
            .to_owned(),
        _ => lang.of(
            format!("; uden fjernvarme i {without} af {members} kommuner, hvor brændslet ikke kendes"),
            format!("; without district heat in {without} of {members} municipalities, where the fuel is not known"),
        ),
    };
    match weather.left_out {
        0 => {}
        1 => {
            said += lang.of(
                "; ét af regnskabets felter er uden tal og ikke med",
                "; one cell of the account is without a figure and not in it",
            );
        }
        count => {
            said += &lang.of(
                format!("; {count} af regnskabets felter er uden tal og ikke med"),
                format!("; {count} cells of the account are without a figure and not in it"),
            );
        }
    }
    said
}

fn lacking(desk: &Desk, lack: Lack) -> String {
    let lang = desk.lang;
    match lack {
        Lack::Energy => lang.of(
            "regnskabets energiforbrug i bygninger mangler for et af årene",
            "the account's energy consumption of buildings is missing for one of the years",
        ),
        Lack::Factor => lang.of(
            "elfaktoren mangler for et af årene, og der varmes med el",
            "the electricity factor is missing for one of the years, and electricity is used for heating",
        ),
        Lack::DegreeDays => lang.of(
            "graddage mangler for et af årene",
            "degree days are missing for one of the years",
        ),
        Lack::Members(lacking, members) => {
            return lang.of(
                format!("{lacking} af {members} kommuner mangler energiforbrug, elfaktor eller graddage for et af årene"),
                format!("{lacking} of {members} municipalities lack energy consumption, electricity factor or degree days for one of the years"),
            );
        }
    }
    .to_owned()
}

/// What can be seen of the uncertainty: restatements and the spread of the projections.
fn uncertainty(desk: &Desk, area: &Area) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let members: Vec<&str> = if area.region.is_empty() {
        facts.members(&area.code).map(|member| member.code.as_str()).collect()
    } else {
        vec![area.code.as_str()]
    };
    let now = |year: i16| facts.indicator("ghg_emissions")?.at(&area.code, year)?.value;
    let restated = spread(&facts.corrections, &members, now);
    let projected = facts
        .trajectories
        .get(&area.code)
        .and_then(|known| charts::projected(known, 2030));
    html! {
        tr {
            th scope="row" { (lang.of("Usikkerhed", "Uncertainty")) }
            td.years {} td { (lang.cannot_be_said()) }
            td.text {
                (lang.of("kilderne oplyser ingen. Det kan ses: ", "the sources give none. What can be seen: "))
                @match restated {
                    Some(seen) if seen.count == 1 => {
                        (lang.of("myndigheden har ændret udledningen i et år én gang, med ", "the agency restated the emissions of a year once, by "))
                        (numbers::percent(seen.largest, lang))
                    }
                    Some(seen) => {
                        (lang.of(
                            format!("myndigheden har ændret udledningen i et år {} gange, i middel med ", seen.count),
                            format!("the agency restated the emissions of a year {} times, on average by ", seen.count)))
                        (numbers::percent(seen.mean, lang)) (lang.of(" og højst med ", " and at most by ")) (numbers::percent(seen.largest, lang))
                    }
                    None => (lang.of("udledningen er ikke ændret af myndigheden endnu", "the agency has not restated the emissions yet")),
                }
                @if let Some((low, high)) = projected {
                    (lang.of("; fremskrivningerne til 2030 ligger ", "; the projections to 2030 are "))
                    (numbers::fixed(high - low, 0, lang)) (lang.of(" ton fra hinanden", " tonne apart"))
                }
                ". " (method(desk, "usikkerhed", lang.of("Intet konfidensinterval", "No confidence interval")))
            }
        }
    }
}

/// The expected and the assessed effect of finished actions.
fn actions(desk: &Desk, area: &Area) -> Markup {
    let (facts, lang) = (desk.facts, desk.lang);
    let (mut done, mut realised, mut done_count, mut realised_count) = (0.0, 0.0, 0, 0);
    let all = area.code == facts.country.code;
    for row in facts
        .progress
        .rows()
        .filter(|row| all || facts.progress.text(*row, "area_code") == area.code)
    {
        if facts.progress.text(row, "status_code") == "done" {
            done += facts
                .progress
                .number(row, "expected_effect_tonne_co2e")
                .unwrap_or_default();
            realised += facts
                .progress
                .number(row, "realised_effect_tonne_co2e")
                .unwrap_or_default();
            done_count += facts.progress.count(row, "expected_effect_count");
            realised_count += facts.progress.count(row, "realised_effect_count");
        }
    }
    html! {
        tr {
            th scope="row" { (lang.of("Ventet effekt af gennemførte indsatser", "Expected effect of finished actions")) }
            td.years {} td { (or_dash((done_count > 0).then(|| tonne(desk, -done)), lang.of("ingen gennemført indsats har en ventet effekt", "no finished action has an expected effect"))) }
            td.text {
                (lang.of(format!("{done_count} indsatser; opgjort effekt for {realised_count}"), format!("{done_count} actions; effect assessed for {realised_count}")))
                @if realised_count > 0 { ": " (tonne(desk, -realised)) " " (lang.of("ton", "tonne")) }
            }
        }
    }
}
