//! Receivers that fail in many ways, a store that fails, and processes that are killed: nothing is lost.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use keyfob_core::{DateTime, ResourceId};
use keyfob_store::{
    Commit, CommitError, Committed, Event, Feeds, Hooked, Hooks, Maintenance, Position, StoreError,
};
use keyfob_store_memory::MemoryStore;
use keyfob_store_sqlite::SqliteStore;
use proptest::prelude::*;

use crate::fixture::{Arrival, Fate, World, administrator, tenant};

/// A step of a run.
#[derive(Clone, Debug)]
enum Step {
    /// A resource changes.
    Change(usize),
    /// A process is started and delivers, until it is done or killed.
    Deliver {
        fates: Vec<Fate>,
        /// The commit of the process, counted from 1, that fails, and whether it happens all the same.
        fault: Option<(usize, bool)>,
    },
    /// Time passes, in seconds.
    Wait(u64),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Take),
        1 => prop::sample::select(vec![301, 400, 404, 429, 500, 503]).prop_map(Fate::Status),
        1 => (0_u64..100).prop_map(Fate::Busy),
        1 => any::<bool>().prop_map(|has_it| Fate::Break { has_it }),
        1 => any::<bool>().prop_map(|has_it| Fate::Hang { has_it }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop::option::weighted(0.3, (1_usize..6, any::<bool>()));
    prop_oneof![
        4 => (0_usize..4).prop_map(Step::Change),
        3 => (prop::collection::vec(fate(), 0..12), fault)
            .prop_map(|(fates, fault)| Step::Deliver { fates, fault }),
        2 => prop_oneof![1_u64..10, 30_u64..4_000].prop_map(Step::Wait),
    ]
}

/// Fails a commit of a process, before or after it happens.
#[derive(Clone, Debug, Default)]
struct Faults {
    /// The number of commits until one fails; 0 for none.
    left: Arc<AtomicUsize>,
    happens: Arc<std::sync::atomic::AtomicBool>,
}

impl Faults {
    fn arm(&self, fault: Option<(usize, bool)>) {
        let (left, happens) = fault.unwrap_or_default();
        self.happens.store(happens, Ordering::SeqCst);
        self.left.store(left, Ordering::SeqCst);
    }
}

impl Hooks for Faults {
    fn before_commit(&self, _: &[Arc<Commit>]) -> Result<(), StoreError> {
        let left = self.left.load(Ordering::SeqCst);
        if left == 1 && !self.happens.load(Ordering::SeqCst) {
            self.left.store(0, Ordering::SeqCst);
            return Err(StoreError::unavailable("the disk is full"));
        }
        Ok(())
    }

    fn after_commit(&self, commits: &[Arc<Commit>], outcomes: &mut Vec<Result<Committed, CommitError>>) {
        let left = self.left.load(Ordering::SeqCst);
        self.left.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 1 {
            *outcomes = commits
                .iter()
                .map(|_| Err(StoreError::OutcomeUnknown("the connection broke".into()).into()))
                .collect();
        }
    }
}

/// Plays steps, then lets everything work, and holds that the receiver has every event, in order those of a resource, and
/// that what came twice came under one id.
async fn play<S: Feeds + Maintenance>(store: S, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let faults = Faults::default();
    let world = World::over(Hooked::new(store, faults.clone()));
    let mut people: Vec<ResourceId> = Vec::new();
    for name in ["ann", "bob", "cleo", "dora"] {
        people.push(world.create("acme", name).await);
    }
    let (webhook, secret) = world.webhook("a.example", &["User.*"]).await;
    let mut number = 0;
    for step in steps {
        match step {
            Step::Change(person) => {
                number += 1;
                world
                    .rename("acme", &people[person], &format!("title {number}"))
                    .await;
            }
            Step::Deliver { fates, fault } => {
                world.receiver.next(fates);
                faults.arm(fault);
                let (deliverer, killed) = (world.deliverer(), world.receiver.killed());
                tokio::select! {
                    // A store that failed is as if the process was killed: the next one begins anew.
                    _ = deliverer.deliver_due() => {}
                    () = killed.notified() => {}
                }
                faults.arm(None);
            }
            Step::Wait(seconds) => world.clock.advance(Duration::from_secs(seconds)),
        }
    }
    world.receiver.next([]);
    for _ in 0..10 {
        world.clock.advance(Duration::from_secs(4_000));
        world.deliver().await;
    }
    let admin = administrator("acme");
    let status = world.webhooks().get(&admin, &webhook.id).await.unwrap().status;
    prop_assert_eq!(status.waiting, 0);
    let letters = world
        .webhooks()
        .dead_letters(&admin, &webhook.id, None, 10)
        .await
        .unwrap();
    prop_assert!(letters.letters.is_empty(), "three days are not over");

    let feed = read_all(&world).await;
    let expected: Vec<&Event> = feed
        .iter()
        .filter(|event| event.event.resource_type == "User" && event.position.number() > 4)
        .collect();
    prop_assert_eq!(expected.len(), number);
    let arrivals = world.receiver.arrivals();
    let mut bodies: HashMap<String, Arrival> = HashMap::new();
    for arrival in &arrivals {
        prop_assert_eq!(
            secret.verify(&arrival.headers, &arrival.body, sent(arrival)),
            Ok(arrival.id())
        );
        let first = bodies
            .entry(arrival.id().to_owned())
            .or_insert_with(|| arrival.clone());
        prop_assert_eq!(&first.body, &arrival.body);
    }
    // What a receiver that passes over what it has sees of each resource.
    let mut seen = HashSet::new();
    let mut of_resources: HashMap<String, Vec<u64>> = HashMap::new();
    for arrival in arrivals.iter().filter(|arrival| arrival.is_taken) {
        if seen.insert(arrival.id().to_owned()) {
            of_resources
                .entry(arrival.resource())
                .or_default()
                .push(arrival.position());
        }
    }
    for person in &people {
        let wanted: Vec<u64> = expected
            .iter()
            .filter(|event| event.event.resource == *person)
            .map(|event| event.position.number())
            .collect();
        let got = of_resources.remove(person.as_str()).unwrap_or_default();
        prop_assert_eq!(got, wanted, "{}", person);
    }
    Ok(())
}

/// The instant at which a message says that it was sent.
fn sent(arrival: &Arrival) -> DateTime {
    let seconds: i64 = arrival.headers["webhook-timestamp"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    DateTime::from_unix_millis(seconds * 1_000)
}

async fn read_all<S: Feeds>(world: &World<S>) -> Vec<Event> {
    let acme = tenant("acme");
    world
        .engine
        .store()
        .read_feed(&acme, Position::START, 10_000)
        .await
        .unwrap()
}

fn run(
    steps: Vec<Step>,
    play: impl AsyncFnOnce(Vec<Step>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(play(steps))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_whatever_fails_and_wherever_a_process_is_killed_in_memory(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        run(steps, async |steps| play(MemoryStore::new(), steps).await)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_whatever_fails_and_wherever_a_process_is_killed_in_sqlite(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("keyfob.db")).unwrap();
        run(steps, async |steps| play(store, steps).await)?;
    }
}
