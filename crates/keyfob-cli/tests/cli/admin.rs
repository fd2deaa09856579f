//! `keyfob admin` beside a running server, on one SQLite file.

use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Client,
    process::{Finished, Server, keyfob, run},
};

/// A served organization with the domain `example.com`, and its administrator.
pub(crate) struct Site {
    server: Server,
    pub(crate) client: Client,
    store: String,
    folder: TempDir,
}

impl Site {
    pub(crate) fn start(profile: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let store = format!("sqlite:{}", folder.path().join("scim.db").display());
        let arguments = ["--store", &store, "--profile", profile, "--domain", "example.com"];
        let (server, client) = Server::start_fresh(&arguments);
        Self {
            server,
            client,
            store,
            folder,
        }
    }

    fn admin(&self, arguments: &[&str]) -> Finished {
        run(&[&["admin"], arguments, &["--store", &self.store]].concat(), "")
    }

    /// What a command prints with `--json`, an object a line.
    #[track_caller]
    pub(crate) fn ask(&self, arguments: &[&str]) -> Vec<Value> {
        let finished = self.admin(&[arguments, &["--json"]].concat());
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let lines = finished.stdout.lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Does something that has to succeed.
    #[track_caller]
    fn perform(&self, arguments: &[&str]) -> String {
        let finished = self.admin(arguments);
        assert_eq!(
            (finished.code, finished.stderr.as_str()),
            (Some(0), ""),
            "{finished:?}"
        );
        finished.stdout
    }

    /// Tries something that has to be refused in these words.
    #[track_caller]
    fn refused(&self, arguments: &[&str], words: &str) {
        let finished = self.admin(arguments);
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(1), ""),
            "{finished:?}"
        );
        assert!(
            finished.stderr.contains(words),
            "`{words}` is not said: {finished:?}"
        );
    }

    #[track_caller]
    fn create_group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<_> = members.iter().map(|id| json!({"value": id})).collect();
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name, "members": members,
        });
        self.client.send("POST", "/Groups", Some(&body)).created()
    }

    #[track_caller]
    fn set_active(&self, id: &str, active: bool) {
        let text = if active { "True" } else { "False" };
        self.patch(
            &format!("/Users/{id}"),
            &json!({"op": "Replace", "path": "active", "value": text}),
        );
    }

    #[track_caller]
    fn patch(&self, path: &str, operation: &Value) {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation],
        });
        let answer = self.client.send("PATCH", path, Some(&body));
        assert!(matches!(answer.status, 200 | 204), "{}", answer.status);
    }
}

#[test]
fn t_2_a_new_organization_is_linked_by_its_first_domain_and_the_token_opens_it() {
    let site = Site::start("verkada");
    let created = site.ask(&["org", "create", "Umbrella", "--profile", "interop"]);
    assert_eq!(created[0]["linked"], json!(false));
    site.refused(&["--org", "umbrella", "token", "refresh", "--yes"], "not linked");
    let added = site.ask(&["--org", "Umbrella", "domain", "add", "umbrella.example"]);
    let token = added[0]["token"].as_str().unwrap();
    let other = site.server.client(token);
    assert_eq!(other.get("/Users").json()["totalResults"], json!(0));
    assert_eq!(
        site.perform(&["--org", "Umbrella", "domain", "add", "second.example"]),
        ""
    );
    let shown = site.ask(&["org", "show", "Umbrella"]);
    assert_eq!(shown[0]["domains"], json!(["umbrella.example", "second.example"]));
    assert_eq!(shown[0]["profile"], json!("interop"));
    assert_eq!(site.ask(&["--org", "Umbrella", "org", "show"]), shown);
    assert_eq!(site.ask(&["org", "show"])[0]["profile"], json!("verkada"));
    assert_eq!(site.ask(&["org", "list"]).len(), 2);
    site.refused(&["org", "create", "umbrella", "--profile", "rfc"], "already");
    let unnamed = site.admin(&["org", "create", "Hooli"]);
    unnamed.assert_unusable("--profile");
    site.refused(&["--org", "nobody", "user", "list"], "no organization `nobody`");
}

