//! Conditional requests (RFC 7644 section 3.14, RFC 9110 section 13).

use http::{
    HeaderMap,
    header::{self, HeaderName},
};
use keyfob_engine::{EntityTags, Precondition};

use crate::error::HttpError;

/// Returns the condition in `If-Match` and `If-None-Match`.
///
/// # Errors
/// [`HttpError::EntityTags`] for a header that holds neither `*` nor entity tags.
pub(crate) fn precondition(headers: &HeaderMap) -> Result<Precondition, HttpError> {
    let if_match = tags(headers, &header::IF_MATCH, "If-Match")?;
    let if_none_match = tags(headers, &header::IF_NONE_MATCH, "If-None-Match")?;
    Ok(Precondition::new(if_match, if_none_match))
}

fn tags(
    headers: &HeaderMap,
    header: &HeaderName,
    name: &'static str,
) -> Result<Option<EntityTags>, HttpError> {
    if !headers.contains_key(header) {
        return Ok(None);
    }
    let lines: Result<Vec<&str>, _> = headers
        .get_all(header)
        .iter()
        .map(|line| std::str::from_utf8(line.as_bytes()))
        .collect();
    let tags = lines.ok().and_then(EntityTags::parse);
    tags.map(Some).ok_or(HttpError::EntityTags { name })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn rfc_9110_13_1_both_headers_are_read_over_all_their_lines() {
        let mut headers = HeaderMap::new();
        assert_eq!(precondition(&headers).unwrap(), Precondition::None);
        headers.append(header::IF_MATCH, HeaderValue::from_static("W/\"3\""));
        headers.append(header::IF_MATCH, HeaderValue::from_static("\"5\""));
        headers.append(header::IF_NONE_MATCH, HeaderValue::from_static("*"));
        let expected = Precondition::new(EntityTags::parse(["W/\"3\", W/\"5\""]), Some(EntityTags::Any));
        assert_eq!(precondition(&headers).unwrap(), expected);
    }

    #[test]
    fn rfc_9110_13_1_a_header_that_is_not_understood_is_refused_by_its_name() {
        for sent in [&b""[..], b"5", b"W/\"3\", 5", b"\"\xff\""] {
            for (header, name) in [
                (header::IF_MATCH, "If-Match"),
                (header::IF_NONE_MATCH, "If-None-Match"),
            ] {
                let headers = HeaderMap::from_iter([(header, HeaderValue::from_bytes(sent).unwrap())]);
                let refusal = precondition(&headers).unwrap_err();
                assert_eq!(refusal.status(), 400, "{sent:?}");
                assert!(refusal.to_string().contains(name), "{refusal}");
            }
        }
    }
}
