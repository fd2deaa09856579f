//! Users: what providers make of them, and where they stand in their life.

use keyfob_engine::Actor;
use keyfob_provisioning::{Origin, UserState};

use super::{
    Document, Invitation, Made, Organization, Refusals, Slot, User, demand_admin, demand_confirmation,
    domain_of, folded, nth, origin_of, refuse,
};
use crate::steps::{Action, Edit, Who};

/// What a user's change comes from.
#[derive(Clone, Copy, PartialEq)]
enum Write {
    Create,
    /// A user of the name of one that is deleted is created.
    Return,
    Change,
}

impl Organization {
    pub(super) fn provide_users(
        &mut self,
        action: &Action,
        made: &Made,
        others: &Self,
        refusals: &mut Refusals,
    ) {
        let id = |organization: &Self, who: &Who| nth(*who, organization, others);
        match action {
            Action::PostUser(by, body) => self.post_user(*by, Document::of(body), made, refusals),
            Action::PutUser(by, who, body) => {
                let id = id(self, who);
                self.change_user(*by, &id, |_, _| Document::of(body), refusals);
            }
            Action::PatchUser(by, who, edits) => {
                let id = id(self, who);
                let edit = |document: &Document, refusals: &mut Refusals| {
                    // Of whether it is active nothing is said yet.
                    let mut document = Document {
                        active: None,
                        ..document.clone()
                    };
                    for (_, edit) in edits {
                        match edit {
                            Edit::Set(field, value) => document.set(*field, Some(field.value(*value))),
                            Edit::Remove(field) => document.set(*field, None),
                            Edit::Broken(_) => refuse(refusals, 400, ""),
                        }
                    }
                    document
                };
                self.change_user(*by, &id, edit, refusals);
            }
            Action::PutBackUser(who) => {
                let id = id(self, who);
                self.change_user(Actor::Provider, &id, |document, _| document.clone(), refusals);
            }
            Action::Nameless(who, way) => {
                self.authenticate(Actor::Provider, refusals);
                if *way == 0 {
                    refuse(refusals, 400, "");
                } else {
                    let id = id(self, who);
                    let nameless = |document: &Document, refusals: &mut Refusals| {
                        refuse(refusals, 400, "");
                        document.clone()
                    };
                    self.change_user(Actor::Provider, &id, nameless, refusals);
                }
            }
            Action::DeleteUser(by, who) => {
                let id = id(self, who);
                self.delete_by_scim(*by, &id, refusals);
            }
            _ => self.provide_groups(action, made, others, refusals),
        }
    }

    pub(super) fn administer_users(
        &mut self,
        action: &Action,
        made: &Made,
        others: &Self,
        refusals: &mut Refusals,
    ) {
        let id = |organization: &Self, who: &Who| nth(*who, organization, others);
        match action {
            Action::AcceptInvite(who) => {
                let id = id(self, who);
                match self.users.get_mut(&id) {
                    None => refuse(refusals, 404, "NoSuchUser"),
                    Some(user) => match user.state() {
                        UserState::Deleted => refuse(refusals, 409, "Deleted"),
                        UserState::Deactivated => refuse(refusals, 409, "Deactivated"),
                        UserState::Uninvited => refuse(refusals, 409, "NotInvited"),
                        _ => user.invitation = None,
                    },
                }
            }
            Action::WithdrawInvite(by, who) => {
                demand_admin(*by, refusals);
                let id = id(self, who);
                match self.users.get_mut(&id) {
                    None => refuse(refusals, 404, "NoSuchUser"),
                    Some(user) => match user.state() {
                        UserState::Deleted => refuse(refusals, 409, "Deleted"),
                        UserState::Deactivated => refuse(refusals, 409, "Deactivated"),
                        UserState::Active => refuse(refusals, 409, "NotInvited"),
                        _ => user.invitation = Some(Invitation::Withdrawn),
                    },
                }
            }
            Action::SetActive(by, who, active) => {
                demand_admin(*by, refusals);
                let id = id(self, who);
                match self.users.get(&id) {
                    None => refuse(refusals, 404, "NoSuchUser"),
                    Some(user) if !user.is_live() => refuse(refusals, 409, "Deleted"),
                    Some(user) if *active && user.document.is_active() => {
                        refuse(refusals, 409, "NotDeactivated");
                    }
                    Some(user) if !active && !user.document.is_active() => {
                        if user.is_managed && user.deactivated_by == Some(Origin::Provider) {
                            refuse(refusals, 409, "AlreadyDeactivated");
                        }
                    }
                    Some(user) => {
                        let document = Document {
                            active: Some(*active),
                            ..user.document.clone()
                        };
                        self.write(Actor::Administrator, &id, document, Write::Change, refusals);
                    }
                }
            }
            Action::SoftDelete(by, who) => {
                demand_admin(*by, refusals);
                let id = id(self, who);
                match self.users.get(&id) {
                    Some(user) if !user.is_live() => {}
                    _ => {
                        self.check_deletable(&id, refusals);
                        self.soft_delete(&id, Origin::Administrator);
                    }
                }
            }
            Action::Purge(by, who, confirmed) => {
                demand_admin(*by, refusals);
                demand_confirmation(*confirmed, refusals);
                let id = id(self, who);
                if self.users.get(&id).is_none_or(User::is_live) {
                    self.check_deletable(&id, refusals);
                }
                self.remove_user(&id);
            }
            Action::Restore(by, who) => {
                demand_admin(*by, refusals);
                let id = id(self, who);
                match self.users.get(&id) {
                    None => refuse(refusals, 404, "NoSuchUser"),
                    Some(user) if user.is_live() => refuse(refusals, 409, "NotDeleted"),
                    Some(user) => {
                        let mut after = user.clone();
                        after.deleted = None;
                        self.come_back(&id, user, &mut after.document, &mut after.slot, refusals);
                        self.users.insert(id, after);
                    }
                }
            }
            _ => self.administer_link(action, made, others, refusals),
        }
    }

