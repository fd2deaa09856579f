//! What a server says of itself (RFC 7644 section 4), and whether that is so.

use http::Method;
use serde_json::{Value, json};

use crate::probe::{
    BULK, LIST,
    cx::{Cx, Halt},
    row::short,
    server::text,
    wire::{Ask, encoded},
};

const CONFIG: &str = "/ServiceProviderConfig";
const ENDPOINTS: [&str; 3] = [CONFIG, "/ResourceTypes", "/Schemas"];

pub(super) async fn config(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx.send(Ask::get(CONFIG)).await?;
    let uri = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
    let named = reply.json.get("schemas").and_then(Value::as_array);
    let right =
        reply.status == 200 && named.is_some_and(|schemas| schemas.iter().any(|schema| schema == uri));
    cx.expect(right, "", reply.short());
    Ok(())
}

pub(super) async fn config_members(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx.send(Ask::get(CONFIG)).await?;
    for feature in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
        let supported = reply
            .json
            .get(feature)
            .and_then(|feature| feature.get("supported"));
        cx.expect(
            supported.is_some_and(Value::is_boolean),
            feature,
            format!(
                "`{feature}.supported` is {}",
                supported.map_or_else(|| "not there".to_owned(), short)
            ),
        );
    }
    Ok(())
}

pub(super) async fn bulk_limits(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx.send(Ask::get(CONFIG)).await?;
    for (path, name) in [
        ("/bulk/maxOperations", "bulk.maxOperations"),
        ("/bulk/maxPayloadSize", "bulk.maxPayloadSize"),
        ("/filter/maxResults", "filter.maxResults"),
    ] {
        let limit = reply.json.pointer(path);
        cx.expect(
            limit.is_some_and(Value::is_u64),
            name,
            format!(
                "`{name}` is {}",
                limit.map_or_else(|| "not there".to_owned(), short)
            ),
        );
    }
    Ok(())
}

pub(super) async fn schemes(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx.send(Ask::get(CONFIG)).await?;
    let schemes = reply
        .json
        .get("authenticationSchemes")
        .and_then(Value::as_array)
        .cloned();
    let Some(schemes) = schemes else {
        cx.find("", "`authenticationSchemes` is not there");
        return Ok(());
    };
    for scheme in &schemes {
        for member in ["type", "name", "description"] {
            cx.expect(
                !text(scheme, member).is_empty(),
                member,
                format!("a scheme has no `{member}`: {}", short(scheme)),
            );
        }
    }
    Ok(())
}

async fn is_list(cx: &mut Cx<'_, '_>, path: &str) -> Result<(), Halt> {
    let reply = cx.send(Ask::get(path)).await?;
    if reply.status != 200 {
        cx.find("", reply.short());
        return Ok(());
    }
    let schemas = reply.json.get("schemas").and_then(Value::as_array);
    let named = schemas.is_some_and(|schemas| schemas.iter().any(|schema| schema == LIST));
    cx.expect(
        named,
        "",
        format!("the answer does not name `{LIST}`: {}", reply.short()),
    );
    if named {
        let count = reply.resources().len();
        let total = reply.total();
        cx.expect(
            total == u64::try_from(count).ok() && count > 0,
            "totalResults",
            format!(
                "`totalResults` is {}, with {count} resources",
                short(reply.json.get("totalResults").unwrap_or(&Value::Null))
            ),
        );
    }
    Ok(())
}

pub(super) async fn types_list(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    is_list(cx, "/ResourceTypes").await
}

pub(super) async fn schemas_list(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    is_list(cx, "/Schemas").await
}

pub(super) async fn schema_by_id(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let ids: Vec<&str> = cx
        .server()
        .schemas
        .iter()
        .map(|schema| text(schema, "id"))
        .collect();
    for id in ids {
        cx.forget();
        let reply = cx.send(Ask::get(format!("/Schemas/{id}"))).await?;
        cx.expect(reply.status == 200 && reply.id() == id, id, reply.short());
    }
    Ok(())
}

pub(super) async fn type_by_id(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let names: Vec<&str> = cx
        .server()
        .types
        .iter()
        .map(|known| text(known, "name"))
        .collect();
    for name in names {
        cx.forget();
        let reply = cx
            .send(Ask::get(format!("/ResourceTypes/{}", encoded(name))))
            .await?;
        cx.expect(
            reply.status == 200 && text(&reply.json, "name") == name,
            name,
            reply.short(),
        );
    }
    Ok(())
}

pub(super) async fn types_schemas(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let types = cx.send(Ask::get("/ResourceTypes")).await?;
    let schemas = cx.send(Ask::get("/Schemas")).await?;
    let known: Vec<&str> = schemas
        .resources()
        .iter()
        .map(|schema| text(schema, "id"))
        .collect();
    for resource_type in types.resources() {
        let extensions = resource_type.get("schemaExtensions").and_then(Value::as_array);
        let extensions = extensions.map(Vec::as_slice).unwrap_or_default().iter();
        for uri in [resource_type]
            .into_iter()
            .chain(extensions)
            .map(|of| text(of, "schema"))
        {
            let name = text(resource_type, "name");
            cx.expect(
                known.contains(&uri),
                uri,
                format!("`{name}` names `{uri}`, which `/Schemas` has not"),
            );
        }
    }
    Ok(())
}

