use crate::world::{AGES, CIVIL, World};

/// A value of a variable: a leaf, or the sum of leaves.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) id: String,
    pub(super) da: String,
    pub(super) en: String,
    /// Places of the leaves that it covers.
    pub(super) leaves: Vec<usize>,
}

/// A variable of a table in the agency's order of values.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) id: &'static str,
    pub(super) da: &'static str,
    pub(super) en: &'static str,
    /// The agency's mark of a known division of the country.
    pub(super) map: Option<&'static str>,
    pub(super) values: Vec<Value>,
    /// How many leaves there are.
    pub(super) size: usize,
}

/// The tables that are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Are207,
    Folk1a,
    Bil54,
}

/// One table: texts, variables, periods.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) subject: Subject,
    pub(super) id: &'static str,
    pub(super) da: &'static str,
    pub(super) en: &'static str,
    pub(super) unit_da: &'static str,
    pub(super) unit_en: &'static str,
    /// Decimals of a figure.
    pub(super) decimals: u32,
    /// Danish local time without offset, as the agency gives it.
    pub(super) updated: String,
    pub(super) footnote: Option<&'static str>,
    /// All but Tid.
    pub(super) variables: Vec<Variable>,
    /// Codes of Tid, oldest first.
    pub(super) periods: Vec<String>,
}

/// First years that are simulated; the agency's own are 2008 and 2018, which would be half of the demo's first night.
const FIRST_POPULATION: i16 = 2016;
const FIRST_VEHICLES: i16 = 2021;

/// All tables as the agency offers them today.
pub(super) fn tables(world: &World) -> Vec<Table> {
    vec![folk1a(world), are207(world), bil54(world)]
}

fn folk1a(world: &World) -> Table {
    let today = world.today();
    let newest = (today.year(), (today.month() - 1) / 3 + 1);
    let periods = (world.script.first_year(FIRST_POPULATION)..=today.year())
        .flat_map(|year| (1..=4).map(move |quarter| (year, quarter)))
        .filter(|period| *period <= newest)
        .map(|(year, quarter)| format!("{year}K{quarter}"))
        .collect();
    let ages = (0..AGES).map(|age| one(&age.to_string(), &format!("{age} år"), &format!("{age} years"), age));
    let civil = [
        ("U", "Ugift", "Never married"),
        ("G", "Gift/separeret", "Married/separated"),
    ];
    let civil = civil
        .into_iter()
        .chain([("E", "Enke/enkemand", "Widowed"), ("F", "Fraskilt", "Divorced")]);
    Table {
        subject: Subject::Folk1a,
        id: "FOLK1A",
        da: "Befolkningen den 1. i kvartalet",
        en: "Population at the first day of the quarter",
        unit_da: "Antal",
        unit_en: "Number",
        decimals: 0,
        updated: format!("{}-{:02}-11T08:00:00", newest.0, (newest.1 - 1) * 3 + 2),
        footnote: None,
        variables: vec![
            places(world, false),
            summed(
                "KØN",
                "køn",
                "sex",
                ("TOT", "I alt", "Total"),
                vec![one("1", "Mænd", "Men", 0), one("2", "Kvinder", "Women", 1)],
            ),
            summed(
                "ALDER",
                "alder",
                "age",
                ("IALT", "Alder i alt", "Age, total"),
                ages.collect(),
            ),
            summed(
                "CIVILSTAND",
                "civilstand",
                "marital status",
                ("TOT", "I alt", "Total"),
                civil
                    .enumerate()
                    .map(|(place, (id, da, en))| one(id, da, en, place))
                    .collect(),
            ),
        ],
        periods,
    }
}

fn are207(world: &World) -> Table {
    let last = world.today().year();
    let month = if world.restated() { 3 } else { 2 };
    Table {
        subject: Subject::Are207,
        id: "ARE207",
        da: "Areal 1. januar",
        en: "Area 1 January",
        unit_da: "Km2",
        unit_en: "Km2",
        decimals: 2,
        updated: format!("{last}-{month:02}-27T08:00:00"),
        footnote: Some("Simuleret areal: tallene er opfundet og siger intet om virkelige kommuner."),
        variables: vec![places(world, false)],
        periods: (2007..=last).map(|year| year.to_string()).collect(),
    }
}