    pub(super) fn post_user(&mut self, by: Actor, document: Document, made: &Made, refusals: &mut Refusals) {
        self.authenticate(by, refusals);
        let name = folded(&document.user_name);
        let is_named = |user: &User| folded(&user.document.user_name) == name;
        let taken = self.users.values().any(|user| user.is_live() && is_named(user));
        let mut found = None;
        if by == Actor::Provider {
            // O-5, L-6: a user whom nobody manages is adopted where the profile says so.
            let unmanaged = |user: &User| user.is_live() && !user.is_managed && is_named(user);
            if self.policy.adopts {
                found = self.users.iter().find(|(_, user)| unmanaged(user));
            }
            // D-6, O-2: a deleted user comes back, of several the one that was deleted last, unless somebody live has the
            // name.
            if self.policy.restores && !taken {
                let deleted = self
                    .users
                    .iter()
                    .filter(|(_, user)| !user.is_live() && is_named(user));
                found = deleted.max_by_key(|(_, user)| user.deleted.map(|(_, number)| number));
            }
        }
        if taken && found.is_none() {
            refuse(refusals, 409, "Uniqueness");
        }
        let (id, mut write) = match found {
            Some((id, _)) => (id.clone(), Write::Change),
            None => (made.id.clone().unwrap_or_default(), Write::Create),
        };
        let mut document = document;
        if self.users.get(&id).is_some_and(|user| !user.is_live()) {
            // Whoever is created is active, unless it is said that it isn't.
            document.active = Some(document.active != Some(false));
            write = Write::Return;
        }
        self.write(by, &id, document, write, refusals);
        if !self.known_users.contains(&id) {
            self.known_users.push(id.clone());
        }
        self.subject = Some(id);
    }

    pub(super) fn change_user(
        &mut self,
        by: Actor,
        id: &str,
        change: impl FnOnce(&Document, &mut Refusals) -> Document,
        refusals: &mut Refusals,
    ) {
        self.authenticate(by, refusals);
        let Some(user) = self.users.get(id).filter(|user| user.is_visible_to(by)) else {
            refuse(refusals, 404, "NotFound");
            // What can't be read is refused before anybody looks who is meant.
            change(&Document::default(), refusals);
            return;
        };
        let document = change(&user.document, refusals);
        self.write(by, id, document, Write::Change, refusals);
        self.subject = Some(id.into());
    }

