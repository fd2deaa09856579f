//! The native form of a mapping.

use keyfob_core::SmolStr;
use keyfob_mapping::{
    Actions, Apply, AttributeMapping, ImportErrorKind, MappingKind, ObjectMapping,
    scope::{Clause, ClauseGroup, Operator, ScopingFilter},
};

#[test]
fn m_6_a_mapping_reads_back_as_it_was_written() {
    let mut mapping = ObjectMapping::new("User", "urn:example:User");
    mapping.name = "Sales".into();
    mapping.enabled = false;
    mapping.actions = Actions::NONE;
    mapping.scope = ScopingFilter::new(vec![
        ClauseGroup::new("French", vec![Clause::new("country", Operator::Equals, "FR")]),
        ClauseGroup::new("", vec![Clause::unary("mail", Operator::IsNotNull)]),
    ]);
    mapping.attributes = vec![
        AttributeMapping::new("userName", "[mail]")
            .matching(2)
            .or_default("x"),
        AttributeMapping::new("title", "\"Guide\"").apply(Apply::OnCreate),
        AttributeMapping::new("emails", "[proxyAddresses]").apply(Apply::AddValues),
        AttributeMapping::default_only("locale", "fr-FR"),
    ];
    let text = mapping.to_json();
    assert_eq!(ObjectMapping::from_json(&text).unwrap(), mapping);
    assert_eq!(serde_json::from_slice::<ObjectMapping>(&text).unwrap(), mapping);
    assert_eq!(serde_json::to_vec(&mapping).unwrap(), text);
    let kinds: Vec<_> = mapping.attributes.iter().map(AttributeMapping::kind).collect();
    let (direct, constant, none) = (MappingKind::Direct, MappingKind::Constant, MappingKind::None);
    assert_eq!(kinds, [direct, constant, direct, none]);
}

#[test]
fn what_is_left_at_its_default_is_not_written() {
    let mut mapping = ObjectMapping::new("User", "User");
    mapping.attributes = vec![AttributeMapping::new("title", "[jobTitle]")];
    assert_eq!(
        String::from_utf8(mapping.to_json()).unwrap(),
        r#"{"source":"User","target":"User","attributes":[{"target":"title","expression":"[jobTitle]"}]}"#
    );
    assert_eq!(
        ObjectMapping::from_json(b"{}").unwrap(),
        ObjectMapping::new("User", "User")
    );
}

#[test]
fn a_slip_of_the_pen_is_an_error_with_its_place() {
    for (text, message, suggestion) in [
        (
            r#"{"attribute": []}"#,
            "`attribute`: there is no such member",
            Some("attributes"),
        ),
        (
            r#"{"attributes": [{"target": "title", "expresion": "[a]"}]}"#,
            "`attributes[0].expresion`: there is no such member",
            Some("expression"),
        ),
        (
            r#"{"attributes": [{"target": "title", "apply": "oncreate"}]}"#,
            "`attributes[0].apply`: `oncreate` is not known here",
            Some("onCreate"),
        ),
        (
            r#"{"attributes": [{"expression": "[a]"}]}"#,
            "`attributes[0].target`: this is missing",
            None,
        ),
        (
            r#"{"attributes": [{"target": "title", "matching": 0}]}"#,
            "`attributes[0].matching`: a number from 1 is expected here",
            None,
        ),
        (
            r#"{"actions": ["create", "remove"]}"#,
            "`actions[1]`: `remove` is not known here",
            None,
        ),
        (
            r#"{"scope": [7]}"#,
            "`scope[0]`: a group of clauses is expected here",
            None,
        ),
        (
            r#"{"enabled": "yes"}"#,
            "`enabled`: a boolean is expected here",
            None,
        ),
    ] {
        let error = ObjectMapping::from_json(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.suggestion().map(SmolStr::as_str), suggestion, "{text}");
    }
    let error = ObjectMapping::from_json(b"{\"attributes\": [}").unwrap_err();
    assert!(matches!(error.kind, ImportErrorKind::Json(_)));
    assert!(error.to_string().contains("line 1 column 17"), "{error}");
}