fn bil54(world: &World) -> Table {
    let newest = world.last_full_month();
    let periods = (world.script.first_year(FIRST_VEHICLES)..=newest.0)
        .flat_map(|year| (1..=12).map(move |month| (year, month)))
        .filter(|period| *period <= newest)
        .map(|(year, month)| format!("{year}M{month:02}"))
        .collect();
    let day = if world.restated() { 12 } else { 10 };
    let today = world.today();
    let kinds = [
        ("4000101002", "Personbiler i alt", "Passenger cars, total"),
        ("4000102000", "Varebiler i alt", "Vans, total"),
        ("4000103000", "Lastbiler i alt", "Lorries, total"),
        ("4000103030", "Sættevognstrækkere i alt", "Road tractors, total"),
    ];
    let uses = [
        ("1100", "Privat kørsel", "Private use"),
        ("1200", "Erhvervskørsel", "Business use"),
    ];
    let leaves = |list: &[(&str, &str, &str)]| {
        list.iter()
            .enumerate()
            .map(|(place, (id, da, en))| one(id, da, en, place))
            .collect::<Vec<_>>()
    };
    Table {
        subject: Subject::Bil54,
        id: "BIL54",
        da: "Bestand af motorkøretøjer",
        en: "Stock of motor vehicles",
        unit_da: "Antal",
        unit_en: "Number",
        decimals: 0,
        updated: format!("{}-{:02}-{day}T08:00:00", today.year(), today.month()),
        footnote: None,
        variables: vec![
            places(world, true),
            summed(
                "BILTYPE",
                "køretøjstype",
                "type of vehicle",
                ("4000100001", "Køretøjer i alt", "Vehicles, total"),
                leaves(&kinds),
            ),
            summed("BRUG", "anvendelse", "use", ("1000", "I alt", "Total"), leaves(&uses)),
            summed(
                "DRIV",
                "drivmiddel",
                "propellant",
                ("20200", "Drivmidler i alt", "Propellants, total"),
                leaves(&PROPELLANTS),
            ),
        ],
        periods,
    }
}

/// Propellants with the agency's codes, in its order.
pub(super) const PROPELLANTS: [(&str, &str, &str); 11] = [
    ("20205", "Benzin", "Petrol"),
    ("20210", "Diesel", "Diesel"),
    ("20215", "F-gas", "LPG"),
    ("20220", "N-gas", "Natural gas"),
    ("20225", "El", "Electricity"),
    ("20230", "Petroleum", "Kerosene"),
    ("20231", "Brint", "Hydrogen"),
    ("20256", "Metanol", "Methanol"),
    ("20258", "Ætanol", "Ethanol"),
    ("20232", "Pluginhybrid", "Plug-in hybrid"),
    ("20235", "Øvrige drivmidler", "Other propellants"),
];

/// The area variable mixes levels in one column: country, regions, (landsdele,) municipalities, (unknown).
fn places(world: &World, landsdele: bool) -> Variable {
    let areas = &world.areas;
    let unknown = landsdele.then_some(areas.all.len());
    let mut values = vec![Value {
        id: "000".to_owned(),
        da: "Hele landet".to_owned(),
        en: "All Denmark".to_owned(),
        leaves: (0..areas.all.len()).chain(unknown).collect(),
    }];
    let within = |keep: &dyn Fn(&crate::area::Area) -> bool| -> Vec<usize> {
        areas
            .all
            .iter()
            .enumerate()
            .filter(|(_, area)| keep(area))
            .map(|(place, _)| place)
            .collect()
    };
    let town = |place: usize| {
        one(
            &areas.all[place].short,
            &areas.all[place].name,
            &areas.all[place].name,
            place,
        )
    };
    for (at, region) in areas.regions.iter().enumerate() {
        let members = within(&|area| area.region == at);
        if members.is_empty() {
            continue;
        }
        let english = region.name.clone();
        values.push(Value {
            id: region.statbank.clone(),
            da: region.name.clone(),
            en: english,
            leaves: members.clone(),
        });
        if !landsdele {
            values.extend(members.into_iter().map(town));
            continue;
        }
        for (part, landsdel) in areas.landsdele.iter().enumerate() {
            let members = within(&|area| area.region == at && area.landsdel == part);
            if members.is_empty() {
                continue;
            }
            let da = landsdel.name.clone();
            let en = da.replace("Landsdel", "Province");
            values.push(Value {
                id: landsdel.statbank.clone(),
                da,
                en,
                leaves: members.clone(),
            });
            values.extend(members.into_iter().map(town));
        }
    }
    if let Some(place) = unknown {
        values.push(one("99", "Uoplyst", "Unknown", place));
    }
    let size = areas.all.len() + usize::from(landsdele);
    Variable {
        id: "OMRÅDE",
        da: "område",
        en: "region",
        map: Some("Denmark_municipality_07"),
        values,
        size,
    }
}

