//! Schemas and resource types of the operator's own (`--schema`, `--resource-type`).

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Server, run};

const BADGE: &str = "urn:example:scim:schemas:badge:1.0:Badge";
const VISITOR: &str = "urn:example:scim:schemas:visitor:1.0:User";

fn file(folder: &TempDir, name: &str, value: &Value) -> String {
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, value.to_string()).unwrap();
    path.display().to_string()
}

fn badge() -> Value {
    json!({
        "id": BADGE,
        "name": "Badge",
        "description": "A badge",
        "attributes": [
            {"name": "serial", "type": "string", "required": true, "caseExact": true, "uniqueness": "server"},
            {"name": "issued", "type": "dateTime", "mutability": "immutable"},
            {"name": "holders", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string"},
                {"name": "$ref", "type": "reference", "referenceTypes": ["User"]},
            ]},
        ],
    })
}

fn badges() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "name": "Badge",
        "endpoint": "/Badges",
        "description": "Badges",
        "schema": BADGE,
        "relations": ["holders"],
        "indexed": ["serial"],
    })
}

fn visitor() -> Value {
    json!({"id": VISITOR, "attributes": [{"name": "host", "type": "string"}]})
}

fn visitors() -> Value {
    json!({
        "name": "User",
        "endpoint": "/Users",
        "schema": "urn:ietf:params:scim:schemas:core:2.0:User",
        "schemaExtensions": [{"schema": VISITOR, "required": false}],
    })
}

#[test]
fn resource_types_from_files_are_described_and_served() {
    let folder = TempDir::new().unwrap();
    let files = [
        file(&folder, "badge.json", &badge()),
        file(&folder, "visitor.json", &visitor()),
        file(&folder, "badges.json", &badges()),
        file(&folder, "visitors.json", &visitors()),
    ];
    let store = format!("sqlite:{}", folder.path().join("scim.db").display());
    let arguments = [
        "--store",
        &store,
        "--profile",
        "rfc",
        "--schema",
        &files[0],
        "--schema",
        &files[1],
        "--resource-type",
        &files[2],
        "--resource-type",
        &files[3],
    ];
    let server = Server::start(&arguments);
    let client = server.client(&server.read_token());
    for (path, member, expected) in [
        (format!("/Schemas/{BADGE}"), "id", json!(BADGE)),
        (format!("/Schemas/{VISITOR}"), "id", json!(VISITOR)),
        ("/ResourceTypes/Badge".into(), "endpoint", json!("/Badges")),
    ] {
        let answer = client.get(&path);
        assert_eq!(
            (answer.status, &answer.json()[member]),
            (200, &expected),
            "{path}"
        );
    }
    let described = client.get("/openapi.json").json();
    assert!(described["paths"]["/Badges/{id}"]["patch"].is_object());
    let extended = client.get("/ResourceTypes/User").json()["schemaExtensions"].to_string();
    assert!(
        extended.contains(VISITOR) && extended.contains("enterprise"),
        "{extended}"
    );

    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", VISITOR],
        "userName": "bjensen",
        VISITOR: {"host": "jsmith"},
    });
    let user = client.send("POST", "/Users", Some(&user));
    assert_eq!(
        (user.status, &user.json()[VISITOR]["host"]),
        (201, &json!("jsmith"))
    );
    let user = user.json()["id"].clone();
    let sent = json!({
        "schemas": [BADGE], "serial": "A-1", "issued": "2026-01-01T00:00:00Z", "holders": [{"value": user}],
    });
    let made = client.send("POST", "/Badges", Some(&sent));
    assert_eq!(made.status, 201, "{}", made.json());
    assert_eq!(client.send("POST", "/Badges", Some(&sent)).status, 409);
    let path = format!("/Badges/{}", made.json()["id"].as_str().unwrap());
    let shown = client.get(&path).json();
    assert_eq!(
        (&shown["meta"]["resourceType"], &shown["holders"][0]["value"]),
        (&json!("Badge"), &user)
    );
    let found = client.get("/Badges?filter=serial%20eq%20%22A-1%22").json();
    assert_eq!(found["totalResults"], 1);
    let changed = json!({"schemas": [BADGE], "serial": "A-1", "issued": "2027-01-01T00:00:00Z"});
    let refused = client.send("PUT", &path, Some(&changed));
    assert_eq!(
        (refused.status, &refused.json()["scimType"]),
        (400, &json!("mutability"))
    );
    assert_eq!(client.send("DELETE", &path, None).status, 204);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn what_is_wrong_with_a_definition_is_told_with_its_place_before_anything_is_made() {
    let folder = TempDir::new().unwrap();
    let with = |value: Value, pointer: &str, name: &str, member: Value| {
        let mut value = value;
        value.pointer_mut(pointer).unwrap()[name] = member;
        value
    };
    let store = folder.path().join("scim.db");
    for (schema, resource_type, message) in [
        (
            with(badge(), "/attributes/0", "mutabilty", json!("readOnly")),
            badges(),
            "`attributes.serial.mutabilty` means nothing here; did you mean `mutability`?",
        ),
        (
            with(badge(), "", "atributes", json!([])),
            badges(),
            "did you mean `attributes`?",
        ),
        (
            with(badge(), "/attributes/0", "type", json!("text")),
            badges(),
            "`attributes.serial.type` is not an attribute type",
        ),
        (
            badge(),
            with(badges(), "", "schemaExtension", json!([])),
            "did you mean `schemaExtensions`?",
        ),
        (
            badge(),
            with(badges(), "", "schema", json!("urn:example:nothing")),
            "no resource type has the schema",
        ),
        (
            badge(),
            with(badges(), "", "endpoint", json!("Badges")),
            "is not like `/Users`",
        ),
        (
            badge(),
            with(badges(), "", "endpoint", json!("/Bulk")),
            "is one of the service's own",
        ),
        (
            badge(),
            with(badges(), "", "endpoint", json!("/Users")),
            "has the name or endpoint of another",
        ),
        (
            badge(),
            with(badges(), "", "name", json!("User")),
            "has the name or endpoint of another",
        ),
        (
            badge(),
            with(badges(), "", "relations", json!(["serial"])),
            "has no attribute `serial` that can be a relation",
        ),
        (
            badge(),
            with(badges(), "", "indexed", json!(["colour"])),
            "has no attribute `colour` that can be indexed",
        ),
        (badge(), json!(["no object"]), "badges.json"),
    ] {
        let schema = file(&folder, "badge.json", &schema);
        let resource_type = file(&folder, "badges.json", &resource_type);
        let url = format!("sqlite:{}", store.display());
        let ended = run(
            &[
                "serve",
                "--store",
                &url,
                "--schema",
                &schema,
                "--resource-type",
                &resource_type,
            ],
            "",
        );
        assert_eq!(ended.code, Some(2), "{message}: {}", ended.stderr);
        assert!(ended.stderr.contains(message), "{message}: {}", ended.stderr);
        assert!(!store.exists(), "{message}");
    }
    let alone = file(&folder, "badge.json", &badge());
    let ended = run(&["serve", "--store", "memory:", "--schema", &alone], "");
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--resource-type"), "{}", ended.stderr);
}
