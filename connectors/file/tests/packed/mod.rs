//! Archives and encodings, as far as they were seen to mislead.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow_schema::DataType;
use klimalade_connect::{Connector, Fault, Kind, Page, Part};
use klimalade_testkit::{
    bench::{self, Server},
    contract::decode_all,
};
use serde_json::{Value, json};

use super::{NOW, open, workbooks};

fn settings(unpack: Value) -> Value {
    json!({"address": "a.zip", "unpack": unpack, "format": {"type": "csv", "decimal": ","}})
}

fn columns() -> [(&'static str, &'static str, DataType); 3] {
    [
        ("municipality", "kommune", DataType::Utf8),
        ("member", "(member)", DataType::Utf8),
        ("km", "km", DataType::Float64),
    ]
}

fn decoded(settings: Value, bytes: &[u8], columns: &[(&str, &str, DataType)]) -> Result<Vec<RecordBatch>, Fault> {
    let page = Page::from_bytes("/a.zip", bytes).unwrap();
    decode_all(&open(settings)?, &Part::new("all"), &page, &bench::columns(columns))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn two_years() -> Vec<u8> {
    workbooks::archive(&[
        ("2024.csv", "kommune;km\nÆrø;2,25\n".as_bytes()),
        ("2023.csv", "km;kommune\n1,5;Læsø\n".as_bytes()),
        ("læsmig.txt", b"x"),
        ("__MACOSX/._2024.csv", b"x"),
    ])
}

#[test]
fn members_are_read_in_order_by_their_own_headers_and_named() {
    let batches = decoded(
        settings(json!({"member": "*.csv", "several": true})),
        &two_years(),
        &columns(),
    )
    .unwrap();
    let texts = |column| -> Vec<String> { bench::texts(&batches, column).into_iter().flatten().collect() };
    assert_eq!(texts("municipality"), ["Læsø", "Ærø"]);
    assert_eq!(texts("member"), ["2023.csv", "2024.csv"]);
    assert_eq!(texts("km"), ["1.5", "2.25"]);

    let connector = open(settings(json!({"member": "*.csv", "several": true}))).unwrap();
    let page = Page::from_bytes("/a.zip", &two_years()).unwrap();
    let found = connector.columns(&Part::new("all"), &page).unwrap();
    let names: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["km", "kommune", "(member)"]);
}

#[test]
fn a_name_that_fits_several_members_or_none_is_an_error_that_shows_them() {
    let fault = decoded(settings(json!({"member": "*.csv"})), &two_years(), &columns()).unwrap_err();
    assert_eq!(
        (fault.kind(), fault.found_text()),
        (Kind::Contract, Some("`2023.csv`, `2024.csv`"))
    );
    let fault = decoded(settings(json!({"member": "2025.csv"})), &two_years(), &columns()).unwrap_err();
    assert!(fault.found_text().unwrap().contains("`2024.csv`"), "{fault}");
}

#[test]
fn a_fault_in_a_member_names_it() {
    let archive = workbooks::archive(&[("1.csv", b"kommune;km\na;1\n"), ("2.csv", b"kommune;km\na;x\n")]);
    let fault = decoded(settings(json!({"several": true})), &archive, &columns()).unwrap_err();
    assert_eq!(fault.kind(), Kind::Contract);
    assert!(fault.places().contains(&"member `2.csv`".to_owned()), "{fault}");
    let missing = workbooks::archive(&[("1.csv", b"kommune;km\na;1\n"), ("2.csv", b"kommune\na\n")]);
    let fault = decoded(settings(json!({"several": true})), &missing, &columns()).unwrap_err();
    assert!(fault.places().contains(&"member `2.csv`".to_owned()), "{fault}");
}

