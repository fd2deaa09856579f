//! Sentences of RFC 7644 that bind every endpoint, beyond what other tests of the protocol show.

use keyfob_provisioning::Profile;
use serde_json::{Value, json};

use crate::support::{Answer, BASE_URL, Backend, Server};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const MESSAGES: &str = "urn:ietf:params:scim:api:messages:2.0:";

async fn server() -> Server {
    Server::start(Backend::Memory, Profile::rfc()).await
}

fn patch(operations: &Value) -> Value {
    json!({"schemas": [format!("{MESSAGES}PatchOp")], "Operations": operations})
}

fn search(filter: &str) -> Value {
    json!({"schemas": [format!("{MESSAGES}SearchRequest")], "filter": filter})
}

#[tokio::test]
async fn section_3_1_messages_have_schemas_of_their_own_that_are_not_described() {
    let server = server().await;
    let bulk = json!({"schemas": [format!("{MESSAGES}BulkRequest")], "Operations": []});
    let list = server.send("GET", "/Users", None).await;
    let error = server.send("GET", "/Nothing", None).await;
    let bulk = server.send("POST", "/Bulk", Some(&bulk)).await;
    for (answer, name) in [(list, "ListResponse"), (error, "Error"), (bulk, "BulkResponse")] {
        assert_eq!(answer.json()["schemas"], json!([format!("{MESSAGES}{name}")]));
    }
    let described = server.send("GET", "/Schemas", None).await.json();
    for schema in described["Resources"].as_array().unwrap() {
        assert!(!schema["id"].as_str().unwrap().contains(":api:"), "{schema}");
    }
    for name in [
        "ListResponse",
        "SearchRequest",
        "PatchOp",
        "BulkRequest",
        "BulkResponse",
        "Error",
    ] {
        let path = format!("/Schemas/{MESSAGES}{name}");
        server.send("GET", &path, None).await.assert_error(404, None);
    }
}

#[tokio::test]
async fn section_3_1_answers_reflect_the_state_as_the_service_provider_has_it() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    let user = json!({
        "schemas": [USER], "USERNAME": "bjensen", "active": "True", "title": null, "nickName": "Babs", "unknown": 1,
    });
    let created = server.send("POST", "/Users", Some(&user)).await.json();
    assert_eq!(
        (&created["userName"], &created["active"]),
        (&json!("bjensen"), &json!(true))
    );
    assert!(
        created.get("title").is_none() && created.get("unknown").is_none(),
        "{created}"
    );
    let path = format!("/Users/{}", created["id"].as_str().unwrap());
    assert_eq!(server.send("GET", &path, None).await.json(), created);
    assert_eq!(
        server.send("GET", "/Users", None).await.json()["Resources"],
        json!([created])
    );
}

#[tokio::test]
async fn section_3_2_a_put_creates_nothing() {
    let server = server().await;
    let user = json!({"schemas": [USER], "userName": "bjensen"});
    for (path, status) in [("/Users/bjensen", 404), ("/Users/", 405), ("/", 405)] {
        server
            .send("PUT", path, Some(&user))
            .await
            .assert_error(status, None);
    }
    assert_eq!(server.send("GET", "/", None).await.json()["totalResults"], 0);
}

#[tokio::test]
async fn section_3_3_read_only_attributes_of_a_create_are_ignored_and_a_taken_name_is_a_conflict() {
    let server = server().await;
    let user = json!({
        "schemas": [USER], "userName": "bjensen", "id": "mine", "groups": [{"value": "g"}], "meta": {"version": "mine"},
    });
    let created = server.send("POST", "/Users", Some(&user)).await;
    assert_eq!(created.status, 201, "{created}");
    assert!(created.json().get("groups").is_none(), "{created}");
    assert_eq!(
        created.header("location"),
        created.json()["meta"]["location"].as_str()
    );
    let again = server
        .send(
            "POST",
            "/Users",
            Some(&json!({"schemas": [USER], "userName": "BJENSEN"})),
        )
        .await;
    again.assert_error(409, Some("uniqueness"));
    assert_eq!(server.send("GET", "/Users", None).await.json()["totalResults"], 1);
}

