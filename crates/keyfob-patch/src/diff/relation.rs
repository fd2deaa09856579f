//! What turns the members of a relation into others.

use keyfob_core::{
    AttrPath, Attribute, MemberSet, Object, Value, message::PatchOperation, schema::Mutability,
};
use keyfob_filter::Filter;

use super::{Place, add, remove, replace};

/// How many members one filter takes out, and after how many bytes of ids it ends. Any server reads as much.
const TERMS: usize = 100;
const BYTES: usize = 8 * 1024;

/// Members are told apart by their ids alone, since one that stays keeps what is known of it.
pub(super) fn compare(
    attribute: &Attribute,
    before: Option<&MemberSet>,
    after: Option<&MemberSet>,
    operations: &mut Vec<PatchOperation>,
) {
    let nobody = MemberSet::new();
    let (before, after) = (before.unwrap_or(&nobody), after.unwrap_or(&nobody));
    let place = Place::new(None, attribute);
    let leaving = || before.iter().map(|(id, _)| id).filter(|id| !after.contains(id));
    let coming = || {
        let coming = after.iter().filter(|(id, _)| !before.contains(id));
        coming.map(|(id, member)| element(attribute, member.clone().into_object(id.clone())))
    };
    let left = leaving().count();
    if left > 0 && left == before.len() {
        let everyone: Vec<Value> = coming().collect();
        operations.push(if everyone.is_empty() {
            remove(place.path(None))
        } else {
            replace(place.path(None), everyone.into())
        });
        return;
    }
    let mut terms = Vec::new();
    let mut bytes = 0;
    for id in leaving() {
        if terms.len() == TERMS || (bytes + id.as_str().len() > BYTES && !terms.is_empty()) {
            operations.push(remove_any(place, std::mem::take(&mut terms)));
            bytes = 0;
        }
        bytes += id.as_str().len();
        terms.push(Filter::eq(AttrPath::attribute("value"), id.as_str()));
    }
    if !terms.is_empty() {
        operations.push(remove_any(place, terms));
    }
    let added: Vec<Value> = coming().collect();
    if !added.is_empty() {
        operations.push(add(place.path(None), added.into()));
    }
}

fn remove_any(place: Place<'_>, mut terms: Vec<Filter>) -> PatchOperation {
    let filter = match (terms.pop(), terms.is_empty()) {
        (Some(single), true) => single,
        (last, _) => {
            terms.extend(last);
            Filter::Or(terms)
        }
    };
    remove(place.element_path(filter, None))
}

/// A member as a client sends it: where it is served is the service provider's to say.
fn element(attribute: &Attribute, mut member: Object) -> Value {
    member.retain(|name, _| {
        let sub = attribute.sub_attribute(name.as_str());
        sub.is_some_and(|sub| sub.mutability != Mutability::ReadOnly && !sub.name.is("$ref"))
    });
    member.into()
}
