//! Conditional requests (RFC 7644 section 3.14, RFC 9110 section 13).

use http::{
    HeaderMap,
    header::{self, AsHeaderName},
};
use keyfob_core::EntityTag;
use keyfob_engine::{EntityTags, Precondition};

/// The condition in `If-Match` and `If-None-Match`.
///
/// A tag that is no version of ours never matches. Weak tags are compared by their text, since SCIM has no others.
pub(crate) fn precondition(headers: &HeaderMap) -> Precondition {
    match (
        tags(headers, header::IF_MATCH),
        tags(headers, header::IF_NONE_MATCH),
    ) {
        (None, None) => Precondition::None,
        (if_match, if_none_match) => Precondition::Tags {
            if_match,
            if_none_match,
        },
    }
}

fn tags(headers: &HeaderMap, name: impl AsHeaderName) -> Option<EntityTags> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let mut tags = Vec::new();
    for value in values.filter_map(|value| value.to_str().ok()) {
        for tag in elements(value) {
            if tag == "*" {
                return Some(EntityTags::Any);
            }
            tags.extend(EntityTag::parse(tag));
        }
    }
    Some(EntityTags::Listed(tags))
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
            (&["\"a,\"5\",b\", W/\"3\""], some(&[3])),
            (&["5"], some(&[])),
            (&[""], some(&[])),
            (&["W/\"3\"", "*"], Some(EntityTags::Any)),
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
                    precondition(&headers),
                    alone.unwrap_or_default(),
                    "{name}: {sent:?}"
                );
            }
        }
    }
}
