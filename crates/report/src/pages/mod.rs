//! The pages, one file for each kind. Each gives its title and its body; the frame is `page`'s.

pub(crate) mod actions;
pub(crate) mod adaptation;
pub(crate) mod area;
mod area_plan;
pub(crate) mod changes;
mod charts;
pub(crate) mod coverage;
mod effect;
pub(crate) mod home;
pub(crate) mod indicator;
pub(crate) mod methods;
pub(crate) mod plans;
pub(crate) mod projects;
pub(crate) mod sources;
pub(crate) mod targets;
mod weather;

use maud::{Markup, html};

use crate::{
    data::Facts,
    map::{Outlines, Shape},
    page::Place,
    text::Lang,
};

/// What a page is made with.
pub(crate) struct Desk<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) outlines: &'a Outlines,
    pub(crate) lang: Lang,
    pub(crate) place: Place,
}

/// A page without its frame.
pub(crate) struct Sheet {
    pub(crate) title: String,
    pub(crate) body: Markup,
}

impl Desk<'_> {
    /// A link to another page.
    pub(crate) fn link(&self, to: &Place, text: &str) -> Markup {
        html! { a href=(self.place.to(to, self.lang)) { (text) } }
    }

    /// The address of a file of the site.
    pub(crate) fn file(&self, path: &str) -> String {
        format!("{}{path}", self.place.up())
    }

    /// A link to where the figures of an indicator or table are explained.
    pub(crate) fn source(&self, anchor: &str) -> Markup {
        let address = self.explanation(anchor);
        html! { a href=(address) { (self.lang.of("Kilde og forklaring", "Source and explanation")) } }
    }

    /// A number that leads to its explanation.
    pub(crate) fn explained(&self, anchor: &str, text: &str) -> Markup {
        html! { a href=(self.explanation(anchor)) { (text) } }
    }

    fn explanation(&self, anchor: &str) -> String {
        let page = self.place.to(&Place::Sources, self.lang);
        let is_there = anchor.starts_with("core.") || self.facts.indicator(anchor).is_some();
        if is_there { format!("{page}#{anchor}") } else { page }
    }

    /// CSV and Parquet of the same name.
    pub(crate) fn downloads(&self, path: &str) -> Vec<(String, String)> {
        vec![
            ("CSV".to_owned(), self.file(&format!("data/{path}.csv"))),
            ("Parquet".to_owned(), self.file(&format!("data/{path}.parquet"))),
        ]
    }

    /// The same as links, for what stands in no figure: a ranking, a row of sparklines.
    pub(crate) fn download_links(&self, path: &str) -> Markup {
        html! { @for (name, address) in self.downloads(path) { " · " a href=(address) download { (name) } } }
    }

    /// The municipalities as shapes of the map.
    pub(crate) fn shapes(&self, value: impl Fn(&str) -> Option<f64>, write: &dyn Fn(f64) -> String) -> Vec<Shape> {
        let shape = |area: &crate::data::Area| {
            let value = value(&area.code);
            Shape {
                code: area.code.clone(),
                name: area.name(self.lang).to_owned(),
                address: self.place.to(&Place::Municipality(area.code.clone()), self.lang),
                value,
                written: value.map_or_else(|| self.lang.of("intet tal", "no figure").to_owned(), write),
            }
        };
        self.facts.municipalities.iter().map(shape).collect()
    }

    /// A municipality or region by its code, linked.
    pub(crate) fn area_link(&self, code: &str) -> Markup {
        let facts = self.facts;
        let Some(area) = facts.area(code) else {
            return html! { (code) };
        };
        let name = area.name(self.lang);
        match () {
            () if code == facts.country.code => self.link(&Place::Home, name),
            () if area.region.is_empty() => self.link(&Place::Region(code.to_owned()), name),
            () => self.link(&Place::Municipality(code.to_owned()), name),
        }
    }
}
