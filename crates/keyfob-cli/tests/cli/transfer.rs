//! `keyfob export` and `keyfob import`: what is read from one store is what another one has afterwards.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Stdio,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Finished, Server, finish, keyfob, run};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const VERKADA: &str = "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User";

fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Creates a store with an organization of this profile.
fn create(store: &str, profile: &str) {
    let arguments = [
        "admin",
        "org",
        "create",
        "default",
        "--profile",
        profile,
        "--create",
        "--store",
        store,
    ];
    let created = run(&arguments, "");
    assert_eq!(created.code, Some(0), "{created:?}");
}

fn export(store: &str) -> Finished {
    run(&["export", "--store", store], "")
}

fn import(store: &str, lines: &str) -> Finished {
    run(&["import", "--store", store], lines)
}

/// The resources of an export by their ids, with the members of each by theirs, and without what a store makes anew.
fn resources(exported: &str) -> BTreeMap<String, Value> {
    let lines = exported.lines().map(|line| {
        let mut resource: Value = serde_json::from_str(line).unwrap();
        let meta = resource.as_object_mut().unwrap().remove("meta").unwrap();
        assert!(meta["lastModified"].is_string(), "{line}");
        if let Some(members) = resource.get_mut("members").and_then(Value::as_array_mut) {
            members.sort_by_key(|member| member["value"].as_str().unwrap().to_owned());
        }
        (resource["id"].as_str().unwrap().to_owned(), resource)
    });
    lines.collect()
}

/// A line that describes a user.
fn user(name: &str, more: &Value) -> String {
    let mut user = json!({"schemas": [USER], "userName": name});
    user.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    format!("{user}\n")
}

/// A line that describes a group with an id.
fn group(id: &str, name: &str, members: &[&str]) -> String {
    let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
    let group = json!({"schemas": [GROUP], "id": id, "displayName": name, "members": members});
    format!("{group}\n")
}

fn code_and_output(finished: &Finished) -> (Option<i32>, &str, &str) {
    (finished.code, &finished.stdout, &finished.stderr)
}

/// Fills a store over HTTP: users with extensions, one of them inactive, one deleted; groups with and without members, one of
/// them in another.
fn fill(store: &str) {
    let (server, client) = Server::start_fresh(&["--store", store]);
    let mut ids = Vec::new();
    for number in 0..7 {
        let user = json!({
            "schemas": [USER, ENTERPRISE, VERKADA],
            "userName": format!("user-{number}@example.com"),
            "externalId": format!("external-{number}"),
            "name": {"givenName": "Zoë", "familyName": "Ødegård 山田"},
            "active": number != 3,
            "emails": [{"value": format!("user-{number}@example.com"), "type": "work", "primary": true}],
            ENTERPRISE: {"department": "Tour \u{202e}Guides\u{7f}", "manager": {"value": "26118915"}},
            VERKADA: {"cardNumber": format!("{}", 1000 + number), "cardFormat": "Standard 26-bit Wiegand"},
        });
        ids.push(client.send("POST", "/Users", Some(&user)).created());
    }
    assert_eq!(
        client.send("DELETE", &format!("/Users/{}", ids[6]), None).status,
        204
    );
    let group = |name: &str, members: &[&String]| {
        let members: Vec<Value> = members
            .iter()
            .map(|id| json!({"value": id, "display": "shown"}))
            .collect();
        let group = json!({"schemas": [GROUP], "displayName": name, "members": members});
        client.send("POST", "/Groups", Some(&group)).created()
    };
    let inner = group("Guides", &[&ids[0], &ids[1], &ids[2]]);
    group("Everybody", &[&inner, &ids[4]]);
    group("Nobody", &[]);
    server.stop();
}

/// Export, import into another store, export: the same lines. The second import changes nothing.
fn round_trip(from: &str, to: &str) {
    let first = export(from);
    assert_eq!(
        (first.code, first.stderr.as_str()),
        (Some(0), "exported User: 6, Group: 3\n"),
        "{first:?}"
    );
    assert!(
        first.stdout.is_ascii() || !first.stdout.contains('\u{202e}'),
        "nothing acts on a terminal"
    );
    create(to, "interop");
    let imported = import(to, &first.stdout);
    let expected = "lines: 9, refused: 0\nGroup: 3 created, 0 changed, 0 unchanged\nUser: 6 created, 0 changed, 0 unchanged\n";
    assert_eq!(code_and_output(&imported), (Some(0), expected, ""));
    let second = export(to);
    assert_eq!(resources(&first.stdout), resources(&second.stdout));
    assert_eq!(resources(&second.stdout).len(), 9);
    let again = import(to, &first.stdout);
    let expected = "lines: 9, refused: 0\nGroup: 0 created, 0 changed, 3 unchanged\nUser: 0 created, 0 changed, 6 unchanged\n";
    assert_eq!(code_and_output(&again), (Some(0), expected, ""));
    // Not even a version.
    assert_eq!(second.stdout, export(to).stdout);
}

