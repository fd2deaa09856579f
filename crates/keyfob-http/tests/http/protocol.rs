//! Methods, headers and messages of RFC 7644 section 3, beyond what the transcripts show.

use keyfob_provisioning::Profile;
use serde_json::json;

use crate::support::{BASE_URL, Backend, Server};

async fn server() -> Server {
    Server::start(Backend::Memory, Profile::interop()).await
}

#[tokio::test]
async fn a_method_that_an_endpoint_lacks_is_answered_405_with_those_it_has() {
    let server = server().await;
    let user = server.create_user("bjensen").await;
    let one = format!("/Users/{user}");
    let (all_methods, read) = ("GET, HEAD, OPTIONS, PUT, PATCH, DELETE", "GET, HEAD, OPTIONS");
    let (collection, post) = ("GET, HEAD, OPTIONS, POST", "OPTIONS, POST");
    for (path, allow) in [
        (one.as_str(), all_methods),
        ("", read),
        ("/", read),
        ("/Users", collection),
        ("/Groups/", collection),
        ("/Users/.search", post),
        ("/.search", post),
        ("/Bulk", post),
        ("/ServiceProviderConfig", read),
        ("/ResourceTypes", read),
        ("/ResourceTypes/User", read),
        ("/Schemas", read),
        ("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User", read),
    ] {
        for method in [
            "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND",
        ] {
            if method == "OPTIONS" {
                let answer = server.send(method, path, None).await;
                let patch = allow
                    .contains("PATCH")
                    .then_some("application/scim+json, application/json");
                assert_eq!(
                    (answer.status, answer.header("allow")),
                    (204, Some(allow)),
                    "{path}"
                );
                assert_eq!(answer.header("accept-patch"), patch, "{path}");
            }
            if allow.split(", ").any(|allowed| allowed == method) {
                continue;
            }
            let answer = server.send(method, path, Some(&json!({}))).await;
            assert_eq!(answer.status, 405, "{method} {path}: {answer}");
            assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
            assert!(
                method == "HEAD" || answer.error_fault().is_none(),
                "{method} {path}: {answer}"
            );
        }
    }
    for path in [
        "/users",
        "/Users/a/b",
        "/Users/%ff",
        "/Me/x",
        "/Tokens",
        "/Organizations",
    ] {
        for method in ["GET", "OPTIONS"] {
            server.send(method, path, None).await.assert_error(404, None);
        }
    }
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let server = server().await;
    let user = server.create_user("bjensen").await;
    for path in [
        format!("/Users/{user}"),
        "/Users".into(),
        "/Schemas".into(),
        "/Users/nobody".into(),
    ] {
        let (get, head) = (
            server.send("GET", &path, None).await,
            server.send("HEAD", &path, None).await,
        );
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty() && !get.body.is_empty(), "{path}");
        assert_eq!(
            head.header("content-length"),
            Some(get.body.len().to_string().as_str()),
            "{path}"
        );
        for name in ["content-type", "etag", "location"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
    }
}

#[tokio::test]
async fn answers_about_one_resource_carry_its_version_and_address_whatever_they_hold() {
    let server = server().await;
    let user = server.create_user("bjensen").await;
    let path = format!("/Users/{user}");
    let location = format!("{BASE_URL}/Users/{user}");
    for query in [
        "",
        "?attributes=userName",
        "?excludedAttributes=meta",
        "?attributes=nothing",
    ] {
        let answer = server.send("GET", &format!("{path}{query}"), None).await;
        assert_eq!(answer.status, 200, "{query}: {answer}");
        assert_eq!(answer.header("etag"), Some("W/\"1\""), "{query}");
        assert_eq!(answer.header("location"), Some(location.as_str()), "{query}");
        assert_eq!(answer.header("content-location"), Some(location.as_str()));
    }
    let whole = server.send("GET", &path, None).await.json();
    assert_eq!(whole["meta"]["version"], "W/\"1\"");
    assert_eq!(whole["meta"]["location"], location);
}

/// A PATCH of `title`.
fn retitle(title: &str) -> serde_json::Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": title}],
    })
}