#[test]
fn a_gzip_and_a_workbook_in_a_zip_are_read() {
    let packed = gzip("kommune;km\nFanø;3\n".as_bytes());
    let batches = decoded(settings(json!({})), &packed, &columns()).unwrap();
    assert_eq!(bench::texts(&batches, "municipality"), [Some("Fanø".to_owned())]);

    let book = workbooks::plants(0..2);
    let archive = workbooks::archive(&[("puls/anlæg.xlsx", &book), ("puls/om.pdf", b"%PDF")]);
    let settings = json!({"address": "a.zip", "unpack": {"member": "*.xlsx"}, "format": workbooks::plants_format()});
    let batches = decoded(settings, &archive, &[("plant", "Renseanlæg", DataType::Utf8)]).unwrap();
    assert_eq!(bench::texts(&batches, "plant").len(), 2);
}

#[test]
fn bombs_are_refused_by_size_and_ratio() {
    let zeros = vec![b'0'; 8 << 20];
    for bomb in [workbooks::archive(&[("a.csv", &zeros)]), gzip(&zeros)] {
        let fault = decoded(settings(json!({})), &bomb, &columns()).unwrap_err();
        assert_eq!(
            (fault.kind(), fault.what()),
            (Kind::Source, "the member unpacks to far more than it is packed")
        );
        let fault = decoded(
            settings(json!({"most_ratio": 5000, "most_bytes": 1000})),
            &bomb,
            &columns(),
        )
        .unwrap_err();
        assert_eq!(fault.what(), "the archive is larger than it may be when unpacked");
    }
}

#[test]
fn an_archive_where_text_is_declared_is_no_header_of_nonsense() {
    let settings = json!({"address": "a.zip", "format": {"type": "csv"}});
    for bytes in [two_years(), gzip(b"a\n1\n")] {
        let fault = decoded(settings.clone(), &bytes, &columns()).unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings);
        assert!(fault.hint_text().unwrap().contains("[source.unpack]"), "{fault}");
    }
}

#[tokio::test]
async fn a_page_in_place_of_an_archive_is_an_error_before_it_is_stored() {
    let server = Server::start(|_| bench::answer(200, "application/zip", "<html>Siden er flyttet</html>")).await;
    let mut settings = settings(json!({}));
    settings["address"] = json!(format!("{}/a.zip", server.base));
    let connector = open(settings).unwrap();
    let cx = bench::context(NOW, &[]);
    let part = connector.plan(&cx).await.unwrap().remove(0);
    let fault = bench::fetch(&connector, &part, &cx).await.unwrap_err();
    assert_eq!((fault.kind(), fault.what()), (Kind::Source, "the answer is no archive"));
}

#[test]
fn utf_16_is_read_as_declared_and_its_mark_wins() {
    let text = "kommune\tkm\r\nÆrø\t1,5\r\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let marked = [b"\xFF\xFE", little.as_slice()].concat();
    let columns = [
        ("municipality", "kommune", DataType::Utf8),
        ("km", "km", DataType::Float64),
    ];
    for (encoding, bytes) in [
        ("utf-16le", &little),
        ("utf-16be", &big),
        ("utf-16be", &marked),
        ("utf-8", &marked),
    ] {
        let format = json!({"type": "csv", "delimiter": "\t", "decimal": ",", "encoding": encoding});
        let batches = decoded(json!({"address": "a.txt", "format": format}), bytes, &columns).unwrap();
        assert_eq!(
            bench::texts(&batches, "municipality"),
            [Some("Ærø".to_owned())],
            "{encoding}"
        );
        assert_eq!(bench::texts(&batches, "km"), [Some("1.5".to_owned())], "{encoding}");
    }
}

#[test]
fn unpack_says_what_can_be_typed() {
    for (unpack, hint) in [
        (json!({"member": ""}), "member = "),
        (json!({"most_bytes": 0}), "remove most_bytes"),
    ] {
        let fault = open(settings(unpack)).unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings);
        assert!(fault.hint_text().unwrap().contains(hint), "{fault}");
    }
    let number = [("member", "(member)", DataType::Int64)];
    let fault = decoded(settings(json!({"several": true})), &two_years(), &number).unwrap_err();
    assert_eq!(
        (fault.kind(), fault.hint_text()),
        (Kind::Settings, Some("type = \"text\""))
    );
}