#[test]
fn what_is_exported_and_imported_is_the_same_with_ids_members_and_extensions() {
    let folder = TempDir::new().unwrap();
    let (from, to) = (
        url(&folder.path().join("from.db")),
        url(&folder.path().join("to.db")),
    );
    fill(&from);
    round_trip(&from, &to);
    let events = run(&["admin", "events", "--json", "--all", "--store", &to], "");
    let created = events
        .stdout
        .lines()
        .find(|line| line.contains("created"))
        .unwrap();
    assert!(created.contains("command:"), "{created}");
}

/// The address of a schema of its own, where there is a database.
fn postgres(name: &str) -> Option<String> {
    let Ok(database) = env::var("KEYFOB_TEST_POSTGRES_URL") else {
        let is_demanded = env::var_os("KEYFOB_TEST_POSTGRES_REQUIRED").is_some();
        assert!(!is_demanded, "there is no database, and one is demanded");
        return None;
    };
    let separator = if database.contains('?') { '&' } else { '?' };
    Some(format!(
        "{database}{separator}schema={name}_{}",
        std::process::id()
    ))
}

#[test]
fn what_is_exported_from_sqlite_can_be_imported_into_postgresql_and_back() {
    let Some(postgres) = postgres("transfer") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let (from, back) = (
        url(&folder.path().join("from.db")),
        url(&folder.path().join("back.db")),
    );
    fill(&from);
    round_trip(&from, &postgres);
    round_trip(&postgres, &back);
}

#[test]
fn an_export_is_for_its_owner_alone_and_nothing_is_written_over() {
    let folder = TempDir::new().unwrap();
    let (database, file) = (folder.path().join("scim.db"), folder.path().join("users.ndjson"));
    create(&url(&database), "interop");
    assert_eq!(import(&url(&database), &user("ada", &json!({}))).code, Some(0));
    let export = |file: &Path| run(&["export", text(file), "--store", &url(&database)], "");
    let exported = export(&file);
    assert_eq!(
        code_and_output(&exported),
        (Some(0), "", "exported User: 1, Group: 0\n")
    );
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
    export(&file).assert_unusable("there is a file");
    export(&folder.path().join("missing/users.ndjson")).assert_unusable("can't be written");
    run(&["export", "--store", "memory:"], "").assert_unusable("memory:");
    run(&["export", "--store", &url(&folder.path().join("other.db"))], "")
        .assert_unusable("there is no store");
    let stranger = ["export", "--store", &url(&database), "--organization", "umbrella"];
    run(&stranger, "").assert_unusable("umbrella");
    let left = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left: Vec<String> = left.map(|name| name.into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains(".part")), "{left:?}");
}

#[test]
fn an_export_onto_a_full_disk_fails_and_says_so() {
    let folder = TempDir::new().unwrap();
    let store = url(&folder.path().join("scim.db"));
    create(&store, "interop");
    assert_eq!(import(&store, &user("ada", &json!({}))).code, Some(0));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut command = keyfob(&["export", "--store", &store]);
    let output = command.stdin(Stdio::null()).stdout(full).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("No space left"), "{stderr}");
    assert!(!stderr.contains("exported"), "{stderr}");
}

