//! The link to the provider, and who has access.

use std::collections::BTreeSet;

use super::{
    AccessGroup, Made, Organization, Refusals, Token, User, demand_admin, demand_confirmation, domain_name,
    folded, group_name, ignorable, nth, refuse, token_name,
};
use crate::steps::{Action, Field, LEVELS, TOKENS, Who};

impl Organization {
    pub(super) fn administer_link(
        &mut self,
        action: &Action,
        made: &Made,
        others: &Self,
        refusals: &mut Refusals,
    ) {
        match action {
            Action::AddDomain(by, domain) => {
                demand_admin(*by, refusals);
                let domain = folded(domain_name(*domain));
                if domain.contains(' ') {
                    refuse(refusals, 400, "Domain");
                }
                let domains = self.domains.get_or_insert_default();
                if !domains.contains(&domain) {
                    domains.push(domain);
                }
                if !self.is_linked {
                    self.is_linked = true;
                    self.put_token(TOKENS[0], made, false);
                }
            }
            Action::RemoveDomain(by, domain, force) => {
                demand_admin(*by, refusals);
                let domain = folded(domain_name(*domain));
                if domain.contains(' ') {
                    refuse(refusals, 400, "Domain");
                } else if self
                    .domains
                    .as_ref()
                    .is_none_or(|domains| !domains.contains(&domain))
                {
                    refuse(refusals, 404, "NoSuchDomain");
                }
                let mut live = self.users.values().filter(|user| user.is_live());
                if !force && live.any(|user| user.document.has_address_in(&domain)) {
                    refuse(refusals, 409, "DomainInUse");
                }
                if let Some(domains) = &mut self.domains {
                    domains.retain(|present| *present != domain);
                }
            }
            Action::RefreshToken(..) | Action::IssueToken(..) | Action::RevokeToken(..) => {
                self.change_tokens(action, made, refusals);
            }
            Action::SetInvites(by, send) => {
                demand_admin(*by, refusals);
                self.sends_invites = *send;
            }
            Action::SetSynchronization(by, groups, ignored) => {
                demand_admin(*by, refusals);
                let ignored = ignored
                    .iter()
                    .flat_map(|number| self.fields_of(*number, refusals));
                (self.takes_groups, self.ignored) = (*groups, ignored.copied().collect());
            }
            Action::Unlink(by, confirmed) => {
                demand_admin(*by, refusals);
                demand_confirmation(*confirmed, refusals);
                self.unlink();
            }
            _ => self.arrange(action, made, others, refusals),
        }
    }

    fn change_tokens(&mut self, action: &Action, made: &Made, refusals: &mut Refusals) {
        match action {
            Action::RefreshToken(by, name, confirmed) => {
                demand_admin(*by, refusals);
                demand_confirmation(*confirmed, refusals);
                // T-5.
                if !self.is_linked {
                    refuse(refusals, 409, "NotEnabled");
                }
                let names: Vec<_> = self.tokens.keys().copied().collect();
                let name = match (name.map(token_name), names.as_slice()) {
                    (Some(name), names) if names.contains(&name) => name,
                    (Some(_), _) => return refuse(refusals, 404, "NoSuchToken"),
                    (None, []) => TOKENS[0],
                    (None, [only]) => only,
                    (None, _) => return refuse(refusals, 400, "AmbiguousToken"),
                };
                self.put_token(name, made, false);
            }
            Action::IssueToken(by, name, is_over) => {
                demand_admin(*by, refusals);
                if !self.policy.many_tokens {
                    refuse(refusals, 409, "OneToken");
                }
                if !self.is_linked {
                    refuse(refusals, 409, "NotEnabled");
                }
                let name = token_name(*name);
                if self.tokens.contains_key(name) {
                    refuse(refusals, 409, "TokenNameTaken");
                }
                self.put_token(name, made, *is_over);
            }
            Action::RevokeToken(by, name, confirmed) => {
                demand_admin(*by, refusals);
                demand_confirmation(*confirmed, refusals);
                match self.tokens.remove(token_name(*name)) {
                    None => refuse(refusals, 404, "NoSuchToken"),
                    Some(token) => self.dead_tokens.push(token.secret),
                }
            }
            other => panic!("{other:?} is done elsewhere"),
        }
    }

    /// T-4: what was under that name before opens nothing any more.
    fn put_token(&mut self, name: &'static str, made: &Made, is_over: bool) {
        let secret = made.token.clone().unwrap_or_default();
        let before = self.tokens.insert(name, Token { secret, is_over });
        self.dead_tokens.extend(before.map(|token| token.secret));
    }

