//! Sentences of RFC 7643 about what a server shows, held to every answer that shows it.

use std::collections::BTreeSet;

use keyfob_provisioning::Profile;
use serde_json::{Value, json};

use crate::support::{BASE_URL, Backend, Server, organization};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

async fn server() -> Server {
    Server::start(Backend::Memory, Profile::rfc()).await
}

/// A user with a manager, in a group.
async fn community(server: &Server) -> (String, String, String) {
    let manager = server.create_user("jsmith").await;
    let user = json!({
        "schemas": [USER, ENTERPRISE],
        "userName": "bjensen",
        ENTERPRISE: {"manager": {"value": manager, "$ref": format!("{BASE_URL}/Users/{manager}")}},
    });
    let user = server.create("/Users", &user).await;
    let group = json!({"schemas": [GROUP], "displayName": "Guides", "members": [{"value": user}, {"value": manager}]});
    let group = server.create("/Groups", &group).await;
    (user, manager, group)
}

/// Collects the texts under a key, wherever it stands.
fn collect<'v>(value: &'v Value, key: &str, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if name == key {
                    found.extend(member.as_str());
                }
                collect(member, key, found);
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, key, found)),
        _ => {}
    }
}

#[tokio::test]
async fn section_2_3_7_a_reference_leads_to_what_it_refers_to() {
    let server = server().await;
    community(&server).await;
    let mut followed = 0;
    for path in [
        "/Users",
        "/Groups",
        "/ResourceTypes",
        "/Schemas",
        "/ServiceProviderConfig",
    ] {
        let answer = server.send("GET", path, None).await.json();
        for key in ["$ref", "location"] {
            let mut addresses = BTreeSet::new();
            collect(&answer, key, &mut addresses);
            for address in addresses {
                let below = address
                    .strip_prefix(BASE_URL)
                    .unwrap_or_else(|| panic!("{address}"));
                let target = server.send("GET", below, None).await;
                assert_eq!(target.status, 200, "{address}: {target}");
                assert_eq!(target.json()["meta"]["location"], address);
                followed += 1;
            }
        }
    }
    assert!(followed > 12, "{followed}");
}

