//! The life of a resource: POST, GET, PUT, PATCH and DELETE of one (RFC 7644 sections 3.3 to 3.6).

use serde_json::{Value, json};

use crate::probe::{
    cx::{Cx, Halt, insert, merge},
    row::{expect_refusal, holds, short},
    server::{self, text},
    wire::{Ask, Reply},
};

async fn post(cx: &mut Cx<'_, '_>, with: &Value) -> Result<Reply, Halt> {
    let mut body = cx.smallest("User");
    merge(&mut body, with);
    cx.send(Ask::post(cx.users(), &body)).await
}

pub(super) async fn create_status(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = post(cx, &Value::Null).await?;
    cx.expect(reply.status == 201, "", reply.short());
    Ok(())
}

pub(super) async fn create_location(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = created(cx).await?;
    let (header, meta) = (reply.header("location"), location(&reply.json));
    cx.expect(!header.is_empty(), "header", "the answer has no `Location`");
    cx.expect(!meta.is_empty(), "meta.location", "`meta.location` is not there");
    let differs = !header.is_empty() && !meta.is_empty() && header != meta;
    cx.expect(
        !differs,
        "both",
        format!("`Location` is `{header}`, and `meta.location` is `{meta}`"),
    );
    Ok(())
}

async fn created(cx: &mut Cx<'_, '_>) -> Result<Reply, Halt> {
    let body = cx.smallest("User");
    Ok(cx.create("User", &body).await?.1)
}

