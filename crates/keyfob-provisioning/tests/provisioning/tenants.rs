//! Tenants belong to organizations, whatever interrupts the creation or the end of one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use keyfob_core::{Clock, DateTime, Projection, Registry, Resource};
use keyfob_engine::{
    Commit, Context, DynStore, FeedError, Feeds, Hooked, Hooks, Maintenance, Position, RequestId,
    RequestRecord, RequestRecorder, StoreError, TenantId,
};
use keyfob_provisioning::{AdminError, Confirmed, Provisioner, RequestLog, Token};
use keyfob_store::LookBack;
use keyfob_store_memory::MemoryStore;
use pollster::block_on;

const HOUR: i64 = 60 * 60 * 1000;

#[derive(Clone, Default)]
struct Time(Arc<AtomicI64>);

impl Time {
    fn pass(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }
}

impl Clock for Time {
    fn now(&self) -> DateTime {
        DateTime::from_unix_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Makes so many commits, and then the disk is away.
struct Commits(AtomicUsize);

impl Hooks for Commits {
    fn before_commit(&self, _: &[Arc<Commit>]) -> Result<(), StoreError> {
        let left = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(|_| ())
            .map_err(|_| StoreError::unavailable("the disk is away"))
    }
}

struct World {
    time: Time,
    store: DynStore,
    provisioner: Provisioner<DynStore>,
}

impl World {
    fn new() -> Self {
        let (time, store) = (Time::default(), DynStore::new(MemoryStore::new()));
        time.pass(1_000 * HOUR);
        let provisioner = Provisioner::builder(store.clone(), Registry::rfc().clone())
            .with_clock(time.clone())
            .build();
        Self {
            time,
            store,
            provisioner,
        }
    }

    /// A provisioner on the same store that is interrupted after so many commits.
    fn interrupted_after(&self, commits: usize) -> Provisioner<DynStore> {
        let store = Hooked::new(self.store.clone(), Commits(AtomicUsize::new(commits)));
        Provisioner::builder(DynStore::new(store), Registry::rfc().clone())
            .with_clock(self.time.clone())
            .build()
    }

    /// The tenants that belong to no organization.
    fn orphans(&self) -> Vec<TenantId> {
        let organizations = block_on(self.provisioner.admin().organizations()).unwrap();
        let mut tenants = block_on(self.store.tenants(None, 100)).unwrap();
        tenants.retain(|tenant| {
            let mut organizations = organizations.iter();
            *tenant != TenantId::SYSTEM && !organizations.any(|organization| organization.tenant == *tenant)
        });
        tenants
    }

    fn sweep(&self) -> usize {
        block_on(self.provisioner.admin().sweep_tenants()).unwrap()
    }
}

#[test]
fn a_creation_that_is_interrupted_anywhere_leaves_no_tenant_behind() {
    let mut left = 0;
    for commits in 0.. {
        let world = World::new();
        let token = Token::generate().unwrap();
        let interrupted = world.interrupted_after(commits);
        let outcome = block_on(interrupted.admin().create_organization("Acme", &token));
        let Err(error) = outcome else {
            assert!(commits > 1, "the tenant and the organization are two commits");
            assert_eq!((world.orphans(), world.sweep()), (Vec::new(), 0));
            break;
        };
        assert!(matches!(error, AdminError::Store(_)), "{error:?}");
        left += world.orphans().len();
        // Another server may be about to finish it.
        world.sweep();
        let known = block_on(world.provisioner.admin().tenants_to_erase()).unwrap();
        assert!(world.orphans().iter().all(|orphan| known.contains(orphan)));
        world.time.pass(HOUR);
        world.sweep();
        assert_eq!(world.orphans(), [], "after {commits} commits");
        let known = block_on(world.provisioner.admin().tenants_to_erase()).unwrap();
        assert_eq!(known, [], "after {commits} commits");
        // Its name and its token are free.
        block_on(world.provisioner.admin().create_organization("Acme", &token)).unwrap();
    }
    assert!(left > 0, "an interruption leaves something to sweep");
}

#[test]
fn what_is_written_after_the_end_of_an_organization_is_erased_too() {
    let world = World::new();
    let (admin, token) = (world.provisioner.admin(), Token::generate().unwrap());
    let acme = block_on(admin.create_organization("Acme", &token)).unwrap();
    let log = RequestLog::new(Arc::clone(world.provisioner.engine()));
    let record = RequestRecord::new(world.time.now(), RequestId::new("r-1"), "POST", "/Users", 201);
    log.record(&acme.tenant, record);
    let cx = Context::new(TenantId::SYSTEM);
    block_on(admin.delete_organization(&cx, &acme.tenant, Some(Confirmed))).unwrap();
    block_on(log.flush()).unwrap();
    assert_eq!(world.orphans(), [acme.tenant]);
    assert_eq!(world.sweep(), 0, "others may follow");
    world.time.pass(HOUR);
    assert_eq!(
        (world.sweep(), world.orphans(), world.sweep()),
        (1, Vec::new(), 0)
    );
}

#[test]
fn the_end_of_an_organization_that_is_interrupted_is_finished() {
    let world = World::new();
    let token = Token::generate().unwrap();
    let acme = block_on(world.provisioner.admin().create_organization("Acme", &token)).unwrap();
    // The row of the organization goes, and its tenant stays.
    let interrupted = world.interrupted_after(1);
    let cx = Context::new(TenantId::SYSTEM);
    block_on(
        interrupted
            .admin()
            .delete_organization(&cx, &acme.tenant, Some(Confirmed)),
    )
    .ok();
    world.time.pass(HOUR);
    world.sweep();
    assert_eq!(world.orphans(), []);
    let known = block_on(world.provisioner.admin().tenants_to_erase()).unwrap();
    assert_eq!(known, []);
}

#[test]
fn events_that_were_kept_for_long_enough_go_in_all_tenants_and_younger_ones_stay() {
    let world = World::new();
    let tenants: Vec<TenantId> = ["Acme", "Beta"]
        .iter()
        .map(|name| {
            let token = Token::generate().unwrap();
            block_on(world.provisioner.admin().create_organization(name, &token))
                .unwrap()
                .tenant
        })
        .collect();
    let create = |tenant: &TenantId, number: usize| {
        let body = format!(
            r#"{{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "user-{number}"}}"#
        );
        let user = Registry::rfc().resource_type("User").unwrap();
        let resource = Resource::from_json(body.as_bytes(), user).unwrap();
        let cx = Context::new(tenant.clone());
        let engine = world.provisioner.engine();
        block_on(engine.create(&cx, user, resource, &Projection::all())).unwrap();
    };
    let left = |tenant: &TenantId| {
        let all = LookBack {
            limit: 10_000,
            ..LookBack::default()
        };
        block_on(world.store.look_back(tenant, &all)).unwrap().len()
    };
    for tenant in &tenants {
        // More than one step of the removal.
        for number in 0..1_500 {
            create(tenant, number);
        }
    }
    // A consumer that has read nothing holds nothing up.
    block_on(world.store.acknowledge(&tenants[0], "slow", Position::START)).unwrap();
    world.time.pass(24 * HOUR);
    for tenant in &tenants {
        create(tenant, 1_500);
    }
    let day = Duration::from_secs(24 * 60 * 60);
    let trim = |kept| block_on(world.provisioner.admin().trim_events(kept)).unwrap();
    assert_eq!(trim(2 * day), 0);
    assert!(left(&tenants[0]) > 1_500);
    world.time.pass(HOUR);
    assert!(trim(day) >= 3_000);
    for tenant in &tenants {
        assert_eq!(left(tenant), 1, "the youngest");
    }
    assert_eq!(trim(day), 0);
    let gone = block_on(world.store.read_feed(&tenants[0], Position::START, 10)).unwrap_err();
    assert!(matches!(gone, FeedError::Gone { .. }), "{gone}");
}
