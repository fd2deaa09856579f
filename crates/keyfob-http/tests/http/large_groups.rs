//! Groups too large to be held whole: their answers are made while they are sent, and are the same answers.

use std::{io::Read as _, pin::Pin};

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{Method, Request, Response, header};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use keyfob_core::{Dialect, Member, Projection, Registry, Resource, ResourceId, ResourceType, SchemaUri};
use keyfob_engine::{Change, Commit, CommitId, Context, RelationDelta, StoreExt as _};
use keyfob_http::{AnswerBody, ScimServiceBuilder};
use keyfob_provisioning::Profile;
use serde_json::json;
use tower::ServiceExt as _;

use crate::support::{BASE_URL, Backend, Server};

const MEMBERS: usize = 12_345;

fn resource_type(name: &str) -> &'static ResourceType {
    Registry::verkada().resource_type(name).unwrap()
}

/// A service with a group `large` of users `u0` to `u12344`, some of them with a `display`, and a group `small`.
async fn server(backend: Backend) -> Server {
    let server = Server::start_with(backend, Profile::interop(), ScimServiceBuilder::gzip).await;
    let tenant = server.engine.authenticate(&server.token).await.unwrap();
    let tenant = tenant.tenant().clone();
    let user = |number: usize| {
        let mut user = Resource::new([SchemaUri::USER]);
        let core = user.core_mut();
        core.insert("userName", format!("u{number}@example.com").as_str());
        core.insert("active", true);
        Change::create(resource_type("User"), ResourceId::new(format!("u{number}")), user)
    };
    let group = |name: &str, members: usize| {
        let mut group = Resource::new([SchemaUri::GROUP]);
        group.core_mut().insert("displayName", name);
        let mut delta = RelationDelta::new("members".into());
        // Not in the order in which they were made.
        delta.add = (0..members)
            .rev()
            .map(|number| {
                let mut member = Member::new();
                member.display = (number % 3 == 0).then(|| format!("Number \"{number}\"").into());
                (ResourceId::new(format!("u{number}")), member)
            })
            .collect();
        let id = ResourceId::new(name);
        let create = Change::create(resource_type("Group"), id.clone(), group);
        [create, Change::relate(resource_type("Group"), id, vec![delta])]
    };
    let mut changes: Vec<Change> = (0..MEMBERS).map(user).collect();
    changes.extend(group("large", MEMBERS));
    changes.extend(group("small", 10));
    let at = server.engine.engine().now();
    let commit = Commit::new(CommitId::new("all"), tenant, at, changes);
    server.engine.engine().store().commit_one(commit).await.unwrap();
    server
}

async fn send(server: &Server, method: Method, path: &str, headers: &[(&str, &str)]) -> Response<AnswerBody> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("/scim/v2{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {}", server.token));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request: Request<Full<Bytes>> = request.body(Full::default()).unwrap();
    server.service.clone().oneshot(request).await.unwrap()
}

/// The pieces of a body, and whether it came to its end.
async fn pieces(body: &mut AnswerBody) -> (Vec<Bytes>, bool) {
    let mut pieces = Vec::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => pieces.push(frame.into_data().unwrap()),
            Err(_) => return (pieces, false),
        }
    }
    (pieces, true)
}

/// The resource as the engine reads it whole.
async fn whole(server: &Server, id: &str, projection: &Projection) -> Vec<u8> {
    let caller = server.engine.authenticate(&server.token).await.unwrap();
    let cx: Context = caller.context().clone().with_base_url(BASE_URL);
    let engine = server.engine.engine();
    let resource = engine
        .get(&cx, resource_type("Group"), &ResourceId::new(id), projection)
        .await;
    resource.unwrap().to_json()
}

#[tokio::test]
async fn rfc_7644_3_4_1_a_large_group_is_answered_as_any_other_and_a_page_at_a_time() {
    for backend in Backend::ALL {
        let server = server(backend).await;
        for (attributes, excluded) in [
            (None, None),
            (Some("members"), None),
            (Some("displayName,members.value"), None),
            (Some("members.display"), None),
            (Some("members.$ref,externalId"), None),
            (None, Some("members.$ref")),
            (None, Some("members.type,displayName,meta")),
        ] {
            let projection = Projection::parse(attributes, excluded, Dialect::interop()).unwrap();
            let expected = whole(&server, "large", &projection).await;
            let path = match (attributes, excluded) {
                (Some(names), _) => format!("/Groups/large?attributes={names}"),
                (_, Some(names)) => format!("/Groups/large?excludedAttributes={names}"),
                _ => "/Groups/large".into(),
            };
            let answer = send(&server, Method::GET, &path, &[]).await;
            let small = send(&server, Method::GET, "/Groups/small", &[]).await;
            let names = |answer: &Response<AnswerBody>| -> Vec<String> {
                answer.headers().keys().map(ToString::to_string).collect()
            };
            assert_eq!((answer.status().as_u16(), names(&answer)), (200, names(&small)));
            // Its length isn't known before its end.
            assert_eq!(answer.body().size_hint().exact(), None);
            assert!(small.body().size_hint().exact().is_some());
            let (pieces, is_whole) = pieces(&mut answer.into_body()).await;
            assert!(is_whole);
            // The head with the first page, the pages, the rest.
            assert_eq!(pieces.len(), 1 + MEMBERS / 1_000 + 1, "{path}");
            let largest = pieces.iter().map(Bytes::len).max().unwrap();
            assert!(largest < 256 << 10, "{path}: a piece of {largest} bytes");
            assert_eq!(pieces.concat(), expected, "{backend:?} {path}");
        }
        // Without its members it is small.
        let answer = send(
            &server,
            Method::GET,
            "/Groups/large?excludedAttributes=members",
            &[],
        )
        .await;
        assert!(
            answer
                .body()
                .size_hint()
                .exact()
                .is_some_and(|bytes| bytes < 1_000)
        );
    }
}

