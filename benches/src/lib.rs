//! What every bench needs: inputs, and ours measured against a floor.

use std::{
    env,
    fs::OpenOptions,
    hint::black_box,
    io::Write,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use criterion::Criterion;

pub mod result;

use self::result::Measured;

/// The full user of RFC 7643 section 8.2.
pub const USER: &[u8] = include_bytes!("../../testdata/rfc7643/8.2-full-user.json");

/// A group of so many members as a service provider answers it: UUIDs, names, addresses and types.
#[must_use]
pub fn group(members: u32) -> Vec<u8> {
    let members: Vec<String> = (0..members)
        .map(|number| {
            // A multiplication by an odd number permutes; the ids look random and are all different.
            let id = uuid(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
            format!(
                r#"{{"value":"{id}","$ref":"https://example.com/scim/v2/Users/{id}","display":"Member {number}","type":"User"}}"#
            )
        })
        .collect();
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"e9e30dba-f08f-4109-8486-d5c6a331660a","displayName":"Tour Guides","members":[{}]}}"#,
        members.join(",")
    )
    .into_bytes()
}

fn uuid(number: u128) -> String {
    let digits = format!("{number:032x}");
    let mut text = String::with_capacity(36);
    for (place, digit) in digits.chars().enumerate() {
        if matches!(place, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// Criterion with its command line, and with samples few enough that all benches take a minute or two.
#[must_use]
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args()
}

/// Returns true if the command line asks for a bench: it has no filter, or the name contains it.
fn is_wanted(name: &str) -> bool {
    // What criterion takes with a value of its own is none.
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if VALUED.contains(&argument.as_str()) {
            arguments.next();
        } else if !argument.starts_with('-') {
            return name.contains(&argument);
        }
    }
    true
}

/// Options of criterion that are followed by a value.
const VALUED: [&str; 14] = [
    "--baseline",
    "-b",
    "--baseline-lenient",
    "--save-baseline",
    "-s",
    "--load-baseline",
    "--sample-size",
    "--warm-up-time",
    "--measurement-time",
    "--nresamples",
    "--noise-threshold",
    "--confidence-level",
    "--significance-level",
    "--color",
];

/// Measures what is `ours` and the `floor` in criterion's way and then against each other: batches of both take turns,
/// and the fastest of each, which whatever else the machine does slowed least, make the ratio that is printed.
/// Dropping what is returned counts for both.
///
/// A bench whose name the command line's filter isn't in is passed over. With `KEYFOB_BENCH_JSON` the result is also
/// appended to the file of that name, for the command `compare`.
pub fn compare<A, B>(
    criterion: &mut Criterion,
    name: &str,
    mut ours: impl FnMut() -> A,
    mut floor: impl FnMut() -> B,
) {
    if !is_wanted(name) {
        return;
    }
    criterion.bench_function(&format!("{name}/keyfob"), |bencher| bencher.iter(&mut ours));
    criterion.bench_function(&format!("{name}/floor"), |bencher| bencher.iter(&mut floor));
    let mut ours = Side::new(ours);
    let mut floor = Side::new(floor);
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        ours.batch();
        floor.batch();
    }
    report(name, ours.fastest, floor.fastest);
}

/// As [`compare`], where each run says itself how long it took, since it has something to prepare.
pub fn compare_timed(name: &str, mut ours: impl FnMut() -> Duration, mut floor: impl FnMut() -> Duration) {
    if !is_wanted(name) {
        return;
    }
    let mut fastest = [Duration::MAX; 2];
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        let [of_ours, of_floor] = fastest;
        fastest = [of_ours.min(ours()), of_floor.min(floor())];
    }
    let [ours, floor] = fastest.map(|fastest| fastest.as_secs_f64() * 1e9);
    report(name, ours, floor);
}

/// The failure of a run.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// Measures runs that may fail, for [`compare_timed`], and keeps the first failure of all.
#[derive(Debug, Default)]
pub struct Runs(Mutex<Option<Failed>>);

impl Runs {
    /// Returns the time that a run takes. One that fails takes for ever.
    pub fn timed(&self, run: impl FnOnce() -> Result<(), Failed>) -> Duration {
        let start = Instant::now();
        match run() {
            Ok(()) => start.elapsed(),
            Err(error) => {
                let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert(error);
                Duration::MAX
            }
        }
    }

    /// Returns the first failure.
    ///
    /// # Errors
    /// The failure.
    pub fn finish(self) -> Result<(), Failed> {
        let first = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        first.map_or(Ok(()), Err)
    }
}

#[expect(clippy::print_stdout, reason = "the ratio is what a bench is for")]
fn report(name: &str, ours: f64, floor: f64) {
    println!(
        "{name}: keyfob {}, floor {}, ratio {:.2}",
        show(ours),
        show(floor),
        ours / floor
    );
    if let Some(path) = env::var_os("KEYFOB_BENCH_JSON")
        && let Err(error) = append(path.as_ref(), name, Measured { keyfob: ours, floor })
    {
        println!("{}: {error}", path.display());
    }
}

fn append(path: &std::path::Path, name: &str, measured: Measured) -> std::io::Result<()> {
    let line = result::line(name, measured)?;
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(line.as_bytes())
}

struct Side<F> {
    run: F,
    repeats: u32,
    /// The nanoseconds that one run took in the fastest batch.
    fastest: f64,
}

impl<T, F: FnMut() -> T> Side<F> {
    /// As many repeats as take a millisecond.
    fn new(mut run: F) -> Self {
        let start = Instant::now();
        black_box(run());
        let once = start.elapsed().as_nanos().max(1);
        let repeats = u32::try_from(1_000_000 / once).unwrap_or(u32::MAX).max(1);
        Self {
            run,
            repeats,
            fastest: f64::INFINITY,
        }
    }

    fn batch(&mut self) {
        let start = Instant::now();
        for _ in 0..self.repeats {
            drop(black_box((self.run)()));
        }
        let once = start.elapsed().as_secs_f64() * 1e9 / f64::from(self.repeats);
        self.fastest = self.fastest.min(once);
    }
}

fn show(nanos: f64) -> String {
    if nanos < 1e4 {
        format!("{nanos:.0} ns")
    } else if nanos < 1e6 {
        format!("{:.2} us", nanos / 1e3)
    } else {
        format!("{:.1} ms", nanos / 1e6)
    }
}
