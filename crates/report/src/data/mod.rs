//! What the pages are made of, read once from the lake.

mod change;
mod corrections;
mod edition;
mod frame;
mod heating;
mod indicator;
mod mapped;
mod nights;
mod origin;
mod restated;
mod trajectory;

use std::{collections::BTreeMap, path::Path};

use klimalade_lake::Lake;
use klimalade_model::{CodeList, Result, Schemas};

pub(crate) use corrections::{Corrections, spread};
pub(crate) use edition::{Edition, FILE, Line};
pub(crate) use frame::Frame;
pub(crate) use heating::{Heat, Heating, Lack};
pub(crate) use indicator::{Indicator, Topic, symbol};
pub(crate) use mapped::Mapped;
pub(crate) use nights::{NIGHT, night_json, nights};
pub(crate) use origin::{Origin, Retrieval};
pub(crate) use restated::Restated;
pub(crate) use trajectory::{Step, Trajectory};

use crate::{Request, page::Site, text::Lang};

/// A municipality, a region or the country.
#[derive(Clone, Debug)]
pub(crate) struct Area {
    pub(crate) code: String,
    name_da: String,
    name_en: String,
    /// Of a municipality: its region.
    pub(crate) region: String,
}

impl Area {
    /// Its name.
    pub(crate) fn name(&self, lang: Lang) -> &str {
        lang.of(&self.name_da, &self.name_en)
    }
}

/// Everything that the pages say.
pub(crate) struct Facts {
    pub(crate) site: Site,
    pub(crate) schemas: Schemas,
    pub(crate) country: Area,
    pub(crate) municipalities: Vec<Area>,
    pub(crate) regions: Vec<Area>,
    pub(crate) indicators: Vec<Indicator>,
    /// Rows of `municipality_year` by area and year.
    places: BTreeMap<(String, i16), usize>,
    pub(crate) municipality_year: Frame,
    pub(crate) region_year: Frame,
    pub(crate) indicator_year: Frame,
    pub(crate) emission_trajectory: Frame,
    pub(crate) trajectories: BTreeMap<String, Trajectory>,
    pub(crate) plans: Frame,
    pub(crate) progress: Frame,
    pub(crate) adaptation: Frame,
    pub(crate) coverage: Frame,
    pub(crate) projects: Frame,
    pub(crate) project_areas: Frame,
    pub(crate) targets: Frame,
    pub(crate) actions: Frame,
    pub(crate) answers: Frame,
    pub(crate) corrections: Corrections,
    pub(crate) heating: Heating,
    /// The edition of the lake.
    pub(crate) edition: Edition,
    /// From when on restated figures are shown, and those figures.
    pub(crate) line: Line,
    pub(crate) restated: Vec<Restated>,
    /// Where figures come from, by indicator; and of the tables of core by table name.
    pub(crate) origins: BTreeMap<String, Vec<Origin>>,
    /// The SQL that they were mapped by, by folder.
    pub(crate) mapped: BTreeMap<String, Mapped>,
}

const SOURCE: [&str; 4] = ["source_id", "retrieved_at", "snapshot_sha256", "licence_code"];

