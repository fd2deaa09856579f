//! Units, roles, and on whose account somebody has them.

use keyfob_access::{AccessError, Grant, Provenance};
use keyfob_core::{ResourceId, ToErrorBody};
use keyfob_engine::{Actor, Context};
use keyfob_provisioning::{Profile, Token, UserState};
use pollster::block_on;

use crate::fixture::{Fixture, accessiq_on_each_store};

/// What a user is granted, as `unit`, `unit/role`, and on whose account.
fn grants(fixture: &Fixture, user: &ResourceId) -> Vec<String> {
    shown(
        fixture,
        &block_on(fixture.access().grants(&fixture.admin, user.as_str())).unwrap(),
    )
}

fn roles(fixture: &Fixture, user: &ResourceId, unit: &str) -> Vec<String> {
    shown(
        fixture,
        &block_on(fixture.access().roles_in(&fixture.admin, user.as_str(), unit)).unwrap(),
    )
}

fn shown(fixture: &Fixture, grants: &[Grant]) -> Vec<String> {
    let access = fixture.access();
    let mut shown: Vec<_> = grants
        .iter()
        .map(|grant| {
            let unit = block_on(access.unit(&fixture.admin, grant.unit.as_str()))
                .unwrap()
                .name;
            let role = grant
                .role
                .as_ref()
                .map(|role| block_on(access.role(&fixture.admin, role.as_str())).unwrap());
            let role = role.map(|role| format!("/{}", role.name)).unwrap_or_default();
            let account = match &grant.provenance {
                Provenance::Default => "default".to_owned(),
                Provenance::Administrator => "administrator".to_owned(),
                Provenance::Group(group) => {
                    let kind = fixture.kind("Group");
                    let all = keyfob_core::Projection::all();
                    let group = block_on(fixture.engine.get(&fixture.cx, kind, group, &all)).unwrap();
                    group.core().get_str("displayName").unwrap().to_owned()
                }
                other => panic!("{other:?}"),
            };
            format!("{unit}{role} by {account}")
        })
        .collect();
    shown.sort_unstable();
    shown
}

fn unit_names(fixture: &Fixture) -> Vec<String> {
    let units = block_on(fixture.access().units(&fixture.admin)).unwrap();
    units.iter().map(|unit| unit.name.to_string()).collect()
}

fn map(fixture: &Fixture, group: &str, unit: &str, role: Option<&str>) {
    block_on(fixture.access().map_group(&fixture.admin, group, unit, role)).unwrap();
}

#[test]
fn u_4_a_created_user_belongs_to_the_default_unit() {
    accessiq_on_each_store(|fixture| {
        let ann = fixture.user("ann");
        assert_eq!(grants(fixture, &ann), ["Everybody by default"]);
        // S-7: who is there keeps what it has.
        let access = fixture.access();
        block_on(access.create_unit(&fixture.admin, "Newcomers", None)).unwrap();
        block_on(access.set_default_unit(&fixture.admin, Some("Newcomers"))).unwrap();
        let bob = fixture.user("bob");
        assert_eq!(grants(fixture, &ann), ["Everybody by default"]);
        assert_eq!(grants(fixture, &bob), ["Newcomers by default"]);
        let missing = block_on(access.set_default_unit(&fixture.admin, Some("Nowhere")));
        assert!(matches!(missing, Err(AccessError::NotFound { .. })));
        // One that was named by its name is the same.
        block_on(
            fixture
                .engine
                .admin()
                .set_default_unit(&fixture.admin, Some("everybody")),
        )
        .unwrap();
        assert_eq!(grants(fixture, &fixture.user("cid")), ["Everybody by default"]);
    });
}

