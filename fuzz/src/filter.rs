//! Filters and PATCH paths: nothing panics, everything that is read prints as what reads back.

use keyfob_core::{Dialect, Registry, Resource, ToErrorBody};
use keyfob_filter::{Filter, Limits, PatchPath};

const USER: &[u8] = br#"{
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
    "id": "u1", "externalId": "x", "userName": "bjensen", "active": true, "title": "a",
    "name": {"familyName": "Jensen"},
    "emails": [{"type": "work", "value": "b@example.com", "primary": true}, {"type": "home"}],
    "groups": [{"value": "g1", "display": "Tour Guides"}],
    "meta": {"created": "2011-05-13T04:42:34Z"},
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Tours", "manager": {"value": "u2"}}
}"#;
const GROUP: &[u8] = br#"{
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    "displayName": "Tour Guides", "members": [{"value": "u1", "type": "User"}, {"value": "u2"}]
}"#;

/// No text makes reading, printing, compiling or evaluating panic, and an error points into the text.
pub fn filter_total(text: &str) {
    for dialect in [Dialect::strict(), Dialect::interop()] {
        match Filter::parse_with(text, &Limits::default(), dialect) {
            Ok(filter) => evaluate(text, &filter, dialect),
            Err(error) => {
                assert!(text.get(error.span()).is_some(), "{error:?}");
                let _ = (error.display_with(text).to_string(), error.to_error_body());
            }
        }
        if let Err(error) = PatchPath::parse_with(text, &Limits::default(), dialect) {
            assert!(text.get(error.span()).is_some(), "{error:?}");
            let _ = (error.display_with(text).to_string(), error.to_error_body());
        }
    }
}

fn evaluate(text: &str, filter: &Filter, dialect: Dialect) {
    let _ = (filter.to_sexpr(), filter.to_json());
    for (name, body) in [("User", USER), ("Group", GROUP)] {
        let kind = Registry::rfc().resource_type(name).unwrap();
        match filter.compile(kind, dialect) {
            Ok(predicate) => {
                let resource = Resource::from_json(body, kind).unwrap();
                let negation = filter.clone().not().compile(kind, dialect).unwrap();
                assert_ne!(predicate.matches(&resource), negation.matches(&resource));
                for lookup in predicate.lookups() {
                    assert!(lookup.keys().next().is_some());
                }
            }
            Err(error) => {
                assert!(error.span_in(text).is_some(), "{error:?}");
                let _ = (error.display_with(text).to_string(), error.to_error_body());
            }
        }
    }
}

/// A filter prints as a text that reads back as the filter by the RFC's grammar alone.
pub fn filter_roundtrip(text: &str) {
    for dialect in [Dialect::strict(), Dialect::interop()] {
        let Ok(filter) = Filter::parse_with(text, &Limits::default(), dialect) else {
            continue;
        };
        let printed = filter.to_string();
        let read = Filter::parse_with(&printed, &roomy(), Dialect::strict()).unwrap();
        assert_eq!(read, filter, "{printed}");
        assert_eq!(read.to_string(), printed);
    }
}

/// A PATCH path prints as a text that reads back as the path by the RFC's grammar alone.
pub fn path_roundtrip(text: &str) {
    for dialect in [Dialect::strict(), Dialect::interop()] {
        let Ok(path) = PatchPath::parse_with(text, &Limits::default(), dialect) else {
            continue;
        };
        let printed = path.to_string();
        let read = PatchPath::parse_with(&printed, &roomy(), Dialect::strict()).unwrap();
        assert_eq!(read, path, "{printed}");
        assert_eq!(read.to_string(), printed);
    }
}

/// Printing adds blanks, and parentheses around what a quirk joined.
fn roomy() -> Limits {
    let mut limits = Limits::default();
    limits.bytes *= 8;
    limits.depth += 1;
    limits
}
