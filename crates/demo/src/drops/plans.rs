//! The partnership's register of climate action plans, and the regions' own efforts.

use jiff::civil::Date;
use klimalade_model::{Fault, Result, Schemas};

use super::{Cell, Dropped, Sheet, workbook::workbook};
use crate::{area::Area, draw::Draw, world::World};

/// Municipalities that report to CDP, of whose plans the register does not speak.
const REPORT_TO_CDP: [&str; 4] = ["0101", "0461", "0751", "0851"];
const FIRST_PLAN_YEAR: i16 = 2019;

const PLANS: [&str; 11] = [
    "Kommunekode",
    "Plannr",
    "Titel",
    "Ramme",
    "Status",
    "Vedtaget",
    "Certificeret",
    "Gælder fra",
    "Revideres senest",
    "Recertificeret",
    "Adresse",
];
const ASSESSMENTS: [&str; 6] = [
    "Kommunekode",
    "Plannr",
    "Kriterium",
    "Opfyldt",
    "Vurderet",
    "Bemærkning",
];
const TARGETS: [&str; 13] = [
    "Kommunekode",
    "Plannr",
    "Målnr",
    "Slags",
    "Indikator",
    "Sektor",
    "Basisår",
    "Basisværdi",
    "Målår",
    "Målværdi",
    "Reduktion i procent",
    "Afgrænsning",
    "Vedtaget",
];
const ACTIONS: [&str; 14] = [
    "Indsatsnr",
    "Titel",
    "Slags",
    "Sektor",
    "Klimarisiko",
    "Status",
    "Start",
    "Slut",
    "Ventet effekt i ton CO2e",
    "Effektår",
    "Opnået effekt i ton CO2e",
    "Budget i kr.",
    "Ansvarlig enhed",
    "Ajourført",
];

/// Title, kind, sector and hazard of an action of a municipality; an empty code is an empty cell.
const IDEAS: [[&str; 4]; 12] = [
    [
        "Fjernvarme til de sidste villaveje",
        "mitigation",
        "energy_residential",
        "",
    ],
    [
        "Olie- og gasfyr ud af kommunens bygninger",
        "mitigation",
        "energy_public",
        "",
    ],
    [
        "Solceller på gamle lossepladser",
        "mitigation",
        "electricity_district_heat",
        "",
    ],
    ["Ladestandere ved stationer og færger", "mitigation", "road_cars", ""],
    ["Elbusser i hele kommunen", "mitigation", "road_buses", ""],
    ["Vådområder på kulstofrig jord", "both", "cropland", "river_flood"],
    ["Skovrejsning over grundvandet", "both", "forest", ""],
    ["Biogas af gylle og madaffald", "mitigation", "manure", ""],
    ["Skybrudsveje og grønne gårde", "adaptation", "", "cloudburst"],
    ["Højere diger ved fjorden", "adaptation", "", "storm_surge"],
    ["Drænrør mod højt grundvand", "adaptation", "wastewater", "groundwater"],
    ["Grønne indkøb på tværs", "mitigation", "", ""],
];

/// The same of a region.
const REGIONAL_IDEAS: [[&str; 4]; 8] = [
    ["Regionalbusser og lokaltog på el", "mitigation", "transport", ""],
    ["Sygehusenes varme uden gas", "mitigation", "energy_public", ""],
    ["Anæstesigas opsamles", "mitigation", "product_use", ""],
    ["Mindre engangsudstyr på operationsstuer", "mitigation", "", ""],
    ["Ambulancer på el", "mitigation", "road_vans", ""],
    ["Sygehuset sikres mod skybrud", "adaptation", "", "cloudburst"],
    ["Grundvandskort til kommunerne", "adaptation", "", "groundwater"],
    ["Skyggefulde parker ved hospitalerne", "both", "", "heatwave"],
];

const UNITS: [&str; 4] = [
    "Teknik og Miljø",
    "Center for Plan og Byggeri",
    "Forsyningen",
    "Ejendomme og Drift",
];

