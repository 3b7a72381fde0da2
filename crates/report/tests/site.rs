//! The site of a small lake that is made here: what it says, where its links lead, and that it is the same each time.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;
mod since;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use common::{World, files};

#[tokio::test]
async fn the_same_lake_gives_the_same_bytes() {
    let world = World::simulated().await;
    let (one, two) = (world.report("one").await, world.report("two").await);
    let read = |folder: &Path| -> BTreeMap<PathBuf, Vec<u8>> {
        files(folder)
            .into_iter()
            .map(|file| (file.strip_prefix(folder).unwrap().to_owned(), fs::read(&file).unwrap()))
            .collect()
    };
    let (one, two) = (read(&one), read(&two));
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for (path, bytes) in &one {
        assert!(two[path] == *bytes, "{} differs", path.display());
    }
}

#[tokio::test]
async fn every_link_leads_somewhere() {
    let world = World::simulated().await;
    let folder = world.report("site").await;
    let mut count = 0;
    for page in world.pages(&folder) {
        let text = fs::read_to_string(&page).unwrap();
        for link in common::attributes(&text, "href").chain(common::attributes(&text, "src")) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(path)
            };
            assert!(target.is_file(), "{}: {link} leads nowhere", page.display());
            if !anchor.is_empty() {
                let there = fs::read_to_string(&target).unwrap();
                assert!(
                    there.contains(&format!("id=\"{anchor}\"")),
                    "{}: {link} has no such place",
                    page.display()
                );
            }
            count += 1;
        }
    }
    assert!(count > 500, "only {count} links");
}

#[tokio::test]
async fn nothing_is_loaded_from_elsewhere_and_nothing_stands_inline() {
    let world = World::simulated().await;
    let folder = world.report("site").await;
    for page in world.pages(&folder) {
        let text = fs::read_to_string(&page).unwrap();
        let place = page.display();
        assert!(text.contains("default-src 'none'"), "{place} has no policy");
        assert!(
            !text.contains(" style=") && !text.contains("<style"),
            "{place} has a style inline"
        );
        assert!(!text.contains(" onclick="), "{place} has a script inline");
        assert_eq!(
            text.matches("<script").count(),
            text.matches("<script src=").count(),
            "{place} has a script inline"
        );
        for address in common::attributes(&text, "href").chain(common::attributes(&text, "src")) {
            assert!(!address.contains("//"), "{place}: {address}");
        }
    }
}

#[tokio::test]
async fn every_page_of_a_simulated_lake_says_so_and_none_of_a_real_one() {
    for (world, is_simulated) in [(World::simulated().await, true), (World::real().await, false)] {
        let folder = world.report("site").await;
        for page in world.pages(&folder) {
            let text = fs::read_to_string(&page).unwrap();
            let says = text.contains("Simulerede tal") || text.contains("Simulated figures");
            assert_eq!(says, is_simulated, "{}", page.display());
        }
    }
}

#[tokio::test]
async fn a_figure_of_a_page_is_that_of_the_table_written_in_danish() {
    let world = World::simulated().await;
    let folder = world.report("site").await;
    let danish = fs::read_to_string(folder.join("da/kommune/0751.html")).unwrap();
    // 1234567.5 of the table; 12.27 % less than in the base year.
    assert!(danish.contains("1.234.568 ton CO₂e"), "{danish}");
    assert!(danish.contains("12,3\u{a0}% mindre end i 2018"), "{danish}");
    let english = fs::read_to_string(folder.join("en/municipality/0751.html")).unwrap();
    assert!(english.contains("1,234,568 tonne CO₂e"), "{english}");
    let csv = fs::read_to_string(folder.join("data/area/0751.csv")).unwrap();
    assert!(csv.contains("ghg_emissions,0751,2023,1234567.5,tonne_co2e"), "{csv}");
}

#[tokio::test]
async fn a_missing_figure_is_a_dash_with_its_reason_and_never_zero() {
    let world = World::simulated().await;
    let folder = world.report("site").await;
    // 0101 has a row for vehicles, but the agency gave no figure.
    let page = fs::read_to_string(folder.join("da/kommune/0101.html")).unwrap();
    let row = page.split("<tr>").find(|row| row.contains("vehicles.html")).unwrap();
    assert!(
        row.contains("–<span class=\"hidden\"> (intet tal: ingen kilde har oplyst det for dette år)"),
        "{row}"
    );
    assert!(!row.contains(">0<"), "{row}");
    // It has no target, and the page says why there is no path.
    assert!(page.contains("Området har intet mål."), "{page}");
    assert!(page.contains("kan ikke siges ud fra data"));
}

