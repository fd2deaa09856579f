//! Relations: memberships of the application's, and edges of the side tables.

use std::collections::{HashMap, HashSet};

use keyfob_core::{
    Member, MemberSet, ResourceId, SmolStr,
    schema::{Relation, RelationKind},
};
use keyfob_store::{CommitError, Listed, MemberPolicy, RelationDelta, Selection, StoreError, Visibility};

use crate::{
    error::{Failure, TableError},
    row::Key,
    session::{Found, Session},
    shape::Kind,
    tables::{Members, Membership, Tables, Which},
};

/// The attribute of groups whose values are the application's memberships, in the schema's spelling, as all that names it.
const MEMBERS: &str = "members";

/// The outcome of the deltas of a change.
#[derive(Default)]
pub(crate) struct Related {
    /// The live members that joined, and those that left.
    pub(crate) joined: Listed,
    pub(crate) left: Listed,
    /// The members that were left out because nothing is known of them.
    pub(crate) unknown: Vec<ResourceId>,
}

impl Related {
    /// Whether anybody can see a change.
    pub(crate) fn has_changed(&self) -> bool {
        !self.joined.is_empty() || !self.left.is_empty()
    }
}

/// The group of the application's, if the relation is that of its memberships.
fn own_group<'f>(found: &'f Found, attribute: &str) -> Option<&'f Key> {
    match &found.own {
        Some((Kind::Group, row)) if attribute == MEMBERS => Some(&row.key),
        _ => None,
    }
}

