//! The views of administrators.

mod access;
mod link;
mod organization;
mod person;
mod record;
mod webhook;

use std::fmt;

use keyfob_core::{DateTime, Object, ResourceId, Value};
use smol_str::{SmolStr, ToSmolStr};

pub use self::{
    access::{AccessGroup, Door, DoorDecision, Level},
    link::{Domain, Linked, Provisioning, SetupLink, SetupLinkIssued, Synchronization, Token, TokenIssued},
    organization::{AdminToken, AdminTokenIssued, Guide, Identity, Organization, Overview},
    person::{Credential, Grant, Group, Mapping, Role, Unit, User},
    record::{Event, EventActor, Request},
    webhook::{DeadLetter, Redelivered, Webhook, WebhookSecret},
};

/// A type of views, as data: for documents that describe an API, for tables and for pages.
#[derive(Debug)]
#[non_exhaustive]
pub struct ViewType {
    /// The name.
    pub name: &'static str,
    /// A description, without a full stop.
    pub about: &'static str,
    /// The fields in their order.
    pub fields: &'static [Field],
}

/// A field of views.
#[derive(Debug)]
#[non_exhaustive]
pub struct Field {
    /// The name, in camel case.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// The form of its values.
    pub shape: Shape,
}

/// The form of a field's values.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "an adapter shows every one")]
pub enum Shape {
    /// A text.
    Text,
    /// True or false.
    Flag,
    /// A whole number.
    Number,
    /// An instant of RFC 3339.
    Instant,
    /// Whatever JSON there is.
    Any,
    /// A text that is shown once, in the answer of the operation that made it.
    Secret,
    /// A list.
    List(&'static Shape),
    /// Null or a value.
    Optional(&'static Shape),
    /// A view.
    View(&'static ViewType),
}

/// Something that administrators see.
pub trait View {
    /// Its type.
    const TYPE: &'static ViewType;

    /// Returns the document.
    fn to_object(&self) -> Object;
}

/// A value of a field.
pub(crate) trait Shown {
    const SHAPE: Shape;

    fn to_value(&self) -> Value;
}

macro_rules! shown {
    ($($type:ty: $shape:ident = $to_value:expr;)*) => {
        $(impl Shown for $type {
            const SHAPE: Shape = Shape::$shape;

            fn to_value(&self) -> Value {
                let to_value: fn(&Self) -> Value = $to_value;
                to_value(self)
            }
        })*
    };
}

shown! {
    SmolStr: Text = |text| text.clone().into();
    &'static str: Text = |text| SmolStr::new_static(text).into();
    ResourceId: Text = |id| id.as_str().into();
    bool: Flag = |flag| (*flag).into();
    usize: Number = |number| i64::try_from(*number).unwrap_or(i64::MAX).into();
    u64: Number = |number| i64::try_from(*number).unwrap_or(i64::MAX).into();
    DateTime: Instant = |at| at.to_smolstr().into();
    Object: Any = |object| object.clone().into();
    Secret: Secret = |secret| secret.0.clone().into();
}

/// A text that is shown once. `Debug` doesn't show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(SmolStr);

impl Secret {
    /// Returns the text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl<T: Into<SmolStr>> From<T> for Secret {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Field {
    /// Returns true if the values are shown once.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.shape, Shape::Secret | Shape::Optional(Shape::Secret))
    }
}

impl<T: Shown> Shown for Option<T> {
    const SHAPE: Shape = Shape::Optional(&T::SHAPE);

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Shown::to_value)
    }
}

impl<T: Shown> Shown for Vec<T> {
    const SHAPE: Shape = Shape::List(&T::SHAPE);

    fn to_value(&self) -> Value {
        self.iter().map(Shown::to_value).collect::<Vec<_>>().into()
    }
}

/// Defines views: structs with their types as data.
macro_rules! view {
    ($($(#[doc = $about:literal])+ $name:ident {
        $($(#[doc = $field_about:literal])+ $json:literal $field:ident: $type:ty,)*
    })*) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug, PartialEq)]
            #[non_exhaustive]
            pub struct $name {
                $($(#[doc = $field_about])+ pub $field: $type,)*
            }

            impl $crate::view::View for $name {
                const TYPE: &'static $crate::view::ViewType = &$crate::view::ViewType {
                    name: stringify!($name),
                    about: concat!($($about),+),
                    fields: &[$($crate::view::Field {
                        name: $json,
                        about: concat!($($field_about),+),
                        shape: <$type as $crate::view::Shown>::SHAPE,
                    }),*],
                };

                fn to_object(&self) -> keyfob_core::Object {
                    let mut object = keyfob_core::Object::new();
                    $(object.insert($json, $crate::view::Shown::to_value(&self.$field));)*
                    object
                }
            }

            impl $crate::view::Shown for $name {
                const SHAPE: $crate::view::Shape = $crate::view::Shape::View(<Self as $crate::view::View>::TYPE);

                fn to_value(&self) -> keyfob_core::Value {
                    $crate::view::View::to_object(self).into()
                }
            }
        )*
    };
}

use view;
