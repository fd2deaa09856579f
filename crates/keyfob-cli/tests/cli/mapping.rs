//! `keyfob map apply` and `keyfob map scope`.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Finished, Server, finish, keyfob, run};

fn testdata(file: &str) -> String {
    format!("{}/../../testdata/entra/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// Runs `keyfob map apply` with a mapping file, a source from standard input and perhaps an existing resource.
fn apply(mapping: &str, source: &Value, existing: Option<&Value>, arguments: &[&str]) -> Finished {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("existing.json");
    let mut all = vec!["map", "apply", "--mapping", mapping, "--source", "-"];
    if let Some(existing) = existing {
        fs::write(&file, existing.to_string()).unwrap();
        all.extend(["--existing", file.to_str().unwrap()]);
    }
    all.extend(arguments);
    run(&all, &source.to_string())
}

/// The same with a mapping that is written to a file first.
fn apply_native(mapping: &Value, source: &Value, existing: Option<&Value>) -> Finished {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("mapping.json");
    fs::write(&file, mapping.to_string()).unwrap();
    apply(file.to_str().unwrap(), source, existing, &[])
}

fn stdout(finished: &Finished) -> Value {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    serde_json::from_str(&finished.stdout).unwrap()
}

fn babs() -> Value {
    json!({
        "userPrincipalName": "babs@example.com", "accountEnabled": true, "department": "Sales",
        "mail": "babs@example.com", "givenName": "Barbara", "surname": "Jensen", "mobilePhone": "555"
    })
}

#[test]
fn an_export_of_a_tenant_makes_a_resource() {
    let made = stdout(&apply(
        &testdata("customappsso-schema-sample.json"),
        &babs(),
        None,
        &[],
    ));
    assert_eq!(
        made,
        json!({
            "schemas": [
                "urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
            ],
            "userName": "babs@example.com", "active": true,
            "emails": [{"type": "work", "value": "babs@example.com"}],
            "name": {"givenName": "Barbara", "familyName": "Jensen", "formatted": "Barbara Jensen"},
            "phoneNumbers": [{"type": "mobile", "value": "555"}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Sales"}
        })
    );
}

#[test]
fn the_type_says_which_mapping_of_an_export_is_meant() {
    let group = json!({"id": "7", "displayName": "Guides", "members": [{"id": "a"}]});
    let made = stdout(&apply(
        &testdata("customappsso-schema-sample.json"),
        &group,
        None,
        &["--type", "Group"],
    ));
    assert_eq!(
        made,
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": "Guides", "externalId": "7", "members": [{"value": "a"}]
        })
    );
}

#[test]
fn an_existing_resource_gets_the_patch_that_brings_it_up_to_date() {
    let existing = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1",
        "userName": "babs@example.com", "active": false, "emails": [{"type": "work", "value": "b@example.com"}],
        "name": {"givenName": "Barbara", "familyName": "Jensen", "formatted": "Barbara Jensen"}
    });
    let mapping = testdata("customappsso-schema-sample.json");
    let patch = stdout(&apply(&mapping, &babs(), Some(&existing), &[]));
    assert_eq!(
        patch,
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [
                {"op": "replace", "path": "active", "value": true},
                {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "babs@example.com"},
                {"op": "add", "path": "phoneNumbers", "value": [{"type": "mobile", "value": "555"}]},
                {
                    "op": "add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
                    "value": "Sales"
                }
            ]
        })
    );
    // What `keyfob patch` makes of it is up to date.
    let folder = TempDir::new().unwrap();
    let file = |name: &str, value: &Value| {
        let file = folder.path().join(name);
        fs::write(&file, value.to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (resource, patch) = (file("resource.json", &existing), file("patch.json", &patch));
    let patched = stdout(&run(&["patch", "--resource", &resource, "--patch", &patch], ""));
    let again = apply(&mapping, &babs(), Some(&patched), &[]);
    assert_eq!(stdout(&again)["Operations"], json!([]));
    assert!(again.stderr.contains("up to date"), "{again:?}");
}

#[test]
fn an_object_out_of_scope_is_a_negative_answer_and_disables_what_it_has() {
    let mapping = testdata("customappsso-schema-sample.json");
    let mut hr = babs();
    hr["department"] = json!("HR");
    let out = apply(&mapping, &hr, None, &[]);
    assert_eq!((out.code, out.stdout.as_str()), (Some(1), ""));
    assert!(out.stderr.contains("out of scope"), "{out:?}");
    let existing = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "babs@example.com", "active": true});
    let patch = stdout(&apply(&mapping, &hr, Some(&existing), &[]));
    assert_eq!(
        patch["Operations"][0],
        json!({"op": "replace", "path": "active", "value": false})
    );
}

