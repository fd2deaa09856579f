//! The functions that expressions call: one table, of which each group of rows has its file.

mod choice;
mod dates;
mod document;
mod encoding;
pub(crate) mod foreign;
mod generators;
mod multi_value;
mod replace;
mod roles;
mod text;

use std::{borrow::Cow, fmt};

use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

pub use self::document::Document;
use crate::{
    evaluate::{Call, EvaluateErrorKind, Evaluated, NULL},
    options::FunctionSet,
    value::Value,
};

/// A function that expressions call.
///
/// ```
/// use keyfob_expression::{Function, FunctionSet};
///
/// let join = Function::named("Join", FunctionSet::Entra).unwrap();
/// let keys: Vec<_> = join.parameters().iter().map(|parameter| parameter.key()).collect();
/// assert_eq!(keys, ["separator", "source"]);
/// assert_eq!(join.repeated(), 1);
/// assert!(Function::named("join", FunctionSet::Entra).is_none());
/// assert_eq!(Function::in_any_case("join", FunctionSet::Entra), Some(join));
/// ```
#[derive(Clone, Copy)]
pub struct Function(&'static Definition);

/// A row of the table, or a function of an application.
pub struct Definition {
    name: &'static str,
    parameters: &'static [Parameter],
    /// The number of the parameters, the last ones, that repeat together, and how often they have to stand at least.
    repeated: usize,
    at_least: usize,
    /// The parameter that a shorter form of the call leaves out.
    left_out: Option<usize>,
    set: FunctionSet,
    returns: Kind,
    role: Role,
    demand: Option<Demand>,
    evaluate: Evaluate,
    application: Option<ApplicationFunction>,
}

/// The arguments, by place of their parameter, that make sense together, and the same in words.
struct Demand {
    accepts: fn(&[Option<u32>]) -> bool,
    needed: &'static str,
}

/// The code that evaluates a call.
type Evaluate = for<'e, 'v> fn(&Call<'e, 'v>) -> Evaluated<'v>;

/// The code of an application's function. It gets the arguments, null where one is left empty, and gives a value or what is
/// wrong with them.
pub type ApplicationFunction = fn(&[Value]) -> Result<Value, SmolStr>;

/// The meaning of a call's value where the call is the whole expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// The value of the attribute.
    Value,
    /// The value of the attribute, which is left out of the flow without one.
    IgnoreIfEmpty,
    /// The arguments are candidates for the value of the attribute.
    Candidates,
    /// Values of the attribute, beside which those that it has stay.
    Adds,
    /// All values of the attribute, written as one.
    Replaces,
}

/// A parameter of a function.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    key: &'static str,
    kind: Kind,
    is_required: bool,
    is_each: bool,
}

/// The kind of value that a parameter takes and a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any value, lists included.
    Any,
    /// A single value, as text.
    Text,
    /// An integer, or text that is one.
    Integer,
    /// A boolean.
    Boolean,
    /// A date, or text that is one.
    Date,
    /// A list of values.
    List,
    /// The name of an interval of time: `yyyy`, `m`, `ww`, `d`, `h`, `n`, `s`.
    Interval,
    /// A regular expression of .NET.
    Pattern,
    /// The name of a culture, such as `tr-TR`.
    Culture,
    /// A format of dates.
    Format,
    /// `vbTextCompare` or `vbBinaryCompare`.
    CompareType,
    /// `Unicode`, `ASCII` or `UTF8`.
    Encoding,
    /// An attribute, or text that names one.
    AttributeName,
}

impl Kind {
    /// Returns what it is, in a message.
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Text => "a single value",
            Self::Integer => "an integer",
            Self::Boolean => "a boolean",
            Self::Date => "a date",
            Self::List => "a list of values",
            Self::Interval => "an interval such as \"d\"",
            Self::Pattern => "a regular expression",
            Self::Culture => "a culture such as \"en-US\"",
            Self::Format => "a format of dates",
            Self::CompareType => "vbTextCompare or vbBinaryCompare",
            Self::Encoding => "Unicode, ASCII or UTF8",
            Self::AttributeName => "an attribute",
        }
    }
}

