//! What commands print: texts for people, and JSON for programs.

use std::{fmt::Write as _, io};

use keyfob_admin::{
    Answer, Preview, Returns,
    view::{Shape, ViewType},
};
use keyfob_core::{
    Object, Value,
    json::{object_to_vec, value_to_vec},
};

use super::command::Arguments;
use crate::output;

/// Prints an answer.
pub(super) fn outcome(arguments: &Arguments, answer: Answer) -> io::Result<()> {
    match answer {
        Answer::One(view) => one(arguments, &view),
        Answer::Page(page) => {
            for view in &page.items {
                item(arguments, view)?;
            }
            if let Some(next) = page.next {
                output::report(&format!("next: {next}"));
            }
            Ok(())
        }
        Answer::DryRun(changes) => dry(arguments, &changes),
        _ => Ok(()),
    }
}

fn one(arguments: &Arguments, view: &Object) -> io::Result<()> {
    if arguments.globals.json {
        return output::json(object_to_vec(view));
    }
    match arguments.operation.returns {
        // The only line: scripts take it as it is.
        Returns::Secret(_) => match secret(arguments.operation.returns, view) {
            Some(secret) => output::line(secret),
            None => Ok(()),
        },
        Returns::One(view_type) | Returns::Page(view_type) => {
            for line in lines(view_type, view) {
                output::line(&line)?;
            }
            Ok(())
        }
        Returns::Nothing => Ok(()),
    }
}

/// Prints an item of a list, in a line.
pub(super) fn item(arguments: &Arguments, view: &Object) -> io::Result<()> {
    if arguments.globals.json {
        return output::json(object_to_vec(view));
    }
    let Some(view_type) = arguments.operation.returns.view() else {
        return Ok(());
    };
    let fields = view_type.fields.iter().filter_map(|field| {
        let value = view.get(field.name)?;
        match (value, field.shape) {
            (Value::Bool(true), _) => Some(field.name.to_owned()),
            (Value::Bool(false), _) => None,
            // Names follow the ids that they belong to.
            (_, Shape::List(_)) if is_of_ids(view_type, field.name) => None,
            (value, _) => Some(text(value)),
        }
    });
    let fields: Vec<String> = fields.filter(|text| !text.is_empty()).collect();
    output::line(&fields.join("  "))
}

/// Returns the first secret that there is.
fn secret(returns: Returns, view: &Object) -> Option<&str> {
    returns.secrets().find_map(|name| view.get_str(name))
}

/// Returns true for the ids of which the names are shown in another field.
fn is_of_ids(view_type: &ViewType, name: &str) -> bool {
    let singular = name.strip_suffix('s').unwrap_or(name);
    let names = format!("{singular}Names");
    view_type.fields.iter().any(|field| field.name == names)
}

/// Returns a view, a field a line, and what a list holds below it.
fn lines(view_type: &ViewType, view: &Object) -> Vec<String> {
    let mut lines = Vec::new();
    for field in view_type.fields {
        let (name, value) = (field.name, view.get(field.name));
        match value {
            None | Some(Value::Null) => {}
            Some(Value::Array(values)) if values.is_empty() => lines.push(format!("{name}: none")),
            Some(Value::Array(values)) => {
                lines.push(format!("{name}:"));
                lines.extend(values.iter().map(|value| format!("  {}", text(value))));
            }
            Some(Value::Bool(flag)) => lines.push(format!("{name}: {}", if *flag { "yes" } else { "no" })),
            Some(value) => lines.push(format!("{name}: {}", text(value))),
        }
    }
    lines
}

/// Returns a value in a line.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.to_string(),
        Value::Array(values) => {
            let texts: Vec<_> = values.iter().map(text).filter(|text| !text.is_empty()).collect();
            texts.join(", ")
        }
        Value::Object(object) => {
            let texts: Vec<_> = object
                .iter()
                .map(|(_, value)| text(value))
                .filter(|text| !text.is_empty())
                .collect();
            texts.join(" ")
        }
        other => String::from_utf8_lossy(&value_to_vec(other)).into_owned(),
    }
}

fn dry(arguments: &Arguments, changes: &[Object]) -> io::Result<()> {
    if arguments.globals.json {
        return changes
            .iter()
            .try_for_each(|change| output::json(object_to_vec(change)));
    }
    if changes.is_empty() {
        return output::line("nothing would change");
    }
    for change in changes {
        let field = |name: &str| change.get_str(name).unwrap_or_default();
        let number = |name: &str| change.get(name).and_then(Value::as_integer);
        let mut line = format!("{} {} {}", field("action"), field("resourceType"), field("id"));
        for name in ["joined", "left"] {
            if let Some(number) = number(name) {
                write!(line, ", {number} {name}").ok();
            }
        }
        output::line(&line)?;
    }
    Ok(())
}

/// Tells what would happen.
pub(super) fn preview(preview: &Preview, mut tell: impl FnMut(&str)) {
    for effect in &preview.effects {
        let names = effect.sample.join(", ");
        let more = if effect.count > effect.sample.len() && !effect.sample.is_empty() {
            ", …"
        } else {
            ""
        };
        let names = if names.is_empty() {
            names
        } else {
            format!(": {names}{more}")
        };
        tell(&format!("{} {}{names}", effect.count, effect.what));
    }
    for stays in &preview.stays {
        tell(&format!("stays: {stays}"));
    }
    tell(&format!("confirmation: {}", preview.confirmation));
}
