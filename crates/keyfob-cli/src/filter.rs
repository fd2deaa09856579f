//! `keyfob filter`: reads filters and tries them on resources.

use std::path::PathBuf;

use clap::Subcommand;
use keyfob_core::{Dialect, Quirk};
use keyfob_filter::{Filter, Limits};

use crate::{Answer, Unusable, input, output};

/// What `parse` reads: the RFC's grammar, and a comparison after a value path, which everybody writes.
const GRAMMAR: Dialect = Dialect::strict().with(Quirk::ValuePathComparison);

/// The commands of `keyfob filter`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints the canonical text of a filter
    Parse {
        /// The filter
        filter: String,
        /// Prints the tree as an s-expression
        #[arg(long, conflicts_with = "json")]
        ast: bool,
        /// Prints the tree as JSON
        #[arg(long)]
        json: bool,
    },
    /// Prints the resources that a filter matches, one a line
    Match {
        /// The filter
        filter: String,
        /// The resources' type; by default the one that their `schemas` name
        #[arg(long = "type", value_name = "TYPE")]
        resource_type: Option<String>,
        /// Files of resources: an object, an array, or NDJSON; standard input without any
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// Runs one of the commands.
pub(crate) fn run(command: &Command) -> Result<Answer, Unusable> {
    match command {
        Command::Parse { filter, ast, json } => parse(filter, *ast, *json),
        Command::Match {
            filter,
            resource_type,
            files,
        } => matching(filter, resource_type.as_deref(), files),
    }
}

fn parse(text: &str, ast: bool, json: bool) -> Result<Answer, Unusable> {
    let filter = match Filter::parse_with(text, &Limits::default(), GRAMMAR) {
        Ok(filter) => filter,
        Err(error) => {
            output::report_lines(&error.display_with(text).to_string());
            return Ok(Answer::Negative);
        }
    };
    let line = if ast {
        filter.to_sexpr()
    } else if json {
        filter.to_json()
    } else {
        filter.to_string()
    };
    // Each of the three has the escapes of JSON, and programs read it back.
    output::json(line)?;
    Ok(Answer::Done)
}

fn matching(text: &str, resource_type: Option<&str>, files: &[PathBuf]) -> Result<Answer, Unusable> {
    let dialect = Dialect::interop();
    let filter = Filter::parse_with(text, &Limits::default(), dialect)
        .map_err(|error| Unusable::rendered(error.display_with(text)))?;
    let named = resource_type.map(input::named_type).transpose()?;
    let compile = |resource_type| {
        let compiled = filter.compile(resource_type, dialect);
        compiled.map_err(|error| Unusable::rendered(error.display_with(text)))
    };
    // A filter that doesn't fit the named type is refused before any input is read.
    named.map(compile).transpose()?;
    let standard_input = [PathBuf::from("-")];
    let files = if files.is_empty() { &standard_input } else { files };
    let mut answer = Answer::Negative;
    for file in files {
        let within = |error: Unusable| error.within(file);
        for text in input::split(&input::read(file)?).map_err(within)? {
            let (resource, resource_type) = input::resource(text.get().as_bytes(), named).map_err(within)?;
            if compile(resource_type)?.matches(&resource) {
                output::json(resource.to_json())?;
                answer = Answer::Done;
            }
        }
    }
    Ok(answer)
}
