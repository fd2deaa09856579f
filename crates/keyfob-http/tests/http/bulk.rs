//! Bulk operations (RFC 7644 section 3.7), on every store.

use keyfob_provisioning::Profile;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};

use crate::support::{Answer, BASE_URL, Backend, Server};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

async fn bulk(server: &Server, operations: &[Value]) -> Vec<Value> {
    let answer = send(server, &json!({"schemas": [BULK], "Operations": operations})).await;
    assert_eq!(answer.status, 200, "{answer}");
    let answer = answer.json();
    assert_eq!(
        answer["schemas"],
        json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"])
    );
    answer["Operations"].as_array().unwrap().clone()
}

async fn send(server: &Server, request: &Value) -> Answer {
    server.send("POST", "/Bulk", Some(request)).await
}

fn user(name: &str) -> Value {
    json!({"schemas": [USER], "userName": name})
}

fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|member| json!({"value": member})).collect();
    json!({"schemas": [GROUP], "displayName": name, "members": members})
}

fn post(path: &str, bulk_id: &str, data: Value) -> Value {
    let mut operation = json!({"method": "POST", "path": path, "bulkId": bulk_id});
    operation["data"] = data;
    operation
}

fn patch(path: &str, operation: Value) -> Value {
    let operations = vec![operation];
    json!({"method": "PATCH", "path": path, "data": {"schemas": [PATCH], "Operations": operations}})
}

fn statuses(results: &[Value]) -> Vec<&str> {
    results
        .iter()
        .map(|result| result["status"].as_str().unwrap())
        .collect()
}

/// The path of the resource that an operation was about.
fn path_of(result: &Value) -> &str {
    result["location"]
        .as_str()
        .unwrap()
        .strip_prefix(BASE_URL)
        .unwrap()
}

