//! Expressions as trees.

use keyfob_expression::Decimal;
use smol_str::SmolStr;

use super::{function::Function, method::Method};

/// A part of an expression. Operands of one operator stand side by side, and so do the arms of `a ? b : c ? d : e`, so
/// that a long expression is no deeper than a short one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Integer(i64),
    Decimal(Decimal),
    Text(SmolStr),
    List(Vec<Node>),
    /// `{"key": value}`.
    Map(Vec<(SmolStr, Node)>),
    /// `user.firstName`, or a name alone.
    Attribute(SmolStr),
    /// `findDirectoryUser().managerUpn`: an attribute of what something else gives.
    Member(Box<Node>, SmolStr),
    Call(Function, Vec<Node>),
    /// `user.login.substringBefore("@")`: a method of a value.
    Method(Box<Node>, Method, Vec<Node>),
    /// `list[0]`.
    Index(Box<Node>, Box<Node>),
    /// `list.![name]`: an attribute of each element.
    Projection(Box<Node>, SmolStr),
    Not(Box<Node>),
    Negative(Box<Node>),
    /// The first operand and what is added to it or taken from it.
    Sum(Box<Node>, Vec<(Sign, Node)>),
    Compare(Comparison, Box<Node>, Box<Node>),
    /// `text matches pattern`.
    Matches(Box<Node>, Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    /// `condition ? value : …`, and the value where no condition holds.
    Choose(Vec<(Node, Node)>, Box<Node>),
    /// `value ?: other`.
    Elvis(Box<Node>, Box<Node>),
}

/// The sign of a further operand of a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

/// A comparison operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

impl Node {
    /// All of these hold. An operand that is a conjunction itself becomes a part of this one.
    pub(super) fn and(left: Self, right: Self) -> Self {
        let mut operands = Vec::new();
        for operand in [left, right] {
            match operand {
                Self::And(inner) => operands.extend(inner),
                operand => operands.push(operand),
            }
        }
        Self::And(operands)
    }

    /// One of these holds.
    pub(super) fn or(left: Self, right: Self) -> Self {
        let mut operands = Vec::new();
        for operand in [left, right] {
            match operand {
                Self::Or(inner) => operands.extend(inner),
                operand => operands.push(operand),
            }
        }
        Self::Or(operands)
    }

    /// The sum, which goes on where the left operand is a sum: addition starts at the left in any case.
    pub(super) fn sum(left: Self, sign: Sign, right: Self) -> Self {
        match left {
            Self::Sum(first, mut further) => {
                further.push((sign, right));
                Self::Sum(first, further)
            }
            left => Self::Sum(Box::new(left), vec![(sign, right)]),
        }
    }

    /// The arms, and after them those of what is chosen otherwise.
    pub(super) fn choose(mut arms: Vec<(Self, Self)>, otherwise: Self) -> Self {
        match otherwise {
            otherwise if arms.is_empty() => otherwise,
            Self::Choose(further, otherwise) => {
                arms.extend(further);
                Self::Choose(arms, otherwise)
            }
            otherwise => Self::Choose(arms, Box::new(otherwise)),
        }
    }

    /// The number below zero. A literal takes the sign up, so that each number is one literal.
    pub(super) fn negative(operand: Self) -> Self {
        match operand {
            Self::Integer(number) if number > 0 => Self::Integer(-number),
            Self::Decimal(number) => match Decimal::parse(&format!("-{number}")) {
                Some(negative) => Self::Decimal(negative),
                None => Self::Negative(Box::new(Self::Decimal(number))),
            },
            operand => Self::Negative(Box::new(operand)),
        }
    }
}
