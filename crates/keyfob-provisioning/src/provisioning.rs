//! How an organization is provisioned: its link to a provider and what it has decided about it.

use std::{
    collections::BTreeMap,
    fmt,
    str::FromStr,
    sync::{Arc, LazyLock},
};

use keyfob_core::{AttrPath, DateTime, Object, Resource, ResourceId, Value, Version};
use keyfob_engine::{Context, FactSource, Facts, Loaded, State};
use keyfob_store::{Change, Selection, Store, StoreError, StoreExt, TenantId};
use smol_str::{SmolStr, ToSmolStr};
use thiserror::Error;

use crate::{state::ProvisionedState as _, system, token};

/// The provisioning of an organization.
///
/// An organization that was never linked to a provider, or that was unlinked, has no [`link`](Self::link); everything
/// else keeps what it was set to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Provisioning {
    /// What tells this link from those before it. A resource is managed by a provider as long as the link over which
    /// it was provisioned is this one.
    pub link: Option<SmolStr>,
    /// The domains that users' addresses may have, where they are [`restricted`](Self::restricted).
    pub domains: Vec<EmailDomain>,
    /// Whether users' addresses have to be in the domains: from the first one on, and also when all are taken back.
    pub restricted: bool,
    /// Whether created users are invited.
    pub send_invites: bool,
    /// The tokens that open the organization.
    pub tokens: Vec<TokenInfo>,
    /// The values of the first link to a provider; none before there was one.
    pub first_link: Option<FirstLink>,
    /// Which part of what the provider sends is taken over.
    pub synchronization: Synchronization,
    /// The unit that created users join, where users belong to units.
    pub default_unit: Option<SmolStr>,
    /// The ids of the units whose names are others than those that they were made with, by their names without regard to case: so
    /// that a rule, which reads nothing, finds the unit of a name.
    pub unit_names: BTreeMap<SmolStr, ResourceId>,
    /// The version of the resource in which this is kept; none where nothing has been decided.
    pub(crate) version: Option<Version>,
}

impl Provisioning {
    /// Whether a provider may provision.
    #[must_use]
    pub fn is_linked(&self) -> bool {
        self.link.is_some()
    }

    /// Whether the provider manages what has this state.
    #[must_use]
    pub fn manages(&self, state: &State) -> bool {
        self.link.is_some() && state.managed_by() == self.link.as_deref()
    }

    /// Returns the provisioning among the facts of an operation; that of an organization which has decided nothing, where
    /// there is none.
    ///
    /// ```
    /// use keyfob_engine::Facts;
    /// use keyfob_provisioning::Provisioning;
    ///
    /// assert!(!Provisioning::among(&Facts::new()).is_linked());
    /// ```
    #[must_use]
    pub fn among(facts: &Facts) -> &Self {
        static UNDECIDED: LazyLock<Provisioning> = LazyLock::new(Provisioning::default);
        facts.get().unwrap_or(&UNDECIDED)
    }

    pub(crate) async fn load<S: Store>(store: &S, cx: &Context) -> Result<Self, StoreError> {
        let found = store
            .get_one(
                &cx.reading(),
                system::provisioning(),
                &system::provisioning_id(),
                &Selection::document(),
            )
            .await?;
        Ok(found.map_or_else(Self::default, |stored| {
            Self::from_document(stored.resource.core(), stored.version)
        }))
    }

    /// Returns the provisioning that a resource holds.
    pub(crate) fn of(loaded: &Loaded) -> Self {
        Self::from_document(loaded.resource.core(), loaded.version)
    }