fn one(id: &str, da: &str, en: &str, leaf: usize) -> Value {
    Value {
        id: id.to_owned(),
        da: da.to_owned(),
        en: en.to_owned(),
        leaves: vec![leaf],
    }
}

fn summed(
    id: &'static str,
    da: &'static str,
    en: &'static str,
    total: (&str, &str, &str),
    leaves: Vec<Value>,
) -> Variable {
    let size = leaves.len();
    let all = Value {
        leaves: (0..size).collect(),
        ..one(total.0, total.1, total.2, 0)
    };
    Variable {
        id,
        da,
        en,
        map: None,
        values: std::iter::once(all).chain(leaves).collect(),
        size,
    }
}

impl Table {
    /// A text in the language of the request.
    pub(super) fn title(&self, english: bool) -> &'static str {
        if english { self.en } else { self.da }
    }
    /// Every leaf of one period, in units of the last decimal; area slowest, the last variable fastest.
    pub(super) fn leaves(&self, world: &World, period: &str) -> Vec<i64> {
        let year: i16 = period.get(..4).and_then(|year| year.parse().ok()).unwrap_or_default();
        let within: i8 = period.get(5..).and_then(|part| part.parse().ok()).unwrap_or(1);
        match self.subject {
            Subject::Are207 => (0..world.areas.all.len())
                .map(|place| world.hectares(place, year))
                .collect(),
            Subject::Folk1a => {
                let mut cells = Vec::with_capacity(world.areas.all.len() * 2 * AGES * CIVIL);
                for area in &world.areas.all {
                    cells.extend(world.people(area, year, within));
                }
                cells
            }
            Subject::Bil54 => vehicles(world, year, within),
        }
    }
    /// True for a cell that the agency shows as `..`: Christiansø's hydrogen vehicles, which are counted nowhere,
    /// so that sums hold all the same.
    pub(super) fn is_hidden(&self, values: &[&Value]) -> bool {
        self.subject == Subject::Bil54
            && values.first().is_some_and(|area| area.id == "411")
            && values.last().is_some_and(|propellant| propellant.id == "20231")
    }
}

fn vehicles(world: &World, year: i16, month: i8) -> Vec<i64> {
    let months = f64::from(i32::from(year) - 2018) * 12.0 + f64::from(month - 1);
    let newest = (year, month) == world.last_full_month();
    let mut cells = Vec::new();
    for place in 0..=world.areas.all.len() {
        let area = world.areas.all.get(place);
        let code = area.map_or("99", |area| area.code.as_str());
        let town = world.draw.text("vehicles").text(code);
        let persons = area.map_or(3_000, |area| world.population(area, 2018, 1)) as f64;
        for (kind, per_person) in [0.45, 0.07, 0.006, 0.003].into_iter().enumerate() {
            for (used, share) in [0.8, 0.2].into_iter().enumerate() {
                for (propellant, (code, ..)) in PROPELLANTS.iter().enumerate() {
                    let cell = town.number((kind * 100 + used * 20 + propellant) as i64);
                    let share = share * propellant_share(code, kind, months) * cell.between(0.8, 1.2);
                    let mut count = (persons * per_person * share + cell.text("part").unit() * 0.9).floor() as i64;
                    let is_christiansoe = area.is_some_and(|area| !area.is_municipality);
                    if is_christiansoe && *code == "20231" {
                        count = 0;
                    }
                    // The newest month is counted again: late registrations of electric cars.
                    if world.restated() && newest && *code == "20225" && cell.text("late").unit() < 0.2 {
                        count += 3;
                    }
                    cells.push(count);
                }
            }
        }
    }
    cells
}

/// Share of a propellant among vehicles of a kind (0 cars), `months` after January 2018.
fn propellant_share(code: &str, kind: usize, months: f64) -> f64 {
    let turned = (months / 130.0).min(1.0).powi(2) * if kind == 0 { 0.35 } else { 0.12 };
    match (code, kind) {
        ("20205", 0) => 0.68 * (1.0 - turned),
        ("20205", _) => 0.04 * (1.0 - turned),
        ("20210", 0) => 0.30 * (1.0 - turned),
        ("20210", _) => 0.95 * (1.0 - turned),
        ("20225", _) => 0.003 + turned * 0.8,
        ("20232", 0) => 0.002 + turned * 0.2,
        ("20220", _) => 0.0008,
        ("20231", _) => 0.00005,
        ("20215" | "20235", _) => 0.00002,
        // Petroleum, methanol, ethanol and plug-in hybrids other than cars: none, which BULK leaves out.
        _ => 0.0,
    }
}
