//! Writing many resources at once, as a POST or a PUT of each would.

use std::sync::atomic::{AtomicUsize, Ordering};

use keyfob_core::{Projection, Resource, ResourceId, ToErrorBody};
use keyfob_engine::{
    Context, Engine, EngineError, ImportEffect, ImportTarget, Imported, Incoming, Profile, TenantId,
    UnknownMembers,
};
use keyfob_store::{
    Capabilities, Commit, CommitError, Committed, Page, Query, ReadContext, Selection, Store, StoreError,
    Stored,
};
use keyfob_store_memory::MemoryStore;
use pollster::block_on;

use crate::fixture::{Fixture, group, user};

fn import(
    fixture: &Fixture,
    incoming: &[(&str, String, ImportTarget)],
) -> Vec<Result<Imported, EngineError>> {
    let engine = fixture.engine();
    let cx = Context::new(TenantId::new("acme"));
    let incoming = incoming.iter().map(|(kind, body, target)| {
        let resource_type = engine.registry().resource_type(kind).unwrap();
        Incoming {
            resource_type,
            body: Resource::from_json(body.as_bytes(), resource_type).unwrap(),
            target: target.clone(),
        }
    });
    block_on(engine.import(&cx, incoming.collect()))
}

fn under(id: &str) -> ImportTarget {
    ImportTarget::NewAs(ResourceId::new(id))
}

fn existing(id: &str) -> ImportTarget {
    ImportTarget::Existing(ResourceId::new(id))
}

/// The id and the effect of what succeeded, and the status and the sentence of what did not.
fn outcomes(imported: Vec<Result<Imported, EngineError>>) -> Vec<(String, String)> {
    let outcomes = imported.into_iter().map(|outcome| match outcome {
        Ok(imported) => (imported.id.as_str().to_owned(), format!("{:?}", imported.effect)),
        Err(error) => {
            let body = error.to_error_body();
            (body.status.to_string(), body.detail.to_string())
        }
    });
    outcomes.collect()
}

#[test]
fn resources_keep_the_ids_that_they_had_elsewhere_and_a_second_import_changes_nothing() {
    let fixture = Fixture::new();
    let first = import(
        &fixture,
        &[
            ("User", user("ada"), under("a")),
            ("User", user("bob"), under("b")),
            ("Group", group("Guides", &["a", "b"]), under("g")),
        ],
    );
    let created = |id: &str| (id.to_owned(), "Created".to_owned());
    assert_eq!(outcomes(first), [created("a"), created("b"), created("g")]);
    let events = fixture.events().len();
    let again = import(
        &fixture,
        &[
            ("User", user("ada"), existing("a")),
            ("User", user("BOB"), existing("b")),
            ("Group", group("Guides", &["b", "a"]), existing("g")),
        ],
    );
    assert_eq!(
        outcomes(again),
        [
            ("a".to_owned(), "Unchanged".to_owned()),
            ("b".to_owned(), "Changed".to_owned()),
            ("g".to_owned(), "Unchanged".to_owned()),
        ]
    );
    assert_eq!(fixture.events().len(), events + 1, "one resource has changed");
}

#[test]
fn what_is_refused_stops_nothing_else_and_says_why() {
    let fixture = Fixture::new();
    let imported = import(
        &fixture,
        &[
            ("User", user("ada"), under("a")),
            ("User", user("ADA"), under("b")),
            ("User", user("cleo"), under("a")),
            ("Group", group("Guides", &["a", "nobody"]), under("g")),
            ("User", user("dan"), under("bulkId:1")),
            ("User", user("eve"), under("a/b")),
            ("User", user("fay"), under(&"x".repeat(257))),
            ("User", user("gus"), existing("nobody")),
            ("User", user("hal"), ImportTarget::New),
            ("User", user("ian"), under("i")),
        ],
    );
    let told: Vec<(String, String)> = outcomes(imported);
    for (number, status, detail) in [
        (1, "409", "another User has this `userName`"),
        (2, "409", "another resource has the id `a`"),
        (3, "400", "`nobody` among them"),
        (4, "400", "`bulkId:1` can't be the id of a resource"),
        (5, "400", "`a/b` can't be the id of a resource"),
        (6, "400", "at most 256 bytes"),
        (7, "404", "there is no User `nobody`"),
    ] {
        let (found, said) = &told[number];
        assert!(
            found == status && said.contains(detail),
            "{number}: {found} {said}"
        );
    }
    assert_eq!(told[0].1, "Created");
    assert_eq!(told[8].1, "Created");
    assert_eq!(told[9], ("i".to_owned(), "Created".to_owned()));
    assert_eq!(fixture.list("User", "userName pr").total_results, 3);
    assert_eq!(fixture.list("Group", "displayName pr").total_results, 0);
}

