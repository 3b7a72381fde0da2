//! The formulas, and what is to be downloaded.

use maud::html;

use super::{Desk, Sheet};
use crate::page::Place;

/// The page of the methods.
pub(crate) fn sheet(desk: &Desk) -> Sheet {
    let lang = desk.lang;
    let title = lang.of("Metode og formler", "Methods and formulas").to_owned();
    let entries: [(&str, &str, &str, &str); 9] = [
        ("tal", lang.of("Et tal for en indikator", "A figure of an indicator"), "v(i, a, t) = Σ core.observation.value",
            lang.of("Summen over alle opdelinger af indikator i, område a og år t. Region og land er summen af kommunerne, hvor alle har et tal; middeltal er vejede. Mangler et tal, står der en streg, aldrig nul.",
                "The sum over all breakdowns of indicator i, area a and year t. Region and country are the sum of the municipalities where all have a figure; means are weighted. Where a figure is missing there is a dash, never zero.")),
        ("aendring", lang.of("Ændring siden basisåret", "Change since the base year"), "Δ = v(t) − v(b);  Δ% = v(t) / v(b) − 1",
            lang.of("Basisåret b er det første år, som området har et tal for. Andelen findes kun, hvor v(b) er positiv.", "Base year b is the first year that the area has a figure for. The ratio exists only where v(b) is positive.")),
        ("lineaer", lang.of("Lineær fremskrivning", "Linear projection"), "y = a + b·x,  b = (n Σxy − Σx Σy) / (n Σx² − (Σx)²)",
            lang.of("Mindste kvadraters linje gennem op til ti sammenhængende år, som slutter med det seneste.", "The line of least squares through up to ten consecutive years that end with the latest.")),
        ("udglatning", lang.of("Eksponentiel udglatning", "Exponential smoothing"), "min Σ 0,8^(T−t) · (y − a − b·x)²",
            lang.of("Samme linje, hvor hvert ældre år vejer 0,8 af det næste (Brown, alfa 0,2).", "The same line, where each older year weighs 0.8 of the next (Brown, alpha 0.2).")),
        ("loglineaer", lang.of("Loglineær fremskrivning", "Log-linear projection"), "ln y = a + b·x",
            lang.of("Samme ændring i procent hvert år. Findes ikke, hvor et år ikke er positivt.", "The same change in percent each year. Does not exist where a year is not positive.")),
        ("maalsti", lang.of("Målsti og afstand", "Target path and distance"), "g = y − m;  g% = g / m",
            lang.of("Målstien m er rette linjer fra basisåret over delmålene til det sidste målår; kun mål for al udledning, ikke forbrugsbaserede. Efter sidste målår er der ingen. En regions eller landets er summen, hvor alle kommuner har et mål. Under stien: y ≤ m.",
                "The path m is straight lines from the base year over interim targets to the last target year; only targets for all emissions, not consumption-based ones. There is none after the last target year. A region's or the country's is the sum where all municipalities have a target. Below the path: y ≤ m.")),
        ("elfaktor", lang.of("Den nationale elfaktors del af ændringen", "The national electricity factor's part of the change"), "ΔE = ½ (C₀ + C₁) · (f₁ − f₀) / 1000",
            lang.of("C er elforbrug i MWh, f emissionsfaktor i g CO₂e/kWh, ton som resultat. Faktoren ligger uden for kommunens indflydelse. Det deles kun mellem det første og sidste regnskabsår, der har både regnskab, forbrug og faktor. Regnskabet kan bruge en anden faktor, så delingen er et skøn. Resten er Δ − ΔE: lokale indsatser, aktivitet, vejr og usikkerhed, som data ikke kan skille ad.",
                "C is electricity consumption in MWh, f the emission factor in g CO₂e/kWh, the result tonnes. The factor is out of the municipality's hands. The split is made only between the first and last account year that have account, consumption and factor. The account may use another factor, so the split is an estimate. The rest is Δ − ΔE: local actions, activity, weather and uncertainty, which the data cannot tell apart.")),
        ("vejr", lang.of("Vejr", "Weather"), "G(t) / G(b) − 1",
            lang.of("Ændringen i graddage G vises, men ikke i ton: regnskabet skiller ikke varmens udledning ud pr. område, så delen kan ikke siges ud fra data.",
                "The change in degree days G is shown, but not in tonnes: the account does not separate the emissions of heating by area, so the part cannot be said from the data.")),
        ("indsatser", lang.of("Effekt af indsatser", "Effect of actions"), "Σ expected_effect_tonne_co2e, status = done",
            lang.of("Ventet effekt er oplyst af kommunen selv og står ved siden af den målte ændring. Om ændringen skyldes indsatserne, kan ikke siges ud fra data: der er intet sammenligningsgrundlag uden dem.",
                "The expected effect is the municipality's own and stands beside the measured change. Whether the change is due to the actions cannot be said from the data: there is nothing to compare with, without them.")),
    ];
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of("Hvordan rapportens tal er dannet. Kilder og øjebliksbilleder står på ", "How the figures of the report are made. Sources and snapshots stand on "))
            (desk.link(&Place::Sources, lang.of("siden med kilder", "the page of sources"))) "." }
        @for (anchor, name, formula, text) in entries {
            h2 id=(anchor) { (name) }
            pre { code { (formula) } }
            p { (text) }
        }
        h2 #usikkerhed { (lang.of("Usikkerhed", "Uncertainty")) }
        p { (lang.of(
            "Kilderne oplyser ingen usikkerhed pr. kommune. Forskellen på de tre fremskrivninger viser, hvor meget valget af metode betyder, og er ikke et konfidensinterval.",
            "The sources give no uncertainty by municipality. The difference between the three projections shows how much the choice of method matters, and is no confidence interval.",
        )) }
        h2 #kort { (lang.of("Kort og farver", "Maps and colours")) }
        p { (lang.of(
            "Kortets fem klasser har lige mange kommuner hver. Farverne kan skelnes af farveblinde og i gråtoner; linjer skelnes også ved stregen.",
            "The five classes of a map hold equally many municipalities. The colours can be told apart by the colour-blind and in grey; lines differ by stroke too.",
        )) }
    };
    Sheet { title, body }
}

