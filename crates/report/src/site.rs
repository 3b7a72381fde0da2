//! Writes the site: pages in two languages, style, script, names to search, tables to download.

use std::{
    fs,
    path::{Path, PathBuf},
};

use klimalade_model::{Fault, Result};

use crate::{
    data::{FILE, Facts},
    map::Outlines,
    page::{Place, frame, threshold},
    pages::{self, Desk, Sheet},
    text::Lang,
};

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// HTML pages.
    pub pages: usize,
    /// All files.
    pub files: usize,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes of the largest page.
    pub largest_page: u64,
}

/// A folder that is being filled.
pub(crate) struct Folder {
    root: PathBuf,
    pub(crate) summary: Summary,
}

impl Folder {
    /// Puts a file. Errors: Settings, when the folder cannot be written.
    pub(crate) fn put(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        let file = self.root.join(path);
        let fault = |why| {
            Fault::settings("the report cannot be written")
                .at(file.display().to_string())
                .because(why)
        };
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(fault)?;
        }
        fs::write(&file, bytes).map_err(fault)?;
        let size = bytes.len() as u64;
        self.summary.files += 1;
        self.summary.bytes += size;
        if path.ends_with(".html") {
            self.summary.pages += 1;
            self.summary.largest_page = self.summary.largest_page.max(size);
        }
        Ok(())
    }
}

/// All pages of a language.
fn places(facts: &Facts) -> Vec<Place> {
    let mut all = vec![
        Place::Home,
        Place::Municipalities,
        Place::Indicators,
        Place::Targets,
        Place::Plans,
        Place::Actions,
        Place::Projects,
        Place::Adaptation,
        Place::Coverage,
        Place::Changes,
        Place::Methods,
        Place::Sources,
        Place::Mappings,
        Place::Downloads,
    ];
    all.extend(facts.regions.iter().map(|area| Place::Region(area.code.clone())));
    all.extend(
        facts
            .municipalities
            .iter()
            .map(|area| Place::Municipality(area.code.clone())),
    );
    all.extend(
        facts
            .indicators
            .iter()
            .map(|indicator| Place::Indicator(indicator.code.clone())),
    );
    all
}

fn sheet(desk: &Desk) -> Result<Sheet> {
    let unnamed = |code: &str| Fault::bug("a page is of nothing").at(code);
    match &desk.place {
        Place::Home => pages::home::sheet(desk),
        Place::Municipalities => pages::indicator::areas(desk),
        Place::Municipality(code) | Place::Region(code) => {
            pages::area::sheet(desk, desk.facts.area(code).ok_or_else(|| unnamed(code))?)
        }
        Place::Indicators => pages::indicator::list(desk),
        Place::Indicator(code) => {
            pages::indicator::sheet(desk, desk.facts.indicator(code).ok_or_else(|| unnamed(code))?)
        }
        Place::Adaptation => pages::adaptation::sheet(desk),
        Place::Actions => Ok(pages::actions::sheet(desk)),
        Place::Plans => Ok(pages::plans::sheet(desk)),
        Place::Projects => Ok(pages::projects::sheet(desk)),
        Place::Targets => pages::targets::sheet(desk),
        Place::Coverage => Ok(pages::coverage::sheet(desk)),
        Place::Changes => Ok(pages::changes::sheet(desk)),
        Place::Methods => Ok(pages::methods::sheet(desk)),
        Place::Sources => Ok(pages::sources::sheet(desk)),
        Place::Mappings => Ok(pages::sources::mappings(desk)),
        Place::Downloads => Ok(pages::methods::downloads(desk)),
    }
}

/// Names for the search box, as a script of its own: a page may load no JSON from a disk.
fn names(facts: &Facts, lang: Lang) -> String {
    let mut entries = Vec::new();
    let mut add = |name: &str, kind: &str, place: &Place, code: &str| {
        entries.push(serde_json::json!([name, kind, place.path(lang), code]));
    };
    for area in &facts.municipalities {
        add(
            area.name(lang),
            lang.of("kommune", "municipality"),
            &Place::Municipality(area.code.clone()),
            &area.code,
        );
    }
    for area in &facts.regions {
        add(area.name(lang), "region", &Place::Region(area.code.clone()), &area.code);
    }
    for indicator in &facts.indicators {
        add(
            indicator.name(lang),
            lang.of("indikator", "indicator"),
            &Place::Indicator(indicator.code.clone()),
            &indicator.code,
        );
    }
    format!("globalThis.klimaladeNames = {};\n", serde_json::Value::Array(entries))
}

/// Writes all of it.
pub(crate) fn write(facts: &Facts, out: &Path) -> Result<Summary> {
    let mut folder = Folder {
        root: out.to_owned(),
        summary: Summary::default(),
    };
    let outlines = Outlines::read()?;
    folder.put("assets/report.css", include_bytes!("assets/report.css"))?;
    folder.put("assets/report.js", include_bytes!("assets/report.js"))?;
    folder.put("assets/icon.svg", include_bytes!("assets/icon.svg"))?;
    folder.put("index.html", threshold(&facts.site).as_bytes())?;
    folder.put(FILE, facts.edition.told(facts.site.year, &facts.site.newest).as_bytes())?;
    for lang in Lang::ALL {
        folder.put(
            &format!("assets/search-{}.js", lang.code()),
            names(facts, lang).as_bytes(),
        )?;
        for place in places(facts) {
            let desk = Desk {
                facts,
                outlines: &outlines,
                lang,
                place,
            };
            let sheet = sheet(&desk)?;
            let page = frame(&facts.site, &desk.place, lang, &sheet.title, &sheet.body);
            folder.put(&desk.place.path(lang), page.as_bytes())?;
        }
    }
    crate::tables::write(facts, &mut folder)?;
    Ok(folder.summary)
}