#[test]
fn g_2_s_7_a_renamed_unit_keeps_what_it_has_and_takes_the_groups_of_its_new_name() {
    accessiq_on_each_store(|fixture| {
        let (access, admin) = (fixture.access(), &fixture.admin);
        let ann = fixture.user("ann");
        let first = fixture.group("Lab", &[&ann]);
        let rename = |unit: &str, name: &str| block_on(access.rename_unit(admin, unit, name));
        let lab = block_on(access.unit(admin, "Lab")).unwrap();
        let research = rename("lab", " Research ").unwrap();
        assert_eq!((&research.id, research.name.as_str()), (&lab.id, "Research"));
        assert_eq!(grants(fixture, &ann), ["Everybody by default", "Research by Lab"]);
        // Groups of the new name join it, without regard to case.
        fixture.group("RESEARCH", &[&ann]);
        assert_eq!(unit_names(fixture), ["Everybody", "Research"]);
        let mapping = block_on(access.mapping(admin, "RESEARCH")).unwrap().unwrap();
        assert_eq!(mapping.unit, lab.id);
        // The name that it had is free: another unit takes it, and the groups of the name.
        let second = block_on(access.create_unit(admin, "Lab", None)).unwrap();
        assert_ne!(second.id, lab.id);
        fixture.delete("Group", &first);
        let again = fixture.group("Lab", &[&ann]);
        let mapping = block_on(access.mapping(admin, "Lab")).unwrap().unwrap();
        assert_eq!(mapping.unit, second.id);
        for (unit, name) in [("Lab", "research"), ("Research", "LAB"), ("Lab", "everybody")] {
            let taken = rename(unit, name);
            assert!(matches!(taken, Err(AccessError::NameTaken { .. })), "{taken:?}");
        }
        assert!(matches!(
            block_on(access.create_unit(admin, "lab", None)),
            Err(AccessError::NameTaken { .. })
        ));
        assert!(matches!(rename("Lab", " "), Err(AccessError::NameMissing)));
        assert!(matches!(
            rename("Nowhere", "x"),
            Err(AccessError::NotFound { .. })
        ));
        // In another spelling it is the same name.
        assert_eq!(rename("Lab", "LAB").unwrap().id, second.id);
        // The default unit is the same one under another name (U-4).
        rename("Everybody", "All").unwrap();
        assert_eq!(grants(fixture, &fixture.user("bob")), ["All by default"]);
        // What is deleted leaves nothing of its names.
        fixture.delete("Group", &again);
        block_on(access.delete_unit(admin, "LAB")).unwrap();
        assert_eq!(rename("Research", "Lab").unwrap().id, lab.id);
        fixture.group("Lab", &[]);
        assert_eq!(unit_names(fixture), ["All", "Lab"]);
    });
}

#[test]
fn a_unit_is_moved_with_what_is_below_it_and_never_below_itself() {
    accessiq_on_each_store(|fixture| {
        let (access, admin) = (fixture.access(), &fixture.admin);
        for (name, parent) in [
            ("A", None),
            ("B", Some("A")),
            ("C", Some("B")),
            ("X", None),
            ("Y", Some("X")),
            ("Z", Some("Y")),
        ] {
            block_on(access.create_unit(admin, name, parent)).unwrap();
        }
        let move_to = |unit: &str, parent: Option<&str>| block_on(access.move_unit(admin, unit, parent));
        let parent_of = |unit: &str| {
            let parent = block_on(access.unit(admin, unit)).unwrap().parent?;
            Some(block_on(access.unit(admin, parent.as_str())).unwrap().name)
        };
        for below in ["A", "B", "C"] {
            let error = move_to("A", Some(below)).unwrap_err();
            assert!(
                matches!(error, AccessError::BelowItself { .. }),
                "{below}: {error}"
            );
            assert_eq!(error.to_error_body().status, 400);
            assert_eq!(
                error.to_string(),
                "`A` can't be moved below itself or a unit below it"
            );
        }
        // Five levels, with those that come along.
        assert!(matches!(
            move_to("A", Some("Z")),
            Err(AccessError::TooDeep { limit: 5 })
        ));
        move_to("A", Some("Y")).unwrap();
        assert_eq!(parent_of("A").as_deref(), Some("Y"));
        assert_eq!(parent_of("C").as_deref(), Some("B"));
        let deeper = block_on(access.create_unit(admin, "D", Some("C")));
        assert!(matches!(deeper, Err(AccessError::TooDeep { .. })));
        let error = move_to("X", Some("C")).unwrap_err();
        assert!(matches!(error, AccessError::BelowItself { .. }), "{error}");
        let ann = fixture.user("ann");
        block_on(access.grant(admin, ann.as_str(), "C", None)).unwrap();
        move_to("A", None).unwrap();
        assert_eq!(parent_of("A"), None);
        assert_eq!(
            grants(fixture, &ann),
            ["C by administrator", "Everybody by default"]
        );
        let events = fixture.event_count();
        move_to("A", None).unwrap();
        assert_eq!(fixture.event_count(), events, "it is there already");
        assert!(matches!(
            move_to("A", Some("Q")),
            Err(AccessError::NotFound { .. })
        ));
        assert!(matches!(move_to("Q", None), Err(AccessError::NotFound { .. })));
        let nobody = block_on(access.move_unit(&fixture.cx, "B", None));
        assert!(matches!(nobody, Err(AccessError::Forbidden)));
    });
}

