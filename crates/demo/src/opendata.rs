//! Open Data DK: a CKAN portal with packages of three municipalities, and the object store of another host to which it
//! redirects downloads with a signed address.

use axum::http::Method;
use jiff::civil::date;
use klimalade_model::sha256_hex;
use serde_json::{Map, Value as Json, json};

use crate::{
    answer::{Answer, Asked, Content, Twist},
    draw::Draw,
    world::World,
};

/// The portal.
pub(crate) const HOST: &str = "admin.opendata.dk";
/// Where its files lie.
pub(crate) const STORE_HOST: &str = "opendata-dk.s3.eu-west-1.amazonaws.com";

/// Rows of a page whatever is asked for; the true portal gives 32,000.
const MOST_ROWS: usize = 500;
const KEY_ID: &str = "AKIASIMULERET";
/// Uploaded then; it does not move, so that a second night has nothing to ask for.
const UPLOADED: &str = "2026-09-01T09:30:00.418212";

/// A package: its name, who publishes it, its licence, and what it holds.
struct Package {
    name: &'static str,
    title: &'static str,
    organization: (&'static str, &'static str),
    licence: (&'static str, &'static str),
    area: &'static str,
    holds: Holds,
}

#[derive(Clone, Copy, PartialEq)]
enum Holds {
    /// A table of the datastore.
    Energy,
    /// A file.
    Cloudburst,
}

const AARHUS: (&str, &str) = ("city-of-aarhus", "Aarhus Kommune");
const COPENHAGEN: (&str, &str) = ("city-of-copenhagen", "Københavns Kommune");
const FREDERIKSBERG: (&str, &str) = ("city-of-frederiksberg", "Frederiksberg Kommune");
const CC_BY: (&str, &str) = ("cc-by", "Creative Commons Attribution");
const CC_BY_4: (&str, &str) = ("CC-BY-4.0", "Creative Commons Attribution 4.0");

const PACKAGES: [Package; 4] = [
    Package {
        name: "energiforbrug-kommunale-bygninger",
        title: "Energiforbrug i kommunale bygninger",
        organization: AARHUS,
        licence: CC_BY,
        area: "0751",
        holds: Holds::Energy,
    },
    Package {
        name: "energiforbrug-paa-frederiksberg",
        title: "Energiforbrug på Frederiksberg, kommunens ejendomme",
        organization: FREDERIKSBERG,
        licence: CC_BY_4,
        area: "0147",
        holds: Holds::Energy,
    },
    Package {
        name: "skybrudsprojekter",
        title: "Skybrudsprojekter",
        organization: COPENHAGEN,
        licence: CC_BY_4,
        area: "0101",
        holds: Holds::Cloudburst,
    },
    Package {
        name: "skybrudsprojekter-paa-frederiksberg",
        title: "Skybrudsprojekter på Frederiksberg",
        organization: FREDERIKSBERG,
        licence: CC_BY_4,
        area: "0147",
        holds: Holds::Cloudburst,
    },
];

