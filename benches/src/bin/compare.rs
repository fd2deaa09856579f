//! Compares two runs of the benches by their ratios to the floor.

use std::{collections::BTreeMap, env, fs, process::ExitCode};

use keyfob_benches::result::{Comparison, Ratio, compare};

const USAGE: &str = "usage: compare BASELINE CURRENT [--threshold 1.15] [FILTER]

Both files hold what benches wrote to KEYFOB_BENCH_JSON; of several runs the median counts. A bench is slower where its ratio
to the floor is more than THRESHOLD times that of the baseline, and beyond what either may be: the bounds that its runs have,
or the middle half of five runs and more. Then the exit code is 1. FILTER compares benches whose name contains it.";

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what the command is for"
)]
fn main() -> ExitCode {
    match run(env::args().skip(1)) {
        Ok(comparison) => {
            println!("{comparison}");
            ExitCode::from(u8::from(comparison.is_slower()))
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: impl Iterator<Item = String>) -> Result<Comparison, String> {
    let (mut files, mut threshold, mut arguments) = (Vec::new(), 1.15, arguments);
    while let Some(argument) = arguments.next() {
        if argument == "--threshold" {
            let number = arguments.next().and_then(|text| text.parse().ok());
            let number = number.filter(|number: &f64| number.is_finite() && *number >= 1.0);
            threshold = number.ok_or("--threshold takes a number of at least 1")?;
        } else if argument.starts_with("--") {
            return Err(USAGE.into());
        } else {
            files.push(argument);
        }
    }
    let (baseline, current, filter) = match files.as_slice() {
        [baseline, current] => (baseline, current, ""),
        [baseline, current, filter] => (baseline, current, filter.as_str()),
        _ => return Err(USAGE.into()),
    };
    let read = |path: &str| -> Result<BTreeMap<String, Ratio>, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        keyfob_benches::result::read(&text).map_err(|error| format!("{path}: {error}"))
    };
    Ok(compare(&read(baseline)?, &read(current)?, threshold, filter))
}
