//! The description at `/openapi.json`, held against what the service answers.

use std::collections::BTreeSet;

use keyfob_provisioning::Profile;
use serde_json::{Value, json};

use crate::{
    events::Tokio,
    support::{Answer, BASE_URL, Backend, Server},
};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const MESSAGES: &str = "urn:ietf:params:scim:api:messages:2.0:";

async fn describe(server: &Server) -> Value {
    let answer = server.send("GET", "/openapi.json", None).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some("application/json"))
    );
    answer.json()
}

/// Follows `$ref`s.
fn resolve<'d>(description: &'d Value, mut at: &'d Value) -> &'d Value {
    while let Some(reference) = at["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').unwrap();
        at = description
            .pointer(pointer)
            .unwrap_or_else(|| panic!("{reference} leads nowhere"));
    }
    at
}

/// Says how a value departs from a schema, by the keywords of JSON Schema that the description uses.
fn departure(description: &Value, schema: &Value, value: &Value, path: &str) -> Option<String> {
    let schema = resolve(description, schema);
    let fault = |keyword: &str| Some(format!("`{path}` has not {keyword} {}: {value}", schema[keyword]));
    for keyword in schema.as_object().unwrap().keys() {
        let holds = match keyword.as_str() {
            "type" => match schema["type"].as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                other => panic!("the type {other}"),
            },
            "const" => schema["const"] == *value,
            "enum" => schema["enum"].as_array().unwrap().contains(value),
            "required" => schema["required"]
                .as_array()
                .unwrap()
                .iter()
                .all(|name| value.get(name.as_str().unwrap()).is_some()),
            "minItems" => value.as_array().unwrap().len() as u64 >= schema["minItems"].as_u64().unwrap(),
            "minimum" => value.as_i64() >= schema["minimum"].as_i64(),
            "uniqueItems" => {
                let elements = value.as_array().unwrap();
                let different: BTreeSet<String> = elements.iter().map(Value::to_string).collect();
                schema["uniqueItems"] == false || different.len() == elements.len()
            }
            "contains" => value
                .as_array()
                .unwrap()
                .iter()
                .any(|element| departure(description, &schema["contains"], element, path).is_none()),
            "anyOf" => schema["anyOf"]
                .as_array()
                .unwrap()
                .iter()
                .any(|one| departure(description, one, value, path).is_none()),
            "pattern" => regex::Regex::new(schema["pattern"].as_str().unwrap())
                .unwrap()
                .is_match(value.as_str().unwrap()),
            "items" => {
                for (number, element) in value.as_array().unwrap().iter().enumerate() {
                    let below = departure(
                        description,
                        &schema["items"],
                        element,
                        &format!("{path}[{number}]"),
                    );
                    if below.is_some() {
                        return below;
                    }
                }
                true
            }
            "properties" => {
                for (name, property) in schema["properties"].as_object().unwrap() {
                    let below = value.get(name).and_then(|member| {
                        departure(description, property, member, &format!("{path}.{name}"))
                    });
                    if below.is_some() {
                        return below;
                    }
                }
                true
            }
            "additionalProperties" => {
                let properties = schema["properties"].as_object();
                let members = value.as_object().unwrap().iter();
                let mut others =
                    members.filter(|(name, _)| properties.is_none_or(|known| !known.contains_key(*name)));
                match &schema["additionalProperties"] {
                    Value::Bool(false) => others.next().is_none(),
                    of_others => {
                        others.all(|(name, other)| departure(description, of_others, other, name).is_none())
                    }
                }
            }
            "description" | "examples" | "format" | "contentEncoding" => true,
            other => panic!("the keyword {other}"),
        };
        if !holds {
            return fault(keyword);
        }
    }
    None
}

/// Checks that an answer is one that the description has for an operation.
#[track_caller]
fn check(description: &Value, method: &str, path: &str, answer: &Answer) {
    let operation = &description["paths"][path][method.to_ascii_lowercase()];
    let responses = operation["responses"]
        .as_object()
        .unwrap_or_else(|| panic!("{method} {path} is not described"));
    let range = format!("{}XX", answer.status / 100);
    let response = responses
        .get(&answer.status.to_string())
        .or_else(|| responses.get(&range));
    let response = resolve(
        description,
        response.unwrap_or_else(|| panic!("{method} {path}: {answer}")),
    );
    let Some(content) = response.get("content") else {
        assert!(answer.body.is_empty(), "{method} {path}: {answer}");
        return;
    };
    let media = &content[answer.header("content-type").unwrap()];
    assert!(media.is_object(), "{method} {path}: {answer}");
    assert_eq!(
        departure(description, &media["schema"], &answer.json(), "body"),
        None,
        "{method} {path}: {answer}"
    );
}

