//! A home folder, a lake, a clock and agencies: all that a night needs.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::civil::date;
use klimalade_connect::{CancellationToken, Secrets};
use klimalade_demo::{Agencies, Script};
use klimalade_engine::{Engine, EngineOptions};
use klimalade_lake::{Finding, Lake, OpenOptions, OwnerState};
use klimalade_model::{Result, Schemas};
use klimalade_pipeline::Catalogue;
use klimalade_run::{House, NightOptions, NightReport, OwnerReport, PartLedger, Progress, Quiet, run_night};
use klimalade_testkit::clock::{FixedRandom, TestClock};
use klimalade_transport::{Client, Clock, Options, Secret};
use tempfile::TempDir;

/// When the first night begins. The agencies believe in the same day.
const FIRST_NIGHT: &str = "2026-11-23T02:00:00Z";

pub(crate) const STATBANK: &str = "api.statbank.dk";
pub(crate) const ENERGIDATA: &str = "api.energidataservice.dk";
pub(crate) const DMI: &str = "opendataapi.dmi.dk";

/// Where nights take place.
pub(crate) struct Town {
    folder: TempDir,
    pub(crate) clock: Arc<TestClock>,
    /// Left in the catalogue; empty is all.
    pub(crate) only: Vec<String>,
}

/// A night that was.
pub(crate) struct Past {
    pub(crate) report: NightReport,
    pub(crate) agencies: Agencies,
}

/// A small and quick set of agencies: two years of everything.
pub(crate) fn script() -> Script {
    Script::default()
        .factor(0.1)
        .today(date(2026, 11, 23))
        .dataset_interval(Duration::ZERO)
}

