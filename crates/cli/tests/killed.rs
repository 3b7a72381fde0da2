//! The binary killed with SIGKILL and run again: what is published is whole at every moment, and in the end the lake
//! is that of an undisturbed one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use arrow::{array::Array, util::display::array_value_to_string};
use common::Place;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};

/// One of each kind: a part with controls, parts with a partition each, a view over them, parts that share one.
const NIGHT: [&str; 9] = [
    "run",
    "dst_area",
    "energinet_capacity_by_municipality",
    "energinet_capacity_january",
    "dmi_heating_degree_days",
    "--demo",
    "--demo-factor",
    "0.1",
    "--json",
];
const KILLS: usize = 10;

/// Columns that say when and in which run, not what.
const OF_THE_RUN: [&str; 5] = [
    "retrieved_at",
    "snapshot_sha256",
    "first_seen_at",
    "run_id",
    "old_file_sha256",
];

/// Rows of every file of core, by its path.
type Core = BTreeMap<String, BTreeSet<String>>;

fn rows_of(file: &Path, bytes: Vec<u8>) -> BTreeSet<String> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes));
    let reader = reader.unwrap_or_else(|error| panic!("{} is no whole file: {error}", file.display()));
    let promised = reader.metadata().file_metadata().num_rows();
    let (mut rows, mut read) = (BTreeSet::new(), 0);
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap_or_else(|error| panic!("{} is half a file: {error}", file.display()));
        let schema = batch.schema();
        for at in 0..batch.num_rows() {
            let cells = schema
                .fields()
                .iter()
                .zip(batch.columns())
                .filter(|(field, _)| !OF_THE_RUN.contains(&field.name().as_str()));
            let cells = cells.map(|(field, column)| match column.is_null(at) {
                true => format!("{}=null", field.name()),
                false => format!("{}={}", field.name(), array_value_to_string(column, at).unwrap()),
            });
            rows.insert(cells.collect::<Vec<_>>().join("|"));
            read += 1;
        }
    }
    assert_eq!(read, promised, "{}", file.display());
    assert_eq!(rows.len() as i64, promised, "{}: a row stands twice", file.display());
    rows
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else {
        return files;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path))
        } else {
            files.push(path)
        }
    }
    files
}

/// What core/**/*.parquet holds now; `seen` spares reading a file of known bytes again.
fn glob(lake: &Path, seen: &mut BTreeMap<String, BTreeSet<String>>) -> Core {
    let mut core = Core::new();
    for file in files_below(&lake.join("core"))
        .into_iter()
        .filter(|file| file.extension().is_some_and(|ending| ending == "parquet"))
    {
        let bytes = std::fs::read(&file).unwrap();
        let hash = format!("{:x}", Sha256::digest(&bytes));
        let rows = seen.entry(hash).or_insert_with(|| rows_of(&file, bytes));
        core.insert(
            file.strip_prefix(lake).unwrap().to_str().unwrap().to_owned(),
            rows.clone(),
        );
    }
    core
}

/// Numbers that look like chance (splitmix64); the seed is printed, so that a failure can be had again.
struct Chance(u64);
impl Chance {
    fn seeded() -> Self {
        let given = std::env::var("KLIMALADE_TEST_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let chance = || {
            use std::hash::{BuildHasher, Hasher};
            std::hash::RandomState::new().build_hasher().finish()
        };
        let seed = given.unwrap_or_else(chance);
        println!("KLIMALADE_TEST_SEED={seed}");
        Self(seed)
    }
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Two nights of a lake that nobody disturbs: what core holds after each, and how long each took.
struct Undisturbed {
    nights: Vec<(Core, Duration)>,
}

impl Undisturbed {
    fn harvest(place: &Place) -> Self {
        let lake = place.lake("undisturbed");
        let mut nights = Vec::new();
        for night in 0..2 {
            let started = Instant::now();
            let said = place.say_on(&lake, &NIGHT);
            assert_eq!(said.code, Some(0), "night {night}: {}", said.err);
            nights.push((glob(&lake, &mut BTreeMap::new()), started.elapsed()));
        }
        let (first, second) = (&nights[0].0, &nights[1].0);
        assert!(
            first.len() >= 6 && first.values().all(|rows| !rows.is_empty()),
            "{:?}",
            first.keys()
        );
        let revisions = second.keys().filter(|key| key.contains("/revision/")).count();
        assert_eq!(revisions, 1, "the second night restates figures, or it shows nothing");
        let gone: Vec<&String> = first.keys().filter(|key| !second.contains_key(*key)).collect();
        assert!(
            gone.is_empty(),
            "no night removes a file, so none may ever be missing: {gone:?}"
        );
        Self { nights }
    }
    /// Asserts that every file is one of those that an undisturbed lake had at some time.
    fn knows(&self, core: &Core, moment: &str) {
        for (key, rows) in core {
            let known = self.nights.iter().any(|(night, _)| night.get(key) == Some(rows));
            assert!(known, "{moment}: {key} with {} rows is of no night", rows.len());
        }
    }
    fn equals(&self, night: usize, core: &Core, moment: &str) {
        let expected = &self.nights[night].0;
        assert_eq!(
            core.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>(),
            "{moment}"
        );
        for (key, rows) in expected {
            let differs: Vec<&String> = rows.symmetric_difference(&core[key]).take(4).collect();
            assert!(differs.is_empty(), "{moment}: {key} differs: {differs:#?}");
        }
    }
}

/// A lake that is killed again and again.
struct Disturbed<'a> {
    place: &'a Place,
    known: &'a Undisturbed,
    lake: PathBuf,
    seen: BTreeMap<String, BTreeSet<String>>,
    /// Files that an earlier glob held.
    published: BTreeSet<String>,
    finished: usize,
    globs: usize,
}

