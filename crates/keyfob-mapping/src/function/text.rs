//! Functions of text.

use super::{Definition, Kind, optional, required};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "Append",
        &[
            required("source", Kind::Text).each(),
            required("suffix", Kind::Text),
        ],
        Kind::Text,
    ),
    Definition::new(
        "Prepend",
        &[
            required("prefix", Kind::Text),
            required("source", Kind::Text).each(),
        ],
        Kind::Text,
    )
    .of_cloud_sync(),
    Definition::new(
        "Join",
        &[required("separator", Kind::Text), required("source", Kind::Any)],
        Kind::Text,
    )
    .repeating(1, 1),
    Definition::new(
        "Split",
        &[
            required("source", Kind::Text).each(),
            required("delimiter", Kind::Text),
        ],
        Kind::List,
    ),
    Definition::new(
        "Left",
        &[
            required("String", Kind::Text).each(),
            required("NumChars", Kind::Integer),
        ],
        Kind::Text,
    ),
    Definition::new(
        "Mid",
        &[
            required("source", Kind::Text).each(),
            required("start", Kind::Integer),
            required("length", Kind::Integer),
        ],
        Kind::Text,
    ),
    Definition::new("Trim", &[required("source", Kind::Text).each()], Kind::Text).of_cloud_sync(),
    Definition::new(
        "StripSpaces",
        &[required("source", Kind::Text).each()],
        Kind::Text,
    ),
    Definition::new(
        "ToLower",
        &[
            required("source", Kind::Text).each(),
            optional("culture", Kind::Culture),
        ],
        Kind::Text,
    ),
    Definition::new(
        "ToUpper",
        &[
            required("source", Kind::Text).each(),
            optional("culture", Kind::Culture),
        ],
        Kind::Text,
    ),
    Definition::new(
        "PCase",
        &[
            required("source", Kind::Text).each(),
            optional("wordSeparators", Kind::Text),
        ],
        Kind::Text,
    ),
    Definition::new(
        "NormalizeDiacritics",
        &[required("source", Kind::Text).each()],
        Kind::Text,
    ),
    Definition::new(
        "Word",
        &[
            required("String", Kind::Text).each(),
            required("WordNumber", Kind::Integer),
            required("Delimiters", Kind::Text),
        ],
        Kind::Text,
    ),
    Definition::new(
        "InStr",
        &[
            required("value1", Kind::Text).each(),
            required("value2", Kind::Text),
            optional("start", Kind::Integer),
            optional("compareType", Kind::CompareType),
        ],
        Kind::Integer,
    ),
    Definition::new(
        "DNComponent",
        &[
            required("dn", Kind::Text).each(),
            required("number", Kind::Integer),
        ],
        Kind::Text,
    )
    .of_cloud_sync(),
    Definition::new(
        "Replace",
        &[
            required("source", Kind::Text).each(),
            optional("Find", Kind::Text),
            optional("RegularExpression", Kind::Pattern),
            optional("RegularExpressionGroupName", Kind::Text),
            optional("Replacement", Kind::Text),
            optional("ReplacementPropertyName", Kind::AttributeName),
            optional("Template", Kind::Text),
        ],
        Kind::Text,
    ),
];
