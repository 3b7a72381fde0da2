//! The layers of both servers: their names, attributes and invented features. Names of layers and attributes are those that public
//! clients use (read 2026-11-23); what they do not name is left out.

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::shape::Shape;
use crate::{area::Area, draw::Draw, world::World};

/// One area.
#[derive(Clone, Debug)]
pub(super) struct Feature {
    /// Behind the layer's name in the feature's id.
    pub(super) number: i64,
    /// In the order of the layer's columns.
    pub(super) values: Vec<Json>,
    pub(super) shape: Shape,
}

/// A layer.
#[derive(Debug)]
pub(super) struct Layer {
    /// Without its prefix.
    pub(super) name: &'static str,
    /// Attributes with their types in XML schema, without the geometry.
    pub(super) columns: &'static [(&'static str, &'static str)],
    /// Database views (`_v`) have none: no order of their own, and ids that change with every request.
    pub(super) has_primary_key: bool,
    /// The one municipality whose layer it is.
    only: Option<&'static str>,
    /// Areas in a municipality at most.
    most: usize,
    values: fn(&Place<'_>) -> Vec<Json>,
}

/// One area before its attributes are drawn.
struct Place<'a> {
    world: &'a World,
    area: &'a Area,
    at: usize,
    number: i64,
    draw: Draw,
}

/// The municipality whose catchments stand in the old layer only, as one of 98 is missing in the real one.
pub(super) const MISSING_IN_NEW_SEWERS: &str = "0825";

/// Attributes that every layer of the old data model begins with.
macro_rules! old_columns {
    ($($own:expr),+) => {
        &[
            ("doklink", "string"), ("temakode", "int"), ("temanavn", "string"), ("objekt_id", "long"),
            ("systid_fra", "dateTime"), ("oprettet", "dateTime"), ("statuskode", "int"), ("status", "string"),
            ("cvr_kode", "string"), ("cvrname", "string"), ("bruger_id", "string"), $($own),+
        ]
    };
}

/// Plandata's.
pub(super) const PLANDATA: &[Layer] = &[
    Layer {
        name: "theme_pdk_forsyningomraade_vedtaget_v",
        columns: old_columns!(
            ("navn1203", "string"),
            ("vaerdi1203", "string"),
            ("forsytekst", "string")
        ),
        has_primary_key: false,
        only: None,
        most: 4,
        values: |place| {
            let kind = place.pick(
                "kind",
                &["Fjernvarme", "Fjernvarme", "Individuel naturgasforsyning", "Anden"],
            );
            let supplier = format!("{} Varme & Vand A.m.b.a.", place.area.name);
            place.old(1203, "Forsyningsområder", [place.label("Varme"), kind, json!(supplier)])
        },
    },
    Layer {
        name: "theme_pdk_tilslutningspligtomraade_vedtaget_v",
        columns: old_columns!(("navn1204", "string"), ("type1204a", "int"), ("vaerd1204a", "string")),
        has_primary_key: false,
        only: None,
        most: 2,
        values: |place| {
            let kind = json!("Tilslutningspligt for ny bebyggelse");
            place.old(1204, "Tilslutningspligtområder", [place.label("Pligt"), json!(1), kind])
        },
    },
    Layer {
        name: "theme_pdk_forsyningsforbudomraade_vedtaget_v",
        columns: old_columns!(("type1205", "int"), ("vaerdi1205", "string")),
        has_primary_key: false,
        only: None,
        most: 1,
        values: |place| place.old(1205, "Forsyningsforbudområder", [json!(1), json!("Forbud mod elvarme")]),
    },
    Layer {
        name: "theme_pdk_varmeplansomraade_vedtaget_v",
        columns: &[
            ("planid", "long"),
            ("komnr", "int"),
            ("komnavn", "string"),
            ("plannavn", "string"),
            ("delnavn", "string"),
            ("type1207", "int"),
            ("konvstartaar", "int"),
            ("konvslutaar", "int"),
            ("virknavn", "string"),
            ("doklink", "string"),
            ("datoopdt", "dateTime"),
        ],
        has_primary_key: false,
        only: None,
        most: 3,
        values: |place| {
            let kind = if place.draw.text("kind").unit() < 0.7 { 1 } else { 2 };
            let begin = 2022 + (place.draw.text("begin").unit() * 4.0) as i32;
            vec![
                json!(place.number),
                place.komnr(),
                json!(place.area.name),
                json!(format!("Varmeplan {}", place.area.name)),
                json!(format!("Delområde {}", place.at + 1)),
                json!(kind),
                json!(begin),
                json!(2028),
                if kind == 1 {
                    json!(format!("{} Fjernvarme", place.area.name))
                } else {
                    Json::Null
                },
                place.document(),
                place.changed(),
            ]
        },
    },
    Layer {
        name: "theme_pdk_kloakopland_vedtaget_v",
        columns: old_columns!(
            ("navn1201", "string"),
            ("type1201a", "int"),
            ("vaerd1201a", "string"),
            ("type1201b", "int"),
            ("vaerd1201b", "string"),
            ("staar1201", "int"),
            ("sluaar1201", "int")
        ),
        has_primary_key: false,
        only: None,
        most: 12,
        values: |place| {
            let (now, planned) = place.sewers();
            let text = |code: &Json| {
                code.as_i64()
                    .map_or(Json::Null, |code| json!(SEWERS[code as usize - 1]))
            };
            let (now_text, planned_text) = (text(&now), text(&planned));
            // 1900 is how a plan without a deadline says so.
            let own = [
                place.label("Opland"),
                now,
                now_text,
                planned,
                planned_text,
                json!(2014),
                json!(1900),
            ];
            place.old(1201, "Kloakoplande", own)
        },
    },
    Layer {
        name: "theme_pdk_kloakopland_vedtaget",
        columns: &[
            ("komnr", "int"),
            ("komnavn", "string"),
            ("plannr", "string"),
            ("plannavn", "string"),
            ("nuvkode", "int"),
            ("plankode", "int"),
            ("plantekst", "string"),
            ("ejerkode", "int"),
            ("doklink", "string"),
            ("datoopdt", "dateTime"),
        ],
        has_primary_key: true,
        only: None,
        most: 12,
        values: |place| {
            let (now, planned) = place.sewers();
            let text = planned
                .as_i64()
                .map_or(Json::Null, |code| json!(SEWERS[code as usize - 1]));
            let name = format!("Spildevandsplan {} & omegn", place.area.name);
            vec![
                place.komnr(),
                json!(place.area.name),
                json!(format!("{}-{:02}", place.area.short, place.at + 1)),
                json!(name),
                now,
                planned,
                text,
                if place.draw.text("owner").unit() < 0.8 {
                    Json::Null
                } else {
                    json!(1)
                },
                place.document(),
                place.changed(),
            ]
        },
    },
    Layer {
        name: "theme_pdk_oversvoemerosion_vedtaget",
        columns: DESIGNATION,
        has_primary_key: true,
        only: None,
        most: 4,
        values: |place| place.designation("Oversvømmelse og erosion"),
    },
    Layer {
        name: "theme_pdk_lavbundsareal_vedtaget",
        columns: DESIGNATION,
        has_primary_key: true,
        only: None,
        most: 6,
        values: |place| place.designation("Lavbundsarealer"),
    },
];

