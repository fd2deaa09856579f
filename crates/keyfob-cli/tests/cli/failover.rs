//! PostgreSQL that fails under servers: the primary is killed and its synchronous standby promoted, it is killed and started
//! again, and it loses its standby. `KEYFOB_FAILOVERS` is the number of failovers; without it the test is skipped, as it takes
//! a minute. `.ci/postgres` says where PostgreSQL's programs are.

use std::{
    collections::BTreeMap,
    env, fs,
    net::TcpListener,
    path::PathBuf,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    client::{Answer, Client, Draft, patch, user},
    process::{Server, run},
    servers::assert_gapless,
};

const WRITERS: usize = 4;

/// No recovery takes longer.
const PATIENCE: Duration = Duration::from_secs(90);

/// Two places for servers of PostgreSQL, of which one is the primary.
struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    /// The command by which they run as somebody else than root.
    user: Vec<String>,
    ports: [u16; 2],
    primary: usize,
}

impl Cluster {
    /// Starts a primary without a standby; none where nobody says how.
    fn start() -> Option<Self> {
        let programs = env::var_os("KEYFOB_TEST_POSTGRES_PROGRAMS")?;
        let user = env::var("KEYFOB_TEST_POSTGRES_USER").unwrap_or_default();
        let user: Vec<String> = user.split_whitespace().map(str::to_owned).collect();
        let ports = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = ports.map(|listener| listener.local_addr().unwrap().port());
        let cluster = Self {
            folder: TempDir::new().unwrap(),
            programs: programs.into(),
            user,
            ports,
            primary: 0,
        };
        let folder = cluster.folder.path().to_owned();
        if let Some(user) = cluster.user.iter().find_map(|word| word.strip_prefix("--reuid=")) {
            let owned = Command::new("chown").arg(user).arg(&folder).status().unwrap();
            assert!(owned.success());
        }
        let data = cluster.data(0);
        cluster.run(
            "initdb",
            &[
                "-D",
                &data,
                "-U",
                "keyfob",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ],
        );
        // What a killed process has written stays, so that nobody has to wait for the disk.
        let common = "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 60\nfsync = off\n\
             shared_buffers = 32MB\nwal_keep_size = 256MB\n";
        cluster.configure(0, common);
        cluster.start_server(0);
        cluster.sql("CREATE DATABASE keyfob");
        Some(cluster)
    }

    fn data(&self, place: usize) -> String {
        let path = self.folder.path().join(format!("data{place}"));
        path.to_str().unwrap().to_owned()
    }

    fn port(&self) -> String {
        self.ports[self.primary].to_string()
    }

    /// The URL of both, of which a server takes the one that writes.
    fn url(&self) -> String {
        let [first, second] = self.ports;
        format!(
            "postgres://keyfob@127.0.0.1:{first},127.0.0.1:{second}/keyfob?sslmode=disable&connections=8&schema=ha"
        )
    }

    /// Runs one of PostgreSQL's programs.
    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program, arguments).output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut words = self
            .user
            .iter()
            .map(String::as_str)
            .chain([program.to_str().unwrap()]);
        let mut command = Command::new(words.next().unwrap());
        command
            .args(words)
            .args(arguments)
            .current_dir(self.folder.path());
        command
    }

    fn configure(&self, place: usize, settings: &str) {
        let path = self
            .folder
            .path()
            .join(format!("data{place}"))
            .join("postgresql.conf");
        let before = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{before}{settings}port = {}\n", self.ports[place])).unwrap();
    }

    /// Its output goes to a file, as a pipe would stay open as long as the server runs.
    fn start_server(&self, place: usize) {
        let (data, log) = (self.data(place), format!("log{place}"));
        let status = self
            .command("pg_ctl", &["-D", &data, "-l", &log, "-w", "-s", "start"])
            .status()
            .unwrap();
        let log = || fs::read_to_string(self.folder.path().join(&log)).unwrap_or_default();
        assert!(status.success(), "{}", log());
    }

    #[track_caller]
    fn sql(&self, sql: &str) -> String {
        let database = if sql.starts_with("CREATE DATABASE") {
            "postgres"
        } else {
            "keyfob"
        };
        let port = self.port();
        self.run(
            "psql",
            &[
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                "keyfob",
                "-d",
                database,
                "-Atc",
                sql,
            ],
        )
        .trim()
        .to_owned()
    }

    /// Makes a standby of the primary anew, without which the primary acknowledges nothing from then on.
    fn add_standby(&self) {
        let standby = 1 - self.primary;
        let (data, port) = (self.data(standby), self.port());
        fs::remove_dir_all(&data).ok();
        self.run(
            "pg_basebackup",
            &[
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                "keyfob",
                "-D",
                &data,
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
            ],
        );
        self.configure(standby, "");
        self.start_server(standby);
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.sql("SELECT pg_reload_conf()");
        let sync = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        wait_until("the standby is in step", || self.sql(sync) == "1");
    }

    /// Ends a server as a crash would.
    fn kill(&self, place: usize) {
        self.run(
            "pg_ctl",
            &["-D", &self.data(place), "-m", "immediate", "-w", "-s", "stop"],
        );
    }

    /// Kills the primary and makes the standby the primary.
    fn fail_over(&mut self) {
        self.kill(self.primary);
        self.primary = 1 - self.primary;
        let data = self.data(self.primary);
        self.run("pg_ctl", &["-D", &data, "-w", "-s", "promote"]);
        // The copy of the primary's own settings has been made before it had a standby, or not.
        self.sql("ALTER SYSTEM RESET synchronous_standby_names");
        self.sql("SELECT pg_reload_conf()");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for place in 0..2 {
            let data = self.data(place);
            self.command("pg_ctl", &["-D", &data, "-m", "immediate", "-s", "stop"])
                .output()
                .ok();
        }
    }
}

