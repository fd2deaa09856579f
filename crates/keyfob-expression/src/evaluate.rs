//! Programs on sources.

mod compare;
mod error;

use std::{borrow::Cow, cell::Cell};

use keyfob_core::{DateTime, render::excerpt};
use smol_str::{SmolStr, format_smolstr};

pub use self::error::{EvaluateError, EvaluateErrorKind};
#[cfg(feature = "regex")]
use crate::dotnet::regex::{Regex, RegexError};
use crate::{
    dotnet::{
        self,
        date_time::{DateTimeError, Format},
    },
    environment::Environment,
    explain::Trace,
    function::{ApplicationFunction, Definition},
    options::Options,
    program::{Choice, Node, Operation, Program, at},
    source::Source,
    value::Value,
};

/// The value of an expression: borrowed from the program or the source where it is one of theirs.
pub(crate) type Evaluated<'v> = Result<Cow<'v, Value>, EvaluateError>;

static NOTHING: Value = Value::Null;
static TRUE: Value = Value::Boolean(true);
static FALSE: Value = Value::Boolean(false);

/// No value.
pub(crate) const NULL: Cow<'static, Value> = Cow::Borrowed(&NOTHING);

/// True or false.
pub(crate) fn boolean<'v>(value: bool) -> Cow<'v, Value> {
    Cow::Borrowed(if value { &TRUE } else { &FALSE })
}

/// One evaluation of one program.
pub(crate) struct Evaluation<'v> {
    program: &'v Program,
    source: &'v Source,
    environment: &'v Environment<'v>,
    trace: Option<&'v Trace>,
    /// The work that may still be done.
    work: Cell<usize>,
}

/// The work of a node beside the text that goes through it.
pub(crate) const NODE: usize = 32;

impl<'v> Evaluation<'v> {
    pub(crate) fn new(
        program: &'v Program,
        source: &'v Source,
        environment: &'v Environment<'v>,
        trace: Option<&'v Trace>,
    ) -> Self {
        Self {
            program,
            source,
            environment,
            trace,
            work: Cell::new(program.options().limits.work),
        }
    }

