//! Security events (RFC 9967, RFC 8417), polled (RFC 8936), and bulk requests that are answered before they are done.

use std::{
    collections::{BTreeMap, HashSet},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use jsonwebtoken::{DecodingKey, Validation, jwk::JwkSet};
use keyfob_core::{Clock, DateTime, Registry};
use keyfob_engine::{DynStore, Feeds, Position, TenantId};
use keyfob_http::Runtime;
use keyfob_provisioning::{Profile, Provisioner};
use keyfob_store_memory::MemoryStore;
use serde_json::{Value, json};

use crate::support::{Answer, BASE_URL, Backend, Server, builder, organization};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PROV: &str = "urn:ietf:params:scim:event:prov";
pub(crate) const COMPLETION: &str = "urn:ietf:params:scim:event:misc:asyncresp";

pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs work with tokio.
pub(crate) struct Tokio;

impl Runtime for Tokio {
    fn spawn(&self, work: Work) {
        tokio::spawn(work);
    }

    fn sleep(&self, time: Duration) -> Work {
        Box::pin(tokio::time::sleep(time))
    }
}

/// Keeps work until it is asked for; it never sleeps.
#[derive(Clone, Default)]
pub(crate) struct Held(pub(crate) Arc<Mutex<Vec<Work>>>);

impl Runtime for Held {
    fn spawn(&self, work: Work) {
        self.0.lock().unwrap().push(work);
    }

    fn sleep(&self, _: Duration) -> Work {
        Box::pin(std::future::ready(()))
    }
}

impl Held {
    pub(crate) async fn run(&self) {
        let work: Vec<Work> = self.0.lock().unwrap().drain(..).collect();
        for work in work {
            work.await;
        }
    }
}

pub(crate) async fn server(backend: Backend, profile: Profile) -> Server {
    Server::start_with(backend, profile, |builder| builder.security_events(Tokio)).await
}

pub(crate) async fn poll(server: &Server, request: &Value) -> Answer {
    server.send("POST", "/Events", Some(request)).await
}

/// The tokens that wait, as they are, by their ids.
pub(crate) async fn waiting(server: &Server) -> BTreeMap<String, String> {
    let answer = poll(server, &json!({"returnImmediately": true})).await;
    assert_eq!(answer.status, 200, "{answer}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let sets = answer.json()["sets"].clone();
    serde_json::from_value(sets).unwrap()
}

/// The claims of the tokens that wait, in the order of the stream, each checked by the key that the service names.
pub(crate) async fn received(server: &Server) -> Vec<Value> {
    let keys = server.send("GET", "/Events/keys", None).await;
    assert_eq!(keys.status, 200, "{keys}");
    let keys: JwkSet = serde_json::from_value(keys.json()).unwrap();
    let mut claims = Vec::new();
    for (id, token) in waiting(server).await {
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("secevent+jwt"));
        let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.set_audience(&[format!("{BASE_URL}/Events")]);
        validation.set_issuer(&[BASE_URL]);
        let key = DecodingKey::from_jwk(key).unwrap();
        let token = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap();
        assert_eq!(token.claims["jti"], id);
        claims.push(token.claims);
    }
    claims.sort_by_key(|claims| position(claims["jti"].as_str().unwrap()));
    claims
}

pub(crate) fn position(id: &str) -> u64 {
    id.split('.').next().unwrap().parse().unwrap()
}

pub(crate) async fn acknowledge(server: &Server, ids: &[&str]) -> Answer {
    poll(server, &json!({"ack": ids, "maxEvents": 0})).await
}

async fn acknowledge_all(server: &Server) {
    let sets = waiting(server).await;
    let ids: Vec<&str> = sets.keys().map(String::as_str).collect();
    let answer = acknowledge(server, &ids).await;
    assert_eq!(
        answer.json(),
        json!({"sets": {}, "moreAvailable": false}),
        "{answer}"
    );
}

pub(crate) fn user(name: &str) -> Value {
    json!({"schemas": [USER], "userName": name, "externalId": name, "password": "t1meMa$heen"})
}

pub(crate) fn bulk(operations: &[Value]) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations})
}

pub(crate) fn post(id: &str) -> Value {
    json!({"method": "POST", "path": "/Users", "bulkId": id, "data": user(id)})
}

