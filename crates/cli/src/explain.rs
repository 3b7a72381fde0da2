use std::collections::BTreeSet;

use klimalade_model::Result;
use klimalade_run::{Earlier, Explanation, RawTrace, SnapshotTrace};

use crate::{
    arguments::{Arguments, Explain},
    output::{self, data, grouped},
    setup::Ground,
};

/// Pages that are listed, where there are no more; of more those that hold the raw rows. `--json` has them all.
const PAGES_SHOWN: usize = 5;

/// `klimalade explain`.
pub(crate) async fn explain(arguments: &Arguments, explain: &Explain) -> Result<u8> {
    let ground = Ground::read(arguments)?;
    let lake = ground.lake(arguments, true).await?;
    let simulated = lake.simulated();
    let house = ground.quiet_house(lake)?;
    let explained = klimalade_run::explain(&house, &explain.table, &explain.key).await?;
    if arguments.json {
        output::json(&explained)?;
        return Ok(0);
    }
    for (at, one) in explained.iter().enumerate() {
        if at > 0 {
            data("");
        }
        print(one);
    }
    if simulated {
        data("");
        data(format!("SIMULATED figures: lake {}", house.lake.address()));
    }
    Ok(0)
}

fn print(one: &Explanation) {
    data(format!("row       {}", one.file));
    let width = one.row.0.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in one.row.0.iter() {
        // What nobody broke the figure down by says nothing.
        if !matches!(value.as_deref(), Some("_T" | "_Z")) {
            data(format!("  {name:width$}  {}", text(value.as_deref())));
        }
    }
    data(format!("owner     {}", one.owner));
    if let Some(mapping) = &one.mapping {
        data(format!("mapping   {} (in the {})", mapping.map_sql, mapping.origin));
        match &mapping.mapping_hash {
            Some(hash) if mapping.is_current => data(format!("  hash    {hash}, as today")),
            Some(hash) => data(format!("  hash    {hash}: the mapping of today is another")),
            None => data("  hash    not known"),
        }
        data(format!("  reads   {}", mapping.reads.join(", ")));
        for line in mapping.sql.iter().flat_map(|sql| sql.lines()) {
            data(format!("  | {line}"));
        }
    }
    let holding = one.raw.iter().flat_map(|raw| raw.rows.iter().map(|row| row.page));
    snapshot(&one.snapshot, &holding.collect());
    for (at, question) in one.next.iter().enumerate() {
        data(format!("{:10}{question}", if at == 0 { "from" } else { "" }));
    }
    if let Some(raw) = &one.raw {
        raw_rows(raw);
    }
    earlier(&one.earlier);
}

fn snapshot(snapshot: &SnapshotTrace, holding: &BTreeSet<usize>) {
    data(format!("snapshot  {}", snapshot.sha256));
    if let Some(part) = &snapshot.part {
        let confirmed = snapshot.confirmed_at.as_ref();
        let confirmed = confirmed.map(|at| format!(", last confirmed {at}")).unwrap_or_default();
        data(format!("  part    {part}{confirmed}"));
    }
    let few = snapshot.pages.len() <= PAGES_SHOWN;
    let is_shown = |number: usize| few || holding.contains(&number) || (holding.is_empty() && number <= PAGES_SHOWN);
    for (number, page) in (1..).zip(&snapshot.pages).filter(|(number, _)| is_shown(*number)) {
        data(format!("  page {number}  {}", page.address));
        let is_input = page.address.starts_with(klimalade_lake::INPUT_SCHEME);
        let word = if is_input { "read" } else { "fetched" };
        data(format!(
            "          {word} {}, {} bytes",
            page.retrieved_at,
            grouped(page.bytes)
        ));
        data(format!("          sha256 {}", page.sha256));
        data(format!("          {}", page.key));
    }
    if !few {
        data(format!(
            "  ... {} pages in all; --json lists them",
            snapshot.pages.len()
        ));
    }
    if let Some(note) = &snapshot.note {
        data(format!("  note    {note}"));
    }
}

fn raw_rows(raw: &RawTrace) {
    let what = match raw.raw_rows {
        Some(number) if raw.rows_per_row == "aggregate" => format!("a sum over {} raw rows", grouped(number)),
        Some(1) => "one raw row".to_owned(),
        Some(number) => format!("{number} raw rows"),
        None => "not found".to_owned(),
    };
    data(format!("raw       {what} (rows_per_row = {})", raw.rows_per_row));
    for row in &raw.rows {
        data(format!("  page {}, row {}", row.page, row.row));
        let width = row.cells.0.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        for (name, value) in &row.cells.0 {
            data(format!("    {name:width$}  {}", text(value.as_deref())));
        }
    }
    let shown = raw.rows.len() as u64;
    if raw.raw_rows.is_some_and(|number| number > shown) {
        data(format!("  ... the first {shown}"));
    }
    for differing in &raw.differs {
        data(format!(
            "  differs {}: published {}, mapped again {}",
            differing.column,
            text(differing.published.as_deref()),
            text(differing.mapped.as_deref())
        ));
    }
    if let Some(note) = &raw.note {
        data(format!("  note    {note}"));
    } else if raw.differs.is_empty() {
        data("  mapped again they give the row as it is published");
    }
}

fn earlier(earlier: &[Earlier]) {
    if earlier.is_empty() {
        data("earlier   it has never been another");
        return;
    }
    data("earlier");
    for one in earlier {
        data(format!(
            "  {}  {} {} -> {}",
            one.first_seen_at,
            one.column,
            text(one.old.as_deref()),
            text(one.new.as_deref())
        ));
        data(format!(
            "          run {}, snapshot {}",
            one.run_id, one.snapshot_sha256
        ));
    }
}

fn text(value: Option<&str>) -> &str {
    value.unwrap_or("null")
}
