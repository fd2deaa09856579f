//! `Time.…`: instants as ISO 8601 texts, as Windows and Unix count them, and in patterns of Joda.

use chrono::{DateTime as Instant, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use keyfob_core::{DateTime, render::excerpt};
use keyfob_expression::Value;
use smol_str::SmolStr;

use super::{error::EvaluateError, function::Function, joda::Pattern, text};

/// Milliseconds between the start of 1601, from which Windows counts, and that of 1970.
const WINDOWS_EPOCH: i64 = 11_644_473_600_000;
/// The ticks of Windows in a millisecond.
const TICKS: i64 = 10_000;

/// Calls a function of time. Null stays null.
pub(super) fn call(now: DateTime, function: Function, arguments: &[Value]) -> Result<Value, EvaluateError> {
    let name = function.name();
    let texts = arguments.iter().map(|argument| text::text(name, argument));
    let texts = texts.collect::<Result<Vec<Option<SmolStr>>, _>>()?;
    let out_of_range = || EvaluateError::OutOfRange { function: name };
    let now = Instant::from_timestamp_millis(now.unix_millis()).ok_or_else(out_of_range)?;
    let (first, second) = match texts.as_slice() {
        [] => (None, None),
        [first] => (first.as_ref(), None),
        [first, second, ..] => (first.as_ref(), second.as_ref()),
    };
    if let Function::Now | Function::DateTimeNow = function {
        let zone = first.map_or(Ok(Tz::UTC), |name| zone(name))?;
        let local = now.with_timezone(&zone);
        return match second {
            None => iso(&local, name),
            Some(pattern) => Pattern::parse(pattern, name)?
                .write(&local, name)
                .map(Value::from),
        };
    }
    let Some(input) = first else {
        return Ok(Value::Null);
    };
    let malformed = || EvaluateError::Malformed {
        function: name,
        text: excerpt(input),
    };
    let read = || read_iso(input).ok_or_else(malformed);
    let count = || input.trim().parse::<i64>().map_err(|_| malformed());
    match (function, second) {
        (Function::FromWindowsToIso8601, _) => {
            let millis = count()?.div_euclid(TICKS) - WINDOWS_EPOCH;
            let instant = Instant::from_timestamp_millis(millis).ok_or_else(out_of_range)?;
            iso(&instant, name)
        }
        (Function::FromUnixToIso8601, _) => {
            let instant = Instant::from_timestamp(count()?, 0).ok_or_else(out_of_range)?;
            iso(&instant, name)
        }
        (Function::FromIso8601ToWindows, _) => {
            let millis = read()?.timestamp_millis().checked_add(WINDOWS_EPOCH);
            let ticks = millis.and_then(|millis| millis.checked_mul(TICKS));
            Ok(ticks.ok_or_else(out_of_range)?.to_string().into())
        }
        (Function::FromIso8601ToUnix, _) => Ok(read()?.timestamp().to_string().into()),
        (Function::FromStringToIso8601, Some(pattern)) => {
            let instant = Pattern::parse(pattern, name)?
                .read(input, now)?
                .ok_or_else(malformed)?;
            iso(&instant, name)
        }
        (Function::FromIso8601ToString, Some(pattern)) => {
            let instant = read()?.with_timezone(&Tz::UTC);
            Pattern::parse(pattern, name)?
                .write(&instant, name)
                .map(Value::from)
        }
        _ => Ok(Value::Null),
    }
}

/// `2015-07-31T17:18:37.979Z`, or with an offset in place of the `Z`.
fn iso<T: TimeZone>(instant: &Instant<T>, function: &'static str) -> Result<Value, EvaluateError>
where
    T::Offset: std::fmt::Display,
{
    use chrono::Datelike as _;
    if !(0..=9999).contains(&instant.year()) {
        return Err(EvaluateError::OutOfRange { function });
    }
    Ok(instant.to_rfc3339_opts(SecondsFormat::Millis, true).into())
}

/// The instant that a value of a method is; none for null.
fn instant(function: &'static str, value: &Value) -> Result<Option<Instant<Utc>>, EvaluateError> {
    let Some(input) = text::text(function, value)? else {
        return Ok(None);
    };
    let malformed = || EvaluateError::Malformed {
        function,
        text: excerpt(&input),
    };
    read_iso(&input).map(Some).ok_or_else(malformed)
}

/// The instant that a text of milliseconds since 1970 is.
pub(super) fn from_unix_millis(function: &'static str, value: &Value) -> Result<Value, EvaluateError> {
    let Some(input) = text::text(function, value)? else {
        return Ok(Value::Null);
    };
    let millis = input.trim().parse().map_err(|_| EvaluateError::Malformed {
        function,
        text: excerpt(&input),
    })?;
    let instant = Instant::from_timestamp_millis(millis).ok_or(EvaluateError::OutOfRange { function })?;
    iso(&instant, function)
}

/// The instant that a text is, in ISO 8601 or by a pattern.
pub(super) fn from_text(
    now: DateTime,
    function: &'static str,
    value: &Value,
    pattern: Option<&Value>,
) -> Result<Value, EvaluateError> {
    match pattern {
        None => instant(function, value)?.map_or(Ok(Value::Null), |instant| iso(&instant, function)),
        Some(pattern) => call(
            now,
            Function::FromStringToIso8601,
            &[value.clone(), pattern.clone()],
        ),
    }
}

/// The milliseconds from 1970 to an instant.
pub(super) fn to_unix_millis(function: &'static str, value: &Value) -> Result<Value, EvaluateError> {
    let instant = instant(function, value)?;
    Ok(instant.map_or(Value::Null, |instant| {
        instant.timestamp_millis().to_string().into()
    }))
}

/// An instant by a pattern, or in ISO 8601 without a fraction that is nothing.
pub(super) fn to_text(
    function: &'static str,
    value: &Value,
    pattern: Option<&Value>,
) -> Result<Value, EvaluateError> {
    let Some(instant) = instant(function, value)? else {
        return Ok(Value::Null);
    };
    let Some(pattern) = pattern else {
        return Ok(instant.to_rfc3339_opts(SecondsFormat::AutoSi, true).into());
    };
    let pattern = text::required(function, pattern)?;
    let written = Pattern::parse(&pattern, function)?.write(&instant.with_timezone(&Tz::UTC), function);
    written.map(Value::from)
}

/// The same instant in a time zone, whose name stands behind it.
pub(super) fn to_zone(
    function: &'static str,
    value: &Value,
    name: Option<&Value>,
) -> Result<Value, EvaluateError> {
    let Some(instant) = instant(function, value)? else {
        return Ok(Value::Null);
    };
    let name = text::required(function, name.unwrap_or(&Value::Null))?;
    let local = instant.with_timezone(&zone(&name)?);
    let written = local.to_rfc3339_opts(SecondsFormat::Millis, true);
    Ok(format!("{written}[{name}]").into())
}

/// The instant so many units of `seconds` later.
pub(super) fn shift(
    function: &'static str,
    value: &Value,
    arguments: &[Value],
    seconds: i64,
) -> Result<Value, EvaluateError> {
    let Some(instant) = instant(function, value)? else {
        return Ok(Value::Null);
    };
    let out_of_range = || EvaluateError::OutOfRange { function };
    let delta = delta(function, arguments, seconds)?.ok_or_else(out_of_range)?;
    let shifted = instant.checked_add_signed(delta).ok_or_else(out_of_range)?;
    iso(&shifted, function)
}

/// Returns true if an instant is at most so many units of `seconds` away from now.
pub(super) fn within(
    now: DateTime,
    function: &'static str,
    value: &Value,
    arguments: &[Value],
    seconds: i64,
) -> Result<Value, EvaluateError> {
    let Some(instant) = instant(function, value)? else {
        return Ok(Value::Null);
    };
    let out_of_range = || EvaluateError::OutOfRange { function };
    let delta = delta(function, arguments, seconds)?.ok_or_else(out_of_range)?;
    let now = Instant::from_timestamp_millis(now.unix_millis()).ok_or_else(out_of_range)?;
    Ok(Value::Boolean((now - instant).abs() <= delta))
}

fn delta(
    function: &'static str,
    arguments: &[Value],
    seconds: i64,
) -> Result<Option<TimeDelta>, EvaluateError> {
    let count = text::integer(function, arguments.first().unwrap_or(&Value::Null))?;
    Ok(count.checked_mul(seconds).and_then(TimeDelta::try_seconds))
}

/// A date, perhaps with a time and an offset, as ISO 8601 writes them. Without an offset UTC is meant; the name of a zone
/// behind it is passed over.
fn read_iso(text: &str) -> Option<Instant<Utc>> {
    let text = text.trim();
    let text = text
        .strip_suffix(']')
        .and_then(|text| text.split_once('['))
        .map_or(text, |(time, _)| time);
    let with_offset = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"];
    let with_time = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    // Years of other lengths are read too, but no one means them.
    if !text.bytes().take(4).all(|byte| byte.is_ascii_digit()) || text.as_bytes().get(4) != Some(&b'-') {
        return None;
    }
    let offset = || {
        with_offset
            .iter()
            .find_map(|format| Instant::parse_from_str(text, format).ok())
    };
    let time = || {
        with_time
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    };
    let date = || {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)
    };
    offset()
        .map(|instant| instant.to_utc())
        .or_else(|| time().or_else(date).map(|local| local.and_utc()))
}

/// The time zone of a name, of the old ones with three letters too, which mean what Java takes them to mean.
pub(super) fn zone(name: &str) -> Result<Tz, EvaluateError> {
    const OLD: [(&str, Tz); 31] = [
        // Names that Okta lists and the IANA database has given up.
        ("Canada/East-Saskatchewan", Tz::America__Regina),
        ("US/Pacific-New", Tz::America__Los_Angeles),
        ("ACT", Tz::Australia__Darwin),
        ("AET", Tz::Australia__Sydney),
        ("AGT", Tz::America__Argentina__Buenos_Aires),
        ("ART", Tz::Africa__Cairo),
        ("AST", Tz::America__Anchorage),
        ("BET", Tz::America__Sao_Paulo),
        ("BST", Tz::Asia__Dhaka),
        ("CAT", Tz::Africa__Harare),
        ("CNT", Tz::America__St_Johns),
        ("CST", Tz::America__Chicago),
        ("CTT", Tz::Asia__Shanghai),
        ("EAT", Tz::Africa__Addis_Ababa),
        ("ECT", Tz::Europe__Paris),
        ("EST", Tz::America__New_York),
        ("HST", Tz::Pacific__Honolulu),
        ("IET", Tz::America__Indiana__Indianapolis),
        ("IST", Tz::Asia__Kolkata),
        ("JST", Tz::Asia__Tokyo),
        ("MIT", Tz::Pacific__Apia),
        ("MST", Tz::America__Denver),
        ("NET", Tz::Asia__Yerevan),
        ("NST", Tz::Pacific__Auckland),
        ("PLT", Tz::Asia__Karachi),
        ("PNT", Tz::America__Phoenix),
        ("PRT", Tz::America__Puerto_Rico),
        ("PST", Tz::America__Los_Angeles),
        ("SST", Tz::Pacific__Guadalcanal),
        ("UTC", Tz::UTC),
        ("VST", Tz::Asia__Ho_Chi_Minh),
    ];
    let old = OLD.iter().find(|(old, _)| *old == name).map(|(_, zone)| *zone);
    old.or_else(|| name.parse().ok())
        .ok_or_else(|| EvaluateError::UnknownZone { zone: excerpt(name) })
}
