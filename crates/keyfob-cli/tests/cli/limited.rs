//! `keyfob provision` keeps to the limits that `keyfob probe` measures of a server.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Read, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Answer, Client, Draft, patch},
    process::{Finished, Server, finish, keyfob},
};

/// The number of members that the server takes in a PATCH, and of resources that it shows on a page.
const MEMBERS: usize = 7;
const PAGE: usize = 5;

/// A server with limits that its configuration doesn't name: it shows a few resources a page, refuses a PATCH with many members,
/// and a DELETE of a user sets `active` to false.
struct Limited {
    base: String,
    /// Each request with the status of its answer, as `METHOD /path?query STATUS`.
    log: Arc<Mutex<Vec<String>>>,
    /// The numbers of members in the operations of PATCH requests.
    members: Arc<Mutex<Vec<usize>>>,
}

impl Limited {
    fn start(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let limited = Self {
            base: format!("http://{}/scim/v2", listener.local_addr().unwrap()),
            log: Arc::default(),
            members: Arc::default(),
        };
        let client = server.client(server.token.as_deref().unwrap());
        let (log, members) = (Arc::clone(&limited.log), Arc::clone(&limited.members));
        // It ends with the process of the tests.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (client, log, members) = (client.clone(), Arc::clone(&log), Arc::clone(&members));
                thread::spawn(move || serve(&stream, &client, &log, &members));
            }
        });
        limited
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

/// Answers the one request of a connection.
fn serve(stream: &TcpStream, client: &Client, log: &Mutex<Vec<String>>, members: &Mutex<Vec<usize>>) {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let mut first = lines[0].split(' ');
    let (method, target) = (first.next().unwrap(), first.next().unwrap());
    let mut headers = BTreeMap::new();
    for (name, value) in lines.iter().skip(1).filter_map(|line| line.split_once(':')) {
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    headers.retain(|name, _| {
        matches!(
            name.as_str(),
            "authorization" | "accept" | "content-type" | "if-match"
        )
    });
    let path = target.strip_prefix("/scim/v2").unwrap();
    let answer = answered(client, method, path, headers, body, members);
    log.lock()
        .unwrap()
        .push(format!("{method} {path} {}", answer.status));
    let mut head = format!(
        "HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n",
        answer.status,
        answer.body.len()
    );
    for (name, value) in &answer.headers {
        if matches!(
            name.as_str(),
            "content-type" | "location" | "etag" | "www-authenticate"
        ) {
            head.extend([name, ": ", value, "\r\n"]);
        }
    }
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok();
    stream.write_all(b"\r\n").ok();
    stream.write_all(&answer.body).ok();
}

fn answered(
    client: &Client,
    method: &str,
    path: &str,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
    members: &Mutex<Vec<usize>>,
) -> Answer {
    let json: Value = serde_json::from_slice(&body).unwrap_or_default();
    let added = json["Operations"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|operation| operation["value"].as_array())
        .map(Vec::len)
        .sum();
    let (mut method, mut path, mut body) = (method, path.to_owned(), body);
    if method == "PATCH" && added > 0 {
        members.lock().unwrap().push(added);
    }
    if method == "PATCH" && added > MEMBERS {
        let error = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400"});
        return Answer {
            status: 400,
            headers: BTreeMap::from([("content-type".to_owned(), "application/scim+json".to_owned())]),
            body: error.to_string().into_bytes(),
        };
    }
    if method == "GET" {
        let mut parts: Vec<String> = path.split('&').map(str::to_owned).collect();
        for part in &mut parts {
            if let Some((before, count)) = part.split_once("count=")
                && count.parse::<usize>().is_ok_and(|count| count > PAGE)
            {
                *part = format!("{before}count={PAGE}");
            }
        }
        path = parts.join("&");
    }
    let is_disabled = method == "DELETE" && path.starts_with("/Users/");
    let mut headers = headers;
    if is_disabled {
        method = "PATCH";
        headers.insert("content-type".to_owned(), "application/scim+json".to_owned());
        body = patch(&json!([{"op": "replace", "path": "active", "value": false}]))
            .to_string()
            .into_bytes();
    }
    let draft = Draft {
        method,
        path,
        headers,
        body: (!body.is_empty()).then_some(body),
    };
    let mut answer = client.try_send_draft(draft).unwrap();
    if is_disabled && answer.status == 200 {
        answer.status = 204;
        answer.body.clear();
    }
    answer
}

/// A limited server, a folder with files, and the command.
struct World {
    server: Server,
    limited: Limited,
    folder: TempDir,
}

impl World {
    fn start() -> Self {
        let server = Server::start(&["--store", "memory:"]);
        let world = Self {
            limited: Limited::start(&server),
            folder: TempDir::new().unwrap(),
            server,
        };
        // Without `active`: a user who is gone is deleted.
        world.write(
            "users.json",
            r#"{"attributes": [{"target": "userName", "expression": "[userPrincipalName]", "matching": 1}]}"#,
        );
        world.write(
            "groups.json",
            r#"{"source": "Group", "target": "Group", "attributes": [
                {"target": "displayName", "expression": "[displayName]", "matching": 1},
                {"target": "members", "expression": "[members]"}]}"#,
        );
        world.write(
            "copy.json",
            r#"{"attributes": [{"target": "userName", "expression": "[userName]", "matching": 1}]}"#,
        );
        world.write("groups.csv", "id,displayName\ng1,Guides\n");
        world.people(0);
        world
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Writes the users from this one on, all of whom are in one group.
    fn people(&self, first: usize) {
        let (mut users, mut members) = (
            String::from("id,userPrincipalName\n"),
            String::from("group,member\n"),
        );
        for number in first..20 {
            writeln!(users, "u{number},u{number}@x.example").unwrap();
            writeln!(members, "g1,u{number}").unwrap();
        }
        self.write("users.csv", &users);
        self.write("members.csv", &members);
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = keyfob(arguments);
        let token = self.server.token.as_deref().unwrap();
        command
            .current_dir(self.folder.path())
            .env("KEYFOB_TARGET_TOKEN", token)
            .env("KEYFOB_SOURCE_TOKEN", token);
        finish(&mut command, "")
    }

    /// Probes the limits of the server into `learnt.json`.
    fn probe(&self) -> Value {
        let arguments = [
            "probe",
            &self.limited.base,
            "--only",
            "limits",
            "--capabilities",
            "learnt.json",
        ];
        let probed = self.run(&arguments);
        assert_eq!(probed.code, Some(0), "{probed:?}");
        self.limited.take();
        self.limited.members.lock().unwrap().clear();
        let learnt = fs::read_to_string(self.folder.path().join("learnt.json")).unwrap();
        serde_json::from_str(&learnt).unwrap()
    }

    /// Provisions the users and their group.
    fn provision(&self, preset: &[&str]) -> Finished {
        let arguments = [
            "provision",
            "run",
            "--mapping",
            "users.json",
            "--mapping",
            "groups.json",
            "--source",
            "csv:users.csv,groups.csv,members.csv",
            "--target",
            &self.limited.base,
            "--shrink-below",
            "0",
        ];
        self.run(&[&arguments[..], preset].concat())
    }
}

