//! Runs that come again and again.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{Answer, Unusable, output};

/// The longest time between two runs: 30 days.
const LONGEST: u64 = 30 * 24 * 60 * 60;

/// Returns the time that a text such as `40m` says.
pub(super) fn time(text: &str) -> Result<Duration, String> {
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
        'd' => 24 * 60 * 60,
        _ => return Err(told()),
    };
    // Without a sign and blanks, which `parse` would take.
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(told());
    }
    let seconds = number.parse::<u64>().map_err(|_| told())?.checked_mul(seconds);
    match seconds {
        Some(seconds @ 1..=LONGEST) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("`{text}` is not between 1s and 30d")),
    }
}

/// Does a run again and again, until a signal ends the process. One in the middle of a run does no harm: the next one finds out what
/// came of it.
///
/// # Errors
/// Those of the first run: arguments that can't be used are told at once. What a later one can't read is told, and read again.
pub(super) fn run(
    time: Duration,
    mut once: impl FnMut() -> Result<Answer, Unusable>,
) -> Result<Answer, Unusable> {
    let mut is_first = true;
    loop {
        let start = Instant::now();
        match once() {
            Ok(_) => {}
            Err(error) if is_first || error.is_for_nobody() => return Err(error),
            Err(error) => output::report_lines(&format!("keyfob: {}", error.message())),
        }
        is_first = false;
        thread::sleep(time.saturating_sub(start.elapsed()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_a_unit() {
        for (text, expected) in [
            ("90s", Some(90)),
            ("40m", Some(2_400)),
            ("6h", Some(21_600)),
            ("30d", Some(LONGEST)),
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
            assert_eq!(time(text).ok(), expected.map(Duration::from_secs), "{text}");
        }
    }
}
