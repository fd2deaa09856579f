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
    assert!(token.starts_with("kf1_") && token.len() > 40, "{token}");
    let id = first.client(&token).create_user("bjensen@example.com");
    let stopped = first.stop();
    assert_eq!((stopped.code, stopped.lines), (Some(0), vec![]));

    let second = Server::start(&["--store", &store]);
    assert_eq!(second.token, None);
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

    // The organization remembers it, whatever becomes of the token.
    let start = |token: &str| Server::spawn(keyfob(&arguments).env("KEYFOB_BOOTSTRAP_TOKEN", token));
    let other = CHOSEN.to_uppercase();
    let refuse_other = || {
        let refused = finish(keyfob(&arguments).env("KEYFOB_BOOTSTRAP_TOKEN", &other), "");
        refused.assert_unusable("KEYFOB_BOOTSTRAP_TOKEN is not the token");
        refused.assert_unusable("`keyfob admin token refresh`");
        assert!(!refused.stderr.contains(&other), "{refused:?}");
    };
    refuse_other();
    let second = start(CHOSEN);
    assert_eq!(
        (second.token.as_ref(), second.client(CHOSEN).get("/Users").status),
        (None, 200)
    );
    let refreshed = run(&["admin", "token", "refresh", "--yes", "--store", &store], "");
    assert_eq!(refreshed.code, Some(0), "{refreshed:?}");
    drop(second);
    let third = start(CHOSEN);
    assert_eq!(third.client(CHOSEN).get("/Users").status, 401, "it stays revoked");
    assert_eq!(third.client(refreshed.stdout.trim()).get("/Users").status, 200);
    drop(third);
    refuse_other();
    let stopped = Server::start(&["--store", &store]).stop();
    assert_eq!(stopped.lines, Vec::<String>::new());
}

#[test]
fn the_domains_of_the_first_start_may_be_given_again_and_others_are_refused() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder);
    let admin = |arguments: &[&str]| {
        let finished = run(&[&["admin", "--store", &store], arguments].concat(), "");
        assert_eq!(finished.code, Some(0), "{finished:?}");
        finished.stdout
    };
    let given = |domains: &[&str]| -> Vec<String> {
        let domains = domains.iter().flat_map(|domain| ["--domain", domain]);
        ["--store", &store]
            .into_iter()
            .chain(domains)
            .map(str::to_owned)
            .collect()
    };
    let start = |domains: &[&str]| {
        let arguments = given(domains);
        Server::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let refuse = |domains: &[&str], message: &str| {
        let arguments = given(domains);
        let arguments: Vec<_> = ["serve", "--listen", "127.0.0.1:0"]
            .into_iter()
            .chain(arguments.iter().map(String::as_str))
            .collect();
        run(&arguments, "").assert_unusable(message);
    };
    refuse(&["nonsense"], "`nonsense` is not a domain");
    assert!(
        start(&["Example.com", "example.org"]).token.is_some(),
        "the refused start left nothing"
    );
    for domains in [&["example.org", "example.com"][..], &[]] {
        assert_eq!(start(domains).token, None);
    }
    refuse(&["example.com"], "first linked with `example.com`, `example.org`");
    refuse(&["example.com", "example.net"], "`keyfob admin domain add`");
    // What administrators change stays changed.
    admin(&["domain", "remove", "example.org"]);
    admin(&["domain", "add", "example.net"]);
    drop(start(&["example.com", "example.org"]));
    assert_eq!(admin(&["domain", "list"]), "example.com\nexample.net\n");
    refuse(&["example.com", "example.net"], "first linked with");
    admin(&["unlink", "--yes"]);
    assert_eq!(
        start(&["example.com", "example.org"]).token,
        None,
        "it stays unlinked"
    );
}

