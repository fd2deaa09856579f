//! From tree to value.

use std::cmp::Ordering;

use keyfob_core::DateTime;
use keyfob_expression::{Source, Value};
use smol_str::SmolStr;

use super::{
    array, convert,
    directory::Directory,
    error::EvaluateError,
    function::{Family, Function},
    group,
    node::{Comparison, Node, Sign},
    number, regex, text, time,
};

/// The profiles, the directory and the time of an evaluation.
#[derive(Clone, Copy, Debug)]
pub struct Context<'s> {
    pub(super) source: &'s Source,
    pub(super) directory: Option<&'s Directory>,
    pub(super) now: DateTime,
}

impl<'s> Context<'s> {
    /// Evaluates against these profiles and at this instant.
    ///
    /// The source holds one complex value for each profile, `{"user": {"firstName": "Winston"}}`, or the attributes
    /// under their whole names, `{"user.firstName": "Winston"}`.
    #[must_use]
    pub fn new(source: &'s Source, now: DateTime) -> Self {
        Self {
            source,
            directory: None,
            now,
        }
    }

    /// Answers functions that ask for other users and groups from this directory.
    #[must_use]
    pub fn with_directory(mut self, directory: &'s Directory) -> Self {
        self.directory = Some(directory);
        self
    }
}

/// The number of bytes of texts and lists that one evaluation may make.
const MAX_BYTES: usize = 1 << 20;

/// One evaluation: against what, and how much it may still make.
pub(super) struct Evaluation<'s> {
    pub(super) cx: Context<'s>,
    left: usize,
}

type Evaluated = Result<Value, EvaluateError>;

impl<'s> Evaluation<'s> {
    pub(super) fn new(cx: &Context<'s>) -> Self {
        Self {
            cx: *cx,
            left: MAX_BYTES,
        }
    }

