//! The raw layer, verify and vacuum.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use std::collections::BTreeMap;

use arrow::array::{Int32Array, RecordBatch};
use common::*;
use jiff::Timestamp;
use klimalade_lake::{
    CommitPlan, Counts, Lake, OwnerState, PartState, PartitionState, PartitionWriter, Replacement, SnapshotRef,
    WriterOptions,
};
use klimalade_model::{Kind, Manifest, Page, Part};

fn manifest(part_key: &str, pages: &[&Page]) -> Manifest {
    Manifest {
        owner: OWNER.to_owned(),
        part: Part {
            detail: serde_json::json!({"z": 1, "a": ["æ", null]}),
            ..Part::new(part_key)
        },
        pages: pages.iter().map(|page| page.entry.clone()).collect(),
    }
}

async fn land(lake: &Lake, part_key: &str, bodies: &[&str]) -> SnapshotRef {
    let pages: Vec<Page> = bodies
        .iter()
        .map(|body| Page::from_bytes(part_key, body.as_bytes()).unwrap())
        .collect();
    for page in &pages {
        lake.put_page(OWNER, part_key, page).await.unwrap();
    }
    lake.put_manifest(&manifest(part_key, &pages.iter().collect::<Vec<_>>()))
        .await
        .unwrap()
}

/// One published partition of one part with one page.
async fn published(world: &World, lake: &Lake) -> SnapshotRef {
    let snapshot = land(lake, "2024", &["kommune;værdi\nÆrø;1,5\n"]).await;
    let path = world.spool.path().join("rows.parquet");
    let batch =
        RecordBatch::try_from_iter([("value", std::sync::Arc::new(Int32Array::from(vec![1, 2, 3])) as _)]).unwrap();
    let order = ["value".to_owned()];
    let options = WriterOptions::new("observation", OWNER);
    let mut writer = PartitionWriter::create(&path, batch.schema(), Vec::new(), &order, &order, &options).unwrap();
    writer.write(&batch).unwrap();
    let file = writer.finish().unwrap();
    let mut state = OwnerState::new(OWNER, "observation", "run-1");
    state.plan.push(Part::new("2024"));
    let part = PartState {
        part: Part::new("2024"),
        snapshot: snapshot.clone(),
        mapping_hash: "m".to_owned(),
        first_seen_at: "2026-11-23T02:00:00Z".to_owned(),
        confirmed_at: "2026-11-23T02:00:00Z".to_owned(),
        counts: Counts {
            mapped: 3,
            published: 3,
            ..Counts::default()
        },
        partitions: vec![key("observation")],
        extra: serde_json::Value::Null,
    };
    state.parts.insert("2024".to_owned(), part);
    let partition = PartitionState {
        sha256: file.sha256.clone(),
        etag: String::new(),
        rows: file.rows,
        bytes: file.bytes,
        parts: vec!["2024".to_owned()],
        values: BTreeMap::new(),
    };
    state.partitions.insert(key("observation"), partition);
    let replacement = Replacement {
        key: key("observation"),
        file: file.path,
        sha256: file.sha256,
        rows: file.rows,
        old: None,
    };
    let lock = lake.lock(OWNER, "run-1").await.unwrap().unwrap();
    let plan = CommitPlan {
        state: Some(state),
        replace: vec![replacement],
        remove: Vec::new(),
    };
    lake.commit(&lock, plan).await.unwrap();
    lock.release().await.unwrap();
    snapshot
}

