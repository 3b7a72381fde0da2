use std::collections::{BTreeMap, BTreeSet};

use crate::{
    document::{Block, Cell, Document, Heading},
    facts::{Facts, said},
};

/// What is known of a source in the lake.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) licences: BTreeSet<String>,
    pub(crate) tables: BTreeSet<String>,
    pub(crate) owners: BTreeSet<String>,
}

/// The sources that have files in the lake, by code.
pub(crate) fn sources(facts: &Facts<'_>) -> BTreeMap<String, Source> {
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    for owner in facts.owners.iter().filter(|owner| !owner.files.is_empty()) {
        let Some(code) = &owner.source else { continue };
        let source = sources.entry(code.clone()).or_default();
        source.licences.extend(owner.licences.iter().cloned());
        source.tables.extend(owner.own_files().map(|file| file.table.clone()));
        source.owners.insert(owner.owner.clone());
    }
    sources
}

/// catalog/licences.md: each source's attribution, its terms, and the tables that it is in.
pub(crate) fn document(facts: &Facts<'_>) -> Document {
    let mut document = Document::new(
        said("Licenser og kildeangivelse", "Licences and attribution"),
        facts.warning(),
    );
    document.push(Block::Paragraph(said(
        "Hvad myndighederne beder om, at der står, når deres tal vises, og på hvilke vilkår de stiller dem til rådighed. \
         Vilkårene for den enkelte række står i licence_code.",
        "What the agencies ask to be said where their figures are shown, and under which terms they hand them out. The terms \
         of each row stand in its licence_code.",
    )));
    document.push(table(facts));
    document.push(Block::Heading(Heading::new(2, "licences", said("Vilkår", "Terms"))));
    let used: BTreeSet<String> = sources(facts)
        .into_values()
        .flat_map(|source| source.licences)
        .collect();
    document.push(Block::table(
        "licences",
        vec![
            said("kode", "code"),
            said("vilkår", "terms"),
            said("adresse", "address"),
        ],
        used.iter()
            .map(|code| {
                let address = facts.cell("licences", code, "url").unwrap_or_default();
                vec![
                    Cell::code(code),
                    Cell::Label(facts.name("licences", code)),
                    Cell::address(address),
                ]
            })
            .collect(),
    ));
    document
}

/// The sources as a table.
pub(crate) fn table(facts: &Facts<'_>) -> Block {
    let rows = sources(facts)
        .into_iter()
        .map(|(code, source)| {
            let list = |codes: &BTreeSet<String>| Cell::Codes(codes.iter().cloned().collect());
            vec![
                Cell::Code(facts.source_id(&code)),
                Cell::Label(facts.agency(&code).unwrap_or_default()),
                Cell::Label(facts.name("sources", &code)),
                Cell::text(facts.cell("sources", &code, "attribution").unwrap_or_default()),
                Cell::Codes(source.licences.iter().cloned().collect()),
                list(&source.tables),
                Cell::address(facts.cell("sources", &code, "homepage").unwrap_or_default()),
            ]
        })
        .collect();
    let head = vec![
        said("kilde", "source"),
        said("myndighed", "agency"),
        said("hvad", "what"),
        said("kildeangivelse", "attribution"),
        said("vilkår", "terms"),
        said("tabeller", "tables"),
        said("hjemmeside", "homepage"),
    ];
    Block::table("sources", head, rows)
}
