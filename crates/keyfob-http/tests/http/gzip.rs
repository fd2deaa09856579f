//! Bodies in gzip: what comes out of them has the limits of any body, and answers mean the same encoded or not.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use http::{Request, header};
use http_body_util::Full;
use keyfob_provisioning::Profile;
use serde_json::{Value, json};

use crate::{
    events::{self, Tokio},
    support::{Answer, Backend, Server},
};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn encoded(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// The JSON of an answer in gzip.
fn decoded(answer: &Answer) -> Value {
    let mut plain = Vec::new();
    GzDecoder::new(&answer.body[..]).read_to_end(&mut plain).unwrap();
    serde_json::from_slice(&plain).unwrap()
}

async fn server() -> Server {
    Server::start_with(Backend::Memory, Profile::interop(), |builder| {
        builder.gzip().body_limit(64 << 10).security_events(Tokio)
    })
    .await
}

async fn post(server: &Server, path: &str, codings: &[&str], body: Vec<u8>) -> Answer {
    let mut request = Request::post(format!("/scim/v2{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", server.token))
        .header(header::CONTENT_TYPE, "application/scim+json");
    for coding in codings {
        request = request.header(header::CONTENT_ENCODING, *coding);
    }
    let request: Request<Full<Bytes>> = request.body(Full::from(body)).unwrap();
    server.send_raw(request).await
}

/// A user whose answer is large.
fn large(user_name: &str) -> Value {
    json!({"schemas": [USER], "userName": user_name, "title": "guide ".repeat(4_000)})
}

#[tokio::test]
async fn rfc_9110_8_4_a_body_in_gzip_is_read_by_a_service_that_understands_it() {
    let plain = json!({"schemas": [USER], "userName": "bjensen@example.com"}).to_string();
    let with = server().await;
    let without = Server::start(Backend::Memory, Profile::interop()).await;
    let answer = post(&with, "/Users", &["gzip"], encoded(plain.as_bytes())).await;
    assert_eq!(
        (answer.status, &answer.json()["userName"]),
        (201, &json!("bjensen@example.com"))
    );
    for (server, codings, body, status, accepted) in [
        (
            &without,
            &["gzip"][..],
            encoded(plain.as_bytes()),
            415,
            Some("identity"),
        ),
        (
            &with,
            &["br"],
            encoded(plain.as_bytes()),
            415,
            Some("gzip, identity"),
        ),
        // Behind the first line another one.
        (
            &with,
            &["identity", "br"],
            plain.clone().into_bytes(),
            415,
            Some("gzip, identity"),
        ),
        (
            &with,
            &["gzip", "gzip"],
            encoded(&encoded(plain.as_bytes())),
            415,
            Some("gzip, identity"),
        ),
        (&with, &["gzip"], plain.clone().into_bytes(), 400, None),
        (&with, &["gzip"], Vec::new(), 400, None),
        // What is encoded and not said to be is no JSON.
        (&with, &[], encoded(plain.as_bytes()), 400, None),
    ] {
        let answer = post(server, "/Users", codings, body).await;
        assert_eq!(answer.status, status, "{codings:?}: {answer}");
        assert_eq!(answer.header("accept-encoding"), accepted, "{codings:?}");
        if status == 400 {
            assert_eq!(answer.json()["scimType"], "invalidSyntax", "{answer}");
        }
    }
    let found = with.send("GET", "/Users", None).await.json();
    assert_eq!(found["totalResults"], 1, "what is refused changes nothing");
}

#[tokio::test]
async fn what_comes_out_of_a_body_is_no_larger_than_a_body_may_be() {
    let server = server().await;
    let padded = |length: usize| {
        let user = json!({"schemas": [USER], "userName": format!("{length}@example.com")}).to_string();
        format!("{user}{}", " ".repeat(length - user.len()))
    };
    for (length, status) in [(64 << 10, 201), ((64 << 10) + 1, 413), (64 << 20, 413)] {
        let body = encoded(padded(length).as_bytes());
        let answer = post(&server, "/Users", &["gzip"], body).await;
        assert_eq!(answer.status, status, "{length}: {answer}");
    }
}

#[tokio::test]
async fn a_large_answer_is_encoded_for_clients_that_ask_for_it_and_means_the_same() {
    let server = server().await;
    let id = server.create("/Users", &large("large@example.com")).await;
    let small = server.create_user("small@example.com").await;
    let accepts = [("accept-encoding", "gzip, deflate, br")];
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
    for (method, path, body) in [
        ("GET", "/Users".to_owned(), None),
        ("GET", format!("/Users/{id}"), None),
        ("POST", "/Users/.search".to_owned(), Some(&search)),
        ("GET", "/Schemas".to_owned(), None),
    ] {
        let plain = server.send(method, &path, body).await;
        let answer = server.send_with(method, &path, &accepts, body).await;
        assert_eq!(
            (
                plain.header("content-encoding"),
                answer.header("content-encoding")
            ),
            (None, Some("gzip"))
        );
        assert_eq!(decoded(&answer), plain.json(), "{path}");
        assert!(
            answer.body.len() * 4 < plain.body.len(),
            "{path}: {}",
            answer.body.len()
        );
        for answer in [&plain, &answer] {
            assert_eq!(answer.header("vary"), Some("accept-encoding"), "{path}");
        }
        // The tag says that they mean the same, and is good for a condition.
        assert_eq!(plain.header("etag"), answer.header("etag"));
    }
    let path = format!("/Users/{id}");
    let answer = server.send_with("GET", &path, &accepts, None).await;
    let tag = answer.header("etag").unwrap();
    assert!(tag.starts_with("W/"), "{tag}");
    let same = server
        .send_with("GET", &path, &[accepts[0], ("if-none-match", tag)], None)
        .await;
    assert_eq!(
        (same.status, same.body.len(), same.header("content-encoding")),
        (304, 0, None)
    );
    assert_eq!(same.header("vary"), Some("accept-encoding"));
    // HEAD is GET without the body.
    let head = server.send_with("HEAD", &path, &accepts, None).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    for name in ["content-encoding", "etag", "vary"] {
        assert_eq!(head.header(name), answer.header(name), "{name}");
    }
    assert_eq!(
        head.header("content-length"),
        Some(&*answer.body.len().to_string())
    );
    // What is small, is no success, or isn't asked for so is sent as it is.
    for (path, headers) in [
        (format!("/Users/{small}"), &accepts[..]),
        ("/Nothing".to_owned(), &accepts),
        (path.clone(), &[("accept-encoding", "gzip;q=0, *")]),
        (path.clone(), &[("accept-encoding", "br")]),
    ] {
        let answer = server.send_with("GET", &path, headers, None).await;
        assert_eq!(answer.header("content-encoding"), None, "{path} {headers:?}");
    }
}

/// What a client may learn of the length of an answer is nothing of a signature.
#[tokio::test]
async fn signed_events_are_sent_as_they_are() {
    let server = server().await;
    events::poll(&server, &json!({"returnImmediately": true})).await;
    for number in 0..100 {
        server.create_user(&format!("{number}@example.com")).await;
    }
    let accepts = [("accept-encoding", "gzip")];
    let request = json!({"returnImmediately": true});
    let answer = server
        .send_with("POST", "/Events", &accepts, Some(&request))
        .await;
    assert!(
        answer.status == 200 && answer.body.len() > 32 << 10,
        "{}",
        answer.body.len()
    );
    assert_eq!(
        (answer.header("content-encoding"), answer.header("vary")),
        (None, None)
    );
}

#[tokio::test]
async fn a_service_without_gzip_encodes_nothing() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    let id = server.create("/Users", &large("large@example.com")).await;
    let accepts = [("accept-encoding", "gzip")];
    let answer = server
        .send_with("GET", &format!("/Users/{id}"), &accepts, None)
        .await;
    assert_eq!(
        (answer.header("content-encoding"), answer.header("vary")),
        (None, None)
    );
    assert!(answer.body.len() > 16 << 10);
}
