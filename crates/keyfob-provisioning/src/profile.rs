//! Profiles of products: the policies of the protocol with those of the product.

/// The behaviour of a service where the RFC and the product leave a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// The policies of the protocol. Their [name](keyfob_engine::Profile::name) is that of the whole profile, which every
    /// organization records that is made with it.
    pub protocol: keyfob_engine::Profile,
    /// The policy for the `externalId` of a group.
    pub group_external_id: GroupExternalId,
    /// The form of a DELETE of a user.
    pub deletion: Deletion,
    /// The effect of a POST whose `userName` belonged to a deleted user.
    pub reprovision: Reprovision,
    /// The effect of a POST whose `userName` belongs to a user that no provider manages.
    pub adopt: Adopt,
    /// Whether created users are invited to the application, where the organization doesn't turn that off.
    pub invites: bool,
    /// Whether a created user joins the organization's default unit, and is refused where there is none.
    pub default_unit: bool,
    /// The number of an organization's tokens and the time for which they are valid.
    pub tokens: TokenPolicy,
}

impl Profile {
    /// Understands all that providers send and is unambiguous. The default.
    #[must_use]
    pub fn interop() -> Self {
        Self::of(keyfob_engine::Profile::interop())
    }

    /// The RFC alone.
    #[must_use]
    pub fn rfc() -> Self {
        Self::of(keyfob_engine::Profile::rfc())
    }

    /// As Verkada Command provisions: deleted users can be brought back, users are invited, one token opens an
    /// organization, and the `externalId` of a group is of no account.
    #[must_use]
    pub fn verkada() -> Self {
        let mut profile = Self::interop();
        profile.protocol.name = "verkada";
        Self {
            group_external_id: GroupExternalId::Ignore,
            deletion: Deletion::Soft,
            reprovision: Reprovision::Restore,
            invites: true,
            ..profile
        }
    }

    /// As `AccessIQ` provisions: users have an address and a name and belong to an organization's units, and several
    /// tokens may be valid for a year each.
    #[must_use]
    pub fn accessiq() -> Self {
        let mut profile = Self::interop();
        profile.protocol.name = "accessiq";
        profile.protocol.required = &["emails", "name.givenName", "name.familyName"];
        Self {
            default_unit: true,
            tokens: TokenPolicy::Many { days: Some(365) },
            ..profile
        }
    }

    /// The policies of a protocol profile, with a product that adds as little as it can.
    #[must_use]
    pub fn of(protocol: keyfob_engine::Profile) -> Self {
        Self {
            protocol,
            group_external_id: GroupExternalId::Keep,
            deletion: Deletion::Hard,
            reprovision: Reprovision::New,
            adopt: Adopt::Conflict,
            invites: false,
            default_unit: false,
            tokens: TokenPolicy::One,
        }
    }

    /// The name of the profile.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.protocol.name
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::interop()
    }
}

/// The policy for the `externalId` of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupExternalId {
    /// It is stored.
    Keep,
    /// It is accepted and forgotten.
    Ignore,
}

/// The form of a DELETE of a user (RFC 7644 section 3.6 asks for no more than that it can't be seen any longer).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deletion {
    /// The user is gone for good.
    Hard,
    /// The user is among the deleted users, with memberships and all, and may come back.
    Soft,
}

/// The effect of a POST whose `userName` belonged to a deleted user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reprovision {
    /// It brings that user back, under its old id and with what it had.
    Restore,
    /// It creates another user.
    New,
}

/// The effect of a POST whose `userName` belongs to a user that no provider manages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Adopt {
    /// It is refused (409), as RFC 7644 section 3.3 has it; the provider finds the user and changes it.
    Conflict,
    /// It replaces what is known of the user, whom the provider manages from then on.
    ByUserName,
}

/// The number of an organization's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenPolicy {
    /// One, until it is refreshed.
    One,
    /// Several, each with a name.
    Many {
        /// For how many days a token is valid where whoever makes it doesn't say.
        days: Option<u32>,
    },
}
