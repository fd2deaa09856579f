//! `keyfob probe` against `keyfob serve`, and against what is no sound server.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::process::{Finished, Server, finish, keyfob};

fn probe(server: &Server, arguments: &[&str]) -> Finished {
    let mut command = keyfob(&[&["probe", server.base.as_str()], arguments].concat());
    command.env("KEYFOB_TARGET_TOKEN", server.token.as_deref().unwrap());
    finish(&mut command, "")
}

/// Answers every request with this, on a port of its own.
fn answers(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/scim", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 4096];
            if stream.read(&mut buffer).is_ok_and(|read| read > 0) {
                stream.write_all(answer.as_bytes()).ok();
            }
        }
    });
    base
}

#[test]
fn a_sound_server_is_told_to_be_one_and_has_nothing_of_the_run_afterwards() {
    let server = Server::start(&["--store", "memory:"]);
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (junit, html, preset) = (file("junit.xml"), file("probe.html"), file("preset.json"));
    let started = Instant::now();
    let finished = probe(
        &server,
        &[
            "--fail-on",
            "interop",
            "--json",
            "--junit",
            &junit,
            "--html",
            &html,
            "--capabilities",
            &preset,
        ],
    );
    assert_eq!(
        (finished.code, finished.stderr.as_str()),
        (Some(0), ""),
        "{finished:?}"
    );
    // Even without optimizations: BENCHMARKS.md has what a run of the released command takes.
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "{:?}",
        started.elapsed()
    );
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(report["notRemoved"], serde_json::json!([]));
    assert_eq!(report["unclear"], serde_json::json!([]));
    assert!(report["passed"].as_array().unwrap().len() > 150);
    assert!(!finished.stdout.contains(server.token.as_deref().unwrap()));

    let junit = fs::read_to_string(junit).unwrap();
    assert!(
        junit.contains("<testcase classname=\"probe.filter\" name=\"filter.eq\"/>"),
        "{junit}"
    );
    assert!(junit.contains("failures=\"0\""));
    assert!(
        fs::read_to_string(html)
            .unwrap()
            .contains("<td>filter.eq</td><td>passed</td>")
    );
    let run = |arguments: &[&str]| {
        let mut command = keyfob(&[&["client", server.base.as_str()], arguments].concat());
        command.env("KEYFOB_TARGET_TOKEN", server.token.as_deref().unwrap());
        finish(&mut command, "")
    };
    // What was learnt is a preset.
    let learnt = run(&["discover", "--preset", &preset]);
    assert_eq!(learnt.code, Some(0), "{learnt:?}");
    assert!(
        learnt
            .stdout
            .lines()
            .any(|line| line.starts_with("membersReadable") && line.contains("yes")),
        "{learnt:?}"
    );
    for kind in ["User", "Group"] {
        let left = run(&["list", kind]);
        assert_eq!((left.code, left.stdout.as_str()), (Some(1), ""), "{left:?}");
    }
}

#[test]
fn findings_come_with_the_sentence_and_commands_and_a_baseline_hides_the_old_ones() {
    // The RFC alone is less than providers need.
    let server = Server::start(&["--store", "memory:", "--profile", "rfc"]);
    let only = ["--only", "interop", "--fail-on", "interop"];
    let finished = probe(&server, &only);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for part in [
        "interop(entra) interop.active-text",
        "hits entra: ",
        "RFC 7643 section 2.3.2: “",
        "curl -s -X PATCH \"$URL/Users/${ID",
        "-H \"Authorization: Bearer $TOKEN\"",
    ] {
        assert!(finished.stdout.contains(part), "{part}: {finished:?}");
    }
    assert!(!finished.stdout.contains(server.token.as_deref().unwrap()));
    // By default only what breaks the RFC counts.
    assert_eq!(probe(&server, &["--only", "interop"]).code, Some(0));

    let folder = tempfile::tempdir().unwrap();
    let baseline = folder.path().join("before.json");
    let json = probe(&server, &[&only[..], &["--json"]].concat());
    fs::write(&baseline, &json.stdout).unwrap();
    let again = probe(
        &server,
        &[&only[..], &["--baseline", baseline.to_str().unwrap()]].concat(),
    );
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(
        again.stdout.contains("since the baseline: 0 new, 0 gone"),
        "{again:?}"
    );
    assert!(!again.stdout.contains("interop.active-text"), "{again:?}");

    fs::write(&baseline, json.stdout.replace("\"format\": 1", "\"format\": 2")).unwrap();
    let other = probe(&server, &["--baseline", baseline.to_str().unwrap()]);
    other.assert_unusable("the report has the format 2, and this version reads 1");
    fs::write(&baseline, "[]").unwrap();
    probe(&server, &["--baseline", baseline.to_str().unwrap()])
        .assert_unusable("this is no report of the probe");
}

