//! Which doors open to whom, and when.

use keyfob_access::{AccessError, Schedule, TimeZone, Weekday};
use keyfob_core::{Object, Resource, ResourceId, Value};
use keyfob_engine::{Change, StoreExt};
use keyfob_provisioning::{Confirmed, UserState};
use pollster::block_on;

use crate::fixture::{Fixture, on_each_store};

/// A Sunday.
const NOON: &str = "2026-11-22T12:00:00Z";

fn door(fixture: &Fixture, name: &str, time_zone: &str) -> ResourceId {
    let zone = time_zone.parse().unwrap();
    let access = fixture.access();
    block_on(access.create_door(&fixture.admin, name, "Main building", zone))
        .unwrap()
        .id
}

fn level(fixture: &Fixture, name: &str, schedule: &Schedule, doors: &[ResourceId]) {
    block_on(
        fixture
            .access()
            .create_level(&fixture.admin, name, schedule, doors),
    )
    .unwrap();
}

fn assign(fixture: &Fixture, level: &str, group: &str) {
    block_on(fixture.access().assign_level(&fixture.admin, level, group)).unwrap();
}

fn convert(fixture: &Fixture, group: &str) {
    block_on(fixture.access().create_access_group_from(&fixture.admin, group)).unwrap();
}

#[test]
fn a_4_the_doors_of_a_user_are_those_of_every_level_of_every_access_group() {
    on_each_store(|fixture| {
        let (access, ann, bob) = (fixture.access(), fixture.user("ann"), fixture.user("bob"));
        let guides = fixture.group("Guides", &[&ann, &bob]);
        fixture.group("Guards", &[&ann]);
        convert(fixture, "Guides");
        let (lobby, gate, vault) = (
            door(fixture, "Lobby", "UTC"),
            door(fixture, "Gate", "UTC"),
            door(fixture, "Vault", "UTC"),
        );
        assert!(
            fixture.doors("ann@example.com", NOON).is_empty(),
            "without a level no door opens"
        );
        level(
            fixture,
            "Day",
            &Schedule::always(),
            &[lobby.clone(), gate.clone()],
        );
        level(fixture, "Night", &Schedule::always(), &[gate, vault]);
        assert!(
            fixture.doors("ann@example.com", NOON).is_empty(),
            "the level is assigned to nobody"
        );
        assign(fixture, "Day", "Guides");
        assert_eq!(fixture.doors("ann@example.com", NOON), ["Gate", "Lobby"]);
        convert(fixture, "Guards");
        assign(fixture, "Night", "Guards");
        assert_eq!(fixture.doors("ann@example.com", NOON), ["Gate", "Lobby", "Vault"]);
        assert_eq!(fixture.doors(bob.as_str(), NOON), ["Gate", "Lobby"]);
        // A manual access group counts as much.
        block_on(access.create_access_group(&fixture.admin, "Cleaners")).unwrap();
        block_on(access.change_members(&fixture.admin, "Cleaners", std::slice::from_ref(&bob), &[])).unwrap();
        assign(fixture, "Night", "Cleaners");
        assert_eq!(fixture.doors(bob.as_str(), NOON), ["Gate", "Lobby", "Vault"]);
        fixture.leave(&guides, &ann);
        assert_eq!(fixture.doors("ann@example.com", NOON), ["Gate", "Vault"]);
        block_on(access.unassign_level(&fixture.admin, "Night", "Guards")).unwrap();
        assert!(fixture.doors("ann@example.com", NOON).is_empty());
        block_on(access.change_level_doors(&fixture.admin, "Day", &[], &[lobby])).unwrap();
        block_on(access.delete_door(&fixture.admin, "Vault")).unwrap();
        assert_eq!(fixture.doors(bob.as_str(), NOON), ["Gate"]);
        block_on(access.delete_level(&fixture.admin, "Day")).unwrap();
        block_on(access.delete_level(&fixture.admin, "Night")).unwrap();
        assert!(fixture.doors(bob.as_str(), NOON).is_empty());
    });
}