#[test]
fn g_2_a_created_group_is_mapped_to_one_unit_of_its_name() {
    accessiq_on_each_store(|fixture| {
        let events = fixture.event_count();
        let sales = fixture.group("Sales", &[]);
        assert_eq!(unit_names(fixture), ["Everybody", "Sales"]);
        assert_eq!(
            fixture.events_after(events),
            [
                "Group created",
                "Group groupMapped unit",
                "Unit created",
                "Unit changed"
            ]
        );
        let mapping = block_on(fixture.access().mapping(&fixture.admin, "Sales"))
            .unwrap()
            .unwrap();
        let unit = block_on(fixture.access().unit(&fixture.admin, "Sales")).unwrap();
        assert_eq!((mapping.unit, mapping.role), (unit.id.clone(), None));
        // The same name again is refused, and there is still one unit.
        let error = fixture.try_group("SALES", &[]).unwrap_err();
        assert_eq!(error.to_error_body().status, 409);
        assert_eq!(unit_names(fixture), ["Everybody", "Sales"]);
        // A unit that an administrator made is taken as it is.
        let access = fixture.access();
        block_on(access.create_unit(&fixture.admin, "Field sales", Some("Sales"))).unwrap();
        let events = fixture.event_count();
        fixture.group("field SALES", &[]);
        assert_eq!(
            fixture.events_after(events),
            ["Group created", "Group groupMapped unit", "Unit changed"]
        );
        let field = block_on(access.unit(&fixture.admin, "Field sales")).unwrap();
        assert_eq!(field.parent, Some(unit.id));
        assert_eq!(
            block_on(access.mapping(&fixture.admin, "Field sales"))
                .unwrap()
                .unwrap()
                .unit,
            field.id
        );
        // A renamed group stays where it is.
        fixture.rename(&sales, "Marketing");
        assert_eq!(
            block_on(access.mapping(&fixture.admin, "Marketing"))
                .unwrap()
                .unwrap()
                .unit
                .as_str(),
            "unit:sales"
        );
        assert_eq!(unit_names(fixture), ["Everybody", "Sales", "Field sales"]);
    });
}

#[test]
fn g_3_membership_of_a_unit_is_that_of_its_group() {
    accessiq_on_each_store(|fixture| {
        let (ann, bob) = (fixture.user("ann"), fixture.user("bob"));
        let sales = fixture.group("Sales", &[&ann]);
        assert_eq!(grants(fixture, &ann), ["Everybody by default", "Sales by Sales"]);
        assert_eq!(grants(fixture, &bob), ["Everybody by default"]);
        fixture.join(&sales, &bob);
        fixture.leave(&sales, &ann);
        assert_eq!(grants(fixture, &ann), ["Everybody by default"]);
        assert_eq!(grants(fixture, &bob), ["Everybody by default", "Sales by Sales"]);
        // U-6: a deactivated user keeps its memberships.
        fixture.set_active(&bob, false);
        assert_eq!(grants(fixture, &bob), ["Everybody by default", "Sales by Sales"]);
    });
}