impl Town {
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("klimalade-night-").unwrap();
        for name in ["home/pipelines", "scratch", "drop"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        Self {
            folder,
            clock: Arc::new(TestClock::at(FIRST_NIGHT.parse().unwrap())),
            only: Vec::new(),
        }
    }
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }
    pub(crate) fn lake(&self) -> PathBuf {
        self.folder.path().join("lake")
    }
    pub(crate) fn drop_folder(&self) -> PathBuf {
        self.folder.path().join("drop")
    }
    /// What stands where pipelines look for dropped files: nothing but in a night of all pipelines.
    fn simulated_drop(&self) -> PathBuf {
        let folder = self.folder.path().join("simulated-drop");
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }
    pub(crate) fn pass_days(&self, days: u64) {
        self.clock.advance(Duration::from_secs(days * 86_400));
    }
    /// Writes a file of a pipeline into the home folder.
    pub(crate) fn write(&self, pipeline: &str, file: &str, text: &str) {
        let path = self.folder.path().join("home/pipelines").join(pipeline).join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    /// Lays a changed copy of an embedded pipeline into the home folder, under the same name or another.
    pub(crate) fn change(&self, pipeline: &str, new_name: &str, edit: impl Fn(&str, String) -> String) {
        let embedded = Catalogue::load(Path::new("/nonexistent")).unwrap();
        let mut changed = false;
        for (file, bytes) in &embedded.pipelines[pipeline].files {
            let text = String::from_utf8(bytes.clone()).unwrap();
            let new = edit(file, text.clone());
            changed |= new != text;
            self.write(new_name, file, &new);
        }
        assert!(
            changed || pipeline != new_name,
            "the edit of {pipeline} changed nothing: the test would show nothing"
        );
    }
    /// Changes a file of a pipeline that this town wrote.
    pub(crate) fn change_own(&self, pipeline: &str, file: &str, edit: impl Fn(&str) -> String) {
        let path = self.folder.path().join("home/pipelines").join(pipeline).join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let new = edit(&text);
        assert!(
            new != text,
            "the edit of {pipeline} changed nothing: the test would show nothing"
        );
        self.write(pipeline, file, &new);
    }
    pub(crate) fn catalogue(&self) -> Catalogue {
        let mut catalogue = Catalogue::load(&self.folder.path().join("home")).unwrap();
        assert!(catalogue.broken.is_empty(), "{:?}", catalogue.broken);
        catalogue
            .pipelines
            .retain(|name, _| self.only.is_empty() || self.only.contains(name));
        catalogue
    }
    pub(crate) fn schemas(&self) -> Schemas {
        Schemas::load(&self.folder.path().join("home")).unwrap()
    }
    /// A house over this town's lake.
    pub(crate) async fn house(
        &self,
        agencies: &Agencies,
        cancel: CancellationToken,
        progress: Arc<dyn Progress>,
    ) -> Result<House> {
        let options = OpenOptions {
            simulated: true,
            spool: self.folder.path().join("scratch"),
            ..OpenOptions::default()
        };
        let lake = Lake::open(self.lake().to_str().unwrap(), options).await?;
        self.house_over(lake, agencies, cancel, progress).await
    }
    /// The same over another lake.
    pub(crate) async fn house_over(
        &self,
        lake: Lake,
        agencies: &Agencies,
        cancel: CancellationToken,
        progress: Arc<dyn Progress>,
    ) -> Result<House> {
        let scratch = self.folder.path().join("scratch");
        let schemas = Arc::new(self.schemas());
        let catalogue = Arc::new(self.catalogue());
        let mut secrets = Secrets::default();
        for name in catalogue.owners().iter().flat_map(|owner| owner.definition.secrets()) {
            secrets.insert(name, Secret::new("simulated-key"));
        }
        let clock: Arc<dyn Clock> = self.clock.clone();
        Ok(House {
            engine: Engine::new(
                &EngineOptions {
                    memory_bytes: 48 << 20,
                    scratch: scratch.clone(),
                },
                &schemas,
            )?,
            schemas,
            catalogue,
            registry: Arc::new(klimalade_cli::registry()),
            lake,
            client: Client::new(Options {
                clock: clock.clone(),
                random: Arc::new(FixedRandom(0.5)),
                secrets: secrets.clone(),
                spool: scratch.clone(),
                redirect: Some(agencies.hosts()),
                redirect_folders: [(std::path::absolute("drop").unwrap(), self.simulated_drop())].into(),
                longest_pause: Some(Duration::from_millis(20)),
            })?,
            clock,
            secrets,
            cancel,
            scratch,
            progress,
        })
    }
    /// One night over these pipelines; no names are all.
    pub(crate) async fn night(&self, script: Script, names: &[&str]) -> Past {
        self.any_night(script, names, false).await
    }
    /// Maps again what stands in raw/.
    pub(crate) async fn replay(&self, names: &[&str]) -> Past {
        self.any_night(script(), names, true).await
    }
    async fn any_night(&self, script: Script, names: &[&str], replay: bool) -> Past {
        if names.is_empty() {
            klimalade_demo::write_drops(script.clone(), &self.simulated_drop()).unwrap();
        }
        let agencies = Agencies::start(script).unwrap();
        let house = self
            .house(&agencies, CancellationToken::new(), Arc::new(Quiet))
            .await
            .unwrap();
        let report = run_night(&house, &options(names, replay)).await.unwrap();
        Past { report, agencies }
    }
    /// The state of an owner.
    pub(crate) async fn state(&self, owner: &str) -> Option<OwnerState> {
        let options = OpenOptions {
            read_only: true,
            ..OpenOptions::default()
        };
        Lake::open(self.lake().to_str().unwrap(), options)
            .await
            .unwrap()
            .state(owner)
            .await
            .unwrap()
    }
    /// Asserts that the lake is whole.
    pub(crate) async fn verify(&self) {
        assert_eq!(self.findings().await, []);
    }
    /// What is not whole in the lake.
    pub(crate) async fn findings(&self) -> Vec<Finding> {
        let options = OpenOptions {
            read_only: true,
            spool: self.folder.path().join("scratch"),
            ..OpenOptions::default()
        };
        let lake = Lake::open(self.lake().to_str().unwrap(), options).await.unwrap();
        lake.verify().await.unwrap()
    }
}

pub(crate) fn options(names: &[&str], replay: bool) -> NightOptions {
    NightOptions {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        concurrency: 2,
        replay,
        repair: false,
        left_out: Vec::new(),
    }
}

impl Past {
    pub(crate) fn owner(&self, name: &str) -> &OwnerReport {
        self.report
            .owners
            .iter()
            .find(|owner| owner.owner == name)
            .unwrap_or_else(|| panic!("{name} is not in the report"))
    }
    pub(crate) fn part(&self, owner: &str, part: &str) -> &PartLedger {
        self.owner(owner)
            .parts
            .iter()
            .find(|row| row.part == part)
            .unwrap_or_else(|| panic!("{owner} has no part {part}"))
    }
    /// Requests to a host whose path begins so.
    pub(crate) fn requests(&self, host: &str, path: &str) -> usize {
        self.agencies
            .requests()
            .iter()
            .filter(|seen| seen.host == host && seen.path.starts_with(path))
            .count()
    }
    pub(crate) fn all_requests(&self) -> usize {
        self.agencies.requests().len()
    }
    /// Everything that failed, in one text.
    pub(crate) fn faults(&self, owner: &str) -> String {
        self.owner(owner).faults.join("\n")
    }
}

/// Asserts that every word stands in a text.
#[track_caller]
pub(crate) fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in:\n{text}");
    }
}