fn location(resource: &Value) -> &str {
    resource
        .pointer("/meta/location")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

pub(super) async fn location_works(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = created(cx).await?;
    let location = location(&reply.json).to_owned();
    if location.is_empty() {
        return Err(Halt::Skip("there is no `meta.location`".to_owned()));
    }
    let Some(path) = cx.run.probe.path_of(&location) else {
        cx.find(
            "",
            format!("`meta.location` is `{location}`, which is not below the base URL"),
        );
        return Ok(());
    };
    let read = cx.send(Ask::get(path)).await?;
    cx.expect(read.status == 200 && read.id() == reply.id(), "", read.short());
    Ok(())
}

/// Returns what lists and answers show: the first resources of each type, and one that was created if that may be.
async fn shown(cx: &mut Cx<'_, '_>) -> Result<Vec<(String, Value)>, Halt> {
    let mut shown = Vec::new();
    if !cx.run.probe.read_only {
        let reply = created(cx).await?;
        let read = cx
            .send(Ask::get(format!("{}/{}", cx.users(), reply.id())))
            .await?;
        shown.push(("POST /Users".to_owned(), reply.json));
        shown.push(("GET /Users/{id}".to_owned(), read.json));
    }
    for name in ["User", "Group"] {
        if cx.server().resource_type(name).is_none() {
            continue;
        }
        let endpoint = cx.server().endpoint(name);
        let reply = cx.send(Ask::get(&endpoint).query("count", "20")).await?;
        shown.extend(
            reply
                .resources()
                .iter()
                .map(|found| (format!("GET {endpoint}"), found.clone())),
        );
    }
    if shown.is_empty() {
        return Err(Halt::Skip("there is no resource to look at".to_owned()));
    }
    Ok(shown)
}

/// Looks at everything that is shown; a place is named once.
async fn each(cx: &mut Cx<'_, '_>, fault: impl Fn(&Value) -> Option<String>) -> Result<(), Halt> {
    let mut told: Vec<String> = Vec::new();
    for (place, resource) in shown(cx).await? {
        if let Some(fault) = fault(&resource)
            && !told.contains(&place)
        {
            cx.find(&place, fault);
            told.push(place);
        }
    }
    Ok(())
}

pub(super) async fn has_id(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    each(cx, |resource| {
        text(resource, "id")
            .is_empty()
            .then(|| format!("a resource has no `id`: {}", short(resource)))
    })
    .await
}

pub(super) async fn has_schemas(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    each(cx, |resource| {
        let schemas = resource.get("schemas").and_then(Value::as_array);
        let missing = schemas.is_none_or(Vec::is_empty);
        missing.then(|| format!("a resource has no `schemas`: {}", short(resource)))
    })
    .await
}

pub(super) async fn undeclared(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let server = cx.server();
    each(cx, |resource| {
        let name = resource.pointer("/meta/resourceType").and_then(Value::as_str)?;
        let known = server.resource_type(name)?;
        let mut uris = server.extensions(name);
        uris.push(text(known, "schema"));
        let schemas = resource.get("schemas").and_then(Value::as_array)?;
        let stray = schemas
            .iter()
            .filter_map(Value::as_str)
            .find(|uri| !uris.iter().any(|known| known.eq_ignore_ascii_case(uri)))?;
        Some(format!(
            "a {name} has the schema `{stray}`, which its resource type has not"
        ))
    })
    .await
}

pub(super) async fn resource_type(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    each(cx, |resource| {
        let found = resource
            .pointer("/meta/resourceType")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let schemas = short(resource.get("schemas").unwrap_or(&Value::Null));
        let wanted = if schemas.contains(server::GROUP) {
            "Group"
        } else {
            "User"
        };
        (found != wanted).then(|| format!("`meta.resourceType` of a {wanted} is `{found}`"))
    })
    .await
}

pub(super) async fn meta_assigned(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    each(cx, |resource| {
        let meta = resource.get("meta").filter(|meta| meta.is_object());
        meta.is_none()
            .then(|| format!("a resource has no `meta`: {}", short(resource)))
    })
    .await
}

pub(super) async fn meta_dates(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    each(cx, |resource| {
        let meta = resource.get("meta")?;
        ["created", "lastModified"].into_iter().find_map(|name| {
            let value = meta.get(name)?;
            let right = value.as_str().is_some_and(is_date_time);
            (!right).then(|| format!("`meta.{name}` is {}", short(value)))
        })
    })
    .await
}

/// Returns true for a date and a time as xsd:dateTime writes them (RFC 7643 section 2.3.5).
fn is_date_time(text: &str) -> bool {
    text.parse::<keyfob_core::DateTime>().is_ok()
}

pub(super) async fn own_id(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let wish = "0d7a3f62-probe-chosen";
    let reply = post(cx, &json!({"id": wish})).await?;
    if reply.is_success() {
        cx.expect(
            reply.id() != wish,
            "",
            "the resource has the `id` that the client chose",
        );
    }
    Ok(())
}

pub(super) async fn read_only_ignored(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = post(
        cx,
        &json!({
            "meta": {"resourceType": "User", "created": "2001-01-01T00:00:00Z"},
            "groups": [{"value": "nobody", "display": "Nobody"}],
        }),
    )
    .await?;
    if !reply.is_success() {
        cx.find(
            "",
            format!(
                "a body with values of readOnly attributes is refused: {}",
                reply.short()
            ),
        );
        return Ok(());
    }
    let created = reply
        .json
        .pointer("/meta/created")
        .and_then(Value::as_str)
        .unwrap_or_default();
    cx.expect(
        !created.starts_with("2001"),
        "meta.created",
        "`meta.created` is what the client sent",
    );
    let groups = reply
        .json
        .get("groups")
        .and_then(Value::as_array)
        .is_some_and(|groups| !groups.is_empty());
    cx.expect(!groups, "groups", "`groups` is what the client sent");
    Ok(())
}

pub(super) async fn stable(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, id) = cx.created("User", &Value::Null).await?;
    for _ in 0..2 {
        let read = cx.send(Ask::get(&path)).await?;
        cx.expect(read.status == 200 && read.id() == id, "", read.short());
    }
    Ok(())
}

pub(super) async fn put_replaces(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let mut body = cx.smallest("User");
    insert(&mut body, "title", json!("Before"));
    let (id, _) = cx.create("User", &body).await?;
    let path = format!("{}/{id}", cx.users());
    insert(&mut body, "title", json!("After"));
    insert(&mut body, "id", json!(id));
    let reply = cx.send(Ask::put(&path, &body)).await?;
    if !reply.is_success() {
        cx.find("", format!("the PUT is refused: {}", reply.short()));
        return Ok(());
    }
    let read = cx.read(&path).await?;
    cx.expect(
        text(&read, "title") == "After",
        "state",
        format!("afterwards `title` is `{}`", text(&read, "title")),
    );
    Ok(())
}

pub(super) async fn put_unknown(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let body = cx.smallest("User");
    let path = format!("{}/{}", cx.users(), "5f6b1c5e-1d3d-4b6e-9a41-6a0b7f6f1e11");
    let reply = cx.send(Ask::put(path, &body)).await?;
    cx.expect(
        reply.status == 404,
        "",
        format!("a PUT to an address where nothing is: {}", reply.short()),
    );
    Ok(())
}