#[test]
fn a_mapping_in_the_native_form_is_applied() {
    let mapping = json!({"attributes": [
        {"target": "userName", "expression": "ToLower([mail])", "matching": 1},
        {"target": "title", "expression": "[jobTitle]", "default": "Guest"}
    ]});
    let made = stdout(&apply_native(&mapping, &json!({"mail": "B@example.com"}), None));
    assert_eq!(made["userName"], "b@example.com");
    assert_eq!(made["title"], "Guest");
}

#[test]
fn a_resource_that_lacks_what_is_required_is_printed_with_a_warning() {
    let mapping = json!({"attributes": [{"target": "title", "expression": "[jobTitle]"}]});
    let made = apply_native(&mapping, &json!({"jobTitle": "Guide"}), None);
    assert_eq!(stdout(&made)["title"], "Guide");
    assert!(made.stderr.contains("`userName`"), "{made:?}");
}

#[test]
fn what_is_wrong_with_a_mapping_is_told_with_what_was_meant() {
    let unknown = json!({"attributes": [{"target": "titel", "expression": "[a]"}, {"target": "nickName", "expression": "Foo([a])"}]});
    let refused = apply_native(&unknown, &json!({}), None);
    refused.assert_unusable("`titel`: `User` has no attribute `titel`; did you mean `title`?");
    refused.assert_unusable("attribute definitions");
    refused.assert_unusable("`nickName`: ");
    let slip = json!({"atributes": []});
    apply_native(&slip, &json!({}), None)
        .assert_unusable("`atributes`: there is no such member; did you mean `attributes`?");
    let wrong = json!({"target": "Device"});
    apply_native(&wrong, &json!({}), None).assert_unusable("say which with --type");
}

#[test]
fn a_value_that_does_not_fit_is_a_negative_answer() {
    let mapping = json!({"attributes": [{"target": "active", "expression": "[flag]"}]});
    let refused = apply_native(&mapping, &json!({"flag": "perhaps"}), None);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert!(refused.stderr.contains("`active`: "), "{refused:?}");
}