/// The page of downloads.
pub(crate) fn downloads(desk: &Desk) -> Sheet {
    let lang = desk.lang;
    let title = lang.of("Hent data", "Download data").to_owned();
    let tables = [
        "municipality_year",
        "region_year",
        "emission_trajectory",
        "plan_status",
        "action_progress",
        "adaptation_year",
    ];
    let described = |name: &str| {
        let table = desk.facts.schemas.table(name).ok();
        table
            .map(|table| lang.of(table.description_da.clone(), table.description_en.clone()))
            .unwrap_or_default()
    };
    let files = |path: &str| {
        html! {
            @for (at, (name, address)) in desk.downloads(path).iter().enumerate() { @if at > 0 { " · " } a href=(address) download { (name) } }
        }
    };
    let body = html! {
        h1 { (title) }
        p.lead { (lang.of("Tabellerne bag rapporten. CSV har punktum som decimaltegn og er i UTF-8.", "The tables behind the report. CSV has a decimal point and is UTF-8.")) }
        table {
            thead { tr { th scope="col" { (lang.of("Tabel", "Table")) } th.text scope="col" { (lang.of("Indhold", "Content")) } th scope="col" { (lang.of("Hent", "Download")) } } }
            tbody { @for name in tables { tr { th scope="row" { code { (name) } } td.text { (described(name)) } td.years { (files(name)) } } } }
        }
        h2 { (lang.of("Efter indikator", "By indicator")) }
        table { tbody { @for indicator in &desk.facts.indicators { tr {
            th scope="row" { (desk.link(&Place::Indicator(indicator.code.clone()), indicator.name(lang))) }
            td { (files(&format!("indicator/{}", indicator.code))) }
        } } } }
    };
    Sheet { title, body }
}