#[tokio::test]
async fn section_2_3_8_the_order_of_attributes_and_of_schemas_makes_no_difference() {
    let server = server().await;
    let schemas = [
        format!(r#""schemas": ["{USER}", "{ENTERPRISE}"]"#),
        format!(r#""schemas": ["{ENTERPRISE}", "{USER}"]"#),
        format!(r#""schemas": ["{USER}", "{ENTERPRISE}", "{USER}", "{ENTERPRISE}"]"#),
    ];
    let name = [
        r#""name": {"givenName": "Barbara", "familyName": "Jensen"}"#,
        r#""name": {"familyName": "Jensen", "givenName": "Barbara"}"#,
    ];
    let department = format!(r#""{ENTERPRISE}": {{"department": "Tour Operations"}}"#);
    let mut shown = BTreeSet::new();
    for schemas in &schemas {
        for name in name {
            let user_name = r#""userName": "bjensen""#;
            for body in [
                [schemas.as_str(), user_name, name, &department],
                [department.as_str(), name, user_name, schemas],
            ] {
                let request = http::Request::post("/scim/v2/Users")
                    .header("authorization", format!("Bearer {}", server.token))
                    .body(format!("{{{}}}", body.join(",")).into());
                let answer = server.send_raw(request.unwrap()).await;
                assert_eq!(answer.status, 201, "{body:?}: {answer}");
                let mut user = answer.json();
                let path = format!("/Users/{}", user["id"].as_str().unwrap());
                assert_eq!(server.send("DELETE", &path, None).await.status, 204);
                for varying in ["id", "meta"] {
                    user.as_object_mut().unwrap().remove(varying);
                }
                shown.insert(user.to_string());
            }
        }
    }
    assert_eq!(shown.len(), 1, "{shown:#?}");
}

#[tokio::test]
async fn section_2_4_an_address_with_another_version_is_the_same_in_filters() {
    let server = server().await;
    let (user, _, group) = community(&server).await;
    let site = BASE_URL.strip_suffix("/v2").unwrap();
    for version in ["", "/v1", "/v2"] {
        for (endpoint, attribute, address, found) in [
            ("/Groups", "members.$ref", format!("/Users/{user}"), &group),
            ("/Users", "groups.$ref", format!("/Groups/{group}"), &user),
            ("/Users", "meta.location", format!("/Users/{user}"), &user),
        ] {
            let filter = format!(r#"id eq "{found}" and {attribute} eq "{site}{version}{address}""#);
            let search =
                json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
            let list = server
                .send("POST", &format!("{endpoint}/.search"), Some(&search))
                .await;
            assert_eq!(list.json()["totalResults"], 1, "{filter}: {list}");
        }
    }
}

#[tokio::test]
async fn section_3_every_message_and_resource_names_its_schemas_each_once() {
    let server = server().await;
    let (user, _, group) = community(&server).await;
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "DELETE", "path": "/Users/nobody"}],
    });
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
    for (method, path, body) in [
        ("GET", format!("/Users/{user}"), None),
        ("GET", format!("/Groups/{group}"), None),
        ("GET", "/Users".into(), None),
        ("GET", "/".into(), None),
        ("POST", "/.search".into(), Some(&search)),
        ("POST", "/Bulk".into(), Some(&bulk)),
        ("GET", "/Schemas".into(), None),
        ("GET", "/ResourceTypes".into(), None),
        ("GET", "/ServiceProviderConfig".into(), None),
        ("GET", "/Nothing".into(), None),
    ] {
        let answer = server.send(method, &path, body).await.json();
        let resources = answer["Resources"].as_array().into_iter().flatten();
        let operations = answer["Operations"].as_array().into_iter().flatten();
        let errors = operations.map(|operation| &operation["response"]);
        for shown in [&answer].into_iter().chain(resources).chain(errors) {
            let schemas = shown["schemas"]
                .as_array()
                .unwrap_or_else(|| panic!("{method} {path}: {shown}"));
            let named: BTreeSet<&str> = schemas.iter().map(|uri| uri.as_str().unwrap()).collect();
            assert!(
                !named.is_empty() && named.len() == schemas.len(),
                "{method} {path}: {schemas:?}"
            );
            // RFC 7643 section 3.3: the schemas are those whose attributes are there, and the base schema is one of them.
            for (name, _) in shown
                .as_object()
                .unwrap()
                .iter()
                .filter(|(name, _)| name.starts_with("urn:"))
            {
                assert!(named.contains(name.as_str()), "{method} {path}: {name}");
            }
            match shown["meta"]["resourceType"].as_str() {
                Some(name) => assert!(
                    named.iter().any(|uri| uri.ends_with(&format!(":{name}"))),
                    "{shown}"
                ),
                None => assert!(named.iter().all(|uri| uri.contains(":api:messages:")), "{shown}"),
            }
        }
    }
}

#[tokio::test]
async fn section_3_1_the_service_provider_gives_id_and_meta_and_no_external_id() {
    for profile in [Profile::rfc(), Profile::interop()] {
        let server = Server::start(Backend::Memory, profile).await;
        let sent = json!({
            "schemas": [USER],
            "id": "mine",
            "userName": "bjensen",
            "meta": {
                "resourceType": "Group", "created": "2001-01-01T00:00:00Z", "lastModified": "2001-01-01T00:00:00Z",
                "location": "https://elsewhere.example/Users/mine", "version": "W/\"mine\"",
            },
        });
        let created = server.send("POST", "/Users", Some(&sent)).await;
        assert_eq!(created.status, 201, "{created}");
        let user = created.json();
        let id = user["id"].as_str().unwrap();
        assert!(!id.is_empty() && id != "mine" && !id.contains("bulkId"), "{id}");
        assert!(user.get("externalId").is_none(), "{user}");
        let meta = &user["meta"];
        let location = format!("{BASE_URL}/Users/{id}");
        assert_eq!(meta["resourceType"], "User");
        assert_eq!(meta["location"], location);
        assert_eq!(created.header("content-location"), Some(location.as_str()));
        assert_eq!(created.header("location"), Some(location.as_str()));
        assert!(meta["version"].as_str().unwrap().starts_with("W/\""), "{meta}");
        assert_eq!(meta["created"], meta["lastModified"]);
        let created_at = meta["created"].as_str().unwrap();
        assert!(
            created_at.starts_with("20") && created_at.contains('T') && created_at > "2001-01-02",
            "{meta}"
        );
        // It is the same afterwards, whatever a PUT says of it.
        let mut put = sent.clone();
        put["title"] = json!("Guide");
        let path = format!("/Users/{id}");
        let replaced = server.send("PUT", &path, Some(&put)).await;
        assert_eq!(
            replaced.header("content-location"),
            Some(location.as_str()),
            "{replaced}"
        );
        let shown = server.send("GET", &path, None).await.json();
        assert_eq!(shown, replaced.json());
        for (member, before) in [("id", &user["id"]), ("externalId", &Value::Null)] {
            assert_eq!(shown.get(member).unwrap_or(&Value::Null), before, "{member}");
        }
        for member in ["created", "location", "resourceType"] {
            assert_eq!(shown["meta"][member], meta[member], "{member}");
        }
    }
}

#[tokio::test]
async fn section_3_1_an_id_is_that_of_one_resource_and_is_not_given_again() {
    let server = server().await;
    let mut ids = BTreeSet::new();
    for number in 0..40 {
        let user = server.create_user(&format!("user{number}")).await;
        let group = json!({"schemas": [GROUP], "displayName": format!("group{number}")});
        let group = server.create("/Groups", &group).await;
        if number % 2 == 0 {
            server.send("DELETE", &format!("/Users/{user}"), None).await;
        }
        assert!(ids.insert(user) && ids.insert(group));
    }
}

#[tokio::test]
async fn section_3_1_an_external_id_is_scoped_to_its_provisioning_domain() {
    let mut server = server().await;
    let user = json!({"schemas": [USER], "userName": "bjensen", "externalId": "701984"});
    let first = server.create("/Users", &user).await;
    let first_token = server.token.clone();
    server.token = organization(&server.engine, "another").await;
    let second = server.create("/Users", &user).await;
    assert_ne!(first, second);
    for (token, id) in [(server.token.clone(), second), (first_token, first)] {
        server.token = token;
        let list = server
            .send("GET", "/Users?filter=externalId%20eq%20%22701984%22", None)
            .await
            .json();
        assert_eq!(
            (&list["totalResults"], &list["Resources"][0]["id"]),
            (&json!(1), &json!(id))
        );
    }
}

#[tokio::test]
async fn section_4_1_2_groups_name_the_id_and_address_of_groups_and_change_through_them_alone() {
    let server = server().await;
    let (user, _, group) = community(&server).await;
    let path = format!("/Users/{user}");
    let shown = |user: &Value| user["groups"].clone();
    let expected = json!([{
        "value": group, "$ref": format!("{BASE_URL}/Groups/{group}"), "display": "Guides", "type": "direct",
    }]);
    assert_eq!(shown(&server.send("GET", &path, None).await.json()), expected);
    let put = json!({"schemas": [USER], "userName": "bjensen", "groups": []});
    assert_eq!(
        shown(&server.send("PUT", &path, Some(&put)).await.json()),
        expected
    );
    let change = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "remove", "path": "groups"}],
    });
    let refused = server.send("PATCH", &path, Some(&change)).await;
    refused.assert_error(400, Some("mutability"));
    assert_eq!(shown(&server.send("GET", &path, None).await.json()), expected);
    // Direct membership says that the group can be changed.
    let change = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "remove", "path": format!("members[value eq \"{user}\"]")}],
    });
    server
        .send("PATCH", &format!("/Groups/{group}"), Some(&change))
        .await;
    assert_eq!(shown(&server.send("GET", &path, None).await.json()), Value::Null);
}

