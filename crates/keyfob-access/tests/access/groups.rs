//! Access groups that are made from SCIM groups, and those with members of their own.

use std::{slice::from_ref, sync::atomic::Ordering};

use keyfob_access::{AccessError, Directory, TimeZone};
use keyfob_core::{ScimType, ToErrorBody, schema::RegistryBuilder};
use keyfob_engine::{Actor, DynStore, EngineError};
use keyfob_provisioning::{Confirmed, Profile, Provisioner, Refusal};
use keyfob_store_memory::MemoryStore;
use pollster::block_on;

use crate::{
    fixture::{Fixture, engine, on_each_store},
    store::{Watched, Watcher},
};

fn convert(fixture: &Fixture, group: &str) -> Result<keyfob_access::AccessGroup, AccessError> {
    block_on(fixture.access().create_access_group_from(&fixture.admin, group))
}

#[test]
fn a_1_an_access_group_is_made_from_what_is_provisioned_alone() {
    on_each_store(|fixture| {
        let events = fixture.event_count();
        let error = convert(fixture, "Guides").unwrap_err();
        assert!(matches!(error, AccessError::NotProvisioned(_)));
        assert_eq!(error.to_error_body().status, 404);
        // A user is no group.
        let ann = fixture.user("ann");
        assert!(matches!(
            convert(fixture, ann.as_str()),
            Err(AccessError::NotProvisioned(_))
        ));
        let guides = fixture.group("Guides", &[]);
        fixture.unlink();
        assert!(matches!(
            convert(fixture, guides.as_str()),
            Err(AccessError::NotProvisioned(_))
        ));
        fixture.link();
        assert!(
            matches!(convert(fixture, "Guides"), Err(AccessError::NotProvisioned(_))),
            "the new provider has not taken it over yet"
        );
        fixture.patch(
            "Group",
            &guides,
            r#"{"op":"replace","path":"displayName","value":"Tour Guides"}"#,
        );
        assert_eq!(convert(fixture, "Tour Guides").unwrap().name, "Tour Guides");
        assert!(fixture.event_count() > events);
    });
}

#[test]
fn a_2_an_access_group_has_the_name_of_its_group_and_a_3_is_made_once() {
    on_each_store(|fixture| {
        let guides = fixture.group("출입 그룹", &[]);
        let events = fixture.event_count();
        let first = convert(fixture, "출입 그룹").unwrap();
        assert_eq!(
            (first.name.as_str(), first.source.as_ref()),
            ("출입 그룹", Some(&guides))
        );
        assert_eq!(
            fixture.events_after(events),
            ["Group changed", "AccessGroup created"]
        );
        let events = fixture.event_count();
        assert_eq!(convert(fixture, guides.as_str()).unwrap(), first);
        assert_eq!(fixture.access_groups(), ["출입 그룹*"]);
        assert_eq!(fixture.event_count(), events, "nothing happened");
        // The provider sees nothing of it.
        let kind = fixture.kind("Group");
        let seen = block_on(
            fixture
                .engine
                .get(&fixture.cx, kind, &guides, &keyfob_core::Projection::all()),
        );
        let seen = String::from_utf8(seen.unwrap().to_json()).unwrap();
        assert!(!seen.contains(first.id.as_str()), "{seen}");
    });
}

#[test]
fn a_5_the_members_are_those_of_the_group_after_every_operation() {
    on_each_store(|fixture| {
        let (ann, bob) = (fixture.user("ann"), fixture.user("bob"));
        let guides = fixture.group("Guides", &[&ann]);
        convert(fixture, "Guides").unwrap();
        assert_eq!(fixture.members("Guides"), from_ref(&ann));
        fixture.join(&guides, &bob);
        let mut both = vec![ann.clone(), bob.clone()];
        both.sort_unstable();
        assert_eq!(fixture.members("Guides"), both);
        fixture.leave(&guides, &ann);
        assert_eq!(fixture.members("Guides"), from_ref(&bob));
        // D-11: who is deleted is no member, and one that comes back is again.
        fixture.delete("User", &bob);
        assert!(fixture.members("Guides").is_empty());
        block_on(fixture.engine.admin().restore_user(&fixture.admin, &bob)).unwrap();
        assert_eq!(fixture.members("Guides"), from_ref(&bob));
        let error = block_on(
            fixture
                .access()
                .change_members(&fixture.admin, "Guides", &[ann], &[]),
        )
        .unwrap_err();
        assert!(matches!(error, AccessError::DerivedMembers(_)));
        assert_eq!(error.to_error_body().status, 403);
        assert_eq!(fixture.members("Guides"), [bob]);
    });
}

