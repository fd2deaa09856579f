//! The profiles by name. An organization has one for good: that with which it was made.

use clap::ValueEnum;
use keyfob_provisioning::{Organization, Profile};

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
    /// The policies.
    pub(crate) fn profile(self) -> Profile {
        match self {
            Self::Interop => Profile::interop(),
            Self::Rfc => Profile::rfc(),
            Self::Verkada => Profile::verkada(),
            Self::Accessiq => Profile::accessiq(),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        self.profile().name()
    }

    /// The profile of an organization.
    pub(crate) fn of(organization: &Organization) -> Result<Self, Unusable> {
        let mut profiles = Self::value_variants().iter().copied();
        profiles
            .find(|profile| profile.name() == organization.profile)
            .ok_or_else(|| {
                Unusable::new(format!(
                    "the organization `{}` has the profile `{}`, which is unknown here",
                    organization.name, organization.profile
                ))
            })
    }
}

/// One value for each profile.
pub(crate) struct PerProfile<T> {
    interop: T,
    rfc: T,
    verkada: T,
    accessiq: T,
}

impl<T> PerProfile<T> {
    pub(crate) fn try_new(make: impl Fn(NamedProfile) -> Result<T, Unusable>) -> Result<Self, Unusable> {
        Ok(Self {
            interop: make(NamedProfile::Interop)?,
            rfc: make(NamedProfile::Rfc)?,
            verkada: make(NamedProfile::Verkada)?,
            accessiq: make(NamedProfile::Accessiq)?,
        })
    }

    pub(crate) fn map<U>(self, make: impl Fn(T) -> U) -> PerProfile<U> {
        PerProfile {
            interop: make(self.interop),
            rfc: make(self.rfc),
            verkada: make(self.verkada),
            accessiq: make(self.accessiq),
        }
    }

    pub(crate) fn of(&self, profile: NamedProfile) -> &T {
        match profile {
            NamedProfile::Interop => &self.interop,
            NamedProfile::Rfc => &self.rfc,
            NamedProfile::Verkada => &self.verkada,
            NamedProfile::Accessiq => &self.accessiq,
        }
    }

    /// The values for all profiles.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.interop, &self.rfc, &self.verkada, &self.accessiq].into_iter()
    }

    /// The value for a profile, where that of any will do.
    pub(crate) fn any(&self) -> &T {
        &self.interop
    }
}
