//! Looks whether a write whose fate is unknown was carried out.

use std::borrow::Cow;

use keyfob_core::{
    Attribute, DateTime, Dialect, Resource, ResourceType, SchemaUri, Value,
    message::PatchRequest,
    schema::{AttributeType, Mutability, RelationKind, Returned},
};
use keyfob_filter::{CompareOp, Filter};
use keyfob_patch::{Applied, Plan};

/// Returns true if the resource that the server holds has everything that was sent.
///
/// What the server may set itself, never shows or does not know is no part of the comparison.
pub(crate) fn holds(held: &Resource, sent: &Resource, resource_type: &ResourceType, members: bool) -> bool {
    let attributes = resource_type.attributes().all(|(uri, attribute)| {
        if !is_shown(attribute)
            || ["id", "meta", "schemas"]
                .iter()
                .any(|name| attribute.name.is(name))
        {
            return true;
        }
        let of = |resource: &'_ Resource| value_of(resource, uri, attribute).map(Cow::into_owned);
        match of(sent).filter(|value| !value.is_unassigned()) {
            None => true,
            Some(sent) => of(held).is_some_and(|held| value_holds(attribute, &held, &sent)),
        }
    });
    let relations = resource_type
        .relations()
        .iter()
        .filter(|relation| relation.kind == RelationKind::Owned);
    attributes
        && relations.filter(|_| members).all(|relation| {
            let name = relation.attribute.name.as_str();
            let held = held.relation(name);
            sent.relation(name).is_none_or(|sent| {
                sent.iter()
                    .all(|(id, _)| held.is_some_and(|held| held.contains(id)))
            })
        })
}

fn is_shown(attribute: &Attribute) -> bool {
    !matches!(attribute.mutability, Mutability::ReadOnly | Mutability::WriteOnly)
        && !matches!(attribute.returned, Returned::Never | Returned::Request)
}

fn value_of<'r>(
    resource: &'r Resource,
    uri: Option<&SchemaUri>,
    attribute: &Attribute,
) -> Option<Cow<'r, Value>> {
    let object = match uri {
        None => resource.core(),
        Some(uri) => resource.extension(uri)?,
    };
    object.get(attribute.name.as_str()).map(Cow::Borrowed)
}

fn value_holds(attribute: &Attribute, held: &Value, sent: &Value) -> bool {
    let held = held.as_elements();
    sent.as_elements()
        .iter()
        .all(|sent| held.iter().any(|held| element_holds(attribute, held, sent)))
}

fn element_holds(attribute: &Attribute, held: &Value, sent: &Value) -> bool {
    match (held, sent) {
        (Value::Object(held), Value::Object(sent)) => attribute.sub_attributes.iter().all(|sub| {
            let name = sub.name.as_str();
            match sent
                .get(name)
                .filter(|value| is_shown(sub) && !value.is_unassigned())
            {
                None => true,
                // An absent `primary` is false (RFC 7643 section 2.4).
                Some(Value::Bool(false)) => held.get(name).is_none_or(|held| *held == Value::Bool(false)),
                Some(sent) => held.get(name).is_some_and(|held| value_holds(sub, held, sent)),
            }
        }),
        (Value::String(held), Value::String(sent)) => {
            let same_instant = || {
                let (held, sent) = (held.parse::<DateTime>(), sent.parse());
                attribute.kind == AttributeType::DateTime && held.is_ok() && held == sent
            };
            attribute.compare_key(held) == attribute.compare_key(sent) || same_instant()
        }
        (held, sent) => held == sent,
    }
}

/// Returns true if carrying out the request would change nothing: it was carried out.
pub(crate) fn is_carried_out(request: &PatchRequest, held: &Resource, resource_type: &ResourceType) -> bool {
    let mut held = held.clone();
    Plan::compile(request.clone(), resource_type, Dialect::interop())
        .and_then(|plan| plan.apply(&mut held))
        .is_ok_and(|applied| applied == Applied::Unchanged)
}

/// Returns true if a resource shows a value that contradicts an equality of the filter: then the server did not go by it.
pub(crate) fn contradicts(filter: &Filter, resource: &Resource, resource_type: &ResourceType) -> bool {
    match filter {
        Filter::And(filters) => filters
            .iter()
            .any(|filter| contradicts(filter, resource, resource_type)),
        Filter::Compare(path, CompareOp::Eq, _) | Filter::Path(path, _) => {
            let shown = Filter::pr(path.clone());
            matches(&shown, resource, resource_type) == Some(true)
                && matches(filter, resource, resource_type) == Some(false)
        }
        _ => false,
    }
}

/// Returns whether the filter holds; `None` where that is for the server to judge, as of attributes that are not known.
fn matches(filter: &Filter, resource: &Resource, resource_type: &ResourceType) -> Option<bool> {
    let predicate = filter.compile(resource_type, Dialect::interop()).ok()?;
    Some(predicate.matches(resource))
}
