//! The filters of PATCH paths, asked of single values (RFC 7644 section 3.5.2).

use keyfob_core::{Attribute, Dialect, Member, Object, Quirk, ResourceId, ResourceType, Value};
use keyfob_filter::{ElementPredicate, Filter};

use crate::support::{resource_type, user};

fn attribute<'r>(kind: &'r ResourceType, name: &str) -> &'r Attribute {
    kind.attribute(name).unwrap()
}

fn elements(attribute: &Attribute, text: &str) -> ElementPredicate {
    let dialect = Dialect::strict().with(Quirk::BooleanStrings);
    Filter::parse(text)
        .unwrap()
        .compile_for_elements(attribute, dialect)
        .unwrap()
}

fn work_email() -> Value {
    let email: Object = [
        ("type", Value::from("Work")),
        ("primary", true.into()),
        ("value", "BJensen@example.com".into()),
        ("display", Value::Null),
    ]
    .into_iter()
    .collect();
    email.into()
}

#[test]
fn a_value_filter_is_asked_of_one_value() {
    let emails = attribute(user(), "emails");
    for (text, matches) in [
        (r#"type eq "work""#, true),
        (r#"TYPE eq "WORK" and primary eq true"#, true),
        (r#"primary eq "True""#, true),
        ("primary eq false", false),
        (r#"value ew "@EXAMPLE.com""#, true),
        (
            r#"not (type eq "home") and (value sw "x" or value sw "bj")"#,
            true,
        ),
        (r#"type ne "work""#, false),
        ("display pr", false),
        ("display eq null", true),
        (r#"display ne "x""#, true),
    ] {
        assert_eq!(elements(emails, text).matches(&work_email()), matches, "{text}");
        assert!(!elements(emails, r#"type eq "work""#).matches(&Value::from("work")));
    }
}

/// RFC 7643 section 2.4
#[test]
fn an_absent_primary_is_false() {
    let emails = attribute(user(), "emails");
    let absent: Value = Object::from_iter([("value", Value::from("a@x"))]).into();
    let stated = |primary: bool| -> Value { Object::from_iter([("primary", Value::from(primary))]).into() };
    for (text, [of_absent, of_false, of_true]) in [
        ("primary eq true", [false, false, true]),
        ("primary eq false", [true, true, false]),
        ("primary ne true", [true, true, false]),
        ("primary ne false", [false, false, true]),
        ("not (primary eq false)", [false, false, true]),
        (r#"primary eq "False""#, [true, true, false]),
        ("primary pr", [false, true, true]),
        ("primary eq null", [true, false, false]),
        ("primary ne null", [false, true, true]),
    ] {
        let predicate = elements(emails, text);
        let answers = [absent.clone(), stated(false), stated(true)].map(|value| predicate.matches(&value));
        assert_eq!(answers, [of_absent, of_false, of_true], "{text}");
    }
    assert_eq!(
        elements(emails, r#"type eq "work" and primary eq false"#).equalities(),
        Some(vec![
            ("type".into(), "work".into()),
            ("primary".into(), false.into())
        ])
    );
}

#[test]
fn the_values_of_a_simple_attribute_are_called_value() {
    let schemas = user().common().attribute("schemas").unwrap();
    let predicate = elements(schemas, r#"value eq "urn:x""#);
    assert!(predicate.matches(&Value::from("urn:x")));
    assert!(!predicate.matches(&Value::from("urn:y")));
    assert!(elements(schemas, "value pr").matches(&Value::from("urn:x")));
    assert_eq!(
        predicate.equalities(),
        Some(vec![("value".into(), "urn:x".into())])
    );
    let filter = Filter::parse("type pr").unwrap();
    assert!(filter.compile_for_elements(schemas, Dialect::strict()).is_err());
}

#[test]
fn a_conjunction_of_equalities_says_what_a_new_value_holds() {
    let emails = attribute(user(), "emails");
    let holds = |text: &str| elements(emails, text).equalities();
    assert_eq!(
        holds(r#"TYPE eq "Work" and primary eq "True""#),
        Some(vec![
            ("type".into(), "Work".into()),
            ("primary".into(), true.into())
        ])
    );
    assert_eq!(
        elements(emails, r#"TYPE eq "Work""#).equalities().unwrap()[0]
            .0
            .as_str(),
        "type"
    );
    for text in [
        r#"type eq "work" or type eq "home""#,
        r#"type ne "work""#,
        r#"type sw "work""#,
        r#"type eq "work" and value pr"#,
        r#"type eq "work" and not (type eq "home")"#,
        r#"type eq "work" and type eq "home""#,
        "type eq null",
    ] {
        assert_eq!(holds(text), None, "{text}");
    }
    for text in [
        r#"type eq "Work""#,
        r#"type eq "a" and value eq "B" and primary eq false"#,
        r#"type eq "a" and primary ne true"#,
        r#"type eq "a" and not (primary eq true)"#,
        r#"type eq "a" and primary ne "False""#,
    ] {
        let made: Object = holds(text).unwrap().into_iter().collect();
        assert!(
            elements(emails, text).matches(&made.into()),
            "what is made matches: {text}"
        );
    }
}

#[test]
fn members_that_are_named_by_id_are_told() {
    let members = attribute(resource_type("Group"), "members");
    let ids = |text: &str| {
        let ids = elements(members, text).member_ids();
        ids.map(|ids| {
            ids.iter()
                .map(ResourceId::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        })
    };
    assert_eq!(ids(r#"value eq "A""#).as_deref(), Some("A"));
    assert_eq!(ids(r#"value eq "a" or value eq "b""#).as_deref(), Some("a b"));
    for text in [
        r#"value eq "a" and type eq "User""#,
        r#"value eq "a" or display eq "b""#,
        r#"display eq "a""#,
        r#"value ne "a""#,
        r#"not (value eq "a")"#,
        r#"value sw "a""#,
    ] {
        assert_eq!(ids(text), None, "{text}");
    }
    assert_eq!(
        elements(attribute(user(), "emails"), r#"value eq "a""#).member_ids(),
        None,
        "not caseExact"
    );
}

#[test]
fn members_are_asked_by_every_sub_attribute() {
    let members = attribute(resource_type("Group"), "members");
    let id = ResourceId::new("2819c223");
    let mut member = Member::new().with_kind("User").with_display("Babs Jensen");
    member.reference = Some("../Users/2819c223".into());
    for (text, matches) in [
        (r#"value eq "2819c223""#, true),
        (r#"value eq "2819C223""#, false),
        (r#"type eq "user""#, true),
        (r#"display sw "BABS" and $ref ew "/Users/2819c223""#, true),
        (r#"$ref eq "../users/2819c223""#, false),
        ("display pr and type pr and $ref pr", true),
    ] {
        assert_eq!(
            elements(members, text).matches_member(&id, &member),
            matches,
            "{text}"
        );
    }
    assert!(!elements(members, "display pr or type pr").matches_member(&id, &Member::new()));
}
