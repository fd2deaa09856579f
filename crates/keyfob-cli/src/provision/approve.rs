//! Plans in files: what somebody looked at is what is run.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::Path,
};

use keyfob_client::BlockingTransport;
use keyfob_sync::{Event, Job, Report, State, Step, source::ObjectSource};

use super::print;
use crate::Unusable;

/// A plan that is written to a file, a line for each step.
pub(super) struct Writing {
    file: BufWriter<File>,
}

impl Writing {
    /// Creates the file for its owner alone: a plan holds personal data.
    pub(super) fn create(path: &Path) -> Result<Self, Unusable> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(path)
            .map_err(|error| Unusable::from(error).within(path))?;
        Ok(Self {
            file: BufWriter::new(file),
        })
    }

    pub(super) fn step(&mut self, step: &Step) -> io::Result<()> {
        self.line(print::step_json(step))
    }

    pub(super) fn finish(mut self, report: &Report) -> io::Result<()> {
        self.line(print::report_json(report))?;
        self.file.flush()
    }

    fn line(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        self.file.write_all(&line)
    }
}

/// Plans anew, and returns true if that gives the plan in the file, request by request.
pub(super) fn still_holds<X: BlockingTransport>(
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
