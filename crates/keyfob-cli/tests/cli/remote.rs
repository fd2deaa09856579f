//! `keyfob admin --server`: the administration of a running server, over HTTP.

use keyfob_webhook::Secret;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Client,
    process::{Finished, Server, finish, keyfob, run},
    webhooks::{PATIENCE, receiver},
};

/// A server with a port for operators, and its first token.
struct Site {
    server: Server,
    origin: String,
    token: String,
}

impl Site {
    fn start(arguments: &[&str]) -> Self {
        let server = Server::start(&[&["--admin-listen", "127.0.0.1:0"], arguments].concat());
        let origin = server.read("administration on ");
        let console = server.read("console: ");
        assert_eq!(console, format!("{origin}/console"));
        let token = server.read("admin token (shown once): ");
        Self {
            server,
            origin,
            token,
        }
    }

    fn admin_with(&self, token: &str, arguments: &[&str]) -> Finished {
        let arguments = [&["admin", "--server", &self.origin], arguments].concat();
        finish(keyfob(&arguments).env("KEYFOB_ADMIN_TOKEN", token), "")
    }

    #[track_caller]
    fn perform(&self, arguments: &[&str]) -> String {
        let finished = self.admin_with(&self.token, arguments);
        assert_eq!(
            (finished.code, finished.stderr.as_str()),
            (Some(0), ""),
            "{finished:?}"
        );
        finished.stdout
    }
}

#[test]
fn the_same_commands_print_the_same_over_http_as_on_the_store() {
    let folder = TempDir::new().unwrap();
    let store = format!("sqlite:{}", folder.path().join("scim.db").display());
    let site = Site::start(&[
        "--store",
        &store,
        "--profile",
        "verkada",
        "--domain",
        "example.com",
    ]);
    let client = site.server.client(&site.server.read_token());
    let ann = client.create_user("ann@example.com");
    site.perform(&["user", "accept", &ann]);
    for name in ["Lobby", "출입문/1", "50% & more?"] {
        site.perform(&["door", "create", name, "--time-zone", "Asia/Seoul"]);
    }
    site.perform(&[
        "level",
        "create",
        "Office",
        "--door",
        "Lobby",
        "--door",
        "출입문/1",
        "--hours",
        "MO-FR 08:00-18:00",
    ]);
    site.perform(&["level", "except", "Office", "2026-12-25", "closed"]);
    site.perform(&["access-group", "create", "Guides"]);
    site.perform(&["access-group", "add", "Guides", "ann@example.com"]);
    site.perform(&["level", "assign", "Office", "Guides"]);
    for command in [
        &["user", "list", "--managed", "--search", "ann"][..],
        &["user", "show", "ann@example.com"],
        &[
            "user",
            "why",
            "ann@example.com",
            "Lobby",
            "--at",
            "2026-12-22T01:00:00Z",
        ],
        &["doors", "ann@example.com", "--at", "2026-12-22T01:00:00Z"],
        &["door", "show", "출입문/1"],
        &["door", "list", "--search", "%"],
        &["level", "list"],
        &["level", "show", "Office"],
        &["access-group", "show", "Guides"],
        &["token", "show"],
        &["domain", "list"],
        &["sync", "show"],
        &["audit", "--all"],
        &["events", "--all"],
    ] {
        for format in [&[][..], &["--json"]] {
            let arguments = [command, format].concat();
            let local = run(&[&["admin", "--store", &store], &arguments[..]].concat(), "");
            assert_eq!(local.code, Some(0), "{local:?}");
            assert_eq!(site.perform(&arguments), local.stdout, "{arguments:?}");
        }
    }
    // What can't be undone is confirmed over HTTP too.
    let asked = site.admin_with(&site.token, &["level", "delete", "Office"]);
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(
        asked.stderr.contains("needs a confirmation: add `--yes`"),
        "{asked:?}"
    );
    assert!(
        asked.stderr.contains("access groups lose it: Guides"),
        "{asked:?}"
    );
    let dry = site.perform(&["level", "delete", "Office", "--dry-run"]);
    assert!(dry.starts_with("delete AccessLevel "), "{dry}");
    site.perform(&["level", "delete", "Office", "--yes", "--reason", "rebuilt"]);
    assert!(site.perform(&["level", "list"]).is_empty());
    let audit = site.perform(&["audit", "--json", "--all"]);
    let first: Value = serde_json::from_str(audit.lines().next().unwrap()).unwrap();
    assert_eq!(first["data"]["reason"], json!("rebuilt"));
    assert_eq!(
        first["actor"]["identity"],
        json!("first"),
        "the name of the token"
    );
    let refreshed = site.perform(&["token", "refresh", "--yes"]);
    assert_eq!(client.get("/Users").status, 401);
    assert_eq!(site.server.client(refreshed.trim_end()).get("/Users").status, 200);
}

