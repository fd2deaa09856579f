//! From the tree to the program.

use keyfob_core::render::excerpt;
use smol_str::{SmolStr, format_smolstr};

use super::{Choice, CompileError, CompileErrorKind, FlowScope, Node, Operation, Program};
#[cfg(feature = "regex")]
use crate::dotnet::regex::Regex;
use crate::{
    dotnet::{
        casing::Culture,
        date_time::{Format, Interval},
    },
    evaluate::{EvaluateErrorKind, to_boolean},
    expression::{Expression, Word},
    function::{Definition, Function, Kind, Parameter, Role},
    options::Options,
    source::SourcePath,
    value::Value,
};

pub(super) fn compile(expression: &Expression, options: &Options) -> Result<Program, CompileError> {
    let mut compiler = Compiler {
        program: Program {
            nodes: Vec::with_capacity(8),
            arguments: Vec::with_capacity(8),
            reads: Vec::new(),
            lookups: Vec::new(),
            is_plain: false,
            options: options.clone(),
        },
        pending: Vec::new(),
        origin: 0,
        depth: 0,
    };
    compiler.expression(expression, None)?;
    let mut program = compiler.program;
    program.lookups = program.reads.iter().cloned().map(SourcePath::new).collect();
    program.is_plain = program.needs_no_evaluation();
    Ok(program)
}

struct Compiler {
    program: Program,
    /// The arguments of the calls that are being compiled.
    pending: Vec<Option<u32>>,
    /// The number of expressions that began.
    origin: u32,
    depth: usize,
}

impl Compiler {
    /// Adds the nodes of an expression and gives the last of them; `parameter` is what the expression is an argument
    /// for.
    fn expression(
        &mut self,
        expression: &Expression,
        parameter: Option<(&'static Definition, &'static Parameter)>,
    ) -> Result<u32, CompileError> {
        let origin = self.origin;
        self.origin += 1;
        let fail = |kind: CompileErrorKind| CompileError::new(kind, super::at(origin));
        let mut operation = match expression {
            Expression::Attribute(name) => self.attribute(name),
            Expression::Text(text) => Operation::Constant(Value::Text(text.clone())),
            Expression::Number(number) => Operation::Constant(number.clone().into()),
            Expression::Word(word) => match word {
                Word::True => Operation::Constant(Value::Boolean(true)),
                Word::False => Operation::Constant(Value::Boolean(false)),
                Word::Null => Operation::Constant(Value::Null),
                Word::VbTextCompare | Word::VbBinaryCompare | Word::Unicode | Word::Ascii | Word::Utf8 => {
                    Operation::Constant(Value::Text(SmolStr::new_static(word.as_str())))
                }
                Word::IgnoreAttributeFlow => Operation::Ignore(FlowScope::Attribute),
                Word::IgnoreObjectFlow => Operation::Ignore(FlowScope::Object),
            },
            Expression::Parameter(name) => Operation::Parameter(name.clone()),
            Expression::Comparison(comparison) => Operation::Comparison {
                operator: comparison.operator,
                left: self.operand(&comparison.left)?,
                right: self.operand(&comparison.right)?,
            },
            Expression::Call { function, arguments } => {
                self.enter().map_err(fail)?;
                let operation = self.call(*function, arguments, origin)?;
                self.depth -= 1;
                operation
            }
        };
        if let Some((definition, parameter)) = parameter {
            check_type(expression, definition, parameter).map_err(|kind| fail(kind.into()))?;
            // A pattern that is known when it is evaluated is refused here too: an error for some users alone would be found late.
            #[cfg(not(feature = "regex"))]
            if parameter.kind() == Kind::Pattern {
                let (function, parameter) = (definition.name().into(), parameter.key().into());
                return Err(fail(EvaluateErrorKind::NoRegex { function, parameter }.into()));
            }
            if let Operation::Constant(value) = operation {
                operation = self
                    .constant(value, definition, parameter)
                    .map_err(|kind| fail(kind.into()))?;
            }
        }
        let index = u32::try_from(self.program.nodes.len()).unwrap_or(u32::MAX);
        self.program.nodes.push(Node { operation, origin });
        Ok(index)
    }

