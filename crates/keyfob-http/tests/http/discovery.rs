//! What a service says of itself (RFC 7644 section 4), held against what it does.

use keyfob_core::{Registry, schema::RegistryBuilder};
use keyfob_engine::{Actor, Context, DynStore};
use keyfob_provisioning::{Profile, Provisioner};
use keyfob_store_memory::MemoryStore;
use serde_json::{Map, Value, json};

use crate::support::{BASE_URL, Backend, Server, builder, organization};

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:";

/// A server of each profile with the registry that the command gives it.
async fn servers() -> Vec<(&'static str, Server)> {
    let verkada = || RegistryBuilder::verkada().flat_groups().build().unwrap();
    let profiles: [(&str, Profile, Registry); 4] = [
        ("rfc", Profile::rfc(), Registry::rfc().clone()),
        ("interop", Profile::interop(), Registry::verkada().clone()),
        ("verkada", Profile::verkada(), verkada()),
        ("accessiq", Profile::accessiq(), verkada()),
    ];
    let mut servers = Vec::new();
    for (name, profile, registry) in profiles {
        let store = DynStore::new(MemoryStore::new());
        let engine = Provisioner::builder(store, registry)
            .with_profile(profile)
            .build();
        let token = organization(&engine, "default").await;
        let tenant = engine.admin().organizations().await.unwrap()[0].tenant.clone();
        let admin = Context::new(tenant).acting_as(Actor::Administrator);
        engine
            .admin()
            .set_default_unit(&admin, Some("unit"))
            .await
            .unwrap();
        let service = builder(&engine)
            .base_path("/scim/v2")
            .public_url(BASE_URL.parse().unwrap())
            .build();
        let server = Server {
            service,
            engine,
            token,
            ..Server::start(Backend::Memory, Profile::interop()).await
        };
        servers.push((name, server));
    }
    servers
}

/// The attributes of a core schema, as `/Schemas` shows them.
async fn attributes(server: &Server, resource_type: &str) -> Vec<Value> {
    let answer = server
        .send("GET", &format!("/Schemas/{CORE}{resource_type}"), None)
        .await;
    answer.json()["attributes"].as_array().unwrap().clone()
}

fn name(attribute: &Value) -> &str {
    attribute["name"].as_str().unwrap()
}

fn is_demanded(attribute: &Value) -> bool {
    attribute["required"] == true && attribute["mutability"] != "readOnly"
}

/// A value that fits an attribute, with the parts of it that are demanded, or one part where none is.
fn value_of(attribute: &Value, seed: &str) -> Value {
    let single = match attribute["type"].as_str().unwrap() {
        "complex" => {
            let subs = attribute["subAttributes"].as_array().unwrap();
            let demanded: Map<_, _> = subs
                .iter()
                .filter(|sub| is_demanded(sub) || name(sub) == "value")
                .map(|sub| (name(sub).to_owned(), value_of(sub, seed)))
                .collect();
            Value::Object(demanded)
        }
        "boolean" => json!(true),
        "integer" => json!(1),
        "reference" => json!("https://example.com"),
        "string" => json!(format!("{seed}@example.com")),
        other => panic!("no value of type {other}"),
    };
    if attribute["multiValued"] == true {
        json!([single])
    } else {
        single
    }
}

/// A body with what is demanded and nothing else.
fn smallest(resource_type: &str, attributes: &[Value], seed: &str) -> Value {
    let mut body = json!({"schemas": [format!("{CORE}{resource_type}")]});
    for attribute in attributes.iter().filter(|attribute| is_demanded(attribute)) {
        body[name(attribute)] = value_of(attribute, seed);
    }
    body
}

#[tokio::test]
async fn rfc_7643_7_what_a_schema_demands_is_demanded_and_nothing_else_is() {
    for (profile, server) in servers().await {
        for (resource_type, endpoint) in [("User", "/Users"), ("Group", "/Groups")] {
            let attributes = attributes(&server, resource_type).await;
            let body = smallest(resource_type, &attributes, "a");
            let answer = server.send("POST", endpoint, Some(&body)).await;
            assert_eq!(answer.status, 201, "{profile}: {body}: {answer}");
            for attribute in attributes.iter().filter(|attribute| is_demanded(attribute)) {
                let mut without = smallest(resource_type, &attributes, "b");
                without.as_object_mut().unwrap().remove(name(attribute));
                let answer = server.send("POST", endpoint, Some(&without)).await;
                assert_eq!(answer.status, 400, "{profile}: {without}: {answer}");
                assert_eq!(answer.json()["scimType"], "invalidValue", "{profile}: {answer}");
                let subs = attribute["subAttributes"].as_array();
                for sub in subs.into_iter().flatten().filter(|sub| is_demanded(sub)) {
                    let mut without = smallest(resource_type, &attributes, "b");
                    let value = &mut without[name(attribute)];
                    let value = if value.is_array() { &mut value[0] } else { value };
                    value.as_object_mut().unwrap().remove(name(sub));
                    let answer = server.send("POST", endpoint, Some(&without)).await;
                    assert_eq!(answer.status, 400, "{profile}: {without}: {answer}");
                }
            }
        }
    }
}

