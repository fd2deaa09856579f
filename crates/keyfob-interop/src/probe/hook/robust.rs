//! Hostile and huge requests: whatever comes back, it is an answer, and the server lives.

use http::Method;
use serde_json::{Value, json};

use crate::probe::{
    cx::{Cx, Halt},
    wire::{Ask, Reply},
};

/// Sends a request that may be refused and must not hurt, and sees that the server still answers.
async fn survives(cx: &mut Cx<'_, '_>, case: &str, ask: Ask) -> Result<(), Halt> {
    let fault = match cx.try_send(ask).await? {
        // 501 and 503 are refusals too, where the server says so in its own words.
        Ok(reply) if reply.status >= 500 && !(matches!(reply.status, 501 | 503) && reply.is_scim_error()) => {
            Some(reply.short())
        }
        Ok(_) => None,
        Err(error) => Some(error),
    };
    if let Some(fault) = fault {
        cx.find(case, fault);
    }
    let alive = cx.try_send(Ask::get("/ServiceProviderConfig")).await?;
    cx.expect(
        alive.as_ref().is_ok_and(Reply::is_success),
        case,
        "the server does not answer any more",
    );
    cx.forget();
    Ok(())
}

pub(super) async fn deep_filter(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for depth in [1_184, 10_000] {
        let filter = format!("{}userName pr{}", "not (".repeat(depth), ")".repeat(depth));
        // Addresses are not endless: the deeper one is sent as a body.
        let ask = if depth > 5_000 {
            search(cx, &filter)
        } else {
            Ask::get(cx.users()).query("filter", &filter)
        };
        survives(cx, &format!("{depth} times `not (`"), ask).await?;
    }
    Ok(())
}

fn search(cx: &Cx<'_, '_>, filter: &str) -> Ask {
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter});
    Ask::post(format!("{}/.search", cx.users()), &body)
}

pub(super) async fn large_filter(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let long = format!("userName eq \"{}\"", "a".repeat(1 << 20));
    let ask = search(cx, &long);
    survives(cx, "a value of 1 MB", ask).await?;
    let many = vec!["userName eq \"a\""; 60_000].join(" or ");
    let ask = search(cx, &many);
    survives(cx, "60,000 terms", ask).await
}

pub(super) async fn deep_json(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (case, open, close) in [("arrays", "[", "]"), ("objects", "{\"a\":", "}")] {
        let depth = 100_000;
        let body = format!("{{\"name\": {}1{}}}", open.repeat(depth), close.repeat(depth));
        survives(cx, case, Ask::new(Method::POST, cx.users()).body(body)).await?;
    }
    Ok(())
}

pub(super) async fn wrong_media_type(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "nonsense"] {
        let body = cx.smallest("User");
        let ask = Ask::post(cx.users(), &body).header("content-type", media_type);
        survives(cx, media_type, ask).await?;
    }
    Ok(())
}

pub(super) async fn many_members(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("Group", &Value::Null).await?;
    let members: Vec<Value> = (0..100_000)
        .map(|number| json!({"value": format!("00000000-0000-4000-8000-{number:012}")}))
        .collect();
    let ask = Ask::patch(
        &path,
        &json!([{"op": "add", "path": "members", "value": members}]),
    );
    survives(cx, "100,000 members", ask).await
}

pub(super) async fn long_text(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("User", &Value::Null).await?;
    let ask = Ask::patch(
        &path,
        &json!([{"op": "replace", "path": "displayName", "value": "x".repeat(1 << 20)}]),
    );
    survives(cx, "a displayName of 1 MB", ask).await?;
    let ask = Ask::get(format!("{}/{}", cx.users(), "x".repeat(20_000)));
    survives(cx, "an id of 20,000 characters", ask).await
}

pub(super) async fn bad_text(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let ask = Ask::new(Method::POST, cx.users()).body(&b"{\"userName\": \"\xff\xfe\"}"[..]);
    survives(cx, "no UTF-8", ask).await?;
    let name = cx.name();
    let mut body = cx.smallest_named("User", &name);
    crate::probe::cx::insert(&mut body, "displayName", json!("nul \u{0} here"));
    survives(cx, "NUL", Ask::post(cx.users(), &body)).await?;
    survives(
        cx,
        "half a surrogate",
        Ask::new(Method::POST, cx.users()).body("{\"userName\": \"\\ud800\"}"),
    )
    .await?;
    survives(
        cx,
        "NUL in a filter",
        Ask::get(cx.users()).query("filter", "userName eq \"\u{0}\""),
    )
    .await
}

pub(super) async fn huge_numbers(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (name, value) in [
        ("count", "99999999999999999999"),
        ("startIndex", "-99999999999999999999"),
        ("count", "9223372036854775807"),
        ("startIndex", "9223372036854775807"),
        ("startIndex", "abc"),
    ] {
        survives(
            cx,
            &format!("{name}={value}"),
            Ask::get(cx.users()).query(name, value),
        )
        .await?;
    }
    Ok(())
}

pub(super) async fn odd_bodies(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (case, body) in [
        ("nothing", ""),
        ("null", "null"),
        ("a number", "7"),
        ("an array", "[]"),
        ("cut off", "{\"userName\": \"a"),
        ("schemas is a number", "{\"schemas\": 7, \"userName\": {}}"),
        (
            "emails is an object",
            "{\"schemas\": [\"urn:ietf:params:scim:schemas:core:2.0:User\"], \"userName\": [], \"emails\": {}}",
        ),
    ] {
        survives(cx, case, Ask::new(Method::POST, cx.users()).body(body)).await?;
    }
    let (path, _) = cx.created("User", &Value::Null).await?;
    for (case, operations) in [
        ("operations is a text", json!("replace")),
        ("an operation is null", json!([null])),
        ("op is an object", json!([{"op": {}, "path": 7}])),
        (
            "path is open",
            json!([{"op": "replace", "path": "emails[type eq \"", "value": 1}]),
        ),
        (
            "value is deep",
            json!([{"op": "add", "value": {"name": {"name": {"name": {}}}}}]),
        ),
    ] {
        survives(cx, case, Ask::patch(&path, &operations)).await?;
    }
    Ok(())
}
