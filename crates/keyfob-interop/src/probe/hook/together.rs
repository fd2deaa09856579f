//! Requests at the same time.

use serde_json::{Value, json};

use crate::probe::{
    cx::{Cx, Halt, insert},
    row::holds,
    wire::Ask,
};

/// As many as an identity provider has in flight, and some more.
const AT_ONCE: usize = 8;

pub(super) async fn members(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("Group", &Value::Null).await?;
    let mut users = Vec::new();
    for _ in 0..AT_ONCE {
        users.push(cx.created("User", &Value::Null).await?.1);
    }
    let asks = users.iter().map(|id| {
        Ask::patch(
            &path,
            &json!([{"op": "add", "path": "members", "value": [{"value": id}]}]),
        )
    });
    let replies = cx.send_all(asks.collect()).await?;
    // Who was told that it is done is a member; who was refused, asks again.
    let done = |reply: &Result<crate::probe::wire::Reply, String>| {
        reply.as_ref().is_ok_and(crate::probe::wire::Reply::is_success)
    };
    let told: Vec<Value> = users
        .iter()
        .zip(&replies)
        .filter(|(_, reply)| done(reply))
        .map(|(id, _)| json!({"value": id}))
        .collect();
    if told.is_empty() {
        return Err(Halt::Unclear("no member can be added".to_owned()));
    }
    let read = cx.read(&path).await?;
    let members = read.get("members").and_then(Value::as_array).map_or(0, Vec::len);
    let lost = told.iter().find(|member| {
        let members = read.get("members").and_then(Value::as_array);
        !members.is_some_and(|members| members.iter().any(|found| holds(found, member, "").is_ok()))
    });
    cx.expect(
        lost.is_none(),
        "",
        format!(
            "{} members were added at the same time, and the group has {members}",
            told.len()
        ),
    );
    Ok(())
}

pub(super) async fn names(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let body = cx.smallest("User");
    let mut asks = Vec::new();
    for number in 0..AT_ONCE {
        let mut body = body.clone();
        insert(&mut body, "displayName", json!(format!("{} {number}", cx.mark())));
        asks.push(Ask::post(cx.users(), &body));
    }
    let replies = cx.send_all(asks).await?;
    let created = replies
        .iter()
        .filter(|reply| reply.as_ref().is_ok_and(crate::probe::wire::Reply::is_success))
        .count();
    cx.expect(
        created <= 1,
        "",
        format!("of {AT_ONCE} users with one `userName` at the same time {created} are created"),
    );
    Ok(())
}
