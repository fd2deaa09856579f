//! Sources: what is not understood is an error with its place, never nothing.

use keyfob_core::Registry;
use keyfob_expression::Options;
use keyfob_sync::{
    Kind, Rule, RuleError, SyncError,
    source::{CsvSource, Item, JsonSource, ObjectSource},
};

use crate::world::{World, group, job, member, user, user_mapping};

fn files(users: &str, groups: &str, members: &str) -> (tempfile::TempDir, CsvSource) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let source = CsvSource::new(path("users.csv", users))
        .groups(path("groups.csv", groups))
        .memberships(path("members.csv", members));
    (folder, source)
}

fn error_of(source: &dyn ObjectSource) -> String {
    let read = source.items().and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let message = read.unwrap_err().to_string();
    message
        .rsplit_once('/')
        .map_or(message.clone(), |(_, message)| message.to_owned())
}

#[test]
fn csv_with_a_byte_order_mark_semicolons_and_quotes_is_read() {
    let (_folder, source) = files(
        "\u{feff}id;userPrincipalName;jobTitle\n7;ada@x.example;\"Lead; \"\"R&D\"\"\"\n",
        "id,displayName\n",
        "group,member\n",
    );
    let items = source.items().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    let [Item::Object(ada)] = &items[..] else {
        panic!("{items:?}")
    };
    assert_eq!((ada.id.as_str(), ada.kind, ada.place.line), ("7", Kind::User, 2));
    assert_eq!(ada.source.get("jobTitle"), Some(&r#"Lead; "R&D""#.into()));
    assert_eq!(ada.source.get("objectId"), Some(&"7".into()));
}

#[test]
fn what_is_wrong_with_csv_is_told_with_file_and_line() {
    let good = ("id,mail\n1,a\n", "id,displayName\ng,G\n", "group,member\ng,1\n");
    for (users, groups, members, expected) in [
        (
            "id,mail\n1,a\n2\n",
            good.1,
            good.2,
            "users.csv`: line 3: this is not CSV: the row has 1 fields and the header 2",
        ),
        (
            "mail\na\n",
            good.1,
            good.2,
            "users.csv`: line 1: the columns are `mail`; they have to be `id` and any others",
        ),
        (
            "id,mail\n,a\n",
            good.1,
            good.2,
            "users.csv`: line 2: the object has no `id`, by which it would be known again",
        ),
        (
            "id,objectId\n1,1\n2,3\n",
            good.1,
            good.2,
            "users.csv`: line 3: the `id` is `2` and the `objectId` is `3`, which mappings take for the same; give one of them",
        ),
        (
            "id,mail\n",
            good.1,
            good.2,
            "users.csv`: line 1: the file holds no objects",
        ),
        (
            good.0,
            "id,id\n",
            good.2,
            "groups.csv`: line 1: the header names the column `id` twice",
        ),
        (
            good.0,
            good.1,
            "group,user\ng,1\n",
            "members.csv`: line 1: the columns are `group`, `user`; they have to be `group` and `member`",
        ),
        (
            good.0,
            good.1,
            "group,member\ng,1\ng,\n",
            "members.csv`: line 3: `member` is empty",
        ),
    ] {
        let (_folder, source) = files(users, groups, members);
        assert_eq!(error_of(&source), expected);
    }
}

#[test]
fn text_in_another_encoding_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users.csv");
    std::fs::write(&path, b"id,mail\n1,a\n2,\xe9\n").unwrap();
    assert!(error_of(&CsvSource::new(path)).starts_with("users.csv`: line 3: the text is not UTF-8"));
}

#[test]
fn pages_of_graph_are_read_with_their_kinds_and_members() {
    let text = br#"{"@odata.context": "https://x/$metadata#users", "value": [{"id": "1"}, {"id": "2"}]}
{"@odata.context": "https://x/$metadata#groups", "value": [{"id": "g", "members": [{"id": "1"}]}]}"#;
    let source = JsonSource::new().text("all.json", text.to_vec(), None);
    let items = source.items().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    let kinds: Vec<_> = items
        .iter()
        .map(|item| match item {
            Item::Object(object) => object.kind,
            Item::Membership(_) => panic!("members are within their groups"),
        })
        .collect();
    assert_eq!(kinds, [Kind::User, Kind::User, Kind::Group]);
}

#[test]
fn what_is_wrong_with_json_is_told_with_file_and_line() {
    for (text, kind, expected) in [
        (
            "{\"id\": \"1\"}",
            None,
            "`x`: line 1: nothing says if this is a user or a group; `@odata.context` or `@odata.type` would",
        ),
        (
            "{\"id\": \"1\"}\n{\"id\":",
            Some(Kind::User),
            "`x`: line 2: the file ends in the middle of a value; fetch or copy it again as a whole",
        ),
        (
            "{\"id\": [1]}",
            Some(Kind::User),
            "`x`: line 1: the `id` is a list of values, not text",
        ),
        (
            "{\"mail\": \"a\"}",
            Some(Kind::User),
            "`x`: line 1: the object has no `id`, by which it would be known again",
        ),
        (
            "{\"@odata.type\": \"#microsoft.graph.device\", \"id\": \"1\"}",
            Some(Kind::User),
            "`x`: line 1: this is a device, in a file of users",
        ),
        (
            "{\"id\": \"1\", \"@removed\": {\"reason\": \"changed\"}}",
            Some(Kind::User),
            "`x`: line 1: `@removed` is of a delta query; give the pages of a list, which are whole",
        ),
        (
            "{\"id\": \"1\", \"members@delta\": [{\"id\": \"2\"}]}",
            Some(Kind::Group),
            "`x`: line 1: `members@delta` is of a delta query; give the pages of a list, which are whole",
        ),
    ] {
        let source = JsonSource::new().text("x", text.as_bytes().to_vec(), kind);
        let read = source.items().unwrap().collect::<Result<Vec<_>, _>>();
        assert_eq!(read.unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_source_that_contradicts_itself_ends_the_cycle_before_anything_is_sent() {
    for (source, expected) in [
        (
            vec![user("ada", ""), user("ada", "")],
            "the id `ada` is that of another object already",
        ),
        (
            vec![user("ada", ""), group("ada", "Guides")],
            "the id `ada` is that of another object already",
        ),
        (
            vec![user("ada", ""), member("g1", "ada")],
            "`ada` is a member of `g1`, and there is no such group",
        ),
    ] {
        let mut world = World::new();
        let error = world.try_run(&source, |job| job).err().unwrap();
        assert!(matches!(error, SyncError::Source(_)));
        assert_eq!(error.to_string(), expected);
        assert!(world.writes().is_empty());
    }
}

#[test]
fn a_group_of_which_the_source_says_no_members_keeps_them() {
    let mut world = World::new();
    let client = world.client();
    let job = job(&client, &world.clock);
    let source = |members: &str| {
        let users = br#"{"id": "1", "userPrincipalName": "ada@x.example", "department": "R&D"}"#;
        let groups = format!(r#"{{"id": "g", "displayName": "Guides"{members}}}"#);
        JsonSource::new()
            .text("users", users.to_vec(), Some(Kind::User))
            .text("groups", groups.into_bytes(), Some(Kind::Group))
    };
    for (members, expected) in [(r#", "members": ["1"]"#, 1), ("", 1), (r#", "members": []"#, 0)] {
        job.run(&mut world.state, &source(members), &mut |_| {}).unwrap();
        assert_eq!(world.members_of("Guides").len(), expected, "{members:?}");
    }
}

#[test]
fn a_user_is_disabled_by_true_in_any_case_of_letters_and_by_no_other_word() {
    for said in [r#""True""#, r#""TRUE""#, r#"" true ""#, "true"] {
        let mut world = World::new();
        world.run(&vec![user("ada", "")]);
        let leaver = vec![user("ada", &format!(r#""IsSoftDeleted": {said}"#))];
        assert_eq!(world.run(&leaver).told(), ["disable ada: done"], "{said}");
        assert!(!world.is_active("ada@x.example"), "{said}");
        assert!(world.state.links().unwrap()[0].disabled, "{said}");
    }
    for said in [r#""FALSE""#, r#""false""#, r#""""#, "null", "false"] {
        let mut world = World::new();
        world.run(&vec![user("ada", &format!(r#""IsSoftDeleted": {said}"#))]);
        assert!(world.is_active("ada@x.example"), "{said}");
        assert!(!world.state.links().unwrap()[0].disabled, "{said}");
    }
    for (said, found) in [(r#""yes""#, "`yes`"), ("1", "a number")] {
        let mut world = World::new();
        let source = vec![user("ada", &format!(r#""IsSoftDeleted": {said}"#))];
        let error = world.try_run(&source, |job| job).err().unwrap();
        let expected = format!("`IsSoftDeleted` is {found}; it has to be true or false");
        assert_eq!(error.to_string(), expected);
        assert!(world.writes().is_empty());
    }
}

#[test]
fn a_word_that_does_not_say_if_a_user_is_disabled_is_told_with_its_line() {
    let (_folder, source) = files(
        "id,userPrincipalName,IsSoftDeleted\n1,ada@x.example,false\n2,bob@x.example,gone\n",
        "id,displayName\n",
        "group,member\n",
    );
    let mut world = World::new();
    let client = world.client();
    let error = job(&client, &world.clock).run(&mut world.state, &source, &mut |_| {});
    let message = error.unwrap_err().to_string();
    assert!(
        message.ends_with("users.csv`: line 3: `IsSoftDeleted` is `gone`; it has to be true or false"),
        "{message}"
    );
}

#[test]
fn a_mapping_that_is_not_in_use_is_refused() {
    let mut mapping = user_mapping();
    mapping.enabled = false;
    let user = Registry::rfc().resource_type("User").unwrap();
    let error = Rule::compile(&mapping, user, &Options::default());
    assert!(matches!(error, Err(RuleError::NotInUse)));
}

#[test]
fn an_id_with_blanks_around_it_or_control_characters_is_refused_with_its_line() {
    let good = ("id,mail\n1,a\n", "id,displayName\ng,G\n", "group,member\ng,1\n");
    for (users, groups, members, expected) in [
        (
            "id,mail\n1,a\n2 ,b\n",
            good.1,
            good.2,
            r#"users.csv`: line 3: the id "2 ""#,
        ),
        (
            "id,mail\n1\u{0},a\n",
            good.1,
            good.2,
            r#"users.csv`: line 2: the id "1\0""#,
        ),
        (
            good.0,
            "id,displayName\n g,G\n",
            good.2,
            r#"groups.csv`: line 2: the id " g""#,
        ),
        (
            good.0,
            good.1,
            "group,member\ng,1\ng,\u{a0}2\n",
            r#"members.csv`: line 3: the id "\u{a0}2""#,
        ),
        (
            good.0,
            good.1,
            "group,member\ng\u{7},1\n",
            r#"members.csv`: line 2: the id "g\u{7}""#,
        ),
    ] {
        let (_folder, source) = files(users, groups, members);
        let mut world = World::new();
        let client = world.client();
        let error = job(&client, &world.clock).run(&mut world.state, &source, &mut |_| {});
        let message = error.unwrap_err().to_string();
        let expected = format!("{expected} begins or ends with a blank, or holds a control character");
        assert!(message.ends_with(&expected), "{message}");
    }
    let listed = br#"{"id": "g", "displayName": "Guides", "members": ["1", "2 "]}"#;
    let source = JsonSource::new().text("groups", listed.to_vec(), Some(Kind::Group));
    let mut world = World::new();
    let client = world.client();
    let error = job(&client, &world.clock).run(&mut world.state, &source, &mut |_| {});
    assert_eq!(
        error.unwrap_err().to_string(),
        r#"`groups`: line 1: the id "2 " begins or ends with a blank, or holds a control character"#
    );
}