#[tokio::test]
async fn a_snapshot_comes_back_as_it_was_served() {
    for world in [World::disk(), World::memory()] {
        let lake = world.open().await;
        let body = "kommune;indbyggere\nÆrø;6.014\nLæsø;1.756\n".repeat(5000);
        let page = Page::from_bytes("https://api.dk/side?nr=1", body.as_bytes()).unwrap();
        lake.put_page(OWNER, "all", &page).await.unwrap();
        lake.put_page(OWNER, "all", &page).await.unwrap();
        let put = manifest("all", &[&page, &page]);
        let snapshot = lake.put_manifest(&put).await.unwrap();
        assert_eq!(snapshot, Lake::snapshot(&put).unwrap());
        assert_eq!(snapshot.bytes, 2 * body.len() as u64);
        assert_eq!(
            lake.manifest(OWNER, "all", &snapshot.manifest_sha256).await.unwrap(),
            put
        );
        let back = lake.page(OWNER, "all", &page.entry, world.spool.path()).await.unwrap();
        assert_eq!(back.read().unwrap(), body.as_bytes());
        let spooled = back.path().to_owned();
        drop(back);
        assert!(!spooled.exists(), "the spool file goes with the page");
        let stored: Vec<_> = lake.list("raw").await.unwrap();
        assert_eq!(stored.len(), 2, "equal pages are kept once");
        assert!(
            stored
                .iter()
                .any(|file| file.key.ends_with(".zst") && file.bytes < body.len() as u64 / 10)
        );
        let listed = lake.list_manifests(OWNER).await.unwrap();
        assert_eq!(
            (listed.len(), &listed[0].part_key, &listed[0].manifest_sha256),
            (1, &"all".to_owned(), &snapshot.manifest_sha256)
        );
    }
}

#[tokio::test]
async fn a_manifest_before_its_pages_is_a_bug() {
    let world = World::disk();
    let lake = world.open().await;
    let page = Page::from_bytes("a", b"not put").unwrap();
    assert_eq!(
        lake.put_manifest(&manifest("all", &[&page])).await.unwrap_err().kind(),
        Kind::Bug
    );
    let mut input = page.clone();
    input.entry.address = "lake:core/observation/pipeline=x/data.parquet".to_owned();
    lake.put_manifest(&manifest("view", &[&input]))
        .await
        .expect("an input of a view is not kept in raw/");
}

#[tokio::test]
async fn a_spool_file_that_changed_is_not_kept() {
    let world = World::disk();
    let lake = world.open().await;
    let mut page = Page::from_bytes("a", "før".as_bytes()).unwrap();
    page.entry.sha256 = klimalade_model::sha256_hex("efter".as_bytes());
    assert_eq!(lake.put_page(OWNER, "all", &page).await.unwrap_err().kind(), Kind::Bug);
    assert_eq!(lake.list("raw").await.unwrap(), vec![]);
}

#[tokio::test]
async fn a_damaged_page_is_refused() {
    for world in [World::disk(), World::memory()] {
        let lake = world.open().await;
        let page = Page::from_bytes("a", b"0101;5").unwrap();
        let other = Page::from_bytes("a", b"0101;6").unwrap();
        for one in [&page, &other] {
            lake.put_page(OWNER, "all", one).await.unwrap();
        }
        let place = format!("raw/{OWNER}/all/{}.zst", page.entry.sha256);
        let wrong = lake
            .get(&format!("raw/{OWNER}/all/{}.zst", other.entry.sha256))
            .await
            .unwrap()
            .unwrap();
        for bytes in [
            wrong.clone(),
            wrong.slice(..wrong.len() - 2),
            bytes::Bytes::from_static(b"plain"),
        ] {
            lake.put(&place, bytes).await.unwrap();
            let fault = lake
                .page(OWNER, "all", &page.entry, world.spool.path())
                .await
                .unwrap_err();
            assert_eq!(fault.kind(), Kind::Contract, "{fault}");
        }
    }
}

#[tokio::test]
async fn a_part_key_cannot_leave_the_lake() {
    let world = World::disk();
    let lake = world.open().await;
    let page = Page::from_bytes("a", b"x").unwrap();
    for part_key in ["../../etc", "..", "a/b", "", "å"] {
        assert_eq!(
            lake.put_page(OWNER, part_key, &page).await.unwrap_err().kind(),
            Kind::Contract,
            "{part_key}"
        );
    }
    assert_eq!(lake.put("../x", "y").await.unwrap_err().kind(), Kind::Bug);
}

