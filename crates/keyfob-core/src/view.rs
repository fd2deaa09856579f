//! Typed views of resources: the attributes of known schemas as fields, and whatever else a resource holds beside them.
//!
//! [`User`] and [`Group`] convert from and to a [`Resource`](crate::Resource); extensions are read from one and written
//! into one. Nothing is lost on the way: attributes that a view doesn't know, sub-attributes it doesn't know and values
//! that are not of their attribute's type stay in a remainder and are written back as they were. What is written has
//! the schema's spelling, whatever spelling was read.
//!
//! A view checks nothing; [`validate`](crate::validate) does.
//!
//! ```
//! use keyfob_core::{
//!     Resource,
//!     view::{EnterpriseUser, MultiValue, User},
//! };
//!
//! let mut user = User::new("bjensen");
//! user.emails.push(MultiValue::new("bjensen@example.com").with_kind("work").with_primary());
//! let mut resource = Resource::from(user);
//! let mut employee = EnterpriseUser::new();
//! employee.department = Some("Tours".into());
//! employee.write_to(&mut resource);
//!
//! assert_eq!(resource.extensions().len(), 1);
//! assert_eq!(EnterpriseUser::from_resource(&resource), Some(employee));
//! assert_eq!(User::from(resource).user_name.as_deref(), Some("bjensen"));
//! ```

/// Defines a view: a structure with one public field for each known attribute and a private remainder.
///
/// `in Resource` makes a view of a whole resource, `in Object` one of a complex value or an extension.
macro_rules! view {
    (
        $(#[$meta:meta])*
        $view:ident in $container:ident {
            $($(#[$field_meta:meta])* $field:ident: $kind:ty = $name:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $view {
            $($(#[$field_meta])* pub $field: $kind,)*
            rest: $container,
        }

        impl From<$container> for $view {
            fn from(mut container: $container) -> Self {
                Self {
                    $($field: Field::take(&mut container, $name),)*
                    rest: container,
                }
            }
        }

        impl From<$view> for $container {
            fn from(view: $view) -> Self {
                let $view { $($field,)* rest: mut container } = view;
                $(Field::put($field, &mut container, $name);)*
                container
            }
        }
    };
}

/// Defines the view of an extension of the application's own: a structure with a field for each attribute that it knows.
///
/// Each field is an `Option` or a `Vec` of a [`Typed`](crate::view::Typed) value, and stands beside the attribute's name.
/// The structure has `new`, `uri`, `from_resource` and `write_to`; what it doesn't know of the extension stays in a
/// remainder and is written back as it was. `write_to` keeps the `schemas` of the resource right (RFC 7643 section 3.3).
///
/// ```
/// use keyfob_core::{Registry, Resource, SchemaUri, extension};
///
/// extension! {
///     /// Where a user works.
///     pub struct Workplace = "urn:example:params:scim:schemas:extension:workplace:2.0:User" {
///         /// The number of the seat.
///         pub seat: Option<i64> = "seat",
///         /// The floors that the user has access to.
///         pub floors: Vec<String> = "floors",
///     }
/// }
///
/// let user = Registry::rfc().resource_type("User").unwrap();
/// let body = br#"{"userName": "bjensen", "urn:example:params:scim:schemas:extension:workplace:2.0:User":
///     {"SEAT": 7, "desk": "left"}}"#;
/// let mut resource = Resource::from_json(body, user)?;
/// let mut workplace = Workplace::from_resource(&resource).unwrap();
/// assert_eq!(workplace.seat, Some(7));
/// workplace.floors.push("ground".into());
/// workplace.write_to(&mut resource);
/// assert_eq!(resource.schemas(), [Workplace::uri()]);
/// let written = resource.extension(&Workplace::uri()).unwrap();
/// assert_eq!((written.get_str("desk"), written.len()), (Some("left"), 3));
///
/// Workplace::new().write_to(&mut resource);
/// assert!(resource.schemas().is_empty() && resource.extensions().is_empty());
/// # Ok::<(), keyfob_core::json::JsonError>(())
/// ```
#[macro_export]
macro_rules! extension {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $view:ident = $uri:literal {
            $($(#[$field_meta:meta])* $field_visibility:vis $field:ident: $kind:ty = $name:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        $visibility struct $view {
            $($(#[$field_meta])* $field_visibility $field: $kind,)*
            rest: $crate::Object,
        }

        impl From<$crate::Object> for $view {
            fn from(mut object: $crate::Object) -> Self {
                Self {
                    $($field: $crate::view::Field::<$crate::Object>::take(&mut object, $name),)*
                    rest: object,
                }
            }
        }

        impl From<$view> for $crate::Object {
            fn from(view: $view) -> Self {
                let $view { $($field,)* rest: mut object } = view;
                $($crate::view::Field::<$crate::Object>::put($field, &mut object, $name);)*
                object
            }
        }

        impl $view {
            /// Creates an extension that holds nothing yet.
            #[must_use]
            $visibility fn new() -> Self {
                Self::default()
            }

            /// Returns the URI of the extension's schema.
            #[must_use]
            $visibility fn uri() -> $crate::SchemaUri {
                $crate::SchemaUri::new($uri)
            }

            /// Returns the extension of a resource, if it has it.
            #[must_use]
            $visibility fn from_resource(resource: &$crate::Resource) -> Option<Self> {
                resource.extension(&Self::uri()).cloned().map(Self::from)
            }

            /// Puts it in place of the resource's extension and names it in `schemas`; one that holds nothing is taken
            /// out.
            $visibility fn write_to(&self, resource: &mut $crate::Resource) {
                resource.set_extension(&Self::uri(), self.clone().into());
            }
        }
    };
}

mod enterprise;
mod extension;
mod field;
mod group;
mod user;
mod value;
mod verkada;

pub use self::{
    enterprise::{EnterpriseUser, Manager},
    field::{Field, Typed},
    group::Group,
    user::User,
    value::{Address, MultiValue, Name, Password},
    verkada::{AccessUser, CoreUser},
};
