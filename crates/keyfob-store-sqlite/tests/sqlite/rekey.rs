//! Databases whose keys are of an older comparison.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use keyfob_core::{CompareKey, Registry, ResourceId};
use keyfob_store::{CommitError, UniqueKey};
use keyfob_store_sqlite::{OpenError, Options, SqliteStore};
use rusqlite::Connection;

use crate::support::{New, create, id, ids, search, user_type};

/// Users in the order of their creation: the id, the name, and the key that it had before comparisons had versions,
/// composed and folded.
const USERS: [(&str, &str, &str); 7] = [
    ("ascii", "BJensen", "bjensen"),
    ("blank", "Jane Doe", "jane doe"),
    ("decomposed", "Jose\u{301}", "jos\u{e9}"),
    ("wide", "\u{ff56}ictim", "\u{ff56}ictim"),
    ("narrow", "victim", "victim"),
    ("first", "ada", "ada"),
    ("second", "\u{ff21}da", "\u{ff41}da"),
];

const CARD: &str = "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User:cardNumber";

/// A database with keys of an older comparison.
fn old_database(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    let users = USERS.map(|(id, name, key)| {
        let mut user = New::user(name);
        user.id = ResourceId::new(id);
        user.unique = vec![UniqueKey::new("userName", CompareKey::verbatim(key))];
        if id == "wide" {
            user.unique
                .push(UniqueKey::new(CARD, CompareKey::verbatim("\u{ff11}:e\u{301}")));
        }
        user
    });
    create(&store, &users).unwrap();
    drop(store);
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "UPDATE kinds SET compared = 0,
                indexed = 'displayname folded\nemails.value folded\nexternalid exact\nusername folded';",
        )
        .unwrap();
    for (id, name, _) in USERS {
        let folded: String = name.chars().flat_map(char::to_lowercase).collect();
        connection
            .execute(
                "UPDATE indexed SET value = ?2 WHERE resource = (SELECT resource FROM resources WHERE id = ?1)",
                [id, &folded],
            )
            .unwrap();
    }
}

/// All keys, with who has them.
fn keys(path: &Path) -> Vec<(String, String)> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection
        .prepare("SELECT value, id FROM unique_keys JOIN resources USING (resource) ORDER BY value")
        .unwrap();
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    rows.map(Result::unwrap).collect()
}

fn open_with(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open_with(path, Registry::rfc(), Options::new())
}

fn found(store: &SqliteStore, name: &str) -> Vec<String> {
    ids(&search(store, user_type(), &format!("userName eq \"{name}\"")))
}

fn check_new_keys(path: &Path) {
    let expected = [
        (" jane doe", "blank"),
        ("ada", "first"),
        ("bjensen", "ascii"),
        ("jos\u{e9}", "decomposed"),
        ("victim", "wide"),
        ("\u{ff11}:e\u{301}", "wide"),
    ];
    assert_eq!(
        keys(path),
        expected.map(|(key, id)| (key.to_owned(), id.to_owned())),
        "each key is that of the present comparison, but for the one that a rule reserved"
    );
}

#[test]
fn keys_of_an_older_comparison_are_made_anew_before_the_first_request() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    old_database(&path);
    let store = open_with(&path).unwrap();
    check_new_keys(&path);
    let collisions: Vec<_> = store
        .collisions()
        .iter()
        .map(|found| {
            (
                found.tenant.as_str(),
                found.attribute.as_str(),
                &found.keeps,
                &found.loses,
            )
        })
        .collect();
    assert_eq!(
        collisions,
        [
            ("acme", "userName", &id("wide"), &id("narrow")),
            ("acme", "userName", &id("first"), &id("second")),
        ],
        "of two that collide the older one keeps the key"
    );
    for (name, expected) in [
        ("jos\u{e9}", &["decomposed"][..]),
        ("jose\u{301}", &["decomposed"]),
        ("JANE DOE", &["blank"]),
        ("victim", &["narrow", "wide"]),
        ("\u{ff21}DA", &["first", "second"]),
    ] {
        assert_eq!(found(&store, name), expected, "{name}");
    }
    drop(store);
    let again = open_with(&path).unwrap();
    assert_eq!(again.collisions(), [], "it is done once");
}

