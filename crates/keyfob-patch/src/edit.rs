//! Changes of a document, ready to be made: paths resolved, values canonical.

use keyfob_core::{Attribute, Object, Value, schema::Mutability, validate::ValidationError};
use keyfob_filter::ElementPredicate;

use crate::{element, error::PatchErrorKind, place::Place};

/// A change of one attribute or sub-attribute.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    /// Sets the value, or all values; `null` unassigns.
    Assign(Value),
    /// Sets sub-attributes of a single complex value, and unassigns those that are `null`.
    Merge(Object),
    /// Adds values.
    Extend(Vec<Value>),
    /// Takes out values.
    Discard(Vec<Value>),
}

/// A change of an attribute as a whole, of a sub-attribute, or of selected values.
#[derive(Clone, Debug)]
pub(crate) enum Change<'t> {
    Attribute(Edit),
    SubAttribute(&'t Attribute, Edit),
    /// Apart, since it is large and most changes are none of these.
    Elements(Box<ElementsChange<'t>>),
}

/// A change of the values of a multi-valued attribute.
#[derive(Clone, Debug)]
pub(crate) struct ElementsChange<'t> {
    /// Selects the values; all are meant without it.
    pub(crate) selected: Option<ElementPredicate>,
    pub(crate) edit: ElementEdit<'t>,
    pub(crate) otherwise: NoMatch,
    /// True if nothing may be left of a value: only what removes leaves nothing.
    pub(crate) may_empty: bool,
}

/// A change of one value of a multi-valued attribute.
#[derive(Clone, Debug)]
pub(crate) enum ElementEdit<'t> {
    Remove,
    Replace(Value),
    Merge(Object),
    SubAttribute(&'t Attribute, Edit),
}

/// What happens when no value is selected.
#[derive(Clone, Debug)]
pub(crate) enum NoMatch {
    Fail,
    Ignore,
    /// The edit is made to this new value.
    Create(Object),
}

impl Change<'_> {
    /// Returns how often each value that is there is compared, and the number of values that are brought.
    pub(crate) fn cost(&self) -> (usize, usize) {
        match self {
            Self::Attribute(edit) | Self::SubAttribute(_, edit) => (1, edit.brought()),
            Self::Elements(change) => {
                let comparisons = change.selected.as_ref().map_or(1, ElementPredicate::comparisons);
                let brought = match &change.edit {
                    ElementEdit::SubAttribute(_, edit) => edit.brought(),
                    ElementEdit::Remove | ElementEdit::Replace(_) | ElementEdit::Merge(_) => 1,
                };
                (comparisons, brought)
            }
        }
    }

    /// Makes the change to the attribute of `object`. On an error the object is left half changed.
    pub(crate) fn apply(&self, object: &mut Object, place: Place<'_>) -> Result<(), PatchErrorKind> {
        let attribute = place.attribute;
        match self {
            Self::Attribute(edit) => edit.apply(object, attribute),
            Self::SubAttribute(sub, edit) => with_complex(object, attribute, |inner| edit.apply(inner, sub)),
            Self::Elements(change) => {
                with_elements(object, attribute, |elements| change.apply(elements, place))?;
            }
        }
        let takes_out = matches!(self, Self::Elements(_) | Self::Attribute(Edit::Discard(_)));
        if takes_out && attribute.required && object.get(attribute.name.as_str()).is_none() {
            return Err(PatchErrorKind::Required {
                attribute: place.path(),
            });
        }
        Ok(())
    }
}

impl Edit {
    /// Returns the number of values that it brings.
    fn brought(&self) -> usize {
        match self {
            Self::Assign(value) => value.as_elements().len(),
            Self::Merge(object) => object.len(),
            Self::Extend(values) | Self::Discard(values) => values.len(),
        }
    }

    fn apply(&self, object: &mut Object, attribute: &Attribute) {
        match self {
            Self::Assign(Value::Null) => {
                object.remove(attribute.name.as_str());
            }
            Self::Assign(value) => {
                object.insert(attribute.name.clone(), value.clone());
            }
            Self::Merge(changes) => with_complex(object, attribute, |inner| merge(inner, changes)),
            Self::Extend(added) => with_elements(object, attribute, |elements| {
                let touched = element::extend(attribute, elements, added);
                element::demote_others(elements, &touched);
            }),
            Self::Discard(sent) => {
                with_elements(object, attribute, |elements| {
                    element::discard(attribute, elements, sent);
                });
            }
        }
    }

    /// Whether it leaves what it is made to without a value.
    pub(crate) fn unassigns(&self) -> bool {
        matches!(self, Self::Assign(Value::Null))
    }
}

