//! Versions (RFC 7644 section 3.14).

use serde_json::{Value, json};

use crate::probe::{
    cx::{Cx, Halt, insert},
    server::text,
    wire::Ask,
};

pub(super) async fn header(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("User", &Value::Null).await?;
    let reply = cx.send(Ask::get(path)).await?;
    cx.expect(
        !reply.header("etag").is_empty(),
        "",
        "the answer to a GET has no `ETag`",
    );
    Ok(())
}

pub(super) async fn version(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("User", &Value::Null).await?;
    let reply = cx.send(Ask::get(path)).await?;
    let version = reply
        .json
        .pointer("/meta/version")
        .and_then(Value::as_str)
        .unwrap_or_default();
    cx.expect(
        version == reply.header("etag"),
        "",
        format!(
            "`meta.version` is `{version}`, and the `ETag` is `{}`",
            reply.header("etag")
        ),
    );
    Ok(())
}

pub(super) async fn weak(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("User", &Value::Null).await?;
    let reply = cx.send(Ask::get(path)).await?;
    let tag = reply.header("etag");
    let quoted = tag.strip_prefix("W/").unwrap_or(tag);
    let formed = quoted.len() >= 2 && quoted.starts_with('"') && quoted.ends_with('"');
    cx.expect(formed, "", format!("the `ETag` is `{tag}`"));
    Ok(())
}

/// Reads the version of a user of its own.
async fn versioned(cx: &mut Cx<'_, '_>) -> Result<(String, String, Value), Halt> {
    let (path, _) = cx.created("User", &Value::Null).await?;
    let reply = cx.send(Ask::get(&path)).await?;
    let tag = reply.header("etag").to_owned();
    if tag.is_empty() {
        return Err(Halt::Skip("there is no `ETag`".to_owned()));
    }
    Ok((path, tag, reply.json))
}

async fn change(cx: &mut Cx<'_, '_>, path: &str, body: &Value, name: &str) -> Result<(), Halt> {
    let mut body = body.clone();
    insert(&mut body, "displayName", json!(name));
    let reply = cx.send(Ask::put(path, &body)).await?;
    if reply.is_success() {
        return Ok(());
    }
    Err(Halt::Unclear(format!(
        "a user can't be replaced: {}",
        reply.short()
    )))
}

pub(super) async fn not_modified(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, tag, _) = versioned(cx).await?;
    let reply = cx.send(Ask::get(&path).header("if-none-match", &tag)).await?;
    cx.expect(reply.status == 304 && reply.body.is_empty(), "", reply.short());
    Ok(())
}

pub(super) async fn changes(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, tag, body) = versioned(cx).await?;
    change(cx, &path, &body, "Another").await?;
    let reply = cx.send(Ask::get(&path)).await?;
    cx.expect(
        reply.header("etag") != tag,
        "",
        format!("after a change the `ETag` still is `{tag}`"),
    );
    Ok(())
}

pub(super) async fn stale_put(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, tag, mut body) = versioned(cx).await?;
    change(cx, &path, &body, "Another").await?;
    insert(&mut body, "displayName", json!("Stale"));
    let reply = cx.send(Ask::put(&path, &body).header("if-match", &tag)).await?;
    cx.expect(
        reply.status == 412,
        "",
        format!("a PUT with an old version: {}", reply.short()),
    );
    let read = cx.read(&path).await?;
    cx.expect(
        text(&read, "displayName") == "Another",
        "state",
        "a PUT with an old version overwrites the change in between",
    );
    Ok(())
}

pub(super) async fn stale_patch(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, tag, body) = versioned(cx).await?;
    change(cx, &path, &body, "Another").await?;
    let ask = Ask::patch(
        &path,
        &json!([{"op": "replace", "path": "displayName", "value": "Stale"}]),
    );
    let reply = cx.send(ask.header("if-match", &tag)).await?;
    cx.expect(
        reply.status == 412,
        "",
        format!("a PATCH with an old version: {}", reply.short()),
    );
    Ok(())
}
