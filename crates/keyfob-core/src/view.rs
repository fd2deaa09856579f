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

mod enterprise;
mod extension;
mod field;
mod group;
mod user;
mod value;
mod verkada;

pub use self::{
    enterprise::{EnterpriseUser, Manager},
    group::Group,
    user::User,
    value::{Address, MultiValue, Name, Password},
    verkada::{AccessUser, CoreUser},
};
