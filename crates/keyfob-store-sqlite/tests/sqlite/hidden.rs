//! Resources that are hidden and come back.

use keyfob_core::{Collation, CompareKey, Member, ResourceId};
use keyfob_store::{
    Change, CommitError, MemberPolicy, OnRefusal, Outcome, Query, RelationDelta, UniqueKey, Visibility,
};
use keyfob_store_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::support::{
    New, add, all, commit, compile, create, everything, get, group_type, id, ids, query, search, user_type,
};

fn turn(store: &SqliteStore, name: &str, visibility: Visibility) -> Outcome {
    turn_with(store, name, visibility, None).unwrap()
}

fn turn_with(
    store: &SqliteStore,
    name: &str,
    visibility: Visibility,
    unique: Option<Vec<UniqueKey>>,
) -> Result<Outcome, CommitError> {
    let change = Change::Update {
        resource_type: user_type().clone(),
        id: id(name),
        document: None,
        state: None,
        visibility: Some(visibility),
        relations: [].into(),
        members: MemberPolicy::default(),
        unique,
        precondition: None,
        on_refusal: OnRefusal::Fail,
    };
    Ok(commit(store, vec![change])?.outcomes.remove(0))
}

fn relate(store: &SqliteStore, group: &str, delta: RelationDelta, accept_hidden: bool) -> Outcome {
    let change = Change::Update {
        resource_type: group_type().clone(),
        id: id(group),
        document: None,
        state: None,
        visibility: None,
        relations: [delta].into(),
        members: MemberPolicy {
            skip_unknown: true,
            accept_hidden,
        },
        unique: None,
        precondition: None,
        on_refusal: OnRefusal::Fail,
    };
    commit(store, vec![change]).unwrap().outcomes.remove(0)
}

/// Ada and Bert in two groups, Bert hidden.
fn store() -> (TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("keyfob.db")).unwrap();
    let new = [
        New::user("ada"),
        New::user("bert"),
        New::group("guides", ["ada", "bert"]),
        New::group("drivers", ["bert"]),
        New::group("others", ["ada"]),
    ];
    create(&store, &new).unwrap();
    turn(&store, "bert", Visibility::Hidden);
    (directory, store)
}

fn members(store: &SqliteStore, group: &str) -> Vec<String> {
    let group = get(store, group_type(), group).unwrap();
    let members = group.resource.relation("members").unwrap();
    let mut members: Vec<_> = members.iter().map(|(id, _)| id.to_string()).collect();
    members.sort();
    members
}

fn versions(store: &SqliteStore) -> [u64; 3] {
    ["guides", "drivers", "others"].map(|group| get(store, group_type(), group).unwrap().version.number())
}

#[test]
fn a_hidden_resource_is_found_by_its_id_and_by_those_who_ask_for_hidden_ones() {
    let (_directory, store) = store();
    let bert = get(&store, user_type(), "bert").unwrap();
    assert!(bert.is_hidden());
    assert_eq!(bert.version.number(), 2);
    let groups = bert.resource.relation("groups").unwrap();
    assert_eq!(groups.len(), 2, "the owners to which it comes back");
    assert_eq!(all(&store, user_type()).total, Some(1));
    assert_eq!(ids(&all(&store, user_type())), ["ada"]);
    let hidden = Query::first(10)
        .with_visibility(Visibility::Hidden)
        .with_selection(everything(user_type()));
    assert_eq!(ids(&query(&store, user_type(), &hidden)), ["bert"]);
    for filter in [
        r#"userName eq "BERT""#,
        r#"id eq "bert""#,
        r#"emails.value eq "bert@example.com""#,
        r#"groups.value eq "guides""#,
        r#"groups.display eq "guides""#,
        r#"userName sw "b""#,
    ] {
        let hidden = hidden.clone().with_filter(compile(user_type(), filter));
        let page = query(&store, user_type(), &hidden);
        assert_eq!(
            (page.total, ids(&page)),
            (Some(1), vec!["bert".to_owned()]),
            "{filter}"
        );
        let live = ids(&search(&store, user_type(), filter));
        assert!(!live.contains(&"bert".to_owned()), "{filter}: {live:?}");
    }
}

