//! What clients read of servers' answers: the RFC's own examples without a deviation, others with each of theirs noted.

use keyfob_core::{
    ErrorBody, Registry, Schema, ScimType,
    json::object_from_slice,
    message::{
        BulkMethod, BulkRequest, BulkResponse, Deviations, ListPage, MessageError, ServiceProviderConfig,
    },
    schema::{AttributeType, Mutability, RegistryBuilder, ResourceTypeBuilder},
};
use proptest::prelude::*;

use crate::support::json;

fn noted(deviations: &Deviations) -> Vec<String> {
    deviations.iter().map(ToString::to_string).collect()
}

fn read<T>(read: impl FnOnce(&mut Deviations) -> Result<T, MessageError>) -> (Option<T>, Vec<String>) {
    let mut deviations = Deviations::new();
    let value = read(&mut deviations).ok();
    (value, noted(&deviations))
}

macro_rules! sample {
    ($file:literal) => {
        include_bytes!(concat!("../../../../testdata/", $file))
    };
}

#[test]
fn the_list_responses_of_the_rfc_are_read_without_a_deviation() {
    let user = Registry::rfc().resource_type("User");
    for (text, total, held) in [
        (&sample!("rfc7644/3.4.2-list-user-names-response.json")[..], 2, 2),
        (&sample!("rfc7644/3.4.3-search-response.json")[..], 100, 2),
    ] {
        let (page, noted) = read(|deviations| ListPage::from_json(text, user, deviations));
        let page = page.unwrap();
        assert_eq!(page.total_results, Some(total));
        assert_eq!(page.resources.len(), held);
        assert_eq!(noted, Vec::<String>::new());
    }
}