/// Section 2 of RFC 9967 with section 2.2 of RFC 8417: what a token says of each kind of change, and what it doesn't.
#[tokio::test]
async fn rfc_9967_2_changes_are_told_in_notices_that_hold_no_value() {
    for backend in Backend::ALL {
        let server = server(backend, Profile::rfc()).await;
        let id = server.create("/Users", &user("bjensen")).await;
        let path = format!("/Users/{id}");
        let retitle = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": "title", "value": "Guide"}]});
        server.send("PATCH", &path, Some(&retitle)).await;
        let mut replaced = user("bjensen");
        replaced["nickName"] = "Babs".into();
        server.send("PUT", &path, Some(&replaced)).await;
        // What changes nothing is no event.
        server.send("PUT", &path, Some(&replaced)).await;
        server
            .create(
                "/Groups",
                &json!({"schemas": [GROUP], "displayName": "Guides", "members": [{"value": id}]}),
            )
            .await;
        server.send("DELETE", &path, None).await;
        let events = received(&server).await;
        let kinds: Vec<(&str, &str)> = events
            .iter()
            .map(|claims| {
                let events = claims["events"].as_object().unwrap();
                assert_eq!(events.len(), 1, "{claims}");
                let subject = &claims["sub_id"];
                assert_eq!(subject["format"], "scim", "{claims}");
                (
                    events.keys().next().unwrap().as_str(),
                    subject["uri"].as_str().unwrap(),
                )
            })
            .collect();
        let of_user = |kind: &str| (format!("{PROV}:{kind}"), path.clone());
        let expected = [
            of_user("create:notice"),
            of_user("patch:notice"),
            of_user("put:notice"),
        ];
        for (found, (kind, path)) in kinds.iter().zip(&expected) {
            assert_eq!(*found, (kind.as_str(), path.as_str()), "{backend:?}");
        }
        assert!(
            kinds.contains(&(format!("{PROV}:delete").as_str(), path.as_str())),
            "{kinds:?}"
        );
        let mut ids = HashSet::new();
        for claims in &events {
            let text = claims.to_string();
            for secret in ["t1meMa$heen", "Babs", "\"Guide\"", &server.token] {
                assert!(!text.contains(secret), "{claims}");
            }
            let (kind, payload) = claims["events"].as_object().unwrap().iter().next().unwrap();
            let is_notice = kind.ends_with(":notice");
            // Exactly one of the two, and none of both for a deletion.
            assert_eq!(payload["attributes"].is_array(), is_notice, "{claims}");
            assert!(payload.get("data").is_none(), "{claims}");
            assert_eq!(*payload == json!({}), kind.ends_with(":delete"), "{claims}");
            assert!(
                claims.get("sub").is_none() && claims.get("exp").is_none(),
                "{claims}"
            );
            assert!(payload.get("sub_id").is_none(), "{claims}");
            assert!(claims["txn"].is_string() && claims["iat"].is_u64(), "{claims}");
            assert!(ids.insert(claims["jti"].to_string()), "{claims}");
        }
        assert_eq!(events[0]["sub_id"]["externalId"], "bjensen", "{}", events[0]);
        let of = |kind: &str, endpoint: &str| {
            let uri = format!("{PROV}:{kind}");
            let mut payloads = events.iter().filter(|claims| {
                let subject = claims["sub_id"]["uri"].as_str().unwrap();
                subject.starts_with(endpoint)
            });
            payloads
                .find_map(|claims| claims["events"].get(&uri))
                .unwrap()
                .clone()
        };
        // Section 2.4.1: a creation names what was created, and what isn't kept was not.
        assert_eq!(
            (of("create:notice", "/Users"), of("create:notice", "/Groups")),
            (
                json!({"attributes": ["active", "externalId", "userName"], "version": "W/\"1\""}),
                json!({"attributes": ["displayName", "members"], "version": "W/\"1\""}),
            ),
            "{backend:?}"
        );
        let patched = &events[1]["events"][format!("{PROV}:patch:notice")];
        assert_eq!(
            *patched,
            json!({"attributes": ["title"], "version": "W/\"2\""}),
            "{backend:?}"
        );
        let put = events[2]["events"][format!("{PROV}:put:notice")]["attributes"]
            .as_array()
            .unwrap();
        assert!(
            put.contains(&"nickName".into()) && put.contains(&"title".into()),
            "{put:?}"
        );
    }
}

