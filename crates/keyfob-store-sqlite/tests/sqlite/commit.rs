//! What a commit answers, and what is left of one that is refused.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use keyfob_core::{DateTime, Object, Version};
use keyfob_store::{
    Answer, Cause, Change, Commit, CommitError, Exhausted, Expected, Maintenance as _, MemberPolicy,
    OnRefusal, Outcome, Query, ReadContext, Selection, Store, StoreError, StoreExt, TenantId,
};
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use tempfile::TempDir;

use crate::support::{
    New, acme, add, all, at, commit, commit_of, create, everything, get, group_type, has_user, id, ids, user,
    user_type,
};

fn store() -> (TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("keyfob.db")).unwrap();
    (directory, store)
}

fn versions(outcomes: &[Outcome]) -> Vec<u64> {
    let versions = outcomes
        .iter()
        .map(|outcome| outcome.revision().map_or(0, |revision| revision.version.number()));
    versions.collect()
}

#[test]
fn a_version_is_never_given_again_under_one_id() {
    let (_directory, store) = store();
    create(&store, &[New::user("ada")]).unwrap();
    let replace = Change::replace(user_type(), id("ada"), user("ada"), None);
    commit(&store, vec![replace]).unwrap();
    commit(&store, vec![Change::delete(user_type(), id("ada"), None)]).unwrap();
    let again = create(&store, &[New::user("ada")]).unwrap();
    assert_eq!(versions(&again.outcomes), [3]);
    // Also where the id is freed and taken by one commit, and by a resource of another type.
    let mut group = New::group("ada", []);
    group.unique.clear();
    let changes = vec![Change::delete(user_type(), id("ada"), None), group.change()];
    assert_eq!(versions(&commit(&store, changes).unwrap().outcomes), [0, 4]);
}

#[test]
fn what_another_process_removes_and_numbers_again_is_never_written_to() {
    let (directory, ours) = store();
    let theirs = SqliteStore::open(directory.path().join("keyfob.db")).unwrap();
    let create_in = |store: &SqliteStore, tenant: &str, name: &str| {
        let mut commit = commit_of(vec![New::user(name).change()]);
        commit.tenant = TenantId::new(tenant);
        block_on(store.commit_one(commit)).unwrap();
    };
    let users_of = |tenant: &str| {
        let cx = ReadContext::new(TenantId::new(tenant));
        let page = block_on(ours.query(&cx, user_type(), &Query::all())).unwrap();
        ids(&page)
    };
    for round in 0..3 {
        create_in(&ours, "acme", &format!("ada{round}"));
        block_on(theirs.erase(&TenantId::new("acme"))).unwrap();
        // It gets the number that acme had.
        create_in(&theirs, "umbrella", "bob");
        create_in(&ours, "acme", "grace");
        assert_eq!(
            (users_of("acme"), users_of("umbrella")),
            (vec!["grace".into()], vec!["bob".into()])
        );
        for tenant in ["acme", "umbrella"] {
            block_on(theirs.erase(&TenantId::new(tenant))).unwrap();
        }
    }
}

#[test]
fn a_refusal_takes_back_its_own_commit_alone_of_those_that_are_handed_over_together() {
    let (_directory, store) = store();
    let commits: Vec<Arc<Commit>> = ["ada", "bob", "ada", "grace"]
        .into_iter()
        .map(|name| Arc::new(commit_of(vec![New::user(name).change()])))
        .collect();
    let results = block_on(store.commit(&commits));
    let outcomes: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(outcomes, [true, true, false, true]);
    assert!(
        ["ada", "bob", "grace"]
            .into_iter()
            .all(|name| has_user(&store, name))
    );
}

#[test]
fn the_time_of_a_resource_never_goes_back() {
    let (_directory, store) = store();
    create(&store, &[New::user("ada")]).unwrap();
    let mut earlier = commit_of(vec![Change::replace(user_type(), id("ada"), user("ada"), None)]);
    earlier.at = DateTime::from_unix_millis(1000);
    let committed = block_on(store.commit_one(earlier)).unwrap();
    let revision = committed.revision(0).unwrap();
    assert_eq!((revision.created, revision.last_modified), (at(), at()));
    assert_eq!(revision.version.number(), 2);
}

