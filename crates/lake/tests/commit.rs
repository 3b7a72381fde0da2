//! What a commit refuses, and what a lake refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use common::*;
use futures::stream::BoxStream;
use klimalade_lake::{CommitPlan, LOCK_LASTS, Lake, OpenOptions, OwnerState, is_locked};
use klimalade_model::Kind;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, memory::InMemory, path::Path,
};

#[tokio::test]
async fn a_late_writer_fails_and_changes_nothing() {
    for world in [World::disk(), World::memory()] {
        let lake = world.open().await;
        commit(&world, &lake, "run-1", FIRST).await.unwrap();
        let read = lake.state(OWNER).await.unwrap().unwrap();
        commit(&world, &lake, "run-2", SECOND).await.unwrap();

        let lock = lake.lock(OWNER, "run-late").await.unwrap().unwrap();
        let late = plan(world.spool.path(), "run-late", Some(&read), &[("action", "for sent")]);
        let fault = lake
            .commit(
                &lock,
                CommitPlan {
                    remove: Vec::new(),
                    ..late
                },
            )
            .await
            .unwrap_err();
        assert_eq!(fault.kind(), Kind::Contract, "{fault}");
        assert_eq!(shown(&lake).await, texts(SECOND));
        assert!(!lake.recover(&lock).await.unwrap(), "nothing was decided");
    }
}

#[tokio::test]
async fn a_writer_whose_lock_expired_fails_and_changes_nothing() {
    let world = World::memory();
    let lake = world.open().await;
    commit(&world, &lake, "run-1", FIRST).await.unwrap();
    let slow = lake.lock(OWNER, "run-slow").await.unwrap().unwrap();
    let before = lake.state(OWNER).await.unwrap();
    world.wait_for_locks();
    commit(&world, &world.open().await, "run-2", SECOND).await.unwrap();
    let late = plan(
        world.spool.path(),
        "run-slow",
        before.as_ref(),
        &[("action", "for sent")],
    );
    assert!(lake.commit(&slow, late).await.is_err());
    assert_eq!(shown(&lake).await, texts(SECOND));
    assert_eq!(lake.state(OWNER).await.unwrap().unwrap().run_id, "run-2");
    // An unchanged plan gets past every check but the lock's own.
    let now = lake.state(OWNER).await.unwrap();
    let taken = world.open().await.lock(OWNER, "run-3").await.unwrap().unwrap();
    let fault = lake
        .commit(&slow, plan(world.spool.path(), "run-slow", now.as_ref(), SECOND))
        .await
        .unwrap_err();
    assert!(is_locked(&fault), "{fault}");
    taken.release().await.unwrap();
}

#[tokio::test]
async fn a_file_changed_by_hand_is_not_overwritten() {
    for world in [World::disk(), World::memory()] {
        let lake = world.open().await;
        commit(&world, &lake, "run-1", FIRST).await.unwrap();
        lake.put(&key("plan"), "rettet i hånden".as_bytes().to_vec())
            .await
            .unwrap();
        let fault = commit(&world, &lake, "run-2", SECOND).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Contract);
        assert!(fault.hint_text().unwrap().contains(&key("plan")), "{fault}");
        assert_eq!(lake.state(OWNER).await.unwrap().unwrap().run_id, "run-1");
        let shown = shown(&lake).await;
        assert_eq!(shown[&key("plan")], "rettet i hånden");
        assert_eq!(
            shown[&key("action")],
            "gammel handling",
            "no other file was touched either"
        );

        lake.delete(&key("plan")).await.unwrap();
        world.wait_for_locks();
        commit(&world, &lake, "run-2", SECOND).await.unwrap();
        assert_eq!(common::shown(&lake).await, texts(SECOND), "what the hint says mends it");
    }
}

#[tokio::test]
async fn a_lake_copied_to_another_store_goes_on() {
    let world = World::memory();
    let lake = world.open().await;
    commit(&world, &lake, "run-1", FIRST).await.unwrap();
    let copy = World::memory();
    let target = copy.open().await;
    // In another order, so that every object has another ETag than the state says.
    for prefix in ["state", "core"] {
        for listed in lake.list(prefix).await.unwrap().into_iter().rev() {
            target
                .put(&listed.key, lake.get(&listed.key).await.unwrap().unwrap())
                .await
                .unwrap();
        }
    }
    commit(&copy, &target, "run-2", SECOND).await.unwrap();
    assert_eq!(shown(&target).await, texts(SECOND));
}