/// RFC 9967 section 2.2: `txn` is that of the transaction, which several events share, and those of a bulk request have the numbers
/// of their operations in the order of the request.
#[tokio::test]
async fn rfc_9967_2_2_events_of_one_transaction_share_its_txn() {
    for backend in Backend::ALL {
        let server = server(backend, Profile::rfc()).await;
        let operations = [
            json!({"method": "POST", "path": "/Groups", "bulkId": "g",
                "data": {"schemas": [GROUP], "displayName": "Guides", "members": [{"value": "bulkId:u"}]}}),
            post("u"),
        ];
        let answer = server.send("POST", "/Bulk", Some(&bulk(&operations))).await;
        assert_eq!(answer.status, 200, "{answer}");
        server.create("/Users", &user("other")).await;
        let events = received(&server).await;
        let of = |endpoint: &str| {
            let mut events = events.iter();
            let event = events.find(|claims| claims["sub_id"]["uri"].as_str().unwrap().starts_with(endpoint));
            event.unwrap()["txn"].as_str().unwrap().to_owned()
        };
        let (group, user) = (of("/Groups/"), of("/Users/"));
        let transaction = group
            .strip_suffix(":0")
            .expect("the number of the first operation");
        assert_eq!(user, format!("{transaction}:1"), "{backend:?}");
        assert!(
            events
                .iter()
                .all(|claims| claims["txn"] != "g" && claims["txn"] != "u")
        );
        let other = events.last().unwrap()["txn"].as_str().unwrap();
        assert!(!other.starts_with(transaction), "{other}");
    }
}

/// RFC 9967 section 2.4: a creation names what was created, and POSTs of a circle create their groups without members, which then
/// join (RFC 7644 section 3.7.1).
#[tokio::test]
async fn rfc_9967_2_4_the_groups_of_a_circle_are_created_and_then_changed() {
    for backend in Backend::ALL {
        let server = server(backend, Profile::rfc()).await;
        let group = |id: &str, member: &str| {
            json!({"method": "POST", "path": "/Groups", "bulkId": id, "data": {"schemas": [GROUP],
                "displayName": id, "members": [{"value": format!("bulkId:{member}")}]}})
        };
        let operations = [group("a", "b"), group("b", "a")];
        let answer = server.send("POST", "/Bulk", Some(&bulk(&operations))).await;
        assert_eq!(answer.status, 200, "{answer}");
        let payloads: Vec<Value> = received(&server)
            .await
            .iter()
            .map(|claims| claims["events"].clone())
            .collect();
        let notice = |kind: &str, attribute: &str, version: &str| json!({format!("{PROV}:{kind}:notice"): {"attributes": [attribute], "version": version}});
        let created = notice("create", "displayName", "W/\"1\"");
        let changed = notice("patch", "members", "W/\"2\"");
        assert_eq!(
            payloads,
            [created.clone(), created, changed.clone(), changed],
            "{backend:?}"
        );
    }
}