#[test]
fn an_organization_that_was_created_before_the_first_start_is_served_by_it() {
    for (chosen, domains) in [(None, vec![]), (Some(CHOSEN), vec!["--domain", "example.com"])] {
        let folder = TempDir::new().unwrap();
        let store = sqlite(&folder);
        let create = [
            "admin",
            "org",
            "create",
            "Acme",
            "--profile",
            "verkada",
            "--store",
            &store,
        ];
        run(&create, "").assert_unusable("there is no store");
        let created = run(&[&create[..], &["--create"]].concat(), "");
        assert_eq!(
            (created.code, created.stderr.as_str()),
            (Some(0), ""),
            "{created:?}"
        );
        let arguments = [
            &["serve", "--listen", "127.0.0.1:0", "--store", &store][..],
            &domains,
        ]
        .concat();
        let mut command = keyfob(&arguments);
        let server = Server::spawn(chosen.iter().fold(&mut command, |command, token| {
            command.env("KEYFOB_BOOTSTRAP_TOKEN", token)
        }));
        assert_eq!((server.profile.as_str(), &server.store), ("verkada", &store));
        let token = chosen.map_or_else(|| server.read_token(), str::to_owned);
        assert_eq!(server.token.is_some(), chosen.is_none());
        let client = server.client(&token);
        let refused = client
            .send("POST", "/Users", Some(&user("bjensen@evil.com")))
            .status;
        assert_eq!(refused, if domains.is_empty() { 201 } else { 400 });
        client.create_user("ann@example.com");
        let shown = run(
            &[
                "admin",
                "--org",
                "Acme",
                "user",
                "show",
                "ann@example.com",
                "--store",
                &store,
            ],
            "",
        );
        assert!(shown.stdout.contains("invited"), "{shown:?}");
        drop(server);
        let again = Server::start(&["--store", &store]);
        assert_eq!(
            (again.token.as_ref(), again.client(&token).get("/Users").status),
            (None, 200)
        );
    }
}

#[test]
fn organizations_of_all_profiles_are_served_at_once_each_by_its_own() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder);
    let server = Server::start(&["--store", &store, "--profile", "rfc"]);
    assert_eq!(server.profile, "rfc");
    let admin = |arguments: &[&str]| {
        let finished = run(&[&["admin", "--store", &store, "--json"], arguments].concat(), "");
        assert_eq!(finished.code, Some(0), "{finished:?}");
        serde_json::from_str::<Value>(finished.stdout.lines().next().unwrap_or("null")).unwrap()
    };
    // The last user is active from the start, or is invited; the first is taken with a text for `active`.
    let mut clients = vec![("rfc", server.client(&server.read_token()), 400, "")];
    for (profile, status, state) in [("interop", 201, "active"), ("verkada", 201, "invited")] {
        let created = admin(&["org", "create", profile, "--profile", profile]);
        assert_eq!(created["profile"], profile);
        let linked = admin(&["--org", profile, "domain", "add", "example.com"]);
        let client = server.client(linked["token"].as_str().unwrap());
        clients.push((profile, client, status, state));
    }
    let mut body = user("ann@example.com");
    body["active"] = json!("True");
    for (profile, client, status, state) in &clients {
        let answer = client.send("POST", "/Users", Some(&body));
        assert_eq!(answer.status, *status, "{profile}: {answer}");
        if !state.is_empty() {
            assert_eq!(
                admin(&["--org", profile, "user", "show", "ann@example.com"])["state"],
                *state
            );
        }
        assert_eq!(
            admin(&["org", "show", if *profile == "rfc" { "default" } else { profile }])["profile"],
            *profile
        );
    }
    drop(server);
    assert_eq!(
        Server::start(&["--store", &store]).profile,
        "rfc, interop, verkada"
    );
}

