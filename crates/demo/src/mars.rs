//! MARS: land restoration projects in one list, and an answer for each one's geometry as WKT.

use axum::http::Method;
use jiff::{ToSpan, civil::date};
use serde_json::{Value as Json, json};

use crate::{
    answer::{Answer, Asked, Twist},
    boundaries::{hectares, land},
    draw::Draw,
    world::World,
};

/// Original host.
pub(crate) const HOST: &str = "mars.sgav.dk";

/// Projects, whatever the scale: each is a request for its geometry.
const PROJECTS: i64 = 120;

/// The agency's own identifiers of its measures, how many of ten projects have them, and whether they take peat soil out,
/// plant wood, hold nitrogen back.
const MEASURES: [(&str, &str, f64, [bool; 3]); 6] = [
    (
        "4d1bdb7a-ee68-46c1-9364-792ad26eb337",
        "Lavbundsprojekt",
        0.3,
        [true, false, true],
    ),
    (
        "85bffbd9-fc34-41b8-8302-df2fb124f394",
        "Kvælstofvådområde",
        0.55,
        [true, false, true],
    ),
    (
        "dd264f93-915a-4df9-b94e-22190f9478e7",
        "Skovrejsning",
        0.8,
        [false, true, true],
    ),
    (
        "1076fbc9-5ab9-4236-86ed-7d7cc51a2292",
        "Minivådområde",
        0.92,
        [false, false, true],
    ),
    (
        "9d4b932e-c6d6-4550-984f-6623601894c6",
        "Ekstensivering",
        0.98,
        [true, false, true],
    ),
    (
        "72688c3e-2616-48a3-b1a1-8869f12c5ec1",
        "Øvrig udtagning",
        1.0,
        [true, false, false],
    ),
];

/// Names of places that are nowhere.
const PLACES: [&str; 8] = [
    "Ådalen",
    "Kær Mose",
    "Ørbæk Enge",
    "Stenholt",
    "Lille Å",
    "Sæby Kær",
    "Vestermose",
    "Brøns",
];

/// One project as it is drawn.
struct Project {
    draw: Draw,
    measure: usize,
}

impl Project {
    fn at(world: &World, number: i64) -> Self {
        let draw = world.draw.text("mars").number(number);
        let part = draw.text("measure").unit();
        let measure = MEASURES.iter().position(|(_, _, upto, _)| part < *upto);
        Self {
            draw,
            measure: measure.unwrap_or(0),
        }
    }
    fn location(&self) -> String {
        self.draw.text("location").uuid()
    }
    /// Metres from its middle to its corners: mini-wetlands are small.
    fn ring(&self) -> Vec<(f64, f64)> {
        let size = self.draw.text("size").unit();
        let reach = if self.measure == 3 {
            30.0
        } else {
            80.0 + 700.0 * size * size
        };
        land(self.draw.text("land"), reach)
    }
    /// One in twenty has no geometry.
    fn has_geometry(&self) -> bool {
        self.draw.text("drawn").unit() >= 0.05
    }
    fn json(&self, world: &World) -> Json {
        let (id, name, _, [peat, wood, nitrogen]) = MEASURES[self.measure];
        let area = hectares(&self.ring());
        let stage = self.draw.text("stage").unit();
        // On the second night some that had their grant are built.
        let built = if world.restated() { 0.18 } else { 0.15 };
        let status = match stage {
            stage if stage < built => 15,
            stage if stage < 0.65 => 10,
            _ => 6,
        };
        let days = (self.draw.text("applied").unit() * 900.0) as i64;
        let applied = date(2023, 9, 1).saturating_add(days.days());
        let changed = applied.saturating_add(((self.draw.text("changed").unit() * 200.0) as i64).days());
        let place = PLACES[self.draw.text("place").bits() as usize % PLACES.len()];
        // The agency leaves out what a measure cannot have, or says 0.
        let effect = |has: bool, value: f64| match has {
            true => json!(value),
            false if self.draw.text("null").unit() < 0.5 => Json::Null,
            false => json!(0),
        };
        json!({
            "supplementaryGeometries": null,
            "projectId": self.draw.text("project").uuid(),
            "projectName": format!("{name} {place}"),
            "projectStatus": status,
            "nitrogenReductionT": effect(nitrogen, area * self.draw.text("nitrogen").between(0.01, 0.12)),
            "extractionEffortHa": effect(peat, area * self.draw.text("peat").between(0.5, 1.0)),
            "afforestationEffortHa": effect(wood, area),
            "overlappingAreaHa": area,
            "supplGeo1OverlappingAreaHa": null,
            "supplGeo2OverlappingAreaHa": null,
            "geoLocationId": self.location(),
            "subsidySchemeId": "simulated",
            "mitigationMeasureId": id,
            "applicationTimestamp": format!("{applied}T09:15:18.741554+00:00"),
            "lastStateChanged": format!("{changed}T08:12:04.002597+00:00"),
            "originalEffects": null,
            "reducedAreaHa": null,
        })
    }
}

/// Answers one request.
pub(crate) fn answer(world: &World, asked: &Asked) -> Answer {
    if asked.method != Method::GET {
        return Answer::text(405, "Method Not Allowed");
    }
    let mut projects = (0..PROJECTS).map(|number| Project::at(world, number));
    match asked.segments().as_slice() {
        ["api", "status", "projects"] => {
            let mut list: Vec<Json> = projects.map(|project| project.json(world)).collect();
            if asked.twist == Twist::PageShort {
                list.pop();
            }
            Answer::json(200, &Json::Array(list))
        }
        ["api", "geometries", id] => match projects.find(|project| project.location() == *id) {
            Some(project) if project.has_geometry() => {
                let pairs: Vec<String> = project
                    .ring()
                    .iter()
                    .map(|(east, north)| format!("{east} {north}"))
                    .collect();
                let text = format!("MULTIPOLYGON ((({})))", pairs.join(", "));
                Answer::json(200, &json!({"id": id, "geometryWkt": text}))
            }
            _ => Answer::json(404, &json!({"status": 404, "title": "Not Found"})),
        },
        _ => Answer::json(404, &json!({"status": 404, "title": "Not Found"})),
    }
}
