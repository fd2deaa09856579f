//! Evaluation of conditions over resources, values and members, without allocating but for texts that have to be composed.

use std::cmp::Ordering;

use keyfob_core::{
    Collation, CompareKey, DateTime, Member, MemberSet, Object, Resource, ResourceId, SchemaUri, Value,
};

use crate::{
    ast::CompareOp,
    condition::{Comparand, Comparison, Condition, Part, Place, Text},
    fold,
    lookup::{Lookup, conjuncts},
    shown::Shown,
};

/// What a condition is asked of.
#[derive(Clone, Copy)]
pub(crate) enum Scope<'r> {
    Resource(&'r Resource),
    Value(&'r Value),
    Member(&'r ResourceId, &'r Member),
    Schema(&'r SchemaUri),
}

/// A single value, wherever it is kept.
#[derive(Clone, Copy)]
enum Leaf<'r> {
    Value(&'r Value),
    Text(&'r str),
}

impl Condition {
    /// Whether it holds. The recursion follows the parentheses of the filter, which the parser bounds.
    pub(crate) fn holds(&self, scope: Scope<'_>, shown: Option<&Shown>) -> bool {
        match self {
            Self::And(operands) => operands.iter().all(|operand| operand.holds(scope, shown)),
            Self::Or(alternatives) => match alternatives.lookup() {
                Some(lookup) => lookup.finds(scope, shown),
                None => alternatives.iter().any(|operand| operand.holds(scope, shown)),
            },
            Self::Not(operand) => !operand.holds(scope, shown),
            Self::Present(place) => is_present(place, scope, shown),
            Self::ExtensionPresent(uri) => match scope {
                Scope::Resource(resource) => resource.extension(uri).is_some_and(any_assigned),
                _ => false,
            },
            Self::Comparison(comparison) => comparison.holds(scope, shown),
            Self::Element(place, condition) => match scope {
                Scope::Resource(resource) => any_element(place, condition, resource, shown),
                _ => false,
            },
        }
    }
}

/// Whether some element of the attribute satisfies the condition.
fn any_element(place: &Place, condition: &Condition, resource: &Resource, shown: Option<&Shown>) -> bool {
    match place.part {
        Part::Document => document_value(place, resource).is_some_and(|value| {
            value
                .as_elements()
                .iter()
                .any(|element| condition.holds(Scope::Value(element), shown))
        }),
        Part::Relation => resource
            .relation(place.attribute.as_str())
            .is_some_and(|members| any_member(members, condition, shown)),
        Part::Schemas => resource
            .schemas()
            .iter()
            .any(|uri| condition.holds(Scope::Schema(uri), shown)),
        Part::Location | Part::Version => false,
    }
}

/// Whether some member satisfies the condition: the one that it names by its id, or else any.
fn any_member(members: &MemberSet, condition: &Condition, shown: Option<&Shown>) -> bool {
    if let Condition::Or(operands) = condition {
        return operands.iter().any(|operand| any_member(members, operand, shown));
    }
    if let Some(id) = conjuncts(condition).iter().find_map(member_id) {
        return members
            .get(&id)
            .is_some_and(|member| condition.holds(Scope::Member(&id, member), shown));
    }
    members
        .iter()
        .any(|(id, member)| condition.holds(Scope::Member(id, member), shown))
}

/// The id that a member has to have to satisfy the condition.
fn member_id(condition: &Condition) -> Option<ResourceId> {
    let Condition::Comparison(comparison) = condition else {
        return None;
    };
    let is_value = comparison.place.sub.as_ref().is_some_and(|sub| sub.is("value"));
    comparison.equal_text().filter(|_| is_value)?.as_id()
}

fn document_value<'r>(place: &Place, resource: &'r Resource) -> Option<&'r Value> {
    let object = match &place.extension {
        None => resource.core(),
        Some(uri) => resource.extension(uri)?,
    };
    object.get(place.attribute.as_str())
}

fn is_present(place: &Place, scope: Scope<'_>, shown: Option<&Shown>) -> bool {
    match (scope, place.part, &place.sub) {
        (Scope::Resource(resource), Part::Relation, None) => resource
            .relation(place.attribute.as_str())
            .is_some_and(|members| !members.is_empty()),
        (Scope::Resource(resource), Part::Document, None) => {
            document_value(place, resource).is_some_and(is_assigned)
        }
        _ => any(place, scope, shown, |leaf| match leaf {
            Leaf::Text(_) => true,
            Leaf::Value(value) => is_assigned(value),
        }),
    }
}

/// Whether a value is one: `null`, `[]` and what holds nothing else are none (RFC 7643 section 2.5).
fn is_assigned(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(values) => values.iter().any(is_assigned),
        Value::Object(object) => any_assigned(object),
        _ => true,
    }
}