#[test]
fn state_is_kept_beside_the_document_and_changes_alone() {
    let (_directory, store) = store();
    create(&store, &[New::user("ada")]).unwrap();
    let mut state = Object::new();
    state.insert("managedBy", "link");
    let with_state = |state: &Object| Change::Update {
        resource_type: user_type().clone(),
        id: id("ada"),
        document: None,
        state: Some(Arc::new(state.clone())),
        visibility: None,
        relations: [].into(),
        members: MemberPolicy::default(),
        unique: None,
        precondition: None,
        on_refusal: OnRefusal::Fail,
    };
    let committed = commit(&store, vec![with_state(&state)]).unwrap();
    assert_eq!(versions(&committed.outcomes), [2]);
    let stored = get(&store, user_type(), "ada").unwrap();
    assert_eq!(*stored.state, state);
    assert_eq!(stored.resource.extensions(), []);
    commit(&store, vec![with_state(&Object::new())]).unwrap();
    assert!(get(&store, user_type(), "ada").unwrap().state.is_empty());
}

#[test]
fn a_change_that_may_be_skipped_leaves_nothing() {
    let (_directory, store) = store();
    create(&store, &[New::user("ada"), New::group("guides", ["ada"])]).unwrap();
    let skipping = |new: &New, causes| match new.change() {
        Change::Create {
            resource_type,
            id,
            document,
            state,
            relations,
            members,
            unique,
            ..
        } => Change::Create {
            resource_type,
            id,
            document,
            state,
            relations,
            members,
            unique,
            on_refusal: OnRefusal::Skip(causes),
        },
        other => other,
    };
    // Refused at its last step, after its rows were written.
    let mut same_name = New::user("Ada");
    same_name.id = id("other");
    let lonely = New::group("lonely", ["nobody"]);
    let changes = vec![
        skipping(&same_name, &[Cause::ValueTaken]),
        skipping(&lonely, &[Cause::UnknownMembers]),
        skipping(&New::user("ada"), &[Cause::IdTaken]),
        New::user("bert").change(),
    ];
    let committed = commit(&store, changes).unwrap();
    assert_eq!(
        committed.outcomes[..3],
        [Cause::ValueTaken, Cause::UnknownMembers, Cause::IdTaken].map(Outcome::Skipped)
    );
    assert!(has_user(&store, "bert") && !has_user(&store, "other"));
    assert_eq!(all(&store, group_type()).total, Some(1));
    let error = commit(&store, vec![skipping(&lonely, &[Cause::IdTaken])]).unwrap_err();
    assert!(
        matches!(error, CommitError::UnknownMembers { .. }),
        "another cause fails the commit: {error:?}"
    );
}

#[test]
fn an_expectation_writes_nothing_and_fails_the_commit_where_it_is_not_met() {
    let (_directory, store) = store();
    create(&store, &[New::user("ada")]).unwrap();
    let expect = |name: &str, expected| Change::expect(user_type(), id(name), expected);
    let met = vec![
        expect("ada", Expected::Present),
        expect("ada", Expected::Version(Version::FIRST)),
        expect("bert", Expected::Absent),
    ];
    assert_eq!(
        commit(&store, met).unwrap().outcomes,
        [Outcome::Expected, Outcome::Expected, Outcome::Expected]
    );
    assert_eq!(get(&store, user_type(), "ada").unwrap().version, Version::FIRST);
    let unmet = [
        expect("bert", Expected::Present),
        expect("ada", Expected::Version(Version::new(2))),
        expect("ada", Expected::Absent),
    ];
    for (number, change) in unmet.into_iter().enumerate() {
        let error = commit(&store, vec![New::user("new").change(), change]).unwrap_err();
        let (change, cause) = error.refusal().unwrap();
        let causes = [Cause::Missing, Cause::Version, Cause::IdTaken];
        assert_eq!((change, cause), (1, causes[number]));
        assert!(!has_user(&store, "new"));
    }
}

#[test]
fn commits_that_are_handed_over_together_happen_in_order_and_each_as_a_whole() {
    let (_directory, store) = store();
    let commits = [
        vec![New::user("ada").change()],
        vec![New::user("bert").change(), New::user("ADA").change()],
        vec![Change::relate(group_type(), id("guides"), [add(["ada"])])],
        vec![New::group("guides", ["ada"]).change()],
        vec![Change::delete(user_type(), id("ada"), None)],
    ];
    let commits = commits.map(|changes| Arc::new(commit_of(changes)));
    let results = block_on(store.commit(&commits));
    let refusals: Vec<_> = results
        .iter()
        .map(|result| result.as_ref().err().and_then(CommitError::refusal))
        .collect();
    let expected = [
        None,
        Some((1, Cause::ValueTaken)),
        Some((0, Cause::Missing)),
        None,
        None,
    ];
    assert_eq!(refusals, expected);
    assert!(!has_user(&store, "bert") && !has_user(&store, "ada"));
    let happened = commits
        .iter()
        .map(|commit| block_on(store.committed(&acme(), &commit.id)).unwrap());
    assert!(happened.eq([true, false, false, true, true]));
    assert_eq!(block_on(store.commit(&[])).len(), 0);
}