/// A fault in the number of a call's arguments.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ArityError {
    /// An argument is missing at the end.
    #[error("`{function}` needs an argument `{parameter}`")]
    Missing {
        /// The function.
        function: SmolStr,
        /// The parameter.
        parameter: SmolStr,
    },
    /// An argument is empty that can't be.
    #[error("the argument `{parameter}` of `{function}` can't be left empty")]
    Empty {
        /// The function.
        function: SmolStr,
        /// The parameter.
        parameter: SmolStr,
        /// The number of the argument, from 0.
        argument: usize,
    },
    /// There are too many arguments.
    #[error("`{function}` takes {} arguments", if *limit == 0 { "no".into() } else { format_smolstr!("at most {limit}") })]
    TooMany {
        /// The function.
        function: SmolStr,
        /// The number that it takes.
        limit: usize,
    },
    /// The last of the arguments that go together is missing.
    #[error(
        "the arguments of `{function}` come in pairs of a key and a value, and the last key has no value"
    )]
    Unpaired {
        /// The function.
        function: SmolStr,
        /// The number of the argument, from 0, that lacks the other.
        argument: usize,
    },
}

impl Function {
    /// The function of this name, whose case counts.
    #[must_use]
    pub fn named(name: &str, set: FunctionSet) -> Option<Self> {
        Self::all(set).find(|function| function.0.name == name)
    }

    /// The function of this name in any case, as the service takes it.
    #[must_use]
    pub fn in_any_case(name: &str, set: FunctionSet) -> Option<Self> {
        Self::named(name, set)
            .or_else(|| Self::all(set).find(|function| function.0.name.eq_ignore_ascii_case(name)))
    }

    /// All functions of a set.
    pub fn all(set: FunctionSet) -> impl Iterator<Item = Self> {
        GROUPS
            .into_iter()
            .flatten()
            .filter(move |definition| definition.set == FunctionSet::Entra || definition.set == set)
            .map(Self)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Its parameters in order.
    #[must_use]
    pub fn parameters(self) -> &'static [Parameter] {
        self.0.parameters
    }

    /// Returns how many of its parameters, the last ones, take any number of arguments in turn.
    #[must_use]
    pub fn repeated(self) -> usize {
        self.0.repeated
    }

    /// Returns the parameter that an argument is for, from 0, of a call with so many arguments; nothing where there are
    /// fewer parameters.
    #[must_use]
    pub fn parameter(self, argument: usize, count: usize) -> Option<&'static Parameter> {
        self.0.parameter(argument, count)
    }

    /// The function that an application defines.
    pub(crate) fn of(definition: &'static Definition) -> Self {
        Self(definition)
    }

    /// A function of which nothing is known.
    pub(crate) fn unknown() -> Self {
        static UNKNOWN: Definition = Definition::new("", &[], Kind::Any, |_| Ok(NULL));
        Self(&UNKNOWN)
    }

    /// The row of the table.
    pub(crate) fn definition(self) -> &'static Definition {
        self.0
    }

    /// Checks how many arguments there are and which of them are empty.
    pub(crate) fn check(self, count: usize, is_given: impl Fn(usize) -> bool) -> Result<(), ArityError> {
        let definition = self.0;
        let function = || SmolStr::new_static(definition.name);
        let fixed = definition.parameters.len() - definition.repeated;
        if definition.repeated == 0 && count > fixed {
            let limit = fixed;
            return Err(ArityError::TooMany {
                function: function(),
                limit,
            });
        }
        let required = if definition.is_short(count) {
            count
        } else {
            fixed + definition.repeated * definition.at_least
        };
        for argument in 0..count.max(required) {
            let Some(parameter) = definition.parameter(argument, count) else {
                break;
            };
            if !parameter.is_required || is_given(argument) {
                continue;
            }
            let (function, parameter) = (function(), SmolStr::new_static(parameter.key));
            return Err(if argument < count {
                ArityError::Empty {
                    function,
                    parameter,
                    argument,
                }
            } else {
                ArityError::Missing { function, parameter }
            });
        }
        let in_turn = count.saturating_sub(fixed);
        match in_turn.checked_rem(definition.repeated) {
            None | Some(0) => Ok(()),
            Some(_) => Err(ArityError::Unpaired {
                function: function(),
                argument: count - 1,
            }),
        }
    }
}

