//! Import and export of Graph's synchronization schema.

use keyfob_expression::Options;
use keyfob_mapping::{
    Actions, Apply, AttributeMapping, Mapper, MappingKind, ObjectMapping, graph::SynchronizationSchema,
    scope::Operator,
};

use super::support::{group, testdata, user};

fn sample() -> SynchronizationSchema {
    SynchronizationSchema::from_json(&testdata("customappsso-schema-sample.json")).unwrap()
}

fn json(text: &[u8]) -> serde_json::Value {
    serde_json::from_slice(text).unwrap()
}

/// A schema of one mapping with one attribute mapping.
fn with_attribute(attribute: &str) -> SynchronizationSchema {
    let text = format!(
        r#"{{"synchronizationRules": [{{"objectMappings": [{{
            "sourceObjectName": "User", "targetObjectName": "User", "attributeMappings": [{attribute}]
        }}]}}]}}"#
    );
    SynchronizationSchema::from_json(text.as_bytes()).unwrap()
}

#[test]
fn the_sample_export_goes_out_as_it_came_in() {
    let text = testdata("customappsso-schema-sample.json");
    let schema = sample();
    let written = schema.to_json();
    assert_eq!(json(&written), json(&text));
    // Not only the same values: every member in its place.
    let without_blanks = |text: &[u8]| {
        let value = keyfob_core::json::value_from_slice(text).unwrap();
        keyfob_core::json::value_to_vec(&value)
    };
    assert_eq!(written, without_blanks(&text));
    assert_eq!(
        SynchronizationSchema::from_json(&written).unwrap().to_json(),
        written
    );
}

#[test]
fn the_sample_export_holds_the_default_mappings() {
    let mappings = sample().mappings().unwrap();
    let [users, groups] = mappings.as_slice() else {
        panic!("{mappings:?}")
    };
    assert_eq!(users.mapping.attributes, ObjectMapping::entra_user().attributes);
    assert_eq!(groups.mapping.attributes, ObjectMapping::entra_group().attributes);
    assert_eq!(users.rule, "USER_OUTBOUND_USER");
    assert_eq!(users.source_directory, "Azure Active Directory");
    assert_eq!(users.mapping.actions, Actions::ALL);
    let clauses = &users.mapping.scope.groups[0].clauses;
    assert_eq!(clauses[0].values, ["Sales"]);
    assert_eq!(clauses[1].operator, Operator::IsNotNull);
    assert_eq!(
        sample().mapping_of(group()).unwrap().unwrap().mapping,
        groups.mapping
    );
    Mapper::compile(&users.mapping, user(), &Options::default()).unwrap();
    Mapper::compile(&groups.mapping, group(), &Options::default()).unwrap();
}

#[test]
fn the_sample_export_says_what_attributes_there_are() {
    let directories = sample().directories().unwrap();
    let entra = directories
        .iter()
        .find(|directory| directory.name == "Azure Active Directory");
    let source = entra.unwrap().object("User").unwrap();
    assert_eq!(source.attribute("IsSoftDeleted").unwrap().kind, "Boolean");
    assert!(source.attribute("objectId").unwrap().anchor);
    assert!(source.attribute("mailnickname").is_none(), "case counts");
}

#[test]
fn putting_back_what_was_read_changes_nothing() {
    let mut schema = sample();
    for mapping in sample().mappings().unwrap() {
        schema.set_mapping(&mapping.mapping).unwrap();
    }
    assert_eq!(schema, sample());
    assert_eq!(schema.to_json(), sample().to_json());
}

