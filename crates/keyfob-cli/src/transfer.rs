//! `keyfob export` and `keyfob import`: the users and groups of an organization as NDJSON, a SCIM resource a line.

mod export;
mod file;
mod import;
mod lines;
mod note;
mod pending;
mod target;

use keyfob_core::{ResourceType, schema::RelationKind};
use keyfob_engine::{Context, DynStore};
use keyfob_provisioning::Provisioner;

pub(crate) use self::{
    export::{Arguments as ExportArguments, run as export},
    import::{Arguments as ImportArguments, run as import},
};
use crate::{
    Unusable,
    definitions::DefinitionFiles,
    maintain::Store,
    profile::NamedProfile,
    service::{CardFormats, named_organization, operator},
};

/// The organization whose resources are read or written.
#[derive(Debug, clap::Args)]
struct Place {
    #[command(flatten)]
    store: Store,
    /// The organization, by its name or id
    #[arg(long, visible_alias = "org", value_name = "NAME", default_value = "default")]
    organization: String,
    #[command(flatten)]
    card_formats: CardFormats,
    #[command(flatten)]
    definitions: DefinitionFiles,
}

/// An organization in a store that is open.
struct Opened {
    provisioner: Provisioner<DynStore>,
    /// The calls of whoever runs the command.
    cx: Context,
}

impl Place {
    /// Opens the store, which has to be there, beside the servers that may run on it.
    async fn open(&self) -> Result<Opened, Unusable> {
        let definitions = self.definitions.read()?;
        let store = self.store.url().open_for(&definitions).await?;
        let any = NamedProfile::Interop.provisioner(store.clone(), &CardFormats::default())?;
        let organization = named_organization(&any, &self.organization).await?;
        let profile = NamedProfile::of(&organization)?;
        self.card_formats.check(&[profile])?;
        let provisioner = profile.provisioner_of(store, &self.card_formats, &definitions)?;
        let cx = Context::new(organization.tenant).with_identity(operator(), "store");
        Ok(Opened { provisioner, cx })
    }
}

impl Opened {
    /// Returns the types whose resources clients see, those without members first.
    fn resource_types(&self) -> Vec<&ResourceType> {
        let exposed = self.provisioner.registry().resource_types().iter();
        let mut types: Vec<&ResourceType> = exposed
            .filter(|resource_type| resource_type.is_exposed())
            .collect();
        types.sort_by_key(|resource_type| has_members(resource_type));
        types
    }
}

/// Returns true for a type such as Group, whose resources own members.
fn has_members(resource_type: &ResourceType) -> bool {
    let mut relations = resource_type.relations().iter();
    relations.any(|relation| relation.kind == RelationKind::Owned)
}
