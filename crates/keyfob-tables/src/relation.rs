//! Relations: memberships of the application's, and edges of the side tables.

use std::collections::{HashMap, HashSet};

use keyfob_core::{
    Member, MemberSet, ResourceId, SmolStr,
    schema::{Relation, RelationKind},
};
use keyfob_store::{CommitError, Listed, MemberPolicy, RelationDelta, Selection, StoreError};

use crate::{
    error::{Failure, TableError},
    row::Key,
    session::{Found, PAGE, Session},
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
    /// The members under a relation of each resource, in their order; none where there are more than the selection's limit.
    ///
    /// Each statement is about many resources, so that a page of them takes a few.
    pub(crate) async fn members(
        &mut self,
        resources: &[&Found],
        relation: &Relation,
        selection: &Selection,
    ) -> Result<Vec<Option<MemberSet>>, Failure> {
        let limit = selection.relation_limit;
        let attribute = relation.attribute.name.as_str();
        let mut sets = match &relation.kind {
            RelationKind::Owned => self.owned(resources, attribute, selection).await?,
            RelationKind::InverseOf {
                resource_type,
                attribute,
                // Owners have no owners: the shape refuses a registry in which they could.
                levels: _,
            } => self.inverse(resources, resource_type, attribute.as_str()).await?,
            _ => return Ok(vec![None; resources.len()]),
        };
        let fits = |members: &MemberSet| limit.is_none_or(|limit| members.len() <= limit);
        let of_each = resources
            .iter()
            .map(|resource| match sets.get_mut(resource.id()) {
                Some(set) => set.take().filter(fits),
                None => Some(MemberSet::default()),
            });
        Ok(of_each.collect())
    }

    /// The members of those resources that have any; none where there are certainly too many.
    async fn owned(
        &mut self,
        owners: &[&Found],
        attribute: &str,
        selection: &Selection,
    ) -> Result<HashMap<ResourceId, Option<MemberSet>>, Failure> {
        let mut sets: HashMap<ResourceId, Option<MemberSet>> = HashMap::new();
        let mut groups: HashMap<Key, &ResourceId> = HashMap::new();
        let mut others = Vec::new();
        for owner in owners {
            match own_group(owner, attribute) {
                Some(group) => drop(groups.insert(group.clone(), owner.id())),
                None => others.push(owner.id()),
            }
        }
        let mut edges: Vec<(ResourceId, ResourceId, Option<SmolStr>)> = Vec::new();
        let mut members: HashMap<ResourceId, Found> = HashMap::new();
        if !groups.is_empty() {
            let keys: Vec<Key> = groups.keys().cloned().collect();
            let mut memberships = Vec::new();
            for (group, users) in self.some_members(&keys, selection).await? {
                match (groups.get(&group), users) {
                    (Some(owner), Some(users)) => {
                        memberships.extend(users.into_iter().map(|user| (*owner, user)));
                    }
                    (Some(owner), None) => drop(sets.insert((*owner).clone(), None)),
                    (None, _) => {}
                }
            }
            let owners: Vec<&str> = groups.values().map(|id| id.as_str()).collect();
            let displays = self.displays(owners).await?;
            let keys: HashSet<&Key> = memberships.iter().map(|(_, user)| user).collect();
            let keys: Vec<Key> = keys.into_iter().cloned().collect();
            let users = self.with_keys(Kind::User, &keys).await?;
            let ids: HashMap<Key, ResourceId> = users
                .iter()
                .filter_map(|user| Some((user.key()?.clone(), user.id().clone())))
                .collect();
            members.extend(users.into_iter().map(|user| (user.id().clone(), user)));
            for (owner, user) in memberships {
                // A row that is gone, whose membership the application left.
                let Some(user) = ids.get(&user) else { continue };
                let display = displays.get(&(owner.clone(), user.clone())).cloned();
                edges.push((owner.clone(), user.clone(), display));
            }
        }
        if !others.is_empty() {
            let values = [self.tenant(), attribute.into()];
            let statement =
                "SELECT owner, member, display FROM @edges WHERE tenant = ?1 AND attribute = ?2 AND owner IN";
            let owners = others.into_iter().map(ResourceId::as_str);
            let rows = self.select_in(statement, &values, owners).await?;
            for row in &rows {
                edges.push((row.id(0)?, row.id(1)?, row.optional_text(2)?));
            }
            let ids: HashSet<ResourceId> = edges.iter().map(|(_, member, _)| member.clone()).collect();
            let ids: Vec<ResourceId> = ids.into_iter().collect();
            members.extend(self.locate(&ids).await?);
        }
        for (owner, member, display) in edges {
            let Some(found) = members
                .get(&member)
                .filter(|found| found.is_of(selection.members))
            else {
                continue;
            };
            let mut value = Member::new().with_kind(found.side.type_name.clone());
            value.display = display;
            let set = sets.entry(owner).or_insert_with(|| Some(MemberSet::default()));
            if let Some(set) = set {
                set.insert(member, value);
            }
        }
        Ok(sets)
    }

    /// The owners of a type of those resources that have any.
    async fn inverse(
        &mut self,
        members: &[&Found],
        type_name: &str,
        attribute: &str,
    ) -> Result<HashMap<ResourceId, Option<MemberSet>>, Failure> {
        let mut sets: HashMap<ResourceId, Option<MemberSet>> = HashMap::new();
        for (member, owner) in self.owners_by(members, attribute).await? {
            if owner.type_name() != type_name || owner.is_hidden() {
                continue;
            }
            let mut value = Member::new().with_kind(Relation::DIRECT);
            value.display = self.display_name(&owner);
            let set = sets.entry(member).or_insert_with(|| Some(MemberSet::default()));
            if let Some(set) = set {
                set.insert(owner.side.id, value);
            }
        }
        Ok(sets)
    }

    /// The keys of the users of groups, live and hidden ones; none of a group that certainly has more than the selection's
    /// limit.
    async fn some_members(
        &mut self,
        groups: &[Key],
        selection: &Selection,
    ) -> Result<HashMap<Key, Option<Vec<Key>>>, Failure> {
        let mut of_groups: HashMap<Key, Option<Vec<Key>>> = HashMap::new();
        let mut asked: Vec<Vec<Key>> = groups.chunks(PAGE).map(<[Key]>::to_vec).collect();
        while let Some(mut groups) = asked.pop() {
            // Together as many as each of them may have, and one more: who has fewer has shown all.
            let most = selection.relation_limit.map_or(usize::MAX, |limit| {
                limit.saturating_add(1).saturating_mul(groups.len())
            });
            let some = self.memberships(Members::OfGroups(&groups), most).await?;
            if some.len() < most {
                for Membership { group, user } in some {
                    let users = of_groups.entry(group).or_insert_with(|| Some(Vec::new()));
                    if let Some(users) = users {
                        users.push(user);
                    }
                }
            } else if groups.len() > 1 {
                // A large one hides the others.
                asked.push(groups.split_off(groups.len() / 2));
                asked.push(groups);
            } else if let Some(group) = groups.pop() {
                let users = some.into_iter().map(|membership| membership.user).collect();
                let users = self.unless_too_many(&group, users, selection).await?;
                of_groups.insert(group, users);
            }
        }
        Ok(of_groups)
    }

    /// The keys of all users of a group of which more than the limit are known already, unless so many can be seen.
    async fn unless_too_many(
        &mut self,
        group: &Key,
        some: Vec<Key>,
        selection: &Selection,
    ) -> Result<Option<Vec<Key>>, Failure> {
        let known = some.len();
        let users = self.with_keys(Kind::User, &some).await?;
        if users.iter().filter(|user| user.is_of(selection.members)).count() == known {
            return Ok(None);
        }
        Ok(Some(self.user_keys(group).await?))
    }

    /// All memberships of resources of a kind.
    pub(crate) async fn all_memberships(
        &mut self,
        kind: Kind,
        keys: &[Key],
    ) -> Result<Vec<Membership>, TableError> {
        let mut all = Vec::new();
        for keys in keys.chunks(PAGE) {
            let of = match kind {
                Kind::User => Members::OfUsers(keys),
                Kind::Group => Members::OfGroups(keys),
            };
            all.extend(self.memberships(of, usize::MAX).await?);
        }
        Ok(all)
    }

    /// The keys of all users of a group.
    async fn user_keys(&mut self, group: &Key) -> Result<Vec<Key>, TableError> {
        let all = self
            .all_memberships(Kind::Group, std::slice::from_ref(group))
            .await?;
        Ok(all.into_iter().map(|membership| membership.user).collect())
    }

    async fn memberships(&mut self, of: Members<'_>, limit: usize) -> Result<Vec<Membership>, TableError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.store.tables.members(self.tx, &self.tenant, of, limit).await
    }

    pub(crate) async fn with_keys(&mut self, kind: Kind, keys: &[Key]) -> Result<Vec<Found>, TableError> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(PAGE) {
            let rows = self.rows(kind, Which::Keys(keys)).await?;
            found.extend(self.found(kind, rows).await?);
        }
        Ok(found)
    }

    /// Returns the names that clients gave the members of groups.
    async fn displays(
        &mut self,
        owners: Vec<&str>,
    ) -> Result<HashMap<(ResourceId, ResourceId), SmolStr>, TableError> {
        let values = [self.tenant()];
        let statement = "SELECT owner, member, display FROM @displays WHERE tenant = ?1 AND owner IN";
        let rows = self.select_in(statement, &values, owners).await?;
        let displays = rows
            .iter()
            .map(|row| Ok(((row.id(0)?, row.id(1)?), row.text(2)?)));
        displays.collect()
    }

    async fn edge_members(&mut self, owner: &ResourceId, attribute: &str) -> Result<Vec<Found>, TableError> {
        let values = [self.tenant(), owner.into(), attribute.into()];
        let statement = "SELECT member FROM @edges WHERE tenant = ?1 AND owner = ?2 AND attribute = ?3";
        let rows = self.select(statement, &values).await?;
        let ids: Vec<ResourceId> = rows.iter().map(|row| row.id(0)).collect::<Result<_, _>>()?;
        Ok(self.locate(&ids).await?.into_values().collect())
    }

    /// The resources that own a relation in which these resources are, each with the id of the member.
    async fn owners_by(
        &mut self,
        members: &[&Found],
        attribute: &str,
    ) -> Result<Vec<(ResourceId, Found)>, TableError> {
        let values = [self.tenant(), attribute.into()];
        let statement = "SELECT member, owner FROM @edges WHERE tenant = ?1 AND attribute = ?2 AND member IN";
        let ids = members.iter().map(|member| member.id().as_str());
        let rows = self.select_in(statement, &values, ids).await?;
        let mut pairs: Vec<(ResourceId, ResourceId)> = Vec::with_capacity(rows.len());
        for row in &rows {
            pairs.push((row.id(0)?, row.id(1)?));
        }
        let ids: HashSet<ResourceId> = pairs.iter().map(|(_, owner)| owner.clone()).collect();
        let ids: Vec<ResourceId> = ids.into_iter().collect();
        let found = self.locate(&ids).await?;
        let with_owner =
            |(member, owner): (ResourceId, ResourceId)| Some((member, found.get(&owner)?.clone()));
        let mut owners: Vec<(ResourceId, Found)> = pairs.into_iter().filter_map(with_owner).collect();
        if attribute == MEMBERS {
            owners.extend(self.groups_of(members).await?);
        }
        Ok(owners)
    }

    /// The groups of the application's in which these users are, each with the id of the user.
    async fn groups_of(&mut self, members: &[&Found]) -> Result<Vec<(ResourceId, Found)>, TableError> {
        let users = members.iter().filter_map(|member| match &member.own {
            Some((Kind::User, row)) => Some((row.key.clone(), member.id())),
            _ => None,
        });
        let users: HashMap<Key, &ResourceId> = users.collect();
        if users.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<Key> = users.keys().cloned().collect();
        let memberships = self.all_memberships(Kind::User, &keys).await?;
        let keys: HashSet<&Key> = memberships.iter().map(|membership| &membership.group).collect();
        let keys: Vec<Key> = keys.into_iter().cloned().collect();
        let groups = self.with_keys(Kind::Group, &keys).await?;
        let groups: HashMap<Key, Found> = groups
            .into_iter()
            .filter_map(|group| Some((group.key()?.clone(), group)))
            .collect();
        let with_group = |Membership { group, user }: Membership| {
            Some(((*users.get(&user)?).clone(), groups.get(&group)?.clone()))
        };
        Ok(memberships.into_iter().filter_map(with_group).collect())
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
        for (_, group) in self.groups_of(&[member]).await? {
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
                    Some(group) => {
                        let keys = self.user_keys(group).await?;
                        self.with_keys(Kind::User, &keys).await?
                    }
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
