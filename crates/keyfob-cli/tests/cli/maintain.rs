//! A store in its operator's hands: copied, restored and checked; settings from everywhere.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use tempfile::TempDir;

use crate::process::{Finished, Server, finish, keyfob, run};

fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_backup_has_all_that_was_answered_and_is_for_its_owner_alone() {
    let folder = TempDir::new().unwrap();
    let (database, copy, again) = (
        folder.path().join("scim.db"),
        folder.path().join("copy.db"),
        folder.path().join("again.db"),
    );
    let (server, client) = Server::start_fresh(&["--store", &url(&database)]);
    for number in 0..20 {
        client.create_user(&format!("user-{number}@example.com"));
    }
    let backup = |file: &Path| run(&["backup", text(file), "--store", &url(&database)], "");
    let made = backup(&copy);
    assert_eq!(
        (made.code, made.stdout.trim()),
        (Some(0), text(&copy)),
        "{made:?}"
    );
    assert_eq!(mode(&copy), 0o600);
    // What comes later isn't in it, and nothing is written over.
    client.create_user("late@example.com");
    backup(&copy).assert_unusable("there is a file");
    let token = client.token().to_owned();
    server.stop();

    let restore = |file: &Path, to: &Path| run(&["restore", text(file), "--store", &url(to)], "");
    restore(&copy, &database).assert_unusable("move the database and its `-wal` and `-shm` files away");
    let restored = restore(&copy, &again);
    assert_eq!((restored.code, mode(&again)), (Some(0), 0o600), "{restored:?}");
    let server = Server::start(&["--store", &url(&again)]);
    let users = server.client(&token).get("/Users?count=0").json();
    assert_eq!(users["totalResults"], 20, "{users}");
    server.stop();
    let names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| !name.to_string_lossy().ends_with(".part")),
        "{names:?}"
    );
}

#[test]
fn a_backup_of_nothing_and_a_restore_of_something_else_leave_nothing() {
    let folder = TempDir::new().unwrap();
    let (missing, copy, other) = (
        folder.path().join("missing.db"),
        folder.path().join("copy.db"),
        folder.path().join("other.db"),
    );
    run(&["backup", text(&copy), "--store", &url(&missing)], "").assert_unusable("there is no database");
    fs::write(
        &other,
        "this is no database, and long enough to be looked at
"
        .repeat(100),
    )
    .unwrap();
    run(&["restore", text(&other), "--store", &url(&missing)], "")
        .assert_unusable("not a database of keyfob");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    run(&["backup", "x", "--store", "memory:"], "").assert_unusable("memory:");
    run(&["backup", "x", "--store", "postgres://ada@db/app"], "").assert_unusable("pg_dump");
    run(&["restore", "x", "--store", "postgres://ada@db/app"], "").assert_unusable("pg_restore");
}

#[test]
fn a_check_says_what_is_not_as_it_should_be_and_repeats_no_value() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("scim.db");
    let (server, client) = Server::start_fresh(&["--store", &url(&database)]);
    let id = client.create_user("secret@example.com");
    server.stop();
    let check = || run(&["check", "--store", &url(&database)], "");
    let whole = check();
    assert_eq!(
        (whole.code, whole.stdout.as_str()),
        (Some(0), "ok\n"),
        "{whole:?}"
    );
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .execute("DELETE FROM unique_keys WHERE value LIKE 'secret%'", [])
        .unwrap();
    drop(connection);
    let faulty = check();
    assert_eq!(faulty.code, Some(1), "{faulty:?}");
    assert!(
        faulty
            .stdout
            .contains(&format!("`{id}` doesn't hold its `userName`")),
        "{faulty:?}"
    );
    assert!(!faulty.stdout.contains("secret"), "{faulty:?}");
}

