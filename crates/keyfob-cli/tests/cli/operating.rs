//! A server as operators see it, and under clients that take more than their share: over real sockets.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    client::{Client, patch, user},
    process::{PATIENCE, Server, finish, keyfob, run},
};

/// Sends bytes and reads all that comes back until the server closes the connection.
fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn address(server: &Server) -> String {
    server.origin.strip_prefix("http://").unwrap().to_owned()
}

fn with_admin_port(arguments: &[&str]) -> (Server, Client) {
    let arguments = [&["--admin-listen", "127.0.0.1:0"], arguments].concat();
    let server = Server::start(&arguments);
    let origin = server.read("administration on ");
    let client = Client::new(&origin, None);
    (server, client)
}

#[test]
fn a_server_is_live_and_ready_on_both_ports_and_shows_metrics_on_that_of_operators() {
    let folder = TempDir::new().unwrap();
    let store = format!("sqlite:{}", folder.path().join("scim.db").display());
    let (server, admin) = with_admin_port(&["--store", &store]);
    let public = Client::new(&server.origin, None);
    for client in [&admin, &public] {
        for (path, text) in [("/livez", "ok\n"), ("/healthz", "ok\n"), ("/readyz", "ready\n")] {
            let answer = client.get(path);
            assert_eq!(
                (answer.status, answer.body.as_slice()),
                (200, text.as_bytes()),
                "{path}"
            );
            assert_eq!(client.send("HEAD", path, None).status, 200);
        }
    }
    let client = server.client(&server.read_token());
    client.create_user("secret@example.com");
    assert_eq!(public.get("/metrics").status, 401, "providers see no metrics");
    let answer = admin.get("/metrics");
    let text = String::from_utf8(answer.body.clone()).unwrap();
    assert!(
        answer.headers["content-type"].starts_with("application/openmetrics-text"),
        "{answer}"
    );
    for line in [
        "scim_requests_total{method=\"POST\",path=\"/Users\",status=\"201\"} 1",
        "scim_requests_total{method=\"GET\",path=\"-\",status=\"401\"} 1",
        "keyfob_requests_waiting 0",
        "# EOF",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(
        text.contains("keyfob_store_commits_total{outcome=\"done\"}"),
        "{text}"
    );
    assert!(!text.contains("secret"), "{text}");
    assert_eq!(
        admin.get("/scim/v2/Users").status,
        404,
        "operators' port serves no SCIM"
    );
}

/// Anybody may ask for readiness, and what it writes stays nowhere.
#[test]
fn a_database_that_is_removed_or_replaced_makes_a_server_unready_and_not_dead() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("scim.db");
    let store = format!("sqlite:{}", path.display());
    for replaced in [false, true] {
        let server = Server::start(&["--store", &store]);
        let public = Client::new(&server.origin, None);
        assert_eq!(public.get("/readyz").status, 200);
        if replaced {
            fs::write(folder.path().join("other.db"), "").unwrap();
            fs::rename(folder.path().join("other.db"), &path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        // An outcome holds for a second.
        thread::sleep(Duration::from_millis(1_100));
        let answer = public.get("/readyz");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, 503, "{answer}");
        assert!(text.starts_with("not ready: the file of the database"), "{text}");
        assert!(!text.contains("scim.db"), "{text}");
        assert_eq!(public.get("/livez").status, 200);
        let stderr = server.stop().stderr;
        assert!(
            stderr.contains("the server is not ready") && stderr.contains("scim.db"),
            "{stderr}"
        );
        fs::remove_file(&path).ok();
        for suffix in ["-wal", "-shm"] {
            fs::remove_file(folder.path().join(format!("scim.db{suffix}"))).ok();
        }
    }
}

#[test]
fn the_id_of_a_request_is_a_proxys_or_the_servers_own() {
    let arguments = ["--store", "memory:", "--trusted-proxy", "127.0.0.0/8"];
    let (behind_proxy, client) = Server::start_fresh(&arguments);
    let (alone, other) = Server::start_fresh(&["--store", "memory:"]);
    let sent = |client: &Client| {
        let answer = client.try_send_draft(crate::client::Draft {
            method: "GET",
            path: "/Users".to_owned(),
            headers: [("x-request-id".to_owned(), "from-a-proxy".to_owned())].into(),
            body: None,
        });
        answer.unwrap().headers["x-request-id"].clone()
    };
    assert_eq!(sent(&client), "from-a-proxy");
    let own = sent(&other);
    assert!(own.len() > 20 && own != "from-a-proxy", "{own}");
    assert!(behind_proxy.stop().stderr.contains("from-a-proxy"));
    assert!(alone.stop().stderr.contains(&own));
    run(&["serve", "--trusted-proxy", "proxy.example"], "")
        .assert_unusable("a proxy is an address or a network");
}

#[test]
fn rfc_9112_a_request_that_names_no_host_or_two_is_refused_in_the_form_of_scim() {
    let (server, _) = Server::start_fresh(&["--store", "memory:"]);
    let address = address(&server);
    for (head, status) in [
        ("GET /scim/v2/Users HTTP/1.1\r\n", 400),
        ("GET /scim/v2/Users HTTP/1.1\r\nHost: a\r\nHost: a\r\n", 400),
        (
            "GET /scim/v2/Users HTTP/1.1\r\nHost: a\r\nExpect: banana\r\n",
            417,
        ),
        ("GET /scim/v2/Users HTTP/1.1\r\nHost: a\r\n", 401),
        ("GET /scim/v2/Users HTTP/1.0\r\n", 401),
    ] {
        let answer = exchange(&address, &format!("{head}Connection: close\r\n\r\n"));
        assert!(
            answer.starts_with(&format!("HTTP/1.{} {status} ", i32::from(!head.contains("1.0")))),
            "{head}: {answer}"
        );
        assert!(
            answer.contains("application/scim+json") && answer.contains("cache-control: no-store"),
            "{answer}"
        );
    }
    let long = format!(
        "GET /scim/v2/{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "a".repeat(40_000)
    );
    let answer = exchange(&address, &long);
    assert!(
        answer.starts_with("HTTP/1.1 414 ") && answer.contains("/.search"),
        "{answer}"
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}\r\n",
        "x: 1\r\n".repeat(120)
    );
    let answer = exchange(&address, &many);
    assert!(
        answer.starts_with("HTTP/1.1 431 ") && answer.contains("header fields"),
        "{answer}"
    );
}