#[tokio::test]
async fn section_4_3_a_manager_comes_back_with_id_and_address() {
    let server = server().await;
    let (user, manager, _) = community(&server).await;
    let shown = server.send("GET", &format!("/Users/{user}"), None).await.json();
    let expected = json!({"value": manager, "$ref": format!("{BASE_URL}/Users/{manager}")});
    assert_eq!(shown[ENTERPRISE]["manager"], expected);
}

/// Checks that an object has members that are not empty.
#[track_caller]
fn assert_has(object: &Value, members: &[&str]) {
    for member in members {
        let value = object
            .get(member)
            .unwrap_or_else(|| panic!("`{member}` is missing: {object}"));
        assert!(value.as_str() != Some(""), "`{member}` is empty: {object}");
    }
}

#[tokio::test]
async fn sections_5_to_7_descriptions_have_all_that_is_required_of_them() {
    for profile in [Profile::rfc(), Profile::interop(), Profile::verkada()] {
        let server = Server::start(Backend::Memory, profile).await;
        let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
        for (feature, members) in [
            ("patch", &[][..]),
            ("bulk", &["maxOperations", "maxPayloadSize"]),
            ("filter", &["maxResults"]),
            ("changePassword", &[]),
            ("sort", &[]),
            ("etag", &[]),
        ] {
            assert!(config[feature]["supported"].is_boolean(), "{feature}: {config}");
            for member in members {
                assert!(config[feature][member].is_u64(), "{feature}.{member}: {config}");
            }
        }
        let authentication = config["authenticationSchemes"].as_array().unwrap();
        assert!(!authentication.is_empty());
        for scheme in authentication {
            assert_has(scheme, &["type", "name", "description"]);
        }
        let schemas = server.send("GET", "/Schemas", None).await.json();
        let schemas = schemas["Resources"].as_array().unwrap();
        let uris: Vec<&Value> = schemas.iter().map(|schema| &schema["id"]).collect();
        let types = server.send("GET", "/ResourceTypes", None).await.json();
        for resource_type in types["Resources"].as_array().unwrap() {
            assert_has(
                resource_type,
                &["id", "name", "description", "endpoint", "schema", "meta"],
            );
            assert!(uris.contains(&&resource_type["schema"]), "{resource_type}");
            for extension in resource_type["schemaExtensions"].as_array().into_iter().flatten() {
                assert_has(extension, &["schema", "required"]);
                assert!(uris.contains(&&extension["schema"]), "{extension}");
            }
        }
        for schema in schemas {
            assert_has(schema, &["id", "name", "description", "attributes", "meta"]);
            for attribute in schema["attributes"].as_array().unwrap() {
                assert_described(attribute, true);
            }
        }
    }
}

