use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

/// `Result` with the project's one carrier of failure.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

/// Who has to act on a failure. Decides retry, exit code and what the ledger says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// May pass by itself: a timeout, HTTP 5xx, 429. Retried; a warning while the last good harvest is fresh enough.
    Transient,
    /// The agency answered something that is not what it offers: HTML for JSON, a page too few, a cut body.
    Source,
    /// The answer is whole but breaks what the pipeline declared: a missing column, an unknown code, a rejected row.
    Contract,
    /// Somebody wrote something wrong in pipeline.toml, map.sql, klimalade.toml or on the command line.
    Settings,
    /// Ours.
    Bug,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Transient => "transient",
            Kind::Source => "source",
            Kind::Contract => "contract",
            Kind::Settings => "settings",
            Kind::Bug => "bug",
        })
    }
}

/// What went wrong, where, what was expected, what was found, and what to type next.
///
/// Each crate names its own failures in an enum of its own and turns them into a `Fault` where they leave the
/// crate; the runner, the ledger and the command line know only this shape.
#[derive(Clone, Debug)]
pub struct Fault {
    inner: Box<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    kind: Kind,
    what: String,
    place: Vec<String>,
    expected: Option<String>,
    found: Option<String>,
    hint: Option<String>,
    wait: Option<Duration>,
    is_off: bool,
    is_worth_another_walk: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Fault {
    /// A fault of this kind; `what` is one sentence without a full stop.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                what: what.into(),
                place: Vec::new(),
                expected: None,
                found: None,
                hint: None,
                wait: None,
                is_off: false,
                is_worth_another_walk: false,
                source: None,
            }),
        }
    }
    /// [`Kind::Transient`].
    pub fn transient(what: impl Into<String>) -> Self {
        Self::new(Kind::Transient, what)
    }
    /// [`Kind::Source`].
    pub fn source(what: impl Into<String>) -> Self {
        Self::new(Kind::Source, what)
    }
    /// [`Kind::Contract`].
    pub fn contract(what: impl Into<String>) -> Self {
        Self::new(Kind::Contract, what)
    }
    /// [`Kind::Settings`].
    pub fn settings(what: impl Into<String>) -> Self {
        Self::new(Kind::Settings, what)
    }
    /// [`Kind::Bug`].
    pub fn bug(what: impl Into<String>) -> Self {
        Self::new(Kind::Bug, what)
    }
    /// Adds a place (file and line, pipeline, part, page, redacted address); called from the inside out. Two callers
    /// that name one place name it once.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        let place = place.into();
        if self.inner.place.last() != Some(&place) {
            self.inner.place.push(place);
        }
        self
    }
    /// The innermost place, a file of a folder (`map.sql:3:7`), as a path from above that folder; the folder itself
    /// where no place is known yet.
    #[must_use]
    pub fn within(mut self, folder: &str) -> Self {
        match self.inner.place.first_mut() {
            Some(place) => *place = format!("{folder}/{place}"),
            None => self.inner.place.push(folder.to_owned()),
        }
        self
    }
    /// What should have been there.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.inner.expected = Some(expected.into());
        self
    }
    /// What was there.
    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.inner.found = Some(found.into());
        self
    }
    /// What can be typed to mend it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.hint = Some(hint.into());
        self
    }
    /// How long the server asked to be left alone (Retry-After, or a wait named in its message).
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.inner.wait = Some(wait);
        self
    }
    /// Nothing is wrong: what the pipeline needs (a drop file, a secret) is not configured yet, so it is off.
    #[must_use]
    pub fn off(mut self) -> Self {
        self.inner.is_off = true;
        self
    }
    /// See [`Fault::off`].
    pub fn is_off(&self) -> bool {
        self.inner.is_off
    }
    /// A page that was cut, malformed or at odds with its own count: the same walk from page one may give whole ones. A
    /// cap, a repeated page or a redirect is none of these: asking again brings the same.
    #[must_use]
    pub fn worth_another_walk(mut self) -> Self {
        self.inner.is_worth_another_walk = true;
        self
    }
    /// See [`Fault::worth_another_walk`].
    pub fn is_worth_another_walk(&self) -> bool {
        self.inner.is_worth_another_walk
    }
    /// The same words, with somebody else to act; no longer [`Fault::off`].
    #[must_use]
    pub fn with_kind(mut self, kind: Kind) -> Self {
        self.inner.kind = kind;
        self.inner.is_off = false;
        self
    }
    /// The error underneath; its text is printed last.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner.source = Some(Arc::from(source.into()));
        self
    }
    /// Who has to act.
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }
    /// The sentence that says what happened.
    pub fn what(&self) -> &str {
        &self.inner.what
    }
    /// Places, innermost first.
    pub fn places(&self) -> &[String] {
        &self.inner.place
    }
    /// See [`Fault::expected`].
    pub fn expected_text(&self) -> Option<&str> {
        self.inner.expected.as_deref()
    }
    /// See [`Fault::found`].
    pub fn found_text(&self) -> Option<&str> {
        self.inner.found.as_deref()
    }
    /// See [`Fault::hint`].
    pub fn hint_text(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }
    /// See [`Fault::wait`].
    pub fn wait_asked(&self) -> Option<Duration> {
        self.inner.wait
    }
    /// The whole fault in one line, for the ledger and the summary.
    pub fn line(&self) -> String {
        let mut text = self.inner.what.clone();
        for (label, value) in [("expected", &self.inner.expected), ("found", &self.inner.found)] {
            if let Some(value) = value {
                text.push_str(&format!("; {label} {value}"));
            }
        }
        if !self.inner.place.is_empty() {
            text.push_str(&format!(" (at {})", self.inner.place.join(" < ")));
        }
        text
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.what)?;
        for place in &self.inner.place {
            write!(f, "\n  at       {place}")?;
        }
        if let Some(text) = &self.inner.expected {
            write!(f, "\n  expected {text}")?;
        }
        if let Some(text) = &self.inner.found {
            write!(f, "\n  found    {text}")?;
        }
        if let Some(source) = self.inner.source.as_ref().map(ToString::to_string)
            && source != self.inner.what
        {
            write!(f, "\n  because  {source}")?;
        }
        if let Some(text) = &self.inner.hint {
            write!(f, "\n  hint     {text}")?;
        }
        Ok(())
    }
}

impl StdError for Fault {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner
            .source
            .as_deref()
            .map(|source| source as &(dyn StdError + 'static))
    }
}
