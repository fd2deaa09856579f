//! Who may send requests, and what `/Me` is (RFC 7644 sections 2 and 3.11).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use http::{Request, request::Parts};
use http_body_util::Full;
use keyfob_core::ResourceId;
use keyfob_engine::{
    Actor, AuthenticationError, AuthenticationScheme, Authenticator, Caller, Context, DynStore, Query, Store,
    StoreError, TenantId,
};
use keyfob_http::{BearerTokens, RequestAuthenticator, RequestAuthenticatorError, ScimService};
use keyfob_provisioning::{Confirmed, Profile, Provisioner};
use serde_json::json;
use tower::ServiceExt;

use crate::support::{Answer, BASE_URL, Backend, Server};

/// Takes the organization's token, and `x-user` for the resource that the caller is.
struct Application {
    tokens: BearerTokens<Provisioner<DynStore>>,
}

impl RequestAuthenticator for Application {
    async fn authenticate(&self, request: &Parts) -> Result<Caller, RequestAuthenticatorError> {
        let caller = self.tokens.authenticate(request).await?;
        match request
            .headers
            .get("x-user")
            .and_then(|value| value.to_str().ok())
        {
            Some("nobody") => Err(AuthenticationError::Forbidden.into()),
            Some("reader") => Ok(caller.read_only()),
            Some("no tenant") => Ok(Caller::new(TenantId::new(""))),
            Some("broken") => Err(StoreError::unavailable("the directory is away").into()),
            Some(id) => match id.strip_prefix("token:") {
                Some(id) => Ok(caller.with_resource("Token", ResourceId::new(id))),
                None => Ok(caller.with_resource("User", ResourceId::new(id))),
            },
            None => Ok(caller),
        }
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        let by_session = AuthenticationScheme::new("cookie", "Session", "The session of the application")
            .documented_at("https://docs.example.com/sessions");
        vec![
            AuthenticationScheme::bearer(),
            AuthenticationScheme::new("httpbasic", "API key", "The key as the password")
                .challenging_with("Basic realm=\"Keys\""),
            by_session,
        ]
    }
}

async fn application() -> Server {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    let engine = Arc::clone(server.engine.engine());
    let tokens = BearerTokens::new(&engine, server.engine.clone());
    let service = ScimService::builder(engine, Application { tokens })
        .base_path("/scim/v2")
        .public_url(BASE_URL.parse().unwrap())
        .documented_at("https://docs.example.com/scim")
        .build();
    Server { service, ..server }
}

#[tokio::test]
async fn every_endpoint_needs_a_token_and_every_bad_one_is_refused_alike() {
    let mut server = Server::start(Backend::Memory, Profile::interop()).await;
    let user = server.create_user("bjensen").await;
    let good = std::mem::take(&mut server.token);
    let altered = good.replace("kf_", "kf-");
    let long = "a".repeat(100_000);
    let bad = [
        "",
        "x",
        &altered,
        &format!("{good} "),
        &format!("{good}{good}"),
        &long,
        "\u{fc}",
    ];
    let mut refusals = Vec::new();
    for token in bad.iter().filter(|token| token.trim() != good) {
        let value = format!("Bearer {token}");
        refusals.push(
            server
                .send_with("GET", "/Users", &[("authorization", &value)], None)
                .await,
        );
    }
    for value in ["Basic YTpi", "Bearer", "Token x"] {
        refusals.push(
            server
                .send_with("GET", "/Users", &[("authorization", value)], None)
                .await,
        );
    }
    for (method, path) in [
        ("GET", "/ServiceProviderConfig"),
        ("GET", "/ResourceTypes"),
        ("GET", "/Schemas"),
        ("GET", "/Me"),
        ("GET", "/Nothing"),
        ("POST", "/Bulk"),
        ("OPTIONS", "/Users"),
        ("DELETE", &format!("/Users/{user}")),
    ] {
        refusals.push(server.send(method, path, None).await);
    }
    let first = refusals[0].to_string();
    for refusal in refusals {
        refusal.assert_error(401, None);
        assert_eq!(refusal.header("www-authenticate"), Some("Bearer realm=\"SCIM\""));
        assert_eq!(refusal.to_string(), first, "nothing tells why a token is refused");
    }
    server.token = good;
    assert_eq!(
        server.send("GET", &format!("/Users/{user}"), None).await.status,
        200
    );
}

#[tokio::test]
async fn rfc_6750_3_1_a_credential_that_may_read_reads_everything_and_writes_nothing() {
    let server = application().await;
    let user = server.create_user("bjensen").await;
    let reader = [("x-user", "reader")];
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "other"});
    let retitle = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "Guide"}]});
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
    let path = format!("/Users/{user}");
    for (method, path, body, status) in [
        ("GET", path.as_str(), None, 200),
        ("HEAD", &path, None, 200),
        ("GET", "/Users", None, 200),
        ("POST", "/Users/.search", Some(&search), 200),
        ("GET", "/ServiceProviderConfig", None, 200),
        ("POST", "/Users", Some(&body), 403),
        ("PUT", &path, Some(&body), 403),
        ("PATCH", &path, Some(&retitle), 403),
        ("DELETE", &path, None, 403),
    ] {
        let answer = server.send_with(method, path, &reader, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer}");
        if status == 403 {
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert!(challenge.contains("error=\"insufficient_scope\""), "{challenge}");
        }
    }
    let answer = server.send("GET", &path, None).await;
    assert_eq!(
        (answer.status, &answer.json()["userName"]),
        (200, &json!("bjensen"))
    );
}