impl Package {
    fn id(&self, world: &World) -> String {
        world.draw.text("package").text(self.name).uuid()
    }
    fn resource_id(&self, world: &World) -> String {
        world.draw.text("resource").text(self.name).uuid()
    }
    fn draw(&self, world: &World) -> Draw {
        world.draw.text("opendata").text(self.name)
    }
    fn path(&self, world: &World) -> String {
        format!(
            "/dataset/{}/resource/{}/download/{}.geojson",
            self.id(world),
            self.resource_id(world),
            self.name
        )
    }
    /// As `package_show` gives it.
    fn shown(&self, world: &World) -> Json {
        let (format, url, url_type, is_table) = match self.holds {
            Holds::Energy => (
                "CSV",
                format!("https://{HOST}/datastore/dump/{}", self.resource_id(world)),
                "datastore",
                true,
            ),
            Holds::Cloudburst => (
                "GeoJSON",
                format!("https://{HOST}{}", self.path(world)),
                "upload",
                false,
            ),
        };
        json!({
            "id": self.id(world), "name": self.name, "title": self.title, "state": "active", "type": "dataset", "private": false,
            "license_id": self.licence.0, "license_title": self.licence.1, "isopen": true,
            "metadata_created": "2021-03-01T10:00:00.000000", "metadata_modified": UPLOADED,
            "organization": {"id": self.organization.0, "name": self.organization.0, "title": self.organization.1,
                "type": "organization", "state": "active"},
            "num_resources": 2, "tags": [], "extras": [{"key": "Opdateringsfrekvens", "value": "Årlig"}],
            "resources": [
                {"id": self.resource_id(world), "name": self.title, "format": format, "state": "active", "url": url,
                    "url_type": url_type, "datastore_active": is_table, "created": "2021-03-01T10:00:00.000000",
                    "last_modified": UPLOADED, "metadata_modified": UPLOADED, "mimetype": null, "size": null, "position": 0},
                {"id": self.draw(world).text("link").uuid(), "name": "WMS", "format": "WMS", "state": "active",
                    "url": "https://kort.example-kommune.dk/wms?service=WMS&request=GetCapabilities", "url_type": null,
                    "datastore_active": false, "created": "2021-03-01T10:00:00.000000", "last_modified": null,
                    "metadata_modified": UPLOADED, "mimetype": null, "size": null, "position": 1},
            ],
        })
    }
}

/// Answers one request to the portal.
pub(crate) fn answer(world: &World, asked: &Asked) -> Answer {
    if asked.method != Method::GET {
        return bare(400, "Bad request - JSON Error: No request body data");
    }
    let Some(action) = asked.path.strip_prefix("/api/3/action/") else {
        return download(world, asked);
    };
    match action {
        "package_show" => match named(world, asked.parameter("id").unwrap_or_default()) {
            Some(package) => result(action, &package.shown(world)),
            None => not_found(action),
        },
        "package_search" => search(world, asked),
        "resource_show" => {
            let id = asked.parameter("id").unwrap_or_default();
            match PACKAGES.iter().find(|package| package.resource_id(world) == id) {
                Some(package) => result(action, &package.shown(world)["resources"][0]),
                None => not_found(action),
            }
        }
        "datastore_search" => table(world, asked),
        _ => bare(400, &format!("Bad request - Action name not known: {action}")),
    }
}

fn named<'p>(world: &World, name: &str) -> Option<&'p Package> {
    PACKAGES
        .iter()
        .find(|package| package.name == name || package.id(world) == name)
}

/// CKAN's envelope.
fn result(action: &str, result: &Json) -> Answer {
    let help = format!("https://{HOST}/api/3/action/help_show?name={action}");
    Answer::json(200, &json!({"help": help, "success": true, "result": result}))
}

fn failed(action: &str, status: u16, error: &Json) -> Answer {
    let help = format!("https://{HOST}/api/3/action/help_show?name={action}");
    Answer::json(status, &json!({"help": help, "error": error, "success": false}))
}

fn not_found(action: &str) -> Answer {
    failed(
        action,
        404,
        &json!({"__type": "Not Found Error", "message": "Not found"}),
    )
}

/// A JSON string alone, as CKAN answers what it cannot even read.
fn bare(status: u16, text: &str) -> Answer {
    Answer::json(status, &Json::from(text))
}

