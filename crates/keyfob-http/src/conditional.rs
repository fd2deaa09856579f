//! Conditional requests (RFC 7644 section 3.14, RFC 9110 section 13).

use http::{
    HeaderMap,
    header::{self, AsHeaderName},
};
use keyfob_core::Version;
use keyfob_engine::Precondition;

/// What a change must find (`If-Match`).
///
/// A tag that is no version of ours never matches. Weak tags are compared by their text, since SCIM has no others.
pub(crate) fn if_match(headers: &HeaderMap) -> Precondition {
    tags(headers, header::IF_MATCH).unwrap_or(Precondition::None)
}

/// What the client of a GET already has (`If-None-Match`); [`Precondition::None`] for `*`, which is any version.
pub(crate) fn if_none_match(headers: &HeaderMap) -> Option<Precondition> {
    tags(headers, header::IF_NONE_MATCH)
}

fn tags(headers: &HeaderMap, name: impl AsHeaderName) -> Option<Precondition> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let mut versions = Vec::new();
    // A tag of somebody else's may hold a comma; a piece of it has no pair of quotes and so is no version.
    for tag in values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
    {
        if tag.trim() == "*" {
            return Some(Precondition::None);
        }
        versions.extend(Version::from_etag(tag));
    }
    Some(Precondition::Versions(versions))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn entity_tags_are_a_list_over_one_header_or_several() {
        let some = |numbers: &[u64]| {
            Some(Precondition::Versions(
                numbers.iter().copied().map(Version::new).collect(),
            ))
        };
        for (sent, expected) in [
            (&[][..], None),
            (&["*"], Some(Precondition::None)),
            (&[" * "], Some(Precondition::None)),
            (&["W/\"3\""], some(&[3])),
            (&["\"3\""], some(&[3])),
            (&["W/\"3\", W/\"5\""], some(&[3, 5])),
            (&["W/\"3\"", "W/\"5\",W/\"7\""], some(&[3, 5, 7])),
            (&["W/\"theirs\", W/\"5\""], some(&[5])),
            (&["\"a,5\""], some(&[])),
            (&["5"], some(&[])),
            (&[""], some(&[])),
            (&["W/\"3\"", "*"], Some(Precondition::None)),
        ] {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append(header::IF_NONE_MATCH, HeaderValue::from_static(value));
            }
            assert_eq!(if_none_match(&headers), expected, "{sent:?}");
            assert_eq!(if_match(&headers), Precondition::None, "no If-Match was sent");
        }
    }
}