#[test]
fn bad_input_is_unusable_and_says_where_and_what_would_be_right() {
    let mapping = json!({"attributes": [
        {"target": "userName", "expression": "[upn]", "matching": 1},
        {"target": "title", "expression": "FormatDateTime([hired], , \"yyyy-MM-dd\", \"yyyy\")"},
        {"target": "nickName", "expression": "Replace([nick], , \"(a+|aa)+\\\\1b\", , \"\", , )"}
    ]});
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("mapping.json");
    fs::write(&file, mapping.to_string()).unwrap();
    let apply = |source: &str| {
        let mapping = file.to_str().unwrap();
        run(&["map", "apply", "--mapping", mapping, "--source", "-"], source)
    };
    let many = |last: &str| format!("{{\"upn\": \"a\"}}\n{{\"upn\": \"b\"}}\n{last}\n");
    apply(&many(r#"{"upn": "c", "hired": "2020-13-01"}"#)).assert_unusable("line 3: `line 3`: `title`: ");
    let exploding = format!(r#"{{"upn": "d", "nick": "{}"}}"#, "a".repeat(40));
    apply(&many(&exploding)).assert_unusable("`nickName`: ");
    apply("{\"value\": [\n{\"upn\": \"a\"},").assert_unusable("the file ends in the middle of a value");
    apply(r#"{"@odata.context": "x", "value": {}}"#).assert_unusable("`value` of a page is an array");
    apply("mail,title\na,b\n").assert_unusable("there is no column `upn`, by which resources are matched");
    apply(r##"{"@odata.type": "#microsoft.graph.group", "id": "1"}"##).assert_unusable("this is a group");
    apply(r#"{"error": {"code": "x", "message": "expired"}}"#).assert_unusable("error of Microsoft Graph");
    // Objects of another kind, of which nothing says what they are.
    apply(r#"{"@odata.context": "https://x/$metadata#groups/$entity", "id": "1"}"#)
        .assert_unusable("this is a group, and the mapping takes objects of the kind `User`");
    apply("{\"upn\": \"a\"}\n{\"displayName\": \"Policy\"}")
        .assert_unusable("line 2: `Policy`: there is no `upn`");
    apply("upn,title\na,b\n,c\n").assert_unusable("line 3: `line 3`: there is no `upn`");
    let sent = "\u{feff}{\"upn\": \"a\"}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect::<Vec<u8>>();
    let utf16 = folder.path().join("utf16.json");
    fs::write(&utf16, sent).unwrap();
    let arguments = [
        "map",
        "apply",
        "--mapping",
        file.to_str().unwrap(),
        "--source",
        utf16.to_str().unwrap(),
    ];
    run(&arguments, "").assert_unusable("line 1: the text is not UTF-8");
    // What is given as the mapping is something else.
    for other in [
        json!({"@odata.context": "x", "value": [{"id": "1"}]}),
        json!({"error": {"code": "x", "message": "expired"}}),
        json!({"schemas": ["x"], "userName": "babs", "name": {"givenName": "Barbara"}}),
    ] {
        apply_native(&other, &json!({"upn": "a"}), None)
            .assert_unusable("this is no mapping; give what Microsoft Graph");
    }
    let missing = json!({"attributes": [{"target": "titel", "expression": "[a]"}]});
    apply_native(&missing, &json!({"a": "b"}), None).assert_unusable("did you mean `title`?");
    let mapping = file.to_str().unwrap();
    run(&["map", "apply", "--mapping", mapping], "").assert_unusable("give the object by --source or --attr");
}

/// An export with an extension of its own, whose attributes the export defines.
fn badges() -> Value {
    let badge = "urn:ietf:params:scim:schemas:extension:badge:2.0:User";
    let attribute = |target: &str, expression: &str, priority: u32| json!({"targetAttributeName": target, "matchingPriority": priority, "source": {"expression": expression}});
    json!({
        "synchronizationRules": [{
            "name": "USER_OUTBOUND_USER", "sourceDirectoryName": "Azure Active Directory", "targetDirectoryName": "customappsso",
            "objectMappings": [{
                "enabled": true, "sourceObjectName": "User", "targetObjectName": "urn:ietf:params:scim:schemas:core:2.0:User",
                "attributeMappings": [
                    attribute("userName", "[userPrincipalName]", 1),
                    attribute("active", "Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", \"False\")", 0),
                    attribute(&format!("{badge}:colour"), "[extensionAttribute1]", 0),
                    attribute(&format!("{badge}:floor"), "[extensionAttribute2]", 0)
                ]
            }]
        }],
        "directories": [{"name": "customappsso", "objects": [{
            "name": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": [
                {"name": "userName", "type": "String", "required": true}, {"name": "active", "type": "Boolean"},
                {"name": format!("{badge}:colour"), "type": "String"}, {"name": format!("{badge}:floor"), "type": "Integer"}
            ]
        }]}]
    })
}

#[test]
fn an_export_with_a_custom_extension_is_applied() {
    let badge = "urn:ietf:params:scim:schemas:extension:badge:2.0:User";
    let user = json!({
        "userPrincipalName": "babs", "accountEnabled": true,
        "onPremisesExtensionAttributes": {"extensionAttribute1": "red", "extensionAttribute2": "3"}
    });
    let made = stdout(&apply_native(&badges(), &user, None));
    assert_eq!(
        made,
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", badge],
            "userName": "babs", "active": true, badge: {"colour": "red", "floor": 3}
        })
    );
    let mut held = made.clone();
    held[badge]["floor"] = json!(4);
    let patch = stdout(&apply_native(&badges(), &user, Some(&held)));
    assert_eq!(
        patch["Operations"],
        json!([{"op": "replace", "path": format!("{badge}:floor"), "value": 3}])
    );
    assert_eq!(
        stdout(&apply_native(&badges(), &user, Some(&made)))["Operations"],
        json!([])
    );
}

#[test]
fn the_schemas_of_the_target_can_be_given() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, value: &Value| {
        let file = folder.path().join(name);
        fs::write(&file, value.to_string()).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let badge = "urn:example:badge:1.0:User";
    let schemas = file(
        "schemas.json",
        &json!({"Resources": [{"id": badge, "attributes": [{"name": "colour", "type": "string"}]}]}),
    );
    let mapping = file(
        "mapping.json",
        &json!({"attributes": [
            {"target": "userName", "expression": "[upn]"}, {"target": format!("{badge}:colour"), "expression": "\"red\""}
        ]}),
    );
    let arguments = ["map", "apply", "--mapping", &mapping, "--attr", "upn=babs"];
    run(&arguments, "").assert_unusable("is not a schema of `User`");
    let made = run(&[&arguments[..], &["--target-schema", &schemas]].concat(), "");
    assert_eq!(stdout(&made)[badge], json!({"colour": "red"}));
}

#[test]
fn many_objects_are_read_and_a_line_is_written_for_each() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let mapping = file("mapping.json", &badges().to_string());
    let lines = |finished: &Finished| -> Vec<Value> {
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let lines = finished.stdout.lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let apply = |source: &str, more: &[&str]| {
        let arguments = ["map", "apply", "--mapping", &mapping, "--source", "-"];
        run(&[&arguments[..], more].concat(), source)
    };
    let users = [
        "{\"userPrincipalName\": \"ann\", \"accountEnabled\": true}\n{\"userPrincipalName\": \"bob\", \"accountEnabled\": false}\n",
        r#"[{"userPrincipalName": "ann", "accountEnabled": true}, {"userPrincipalName": "bob", "accountEnabled": false}]"#,
        r#"{"@odata.nextLink": "x", "value": [{"userPrincipalName": "ann", "accountEnabled": true}, {"userPrincipalName": "bob", "accountEnabled": false}]}"#,
        "userPrincipalName,accountEnabled\nann,True\nbob,False\n",
    ];
    for text in users {
        let made = lines(&apply(text, &[]));
        let told: Vec<_> = made
            .iter()
            .map(|user| (&user["userName"], &user["active"]))
            .collect();
        let (ann, bob) = (json!("ann"), json!("bob"));
        assert_eq!(told, [(&ann, &json!(true)), (&bob, &json!(false))], "{text}");
    }
    // What exists already gets the operations of a bulk request, found by the matching attribute in any case.
    let existing = file(
        "existing.json",
        concat!(
            r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": "ANN", "active": true}"#,
            "\n",
            r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "2", "userName": "cyd", "active": true}"#,
        ),
    );
    let operations = lines(&apply(
        "userPrincipalName,accountEnabled\nann,True\nbob,True\ncyd,False\n",
        &["--existing", &existing],
    ));
    let told: Vec<_> = operations
        .iter()
        .map(|operation| {
            (
                operation["method"].as_str().unwrap(),
                operation["path"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("PATCH", "/Users/1"), ("POST", "/Users"), ("PATCH", "/Users/2")]
    );
    assert_eq!(
        operations[2]["data"]["Operations"],
        json!([{"op": "replace", "path": "active", "value": false}])
    );
}

#[test]
fn references_are_those_of_the_target() {
    let folder = TempDir::new().unwrap();
    let references = folder.path().join("references.json");
    fs::write(&references, r#"{"a": "r1"}"#).unwrap();
    let group = json!({"id": "7", "displayName": "Guides", "members": [{"id": "a"}, {"id": "b"}]});
    let made = apply(
        &testdata("customappsso-schema-sample.json"),
        &group,
        None,
        &["--type", "Group", "--references", references.to_str().unwrap()],
    );
    assert_eq!(stdout(&made)["members"], json!([{"value": "r1"}]));
}

#[test]
fn an_object_that_is_gone_is_found_by_the_id_that_it_is_known_to_have() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let references = file("references.json", r#"{"g1": "r1", "g2": "r2"}"#);
    let existing = file(
        "existing.json",
        concat!(
            r#"[{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "r1", "displayName": "Guides"},"#,
            r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "r2", "displayName": "Renamed"}]"#,
        ),
    );
    let mapping = testdata("customappsso-schema-sample.json");
    let arguments = [
        "map",
        "apply",
        "--mapping",
        &mapping,
        "--type",
        "Group",
        "--source",
        "-",
        "--existing",
        &existing,
    ];
    let delta = r#"{"value": [
        {"id": "g1", "@removed": {"reason": "changed"}},
        {"id": "g2", "displayName": "Pilots"},
        {"id": "g3", "@removed": {"reason": "changed"}}
    ]}"#;
    let known = run(&[&arguments[..], &["--references", &references]].concat(), delta);
    let lines: Vec<Value> = known
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0], json!({"method": "DELETE", "path": "/Groups/r1"}));
    assert_eq!(
        (&lines[1]["method"], &lines[1]["path"]),
        (&json!("PATCH"), &json!("/Groups/r2"))
    );
    assert_eq!(lines.len(), 2);
    assert!(
        known
            .stderr
            .contains("line 4: `g3`: the object is gone, and no existing resource"),
        "{known:?}"
    );
}

