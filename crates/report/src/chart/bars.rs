//! Bars: stacked over years, and single ones in the rows of a ranking.

use klimalade_model::Result;
use maud::{Markup, html};
use plotters::prelude::*;

use super::{AXIS, GRID, accessible, lines::scale, undrawn};
use crate::{numbers, text::Lang};

/// A stack per year: name, colour and a value for each year. What is below zero is stacked downwards.
pub(crate) fn stack(
    lang: Lang,
    id: &str,
    title: &str,
    unit: &str,
    years: &[i16],
    series: &[(String, RGBColor, Vec<Option<f64>>)],
) -> Result<Markup> {
    let sum = |at: usize, up: bool| -> f64 {
        let values = series
            .iter()
            .filter_map(|(_, _, values)| values.get(at).copied().flatten());
        values.filter(|value| (*value >= 0.0) == up).sum()
    };
    let high = (0..years.len()).map(|at| sum(at, true)).fold(0.0, f64::max);
    let low = (0..years.len()).map(|at| sum(at, false)).fold(0.0, f64::min);
    if years.is_empty() || high <= low {
        return Ok(html! { p.none { (lang.no_figure()) } });
    }
    let (factor, prefix) = scale(high.max(-low), lang);
    let room = (high - low) * 0.06;
    let bottom = if low < 0.0 { low - room } else { 0.0 };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (560, 330)).into_drawing_area();
        let last = years.len() as f64;
        let mut chart = ChartBuilder::on(&area)
            .margin_top(26)
            .margin_right(10)
            .margin_bottom(4)
            .x_label_area_size(28)
            .y_label_area_size(52)
            .build_cartesian_2d(-0.5..last - 0.5, bottom..high + room)
            .map_err(undrawn)?;
        let decimals = if (high - low) / factor < 4.0 { 1 } else { 0 };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .disable_x_axis()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(GRID)
            .y_labels(6)
            .x_labels(0)
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
        let every = years.len().div_ceil(10);
        for (at, year) in years.iter().enumerate() {
            let (mut up, mut down) = (0.0, 0.0);
            for (_, color, values) in series {
                let Some(value) = values.get(at).copied().flatten() else {
                    continue;
                };
                let from = if value >= 0.0 { &mut up } else { &mut down };
                let place = at as f64;
                let bar = Rectangle::new([(place - 0.34, *from), (place + 0.34, *from + value)], color.filled());
                *from += value;
                chart.draw_series([bar]).map_err(undrawn)?;
            }
            if at % every == 0 {
                let (x, _) = chart.backend_coord(&(at as f64, bottom));
                let label = Text::new(
                    year.to_string(),
                    (x - 17, 306),
                    ("sans-serif", 17).into_font().color(&AXIS),
                );
                area.draw(&label).map_err(undrawn)?;
            }
        }
        let zero = PathElement::new([(-0.5, 0.0), (last - 0.5, 0.0)], AXIS);
        chart.draw_series([zero]).map_err(undrawn)?;
        area.present().map_err(undrawn)?;
    }
    let names: Vec<&str> = series.iter().map(|(name, ..)| name.as_str()).collect();
    let described = format!(
        "{} {}–{}: {}. {}",
        lang.of("Stablede søjler", "Stacked bars"),
        years.first().copied().unwrap_or_default(),
        years.last().copied().unwrap_or_default(),
        names.join(", "),
        lang.of(
            "Tallene står i tabellen under diagrammet.",
            "The figures stand in the table below the chart."
        )
    );
    Ok(accessible(&svg, id, title, &described))
}

/// A bar in the row of a ranking: its number stands beside it, so it says nothing to a screen reader. `stands_out` is for what is
/// above a limit.
pub(crate) fn bar(value: f64, low: f64, high: f64, stands_out: bool) -> Markup {
    let (low, high) = (low.min(0.0), high.max(0.0));
    let span = if high > low { high - low } else { 1.0 };
    let place = |value: f64| ((value - low) / span * 100.0).clamp(0.0, 100.0);
    let (from, to) = (place(value.min(0.0)), place(value.max(0.0)));
    let x = (from >= 0.05).then(|| format!("{from:.1}%"));
    html! {
        svg.bar aria-hidden="true" {
            rect class=[stands_out.then_some("out")] x=[x] width={ (format!("{:.1}", (to - from).max(0.3))) "%" } {}
        }
    }
}