/// The register in one workbook, and one workbook of each region.
pub(super) fn files(world: &World) -> Result<Vec<Dropped>> {
    let names = Names(Schemas::embedded()?);
    let mut plans = Sheet::new("Planer", &PLANS);
    let mut assessments = Sheet::new("Vurdering", &ASSESSMENTS);
    let mut targets = Sheet::new("Mål", &TARGETS);
    let mut actions = Sheet::new("Indsatser", &[&["Kommunekode", "Plannr"][..], &ACTIONS].concat());
    for area in world.areas.all.iter().filter(|area| area.is_municipality) {
        if REPORT_TO_CDP.contains(&area.code.as_str()) {
            continue;
        }
        let town = Town::new(world, &names, area);
        plans.rows.extend(town.plans()?);
        if town.has_plan() {
            assessments.rows.extend(town.assessments()?);
            targets.rows.extend(town.targets()?);
            actions.rows.extend(town.actions()?);
        }
    }
    let mut files = vec![Dropped {
        path: "klimahandlingsplaner/register.xlsx".to_owned(),
        bytes: workbook(&[plans, assessments, targets, actions])?,
    }];
    for region in &world.areas.regions {
        let draw = world.draw.text("effort").text(&region.code);
        let mut sheet = Sheet::new("Indsatser", &[&["Regionskode"][..], &ACTIONS].concat());
        for (number, idea) in chosen(&REGIONAL_IDEAS, draw) {
            let mut row = vec![region.code.as_str().into()];
            row.extend(action(world, &names, draw.number(number), number, idea)?);
            sheet.rows.push(row);
        }
        files.push(Dropped {
            // Danish letters and blanks, as people name their files.
            path: format!("regioner/{}.xlsx", region.name),
            bytes: workbook(&[sheet])?,
        });
    }
    Ok(files)
}

/// Danish names of codes: what the template's lists offer.
struct Names(Schemas);

impl Names {
    fn of(&self, list: &str, code: &str) -> Result<Cell> {
        if code.is_empty() {
            return Ok(Cell::Empty);
        }
        match self.0.code_list(list)?.get(code, "name_da") {
            Some(name) => Ok(name.into()),
            None => Err(Fault::bug("a simulated workbook names a code that is not there")
                .at(list.to_owned())
                .found(code.to_owned())),
        }
    }
}