fn any_assigned(object: &Object) -> bool {
    object.iter().any(|(_, value)| is_assigned(value))
}

/// Whether some single value at the place is as asked for.
fn any(place: &Place, scope: Scope<'_>, shown: Option<&Shown>, satisfies: impl Fn(Leaf<'_>) -> bool) -> bool {
    let any_value = |value: &Value| {
        value
            .as_elements()
            .iter()
            .any(|element| satisfies(Leaf::Value(element)))
    };
    let any_in = |element: &Value| match &place.sub {
        None => satisfies(Leaf::Value(element)),
        Some(sub) => element
            .as_object()
            .and_then(|object| object.get(sub.as_str()))
            .is_some_and(any_value),
    };
    let any_of_member = |id: &ResourceId, member: &Member| {
        let Some(sub) = &place.sub else {
            return false;
        };
        let text = match sub.as_str() {
            "value" => Some(id.as_str()),
            "type" => member.kind.as_deref(),
            "display" => member.display.as_deref(),
            "$ref" => match shown {
                None => member.reference.as_deref(),
                Some(shown) => {
                    let address = shown.reference(&place.attribute, id, member);
                    return address.is_some_and(|address| satisfies(Leaf::Text(&address)));
                }
            },
            other => {
                let value = member.other.as_ref().and_then(|object| object.get(other));
                return value.is_some_and(any_value);
            }
        };
        text.is_some_and(|text| satisfies(Leaf::Text(text)))
    };
    match scope {
        Scope::Resource(resource) => match place.part {
            Part::Document => {
                document_value(place, resource).is_some_and(|value| value.as_elements().iter().any(any_in))
            }
            Part::Relation => resource
                .relation(place.attribute.as_str())
                .is_some_and(|members| members.iter().any(|(id, member)| any_of_member(id, member))),
            Part::Schemas => resource
                .schemas()
                .iter()
                .any(|uri| satisfies(Leaf::Text(uri.as_str()))),
            Part::Location => shown
                .and_then(|shown| shown.location(resource))
                .is_some_and(|location| satisfies(Leaf::Text(&location))),
            Part::Version => shown
                .and_then(|shown| shown.version(resource))
                .is_some_and(|version| satisfies(Leaf::Text(&version))),
        },
        Scope::Value(element) => any_in(element),
        Scope::Member(id, member) => any_of_member(id, member),
        Scope::Schema(uri) => satisfies(Leaf::Text(uri.as_str())),
    }
}

impl Lookup<'_> {
    /// Returns true if some value has one of the keys. A value is looked for and prepared once, however many they are.
    fn finds(&self, scope: Scope<'_>, shown: Option<&Shown>) -> bool {
        any(self.place(), scope, shown, |leaf| {
            leaf.text()
                .is_some_and(|text| CompareKey::is_among(self.collation(), text, self.keys()))
        })
    }
}

impl Leaf<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Value(value) => value.as_str(),
        }
    }
}

impl Comparison {
    fn holds(&self, scope: Scope<'_>, shown: Option<&Shown>) -> bool {
        any(&self.place, scope, shown, |leaf| self.holds_of(leaf))
    }

