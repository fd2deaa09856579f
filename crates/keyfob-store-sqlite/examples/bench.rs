use keyfob_core::*;
use keyfob_store::*;
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};
static N: AtomicUsize = AtomicUsize::new(0);
fn commit(store: &SqliteStore, changes: Vec<Change>) {
    let n = N.fetch_add(1, Ordering::Relaxed);
    let mut c = Commit::new(
        CommitId::new(format!("01a227f8-5229-7e3b-8dcf-{n:012}")),
        TenantId::new("acme"),
        DateTime::from_unix_millis(1_700_000_000_000 + n as i64),
        changes,
    );
    c.actor = Actor::new("provider").with_identity("01a227f8-5229-7bb0-9c73-083bb73ae53a");
    c.request = RequestId::new("request-123456");
    c.verb = "create".into();
    block_on(store.commit_one(c)).unwrap();
}
fn create(store: &SqliteStore, n: usize) {
    let ty = Registry::rfc().resource_type("User").unwrap();
    let text = format!(
        r#"{{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "user{n}@example.com","externalId":"x{n}","displayName":"User {n}","active":true,"name":{{"givenName":"U","familyName":"N{n}"}},"emails": [{{"value": "user{n}@example.com", "type": "work"}}]}}"#
    );
    let id = ResourceId::new(format!("01a227f8-5229-7e3b-8dcf-{n:012}"));
    let change = match Change::create(ty, id.clone(), Resource::from_json(text.as_bytes(), ty).unwrap()) {
        Change::Create {
            resource_type,
            id,
            document,
            state,
            relations,
            members,
            on_refusal,
            ..
        } => Change::Create {
            resource_type,
            id,
            document,
            state,
            relations,
            members,
            on_refusal,
            unique: vec![UniqueKey::new(
                "userName",
                CompareKey::new(Collation::UserName, &format!("user{n}@example.com")),
            )],
        },
        o => o,
    };
    commit(
        store,
        vec![change, Change::publish(NewEvent::new("created", "User", id), 0)],
    );
}
fn main() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(dir.path().join("k.db")).unwrap());
    for round in 0..3 {
        let t = Instant::now();
        for n in 0..1000 {
            create(&store, round * 10000 + n);
        }
        println!("1 client {:.0}/s", 1000.0 / t.elapsed().as_secs_f64());
        let t = Instant::now();
        thread::scope(|s| {
            for k in 0..32 {
                let store = &store;
                s.spawn(move || {
                    for n in 0..200 {
                        create(store, round * 10000 + 1000 + k * 200 + n)
                    }
                });
            }
        });
        println!("32 clients {:.0}/s", 6400.0 / t.elapsed().as_secs_f64());
    }
    let ty = Registry::rfc().resource_type("User").unwrap();
    let cx = ReadContext::new(TenantId::new("acme"));
    let f = |s: &str| {
        keyfob_filter::Filter::parse(s)
            .unwrap()
            .compile(ty, Dialect::strict())
            .unwrap()
    };
    let eq = Query::first(1).with_filter(f(r#"userName eq "user77@example.com""#));
    let t = Instant::now();
    for _ in 0..5000 {
        assert_eq!(block_on(store.query(&cx, ty, &eq)).unwrap().total, Some(1));
    }
    println!("eq {:.1} us", t.elapsed().as_secs_f64() * 1e6 / 5000.0);
    let page = Query::first(100);
    let t = Instant::now();
    for _ in 0..500 {
        block_on(store.query(&cx, ty, &page)).unwrap();
    }
    println!("page {:.1} us", t.elapsed().as_secs_f64() * 1e6 / 500.0);
    let far = Query::first(100).with_paging(Paging::Offset {
        offset: 20000,
        count: 100,
    });
    let t = Instant::now();
    for _ in 0..200 {
        block_on(store.query(&cx, ty, &far)).unwrap();
    }
    println!("offset 20000 {:.1} us", t.elapsed().as_secs_f64() * 1e6 / 200.0);
    let scan = Query::first(10).with_filter(f(r#"title co "x""#));
    let t = Instant::now();
    for _ in 0..5 {
        block_on(store.query(&cx, ty, &scan)).unwrap();
    }
    println!("scan {:.1} ms", t.elapsed().as_secs_f64() * 1e3 / 5.0);
    let t = Instant::now();
    for n in 0..5000 {
        block_on(store.get_one(
            &cx,
            ty,
            &ResourceId::new(format!("01a227f8-5229-7e3b-8dcf-{n:012}")),
            &Selection::document(),
        ))
        .unwrap();
    }
    println!("get {:.1} us", t.elapsed().as_secs_f64() * 1e6 / 5000.0);
}