#[test]
fn a_bad_line_is_refused_with_its_number_and_without_its_values_and_the_others_are_written() {
    let folder = TempDir::new().unwrap();
    let store = url(&folder.path().join("scim.db"));
    create(&store, "interop");
    let long = user("long@example.com", &json!({"title": "x".repeat(100_000_000)}));
    let mut input = Vec::new();
    for line in [
        user("ada@example.com", &json!({"id": "a"})).into_bytes(),
        b"this is no JSON with secret-1\n".to_vec(),
        b"\"secret-2\"\n".to_vec(),
        user("ADA@example.com", &json!({"id": "b"})).into_bytes(),
        user(
            "odd@example.com",
            &json!({"shoeSize": 43, "password": "secret-3"}),
        )
        .into_bytes(),
        group("g", "Guides", &["a", "nobody"]).into_bytes(),
        long.into_bytes(),
        b"{\"schemas\": [\"urn:ietf:params:scim:schemas:core:2.0:User\"], \"userName\": \"secret-4\xff\"}\n"
            .to_vec(),
        b"\n".to_vec(),
        format!(
            "{}\n",
            json!({"schemas": ["urn:example:Other"], "userName": "secret-5"})
        )
        .into_bytes(),
        format!("{}\n", json!({"schemas": [USER], "displayName": "Dan"})).into_bytes(),
        user("dan@example.com", &json!({"id": "d", "name": "secret-6"})).into_bytes(),
        user("eve@example.com", &json!({"id": 7})).into_bytes(),
        user("fay@example.com", &json!({"id": "a b"})).into_bytes(),
        user("gus@example.com", &json!({"id": "gus"})).into_bytes(),
        user("hal@example.com", &json!({"id": "gus"})).into_bytes(),
        group("h", "Last", &["a", "gus"]).into_bytes(),
        b"{\"schemas\": [\"urn:ietf:params:scim:schemas:core:2.0:User\"], \"userName\": \"secret-7".to_vec(),
    ] {
        input.extend(line);
    }
    let file = folder.path().join("input.ndjson");
    fs::write(&file, &input).unwrap();
    let imported = run(&["import", text(&file), "--store", &store], "");
    assert_eq!(imported.code, Some(1), "{imported:?}");
    for (line, reason) in [
        (2, "a JSON object"),
        (3, "a JSON object"),
        (4, "it is about the same User as line 1"),
        (6, "`nobody` among them"),
        (7, "`title`"),
        (8, "invalid UTF-8 at column"),
        (10, "`schemas` names none of"),
        (11, "`userName` is required"),
        (12, "`name` takes"),
        (13, "`id` takes a text"),
        (14, "can't be the id of a resource"),
        (16, "it is about the same User as line 15"),
        (18, "as if it was cut off"),
    ] {
        let said = format!("line {line}: ");
        let found = imported.stderr.lines().find(|found| found.starts_with(&said));
        assert!(
            found.is_some_and(|found| found.contains(reason)),
            "{line} {reason}: {imported:?}"
        );
    }
    for left_out in [
        "`shoeSize` (unknown attribute)",
        "`password` (writeOnly attribute)",
    ] {
        assert!(imported.stderr.contains(left_out), "{imported:?}");
    }
    for number in 1..=7 {
        assert!(
            !imported.stderr.contains(&format!("secret-{number}")),
            "{imported:?}"
        );
    }
    assert_eq!(
        imported.stdout,
        "lines: 17, refused: 13\nGroup: 1 created, 0 changed, 0 unchanged\nUser: 3 created, 0 changed, 0 unchanged\n"
    );
    let exported = resources(&export(&store).stdout);
    assert_eq!(exported["a"]["userName"], "ada@example.com");
    assert_eq!(exported["h"]["members"].as_array().unwrap().len(), 2);
    assert_eq!(exported.len(), 4, "{exported:?}");
}

#[test]
fn nothing_is_written_after_the_first_refusal_where_it_is_to_stop_there() {
    let folder = TempDir::new().unwrap();
    let store = url(&folder.path().join("scim.db"));
    create(&store, "interop");
    let lines = [
        group("g", "Guides", &[]),
        user("ada", &json!({})),
        user("", &json!({})),
        user("bob", &json!({})),
    ]
    .concat();
    let arguments = ["import", "--stop-on-error", "--store", &store];
    let imported = run(&arguments, &lines);
    assert_eq!(imported.code, Some(1), "{imported:?}");
    assert!(imported.stderr.starts_with("line 3: "), "{imported:?}");
    let exported = resources(&export(&store).stdout);
    let names: Vec<&Value> = exported.values().map(|resource| &resource["userName"]).collect();
    assert_eq!(names, ["ada"]);
}

#[test]
fn an_empty_input_is_no_error_and_one_that_is_not_there_is() {
    let folder = TempDir::new().unwrap();
    let store = url(&folder.path().join("scim.db"));
    run(&["import", "--store", &store], "").assert_unusable("there is no store");
    create(&store, "interop");
    for input in ["", "\n \n"] {
        assert_eq!(
            code_and_output(&import(&store, input)),
            (Some(0), "lines: 0, refused: 0\n", "")
        );
    }
    let missing = folder.path().join("missing");
    run(&["import", text(&missing), "--store", &store], "").assert_unusable("cannot read");
    run(&["import", text(folder.path()), "--store", &store], "").assert_unusable("cannot read");
}

