//! The provisioner that a profile stands for, the same for the server and for administrators.

use std::path::PathBuf;

use keyfob_access::{AccessGroups, Credentials, Units};
use keyfob_card::Formats;
use keyfob_core::schema::RegistryBuilder;
use keyfob_engine::DynStore;
use keyfob_provisioning::Provisioner;

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
