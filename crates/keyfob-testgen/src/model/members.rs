//! Operations on members: a member is known by its id, and added and removed whole.

use keyfob_core::Quirk;
use keyfob_filter::Filter;
use serde_json::{Map, Value, json};

use super::{
    Model, Op,
    elements::says_no_more,
    filter::equalities,
    target::Place,
    value::{canonical, changes},
};
use crate::filter::element_matches;

impl Model {
    pub(super) fn put_members(&mut self, op: Op, place: &Place, value: &Value) {
        if place.sub.is_some() {
            return self.fault("mutability");
        }
        let decoded = match (op, &place.filter, value) {
            (Op::Add, None, Value::Object(_)) => json!([value]),
            _ => value.clone(),
        };
        let mut members = self.members(place);
        let Some(filter) = &place.filter else {
            let sent = match canonical(place.attribute, &decoded, self.dialect) {
                Ok(sent) => sent.as_array().cloned().unwrap_or_default(),
                Err(fault) => return self.fault(fault),
            };
            if !sent.iter().all(names_one) {
                return self.fault("invalidValue");
            }
            if op == Op::Replace {
                members.clear();
            }
            for member in sent {
                self.insert(&mut members, member);
            }
            return self.set_members(place, members);
        };
        let sent = match changes(place.attribute, &decoded, self.dialect) {
            Ok(sent) => sent.map(|sent| sent.into_iter().filter(|(_, value)| !value.is_null()).collect()),
            Err(fault) => return self.fault(fault),
        };
        let sent: Map<String, Value> = sent.unwrap_or_default();
        if sent.is_empty() {
            return self.fault("invalidValue");
        }
        let selected = self.selected_members(filter, place, &members);
        let creates = self.dialect.allows(Quirk::CreateOnNoMatch);
        let held = equalities(filter, place.attribute).filter(|_| creates);
        let mut member = held.clone().unwrap_or_default();
        member.extend(sent);
        let member = Value::from(member);
        if !names_one(&member) {
            return self.fault("invalidValue");
        }
        if selected.is_empty() {
            if held.is_none() {
                return self.fault("noTarget");
            }
            self.insert(&mut members, member);
        } else if op == Op::Add {
            if selected.iter().any(|other| id(other) != id(&member)) {
                return self.fault("mutability");
            }
        } else {
            members.retain(|member| !selected.contains(member));
            self.insert(&mut members, member);
        }
        self.set_members(place, members);
    }

    pub(super) fn remove_members(&mut self, place: &Place, value: Option<&Value>) {
        if place.sub.is_some() {
            return self.fault("mutability");
        }
        let mut members = self.members(place);
        match (&place.filter, value) {
            (Some(_), Some(value)) if !says_no_more(value) => return self.fault("invalidSyntax"),
            (Some(filter), _) => {
                let selected = self.selected_members(filter, place, &members);
                members.retain(|member| !selected.contains(member));
            }
            (None, None) => members.clear(),
            (None, Some(_)) if !self.dialect.allows(Quirk::RemoveByValue) => {
                return self.fault("invalidSyntax");
            }
            (None, Some(value)) => {
                let sent = match canonical(place.attribute, value, self.dialect) {
                    Ok(sent) => sent.as_array().cloned().unwrap_or_default(),
                    Err(fault) => return self.fault(fault),
                };
                if sent.is_empty() || !sent.iter().all(names_one) {
                    return self.fault("invalidValue");
                }
                members.retain(|member| !sent.iter().any(|other| id(other) == id(member)));
            }
        }
        self.set_members(place, members);
    }

    /// The members that a filter selects. Of one who is not stored and comes without a type nobody knows it: whichever it
    /// is, the filter has to say the same.
    fn selected_members(&mut self, filter: &Filter, place: &Place, members: &[Value]) -> Vec<Value> {
        let mut selected = Vec::new();
        for member in members {
            let is_known = self.is_stored(member) || member.get("type").is_some();
            let outcomes: Vec<bool> = if is_known {
                vec![element_matches(filter, place.attribute, member)]
            } else {
                let of_type = |kind: &str| {
                    let mut member = member.clone();
                    if let Some(member) = member.as_object_mut() {
                        member.insert("type".into(), kind.into());
                    }
                    element_matches(filter, place.attribute, &member)
                };
                ["User", "Group"].map(of_type).to_vec()
            };
            if outcomes.iter().any(|outcome| Some(outcome) != outcomes.first()) {
                self.fault("noTarget");
            } else if outcomes.first() == Some(&true) {
                selected.push(member.clone());
            }
        }
        selected
    }

    fn is_stored(&self, member: &Value) -> bool {
        let stored = self.before.get("members").and_then(Value::as_array);
        stored
            .into_iter()
            .flatten()
            .any(|stored| id(stored) == id(member))
    }

    /// Puts in who is not there; who was stored is what is known of them.
    fn insert(&self, members: &mut Vec<Value>, member: Value) {
        if members.iter().any(|other| id(other) == id(&member)) {
            return;
        }
        let mut stored = self
            .before
            .get("members")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        members.push(
            stored
                .find(|stored| id(stored) == id(&member))
                .cloned()
                .unwrap_or(member),
        );
    }

    fn members(&self, place: &Place) -> Vec<Value> {
        self.get(place)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    }

    fn set_members(&mut self, place: &Place, members: Vec<Value>) {
        self.set(
            place,
            if members.is_empty() {
                Value::Null
            } else {
                members.into()
            },
        );
    }
}

fn id(member: &Value) -> Option<&str> {
    member
        .get("value")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty())
}

/// Returns true if the member has an id, which is one word without the marks of lists, texts and addresses.
fn names_one(member: &Value) -> bool {
    let marks = [
        ' ', '\n', ',', ';', '"', '[', ']', '{', '}', '/', '\\', '?', '#', '<', '>', '|', '^', '`',
    ];
    id(member).is_some_and(|id| !id.contains(marks))
}
