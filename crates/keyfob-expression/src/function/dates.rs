//! Functions of dates.

use std::borrow::Cow;

use super::{Definition, Kind, optional, required};
use crate::{
    dotnet::date_time::{self, DateTimeError, Interval, Styles},
    evaluate::{Call, EvaluateError, Evaluated, NULL},
    value::Value,
};

pub(super) static FUNCTIONS: &[Definition] = &[
    Definition::new(
        "CDate",
        &[required("expression", Kind::Date).each()],
        Kind::Date,
        c_date,
    ),
    Definition::new(
        "DateAdd",
        &[
            required("interval", Kind::Interval),
            required("value", Kind::Integer),
            required("dateTime", Kind::Date).each(),
        ],
        Kind::Date,
        date_add,
    ),
    Definition::new(
        "DateDiff",
        &[
            required("interval", Kind::Interval),
            required("date1", Kind::Date),
            required("date2", Kind::Date),
        ],
        Kind::Integer,
        date_diff,
    ),
    Definition::new(
        "DateFromNum",
        &[required("value", Kind::Integer)],
        Kind::Date,
        date_from_num,
    ),
    Definition::new(
        "NumFromDate",
        &[required("value", Kind::Date).each()],
        Kind::Integer,
        num_from_date,
    ),
    Definition::new(
        "FormatDateTime",
        &[
            required("source", Kind::Text).each(),
            optional("dateTimeStyles", Kind::Text),
            required("inputFormat", Kind::Format),
            required("outputFormat", Kind::Format),
        ],
        Kind::Text,
        format_date_time,
    )
    .also_without(1),
    Definition::new("Now", &[], Kind::Date, now),
];

fn c_date<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    match call.date(0)? {
        None => Ok(NULL),
        Some(date) => call.made_date(Ok(date)),
    }
}

fn date_add<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    match (interval(call)?, call.integer(1)?, call.date(2)?) {
        (Some(interval), Some(count), Some(date)) => call.made_date(date_time::add(interval, count, date)),
        _ => Ok(NULL),
    }
}

fn date_diff<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    match (interval(call)?, call.date(1)?, call.date(2)?) {
        (Some(interval), Some(from), Some(to)) => Ok(Cow::Owned(date_time::diff(interval, from, to).into())),
        _ => Ok(NULL),
    }
}

fn interval(call: &Call<'_, '_>) -> Result<Option<Interval>, EvaluateError> {
    match call.text(0)? {
        None => Ok(None),
        Some(name) => match name.parse::<Interval>() {
            Ok(interval) => Ok(Some(interval)),
            Err(error) => Err(call.fail_at(0, error)),
        },
    }
}

fn date_from_num<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    match call.integer(0)? {
        None => Ok(NULL),
        Some(ticks) => call.made_date(date_time::from_file_time(ticks)),
    }
}

fn num_from_date<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    match call.date(0)? {
        None => Ok(NULL),
        Some(date) => match date_time::to_file_time(date) {
            Ok(ticks) => Ok(Cow::Owned(ticks.into())),
            Err(error) => Err(call.fail_at(0, error)),
        },
    }
}

/// A value that is a date already, as `CDate` and `Now` give it, is in no input format: it is written at once.
fn format_date_time<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    if let Value::DateTime(_) = call.value(0)?.reveal()
        && let Some(date) = call.date(0)?
    {
        return call.with_format(3, |output| call.made(output.format(date, date_time::Kind::Utc)));
    }
    let Some(source) = call.text(0)?.filter(|source| !source.is_empty()) else {
        return Ok(NULL);
    };
    let styles = match call.text(1)? {
        None => Styles::default(),
        Some(names) => names
            .parse()
            .map_err(|error: DateTimeError| call.fail_at(1, error))?,
    };
    call.with_format(2, |input| {
        let (date, kind) = input
            .parse(&source, styles)
            .map_err(|error| call.fail_at(0, error))?;
        call.with_format(3, |output| call.made(output.format(date, kind)))
    })
}

#[expect(clippy::unnecessary_wraps, reason = "what a row of the table needs")]
fn now<'v>(call: &Call<'_, 'v>) -> Evaluated<'v> {
    Ok(Cow::Owned(call.environment().now.into()))
}
