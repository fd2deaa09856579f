//! Access levels, which belong to administrators alone.

use keyfob_access::{AccessError, AccessLevel, Schedule, TimeZone};
use keyfob_core::{ResourceId, ToErrorBody};
use pollster::block_on;

use crate::fixture::{Fixture, on_each_store};

fn levels(fixture: &Fixture) -> Vec<AccessLevel> {
    block_on(fixture.access().levels(&fixture.admin)).unwrap()
}

#[test]
fn a_10_no_operation_of_a_provider_edits_a_level() {
    on_each_store(|fixture| {
        let (access, ann) = (fixture.access(), fixture.user("ann"));
        let (guides, guards) = (fixture.group("Guides", &[&ann]), fixture.group("Guards", &[]));
        for group in ["Guides", "Guards"] {
            block_on(access.create_access_group_from(&fixture.admin, group)).unwrap();
        }
        let lobby = block_on(access.create_door(&fixture.admin, "Lobby", "", TimeZone::UTC)).unwrap();
        let schedule = Schedule::always().with_closed_day("2026-12-25".parse().unwrap());
        block_on(access.create_level(&fixture.admin, "Day", &schedule, &[lobby.id])).unwrap();
        for group in ["Guides", "Guards"] {
            block_on(access.assign_level(&fixture.admin, "Day", group)).unwrap();
        }
        let before = levels(fixture);
        let version = || {
            let kind = fixture.kind("AccessLevel");
            let selection = keyfob_engine::Selection::document();
            let id = &before[0].id;
            let stored = block_on(keyfob_engine::StoreExt::get_one(
                fixture.engine.store(),
                &fixture.admin.reading(),
                kind,
                id,
                &selection,
            ));
            stored.unwrap().unwrap().version
        };
        let first = version();
        let bob = fixture.user("bob");
        fixture.join(&guides, &bob);
        fixture.leave(&guides, &ann);
        fixture.rename(&guides, "Tour Guides");
        fixture.set_active(&bob, false);
        fixture.set_active(&bob, true);
        fixture.delete("User", &bob);
        assert_eq!((levels(fixture), version()), (before.clone(), first));
        fixture.delete("Group", &guards);
        let guides = block_on(access.access_group(&fixture.admin, "Tour Guides"))
            .unwrap()
            .id;
        let mut after = before[0].clone();
        after.access_groups = vec![guides];
        assert_eq!(levels(fixture), [after]);
        assert_eq!(version(), first.next());
    });
}

#[test]
fn a_level_is_assigned_and_taken_back_once_and_told_of() {
    on_each_store(|fixture| {
        let access = fixture.access();
        block_on(access.create_access_group(&fixture.admin, "Cleaners")).unwrap();
        let events = fixture.event_count();
        let day = block_on(access.create_level(&fixture.admin, "Day", &Schedule::always(), &[])).unwrap();
        for _ in 0..2 {
            block_on(access.assign_level(&fixture.admin, "day", "cleaners")).unwrap();
        }
        for _ in 0..2 {
            block_on(access.unassign_level(&fixture.admin, day.id.as_str(), "Cleaners")).unwrap();
        }
        block_on(access.set_schedule(&fixture.admin, "Day", &Schedule::new())).unwrap();
        block_on(access.delete_level(&fixture.admin, "Day")).unwrap();
        let told = [
            "AccessLevel created",
            "AccessLevel accessLevelAssigned accessGroup",
            "AccessLevel accessLevelUnassigned accessGroup",
            "AccessLevel changed",
            "AccessLevel deleted",
        ];
        assert_eq!(fixture.events_after(events), told);
    });
}

#[test]
fn what_is_not_there_is_said_by_its_kind_and_nothing_is_changed() {
    on_each_store(|fixture| {
        let access = fixture.access();
        let ann = fixture.user("ann");
        block_on(access.create_access_group(&fixture.admin, "Cleaners")).unwrap();
        let day = block_on(access.create_level(&fixture.admin, "Day", &Schedule::always(), &[])).unwrap();
        let events = fixture.event_count();
        let not_found = |outcome: Result<(), AccessError>, message: &str| {
            let error = outcome.unwrap_err();
            assert_eq!(error.to_string(), message);
            assert_eq!(error.to_error_body().status, 404);
        };
        let missing = [ResourceId::new("nowhere")];
        let create = block_on(access.create_level(&fixture.admin, "Night", &Schedule::new(), &missing));
        not_found(create.map(|_| ()), "there is no Door `nowhere`");
        // A user is no door.
        let change =
            block_on(access.change_level_doors(&fixture.admin, "Day", std::slice::from_ref(&ann), &[]));
        not_found(change, &format!("there is no Door `{ann}`"));
        not_found(
            block_on(access.assign_level(&fixture.admin, "Night", "Cleaners")),
            "there is no AccessLevel `Night`",
        );
        not_found(
            block_on(access.assign_level(&fixture.admin, "Day", "Guides")),
            "there is no AccessGroup `Guides`",
        );
        not_found(
            block_on(access.effective_doors(&fixture.admin, "bob", "2026-11-22T12:00:00Z".parse().unwrap()))
                .map(|_| ()),
            "there is no User `bob`",
        );
        let taken = block_on(access.create_level(&fixture.admin, "DAY", &Schedule::new(), &[]));
        assert!(matches!(taken, Err(AccessError::NameTaken { name, .. }) if name == "DAY"));
        assert_eq!(levels(fixture), [day]);
        assert_eq!(fixture.event_count(), events);
    });
}
