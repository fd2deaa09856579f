//! The version of a resource is one, wherever a client reads it (RFC 7644 section 3.14).

use std::collections::HashSet;

use keyfob_provisioning::Profile;
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use crate::support::{Backend, Server};

/// A write, of users and groups by their number.
#[derive(Clone, Copy, Debug)]
enum Write {
    Retitle(usize, u8),
    Replace(usize, u8),
    Join(usize, usize),
    Leave(usize, usize),
}

impl Write {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            (0..3_usize, 0..3_u8).prop_map(|(user, title)| Self::Retitle(user, title)),
            (0..3_usize, 0..3_u8).prop_map(|(user, title)| Self::Replace(user, title)),
            (0..2_usize, 0..3_usize).prop_map(|(group, user)| Self::Join(group, user)),
            (0..2_usize, 0..3_usize).prop_map(|(group, user)| Self::Leave(group, user)),
        ]
    }

    fn request(self, users: &[String], groups: &[String]) -> (&'static str, String, Value) {
        let change = |operation: Value| json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]});
        match self {
            Self::Retitle(user, title) => {
                let operation = json!({"op": "replace", "path": "title", "value": format!("title {title}")});
                ("PATCH", format!("/Users/{}", users[user]), change(operation))
            }
            Self::Replace(user, title) => {
                let body = json!({
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                    "userName": format!("user{user}"),
                    "title": format!("title {title}"),
                });
                ("PUT", format!("/Users/{}", users[user]), body)
            }
            Self::Join(group, user) => {
                let operation = json!({"op": "add", "path": "members", "value": [{"value": users[user]}]});
                ("PATCH", format!("/Groups/{}", groups[group]), change(operation))
            }
            Self::Leave(group, user) => {
                let path = format!("members[value eq \"{}\"]", users[user]);
                (
                    "PATCH",
                    format!("/Groups/{}", groups[group]),
                    change(json!({"op": "remove", "path": path})),
                )
            }
        }
    }

    /// The path of whoever else has another tag afterwards.
    fn also_changes(self, users: &[String]) -> Option<String> {
        match self {
            Self::Join(_, user) | Self::Leave(_, user) => Some(format!("/Users/{}", users[user])),
            _ => None,
        }
    }
}

/// Checks that every answer shows a resource under the version that a write told.
async fn check(server: &Server, path: &str, told: &str) {
    let (_, id) = path.rsplit_once('/').unwrap();
    let get = server.send("GET", path, None).await;
    assert_eq!(get.header("etag"), Some(told), "{path}: {get}");
    assert_eq!(get.json()["meta"]["version"], told, "{path}");
    let filter = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": format!("id eq \"{id}\" and meta.version eq \"{}\"", told.replace('"', "\\\"")),
    });
    let found = server.send("POST", "/.search", Some(&filter)).await.json();
    assert_eq!(found["Resources"][0]["meta"]["version"], told, "{path}: {found}");
    let known = server
        .send_with("GET", path, &[("if-none-match", told)], None)
        .await;
    assert_eq!((known.status, known.header("etag")), (304, Some(told)), "{path}");
    let matched = server.send_with("GET", path, &[("if-match", told)], None).await;
    assert_eq!(matched.status, 200, "{path}");
}

async fn run(batches: Vec<(bool, Vec<Write>)>) {
    let server = Server::start(Backend::Memory, Profile::rfc()).await;
    let (mut users, mut groups) = (Vec::new(), Vec::new());
    for number in 0..3 {
        users.push(server.create_user(&format!("user{number}")).await);
    }
    for number in 0..2 {
        let group = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": format!("group{number}"),
        });
        groups.push(server.create("/Groups", &group).await);
    }
    for (in_bulk, writes) in batches {
        let requests: Vec<_> = writes
            .iter()
            .map(|write| write.request(&users, &groups))
            .collect();
        let mut told = Vec::new();
        if in_bulk {
            let operations: Vec<Value> = requests
                .iter()
                .map(|(method, path, body)| json!({"method": method, "path": path, "data": body}))
                .collect();
            let bulk = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations,
            });
            let answer = server.send("POST", "/Bulk", Some(&bulk)).await.json();
            for result in answer["Operations"].as_array().unwrap() {
                assert_eq!(result["status"], "200", "{result}");
                told.push(result["version"].as_str().unwrap().to_owned());
            }
        } else {
            for (method, path, body) in &requests {
                let answer = server.send(method, path, Some(body)).await;
                let tag = answer.header("etag").unwrap().to_owned();
                assert_eq!(answer.json()["meta"]["version"], tag, "{method} {path}: {answer}");
                check(&server, path, &tag).await;
                told.push(tag);
            }
        }
        // What a later write has changed is no longer as an earlier one told.
        let mut changed = HashSet::new();
        for ((write, (_, path, _)), told) in writes.iter().zip(&requests).zip(&told).rev() {
            if changed.insert(path.clone()) {
                check(&server, path, told).await;
            }
            changed.extend(write.also_changes(&users));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn rfc_7644_3_14_headers_bodies_lists_and_bulk_answers_tell_one_version(
        batches in vec((any::<bool>(), vec(Write::any(), 1..6)), 1..6)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(batches));
    }
}