#[test]
fn a_store_is_checked_and_administered_with_the_definitions_with_which_it_is_served() {
    const BADGE: &str = "urn:example:params:scim:schemas:badge:1.0:User";
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let attribute = serde_json::json!({
        "name": "number", "type": "string", "multiValued": false, "description": "The number.", "required": false,
        "caseExact": true, "mutability": "readWrite", "returned": "default", "uniqueness": "none",
    });
    let schema = serde_json::json!({"id": BADGE, "name": "Badge", "attributes": [attribute]});
    let user = serde_json::json!({
        "id": "User", "name": "User", "endpoint": "/Users", "schema": "urn:ietf:params:scim:schemas:core:2.0:User",
        "schemaExtensions": [{"schema": BADGE, "required": false}], "indexed": [format!("{BADGE}:number")],
    });
    fs::write(path("badge.json"), schema.to_string()).unwrap();
    fs::write(path("user.json"), user.to_string()).unwrap();
    let (badge, user) = (path("badge.json"), path("user.json"));
    let definitions = ["--schema", text(&badge), "--resource-type", text(&user)];
    let store = url(&path("scim.db"));
    let (server, client) = Server::start_fresh(&[&["--store", &store], &definitions[..]].concat());
    client.create_user("ada@example.com");
    server.stop();
    let index = || -> String {
        let connection = rusqlite::Connection::open(path("scim.db")).unwrap();
        let indexed = connection.query_row("SELECT indexed FROM kinds WHERE name = 'User'", [], |row| {
            row.get(0)
        });
        indexed.unwrap()
    };
    let indexed = index();
    assert!(indexed.contains("badge"), "{indexed}");
    for command in [&["check"][..], &["admin", "user", "list"]] {
        let command = [command, &["--store", &store]].concat();
        let refused = run(&command, "");
        refused.assert_unusable("badge:1.0:user:number");
        refused.assert_unusable("--resource-type");
        let done = run(&[&command, &definitions[..]].concat(), "");
        assert_eq!(done.code, Some(0), "{done:?}");
        assert_eq!(index(), indexed, "{command:?}");
    }
}

/// A database that is gone leaves its log. A new one beside it would tell the provider that all users were deleted.
#[test]
fn no_database_is_created_beside_what_another_has_left() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("scim.db");
    for suffix in ["-wal", "-shm"] {
        let left = folder.path().join(format!("scim.db{suffix}"));
        fs::write(&left, "left").unwrap();
        let refused = run(
            &["serve", "--listen", "127.0.0.1:0", "--store", &url(&database)],
            "",
        );
        refused.assert_unusable("there is no database");
        refused.assert_unusable(suffix);
        assert!(!database.exists());
        fs::remove_file(left).unwrap();
    }
}

#[test]
fn a_database_that_everybody_may_read_is_closed_to_others_with_a_warning() {
    let folder = TempDir::new().unwrap();
    let database = folder.path().join("scim.db");
    drop(Server::start(&["--store", &url(&database)]));
    for (before, after) in [(0o666, 0o660), (0o640, 0o640)] {
        fs::set_permissions(&database, fs::Permissions::from_mode(before)).unwrap();
        let stopped = Server::start(&["--store", &url(&database)]).stop();
        assert_eq!(mode(&database), after);
        assert_eq!(
            stopped.stderr.contains("everybody on this machine"),
            before != after,
            "{stopped:?}"
        );
    }
}

fn config(arguments: &[&str], variables: &[(&str, &str)]) -> Finished {
    let arguments = [&["config"], arguments].concat();
    finish(keyfob(&arguments).envs(variables.iter().copied()), "")
}

