use std::{collections::BTreeMap, fmt, ops::Range};

use klimalade_model::Fault;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A place in a file, both from 1; columns are counted in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value of a TOML file and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    pub(crate) content: Content,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Text(String),
    Integer,
    Float,
    Bool,
    Moment,
    List(Vec<Node>),
    Table(BTreeMap<String, Entry>),
}

/// A setting: where its name stands, and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Range<usize>,
    pub(crate) node: Node,
}

/// pipeline.toml as it is written: every setting with its line and column, so that what is wrong with one can be said
/// where it stands, and of all of them at once. Serde knows no place of a value that went through JSON, and stops at
/// the first.
#[derive(Clone, Debug)]
pub struct Written {
    file: String,
    text: String,
    pub(crate) root: Node,
}

impl Written {
    /// Reads a file's text; `file` is how the file is named in errors. Errors: Settings, when it is no TOML.
    pub fn parse(file: &str, text: &str) -> Result<Self, Fault> {
        let root = DeTable::parse(text).map_err(|error| {
            let place = match error.span() {
                Some(span) => format!("{file}:{}", position(text, span.start)),
                None => file.to_owned(),
            };
            let fault = Fault::settings(format!(
                "pipeline.toml is no TOML: {}",
                error.message().lines().next().unwrap_or_default()
            ))
            .at(place);
            match error
                .span()
                .and_then(|span| text[..span.start].rsplit('\n').next().map(|start| (span.start, start)))
            {
                Some((at, start)) => {
                    let rest = text[at..].lines().next().unwrap_or_default();
                    fault.found(format!("{start}{rest}").trim().to_owned())
                }
                None => fault,
            }
        })?;
        let span = root.span();
        Ok(Self {
            file: file.to_owned(),
            text: text.to_owned(),
            root: Node {
                span,
                content: Content::Table(table(root.into_inner())),
            },
        })
    }
    /// Where the value under a path of keys stands (`["checks", "min_rows"]`; places of a list are numbers), as
    /// `<file>:<line>:<column>`; where there is none, where the nearest table above it begins.
    pub fn place(&self, path: &[&str]) -> String {
        self.place_of(&self.find(&self.root, path))
    }
    /// [`Written::place`] for an instance: a setting that the instance gives stands in its own `[[instance]]`.
    pub fn place_in(&self, instance: &str, path: &[&str]) -> String {
        let span = match self.instances().iter().find(|(name, _)| name == instance) {
            Some((_, root)) => self.find(root, path),
            None => self.find(&self.root, path),
        };
        self.place_of(&span)
    }
    fn find(&self, root: &Node, path: &[&str]) -> Range<usize> {
        let mut node = root;
        for step in path {
            let next = match &node.content {
                Content::Table(entries) => entries.get(*step).map(|entry| &entry.node),
                Content::List(nodes) => step.parse().ok().and_then(|at: usize| nodes.get(at)),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.span.clone()
    }
    pub(crate) fn place_of(&self, span: &Range<usize>) -> String {
        // A file without a place of its own (the whole table) is named alone.
        if span.start == 0 && span.end >= self.text.trim_end().len() {
            return self.file.clone();
        }
        format!("{}:{}", self.file, position(&self.text, span.start))
    }
    /// What stands there, in one line.
    pub(crate) fn shown(&self, node: &Node) -> String {
        let text = self.text.get(node.span.clone()).unwrap_or_default();
        let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(60) {
            Some((at, _)) => format!("{}...", &line[..at]),
            None => line,
        }
    }
    /// The file once for each owner: as it stands, or with each instance's settings in place.
    pub(crate) fn owners(&self) -> Vec<Node> {
        let instances = self.instances();
        if instances.is_empty() {
            return vec![self.root.clone()];
        }
        instances.into_iter().map(|(_, root)| root).collect()
    }
    fn instances(&self) -> Vec<(String, Node)> {
        let Content::Table(entries) = &self.root.content else {
            return Vec::new();
        };
        let Some(Content::List(instances)) = entries.get("instance").map(|entry| &entry.node.content) else {
            return Vec::new();
        };
        instances
            .iter()
            .filter_map(|instance| match &instance.content {
                Content::Table(settings) => Some(settings),
                _ => None,
            })
            .map(|settings| {
                let mut root = self.root.clone();
                if let Content::Table(entries) = &mut root.content {
                    entries.remove("instance");
                }
                for (key, entry) in settings.iter().filter(|(key, _)| *key != "name") {
                    set(&mut root, key, entry);
                }
                let name = match settings.get("name").map(|entry| &entry.node.content) {
                    Some(Content::Text(name)) => name.clone(),
                    _ => String::new(),
                };
                (name, root)
            })
            .collect()
    }
}

/// Line and column of the value under a dotted path (`source.format.type`; places of a list are numbers). None, where
/// the text is no TOML or has no such value.
///
/// ```
/// use klimalade_pipeline::{Position, position_of};
/// let text = "version = 1\n[source]\nconnector = \"file\"\nformat = { type = \"csv\" }\n";
/// assert_eq!(position_of(text, "source.format.type"), Some(Position { line: 4, column: 19 }));
/// assert_eq!(position_of(text, "source.address"), None);
/// ```
pub fn position_of(text: &str, path: &str) -> Option<Position> {
    let written = Written::parse("", text).ok()?;
    let mut node = &written.root;
    for step in path.split('.') {
        node = match &node.content {
            Content::Table(entries) => &entries.get(step)?.node,
            Content::List(nodes) => nodes.get(step.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(position(text, node.span.start))
}

pub(crate) fn position(text: &str, at: usize) -> Position {
    let before = &text[..at.min(text.len())];
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[start..].chars().count() + 1,
    }
}

fn table(entries: DeTable<'_>) -> BTreeMap<String, Entry> {
    entries
        .into_iter()
        .map(|(key, value)| {
            let span = key.span();
            let entry = Entry {
                key: span,
                node: node(value),
            };
            (key.into_inner().into_owned(), entry)
        })
        .collect()
}

fn node(value: Spanned<DeValue<'_>>) -> Node {
    let span = value.span();
    let content = match value.into_inner() {
        DeValue::String(text) => Content::Text(text.into_owned()),
        DeValue::Integer(_) => Content::Integer,
        DeValue::Float(_) => Content::Float,
        DeValue::Boolean(_) => Content::Bool,
        DeValue::Datetime(_) => Content::Moment,
        DeValue::Array(values) => Content::List(values.into_iter().map(node).collect()),
        DeValue::Table(entries) => Content::Table(table(entries)),
    };
    Node { span, content }
}

/// Sets a dotted key as an instance does, making the tables on the way.
fn set(root: &mut Node, key: &str, setting: &Entry) {
    let Content::Table(entries) = &mut root.content else {
        return;
    };
    match key.split_once('.') {
        None => {
            entries.insert(key.to_owned(), setting.clone());
        }
        Some((first, rest)) => {
            let entry = entries.entry(first.to_owned()).or_insert_with(|| Entry {
                key: setting.key.clone(),
                node: Node {
                    span: setting.key.clone(),
                    content: Content::Table(BTreeMap::new()),
                },
            });
            set(&mut entry.node, rest, setting);
        }
    }
}
