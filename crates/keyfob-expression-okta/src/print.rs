//! Expressions as text, in one spelling.

use std::fmt::{self, Write as _};

use super::{
    function::Function,
    node::{Node, Sign},
};

/// A place in an expression, which demands that what stands there binds so strongly, or has parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Whole,
    Or,
    And,
    Compare,
    Sum,
    Prefix,
    Postfix,
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self, Place::Whole)
    }
}

fn place_of(node: &Node) -> Place {
    match node {
        Node::Choose(..) | Node::Elvis(..) => Place::Whole,
        Node::Or(_) => Place::Or,
        Node::And(_) => Place::And,
        Node::Compare(..) | Node::Matches(..) => Place::Compare,
        Node::Sum(..) => Place::Sum,
        Node::Not(_) | Node::Negative(_) => Place::Prefix,
        Node::Integer(number) if *number < 0 => Place::Prefix,
        Node::Decimal(number) if number.as_str().starts_with('-') => Place::Prefix,
        _ => Place::Postfix,
    }
}

/// Writes a node where what binds less than `place` stands in parentheses.
fn write(f: &mut fmt::Formatter<'_>, node: &Node, place: Place) -> fmt::Result {
    if place_of(node) < place {
        f.write_char('(')?;
        bare(f, node)?;
        return f.write_char(')');
    }
    bare(f, node)
}

fn bare(f: &mut fmt::Formatter<'_>, node: &Node) -> fmt::Result {
    match node {
        Node::Null => f.write_str("null"),
        Node::Bool(value) => write!(f, "{value}"),
        Node::Integer(number) => write!(f, "{number}"),
        Node::Decimal(number) => write!(f, "{number}"),
        Node::Text(text) => quoted(f, text),
        Node::Attribute(path) => f.write_str(path),
        Node::List(elements) => {
            f.write_char('{')?;
            separated(f, elements, ", ", Place::Whole)?;
            f.write_char('}')
        }
        Node::Map(members) => {
            f.write_char('{')?;
            for (index, (key, value)) in members.iter().enumerate() {
                if index > 0 {
                    f.write_str(", ")?;
                }
                quoted(f, key)?;
                write!(f, ": {value}")?;
            }
            f.write_char('}')
        }
        Node::Call(function, arguments) => {
            write!(f, "{}(", function.name())?;
            separated(f, arguments, ", ", Place::Whole)?;
            f.write_char(')')
        }
        Node::Method(of, method, arguments) => {
            // A name before a method's could be read as a function's namespace.
            let is_function = matches!(&**of, Node::Attribute(path) if Function::named(&format!("{path}.{}", method.name())).is_some());
            if is_function {
                write!(f, "({of})")?;
            } else {
                write(f, of, Place::Postfix)?;
            }
            write!(f, ".{}(", method.name())?;
            separated(f, arguments, ", ", Place::Whole)?;
            f.write_char(')')
        }
        Node::Member(of, name) => {
            // An attribute of an attribute would be read as one path.
            if matches!(**of, Node::Attribute(_)) {
                write!(f, "({of})")?;
            } else {
                write(f, of, Place::Postfix)?;
            }
            write!(f, ".{name}")
        }
        Node::Index(of, position) => {
            write(f, of, Place::Postfix)?;
            write!(f, "[{position}]")
        }
        Node::Projection(of, path) => {
            write(f, of, Place::Postfix)?;
            write!(f, ".![{path}]")
        }
        Node::Not(operand) => {
            f.write_char('!')?;
            write(f, operand, Place::Prefix)
        }
        Node::Negative(operand) => {
            let is_negative = place_of(operand) == Place::Prefix && !matches!(**operand, Node::Not(_));
            // `--` would be read as one operator.
            f.write_str(if is_negative { "- " } else { "-" })?;
            write(f, operand, Place::Prefix)
        }
        Node::Sum(first, further) => {
            write(f, first, Place::Sum)?;
            for (sign, operand) in further {
                f.write_str(match sign {
                    Sign::Plus => " + ",
                    Sign::Minus => " - ",
                })?;
                write(f, operand, Place::Prefix)?;
            }
            Ok(())
        }
        Node::Compare(comparison, left, right) => {
            write(f, left, Place::Sum)?;
            write!(f, " {} ", comparison.as_str())?;
            write(f, right, Place::Sum)
        }
        Node::Matches(left, right) => {
            write(f, left, Place::Sum)?;
            f.write_str(" matches ")?;
            write(f, right, Place::Sum)
        }
        Node::And(operands) => separated(f, operands, " AND ", Place::Compare),
        Node::Or(operands) => separated(f, operands, " OR ", Place::And),
        Node::Choose(arms, otherwise) => {
            for (condition, value) in arms {
                write(f, condition, Place::Or)?;
                write!(f, " ? {value} : ")?;
            }
            write!(f, "{otherwise}")
        }
        Node::Elvis(value, otherwise) => {
            write(f, value, Place::Or)?;
            write!(f, " ?: {otherwise}")
        }
    }
}

fn separated(f: &mut fmt::Formatter<'_>, nodes: &[Node], separator: &str, place: Place) -> fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write(f, node, place)?;
    }
    Ok(())
}

/// The text in double quotes, or in single ones where it has double ones itself and nothing has to be doubled so.
fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    if text.contains('"') && !text.contains('\'') {
        return write!(f, "'{text}'");
    }
    f.write_char('"')?;
    f.write_str(&text.replace('"', "\"\""))?;
    f.write_char('"')
}
