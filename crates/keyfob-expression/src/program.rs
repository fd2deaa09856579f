//! Expressions checked and flattened, so that evaluating one again and again is cheap.

mod compile;
mod error;

use std::{fmt, ops::Range};

use keyfob_core::{Collation, CompareKey};
use smol_str::SmolStr;

pub use self::error::{CompileError, CompileErrorKind};
#[cfg(feature = "regex")]
use crate::dotnet::regex::Regex;
use crate::{
    dotnet::date_time::Format,
    environment::Environment,
    evaluate::{EvaluateError, EvaluateErrorKind, Evaluation, NODE},
    explain::Trace,
    expression::{Expression, Operator},
    function::{Definition, Role},
    options::Options,
    source::{Source, SourcePath},
    value::Value,
};

/// An expression that was checked: evaluating it costs no reading, and patterns that are constant are compiled.
///
/// ```
/// use keyfob_expression::{Environment, Expression, Options, Outcome, Program, SeededEntropy, Source};
///
/// let expression = Expression::parse(r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#)?;
/// let program = Program::compile(&expression, &Options::default())?;
/// assert_eq!(program.reads(), ["IsSoftDeleted"]);
///
/// let entropy = SeededEntropy::new(0);
/// let environment = Environment::new("2026-01-01T12:00:00Z".parse()?, &entropy);
/// let source = Source::from_json(br#"{"IsSoftDeleted": false}"#)?;
/// assert_eq!(program.evaluate(&source, &environment)?, Outcome::Value("True".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Program {
    /// In the order in which they are evaluated when all are; the last is the whole expression.
    nodes: Vec<Node>,
    /// The nodes of the arguments of all calls, by place of their parameter.
    arguments: Vec<Option<u32>>,
    reads: Vec<SmolStr>,
    /// The paths of the attributes that are read.
    lookups: Vec<SourcePath>,
    /// True if all nodes are attributes, constants and choices among them, within the work that the options allow.
    is_plain: bool,
    options: Options,
}

/// An expression within a program.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) operation: Operation,
    /// The number of the expression in the tree, counted as they begin.
    pub(crate) origin: u32,
}

/// The operation that gives a node its value.
#[derive(Debug)]
pub(crate) enum Operation {
    Constant(Value),
    /// A constant regular expression.
    #[cfg(feature = "regex")]
    Pattern(Value, Box<Regex>),
    /// A constant format of dates.
    Format(Value, Box<Format>),
    /// An attribute, by its place among those that are read.
    Attribute(usize),
    /// A value that the caller gives.
    Parameter(SmolStr),
    /// The end of the flow.
    Ignore(FlowScope),
    /// A `Switch` whose keys are constant texts.
    Choice(Box<Choice>),
    Comparison {
        operator: Operator,
        left: u32,
        right: u32,
    },
    Call {
        definition: &'static Definition,
        /// Among the arguments of all calls.
        arguments: Range<u32>,
        /// The first of the nodes within the call.
        first: u32,
        /// The place of the parameter of which lists are gone through value by value.
        each: Option<usize>,
    },
}

/// A choice by constant texts, by the nodes of what is chosen; null where one is left empty.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) source: Option<u32>,
    pub(crate) cases: Box<[(SmolStr, Option<u32>)]>,
    pub(crate) otherwise: Option<u32>,
}

/// The result of an expression for a source.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an outcome that is overlooked is a wrong value"
)]
pub enum Outcome {
    /// A value, perhaps null.
    Value(Value),
    /// The attribute (`IgnoreFlowIfNullOrEmpty`, `IgnoreAttributeFlow`) or the object (`IgnoreObjectFlow`) is left out
    /// of the flow.
    Ignored(FlowScope),
    /// The values of `SelectUniqueValue`, of which the first that is free is to be taken.
    Candidates(Candidates),
}

/// The part that is left out where a flow ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the language knows no other")]
pub enum FlowScope {
    /// The attribute: it stays as it is.
    Attribute,
    /// The object: nothing is done to its resource.
    Object,
}

impl FlowScope {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attribute => "attribute",
            Self::Object => "object",
        }
    }
}

impl fmt::Display for FlowScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The values of `SelectUniqueValue` in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidates {
    values: Vec<Value>,
}

impl Candidates {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self { values }
    }

    /// All of them; those without a value are left out.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The first value of which `is_taken` does not hold.
    ///
    /// # Errors
    /// [`EvaluateErrorKind::NotUnique`], where it holds of all.
    pub fn select(self, mut is_taken: impl FnMut(&Value) -> bool) -> Result<Value, EvaluateError> {
        let free = self.values.into_iter().find(|value| !is_taken(value));
        free.ok_or_else(|| EvaluateError::new(EvaluateErrorKind::NotUnique, 0))
    }
}

impl Outcome {
    /// The same with a value in place of candidates, where it is known which values the target has already.
    /// Directories compare values without regard to case.
    ///
    /// # Errors
    /// [`EvaluateErrorKind::NotUnique`], where every candidate is taken.
    pub fn settle(self, taken: &[impl AsRef<str>]) -> Result<Self, EvaluateError> {
        let Self::Candidates(candidates) = self else {
            return Ok(self);
        };
        candidates
            .select(|candidate| {
                let candidate = CompareKey::new(Collation::Caseless, &candidate.to_text());
                let mut taken = taken.iter();
                taken.any(|taken| candidate.is_of(Collation::Caseless, taken.as_ref()))
            })
            .map(Self::Value)
    }
}

impl Program {
    /// Checks an expression and makes a program of it.
    ///
    /// # Errors
    /// [`CompileError`], where a constant is of a type that its function doesn't take, a pattern is none, or a function
    /// has to be the whole expression.
    ///
    /// # Complexity
    /// Linear in the expression, but for its patterns.
    pub fn compile(expression: &Expression, options: &Options) -> Result<Self, CompileError> {
        compile::compile(expression, options)
    }

