use std::{collections::BTreeMap, path::Path};

use include_dir::{Dir, include_dir};
use klimalade_model::{CodeList, Fault, Result, Schemas, nearest, sha256_hex};

use crate::{Definition, Task, Written, written::position};

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../pipelines");

/// Where a pipeline's folder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A copy in the binary.
    Embedded,
    /// `--home`'s pipelines/.
    Home,
}

/// One folder of pipelines/.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Folder name: `<agency>_<dataset>`.
    pub name: String,
    /// Binary or home.
    pub origin: Origin,
    /// All files by path within the folder.
    pub files: BTreeMap<String, Vec<u8>>,
    /// One owner, or one per instance.
    pub owners: Vec<Owner>,
}

/// What is locked, harvested, published and retired on its own.
#[derive(Clone, Debug)]
pub struct Owner {
    /// `<pipeline>` or `<pipeline>.<instance>`.
    pub name: String,
    /// The folder's name.
    pub pipeline: String,
    /// pipeline.toml with the instance's settings in place.
    pub definition: Definition,
    /// map.sql.
    pub sql: String,
    /// maps/*.csv by name.
    pub maps: BTreeMap<String, CodeList>,
}

impl Owner {
    /// Hash of all that decides what the mapping makes of given bytes: definition, SQL, maps, the code lists and the
    /// table used, and this binary's version.
    pub fn mapping_hash(&self, schemas: &Schemas) -> Result<String> {
        let table = schemas.table(&self.definition.table)?;
        let mut text = format!("klimalade {}\n", env!("CARGO_PKG_VERSION"));
        let mut definition = self.definition.clone();
        definition.harvest = Default::default();
        definition.limits = Default::default();
        definition.checks.freshness = None;
        text.push_str(
            &serde_json::to_string(&definition)
                .map_err(|source| Fault::bug("a definition is no JSON").because(source))?,
        );
        text.push_str(&self.sql);
        text.push_str(&format!("{table:?}"));
        let mut lists: Vec<&str> = table
            .columns
            .iter()
            .filter_map(|column| column.field.codes.as_deref())
            .collect();
        lists.extend(
            schemas
                .codes
                .keys()
                .map(String::as_str)
                .filter(|name| self.sql.contains(&format!("codes.{name}"))),
        );
        // Controls of regions and landsdele are compared by it.
        lists.extend(lists.contains(&"areas").then_some("area_members"));
        lists.sort_unstable();
        lists.dedup();
        for list in lists
            .iter()
            .filter_map(|name| schemas.codes.get(*name))
            .chain(self.maps.values())
        {
            text.push_str(&format!("{}{:?}{:?}", list.name, list.header, list.rows));
        }
        Ok(sha256_hex(text.as_bytes()))
    }
}

/// All pipelines: the copies in the binary with home's folders laid over.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// By folder name.
    pub pipelines: BTreeMap<String, Pipeline>,
    /// Folders that could not be read, with the reasons: the others run.
    pub broken: BTreeMap<String, Broken>,
}

/// A folder that could not be read.
#[derive(Clone, Debug)]
pub struct Broken {
    /// All files by path within the folder.
    pub files: BTreeMap<String, Vec<u8>>,
    /// All that is wrong with it; never empty.
    pub faults: Vec<Fault>,
}