#[test]
fn a_chosen_token_that_could_be_guessed_or_not_be_sent_is_refused_without_repeating_it() {
    let folder = TempDir::new().unwrap();
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--store", &sqlite(&folder)];
    for secret in [
        "31-characters-are-one-too-few-x",
        "abcabcabcabcabcabcabcabcabcabcabcabcabc",
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
fn a_host_name_may_be_listened_on() {
    let server = Server::spawn(&mut keyfob(&[
        "serve",
        "--listen",
        "localhost:0",
        "--store",
        "memory:",
    ]));
    assert_eq!(server.client(&server.read_token()).get("/Users").status, 200);
    assert_eq!(
        (server.profile.as_str(), server.store.as_str()),
        ("interop", "memory:")
    );
}

#[test]
fn the_help_names_the_variable_of_the_first_token() {
    assert!(
        run(&["serve", "--help"], "")
            .stdout
            .contains("KEYFOB_BOOTSTRAP_TOKEN")
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
fn an_organization_has_the_profile_of_the_first_start_for_good() {
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
    let server = Server::start(&["--store", &store, "--profile", "rfc"]);
    let token = server.read_token();
    assert!(is_served_by_the_rfc(&server.client(&token)));
    server.stop();
    // The same again, with and without the argument, be it that the server was stopped or that it was killed.
    for profile in [&[][..], &["--profile", "rfc"]] {
        let server = Server::start(&[&["--store", &store], profile].concat());
        assert_eq!(server.profile, "rfc");
        assert!(is_served_by_the_rfc(&server.client(&token)));
        server.kill();
    }
    let other = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--store",
        &store,
        "--profile",
        "interop",
    ];
    let refused = run(&other, "");
    refused.assert_unusable("the organization `default` has the profile `rfc` and not `interop`");
    refused.assert_unusable("leave `--profile` out");
    let server = Server::start(&["--store", &store]);
    assert!(is_served_by_the_rfc(&server.client(&token)));
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
fn a_base_path_that_the_public_url_has_already_is_not_appended_again() {
    let url = "https://scim.example.com/scim/v2/";
    let server = Server::start(&["--store", "memory:", "--public-url", url]);
    assert_eq!(server.base, "https://scim.example.com/scim/v2");
    let token = server.read_token();
    let client = Client::new(&format!("{}/scim/v2", server.origin), Some(&token));
    let created = client.send("POST", "/Users", Some(&user("bjensen@example.com")));
    let location = format!("{}/Users/{}", server.base, created.created());
    assert_eq!(created.location(), location);
}

#[test]
fn a_public_url_that_is_no_address_of_http_is_refused_before_anything_is_made() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder);
    for (url, sentence) in [
        ("notaurl", "a public URL is like `https://id.example.com`"),
        ("", "a public URL is like `https://id.example.com`"),
        (
            "javascript:alert(1)",
            "a public URL is like `https://id.example.com`",
        ),
        (
            "https://h\r\nX-Evil: 1",
            "a public URL is like `https://id.example.com`",
        ),
        (
            "https://user:pw@h/",
            "a public URL holds no user name and no password",
        ),
        (
            "https://h/?a#b",
            "a public URL ends with its path, without `?` and `#`",
        ),
        (
            "https://h/scim",
            "a public URL ends before the base path or with the whole of it",
        ),
    ] {
        let argument = format!("--public-url={url}");
        let finished = run(&["serve", "--store", &store, &argument], "");
        assert_eq!(finished.code, Some(2), "{url}");
        assert!(finished.stderr.contains(sentence), "{}", finished.stderr);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn each_request_leaves_a_line_at_the_default_level() {
    let (server, client) = Server::start_fresh(&["--store", "memory:"]);
    let id = client.create_user("bjensen@example.com");
    assert_eq!(client.get("/Users?filter=title%20eq%20%22secret%22").status, 200);
    let wrong = "kf_0000000000000000000000000000000000000000000";
    assert_eq!(server.client(wrong).get(&format!("/Users/{id}")).status, 401);
    let stderr = server.stop().stderr;
    let lines: Vec<_> = stderr.lines().filter(|line| line.contains("answered")).collect();
    assert_eq!(lines.len(), 3, "{stderr}");
    assert!(
        lines[0].contains("INFO") && lines[0].contains("method=\"POST\" path=\"/Users\""),
        "{stderr}"
    );
    assert!(
        lines[1].contains("status=200") && lines[2].contains("status=401"),
        "{stderr}"
    );
    let warnings = stderr.lines().filter(|line| line.contains("WARN"));
    assert_eq!(warnings.count(), 1, "{stderr}");
    for value in ["bjensen", "secret", wrong, &id] {
        assert!(!stderr.contains(value), "{stderr}");
    }
}

/// A request that can't be read is answered before any service sees it, in the form of all errors (RFC 7644 section 3.12).
#[test]
fn a_request_that_cannot_be_read_is_answered_with_a_body_and_leaves_a_line() {
    let (server, _) = Server::start_fresh(&["--store", "memory:"]);
    let address = server.origin.strip_prefix("http://").unwrap().to_owned();
    let statuses = [
        ("secret\r\n\r\n".to_owned(), 400),
        (format!("GET /secret{} HTTP/1.1\r\n\r\n", "a".repeat(70_000)), 414),
        (
            format!("GET / HTTP/1.1\r\n{}\r\n", "secret: 1\r\n".repeat(300)),
            431,
        ),
        // More than the server reads of a head: what is left doesn't take the answer away.
        (
            format!("GET / HTTP/1.1\r\nsecret: {}\r\n\r\n", "1".repeat(1_000_000)),
            431,
        ),
    ]
    .map(|(request, status)| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["status"], status.to_string());
        assert!(body["detail"].is_string(), "{body}");
        status
    });
    let stderr = server.stop().stderr;
    let lines: Vec<_> = stderr.lines().filter(|line| line.contains("answered")).collect();
    assert_eq!(lines.len(), statuses.len(), "{stderr}");
    for status in statuses {
        let status = format!("status={status} ");
        let of_status = lines
            .iter()
            .filter(|line| line.contains("method=\"-\" path=\"-\"") && line.contains(&status));
        let expected = statuses
            .iter()
            .filter(|other| status == format!("status={other} "));
        assert_eq!(of_status.count(), expected.count(), "{status}: {stderr}");
    }
    assert!(!stderr.contains("secret"), "{stderr}");
}

/// A token without a scheme opens the organizations whose profile takes it so, which is known only once it is open.
#[test]
fn a_token_without_a_scheme_opens_the_organizations_of_profiles_that_take_it_so() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder);
    let (server, client) = Server::start_fresh(&["--store", &store]);
    let token = server.read_token();
    let admin = |arguments: &[&str]| {
        let finished = run(&[&["admin", "--store", &store, "--json"], arguments].concat(), "");
        assert_eq!(finished.code, Some(0), "{finished:?}");
        serde_json::from_str::<Value>(finished.stdout.trim()).unwrap()
    };
    admin(&["org", "create", "Strict", "--profile", "rfc"]);
    let strict = admin(&["--org", "Strict", "domain", "add", "strict.example"]);
    let strict = strict["token"].as_str().unwrap();
    assert_eq!(client.get("/Users").status, 200);
    assert_eq!(server.client(strict).get("/Users").status, 200, "with its scheme");
    let bare = |token: &str| {
        let address = server.origin.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET /scim/v2/Users HTTP/1.1\r\nhost: {address}\r\nauthorization: {token}\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
    };
    assert_eq!(bare(&token).0, "200");
    let (status, body) = bare(strict);
    assert_eq!(status, "401");
    assert!(body.contains("lacks the scheme"), "{body}");
    // The answer doesn't say whether the token opens anything.
    assert_eq!(
        bare("kf_0000000000000000000000000000000000000000000"),
        (status, body)
    );
}

