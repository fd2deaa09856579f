//! The acknowledgements of the receiver of a stream of security events (RFC 8936 section 2.4), against a list of all events.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use keyfob_core::{DateTime, Registry, ResourceId};
use keyfob_engine::{
    AcknowledgementError, Change, Commit, CommitId, Context, Delivery, Engine, EngineError, Event, Feeds,
    Hooked, Hooks, NewEvent, Position, Retention, StoreError, StoreExt, TenantId, When, event,
};
use keyfob_store_memory::MemoryStore;
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use proptest::prelude::*;
use smol_str::{SmolStr, format_smolstr};

/// An engine whose stream is polled, and how many commits made its events.
struct Stream<S> {
    engine: Engine<S>,
    cx: Context,
    commits: AtomicUsize,
}

impl Stream<MemoryStore> {
    fn new() -> Self {
        Self::over(MemoryStore::new())
    }
}

impl<S: Feeds> Stream<S> {
    fn over(store: S) -> Self {
        let engine = Engine::new(store, Registry::rfc().clone());
        let cx = Context::new(TenantId::new("acme"));
        block_on(engine.open_stream(&cx)).unwrap();
        Self {
            engine,
            cx,
            commits: AtomicUsize::new(0),
        }
    }

    fn publish(&self, name: &str, number: usize) {
        let commit = self.commits.fetch_add(1, Ordering::Relaxed);
        let changes = (0..number).map(|place| Change::Publish {
            event: NewEvent::new(name, "User", ResourceId::new(format!("{commit}-{place}"))).into(),
            when: When::Always,
        });
        let id = CommitId::new(format!("c{commit}"));
        let commit = Commit::new(id, self.cx.tenant().clone(), at(0), changes.collect());
        block_on(self.engine.store().commit_one(commit)).unwrap();
    }

    /// Makes events that a client can see.
    fn tell(&self, number: usize) {
        self.publish(event::DELETED, number);
    }

    /// Makes events that are nothing to a client.
    fn whisper(&self, number: usize) {
        self.publish("tokenMade", number);
    }

    fn deliver(&self, limit: usize) -> Delivery {
        block_on(self.engine.deliver(&self.cx, limit)).unwrap()
    }

    fn poll(&self, limit: usize) -> Vec<SmolStr> {
        ids(&self.deliver(limit))
    }

    fn acknowledge(&self, ids: &[SmolStr]) -> Result<(), AcknowledgementError> {
        block_on(self.engine.acknowledge_events(&self.cx, ids))
    }

    fn trim(&self, unread: bool) -> usize {
        let retention = Retention {
            read_before: at(1),
            unread_before: at(i64::from(unread)),
        };
        let trimmed = self.engine.store().trim(self.cx.tenant(), &retention, 100_000);
        block_on(trimmed).unwrap()
    }

    /// The position up to which everything is acknowledged.
    fn begins_behind(&self) -> u64 {
        let position = self.engine.store().acknowledged(self.cx.tenant(), "scim");
        block_on(position).unwrap().number()
    }

    fn feed_after(&self, position: Position) -> Vec<Event> {
        block_on(self.engine.store().read_feed(self.cx.tenant(), position, 100_000)).unwrap()
    }
}

fn at(seconds: i64) -> DateTime {
    DateTime::from_unix_millis(seconds * 1_000)
}

fn ids(delivery: &Delivery) -> Vec<SmolStr> {
    delivery.events.iter().map(|event| event.id.clone()).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Tell(usize),
    Whisper(usize),
    Poll(usize),
    /// Acknowledges some of the events that were sent, whether they are acknowledged already or not: those whose number fits.
    Acknowledge {
        every: usize,
        from: usize,
    },
    /// Acknowledges something that was sent, and something that wasn't.
    Forge,
    Trim,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_usize..6).prop_map(Step::Tell),
        2 => (1_usize..40).prop_map(Step::Whisper),
        4 => prop_oneof![Just(0), 1_usize..10, Just(usize::MAX)].prop_map(Step::Poll),
        4 => (1_usize..5, 0_usize..5).prop_map(|(every, from)| Step::Acknowledge { every, from }),
        1 => Just(Step::Forge),
        1 => Just(Step::Trim),
    ]
}