pub(super) async fn put_own_answer(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("User", &Value::Null).await?;
    let mut read = cx.read(&path).await?;
    insert(&mut read, "displayName", json!("Changed"));
    let reply = cx.send(Ask::put(&path, &read)).await?;
    if !reply.is_success() {
        cx.find(
            "",
            format!("what GET answered is refused in a PUT: {}", reply.short()),
        );
        return Ok(());
    }
    let after = cx.read(&path).await?;
    cx.expect(
        text(&after, "displayName") == "Changed",
        "state",
        "the PUT changed nothing",
    );
    Ok(())
}

pub(super) async fn put_taken(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let first = cx.smallest("User");
    cx.create("User", &first).await?;
    let mut second = cx.smallest("User");
    let (id, _) = cx.create("User", &second).await?;
    insert(&mut second, "userName", json!(text(&first, "userName")));
    let reply = cx.send(Ask::put(format!("{}/{id}", cx.users()), &second)).await?;
    cx.expect(
        !reply.is_success(),
        "",
        format!("a PUT with the `userName` of another user: {}", reply.short()),
    );
    Ok(())
}

pub(super) async fn delete_status(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("User", &Value::Null).await?;
    let reply = cx.send(Ask::delete(path)).await?;
    cx.expect(reply.status == 204, "", reply.short());
    Ok(())
}

/// Creates a user and deletes it.
async fn deleted(cx: &mut Cx<'_, '_>) -> Result<(String, Value), Halt> {
    let body = cx.smallest("User");
    let (id, _) = cx.create("User", &body).await?;
    let path = format!("{}/{id}", cx.users());
    let reply = cx.send(Ask::delete(&path)).await?;
    if !reply.is_success() {
        return Err(Halt::Unclear(format!(
            "a user can't be deleted: {}",
            reply.short()
        )));
    }
    Ok((path, body))
}

pub(super) async fn delete_gone(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = deleted(cx).await?;
    let reply = cx.send(Ask::get(&path)).await?;
    cx.expect(
        reply.status == 404,
        "GET",
        format!("after a DELETE: {}", reply.short()),
    );
    Ok(())
}

pub(super) async fn delete_again(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, body) = deleted(cx).await?;
    let again = cx.send(Ask::delete(&path)).await?;
    cx.expect(
        again.status == 404,
        "DELETE",
        format!("a second DELETE: {}", again.short()),
    );
    let put = cx.send(Ask::put(&path, &body)).await?;
    cx.expect(
        put.status == 404,
        "PUT",
        format!("a PUT after a DELETE: {}", put.short()),
    );
    Ok(())
}

pub(super) async fn delete_unlisted(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (_, body) = deleted(cx).await?;
    let filter = format!("userName eq \"{}\"", text(&body, "userName"));
    let reply = cx.send(Ask::get(cx.users()).query("filter", &filter)).await?;
    cx.expect(
        reply.status == 200 && reply.resources().is_empty(),
        "",
        format!("a list after a DELETE: {}", reply.short()),
    );
    Ok(())
}

pub(super) async fn delete_frees_name(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (_, body) = deleted(cx).await?;
    let reply = cx.send(Ask::post(cx.users(), &body)).await?;
    cx.expect(
        reply.is_success(),
        "",
        format!("a user with the name of a deleted one: {}", reply.short()),
    );
    Ok(())
}

/// Creates a user twice, the second time as the function changes it, and returns the second answer.
async fn twice(cx: &mut Cx<'_, '_>, change: impl Fn(&str) -> String) -> Result<Reply, Halt> {
    let mut body = cx.smallest("User");
    cx.create("User", &body).await?;
    let name = change(text(&body, "userName"));
    insert(&mut body, "userName", json!(name));
    cx.send(Ask::post(cx.users(), &body)).await
}

pub(super) async fn taken(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = twice(cx, ToOwned::to_owned).await?;
    cx.expect(
        reply.status == 409,
        "",
        format!("a second user with the same `userName`: {}", reply.short()),
    );
    Ok(())
}

pub(super) async fn taken_keyword(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = twice(cx, ToOwned::to_owned).await?;
    if reply.status != 409 {
        return Err(Halt::Skip("the answer is not 409".to_owned()));
    }
    cx.expect(
        reply.scim_type() == "uniqueness",
        "",
        format!("`scimType` is `{}`", reply.scim_type()),
    );
    Ok(())
}

