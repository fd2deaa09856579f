//! Security events for those who poll (RFC 8936), and requests that are answered before they are done (RFC 9967).

use std::{future::Future, pin::Pin, time::Duration};

use http::HeaderMap;
use keyfob_engine::{Context, Delivery, Engine, TenantId};
use serde_json::{Map, Value};
use smol_str::SmolStr;

use crate::error::HttpError;

/// The means that a service has of the program that runs it, for work that goes on after an answer, and for answers that wait.
///
/// ```
/// use std::{future::Future, pin::Pin, time::Duration};
/// use keyfob_http::Runtime;
///
/// struct Tokio;
///
/// impl Runtime for Tokio {
///     fn spawn(&self, work: Pin<Box<dyn Future<Output = ()> + Send>>) {
///         tokio::spawn(work);
///     }
///
///     fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
///         Box::pin(tokio::time::sleep(time))
///     }
/// }
/// ```
pub trait Runtime: Send + Sync + 'static {
    /// Runs work until it is done, whoever waits for it.
    fn spawn(&self, work: Work<'static>);

    /// Returns when so much time has passed.
    fn sleep(&self, time: Duration) -> Work<'static>;
}

/// Work that is done without a result.
pub type Work<'w> = Pin<Box<dyn Future<Output = ()> + Send + 'w>>;

/// The result of a call of a stream.
pub(crate) type Called<'c, T> = Pin<Box<dyn Future<Output = Result<T, HttpError>> + Send + 'c>>;

/// A place that is taken, given back when it is dropped.
pub(crate) type Held = Box<dyn Send + Sync>;

/// The stream of security events of an engine, whose store may be any.
pub(crate) trait Stream<S>: Send + Sync {
    /// Makes the stream known.
    fn open<'c>(&'c self, engine: &'c Engine<S>, cx: &'c Context) -> Called<'c, ()>;

    /// Acknowledges events.
    fn acknowledge<'c>(
        &'c self,
        engine: &'c Engine<S>,
        cx: &'c Context,
        ids: &'c [SmolStr],
    ) -> Called<'c, ()>;

    /// Reads the events that wait.
    fn deliver<'c>(&'c self, engine: &'c Engine<S>, cx: &'c Context, limit: usize) -> Called<'c, Delivery>;

    /// Signs events for a receiver.
    fn sign<'c>(
        &'c self,
        engine: &'c Engine<S>,
        cx: &'c Context,
        delivery: Delivery,
    ) -> Called<'c, Map<String, Value>>;

    /// Returns the keys by which receivers check signatures, as a JWK Set (RFC 7517).
    fn keys<'c>(&'c self, engine: &'c Engine<S>) -> Called<'c, Value>;

    /// Takes a place among the requests that are done after their answers; none where there are too many, which are then
    /// done before they are answered.
    fn place_to_work(&self, tenant: &TenantId) -> Option<Held>;

    /// Takes a place among the polls that wait; none where there are too many, which are then answered at once.
    fn place_to_wait(&self, tenant: &TenantId) -> Option<Held>;

    /// Runs work that goes on after the answer, and waits.
    fn runtime(&self) -> &dyn Runtime;
}

/// The time for which an answer waits for events: shorter than what proxies wait for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The first pauses between looks at the feed, for what follows soon, and the pause from then on.
pub(crate) const FIRST_PAUSES: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
];
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// The request of a receiver (RFC 8936 section 2.4).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PollRequest {
    /// The number of events at most; 0 asks for none.
    pub(crate) max_events: Option<u64>,
    /// If true, the answer doesn't wait for events.
    pub(crate) return_immediately: bool,
    /// The events that the receiver has, those among them that it could not use.
    pub(crate) acknowledged: Vec<SmolStr>,
    /// The errors of those that it could not use.
    pub(crate) errors: Vec<(SmolStr, SmolStr)>,
}

impl PollRequest {
    /// Reads a request. Members that the RFC doesn't define are passed over.
    pub(crate) fn from_json(body: &[u8]) -> Result<Self, HttpError> {
        let wrong = |member, expected| HttpError::Poll { member, expected };
        let Ok(Value::Object(mut message)) = serde_json::from_slice(body) else {
            return Err(wrong("the body", "a JSON object"));
        };
        let mut request = Self::default();
        match message.remove("maxEvents") {
            None | Some(Value::Null) => {}
            Some(number) => {
                let number = natural(&number);
                request.max_events = Some(number.ok_or(wrong("maxEvents", "an integer of 0 or more"))?);
            }
        }
        match message.remove("returnImmediately") {
            None | Some(Value::Null) => {}
            Some(Value::Bool(flag)) => request.return_immediately = flag,
            Some(_) => return Err(wrong("returnImmediately", "true or false")),
        }
        match message.remove("ack") {
            None | Some(Value::Null) => {}
            Some(Value::Array(ids)) => {
                for id in ids {
                    let id = id.as_str().map(SmolStr::new);
                    request
                        .acknowledged
                        .push(id.ok_or(wrong("ack", "an array of strings"))?);
                }
            }
            Some(_) => return Err(wrong("ack", "an array of strings")),
        }
        match message.remove("setErrs") {
            None | Some(Value::Null) => {}
            Some(Value::Object(errors)) => {
                for (id, error) in errors {
                    let code = error.get("err").and_then(Value::as_str);
                    let code = code.ok_or(wrong("setErrs", "an object with an `err` for each event"))?;
                    // An event that can't be used is not sent again (RFC 8936 section 2.6).
                    request.acknowledged.push(id.as_str().into());
                    request.errors.push((id.into(), code.chars().take(64).collect()));
                }
            }
            Some(_) => return Err(wrong("setErrs", "an object with an `err` for each event")),
        }
        Ok(request)
    }
}

