//! `active` of users that were stored without it: they are active, in what clients see and in what filters find.
//!
//! Whatever writes a user through an engine stores `active` with it; a store may hold others.

use keyfob_core::{AttrPath, Dialect, Resource, ResourceType, Value, schema::Target};
use keyfob_filter::{CompareOp, Filter, Literal};

use super::is_user;

/// The attribute that says over SCIM whether a user is active (RFC 7643 section 4.1.1).
pub const ACTIVE: &str = "active";

/// Returns the word of a document on whether its user is active, if it has one.
#[must_use]
pub fn said_active(document: &Resource) -> Option<bool> {
    document.core().get(ACTIVE).and_then(Value::as_bool)
}

/// Returns true if a user is active: unless its document says that it is not.
#[must_use]
pub fn is_active(document: &Resource) -> bool {
    said_active(document).unwrap_or(true)
}

/// Has a user say whether it is active.
pub(crate) fn show_active(resource: &mut Resource, resource_type: &ResourceType) {
    if is_user(resource_type) && resource.core().get(ACTIVE).is_none() {
        resource.core_mut().insert(ACTIVE, true);
    }
}

/// The filter that finds what this one finds where a user that doesn't say so is active; none where it makes no
/// difference.
pub(crate) fn with_active(filter: &Filter, resource_type: &ResourceType, dialect: Dialect) -> Option<Filter> {
    let asks = is_user(resource_type) && mentions(filter);
    asks.then(|| Users(resource_type, dialect).filter(filter))
}

fn mentions(filter: &Filter) -> bool {
    match filter {
        Filter::Present(path) | Filter::Compare(path, ..) => path.name().is(ACTIVE),
        Filter::And(operands) | Filter::Or(operands) => operands.iter().any(mentions),
        Filter::Not(operand) => mentions(operand),
        Filter::Path(..) => false,
    }
}

struct Users<'r>(&'r ResourceType, Dialect);

impl Users<'_> {
    fn filter(&self, filter: &Filter) -> Filter {
        match filter {
            Filter::Present(path) if self.is_active(path) => always(path),
            Filter::Compare(path, op, literal) if self.is_active(path) => compare(path, *op, literal),
            Filter::And(operands) => {
                Filter::And(operands.iter().map(|operand| self.filter(operand)).collect())
            }
            Filter::Or(operands) => Filter::Or(operands.iter().map(|operand| self.filter(operand)).collect()),
            Filter::Not(operand) => self.filter(operand).not(),
            other => other.clone(),
        }
    }

    fn is_active(&self, path: &AttrPath) -> bool {
        let Some(active) = self.0.attribute(ACTIVE) else {
            return false;
        };
        matches!(
            self.0.resolve(path, self.1),
            Ok(Target::Attribute(found)) if std::ptr::eq(found.leaf(), active)
        )
    }
}

/// `ne false` holds where there is no value, and `eq false` doesn't (RFC 7644 section 3.4.2.2).
fn compare(path: &AttrPath, op: CompareOp, literal: &Literal) -> Filter {
    let not_false = match literal {
        Literal::Bool(true) => Some(Literal::Bool(false)),
        Literal::String(text) if text.eq_ignore_ascii_case("true") => Some(Literal::from("false")),
        _ => None,
    };
    match (op, literal, not_false) {
        (CompareOp::Eq, _, Some(not_false)) => Filter::ne(path.clone(), not_false),
        (CompareOp::Ne, _, Some(not_false)) => Filter::eq(path.clone(), not_false),
        (CompareOp::Eq, Literal::Null, _) => always(path).not(),
        (CompareOp::Ne, Literal::Null, _) => always(path),
        _ => Filter::Compare(path.clone(), op, literal.clone()),
    }
}

fn always(path: &AttrPath) -> Filter {
    Filter::pr(path.clone()).or(Filter::pr(path.clone()).not())
}
