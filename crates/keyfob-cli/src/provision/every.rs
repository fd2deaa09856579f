//! Runs that come again and again.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{Answer, Unusable, output, time};

/// The longest time between two runs: 30 days.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Returns the time between two runs that a text such as `40m` says.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    time::parse(text, LONGEST)
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
