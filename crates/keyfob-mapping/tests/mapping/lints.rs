//! What is allowed in a mapping and probably a mistake (X-9).

use keyfob_expression::Options;
use keyfob_mapping::{ObjectMapping, graph::SynchronizationSchema};

use super::support::{group, mapping, testdata, user};

fn ids(attributes: &str) -> Vec<(Option<String>, &'static str)> {
    let lints = mapping(attributes).lints(user(), &Options::default());
    lints
        .into_iter()
        .map(|found| {
            assert!(!found.lint.sentence.is_empty() && !found.lint.fix.is_empty());
            (found.target.map(String::from), found.lint.id)
        })
        .collect()
}

const MATCHED: &str = r#"{"target": "userName", "expression": "[userPrincipalName]", "matching": 1}"#;

#[test]
fn each_lint_is_found_where_it_is_and_nowhere_else() {
    for (attribute, target, id) in [
        // X-9: what Verkada's page suggests for both.
        (
            r#"{"target": "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User:externalId", "expression": "[extensionAttribute1]"},
               {"target": "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User:cardFormat", "expression": "[extensionAttribute1]"}"#,
            "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User:cardFormat",
            "W-SOURCE-TWICE",
        ),
        (
            r#"{"target": "title", "expression": "[jobTitle]", "default": "None"}"#,
            "title",
            "W-DEFAULT-ON-UPDATE",
        ),
        (
            r#"{"target": "nickName", "expression": "SelectUniqueValue([a], [b])"}"#,
            "nickName",
            "W-UNIQUE-PLACE",
        ),
        (
            r#"{"target": "nickName", "expression": "SelectUniqueValue([a], [b])", "apply": "onCreate", "matching": 2}"#,
            "nickName",
            "W-UNIQUE-PLACE",
        ),
        (
            r#"{"target": "externalId", "expression": "[id]", "matching": 1}"#,
            "externalId",
            "W-MATCH-TWICE",
        ),
        (
            r#"{"target": "password", "expression": "RandomString(16, 2, 2, 2, 2)"}"#,
            "password",
            "W-SECRET-ALWAYS",
        ),
        (
            r#"{"target": "emails[type eq \"work\"].value", "expression": "[a]"},
               {"target": "emails[primary eq true].value", "expression": "[b]"}"#,
            "emails[primary eq true].value",
            "W-SAME-ELEMENT",
        ),
        (
            r#"{"target": "title", "expression": "Replace([a], , \"\\d\", , \"\", , )"}"#,
            "title",
            "W-ESCAPE",
        ),
    ] {
        assert_eq!(
            ids(&format!("[{MATCHED}, {attribute}]")),
            [(Some(target.to_owned()), id)],
            "{attribute}"
        );
    }
    let unmatched = ids(r#"[{"target": "title", "expression": "[jobTitle]"}]"#);
    assert_eq!(unmatched, [(None, "W-NO-MATCH")]);
}

#[test]
fn what_is_well_done_has_no_lint() {
    assert_eq!(
        ObjectMapping::entra_group().lints(group(), &Options::default()),
        []
    );
    let attributes = format!(
        r#"[{MATCHED}, {{"target": "emails[type eq \"work\"].value", "expression": "[mail]"}},
            {{"target": "emails[type eq \"home\"].value", "expression": "[otherMail]"}},
            {{"target": "emails[type eq \"work\"].display", "expression": "ToLower([mail])"}},
            {{"target": "locale", "default": "en-US"}},
            {{"target": "password", "expression": "RandomString(16, 2, 2, 2, 2)", "apply": "onCreate"}}]"#
    );
    assert_eq!(ids(&attributes), []);
}

#[test]
fn a_source_attribute_that_the_directory_does_not_have_is_told_with_what_was_meant() {
    let schema = SynchronizationSchema::from_json(&testdata("customappsso-schema-sample.json")).unwrap();
    let mut users = schema.mapping_of(user()).unwrap().unwrap();
    let directories = schema.directories().unwrap();
    let directory = directories
        .iter()
        .find(|directory| directory.name == users.source_directory);
    let definition = directory.unwrap().object(&users.mapping.source).unwrap();
    assert_eq!(users.mapping.unknown_sources(definition, &Options::default()), []);
    users.mapping.attributes[2].expression = Some("ToLower([DisplayName])".into());
    let [found] = users
        .mapping
        .unknown_sources(definition, &Options::default())
        .try_into()
        .unwrap();
    assert_eq!(found.lint.id, "W-UNKNOWN-SOURCE");
    assert_eq!(
        found.lint.sentence,
        "`User` has no attribute `DisplayName` in the source"
    );
    assert_eq!(
        found.lint.fix,
        "write `[displayName]`; names are compared exactly"
    );
}
