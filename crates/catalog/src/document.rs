use crate::facts::{Said, said};

/// A document in both languages, before it is Markdown or HTML.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) title: Said,
    /// What a simulated lake says.
    pub(crate) warning: Option<Said>,
    pub(crate) blocks: Vec<Block>,
}

impl Document {
    pub(crate) fn new(title: Said, warning: Option<Said>) -> Self {
        Self {
            title,
            warning,
            blocks: Vec::new(),
        }
    }
    pub(crate) fn push(&mut self, block: Block) {
        self.blocks.push(block);
    }
}

/// A piece of a document.
#[derive(Debug)]
pub(crate) enum Block {
    Heading(Heading),
    Paragraph(Said),
    List(Vec<Vec<Cell>>),
    Table(Table),
}

/// A heading that can be linked to.
#[derive(Debug)]
pub(crate) struct Heading {
    pub(crate) level: usize,
    pub(crate) anchor: String,
    pub(crate) text: Said,
}

impl Heading {
    pub(crate) fn new(level: usize, anchor: impl Into<String>, text: Said) -> Self {
        Self {
            level,
            anchor: anchor.into(),
            text,
        }
    }
}

/// A table. A cell of [`Cell::Meaning`] is two columns where both languages are shown.
#[derive(Debug)]
pub(crate) struct Table {
    /// What kind of table it is; its look in HTML.
    pub(crate) kind: &'static str,
    pub(crate) head: Vec<Said>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Block {
    pub(crate) fn table(kind: &'static str, head: Vec<Said>, rows: Vec<Vec<Cell>>) -> Self {
        Self::Table(Table { kind, head, rows })
    }
}

/// What stands in a cell.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// The same in both languages.
    Text(String),
    /// A name as it is typed.
    Code(String),
    /// Several of them.
    Codes(Vec<String>),
    /// A short text, shown in one language.
    Label(Said),
    /// A longer text; where both languages are shown, each in a column of its own.
    Meaning(Said),
    /// A link to a heading.
    Link { to: String, text: String },
    /// A link out.
    Address(String),
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
    pub(crate) fn code(text: &str) -> Self {
        Self::Code(text.to_owned())
    }
    pub(crate) fn label(da: &str, en: &str) -> Self {
        Self::Label(said(da, en))
    }
    /// A link where it is an address of the web, else a text.
    pub(crate) fn address(text: &str) -> Self {
        match text.starts_with("https://") || text.starts_with("http://") {
            true => Self::Address(text.to_owned()),
            false => Self::Text(text.to_owned()),
        }
    }
}
