//! A process that dies at any step of a commit loses nothing and shows nothing half.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use common::*;

/// Every file that a glob for `**/*.parquet` finds below `folder`.
fn glob(folder: &Path, found: &mut Vec<(String, Option<String>)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.path().is_dir() {
            glob(&entry.path(), found);
        } else if entry.file_name().to_string_lossy().ends_with(".parquet") {
            // A file may be removed between the listing and the look at it, as under any reader.
            found.push((
                entry.path().display().to_string(),
                std::fs::read_to_string(entry.path()).ok(),
            ));
        }
    }
}

fn assert_whole(root: &Path) {
    let mut found = Vec::new();
    glob(root, &mut found);
    for (path, text) in found {
        let Some(text) = text else { continue };
        let known = FIRST
            .iter()
            .chain(SECOND)
            .any(|(table, known)| path.ends_with(&key(table)) && *known == text);
        assert!(known, "{path} shows {text:?}");
    }
}

/// After a crash: finish or forget, and only one of the two states with its own files is there.
async fn recovered(world: &World) -> bool {
    let lake = world.open().await;
    let lock = lake
        .lock(OWNER, "run-3")
        .await
        .unwrap()
        .expect("the dead run's lock has expired");
    lake.recover(&lock).await.unwrap();
    let state = lake.state(OWNER).await.unwrap().unwrap();
    let is_new = state.run_id == "run-2";
    assert_eq!(shown(&lake).await, texts(if is_new { SECOND } else { FIRST }));
    for (key, partition) in &state.partitions {
        assert!(!partition.etag.is_empty(), "{key} has no mark");
    }
    assert_eq!(lake.list("staging").await.unwrap(), vec![]);
    assert!(
        !lake.recover(&lock).await.unwrap(),
        "a second recovery finds nothing to do"
    );
    lock.release().await.unwrap();
    is_new
}

async fn crash_everywhere(make: fn() -> World) -> usize {
    let undisturbed = make();
    let lake = undisturbed.open().await;
    commit(&undisturbed, &lake, "run-1", FIRST).await.unwrap();
    commit(&undisturbed, &lake, "run-2", SECOND).await.unwrap();
    let expected = bare(lake.state(OWNER).await.unwrap().unwrap());
    let (mut old, mut new) = (0, 0);
    for steps in 0.. {
        let world = make();
        commit(&world, &world.open().await, "run-1", FIRST).await.unwrap();
        let done = match world.open_failing(steps).await {
            Ok(lake) => commit(&world, &lake, "run-2", SECOND).await.is_ok(),
            Err(_) => false,
        };
        if let Place::Disk(folder) = &world.place {
            assert_whole(folder.path());
        }
        world.wait_for_locks();
        if recovered(&world).await {
            new += 1;
        } else {
            old += 1;
            let lake = world.open().await;
            commit(&world, &lake, "run-2", SECOND).await.unwrap();
        }
        let lake = world.open().await;
        assert_eq!(
            bare(lake.state(OWNER).await.unwrap().unwrap()),
            expected,
            "after {steps} steps"
        );
        assert_eq!(shown(&lake).await, texts(SECOND), "after {steps} steps");
        if let Place::Disk(folder) = &world.place {
            assert_no_leftovers(folder.path());
        }
        if done {
            assert!(
                old > 10 && new > 10,
                "crashes fell on both sides of the decision: {old} before, {new} after"
            );
            return steps;
        }
    }
    unreachable!()
}

fn assert_no_leftovers(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            assert!(
                std::fs::read_dir(entry.path()).unwrap().next().is_some() || name == "staging",
                "{name} is empty"
            );
            assert_no_leftovers(&entry.path());
        } else {
            assert!(!name.ends_with(".tmp") && !name.ends_with(".staged"), "{name} was left");
        }
    }
}

#[tokio::test]
async fn a_commit_that_dies_at_any_step_on_disk_is_old_or_new() {
    crash_everywhere(World::disk).await;
}

#[tokio::test]
async fn a_commit_that_dies_at_any_step_on_an_object_store_is_old_or_new() {
    crash_everywhere(World::memory).await;
}

#[tokio::test]
async fn a_recovery_that_dies_at_any_step_is_finished_by_the_next() {
    for steps in (0..).step_by(3) {
        let mut again = 0;
        loop {
            let world = World::memory();
            commit(&world, &world.open().await, "run-1", FIRST).await.unwrap();
            let died = match world.open_failing(steps).await {
                Ok(lake) => commit(&world, &lake, "run-2", SECOND).await.is_err(),
                Err(_) => true,
            };
            if !died {
                return;
            }
            world.wait_for_locks();
            let recovery = async {
                let lake = world.open_failing(again).await?;
                let lock = lake.lock(OWNER, "run-3").await?.expect("expired");
                lake.recover(&lock).await
            };
            let finished = recovery.await.is_ok();
            world.wait_for_locks();
            recovered(&world).await;
            if finished {
                break;
            }
            again += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_at_any_moment_sees_whole_files_only() {
    let world = World::disk();
    let Place::Disk(folder) = &world.place else {
        unreachable!()
    };
    let root = folder.path().to_owned();
    let over = std::sync::Arc::new(AtomicBool::new(false));
    let reader = {
        let over = over.clone();
        std::thread::spawn(move || {
            let mut looks = 0_u32;
            while !over.load(Ordering::SeqCst) {
                assert_whole(&root);
                looks += 1;
            }
            looks
        })
    };
    let lake = world.open().await;
    for night in 0..20 {
        commit(&world, &lake, "run-1", FIRST).await.unwrap();
        commit(&world, &lake, &format!("run-{night}"), SECOND).await.unwrap();
    }
    over.store(true, Ordering::SeqCst);
    assert!(reader.join().unwrap() > 20);
}
