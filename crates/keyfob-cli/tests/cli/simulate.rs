//! `keyfob simulate` against `keyfob serve`, and against servers of something else.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Finished, PATIENCE, Server, finish, keyfob, run};

/// A server, and the command with its token.
struct Target {
    server: Server,
}

impl Target {
    fn start() -> Self {
        Self {
            server: Server::start(&["--store", "memory:"]),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = keyfob(&[&["simulate"], arguments].concat());
        command.env("KEYFOB_TARGET_TOKEN", self.server.token.as_deref().unwrap());
        command
    }

    fn run(&self, provider: &str, arguments: &[&str]) -> Finished {
        let arguments = [&[provider, &self.server.base], arguments].concat();
        finish(&mut self.command(&arguments), "")
    }

    /// The number of users and groups at the server.
    fn count(&self) -> u64 {
        let client = self.server.client(&self.server.read_token());
        let of = |path: &str| client.get(path).json()["totalResults"].as_u64().unwrap();
        of("/Users") + of("/Groups")
    }
}

#[test]
fn every_provider_is_played_and_nothing_is_left() {
    let target = Target::start();
    let start = Instant::now();
    for provider in ["entra", "okta", "onelogin", "jumpcloud", "google"] {
        let finished = target.run(provider, &[]);
        assert_eq!(
            (finished.code, finished.stderr.as_str()),
            (Some(0), ""),
            "{finished:?}"
        );
        assert!(
            finished.stdout.lines().last().unwrap().ends_with(" ok"),
            "{finished:?}"
        );
    }
    println!("five providers: {:?}", start.elapsed());
    assert_eq!(target.count(), 0);
    let doubtful = target.run("google", &[]);
    assert!(
        doubtful
            .stdout
            .contains("note: G1b is inferred, not the provider's own word"),
        "{doubtful:?}"
    );
}

#[test]
fn reports_are_written_in_each_form_and_the_transcript_without_the_token() {
    let target = Target::start();
    let folder = TempDir::new().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let reports = [
        ("junit", file("r.xml")),
        ("html", file("r.html")),
        ("text", file("r.txt")),
    ];
    let reports: Vec<String> = reports
        .iter()
        .map(|(form, file)| format!("--report={form}={file}"))
        .collect();
    let mut arguments: Vec<&str> = reports.iter().map(String::as_str).collect();
    let transcript = file("t.har");
    arguments.extend([
        "--report",
        "json",
        "--variant",
        "2018",
        "--transcript",
        &transcript,
        "--cycles",
        "2",
    ]);
    let finished = target.run("entra", &arguments);
    assert_eq!(
        (finished.code, finished.stderr.as_str()),
        (Some(0), ""),
        "{finished:?}"
    );
    let json: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(json["verdict"], "ok");
    assert_eq!(json["variant"], "2018");
    let phases = json["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["phase"].as_str().unwrap());
    assert!(phases.clone().any(|phase| phase == "incremental 2"));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(read("r.xml").starts_with("<?xml"));
    assert!(read("r.html").starts_with("<!doctype html>"));
    assert!(read("r.txt").starts_with("Microsoft Entra ID (2018) against http://"));
    let har: Value = serde_json::from_str(&read("t.har")).unwrap();
    assert!(har["log"]["entries"].as_array().unwrap().len() > 100);
    assert!(!read("t.har").contains(&target.server.read_token()));
}

#[test]
fn a_run_that_keeps_its_objects_is_cleaned_up_later_and_nobody_elses_are() {
    let target = Target::start();
    let client = target.server.client(&target.server.read_token());
    client.create_user("sim-other");
    let kept = target.run("okta", &["--keep", "--report", "json"]);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    assert!(target.count() > 6);
    let json: Value = serde_json::from_str(&kept.stdout).unwrap();
    let run = json["run"].as_str().unwrap();
    let mut cleanup = target.command(&[target.server.base.as_str(), "--cleanup", run]);
    let cleaned = finish(&mut cleanup, "");
    assert_eq!(cleaned.code, Some(0), "{cleaned:?}");
    assert!(
        cleaned.stdout.ends_with(&format!("resources of {run} deleted\n")),
        "{cleaned:?}"
    );
    assert_eq!(target.count(), 1);
    let mut cleanup = target.command(&[target.server.base.as_str(), "--cleanup", "sim-"]);
    finish(&mut cleanup, "").assert_unusable("`sim-` is no name of a run, such as `sim-018f3a2c`");
}

#[test]
fn a_signal_ends_a_run_and_what_it_created_is_removed() {
    let target = Target::start();
    // Each change waits for 0.8 seconds, so that the run is under way for some time.
    let mut command = target.command(&["okta", &target.server.base, "--pace", "4"]);
    let mut waiting = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + PATIENCE;
    while target.count() == 0 {
        assert!(Instant::now() < end, "nothing is created");
        thread::sleep(Duration::from_millis(20));
    }
    let start = Instant::now();
    let sent = Command::new("kill")
        .args(["-s", "INT", &waiting.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let status = waiting.wait().unwrap();
    assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    let mut said = String::new();
    waiting.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("what the run created is being removed"), "{said}");
    assert!(said.contains("the run ended early: it was interrupted"), "{said}");
    assert_eq!(target.count(), 0);
}

#[test]
fn what_cant_be_run_is_said_before_anything_is_sent() {
    let target = "http://127.0.0.1:9/scim/v2";
    for (arguments, message) in [
        (
            &["okto", target][..],
            "there is no provider `okto`; there are entra, okta, onelogin, jumpcloud, google; did you mean `okta`?",
        ),
        (&["okta"], "give a provider and the base URL of a server"),
        (&[], "give a provider and the base URL of a server"),
        (
            &["okta", target, "--variant", "wizzard"],
            "there is no variant `wizzard`; there are wizard, catalogue; did you mean `wizard`?",
        ),
        (
            &["google", target, "--variant", "x"],
            "there is no variant `x`: the scenario has none",
        ),
        (
            &["okta", target, "--step", "rename"],
            "there is no step `rename`; there are test-connector, ",
        ),
        (
            &["okta", "127.0.0.1:9"],
            "is no URL such as `https://app.example/scim/v2`",
        ),
        (&["okta", "ftp://127.0.0.1"], "is no URL such as"),
        (
            &["okta", "https://app.example/scim/v2"],
            "`app.example` is neither this machine nor a private address",
        ),
        (&["okta", "http://10.0.0.1/scim/v2"], "is not encrypted"),
        (
            &["okta", target, "--report", "yaml"],
            "a report is text, json, junit or html",
        ),
        (
            &["okta", target, "--report", "text", "--report", "json"],
            "only one report goes to standard output",
        ),
        (
            &["okta", target, "--report", "html=x", "--transcript", "x"],
            "`x` is to be written twice",
        ),
        (
            &["okta", target, "--pace", "1001"],
            "a pace is a number from 0 to 1000",
        ),
        (
            &["okta", target, "--scenario", "own.json"],
            "give the base URL of a server and nothing else",
        ),
    ] {
        let finished = run(&[&["simulate"], arguments].concat(), "");
        finished.assert_unusable(message);
    }
}

#[test]
fn a_scenario_of_a_user_is_read_from_its_file_and_errors_name_the_place() {
    let target = Target::start();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("own.json");
    let own = r#"{
        "provider": "own", "title": "Ours", "evidence": {"X1": {"class": ["T"], "fact": "what we know"}},
        "http": {"headers": {"Authorization": "Bearer {{token}}"}, "bodyHeaders": {"Content-Type": "application/scim+json"}},
        "objects": {"user": {"userName": "{{run}}-{{number}}"}}, "believes": {"user": {"userName": "{{user.userName}}"}},
        "phases": [{"name": "all", "steps": [{"name": "create", "title": "Users are created", "evidence": ["X1"],
            "each": "users", "state": "absent", "send": [{"method": "POST", "path": "/Users", "save": {"user.id": "id"},
            "body": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "{{user.userName}}"}}]}]}]}"#;
    let simulate = |text: &str| {
        fs::write(&file, text).unwrap();
        let arguments = ["--scenario", file.to_str().unwrap(), &target.server.base];
        finish(&mut target.command(&arguments), "")
    };
    let finished = simulate(own);
    assert_eq!(
        (finished.code, finished.stderr.as_str()),
        (Some(0), ""),
        "{finished:?}"
    );
    assert!(
        finished
            .stdout
            .contains("all/create: Users are created [X1 T], 5 objects, 5 requests"),
        "{finished:?}"
    );
    assert!(
        finished
            .stdout
            .contains("note: X1 is a third party's test or guide"),
        "{finished:?}"
    );
    assert_eq!(target.count(), 0);
    simulate(&own.replace("\"save\"", "\"sav\"")).assert_unusable(
        "own.json`: `phases[0].steps[0].send[0].sav`: there is no such member; there are method, ",
    );
    simulate("{").assert_unusable("own.json`: ");
}

#[test]
fn a_token_that_is_refused_is_said_in_the_last_line() {
    let target = Target::start();
    let arguments = ["simulate", "okta", &target.server.base];
    let mut command = keyfob(&arguments);
    command.env(
        "KEYFOB_TARGET_TOKEN",
        "kf_0000000000000000000000000000000000000000000",
    );
    let finished = finish(&mut command, "");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished
            .stderr
            .starts_with("keyfob: stops in connect/test-connector: GET /scim/v2/Users -> 401: "),
        "{finished:?}"
    );
    assert!(
        finished
            .stderr
            .contains("the connector's credentials are refused"),
        "{finished:?}"
    );
}

