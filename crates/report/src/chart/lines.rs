//! Lines over years: a trajectory with its projections and the target path, or a few series beside each other.

use klimalade_model::Result;
use maud::{Markup, html};
use plotters::prelude::*;

use super::{AXIS, GRID, accessible, hex, undrawn};
use crate::{numbers, text::Lang};

/// How a line looks: colour and stroke differ, so that none is told by colour alone.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look {
    /// A line with a dot in each year.
    Dotted,
    /// A line.
    Solid,
    /// Dashes of so many pixels and as many between.
    Dashed(u32),
}

/// One series; years without a figure are left out.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) color: RGBColor,
    pub(crate) look: Look,
    pub(crate) points: Vec<(i16, f64)>,
}

/// A chart of lines. `unit` stands at the top of the axis.
pub(crate) fn lines(lang: Lang, id: &str, title: &str, unit: &str, series: &[Line]) -> Result<Markup> {
    let points = || series.iter().flat_map(|line| line.points.iter().copied());
    let (Some(first), Some(last)) = (points().map(|p| p.0).min(), points().map(|p| p.0).max()) else {
        return Ok(html! { p.none { (lang.no_figure()) } });
    };
    let (mut low, mut high) = points().fold((0.0_f64, 0.0_f64), |(low, high), p| (low.min(p.1), high.max(p.1)));
    if high <= low {
        high = low + 1.0;
    }
    high += (high - low) * 0.06;
    if low < 0.0 {
        low -= (high - low) * 0.04;
    }
    let (factor, prefix) = scale(high.max(-low), lang);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (560, 330)).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin_top(26)
            .margin_right(26)
            .margin_bottom(4)
            .x_label_area_size(28)
            .y_label_area_size(52)
            .build_cartesian_2d(f64::from(first)..f64::from(last.max(first + 1)), low..high)
            .map_err(undrawn)?;
        let decimals = if (high - low) / factor < 4.0 { 1 } else { 0 };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(GRID)
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&|year| {
                if year.fract().abs() < 1e-6 {
                    format!("{year:.0}")
                } else {
                    String::new()
                }
            })
            .y_label_formatter(&|value| numbers::fixed(value / factor, decimals, lang))
            .label_style(("sans-serif", 17).into_font().color(&AXIS))
            .draw()
            .map_err(undrawn)?;
        area.draw(&Text::new(
            format!("{prefix}{unit}"),
            (4, 4),
            ("sans-serif", 17).into_font().color(&AXIS),
        ))
        .map_err(undrawn)?;
        for line in series {
            let points: Vec<(f64, f64)> = line
                .points
                .iter()
                .map(|(year, value)| (f64::from(*year), *value))
                .collect();
            let stroke = line.color.stroke_width(3);
            chart
                .draw_series(LineSeries::new(points.iter().copied(), stroke))
                .map_err(undrawn)?;
            if matches!(line.look, Look::Dotted) {
                let dots = points.iter().map(|point| Circle::new(*point, 5, line.color.filled()));
                chart.draw_series(dots).map_err(undrawn)?;
            }
        }
        area.present().map_err(undrawn)?;
    }
    let names: Vec<&str> = series.iter().map(|line| line.name.as_str()).collect();
    let described = format!(
        "{} {first}–{last}: {}. {}",
        lang.of("Linjediagram", "Line chart"),
        names.join(", "),
        lang.of(
            "Tallene står i tabellen under diagrammet.",
            "The figures stand in the table below the chart."
        )
    );
    // Each line is one element with dashes of its own: plotters would draw each dash as an element.
    for line in series {
        if let Look::Dashed(size) = line.look {
            let stroke = format!("stroke=\"{}\" stroke-width=\"3\"", hex(line.color).to_uppercase());
            svg = svg.replace(
                &stroke,
                &format!("{stroke} stroke-dasharray=\"{size} {}\"", size.min(5)),
            );
        }
    }
    Ok(accessible(&svg, id, title, &described))
}

/// The unit of an axis, so that its labels stay short: its factor and how it is named before the unit.
pub(crate) fn scale(size: f64, lang: Lang) -> (f64, &'static str) {
    match size {
        size if size >= 2e6 => (1e6, lang.of("mio. ", "million ")),
        size if size >= 2e4 => (1e3, lang.of("1.000 ", "thousand ")),
        _ => (1.0, ""),
    }
}

/// The look of a line for the legend.
pub(crate) fn sample(color: RGBColor, look: Look) -> Markup {
    let dashes = match look {
        Look::Dashed(size) => Some(format!("{size} {}", size.min(5))),
        _ => None,
    };
    html! {
        svg.sample viewBox="0 0 34 12" width="34" height="12" aria-hidden="true" {
            line x1="1" y1="6" x2="33" y2="6" stroke=(hex(color)) stroke-width="3" stroke-dasharray=[dashes] {}
            @if matches!(look, Look::Dotted) { circle cx="17" cy="6" r="4.5" fill=(hex(color)) {} }
        }
    }
}
