//! The operators of scoping filters.

use std::fmt;

/// An operator of a scoping filter's clause.
///
/// Every one but [`IsNull`](Self::IsNull) is false of an attribute that has no value or an empty one. Texts are
/// compared exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operator {
    /// `&`: the clause's text contains the attribute's.
    PartOf,
    /// `!&`: it does not.
    NotPartOf,
    /// `ENDS_WITH`.
    EndsWith,
    /// `EQUALS`.
    Equals,
    /// `Greater_Than`, of integers.
    GreaterThan,
    /// `Greater_Than_OR_EQUALS`, of integers.
    GreaterThanOrEquals,
    /// `Includes`: the attribute's text contains the clause's.
    Includes,
    /// `IS FALSE`.
    IsFalse,
    /// `IS NOT NULL`.
    IsNotNull,
    /// `IS NULL`.
    IsNull,
    /// `IS TRUE`.
    IsTrue,
    /// `NOT EQUALS`.
    NotEquals,
    /// `NOT REGEX MATCH`.
    NotRegexMatch,
    /// `REGEX MATCH`: the pattern matches somewhere in the text.
    RegexMatch,
}

impl Operator {
    /// Every operator, in the order of the portal.
    pub const ALL: [Self; 14] = [
        Self::PartOf,
        Self::NotPartOf,
        Self::EndsWith,
        Self::Equals,
        Self::GreaterThan,
        Self::GreaterThanOrEquals,
        Self::Includes,
        Self::IsFalse,
        Self::IsNotNull,
        Self::IsNull,
        Self::IsTrue,
        Self::NotEquals,
        Self::NotRegexMatch,
        Self::RegexMatch,
    ];

    /// The operator in the portal's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PartOf => "&",
            Self::NotPartOf => "!&",
            Self::EndsWith => "ENDS_WITH",
            Self::Equals => "EQUALS",
            Self::GreaterThan => "Greater_Than",
            Self::GreaterThanOrEquals => "Greater_Than_OR_EQUALS",
            Self::Includes => "Includes",
            Self::IsFalse => "IS FALSE",
            Self::IsNotNull => "IS NOT NULL",
            Self::IsNull => "IS NULL",
            Self::IsTrue => "IS TRUE",
            Self::NotEquals => "NOT EQUALS",
            Self::NotRegexMatch => "NOT REGEX MATCH",
            Self::RegexMatch => "REGEX MATCH",
        }
    }

    /// The operator of this name, in any case and with blanks, underscores or nothing between its words: the portal
    /// itself does not spell them alike.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters = |text: &'_ str| -> String {
            let kept = text.chars().filter(|letter| !matches!(letter, ' ' | '_'));
            kept.map(|letter| letter.to_ascii_lowercase()).collect()
        };
        let wanted = letters(text);
        Self::ALL
            .into_iter()
            .find(|operator| letters(operator.as_str()) == wanted)
    }

    /// Returns true if it stands alone, without a text to compare with.
    #[must_use]
    pub fn is_unary(self) -> bool {
        matches!(
            self,
            Self::IsFalse | Self::IsNotNull | Self::IsNull | Self::IsTrue
        )
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_read_in_every_spelling_of_the_portal_and_the_documentation() {
        for (text, operator) in [
            ("EQUALS", Operator::Equals),
            ("NOT EQUALS", Operator::NotEquals),
            ("NOTEQUALS", Operator::NotEquals),
            ("ENDS_WITH", Operator::EndsWith),
            ("Greater_Than", Operator::GreaterThan),
            ("Greater_Than_OR_EQUALS", Operator::GreaterThanOrEquals),
            ("GREATER THAN", Operator::GreaterThan),
            ("is not null", Operator::IsNotNull),
            ("!&", Operator::NotPartOf),
        ] {
            assert_eq!(Operator::parse(text), Some(operator), "{text}");
        }
        for operator in Operator::ALL {
            assert_eq!(Operator::parse(&operator.to_string()), Some(operator));
        }
        assert_eq!(Operator::parse("IsMemberOf"), None);
    }
}
