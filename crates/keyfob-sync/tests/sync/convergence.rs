//! Random histories of a source, faults at any request, programs that die at any of them: then the target is what a naive
//! model says, nothing is there twice, and nobody else's resource was touched.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Mutex, PoisonError},
};

use keyfob_client::{Request, TransportError};
use keyfob_core::{Resource, Value, view::User};
use keyfob_sync::source::Item;
use proptest::prelude::*;

use crate::world::{Answered, Way, World, group, manager_of, member, parallel, refusal, response, user};

/// A source at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    persons: BTreeMap<u8, Person>,
    groups: BTreeMap<u8, Club>,
}

#[derive(Clone, Debug)]
struct Person {
    version: u8,
    title: Option<u8>,
    in_scope: bool,
    enabled: bool,
}

#[derive(Clone, Debug)]
struct Club {
    version: u8,
    members: BTreeSet<u8>,
}

impl Person {
    fn is_provisioned(&self) -> bool {
        self.in_scope && self.enabled
    }
}

impl Snapshot {
    pub(crate) fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        for (id, person) in &self.persons {
            let title = person.title.map(|title| format!(r#", "jobTitle": "T{title}""#));
            let department = if person.in_scope { "R&D" } else { "Sales" };
            items.push(user(
                &format!("p{id}"),
                &format!(
                    r#""userPrincipalName": "p{id}.v{}@x.example", "department": "{department}", "accountEnabled": {},
                       "manager": {{"id": "p{}"}}{}"#,
                    person.version,
                    person.enabled,
                    (id + 1) % 5,
                    title.unwrap_or_default(),
                ),
            ));
        }
        for (id, club) in &self.groups {
            items.push(group(&format!("g{id}"), &format!("G{id}.v{}", club.version)));
        }
        for (id, club) in &self.groups {
            items.extend(
                club.members
                    .iter()
                    .map(|person| member(&format!("g{id}"), &format!("p{person}"))),
            );
        }
        items
    }
}

pub(crate) fn snapshot() -> impl Strategy<Value = Snapshot> {
    let person = (
        0..2_u8,
        proptest::option::of(0..3_u8),
        prop::bool::weighted(0.8),
        prop::bool::weighted(0.8),
    );
    let person = person.prop_map(|(version, title, in_scope, enabled)| Person {
        version,
        title,
        in_scope,
        enabled,
    });
    let club = (0..2_u8, proptest::collection::btree_set(0..6_u8, 0..5));
    let club = club.prop_map(|(version, members)| Club { version, members });
    (
        proptest::collection::btree_map(0..5_u8, person, 0..6),
        proptest::collection::btree_map(0..3_u8, club, 0..4),
    )
        .prop_map(|(mut persons, mut groups)| {
            // The names of those that were at the target before don't change: another name's resource has the first one.
            if let Some(person) = persons.get_mut(&0) {
                person.version = 0;
            }
            if let Some(club) = groups.get_mut(&0) {
                club.version = 0;
            }
            Snapshot { persons, groups }
        })
}

/// A fault on the way of a request.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    DropBefore,
    DropAfter,
    Throttled,
    Refused,
    Internal,
    InternalAfter,
    Html,
    Unauthorized,
    CutJson,
    DieBefore,
    DieAfter,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        12 => Just(Fault::None),
        1 => Just(Fault::DropBefore),
        1 => Just(Fault::DropAfter),
        1 => Just(Fault::Throttled),
        1 => Just(Fault::Refused),
        1 => Just(Fault::Internal),
        1 => Just(Fault::InternalAfter),
        1 => Just(Fault::Html),
        1 => Just(Fault::Unauthorized),
        1 => Just(Fault::CutJson),
        1 => Just(Fault::DieBefore),
        2 => Just(Fault::DieAfter),
    ]
}