#[test]
fn what_is_passed_over_and_left_out_is_told() {
    let mut profile = Profile::interop();
    profile.unknown_members = UnknownMembers::Skip;
    let fixture = Fixture::with(|engine| engine.with_profile(profile));
    let odd = user("ada").replace('}', r#","shoeSize":43,"password":"secret-of-ada"}"#);
    let imported = import(
        &fixture,
        &[
            ("User", odd, under("a")),
            ("Group", group("Guides", &["a", "nobody"]), under("g")),
        ],
    );
    let imported: Vec<Imported> = imported.into_iter().map(Result::unwrap).collect();
    let ignored: Vec<String> = imported[0]
        .ignored
        .iter()
        .map(|ignored| format!("{}: {}", ignored.attribute, ignored.rule))
        .collect();
    assert_eq!(
        ignored,
        ["shoeSize: unknown attribute", "password: writeOnly attribute"]
    );
    assert_eq!(imported[1].left_out, [ResourceId::new("nobody")]);
}

#[test]
fn one_resource_may_be_named_twice_and_the_last_body_counts() {
    let fixture = Fixture::new();
    import(&fixture, &[("User", user("ada"), under("a"))]);
    let imported = import(
        &fixture,
        &[
            ("User", user("bea"), existing("a")),
            ("User", user("cleo"), existing("a")),
        ],
    );
    assert!(
        imported
            .iter()
            .all(|imported| imported.as_ref().unwrap().effect == ImportEffect::Changed)
    );
    assert_eq!(fixture.list("User", r#"userName eq "cleo""#).total_results, 1);
}

/// A memory store that counts how often commits were handed over, and how many.
struct Counting {
    store: MemoryStore,
    calls: AtomicUsize,
    commits: AtomicUsize,
}

impl Store for Counting {
    fn capabilities(&self) -> &Capabilities {
        self.store.capabilities()
    }

    async fn get(
        &self,
        cx: &ReadContext,
        resource_type: &keyfob_core::ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        self.store.get(cx, resource_type, ids, selection).await
    }

    async fn query(
        &self,
        cx: &ReadContext,
        resource_type: &keyfob_core::ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        self.store.query(cx, resource_type, query).await
    }

    async fn commit(&self, commits: &[std::sync::Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.commits.fetch_add(commits.len(), Ordering::Relaxed);
        self.store.commit(commits).await
    }

    async fn committed(
        &self,
        tenant: &TenantId,
        commit: &keyfob_engine::CommitId,
    ) -> Result<bool, StoreError> {
        self.store.committed(tenant, commit).await
    }
}

#[test]
fn the_commits_of_an_import_are_handed_over_at_once() {
    let store = Counting {
        store: MemoryStore::new(),
        calls: AtomicUsize::new(0),
        commits: AtomicUsize::new(0),
    };
    let engine = Engine::new(store, keyfob_core::Registry::rfc().clone());
    let cx = Context::new(TenantId::new("acme"));
    let resource_type = engine.registry().resource_type("User").unwrap();
    let incoming = (0..200).map(|number| Incoming {
        resource_type,
        body: Resource::from_json(user(&format!("user{number}")).as_bytes(), resource_type).unwrap(),
        target: under(&format!("id{number}")),
    });
    let imported = block_on(engine.import(&cx, incoming.collect()));
    assert!(imported.iter().all(Result::is_ok));
    let counted = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    assert_eq!(
        (counted(&engine.store().calls), counted(&engine.store().commits)),
        (1, 200)
    );
    let body = Resource::from_json(user("single").as_bytes(), resource_type).unwrap();
    block_on(engine.create(&cx, resource_type, body, &Projection::all())).unwrap();
    assert_eq!(counted(&engine.store().calls), 2);
    let (id, projection) = (ResourceId::new("id7"), Projection::all());
    let read = engine.get(&cx, resource_type, &id, &projection);
    assert_eq!(block_on(read).unwrap().core().get_str("userName"), Some("user7"));
}

/// The body of a group with these members.
fn crowd(members: &[ResourceId]) -> String {
    let ids: Vec<&str> = members.iter().map(ResourceId::as_str).collect();
    group("Everybody", &ids)
}

/// Creates users of these numbers, whose ids say them.
fn crowd_of(fixture: &Fixture, numbers: std::ops::Range<usize>) -> Vec<ResourceId> {
    let ids = numbers.map(|number| ResourceId::new(format!("member-{number:05}")));
    let ids: Vec<ResourceId> = ids.collect();
    for ids in ids.chunks(500) {
        let incoming: Vec<_> = ids
            .iter()
            .map(|id| ("User", user(id.as_str()), ImportTarget::NewAs(id.clone())))
            .collect();
        assert!(import(fixture, &incoming).iter().all(Result::is_ok));
    }
    ids
}

/// The sizes of the changes of a group's members, as events tell of them.
fn changes(fixture: &Fixture) -> Vec<(usize, usize)> {
    let of_group = |event: &keyfob_engine::Event| event.event.resource.as_str() == "g";
    let events = fixture.events().into_iter().filter(of_group);
    events
        .map(|event| (event.joined.count, event.left.count))
        .collect()
}

#[test]
fn a_group_with_more_members_than_a_commit_takes_is_written_in_slices_and_again_only_where_it_differs() {
    let fixture = Fixture::new();
    let slice = Engine::<MemoryStore>::MEMBERS_AT_ONCE;
    let ids = crowd_of(&fixture, 0..2 * slice + 7);
    let effect = |imported: Vec<Result<Imported, EngineError>>| {
        let imported = imported.into_iter().next().unwrap().unwrap();
        assert_eq!((imported.id.as_str(), imported.left_out.len()), ("g", 0));
        imported.effect
    };
    let whole = crowd(&ids);
    let created = import(&fixture, &[("Group", whole.clone(), under("g"))]);
    assert_eq!(effect(created), ImportEffect::Created);
    assert_eq!(changes(&fixture), [(0, 0), (slice, 0), (slice, 0), (7, 0)]);
    let again = import(&fixture, &[("Group", whole.clone(), existing("g"))]);
    assert_eq!(effect(again), ImportEffect::Unchanged);
    assert_eq!(changes(&fixture).len(), 4);
    // Two others in place of the first three.
    let more = crowd_of(&fixture, 90_000..90_002);
    let others: Vec<ResourceId> = ids.iter().skip(3).chain(&more).cloned().collect();
    let changed = import(&fixture, &[("Group", crowd(&others), existing("g"))]);
    assert_eq!(effect(changed), ImportEffect::Changed);
    assert_eq!(changes(&fixture)[4..], [(0, 3), (2, 0)]);
    let total = |filter: &str| fixture.list("User", filter).total_results;
    assert_eq!(total(r#"groups.value eq "g""#), 2 * slice + 6);
    // As few as a commit takes replace all of them at once.
    let few = import(&fixture, &[("Group", crowd(&ids[..3]), existing("g"))]);
    assert_eq!(effect(few), ImportEffect::Changed);
    assert_eq!(changes(&fixture)[6..], [(3, 2 * slice + 6)]);
    assert_eq!(total(r#"groups.value eq "g""#), 3);
}

#[test]
fn a_group_that_is_refused_in_the_middle_has_the_members_of_the_slices_before_and_gets_the_others_later() {
    let fixture = Fixture::new();
    let slice = Engine::<MemoryStore>::MEMBERS_AT_ONCE;
    let mut ids = crowd_of(&fixture, 0..slice + 1);
    ids.push(ResourceId::new("nobody"));
    let mut refused = import(&fixture, &[("Group", crowd(&ids), under("g"))]);
    let error = refused.remove(0).unwrap_err();
    assert!(matches!(&error, EngineError::Partly { written, .. } if *written == slice));
    let body = error.to_error_body();
    let told = format!("`nobody` among them; {slice} of its members were written before");
    assert!(body.detail.ends_with(&told), "{}", body.detail);
    assert_eq!(body.status, 400);
    let total = || fixture.list("User", r#"groups.value eq "g""#).total_results;
    assert_eq!(total(), slice);
    ids.pop();
    let rest = import(&fixture, &[("Group", crowd(&ids), existing("g"))]);
    assert_eq!(rest[0].as_ref().unwrap().effect, ImportEffect::Changed);
    assert_eq!(total(), slice + 1);
    assert_eq!(changes(&fixture), [(0, 0), (slice, 0), (1, 0)]);
}

#[test]
fn who_does_not_exist_is_left_out_of_a_large_group_where_the_profile_allows_it() {
    let mut profile = Profile::interop();
    profile.unknown_members = UnknownMembers::Skip;
    let fixture = Fixture::with(|engine| engine.with_profile(profile));
    let slice = Engine::<MemoryStore>::MEMBERS_AT_ONCE;
    let mut ids = crowd_of(&fixture, 0..slice);
    ids.insert(1, ResourceId::new("nobody"));
    let imported = import(&fixture, &[("Group", crowd(&ids), under("g"))]);
    assert_eq!(
        imported[0].as_ref().unwrap().left_out,
        [ResourceId::new("nobody")]
    );
    assert_eq!(changes(&fixture), [(0, 0), (slice - 1, 0), (1, 0)]);
}
