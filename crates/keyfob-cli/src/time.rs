//! Times in arguments.

use std::time::Duration;

/// Returns the time that a text such as `40m` says: a second at least.
pub(crate) fn parse(text: &str, longest: Duration) -> Result<Duration, String> {
    let told = || format!("`{text}` is no time; write a number with a unit, such as 90s, 40m, 6h or 1d");
    let (number, unit) = text
        .char_indices()
        .next_back()
        .and_then(|(end, unit)| Some((text.get(..end)?, unit)))
        .ok_or_else(told)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => DAY,
        _ => return Err(told()),
    };
    // Without a sign and blanks, which `parse` would take.
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(told());
    }
    let seconds = number.parse::<u64>().map_err(|_| told())?.checked_mul(seconds);
    match seconds.map(Duration::from_secs) {
        Some(time) if !time.is_zero() && time <= longest => Ok(time),
        _ => Err(format!(
            "`{text}` is not between 1s and {}d",
            longest.as_secs() / DAY
        )),
    }
}

/// A day, in seconds.
const DAY: u64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_a_unit() {
        let longest = Duration::from_secs(30 * DAY);
        for (text, expected) in [
            ("90s", Some(90)),
            ("40m", Some(2_400)),
            ("6h", Some(21_600)),
            ("30d", Some(30 * DAY)),
            ("31d", None),
            ("0s", None),
            ("40", None),
            ("m", None),
            ("", None),
            ("+4m", None),
            ("-4m", None),
            ("4 m", None),
            ("4M", None),
            ("99999999999999999999d", None),
            ("4\u{b5}", None),
        ] {
            assert_eq!(
                parse(text, longest).ok(),
                expected.map(Duration::from_secs),
                "{text}"
            );
        }
    }
}
