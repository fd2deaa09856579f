//! The log of requests: what it keeps, for how long, and what it says of what it lost.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
};

use keyfob_core::{Clock, DateTime, Registry, ResourceId, ResourceType};
use keyfob_engine::{
    Commit, Engine, Hooked, Hooks, ReadContext, RequestId, RequestRecord, RequestRecorder, StoreError,
    TenantId,
};
use keyfob_provisioning::{Provisioner, RequestFacts, RequestLog, RequestQuery};
use keyfob_store_memory::MemoryStore;
use pollster::block_on;

const DAY: i64 = 24 * 60 * 60 * 1000;

#[derive(Clone, Default)]
struct Time(Arc<AtomicI64>);

impl Clock for Time {
    fn now(&self) -> DateTime {
        DateTime::from_unix_millis(self.0.load(Ordering::Relaxed))
    }
}

/// A store that can be told to fail.
#[derive(Clone, Default)]
struct Disk {
    is_away: Arc<AtomicBool>,
    commits: Arc<AtomicUsize>,
    reads: Arc<AtomicUsize>,
}

impl Hooks for Disk {
    fn before_read(&self, _: &ReadContext, _: &ResourceType) -> Result<(), StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn before_commit(&self, _: &[Arc<Commit>]) -> Result<(), StoreError> {
        self.commits.fetch_add(1, Ordering::Relaxed);
        if self.is_away.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable("the disk is away"));
        }
        Ok(())
    }
}

type Store = Hooked<MemoryStore, Disk>;

struct World {
    time: Time,
    disk: Disk,
    engine: Arc<Engine<Store>>,
    log: RequestLog<Store>,
    acme: TenantId,
}

fn world() -> World {
    let (time, disk) = (Time::default(), Disk::default());
    time.0.store(400 * DAY, Ordering::Relaxed);
    let store = Hooked::new(MemoryStore::new(), disk.clone());
    let provisioner = Provisioner::builder(store, Registry::rfc().clone())
        .with_clock(time.clone())
        .build();
    let engine = Arc::clone(provisioner.engine());
    World {
        time,
        disk,
        log: RequestLog::new(Arc::clone(&engine)),
        engine,
        acme: TenantId::new("acme"),
    }
}

impl World {
    fn record(&self, number: usize) -> RequestRecord {
        let id = RequestId::new(format!("r-{number}"));
        RequestRecord::new(self.time.now(), id, "POST", "/Users", 201)
    }

    fn send(&self, numbers: impl IntoIterator<Item = usize>) {
        for number in numbers {
            self.log.record(&self.acme, self.record(number));
        }
    }

    fn read(&self, query: &RequestQuery) -> (Vec<String>, Option<u64>, u64) {
        let page = block_on(self.log.read(&self.acme, query)).unwrap();
        let ids = page
            .requests
            .iter()
            .map(|logged| logged.record.request.as_str().to_owned());
        (ids.collect(), page.next, page.lost)
    }
}

fn names(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("r-{number}")).collect()
}

#[test]
fn requests_are_read_newest_first_and_page_by_page() {
    let world = world();
    world.send(0..150);
    block_on(world.log.flush()).unwrap();
    world.send(150..250);
    block_on(world.log.flush()).unwrap();
    let (first, next, lost) = world.read(&RequestQuery::newest(120));
    assert_eq!((first, lost), (names((130..250).rev()), 0));
    let mut query = RequestQuery::newest(1_000);
    query.before = next;
    assert_eq!(world.read(&query), (names((0..130).rev()), None, 0));
    let other = block_on(world.log.read(&TenantId::new("other"), &RequestQuery::newest(9))).unwrap();
    assert_eq!(other.requests, []);
}

