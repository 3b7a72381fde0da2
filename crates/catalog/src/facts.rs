use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use klimalade_lake::{Lake, OwnerState};
use klimalade_model::{Fault, Result, Schemas, Table, danish_day};
use klimalade_pipeline::{Catalogue, Definition, Owner, Rhythm};

use crate::parquet_file;

pub(crate) use klimalade_model::COMMON_COLUMNS as COMMON;

/// The one common column that may be null.
pub(crate) const COMMON_NULLABLE: &str = "source_version";
/// What the runner puts before the sources of a demo.
const SIMULATED: &str = "sim_";

/// What an operator says of the catalogue.
#[derive(Clone, Debug, Default)]
pub struct CatalogOptions {
    /// Address under which the lake's files can be fetched. Left out: addresses are relative to the catalogue's own.
    pub base_iri: Option<String>,
    /// Who publishes the catalogue.
    pub publisher: Option<String>,
}

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) da: String,
    pub(crate) en: String,
}

/// Both languages of a text.
pub(crate) fn said(da: impl Into<String>, en: impl Into<String>) -> Said {
    Said {
        da: da.into(),
        en: en.into(),
    }
}

/// All that the documents say.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) schemas: &'a Schemas,
    pub(crate) options: &'a CatalogOptions,
    /// The lake is a demo.
    pub(crate) simulated: bool,
    /// The night's Danish date.
    pub(crate) run_date: Date,
    /// By owner; retired ones that still have revisions too.
    pub(crate) owners: Vec<OwnerFacts>,
}

/// What is known of one owner.
#[derive(Clone, Debug)]
pub(crate) struct OwnerFacts {
    pub(crate) owner: String,
    /// Table of the common schema that it fills.
    pub(crate) table: String,
    /// None where no folder of pipelines/ has the owner any more.
    pub(crate) title: Option<Said>,
    pub(crate) is_retired: bool,
    /// Of the code list `sources`, without the mark of simulated rows.
    pub(crate) source: Option<String>,
    pub(crate) licences: BTreeSet<String>,
    pub(crate) indicators: Vec<String>,
    pub(crate) rhythm: Option<Rhythm>,
    pub(crate) stale_after_days: Option<u32>,
    /// Of its own table and what the runner writes beside it, by key.
    pub(crate) files: Vec<FileFacts>,
    /// The newest and the oldest confirmation among its parts.
    pub(crate) confirmed: Option<(Timestamp, Timestamp)>,
    /// When its newest content was first seen.
    pub(crate) changed_at: Option<Timestamp>,
}

/// One file of core or out.
#[derive(Clone, Debug)]
pub(crate) struct FileFacts {
    pub(crate) key: String,
    pub(crate) table: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// `year`, `month`.
    pub(crate) values: Vec<(String, String)>,
}

impl OwnerFacts {
    /// Files of the table that it fills, without what the runner writes beside them.
    pub(crate) fn own_files(&self) -> impl Iterator<Item = &FileFacts> {
        self.files.iter().filter(|file| file.table == self.table)
    }
}

impl<'a> Facts<'a> {
    /// Reads the states. Errors: Contract, when one cannot be read; the lake's.
    pub(crate) async fn gather(
        lake: &Lake,
        schemas: &'a Schemas,
        pipelines: &Catalogue,
        now: Timestamp,
        options: &'a CatalogOptions,
    ) -> Result<Self> {
        let known = pipelines.owners();
        let mut owners = Vec::new();
        for state in lake.states().await? {
            let owner = known.iter().find(|owner| owner.name == state.owner).copied();
            owners.push(of_owner(lake, &state, owner).await?);
        }
        owners.sort_by(|a, b| a.owner.cmp(&b.owner));
        Ok(Self {
            schemas,
            options,
            simulated: lake.simulated(),
            run_date: danish_day(now)?,
            owners,
        })
    }