    /// Takes so many bytes off what may still be made, before they are.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), EvaluateError> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(EvaluateError::TooLarge { limit: MAX_BYTES }),
        }
    }

    pub(super) fn directory(&self, function: Function) -> Result<&'s Directory, EvaluateError> {
        let function = function.name();
        self.cx.directory.ok_or(EvaluateError::NoDirectory { function })
    }

    pub(super) fn node(&mut self, node: &Node) -> Evaluated {
        Ok(match node {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Boolean(*value),
            Node::Integer(number) => Value::Integer(*number),
            Node::Decimal(number) => Value::Decimal(number.clone()),
            Node::Text(text) => Value::Text(text.clone()),
            Node::List(elements) => Value::List(self.nodes(elements)?),
            Node::Map(members) => {
                self.charge(size_of_val(members.as_slice()))?;
                let members = members
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), self.node(value)?)))
                    .collect::<Result<_, EvaluateError>>()?;
                Value::Complex(members)
            }
            Node::Projection(of, path) => {
                let list = self.node(of)?;
                self.project(&list, path)?
            }
            Node::Attribute(path) => {
                let found = attribute(self.cx.source, path);
                self.copy(found)?
            }
            Node::Member(of, name) => match self.node(of)?.reveal() {
                Value::Null => Value::Null,
                complex @ Value::Complex(_) => complex.member(name).cloned().unwrap_or(Value::Null),
                other => return Err(type_error(".", "a profile", other)),
            },
            Node::Index(of, position) => {
                let list = self.node(of)?;
                let position = self.node(position)?;
                array::element("[]", &list, &position)?
            }
            Node::Call(function, arguments) => self.call(*function, arguments)?,
            Node::Method(of, method, arguments) => {
                let of = self.node(of)?;
                let arguments = self.nodes(arguments)?;
                method.call(self, of, arguments)?
            }
            Node::Not(operand) => Value::Boolean(!self.condition("!", operand)?),
            Node::Negative(operand) => {
                let operand = self.node(operand)?;
                number::sum(&Value::Integer(0), Sign::Minus, &operand)?
            }
            Node::Sum(first, further) => self.sum(first, further)?,
            Node::Compare(comparison, left, right) => {
                let (left, right) = (self.node(left)?, self.node(right)?);
                Value::Boolean(compares(*comparison, &left, &right)?)
            }
            Node::Matches(text, pattern) => {
                let (text, pattern) = (self.node(text)?, self.node(pattern)?);
                let pattern = text::required("matches", &pattern)?;
                match text::text("matches", &text)? {
                    None => Value::Boolean(false),
                    Some(text) => Value::Boolean(regex::is_whole_match(&pattern, &[text.as_str()])?),
                }
            }
            Node::And(operands) => {
                for operand in operands {
                    if !self.condition("AND", operand)? {
                        return Ok(Value::Boolean(false));
                    }
                }
                Value::Boolean(true)
            }
            Node::Or(operands) => {
                for operand in operands {
                    if self.condition("OR", operand)? {
                        return Ok(Value::Boolean(true));
                    }
                }
                Value::Boolean(false)
            }
            Node::Choose(arms, otherwise) => {
                for (condition, value) in arms {
                    if self.condition("?", condition)? {
                        return self.node(value);
                    }
                }
                self.node(otherwise)?
            }
            Node::Elvis(value, otherwise) => {
                let value = self.node(value)?;
                if value.is_empty() {
                    self.node(otherwise)?
                } else {
                    value
                }
            }
        })
    }

    fn nodes(&mut self, nodes: &[Node]) -> Result<Vec<Value>, EvaluateError> {
        self.charge(size_of_val(nodes))?;
        nodes.iter().map(|node| self.node(node)).collect()
    }

    fn call(&mut self, function: Function, arguments: &[Node]) -> Evaluated {
        let arguments = self.nodes(arguments)?;
        self.function(function, arguments)
    }

    /// The value of a function.
    pub(super) fn function(&mut self, function: Function, arguments: Vec<Value>) -> Evaluated {
        match function.family() {
            Family::Text => text::call(self, function, &arguments),
            Family::Array => array::call(self, function, arguments),
            Family::Convert => convert::call(function, &arguments),
            Family::Time => time::call(self.cx.now, function, &arguments),
            Family::Group => group::call(self, function, &arguments),
            Family::Profile => self.profile(function, &arguments),
        }
    }

    fn profile(&mut self, function: Function, arguments: &[Value]) -> Evaluated {
        let name = function.name();
        let keys = arguments.iter().map(|argument| text::required(name, argument));
        let keys = keys.collect::<Result<Vec<SmolStr>, _>>()?;
        if function == Function::GetInternalProperty {
            let path = keys
                .iter()
                .fold(String::from("user"), |path, key| path + "." + key);
            let found = attribute(self.cx.source, &path).ok_or_else(|| EvaluateError::NoProperty {
                function: name,
                property: keys.first().cloned().unwrap_or_default(),
            })?;
            return self.copy(Some(found));
        }
        let directory = self.directory(function)?;
        // Of several profiles Okta takes none.
        let only = |profiles: &'s [Value]| match profiles {
            [single] => Some(single),
            _ => None,
        };
        Ok(match function {
            Function::HasDirectoryUser => Value::Boolean(directory.all("directoryUser").len() == 1),
            Function::HasWorkdayUser => Value::Boolean(!directory.all("workdayUser").is_empty()),
            Function::FindDirectoryUser => self.copy(only(directory.all("directoryUser")))?,
            Function::FindWorkdayUser => self.copy(only(directory.all("workdayUser")))?,
            Function::GetManagerUser => self.copy(directory.profile("manager", &keys))?,
            Function::GetManagerAppUser => self.copy(directory.profile("managerApp", &keys))?,
            Function::GetAssistantUser => self.copy(directory.profile("assistant", &keys))?,
            Function::GetAssistantAppUser => self.copy(directory.profile("assistantApp", &keys))?,
            _ => self.copy(directory.profile("linked", &keys))?,
        })
    }

    /// The attribute of each element.
    fn project(&mut self, list: &Value, path: &str) -> Evaluated {
        match list.reveal() {
            Value::Null => Ok(Value::Null),
            Value::List(elements) => {
                self.charge(size_of_val(elements.as_slice()))?;
                let values = elements
                    .iter()
                    .map(|element| self.copy(within(Some(element), path.split('.'))));
                Ok(Value::List(values.collect::<Result<_, _>>()?))
            }
            other => Err(type_error(".![]", "an array", other)),
        }
    }

    /// A value of the caller's, or null; paid for as far as it isn't shared.
    pub(super) fn copy(&mut self, value: Option<&Value>) -> Evaluated {
        let Some(value) = value else {
            return Ok(Value::Null);
        };
        self.charge(weight(value))?;
        Ok(value.clone())
    }

    fn condition(&mut self, operator: &'static str, node: &Node) -> Result<bool, EvaluateError> {
        let value = self.node(node)?;
        match value.reveal() {
            Value::Boolean(value) => Ok(*value),
            Value::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            other => Err(type_error(operator, "a boolean", other)),
        }
    }

    fn sum(&mut self, first: &Node, further: &[(Sign, Node)]) -> Evaluated {
        let mut sum = self.node(first)?;
        // What comes after the first text is put behind it.
        let mut texts: Option<String> = None;
        for (sign, operand) in further {
            let operand = self.node(operand)?;
            if let (Some(texts), Sign::Plus) = (&mut texts, sign) {
                self.append(texts, &operand)?;
            } else if *sign == Sign::Minus || (is_number(&sum) && is_number(&operand)) {
                let left = texts.take().map_or(sum, Value::from);
                sum = number::sum(&left, *sign, &operand)?;
            } else {
                let mut started = String::new();
                self.append(&mut started, &sum)?;
                self.append(&mut started, &operand)?;
                texts = Some(started);
            }
        }
        Ok(texts.map_or(sum, Value::from))
    }

    fn append(&mut self, texts: &mut String, value: &Value) -> Result<(), EvaluateError> {
        let text = text::text("+", value)?.unwrap_or_default();
        self.charge(text.len())?;
        texts.push_str(&text);
        Ok(())
    }
}

