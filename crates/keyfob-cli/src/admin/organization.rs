//! `keyfob admin org`.

use clap::Subcommand;
use keyfob_core::{Object, Value, json};
use keyfob_engine::{Context, DynStore};
use keyfob_provisioning::{AdminError, Organization, Provisioner, Provisioning};

use super::{Arguments, Failure};
use crate::{output, profile::NamedProfile};

/// The commands of `keyfob admin org`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Creates an organization; its first e-mail domain, or the first start of a server, links it to a provider
    Create {
        /// Its name
        name: String,
        /// By which rules it is provisioned, for good
        #[arg(long, value_enum, default_value_t = NamedProfile::Interop)]
        profile: NamedProfile,
        /// Creates the store, too, if it is missing
        #[arg(long)]
        create: bool,
    },
    /// Prints all organizations
    List,
    /// Prints how an organization is provisioned
    Show {
        /// Its name [default: that of `--org`]
        name: Option<String>,
    },
}

pub(super) async fn run(arguments: &Arguments, command: &Command) -> Result<(), Failure> {
    arguments.store.demand_lasting()?;
    let (profile, store) = match command {
        Command::Create { profile, create, .. } if *create => {
            (*profile, arguments.store.open_or_create().await?)
        }
        Command::Create { profile, .. } => (*profile, arguments.store.open().await?),
        // Organizations are the same to the provisioners of all profiles.
        _ => (NamedProfile::Interop, arguments.store.open().await?),
    };
    let provisioner = profile.provisioner(store, &arguments.card_formats)?;
    match command {
        Command::Create { name, .. } => {
            let organization = provisioner.admin().create_unlinked_organization(name).await?;
            show(&provisioner, &organization, arguments.json).await
        }
        Command::List => {
            for organization in provisioner.admin().organizations().await? {
                show(&provisioner, &organization, arguments.json).await?;
            }
            Ok(())
        }
        Command::Show { name } => {
            let name = name.as_ref().unwrap_or(&arguments.org);
            let organization = provisioner.admin().organization(name).await?;
            show(&provisioner, &organization, arguments.json).await
        }
    }
}

async fn show(
    provisioner: &Provisioner<DynStore>,
    organization: &Organization,
    as_json: bool,
) -> Result<(), Failure> {
    let cx = Context::new(organization.tenant.clone());
    let provisioning = provisioner.provisioning(&cx).await.map_err(AdminError::from)?;
    if as_json {
        output::json(json::object_to_vec(&object(organization, &provisioning)))?;
    } else {
        let linked = if provisioning.is_linked() {
            "linked"
        } else {
            "not linked"
        };
        let domains: Vec<_> = provisioning.domains.iter().map(ToString::to_string).collect();
        let domains = if !provisioning.restricted {
            "any domain".to_owned()
        } else if domains.is_empty() {
            "no domain".to_owned()
        } else {
            domains.join(", ")
        };
        let line = format!(
            "{}  {}  {}  {linked}  {domains}",
            organization.name, organization.tenant, organization.profile
        );
        output::line(&line)?;
    }
    Ok(())
}

fn object(organization: &Organization, provisioning: &Provisioning) -> Object {
    let mut object = Object::new();
    object.insert("name", organization.name.clone());
    object.insert("id", organization.tenant.as_str());
    object.insert("profile", organization.profile.clone());
    object.insert("linked", provisioning.is_linked());
    let domains = provisioning.domains.iter();
    let domains: Vec<Value> = domains.map(|domain| domain.as_str().into()).collect();
    object.insert("domains", domains);
    object.insert("sendInvites", provisioning.send_invites);
    object
}