#[test]
fn a_6_l_2_unlinking_deletes_the_access_groups_of_the_provider_and_no_others() {
    on_each_store(|fixture| {
        let (ann, access) = (fixture.user("ann"), fixture.access());
        for name in ["Guides", "Guards"] {
            fixture.group(name, &[&ann]);
            convert(fixture, name).unwrap();
        }
        block_on(access.create_access_group(&fixture.admin, "Cleaners")).unwrap();
        block_on(access.change_members(&fixture.admin, "Cleaners", from_ref(&ann), &[])).unwrap();
        let cleaners = block_on(access.access_group(&fixture.admin, "Cleaners")).unwrap();
        let lobby = block_on(access.create_door(&fixture.admin, "Lobby", "", TimeZone::UTC)).unwrap();
        let store_room =
            block_on(access.create_door(&fixture.admin, "Store room", "", TimeZone::UTC)).unwrap();
        let always = keyfob_access::Schedule::always();
        block_on(access.create_level(&fixture.admin, "Day", &always, &[lobby.id])).unwrap();
        block_on(access.create_level(&fixture.admin, "Night", &always, &[store_room.id])).unwrap();
        block_on(access.assign_level(&fixture.admin, "Day", "Guides")).unwrap();
        block_on(access.assign_level(&fixture.admin, "Day", "Guards")).unwrap();
        block_on(access.assign_level(&fixture.admin, "Night", "Cleaners")).unwrap();
        let now = "2026-11-22T12:00:00Z";
        assert_eq!(fixture.doors("ann@example.com", now), ["Lobby", "Store room"]);
        let night = block_on(access.level(&fixture.admin, "Night")).unwrap();
        let events = fixture.event_count();

        fixture.unlink();

        assert_eq!(fixture.access_groups(), ["Cleaners"]);
        assert_eq!(
            block_on(access.access_group(&fixture.admin, "Cleaners")).unwrap(),
            cleaners
        );
        assert_eq!(fixture.members("Cleaners"), [ann]);
        assert_eq!(block_on(access.level(&fixture.admin, "Night")).unwrap(), night);
        assert!(
            block_on(access.level(&fixture.admin, "Day"))
                .unwrap()
                .access_groups
                .is_empty()
        );
        assert_eq!(fixture.doors("ann@example.com", now), ["Store room"]);
        let told = fixture.events_after(events);
        assert_eq!(
            told.iter()
                .filter(|event| *event == "AccessGroup deleted")
                .count(),
            2,
            "{told:?}"
        );
        // L-5: to unlink again changes nothing, and the groups of another link start anew.
        let events = fixture.event_count();
        fixture.unlink();
        assert_eq!(fixture.event_count(), events);
    });
}

#[test]
fn l_6_after_linking_again_a_group_is_made_into_an_access_group_anew() {
    on_each_store(|fixture| {
        let guides = fixture.group("Guides", &[]);
        let first = convert(fixture, "Guides").unwrap();
        fixture.unlink();
        fixture.link();
        // What the group remembers of the other link is of no account.
        let events = fixture.event_count();
        fixture.rename(&guides, "Guards");
        assert_eq!(fixture.events_after(events), ["Group changed"]);
        let second = convert(fixture, "Guards").unwrap();
        assert_ne!(first.id, second.id);
        assert_eq!(fixture.access_groups(), ["Guards*"]);
        fixture.delete("Group", &guides);
        assert!(fixture.access_groups().is_empty());
    });
}

#[test]
fn l_5_an_access_group_that_is_made_while_the_link_is_cut_does_not_outlive_it() {
    for fixture in [
        Fixture::in_memory(Profile::verkada()),
        Fixture::in_sqlite(Profile::verkada()),
    ] {
        fixture.group("Guides", &[]);
        let admin = fixture.admin.clone();
        // The unlinking has read which access groups go when another one is made.
        fixture.before_next_commit(move |store| {
            let other = engine(
                Watched::new(store.clone(), Watcher::default()),
                Profile::verkada(),
            );
            let access = keyfob_access::Access::new(&other).unwrap();
            block_on(access.create_access_group_from(&admin, "Guides")).unwrap();
        });
        fixture.unlink();
        assert!(fixture.access_groups().is_empty());

        // And the other way round.
        fixture.link();
        fixture.group("Guards", &[]);
        let admin = fixture.admin.clone();
        fixture.before_next_commit(move |store| {
            let other = engine(
                Watched::new(store.clone(), Watcher::default()),
                Profile::verkada(),
            );
            block_on(other.admin().unlink(&admin, Some(Confirmed))).unwrap();
        });
        assert!(matches!(
            convert(&fixture, "Guards"),
            Err(AccessError::NotProvisioned(_))
        ));
        assert!(fixture.access_groups().is_empty());
    }
}