#[test]
fn invariant_6_no_door_opens_to_a_user_that_is_not_active() {
    on_each_store(|fixture| {
        let ann = fixture.invited("ann");
        fixture.group("Guides", &[&ann]);
        convert(fixture, "Guides");
        let lobby = door(fixture, "Lobby", "UTC");
        level(fixture, "Day", &Schedule::always(), &[lobby]);
        assign(fixture, "Day", "Guides");
        let (access, admin) = (fixture.access(), fixture.engine.admin());
        let doors = || fixture.doors(ann.as_str(), NOON);
        // U-12: an invited user is in its groups before it accepts.
        let user = block_on(access.user(&fixture.admin, ann.as_str())).unwrap();
        assert_eq!((user.state, user.access_groups.len()), (UserState::Invited, 1));
        assert!(doors().is_empty());
        block_on(admin.accept_invite(&fixture.admin, &ann)).unwrap();
        assert_eq!(doors(), ["Lobby"]);
        // C-14: and its groups are there when it is active again.
        fixture.set_active(&ann, false);
        assert!(doors().is_empty());
        fixture.set_active(&ann, true);
        assert_eq!(doors(), ["Lobby"]);
        fixture.set_active(&ann, false);
        block_on(admin.delete_user(&fixture.admin, &ann)).unwrap();
        let at = NOON.parse().unwrap();
        let deleted = block_on(access.effective_doors(&fixture.admin, ann.as_str(), at));
        assert!(matches!(deleted, Err(AccessError::NotFound { .. })), "D-3");
        fixture.set_active(&ann, true);
        assert_eq!(doors(), ["Lobby"], "D-10: restored");
        fixture.set_active(&ann, false);
        block_on(admin.purge_user(&fixture.admin, &ann, Some(Confirmed))).unwrap();
        assert!(block_on(access.user(&fixture.admin, "ann@example.com")).is_err());
        assert!(fixture.members("Guides").is_empty());
    });
}

#[test]
fn a_10_a_level_grants_access_by_the_clock_of_each_door() {
    on_each_store(|fixture| {
        let ann = fixture.user("ann");
        fixture.group("Guides", &[&ann]);
        convert(fixture, "Guides");
        let doors = [
            door(fixture, "London", "Europe/London"),
            door(fixture, "Berlin", "Europe/Berlin"),
            door(fixture, "Kolkata", "Asia/Kolkata"),
        ];
        let morning = Schedule::new().with_hours(Weekday::Sunday, "08:00-12:00".parse().unwrap());
        level(fixture, "Morning", &morning, &doors);
        assign(fixture, "Morning", "Guides");
        for (at, expected) in [
            ("2026-11-22T01:00:00Z", &[][..]),
            ("2026-11-22T02:30:00Z", &["Kolkata"]),
            ("2026-11-22T07:00:00Z", &["Berlin"]),
            ("2026-11-22T08:00:00Z", &["Berlin", "London"]),
            ("2026-11-22T11:59:59Z", &["London"]),
            ("2026-11-23T08:00:00Z", &[]),
            // In summer the mornings of two of them come an hour earlier.
            ("2026-06-21T02:30:00Z", &["Kolkata"]),
            ("2026-06-21T06:00:00Z", &["Berlin", "Kolkata"]),
            ("2026-06-21T07:00:00Z", &["Berlin", "London"]),
            ("2026-06-21T10:00:00Z", &["London"]),
            ("2026-06-21T11:00:00Z", &[]),
        ] {
            assert_eq!(fixture.doors("ann@example.com", at), expected, "{at}");
        }
        // Levels add up, each with its own schedule.
        level(
            fixture,
            "Evening",
            &Schedule::new().with_hours(Weekday::Sunday, "20:00-22:00".parse().unwrap()),
            &doors,
        );
        assign(fixture, "Evening", "Guides");
        assert_eq!(
            fixture.doors("ann@example.com", "2026-11-22T20:30:00Z"),
            ["Berlin", "London"]
        );
        // A holiday of one level is no holiday of the other.
        let closed = morning.with_closed_day("2026-11-22".parse().unwrap());
        block_on(fixture.access().set_schedule(&fixture.admin, "Morning", &closed)).unwrap();
        assert!(
            fixture
                .doors("ann@example.com", "2026-11-22T08:00:00Z")
                .is_empty()
        );
        assert_eq!(
            fixture.doors("ann@example.com", "2026-11-29T08:00:00Z"),
            ["Berlin", "London"]
        );
        assert_eq!(
            fixture.doors("ann@example.com", "2026-11-22T20:30:00Z"),
            ["Berlin", "London"]
        );
        let helsinki = "Europe/Helsinki".parse().unwrap();
        block_on(fixture.access().set_time_zone(&fixture.admin, "Berlin", helsinki)).unwrap();
        assert_eq!(
            fixture.doors("ann@example.com", "2026-11-22T20:30:00Z"),
            ["London"]
        );
    });
}

#[test]
fn a_4_the_doors_of_a_user_cost_the_same_look_ups_whatever_there_is_besides() {
    on_each_store(|fixture| {
        let ann = fixture.user("ann");
        fixture.group("Guides", &[&ann]);
        convert(fixture, "Guides");
        let lobby = door(fixture, "Lobby", "UTC");
        level(fixture, "Day", &Schedule::always(), std::slice::from_ref(&lobby));
        assign(fixture, "Day", "Guides");
        let reads = || fixture.reads(|| fixture.doors(ann.as_str(), NOON));
        let few = reads();
        assert_eq!(few, 6);
        for number in 0..20 {
            let other = fixture.invited(&format!("user{number}"));
            fixture.group(&format!("Group {number}"), &[&ann, &other]);
            convert(fixture, &format!("Group {number}"));
            level(
                fixture,
                &format!("Level {number}"),
                &Schedule::always(),
                std::slice::from_ref(&lobby),
            );
            assign(fixture, &format!("Level {number}"), &format!("Group {number}"));
        }
        assert_eq!(reads(), few);
    });
}