    fn enter(&mut self) -> Result<(), CompileErrorKind> {
        let limit = self.program.options.limits.depth;
        if self.depth >= limit {
            return Err(CompileErrorKind::TooDeep { limit });
        }
        self.depth += 1;
        Ok(())
    }

    fn attribute(&mut self, name: &SmolStr) -> Operation {
        let reads = &mut self.program.reads;
        let index = reads.iter().position(|read| read == name);
        Operation::Attribute(index.unwrap_or_else(|| {
            reads.push(name.clone());
            reads.len() - 1
        }))
    }

    /// Adds the nodes of an operand of a comparison.
    fn operand(&mut self, expression: &Expression) -> Result<u32, CompileError> {
        let origin = super::at(self.origin);
        if let Expression::Comparison(_) = expression {
            return Err(CompileError::new(CompileErrorKind::ChainedComparison, origin));
        }
        if kind_of(expression) == Kind::List {
            return Err(CompileError::new(EvaluateErrorKind::ListCompared, origin));
        }
        self.expression(expression, None)
    }

    fn call(
        &mut self,
        function: Function,
        arguments: &[Option<Expression>],
        origin: u32,
    ) -> Result<Operation, CompileError> {
        let definition = function.definition();
        let fail = |kind: CompileErrorKind| CompileError::new(kind, super::at(origin));
        let count = arguments.len();
        let is_given = |index| matches!(arguments.get(index), Some(Some(_)));
        function
            .check(count, is_given)
            .map_err(|error| fail(error.into()))?;
        if definition.role() == Role::Candidates && origin > 0 {
            let function = function.name().into();
            return Err(fail(CompileErrorKind::NotWhole { function }));
        }
        let first = u32::try_from(self.program.nodes.len()).unwrap_or(u32::MAX);
        let start = self.pending.len();
        for (index, argument) in arguments.iter().enumerate() {
            let place = definition.place(index, count);
            while self.pending.len() - start < place {
                self.pending.push(None);
            }
            let node = match argument {
                None => None,
                Some(argument) => {
                    let parameter = definition.parameter_at(place);
                    Some(self.expression(argument, parameter.map(|parameter| (definition, parameter)))?)
                }
            };
            self.pending.push(node);
        }
        let begin = self.program.arguments.len();
        self.program.arguments.extend(self.pending.drain(start..));
        let end = self.program.arguments.len();
        let given = self.program.arguments.get(begin..end).unwrap_or_default();
        if let Some(needed) = definition.lacks(given) {
            let function = function.name().into();
            return Err(fail(CompileErrorKind::Combination { function, needed }));
        }
        if let Some(choice) = self.choice(definition, given) {
            return Ok(Operation::Choice(Box::new(choice)));
        }
        let index = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        Ok(Operation::Call {
            definition,
            arguments: index(begin)..index(end),
            first,
            each: definition.each(),
        })
    }

    /// Returns the choice that a `Switch` is, where its keys are constant texts.
    fn choice(&self, definition: &Definition, arguments: &[Option<u32>]) -> Option<Choice> {
        let [source, otherwise, cases @ ..] = arguments else {
            return None;
        };
        if definition.name() != "Switch" {
            return None;
        }
        let mut constant = Vec::with_capacity(cases.len() / 2);
        for case in cases.chunks(2) {
            let [key, value] = case else {
                return None;
            };
            match &self.program.node(super::at((*key)?))?.operation {
                Operation::Constant(Value::Text(key)) => constant.push((key.clone(), *value)),
                _ => return None,
            }
        }
        Some(Choice {
            source: *source,
            cases: constant.into(),
            otherwise: *otherwise,
        })
    }

