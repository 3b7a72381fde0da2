//! The map of the municipalities: shared borders stay shared, since all points are moved to one grid; Bornholm is an inset.

mod coarse;

use std::collections::BTreeMap;

use klimalade_model::{Fault, Result};
use maud::{Markup, html};

use self::coarse::Point;
use crate::{chart::outline, text::Lang};

/// Who made the boundaries; stands below each map.
pub(crate) const ATTRIBUTION: &str =
    "Geodatastyrelsen & Danske Kommuner, FOT-datasæt, 2014 (DAGI, i dag Klimadatastyrelsen), forenklet / simplified";

const BOUNDARIES: &str = include_str!("../../../demo/data/municipalities.geojson");
/// Metres of one step of the grid.
const STEP: f64 = 600.0;
const WEST: f64 = 440_000.0;
const NORTH: f64 = 6_403_000.0;
/// How far a border may be moved, in steps.
const TOLERANCE: f64 = 1.3;
/// Twice the area of the smallest island that is drawn, in steps.
const ISLET: i64 = 14;
const BORNHOLM: &str = "0400";
/// No municipality.
const CHRISTIANSOE: &str = "0411";
/// Where the inset is moved, in metres.
const INSET: (f64, f64) = (-159_000.0, 215_000.0);
/// Light to dark; also in grey.
const SHADES: [&str; 5] = ["#e6eef6", "#b5cfe5", "#74a9cf", "#2b7bba", "#08436f"];

/// The outlines of all municipalities, ready to be drawn.
pub(crate) struct Outlines(BTreeMap<String, String>);

impl Outlines {
    /// Reads the boundaries in the binary.
    pub(crate) fn read() -> Result<Self> {
        let broken = || Fault::bug("the boundaries of the map cannot be read").at("municipalities.geojson");
        let read: serde_json::Value = serde_json::from_str(BOUNDARIES).map_err(|why| broken().because(why))?;
        let (mut owners, mut rings) = (Vec::new(), Vec::new());
        for feature in read["features"].as_array().ok_or_else(broken)? {
            let code = feature["properties"]["kode"].as_str().ok_or_else(broken)?;
            let polygons = feature["geometry"]["coordinates"].as_array().ok_or_else(broken)?;
            for ring in polygons.iter().filter_map(|polygon| polygon.as_array()).flatten() {
                owners.push(code);
                rings.push(on_grid(ring.as_array().ok_or_else(broken)?, code == BORNHOLM));
            }
        }
        coarse::simplify(&mut rings, TOLERANCE);
        let mut outlines: BTreeMap<String, Vec<Vec<Point>>> = BTreeMap::new();
        for (code, ring) in owners.into_iter().zip(rings).filter(|(code, _)| *code != CHRISTIANSOE) {
            outlines.entry(code.to_owned()).or_default().push(ring);
        }
        let drawn = outlines.into_iter().map(|(code, mut rings)| {
            rings.sort_by_key(|ring| std::cmp::Reverse(area(ring)));
            // Islets of a few steps go, but never all of a municipality.
            let kept = rings
                .iter()
                .enumerate()
                .filter(|(at, ring)| *at == 0 || area(ring) >= ISLET)
                .map(|(_, ring)| path(ring));
            (code, kept.collect())
        });
        Ok(Self(drawn.collect()))
    }
}

fn on_grid(ring: &[serde_json::Value], inset: bool) -> Vec<Point> {
    let (right, up) = if inset { INSET } else { (0.0, 0.0) };
    let mut points: Vec<Point> = Vec::new();
    for point in ring {
        let (Some(x), Some(y)) = (point[0].as_f64(), point[1].as_f64()) else {
            continue;
        };
        let place = (
            ((x + right - WEST) / STEP).round() as i64,
            ((NORTH - y - up) / STEP).round() as i64,
        );
        if points.last() != Some(&place) {
            points.push(place);
        }
    }
    points.pop();
    points
}

/// Twice the area, in steps.
fn area(ring: &[Point]) -> i64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter()
        .zip(next)
        .map(|(a, b)| a.0 * b.1 - b.0 * a.1)
        .sum::<i64>()
        .abs()
}

/// A ring without points that stand twice, and without spikes: what the grid pressed flat, out and back the same way.
fn tidy(ring: &[Point]) -> Vec<Point> {
    let mut kept: Vec<Point> = ring.to_vec();
    loop {
        let before = kept.len();
        let around = |at: usize| (kept[(at + before - 1) % before], kept[at], kept[(at + 1) % before]);
        let spike = (0..before).find(|at| {
            let (last, here, next) = around(*at);
            before > 3 && (here == next || last == next)
        });
        match spike {
            Some(at) => kept.remove(at),
            None => return kept,
        };
    }
}

