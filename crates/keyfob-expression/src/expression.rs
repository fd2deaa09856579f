//! Expressions as trees.

mod error;
mod grammar;
mod lexeme;
mod print;

use std::{fmt, ops::Range};

use smol_str::SmolStr;

pub use self::error::{ErrorClass, ParseError, ParseErrorKind};
pub(crate) use self::grammar::{Reading, Remark};
use crate::{function::Function, options::Options, value::Decimal};

/// A mapping expression.
///
/// Made by [`parse`](Self::parse) or of its parts. [`Display`](fmt::Display) writes it as Microsoft Graph does, and
/// reading that gives an equal expression, as long as no comparison is an operand of another.
///
/// ```
/// use keyfob_expression::Expression;
///
/// let expression = Expression::parse(r#"Replace([preferredLanguage],"-",,,"_",,)"#)?;
/// assert_eq!(expression.to_string(), r#"Replace([preferredLanguage], "-", , , "_", , )"#);
/// assert_eq!(Expression::parse(&expression.to_string())?, expression);
/// # Ok::<(), keyfob_expression::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever writes a tree in another form must not overlook a part"
)]
pub enum Expression {
    /// `[mail]`: the value of an attribute of the source. The name is what stands between the brackets, with its case.
    Attribute(SmolStr),
    /// `"text"`.
    Text(SmolStr),
    /// `8`, `-1.5` or `&HFF`.
    Number(Decimal),
    /// A word that stands for a value, or that ends the flow.
    Word(Word),
    /// `%Domain%`: a named value that the caller gives.
    Parameter(SmolStr),
    /// A call of a function.
    Call {
        /// The function.
        function: Function,
        /// Its arguments in order; `None` where one is left empty.
        arguments: Vec<Option<Expression>>,
    },
    /// `[country] = "USA"`.
    Comparison(Box<Comparison>),
}

/// Two operands and how they compare.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a comparison has no further parts")]
pub struct Comparison {
    /// The left operand.
    pub left: Expression,
    /// The operator.
    pub operator: Operator,
    /// The right operand.
    pub right: Expression,
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the grammar knows no other")]
pub enum Operator {
    /// `=`.
    Equal,
    /// `<>`.
    NotEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
}

impl Operator {
    /// As expressions write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}

/// A word that stands for a value, or that ends the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Word {
    /// `True`, which expressions usually write `"True"`.
    True,
    /// `False`, which expressions usually write `"False"`.
    False,
    /// `NULL`.
    Null,
    /// `vbTextCompare`: without regard to case.
    VbTextCompare,
    /// `vbBinaryCompare`: with regard to case.
    VbBinaryCompare,
    /// `Unicode`: the encoding UTF-16, the lower byte first.
    Unicode,
    /// `ASCII`: the encoding of seven bits.
    Ascii,
    /// `UTF8`: the encoding.
    Utf8,
    /// `IgnoreAttributeFlow`: leaves the attribute out of the flow where it is evaluated.
    IgnoreAttributeFlow,
    /// `IgnoreObjectFlow`: leaves the object out of the flow where it is evaluated.
    IgnoreObjectFlow,
}

impl Word {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::True,
        Self::False,
        Self::Null,
        Self::VbTextCompare,
        Self::VbBinaryCompare,
        Self::Unicode,
        Self::Ascii,
        Self::Utf8,
        Self::IgnoreAttributeFlow,
        Self::IgnoreObjectFlow,
    ];

    /// As expressions write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Null => "NULL",
            Self::VbTextCompare => "vbTextCompare",
            Self::VbBinaryCompare => "vbBinaryCompare",
            Self::Unicode => "Unicode",
            Self::Ascii => "ASCII",
            Self::Utf8 => "UTF8",
            Self::IgnoreAttributeFlow => "IgnoreAttributeFlow",
            Self::IgnoreObjectFlow => "IgnoreObjectFlow",
        }
    }
}

impl Expression {
    /// Reads an expression with the default [`Options`].
    ///
    /// # Errors
    /// [`ParseError`], with the place of the fault: of the grammar, of an unknown function, or of its arguments.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_with(text, &Options::default())
    }

    /// Reads an expression with these functions, within these limits.
    ///
    /// # Errors
    /// [`ParseError`], with the place of the fault: of the grammar, of an unknown function, or of its arguments.
    ///
    /// # Complexity
    /// Linear in the text; the stack is bounded by the limit of depth.
    pub fn parse_with(text: &str, options: &Options) -> Result<Self, ParseError> {
        Reading::new(options).read(text)
    }

    /// The expressions directly within this one, in order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Self> {
        let (arguments, comparison) = match self {
            Self::Call { arguments, .. } => (arguments.as_slice(), None),
            Self::Comparison(comparison) => (&[][..], Some([&comparison.left, &comparison.right])),
            _ => (&[][..], None),
        };
        arguments.iter().flatten().chain(comparison.into_iter().flatten())
    }
}

/// Where the `index`th expression of a text, counted as they begin, stands in it: a call by the name of its function.
/// `None` where the text is another one's.
pub(crate) fn locate(text: &str, index: usize) -> Option<Range<usize>> {
    let mut reading = Reading::locating();
    reading.read(text).ok()?;
    reading.place(text, index)
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