/// A client that doesn't send its body, and one that doesn't read its answer, hold up nobody who stops the server.
#[test]
fn a_server_that_is_told_twice_to_stop_cuts_what_is_left_and_says_so_by_its_exit_code() {
    let (server, client) = Server::start_fresh(&["--store", "memory:"]);
    let address = address(&server);
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(
        stream,
        "POST /scim/v2/Users HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Type: \
         application/scim+json\r\nContent-Length: 1000\r\n\r\n{{",
        client.token()
    )
    .unwrap();
    assert_eq!(client.get("/Users").status, 200);
    // An idle connection is no request.
    let idle = TcpStream::connect(&address).unwrap();
    assert_eq!(client.get("/Users").status, 200);
    server.signal("TERM");
    thread::sleep(Duration::from_millis(300));
    server.signal("TERM");
    let stopped = server.join();
    assert_eq!(stopped.code, Some(1), "{stopped:?}");
    assert!(stopped.stderr.contains("requests were cut"), "{stopped:?}");
    drop((stream, idle));
}

#[test]
fn idle_connections_and_silent_ones_do_not_hold_up_the_end() {
    let (server, client) = Server::start_fresh(&["--store", "memory:"]);
    let address = address(&server);
    let idle: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(&address).unwrap()).collect();
    let mut begun = TcpStream::connect(&address).unwrap();
    begun.write_all(b"GET /scim/v2/Users HT").unwrap();
    client.create_user("ann@example.com");
    let stopped = server.stop();
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    drop((idle, begun));
}