#[tokio::test]
async fn every_answer_is_one_that_the_description_has() {
    for profile in [Profile::rfc(), Profile::interop(), Profile::verkada()] {
        let server = Server::start(Backend::Memory, profile).await;
        let description = describe(&server).await;
        let manager = server.create_user("jsmith").await;
        let user = json!({
            "schemas": [USER, ENTERPRISE],
            "userName": "bjensen",
            "externalId": "701984",
            "name": {"givenName": "Barbara", "familyName": "Jensen"},
            "emails": [{"value": "bjensen@example.com", "type": "work", "primary": true}],
            "x509Certificates": [{"value": "aGk="}],
            "photos": [{"value": "https://example.com/1.jpg"}],
            "password": "t1meMa$heen",
            "active": false,
            ENTERPRISE: {"department": "Tour Operations", "manager": {"value": manager}},
        });
        let created = server.send("POST", "/Users", Some(&user)).await;
        check(&description, "POST", "/Users", &created);
        let id = created.json()["id"].as_str().unwrap().to_owned();
        let group = json!({"schemas": [GROUP], "displayName": "Guides", "members": [{"value": id}]});
        let group = server.send("POST", "/Groups", Some(&group)).await;
        check(&description, "POST", "/Groups", &group);
        let group = group.json()["id"].as_str().unwrap().to_owned();
        let retitle = json!({
            "schemas": [format!("{MESSAGES}PatchOp")],
            "Operations": [{"op": "add", "path": "title", "value": "Guide"}],
        });
        let search = json!({"schemas": [format!("{MESSAGES}SearchRequest")], "filter": "id pr", "cursor": "", "count": 1});
        let bulk = json!({
            "schemas": [format!("{MESSAGES}BulkRequest")],
            "Operations": [
                {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"schemas": [USER], "userName": "adoe"}},
                {"method": "DELETE", "path": "/Users/nobody"},
            ],
        });
        let (one, one_group) = (format!("/Users/{id}"), format!("/Groups/{group}"));
        for (method, path, sent, body) in [
            ("GET", "/Users/{id}", one.clone(), None),
            (
                "GET",
                "/Users/{id}",
                format!("{one}?attributes=groups.display"),
                None,
            ),
            ("GET", "/Users/{id}", "/Users/nobody".into(), None),
            ("GET", "/Groups/{id}", one_group.clone(), None),
            (
                "GET",
                "/Groups/{id}",
                format!("{one_group}?excludedAttributes=members"),
                None,
            ),
            ("PUT", "/Users/{id}", one.clone(), Some(&user)),
            ("PUT", "/Users/{id}", one.clone(), Some(&retitle)),
            ("PATCH", "/Users/{id}", one.clone(), Some(&retitle)),
            ("PATCH", "/Users/{id}", one.clone(), Some(&user)),
            ("GET", "/Users", "/Users".into(), None),
            ("GET", "/Users", "/Users?count=1&cursor".into(), None),
            ("GET", "/Users", "/Users?filter=shoeSize%20gt%208".into(), None),
            ("GET", "/", "/?sortBy=displayName".into(), None),
            ("POST", "/.search", "/.search".into(), Some(&search)),
            ("POST", "/Users/.search", "/Users/.search".into(), Some(&search)),
            ("POST", "/Users/.search", "/Users/.search".into(), Some(&bulk)),
            ("POST", "/Bulk", "/Bulk".into(), Some(&bulk)),
            ("POST", "/Bulk", "/Bulk".into(), Some(&search)),
            (
                "GET",
                "/ServiceProviderConfig",
                "/ServiceProviderConfig".into(),
                None,
            ),
            ("GET", "/ResourceTypes", "/ResourceTypes".into(), None),
            ("GET", "/ResourceTypes/{id}", "/ResourceTypes/User".into(), None),
            ("GET", "/Schemas", "/Schemas".into(), None),
            ("GET", "/Schemas", "/Schemas?filter=id%20pr".into(), None),
            ("GET", "/Schemas/{id}", format!("/Schemas/{USER}"), None),
            ("GET", "/Schemas/{id}", "/Schemas/nothing".into(), None),
            ("GET", "/openapi.json", "/openapi.json".into(), None),
            ("DELETE", "/Groups/{id}", one_group.clone(), None),
            ("DELETE", "/Groups/{id}", one_group.clone(), None),
        ] {
            let answer = server.send(method, &sent, body).await;
            check(&description, method, path, &answer);
        }
        let known = server
            .send_with("GET", &one, &[("if-none-match", "*")], None)
            .await;
        assert_eq!(known.status, 304);
        check(&description, "GET", "/Users/{id}", &known);
        let json = server
            .send_with("GET", "/Users", &[("accept", "application/json")], None)
            .await;
        check(&description, "GET", "/Users", &json);
    }
}

