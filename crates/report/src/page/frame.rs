//! One frame for all pages: head with its Content-Security-Policy, mast, navigation, banner, foot.

use maud::{DOCTYPE, Markup, html};

use crate::text::Lang;

/// What may be loaded: files of the site itself, and nothing that stands in a page. `frame-ancestors` works in a header only.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'";

/// What all pages of one site say alike.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// The year of the report.
    pub(crate) year: i16,
    /// True where the lake holds simulated figures.
    pub(crate) simulated: bool,
    /// Newest retrieval in the lake, ISO.
    pub(crate) newest: String,
}

/// A page of the site. The address of a page never changes: it is made of codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The country.
    Home,
    /// All municipalities.
    Municipalities,
    /// A municipality by its code.
    Municipality(String),
    /// A region by its code.
    Region(String),
    /// All indicators.
    Indicators,
    /// An indicator by its code.
    Indicator(String),
    /// Adaptation.
    Adaptation,
    /// Actions and the questionnaire.
    Actions,
    /// Plans.
    Plans,
    /// Projects over municipal borders.
    Projects,
    /// Distance to the targets.
    Targets,
    /// What there is and what is missing.
    Coverage,
    /// What the agencies restated.
    Changes,
    /// Formulas.
    Methods,
    /// Sources of every figure.
    Sources,
    /// The SQL that figures are mapped by.
    Mappings,
    /// Downloads.
    Downloads,
}

impl Place {
    /// Its address from the folder of the site.
    pub(crate) fn path(&self, lang: Lang) -> String {
        let name = match self {
            Self::Home => "index",
            Self::Municipalities => lang.of("kommuner", "municipalities"),
            Self::Municipality(code) => {
                return format!("{}/{}/{code}.html", lang.code(), lang.of("kommune", "municipality"));
            }
            Self::Region(code) => return format!("{}/region/{code}.html", lang.code()),
            Self::Indicators => lang.of("indikatorer", "indicators"),
            Self::Indicator(code) => {
                return format!("{}/{}/{code}.html", lang.code(), lang.of("indikator", "indicator"));
            }
            Self::Adaptation => lang.of("klimatilpasning", "adaptation"),
            Self::Actions => lang.of("indsatser", "actions"),
            Self::Plans => lang.of("planer", "plans"),
            Self::Projects => lang.of("projekter", "projects"),
            Self::Targets => lang.of("maal", "targets"),
            Self::Coverage => lang.of("datagrundlag", "coverage"),
            Self::Changes => lang.of("aendringer", "changes"),
            Self::Methods => lang.of("metode", "methods"),
            Self::Sources => lang.of("kilder", "sources"),
            Self::Mappings => lang.of("kortlaegninger", "mappings"),
            Self::Downloads => lang.of("data", "data"),
        };
        format!("{}/{name}.html", lang.code())
    }

    /// What leads from this page to the folder of the site.
    pub(crate) fn up(&self) -> &'static str {
        match self {
            Self::Municipality(_) | Self::Region(_) | Self::Indicator(_) => "../../",
            _ => "../",
        }
    }

    /// The address of `to` from this page, in the same language.
    pub(crate) fn to(&self, to: &Self, lang: Lang) -> String {
        let (mine, path) = (self.path(lang), to.path(lang));
        // Both begin with the language; a page in the same folder is named alone.
        let path = path.split_once('/').map_or("", |(_, path)| path);
        let folder = mine.split_once('/').and_then(|(_, mine)| Some(mine.split_once('/')?.0));
        match (folder, path.split_once('/')) {
            (Some(folder), Some((same, name))) if folder == same => name.to_owned(),
            (Some(_), _) => format!("../{path}"),
            (None, _) => path.to_owned(),
        }
    }

    /// The address of this page in the other language.
    fn across(&self, other: Lang) -> String {
        format!("{}{}", self.up(), self.path(other))
    }
}

