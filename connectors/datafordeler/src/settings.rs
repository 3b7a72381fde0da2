use klimalade_connect::{Auth, Fault, Result, base_url};
use klimalade_format::{csv::CsvOptions, json::JsonOptions};
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

const ADDRESS: &str = "https://api.datafordeler.dk/FileDownloads";

/// `[source]` with `connector = "datafordeler"`: the total of one entity of a register.
///
/// A declared column with `from = "file.fetched_at"` is the time at which the file was fetched; the stock in it is at most
/// a week older.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Address of the file download.
    #[serde(default = "address")]
    pub base_url: String,
    /// Register: `BBR`.
    pub register: String,
    /// Entity, as the listing names it: `Bygning`.
    pub entity: String,
    /// Which rows the file has.
    #[serde(default)]
    pub data: TypeOfData,
    /// How the file is written.
    pub format: FileFormat,
    /// A file and a part for each municipality, where the register offers them; false: the one of the whole country.
    #[serde(default)]
    pub by_municipality: bool,
    /// Which editions are fetched. A total is made every week.
    #[serde(default)]
    pub edition: Edition,
    /// The key: `{ strategy = "query", name = "apikey", secret = "datafordeler_api_key" }`.
    pub auth: Auth,
    /// Name of the member of the archive, with `*` for any letters; exactly one must fit. Left out: the only JSON or CSV
    /// file.
    #[serde(default)]
    pub member: Option<String>,
    /// Bytes that the member may unpack to.
    #[serde(default = "default_unpacked")]
    pub most_bytes: u64,
}

/// Which rows a file has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TypeOfData {
    /// Those that hold now.
    #[default]
    Current,
    /// Those that held at any time, as registered now.
    Temporal,
    /// All that was ever registered.
    Bitemporal,
}

impl TypeOfData {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Current => "Current",
            Self::Temporal => "Temporal",
            Self::Bitemporal => "Bitemporal",
        }
    }
}

/// How the file is written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FileFormat {
    /// An array of JSON objects.
    Json {
        /// Dotted path to the array; empty: the file is the array.
        #[serde(default)]
        rows: String,
    },
    /// Delimited text in UTF-8.
    Csv {
        /// Between cells.
        #[serde(default = "comma")]
        delimiter: char,
    },
}

/// Which editions are fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Edition {
    /// Each.
    #[default]
    Each,
    /// The first that is met in a month.
    Month,
    /// The first that is met in a year.
    Year,
}

fn address() -> String {
    ADDRESS.to_owned()
}

fn comma() -> char {
    ','
}

/// BBR's buildings as JSON are some ten gigabytes; a bomb is larger.
fn default_unpacked() -> u64 {
    64 << 30
}

/// The settings after their check.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) base_url: Url,
    pub(crate) register: String,
    pub(crate) entity: String,
    pub(crate) data: TypeOfData,
    pub(crate) form: Form,
    pub(crate) by_municipality: bool,
    pub(crate) edition: Edition,
    pub(crate) auth: Auth,
    pub(crate) member: String,
    pub(crate) most_bytes: u64,
}

/// How a file is read.
#[derive(Debug)]
pub(crate) enum Form {
    Json(JsonOptions),
    Csv(CsvOptions),
}

impl Form {
    /// As the listing names it, and the ending of the member.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Json(_) => "json",
            Self::Csv(_) => "csv",
        }
    }
}

impl Settings {
    /// Errors: Settings, each with what can be typed instead.
    pub(crate) fn check(self) -> Result<Checked> {
        let base_url = base_url(&self.base_url, ADDRESS)?;
        for (name, value, example) in [("register", &self.register, "BBR"), ("entity", &self.entity, "Bygning")] {
            if value.trim().is_empty() {
                return Err(Fault::settings("a name is empty")
                    .at(format!("[source] {name}"))
                    .hint(format!("{name} = \"{example}\"")));
            }
        }
        if self.auth.secret_name().is_none() {
            return Err(Fault::settings("the service answers nobody without a key")
                .at("[source] auth")
                .hint("auth = { strategy = \"query\", name = \"apikey\", secret = \"datafordeler_api_key\" }"));
        }
        let form = match self.format {
            FileFormat::Json { rows } => Form::Json(JsonOptions {
                rows,
                ..JsonOptions::default()
            }),
            FileFormat::Csv { delimiter } => {
                let byte = u8::try_from(delimiter)
                    .ok()
                    .filter(|byte| byte.is_ascii() && !b"\"\r\n".contains(byte));
                Form::Csv(CsvOptions {
                    delimiter: byte.ok_or_else(|| {
                        Fault::settings("a delimiter is one ASCII character")
                            .at("[source.format] delimiter")
                            .found(format!("{delimiter:?}"))
                            .hint("delimiter = \",\"")
                    })?,
                    ..CsvOptions::default()
                })
            }
        };
        let member = self.member.unwrap_or_else(|| format!("*.{}", form.word()));
        Ok(Checked {
            base_url,
            register: self.register,
            entity: self.entity,
            data: self.data,
            form,
            by_municipality: self.by_municipality,
            edition: self.edition,
            auth: self.auth,
            member,
            most_bytes: self.most_bytes,
        })
    }
}
