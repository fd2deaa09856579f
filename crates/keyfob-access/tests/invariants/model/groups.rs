//! Groups, as providers make them.

use std::collections::BTreeSet;

use keyfob_engine::Actor;

use super::{Group, Made, Organization, Refusals, folded, group_name, nth, refuse};
use crate::steps::{Action, GroupEdit, Who};

impl Organization {
    pub(super) fn provide_groups(
        &mut self,
        action: &Action,
        made: &Made,
        others: &Self,
        refusals: &mut Refusals,
    ) {
        let ids = |organization: &Self, who: &[Who]| -> Vec<String> {
            who.iter().map(|who| nth(*who, organization, others)).collect()
        };
        match action {
            Action::PostGroup(by, name, members) => {
                let members = ids(self, members);
                self.post_group(*by, group_name(*name), &members, made, refusals);
            }
            Action::PutGroup(by, group, name, members) => {
                let (group, members) = (self.group_id(*group), ids(self, members));
                let edits = [
                    GroupChange::Rename(group_name(*name)),
                    GroupChange::Replace(members),
                ];
                self.change_group(*by, &group, &edits, refusals);
            }
            Action::PatchGroup(by, group, edits) => {
                let group = self.group_id(*group);
                let changes: Vec<GroupChange> = edits
                    .iter()
                    .map(|edit| match edit {
                        GroupEdit::Add(who) => GroupChange::Add(ids(self, who)),
                        GroupEdit::Remove(who, _) => GroupChange::Remove(ids(self, who)),
                        GroupEdit::Replace(who) => GroupChange::Replace(ids(self, who)),
                        GroupEdit::Clear => GroupChange::Clear,
                        GroupEdit::Rename(name) => GroupChange::Rename(group_name(*name)),
                    })
                    .collect();
                self.change_group(*by, &group, &changes, refusals);
            }
            Action::PutBackGroup(group) => {
                let group = self.group_id(*group);
                self.change_group(Actor::Provider, &group, &[], refusals);
            }
            Action::DeleteGroup(by, group) => {
                let group = self.group_id(*group);
                self.delete_group(*by, &group, refusals);
            }
            _ => self.administer_users(action, made, others, refusals),
        }
    }

    pub(super) fn post_group(
        &mut self,
        by: Actor,
        name: &str,
        members: &[String],
        made: &Made,
        refusals: &mut Refusals,
    ) {
        self.authenticate(by, refusals);
        let id = made.id.clone().unwrap_or_default();
        if by == Actor::Provider && !self.takes_groups {
            refuse(refusals, 403, "GroupsDisabled");
        }
        self.check_group_name(&id, name, refusals);
        self.check_members(by, members, refusals);
        // G-2: it is mapped to the unit of its name.
        self.units.entry(folded(name)).or_default();
        let group = Group {
            name: name.into(),
            members: members.iter().cloned().collect(),
            is_managed: by == Actor::Provider,
            unit: folded(name),
            role: None,
        };
        self.groups.insert(id.clone(), group);
        self.known_groups.push(id.clone());
        self.subject = Some(id);
    }

    fn change_group(&mut self, by: Actor, id: &str, changes: &[GroupChange<'_>], refusals: &mut Refusals) {
        self.authenticate(by, refusals);
        if by == Actor::Provider && !self.takes_groups {
            refuse(refusals, 403, "GroupsDisabled");
        }
        for change in changes {
            if let GroupChange::Add(members) | GroupChange::Replace(members) = change {
                // G-8, G-9. Whoever is taken out again by the same request need not be there.
                let net = net_members(changes);
                let members: Vec<String> = members.iter().filter(|id| net.contains(*id)).cloned().collect();
                self.check_members(by, &members, refusals);
            }
        }
        let Some(before) = self.groups.get(id).cloned() else {
            return refuse(refusals, 404, "NotFound");
        };
        if before.is_managed {
            // G-5 and A-11.
            match by {
                Actor::Provider => {}
                Actor::DirectoryAdministrator => refuse(refusals, 403, "Forbidden"),
                _ => refuse(refusals, 403, "ManagedByProvider"),
            }
        }
        let mut after = before.clone();
        for change in changes {
            match change {
                GroupChange::Rename(name) => after.name = (*name).into(),
                GroupChange::Replace(members) => after.members = members.iter().cloned().collect(),
                GroupChange::Clear => after.members.clear(),
                GroupChange::Add(members) => after.members.extend(members.iter().cloned()),
                GroupChange::Remove(members) => after.members.retain(|id| !members.contains(id)),
            }
        }
        // D-11: a request that replaces all members says of all who is in, and nobody who is deleted is seen: whoever was in
        // before comes back.
        if changes
            .iter()
            .any(|change| matches!(change, GroupChange::Replace(_) | GroupChange::Clear))
        {
            let deleted = self.deleted_users();
            after
                .members
                .extend(before.members.intersection(&deleted).cloned());
        }
        after.is_managed |= by == Actor::Provider;
        self.check_group_name(id, &after.name, refusals);
        self.subject = Some(id.into());
        // the access group is renamed too, unless another one has the name.
        let taken = |name: &str| {
            let mut others = self
                .access_groups
                .values()
                .filter(|group| group.source.as_deref() != Some(id));
            others.any(|group| folded(&group.name) == folded(name))
        };
        if after.name != before.name && !taken(&after.name) {
            let mut groups = self.access_groups.values_mut();
            if let Some(group) = groups.find(|group| group.source.as_deref() == Some(id)) {
                group.name.clone_from(&after.name);
            }
        }
        self.groups.insert(id.into(), after);
    }

    pub(super) fn delete_group(&mut self, by: Actor, id: &str, refusals: &mut Refusals) {
        self.authenticate(by, refusals);
        if by == Actor::Provider && !self.takes_groups {
            refuse(refusals, 403, "GroupsDisabled");
        }
        match self.groups.get(id) {
            None => refuse(refusals, 404, "NotFound"),
            Some(group) if group.is_managed && by != Actor::Provider => refuse(refusals, 403, ""),
            Some(_) => {}
        }
        //
        self.groups.remove(id);
        self.delete_access_groups(|_, group| group.source.as_deref() == Some(id));
    }

    /// O-16.
    pub(super) fn check_group_name(&self, id: &str, name: &str, refusals: &mut Refusals) {
        let mut others = self.groups.iter().filter(|(other, _)| *other != id);
        if others.any(|(_, group)| folded(&group.name) == folded(name)) {
            refuse(refusals, 409, "Uniqueness");
        }
    }

    /// G-9, D-10: members are users whom the request can see.
    pub(super) fn check_members(&self, by: Actor, members: &[String], refusals: &mut Refusals) {
        if members
            .iter()
            .any(|id| !self.users.get(id).is_some_and(|user| user.is_visible_to(by)))
        {
            refuse(refusals, 400, "");
        }
    }
}

enum GroupChange<'c> {
    Rename(&'c str),
    Replace(Vec<String>),
    Clear,
    Add(Vec<String>),
    Remove(Vec<String>),
}

/// Who is in a group after these changes if nobody was before.
fn net_members(changes: &[GroupChange<'_>]) -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    for change in changes {
        match change {
            GroupChange::Rename(_) => {}
            GroupChange::Replace(all) => members = all.iter().cloned().collect(),
            GroupChange::Clear => members.clear(),
            GroupChange::Add(more) => members.extend(more.iter().cloned()),
            GroupChange::Remove(less) => members.retain(|id| !less.contains(id)),
        }
    }
    members
}