#[test]
fn a_setting_comes_from_an_argument_then_a_variable_then_the_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keyfob.toml");
    fs::write(
        &file,
        "listen = \"127.0.0.1:1\"\nbase-path = \"/file\"\nlog = \"warn\"\ndomain = [\"a.example\", \"b.example\"]\n",
    )
    .unwrap();
    let printed = config(
        &["--config", text(&file), "--listen", "127.0.0.1:3"],
        &[
            ("KEYFOB_LISTEN", "127.0.0.1:2"),
            ("KEYFOB_BASE_PATH", "/variable"),
            ("KEYFOB_STORE", "postgres://ada:secret@db/app"),
        ],
    );
    assert_eq!(printed.code, Some(0), "{printed:?}");
    for line in [
        "listen = 127.0.0.1:3  (argument)".to_owned(),
        "base-path = /variable  (KEYFOB_BASE_PATH)".to_owned(),
        format!("log = warn  ({})", file.display()),
        format!("domain = a.example, b.example  ({})", file.display()),
        "log-format = text  (default)".to_owned(),
        "admin-listen = -  (default)".to_owned(),
    ] {
        assert!(
            printed.stdout.lines().any(|found| found == line),
            "{line}: {printed:?}"
        );
    }
    assert!(!printed.stdout.contains("secret"), "{printed:?}");
    // A server takes the same.
    fs::write(
        &file,
        "store = \"memory:\"\nlisten = \"127.0.0.1:0\"\nprofile = \"rfc\"\n",
    )
    .unwrap();
    let server = Server::spawn(&mut keyfob(&["serve", "--config", text(&file)]));
    assert_eq!(server.profile, "rfc");
}

#[test]
fn a_variable_that_is_empty_is_as_if_it_were_not_set() {
    let all = config(&[], &[]);
    let names = all.stdout.lines().filter_map(|line| line.split(" = ").next());
    let names: Vec<String> = names
        .map(|name| format!("KEYFOB_{}", name.replace('-', "_").to_uppercase()))
        .collect();
    assert!(names.len() > 10, "{all:?}");
    let empty: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let printed = config(&[], &empty);
    assert_eq!(
        (printed.code, printed.stdout),
        (Some(0), all.stdout),
        "{}",
        printed.stderr
    );
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_the_place_and_without_what_stands_there() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keyfob.toml");
    fs::write(&file, "log = \"warn\"\nstore = \"postgres://ada:secret@db/app\n").unwrap();
    let refused = config(&["--config", text(&file)], &[]);
    refused.assert_unusable("line 2, column");
    assert!(!refused.stderr.contains("secret"), "{refused:?}");
}

#[test]
fn a_file_with_something_that_is_no_setting_is_refused_with_its_name() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keyfob.toml");
    for (content, message) in [
        ("listne = \"127.0.0.1:1\"", "there is no setting `listne`"),
        ("profile = \"nonsense\"", "nonsense"),
        ("listen = [[1]]", "`listen` is a text"),
        ("[serve]\nlisten = \"127.0.0.1:1\"", "there is no setting `serve`"),
        ("config = \"other.toml\"", "there is no setting `config`"),
        ("listen = ", "keyfob.toml"),
    ] {
        fs::write(&file, content).unwrap();
        let refused = config(&["--config", text(&file)], &[]);
        refused.assert_unusable(message);
        refused.assert_unusable("keyfob.toml");
    }
    config(&["--config", "missing.toml"], &[]).assert_unusable("missing.toml");
}

#[test]
fn the_token_of_the_first_start_may_stand_in_a_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, "a-token-that-somebody-has-chosen-0123456789\n").unwrap();
    let server = Server::start(&["--store", "memory:", "--bootstrap-token-file", text(&file)]);
    assert_eq!(server.token, None);
    let client = server.client("a-token-that-somebody-has-chosen-0123456789");
    assert_eq!(client.get("/Users").status, 200);
    fs::write(&file, "short").unwrap();
    let arguments = [
        "serve",
        "--store",
        "memory:",
        "--bootstrap-token-file",
        text(&file),
    ];
    let refused = run(&arguments, "");
    refused.assert_unusable("a token has at least 32 characters");
    assert!(!refused.stderr.contains("short"), "{refused:?}");
}

#[test]
fn completions_and_a_manual_page_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        let printed = run(&["completions", shell], "");
        assert!(
            printed.code == Some(0) && printed.stdout.contains("admin-listen"),
            "{shell}"
        );
    }
    let man = run(&["man"], "").stdout;
    assert!(
        man.contains(".TH keyfob 1") && man.contains("admin\\-listen"),
        "{}",
        man.lines().next().unwrap_or_default()
    );
}