/// Returns an integer of 0 or more, however it is written: `1e2` and `100.0` are 100. One beyond all bounds is the largest.
fn natural(number: &Value) -> Option<u64> {
    number.as_u64().or_else(|| {
        let number = number.as_f64()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it has no fraction and no sign; what is too large becomes the largest"
        )]
        (number >= 0.0 && number.fract() == 0.0).then_some(number as u64)
    })
}

/// The preferences of a client (RFC 7240) that concern asynchronous requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    /// If true, the client wants an answer before the request is done.
    pub(crate) respond_async: bool,
    /// The time for which the client waits for a usual answer.
    pub(crate) wait: Duration,
}

impl Preferences {
    /// Reads the preferences; what isn't understood is passed over, as RFC 7240 section 2 has it. Of a preference that
    /// is stated twice the first counts.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut preferences = Self::default();
        let mut wait = None;
        let values = headers
            .get_all("prefer")
            .iter()
            .filter_map(|value| value.to_str().ok());
        for preference in values.flat_map(|value| value.split(',')) {
            let (preference, _) = preference.split_once(';').unwrap_or((preference, ""));
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("respond-async") {
                preferences.respond_async = true;
            } else if name.eq_ignore_ascii_case("wait") && wait.is_none() {
                wait = value.parse::<u64>().ok();
            }
        }
        preferences.wait = Duration::from_secs(wait.unwrap_or(0)).min(PATIENCE);
        preferences
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_poll_request_is_read_by_rfc_8936_alone() {
        let read = |text: &str| PollRequest::from_json(text.as_bytes());
        assert_eq!(read("{}").unwrap(), PollRequest::default());
        let whole = r#"{"maxEvents": 0, "returnImmediately": true, "ack": ["a"], "other": 1,
            "setErrs": {"b": {"err": "authentication_failed", "description": "x"}}}"#;
        let expected = PollRequest {
            max_events: Some(0),
            return_immediately: true,
            acknowledged: vec!["a".into(), "b".into()],
            errors: vec![("b".into(), "authentication_failed".into())],
        };
        assert_eq!(read(whole).unwrap(), expected);
        for wrong in [
            "",
            "[]",
            r#"{"maxEvents": -1}"#,
            r#"{"maxEvents": "1"}"#,
            r#"{"maxEvents": 1.5}"#,
            r#"{"maxEvents": -1e30}"#,
            r#"{"maxEvents": 1e999}"#,
            r#"{"returnImmediately": "true"}"#,
            r#"{"ack": "a"}"#,
            r#"{"ack": [1]}"#,
            r#"{"setErrs": ["a"]}"#,
            r#"{"setErrs": {"a": "invalid"}}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_number_of_events_is_any_integer_that_json_can_write() {
        for (text, expected) in [
            ("0", 0),
            ("-0.0", 0),
            ("100", 100),
            ("1e2", 100),
            ("100.0", 100),
            ("18446744073709551615", u64::MAX),
            ("18446744073709551616", u64::MAX),
            ("1e300", u64::MAX),
        ] {
            let body = format!(r#"{{"maxEvents": {text}}}"#);
            let request = PollRequest::from_json(body.as_bytes()).unwrap();
            assert_eq!(request.max_events, Some(expected), "{text}");
        }
    }

    #[test]
    fn preferences_are_read_in_any_form_of_rfc_7240() {
        for (headers, respond_async, wait) in [
            (&["respond-async"][..], true, 0),
            (&["Respond-Async, wait=10"], true, 10),
            (&["wait=5", "respond-async;x=y"], true, 5),
            (&["respond-async, wait=\"7\", wait=9"], true, 7),
            (&["respond-async, wait=100000"], true, 30),
            (&["respond-async, wait=soon"], true, 0),
            (&["return=minimal; foo=\"respond-async\""], false, 0),
            (&[], false, 0),
        ] {
            let mut map = HeaderMap::new();
            for header in headers {
                map.append("prefer", HeaderValue::from_static(header));
            }
            let expected = Preferences {
                respond_async,
                wait: Duration::from_secs(wait),
            };
            assert_eq!(Preferences::of(&map), expected, "{headers:?}");
        }
    }
}