#[test]
fn g_4_o_22_a_role_stays_as_long_as_one_group_grants_it() {
    accessiq_on_each_store(|fixture| {
        let (access, ann) = (fixture.access(), fixture.user("ann"));
        let manager = block_on(access.create_role(&fixture.admin, "Manager")).unwrap();
        let sales = fixture.group("Sales", &[&ann]);
        let leads = fixture.group("Leads", &[&ann]);
        for group in ["Sales", "Leads"] {
            map(fixture, group, "Sales", Some("manager"));
        }
        let events = fixture.event_count();
        map(fixture, "Leads", "Sales", Some(manager.id.as_str()));
        assert_eq!(fixture.event_count(), events, "it is mapped there already");
        assert_eq!(
            roles(fixture, &ann, "Sales"),
            ["Sales/Manager by Leads", "Sales/Manager by Sales"]
        );
        fixture.leave(&sales, &ann);
        assert_eq!(roles(fixture, &ann, "Sales"), ["Sales/Manager by Leads"]);
        block_on(access.grant(&fixture.admin, ann.as_str(), "Sales", Some("Manager"))).unwrap();
        fixture.leave(&leads, &ann);
        assert_eq!(roles(fixture, &ann, "Sales"), ["Sales/Manager by administrator"]);
        fixture.join(&leads, &ann);
        block_on(access.revoke(&fixture.admin, ann.as_str(), "Sales", Some("Manager"))).unwrap();
        assert_eq!(roles(fixture, &ann, "Sales"), ["Sales/Manager by Leads"]);
        // To revoke what an administrator did not grant leaves what the group grants.
        let events = fixture.event_count();
        block_on(access.revoke(&fixture.admin, ann.as_str(), "Sales", Some("Manager"))).unwrap();
        assert_eq!(fixture.event_count(), events);
        assert_eq!(roles(fixture, &ann, "Sales"), ["Sales/Manager by Leads"]);
        map(fixture, "Leads", "Leads", None);
        assert!(roles(fixture, &ann, "Sales").is_empty());
        assert_eq!(grants(fixture, &ann), ["Everybody by default", "Leads by Leads"]);
    });
}

#[test]
fn o_23_a_deleted_group_leaves_its_unit_behind() {
    accessiq_on_each_store(|fixture| {
        let (access, ann) = (fixture.access(), fixture.user("ann"));
        let sales = fixture.group("Sales", &[&ann]);
        block_on(access.grant(&fixture.admin, ann.as_str(), "Sales", None)).unwrap();
        assert_eq!(
            grants(fixture, &ann),
            ["Everybody by default", "Sales by Sales", "Sales by administrator"]
        );
        fixture.delete("Group", &sales);
        assert_eq!(unit_names(fixture), ["Everybody", "Sales"]);
        assert_eq!(
            grants(fixture, &ann),
            ["Everybody by default", "Sales by administrator"]
        );
        // A group of that name is mapped to it again.
        fixture.group("Sales", &[&ann]);
        assert_eq!(unit_names(fixture), ["Everybody", "Sales"]);
    });
}

#[test]
fn a_role_of_a_unit_is_one_in_every_unit_below_it() {
    accessiq_on_each_store(|fixture| {
        let (access, ann) = (fixture.access(), fixture.user("ann"));
        block_on(access.create_role(&fixture.admin, "Manager")).unwrap();
        block_on(access.create_unit(&fixture.admin, "Company", None)).unwrap();
        block_on(access.create_unit(&fixture.admin, "Division", Some("Company"))).unwrap();
        block_on(access.create_unit(&fixture.admin, "Department", Some("Division"))).unwrap();
        block_on(access.create_unit(&fixture.admin, "Branch", Some("Company"))).unwrap();
        block_on(access.grant(&fixture.admin, ann.as_str(), "Division", Some("Manager"))).unwrap();
        block_on(access.grant(&fixture.admin, ann.as_str(), "Company", None)).unwrap();
        assert!(roles(fixture, &ann, "Company").is_empty());
        assert!(roles(fixture, &ann, "Branch").is_empty());
        for unit in ["Division", "Department"] {
            assert_eq!(roles(fixture, &ann, unit), ["Division/Manager by administrator"]);
        }
        // Who is not active has no role, and has it again later.
        fixture.set_active(&ann, false);
        assert!(roles(fixture, &ann, "Division").is_empty());
        fixture.set_active(&ann, true);
        assert_eq!(roles(fixture, &ann, "Division").len(), 1);
        let user = block_on(access.user(&fixture.admin, ann.as_str())).unwrap();
        assert_eq!(user.state, UserState::Active);
    });
}

#[test]
fn units_are_nested_five_levels_deep_and_no_deeper() {
    accessiq_on_each_store(|fixture| {
        let access = fixture.access();
        let mut parent = None;
        for name in ["1", "2", "3", "4", "5"] {
            block_on(access.create_unit(&fixture.admin, name, parent)).unwrap();
            parent = Some(name);
        }
        let error = block_on(access.create_unit(&fixture.admin, "6", parent)).unwrap_err();
        assert!(matches!(error, AccessError::TooDeep { limit: 5 }));
        assert_eq!(error.to_error_body().status, 400);
        let taken = block_on(access.create_unit(&fixture.admin, "3", None));
        assert!(matches!(taken, Err(AccessError::NameTaken { .. })));
        let missing = block_on(access.create_unit(&fixture.admin, "6", Some("7")));
        assert!(matches!(missing, Err(AccessError::NotFound { .. })));
        assert_eq!(unit_names(fixture), ["Everybody", "1", "2", "3", "4", "5"]);
    });
}

