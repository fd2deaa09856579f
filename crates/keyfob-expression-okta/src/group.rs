//! Functions that ask for the user's groups.

use keyfob_core::render::excerpt;
use keyfob_expression::Value;
use smol_str::SmolStr;

use super::{
    error::EvaluateError,
    evaluate::{Evaluation, type_error},
    function::Function,
    regex, text,
};

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
    if function == Function::GetGroups {
        return found(run, groups, arguments);
    }
    if function == Function::IsMemberOf {
        let found = found(run, groups, arguments)?;
        return Ok(Value::Boolean(!found.is_empty()));
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
            let of_app = groups.iter().filter(|group| attribute(group, "app") == Some(app));
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
            && let Some(value) = group.reveal().member(name)
        {
            run.charge(size_of::<Value>())?;
            found.push(run.copy(Some(value))?);
        }
    }
    Ok(Value::List(found))
}

/// The groups that fit all of the criteria.
fn found(run: &mut Evaluation<'_>, groups: &[Value], criteria: &[Value]) -> Result<Value, EvaluateError> {
    let mut found = Vec::new();
    for group in groups {
        let mut fits_all = true;
        for criterion in criteria {
            fits_all &= fits(group, criterion)?;
        }
        if fits_all {
            run.charge(size_of::<Value>())?;
            found.push(run.copy(Some(group))?);
        }
    }
    Ok(Value::List(found))
}

/// Returns true if a group has one of the values that stand under the criterion's key. A name has to start with one of them,
/// unless the criterion's `operator` is `EXACT`.
fn fits(group: &Value, criterion: &Value) -> Result<bool, EvaluateError> {
    let function = Function::GetGroups.name();
    let Value::Complex(members) = criterion.reveal() else {
        return Err(type_error(function, "maps of a key to values", criterion));
    };
    let malformed = |text: &str| EvaluateError::Malformed {
        function,
        text: excerpt(text),
    };
    let is_exact = match criterion.reveal().member("operator") {
        None => false,
        Some(Value::Text(operator)) if operator == "EXACT" => true,
        Some(Value::Text(operator)) if operator == "STARTS_WITH" => false,
        Some(other) => return Err(malformed(&text::required(function, other)?)),
    };
    let mut fits_all = true;
    for (key, wanted) in members.iter().filter(|(key, _)| key != "operator") {
        let present = match key.as_str() {
            "group.id" => attribute(group, "id"),
            "group.type" => attribute(group, "type"),
            "group.source.id" => group
                .reveal()
                .member("source")
                .and_then(|source| attribute(source, "id")),
            "group.profile.name" => attribute(group, "name"),
            _ => return Err(malformed(key)),
        };
        let by_start = key == "group.profile.name" && !is_exact;
        let is_wanted = |wanted: &Value| match (present, wanted) {
            // Identity Engine marks the start of a name by a pattern, too.
            (Some(present), Value::Text(start)) if by_start => {
                present.starts_with(start.strip_suffix(".*").unwrap_or(start))
            }
            (Some(present), Value::Text(wanted)) => present == wanted,
            _ => false,
        };
        fits_all &= match wanted {
            Value::List(values) => values.iter().any(is_wanted),
            single => is_wanted(single),
        };
    }
    Ok(fits_all)
}

/// The text of a group under a name.
fn attribute<'v>(group: &'v Value, name: &str) -> Option<&'v str> {
    match group.reveal().member(name)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Returns how many groups are wanted at most.
fn limit(function: &'static str, value: Option<&Value>) -> Result<usize, EvaluateError> {
    let limit = text::integer(function, value.unwrap_or(&Value::Null))?;
    Ok(usize::try_from(limit).unwrap_or(0))
}
