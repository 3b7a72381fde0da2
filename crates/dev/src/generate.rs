//! The generated files: one list, written or compared.

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow, bail};
use klimalade_model::Schemas;
use klimalade_pipeline::Catalogue;

use crate::{
    indicators, overview,
    place::{Findings, say},
};

const BEGIN: &str = "<!-- generated: pipelines -->";
const END: &str = "<!-- end generated -->";
/// Differing lines shown for one file.
const SHOWN: usize = 12;

/// A file and what must stand in it.
struct Generated {
    path: &'static str,
    text: String,
}

/// Puts the files in place.
pub(crate) fn write(root: &Path) -> Result<Findings> {
    for file in schema_files()?
        .into_iter()
        .map(Ok)
        .chain(std::iter::once_with(|| readme(root)))
    {
        let file: Generated = file?;
        let path = root.join(file.path);
        if fs::read_to_string(&path).is_ok_and(|text| text == file.text) {
            continue;
        }
        fs::write(&path, &file.text).with_context(|| format!("{} cannot be written", file.path))?;
        say(format!("wrote {}", file.path));
    }
    Ok(Findings::new())
}

/// Compares the files with what stands there.
pub(crate) fn check(root: &Path) -> Result<Findings> {
    let mut findings = Findings::new();
    for file in schema_files()?
        .into_iter()
        .map(Ok)
        .chain(std::iter::once_with(|| readme(root)))
    {
        let file: Generated = file?;
        let stands = match fs::read_to_string(root.join(file.path)) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.path)),
        };
        if let Some(difference) = difference(&stands, &file.text) {
            findings.push(format!(
                "{} is not what it is generated from; cargo dev generate --mode write\n{difference}",
                file.path
            ));
        }
    }
    Ok(findings)
}

/// The pipelines in the binary. A home without folders leaves them as they are.
fn pipelines() -> Result<Catalogue> {
    let nowhere = tempfile::tempdir().context("no scratch folder can be made")?;
    let catalogue = Catalogue::load(nowhere.path())?;
    match catalogue.broken.values().flat_map(|broken| &broken.faults).next() {
        Some(fault) => bail!("{fault}"),
        None => Ok(catalogue),
    }
}

/// The files that are generated as a whole.
fn schema_files() -> Result<Vec<Generated>> {
    let schemas = Schemas::embedded()?;
    Ok(vec![
        Generated {
            path: "schemas/pipeline.schema.json",
            text: format!(
                "{}\n",
                serde_json::to_string_pretty(&klimalade_cli::pipeline_schema().map_err(|fault| anyhow!("{fault}"))?)?
            ),
        },
        Generated {
            path: "schemas/DICTIONARY.md",
            text: klimalade_catalog::of_schemas(&schemas),
        },
        Generated {
            path: "docs/indicators.md",
            text: indicators::text(&pipelines()?, &schemas),
        },
    ])
}

/// README.md as it stands, with its generated block renewed.
fn readme(root: &Path) -> Result<Generated> {
    let stands = fs::read_to_string(root.join("README.md")).context("README.md cannot be read")?;
    Ok(Generated {
        path: "README.md",
        text: between(&stands, &overview::table(&pipelines()?, &Schemas::embedded()?))?,
    })
}

/// `text` with what stands between the two marks replaced.
fn between(text: &str, block: &str) -> Result<String> {
    let (Some(begin), Some(end)) = (text.find(BEGIN), text.find(END)) else {
        bail!("README.md has no block between {BEGIN} and {END}");
    };
    if end < begin {
        bail!("README.md: {END} stands before {BEGIN}");
    }
    Ok(format!("{}{BEGIN}\n{block}{}", &text[..begin], &text[end..]))
}

/// The lines that differ, `-` what stands, `+` what should; None where nothing does. Lines are taken between the
/// common beginning and the common end, which is enough to see what was forgotten.
fn difference(stands: &str, should: &str) -> Option<String> {
    if stands == should {
        return None;
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (stands.lines().collect(), should.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - same;
    let tail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(rest)
        .take_while(|(a, b)| a == b)
        .count();
    let mut lines = vec![format!("  @@ line {}", same + 1)];
    for (mark, side) in [('-', &old), ('+', &new)] {
        let changed = &side[same..side.len() - tail];
        lines.extend(changed.iter().take(SHOWN).map(|line| format!("  {mark} {line}")));
        if changed.len() > SHOWN {
            lines.push(format!("  {mark} ... and {} lines more", changed.len() - SHOWN));
        }
    }
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_block_between_the_marks_is_replaced() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        assert_eq!(
            between(&text, "new\n").unwrap(),
            format!("before\n{BEGIN}\nnew\n{END}\nafter\n")
        );
    }

    #[test]
    fn a_readme_without_marks_is_an_error() {
        assert!(between("nothing here", "new\n").is_err());
    }

    #[test]
    fn a_changed_line_is_shown_from_both_sides() {
        let shown = difference("a\nb\nc\n", "a\nB\nc\n").unwrap();
        assert_eq!(shown, "  @@ line 2\n  - b\n  + B");
        assert_eq!(difference("a\n", "a\n"), None);
    }

    #[test]
    fn a_line_more_at_the_end_is_shown_alone() {
        assert_eq!(difference("a\n", "a\nb\n").unwrap(), "  @@ line 2\n  + b");
    }
}
