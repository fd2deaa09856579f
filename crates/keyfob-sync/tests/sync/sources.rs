//! Sources: what is not understood is an error with its place, never nothing.

use keyfob_client::{Patch, Preset};
use keyfob_core::{Registry, Resource, view::User};
use keyfob_expression::{Options, Value};
use keyfob_mapping::{AttributeMapping, ObjectMapping};
use keyfob_sync::{
    Job, Kind, Rule, RuleError, SyncError,
    source::{CsvSource, Item, JsonSource, ObjectSource, ScimSource},
};

use crate::world::{World, group, group_mapping, job, member, refusal, rule, user, user_mapping};

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
            Item::Membership(_) | Item::Deleted(_) => panic!("members are within their groups"),
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

/// A directory with a manager, a user and a group that holds a group.
fn directory() -> World {
    let directory = World::new();
    let mut ada = User::new("ada@x.example");
    ada.active = Some(true);
    ada.title = Some("Lead".into());
    let ada = directory.create_user(&ada);
    let body = format!(
        r#"{{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
            "userName": "bob@x.example", "active": false,
            "name": {{"givenName": "Bob"}},
            "emails": [{{"type": "home", "value": "b@home.example"}}, {{"type": "work", "value": "bob@x.example"}}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
                {{"department": "R&D", "manager": {{"value": "{}"}}}}}}"#,
        ada.as_str()
    );
    let registry = Registry::rfc();
    let bob = Resource::from_json(body.as_bytes(), registry.resource_type("User").unwrap()).unwrap();
    let bob = directory.truth(|client| client.resources("User").create(&bob).call().unwrap().id);
    let guides = directory.create_group("Guides", &[ada, bob]);
    directory.create_group("All", &[guides]);
    directory
}

fn fetched(directory: &World) -> ScimSource {
    directory.truth(|client| {
        let client = client.with(client.discover().call().unwrap());
        ScimSource::fetch(&client, &Kind::ALL).unwrap()
    })
}

#[test]
fn a_scim_server_says_its_users_groups_and_memberships_by_the_names_of_scim() {
    let directory = directory();
    let source = fetched(&directory);
    let read = || source.items().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    let items = read();
    assert_eq!(items, read(), "each read says the same");
    let objects: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::Object(object) => Some(object),
            Item::Membership(_) | Item::Deleted(_) => None,
        })
        .collect();
    let [ada, bob, guides, all] = &objects[..] else {
        panic!("{items:?}")
    };
    assert_eq!(
        (ada.kind, bob.kind, guides.kind, all.kind),
        (Kind::User, Kind::User, Kind::Group, Kind::Group)
    );
    for (name, expected) in [
        ("userName", Value::from("bob@x.example")),
        ("objectId", Value::Text(bob.id.clone())),
        ("name.givenName", "Bob".into()),
        (r#"emails[type eq "work"].value"#, "bob@x.example".into()),
        (
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "R&D".into(),
        ),
        ("manager", Value::Text(ada.id.clone())),
        ("IsSoftDeleted", true.into()),
    ] {
        assert_eq!(bob.source.get(name), Some(&expected), "{name}");
    }
    for name in ["schemas", "meta", "groups", "members"] {
        assert!(
            objects.iter().all(|object| object.source.get(name).is_none()),
            "{name}"
        );
    }
    let mut memberships: Vec<_> = items
        .iter()
        .filter_map(|item| match item {
            Item::Membership(membership) => Some((&membership.group, &membership.member)),
            Item::Object(_) | Item::Deleted(_) => None,
        })
        .collect();
    memberships.sort();
    let mut expected = vec![
        (&guides.id, &ada.id),
        (&guides.id, &bob.id),
        (&all.id, &guides.id),
    ];
    expected.sort();
    assert_eq!(memberships, expected);
    assert!(
        guides
            .place
            .to_string()
            .contains(&format!("/Groups/{}`", guides.id))
    );
}

