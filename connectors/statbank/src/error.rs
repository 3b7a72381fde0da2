use klimalade_connect::Fault;

/// What StatBank, or a table of it, can be found to do wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An error body `{"errorTypeCode", "message"}` (API 1.6.5; seventeen bodies read 2026-11-23). They come with HTTP
    /// 400, also for an unknown table, and 404 for an unknown path.
    #[error("{code}: {message}")]
    Refused {
        /// `EXTRACT-NOTFOUND`, `REQUEST-LIMIT`, ...
        code: String,
        /// As served, in the language asked for.
        message: String,
    },
    /// The table carries the area codes from before the reform of 2007. SKOV1 does; its 101 is another area than today's.
    #[error("the area codes of the table are from before 2007")]
    OldMap {
        /// Table id.
        table: String,
        /// Area variable.
        variable: String,
        /// `map` as served.
        map: String,
    },
    /// The area variable is of another division than the pipeline expects.
    #[error("the table is divided by other areas than the pipeline expects")]
    OtherMap {
        /// Table id.
        table: String,
        /// `map` that the pipeline expects.
        expected: String,
        /// Variable and `map` as served.
        found: String,
    },
    /// The table's unit is not the one that the pipeline maps.
    #[error("the table has another unit than the pipeline expects")]
    OtherUnit {
        /// Table id.
        table: String,
        /// As the pipeline expects.
        expected: String,
        /// As served.
        found: String,
    },
    /// Unit `-`: a quarter of all tables (558 of 2,234 on 2025-09-07) has its units in a variable or in the texts.
    #[error("the table has no unit of its own")]
    UnitInVariable {
        /// Table id.
        table: String,
        /// Variables that may hold it.
        variables: String,
    },
    /// The table is no longer kept up.
    #[error("the table is inactive")]
    Inactive {
        /// Table id.
        table: String,
        /// As served.
        updated: String,
    },
    /// The table is older than the pipeline needs.
    #[error("the table is older than the pipeline needs")]
    Outdated {
        /// Table id.
        table: String,
        /// `min_updated`.
        expected: String,
        /// As served.
        found: String,
    },
    /// A setting names a variable that the table has not.
    #[error("the table has no such variable")]
    UnknownVariable {
        /// Table id.
        table: String,
        /// As the settings name it.
        name: String,
        /// The variables that there are.
        known: String,
    },
    /// A selection fits no code of the variable.
    #[error("the variable has no such code")]
    UnknownCode {
        /// Variable.
        variable: String,
        /// As the settings name it.
        pattern: String,
        /// The nearest codes with their texts.
        nearest: String,
    },
    /// A variable is neither selected nor eliminated. StatBank would sum over it, or take its total, whichever the
    /// table has: not neutral, so the pipeline says so (2026-11-23).
    #[error("a variable is neither selected nor eliminated")]
    Unchosen {
        /// Variable.
        variable: String,
        /// The first of its codes.
        codes: String,
    },
    /// The variable cannot be left out.
    #[error("the variable cannot be eliminated")]
    NoElimination {
        /// Variable.
        variable: String,
    },
    /// Two codes of a variable have one text, so texts cannot be made codes.
    #[error("a text stands for two codes")]
    TextTwice {
        /// Variable.
        variable: String,
        /// The text.
        text: String,
    },
    /// A period code from which the part's key cannot be read.
    #[error("the period belongs to no part of this split")]
    Period {
        /// Period code.
        code: String,
        /// `split`.
        split: &'static str,
    },
    /// The answer's header is not the request's.
    #[error("the header is not the one asked for")]
    Header {
        /// Columns asked for.
        expected: String,
        /// Columns served.
        found: String,
    },
    /// The answer has a code that was not asked for.
    #[error("the answer has a code that was not asked for")]
    CodeNotAsked {
        /// Variable.
        variable: String,
        /// As served.
        code: String,
    },
    /// CSV holds exactly the product of the values; here rows are missing or come twice.
    #[error("the answer is not the product of its values")]
    Rows {
        /// Product of the values on the page.
        expected: u64,
        /// Rows on the page.
        found: u64,
    },
    /// The last line has no end: the answer was cut.
    #[error("the answer is cut in its last line")]
    Cut,
    /// The sum of a BULK answer is not the total that was asked for beside it.
    #[error("the sum of the BULK answer is not the agency's total")]
    Control {
        /// Codes of the total.
        key: String,
        /// The agency's total.
        expected: String,
        /// Computed here.
        found: String,
    },
}

