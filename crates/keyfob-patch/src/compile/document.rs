//! Operations on attributes of the document.

use keyfob_core::{
    AttrName, Attribute, Object, Quirk, Value, message::PatchOperationKind as Kind, schema::Mutability,
    validate::ValidationError,
};
use keyfob_filter::ElementPredicate;
use smol_str::format_smolstr;

use super::{Compiler, Compiling};
use crate::{
    PatchErrorKind,
    edit::{Change, Edit, ElementEdit, ElementsChange, NoMatch},
};

impl<'t> Compiler<'t> {
    /// The change of a single value, or of all values of a multi-valued attribute or sub-attribute.
    pub(super) fn edit(
        &mut self,
        kind: Kind,
        attribute: &Attribute,
        value: Option<Value>,
        text: &str,
    ) -> Compiling<Edit> {
        let edit = match (kind, value) {
            (Kind::Remove, Some(value)) if attribute.multi_valued => {
                Edit::Discard(self.unwanted(attribute, value, text)?)
            }
            (Kind::Remove, _) | (_, None) => Edit::Assign(Value::Null),
            (Kind::Add, Some(value)) if attribute.multi_valued => {
                match self.reader.value(attribute, listed(value), text)? {
                    Value::Array(values) => Edit::Extend(values),
                    _ => Edit::Extend(Vec::new()),
                }
            }
            (_, Some(value)) if attribute.is_complex() && !attribute.multi_valued => {
                let value = self.decoded(value);
                match self.reader.changes(attribute, value, text)? {
                    Some(changes) => Edit::Merge(checked(attribute, changes, text)?),
                    None => Edit::Assign(Value::Null),
                }
            }
            (_, Some(value)) => Edit::Assign(self.reader.value(attribute, value, text)?),
        };
        if edit.unassigns() && attribute.required {
            return Err(PatchErrorKind::Required {
                attribute: text.into(),
            });
        }
        Ok(edit)
    }

    /// Which elements a `remove` with a value means; every part of the value has to name one.
    fn unwanted(&mut self, attribute: &Attribute, value: Value, text: &str) -> Compiling<Vec<Value>> {
        let not_by_value = || PatchErrorKind::ValueOfRemove {
            attribute: text.into(),
        };
        if !self.dialect.allows(Quirk::RemoveByValue) {
            return Err(not_by_value());
        }
        if names_nothing(&value) {
            return Err(PatchErrorKind::NothingNamed {
                attribute: text.into(),
            });
        }
        let values = match value {
            Value::Array(values) if values.iter().any(names_nothing) => {
                return Err(PatchErrorKind::NothingNamed {
                    attribute: text.into(),
                });
            }
            Value::Array(values) => values,
            single if self.dialect.allows(Quirk::SingleValues) => vec![single],
            other => match self.reader.value(attribute, other, text)? {
                Value::Array(values) => values,
                _ => Vec::new(),
            },
        };
        let by_sub_attributes = self.dialect.allows(Quirk::RemoveBySubAttributes);
        let mut unwanted = Vec::with_capacity(values.len());
        for value in values {
            let criteria = self.reader.criteria(attribute, value, text)?;
            let lacks_value = criteria
                .as_object()
                .is_some_and(|object| object.get("value").is_none());
            if lacks_value && !by_sub_attributes {
                return Err(not_by_value());
            }
            unwanted.push(criteria);
        }
        Ok(unwanted)
    }

