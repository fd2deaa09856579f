//! How fields of views are taken out of resources and put back.

use smol_str::SmolStr;

use super::{Address, Manager, MultiValue, Name, Password};
use crate::{
    name::AttrName,
    resource::{ExternalId, Member, MemberSet, Meta, Resource, ResourceId},
    value::{Object, Value},
};

/// A field of a view. What doesn't fit the field's type stays where it is.
///
/// `Option<T>` and `Vec<T>` are fields for every [`Typed`] `T`.
pub trait Field<C>: Sized {
    /// Takes the attribute `name` out of an object or a resource.
    fn take(container: &mut C, name: &str) -> Self;

    /// Puts the attribute `name` in, in place of what didn't fit; a field that holds nothing puts nothing.
    fn put(self, container: &mut C, name: &str);
}

/// A type of values: what a field of a [view](crate::extension) holds. An application implements it for complex values
/// of its own, and for enumerations.
pub trait Typed: Sized {
    /// Returns the value in this type, if it is of it.
    fn read(value: &Value) -> Option<Self>;

    /// Returns the value as JSON has it.
    fn into_value(self) -> Value;
}

impl<T: Typed> Field<Object> for Option<T> {
    fn take(object: &mut Object, name: &str) -> Self {
        let value = T::read(object.get(name)?)?;
        object.remove(name);
        Some(value)
    }

    fn put(self, object: &mut Object, name: &str) {
        if let Some(value) = self {
            object.insert(name, value.into_value());
        }
    }
}

impl<T: Typed> Field<Object> for Vec<T> {
    fn take(object: &mut Object, name: &str) -> Self {
        let Some(Value::Array(values)) = object.get(name) else {
            return Self::new();
        };
        let values: Self = values
            .iter()
            .map(T::read)
            .collect::<Option<_>>()
            .unwrap_or_default();
        if !values.is_empty() {
            object.remove(name);
        }
        values
    }

    fn put(self, object: &mut Object, name: &str) {
        if !self.is_empty() {
            let values: Vec<Value> = self.into_iter().map(T::into_value).collect();
            object.insert(name, values);
        }
    }
}

/// The metadata stays in place as written until it is changed, because an instant can be written in many ways.
impl Field<Object> for Option<Meta> {
    fn take(object: &mut Object, name: &str) -> Self {
        object.get(name).and_then(Value::as_object).map(Meta::from_object)
    }

    fn put(self, object: &mut Object, name: &str) {
        if self == <Self as Field<Object>>::take(object, name) {
            return;
        }
        match self {
            Some(meta) => object.insert(name, meta.to_object()),
            None => object.remove(name),
        };
    }
}

/// A relation: keyed where the resource was decoded for its type, among the core attributes where it was not.
impl Field<Resource> for MemberSet {
    fn take(resource: &mut Resource, name: &str) -> Self {
        let relations = resource.relations_mut();
        if let Some(index) = relations.iter().position(|(present, _)| present.is(name)) {
            return relations.remove(index).1;
        }
        let members = resource.core().get(name).and_then(keyed).unwrap_or_default();
        if !members.is_empty() {
            resource.core_mut().remove(name);
        }
        members
    }

    fn put(self, resource: &mut Resource, name: &str) {
        if !self.is_empty() {
            resource.core_mut().remove(name);
            resource.set_relation(&AttrName::new(name), self);
        }
    }
}

/// The values of a relation under their ids, if each has its own.
fn keyed(value: &Value) -> Option<MemberSet> {
    let Value::Array(values) = value else {
        return None;
    };
    let members: MemberSet = values
        .iter()
        .map(|value| Member::from_object(value.as_object()?.clone()).ok())
        .collect::<Option<_>>()?;
    (members.len() == values.len()).then_some(members)
}

impl<F: Field<Object>> Field<Resource> for F {
    fn take(resource: &mut Resource, name: &str) -> Self {
        F::take(resource.core_mut(), name)
    }

    fn put(self, resource: &mut Resource, name: &str) {
        F::put(self, resource.core_mut(), name);
    }
}

impl Typed for bool {
    fn read(value: &Value) -> Option<Self> {
        value.as_bool()
    }

    fn into_value(self) -> Value {
        self.into()
    }
}

macro_rules! text {
    ($($kind:ident)*) => {
        $(impl Typed for $kind {
            fn read(value: &Value) -> Option<Self> {
                value.as_str().map($kind::new)
            }

            fn into_value(self) -> Value {
                AsRef::<str>::as_ref(&self).into()
            }
        })*
    };
}

macro_rules! complex {
    ($($kind:ident)*) => {
        $(impl Typed for $kind {
            fn read(value: &Value) -> Option<Self> {
                value.as_object().cloned().map($kind::from)
            }

            fn into_value(self) -> Value {
                Object::from(self).into()
            }
        })*
    };
}

impl Typed for i64 {
    fn read(value: &Value) -> Option<Self> {
        value.as_integer()
    }

    fn into_value(self) -> Value {
        self.into()
    }
}

impl Typed for String {
    fn read(value: &Value) -> Option<Self> {
        value.as_str().map(Self::from)
    }

    fn into_value(self) -> Value {
        self.as_str().into()
    }
}

impl Typed for Object {
    fn read(value: &Value) -> Option<Self> {
        value.as_object().cloned()
    }

    fn into_value(self) -> Value {
        self.into()
    }
}

text! { SmolStr ResourceId ExternalId Password }
complex! { Address Manager MultiValue Name }