#[test]
fn a_hidden_member_is_in_no_relation_that_is_read_or_filtered_by() {
    let (_directory, store) = store();
    assert_eq!(members(&store, "guides"), ["ada"]);
    assert_eq!(members(&store, "drivers"), Vec::<String>::new());
    assert_eq!(
        ids(&search(&store, group_type(), r#"members.value eq "bert""#)),
        Vec::<String>::new()
    );
    assert_eq!(
        ids(&search(&store, group_type(), "members pr")),
        ["guides", "others"],
        "who has hidden members alone has none"
    );
    let limited = |limit| {
        let selection = everything(group_type()).with_relation_limit(limit);
        let page = query(&store, group_type(), &Query::first(10).with_selection(selection));
        page.resources[..]
            .iter()
            .filter(|stored| stored.resource.relation("members").is_some())
            .count()
    };
    assert_eq!([limited(0), limited(1)], [1, 3], "hidden ones don't count");
}

#[test]
fn hiding_and_revealing_change_each_live_owner_once() {
    let (_directory, store) = store();
    assert_eq!(versions(&store), [2, 2, 1]);
    turn(&store, "bert", Visibility::Live);
    assert_eq!(versions(&store), [3, 3, 1]);
    assert_eq!(members(&store, "guides"), ["ada", "bert"]);
    let bert = get(&store, user_type(), "bert").unwrap();
    assert_eq!(bert.version.number(), 3);
    let again = turn(&store, "bert", Visibility::Live);
    assert!(matches!(again, Outcome::Unchanged { .. }), "{again:?}");
    assert_eq!(versions(&store), [3, 3, 1]);
    // Hidden members leave unseen.
    turn(&store, "bert", Visibility::Hidden);
    commit(&store, vec![Change::delete(user_type(), id("bert"), None)]).unwrap();
    assert_eq!(versions(&store), [4, 4, 1]);
    let display = get(&store, group_type(), "guides").unwrap();
    let member = display
        .resource
        .relation("members")
        .unwrap()
        .get(&id("ada"))
        .cloned();
    let expected = Member::new().with_kind("User").with_display("ada");
    assert_eq!(member, Some(expected));
}

#[test]
fn a_hidden_resource_reserves_no_key() {
    let (_directory, store) = store();
    let key = || UniqueKey::new("userName", CompareKey::new(Collation::UserName, "bert"));
    let holder = || ids(&query(&store, user_type(), &Query::reserving(key())));
    assert_eq!(holder(), Vec::<String>::new());
    let mut other = New::user("BERT");
    other.id = ResourceId::new("other");
    create(&store, &[other]).unwrap();
    assert_eq!(holder(), ["other"]);
    let error = turn_with(&store, "bert", Visibility::Live, Some(vec![key()])).unwrap_err();
    assert!(
        matches!(error, CommitError::UniquenessViolated { .. }),
        "{error:?}"
    );
    assert!(get(&store, user_type(), "bert").unwrap().is_hidden());
    turn_with(&store, "bert", Visibility::Hidden, Some(vec![key()])).unwrap();
    assert_eq!(holder(), ["other"]);
    commit(&store, vec![Change::delete(user_type(), id("other"), None)]).unwrap();
    turn_with(&store, "bert", Visibility::Live, Some(vec![key()])).unwrap();
    assert_eq!(holder(), ["bert"]);
}

#[test]
fn edges_to_hidden_members_are_put_in_and_taken_out_by_name_alone() {
    let (_directory, store) = store();
    let names = |outcome: &Outcome| match outcome {
        Outcome::Changed {
            joined,
            left,
            unknown,
            ..
        } => (joined.ids.clone(), left.ids.clone(), unknown.clone()),
        Outcome::Unchanged { unknown, .. } => (Vec::new(), Vec::new(), unknown.clone()),
        other => panic!("{other:?}"),
    };
    let nobody = Vec::<ResourceId>::new;
    // Who replaces all members doesn't see the hidden ones.
    let mut replace = add(["ada"]);
    replace.clear = true;
    assert!(matches!(
        relate(&store, "guides", replace, false),
        Outcome::Unchanged { .. }
    ));
    let mut nothing = add([]);
    nothing.clear = true;
    let cleared = relate(&store, "guides", nothing, false);
    assert_eq!(names(&cleared), (nobody(), vec![id("ada")], nobody()));
    // A hidden one is unknown unless it is accepted, and then joins unseen.
    let unknown = relate(&store, "others", add(["bert"]), false);
    assert_eq!(names(&unknown), (nobody(), nobody(), vec![id("bert")]));
    let accepted = relate(&store, "others", add(["bert"]), true);
    assert!(matches!(accepted, Outcome::Unchanged { .. }), "{accepted:?}");
    let mut remove = add([]);
    remove.remove.push(id("bert"));
    let removed = relate(&store, "drivers", remove, false);
    assert!(matches!(removed, Outcome::Unchanged { .. }), "{removed:?}");
    turn(&store, "bert", Visibility::Live);
    let found = ids(&search(&store, group_type(), r#"members.value eq "bert""#));
    assert_eq!(found, ["guides", "others"]);
}