fn sections(lang: Lang) -> [(Place, &'static str); 10] {
    [
        (Place::Home, lang.of("Overblik", "Overview")),
        (Place::Municipalities, lang.of("Kommuner", "Municipalities")),
        (Place::Indicators, lang.of("Indikatorer", "Indicators")),
        (Place::Targets, lang.of("Mål", "Targets")),
        (Place::Plans, lang.of("Planer", "Plans")),
        (Place::Actions, lang.of("Indsatser", "Actions")),
        (Place::Projects, lang.of("Projekter", "Projects")),
        (Place::Adaptation, lang.of("Klimatilpasning", "Adaptation")),
        (Place::Coverage, lang.of("Datagrundlag", "Data")),
        (Place::Methods, lang.of("Metode", "Methods")),
    ]
}

fn section_of(place: &Place) -> Place {
    match place {
        Place::Municipality(_) | Place::Region(_) => Place::Municipalities,
        Place::Indicator(_) => Place::Indicators,
        Place::Changes | Place::Downloads => Place::Coverage,
        Place::Sources | Place::Mappings => Place::Methods,
        other => other.clone(),
    }
}

/// What every page says of itself first: its letters, what it may load, its width.
pub(crate) fn metas(policy: &str) -> Markup {
    html! {
        meta charset="utf-8";
        meta http-equiv="Content-Security-Policy" content=(policy);
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="referrer" content="no-referrer";
    }
}

/// A whole page. `title` is its h1 and, with the report's, its title.
pub(crate) fn frame(site: &Site, place: &Place, lang: Lang, title: &str, body: &Markup) -> String {
    let up = place.up();
    let name = lang.of("Kommunernes klimastatus", "Climate status of the municipalities");
    let current = section_of(place);
    let other = lang.other();
    let page = html! {
        (DOCTYPE)
        html lang=(lang.code()) {
            head {
                (metas(POLICY))
                title { (title) " – " (name) " " (site.year) }
                link rel="icon" href={ (up) "assets/icon.svg" } type="image/svg+xml";
                link rel="stylesheet" href={ (up) "assets/report.css" };
                link rel="alternate" hreflang=(other.code()) href=(place.across(other));
                script src={ (up) "assets/search-" (lang.code()) ".js" } defer {}
                script src={ (up) "assets/report.js" } defer {}
            }
            body data-up=(up) {
                a.skip href="#content" { (lang.of("Spring til indhold", "Skip to content")) }
                @if site.simulated {
                    section.banner aria-label=(lang.of("Om tallene", "About the figures")) {
                        strong { (lang.of("Simulerede tal.", "Simulated figures.")) }
                        " "
                        (lang.of(
                            "Siden er dannet af en prøvedatasø. Tallene er opdigtede og siger intet om virkelige kommuner.",
                            "This page is made from a demo lake. The figures are invented and say nothing about real municipalities.",
                        ))
                    }
                }
                header.mast {
                    div.wrap {
                        a.brand href=(place.to(&Place::Home, lang)) {
                            span.mark aria-hidden="true" {}
                            span { (name) span.year { (lang.of("Statusrapport ", "Status report ")) (site.year) } }
                        }
                        div.tools {
                            form.search role="search" {
                                label.hidden for="search" { (lang.of("Søg efter kommune eller indikator", "Search for a municipality or indicator")) }
                                input #search type="search" autocomplete="off" placeholder=(lang.of("Søg kommune eller indikator", "Search municipality or indicator")) role="combobox" aria-expanded="false" aria-controls="found" aria-autocomplete="list";
                                ul #found role="listbox" aria-label=(lang.of("Fundet", "Found")) hidden {}
                            }
                            a.language href=(place.across(other)) lang=(other.code()) hreflang=(other.code()) {
                                (other.of("Dansk", "English"))
                            }
                        }
                    }
                    nav aria-label=(lang.of("Hovedmenu", "Main menu")) {
                        ul.wrap {
                            @for (to, label) in sections(lang) {
                                li {
                                    a href=(place.to(&to, lang)) aria-current=[(to == current).then_some("page")] { (label) }
                                }
                            }
                        }
                    }
                }
                main #content.wrap tabindex="-1" {
                    (body)
                }
                footer {
                    div.wrap {
                        p {
                            (lang.of("Nyeste hentning i datasøen: ", "Newest retrieval in the lake: "))
                            (crate::numbers::day(&site.newest, lang)) ". "
                            (lang.of("Dannet af Klimalade.", "Made by Klimalade."))
                            @if site.simulated { " " strong { (lang.of("Simulerede tal.", "Simulated figures.")) } }
                        }
                        p {
                            a href=(place.to(&Place::Sources, lang)) { (lang.of("Kilder", "Sources")) } " · "
                            a href=(place.to(&Place::Methods, lang)) { (lang.of("Metode og formler", "Methods and formulas")) } " · "
                            a href=(place.to(&Place::Changes, lang)) { (lang.of("Ændrede tal", "Restated figures")) } " · "
                            a href=(place.to(&Place::Downloads, lang)) { (lang.of("Hent data", "Download data")) }
                        }
                        p.small { (lang.of("Kort: ", "Map: ")) (crate::map::ATTRIBUTION) }
                    }
                }
            }
        }
    }
    .into_string();
    lean(&page)
}

/// The same document in fewer bytes: a tenth of the site. HTML leaves out the end of a cell, row or item where the next begins or the
/// table or list ends; marks of a drawing have nothing between their tags.
fn lean(page: &str) -> String {
    const ENDS: [(&str, &str); 14] = [
        ("></path>", "/>"),
        ("></rect>", "/>"),
        ("></line>", "/>"),
        ("></circle>", "/>"),
        ("</td><td", "<td"),
        ("</td></tr>", "</tr>"),
        ("</th><td", "<td"),
        ("</th><th", "<th"),
        ("</th></tr>", "</tr>"),
        ("</tr><tr", "<tr"),
        ("</tr></tbody>", "</tbody>"),
        ("</tr></thead>", "</thead>"),
        ("</li><li", "<li"),
        ("</li></ul>", "</ul>"),
    ];
    ENDS.iter()
        .fold(page.to_owned(), |page, (whole, lean)| page.replace(whole, lean))
}

/// The page at the folder of the site: it leads to the Danish one.
pub(crate) fn threshold(site: &Site) -> String {
    html! {
        (DOCTYPE)
        html lang="da" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta http-equiv="refresh" content="0; url=da/index.html";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Kommunernes klimastatus " (site.year) }
                link rel="stylesheet" href="assets/report.css";
            }
            body {
                main.wrap {
                    h1 { "Kommunernes klimastatus " (site.year) }
                    @if site.simulated { p { strong { "Simulerede tal. Simulated figures." } } }
                    p { a href="da/index.html" { "Dansk" } " · " a href="en/index.html" lang="en" { "English" } }
                }
            }
        }
    }
    .into_string()
}