#[test]
fn a_second_port_that_is_taken_is_told_before_anything_is_stored() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let folder = TempDir::new().unwrap();
    let mut command = keyfob(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", &taken]);
    finish(command.current_dir(folder.path()), "").assert_unusable(&taken);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_body_of_no_stated_length_is_taken_and_one_that_is_too_long_is_refused() {
    let (server, client) = Server::start_fresh(&["--store", "memory:"]);
    let address = address(&server);
    let body = user("chunked@example.com").to_string();
    let head = format!(
        "POST /scim/v2/Users HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Type: \
         application/scim+json\r\nConnection: close\r\n",
        client.token()
    );
    let chunked = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    assert!(exchange(&address, &chunked).starts_with("HTTP/1.1 201 "));
    // A length beside chunks is not believed, and the connection is not used again (RFC 9112 section 6.1).
    let both = chunked
        .replace("Connection: close\r\n", "Content-Length: 3\r\n")
        .replace("chunked@", "bothlen@");
    assert!(exchange(&address, &both).starts_with("HTTP/1.1 201 "));
    let large = client.send("POST", "/Users", Some(&json!({"userName": "a".repeat(9 << 20)})));
    assert_eq!(large.status, 413);
}

/// Sends wrong tokens until the server has enough of them, and returns how many it took and the last answer.
fn guess(client: &Client, path: &str) -> (usize, crate::client::Answer) {
    for number in 0..1000 {
        let answer = client.get(path);
        if answer.status != 401 {
            return (number, answer);
        }
    }
    panic!("nobody minds a thousand wrong tokens");
}

#[test]
fn wrong_tokens_of_an_address_are_bounded_and_shut_no_right_one_out() {
    let arguments = ["--store", "memory:", "--trusted-proxy", "127.0.0.0/8"];
    let (server, admin) = with_admin_port(&arguments);
    let client = server.client(&server.read_token());
    let wrong = server.client("kf_0000000000000000000000000000000000000000000");
    let (number, answer) = guess(&wrong, "/Users");
    assert!(number >= 30, "{number}");
    assert_eq!(
        (answer.status, answer.json()["status"].as_str()),
        (429, Some("429")),
        "{answer}"
    );
    let seconds: u64 = answer.headers["retry-after"].parse().unwrap();
    assert!((1..=3).contains(&seconds), "{seconds}");
    // The same address with the right token, with none, and behind a proxy another address.
    assert_eq!(client.get("/Users").status, 200);
    assert_eq!(Client::new(&server.base, None).get("/Users").status, 401);
    let forwarded = |client: &Client, address: &str| {
        let draft = crate::client::Draft {
            method: "GET",
            path: "/Users".to_owned(),
            headers: [("x-forwarded-for".to_owned(), address.to_owned())].into(),
            body: None,
        };
        client.try_send_draft(draft).unwrap().status
    };
    assert_eq!(forwarded(&wrong, "203.0.113.9"), 401);
    assert_eq!(forwarded(&client, "203.0.113.9"), 200);
    // Operators' port counts with it.
    let wrong = admin.with_token("ka_0000000000000000000000000000000000000000000");
    let (_, answer) = guess(&wrong, "/admin/v1/organizations");
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (429, &json!("tooMany")),
        "{answer}"
    );
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(client.get("/Users").status, 200);
    let metrics = admin.get("/metrics").body;
    let metrics = String::from_utf8_lossy(&metrics);
    let counted = metrics
        .lines()
        .find_map(|line| line.strip_prefix("keyfob_wrong_tokens_total "));
    assert!(counted.unwrap().parse::<usize>().unwrap() > number, "{metrics}");
}

#[test]
fn the_signal_that_reads_a_certificate_again_ends_no_server_that_has_none() {
    let (server, client) = Server::start_fresh(&["--store", "memory:"]);
    server.signal("HUP");
    server.wait_for("there is no TLS certificate to read again");
    assert_eq!(client.get("/Users").status, 200);
    assert_eq!(server.stop().code, Some(0));
}

