use klimalade_model::{CodeList, Result, Schemas};

use crate::Error;

/// A municipality, or Christiansø.
#[derive(Clone, Debug)]
pub(crate) struct Area {
    /// Four digits, `0101`.
    pub(crate) code: String,
    /// Three digits, `101`.
    pub(crate) short: String,
    /// Danish name.
    pub(crate) name: String,
    /// Place of its region in [`Areas::regions`].
    pub(crate) region: usize,
    /// Place of its landsdel in [`Areas::landsdele`].
    pub(crate) landsdel: usize,
    /// Place of its group among the five of the list `municipality_groups`; Christiansø has none.
    pub(crate) group: Option<usize>,
    /// False for Christiansø, which lies outside the division into municipalities.
    pub(crate) is_municipality: bool,
}

/// A region or landsdel under StatBank's code.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The common schema's code.
    pub(crate) code: String,
    /// StatBank's code: `084`, `01`.
    pub(crate) statbank: String,
    /// Danish name.
    pub(crate) name: String,
}

/// The areas that every agency speaks of, from the code list `areas`.
#[derive(Clone, Debug)]
pub(crate) struct Areas {
    /// Municipalities and Christiansø in the order of the list.
    pub(crate) all: Vec<Area>,
    /// Regions in the order of the list.
    pub(crate) regions: Vec<Group>,
    /// Landsdele in the order of the list.
    pub(crate) landsdele: Vec<Group>,
}

impl Areas {
    /// Reads them from the list in the binary.
    pub(crate) fn embedded() -> Result<Self> {
        let schemas = Schemas::embedded()?;
        let (list, members) = (schemas.code_list("areas")?, schemas.code_list("area_members")?);
        let regions = groups(list, "region");
        let landsdele = groups(list, "landsdel");
        let all: Vec<Area> = list
            .codes()
            .filter_map(|code| area(list, members, code, &regions, &landsdele))
            .collect();
        if regions.is_empty() {
            return Err(Error::Areas { missing: "region" }.into());
        }
        if !all.iter().any(|area| area.is_municipality) {
            return Err(Error::Areas {
                missing: "municipality",
            }
            .into());
        }
        Ok(Self {
            all,
            regions,
            landsdele,
        })
    }
    /// Place of an area by its three or four digits.
    pub(crate) fn find(&self, code: &str) -> Option<usize> {
        let code = code.trim_start_matches('0');
        self.all
            .iter()
            .position(|area| area.short.trim_start_matches('0') == code)
    }
}

fn groups(list: &CodeList, level: &str) -> Vec<Group> {
    let rows = list.codes().filter(|code| list.get(code, "area_level") == Some(level));
    rows.filter_map(|code| {
        Some(Group {
            code: code.to_owned(),
            statbank: list.get(code, "statbank_code")?.to_owned(),
            name: list.get(code, "name_da")?.to_owned(),
        })
    })
    .collect()
}

/// A row of the list as an area; `None` for all that is neither a municipality nor a place outside the division.
fn area(list: &CodeList, members: &CodeList, code: &str, regions: &[Group], landsdele: &[Group]) -> Option<Area> {
    let level = list.get(code, "area_level")?;
    let is_municipality = level == "municipality";
    if !is_municipality && level != "outside" {
        return None;
    }
    // The first membership that stands in the list, whatever the day of the demo: that of 2007 to 2026.
    let within = |groups: &[Group]| {
        let mine = members
            .codes()
            .filter(|row| members.get(row, "area_code") == Some(code));
        mine.filter_map(|row| members.get(row, "within_code"))
            .find_map(|within| groups.iter().position(|group| group.code == within))
    };
    Some(Area {
        code: code.to_owned(),
        short: list.get(code, "statbank_code")?.to_owned(),
        name: list.get(code, "name_da")?.to_owned(),
        region: within(regions)?,
        landsdel: within(landsdele)?,
        group: list
            .get(code, "municipality_group_code")
            .and_then(|group| group.parse::<usize>().ok()?.checked_sub(1)),
        is_municipality,
    })
}
