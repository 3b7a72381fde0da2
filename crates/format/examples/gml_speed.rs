//! How fast a page of WFS is looked at and read: `cargo run --release -p klimalade-format --example gml_speed`. Takes the
//! megabytes of the page (default 50), which is made in memory; CPU seconds are those of this thread's wall clock on an
//! idle machine.
#![allow(clippy::print_stdout)]

use std::{collections::HashMap, error::Error, fmt::Write as _, sync::Arc, time::Instant};

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use klimalade_format::{
    FROM_KEY,
    gml::{GmlOptions, look, reader},
};

fn main() -> Result<(), Box<dyn Error>> {
    let megabytes: usize = std::env::args().nth(1).map_or(Ok(50), |text| text.parse())?;
    let (page, features) = page(megabytes << 20)?;
    println!("{features} features, {:.1} MB", page.len() as f64 / 1e6);
    for round in 1..=3 {
        let begun = Instant::now();
        let found = look(Box::new(page.as_bytes()))?.rows;
        let looked = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let mut rows = 0;
        for batch in reader(Box::new(page.as_bytes()), &columns(), &GmlOptions::default())? {
            rows += batch?.num_rows() as u64;
        }
        let read = begun.elapsed().as_secs_f64();
        if (found, rows) != (features, features) {
            return Err(format!("{found} looked at and {rows} read of {features}").into());
        }
        println!("round {round}: looked in {looked:.3} s, read in {read:.3} s");
    }
    Ok(())
}

fn columns() -> SchemaRef {
    let column = |name: &str, kind: DataType| {
        let metadata = HashMap::from([(FROM_KEY.to_owned(), name.to_owned())]);
        Field::new(name, kind, true).with_metadata(metadata)
    };
    Arc::new(Schema::new(vec![
        column("komnr", DataType::Int64),
        column("plannavn", DataType::Utf8),
        column("nuvkode", DataType::Int64),
        column("datoopdt", DataType::Utf8),
        column("geometri", DataType::Binary),
    ]))
}

/// Catchments of sewers in GeoServer's form (read 2026-11-23), with shapes of our own: forty corners each.
fn page(bytes: usize) -> Result<(String, u64), Box<dyn Error>> {
    let mut page = String::with_capacity(bytes + 4096);
    page.push_str(
        r#"<?xml version="1.0" encoding="UTF-8"?><wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:pdk="http://plansystem.dk">"#,
    );
    let mut features = 0_u64;
    while page.len() < bytes {
        let (east, north) = (
            500_000.0 + (features % 997) as f64 * 100.0,
            6_100_000.0 + (features / 997) as f64 * 100.0,
        );
        write!(
            page,
            r#"<wfs:member><pdk:kloakopland gml:id="kloakopland.{features}"><pdk:geometri><gml:MultiSurface srsName="urn:ogc:def:crs:EPSG::25832" srsDimension="2" gml:id="kloakopland.{features}.geometri"><gml:surfaceMember><gml:Polygon gml:id="kloakopland.{features}.geometri.1"><gml:exterior><gml:LinearRing><gml:posList>"#
        )?;
        for corner in 0..=40_u32 {
            let angle = f64::from(corner % 40) / 40.0 * std::f64::consts::TAU;
            write!(
                page,
                "{:.3} {:.3} ",
                east + angle.cos() * 40.0,
                north + angle.sin() * 40.0
            )?;
        }
        write!(
            page,
            "</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember></gml:MultiSurface></pdk:geometri>\
             <pdk:komnr>{}</pdk:komnr><pdk:komnavn>Kommune nr. {}</pdk:komnavn><pdk:plannavn>Spildevandsplan &amp; tillæg {features}</pdk:plannavn>\
             <pdk:nuvkode>{}</pdk:nuvkode><pdk:datoopdt>2021-12-16T10:51:22.266Z</pdk:datoopdt></pdk:kloakopland></wfs:member>",
            101 + features % 759,
            features % 98,
            1 + features % 6
        )?;
        features += 1;
    }
    page.push_str("</wfs:FeatureCollection>");
    Ok((page, features))
}
