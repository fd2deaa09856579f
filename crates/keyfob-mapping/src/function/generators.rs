//! Functions that make what was not there, and those that speak of the flow.

use super::{Definition, Kind, optional, required};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new("Guid", &[], Kind::Text),
    Definition::new(
        "RandomString",
        &[
            required("Length", Kind::Integer),
            required("MinimumNumbers", Kind::Integer),
            required("MinimumSpecialCharacters", Kind::Integer),
            required("MinimumCapital", Kind::Integer),
            required("MinimumLowerCase", Kind::Integer),
            optional("CharactersToAvoid", Kind::Text),
        ],
        Kind::Text,
    ),
    Definition::new("Redact", &[required("expression", Kind::Any)], Kind::Any),
    Definition::new(
        "SelectUniqueValue",
        &[required("uniqueValueRule", Kind::Any)],
        Kind::Any,
    )
    .repeating(1, 2),
];