#[test]
fn l_5_what_fails_leaves_everything_as_it_was() {
    on_each_store(|fixture| {
        let ann = fixture.user("ann");
        let guides = fixture.group("Guides", &[&ann]);
        let fail = || {
            fixture
                .engine
                .store()
                .hooks()
                .is_down
                .store(true, Ordering::Relaxed);
        };
        let events = fixture.event_count();
        fail();
        let error = convert(fixture, "Guides").unwrap_err();
        assert_eq!(error.to_error_body().status, 503);
        assert!(fixture.access_groups().is_empty());
        assert_eq!(fixture.event_count(), events);
        convert(fixture, "Guides").unwrap();
        let events = fixture.event_count();
        fail();
        let unlink = block_on(fixture.engine.admin().unlink(&fixture.admin, Some(Confirmed)));
        assert!(unlink.is_err());
        assert_eq!(fixture.access_groups(), ["Guides*"]);
        assert!(
            block_on(fixture.engine.provisioning(&fixture.cx))
                .unwrap()
                .is_linked()
        );
        fail();
        let none = keyfob_engine::Precondition::None;
        let delete = fixture
            .engine
            .delete(&fixture.cx, fixture.kind("Group"), &guides, &none);
        assert!(block_on(delete).is_err());
        assert_eq!(fixture.members("Guides"), [ann]);
        assert_eq!(fixture.event_count(), events);
    });
}

#[test]
fn a_8_a_name_belongs_to_one_access_group() {
    on_each_store(|fixture| {
        block_on(fixture.access().create_access_group(&fixture.admin, "Größe")).unwrap();
        // Typed with a combining letter and in another case.
        let group = fixture.group("gro\u{308}ße", &[]);
        let events = fixture.event_count();
        let error = convert(fixture, group.as_str()).unwrap_err();
        assert!(matches!(&error, AccessError::NameTaken { name, .. } if name == "gro\u{308}ße"));
        let body = error.to_error_body();
        assert_eq!((body.status, body.scim_type), (409, Some(ScimType::Uniqueness)));
        assert_eq!(fixture.event_count(), events);
        let again = block_on(fixture.access().create_access_group(&fixture.admin, "GRÖSSE"));
        assert!(again.is_ok(), "simple folding leaves ß as it is");
        let again = block_on(fixture.access().create_access_group(&fixture.admin, " Größe "));
        assert!(matches!(again, Err(AccessError::NameTaken { .. })));
        let blank = block_on(fixture.access().create_access_group(&fixture.admin, " "));
        assert!(matches!(blank, Err(AccessError::NameMissing)));
    });
}

#[test]
fn a_8_of_two_groups_with_one_name_each_is_named_by_its_id_and_one_becomes_an_access_group() {
    let mut profile = Profile::interop();
    profile.protocol.unique_group_names = false;
    for fixture in [Fixture::in_memory(profile.clone()), Fixture::in_sqlite(profile)] {
        let first = fixture.group("Guides", &[]);
        let second = fixture.group("guides", &[]);
        let error = convert(&fixture, "Guides").unwrap_err();
        assert!(matches!(error, AccessError::Ambiguous { .. }));
        assert_eq!(error.to_error_body().status, 409);
        convert(&fixture, second.as_str()).unwrap();
        assert!(matches!(
            convert(&fixture, first.as_str()),
            Err(AccessError::NameTaken { .. })
        ));
        assert_eq!(fixture.access_groups(), ["guides*"]);
    }
}

#[test]
fn a_8_a_rename_renames_the_access_group_unless_the_name_is_taken() {
    on_each_store(|fixture| {
        let guides = fixture.group("Guides", &[]);
        let id = convert(fixture, "Guides").unwrap().id;
        block_on(fixture.access().create_access_group(&fixture.admin, "Cleaners")).unwrap();
        let events = fixture.event_count();
        fixture.rename(&guides, "guides");
        assert_eq!(fixture.access_groups(), ["guides*", "Cleaners"]);
        assert_eq!(
            fixture.events_after(events),
            ["Group changed", "AccessGroup changed"]
        );
        let events = fixture.event_count();
        fixture.rename(&guides, "Cleaners");
        assert_eq!(fixture.access_groups(), ["guides*", "Cleaners"]);
        assert_eq!(
            fixture.events_after(events),
            ["Group changed", "Group accessGroupNameConflict accessGroup name"]
        );
        fixture.rename(&guides, "Guards");
        assert_eq!(fixture.access_groups(), ["Guards*", "Cleaners"]);
        assert_eq!(
            block_on(fixture.access().access_group(&fixture.admin, "Guards"))
                .unwrap()
                .id,
            id
        );
        // G-7: the same name again is nothing.
        let events = fixture.event_count();
        fixture.rename(&guides, "Guards");
        assert_eq!(fixture.event_count(), events);
    });
}

