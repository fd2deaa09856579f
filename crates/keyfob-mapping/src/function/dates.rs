//! Functions of dates.

use super::{Definition, Kind, optional, required};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new("CDate", &[required("expression", Kind::Date).each()], Kind::Date),
    Definition::new(
        "DateAdd",
        &[
            required("interval", Kind::Interval),
            required("value", Kind::Integer),
            required("dateTime", Kind::Date).each(),
        ],
        Kind::Date,
    ),
    Definition::new(
        "DateDiff",
        &[
            required("interval", Kind::Interval),
            required("date1", Kind::Date),
            required("date2", Kind::Date),
        ],
        Kind::Integer,
    ),
    Definition::new("DateFromNum", &[required("value", Kind::Integer)], Kind::Date),
    Definition::new(
        "NumFromDate",
        &[required("value", Kind::Date).each()],
        Kind::Integer,
    ),
    Definition::new(
        "FormatDateTime",
        &[
            required("source", Kind::Text).each(),
            optional("dateTimeStyles", Kind::Text),
            required("inputFormat", Kind::Text),
            required("outputFormat", Kind::Text),
        ],
        Kind::Text,
    )
    .also_without(1),
    Definition::new("Now", &[], Kind::Date),
];
