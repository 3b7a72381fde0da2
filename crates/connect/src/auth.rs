use klimalade_model::{Fault, Result};
use klimalade_transport::{Request, Secret, Secrets};
use schemars::JsonSchema;
use serde::Deserialize;

/// How a service knows us. `secret` is a name in `[secrets]` of klimalade.toml or in the environment, never the
/// secret itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(tag = "strategy", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    /// It does not.
    // Braces, because serde takes any other key beside the tag of a unit variant.
    None {},
    /// A header carries the secret.
    Header {
        /// Name of the header: `x-api-key`.
        name: String,
        /// Name of the secret: `klimaregnskabet_api_key`.
        secret: String,
    },
    /// A query parameter carries the secret. It is left out of every address that is printed or stored.
    Query {
        /// Name of the parameter: `api-key`.
        name: String,
        /// Name of the secret.
        secret: String,
    },
    /// `Authorization: Bearer <secret>`.
    Bearer {
        /// Name of the secret.
        secret: String,
    },
    /// `Authorization: Basic` with a user and a password.
    Basic {
        /// Name of the user, as it is; no colon.
        user: String,
        /// Name of the secret that is the password.
        secret: String,
    },
}

impl Default for Auth {
    fn default() -> Self {
        Self::None {}
    }
}

impl Auth {
    /// The name of the secret that a run needs.
    pub fn secret_name(&self) -> Option<&str> {
        match self {
            Self::None {} => None,
            Self::Header { secret, .. }
            | Self::Query { secret, .. }
            | Self::Bearer { secret }
            | Self::Basic { secret, .. } => Some(secret),
        }
    }

    /// The configured secret, `None` where none is needed. To be asked for by plan, before anything is sent. Errors:
    /// Settings, with what can be typed.
    pub fn secret(&self, secrets: &Secrets) -> Result<Option<Secret>> {
        let Some(name) = self.secret_name() else {
            return Ok(None);
        };
        let missing = || {
            Fault::settings(format!("the secret {name} is not configured"))
                .at("[source.auth] secret")
                .hint(format!(
                    "set KLIMALADE_SECRET_{} or [secrets] in klimalade.toml",
                    name.to_uppercase()
                ))
        };
        secrets.get(name).cloned().ok_or_else(missing).map(Some)
    }

    /// `request` with the credential. Errors: Settings, as [`Auth::secret`].
    pub fn sign(&self, request: Request, secrets: &Secrets) -> Result<Request> {
        let Some(secret) = self.secret(secrets)? else {
            return Ok(request);
        };
        Ok(match self {
            Self::None {} => request,
            Self::Header { name, .. } => request.secret_header(name, secret),
            Self::Query { name, .. } => request.secret_query(name, secret),
            Self::Bearer { .. } => request.bearer(&secret),
            Self::Basic { user, .. } => request.basic(user, &secret),
        })
    }
}