/// Copenhagen's: planned basins and squares of the cloudburst plan. Some have no `klima_id`, some share one.
pub(super) const COPENHAGEN: &[Layer] = &[Layer {
    name: "skp_bassiner_pladser_kk",
    columns: &[
        ("klima_id", "string"),
        ("projekt_navn", "string"),
        ("typologi", "string"),
        ("vandopland", "string"),
        ("forventet_ibrugtagning", "int"),
    ],
    has_primary_key: false,
    only: Some("0101"),
    most: 180,
    values: |place| {
        let catchment = place.pick("catchment", &["Amager", "Indre By", "Nørrebro", "Østerbro"]);
        let year = 2027 + (place.draw.text("year").unit() * 15.0) as i32;
        vec![
            if place.at % 50 == 49 {
                Json::Null
            } else {
                json!(format!("AM {}", place.at / 2 + 1))
            },
            json!(format!("Skybrudsplads nr. {} & bassin", place.at + 1)),
            place.pick("kind", &["Skybrudsbassin", "Grøn vej", "Rensning"]),
            catchment,
            if place.draw.text("when").unit() < 0.3 {
                Json::Null
            } else {
                json!(year)
            },
        ]
    },
}];

/// Attributes of a designation of the municipal plan.
const DESIGNATION: &[(&str, &str)] = &[
    ("komnr", "int"),
    ("plannr", "string"),
    ("plannavn", "string"),
    ("temanavn", "string"),
    ("bem", "string"),
    ("doklink", "string"),
    ("datoopdt", "dateTime"),
];

/// Texts of the codes 1 to 6.
const SEWERS: [&str; 6] = [
    "Fælleskloakeret (spildevand og overfladevand løber i samme ledning)",
    "Separatkloakeret (spildevand og overfladevand løber i hver sin ledning)",
    "Spildevandskloakeret (der afledes kun spildevand)",
    "Overfladevandskloakeret (der afledes kun overfladevand)",
    "Ukloakeret",
    "Andet",
];

