//! Operations on values of a multi-valued attribute.

use keyfob_core::{Attribute, Quirk};
use serde_json::{Map, Value, json};

use super::{
    Model, Op,
    filter::equalities,
    target::Place,
    value::{canonical, changes, is_primary, merge},
};
use crate::{filter::element_matches, text::compared};

impl Model {
    /// The values with others added to them that are not among them; null stands for none.
    pub(super) fn added(&self, place: &Place, value: &Value) -> Value {
        let mut elements = self.elements(place);
        add(
            place.attribute,
            &mut elements,
            value.as_array().into_iter().flatten(),
        );
        if elements.is_empty() {
            Value::Null
        } else {
            elements.into()
        }
    }

    /// `add` and `replace` on the values that a filter selects or on a sub-attribute of all of them.
    pub(super) fn put_in_elements(&mut self, op: Op, place: &Place, value: &Value) {
        let attribute = place.attribute;
        let change = match place.sub {
            Some(sub) => canonical(sub, value, self.dialect)
                .map(|value| Some([(sub.name.as_str().into(), value)].into_iter().collect())),
            None => changes(attribute, value, self.dialect),
        };
        let change: Map<String, Value> = match change {
            // A value that says nothing that is known is no value.
            Ok(change) if place.sub.is_none() && says_nothing(change.as_ref()) => {
                return self.fault("invalidValue");
            }
            Ok(change) => change.unwrap_or_default(),
            Err(fault) => {
                self.fault(fault);
                return;
            }
        };
        let mut elements = self.elements(place);
        let selected = selected(place, &elements);
        let held = place
            .filter
            .as_ref()
            .map_or(Some(Map::new()), |filter| equalities(filter, attribute));
        let creates = place.filter.is_none() || self.dialect.allows(Quirk::CreateOnNoMatch);
        let is_nothing = change.values().all(Value::is_null);
        let touched = selected.clone();
        match (selected.is_empty(), held) {
            // To take out what is not there changes nothing where a value that is not there may be put in.
            (true, _) if creates && is_nothing => return,
            (true, Some(mut element)) if creates => {
                merge(&mut element, &change);
                add(attribute, &mut elements, [&element.into()]);
            }
            (true, _) => return self.fault("noTarget"),
            (false, held) => {
                for index in selected {
                    let Some(Value::Object(element)) = elements.get_mut(index) else {
                        continue;
                    };
                    if op == Op::Replace && place.sub.is_none() {
                        element.clear();
                        let keeps = self.dialect.allows(Quirk::CreateOnNoMatch);
                        merge(element, held.as_ref().filter(|_| keeps).unwrap_or(&Map::new()));
                    }
                    merge(element, &change);
                    // Nothing but a removal leaves nothing of a value.
                    if element.is_empty() {
                        return self.fault("invalidValue");
                    }
                }
            }
        }
        move_primary(&mut elements, &touched);
        self.set_elements(place, elements);
    }

    pub(super) fn remove_elements(&mut self, place: &Place, value: Option<&Value>) {
        if place.filter.is_some() && value.is_some_and(|value| !says_no_more(value)) {
            return self.fault("invalidSyntax");
        }
        let mut elements = self.elements(place);
        let selected = selected(place, &elements);
        match (place.sub, &place.filter, value) {
            (Some(sub), filter, _) => {
                if selected.is_empty() && filter.is_some() && !self.dialect.allows(Quirk::CreateOnNoMatch) {
                    self.fault("noTarget");
                }
                for index in &selected {
                    if let Some(Value::Object(element)) = elements.get_mut(*index) {
                        element.remove(sub.name.as_str());
                    }
                }
                move_primary(&mut elements, &selected);
            }
            (None, Some(_), _) => {
                if selected.is_empty() && !self.dialect.allows(Quirk::CreateOnNoMatch) {
                    self.fault("noTarget");
                }
                let mut index = 0..;
                elements.retain(|_| !index.next().is_some_and(|index| selected.contains(&index)));
            }
            (None, None, None) => elements.clear(),
            (None, None, Some(_)) if !self.dialect.allows(Quirk::RemoveByValue) => {
                return self.fault("invalidSyntax");
            }
            (None, None, Some(value)) => {
                let sent = match value {
                    Value::Array(sent) if !sent.is_empty() => sent.clone(),
                    Value::Null | Value::Array(_) => return self.fault("invalidValue"),
                    single if self.dialect.allows(Quirk::SingleValues) => vec![single.clone()],
                    _ => return self.fault("invalidValue"),
                };
                for unwanted in sent {
                    match changes(place.attribute, &unwanted, self.dialect) {
                        Err(fault) => return self.fault(fault),
                        _ if unwanted.is_array() || unwanted == json!("") || is_json_text(&unwanted) => {
                            return self.fault("invalidValue");
                        }
                        Ok(unwanted) if says_nothing(unwanted.as_ref()) => return self.fault("invalidValue"),
                        Ok(unwanted) => {
                            let unwanted = Value::from(unwanted.unwrap_or_default());
                            elements.retain(|element| !means(place.attribute, &unwanted, element));
                        }
                    }
                }
            }
        }
        self.set_elements(place, elements);
    }

