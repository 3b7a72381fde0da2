//! The formulas, and what is to be downloaded.

use maud::{Markup, html};

use super::{Desk, Sheet};
use crate::{numbers, page::Place};

/// The page of the methods.
pub(crate) fn sheet(desk: &Desk) -> Sheet {
    let lang = desk.lang;
    let title = lang.of("Metode og formler", "Methods and formulas").to_owned();
    let entries: [(&str, &str, &str, &str); 10] = [
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
            lang.of("C er elforbrug i MWh, f emissionsfaktor i g CO₂e/kWh, ton som resultat. Faktoren ligger uden for kommunens indflydelse. Det deles kun mellem det første og sidste regnskabsår, der har både regnskab, forbrug og faktor. Regnskabet kan bruge en anden faktor, så delingen er et skøn.",
                "C is electricity consumption in MWh, f the emission factor in g CO₂e/kWh, the result tonnes. The factor is out of the municipality's hands. The split is made only between the first and last account year that have account, consumption and factor. The account may use another factor, so the split is an estimate.")),
        ("vejr", lang.of("Vejrets del af ændringen", "The weather's part of the change"), "ΔV = Σ e · ½ (E₀ + E₁) · s · (G₁ − G₀) / ½ (G₀ + G₁)",
            lang.of("Et skøn. E er bygningernes energi til varme i TJ: fossile brændsler og el til varmepumper og paneler i husholdninger, handel, service og det offentlige (det kommunale regnskab, endeligt energiforbrug) og fossile brændsler til fjernvarme, hvor energiproducenttællingen har dem for kommunen. e er ton CO₂ pr. TJ: brændslets faktor nedenfor; for el middel af de to års elfaktor, ½ (f₀ + f₁) / 3,6. G er kommunens graddage. s er den del af varmen, der følger graddagene, og står ikke i data: 0,70 (boliger), med spændet 0,50–0,86. Elvarmen følger vejret ved middelfaktoren, og elfaktorens del er regnet ved middelforbruget, så intet tælles to gange. Region og land er kommunernes sum, hvor alle har et tal.",
                "An estimate. E is the energy of buildings for heat in TJ: fossil fuels, and electricity for heat pumps and panel heaters, in households, trade, services and the public sector (the municipal account, final energy consumption), and fossil fuels for district heat where the census of energy producers has them for the municipality. e is tonnes of CO₂ per TJ: the fuel's factor below; of electricity the mean of the two years' factor, ½ (f₀ + f₁) / 3.6. G is the municipality's degree days. s is the part of the heat that follows the degree days, and is not in the data: 0.70 (dwellings), with the range 0.50–0.86. Electric heating moves with the weather at the mean factor, and the factor's part is reckoned at the mean consumption, so nothing is counted twice. Region and country are the sum of the municipalities where all have a figure.")),
        ("resten", lang.of("Resten", "The rest"), "R = Δ − ΔE − ΔV",
            lang.of("Det, der hverken er elfaktor eller vejr: lokale indsatser, aktivitet (befolkning, produktion, trafik) og usikkerhed, som data ikke kan skille ad. Den har vejrets spænd; hvor vejret ikke kan siges, er det med i resten.",
                "What is neither electricity factor nor weather: local actions, activity (population, production, traffic) and uncertainty, which the data cannot tell apart. It has the weather's range; where the weather cannot be said, it is part of the rest.")),
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
            @if anchor == "vejr" { (weather(desk)) }
        }
        h2 #usikkerhed { (lang.of("Usikkerhed", "Uncertainty")) }
        p { (lang.of(
            "Kilderne oplyser ingen usikkerhed pr. kommune, så ingen af rapportens tal har et konfidensinterval, og der regnes intet ud, som ligner et. Tre ting kan siges ærligt, og de står ved ændringen:",
            "The sources give no uncertainty by municipality, so no figure of the report has a confidence interval, and nothing that looks like one is made up. Three things can honestly be said, and stand beside the change:",
        )) }
        ul {
            li { (lang.of(
                "Vejrets spænd: skønnet ved den mindste og den største del af varmen, der kan følge graddagene. Det er et spænd af antagelser; brændslernes faktorer og regnskabets egne fejl er ikke med.",
                "The weather's range: the estimate at the least and the greatest part of the heat that may follow the degree days. It is a range of assumptions; errors of the fuels' factors and of the account are not in it.",
            )) }
            li { (lang.of(
                "Myndighedens egne rettelser: |Σ (ny − gammel)| / udledningen i året, middel og største af de gange, datasøen har set et års udledning ændret. Et tal, der ikke er ændret endnu, er ikke derfor sikkert.",
                "The agency's own corrections: |Σ (new − old)| / the emissions of the year, mean and largest of the times that the lake has seen a year restated. A figure that is not restated yet is not certain for that.",
            )) }
            li { (lang.of(
                "Forskellen på de tre fremskrivninger til 2030: hvor meget valget af metode betyder.",
                "The difference between the three projections to 2030: how much the choice of method matters.",
            )) }
        }
        h2 #kort { (lang.of("Kort og farver", "Maps and colours")) }
        p { (lang.of(
            "Kortets fem klasser har lige mange kommuner hver. Farverne kan skelnes af farveblinde og i gråtoner; linjer skelnes også ved stregen.",
            "The five classes of a map hold equally many municipalities. The colours can be told apart by the colour-blind and in grey; lines differ by stroke too.",
        )) }
    };
    Sheet { title, body }
}

/// What the weather's part assumes: shares and factors, and what it does not see.
fn weather(desk: &Desk) -> Markup {
    let lang = desk.lang;
    html! {
        p { (lang.of(
            "Middel og højeste s er efter Håndbog for energikonsulenter (HB2021), GUF-værdier, afsnit 4.7.1.2: 30 % af varmen i boliger og 14 % i kulturbygninger er uafhængig af graddagene; kontor og handel har 18 %. Den laveste er vores antagelse: en del af brændslet i erhverv går til andet end varme, og nettab følger næppe vejret.",
            "Middle and highest s are by the Danish handbook of the energy labelling of buildings (HB2021), section 4.7.1.2: 30 % of the heat in dwellings and 14 % in cultural buildings does not depend on degree days; offices and trade have 18 %. The lowest is our assumption: some of the fuel in trade is for other things than heat, and losses of a net hardly follow the weather.",
        )) }
        table.narrow {
            caption.hidden { (lang.of("Brændslernes faktorer", "Factors of the fuels")) }
            thead { tr { th scope="col" { (lang.of("Brændsel", "Fuel")) } th scope="col" { (lang.of("kg CO₂ pr. GJ", "kg CO₂ per GJ")) } } }
            tbody { @for (code, factor) in desk.facts.heating.factors() { tr { th scope="row" { (desk.facts.named("carriers", code, lang)) } td { (numbers::fixed(factor, 1, lang)) } } } }
        }
        p { (lang.of(
            "Faktorerne er standardværdier fra IPCC's retningslinjer 2006, bind 2, tabel 2.2 (kul som anden bituminøs kul), ikke danske og ikke regnskabets. Ledningsgas regnes som naturgas, selv om en ukendt del er bionaturgas; affald, el til fjernvarme og landbrugets varme for sig er ikke med.",
            "The factors are defaults of the IPCC 2006 Guidelines, volume 2, table 2.2 (coal as other bituminous coal), not Danish and not the account's. Pipeline gas is reckoned as natural gas, although an unknown part is upgraded biogas; waste, electricity for district heat and heat of agriculture by itself are not in it.",
        )) }
    }
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
