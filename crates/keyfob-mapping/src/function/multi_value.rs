//! Functions of lists.

use super::{Definition, Kind, required};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new("Count", &[required("attribute", Kind::Any)], Kind::Integer),
    Definition::new(
        "Item",
        &[required("attribute", Kind::Any), required("index", Kind::Integer)],
        Kind::Text,
    ),
    Definition::new(
        "RemoveDuplicates",
        &[required("attribute", Kind::Any)],
        Kind::List,
    ),
];