/// Returns what a name with dots means: an attribute of a profile, or one under its whole name.
fn attribute<'s>(source: &'s Source, path: &str) -> Option<&'s Value> {
    let mut names = path.split('.');
    let profile = names.next().and_then(|name| source.get(name));
    within(profile, names).or_else(|| source.get(path))
}

/// Returns what the names mean one after another.
fn within<'v, 'n>(value: Option<&'v Value>, mut names: impl Iterator<Item = &'n str>) -> Option<&'v Value> {
    names.try_fold(value?, |value, name| value.reveal().member(name))
}

/// Returns how many bytes a copy of the value takes.
fn weight(value: &Value) -> usize {
    match value {
        Value::List(values) => values.iter().map(weight).sum::<usize>() + size_of_val(values.as_slice()),
        Value::Complex(members) => {
            let values = members.iter().map(|(_, value)| weight(value));
            values.sum::<usize>() + size_of_val(members.as_slice())
        }
        Value::Redacted(value) => weight(value) + size_of::<Value>(),
        _ => 0,
    }
}

pub(super) fn type_error(function: &'static str, expected: &'static str, found: &Value) -> EvaluateError {
    EvaluateError::Type {
        function,
        expected,
        found: found.type_name(),
    }
}

fn is_number(value: &Value) -> bool {
    matches!(value.reveal(), Value::Integer(_) | Value::Decimal(_))
}

/// Returns true if two values are the same: numbers by what they amount to, texts with regard to case.
pub(super) fn is_same(left: &Value, right: &Value) -> bool {
    match (left.reveal(), right.reveal()) {
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_same(left, right))
        }
        (left, right) => left == right,
    }
}

fn compares(comparison: Comparison, left: &Value, right: &Value) -> Result<bool, EvaluateError> {
    Ok(match comparison {
        Comparison::Equal => is_same(left, right),
        Comparison::NotEqual => !is_same(left, right),
        Comparison::Less => order(comparison, left, right)?.is_lt(),
        Comparison::LessOrEqual => order(comparison, left, right)?.is_le(),
        Comparison::Greater => order(comparison, left, right)?.is_gt(),
        Comparison::GreaterOrEqual => order(comparison, left, right)?.is_ge(),
    })
}

/// Numbers by size, texts by their UTF-16 code units; null comes before everything, as Spring has it.
fn order(comparison: Comparison, left: &Value, right: &Value) -> Result<Ordering, EvaluateError> {
    Ok(match (left.reveal(), right.reveal()) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Text(left), Value::Text(right)) => left.encode_utf16().cmp(right.encode_utf16()),
        (Value::DateTime(left), Value::DateTime(right)) => left.cmp(right),
        (left, right) => match (number::decimal(left), number::decimal(right)) {
            (Some(left), Some(right)) => left.cmp(&right),
            (None, _) => return Err(type_error(comparison.as_str(), "two numbers or two texts", left)),
            (_, None) => return Err(type_error(comparison.as_str(), "two numbers or two texts", right)),
        },
    })
}