    fn write(&mut self, by: Actor, id: &str, mut document: Document, write: Write, refusals: &mut Refusals) {
        let before = self.users.get(id).cloned();
        // an empty external id names nobody, and there is room for 256 characters.
        document.external_id.take_if(|id| id.is_empty());
        if document.external_id.as_ref().is_some_and(|id| id.len() > 256) {
            refuse(refusals, 400, "TooLong");
        }
        let is_called_active = document.active == Some(true);
        let (active, deactivated_by) = live(by, before.as_ref(), &document, refusals);
        document.active = Some(active);
        if by == Actor::Provider {
            // S-6: what is not taken over stays.
            let mut stored = before
                .as_ref()
                .map(|user| user.document.clone())
                .unwrap_or_default();
            for field in &self.ignored {
                let text = stored.text_mut(*field).and_then(Option::take);
                document.set(*field, text);
            }
            self.check_required(before.as_ref(), &document, refusals);
            self.check_domains(before.as_ref(), &document, refusals);
        } else if let Some(before) = &before {
            check_administration(by, before, &document, refusals);
        }
        // C-7: the card is looked at once, after all, where what is said of it changes.
        let mut slot = before.as_ref().map_or(Slot::Empty, |user| user.slot);
        let said = before.as_ref().map(|user| user.document.card.clone());
        if said.unwrap_or_default() != document.card {
            match slot.after(&document.card) {
                Some(after) => slot = after,
                None => refuse(refusals, 400, ""),
            }
        }
        let mut deleted = before.as_ref().and_then(|user| user.deleted);
        match before.as_ref().filter(|user| !user.is_live()) {
            None => self.check_unique(id, &document, slot, refusals),
            // D-10: whom an administrator deleted the provider brings back by making it active, and by its name whoever
            // is deleted.
            Some(before) if is_called_active || write == Write::Return => {
                deleted = None;
                self.come_back(id, before, &mut document, &mut slot, refusals);
            }
            Some(_) => {}
        }
        let mut user = before.unwrap_or(User {
            document: Document::default(),
            is_managed: false,
            invitation: None,
            is_due: false,
            deactivated_by: None,
            deleted: None,
            invites: 0,
            slot,
            default_unit: None,
        });
        if write == Write::Create {
            user.default_unit = self.joined_unit(by, refusals);
        }
        user.slot = slot;
        user.document = document;
        // U-2, O-5: whoever is written by SCIM is managed.
        user.is_managed |= by == Actor::Provider;
        user.deactivated_by = deactivated_by;
        user.deleted = deleted;
        // T-10, O-21: whom the provider creates, at once or when it is active for the first time.
        let invites = self.policy.invites && self.sends_invites;
        user.is_due |= write == Write::Create && by == Actor::Provider && invites;
        if active && std::mem::take(&mut user.is_due) && invites {
            user.invitation = Some(Invitation::Sent);
            user.invites += 1;
        }
        self.users.insert(id.into(), user);
    }

    /// C-11, X-3 and U-10 for whoever comes back: without what it had and somebody else has by now, and not at all where
    /// that is its name.
    fn come_back(
        &self,
        id: &str,
        before: &User,
        document: &mut Document,
        slot: &mut Slot,
        refusals: &mut Refusals,
    ) {
        let others = self
            .users
            .iter()
            .filter(|(other, user)| *other != id && user.is_live());
        let others: Vec<&User> = others.map(|(_, user)| user).collect();
        if others
            .iter()
            .any(|other| folded(&other.document.user_name) == folded(&document.user_name))
        {
            refuse(refusals, 409, "NameTaken");
        }
        let has_id = |other: &&User| other.document.external_id == document.external_id;
        if document.external_id.is_some() && others.iter().any(has_id) {
            if document.external_id != before.document.external_id {
                refuse(refusals, 409, "Uniqueness");
            }
            document.external_id = None;
        }
        if slot.card().is_some() && others.iter().any(|other| other.slot.card() == slot.card()) {
            if slot.card() != before.slot.card() {
                refuse(refusals, 409, "Uniqueness");
            }
            document.card.number = None;
            *slot = Slot::Deleted;
        }
    }

    /// T-9, O-11 and O-14: whoever is shut out as he is may be so in whatever domain.
    /// S-2, S-3. Whoever lacked it can be shut out all the same.
    fn check_required(&self, before: Option<&User>, document: &Document, refusals: &mut Refusals) {
        let lacks = |document: &Document| {
            let required = [&document.email, &document.given_name, &document.family_name];
            required.map(Option::is_none)
        };
        let lacked = before.map_or([false; 3], |user| lacks(&user.document));
        for (lacks, lacked) in lacks(document).into_iter().zip(lacked) {
            if self.policy.requires && lacks && (document.is_active() || !lacked) {
                refuse(refusals, 400, "RequiredAttribute");
            }
        }
    }

    pub(super) fn check_domains(&self, before: Option<&User>, document: &Document, refusals: &mut Refusals) {
        let Some(domains) = &self.domains else { return };
        let kept = before.is_some_and(|user| user.document.addresses() == document.addresses());
        if kept && !document.is_active() {
            return;
        }
        for address in document.addresses() {
            let domain = domain_of(address);
            if domain.is_empty() {
                refuse(refusals, 400, "DomainMissing");
            } else if !domains.contains(&domain) {
                refuse(refusals, 400, "DomainNotAllowed");
            }
        }
    }

