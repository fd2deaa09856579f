//! Attributes that answers hold (RFC 7644 section 3.9), and the work that asking for them costs.

use std::time::{Duration, Instant};

use keyfob_provisioning::Profile;
use serde_json::{Value, json};

use crate::support::{Answer, Backend, Server};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("a{number}")).collect()
}

async fn search(server: &Server, members: Value) -> Answer {
    let mut body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
    let members = members.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
    server.send("POST", "/Users/.search", Some(&body)).await
}

#[tokio::test]
async fn names_that_mean_nothing_cost_next_to_nothing() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    for number in 0..200 {
        server.create_user(&format!("user{number}")).await;
    }
    let unknown = names(500).join(",");
    for parameter in ["attributes", "excludedAttributes"] {
        let asked = format!("/Users?count=200&{parameter}={unknown}");
        // Each name was looked for in each user, at some hundred times what a plain list costs.
        let get = async |path: &str| assert_eq!(server.send("GET", path, None).await.status, 200);
        let ratio = least_ratio(async || get("/Users?count=200").await, async || get(&asked).await).await;
        assert!(ratio < 20.0, "{parameter}: {ratio} times a plain list");
    }
}

/// How many times as long the second takes as the first, at best: whoever else uses the machine slows down both, and not
/// each time.
async fn least_ratio(first: impl AsyncFn(), second: impl AsyncFn()) -> f64 {
    let (mut least_first, mut least_second) = (Duration::MAX, Duration::MAX);
    for _ in 0..5 {
        let start = Instant::now();
        first().await;
        least_first = least_first.min(start.elapsed());
        let start = Instant::now();
        second().await;
        least_second = least_second.min(start.elapsed());
    }
    least_second.as_secs_f64() / least_first.as_secs_f64()
}

#[tokio::test]
async fn more_than_500_different_names_are_refused_in_queries_and_bodies() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    let user = server.create_user("bjensen").await;
    let many = names(501).join(",");
    for path in [
        format!("/Users?attributes={many}"),
        format!("/Users?excludedAttributes={many}"),
        format!("/Users/{user}?attributes={many}"),
    ] {
        let answer = server.send("GET", &path, None).await;
        answer.assert_error(400, Some("tooMany"));
    }
    for list in ["attributes", "excludedAttributes"] {
        let answer = search(&server, json!({list: names(200_000)})).await;
        answer.assert_error(400, Some("tooMany"));
    }
    // Four times as many names take some four times as long, and took sixteen times.
    let repeated = async |count: usize| {
        let answer = search(&server, json!({"attributes": vec!["userName"; count]})).await;
        assert_eq!(answer.json()["Resources"][0]["userName"], "bjensen");
    };
    let ratio = least_ratio(async || repeated(100_000).await, async || repeated(400_000).await).await;
    assert!(ratio < 9.0, "{ratio}");
}

#[tokio::test]
async fn rfc_7644_3_9_attributes_together_with_excluded_attributes_is_refused_by_the_rfc_profile() {
    for (profile, status) in [(Profile::rfc(), 400), (Profile::interop(), 200)] {
        let server = Server::start(Backend::Memory, profile).await;
        let user = server.create_user("bjensen").await;
        let both = "attributes=userName&excludedAttributes=emails";
        for path in [format!("/Users?{both}"), format!("/Users/{user}?{both}")] {
            let answer = server.send("GET", &path, None).await;
            assert_eq!(answer.status, status, "{path}: {answer}");
            if status == 400 {
                answer.assert_error(400, Some("invalidValue"));
            }
        }
        let both = json!({"attributes": ["userName"], "excludedAttributes": ["emails"]});
        assert_eq!(search(&server, both).await.status, status);
    }
}

#[tokio::test]
async fn a_search_body_takes_an_array_of_names_and_in_interop_a_string_with_commas() {
    for (profile, status) in [(Profile::rfc(), 400), (Profile::interop(), 200)] {
        let server = Server::start(Backend::Memory, profile).await;
        server.create_user("bjensen").await;
        let answer = search(&server, json!({"attributes": "userName, emails"})).await;
        assert_eq!(answer.status, status, "{answer}");
        if status == 400 {
            answer.assert_error(400, Some("invalidSyntax"));
        } else {
            assert_eq!(answer.json()["Resources"][0]["meta"], Value::Null);
        }
        let array = json!({"attributes": ["userName", "emails"]});
        assert_eq!(search(&server, array).await.status, 200);
    }
}
