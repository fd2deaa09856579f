//! OAuth 2.0 access tokens.

use std::{
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use http::StatusCode;
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, JwkSet},
};
use keyfob::{prelude::*, store::Feeds as _, store::Position};
use own_authentication::{AccessTokens, Claims, OwnDomain, access_tokens};
use serde_json::{Value, json};

use crate::support::{Server, engine};

const ISSUER: &str = "https://login.example.com";
const AUDIENCE: &str = "https://scim.example.com";

/// The authorization server's private key number so many, in the form of RFC 8410 section 7.
fn key(number: u8) -> EncodingKey {
    let form = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ];
    EncodingKey::from_ed_der(&[&form[..], &[number; 32]].concat())
}

/// The document in which the authorization server publishes its keys.
fn keys() -> JwkSet {
    let mut public = Jwk::from_encoding_key(&key(1), Algorithm::EdDSA).unwrap();
    public.common.key_id = Some("2026".into());
    let text = serde_json::to_string(&JwkSet { keys: vec![public] }).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the library that is tried reads the machine's clock"
)]
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The claims of a good token, changed.
fn claims(change: &Value) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "entra", "tenant": "acme",
        "exp": now() + 600, "scope": "openid scim.write",
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn token(change: &Value) -> String {
    signed(&claims(change), Some("2026"), &key(1))
}

fn signed(claims: &Value, id: Option<&str>, key: &EncodingKey) -> String {
    let header = Header {
        kid: id.map(ToOwned::to_owned),
        ..Header::new(Algorithm::EdDSA)
    };
    encode(&header, claims, key).unwrap()
}

fn server(engine: Engine<MemoryStore>) -> Server {
    let tokens = AccessTokens::new(ISSUER, AUDIENCE, &keys()).unwrap();
    Server::new(engine, tokens, access_tokens::scheme())
}

#[tokio::test]
async fn rfc_9068_4_a_token_is_good_for_its_tenant_and_its_scopes() {
    let server = server(engine());
    let writer = token(&json!({}));
    let reader = token(&json!({"scope": "scim.read"}));
    let other = token(&json!({"tenant": "globex", "aud": ["https://else.example.com", AUDIENCE]}));
    assert_eq!(server.create(&writer, "bjensen@acme.example").await.status, 201);
    assert_eq!(server.total(&writer).await, 1);
    assert_eq!(server.total(&reader).await, 1);
    assert_eq!(server.total(&other).await, 0);
    for (scope, method) in [("scim.read", "POST"), ("", "GET"), ("scim.writer", "GET")] {
        let token = token(&json!({"scope": scope}));
        let answer = match method {
            "POST" => server.create(&token, "jsmith@acme.example").await,
            _ => server.send("GET", "/Users", &token, None).await,
        };
        assert_eq!(answer.status, 403, "{scope}");
        let challenge = answer.challenge;
        assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
    }
}

#[tokio::test]
async fn rfc_6750_3_1_a_token_that_is_not_good_is_refused_and_only_its_holder_learns_why() {
    let server = server(engine());
    let good = token(&json!({}));
    let altered = {
        let (rest, signature) = good.rsplit_once('.').unwrap();
        let mut characters: Vec<char> = signature.chars().collect();
        characters.swap(0, 1);
        characters.insert(0, 'A');
        characters.pop();
        format!("{rest}.{}", characters.into_iter().collect::<String>())
    };
    // The public key taken for a secret, which everybody has.
    let confused = {
        let public = serde_json::to_value(keys()).unwrap()["keys"][0]["x"]
            .as_str()
            .unwrap()
            .to_owned();
        let header = Header {
            kid: Some("2026".into()),
            ..Header::new(Algorithm::HS256)
        };
        let secret = EncodingKey::from_secret(public.as_bytes()).unwrap();
        encode(&header, &claims(&json!({})), &secret).unwrap()
    };
    let without_expiry = {
        let mut claims = claims(&json!({}));
        claims.as_object_mut().unwrap().remove("exp");
        signed(&claims, Some("2026"), &key(1))
    };
    for (token, reason) in [
        ("", None),
        ("x", None),
        ("a.b.c", None),
        // `alg: none`
        ("eyJhbGciOiJub25lIiwia2lkIjoiMjAyNiJ9.e30.", None),
        (&altered, None),
        (&confused, None),
        (&without_expiry, None),
        (&signed(&claims(&json!({})), Some("2026"), &key(2)), None),
        (&signed(&claims(&json!({})), Some("2025"), &key(1)), None),
        (&signed(&claims(&json!({})), None, &key(1)), None),
        (&token(&json!({"iss": "https://evil.example.com"})), None),
        (&token(&json!({"exp": "tomorrow"})), None),
        (&token(&json!({"tenant": 1})), None),
        (&token(&json!({"tenant": ""})), None),
        (
            &token(&json!({"exp": now() - 600})),
            Some("the access token has expired"),
        ),
        (
            &token(&json!({"nbf": now() + 600})),
            Some("the access token is not valid yet"),
        ),
        (
            &token(&json!({"aud": "else"})),
            Some("the access token is for another service"),
        ),
    ] {
        let answer = server.create(token, "bjensen@acme.example").await;
        assert_eq!(answer.status, 401, "{token}");
        let expected = match reason {
            None => "Bearer realm=\"SCIM\"".to_owned(),
            Some(reason) => {
                format!("Bearer realm=\"SCIM\", error=\"invalid_token\", error_description=\"{reason}\"")
            }
        };
        assert_eq!(answer.challenge, expected, "{token}");
    }
    assert_eq!(server.total(&good).await, 0);
}

