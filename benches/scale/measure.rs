//! Times, CPU and memory, and the table of them.

use std::{
    collections::BTreeMap,
    fmt, fs,
    future::Future,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use keyfob_benches::Failed;
use tokio::runtime::Runtime;

/// The number of requests that a row is made of at least.
const AT_LEAST: usize = 5;

/// Requests before those that are measured.
const WARM: usize = 3;

/// The threads on which clients and the service run.
const THREADS: usize = 2;

/// Measures requests for a while.
pub(crate) struct Meter {
    time: Duration,
    /// Each request of a run has a number of its own, so that no two are the same.
    next: AtomicUsize,
}

/// The figures of one kind of request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Requests a second.
    pub(crate) rate: f64,
    /// The CPU time of the process for one request, client and store included.
    pub(crate) cpu: Duration,
}

impl Meter {
    pub(crate) fn new(time: Duration) -> Self {
        Self {
            time,
            next: AtomicUsize::new(1),
        }
    }

    /// Measures requests of one client, one after the other.
    pub(crate) fn one_by_one<F>(
        &self,
        runtime: &Runtime,
        request: impl Fn(usize) -> F + Sync,
    ) -> Result<Measured, Failed>
    where
        F: Future<Output = Result<(), Failed>>,
    {
        self.at_once(runtime, 1, request)
    }

    /// Measures requests of so many clients.
    pub(crate) fn at_once<F>(
        &self,
        runtime: &Runtime,
        clients: usize,
        request: impl Fn(usize) -> F + Sync,
    ) -> Result<Measured, Failed>
    where
        F: Future<Output = Result<(), Failed>>,
    {
        for _ in 0..WARM {
            runtime.block_on(request(self.number()))?;
        }
        let (start, cpu) = (Instant::now(), cpu()?);
        let times = on_threads(runtime, clients, || async {
            let mut times = Vec::new();
            while times.len() < AT_LEAST || start.elapsed() < self.time {
                let start = Instant::now();
                request(self.number()).await?;
                times.push(start.elapsed());
            }
            Ok(times)
        })?;
        let took = start.elapsed();
        let cpu = self::cpu()?.saturating_sub(cpu);
        Ok(Measured::of(times, took, cpu))
    }

    fn number(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn time(&self) -> Duration {
        self.time
    }
}

/// Runs clients, on as many threads as a server has, and returns what all of them give.
pub(crate) fn on_threads<T, F>(
    runtime: &Runtime,
    clients: usize,
    client: impl Fn() -> F + Sync,
) -> Result<Vec<T>, Failed>
where
    T: Send,
    F: Future<Output = Result<Vec<T>, Failed>>,
{
    let threads = clients.min(THREADS);
    thread::scope(|scope| {
        let client = &client;
        let started: Vec<_> = (0..threads)
            .map(|thread| {
                // Those that don't divide evenly go to the first.
                let of_thread = clients / threads + usize::from(thread < clients % threads);
                let run = move || runtime.block_on(try_join_all((0..of_thread).map(|_| client())));
                scope.spawn(run)
            })
            .collect();
        let mut all = Vec::new();
        for thread in started {
            let given = thread.join().map_err(|_| "a client panicked")??;
            all.extend(given.into_iter().flatten());
        }
        Ok(all)
    })
}

impl Measured {
    #[expect(clippy::cast_precision_loss, reason = "a count of requests is small")]
    pub(crate) fn of(mut times: Vec<Duration>, took: Duration, cpu: Duration) -> Self {
        times.sort_unstable();
        let at = |percent: usize| {
            let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(place).copied().unwrap_or_default()
        };
        let count = u32::try_from(times.len()).unwrap_or(u32::MAX).max(1);
        Self {
            p50: at(50),
            p99: at(99),
            rate: times.len() as f64 / took.as_secs_f64(),
            cpu: cpu / count,
        }
    }
}

/// The rows of one store, with the sizes side by side.
pub(crate) struct Table {
    store: &'static str,
    sizes: Vec<usize>,
    rows: Vec<String>,
    cells: BTreeMap<(String, usize), Measured>,
    notes: Vec<String>,
}

impl Table {
    pub(crate) fn new(store: &'static str, sizes: &[usize]) -> Self {
        Self {
            store,
            sizes: sizes.to_vec(),
            rows: Vec::new(),
            cells: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, users: usize, row: impl Into<String>, measured: Measured) {
        let row = row.into();
        if !self.rows.contains(&row) {
            self.rows.push(row.clone());
        }
        self.cells.insert((row, users), measured);
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n| {}: p50, p99, a second |", self.store)?;
        for users in &self.sizes {
            write!(f, " {users} users |")?;
        }
        let is_compared = self.sizes.len() > 1;
        writeln!(f, "{}", if is_compared { " p50, last / first |" } else { "" })?;
        writeln!(
            f,
            "|---|{}",
            "---|".repeat(self.sizes.len() + usize::from(is_compared))
        )?;
        for row in &self.rows {
            write!(f, "| {row} |")?;
            let cell = |users: &usize| self.cells.get(&(row.clone(), *users));
            for users in &self.sizes {
                match cell(users) {
                    Some(measured) => write!(
                        f,
                        " {}, {}, {:.0} |",
                        shown(measured.p50),
                        shown(measured.p99),
                        measured.rate
                    )?,
                    None => write!(f, " |")?,
                }
            }
            if is_compared {
                let first = self.sizes.first().and_then(cell);
                let last = self.sizes.last().and_then(cell);
                match first.zip(last) {
                    Some((first, last)) => {
                        write!(f, " {:.2} |", last.p50.as_secs_f64() / first.p50.as_secs_f64())?;
                    }
                    None => write!(f, " |")?,
                }
            }
            writeln!(f)?;
        }
        writeln!(f)?;
        for note in &self.notes {
            writeln!(f, "- {note}")?;
        }
        Ok(())
    }
}

/// A time with three digits.
pub(crate) fn shown(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    match micros {
        ..1_000.0 => format!("{micros:.0} us"),
        ..10_000.0 => format!("{:.2} ms", micros / 1e3),
        ..1_000_000.0 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.2} s", micros / 1e6),
    }
}

/// The memory of the process in MiB.
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
}

/// Reads the memory of the process: of the client, the service and SQLite.
pub(crate) fn memory() -> Result<Memory, Failed> {
    let status = fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kibibytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
        kibibytes
            .map(|kibibytes| kibibytes >> 10)
            .ok_or("the system doesn't tell the memory")
    };
    Ok(Memory {
        resident: field("VmRSS:")?,
        peak: field("VmHWM:")?,
    })
}

/// Reads the CPU time of the process so far.
pub(crate) fn cpu() -> Result<Duration, Failed> {
    /// `USER_HZ` of Linux.
    const TICK: Duration = Duration::from_millis(10);
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field may hold anything, in parentheses; `utime` and `stime` are the 14th and the 15th.
    let (_, fields) = stat
        .rsplit_once(')')
        .ok_or("the system doesn't tell the CPU time")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    Ok(TICK * ticks.sum::<Result<u32, _>>()?)
}
