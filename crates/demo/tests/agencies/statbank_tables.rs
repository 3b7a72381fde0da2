//! The tables of StatBank beside population, area and stock of vehicles: each has a trap of its own.

use std::collections::BTreeMap;

use klimalade_demo::{Agencies, Script};
use serde_json::Value;

use crate::{
    client::{get, post},
    statbank::{DATA, agencies, query, refusal, rows, variable},
};

/// Every cell of some variables, by its codes with the period last.
fn cells(agencies: &Agencies, table: &str, variables: &[(&str, &[&str])]) -> BTreeMap<Vec<String>, String> {
    let variables = variables.iter().map(|(code, values)| variable(code, values)).collect();
    rows(&post(agencies, DATA, &query(table, "CSV", variables)))
        .into_iter()
        .map(|mut row| {
            let figure = row.pop().unwrap();
            (row, figure)
        })
        .collect()
}

/// A figure without its decimal mark, `..` as none.
fn number(text: &str) -> Option<i64> {
    (text != "..").then(|| text.replace(',', "").parse().unwrap())
}

/// Sum of the cells that `keep` takes; `..` counts as nothing.
fn sum(cells: &BTreeMap<Vec<String>, String>, keep: impl Fn(&[String]) -> bool) -> i64 {
    let kept = cells.iter().filter(|(codes, _)| keep(codes));
    kept.filter_map(|(_, figure)| number(figure)).sum()
}

fn tableinfo(agencies: &Agencies, table: &str) -> Value {
    get(agencies, &format!("api.statbank.dk/v1/tableinfo?id={table}")).json()
}

fn is_town(code: &str) -> bool {
    code.len() == 3 && !code.starts_with('0') && !code.starts_with('9')
}

#[test]
fn the_unit_in_a_variable_of_buildings_cannot_be_left_out_and_each_has_its_own_figures() {
    let agencies = agencies();
    let info = tableinfo(&agencies, "BYGB40");
    assert_eq!(info["unit"], "-");
    assert_eq!(info["variables"][1]["elimination"], false);
    let choose = vec![variable("OMRÅDE", &["000"]), variable("Tid", &["2026"])];
    let (status, code, message) = refusal(&post(&agencies, DATA, &query("BYGB40", "CSV", choose)));
    assert_eq!((status, code.as_str()), (400, "EXTRACT-NOTALLOWED"));
    assert!(message.contains("MÆNGDE4"), "{message}");
    let counted = cells(
        &agencies,
        "BYGB40",
        &[("OMRÅDE", &["*"]), ("MÆNGDE4", &["*"]), ("Tid", &["2026"])],
    );
    assert_eq!(counted.len(), 2 * (1 + 5 + 11 + 99));
    for measure in ["45", "50"] {
        let of = |area: &str| area == "000";
        let country = sum(&counted, |codes| of(&codes[0]) && codes[1] == measure);
        let towns = sum(&counted, |codes| is_town(&codes[0]) && codes[1] == measure);
        assert_eq!(country, towns, "{measure}");
        assert!(country > 100_000, "{measure}: {country}");
    }
}

#[test]
fn codes_of_construction_periods_wrap_around_the_century() {
    let info = tableinfo(&agencies(), "BYGB40");
    let values = info["variables"][4]["values"].as_array().unwrap();
    let text = |code: &str| values.iter().find(|value| value["id"] == code).unwrap()["text"].clone();
    assert_eq!((text("05-09"), text("05-10")), ("1905-1909".into(), "2005-2009".into()));
}

#[test]
fn a_variable_without_a_total_code_is_summed_when_it_is_left_out() {
    let agencies = agencies();
    let info = tableinfo(&agencies, "BOL102");
    assert_eq!(info["variables"][0]["id"], "AMT");
    let area: (&str, &[&str]) = ("AMT", &["101"]);
    let period: (&str, &[&str]) = ("Tid", &["2026"]);
    let parts = cells(
        &agencies,
        "BOL102",
        &[area, ("OPVARMNING", &["*"]), ("BEBO", &["*"]), period],
    );
    assert_eq!(parts.len(), 8 * 2);
    let whole = cells(&agencies, "BOL102", &[area, period]);
    assert_eq!(sum(&whole, |_| true), sum(&parts, |_| true));
    assert!(parts.keys().flatten().all(|code| !code.contains("TOT")));
}