#[tokio::test]
async fn rfc_6750_2_1_a_token_without_its_scheme_is_taken_in_interop_and_told_of_in_rfc() {
    for (profile, status) in [(Profile::rfc(), 401), (Profile::interop(), 200)] {
        let mut server = Server::start(Backend::Memory, profile).await;
        let good = std::mem::take(&mut server.token);
        let send = async |value: &str| {
            server
                .send_with("GET", "/Users", &[("authorization", value)], None)
                .await
        };
        let answer = send(&good).await;
        assert_eq!(answer.status, status, "{answer}");
        // What the header looks like is told, and nothing of what the token is.
        let wrong = send(&good.replace("kf_", "kf-")).await;
        wrong.assert_error(401, None);
        if status == 401 {
            assert_eq!(answer.to_string(), wrong.to_string());
            let detail = answer.json()["detail"].clone();
            let expected =
                "the `Authorization` header lacks the scheme: `Bearer` and a space belong before the token";
            assert_eq!(detail, expected);
        }
    }
}

#[tokio::test]
async fn rfc_7643_5_the_authenticator_says_which_schemes_there_are_and_challenges_with_them() {
    let server = application().await;
    let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
    let expected = json!([
        {
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "A bearer token in the Authorization header",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        },
        {
            "type": "httpbasic",
            "name": "API key",
            "description": "The key as the password",
            "primary": false,
        },
        {
            "type": "cookie",
            "name": "Session",
            "description": "The session of the application",
            "documentationUri": "https://docs.example.com/sessions",
            "primary": false,
        },
    ]);
    assert_eq!(config["authenticationSchemes"], expected);
    assert_eq!(config["documentationUri"], "https://docs.example.com/scim");
    let request = Request::get("/scim/v2/Users")
        .body(Full::<Bytes>::default())
        .unwrap();
    let response = server.service.clone().oneshot(request).await.unwrap();
    let challenges: Vec<_> = response.headers().get_all("www-authenticate").iter().collect();
    assert_eq!(challenges, ["Bearer realm=\"SCIM\"", "Basic realm=\"Keys\""]);
}

#[tokio::test]
async fn rfc_7643_5_bearer_tokens_say_where_they_come_from_and_challenge_in_those_words() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
    assert_eq!(config.get("documentationUri"), None);
    let engine = Arc::clone(server.engine.engine());
    let scheme = AuthenticationScheme::new("oauth2", "OAuth 2.0", "Client credentials")
        .challenging_with("Bearer realm=\"Acme\", scope=\"scim.write\"");
    let tokens = BearerTokens::new(&engine, server.engine.clone()).described_as(scheme);
    let service = ScimService::builder(engine, tokens).base_path("/scim/v2").build();
    let mut server = Server { service, ..server };
    let config = server.send("GET", "/ServiceProviderConfig", None).await.json();
    let scheme =
        json!({"type": "oauth2", "name": "OAuth 2.0", "description": "Client credentials", "primary": true});
    assert_eq!(config["authenticationSchemes"], json!([scheme]));
    server.token.clear();
    let refused = server.send("GET", "/Users", None).await;
    let challenge = refused.header("www-authenticate");
    assert_eq!(challenge, Some("Bearer realm=\"Acme\", scope=\"scim.write\""));
}

#[tokio::test]
async fn rfc_9110_15_5_2_bearer_tokens_of_a_scheme_without_a_challenge_are_asked_for_all_the_same() {
    let server = Server::start(Backend::Memory, Profile::interop()).await;
    let engine = Arc::clone(server.engine.engine());
    let scheme = AuthenticationScheme::new("apikey", "API key", "A key of the settings page");
    let tokens = BearerTokens::new(&engine, server.engine.clone()).described_as(scheme);
    let service = ScimService::builder(engine, tokens).base_path("/scim/v2").build();
    let mut server = Server { service, ..server };
    server.token.clear();
    let refused = server.send("GET", "/Users", None).await;
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"SCIM\""));
}

#[tokio::test]
async fn me_is_not_implemented_unless_the_caller_is_a_resource() {
    let server = application().await;
    server.send("GET", "/Me", None).await.assert_error(501, None);
    // A type that is not served is no resource of anybody's.
    server
        .send_with("GET", "/Me", &[("x-user", "token:1")], None)
        .await
        .assert_error(501, None);
}

