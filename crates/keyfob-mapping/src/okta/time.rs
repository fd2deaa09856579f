//! `Time.…`: instants as ISO 8601 texts, as Windows and Unix count them, and in patterns of Joda.

use chrono::{DateTime as Instant, NaiveDate, NaiveDateTime, SecondsFormat, TimeZone, Utc};
use chrono_tz::Tz;
use keyfob_core::{DateTime, render::excerpt};
use smol_str::SmolStr;

use super::{error::EvaluateError, function::Function, joda::Pattern, text};
use crate::value::Value;

/// Milliseconds between the start of 1601, from which Windows counts, and that of 1970.
const WINDOWS_EPOCH: i64 = 11_644_473_600_000;
/// What Windows counts in a millisecond.
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
    if function == Function::Now {
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

/// A date, perhaps with a time and an offset, as ISO 8601 writes them. Without an offset UTC is meant.
fn read_iso(text: &str) -> Option<Instant<Utc>> {
    let text = text.trim();
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