#[test]
fn a_query_asks_for_refusals_a_resource_or_a_time() {
    let world = world();
    let mut refused = world.record(1);
    refused.refusal = Some("uniqueness".into());
    let mut about = world.record(2);
    about.resource = Some(ResourceId::new("u-1"));
    about.credential = "default".into();
    for record in [world.record(0), refused, about] {
        world.log.record(&world.acme, record);
        world.time.0.fetch_add(1_000, Ordering::Relaxed);
    }
    block_on(world.log.flush()).unwrap();
    let query = RequestQuery::newest(9);
    let mut of_refusals = query.clone();
    of_refusals.refused = Some(true);
    assert_eq!(world.read(&of_refusals).0, ["r-1"]);
    let mut of_done = query.clone();
    of_done.refused = Some(false);
    assert_eq!(world.read(&of_done).0, ["r-2", "r-0"]);
    for (method, status, credential, found) in [
        (Some("POST"), None, None, 3),
        (Some("PATCH"), None, None, 0),
        (None, Some(201), None, 3),
        (None, Some(409), None, 0),
        (None, None, Some("default"), 1),
        (None, None, Some("other"), 0),
    ] {
        let mut query = query.clone();
        (query.method, query.status) = (method.map(Into::into), status);
        query.credential = credential.map(Into::into);
        assert_eq!(world.read(&query).0.len(), found, "{query:?}");
    }
    let mut of_resource = query.clone();
    of_resource.resource = Some(ResourceId::new("u-1"));
    assert_eq!(world.read(&of_resource).0, ["r-2"]);
    let mut of_time = query;
    of_time.since = Some(DateTime::from_unix_millis(400 * DAY + 3_000));
    assert_eq!(world.read(&of_time).0, Vec::<String>::new());
    let page = block_on(world.log.read(&world.acme, &of_refusals)).unwrap();
    let explanation = page.requests[0].record.explanation().unwrap();
    assert!(explanation.remedy.contains("rename"), "{explanation:?}");
}

