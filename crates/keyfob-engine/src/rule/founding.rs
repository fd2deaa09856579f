//! What a rule gives an organization from the start.

use smol_str::SmolStr;

use super::FurtherChange;
use crate::{profile::Profile, provisioning::Provisioning};

/// An organization that is about to be created.
#[derive(Clone, Debug)]
pub struct Founding<'f> {
    profile: &'f Profile,
    pub(crate) provisioning: Provisioning,
    pub(crate) further: Vec<FurtherChange>,
}

impl<'f> Founding<'f> {
    pub(crate) fn new(profile: &'f Profile, provisioning: Provisioning) -> Self {
        Self {
            profile,
            provisioning,
            further: Vec::new(),
        }
    }

    /// The profile of the organization.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        self.profile
    }

    /// Names the unit that created users join.
    pub fn set_default_unit(&mut self, unit: impl Into<SmolStr>) {
        self.provisioning.default_unit = Some(unit.into());
    }

    /// Adds a change to the commit by which the organization's tenant comes into being.
    pub fn add(&mut self, change: FurtherChange) {
        self.further.push(change);
    }
}