#[test]
fn a_change_leaves_alone_what_it_does_not_change() {
    let mut schema = with_attribute(
        r#"{"futureMember": {"a": [1, 2.5]}, "targetAttributeName": "title", "flowType": "always",
            "source": {"expression": "[jobTitle]", "name": "jobTitle", "type": "Attribute", "alsoNew": true}},
           {"targetAttributeName": "userName", "source": {"expression": "[mail]"}}"#,
    );
    let mut mapping = schema.mappings().unwrap().swap_remove(0).mapping;
    mapping.attributes[0].default = Some("Guide".into());
    mapping.attributes.pop();
    mapping
        .attributes
        .push(AttributeMapping::new("locale", "Left([x], 2)").apply(Apply::OnCreate));
    schema.set_mapping(&mapping).unwrap();
    let written = json(&schema.to_json());
    let attributes = &written["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"];
    let expected = serde_json::json!([
        {
            "futureMember": {"a": [1, 2.5]}, "targetAttributeName": "title", "flowType": "always",
            "source": {"expression": "[jobTitle]", "name": "jobTitle", "type": "Attribute", "alsoNew": true},
            "defaultValue": "Guide"
        },
        {
            "defaultValue": null, "exportMissingReferences": false, "flowBehavior": "FlowWhenChanged",
            "flowType": "ObjectAddOnly", "matchingPriority": 0,
            "source": {
                "expression": "Left([x], 2)", "name": "Left", "type": "Function", "parameters": [
                    {"key": "String", "value": {"expression": "[x]", "name": "x", "parameters": [], "type": "Attribute"}},
                    {"key": "NumChars", "value": {"expression": "\"2\"", "name": "2", "parameters": [], "type": "Constant"}}
                ]
            },
            "targetAttributeName": "locale"
        }
    ]);
    assert_eq!(*attributes, expected);
    assert_eq!(schema.mappings().unwrap()[0].mapping, mapping);
}

#[test]
fn a_mapping_that_is_not_there_cannot_be_changed() {
    let mut schema = sample();
    let error = schema
        .set_mapping(&ObjectMapping::new("Device", "Device"))
        .unwrap_err();
    assert_eq!(error.path, "synchronizationRules");
    assert_eq!(schema, sample());
}