#[test]
fn lint_compiles_a_mapping_and_names_every_fault_with_its_place() {
    let mapping = json!({"attributes": [
        {"target": "userName", "expression": "[upn]", "matching": 1},
        {"target": "userName", "expression": "[mail]"},
        {"target": "id", "expression": "[objectId]"},
        {"target": "meta.created", "expression": "Now()"},
        {"target": "title", "expression": "Append([a], \"x"},
        {"target": "nickName", "expression": "Trim([nick])"},
        {"target": "externalId", "expression": "[upn]"}
    ]});
    let found = run(&["map", "lint", "--mapping", "-"], &mapping.to_string());
    assert_eq!(found.code, Some(1), "{found:?}");
    for told in [
        "error: `userName`: `userName` is mapped too, and both can't be",
        "error: `id`: the attribute is readOnly",
        "error: `meta.created`: the attribute is readOnly",
        "error: `title`: the text is not closed\n  Append([a], \"x\n              ^^",
        "error: `nickName`: `Trim` is not a function of app provisioning; cloud sync has it",
        "`externalId`: W-UNIQUE-TWICE: `userName` is unique too",
    ] {
        assert!(found.stdout.contains(told), "{told}: {found:?}");
    }
    let json = run(&["map", "lint", "--mapping", "-", "--json"], &mapping.to_string());
    let lines: Vec<Value> = json
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let title = lines.iter().find(|line| line["target"] == "title").unwrap();
    assert_eq!(
        (&title["level"], &title["span"]),
        (&json!("error"), &json!([12, 14]))
    );
}