#[test]
fn a_list_says_what_departs_from_section_3_4_2_and_is_read() {
    let head = r#""schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]"#;
    for (members, total, held, expected) in [
        (r#""totalResults": 1, "Resources": [{}]"#, Some(1), 1, &[][..]),
        (r#""totalResults": 0"#, Some(0), 0, &[]),
        (r#""totalResults": 1, "resources": [{}]"#, Some(1), 1, &[]),
        // RFC 9865 section 2: a server that pages by cursor may leave out the total.
        (r#""nextCursor": "a", "Resources": [{}]"#, None, 1, &[]),
        (
            r#""Resources": [{}]"#,
            None,
            1,
            &["`totalResults` is missing (RFC 7644 section 3.4.2)"],
        ),
        (
            r#""totalResults": "3", "Resources": null"#,
            Some(3),
            0,
            &["`totalResults` is not an integer of 0 or more (RFC 7644 section 3.4.2)"],
        ),
        (
            r#""totalResults": -1"#,
            None,
            0,
            &[
                "`totalResults` is not an integer of 0 or more (RFC 7644 section 3.4.2)",
                "`totalResults` is missing (RFC 7644 section 3.4.2)",
            ],
        ),
        (
            r#""totalResults": 2.0, "itemsPerPage": {}"#,
            Some(2),
            0,
            &[
                "`totalResults` is not an integer of 0 or more (RFC 7644 section 3.4.2)",
                "`itemsPerPage` is not an integer of 0 or more (RFC 7644 section 3.4.2)",
            ],
        ),
    ] {
        let text = format!("{{{head}, {members}}}");
        let (page, noted) = read(|deviations| ListPage::from_json(text.as_bytes(), None, deviations));
        let page = page.unwrap();
        assert_eq!(page.total_results, total, "{members}");
        assert_eq!(page.resources.len(), held, "{members}");
        assert_eq!(noted, expected, "{members}");
    }
    let (page, noted) = read(|deviations| ListPage::from_json(br#"{"totalResults": 0}"#, None, deviations));
    assert!(page.is_some());
    assert_eq!(
        noted,
        [
            "`schemas` does not name `urn:ietf:params:scim:api:messages:2.0:ListResponse` (RFC 7644 section 3.4.2)"
        ]
    );
    for wrong in [
        "",
        "[]",
        "<html>",
        r#"{"Resources": {}}"#,
        r#"{"Resources": [1]}"#,
    ] {
        let (page, _) = read(|deviations| ListPage::from_json(wrong.as_bytes(), None, deviations));
        assert_eq!(page, None, "{wrong}");
    }
}

#[test]
fn the_members_of_a_listed_group_are_keyed() {
    let group = Registry::rfc().resource_type("Group");
    let text = br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 1,
        "Resources": [{"id": "1", "members": [{"value": "2"}, {"value": "3"}]}]}"#;
    let (page, _) = read(|deviations| ListPage::from_json(text, group, deviations));
    let page = page.unwrap();
    assert_eq!(page.resources[0].relation("members").unwrap().len(), 2);
}

#[test]
fn the_errors_of_the_rfc_are_read_and_what_is_no_error_is_refused() {
    for (text, status, scim_type, count) in [
        (&sample!("rfc7644/errors/3.12-mutability.json")[..], 400, Some(ScimType::Mutability), 0),
        (&sample!("rfc7644/errors/3.12-not-found.json")[..], 404, None, 0),
        (&sample!("rfc7644/errors/7.5.2-sensitive.json")[..], 403, Some(ScimType::Sensitive), 0),
        (br#"{"status": "409", "scimType": "UNIQUENESS"}"#, 409, Some(ScimType::Uniqueness), 1),
        (
            br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": 404, "scimType": "notFound"}"#,
            404,
            None,
            2,
        ),
        (br#"{"schemas": "urn:ietf:params:scim:api:messages:2.0:error"}"#, 0, None, 1),
    ] {
        let (error, noted) = read(|deviations| ErrorBody::from_json(text, deviations));
        let error = error.unwrap();
        assert_eq!((error.status, error.scim_type), (status, scim_type), "{noted:?}");
        assert_eq!(noted.len(), count, "{noted:?}");
    }
    for wrong in [
        r#"{"error": "invalid_token"}"#,
        "null",
        r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}"#,
    ] {
        let (error, _) = read(|deviations| ErrorBody::from_json(wrong.as_bytes(), deviations));
        assert_eq!(error, None, "{wrong}");
    }
}

#[test]
fn every_keyword_of_scim_type_is_read_back() {
    let body = ErrorBody::bad_request(ScimType::ExpiredCursor, "the cursor has expired");
    let (read_back, noted) = read(|deviations| ErrorBody::from_json(&body.to_json(), deviations));
    assert_eq!(read_back, Some(body));
    assert_eq!(noted, Vec::<String>::new());
    assert_eq!(ScimType::named("invalidvers"), Some(ScimType::InvalidVers));
}

#[test]
fn the_configuration_of_section_8_5_is_read_and_what_is_missing_is_noted() {
    let text = sample!("rfc7643/8.5-service-provider-config.json");
    let (config, noted) = read(|deviations| ServiceProviderConfig::from_json(text, deviations));
    let config = config.unwrap();
    assert_eq!(noted, Vec::<String>::new());
    assert_eq!(
        (config.patch, config.bulk, config.etag),
        (Some(true), Some(true), Some(true))
    );
    assert_eq!(config.bulk_limits.max_operations, Some(1000));
    assert_eq!(config.max_results, Some(200));
    assert_eq!(config.authentication, ["oauthbearertoken", "httpbasic"]);

    let text = br#"{"patch": {"supported": "true"}, "bulk": false, "pagination": {"cursor": true, "maxPageSize": 250}}"#;
    let (config, noted) = read(|deviations| ServiceProviderConfig::from_json(text, deviations));
    let config = config.unwrap();
    assert_eq!(
        (config.patch, config.bulk, config.filter),
        (Some(true), None, None)
    );
    assert_eq!(
        (config.cursor_pagination, config.max_page_size),
        (Some(true), Some(250))
    );
    assert_eq!(
        noted,
        [
            "`schemas` does not name `urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig` (RFC 7643 section 5)",
            "`patch.supported` is not a boolean (RFC 7643 section 5)",
            "`sort` is missing (RFC 7643 section 5)",
            "`etag` is missing (RFC 7643 section 5)",
            "`changePassword` is missing (RFC 7643 section 5)",
            "`bulk` is not an object (RFC 7643 section 5)",
            "`bulk` is missing (RFC 7643 section 5)",
            "`filter` is missing (RFC 7643 section 5)",
        ]
    );
}

#[test]
fn the_bulk_responses_of_section_3_7_3_are_read() {
    for (text, statuses) in [
        (
            &sample!("rfc7644/bulk/3.7.3-add-update-remove-response.json")[..],
            &[201, 200, 200, 204][..],
        ),
        (
            sample!("rfc7644/bulk/3.7.3-all-failed-response.json"),
            &[400, 412, 412, 404],
        ),
        (sample!("rfc7644/bulk/3.7.3-stopped-response.json"), &[400]),
    ] {
        let (response, noted) = read(|deviations| BulkResponse::from_json(text, deviations));
        let results = response.unwrap().results;
        let found: Vec<u16> = results.iter().map(|result| result.status).collect();
        assert_eq!(found, statuses);
        assert_eq!(results[0].method, Some(BulkMethod::Post));
        assert_eq!(results[0].bulk_id.as_deref(), Some("qwerty"));
        assert_eq!(noted, Vec::<String>::new());
    }
    let drafts = br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
        "Operations": [{"method": "post", "status": {"code": "201"}}, {"method": "PUT"}]}"#;
    let (response, noted) = read(|deviations| BulkResponse::from_json(drafts, deviations));
    let results = response.unwrap().results;
    assert_eq!((results[0].status, results[1].status), (201, 0));
    assert_eq!(
        noted,
        [
            "`Operations[0].status` is not a string (RFC 7644 section 3.7)",
            "`Operations[1].status` is not a status code (RFC 7644 section 3.7)",
        ]
    );
    for wrong in ["{}", r#"{"Operations": [3]}"#] {
        let (response, _) = read(|deviations| BulkResponse::from_json(wrong.as_bytes(), deviations));
        assert_eq!(response, None, "{wrong}");
    }
}

#[test]
fn the_bulk_requests_of_section_3_7_are_read_and_written() {
    for text in [
        &sample!("rfc7644/bulk/3.7.1-circular-request.json")[..],
        sample!("rfc7644/bulk/3.7.2-user-then-group-request.json"),
        sample!("rfc7644/bulk/3.7.3-add-update-remove-request.json"),
    ] {
        let request = BulkRequest::from_json(text).unwrap();
        assert_eq!(json(request.to_json()), json(text));
    }
    let head = r#""schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]"#;
    for (members, message) in [
        (r#""Operations": {}"#, "`Operations` is not an array"),
        (r#""Operations": [7]"#, "`Operations[0]` is not an object"),
        (
            r#""Operations": [{"method": "GET", "path": "/Users"}]"#,
            "`Operations[0].method` is not `POST`, `PUT`, `PATCH` or `DELETE`",
        ),
        (
            r#""Operations": [{"method": "POST"}]"#,
            "`Operations[0].path` is not a string",
        ),
        (
            r#""Operations": [{"method": "POST", "path": "/Users", "data": []}]"#,
            "`Operations[0].data` is not an object",
        ),
        (
            r#""failOnErrors": -1, "Operations": []"#,
            "`failOnErrors` is not a number of 0 or more",
        ),
    ] {
        let error = BulkRequest::from_json(format!("{{{head}, {members}}}").as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    assert!(BulkRequest::from_json(br#"{"Operations": []}"#).is_err());
}

#[test]
fn resource_types_and_schemas_of_the_rfc_make_a_registry_without_a_deviation() {
    let mut deviations = Deviations::new();
    let mut builder = RegistryBuilder::new();
    let schemas = format!(
        r#"{{"all": {}}}"#,
        str::from_utf8(sample!("rfc7643/8.7.1-resource-schemas.json")).unwrap()
    );
    let schemas = object_from_slice(schemas.as_bytes()).unwrap();
    for schema in schemas.get("all").unwrap().as_elements() {
        let schema = Schema::from_answer(schema.as_object().unwrap(), &mut deviations).unwrap();
        builder = builder.replace_schema(schema);
    }
    let types = format!(
        r#"{{"all": {}}}"#,
        str::from_utf8(sample!("rfc7643/8.6-resource-types.json")).unwrap()
    );
    let types = object_from_slice(types.as_bytes()).unwrap();
    for kind in types.get("all").unwrap().as_elements() {
        let kind =
            ResourceTypeBuilder::from_answer(kind.as_object().unwrap().clone(), &mut deviations).unwrap();
        builder = builder.resource_type(kind);
    }
    let registry = builder.build().unwrap();
    assert_eq!(registry.resource_type("User").unwrap().endpoint(), "/Users");
    assert_eq!(registry.resource_type("User").unwrap().extensions().len(), 1);
    assert_eq!(noted(&deviations), Vec::<String>::new());
}

#[test]
fn a_schema_that_departs_from_section_7_is_read_as_far_as_it_goes() {
    let answer = object_from_slice(
        br#"{"id": "urn:example:a", "attributes": [
            7,
            {"type": "string"},
            {"name": "a b"},
            {"name": "one", "type": "text", "required": "TRUE", "canonicalValues": ["x", 1]},
            {"name": "ONE"},
            {"name": "two", "type": "complex"},
            {"name": "three", "subAttributes": [{"name": "value", "subAttributes": [{"name": "deep"}]}]}
        ]}"#,
    )
    .unwrap();
    assert!(Schema::from_object(&answer).is_err());
    let mut deviations = Deviations::new();
    let schema = Schema::from_answer(&answer, &mut deviations).unwrap();
    let names: Vec<&str> = schema
        .attributes
        .iter()
        .map(|attribute| attribute.name.as_str())
        .collect();
    assert_eq!(names, ["one", "two", "three"]);
    let one = schema.attribute("one").unwrap();
    assert_eq!((one.kind, one.required), (AttributeType::String, true));
    assert_eq!(one.mutability, Mutability::ReadWrite);
    assert_eq!(schema.attribute("three").unwrap().kind, AttributeType::Complex);
    assert_eq!(
        noted(&deviations),
        [
            "`attributes` is not an array of attributes (RFC 7643 section 7)",
            "`attributes.name` is missing (RFC 7643 section 7)",
            "`attributes.a b.name` is not an attribute name (RFC 7643 section 2.1) (RFC 7643 section 7)",
            "`attributes.one.type` is not an attribute type: `string`, `boolean`, `decimal`, `integer`, `dateTime`, \
             `binary`, `reference` or `complex` (RFC 7643 section 7)",
            "`attributes.one.required` is not a boolean (RFC 7643 section 7)",
            "`attributes.one.canonicalValues` is not an array of strings (RFC 7643 section 7)",
            "`attributes.ONE` is defined twice (RFC 7643 section 7)",
            "`attributes.two.subAttributes` is missing (RFC 7643 section 7)",
            "`attributes.three.subAttributes.value.subAttributes.deep` nests too deep (RFC 7643 section 7)",
            "`attributes.three.type` is not `complex`, although there are sub-attributes (RFC 7643 section 7)",
        ]
    );
    assert!(Schema::from_answer(&object_from_slice(br#"{"id": "a b"}"#).unwrap(), &mut deviations).is_err());
}

#[test]
fn no_answer_fills_the_memory_with_deviations() {
    let text = format!(r#"{{"Operations": [{}]}}"#, vec!["{}"; 5_000].join(","));
    let (response, noted) = read(|deviations| BulkResponse::from_json(text.as_bytes(), deviations));
    assert_eq!(response.unwrap().results.len(), 5_000);
    assert_eq!(noted.len(), Deviations::MAX);
}

proptest! {
    #[test]
    fn no_answer_panics_a_reader(text in r#"[\[\]{}",:0-9a-z]{0,40}|\{"(schemas|Resources|status|Operations|attributes|bulk)": ?(\[|\{|"|null|1e9|-3)[\[\]{}",:0-9a-z]{0,30}\}"#) {
        let text = text.as_bytes();
        let mut deviations = Deviations::new();
        ListPage::from_json(text, Registry::rfc().resource_type("Group"), &mut deviations).ok();
        ErrorBody::from_json(text, &mut deviations).ok();
        ServiceProviderConfig::from_json(text, &mut deviations).ok();
        BulkResponse::from_json(text, &mut deviations).ok();
        if let Ok(object) = object_from_slice(text) {
            Schema::from_answer(&object, &mut deviations).ok();
            ResourceTypeBuilder::from_answer(object, &mut deviations).ok();
        }
    }
}
