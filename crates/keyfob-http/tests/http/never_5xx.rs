//! No request of any kind answers 5xx or panics, and every refusal is a SCIM error.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use keyfob_provisioning::Profile;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};

use crate::support::{Answer, Backend, Server};

/// A request in pieces. `USER` and `GROUP` in it stand for ids that exist, `NEW` for a name that
/// nobody has.
#[derive(Clone, Debug)]
struct Sent {
    method: &'static str,
    path: String,
    query: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

fn methods() -> impl Strategy<Value = &'static str> {
    select(vec![
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "SEARCH",
    ])
}

fn paths() -> impl Strategy<Value = String> {
    let segment = select(vec![
        "Users",
        "Groups",
        ".search",
        "Me",
        "Bulk",
        "Schemas",
        "ResourceTypes",
        "ServiceProviderConfig",
        "USER",
        "GROUP",
        "User",
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "..",
        "%2e%2e",
        "%00",
        "%ff",
        "%F0%9F%97%9D",
        "a%2Fb",
        "bulkId:1",
        "",
        "*",
        "~",
        "x",
    ]);
    prop_oneof![
        6 => select(vec![
            "/Users", "/Groups", "/Users/USER", "/Groups/GROUP", "/Users/GROUP", "/Users/.search", "/.search",
        ]).prop_map(str::to_owned),
        1 => vec(segment, 0..4).prop_map(|segments| format!("/{}", segments.join("/"))),
    ]
}

/// Pieces of filters and paths, put together at random.
fn expressions() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "userName",
        "emails",
        "name.givenName",
        "members",
        "active",
        "meta.created",
        "id",
        "password",
        "groups",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "urn:",
        ":",
        ".",
        "$ref",
        "schemas",
        "eq",
        "ne",
        "co",
        "sw",
        "ew",
        "gt",
        "le",
        "pr",
        "and",
        "or",
        "not",
        "(",
        ")",
        "[",
        "]",
        "\"a\"",
        "\"",
        "\\",
        "true",
        "null",
        "5",
        "-1.5e300",
        "\"2011-05-13T04:42:34Z\"",
        "\"USER\"",
        "value",
        "type",
        "\u{20ac}",
    ]);
    prop_oneof![
        3 => vec(piece, 0..10).prop_map(|pieces| pieces.join(" ")),
        1 => select(vec![
            "emails[type eq \"work\"].value", "members[value eq \"USER\"]", "name", "userName", "emails",
            "emails[primary eq true]", "members", "urn:ietf:params:scim:schemas:core:2.0:User:userName",
            "userName eq \"fixture\"", "emails[value co \"a\"] and not (title pr)", "meta.version", "x",
        ]).prop_map(str::to_owned),
        1 => "[ -~]{0,40}",
        1 => (1usize..400).prop_map(|depth| "(".repeat(depth) + "id pr" + &")".repeat(depth)),
    ]
}

fn queries() -> impl Strategy<Value = String> {
    let name = select(vec![
        "filter",
        "FILTER",
        "attributes",
        "excludedAttributes",
        "startIndex",
        "count",
        "sortBy",
        "sortOrder",
        "cursor",
        "x",
        "",
    ]);
    let value = prop_oneof![
        3 => expressions(),
        2 => select(vec!["0", "1", "-1", "2147483648", "9223372036854775807", "-9223372036854775808", "many", "1.5"])
            .prop_map(str::to_owned),
    ];
    let parameter = (name, value, any::<bool>()).prop_map(|(name, value, plus)| {
        let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        format!("{name}={}", if plus { value } else { value.replace('+', "%20") })
    });
    prop_oneof![
        4 => vec(parameter, 0..3).prop_map(|parameters| parameters.join("&")),
        1 => select(vec!["%", "%ff", "=", "&&", "filter", "count=%00", "filter=%ED%A0%80"]).prop_map(str::to_owned),
    ]
}

fn headers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let header = prop_oneof![
        (
            select(vec!["if-match", "if-none-match"]),
            select(vec![
                "*",
                "W/\"1\"",
                "\"1\"",
                "W/\"18446744073709551616\"",
                "",
                ",",
                "\"",
                "W/\"1\", *"
            ]),
        ),
        (
            Just("content-type"),
            select(vec![
                "application/json",
                "text/plain",
                "",
                ";",
                "application/scim+json;"
            ])
        ),
        (
            Just("accept"),
            select(vec!["application/json", "*/*;q=x", "", ",;=", "text/html;q=0"])
        ),
        (
            Just("content-length"),
            select(vec!["0", "1", "99999999999", "-1", "x"])
        ),
        (Just("content-encoding"), select(vec!["gzip", "identity", ""])),
        (Just("x-request-id"), select(vec!["r-1", "", "<>"])),
        (Just("host"), select(vec!["example.com", "a b", ""])),
        (
            Just("authorization"),
            select(vec!["Bearer x", "Bearer", "Basic x", ""])
        ),
    ];
    vec(header.prop_map(|(name, value)| (name, value.to_owned())), 0..2)
}

