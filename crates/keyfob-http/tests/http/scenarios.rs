//! What takes many requests: parallel changes, large groups, paging.

use std::collections::HashSet;

use keyfob_provisioning::Profile;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Backend, Server};

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

async fn create_users(server: &Server, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(server.create_user(&format!("user{number}@example.com")).await);
    }
    ids
}

#[tokio::test]
async fn members_that_are_added_in_parallel_are_all_there() {
    for backend in Backend::ALL {
        let server = std::sync::Arc::new(Server::start(backend, Profile::interop()).await);
        let users = create_users(&server, 20).await;
        let group = server.create("/Groups", &group(&[])).await;
        let mut requests = JoinSet::new();
        for user in users {
            let (server, path) = (std::sync::Arc::clone(&server), format!("/Groups/{group}"));
            requests.spawn(async move {
                let operation = json!({"op": "add", "path": "members", "value": [{"value": user}]});
                server.send("PATCH", &path, Some(&patch(&operation))).await.status
            });
        }
        for status in requests.join_all().await {
            assert!(matches!(status, 200 | 204), "{status}");
        }
        let found = server.send("GET", &format!("/Groups/{group}"), None).await.json();
        assert_eq!(found["members"].as_array().unwrap().len(), 20, "{backend:?}");
    }
}

#[tokio::test]
async fn documents_that_are_changed_in_parallel_keep_every_change() {
    for backend in Backend::ALL {
        let server = std::sync::Arc::new(Server::start(backend, Profile::interop()).await);
        let user = server.create_user("bjensen@example.com").await;
        let mut requests = JoinSet::new();
        for number in 0..10 {
            let (server, path) = (std::sync::Arc::clone(&server), format!("/Users/{user}"));
            requests.spawn(async move {
                let email = json!([{"value": format!("{number}@example.com"), "type": "other"}]);
                let operation = json!({"op": "add", "path": "emails", "value": email});
                server.send("PATCH", &path, Some(&patch(&operation))).await.status
            });
        }
        assert!(requests.join_all().await.iter().all(|status| *status == 200));
        let found = server.send("GET", &format!("/Users/{user}"), None).await.json();
        assert_eq!(found["emails"].as_array().unwrap().len(), 10, "{backend:?}");
        assert_eq!(found["meta"]["version"], "W/\"11\"");
    }
}

#[tokio::test]
async fn a_group_of_151_members_has_151_members() {
    for backend in Backend::ALL {
        let server = Server::start(backend, Profile::interop()).await;
        let users = create_users(&server, 151).await;
        let group = server.create("/Groups", &group(&users[..150])).await;
        let operation = json!({"op": "add", "path": "members", "value": [{"value": users[150]}]});
        let path = format!("/Groups/{group}");
        let answer = server.send("PATCH", &path, Some(&patch(&operation))).await;
        assert!(matches!(answer.status, 200 | 204), "{answer}");
        let found = server.send("GET", &path, None).await.json();
        assert_eq!(found["members"].as_array().unwrap().len(), 151, "{backend:?}");
    }
}

#[tokio::test]
async fn pages_hold_every_resource_once_and_the_total_is_that_of_all() {
    for backend in Backend::ALL {
        let server = Server::start(backend, Profile::interop()).await;
        let users = create_users(&server, 150).await;
        let all = server.send("GET", "/Users", None).await.json();
        assert_eq!(all["totalResults"], 150);
        let (mut seen, mut start) = (Vec::new(), 1);
        loop {
            let page = server
                .send("GET", &format!("/Users?startIndex={start}&count=60"), None)
                .await
                .json();
            let resources = page["Resources"].as_array().unwrap();
            assert_eq!(
                (&page["startIndex"], &page["itemsPerPage"]),
                (&json!(start), &json!(resources.len()))
            );
            if resources.is_empty() {
                break;
            }
            seen.extend(
                resources
                    .iter()
                    .map(|resource| resource["id"].as_str().unwrap().to_owned()),
            );
            start += resources.len();
        }
        assert_eq!(seen.len(), 150);
        assert_eq!(
            seen.iter().collect::<HashSet<_>>(),
            users.iter().collect(),
            "{backend:?}"
        );
    }
}