#[tokio::test]
async fn rfc_9110_9_3_2_head_conditions_and_gzip_mean_the_same_of_a_large_group() {
    for backend in Backend::ALL {
        let server = server(backend).await;
        let plain = send(&server, Method::GET, "/Groups/large", &[]).await;
        let tag = plain.headers()[header::ETAG].to_str().unwrap().to_owned();
        let head = send(&server, Method::HEAD, "/Groups/large", &[]).await;
        assert_eq!(head.headers()[header::ETAG], tag.as_str());
        assert!(!head.headers().contains_key(header::CONTENT_LENGTH));
        assert_eq!(head.into_body().collect().await.unwrap().to_bytes(), "");
        let same = send(&server, Method::GET, "/Groups/large", &[("if-none-match", &tag)]).await;
        assert_eq!(same.status(), 304);
        let other = send(&server, Method::GET, "/Groups/large", &[("if-match", "W/\"77\"")]).await;
        assert_eq!(other.status(), 412);
        let expected = plain.into_body().collect().await.unwrap().to_bytes();

        let accept = [("accept-encoding", "gzip")];
        let answer = send(&server, Method::GET, "/Groups/large", &accept).await;
        assert_eq!(answer.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(answer.headers()[header::VARY], "accept-encoding");
        // Few are encoded at once, since their clients may take their time.
        let second = send(&server, Method::GET, "/Groups/large", &accept).await;
        let third = send(&server, Method::GET, "/Groups/large", &accept).await;
        assert!(second.headers().contains_key(header::CONTENT_ENCODING));
        assert!(!third.headers().contains_key(header::CONTENT_ENCODING));
        let (encoded, is_whole) = pieces(&mut answer.into_body()).await;
        assert!(is_whole && encoded.len() > 5, "{} pieces", encoded.len());
        let encoded = encoded.concat();
        assert!(encoded.len() * 4 < expected.len());
        let mut decoded = Vec::new();
        GzDecoder::new(&encoded[..]).read_to_end(&mut decoded).unwrap();
        assert_eq!(decoded, expected);
        let fourth = send(&server, Method::GET, "/Groups/large", &accept).await;
        assert!(fourth.headers().contains_key(header::CONTENT_ENCODING));
    }
}

#[tokio::test]
async fn an_answer_is_cut_when_its_group_changes_and_not_when_others_do() {
    let operation = |op: &str, value: serde_json::Value| {
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": op, "path": "members", "value": value}],
        })
    };
    let leaving = operation("remove", json!([{"value": "u7"}]));
    let joining = operation("add", json!([{"value": "u11"}]));
    for backend in Backend::ALL {
        for (method, path, body, is_cut) in [
            ("PATCH", "/Groups/small", Some(&joining), false),
            ("DELETE", "/Groups/small", None, false),
            ("PATCH", "/Groups/large", Some(&leaving), true),
            ("DELETE", "/Users/u12000", None, true),
            ("DELETE", "/Groups/large", None, true),
        ] {
            let server = server(backend).await;
            for accept in ["identity", "gzip"] {
                let answer = send(
                    &server,
                    Method::GET,
                    "/Groups/large",
                    &[("accept-encoding", accept)],
                )
                .await;
                if answer.status() == 404 {
                    continue;
                }
                let mut body_sent = answer.into_body();
                let first = body_sent.frame().await.unwrap().unwrap();
                assert!(!first.into_data().unwrap().is_empty());
                if accept == "identity" {
                    let changed = server.send(method, path, body).await;
                    assert!((200..300).contains(&changed.status), "{changed}");
                    let (pieces, is_whole) = pieces(&mut body_sent).await;
                    assert_eq!(is_whole, !is_cut, "{backend:?} {method} {path}");
                    // Nothing that was read after the change was sent.
                    assert!(!is_cut || pieces.is_empty());
                    assert!(Pin::new(&mut body_sent).frame().await.is_none());
                }
            }
        }
    }
}
