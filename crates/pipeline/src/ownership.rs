use klimalade_model::{Fault, Result};

use crate::{AreaScope, Owner};

/// Per table, an indicator has one owner per area; so have the tables that are owned by area alone. Errors:
/// Contract, naming both owners.
pub fn check_ownership(owners: &[&Owner]) -> Result<()> {
    for (at, owner) in owners.iter().enumerate() {
        for other in &owners[..at] {
            let (mine, theirs) = (&owner.definition, &other.definition);
            if mine.table != theirs.table {
                continue;
            }
            claim(
                &owner.name,
                &mine.publishes.indicators,
                &mine.publishes.areas,
                &other.name,
                &theirs.publishes.indicators,
                &theirs.publishes.areas,
            )?;
        }
    }
    Ok(())
}

fn claim(
    owner: &str,
    mine: &[String],
    areas: &AreaScope,
    other: &str,
    theirs: &[String],
    other_areas: &AreaScope,
) -> Result<()> {
    let Some(indicator) = mine.iter().find(|indicator| theirs.contains(indicator)) else {
        return Ok(());
    };
    if !areas.overlaps(other_areas) {
        return Ok(());
    }
    Err(Fault::contract("an indicator has two owners")
        .at(format!("{owner}: [publishes]"))
        .expected(format!("{indicator} published by {other} alone"))
        .found(format!("{owner} publishes it too"))
        .hint(format!(
            "give it an indicator of its own with the same concept_code, or: klimalade retire {other}"
        )))
}
