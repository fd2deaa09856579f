//! The table and the resources are one, whatever happens.
#![cfg(test)]

use std::{
    env,
    io::{BufRead, BufReader, Write, stdout},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use keyfob::{
    core::message::SearchRequest, engine::Precondition, prelude::*, store_sqlite::rusqlite::Connection,
};
use mirror_users::{Person, open, people};
use pollster::block_on;

const DATABASE: &str = "KEYFOB_TEST_DATABASE";

struct Application {
    engine: Engine<SqliteStore>,
    cx: Context,
}

impl Application {
    fn open(path: &Path) -> Self {
        Self {
            engine: Engine::new(open(path).unwrap(), Registry::rfc().clone()),
            cx: Context::new(TenantId::new("acme")),
        }
    }

    fn users(&self) -> &ResourceType {
        self.engine.registry().resource_type("User").unwrap()
    }

    fn create(&self, body: &str) -> Result<ResourceId, EngineError> {
        let body = Resource::from_json(body.as_bytes(), self.users()).unwrap();
        let all = Projection::all();
        block_on(self.engine.create(&self.cx, self.users(), body, &all)).map(|written| written.id)
    }

    fn patch(&self, id: &ResourceId, operation: &str) -> Result<(), EngineError> {
        let request = format!(
            r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{operation}]}}"#
        );
        let request = PatchRequest::from_json(request.as_bytes()).unwrap();
        let (users, all) = (self.users(), Projection::all());
        block_on(
            self.engine
                .patch(&self.cx, users, id, request, &Precondition::None, &all),
        )
        .map(drop)
    }

    fn delete(&self, id: &ResourceId) {
        block_on(
            self.engine
                .delete(&self.cx, self.users(), id, &Precondition::None),
        )
        .unwrap();
    }

    /// The resources as rows of the table would be.
    fn resources(&self) -> Vec<Person> {
        let mut people = Vec::new();
        let mut request = SearchRequest::new();
        request.count = Some(1000);
        loop {
            request.start_index = Some(i64::try_from(people.len()).unwrap() + 1);
            let page = block_on(self.engine.list(&self.cx, self.users(), &request)).unwrap();
            if page.resources.is_empty() {
                people.sort();
                return people;
            }
            people.extend(page.resources.iter().map(person));
        }
    }
}

fn person(user: &Resource) -> Person {
    let core = user.core();
    let name = core.get("name").and_then(Value::as_object);
    Person {
        id: core.get_str("id").unwrap().into(),
        login: core.get_str("userName").unwrap().into(),
        first_name: name.and_then(|name| name.get_str("givenName")).map(Into::into),
        may_log_in: core.get("active").and_then(Value::as_bool).unwrap_or(true),
    }
}

#[test]
fn each_change_is_in_the_table_when_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("application.db");
    let application = Application::open(&path);
    let ada = r#"{"userName": "ada@example.com", "name": {"givenName": "Ada"}, "active": true}"#;
    let ada = application.create(ada).unwrap();
    let grace = application
        .create(r#"{"userName": "grace@example.com"}"#)
        .unwrap();
    assert_eq!(people(&path).unwrap(), application.resources());
    application
        .patch(
            &ada,
            r#"{"op": "replace", "path": "name.givenName", "value": "Augusta"}"#,
        )
        .unwrap();
    application
        .patch(&grace, r#"{"op": "replace", "path": "active", "value": false}"#)
        .unwrap();
    let rows = people(&path).unwrap();
    assert_eq!(rows, application.resources());
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.first_name.as_deref(), row.may_log_in))
        .collect();
    assert_eq!(told, [(Some("Augusta"), true), (None, false)]);
    // What is refused leaves no row.
    application
        .create(r#"{"userName": "ADA@example.com"}"#)
        .unwrap_err();
    assert_eq!(people(&path).unwrap(), rows);
    application.delete(&ada);
    assert_eq!(people(&path).unwrap(), application.resources());
}

#[test]
fn what_the_table_refuses_is_not_in_the_store_either() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("application.db");
    let application = Application::open(&path);
    let own = Connection::open(&path).unwrap();
    own.execute_batch("CREATE UNIQUE INDEX one_name ON people (first_name)")
        .unwrap();
    application
        .create(r#"{"userName": "a", "name": {"givenName": "Ada"}}"#)
        .unwrap();
    let refused = application
        .create(r#"{"userName": "b", "name": {"givenName": "Ada"}}"#)
        .unwrap_err();
    assert!(
        matches!(refused, EngineError::Store(StoreError::Internal(_))),
        "{refused:?}"
    );
    assert_eq!(application.resources().len(), 1);
    assert_eq!(people(&path).unwrap(), application.resources());
    application
        .create(r#"{"userName": "b", "name": {"givenName": "Bea"}}"#)
        .unwrap();
    assert_eq!(people(&path).unwrap(), application.resources());
}

#[test]
fn a_kill_leaves_the_table_and_the_store_equal() {
    if let Ok(path) = env::var(DATABASE) {
        write_until_killed(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("application.db");
    drop(Application::open(&path));
    let rounds = env::var("KEYFOB_KILLS").map_or(4, |rounds| rounds.parse().unwrap());
    let mut largest = 0;
    for round in 0..rounds {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "a_kill_leaves_the_table_and_the_store_equal",
                "--nocapture",
            ])
            .env(DATABASE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // It writes now, and goes on writing while nobody listens.
        while !lines.next().unwrap().unwrap().contains("wrote") {}
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        thread::sleep(Duration::from_millis(3 + 17 * (round % 9)));
        child.kill().unwrap();
        child.wait().unwrap();
        let (rows, resources) = (people(&path).unwrap(), Application::open(&path).resources());
        assert_eq!(rows, resources, "round {round}");
        largest = largest.max(rows.len());
    }
    assert!(largest > 0, "something was written");
}

/// Creates, changes and deletes users from several threads.
#[expect(
    clippy::disallowed_methods,
    reason = "the parent process reads what it prints"
)]
fn write_until_killed(path: &Path) -> ! {
    let application = Application::open(path);
    let start = std::process::id();
    thread::scope(|scope| {
        for writer in 0..3 {
            let application = &application;
            scope.spawn(move || {
                for number in 0.. {
                    let body = format!(r#"{{"userName": "{start}-{writer}-{number}", "active": true}}"#);
                    let id = application.create(&body).unwrap();
                    application
                        .patch(&id, r#"{"op": "replace", "path": "active", "value": false}"#)
                        .unwrap();
                    if number % 3 == 0 {
                        application.delete(&id);
                    }
                    let mut out = stdout().lock();
                    writeln!(out, "wrote {number}").unwrap();
                    out.flush().unwrap();
                }
            });
        }
    });
    panic!("the writers ended");
}