fn meddled(fault: Fault, way: &Way, request: Request) -> Answered {
    match fault {
        Fault::None => way.arrive(request),
        Fault::DropBefore => Err(TransportError::interrupted("the connection broke")),
        Fault::DropAfter => {
            way.arrive(request)?;
            Err(TransportError::interrupted("the connection broke"))
        }
        Fault::Throttled => refusal(429),
        Fault::Refused => refusal(400),
        Fault::Internal => refusal(500),
        Fault::InternalAfter => {
            way.arrive(request)?;
            refusal(500)
        }
        Fault::Html => response(404, "text/html", "<html>"),
        Fault::Unauthorized => refusal(401),
        Fault::CutJson => {
            let mut answer = way.arrive(request)?;
            let half = answer.body().len() / 2;
            *answer.body_mut() = answer.body().slice(..half);
            Ok(answer)
        }
        Fault::DieBefore => resume_unwind(Box::new("died")),
        Fault::DieAfter => {
            way.arrive(request)?;
            resume_unwind(Box::new("died"))
        }
    }
}

fn text<'r>(resource: &'r Resource, name: &str) -> Option<&'r str> {
    resource.core().get_str(name)
}

fn of<'r>(all: &'r [Resource], external: &str) -> Vec<&'r Resource> {
    all.iter()
        .filter(|resource| text(resource, "externalId") == Some(external))
        .collect()
}

/// The users of a person, by whichever of the names.
fn named(users: &[Resource], person: u8) -> Vec<&Resource> {
    let start = format!("p{person}.");
    let is_named = |user: &&Resource| text(user, "userName").is_some_and(|name| name.starts_with(&start));
    users.iter().filter(is_named).collect()
}

/// Plays a history with requests for so many objects under way at the same time.
fn check(history: &[(Snapshot, Vec<Fault>, bool)], most: usize) -> Result<(), TestCaseError> {
    let mut world = World::new();
    let foreign = world.create_user(&User::new("foreign"));
    world.create_user(&User::new("p0.v0@x.example"));
    world.create_group("G0.v0", std::slice::from_ref(&foreign));
    world.create_group("Foreign", std::slice::from_ref(&foreign));
    let untouched = |world: &World| {
        let others = world.users().into_iter().chain(world.groups());
        let mut others: Vec<Resource> = others
            .filter(|resource| {
                text(resource, "userName") == Some("foreign")
                    || text(resource, "displayName") == Some("Foreign")
            })
            .collect();
        for resource in &mut others {
            // Which groups a user is in is no part of the user.
            resource.core_mut().remove("groups");
        }
        others
    };
    let before = untouched(&world);
    for (snapshot, faults, restarts) in history {
        if *restarts {
            world.state.restart().unwrap();
        }
        let schedule = Mutex::new(faults.clone().into_iter());
        world.disturb(move |way, request| {
            let fault = schedule.lock().unwrap_or_else(PoisonError::into_inner).next();
            meddled(fault.unwrap_or(Fault::None), way, request)
        });
        let source = snapshot.items();
        // A program that dies leaves the state as it is at that moment.
        catch_unwind(AssertUnwindSafe(|| world.try_run(&source, parallel(most)))).ok();
        world.stop_meddling();
        world.clock.advance(25);
    }
    let (last, ..) = &history[history.len() - 1];
    let source = last.items();
    for _ in 0..2 {
        world.run_as(&source, parallel(most));
        world.clock.advance(25);
    }
    world.asked();
    let quiet = world.run_as(&source, parallel(most));
    let asked = world.asked();
    prop_assert_eq!(asked.len(), 1, "{:?} {:?}", asked, quiet.told());
    prop_assert!(quiet.report.is_quiet(), "{:?}", quiet.told());
    prop_assert_eq!(before, untouched(&world), "somebody else's resource was changed");
    converged(&world, last)
}