/// A secret that stays in the settings of a server brings no token back that was taken back.
#[test]
fn a_chosen_token_of_the_administration_that_was_revoked_stays_so_at_the_next_start() {
    let folder = TempDir::new().unwrap();
    let store = format!("sqlite:{}", folder.path().join("scim.db").display());
    let chosen = "a-token-that-somebody-has-chosen-9876543210";
    let start = || {
        let mut command = keyfob(&["serve", "--listen", "127.0.0.1:0", "--store", &store]);
        let command = command.args(["--admin-listen", "127.0.0.1:0"]);
        let server = Server::spawn(command.env("KEYFOB_ADMIN_TOKEN", chosen));
        let origin = server.read("administration on ");
        (server, Client::new(&origin, Some(chosen)))
    };
    let status = |client: &Client| client.get("/admin/v1/organizations").status;
    let service_token = |arguments: &[&str]| {
        let command = ["admin", "--store", &store, "service-token"];
        let done = run(&[&command[..], arguments].concat(), "");
        assert_eq!(done.code, Some(0), "{done:?}");
    };
    let (server, client) = start();
    assert_eq!(status(&client), 200);
    assert_eq!(server.stop().code, Some(0));
    service_token(&["issue", "second", "--role", "operator"]);
    service_token(&["revoke", "first", "--yes"]);
    let (server, client) = start();
    assert_eq!(status(&client), 401, "the token comes back");
    let stderr = server.stop().stderr;
    assert!(stderr.contains("was revoked or never issued"), "{stderr}");
}

#[test]
fn bodies_in_gzip_are_read_and_large_answers_are_encoded_for_whom_asks_for_it() {
    let (_server, client) = Server::start_fresh(&["--store", "memory:"]);
    let gzip = |plain: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    };
    let send = |method, headers: &[(&str, &str)], body| {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let draft = crate::client::Draft {
            method,
            path: "/Users".to_owned(),
            headers: headers.collect(),
            body,
        };
        client.try_send_draft(draft).unwrap()
    };
    let encoded = [("content-encoding", "gzip")];
    let guide = json!({"userName": "ann@example.com", "title": "guide ".repeat(4_000)});
    let created = send("POST", &encoded, Some(gzip(guide.to_string().as_bytes())));
    assert_eq!(created.status, 201, "{created}");
    // 64 MiB in 64 KiB: no more of it than 8 MiB is decoded.
    let bomb = send("POST", &encoded, Some(gzip(&vec![b' '; 64 << 20])));
    assert_eq!(bomb.status, 413, "{bomb}");
    let listed = send("GET", &[("accept-encoding", "gzip")], None);
    assert_eq!(listed.headers["content-encoding"], "gzip");
    let mut plain = String::new();
    GzDecoder::new(&listed.body[..])
        .read_to_string(&mut plain)
        .unwrap();
    assert!(plain.contains("ann@example.com") && listed.body.len() * 10 < plain.len());
}

#[test]
fn the_first_token_of_the_administration_may_stand_in_a_file() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    let token = "a-token-that-somebody-has-chosen-9876543210";
    fs::write(&file, format!("{token}\n")).unwrap();
    let file = file.to_str().unwrap();
    let (_server, admin) = with_admin_port(&["--store", "memory:", "--admin-token-file", file]);
    let path = "/admin/v1/organizations";
    assert_eq!(admin.with_token(token).get(path).status, 200);
    assert_eq!(admin.get(path).status, 401);
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--store",
        "memory:",
        "--admin-token-file",
        file,
    ];
    run(&serve, "").assert_unusable("there is no administration without `--admin-listen`");
    let both = [&serve[..], &["--admin-listen", "127.0.0.1:0"]].concat();
    finish(keyfob(&both).env("KEYFOB_ADMIN_TOKEN", token), "").assert_unusable("a token is given twice");
    fs::write(file, "short").unwrap();
    run(&both, "").assert_unusable("at least 32 visible ASCII characters");
}

#[test]
fn an_organization_that_sends_more_than_its_rate_is_told_when_to_come_again() {
    let (_server, client) = Server::start_fresh(&["--store", "memory:", "--requests-per-second", "1"]);
    let refused = (0..100).find_map(|_| Some(client.get("/Users")).filter(|answer| answer.status != 200));
    let refused = refused.unwrap();
    assert_eq!(
        (refused.status, refused.json()["status"].as_str()),
        (429, Some("429")),
        "{refused}"
    );
    assert!(["1", "2"].contains(&&*refused.headers["retry-after"]));
    run(&["serve", "--store", "memory:", "--requests-per-second", "0"], "")
        .assert_unusable("at least 1; leave it out for no limit");
}