pub(super) async fn endpoints(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let names: Vec<&str> = cx
        .server()
        .types
        .iter()
        .map(|known| text(known, "name"))
        .collect();
    for name in names {
        cx.forget();
        let ask = Ask::get(cx.server().endpoint(name)).query("count", "1");
        let reply = cx.send(ask).await?;
        cx.expect(
            reply.status == 200,
            name,
            format!("`{name}` is announced, and the answer is {}", reply.short()),
        );
    }
    Ok(())
}

pub(super) async fn methods(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for path in ENDPOINTS {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            cx.forget();
            let name = format!("{method} {path}");
            let ask = Ask::new(method.clone(), path);
            let ask = if method == Method::DELETE {
                ask
            } else {
                ask.json(&json!({"schemas": []}))
            };
            let reply = cx.send(ask).await?;
            let refused = (400..500).contains(&reply.status) || reply.status == 501;
            cx.expect(refused, &name, reply.short());
        }
    }
    Ok(())
}

pub(super) async fn messages_hidden(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx.send(Ask::get("/Schemas")).await?;
    let ids = reply.resources().iter().map(|schema| text(schema, "id"));
    let messages: Vec<&str> = ids
        .filter(|id| id.starts_with("urn:ietf:params:scim:api:"))
        .collect();
    cx.expect(
        messages.is_empty(),
        "",
        format!("`/Schemas` has {}", messages.join(", ")),
    );
    Ok(())
}

pub(super) async fn characteristics(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx.send(Ask::get("/Schemas")).await?;
    for schema in reply.resources() {
        let id = text(schema, "id");
        let attributes = schema.get("attributes").and_then(Value::as_array);
        let Some(attributes) = attributes else {
            cx.find(id, "it has no `attributes`");
            continue;
        };
        for attribute in attributes {
            let name = text(attribute, "name");
            for member in ["name", "type"] {
                cx.expect(
                    !text(attribute, member).is_empty(),
                    &format!("{id}:{name}"),
                    format!("it has no `{member}`: {}", short(attribute)),
                );
            }
            let multi = attribute.get("multiValued");
            cx.expect(
                multi.is_some_and(Value::is_boolean),
                &format!("{id}:{name}"),
                "it does not say if it is `multiValued`",
            );
        }
    }
    Ok(())
}

pub(super) async fn required_members(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx.send(Ask::get("/ResourceTypes")).await?;
    for resource_type in reply.resources() {
        for member in ["name", "endpoint", "schema"] {
            let name = text(resource_type, "name");
            cx.expect(
                !text(resource_type, member).is_empty(),
                &format!("{name}.{member}"),
                format!("a resource type has no `{member}`: {}", short(resource_type)),
            );
        }
    }
    Ok(())
}

/// Tries each feature, and returns which are there.
async fn tried(cx: &mut Cx<'_, '_>) -> Result<Vec<(&'static str, bool, String)>, Halt> {
    let mut found = Vec::new();
    let (path, _) = cx.created("User", &Value::Null).await?;
    let name = cx.name();
    let patched = cx
        .send(Ask::patch(
            &path,
            &json!([{"op": "replace", "path": "displayName", "value": name}]),
        ))
        .await?;
    found.push((
        "patch",
        !matches!(patched.status, 403..=405 | 501),
        patched.short(),
    ));
    let filter = format!("userName eq \"{name}\"");
    let filtered = cx.send(Ask::get(cx.users()).query("filter", &filter)).await?;
    found.push(("filter", filtered.is_success(), filtered.short()));
    let sorted = cx
        .send(
            Ask::get(cx.users())
                .query("sortBy", "userName")
                .query("count", "1"),
        )
        .await?;
    found.push(("sort", sorted.is_success(), sorted.short()));
    let operation = json!({"method": "DELETE", "path": format!("{}/{name}", cx.users())});
    let bulk = cx
        .send(Ask::post(
            "/Bulk",
            &json!({"schemas": [BULK], "Operations": [operation]}),
        ))
        .await?;
    found.push(("bulk", bulk.status == 200, bulk.short()));
    let read = cx.send(Ask::get(&path)).await?;
    found.push((
        "etag",
        !read.header("etag").is_empty(),
        format!("the `ETag` is `{}`", read.header("etag")),
    ));
    Ok(found)
}

pub(super) async fn advertised_absent(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (feature, is_there, got) in tried(cx).await? {
        let lies = cx.server().offers(feature) && !is_there;
        cx.expect(
            !lies,
            feature,
            format!("`{feature}` is said to be supported, and the answer is {got}"),
        );
    }
    Ok(())
}

pub(super) async fn absent_advertised(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (feature, is_there, got) in tried(cx).await? {
        // A server without sorting may pass over `sortBy`.
        let hides = cx.server().denies(feature) && is_there && feature != "sort";
        cx.expect(
            !hides,
            feature,
            format!("`{feature}` is said not to be supported, and the answer is {got}"),
        );
    }
    Ok(())
}