#[test]
fn a_9_a_deleted_group_takes_its_access_group_out_of_every_level() {
    on_each_store(|fixture| {
        let (access, ann) = (fixture.access(), fixture.user("ann"));
        let guides = fixture.group("Guides", &[&ann]);
        convert(fixture, "Guides").unwrap();
        let lobby = block_on(access.create_door(&fixture.admin, "Lobby", "", TimeZone::UTC)).unwrap();
        let always = keyfob_access::Schedule::always();
        let level = block_on(access.create_level(&fixture.admin, "Day", &always, &[lobby.id])).unwrap();
        block_on(access.assign_level(&fixture.admin, "Day", "Guides")).unwrap();
        let events = fixture.event_count();
        fixture.delete("Group", &guides);
        assert!(fixture.access_groups().is_empty());
        assert_eq!(
            block_on(access.level(&fixture.admin, "Day")).unwrap(),
            level,
            "A-9: the level stays"
        );
        assert_eq!(
            fixture.events_after(events),
            ["Group deleted", "AccessGroup deleted"]
        );
        // The name is free.
        fixture.group("Guides", &[]);
        assert!(convert(fixture, "Guides").is_ok());
    });
}

#[test]
fn an_administrator_may_take_an_access_group_away_and_the_group_stays() {
    on_each_store(|fixture| {
        let (access, guides) = (fixture.access(), fixture.group("Guides", &[]));
        let first = convert(fixture, "Guides").unwrap();
        let events = fixture.event_count();
        block_on(access.delete_access_group(&fixture.admin, "Guides")).unwrap();
        assert_eq!(
            fixture.events_after(events),
            ["Group changed", "AccessGroup deleted"]
        );
        assert!(fixture.access_groups().is_empty());
        fixture.rename(&guides, "Guards");
        assert_ne!(convert(fixture, "Guards").unwrap().id, first.id);
        block_on(access.create_access_group(&fixture.admin, "Cleaners")).unwrap();
        block_on(access.delete_access_group(&fixture.admin, "Cleaners")).unwrap();
        assert_eq!(fixture.access_groups(), ["Guards*"]);
        let gone = block_on(access.delete_access_group(&fixture.admin, "Cleaners"));
        assert!(matches!(gone, Err(AccessError::NotFound { .. })));
    });
}

#[test]
fn an_access_group_that_is_still_stored_without_its_link_is_nothing_and_its_name_is_free() {
    type Take = fn(&Fixture);
    let takes: [Take; 2] = [
        |fixture| {
            block_on(fixture.access().create_access_group(&fixture.admin, "Guides")).unwrap();
        },
        |fixture| {
            convert(fixture, "Guides").unwrap();
        },
    ];
    for take in takes {
        let store = DynStore::new(MemoryStore::new());
        let fixture = Fixture::over(store.clone(), None, Profile::verkada());
        let (ann, bob) = (fixture.user("ann"), fixture.user("bob"));
        let guides = fixture.group("Guides", &[&ann]);
        let made = convert(&fixture, "Guides").unwrap();
        let registry = keyfob_access::register(RegistryBuilder::verkada())
            .build()
            .unwrap();
        // An engine without the rule knows of nothing to sweep.
        let without = Provisioner::new(store, registry);
        block_on(without.admin().unlink(&fixture.admin, Some(Confirmed))).unwrap();
        let (access, admin) = (fixture.access(), &fixture.admin);
        assert!(fixture.access_groups().is_empty());
        assert!(matches!(
            block_on(access.access_group(admin, made.id.as_str())),
            Err(AccessError::NotFound { .. })
        ));
        let user = block_on(access.user(admin, ann.as_str())).unwrap();
        assert!(user.access_groups.is_empty());
        // Nor does it come back with another link.
        fixture.link();
        fixture.join(&guides, &bob);
        assert!(fixture.access_groups().is_empty());
        take(&fixture);
        assert_eq!(fixture.access_groups().len(), 1);
        assert_eq!(block_on(fixture.engine.admin().sweep(admin)).unwrap(), 0);
    }
}

