//! Bulk requests (RFC 7644 section 3.7).

use serde_json::{Value, json};

use crate::probe::{
    BULK,
    cx::{Cx, Halt, insert},
    row::{holds, short},
    server::text,
    wire::{Ask, Reply},
};

async fn send(cx: &mut Cx<'_, '_>, operations: &Value, fail_on_errors: Option<u32>) -> Result<Reply, Halt> {
    let mut body = json!({"schemas": [BULK], "Operations": operations});
    if let Some(number) = fail_on_errors {
        insert(&mut body, "failOnErrors", json!(number));
    }
    cx.send(Ask::post("/Bulk", &body)).await
}

fn post(cx: &mut Cx<'_, '_>, bulk_id: &str) -> Value {
    let user = cx.smallest("User");
    json!({"method": "POST", "path": cx.users(), "bulkId": bulk_id, "data": user})
}

fn results(reply: &Reply) -> Vec<Value> {
    reply
        .json
        .get("Operations")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

fn result_of<'r>(results: &'r [Value], bulk_id: &str) -> Option<&'r Value> {
    results.iter().find(|result| text(result, "bulkId") == bulk_id)
}

/// The id at the end of the address of a result.
fn id_of(result: &Value) -> String {
    text(result, "location")
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The status of a result: a text, as the RFC has it, or a number.
fn status_of(result: &Value) -> u64 {
    match result.get("status") {
        Some(Value::String(text)) => text.parse().unwrap_or_default(),
        Some(Value::Number(number)) => number.as_u64().unwrap_or_default(),
        // As drafts of the RFC had it.
        Some(Value::Object(status)) => status
            .get("code")
            .and_then(Value::as_str)
            .and_then(|code| code.parse().ok())
            .unwrap_or_default(),
        _ => 0,
    }
}

pub(super) async fn created(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let operations = json!([post(cx, "first"), post(cx, "second")]);
    let reply = send(cx, &operations, None).await?;
    if reply.status != 200 {
        cx.find("", reply.short());
        return Ok(());
    }
    let results = results(&reply);
    cx.expect(
        results.len() == 2,
        "results",
        format!("2 operations have {} results", results.len()),
    );
    for bulk_id in ["first", "second"] {
        let Some(result) = result_of(&results, bulk_id) else {
            cx.find(
                "bulkId",
                format!("no result has the `bulkId` `{bulk_id}`: {}", reply.short()),
            );
            continue;
        };
        cx.expect(status_of(result) == 201, "status", short(result));
        cx.expect(
            !text(result, "location").is_empty(),
            "location",
            format!("a result has no `location`: {}", short(result)),
        );
        let id = id_of(result);
        if !id.is_empty() {
            let read = cx.send(Ask::get(format!("{}/{id}", cx.users()))).await?;
            cx.expect(
                read.status == 200,
                "read",
                format!("what a result names can't be read: {}", read.short()),
            );
        }
    }
    Ok(())
}

pub(super) async fn references(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let user = post(cx, "user");
    let mut group = cx.smallest("Group");
    insert(&mut group, "members", json!([{"value": "bulkId:user"}]));
    let group = json!({"method": "POST", "path": cx.groups(), "bulkId": "group", "data": group});
    let reply = send(cx, &json!([user, group]), None).await?;
    let results = results(&reply);
    let (Some(user), Some(group)) = (result_of(&results, "user"), result_of(&results, "group")) else {
        return Err(Halt::Unclear(format!(
            "the results can't be told apart: {}",
            reply.short()
        )));
    };
    if status_of(group) >= 300 {
        cx.find(
            "",
            format!("an operation that refers to another is refused: {}", short(group)),
        );
        return Ok(());
    }
    let read = cx.read(&format!("{}/{}", cx.groups(), id_of(group))).await?;
    if let Err(difference) = holds(&read, &json!({"members": [{"value": id_of(user)}]}), "") {
        cx.find("", difference);
    }
    Ok(())
}

/// A user, what can't be done, and another user.
fn with_a_fault(cx: &mut Cx<'_, '_>) -> Value {
    let fault =
        json!({"method": "DELETE", "path": format!("{}/5f6b1c5e-1d3d-4b6e-9a41-6a0b7f6f1e11", cx.users())});
    json!([post(cx, "before"), fault, post(cx, "after")])
}

pub(super) async fn errors_apart(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let operations = with_a_fault(cx);
    let reply = send(cx, &operations, None).await?;
    let results = results(&reply);
    cx.expect(reply.status == 200, "", reply.short());
    for bulk_id in ["before", "after"] {
        let status = result_of(&results, bulk_id).map_or(0, status_of);
        cx.expect(
            status == 201,
            bulk_id,
            format!("beside an operation that failed, the status of another is {status}"),
        );
    }
    Ok(())
}

pub(super) async fn error_body(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let operations = with_a_fault(cx);
    let reply = send(cx, &operations, None).await?;
    let results = results(&reply);
    let Some(failed) = results.iter().find(|result| status_of(result) >= 400) else {
        return Err(Halt::Unclear(format!("no operation failed: {}", reply.short())));
    };
    cx.expect(
        failed.get("response").is_some_and(Value::is_object),
        "",
        format!("an operation that failed has no `response`: {}", short(failed)),
    );
    Ok(())
}

pub(super) async fn fail_on_errors(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let operations = with_a_fault(cx);
    let reply = send(cx, &operations, Some(1)).await?;
    let results = results(&reply);
    let after = result_of(&results, "after").map(status_of);
    cx.expect(
        after != Some(201),
        "",
        "`failOnErrors` is 1, and an operation after one that failed is carried out",
    );
    Ok(())
}

pub(super) async fn too_many(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let limit = cx
        .server()
        .config
        .pointer("/bulk/maxOperations")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    if limit == 0 || limit > 20_000 {
        return Err(Halt::Skip(format!("`maxOperations` is {limit}")));
    }
    let path = format!("{}/nobody", cx.users());
    let operations: Vec<Value> = (0..=limit)
        .map(|_| json!({"method": "DELETE", "path": path}))
        .collect();
    let reply = send(cx, &Value::Array(operations), None).await?;
    cx.expect(
        reply.status == 413,
        "",
        format!("one operation more than `maxOperations`: {}", reply.short()),
    );
    Ok(())
}
