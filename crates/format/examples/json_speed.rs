//! How fast a page of Energi Data Service's rows is read: `cargo run --release -p klimalade-format --example json_speed`.
//! Takes the number of rows (default 1,000,000). The page is made in memory; reading it holds a chunk at a time.
#![allow(clippy::print_stdout)]

use std::{collections::HashMap, error::Error, io::Write as _, sync::Arc, time::Instant};

use arrow::array::RecordBatchReader;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use klimalade_format::{
    FROM_KEY,
    json::{JsonOptions, look, reader},
};

fn main() -> Result<(), Box<dyn Error>> {
    let rows: usize = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let page = page(rows)?;
    let megabytes = page.len() as f64 / 1e6;
    println!(
        "{rows} rows, {megabytes:.1} MB, {:.0} bytes a row",
        page.len() as f64 / rows.max(1) as f64
    );
    let options = JsonOptions {
        rows: "records".to_owned(),
        ..JsonOptions::default()
    };
    for round in 1..=3 {
        let begun = Instant::now();
        let mut read = 0;
        let batches: Box<dyn RecordBatchReader + Send> = reader(Box::new(page.as_slice()), &columns(), &options)?;
        for batch in batches {
            read += batch?.num_rows();
        }
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "round {round}: read {read} rows in {seconds:.3} s, {:.0} MB/s",
            megabytes / seconds
        );
        let begun = Instant::now();
        let counted = look(Box::new(page.as_slice()), "records", &["total"])?.rows;
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "round {round}: looked at {counted} rows in {seconds:.3} s, {:.0} MB/s",
            megabytes / seconds
        );
    }
    Ok(())
}

fn columns() -> SchemaRef {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let from = |name: &str, source: &str, kind: DataType| {
        Field::new(name, kind, true).with_metadata(HashMap::from([(FROM_KEY.to_owned(), source.to_owned())]))
    };
    Arc::new(Schema::new(vec![
        from("hour_utc", "HourUTC", utc),
        from("municipality_no", "MunicipalityNo", DataType::Utf8),
        from("solar_mwh", "SolarMWh", DataType::Float64),
        from("offshore_small_mwh", "OffshoreWindLt100MW_MWh", DataType::Float64),
        from("offshore_large_mwh", "OffshoreWindGe100MW_MWh", DataType::Float64),
        from("onshore_mwh", "OnshoreWindMWh", DataType::Float64),
        from("thermal_mwh", "ThermalPowerMWh", DataType::Float64),
    ]))
}

/// Rows of the form of ProductionMunicipalityHour (read 2026-11-23), with numbers of our own.
fn page(rows: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut page = Vec::with_capacity(rows * 240 + 200);
    write!(
        page,
        r#"{{"total":{rows},"sort":"HourUTC","limit":0,"dataset":"ProductionMunicipalityHour","records":["#
    )?;
    for row in 0..rows {
        let (hour, area) = (row / 99, 101 + row % 99 * 7);
        let (day, hour) = (1 + hour / 24 % 28, hour % 24);
        let number = (row as f64 * 0.618_034).fract();
        let comma = if row == 0 { "" } else { "," };
        write!(
            page,
            "{comma}\n{{\"HourUTC\":\"2023-05-{day:02}T{hour:02}:00:00\",\"HourDK\":\"2023-05-{day:02}T{hour:02}:00:00\",\
             \"MunicipalityNo\":\"{area}\",\"SolarMWh\":{:.6},\"OffshoreWindLt100MW_MWh\":null,\
             \"OffshoreWindGe100MW_MWh\":{:.1},\"OnshoreWindMWh\":{:.5},\"ThermalPowerMWh\":{:.6}}}",
            number * 100.0,
            number * 10.0,
            number * 30.0,
            number * 50.0,
        )?;
    }
    page.extend_from_slice(b"]}");
    Ok(page)
}