    /// The owners that have files of a table, each with them.
    pub(crate) fn files_of<'b>(&'b self, table: &'b str) -> impl Iterator<Item = (&'b OwnerFacts, &'b FileFacts)> {
        self.owners.iter().flat_map(move |owner| {
            let files = owner.files.iter().filter(move |file| file.table == table);
            files.map(move |file| (owner, file))
        })
    }

    /// True when some file of a table stands in the lake.
    pub(crate) fn has_files(&self, table: &str) -> bool {
        self.files_of(table).next().is_some()
    }

    /// A cell of a code list.
    pub(crate) fn cell(&self, list: &str, code: &str, column: &str) -> Option<&'a str> {
        self.schemas.codes.get(list)?.get(code, column)
    }

    /// The names of a code in a list; the code itself where it has none.
    pub(crate) fn name(&self, list: &str, code: &str) -> Said {
        let name = |column| self.cell(list, code, column).unwrap_or(code).to_owned();
        said(name("name_da"), name("name_en"))
    }

    /// The publishing agency of a source.
    pub(crate) fn agency(&self, source: &str) -> Option<Said> {
        let da = self.cell("sources", source, "agency_da")?;
        Some(said(da, self.cell("sources", source, "agency_en").unwrap_or(da)))
    }

    /// When the newest content of the lake was first seen.
    pub(crate) fn changed_at(&self) -> Option<Timestamp> {
        self.owners.iter().filter_map(|owner| owner.changed_at).max()
    }

    /// What a simulated lake says in each document; nothing in a real one.
    pub(crate) fn warning(&self) -> Option<Said> {
        self.simulated.then(|| {
            said(
                "SIMULEREDE TAL. Datalageret er en demonstration: tallene er opdigtede, og hver source_id begynder med sim_.",
                "SIMULATED FIGURES. The lake is a demonstration: its figures are invented, and every source_id begins with sim_.",
            )
        })
    }

    /// The source as rows name it.
    pub(crate) fn source_id(&self, source: &str) -> String {
        let mark = if self.simulated { SIMULATED } else { "" };
        format!("{mark}{source}")
    }
}

/// True for a table without a folder for each owner and without common columns: those of out and of the run.
pub(crate) fn is_flat(table: &Table) -> bool {
    table.layer != "core"
}

async fn of_owner(lake: &Lake, state: &OwnerState, owner: Option<&Owner>) -> Result<OwnerFacts> {
    let definition = owner.map(|owner| &owner.definition);
    let files: Vec<FileFacts> = state
        .partitions
        .iter()
        .map(|(key, partition)| FileFacts {
            key: key.clone(),
            table: table_of(key),
            rows: partition.rows,
            bytes: partition.bytes,
            sha256: partition.sha256.clone(),
            values: partition
                .values
                .iter()
                .rev()
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        })
        .collect();
    let source = definition.map(|definition| definition.source_id.clone()).or_else(|| {
        let noted = state.info.get("source_id")?.as_str()?;
        Some(noted.strip_prefix(SIMULATED).unwrap_or(noted).to_owned())
    });
    let times = |pick: fn(&klimalade_lake::PartState) -> &str| -> Result<Vec<Timestamp>> {
        let parts = state.parts.values();
        parts.map(|part| time(pick(part), &state.owner)).collect()
    };
    let confirmed = times(|part| &part.confirmed_at)?;
    let newest = confirmed.iter().max().copied();
    let oldest = confirmed.iter().min().copied();
    let mut facts = OwnerFacts {
        owner: state.owner.clone(),
        table: state.table.clone(),
        title: definition.map(|definition| said(&definition.title_da, &definition.title_en)),
        is_retired: state.retired_at.is_some(),
        source,
        licences: stated_licences(state, definition),
        indicators: state.publishes.indicators.clone(),
        rhythm: definition.and_then(|definition| definition.harvest.rhythm),
        stale_after_days: definition.map(Definition::stale_after_days),
        files,
        confirmed: newest.zip(oldest),
        changed_at: times(|part| &part.first_seen_at)?.into_iter().max(),
    };
    // A view without a licence of its own has its strictest input's, which stands in its file only.
    if facts.licences.is_empty() {
        let keys: Vec<String> = facts.own_files().map(|file| file.key.clone()).collect();
        for key in keys {
            if let Some(bytes) = lake.get(&key).await? {
                facts
                    .licences
                    .extend(parquet_file::constant_text(&key, bytes, "licence_code")?);
            }
        }
    }
    Ok(facts)
}

/// Licences that the parts or pipeline.toml state.
fn stated_licences(state: &OwnerState, definition: Option<&Definition>) -> BTreeSet<String> {
    let own = definition.and_then(|definition| definition.licence_code.clone());
    let of_part = |part: &klimalade_lake::PartState| {
        let stated = part.part.detail.get("licence_code").and_then(|value| value.as_str());
        stated.map(str::to_owned).or_else(|| own.clone())
    };
    state.parts.values().filter_map(of_part).collect()
}

/// `core/<table>/...` or `out/<table>.parquet`.
fn table_of(key: &str) -> String {
    let second = key.split('/').nth(1).unwrap_or_default();
    second.strip_suffix(".parquet").unwrap_or(second).to_owned()
}

fn time(text: &str, owner: &str) -> Result<Timestamp> {
    text.parse().map_err(|source| {
        Fault::contract("a state holds no time")
            .at(format!("state/{owner}.json"))
            .found(text.to_owned())
            .because(source)
    })
}