#[test]
fn a_4_a_door_whose_stored_time_zone_is_not_known_opens_to_nobody() {
    on_each_store(|fixture| {
        let ann = fixture.user("ann");
        fixture.group("Guides", &[&ann]);
        convert(fixture, "Guides");
        let (lobby, gate) = (door(fixture, "Lobby", "UTC"), door(fixture, "Gate", "UTC"));
        level(fixture, "Day", &Schedule::always(), &[lobby.clone(), gate]);
        assign(fixture, "Day", "Guides");
        let (access, admin) = (fixture.access(), &fixture.admin);
        for stored in [
            Some(Value::from("Mars/Olympus_Mons")),
            Some(Value::from("")),
            Some(Value::from("+01:00")),
            Some(Value::from("Europe/Berlin ")),
            Some(Value::from(60)),
            Some(Value::Null),
            Some(Value::from(Object::new())),
            None,
        ] {
            store_door(fixture, &lobby, stored.as_ref());
            assert_eq!(fixture.doors("ann@example.com", NOON), ["Gate"], "{stored:?}");
            // It is there, so that an administrator can set it right.
            let shown = block_on(access.door(admin, "Lobby")).unwrap();
            assert_eq!((&shown.id, shown.time_zone), (&lobby, None), "{stored:?}");
            assert!(block_on(access.doors(admin)).unwrap().contains(&shown));
        }
        block_on(access.set_time_zone(admin, "Lobby", TimeZone::UTC)).unwrap();
        assert_eq!(fixture.doors("ann@example.com", NOON), ["Gate", "Lobby"]);
        store_door(fixture, &lobby, None);
        block_on(access.delete_door(admin, "Lobby")).unwrap();
        assert!(block_on(access.door(admin, "Lobby")).is_err());
    });
}

/// Stores the lobby anew as another build may have.
fn store_door(fixture: &Fixture, id: &ResourceId, time_zone: Option<&Value>) {
    let doors = fixture.kind("Door");
    let mut document = Resource::new([doors.schema().id.clone()]);
    document.core_mut().insert("name", "Lobby");
    if let Some(time_zone) = time_zone {
        document.core_mut().insert("timeZone", time_zone.clone());
    }
    let update = Change::replace(doors, id.clone(), document, None);
    let commit = fixture
        .engine
        .commit_of(&fixture.admin, "test", vec![update], None);
    block_on(fixture.engine.store().commit_one(commit)).unwrap();
}

#[test]
fn a_10_doors_have_names_and_time_zones_of_their_own() {
    on_each_store(|fixture| {
        let access = fixture.access();
        door(fixture, "Lobby", "pacific/kiritimati");
        let taken = block_on(access.create_door(&fixture.admin, "LOBBY", "", TimeZone::UTC));
        assert!(matches!(taken, Err(AccessError::NameTaken { .. })));
        let lobby = block_on(access.door(&fixture.admin, "lobby")).unwrap();
        assert_eq!(
            (lobby.site.as_str(), lobby.time_zone.map(TimeZone::as_str)),
            ("Main building", Some("Pacific/Kiritimati"))
        );
        assert_eq!(block_on(access.doors(&fixture.admin)).unwrap(), [lobby]);
        let missing = block_on(access.set_time_zone(&fixture.admin, "Gate", TimeZone::UTC));
        assert!(matches!(missing, Err(AccessError::NotFound { .. })));
        let missing = block_on(access.delete_door(&fixture.admin, "Gate"));
        assert!(matches!(missing, Err(AccessError::NotFound { .. })));
    });
}

#[test]
fn every_question_and_every_action_can_be_sent_to_another_thread() {
    fn sendable<T: Send>(_: T) {}
    let fixture = Fixture::in_memory(keyfob_provisioning::Profile::accessiq());
    let (access, admin) = (fixture.access(), &fixture.admin);
    sendable(access.effective_doors(admin, "ann", NOON.parse().unwrap()));
    sendable(access.create_access_group_from(admin, "Guides"));
    sendable(access.delete_access_group(admin, "Guides"));
    sendable(access.create_level(admin, "Day", &Schedule::new(), &[]));
    sendable(access.map_group(admin, "Guides", "Guides", None));
    sendable(access.grant(admin, "ann", "Guides", None));
    sendable(access.delete_unit(admin, "Guides"));
}