    fn from_document(document: &Object, version: Version) -> Self {
        let texts = |name: &str| {
            document
                .get(name)
                .map(Value::as_elements)
                .unwrap_or_default()
                .iter()
                .filter_map(Value::as_str)
        };
        let flag = |name: &str| document.get(name).and_then(Value::as_bool).unwrap_or(true);
        Self {
            link: document.get_str("link").map(Into::into),
            domains: texts("domains").map(|text| EmailDomain(text.into())).collect(),
            restricted: document
                .get("restricted")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            send_invites: flag("sendInvites"),
            tokens: document
                .get("tokens")
                .map(Value::as_elements)
                .unwrap_or_default()
                .iter()
                .filter_map(|value| TokenInfo::from_object(value.as_object()?))
                .collect(),
            first_link: document.get_str("firstToken").map(|token| FirstLink {
                token: ResourceId::new(token),
                domains: texts("firstDomains")
                    .map(|text| EmailDomain(text.into()))
                    .collect(),
            }),
            synchronization: Synchronization {
                groups: flag("syncGroups"),
                ignored: texts("unsynchronized")
                    .filter_map(|text| AttrPath::parse(text).ok())
                    .collect(),
            },
            default_unit: document.get_str("defaultUnit").map(Into::into),
            unit_names: document
                .get("unitNames")
                .map(Value::as_elements)
                .unwrap_or_default()
                .iter()
                .filter_map(|named| {
                    let named = named.as_object()?;
                    Some((
                        named.get_str("name")?.into(),
                        ResourceId::new(named.get_str("unit")?),
                    ))
                })
                .collect(),
            version: Some(version),
        }
    }

    pub(crate) fn to_document(&self) -> Resource {
        let mut document = Resource::new([system::provisioning().schema().id.clone()]);
        let core = document.core_mut();
        if let Some(link) = &self.link {
            core.insert("link", link.clone());
        }
        let domains = self.domains.iter().map(|domain| Value::from(domain.as_str()));
        core.insert("domains", domains.collect::<Vec<_>>());
        core.insert("restricted", self.restricted);
        core.insert("sendInvites", self.send_invites);
        let tokens = self.tokens.iter().map(|token| Value::from(token.to_object()));
        core.insert("tokens", tokens.collect::<Vec<_>>());
        if let Some(first) = &self.first_link {
            core.insert("firstToken", first.token.as_str());
            let domains = first.domains.iter().map(|domain| Value::from(domain.as_str()));
            core.insert("firstDomains", domains.collect::<Vec<_>>());
        }
        core.insert("syncGroups", self.synchronization.groups);
        let ignored = self.synchronization.ignored.iter();
        let ignored = ignored.map(|path| Value::from(path.to_smolstr()));
        core.insert("unsynchronized", ignored.collect::<Vec<_>>());
        if let Some(unit) = &self.default_unit {
            core.insert("defaultUnit", unit.clone());
        }
        if !self.unit_names.is_empty() {
            let named = self.unit_names.iter().map(|(name, unit)| {
                let named = [("name", name.as_str()), ("unit", unit.as_str())];
                Value::from(Object::from_iter(named))
            });
            core.insert("unitNames", named.collect::<Vec<_>>());
        }
        document
    }

    /// Returns the change that stores this, if nobody else has changed it since it was read: for what is decided together with
    /// other resources of the organization.
    #[must_use]
    pub fn to_change(&self) -> Change {
        let (resource_type, id) = (system::provisioning(), system::provisioning_id());
        match self.version {
            None => Change::create(resource_type, id, self.to_document()),
            version => Change::replace(resource_type, id, self.to_document(), version),
        }
    }
}

/// Reads how the organization of a call is provisioned, unless authentication has read it.
pub(crate) struct Provisionings;

impl<S: Store> FactSource<S> for Provisionings {
    async fn read(&self, store: &S, cx: &Context) -> Result<Facts, StoreError> {
        if cx.facts().get::<Provisioning>().is_some() {
            return Ok(Facts::new());
        }
        let provisioning = Provisioning::load(store, cx).await?;
        Ok(Facts::new().with(Arc::new(provisioning)))
    }
}

