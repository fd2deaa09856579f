//! Filters as text: the canonical form, s-expressions and JSON.

use std::fmt::{self, Write};

use keyfob_core::{Object, Value, json};
use smol_str::SmolStr;

use crate::ast::{Filter, Literal};

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present(path) => write!(f, "{path} pr"),
            Self::Compare(path, op, literal) => write!(f, "{path} {op} {literal}"),
            Self::And(operands) => joined(f, operands, " and ", |operand| {
                matches!(operand, Self::And(_) | Self::Or(_))
            }),
            Self::Or(operands) => joined(f, operands, " or ", |operand| matches!(operand, Self::Or(_))),
            Self::Not(operand) => write!(f, "not ({operand})"),
            Self::Path(path, filter) => write!(f, "{path}[{filter}]"),
        }
    }
}

fn joined(
    f: &mut fmt::Formatter<'_>,
    operands: &[Filter],
    separator: &str,
    needs_parentheses: impl Fn(&Filter) -> bool,
) -> fmt::Result {
    // A join of nothing, which only code can make, must not read as no filter at all.
    if operands.is_empty() {
        return f.write_str("()");
    }
    for (index, operand) in operands.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        if needs_parentheses(operand) {
            write!(f, "({operand})")?;
        } else {
            write!(f, "{operand}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Decimal(number) => f.write_str(&serde_json::to_string(number).map_err(|_| fmt::Error)?),
            Self::String(text) => f.write_str(&serde_json::to_string(text.as_str()).map_err(|_| fmt::Error)?),
        }
    }
}

impl From<&Literal> for Value {
    fn from(literal: &Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(value) => Self::Bool(*value),
            Literal::Integer(number) => Self::Integer(*number),
            Literal::Decimal(number) => Self::Decimal(*number),
            Literal::String(text) => Self::String(text.clone()),
        }
    }
}

impl Filter {
    /// The tree as one s-expression: `(and (pr title) (eq userType "Employee"))`.
    ///
    /// ```
    /// use keyfob_filter::Filter;
    ///
    /// let filter = Filter::parse(r#"emails[type eq "work"] or not (title pr)"#)?;
    /// assert_eq!(filter.to_sexpr(), r#"(or (path emails (eq type "work")) (not (pr title)))"#);
    /// # Ok::<(), keyfob_filter::ParseError>(())
    /// ```
    #[must_use]
    pub fn to_sexpr(&self) -> String {
        Sexpr(self).to_string()
    }

    /// The tree as JSON, in which `op` says what an object is.
    ///
    /// A presence test is `{"op": "pr", "path": …}`, a comparison `{"op": "eq", "path": …, "value": …}`, `and` and
    /// `or` have `filters`, `not` has a `filter`, and a value path is `{"op": "path", "path": …, "filter": …}`.
    ///
    /// ```
    /// use keyfob_filter::Filter;
    ///
    /// let filter = Filter::parse("emails[primary eq true] and title pr")?;
    /// assert_eq!(
    ///     filter.to_json(),
    ///     concat!(
    ///         r#"{"op":"and","filters":[{"op":"path","path":"emails","#,
    ///         r#""filter":{"op":"eq","path":"primary","value":true}},{"op":"pr","path":"title"}]}"#,
    ///     ),
    /// );
    /// # Ok::<(), keyfob_filter::ParseError>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        String::from_utf8(json::object_to_vec(&self.to_object())).unwrap_or_default()
    }

    fn to_object(&self) -> Object {
        let mut object = Object::new();
        let text = |text: &dyn fmt::Display| SmolStr::from(text.to_string());
        match self {
            Self::Present(path) => {
                object.insert("op", "pr");
                object.insert("path", text(path));
            }
            Self::Compare(path, op, literal) => {
                object.insert("op", op.as_str());
                object.insert("path", text(path));
                object.insert("value", literal);
            }
            Self::And(operands) | Self::Or(operands) => {
                let keyword = if matches!(self, Self::And(_)) { "and" } else { "or" };
                let mut filters: Vec<Value> = Vec::with_capacity(operands.len());
                for operand in operands {
                    filters.push(operand.to_object().into());
                }
                object.insert("op", keyword);
                object.insert("filters", filters);
            }
            Self::Not(filter) => {
                object.insert("op", "not");
                object.insert("filter", filter.to_object());
            }
            Self::Path(path, filter) => {
                object.insert("op", "path");
                object.insert("path", text(path));
                object.insert("filter", filter.to_object());
            }
        }
        object
    }
}

struct Sexpr<'f>(&'f Filter);

impl fmt::Display for Sexpr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operands = |f: &mut fmt::Formatter<'_>, keyword: &str, operands: &[Filter]| {
            write!(f, "({keyword}")?;
            for operand in operands {
                write!(f, " {}", Sexpr(operand))?;
            }
            f.write_char(')')
        };
        match self.0 {
            Filter::Present(path) => write!(f, "(pr {path})"),
            Filter::Compare(path, op, literal) => write!(f, "({op} {path} {literal})"),
            Filter::And(filters) => operands(f, "and", filters),
            Filter::Or(filters) => operands(f, "or", filters),
            Filter::Not(filter) => write!(f, "(not {})", Sexpr(filter)),
            Filter::Path(path, filter) => write!(f, "(path {path} {})", Sexpr(filter)),
        }
    }
}