#[tokio::test]
async fn conditions_decide_over_reads_and_writes_by_rfc_7644_section_3_14() {
    let server = server().await;
    let user = server.create_user("bjensen").await;
    let path = format!("/Users/{user}");
    assert_eq!(
        server
            .send("PATCH", &path, Some(&retitle("one")))
            .await
            .header("etag"),
        Some("W/\"2\"")
    );
    for (tags, status) in [
        ("W/\"2\"", 304),
        ("\"2\"", 304),
        ("W/\"1\", W/\"2\"", 304),
        ("*", 304),
        ("W/\"1\"", 200),
        ("W/\"theirs\"", 200),
    ] {
        let answer = server
            .send_with("GET", &path, &[("if-none-match", tags)], None)
            .await;
        assert_eq!(answer.status, status, "{tags}");
        assert_eq!(answer.header("etag"), Some("W/\"2\""), "{tags}");
        assert_eq!(answer.body.is_empty(), status == 304, "{tags}");
        let unknown = server
            .send_with("GET", "/Users/nobody", &[("if-none-match", tags)], None)
            .await;
        unknown.assert_error(404, None);
    }
    let put = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen"});
    for tags in ["W/\"1\"", "W/\"theirs\"", "W/\"1\", W/\"3\""] {
        let headers = [("if-match", tags)];
        server
            .send_with("PATCH", &path, &headers, Some(&retitle("two")))
            .await
            .assert_error(412, None);
        server
            .send_with("PUT", &path, &headers, Some(&put))
            .await
            .assert_error(412, None);
        server
            .send_with("DELETE", &path, &headers, None)
            .await
            .assert_error(412, None);
    }
    assert_eq!(server.send("GET", &path, None).await.json()["title"], "one");
    for (tags, version) in [("W/\"2\"", 3), ("\"3\"", 4), ("*", 5), ("W/\"1\", W/\"5\"", 6)] {
        let body = retitle(&format!("title {version}"));
        let answer = server
            .send_with("PATCH", &path, &[("if-match", tags)], Some(&body))
            .await;
        assert_eq!(answer.status, 200, "{tags}: {answer}");
        assert_eq!(answer.header("etag"), Some(format!("W/\"{version}\"").as_str()));
    }
    assert_eq!(
        server
            .send_with("DELETE", &path, &[("if-match", "W/\"6\"")], None)
            .await
            .status,
        204
    );
    server
        .send_with("DELETE", &path, &[("if-match", "*")], None)
        .await
        .assert_error(404, None);
}

#[tokio::test]
async fn rfc_9110_13_1_if_none_match_stops_writes_and_if_match_holds_for_reads_too() {
    let server = server().await;
    let user = server.create_user("bjensen").await;
    let path = format!("/Users/{user}");
    server.send("PATCH", &path, Some(&retitle("one"))).await;
    let put = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen"});
    // RFC 9110 section 13.1.2: a write that If-None-Match rules out is not done.
    for tags in ["*", "W/\"2\"", "\"2\"", "W/\"1\", W/\"2\""] {
        let headers = [("if-none-match", tags)];
        for (method, body) in [
            ("PATCH", Some(retitle("two"))),
            ("PUT", Some(put.clone())),
            ("DELETE", None),
        ] {
            let answer = server.send_with(method, &path, &headers, body.as_ref()).await;
            answer.assert_error(412, None);
            let gone = server
                .send_with(method, "/Users/nobody", &headers, body.as_ref())
                .await;
            gone.assert_error(404, None);
        }
    }
    // RFC 9110 section 13.1.1 holds for GET too, and before If-None-Match.
    for (tags, status) in [
        ("W/\"1\"", 412),
        ("\"\"", 412),
        ("W/\"2\"", 200),
        ("\"2\"", 200),
        ("*", 200),
    ] {
        let answer = server.send_with("GET", &path, &[("if-match", tags)], None).await;
        assert_eq!(answer.status, status, "{tags}: {answer}");
        let both = [("if-match", tags), ("if-none-match", "W/\"2\"")];
        let answer = server.send_with("GET", &path, &both, None).await;
        assert_eq!(
            answer.status,
            if status == 200 { 304 } else { 412 },
            "{tags}: {answer}"
        );
        let write = server.send_with("DELETE", &path, &both, None).await;
        write.assert_error(412, None);
    }
    assert_eq!(server.send("GET", &path, None).await.json()["title"], "one");
    let answer = server
        .send_with(
            "PATCH",
            &path,
            &[("if-none-match", "W/\"1\"")],
            Some(&retitle("one")),
        )
        .await;
    assert_eq!((answer.status, answer.header("etag")), (200, Some("W/\"2\"")));
}

#[tokio::test]
async fn answers_are_scim_json_unless_only_json_is_accepted_and_errors_always_are() {
    let server = server().await;
    let (scim, json) = ("application/scim+json", "application/json");
    for (accept, expected) in [(scim, scim), (json, json), ("*/*", scim), ("text/html", scim)] {
        for path in ["/Users", "/Schemas", "/ServiceProviderConfig"] {
            let answer = server.send_with("GET", path, &[("accept", accept)], None).await;
            assert_eq!(answer.header("content-type"), Some(expected), "{accept} {path}");
        }
        server
            .send_with("GET", "/Nothing", &[("accept", accept)], None)
            .await
            .assert_error(404, None);
    }
}