    /// The value of a node.
    pub(crate) fn value(&self, index: usize) -> Evaluated<'v> {
        let Some(node) = self.program.node(index) else {
            return Ok(NULL);
        };
        self.charge(NODE, node)?;
        let value = self.node(node);
        if let Some(trace) = self.trace {
            trace.note(node.origin, &value);
        }
        value
    }

    #[inline]
    fn node(&self, node: &'v Node) -> Evaluated<'v> {
        match &node.operation {
            Operation::Constant(value) | Operation::Format(value, _) => Ok(Cow::Borrowed(value)),
            #[cfg(feature = "regex")]
            Operation::Pattern(value, _) => Ok(Cow::Borrowed(value)),
            Operation::Attribute(index) => {
                let value = self.program.attribute(*index, self.source);
                Ok(Cow::Borrowed(value.unwrap_or(&NOTHING)))
            }
            Operation::Parameter(name) => {
                let parameters = self.environment.parameters;
                let value = parameters.and_then(|parameters| parameters.get(name));
                value.map(Cow::Borrowed).ok_or_else(|| {
                    let name = name.clone();
                    EvaluateError::new(EvaluateErrorKind::NoParameter { name }, at(node.origin))
                })
            }
            Operation::Ignore(scope) => Err(EvaluateError::new(
                EvaluateErrorKind::FlowEnds { scope: *scope },
                at(node.origin),
            )),
            Operation::Choice(choice) => self.choice(choice, node),
            Operation::Comparison {
                operator,
                left,
                right,
            } => {
                let (left, right) = (self.value(at(*left))?, self.value(at(*right))?);
                let holds = compare::holds(&left, *operator, &right);
                Ok(boolean(
                    holds.map_err(|kind| EvaluateError::new(kind, at(node.origin)))?,
                ))
            }
            Operation::Call {
                definition,
                arguments,
                first,
                each,
            } => {
                let call = Call {
                    evaluation: self,
                    definition,
                    node,
                    arguments: self.program.arguments(arguments),
                    first: *first,
                    each: None,
                };
                match each {
                    None => definition.evaluate(&call),
                    Some(place) => self.each(call, *place),
                }
            }
        }
    }

    /// The value that a choice by constant texts comes to, of a list that of every value. Only those are evaluated.
    fn choice(&self, choice: &'v Choice, node: &Node) -> Evaluated<'v> {
        let source = choice.source.map_or(Ok(NULL), |source| self.value(at(source)))?;
        match source.reveal() {
            Value::List(values) => self.all(values, node, |value| self.chosen(choice, value, node)),
            value => self.chosen(choice, value, node),
        }
    }

    fn chosen(&self, choice: &'v Choice, source: &Value, node: &Node) -> Evaluated<'v> {
        let source = source.as_text();
        let mut cases = choice.cases.iter();
        let place = cases.position(|(key, _)| *key == *source);
        self.charge(NODE * place.map_or(choice.cases.len(), |place| place + 1), node)?;
        let chosen = match place.and_then(|place| choice.cases.get(place)) {
            Some((_, value)) => *value,
            None => choice.otherwise,
        };
        chosen.map_or(Ok(NULL), |value| self.value(at(value)))
    }

    /// The values of all arguments of the call that a node is, those without value left out.
    pub(crate) fn candidates(&self, index: usize) -> Result<Vec<Value>, EvaluateError> {
        let mut values = Vec::new();
        let Some(Node {
            operation: Operation::Call { arguments, .. },
            ..
        }) = self.program.node(index)
        else {
            return Ok(values);
        };
        for argument in self.program.arguments(arguments).iter().flatten() {
            let value = self.value(at(*argument))?;
            if !value.is_empty() {
                values.push(value.into_owned());
            }
        }
        Ok(values)
    }

    /// The value of a call; of a list for the parameter at `place`, which takes single values, that of every value.
    fn each(&self, mut call: Call<'_, 'v>, place: usize) -> Evaluated<'v> {
        let (node, definition) = (call.node, call.definition);
        let whole = call.value(place)?;
        let Value::List(values) = whole.reveal() else {
            call.each = Some((place, whole));
            return definition.evaluate(&call);
        };
        self.all(values, node, |value| {
            call.each = Some((place, Cow::Owned(value.clone())));
            definition.evaluate(&call)
        })
    }

    /// The list of the results for all values.
    fn all(
        &self,
        values: &[Value],
        node: &Node,
        mut result: impl FnMut(&Value) -> Evaluated<'v>,
    ) -> Evaluated<'v> {
        let mut results = Vec::new();
        for value in values {
            self.charge(NODE, node)?;
            match result(value)?.into_owned() {
                Value::List(nested) => results.extend(nested),
                result => results.push(result),
            }
        }
        Ok(Cow::Owned(Value::List(results)))
    }

    /// Takes so much work off what may still be done.
    fn charge(&self, work: usize, node: &Node) -> Result<(), EvaluateError> {
        match self.work.get().checked_sub(work) {
            Some(left) => {
                self.work.set(left);
                Ok(())
            }
            None => Err(self.too_much_work(node)),
        }
    }

    #[cold]
    fn too_much_work(&self, node: &Node) -> EvaluateError {
        let limit = self.program.options().limits.work;
        EvaluateError::new(EvaluateErrorKind::TooMuchWork { limit }, at(node.origin))
    }
}

/// A call that is being evaluated. Arguments are evaluated when a function asks for them, so that those of branches
/// not taken never are. They are named by the place of their parameter; one that was not given is null.
pub(crate) struct Call<'e, 'v> {
    evaluation: &'e Evaluation<'v>,
    definition: &'static Definition,
    node: &'v Node,
    arguments: &'v [Option<u32>],
    first: u32,
    /// The argument of which lists are gone through, already evaluated.
    each: Option<(usize, Cow<'v, Value>)>,
}

impl<'v> Call<'_, 'v> {
    /// Returns what evaluates the call of an application's function.
    pub(crate) fn application(&self) -> Option<ApplicationFunction> {
        self.definition.application()
    }

    /// Returns how many places there are arguments for.
    pub(crate) fn count(&self) -> usize {
        self.arguments.len()
    }

