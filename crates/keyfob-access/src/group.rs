//! Access groups: people who get access together.

mod rule;

use keyfob_core::{MemberSet, ResourceId};
use keyfob_engine::{Context, EngineError, FurtherChange, Selection, Store, StoreError, Stored, event};
use keyfob_provisioning::Provisioning;
use smol_str::SmolStr;

pub use self::rule::AccessGroups;
use crate::{
    access::{Access, Directory},
    error::AccessError,
    keep::{Attempts, delta, demand_admin, document, event_of, name_key, name_of, select},
    registry::{ACCESS_GROUP, schema_of},
};

/// People who get access together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessGroup {
    /// The id.
    pub id: ResourceId,
    /// Its name, which no other access group of the organization has.
    pub name: SmolStr,
    /// The SCIM group from which it was made and whose members are its members; none where it has members of its own.
    pub source: Option<ResourceId>,
    /// Where it belongs.
    pub directory: Directory,
    /// The link over which its SCIM group came. It is nothing without that link.
    link: Option<SmolStr>,
}

impl AccessGroup {
    pub(crate) fn from_stored(stored: &Stored) -> Option<Self> {
        let core = stored.resource.core();
        Some(Self {
            id: stored.resource.id()?,
            name: core.get_str("name")?.into(),
            source: core.get_str("source").map(ResourceId::new),
            directory: Directory::Global,
            link: core.get_str("link").map(Into::into),
        })
    }

    /// Returns true if the access group exists under this link. One that doesn't say over which link it came was stored by
    /// the first edition, and exists under any.
    fn exists_under(&self, link: Option<&str>) -> bool {
        let is_of_link = self.link.is_none() || self.link.as_deref() == link;
        self.source.is_none() || (link.is_some() && is_of_link)
    }
}

const MEMBERS: &str = "members";