fn with_source(own: &[&'static str]) -> Vec<&'static str> {
    own.iter().copied().chain(SOURCE).collect()
}

impl Facts {
    /// Reads the lake. Errors: Settings, when it has no tables of `out`; Source, when one cannot be read.
    pub(crate) async fn read(lake: &Lake, schemas: &Schemas, request: &Request, spool: &Path) -> Result<Self> {
        let year = request.year;
        let edition = Edition::read(lake, schemas).await?;
        let line = edition.line(request.since.as_deref())?;
        let out = async |name: &str| Frame::file(lake, &format!("out/{name}.parquet"), spool).await;
        let core = async |name: &str, own: &[&'static str]| Frame::table(lake, name, &with_source(own), spool).await;
        let municipality_year = out("municipality_year").await?;
        let region_year = out("region_year").await?;
        let indicator_year = out("indicator_year").await?;
        let emission_trajectory = out("emission_trajectory").await?;
        let plans = out("plan_status").await?;
        let progress = out("action_progress").await?;
        let adaptation = out("adaptation_year").await?;
        let coverage = out("coverage").await?;
        let project = [
            "project_id",
            "title",
            "kind_code",
            "stage_code",
            "area_ha",
            "expected_effect_tonne_co2e",
            "capacity_mw",
            "lesson_url",
        ];
        let projects = core("project", &project).await?;
        let project_areas = core("project_area", &["project_id", "area_code", "share"]).await?;
        let target = [
            "target_id",
            "area_code",
            "indicator_code",
            "sector_code",
            "category_code",
            "target_kind",
            "base_year",
            "base_value",
            "target_year",
            "target_value",
            "reduction_ratio",
            "unit_code",
            "boundary_code",
        ];
        let targets = core("target", &target).await?;
        let action = [
            "action_id",
            "area_code",
            "title",
            "kind",
            "sector_code",
            "status_code",
            "end_date",
            "expected_effect_tonne_co2e",
            "realised_effect_tonne_co2e",
        ];
        let actions = core("action", &action).await?;
        let answer = [
            "survey_year",
            "area_code",
            "question_code",
            "answer_code",
            "answer_text",
            "answer_number",
        ];
        let answers = core("survey_answer", &answer).await?;
        let revision = [
            "table_name",
            "row_key",
            "column_name",
            "old_value",
            "new_value",
            "first_seen_at",
            "run_id",
        ];
        let revisions = core("revision", &revision).await?;
        let wanted = ("indicator_code", &heating::INDICATORS[..]);
        let heat = Frame::chosen(lake, "observation", &heating::COLUMNS, wanted, spool).await?;
        let heating = Heating::read(schemas, &heat)?;

        let mut places = BTreeMap::new();
        for row in municipality_year.rows() {
            let key = (
                municipality_year.text(row, "area_code").to_owned(),
                municipality_year.year(row, "year"),
            );
            places.insert(key, row);
        }
        let (municipalities, regions) = areas(schemas, &municipality_year, &region_year)?;
        let indicators = indicator::read(schemas, &indicator_year, year)?;
        let trajectories = trajectory::read(&emission_trajectory);
        let mut origins = origin::of_indicators(lake, year, spool).await?;
        for name in ["plan", "project", "target", "action", "survey_answer"] {
            origins.insert(format!("core.{name}"), origin::of_table(lake, name, spool).await?);
        }
        let newest = origins
            .values()
            .flatten()
            .map(Origin::newest)
            .max()
            .unwrap_or_default()
            .to_owned();
        Ok(Self {
            site: Site {
                year,
                simulated: lake.simulated(),
                newest,
            },
            schemas: schemas.clone(),
            country: area(schemas.code_list("areas")?, "DK", ""),
            municipalities,
            regions,
            indicators,
            places,
            municipality_year,
            region_year,
            indicator_year,
            emission_trajectory,
            trajectories,
            plans,
            progress,
            adaptation,
            coverage,
            projects,
            project_areas,
            targets,
            actions,
            answers,
            corrections: corrections::read(&revisions),
            heating,
            restated: restated::read(&revisions, &line, year),
            edition,
            line,
            mapped: mapped::read(lake, &request.mappings, &origins).await?,
            origins,
        })
    }

    /// A headline figure of a municipality and year.
    pub(crate) fn headline(&self, area: &str, year: i16, column: &str) -> Option<f64> {
        self.municipality_year
            .number(*self.places.get(&(area.to_owned(), year))?, column)
    }

    /// A headline figure of each year that has one, up to the report's; of a region or the country the sum over their
    /// municipalities, where all have one.
    pub(crate) fn series(&self, area: &str, column: &str) -> Vec<(i16, f64)> {
        if !self.municipalities.iter().any(|municipality| municipality.code == area) {
            return self.sums(area, column);
        }
        let years = self
            .places
            .range((area.to_owned(), i16::MIN)..=(area.to_owned(), self.site.year));
        years
            .filter_map(|((_, year), _)| Some((*year, self.headline(area, *year, column)?)))
            .collect()
    }

    fn sums(&self, area: &str, column: &str) -> Vec<(i16, f64)> {
        let members: Vec<&Area> = self.members(area).collect();
        let mut sums: BTreeMap<i16, (f64, usize)> = BTreeMap::new();
        for member in &members {
            for (year, value) in self.series(&member.code, column) {
                let sum = sums.entry(year).or_default();
                *sum = (sum.0 + value, sum.1 + 1);
            }
        }
        let whole = |(year, (sum, count)): (i16, (f64, usize))| (count == members.len()).then_some((year, sum));
        sums.into_iter().filter_map(whole).collect()
    }

    /// The municipalities of a region, or all of them.
    pub(crate) fn members(&self, area: &str) -> impl Iterator<Item = &Area> {
        let all = area == self.country.code;
        self.municipalities
            .iter()
            .filter(move |municipality| all || municipality.region == area)
    }

    /// An indicator by its code.
    pub(crate) fn indicator(&self, code: &str) -> Option<&Indicator> {
        self.indicators.iter().find(|indicator| indicator.code == code)
    }

    /// The name of a code.
    pub(crate) fn named<'a>(&'a self, list: &str, code: &'a str, lang: Lang) -> &'a str {
        let Ok(list) = self.schemas.code_list(list) else {
            return code;
        };
        list.get(code, lang.of("name_da", "name_en")).unwrap_or(code)
    }

    /// The area of a code, where it has a page.
    pub(crate) fn area(&self, code: &str) -> Option<&Area> {
        let all = self.municipalities.iter().chain(&self.regions);
        all.chain([&self.country]).find(|area| area.code == code)
    }
}

fn area(list: &CodeList, code: &str, region: &str) -> Area {
    let name = |column| list.get(code, column).unwrap_or(code).to_owned();
    Area {
        code: code.to_owned(),
        name_da: name("name_da"),
        name_en: name("name_en"),
        region: region.to_owned(),
    }
}

fn areas(schemas: &Schemas, municipality_year: &Frame, region_year: &Frame) -> Result<(Vec<Area>, Vec<Area>)> {
    let list = schemas.code_list("areas")?;
    let mut members: BTreeMap<&str, &str> = BTreeMap::new();
    for row in municipality_year.rows() {
        members.insert(
            municipality_year.text(row, "area_code"),
            municipality_year.text(row, "region_code"),
        );
    }
    let municipalities = members.iter().map(|(code, region)| area(list, code, region)).collect();
    let regions: std::collections::BTreeSet<&str> = region_year
        .rows()
        .map(|row| region_year.text(row, "region_code"))
        .collect();
    let regions = regions.into_iter().map(|code| area(list, code, "")).collect();
    Ok((municipalities, regions))
}