/// RFC 8936 section 2: what isn't acknowledged comes again, unchanged; what is doesn't.
#[tokio::test]
async fn rfc_8936_2_events_come_again_until_they_are_acknowledged() {
    for backend in Backend::ALL {
        let server = server(backend, Profile::rfc()).await;
        for name in ["a", "b", "c"] {
            server.create("/Users", &user(name)).await;
        }
        let first = waiting(&server).await;
        assert_eq!(first.len(), 3);
        assert_eq!(waiting(&server).await, first, "the same tokens, word for word");
        let two = poll(&server, &json!({"returnImmediately": true, "maxEvents": 2}))
            .await
            .json();
        assert_eq!(
            (two["sets"].as_object().unwrap().len(), &two["moreAvailable"]),
            (2, &json!(true))
        );
        let mut ids: Vec<&str> = first.keys().map(String::as_str).collect();
        ids.sort_by_key(|id| position(id));
        // Each has a state of its own: one that is acknowledged before an older one doesn't come again with that one.
        let answer = poll(&server, &json!({"ack": &ids[1..2], "returnImmediately": true}))
            .await
            .json();
        let left: BTreeMap<String, String> = serde_json::from_value(answer["sets"].clone()).unwrap();
        assert_eq!(left.keys().collect::<Vec<_>>(), [ids[0], ids[2]], "{backend:?}");
        assert!(left.iter().all(|(id, token)| first[id] == *token));
        server.create("/Users", &user("d")).await;
        assert_eq!(
            waiting(&server).await.len(),
            3,
            "what is left stops nothing newer"
        );
        let answer = poll(&server, &json!({"ack": &ids[..1], "returnImmediately": true}))
            .await
            .json();
        assert_eq!(answer["sets"].as_object().unwrap().len(), 2);
        // An acknowledgement whose answer was lost is sent again.
        assert_eq!(acknowledge(&server, &ids[..2]).await.status, 200);
        // The newest can't be used, and is not sent again either; the one before it is.
        let newest = waiting(&server)
            .await
            .into_keys()
            .find(|id| id != ids[2])
            .unwrap();
        let errors = json!({"setErrs": {&newest: {"err": "invalid_request", "description": "no idea"}}, "maxEvents": 0});
        for _ in 0..2 {
            assert_eq!(poll(&server, &errors).await.status, 200);
            assert_eq!(
                waiting(&server).await.keys().collect::<Vec<_>>(),
                [ids[2]],
                "{backend:?}"
            );
        }
        assert_eq!(acknowledge(&server, &[ids[2], &newest]).await.status, 200);
        assert!(waiting(&server).await.is_empty());
    }
}

#[tokio::test]
async fn rfc_8936_2_a_forged_acknowledgement_is_refused_and_acknowledges_nothing() {
    for backend in Backend::ALL {
        let server = server(backend, Profile::rfc()).await;
        server.create("/Users", &user("a")).await;
        let sets = waiting(&server).await;
        let id = sets.keys().next().unwrap();
        let (place, identity) = id.split_once('.').unwrap();
        let number: u64 = place.parse().unwrap();
        let others = [
            format!("{}.{identity}", number + 1),
            format!("{place}.00000000-0000-0000-0000-000000000000:0"),
            format!("0{id}"),
            identity.to_owned(),
            String::new(),
            "a".repeat(100_000),
        ];
        for forged in others.iter().map(String::as_str) {
            let answer = acknowledge(&server, &[id.as_str(), forged]).await;
            answer.assert_error(400, Some("invalidValue"));
            assert!(answer.body.len() < 500, "{answer}");
            assert_eq!(waiting(&server).await, sets, "{backend:?}: {forged}");
        }
        let many = vec![id.as_str(); 1_001];
        acknowledge(&server, &many)
            .await
            .assert_error(400, Some("tooMany"));
        for malformed in [
            json!([]),
            json!({"ack": id}),
            json!({"maxEvents": -1}),
            json!({"setErrs": {id: 1}}),
        ] {
            poll(&server, &malformed)
                .await
                .assert_error(400, Some("invalidSyntax"));
        }
        assert_eq!(waiting(&server).await, sets);
    }
}

/// RFC 9967 section 5: nobody reads events but those who may send requests of the tenant.
#[tokio::test]
async fn rfc_9967_5_a_stream_is_its_tenants_alone() {
    let engine = Provisioner::builder(DynStore::new(MemoryStore::new()), Registry::verkada().clone())
        .with_profile(Profile::rfc())
        .build();
    let acme = organization(&engine, "acme").await;
    let globex = organization(&engine, "globex").await;
    let service = builder(&engine)
        .base_path("/scim/v2")
        .public_url(BASE_URL.parse().unwrap())
        .security_events(Tokio)
        .build();
    let server = |token: &str| Server {
        service: service.clone(),
        engine: engine.clone(),
        token: token.to_owned(),
        _directory: None,
    };
    let (acme, globex) = (server(&acme), server(&globex));
    acme.create("/Users", &user("a")).await;
    let sets = waiting(&acme).await;
    assert_eq!(sets.len(), 1);
    assert!(waiting(&globex).await.is_empty());
    let ids: Vec<&str> = sets.keys().map(String::as_str).collect();
    acknowledge(&globex, &ids)
        .await
        .assert_error(400, Some("invalidValue"));
    assert_eq!(waiting(&acme).await, sets);
    let nobody = server("none");
    for (method, path) in [("POST", "/Events"), ("GET", "/Events/keys")] {
        nobody
            .send(method, path, Some(&json!({})))
            .await
            .assert_error(401, None);
    }
    // The key is the store's, so that every server signs by the same one.
    let keys = acme.send("GET", "/Events/keys", None).await;
    assert_eq!(keys.header("content-type"), Some("application/jwk-set+json"));
    assert!(!keys.json().to_string().contains("\"d\""), "{keys}");
    let again = builder(&engine)
        .base_path("/scim/v2")
        .security_events(Tokio)
        .build();
    let again = Server {
        service: again,
        ..server(&acme.token)
    };
    assert_eq!(again.send("GET", "/Events/keys", None).await.json(), keys.json());
}