#[test]
fn only_one_file_of_apply_is_standard_input() {
    run(&["map", "apply", "--mapping", "-", "--source", "-"], "").assert_unusable("standard input");
}

#[test]
fn the_lints_of_a_mapping_name_their_targets() {
    let mapping = json!({"attributes": [
        {"target": "userName", "expression": "[mail]", "matching": 1},
        {"target": "externalId", "expression": "[extensionAttribute1]"},
        {"target": "title", "expression": "[extensionAttribute1]"},
        {"target": "nickName", "expression": "Replace([a], , \"\\d\", , \"\", , )"}
    ]});
    let found = run(&["map", "lint", "--mapping", "-", "--json"], &mapping.to_string());
    assert_eq!(found.code, Some(0), "{found:?}");
    let lines: Vec<Value> = found
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> = lines.iter().map(|line| (&line["target"], &line["id"])).collect();
    let (nick_name, title) = (json!("nickName"), json!("title"));
    let (escape, twice) = (json!("W-ESCAPE"), json!("W-SOURCE-TWICE"));
    assert_eq!(told, [(&nick_name, &escape), (&title, &twice)]);
    let people = run(&["map", "lint", "--mapping", "-"], &mapping.to_string());
    assert!(people.stdout.starts_with("`nickName`: W-ESCAPE: "), "{people:?}");
    let schema = testdata("customappsso-schema-sample.json");
    let sample = run(&["map", "lint", "--mapping", &schema], "");
    assert_eq!(sample.code, Some(0), "{sample:?}");
    run(&["map", "lint"], "").assert_unusable("EXPR");
}

fn scope(filter: &Value, attributes: &Value) -> Finished {
    let folder = TempDir::new().unwrap();
    let file: &Path = &folder.path().join("filter.json");
    fs::write(file, filter.to_string()).unwrap();
    let arguments = ["map", "scope", "--filter", file.to_str().unwrap(), "--attrs", "-"];
    run(&arguments, &attributes.to_string())
}