    fn elements(&self, place: &Place) -> Vec<Value> {
        self.get(place)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    }

    fn set_elements(&mut self, place: &Place, mut elements: Vec<Value>) {
        elements.retain(|element| element.as_object().is_none_or(|element| !element.is_empty()));
        self.set(
            place,
            if elements.is_empty() {
                Value::Null
            } else {
                elements.into()
            },
        );
    }
}

/// Returns true if nothing that is known is in a value.
fn says_nothing(change: Option<&Map<String, Value>>) -> bool {
    change.is_none_or(|change| change.values().all(Value::is_null))
}

/// Adds values that are not there; what one says beyond the one that is there is kept.
fn add<'v>(attribute: &Attribute, elements: &mut Vec<Value>, added: impl IntoIterator<Item = &'v Value>) {
    let mut touched = Vec::new();
    for new in added {
        match elements.iter().position(|element| same(attribute, element, new)) {
            None => {
                touched.push(elements.len());
                elements.push(new.clone());
            }
            Some(index) => {
                touched.push(index);
                if let (Some(Value::Object(held)), Value::Object(new)) = (elements.get_mut(index), new) {
                    let known = ["value", "type"].map(|name| (name, held.get(name).cloned()));
                    merge(held, new);
                    for (name, value) in known {
                        held.extend(value.map(|value| (name.into(), value)));
                    }
                }
            }
        }
    }
    move_primary(elements, &touched);
}

/// Which values are meant.
fn selected(place: &Place, elements: &[Value]) -> Vec<usize> {
    let is_meant = |element: &Value| {
        place
            .filter
            .as_ref()
            .is_none_or(|filter| element_matches(filter, place.attribute, element))
    };
    elements
        .iter()
        .enumerate()
        .filter(|(_, element)| is_meant(element))
        .map(|(index, _)| index)
        .collect()
}

/// A value that is changed and is the primary one then takes that from all others.
fn move_primary(elements: &mut [Value], touched: &[usize]) {
    if !touched
        .iter()
        .any(|index| elements.get(*index).is_some_and(is_primary))
    {
        return;
    }
    for (index, element) in elements.iter_mut().enumerate() {
        if !touched.contains(&index)
            && is_primary(element)
            && let Some(object) = element.as_object_mut()
        {
            object.insert("primary".into(), false.into());
        }
    }
}

/// Whether two values are one: `value` and `type` agree, or, where there is no `value`, everything does.
fn same(attribute: &Attribute, held: &Value, new: &Value) -> bool {
    match (text(attribute, held, "value"), text(attribute, new, "value")) {
        (Some(a), Some(b)) => a == b && text(attribute, held, "type") == text(attribute, new, "type"),
        _ => held == new,
    }
}

/// Returns true if a value that is to be removed means this one: by `value`, and by a `type` that is said, or else by all that
/// is said.
fn means(attribute: &Attribute, unwanted: &Value, element: &Value) -> bool {
    let has_value = unwanted.get("value").is_some_and(|value| !value.is_null());
    let mut said =
        unwanted.as_object().into_iter().flatten().filter(|(name, said)| {
            !said.is_null() && (!has_value || ["value", "type"].contains(&name.as_str()))
        });
    said.all(|(name, said)| match said {
        Value::String(_) => text(attribute, unwanted, name) == text(attribute, element, name),
        Value::Bool(false) => !element.get(name).is_some_and(|held| *held == json!(true)),
        said => element.get(name) == Some(said),
    })
}

/// The text of a sub-attribute as it is compared.
fn text(attribute: &Attribute, element: &Value, name: &str) -> Option<String> {
    let sub = attribute.sub_attribute(name)?;
    let text = element.get(name)?.as_str()?;
    Some(compared(sub, text))
}

/// Returns true if a text is a list or an object written as JSON, which names nobody.
pub(super) fn is_json_text(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default().trim_start();
    text.starts_with('[') || text.starts_with('{')
}

/// Returns true if the value of a removal says nothing beside the filter.
pub(super) fn says_no_more(value: &Value) -> bool {
    [json!(null), json!([]), json!({}), json!("")].contains(value)
}