impl Error {
    /// True when StatBank finds the request too large.
    pub(crate) fn is_limit(fault: &Fault) -> bool {
        Self::refusal(fault) == Some("REQUEST-LIMIT")
    }
    /// The `errorTypeCode` under a fault.
    pub(crate) fn refusal(fault: &Fault) -> Option<&str> {
        match std::error::Error::source(fault)?.downcast_ref::<Self>()? {
            Self::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let what = error.to_string();
        match error {
            Error::Refused { ref code, .. } => refused(code).because(error),
            Error::OldMap { table, variable, map } => Fault::contract(what)
                .at(format!("{table}, {variable}"))
                .expected("a map of today's division, such as Denmark_municipality_07")
                .found(map)
                .hint("choose another table: before 2007, 350 is Storstrøms Amt and today it is Lejre"),
            Error::OtherMap { table, expected, found } => Fault::contract(what)
                .at(table)
                .expected(expected)
                .found(found)
                .hint("set area_variable, or expect_map (\"none\" for a table without areas)"),
            Error::OtherUnit { table, expected, found } => Fault::contract(what)
                .at(table)
                .expected(expected)
                .found(found)
                .hint("look at map.sql, then set expect_unit"),
            Error::UnitInVariable { table, variables } => Fault::settings(what)
                .at(table)
                .expected("unit_in_variable names the variable whose codes say the unit")
                .found(format!("unit \"-\" and the variables {variables}"))
                .hint("unit_in_variable = \"ENHED\", and map each of its codes"),
            Error::Inactive { table, updated } => Fault::contract(what)
                .at(table)
                .found(format!("active = false, updated {updated}"))
                .hint("look for its successor in /tables, or set allow_inactive = true"),
            Error::Outdated { table, expected, found } => Fault::source(what)
                .at(table)
                .expected(format!("updated on {expected} or later"))
                .found(found),
            Error::UnknownVariable { table, name, known } => Fault::settings(what)
                .at(table)
                .found(name)
                .expected(known)
                .hint("correct select, eliminate or area_variable"),
            Error::UnknownCode {
                variable,
                pattern,
                nearest,
            } => Fault::settings(what)
                .at(variable)
                .found(pattern)
                .expected(nearest)
                .hint("correct select"),
            Error::Unchosen { variable, codes } => Fault::settings(what)
                .found(format!("{variable} with the codes {codes}"))
                .hint(format!(
                    "select = {{ \"{variable}\" = [\"*\"] }}, or eliminate = [\"{variable}\"]"
                )),
            Error::NoElimination { variable } => Fault::settings(what)
                .found(&variable)
                .hint(format!("select = {{ \"{variable}\" = [\"*\"] }}")),
            Error::TextTwice { variable, text } => Fault::settings(what)
                .at(variable)
                .found(text)
                .hint("value_presentation = \"code\""),
            Error::Period { code, split } => Fault::settings(what)
                .found(format!("period {code}, split = \"{split}\""))
                .hint("split = \"year\" or \"all\""),
            Error::Header { expected, found } => Fault::contract(what).expected(expected).found(shown(&found)),
            Error::CodeNotAsked { variable, code } => Fault::contract(what).at(variable).found(shown(&code)),
            Error::Rows { expected, found } => Fault::source(what)
                .expected(format!("{expected} rows"))
                .found(format!("{found} rows")),
            Error::Cut => Fault::source(what).expected("a line end after the last row"),
            Error::Control { key, expected, found } => Fault::source(what)
                .at(key)
                .expected(expected)
                .found(found)
                .hint("format = \"csv\""),
        }
    }
}

/// So much of an answer as an error can show: one that is no CSV is all header.
fn shown(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn refused(code: &str) -> Fault {
    match code {
        "EXTRACT-NOTFOUND" => Fault::settings("StatBank does not know the table, a variable or a value")
            .hint("look the table up: it may be withdrawn or replaced by one with another id"),
        "EXTRACT-NOTALLOWED" => {
            Fault::settings("StatBank wants values for every variable here").hint("format = \"csv\"")
        }
        "REQUEST-LIMIT" => Fault::settings("the request has more cells than StatBank allows").hint("lower max_cells"),
        "REQUEST-NOTFOUND" => Fault::settings("StatBank has no such path").hint("correct base_url"),
        "REQUEST-MISSING" | "REQUEST-EMPTY" | "EXTRACT-STREAMINGTIMESORT" => {
            Fault::bug("StatBank does not understand the request")
        }
        _ => Fault::source("StatBank refused the request"),
    }
}
