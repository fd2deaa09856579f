//! `keyfob admin`: what an organization's administrators do.

mod access;
mod events;
mod group;
mod link;
mod organization;
mod user;

use std::io;

use clap::Subcommand;
use keyfob_access::{Access, AccessError};
use keyfob_core::{Object, ResourceId, json};
use keyfob_engine::{Actor, Context, DynStore, FeedError};
use keyfob_provisioning::{Admin, AdminError, Confirmed, Provisioner};

use crate::{Answer, Unusable, output, profile::NamedProfile, service::CardFormats, store::StoreUrl};

/// The arguments of `keyfob admin`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Where resources are kept: `sqlite:PATH`, or `postgres://USER@HOST/DATABASE` with the password in PGPASSWORD
    #[arg(long, global = true, value_name = "URL", default_value = "sqlite:keyfob.db")]
    store: StoreUrl,
    /// The organization, by its name
    #[arg(long, global = true, value_name = "NAME", default_value = "default")]
    org: String,
    /// Prints JSON, an object a line
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    card_formats: CardFormats,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes and lists organizations
    #[command(subcommand)]
    Org(organization::Command),
    /// The e-mail domains that users may have addresses in; the first one links the organization to its provider
    #[command(subcommand)]
    Domain(link::DomainCommand),
    /// The tokens by which the provider opens the organization
    #[command(subcommand)]
    Token(link::TokenCommand),
    /// Users and where they stand in their life
    #[command(subcommand)]
    User(user::Command),
    /// Groups that the provider manages, and others
    #[command(subcommand)]
    Group(group::Command),
    /// Access groups: those who get access together
    #[command(subcommand)]
    AccessGroup(access::GroupCommand),
    /// Access levels: to which doors, and when
    #[command(subcommand)]
    Level(access::LevelCommand),
    /// The doors there are
    #[command(subcommand)]
    Door(access::DoorCommand),
    /// Prints the doors that open to a user
    Doors(access::DoorsArguments),
    /// Says whether created users are invited
    Invites {
        /// Whether they are
        #[arg(value_enum)]
        send: Switch,
    },
    /// What of the provider's data is taken over
    #[command(subcommand)]
    Sync(link::SyncCommand),
    /// Cuts the link to the provider
    Unlink(Confirmation),
    /// Prints what happened
    Events(events::Arguments),
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

/// The confirmation of what can't be undone.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Confirmation {
    /// Does it without asking
    #[arg(long)]
    yes: bool,
}

impl Confirmation {
    /// The answer of the administrator, who is asked if they sit at a terminal.
    fn ask(self, question: &str) -> Option<Confirmed> {
        if self.yes {
            return Some(Confirmed);
        }
        let question = format!("{question} This can't be undone. Go on?");
        output::ask(&question)?.then_some(Confirmed)
    }

    /// Refuses what the administrator doesn't confirm.
    fn demand(self, question: &str) -> Result<(), AdminError> {
        self.ask(question)
            .map(|Confirmed| ())
            .ok_or(AdminError::ConfirmationRequired)
    }
}

/// An administrator at work on one organization.
struct Session {
    provisioner: Provisioner<DynStore>,
    cx: Context,
    json: bool,
}

impl Session {
    fn admin(&self) -> Admin<'_, DynStore> {
        self.provisioner.admin()
    }

    fn access(&self) -> Result<Access<'_, DynStore>, Unusable> {
        Ok(Access::new(&self.provisioner)?)
    }

    /// Prints an object, as JSON or in the words of `text`, a line.
    fn show(&self, object: &Object, text: &str) -> Result<(), Unusable> {
        self.show_with(object, text, &[])
    }

    /// Prints an object, as JSON or as a line of text and indented ones below it.
    fn show_with(&self, object: &Object, text: &str, below: &[ResourceId]) -> Result<(), Unusable> {
        if self.json {
            output::json(json::object_to_vec(object))?;
            return Ok(());
        }
        output::line(text)?;
        for id in below {
            output::line(&format!("  {id}"))?;
        }
        Ok(())
    }
}

/// Why a command printed nothing more: because it was refused, or because it couldn't be tried.
enum Failure {
    /// It was refused. What would be right follows the error, where that is known.
    Refused(AccessError, Option<String>),
    Unusable(Unusable),
}

impl From<AccessError> for Failure {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::Store(error) | AccessError::Admin(AdminError::Store(error)) => {
                Self::Unusable(error.into())
            }
            error @ AccessError::Admin(AdminError::ConfirmationRequired) => {
                Self::Refused(error, Some("add `--yes`".to_owned()))
            }
            error => Self::Refused(error, None),
        }
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        AccessError::from(error).into()
    }
}

impl From<FeedError> for Failure {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::Store(error) => Self::Unusable(error.into()),
            error => Self::Unusable(Unusable::new(error.to_string())),
        }
    }
}

impl From<Unusable> for Failure {
    fn from(error: Unusable) -> Self {
        Self::Unusable(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Unusable(error.into())
    }
}

/// Runs one of the commands.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match runtime.block_on(perform(arguments)) {
        Ok(()) => Ok(Answer::Done),
        Err(Failure::Unusable(error)) => Err(error),
        Err(Failure::Refused(error, hint)) => {
            let hint = hint.map_or_else(String::new, |hint| format!(": {hint}"));
            output::report(&format!("refused: {}{hint}", Unusable::from(error).message()));
            Ok(Answer::Negative)
        }
    }
}

async fn perform(arguments: &Arguments) -> Result<(), Failure> {
    let json = arguments.json;
    if let Command::Org(command) = &arguments.command {
        return organization::run(arguments, command).await;
    }
    let store = arguments.store.open().await?;
    // Organizations are the same to the provisioners of all profiles.
    let any = NamedProfile::Interop.provisioner(store.clone(), &CardFormats::default())?;
    let organization = any.admin().organization(&arguments.org).await?;
    let profile = NamedProfile::of(&organization)?;
    arguments.card_formats.check(&[profile])?;
    let provisioner = profile.provisioner(store, &arguments.card_formats)?;
    let cx = Context::new(organization.tenant).acting_as(Actor::Administrator);
    let session = Session {
        provisioner,
        cx,
        json,
    };
    match &arguments.command {
        Command::Org(_) => Ok(()),
        Command::Domain(command) => link::domain(&session, command).await,
        Command::Token(command) => link::token(&session, command).await,
        Command::User(command) => user::run(&session, command).await,
        Command::Group(command) => group::run(&session, command).await,
        Command::AccessGroup(command) => access::group(&session, command).await,
        Command::Level(command) => access::level(&session, command).await,
        Command::Door(command) => access::door(&session, command).await,
        Command::Doors(arguments) => access::doors(&session, arguments).await,
        Command::Invites { send } => {
            let send = *send == Switch::On;
            Ok(session.admin().set_invites(&session.cx, send).await?)
        }
        Command::Sync(command) => link::sync(&session, command).await,
        Command::Unlink(confirmation) => {
            let confirmed =
                confirmation.ask("The provider will manage nothing any more, and all its access groups go.");
            Ok(session.admin().unlink(&session.cx, confirmed).await?)
        }
        Command::Events(arguments) => events::run(&session, arguments).await,
    }
}
