//! `active`, as clients see it and ask for it.

use keyfob_core::{Resource, ResourceId, SchemaUri};
use keyfob_engine::{Change, Context, StoreExt};
use keyfob_provisioning::Profile;
use serde_json::{Value, json};

use crate::support::{Backend, Server};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A user as an older service stored it, which didn't say of everybody whether it is active.
async fn put_into_store(server: &Server, name: &str) {
    let organization = server.engine.admin().organization("default").await.unwrap();
    let mut document = Resource::new([SchemaUri::USER]);
    document.core_mut().insert("userName", name);
    let user = server.engine.registry().resource_type("User").unwrap();
    let create = Change::create(user, ResourceId::new(name), document);
    let cx = Context::new(organization.tenant);
    let commit = server.engine.commit_of(&cx, "test", vec![create], None);
    server.engine.store().commit_one(commit).await.unwrap();
}

#[tokio::test]
async fn u_9_active_is_in_every_answer_and_filters_agree_with_it() {
    for backend in Backend::ALL {
        for (profile, quirks) in [(Profile::rfc(), false), (Profile::interop(), true)] {
            let server = Server::start(backend, profile).await;
            put_into_store(&server, "old").await;
            for (name, active) in [("silent", None), ("on", Some(true)), ("off", Some(false))] {
                let mut body = json!({"schemas": [USER], "userName": name});
                if let Some(active) = active {
                    body["active"] = json!(active);
                }
                let answer = server.send("POST", "/Users", Some(&body)).await;
                assert_eq!(answer.status, 201, "{answer}");
                assert_eq!(answer.json()["active"], json!(active != Some(false)), "{name}");
            }
            let list = server.send("GET", "/Users", None).await.json();
            for user in list["Resources"].as_array().unwrap() {
                let name = &user["userName"];
                assert_eq!(user["active"], json!(name != "off"), "{name}");
            }
            assert_eq!(
                server.send("GET", "/Users/old", None).await.json()["active"],
                json!(true)
            );
            let except = server
                .send("GET", "/Users/old?excludedAttributes=active", None)
                .await;
            assert_eq!(except.json().get("active"), None);
            let mut filters = vec![
                ("active eq true", vec!["old", "on", "silent"]),
                ("ACTIVE ne false", vec!["old", "on", "silent"]),
                ("active eq false", vec!["off"]),
                ("active ne true", vec!["off"]),
                ("active pr", vec!["off", "old", "on", "silent"]),
                ("active ne null", vec!["off", "old", "on", "silent"]),
                ("active eq null", vec![]),
                ("not (active pr)", vec![]),
                ("not (active eq true)", vec!["off"]),
                (
                    "urn:ietf:params:scim:schemas:core:2.0:User:active eq true and userName sw \"o\"",
                    vec!["old", "on"],
                ),
                (
                    "userName eq \"off\" or (active pr and userName eq \"old\")",
                    vec!["off", "old"],
                ),
            ];
            if quirks {
                filters.push(("active eq \"True\"", vec!["old", "on", "silent"]));
                filters.push(("active ne \"True\"", vec!["off"]));
            }
            for (filter, expected) in filters {
                let body = json!({
                    "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter,
                });
                for path in ["/Users/.search", "/.search"] {
                    let answer = server.send("POST", path, Some(&body)).await;
                    assert_eq!(answer.status, 200, "{filter}: {answer}");
                    let found = answer.json();
                    let mut names: Vec<&str> = found["Resources"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(|user| user["userName"].as_str())
                        .collect();
                    names.sort_unstable();
                    assert_eq!(names, expected, "{filter} at {path} on {backend:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn u_5_u_7_nothing_but_active_true_brings_a_deactivated_user_back() {
    for backend in Backend::ALL {
        for profile in [Profile::rfc(), Profile::interop()] {
            let server = Server::start(backend, profile).await;
            let body = json!({"schemas": [USER], "userName": "ann", "active": false});
            let path = format!("/Users/{}", server.create("/Users", &body).await);
            let operation = |operation: Value| json!({"schemas": [PATCH], "Operations": [operation]});
            let said = [
                (
                    "PATCH",
                    operation(json!({"op": "replace", "path": "active", "value": null})),
                ),
                ("PATCH", operation(json!({"op": "remove", "path": "active"}))),
                (
                    "PATCH",
                    operation(json!({"op": "replace", "value": {"active": null}})),
                ),
                (
                    "PATCH",
                    operation(json!({"op": "add", "value": {"active": null, "title": "Guide"}})),
                ),
                (
                    "PATCH",
                    operation(json!({"op": "replace", "path": "title", "value": "Scout"})),
                ),
                ("PUT", json!({"schemas": [USER], "userName": "ann"})),
                (
                    "PUT",
                    json!({"schemas": [USER], "userName": "ann", "active": null}),
                ),
            ];
            for (method, body) in said {
                let answer = server.send(method, &path, Some(&body)).await;
                assert_eq!(answer.status, 200, "{body}: {answer}");
                assert_eq!(answer.json()["active"], json!(false), "{body}");
            }
            let back = operation(json!({"op": "replace", "path": "active", "value": true}));
            let answer = server.send("PATCH", &path, Some(&back)).await;
            assert_eq!(answer.json()["active"], json!(true), "{answer}");
        }
    }
}

/// What one operation says of `active` isn't unsaid by a later one that says nothing.
#[tokio::test]
async fn u_7_a_word_on_active_outlasts_the_operations_that_unassign_it() {
    for (profile, quirks) in [(Profile::rfc(), false), (Profile::interop(), true)] {
        let server = Server::start(Backend::Memory, profile).await;
        let mut silent = vec![
            json!({"op": "remove", "path": "active"}),
            json!({"op": "add", "path": "active", "value": null}),
            json!({"op": "replace", "value": {"active": null}}),
        ];
        if quirks {
            silent.push(json!({"op": "replace", "path": "active", "value": []}));
            silent.push(json!({"op": "replace", "value": {format!("{USER}:active"): null}}));
        }
        for (number, silent) in silent.iter().enumerate() {
            let id = server.create_user(&format!("user{number}@example.com")).await;
            let path = format!("/Users/{id}");
            for said in [false, true] {
                let spoken = json!({"op": "replace", "path": "active", "value": said});
                let body = json!({"schemas": [PATCH], "Operations": [spoken, silent]});
                let answer = server.send("PATCH", &path, Some(&body)).await;
                assert_eq!(answer.status, 200, "{silent}: {answer}");
                assert_eq!(answer.json()["active"], json!(said), "{silent}: {answer}");
            }
        }
    }
}

/// A key of a body that PATCH would understand as a path is refused: passing over it would lose what it says, and a PUT
/// would unassign it.
#[tokio::test]
async fn rfc_7643_2_1_a_path_is_no_name_of_a_body() {
    for profile in [Profile::rfc(), Profile::interop()] {
        let server = Server::start(Backend::Memory, profile).await;
        let member = server.create_user("bjensen@example.com").await;
        let group = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": "Guides",
            "members": [{"value": member}],
        });
        let path = format!("/Groups/{}", server.create("/Groups", &group).await);
        let mut qualified = group.clone();
        qualified.as_object_mut().unwrap().remove("members");
        qualified["urn:ietf:params:scim:schemas:core:2.0:Group:members"] = group["members"].clone();
        server
            .send("PUT", &path, Some(&qualified))
            .await
            .assert_error(400, Some("invalidPath"));
        let found = server.send("GET", &path, None).await.json();
        assert_eq!(found["members"].as_array().unwrap().len(), 1);
        for key in [
            "name.givenName",
            "emails[type eq \"work\"].value",
            &format!("{USER}:active"),
        ] {
            let mut body = json!({"schemas": [USER], "userName": "ann"});
            body[key] = json!("x");
            server
                .send("POST", "/Users", Some(&body))
                .await
                .assert_error(400, Some("invalidPath"));
        }
    }
}