/// JSON that looks a little like a body.
fn values() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::{Value, json};
    let leaf = prop_oneof![
        select(vec![
            json!(null),
            json!(true),
            json!(false),
            json!("False"),
            json!(0),
            json!(-1),
            json!(1.5),
            json!(1e300),
            json!(9_223_372_036_854_775_807_i64),
            json!(""),
            json!("a"),
            json!("USER"),
            json!("GROUP"),
            json!("nobody"),
            json!("2011-05-13T04:42:34Z"),
            json!("work"),
            json!("nul\0"),
            json!("\u{20ac}\u{1f511}"),
            json!([]),
            json!({}),
            json!("{\"active\":false}"),
        ]),
        expressions().prop_map(Value::from),
    ];
    let key = select(vec![
        "userName",
        "USERNAME",
        "name",
        "givenName",
        "emails",
        "value",
        "type",
        "primary",
        "active",
        "members",
        "groups",
        "id",
        "meta",
        "schemas",
        "display",
        "$ref",
        "password",
        "displayName",
        "externalId",
        "x",
        "name.givenName",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "manager",
        "employeeNumber",
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "emails[type eq \"work\"].value",
        "",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    ]);
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((key.clone(), inner), 0..4).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

/// Attributes with values that fit, so that some of what is put together is taken.
fn attributes() -> impl Strategy<Value = (String, serde_json::Value)> {
    use serde_json::json;
    let attribute = select(vec![
        ("userName", json!("NEW")),
        ("displayName", json!("NEW")),
        ("externalId", json!("x-1")),
        ("title", json!(null)),
        ("active", json!("False")),
        ("name", json!({"givenName": "A", "formatted": "A B"})),
        ("name.familyName", json!("B")),
        (
            "emails",
            json!([{"value": "a@example.com", "type": "work", "primary": true}, {"value": "b@example.com"}]),
        ),
        ("emails[type eq \"work\"].value", json!("c@example.com")),
        ("members", json!([{"value": "USER"}])),
        ("members", json!([])),
        ("groups", json!([{"value": "GROUP"}])),
        ("meta", json!({"created": "2011-05-13T04:42:34Z"})),
        ("id", json!("USER")),
        ("password", json!("t1meMa$heen")),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            json!({"manager": {"value": "USER"}, "employeeNumber": "7"}),
        ),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
            json!("USER"),
        ),
    ]);
    attribute.prop_map(|(name, value)| (name.to_owned(), value))
}

fn resources() -> impl Strategy<Value = serde_json::Value> {
    let fitting = vec(attributes(), 0..4).prop_map(|attributes| attributes.into_iter().collect());
    (prop_oneof![fitting, values()], any::<bool>()).prop_map(|(mut body, group)| {
        let uri = if group { "Group" } else { "User" };
        if let Some(object) = body.as_object_mut() {
            let schemas = serde_json::json!([format!("urn:ietf:params:scim:schemas:core:2.0:{uri}")]);
            object.entry("schemas").or_insert(schemas);
            object
                .entry(if group { "displayName" } else { "userName" })
                .or_insert("NEW".into());
        }
        body
    })
}

fn patches() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::json;
    let fitting = (select(vec!["add", "Replace"]), attributes(), any::<bool>()).prop_map(
        |(kind, (path, value), in_value)| {
            if in_value {
                json!({"op": kind, "value": {path: value}})
            } else {
                json!({"op": kind, "path": path, "value": value})
            }
        },
    );
    let removal = attributes().prop_map(|(path, _)| json!({"op": "remove", "path": path}));
    let kind = select(vec!["add", "Replace", "REMOVE", "move", ""]);
    let wild = (kind, option::of(expressions()), option::of(values()));
    let wild = wild.prop_map(|(kind, path, value)| json!({"op": kind, "path": path, "value": value}));
    let operations = prop_oneof![
        3 => vec(prop_oneof![3 => fitting, 1 => removal], 1..4),
        1 => vec(wild, 0..3),
    ];
    operations.prop_map(|operations| {
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
    })
}