    /// S-6: what of users is not taken over where an attribute is not.
    fn fields_of(&self, number: u8, refusals: &mut Refusals) -> &'static [Field] {
        let (fields, required): (&[Field], _) = match ignorable(number) {
            "displayName" => (&[Field::DisplayName], false),
            "title" => (&[Field::Title], false),
            "emails" => (&[Field::Email], self.policy.requires),
            "name" => (&[Field::GivenName, Field::FamilyName], self.policy.requires),
            "userName" | "active" => (&[], true),
            _ => {
                refuse(refusals, 400, "UnknownAttribute");
                (&[], false)
            }
        };
        if required {
            refuse(refusals, 400, "RequiredAttribute");
        }
        fields
    }

    pub(super) fn give_access(
        &mut self,
        action: &Action,
        made: &Made,
        others: &Self,
        refusals: &mut Refusals,
    ) {
        match action {
            Action::Convert(by, group) => {
                demand_admin(*by, refusals);
                let group = self.group_id(*group);
                self.convert(&group, made, refusals);
            }
            Action::CreateAccessGroup(by, name) => {
                demand_admin(*by, refusals);
                let name = group_name(*name);
                self.create_access_group(name, None, made, refusals);
            }
            Action::DeleteAccessGroup(by, group) => {
                demand_admin(*by, refusals);
                let group = self.access_group_id(*group);
                if !self.access_groups.contains_key(&group) {
                    refuse(refusals, 404, "NotFound");
                }
                self.delete_access_groups(|id, _| *id == group);
            }
            Action::ChangeMembers(by, group, add, remove) => {
                demand_admin(*by, refusals);
                let group = self.access_group_id(*group);
                let ids =
                    |who: &[Who]| -> Vec<String> { who.iter().map(|who| nth(*who, self, others)).collect() };
                let (add, remove) = (ids(add), ids(remove));
                let deleted = self.deleted_users();
                if add
                    .iter()
                    .any(|id| !self.users.get(id).is_some_and(User::is_live))
                {
                    refuse(refusals, 404, "NotFound");
                }
                match self.access_groups.get_mut(&group) {
                    None => refuse(refusals, 404, "NotFound"),
                    Some(group) if group.source.is_some() => refuse(refusals, 403, "DerivedMembers"),
                    Some(group) => {
                        group
                            .members
                            .retain(|id| deleted.contains(id) || !remove.contains(id));
                        group.members.extend(add);
                    }
                }
            }
            _ => self.assign(action, refusals),
        }
    }

    pub(super) fn assign(&mut self, action: &Action, refusals: &mut Refusals) {
        match action {
            Action::CreateLevel(by, level) => {
                demand_admin(*by, refusals);
                let level = LEVELS[usize::from(*level)];
                if self.levels.contains_key(level) {
                    refuse(refusals, 409, "NameTaken");
                }
                self.levels.entry(level).or_default();
            }
            Action::DeleteLevel(by, level) => {
                demand_admin(*by, refusals);
                if self.levels.remove(LEVELS[usize::from(*level)]).is_none() {
                    refuse(refusals, 404, "NotFound");
                }
            }
            Action::AssignLevel(by, level, group) | Action::UnassignLevel(by, level, group) => {
                demand_admin(*by, refusals);
                let group = self.access_group_id(*group);
                let is_there = self.access_groups.contains_key(&group);
                match self.levels.get_mut(LEVELS[usize::from(*level)]) {
                    Some(groups) if is_there => {
                        if matches!(action, Action::AssignLevel(..)) {
                            groups.insert(group);
                        } else {
                            groups.remove(&group);
                        }
                    }
                    _ => refuse(refusals, 404, "NotFound"),
                }
            }
            other => panic!("{other:?} is nothing that is done"),
        }
    }

    ///
    pub(super) fn convert(&mut self, group: &str, made: &Made, refusals: &mut Refusals) {
        let Some(found) = self
            .groups
            .get(group)
            .filter(|group| group.is_managed && self.is_linked)
        else {
            return refuse(refusals, 404, "NotProvisioned");
        };
        let name = found.name.clone();
        let mut present = self.access_groups.iter();
        if let Some((id, _)) = present.find(|(_, of)| of.source.as_deref() == Some(group)) {
            self.subject = Some(id.clone());
            return;
        }
        self.create_access_group(&name, Some(group), made, refusals);
    }

    pub(super) fn create_access_group(
        &mut self,
        name: &str,
        source: Option<&str>,
        made: &Made,
        refusals: &mut Refusals,
    ) {
        let mut others = self.access_groups.values();
        if others.any(|group| folded(&group.name) == folded(name)) {
            refuse(refusals, 409, "NameTaken");
        }
        let id = made.id.clone().unwrap_or_default();
        let group = AccessGroup {
            name: name.into(),
            source: source.map(Into::into),
            members: BTreeSet::new(),
        };
        self.access_groups.insert(id.clone(), group);
        self.known_access_groups.push(id.clone());
        self.subject = Some(id);
    }

    /// out of every level with them.
    pub(super) fn delete_access_groups(&mut self, goes: impl Fn(&String, &AccessGroup) -> bool) {
        let going: Vec<String> = self
            .access_groups
            .iter()
            .filter(|(id, group)| goes(id, group))
            .map(|(id, _)| id.clone())
            .collect();
        for id in going {
            self.access_groups.remove(&id);
            for groups in self.levels.values_mut() {
                groups.remove(&id);
            }
        }
    }

    /// L-2 to L-4.
    pub(super) fn unlink(&mut self) {
        self.is_linked = false;
        let revoked = std::mem::take(&mut self.tokens).into_values();
        self.dead_tokens.extend(revoked.map(|token| token.secret));
        for user in self.users.values_mut() {
            user.is_managed = false;
        }
        for group in self.groups.values_mut() {
            group.is_managed = false;
        }
        self.delete_access_groups(|_, group| group.source.is_some());
    }
}