/// A call of an application's function.
fn of_application<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    let mut arguments = Vec::with_capacity(call.count());
    for place in 0..call.count() {
        let value = call.value(place)?.into_owned();
        call.charge(size_of::<Value>())?;
        arguments.push(value);
    }
    match call.application().map(|evaluate| evaluate(&arguments)) {
        Some(Ok(value)) => {
            call.charge(value.to_text().len())?;
            Ok(Cow::Owned(value))
        }
        Some(Err(message)) => Err(call.fail(EvaluateErrorKind::Raised { message })),
        None => Ok(NULL),
    }
}

impl Parameter {
    /// Takes any value of an application's function, lists included.
    #[must_use]
    pub const fn any(key: &'static str) -> Self {
        required(key, Kind::Any)
    }

    /// Takes a single value of an application's function; a list is gone through value by value.
    #[must_use]
    pub const fn text(key: &'static str) -> Self {
        required(key, Kind::Text).each()
    }

    /// May be left empty.
    #[must_use]
    pub const fn or_empty(self) -> Self {
        Self {
            is_required: false,
            ..self
        }
    }

    /// Its name in the schema files of Microsoft Graph; those of parameters that Graph doesn't show are Microsoft's
    /// in the functions' description.
    #[must_use]
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// Returns true if it has to be given.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.is_required
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns true if a list is gone through value by value.
    pub(crate) fn is_each(&self) -> bool {
        self.is_each
    }

    /// The same, of which a list is gone through value by value.
    const fn each(self) -> Self {
        Self {
            is_each: true,
            ..self
        }
    }
}

const fn required(key: &'static str, kind: Kind) -> Parameter {
    Parameter {
        key,
        kind,
        is_required: true,
        is_each: false,
    }
}

const fn optional(key: &'static str, kind: Kind) -> Parameter {
    Parameter {
        is_required: false,
        ..required(key, kind)
    }
}

impl Definition {
    const fn new(
        name: &'static str,
        parameters: &'static [Parameter],
        returns: Kind,
        evaluate: Evaluate,
    ) -> Self {
        Self {
            name,
            parameters,
            repeated: 0,
            at_least: 0,
            left_out: None,
            set: FunctionSet::Entra,
            returns,
            role: Role::Value,
            demand: None,
            evaluate,
            application: None,
        }
    }

    /// Defines a function of an application, for [`Functions::with`](crate::Functions::with).
    ///
    /// ```
    /// use keyfob_expression::{Environment, Functions, Options, Outcome, Program, SeededEntropy, Source, Value, Parameter, function::Definition};
    ///
    /// static INITIALS: Definition = Definition::of_application("Initials", &[Parameter::text("name")], |arguments| {
    ///     let name = arguments.first().map(Value::to_text).unwrap_or_default();
    ///     let initials = name.split_whitespace().filter_map(|word| word.chars().next());
    ///     Ok(initials.collect::<String>().into())
    /// });
    ///
    /// let mut options = Options::default();
    /// options.functions = Functions::entra().with(&INITIALS);
    /// let program = Program::read(r#"ToLower(Initials([displayName]))"#, &options)?;
    /// let source = Source::from_iter([("displayName", "Barbara Jensen")]);
    /// let entropy = SeededEntropy::new(0);
    /// let environment = Environment::new("2026-01-01T12:00:00Z".parse()?, &entropy);
    /// assert_eq!(program.evaluate(&source, &environment)?, Outcome::Value("bj".into()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The arguments are evaluated before the call. What it gives counts against [`Limits::work`](crate::Limits::work).
    #[must_use]
    pub const fn of_application(
        name: &'static str,
        parameters: &'static [Parameter],
        evaluate: ApplicationFunction,
    ) -> Self {
        Self {
            application: Some(evaluate),
            ..Self::new(name, parameters, Kind::Any, of_application)
        }
    }

