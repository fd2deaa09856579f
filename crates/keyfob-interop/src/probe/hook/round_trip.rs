//! What is written and what is read back, attribute by attribute as `/Schemas` describes them.

use serde_json::{Value, json};

use crate::probe::{
    cx::{Cx, Halt, insert, merge},
    row::short,
    server::{Attribute, ENTERPRISE},
    wire::Ask,
};

/// A difference between what was sent and what came back.
enum Difference {
    Lost,
    Changed(Value),
    WrongType(Value),
}

/// Writes all attributes and reads them back.
async fn differences(cx: &mut Cx<'_, '_>) -> Result<Vec<(String, Value, Difference)>, Halt> {
    let mark = cx.name();
    let mut attributes: Vec<(Attribute, Value)> = Vec::new();
    for attribute in cx.server().attributes("User") {
        // The name is the probe's own.
        if !attribute.comes_back() || attribute.name.eq_ignore_ascii_case("userName") {
            continue;
        }
        if let Some(value) = attribute.example(&mark) {
            attributes.push((attribute, value));
        }
    }
    let mut sent = cx.smallest("User");
    for (attribute, value) in &attributes {
        put(&mut sent, attribute, value.clone());
    }
    let reply = cx.send(Ask::post(cx.users(), &sent)).await?;
    if reply.is_success() {
        let read = cx.read(&format!("{}/{}", cx.users(), reply.id())).await?;
        return Ok(compare(&attributes, &read));
    }
    // One of them is refused: each is tried alone, so that one refusal doesn't hide the others.
    let mut found = Vec::new();
    for (attribute, value) in attributes {
        let mut body = cx.smallest("User");
        // What may have to be unique is that of no other try.
        let value = attribute.example(&cx.name()).unwrap_or(value);
        put(&mut body, &attribute, value.clone());
        let reply = cx.send(Ask::post(cx.users(), &body)).await?;
        if reply.is_success() {
            let read = cx.read(&format!("{}/{}", cx.users(), reply.id())).await?;
            found.extend(compare(&[(attribute, value)], &read));
        }
    }
    Ok(found)
}

fn put(body: &mut Value, attribute: &Attribute, value: Value) {
    if attribute.extension.is_empty() {
        insert(body, &attribute.name, value);
        return;
    }
    let mut extension = body
        .get(&attribute.extension)
        .cloned()
        .unwrap_or_else(|| json!({}));
    insert(&mut extension, &attribute.name, value);
    merge(body, &json!({ &attribute.extension: extension }));
}

fn compare(attributes: &[(Attribute, Value)], read: &Value) -> Vec<(String, Value, Difference)> {
    let mut found = Vec::new();
    for (attribute, sent) in attributes {
        let holder = if attribute.extension.is_empty() {
            Some(read)
        } else {
            read.get(&attribute.extension)
        };
        let back = holder.and_then(|holder| holder.get(&attribute.name));
        differ(&attribute.path(), attribute, sent, back, &mut found);
    }
    found
}

fn differ(
    path: &str,
    attribute: &Attribute,
    sent: &Value,
    back: Option<&Value>,
    found: &mut Vec<(String, Value, Difference)>,
) {
    let mut note = |difference| found.push((path.to_owned(), sent.clone(), difference));
    let back = match back {
        None | Some(Value::Null) => return note(Difference::Lost),
        Some(back) => back,
    };
    match (sent, back) {
        (Value::Array(sent), Value::Array(back)) => {
            for value in sent {
                // Values of a multi-valued attribute are known by their type and value, in any order.
                let same = back.iter().find(|back| {
                    ["type", "value"]
                        .iter()
                        .all(|name| value.get(name) == back.get(name))
                        || value == *back
                });
                let alone = same.or_else(|| {
                    if sent.len() == 1 && back.len() == 1 {
                        back.first()
                    } else {
                        None
                    }
                });
                match (value, alone) {
                    (Value::Object(_), Some(same)) => object(path, attribute, value, same, found),
                    (_, Some(_)) => {}
                    (_, None) => found.push((path.to_owned(), value.clone(), Difference::Lost)),
                }
            }
        }
        (Value::Object(_), Value::Object(_)) => object(path, attribute, sent, back, found),
        (sent, back) if same_kind(sent, back) => {
            if !is_same(attribute, sent, back) {
                note(Difference::Changed(back.clone()));
            }
        }
        (_, back) => note(Difference::WrongType(back.clone())),
    }
}

fn object(
    path: &str,
    attribute: &Attribute,
    sent: &Value,
    back: &Value,
    found: &mut Vec<(String, Value, Difference)>,
) {
    for (name, value) in sent.as_object().into_iter().flatten() {
        if let Some(sub) = attribute.subs.iter().find(|sub| sub.name == *name) {
            differ(&format!("{path}.{name}"), sub, value, back.get(name), found);
        }
    }
}

fn same_kind(sent: &Value, back: &Value) -> bool {
    std::mem::discriminant(sent) == std::mem::discriminant(back)
}

fn is_same(attribute: &Attribute, sent: &Value, back: &Value) -> bool {
    match (attribute.kind.as_str(), sent, back) {
        ("dateTime", Value::String(sent), Value::String(back)) => {
            let time = |text: &str| text.parse::<keyfob_core::DateTime>().ok();
            time(sent) == time(back)
        }
        (_, Value::Number(sent), Value::Number(back)) => sent.as_f64() == back.as_f64(),
        // The spelling of what is not caseExact is the server's to choose.
        (_, Value::String(sent), Value::String(back)) if !attribute.case_exact => {
            sent.to_uppercase() == back.to_uppercase()
        }
        _ => sent == back,
    }
}

pub(super) async fn lost(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (path, sent, difference) in differences(cx).await? {
        if matches!(difference, Difference::Lost) {
            cx.find(
                &path,
                format!("{} was sent, and nothing comes back", short(&sent)),
            );
        }
    }
    Ok(())
}

pub(super) async fn changed(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (path, sent, difference) in differences(cx).await? {
        if let Difference::Changed(back) = difference {
            cx.find(
                &path,
                format!("{} was sent, and {} comes back", short(&sent), short(&back)),
            );
        }
    }
    Ok(())
}

pub(super) async fn wrong_type(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for (path, sent, difference) in differences(cx).await? {
        if let Difference::WrongType(back) = difference {
            cx.find(
                &path,
                format!("{} was sent, and {} comes back", short(&sent), short(&back)),
            );
        }
    }
    Ok(())
}

pub(super) async fn refused(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    for attribute in cx.server().attributes("User") {
        // Which values an extension of the server's own takes is not for the probe to know.
        let is_foreign = !matches!(attribute.extension.as_str(), "" | ENTERPRISE);
        if is_foreign || !attribute.comes_back() || attribute.name.eq_ignore_ascii_case("userName") {
            continue;
        }
        let Some(value) = attribute.example(&cx.name()) else {
            continue;
        };
        cx.forget();
        let mut body = cx.smallest("User");
        put(&mut body, &attribute, value.clone());
        let reply = cx.send(Ask::post(cx.users(), &body)).await?;
        cx.expect(
            reply.is_success(),
            &attribute.path(),
            format!("{} is refused: {}", short(&value), reply.short()),
        );
    }
    Ok(())
}
