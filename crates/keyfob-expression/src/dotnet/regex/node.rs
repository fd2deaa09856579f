//! The tree of a pattern.

use super::{groups::Group, set::Set};

/// A part of a pattern.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// One code unit of a set.
    Set(Set),
    Assertion(Assertion),
    /// One after the other, in the order of the text.
    Sequence(Vec<Node>),
    /// The first that leads to a match.
    Alternatives(Vec<Node>),
    Capture(Group, Box<Node>),
    Atomic(Box<Node>),
    Look {
        node: Box<Node>,
        is_behind: bool,
        is_negated: bool,
    },
    Repeat {
        node: Box<Node>,
        least: u32,
        most: Option<u32>,
        is_lazy: bool,
    },
    /// The text of a group once more.
    Reference {
        group: Group,
        ignores_case: bool,
    },
    /// The first branch if the group has taken something, else the second.
    IfCaptured {
        group: Group,
        branches: Box<[Node; 2]>,
    },
    /// The first branch if the condition matches here, else the second.
    IfMatched {
        condition: Box<Node>,
        branches: Box<[Node; 2]>,
    },
}

/// A demand on a position of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assertion {
    /// `\A`, and `^` outside of lines.
    Start,
    /// `\z`
    End,
    /// `\Z`, and `$` outside of lines: the end, or the line feed there.
    EndOrLineFeed,
    /// `^` of lines.
    LineStart,
    /// `$` of lines.
    LineEnd,
    /// `\b`, or `\B` where it is negated.
    Boundary { is_negated: bool },
    /// `\G`: where the search began.
    SearchStart,
}

impl Node {
    /// A part that takes nothing.
    pub(super) fn empty() -> Self {
        Self::Sequence(Vec::new())
    }
}