#[test]
fn a_server_removes_events_that_were_kept_for_long_enough() {
    let folder = TempDir::new().unwrap();
    let store = format!("sqlite:{}", folder.path().join("keyfob.db").display());
    let (server, client) = Server::start_fresh(&["--store", &store]);
    client.create_user("ada");
    server.stop();
    let events = || run(&["admin", "--store", &store, "events", "--json"], "").stdout;
    assert!(events().contains("\"ada\""), "{}", events());
    thread::sleep(Duration::from_millis(1_100));
    // The first hour begins with the start.
    let server = Server::start(&["--store", &store, "--keep-events", "1s"]);
    server.wait_for("events that were kept for long enough are removed");
    server.stop();
    assert!(!events().contains("\"ada\""), "{}", events());
    for wrong in ["1", "0d", "ever"] {
        let unusable = run(&["serve", "--store", "memory:", "--keep-events", wrong], "");
        unusable.assert_unusable(wrong);
    }
}

#[test]
fn the_limits_that_are_in_force_stand_in_the_log_of_a_start() {
    let stderr = Server::start(&["--store", "memory:"]).stop().stderr;
    let line = stderr
        .lines()
        .find(|line| line.contains("limits body_bytes=8388608"));
    let line = line.unwrap_or_else(|| panic!("{stderr}"));
    for limit in ["work=10s", "page=1000", "tenant_running=64"] {
        assert!(line.contains(limit), "{line}");
    }
}

/// RFC 7643 section 5: what is left out is refused, and what the server says of itself agrees.
#[test]
fn features_that_are_left_out_are_refused_and_not_told_of() {
    let told = |arguments: &[&str]| {
        let (server, client) = Server::start_fresh(&[&["--store", "memory:"], arguments].concat());
        let id = client.create_user("bjensen@example.com");
        let retitle = patch(&json!([{"op": "replace", "path": "title", "value": "Guide"}]));
        let bulk =
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": []});
        let poll = json!({"returnImmediately": true});
        let config = client.get("/ServiceProviderConfig").json();
        let description = client.get("/openapi.json").json();
        let paths = &description["paths"];
        // Of each feature: what it is answered with, and the two descriptions.
        let told = [
            (
                client
                    .send("PATCH", &format!("/Users/{id}"), Some(&retitle))
                    .status,
                config["patch"]["supported"] == true,
                paths["/Users/{id}"]["patch"].is_object(),
            ),
            (
                client.send("POST", "/Bulk", Some(&bulk)).status,
                config["bulk"]["supported"] == true,
                paths["/Bulk"].is_object(),
            ),
            (
                client.send("POST", "/Events", Some(&poll)).status,
                config.get("securityEvents").is_some(),
                paths["/Events"].is_object(),
            ),
        ];
        drop(server);
        told
    };
    let on = (200, true, true);
    assert_eq!(told(&[]), [on, on, on]);
    assert_eq!(
        told(&["--without", "securityEvents"]),
        [on, on, (404, false, false)]
    );
    let several = ["--without", "patch,SECURITYEVENTS", "--without", "bulk"];
    let off = |status| (status, false, false);
    assert_eq!(told(&several), [off(501), off(501), off(404)]);
}

#[test]
fn a_feature_that_there_is_not_can_not_be_left_out() {
    let refused = run(&["serve", "--store", "memory:", "--without", "events"], "");
    refused.assert_unusable("securityEvents");
    // It is never offered.
    run(
        &["serve", "--store", "memory:", "--without", "changePassword"],
        "",
    )
    .assert_unusable("possible values");
    let both = [
        "serve",
        "--store",
        "memory:",
        "--without",
        "pagination.index,pagination.cursor",
    ];
    run(&both, "").assert_unusable("for its second page");
}