#[tokio::test]
async fn every_answer_about_events_is_one_that_the_description_has() {
    let server = Server::start_with(Backend::Memory, Profile::rfc(), |builder| {
        builder.security_events(Tokio)
    })
    .await;
    let description = describe(&server).await;
    server.create_user("bjensen").await;
    for (method, path, body) in [
        (
            "POST",
            "/Events",
            Some(json!({"returnImmediately": true, "maxEvents": 1})),
        ),
        ("POST", "/Events", Some(json!({"ack": ["x"]}))),
        ("GET", "/Events/keys", None),
        ("GET", "/ServiceProviderConfig", None),
    ] {
        let answer = server.send(method, path, body.as_ref()).await;
        check(&description, method, path, &answer);
    }
    let bulk = json!({
        "schemas": [format!("{MESSAGES}BulkRequest")],
        "Operations": [{"method": "DELETE", "path": "/Users/nobody"}],
    });
    let accepted = server
        .send_with("POST", "/Bulk", &[("prefer", "respond-async")], Some(&bulk))
        .await;
    assert_eq!(accepted.status, 202);
    check(&description, "POST", "/Bulk", &accepted);
}

#[tokio::test]
async fn the_methods_of_each_path_are_those_that_the_service_allows() {
    let server = Server::start_with(Backend::Memory, Profile::rfc(), |builder| {
        builder.security_events(Tokio)
    })
    .await;
    let description = describe(&server).await;
    assert_eq!(description["servers"], json!([{"url": BASE_URL}]));
    let paths = description["paths"].as_object().unwrap();
    assert!(paths.len() > 12 && !paths.contains_key("/Me"), "{paths:?}");
    for (path, methods) in paths {
        let options = server
            .send("OPTIONS", &path.replace("{id}", "nobody"), None)
            .await;
        let allowed: BTreeSet<String> = options
            .header("allow")
            .unwrap()
            .split(", ")
            .map(str::to_ascii_lowercase)
            .collect();
        let mut described: BTreeSet<String> = methods.as_object().unwrap().keys().cloned().collect();
        described.insert("options".into());
        if described.contains("get") {
            described.insert("head".into());
        }
        assert_eq!(described, allowed, "{path}");
    }
}

#[tokio::test]
async fn what_a_body_requires_is_required_and_every_parameter_and_reference_leads_somewhere() {
    for (profile, has_events) in [
        (Profile::rfc(), true),
        (Profile::verkada(), false),
        (Profile::accessiq(), true),
    ] {
        let server = Server::start_with(Backend::Memory, profile, |builder| {
            if has_events {
                builder.security_events(Tokio)
            } else {
                builder
            }
        });
        let server = server.await;
        let description = describe(&server).await;
        assert_eq!(description["paths"].get("/Events").is_some(), has_events);
        let (mut names, mut identities) = (BTreeSet::new(), BTreeSet::new());
        collect_references(&description, &mut names);
        for reference in &names {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(description.pointer(pointer).is_some(), "{reference}");
        }
        for (path, methods) in description["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                assert!(
                    identities.insert(operation["operationId"].to_string()),
                    "{method} {path}"
                );
            }
        }
        // Everything that is described is used.
        for kind in ["schemas", "parameters", "responses"] {
            for name in description["components"][kind].as_object().unwrap().keys() {
                assert!(
                    names.contains(&format!("#/components/{kind}/{name}")),
                    "{kind} {name}"
                );
            }
        }
        let required = &description["components"]["schemas"]["User.body"]["required"];
        let mut required: Vec<&str> = required
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        required.sort_unstable();
        let expected: &[&str] = if server.engine.engine().profile().name == "accessiq" {
            &["emails", "name", "schemas", "userName"]
        } else {
            &["schemas", "userName"]
        };
        assert_eq!(required, expected);
    }
}

fn collect_references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(reference) if name == "$ref" => {
                        found.insert(reference.to_owned());
                    }
                    _ => collect_references(member, found),
                }
            }
        }
        Value::Array(elements) => elements
            .iter()
            .for_each(|element| collect_references(element, found)),
        _ => {}
    }
}
