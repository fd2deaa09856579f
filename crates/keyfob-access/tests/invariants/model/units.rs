//! Units and roles: who belongs where, as what, and on whose account.

use std::collections::{BTreeMap, BTreeSet};

use keyfob_engine::Actor;
use keyfob_provisioning::UserState;

use super::{
    Made, Organization, Refusals, User, demand_admin, folded, nth, pick, refuse, role_name, unit_name,
};
use crate::steps::Action;

/// On whose account somebody belongs to a unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Account {
    Default,
    Group(String),
    Administrator,
}

/// How deep units are nested at most.
const DEEPEST: usize = 5;

impl Organization {
    pub(super) fn arrange(&mut self, action: &Action, made: &Made, others: &Self, refusals: &mut Refusals) {
        match action {
            Action::CreateUnit(by, unit, parent) => {
                demand_admin(*by, refusals);
                self.create_unit(*unit, *parent, refusals);
            }
            Action::MoveUnit(by, unit, parent) => {
                demand_admin(*by, refusals);
                self.move_unit(*unit, *parent, refusals);
            }
            Action::DeleteUnit(by, unit) => {
                demand_admin(*by, refusals);
                let unit = self.unit(*unit, refusals);
                if self.has_content(&unit) {
                    refuse(refusals, 409, "NotEmpty");
                }
                self.units.remove(&unit);
            }
            Action::SetDefaultUnit(by, unit) => {
                demand_admin(*by, refusals);
                self.default_unit = unit.map(|unit| self.unit(unit, refusals));
            }
            Action::CreateRole(by, role) => {
                demand_admin(*by, refusals);
                if !self.roles.insert(role_name(*role)) {
                    refuse(refusals, 409, "NameTaken");
                }
            }
            Action::MapGroup(by, group, unit, role) => {
                demand_admin(*by, refusals);
                let (unit, role) = (self.unit(*unit, refusals), self.role(*role, refusals));
                match self.groups.get_mut(&pick(&self.known_groups, *group)) {
                    None => refuse(refusals, 404, "NotProvisioned"),
                    Some(group) => (group.unit, group.role) = (unit, role),
                }
            }
            Action::Grant(by, who, unit, role) | Action::Revoke(by, who, unit, role) => {
                demand_admin(*by, refusals);
                let (unit, role) = (self.unit(*unit, refusals), self.role(*role, refusals));
                let id = nth(*who, self, others);
                if !self.users.get(&id).is_some_and(User::is_live) {
                    refuse(refusals, 404, "NotFound");
                }
                let grant = (id, unit, role);
                if matches!(action, Action::Grant(..)) {
                    self.grants.insert(grant);
                } else {
                    self.grants.remove(&grant);
                }
            }
            _ => self.give_access(action, made, others, refusals),
        }
    }

    fn unit(&self, number: u8, refusals: &mut Refusals) -> String {
        let unit = folded(unit_name(number));
        if !self.units.contains_key(&unit) {
            refuse(refusals, 404, "NotFound");
        }
        unit
    }

    fn role(&self, number: Option<u8>, refusals: &mut Refusals) -> Option<String> {
        let role = role_name(number?);
        if !self.roles.contains(role) {
            refuse(refusals, 404, "NotFound");
        }
        Some(role.into())
    }

    fn create_unit(&mut self, unit: u8, parent: Option<u8>, refusals: &mut Refusals) {
        let unit = folded(unit_name(unit));
        if self.units.contains_key(&unit) {
            refuse(refusals, 409, "NameTaken");
        }
        let parent = parent.map(|parent| self.unit(parent, refusals));
        let above = parent.as_ref().map_or(0, |parent| self.line(parent).len());
        if above >= DEEPEST {
            refuse(refusals, 400, "TooDeep");
        }
        self.units.insert(unit, parent);
    }

