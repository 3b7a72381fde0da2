//! Addresses on the wire: credentials, redirects, the demo's loopback.

use std::{collections::BTreeMap, net::SocketAddr};

use klimalade_model::Result;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::{Error, Request};

/// `url` without the parameters of these names, all others as they were written.
pub(crate) fn without_params<'n>(url: &Url, names: impl Iterator<Item = &'n str> + Clone) -> Url {
    let mut url = url.clone();
    let Some(query) = url.query() else { return url };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let name = pair.split('=').next().unwrap_or(pair);
            let name = percent_decode_str(name).decode_utf8_lossy();
            !names.clone().any(|secret| secret == name)
        })
        .collect();
    let query = if kept.is_empty() { None } else { Some(kept.join("&")) };
    url.set_query(query.as_deref());
    url
}

/// `url` with the request's secret parameters.
pub(crate) fn with_secret_query(url: &Url, request: &Request) -> Url {
    if request.secret_query.is_empty() {
        return url.clone();
    }
    let mut url = without_params(url, request.secret_query.iter().map(|(name, _)| name.as_str()));
    {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in &request.secret_query {
            pairs.append_pair(name, value.expose());
        }
    }
    url
}

/// Whether a credential for `home` may be sent to `other`: same host and port, or https in front of the same host.
pub(crate) fn is_same_host(home: &Url, other: &Url) -> bool {
    if home.host_str() != other.host_str() {
        return false;
    }
    let upgraded =
        home.scheme() == "http" && home.port().is_none() && other.scheme() == "https" && other.port().is_none();
    upgraded || (home.port_or_known_default() == other.port_or_known_default() && !is_downgrade(home, other))
}

/// https to http.
pub(crate) fn is_downgrade(from: &Url, to: &Url) -> bool {
    from.scheme() == "https" && to.scheme() != "https"
}

/// Host and port, as rate limits know them.
pub(crate) fn host_key(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Where the request really goes: the address itself, or in the demo the loopback address that plays its host.
pub(crate) fn wire_url(url: &Url, redirect: Option<&BTreeMap<String, SocketAddr>>) -> Result<Url, Error> {
    let Some(hosts) = redirect else { return Ok(url.clone()) };
    let host = url.host_str().unwrap_or_default();
    let not_simulated = || Error::NotSimulated {
        host: host.to_owned(),
        known: hosts.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
    };
    // `*` plays every host: one server of recorded answers.
    let address = hosts.get(host).or_else(|| hosts.get("*")).ok_or_else(not_simulated)?;
    let mut text = format!("http://{address}/{host}{}", url.path());
    if let Some(query) = url.query() {
        text.push('?');
        text.push_str(query);
    }
    Url::parse(&text).map_err(|_| not_simulated())
}
