//! Pages of delta queries of Microsoft Graph as a source.

use std::{collections::BTreeMap, fmt::Write, time::Instant};

use keyfob_core::view::User;
use keyfob_expression::Value;
use keyfob_sync::{
    Kind, Owned,
    source::{GraphSource, Item, JsonSource, ObjectSource},
};
use proptest::prelude::*;

use crate::world::World;

/// A page of a delta query: what it is of, the objects, and if it is the last one.
fn page(of: &str, objects: &str, is_last: bool) -> String {
    let link = if is_last {
        format!(r#""@odata.deltaLink": "https://x/{of}/delta?$deltatoken=1""#)
    } else {
        format!(r#""@odata.nextLink": "https://x/{of}/delta?$skiptoken=1""#)
    };
    format!(r#"{{"@odata.context": "https://x/$metadata#{of}", {link}, "value": [{objects}]}}"#)
}

fn read(pages: &[String]) -> Result<Vec<Item>, String> {
    let files = pages.iter().enumerate();
    let files = files.fold(JsonSource::new(), |source, (index, text)| {
        source.text(format!("{}.json", index + 1), text.clone().into_bytes(), None)
    });
    let source = GraphSource::of(files).map_err(|error| error.to_string())?;
    let items: Result<_, _> = source.items().unwrap().collect();
    items.map_err(|error| error.to_string())
}

/// `kind id: attribute=value, …` of each object.
fn told(items: &[Item]) -> Vec<String> {
    let told = items.iter().map(|item| match item {
        Item::Object(object) => {
            let mut text = format!("{} {}:", object.kind, object.id);
            for name in [
                "mail",
                "jobTitle",
                "manager",
                "members",
                "members@delta",
                "members@removed",
            ] {
                if let Some(value) = object.source.get(name) {
                    write!(text, " {name}={}", value.to_json()).unwrap();
                }
            }
            text
        }
        Item::Deleted(id) => format!("deleted {id}"),
        Item::Membership(_) => panic!("members are within their groups"),
    });
    told.collect()
}

#[test]
fn changes_on_later_pages_and_in_later_queries_are_merged() {
    let pages = [
        page(
            "users",
            r#"{"id": "1", "mail": "a@x", "jobTitle": "Engineer", "manager@delta": [{"id": "2"}]}, {"id": "2", "mail": "b@x"}"#,
            false,
        ),
        page(
            "users",
            r#"{"id": "3", "mail": "c@x"}, {"id": "4", "mail": "d@x"}"#,
            true,
        ),
        page(
            "groups",
            r#"{"id": "g1", "members@delta": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}, {"id": "g2"}"#,
            false,
        ),
        page(
            "groups",
            r#"{"id": "g1", "members@delta": [{"id": "4"}, {"id": "device"}]}"#,
            true,
        ),
        // The next queries.
        page(
            "users",
            r#"{"id": "1", "jobTitle": "Lead", "manager@delta": [{"id": "2", "@removed": {"reason": "deleted"}}, {"id": "4"}]},
               {"id": "2", "@removed": {"reason": "changed"}}, {"id": "3", "@removed": {"reason": "deleted"}}"#,
            true,
        ),
        page(
            "groups",
            r#"{"id": "g1", "members@delta": [{"id": "4", "@removed": {"reason": "deleted"}}]}"#,
            true,
        ),
    ];
    let read = read(&pages).unwrap();
    assert_eq!(
        told(&read),
        [
            "user 4: mail=\"d@x\"",
            "group g2: members=[]",
            "user 1: mail=\"a@x\" jobTitle=\"Lead\" manager=\"4\"",
            "group g1: members=[\"1\",\"device\"]",
            "deleted 3",
        ]
    );
}

#[test]
fn who_comes_back_has_what_it_had_and_its_memberships() {
    let mut pages = vec![
        page("users", r#"{"id": "1", "mail": "a@x"}"#, true),
        page("groups", r#"{"id": "g1", "members@delta": [{"id": "1"}]}"#, true),
        page("users", r#"{"id": "1", "@removed": {"reason": "changed"}}"#, true),
    ];
    assert_eq!(told(&read(&pages).unwrap()), ["group g1: members=[]"]);
    pages.push(page("users", r#"{"id": "1", "jobTitle": "Lead"}"#, true));
    assert_eq!(
        told(&read(&pages).unwrap()),
        [
            "group g1: members=[\"1\"]",
            "user 1: mail=\"a@x\" jobTitle=\"Lead\""
        ]
    );
}

#[test]
fn what_is_wrong_with_changes_is_told_with_file_line_and_field() {
    let of_users = |objects: &str| vec![page("users", objects, true)];
    for (pages, expected) in [
        (
            of_users("{\"id\": \"1\"},\n{\"id\": \"2\", \"@removed\": {}}"),
            "`1.json`: line 2: `@removed` is no `reason`; it has to be `{\"reason\": \"changed\"}` or `{\"reason\": \"deleted\"}`",
        ),
        (
            of_users(r#"{"id": "2", "@removed": {"reason": "lost"}}"#),
            "`1.json`: line 1: `@removed` is the reason `lost`; it has to be `{\"reason\": \"changed\"}` or `{\"reason\": \"deleted\"}`",
        ),
        (
            vec![page(
                "groups",
                "\n{\"id\": \"g\", \"members@delta\": [{\"@odata.type\": \"x\"}]}",
                true,
            )],
            "`1.json`: line 2: `members@delta` is a complex value without an `id`; it has to be a list of objects with an `id`",
        ),
        (
            vec![page(
                "groups",
                r#"{"id": "g", "members@delta": {"id": "1"}}"#,
                true,
            )],
            "`1.json`: line 1: `members@delta` is a complex value; it has to be a list of objects with an `id`",
        ),
        (
            vec![
                page("users", r#"{"id": "1"}"#, true),
                page("groups", r#"{"id": "1"}"#, true),
            ],
            "`2.json`: line 1: the id `1` is that of another object already",
        ),
        (
            vec![page("users", r#"{"id": "1"}"#, false)],
            "`1.json`: the list is not whole: its pages name another one, or count more than they hold; give all pages in their order",
        ),
        (
            vec![
                page("users", r#"{"id": "1"}"#, false),
                page("groups", r#"{"id": "g"}"#, true),
            ],
            "`1.json`: the list is not whole: its pages name another one, or count more than they hold; give all pages in their order",
        ),
        // A list that is no delta query has each object once.
        (
            vec![
                r#"{"@odata.context": "https://x/$metadata#users", "value": [{"id": "1"}, {"id": "1"}]}"#
                    .into(),
            ],
            "`1.json`: line 1: the id `1` is that of another object already",
        ),
    ] {
        assert_eq!(read(&pages).unwrap_err(), expected);
    }
}

#[test]
fn pages_of_a_list_may_stand_in_files_of_their_own() {
    let list = |id: &str, next: &str| {
        format!(r#"{{"@odata.context": "https://x/$metadata#users", {next} "value": [{{"id": "{id}"}}]}}"#)
    };
    let pages = [
        list("1", r#""@odata.nextLink": "https://x/users?$skiptoken=1","#),
        list("2", ""),
    ];
    assert_eq!(told(&read(&pages).unwrap()), ["user 1:", "user 2:"]);
}

#[test]
fn e17_who_is_deleted_for_good_is_deleted_and_who_was_there_before_is_disabled() {
    let mut world = World::new();
    world.create_user(&User::new("old@x"));
    let user = |id: &str| format!(r#"{{"id": "{id}", "userPrincipalName": "{id}@x", "department": "R&D"}}"#);
    let mut pages = vec![page(
        "users",
        &[user("old"), user("new"), user("soft")].join(", "),
        true,
    )];
    let run = |world: &mut World, pages: &[String]| {
        let source = read(pages).unwrap();
        world.run(&source).told()
    };
    run(&mut world, &pages);
    let links = world.state.links().unwrap();
    let owned: BTreeMap<_, _> = links
        .iter()
        .map(|link| (link.source_id.as_str(), link.owned))
        .collect();
    assert_eq!((owned["old"], owned["new"]), (Owned::Adopted, Owned::Created));
    let gone = |id: &str, reason: &str| format!(r#"{{"id": "{id}", "@removed": {{"reason": "{reason}"}}}}"#);
    let all = [
        gone("old", "deleted"),
        gone("new", "deleted"),
        gone("soft", "changed"),
    ];
    pages.push(page("users", &all.join(", "), true));
    let told = run(&mut world, &pages);
    assert_eq!(
        told,
        ["disable old: done", "disable soft: done", "delete new: done"]
    );
    assert!(!world.is_active("old@x") && !world.is_active("soft@x"));
    assert!(world.user_named("new@x").is_none());
    assert!(run(&mut world, &pages).is_empty(), "once");
}

#[test]
fn a_hundred_thousand_removals_take_linear_time() {
    let time = |count: usize| {
        let users: Vec<String> = (0..count).map(|n| format!(r#"{{"id": "{n}"}}"#)).collect();
        let gone: Vec<String> = (0..count)
            .map(|n| format!(r#"{{"id": "{n}", "@removed": {{"reason": "changed"}}}}"#))
            .collect();
        let groups: Vec<String> = (0..count / 10)
            .map(|n| format!(r#"{{"id": "g{n}", "members@delta": [{{"id": "{n}"}}]}}"#))
            .collect();
        let pages = [
            page("users", &users.join(","), true),
            page("groups", &groups.join(","), true),
            page("users", &gone.join(","), true),
        ];
        let start = Instant::now();
        assert_eq!(read(&pages).unwrap().len(), count / 10);
        start.elapsed()
    };
    // Thirty times as many would take nine hundred times as long.
    let (few, many) = (time(2_000), time(60_000));
    assert!(many < few * 200, "{few:?} {many:?}");
}

/// A change of a random history, and the page boundary after it.
type Change = (u8, Option<u8>, Vec<(u8, bool)>, bool);

/// Returns what a naive reader makes of changes.
fn model(changes: &[Change]) -> Vec<String> {
    let mut groups: BTreeMap<u8, (Option<u8>, Vec<u8>)> = BTreeMap::new();
    for (id, name, members, _) in changes {
        let group = groups.entry(*id).or_default();
        group.0 = name.or(group.0);
        for (member, is_added) in members {
            group.1.retain(|other| other != member);
            if *is_added {
                group.1.push(*member);
            }
        }
    }
    let lines = groups.into_iter().map(|(id, (name, mut members))| {
        members.sort_unstable();
        format!("g{id} {name:?} {members:?}")
    });
    lines.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn wherever_pages_end_the_groups_are_what_a_naive_reader_makes_of_the_changes(
        changes in proptest::collection::vec(
            (0..4_u8, proptest::option::of(0..3_u8), proptest::collection::vec((0..5_u8, any::<bool>()), 0..4), any::<bool>()),
            1..20,
        ),
    ) {
        let mut pages = Vec::new();
        let mut objects: Vec<String> = Vec::new();
        for (place, (id, name, members, ends)) in changes.iter().enumerate() {
            let members: Vec<String> = members
                .iter()
                .map(|(member, is_added)| {
                    let removed = if *is_added { "" } else { r#", "@removed": {"reason": "deleted"}"# };
                    format!(r#"{{"id": "{member}"{removed}}}"#)
                })
                .collect();
            let name = name.map_or_else(String::new, |name| format!(r#""displayName": "{name}", "#));
            objects.push(format!(r#"{{"id": "g{id}", {name}"members@delta": [{}]}}"#, members.join(",")));
            let is_last = place + 1 == changes.len();
            if *ends || is_last {
                pages.push(page("groups", &objects.join(","), is_last));
                objects.clear();
            }
        }
        let mut lines: Vec<String> = read(&pages)
            .unwrap()
            .iter()
            .map(|item| match item {
                Item::Object(object) => {
                    assert_eq!(object.kind, Kind::Group);
                    let name = object.source.get("displayName").map(|name| name.to_text().parse::<u8>().unwrap());
                    let Some(Value::List(members)) = object.source.get("members") else {
                        panic!("no members of {}", object.id);
                    };
                    let mut members: Vec<u8> =
                        members.iter().map(|member| member.to_text().parse().unwrap()).collect();
                    members.sort_unstable();
                    format!("{} {name:?} {members:?}", object.id)
                }
                _ => panic!("groups alone"),
            })
            .collect();
        lines.sort();
        prop_assert_eq!(lines, model(&changes));
    }
}
