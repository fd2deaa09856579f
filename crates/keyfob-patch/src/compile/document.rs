//! Operations on attributes of the document.

use keyfob_core::{
    Attribute, Object, Quirk, Value, message::PatchOperationKind as Kind, schema::Mutability, validate,
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
        &self,
        kind: Kind,
        attribute: &Attribute,
        value: Option<Value>,
        text: &str,
    ) -> Compiling<Edit> {
        let required = || PatchErrorKind::Required {
            attribute: text.into(),
        };
        let values = |value| match validate::value(attribute, value, self.dialect, text)? {
            Value::Array(values) => Ok::<_, PatchErrorKind>(values),
            _ => Ok(Vec::new()),
        };
        let value = value.unwrap_or(Value::Null);
        let edit = match kind {
            Kind::Remove if attribute.multi_valued && value != Value::Null => {
                if !self.dialect.allows(Quirk::RemoveByValue) {
                    return Err(PatchErrorKind::ValueOfRemove {
                        attribute: text.into(),
                    });
                }
                Edit::Discard(values(value)?)
            }
            Kind::Remove => Edit::Assign(Value::Null),
            Kind::Add if attribute.multi_valued => Edit::Extend(values(value)?),
            Kind::Add | Kind::Replace if attribute.is_complex() && !attribute.multi_valued => {
                match validate::changes(attribute, self.decoded(value), self.dialect, text)? {
                    Some(changes) => Edit::Merge(checked(attribute, changes, text)?),
                    None => Edit::Assign(Value::Null),
                }
            }
            Kind::Add | Kind::Replace => Edit::Assign(validate::value(attribute, value, self.dialect, text)?),
        };
        if edit.unassigns() && attribute.required {
            return Err(required());
        }
        Ok(edit)
    }

    /// The change of some or all values of a multi-valued attribute, or of a sub-attribute of them.
    pub(super) fn elements(
        &self,
        kind: Kind,
        attribute: &'t Attribute,
        sub: Option<&'t Attribute>,
        selected: Option<ElementPredicate>,
        value: Option<Value>,
        text: &str,
    ) -> Compiling<Change<'t>> {
        let seed = selected
            .as_ref()
            .and_then(|selected| self.seed(attribute, selected));
        let edit = match sub {
            Some(sub) => ElementEdit::SubAttribute(sub, self.edit(kind, sub, value, text)?),
            None if kind == Kind::Remove => ElementEdit::Remove,
            None if kind == Kind::Add && attribute.is_complex() => {
                let changes = validate::changes(attribute, value.unwrap_or(Value::Null), self.dialect, text)?;
                match changes {
                    Some(changes) => ElementEdit::Merge(checked(attribute, changes, text)?),
                    None => ElementEdit::Remove,
                }
            }
            None => match self.element(attribute, value.unwrap_or(Value::Null), seed.as_ref(), text)? {
                Value::Null => ElementEdit::Remove,
                value => ElementEdit::Replace(value),
            },
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
        })))
    }

    /// The canonical form of one value of a multi-valued attribute, which may come as an array of one. What it doesn't
    /// say it takes from the `seed`.
    pub(super) fn element(
        &self,
        attribute: &Attribute,
        value: Value,
        seed: Option<&Object>,
        text: &str,
    ) -> Compiling<Value> {
        let mut single = match value {
            Value::Array(values) if self.dialect.allows(Quirk::SingleValues) && values.len() <= 1 => {
                values.into_iter().next().unwrap_or(Value::Null)
            }
            single => single,
        };
        // An id alone stands for the object that holds it, and that object holds the rest too.
        if seed.is_some() && attribute.is_complex() && single.as_str().is_some() {
            single = validate::element(attribute, single, self.dialect, text)?;
        }
        if let (Value::Object(sent), Some(seed)) = (&mut single, seed)
            && !sent.is_empty()
        {
            for (name, value) in seed.iter() {
                if sent.get(name.as_str()).is_none() {
                    sent.insert(name.clone(), value.clone());
                }
            }
        }
        Ok(validate::element(attribute, single, self.dialect, text)?)
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