#[test]
fn what_a_scim_server_has_becomes_what_the_target_has_and_what_changes_there_follows() {
    let directory = directory();
    let mut target = World::new();
    let provision = |target: &mut World, source: &ScimSource| {
        let client = target.client();
        let mut users = ObjectMapping::new("User", "User");
        users.attributes = vec![
            AttributeMapping::new("userName", "[userName]").matching(1),
            AttributeMapping::new("title", "[title]"),
            AttributeMapping::new(
                "active",
                r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#,
            ),
            AttributeMapping::new(
                r#"emails[type eq "work"].value"#,
                r#"[emails[type eq "work"].value]"#,
            ),
        ];
        let rules = vec![rule(&users, "User"), rule(&group_mapping(), "Group")];
        let job = Job::new(&client, rules).unwrap().clock(target.clock.clone());
        job.run(&mut target.state, source, &mut |_| {}).unwrap()
    };
    let report = provision(&mut target, &fetched(&directory));
    assert_eq!((report.counts.failed, report.counts.held), (0, 0), "{report:?}");
    // Nobody who is disabled is created.
    assert!(target.user_named("bob@x.example").is_none());
    assert_eq!(target.members_of("All"), ["Guides"]);
    assert_eq!(target.members_of("Guides"), ["ada@x.example"]);
    target.asked();
    let report = provision(&mut target, &fetched(&directory));
    assert!(report.is_quiet(), "{report:?}");
    assert_eq!(target.asked().len(), 1, "the test look-up alone");

    // Bob is enabled, and Ada is somebody with another title.
    let users = directory.users();
    directory.truth(|client| {
        for user in &users {
            let patch = if user.core().get_str("userName") == Some("bob@x.example") {
                Patch::new().replace("active", true)
            } else {
                Patch::new().replace("title", "Director")
            };
            client
                .resources("User")
                .patch(&user.id().unwrap(), patch)
                .call()
                .unwrap();
        }
    });
    provision(&mut target, &fetched(&directory));
    assert!(target.is_active("bob@x.example"));
    assert_eq!(target.members_of("Guides"), ["ada@x.example", "bob@x.example"]);
    let ada = target.user_named("ada@x.example").unwrap();
    assert_eq!(ada.core().get_str("title"), Some("Director"));
}

#[test]
fn a_scim_server_that_stops_in_the_middle_is_no_source() {
    let directory = directory();
    directory.meddle(|way, request| {
        if request.http.uri().path().ends_with("/Groups") {
            refusal(500)
        } else {
            way.arrive(request)
        }
    });
    let client = directory.client();
    let error = ScimSource::fetch(&client, &Kind::ALL).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("/Groups`: the server can't be read: "),
        "{message}"
    );
    // Of users alone it is one.
    assert!(ScimSource::fetch(&client, &[Kind::User]).is_ok());
}

#[test]
fn a_scim_server_that_answers_with_its_first_page_alone_is_no_source() {
    let directory = directory();
    directory.meddle(|way, mut request| {
        if request.http.uri().path().ends_with("/Users") {
            // As SCIMMY does, whatever page is asked for.
            *request.http.uri_mut() = "http://localhost/scim/v2/Users?startIndex=1&count=1"
                .parse()
                .unwrap();
        }
        way.arrive(request)
    });
    let client = directory.client();
    let client = client.with(client.discover().call().unwrap());
    let error = ScimSource::fetch(&client, &[Kind::User]).unwrap_err();
    let message = error.to_string();
    assert!(
        message.ends_with("`totalResults` counts more resources than the pages hold; 1 resources were read"),
        "{message}"
    );
}

#[test]
fn of_a_scim_server_that_shows_no_members_no_memberships_are_known() {
    let directory = directory();
    let source = directory.truth(|client| {
        let server = client.discover().call().unwrap();
        let client = client.with(server.preset(&Preset::named("aws").unwrap()));
        ScimSource::fetch(&client, &Kind::ALL).unwrap()
    });
    assert!(!source.lists_memberships());
    let items = source.items().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert!(items.iter().all(|item| matches!(item, Item::Object(_))));
}