#[tokio::test]
async fn section_3_4_2_a_list_says_how_much_there_is_and_which_part_it_holds() {
    let server = server().await;
    let empty = server
        .send("GET", "/Users?filter=userName%20eq%20%22nobody%22", None)
        .await;
    assert_eq!((empty.status, &empty.json()["totalResults"]), (200, &json!(0)));
    for number in 0..5 {
        server.create_user(&format!("user{number}")).await;
    }
    for (query, start, shown) in [
        ("", 1, 5),
        ("?count=2", 1, 2),
        ("?startIndex=3&count=2", 3, 2),
        ("?startIndex=5&count=2", 5, 1),
        ("?startIndex=0&count=2", 1, 2),
        ("?startIndex=-7", 1, 5),
        ("?startIndex=9", 9, 0),
        ("?count=0", 1, 0),
        ("?count=-3", 1, 0),
        ("?colour=blue&aadOptscim062020&count=1", 1, 1),
    ] {
        let list = server.send("GET", &format!("/Users{query}"), None).await.json();
        assert_eq!(
            list["schemas"],
            json!([format!("{MESSAGES}ListResponse")]),
            "{query}"
        );
        assert_eq!(list["totalResults"], 5, "{query}");
        assert_eq!(
            (&list["startIndex"], &list["itemsPerPage"]),
            (&json!(start), &json!(shown)),
            "{query}"
        );
        assert_eq!(list["Resources"].as_array().map(Vec::len), Some(shown), "{query}");
    }
}

