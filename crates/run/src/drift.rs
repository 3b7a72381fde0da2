use std::collections::BTreeSet;

use klimalade_connect::source_name;
use klimalade_model::{Fault, Kind, Page, Part, Result, SourceColumn, SourceType, is_optional, nearest};
use klimalade_pipeline::{Definition, OnFinding};

use crate::work::Work;

/// The columns of the source, compared with those that are declared and those of earlier harvests.
impl Work<'_> {
    /// Every column of a part's first page; none where the page cannot be read: decode says why.
    pub(crate) async fn columns_of(&self, part: &Part, pages: &[Page]) -> Vec<SourceColumn> {
        let Some(page) = pages.first().cloned() else {
            return Vec::new();
        };
        let (connector, part) = (self.connector.clone(), part.clone());
        let looked = tokio::task::spawn_blocking(move || connector.columns(&part, &page)).await;
        match looked {
            Ok(Ok(columns)) => columns,
            Ok(Err(fault)) => {
                tracing::debug!(owner = %self.owner.name, "columns of a page cannot be told: {}", fault.line());
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    /// Looks for columns that are new and for types that changed. The first harvest knows
    /// of none before it and says nothing; who maps another's pages leaves that to the other. Errors: Contract, when a
    /// column is new and `unknown_column = "stop"`.
    pub(crate) fn look_for_drift(&mut self, part: &Part, found: &[SourceColumn]) -> Result<()> {
        if self.is_based() {
            return Ok(());
        }
        let declared = self.declared();
        let known = &self.old.columns;
        let unknown: Vec<&SourceColumn> = found
            .iter()
            .filter(|column| !known.is_empty() && !declared.contains(&column.name.to_lowercase()))
            .filter(|column| of_name(known, &column.name).is_none())
            .collect();
        let mut findings = Vec::new();
        for column in found
            .iter()
            .filter(|column| declared.contains(&column.name.to_lowercase()))
        {
            let Some(before) = of_name(known, &column.name).filter(|before| before.filled > 0) else {
                continue;
            };
            if !column.reads_as(before.kind) {
                findings.push(self.said(changed_type(&self.owner.definition, before, column)));
            }
        }
        if let Some(first) = unknown.first() {
            let names: Vec<String> = unknown
                .iter()
                .map(|column| format!("{} ({})", column.name, column.kind))
                .collect();
            let fault = Fault::contract("the source has a column that is neither declared nor was there before")
                .at(format!("{} part {}", self.owner.name, part.key))
                .expected("the columns of the last harvest")
                .found(names.join(", "));
            if self.owner.definition.harvest.unknown_column == OnFinding::Stop {
                return Err(fault.hint(format!(
                    "{} under [columns]; or unknown_column = \"warn\" under [harvest], to publish without it",
                    declaration(first)
                )));
            }
            findings.push(self.said(fault.hint(format!("{} under [columns], where it is wanted", declaration(first)))));
        }
        self.findings.extend(findings);
        Ok(())
    }

    /// A finding on one line, the same for every part that has it.
    fn said(&self, fault: Fault) -> String {
        let mut text = fault.what().to_owned();
        if let Some(found) = fault.found_text() {
            text.push_str(&format!(": {found}"));
        }
        if let Some(hint) = fault.hint_text() {
            text.push_str(&format!("; hint: {hint}"));
        }
        text
    }

    /// Names at the source, in small letters, that this pipeline or one over its pages reads.
    fn declared(&self) -> BTreeSet<String> {
        let over = |definition: &Definition| definition.raw_of.as_ref() == Some(&self.owner.pipeline);
        let owners = self.house.catalogue.owners().into_iter();
        let readers = owners.filter(|owner| owner.name == self.owner.name || over(&owner.definition));
        readers
            .flat_map(|owner| {
                let columns = owner.definition.raw_schema();
                let names = columns.fields().iter().map(|field| source_name(field).to_lowercase());
                names.collect::<Vec<_>>()
            })
            .collect()
    }

    /// A fault of decode, with what to type where a declared column was renamed at the source or has another type.
    pub(crate) fn with_drift(&self, fault: Fault, found: &[SourceColumn]) -> Fault {
        if fault.kind() != Kind::Contract || found.is_empty() {
            return fault;
        }
        let columns = self.owner.definition.raw_schema();
        let declared = self.declared();
        let missing = columns
            .fields()
            .iter()
            .find(|field| of_name(found, source_name(field)).is_none() && !is_optional(field));
        if let Some(field) = missing {
            let was = source_name(field);
            let fresh: Vec<&str> = found
                .iter()
                .map(|column| column.name.as_str())
                .filter(|name| !declared.contains(&name.to_lowercase()))
                .filter(|name| self.old.columns.is_empty() || of_name(&self.old.columns, name).is_none())
                .collect();
            let fault = fault.found(match fresh.is_empty() {
                true => format!("no column `{was}`, and none that is new"),
                false => format!("no column `{was}`; new are: {}", fresh.join(", ")),
            });
            let meant = nearest(was, fresh.iter().copied()).or(match fresh.as_slice() {
                [one] => Some(*one),
                _ => None,
            });
            return match meant {
                Some(new) => fault.hint(format!(
                    "if the agency renamed `{was}`: {} = {{ type = \"{}\", from = \"{new}\" }} under [columns]",
                    key_of(field.name()),
                    type_of(&self.owner.definition, field.name()).word()
                )),
                None => fault.hint(format!(
                    "klimalade probe {} shows the columns that the source has now",
                    self.owner.name
                )),
            };
        }
        let misread = columns.fields().iter().find_map(|field| {
            let column = of_name(found, source_name(field))?;
            let kind = type_of(&self.owner.definition, field.name());
            (!column.reads_as(kind)).then_some((field.name(), column))
        });
        match misread {
            Some((name, column)) if fault.hint_text().is_none() => fault.hint(format!(
                "type = \"{}\" for `{name}` under [columns] reads what the source gives now; map.sql then has to read it so",
                column.kind
            )),
            _ => fault,
        }
    }
}

fn of_name<'a>(columns: &'a [SourceColumn], name: &str) -> Option<&'a SourceColumn> {
    columns
        .iter()
        .find(|column| column.name.to_lowercase() == name.to_lowercase())
}

