//! Functions that choose and test.

use super::{Definition, Kind, optional, required};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "Switch",
        &[
            required("source", Kind::Text).each(),
            optional("defaultValue", Kind::Any),
            required("switchValue", Kind::Text),
            required("switchValue", Kind::Any),
        ],
        Kind::Any,
    )
    .repeating(2, 1),
    Definition::new(
        "IIF",
        &[
            required("condition", Kind::Boolean),
            required("valueIfTrue", Kind::Any),
            required("valueIfFalse", Kind::Any),
        ],
        Kind::Any,
    ),
    Definition::new("Coalesce", &[required("source", Kind::Any)], Kind::Any).repeating(1, 1),
    Definition::new(
        "IgnoreFlowIfNullOrEmpty",
        &[required("expression", Kind::Any)],
        Kind::Any,
    ),
    Definition::new("IsNull", &[required("expression", Kind::Any)], Kind::Boolean),
    Definition::new("IsNothing", &[required("source", Kind::Any)], Kind::Boolean).of_cloud_sync(),
    Definition::new(
        "IsNullOrEmpty",
        &[required("expression", Kind::Any)],
        Kind::Boolean,
    ),
    Definition::new("IsPresent", &[required("expression", Kind::Any)], Kind::Boolean),
    Definition::new("IsString", &[required("expression", Kind::Any)], Kind::Boolean),
    Definition::new("Not", &[required("source", Kind::Any)], Kind::Boolean),
    Definition::new("CBool", &[required("expression", Kind::Any)], Kind::Boolean),
    Definition::new("CStr", &[required("value", Kind::Text).each()], Kind::Text),
    Definition::new(
        "BitAnd",
        &[
            required("value1", Kind::Integer),
            required("value2", Kind::Integer),
        ],
        Kind::Integer,
    ),
    Definition::new("Error", &[required("message", Kind::Text)], Kind::Any).of_cloud_sync(),
];