#[tokio::test]
async fn what_authentication_has_read_travels_to_facts_rules_and_events() {
    /// The application's record of a client.
    struct Plan(bool);

    /// Looks at the claims, and would ask a database.
    struct Plans(Arc<Mutex<Vec<String>>>);

    impl<S: Store> FactSource<S> for Plans {
        async fn read(&self, _: &S, cx: &Context) -> Result<Facts, StoreError> {
            let client = cx.facts().get::<Claims>().map(|claims| claims.sub.clone());
            let client = client.unwrap_or_default();
            let plan = Plan(client == "entra");
            self.0.lock().unwrap().push(client);
            Ok(Facts::new().with(Arc::new(plan)))
        }
    }

    struct Paid;

    impl Rule for Paid {
        fn review(&self, _: &Context, review: &mut Review<'_>) -> Result<(), Rejection> {
            let is_paid = review.facts().get::<Plan>().is_some_and(|plan| plan.0);
            let body = keyfob::core::ErrorBody::new(StatusCode::FORBIDDEN.as_u16(), "not in this plan");
            if is_paid {
                Ok(())
            } else {
                Err(Rejection::other("no plan", body))
            }
        }
    }

    let asked = Arc::default();
    let engine = engine()
        .with_facts(Plans(Arc::clone(&asked)))
        .with_rule(Paid)
        .with_rule(OwnDomain);
    let server = server(engine);
    let bound = token(&json!({"domain": "acme.example"}));
    assert_eq!(server.create(&bound, "bjensen@ACME.example").await.status, 201);
    let foreign = server.create(&bound, "bjensen@globex.example").await;
    assert_eq!(foreign.status, 403);
    assert_eq!(
        foreign.body["detail"],
        "`userName`: this client provisions users of `acme.example` alone"
    );
    let unpaid = server
        .create(&token(&json!({"sub": "okta"})), "jsmith@acme.example")
        .await;
    assert_eq!(
        (unpaid.status, &unpaid.body["detail"]),
        (403, &json!("not in this plan"))
    );
    assert_eq!(*asked.lock().unwrap(), ["entra", "entra", "okta"]);

    let acme = TenantId::new("acme");
    let feed = server.engine.store().read_feed(&acme, Position::START, 10);
    let events = feed.await.unwrap();
    let told: Vec<_> = events.iter().map(|event| event.event.name.as_str()).collect();
    assert_eq!(told, ["created", "provisionedWithinDomain"]);
    for event in &events {
        assert_eq!(
            (event.actor.identity.as_str(), event.actor.credential.as_str()),
            ("entra", "access token")
        );
    }
    assert_eq!(events[1].event.data.get_str("domain"), Some("acme.example"));
}

#[tokio::test]
async fn rfc_7643_5_the_service_says_where_tokens_come_from() {
    let server = server(engine());
    let config = server
        .send("GET", "/ServiceProviderConfig", &token(&json!({})), None)
        .await
        .body;
    let scheme = &config["authenticationSchemes"][0];
    assert_eq!(
        (&scheme["type"], &scheme["primary"]),
        (&json!("oauth2"), &json!(true))
    );
}

#[test]
fn rfc_7517_8_5_a_symmetric_key_in_a_public_document_verifies_nothing() {
    let set = json!({"keys": [{"kty": "oct", "kid": "2026", "k": "c2VjcmV0"}]});
    let set: JwkSet = serde_json::from_value(set).unwrap();
    let tokens = AccessTokens::new(ISSUER, AUDIENCE, &set).unwrap();
    assert_eq!(format!("{tokens:?}"), "[]");
}
