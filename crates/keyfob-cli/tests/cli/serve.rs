//! `keyfob serve`: what it prints, whom it lets in, how it stops and what it refuses to start with.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::{Client, user},
    process::{PATIENCE, Server, finish, keyfob, run},
};

const CHOSEN: &str = "a-token-that-somebody-has-chosen-0123456789";

fn sqlite(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("scim.db").display())
}

#[test]
fn the_first_start_shows_a_token_and_a_later_one_accepts_it_without_showing_any() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder);
    let first = Server::start(&["--store", &store]);
    let port = first.origin.strip_prefix("http://127.0.0.1:").unwrap();
    assert_ne!(port.parse::<u16>().unwrap(), 0);
    assert_eq!(first.base, format!("{}/scim/v2", first.origin));
    let token = first.read_token();
    assert!(token.starts_with("kf_") && token.len() > 40, "{token}");
    let id = first.client(&token).create_user("bjensen@example.com");
    let stopped = first.stop();
    assert_eq!((stopped.code, stopped.lines), (Some(0), vec![]));

    let second = Server::start(&["--store", &store]);
    let found = second.client(&token).get(&format!("/Users/{id}"));
    assert_eq!(
        (found.status, found.json()["userName"].as_str()),
        (200, Some("bjensen@example.com"))
    );
    let stopped = second.stop();
    assert_eq!((stopped.code, stopped.lines), (Some(0), vec![]));
}

#[test]
fn no_token_and_a_token_that_was_never_issued_are_answered_401() {
    let (server, client) = Server::start_fresh(&["--store", "memory:"]);
    assert_eq!(client.get("/Users").status, 200);
    for client in [
        Client::new(&server.base, None),
        server.client("kf_0000000000000000000000000000000000000000000"),
    ] {
        let answer = client.get("/Users");
        assert_eq!(
            (answer.status, answer.json()["status"].as_str()),
            (401, Some("401")),
            "{answer}"
        );
        assert!(
            answer.headers["www-authenticate"].starts_with("Bearer"),
            "{answer}"
        );
    }
}

#[test]
fn a_chosen_token_is_accepted_and_not_shown() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder);
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--store", &store];
    let first = Server::spawn(keyfob(&arguments).env("KEYFOB_BOOTSTRAP_TOKEN", CHOSEN));
    assert_eq!(first.client(CHOSEN).get("/Users").status, 200);
    let stopped = first.stop();
    assert_eq!((stopped.code, stopped.lines), (Some(0), vec![]));

    // The organization is there now: another token opens nothing.
    let other = CHOSEN.to_uppercase();
    let second = Server::spawn(keyfob(&arguments).env("KEYFOB_BOOTSTRAP_TOKEN", &other));
    assert_eq!(second.client(CHOSEN).get("/Users").status, 200);
    assert_eq!(second.client(&other).get("/Users").status, 401);
}

#[test]
fn a_chosen_token_that_could_be_guessed_or_not_be_sent_is_refused_without_repeating_it() {
    let folder = TempDir::new().unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--store", &sqlite(&folder)];
    for secret in [
        "31-characters-are-one-too-few-x",
        "with a space in a token that is long enough",
    ] {
        let refused = finish(keyfob(&arguments).env("KEYFOB_BOOTSTRAP_TOKEN", secret), "");
        refused.assert_unusable("KEYFOB_BOOTSTRAP_TOKEN");
        assert!(!refused.stderr.contains(secret), "{refused:?}");
    }
    let (_server, client) = Server::start_fresh(&["--store", &sqlite(&folder)]);
    assert_eq!(
        client.get("/Users").json()["totalResults"],
        0,
        "the refused starts made no organization"
    );
}

#[test]
fn the_health_check_needs_no_token() {
    let (server, _) = Server::start_fresh(&["--store", "memory:", "--base-path", "/"]);
    let anonymous = Client::new(&server.origin, None);
    assert_eq!(anonymous.get("/healthz").status, 200);
    assert_eq!(anonymous.send("HEAD", "/healthz", None).status, 200);
}

#[test]
fn a_memory_store_is_new_with_each_start() {
    let (first, client) = Server::start_fresh(&["--store", "memory:"]);
    client.create_user("bjensen@example.com");
    assert_eq!(first.stop().code, Some(0));
    let (_second, other) = Server::start_fresh(&["--store", "memory:"]);
    assert_eq!(other.get("/Users").json()["totalResults"], 0);
}

