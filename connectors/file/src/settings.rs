use std::collections::BTreeMap;

use klimalade_connect::{Auth, Fault, Result};
use klimalade_format::{
    archive::UnpackOptions,
    csv::{CsvOptions, Header},
    geometry::Crs,
    json::JsonOptions,
    sheet::SheetOptions,
    text,
    xml::XmlOptions,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    discover::{Discover, Search},
    place::{self, Place},
    sheet::SheetForm,
    unpack::Unpack,
};

/// `[source]` with `connector = "file"`: one file, or several of one form.
///
/// An address is `https://...`, `s3://bucket/key`, `az://container/key`, `gs://bucket/key`, `file:///path`, or a path on
/// disk. A relative path begins at the working directory of the run. In a folder or a bucket the last piece may
/// hold `*`, or be left out after the slash: then every file there is a part.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The one file (part `all`), or a folder of files: `drop/renseanlaeg/*.csv`.
    #[serde(default)]
    pub address: Option<String>,
    /// Several files by the key of their part: `{ "2023" = "https://...", "2024" = "https://..." }`.
    #[serde(default)]
    pub addresses: BTreeMap<String, String>,
    /// In place of an address: the page on which the link to the file (part `all`) stands.
    #[serde(default)]
    pub discover: Option<Discover>,
    /// How the files are to be read.
    pub format: FileFormat,
    /// Where the files are archives: which members are read.
    #[serde(default)]
    pub unpack: Option<Unpack>,
    /// How the service knows us; only with `https://` and `http://`. Credentials of an object store come from the
    /// environment.
    #[serde(default)]
    pub auth: Auth,
}

/// The form of the files.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FileFormat {
    /// Delimited text.
    Csv(CsvForm),
    /// An array of JSON objects.
    Json {
        /// Dotted path to the array; empty: the file is the array. `features` in a GeoJSON file.
        #[serde(default)]
        rows: String,
        /// Coordinates of a geometry column: `crs84` (longitude, latitude) or `epsg25832`.
        #[serde(default)]
        crs: FileCrs,
    },
    /// A workbook: XLSX or ODS.
    Sheet(SheetForm),
    /// XML whose rows are the elements at one path.
    Xml(XmlForm),
}

/// How XML is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct XmlForm {
    /// Path of the records from the root, names without prefixes and joined by points:
    /// `Indberetning.Kommuner.Kommune`. In `from`, `Navn` and `Adresse.Postnr` are elements of a record, `@kode` and
    /// `Adresse.@land` attributes, `(text)` is its own text; with a slash in front a path begins at the root and names what
    /// stands around the records: `/Indberetning.@år`.
    pub record: String,
    /// The decimal mark.
    #[serde(default)]
    pub decimal: Decimal,
    /// Text that means null, compared exactly; empty text always does.
    #[serde(default)]
    pub null_marks: Vec<String>,
}

/// How delimited text is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CsvForm {
    /// Between cells: one character, `";"`, `","` or `"\t"`.
    #[serde(default = "semicolon")]
    pub delimiter: String,
    /// Character encoding. A byte order mark wins over it.
    #[serde(default)]
    pub encoding: Encoding,
    /// The decimal mark.
    #[serde(default)]
    pub decimal: Decimal,
    /// Cells that mean null, compared exactly.
    #[serde(default = "empty_mark")]
    pub null_marks: Vec<String>,
    /// Names of the columns in order, where the file has no header line.
    #[serde(default)]
    pub column_names: Vec<String>,
    /// Lines before the header that are no data.
    #[serde(default)]
    pub skip_lines: usize,
}

/// Character encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Encoding {
    /// UTF-8; other bytes are an error.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Windows-1252, which Danish Excel writes.
    #[serde(rename = "windows-1252")]
    Windows1252,
    /// ISO-8859-1.
    #[serde(rename = "latin1")]
    Latin1,
    /// UTF-16, the lower byte first: Excel's "Unicode text".
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, the higher byte first.
    #[serde(rename = "utf-16be")]
    Utf16Be,
}

/// The decimal mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Decimal {
    /// `1.5`
    #[default]
    #[serde(rename = ".")]
    Point,
    /// `1,5`
    #[serde(rename = ",")]
    Comma,
}

/// Coordinates of a geometry column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileCrs {
    /// Longitude, latitude.
    #[default]
    Crs84,
    /// ETRS89 / UTM zone 32N.
    Epsg25832,
}

fn semicolon() -> String {
    ";".to_owned()
}

fn empty_mark() -> Vec<String> {
    vec![String::new()]
}

/// The settings after their check.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) files: Source,
    pub(crate) form: Form,
    pub(crate) unpack: Option<UnpackOptions>,
    pub(crate) auth: Auth,
}

/// Which files.
#[derive(Debug)]
pub(crate) enum Source {
    /// Files whose parts' keys are known.
    Named(BTreeMap<String, Place>),
    /// Whatever a folder holds whose name fits.
    Folder(place::Pattern),
    /// The file to which a page has a link.
    Linked(Search),
}

