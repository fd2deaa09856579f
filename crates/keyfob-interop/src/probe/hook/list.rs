//! Lists: pages, cursors, projections, order and `/.search` (RFC 7644 sections 3.4.2 to 3.4.3, RFC 9865).

use serde_json::{Value, json};

use crate::probe::{
    LIST,
    cx::{Cx, Halt},
    row::{holds, short},
    server::text,
    wire::{Ask, Reply, encoded},
};

/// The number of users that the probe's lists are made of.
const USERS: usize = 5;

/// Asks for the probe's own users.
fn ours(cx: &Cx<'_, '_>) -> Ask {
    let filter = format!("userName sw \"{}-\"", cx.mark());
    Ask::get(cx.users()).query("filter", &filter)
}

/// Asks for a page, which has to be answered with 200.
async fn page(cx: &mut Cx<'_, '_>, parameters: &[(&str, &str)]) -> Result<Option<Reply>, Halt> {
    let ask = parameters
        .iter()
        .fold(ours(cx), |ask, (name, value)| ask.query(name, value));
    let reply = cx.send(ask).await?;
    if reply.status != 200 {
        cx.find("", format!("the answer is {}", reply.short()));
        return Ok(None);
    }
    Ok(Some(reply))
}

fn ids(reply: &Reply) -> Vec<String> {
    reply
        .resources()
        .iter()
        .map(|found| text(found, "id").to_owned())
        .collect()
}

pub(super) async fn count(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    if let Some(reply) = page(cx, &[("count", "2")]).await? {
        let found = reply.resources().len();
        cx.expect(
            found <= 2,
            "",
            format!("`count` is 2, and {found} resources are returned"),
        );
    }
    Ok(())
}

pub(super) async fn zero(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    if let Some(reply) = page(cx, &[("count", "0")]).await? {
        let found = reply.resources().len();
        cx.expect(
            found == 0,
            "",
            format!("`count` is 0, and {found} resources are returned"),
        );
    }
    Ok(())
}

pub(super) async fn negative(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    if let Some(reply) = page(cx, &[("count", "-1")]).await? {
        let found = reply.resources().len();
        cx.expect(
            found == 0,
            "",
            format!("`count` is -1, and {found} resources are returned"),
        );
    }
    Ok(())
}

/// A start that is less than 1 is the first one.
async fn starts_first(cx: &mut Cx<'_, '_>, start: &str) -> Result<(), Halt> {
    let Some(first) = page(cx, &[("startIndex", "1"), ("count", "2")]).await? else {
        return Ok(());
    };
    if let Some(reply) = page(cx, &[("startIndex", start), ("count", "2")]).await? {
        cx.expect(
            ids(&first) == ids(&reply),
            "",
            format!(
                "`startIndex` {start} returns {} resources, which are not those of 1",
                reply.resources().len()
            ),
        );
    }
    Ok(())
}

pub(super) async fn start_zero(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    starts_first(cx, "0").await
}

pub(super) async fn start_negative(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    starts_first(cx, "-3").await
}