impl<S: Store> Access<'_, S> {
    /// All access groups, in the order in which they were made.
    ///
    /// # Errors
    /// [`AccessError::Store`].
    pub async fn access_groups(&self, cx: &Context) -> Result<Vec<AccessGroup>, AccessError> {
        let groups = self
            .all(cx, &self.types.access_group, &Selection::document())
            .await?;
        Ok(self.existing_groups(cx, &groups).await?)
    }

    /// Returns those of stored access groups that exist under the organization's link.
    pub(crate) async fn existing_groups(
        &self,
        cx: &Context,
        stored: &[Stored],
    ) -> Result<Vec<AccessGroup>, StoreError> {
        let mut groups: Vec<_> = stored.iter().filter_map(AccessGroup::from_stored).collect();
        if groups.iter().any(|group| group.source.is_some()) {
            let link = self.provisioner.provisioning(cx).await?.link;
            groups.retain(|group| group.exists_under(link.as_deref()));
        }
        Ok(groups)
    }

    /// The access group with this id or name.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Store`].
    pub async fn access_group(&self, cx: &Context, id_or_name: &str) -> Result<AccessGroup, AccessError> {
        let groups = &self.types.access_group;
        let stored = self.named(cx, groups, id_or_name, &Selection::document()).await?;
        let existing = self.existing_groups(cx, std::slice::from_ref(&stored)).await?;
        let missing = || AccessError::not_found(groups.name(), id_or_name);
        existing.into_iter().next().ok_or_else(missing)
    }

    /// Who is in an access group: the users in the SCIM group from which it was made, at this moment, or its own.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Store`].
    pub async fn members(&self, cx: &Context, group: &str) -> Result<Vec<ResourceId>, AccessError> {
        let group = self.access_group(cx, group).await?;
        let (resource_type, id) = match &group.source {
            Some(source) => (&self.types.group, source),
            None => (&self.types.access_group, &group.id),
        };
        let stored = self
            .get(cx, resource_type, id, &select(resource_type, &[MEMBERS]))
            .await?;
        let users = self.types.user.name();
        let members = stored
            .as_ref()
            .and_then(|stored| stored.resource.relation(MEMBERS));
        let members = members.into_iter().flat_map(MemberSet::iter);
        Ok(members
            .filter(|(_, member)| member.kind.as_ref() == Some(users))
            .map(|(id, _)| id.clone())
            .collect())
    }

    /// Makes an access group with the name and the members of a SCIM group, which has this id or `displayName`. One that
    /// was made from it already is returned.
    ///
    /// Its members are those of the SCIM group from then on, it is renamed and goes with it, and goes when the organization
    /// is unlinked: the engine needs the rule [`AccessGroups`].
    ///
    /// # Errors
    /// [`AccessError::NotProvisioned`], [`AccessError::NameTaken`] where an access group with members of its own has the
    /// name, [`AccessError::Ambiguous`], [`AccessError::Forbidden`], [`AccessError::Engine`], [`AccessError::Store`].
    pub async fn create_access_group_from(
        &self,
        cx: &Context,
        group: &str,
    ) -> Result<AccessGroup, AccessError> {
        demand_admin(cx)?;
        let source = self.provisioned_group(cx, group).await?;
        let id = match self.convert(cx, group, &source).await {
            // The name may be that of an access group that went with its link and is still stored.
            Err(AccessError::NameTaken { .. }) if self.provisioner.admin().sweep(cx).await? > 0 => {
                self.convert(cx, group, &source).await?
            }
            outcome => outcome?,
        };
        self.access_group(cx, id.as_str()).await
    }

    /// Makes an access group from a group, which somebody names so, and returns its id.
    async fn convert(
        &self,
        cx: &Context,
        group: &str,
        source: &ResourceId,
    ) -> Result<ResourceId, AccessError> {
        let not_provisioned = || AccessError::NotProvisioned(group.into());
        let fresh = self.provisioner.next_id();
        let mut made = None;
        let mut name = SmolStr::default();
        let outcome = self
            .provisioner
            .amend(cx, &self.types.group, source, "createAccessGroup", |review| {
                made = None;
                if !Provisioning::among(review.facts()).manages(review.state()) {
                    return Ok(());
                }
                if let Some(present) = rule::access_group_of(review) {
                    made = Some(present);
                    return Ok(());
                }
                name = rule::display_name(review.document()).into();
                rule::note_access_group(review, &fresh);
                review.add(FurtherChange::Create {
                    resource_type: self.types.access_group.clone(),
                    id: fresh.clone(),
                    document: rule::access_group_document(&name, review),
                    unique: vec![name_key(&name)],
                });
                made = Some(fresh.clone());
                Ok(())
            })
            .await;
        match outcome {
            Ok(()) => {}
            Err(EngineError::NotFound { .. }) => return Err(not_provisioned()),
            Err(EngineError::Uniqueness { resource_type, .. }) => {
                return Err(AccessError::NameTaken { resource_type, name });
            }
            Err(error) => return Err(error.into()),
        }
        made.ok_or_else(not_provisioned)
    }

    /// Makes an access group with members of its own, of which it has none yet.
    ///
    /// # Errors
    /// [`AccessError::NameTaken`], [`AccessError::NameMissing`], [`AccessError::Forbidden`], [`AccessError::Store`].
    pub async fn create_access_group(&self, cx: &Context, name: &str) -> Result<AccessGroup, AccessError> {
        demand_admin(cx)?;
        let name = name_of(name)?;
        let document = document(schema_of(ACCESS_GROUP), &name);
        let groups = &self.types.access_group;
        let create = || {
            let unique = vec![name_key(&name)];
            self.create(cx, "createAccessGroup", groups, document.clone(), unique)
        };
        let id = match create().await {
            // The name may be that of an access group that went with its link and is still stored.
            Err(AccessError::NameTaken { .. }) if self.provisioner.admin().sweep(cx).await? > 0 => {
                create().await?
            }
            outcome => outcome?,
        };
        Ok(AccessGroup {
            id,
            name,
            source: None,
            directory: Directory::Global,
            link: None,
        })
    }

    /// Gives an access group that has members of its own another name. Its members and levels stay.
    ///
    /// # Errors
    /// [`AccessError::DerivedMembers`] for one that was made from a SCIM group, whose name it has;
    /// [`AccessError::NotFound`], [`AccessError::NameTaken`], [`AccessError::NameMissing`], [`AccessError::Forbidden`],
    /// [`AccessError::Contention`], [`AccessError::Store`].
    pub async fn rename_access_group(
        &self,
        cx: &Context,
        group: &str,
        name: &str,
    ) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let (groups, name) = (&self.types.access_group, name_of(name)?);
        let mut attempts = Attempts::default();
        loop {
            let found = self.access_group(cx, group).await?;
            if found.source.is_some() {
                return Err(AccessError::DerivedMembers(found.id));
            }
            let stored = self
                .named(cx, groups, found.id.as_str(), &Selection::document())
                .await?;
            let document = document(schema_of(ACCESS_GROUP), &name);
            let event = event_of(event::CHANGED, groups, &found.id);
            let update = Self::renaming(groups, found.id, document, &name, stored.version);
            if self
                .settle(&mut attempts, cx, "renameAccessGroup", vec![update], event)
                .await?
            {
                return Ok(());
            }
        }
    }

    /// Puts users into an access group that has members of its own and takes others out.
    ///
    /// # Errors
    /// [`AccessError::DerivedMembers`] for one that was made from a SCIM group, [`AccessError::NotFound`] also for a user
    /// that is not there, [`AccessError::Forbidden`], [`AccessError::Store`].
    pub async fn change_members(
        &self,
        cx: &Context,
        group: &str,
        add: &[ResourceId],
        remove: &[ResourceId],
    ) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let group = self.access_group(cx, group).await?;
        if group.source.is_some() {
            return Err(AccessError::DerivedMembers(group.id));
        }
        let groups = &self.types.access_group;
        let event = event_of(event::CHANGED, groups, &group.id);
        let delta = delta(MEMBERS, add, remove);
        self.relate(cx, "changeMembers", groups, &group.id, delta, event)
            .await
    }

    /// Takes an access group away, and with it out of every level. The levels stay, and so does the SCIM group from which
    /// it was made.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Forbidden`], [`AccessError::Engine`], [`AccessError::Store`].
    pub async fn delete_access_group(&self, cx: &Context, group: &str) -> Result<(), AccessError> {
        demand_admin(cx)?;
        let group = self.access_group(cx, group).await?;
        let groups = &self.types.access_group;
        let Some(source) = &group.source else {
            return self.delete(cx, "deleteAccessGroup", groups, &group.id).await;
        };
        let mut noted = false;
        let outcome = self
            .provisioner
            .amend(cx, &self.types.group, source, "deleteAccessGroup", |review| {
                noted = rule::access_group_of(review).as_ref() == Some(&group.id);
                if noted {
                    rule::forget_access_group(review);
                    review.add(FurtherChange::Delete {
                        resource_type: groups.clone(),
                        id: group.id.clone(),
                    });
                }
                Ok(())
            })
            .await;
        match outcome {
            Ok(()) if noted => Ok(()),
            // The SCIM group knows nothing of it, as when the engine was once without the rule.
            Ok(()) | Err(EngineError::NotFound { .. }) => {
                self.delete(cx, "deleteAccessGroup", groups, &group.id).await
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the id of the group with this id or `displayName`, whoever manages it.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], [`AccessError::Ambiguous`], [`AccessError::Store`].
    pub async fn group(&self, cx: &Context, group: &str) -> Result<ResourceId, AccessError> {
        match self.provisioned_group(cx, group).await {
            Err(AccessError::NotProvisioned(name)) => {
                Err(AccessError::not_found(self.types.group.name(), &name))
            }
            found => found,
        }
    }

    /// The SCIM group with this id or `displayName`.
    pub(crate) async fn provisioned_group(
        &self,
        cx: &Context,
        group: &str,
    ) -> Result<ResourceId, AccessError> {
        let (groups, id) = (&self.types.group, ResourceId::new(group));
        let selection = Selection::document();
        if self.get(cx, groups, &id, &selection).await?.is_some() {
            return Ok(id);
        }
        let found = self.first(cx, groups, "displayName", group, &selection).await?;
        let found = found.and_then(|stored| stored.resource.id());
        found.ok_or_else(|| AccessError::NotProvisioned(group.into()))
    }
}