#[test]
fn waste_adds_up_to_its_totals_and_groups_have_the_codes_of_landsdele() {
    let agencies = agencies();
    let info = tableinfo(&agencies, "LABY24");
    assert_eq!(info["variables"][0]["map"], "denmark_municipalitygroups_24");
    let all = cells(
        &agencies,
        "LABY24",
        &[
            ("KOMGRP", &["*"]),
            ("BEHANDLING", &["*"]),
            ("AFFFRAK", &["*"]),
            ("Tid", &["2023"]),
        ],
    );
    let is_leaf = |codes: &[String]| codes[1] != "TOT" && codes[2] != "TOTHHAFFALD";
    let total = |area: &str| {
        sum(&all, |codes| {
            codes[0] == area && codes[1] == "TOT" && codes[2] == "TOTHHAFFALD"
        })
    };
    assert_eq!(sum(&all, |codes| is_town(&codes[0]) && is_leaf(codes)), total("000"));
    assert_eq!(
        (1..=5).map(|group| total(&group.to_string())).sum::<i64>() + total("411"),
        total("000")
    );
    let key = cells(
        &agencies,
        "LABY25",
        &[("KOMGRP", &["101", "411"]), ("BNOGLE", &["*"]), ("Tid", &["2023"])],
    );
    let figure = |area: &str, name: &str| key[&[area, name, "2023"].map(str::to_owned).to_vec()].clone();
    // The key figure follows from the tonnes.
    let recycled = sum(&all, |codes| {
        codes[0] == "101" && codes[1] == "GENANV" && codes[2] == "TOTHHAFFALD"
    });
    let share = (recycled as f64 / total("101") as f64 * 100.0).round() as i64;
    assert_eq!(figure("101", "GENPCT"), share.to_string());
    assert_eq!(figure("411", "GENPCT"), "..");
}

#[test]
fn land_cover_mixes_two_levels_three_units_and_land_of_no_municipality() {
    let agencies = agencies();
    let all = cells(
        &agencies,
        "AREALDK",
        &[
            ("ARE1", &["*"]),
            ("OMRÅDE", &["*"]),
            ("ENHED", &["0120"]),
            ("Tid", &["2021"]),
        ],
    );
    let of =
        |cover: &str, area: &str| number(&all[&[cover, area, "0120", "2021"].map(str::to_owned).to_vec()]).unwrap();
    assert_eq!(
        of("A", "101"),
        of("A1", "101") + of("A15", "101") + of("A2", "101") + of("A3", "101")
    );
    assert_eq!(of("TOT", "LAND"), of("TOT", "000") + of("TOT", "IKMAK"));
    assert!(of("TOT", "IKMAK") > 0);
    let towns = |codes: &[String]| is_town(&codes[1]);
    assert_eq!(sum(&all, |codes| codes[0] == "E" && towns(codes)), of("E", "000"));
    let letters = ["A", "B", "C", "D", "E", "F", "G", "H"];
    assert_eq!(
        letters.iter().map(|letter| of(letter, "000")).sum::<i64>(),
        of("TOT", "000")
    );
    assert!(all.keys().all(|codes| codes[1] != "411"));
    let unit = |code: &str| {
        let choose: [(&str, &[&str]); 4] = [
            ("ARE1", &["TOT"]),
            ("OMRÅDE", &["101"]),
            ("ENHED", &[code]),
            ("Tid", &["2021"]),
        ];
        cells(&agencies, "AREALDK", &choose).into_values().next().unwrap()
    };
    assert_eq!(unit("0140"), "100,0");
    assert_ne!(unit("0130"), unit("0120"));
}

#[test]
fn wastewater_treated_by_a_neighbour_is_a_zero_and_country_and_regions_are_the_sums() {
    let agencies = agencies();
    let all = cells(
        &agencies,
        "VANDUD",
        &[
            ("OMRÅDE", &["*"]),
            ("UDL", &["*"]),
            ("ANLAEG", &["*"]),
            ("Tid", &["2023"]),
        ],
    );
    assert_eq!(all.len(), (1 + 5 + 99) * 4 * 6);
    let cell = |area: &str, plant: &str| all[&[area, "KV", plant, "2023"].map(str::to_owned).to_vec()].clone();
    assert_eq!((cell("147", "130").as_str(), cell("411", "135").as_str()), ("0", ".."));
    assert_ne!(cell("101", "130"), "0");
    for what in ["SP", "KV", "FO", "OR"] {
        let within = |codes: &[String], of: &dyn Fn(&str) -> bool| of(&codes[0]) && codes[1] == what;
        let country = sum(&all, |codes| within(codes, &|area| area == "000"));
        assert_eq!(country, sum(&all, |codes| within(codes, &is_town)), "{what}");
        assert_eq!(
            country,
            sum(&all, |codes| within(codes, &|area| area.starts_with("08"))),
            "{what}"
        );
    }
}

#[test]
fn industry_is_asked_every_second_year_and_two_municipalities_are_hidden() {
    let agencies = agencies();
    let info = tableinfo(&agencies, "ENEGEO");
    assert_eq!(
        (&info["variables"][0]["id"], &info["unit"]),
        (&"KOMK".into(), &"1.000 GJ (gigajoule)".into())
    );
    let all = cells(&agencies, "ENEGEO", &[("KOMK", &["*"]), ("Tid", &["*"])]);
    let years: Vec<&str> = all
        .keys()
        .filter(|codes| codes[0] == "101")
        .map(|codes| codes[1].as_str())
        .collect();
    assert_eq!(years, ["2022", "2024"]);
    assert_eq!(all.values().filter(|figure| *figure == "..").count(), 2 * 2);
}

