use std::collections::BTreeSet;

use klimalade_demo::{Agencies, FaultKind, Script, ScriptedFault};
use serde_json::Value;

use crate::client::get;

const RESOURCE: &str = "data.cdp.net/resource/eja6-zden.json";
const ORDER: &str = "$order=account_number,question_number,row_number,column_number";

fn agencies() -> Agencies {
    Agencies::start(Script::default()).unwrap()
}

fn rows(agencies: &Agencies, query: &str) -> Vec<Value> {
    let reply = get(agencies, &format!("{RESOURCE}?{query}"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json().as_array().unwrap().clone()
}

#[test]
fn a_question_of_one_country_is_selected_by_the_service() {
    let found = rows(
        &agencies(),
        "$where=country='Denmark' AND question_number in('5.5','5.5a')",
    );
    let countries: BTreeSet<&str> = found.iter().map(|row| row["country"].as_str().unwrap()).collect();
    let questions: BTreeSet<&str> = found
        .iter()
        .map(|row| row["question_number"].as_str().unwrap())
        .collect();
    assert_eq!(
        (countries, questions),
        (BTreeSet::from(["Denmark"]), BTreeSet::from(["5.5", "5.5a"]))
    );
    assert!(found.iter().any(|row| row["organization"] == "City of Copenhagen"));
}

#[test]
fn numbers_are_text_and_an_empty_cell_has_no_key() {
    let found = rows(&agencies(), "$where=question_number='5.0a'");
    let base = found.iter().find(|row| row["column_name"] == "Base year").unwrap();
    assert_eq!(
        (&base["response_answer"], &base["column_number"]),
        (&Value::from("1990"), &Value::from("4"))
    );
    assert!(found.iter().all(|row| row.get("row_name").is_none()));
    assert!(
        found
            .iter()
            .any(|row| row["response_answer"] == "Question not applicable")
    );
}

#[test]
fn pages_hold_each_row_once_only_where_an_order_is_asked_for() {
    let agencies = agencies();
    let walk = |order: &str| {
        let pages = (0..4).flat_map(|page| rows(&agencies, &format!("$limit=100&$offset={}&{order}", page * 100)));
        pages.map(|row| row.to_string()).collect::<Vec<_>>()
    };
    let (ordered, any) = (walk(ORDER), walk(""));
    let all = rows(&agencies, "$limit=50000").len();
    let distinct = |rows: &[String]| rows.iter().collect::<BTreeSet<_>>().len();
    assert_eq!((ordered.len(), distinct(&ordered)), (all, all));
    assert!(
        distinct(&any) < all,
        "a walk without an order has rows twice, and others never"
    );
}

#[test]
fn a_thousand_rows_come_unless_more_are_asked_for_and_what_is_not_known_is_refused() {
    let agencies = agencies();
    let all = rows(&agencies, "$limit=50000").len();
    assert!(all < 1000 && rows(&agencies, "").len() == all, "{all}");
    let refused = get(&agencies, &format!("{RESOURCE}?$where=land='Danmark'"));
    assert_eq!(
        (refused.status, &refused.json()["code"]),
        (400, &Value::from("query.soql.no-such-column"))
    );
    assert_eq!(get(&agencies, &format!("{RESOURCE}?$order=land")).status, 400);
    assert_eq!(get(&agencies, "data.cdp.net/resource/aaaa-bbbb.json").status, 404);
}

#[test]
fn a_short_answer_has_one_row_fewer_and_a_server_that_ignores_the_offset_repeats_its_page() {
    let whole = rows(&agencies(), "$limit=50000").len();
    let with =
        |kind: FaultKind| Agencies::start(Script::default().fault(ScriptedFault::new("data.cdp.net", kind))).unwrap();
    assert_eq!(rows(&with(FaultKind::PageShort), "$limit=50000").len(), whole - 1);
    let endless = with(FaultKind::EndlessNext);
    let page = |offset: u32| rows(&endless, &format!("$limit=10&$offset={offset}&{ORDER}"));
    assert_eq!(page(0), page(10));
}