#[tokio::test]
async fn me_is_an_alias_that_tells_the_permanent_location() {
    let server = application().await;
    let id = server.create_user("bjensen").await;
    let me = [("x-user", id.as_str())];
    let location = format!("{BASE_URL}/Users/{id}");
    let check = |answer: &Answer| {
        assert_eq!(answer.status, 200, "{answer}");
        assert_eq!(answer.header("location"), Some(location.as_str()));
        assert_eq!(answer.json()["meta"]["location"], location);
    };
    check(&server.send_with("GET", "/Me", &me, None).await);
    let put = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "bjensen", "title": "Guide",
    });
    check(&server.send_with("PUT", "/Me", &me, Some(&put)).await);
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "remove", "path": "title"}],
    });
    check(&server.send_with("PATCH", "/Me", &me, Some(&patch)).await);
    let post = server.send_with("POST", "/Me", &me, Some(&put)).await;
    post.assert_error(405, None);
    assert_eq!(
        post.header("allow"),
        Some("GET, HEAD, OPTIONS, PUT, PATCH, DELETE")
    );
    assert_eq!(post.header("location"), Some(location.as_str()));
    // P-1: what the provider manages is not the user's own to change.
    for (method, body) in [
        ("DELETE", None),
        (
            "PATCH",
            Some(json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "add", "path": "phoneNumbers", "value": [{"value": "1"}]}],
            })),
        ),
    ] {
        let refused = server.send_with(method, "/Me", &me, body.as_ref()).await;
        refused.assert_error(403, None);
        assert_eq!(refused.header("location"), Some(location.as_str()), "{method}");
    }
    let gone = server.send("DELETE", &format!("/Users/{id}"), None).await;
    assert_eq!((gone.status, gone.header("location")), (204, None));
    let gone = server.send_with("GET", "/Me", &me, None).await;
    gone.assert_error(404, None);
    assert_eq!(gone.header("location"), Some(location.as_str()));
}

#[tokio::test]
async fn an_application_refuses_and_fails_in_its_own_way() {
    let server = application().await;
    server
        .send_with("GET", "/Users", &[("x-user", "nobody")], None)
        .await
        .assert_error(403, None);
    // The service's own data is nobody's to provision, whatever an authenticator makes of a claim that is empty.
    server
        .send_with("GET", "/Users", &[("x-user", "no tenant")], None)
        .await
        .assert_error(403, None);
    let broken = server
        .send_with("GET", "/Users", &[("x-user", "broken")], None)
        .await;
    broken.assert_error(503, None);
    assert!(broken.header("retry-after").is_some());
    assert!(!broken.to_string().contains("directory"), "{broken}");
}

#[tokio::test]
async fn a_stores_type_may_be_known() {
    /// Compiles for any store.
    fn _generic<A: Authenticator>(tokens: BearerTokens<A>) -> impl RequestAuthenticator {
        tokens
    }
    let server = application().await;
    assert!(!format!("{:?}", server.service).contains(&server.token));
}

/// An administrator cuts the link when so many secrets were shown.
struct Cut {
    provisioner: Provisioner<DynStore>,
    administrator: Context,
    after: usize,
    shown: AtomicUsize,
}

impl Authenticator for Cut {
    async fn authenticate(&self, secret: &str) -> Result<Caller, AuthenticationError> {
        if self.shown.fetch_add(1, Ordering::Relaxed) == self.after {
            let admin = self.provisioner.admin();
            admin.unlink(&self.administrator, Some(Confirmed)).await.unwrap();
        }
        self.provisioner.authenticate(secret).await
    }
}

/// T-4, L-3: what comes after the link was cut is refused, as of the same requests one by one (RFC 7644 section 3.7).
#[tokio::test]
async fn t_4_l_3_a_bulk_request_goes_on_no_longer_than_its_token() {
    for backend in Backend::ALL {
        let server = Server::start(backend, Profile::interop()).await;
        let tenant = server.engine.authenticate(&server.token).await.unwrap();
        let cut = Cut {
            provisioner: server.engine.clone(),
            administrator: tenant.context().clone().acting_as(Actor::Administrator),
            // Shown by the request, by its first run and by its second.
            after: 3,
            shown: AtomicUsize::new(0),
        };
        let tokens = BearerTokens::new(&Arc::clone(server.engine.engine()), cut);
        let service = ScimService::builder(Arc::clone(server.engine.engine()), tokens);
        let server = Server {
            service: service.base_path("/scim/v2").build(),
            ..server
        };
        // Users and groups in turns are runs of one operation each.
        let operations: Vec<_> = (0..4)
            .map(|number| match number % 2 {
                0 => json!({"method": "POST", "path": "/Users", "bulkId": number.to_string(), "data": {
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("user{number}")}}),
                _ => json!({"method": "POST", "path": "/Groups", "bulkId": number.to_string(), "data": {
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": format!("group{number}")}}),
            })
            .collect();
        let bulk = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": operations,
        });
        let answer = server.send("POST", "/Bulk", Some(&bulk)).await;
        let results = answer.json()["Operations"].as_array().unwrap().clone();
        let statuses: Vec<_> = results
            .iter()
            .map(|result| result["status"].as_str().unwrap())
            .collect();
        assert_eq!(statuses, ["201", "201", "401", "401"], "{answer}");
        let page = server
            .engine
            .store()
            .query(
                &tenant.context().reading(),
                server.engine.registry().resource_type("User").unwrap(),
                &Query::all(),
            )
            .await
            .unwrap();
        assert_eq!(page.resources.len(), 1);
    }
}
