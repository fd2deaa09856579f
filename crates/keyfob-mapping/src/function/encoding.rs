//! Functions that encode text.

use super::{Definition, Kind, required};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "ConvertToBase64",
        &[required("source", Kind::Text).each()],
        Kind::Text,
    ),
    Definition::new(
        "ConvertFromBase64",
        &[required("source", Kind::Text).each()],
        Kind::Text,
    )
    .of_cloud_sync(),
    Definition::new(
        "ConvertToUTF8Hex",
        &[required("source", Kind::Text).each()],
        Kind::Text,
    ),
];
