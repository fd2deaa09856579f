//! The settings of a server: from arguments, from the environment and from a file, in this order; and those of a job of
//! provisioning, from arguments and a file.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgMatches, Command, parser::ValueSource};
use keyfob_core::render::Printable;
use toml::{Table, Value};

use crate::{Answer, Unusable, input, output, store::StoreUrl};

/// The id of the argument that names the file.
const CONFIG: &str = "config";

/// The commands that take a server's settings.
const COMMANDS: [&str; 2] = ["serve", "config"];

/// The id of the argument that names the file of a job, and the command whose commands take it.
const JOB: (&str, &str) = ("job", "provision");

/// The origin of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Argument,
    Environment(String),
    File(PathBuf),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument => f.write_str("argument"),
            Self::Environment(name) => f.write_str(name),
            Self::File(path) => path.display().fmt(f),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The error when arguments, the environment or the file can't be read.
pub(crate) enum SettingsError {
    /// The arguments or the environment.
    Arguments(clap::Error),
    /// The file.
    File(Unusable),
}

impl From<clap::Error> for SettingsError {
    fn from(error: clap::Error) -> Self {
        Self::Arguments(error)
    }
}

/// Takes those variables of the environment away that are empty: where they are passed on from elsewhere, as in a file for
/// containers, one that is not set is empty.
pub(crate) fn without_empty(command: Command) -> Command {
    let of_argument = |argument: Arg| {
        let value = argument.get_env().and_then(env::var_os);
        if value.is_some_and(|value| value.is_empty()) {
            argument.env(None::<&'static str>)
        } else {
            argument
        }
    };
    command.mut_args(of_argument).mut_subcommands(without_empty)
}

/// Reads the arguments, and for a server what the environment and the file add to them.
pub(crate) fn matches(mut command: Command, arguments: Vec<OsString>) -> Result<ArgMatches, SettingsError> {
    let matches = command.try_get_matches_from_mut(&arguments)?;
    let Some(named) = Named::by(&matches) else {
        return Ok(matches);
    };
    let table = read(named.path).map_err(SettingsError::File)?;
    let further = named
        .further(&command, &table)
        .map_err(|error| SettingsError::File(error.within(named.path)))?;
    let arguments = arguments.into_iter().chain(further);
    command.try_get_matches_from(arguments).map_err(|error| {
        let message = error.render().to_string();
        let message = message.trim_start_matches("error: ");
        SettingsError::File(Unusable::rendered(Lines(message)).within(named.path))
    })
}

/// A file of settings, and the command that names it.
struct Named<'m> {
    /// The command above it, if it has one.
    above: Option<&'static str>,
    command: &'m str,
    given: &'m ArgMatches,
    path: &'m Path,
    /// The way to the names of settings.
    lists: &'static str,
}

impl<'m> Named<'m> {
    fn by(matches: &'m ArgMatches) -> Option<Self> {
        let (command, given) = matches.subcommand()?;
        let (job, provision) = JOB;
        if COMMANDS.contains(&command) {
            let path = given.get_one::<PathBuf>(CONFIG)?;
            return Some(Self {
                above: None,
                command,
                given,
                path,
                lists: "keyfob config",
            });
        }
        let (command, given) = given.subcommand().filter(|_| command == provision)?;
        // The commands that talk to no target have no such argument.
        let path = given.try_get_one::<PathBuf>(job).ok().flatten()?;
        Some(Self {
            above: Some(provision),
            command,
            given,
            path,
            lists: "keyfob provision run --help",
        })
    }

    /// Returns the arguments that the file adds to those that are given.
    fn further(&self, command: &Command, table: &Table) -> Result<Vec<OsString>, Unusable> {
        let within = match self.above {
            None => Some(command),
            Some(above) => command.find_subcommand(above),
        };
        let Some(within) = within else {
            return Ok(Vec::new());
        };
        let of = |command: &Command, key: &str| {
            let mut arguments = command.get_arguments();
            arguments.any(|argument| is_setting(argument, key))
        };
        let mut arguments = Vec::new();
        for (key, value) in table {
            let own = within.find_subcommand(self.command);
            let argument = own.and_then(|own| own.get_arguments().find(|argument| is_setting(argument, key)));
            match argument {
                Some(argument) => self.add(argument, key, value, &mut arguments)?,
                // One file serves to plan and to run.
                None if self.above.is_some() && within.get_subcommands().any(|other| of(other, key)) => {}
                None => {
                    return Err(Unusable::new(format!(
                        "there is no setting `{key}`; `{}` lists those that there are",
                        self.lists
                    )));
                }
            }
        }
        Ok(arguments)
    }