fn searches() -> impl Strategy<Value = serde_json::Value> {
    (values(), expressions()).prop_map(|(mut search, filter)| {
        if let Some(object) = search.as_object_mut() {
            let schemas = serde_json::json!(["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]);
            object.insert("schemas".into(), schemas);
            object.insert("filter".into(), filter.into());
        }
        search
    })
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let json = prop_oneof![resources(), patches(), searches(), values()];
    prop_oneof![
        8 => json.prop_map(|body| body.to_string().into_bytes()),
        1 => vec(any::<u8>(), 0..40),
        1 => (resources(), any::<prop::sample::Index>()).prop_map(|(body, cut)| {
            let mut text = body.to_string().into_bytes();
            text.truncate(cut.index(text.len() + 1));
            text
        }),
        1 => (1usize..3000).prop_map(|depth| "[".repeat(depth).into_bytes()),
    ]
}

/// A request that makes some sense, and one that may make none.
fn requests() -> impl Strategy<Value = Sent> {
    let any = (methods(), paths(), queries(), headers(), bodies());
    let sensible = prop_oneof![
        3 => resources().prop_map(|body| ("POST", "/Users", body)),
        1 => resources().prop_map(|body| ("POST", "/Groups", body)),
        1 => resources().prop_map(|body| ("PUT", "/Users/USER", body)),
        1 => resources().prop_map(|body| ("PUT", "/Groups/GROUP", body)),
        2 => patches().prop_map(|body| ("PATCH", "/Users/USER", body)),
        2 => patches().prop_map(|body| ("PATCH", "/Groups/GROUP", body)),
        1 => searches().prop_map(|body| ("POST", "/.search", body)),
    ];
    prop_oneof![
        1 => any.prop_map(|(method, path, query, headers, body)| Sent {
            method,
            path,
            query,
            headers,
            body
        }),
        2 => (sensible, option::weighted(0.2, queries())).prop_map(|((method, path, body), query)| Sent {
            method,
            path: path.to_owned(),
            query: query.unwrap_or_default(),
            headers: Vec::new(),
            body: body.to_string().into_bytes(),
        }),
    ]
}

/// The request, or `None` where it can't even be sent.
fn request(
    sent: &Sent,
    token: &str,
    user: &str,
    group: &str,
    number: u32,
) -> Option<Request<Full<bytes::Bytes>>> {
    let new = format!("new {number}");
    let fill = |text: &str| {
        text.replace("USER", user)
            .replace("GROUP", group)
            .replace("NEW", &new)
    };
    let uri: Uri = format!(
        "/scim/v2{}?{}",
        fill(&sent.path),
        sent.query.replace("USER", user)
    )
    .parse()
    .ok()?;
    let body = match std::str::from_utf8(&sent.body) {
        Ok(text) => fill(text).into_bytes(),
        Err(_) => sent.body.clone(),
    };
    let mut request = Request::new(Full::from(body));
    *request.method_mut() = Method::from_bytes(sent.method.as_bytes()).ok()?;
    *request.uri_mut() = uri;
    request.headers_mut().insert(
        "authorization",
        HeaderValue::from_str(&format!("Bearer {token}")).ok()?,
    );
    for (name, value) in &sent.headers {
        request
            .headers_mut()
            .insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
    }
    Some(request)
}

/// Sends random requests to one service, which keeps what they store.
fn bombard(backend: Backend, profile: Profile, cases: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(Server::start(backend, profile));
    let seen: RefCell<BTreeMap<u16, u32>> = RefCell::default();
    let sent_so_far = Cell::new(0);
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    });
    let outcome = runner.run(&requests(), |sent| {
        let number = sent_so_far.replace(sent_so_far.get() + 1);
        let answer = runtime.block_on(answer(&server, &sent, number));
        let Some(answer) = answer else { return Ok(()) };
        *seen.borrow_mut().entry(answer.status).or_default() += 1;
        prop_assert!(answer.status < 500 || answer.status == 501, "{}", answer);
        if answer.status >= 400 && sent.method != "HEAD" {
            prop_assert_eq!(answer.error_fault(), None, "{}", answer);
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    // Requests that are all refused for one reason would show little.
    let seen = seen.into_inner();
    for status in [200, 201, 400, 404, 405] {
        assert!(
            seen.get(&status).is_some_and(|count| *count > cases / 200),
            "{status} is rare: {seen:?}"
        );
    }
}

/// What the service answers to a request about a user and a group that exist while it is sent.
async fn answer(server: &Server, sent: &Sent, number: u32) -> Option<Answer> {
    let user = server.create_user(&format!("user{number}")).await;
    let body = serde_json::json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": format!("group {number}"),
        "members": [{"value": user}],
    });
    let group = server.create("/Groups", &body).await;
    let answer = match request(sent, &server.token, &user, &group, number) {
        Some(request) => Some(server.send_raw(request).await),
        None => None,
    };
    server.send("DELETE", &format!("/Groups/{group}"), None).await;
    server.send("DELETE", &format!("/Users/{user}"), None).await;
    answer
}

#[test]
fn no_request_fails_in_the_interop_profile() {
    bombard(Backend::Memory, Profile::interop(), 2000);
}

#[test]
fn no_request_fails_in_the_rfc_profile() {
    bombard(Backend::Memory, Profile::rfc(), 2000);
}

#[test]
fn no_request_fails_on_sqlite() {
    bombard(Backend::Sqlite, Profile::interop(), 250);
}