fn type_of(definition: &Definition, name: &str) -> SourceType {
    let declared = definition.columns.get(name);
    declared.map_or(SourceType::Text, |column| column.kind)
}

fn changed_type(definition: &Definition, before: &SourceColumn, now: &SourceColumn) -> Fault {
    let fault = Fault::contract("a column of the source has another type than before")
        .found(format!("`{}` was {} and is {}", now.name, before.kind, now.kind));
    let declared = definition.columns.iter();
    let mut declared = declared.filter(|(name, column)| {
        column.from.as_deref().unwrap_or(name.as_str()).to_lowercase() == now.name.to_lowercase()
    });
    match declared.next() {
        Some((name, _)) if now.reads_as(type_of(definition, name)) => fault.hint(format!(
            "look at what map.sql does with `{name}`: it still reads as it is declared"
        )),
        Some((name, _)) => fault.hint(format!("type = \"{}\" for `{name}` under [columns]", now.kind)),
        None => fault,
    }
}

/// Adds what was found to what is known, once its rows were mapped; of a column that was known the types remain that read all cells ever seen.
pub(crate) fn remember(known: &mut Vec<SourceColumn>, found: &[SourceColumn]) {
    for column in found {
        let before = known
            .iter_mut()
            .find(|known| known.name.to_lowercase() == column.name.to_lowercase());
        match before {
            None => known.push(column.clone()),
            Some(before) if before.filled == 0 => *before = column.clone(),
            Some(_) if column.filled == 0 => {}
            Some(before) => {
                before.fits.retain(|kind| column.fits.contains(kind));
                if !before.fits.contains(&before.kind) {
                    before.kind = column.kind;
                }
                before.filled += column.filled;
            }
        }
    }
}

/// As pipeline.toml declares it.
fn declaration(column: &SourceColumn) -> String {
    let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    if !column.name.is_empty() && column.name.chars().all(plain) {
        return format!("{} = {{ type = \"{}\" }}", column.name, column.kind);
    }
    format!(
        "<name> = {{ type = \"{}\", from = \"{}\" }}",
        column.kind,
        column.name.replace('"', "\\\"")
    )
}

fn key_of(name: &str) -> String {
    let bare = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if name.chars().all(bare) {
        name.to_owned()
    } else {
        format!("\"{name}\"")
    }
}
