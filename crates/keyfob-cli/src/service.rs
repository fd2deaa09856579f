//! The provisioner that a profile stands for, the same for the server and for administrators.

use std::{env, fs, path::PathBuf};

use keyfob_access::{AccessGroups, Credentials, Units};
use keyfob_card::Formats;
use keyfob_core::schema::RegistryBuilder;
use keyfob_engine::{DynStore, TenantId};
use keyfob_provisioning::{AdminError, Organization, Provisioner};

use crate::{Unusable, definitions::Definitions, input, profile::NamedProfile};

/// The card formats that are known.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct CardFormats {
    /// A table of card formats that are known beside the built-in ones or instead of them, in the form that `keyfob card
    /// formats --json` prints
    #[arg(
        id = "card_formats",
        long = "card-formats",
        global = true,
        value_name = "FILE",
        env = "KEYFOB_CARD_FORMATS"
    )]
    path: Option<PathBuf>,
}

impl CardFormats {
    /// Checks that formats are given only where there is somebody who reads cards.
    pub(crate) fn check(&self, profiles: &[NamedProfile]) -> Result<(), Unusable> {
        if self.path.is_some() && !profiles.contains(&NamedProfile::Verkada) {
            let message = "`--card-formats` is for the profile `verkada`: no other one reads cards";
            return Err(Unusable::new(message));
        }
        Ok(())
    }

    fn load(&self) -> Result<Formats, Unusable> {
        let built_in = Formats::built_in().clone();
        let Some(path) = &self.path else {
            return Ok(built_in);
        };
        let table = built_in.with_json(&input::read(path)?);
        table.map_err(|error| Unusable::from(error).within(path))
    }
}

impl NamedProfile {
    /// Creates a provisioner with the profile's policies, rules and resource types over a store.
    pub(crate) fn provisioner(
        self,
        store: DynStore,
        card_formats: &CardFormats,
    ) -> Result<Provisioner<DynStore>, Unusable> {
        self.provisioner_of(store, card_formats, &Definitions::default())
    }

    /// Creates the same provisioner with further resource types.
    pub(crate) fn provisioner_of(
        self,
        store: DynStore,
        card_formats: &CardFormats,
        definitions: &Definitions,
    ) -> Result<Provisioner<DynStore>, Unusable> {
        let builder = match self {
            Self::Interop => RegistryBuilder::verkada(),
            Self::Rfc => RegistryBuilder::rfc(),
            Self::Verkada | Self::Accessiq => RegistryBuilder::verkada().flat_groups(),
        };
        let registry = keyfob_access::register(definitions.add_to(builder)).build()?;
        let groups = AccessGroups::new(&registry)?;
        let units = Units::new(&registry)?;
        let builder = Provisioner::builder(store, registry)
            .with_profile(self.profile())
            .with_module(groups);
        let builder = match self {
            Self::Verkada => builder.with_rule(Credentials::new(card_formats.load()?)),
            Self::Accessiq => builder.with_module(units),
            Self::Interop | Self::Rfc => builder,
        };
        Ok(builder.build())
    }
}

/// Finds an organization by its id or its name.
pub(crate) async fn named_organization(
    provisioner: &Provisioner<DynStore>,
    name: &str,
) -> Result<Organization, Unusable> {
    let admin = provisioner.admin();
    match admin.organization_of(&TenantId::new(name)).await {
        Err(AdminError::NoSuchOrganization(_)) => Ok(admin.organization(name).await?),
        found => Ok(found?),
    }
}

/// Returns who runs a command, as events name them: whoever can open the store can write another name there.
pub(crate) fn operator() -> String {
    let name = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| env::var(name).ok());
    let name = name
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned());
    match fs::read_to_string("/etc/hostname") {
        Ok(host) if !host.trim().is_empty() => format!("command:{name}@{}", host.trim()),
        _ => format!("command:{name}"),
    }
}
