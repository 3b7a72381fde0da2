#![allow(clippy::unwrap_used)]

use klimalade_model::Schemas;

use crate::{
    figures::Figure,
    form::{Form, FormCode},
    inventory::{Kind, Line, lines},
};

fn figure(sector: &str, tonnes: f64) -> Figure {
    Figure {
        sector_code: sector.to_owned(),
        category_code: "_T".to_owned(),
        gas_code: "co2e".to_owned(),
        scope_code: "_T".to_owned(),
        tonnes: Some(tonnes),
        value_status: "A".to_owned(),
        is_free: true,
    }
}

/// The six sectors of the municipal accounts.
fn account() -> Vec<Figure> {
    [
        ("energy", 1000.0),
        ("transport", 500.0),
        ("agriculture_land", -300.0),
        ("waste_landfill", 40.0),
        ("wastewater", 30.0),
        ("industrial_processes", 20.0),
    ]
    .map(|(sector, tonnes)| figure(sector, tonnes))
    .into()
}

fn table(code: FormCode, figures: &[Figure]) -> Vec<Line> {
    let schemas = Schemas::embedded().unwrap();
    lines(&Form::new(code, "ens_account_v4").unwrap(), figures, &schemas).unwrap()
}

#[track_caller]
fn at<'a>(lines: &'a [Line], place: &str) -> &'a Line {
    lines
        .iter()
        .find(|line| line.place == place)
        .unwrap_or_else(|| panic!("no line {place}"))
}

#[track_caller]
fn says(lines: &[Line], place: &str) -> String {
    let line = at(lines, place);
    match line.tonne_co2e() {
        Some(tonnes) => format!("{} {tonnes}", line.kind.word()),
        None => format!("{} {}", line.key, line.included_in).trim_end().to_owned(),
    }
}

#[test]
fn a_figure_stands_where_the_account_gives_it_and_what_it_holds_is_included_there() {
    let lines = table(FormCode::Gpc, &account());
    for (place, said) in [
        ("I", "figure 1000"),
        ("I.1", "IE I"),
        ("I.1.1", "IE I"),
        ("II", "figure 500"),
        ("II.1.2", "IE II"),
        ("III", "subtotal 70"),
        ("III.1", "figure 40"),
        ("III.1.1", "IE III.1"),
        ("IV", "figure 20"),
        ("IV.2", "IE IV"),
        ("V", "figure -300"),
        ("V.2", "IE V"),
    ] {
        assert_eq!(says(&lines, place), said, "{place}");
    }
}

#[test]
fn what_the_method_leaves_out_is_not_estimated_and_what_denmark_has_not_does_not_occur() {
    let lines = table(FormCode::Gpc, &account());
    for (place, key) in [
        ("I.1.3", "NE"),
        ("I.4.4", "NE"),
        ("I.7", "NO"),
        ("I.7.1", "NO"),
        ("II.1.3", "NE"),
        ("III.1.2", "NE"),
        ("III.2.1", "NE"),
        ("VI.1", "NE"),
    ] {
        assert_eq!(says(&lines, place), key, "{place}");
    }
    assert_eq!(at(&lines, "III.1.3").certainty, "uncertain");
    assert_eq!(at(&lines, "I.1.1").certainty, "sure");
}

#[test]
fn every_line_has_a_figure_or_a_key_and_none_has_both() {
    for code in [FormCode::Gpc, FormCode::Crf] {
        for figures in [account(), vec![figure("transport", 5.0)], Vec::new()] {
            for line in table(code, &figures).iter().filter(|line| line.kind != Kind::Total) {
                let has_key = ["IE", "NE", "NO", "C"].contains(&line.key.as_str());
                assert_ne!(has_key, line.tonne_co2e().is_some(), "{line:?}");
                assert_eq!(line.key == "IE", !line.included_in.is_empty(), "{line:?}");
                assert!(line.kind != Kind::Subtotal || !line.amount.is_empty(), "{line:?}");
            }
        }
    }
}

#[test]
fn nothing_is_included_in_a_line_that_has_no_figure() {
    let figures = vec![figure("transport", 5.0)];
    for code in [FormCode::Gpc, FormCode::Crf] {
        let lines = table(code, &figures);
        for line in lines.iter().filter(|line| line.key == "IE") {
            for place in line.included_in.split("; ") {
                assert!(at(&lines, place).tonne_co2e().is_some(), "{line:?}");
            }
        }
    }
    assert_eq!(says(&table(FormCode::Gpc, &figures), "I.1.1"), "NE");
}