#[test]
fn resources_without_ids_are_known_by_external_id_and_name_and_a_second_import_changes_nothing() {
    let folder = TempDir::new().unwrap();
    let store = url(&folder.path().join("scim.db"));
    create(&store, "rfc");
    let group = |name: &str, more: Value| {
        let mut group = json!({"schemas": [GROUP], "displayName": name});
        group
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        format!("{group}\n")
    };
    let lines = [
        user("ada", &json!({"externalId": "1"})),
        user("bob", &json!({})),
        group("Guides", json!({})),
        group("Drivers", json!({"externalId": "7"})),
    ]
    .concat();
    let unchanged = "lines: 4, refused: 0\nGroup: 0 created, 0 changed, 2 unchanged\nUser: 0 created, 0 changed, 2 unchanged\n";
    assert_eq!(import(&store, &lines).code, Some(0));
    assert_eq!(code_and_output(&import(&store, &lines)), (Some(0), unchanged, ""));
    // A new name under an `externalId`, and a name in another case.
    let renamed = [
        user("ada.lovelace", &json!({"externalId": "1"})),
        user("BOB", &json!({"title": "Guide"})),
        group("All drivers", json!({"externalId": "7"})),
    ]
    .concat();
    let changed = "lines: 3, refused: 0\nGroup: 0 created, 1 changed, 0 unchanged\nUser: 0 created, 2 changed, 0 unchanged\n";
    assert_eq!(code_and_output(&import(&store, &renamed)), (Some(0), changed, ""));
    // Two groups of one name can't be told apart without more, and neither can two lines.
    let two = [
        group("Guides", json!({"externalId": "8"})),
        group("Guides", json!({})),
    ]
    .concat();
    let refused = import(&store, &two);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("several Group resources with this `displayName`"),
        "{refused:?}"
    );
    let twice = [user("cleo", &json!({})), user("Cleo", &json!({}))].concat();
    let refused = import(&store, &twice);
    assert!(
        refused
            .stderr
            .contains("line 2: it is about the same User as line 1"),
        "{refused:?}"
    );
}

