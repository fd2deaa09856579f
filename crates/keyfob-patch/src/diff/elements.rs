//! What turns the values of a multi-valued attribute into others, one by one.

use keyfob_core::{
    AttrPath, Attribute, CompareKey, Object, Value,
    message::PatchOperation,
    schema::{AttributeType, Mutability},
};
use keyfob_filter::Filter;

use super::{Place, add, changed, remove, replace};

/// By which sub-attributes the values of an attribute are told apart.
const KEYS: [&[&str]; 3] = [&["value"], &["type"], &["value", "type"]];

/// The fewest operations that leave exactly `after`, in its order; none where no value stays or nothing tells the
/// values apart.
pub(super) fn compare(place: Place<'_>, before: &[Value], after: &[Value]) -> Option<Vec<PatchOperation>> {
    KEYS.into_iter()
        .filter_map(|names| compare_by(place, before, after, &Key::new(place.attribute, names)?))
        .min_by_key(Vec::len)
}

fn compare_by(
    place: Place<'_>,
    before: &[Value],
    after: &[Value],
    key: &Key<'_>,
) -> Option<Vec<PatchOperation>> {
    let (before, after) = (key.distinct(before)?, key.distinct(after)?);
    let find = |among: &[Keyed<'_>], id: &[CompareKey]| among.iter().position(|(found, _)| found == id);
    let mut edits = Vec::new();
    let mut removed = Vec::new();
    let mut kept = 0;
    for (id, element) in &before {
        let filter = key.filter(element)?;
        match find(&after, id).and_then(|index| Some((index, after.get(index)?))) {
            None => removed.push(remove(place.element_path(filter, None))),
            // Values that are added come last, so those that stay have to come first and in order.
            Some((index, _)) if index != kept => return None,
            Some((_, (_, wanted))) => {
                kept += 1;
                edits.extend(edit(place, filter, element, wanted));
            }
        }
    }
    if kept == 0 {
        return None;
    }
    edits.append(&mut removed);
    let added: Vec<Value> = after
        .iter()
        .skip(kept)
        .map(|(_, element)| Value::from((*element).clone()))
        .collect();
    if !added.is_empty() {
        edits.push(add(place.path(None), added.into()));
    }
    Some(edits)
}

/// What turns one value, which the filter selects, into another that has the same key.
fn edit(place: Place<'_>, filter: Filter, element: &Object, wanted: &Object) -> Option<PatchOperation> {
    let mut differing = changed(place.attribute, element, wanted);
    let sub = differing.next()?;
    if differing.next().is_some() {
        return Some(replace(place.element_path(filter, None), wanted.clone().into()));
    }
    let path = place.element_path(filter, Some(&sub.name));
    Some(match wanted.get(sub.name.as_str()) {
        Some(value) => replace(path, value.clone()),
        None => remove(path),
    })
}

type Keyed<'v> = (Vec<CompareKey>, &'v Object);

/// Sub-attributes that tell the values of an attribute apart.
struct Key<'r> {
    subs: Vec<&'r Attribute>,
}

impl<'r> Key<'r> {
    /// None where a value may have no such sub-attribute, or one that isn't text.
    fn new(attribute: &'r Attribute, names: &[&str]) -> Option<Self> {
        let usable = |sub: &&Attribute| {
            matches!(sub.kind, AttributeType::String | AttributeType::Reference)
                && !sub.multi_valued
                && sub.mutability != Mutability::WriteOnly
        };
        let subs = names
            .iter()
            .map(|name| attribute.sub_attribute(name).filter(usable));
        Some(Self {
            subs: subs.collect::<Option<_>>()?,
        })
    }

    /// The values with their keys as filters compare them; none where one lacks a part of it or two share one.
    fn distinct<'v>(&self, values: &'v [Value]) -> Option<Vec<Keyed<'v>>> {
        let mut keyed: Vec<Keyed<'v>> = Vec::with_capacity(values.len());
        for value in values {
            let object = value.as_object()?;
            let parts = self.subs.iter().map(|sub| {
                let text = object.get_str(sub.name.as_str())?;
                Some(sub.compare_key(text))
            });
            let id: Vec<CompareKey> = parts.collect::<Option<_>>()?;
            if keyed.iter().any(|(present, _)| *present == id) {
                return None;
            }
            keyed.push((id, object));
        }
        Some(keyed)
    }

    /// The filter that selects the value and no other.
    fn filter(&self, element: &Object) -> Option<Filter> {
        let terms = self.subs.iter().filter_map(|sub| {
            let text = element.get_str(sub.name.as_str())?;
            Some(Filter::eq(AttrPath::attribute(sub.name.clone()), text))
        });
        terms.reduce(Filter::and)
    }
}
