//! The commands and their arguments, made of the table of operations.

use std::fmt;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use keyfob_admin::{Argument, Kind, OPERATIONS, Operation, Parameter, Returns};
use keyfob_core::{Object, Value};

use crate::{definitions::DefinitionFiles, service::CardFormats, store::StoreUrl};

/// The arguments of an operation.
pub(crate) struct Arguments {
    pub(super) globals: Globals,
    pub(super) operation: &'static Operation,
    pub(super) input: Object,
    /// Creates the store, too, if it is missing.
    pub(super) create: bool,
    all: bool,
    /// Goes on as more happens.
    pub(super) follow: bool,
}

impl Arguments {
    pub(super) fn reads_all(&self) -> bool {
        self.all || self.follow
    }
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arguments")
            .field("operation", &self.operation.name)
            .finish_non_exhaustive()
    }
}

/// The arguments of every command.
#[derive(Debug, clap::Args)]
pub(super) struct Globals {
    /// Where resources are kept: `sqlite:PATH`, or `postgres://USER@HOST/DATABASE` with the password in PGPASSWORD
    #[arg(long, global = true, value_name = "URL", default_value = "sqlite:keyfob.db")]
    pub(super) store: StoreUrl,
    /// A server that does it instead, by the address of its administration; the token is read from `KEYFOB_ADMIN_TOKEN`
    #[arg(long, global = true, value_name = "URL", conflicts_with = "store")]
    pub(super) server: Option<String>,
    /// The organization, by its name or id
    #[arg(long, global = true, value_name = "NAME", default_value = "default")]
    pub(super) org: String,
    /// Prints JSON, an object a line
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Confirms what can't be undone: whatever it is, or only what the digest of a preview stands for
    #[arg(
        long,
        global = true,
        value_name = "DIGEST",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ""
    )]
    pub(super) yes: Option<String>,
    /// Prints what would be written, and writes nothing
    #[arg(long, global = true)]
    pub(super) dry_run: bool,
    /// Why it is done, for the record
    #[arg(long, global = true, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    #[command(flatten)]
    pub(super) card_formats: CardFormats,
    #[command(flatten)]
    pub(super) definitions: DefinitionFiles,
}

const ALL: &str = "all";
const FOLLOW: &str = "follow";
const CREATE: &str = "create";
/// An organization that is named by its place.
const NAME: &str = "organization";

/// What each first word is about.
const NOUNS: [(&str, &str); 17] = [
    ("org", "Organizations"),
    ("provisioning", "How an organization is provisioned"),
    (
        "domain",
        "The e-mail domains that users may have addresses in; the first one links the organization to its provider",
    ),
    ("token", "The tokens by which the provider opens the organization"),
    (
        "setup-link",
        "Links by which somebody sets the organization's provider up, and sees nothing else",
    ),
    ("invites", "Whether created users are invited"),
    ("sync", "What of the provider's data is taken over"),
    ("user", "Users and where they stand in their life"),
    ("group", "Groups that the provider manages, and others"),
    ("access-group", "Access groups: those who get access together"),
    ("level", "Access levels: to which doors, and when"),
    ("door", "The doors there are"),
    ("unit", "Units: the parts of an organization"),
    ("role", "Roles: what somebody is in a unit"),
    (
        "requests",
        "What the provider asked for: its writes, and what was refused",
    ),
    (
        "webhook",
        "The addresses to which events are delivered, and what became of the deliveries",
    ),
    (
        "admin-token",
        "The tokens of an organization's administrators and applications",
    ),
];