#[tokio::test]
async fn a_commit_with_nothing_staged_writes_the_state_only() {
    let world = World::disk();
    let lake = world.open().await;
    commit(&world, &lake, "run-1", FIRST).await.unwrap();
    let modified =
        |listed: Vec<klimalade_lake::Listed>| listed.into_iter().map(|file| file.modified_at).collect::<Vec<_>>();
    let before = modified(lake.list("core").await.unwrap());
    commit(&world, &lake, "run-2", FIRST).await.unwrap();
    assert_eq!(modified(lake.list("core").await.unwrap()), before);
    assert_eq!(lake.state(OWNER).await.unwrap().unwrap().run_id, "run-2");
}

#[tokio::test]
async fn a_commit_that_orphans_or_invents_a_file_is_a_bug() {
    let world = World::disk();
    let lake = world.open().await;
    commit(&world, &lake, "run-1", FIRST).await.unwrap();
    let lock = lake.lock(OWNER, "run-2").await.unwrap().unwrap();
    let before = lake.state(OWNER).await.unwrap();
    let whole = || plan(world.spool.path(), "run-2", before.as_ref(), SECOND);
    let orphaned = CommitPlan {
        remove: Vec::new(),
        ..whole()
    };
    let invented = CommitPlan {
        replace: whole().replace.into_iter().skip(1).collect(),
        ..whole()
    };
    let all_forgotten = CommitPlan {
        state: None,
        ..CommitPlan::default()
    };
    let mut foreign = whole();
    foreign.replace[0].key = foreign.replace[0].key.replace(OWNER, "dst_folk");
    for wrong in [orphaned, invented, all_forgotten, foreign] {
        assert_eq!(lake.commit(&lock, wrong).await.unwrap_err().kind(), Kind::Bug);
    }
    assert_eq!(shown(&lake).await, texts(FIRST));
}

#[tokio::test]
async fn a_retired_owner_leaves_neither_files_nor_state() {
    for world in [World::disk(), World::memory()] {
        let lake = world.open().await;
        commit(&world, &lake, "run-1", FIRST).await.unwrap();
        let lock = lake.lock(OWNER, "run-2").await.unwrap().unwrap();
        let remove = lake
            .state(OWNER)
            .await
            .unwrap()
            .unwrap()
            .partitions
            .into_keys()
            .collect();
        lake.commit(
            &lock,
            CommitPlan {
                state: None,
                replace: Vec::new(),
                remove,
            },
        )
        .await
        .unwrap();
        assert_eq!(lake.state(OWNER).await.unwrap(), None);
        assert_eq!(lake.list("core").await.unwrap(), vec![]);
        assert_eq!(lake.verify().await.unwrap(), vec![]);
    }
}

#[tokio::test]
async fn states_are_those_of_all_owners_and_no_unfinished_ones() {
    let world = World::disk();
    let lake = world.open().await;
    for owner in ["dst_folk", "mst_lavbund.odense", "dst_area"] {
        let lock = lake.lock(owner, "run-1").await.unwrap().unwrap();
        let state = Some(OwnerState::new(owner, "observation", "run-1"));
        lake.commit(
            &lock,
            CommitPlan {
                state,
                ..CommitPlan::default()
            },
        )
        .await
        .unwrap();
    }
    lake.put("state/dst_area.next.json", "{}").await.unwrap();
    let owners: Vec<String> = lake
        .states()
        .await
        .unwrap()
        .into_iter()
        .map(|state| state.owner)
        .collect();
    assert_eq!(owners, ["dst_area", "dst_folk", "mst_lavbund.odense"]);
    assert_eq!(
        lake.lock("dst_area.next", "run-1").await.unwrap_err().kind(),
        Kind::Settings
    );
}