    /// Returns what a constant gives as an argument for a parameter.
    fn constant(
        &mut self,
        value: Value,
        definition: &'static Definition,
        parameter: &'static Parameter,
    ) -> Result<Operation, EvaluateErrorKind> {
        let Value::Text(text) = &value else {
            return Ok(Operation::Constant(value));
        };
        let mismatch = |expected| Err(type_error(definition, parameter, expected, &value));
        match parameter.kind() {
            Kind::Integer if text.trim().parse::<i64>().is_err() => return mismatch("an integer"),
            Kind::Boolean => {
                to_boolean(&value)?;
            }
            Kind::CompareType if !is_compare_type(text) => {
                return mismatch("vbTextCompare or vbBinaryCompare");
            }
            Kind::Encoding if !is_encoding(text) => return mismatch("Unicode, ASCII or UTF8"),
            Kind::Interval => {
                text.parse::<Interval>()?;
            }
            Kind::Culture => {
                text.parse::<Culture>()?;
            }
            Kind::AttributeName => return Ok(self.attribute(&text.clone())),
            #[cfg(feature = "regex")]
            Kind::Pattern => {
                let regex = Regex::new(text)?;
                return Ok(Operation::Pattern(value, Box::new(regex)));
            }
            Kind::Format => {
                let format = Format::new(text)?;
                return Ok(Operation::Format(value, Box::new(format)));
            }
            _ => {}
        }
        Ok(Operation::Constant(value))
    }
}

fn is_compare_type(text: &str) -> bool {
    [Word::VbTextCompare, Word::VbBinaryCompare]
        .iter()
        .any(|word| word.as_str() == text)
}

fn is_encoding(text: &str) -> bool {
    [Word::Unicode, Word::Ascii, Word::Utf8]
        .iter()
        .any(|word| word.as_str() == text)
}

/// The kind of every value that an expression can have.
fn kind_of(expression: &Expression) -> Kind {
    match expression {
        Expression::Text(_) => Kind::Text,
        Expression::Number(_) => Kind::Integer,
        Expression::Word(Word::True | Word::False) | Expression::Comparison(_) => Kind::Boolean,
        Expression::Word(Word::VbTextCompare | Word::VbBinaryCompare) => Kind::CompareType,
        Expression::Word(Word::Unicode | Word::Ascii | Word::Utf8) => Kind::Encoding,
        Expression::Call { function, .. } => function.definition().returns(),
        Expression::Attribute(_)
        | Expression::Parameter(_)
        | Expression::Word(Word::Null | Word::IgnoreAttributeFlow | Word::IgnoreObjectFlow) => Kind::Any,
    }
}

/// Checks that an argument can be of a type that its parameter takes.
fn check_type(
    argument: &Expression,
    definition: &'static Definition,
    parameter: &'static Parameter,
) -> Result<(), EvaluateErrorKind> {
    let (expected, found) = (parameter.kind(), kind_of(argument));
    let fits = match (expected, found) {
        (Kind::CompareType, Kind::CompareType | Kind::Text)
        | (Kind::Encoding, Kind::Encoding | Kind::Text)
        | (_, Kind::Any) => true,
        (_, Kind::CompareType | Kind::Encoding) => false,
        (Kind::Any, _) => true,
        (_, Kind::List) => parameter.is_each(),
        (Kind::Integer, _) => matches!(found, Kind::Integer | Kind::Text) && !is_fractional(argument),
        (Kind::Boolean, _) => matches!(found, Kind::Boolean | Kind::Integer | Kind::Text),
        (Kind::Date, _) => matches!(found, Kind::Date | Kind::Text),
        (
            Kind::CompareType
            | Kind::Encoding
            | Kind::Interval
            | Kind::Pattern
            | Kind::Format
            | Kind::Culture,
            _,
        ) => found == Kind::Text,
        (Kind::AttributeName, _) => matches!(argument, Expression::Text(_)),
        (Kind::Text | Kind::List, _) => true,
    };
    if fits {
        return Ok(());
    }
    let found = match argument {
        Expression::Call { function, .. } => {
            format_smolstr!("{}, which `{function}` gives", found.described())
        }
        constant => format_smolstr!("`{}`", excerpt(&constant.to_string())),
    };
    Err(EvaluateErrorKind::Type {
        function: definition.name().into(),
        parameter: parameter.key().into(),
        expected: expected.described(),
        found,
    })
}

/// Returns true if a constant number has digits after its point.
fn is_fractional(argument: &Expression) -> bool {
    matches!(argument, Expression::Number(number) if number.as_str().contains('.'))
}

fn type_error(
    definition: &'static Definition,
    parameter: &'static Parameter,
    expected: &'static str,
    value: &Value,
) -> EvaluateErrorKind {
    EvaluateErrorKind::Type {
        function: definition.name().into(),
        parameter: parameter.key().into(),
        expected,
        found: format_smolstr!("`{}`", excerpt(&value.to_text())),
    }
}
