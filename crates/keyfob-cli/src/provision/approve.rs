//! Plans in files: what somebody looked at is what is run.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use keyfob_client::BlockingTransport;
use keyfob_sync::{Event, Job, Report, State, Step, source::ObjectSource};

use super::print;
use crate::Unusable;

/// The beginnings of the first line of a plan: a step, or the summary where there is none.
const BEGINNINGS: [&[u8]; 2] = [br#"{"action":"#, br#"{"created":"#];

/// A plan that is written, a line for each step, beside the file whose place it takes when it is whole.
pub(super) struct Writing<'p> {
    path: &'p Path,
    beside: PathBuf,
    file: BufWriter<File>,
    is_whole: bool,
}

impl<'p> Writing<'p> {
    /// Creates a file beside that of the plan, for its owner alone: a plan holds personal data. What is no plan, and what the
    /// command reads, stays as it is.
    pub(super) fn create<'r>(path: &'p Path, read: impl Iterator<Item = &'r Path>) -> Result<Self, Unusable> {
        demand_replaceable(path, read)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&beside).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Unusable::new("another plan is being written, or was left unfinished; delete it if so")
                    .within(&beside)
            }
            _ => Unusable::from(error).within(&beside),
        })?;
        Ok(Self {
            path,
            beside,
            file: BufWriter::new(file),
            is_whole: false,
        })
    }

    pub(super) fn step(&mut self, step: &Step) -> io::Result<()> {
        self.line(print::step_json(step))
    }

    /// Puts the plan, which is whole, in the place of an earlier one.
    pub(super) fn finish(mut self, report: &Report) -> Result<(), Unusable> {
        let mut finish = || {
            self.line(print::report_json(report))?;
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            fs::rename(&self.beside, self.path)
        };
        finish().map_err(|error| Unusable::from(error).within(self.path))?;
        self.is_whole = true;
        Ok(())
    }

    fn line(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        self.file.write_all(&line)
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if !self.is_whole {
            fs::remove_file(&self.beside).ok();
        }
    }
}

/// Refuses to write a plan over a file that is none.
fn demand_replaceable<'r>(path: &Path, mut read: impl Iterator<Item = &'r Path>) -> Result<(), Unusable> {
    let refuse = |why: &str| Err(Unusable::new(why).within(path));
    let place = place(path);
    if read.any(|other| place == self::place(other)) {
        return refuse("the command reads this file; give another one for the plan");
    }
    let said = match fs::metadata(path) {
        Ok(said) => said,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Unusable::from(error).within(path)),
    };
    if !said.is_file() {
        return refuse("this is no file that a plan could be written to");
    }
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(16).read_to_end(&mut start))
        .map_err(|error| Unusable::from(error).within(path))?;
    // An empty file holds nothing that could be lost.
    if start.is_empty() || BEGINNINGS.iter().any(|beginning| start.starts_with(beginning)) {
        return Ok(());
    }
    refuse("there is a file that is no plan, and it was left as it is; give another one")
}

/// Returns where a file is, or would be, by whatever name.
fn place(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize();
        match (folder, path.file_name()) {
            (Ok(folder), Some(name)) => folder.join(name),
            _ => path.to_owned(),
        }
    })
}

/// Plans anew, and returns true if that gives the plan in the file, request by request.
pub(super) fn still_holds<X: BlockingTransport + Send + Sync>(
    path: &Path,
    job: &Job<'_, X>,
    state: &mut State,
    source: &dyn ObjectSource,
) -> Result<bool, Unusable> {
    let file = File::open(path).map_err(|error| Unusable::from(error).within(path))?;
    let mut lines = BufReader::new(file).split(b'\n');
    let mut holds = true;
    let mut failure = None;
    let mut compare = |line: Option<Vec<u8>>| match lines.next().transpose() {
        Ok(planned) => holds &= planned == line,
        Err(error) => failure = Some(error),
    };
    let report = job.plan(state, source, &mut |event| {
        if let Event::Step(step) = event {
            compare(Some(print::step_json(step)));
        }
    })?;
    compare(Some(print::report_json(&report)));
    compare(None);
    match failure {
        None => Ok(holds),
        Some(error) => Err(Unusable::from(error).within(path)),
    }
}