    /// The same, whose last `count` parameters repeat together, `at_least` times.
    const fn repeating(self, count: usize, at_least: usize) -> Self {
        Self {
            repeated: count,
            at_least,
            ..self
        }
    }

    /// The same, of which a form without one of the parameters is in use.
    const fn also_without(self, parameter: usize) -> Self {
        Self {
            left_out: Some(parameter),
            ..self
        }
    }

    /// The same, which only cloud sync has.
    const fn of_cloud_sync(self) -> Self {
        Self {
            set: FunctionSet::CloudSync,
            ..self
        }
    }

    /// The same, which means something else as the whole expression.
    const fn meaning(self, role: Role) -> Self {
        Self { role, ..self }
    }

    /// The same, of which only some arguments make sense together: `needed`, in words.
    const fn accepting(self, accepts: fn(&[Option<u32>]) -> bool, needed: &'static str) -> Self {
        Self {
            demand: Some(Demand { accepts, needed }),
            ..self
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The kind of every value that it gives.
    pub(crate) fn returns(&self) -> Kind {
        self.returns
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Returns what is needed where arguments, by place of their parameter, make no sense together.
    pub(crate) fn lacks(&self, arguments: &[Option<u32>]) -> Option<&'static str> {
        match &self.demand {
            Some(demand) if !(demand.accepts)(arguments) => Some(demand.needed),
            _ => None,
        }
    }

    /// The place of the parameter of which lists are gone through value by value.
    pub(crate) fn each(&self) -> Option<usize> {
        self.parameters.iter().position(|parameter| parameter.is_each)
    }

    pub(crate) fn application(&self) -> Option<ApplicationFunction> {
        self.application
    }

    pub(crate) fn evaluate<'v>(&self, call: &Call<'_, 'v>) -> Evaluated<'v> {
        (self.evaluate)(call)
    }

    /// Returns true if so many arguments are the shorter form.
    fn is_short(&self, count: usize) -> bool {
        self.left_out.is_some() && count + 1 == self.parameters.len()
    }

    /// The place among the parameters of an argument, of which there are `count`; beyond them for those that repeat.
    pub(crate) fn place(&self, argument: usize, count: usize) -> usize {
        match self.left_out {
            Some(left_out) if self.is_short(count) && argument >= left_out => argument + 1,
            _ => argument,
        }
    }

    /// The parameter of an argument, of which there are `count`.
    pub(crate) fn parameter(&self, argument: usize, count: usize) -> Option<&'static Parameter> {
        self.parameter_at(self.place(argument, count))
    }

    /// The parameter at a place, which is beyond them for those that repeat.
    pub(crate) fn parameter_at(&self, place: usize) -> Option<&'static Parameter> {
        let fixed = self.parameters.len() - self.repeated;
        let index = match place.checked_sub(fixed) {
            Some(beyond) if self.repeated > 0 => fixed + beyond % self.repeated,
            _ => place,
        };
        self.parameters.get(index)
    }
}

impl ArityError {
    /// Returns which argument, from 0, is at fault; none where one is missing.
    #[must_use]
    pub fn argument(&self) -> Option<usize> {
        match self {
            Self::Missing { .. } => None,
            Self::Empty { argument, .. } | Self::Unpaired { argument, .. } => Some(*argument),
            Self::TooMany { limit, .. } => Some(*limit),
        }
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Function {}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

/// The table.
static GROUPS: [&[Definition]; 7] = [
    text::FUNCTIONS,
    choice::FUNCTIONS,
    multi_value::FUNCTIONS,
    encoding::FUNCTIONS,
    dates::FUNCTIONS,
    generators::FUNCTIONS,
    roles::FUNCTIONS,
];