    /// The nodes of the arguments.
    pub(crate) fn arguments(&self) -> &'v [Option<u32>] {
        self.arguments
    }

    fn argument(&self, place: usize) -> Option<u32> {
        self.arguments.get(place).copied().flatten()
    }

    /// The value of an argument.
    pub(crate) fn value(&self, place: usize) -> Evaluated<'v> {
        match (&self.each, self.argument(place)) {
            (Some((each, value)), _) if *each == place => Ok(value.clone()),
            (_, Some(argument)) => self.evaluation.value(at(argument)),
            (_, None) => Ok(NULL),
        }
    }

    /// The text of an argument, a single value; `None` for null.
    pub(crate) fn text(&self, place: usize) -> Result<Option<SmolStr>, EvaluateError> {
        let value = self.value(place)?;
        let text = match value.reveal() {
            Value::Null => return Ok(None),
            Value::List(_) => return Err(self.type_error(place, &value)),
            Value::Text(text) => text.clone(),
            single => single.to_text(),
        };
        self.charge(text.len())?;
        Ok(Some(text))
    }

    /// The integer of an argument; `None` for null.
    pub(crate) fn integer(&self, place: usize) -> Result<Option<i64>, EvaluateError> {
        let value = self.value(place)?;
        let number = match value.reveal() {
            Value::Null => return Ok(None),
            Value::Integer(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(self.type_error(place, &value)),
        }
    }

    /// The date of an argument; `None` for null and the empty text.
    pub(crate) fn date(&self, place: usize) -> Result<Option<chrono::DateTime<chrono::Utc>>, EvaluateError> {
        let value = self.value(place)?;
        match value.reveal() {
            empty if empty.is_empty() => Ok(None),
            Value::DateTime(instant) => {
                match chrono::DateTime::from_timestamp_millis(instant.unix_millis()) {
                    Some(date) => Ok(Some(date)),
                    None => Err(self.fail(DateTimeError::OutOfRange)),
                }
            }
            Value::Text(text) => {
                self.charge(text.len())?;
                match dotnet::date_time::parse(text) {
                    Ok(date) => Ok(Some(date)),
                    Err(error) => Err(self.fail_at(place, error)),
                }
            }
            _ => Err(self.type_error(place, &value)),
        }
    }

    /// Uses the regular expression of an argument, which was compiled before where it is constant, within the work that
    /// may still be done.
    #[cfg(feature = "regex")]
    pub(crate) fn with_pattern(
        &self,
        place: usize,
        then: impl FnOnce(&Regex, &mut usize) -> Result<Evaluated<'v>, RegexError>,
    ) -> Evaluated<'v> {
        let used = if let Some(Operation::Pattern(_, regex)) = self.operation(place) {
            self.working(|work| then(regex, work))
        } else {
            let pattern = self.text(place)?.unwrap_or_default();
            let regex = Regex::new(&pattern).map_err(|error| self.fail_at(place, error))?;
            self.charge(regex.work())?;
            self.working(|work| then(&regex, work))
        };
        used.unwrap_or_else(|error| {
            Err(match error {
                RegexError::TooLongResult => self.too_much_work(),
                error => self.fail_at(place, error),
            })
        })
    }

    /// Does something that lowers the work that may still be done.
    #[cfg(feature = "regex")]
    fn working<T>(&self, then: impl FnOnce(&mut usize) -> T) -> T {
        let mut work = self.room();
        let done = then(&mut work);
        self.evaluation.work.set(work);
        done
    }

    /// Uses the format of an argument, which was read before where it is constant.
    pub(crate) fn with_format<T>(
        &self,
        place: usize,
        then: impl FnOnce(&Format) -> Result<T, EvaluateError>,
    ) -> Result<T, EvaluateError> {
        if let Some(Operation::Format(_, format)) = self.operation(place) {
            return then(format);
        }
        let format = self.text(place)?.unwrap_or_default();
        match Format::new(&format) {
            Ok(format) => then(&format),
            Err(error) => Err(self.fail_at(place, error)),
        }
    }

    fn operation(&self, place: usize) -> Option<&'v Operation> {
        let node = self.evaluation.program.node(at(self.argument(place)?))?;
        Some(&node.operation)
    }

    /// Returns true if an attribute within an argument is null or empty.
    pub(crate) fn reads_nothing(&self, place: usize) -> bool {
        let Some(last) = self.argument(place) else {
            return false;
        };
        let program = self.evaluation.program;
        program.nodes_within(self.first, last).iter().any(|node| {
            let Operation::Attribute(index) = node.operation else {
                return false;
            };
            let value = program.attribute(index, self.evaluation.source);
            value.is_none_or(Value::is_empty)
        })
    }

    /// A text that was made.
    pub(crate) fn made(&self, text: impl Into<SmolStr>) -> Evaluated<'v> {
        let text = text.into();
        self.charge(text.len())?;
        Ok(Cow::Owned(Value::Text(text)))
    }

    /// A date that was made.
    pub(crate) fn made_date(
        &self,
        date: Result<chrono::DateTime<chrono::Utc>, DateTimeError>,
    ) -> Evaluated<'v> {
        match date {
            Ok(date) => {
                let instant = DateTime::from_unix_millis(date.timestamp_millis());
                Ok(Cow::Owned(Value::DateTime(instant)))
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Takes so much work off what may still be done.
    pub(crate) fn charge(&self, work: usize) -> Result<(), EvaluateError> {
        self.evaluation.charge(work, self.node)
    }

    /// Takes the work of going through a text once for every byte of another one off what may still be done.
    pub(crate) fn charge_product(&self, length: usize, times: usize) -> Result<(), EvaluateError> {
        self.charge(length.saturating_mul(times))
    }

    /// Returns how many bytes of text may still be made.
    pub(crate) fn room(&self) -> usize {
        self.evaluation.work.get()
    }

    pub(crate) fn too_much_work(&self) -> EvaluateError {
        self.evaluation.too_much_work(self.node)
    }

    pub(crate) fn environment(&self) -> &'v Environment<'v> {
        self.evaluation.environment
    }

    pub(crate) fn options(&self) -> &'v Options {
        self.evaluation.program.options()
    }

    /// An error of the call.
    pub(crate) fn fail(&self, kind: impl Into<EvaluateErrorKind>) -> EvaluateError {
        EvaluateError::new(kind, at(self.node.origin))
    }

    /// An error of an argument.
    pub(crate) fn fail_at(&self, place: usize, kind: impl Into<EvaluateErrorKind>) -> EvaluateError {
        let node = self
            .argument(place)
            .and_then(|argument| self.evaluation.program.node(at(argument)));
        EvaluateError::new(kind, at(node.unwrap_or(self.node).origin))
    }

    /// The error of an argument that is empty text.
    pub(crate) fn empty_text(&self, place: usize) -> EvaluateError {
        let (function, parameter) = self.names(place);
        self.fail_at(place, EvaluateErrorKind::EmptyText { function, parameter })
    }

    /// The error of an argument that is not of its parameter's type.
    #[cold]
    pub(crate) fn type_error(&self, place: usize, found: &Value) -> EvaluateError {
        let (function, parameter) = self.names(place);
        let kind = self.definition.parameter_at(place);
        let kind = EvaluateErrorKind::Type {
            function,
            parameter,
            expected: kind.map_or("something else", |parameter| parameter.kind().described()),
            found: described(found),
        };
        self.fail_at(place, kind)
    }

    fn names(&self, place: usize) -> (SmolStr, SmolStr) {
        let parameter = self.definition.parameter_at(place);
        let key = parameter.map_or("", |parameter| parameter.key());
        (
            SmolStr::new_static(self.definition.name()),
            SmolStr::new_static(key),
        )
    }
}

/// Returns true if a value counts as true: a boolean, a number other than 0, or text that is one of these.
pub(crate) fn to_boolean(value: &Value) -> Result<bool, EvaluateErrorKind> {
    let value = value.reveal();
    let text = match value {
        Value::Null => return Ok(false),
        Value::Boolean(holds) => return Ok(*holds),
        Value::Integer(number) => return Ok(*number != 0),
        Value::Decimal(_) => return Ok(true),
        Value::Text(text) => text.trim(),
        _ => "",
    };
    if text.eq_ignore_ascii_case("true") {
        return Ok(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Ok(false);
    }
    match crate::value::Decimal::parse(text) {
        Some(number) => Ok(number.to_i64() != Some(0)),
        None => Err(EvaluateErrorKind::NotBoolean {
            found: described(value),
        }),
    }
}

/// A value in a message: its text where it is short text, and its type elsewhere.
#[cold]
pub(crate) fn described(value: &Value) -> SmolStr {
    match value {
        Value::Redacted(_) => SmolStr::new_static("a redacted value"),
        Value::Text(_) | Value::Integer(_) | Value::Decimal(_) => {
            format_smolstr!("`{}`", excerpt(&value.as_text()))
        }
        other => SmolStr::new_static(other.type_name()),
    }
}
