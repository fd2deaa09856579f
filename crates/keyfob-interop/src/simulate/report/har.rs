//! Transcripts as HTTP archives (HAR 1.2), which browsers and other tools show.

use keyfob_core::{Object, SmolStr, Value, json::object_to_vec};

use super::{Exchanged, Report};

impl Report {
    /// Returns every request and answer as an HTTP archive. The token is not in it; names of people and bodies are.
    #[must_use]
    pub fn har(&self) -> Vec<u8> {
        let mut creator = Object::new();
        creator.insert("name", "keyfob");
        creator.insert("version", env!("CARGO_PKG_VERSION"));
        let mut log = Object::new();
        log.insert("version", "1.2");
        log.insert("creator", creator);
        log.insert("entries", self.transcript.iter().map(entry).collect::<Vec<_>>());
        let mut har = Object::new();
        har.insert("log", log);
        object_to_vec(&har)
    }
}

fn entry(exchanged: &Exchanged) -> Value {
    let millis = i64::try_from(exchanged.took.as_millis()).unwrap_or(i64::MAX);
    let mut request = Object::new();
    request.insert("method", exchanged.method.clone());
    request.insert("url", exchanged.url.as_str());
    request.insert("httpVersion", "HTTP/1.1");
    request.insert("cookies", Vec::new());
    request.insert("headers", headers(&exchanged.headers));
    request.insert("queryString", query(&exchanged.url));
    if !exchanged.body.is_empty() {
        let mut data = Object::new();
        data.insert("mimeType", mime(&exchanged.headers));
        data.insert("text", text(&exchanged.body));
        request.insert("postData", data);
    }
    request.insert("headersSize", -1);
    request.insert("bodySize", size(exchanged.body.len()));

    let mut response = Object::new();
    let answer = exchanged.answer.as_ref();
    // An answer that did not come has the status 0, as browsers write it.
    response.insert("status", answer.map_or(0, |answer| i64::from(answer.status)));
    let phrase = |status| http::StatusCode::from_u16(status).ok()?.canonical_reason();
    let status_text = answer.ok().and_then(|answer| phrase(answer.status));
    response.insert("statusText", status_text.unwrap_or_default());
    response.insert("httpVersion", "HTTP/1.1");
    response.insert("cookies", Vec::new());
    response.insert(
        "headers",
        answer.map_or_else(|_| Vec::new(), |answer| headers(&answer.headers)),
    );
    let mut content = Object::new();
    let body = answer.map_or(&[][..], |answer| &answer.body);
    content.insert("size", size(body.len()));
    content.insert(
        "mimeType",
        answer.map_or_else(|_| SmolStr::default(), |answer| mime(&answer.headers)),
    );
    if !body.is_empty() {
        content.insert("text", text(body));
    }
    response.insert("content", content);
    response.insert("redirectURL", "");
    response.insert("headersSize", -1);
    response.insert("bodySize", size(body.len()));
    if let Err(error) = answer {
        response.insert("_error", error.as_str());
    }

    let mut timings = Object::new();
    timings.insert("send", 0);
    timings.insert("wait", millis);
    timings.insert("receive", 0);
    let mut entry = Object::new();
    entry.insert("startedDateTime", SmolStr::from(exchanged.started.to_string()));
    entry.insert("time", millis);
    entry.insert("request", request);
    entry.insert("response", response);
    entry.insert("cache", Object::new());
    entry.insert("timings", timings);
    entry.insert(
        "comment",
        SmolStr::from(format!("{}: {}", exchanged.sender.as_str(), exchanged.step)),
    );
    entry.into()
}

fn named(name: &str, value: &str) -> Value {
    let mut object = Object::new();
    object.insert("name", name);
    object.insert("value", value);
    object.into()
}

fn headers(headers: &[(SmolStr, String)]) -> Vec<Value> {
    headers.iter().map(|(name, value)| named(name, value)).collect()
}

/// Returns the parameters of a query as they stand in it.
fn query(url: &str) -> Vec<Value> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            named(name, value)
        })
        .collect()
}

fn mime(headers: &[(SmolStr, String)]) -> SmolStr {
    let found = headers.iter().find(|(name, _)| name == "content-type");
    found.map(|(_, value)| SmolStr::new(value)).unwrap_or_default()
}

fn text(body: &[u8]) -> SmolStr {
    String::from_utf8_lossy(body).into()
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
