//! Sparklines: the shape of a series without axes, beside its newest number.

use klimalade_model::Result;
use maud::{Markup, PreEscaped, html};
use plotters::prelude::*;

use super::{BLUE, marks, undrawn};

/// A series as a line of 120 by 28 pixels with a dot in its last year. The number beside it says what it shows.
pub(crate) fn spark(points: &[(i16, f64)]) -> Result<Markup> {
    let marks = marks_of(points)?;
    Ok(html! { @if !marks.is_empty() { svg.spark aria-hidden="true" { (PreEscaped(marks)) } } })
}

/// The same, as wide as the room it is given.
pub(crate) fn wide_spark(points: &[(i16, f64)]) -> Result<Markup> {
    let marks = marks_of(points)?;
    Ok(html! { @if !marks.is_empty() { svg.spark viewBox="0 0 120 28" aria-hidden="true" { (PreEscaped(marks)) } } })
}

fn marks_of(points: &[(i16, f64)]) -> Result<String> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Ok(String::new());
    };
    if points.len() < 2 {
        return Ok(String::new());
    }
    let low = points.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
    let room = if high > low { (high - low) * 0.1 } else { 1.0 };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (120, 28)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(4)
            .build_cartesian_2d(f64::from(first.0)..f64::from(last.0), low - room..high + room)
            .map_err(undrawn)?;
        let line = points.iter().map(|(year, value)| (f64::from(*year), *value));
        chart
            .draw_series(LineSeries::new(line, BLUE.stroke_width(2)))
            .map_err(undrawn)?;
        chart
            .draw_series([Circle::new((f64::from(last.0), last.1), 3, BLUE.filled())])
            .map_err(undrawn)?;
        area.present().map_err(undrawn)?;
    }
    let inner = svg.split_once('>').map_or("", |(_, rest)| rest);
    Ok(marks::of_spark(inner))
}