#[test]
fn the_published_forms_of_an_attribute_mapping_are_read() {
    for (json, expression, kind) in [
        (
            r#""source": {"expression": "Not([IsSoftDeleted])", "name": "Not", "type": "Function"}"#,
            Some("Not([IsSoftDeleted])"),
            MappingKind::Expression,
        ),
        (
            r#""source": null, "defaultValue": "ISO-8859-1""#,
            None,
            MappingKind::None,
        ),
        (
            r#""source": {"name": "extensionAttribute10", "type": "Attribute"}"#,
            Some("[extensionAttribute10]"),
            MappingKind::Direct,
        ),
        (
            r#""source": {"name": "extensionAttribute10"}"#,
            Some("[extensionAttribute10]"),
            MappingKind::Direct,
        ),
        (
            r#""source": {"name": "Company \"C\"", "type": "constant", "parameters": null}"#,
            Some(r#""Company \"C\"""#),
            MappingKind::Constant,
        ),
    ] {
        let schema = with_attribute(&format!(r#"{{"targetAttributeName": "title", {json}}}"#));
        let mapping = schema.mappings().unwrap().swap_remove(0).mapping;
        assert_eq!(mapping.attributes[0].expression.as_deref(), expression, "{json}");
        assert_eq!(mapping.attributes[0].kind(), kind, "{json}");
    }
}

#[test]
fn an_expression_without_its_text_is_written_from_its_tree() {
    for expression in [
        r#"Replace([preferredLanguage], "-", , , "_", , )"#,
        r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#,
        r#"Join(" ", [givenName], [surname])"#,
        r#"Switch(ToLower([a], ), "none", "x", Mid([b], "1", "8"), "y", Append([c], ".test"))"#,
        r#"IIF([country] = "USA", [country], [department])"#,
        r#"FormatDateTime([d], , "yyyy", "yy")"#,
        r#"Coalesce([mail], [userPrincipalName], "\\none\\")"#,
    ] {
        let mut schema = with_attribute(r#"{"targetAttributeName": "title", "source": null}"#);
        let mut mapping = schema.mappings().unwrap().swap_remove(0).mapping;
        mapping.attributes[0].expression = Some(expression.into());
        schema.set_mapping(&mapping).unwrap();
        let with_text = String::from_utf8(schema.to_json()).unwrap();
        let mut value = json(with_text.as_bytes());
        remove_texts(&mut value);
        let without = SynchronizationSchema::from_json(value.to_string().as_bytes()).unwrap();
        let read = without.mappings().unwrap().swap_remove(0).mapping;
        assert_eq!(read.attributes[0].expression.as_deref(), Some(expression));
    }
}

fn remove_texts(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            members.remove("expression");
            members.values_mut().for_each(remove_texts);
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(remove_texts),
        _ => {}
    }
}

#[test]
fn numbered_keys_and_unknown_functions_of_a_tree_keep_their_order() {
    let constant = |name: &str| format!(r#"{{"name": "{name}", "type": "Constant"}}"#);
    let join = format!(
        r#"{{"name": "Join", "type": "Function", "parameters": [
            {{"key": "separator", "value": {}}}, {{"key": "source1", "value": {}}}, {{"key": "source 2", "value": {}}}]}}"#,
        constant("-"),
        constant("a"),
        constant("b"),
    );
    let unknown = format!(
        r#"{{"name": "Fancy", "type": "Function", "parameters": [{{"key": "x", "value": {}}}, {{"value": {}}}]}}"#,
        constant("a"),
        join,
    );
    let schema = with_attribute(&format!(
        r#"{{"targetAttributeName": "title", "source": {unknown}}}"#
    ));
    let mapping = schema.mappings().unwrap().swap_remove(0).mapping;
    assert_eq!(
        mapping.attributes[0].expression.as_deref(),
        Some(r#"Fancy("a", Join("-", "a", "b"))"#)
    );
}

#[test]
fn what_is_not_as_graph_has_it_is_refused_with_its_place() {
    for (attribute, message) in [
        (
            r#"{"targetAttributeName": "title", "flowType": "Sometimes"}"#,
            "`synchronizationRules[0].objectMappings[0].attributeMappings[0].flowType`: `Sometimes` is not known here",
        ),
        (
            r#"{"source": null}"#,
            "`synchronizationRules[0].objectMappings[0].attributeMappings[0].targetAttributeName`: this is missing",
        ),
        (
            r#"{"targetAttributeName": "title", "matchingPriority": -1}"#,
            "`synchronizationRules[0].objectMappings[0].attributeMappings[0].matchingPriority`: a number from 0 is \
             expected here",
        ),
        (
            "7",
            "`synchronizationRules[0].objectMappings[0].attributeMappings[0]`: an object is expected here",
        ),
    ] {
        assert_eq!(
            with_attribute(attribute).mappings().unwrap_err().to_string(),
            message
        );
    }
    for text in ["[]", "{}", "{\"synchronizationRules\": {}}", "{"] {
        assert!(
            SynchronizationSchema::from_json(text.as_bytes()).is_err(),
            "{text}"
        );
    }
}

#[test]
fn a_schema_of_native_mappings_reads_back() {
    let mut users = ObjectMapping::entra_user();
    users.name = "Users".into();
    users.actions.delete = false;
    users.attributes[2] = AttributeMapping::default_only("displayName", "Nobody");
    let groups = ObjectMapping::entra_group();
    let schema = SynchronizationSchema::new(&[users.clone(), groups.clone()]);
    let read = SynchronizationSchema::from_json(&schema.to_json()).unwrap();
    let mappings: Vec<_> = read
        .mappings()
        .unwrap()
        .into_iter()
        .map(|mapping| mapping.mapping)
        .collect();
    assert_eq!(mappings, [users, groups]);
}

#[test]
fn flow_types_are_read_in_any_case() {
    let text = br#"{"synchronizationRules": [{"objectMappings": [
        {"sourceObjectName": "User", "targetObjectName": "User", "flowTypes": "add,UPDATE"},
        {"sourceObjectName": "User", "targetObjectName": "User", "flowTypes": "None"}
    ]}]}"#;
    let mappings = SynchronizationSchema::from_json(text)
        .unwrap()
        .mappings()
        .unwrap();
    let actions = mappings[0].mapping.actions;
    assert!(actions.create && actions.update && !actions.delete);
    assert_eq!(mappings[1].mapping.actions, Actions::NONE);
}
