//! Functions that ask for the user's groups.

use keyfob_core::render::excerpt;
use smol_str::SmolStr;

use super::{
    directory::member,
    error::EvaluateError,
    evaluate::{Evaluation, type_error},
    function::Function,
    regex, text,
};
use crate::value::Value;

/// Calls a function of groups.
pub(super) fn call(
    run: &mut Evaluation<'_>,
    function: Function,
    arguments: &[Value],
) -> Result<Value, EvaluateError> {
    let name = function.name();
    let groups = run.directory(function)?.all("groups");
    if let (Function::GetFilteredGroups, [allowed, wanted, limit]) = (function, arguments) {
        return filtered(run, groups, allowed, wanted, limit);
    }
    let texts = arguments.iter().map(|argument| text::required(name, argument));
    let texts = texts.collect::<Result<Vec<SmolStr>, _>>()?;
    let names = || groups.iter().filter_map(|group| attribute(group, "name"));
    let is_member = match (function, texts.as_slice()) {
        (Function::IsMemberOfGroup | Function::IsMemberOfAnyGroup, ids) => groups
            .iter()
            .filter_map(|group| attribute(group, "id"))
            .any(|id| ids.iter().any(|wanted| wanted == id)),
        (Function::IsMemberOfGroupName, [wanted]) => names().any(|name| name == wanted),
        (Function::IsMemberOfGroupNameStartsWith, [start]) => {
            names().any(|name| name.starts_with(start.as_str()))
        }
        (Function::IsMemberOfGroupNameContains, [part]) => names().any(|name| name.contains(part.as_str())),
        (Function::IsMemberOfGroupNameRegex, [pattern]) => {
            regex::is_whole_match(pattern, &names().collect::<Vec<_>>())?
        }
        (_, [app, pattern, _]) => {
            let limit = limit(name, arguments.get(2))?;
            let matches = |name: &str| match function {
                Function::GroupsStartsWith => name.starts_with(pattern.as_str()),
                Function::GroupsEndsWith => name.ends_with(pattern.as_str()),
                _ => name.contains(pattern.as_str()),
            };
            let of_app = groups
                .iter()
                .filter(|group| attribute(group, "type") == Some(app));
            let names = of_app.filter_map(|group| attribute(group, "name"));
            let found: Vec<Value> = names
                .filter(|name| matches(name))
                .take(limit)
                .map(Value::from)
                .collect();
            run.charge(size_of_val(found.as_slice()))?;
            return Ok(Value::List(found));
        }
        _ => false,
    };
    Ok(Value::Boolean(is_member))
}

/// An attribute of each of the groups that are allowed.
fn filtered(
    run: &mut Evaluation<'_>,
    groups: &[Value],
    allowed: &Value,
    wanted: &Value,
    number: &Value,
) -> Result<Value, EvaluateError> {
    let function = Function::GetFilteredGroups.name();
    let allowed = match allowed.reveal() {
        Value::List(ids) => ids.as_slice(),
        Value::Null => &[],
        single @ Value::Text(_) => std::slice::from_ref(single),
        other => return Err(type_error(function, "an array of groups' ids", other)),
    };
    let wanted = text::required(function, wanted)?;
    let Some(name) = wanted.strip_prefix("group.") else {
        return Err(EvaluateError::Malformed {
            function,
            text: excerpt(&wanted),
        });
    };
    let limit = limit(function, Some(number))?;
    let mut found = Vec::new();
    for group in groups {
        let id = attribute(group, "id");
        let is_allowed = allowed
            .iter()
            .any(|allowed| matches!(allowed, Value::Text(text) if Some(text.as_str()) == id));
        if is_allowed
            && found.len() < limit
            && let Some(value) = member(group, name)
        {
            run.charge(size_of::<Value>())?;
            found.push(run.copy(Some(value))?);
        }
    }
    Ok(Value::List(found))
}

/// The text of a group under a name.
fn attribute<'v>(group: &'v Value, name: &str) -> Option<&'v str> {
    match member(group, name)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// How many groups are wanted at most.
fn limit(function: &'static str, value: Option<&Value>) -> Result<usize, EvaluateError> {
    let limit = text::integer(function, value.unwrap_or(&Value::Null))?;
    Ok(usize::try_from(limit).unwrap_or(0))
}
