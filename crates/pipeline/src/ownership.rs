use klimalade_model::{Fault, Schemas, Table};

use crate::Owner;

/// Tables whose rows have one owner per area, whatever they say: a municipality in the register is left out of the
/// survey's.
const OWNED_BY_AREA: [&str; 5] = ["plan", "plan_assessment", "target", "action", "survey_answer"];

/// What a template has where only the operator knows.
pub const UNFILLED: &str = "TODO";

/// True when a table has one owner per area, without regard to indicators.
pub fn owned_by_area(table: &str) -> bool {
    OWNED_BY_AREA.contains(&table)
}

/// True when a table has one owner: those of layer `out` are one file each.
pub fn owned_whole(schemas: &Schemas, table: &str) -> bool {
    schemas.tables.get(table).is_some_and(Table::is_out)
}

/// One indicator, or the areas of one table, that two owners claim.
#[derive(Clone, Debug)]
pub struct Clash {
    /// The one of the two that comes later.
    pub owner: String,
    /// Where in `[publishes]`: the indicator that is claimed twice, where it is one.
    pub indicator: Option<String>,
    /// What to do; it names both.
    pub fault: Fault,
}

/// Per table, an indicator has one owner per area; so have the tables that are owned by area alone. A pipeline that is
/// off claims nothing. All clashes, in the order of the owners.
pub fn clashes(owners: &[&Owner], schemas: &Schemas) -> Vec<Clash> {
    let claiming: Vec<&&Owner> = owners.iter().filter(|owner| !owner.definition.harvest.off).collect();
    let mut found = Vec::new();
    for (at, owner) in claiming.iter().enumerate() {
        for other in &claiming[..at] {
            claim(owner, other, schemas, &mut found);
        }
    }
    found
}

fn claim(owner: &Owner, other: &Owner, schemas: &Schemas, found: &mut Vec<Clash>) {
    let (mine, theirs) = (&owner.definition, &other.definition);
    if mine.table != theirs.table || !mine.publishes.areas.overlaps(&theirs.publishes.areas) {
        return;
    }
    let mut push = |what: &str, shared: String, indicator: Option<&String>, instead: &str| {
        let other = &other.name;
        let fault = Fault::contract(what)
            .at(format!("{}: [publishes]", owner.name))
            .expected(format!("{shared} published by {other} alone"))
            .found(format!("{} publishes it too", owner.name))
            .hint(format!(
                "{instead}, or: klimalade retire {other}, and off = true under [harvest] of its pipeline.toml"
            ));
        found.push(Clash {
            owner: owner.name.clone(),
            indicator: indicator.cloned(),
            fault,
        });
    };
    if owned_whole(schemas, &mine.table) {
        let instead = "give one of the two a table of its own";
        return push(
            "a table of out has two owners",
            format!("out/{}", mine.table),
            None,
            instead,
        );
    }
    if owned_by_area(&mine.table) {
        let instead = "name in [publishes] areas those of each";
        return push(
            "an area has two owners",
            format!("the areas of {}", mine.table),
            None,
            instead,
        );
    }
    // Two templates that are not filled in yet do not clash.
    for indicator in mine.publishes.indicators.iter().filter(|code| *code != UNFILLED) {
        if theirs.publishes.indicators.contains(indicator) {
            let instead = "give it an indicator of its own with the same concept_code";
            push(
                "an indicator has two owners",
                indicator.clone(),
                Some(indicator),
                instead,
            );
        }
    }
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
        let schemas = Schemas::embedded().unwrap();
        for table in OWNED_BY_AREA {
            let (register, survey) = (
                owner("register", table, &["0101"]),
                owner("survey", table, &["0101", "0751"]),
            );
            let found = clashes(&[&register, &survey], &schemas);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].owner, "survey");
            assert_eq!(found[0].fault.what(), "an area has two owners");
            assert!(clashes(&[&register, &owner("survey", table, &["0751"])], &schemas).is_empty());
        }
        // Facilities are told apart by their ids.
        assert!(
            clashes(
                &[&owner("turbines", "facility", &[]), &owner("plants", "facility", &[])],
                &schemas
            )
            .is_empty()
        );
    }

    #[test]
    fn an_owner_that_is_off_claims_nothing() {
        let schemas = Schemas::embedded().unwrap();
        let (mut old, new) = (owner("old", "plan", &[]), owner("new", "plan", &[]));
        assert_eq!(clashes(&[&old, &new], &schemas).len(), 1);
        old.definition.harvest.off = true;
        assert!(clashes(&[&old, &new], &schemas).is_empty());
    }

    #[test]
    fn every_clash_is_told_not_only_the_first() {
        let mut owners: Vec<Owner> = ["a", "b", "c"].map(|name| owner(name, "observation", &[])).to_vec();
        for owner in &mut owners {
            owner.definition.publishes.indicators = vec!["land_area".to_owned(), "population".to_owned()];
        }
        let found = clashes(&owners.iter().collect::<Vec<_>>(), &Schemas::embedded().unwrap());
        assert_eq!(found.len(), 6, "{found:?}");
        assert!(found.iter().all(|clash| clash.indicator.is_some()));
    }
}
