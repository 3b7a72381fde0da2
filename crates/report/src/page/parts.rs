//! Parts that pages share: a figure with its table and downloads, a tile, a value with its reason where there is none.

use maud::{Markup, html};

use crate::text::Lang;

/// A chart with what belongs to it.
pub(crate) struct Figure {
    /// What it shows.
    pub(crate) title: String,
    /// One sentence below the title; may be empty.
    pub(crate) note: String,
    /// The drawing.
    pub(crate) drawing: Markup,
    /// Name and look of each series; empty where the chart needs none.
    pub(crate) legend: Markup,
    /// The figures of the chart.
    pub(crate) table: Markup,
    /// Addresses of CSV and Parquet, from the page.
    pub(crate) files: Vec<(String, String)>,
    /// Where the figures are explained.
    pub(crate) source: Markup,
}

/// A figure: title, drawing, legend, the table behind it, downloads, source.
pub(crate) fn figure(lang: Lang, figure: &Figure) -> Markup {
    html! {
        figure.chart {
            figcaption {
                h3 { (figure.title) }
                @if !figure.note.is_empty() { p { (figure.note) } }
            }
            div.drawing { (figure.drawing) }
            (figure.legend)
            details {
                summary { (lang.of("Vis tallene som tabel", "Show the figures as a table")) }
                div.scroll tabindex="0" { (figure.table) }
            }
            p.from {
                (figure.source)
                @for (name, address) in &figure.files {
                    " · " a href=(address) download { (name) }
                }
            }
        }
    }
}

/// A headline number.
pub(crate) fn tile(label: &str, value: &Markup, note: &Markup) -> Markup {
    html! {
        div.tile {
            p.label { (label) }
            p.value { (value) }
            p.note { (note) }
        }
    }
}

/// A value, or a dash and why there is none.
pub(crate) fn or_dash(value: Option<String>, why: &str) -> Markup {
    match value {
        Some(value) => html! { (value) },
        None => html! { span.none title=(why) { "–" span.hidden { " (" (why) ")" } } },
    }
}

/// A value, or a dash, in a table that says once below itself what its dashes mean.
pub(crate) fn or_bare_dash(value: Option<String>) -> Markup {
    html! { (value.unwrap_or_else(|| "–".to_owned())) }
}

/// What the dashes of a table mean.
pub(crate) fn dashes_mean(why: &str) -> Markup {
    html! { p.small { "–: " (why) "." } }
}

/// A table: header cells, rows of cells; the first column names the row, the others are numbers.
pub(crate) fn table(caption: &str, header: &[String], rows: &[Vec<Markup>]) -> Markup {
    html! {
        table {
            caption.hidden { (caption) }
            thead { tr { @for cell in header { th scope="col" { (cell) } } } }
            tbody {
                @for row in rows {
                    tr {
                        @for (at, cell) in row.iter().enumerate() {
                            @if at == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                        }
                    }
                }
            }
        }
    }
}

/// A line of a legend: the look of a series drawn, then its name.
pub(crate) fn legend(entries: &[(Markup, String)]) -> Markup {
    html! {
        ul.legend {
            @for (look, name) in entries { li { (look) (name) } }
        }
    }
}