#[tokio::test]
async fn a_held_owner_is_locked_for_others_and_says_by_whom() {
    for world in [World::disk(), World::memory()] {
        let lake = world.open().await;
        let held = lake.lock(OWNER, "run-1").await.unwrap().unwrap();
        let other = world.open().await;
        assert!(other.lock(OWNER, "run-2").await.unwrap().is_none());
        let fault = other.locked_by_another(OWNER).await;
        assert!(is_locked(&fault) && fault.kind() == Kind::Transient);
        assert!(fault.found_text().unwrap().contains("run-1"), "{fault}");
        assert!(
            other.lock("dst_folk", "run-2").await.unwrap().is_some(),
            "the lock is per owner"
        );
        held.release().await.unwrap();
        assert!(other.lock(OWNER, "run-2").await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_dead_holder_blocks_no_longer_than_the_lock_lasts() {
    let world = World::memory();
    let lake = world.open().await;
    let dead = lake.lock(OWNER, "run-1").await.unwrap().unwrap();
    let seconds = |by: i64| world.seconds.fetch_add(by, std::sync::atomic::Ordering::SeqCst);
    seconds(LOCK_LASTS.as_secs() - 1);
    assert!(lake.lock(OWNER, "run-2").await.unwrap().is_none());
    seconds(1);
    let next = lake.lock(OWNER, "run-2").await.unwrap().expect("taken over");
    assert!(is_locked(&dead.renew().await.unwrap_err()));
    dead.release().await.unwrap();
    next.renew()
        .await
        .expect("the release of a lost lock takes nothing from its new holder");
}

#[tokio::test]
async fn a_lock_dropped_on_an_error_is_given_free() {
    let world = World::memory();
    let lake = world.open().await;
    drop(lake.lock(OWNER, "run-1").await.unwrap().unwrap());
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(lake.lock(OWNER, "run-2").await.unwrap().is_some());
}

#[tokio::test]
async fn a_lake_of_the_other_kind_is_refused() {
    for world in [World::disk(), World::memory()] {
        world
            .open_with(OpenOptions {
                simulated: true,
                ..world.options()
            })
            .await
            .unwrap();
        let fault = world.open_with(world.options()).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings);
        assert!(fault.hint_text().unwrap().contains("--lake"));
        let reader = world
            .open_with(OpenOptions {
                read_only: true,
                ..world.options()
            })
            .await
            .unwrap();
        assert!(reader.simulated());
        assert_eq!(reader.put("ledger/a.json", "{}").await.unwrap_err().kind(), Kind::Bug);
    }
}

#[tokio::test]
async fn reading_makes_no_lake() {
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().join("ingen");
    let options = OpenOptions {
        read_only: true,
        ..OpenOptions::default()
    };
    let fault = Lake::open(address.to_str().unwrap(), options).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(!address.exists());
}

#[tokio::test]
async fn an_address_with_a_password_is_refused_without_printing_it() {
    let fault = Lake::open("s3://bruger:hemmelig@lade/x", OpenOptions::default())
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Settings);
    assert!(!format!("{fault:?}").contains("hemmelig"));
    assert_eq!(
        Lake::open("ftp://lade/x", OpenOptions::default())
            .await
            .unwrap_err()
            .kind(),
        Kind::Settings
    );
}

#[tokio::test]
async fn a_store_that_overwrites_on_condition_is_refused() {
    for ignores in [Ignores::Create, Ignores::Update] {
        let store = Arc::new(Careless {
            inner: InMemory::new(),
            ignores,
        });
        let fault = Lake::from_store(store, "lade", OpenOptions::default())
            .await
            .unwrap_err();
        assert_eq!(fault.kind(), Kind::Settings, "{fault}");
        assert!(fault.what().contains("conditional"), "{fault}");
    }
}

#[tokio::test]
async fn files_of_a_lake_on_disk_can_be_read_by_others() {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let world = World::disk();
        let lake = world.open().await;
        commit(&world, &lake, "run-1", FIRST).await.unwrap();
        let umask = std::fs::metadata(staged(world.spool.path(), "x").0)
            .unwrap()
            .permissions()
            .mode();
        let path = lake.local_path(&key("plan")).unwrap().unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode(), umask);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ignores {
    Create,
    Update,
}

/// A store that says yes to conditions and does not keep them, as some gateways do.
#[derive(Debug)]
struct Careless {
    inner: InMemory,
    ignores: Ignores,
}

impl fmt::Display for Careless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Careless")
    }
}

#[async_trait]
impl ObjectStore for Careless {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let ignored = match options.mode {
            PutMode::Create => self.ignores == Ignores::Create,
            PutMode::Update(_) => self.ignores == Ignores::Update,
            PutMode::Overwrite => false,
        };
        if ignored {
            options.mode = PutMode::Overwrite;
        }
        self.inner.put_opts(path, payload, options).await
    }
    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }
    async fn get_opts(&self, path: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.inner.get_opts(path, options).await
    }
    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(paths)
    }
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }
    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }
    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
