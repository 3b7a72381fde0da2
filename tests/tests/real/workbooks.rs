//! The agencies' own workbooks, through the whole night of their pipelines. The sums that are compared with were taken
//! from the workbooks with another reader (openpyxl), in the workbooks' own unit.

use std::{collections::BTreeMap, path::Path};

use klimalade_connect::Secrets;
use klimalade_run::Status;
use klimalade_tests::real_folder;

use crate::ground::{Ground, Harvest, Row, number, sums};

/// One night of an owner over a workbook on disk.
async fn night(ground: &mut Ground, pipeline: &str, workbook: &Path) -> Harvest {
    for owner in &mut ground.catalogue.pipelines.get_mut(pipeline).unwrap().owners {
        let source = owner.definition.source.as_mut().unwrap();
        source.insert("address".to_owned(), workbook.to_str().unwrap().into());
    }
    let report = ground.night(pipeline, BTreeMap::new(), Secrets::default(), false).await;
    assert_eq!(report.status, Status::Published, "{:?}", report.faults);
    ground.harvest(report)
}

/// Hundredths of a million tonnes by year and one more column.
fn hundredths(rows: &[Row], column: &str) -> BTreeMap<(String, String), i64> {
    let tonnes = sums(rows.iter().map(|row| {
        let key = (row["year"].clone(), row[column].clone());
        (key, number(row, "value").unwrap())
    }));
    let hundredths = |tonnes: f64| (tonnes / 10_000.0).round() as i64;
    tonnes.into_iter().map(|(key, sum)| (key, hundredths(sum))).collect()
}

fn assert_figures(found: &BTreeMap<(String, String), i64>, expected: &[(&str, &str, i64)]) {
    for (year, code, figure) in expected {
        let key = ((*year).to_owned(), (*code).to_owned());
        assert_eq!(found.get(&key), Some(figure), "{key:?}");
    }
}

#[tokio::test]
async fn the_national_inventory_has_its_sum_for_each_gas_and_all_gases_control_it() {
    let Some(real) = real_folder() else { return };
    let book = real.join("energistyrelsen/kf25-crf-tabeller.xlsx");
    let Harvest { report, rows, controls } = night(&mut Ground::new(), "kefm_inventory", &book).await;
    assert_eq!(report.parts[0].received, Some(8 * 65));
    assert_eq!((rows.len(), controls.len()), (17_507, 65 * 61));
    assert!(
        controls.iter().all(|row| row["verdict_code"] == "agrees"),
        "{controls:?}"
    );
    let expected = [
        ("1990", "co2", 5961),
        ("1990", "ch4", 1030),
        ("1990", "n2o", 796),
        ("1990", "sf6", 4),
        ("1990", "co2_indirect", 125),
        ("2023", "co2", 2483),
        ("2023", "ch4", 893),
        ("2023", "n2o", 442),
        ("2023", "hfc", 26),
        ("2023", "sf6", 1),
        ("2023", "co2_indirect", 28),
        ("2030", "co2", 1086),
        ("2030", "ch4", 697),
        ("2030", "n2o", 396),
        ("2030", "hfc", 15),
    ];
    assert_figures(&hundredths(&rows, "gas_code"), &expected);
    // All gases added: 79.16 in 1990, 38.73 in 2023, and 22.17 projected for 2030.
    let expected = [("1990", "DK", 7916), ("2023", "DK", 3873), ("2030", "DK", 2217)];
    assert_figures(&hundredths(&rows, "area_code"), &expected);
    for row in &rows {
        let is_projected = row["year"].as_str() > "2023";
        let expected = if is_projected { ("kf25", "F") } else { ("actual", "A") };
        assert_eq!(
            (row["scenario_code"].as_str(), row["value_status"].as_str()),
            expected,
            "{row:?}"
        );
    }
}

#[tokio::test]
async fn the_inventory_by_regime_has_its_sum_for_ets_esr_and_what_is_in_neither() {
    let Some(real) = real_folder() else { return };
    let book = real.join("energistyrelsen/kf25-crf-ets-esr.xlsx");
    let Harvest { rows, controls, .. } = night(&mut Ground::new(), "kefm_inventory_by_regime", &book).await;
    assert_eq!((rows.len(), controls.len()), (3 * 65 * 46, 65 * 46));
    assert!(
        controls.iter().all(|row| row["verdict_code"] == "agrees"),
        "{controls:?}"
    );
    let expected = [
        ("2005", "ets", 2686),
        ("2005", "esr", 4203),
        ("2005", "outside_ets_esr", 492),
        ("2023", "ets", 936),
        ("2023", "esr", 2990),
        ("2023", "outside_ets_esr", -50),
        ("2030", "ets", 495),
        ("2030", "esr", 1979),
        ("2030", "outside_ets_esr", -256),
    ];
    assert_figures(&hundredths(&rows, "detail_code"), &expected);
}

/// The excerpt of January 2022: all turbines of six municipalities and eight of Aalborg, and the register's sum rows.
#[tokio::test]
async fn the_existing_turbines_of_the_register_have_their_capacity_and_no_sum_row_is_one() {
    let Some(real) = real_folder() else { return };
    let book = real.join("energistyrelsen/stamdata_vind_2022-01_uddrag.xlsx");
    let mut ground = Ground::new();
    // The ground takes one owner at a time.
    let owners = &mut ground.catalogue.pipelines.get_mut("ens_wind_turbines").unwrap().owners;
    owners.retain(|owner| owner.name == "ens_wind_turbines.existing");
    let Harvest { report, rows, .. } = night(&mut ground, "ens_wind_turbines", &book).await;
    assert_eq!((report.parts[0].received, rows.len()), (Some(138), 135));
    let capacity = sums(rows.iter().map(|row| {
        let place = row["location_code"].clone();
        (place, number(row, "capacity_mw").unwrap())
    }));
    let kilowatts = |place: &str| (capacity[place] * 1000.0).round() as i64;
    assert_eq!((kilowatts("sea"), kilowatts("land")), (63_000, 116_610 - 63_000));
    assert!(
        rows.iter()
            .all(|row| row["facility_id"].len() == "ens_wind_register:".len() + 18)
    );
    assert!(rows.iter().all(|row| !row.contains_key("decommissioned_date")));
    let of = |area: &str| rows.iter().filter(|row| row["area_code"] == area).count();
    // 851 and 751 are spelled Ålborg and Århus there.
    assert_eq!((of("0101"), of("0741"), of("0751"), of("0851")), (32, 29, 29, 8));
}