#[tokio::test]
async fn the_weathers_part_has_a_range_or_says_which_input_is_missing() {
    let world = World::simulated().await;
    let folder = world.report("site").await;
    let rows = |page: &str| -> Vec<String> {
        let text = fs::read_to_string(folder.join(page)).unwrap();
        let table = text
            .split_once("id=\"effekt\"")
            .unwrap()
            .1
            .split_once("</table>")
            .unwrap()
            .0;
        table.split("<tr>").map(str::to_owned).collect()
    };
    let row = |page: &str, named: &str| rows(page).into_iter().find(|row| row.contains(named)).unwrap();
    // 1000 TJ of gas at 56.1 and 10 GWh at 150 are 57,600 tonnes, degree days a tenth fewer: 5,760 if all heat followed them.
    let weather = row("da/kommune/0751.html", "vejr (graddage)");
    assert!(weather.contains(">−4.032<"), "{weather}");
    assert!(weather.contains("fra\u{a0}−2.880 til\u{a0}−4.954"), "{weather}");
    assert!(weather.contains("uden fjernvarme"), "{weather}");
    // −172,432.5 in all, −110,000 by the factor.
    let rest = row("en/municipality/0751.html", "the rest");
    assert!(rest.contains("to\u{a0}−57,479"), "{rest}");
    let uncertainty = row("da/kommune/0751.html", "Usikkerhed");
    assert!(
        uncertainty.contains("ændret udledningen i et år én gang, med 1,0\u{a0}%"),
        "{uncertainty}"
    );
    // 0101 has no degree days, so the country has no sum.
    for (page, reason) in [
        ("da/kommune/0101.html", "graddage mangler for et af årene"),
        ("da/index.html", "1 af 2 kommuner mangler"),
    ] {
        let weather = row(page, "vejr (graddage)");
        assert!(
            weather.contains("kan ikke siges ud fra data") && weather.contains(reason),
            "{weather}"
        );
    }
    assert!(row("da/kommune/0101.html", "Usikkerhed").contains("ikke ændret af myndigheden endnu"));
}

#[tokio::test]
async fn text_of_an_agency_cannot_become_markup() {
    let world = World::simulated().await;
    let folder = world.report("site").await;
    let page = fs::read_to_string(folder.join("da/kommune/0751.html")).unwrap();
    assert!(
        page.contains("&lt;script&gt;varme&lt;/script&gt;"),
        "the title of the action is not there"
    );
    assert!(!page.contains("<script>varme"));
}

#[tokio::test]
async fn a_lake_without_the_tables_is_refused_with_what_to_do() {
    let world = World::empty().await;
    let fault = world.try_report("site").await.unwrap_err();
    assert_eq!(fault.kind(), klimalade_model::Kind::Settings);
    assert!(
        fault.hint_text().is_some_and(|hint| hint.contains("klimalade run")),
        "{}",
        fault.line()
    );
}

#[tokio::test]
async fn every_chart_has_the_table_that_it_is_drawn_from_as_csv_and_parquet() {
    let world = World::simulated().await;
    let folder = world.report("site").await;
    let (mut charts, mut rankings) = (0, 0);
    for page in world.pages(&folder) {
        let text = fs::read_to_string(&page).unwrap();
        let files = |part: &str| {
            let links = part.split("<a ").filter(|link| link.contains(" download"));
            let found: Vec<String> = links
                .filter_map(|link| {
                    common::attributes(&format!(" {link}"), "href")
                        .next()
                        .map(str::to_owned)
                })
                .collect();
            found
        };
        for figure in text.split("<figure").skip(1) {
            let figure = figure.split_once("</figure>").unwrap().0;
            let found = files(figure);
            let endings: Vec<_> = found.iter().map(|file| file.rsplit('.').next().unwrap()).collect();
            assert_eq!(endings, ["csv", "parquet"], "{}", page.display());
            charts += 1;
        }
        let outside: String = text
            .split("<figure")
            .map(|part| part.rsplit("</figure>").next().unwrap())
            .collect();
        if outside.contains("class=\"bar\"") || outside.contains("class=\"spark\"") {
            assert!(
                files(&outside).len() >= 2,
                "{} has a chart without its table",
                page.display()
            );
            rankings += 1;
        }
    }
    assert!(
        charts > 20 && rankings > 10,
        "{charts} charts, {rankings} pages with rankings"
    );
    // What is compared per inhabitant stands in the file too.
    let csv = fs::read_to_string(folder.join("data/indicator/ghg_emissions.csv")).unwrap();
    assert!(csv.lines().next().unwrap().contains("value_per_person"), "{csv}");
}

#[tokio::test]
async fn a_number_leads_to_source_method_terms_the_snapshots_of_its_year_and_the_sql() {
    let world = World::simulated().await;
    let folder = world.report("site").await;
    for page in ["da/kilder.html", "da/indikator/ghg_emissions.html"] {
        let text = fs::read_to_string(folder.join(page)).unwrap();
        for wanted in [
            "2018–2020<td class=\"years\">20.11.2026<td",
            "title=\"aaaaaaaa",
            "2021<td class=\"years\">21.11.2026–26.11.2026<td",
            "2 øjebliksbilleder",
            "klimalade explain observation indicator_code=ghg_emissions area_code=0751 year=2023",
            "snapshot_sha256, min(retrieved_at) AS retrieved_at",
            "kortlaegninger.html#made",
        ] {
            assert!(text.contains(wanted), "{page} lacks {wanted}: {text}");
        }
    }
    let sources = fs::read_to_string(folder.join("da/kortlaegninger.html")).unwrap();
    assert!(sources.contains("WHERE r.tal &lt; 7"), "the SQL is escaped");
    assert!(
        sources.contains("SELECT 1 AS one"),
        "the view behind the table belongs to it"
    );
    assert!(
        !sources.contains("SELECT 2 AS two"),
        "what no figure comes from is left out"
    );
}