/// How a file is read.
#[derive(Debug)]
pub(crate) enum Form {
    Csv(CsvOptions),
    Json(JsonOptions),
    Sheet(SheetOptions),
    Xml(XmlOptions),
}

impl Settings {
    /// Errors: Settings, each with what can be typed instead.
    pub(crate) fn check(self) -> Result<Checked> {
        let files = match (self.address, self.addresses.is_empty(), self.discover) {
            (None, true, Some(discover)) => Source::Linked(discover.check()?),
            (Some(address), true, None) => match place::Pattern::parse(&address)? {
                Some(pattern) => Source::Folder(pattern),
                None => Source::Named([("all".to_owned(), Place::parse(&address)?)].into()),
            },
            (None, false, None) => {
                let mut named = BTreeMap::new();
                for (key, address) in self.addresses {
                    if place::key_of(&key) != key || key.is_empty() {
                        return Err(Fault::settings("a key cannot be a part's name")
                            .at("[source.addresses]")
                            .found(key.clone())
                            .expected("letters a to z, digits and . _ = -")
                            .hint(format!("{} = \"...\"", place::key_of(&key))));
                    }
                    named.insert(key, Place::parse(&address)?);
                }
                Source::Named(named)
            }
            (address, no_addresses, discover) => {
                let is_none = address.is_none() && no_addresses && discover.is_none();
                return Err(
                    Fault::settings("one of address, addresses and discover says where the files are")
                        .at("[source]")
                        .found(if is_none { "none" } else { "more than one" })
                        .hint("address = \"drop/renseanlaeg/*.csv\""),
                );
            }
        };
        let is_over_http = match &files {
            Source::Named(named) => named.values().all(|place| matches!(place, Place::Http(_))),
            Source::Folder(_) => false,
            Source::Linked(_) => true,
        };
        if !is_over_http && self.auth.secret_name().is_some() {
            return Err(Fault::settings("a credential goes to an address of https only")
                .at("[source.auth]")
                .hint("remove auth; object stores take AWS_*, AZURE_* and GOOGLE_* from the environment"));
        }
        let form = match self.format {
            FileFormat::Csv(form) => Form::Csv(form.options()?),
            FileFormat::Sheet(form) => Form::Sheet(form.options()?),
            FileFormat::Xml(form) => Form::Xml(form.options()?),
            FileFormat::Json { rows, crs } => {
                let crs = match crs {
                    FileCrs::Crs84 => Crs::Crs84,
                    FileCrs::Epsg25832 => Crs::Epsg25832,
                };
                Form::Json(JsonOptions {
                    rows,
                    crs,
                    ..JsonOptions::default()
                })
            }
        };
        Ok(Checked {
            files,
            form,
            unpack: self.unpack.map(Unpack::options).transpose()?,
            auth: self.auth,
        })
    }
}

impl XmlForm {
    fn options(self) -> Result<XmlOptions> {
        let is_path = self.record.split('.').all(|name| !name.is_empty())
            && !self
                .record
                .contains(|letter: char| letter.is_whitespace() || matches!(letter, '/' | '@' | ':' | '*'));
        if !is_path {
            return Err(Fault::settings("a record is a path of names from the root")
                .at("[source.format] record")
                .found(self.record)
                .expected("names without prefixes, joined by points")
                .hint("record = \"Indberetning.Kommuner.Kommune\""));
        }
        Ok(XmlOptions {
            record: self.record,
            decimal_comma: self.decimal == Decimal::Comma,
            null_marks: self.null_marks,
            ..XmlOptions::default()
        })
    }
}

impl CsvForm {
    fn options(self) -> Result<CsvOptions> {
        let delimiter = match self.delimiter.as_bytes() {
            [one] if one.is_ascii() && !matches!(one, b'"' | b'\n' | b'\r') => *one,
            _ => {
                return Err(Fault::settings("a delimiter is one ASCII character")
                    .at("[source.format] delimiter")
                    .found(format!("{:?}", self.delimiter))
                    .hint("delimiter = \";\""));
            }
        };
        if self.decimal == Decimal::Comma && delimiter == b',' {
            return Err(Fault::settings("the decimal mark cannot be the delimiter")
                .at("[source.format] decimal")
                .hint("delimiter = \";\""));
        }
        Ok(CsvOptions {
            delimiter,
            encoding: match self.encoding {
                Encoding::Utf8 => text::Encoding::Utf8,
                Encoding::Windows1252 => text::Encoding::Windows1252,
                Encoding::Latin1 => text::Encoding::Latin1,
                Encoding::Utf16Le => text::Encoding::Utf16Le,
                Encoding::Utf16Be => text::Encoding::Utf16Be,
            },
            decimal_comma: self.decimal == Decimal::Comma,
            null_marks: self.null_marks,
            header: if self.column_names.is_empty() {
                Header::Line
            } else {
                Header::None(self.column_names)
            },
            skip_lines: self.skip_lines,
            ..CsvOptions::default()
        })
    }
}