#[test]
fn the_default_store_is_a_database_in_the_current_directory() {
    let folder = TempDir::new().unwrap();
    let server = Server::spawn(keyfob(&["serve", "--listen", "127.0.0.1:0"]).current_dir(folder.path()));
    server.read_token();
    assert!(folder.path().join("keyfob.db").is_file());
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn sigterm_and_sigint_finish_the_request_in_flight_and_exit_0() {
    for name in ["TERM", "INT"] {
        let folder = TempDir::new().unwrap();
        let server = Server::start(&["--store", &sqlite(&folder)]);
        let token = server.read_token();
        let address = server.origin.strip_prefix("http://").unwrap().to_owned();
        let body = user("slow@example.com").to_string();
        let (begin, end) = body.split_at(10);
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "POST /scim/v2/Users HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/scim+json\r\nContent-Length: {}\r\n\r\n{begin}",
            body.len()
        )
        .unwrap();
        // Another request shows that the server has taken the connection, as it takes them in order.
        assert_eq!(server.client(&token).get("/Users").status, 200);

        server.signal(name);
        thread::sleep(Duration::from_millis(300));
        assert!(
            TcpStream::connect(&address).is_err(),
            "a server that stops takes no further connection"
        );
        stream.write_all(end.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{name}: {answer}");
        assert_eq!(server.join().code, Some(0));

        let server = Server::start(&["--store", &sqlite(&folder)]);
        assert_eq!(server.client(&token).get("/Users").json()["totalResults"], 1);
    }
}

#[test]
fn the_rfc_profile_takes_no_departure_from_the_rfc() {
    let mut body = user("bjensen@example.com");
    body["active"] = json!("False");
    for (profile, status) in [("interop", 201), ("rfc", 400)] {
        let (_server, client) = Server::start_fresh(&["--store", "memory:", "--profile", profile]);
        let answer = client.send("POST", "/Users", Some(&body));
        assert_eq!(answer.status, status, "{profile}: {answer}");
        if status == 201 {
            assert_eq!(answer.json()["active"], Value::Bool(false));
        } else {
            assert_eq!(answer.json()["scimType"], "invalidValue");
        }
    }
}

#[test]
fn a_store_is_served_and_administered_with_the_profile_of_its_last_server() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder);
    let is_served_by_the_rfc = |client: &Client| {
        let mut body = user("bjensen@example.com");
        body["active"] = json!("False");
        let answer = client.send("POST", "/Users", Some(&body));
        match answer.status {
            201 => client.send("DELETE", &format!("/Users/{}", answer.created()), None),
            400 => return true,
            status => panic!("{status}"),
        };
        false
    };
    let administer = |profile: &[&str]| {
        let command = ["admin", "user", "list", "--store", &store];
        run(&[&command, profile].concat(), "")
    };
    let server = Server::start(&["--store", &store, "--profile", "rfc"]);
    let token = server.read_token();
    assert!(is_served_by_the_rfc(&server.client(&token)));
    server.stop();
    // The same without the argument, be it that the server was stopped or that it was killed.
    let server = Server::start(&["--store", &store]);
    assert!(is_served_by_the_rfc(&server.client(&token)));
    server.kill();
    let server = Server::start(&["--store", &store]);
    assert!(is_served_by_the_rfc(&server.client(&token)));
    for profile in [&[][..], &["--profile", "rfc"]] {
        assert_eq!(administer(profile).code, Some(0));
    }
    administer(&["--profile", "verkada"])
        .assert_unusable("the store is served with the profile `rfc`, not with `verkada`");
    server.stop();
    // Whoever asks for another one has it from then on, and is told.
    let server = Server::start(&["--store", &store, "--profile", "interop"]);
    assert!(!is_served_by_the_rfc(&server.client(&token)));
    let told = server.stop().stderr;
    assert!(told.contains("`rfc` and is now with `interop`"), "{told}");
    let server = Server::start(&["--store", &store]);
    assert!(!is_served_by_the_rfc(&server.client(&token)));
}