#[test]
fn every_scope_vector_prints_what_is_documented() {
    let vectors: Value =
        serde_json::from_slice(&fs::read(testdata("expression-scopes.json")).unwrap()).unwrap();
    for vector in vectors.as_array().unwrap() {
        let answer = scope(vector, &vector["attrs"]);
        let expected = vector["inScope"].as_bool().unwrap();
        assert_eq!(answer.stdout, format!("{expected}\n"), "{vector}");
        assert_eq!(answer.code, Some(i32::from(!expected)), "{vector}");
    }
}

#[test]
fn what_a_scoping_filter_can_not_decide_is_neither_true_nor_false() {
    let groups = |operator: &str, values: &[&str]| json!({"groups": [[{"sourceOperandName": "a", "operatorName": operator, "values": values}]]});
    let list = scope(&groups("EQUALS", &["x"]), &json!({"a": ["x", "y"]}));
    assert_eq!((list.code, list.stdout.as_str()), (Some(1), ""));
    assert!(list.stderr.contains("a list of values"), "{list:?}");
    scope(&groups("EQALS", &["x"]), &json!({})).assert_unusable("did you mean `EQUALS`?");
    scope(&groups("EQUALS", &[]), &json!({})).assert_unusable("`EQUALS` takes one value, not 0");
}

#[test]
fn explain_says_of_every_attribute_what_flows_and_why() {
    let mapping = json!({
        "scope": [[{"sourceOperandName": "department", "operatorName": "EQUALS", "values": ["Sales"]}]],
        "attributes": [
            {"target": "userName", "expression": "[upn]", "matching": 1},
            {"target": "title", "expression": "PCase([jobTitle])"},
            {"target": "locale", "default": "en-US"}
        ]
    });
    let explain = |more: &[&str]| {
        let arguments = [
            "map",
            "explain",
            "--mapping",
            "-",
            "--attr",
            "upn=babs",
            "--attr",
            "department=HR",
        ];
        run(&[&arguments[..], more].concat(), &mapping.to_string())
    };
    let told = explain(&[]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert_eq!(
        told.stdout,
        concat!(
            "in scope: false: group 1 fails at clause 1, `department EQUALS Sales`: the value is `HR`\n",
            "`userName`: \"babs\"\n",
            "  [upn] -> \"babs\"\n",
            "`title`: nothing flows: the value is null\n",
            "  PCase([jobTitle]) -> null\n",
            "    [jobTitle] -> null\n",
            "      because the object has no such attribute\n",
            "`locale`: \"en-US\", the default\n",
            "change: none: the object is out of scope\n",
        )
    );
    let json: Value = serde_json::from_str(&explain(&["--json"]).stdout).unwrap();
    assert_eq!(json["scope"]["groups"][0]["failed"]["clause"], 1);
    assert_eq!(
        json["attributes"][1]["flow"],
        json!({"flows": false, "reason": "the value is null"})
    );
    assert_eq!(json["change"], json!({"outcome": "outOfScope"}));
}

#[test]
fn a_live_server_says_itself_which_attributes_it_has() {
    let folder = TempDir::new().unwrap();
    let mapping = folder.path().join("mapping.json");
    let uri = "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User";
    let attributes = json!({"attributes": [
        {"target": "userName", "expression": "[upn]"}, {"target": format!("{uri}:cardNumber"), "expression": "[card]"}
    ]});
    fs::write(&mapping, attributes.to_string()).unwrap();
    let (server, client) = Server::start_fresh(&["--store", "memory:", "--profile", "rfc"]);
    let base = server.base.clone();
    let ask = |token: &str| {
        let mapping = mapping.to_str().unwrap();
        let mut command = keyfob(&["map", "lint", "--mapping", mapping, "--target-schema", &base]);
        finish(command.env("KEYFOB_TARGET_TOKEN", token), "")
    };
    // The rfc profile has no extension of door systems.
    let told = ask(client.token());
    assert_eq!(told.code, Some(1), "{told:?}");
    assert!(told.stdout.contains("is not a schema of `User`"), "{told:?}");
    server.stop();
}