impl ElementsChange<'_> {
    /// Makes the change to those of the attribute's values that it selects.
    fn apply(&self, elements: &mut Vec<Value>, place: Place<'_>) -> Result<(), PatchErrorKind> {
        let attribute = place.attribute;
        let guarded = attribute
            .sub_attributes
            .iter()
            .any(|sub| sub.mutability == Mutability::Immutable)
            && matches!(self.edit, ElementEdit::Merge(_) | ElementEdit::SubAttribute(..));
        let mut touched = Vec::new();
        for (index, element) in elements.iter_mut().enumerate() {
            if !self
                .selected
                .as_ref()
                .is_none_or(|selected| selected.matches(element))
            {
                continue;
            }
            touched.push(index);
            let before = guarded.then(|| element.clone());
            self.edit.apply(element);
            if *element == Value::Null && !self.may_empty {
                return Err(ValidationError::NothingKnown { path: place.path() }.into());
            }
            if changes_immutable(attribute, before.as_ref(), Some(element)) {
                return Err(ValidationError::Immutable { path: place.path() }.into());
            }
        }
        if touched.is_empty() {
            match &self.otherwise {
                NoMatch::Ignore => return Ok(()),
                NoMatch::Fail => {
                    return Err(PatchErrorKind::NoMatch {
                        attribute: place.path(),
                    });
                }
                NoMatch::Create(seed) => {
                    let mut created = Value::Object(seed.clone());
                    self.edit.apply(&mut created);
                    touched = element::extend(attribute, elements, &[created]);
                }
            }
        }
        element::demote_others(elements, &touched);
        elements.retain(|element| *element != Value::Null);
        Ok(())
    }
}

impl ElementEdit<'_> {
    /// Makes the change to one value; `null` afterwards means that nothing is left of it.
    fn apply(&self, element: &mut Value) {
        match self {
            Self::Remove => *element = Value::Null,
            Self::Replace(value) => *element = value.clone(),
            Self::Merge(changes) => {
                if let Some(object) = element.as_object_mut() {
                    merge(object, changes);
                }
            }
            Self::SubAttribute(sub, edit) => {
                if let Some(object) = element.as_object_mut() {
                    edit.apply(object, sub);
                }
            }
        }
        if element.is_unassigned() {
            *element = Value::Null;
        }
    }
}

/// Whether an attribute that may be set once, or such a sub-attribute of a single value, is another `after` than it
/// was `before`.
pub(crate) fn changes_immutable(
    attribute: &Attribute,
    before: Option<&Value>,
    after: Option<&Value>,
) -> bool {
    let Some(before) = before.filter(|value| !value.is_unassigned()) else {
        return false;
    };
    if attribute.mutability == Mutability::Immutable {
        return after != Some(before);
    }
    let (Some(before), Some(after)) = (before.as_object(), after.and_then(Value::as_object)) else {
        return false;
    };
    attribute
        .sub_attributes
        .iter()
        .any(|sub| changes_immutable(sub, before.get(sub.name.as_str()), after.get(sub.name.as_str())))
}

/// Changes the single complex value under the attribute, which is made where there is none and goes when it is empty.
fn with_complex(object: &mut Object, attribute: &Attribute, change: impl FnOnce(&mut Object)) {
    let name = attribute.name.as_str();
    let inner = object.get_mut(name).and_then(Value::as_object_mut);
    let is_empty = if let Some(inner) = inner {
        change(inner);
        inner.is_empty()
    } else {
        let mut inner = Object::new();
        change(&mut inner);
        let is_empty = inner.is_empty();
        object.insert(attribute.name.clone(), inner);
        is_empty
    };
    if is_empty {
        object.remove(name);
    }
}

/// Changes the values under the attribute, which goes when none is left.
fn with_elements<T>(
    object: &mut Object,
    attribute: &Attribute,
    change: impl FnOnce(&mut Vec<Value>) -> T,
) -> T {
    let name = attribute.name.as_str();
    let mut elements = match object
        .get_mut(name)
        .map(|value| std::mem::replace(value, Value::Null))
    {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(elements)) => elements,
        Some(single) => vec![single],
    };
    let result = change(&mut elements);
    if elements.is_empty() {
        object.remove(name);
    } else {
        object.insert(attribute.name.clone(), elements);
    }
    result
}

fn merge(object: &mut Object, changes: &Object) {
    for (name, value) in changes.iter() {
        if *value == Value::Null {
            object.remove(name.as_str());
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
}
