//! Invariant 15 over random sequences: whoever revokes one grant takes nothing that is granted elsewhere.

use std::collections::BTreeSet;

use keyfob_access::Provenance;
use keyfob_core::ResourceId;
use keyfob_provisioning::Profile;
use pollster::block_on;
use proptest::{collection::vec, prelude::*};
use smol_str::SmolStr;

use crate::fixture::Fixture;

#[derive(Clone, Copy, Debug)]
enum Step {
    Join(usize),
    Leave(usize),
    Map(usize, usize, usize),
    Grant(usize, usize),
    Revoke(usize, usize),
    DeleteGroup(usize),
    CreateGroup(usize),
}

/// A part of `Parent`.
const UNITS: [&str; 2] = ["Parent", "Child"];
const ROLES: [Option<&str>; 3] = [None, Some("Manager"), Some("Auditor")];
const GROUPS: [&str; 2] = ["Sales", "Leads"];

fn step() -> impl Strategy<Value = Step> {
    let (group, unit, role) = (0..2_usize, 0..2_usize, 0..3_usize);
    let target = (unit.clone(), role.clone());
    prop_oneof![
        3 => group.clone().prop_map(Step::Join),
        2 => group.clone().prop_map(Step::Leave),
        4 => (group.clone(), unit, role).prop_map(|(group, unit, role)| Step::Map(group, unit, role)),
        3 => target.clone().prop_map(|(unit, role)| Step::Grant(unit, role)),
        3 => target.prop_map(|(unit, role)| Step::Revoke(unit, role)),
        1 => group.clone().prop_map(Step::DeleteGroup),
        2 => group.prop_map(Step::CreateGroup),
    ]
}

#[derive(Default)]
struct Model {
    groups: [Option<Group>; 2],
    /// The units and roles that an administrator granted.
    granted: BTreeSet<(&'static str, Option<&'static str>)>,
}

struct Group {
    id: ResourceId,
    has_ann: bool,
    unit: &'static str,
    role: Option<&'static str>,
}

fn run(fixture: &Fixture, steps: &[Step]) {
    let (access, admin) = (fixture.access(), &fixture.admin);
    block_on(access.create_unit(admin, "Everybody", None)).unwrap();
    block_on(access.set_default_unit(admin, Some("Everybody"))).unwrap();
    block_on(access.create_unit(admin, UNITS[0], None)).unwrap();
    block_on(access.create_unit(admin, UNITS[1], Some(UNITS[0]))).unwrap();
    for role in ROLES.into_iter().flatten() {
        block_on(access.create_role(admin, role)).unwrap();
    }
    let ann = fixture.user("ann");
    let mut model = Model::default();
    for step in steps {
        match *step {
            Step::CreateGroup(number) => {
                if model.groups[number].is_none() {
                    model.groups[number] = Some(Group {
                        id: fixture.group(GROUPS[number], &[]),
                        has_ann: false,
                        unit: GROUPS[number],
                        role: None,
                    });
                }
            }
            Step::DeleteGroup(number) => {
                if let Some(group) = model.groups[number].take() {
                    fixture.delete("Group", &group.id);
                }
            }
            Step::Join(number) => {
                if let Some(group) = &mut model.groups[number] {
                    fixture.join(&group.id, &ann);
                    group.has_ann = true;
                }
            }
            Step::Leave(number) => {
                if let Some(group) = &mut model.groups[number] {
                    fixture.leave(&group.id, &ann);
                    group.has_ann = false;
                }
            }
            Step::Map(number, unit, role) => {
                let outcome = block_on(access.map_group(admin, GROUPS[number], UNITS[unit], ROLES[role]));
                assert_eq!(outcome.is_ok(), model.groups[number].is_some());
                if let Some(group) = &mut model.groups[number] {
                    (group.unit, group.role) = (UNITS[unit], ROLES[role]);
                }
            }
            Step::Grant(unit, role) => {
                block_on(access.grant(admin, ann.as_str(), UNITS[unit], ROLES[role])).unwrap();
                model.granted.insert((UNITS[unit], ROLES[role]));
            }
            Step::Revoke(unit, role) => {
                block_on(access.revoke(admin, ann.as_str(), UNITS[unit], ROLES[role])).unwrap();
                model.granted.remove(&(UNITS[unit], ROLES[role]));
            }
        }
        check(fixture, &ann, &model);
    }
}

fn check(fixture: &Fixture, ann: &ResourceId, model: &Model) {
    let (access, admin) = (fixture.access(), &fixture.admin);
    let by_group = model.groups.iter().flatten().filter(|group| group.has_ann);
    let by_group = by_group.map(|group| (group.unit, group.role, Some(group.id.clone())));
    let by_hand = model.granted.iter().map(|(unit, role)| (*unit, *role, None));
    let mut expected: Vec<_> = by_group.chain(by_hand).collect();
    expected.sort_unstable();
    let name = |id: &ResourceId| block_on(access.role(admin, id.as_str())).unwrap().name;
    let mut found = Vec::new();
    for grant in block_on(access.grants(admin, ann.as_str())).unwrap() {
        let unit = block_on(access.unit(admin, grant.unit.as_str())).unwrap().name;
        let account = match grant.provenance {
            Provenance::Default => {
                assert_eq!(unit, "Everybody");
                continue;
            }
            Provenance::Group(group) => Some(group),
            _ => None,
        };
        found.push((unit, grant.role.as_ref().map(name), account));
    }
    found.sort_unstable();
    let found: Vec<_> = found
        .iter()
        .map(|(unit, role, account)| (unit.as_str(), role.as_deref(), account.clone()))
        .collect();
    assert_eq!(found, expected);
    for unit in UNITS {
        let roles = block_on(access.roles_in(admin, ann.as_str(), unit)).unwrap();
        let roles: BTreeSet<_> = roles
            .iter()
            .filter_map(|grant| grant.role.as_ref().map(name))
            .collect();
        // What holds in the parent holds in its child.
        let holds = |of: &str| of == unit || (of == "Parent" && unit == "Child");
        let expected = expected
            .iter()
            .filter(|(of, _, _)| holds(of))
            .filter_map(|(_, role, _)| *role);
        let expected: BTreeSet<_> = expected.collect();
        assert_eq!(
            roles.iter().map(SmolStr::as_str).collect::<BTreeSet<_>>(),
            expected
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn invariant_15_revoking_one_grant_never_removes_a_role_that_is_granted_elsewhere(steps in vec(step(), 1..40)) {
        run(&Fixture::in_memory(Profile::accessiq()), &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn invariant_15_holds_in_sqlite(steps in vec(step(), 1..20)) {
        run(&Fixture::in_sqlite(Profile::accessiq()), &steps);
    }
}
