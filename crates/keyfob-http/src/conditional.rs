//! Conditional requests (RFC 7644 section 3.14, RFC 9110 section 13).

use http::{
    HeaderMap,
    header::{self, HeaderName},
};
use keyfob_core::EntityTag;
use keyfob_engine::{EntityTags, Precondition};

use crate::error::HttpError;

/// Returns the condition in `If-Match` and `If-None-Match`.
///
/// A tag that is no version of this service never matches. Weak tags are compared by their text, since SCIM has no
/// others.
///
/// # Errors
/// [`HttpError::EntityTags`] for a header that holds neither `*` nor entity tags: a condition that isn't understood
/// would let a write through.
pub(crate) fn precondition(headers: &HeaderMap) -> Result<Precondition, HttpError> {
    let if_match = tags(headers, &header::IF_MATCH, "If-Match")?;
    let if_none_match = tags(headers, &header::IF_NONE_MATCH, "If-None-Match")?;
    Ok(match (if_match, if_none_match) {
        (None, None) => Precondition::None,
        (if_match, if_none_match) => Precondition::Tags {
            if_match,
            if_none_match,
        },
    })
}

fn tags(
    headers: &HeaderMap,
    header: &HeaderName,
    name: &'static str,
) -> Result<Option<EntityTags>, HttpError> {
    let malformed = || HttpError::EntityTags { name };
    if !headers.contains_key(header) {
        return Ok(None);
    }
    let mut listed = Vec::new();
    for value in headers.get_all(header) {
        let value = std::str::from_utf8(value.as_bytes()).map_err(|_| malformed())?;
        // Empty elements of a list count for nothing (RFC 9110 section 5.6.1.2).
        listed.extend(elements(value).filter(|element| !element.is_empty()));
    }
    match &*listed {
        [] => Err(malformed()),
        ["*"] => Ok(Some(EntityTags::Any)),
        listed if listed.iter().all(|tag| is_entity_tag(tag)) => {
            let known = listed.iter().filter_map(|tag| EntityTag::parse(tag));
            Ok(Some(EntityTags::Listed(known.collect())))
        }
        _ => Err(malformed()),
    }
}

/// Returns true for an entity tag of RFC 9110 section 8.8.3, whoever gave it out.
fn is_entity_tag(text: &str) -> bool {
    let opaque = text.strip_prefix("W/").unwrap_or(text);
    let inner = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let is_tag_character = |character: char| character > ' ' && character != '"' && character != '\u{7f}';
    inner.is_some_and(|inner| inner.chars().all(is_tag_character))
}

/// The elements of a list. A tag of somebody else's may hold commas and asterisks between its quotes (RFC 9110 section
/// 8.8.3).
fn elements(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    })
    .map(str::trim)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use keyfob_core::Version;

    use super::*;

    #[test]
    fn rfc_9110_13_1_entity_tags_are_a_list_over_one_header_or_several() {
        let some = |numbers: &[u64]| {
            let tags = numbers.iter().map(|number| Version::new(*number).into());
            Some(EntityTags::Listed(tags.collect()))
        };
        for (sent, expected) in [
            (&[][..], None),
            (&["*"], Some(EntityTags::Any)),
            (&[" * "], Some(EntityTags::Any)),
            (&["W/\"3\""], some(&[3])),
            (&["\"3\""], some(&[3])),
            (&["W/\"3\", W/\"5\""], some(&[3, 5])),
            (&["W/\"3\"", "W/\"5\",W/\"7\""], some(&[3, 5, 7])),
            (&["W/\"theirs\", W/\"5\""], some(&[5])),
            (&["\"a,5\""], some(&[])),
            (&["\"a,*,b\""], some(&[])),
            (&["W/\"3\",, W/\"5\","], some(&[3, 5])),
        ] {
            for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
                let mut headers = HeaderMap::new();
                for value in sent {
                    headers.append(&name, HeaderValue::from_static(value));
                }
                let alone = expected.clone().map(|tags| match name {
                    header::IF_MATCH => Precondition::Tags {
                        if_match: Some(tags),
                        if_none_match: None,
                    },
                    _ => Precondition::Tags {
                        if_match: None,
                        if_none_match: Some(tags),
                    },
                });
                assert_eq!(
                    precondition(&headers).unwrap(),
                    alone.unwrap_or_default(),
                    "{name}: {sent:?}"
                );
            }
        }
    }

    #[test]
    fn rfc_9110_13_1_what_is_neither_an_asterisk_nor_entity_tags_is_refused() {
        for sent in [
            &[""][..],
            &[","],
            &["5"],
            &["W/5"],
            &["w/\"5\""],
            &["\"5"],
            &["W/\"3\", 5"],
            &["W/\"3\" W/\"5\""],
            &["\"a,\"5\",b\", W/\"3\""],
            &["\"a b\""],
            &["W/\"3\"", "*"],
            &["*", "*"],
        ] {
            for (header, name) in [
                (header::IF_MATCH, "If-Match"),
                (header::IF_NONE_MATCH, "If-None-Match"),
            ] {
                let mut headers = HeaderMap::new();
                for value in sent {
                    headers.append(&header, HeaderValue::from_static(value));
                }
                let refusal = precondition(&headers).unwrap_err();
                assert_eq!(refusal.status(), 400, "{sent:?}");
                assert!(refusal.to_string().contains(name), "{refusal}");
            }
        }
        let headers =
            HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_bytes(b"\"\xff\"").unwrap())]);
        assert_eq!(precondition(&headers).unwrap_err().status(), 400);
    }
}