/// RFC 8936 section 2.4: an answer waits for an event unless the receiver wants it at once.
#[tokio::test(start_paused = true)]
async fn rfc_8936_2_4_an_answer_waits_for_an_event() {
    // A clock that is paused runs on while a store works on threads of its own.
    let server = Arc::new(server(Backend::Memory, Profile::rfc()).await);
    let waits = {
        let server = Arc::clone(&server);
        tokio::spawn(async move { poll(&server, &json!({})).await.json() })
    };
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!waits.is_finished());
    server.create("/Users", &user("a")).await;
    let answer = waits.await.unwrap();
    assert_eq!(answer["sets"].as_object().unwrap().len(), 1, "{answer}");
    acknowledge_all(&server).await;
    // It doesn't wait for ever.
    let start = tokio::time::Instant::now();
    let answer = poll(&server, &json!({})).await.json();
    assert_eq!(answer, json!({"sets": {}, "moreAvailable": false}));
    assert!(start.elapsed() >= Duration::from_secs(30));
    // And not for somebody whose token ended meanwhile.
    let waits = {
        let server = Arc::clone(&server);
        tokio::spawn(async move { poll(&server, &json!({})).await })
    };
    tokio::time::sleep(Duration::from_secs(1)).await;
    end_tokens(&server).await;
    waits.await.unwrap().assert_error(401, None);
}

async fn end_tokens(server: &Server) {
    let admin = server.engine.admin();
    let organization = admin.organizations().await.unwrap().remove(0);
    let cx = keyfob_engine::Context::new(organization.tenant).acting_as(keyfob_engine::Actor::Administrator);
    admin
        .unlink(&cx, Some(keyfob_provisioning::Confirmed))
        .await
        .unwrap();
}

/// RFC 9967 section 4.
#[tokio::test]
async fn rfc_9967_4_the_configuration_names_the_events_that_there_are() {
    let server = server(Backend::Memory, Profile::rfc()).await;
    let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
    let expected = json!({
        "asyncRequest": "long",
        "eventUris": [
            format!("{PROV}:create:notice"), format!("{PROV}:patch:notice"), format!("{PROV}:put:notice"),
            format!("{PROV}:delete"), COMPLETION,
        ],
    });
    assert_eq!(config["securityEvents"], expected);
    let schema = "/Schemas/urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
    let described = server.send("GET", schema, None).await.json().to_string();
    assert!(described.contains("\"securityEvents\"") && described.contains("\"eventUris\""));
    let off = Server::start(Backend::Memory, Profile::rfc()).await;
    for (method, path) in [("POST", "/Events"), ("GET", "/Events/keys")] {
        off.send(method, path, Some(&json!({})))
            .await
            .assert_error(404, None);
    }
    let answer = off
        .send_with(
            "POST",
            "/Bulk",
            &[("prefer", "respond-async")],
            Some(&bulk(&[post("a")])),
        )
        .await;
    assert_eq!(answer.status, 200, "{answer}");
}

