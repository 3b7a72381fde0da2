//! A published figure traced back. What is expected is read from the Parquet files and from the dropped files.

use std::sync::Arc;

use klimalade_model::{Fault, Result};
use klimalade_run::{Explanation, Quiet, explain};

use crate::{
    parquet_rows::{Row, table, table_of},
    town::{Past, Town, says, script},
};

const HOURS: &str = "energinet_production_by_municipality";
const DROPPED: &str = "test_grouped";

async fn ask(town: &Town, night: &Past, table: &str, key: &[&str]) -> Result<Vec<Explanation>> {
    let house = town
        .house(&night.agencies, Default::default(), Arc::new(Quiet))
        .await
        .unwrap();
    let key: Vec<String> = key.iter().map(|word| (*word).to_owned()).collect();
    explain(&house, table, &key).await
}

async fn refused(town: &Town, night: &Past, table: &str, key: &[&str]) -> Fault {
    match ask(town, night, table, key).await {
        Ok(found) => panic!("{key:?} was explained: {found:?}"),
        Err(fault) => fault,
    }
}

/// Counts and their areas, grouped by map.sql.
fn add_grouped(town: &Town, sql: &str, rows_per_row: &str) {
    let text = format!(
        r#"
version = 1
title_en = "Charging points, a row for each"
title_da = "Ladepunkter, en række for hvert"
source_id = "municipal_open_data"
table = "observation"
licence_code = "not_stated"
rows_per_row = {rows_per_row}

[source]
connector = "file"
address = "{}/*.csv"
format = {{ type = "csv" }}

[columns]
point = {{ type = "text", id = true }}
area = {{ type = "text" }}
count = {{ type = "float" }}

[publishes]
indicators = ["charging_points_municipal"]
"#,
        town.drop_folder().display()
    );
    town.write(DROPPED, "pipeline.toml", &text);
    town.write(DROPPED, "map.sql", sql);
    let mut text = "point;area;count\n".to_owned();
    for at in 0..300 {
        let area = if at % 100 == 17 { "0101" } else { "0751" };
        text.push_str(&format!("p{at};{area};{}\n", at % 7));
    }
    std::fs::write(town.drop_folder().join("all.csv"), text).unwrap();
}

const GROUPED: &str = "SELECT 'publish' AS fate, 'charging_points_municipal' AS indicator_code, area AS area_code, \
     make_date(2024, 1, 1) AS period_start, 'A' AS frequency_code, 'dst_register' AS method_code, sum(count) AS value, \
     count(*) AS raw_rows FROM raw GROUP BY area";

