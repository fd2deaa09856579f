//! Messages of the protocol (RFC 7644 sections 3.4, 3.5.2 and 3.12).

use keyfob_core::{
    AttrPath, Dialect, ErrorBody, Projection, Quirk, Resource, ScimType, ToErrorBody, Value,
    message::{ListResponse, PatchOperation, PatchOperationKind, PatchRequest, SearchRequest, SortOrder},
};

use crate::support::{json, user};

fn patch(operations: &str) -> Result<PatchRequest, String> {
    let text = format!(
        r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": {operations}}}"#
    );
    PatchRequest::from_json(text.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn a_patch_without_operations_or_schemas_is_read_where_the_dialect_has_it_so() {
    let schemas = r#""schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]"#;
    let operation = r#"{"op": "replace", "path": "title", "value": "T"}"#;
    for (body, quirk, operations) in [
        (
            format!(r#"{{{schemas}, "Operations": []}}"#),
            Quirk::EmptyOperations,
            0,
        ),
        (
            format!(r#"{{"Operations": [{operation}]}}"#),
            Quirk::UnstatedMessages,
            1,
        ),
        (
            format!(r#"{{"schemas": null, "Operations": [{operation}]}}"#),
            Quirk::UnstatedMessages,
            1,
        ),
    ] {
        let read = |dialect| {
            let request = PatchRequest::from_json_with(body.as_bytes(), dialect);
            request
                .map(|request| request.operations.len())
                .map_err(|error| error.to_error_body().scim_type)
        };
        let refused = Err(Some(ScimType::InvalidSyntax));
        assert_eq!(read(Dialect::strict()), refused, "{body}");
        assert_eq!(read(Dialect::interop().without(quirk)), refused, "{body}");
        assert_eq!(read(Dialect::strict().with(quirk)), Ok(operations), "{body}");
        assert_eq!(read(Dialect::interop()), Ok(operations), "{body}");
    }
    // What states another message or no array of operations is a mistake in every dialect.
    for body in [
        format!(
            r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "Operations": [{operation}]}}"#
        ),
        format!(r#"{{"schemas": [], "Operations": [{operation}]}}"#),
        format!("{{{schemas}}}"),
        format!(r#"{{{schemas}, "Operations": null}}"#),
        format!(r#"{{{schemas}, "Operations": {operation}}}"#),
    ] {
        assert!(
            PatchRequest::from_json_with(body.as_bytes(), Dialect::interop()).is_err(),
            "{body}"
        );
    }
}

#[test]
fn a_patch_request_is_read_as_it_was_sent() {
    let request = patch(
        r#"[{"op": "Add", "path": "emails", "value": [{"value": "a"}]}, {"OP": "remove", "PATH": "title"},
            {"op": "replace", "path": null, "value": null}, {"op": "REPLACE", "value": {"active": false}}]"#,
    )
    .unwrap();
    assert_eq!(
        request.operations,
        [
            PatchOperation::new(
                PatchOperationKind::Add,
                Some("emails".into()),
                Some(keyfob_core::json::value_from_slice(br#"[{"value": "a"}]"#).unwrap()),
            ),
            PatchOperation::new(PatchOperationKind::Remove, Some("title".into()), None),
            PatchOperation::new(PatchOperationKind::Replace, None, Some(Value::Null)),
            PatchOperation::new(
                PatchOperationKind::Replace,
                None,
                Some(keyfob_core::json::value_from_slice(br#"{"active": false}"#).unwrap()),
            ),
        ]
    );
    assert_eq!(
        PatchRequest::from_object(request.to_object(), Dialect::strict()),
        Ok(request)
    );
}

#[test]
fn what_is_no_patch_request_says_why() {
    for (operations, message) in [
        ("[]", "`Operations` is not an array of at least one operation"),
        ("{}", "`Operations` is not an array of at least one operation"),
        ("null", "`Operations` is not an array of at least one operation"),
        ("[5]", "`Operations[0]` is not an object"),
        (
            r#"[{"op": "add"}, {"value": 1}]"#,
            "`Operations[1].op` is not `add`, `remove` or `replace`",
        ),
        (
            r#"[{"op": "move"}]"#,
            "`Operations[0].op` is not `add`, `remove` or `replace`",
        ),
        (
            r#"[{"op": "add", "path": 5}]"#,
            "`Operations[0].path` is not a string",
        ),
    ] {
        assert_eq!(patch(operations), Err(message.to_owned()), "{operations}");
    }
    for text in [
        r#"{"Operations": [{"op": "add"}]}"#,
        r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "Operations": [{"op": "add"}]}"#,
        "[]",
        r#"{"schemas": [], "SCHEMAS": []}"#,
    ] {
        let error = PatchRequest::from_json(text.as_bytes())
            .unwrap_err()
            .to_error_body();
        assert_eq!(
            (error.status, error.scim_type),
            (400, Some(ScimType::InvalidSyntax)),
            "{text}"
        );
    }
}

fn search(members: &str) -> Result<SearchRequest, String> {
    let text = format!(r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]{members}}}"#);
    SearchRequest::from_json(text.as_bytes(), Dialect::interop()).map_err(|error| error.to_string())
}

#[test]
fn a_search_request_is_read_as_it_was_sent() {
    assert_eq!(search(""), Ok(SearchRequest::new()));
    let request = search(
        r#", "attributes": ["displayName", "name.familyName"], "excludedAttributes": ["emails"],
           "filter": "userName sw \"b\"", "sortBy": "userName", "sortOrder": "descending", "startIndex": 1, "count": 10"#,
    )
    .unwrap();
    let paths = ["displayName", "name.familyName"].map(|path| AttrPath::parse(path).unwrap());
    assert_eq!(request.projection, Projection::only(paths.into()));
    assert_eq!(request.filter.as_deref(), Some("userName sw \"b\""));
    assert_eq!(request.sort_by.as_deref(), Some("userName"));
    assert_eq!(request.sort_order, SortOrder::Descending);
    assert_eq!((request.start_index, request.count), (Some(1), Some(10)));
    let request =
        search(r#", "attributes": null, "excludedAttributes": ["emails"], "filter": null"#).unwrap();
    assert_eq!(
        request.projection,
        Projection::except(vec![AttrPath::attribute("emails")])
    );
    assert_eq!(request.filter, None);
}

#[test]
fn what_is_no_search_request_says_why() {
    for (members, message) in [
        (r#", "filter": 5"#, "`filter` is not a string"),
        (r#", "count": "10""#, "`count` is not an integer"),
        (r#", "startIndex": 1.5"#, "`startIndex` is not an integer"),
        (
            r#", "attributes": [5]"#,
            "`attributes` is not an array of strings",
        ),
        (
            r#", "attributes": ["a b"]"#,
            "`a b` is not an attribute: ` ` can't stand in an attribute name",
        ),
    ] {
        assert_eq!(search(members), Err(message.to_owned()), "{members}");
    }
    assert!(SearchRequest::from_json(b"{}", Dialect::interop()).is_err());
}

#[test]
fn a_list_response_counts_and_holds_its_resources() {
    let empty = ListResponse::new(0, 1, Vec::new());
    let head = r#""schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]"#;
    assert_eq!(
        json(empty.to_json()),
        json(format!(
            r#"{{{head}, "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": []}}"#
        ))
    );
    let page = ListResponse::new(100, 11, vec![user(r#""userName": "a""#), Resource::default()]);
    assert_eq!(
        json(page.to_json()),
        json(format!(
            r#"{{{head}, "totalResults": 100, "startIndex": 11, "itemsPerPage": 2, "Resources": [{{"userName": "a"}}, {{}}]}}"#
        ))
    );
}

#[test]
fn an_error_body_has_the_form_of_section_3_12() {
    let error = ErrorBody::bad_request(ScimType::Mutability, "Attribute `id` is \"readOnly\"");
    assert_eq!(
        json(error.to_json()),
        json(
            r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400", "scimType": "mutability",
                "detail": "Attribute `id` is \"readOnly\""}"#
        )
    );
    let error = ErrorBody::new(404, "not found");
    assert_eq!(
        json(error.to_json()),
        json(
            r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "404", "detail": "not found"}"#
        )
    );
    assert_eq!(
        ErrorBody::new(409, "taken")
            .with_scim_type(ScimType::Uniqueness)
            .scim_type,
        Some(ScimType::Uniqueness)
    );
}