#[test]
fn the_last_10_000_requests_are_kept() {
    let world = world();
    for batch in 0..11 {
        world.send(batch * 1_000..(batch + 1) * 1_000);
        block_on(world.log.flush()).unwrap();
    }
    let (mut kept, mut query) = (Vec::new(), RequestQuery::newest(200));
    loop {
        let (page, next, lost) = world.read(&query);
        assert_eq!((page.len(), lost), (200, 0));
        kept.extend(page);
        query.before = next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(kept.len(), RequestLog::<Store>::KEPT);
    assert_eq!((kept[0].as_str(), kept[9_999].as_str()), ("r-10999", "r-1000"));
}

/// The server's time of a page doesn't grow with the log: it is read by the numbers of requests.
#[test]
fn a_page_takes_as_many_reads_of_a_full_log_as_of_a_short_one() {
    let world = world();
    let mut refusals = Vec::new();
    let mut reads = Vec::new();
    for batch in 0..11 {
        for number in batch * 1_000..(batch + 1) * 1_000 {
            let mut record = world.record(number);
            if number % 2_500 == 7 {
                record.refusal = Some("uniqueness".into());
                record.resource = Some(ResourceId::new("u-1"));
                refusals.insert(0, format!("r-{number}"));
            }
            world.log.record(&world.acme, record);
        }
        block_on(world.log.flush()).unwrap();
        let before = world.disk.reads.load(Ordering::Relaxed);
        let (page, next, _) = world.read(&RequestQuery::newest(50));
        assert_eq!(page.len(), 50);
        assert!(next.is_some());
        reads.push(world.disk.reads.load(Ordering::Relaxed) - before);
    }
    assert_eq!(reads, [2; 11], "the index, and a few pieces at once");
    refusals.truncate(4);
    // Refusals are found at once, however rare they are.
    let before = world.disk.reads.load(Ordering::Relaxed);
    let mut query = RequestQuery::newest(50);
    query.refused = Some(true);
    assert_eq!(world.read(&query), (refusals.clone(), None, 0));
    assert_eq!(world.disk.reads.load(Ordering::Relaxed) - before, 2);
    // What else is rare is found page by page, each of which has a bound.
    let mut query = RequestQuery::newest(50);
    query.resource = Some(ResourceId::new("u-1"));
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let before = world.disk.reads.load(Ordering::Relaxed);
        let (page, next, _) = world.read(&query);
        assert!(world.disk.reads.load(Ordering::Relaxed) - before <= 9);
        found.extend(page);
        pages += 1;
        query.before = next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!((found, pages), (refusals, 4));
}

#[test]
fn it_is_known_when_requests_came_last_and_which_was_refused() {
    let world = world();
    let facts = || block_on(world.log.facts(&world.acme)).unwrap();
    assert_eq!(facts(), RequestFacts::default());
    let at = |seconds: i64| DateTime::from_unix_millis(400 * DAY + seconds * 1_000);
    let flush = |seconds: i64| {
        world.time.0.store(at(seconds).unix_millis(), Ordering::Relaxed);
        block_on(world.log.flush()).unwrap();
    };
    // A test of the connection reads and writes nothing.
    world.log.note_read(&world.acme, "default", at(0));
    flush(1);
    assert_eq!(
        (facts().last_request, facts().last_success),
        (Some(at(0)), Some(at(0)))
    );
    let mut refused = world.record(1);
    (refused.at, refused.refusal) = (at(5), Some("uniqueness".into()));
    world.log.record(&world.acme, refused.clone());
    flush(6);
    assert_eq!(
        (facts().last_request, facts().last_success),
        (Some(at(5)), Some(at(0)))
    );
    assert_eq!(facts().last_refusal.map(|logged| logged.record), Some(refused));
    // Whoever reads again and again costs a commit a minute.
    let before = world.disk.commits.load(Ordering::Relaxed);
    for second in 7..=180 {
        world.log.note_read(&world.acme, "default", at(second));
        flush(second);
    }
    assert_eq!(world.disk.commits.load(Ordering::Relaxed) - before, 3);
    assert_eq!(facts().last_success, Some(at(180)));
    assert_eq!(facts().used.get("default"), Some(&at(180)));
    // The log forgets a refusal after 30 days.
    flush(31 * 24 * 60 * 60);
    assert_eq!(facts().last_refusal, None);
    assert_eq!(facts().last_request, Some(at(180)));
}

#[test]
fn a_request_is_kept_for_30_days_and_then_removed() {
    let world = world();
    world.send(0..3);
    block_on(world.log.flush()).unwrap();
    world.time.0.fetch_add(30 * DAY, Ordering::Relaxed);
    world.send(3..4);
    block_on(world.log.flush()).unwrap();
    assert_eq!(world.read(&RequestQuery::newest(9)).0, names((0..4).rev()));
    world.time.0.fetch_add(1, Ordering::Relaxed);
    assert_eq!(world.read(&RequestQuery::newest(9)).0, ["r-3"]);
    let before = world.disk.commits.load(Ordering::Relaxed);
    for commits in [1, 1] {
        block_on(world.log.sweep(&world.acme)).unwrap();
        assert_eq!(world.disk.commits.load(Ordering::Relaxed) - before, commits);
    }
    // The clock went back: what is removed isn't shown again.
    world.time.0.fetch_sub(DAY, Ordering::Relaxed);
    assert_eq!(world.read(&RequestQuery::newest(9)).0, ["r-3"]);
    world.send(4..5);
    block_on(world.log.flush()).unwrap();
    let page = block_on(world.log.read(&world.acme, &RequestQuery::newest(9))).unwrap();
    let numbers: Vec<u64> = page.requests.iter().map(|logged| logged.number).collect();
    assert_eq!(numbers, [4, 3], "a number is given once");
}

#[test]
fn what_comes_faster_than_it_is_written_is_lost_and_counted() {
    let world = world();
    world.send(0..RequestLog::<Store>::TENANT_QUEUE + 5);
    block_on(world.log.flush()).unwrap();
    let (kept, _, lost) = world.read(&RequestQuery::newest(2_000));
    assert_eq!((kept.len(), lost), (RequestLog::<Store>::TENANT_QUEUE, 5));
}

#[test]
fn requests_that_could_not_be_written_are_counted_when_the_store_is_back() {
    let world = world();
    world.disk.is_away.store(true, Ordering::Relaxed);
    world.send(0..7);
    assert!(block_on(world.log.flush()).is_err());
    world.disk.is_away.store(false, Ordering::Relaxed);
    world.send(7..8);
    block_on(world.log.flush()).unwrap();
    assert_eq!(world.read(&RequestQuery::newest(9)), (names([7]), None, 7));
}

#[test]
fn two_servers_write_one_log_and_neither_loses_what_the_other_wrote() {
    let world = world();
    let other = RequestLog::new(Arc::clone(&world.engine));
    for round in 0..6 {
        world.send([2 * round]);
        block_on(world.log.flush()).unwrap();
        other.record(&world.acme, world.record(2 * round + 1));
        block_on(other.flush()).unwrap();
    }
    assert_eq!(
        world.read(&RequestQuery::newest(99)),
        (names((0..12).rev()), None, 0)
    );
}

#[test]
fn no_client_finds_the_log() {
    let world = world();
    world.send(0..1);
    block_on(world.log.flush()).unwrap();
    let cx = keyfob_engine::Context::new(world.acme.clone());
    let user = world.engine.user_type().unwrap();
    let projection = keyfob_core::Projection::all();
    let found = block_on(
        world
            .engine
            .get(&cx, user, &ResourceId::new("requests-0"), &projection),
    );
    assert!(found.is_err());
}