#[test]
fn a_commit_that_is_handed_over_again_is_not_applied_again() {
    let (_directory, store) = store();
    let changes = vec![New::group("guides", []).change()];
    let once: Arc<Commit> = Arc::new(commit_of(changes));
    block_on(store.commit_one(Arc::clone(&once))).unwrap();
    let error = block_on(store.commit_one(once)).unwrap_err();
    assert!(
        matches!(error, CommitError::Store(StoreError::OutcomeUnknown(_))),
        "{error:?}"
    );
    assert_eq!(all(&store, group_type()).total, Some(1));
}

#[test]
fn a_commit_that_waited_too_long_is_given_up() {
    let (_directory, store) = store();
    let mut late = commit_of(vec![New::user("ada").change()]);
    late.deadline = Instant::now().checked_sub(Duration::from_millis(1));
    let error = block_on(store.commit_one(late)).unwrap_err();
    assert!(
        matches!(error, CommitError::Store(StoreError::Exhausted(Exhausted::Time))),
        "{error:?}"
    );
    assert!(!has_user(&store, "ada"));
}

#[test]
fn the_answer_is_the_resource_as_the_commit_left_it() {
    let (_directory, store) = store();
    create(&store, &[New::user("ada"), New::user("bert")]).unwrap();
    let selection = everything(group_type());
    let asking = |changes, change, selection: Selection| {
        let answer = Answer { change, selection };
        block_on(store.commit_one(commit_of(changes).with_answer(answer))).unwrap()
    };
    let changes = vec![
        New::group("guides", ["ada"]).change(),
        Change::relate(group_type(), id("guides"), [add(["bert"])]),
    ];
    let committed = asking(changes, 0, selection.clone());
    let answer = committed.answer.unwrap();
    assert_eq!(Some(&answer), get(&store, group_type(), "guides").as_ref());
    assert_eq!(answer.version.number(), 2);
    assert_eq!(answer.resource.relation("members").unwrap().len(), 2);
    let changes = vec![Change::relate(group_type(), id("guides"), [add(["bert"])])];
    let committed = asking(changes, 0, selection.with_relation_limit(1));
    assert!(matches!(committed.outcomes[0], Outcome::Unchanged { .. }));
    assert!(committed.answer.unwrap().resource.relation("members").is_none());
    let changes = vec![Change::delete(group_type(), id("guides"), None)];
    assert_eq!(asking(changes, 0, Selection::document()).answer, None);
}

#[test]
fn unknown_members_are_refused_or_left_out_and_named() {
    let (_directory, store) = store();
    create(&store, &[New::user("ada"), New::group("guides", [])]).unwrap();
    let relating = |members: MemberPolicy| {
        let change = Change::Update {
            resource_type: group_type().clone(),
            id: id("guides"),
            document: None,
            state: None,
            visibility: None,
            relations: [add(["nobody", "ada", "noone"])].into(),
            members,
            unique: None,
            precondition: None,
            on_refusal: OnRefusal::Fail,
        };
        commit(&store, vec![change])
    };
    let nobodies = vec![id("nobody"), id("noone")];
    let error = relating(MemberPolicy::default()).unwrap_err();
    assert!(
        matches!(&error, CommitError::UnknownMembers { members, .. } if *members == nobodies),
        "{error:?}"
    );
    let skipping = MemberPolicy {
        skip_unknown: true,
        accept_hidden: false,
    };
    let committed = relating(skipping).unwrap();
    let Outcome::Changed { joined, unknown, .. } = &committed.outcomes[0] else {
        panic!("{committed:?}");
    };
    assert_eq!((&joined.ids, unknown), (&vec![id("ada")], &nobodies));
    let committed = relating(skipping).unwrap();
    let Outcome::Unchanged { unknown, .. } = &committed.outcomes[0] else {
        panic!("{committed:?}");
    };
    assert_eq!(*unknown, nobodies);
}