    /// Adds the arguments for the value of a setting.
    fn add(
        &self,
        argument: &Arg,
        key: &str,
        value: &Value,
        arguments: &mut Vec<OsString>,
    ) -> Result<(), Unusable> {
        if is_given(self.given, argument.get_id().as_str()) {
            return Ok(());
        }
        if let Value::Boolean(is_set) = value
            && !argument.get_action().takes_values()
        {
            arguments.extend(is_set.then(|| format!("--{key}").into()));
            return Ok(());
        }
        let values = match value {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        for value in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Integer(number) => number.to_string(),
                Value::Boolean(truth) => truth.to_string(),
                _ => {
                    return Err(Unusable::new(format!(
                        "`{key}` is a text, a number, true or false, or a list of texts"
                    )));
                }
            };
            arguments.push(format!("--{key}={text}").into());
        }
        Ok(())
    }
}

/// Returns true if a file may set an argument under this key.
fn is_setting(argument: &Arg, key: &str) -> bool {
    let (job, _) = JOB;
    argument.get_long() == Some(key)
        && ![CONFIG, job, "help", "version"].contains(&argument.get_id().as_str())
}

fn read(path: &Path) -> Result<Table, Unusable> {
    let text = String::from_utf8(input::read(path)?)
        .map_err(|_| Unusable::new("the text is no UTF-8").within(path))?;
    text.parse::<Table>().map_err(|error| {
        // Without the line itself, in which a password may stand.
        let before = error
            .span()
            .and_then(|span| text.get(..span.start))
            .unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before
            .chars()
            .rev()
            .take_while(|character| *character != '\n')
            .count()
            + 1;
        let message = error.message().replace('\n', ", ");
        Unusable::new(format!("line {line}, column {column}: {message}")).within(path)
    })
}

/// Several lines of somebody else's, each escaped.
struct Lines<'t>(&'t str);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, line) in self.0.trim_end().split('\n').enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            Printable(line).fmt(f)?;
        }
        Ok(())
    }
}

/// Returns true for a setting that an argument or the environment gives.
fn is_given(given: &ArgMatches, id: &str) -> bool {
    matches!(
        given.value_source(id),
        Some(ValueSource::CommandLine | ValueSource::EnvVariable)
    )
}

/// Prints each setting with where it comes from: `keyfob config`.
pub(crate) fn print(
    command: &Command,
    matches: &ArgMatches,
    arguments: &[OsString],
) -> Result<Answer, Unusable> {
    let origins = origins(command, matches, arguments);
    for argument in command.get_arguments() {
        let (Some(name), id) = (argument.get_long(), argument.get_id().as_str()) else {
            continue;
        };
        if matches!(id, "help" | "version") {
            continue;
        }
        let origin = origins.get(id).unwrap_or(&Origin::Default);
        // The password of a store is shown nowhere.
        let value = if let Ok(Some(store)) = matches.try_get_one::<StoreUrl>(id) {
            store.to_string()
        } else {
            let values = matches.get_raw(id).into_iter().flatten();
            let values: Vec<_> = values.map(OsStr::to_string_lossy).collect();
            values.join(", ")
        };
        let value = if value.is_empty() { "-".to_owned() } else { value };
        output::line(&format!("{name} = {value}  ({origin})"))?;
    }
    Ok(Answer::Done)
}

/// Finds out where each setting comes from: what the arguments as they were given don't say, the file has added.
fn origins(command: &Command, matches: &ArgMatches, arguments: &[OsString]) -> BTreeMap<String, Origin> {
    let file = matches.get_one::<PathBuf>(CONFIG);
    // Without the name of the command itself.
    let given = command
        .clone()
        .try_get_matches_from(arguments.iter().skip(1))
        .ok();
    let mut origins = BTreeMap::new();
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let source = given.as_ref().and_then(|given| given.value_source(id));
        let origin = match (source, matches.value_source(id), file) {
            (Some(ValueSource::CommandLine), ..) => Origin::Argument,
            (Some(ValueSource::EnvVariable), ..) => {
                let name = argument.get_env().map(OsStr::to_string_lossy);
                Origin::Environment(name.unwrap_or_default().into_owned())
            }
            (_, Some(ValueSource::CommandLine), Some(file)) => Origin::File(file.clone()),
            _ => Origin::Default,
        };
        origins.insert(id.to_owned(), origin);
    }
    origins
}
