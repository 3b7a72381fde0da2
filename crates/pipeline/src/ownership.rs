use klimalade_model::{Fault, Result};

use crate::Owner;

/// Tables whose rows have one owner per area, whatever they say: a municipality in the register is left out of the
/// survey's.
const OWNED_BY_AREA: [&str; 5] = ["plan", "plan_assessment", "target", "action", "survey_answer"];

/// True when a table has one owner per area, without regard to indicators.
pub fn owned_by_area(table: &str) -> bool {
    OWNED_BY_AREA.contains(&table)
}

/// Per table, an indicator has one owner per area; so have the tables that are owned by area alone. A pipeline that is
/// off claims nothing. Errors: Contract, naming both owners.
pub fn check_ownership(owners: &[&Owner]) -> Result<()> {
    let claiming: Vec<&&Owner> = owners.iter().filter(|owner| !owner.definition.harvest.off).collect();
    for (at, owner) in claiming.iter().enumerate() {
        for other in &claiming[..at] {
            claim(owner, other)?;
        }
    }
    Ok(())
}

fn claim(owner: &Owner, other: &Owner) -> Result<()> {
    let (mine, theirs) = (&owner.definition, &other.definition);
    if mine.table != theirs.table || !mine.publishes.areas.overlaps(&theirs.publishes.areas) {
        return Ok(());
    }
    let mut indicators = mine.publishes.indicators.iter();
    let (what, shared, instead) = if owned_by_area(&mine.table) {
        (
            "an area has two owners",
            format!("the areas of {}", mine.table),
            "name in [publishes] areas those of each",
        )
    } else {
        let Some(indicator) = indicators.find(|code| theirs.publishes.indicators.contains(code)) else {
            return Ok(());
        };
        (
            "an indicator has two owners",
            indicator.clone(),
            "give it an indicator of its own with the same concept_code",
        )
    };
    let other = &other.name;
    Err(Fault::contract(what)
        .at(format!("{}: [publishes]", owner.name))
        .expected(format!("{shared} published by {other} alone"))
        .found(format!("{} publishes it too", owner.name))
        .hint(format!(
            "{instead}, or: klimalade retire {other}, and off = true under [harvest] of its pipeline.toml"
        )))
}