#[test]
fn a_unit_goes_when_it_is_empty_and_not_before() {
    accessiq_on_each_store(|fixture| {
        let (access, ann) = (fixture.access(), fixture.user("ann"));
        let delete = |unit: &str| block_on(access.delete_unit(&fixture.admin, unit));
        let refused = |unit: &str| match delete(unit).unwrap_err() {
            AccessError::NotEmpty { what, .. } => what,
            other => panic!("{other}"),
        };
        let sales = fixture.group("Sales", &[]);
        block_on(access.create_unit(&fixture.admin, "Field", Some("Sales"))).unwrap();
        assert_eq!(refused("Sales"), "units below it");
        delete("Field").unwrap();
        assert_eq!(refused("Sales"), "groups that are mapped to it");
        fixture.delete("Group", &sales);
        block_on(access.grant(&fixture.admin, ann.as_str(), "Sales", None)).unwrap();
        assert_eq!(refused("Sales"), "users");
        block_on(access.revoke(&fixture.admin, ann.as_str(), "Sales", None)).unwrap();
        delete("Sales").unwrap();
        assert_eq!(refused("Everybody"), "the users who are created from now on");
        block_on(access.set_default_unit(&fixture.admin, None)).unwrap();
        assert_eq!(refused("Everybody"), "users");
        fixture.delete("User", &ann);
        delete("Everybody").unwrap();
        assert!(unit_names(fixture).is_empty());
        assert!(matches!(delete("Sales"), Err(AccessError::NotFound { .. })));
    });
}

#[test]
fn d_3_a_unit_stays_as_long_as_a_deleted_user_can_come_back_to_it() {
    accessiq_on_each_store(|fixture| {
        let (access, admin) = (fixture.access(), &fixture.admin);
        let (ann, bob) = (fixture.user("ann"), fixture.user("bob"));
        block_on(access.create_role(admin, "Manager")).unwrap();
        block_on(access.create_unit(admin, "Sales", None)).unwrap();
        block_on(access.grant(admin, ann.as_str(), "Sales", Some("Manager"))).unwrap();
        block_on(access.create_unit(admin, "Newcomers", None)).unwrap();
        block_on(access.set_default_unit(admin, Some("Newcomers"))).unwrap();
        fixture.delete("User", &bob);
        fixture.set_active(&ann, false);
        let users = fixture.engine.admin();
        for unit in ["Sales", "Everybody"] {
            let delete = || block_on(access.delete_unit(admin, unit));
            let refused = |expected: &str| {
                let outcome = delete();
                assert!(
                    matches!(&outcome, Err(AccessError::NotEmpty { what, .. }) if *what == expected),
                    "{unit}: {outcome:?}"
                );
            };
            refused("users");
            block_on(users.delete_user(admin, &ann)).unwrap();
            refused("deleted users who can be brought back");
            block_on(users.restore_user(admin, &ann)).unwrap();
            assert_eq!(
                grants(fixture, &ann),
                ["Everybody by default", "Sales/Manager by administrator"]
            );
        }
        block_on(users.delete_user(admin, &ann)).unwrap();
        block_on(users.purge_user(admin, &ann, Some(keyfob_provisioning::Confirmed))).unwrap();
        for unit in ["Sales", "Everybody"] {
            block_on(access.delete_unit(admin, unit)).unwrap();
        }
    });
}