#[test]
fn t_6_a_server_administers_for_its_tokens_alone_and_on_its_own_port() {
    let site = Site::start(&["--store", "memory:"]);
    let provider = site.server.read_token();
    for token in [provider.as_str(), "ka_nothing"] {
        let refused = site.admin_with(token, &["org", "list"]);
        assert_eq!(
            (refused.code, refused.stdout.as_str()),
            (Some(1), ""),
            "{refused:?}"
        );
        assert!(
            refused.stderr.contains("credentials are missing or not valid"),
            "{refused:?}"
        );
    }
    let client = site.server.client(&site.token);
    assert_eq!(
        client.get("/Users").status,
        401,
        "and its tokens open nothing for providers"
    );
    let public = Client::new(&site.server.origin, Some(&site.token));
    assert_ne!(
        public.get("/admin/v1/organizations").status,
        200,
        "not on the port of providers"
    );
    let admin = Client::new(&site.origin, Some(&site.token));
    assert_eq!(admin.get("/admin/v1/organizations").status, 200);
    assert_eq!(
        admin.get("/admin/v1/openapi.json").json()["openapi"],
        json!("3.1.0")
    );
    assert_eq!(admin.get("/admin/v2").status, 404);
    let page = admin.get("/console/sign-in");
    assert_eq!(page.status, 200);
    assert!(String::from_utf8_lossy(&page.body).contains("<h1>Sign in</h1>"));
    assert_ne!(public.get("/console/sign-in").status, 200);
    let issued = site.perform(&[
        "admin-token",
        "issue",
        "ci",
        "--role",
        "auditor",
        "--expires",
        "30d",
    ]);
    let auditor = issued.trim_end();
    assert_eq!(site.admin_with(auditor, &["user", "list"]).code, Some(0));
    let refused = site.admin_with(auditor, &["door", "create", "Lobby"]);
    assert!(
        refused.stderr.contains("an auditor reads and changes nothing"),
        "{refused:?}"
    );
    site.perform(&["admin-token", "revoke", "ci", "--yes"]);
    assert_eq!(site.admin_with(auditor, &["user", "list"]).code, Some(1));
}

#[test]
fn what_is_no_server_is_told_before_a_token_is_sent() {
    for (server, message) in [
        ("http://keyfob.example.com", "is not encrypted"),
        ("keyfob", "is no URL"),
        ("https://ada:s3cret@127.0.0.1", "holds more than an address"),
        ("ftp://127.0.0.1", "is not encrypted"),
    ] {
        let arguments = ["admin", "--server", server, "org", "list"];
        finish(keyfob(&arguments).env("KEYFOB_ADMIN_TOKEN", "ka_x"), "").assert_unusable(message);
    }
    let without = keyfob(&["admin", "--server", "http://127.0.0.1:9", "org", "list"]);
    finish(&mut { without }, "").assert_unusable("KEYFOB_ADMIN_TOKEN holds no token");
    let both = [
        "admin",
        "--server",
        "http://127.0.0.1:9",
        "--store",
        "sqlite:x.db",
        "org",
        "list",
    ];
    run(&both, "").assert_unusable("cannot be used with");
}

#[test]
fn a_webhook_is_made_tested_and_taken_away_by_commands_and_gets_what_the_secret_verifies() {
    let folder = TempDir::new().unwrap();
    let store = format!("sqlite:{}", folder.path().join("scim.db").display());
    let site = Site::start(&["--store", &store, "--loopback-webhooks"]);
    let (url, _, messages) = receiver();
    let add = ["webhook", "add", &url, "--types", "User.*"];
    let secret = site.perform(&add);
    let secret: Secret = secret.trim_end().parse().expect("the secret is the only line");
    let listed = site.perform(&["webhook", "list", "--json"]);
    let webhook: Value = serde_json::from_str(listed.trim_end()).unwrap();
    assert_eq!(
        (&webhook["url"], &webhook["types"]),
        (&json!(url), &json!(["User.*"]))
    );
    let id = webhook["id"].as_str().unwrap();
    site.perform(&["webhook", "test", id]);
    let message = messages.recv_timeout(PATIENCE).unwrap();
    assert_eq!(message.kind(), "webhook.test");
    let now = keyfob_core::context::Clock::now(&keyfob_core::SystemClock::default());
    assert!(secret.verify(&message.headers, &message.body, now).is_ok());
    for (words, told) in [
        (&["webhook", "pause", id][..], "paused: administrator"),
        (&["webhook", "resume", id], "waiting: 0"),
        (&["webhook", "set", id, "--types", "*"], "types: none"),
        (&["webhook", "deliveries", id], ""),
        (&["webhook", "redeliver", id], "messages: 0"),
    ] {
        let printed = site.perform(words);
        assert!(printed.contains(told), "{words:?}: {printed}");
    }
    // The commands beside the server say the same, and refuse what only the server may deliver to.
    let here = run(&["admin", "--store", &store, "webhook", "list", "--json"], "");
    let here: Value = serde_json::from_str(here.stdout.trim_end()).unwrap();
    assert_eq!(here["id"], webhook["id"]);
    let refused = run(&["admin", "--store", &store, "webhook", "add", &url], "");
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("an address of this machine"),
        "{refused:?}"
    );
    let rotate = ["webhook", "rotate-secret", id];
    let asked = site.admin_with(&site.token, &rotate);
    assert_eq!(asked.code, Some(1), "{asked:?}");
    assert!(asked.stderr.contains("confirmation: "), "{asked:?}");
    let rotated = site.perform(&[&rotate[..], &["--yes"]].concat());
    assert!(rotated.trim_end().parse::<Secret>().is_ok(), "{rotated}");
    site.perform(&["webhook", "remove", id, "--yes"]);
    assert_eq!(site.perform(&["webhook", "list"]), "");
    site.server.stop();
}
