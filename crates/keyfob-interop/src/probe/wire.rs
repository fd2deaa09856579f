//! Requests of the probe, their answers, and the two as a command for a shell.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use keyfob_client::{Request, Transport, TransportError};
use keyfob_core::render::Printable;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

pub(super) type BoxFuture<'f, T> = Pin<Box<dyn Future<Output = T> + Send + 'f>>;

/// A transport whose type is forgotten, so that the checks are compiled once.
pub(super) trait Wire: Sync {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>>;
}

impl<X: Transport> Wire for X {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        Box::pin(Transport::send(self, request))
    }
}

/// Waits for all futures at once, in their order.
pub(super) async fn join<T: Send>(futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (Some(future), None)).collect();
    poll_fn(|cx| {
        let mut pending = false;
        for (future, result) in &mut running {
            if let Some(waiting) = future {
                match waiting.as_mut().poll(cx) {
                    Poll::Ready(value) => {
                        *result = Some(value);
                        *future = None;
                    }
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    running.into_iter().filter_map(|(_, result)| result).collect()
}

/// What stays as it is in the query of an address (RFC 3986 section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// Whose credentials a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Own,
    Other,
    Wrong,
    None,
}

/// A request that is not sent yet.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    /// The path with its query, behind the base URL.
    pub(super) path: String,
    /// They take the place of the defaults.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<Bytes>,
    pub(super) token: Token,
}

impl Ask {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: BTreeMap::new(),
            body: None,
            token: Token::Own,
        }
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new(Method::POST, path).json(body)
    }

    pub(super) fn put(path: impl Into<String>, body: &Value) -> Self {
        Self::new(Method::PUT, path).json(body)
    }

    pub(super) fn patch(path: impl Into<String>, operations: &Value) -> Self {
        let body = serde_json::json!({"schemas": [super::PATCH_OP], "Operations": operations});
        Self::new(Method::PATCH, path).json(&body)
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        let mark = if self.path.contains('?') { '&' } else { '?' };
        // `write!` to a string does not fail.
        write!(self.path, "{mark}{name}={}", encoded(value)).ok();
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn json(self, body: &Value) -> Self {
        self.body(body.to_string())
    }

    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(super) fn token(mut self, token: Token) -> Self {
        self.token = token;
        self
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The body as JSON, whatever its media type says; null if it is none.
    pub(super) json: Value,
}

impl Reply {
    pub(super) fn of(answer: Response<Bytes>) -> Self {
        let (head, body) = answer.into_parts();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            json: serde_json::from_slice(&body).unwrap_or_default(),
            body,
        }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(super) fn id(&self) -> &str {
        self.json.get("id").and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the keyword of a SCIM error.
    pub(super) fn scim_type(&self) -> &str {
        self.json
            .get("scimType")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Returns the resources of a list.
    pub(super) fn resources(&self) -> &[Value] {
        let resources = self.json.get("Resources").and_then(Value::as_array);
        resources.map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn total(&self) -> Option<u64> {
        self.json.get("totalResults").and_then(Value::as_u64)
    }

    /// Returns true if the body is a SCIM error (RFC 7644 section 3.12).
    pub(super) fn is_scim_error(&self) -> bool {
        let schemas = self.json.get("schemas").and_then(Value::as_array);
        schemas.is_some_and(|schemas| schemas.iter().any(|schema| schema == super::ERROR))
    }

    /// Returns the status and the start of the body.
    pub(super) fn short(&self) -> String {
        let text = start(&self.body, 200);
        if text.is_empty() {
            return format!("{} with an empty body", self.status);
        }
        format!("{}: {text}", self.status)
    }
}

/// The start of a body, on one line.
fn start(body: &[u8], limit: usize) -> String {
    let text = String::from_utf8_lossy(body);
    let mut shown: String = text.trim().chars().take(limit).collect();
    if text.trim().chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

/// A request that was sent, and what came back.
#[derive(Clone, Debug)]
pub(super) struct Exchanged {
    pub(super) ask: Ask,
    /// The answer, or why there is none.
    pub(super) reply: Result<Reply, String>,
}

/// The largest body that a transcript repeats, in bytes.
const SHOWN: usize = 2_000;

/// Writes exchanges as commands for a shell with `curl` and `jq`: the base URL is `$URL` and the tokens are variables. What a server
/// called a new resource goes into a variable too, so that the commands can be run again.
pub(super) fn transcript(exchanges: &[Exchanged]) -> Vec<String> {
    let mut ids: Vec<(String, String)> = Vec::new();
    let mut lines = Vec::new();
    for exchanged in exchanges {
        let ask = &exchanged.ask;
        let method = ask.method.as_str();
        let mut line = String::from("curl -s");
        match method {
            "GET" => {}
            "HEAD" => line.push_str(" -I"),
            _ => {
                write!(line, " -X {method}").ok();
            }
        }
        write!(line, " \"$URL{}\"", in_double_quotes(&ask.path, &ids)).ok();
        match ask.token {
            Token::Own => line.push_str(" -H \"Authorization: Bearer $TOKEN\""),
            Token::Other => line.push_str(" -H \"Authorization: Bearer $OTHER_TOKEN\""),
            Token::Wrong => line.push_str(" -H 'Authorization: Bearer wrong'"),
            Token::None => {}
        }
        for (name, value) in &ask.headers {
            write!(
                line,
                " -H {}",
                in_single_quotes(&format!("{name}: {value}"), &ids)
            )
            .ok();
        }
        if let Some(body) = &ask.body {
            if !ask.headers.contains_key("content-type") {
                line.push_str(" -H 'Content-Type: application/scim+json'");
            }
            if body.len() > SHOWN {
                let text = in_single_quotes(&start(body, 120), &ids);
                write!(line, " -d {text} # {} bytes", body.len()).ok();
            } else {
                write!(
                    line,
                    " -d {}",
                    in_single_quotes(&String::from_utf8_lossy(body), &ids)
                )
                .ok();
            }
        }
        let answer = match &exchanged.reply {
            Ok(reply) => {
                let id = reply.id();
                let is_new = ids.iter().all(|(known, _)| known != id);
                // A short one stands in other words by chance.
                if method == "POST" && reply.is_success() && id.len() >= 6 && is_new {
                    let name = format!("ID{}", ids.len() + 1);
                    line = format!("{name}=$({line} | jq -r .id)");
                    ids.push((id.to_owned(), name));
                }
                reply.short()
            }
            Err(error) => error.clone(),
        };
        lines.push(Printable(line).to_string());
        lines.push(format!("# {}", Printable(answer)));
    }
    lines
}

/// Puts variables in the place of ids in a text within double quotes.
fn in_double_quotes(text: &str, ids: &[(String, String)]) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if matches!(character, '"' | '\\' | '$' | '`') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    // An id with a character that is escaped stands there as it is, which is right as well.
    for (id, name) in ids {
        escaped = escaped.replace(id.as_str(), &format!("${{{name}}}"));
    }
    escaped
}

/// Puts a text into single quotes, with variables in the place of ids.
fn in_single_quotes(text: &str, ids: &[(String, String)]) -> String {
    let mut quoted = text.replace('\'', r"'\''");
    for (id, name) in ids {
        quoted = quoted.replace(id.as_str(), &format!("'\"${name}\"'"));
    }
    format!("'{quoted}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchanged(ask: Ask, status: u16, body: &str) -> Exchanged {
        let answer = Response::builder()
            .status(status)
            .body(Bytes::from(body.to_owned()));
        Exchanged {
            ask,
            reply: Ok(Reply::of(answer.unwrap())),
        }
    }

    #[test]
    fn a_transcript_can_be_run_again_in_a_shell_and_holds_no_token() {
        let user = serde_json::json!({"userName": "o'hara"});
        let created = exchanged(Ask::post("/Users", &user), 201, r#"{"id": "u-4242"}"#);
        let read = exchanged(Ask::get("/Users/u-4242").query("filter", "a eq \"$b\""), 404, "");
        let lines = transcript(&[created, read]);
        assert_eq!(
            lines,
            [
                "ID1=$(curl -s -X POST \"$URL/Users\" -H \"Authorization: Bearer $TOKEN\" \
                 -H 'Content-Type: application/scim+json' -d '{\"userName\":\"o'\\''hara\"}' | jq -r .id)",
                "# 201: {\"id\": \"u-4242\"}",
                "curl -s \"$URL/Users/${ID1}?filter=a%20eq%20%22%24b%22\" -H \"Authorization: Bearer $TOKEN\"",
                "# 404 with an empty body",
            ]
        );
    }

    #[test]
    fn what_a_server_writes_does_not_act_on_the_terminal_of_a_transcript() {
        let lines = transcript(&[exchanged(Ask::get("/Users"), 200, "\u{1b}[2J\nrm -rf x")]);
        assert_eq!(lines.len(), 2);
        assert!(
            lines.iter().all(|line| !line.chars().any(char::is_control)),
            "{lines:?}"
        );
    }

    #[test]
    fn a_large_body_is_told_by_its_start_and_its_size() {
        let ask = Ask::new(Method::POST, "/Users").body(vec![b'['; 50_000]);
        let lines = transcript(&[exchanged(ask, 400, "")]);
        assert!(
            lines[0].len() < 400 && lines[0].ends_with("# 50000 bytes"),
            "{lines:?}"
        );
    }
}
