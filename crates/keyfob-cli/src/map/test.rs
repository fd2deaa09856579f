//! `keyfob map test`.

mod case;

use std::{
    fs,
    path::{Path, PathBuf},
};

use keyfob_core::render::{Printable, is_active};
use keyfob_expression::Options;
use keyfob_mapping::vectors;
use serde_json::{json, value::RawValue};

use self::case::Case;
use super::{
    evaluating::{Evaluating, Surroundings},
    mapping::TargetOptions,
};
use crate::{Answer, Unusable, input, output};

/// The arguments of `keyfob map test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Files of cases: expressions with the values that they have to give, and objects with what a mapping has to make of
    /// them; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The mapping of the cases that name none
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    #[command(flatten)]
    target: TargetOptions,
    /// Runs the cases whose name holds this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Writes the results as XML of `JUnit`, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Prints one JSON object for each case
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    evaluating: Evaluating,
}

/// The result of a case.
struct Outcome {
    file: String,
    id: String,
    /// The subject of the case: its expression, or the target of its mapping.
    subject: String,
    /// Why it failed.
    failure: Option<String>,
}

/// Prints each case that fails, and how many there were.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let surroundings = arguments.evaluating.surroundings()?;
    let runner = Runner {
        arguments,
        options: arguments.evaluating.options(),
        surroundings,
    };
    let mut outcomes = Vec::new();
    for file in &arguments.files {
        runner
            .file(file, &mut outcomes)
            .map_err(|error| error.within(file))?;
    }
    let failed = outcomes
        .iter()
        .filter(|outcome| outcome.failure.is_some())
        .count();
    for outcome in &outcomes {
        if arguments.json {
            let line = json!({
                "file": outcome.file, "id": outcome.id, "passed": outcome.failure.is_none(), "message": outcome.failure,
            });
            output::json(line.to_string())?;
        } else if let Some(failure) = &outcome.failure {
            output::line(&format!("{}: {failure}", outcome.id))?;
            output::line(&format!("  {}", outcome.subject))?;
        }
    }
    if let Some(file) = &arguments.junit {
        fs::write(file, junit(&outcomes, failed))
            .map_err(|error| Unusable::new(format!("cannot write `{}`: {error}", file.display())))?;
    }
    let passed = outcomes.len() - failed;
    let summary = format!("{passed} passed, {failed} failed");
    if arguments.json {
        output::report(&summary);
    } else {
        output::line(&summary)?;
    }
    Ok(if failed == 0 {
        Answer::Done
    } else {
        Answer::Negative
    })
}

struct Runner<'r> {
    arguments: &'r Arguments,
    options: Options,
    surroundings: Surroundings,
}

impl Runner<'_> {
    fn file(&self, file: &Path, outcomes: &mut Vec<Outcome>) -> Result<(), Unusable> {
        let text = input::read(file)?;
        let cases: Vec<&RawValue> = serde_json::from_slice(&text).map_err(|error| {
            if error.is_data() {
                Unusable::new("an array of cases is expected: [{\"id\": …, \"expr\": …, \"attrs\": {…}, \"expected\": …}, …]")
            } else {
                error.into()
            }
        })?;
        for (case, number) in cases.into_iter().zip(1_usize..) {
            let outcome = if case::is_one(case.get()) {
                self.case(file, case.get(), number)?
            } else {
                self.vector(case.get(), number)?
            };
            let Some((id, subject, failure)) = outcome else {
                continue;
            };
            outcomes.push(Outcome {
                file: file.display().to_string(),
                id,
                subject,
                failure,
            });
        }
        Ok(())
    }

    fn is_wanted(&self, id: &str) -> bool {
        let filter = self.arguments.filter.as_deref();
        filter.is_none_or(|filter| id.contains(filter))
    }

    /// The name of a case, what it is about, and why it failed; nothing where it isn't wanted.
    fn vector(
        &self,
        text: &str,
        number: usize,
    ) -> Result<Option<(String, String, Option<String>)>, Unusable> {
        let read = vectors::read(format!("[{text}]").as_bytes());
        let vectors = read.map_err(|error| {
            Unusable::new(format!(
                "vector {}: {}",
                name(&error.vector, number),
                error.reason
            ))
        })?;
        let Some(vector) = vectors.first() else {
            return Ok(None);
        };
        let id = name(vector.id(), number);
        if !self.is_wanted(&id) {
            return Ok(None);
        }
        let failure = vector.check(&self.options, &self.surroundings.environment());
        let failure = failure.err().map(|mismatch| mismatch.to_string());
        Ok(Some((id, vector.expression().into(), failure)))
    }

    fn case(
        &self,
        file: &Path,
        text: &str,
        number: usize,
    ) -> Result<Option<(String, String, Option<String>)>, Unusable> {
        let case = Case::read(text, number)?;
        if !self.is_wanted(case.id()) {
            return Ok(None);
        }
        let mapping = case.mapping(file, self.arguments.mapping.as_deref())?;
        let (subject, failure) = case.check(
            &mapping,
            &self.arguments.target,
            &self.options,
            &self.surroundings.environment(),
        )?;
        Ok(Some((case.id().into(), subject, failure)))
    }
}

/// The name of a vector; one without a name goes by its number in the file.
fn name(id: &str, number: usize) -> String {
    if id == "1" { number.to_string() } else { id.into() }
}

/// The results as the XML of `JUnit`, which CI systems show.
fn junit(outcomes: &[Outcome], failed: usize) -> String {
    let cases = outcomes.iter().map(|outcome| {
        let (file, id) = (escaped(&outcome.file), escaped(&outcome.id));
        let start = format!("  <testcase classname=\"{file}\" name=\"{id}\"");
        match &outcome.failure {
            None => start + "/>\n",
            Some(failure) => {
                let (failure, subject) = (escaped(failure), escaped(&outcome.subject));
                format!("{start}>\n    <failure message=\"{failure}\">{subject}</failure>\n  </testcase>\n")
            }
        }
    });
    let (count, cases) = (outcomes.len(), cases.collect::<String>());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuite name=\"keyfob map test\" tests=\"{count}\" failures=\"{failed}\" errors=\"0\">\n{cases}</testsuite>\n"
    )
}

/// A text within XML, in which what acts on a terminal is written out.
fn escaped(text: &str) -> String {
    let mut xml = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            _ if is_active(character) => xml.push_str(&Printable(character).to_string()),
            other => xml.push(other),
        }
    }
    xml
}