/// RFC 9967 sections 2.5.1 and 3: a bulk request is answered at once, and each of its operations by an event.
#[tokio::test]
async fn rfc_9967_2_5_1_a_bulk_request_is_accepted_and_each_operation_has_its_event() {
    for backend in Backend::ALL {
        let held = Held::default();
        let server = Server::start_with(backend, Profile::rfc(), |builder| {
            builder.security_events(held.clone())
        })
        .await;
        let old = server.create("/Users", &user("old")).await;
        acknowledge_all(&server).await;
        let operations = [
            post("a"),
            json!({"method": "PATCH", "path": format!("/Users/{old}"), "data": {
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "add", "path": "title", "value": "Guide"}]}}),
            json!({"method": "POST", "path": "/Users", "bulkId": "b", "data": user("a")}),
            json!({"method": "DELETE", "path": format!("/Users/{old}")}),
        ];
        let headers = [("prefer", "respond-async"), ("accept", "text/plain")];
        let answer = server
            .send_with("POST", "/Bulk", &headers, Some(&bulk(&operations)))
            .await;
        assert_eq!((answer.status, answer.body.len()), (202, 0), "{answer}");
        assert_eq!(answer.header("preference-applied"), Some("respond-async"));
        // Nothing is read by GET, and a bulk request has no resource whose address it could be.
        assert_eq!(answer.header("location"), None);
        let transaction = answer.header("set-txn").unwrap().to_owned();
        assert!(waiting(&server).await.is_empty(), "nothing is done yet");
        held.run().await;
        let events = received(&server).await;
        let outcomes: Vec<&Value> = events
            .iter()
            .filter(|claims| claims["events"].get(COMPLETION).is_some())
            .collect();
        assert_eq!(outcomes.len(), operations.len(), "{backend:?}");
        for (number, (claims, status)) in outcomes.iter().zip(["201", "200", "409", "204"]).enumerate() {
            assert_eq!(claims["txn"], format!("{transaction}:{number}"), "{claims}");
            let outcome = &claims["events"][COMPLETION];
            assert_eq!(outcome["status"], status, "{claims}");
            assert_eq!(outcome["method"], operations[number]["method"], "{claims}");
            assert_eq!(
                outcome.get("bulkId"),
                operations[number].get("bulkId"),
                "{claims}"
            );
            let error = &outcome["response"];
            assert_eq!(error.is_object(), status == "409", "{claims}");
        }
        let failed = &outcomes[2]["events"][COMPLETION]["response"];
        assert_eq!(
            (&failed["status"], &failed["scimType"]),
            (&json!("409"), &json!("uniqueness"))
        );
        assert_eq!(outcomes[2]["sub_id"]["uri"], "/Users", "there is no resource");
        assert_eq!(outcomes[3]["sub_id"]["uri"], format!("/Users/{old}"));
        assert!(outcomes[0]["events"][COMPLETION]["version"].is_string());
        // The changes themselves have the same `txn` as the outcomes of their operations.
        let created = events
            .iter()
            .find(|claims| claims["events"].get(format!("{PROV}:create:notice")).is_some());
        let created = created.unwrap();
        assert_eq!(created["txn"], format!("{transaction}:0"));
        assert_eq!(created["sub_id"]["uri"], outcomes[0]["sub_id"]["uri"]);
        acknowledge_all(&server).await;
        assert!(waiting(&server).await.is_empty());
    }
}

/// What is wrong with the request as a whole is answered at once, and so is one that is done within the time for which the client
/// waits (RFC 7240 section 4.3).
#[tokio::test]
async fn rfc_7240_4_3_a_request_that_is_done_in_time_is_answered_as_usual() {
    for backend in Backend::ALL {
        let server = server(backend, Profile::rfc()).await;
        let send = async |prefer: &str, body: &Value| {
            server
                .send_with("POST", "/Bulk", &[("prefer", prefer)], Some(body))
                .await
        };
        let answer = send("respond-async, wait=20", &bulk(&[post("a")])).await;
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(answer.json()["Operations"][0]["status"], "201");
        send("respond-async", &json!({"schemas": []}))
            .await
            .assert_error(400, Some("invalidSyntax"));
        let many = vec![post("x"); 2_001];
        send("respond-async", &bulk(&many)).await.assert_error(413, None);
        let events = received(&server).await;
        assert!(
            events
                .iter()
                .all(|claims| claims["events"].get(COMPLETION).is_none())
        );
        // Other requests are answered when they are done, as the RFC allows.
        let answer = server
            .send_with("POST", "/Users", &[("prefer", "respond-async")], Some(&user("b")))
            .await;
        assert_eq!(answer.status, 201, "{answer}");
    }
}