impl<T: Tables> Session<'_, T> {
    /// The members under a relation, unless there are more than the selection's limit.
    pub(crate) async fn members(
        &mut self,
        found: &Found,
        relation: &Relation,
        selection: &Selection,
    ) -> Result<Option<MemberSet>, Failure> {
        let limit = selection.relation_limit;
        let attribute = relation.attribute.name.as_str();
        let members = match &relation.kind {
            RelationKind::Owned => {
                let is_shown = |member: &Found| member.is_of(selection.members);
                let found_members = match own_group(found, attribute) {
                    Some(group) => self.users_of(group, limit, selection.members).await?,
                    None => self.edge_members(found.id(), attribute).await?,
                };
                let displays = match own_group(found, attribute) {
                    Some(_) => self.displays(found.id()).await?,
                    None => self.edge_displays(found.id(), attribute).await?,
                };
                let shown = found_members.into_iter().filter(is_shown);
                let members = shown.map(|member| {
                    let mut value = Member::new().with_kind(member.side.type_name.clone());
                    value.display = displays.get(member.id()).cloned();
                    (member.side.id, value)
                });
                members.collect::<MemberSet>()
            }
            RelationKind::InverseOf {
                resource_type,
                attribute,
                // Owners have no owners: the shape refuses a registry in which they could.
                levels: _,
            } => {
                let mut owners = self.owners_by(found, attribute.as_str()).await?;
                owners.retain(|owner| owner.type_name() == resource_type && !owner.is_hidden());
                let members = owners.iter().map(|owner| {
                    let mut value = Member::new().with_kind(Relation::DIRECT);
                    value.display = self.display_name(owner);
                    (owner.id().clone(), value)
                });
                members.collect()
            }
            _ => return Ok(None),
        };
        Ok(limit
            .is_none_or(|limit| members.len() <= limit)
            .then_some(members))
    }

    /// The users of a group, live and hidden ones. With a limit at most one more that can be seen.
    async fn users_of(
        &mut self,
        group: &Key,
        limit: Option<usize>,
        visibility: Visibility,
    ) -> Result<Vec<Found>, TableError> {
        let of = Members::OfGroup(group);
        if let Some(limit) = limit {
            let most = limit.saturating_add(1);
            let some = self.memberships(of, most).await?;
            let is_all = some.len() < most;
            let users = self.users(some).await?;
            if is_all || users.iter().filter(|user| user.is_of(visibility)).count() == most {
                return Ok(users);
            }
        }
        let all = self.memberships(of, usize::MAX).await?;
        self.users(all).await
    }

    pub(crate) async fn memberships(
        &mut self,
        of: Members<'_>,
        limit: usize,
    ) -> Result<Vec<Membership>, TableError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.store.tables.members(self.tx, &self.tenant, of, limit).await
    }

    async fn users(&mut self, memberships: Vec<Membership>) -> Result<Vec<Found>, TableError> {
        let keys: Vec<Key> = memberships
            .into_iter()
            .map(|membership| membership.user)
            .collect();
        self.with_keys(Kind::User, &keys).await
    }

    async fn with_keys(&mut self, kind: Kind, keys: &[Key]) -> Result<Vec<Found>, TableError> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(crate::session::PAGE) {
            let rows = self.rows(kind, Which::Keys(keys)).await?;
            found.extend(self.found(kind, rows).await?);
        }
        Ok(found)
    }

    async fn displays(&mut self, owner: &ResourceId) -> Result<HashMap<ResourceId, SmolStr>, TableError> {
        let values = [self.tenant(), owner.into()];
        let statement = "SELECT member, display FROM @displays WHERE tenant = ?1 AND owner = ?2";
        let rows = self.select(statement, &values).await?;
        rows.iter().map(|row| Ok((row.id(0)?, row.text(1)?))).collect()
    }

    async fn edge_displays(
        &mut self,
        owner: &ResourceId,
        attribute: &str,
    ) -> Result<HashMap<ResourceId, SmolStr>, TableError> {
        let values = [self.tenant(), owner.into(), attribute.into()];
        let rows = self
            .select(
                "SELECT member, display FROM @edges
                 WHERE tenant = ?1 AND owner = ?2 AND attribute = ?3 AND display IS NOT NULL",
                &values,
            )
            .await?;
        rows.iter().map(|row| Ok((row.id(0)?, row.text(1)?))).collect()
    }

    async fn edge_members(&mut self, owner: &ResourceId, attribute: &str) -> Result<Vec<Found>, TableError> {
        let values = [self.tenant(), owner.into(), attribute.into()];
        let statement = "SELECT member FROM @edges WHERE tenant = ?1 AND owner = ?2 AND attribute = ?3";
        let rows = self.select(statement, &values).await?;
        let ids: Vec<ResourceId> = rows.iter().map(|row| row.id(0)).collect::<Result<_, _>>()?;
        Ok(self.locate(&ids).await?.into_values().collect())
    }

    /// The resources that own a relation in which a resource is.
    async fn owners_by(&mut self, member: &Found, attribute: &str) -> Result<Vec<Found>, TableError> {
        let values = [self.tenant(), member.id().into(), attribute.into()];
        let statement = "SELECT owner FROM @edges WHERE tenant = ?1 AND member = ?2 AND attribute = ?3";
        let rows = self.select(statement, &values).await?;
        let ids: Vec<ResourceId> = rows.iter().map(|row| row.id(0)).collect::<Result<_, _>>()?;
        let mut owners: Vec<Found> = self.locate(&ids).await?.into_values().collect();
        if attribute == MEMBERS {
            owners.extend(self.groups_of(member).await?);
        }
        Ok(owners)
    }

    /// The groups of the application's that a user is in.
    pub(crate) async fn groups_of(&mut self, member: &Found) -> Result<Vec<Found>, TableError> {
        let Some((Kind::User, row)) = &member.own else {
            return Ok(Vec::new());
        };
        let memberships = self.memberships(Members::OfUser(&row.key), usize::MAX).await?;
        let keys: Vec<Key> = memberships
            .into_iter()
            .map(|membership| membership.group)
            .collect();
        self.with_keys(Kind::Group, &keys).await
    }

    /// Gives each live owner of a resource, other than itself, its next version.
    pub(crate) async fn advance_owners(
        &mut self,
        member: &Found,
        at: keyfob_core::DateTime,
    ) -> Result<(), Failure> {
        let values = [self.tenant(), member.id().into()];
        let statement = "SELECT DISTINCT owner FROM @edges WHERE tenant = ?1 AND member = ?2";
        let rows = self.select(statement, &values).await?;
        let ids: Vec<ResourceId> = rows.iter().map(|row| row.id(0)).collect::<Result<_, _>>()?;
        let mut owners = self.locate(&ids).await?;
        for group in self.groups_of(member).await? {
            owners.insert(group.id().clone(), group);
        }
        let mut owners: Vec<Found> = owners.into_values().collect();
        // Always in one order, so that transactions wait for one another and don't lock each other out.
        owners.sort_by(|left, right| left.id().cmp(right.id()));
        for owner in &mut owners {
            if owner.id() != member.id() && !owner.is_hidden() {
                self.advance(owner, at).await?;
            }
        }
        Ok(())
    }

    /// Applies changes of relations and says who joined and who left.
    pub(crate) async fn relate(
        &mut self,
        change: usize,
        resource_type: &keyfob_core::ResourceType,
        owner: &Found,
        deltas: &[RelationDelta],
        policy: MemberPolicy,
    ) -> Result<Related, Failure> {
        let MemberPolicy {
            skip_unknown,
            accept_hidden,
        } = policy;
        let mut related = Related::default();
        if deltas.is_empty() {
            return Ok(related);
        }
        let named = deltas.iter().flat_map(|delta| {
            let added = delta.add.iter().map(|(id, _)| id);
            added.chain(&delta.remove).cloned()
        });
        let named: Vec<ResourceId> = named.collect();
        let found = self.locate(&named).await?;
        let mut seen = HashSet::new();
        let mut resolved = Vec::with_capacity(deltas.len());
        for delta in deltas {
            let relation = resource_type
                .relation(delta.attribute.as_str())
                .filter(|relation| relation.kind == RelationKind::Owned)
                .ok_or_else(|| {
                    StoreError::internal("a change of what is not an owned relation of the resource type")
                })?;
            let mut added = Vec::with_capacity(delta.add.len());
            for (id, member) in &delta.add {
                let taken = found.get(id).filter(|found| {
                    relation.takes(found.type_name()) && (accept_hidden || !found.is_hidden())
                });
                match taken {
                    Some(found) => added.push((found, member)),
                    None if seen.insert(id) => related.unknown.push(id.clone()),
                    None => {}
                }
            }
            resolved.push((delta, added));
        }
        if !related.unknown.is_empty() && !skip_unknown {
            return Err(CommitError::UnknownMembers {
                change,
                members: related.unknown,
            }
            .into());
        }
        for (delta, added) in resolved {
            let attribute = delta.attribute.as_str();
            let mut removed: Vec<Found> = Vec::new();
            if delta.clear {
                let stays: HashSet<&ResourceId> = added.iter().map(|(found, _)| found.id()).collect();
                let present = match own_group(owner, attribute) {
                    Some(group) => self.users_of(group, None, Visibility::Live).await?,
                    None => self.edge_members(owner.id(), attribute).await?,
                };
                let leaves = |member: &Found| !member.is_hidden() && !stays.contains(member.id());
                removed.extend(present.into_iter().filter(leaves));
                removed.sort_by(|left, right| left.id().cmp(right.id()));
            }
            removed.extend(delta.remove.iter().filter_map(|id| found.get(id).cloned()));
            for member in &removed {
                if self.set_member(owner, attribute, member, None).await? && !member.is_hidden() {
                    related.left.push(member.id());
                }
            }
            for (member, value) in added {
                if self.set_member(owner, attribute, member, Some(value)).await? && !member.is_hidden() {
                    related.joined.push(member.id());
                }
            }
        }
        Ok(related)
    }

    /// Puts a member in or takes it out, and returns true if that changes anything.
    async fn set_member(
        &mut self,
        owner: &Found,
        attribute: &str,
        member: &Found,
        value: Option<&Member>,
    ) -> Result<bool, TableError> {
        let display = value.and_then(|value| value.display.as_ref());
        let values = vec![self.tenant(), owner.id().into(), member.id().into()];
        let Some(group) = own_group(owner, attribute) else {
            let changed = if value.is_some() {
                let mut values = values;
                values.extend([attribute.into(), display.into()]);
                self.execute(
                    "INSERT INTO @edges (tenant, owner, member, attribute, display) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (tenant, owner, attribute, member) DO NOTHING",
                    &values,
                )
                .await?
            } else {
                let mut values = values;
                values.push(attribute.into());
                let statement =
                    "DELETE FROM @edges WHERE tenant = ?1 AND owner = ?2 AND member = ?3 AND attribute = ?4";
                self.execute(statement, &values).await?
            };
            return Ok(changed > 0);
        };
        let Some((Kind::User, user)) = &member.own else {
            return Ok(false);
        };
        let membership = Membership {
            group: group.clone(),
            user: user.key.clone(),
        };
        let tables = &self.store.tables;
        let is_member = value.is_some();
        if !tables
            .set_member(self.tx, &self.tenant, &membership, is_member)
            .await?
        {
            return Ok(false);
        }
        let statement = "DELETE FROM @displays WHERE tenant = ?1 AND owner = ?2 AND member = ?3";
        self.execute(statement, &values).await?;
        if let Some(display) = display {
            let mut values = values;
            values.push(display.into());
            let statement = "INSERT INTO @displays (tenant, owner, member, display) VALUES (?1, ?2, ?3, ?4)";
            self.execute(statement, &values).await?;
        }
        Ok(true)
    }
}