#[test]
fn a_command_never_creates_a_store() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("typo.db");
    let store = format!("sqlite:{}", path.display());
    for command in [
        &["user", "list"][..],
        &["org", "list"],
        &["org", "create", "Acme", "--profile", "rfc"],
        &["domain", "add", "example.com"],
        &["token", "refresh", "--yes"],
        &["unlink", "--yes"],
        &["events"],
    ] {
        let finished = run(&[&["admin", "--store", &store], command].concat(), "");
        finished.assert_unusable(&format!("there is no store `{}`", path.display()));
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            0,
            "{command:?}"
        );
    }
    for command in [
        &["user", "list"][..],
        &["org", "create", "Acme", "--profile", "rfc", "--create"],
    ] {
        let finished = run(&[&["admin", "--store", "memory:"], command].concat(), "");
        finished.assert_unusable("`memory:` is empty and ends with the command");
    }
    let profile = run(
        &["admin", "--store", &store, "--profile", "rfc", "user", "list"],
        "",
    );
    profile.assert_unusable("--profile");
}

#[test]
fn t_4_t_7_a_refreshed_token_opens_and_the_old_one_does_not() {
    let site = Site::start("verkada");
    site.refused(&["token", "refresh"], "confirmation: add `--yes`");
    assert_eq!(site.client.get("/Users").status, 200);
    let printed = site.perform(&["token", "refresh", "--yes"]);
    let token = printed.strip_suffix('\n').unwrap();
    assert!(!token.contains('\n'), "the token is the only line");
    assert_eq!(site.client.get("/Users").status, 401);
    assert_eq!(site.server.client(token).get("/Users").status, 200);
    let shown = site.ask(&["token", "show"]);
    assert!(token.ends_with(shown[0]["hint"].as_str().unwrap()));
    assert!(!shown[0].to_string().contains(token), "T-3");
}

