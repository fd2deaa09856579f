//! The bodies of errors (RFC 7644 section 3.12).

use serde_json::{Value, json};

use crate::probe::{
    cx::{Cx, Halt},
    row::short,
    wire::{Ask, Reply},
};

/// Returns errors of several kinds.
async fn errors(cx: &mut Cx<'_, '_>) -> Result<Vec<(&'static str, Reply)>, Halt> {
    let unknown = format!("{}/5f6b1c5e-1d3d-4b6e-9a41-6a0b7f6f1e11", cx.users());
    let missing = cx.send(Ask::get(unknown)).await?;
    let mut errors = vec![("404", missing)];
    if !cx.run.probe.read_only {
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]});
        errors.push(("400", cx.send(Ask::post(cx.users(), &body)).await?));
    }
    errors.retain(|(_, reply)| reply.status >= 400);
    Ok(errors)
}

pub(super) async fn body(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (case, reply) in errors(cx).await? {
        cx.expect(
            reply.is_scim_error(),
            case,
            format!("the body is no SCIM error: {}", reply.short()),
        );
    }
    Ok(())
}

pub(super) async fn status_text(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (case, reply) in errors(cx).await? {
        if reply.is_scim_error() {
            let status = reply.json.get("status").cloned().unwrap_or_default();
            cx.expect(
                status.is_string(),
                case,
                format!("`status` is {}", short(&status)),
            );
        }
    }
    Ok(())
}

pub(super) async fn status_same(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (case, reply) in errors(cx).await? {
        let status = match reply.json.get("status") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => continue,
        };
        cx.expect(
            status == reply.status.to_string(),
            case,
            format!("`status` is {status} in an answer of {}", reply.status),
        );
    }
    Ok(())
}

pub(super) async fn media_type(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let good = cx.send(Ask::get("/ServiceProviderConfig")).await?;
    let list = cx.send(Ask::get(cx.users()).query("count", "1")).await?;
    for (case, reply) in [("/ServiceProviderConfig", good), ("list", list)] {
        let media_type = reply.header("content-type").to_owned();
        cx.expect(
            media_type.starts_with("application/scim+json"),
            case,
            format!("`Content-Type` is `{media_type}`"),
        );
    }
    Ok(())
}