    fn holds_of(&self, leaf: Leaf<'_>) -> bool {
        if self.op == CompareOp::Ne {
            return !self.compares(CompareOp::Eq, leaf);
        }
        self.compares(self.op, leaf)
    }

    fn compares(&self, op: CompareOp, leaf: Leaf<'_>) -> bool {
        let text = leaf.text();
        match &self.comparand {
            Comparand::Text(comparand) => text.is_some_and(|text| comparand.compares(op, text)),
            Comparand::Instant(instant, _) => {
                let value = text.and_then(|text| text.parse::<DateTime>().ok());
                value.is_some_and(|value| satisfies(op, value.cmp(instant)))
            }
            Comparand::Bool(expected) => {
                matches!(leaf, Leaf::Value(Value::Bool(value)) if value == expected)
            }
            Comparand::Integer(_) | Comparand::Decimal(_) => match leaf {
                Leaf::Value(value) => {
                    compare_numbers(value, &self.comparand).is_some_and(|ordering| satisfies(op, ordering))
                }
                Leaf::Text(_) => false,
            },
        }
    }
}

impl Text {
    fn compares(&self, op: CompareOp, text: &str) -> bool {
        if matches!(op, CompareOp::Eq | CompareOp::Ne) {
            return self.key.is_of(self.collation, text);
        }
        let wanted = self.key.text(self.collation);
        let text = &*self.collation.compose(text);
        match (op, self.collation) {
            (CompareOp::Co, Collation::Exact) => text.contains(wanted),
            (CompareOp::Sw, Collation::Exact) => text.starts_with(wanted),
            (CompareOp::Ew, Collation::Exact) => text.ends_with(wanted),
            (_, Collation::Exact) => satisfies(op, text.cmp(wanted)),
            (CompareOp::Co, _) => fold::contains(text, wanted, &self.failure),
            (CompareOp::Sw, _) => fold::starts_with(text, wanted),
            (CompareOp::Ew, _) => fold::ends_with(text, wanted),
            _ => satisfies(op, fold::compare(text, wanted)),
        }
    }
}

/// Whether the ordering of a value against the comparand is the one that the operator asks for.
fn satisfies(op: CompareOp, ordering: Ordering) -> bool {
    match op {
        CompareOp::Gt => ordering.is_gt(),
        CompareOp::Ge => ordering.is_ge(),
        CompareOp::Lt => ordering.is_lt(),
        CompareOp::Le => ordering.is_le(),
        CompareOp::Eq => ordering.is_eq(),
        CompareOp::Ne | CompareOp::Co | CompareOp::Sw | CompareOp::Ew => false,
    }
}

fn compare_numbers(value: &Value, comparand: &Comparand) -> Option<Ordering> {
    match (value, comparand) {
        (Value::Integer(left), Comparand::Integer(right)) => Some(left.cmp(right)),
        (Value::Integer(left), Comparand::Decimal(right)) => compare_mixed(*left, *right),
        (Value::Decimal(left), Comparand::Integer(right)) => {
            compare_mixed(*right, *left).map(Ordering::reverse)
        }
        (Value::Decimal(left), Comparand::Decimal(right)) => left.partial_cmp(right),
        _ => None,
    }
}

/// How an integer compares with a decimal number, exactly: a conversion of either would round.
fn compare_mixed(integer: i64, decimal: f64) -> Option<Ordering> {
    /// 2⁶³, beyond which no integer is.
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    if decimal.is_nan() {
        return None;
    }
    if decimal >= BOUND {
        return Some(Ordering::Less);
    }
    if decimal < -BOUND {
        return Some(Ordering::Greater);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked above")]
    let whole = decimal.trunc() as i64;
    Some(
        integer
            .cmp(&whole)
            .then_with(|| 0.0_f64.total_cmp(&(decimal.fract() + 0.0))),
    )
}
