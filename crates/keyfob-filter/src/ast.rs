//! Filters as trees (RFC 7644 section 3.4.2.2), and the builders that make them in code.

use std::fmt;

use keyfob_core::{AttrPath, Value};
use smol_str::SmolStr;

/// A filter: which resources, or which elements of a multi-valued attribute, are meant.
///
/// Made by [`parse`](Self::parse) or by the builders; [`compile`](Self::compile) checks it against a resource type.
/// `and` and `or` hold all their operands side by side, at least two of them and none of the same kind, so
/// that a thousand operands are no deeper than two; parsing and building keep it so. Names are as written and compare
/// without regard to case.
///
/// [`Display`](fmt::Display) writes the canonical text: operators in lower case, single blanks, parentheses only
/// where they are needed. Reading it gives an equal filter, and of one that was made of [texts that are no
/// names](keyfob_core::AttrPathRef::is_legal) an error, never another filter.
///
/// ```
/// use keyfob_core::AttrPath;
/// use keyfob_filter::Filter;
///
/// let read = Filter::parse(r#"(userType EQ "Employee") and not(emails co "example.com" or title pr)"#)?;
/// assert_eq!(read.to_string(), r#"userType eq "Employee" and not (emails co "example.com" or title pr)"#);
///
/// let path = AttrPath::attribute;
/// let made = Filter::eq(path("userType"), "Employee")
///     .and(Filter::co(path("emails"), "example.com").or(Filter::pr(path("title"))).not());
/// assert_eq!(made, read);
/// # Ok::<(), keyfob_filter::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the grammar of RFC 7644 figure 1 is closed"
)]
pub enum Filter {
    /// `attr pr`: the attribute has a value.
    Present(AttrPath),
    /// `attr eq "x"`: a value of the attribute compares so.
    Compare(AttrPath, CompareOp, Literal),
    /// All hold.
    And(Vec<Filter>),
    /// At least one holds.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// `attr[filter]`: one and the same value of the attribute satisfies the filter, whose paths are
    /// sub-attributes.
    Path(AttrPath, Box<Filter>),
}

/// How an attribute's value and a literal compare (RFC 7644 table 3, all but `pr`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the grammar of RFC 7644 figure 1 is closed"
)]
pub enum CompareOp {
    /// `eq`: equal.
    Eq,
    /// `ne`: not equal; of many values one that is not. It also holds where there is no value.
    Ne,
    /// `co`: contains.
    Co,
    /// `sw`: starts with.
    Sw,
    /// `ew`: ends with.
    Ew,
    /// `gt`: greater than.
    Gt,
    /// `ge`: greater than or equal.
    Ge,
    /// `lt`: less than.
    Lt,
    /// `le`: less than or equal.
    Le,
}

/// What an attribute is compared with (`compValue` of RFC 7644 figure 1): a JSON value that is no array and no object.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "JSON has no further simple types")]
pub enum Literal {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that is written without fraction and exponent and fits 64 bits.
    Integer(i64),
    /// Any other number; finite.
    Decimal(f64),
    /// A string.
    String(SmolStr),
}

impl Filter {
    /// How many paths it has.
    pub(crate) fn paths(&self) -> usize {
        match self {
            Self::Present(_) | Self::Compare(..) => 1,
            Self::And(operands) | Self::Or(operands) => operands.iter().map(Self::paths).sum(),
            Self::Not(operand) => operand.paths(),
            Self::Path(_, filter) => 1 + filter.paths(),
        }
    }

    /// `path pr`.
    #[must_use]
    pub fn pr(path: AttrPath) -> Self {
        Self::Present(path)
    }

    /// `path eq literal`.
    #[must_use]
    pub fn eq(path: AttrPath, literal: impl Into<Literal>) -> Self {
        Self::Compare(path, CompareOp::Eq, literal.into())
    }

    /// `path ne literal`.
    #[must_use]
    pub fn ne(path: AttrPath, literal: impl Into<Literal>) -> Self {
        Self::Compare(path, CompareOp::Ne, literal.into())
    }

    /// `path co literal`.
    #[must_use]
    pub fn co(path: AttrPath, literal: impl Into<Literal>) -> Self {
        Self::Compare(path, CompareOp::Co, literal.into())
    }

    /// `path sw literal`.
    #[must_use]
    pub fn sw(path: AttrPath, literal: impl Into<Literal>) -> Self {
        Self::Compare(path, CompareOp::Sw, literal.into())
    }

    /// `path ew literal`.
    #[must_use]
    pub fn ew(path: AttrPath, literal: impl Into<Literal>) -> Self {
        Self::Compare(path, CompareOp::Ew, literal.into())
    }

    /// `path gt literal`.
    #[must_use]
    pub fn gt(path: AttrPath, literal: impl Into<Literal>) -> Self {
        Self::Compare(path, CompareOp::Gt, literal.into())
    }

    /// `path ge literal`.
    #[must_use]
    pub fn ge(path: AttrPath, literal: impl Into<Literal>) -> Self {
        Self::Compare(path, CompareOp::Ge, literal.into())
    }

    /// `path lt literal`.
    #[must_use]
    pub fn lt(path: AttrPath, literal: impl Into<Literal>) -> Self {
        Self::Compare(path, CompareOp::Lt, literal.into())
    }

    /// `path le literal`.
    #[must_use]
    pub fn le(path: AttrPath, literal: impl Into<Literal>) -> Self {
        Self::Compare(path, CompareOp::Le, literal.into())
    }

    /// `path[filter]`.
    #[must_use]
    pub fn path(path: AttrPath, filter: Self) -> Self {
        Self::Path(path, Box::new(filter))
    }

    /// `self and other`, taking in the operands of either that is an `and` itself.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut operands = Vec::with_capacity(2);
        self.flatten_and(&mut operands);
        other.flatten_and(&mut operands);
        Self::And(operands)
    }

    /// `self or other`, taking in the operands of either that is an `or` itself.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let mut operands = Vec::with_capacity(2);
        self.flatten_or(&mut operands);
        other.flatten_or(&mut operands);
        Self::Or(operands)
    }

    /// `not (self)`.
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "a builder beside `and` and `or`")]
    pub fn not(self) -> Self {
        Self::Not(Box::new(self))
    }

    #[inline]
    pub(crate) fn flatten_and(self, operands: &mut Vec<Self>) {
        match self {
            Self::And(nested) => operands.extend(nested),
            _ => operands.push(self),
        }
    }

    #[inline]
    pub(crate) fn flatten_or(self, operands: &mut Vec<Self>) {
        match self {
            Self::Or(nested) => operands.extend(nested),
            _ => operands.push(self),
        }
    }
}

impl CompareOp {
    /// Every operator.
    pub const ALL: [Self; 9] = [
        Self::Eq,
        Self::Ne,
        Self::Co,
        Self::Sw,
        Self::Ew,
        Self::Gt,
        Self::Ge,
        Self::Lt,
        Self::Le,
    ];

    /// The operator's keyword, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }
}

impl Literal {
    /// The word for the literal's type, for messages.
    pub(crate) fn type_name(&self) -> &'static str {
        Value::from(self).type_name()
    }
}

impl fmt::Display for CompareOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Literal {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Literal {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<SmolStr> for Literal {
    fn from(text: SmolStr) -> Self {
        Self::String(text)
    }
}