    /// A unit goes with those below it, not below one of them, and no deeper than units are nested.
    fn move_unit(&mut self, unit: u8, parent: Option<u8>, refusals: &mut Refusals) {
        let unit = self.unit(unit, refusals);
        let parent = parent.map(|parent| self.unit(parent, refusals));
        let above = parent.as_ref().map_or_else(Vec::new, |parent| self.line(parent));
        if above.contains(&unit) {
            refuse(refusals, 400, "BelowItself");
        }
        let below = self.units.keys().filter_map(|other| {
            let line = self.line(other);
            line.iter().position(|of| *of == unit)
        });
        let below = below.max().unwrap_or_default();
        if above.len() + 1 + below > DEEPEST {
            refuse(refusals, 400, "TooDeep");
        }
        self.units.insert(unit, parent);
    }

    /// O-23: whether a unit has anything that keeps it from being deleted. D-3 and D-11: deleted users keep what they have.
    fn has_content(&self, unit: &str) -> bool {
        let belongs = |id: &String| self.grants_of(id).iter().any(|(of, ..)| of == unit);
        self.units.values().any(|parent| parent.as_deref() == Some(unit))
            || self.groups.values().any(|group| group.unit == unit)
            || self.default_unit.as_deref() == Some(unit)
            || self.users.keys().any(belongs)
    }

    /// A unit and those above it.
    fn line(&self, unit: &str) -> Vec<String> {
        let mut line = vec![unit.to_owned()];
        while let Some(Some(parent)) = line.last().and_then(|last| self.units.get(last)) {
            line.push(parent.clone());
        }
        line
    }

    /// O-22: what a user is granted, and on whose account.
    pub(crate) fn grants_of(&self, user: &str) -> BTreeSet<(String, Option<String>, Account)> {
        let mut grants = BTreeSet::new();
        // U-4.
        if let Some(unit) = &self.users[user].default_unit {
            grants.insert((unit.clone(), None, Account::Default));
        }
        // G-3, G-4.
        for (id, group) in &self.groups {
            if group.members.contains(user) {
                grants.insert((group.unit.clone(), group.role.clone(), Account::Group(id.clone())));
            }
        }
        for (_, unit, role) in self.grants.iter().filter(|(granted, ..)| granted == user) {
            grants.insert((unit.clone(), role.clone(), Account::Administrator));
        }
        grants
    }

    /// Which roles a user has in a unit, where each is granted and on whose account: whoever has one in a unit has it in
    /// those below, and whoever is not active has none.
    pub(crate) fn roles_in(&self, user: &str, unit: &str) -> BTreeSet<(String, Option<String>, Account)> {
        if self.users[user].state() != UserState::Active {
            return BTreeSet::new();
        }
        let line = self.line(unit);
        let mut roles = self.grants_of(user);
        roles.retain(|(of, role, _)| role.is_some() && line.contains(of));
        roles
    }

    /// G-3, unit by unit: the members of the groups that are mapped there, those who joined it when they were created, and
    /// those whom administrators put there.
    pub(crate) fn members_of_units(&self) -> BTreeMap<String, BTreeSet<String>> {
        let members = |unit: &String| {
            let groups = self.groups.values().filter(|group| group.unit == *unit);
            let mut members: BTreeSet<String> = groups.flat_map(|group| group.members.clone()).collect();
            let joined = self.users.iter();
            let joined = joined.filter(|(_, user)| user.default_unit.as_ref() == Some(unit));
            members.extend(joined.map(|(id, _)| id.clone()));
            let granted = self.grants.iter().filter(|(_, of, _)| of == unit);
            members.extend(granted.map(|(user, ..)| user.clone()));
            self.live_members(&members)
        };
        self.units
            .keys()
            .map(|unit| (unit.clone(), members(unit)))
            .collect()
    }

    /// U-4 and S-7: whom the provider creates joins the unit that is the default then.
    pub(super) fn joined_unit(&self, by: Actor, refusals: &mut Refusals) -> Option<String> {
        if by != Actor::Provider || !self.policy.default_unit {
            return None;
        }
        if self.default_unit.is_none() {
            refuse(refusals, 403, "NoDefaultUnit");
        }
        self.default_unit.clone()
    }
}
