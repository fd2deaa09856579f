//! The engine that a profile stands for, the same for the server and for administrators.

use clap::ValueEnum;
use keyfob_access::{AccessGroups, Units};
use keyfob_core::schema::RegistryBuilder;
use keyfob_engine::{DynStore, Engine, Profile};

use crate::Unusable;

/// The profiles by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NamedProfile {
    /// Understands all that providers send and is unambiguous
    Interop,
    /// The RFC alone
    Rfc,
    /// As Verkada Command provisions: invitations, card credentials, users that can be brought back
    Verkada,
    /// As `AccessIQ` provisions: names and addresses required, several tokens, units and roles
    Accessiq,
}

impl NamedProfile {
    /// An engine with the profile's policies and resource types over a store.
    pub(crate) fn engine(self, store: DynStore) -> Result<Engine<DynStore>, Unusable> {
        let (profile, builder) = match self {
            Self::Interop => (Profile::interop(), RegistryBuilder::verkada()),
            Self::Rfc => (Profile::rfc(), RegistryBuilder::rfc()),
            Self::Verkada => (Profile::verkada(), RegistryBuilder::verkada().flat_groups()),
            Self::Accessiq => (Profile::accessiq(), RegistryBuilder::verkada().flat_groups()),
        };
        let registry = keyfob_access::register(builder).build()?;
        let groups = AccessGroups::new(&registry)?;
        let units = Units::new(&registry)?;
        let engine = Engine::new(store, registry)
            .with_profile(profile)
            .with_rule(groups);
        Ok(match self {
            Self::Accessiq => engine.with_rule(units),
            Self::Interop | Self::Rfc | Self::Verkada => engine,
        })
    }
}
