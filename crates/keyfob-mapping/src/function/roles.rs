//! Functions of application roles.

use super::{Definition, Kind, required};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "SingleAppRoleAssignment",
        &[required("source", Kind::Any)],
        Kind::Text,
    ),
    Definition::new("AppRoleAssignments", &[required("source", Kind::Any)], Kind::List),
    Definition::new(
        "AppRoleAssignmentsComplex",
        &[required("source", Kind::Any)],
        Kind::List,
    ),
    Definition::new(
        "AssertiveAppRoleAssignmentsComplex",
        &[required("source", Kind::Any)],
        Kind::List,
    ),
];