    /// The change of some or all values of a multi-valued attribute, or of a sub-attribute of them.
    pub(super) fn elements(
        &mut self,
        kind: Kind,
        attribute: &'t Attribute,
        sub: Option<&'t Attribute>,
        selected: Option<ElementPredicate>,
        value: Option<Value>,
        text: &str,
    ) -> Compiling<Change<'t>> {
        if kind == Kind::Remove && selected.is_some() {
            demand_no_value(value.as_ref(), text)?;
        }
        let seed = selected
            .as_ref()
            .and_then(|selected| self.seed(attribute, selected));
        let edit = match (sub, value) {
            (Some(sub), value) => {
                let value = value.map(|value| self.value_of_encoded(attribute, sub, value));
                ElementEdit::SubAttribute(sub, self.edit(kind, sub, value, text)?)
            }
            (None, _) if kind == Kind::Remove => ElementEdit::Remove,
            (None, Some(value)) if kind == Kind::Add && attribute.is_complex() => {
                let changes = self.reader.changes(attribute, value, text)?.unwrap_or_default();
                if changes.iter().all(|(_, value)| *value == Value::Null) {
                    return Err(ValidationError::NothingKnown { path: text.into() }.into());
                }
                ElementEdit::Merge(checked(attribute, changes, text)?)
            }
            (None, value) => ElementEdit::Replace(self.element(
                attribute,
                value.unwrap_or(Value::Null),
                seed.as_ref(),
                text,
            )?),
        };
        let unassigns = match &edit {
            ElementEdit::Remove => true,
            ElementEdit::SubAttribute(_, edit) => kind == Kind::Remove || edit.unassigns(),
            ElementEdit::Replace(_) | ElementEdit::Merge(_) => false,
        };
        let otherwise = match &selected {
            None if unassigns => NoMatch::Ignore,
            None => NoMatch::Create(Object::new()),
            Some(_) if !self.dialect.allows(Quirk::CreateOnNoMatch) => NoMatch::Fail,
            Some(_) if unassigns => NoMatch::Ignore,
            Some(_) => seed.map_or(NoMatch::Fail, NoMatch::Create),
        };
        Ok(Change::Elements(Box::new(ElementsChange {
            selected,
            edit,
            otherwise,
            may_empty: kind == Kind::Remove,
        })))
    }

    /// The canonical form of one value of a multi-valued attribute, which may come as an array of one. What it doesn't
    /// say it takes from the `seed`.
    pub(super) fn element(
        &mut self,
        attribute: &Attribute,
        value: Value,
        seed: Option<&Object>,
        text: &str,
    ) -> Compiling<Value> {
        let single = match value {
            Value::Array(values) if self.dialect.allows(Quirk::SingleValues) && values.len() <= 1 => {
                values.into_iter().next().unwrap_or(Value::Null)
            }
            single => single,
        };
        let Some(seed) = seed else {
            return Ok(self.reader.element(attribute, single, text)?);
        };
        let unassigned: Vec<AttrName> = match &single {
            Value::Object(sent) => {
                let nulls = sent.iter().filter(|(_, value)| **value == Value::Null);
                nulls.map(|(name, _)| name.clone()).collect()
            }
            _ => Vec::new(),
        };
        // It has to say something of its own, and what it has to hold it may take from the seed.
        let mut read = self.reader.criteria(attribute, single, text)?;
        if let Value::Object(sent) = &mut read {
            for (name, value) in seed.iter() {
                if sent.get(name.as_str()).is_none() && !unassigned.contains(name) {
                    sent.insert(name.clone(), value.clone());
                }
            }
        }
        Ok(self.reader.element(attribute, read, text)?)
    }

    /// The `value` of an element that is an object written as text, where the dialect has it so.
    fn value_of_encoded(&self, attribute: &Attribute, sub: &Attribute, value: Value) -> Value {
        let decoded = (sub.name.is("value"))
            .then(|| self.reader.encoded(attribute, &value))
            .flatten();
        match decoded.and_then(|mut object| object.remove("value")) {
            Some(inner) => inner,
            None => value,
        }
    }

    /// What the filter says of a value that is made to match it, where the dialect makes such values. A value that
    /// takes the place of one that matches holds it too, so that the same request finds it again.
    pub(super) fn seed(&self, attribute: &Attribute, selected: &ElementPredicate) -> Option<Object> {
        if !self.dialect.allows(Quirk::CreateOnNoMatch) {
            return None;
        }
        let equalities = selected.equalities()?;
        if !attribute.is_complex() {
            return Some(Object::new());
        }
        let is_settable = equalities.iter().all(|(name, _)| {
            attribute
                .sub_attribute(name.as_str())
                .is_some_and(|sub| sub.mutability != Mutability::ReadOnly)
        });
        is_settable.then(|| equalities.into_iter().collect())
    }
}

/// A value that is added to others, in a list: `add` takes one without an array around it (RFC 7644 section 3.5.2.1).
pub(super) fn listed(value: Value) -> Value {
    match value {
        Value::Null | Value::Array(_) => value,
        single if single.as_str() == Some("") => single,
        single => Value::Array(vec![single]),
    }
}

/// Returns true if the value of a `remove` names no element, whatever the attribute. What a text can name is the
/// [`Reader`](keyfob_core::validate::Reader)'s to say.
pub(super) fn names_nothing(value: &Value) -> bool {
    value.is_unassigned() || value.as_str() == Some("")
}

/// Refuses a `remove` of what a filter selects that has a value too: the two may contradict each other, and whichever
/// counts, the other is lost.
pub(super) fn demand_no_value(value: Option<&Value>, text: &str) -> Compiling<()> {
    if value.is_none_or(|value| value.is_unassigned() || value.as_str() == Some("")) {
        return Ok(());
    }
    Err(PatchErrorKind::ValueBesideFilter { path: text.into() })
}

/// The changes of a complex value, unless they take away what it must have.
fn checked(attribute: &Attribute, changes: Object, text: &str) -> Compiling<Object> {
    let lost = attribute
        .sub_attributes
        .iter()
        .find(|sub| sub.required && changes.get(sub.name.as_str()) == Some(&Value::Null));
    match lost {
        None => Ok(changes),
        Some(sub) => Err(PatchErrorKind::Required {
            attribute: format_smolstr!("{text}.{}", sub.name),
        }),
    }
}