#[tokio::test]
async fn section_3_4_2_1_a_query_on_the_root_takes_what_a_type_lacks_for_without_value() {
    let server = server().await;
    let user = server.create_user("bjensen").await;
    let group = server
        .create("/Groups", &json!({"schemas": [GROUP], "displayName": "Guides"}))
        .await;
    for (filter, found) in [
        (r#"meta.resourceType eq "User""#, vec![&user]),
        (
            r#"(meta.resourceType eq "User") or (meta.resourceType eq "Group")"#,
            vec![&user, &group],
        ),
        ("userName pr", vec![&user]),
        ("not (userName pr)", vec![&group]),
        (
            r#"userName eq "bjensen" or displayName eq "Guides""#,
            vec![&user, &group],
        ),
        (r#"userName eq "bjensen" and displayName eq "Guides""#, vec![]),
    ] {
        let list = server
            .send("POST", "/.search", Some(&search(filter)))
            .await
            .json();
        let ids: Vec<&str> = list["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|shown| shown["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, found, "{filter}");
    }
}

#[tokio::test]
async fn section_3_4_2_2_an_order_of_booleans_or_binary_values_and_an_unknown_operator_are_invalid_filters() {
    let server = server().await;
    for operator in ["gt", "ge", "lt", "le"] {
        for filter in [
            format!("active {operator} true"),
            format!(r#"x509Certificates.value {operator} "aGk=""#),
        ] {
            let answer = server
                .send("POST", "/Users/.search", Some(&search(&filter)))
                .await;
            answer.assert_error(400, Some("invalidFilter"));
        }
    }
    let answer = server
        .send("POST", "/Users/.search", Some(&search(r#"userName regex "b.*""#)))
        .await;
    answer.assert_error(400, Some("invalidFilter"));
    assert!(
        answer.json()["detail"].as_str().unwrap().contains("regex"),
        "{answer}"
    );
}

#[tokio::test]
async fn section_3_4_3_a_search_by_post_is_the_query_by_get() {
    let server = server().await;
    for name in ["bjensen", "jsmith", "adoe"] {
        server.create_user(name).await;
    }
    server
        .create("/Groups", &json!({"schemas": [GROUP], "displayName": "Guides"}))
        .await;
    for endpoint in ["", "/Users"] {
        let query = "attributes=userName&filter=userName%20pr&sortBy=userName&sortOrder=descending&startIndex=2&count=1";
        let get = server.send("GET", &format!("{endpoint}?{query}"), None).await;
        let body = json!({
            "schemas": [format!("{MESSAGES}SearchRequest")], "attributes": ["userName"], "filter": "userName pr",
            "sortBy": "userName", "sortOrder": "descending", "startIndex": 2, "count": 1,
        });
        let post = server
            .send("POST", &format!("{endpoint}/.search"), Some(&body))
            .await;
        assert_eq!((get.status, get.json()), (post.status, post.json()), "{endpoint}");
        assert_eq!(post.json()["Resources"][0]["userName"], "bjensen", "{endpoint}");
    }
    let another = json!({"schemas": [format!("{MESSAGES}ListResponse")]});
    let refused = server.send("POST", "/Users/.search", Some(&another)).await;
    refused.assert_error(400, Some("invalidSyntax"));
}

#[tokio::test]
async fn section_3_5_2_a_patch_that_names_attributes_is_answered_with_them_whatever_they_cost() {
    for profile in [Profile::rfc(), Profile::interop(), Profile::verkada()] {
        let server = Server::start(Backend::Memory, profile).await;
        let mut members = Vec::new();
        for number in 0..300 {
            members.push(json!({"value": server.create_user(&format!("user{number}")).await}));
        }
        let last = members.pop();
        let group = json!({"schemas": [GROUP], "displayName": "Guides", "members": members});
        let group = server.create("/Groups", &group).await;
        let add = patch(&json!([{"op": "add", "path": "members", "value": [last]}]));
        let path = format!("/Groups/{group}");
        let bare = server.send("PATCH", &path, Some(&add)).await;
        assert!([200, 204].contains(&bare.status), "{bare}");
        for (attributes, members) in [("members", Some(300)), ("displayName", None)] {
            let answer = server
                .send("PATCH", &format!("{path}?attributes={attributes}"), Some(&add))
                .await;
            assert_eq!(answer.status, 200, "{attributes}: {answer}");
            assert_eq!(
                answer.json()["members"].as_array().map(Vec::len),
                members,
                "{attributes}"
            );
        }
    }
}

#[tokio::test]
async fn section_3_6_a_deleted_resource_is_not_found_by_any_operation_and_its_name_is_free() {
    for profile in [Profile::rfc(), Profile::interop()] {
        let server = Server::start(Backend::Memory, profile).await;
        let user = server.create_user("bjensen").await;
        let path = format!("/Users/{user}");
        let deleted = server.send("DELETE", &path, None).await;
        assert_eq!((deleted.status, deleted.body.len()), (204, 0));
        let put = json!({"schemas": [USER], "userName": "bjensen"});
        let retitle = patch(&json!([{"op": "add", "path": "title", "value": "Guide"}]));
        for (method, body) in [
            ("GET", None),
            ("HEAD", None),
            ("PUT", Some(&put)),
            ("PATCH", Some(&retitle)),
            ("DELETE", None),
        ] {
            assert_eq!(server.send(method, &path, body).await.status, 404, "{method}");
        }
        let operations: Vec<Value> = [("PUT", Some(&put)), ("PATCH", Some(&retitle)), ("DELETE", None)]
            .into_iter()
            .map(|(method, data)| json!({"method": method, "path": path, "data": data}))
            .collect();
        let bulk = json!({"schemas": [format!("{MESSAGES}BulkRequest")], "Operations": operations});
        for result in server.send("POST", "/Bulk", Some(&bulk)).await.json()["Operations"]
            .as_array()
            .unwrap()
        {
            assert_eq!(result["status"], "404", "{result}");
            assert_eq!(result["location"], format!("{BASE_URL}{path}"), "{result}");
        }
        for list in ["/Users", "/", "/Users?filter=userName%20eq%20%22bjensen%22"] {
            assert_eq!(
                server.send("GET", list, None).await.json()["totalResults"],
                0,
                "{list}"
            );
        }
        server.create_user("bjensen").await;
    }
}

#[tokio::test]
async fn section_3_8_text_is_utf_8_in_and_out_and_other_bytes_are_refused() {
    let server = server().await;
    let name = "Zo\u{eb} \u{5f20}\u{4e09} \u{1f3f4}";
    for (number, media_type) in ["application/scim+json", "application/json; charset=utf-8"]
        .into_iter()
        .enumerate()
    {
        let user = json!({"schemas": [USER], "userName": format!("user{number}"), "displayName": name});
        let headers = [("content-type", media_type), ("accept", "application/json")];
        let answer = server.send_with("POST", "/Users", &headers, Some(&user)).await;
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{answer}"
        );
        assert!(
            std::str::from_utf8(&answer.body).unwrap().contains(name),
            "{answer}"
        );
    }
    let mut body = json!({"schemas": [USER], "userName": "latin", "displayName": "Zo?"})
        .to_string()
        .into_bytes();
    let place = body.iter().position(|byte| *byte == b'?').unwrap();
    body[place] = 0xeb;
    let request = http::Request::post("/scim/v2/Users")
        .header("authorization", format!("Bearer {}", server.token))
        .header("content-type", "application/scim+json; charset=iso-8859-1")
        .body(bytes::Bytes::from(body).into());
    server
        .send_raw(request.unwrap())
        .await
        .assert_error(400, Some("invalidSyntax"));
}

#[tokio::test]
async fn section_3_9_the_minimum_is_there_whatever_is_asked_for() {
    let server = server().await;
    let user = json!({"schemas": [USER], "userName": "bjensen", "title": "Guide", "name": {"givenName": "Barbara", "familyName": "Jensen"}});
    let id = server.create("/Users", &user).await;
    let members = |answer: &Answer| {
        let mut members: Vec<String> = answer.json().as_object().unwrap().keys().cloned().collect();
        members.sort();
        members.join(" ")
    };
    for (query, expected) in [
        ("attributes=title", "id schemas title"),
        ("attributes=TITLE,name.givenName", "id name schemas title"),
        (&*format!("attributes={USER}:title"), "id schemas title"),
        ("attributes=nothing", "id schemas"),
        ("excludedAttributes=title,meta,name,active", "id schemas userName"),
        (
            "excludedAttributes=id,schemas,title,meta,name,active",
            "id schemas userName",
        ),
        (
            &*format!("excludedAttributes={USER}:title,meta,name,active"),
            "id schemas userName",
        ),
    ] {
        let path = format!("/Users/{id}?{query}");
        assert_eq!(
            members(&server.send("GET", &path, None).await),
            expected,
            "{query}"
        );
        let list = server.send("GET", &format!("/Users?{query}"), None).await.json();
        let mut listed: Vec<&str> = list["Resources"][0]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        listed.sort_unstable();
        assert_eq!(listed.join(" "), expected, "{query}");
        let put = server.send("PUT", &path, Some(&user)).await;
        assert_eq!(members(&put), expected, "{query}");
    }
}

#[tokio::test]
async fn section_3_10_names_are_taken_with_the_uri_of_their_schema_and_without() {
    let server = server().await;
    server.create_user("bjensen").await;
    server.create_user("adoe").await;
    for name in [
        "userName",
        "USERNAME",
        &format!("{USER}:userName"),
        &format!("{}:username", USER.to_uppercase()),
    ] {
        let body = json!({
            "schemas": [format!("{MESSAGES}SearchRequest")], "attributes": [name], "sortBy": name,
            "filter": format!("{name} pr"),
        });
        let list = server.send("POST", "/Users/.search", Some(&body)).await.json();
        let names: Vec<&Value> = list["Resources"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|user| &user["userName"])
            .collect();
        assert_eq!(names, ["adoe", "bjensen"], "{name}: {list}");
    }
}

#[tokio::test]
async fn section_3_13_an_operation_is_done_in_the_version_that_is_named_or_not_at_all() {
    let server = server().await;
    let get = async |path: &str| {
        let request = http::Request::get(path).header("authorization", format!("Bearer {}", server.token));
        server
            .send_raw(request.body(http_body_util::Full::default()).unwrap())
            .await
    };
    assert_eq!(get("/scim/v2/Users").await.status, 200);
    // Without a version it is the only one there is.
    assert_eq!(get("/Users").await.status, 200);
    for path in ["/scim/v1/Users", "/scim/v3/Users", "/v1/Users"] {
        get(path).await.assert_error(404, None);
    }
}

#[tokio::test]
async fn section_4_discovery_answers_lists_passes_over_parameters_and_refuses_filters() {
    let server = server().await;
    for (path, is_list) in [
        ("/Schemas", true),
        ("/ResourceTypes", true),
        ("/ServiceProviderConfig", false),
    ] {
        let plain = server.send("GET", path, None).await.json();
        assert_eq!(
            plain["schemas"][0] == format!("{MESSAGES}ListResponse"),
            is_list,
            "{path}"
        );
        let query = "?attributes=id&excludedAttributes=name&sortBy=id&sortOrder=descending&startIndex=2&count=1&cursor";
        assert_eq!(
            server.send("GET", &format!("{path}{query}"), None).await.json(),
            plain,
            "{path}"
        );
        let filtered = server.send("GET", &format!("{path}?filter=id%20pr"), None).await;
        filtered.assert_error(403, None);
    }
    let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
    assert_eq!(
        config["schemas"],
        json!(["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"])
    );
}

#[tokio::test]
async fn rfc_6585_3_a_profile_may_demand_the_version_of_every_write() {
    let mut profile = Profile::rfc();
    profile.protocol.demands_if_match = true;
    let server = Server::start(Backend::Memory, profile).await;
    let user = server.create_user("bjensen").await;
    let group = server
        .create("/Groups", &json!({"schemas": [GROUP], "displayName": "Guides"}))
        .await;
    let (user_path, group_path) = (format!("/Users/{user}"), format!("/Groups/{group}"));
    let put = json!({"schemas": [USER], "userName": "bjensen", "title": "Guide"});
    let retitle = patch(&json!([{"op": "add", "path": "title", "value": "Guide"}]));
    let join = patch(&json!([{"op": "add", "path": "members", "value": [{"value": user}]}]));
    let writes = [
        ("PUT", &user_path, Some(&put)),
        ("PATCH", &user_path, Some(&retitle)),
        ("PATCH", &group_path, Some(&join)),
        ("DELETE", &user_path, None),
    ];
    for (method, path, body) in writes {
        let before = server.send("GET", path, None).await.json();
        for headers in [&[][..], &[("if-none-match", "W/\"theirs\"")]] {
            let refused = server.send_with(method, path, headers, body).await;
            refused.assert_error(428, None);
            assert!(
                refused.json()["detail"].as_str().unwrap().contains("If-Match"),
                "{refused}"
            );
        }
        let operation = json!({"method": method, "path": path, "data": body});
        let bulk = json!({"schemas": [format!("{MESSAGES}BulkRequest")], "Operations": [operation]});
        let results = server.send("POST", "/Bulk", Some(&bulk)).await.json();
        assert_eq!(results["Operations"][0]["status"], "428", "{results}");
        assert_eq!(
            server.send("GET", path, None).await.json(),
            before,
            "{method} {path}"
        );
        // What is gone is gone first, and reading needs no version.
        let nobody = path.replace(&user, "nobody").replace(&group, "nobody");
        server.send(method, &nobody, body).await.assert_error(404, None);
    }
    for (method, path, body) in writes {
        let tag = server.send("GET", path, None).await;
        let tag = if method == "PUT" {
            "*"
        } else {
            tag.header("etag").unwrap()
        };
        let answer = server.send_with(method, path, &[("if-match", tag)], body).await;
        assert!(answer.status < 300, "{method} {path}: {answer}");
    }
}