/// Checks that an attribute has all its characteristics (RFC 7643 section 7).
fn assert_described(attribute: &Value, may_be_complex: bool) {
    assert_has(
        attribute,
        &[
            "name",
            "type",
            "multiValued",
            "description",
            "required",
            "mutability",
            "returned",
        ],
    );
    let is_complex = attribute["type"] == "complex";
    assert!(may_be_complex || !is_complex, "{attribute}");
    let subs = attribute["subAttributes"].as_array();
    assert_eq!(
        is_complex,
        subs.is_some_and(|subs| !subs.is_empty()),
        "{attribute}"
    );
    if attribute["type"] == "string" {
        assert_has(attribute, &["caseExact", "uniqueness"]);
    }
    if attribute["type"] == "reference" {
        assert_has(attribute, &["referenceTypes"]);
    }
    // The schema of schemas describes itself, sub-attributes of sub-attributes included (section 8.7.2).
    let is_schema_of_schemas = attribute["name"] == "attributes";
    for sub in subs.into_iter().flatten() {
        assert_described(sub, is_schema_of_schemas);
    }
}

#[tokio::test]
async fn section_7_what_is_case_exact_keeps_its_case_and_is_compared_by_it() {
    let server = server().await;
    let user = json!({"schemas": [USER], "userName": "BJensen", "externalId": "aBc", "title": "Guide"});
    let id = server.create("/Users", &user).await;
    let shown = server.send("GET", &format!("/Users/{id}"), None).await.json();
    assert_eq!(
        (&shown["externalId"], &shown["userName"]),
        (&json!("aBc"), &json!("BJensen"))
    );
    for (filter, total) in [
        (r#"externalId eq "aBc""#, 1),
        (r#"externalId eq "abc""#, 0),
        (r#"externalId sw "A""#, 0),
        (r#"userName eq "bjensen""#, 1),
        (r#"title eq "GUIDE""#, 1),
    ] {
        let search =
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
        let list = server.send("POST", "/Users/.search", Some(&search)).await.json();
        assert_eq!(list["totalResults"], total, "{filter}");
    }
}
