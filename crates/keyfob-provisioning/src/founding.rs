//! The beginning of an organization, and the parts of the product that have a say in it.

use keyfob_engine::{FurtherChange, Rule};
use smol_str::SmolStr;

use crate::{profile::Profile, provisioning::Provisioning};

/// A part of the product: a [`Rule`] that also has a say when organizations come into being and when their links end.
pub trait Module: Rule {
    /// Adds what an organization has from the start, when one is created.
    fn founded(&self, _founding: &mut Founding<'_>) {}

    /// Names the resources that are nothing without the link to the provider over which they came: for each the name of a
    /// resource type and a filter. Their attribute `link` names that link; they are removed when it is cut.
    fn unlinked(&self) -> &[(&'static str, &'static str)] {
        &[]
    }
}

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
