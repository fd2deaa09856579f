//! Entity tags (RFC 7644 section 3.14): an answer carries the tag of the state that its own write produced, and the tag
//! of a user changes with the groups that the user shows.

use std::{collections::HashSet, sync::Arc};

use keyfob_provisioning::Profile;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, Backend, Server};

const CLIENTS: usize = 8;
const WRITES_OF_EACH: usize = 40;

fn patch(operation: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]})
}

fn group(members: &[String]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Guides",
        "members": members.iter().map(|id| json!({"value": id})).collect::<Vec<_>>(),
    })
}

fn add(member: &str) -> Value {
    patch(&json!({"op": "add", "path": "members", "value": [{"value": member}]}))
}

fn tag(answer: &Answer) -> String {
    answer.header("etag").expect("an answer has a tag").to_owned()
}

async fn create_users(server: &Server, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(server.create_user(&format!("user{number}@example.com")).await);
    }
    ids
}

/// Writes that are answered with the same tag, or with one that another client's write produced, let `If-Match` replace
/// a state that its client never saw (RFC 9110 section 13.1.1).
#[tokio::test(flavor = "multi_thread")]
async fn parallel_membership_patches_are_answered_with_distinct_tags_and_a_stale_one_is_refused() {
    for backend in Backend::ALL {
        let server = Arc::new(Server::start(backend, Profile::interop()).await);
        let users = create_users(&server, CLIENTS * WRITES_OF_EACH).await;
        let path = format!("/Groups/{}", server.create("/Groups", &group(&[])).await);
        let mut clients = JoinSet::new();
        for own in users.chunks(WRITES_OF_EACH) {
            let (server, path, own) = (Arc::clone(&server), path.clone(), own.to_vec());
            clients.spawn(async move {
                let mut answers = Vec::new();
                for user in own {
                    let answer = server.send("PATCH", &path, Some(&add(&user))).await;
                    assert!(matches!(answer.status, 200 | 204), "{answer}");
                    if answer.status == 200 {
                        assert_eq!(answer.json()["meta"]["version"], tag(&answer), "{answer}");
                    }
                    answers.push((user, tag(&answer)));
                }
                answers
            });
        }
        let answers: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
        let tags: HashSet<&String> = answers.iter().map(|(_, tag)| tag).collect();
        assert_eq!(tags.len(), CLIENTS * WRITES_OF_EACH, "{backend:?}");

        let current = tag(&server.send("GET", &path, None).await);
        assert!(tags.contains(&current), "{backend:?}: {current}");
        let (user, stale) = answers.iter().find(|(_, tag)| *tag != current).unwrap();
        let body = group(std::slice::from_ref(user));
        let refused = server
            .send_with("PUT", &path, &[("if-match", stale.as_str())], Some(&body))
            .await;
        refused.assert_error(412, None);
        let found = server.send("GET", &path, None).await.json();
        assert_eq!(
            found["members"].as_array().unwrap().len(),
            users.len(),
            "{backend:?}"
        );
        let replaced = server
            .send_with("PUT", &path, &[("if-match", current.as_str())], Some(&body))
            .await;
        assert_eq!(replaced.status, 200, "{replaced}");
    }
}