pub(super) async fn taken_in_another_case(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = twice(cx, str::to_ascii_uppercase).await?;
    cx.expect(
        reply.status == 409,
        "",
        format!(
            "a second user whose `userName` differs in case: {}",
            reply.short()
        ),
    );
    Ok(())
}

pub(super) async fn taken_by_patch(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let first = cx.smallest("User");
    cx.create("User", &first).await?;
    let (path, _) = cx.created("User", &Value::Null).await?;
    let operations = json!([{"op": "replace", "path": "userName", "value": text(&first, "userName")}]);
    let reply = cx.send(Ask::patch(path, &operations)).await?;
    cx.expect(
        !reply.is_success(),
        "",
        format!("a PATCH with the `userName` of another user: {}", reply.short()),
    );
    Ok(())
}

pub(super) async fn patched_in_full(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, id) = cx.created("User", &Value::Null).await?;
    let name = cx.name();
    let reply = cx
        .send(Ask::patch(
            path,
            &json!([{"op": "replace", "path": "displayName", "value": name}]),
        ))
        .await?;
    let right = match reply.status {
        204 => reply.body.is_empty(),
        200 => {
            reply.id() == id
                && text(&reply.json, "displayName") == name
                && !text(&reply.json, "userName").is_empty()
        }
        _ => false,
    };
    cx.expect(right, "", reply.short());
    Ok(())
}

pub(super) async fn patch_attributes(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("User", &Value::Null).await?;
    let name = cx.name();
    let ask = Ask::patch(
        path,
        &json!([{"op": "replace", "path": "displayName", "value": name}]),
    )
    .query("attributes", "displayName");
    let reply = cx.send(ask).await?;
    cx.expect(
        reply.status == 200 && text(&reply.json, "displayName") == name,
        "",
        reply.short(),
    );
    Ok(())
}

pub(super) async fn patch_unknown(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let path = format!("{}/5f6b1c5e-1d3d-4b6e-9a41-6a0b7f6f1e11", cx.users());
    let reply = cx
        .send(Ask::patch(
            path,
            &json!([{"op": "replace", "path": "displayName", "value": "x"}]),
        ))
        .await?;
    expect_refusal(cx, &reply, &[404], &[]);
    Ok(())
}

pub(super) async fn patch_same(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("User", &json!({"title": "Same"})).await?;
    let before = cx.read(&path).await?;
    let reply = cx
        .send(Ask::patch(
            &path,
            &json!([{"op": "add", "path": "title", "value": "Same"}]),
        ))
        .await?;
    cx.expect(reply.is_success(), "answer", reply.short());
    let after = cx.read(&path).await?;
    let time = |resource: &Value| short(resource.pointer("/meta/lastModified").unwrap_or(&Value::Null));
    cx.expect(
        time(&before) == time(&after),
        "meta.lastModified",
        format!(
            "`meta.lastModified` went from {} to {}",
            time(&before),
            time(&after)
        ),
    );
    Ok(())
}

pub(super) async fn member_of(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (_, user) = cx.created("User", &Value::Null).await?;
    let (path, _) = cx
        .created("Group", &json!({"members": [{"value": user}]}))
        .await?;
    let read = cx.read(&path).await?;
    if let Err(difference) = holds(&read, &json!({"members": [{"value": user}]}), "") {
        cx.find("", difference);
    }
    Ok(())
}

pub(super) async fn user_groups(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (user_path, user) = cx.created("User", &Value::Null).await?;
    let (_, group) = cx
        .created("Group", &json!({"members": [{"value": user}]}))
        .await?;
    let read = cx.read(&user_path).await?;
    if read.get("groups").is_none() {
        return Err(Halt::Skip("users do not show their groups".to_owned()));
    }
    if let Err(difference) = holds(&read, &json!({"groups": [{"value": group}]}), "") {
        cx.find("", difference);
    }
    Ok(())
}

pub(super) async fn group_delete(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (user_path, user) = cx.created("User", &Value::Null).await?;
    let (path, _) = cx
        .created("Group", &json!({"members": [{"value": user}]}))
        .await?;
    cx.send(Ask::delete(&user_path)).await?;
    let read = cx.read(&path).await?;
    let members = read.get("members").and_then(Value::as_array);
    let there = members.is_some_and(|members| members.iter().any(|member| text(member, "value") == user));
    cx.expect(!there, "", "a deleted user is still a member of the group");
    Ok(())
}
