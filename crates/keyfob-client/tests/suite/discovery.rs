//! What a server says of itself, and what stands in where it says nothing.

use std::sync::{Arc, Mutex};

use keyfob_client::{Error, Origin, Paging, Preset};
use keyfob_core::{Registry, SchemaUri};

use crate::script::{Answered, Script, error, response, scim};

fn listed(resources: &str) -> String {
    format!(
        r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 1, "Resources": [{resources}]}}"#
    )
}

fn describing(
    config: Option<&'static str>,
    types: Option<&'static str>,
    schemas: Option<&'static str>,
) -> Script {
    let found = |body: Option<String>| -> Answered {
        body.map_or_else(|| scim(404, &error(404, "")), |body| scim(200, &body))
    };
    Script::of(
        move |request| match request.uri().path().trim_start_matches("/scim/v2") {
            "/ServiceProviderConfig" => found(config.map(str::to_owned)),
            "/ResourceTypes" => found(types.map(listed)),
            "/Schemas" => found(schemas.map(listed)),
            other => panic!("{other}"),
        },
    )
}

const CONFIG: &str = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "patch": {"supported": false}, "bulk": {"supported": true, "maxOperations": 10, "maxPayloadSize": 1000},
    "filter": {"supported": true, "maxResults": 200}, "changePassword": {"supported": false},
    "sort": {"supported": false}, "etag": {"supported": false},
    "pagination": {"cursor": true, "index": true, "maxPageSize": 50}, "authenticationSchemes": []}"#;

#[tokio::test]
async fn the_three_endpoints_make_a_registry_and_capabilities() {
    let client = crate::server::in_process().await;
    let target = client.discover().await.unwrap();
    assert_eq!(target.capabilities.patch.origin, Origin::Discovered);
    assert!(target.capabilities.bulk.value && target.capabilities.sort.value);
    let rfc = Registry::rfc();
    for resource_type in target.registry.resource_types() {
        let expected = rfc.resource_type(resource_type.name()).unwrap();
        assert_eq!(resource_type.endpoint(), expected.endpoint());
        assert_eq!(
            resource_type.schema().attributes.len(),
            expected.schema().attributes.len()
        );
        assert_eq!(resource_type.extensions().len(), expected.extensions().len());
        assert_eq!(
            resource_type.relations().len(),
            expected.relations().len(),
            "{}",
            resource_type.name()
        );
    }
}

#[tokio::test]
async fn the_configuration_sets_what_it_says_and_a_preset_counts_more() {
    let client = describing(Some(CONFIG), None, None).client();
    let target = client.discover().await.unwrap();
    let found = &target.capabilities;
    assert!(!found.patch.value && found.bulk.value && !found.etag.value);
    assert_eq!(found.bulk_limits.value.max_operations, Some(10));
    assert_eq!(
        (found.paging.value, found.max_page.value),
        (Paging::Cursor, Some(50))
    );
    assert_eq!((found.put.value, found.put.origin), (true, Origin::Preset));
    let given = target
        .preset(&Preset::named("aws").unwrap())
        .given("maxPage", 7)
        .unwrap();
    assert!(!given.capabilities.bulk.value);
    assert_eq!(
        (
            given.capabilities.max_page.value,
            given.capabilities.max_page.origin
        ),
        (Some(7), Origin::Given)
    );
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_noted_and_the_rfc_stands_in() {
    let noted = Arc::new(Mutex::new(Vec::new()));
    let client = describing(Some(CONFIG), None, None).builder().on_deviation({
        let noted = Arc::clone(&noted);
        move |deviation| noted.lock().unwrap().push(deviation.to_string())
    });
    let target = client.build().unwrap().discover().await.unwrap();
    assert!(
        target
            .registry
            .resource_type("Group")
            .unwrap()
            .relation("members")
            .is_some()
    );
    assert_eq!(
        *noted.lock().unwrap(),
        [
            "`/ResourceTypes` is not served (RFC 7644 section 4)",
            "`/Schemas` is not served (RFC 7644 section 4)",
        ]
    );
}

#[tokio::test]
async fn an_address_at_which_nothing_is_scim_is_no_server() {
    let found = describing(None, None, None)
        .client()
        .discover()
        .await
        .unwrap_err();
    assert_eq!(
        found.to_string(),
        "the answer can't be read: nothing at this address describes a SCIM server"
    );
    let portal = Script::of(|_| Ok(response(200, "text/html", "<html>")));
    assert!(portal.client().discover().await.is_err());
    for status in [401, 403, 500] {
        let refusing = Script::of(move |_| scim(status, &error(status, "")));
        let found = refusing.client().discover().await.unwrap_err();
        assert!(matches!(found, Error::Status { .. }), "{found}");
        assert_eq!(refusing.asked().len(), 1);
    }
}

#[tokio::test]
async fn types_and_schemas_of_a_servers_own_are_served() {
    let device = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "name": "Device",
        "endpoint": "/Devices", "schema": "urn:example:Device", "schemaExtensions": [{"schema": "urn:example:nobody", "required": false}]}"#;
    let schema = r#"{"id": "urn:example:Device", "name": "Device", "attributes": [{"name": "serial", "type": "string"}]}"#;
    let noted = Arc::new(Mutex::new(0));
    let script = describing(None, Some(device), Some(schema));
    let client = script.builder().on_deviation({
        let noted = Arc::clone(&noted);
        move |_| *noted.lock().unwrap() += 1
    });
    let client = client.build().unwrap();
    let target = client.discover().await.unwrap();
    let found = target.registry.resource_type("Device").unwrap();
    assert!(found.attribute("serial").is_some());
    assert!(found.extensions().is_empty());
    assert!(target.registry.resource_type("User").is_none());
    assert_eq!(*noted.lock().unwrap(), 2, "the configuration and the extension");
}

#[tokio::test]
async fn descriptions_that_do_not_fit_together_leave_what_was_known() {
    let twice = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "name": "User",
        "endpoint": "/Users", "schema": "urn:ietf:params:scim:schemas:core:2.0:User"},
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "name": "user",
        "endpoint": "/People", "schema": "urn:ietf:params:scim:schemas:core:2.0:User"}"#;
    let target = describing(None, Some(twice), None)
        .client()
        .discover()
        .await
        .unwrap();
    assert_eq!(target.registry.resource_types().len(), 2);
    assert!(target.registry.resource_type("Group").is_some());
    // A group whose members are no relation that can be keyed is read all the same.
    let flat = r#"{"id": "urn:ietf:params:scim:schemas:core:2.0:Group", "attributes": [{"name": "members", "type": "string", "multiValued": true}]}"#;
    let target = describing(None, None, Some(flat))
        .client()
        .discover()
        .await
        .unwrap();
    let group = target.registry.resource_type("Group").unwrap();
    assert!(group.relations().is_empty());
    assert!(group.schema().id == SchemaUri::GROUP);
}

#[tokio::test]
async fn a_list_that_is_described_page_by_page_is_read_to_its_end() {
    let script = Script::of(|request| {
        let path = request.uri().path().trim_start_matches("/scim/v2");
        if path != "/Schemas" {
            return scim(404, &error(404, ""));
        }
        let number = if request.uri().query().is_none() { 1 } else { 2 };
        let body = listed(&format!(r#"{{"id": "urn:example:{number}", "attributes": []}}"#));
        scim(200, &body.replace("\"totalResults\": 1", "\"totalResults\": 2"))
    });
    script.client().discover().await.unwrap();
    assert_eq!(script.asked()[2..], ["GET /Schemas", "GET /Schemas?startIndex=2"]);
}