/// The ids of the members of a group.
async fn members(server: &Server, path: &str) -> Vec<String> {
    let group = server.send("GET", path, None).await.json();
    let members = group["members"].as_array().into_iter().flatten();
    members
        .map(|member| member["value"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn rfc_7644_3_7_3_each_operation_has_its_result() {
    for backend in Backend::ALL {
        let server = Server::start(backend, Profile::rfc()).await;
        let [put, patched, deleted] = [
            server.create_user("put").await,
            server.create_user("patched").await,
            server.create_user("deleted").await,
        ];
        let results = bulk(
            &server,
            &[
                post("/Users", "qwerty", user("Alice")),
                json!({"method": "put", "path": format!("/Users/{put}"), "version": "W/\"1\"", "data": user("Bob")}),
                json!({"method": "Patch", "path": format!("Users/{patched}/"), "bulkId": "p",
                    "data": {"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "x"}]}}),
                json!({"method": "DELETE", "path": format!("/Users/{deleted}"), "version": "W/\"1\""}),
                post("/Users", "again", user("alice")),
                json!({"method": "DELETE", "path": format!("/Users/{deleted}")}),
                json!({"method": "DELETE", "path": format!("/Users/{put}"), "version": "W/\"1\""}),
            ],
        )
        .await;
        assert_eq!(
            statuses(&results),
            ["201", "200", "200", "204", "409", "404", "412"]
        );
        let alice = server.send("GET", path_of(&results[0]), None).await;
        assert_eq!(alice.json()["userName"], "Alice");
        assert_eq!(results[0]["version"], alice.json()["meta"]["version"]);
        assert_eq!(
            (&results[0]["bulkId"], &results[2]["bulkId"]),
            (&json!("qwerty"), &json!("p"))
        );
        for (result, method) in results
            .iter()
            .zip(["POST", "PUT", "PATCH", "DELETE", "POST", "DELETE", "DELETE"])
        {
            assert_eq!(result["method"], method);
        }
        for (result, id) in [(1, &put), (2, &patched)] {
            let found = server.send("GET", &format!("/Users/{id}"), None).await;
            assert_eq!(results[result]["location"], found.json()["meta"]["location"]);
            assert_eq!(results[result]["version"].as_str(), found.header("etag"));
        }
        assert_eq!(results[3].get("version"), None);
        // A failed POST has no location, and every other operation has one.
        assert_eq!(results[4].get("location"), None);
        assert_eq!(path_of(&results[5]), format!("/Users/{deleted}"));
        let error = &results[4]["response"];
        assert_eq!(
            (&error["status"], &error["scimType"]),
            (&json!("409"), &json!("uniqueness"))
        );
        assert!(results[..4].iter().all(|result| result.get("response").is_none()));
    }
}

#[tokio::test]
async fn rfc_7644_3_7_2_references_lead_to_what_is_created_wherever_they_stand() {
    for backend in Backend::ALL {
        let server = Server::start(backend, Profile::rfc()).await;
        let existing = server.create("/Groups", &group("existing", &[])).await;
        let results = bulk(
            &server,
            &[
                // Forward: the user comes later.
                post(
                    "/Groups",
                    "g",
                    group("Tour Guides", &["bulkId:a", "bulkId:b/\"%"]),
                ),
                post(
                    "/Users",
                    "a",
                    json!({"schemas": [USER, ENTERPRISE], "userName": "a", "displayName": "bulkId:a",
                    ENTERPRISE: {"manager": {"value": "bulkId:b/\"%", "$ref": "../Users/bulkId:b/\"%"}}}),
                ),
                post("/Users", "b/\"%", user("b")),
                post("/Users", "ab", user("ab")),
                patch(
                    &format!("/Groups/{existing}"),
                    json!({"op": "add", "path": "members", "value": [{"value": "bulkId:ab"}]}),
                ),
                patch(
                    "/Groups/bulkId:g",
                    json!({"op": "add", "value": {"members": [{"value": "bulkId:ab"}]}}),
                ),
                patch(
                    "/Groups/bulkId:g",
                    json!({"op": "remove", "path": "members[value eq \"bulkId:a\"]"}),
                ),
                patch(
                    "/Users/bulkId:b%2F%22%25",
                    json!({"op": "add", "path": "title", "value": "bulkId:a"}),
                ),
                json!({"method": "PUT", "path": "/Users/bulkId:ab", "data": user("ab2")}),
                json!({"method": "DELETE", "path": "/Groups/bulkId:gone"}),
                post("/Groups", "gone", group("gone", &[])),
            ],
        )
        .await;
        assert_eq!(
            statuses(&results),
            [
                "201", "201", "201", "201", "200", "200", "200", "200", "200", "204", "201"
            ],
            "{results:?}"
        );
        let id = |number: usize| path_of(&results[number]).rsplit_once('/').unwrap().1.to_owned();
        let (b, ab) = (id(2), id(3));
        let mut found = members(&server, path_of(&results[0])).await;
        found.sort();
        let mut expected = vec![b.clone(), ab.clone()];
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(
            members(&server, &format!("/Groups/{existing}")).await,
            [ab.as_str()]
        );
        let a = server.send("GET", path_of(&results[1]), None).await.json();
        assert_eq!(a["displayName"], "bulkId:a");
        assert_eq!(a[ENTERPRISE]["manager"]["value"], b);
        assert_eq!(
            server.send("GET", path_of(&results[2]), None).await.json()["title"],
            "bulkId:a"
        );
        assert_eq!(
            server.send("GET", path_of(&results[3]), None).await.json()["userName"],
            "ab2"
        );
        assert_eq!(server.send("GET", path_of(&results[10]), None).await.status, 404);
    }
}

#[tokio::test]
async fn rfc_7644_3_7_1_circles_are_one_commit() {
    for backend in Backend::ALL {
        let server = Server::start(backend, Profile::rfc()).await;
        let outsider = server.create_user("outsider").await;
        let results = bulk(
            &server,
            &[
                post("/Groups", "qwerty", group("Group A", &["bulkId:ytrewq", &outsider])),
                post("/Groups", "ytrewq", group("Group B", &["bulkId:qwerty"])),
                post("/Users", "self", json!({"schemas": [USER, ENTERPRISE], "userName": "self", ENTERPRISE: {"manager": {"value": "bulkId:self"}}})),
                post("/Users", "x", json!({"schemas": [USER, ENTERPRISE], "userName": "x", ENTERPRISE: {"manager": {"value": "bulkId:y"}}})),
                post("/Users", "y", json!({"schemas": [USER, ENTERPRISE], "userName": "y", ENTERPRISE: {"manager": {"value": "bulkId:x"}}})),
                patch("/Users/bulkId:self", json!({"op": "add", "path": "title", "value": "x"})),
                // No group is taken into itself, here as in a single request.
                post("/Groups", "own", group("Group C", &["bulkId:own"])),
            ],
        )
        .await;
        assert_eq!(
            statuses(&results),
            ["201", "201", "201", "201", "201", "200", "400"],
            "{results:?}"
        );
        let id = |number: usize| path_of(&results[number]).rsplit_once('/').unwrap().1.to_owned();
        let mut of_a = members(&server, path_of(&results[0])).await;
        of_a.sort();
        let mut expected = vec![id(1), outsider.clone()];
        expected.sort();
        assert_eq!(of_a, expected);
        assert_eq!(members(&server, path_of(&results[1])).await, [id(0)]);
        let x = server.send("GET", path_of(&results[3]), None).await.json();
        assert_eq!(x[ENTERPRISE]["manager"]["value"], id(4));
        // The version is that after the last write, so that the next request can be conditional on it.
        for result in &results[..5] {
            let found = server.send("GET", path_of(result), None).await;
            let is_own = path_of(result) == path_of(&results[2]);
            assert!(
                is_own || found.header("etag") == result["version"].as_str(),
                "{found}"
            );
        }
        // Where one of a circle can't be done, none is, and the reason is that of a single request.
        let of = |name: &str, manager: &str| json!({"schemas": [USER, ENTERPRISE], "userName": name, ENTERPRISE: {"manager": {"value": manager}}});
        let taken = bulk(
            &server,
            &[
                post("/Users", "i", of("i", "bulkId:j")),
                post("/Users", "j", of("X", "bulkId:i")),
            ],
        )
        .await;
        assert_eq!(statuses(&taken), ["409", "409"], "{taken:?}");
        for result in &taken {
            let error = &result["response"];
            assert_eq!(error["scimType"], "uniqueness", "{error}");
            assert!(
                error["detail"]
                    .as_str()
                    .unwrap()
                    .ends_with("another User has this `userName`"),
                "{error}"
            );
        }
        for (wrong, status) in [
            (group("", &["bulkId:one"]), "400"),
            (group("two", &["bulkId:one", "nobody"]), "409"),
        ] {
            let mut wrong = wrong;
            if wrong["displayName"] == "" {
                wrong.as_object_mut().unwrap().remove("displayName");
            }
            let results = bulk(
                &server,
                &[
                    post("/Groups", "one", group("one", &["bulkId:two"])),
                    post("/Groups", "two", wrong),
                ],
            )
            .await;
            assert_eq!(statuses(&results), ["409", status], "{results:?}");
            let detail = results[1]["response"]["detail"].as_str().unwrap();
            assert!(
                status == "400" || detail.contains("`nobody` among them"),
                "{detail}"
            );
            let found = server
                .send("GET", "/Groups?filter=displayName%20eq%20%22one%22", None)
                .await;
            assert_eq!(found.json()["totalResults"], 0);
        }
    }
}

#[tokio::test]
async fn a_circle_is_as_long_as_one_commit_may_be() {
    let server = Server::start(Backend::Memory, Profile::rfc()).await;
    for (length, status) in [(200, "201"), (201, "409")] {
        let operations: Vec<Value> = (0..length)
            .map(|number| {
                let next = format!("bulkId:{}", (number + 1) % length);
                post(
                    "/Groups",
                    &number.to_string(),
                    group(&format!("g{length}-{number}"), &[&next]),
                )
            })
            .collect();
        let results = bulk(&server, &operations).await;
        assert!(
            statuses(&results).iter().all(|found| *found == status),
            "{length}"
        );
    }
}

#[tokio::test]
async fn a_thousand_users_and_a_thousand_groups_that_name_the_next_are_one_request() {
    let server = Server::start(Backend::Memory, Profile::rfc()).await;
    let users = (0..1_000).map(|number| post("/Users", &format!("u{number}"), user(&format!("u{number}"))));
    let groups = (0..1_000).map(|number| {
        let next = format!("bulkId:g{}", number + 1);
        let next = [next.as_str()];
        let members = if number < 999 { &next[..] } else { &[] };
        post(
            "/Groups",
            &format!("g{number}"),
            group(&format!("g{number}"), members),
        )
    });
    let operations: Vec<Value> = users.chain(groups).collect();
    let results = bulk(&server, &operations).await;
    assert!(statuses(&results).iter().all(|status| *status == "201"));
    let first = server.send("GET", path_of(&results[1_000]), None).await.json();
    assert_eq!(first["members"][0]["$ref"], results[1_001]["location"]);
}

/// Operations that can't be done on the server that knows one user, with the status and the keyword of each.
fn wrong_operations(known: &str) -> Vec<(Value, &'static str, &'static str)> {
    vec![
        (
            json!({"method": "MERGE", "path": known, "data": {}}),
            "400",
            "invalidSyntax",
        ),
        (json!({"method": "GET", "path": known}), "400", "invalidSyntax"),
        (json!({"path": known}), "400", "invalidSyntax"),
        (json!({"method": 7, "path": known}), "400", "invalidSyntax"),
        (json!("DELETE"), "400", "invalidSyntax"),
        (json!(null), "400", "invalidSyntax"),
        (json!({"method": "DELETE"}), "400", "invalidSyntax"),
        (
            json!({"method": "DELETE", "path": "/Users"}),
            "400",
            "invalidPath",
        ),
        (
            json!({"method": "DELETE", "path": "/Users/"}),
            "400",
            "invalidPath",
        ),
        (
            json!({"method": "DELETE", "path": format!("{known}?attributes=id")}),
            "400",
            "invalidPath",
        ),
        (json!({"method": "PUT", "path": known}), "400", "invalidSyntax"),
        (
            json!({"method": "PUT", "path": known, "data": []}),
            "400",
            "invalidSyntax",
        ),
        (
            json!({"method": "PUT", "path": known, "data": "{}"}),
            "400",
            "invalidSyntax",
        ),
        (
            json!({"method": "PUT", "path": known, "version": "1", "data": user("known")}),
            "400",
            "invalidValue",
        ),
        (post(known, "a", user("a")), "400", "invalidPath"),
        (
            json!({"method": "POST", "path": "/Users", "data": user("a")}),
            "400",
            "invalidSyntax",
        ),
        (
            json!({"method": "POST", "path": "/Users", "bulkId": "", "data": user("a")}),
            "400",
            "invalidSyntax",
        ),
        (
            json!({"method": "POST", "path": "/Users", "bulkId": "a"}),
            "400",
            "invalidSyntax",
        ),
        (
            post("/Users", "a", json!({"schemas": [USER]})),
            "400",
            "invalidValue",
        ),
        (
            post("/Groups", "a", group("g", &["bulkId:b"])),
            "400",
            "invalidValue",
        ),
        (
            patch("/Users/bulkId:b", json!({"op": "remove", "path": "title"})),
            "400",
            "invalidValue",
        ),
        (patch(known, json!({"op": "remove"})), "400", "noTarget"),
        (patch("/Users/nobody", json!({"op": "remove"})), "404", ""),
        (
            json!({"method": "PUT", "path": "/Users/nobody", "data": {}}),
            "404",
            "",
        ),
        (post("/Bulk", "a", json!({})), "404", ""),
        (post("/.search", "a", json!({})), "404", ""),
        (patch("/Me", json!({"op": "remove", "path": "title"})), "404", ""),
        (post("/Schemas", "a", json!({})), "404", ""),
        (
            json!({"method": "DELETE", "path": "/ServiceProviderConfig"}),
            "404",
            "",
        ),
    ]
}

#[tokio::test]
async fn what_is_wrong_with_an_operation_is_an_error_of_that_operation() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    let id = server.create_user("known").await;
    let known = format!("/Users/{id}");
    for (operation, status, scim_type) in wrong_operations(&known) {
        let after = post("/Users", "after", user("after"));
        let results = bulk(&server, &[operation.clone(), after]).await;
        assert_eq!(statuses(&results), [status, "201"], "{operation}: {results:?}");
        let scim_type = Some(scim_type).filter(|scim_type| !scim_type.is_empty());
        let error = &results[0]["response"];
        assert_eq!(error["scimType"].as_str(), scim_type, "{operation}: {error}");
        assert_eq!(error["status"], status);
        let location = results[0]["location"].as_str().unwrap_or_default();
        assert!(!location.contains("bulkId:"), "{operation}: {location}");
        assert!(!error["detail"].as_str().unwrap().is_empty());
        server.send("DELETE", path_of(&results[1]), None).await;
    }
    assert_eq!(
        server.send("GET", &known, None).await.json()["meta"]["version"],
        "W/\"1\""
    );
}

#[tokio::test]
async fn what_refers_to_an_operation_that_failed_fails() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    server.create_user("known").await;
    // Of two POSTs with one `bulkId` the first counts; what refers to one that failed can't be done.
    let results = bulk(
        &server,
        &[
            post("/Users", "a", user("first")),
            post("/Users", "a", user("second")),
            post("/Groups", "g", group("g", &["bulkId:a"])),
            post("/Users", "known", user("known")),
            post("/Groups", "h", group("h", &["bulkId:known"])),
            patch("/Groups/bulkId:h", json!({"op": "remove", "path": "members"})),
        ],
    )
    .await;
    assert_eq!(
        statuses(&results),
        ["201", "400", "201", "409", "409", "409"],
        "{results:?}"
    );
    // What no POST has created has no address (RFC 7644 section 3.7).
    assert_eq!(results[5].get("location"), None);
}

#[tokio::test]
async fn rfc_7644_3_7_fail_on_errors_counts_in_the_order_of_the_operations() {
    for backend in Backend::ALL {
        let server = Server::start(backend, Profile::rfc()).await;
        let operations = |prefix: &str| {
            vec![
                post("/Users", "a", user(&format!("{prefix}a"))),
                post("/Users", "b", user(&format!("{prefix}a"))),
                post("/Users", "c", user(&format!("{prefix}c"))),
                json!({"method": "DELETE", "path": "/Users/nobody"}),
                post("/Groups", "g", group(&format!("{prefix}g"), &["bulkId:d"])),
                post("/Users", "d", user(&format!("{prefix}d"))),
            ]
        };
        for (fail_on_errors, expected) in [
            (json!(null), &["201", "409", "201", "404", "201", "201"][..]),
            (json!(0), &["201", "409"]),
            (json!(1), &["201", "409"]),
            (json!(2), &["201", "409", "201", "404"]),
            (json!(3), &["201", "409", "201", "404", "201", "201"]),
        ] {
            let prefix = format!("p{fail_on_errors}");
            let request =
                json!({"schemas": [BULK], "failOnErrors": fail_on_errors, "Operations": operations(&prefix)});
            let answer = send(&server, &request).await.json();
            let results = answer["Operations"].as_array().unwrap();
            assert_eq!(statuses(results), expected, "{fail_on_errors}");
            // What comes after the stop isn't done, also where another operation refers to it.
            let path = format!("/Users?filter=userName%20eq%20%22{prefix}d%22");
            let is_done = server.send("GET", &path, None).await.json()["totalResults"] == 1;
            assert_eq!(is_done, expected.len() == 6, "{fail_on_errors}");
        }
    }
}

#[tokio::test]
async fn rfc_7644_3_7_4_the_limits_are_those_that_the_configuration_tells() {
    let server = Server::start_with(Backend::Memory, Profile::rfc(), |builder| {
        builder.body_limit(400_000)
    })
    .await;
    let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
    assert_eq!(
        config["bulk"],
        json!({"supported": true, "maxOperations": 2_000, "maxPayloadSize": 400_000})
    );
    let deletions = |count: usize| -> Vec<Value> {
        std::iter::repeat_n(json!({"method": "DELETE", "path": "/Users/nobody"}), count).collect()
    };
    let request = |count: usize| json!({"schemas": [BULK], "Operations": deletions(count)});
    let results = send(&server, &request(2_000)).await.json();
    assert_eq!(results["Operations"].as_array().unwrap().len(), 2_000);
    for (request, limit) in [
        (request(2_001), "2000"),
        (
            json!({"schemas": [BULK], "Operations": vec![json!(0); 150_000]}),
            "2000",
        ),
        (
            json!({"schemas": [BULK], "Operations": ["a".repeat(400_000)]}),
            "400000",
        ),
    ] {
        let answer = send(&server, &request).await;
        answer.assert_error(413, None);
        assert!(
            answer.json()["detail"].as_str().unwrap().contains(limit),
            "{answer}"
        );
    }
    for (request, scim_type) in [
        (json!({}), "invalidSyntax"),
        (json!({"schemas": [BULK]}), "invalidSyntax"),
        (json!({"schemas": [PATCH], "Operations": []}), "invalidSyntax"),
        (json!({"schemas": [BULK], "Operations": {}}), "invalidSyntax"),
        (
            json!({"schemas": [BULK], "failOnErrors": -1, "Operations": []}),
            "invalidSyntax",
        ),
        (
            json!({"schemas": [BULK], "failOnErrors": "1", "Operations": []}),
            "invalidSyntax",
        ),
    ] {
        send(&server, &request).await.assert_error(400, Some(scim_type));
    }
    assert_eq!(bulk(&server, &[]).await, Vec::<Value>::new());
}

/// An operation in pieces. Users and groups have numbers; those of higher numbers than there are don't exist.
#[derive(Clone, Debug)]
enum Draft {
    CreateUser {
        name: usize,
        title: Option<&'static str>,
    },
    CreateGroup {
        name: usize,
        members: Vec<usize>,
    },
    PutUser {
        user: usize,
        name: usize,
        version: Option<u64>,
    },
    Title {
        user: usize,
        title: &'static str,
    },
    Rename {
        group: usize,
        name: usize,
    },
    Members {
        group: usize,
        op: &'static str,
        members: Vec<usize>,
        version: Option<u64>,
    },
    DeleteUser(usize),
    DeleteGroup(usize),
    Wrong(usize),
}

fn draft() -> impl Strategy<Value = Draft> {
    let name = || 0_usize..5;
    let title = || select(vec!["a", "b"]);
    let version = || option::of(1_u64..3);
    let members = || vec(0_usize..4, 0..3);
    prop_oneof![
        3 => (name(), option::of(title())).prop_map(|(name, title)| Draft::CreateUser { name, title }),
        2 => (name(), members()).prop_map(|(name, members)| Draft::CreateGroup { name, members }),
        2 => (name(), name(), version()).prop_map(|(user, name, version)| Draft::PutUser { user, name, version }),
        2 => (name(), title()).prop_map(|(user, title)| Draft::Title { user, title }),
        2 => (name(), name()).prop_map(|(group, name)| Draft::Rename { group, name }),
        2 => (name(), select(vec!["add", "remove", "replace"]), members(), version())
            .prop_map(|(group, op, members, version)| Draft::Members { group, op, members, version }),
        1 => name().prop_map(Draft::DeleteUser),
        1 => name().prop_map(Draft::DeleteGroup),
        1 => name().prop_map(Draft::Wrong),
    ]
}

/// The resources of a server by the numbers of drafts.
#[derive(Default)]
struct Known {
    users: Vec<String>,
    groups: Vec<String>,
}

impl Known {
    fn id(ids: &[String], number: usize) -> &str {
        ids.get(number).map_or("nobody", String::as_str)
    }

    /// The operation as a bulk request has it.
    fn operation(&self, draft: &Draft, number: usize) -> Value {
        let at_user = |user: &usize| format!("/Users/{}", Self::id(&self.users, *user));
        let at_group = |group: &usize| format!("/Groups/{}", Self::id(&self.groups, *group));
        let values = |members: &[usize]| -> Vec<Value> {
            let ids = members.iter().map(|member| Self::id(&self.users, *member));
            ids.map(|id| json!({"value": id})).collect()
        };
        let with_version = |mut operation: Value, version: &Option<u64>| {
            if let Some(version) = version {
                operation["version"] = json!(format!("W/\"{version}\""));
            }
            operation
        };
        match draft {
            Draft::CreateUser { name, title } => {
                let data = json!({"schemas": [USER], "userName": format!("u{name}"), "title": title});
                post("/Users", &number.to_string(), data)
            }
            Draft::CreateGroup { name, members } => {
                let data = json!({"schemas": [GROUP], "displayName": format!("g{name}"), "members": values(members)});
                post("/Groups", &number.to_string(), data)
            }
            Draft::PutUser {
                user: id,
                name,
                version,
            } => {
                let put = json!({"method": "PUT", "path": at_user(id), "data": user(&format!("u{name}"))});
                with_version(put, version)
            }
            Draft::Title { user, title } => patch(
                &at_user(user),
                json!({"op": "replace", "path": "title", "value": title}),
            ),
            Draft::Rename { group, name } => {
                let value = format!("g{name}");
                patch(
                    &at_group(group),
                    json!({"op": "replace", "path": "displayName", "value": value}),
                )
            }
            Draft::Members {
                group,
                op,
                members,
                version,
            } => {
                let change = patch(
                    &at_group(group),
                    json!({"op": op, "path": "members", "value": values(members)}),
                );
                with_version(change, version)
            }
            Draft::DeleteUser(user) => json!({"method": "DELETE", "path": at_user(user)}),
            Draft::DeleteGroup(group) => json!({"method": "DELETE", "path": at_group(group)}),
            Draft::Wrong(user) => {
                json!({"method": "PUT", "path": at_user(user), "data": {"schemas": [GROUP]}})
            }
        }
    }

    /// A text with numbers in the place of the ids that the server made.
    fn without_ids(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (kind, ids) in [("user", &self.users), ("group", &self.groups)] {
            for (number, id) in ids.iter().enumerate() {
                text = text.replace(id, &format!("{kind}-{number}"));
            }
        }
        text
    }
}

async fn start(backend: Backend, profile: Profile) -> (Server, Known) {
    let server = Server::start(backend, profile).await;
    let mut known = Known::default();
    for number in 0..3 {
        known.users.push(server.create_user(&format!("u{number}")).await);
    }
    for number in 0..2 {
        let of_group = group(&format!("g{number}"), &[&known.users[number]]);
        known.groups.push(server.create("/Groups", &of_group).await);
    }
    (server, known)
}

async fn everything(server: &Server, known: &Known) -> String {
    let mut shown = String::new();
    for path in ["/Users?count=100", "/Groups?count=100"] {
        let mut list = server.send("GET", path, None).await.json();
        for resource in list["Resources"].as_array_mut().unwrap() {
            for time in ["created", "lastModified"] {
                resource["meta"].as_object_mut().unwrap().remove(time);
            }
            // The tag of a user holds a digest of the ids of groups.
            let tag = resource["meta"]["version"].as_str().unwrap();
            let state = tag.split('-').next().unwrap().trim_end_matches('"').to_owned();
            resource["meta"]["version"] = json!(state);
            for name in ["members", "groups"] {
                if let Some(members) = resource.get_mut(name).and_then(Value::as_array_mut) {
                    members.sort_by_key(|member| known.without_ids(&member.to_string()));
                }
            }
        }
        shown += &known.without_ids(&list.to_string());
    }
    shown
}

#[test]
fn a_bulk_of_operations_is_the_requests_one_by_one() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    });
    let backend = prop_oneof![3 => Just(Backend::Memory), 1 => Just(Backend::Sqlite)];
    let drafts = (backend, any::<bool>(), vec(draft(), 1..16), option::of(1_u64..4));
    runner
        .run(&drafts, |(backend, is_rfc, drafts, fail_on_errors)| {
            runtime.block_on(check(backend, is_rfc, &drafts, fail_on_errors))
        })
        .unwrap();
}

async fn check(
    backend: Backend,
    is_rfc: bool,
    drafts: &[Draft],
    fail_on_errors: Option<u64>,
) -> Result<(), TestCaseError> {
    let profile = || {
        if is_rfc {
            Profile::rfc()
        } else {
            Profile::interop()
        }
    };
    let (single, of_single) = start(backend, profile()).await;
    let mut expected = Vec::new();
    let mut errors = 0;
    for (number, draft) in drafts.iter().enumerate() {
        let operation = of_single.operation(draft, number);
        let path = format!("{}?attributes=id", operation["path"].as_str().unwrap());
        let headers: Vec<_> = operation["version"]
            .as_str()
            .map(|version| ("if-match", version))
            .into_iter()
            .collect();
        let method = operation["method"].as_str().unwrap();
        let answer = single
            .send_with(method, &path, &headers, operation.get("data"))
            .await;
        let of_error = answer.json()["scimType"].clone();
        let tag = answer
            .header("etag")
            .map(|tag| tag.split('-').next().unwrap().trim_end_matches('"').to_owned());
        expected.push((answer.status.to_string(), of_error, tag));
        errors += u64::from(answer.status >= 400);
        if fail_on_errors == Some(errors) {
            break;
        }
    }
    let (server, of_bulk) = start(backend, profile()).await;
    let operations: Vec<Value> = drafts
        .iter()
        .enumerate()
        .map(|(number, draft)| of_bulk.operation(draft, number))
        .collect();
    let request = json!({"schemas": [BULK], "failOnErrors": fail_on_errors, "Operations": operations});
    let answer = send(&server, &request).await.json();
    let results = answer["Operations"].as_array().unwrap();
    let found: Vec<_> = results
        .iter()
        .map(|result| {
            let tag = result["version"].as_str();
            let tag = tag.map(|tag| tag.split('-').next().unwrap().trim_end_matches('"').to_owned());
            let status = result["status"].as_str().unwrap().to_owned();
            (status, result["response"]["scimType"].clone(), tag)
        })
        .collect();
    prop_assert_eq!(&found, &expected, "{:?}", drafts);
    // What was created has other ids on each server, in the order of its creation.
    let (mut of_single, mut of_bulk) = (of_single, of_bulk);
    for (server, known) in [(&single, &mut of_single), (&server, &mut of_bulk)] {
        for (path, kind) in [("/Users?count=100", 0), ("/Groups?count=100", 1)] {
            let list = server.send("GET", path, None).await.json();
            for resource in list["Resources"].as_array().unwrap() {
                let id = resource["id"].as_str().unwrap().to_owned();
                let ids = if kind == 0 {
                    &mut known.users
                } else {
                    &mut known.groups
                };
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
    }
    let (left, right) = (
        everything(&single, &of_single).await,
        everything(&server, &of_bulk).await,
    );
    prop_assert_eq!(left, right, "{:?}", drafts);
    Ok(())
}
