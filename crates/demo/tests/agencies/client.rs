//! A small HTTP/1.1 client: only the transport crate may name the real one.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use klimalade_demo::Agencies;
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines
            .into_iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// Asks once. `Err` is what a client sees of a broken answer.
pub(crate) fn ask(
    agencies: &Agencies,
    method: &str,
    address: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Reply, &'static str> {
    let mut stream = TcpStream::connect(agencies.address()).expect("loopback");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("timeout");
    let mut request = format!(
        "{method} /{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
        encoded(address)
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes()).map_err(|_| "not sent")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(|_| "connection reset")?;
    let split = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or("no head")?;
    let head = String::from_utf8(answer[..split].to_vec()).expect("ASCII head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or("no status")?;
    let mut reply = Reply {
        status,
        head,
        body: answer[split + 4..].to_vec(),
    };
    if reply.header("transfer-encoding") == Some("chunked") {
        reply.body = unchunk(&reply.body)?;
    } else if let Some(length) = reply.header("content-length")
        && status != 304
        && length.parse() != Ok(reply.body.len())
    {
        return Err("body cut");
    }
    Ok(reply)
}

pub(crate) fn get(agencies: &Agencies, address: &str) -> Reply {
    ask(agencies, "GET", address, &[], "").expect("an answer")
}

pub(crate) fn post(agencies: &Agencies, address: &str, body: &Value) -> Reply {
    ask(
        agencies,
        "POST",
        address,
        &[("Content-Type", "application/json")],
        &body.to_string(),
    )
    .expect("an answer")
}

/// Percent-encodes what a request line cannot carry.
fn encoded(address: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_graphic() && !b"\"<>{}`".contains(&byte);
    let encode = |byte: u8| {
        if keep(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    address.bytes().map(encode).collect()
}

fn unchunk(mut bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut body = Vec::new();
    loop {
        let end = bytes
            .windows(2)
            .position(|window| window == b"\r\n")
            .ok_or("chunk cut")?;
        let size = std::str::from_utf8(&bytes[..end])
            .ok()
            .and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or("no chunk size")?;
        bytes = &bytes[end + 2..];
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(bytes.get(..size).ok_or("chunk cut")?);
        bytes = bytes.get(size + 2..).ok_or("chunk cut")?;
    }
}