/// The number of requests that were refused.
fn refused(log: &[String]) -> usize {
    log.iter().filter(|line| line.ends_with(" 400")).count()
}

#[test]
fn limits_that_no_configuration_names_are_measured_and_known_as_probed() {
    let world = World::start();
    assert_eq!(
        world.probe()["capabilities"],
        json!({"maxPage": PAGE, "membersPerPatch": MEMBERS, "softDelete": "active"})
    );
    let discovered = world.run(&[
        "client",
        &world.limited.base,
        "discover",
        "--preset",
        "learnt.json",
    ]);
    for name in ["maxPage", "membersPerPatch", "softDelete"] {
        let mut lines = discovered.stdout.lines();
        let line = lines.find(|line| line.starts_with(name)).unwrap();
        assert!(line.contains("probed"), "{line}");
    }
}

#[test]
fn a_run_with_what_was_probed_keeps_to_the_limits() {
    let world = World::start();
    world.probe();
    let with = world.provision(&["--preset", "learnt.json"]);
    assert_eq!(with.code, Some(0), "{with:?}");
    assert_eq!(*world.limited.members.lock().unwrap(), [7, 7, 6]);
    assert_eq!(refused(&world.limited.take()), 0);

    // Who is gone loses access by `active`, and is not sent a DELETE, which says that it was done.
    world.people(1);
    let gone = world.provision(&["--preset", "learnt.json"]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
    let log = world.limited.take();
    assert!(!log.iter().any(|line| line.starts_with("DELETE")), "{log:?}");
    let direct = world.server.client(world.server.token.as_deref().unwrap());
    let found = direct
        .get("/Users?filter=userName%20eq%20%22u0@x.example%22")
        .json();
    assert_eq!(found["Resources"][0]["active"], json!(false));
}

#[test]
fn a_run_without_what_was_probed_meets_the_limits() {
    let world = World::start();
    // The members are sent at once, and in halves after each refusal.
    let without = world.provision(&[]);
    assert_eq!(without.code, Some(0), "{without:?}");
    assert!(refused(&world.limited.take()) > 0);
}

#[test]
fn a_server_that_was_probed_is_read_by_pages_of_its_size() {
    let world = World::start();
    world.probe();
    assert_eq!(world.provision(&["--preset", "learnt.json"]).code, Some(0));
    world.limited.take();
    let source = format!("scim:{}", world.limited.base);
    let copied = world.run(&[
        "provision",
        "plan",
        "--mapping",
        "copy.json",
        "--source",
        &source,
        "--source-preset",
        "learnt.json",
        "--target",
        &world.server.base,
        "--state",
        "copy.state",
    ]);
    assert!(matches!(copied.code, Some(0 | 1)), "{copied:?}");
    let log = world.limited.take();
    let pages: Vec<&String> = log
        .iter()
        .filter(|line| line.starts_with("GET /Users?"))
        .collect();
    assert!(
        pages.len() >= 4 && pages.iter().all(|line| line.contains("count=5")),
        "{log:?}"
    );
}