    /// The attributes that the expression reads, each once, in the order in which they stand in it.
    #[must_use]
    pub fn reads(&self) -> &[SmolStr] {
        &self.reads
    }

    /// Returns the value where it stands in the source or in the program already: that of an attribute as it is, of a
    /// constant, and of a `Switch` that chooses among them by constant texts. Nothing of any other expression.
    ///
    /// ```
    /// use keyfob_expression::{Options, Program, Source, Value};
    ///
    /// let source = Source::from_iter([("mail", Value::from("babs@example.com"))]);
    /// let program = Program::read("[mail]", &Options::default())?;
    /// assert_eq!(program.borrowed(&source), Some(&"babs@example.com".into()));
    /// let program = Program::read("ToUpper([mail])", &Options::default())?;
    /// assert_eq!(program.borrowed(&source), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Complexity
    /// As [`evaluate`](Self::evaluate), without a copy of the value.
    #[must_use]
    pub fn borrowed<'v>(&'v self, source: &'v Source) -> Option<&'v Value> {
        if !self.is_plain {
            return None;
        }
        self.plain(self.nodes.last()?, source)
    }

    fn plain<'v>(&'v self, node: &'v Node, source: &'v Source) -> Option<&'v Value> {
        match &node.operation {
            Operation::Constant(value) => Some(value),
            Operation::Attribute(index) => Some(self.attribute(*index, source).unwrap_or(&Value::Null)),
            Operation::Choice(choice) => {
                let source_value = match choice.source {
                    Some(node) => self.plain(self.node(at(node))?, source)?,
                    None => &Value::Null,
                };
                // A list is gone through value by value, and other values have to be written first.
                let key = source_value.written()?;
                let mut cases = choice.cases.iter();
                let chosen = match cases.find(|(constant, _)| constant == key) {
                    Some((_, value)) => *value,
                    None => choice.otherwise,
                };
                match chosen {
                    Some(node) => self.plain(self.node(at(node))?, source),
                    None => Some(&Value::Null),
                }
            }
            _ => None,
        }
    }

    /// Returns true if [`plain`](Self::plain) has a value for every source, and evaluating could never be too much work.
    fn needs_no_evaluation(&self) -> bool {
        let work = self.nodes.iter().map(|node| match &node.operation {
            Operation::Constant(_) | Operation::Attribute(_) => Some(NODE),
            Operation::Choice(choice) => Some(NODE * (choice.cases.len() + 1)),
            _ => None,
        });
        let work: Option<usize> = work.sum();
        work.is_some_and(|work| work <= self.options.limits.work)
    }

    /// Evaluates the expression for a source.
    ///
    /// The same source, time and randomness give the same outcome.
    ///
    /// # Errors
    /// [`EvaluateError`], where a function can't do with its values what it is asked to, or the work exceeds
    /// [`Limits::work`](crate::Limits::work).
    ///
    /// # Complexity
    /// Linear in the nodes that the values lead to and in the text that they go through, within the limit.
    pub fn evaluate(&self, source: &Source, environment: &Environment<'_>) -> Result<Outcome, EvaluateError> {
        self.evaluate_traced(source, environment, None)
    }

    /// Does the same, and notes the value of every node.
    pub(crate) fn evaluate_traced(
        &self,
        source: &Source,
        environment: &Environment<'_>,
        trace: Option<&Trace>,
    ) -> Result<Outcome, EvaluateError> {
        // Most mappings are an attribute as it is, or a `Switch`.
        if let (None, Some(value)) = (trace, self.borrowed(source)) {
            return Ok(Outcome::Value(value.clone()));
        }
        let evaluation = Evaluation::new(self, source, environment, trace);
        match self.whole(&evaluation) {
            Err(error) => match *error.kind() {
                EvaluateErrorKind::FlowEnds { scope } => Ok(Outcome::Ignored(scope)),
                _ => Err(error),
            },
            outcome => outcome,
        }
    }

    fn whole(&self, evaluation: &Evaluation<'_>) -> Result<Outcome, EvaluateError> {
        let whole = self.nodes.len().saturating_sub(1);
        Ok(match self.role() {
            Role::Candidates => Outcome::Candidates(Candidates::new(evaluation.candidates(whole)?)),
            Role::IgnoreIfEmpty => match evaluation.value(whole)?.into_owned() {
                value if value.is_empty() => Outcome::Ignored(FlowScope::Attribute),
                value => Outcome::Value(value),
            },
            Role::Value | Role::Adds | Role::Replaces => {
                Outcome::Value(evaluation.value(whole)?.into_owned())
            }
        })
    }

    /// Returns what the value of the whole expression means.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.nodes.last().map(|node| &node.operation) {
            Some(Operation::Call { definition, .. }) => definition.role(),
            _ => Role::Value,
        }
    }

    pub(crate) fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    /// The nodes up to and with `last` that are not before `first`.
    pub(crate) fn nodes_within(&self, first: u32, last: u32) -> &[Node] {
        self.nodes.get(at(first)..=at(last)).unwrap_or_default()
    }

    /// The nodes of a call's arguments, by place of their parameter.
    pub(crate) fn arguments(&self, range: &Range<u32>) -> &[Option<u32>] {
        self.arguments
            .get(at(range.start)..at(range.end))
            .unwrap_or_default()
    }

    /// The value of an attribute that is read.
    #[inline]
    pub(crate) fn attribute<'v>(&self, index: usize, source: &'v Source) -> Option<&'v Value> {
        source.at(self.lookups.get(index)?)
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }
}

/// An index into the nodes or arguments, of which a program has far fewer than 2^32.
pub(crate) fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