#[test]
fn accounts_net_income_against_expenditure_and_kroner_per_head_are_no_sum() {
    let agencies = agencies();
    let all = cells(
        &agencies,
        "REGK31",
        &[
            ("OMRÅDE", &["000", "910", "101"]),
            ("FUNKTION", &["*"]),
            ("DRANST", &["1"]),
            ("ART", &["*"]),
            ("PRISENHED", &["*"]),
            ("Tid", &["2025"]),
        ],
    );
    let of = |area: &str, kind: &str, unit: &str| {
        let key = [area, "04871", "1", kind, unit, "2025"].map(str::to_owned).to_vec();
        number(&all[&key]).unwrap()
    };
    assert_eq!(
        of("101", "TOT", "LOBM"),
        of("101", "UE", "LOBM") + of("101", "I", "LOBM")
    );
    assert!(of("101", "I", "LOBM") < 0 && of("910", "UE", "LOBM") > of("101", "UE", "LOBM"));
    assert!(of("000", "UE", "INDL") < 1_000 && of("000", "UE", "LOBM") > 10_000);
}

#[test]
fn national_tables_have_no_areas_and_their_totals_are_the_sums_of_their_parts() {
    let agencies = agencies();
    let subsidies = cells(&agencies, "TILSKUD2", &[("TILSKUDSART", &["*"]), ("Tid", &["2022"])]);
    let groups = ["300", "305", "315", "350", "375"];
    let parts = sum(&subsidies, |codes| !groups.contains(&codes[0].as_str()));
    assert_eq!(sum(&subsidies, |codes| codes[0] == "300"), parts);
    assert_eq!(subsidies[&["325".to_owned(), "2022".to_owned()].to_vec()], "..");
    let grants = cells(
        &agencies,
        "FOND19",
        &[("FONDSTYPE", &["*"]), ("HOMR", &["*"]), ("Tid", &["2024"])],
    );
    let all = sum(&grants, |codes| codes[0] == "1000");
    assert_eq!(all, sum(&grants, |codes| codes[0] != "1000"));
    assert!(tableinfo(&agencies, "FOND19")["variables"][0].get("map").is_none());
}

#[test]
fn water_registered_vehicles_and_dwellings_add_up_to_the_country() {
    let agencies = agencies();
    let water = cells(
        &agencies,
        "VANDIND",
        &[
            ("OMRÅDE", &["*"]),
            ("VANDTYP", &["*"]),
            ("INDKAT", &["*"]),
            ("Tid", &["2024"]),
        ],
    );
    let total = sum(&water, |codes| codes[0] == "000" && codes[1] == "TOTVAND");
    assert_eq!(total, sum(&water, |codes| is_town(&codes[0]) && codes[1] != "TOTVAND"));
    let registered = cells(&agencies, "BIL53", &[("OMRÅDE", &["*"]), ("Tid", &["2026M10"])]);
    let unknown = sum(&registered, |codes| codes[0] == "99");
    let towns = sum(&registered, |codes| is_town(&codes[0]));
    assert!(unknown > 0);
    assert_eq!(sum(&registered, |codes| codes[0] == "000"), towns + unknown);
    let owned = cells(
        &agencies,
        "BOL101",
        &[("OMRÅDE", &["*"]), ("EJER", &["*"]), ("Tid", &["2026"])],
    );
    assert_eq!(
        sum(&owned, |codes| codes[0] == "000"),
        sum(&owned, |codes| is_town(&codes[0]))
    );
}

#[test]
fn dwellings_completed_are_more_on_the_second_night_because_reports_come_late() {
    let night = |night: u32| {
        let agencies = Agencies::start(Script::default().night(night)).unwrap();
        let choose: [(&str, &[&str]); 4] = [
            ("OMRÅDE", &["000"]),
            ("BYGFASE", &["3"]),
            ("ANVEND", &["009"]),
            ("Tid", &["*"]),
        ];
        (
            cells(&agencies, "BYGV33", &choose),
            tableinfo(&agencies, "BYGV33")["updated"].clone(),
        )
    };
    let ((first, mark), (second, moved)) = (night(0), night(1));
    assert_ne!(mark, moved, "without it nobody would ask again");
    let quarter = |code: &str| ["000", "3", "009", code].map(str::to_owned).to_vec();
    assert_eq!(first[&quarter("2024K4")], second[&quarter("2024K4")]);
    assert!(number(&first[&quarter("2026K2")]) < number(&second[&quarter("2026K2")]));
}

#[test]
fn a_smaller_demo_keeps_two_years_of_each_table() {
    let agencies = Agencies::start(Script::default().factor(0.1)).unwrap();
    let tables = get(&agencies, "api.statbank.dk/v1/tables?lang=da").json();
    let tables = tables.as_array().unwrap();
    assert_eq!(tables.len(), 17);
    for table in tables {
        let (first, last) = (&table["firstPeriod"], &table["latestPeriod"]);
        assert!(first.is_string() && first.as_str() < last.as_str(), "{table}");
    }
}