/// Two clients add a member each at once; either one's tag then replaces the group only if it is the last state.
#[tokio::test(flavor = "multi_thread")]
async fn no_member_is_lost_by_a_put_under_the_tag_of_a_patch() {
    for backend in Backend::ALL {
        let server = Arc::new(Server::start(backend, Profile::interop()).await);
        let users = create_users(&server, 300).await;
        for round in 0..20 {
            let (base, own) = users.split_at(260);
            let own = [own[round].clone(), own[round + 20].clone()];
            let id = server
                .create(
                    "/Groups",
                    &json!({
                        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                        "displayName": format!("Guides {round}"),
                        "members": base.iter().map(|id| json!({"value": id})).collect::<Vec<_>>(),
                    }),
                )
                .await;
            let path = format!("/Groups/{id}");
            let mut clients = JoinSet::new();
            for member in own.clone() {
                let (server, path) = (Arc::clone(&server), path.clone());
                clients.spawn(async move {
                    let answer = server.send("PATCH", &path, Some(&add(&member))).await;
                    (member, tag(&answer))
                });
            }
            let answers = clients.join_all().await;
            let (mine, tag) = &answers[0];
            let members: Vec<String> = base.iter().chain([mine]).cloned().collect();
            let body = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
                "displayName": format!("Guides {round}"),
                "members": members.iter().map(|id| json!({"value": id})).collect::<Vec<_>>(),
            });
            let answer = server
                .send_with("PUT", &path, &[("if-match", tag.as_str())], Some(&body))
                .await;
            // The tag is that of the group with one member more or with both: only the second is current, and its client
            // has added its member last.
            let found = server.send("GET", &path, None).await.json();
            let lost = found["members"].as_array().unwrap().len() < members.len();
            assert!(!lost, "{backend:?}");
            if answer.status == 200 {
                assert_eq!(tag, "W/\"3\"", "{backend:?}: {answer}");
            } else {
                answer.assert_error(412, None);
                assert_eq!(tag, "W/\"2\"", "{backend:?}");
            }
        }
    }
}

#[tokio::test]
async fn rfc_7644_3_14_the_tag_of_a_user_changes_with_the_groups_that_the_user_shows() {
    for backend in Backend::ALL {
        let server = Server::start(backend, Profile::interop()).await;
        let id = server.create_user("bjensen@example.com").await;
        let path = format!("/Users/{id}");
        let get = async |known: &str| {
            server
                .send_with("GET", &path, &[("if-none-match", known)], None)
                .await
        };
        let alone = tag(&server.send("GET", &path, None).await);
        assert_eq!(get(&alone).await.status, 304);

        let guides = server.create("/Groups", &group(std::slice::from_ref(&id))).await;
        let joined = get(&alone).await;
        assert_eq!(joined.status, 200, "{backend:?}: the groups are new: {joined}");
        assert_eq!(joined.json()["groups"][0]["value"], guides);
        assert_eq!(joined.json()["meta"]["version"], tag(&joined));
        let unchanged = get(&tag(&joined)).await;
        assert_eq!(unchanged.status, 304);
        assert_eq!(tag(&unchanged), tag(&joined));

        // What the answer leaves out doesn't change what the resource is.
        let partly = server
            .send("GET", &format!("{path}?attributes=userName"), None)
            .await;
        assert_eq!(tag(&partly), tag(&joined));
        assert!(partly.json().get("groups").is_none(), "{partly}");
        for query in ["?attributes=meta", "?excludedAttributes=groups"] {
            let listed = server.send("GET", &format!("/Users{query}"), None).await.json();
            let user = &listed["Resources"][0];
            assert_eq!(user["meta"]["version"], tag(&joined), "{query}: {listed}");
            assert!(user.get("groups").is_none(), "{query}: {listed}");
        }

        let rename = json!({"op": "replace", "path": "displayName", "value": "Guards"});
        server
            .send("PATCH", &format!("/Groups/{guides}"), Some(&patch(&rename)))
            .await;
        let renamed = get(&tag(&joined)).await;
        assert_eq!(renamed.status, 200, "{backend:?}: {renamed}");

        // Whatever the groups show, the state of the user is the same, and so a change of it is accepted.
        let title = patch(&json!({"op": "replace", "path": "title", "value": "Guide"}));
        let changed = server
            .send_with("PATCH", &path, &[("if-match", alone.as_str())], Some(&title))
            .await;
        assert_eq!(changed.status, 200, "{backend:?}: {changed}");
        assert_eq!(tag(&changed), tag(&server.send("GET", &path, None).await));
        let stale = server
            .send_with(
                "PATCH",
                &path,
                &[("if-match", tag(&renamed).as_str())],
                Some(&title),
            )
            .await;
        stale.assert_error(412, None);

        server.send("DELETE", &format!("/Groups/{guides}"), None).await;
        assert_eq!(tag(&server.send("GET", &path, None).await), "W/\"2\"");
    }
}