impl Catalogue {
    /// The copies in the binary with `home/pipelines` laid over.
    pub fn load(home: &Path) -> Result<Self> {
        let mut catalogue = Self::default();
        for dir in EMBEDDED.dirs() {
            let name = dir.path().to_string_lossy().into_owned();
            let mut files = BTreeMap::new();
            collect(dir, dir.path(), &mut files);
            catalogue.add(&name, Origin::Embedded, files);
        }
        let folder = home.join("pipelines");
        let Ok(entries) = std::fs::read_dir(&folder) else {
            return Ok(catalogue);
        };
        let mut names: Vec<_> = entries
            .flatten()
            .filter(|entry| entry.path().join("pipeline.toml").is_file())
            .collect();
        names.sort_by_key(std::fs::DirEntry::file_name);
        for entry in names {
            let mut files = BTreeMap::new();
            read_folder(&entry.path(), "", &mut files)?;
            catalogue.add(&entry.file_name().to_string_lossy(), Origin::Home, files);
        }
        Ok(catalogue)
    }
    /// Adds or replaces one folder; one that cannot be read lands in `broken`.
    pub fn add(&mut self, name: &str, origin: Origin, files: BTreeMap<String, Vec<u8>>) {
        if !files.contains_key("pipeline.toml") {
            return;
        }
        self.pipelines.remove(name);
        self.broken.remove(name);
        match Pipeline::read(name, origin, files.clone()) {
            Ok(pipeline) => {
                self.pipelines.insert(name.to_owned(), pipeline);
            }
            Err(faults) => {
                self.broken.insert(name.to_owned(), Broken { files, faults });
            }
        }
    }
    /// All owners: harvests by name first, then views in the order in which they read each other.
    pub fn owners(&self) -> Vec<&Owner> {
        let all = || self.pipelines.values().flat_map(|pipeline| &pipeline.owners);
        let mut owners: Vec<&Owner> = all().filter(|owner| owner.definition.kind == Task::Harvest).collect();
        let mut views: Vec<&Owner> = all().filter(|owner| owner.definition.kind == Task::View).collect();
        views.sort_by_key(|owner| (owner.definition.table.starts_with("out"), owner.name.clone()));
        owners.extend(views);
        owners
    }
    /// The owner whose parts and pages this one maps: itself, or the one that `raw_of` names. An instance maps the
    /// instance of the same name. Errors: Settings, when there is none, or when it is not clear which.
    pub fn raw_owner<'a>(&'a self, owner: &'a Owner) -> Result<&'a Owner> {
        let Some(base) = &owner.definition.raw_of else {
            return Ok(owner);
        };
        let wrong = |what: &str| {
            Fault::settings(what)
                .at(format!("pipelines/{}/pipeline.toml", owner.pipeline))
                .found(format!("raw_of = \"{base}\""))
        };
        let Some(pipeline) = self.pipelines.get(base) else {
            let names = self.pipelines.keys().map(String::as_str);
            return Err(wrong("raw_of names no pipeline").hint(match nearest(base, names) {
                Some(name) => format!("did you mean {name}"),
                None => "klimalade check lists them".to_owned(),
            }));
        };
        let instance = owner
            .name
            .split_once('.')
            .map(|(_, instance)| format!("{base}.{instance}"));
        let found = match pipeline.owners.as_slice() {
            [one] if one.name == *base => Some(one),
            owners => owners.iter().find(|known| Some(&known.name) == instance.as_ref()),
        };
        let found = found.ok_or_else(|| {
            let names: Vec<&str> = pipeline.owners.iter().map(|known| known.name.as_str()).collect();
            wrong("raw_of names a pipeline of several instances and none of them is this one's")
                .expected(format!(
                    "an [[instance]] of the same name as one of {}",
                    names.join(", ")
                ))
                .hint("the same [[instance]] names in both")
        })?;
        if found.definition.raw_of.is_some() || found.definition.kind == Task::View {
            return Err(wrong("raw_of names a pipeline that fetches nothing itself").hint("name the one with [source]"));
        }
        Ok(found)
    }
    /// [`Owner::mapping_hash`], and for who maps another's pages that one's `[source]`: it decides how they are decoded.
    pub fn mapping_hash(&self, owner: &Owner, schemas: &Schemas) -> Result<String> {
        let own = owner.mapping_hash(schemas)?;
        let base = self.raw_owner(owner)?;
        if base.name == owner.name {
            return Ok(own);
        }
        let source = serde_json::to_string(&base.definition.source)
            .map_err(|source| Fault::bug("a definition is no JSON").because(source))?;
        Ok(sha256_hex(format!("{own}{source}").as_bytes()))
    }
    /// The owners that a name on the command line means: a pipeline (all its instances) or one owner.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Owner>> {
        if names.is_empty() {
            return Ok(self.owners());
        }
        for name in names {
            let faults = self.broken.get(name).map(|broken| broken.faults.as_slice());
            match faults {
                Some([fault]) => return Err(fault.clone()),
                Some([fault, rest @ ..]) => {
                    let more = format!("and {} more of this pipeline: klimalade check {name}", rest.len());
                    return Err(fault.clone().at(more));
                }
                _ => {}
            }
            if !self
                .owners()
                .iter()
                .any(|owner| &owner.name == name || &owner.pipeline == name)
            {
                let owners = self.owners();
                let known = self.pipelines.keys().map(String::as_str);
                let known = known.chain(owners.iter().map(|owner| owner.name.as_str()));
                return Err(Fault::settings("no such pipeline")
                    .found(name.clone())
                    .expected(self.pipelines.keys().cloned().collect::<Vec<_>>().join(", "))
                    .hint(match nearest(name, known) {
                        Some(name) => format!("did you mean {name}; klimalade check lists them"),
                        None => "klimalade check lists them".to_owned(),
                    }));
            }
        }
        Ok(self
            .owners()
            .into_iter()
            .filter(|owner| names.iter().any(|name| &owner.name == name || &owner.pipeline == name))
            .collect())
    }
}