/// Answers every request with this, and returns the base URL. What was sent stands in the receiver.
fn answering(answer: &'static str) -> (String, std::sync::mpsc::Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/scim", listener.local_addr().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            stream.write_all(answer.as_bytes()).ok();
            if sender.send(head).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

const HTML: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 21\r\nconnection: close\r\n\r\n<h1>\u{1b}[31mSign in</h1>";

#[test]
fn a_server_of_something_else_is_said_to_be_one_and_its_text_is_escaped() {
    let (url, _sent) = answering(HTML);
    let mut command = keyfob(&["simulate", "okta", &url]);
    let finished = finish(command.env("KEYFOB_TARGET_TOKEN", "t"), "");
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished
            .stderr
            .contains("the answer is no JSON object (text/html, "),
        "{finished:?}"
    );
    assert!(finished.stderr.contains(r"<h1>\u{1b}[31mSign in"), "{finished:?}");
    assert!(
        !finished.stdout.contains('\u{1b}') && !finished.stderr.contains('\u{1b}'),
        "{finished:?}"
    );
}

#[test]
fn e2_no_user_agent_and_no_other_header_of_a_library_goes_over_the_wire() {
    let (url, sent) = answering(HTML);
    let mut command = keyfob(&["simulate", "entra", &url, "--step", "test-connection"]);
    finish(command.env("KEYFOB_TARGET_TOKEN", "t"), "");
    let head = sent.recv_timeout(PATIENCE).unwrap();
    let names: Vec<String> = head[1..]
        .iter()
        .map(|line| line.split(':').next().unwrap().to_ascii_lowercase())
        .collect();
    assert_eq!(names, ["host", "authorization"], "{head:?}");
    assert!(head[0].contains("/scim/Users?filter=userName+eq+%22"), "{head:?}");
}

#[test]
fn the_list_says_how_everything_is_known() {
    let listed = run(&["simulate", "--list"], "");
    assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), ""), "{listed:?}");
    for line in [
        "google: Google Workspace",
        "  --variant flag: with the compliance flag aadOptscim062020 in the tenant URL",
        "    change/set-password: A password is pushed (catalogue alone) [O5 D]",
        "    G1b (inferred): ",
    ] {
        assert!(
            listed.stdout.lines().any(|printed| printed.starts_with(line)),
            "`{line}`: {}",
            listed.stdout
        );
    }
    let one = run(&["simulate", "--list", "jumpcloud"], "");
    assert!(!one.stdout.contains("google"), "{one:?}");
}

