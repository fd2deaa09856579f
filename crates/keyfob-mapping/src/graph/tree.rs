//! Expressions as the trees of Graph's schema.
//!
//! A node holds its text as `expression`, and again as a tree: `type`, `name` and `parameters`, each with a `key` and a
//! `value`. Empty arguments are left out and known by the absence of their key.

use keyfob_core::{Object, Value, json::object_to_vec};
use keyfob_expression::{Expression, Function, FunctionSet, Operator};
use smol_str::SmolStr;

use crate::document::{ImportError, Reader};

/// The text of an expression: as it is written, or else as its tree has it.
pub(super) fn text(node: &Reader<'_>) -> Result<SmolStr, ImportError> {
    if let Some(text) = node.text("expression")?
        && !text.trim().is_empty()
    {
        return Ok(text.into());
    }
    // A blank text without a tree stays one, and is refused where it is compiled.
    let (name, blank) = (node.text("name")?, node.text("expression")?);
    let Some(name) = name else {
        return blank.map(SmolStr::new).ok_or_else(|| node.missing("name"));
    };
    let kind = node.text("type")?.unwrap_or("Attribute");
    let text = match kind.to_ascii_lowercase().as_str() {
        "attribute" => Expression::Attribute(name.into()).to_string(),
        "constant" => Expression::Text(name.into()).to_string(),
        "function" => call(name, node)?,
        _ => {
            let known = ["Attribute", "Constant", "Function"];
            return Err(ImportError::word(node.at("type"), kind, known));
        }
    };
    Ok(text.into())
}

/// A call, or what two operands compare to.
fn call(name: &str, node: &Reader<'_>) -> Result<String, ImportError> {
    let mut arguments = Vec::new();
    for parameter in node.objects("parameters")? {
        let value = parameter.object("value")?;
        let value = value.ok_or_else(|| parameter.missing("value"))?;
        arguments.push((parameter.text("key")?.unwrap_or_default(), text(&value)?));
    }
    let is_operator = !name.is_empty() && name.bytes().all(|byte| b"=<>".contains(&byte));
    if let ([(_, left), (_, right)], true) = (arguments.as_slice(), is_operator) {
        return Ok(format!("{left} {name} {right}"));
    }
    let arguments = match Function::in_any_case(name, FunctionSet::CloudSync) {
        Some(function) => placed(function, arguments),
        None => arguments.into_iter().map(|(_, text)| text).collect(),
    };
    Ok(format!("{name}({})", arguments.join(", ")))
}

/// The arguments in the function's order, empty where there is none.
fn placed(function: Function, given: Vec<(&str, SmolStr)>) -> Vec<SmolStr> {
    let parameters = function.parameters();
    let fixed = parameters.len().saturating_sub(function.repeated());
    let mut arguments: Vec<Option<SmolStr>> = vec![None; fixed];
    let mut repeated = Vec::new();
    for (key, text) in given {
        // How exports number the keys of parameters that repeat is not documented.
        let key = key.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == ' ');
        let named = |(place, _): &(usize, &mut Option<SmolStr>)| {
            parameters
                .get(*place)
                .is_some_and(|parameter| parameter.key().eq_ignore_ascii_case(key))
        };
        let mut free = arguments
            .iter_mut()
            .enumerate()
            .filter(|(_, argument)| argument.is_none());
        match free.find(named) {
            Some((_, argument)) => *argument = Some(text),
            None if function.repeated() > 0 => repeated.push(text),
            None => {
                if let Some(argument) = arguments.iter_mut().find(|argument| argument.is_none()) {
                    *argument = Some(text);
                } else {
                    repeated.push(text);
                }
            }
        }
    }
    let fixed = arguments.into_iter().map(Option::unwrap_or_default);
    fixed.chain(repeated).collect()
}

/// An expression as Microsoft Graph gives it in JSON: its text, and what it is made of.
///
/// ```
/// use keyfob_expression::Expression;
/// use keyfob_mapping::graph;
///
/// assert_eq!(
///     graph::expression_to_json(&Expression::parse("[mail]")?),
///     br#"{"expression":"[mail]","name":"mail","parameters":[],"type":"Attribute"}"#,
/// );
/// # Ok::<(), keyfob_expression::ParseError>(())
/// ```
#[must_use]
pub fn expression_to_json(expression: &Expression) -> Vec<u8> {
    object_to_vec(&node(expression))
}

/// The tree of an expression.
pub(crate) fn node(expression: &Expression) -> Object {
    let quoted = |text: &str| Expression::Text(text.into()).to_string();
    let (text, name, kind) = match expression {
        Expression::Attribute(name) => (expression.to_string(), name.clone(), "Attribute"),
        Expression::Text(text) => (expression.to_string(), text.clone(), "Constant"),
        // Numbers are text to the service.
        Expression::Number(number) => (quoted(number.as_str()), number.as_str().into(), "Constant"),
        Expression::Word(word) => (expression.to_string(), word.as_str().into(), "Constant"),
        Expression::Parameter(name) => (expression.to_string(), name.clone(), "Constant"),
        Expression::Call { function, .. } => (expression.to_string(), function.name().into(), "Function"),
        Expression::Comparison(comparison) => {
            let operator: Operator = comparison.operator;
            (expression.to_string(), operator.as_str().into(), "Function")
        }
    };
    let parameters = match expression {
        Expression::Call { function, arguments } => {
            let count = arguments.len();
            let given = arguments.iter().enumerate();
            given
                .filter_map(|(place, argument)| {
                    let key = function.parameter(place, count)?.key();
                    Some(parameter(key, argument.as_ref()?))
                })
                .collect()
        }
        // Graph shows no comparison; the keys are ours.
        Expression::Comparison(comparison) => vec![
            parameter("left", &comparison.left),
            parameter("right", &comparison.right),
        ],
        _ => Vec::new(),
    };
    let mut node = Object::new();
    node.insert("expression", text.as_str());
    node.insert("name", name);
    node.insert("parameters", parameters);
    node.insert("type", kind);
    node
}

fn parameter(key: &str, value: &Expression) -> Value {
    let mut parameter = Object::new();
    parameter.insert("key", key);
    parameter.insert("value", node(value));
    parameter.into()
}
