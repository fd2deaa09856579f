//! A feature that is left out is refused and not described; one that is on is described and works (RFC 7643 section 5).

use keyfob_engine::Feature;
use keyfob_provisioning::Profile;
use serde_json::{Value, json};

use crate::support::{Answer, Backend, Server};

/// A request that needs a feature: its method, its path, where `{id}` is a user's, and its body.
type Needing = (&'static str, &'static str, Value);

/// A feature with where `/ServiceProviderConfig` tells of it, a request that needs it, and what the request is answered with
/// it and without it.
struct Case {
    feature: Feature,
    pointer: &'static str,
    request: Needing,
    on: u16,
    off: (u16, Option<&'static str>),
}

fn cases() -> [Case; 5] {
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "Guide"}],
    });
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": []});
    let case = |feature, pointer, request, on, off| Case {
        feature,
        pointer,
        request,
        on,
        off,
    };
    [
        case(
            Feature::Patch,
            "/patch/supported",
            ("PATCH", "/Users/{id}", patch),
            200,
            (501, None),
        ),
        case(
            Feature::Bulk,
            "/bulk/supported",
            ("POST", "/Bulk", bulk),
            200,
            (501, None),
        ),
        case(
            Feature::Filter,
            "/filter/supported",
            ("GET", "/Users?filter=title+pr", Value::Null),
            200,
            (400, Some("invalidFilter")),
        ),
        case(
            Feature::Sort,
            "/sort/supported",
            ("GET", "/Users?sortBy=userName", Value::Null),
            200,
            (501, None),
        ),
        case(
            Feature::CursorPagination,
            "/pagination/cursor",
            ("GET", "/Users?cursor", Value::Null),
            200,
            (400, Some("invalidCursor")),
        ),
    ]
}

async fn send(server: &Server, request: &Needing, id: &str) -> Answer {
    let (method, path, body) = request;
    let body = Some(body).filter(|body| !body.is_null());
    server.send(method, &path.replace("{id}", id), body).await
}

async fn without(feature: Feature) -> Server {
    Server::start_with(Backend::Memory, Profile::interop(), |builder| {
        builder.without(feature)
    })
    .await
}

#[tokio::test]
async fn rfc_7643_5_what_is_left_out_is_refused_and_not_described_and_the_rest_is_as_before() {
    let whole = Server::start(Backend::Memory, Profile::interop()).await;
    let ids_of_whole = whole.create_user("whole").await;
    for left_out in cases() {
        let server = without(left_out.feature).await;
        let id = server.create_user("bjensen").await;
        let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
        for case in cases() {
            let is_on = case.feature != left_out.feature;
            let told = format!("{:?} without {:?}", case.feature, left_out.feature);
            assert_eq!(config.pointer(case.pointer), Some(&json!(is_on)), "{told}");
            let answer = send(&server, &case.request, &id).await;
            if is_on {
                assert_eq!(answer.status, case.on, "{told}: {answer}");
                let of_whole = send(&whole, &case.request, &ids_of_whole).await;
                assert_eq!(of_whole.status, case.on, "{told}: {of_whole}");
            } else {
                let (status, scim_type) = case.off;
                answer.assert_error(status, scim_type);
            }
        }
    }
}

#[tokio::test]
async fn rfc_9110_10_2_1_the_methods_and_the_description_for_machines_follow() {
    let described = async |server: &Server| server.send("GET", "/openapi.json", None).await.json();
    let allow = async |server: &Server, path: &str| {
        let answer = server.send("OPTIONS", path, None).await;
        (
            answer.header("allow").unwrap().to_owned(),
            answer.header("accept-patch").is_some(),
        )
    };
    let patch = without(Feature::Patch).await;
    let expected = ("GET, HEAD, OPTIONS, PUT, DELETE".to_owned(), false);
    assert_eq!(allow(&patch, "/Users/1").await, expected);
    assert!(described(&patch).await["paths"]["/Users/{id}"]["patch"].is_null());
    let bulk = without(Feature::Bulk).await;
    assert_eq!(allow(&bulk, "/Bulk").await, ("OPTIONS".to_owned(), false));
    assert!(described(&bulk).await["paths"]["/Bulk"].is_null());
    for (feature, parameters) in [
        (Feature::Filter, &["filter"][..]),
        (Feature::Sort, &["sortBy", "sortOrder"]),
        (Feature::Etag, &["If-Match", "If-None-Match"]),
        (Feature::CursorPagination, &["cursor"]),
        (Feature::IndexPagination, &["startIndex"]),
    ] {
        let text = described(&without(feature).await).await.to_string();
        for parameter in [
            "filter",
            "sortBy",
            "sortOrder",
            "If-Match",
            "If-None-Match",
            "cursor",
            "startIndex",
        ] {
            let is_named = text.contains(&format!("#/components/parameters/{parameter}\""));
            assert_eq!(
                is_named,
                !parameters.contains(&parameter),
                "{feature:?}: {parameter}"
            );
        }
    }
}