#[test]
fn the_base_path_is_part_of_the_address_and_of_every_location() {
    for (argument, path) in [
        ("/scim/v2", "/scim/v2"),
        ("/scim/v2/", "/scim/v2"),
        ("/", ""),
        ("", ""),
        ("/tenants/acme/scim", "/tenants/acme/scim"),
    ] {
        let (server, client) = Server::start_fresh(&["--store", "memory:", "--base-path", argument]);
        assert_eq!(server.base, format!("{}{path}", server.origin), "`{argument}`");
        let created = client.send("POST", "/Users", Some(&user("bjensen@example.com")));
        let id = created.created();
        assert_eq!(created.location(), format!("{}/Users/{id}", server.base));
        assert_eq!(created.json()["meta"]["location"], created.location());
        assert_eq!(client.get(&format!("/Users/{id}")).status, 200);
    }
}

#[test]
fn the_public_url_is_where_locations_lead() {
    let arguments = ["--store", "memory:", "--public-url", "https://scim.example.com/"];
    let server = Server::start(&arguments);
    assert_eq!(server.base, "https://scim.example.com/scim/v2");
    let token = server.read_token();
    let client = Client::new(&format!("{}/scim/v2", server.origin), Some(&token));
    let created = client.send("POST", "/Users", Some(&user("bjensen@example.com")));
    assert_eq!(
        created.location(),
        format!("https://scim.example.com/scim/v2/Users/{}", created.created())
    );
}

#[test]
fn the_log_goes_to_stderr_and_knows_no_secret() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder);
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--store",
        &store,
        "--log-format",
        "json",
    ];
    let server = Server::spawn(keyfob(&arguments).env("KEYFOB_LOG", "trace"));
    let token = server.read_token();
    let client = server.client(&token);
    let mut body = user("bjensen@example.com");
    body["password"] = json!("correct-horse-battery-staple");
    assert_eq!(client.send("POST", "/Users", Some(&body)).status, 201);
    assert_eq!(client.send("POST", "/Users", Some(&body)).status, 409);
    let stopped = server.stop();
    assert!(!stopped.stderr.is_empty());
    for line in stopped.stderr.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    for secret in [token.as_str(), "correct-horse-battery-staple"] {
        assert!(!stopped.stderr.contains(secret), "the log holds `{secret}`");
        assert!(
            !holds(folder.path(), secret.as_bytes()),
            "the database holds `{secret}`"
        );
    }
}

/// Whether any file in a folder holds these bytes.
fn holds(folder: &Path, secret: &[u8]) -> bool {
    let files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(!files.is_empty());
    files.iter().any(|file| {
        let bytes = std::fs::read(file).unwrap();
        bytes.windows(secret.len()).any(|window| window == secret)
    })
}

#[test]
fn arguments_that_make_no_server_exit_2_and_say_why() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let folder = TempDir::new().unwrap();
    let nowhere = format!("sqlite:{}", folder.path().join("missing/scim.db").display());
    let text = folder.path().join("text.db");
    std::fs::write(
        &text,
        "this is not a database, and long enough to be looked at\n".repeat(100),
    )
    .unwrap();
    let text = format!("sqlite:{}", text.display());
    let free = ["--listen", "127.0.0.1:0"];
    for (arguments, message) in [
        (vec!["--nonsense"], "--nonsense"),
        (vec!["--listen", "nonsense"], "nonsense"),
        (vec!["--listen", &taken, "--store", "memory:"], &taken),
        (vec!["--store", "nonsense"], "a store is"),
        (vec!["--store", "sqlite:"], "a store is"),
        (vec!["--store", "memory:x"], "a store is"),
        ([&free[..], &["--store", &nowhere]].concat(), "missing/scim.db"),
        ([&free[..], &["--store", &text]].concat(), "text.db"),
        (vec!["--profile", "nonsense"], "nonsense"),
        (vec!["--base-path", "scim"], "a base path is like `/scim/v2`"),
        (vec!["--base-path", "/a?b"], "a base path is like `/scim/v2`"),
        (vec!["--base-path", "/a b"], "a base path is like `/scim/v2`"),
        (
            [&free[..], &["--store", "memory:", "--log", "a=b=c"]].concat(),
            "a=b=c",
        ),
        (vec!["--log-format", "nonsense"], "nonsense"),
    ] {
        run(&[&["serve"], &arguments[..]].concat(), "").assert_unusable(message);
    }
}