impl Default for Provisioning {
    /// That of an organization which has decided nothing.
    fn default() -> Self {
        Self {
            link: None,
            domains: Vec::new(),
            restricted: false,
            send_invites: true,
            tokens: Vec::new(),
            first_link: None,
            synchronization: Synchronization::default(),
            default_unit: None,
            unit_names: BTreeMap::new(),
            version: None,
        }
    }
}

/// The values with which an organization was first linked to a provider. They stay as they were, whatever becomes of
/// the token and of the domains.
///
/// A service that is started with a token and domains to begin with compares them, and so begins once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FirstLink {
    /// The e-mail domains, in the order in which they were given.
    pub domains: Vec<EmailDomain>,
    /// The digest of the token.
    token: ResourceId,
}

impl FirstLink {
    pub(crate) fn new(token: &token::Token, domains: &[EmailDomain]) -> Self {
        Self {
            domains: domains.to_vec(),
            token: token.id(),
        }
    }

    /// Returns true if the link came with this token, in a time that doesn't depend on where they differ.
    #[must_use]
    pub fn is_of(&self, token: &token::Token) -> bool {
        token::same_id(&self.token, &token.id())
    }
}

/// The milliseconds of a day.
pub(crate) const DAY: i64 = 24 * 60 * 60 * 1000;

/// A token as far as it can be seen after it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenInfo {
    /// What administrators call it.
    pub name: SmolStr,
    /// The last four characters of the secret.
    pub hint: SmolStr,
    /// When it was made.
    pub created: DateTime,
    /// Until when it is valid; for ever where it doesn't expire.
    pub expires: Option<DateTime>,
    /// Under which id the token is stored, the digest of the secret.
    pub(crate) id: ResourceId,
    /// If true, the token names its tenant, so that no directory knows it.
    pub(crate) names_tenant: bool,
    /// Of the [days before its end](Self::WARNED_DAYS) those for which administrators were told last.
    pub(crate) told_within: Option<i64>,
}

impl TokenInfo {
    pub(crate) fn new(
        tenant: &TenantId,
        token: &token::Token,
        name: impl Into<SmolStr>,
        created: DateTime,
        expires: Option<DateTime>,
    ) -> Self {
        Self {
            name: name.into(),
            hint: token.hint(),
            created,
            expires,
            id: token.id(),
            names_tenant: token.names(tenant),
            told_within: None,
        }
    }

    /// The days before the end of a token at which its administrators are told, the first time first.
    pub const WARNED_DAYS: [i64; 3] = [30, 7, 1];

    /// Returns the fewest of the [`WARNED_DAYS`](Self::WARNED_DAYS) within which the token ends; none where that is later, or was
    /// already.
    #[must_use]
    pub fn ends_within(&self, now: DateTime) -> Option<i64> {
        let left = self.expires?.unix_millis().saturating_sub(now.unix_millis());
        let within = |days: &i64| left > 0 && left <= days * DAY;
        Self::WARNED_DAYS.into_iter().rev().find(within)
    }

    /// Returns true if the token ends soon and nobody was told since it is so soon.
    pub(crate) fn is_to_be_told_of(&self, now: DateTime) -> bool {
        let days = self.ends_within(now);
        days.is_some_and(|days| self.told_within.is_none_or(|told| days < told))
    }

    /// Returns true if it opens the organization at this time.
    #[must_use]
    pub fn is_valid_at(&self, now: DateTime) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    fn from_object(object: &Object) -> Option<Self> {
        Some(Self {
            name: object.get_str("name")?.into(),
            hint: object.get_str("hint")?.into(),
            created: object.get_str("created")?.parse().ok()?,
            // An expiry that can't be read must not make a token valid for ever.
            expires: object.get_str("expires").map(str::parse).transpose().ok()?,
            id: ResourceId::new(object.get_str("value")?),
            names_tenant: object
                .get("namesTenant")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            told_within: object.get("toldWithin").and_then(Value::as_integer),
        })
    }