#[test]
fn a_7_an_access_group_has_users_and_nothing_else() {
    on_each_store(|fixture| {
        let (access, ann, bob) = (fixture.access(), fixture.user("ann"), fixture.user("bob"));
        let guides = fixture.group("Guides", &[]);
        block_on(access.create_access_group(&fixture.admin, "Cleaners")).unwrap();
        let change = |add: &[_], remove: &[_]| {
            block_on(access.change_members(&fixture.admin, "Cleaners", add, remove))
        };
        change(&[ann.clone(), ann.clone()], &[]).unwrap();
        let events = fixture.event_count();
        change(from_ref(&ann), from_ref(&bob)).unwrap();
        assert_eq!(fixture.event_count(), events, "nothing changed");
        let error = change(&[bob.clone(), guides.clone()], &[]).unwrap_err();
        assert!(
            matches!(&error, AccessError::NotFound { resource_type, name } if resource_type == "User" && *name == guides.as_str()),
            "{error}"
        );
        assert_eq!(fixture.members("Cleaners"), from_ref(&ann));
        change(from_ref(&bob), from_ref(&ann)).unwrap();
        assert_eq!(fixture.members("Cleaners"), from_ref(&bob));
        let user = block_on(access.user(&fixture.admin, "BOB@example.com")).unwrap();
        assert_eq!(user.user, bob);
        assert_eq!(
            user.access_groups
                .iter()
                .map(|group| group.name.as_str())
                .collect::<Vec<_>>(),
            ["Cleaners"]
        );
    });
}

#[test]
fn a_11_what_is_provisioned_is_global_and_closed_to_administrators_of_a_directory() {
    on_each_store(|fixture| {
        let access = fixture.access();
        let ann = fixture.user("ann");
        let guides = fixture.group("Guides", &[&ann]);
        assert_eq!(convert(fixture, "Guides").unwrap().directory, Directory::Global);
        let user = block_on(access.user(&fixture.admin, "ann@example.com")).unwrap();
        assert_eq!(user.directory.as_str(), "Global");
        for actor in [Actor::DirectoryAdministrator, Actor::User, Actor::Provider] {
            let cx = fixture.cx.clone().acting_as(actor);
            let outcomes = [
                block_on(access.create_access_group_from(&cx, "Guides")).map(|_| ()),
                block_on(access.create_access_group(&cx, "Cleaners")).map(|_| ()),
                block_on(access.change_members(&cx, "Guides", &[], &[])),
                block_on(access.delete_access_group(&cx, "Guides")),
                block_on(access.create_door(&cx, "Lobby", "", TimeZone::UTC)).map(|_| ()),
                block_on(access.assign_level(&cx, "Day", "Guides")),
                block_on(access.map_group(&cx, "Guides", "Guides", None)).map(|_| ()),
            ];
            for outcome in outcomes {
                assert!(matches!(outcome, Err(AccessError::Forbidden)), "{actor:?}");
            }
        }
        let directory = fixture.cx.clone().acting_as(Actor::DirectoryAdministrator);
        let title = r#"{"op":"replace","path":"title","value":"Guide"}"#;
        let forbidden = |outcome: Result<_, EngineError>| {
            matches!(Refusal::of(&outcome.unwrap_err()), Some(Refusal::Forbidden))
        };
        assert!(forbidden(fixture.try_patch(&directory, "User", &ann, title)));
        let name = r#"{"op":"replace","path":"displayName","value":"Guards"}"#;
        assert!(forbidden(fixture.try_patch(&directory, "Group", &guides, name)));
        let none = keyfob_engine::Precondition::None;
        let delete = fixture
            .engine
            .delete(&directory, fixture.kind("Group"), &guides, &none);
        assert!(forbidden(block_on(delete)));
    });
}

#[test]
fn t_1_what_one_organization_has_is_not_there_for_another() {
    on_each_store(|fixture| {
        let guides = fixture.group("Guides", &[]);
        let made = convert(fixture, "Guides").unwrap();
        let umbrella = keyfob_engine::Context::new(keyfob_engine::TenantId::new("umbrella"));
        let umbrella = umbrella.acting_as(Actor::Administrator);
        let access = fixture.access();
        assert!(block_on(access.access_groups(&umbrella)).unwrap().is_empty());
        assert!(block_on(access.access_group(&umbrella, made.id.as_str())).is_err());
        let outcome = block_on(access.create_access_group_from(&umbrella, guides.as_str()));
        assert!(matches!(outcome, Err(AccessError::NotProvisioned(_))));
        assert!(block_on(access.create_access_group(&umbrella, "Guides")).is_ok());
    });
}