/// Compares the target with the source, object by object.
fn converged(world: &World, last: &Snapshot) -> Result<(), TestCaseError> {
    let (users, groups) = (world.users(), world.groups());
    // The one that was at the target before may have been found or not, if the source has it no longer.
    let links = world.state.links().unwrap();
    let linked: BTreeSet<String> = links.iter().map(|link| link.source_id.to_string()).collect();
    let id_of = |person: u8| {
        let is_linked = linked.contains(&format!("p{person}"));
        let user = named(&users, person).into_iter().next().filter(|_| is_linked);
        user.and_then(Resource::id).map(|id| id.to_string())
    };
    for id in 0..5_u8 {
        let key = format!("p{id}");
        let found = named(&users, id);
        prop_assert!(found.len() <= 1, "{} is there {} times", key, found.len());
        let Some(person) = last.persons.get(&id).filter(|person| person.is_provisioned()) else {
            for user in found.into_iter().filter(|_| linked.contains(&key)) {
                prop_assert_eq!(user.core().get("active"), Some(&Value::Bool(false)), "{}", key);
            }
            continue;
        };
        prop_assert_eq!(found.len(), 1, "{} is missing", key);
        let name = format!("p{id}.v{}@x.example", person.version);
        prop_assert_eq!(text(found[0], "userName"), Some(name.as_str()));
        prop_assert_eq!(found[0].core().get("active"), Some(&Value::Bool(true)), "{}", key);
        if let Some(title) = person.title {
            let title = format!("T{title}");
            prop_assert_eq!(text(found[0], "title"), Some(title.as_str()));
        }
        prop_assert_eq!(text(found[0], "externalId"), Some(key.as_str()));
        let manager = id_of((id + 1) % 5);
        prop_assert_eq!(manager_of(found[0]), manager, "the manager of {}", key);
    }
    for id in 0..3_u8 {
        let key = format!("g{id}");
        let found = of(&groups, &key);
        let Some(club) = last.groups.get(&id) else {
            // The one that was there before may be; it is released, and others are deleted.
            prop_assert!(found.len() <= usize::from(id == 0), "{} is still there", key);
            continue;
        };
        prop_assert_eq!(found.len(), 1, "{}", key);
        let name = format!("G{id}.v{}", club.version);
        let held = found
            .iter()
            .find(|group| text(group, "displayName") == Some(name.as_str()));
        let held = held.ok_or_else(|| TestCaseError::fail(format!("{key} is not named {name}")))?;
        let wanted = club.members.iter().filter_map(|person| id_of(*person));
        let mut wanted: BTreeSet<String> = wanted.collect();
        let members = held.relation("members");
        let mut members: BTreeSet<String> = members
            .into_iter()
            .flat_map(|members| members.iter().map(|(id, _)| id.to_string()))
            .collect();
        if id == 0 {
            // Members of a time before it was released are not this job's any more.
            wanted.retain(|id| !members.remove(id));
            prop_assert!(wanted.is_empty(), "members are missing in {}: {:?}", key, wanted);
        } else {
            prop_assert_eq!(members, wanted, "members of {}", key);
        }
    }
    Ok(())
}

#[test]
fn what_may_have_been_created_is_looked_for_until_the_target_answers() {
    let club = || Club {
        version: 0,
        members: BTreeSet::new(),
    };
    let with_group = Snapshot {
        groups: BTreeMap::from([(2, club())]),
        ..Snapshot::default()
    };
    // The program dies when the group is created, the next one is refused an answer, and the source has the group no longer.
    for refused in [Fault::Refused, Fault::Html, Fault::Throttled, Fault::CutJson] {
        let history = [
            (
                with_group.clone(),
                vec![Fault::None, Fault::None, Fault::DieAfter],
                false,
            ),
            (Snapshot::default(), vec![Fault::None, refused], false),
        ];
        check(&history, 1).unwrap();
        check(&history, 3).unwrap();
    }
}

/// Returns the number of histories: `KEYFOB_HISTORIES`, or 24.
fn cases() -> u32 {
    std::env::var("KEYFOB_HISTORIES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_on_the_way_the_target_becomes_what_the_source_says(
        history in proptest::collection::vec(
            (snapshot(), proptest::collection::vec(fault(), 0..40), prop::bool::weighted(0.2)),
            1..6,
        ),
        most in 1..=4_usize,
    ) {
        check(&history, most)?;
    }
}