/// What another administrator does meanwhile.
type Filling = fn(&keyfob_access::Access<'_, std::sync::Arc<crate::store::Watched>>, &Context);

#[test]
fn a_unit_that_is_filled_while_it_is_deleted_stays() {
    accessiq_on_each_store(|fixture| {
        let (access, ann) = (fixture.access(), fixture.user("ann"));
        block_on(access.create_unit(&fixture.admin, "Sales", None)).unwrap();
        let fillings: [Filling; 2] = [
            |access, admin| block_on(access.grant(admin, "ann@example.com", "Sales", None)).unwrap(),
            |access, admin| {
                block_on(access.create_unit(admin, "Field", Some("Sales"))).unwrap();
            },
        ];
        for filling in fillings {
            let admin = fixture.admin.clone();
            fixture.before_next_commit(move |store| {
                let other = crate::fixture::engine(
                    crate::store::Watched::new(store.clone(), crate::store::Watcher::default()),
                    Profile::accessiq(),
                );
                filling(&keyfob_access::Access::new(&other).unwrap(), &admin);
            });
            let outcome = block_on(access.delete_unit(&fixture.admin, "Sales"));
            assert!(matches!(outcome, Err(AccessError::NotEmpty { .. })));
            block_on(access.revoke(&fixture.admin, ann.as_str(), "Sales", None)).unwrap();
        }
        // A group of the unit's name that is created meanwhile.
        block_on(access.delete_unit(&fixture.admin, "Field")).unwrap();
        let provider = fixture.cx.clone();
        fixture.before_next_commit(move |store| {
            let other = crate::fixture::engine(
                crate::store::Watched::new(store.clone(), crate::store::Watcher::default()),
                Profile::accessiq(),
            );
            let kind = other.registry().resource_type("Group").unwrap();
            let body = keyfob_core::Resource::from_json(br#"{"displayName":"Sales"}"#, kind).unwrap();
            block_on(other.create(&provider, kind, body, &keyfob_core::Projection::all())).unwrap();
        });
        let outcome = block_on(access.delete_unit(&fixture.admin, "Sales"));
        assert!(matches!(outcome, Err(AccessError::NotEmpty { .. })));
        assert!(unit_names(fixture).contains(&"Sales".to_owned()));
    });
}

#[test]
fn what_is_granted_twice_is_granted_once() {
    accessiq_on_each_store(|fixture| {
        let (access, admin) = (fixture.access(), &fixture.admin);
        let ann = fixture.user("ann");
        let kind = fixture.kind("Unit");
        let unit = block_on(access.unit(admin, "Everybody")).unwrap().id;
        let version = || {
            let selection = keyfob_engine::Selection::document();
            let stored = block_on(keyfob_engine::StoreExt::get_one(
                fixture.engine.store(),
                &admin.reading(),
                kind,
                &unit,
                &selection,
            ));
            stored.unwrap().unwrap().version
        };
        let grant = || block_on(access.grant(admin, ann.as_str(), "Everybody", None)).unwrap();
        grant();
        let before = version();
        grant();
        assert_eq!(version(), before);
    });
}

/// An organization has the units of its rules from the start, on every store, linked or not; it has none where its profile has
/// no default unit.
#[test]
fn u_4_a_new_organization_has_what_the_rules_found_it_with() {
    for (fixture, expected) in [
        (Fixture::in_memory(Profile::accessiq()), &["Default"][..]),
        (Fixture::in_sqlite(Profile::accessiq()), &["Default"]),
        (Fixture::in_memory(Profile::verkada()), &[]),
        (Fixture::in_sqlite(Profile::verkada()), &[]),
    ] {
        let admin = fixture.engine.admin();
        let unlinked = block_on(admin.create_unlinked_organization("Umbrella")).unwrap();
        let token = Token::generate().unwrap();
        let linked = block_on(admin.create_organization("Wayne", &token)).unwrap();
        for organization in [unlinked, linked] {
            let cx = Context::new(organization.tenant).acting_as(Actor::Administrator);
            let units = block_on(fixture.access().units(&cx)).unwrap();
            let names: Vec<_> = units.iter().map(|unit| unit.name.as_str()).collect();
            assert_eq!(names, expected, "{}", organization.name);
            let provisioning = block_on(fixture.engine.provisioning(&cx)).unwrap();
            let default = units.first().map(|unit| unit.id.as_str());
            assert_eq!(provisioning.default_unit.as_deref(), default);
            let events = block_on(admin.events(&cx, keyfob_engine::Position::START, 100)).unwrap();
            let of_units = events.iter().filter(|event| event.event.resource_type == "Unit");
            assert_eq!(of_units.count(), expected.len(), "{events:?}");
        }
        assert!(
            block_on(admin.create_organization("umbrella", &token)).is_err(),
            "the name is taken"
        );
        let organizations = block_on(admin.organizations()).unwrap();
        assert_eq!(organizations.len(), 2, "a refused one leaves nothing");
    }
}
