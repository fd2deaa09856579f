//! Checks that are data alone: filters, PATCH requests and single requests, each with what has to come of it.

use http::Method;
use serde_json::Value;

use super::{
    check::{FilterRow, PatchRow, RequestRow},
    cx::{Cx, Halt, merge},
    wire::{Ask, Reply, encoded},
};

/// Puts what is known of the run in the place of names in braces.
fn filled(cx: &Cx<'_, '_>, text: &str) -> String {
    let mark = cx.mark();
    let population = cx.population();
    let mut text = text
        .replace("{p}", mark)
        .replace("{P}", &mark.to_ascii_uppercase())
        // The same without its beginning.
        .replace("{q}", mark.get(3..).unwrap_or_default())
        .replace("{users}", &cx.users())
        .replace("{groups}", &cx.groups())
        .replace("{unknown}", "0b6c3f1e-9d55-4a07-8f9e-5c1f4d3a2b10");
    for (key, id) in population.users.iter().chain(&population.groups) {
        text = text.replace(&format!("{{id.{key}}}"), id);
    }
    text
}

/// Fills the texts of a JSON value.
fn filled_json(cx: &Cx<'_, '_>, value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(filled(cx, text)),
        Value::Array(values) => values.iter().map(|value| filled_json(cx, value)).collect(),
        Value::Object(object) => Value::Object(
            object
                .iter()
                .map(|(name, value)| (filled(cx, name), filled_json(cx, value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// Asks with a filter, and compares what is found with what has to be.
pub(super) async fn filter(cx: &mut Cx<'_, '_>, row: &FilterRow) -> Result<(), Halt> {
    let of = row.of.as_str();
    let population = cx.population();
    let known = if of == "Group" {
        &population.groups
    } else {
        &population.users
    };
    if known.is_empty() && row.refused.is_none() {
        return Err(Halt::Skip(format!("there is no {of} of the probe")));
    }
    let ask = Ask::get(cx.server().endpoint(of))
        .query("filter", &filled(cx, &row.filter))
        .query("count", "100");
    let reply = cx.send(ask).await?;
    if let Some(scim_type) = &row.refused {
        expect_refusal(cx, &reply, &[400], std::slice::from_ref(scim_type));
        return Ok(());
    }
    if reply.status != 200 {
        cx.find("", format!("the filter is refused: {}", reply.short()));
        return Ok(());
    }
    let found: Vec<&str> = reply
        .resources()
        .iter()
        .filter_map(|found| found.get("id")?.as_str())
        .collect();
    let mut keys = known.iter().filter(|(_, id)| found.contains(&id.as_str()));
    let keys: Vec<&str> = std::iter::from_fn(|| keys.next().map(|(key, _)| key.as_str())).collect();
    let others = found.len() - keys.len();
    let right = keys == row.finds.iter().map(String::as_str).collect::<Vec<_>>() && others == 0;
    if !right {
        let told = |keys: &[&str]| {
            if keys.is_empty() {
                "none".to_owned()
            } else {
                keys.join(", ")
            }
        };
        let wanted: Vec<&str> = row.finds.iter().map(String::as_str).collect();
        let mut got = format!(
            "of the probe's own {} are found {}, not {}",
            cx.server().endpoint(of),
            told(&keys),
            told(&wanted)
        );
        if others > 0 {
            got = format!("{got}; {others} others are found too");
        }
        cx.find("", got);
    } else if row.finds.is_empty() {
        cx.expect(
            reply.total() == Some(0),
            "totalResults",
            format!(
                "`totalResults` is {}",
                short(reply.json.get("totalResults").unwrap_or(&Value::Null))
            ),
        );
    }
    Ok(())
}

/// Expects a SCIM error with one of these statuses, and one of these keywords if there are any.
pub(super) fn expect_refusal(cx: &mut Cx<'_, '_>, reply: &Reply, statuses: &[u16], scim_types: &[String]) {
    if !statuses.contains(&reply.status) {
        cx.find("", format!("the answer is {}", reply.short()));
    } else if !scim_types.is_empty() && !scim_types.iter().any(|known| known == reply.scim_type()) {
        cx.find(
            "scimType",
            format!(
                "`scimType` is `{}`, not `{}`",
                reply.scim_type(),
                scim_types.join("` or `")
            ),
        );
    }
}

/// Modifies a resource of its own, and compares what it is afterwards.
pub(super) async fn patch(cx: &mut Cx<'_, '_>, row: &PatchRow) -> Result<(), Halt> {
    let before = filled_json(cx, &row.before);
    let mut operations = row.operations.to_string();
    let mut before_text = before.to_string();
    // Members have to be somebody.
    let mut members = Vec::new();
    for key in ["{m1}", "{m2}"] {
        if operations.contains(key) || before_text.contains(key) {
            let (_, id) = cx.created("User", &Value::Null).await?;
            operations = operations.replace(key, &id);
            before_text = before_text.replace(key, &id);
            members.push((key, id));
        }
    }
    let before: Value = serde_json::from_str(&before_text).unwrap_or_default();
    let operations: Value = serde_json::from_str(&operations).unwrap_or_default();
    let (path, own) = cx.created(&row.of, &before).await?;
    let name = cx.name();
    let operations = filled_json(cx, &operations)
        .to_string()
        .replace("{name}", &name)
        .replace("{self}", &own);
    let operations: Value = serde_json::from_str(&operations).unwrap_or_default();
    let reply = cx.send(Ask::patch(&path, &operations)).await?;
    if let Some(scim_types) = &row.refused {
        expect_refusal(cx, &reply, &[400], scim_types);
    } else if !reply.is_success() {
        cx.find("", format!("the PATCH is refused: {}", reply.short()));
        return Ok(());
    }
    let mut after = filled_json(cx, &row.after).to_string().replace("{name}", &name);
    for (key, id) in &members {
        after = after.replace(key, id);
    }
    let after: Value = serde_json::from_str(&after).unwrap_or_default();
    if after.is_object() {
        let resource = cx.read(&path).await?;
        if let Err(difference) = holds(&resource, &after, "") {
            cx.find("state", format!("afterwards {difference}"));
        }
    }
    Ok(())
}

/// Compares a resource with what it has to have; null is what it must not have. Arrays are compared without their order.
pub(super) fn holds(found: &Value, wanted: &Value, path: &str) -> Result<(), String> {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            for (name, wanted) in wanted {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                let value = found
                    .iter()
                    .find(|(found, _)| found.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value);
                match value {
                    Some(value) => holds(value, wanted, &path)?,
                    None if wanted.is_null() || *wanted == Value::Bool(false) => {}
                    None => return Err(format!("`{path}` is not there")),
                }
            }
            Ok(())
        }
        (Value::Array(found), Value::Null) if found.is_empty() => Ok(()),
        (Value::Null, Value::Null) => Ok(()),
        (found, Value::Null) => Err(format!("`{path}` is still there: {}", short(found))),
        (Value::Array(found), Value::Array(wanted)) => {
            for wanted in wanted {
                if !found.iter().any(|found| holds(found, wanted, path).is_ok()) {
                    return Err(format!(
                        "`{path}` lacks {}: it is {}",
                        short(wanted),
                        short(&Value::Array(found.clone()))
                    ));
                }
            }
            if found.len() == wanted.len() {
                return Ok(());
            }
            Err(format!(
                "`{path}` has {} values, not {}: {}",
                found.len(),
                wanted.len(),
                short(&Value::Array(found.clone()))
            ))
        }
        (found, wanted) if found == wanted => Ok(()),
        (found, wanted) => Err(format!("`{path}` is {}, not {}", short(found), short(wanted))),
    }
}

/// A value on one line, not all of a long one.
pub(super) fn short(value: &Value) -> String {
    let text = value.to_string();
    let mut shown: String = text.chars().take(160).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// Sends a request, and compares the answer.
pub(super) async fn request(cx: &mut Cx<'_, '_>, row: &RequestRow) -> Result<(), Halt> {
    let method: Method = row
        .method
        .parse()
        .map_err(|_| Halt::Unclear(format!("`{}` is no method", row.method)))?;
    let path = filled(cx, &row.path);
    let (path, query) = path
        .split_once('?')
        .map_or((path.as_str(), None), |(path, query)| (path, Some(query)));
    let mut ask = Ask::new(method, path);
    if let Some(query) = query {
        // Names and values are written as they are read, and encoded here.
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            ask = ask.query(&encoded(name), value);
        }
        if query.is_empty() {
            ask.path.push('?');
        }
    }
    if let Some(over) = &row.over {
        let mut body = cx.smallest(over);
        merge(
            &mut body,
            &filled_json(cx, row.body.as_ref().unwrap_or(&Value::Null)),
        );
        ask = ask.json(&body);
    } else if let Some(body) = &row.body {
        ask = ask.json(&filled_json(cx, body));
    } else if let Some(text) = &row.text {
        ask = ask.body(filled(cx, text));
    }
    for (name, value) in &row.headers {
        ask = ask.header(name, value);
    }
    let reply = cx.send(ask).await?;
    if !row.status.contains(&reply.status) {
        cx.find("", format!("the answer is {}", reply.short()));
    } else if reply.is_success()
        && let Err(difference) = holds(&reply.json, &filled_json(cx, &row.answer), "")
        && !row.answer.is_null()
    {
        cx.find("answer", format!("in the answer {difference}"));
    }
    Ok(())
}