/// What `groups` shows through nested groups is a part of the tag too (RFC 7643 section 4.1.2, RFC 7644 section 3.14): no client
/// is told that its copy is current when a group above its groups is another, and no write of it is held up.
#[tokio::test]
async fn the_tag_of_a_user_changes_with_the_groups_that_hold_its_groups() {
    for backend in Backend::ALL {
        let server = Server::start(backend, Profile::rfc()).await;
        let user = server.create_user("bjensen@example.com").await;
        let path = format!("/Users/{user}");
        let inner = server
            .create("/Groups", &group(std::slice::from_ref(&user)))
            .await;
        let alone = server.send("GET", &path, None).await;
        assert_eq!(alone.json()["groups"].as_array().unwrap().len(), 1, "{alone}");
        let outer = server
            .create("/Groups", &group(std::slice::from_ref(&inner)))
            .await;
        let get = async |known: &str| {
            server
                .send_with("GET", &path, &[("if-none-match", known)], None)
                .await
        };
        let nested = get(&tag(&alone)).await;
        assert_eq!(nested.status, 200, "{backend:?}: {nested}");
        assert_eq!(nested.json()["meta"]["version"], tag(&nested), "{nested}");
        let groups = nested.json()["groups"].clone();
        assert_eq!(groups[0]["type"], "direct", "{nested}");
        assert_eq!(groups[1]["type"], "indirect", "{nested}");
        assert_eq!(groups[1]["value"], outer, "{nested}");
        let address = groups[1]["$ref"].as_str().unwrap();
        assert!(address.ends_with(&format!("/Groups/{outer}")), "{nested}");
        assert_eq!(get(&tag(&nested)).await.status, 304, "{backend:?}");
        let listed = server
            .send("GET", "/Users?filter=groups[type%20eq%20%22indirect%22]", None)
            .await;
        assert_eq!(
            listed.json()["Resources"][0]["meta"]["version"],
            tag(&nested),
            "{listed}"
        );

        let rename = patch(&json!({"op": "replace", "path": "displayName", "value": "Staff"}));
        server
            .send("PATCH", &format!("/Groups/{outer}"), Some(&rename))
            .await;
        let renamed = get(&tag(&nested)).await;
        assert_eq!(renamed.json()["groups"][1]["display"], "Staff", "{renamed}");
        let title = patch(&json!({"op": "replace", "path": "title", "value": "Guide"}));
        let changed = server
            .send_with(
                "PATCH",
                &path,
                &[("if-match", tag(&alone).as_str())],
                Some(&title),
            )
            .await;
        assert!(matches!(changed.status, 200 | 204), "{backend:?}: {changed}");
        assert_eq!(tag(&changed), tag(&server.send("GET", &path, None).await));
        server.send("DELETE", &format!("/Groups/{inner}"), None).await;
        let left = server.send("GET", &path, None).await;
        assert!(left.json().get("groups").is_none(), "{left}");
        assert_eq!(tag(&left), "W/\"2\"");
    }
}

/// A condition that isn't understood lets no write through (RFC 9110 section 13.1).
#[tokio::test]
async fn a_malformed_condition_is_refused_and_nothing_is_written() {
    for backend in Backend::ALL {
        let server = Server::start(backend, Profile::interop()).await;
        let path = format!("/Users/{}", server.create_user("bjensen@example.com").await);
        let before = server.send("GET", &path, None).await.json();
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "mandy@example.com",
        });
        let operation = patch(&json!({"op": "replace", "path": "title", "value": "Guide"}));
        for header in ["if-match", "if-none-match"] {
            for (method, body) in [
                ("PUT", Some(&body)),
                ("PATCH", Some(&operation)),
                ("DELETE", None),
                ("GET", None),
            ] {
                let answer = server.send_with(method, &path, &[(header, "1")], body).await;
                answer.assert_error(400, Some("invalidValue"));
            }
        }
        assert_eq!(
            server.send("GET", &path, None).await.json(),
            before,
            "{backend:?}"
        );
    }
}
