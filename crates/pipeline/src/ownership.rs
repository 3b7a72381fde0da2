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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::AreaScope;

    fn owner(name: &str, table: &str, areas: &[&str]) -> Owner {
        let mut owner = Owner::unknown(name, table);
        if !areas.is_empty() {
            let codes = areas.iter().map(|code| (*code).to_owned()).collect();
            owner.definition.publishes.areas = AreaScope::Codes(codes);
        }
        owner
    }

    #[test]
    fn a_table_without_indicators_has_one_owner_per_area() {
        for table in OWNED_BY_AREA {
            let (register, survey) = (
                owner("register", table, &["0101"]),
                owner("survey", table, &["0101", "0751"]),
            );
            let fault = check_ownership(&[&register, &survey]).unwrap_err();
            assert!(fault.to_string().contains("an area has two owners"), "{fault}");
            check_ownership(&[&register, &owner("survey", table, &["0751"])]).unwrap();
        }
        // Facilities are told apart by their ids.
        check_ownership(&[&owner("turbines", "facility", &[]), &owner("plants", "facility", &[])]).unwrap();
    }

    #[test]
    fn an_owner_that_is_off_claims_nothing() {
        let (mut old, new) = (owner("old", "plan", &[]), owner("new", "plan", &[]));
        check_ownership(&[&old, &new]).unwrap_err();
        old.definition.harvest.off = true;
        check_ownership(&[&old, &new]).unwrap();
    }
}
