//! `keyfob admin domain`, `token` and `sync`.

use clap::Subcommand;
use keyfob_core::{AttrPath, Object, Value};
use keyfob_provisioning::{AdminError, Synchronization};
use smol_str::ToSmolStr;

use super::{Confirmation, Failure, Session, Switch};
use crate::{Unusable, output};

/// The commands of `keyfob admin domain`.
#[derive(Debug, Subcommand)]
pub(super) enum DomainCommand {
    /// Lets users have addresses in a domain; the first one links the organization, and its token is printed once
    Add {
        /// The domain
        domain: String,
    },
    /// Takes a domain back
    Remove {
        /// The domain
        domain: String,
        /// Does it although users have addresses in it
        #[arg(long)]
        force: bool,
    },
    /// Prints the domains
    List,
}

/// The commands of `keyfob admin token`.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Prints what may be seen of the tokens
    Show,
    /// Replaces a token: the old one opens nothing any more, and the new one is printed once
    Refresh {
        /// Which, where the organization has several
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

/// The commands of `keyfob admin sync`.
#[derive(Debug, Subcommand)]
pub(super) enum SyncCommand {
    /// Prints what is taken over
    Show,
    /// Changes what is taken over from now on
    Set {
        /// Whether groups are
        #[arg(long, value_enum)]
        groups: Option<Switch>,
        /// An attribute of users that is not taken over any more
        #[arg(long, value_name = "ATTRIBUTE")]
        ignore: Vec<String>,
        /// An attribute of users that is taken over again
        #[arg(long, value_name = "ATTRIBUTE")]
        take: Vec<String>,
        /// The unit that created users join
        #[arg(long, value_name = "NAME|ID")]
        default_unit: Option<String>,
    },
}

pub(super) async fn domain(session: &Session, command: &DomainCommand) -> Result<(), Failure> {
    match command {
        DomainCommand::Add { domain } => {
            let token = session.admin().add_domain(&session.cx, domain).await?;
            if let Some(token) = token {
                let object = Object::from_iter([("token", token.expose())]);
                session.show(&object, &format!("bearer token (shown once): {}", token.expose()))?;
            }
        }
        DomainCommand::Remove { domain, force } => {
            session.admin().remove_domain(&session.cx, domain, *force).await?;
        }
        DomainCommand::List => {
            let provisioning = session.provisioner.provisioning(&session.cx).await;
            for domain in provisioning.map_err(AdminError::from)?.domains {
                let object = Object::from_iter([("domain", domain.as_str())]);
                session.show(&object, domain.as_str())?;
            }
        }
    }
    Ok(())
}

pub(super) async fn token(session: &Session, command: &TokenCommand) -> Result<(), Failure> {
    match command {
        TokenCommand::Show => {
            let provisioning = session.provisioner.provisioning(&session.cx).await;
            for token in provisioning.map_err(AdminError::from)?.tokens {
                let mut object = Object::new();
                object.insert("name", token.name.clone());
                object.insert("hint", token.hint.clone());
                object.insert("created", token.created.to_smolstr());
                let expires = token.expires.map(|expires| expires.to_smolstr());
                let until = expires.clone().unwrap_or_else(|| "refreshed".into());
                object.insert("expires", expires.map_or(Value::Null, Value::from));
                let text = format!(
                    "{}  …{}  from {} until {until}",
                    token.name, token.hint, token.created
                );
                session.show(&object, &text)?;
            }
        }
        TokenCommand::Refresh { name, confirmation } => {
            let confirmed = confirmation.ask("The provider is shut out until it has the new token.");
            let token = session
                .admin()
                .refresh_token(&session.cx, name.as_deref(), confirmed)
                .await?;
            // The only line, with and without `--json`: scripts take it as it is.
            output::line(token.expose())?;
        }
    }
    Ok(())
}

pub(super) async fn sync(session: &Session, command: &SyncCommand) -> Result<(), Failure> {
    let provisioning = session.provisioner.provisioning(&session.cx).await;
    let provisioning = provisioning.map_err(AdminError::from)?;
    let Synchronization {
        groups: with_groups,
        mut ignored,
        ..
    } = provisioning.synchronization;
    match command {
        SyncCommand::Show => {
            let names: Vec<String> = ignored.iter().map(ToString::to_string).collect();
            let mut object = Object::new();
            object.insert("groups", with_groups);
            let values: Vec<Value> = names.iter().map(|name| name.as_str().into()).collect();
            object.insert("ignored", values);
            let unit = provisioning.default_unit;
            let joins = match &unit {
                None => String::new(),
                Some(unit) => {
                    let unit = session.access()?.unit(&session.cx, unit).await?;
                    format!("; created users join the unit {} ({})", unit.name, unit.id)
                }
            };
            object.insert("defaultUnit", unit.map_or(Value::Null, Value::from));
            let groups = if with_groups { "groups and users" } else { "users" };
            let but = if names.is_empty() {
                String::new()
            } else {
                format!(", but not {}", names.join(", "))
            };
            session.show(&object, &format!("{groups}{but}{joins}"))?;
        }
        SyncCommand::Set {
            groups,
            ignore,
            take,
            default_unit,
        } => {
            for text in ignore {
                let path = attribute(text)?;
                if !ignored.contains(&path) {
                    ignored.push(path);
                }
            }
            for text in take {
                let path = attribute(text)?;
                ignored.retain(|present| *present != path);
            }
            // A unit that there isn't is refused before anything is changed.
            if let Some(unit) = default_unit {
                session.access()?.unit(&session.cx, unit).await?;
            }
            let with_groups = groups.map_or(with_groups, |groups| groups == Switch::On);
            let synchronization = Synchronization::new(with_groups, ignored);
            session
                .admin()
                .set_synchronization(&session.cx, &synchronization)
                .await?;
            if let Some(unit) = default_unit {
                session
                    .access()?
                    .set_default_unit(&session.cx, Some(unit))
                    .await?;
            }
        }
    }
    Ok(())
}

fn attribute(text: &str) -> Result<AttrPath, Unusable> {
    AttrPath::parse(text).map_err(|error| Unusable::new(format!("`{text}` is no attribute: {error}")))
}
