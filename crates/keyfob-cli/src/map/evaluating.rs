//! The options of every command that evaluates expressions.

use std::path::PathBuf;

use clap::ValueEnum;
use keyfob_core::{Clock as _, DateTime, SystemClock};
use keyfob_expression::{
    Entropy, Environment, Functions, NullCondition, Options, Source, SystemEntropy, Value,
};

use crate::{Unusable, input};

/// The options of reading expressions, and the values beside the object.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Evaluating {
    /// The functions that expressions may call
    #[arg(long, value_enum, default_value_t = NamedFunctions::Entra)]
    functions: NamedFunctions,
    /// The value of `IIF` where an attribute in its condition is null or empty
    #[arg(long, value_enum, default_value_t = IifNull::Natural)]
    iif_null: IifNull,
    /// Lets `NormalizeDiacritics` strip the marks of letters that the service's table lacks, too
    #[arg(long)]
    extended_diacritics: bool,
    /// The time of the evaluation; by default that of the machine
    #[arg(long, value_name = "RFC3339")]
    now: Option<String>,
    /// The values that `SelectUniqueValue` finds taken: a JSON array
    #[arg(long, value_name = "FILE")]
    taken: Option<PathBuf>,
    /// The value of the parameter `%NAME%`; may be given several times
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
}

/// The sets of functions by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum NamedFunctions {
    /// Those of app provisioning
    Entra,
    /// Those of cloud sync, too
    Cloudsync,
}

/// The values of `--iif-null`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum IifNull {
    /// No value
    Null,
    /// The value for a condition that does not hold
    False,
    /// The value that the condition chooses, with null as the empty text
    Natural,
}

/// The values that expressions read beside the object.
pub(crate) struct Surroundings {
    now: DateTime,
    entropy: SystemEntropy,
    parameters: Source,
    pub(crate) taken: Vec<String>,
}

impl Evaluating {
    pub(crate) fn options(&self) -> Options {
        let mut options = Options::default();
        options.functions = match self.functions {
            NamedFunctions::Entra => Functions::entra(),
            NamedFunctions::Cloudsync => Functions::cloud_sync(),
        };
        options.null_condition = match self.iif_null {
            IifNull::Null => NullCondition::Null,
            IifNull::False => NullCondition::False,
            IifNull::Natural => NullCondition::Natural,
        };
        options.extended_diacritics = self.extended_diacritics;
        options
    }

    pub(crate) fn surroundings(&self) -> Result<Surroundings, Unusable> {
        let mut parameters = Source::new();
        for parameter in &self.parameters {
            let (name, value) = pair("--parameter", parameter)?;
            parameters.insert(name, value);
        }
        let taken = match &self.taken {
            None => Vec::new(),
            Some(file) => serde_json::from_slice(&input::read(file)?)
                .map_err(|error| Unusable::from(error).within(file))?,
        };
        Ok(Surroundings {
            now: self.time()?,
            entropy: SystemEntropy::new(),
            parameters,
            taken,
        })
    }

    /// The time that was named, or that of the machine.
    pub(crate) fn time(&self) -> Result<DateTime, Unusable> {
        match &self.now {
            None => Ok(SystemClock::new().now()),
            Some(text) => text
                .parse()
                .map_err(|error| Unusable::new(format!("--now `{text}`: {error}"))),
        }
    }

    /// The file of taken values, for the check of standard input.
    pub(crate) fn taken(&self) -> Option<&PathBuf> {
        self.taken.as_ref()
    }
}

impl Surroundings {
    pub(crate) fn environment(&self) -> Environment<'_> {
        let entropy: &dyn Entropy = &self.entropy;
        Environment::new(self.now, entropy).with_parameters(&self.parameters)
    }
}

/// The attributes of an object, from a file and from the command line.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Attributes {
    /// The objects of the source: a JSON object, an array, NDJSON, a page of Microsoft Graph, or CSV with a header; `-` is
    /// standard input
    #[arg(long, visible_alias = "source", value_name = "FILE")]
    pub(crate) attrs: Option<PathBuf>,
    /// An attribute of the object, in place of the one in the file; may be given several times
    #[arg(long = "attr", value_name = "NAME=VALUE")]
    pub(crate) attr: Vec<String>,
}

impl Attributes {
    /// The attributes of the command line, with their names.
    pub(crate) fn given(&self) -> Result<Vec<(&str, Value)>, Unusable> {
        let given = self.attr.iter().map(|attribute| pair("--attr", attribute));
        given.collect()
    }
}

/// A name and a value, which is a JSON array or object, `true`, `false` or `null`, and text otherwise.
fn pair<'p>(option: &str, text: &'p str) -> Result<(&'p str, Value), Unusable> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| Unusable::new(format!("{option} `{text}`: a name, `=` and a value are expected")))?;
    let is_json = value.starts_with(['[', '{']) || ["true", "false", "null"].contains(&value);
    if !is_json {
        return Ok((name, value.into()));
    }
    let wrapped = format!("{{\"value\": {value}}}");
    let read = Source::from_json(wrapped.as_bytes());
    let read = read
        .map_err(|error| Unusable::new(format!("{option} `{text}`: {}", Unusable::from(error).message())))?;
    Ok((name, read.get("value").cloned().unwrap_or(Value::Null)))
}