/// RFC 9967 section 2.5.1.2: each operation has its event, those among them that `failOnErrors` left undone.
#[tokio::test]
async fn rfc_9967_2_5_1_2_operations_that_were_not_done_have_their_events_too() {
    let held = Held::default();
    let server = Server::start_with(Backend::Memory, Profile::rfc(), |builder| {
        builder.security_events(held.clone())
    })
    .await;
    let mut request = bulk(&[json!({"method": "DELETE", "path": "/Users/none"}), post("a")]);
    request["failOnErrors"] = 1.into();
    let answer = server
        .send_with("POST", "/Bulk", &[("prefer", "respond-async")], Some(&request))
        .await;
    assert_eq!(answer.status, 202, "{answer}");
    held.run().await;
    let events = received(&server).await;
    let statuses: Vec<&Value> = events
        .iter()
        .map(|claims| &claims["events"][COMPLETION]["status"])
        .collect();
    assert_eq!(statuses, ["404", "424"]);
}

/// A clock that is set.
#[derive(Clone)]
struct Set(Arc<Mutex<i64>>);

impl Clock for Set {
    fn now(&self) -> DateTime {
        DateTime::from_unix_millis(*self.0.lock().unwrap())
    }
}

/// A 202 is a promise: where the server stops before the request is done, its events say that the outcome is unknown.
#[tokio::test]
async fn a_request_that_a_server_left_undone_is_told_of_once_its_time_is_over() {
    let clock = Set(Arc::new(Mutex::new(1_767_225_600_000)));
    let engine = Provisioner::builder(DynStore::new(MemoryStore::new()), Registry::verkada().clone())
        .with_profile(Profile::rfc())
        .with_clock(clock.clone())
        .build();
    let token = organization(&engine, "acme").await;
    let held = Held::default();
    let service = builder(&engine)
        .base_path("/scim/v2")
        .public_url(BASE_URL.parse().unwrap())
        .security_events(held.clone())
        .build();
    let server = Server {
        service,
        engine,
        token,
        _directory: None,
    };
    let prefer = [("prefer", "respond-async")];
    let answer = server
        .send_with("POST", "/Bulk", &prefer, Some(&bulk(&[post("a"), post("b")])))
        .await;
    let transaction = answer.header("set-txn").unwrap();
    // The server stops.
    held.0.lock().unwrap().clear();
    assert!(waiting(&server).await.is_empty(), "another server may be at it");
    *clock.0.lock().unwrap() += 125_000;
    let events = received(&server).await;
    assert_eq!(events.len(), 2);
    for (number, claims) in events.iter().enumerate() {
        assert_eq!(claims["txn"], format!("{transaction}:{number}"));
        let outcome = &claims["events"][COMPLETION];
        assert_eq!(
            (&outcome["status"], &outcome["response"]["status"]),
            (&json!("500"), &json!("500"))
        );
        assert_eq!(claims["sub_id"]["uri"], "/Users");
    }
    assert_eq!(received(&server).await, events, "they are told of once");
}

/// Events that were trimmed before anybody read them don't stop the stream.
#[tokio::test]
async fn a_stream_goes_on_after_events_that_were_removed() {
    for backend in Backend::ALL {
        let server = server(backend, Profile::rfc()).await;
        server.create("/Users", &user("a")).await;
        assert_eq!(waiting(&server).await.len(), 1);
        let tenant: TenantId = server
            .engine
            .admin()
            .organizations()
            .await
            .unwrap()
            .remove(0)
            .tenant;
        let all = DateTime::from_unix_millis(i64::MAX / 2);
        let retention = keyfob_engine::Retention {
            read_before: all,
            unread_before: all,
        };
        while server
            .engine
            .store()
            .trim(&tenant, &retention, 100)
            .await
            .unwrap()
            > 0
        {}
        server.create("/Users", &user("b")).await;
        let feed = server
            .engine
            .store()
            .read_feed(&tenant, Position::START, 10)
            .await;
        assert!(feed.is_err(), "{feed:?}");
        let events = received(&server).await;
        assert_eq!(events.len(), 1, "{backend:?}");
        assert_eq!(events[0]["sub_id"]["externalId"], "b");
    }
}