/// Two users that an older release told apart are the same name now: a start says so, by their ids.
#[test]
fn a_start_on_a_database_of_an_older_comparison_warns_of_users_that_are_the_same_by_now() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder);
    let (server, client) = Server::start_fresh(&["--store", &store]);
    let token = server.read_token();
    let older = client.create_user("victim@example.com");
    let younger = client.create_user("other@example.com");
    server.stop();
    // As the release before comparisons had versions stored a name in full-width letters.
    let connection = rusqlite::Connection::open(folder.path().join("scim.db")).unwrap();
    connection
        .execute_batch(
            "UPDATE kinds SET compared = 0;
             UPDATE unique_keys SET value = '\u{ff56}ictim@example.com' WHERE value = 'other@example.com';
             UPDATE documents
             SET document = CAST(replace(CAST(document AS TEXT), 'other@', '\u{ff56}ictim@') AS BLOB);",
        )
        .unwrap();
    drop(connection);
    let server = Server::start(&["--store", &store]);
    let filter = "/Users?filter=userName%20eq%20%22victim%40example.com%22";
    let found = server.client(&token).get(filter).json();
    assert_eq!(found["totalResults"], 2, "{found}");
    let stderr = server.stop().stderr;
    let warnings: Vec<_> = stderr.lines().filter(|line| line.contains("WARN")).collect();
    let [warning] = warnings.as_slice() else {
        panic!("{stderr}")
    };
    assert!(warning.contains(&format!("keeps=\"{older}\"")), "{warning}");
    assert!(warning.contains(&format!("loses=\"{younger}\"")), "{warning}");
    assert!(!stderr.contains("ictim"), "{stderr}");
    let stderr = Server::start(&["--store", &store]).stop().stderr;
    assert!(!stderr.contains("WARN"), "it is said once: {stderr}");
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
pub(crate) fn holds(folder: &Path, secret: &[u8]) -> bool {
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
        (
            vec!["--listen", "nonsense", "--store", "memory:"],
            "cannot listen on nonsense",
        ),
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