/// A receiver sees the list of all events without those that it has acknowledged, from the oldest on.
fn behaves_as_a_list<S: Feeds>(stream: &Stream<S>, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut every: Vec<SmolStr> = Vec::new();
    let mut seen = Position::START;
    let mut acknowledged = HashSet::new();
    let mut sent = BTreeSet::new();
    for step in steps {
        match *step {
            Step::Tell(number) => stream.tell(number),
            Step::Whisper(number) => stream.whisper(number),
            Step::Poll(limit) => {
                let waiting: Vec<_> = every.iter().filter(|id| !acknowledged.contains(*id)).collect();
                let delivery = stream.deliver(limit);
                let found = ids(&delivery);
                prop_assert_eq!(
                    &found.iter().collect::<Vec<_>>(),
                    &waiting[..waiting.len().min(limit)]
                );
                prop_assert_eq!(delivery.has_more, waiting.len() > limit);
                sent.extend(found);
            }
            Step::Acknowledge { every, from } => {
                let chosen: Vec<SmolStr> = sent.iter().skip(from).step_by(every).cloned().collect();
                stream.acknowledge(&chosen).unwrap();
                acknowledged.extend(chosen);
            }
            Step::Forge => {
                let forged = format_smolstr!("{}.nobody:0", every.len() + 100_000);
                let waiting = sent.iter().find(|id| !acknowledged.contains(*id)).cloned();
                let refused = stream.acknowledge(&waiting.into_iter().chain([forged]).collect::<Vec<_>>());
                prop_assert!(matches!(refused, Err(AcknowledgementError::Unknown(_))));
            }
            // What is trimmed has been acknowledged; nobody notices.
            Step::Trim => drop(stream.trim(false)),
        }
        for event in stream.feed_after(seen) {
            seen = event.position;
            if event.event.name == event::DELETED {
                every.push(format_smolstr!("{}.{}", event.position, event.id));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn an_event_comes_again_until_it_is_acknowledged_and_never_after(steps in prop::collection::vec(step(), 1..40)) {
        behaves_as_a_list(&Stream::new(), &steps)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn so_it_does_over_a_database(steps in prop::collection::vec(step(), 1..40)) {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(directory.path().join("keyfob.db")).unwrap();
        behaves_as_a_list(&Stream::over(store), &steps)?;
    }
}

/// An event that a receiver leaves for ever comes again for ever, and stands in nobody's way.
#[test]
fn one_event_that_is_never_acknowledged_stops_no_other() {
    let stream = Stream::new();
    stream.tell(1);
    let left = stream.poll(1);
    for _ in 0..7 {
        // Many that are nothing to a client, more than one look reads, and many that are something.
        stream.whisper(2_500);
        stream.tell(700);
        let mut newer = HashSet::new();
        while newer.len() < 700 {
            let delivery = stream.deliver(1_000);
            let sent = ids(&delivery);
            assert_eq!(sent[..1], left);
            newer.extend(sent[1..].iter().cloned());
            stream.acknowledge(&sent[1..]).unwrap();
            assert!(newer.len() == 700 || delivery.has_more);
        }
        let delivery = stream.deliver(1_000);
        assert_eq!((ids(&delivery), delivery.has_more), (left.clone(), false));
        assert_eq!(
            (stream.begins_behind(), stream.trim(false)),
            (0, 0),
            "it is kept for the receiver"
        );
    }
    stream.acknowledge(&left).unwrap();
    assert_eq!(stream.begins_behind(), 7 * 3_200 + 1);
    assert!(stream.poll(1_000).is_empty());
    // What the feed has no more is given up.
    stream.tell(3);
    let sent = stream.poll(3);
    stream.acknowledge(&sent[1..2]).unwrap();
    assert!(stream.trim(true) > 0);
    stream.tell(1);
    let newest = stream.poll(10);
    assert_eq!(newest.len(), 1);
    assert!(!sent.contains(&newest[0]));
    // To have the last word about what is gone is no error.
    stream.acknowledge(&sent).unwrap();
}

/// The events that wait for their acknowledgement are bounded: newer ones come when something is said of an older one.
#[test]
fn a_thousand_events_are_outstanding_and_no_more() {
    let stream = Stream::new();
    stream.tell(1_500);
    let delivery = stream.deliver(usize::MAX);
    let first = ids(&delivery);
    assert_eq!((first.len(), delivery.has_more), (1_000, true));
    assert_eq!(stream.poll(usize::MAX), first);
    // Those in any order: each makes room for one.
    let every_other: Vec<SmolStr> = first.iter().skip(1).step_by(2).cloned().collect();
    stream.acknowledge(&every_other).unwrap();
    let delivery = stream.deliver(usize::MAX);
    let second = ids(&delivery);
    assert_eq!((second.len(), delivery.has_more), (1_000, false));
    assert!(
        second[..500]
            .iter()
            .all(|id| first.contains(id) && !every_other.contains(id))
    );
    let many = vec![second[0].clone(); 1_001];
    assert!(matches!(
        stream.acknowledge(&many),
        Err(AcknowledgementError::TooMany(1_000))
    ));
    stream.acknowledge(&second).unwrap();
    assert_eq!((stream.poll(10), stream.begins_behind()), (vec![], 1_500));
}

/// Events that are left far from one another each cost a read of the feed. 64 of them are sent; newer events wait then.
#[test]
fn events_left_at_many_places_hold_newer_ones_back_until_one_is_acknowledged() {
    let stream = Stream::new();
    let mut left = Vec::new();
    for _ in 0..70 {
        stream.tell(20);
        let waiting = stream.poll(1_000);
        let Some(place) = waiting.iter().position(|id| !left.contains(id)) else {
            break;
        };
        let fresh = &waiting[place..];
        assert_eq!(fresh.len(), 20);
        left.push(fresh[0].clone());
        stream.acknowledge(&fresh[1..]).unwrap();
    }
    assert_eq!(left.len(), 64);
    let delivery = stream.deliver(1_000);
    assert_eq!((ids(&delivery), delivery.has_more), (left.clone(), true));
    stream.acknowledge(&left[30..31]).unwrap();
    assert_eq!(stream.poll(1_000).len(), 63 + 20);
}

/// Fails every commit while it is told to.
#[derive(Clone, Default)]
struct Broken(Arc<AtomicBool>);

impl Hooks for Broken {
    fn before_commit(&self, _: &[Arc<Commit>]) -> Result<(), StoreError> {
        if self.0.load(Ordering::SeqCst) {
            return Err(StoreError::unavailable("broken"));
        }
        Ok(())
    }
}

/// A server that stops between the two writes of an acknowledgement has taken nothing back of what was acknowledged before.
#[test]
fn an_acknowledgement_that_fails_half_way_is_sent_again() {
    let broken = Broken::default();
    let stream = Stream::over(Hooked::new(MemoryStore::new(), broken.clone()));
    stream.tell(10);
    let sent = stream.poll(10);
    let of = |numbers: &[usize]| {
        numbers
            .iter()
            .map(|number| sent[*number].clone())
            .collect::<Vec<_>>()
    };
    stream.acknowledge(&of(&[2, 5])).unwrap();
    broken.0.store(true, Ordering::SeqCst);
    let half = of(&[0, 1, 8]);
    assert!(matches!(
        stream.acknowledge(&half),
        Err(AcknowledgementError::Engine(EngineError::Store(_)))
    ));
    assert_eq!(
        stream.poll(10),
        of(&[3, 4, 6, 7, 8, 9]),
        "the receiver was told that it failed"
    );
    broken.0.store(false, Ordering::SeqCst);
    stream.acknowledge(&half).unwrap();
    assert_eq!(stream.poll(10), of(&[3, 4, 6, 7, 9]));
}

/// Several polls of one receiver acknowledge at once, each its own events, and nothing is lost.
#[test]
fn acknowledgements_at_the_same_time_are_all_noted() {
    let stream = Stream::new();
    stream.tell(400);
    let sent = stream.poll(400);
    thread::scope(|scope| {
        for worker in 0..8 {
            let (stream, sent) = (&stream, &sent);
            scope.spawn(move || {
                // Every tenth is left.
                for (number, id) in sent.iter().enumerate() {
                    if number % 8 == worker && number % 10 != 0 {
                        stream.acknowledge(std::slice::from_ref(id)).unwrap();
                    }
                }
            });
        }
    });
    let left: Vec<SmolStr> = sent.iter().step_by(10).cloned().collect();
    assert_eq!(stream.poll(400), left);
}