#[test]
fn members_may_stand_before_and_after_their_groups_and_groups_in_one_another() {
    let folder = TempDir::new().unwrap();
    let store = url(&folder.path().join("scim.db"));
    create(&store, "interop");
    let lines = [
        group("outer", "Outer", &["middle", "a"]),
        group("middle", "Middle", &["inner"]),
        group("left", "Left", &["right", "a"]),
        group("inner", "Inner", &["a"]),
        group("right", "Right", &["left"]),
        group("bad", "Bad", &["bad-too"]),
        group("bad-too", "Bad too", &["bad", "nobody"]),
        user("ada", &json!({"id": "a"})),
    ]
    .concat();
    let imported = import(&store, &lines);
    assert_eq!(imported.code, Some(1), "{imported:?}");
    assert_eq!(
        imported.stdout,
        "lines: 8, refused: 1\nGroup: 6 created, 0 changed, 0 unchanged\nUser: 1 created, 0 changed, 0 unchanged\n"
    );
    assert_eq!(
        imported.stderr,
        "line 7: 1 of the members do not exist or are of a type that cannot be a member, `nobody` among them; it was created \
         without its members\n"
    );
    let exported = resources(&export(&store).stdout);
    let members = |id: &str| {
        let members = exported[id].get("members").and_then(Value::as_array);
        members
            .into_iter()
            .flatten()
            .map(|member| member["value"].as_str().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(members("outer"), ["a", "middle"]);
    assert_eq!(members("left"), ["a", "right"]);
    assert_eq!(members("right"), ["left"]);
    assert_eq!(members("bad"), ["bad-too"]);
    assert_eq!(members("bad-too"), [""; 0]);
}

#[test]
fn memberships_follow_users_who_have_another_id_here() {
    let folder = TempDir::new().unwrap();
    let store = url(&folder.path().join("scim.db"));
    create(&store, "interop");
    assert_eq!(import(&store, &user("ada", &json!({"id": "here"}))).code, Some(0));
    let lines = [
        user("ada", &json!({"id": "there"})),
        user("bob", &json!({"id": "b"})),
        group("g", "Guides", &["there", "b"]),
    ]
    .concat();
    for (group, user) in [("1 created", "1 created"), ("0 created", "0 created")] {
        let imported = import(&store, &lines);
        assert_eq!(imported.code, Some(0), "{imported:?}");
        assert!(
            imported.stdout.contains(&format!("Group: {group}")),
            "{imported:?}"
        );
        assert!(imported.stdout.contains(&format!("User: {user}")), "{imported:?}");
    }
    let exported = resources(&export(&store).stdout);
    let members: Vec<&Value> = exported["g"]["members"].as_array().unwrap().iter().collect();
    assert_eq!(members[0]["value"], "b");
    assert_eq!(members[1]["value"], "here");
    assert_eq!(exported.len(), 3);
}

#[test]
fn deleted_users_are_not_exported_and_come_back_by_an_import_as_by_a_post() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("scim.db");
    let store = url(&database);
    let (server, client) = Server::start_fresh(&["--store", &store, "--profile", "verkada"]);
    let (ada, bob) = (
        client.create_user("ada@example.com"),
        client.create_user("bob@example.com"),
    );
    let before = export(&store);
    assert_eq!(client.send("DELETE", &format!("/Users/{ada}"), None).status, 204);
    let after = export(&store);
    assert_eq!(
        after.stderr,
        "exported User: 1, Group: 0; 1 deleted, which can be brought back, are not exported\n"
    );
    assert!(!after.stdout.contains("ada@example.com"), "{after:?}");
    // Beside a running server, which sees it at once.
    let imported = import(&store, &before.stdout);
    assert_eq!(
        code_and_output(&imported),
        (
            Some(0),
            "lines: 2, refused: 0\nUser: 0 created, 1 changed, 1 unchanged\n",
            ""
        )
    );
    for id in [ada, bob] {
        assert_eq!(client.get(&format!("/Users/{id}")).status, 200);
    }
    server.stop();
}

/// The group is written in two slices, of which the second is refused the first time.
fn import_a_large_group(store: &str) {
    create(store, "interop");
    let ids: Vec<String> = (0..5_003).map(|number| format!("id-{number:05}")).collect();
    let users: String = ids
        .iter()
        .map(|id| user(&format!("{id}@example.com"), &json!({"id": id})))
        .collect();
    let members: Vec<&str> = ids.iter().map(String::as_str).collect();
    let with_nobody: Vec<&str> = members.iter().copied().chain(["nobody"]).collect();
    let refused = import(store, &(users + &group("all", "All", &with_nobody)));
    assert_eq!(
        (refused.code, refused.stdout.as_str()),
        (
            Some(1),
            "lines: 5004, refused: 1\nUser: 5003 created, 0 changed, 0 unchanged\n"
        )
    );
    assert!(
        refused.stderr.contains("line 5004: ")
            && refused
                .stderr
                .ends_with("`nobody` among them; 5000 of its members were written before\n"),
        "{}",
        refused.stderr
    );
    let members_of_all = || {
        let exported = resources(&export(store).stdout);
        exported["all"]["members"].as_array().unwrap().len()
    };
    assert_eq!(members_of_all(), 5_000);
    let whole = group("all", "All", &members);
    for told in [
        "0 created, 1 changed, 0 unchanged",
        "0 created, 0 changed, 1 unchanged",
    ] {
        let imported = import(store, &whole);
        assert_eq!(
            code_and_output(&imported),
            (
                Some(0),
                format!("lines: 1, refused: 0\nGroup: {told}\n").as_str(),
                ""
            )
        );
    }
    assert_eq!(members_of_all(), 5_003);
}

#[test]
fn a_group_that_is_refused_on_the_way_has_what_was_written_and_gets_the_rest_by_another_import() {
    let folder = TempDir::new().unwrap();
    import_a_large_group(&url(&folder.path().join("scim.db")));
}

#[test]
fn so_it_does_on_postgresql() {
    if let Some(postgres) = postgres("large_group") {
        import_a_large_group(&postgres);
    }
}

#[test]
fn a_large_import_is_written_whole_beside_a_server_that_writes() {
    let folder = TempDir::new().unwrap();
    let store = url(&folder.path().join("scim.db"));
    let (server, client) = Server::start_fresh(&["--store", &store]);
    let mut lines = String::new();
    let ids: Vec<String> = (0..1_500).map(|number| format!("id-{number:05}")).collect();
    for id in &ids {
        lines.push_str(&user(&format!("{id}@example.com"), &json!({"id": id})));
    }
    let members: Vec<&str> = ids.iter().map(String::as_str).collect();
    lines.push_str(&group("all", "All", &members));
    let file = folder.path().join("large.ndjson");
    fs::write(&file, lines).unwrap();
    let import = std::thread::spawn({
        let store = store.clone();
        move || finish(&mut keyfob(&["import", text(&file), "--store", &store]), "")
    });
    for number in 0..50 {
        client.create_user(&format!("other-{number}@example.com"));
    }
    let imported = import.join().unwrap();
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let total = |path: &str| client.get(path).json()["totalResults"].clone();
    assert_eq!(total("/Users?count=0"), 1_550);
    assert_eq!(
        total("/Users?count=0&filter=groups.value%20eq%20%22all%22"),
        1_500
    );
    // A group of more members than are read along with others.
    let exported = resources(&export(&store).stdout);
    assert_eq!(exported["all"]["members"].as_array().unwrap().len(), 1_500);
    server.stop();
}
