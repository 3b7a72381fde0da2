//! What the change since the base year is due to, as far as the data say.

use maud::{Markup, html};

use super::Desk;
use crate::{
    data::Area,
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
    /// What is left: consumption of electricity, all other energy, transport, land, waste, weather.
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
    let tonne = |value: f64| numbers::signed(numbers::fixed(value, 0, lang));
    let emissions = facts
        .indicator("ghg_emissions")
        .and_then(|indicator| indicator.newest(&area.code));
    let whole = emissions.and_then(|point| Some((point.base_year?, point.year, point.change?)));
    let split = split(desk, area);
    let days = facts.indicator("heating_degree_days");
    let days_change = whole.and_then(|(from, to, _)| {
        let (before, after) = (days?.at(&area.code, from)?.value?, days?.at(&area.code, to)?.value?);
        (before > 0.0).then_some(after / before - 1.0)
    });
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
    let methods =
        |anchor: &str, text: &str| html! { a href={ (desk.place.to(&Place::Methods, lang)) "#" (anchor) } { (text) } };
    let none = lang.cannot_be_said();
    html! {
        div.scroll tabindex="0" { table {
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
                    td { (or_dash(whole.map(|(.., change)| tonne(change)), lang.no_figure())) }
                    td.text { (desk.source("ghg_emissions")) }
                }
                @if let Some(split) = &split {
                    tr {
                        th scope="row" { (lang.of("heraf i de år, der kan deles", "of it in the years that can be split")) }
                        td.years { (split.from) "–" (split.to) } td { (tonne(split.whole)) }
                        td.text { (lang.of("de år, der har både regnskab, elforbrug og elfaktor", "the years with account, consumption and factor")) }
                    }
                    tr {
                        th scope="row" { (lang.of("– national elfaktor", "– national electricity factor")) }
                        td.years { (split.from) "–" (split.to) } td { (tonne(split.factor)) }
                        td.text { (methods("elfaktor", lang.of("formel", "formula"))) (lang.of("; regnskabet kan bruge en anden faktor", "; the account may use another factor")) }
                    }
                    tr {
                        th scope="row" { (lang.of("– resten", "– the rest")) }
                        td.years { (split.from) "–" (split.to) } td { (tonne(split.rest())) }
                        td.text { (lang.of("lokale indsatser, aktivitet, vejr og usikkerhed; kan ikke skilles ad", "local actions, activity, weather and uncertainty; cannot be told apart")) }
                    }
                } @else {
                    tr {
                        th scope="row" { (lang.of("– national elfaktor", "– national electricity factor")) }
                        td {} td { (none) }
                        td.text { (lang.of("ingen to år har både regnskab, elforbrug og elfaktor", "no two years have account, consumption and factor")) }
                    }
                }
                tr {
                    th scope="row" { (lang.of("– vejr (graddage)", "– weather (degree days)")) }
                    td.years { @if let Some((from, to, _)) = whole { (from) "–" (to) } }
                    td { (none) }
                    td.text {
                        @if let Some(change) = days_change {
                            (lang.of("graddage ", "degree days ")) (numbers::signed(numbers::percent(change, lang))) "; "
                        }
                        (lang.of("regnskabet deler ikke varmen ud, så tonnene kendes ikke", "the account does not separate heating, so the tonnes are not known"))
                    }
                }
                tr {
                    th scope="row" { (lang.of("Ventet effekt af gennemførte indsatser", "Expected effect of finished actions")) }
                    td {} td { (or_dash((done_count > 0).then(|| tonne(-done)), lang.of("ingen gennemført indsats har en ventet effekt", "no finished action has an expected effect"))) }
                    td.text {
                        (lang.of(format!("{done_count} indsatser; opgjort effekt for {realised_count}"), format!("{done_count} actions; effect assessed for {realised_count}")))
                        @if realised_count > 0 { ": " (tonne(-realised)) " " (lang.of("ton", "tonne")) }
                    }
                }
                tr {
                    th scope="row" { (lang.of("Skyldes ændringen indsatserne?", "Is the change due to the actions?")) }
                    td {} td { (none) }
                    td.text { (lang.of("der er intet sammenligningsgrundlag uden indsatserne", "there is nothing to compare with, without the actions")) }
                }
            }
        } }
    }
}