pub(super) async fn pages(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let mut seen = Vec::new();
    let mut start = 1;
    // Each page has one resource at least, or the list is over.
    for _ in 0..=USERS {
        let Some(reply) = page(cx, &[("startIndex", &start.to_string()), ("count", "2")]).await? else {
            return Ok(());
        };
        let found = ids(&reply);
        if found.is_empty() {
            break;
        }
        start += found.len();
        seen.extend(found);
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    cx.expect(
        all == seen.len(),
        "twice",
        format!("of {all} resources of all pages {} come again", all - seen.len()),
    );
    cx.expect(
        seen.len() == USERS,
        "all",
        format!("all pages have {} of {USERS} resources", seen.len()),
    );
    Ok(())
}

pub(super) async fn beyond(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    if let Some(reply) = page(cx, &[("startIndex", "1000000"), ("count", "2")]).await? {
        let found = reply.resources().len();
        cx.expect(
            found == 0,
            "",
            format!("beyond the end {found} resources are returned"),
        );
    }
    Ok(())
}

pub(super) async fn total(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    if let Some(reply) = page(cx, &[("count", "2")]).await? {
        let total = reply.json.get("totalResults").cloned().unwrap_or_default();
        cx.expect(
            total == json!(USERS),
            "",
            format!("`totalResults` is {}, and {USERS} resources match", short(&total)),
        );
    }
    Ok(())
}

pub(super) async fn per_page(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    if let Some(reply) = page(cx, &[("count", "2")]).await? {
        let size = reply.json.get("itemsPerPage").cloned().unwrap_or_default();
        let found = reply.resources().len();
        cx.expect(
            size == json!(found),
            "",
            format!("`itemsPerPage` is {}, with {found} resources", short(&size)),
        );
    }
    Ok(())
}

pub(super) async fn start_echoed(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    if let Some(reply) = page(cx, &[("startIndex", "2"), ("count", "2")]).await? {
        let start = reply.json.get("startIndex").cloned().unwrap_or_default();
        cx.expect(
            start == json!(2),
            "",
            format!("`startIndex` is {} in the second page", short(&start)),
        );
    }
    Ok(())
}

pub(super) async fn list_schema(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx.send(Ask::get(cx.users()).query("count", "1")).await?;
    let schemas = reply.json.get("schemas").and_then(Value::as_array);
    let named = schemas.is_some_and(|schemas| schemas.iter().any(|schema| schema == LIST));
    cx.expect(reply.status == 200 && named, "", reply.short());
    Ok(())
}

pub(super) async fn cap(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx.send(Ask::get(cx.users()).query("count", "1000000")).await?;
    cx.expect(
        reply.status == 200,
        "",
        format!("`count` 1000000 is refused: {}", reply.short()),
    );
    Ok(())
}

pub(super) async fn cursor_first(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let Some(reply) = page(cx, &[("cursor", ""), ("count", "2")]).await? else {
        return Ok(());
    };
    cx.expect(
        !text(&reply.json, "nextCursor").is_empty(),
        "nextCursor",
        "the first of several pages has no `nextCursor`",
    );
    cx.expect(
        reply.json.get("previousCursor").is_none(),
        "previousCursor",
        "the first page has a `previousCursor`",
    );
    Ok(())
}

pub(super) async fn cursor_pages(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let mut seen = Vec::new();
    let mut cursor = String::new();
    for _ in 0..USERS * 2 {
        let Some(reply) = page(cx, &[("cursor", &cursor), ("count", "2")]).await? else {
            return Ok(());
        };
        seen.extend(ids(&reply));
        text(&reply.json, "nextCursor").clone_into(&mut cursor);
        if cursor.is_empty() {
            break;
        }
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    cx.expect(
        cursor.is_empty(),
        "end",
        format!("after {} pages there is still a `nextCursor`", USERS * 2),
    );
    cx.expect(
        all == seen.len(),
        "twice",
        format!("of {all} resources of all pages {} come again", all - seen.len()),
    );
    cx.expect(
        seen.len() == USERS,
        "all",
        format!("all pages have {} of {USERS} resources", seen.len()),
    );
    Ok(())
}

pub(super) async fn cursor_wrong(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx
        .send(ours(cx).query("cursor", "no-cursor-of-yours").query("count", "2"))
        .await?;
    cx.expect(
        reply.status == 400,
        "",
        format!("a cursor that nobody gave: {}", reply.short()),
    );
    if reply.status == 400 {
        cx.expect(
            reply.scim_type() == "invalidCursor",
            "scimType",
            format!("`scimType` is `{}`", reply.scim_type()),
        );
    }
    Ok(())
}

/// The path of the probe's first user.
fn first_user(cx: &Cx<'_, '_>) -> Result<String, Halt> {
    let population = cx.population();
    let id = population
        .users
        .get("a")
        .ok_or_else(|| Halt::Skip("there is no user of the probe".to_owned()))?;
    Ok(format!("{}/{id}", cx.users()))
}

/// Reads the probe's first user alone, in a list and by `/.search`, with this parameter.
async fn projected(cx: &mut Cx<'_, '_>, name: &str, value: &str) -> Result<Vec<(&'static str, Value)>, Halt> {
    let one = cx.send(Ask::get(first_user(cx)?).query(name, value)).await?;
    let filter = format!("userName eq \"{}-a@probe.example\"", cx.mark());
    let list = cx
        .send(Ask::get(cx.users()).query("filter", &filter).query(name, value))
        .await?;
    let mut found = Vec::new();
    for (case, reply, resource) in [
        ("GET", &one, Some(&one.json)),
        ("list", &list, list.resources().first()),
    ] {
        match resource {
            Some(resource) if reply.status == 200 => found.push((case, resource.clone())),
            _ => cx.find(case, format!("`{name}={value}`: {}", reply.short())),
        }
    }
    Ok(found)
}

pub(super) async fn attributes(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (case, resource) in projected(cx, "attributes", "userName").await? {
        cx.expect(
            !text(&resource, "userName").is_empty(),
            case,
            format!("`userName` is asked for and not there: {}", short(&resource)),
        );
        let more: Vec<&str> = ["name", "emails", "title", "displayName", "active"]
            .into_iter()
            .filter(|name| resource.get(name).is_some())
            .collect();
        cx.expect(
            more.is_empty(),
            case,
            format!(
                "`userName` alone is asked for, and `{}` comes too",
                more.join("`, `")
            ),
        );
    }
    Ok(())
}

pub(super) async fn minimum(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (case, resource) in projected(cx, "attributes", "userName").await? {
        cx.expect(
            !text(&resource, "id").is_empty(),
            case,
            format!("`id` is always returned, and is not there: {}", short(&resource)),
        );
    }
    Ok(())
}

pub(super) async fn schemas_always(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (case, resource) in projected(cx, "attributes", "userName").await? {
        let schemas = resource.get("schemas").and_then(Value::as_array);
        cx.expect(
            schemas.is_some_and(|schemas| !schemas.is_empty()),
            case,
            format!(
                "a resource with `userName` alone names no schema: {}",
                short(&resource)
            ),
        );
    }
    Ok(())
}

pub(super) async fn excluded(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (case, resource) in projected(cx, "excludedAttributes", "name,emails").await? {
        let more: Vec<&str> = ["name", "emails"]
            .into_iter()
            .filter(|name| resource.get(name).is_some())
            .collect();
        cx.expect(
            more.is_empty(),
            case,
            format!("`{}` is excluded, and comes", more.join("`, `")),
        );
        cx.expect(
            !text(&resource, "userName").is_empty(),
            case,
            "`userName` is not excluded, and does not come",
        );
    }
    Ok(())
}

pub(super) async fn excluded_always(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (case, resource) in projected(cx, "excludedAttributes", "id,title").await? {
        cx.expect(
            !text(&resource, "id").is_empty(),
            case,
            format!("`id` can't be excluded, and is not there: {}", short(&resource)),
        );
    }
    Ok(())
}

pub(super) async fn sub_attribute(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (case, resource) in projected(cx, "attributes", "name.familyName").await? {
        let family = resource.pointer("/name/familyName");
        cx.expect(
            family.is_some(),
            case,
            format!(
                "`name.familyName` is asked for and not there: {}",
                short(&resource)
            ),
        );
        cx.expect(
            resource.pointer("/name/givenName").is_none(),
            case,
            "`name.familyName` is asked for, and `name.givenName` comes too",
        );
    }
    Ok(())
}

pub(super) async fn never_returned(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let names: Vec<String> = cx
        .server()
        .attributes("User")
        .into_iter()
        .filter(|known| known.returned == "never")
        .map(|known| known.path())
        .collect();
    if names.is_empty() {
        return Err(Halt::Skip("no attribute is never returned".to_owned()));
    }
    for name in names {
        let reply = cx
            .send(Ask::get(first_user(cx)?).query("attributes", &name))
            .await?;
        cx.expect(
            reply.json.get(&name).is_none(),
            &name,
            format!("`{name}` is never returned, and comes: {}", reply.short()),
        );
    }
    Ok(())
}

pub(super) async fn created_projection(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let body = cx.smallest("User");
    let reply = cx
        .send(Ask::post(cx.users(), &body).query("attributes", "userName"))
        .await?;
    if reply.is_success() {
        let more = reply.json.get("name").or(reply.json.get("emails")).is_some();
        cx.expect(
            !more,
            "",
            format!("`userName` alone is asked for: {}", reply.short()),
        );
    }
    Ok(())
}

/// Returns the titles of the probe's users in the order of the answer.
async fn titles(cx: &mut Cx<'_, '_>, order: Option<&str>) -> Result<Vec<String>, Halt> {
    let filter = format!("userName sw \"{}-\" and title pr", cx.mark());
    let mut ask = Ask::get(cx.users())
        .query("filter", &filter)
        .query("sortBy", "title")
        .query("count", "100");
    if let Some(order) = order {
        ask = ask.query("sortOrder", order);
    }
    let reply = cx.send(ask).await?;
    let titles = reply
        .resources()
        .iter()
        .map(|found| text(found, "title").to_ascii_uppercase());
    let titles: Vec<String> = titles.collect();
    if titles.len() < 2 {
        return Err(Halt::Unclear(format!(
            "there is nothing to sort: {}",
            reply.short()
        )));
    }
    Ok(titles)
}

pub(super) async fn sorted(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let titles = titles(cx, None).await?;
    cx.expect(
        titles.is_sorted(),
        "",
        format!("by `title`: {}", titles.join(", ")),
    );
    Ok(())
}

pub(super) async fn sorted_down(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let titles = titles(cx, Some("descending")).await?;
    cx.expect(
        titles.iter().rev().is_sorted(),
        "",
        format!("by `title`, descending: {}", titles.join(", ")),
    );
    Ok(())
}

fn search_message(cx: &Cx<'_, '_>) -> Ask {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": format!("userName eq \"{}-b@probe.example\"", cx.mark()),
        "attributes": ["userName"],
    });
    Ask::post(format!("{}/.search", cx.users()), &body)
}

pub(super) async fn search(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx.send(search_message(cx)).await?;
    cx.expect(reply.status == 200, "", reply.short());
    Ok(())
}

pub(super) async fn search_filter(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let reply = cx.send(search_message(cx)).await?;
    if reply.status != 200 {
        return Err(Halt::Skip("`/.search` is not answered".to_owned()));
    }
    let wanted = format!("{}-b@probe.example", cx.mark());
    let right = reply.resources().len() == 1
        && reply
            .resources()
            .iter()
            .all(|found| holds(found, &json!({"userName": wanted}), "").is_ok());
    cx.expect(
        right,
        "",
        format!("{} resources: {}", reply.resources().len(), reply.short()),
    );
    // The same query as an address.
    let filter = format!("userName eq \"{wanted}\"");
    let same = cx
        .send(Ask::get(format!("{}?filter={}", cx.users(), encoded(&filter))))
        .await?;
    cx.expect(
        ids(&same) == ids(&reply),
        "GET",
        "the same query by GET returns others",
    );
    Ok(())
}