#[test]
fn totals_are_the_figures_once_each() {
    let lines = table(FormCode::Gpc, &account());
    assert_eq!(says(&lines, "I+II+III"), "total 1570");
    assert_eq!(says(&lines, "TOTAL"), "total 1290");
    assert_eq!(says(&table(FormCode::Crf, &account()), "TOTAL"), "total 1290");
}

#[test]
fn a_figure_of_several_crf_categories_is_joint_and_no_line_beneath_has_a_sum_that_lacks_it() {
    let lines = table(FormCode::Crf, &account());
    let energy = "1.A.1+1.A.2+1.A.4+1.A.5+1.B";
    for (place, said) in [
        (energy, "joint 1000"),
        ("1", "subtotal 1500"),
        ("1.A", &format!("IE {energy}; 1.A.3")),
        ("1.A.1", &format!("IE {energy}")),
        ("1.A.4.b", &format!("IE {energy}")),
        ("1.A.3", "figure 500"),
        ("1.A.3.b", "IE 1.A.3"),
        ("1.B.1", "NO"),
        ("3+4", "joint -300"),
        ("3", "IE 3+4"),
        ("3.A", "IE 3+4"),
        ("3.C", "NO"),
        ("5", "subtotal 70"),
        ("5.D", "figure 30"),
        ("5.B", "NE"),
    ] {
        assert_eq!(says(&lines, place), said, "{place}");
    }
    let order = |place: &str| lines.iter().position(|line| line.place == place).unwrap();
    assert!(order("1.A") < order(energy) && order(energy) < order("1.A.1"));
}

#[test]
fn a_confidential_or_missing_figure_has_a_key_and_is_named_where_it_lacks() {
    let mut figures = account();
    figures[3].is_free = false;
    figures[4].tonnes = None;
    figures[4].value_status = "O".to_owned();
    let lines = table(FormCode::Gpc, &figures);
    assert_eq!(says(&lines, "III.1"), "C");
    assert_eq!(says(&lines, "III.4"), "NE");
    assert_eq!(says(&lines, "TOTAL"), "total 1220");
    assert!(
        at(&lines, "TOTAL").note.contains("Without III.1, III.4"),
        "{:?}",
        at(&lines, "TOTAL")
    );
    assert_eq!(says(&lines, "III.1.1"), "C", "no IE in a line that has no figure");
    figures[2].is_free = false;
    let lines = table(FormCode::Crf, &figures);
    for place in ["3+4", "3", "4.A", "5.A"] {
        assert_eq!(says(&lines, place), "C", "{place}");
    }
    figures[4].value_status = "Q".to_owned();
    assert_eq!(says(&table(FormCode::Gpc, &figures), "III.4"), "C");
}

#[test]
fn a_figure_that_knows_its_scope_is_a_lines_and_finer_sectors_add_up() {
    let mut figures = vec![
        figure("energy_residential", 10.0),
        figure("energy_residential", 5.0),
        figure("energy_industry", 7.0),
        figure("military", 2.0),
    ];
    figures[0].scope_code = "1".to_owned();
    figures[1].scope_code = "2".to_owned();
    let lines = table(FormCode::Gpc, &figures);
    for (place, said) in [
        ("I", "subtotal 22"),
        ("I.1", "subtotal 15"),
        ("I.1.1", "figure 10"),
        ("I.1.2", "figure 5"),
        ("I.3", "figure 7"),
        ("I.3.1", "IE I.3"),
        ("I.2.1", "NE"),
        ("TOTAL", "total 24"),
    ] {
        assert_eq!(says(&lines, place), said, "{place}");
    }
    let outside = lines.iter().find(|line| line.kind == Kind::Outside).unwrap();
    assert_eq!((outside.name.as_str(), outside.tonne_co2e()), ("Military", Some(2.0)));
}

#[test]
fn the_nations_codes_fill_crf_by_gas_and_its_corrections_stand_outside() {
    let mut figures = vec![
        figure("agriculture", 1.0),
        figure("agriculture", 2.0),
        figure("correction", 0.5),
    ];
    for (figure, (category, gas)) in figures
        .iter_mut()
        .zip([("crf_3b", "ch4"), ("crf_3b", "n2o"), ("crf_cor", "co2")])
    {
        figure.category_code = category.to_owned();
        figure.gas_code = gas.to_owned();
    }
    let lines = table(FormCode::Crf, &figures);
    assert_eq!(says(&lines, "3.B"), "figure 3");
    assert_eq!(
        at(&lines, "3.B").amount,
        [("ch4".to_owned(), 1.0), ("n2o".to_owned(), 2.0)].into()
    );
    assert_eq!(says(&lines, "3"), "subtotal 3");
    assert_eq!(says(&lines, ""), "outside 0.5");
    assert_eq!(says(&lines, "TOTAL"), "total 3.5");
}