impl Pipeline {
    /// Reads a folder's files. Errors: Settings, with file, line and column: all that is wrong with its form.
    pub fn read(name: &str, origin: Origin, files: BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<Fault>> {
        let place = |file: &str| format!("pipelines/{name}/{file}");
        let text = |file: &str| -> Result<Option<String>> {
            files
                .get(file)
                .map(|bytes| {
                    String::from_utf8(bytes.clone()).map_err(|source| {
                        let valid = String::from_utf8_lossy(&bytes[..source.utf8_error().valid_up_to()]).into_owned();
                        Fault::settings("the file is not UTF-8")
                            .at(format!("{}:{}", place(file), position(&valid, valid.len())))
                            .hint("save it as UTF-8")
                    })
                })
                .transpose()
        };
        let one = |fault: Fault| vec![fault];
        if !name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            return Err(one(Fault::settings(
                "a pipeline is named <agency>_<dataset> in small ASCII letters",
            )
            .at(place("pipeline.toml"))
            .found(name.to_owned())));
        }
        let toml_text = text("pipeline.toml").map_err(one)?.unwrap_or_default();
        let written = Written::parse(&place("pipeline.toml"), &toml_text).map_err(one)?;
        let mut faults = written.misfits();
        let sql = text("map.sql").unwrap_or_else(|fault| {
            faults.push(fault);
            Some(String::new())
        });
        let sql = sql.unwrap_or_else(|| {
            faults.push(
                Fault::settings("the folder has no map.sql")
                    .at(place("map.sql"))
                    .hint("one SELECT over raw"),
            );
            String::new()
        });
        let mut maps = BTreeMap::new();
        for (file, _) in files.range("maps/".to_owned()..) {
            let Some(list) = file.strip_prefix("maps/").and_then(|file| file.strip_suffix(".csv")) else {
                break;
            };
            match text(file).and_then(|text| CodeList::parse(list, &text.unwrap_or_default())) {
                Ok(map) => {
                    maps.insert(list.to_owned(), map);
                }
                Err(fault) => faults.push(fault.at(place(file))),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let whole: Definition = toml::from_str(&toml_text).map_err(|error| {
            let at = error.span().map(|span| position(&toml_text, span.start));
            one(
                Fault::settings(format!("pipeline.toml does not fit: {}", error.message()))
                    .at(at.map_or(place("pipeline.toml"), |at| format!("{}:{at}", place("pipeline.toml")))),
            )
        })?;
        if whole.version != 1 {
            return Err(one(Fault::settings("pipeline.toml is of another version")
                .at(written.place(&["version"]))
                .expected("version = 1")
                .found(whole.version.to_string())));
        }
        let value: toml::Table = toml::from_str(&toml_text)
            .map_err(|source| one(Fault::bug("pipeline.toml is TOML only once").because(source)))?;
        let owner = |name: String, definition: Definition| Owner {
            name: name.clone(),
            pipeline: name.split('.').next().unwrap_or_default().to_owned(),
            definition,
            sql: sql.clone(),
            maps: maps.clone(),
        };
        let mut owners: Vec<Owner> = Vec::new();
        for (at, instance) in whole.instance.iter().enumerate() {
            let at = at.to_string();
            let spot = |key: &str| written.place(&["instance", &at, key]);
            let Some(serde_json::Value::String(short)) = instance.get("name") else {
                faults.push(
                    Fault::settings("an [[instance]] has no name")
                        .at(spot("name"))
                        .hint("name = \"aarhus\""),
                );
                continue;
            };
            let full = format!("{name}.{short}");
            // `next` would meet the file of an unfinished commit, state/<owner>.next.json.
            if short == "next"
                || short.is_empty()
                || !short
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            {
                faults.push(
                    Fault::settings("an [[instance]] is named in small ASCII letters, digits and _, and not next")
                        .at(spot("name"))
                        .found(short.clone()),
                );
                continue;
            }
            if owners.iter().any(|owner| owner.name == full) {
                faults.push(
                    Fault::settings("two [[instance]] have one name")
                        .at(spot("name"))
                        .found(short.clone()),
                );
                continue;
            }
            let mut changed =
                serde_json::to_value(&value).map_err(|source| one(Fault::bug("TOML is no JSON").because(source)))?;
            if let Some(table) = changed.as_object_mut() {
                table.remove("instance");
            }
            for (key, setting) in instance.iter().filter(|(key, _)| *key != "name") {
                set(&mut changed, key, setting.clone());
            }
            match serde_json::from_value::<Definition>(changed) {
                Ok(definition) => owners.push(owner(full, definition)),
                Err(source) => faults.push(
                    Fault::settings("an [[instance]] does not fit")
                        .at(spot("name"))
                        .found(short.clone())
                        .because(source),
                ),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        if owners.is_empty() {
            owners.push(owner(name.to_owned(), whole));
        }
        Ok(Self {
            name: name.to_owned(),
            origin,
            files,
            owners,
        })
    }
    /// pipeline.toml with its lines and columns. Errors: Bug, since it was read once.
    pub fn written(&self) -> Result<Written> {
        let text = self
            .files
            .get("pipeline.toml")
            .map(|bytes| String::from_utf8_lossy(bytes));
        Written::parse(
            &format!("pipelines/{}/pipeline.toml", self.name),
            &text.unwrap_or_default(),
        )
    }
    /// Day on which somebody saw it harvest the live agency, from `verified_live:` in notes.md; `never` otherwise.
    pub fn verified_live(&self) -> String {
        self.files
            .get("notes.md")
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .and_then(|notes| {
                notes
                    .lines()
                    .find_map(|line| line.trim().strip_prefix("verified_live:"))
            })
            .map_or_else(|| "never".to_owned(), |day| day.trim().to_owned())
    }
}

/// Sets a dotted key, making the tables on the way.
fn set(value: &mut serde_json::Value, key: &str, setting: serde_json::Value) {
    let (first, rest) = key
        .split_once('.')
        .map_or((key, None), |(first, rest)| (first, Some(rest)));
    let Some(table) = value.as_object_mut() else { return };
    match rest {
        None => {
            table.insert(first.to_owned(), setting);
        }
        Some(rest) => set(
            table.entry(first).or_insert_with(|| serde_json::json!({})),
            rest,
            setting,
        ),
    }
}

fn collect(dir: &Dir<'_>, root: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for file in dir.files() {
        let path = file.path().strip_prefix(root).unwrap_or(file.path());
        files.insert(path.to_string_lossy().replace('\\', "/"), file.contents().to_vec());
    }
    for sub in dir.dirs() {
        collect(sub, root, files);
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    let unreadable = |source| {
        Fault::settings("a pipeline's folder cannot be read")
            .at(folder.display().to_string())
            .because(source)
    };
    for entry in std::fs::read_dir(folder).map_err(|source: std::io::Error| unreadable(source))? {
        let entry = entry.map_err(|source: std::io::Error| unreadable(source))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read_folder(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, std::fs::read(entry.path()).map_err(unreadable)?);
        }
    }
    Ok(())
}

impl Owner {
    /// An owner of which only its name and table are known: its folder is gone, its figures still stand.
    pub fn unknown(name: &str, table: &str) -> Self {
        let definition = Definition {
            version: 1,
            kind: Task::Harvest,
            title_en: String::new(),
            title_da: String::new(),
            source_id: "retired".to_owned(),
            table: table.to_owned(),
            licence_code: None,
            reads: Vec::new(),
            raw_of: None,
            source: None,
            columns: BTreeMap::new(),
            rows_per_row: Default::default(),
            harvest: Default::default(),
            limits: Default::default(),
            publishes: Default::default(),
            checks: Default::default(),
            instance: Vec::new(),
        };
        Self {
            name: name.to_owned(),
            pipeline: name.split('.').next().unwrap_or_default().to_owned(),
            definition,
            sql: String::new(),
            maps: BTreeMap::new(),
        }
    }
}