#[test]
fn the_first_commit_of_a_type_makes_its_keys_anew_where_no_registry_did() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    old_database(&path);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(
        found(&store, "jose\u{301}"),
        ["decomposed"],
        "nothing is looked up in an old index"
    );
    let refused = create(&store, &[New::user("\u{ff42}jensen")]).unwrap_err();
    assert!(
        matches!(refused, CommitError::UniquenessViolated { .. }),
        "{refused:?}"
    );
    create(&store, &[New::user("new")]).unwrap();
    assert_eq!(found(&store, "JANE DOE"), ["blank"]);
    let keys = keys(&path);
    assert!(
        keys.contains(&("victim".to_owned(), "wide".to_owned())),
        "{keys:?}"
    );
}

#[test]
fn what_stops_half_way_leaves_the_old_keys_and_is_done_the_next_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    old_database(&path);
    let before = keys(&path);
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TRIGGER stop BEFORE INSERT ON unique_keys WHEN new.value = 'ada' OR new.value = 'victim'
             BEGIN SELECT raise(ABORT, 'stopped'); END",
        )
        .unwrap();
    let error = open_with(&path).unwrap_err();
    assert!(matches!(error, OpenError::Database { .. }), "{error:?}");
    assert_eq!(keys(&path), before);
    connection.execute_batch("DROP TRIGGER stop").unwrap();
    drop(connection);
    let store = open_with(&path).unwrap();
    assert_eq!(store.collisions().len(), 2);
    check_new_keys(&path);
}

#[test]
fn keys_of_a_newer_comparison_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keyfob.db");
    create(&SqliteStore::open(&path).unwrap(), &[New::user("a")]).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE kinds SET compared = 99", []).unwrap();
    let error = open_with(&path).unwrap_err();
    let expected = format!(
        "has keys of comparison 99, and this release compares up to version {}",
        CompareKey::VERSION
    );
    assert!(error.to_string().ends_with(&expected), "{error}");
}

const DATABASE: &str = "KEYFOB_TEST_REKEYED";

/// A server that is killed while it makes keys anew has made all of them anew or none.
#[test]
fn a_kill_while_keys_are_made_anew_leaves_the_old_ones_or_the_new_ones() {
    if let Ok(path) = env::var(DATABASE) {
        let store = open_with(Path::new(&path)).unwrap();
        drop(store);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let old = directory.path().join("old.db");
    old_database(&old);
    let many: Vec<New> = (0..3_000)
        .map(|number| New::user(&format!("User {number}")))
        .collect();
    let store = SqliteStore::open(&old).unwrap();
    create(&store, &many).unwrap();
    drop(store);
    Connection::open(&old)
        .unwrap()
        .execute_batch(
            "UPDATE kinds SET compared = 0;
             UPDATE unique_keys SET value = substr(value, 2) WHERE value LIKE ' user %';",
        )
        .unwrap();
    let before = keys(&old);
    let run = |path: &Path| {
        let mut child = Command::new(env::current_exe().unwrap());
        child
            .args([
                "--exact",
                "rekey::a_kill_while_keys_are_made_anew_leaves_the_old_ones_or_the_new_ones",
            ])
            .env(DATABASE, path)
            .stdout(Stdio::null());
        child.spawn().unwrap()
    };
    let copy = |name: &str| {
        let path = directory.path().join(name);
        fs::copy(&old, &path).unwrap();
        path
    };
    let whole = copy("whole.db");
    let start = Instant::now();
    assert!(run(&whole).wait().unwrap().success());
    let duration = start.elapsed();
    let after = keys(&whole);
    assert_ne!(before, after);
    let rounds: u32 = env::var("KEYFOB_KILLS").map_or(6, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let path = copy(&format!("{round}.db"));
        let mut child = run(&path);
        thread::sleep(duration * (round + 1) / (rounds + 1));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = keys(&path);
        assert!(
            found == before || found == after,
            "round {round}: some keys are old and some new"
        );
        let store = open_with(&path).unwrap();
        assert_eq!(self::found(&store, "USER 17").len(), 1);
        drop(store);
        assert_eq!(keys(&path), after, "round {round}");
    }
}
