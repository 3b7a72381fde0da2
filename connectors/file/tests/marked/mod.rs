//! XML, as far as it was seen to mislead.

use arrow::array::RecordBatch;
use arrow_schema::DataType;
use klimalade_connect::{Connector, Fault, Kind, Page, Part};
use klimalade_testkit::{
    bench::{self, Server},
    contract::decode_all,
};
use serde_json::{Value, json};

use super::{NOW, open};

fn format() -> Value {
    json!({"type": "xml", "record": "Indberetning.Kommuner.Kommune", "decimal": ",", "null_marks": [".."]})
}

fn decoded(xml: &[u8], columns: &[(&str, &str, DataType)]) -> Result<Vec<RecordBatch>, Fault> {
    let page = Page::from_bytes("/a.xml", xml).unwrap();
    let connector = open(json!({"address": "a.xml", "format": format()}))?;
    decode_all(&connector, &Part::new("all"), &page, &bench::columns(columns))
}

#[test]
fn records_are_read_by_paths_in_the_declared_encoding() {
    let xml = "<?xml version=\"1.0\" encoding=\"windows-1252\"?><x:Indberetning xmlns:x='urn:x' år='2024'><x:Kommuner>\
        <x:Kommune kode='0492'><x:Navn>Ærø</x:Navn><x:Ton>1,5</x:Ton></x:Kommune>\
        <x:Kommune kode='0825'><x:Navn>Læsø</x:Navn><x:Ton>..</x:Ton></x:Kommune></x:Kommuner></x:Indberetning>";
    let bytes: Vec<u8> = xml.chars().map(|letter| letter as u32 as u8).collect();
    let columns = [
        ("code", "@kode", DataType::Utf8),
        ("name", "Navn", DataType::Utf8),
        ("tonnes", "Ton", DataType::Float64),
        ("year", "/Indberetning.@år", DataType::Int16),
    ];
    let batches = decoded(&bytes, &columns).unwrap();
    let some = |texts: [&str; 2]| texts.map(|text| Some(text.to_owned())).to_vec();
    assert_eq!(bench::texts(&batches, "code"), some(["0492", "0825"]));
    assert_eq!(bench::texts(&batches, "name"), some(["Ærø", "Læsø"]));
    assert_eq!(bench::texts(&batches, "tonnes"), [Some("1.5".to_owned()), None]);
    assert_eq!(bench::texts(&batches, "year"), some(["2024", "2024"]));
}

#[test]
fn bombs_nesting_and_files_outside_are_refused() {
    let record =
        |inside: &str| format!("<Indberetning><Kommuner><Kommune>{inside}</Kommune></Kommuner></Indberetning>");
    let billion = format!(
        "<!DOCTYPE x [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>{}",
        record("<Navn>&b;</Navn>")
    );
    let outside = format!("<!DOCTYPE x SYSTEM \"file:///etc/hosts\">{}", record(""));
    let deep = record(&format!("{}{}", "<a>".repeat(200), "</a>".repeat(200)));
    let wide = record(&format!("<Navn a=\"{}\"/>", "x".repeat(5 << 20)));
    for (xml, reason) in [
        (billion, "document type"),
        (outside, "document type"),
        (deep, "more than 64 deep"),
        (wide, "more than 4194304 bytes"),
    ] {
        let fault = decoded(xml.as_bytes(), &[("name", "Navn", DataType::Utf8)]).unwrap_err();
        assert_eq!(fault.kind(), Kind::Source);
        assert!(fault.to_string().contains(reason), "{fault}");
    }
}

#[tokio::test]
async fn html_and_json_in_place_of_xml_are_errors_before_they_are_stored() {
    for (content_type, body) in [
        ("text/xml", "\n<!DOCTYPE HTML><html></html>"),
        ("text/html", "<HTML><body>Siden er flyttet</body></HTML>"),
        ("application/json", "{\"fejl\": 1}"),
    ] {
        let server = Server::start(move |_| bench::answer(200, content_type, body)).await;
        let address = format!("{}/a.xml", server.base);
        let connector = open(json!({"address": address, "format": format()})).unwrap();
        let cx = bench::context(NOW, &[]);
        let part = connector.plan(&cx).await.unwrap().remove(0);
        let fault = bench::fetch(&connector, &part, &cx).await.unwrap_err();
        assert_eq!((fault.kind(), fault.what()), (Kind::Source, "the answer is no XML"));
    }
}

#[test]
fn a_record_says_what_can_be_typed() {
    for record in [
        "",
        "Indberetning..Kommune",
        "x:Indberetning",
        "/Indberetning/Kommune",
        "*.Kommune",
    ] {
        let settings = json!({"address": "a.xml", "format": {"type": "xml", "record": record}});
        let fault = open(settings).unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings);
        assert!(fault.hint_text().unwrap().starts_with("record = "), "{fault}");
    }
}
