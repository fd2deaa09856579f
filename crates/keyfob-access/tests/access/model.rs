//! Random sequences of what providers and administrators do, beside a model that is slow and obvious.

use std::collections::{BTreeMap, BTreeSet};

use keyfob_access::{Schedule, TimeZone};
use keyfob_core::ResourceId;
use keyfob_engine::Precondition;
use keyfob_provisioning::Profile;
use pollster::block_on;
use proptest::{collection::vec, prelude::*};

use crate::fixture::Fixture;

#[derive(Clone, Copy, Debug)]
enum Step {
    CreateUser(u8),
    SetActive(u8, bool),
    DeleteUser(u8),
    CreateGroup(u8),
    Join(u8, u8),
    Leave(u8, u8),
    Rename(u8, u8),
    DeleteGroup(u8),
    Convert(u8),
    CreateManual(u8),
    Put(u8, u8),
    DeleteAccessGroup(u8),
    Unlink,
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..4_u8;
    let two = (0..4_u8, 0..4_u8);
    prop_oneof![
        4 => id.clone().prop_map(Step::CreateUser),
        2 => (id.clone(), any::<bool>()).prop_map(|(user, active)| Step::SetActive(user, active)),
        1 => id.clone().prop_map(Step::DeleteUser),
        4 => id.clone().prop_map(Step::CreateGroup),
        6 => two.clone().prop_map(|(group, user)| Step::Join(group, user)),
        3 => two.clone().prop_map(|(group, user)| Step::Leave(group, user)),
        3 => two.clone().prop_map(|(group, name)| Step::Rename(group, name)),
        2 => id.clone().prop_map(Step::DeleteGroup),
        6 => id.clone().prop_map(Step::Convert),
        2 => id.clone().prop_map(Step::CreateManual),
        2 => two.prop_map(|(group, user)| Step::Put(group, user)),
        1 => id.prop_map(Step::DeleteAccessGroup),
        1 => Just(Step::Unlink),
    ]
}

/// What should be there. Users, SCIM groups and access groups go by their names.
#[derive(Debug, Default)]
struct Model {
    /// Whether each is active.
    users: BTreeMap<String, (ResourceId, bool)>,
    groups: BTreeMap<String, Group>,
    manual: BTreeMap<String, BTreeSet<ResourceId>>,
}

#[derive(Debug)]
struct Group {
    id: ResourceId,
    members: BTreeSet<ResourceId>,
    /// The name of the access group that was made from it.
    made: Option<String>,
    /// Whether it came, or was changed, over the present link.
    managed: bool,
}

impl Model {
    fn access_groups(&self) -> BTreeMap<String, BTreeSet<ResourceId>> {
        let derived = self.groups.values();
        let derived = derived.filter_map(|group| Some((group.made.clone()?, group.members.clone())));
        derived.chain(self.manual.clone()).collect()
    }
}

struct Run<'f> {
    fixture: &'f Fixture,
    model: Model,
}

const GROUPS: [&str; 4] = ["Guides", "GUARDS", "Größe", "출입"];

