//! The operator's way, literally: new, probe, the lines that only a person knows, check, test, run.

use std::path::Path;

use klimalade_model::Schemas;
use klimalade_testkit::bench::{Answer, Asked, Server, answer, json};

use crate::common::{Place, Said, snapshot};

fn ok(said: &Said) {
    assert_eq!(said.code, Some(0), "stdout: {}\nstderr: {}", said.out, said.err);
}

/// Replaces what the operator knows, and nothing else.
fn fill(file: &Path, pairs: &[(&str, &str)]) {
    let mut text = std::fs::read_to_string(file).unwrap();
    for (from, to) in pairs {
        assert!(text.contains(from), "{from} is not in {}: {text}", file.display());
        text = text.replace(from, to);
    }
    std::fs::write(file, text).unwrap();
}

fn codes(place: &Place, list: &str, text: &str) {
    let folder = place.home().join("schemas/codes");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{list}.csv")), text).unwrap();
}

const SOURCES: &str = "code,name_da,name_en,agency_da,agency_en,licence_code\n\
    vejdir_stier,Cykelstier,Cycle paths,Vejdirektoratet,Danish Road Directorate,cc_by_4_0\n";

/// Lines of the three files that an operator writes.
fn written_lines(folder: &Path) -> usize {
    ["pipeline.toml", "map.sql", "notes.md"]
        .iter()
        .map(|file| std::fs::read_to_string(folder.join(file)).unwrap().lines().count())
        .sum()
}

fn rows_of(file: &Path) -> Vec<(String, f64)> {
    use arrow::array::AsArray;
    let reader =
        parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(std::fs::File::open(file).unwrap(), 1024)
            .unwrap();
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let text = |name: &str| {
            let column = batch
                .column_by_name(name)
                .unwrap_or_else(|| panic!("{name} is not in {batch:?}"));
            arrow::compute::cast(column, &arrow::datatypes::DataType::Utf8).unwrap()
        };
        let (areas, days) = (text("area_code"), text("period_start"));
        let values = batch
            .column_by_name("value")
            .unwrap()
            .as_primitive::<arrow::datatypes::Float64Type>();
        for row in 0..batch.num_rows() {
            let key = format!(
                "{} {}",
                areas.as_string::<i32>().value(row),
                days.as_string::<i32>().value(row)
            );
            rows.push((key, values.value(row)));
        }
    }
    rows
}

/// All municipalities as an agency might spell them: two by an old or another name, one wrong.
fn municipalities() -> Vec<(String, String)> {
    let schemas = Schemas::embedded().unwrap();
    let areas = schemas.code_list("areas").unwrap();
    areas
        .codes()
        .filter(|code| areas.get(code, "area_level") == Some("municipality"))
        .map(|code| {
            let name = areas.get(code, "name_da").unwrap();
            let spelled = match name {
                "Aarhus" => "Århus",
                "Høje-Taastrup" => "Høje Taastrup",
                "Gentofte" => "Gentoffte",
                _ => name,
            };
            (code.to_owned(), spelled.to_owned())
        })
        .collect()
}