#[tokio::test]
async fn a_body_is_json_by_its_media_type() {
    let server = server().await;
    let user =
        |name: &str| json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name});
    for (number, media_type) in [
        "application/scim+json; charset=utf-8",
        "application/json",
        "Application/JSON;charset=UTF-8",
    ]
    .into_iter()
    .enumerate()
    {
        let body = user(&format!("user{number}"));
        let answer = server
            .send_with("POST", "/Users", &[("content-type", media_type)], Some(&body))
            .await;
        assert_eq!(answer.status, 201, "{media_type}: {answer}");
    }
    for headers in [("content-type", "text/plain"), ("content-encoding", "gzip")] {
        server
            .send_with("POST", "/Users", &[headers], Some(&user("refused")))
            .await
            .assert_error(415, None);
    }
    assert_eq!(
        server.send("GET", "/Users?count=0", None).await.json()["totalResults"],
        3
    );
}

#[tokio::test]
async fn a_body_without_a_media_type_is_taken_for_json() {
    let server = server().await;
    let request = http::Request::post("/scim/v2/Users")
        .header("authorization", format!("Bearer {}", server.token))
        .body(r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bjensen"}"#.into());
    assert_eq!(server.send_raw(request.unwrap()).await.status, 201);
}

#[tokio::test]
async fn a_body_is_read_no_further_than_the_limit() {
    let server = Server::start_with(Backend::Memory, Profile::interop(), |builder| {
        builder.body_limit(200)
    })
    .await;
    let user = |length: usize| json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "a".repeat(length)});
    let frame = user(0).to_string().len();
    assert_eq!(
        server
            .send("POST", "/Users", Some(&user(200 - frame)))
            .await
            .status,
        201
    );
    server
        .send("POST", "/Users", Some(&user(201 - frame)))
        .await
        .assert_error(413, None);
    let declared = [("content-length", "201")];
    server
        .send_with("POST", "/Users", &declared, Some(&user(1)))
        .await
        .assert_error(413, None);
}

#[tokio::test]
async fn query_parameters_that_make_no_sense_are_refused() {
    let server = server().await;
    let user = server.create_user("bjensen").await;
    for (path, status, scim_type) in [
        ("/Users?startIndex=one".to_owned(), 400, Some("invalidValue")),
        ("/Users?COUNT=1.5".into(), 400, Some("invalidCount")),
        ("/Users?attributes=a.b.c.d".into(), 400, Some("invalidValue")),
        (
            format!("/Users/{user}?attributes=user%20name"),
            400,
            Some("invalidValue"),
        ),
        (format!("/Users/{user}?colour=%ff"), 400, Some("invalidValue")),
        ("/Users?filter=%ff".into(), 400, Some("invalidValue")),
        ("/Users?filter=nonsense".into(), 400, Some("invalidFilter")),
        ("/Users?filter=password+pr".into(), 403, Some("sensitive")),
        ("/Schemas?filter=id+pr".into(), 403, None),
        ("/ResourceTypes?FILTER=".into(), 403, None),
        ("/ServiceProviderConfig?filter=x".into(), 403, None),
    ] {
        server
            .send("GET", &path, None)
            .await
            .assert_error(status, scim_type);
    }
    let ignored = server
        .send("GET", "/ResourceTypes?count=0&startIndex=9&attributes=name", None)
        .await;
    assert_eq!(
        ignored.json()["Resources"].as_array().unwrap().len(),
        2,
        "{ignored}"
    );
}

#[tokio::test]
async fn no_detail_repeats_more_of_a_request_than_says_what_was_wrong() {
    let server = server().await;
    let long = "a".repeat(20_000);
    for path in [
        format!("/Users/{long}"),
        format!("/Schemas/{long}"),
        format!("/ResourceTypes/{long}"),
        format!("/{long}"),
        format!("/Users?count={long}"),
        format!("/Users?filter={long}"),
        format!("/Users?filter=userName%20eq%20{long}"),
        format!("/Users?sortBy={long}"),
        format!("/Users?sortOrder={long}"),
        format!("/Users?attributes={long}%20b"),
        format!("/Users?cursor={long}"),
    ] {
        let answer = server.send("GET", &path, None).await;
        assert!(answer.status >= 400 && answer.body.len() < 1_200, "{answer}");
    }
}