#[test]
fn users_and_groups_come_from_a_source_by_its_mapping() {
    let target = Target::start();
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    };
    let users = write(
        "users.csv",
        "id,upn,job\n1,ada@x.example,Countess\n2,bob@x.example,\n3,guest@x.example,Guest\n",
    );
    let groups = write("groups.csv", "id,displayName\ng,Guides\n");
    let members = write("members.csv", "group,member\ng,1\ng,2\n");
    let of_users = write(
        "users.json",
        r#"{"attributes": [{"target": "userName", "expression": "[upn]", "matching": 1}, {"target": "title", "expression": "[job]"}]}"#,
    );
    let of_groups = write(
        "groups.json",
        r#"{"source": "Group", "target": "Group", "attributes": [
            {"target": "displayName", "expression": "[displayName]", "matching": 1},
            {"target": "members", "expression": "[members]"}]}"#,
    );
    let source = format!("csv:{users},{groups},{members}");
    let transcript = folder.path().join("t.har").display().to_string();
    let arguments = [
        "--source",
        &source,
        "--mapping",
        &of_users,
        "--mapping",
        &of_groups,
        "--report",
        "json",
        "--transcript",
        &transcript,
    ];
    let finished = target.run("entra", &arguments);
    assert_eq!(
        (finished.code, finished.stderr.as_str()),
        (Some(0), ""),
        "{finished:?}"
    );
    let json: Value = serde_json::from_str(&finished.stdout).unwrap();
    let objects = |name: &str| {
        let steps = json["steps"].as_array().unwrap();
        steps.iter().find(|step| step["name"] == name).unwrap()["objects"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(
        (
            objects("create-users"),
            objects("create-groups"),
            objects("add-members")
        ),
        (3, 1, 2)
    );
    let sent = fs::read_to_string(&transcript).unwrap();
    assert!(
        sent.contains("-ada@x.example") && sent.contains("Countess") && sent.contains("-Guides"),
        "{sent}"
    );
    assert_eq!(target.count(), 0);
    let mut alone = target.command(&["entra", &target.server.base, "--source", &source]);
    finish(&mut alone, "").assert_unusable("--mapping <FILE>");
}
