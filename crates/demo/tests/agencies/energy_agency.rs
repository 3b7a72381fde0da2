use klimalade_demo::{Agencies, FaultKind, Script, ScriptedFault};

use crate::client::{ask, get};

const BOOKS: [&str; 5] = [
    "ens.dk/media/8748/download",
    "ens.dk/media/7199/download",
    "www.kefm.dk/media/kf25-crf-tabeller.xlsx",
    "www.kefm.dk/media/kf25-crf-ets-esr.xlsx",
    "energinet.dk/media/miljoedeklaration-aarsgennemsnit.xlsx",
];

#[test]
fn every_workbook_is_the_same_in_each_night_and_asked_for_again_it_is_not_sent() {
    let (first, second) = (Script::default(), Script::default().night(1));
    let (first, second) = (Agencies::start(first).unwrap(), Agencies::start(second).unwrap());
    for book in BOOKS {
        let reply = get(&first, book);
        assert_eq!(reply.status, 200, "{book}");
        assert!(reply.body.starts_with(b"PK"), "{book}");
        assert!(reply.body.len() < 500_000, "{book}: {} bytes", reply.body.len());
        let etag = reply.header("etag").unwrap();
        let again = ask(&second, "GET", book, &[("If-None-Match", etag)], "").unwrap();
        assert_eq!((again.status, again.body.len()), (304, 0), "{book}");
    }
}

#[test]
fn the_medium_of_an_older_edition_is_a_page_that_says_so() {
    let agencies = Agencies::start(Script::default()).unwrap();
    let gone = get(&agencies, "ens.dk/media/3531/download");
    assert_eq!(
        (gone.status, gone.header("content-type")),
        (404, Some("text/html; charset=utf-8"))
    );
    assert_eq!(
        get(&agencies, "www.kefm.dk/media/8748/download").status,
        404,
        "each host has its own"
    );
}

#[test]
fn a_short_workbook_is_another_one() {
    let script = Script::default().fault(ScriptedFault::new("ens.dk", FaultKind::PageShort));
    let (whole, short) = (
        Agencies::start(Script::default()).unwrap(),
        Agencies::start(script).unwrap(),
    );
    let lengths = [&whole, &short].map(|agencies| get(agencies, BOOKS[1]).body.len());
    assert!(lengths[1] < lengths[0], "{lengths:?}");
}