#[tokio::test]
async fn rfc_7643_7_what_a_schema_calls_unique_is_unique_and_nothing_else_is() {
    for (profile, server) in servers().await {
        for (resource_type, endpoint) in [("User", "/Users"), ("Group", "/Groups")] {
            let attributes = attributes(&server, resource_type).await;
            for attribute in &attributes {
                let is_text = attribute["type"] == "string" && attribute["multiValued"] == false;
                if !is_text || attribute["mutability"] != "readWrite" {
                    continue;
                }
                let seed = format!("{resource_type}.{}", name(attribute));
                let mut first = smallest(resource_type, &attributes, &format!("{seed}.1"));
                let mut second = smallest(resource_type, &attributes, &format!("{seed}.2"));
                let text = match name(attribute) {
                    "locale" | "preferredLanguage" => "en-US",
                    "timezone" => "Europe/Berlin",
                    _ => "same@example.com",
                };
                for body in [&mut first, &mut second] {
                    body[name(attribute)] = json!(text);
                    if resource_type == "Group" && name(attribute) != "displayName" {
                        body["displayName"] = json!(format!("{seed}.{body}"));
                    }
                }
                assert_eq!(
                    server.send("POST", endpoint, Some(&first)).await.status,
                    201,
                    "{first}"
                );
                let answer = server.send("POST", endpoint, Some(&second)).await;
                let expected = if attribute["uniqueness"] == "none" {
                    201
                } else {
                    409
                };
                assert_eq!(answer.status, expected, "{profile}: {seed}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn rfc_7643_7_what_a_schema_calls_read_only_is_and_what_it_never_returns_is_not_returned() {
    for (profile, server) in servers().await {
        let attributes = attributes(&server, "User").await;
        let mut body = smallest("User", &attributes, "a");
        body["groups"] = json!([{"value": "g"}]);
        body["password"] = json!("t1meMa$heen");
        let answer = server.send("POST", "/Users", Some(&body)).await;
        assert_eq!(answer.status, 201, "{profile}: {answer}");
        for attribute in &attributes {
            if attribute["mutability"] == "readOnly" || attribute["returned"] == "never" {
                let found = &answer.json()[name(attribute)];
                assert!(found.is_null(), "{profile}: {}: {answer}", name(attribute));
            }
        }
    }
}

#[tokio::test]
async fn rfc_7643_7_members_are_of_the_types_that_the_schema_names() {
    for (profile, server) in servers().await {
        let attributes = attributes(&server, "Group").await;
        let members = attributes
            .iter()
            .find(|attribute| name(attribute) == "members")
            .unwrap();
        let subs = members["subAttributes"].as_array().unwrap();
        let sub = |of: &str| subs.iter().find(|sub| name(sub) == of).unwrap();
        assert_eq!(
            sub("$ref")["referenceTypes"],
            sub("type")["canonicalValues"],
            "{profile}"
        );
        let group = json!({"schemas": [format!("{CORE}Group")], "displayName": "inner"});
        let user = smallest("User", &self::attributes(&server, "User").await, "a");
        for (kind, endpoint, body) in [("User", "/Users", user), ("Group", "/Groups", group)] {
            let id = server.create(endpoint, &body).await;
            let outer = json!({
                "schemas": [format!("{CORE}Group")],
                "displayName": format!("of a {kind}"),
                "members": [{"value": id}],
            });
            let answer = server.send("POST", "/Groups", Some(&outer)).await;
            let taken = sub("$ref")["referenceTypes"]
                .as_array()
                .unwrap()
                .contains(&json!(kind));
            assert_eq!(
                answer.status,
                if taken { 201 } else { 400 },
                "{profile}: {kind}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn rfc_7643_5_limits_and_features_are_those_that_hold() {
    for (profile, server) in servers().await {
        let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
        let limits = server.engine.limits();
        assert_eq!(
            config["filter"],
            json!({"supported": true, "maxResults": limits.page}),
            "{profile}"
        );
        let body_limit = 8 << 20;
        let bulk = json!({"supported": true, "maxOperations": 2_000, "maxPayloadSize": body_limit});
        assert_eq!(config["bulk"], bulk);
        let too_large = json!({"schemas": [], "userName": "a".repeat(body_limit)});
        server
            .send("POST", "/Users", Some(&too_large))
            .await
            .assert_error(413, None);
        for (feature, supported) in [
            ("patch", true),
            ("etag", true),
            ("sort", true),
            ("changePassword", false),
        ] {
            assert_eq!(
                config[feature],
                json!({"supported": supported}),
                "{profile}: {feature}"
            );
        }
        let pagination = json!({
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": limits.default_page,
            "maxPageSize": limits.page,
            "cursorTimeout": 86_400,
        });
        assert_eq!(config["pagination"], pagination);
        // RFC 9967 section 4: this service offers neither security events nor asynchronous requests.
        assert!(config.get("securityEvents").is_none());
        // What the configuration holds, its own schema describes.
        let schema = format!("/Schemas/{CORE}ServiceProviderConfig");
        let described = server.send("GET", &schema, None).await.json();
        let described: Vec<_> = described["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|attribute| name(attribute).to_owned())
            .collect();
        for member in config.as_object().unwrap().keys() {
            let is_common = ["schemas", "meta"].contains(&member.as_str());
            assert!(is_common || described.contains(member), "{profile}: {member}");
        }
    }
}

#[tokio::test]
async fn rfc_7644_4_discovery_ignores_what_it_does_not_take() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    for path in [
        "/Schemas?cursor=a",
        "/ResourceTypes?cursor",
        "/ServiceProviderConfig?cursor=a&sortBy=b",
    ] {
        assert_eq!(server.send("GET", path, None).await.status, 200, "{path}");
    }
}