    fn to_object(&self) -> Object {
        let mut object = Object::new();
        object.insert("value", self.id.as_str());
        if self.names_tenant {
            object.insert("namesTenant", true);
        }
        object.insert("name", self.name.clone());
        object.insert("hint", self.hint.clone());
        object.insert("created", self.created.to_smolstr());
        if let Some(expires) = self.expires {
            object.insert("expires", expires.to_smolstr());
        }
        if let Some(days) = self.told_within {
            object.insert("toldWithin", days);
        }
        object
    }
}

/// Which part of what a provider sends is taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Synchronization {
    /// Whether groups are.
    pub groups: bool,
    /// The attributes of users that are not: a provider's values for them are passed over, and those that are stored
    /// stay.
    pub ignored: Vec<AttrPath>,
}

impl Synchronization {
    /// Everything but these attributes of users, and groups if `groups` is set.
    #[must_use]
    pub fn new(groups: bool, ignored: Vec<AttrPath>) -> Self {
        Self { groups, ignored }
    }
}

impl Default for Synchronization {
    /// All of it.
    fn default() -> Self {
        Self {
            groups: true,
            ignored: Vec::new(),
        }
    }
}

/// A domain of e-mail addresses, in the form in which domains are compared: ASCII and in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailDomain(SmolStr);

impl EmailDomain {
    /// The domain's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The domain of an address: what follows its last `@`.
    ///
    /// # Errors
    /// [`DomainError`] where that is no domain.
    pub fn of_address(address: &str) -> Result<Self, DomainError> {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        domain.trim_end().parse()
    }
}

impl FromStr for EmailDomain {
    type Err = DomainError;

    /// Reads a domain as people write it, `Example.com` or `Größe.example`.
    fn from_str(text: &str) -> Result<Self, DomainError> {
        let refuse = || DomainError(text.into());
        let ascii = to_ascii(text).ok_or_else(refuse)?;
        // A name within one network is no domain of e-mail addresses, and an empty label is none at all.
        if ascii.split('.').count() < 2 || ascii.split('.').any(str::is_empty) {
            return Err(refuse());
        }
        Ok(Self(ascii.into()))
    }
}

/// The ASCII form of a domain (RFC 5891 section 5), in lower case.
#[cfg(feature = "idna")]
fn to_ascii(text: &str) -> Option<String> {
    idna::domain_to_ascii_strict(text).ok()
}

/// The domain in lower case, if it is made of letters, digits and hyphens (RFC 1035 section 2.3.1). Another one would need the
/// tables of the feature `idna`.
#[cfg(not(feature = "idna"))]
fn to_ascii(text: &str) -> Option<String> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(is_letter)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (text.len() <= 253 && text.split('.').all(is_label)).then(|| text.to_ascii_lowercase())
}

impl fmt::Display for EmailDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text is no domain of e-mail addresses.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a domain such as `example.com`")]
pub struct DomainError(SmolStr);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o_11_domains_are_compared_in_ascii_and_lower_case_and_exactly() {
        let domain = |text: &str| text.parse::<EmailDomain>().unwrap();
        assert_eq!(domain("Example.COM"), domain("example.com"));
        #[cfg(feature = "idna")]
        assert_eq!(domain("Größe.example").as_str(), "xn--gre-6ka8i.example");
        #[cfg(not(feature = "idna"))]
        assert!("Größe.example".parse::<EmailDomain>().is_err());
        assert_eq!(domain("XN--gre-6ka8i.example").as_str(), "xn--gre-6ka8i.example");
        assert_ne!(domain("sub.example.com"), domain("example.com"));
        assert_eq!(
            EmailDomain::of_address("\"a@b\"@Example.com").unwrap(),
            domain("example.com")
        );
        for text in [
            "",
            "localhost",
            "example..com",
            ".com",
            "exa mple.com",
            "a@example.com",
            "example.com/x",
        ] {
            assert!(text.parse::<EmailDomain>().is_err(), "{text}");
        }
    }
}