#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it takes too long until {what}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// A user whom one writer changes again and again, as far as the writer knows.
struct Counter {
    path: String,
    title: usize,
    version: u64,
}

/// The contents of the database as far as the answers of the servers tell.
#[derive(Default)]
struct Known {
    /// Users that were created, by their names.
    users: BTreeMap<String, String>,
    counters: Vec<(String, usize, u64)>,
    /// The number of writes whose answer said nothing, and how many of them had happened.
    unknown: (usize, usize),
}

/// Writes through servers and holds every answer against what the database has.
struct Load {
    /// A client of each server.
    clients: Vec<Client>,
    /// The number of writes that were acknowledged.
    acknowledged: AtomicUsize,
    is_over: AtomicBool,
    known: Mutex<Known>,
}

impl Load {
    /// Waits until so many more writes are acknowledged.
    fn go_on(&self, writes: usize) {
        let before = self.acknowledged.load(Ordering::SeqCst);
        wait_until("the servers write", || {
            self.acknowledged.load(Ordering::SeqCst) >= before + writes
        });
    }

    fn write(&self, writer: usize, round: usize) {
        let client = &self.clients[writer % self.clients.len()];
        let name = format!("counter-{round}-{writer}@example.com");
        let created = self.create(client, &name);
        let mut counter = Counter {
            path: format!("/Users/{created}"),
            title: 0,
            version: 1,
        };
        for number in 0.. {
            if self.is_over.load(Ordering::SeqCst) {
                break;
            }
            self.count(client, &mut counter);
            if number % 4 == 0 {
                self.create(client, &format!("user-{round}-{writer}-{number}@example.com"));
            }
        }
        let Counter { path, title, version } = counter;
        self.known.lock().unwrap().counters.push((path, title, version));
    }

    /// Creates a user; where nobody knows whether it was, looks, and does it again if it wasn't.
    fn create(&self, client: &Client, name: &str) -> String {
        loop {
            let answer = client.try_send("POST", "/Users", Some(&user(name)));
            let id = match answer {
                Ok(answer) if answer.status == 201 => answer.created(),
                answer => {
                    check_refusal(&answer);
                    let path = format!("/Users?filter=userName%20eq%20%22{name}%22");
                    let found = read(client, &path).json();
                    self.note_unknown(found["totalResults"] == 1);
                    match found["totalResults"].as_u64() {
                        Some(1) => found["Resources"][0]["id"].as_str().unwrap().to_owned(),
                        Some(0) => continue,
                        total => panic!("{total:?} users of one name"),
                    }
                }
            };
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
            self.known
                .lock()
                .unwrap()
                .users
                .insert(name.to_owned(), id.clone());
            return id;
        }
    }

