//! Charts as SVG: scales, ticks, axes and series are plotters'; title, description and focus are ours.

mod bars;
mod lines;
mod marks;
mod spark;

use maud::{Markup, html};
use plotters::style::RGBColor;

pub(crate) use bars::{bar, stack};
pub(crate) use lines::{Line, Look, lines, sample};
pub(crate) use marks::outline;
pub(crate) use spark::{spark, wide_spark};

/// Okabe and Ito's colours, which the colour-blind tell apart; the yellow is left out, for it fades on white.
pub(crate) const BLACK: RGBColor = RGBColor(29, 36, 48);
pub(crate) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(crate) const SKY: RGBColor = RGBColor(86, 180, 233);
pub(crate) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(crate) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(crate) const VERMILLION: RGBColor = RGBColor(213, 94, 0);
pub(crate) const PURPLE: RGBColor = RGBColor(204, 121, 167);
const GRID: RGBColor = RGBColor(222, 226, 232);
const AXIS: RGBColor = RGBColor(92, 102, 117);

/// A colour as CSS and SVG write it.
pub(crate) fn hex(color: RGBColor) -> String {
    format!("#{:02x}{:02x}{:02x}", color.0, color.1, color.2)
}

/// A drawing failed: plotters says why.
pub(crate) fn undrawn(why: impl std::fmt::Display) -> klimalade_model::Fault {
    klimalade_model::Fault::bug("a chart cannot be drawn").found(why.to_string())
}

/// Gives the SVG of plotters a title and a description, and takes its fixed size and font away: the page's hold.
/// `id` is unique on the page.
pub(crate) fn accessible(svg: &str, id: &str, title: &str, description: &str) -> Markup {
    let Some((head, rest)) = svg.split_once('>') else {
        return html! {};
    };
    let view = head
        .split_once("viewBox=\"")
        .and_then(|(_, tail)| tail.split_once('"'))
        .map_or("", |(view, _)| view);
    let inner = rest.trim_end().trim_end_matches("</svg>");
    html! {
        svg viewBox=(view) role="img" aria-labelledby={ (id) "-t " (id) "-d" } {
            title id={ (id) "-t" } { (title) }
            desc id={ (id) "-d" } { (description) }
            (maud::PreEscaped(marks::grouped(inner)))
        }
    }
}