#[test]
fn d_2_to_d_7_a_user_is_deactivated_deleted_restored_and_purged() {
    let site = Site::start("verkada");
    let id = site.client.create_user("ann@example.com");
    let state = |name: &str| {
        site.ask(&["user", "show", name])[0]["state"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(state("ann@example.com"), "invited");
    site.refused(
        &["user", "delete", "ann@example.com"],
        "deactivated in the identity provider",
    );
    site.perform(&["user", "accept", &id]);
    assert_eq!(state(&id), "active");
    site.set_active(&id, false);
    site.perform(&["user", "delete", "ann@example.com"]);
    assert_eq!(state("ann@example.com"), "deleted");
    assert_eq!(site.ask(&["user", "list"]), Vec::<Value>::new());
    assert_eq!(site.ask(&["user", "list", "--deleted"]).len(), 1);
    site.perform(&["user", "restore", &id]);
    assert_eq!(state("ann@example.com"), "deactivated");
    site.refused(&["user", "purge", &id], "confirmation");
    site.perform(&["user", "purge", &id, "--yes"]);
    site.refused(&["user", "show", &id], "no user");
    assert_ne!(site.client.create_user("ann@example.com"), id);
    site.refused(&["user", "deactivate", "nobody"], "no user `nobody`");
}

#[test]
fn u_7_u_12_an_administrator_undoes_its_own_deactivation_and_no_other() {
    let site = Site::start("verkada");
    let id = site.client.create_user("ann@example.com");
    let state = || site.ask(&["user", "show", &id])[0]["state"].clone();
    site.refused(&["user", "activate", &id], "is not deactivated");
    site.perform(&["user", "deactivate", &id]);
    site.perform(&["user", "deactivate", &id]);
    site.refused(
        &["user", "accept", &id],
        "is deactivated and has to be activated first",
    );
    site.refused(
        &["user", "delete", &id],
        "has to be deactivated in the identity provider first",
    );
    site.perform(&["user", "activate", &id]);
    assert_eq!(state(), json!("invited"), "nobody has accepted");
    site.perform(&["user", "accept", &id]);
    site.perform(&["user", "accept", &id]);
    assert_eq!(state(), json!("active"));
    site.set_active(&id, false);
    site.refused(&["user", "activate", &id], "can only be activated there");
    site.refused(&["user", "deactivate", &id], "is deactivated already");
    site.perform(&["user", "delete", &id]);
    site.perform(&["user", "delete", &id]);
    for verb in ["activate", "deactivate", "accept"] {
        site.refused(&["user", verb, &id], "has to be restored first");
    }
    site.perform(&["user", "restore", &id]);
    site.refused(&["user", "restore", &id], "is not deleted");
    site.set_active(&id, true);
    assert_eq!(state(), json!("active"));
    // Whom no provider manages.
    site.perform(&["unlink", "--yes"]);
    site.refused(&["user", "delete", &id], "has to be deactivated first");
    site.perform(&["user", "deactivate", &id]);
    site.perform(&["user", "delete", &id]);
    site.perform(&["user", "restore", &id]);
    site.perform(&["user", "activate", &id]);
    assert_eq!(state(), json!("active"));
}

#[test]
fn a_2_a_4_l_2_an_access_group_opens_doors_until_the_organization_is_unlinked() {
    let site = Site::start("verkada");
    let id = site.client.create_user("ann@example.com");
    site.perform(&["user", "accept", &id]);
    let guides = site.create_group("Guides", &[&id]);
    site.refused(
        &["access-group", "create-from-scim", "Drivers"],
        "no group `Drivers`",
    );
    let created = site.ask(&["access-group", "create-from-scim", "Guides"]);
    assert_eq!(created[0]["name"], json!("Guides"));
    assert_eq!(created[0]["members"], json!([id]));
    let mornings = [
        "level",
        "create",
        "Mornings",
        "--door",
        "Lobby",
        "--hours",
        "MO 08:00-12:00",
    ];
    site.refused(&mornings, "no Door `Lobby`: there are none yet");
    site.perform(&["door", "create", "Lobby"]);
    site.perform(&["door", "create", "Gate"]);
    site.refused(
        &["level", "create", "Nights", "--door", "Lobbi"],
        "no Door `Lobbi`: did you mean `Lobby`?",
    );
    assert_eq!(site.ask(&["door", "list"]).len(), 2, "a typo makes no door");
    site.perform(&mornings);
    site.perform(&["level", "assign", "Mornings", "Guides"]);
    let doors = |at: &str| {
        let open = site.ask(&["doors", "ann@example.com", "--at", at]);
        open.iter()
            .map(|door| door["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(doors("2026-11-23T09:00:00Z"), ["Lobby"]);
    assert_eq!(doors("2026-11-23T12:00:00Z"), Vec::<String>::new());
    let shown = site.ask(&["user", "show", "ann@example.com"]);
    assert_eq!(shown[0]["accessGroups"], json!(["Guides"]));
    assert_eq!(shown[0]["managedBy"], json!("scim"));
    site.patch(
        &format!("/Groups/{guides}"),
        &json!({"op": "Replace", "path": "displayName", "value": "Scouts"}),
    );
    assert_eq!(site.ask(&["access-group", "list"])[0]["name"], json!("Scouts"));
    site.refused(&["unlink"], "confirmation: add `--yes`");
    site.perform(&["unlink", "--yes"]);
    site.perform(&["unlink", "--yes"]);
    assert_eq!(site.client.get("/Users").status, 401, "L-3");
    assert_eq!(site.ask(&["access-group", "list"]), Vec::<Value>::new());
    assert_eq!(doors("2026-11-23T09:00:00Z"), Vec::<String>::new());
    assert_eq!(site.ask(&["level", "list"]).len(), 1, "A-9: levels stay");
    let shown = site.ask(&["user", "show", "ann@example.com"]);
    assert_eq!(shown[0]["managedBy"], json!("admin"), "L-4");
    assert_eq!(site.ask(&["group", "show", "Scouts"])[0]["members"], json!([id]));
}

#[test]
fn a_10_a_door_has_a_time_zone_and_goes_by_its_clocks() {
    let site = Site::start("verkada");
    let id = site.client.create_user("ann@example.com");
    site.perform(&["user", "accept", &id]);
    site.create_group("Guides", &[&id]);
    site.perform(&["access-group", "create-from-scim", "Guides"]);
    let door = site.ask(&["door", "create", "Lobby", "--time-zone", "europe/berlin"]);
    assert_eq!(door[0]["timeZone"], json!("Europe/Berlin"));
    assert_eq!(site.ask(&["door", "create", "Gate"])[0]["timeZone"], json!("UTC"));
    site.perform(&[
        "level",
        "create",
        "Mornings",
        "--door",
        "Lobby",
        "--door",
        "Gate",
        "--hours",
        "SU 08:00-09:00",
    ]);
    site.perform(&["level", "assign", "Mornings", "Guides"]);
    for (at, open) in [
        ("2026-03-22T07:30:00Z", "Lobby"),
        ("2026-03-22T08:30:00Z", "Gate"),
        ("2026-03-29T06:30:00Z", "Lobby"),
        ("2026-03-29T08:30:00Z", "Gate"),
    ] {
        let doors = site.ask(&["doors", "ann@example.com", "--at", at]);
        let names: Vec<_> = doors.iter().map(|door| door["name"].as_str().unwrap()).collect();
        assert_eq!(names, [open], "{at}");
    }
    let unknown = site.admin(&["door", "create", "Vault", "--time-zone", "Europe/Berln"]);
    unknown.assert_unusable("`Europe/Berln` is not the name of a time zone such as `Europe/Berlin`");
    unknown.assert_unusable("did you mean `Europe/Berlin`?");
    site.perform(&["door", "zone", "gate", "Asia/Kolkata"]);
    let doors = site.ask(&["door", "list"]);
    let zones: Vec<_> = doors.iter().map(|door| &door["timeZone"]).collect();
    assert_eq!(zones, ["Europe/Berlin", "Asia/Kolkata"]);
    site.refused(&["door", "zone", "Cellar", "UTC"], "no Door `Cellar`");
    let doors = site.ask(&["doors", "ann@example.com", "--at", "2026-03-29T03:00:00Z"]);
    assert_eq!(doors[0]["name"], json!("Gate"));
}

#[test]
fn what_grants_access_is_deleted_by_one_who_confirms_it() {
    let site = Site::start("verkada");
    site.create_group("Guides", &[]);
    site.perform(&["access-group", "create-from-scim", "Guides"]);
    site.perform(&["door", "create", "Lobby"]);
    site.perform(&["level", "create", "Mornings", "--door", "Lobby"]);
    for (kind, name) in [
        ("level", "Mornings"),
        ("door", "Lobby"),
        ("access-group", "Guides"),
    ] {
        site.refused(&[kind, "delete", name], "confirmation: add `--yes`");
        // What isn't there is said before anything is asked.
        site.refused(&[kind, "delete", "Cellar"], "`Cellar`");
        assert_eq!(site.ask(&[kind, "list"]).len(), 1, "{kind}");
        site.perform(&[kind, "delete", name, "--yes"]);
        assert_eq!(site.ask(&[kind, "list"]).len(), 0, "{kind}");
    }
}

/// A name that would set the terminal's title, clear it, forge a row, and reverse what follows.
const HOSTILE: &str = "\u{1b}]0;PWNED\u{7}\u{1b}[2J\nFAKE  active\u{9b}31m\u{202e}";

/// What is seen of it.
const SHOWN: &str = r"\u{1b}]0;PWNED\u{7}\u{1b}[2J\nFAKE  active\u{9b}31m\u{202e}";

#[test]
fn no_name_acts_on_the_terminal_of_an_administrator() {
    let site = Site::start("verkada");
    let mut body = crate::client::user("ann@example.com");
    body["displayName"] = json!(HOSTILE);
    let ann = site.client.send("POST", "/Users", Some(&body)).created();
    let guides = site.create_group(HOSTILE, &[&ann]);
    site.perform(&["access-group", "create-from-scim", &guides]);
    site.perform(&["door", "create", HOSTILE]);
    site.perform(&["level", "create", HOSTILE, "--door", HOSTILE]);
    site.perform(&["level", "assign", HOSTILE, HOSTILE]);
    site.perform(&["user", "accept", &ann]);
    for (command, is_list) in [
        (&["group", "list"][..], true),
        (&["group", "show", HOSTILE], false),
        (&["access-group", "list"], true),
        (&["access-group", "show", HOSTILE], false),
        (&["level", "list"], true),
        (&["level", "show", HOSTILE], false),
        (&["door", "list"], true),
        (&["door", "show", HOSTILE], false),
        (&["doors", &ann], true),
        (&["user", "list"], true),
        (&["user", "show", &ann], false),
        (&["user", "why", &ann, HOSTILE], false),
    ] {
        let printed = site.perform(command);
        assert!(!is_list || printed.lines().count() == 1, "{printed}");
        assert!(printed.contains(SHOWN), "{printed}");
        assert!(!printed.lines().any(|line| line.starts_with("FAKE")), "{printed}");
        let acts = |character: char| character != '\n' && (character.is_control() || character == '\u{202e}');
        assert!(!printed.contains(acts), "{command:?}: {printed:?}");
    }
    // Programs get the name as it is.
    assert_eq!(site.ask(&["group", "list"])[0]["displayName"], json!(HOSTILE));
    for command in [
        &["user", "show", HOSTILE][..],
        &["--org", HOSTILE, "user", "list"],
        &["level", "delete", HOSTILE, HOSTILE],
    ] {
        let refused = site.admin(command);
        assert_ne!(refused.code, Some(0));
        let lines = refused.stderr.lines().count();
        assert!(
            lines == 1 || refused.stderr.contains("Usage:"),
            "{command:?}: {:?}",
            refused.stderr
        );
    }
    let refused = site.admin(&["user", "show", HOSTILE]);
    assert!(refused.stderr.contains(SHOWN), "{refused:?}");
}

#[test]
fn no_argument_breaks_the_lines_of_a_message_or_acts_on_the_terminal() {
    let site = Site::start("verkada");
    let missing = format!("sqlite:{}/{HOSTILE}", site.folder.path().display());
    for command in [
        &["doors", "ann", "--at", HOSTILE][..],
        &["door", "create", "Lobby", "--time-zone", HOSTILE],
        &["level", "create", "Mornings", "--hours", HOSTILE],
        &["sync", "set", "--ignore", HOSTILE],
        &["org", "create", "Umbrella", "--profile", HOSTILE],
        &["user", "list", HOSTILE],
        &["user", HOSTILE],
        &["events", "--after", HOSTILE],
        &["events", &format!("--{HOSTILE}")],
        &["--card-formats", HOSTILE, "user", "list"],
    ] {
        check_hostile(&site.admin(command));
    }
    check_hostile(&run(&["admin", "user", "list", "--store", &missing], ""));
    for command in [
        &[HOSTILE][..],
        &["serve", "--log", HOSTILE],
        &["serve", "--listen", HOSTILE],
        &["serve", "--store", HOSTILE],
        &["serve", "--public-url", HOSTILE],
        &["serve", "--store", "memory:", "--domain", HOSTILE],
        &["filter", "match", HOSTILE],
        &["filter", "match", "title pr", HOSTILE],
        &["filter", "match", "title pr", "--type", HOSTILE],
        &["card", "encode", "--format", HOSTILE, "--number", "1"],
        &[
            "card",
            "encode",
            "--format",
            "Standard 26-bit Wiegand",
            "--number",
            HOSTILE,
        ],
        &["card", "identify", HOSTILE],
        &["map", "eval", "[a]", "--now", HOSTILE],
        &["map", "eval", "[a]", "--attrs", HOSTILE],
        &["patch", "--resource", HOSTILE, "--patch", HOSTILE],
    ] {
        check_hostile(&run(command, ""));
    }
}

/// Checks that a refusal doesn't repeat what acts on a terminal, and begins no line with what was sent.
#[track_caller]
fn check_hostile(refused: &Finished) {
    assert_eq!(
        (refused.code, refused.stdout.as_str()),
        (Some(2), ""),
        "{refused:?}"
    );
    let acts = |character: char| character != '\n' && (character.is_control() || character == '\u{202e}');
    assert!(!refused.stderr.contains(acts), "{refused:?}");
    let forged = refused
        .stderr
        .lines()
        .find(|line| line.trim_start().starts_with("FAKE"));
    assert_eq!(forged, None, "{refused:?}");
}

#[test]
fn d_7_a_purged_user_is_in_no_file_while_the_server_runs_and_after() {
    let site = Site::start("verkada");
    let marks = [
        "Erasmus@example.com",
        "erasmus@example.com",
        "Erasmus Desiderius",
        "49301234567",
        "54321",
    ];
    let mut body = crate::client::user(marks[0]);
    body["displayName"] = json!(marks[2]);
    body["phoneNumbers"] = json!([{"value": marks[3], "type": "work"}]);
    body["urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User"] = json!({
        "cardFormat": "Standard 26-bit Wiegand", "facilityCode": "77", "cardNumber": marks[4],
        "credentialStatus": "active",
    });
    let id = site.client.send("POST", "/Users", Some(&body)).created();
    let guides = site.create_group("Guides", &[&id]);
    let present = |folder: &TempDir| {
        let held = |mark: &&str| crate::serve::holds(folder.path(), mark.as_bytes());
        marks.iter().copied().filter(held).collect::<Vec<_>>()
    };
    assert_eq!(present(&site.folder), marks, "the files hold what is stored");
    site.set_active(&id, false);
    site.perform(&["user", "delete", &id]);
    site.perform(&["user", "purge", &id, "--yes"]);
    assert_eq!(present(&site.folder), Vec::<&str>::new());
    assert_eq!(site.client.get(&format!("/Groups/{guides}")).status, 200);
    site.client.create_user("bob@example.com");
    let Site { server, folder, .. } = site;
    assert_eq!(server.stop().code, Some(0));
    assert_eq!(present(&folder), Vec::<&str>::new());
}

#[test]
fn what_is_synchronized_and_who_is_invited_is_set_and_shown() {
    let site = Site::start("verkada");
    site.perform(&["invites", "off"]);
    let id = site.client.create_user("ann@example.com");
    assert_eq!(
        site.ask(&["user", "show", &id])[0]["state"],
        json!("active"),
        "T-10"
    );
    site.perform(&["sync", "set", "--groups", "off", "--ignore", "displayName"]);
    let shown = site.ask(&["sync", "show"]);
    assert_eq!(shown[0]["groups"], json!(false));
    assert_eq!(shown[0]["ignored"], json!(["displayName"]));
    site.perform(&["sync", "set", "--groups", "on", "--take", "displayname"]);
    assert_eq!(site.ask(&["sync", "show"])[0]["ignored"], json!([]));
    site.refused(&["sync", "set", "--ignore", "userName"], "required");
    let unusable = site.admin(&["sync", "set", "--ignore", "a b"]);
    unusable.assert_unusable("`a b` is no attribute");
}

#[test]
fn events_are_read_after_the_last_one_that_was_read() {
    let site = Site::start("verkada");
    let id = site.client.create_user("ann@example.com");
    let events = site.ask(&["events"]);
    let names: Vec<_> = events
        .iter()
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["linked", "tokenIssued", "created", "inviteRequested"]);
    assert_eq!(events[2]["resource"], json!(id));
    assert_eq!(events[2]["label"], json!("ann@example.com"));
    assert_eq!(events[2]["verb"], json!("create"));
    assert_eq!(events[2]["actor"]["credential"], json!("default"));
    let last = events[3]["position"].to_string();
    assert_eq!(last, "4");
    assert_eq!(site.ask(&["events", "--after", &last]), Vec::<Value>::new());
    site.set_active(&id, false);
    let events = site.ask(&["events", "--after", &last]);
    let names: Vec<_> = events
        .iter()
        .map(|event| event["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["changed", "deactivated"]);
}

#[test]
fn u_4_a_new_organization_of_accessiq_has_its_default_unit_and_no_other_is_named_that_there_is_not() {
    let site = Site::start("accessiq");
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ann@example.com",
        "name": {"givenName": "Ann", "familyName": "Lee"}, "emails": [{"value": "ann@example.com"}],
    });
    site.client.send("POST", "/Users", Some(&body)).created();
    let unit = site.ask(&["sync", "show"])[0]["defaultUnit"]
        .as_str()
        .unwrap()
        .to_owned();
    site.refused(&["unit", "default", "nonsense"], "no Unit `nonsense`");
    assert_eq!(site.ask(&["sync", "show"])[0]["defaultUnit"], json!(unit));
    site.perform(&["unit", "create", "Lab"]);
    site.perform(&["unit", "default", "lab"]);
    assert_eq!(site.ask(&["sync", "show"])[0]["defaultUnitName"], json!("Lab"));
    for name in ["default", &unit] {
        site.perform(&["unit", "default", name]);
        assert_eq!(site.ask(&["sync", "show"])[0]["defaultUnit"], json!(unit));
    }
    site.perform(&["unit", "delete", "Lab", "--yes"]);
    let text = site.perform(&["sync", "show"]);
    assert!(text.contains("defaultUnitName: Default"), "{text}");
    site.perform(&["org", "create", "Umbrella", "--profile", "accessiq"]);
    let shown = site.ask(&["--org", "Umbrella", "sync", "show"]);
    assert_eq!(shown[0]["defaultUnit"], json!(unit));
    // S4: no domain is asked for, and several tokens make a change without a gap.
    let enabled = site.perform(&["--org", "Umbrella", "provisioning", "enable"]);
    let first = site.server.client(enabled.trim_end());
    assert_eq!(first.get("/Users").status, 200);
    let second = site.perform(&[
        "--org",
        "Umbrella",
        "token",
        "issue",
        "--name",
        "next",
        "--expires",
        "90d",
    ]);
    site.perform(&["--org", "Umbrella", "token", "revoke", "default", "--yes"]);
    assert_eq!(first.get("/Users").status, 401);
    assert_eq!(site.server.client(second.trim_end()).get("/Users").status, 200);
}

#[test]
fn l_2_what_can_not_be_undone_is_previewed_and_done_for_the_digest_that_was_shown() {
    let site = Site::start("verkada");
    site.perform(&["door", "create", "Lobby"]);
    site.perform(&[
        "level",
        "create",
        "Mornings",
        "--door",
        "Lobby",
        "--hours",
        "MO-FR 08:00-12:00",
    ]);
    let asked = site.admin(&["level", "delete", "Mornings"]);
    assert_eq!((asked.code, asked.stdout.as_str()), (Some(1), ""));
    let digest = asked
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("confirmation: "))
        .expect("the digest is shown");
    assert!(
        asked.stderr.contains("1 doors are opened by it no more: Lobby"),
        "{asked:?}"
    );
    site.perform(&["door", "create", "Gate"]);
    site.perform(&["level", "add-door", "Mornings", "Gate"]);
    let yes = format!("--yes={digest}");
    site.refused(
        &["level", "delete", "Mornings", &yes],
        "others than those that were confirmed",
    );
    assert_eq!(site.ask(&["level", "list"]).len(), 1);
    site.perform(&["level", "remove-door", "Mornings", "Gate"]);
    site.perform(&["level", "delete", "Mornings", &yes]);
    assert_eq!(site.ask(&["level", "list"]).len(), 0);
    let dry = site.ask(&["door", "delete", "Lobby", "--dry-run"]);
    assert_eq!(dry[0]["action"], json!("delete"));
    assert_eq!(site.ask(&["door", "list"]).len(), 2);
    site.perform(&["door", "delete", "Lobby", "--yes", "--reason", "bricked up"]);
    let audit = site.ask(&["audit"]);
    assert_eq!(audit[0]["data"]["reason"], json!("bricked up"));
    assert_eq!(audit[1]["verb"], json!("deleteDoor"));
    let identity = audit[1]["actor"]["identity"].as_str().unwrap();
    assert!(identity.starts_with("command:"), "{identity}");
}

#[test]
fn a_reader_that_goes_away_ends_a_command_quietly() {
    let site = Site::start("verkada");
    let mut command = keyfob(&["admin", "events", "--store", &site.store]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let finished = child.wait_with_output().unwrap();
    assert_eq!((finished.status.code(), &*finished.stderr), (Some(0), &b""[..]));
}

#[test]
fn an_explanation_says_which_index_answers_and_what_is_read() {
    let site = Site::start("interop");
    for name in ["ada", "adam", "bea"] {
        site.client.create_user(&format!("{name}@example.com"));
    }
    let explain = |arguments: &[&str]| site.perform(&[&["explain"], arguments].concat());
    assert_eq!(
        explain(&[r#"userName sw "ada" and title pr"#]),
        "index:      userName, keys that begin with \"ada\"\n\
         decided:    title pr\n\
         candidates: 2 of User\n\
         read:       each candidate\n\
         order:      the candidates are sorted\n\
         total:      counted as the candidates are read\n"
    );
    assert_eq!(
        explain(&[r#"title eq "Guide""#, "--sort-by", "userName"]),
        "index:      none answers the filter\n\
         decided:    title eq \"Guide\"\n\
         candidates: 3 of User\n\
         read:       each candidate\n\
         order:      out of an index\n\
         total:      counted as the candidates are read\n"
    );
    assert_eq!(
        explain(&["--type", "Group"]),
        "candidates: 0 of Group\n\
         read:       those of the page\n\
         order:      out of an index\n\
         total:      kept by the store\n"
    );
    // No index has titles, so that the server sorts by them.
    let sorted = site.ask(&["explain", "--sort-by", "title", "--descending"]);
    assert_eq!(
        sorted,
        [json!({
            "asksStore": true, "resourceType": "User", "indexIsCurrent": true, "searches": [], "decided": [],
            "candidates": 3, "reads": "page", "order": "server", "total": "kept", "sortLimit": 10_000,
        })]
    );
    for (arguments, words) in [
        (&["explain", "userName sw"][..], "userName sw"),
        (&["explain", "--type", "Car"], "there are User, Group"),
        (&["explain", "--sort-by", "colour"], "colour"),
        (&["explain", "--org", "nobody"], "nobody"),
    ] {
        let finished = site.admin(arguments);
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(2), ""),
            "{finished:?}"
        );
        assert!(
            finished.stderr.contains(words),
            "`{words}` is not said: {finished:?}"
        );
    }
    let remote = run(
        &["admin", "explain", "--server", "http://127.0.0.1:1/admin/v1"],
        "",
    );
    remote.assert_unusable("a server doesn't tell how its store answers");
}