#[tokio::test]
async fn attributes_narrow_the_answers_to_writes() {
    let server = server().await;
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen", "title": "Guide",
    });
    let created = server.send("POST", "/Users?attributes=title", Some(&body)).await;
    assert_eq!(created.status, 201, "{created}");
    assert_eq!(created.json()["title"], "Guide");
    assert!(created.json().get("userName").is_none(), "{created}");
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let replaced = server
        .send(
            "PUT",
            &format!("/Users/{id}?excludedAttributes=title"),
            Some(&body),
        )
        .await;
    assert_eq!(replaced.status, 200, "{replaced}");
    assert!(replaced.json().get("title").is_none(), "{replaced}");
    // What is asked for is checked before anything is done.
    let refused = server
        .send("DELETE", &format!("/Users/{id}?count=%ff"), None)
        .await;
    refused.assert_error(400, Some("invalidValue"));
    let other = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "other"});
    server
        .send("POST", "/Users?attributes=a..b", Some(&other))
        .await
        .assert_error(400, Some("invalidValue"));
    assert_eq!(
        server.send("GET", "/Users?count=0", None).await.json()["totalResults"],
        1
    );
}

#[tokio::test]
async fn ids_of_any_form_are_not_found() {
    let server = server().await;
    let user = server.create_user("bjensen").await;
    let long = "a".repeat(20_000);
    for id in [
        "..",
        "%00",
        "%2F",
        "a%2Fb",
        "%20",
        "%F0%9F%97%9D",
        "'%20or%20'1'='1",
        "*",
        "%25",
        &long,
    ] {
        server
            .send("GET", &format!("/Users/{id}"), None)
            .await
            .assert_error(404, None);
        server
            .send("DELETE", &format!("/Groups/{id}"), None)
            .await
            .assert_error(404, None);
    }
    assert_eq!(
        server.send("GET", &format!("/Users/{user}/"), None).await.status,
        200
    );
    assert_eq!(
        server.send("GET", &format!("//Users//{user}"), None).await.status,
        200
    );
    let escaped = user.replace('-', "%2d").replace('0', "%30");
    assert_eq!(
        server
            .send("GET", &format!("/%55sers/{escaped}"), None)
            .await
            .status,
        200
    );
    server
        .send("GET", &format!("/Users/{}", user.replace('-', "%252D")), None)
        .await
        .assert_error(404, None);
}

#[tokio::test]
async fn groups_of_any_size_are_read_conditionally_and_refer_to_their_members_by_address() {
    let server = server().await;
    let user = server.create_user("bjensen").await;
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Guides",
        "members": [{"value": user}],
    });
    let group = server.create("/Groups", &body).await;
    let path = format!("/Groups/{group}");
    let found = server.send("GET", &path, None).await;
    assert_eq!(
        found.json()["members"][0]["$ref"],
        format!("{BASE_URL}/Users/{user}")
    );
    let tag = found.header("etag").unwrap().to_owned();
    assert_eq!(
        server
            .send_with("GET", &path, &[("if-none-match", &tag)], None)
            .await
            .status,
        304
    );
}

#[tokio::test]
async fn a_resource_that_is_gone_is_404_whatever_the_body_says() {
    for profile in [Profile::rfc(), Profile::interop(), Profile::verkada()] {
        let server = Server::start(Backend::Memory, profile).await;
        let user = server.create_user("bjensen").await;
        let operations = |operations: serde_json::Value| {
            json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": operations,
            })
        };
        for (method, body) in [
            ("PUT", json!({})),
            ("PUT", json!([])),
            ("PUT", json!({"schemas": 5, "userName": 5})),
            ("PATCH", json!({})),
            ("PATCH", json!("text")),
            ("PATCH", operations(json!({}))),
            ("PATCH", operations(json!([{"op": "jump"}]))),
            (
                "PATCH",
                operations(json!([{"op": "replace", "path": "a.b.c.d", "value": 1}])),
            ),
            (
                "PATCH",
                operations(json!([{"op": "replace", "path": "active", "value": "perhaps"}])),
            ),
            ("PATCH", operations(json!([{"op": "remove"}]))),
        ] {
            let live = server.send(method, &format!("/Users/{user}"), Some(&body)).await;
            assert_eq!(live.status, 400, "{method} {body}: {live}");
            let gone = server.send(method, "/Users/nobody", Some(&body)).await;
            gone.assert_error(404, None);
            let group = server.send(method, "/Groups/nobody", Some(&body)).await;
            group.assert_error(404, None);
        }
    }
}
