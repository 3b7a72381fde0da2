//! `klimalade template`: the workbook that somebody fills in, and the drop folder into which it goes.

use std::path::Path;

use klimalade_cli::registry;
use klimalade_connect::{Page, Part};
use klimalade_pipeline::{Catalogue, Definition};
use klimalade_testkit::contract::decode_all;

use crate::common::{Place, snapshot};

const DEFINED: &str = "ens_charging_points";

/// The harvests that read workbooks out of the drop folder, and what they say of them.
fn filled_in_by_hand(place: &Place) -> Vec<(String, Definition)> {
    let catalogue = Catalogue::load(&place.home()).unwrap();
    let definitions = catalogue
        .owners()
        .into_iter()
        .map(|owner| (owner.name.clone(), owner.definition.clone()));
    definitions
        .filter(|(_, definition)| {
            let source = definition.source.as_ref();
            let address = source.and_then(|source| source.get("address")?.as_str());
            address.is_some_and(|address| address.starts_with("drop/") && address.ends_with(".xlsx"))
        })
        .collect()
}

/// Rows of a workbook by the pipeline's own layout, and the columns it gives.
fn read(definition: &Definition, workbook: &Path) -> (usize, Vec<String>) {
    let (name, settings) = definition.connector().unwrap();
    let connector = registry().open(&name, settings).unwrap();
    let page = Page::from_bytes("/a.xlsx", &std::fs::read(workbook).unwrap()).unwrap();
    let columns = definition.raw_schema();
    let batches = decode_all(connector.as_ref(), &Part::new("all"), &page, &columns).unwrap();
    let names = columns.fields().iter().map(|field| field.name().clone());
    (batches.iter().map(|batch| batch.num_rows()).sum(), names.collect())
}

#[test]
fn every_workbook_of_the_drop_folder_has_an_empty_form_that_its_own_layout_reads() {
    let place = Place::new();
    let pipelines = filled_in_by_hand(&place);
    assert!(pipelines.len() >= 11, "{} pipelines", pipelines.len());
    for (name, definition) in pipelines {
        let said = place.say(&["template", &name]);
        assert_eq!(said.code, Some(0), "{name}: {}", said.err);
        let workbook = place.lake(&format!("{name}.xlsx"));
        let (rows, columns) = read(&definition, &workbook);
        assert_eq!(rows, 0, "{name}");
        assert_eq!(
            columns,
            definition.columns.keys().cloned().collect::<Vec<_>>(),
            "{name}"
        );
        for (column, said) in &definition.columns {
            assert!(
                said.meaning.is_some(),
                "{name}: {column} has no meaning for whoever fills it in"
            );
        }
    }
}

#[test]
fn the_same_form_has_the_same_bytes_and_says_where_it_goes() {
    let place = Place::new();
    let said = place.say(&["template", "puls_treatment_plants"]);
    snapshot("template.txt", &said.whole(&place));
    let again = place.say(&["template", "puls_plant_load", "--out", "again.xlsx"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    let titled = std::fs::read(place.lake("puls_treatment_plants.xlsx")).unwrap();
    let said = place.say(&["template", "puls_treatment_plants", "--force"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(titled, std::fs::read(place.lake("puls_treatment_plants.xlsx")).unwrap());
}

#[test]
fn rows_that_are_put_in_are_read_again() {
    let place = Place::new();
    let rows = "Kommunekode,År,Ladetype,Antal ladepunkter\n0101,2025,Normallader,7\n0825,2025,Hurtiglader,\n";
    std::fs::write(place.lake("rows.csv"), rows).unwrap();
    let said = place.say(&["template", DEFINED, "--fill", "rows.csv"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let pipelines = filled_in_by_hand(&place);
    let (_, definition) = pipelines.iter().find(|(name, _)| name == DEFINED).unwrap();
    assert_eq!(read(definition, &place.lake(&format!("{DEFINED}.xlsx"))).0, 2);
}

#[test]
fn what_cannot_become_a_workbook_is_told_with_what_to_type() {
    let place = Place::new();
    std::fs::write(place.lake("wrong.csv"), "Kommunekode,Aar\n0101,2025\n").unwrap();
    std::fs::write(place.lake("letters.csv"), "Kommunekode,År\n0101,i fjor\n").unwrap();
    assert_eq!(place.say(&["template", DEFINED]).code, Some(0));
    let mut text = String::new();
    for arguments in [
        &["template", "ens_charging_point"][..],
        &["template", "dst_area"],
        &["template", "puls_wastewater_load"],
        &["template", DEFINED],
        &["template", DEFINED, "--out", "none/a.xlsx"],
        &["template", DEFINED, "--force", "--fill", "wrong.csv"],
        &["template", DEFINED, "--force", "--fill", "letters.csv"],
        &["template", DEFINED, "--force", "--fill", "nowhere.csv"],
        &["template", "puls_plant_load", "--fill", "wrong.csv"],
        &["template", "puls_plant_load", "--fill", "Anlæg=wrong.csv"],
    ] {
        let said = place.say(arguments);
        assert!(!matches!(said.code, Some(0 | 3)), "{arguments:?}: {}", said.err);
        assert!(said.err.contains("hint"), "{arguments:?}: {}", said.err);
        text.push_str(&format!(
            "$ klimalade {}\n{}\n",
            arguments.join(" "),
            said.whole(&place)
        ));
    }
    snapshot("template-refused.txt", &text);
}

#[test]
fn a_workbook_is_made_filled_in_dropped_harvested_and_taken_away() {
    let (place, name) = (Place::new(), "municipal_cycle_paths");
    let lake = place.lake("lake");
    let off = place.say_on(&lake, &["run", name]);
    snapshot("template-off.txt", &off.whole(&place));
    assert_eq!(off.code, Some(2), "by name it is asked for: {}", off.err);

    let rows = "Kommunekode,År,Type,Længde (km)\n0461,2025,Cykelsti,512.4\n461,2025,Cykelbane,\n";
    std::fs::write(place.lake("rows.csv"), rows).unwrap();
    std::fs::create_dir_all(place.lake("drop/cykelstier")).unwrap();
    let dropped = place.lake("drop/cykelstier/0461.xlsx");
    let said = place.say(&[
        "template",
        name,
        "--fill",
        "rows.csv",
        "--out",
        "drop/cykelstier/0461.xlsx",
    ]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let rehearsed = place.say_on(&lake, &["run", name, "--dry-run"]);
    assert_eq!(rehearsed.code, Some(0), "{}", rehearsed.err);
    let published = lake
        .join("core/observation")
        .join(format!("pipeline={name}"))
        .join("data.parquet");
    assert!(!published.exists(), "a rehearsal writes nothing");
    let ran = place.say_on(&lake, &["run", name]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(published.exists());

    // The second of two takes the place of nothing, so one of them can be taken away again.
    let rows = rows.replace("2025", "2024");
    std::fs::write(place.lake("rows.csv"), rows).unwrap();
    let said = place.say(&[
        "template",
        name,
        "--fill",
        "rows.csv",
        "--out",
        "drop/cykelstier/0461-2024.xlsx",
    ]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(place.say_on(&lake, &["run", name]).code, Some(0));
    std::fs::remove_file(dropped).unwrap();
    let ran = place.say_on(&lake, &["run", name]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let said = place.say_on(&lake, &["explain", "observation", "area_code=0461", "year=2024"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let said = place.say_on(&lake, &["explain", "observation", "area_code=0461", "year=2025"]);
    assert_ne!(said.code, Some(0), "the workbook of 2025 was taken away: {}", said.out);
}