    /// Raises the number in a title. The version tells whether that happened, and that it happened once.
    fn count(&self, client: &Client, counter: &mut Counter) {
        let next = counter.title + 1;
        let answer = client.try_send_draft(Draft {
            method: "PATCH",
            path: counter.path.clone(),
            headers: BTreeMap::from([("if-match".to_owned(), format!("W/\"{}\"", counter.version))]),
            body: Some(
                patch(&json!([{"op": "replace", "path": "title", "value": next.to_string()}]))
                    .to_string()
                    .into_bytes(),
            ),
        });
        let is_done = matches!(&answer, Ok(answer) if matches!(answer.status, 200 | 204));
        if !is_done {
            check_refusal(&answer);
            let found = read(client, &counter.path);
            let (title, version) = state(&found);
            if version == counter.version {
                assert_eq!(title, counter.title, "an acknowledged write is lost: {found}");
                self.note_unknown(false);
                return;
            }
            assert_eq!((title, version), (next, counter.version + 1), "{found}");
            self.note_unknown(true);
        }
        counter.title = next;
        counter.version += 1;
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    fn note_unknown(&self, happened: bool) {
        let mut known = self.known.lock().unwrap();
        known.unknown.0 += 1;
        known.unknown.1 += usize::from(happened);
    }

    /// Checks that the database has what was acknowledged, each write once.
    fn check(&self) {
        let known = self.known.lock().unwrap();
        for (number, client) in self.clients.iter().enumerate() {
            for (name, id) in &known.users {
                let found = client.get(&format!("/Users/{id}"));
                assert_eq!(found.json()["userName"], **name, "by server {number}: {found}");
            }
            for (path, title, version) in &known.counters {
                let found = client.get(path);
                assert_eq!(state(&found), (*title, *version), "by server {number}: {found}");
            }
        }
    }
}

/// Reads until a server can again.
fn read(client: &Client, path: &str) -> Answer {
    let end = Instant::now() + PATIENCE;
    loop {
        let answer = client.try_send("GET", path, None);
        match answer {
            Ok(answer) if answer.status == 200 => return answer,
            answer => check_refusal(&answer),
        }
        assert!(Instant::now() < end, "no server reads `{path}` any more");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A write that isn't acknowledged is answered 503 with `Retry-After` (RFC 9110 section 10.2.3).
#[track_caller]
fn check_refusal(answer: &Result<Answer, ureq::Error>) {
    match answer {
        Ok(answer) if answer.status == 503 => {
            assert!(
                answer.headers.contains_key("retry-after"),
                "{answer} {:?}",
                answer.headers
            );
        }
        Ok(answer) => panic!("answered {answer}"),
        Err(error) => panic!("a server answers nothing: {error}"),
    }
}

fn state(user: &Answer) -> (usize, u64) {
    let json = user.json();
    let title = json["title"].as_str().map_or(0, |title| title.parse().unwrap());
    let version = json["meta"]["version"].as_str().unwrap();
    let version = version.trim_start_matches("W/").trim_matches('"').parse();
    (title, version.unwrap())
}

fn is_ready(server: &Server) -> bool {
    Client::new(&server.origin, None).get("/readyz").status == 200
}

/// Lets writers write while something is done to the database, and checks what they wrote.
fn under_load(servers: &[Server], load: &Load, round: usize, happens: impl FnOnce()) {
    load.is_over.store(false, Ordering::SeqCst);
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || load.write(writer, round));
        }
        load.go_on(WRITERS * 10);
        happens();
        // Nobody restarted a server.
        load.go_on(WRITERS * 10);
        load.is_over.store(true, Ordering::SeqCst);
    });
    for server in servers {
        wait_until("a server is ready", || is_ready(server));
    }
    load.check();
}

#[test]
fn servers_outlive_their_database_and_lose_no_acknowledged_write() {
    let Ok(rounds) = env::var("KEYFOB_FAILOVERS") else {
        return;
    };
    let rounds: usize = rounds.parse().expect("`KEYFOB_FAILOVERS` is a number");
    let mut cluster = Cluster::start().expect("`KEYFOB_TEST_POSTGRES_PROGRAMS` names PostgreSQL's programs");
    let url = cluster.url();
    let (first, client) = Server::start_fresh(&["--store", &url]);
    let servers = [first, Server::start(&["--store", &url])];
    let load = Load {
        clients: servers
            .iter()
            .map(|server| server.client(client.token()))
            .collect(),
        acknowledged: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
        known: Mutex::default(),
    };

    for round in 0..rounds {
        cluster.add_standby();
        under_load(&servers, &load, round, || cluster.fail_over());
    }

    // Killed and started again, with a pause in which the servers say that they aren't ready.
    under_load(&servers, &load, rounds, || {
        cluster.kill(cluster.primary);
        for server in &servers {
            wait_until("a server isn't ready", || !is_ready(server));
        }
        cluster.start_server(cluster.primary);
    });

    // A primary that waits for a standby acknowledges nothing, however long the server waits.
    let id = client.create_user("waits@example.com");
    cluster.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    cluster.sql("SELECT pg_reload_conf()");
    let change = patch(&json!([{"op": "replace", "path": "title", "value": "1"}]));
    let path = format!("/Users/{id}");
    check_refusal(&client.try_send("PATCH", &path, Some(&change)));
    for server in &servers {
        assert!(
            !is_ready(server),
            "a server that can't write says that it is ready"
        );
    }
    assert_eq!(
        state(&client.get(&path)),
        (0, 1),
        "what isn't acknowledged isn't shown"
    );
    cluster.sql("ALTER SYSTEM RESET synchronous_standby_names");
    cluster.sql("SELECT pg_reload_conf()");
    for server in &servers {
        wait_until("a server is ready", || is_ready(server));
    }
    // It had been written, and waited for the standby: once.
    assert_eq!(state(&client.get(&path)), (1, 2));

    let known = load.known.into_inner().unwrap();
    println!(
        "{} users, {:?} writes with an unknown outcome",
        known.users.len(),
        known.unknown
    );
    let events = run(&["admin", "--store", &url, "events", "--json", "--all"], "");
    assert_gapless(&events.stdout);
    let writes: u64 = known.counters.iter().map(|(_, _, version)| version - 1).sum();
    let expected = u64::try_from(known.users.len()).unwrap() + writes + 2;
    let of_users = events.stdout.lines().filter(|line| line.contains("\"User\""));
    assert_eq!(of_users.count() as u64, expected, "each write has one event");
}