impl Args for Arguments {
    fn augment_args(command: Command) -> Command {
        let command = Globals::augment_args(command)
            .subcommand_required(true)
            .arg_required_else_help(true);
        let mut nouns: Vec<(&'static str, Command)> = Vec::new();
        for operation in &OPERATIONS {
            let Some((noun, verb)) = operation.verb.split_once(' ') else {
                nouns.push((operation.verb, of_operation(operation.verb, operation)));
                continue;
            };
            let mut verb = of_operation(verb, operation);
            if let Some(alias) = operation.alias {
                verb = verb.visible_alias(alias);
            }
            if let Some((_, command)) = nouns.iter_mut().find(|(name, _)| *name == noun) {
                *command = command.clone().subcommand(verb);
                continue;
            }
            let about = NOUNS.iter().find(|(name, _)| *name == noun);
            let about = about.map_or("The tokens of the whole service", |(_, about)| about);
            let command = Command::new(noun)
                .about(about)
                .subcommand_required(true)
                .arg_required_else_help(true);
            nouns.push((noun, command.subcommand(verb)));
        }
        command.subcommands(nouns.into_iter().map(|(_, command)| command))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// Returns the command of an operation.
fn of_operation(name: &'static str, operation: &'static Operation) -> Command {
    let mut command = Command::new(name).about(operation.about);
    for parameter in operation.parameters {
        if parameter.argument != Argument::Organization {
            command = command.arg(argument(parameter));
        }
    }
    if names_organization(operation) {
        let about = "Its name or id [default: that of --org]";
        command = command.arg(Arg::new(NAME).help(about).value_name("NAME"));
    }
    if matches!(operation.returns, Returns::Page(_)) {
        command = command.arg(flag(ALL, "Prints all pages, and not the first one alone"));
    }
    match operation.name {
        "listEvents" => command.arg(flag(FOLLOW, "Goes on as more happens")),
        "createOrganization" => command.arg(flag(CREATE, "Creates the store, too, if it is missing")),
        _ => command,
    }
}

/// Returns true for `org show` and `org delete`, which are about the organization alone.
fn names_organization(operation: &Operation) -> bool {
    let is_org = |parameter: &Parameter| parameter.argument == Argument::Organization;
    operation.verb.starts_with("org ")
        && !operation.parameters.is_empty()
        && operation.parameters.iter().all(is_org)
}

fn flag(name: &'static str, about: &'static str) -> Arg {
    Arg::new(name).long(name).help(about).action(ArgAction::SetTrue)
}

fn argument(parameter: &'static Parameter) -> Arg {
    let argument = Arg::new(parameter.name)
        .help(parameter.about)
        .required(parameter.is_required)
        .value_name(value_name(parameter));
    let argument = match parameter.argument {
        Argument::Option(option) => argument.long(option),
        Argument::Positional | Argument::Organization => argument,
    };
    match (parameter.kind, parameter.argument) {
        (Kind::Texts, Argument::Option(_)) => argument.action(ArgAction::Append),
        (Kind::Texts, _) => argument.num_args(1..).action(ArgAction::Append),
        (Kind::Flag, Argument::Option(_)) => argument.num_args(0..=1).default_missing_value("true"),
        _ => argument,
    }
}

/// Returns what stands for a value in help texts.
fn value_name(parameter: &Parameter) -> &'static str {
    match parameter.kind {
        Kind::Instant => "RFC3339",
        Kind::Flag => "on|off",
        Kind::Duration => "DURATION",
        Kind::Text | Kind::Texts | Kind::Number | Kind::Choice(_) => parameter.name,
    }
}

impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let globals = Globals::from_arg_matches(matches)?;
        let incomplete = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (noun, rest) = matches.subcommand().ok_or_else(incomplete)?;
        let (verb, given) = match rest.subcommand() {
            Some((verb, given)) => (format!("{noun} {verb}"), given),
            None => (noun.to_owned(), rest),
        };
        let operation = OPERATIONS.iter().find(|operation| operation.verb == verb);
        let operation = operation.ok_or_else(incomplete)?;
        let mut input = Object::new();
        for parameter in operation.parameters {
            if parameter.argument == Argument::Organization {
                let named = given.try_get_one::<String>(NAME).ok().flatten();
                input.insert(parameter.name, named.unwrap_or(&globals.org).as_str());
                continue;
            }
            let Some(mut values) = given.get_many::<String>(parameter.name) else {
                continue;
            };
            if parameter.kind == Kind::Texts {
                let values = values.map(|value| Value::from(value.as_str()));
                input.insert(parameter.name, values.collect::<Vec<_>>());
            } else if let Some(value) = values.next_back() {
                input.insert(parameter.name, value.as_str());
            }
        }
        let is_set = |name: &str| given.try_get_one::<bool>(name).ok().flatten() == Some(&true);
        Ok(Self {
            create: is_set(CREATE),
            all: is_set(ALL),
            follow: is_set(FOLLOW),
            globals,
            operation,
            input,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
