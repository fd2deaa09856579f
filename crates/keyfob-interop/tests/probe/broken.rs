//! A transport that breaks one rule.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response};
use keyfob_client::{Request, Transport, TransportError};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use crate::server::{BASE, Served};

/// A rule that is broken: the check that has to find it, what the server does instead, and how.
pub(crate) struct Mutant {
    pub(crate) check: &'static str,
    pub(crate) does: &'static str,
    pub(crate) ask: fn(&mut Asked, &Memory),
    pub(crate) instead: fn(&Asked, &Memory) -> Option<Answer>,
    pub(crate) answer: fn(&Asked, &mut Answer, &Memory),
}

/// A request, taken apart.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// An answer.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What a mutant remembers, and the tokens of the server.
pub(crate) struct Memory {
    pub(crate) token: String,
    pub(crate) other: String,
    pub(crate) notes: Mutex<BTreeMap<String, Value>>,
}

/// A server behind a mutant.
pub(crate) struct Broken {
    served: Served,
    mutant: &'static Mutant,
    memory: Arc<Memory>,
}

impl Broken {
    pub(crate) fn new(served: &Served, mutant: &'static Mutant) -> Self {
        let memory = Memory {
            token: served.token.clone(),
            other: served.other.clone(),
            notes: Mutex::default(),
        };
        Self {
            served: served.clone(),
            mutant,
            memory: Arc::new(memory),
        }
    }
}

impl Transport for Broken {
    async fn send(&self, request: Request) -> Result<Response<Bytes>, TransportError> {
        let (timeout, limit) = (request.timeout, request.max_body);
        let original = Asked::of(&request.http);
        let mut asked = original.clone();
        (self.mutant.ask)(&mut asked, &self.memory);
        let mut answer = if let Some(answer) = (self.mutant.instead)(&asked, &self.memory) {
            answer
        } else {
            let sent = Request::new(asked.http(), timeout, limit);
            Answer::of(self.served.transport.send(sent).await?)
        };
        (self.mutant.answer)(&original, &mut answer, &self.memory);
        Ok(answer.http())
    }

    async fn wait(&self, _: Duration) {}
}

impl Asked {
    fn of(request: &http::Request<Bytes>) -> Self {
        let uri = request.uri();
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let query = uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty());
        Self {
            method: request.method().clone(),
            path: uri.path().trim_start_matches("/scim/v2").to_owned(),
            query: query
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
            headers: request.headers().clone(),
            body: request.body().clone(),
        }
    }

    fn http(&self) -> http::Request<Bytes> {
        let mut uri = format!("{BASE}{}", self.path);
        for (number, (name, value)) in self.query.iter().enumerate() {
            uri.push(if number == 0 { '?' } else { '&' });
            uri.push_str(name);
            uri.push('=');
            uri.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(uri)
            .body(self.body.clone())
            .unwrap();
        *request.headers_mut() = self.headers.clone();
        request
    }

    pub(crate) fn is(&self, method: &str, beginning: &str) -> bool {
        self.method.as_str() == method && self.path.starts_with(beginning)
    }

    /// True for a request about one resource of this endpoint.
    pub(crate) fn is_one(&self, method: &str, endpoint: &str) -> bool {
        let rest = self
            .path
            .strip_prefix(endpoint)
            .and_then(|rest| rest.strip_prefix('/'));
        self.method.as_str() == method && rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('.'))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn drop_query(&mut self, name: &str) {
        self.query.retain(|(known, _)| known != name);
    }

    /// Rewrites the filter.
    pub(crate) fn filter(&mut self, change: impl Fn(&str) -> String) {
        for (name, value) in &mut self.query {
            if name == "filter" {
                *value = change(value);
            }
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Value)) {
        let mut body = self.json();
        if !body.is_null() {
            change(&mut body);
            self.body = Bytes::from(body.to_string());
        }
    }

    /// Changes each operation of a PATCH.
    pub(crate) fn operations(&mut self, change: impl Fn(&mut Value)) {
        if self.method != Method::PATCH {
            return;
        }
        self.change(|body| {
            if let Some(operations) = body.get_mut("Operations").and_then(Value::as_array_mut) {
                operations.iter_mut().for_each(change);
            }
        });
    }

    /// True if an operation of a PATCH is so.
    pub(crate) fn any_operation(&self, is: impl Fn(&Value) -> bool) -> bool {
        self.method == Method::PATCH
            && self.json()["Operations"]
                .as_array()
                .is_some_and(|operations| operations.iter().any(is))
    }
}

impl Answer {
    fn of(answer: Response<Bytes>) -> Self {
        let (head, body) = answer.into_parts();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }

    fn http(self) -> Response<Bytes> {
        let mut response = Response::builder().status(self.status).body(self.body).unwrap();
        *response.headers_mut() = self.headers;
        response
    }

    pub(crate) fn new(status: u16, body: &Value) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/scim+json"));
        let body = if body.is_null() {
            Bytes::new()
        } else {
            Bytes::from(body.to_string())
        };
        Self {
            status,
            headers,
            body,
        }
    }

    pub(crate) fn error(status: u16) -> Self {
        let schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"];
        Self::new(
            status,
            &json!({"schemas": schemas, "status": status.to_string(), "detail": "no"}),
        )
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Value)) {
        let mut body = self.json();
        if !body.is_null() {
            change(&mut body);
            self.body = Bytes::from(body.to_string());
        }
    }

    /// Changes each user and group that is shown.
    pub(crate) fn resources(&mut self, asked: &Asked, change: impl Fn(&mut Value)) {
        if !(asked.path.starts_with("/Users") || asked.path.starts_with("/Groups")) || !self.is_success() {
            return;
        }
        self.change(|body| {
            if body.get("totalResults").is_none() {
                change(body);
            } else if let Some(resources) = body.get_mut("Resources").and_then(Value::as_array_mut) {
                resources.iter_mut().for_each(change);
            }
        });
    }
}

impl Memory {
    pub(crate) fn note(&self, name: &str, value: Value) {
        self.notes.lock().unwrap().insert(name.to_owned(), value);
    }

    pub(crate) fn noted(&self, name: &str) -> Value {
        self.notes.lock().unwrap().get(name).cloned().unwrap_or_default()
    }
}

pub(crate) fn remove(value: &mut Value, name: &str) {
    if let Some(object) = value.as_object_mut() {
        object.remove(name);
    }
}
