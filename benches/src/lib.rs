//! What every bench needs: inputs, and ours measured against a floor.

use std::{
    env,
    fs::OpenOptions,
    hint::black_box,
    io::Write,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use criterion::Criterion;

pub mod result;

use self::result::{Measured, Ratio};

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

/// Measures what is `ours` and the `floor` in criterion's way and then against each other: batches of both take turns, in
/// pairs, so that whatever else the machine does slows both. The ratio is the median of the pairs', and the times that are
/// printed beside it are those of the fastest batches. Dropping what is returned counts for both.
///
/// The pairs are measured in the time that the processor spends on this thread, so that what else runs on it doesn't count.
/// Both sides have to do all their work on the thread that calls them, and wait for nothing: [`compare_waiting`] is for others.
///
/// A bench whose name the command line's filter isn't in is passed over. With `KEYFOB_BENCH_JSON` the pairs alone are measured,
/// and the result is appended to the file of that name, for the command `compare`. `KEYFOB_BENCH_SECONDS` says for how long.
/// With `KEYFOB_BENCH_PLANTED` `ours` does a fifth more than it should, which a comparison with another run has to find.
pub fn compare<A, B>(
    criterion: &mut Criterion,
    name: &str,
    ours: impl FnMut() -> A,
    floor: impl FnMut() -> B,
) {
    compare_by(processor_time, criterion, name, ours, floor);
}

/// As [`compare`], for what waits for a disk, a socket or another thread: measured by the clock on the wall.
pub fn compare_waiting<A, B>(
    criterion: &mut Criterion,
    name: &str,
    ours: impl FnMut() -> A,
    floor: impl FnMut() -> B,
) {
    compare_by(wall_time, criterion, name, ours, floor);
}

fn compare_by<A, B>(
    clock: Clock,
    criterion: &mut Criterion,
    name: &str,
    mut ours: impl FnMut() -> A,
    mut floor: impl FnMut() -> B,
) {
    if !is_wanted(name) {
        return;
    }
    if env::var_os(JSON).is_none() {
        criterion.bench_function(&format!("{name}/keyfob"), |bencher| bencher.iter(&mut ours));
        criterion.bench_function(&format!("{name}/floor"), |bencher| bencher.iter(&mut floor));
    }
    let planted = if is_planted() { PLANTED } else { 0 };
    let (mut ours, mut floor) = (Side::new(clock, ours, planted), Side::new(clock, floor, 0));
    let time = time(Duration::from_secs(3));
    report(name, &Pairs::of(time, || ours.batch(), || floor.batch()));
}

/// As [`compare`], where each run says itself how long it took, since it has something to prepare.
pub fn compare_timed(name: &str, mut ours: impl FnMut() -> Duration, mut floor: impl FnMut() -> Duration) {
    if !is_wanted(name) {
        return;
    }
    let nanos = |time: Duration| time.as_secs_f64() * 1e9;
    // What a run would take that did so much more.
    let planted = if is_planted() {
        1.0 + 1.0 / f64::from(PLANTED)
    } else {
        1.0
    };
    let time = time(Duration::from_secs(5));
    report(
        name,
        &Pairs::of(time, || nanos(ours()) * planted, || nanos(floor())),
    );
}

/// One more in so many runs of ours is what `KEYFOB_BENCH_PLANTED` adds.
const PLANTED: u32 = 5;

fn is_planted() -> bool {
    env::var_os("KEYFOB_BENCH_PLANTED").is_some()
}

/// Returns a time since something that stays the same.
type Clock = fn() -> Duration;

/// The time that the processor has spent on the thread.
#[cfg(unix)]
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Where threads have no clock of their own, other programs count.
#[cfg(not(unix))]
fn processor_time() -> Duration {
    wall_time()
}

fn wall_time() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// The name of the variable that names the file of results.
const JSON: &str = "KEYFOB_BENCH_JSON";

/// The time for the pairs of one bench. A fraction of a second is one, too.
fn time(default: Duration) -> Duration {
    let seconds = env::var("KEYFOB_BENCH_SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse().ok());
    seconds.map_or(default, |seconds| {
        Duration::try_from_secs_f64(seconds).unwrap_or(default)
    })
}

/// Times of both sides in nanoseconds, measured one right after the other.
struct Pairs(Vec<[f64; 2]>);

impl Pairs {
    /// Measures pairs for a while, five at least. Which side comes first alternates, since the second finds what the first
    /// left in the caches.
    fn of(time: Duration, mut ours: impl FnMut() -> f64, mut floor: impl FnMut() -> f64) -> Self {
        let mut pairs = Vec::new();
        let end = Instant::now() + time;
        while pairs.len() < 5 || Instant::now() < end {
            let pair = if pairs.len() % 2 == 0 {
                let ours = ours();
                [ours, floor()]
            } else {
                let floor = floor();
                [ours(), floor]
            };
            pairs.push(pair);
        }
        Self(pairs)
    }

    fn measured(&self) -> Measured {
        let fastest = |side: fn(&[f64; 2]) -> f64| self.0.iter().map(side).fold(f64::INFINITY, f64::min);
        let ratios: Vec<f64> = self.0.iter().map(|[ours, floor]| ours / floor).collect();
        Measured {
            keyfob: fastest(|[ours, _]| *ours),
            floor: fastest(|[_, floor]| *floor),
            ratio: Ratio::of(ratios),
        }
    }
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
fn report(name: &str, pairs: &Pairs) {
    let measured = pairs.measured();
    println!(
        "{name}: keyfob {}, floor {}, ratio {:.2}",
        show(measured.keyfob),
        show(measured.floor),
        measured.ratio.median
    );
    if let Some(path) = env::var_os(JSON)
        && let Err(error) = append(path.as_ref(), name, measured)
    {
        println!("{}: {error}", path.display());
    }
}

fn append(path: &std::path::Path, name: &str, measured: Measured) -> std::io::Result<()> {
    let line = result::line(name, measured)?;
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(line.as_bytes())
}

/// The nanoseconds that a batch takes at least: some hundred times what a look at the clock takes, and little enough that
/// neither the speed of the processor nor what its caches share changes much between the two batches of a pair.
const BATCH: f64 = 1e5;

/// One side of a pair, run so often in a batch that the clock is precise.
struct Side<F> {
    clock: Clock,
    run: F,
    repeats: u32,
    /// If not 0, one more run for so many that count.
    planted: u32,
}

impl<T, F: FnMut() -> T> Side<F> {
    /// As many repeats as take a [`BATCH`]: doubled until they do, since what runs first is slower than what comes later. There
    /// are so many at least that one more can be planted, whether it is or not: in a longer batch each run is faster.
    fn new(clock: Clock, run: F, planted: u32) -> Self {
        let mut side = Self {
            clock,
            run,
            repeats: PLANTED,
            planted,
        };
        while side.batch() * f64::from(side.repeats) < BATCH && side.repeats < 1 << 24 {
            side.repeats *= 2;
        }
        side
    }

    /// Returns the nanoseconds that one run took in a batch.
    fn batch(&mut self) -> f64 {
        let more = self.repeats.checked_div(self.planted).unwrap_or_default();
        let start = (self.clock)();
        for _ in 0..self.repeats + more {
            drop(black_box((self.run)()));
        }
        let time = (self.clock)().saturating_sub(start);
        time.as_secs_f64() * 1e9 / f64::from(self.repeats)
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