#[test]
fn what_can_not_be_probed_is_told_with_exit_code_2() {
    let html = answers(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 22\r\nConnection: close\r\n\r\n<html>\u{1b}[2J</html>     ",
    );
    let refused = answers("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    for (arguments, message) in [
        (&["probe", "ftp://app.example/scim"][..], "is no URL such as"),
        (&["probe", "app.example"], "is no URL such as"),
        (&["probe", "http://app.example/scim"], "is not encrypted"),
        (
            &["probe", "https://app.example/scim"],
            "neither this machine nor a private address",
        ),
        (
            &["probe", "https://app.example/scim", "--only", "nothing"],
            "no check is called `nothing`",
        ),
        (
            &["probe", "https://app.example/scim", "--skip", "no\u{1b}thing"],
            "no check is called `no\\u{1b}thing`",
        ),
        (
            &["probe", "https://app.example/scim", "--fail-on", "bad"],
            "`bad` is no severity",
        ),
        (
            &["probe", "https://app.example/scim", "--level", "hard"],
            "invalid value 'hard'",
        ),
        (
            &["probe", "https://app.example/scim", "--token-file", "/nowhere"],
            "cannot read `/nowhere`",
        ),
        (&["probe", "http://127.0.0.1:9/scim"], "can't be reached"),
        (
            &["probe", html.as_str()],
            "no SCIM server answers at this address: 200: <html>\\u{1b}[2J</html>",
        ),
        (&["probe", refused.as_str()], "the server refuses the token: 401"),
    ] {
        let finished = finish(&mut keyfob(arguments), "");
        assert_eq!(finished.code, Some(2), "{arguments:?}: {finished:?}");
        assert!(finished.stderr.contains(message), "{arguments:?}: {finished:?}");
        assert!(!finished.stderr.contains('\u{1b}'), "{finished:?}");
    }
}

#[test]
fn reading_alone_changes_nothing() {
    let server = Server::start(&["--store", "memory:"]);
    let finished = probe(&server, &["--read-only", "--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert!(report["passed"].as_array().unwrap().len() > 20, "{finished:?}");
    let reason = "it would change the server";
    assert!(
        report["skipped"]
            .as_array()
            .unwrap()
            .iter()
            .any(|skipped| skipped["reason"] == reason)
    );
}

#[cfg(unix)]
#[test]
fn after_a_signal_what_was_created_is_removed() {
    let server = Server::start(&["--store", "memory:"]);
    let mut command = keyfob(&["probe", &server.base]);
    command.env("KEYFOB_TARGET_TOKEN", server.token.as_deref().unwrap());
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let client = crate::client::Client::new(&server.base, server.token.as_deref());
    // The run is under way when something of it is there.
    let deadline = Instant::now() + Duration::from_secs(20);
    while client.get("/Users").json()["totalResults"] == 0 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    let killed = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let finished = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&finished.stderr).into_owned();
    assert_eq!(finished.status.code(), Some(1), "{stderr}");
    assert!(
        stderr.contains("ended before all checks were carried out"),
        "{stderr}"
    );
    for path in ["/Users", "/Groups"] {
        assert_eq!(client.get(path).json()["totalResults"], 0, "{path}");
    }
}
