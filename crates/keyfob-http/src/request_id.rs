//! The id by which a request is found in every log.

use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use keyfob_engine::{Engine, RequestId, Store};

/// The header in which a proxy gives the id, and an answer repeats it.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The length of the longest id that is taken from a header.
const MAX_LENGTH: usize = 128;

/// Returns the id of a request: the one that a layer in front left in the extensions, the one in the header where the
/// application trusts it, and otherwise a new one.
pub(crate) fn of<S: Store>(request: &Parts, trusts_header: bool, engine: &Engine<S>) -> RequestId {
    if let Some(id) = request.extensions.get::<RequestId>() {
        return id.clone();
    }
    let given = trusts_header.then(|| in_header(&request.headers)).flatten();
    given.map_or_else(|| engine.next_request_id(), RequestId::new)
}

/// Returns the id in the header, if it is fit to be repeated in logs and answers.
fn in_header(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(X_REQUEST_ID)?.to_str().ok()?;
    let is_sane = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    ((1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(is_sane)).then_some(id)
}

/// Gives the id back.
pub(crate) fn repeat(id: &RequestId, headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert(X_REQUEST_ID, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_unfit_for_a_log_is_not_taken() {
        for (sent, taken) in [
            ("r-1", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736:7.x_y", true),
            ("", false),
            ("a b", false),
            ("<script>", false),
            ("a\tb", false),
            (&"a".repeat(128), true),
            (&"a".repeat(129), false),
        ] {
            let headers = HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_str(sent).unwrap())]);
            assert_eq!(in_header(&headers), taken.then_some(sent), "{sent:?}");
        }
    }
}
