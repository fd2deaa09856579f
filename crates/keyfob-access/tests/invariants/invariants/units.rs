//! Who belongs to which unit, as what, and on whose account.

use std::collections::{BTreeMap, BTreeSet};

use keyfob_access::{Grant, Provenance, Role, Unit};
use pollster::block_on;

use super::{Seen, Verdict, holds, same};
use crate::model::{Account, User, folded};

/// What there is, by which grants are told.
struct Names {
    units: Vec<Unit>,
    roles: Vec<Role>,
}

impl Seen<'_> {
    /// 15, G-3 and G-4: the units and roles, who belongs to each unit, and who has which role where.
    pub(super) fn units(&self) -> Verdict {
        let (access, model) = (self.world.access(), self.model);
        let names = Names {
            units: block_on(access.units(&self.admin)).unwrap(),
            roles: block_on(access.roles(&self.admin)).unwrap(),
        };
        let found: BTreeMap<_, _> = names
            .units
            .iter()
            .map(|unit| {
                let parent = names
                    .units
                    .iter()
                    .find(|above| Some(&above.id) == unit.parent.as_ref());
                (folded(&unit.name), parent.map(|above| folded(&above.name)))
            })
            .collect();
        same!(found, model.units, "G-2, O-23: the units");
        same!(names.units.len(), found.len(), "G-2: a unit is there twice");
        let roles: BTreeSet<&str> = names.roles.iter().map(|role| role.name.as_str()).collect();
        same!(roles, model.roles, "the roles");
        let mut members: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        members.extend(model.units.keys().map(|unit| (unit.clone(), BTreeSet::new())));
        for id in &model.known_users {
            let grants = block_on(access.grants(&self.admin, id));
            if !model.users.get(id).is_some_and(User::is_live) {
                holds!(
                    grants.is_err(),
                    "D-3, D-4: `{id}` was deleted and belongs to units"
                );
                continue;
            }
            let grants = grants.map_err(|error| error.to_string())?;
            let granted = names.told(&grants);
            same!(
                granted.len(),
                grants.len(),
                "15: `{id}` is granted something twice"
            );
            same!(
                granted,
                model.grants_of(id),
                "15, U-4, U-6: what `{id}` is granted, and on whose account"
            );
            for (unit, ..) in granted {
                members.entry(unit).or_default().insert(id.clone());
            }
            // As many questions as there are units, for each user; where units are beside the point, what is granted says enough.
            for unit in names.units.iter().filter(|_| model.policy.default_unit) {
                let roles = block_on(access.roles_in(&self.admin, id, unit.id.as_str())).unwrap();
                same!(
                    names.told(&roles),
                    model.roles_in(id, &folded(&unit.name)),
                    "15, G-4: the roles of `{id}` in {}",
                    unit.name
                );
            }
        }
        same!(
            members,
            model.members_of_units(),
            "G-3: who belongs to which unit"
        );
        Ok(())
    }
}

impl Names {
    /// Grants as the model says them.
    fn told(&self, grants: &[Grant]) -> BTreeSet<(String, Option<String>, Account)> {
        let told = grants.iter().map(|grant| {
            let unit = self.units.iter().find(|unit| unit.id == grant.unit);
            let role = self
                .roles
                .iter()
                .find(|role| Some(&role.id) == grant.role.as_ref());
            let account = match &grant.provenance {
                Provenance::Default => Account::Default,
                Provenance::Group(group) => Account::Group(group.as_str().into()),
                Provenance::Administrator => Account::Administrator,
                other => panic!("{other:?} is no account"),
            };
            (
                unit.map_or_else(String::new, |unit| folded(&unit.name)),
                role.map(|role| role.name.to_string()),
                account,
            )
        });
        told.collect()
    }
}