    /// U-10, X-3 and C-11, among those who are not deleted.
    pub(super) fn check_unique(&self, id: &str, document: &Document, slot: Slot, refusals: &mut Refusals) {
        let others = self
            .users
            .iter()
            .filter(|(other, user)| *other != id && user.is_live());
        for (_, other) in others {
            // C-11.
            if slot.card().is_some() && slot.card() == other.slot.card() {
                refuse(refusals, 409, "Uniqueness");
            }
            let other = &other.document;
            let same_id = document.external_id.is_some() && document.external_id == other.external_id;
            if folded(&other.user_name) == folded(&document.user_name) || same_id {
                refuse(refusals, 409, "Uniqueness");
            }
        }
    }

    /// D-2.
    pub(super) fn check_deletable(&self, id: &str, refusals: &mut Refusals) {
        match self.users.get(id).filter(|user| user.is_live()) {
            None => refuse(refusals, 404, "NoSuchUser"),
            Some(user) => check_deletion(user, refusals),
        }
    }

    /// D-9, D-12, and for others than the provider D-2 and A-11.
    pub(super) fn delete_by_scim(&mut self, by: Actor, id: &str, refusals: &mut Refusals) {
        self.authenticate(by, refusals);
        let Some(user) = self.users.get(id).filter(|user| user.is_visible_to(by)) else {
            return refuse(refusals, 404, "NotFound");
        };
        if by == Actor::DirectoryAdministrator && user.is_managed {
            return refuse(refusals, 403, "Forbidden");
        }
        if by != Actor::Provider {
            check_deletion(user, refusals);
        }
        if user.deleted.is_some() {
            // It is the provider that deletes it now, after whoever was deleted since.
            self.deletions += 1;
            let hidden = Some((Origin::Provider, self.deletions));
            self.users.entry(id.into()).and_modify(|user| {
                user.deleted = hidden;
                user.deactivated_by = Some(Origin::Provider);
            });
        } else if self.policy.deletes_softly {
            self.soft_delete(id, origin_of(by));
        } else {
            self.remove_user(id);
        }
    }

    pub(super) fn soft_delete(&mut self, id: &str, origin: Origin) {
        self.deletions += 1;
        let Some(user) = self.users.get_mut(id) else {
            return;
        };
        user.deleted = Some((origin, self.deletions));
        // D-9: to delete is to deactivate first.
        if user.document.is_active() || origin == Origin::Provider {
            user.deactivated_by = Some(origin);
        }
        user.document.active = Some(false);
    }

    /// D-4, D-11: nothing of the user is left anywhere.
    pub(super) fn remove_user(&mut self, id: &str) {
        self.users.remove(id);
        for group in self.groups.values_mut() {
            group.members.remove(id);
        }
        for group in self.access_groups.values_mut() {
            group.members.remove(id);
        }
        self.grants.retain(|(user, ..)| user != id);
    }
}

/// U-7, U-8, P-1 and A-11: what others than the provider may do to a user.
fn check_administration(by: Actor, before: &User, document: &Document, refusals: &mut Refusals) {
    if before.is_managed && by == Actor::DirectoryAdministrator {
        refuse(refusals, 403, "Forbidden");
    }
    if before.is_managed && before.document.phone != document.phone {
        refuse(refusals, 403, "PhoneLocked");
    }
}

/// D-2: a user is deactivated before it is deleted, in the provider where one manages it.
fn check_deletion(user: &User, refusals: &mut Refusals) {
    if user.is_managed {
        if user.document.is_active() || user.deactivated_by != Some(Origin::Provider) {
            refuse(refusals, 403, "ActiveInProvider");
        }
    } else if user.document.is_active() {
        refuse(refusals, 409, "Active");
    }
}

/// U-6, U-7 and U-8: whether a user is active after a request that says so, says that it isn't, or says nothing, and who
/// deactivated it.
fn live(
    by: Actor,
    before: Option<&User>,
    document: &Document,
    refusals: &mut Refusals,
) -> (bool, Option<Origin>) {
    let said = document.active;
    let Some(before) = before else {
        let active = said != Some(false);
        return (active, (!active).then(|| origin_of(by)));
    };
    let was_active = before.document.is_active();
    let same = (was_active, before.deactivated_by);
    if by == Actor::Provider {
        return match said {
            Some(true) => (true, None),
            Some(false) => (false, Some(Origin::Provider)),
            None => same,
        };
    }
    match said.filter(|said| *said != was_active) {
        Some(true) => {
            if before.is_managed && before.deactivated_by == Some(Origin::Provider) {
                refuse(refusals, 403, "DeactivatedByProvider");
            }
            (true, None)
        }
        Some(false) => (false, Some(Origin::Administrator)),
        None => {
            let unchanged = Document {
                active: before.document.active,
                ..document.clone()
            };
            if !was_active && unchanged != before.document {
                refuse(refusals, 409, "Deactivated");
            }
            same
        }
    }
}