/// As Danish Excel saves it.
fn cycle_paths() -> Vec<u8> {
    let mut text = "Kommune;År;Længde (km)\r\n".to_owned();
    for (at, (_, name)) in municipalities().iter().enumerate() {
        for year in [2022, 2023] {
            text.push_str(&format!("{name};{year};{},{}\r\n", 100 + at, year % 10));
        }
    }
    text.chars()
        .map(|letter| u8::try_from(u32::from(letter)).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_of_danish_excel_becomes_rows_without_rust() {
    let server = Server::start(|_| answer(200, "text/csv", cycle_paths())).await;
    let place = Place::new();
    let folder = place.home().join("pipelines/vejdir_cykelstier");
    let address = format!("{}/stier.csv", server.base);
    ok(&place.say(&["new", "vejdir_cykelstier", "--connector", "file", "--address", &address]));
    codes(&place, "sources", SOURCES);
    let toml = folder.join("pipeline.toml");
    let template = std::fs::read_to_string(&toml).unwrap();
    fill(
        &toml,
        &[
            ("source_id = \"TODO\"", "source_id = \"vejdir_stier\""),
            ("licence_code = \"TODO\"", "licence_code = \"cc_by_4_0\""),
            ("[\"TODO\"]", "[\"cycle_path_length_state_roads\"]"),
        ],
    );
    let unprobed = place.say(&["check", "vejdir_cykelstier"]);
    assert_eq!(unprobed.code, Some(1));
    assert!(
        unprobed.err.contains("klimalade probe vejdir_cykelstier --write"),
        "{}",
        unprobed.err
    );
    std::fs::write(&toml, template).unwrap();

    let probed = place.say(&["probe", "vejdir_cykelstier", "--write"]);
    ok(&probed);
    assert_eq!(server.requests().len(), 1, "one page is one request");
    for line in [
        r#"setting    [source] format.encoding = "windows-1252""#,
        r#"setting    [source] format.decimal = ",""#,
        "key        kommune, aar: no two rows are alike in it",
        "area       kommune: 97 matched, 1 unknown: Gentoffte (by name or alias (`Aarhus`))",
        "Århus is known as Aarhus",
        "Gentoffte may be Gentofte (0157)",
        "Gentoffte,0157",
        "period     aar: years (frequency A)",
        "value      laengde_km",
        "indicator  cycle_path_length_state_roads: ",
    ] {
        assert!(probed.out.contains(line), "{line} is not in {}", probed.out);
    }
    assert!(written_lines(&folder) <= 60, "{}", written_lines(&folder));
    let stored = std::fs::read(folder.join("test/answer-1.csv")).unwrap();
    assert_eq!(stored, cycle_paths(), "what is small is recorded as served");

    // As it stands, check says what is missing.
    let unchecked = place.say(&["check", "vejdir_cykelstier"]);
    assert_eq!(unchecked.code, Some(1));
    assert!(unchecked.err.contains("TODO"), "{}", unchecked.err);

    // What the tool named, and what only the operator knows.
    codes(&place, "area_aliases", "code,area_code\nGentoffte,0157\n");
    fill(
        &folder.join("pipeline.toml"),
        &[
            ("source_id = \"TODO\"", "source_id = \"vejdir_stier\""),
            ("licence_code = \"TODO\"", "licence_code = \"cc_by_4_0\""),
            ("[\"TODO\"]", "[\"cycle_path_length_state_roads\"]"),
        ],
    );
    let literal = place.say(&["check", "vejdir_cykelstier"]);
    assert_eq!(literal.code, Some(1));
    assert!(literal.err.contains("'TODO' AS indicator_code"), "{}", literal.err);
    fill(
        &folder.join("map.sql"),
        &[("'TODO'", "'cycle_path_length_state_roads'")],
    );
    let text = std::fs::read_to_string(folder.join("pipeline.toml")).unwrap();
    assert!(
        !text.lines().any(|line| line.contains("TODO") && !line.starts_with('#')),
        "{text}"
    );
    ok(&place.say(&["check", "vejdir_cykelstier"]));
    ok(&place.say(&["test", "vejdir_cykelstier", "--accept"]));
    let tested = place.say(&["test", "vejdir_cykelstier"]);
    ok(&tested);
    assert!(tested.out.contains("196 rows"), "{}", tested.out);

    let lake = place.lake("lake");
    ok(&place.say_on(&lake, &["run", "vejdir_cykelstier"]));
    let rows = rows_of(&lake.join("core/observation/pipeline=vejdir_cykelstier/data.parquet"));
    assert_eq!(rows.len(), 196);
    let at = municipalities().iter().position(|(code, _)| code == "0751").unwrap();
    assert!(
        rows.contains(&("0751 2023-01-01".to_owned(), 100.0 + at as f64 + 0.3)),
        "{rows:?}"
    );
}

/// The commands that stand in the guide's first section, in their order.
fn commands_of_the_guide() -> Vec<String> {
    let guide =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines/README.md")).unwrap();
    let (_, section) = guide.split_once("\n## The first one of your own\n").unwrap();
    let (steps, _) = section.split_once("\nA pipeline that becomes part").unwrap();
    let code = steps.split('`').skip(1).step_by(2);
    code.map(|code| code.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|code| code.starts_with("klimalade "))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_is_followed_to_the_letter() {
    let server = Server::start(|_| answer(200, "text/csv", cycle_paths())).await;
    let (place, name) = (Place::new(), "vejdir_cykelstier");
    let lake = place.lake("lake");
    let folder = place.home().join("pipelines").join(name);
    let mut done = Vec::new();
    for written in commands_of_the_guide() {
        let command = written
            .replace("https://example.dk", &server.base)
            .replace("<pipeline>", name)
            .replace(
                "<table> <column=value>...",
                "observation area_code=0751 year=2023 indicator_code=cycle_path_length_state_roads",
            );
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        ok(&place.say_on(&lake, &words));
        done.push(words[0].to_owned());
        if words[0] == "probe" {
            // Step 3.
            codes(&place, "sources", SOURCES);
            codes(&place, "area_aliases", "code,area_code\nGentoffte,0157\n");
            fill(
                &folder.join("pipeline.toml"),
                &[
                    ("source_id = \"TODO\"", "source_id = \"vejdir_stier\""),
                    ("licence_code = \"TODO\"", "licence_code = \"cc_by_4_0\""),
                    ("[\"TODO\"]", "[\"cycle_path_length_state_roads\"]"),
                ],
            );
            fill(
                &folder.join("map.sql"),
                &[("'TODO'", "'cycle_path_length_state_roads'")],
            );
        }
    }
    let steps = [
        "new",
        "connectors",
        "connectors",
        "probe",
        "check",
        "test",
        "run",
        "run",
        "explain",
        "replay",
    ];
    assert_eq!(done, steps);
    assert_eq!(
        rows_of(&lake.join("core/observation/pipeline=vejdir_cykelstier/data.parquet")).len(),
        196
    );
}

/// A layer of paths as pygeoapi serves it: several features of a municipality, no dates.
fn layer(asked: &Asked) -> Answer {
    if !asked.path.ends_with("/items") {
        return json(r#"{"id":"stier","title":"Stier","crs":["http://www.opengis.net/def/crs/OGC/1.3/CRS84"]}"#);
    }
    let paths = [
        ("0751", 1.5),
        ("0751", 2.25),
        ("0825", 3.5),
        ("0461", 10.0),
        ("0461", 0.5),
    ];
    let features: Vec<_> = paths
        .iter()
        .enumerate()
        .map(|(at, (code, km))| {
            serde_json::json!({ "type": "Feature", "id": at + 1,
                "geometry": { "type": "LineString", "coordinates": [[10.2, 56.15], [10.21, 56.16]] },
                "properties": { "kommunekode": code, "slags": "sti", "laengde_km": km } })
        })
        .collect();
    let offset = usize::try_from(asked.number("offset").unwrap_or(0)).unwrap();
    let page = features.get(offset..).unwrap_or_default();
    json(
        serde_json::json!({ "type": "FeatureCollection", "numberMatched": features.len(), "numberReturned": page.len(),
            "features": page, "links": [], "timeStamp": "2026-11-26T08:00:00Z" })
        .to_string(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_of_an_ogc_api_becomes_sums_of_a_municipality() {
    let server = Server::start(layer).await;
    let place = Place::new();
    let folder = place.home().join("pipelines/vejdir_stier");
    let address = format!("{}/collections/stier/items?f=json&limit=10", server.base);
    ok(&place.say(&["new", "vejdir_stier", "--connector", "ogcapi", "--address", &address]));
    let probed = place.say(&["probe", "vejdir_stier", "--write"]);
    ok(&probed);
    assert!(
        probed.out.contains("area       kommunekode: 3 matched, 0 unknown"),
        "{}",
        probed.out
    );
    assert!(
        probed.out.contains("period     no column holds times"),
        "{}",
        probed.out
    );
    let recorded: Vec<bool> = ["answer-1.json", "answer-2.json", "recorded.toml"]
        .iter()
        .map(|name| folder.join("test").join(name).is_file())
        .collect();
    assert_eq!(recorded, [true; 3], "the plan's answer and one page: {}", probed.err);
    assert!(written_lines(&folder) <= 60, "{}", written_lines(&folder));

    codes(&place, "sources", SOURCES);
    fill(
        &folder.join("pipeline.toml"),
        &[
            ("source_id = \"TODO\"", "source_id = \"vejdir_stier\""),
            ("licence_code = \"TODO\"", "licence_code = \"cc_by_4_0\""),
            ("[\"TODO\"]", "[\"cycle_path_length_open_data\"]"),
        ],
    );
    fill(
        &folder.join("map.sql"),
        &[
            ("TODO-01-01", "2026-01-01"),
            ("'TODO'", "'cycle_path_length_open_data'"),
        ],
    );
    ok(&place.say(&["check", "vejdir_stier"]));
    ok(&place.say(&["test", "vejdir_stier", "--accept"]));
    let lake = place.lake("lake");
    ok(&place.say_on(&lake, &["run", "vejdir_stier"]));
    let mut rows = rows_of(&lake.join("core/observation/pipeline=vejdir_stier/data.parquet"));
    rows.sort_by(|one, two| one.0.cmp(&two.0));
    let expected = [("0461", 10.5), ("0751", 3.75), ("0825", 3.5)];
    assert_eq!(rows, expected.map(|(code, km)| (format!("{code} 2026-01-01"), km)));
}

/// What the sources of the tests below need besides.
fn rest_pipeline(base: &str) -> String {
    format!(
        "version = 1\ntitle_en = \"x\"\ntitle_da = \"x\"\nsource_id = \"TODO\"\ntable = \"observation\"\n\n[source]\n\
         connector = \"rest\"\nbase_url = \"{base}\"\npath = \"tal\"\nauth = {{ strategy = \"header\", name = \"x-api-key\", \
         secret = \"nøglen\" }}\n\n[columns]\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_what_probe_records_and_where_the_rows_are_is_found() {
    const SECRET: &str = "hemmelig-nøgle-4711";
    let server = Server::start(|asked| {
        let key = &asked.headers["x-api-key"];
        json(format!(
            "{{\"self\":\"https://a.dk/tal?key={key}\",\"data\":[{{\"kommune\":\"0751\",\"år\":2023,\"km\":1.50}}]}}"
        ))
    })
    .await;
    let place = Place::new();
    let folder = place.home().join("pipelines/by_tal");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("pipeline.toml"), rest_pipeline(&server.base)).unwrap();
    std::fs::write(folder.join("map.sql"), "SELECT 'skip:not_written' AS fate FROM raw r\n").unwrap();
    std::fs::write(
        place.home().join("klimalade.toml"),
        format!("[secrets]\n\"nøglen\" = \"{SECRET}\"\n"),
    )
    .unwrap();
    let probed = place.say(&["probe", "by_tal", "--write", "--json"]);
    ok(&probed);
    assert_eq!(
        server.requests()[0].headers["x-api-key"].len(),
        SECRET.chars().count() + 1,
        "the key was sent"
    );
    assert_eq!(
        server.requests().len(),
        1,
        "one page is one request, though its rows were not where they were said to be"
    );
    let report: serde_json::Value = serde_json::from_str(&probed.out).unwrap();
    assert_eq!(report["settings"], serde_json::json!(["rows = \"data\""]));
    assert_eq!(report["area"]["municipalities"], 1);
    let answer = std::fs::read_to_string(folder.join("test/answer-1.json")).unwrap();
    assert!(answer.contains("key=REDACTED") && answer.contains("1.50"), "{answer}");
    for text in [answer, probed.out, probed.err] {
        assert!(!text.contains("4711"), "{text}");
    }
    let toml = std::fs::read_to_string(folder.join("pipeline.toml")).unwrap();
    assert!(
        toml.contains("rows = \"data\"") && toml.contains("areas = [\"0751\"]"),
        "{toml}"
    );
}

#[test]
fn a_large_file_of_a_drop_folder_is_recorded_by_its_first_rows_and_replayed() {
    let place = Place::new();
    let drop = place.home().join("drop");
    std::fs::create_dir_all(&drop).unwrap();
    let mut text = "kommunekode;dato;km\n".to_owned();
    for year in 1950..=2025 {
        for (code, _) in municipalities() {
            text.push_str(&format!("{code};01-01-{year};{}\n", year - 1900));
        }
    }
    std::fs::write(drop.join("km 2025.csv"), &text).unwrap();
    let folder = place.home().join("pipelines/by_km");
    let address = format!("{}/*.csv", drop.display());
    ok(&place.say(&["new", "by_km", "--connector", "file", "--address", &address]));
    let probed = place.say(&["probe", "by_km", "--write"]);
    ok(&probed);
    assert!(probed.err.contains("its first 20 rows are kept"), "{}", probed.err);
    let kept = std::fs::read_to_string(folder.join("test/answer-1.csv")).unwrap();
    assert_eq!(kept.lines().count(), 21);
    assert!(text.starts_with(&kept), "nothing else is changed");

    codes(&place, "sources", SOURCES);
    fill(
        &folder.join("pipeline.toml"),
        &[
            ("source_id = \"TODO\"", "source_id = \"vejdir_stier\""),
            ("licence_code = \"TODO\"", "licence_code = \"cc_by_4_0\""),
            ("[\"TODO\"]", "[\"cycle_path_length_state_roads\"]"),
        ],
    );
    fill(
        &folder.join("map.sql"),
        &[("'TODO'", "'cycle_path_length_state_roads'")],
    );
    ok(&place.say(&["check", "by_km"]));
    let tested = place.say(&["test", "by_km", "--accept"]);
    ok(&tested);
    assert!(tested.out.contains("(20 rows)"), "{}", tested.out);
}

#[test]
fn what_probe_cannot_do_is_said_before_anybody_is_asked() {
    let place = Place::new();
    ok(&place.say(&["new", "by_lag", "--connector", "ogcapi"]));
    let said = place.say(&["probe", "by_lag"]);
    assert_eq!((said.code, said.out.as_str()), (Some(2), ""));
    snapshot("probe-todo.txt", &said.err);
    let said = place.say(&["probe", "energinet_capacity_january"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("a view asks no agency"), "{}", said.err);
    let said = place.say(&["probe", "dst_area", "--demo", "--write"]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("simulated"), "{}", said.err);

    let map = place.home().join("pipelines/by_lag/map.sql");
    std::fs::write(&map, "SELECT 1 AS mine FROM raw").unwrap();
    let said = place.say(&["probe", "by_lag", "--write"]);
    assert!(said.err.contains("map.sql is written already"), "{}", said.err);

    std::fs::create_dir_all(place.home().join("pipelines/by_lag/test")).unwrap();
    std::fs::write(place.home().join("pipelines/by_lag/test/answer-1.json"), "{}").unwrap();
    let said = place.say(&["probe", "by_lag"]);
    assert!(said.err.contains("--force"), "{}", said.err);
    let kept = std::fs::read_to_string(place.home().join("pipelines/by_lag/test/answer-1.json")).unwrap();
    assert_eq!(kept, "{}");
}

#[test]
fn new_refuses_what_is_there_and_names_what_was_meant() {
    let place = Place::new();
    ok(&place.say(&["new", "by_lag", "--connector", "file", "--address", "drop/lag.csv"]));
    let mut said = String::new();
    for arguments in [
        &["new", "by_lag", "--connector", "file"][..],
        &["new", "dst_area", "--connector", "file"],
        &["new", "Århus-Lag", "--connector", "file"],
        &["new", "by_sti", "--connector", "ogc-api"],
        &["new", "by_sti", "--connector", "file", "--address", "tal.xls"],
    ] {
        let refused = place.say(arguments);
        assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""));
        said.push_str(&refused.err.replace(&place.home().display().to_string(), "<home>"));
    }
    snapshot("new-refused.txt", &said);
    assert!(
        !place.home().join("pipelines/by_sti").exists(),
        "nothing is left behind"
    );
}

#[test]
fn probe_reads_every_simulated_agency_and_keeps_nothing_of_it() {
    let place = Place::new();
    for (pipeline, area) in [
        ("dst_area", "area       omraade: 105 matched, 0 unknown"),
        (
            "energinet_production_by_municipality",
            "area       municipality_no: 99 matched, 0 unknown",
        ),
        (
            "dmi_heating_degree_days",
            "area       municipality_id: 98 matched, 0 unknown",
        ),
        ("ens_climate_account", "area       municipality: 1 matched, 0 unknown"),
    ] {
        let said = place.say(&["probe", pipeline, "--demo"]);
        ok(&said);
        assert!(said.out.contains(area), "{pipeline}: {}", said.out);
        assert!(!place.home().join("pipelines").exists(), "{pipeline}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_address_does_not_say_its_form_is_read_as_what_it_is() {
    let server = Server::start(|_| json(r#"{"rows":[{"kommune":"Ærø","år":2023,"km":1.5}]}"#)).await;
    let place = Place::new();
    let address = format!("{}/download", server.base);
    ok(&place.say(&["new", "by_fil", "--connector", "file", "--address", &address]));
    ok(&place.say(&["probe", "by_fil", "--write"]));
    let folder = place.home().join("pipelines/by_fil");
    let toml = std::fs::read_to_string(folder.join("pipeline.toml")).unwrap();
    assert!(toml.contains(r#"format = { type = "json", rows = "rows" }"#), "{toml}");
    assert!(folder.join("test/answer-1.json").is_file() && !folder.join("test/answer-2.json").exists());
}