/// 2 to 8 of the ideas with their numbers, in an order of its own.
fn chosen<'a>(ideas: &'a [[&'static str; 4]], draw: Draw) -> impl Iterator<Item = (i64, &'a [&'static str; 4])> {
    let count = 2 + (draw.text("count").unit() * 7.0) as usize;
    let first = draw.text("first").bits() as usize % ideas.len();
    (1..).zip(ideas.iter().cycle().skip(first).take(count.min(ideas.len())))
}

/// What an action says from its number on. On the second night one in twenty has come further.
fn action(world: &World, names: &Names, draw: Draw, number: i64, idea: &[&str; 4]) -> Result<Vec<Cell>> {
    let [title, kind, sector, hazard] = *idea;
    let further = world.restated() && draw.text("further").unit() < 0.05;
    let status = match draw.text("status").unit() {
        share if share < 0.25 && !further => "planned",
        share if share < 0.6 => "started",
        share if share < 0.85 => "done",
        share if share < 0.93 => "paused",
        _ => "dropped",
    };
    let start = FIRST_PLAN_YEAR + (draw.text("start").unit() * 5.0) as i16;
    let (start, end) = match status {
        "planned" => (world.today().year() + 1, world.today().year() + 4),
        "done" => (start, start + 2),
        _ => (start, 2030),
    };
    let effect = (draw.text("effect").between(40.0, 9_000.0)).round();
    let known = |what: &str, share: f64| draw.text("known").text(what).unit() < share;
    // An adaptation reduces nothing; of one in four actions nobody has worked it out.
    let expected = match kind {
        "adaptation" => Some(0.0),
        _ => known("expected", 0.75).then_some(effect),
    };
    let realised = (kind != "adaptation" && matches!(status, "done" | "started") && known("realised", 0.6))
        .then(|| (effect * draw.text("realised").between(0.1, 1.0)).round());
    let budget = (draw.text("budget").between(0.2, 60.0)).round() * 1_000_000.0;
    let updated = match further {
        true => world.today(),
        false => day(world.today().year() - 1, draw.text("updated")),
    };
    Ok(vec![
        number.into(),
        title.into(),
        names.of("action_kinds", kind)?,
        names.of("sectors", sector)?,
        names.of("hazards", hazard)?,
        names.of("statuses", status)?,
        known("start", 0.9).then(|| Date::constant(start, 1, 1)).into(),
        known("end", 0.8).then(|| Date::constant(end, 12, 31)).into(),
        expected.into(),
        expected.map(|_| 2030_i64).into(),
        realised.into(),
        known("budget", 0.6).then_some(budget).into(),
        known("unit", 0.9)
            .then(|| UNITS[draw.text("unit").bits() as usize % UNITS.len()])
            .into(),
        updated.into(),
    ])
}

/// Some day of a year.
fn day(year: i16, draw: Draw) -> Date {
    let month = 1 + (draw.text("month").unit() * 12.0) as i8;
    Date::constant(year, month, 1 + (draw.text("day").unit() * 28.0) as i8)
}

/// A municipality in the register.
struct Town<'a> {
    world: &'a World,
    names: &'a Names,
    area: &'a Area,
    draw: Draw,
}

impl<'a> Town<'a> {
    fn new(world: &'a World, names: &'a Names, area: &'a Area) -> Self {
        Self {
            world,
            names,
            area,
            draw: world.draw.text("plan").text(&area.code),
        }
    }
    /// Two small islands have no plan, whatever the seed.
    fn status(&self) -> &'static str {
        if matches!(self.area.code.as_str(), "0563" | "0825") {
            return "none";
        }
        match self.draw.text("status").unit() {
            share if share < 0.08 => "in_progress",
            share if share < 0.3 => "adopted",
            share if share < 0.85 => "certified",
            _ => "expired",
        }
    }
    fn has_plan(&self) -> bool {
        !matches!(self.status(), "none" | "in_progress")
    }
    fn adopted(&self) -> Date {
        let years = if self.status() == "expired" { 2.0 } else { 5.0 };
        day(
            FIRST_PLAN_YEAR + (self.draw.text("year").unit() * years) as i16,
            self.draw.text("adopted"),
        )
    }
    fn key(&self, plan: i64) -> Vec<Cell> {
        // One town's clerk types its code as a number, and its first zero is gone.
        let code: Cell = match self.area.code.as_str() {
            "0370" => 370_i64.into(),
            code => code.into(),
        };
        vec![code, plan.into()]
    }

    fn plans(&self) -> Result<Vec<Vec<Cell>>> {
        let status = self.status();
        let (code, name) = (&self.area.code, &self.area.name);
        let mut first = self.key(1);
        first.extend([
            (status != "none")
                .then(|| format!("Klimahandlingsplan for {name} Kommune"))
                .into(),
            self.names
                .of("frameworks", if status == "none" { "" } else { "c40_capf" })?,
            self.names.of("statuses", status)?,
        ]);
        if self.has_plan() {
            let adopted = self.adopted();
            let due = Date::constant(adopted.year() + 5, adopted.month(), adopted.day());
            let certified = (status == "certified").then(|| day(adopted.year(), self.draw.text("certified")));
            let again = (status == "certified" && self.draw.text("again").unit() < 0.3)
                .then(|| day(self.world.today().year() - 1, self.draw.text("recertified")));
            first.extend([
                adopted.into(),
                certified.into(),
                adopted.into(),
                due.into(),
                again.into(),
                format!("https://klimaplaner.example/{code}.pdf").into(),
            ]);
        }
        let mut plans = vec![first];
        if status == "expired" {
            let mut next = self.key(2);
            next.extend([
                format!("{name} frem mod 2045").into(),
                self.names.of("frameworks", "c40_cctf")?,
                self.names.of("statuses", "in_progress")?,
            ]);
            plans.push(next);
        }
        Ok(plans)
    }

    fn assessments(&self) -> Result<Vec<Vec<Cell>>> {
        let mut rows = Vec::new();
        for criterion in self.names.0.code_list("criteria")?.codes() {
            let draw = self.draw.text("assessed").text(criterion);
            let met = match draw.unit() {
                share if share < 0.55 => "met",
                share if share < 0.75 => "partly",
                share if share < 0.9 => "not_met",
                _ => "not_assessed",
            };
            let assessed = (met != "not_assessed").then(|| day(self.world.today().year() - 1, draw));
            let mut row = self.key(1);
            row.extend([
                self.names.of("criteria", criterion)?,
                self.names.of("met", met)?,
                assessed.into(),
                (met == "partly")
                    .then_some("Tages op ved næste revision; bilag mangler på nær ét")
                    .into(),
            ]);
            rows.push(row);
        }
        Ok(rows)
    }

    /// The first is that of 2030; what comes behind it differs.
    fn targets(&self) -> Result<Vec<Vec<Cell>>> {
        let emissions = |year: i16| {
            let then = self.draw.text("emissions").number(i64::from(year)).between(0.95, 1.05);
            let share = 1.0 - f64::from(year - 1990) * 0.013;
            (self.world.people_about(self.area) * 14.0 * share * then).round()
        };
        let percent = 65.0 + (self.draw.text("percent").unit() * 20.0).round();
        // Kind, indicator, sector, base year, base, year, value, percent.
        type Target = (
            &'static str,
            &'static str,
            &'static str,
            i16,
            Option<f64>,
            i16,
            Option<f64>,
            Option<f64>,
        );
        let (base, later) = (emissions(1990), emissions(2018));
        let traffic = (later * 0.25).round();
        let all: [Target; 8] = [
            (
                "reduction",
                "ghg_emissions",
                "",
                1990,
                Some(base),
                2030,
                None,
                Some(percent),
            ),
            ("neutrality", "ghg_emissions", "", 0, None, 2045, Some(0.0), None),
            (
                "reduction",
                "ghg_emissions",
                "road",
                2018,
                Some(traffic),
                2030,
                Some(traffic / 2.0),
                Some(50.0),
            ),
            ("energy", "re_electricity_share", "", 0, None, 2030, Some(1.0), None),
            ("adaptation", "", "", 0, None, 2035, None, None),
            (
                "reduction",
                "ghg_emissions",
                "agriculture",
                2018,
                None,
                2030,
                None,
                Some(55.0),
            ),
            (
                "reduction",
                "ghg_emissions",
                "",
                2018,
                Some(later),
                2035,
                None,
                Some(80.0),
            ),
            ("adaptation", "sewer_area", "", 0, None, 2040, None, None),
        ];
        let count = 2 + (self.draw.text("targets").unit() * 7.0) as usize;
        let mut rows = Vec::new();
        for (number, target) in (1_i64..).zip(all.into_iter().take(count)) {
            let (kind, indicator, sector, base_year, base, year, value, percent) = target;
            let mut row = self.key(1);
            row.extend([
                number.into(),
                self.names.of("target_kinds", kind)?,
                self.names.of("indicators", indicator)?,
                self.names.of("sectors", sector)?,
                (base_year > 0).then_some(i64::from(base_year)).into(),
                base.into(),
                i64::from(year).into(),
                value.into(),
                percent.into(),
                self.names
                    .of("boundaries", if number == 1 { "territorial" } else { "" })?,
                self.adopted().into(),
            ]);
            rows.push(row);
        }
        Ok(rows)
    }

    fn actions(&self) -> Result<Vec<Vec<Cell>>> {
        let mut rows = Vec::new();
        for (number, idea) in chosen(&IDEAS, self.draw) {
            let mut row = self.key(1);
            row.extend(action(self.world, self.names, self.draw.number(number), number, idea)?);
            rows.push(row);
        }
        Ok(rows)
    }
}