impl<'a> Disturbed<'a> {
    fn new(place: &'a Place, known: &'a Undisturbed, number: usize) -> Self {
        Self {
            place,
            known,
            lake: place.lake(&format!("lake-{number}")),
            seen: BTreeMap::new(),
            published: BTreeSet::new(),
            finished: 0,
            globs: 0,
        }
    }

    /// Runs the night and kills it when `now` says so; reads the glob all the while. True when it was killed.
    fn run(&mut self, mut now: impl FnMut(&Path, Duration) -> bool) -> bool {
        let mut child = self
            .place
            .command(&NIGHT)
            .arg("--lake")
            .arg(&self.lake)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let started = Instant::now();
        let mut next_glob = Duration::ZERO;
        let killed = loop {
            if let Some(status) = child.try_wait().unwrap() {
                let mut said = String::new();
                std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
                assert_eq!(status.code(), Some(0), "after {:?}: {said}", started.elapsed());
                break false;
            }
            if now(&self.lake, started.elapsed()) {
                // SIGKILL on Unix; nothing is told to the process.
                child.kill().unwrap();
                break !child.wait().unwrap().success();
            }
            if started.elapsed() >= next_glob {
                self.look(&format!("{:?} into the night", started.elapsed()));
                next_glob = started.elapsed() + Duration::from_millis(40);
            }
            std::thread::sleep(Duration::from_micros(200));
        };
        let core = self.look("after the kill");
        // A night that was killed behind its last step, night.json, is over as well.
        let nights = files_below(&self.lake.join("ledger"));
        let over = nights.iter().filter(|file| file.ends_with("night.json")).count();
        if over > self.finished {
            self.known.equals(self.finished, &core, "after a finished night");
            self.finished += 1;
        } else {
            assert!(killed, "a night that ended has no night.json");
        }
        killed
    }

    /// Reads the glob: every file is whole and of an undisturbed night, and none that stood before is missing.
    fn look(&mut self, moment: &str) -> Core {
        let core = glob(&self.lake, &mut self.seen);
        self.globs += 1;
        self.known.knows(&core, moment);
        let missing: Vec<&String> = self.published.iter().filter(|key| !core.contains_key(*key)).collect();
        assert!(missing.is_empty(), "{moment}: published and gone: {missing:?}");
        self.published.extend(core.keys().cloned());
        core
    }

    /// Runs until both nights are over, undisturbed; then nothing may be found.
    fn finish(&mut self) {
        while self.finished < 2 {
            self.run(|_, _| false);
        }
        let verified = self.place.say_on(&self.lake, &["verify"]);
        assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
        assert!(verified.out.ends_with(" 0 findings\n"), "{}", verified.out);
        for folder in ["state", "core"] {
            let left: Vec<PathBuf> = files_below(&self.lake.join(folder))
                .into_iter()
                .filter(|file| {
                    file.to_str().unwrap().contains(".next.json")
                        || (folder == "core" && !file.ends_with("data.parquet"))
                })
                .collect();
            assert!(left.is_empty(), "left behind: {left:?}");
        }
    }
}

#[test]
fn killed_at_ten_random_moments_and_run_again_the_lake_equals_that_of_undisturbed_nights() {
    let place = Place::new();
    let known = Undisturbed::harvest(&place);
    let mut chance = Chance::seeded();
    let (mut kills, mut lakes, mut globs) = (0, 0, 0);
    while kills < KILLS {
        let mut lake = Disturbed::new(&place, &known, lakes);
        lakes += 1;
        // Both nights of a lake are disturbed: the first, which publishes all, and the second, which revises.
        while kills < KILLS && lake.finished < 2 {
            let moment = known.nights[lake.finished].1.mul_f64(chance.unit());
            let killed = lake.run(|_, since| since >= moment);
            kills += usize::from(killed);
            println!(
                "lake {lakes}, night {}: {} at {moment:?}",
                lake.finished,
                if killed { "killed" } else { "finished before the kill" }
            );
        }
        lake.finish();
        globs += lake.globs;
    }
    println!("{kills} kills, {lakes} lakes, {globs} globs read");
    assert!(globs > 2 * KILLS);
}

#[test]
fn killed_in_the_middle_of_a_commit_the_next_run_finishes_it() {
    let place = Place::new();
    let known = Undisturbed::harvest(&place);
    let mut hits = 0;
    for (number, owner) in ["energinet_capacity_by_municipality", "dst_area"]
        .into_iter()
        .enumerate()
    {
        let mut lake = Disturbed::new(&place, &known, 100 + number);
        let next = lake.lake.join("state").join(format!("{owner}.next.json"));
        // The moment the commit has written down what it will do, and not done it.
        let killed = lake.run(|_, _| next.exists());
        let unfinished = next.exists();
        println!("{owner}: killed {killed}, commit unfinished {unfinished}");
        hits += usize::from(unfinished);
        lake.finish();
    }
    assert!(hits > 0, "no kill struck a commit: the test would show nothing");
}
