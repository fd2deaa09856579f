//! Expressions as text, in the form of Microsoft Graph.

use std::fmt::{self, Write as _};

use super::Expression;

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attribute(name) => write!(f, "[{name}]"),
            Self::Text(text) => {
                f.write_char('"')?;
                for character in text.chars() {
                    if matches!(character, '"' | '\\') {
                        f.write_char('\\')?;
                    }
                    f.write_char(character)?;
                }
                f.write_char('"')
            }
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => write!(f, "{word}"),
            Self::Parameter(name) => write!(f, "%{name}%"),
            Self::Call { function, arguments } => {
                write!(f, "{function}(")?;
                for (index, argument) in arguments.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    if let Some(argument) = argument {
                        write!(f, "{argument}")?;
                    }
                }
                f.write_char(')')
            }
            Self::Comparison(comparison) => write!(
                f,
                "{} {} {}",
                comparison.left, comparison.operator, comparison.right
            ),
        }
    }
}