#[tokio::test]
async fn verify_finds_nothing_in_a_sound_lake_and_each_damage_in_another() {
    for make in [World::disk, World::memory] {
        let world = make();
        let lake = world.open().await;
        let snapshot = published(&world, &lake).await;
        assert_eq!(lake.verify().await.unwrap(), vec![]);
        let page = lake
            .manifest(OWNER, "2024", &snapshot.manifest_sha256)
            .await
            .unwrap()
            .pages[0]
            .sha256
            .clone();
        let page = format!("raw/{OWNER}/2024/{page}.zst");
        let manifest = format!("raw/{OWNER}/2024/{}.json", snapshot.manifest_sha256);
        let data = key("observation");
        let stray = "core/observation/pipeline=ukendt/data.parquet".to_owned();
        let next = format!("state/{OWNER}.next.json");
        let damages: [(&str, &str, Option<&str>); 8] = [
            ("a published file is gone", &data, None),
            ("a published file was changed", &data, Some("x")),
            ("a published file has not its rows", &data, Some("x")),
            ("a published file that no state names", &stray, Some("x")),
            ("a page is gone from raw/", &page, None),
            ("a page in raw/ is not the one that was fetched", &page, Some("x")),
            ("a manifest is gone from raw/", &manifest, None),
            ("a commit is not finished", &next, Some("{}")),
        ];
        for (what, place, bytes) in damages {
            let before = lake.get(place).await.unwrap();
            match bytes {
                Some(bytes) => lake.put(place, bytes).await.unwrap(),
                None => lake.delete(place).await.unwrap(),
            }
            let findings = lake.verify().await.unwrap();
            assert!(
                findings
                    .iter()
                    .any(|finding| finding.what == what && finding.place == place),
                "{what}: {findings:?}"
            );
            assert!(findings.iter().all(|finding| !finding.hint.is_empty()), "{findings:?}");
            match before {
                Some(bytes) => lake.put(place, bytes).await.unwrap(),
                None => lake.delete(place).await.unwrap(),
            }
            assert_eq!(lake.verify().await.unwrap(), vec![], "mended after: {what}");
        }
    }
}

#[tokio::test]
async fn vacuum_keeps_what_is_published_planned_or_of_tonight() {
    let world = World::disk();
    let lake = world.open().await;
    let superseded = land(&lake, "2024", &["gammel", "fælles"]).await;
    let published = published(&world, &lake).await;
    let newest = land(&lake, "2024", &["fælles", "ny"]).await;
    let unplanned = land(&lake, "1999", &["udgået"]).await;
    let lock = lake.lock(OWNER, "run-2").await.unwrap().unwrap();

    let tonight = lake.vacuum(&lock, Timestamp::UNIX_EPOCH, false).await.unwrap();
    assert_eq!(
        (tonight.manifests, tonight.pages),
        (0, 0),
        "all was put after the limit"
    );

    let later = Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let counted = lake.vacuum(&lock, later, true).await.unwrap();
    let done = lake.vacuum(&lock, later, false).await.unwrap();
    assert_eq!(counted, done);
    assert_eq!((done.manifests, done.pages, done.kept_manifests), (2, 2, 2));
    for (gone, snapshot) in [
        (true, superseded),
        (false, published),
        (false, newest),
        (true, unplanned),
    ] {
        let found = lake
            .manifest(OWNER, &snapshot.part_key, &snapshot.manifest_sha256)
            .await;
        assert_eq!(found.is_err(), gone);
        for page in found.iter().flat_map(|manifest| &manifest.pages) {
            lake.page(OWNER, &snapshot.part_key, page, world.spool.path())
                .await
                .unwrap();
        }
    }
    assert_eq!(lake.verify().await.unwrap(), vec![]);
    assert_eq!(
        lake.list("raw").await.unwrap().len(),
        5,
        "two manifests and three pages"
    );
}
