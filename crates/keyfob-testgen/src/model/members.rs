//! Operations on members: a member is known by its id, and added and removed whole.

use keyfob_core::Quirk;
use serde_json::{Map, Value};

use super::{
    Model, Op,
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
        let decoded = self.decoded(value);
        let mut members = self.members(place);
        let Some(filter) = &place.filter else {
            let sent = match canonical(place.attribute, &decoded, self.dialect) {
                Ok(sent) => sent.as_array().cloned().unwrap_or_default(),
                Err(fault) => return self.fault(fault),
            };
            if sent.iter().any(|member| id(member).is_none()) {
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
        let sent: Option<Map<String, Value>> = sent;
        let selected: Vec<Value> = members
            .iter()
            .filter(|member| element_matches(filter, place.attribute, member))
            .cloned()
            .collect();
        let creates = self.dialect.allows(Quirk::CreateOnNoMatch);
        let held = equalities(filter, place.attribute).filter(|_| creates);
        let sent_id = sent.as_ref().and_then(|sent| sent.get("value").cloned());
        let whole = |sent: Map<String, Value>| {
            let mut member = held.clone().unwrap_or_default();
            member.extend(sent);
            Value::from(member)
        };
        if selected.is_empty() {
            match sent {
                // Who was not a member is none afterwards.
                None if op == Op::Replace => return,
                Some(sent) if op == Op::Replace && sent.is_empty() && held.is_none() && creates => return,
                Some(sent) if held.is_some() => {
                    let member = whole(sent);
                    if id(&member).is_none() {
                        return self.fault(if op == Op::Replace {
                            "invalidValue"
                        } else {
                            "noTarget"
                        });
                    }
                    self.insert(&mut members, member);
                }
                _ => return self.fault("noTarget"),
            }
        } else if op == Op::Add {
            if sent_id.is_some_and(|sent| selected.iter().any(|member| member.get("value") != Some(&sent))) {
                return self.fault("mutability");
            }
        } else {
            members.retain(|member| !selected.contains(member));
            if let Some(sent) = sent.filter(|sent| !sent.is_empty() || held.is_some()) {
                let member = whole(sent);
                if id(&member).is_none() {
                    return self.fault("invalidValue");
                }
                self.insert(&mut members, member);
            }
        }
        self.set_members(place, members);
    }

    pub(super) fn remove_members(&mut self, place: &Place, value: Option<&Value>) {
        if place.sub.is_some() {
            return self.fault("mutability");
        }
        let mut members = self.members(place);
        match (&place.filter, value) {
            (Some(filter), _) => members.retain(|member| !element_matches(filter, place.attribute, member)),
            (None, None) => members.clear(),
            (None, Some(_)) if !self.dialect.allows(Quirk::RemoveByValue) => {
                return self.fault("invalidSyntax");
            }
            (None, Some(value)) => {
                let sent = match canonical(place.attribute, value, self.dialect) {
                    Ok(sent) => sent.as_array().cloned().unwrap_or_default(),
                    Err(fault) => return self.fault(fault),
                };
                if sent.iter().any(|member| id(member).is_none()) {
                    return self.fault("invalidValue");
                }
                members.retain(|member| !sent.iter().any(|other| id(other) == id(member)));
            }
        }
        self.set_members(place, members);
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
