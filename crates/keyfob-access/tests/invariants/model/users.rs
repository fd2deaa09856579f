//! Users: what providers make of them, and where they stand in their life.

use keyfob_engine::{Actor, Origin, UserState};

use super::{
    Document, Made, Organization, Refusals, Slot, User, demand_admin, demand_confirmation, domain_of, folded,
    nth, origin_of, refuse,
};
use crate::steps::{Action, Edit, Who};

/// What a user's change comes from.
#[derive(Clone, Copy, PartialEq)]
enum Write {
    Create,
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
                    let mut document = document.clone();
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
                match self.users.get_mut(&id).filter(|user| user.is_live()) {
                    None => refuse(refusals, 404, "NoSuchUser"),
                    Some(user) if user.state() == UserState::Invited => user.is_invited = false,
                    Some(_) => refuse(refusals, 409, "NotInvited"),
                }
            }
            Action::SetActive(by, who, active) => {
                demand_admin(*by, refusals);
                let id = id(self, who);
                match self.users.get(&id).filter(|user| user.is_live()) {
                    None => refuse(refusals, 404, "NoSuchUser"),
                    Some(user) if user.document.is_active() == *active => {}
                    Some(user) => {
                        let document = Document {
                            active: Some(*active),
                            ..user.document.clone()
                        };
                        self.write(Actor::OrganizationAdmin, &id, document, Write::Change, refusals);
                    }
                }
            }
            Action::SoftDelete(by, who) => {
                demand_admin(*by, refusals);
                let id = id(self, who);
                self.check_deletable(&id, refusals);
                self.soft_delete(&id, Origin::Administrator);
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
                        let document = user.document.clone();
                        self.check_unique(&id, &document, user.slot, refusals);
                        self.users.entry(id).and_modify(|user| user.deleted = None);
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
        let (id, write) = match found {
            Some((id, _)) => (id.clone(), Write::Change),
            None => (made.id.clone().unwrap_or_default(), Write::Create),
        };
        if let Some(user) = self.users.get_mut(&id) {
            user.deleted = None;
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
        // D-10: whom an administrator deleted the provider brings back by making it active.
        if document.is_active()
            && let Some(user) = self.users.get_mut(id)
        {
            user.deleted = None;
        }
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
        if self.users.get(id).is_none_or(User::is_live) {
            self.check_unique(id, &document, slot, refusals);
        }
        let was_active = before.as_ref().is_none_or(|user| user.document.is_active());
        let is_active = document.is_active();
        let mut user = before.unwrap_or(User {
            document: Document::default(),
            is_managed: false,
            is_invited: false,
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
        if is_active {
            user.deactivated_by = None;
        } else if was_active || by == Actor::Provider {
            user.deactivated_by = Some(origin_of(by));
            user.is_invited = false;
        }
        // T-10, O-21: on creation alone.
        let invited = self.policy.invites && self.sends_invites && is_active && by == Actor::Provider;
        if write == Write::Create && invited {
            user.is_invited = true;
            user.invites += 1;
        }
        self.users.insert(id.into(), user);
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
            Some(user) if user.is_managed && user.document.is_active() => {
                refuse(refusals, 409, "MustDeactivate");
            }
            Some(_) => {}
        }
    }

    /// D-9, D-12, and for others than the provider D-2 and A-11.
    pub(super) fn delete_by_scim(&mut self, by: Actor, id: &str, refusals: &mut Refusals) {
        self.authenticate(by, refusals);
        let Some(user) = self.users.get(id).filter(|user| user.is_visible_to(by)) else {
            return refuse(refusals, 404, "NotFound");
        };
        if by != Actor::Provider && user.is_managed {
            if by == Actor::DirectoryAdmin {
                return refuse(refusals, 403, "Forbidden");
            }
            if user.document.is_active() {
                return refuse(refusals, 403, "ManagedByProvider");
            }
        }
        if let Some((_, number)) = user.deleted {
            let hidden = Some((Origin::Provider, number));
            self.users
                .entry(id.into())
                .and_modify(|user| user.deleted = hidden);
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
        user.is_invited = false;
        if user.document.is_active() {
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
    if before.is_managed && by == Actor::DirectoryAdmin {
        refuse(refusals, 403, "Forbidden");
    }
    if before.is_managed && before.document.phone != document.phone {
        refuse(refusals, 403, "PhoneLocked");
    }
    if before.document.is_active() {
        return;
    }
    if document.is_active() {
        if before.is_managed && before.deactivated_by != Some(Origin::Administrator) {
            refuse(refusals, 403, "ManagedByProvider");
        }
    } else if before.document != *document {
        refuse(refusals, 403, "Deactivated");
    }
}