fn path(ring: &[Point]) -> String {
    format!("{}z", outline(&tidy(ring)))
}

/// A municipality on the map.
pub(crate) struct Shape {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) value: Option<f64>,
    /// The value as it is written.
    pub(crate) written: String,
}

/// The bounds of five classes with as many municipalities each, where values differ so much.
fn bounds(shapes: &[Shape]) -> Vec<f64> {
    let mut values: Vec<f64> = shapes.iter().filter_map(|shape| shape.value).collect();
    values.sort_by(f64::total_cmp);
    let mut bounds: Vec<f64> = (1..SHADES.len())
        .filter_map(|class| values.get(class * values.len() / SHADES.len()).copied())
        .collect();
    bounds.dedup();
    if bounds.first() == values.first() && bounds.len() > 1 {
        bounds.remove(0);
    }
    bounds
}

fn class(value: f64, bounds: &[f64]) -> usize {
    let class = bounds.iter().filter(|bound| value >= **bound).count();
    if bounds.is_empty() {
        2
    } else {
        class * (SHADES.len() - 1) / bounds.len()
    }
}

/// The map, shaded by value, with links to the municipalities' pages, and its legend.
pub(crate) fn choropleth(
    lang: Lang,
    id: &str,
    outlines: &Outlines,
    title: &str,
    shapes: &[Shape],
    write: &dyn Fn(f64) -> String,
) -> Markup {
    let bounds = bounds(shapes);
    let lowest = shapes
        .iter()
        .filter_map(|shape| shape.value)
        .fold(f64::INFINITY, f64::min);
    let highest = shapes
        .iter()
        .filter_map(|shape| shape.value)
        .fold(f64::NEG_INFINITY, f64::max);
    let has_gaps = shapes.iter().any(|shape| shape.value.is_none());
    let hatch = format!("{id}-none");
    let classes: Vec<(f64, f64)> = (0..=bounds.len())
        .map(|at| {
            (
                if at == 0 { lowest } else { bounds[at - 1] },
                bounds.get(at).copied().unwrap_or(highest),
            )
        })
        .collect();
    html! {
        div.map {
            svg viewBox="0 0 520 590" role="group" aria-labelledby={ (id) "-t " (id) "-d" } {
                title id={ (id) "-t" } { (title) }
                desc id={ (id) "-d" } {
                    (lang.of(
                        "Kort over de 98 kommuner. Hver kommune er et link til dens side; tallene står i tabellen.",
                        "Map of the 98 municipalities. Each is a link to its page; the figures stand in the table.",
                    ))
                }
                defs {
                    pattern id=(hatch) width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                        rect width="6" height="6" fill="#fff" {}
                        line x1="0" y1="0" x2="0" y2="6" stroke="#9aa3b0" stroke-width="2" {}
                    }
                }
                g stroke="#fff" stroke-width=".8" stroke-linejoin="round" {
                    @for shape in shapes {
                        @if let Some(outline) = outlines.0.get(&shape.code) {
                            a href=(shape.address) {
                                title { (shape.name) ": " (shape.written) }
                                path d=(outline) fill=(shape.value.map_or(format!("url(#{hatch})"), |value| SHADES[class(value, &bounds)].to_owned())) {}
                            }
                        }
                    }
                }
                rect x="426" y="64" width="88" height="80" fill="none" stroke="#9aa3b0" {}
                text x="428" y="160" font-size="15" fill="#566072" { "Bornholm" }
            }
            ul.legend {
                @if lowest.is_finite() {
                    @for (at, (from, to)) in classes.iter().enumerate() {
                        @let shade = if bounds.is_empty() { 2 } else { at * (SHADES.len() - 1) / bounds.len() };
                        li {
                            svg width="18" height="12" viewBox="0 0 18 12" aria-hidden="true" { rect width="18" height="12" fill=(SHADES[shade]) stroke="#7b8696" {} }
                            (write(*from)) "–" (write(*to))
                        }
                    }
                }
                @if has_gaps {
                    li {
                        svg width="18" height="12" viewBox="0 0 18 12" aria-hidden="true" { rect width="18" height="12" fill={ "url(#" (hatch) ")" } stroke="#7b8696" {} }
                        (lang.of("intet tal", "no figure"))
                    }
                }
            }
            p.small { (lang.of("Grænser: ", "Boundaries: ")) (ATTRIBUTION) }
        }
    }
}