impl Run<'_> {
    /// The group that has, by now, the name of this number in whatever case.
    fn group(&mut self, number: u8) -> Option<&mut Group> {
        self.model.groups.get_mut(GROUPS[usize::from(number)])
    }

    fn user(&self, number: u8) -> Option<ResourceId> {
        let user = self.model.users.get(&format!("user{number}"));
        user.map(|(id, _)| id.clone())
    }

    /// What a provider does.
    fn apply(&mut self, step: Step) {
        let fixture = self.fixture;
        match step {
            Step::CreateUser(number) => {
                let name = format!("user{number}");
                let create = || (fixture.user(&name), true);
                self.model.users.entry(name.clone()).or_insert_with(create);
            }
            Step::SetActive(number, active) => {
                if let Some((id, was)) = self.model.users.get_mut(&format!("user{number}")) {
                    fixture.set_active(id, active);
                    *was = active;
                }
            }
            Step::DeleteUser(number) => {
                // For good, so that the model need not remember who comes back.
                if let Some((id, _)) = self.model.users.remove(&format!("user{number}")) {
                    fixture.delete("User", &id);
                    let confirmed = Some(keyfob_provisioning::Confirmed);
                    block_on(fixture.engine.admin().purge_user(&fixture.admin, &id, confirmed)).unwrap();
                    for members in self.model.manual.values_mut() {
                        members.remove(&id);
                    }
                    for group in self.model.groups.values_mut() {
                        group.members.remove(&id);
                    }
                }
            }
            Step::CreateGroup(number) => {
                let name = GROUPS[usize::from(number)];
                let outcome = fixture.try_group(name, &[]);
                assert_eq!(outcome.is_ok(), !self.model.groups.contains_key(name));
                if let Ok(id) = outcome {
                    let group = Group {
                        id,
                        members: BTreeSet::new(),
                        made: None,
                        managed: true,
                    };
                    self.model.groups.insert(name.into(), group);
                }
            }
            Step::Join(group, user) => {
                if let (Some(user), Some(group)) = (self.user(user), self.group(group)) {
                    fixture.join(&group.id, &user);
                    group.members.insert(user);
                    group.managed = true;
                }
            }
            Step::Leave(group, user) => {
                if let (Some(user), Some(group)) = (self.user(user), self.group(group)) {
                    fixture.leave(&group.id, &user);
                    group.members.remove(&user);
                    group.managed = true;
                }
            }
            Step::Rename(group, name) => self.rename(GROUPS[usize::from(group)], GROUPS[usize::from(name)]),
            Step::DeleteGroup(number) => {
                if let Some(group) = self.model.groups.remove(GROUPS[usize::from(number)]) {
                    fixture.delete("Group", &group.id);
                }
            }
            step => self.administer(step),
        }
    }

    /// What administrators do.
    fn administer(&mut self, step: Step) {
        let fixture = self.fixture;
        let (access, admin) = (fixture.access(), &fixture.admin);
        match step {
            Step::Convert(number) => {
                let name = GROUPS[usize::from(number)];
                let taken = self.model.access_groups().contains_key(name);
                let outcome = block_on(access.create_access_group_from(admin, name));
                match self.group(number) {
                    Some(group) if group.managed && group.made.is_some() => {
                        assert_eq!(outcome.unwrap().name, group.made.clone().unwrap());
                    }
                    Some(group) if group.managed && !taken => {
                        assert_eq!(outcome.unwrap().name, name);
                        group.made = Some(name.into());
                    }
                    _ => assert!(outcome.is_err()),
                }
            }
            Step::CreateManual(number) => {
                let name = GROUPS[usize::from(number)];
                let taken = self.model.access_groups().contains_key(name);
                let outcome = block_on(access.create_access_group(admin, name));
                assert_eq!(outcome.is_ok(), !taken);
                if !taken {
                    self.model.manual.insert(name.into(), BTreeSet::new());
                }
            }
            Step::Put(group, user) => {
                let (name, user) = (GROUPS[usize::from(group)], self.user(user));
                if let (Some(members), Some(user)) = (self.model.manual.get_mut(name), user) {
                    block_on(access.change_members(admin, name, std::slice::from_ref(&user), &[])).unwrap();
                    members.insert(user);
                }
            }
            Step::DeleteAccessGroup(number) => {
                let name = GROUPS[usize::from(number)];
                let there = self.model.access_groups().contains_key(name);
                let outcome = block_on(access.delete_access_group(admin, name));
                assert_eq!(outcome.is_ok(), there);
                self.model.manual.remove(name);
                for group in self.model.groups.values_mut() {
                    group.made.take_if(|made| made == name);
                }
            }
            Step::Unlink => {
                fixture.unlink();
                fixture.link();
                for group in self.model.groups.values_mut() {
                    group.made = None;
                    group.managed = false;
                }
            }
            other => panic!("{other:?} is the provider's"),
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        let taken = self.model.access_groups().contains_key(to);
        let group_taken = from != to && self.model.groups.contains_key(to);
        let Some(group) = self.model.groups.get_mut(from) else {
            return;
        };
        let operation = format!(r#"{{"op":"replace","path":"displayName","value":"{to}"}}"#);
        let outcome = self
            .fixture
            .try_patch(&self.fixture.cx, "Group", &group.id, &operation);
        assert_eq!(outcome.is_ok(), !group_taken);
        if group_taken {
            return;
        }
        group.managed = true;
        if let Some(name) = &mut group.made
            && !taken
            && from != to
        {
            *name = to.into();
        }
        let group = self.model.groups.remove(from).unwrap();
        self.model.groups.insert(to.into(), group);
    }

    /// Every access group has a level with a door of its name.
    fn check(&self) {
        let fixture = self.fixture;
        let (access, admin) = (fixture.access(), &fixture.admin);
        let expected = self.model.access_groups();
        let found = block_on(access.access_groups(admin)).unwrap();
        let names: BTreeSet<_> = found.iter().map(|group| group.name.to_string()).collect();
        assert_eq!(names, expected.keys().cloned().collect::<BTreeSet<_>>());
        assert_eq!(found.len(), names.len());
        let mut sources: Vec<_> = found.iter().filter_map(|group| group.source.clone()).collect();
        let made = sources.len();
        sources.sort_unstable();
        sources.dedup();
        assert_eq!(sources.len(), made, "invariant 5");
        for (name, members) in &expected {
            let found: BTreeSet<_> = fixture.members(name).into_iter().collect();
            assert_eq!(found, *members, "invariant 4: {name}");
        }
        // Doors stand for access groups: each has the one with its name.
        for group in &found {
            let door = group.name.to_ascii_lowercase();
            if block_on(access.door(admin, &door)).is_err() {
                let id = block_on(access.create_door(admin, &door, "", TimeZone::UTC))
                    .unwrap()
                    .id;
                block_on(access.create_level(admin, &door, &Schedule::always(), &[id])).unwrap();
            }
            for level in block_on(access.levels(admin)).unwrap() {
                if level.name == door {
                    block_on(access.assign_level(admin, &door, group.id.as_str())).unwrap();
                } else {
                    block_on(access.unassign_level(admin, &level.name, group.id.as_str())).unwrap();
                }
            }
        }
        for (id, active) in self.model.users.values() {
            let mine = expected
                .iter()
                .filter(|(_, members)| *active && members.contains(id));
            let mut mine: Vec<_> = mine.map(|(name, _)| name.to_ascii_lowercase()).collect();
            mine.sort_unstable();
            assert_eq!(
                fixture.doors(id.as_str(), "2026-11-22T12:00:00Z"),
                mine,
                "invariant 6"
            );
        }
    }
}

fn run(fixture: &Fixture, steps: &[Step]) {
    let mut run = Run {
        fixture,
        model: Model::default(),
    };
    for step in steps {
        run.apply(*step);
        run.check();
    }
    // The last resources go as well as the first.
    for group in run.model.groups.values() {
        let kind = fixture.kind("Group");
        block_on(
            fixture
                .engine
                .delete(&fixture.cx, kind, &group.id, &Precondition::None),
        )
        .unwrap();
    }
    let left: Vec<_> = run.model.manual.keys().cloned().collect();
    let mut found = fixture.access_groups();
    found.sort_unstable();
    assert_eq!(found, left);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn invariants_4_to_6_hold_after_every_step_in_memory(steps in vec(step(), 1..40)) {
        run(&Fixture::in_memory(Profile::verkada()), &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn invariants_4_to_6_hold_after_every_step_in_sqlite(steps in vec(step(), 1..20)) {
        run(&Fixture::in_sqlite(Profile::verkada()), &steps);
    }
}