#[tokio::test]
async fn rfc_7644_3_7_a_patch_in_a_bulk_request_is_refused_too() {
    let server = without(Feature::Patch).await;
    let id = server.create_user("bjensen").await;
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "Guide"}],
    });
    let put = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "babs"});
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [
            {"method": "PATCH", "path": format!("/Users/{id}"), "data": patch},
            {"method": "PUT", "path": format!("/Users/{id}"), "data": put},
        ],
    });
    let answer = server.send("POST", "/Bulk", Some(&body)).await.json();
    let statuses: Vec<_> = (0..2)
        .map(|number| answer["Operations"][number]["status"].clone())
        .collect();
    assert_eq!(statuses, [json!("501"), json!("200")], "{answer}");
}

#[tokio::test]
async fn rfc_7644_3_14_without_versions_no_answer_has_one_and_none_matches() {
    let server = without(Feature::Etag).await;
    let id = server.create_user("bjensen").await;
    let path = format!("/Users/{id}");
    let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
    assert_eq!(config["etag"], json!({"supported": false}));
    let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "babs"});
    let create = json!({"method": "POST", "path": "/Users", "bulkId": "a", "data": user});
    let bulk = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [create],
    });
    for (method, path, body) in [
        ("GET", path.as_str(), None),
        ("GET", "/Users", None),
        ("POST", "/Bulk", Some(&bulk)),
        (
            "PUT",
            &path,
            Some(&json!({"userName": "bjensen", "title": "Guide"})),
        ),
    ] {
        let answer = server.send(method, path, body).await;
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(answer.header("etag"), None, "{answer}");
        assert!(
            !String::from_utf8_lossy(&answer.body).contains("version"),
            "{answer}"
        );
    }
    for (method, header, tags, status) in [
        ("GET", "if-none-match", "W/\"1\"", 200),
        ("GET", "if-none-match", "*", 304),
        ("GET", "if-match", "W/\"1\"", 412),
        ("GET", "if-match", "*", 200),
        ("DELETE", "if-match", "W/\"1\", W/\"2\", W/\"3\"", 412),
        ("DELETE", "if-none-match", "*", 412),
        ("DELETE", "if-match", "*", 204),
    ] {
        let answer = server.send_with(method, &path, &[(header, tags)], None).await;
        assert_eq!(answer.status, status, "{method} {header}: {tags}: {answer}");
        assert_eq!(answer.header("etag"), None, "{answer}");
    }
}

#[tokio::test]
async fn rfc_9865_2_3_without_pages_by_number_the_first_page_of_a_query_leads_to_the_next() {
    let server = without(Feature::IndexPagination).await;
    for name in ["a", "b", "c"] {
        server.create_user(name).await;
    }
    let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
    let pagination = &config["pagination"];
    assert_eq!(pagination["index"], json!(false));
    assert_eq!(pagination["defaultPaginationMethod"], json!("cursor"));
    let (mut path, mut names) = ("/Users?count=2".to_owned(), Vec::new());
    for _ in 0..2 {
        let page = server.send("GET", &path, None).await.json();
        for user in page["Resources"].as_array().unwrap() {
            names.push(user["userName"].as_str().unwrap().to_owned());
        }
        let next = page["nextCursor"].as_str().unwrap_or("none");
        path = format!("/Users?count=2&cursor={next}");
    }
    names.sort();
    assert_eq!(names, ["a", "b", "c"]);
    assert!(path.ends_with("none"), "there are two pages");
    let answer = server.send("GET", "/Users?startIndex=2", None).await;
    answer.assert_error(400, Some("invalidValue"));
    assert_eq!(server.send("GET", "/Users?startIndex=1", None).await.status, 200);

    // A service without either would have no lists.
    let neither = Server::start_with(Backend::Memory, Profile::interop(), |builder| {
        builder
            .without(Feature::IndexPagination)
            .without(Feature::CursorPagination)
    });
    let neither = neither.await;
    let config = neither.send("GET", "/ServiceProviderConfig", None).await.json();
    assert_eq!(config["pagination"]["index"], json!(true));
    assert_eq!(neither.send("GET", "/Users?startIndex=2", None).await.status, 200);
}