impl Place<'_> {
    fn komnr(&self) -> Json {
        self.area
            .short
            .parse::<i64>()
            .map_or(Json::Null, |number| json!(number))
    }
    fn pick(&self, what: &str, of: &[&str]) -> Json {
        let at = (self.draw.text(what).unit() * of.len() as f64) as usize;
        json!(of[at.min(of.len() - 1)])
    }
    fn label(&self, word: &str) -> Json {
        json!(format!("{word} {} <{}>", self.area.name, self.at + 1))
    }
    fn document(&self) -> Json {
        if self.draw.text("document").unit() < 0.4 {
            return Json::Null;
        }
        json!(format!("https://dokument.plandata.dk/20_{}_1.pdf?a=1&b=2", self.number))
    }
    /// The area that a sewer was laid in between the first night and the second.
    fn is_changed(&self) -> bool {
        self.world.restated() && self.area.code == "0187" && self.at == 0
    }
    /// When the row was last changed: on some day of the last years, or the day before the second night.
    fn changed(&self) -> Json {
        let today: Date = self.world.today();
        if self.is_changed() {
            return json!(format!("{}T06:30:00.000Z", today.yesterday().unwrap_or(today)));
        }
        let month = 1 + (self.draw.text("month").unit() * 12.0) as i8;
        let year = today.year() - 1 - (self.draw.text("year").unit() * 4.0) as i16;
        json!(format!("{year}-{month:02}-16T10:51:22.266Z"))
    }
    /// Sewers now and planned.
    fn sewers(&self) -> (Json, Json) {
        let lot = self.draw.text("now").unit();
        let chances = [0.3, 0.65, 0.8, 0.85, 0.97, 1.0];
        let now = 1 + chances.iter().position(|chance| lot < *chance).unwrap_or(0) as i64;
        let plan = self.draw.text("planned").unit();
        let planned = match now {
            1 if plan < 0.5 => json!(2),
            5 if plan < 0.2 => json!(3),
            _ if plan > 0.95 => Json::Null,
            same => json!(same),
        };
        (json!(if self.is_changed() { 2 } else { now }), planned)
    }
    fn old<const N: usize>(&self, theme: i32, name: &str, own: [Json; N]) -> Vec<Json> {
        let mut values = vec![
            self.document(),
            json!(theme),
            json!(name),
            json!(self.number),
            self.changed(),
            json!("2015-12-17T15:24:37.170Z"),
            json!(3),
            json!("Vedtaget"),
            json!(format!(
                "29{:06}",
                self.area.short.parse::<u32>().unwrap_or_default() * 97
            )),
            json!(format!("{} kommune", self.area.name)),
            // A case worker's name; nobody is called so.
            json!("sagsbehandler"),
        ];
        values.extend(own);
        values
    }
    fn designation(&self, theme: &str) -> Vec<Json> {
        let remark = if self.draw.text("remark").unit() < 0.7 {
            Json::Null
        } else {
            json!("Kote 2,0 m DVR90")
        };
        vec![
            self.komnr(),
            json!(format!("{}.{}", self.area.short, self.at + 1)),
            json!(format!("Kommuneplan 2021-2033 {}", self.area.name)),
            json!(theme),
            remark,
            self.document(),
            self.changed(),
        ]
    }
}

impl Layer {
    /// Place of an attribute.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.0 == name)
    }

    /// All features, in the order of their numbers.
    pub(super) fn features(&self, world: &World) -> Vec<Feature> {
        let mut found = Vec::new();
        let towns = world.areas.all.iter().filter(|area| area.is_municipality);
        let towns = towns.filter(|area| self.only.is_none_or(|code| code == area.code));
        for (town, area) in towns.enumerate() {
            // Both layers of sewers draw the same areas.
            let subject = self.name.trim_end_matches("_v");
            if self.name == "theme_pdk_kloakopland_vedtaget" && area.code == MISSING_IN_NEW_SEWERS {
                continue;
            }
            let draw = world.draw.text("plandata").text(subject).text(&area.code);
            // A town has one at least of what there are many of.
            let least = usize::from(self.most >= 4);
            let count = least + (draw.text("count").unit() * (self.most + 1 - least) as f64) as usize;
            for at in 0..count {
                let draw = draw.number(at as i64);
                let number = 3_000_000 + (town * 1000 + at) as i64;
                let place = Place {
                    world,
                    area,
                    at,
                    number,
                    draw,
                };
                let Some(shape) = Shape::draw(&area.code, at, count, draw) else {
                    continue;
                };
                found.push(Feature {
                    number,
                    values: (self.values)(&place),
                    shape,
                });
            }
        }
        found
    }
}