#[tokio::test(flavor = "multi_thread")]
async fn a_restated_figure_is_traced_to_its_raw_row_its_page_and_what_it_was_before() {
    let town = Town::new();
    town.night(script(), &["dst_area"]).await;
    let old = table_of(&town.lake(), "observation", "dst_area");
    town.pass_days(1);
    let night = town.night(script().night(1), &["dst_area"]).await;
    let new = table_of(&town.lake(), "observation", "dst_area");
    let same = |a: &Row, b: &Row| a["area_code"] == b["area_code"] && a["period_start"] == b["period_start"];
    let (before, now) = old
        .iter()
        .find_map(|was| {
            let now = new.iter().find(|now| same(was, now))?;
            (was["value"] != now["value"]).then_some((was, now))
        })
        .expect("the second night restates something");

    let area = format!("area_code={}", now["area_code"]);
    let year = format!("year={}", now["year"]);
    let found = ask(
        &town,
        &night,
        "observation",
        &["indicator_code=land_area", &area, &year],
    )
    .await
    .unwrap();
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (one.owner.as_str(), one.file.as_str()),
        ("dst_area", "core/observation/pipeline=dst_area/data.parquet")
    );
    for (column, value) in now.iter().filter(|(column, _)| *column != "pipeline") {
        assert_eq!(one.row.get(column), Some(value.as_str()), "{column}");
    }
    let mapping = one.mapping.as_ref().unwrap();
    assert!(
        mapping.is_current && mapping.map_sql == "pipelines/dst_area/map.sql",
        "{mapping:?}"
    );
    assert_eq!(mapping.reads, ["area", "period", "value"]);

    assert_eq!(one.snapshot.sha256, now["snapshot_sha256"]);
    assert_eq!(one.snapshot.part.as_deref(), Some("all"));
    let state = town.state("dst_area").await.unwrap();
    assert_eq!(one.snapshot.sha256, state.parts["all"].snapshot.manifest_sha256);
    for page in &one.snapshot.pages {
        assert!(town.lake().join(&page.key).is_file(), "{}", page.key);
        assert!(
            page.key.contains(&page.sha256) && page.bytes > 0 && !page.address.is_empty(),
            "{page:?}"
        );
    }

    let raw = one.raw.as_ref().unwrap();
    assert_eq!(
        (raw.raw_rows, raw.rows.len(), raw.note.as_deref()),
        (Some(1), 1, None),
        "{raw:?}"
    );
    assert!(raw.differs.is_empty(), "{raw:?}");
    let cells = &raw.rows[0].cells;
    let served: f64 = cells.get("value").unwrap().replace(',', ".").parse().unwrap();
    assert_eq!(served, now["value"].parse::<f64>().unwrap());
    assert_eq!(cells.get("period"), Some(now["year"].as_str()));
    let schemas = town.schemas();
    let served_area = schemas
        .code_list("areas")
        .unwrap()
        .get(&now["area_code"], "statbank_code");
    assert_eq!(cells.get("area"), served_area);

    let [earlier] = one.earlier.as_slice() else {
        panic!("{:?}", one.earlier)
    };
    assert_eq!(earlier.column, "value");
    assert_eq!(earlier.old.as_deref(), Some(before["value"].as_str()));
    assert_eq!(earlier.new.as_deref(), Some(now["value"].as_str()));
    assert_eq!(
        (earlier.run_id.as_str(), earlier.snapshot_sha256.as_str()),
        (night.report.run_id.as_str(), one.snapshot.sha256.as_str())
    );

    // The key's values in their order mean the same row.
    let start = now["period_start"].as_str();
    let in_order = ask(
        &town,
        &night,
        "observation",
        &["land_area", &now["scenario_code"], start, "A", &now["area_code"]],
    )
    .await;
    assert_eq!(in_order.unwrap()[0].row_key, one.row_key);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_rows_that_are_unpivoted_the_one_raw_row_is_found_among_pages_of_thousands() {
    let mut town = Town::new();
    town.only = vec![HOURS.to_owned()];
    town.change(HOURS, HOURS, |file, text| match file {
        "pipeline.toml" => text.replace("start = \"2025-01\"", "start = \"2026-10\""),
        _ => text,
    });
    let night = town.night(script(), &[HOURS]).await;
    let rows = table(&town.lake(), "observation_hourly");
    let wanted = rows
        .iter()
        .rfind(|row| row["carrier_code"] == "solar_pv" && row["area_code"] == "0751")
        .unwrap();
    let key: Vec<String> = ["hour_start_at", "area_code", "carrier_code"]
        .map(|name| format!("{name}={}", wanted[name]))
        .into();
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    let found = ask(&town, &night, "observation_hourly", &key).await.unwrap();
    let [one] = found.as_slice() else { panic!("{found:?}") };
    let raw = one.raw.as_ref().unwrap();
    assert_eq!((raw.raw_rows, raw.note.as_deref()), (Some(1), None), "{raw:?}");
    let cells = &raw.rows[0].cells;
    assert_eq!(cells.get("hour"), Some(wanted["hour_start_at"].as_str()));
    assert_eq!(
        cells.get("municipality").map(|code| format!("{code:0>4}")).as_deref(),
        Some("0751")
    );
    assert_eq!(cells.get("solar"), Some(wanted["value"].as_str()));
    assert!(raw.rows[0].row > 100, "not one of the first: {raw:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_aggregate_the_raw_rows_are_counted_and_the_first_of_them_shown() {
    let town = Town::new();
    add_grouped(&town, GROUPED, "\"aggregate\"");
    let night = town.night(script(), &[DROPPED]).await;
    assert_eq!(night.report.exit_code(true), 0, "{}", night.faults(DROPPED));
    let found = ask(
        &town,
        &night,
        "observation",
        &["area_code=0101", "pipeline=test_grouped"],
    )
    .await
    .unwrap();
    let raw = found[0].raw.as_ref().unwrap();
    assert_eq!((raw.rows_per_row.as_str(), raw.raw_rows), ("aggregate", Some(3)));
    let points: Vec<(u64, &str)> = raw
        .rows
        .iter()
        .map(|row| (row.row, row.cells.get("point").unwrap()))
        .collect();
    assert_eq!(points, [(18, "p17"), (118, "p117"), (218, "p217")]);
    assert_eq!((raw.note.as_deref(), raw.differs.len()), (None, 0));

    let found = ask(&town, &night, "observation", &["area_code=0751"]).await.unwrap();
    let raw = found[0].raw.as_ref().unwrap();
    assert_eq!((raw.raw_rows, raw.rows.len()), (Some(297), 10));
    assert_eq!(raw.rows[9].cells.get("point"), Some("p9"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_that_looks_at_other_rows_too_is_said_and_the_rows_that_it_needs_are_shown() {
    let town = Town::new();
    // Only what stands beside a row that is greater: no row alone is published.
    let sql = "SELECT CASE WHEN count < lead(count) OVER (ORDER BY count) AND point = 'p0' THEN 'publish' ELSE 'skip:other' END \
               AS fate, 'charging_points_municipal' AS indicator_code, area AS area_code, make_date(2024, 1, 1) AS period_start, \
               'A' AS frequency_code, 'dst_register' AS method_code, count AS value FROM raw";
    add_grouped(&town, sql, "1");
    std::fs::write(
        town.drop_folder().join("all.csv"),
        "point;area;count\np0;0101;1\np1;0751;2\n",
    )
    .unwrap();
    let night = town.night(script(), &[DROPPED]).await;
    assert_eq!(night.report.exit_code(true), 0, "{}", night.faults(DROPPED));
    let found = ask(&town, &night, "observation", &["area_code=0101"]).await.unwrap();
    let raw = found[0].raw.as_ref().unwrap();
    says(
        raw.note.as_deref().unwrap_or_default(),
        &["rows 1 to 2 of page 1", "together"],
    );
    assert_eq!(raw.rows.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_view_is_traced_to_its_input_files_and_its_sql() {
    let town = Town::new();
    let names = ["energinet_capacity_by_municipality", "energinet_capacity_january"];
    let night = town.night(script(), &names).await;
    let rows = table_of(&town.lake(), "observation", names[1]);
    let wanted = &rows[0];
    let key: Vec<String> = ["indicator_code", "area_code", "year", "carrier_code", "category_code"]
        .map(|name| format!("{name}={}", wanted[name]))
        .into();
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    let found = ask(&town, &night, "observation", &key).await.unwrap();
    let [one] = found.as_slice() else { panic!("{found:?}") };
    let mapping = one.mapping.as_ref().unwrap();
    assert_eq!(mapping.reads, ["core.observation_within_year"]);
    assert!(mapping.sql.as_ref().unwrap().contains("SELECT"));
    let pages = &one.snapshot.pages;
    let prefix = "core/observation_within_year/pipeline=energinet_capacity_by_municipality/";
    assert!(
        pages.len() > 1 && pages.iter().all(|page| page.key.starts_with(prefix)),
        "{pages:?}"
    );
    for page in pages {
        let bytes = std::fs::read(town.lake().join(&page.key)).unwrap();
        assert_eq!(klimalade_model::sha256_hex(&bytes), page.sha256);
    }
    assert!(one.raw.is_none());
    // What it says to type finds the rows that this one is one of.
    let [question] = one.next.as_slice() else {
        panic!("{:?}", one.next)
    };
    let words: Vec<&str> = question.split(' ').collect();
    assert_eq!(words[..3], ["klimalade", "explain", "observation_within_year"]);
    let start = format!("period_start={}", wanted["period_start"]);
    let found = ask(&town, &night, words[2], &[&words[3..], &[start.as_str()]].concat())
        .await
        .unwrap();
    assert_eq!(found[0].row.get("value"), Some(wanted["value"].as_str()));
    assert_eq!(found[0].raw.as_ref().unwrap().raw_rows, Some(1), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_means_no_row_or_too_many_is_refused_with_what_to_type() {
    let town = Town::new();
    let night = town.night(script(), &["dst_area"]).await;
    let newest = table(&town.lake(), "observation")
        .iter()
        .map(|row| row["year"].clone())
        .max()
        .unwrap();
    let year = format!("year={newest}");

    let fault = refused(&town, &night, "observation", &["land_area", "area_code=0750", &year]).await;
    says(
        &fault.to_string(),
        &[
            "no such row is published",
            "area_code=0750",
            "0751",
            "klimalade explain observation",
        ],
    );
    let fault = refused(&town, &night, "observation", &["area_code=Århus", &year]).await;
    says(
        &fault.to_string(),
        &[&format!("klimalade explain observation area_code=0751 {year}")],
    );
    let fault = refused(&town, &night, "observation", &["area_code=0751", "year=1999"]).await;
    says(
        &fault.to_string(),
        &[
            "year=1999",
            "year as one of",
            "klimalade explain observation area_code=0751 year=20",
        ],
    );

    let fault = refused(&town, &night, "observation", &["indicator_code=land_area", &year]).await;
    says(
        &fault.to_string(),
        &["99 rows", "at most 20 rows", "area_code (99 values)", "area_code="],
    );

    let fault = refused(&town, &night, "observation", &["area=0751"]).await;
    says(&fault.to_string(), &["no such column", "area_code=0751"]);
    let fault = refused(&town, &night, "observations", &["area_code=0751"]).await;
    says(&fault.to_string(), &["klimalade explain observation "]);
    let fault = refused(&town, &night, "observation", &["year=last"]).await;
    says(&fault.to_string(), &["a whole number", "last"]);
    let fault = refused(&town, &night, "target", &["area_code=0751"]).await;
    says(
        &fault.to_string(),
        &["nothing is published in this table", "klimalade status"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_gone_and_a_mapping_that_changed_are_said_beside_the_row() {
    let town = Town::new();
    let night = town.night(script(), &["dst_area"]).await;
    town.change("dst_area", "dst_area", |file, text| match file {
        "map.sql" => text.replace("decimal_comma(r.value) AS value", "decimal_comma(r.value) * 2 AS value"),
        _ => text,
    });
    let found = ask(&town, &night, "observation", &["area_code=0751", "year=2025"])
        .await
        .unwrap();
    let (mapping, raw) = (found[0].mapping.as_ref().unwrap(), found[0].raw.as_ref().unwrap());
    assert!(!mapping.is_current);
    let [differing] = raw.differs.as_slice() else {
        panic!("{raw:?}")
    };
    let number = |text: &Option<String>| text.as_ref().unwrap().parse::<f64>().unwrap();
    assert_eq!(number(&differing.mapped), 2.0 * number(&differing.published));

    for page in &found[0].snapshot.pages {
        std::fs::remove_file(town.lake().join(&page.key)).unwrap();
    }
    let found = ask(&town, &night, "observation", &["area_code=0751", "year=2025"])
        .await
        .unwrap();
    let note = found[0].raw.as_ref().unwrap().note.clone().unwrap();
    says(&note, &["gone from raw/", "klimalade run dst_area --repair"]);
    assert!(
        !found[0].snapshot.pages.is_empty(),
        "the manifest still says what they were"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_part_of_many_pages_the_page_that_holds_the_row_is_found() {
    let town = Town::new();
    let night = town.night(script().factor(1.0), &["ens_climate_account"]).await;
    let rows = table_of(&town.lake(), "observation", "ens_climate_account");
    let wanted = rows
        .iter()
        .rfind(|row| row["area_code"] == "0851" && row["sector_code"] == "transport")
        .unwrap();
    let year = format!("year={}", wanted["year"]);
    let found = ask(
        &town,
        &night,
        "observation",
        &["area_code=0851", "sector_code=transport", &year],
    )
    .await
    .unwrap();
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert!(one.snapshot.pages.len() > 90, "a page a municipality");
    let raw = one.raw.as_ref().unwrap();
    let [row] = raw.rows.as_slice() else { panic!("{raw:?}") };
    let page = &one.snapshot.pages[row.page - 1];
    says(&page.address, &["municipality=851", &year]);
    assert_eq!(row.cells.get("value"), Some(wanted["value"].as_str()));
}