/// `q` in name or title, `fq=organization:<name>`; anything else finds all.
fn search(world: &World, asked: &Asked) -> Answer {
    let words = asked.parameter("q").unwrap_or_default().to_lowercase();
    let filter = asked.parameter("fq").unwrap_or_default();
    let mut found: Vec<&Package> = PACKAGES
        .iter()
        .filter(|package| package.title.to_lowercase().contains(&words) || package.name.contains(&words))
        .filter(|package| {
            filter
                .strip_prefix("organization:")
                .is_none_or(|organization| package.organization.0 == organization)
        })
        .collect();
    found.sort_by_key(|package| package.name);
    let number = |name: &str, else_: usize| {
        asked
            .parameter(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(else_)
    };
    let page: Vec<Json> = found
        .iter()
        .skip(number("start", 0))
        .take(number("rows", 10))
        .map(|package| package.shown(world))
        .collect();
    result(
        "package_search",
        &json!({"count": found.len(), "facets": {}, "results": page}),
    )
}

/// A page of a table. `_links.next` is there on every page, behind the last one too.
fn table(world: &World, asked: &Asked) -> Answer {
    let id = asked.parameter("resource_id").unwrap_or_default();
    if id.is_empty() {
        let error = json!({"resource_id": ["Missing value"], "__type": "Validation Error"});
        return failed("datastore_search", 409, &error);
    }
    let package = PACKAGES.iter().find(|package| package.resource_id(world) == id);
    let Some(package) = package.filter(|package| package.holds == Holds::Energy) else {
        return not_found("datastore_search");
    };
    let number = |name: &str, else_: usize| {
        asked
            .parameter(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(else_)
    };
    let limit = number("limit", 100).min(MOST_ROWS);
    let offset = number("offset", 0);
    let rows = energy(world, package);
    let total = rows.len();
    let from = if asked.twist == Twist::EndlessNext { 0 } else { offset };
    let mut records: Vec<Json> = rows.into_iter().skip(from).take(limit).collect();
    if asked.twist == Twist::PageShort {
        records.pop();
    }
    let link = |offset: usize| format!("/api/3/action/datastore_search?resource_id={id}&limit={limit}&offset={offset}");
    let field = |name: &str, kind: &str| json!({"id": name, "type": kind});
    result(
        "datastore_search",
        &json!({
            "include_total": true, "limit": limit, "offset": offset, "records_format": "objects", "resource_id": id,
            "total_estimation_threshold": null, "records": records,
            "fields": [field("_id", "int"), field("aar", "int4"), field("ejendom", "text"), field("energiart", "text"),
                field("kWh", "text")],
            "_links": {"start": link(0), "next": link(offset + limit)},
            "total": total, "total_was_estimated": false,
        }),
    )
}

/// What each property of a municipality used by year and kind of energy: decimal comma in a text, and `-` where there was
/// no meter. The running year is there too, as far as it has come.
fn energy(world: &World, package: &Package) -> Vec<Json> {
    const PLACES: [&str; 6] = ["Skole", "Børnehave", "Plejehjem", "Svømmehal", "Rådhus", "Værested"];
    const KINDS: [(&str, f64); 3] = [("El", 120_000.0), ("Fjernvarme", 300_000.0), ("Naturgas", 90_000.0)];
    let draw = package.draw(world);
    let mut rows = Vec::new();
    for year in world.script.first_year(2020)..=world.today().year() {
        for place in 0..48_i64 {
            for (kind, most) in KINDS {
                let own = draw.number(place).text(kind);
                if kind == "Naturgas" && own.unit() < 0.7 {
                    continue;
                }
                let hundredths = (own.number(i64::from(year)).between(0.5, 1.0) * own.unit() * most * 100.0) as i64;
                let kwh = match own.number(i64::from(year)).text("meter").unit() < 0.02 {
                    true => "-".to_owned(),
                    false => format!("{},{:02}", hundredths / 100, hundredths % 100),
                };
                let name = format!("{} {}", PLACES[place as usize % PLACES.len()], place + 1);
                rows.push(json!({"_id": rows.len() + 1, "aar": year, "ejendom": name, "energiart": kind, "kWh": kwh}));
            }
        }
    }
    rows
}

/// A download: away to the store, with an address that holds for an hour.
fn download(world: &World, asked: &Asked) -> Answer {
    let Some(package) = PACKAGES.iter().find(|package| package.path(world) == asked.path) else {
        return Answer::new(
            404,
            "text/html; charset=utf-8",
            Content::Whole(b"<!DOCTYPE html><html><body>404</body></html>".to_vec()),
        );
    };
    let expires = date(2026, 11, 24)
        .at(0, 0, 0, 0)
        .in_tz("UTC")
        .map_or(0, |zoned| zoned.timestamp().as_second());
    let to = format!(
        "https://{STORE_HOST}/resources/{}.geojson?AWSAccessKeyId={KEY_ID}&Signature={}&Expires={expires}",
        package.name,
        signature(world, package)
    );
    Answer::text(302, "Redirecting...").header("location", to)
}

fn signature(world: &World, package: &Package) -> String {
    sha256_hex(package.draw(world).text("signature").uuid().as_bytes())[..27].to_owned()
}

/// Answers one request to the store: nothing without the signature, and an error that quotes it.
pub(crate) fn store_answer(world: &World, asked: &Asked) -> Answer {
    let name = asked
        .path
        .trim_start_matches("/resources/")
        .trim_end_matches(".geojson");
    let Some(package) = named(world, name) else {
        return refused(404, "NoSuchKey", "The specified key does not exist.", "");
    };
    let given = asked.parameter("Signature").unwrap_or_default();
    if given != signature(world, package) {
        return refused(403, "AccessDenied", "Request has expired", given);
    }
    let bytes = cloudburst(world, package, asked.twist == Twist::PageShort)
        .to_string()
        .into_bytes();
    let etag = format!("\"{}\"", &sha256_hex(&bytes)[..32]);
    if asked.header("if-none-match") == Some(etag.as_str()) {
        return Answer::new(304, "application/geo+json", Content::Whole(Vec::new())).header("etag", etag);
    }
    Answer::new(200, "application/geo+json", Content::Whole(bytes)).header("etag", etag)
}

fn refused(status: u16, code: &str, message: &str, signature: &str) -> Answer {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
         <AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId><SignatureProvided>{signature}</SignatureProvided></Error>"
    );
    Answer::new(status, "application/xml", Content::Whole(text.into_bytes()))
}

/// A feature for each project, longitude before latitude.
fn cloudburst(world: &World, package: &Package, short: bool) -> Json {
    const STAGES: [&str; 5] = ["Idé", "Forprojekt", "Bevilget", "Ibrugtaget", "Udgået"];
    const KINDS: [&str; 4] = [
        "Skybrudsvej",
        "Forsinkelsesvej",
        "Centralt forsinkelseselement",
        "Grøn vej",
    ];
    let draw = package.draw(world);
    let count = if package.area == "0101" { 120 } else { 35 };
    let mut features: Vec<Json> = (0..count)
        .map(|at| {
            let own = draw.number(at);
            let (x, y) = (12.50 + own.text("x").unit() * 0.1, 55.65 + own.text("y").unit() * 0.06);
            let (width, height) = (
                0.0004 + own.text("w").unit() * 0.001,
                0.0002 + own.text("h").unit() * 0.0006,
            );
            let degrees = |value: f64| (value * 1e6).round() / 1e6;
            let corner = |dx: f64, dy: f64| json!([degrees(x + dx * width), degrees(y + dy * height)]);
            // A degree is some 63 km by 111 km here.
            let m2 = (width * 63_000.0 * height * 111_000.0).round();
            let stage = STAGES[(own.text("stage").unit() * STAGES.len() as f64) as usize];
            let kind = KINDS[(own.text("kind").unit() * KINDS.len() as f64) as usize];
            let mut properties = Map::new();
            properties.insert("projekt_nr".to_owned(), json!(format!("SK{:03}", at + 1)));
            properties.insert(
                "projekt_navn".to_owned(),
                json!(format!("{kind} nr. {}, Østerbro og Nørrebro", at + 1)),
            );
            properties.insert("typologi".to_owned(), json!(kind));
            properties.insert("status".to_owned(), json!(stage));
            properties.insert(
                "areal_m2".to_owned(),
                if stage == "Idé" { Json::Null } else { json!(m2) },
            );
            let ring = [
                corner(0.0, 0.0),
                corner(1.0, 0.0),
                corner(1.0, 1.0),
                corner(0.0, 1.0),
                corner(0.0, 0.0),
            ];
            json!({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties})
        })
        .collect();
    if short {
        features.pop();
    }
    json!({"type": "FeatureCollection", "name": package.title, "features": features})
}
