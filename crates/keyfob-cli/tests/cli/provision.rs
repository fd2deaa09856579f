//! `keyfob provision` against `keyfob serve`.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Finished, PATIENCE, Server, finish, keyfob};

const MAPPING_OF_USERS: &str = r#"{
    "scope": [[{"sourceOperandName": "department", "operatorName": "EQUALS", "values": ["R&D"]}]],
    "attributes": [
        {"target": "userName", "expression": "[userPrincipalName]", "matching": 1},
        {"target": "active", "expression": "Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", \"False\")"},
        {"target": "title", "expression": "[jobTitle]"}
    ]
}"#;
const MAPPING_OF_GROUPS: &str = r#"{
    "source": "Group",
    "target": "Group",
    "attributes": [
        {"target": "displayName", "expression": "[displayName]", "matching": 1},
        {"target": "members", "expression": "[members]"}
    ]
}"#;
const USERS: &str = "\
id,userPrincipalName,department,jobTitle
1,ada@x.example,R&D,Engineer
2,bob@x.example,R&D,
3,eve@x.example,Sales,
";

/// A server, a folder with a source, and the command.
struct World {
    server: Server,
    folder: TempDir,
}

impl World {
    fn start() -> Self {
        Self::of(Server::start(&["--store", "memory:"]))
    }

    fn of(server: Server) -> Self {
        let world = Self {
            server,
            folder: TempDir::new().unwrap(),
        };
        world.write("users.json", MAPPING_OF_USERS);
        world.write("groups.json", MAPPING_OF_GROUPS);
        world.write("users.csv", USERS);
        world.write("groups.csv", "id,displayName\ng1,Guides\n");
        world.write("members.csv", "group,member\ng1,1\ng1,3\n");
        world
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn provision(&self, command: &[&str], more: &[&str]) -> Finished {
        finish(&mut self.provisioning(command, more), "")
    }

    fn provisioning(&self, command: &[&str], more: &[&str]) -> Command {
        let base = [
            "--mapping",
            "users.json",
            "--mapping",
            "groups.json",
            "--source",
            "csv:users.csv,groups.csv,members.csv",
            "--target",
            self.server.base.as_str(),
            "--state",
            "app.state",
        ];
        self.command(&[&["provision"], command, &base, more].concat())
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        finish(&mut self.command(arguments), "")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = keyfob(arguments);
        command
            .current_dir(self.folder.path())
            .env("KEYFOB_TARGET_TOKEN", self.server.token.as_deref().unwrap());
        command
    }
}

/// A command that runs again and again.
struct Repeated {
    child: Child,
    /// The lines that it prints, on either output.
    lines: Receiver<String>,
}

impl Repeated {
    fn start(command: &mut Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        for pipe in [
            Box::new(child.stdout.take().unwrap()) as Box<dyn Read + Send>,
            Box::new(child.stderr.take().unwrap()),
        ] {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut lines = BufReader::new(pipe).lines().map_while(Result::ok);
                lines.try_for_each(|line| sender.send(line))
            });
        }
        Self { child, lines }
    }

    /// Waits until a line begins so.
    fn wait_for(&self, beginning: &str) {
        let mut read = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            if line.starts_with(beginning) {
                return;
            }
            read.push(line);
        }
        panic!("no line begins with `{beginning}`: {read:?}");
    }
}

impl Drop for Repeated {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn last_line(text: &str) -> &str {
    text.trim_end().rsplit('\n').next().unwrap_or_default()
}

#[test]
fn a_plan_says_what_the_run_then_does_and_the_next_run_has_nothing_to_do() {
    let world = World::start();
    let plan = world.provision(&["plan"], &[]);
    assert_eq!((plan.code, plan.stderr.as_str()), (Some(1), ""), "{plan:?}");
    assert_eq!(
        plan.stdout,
        "\
create          user  1  userName \"ada@x.example\"
create          user  2  userName \"bob@x.example\"
create          group g1  displayName \"Guides\"
add members     group g1  1
3 to create, 0 to update, 0 to disable, 0 to delete, 1 member changes, 0 held, 1 waiting for another object, 1 out of scope, 0 up to date
"
    );
    assert!(!Path::new(&world.folder.path().join("app.state")).exists());
    let run = world.provision(&["run"], &[]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    assert!(last_line(&run.stdout).starts_with("3 created, "), "{run:?}");
    let again = world.provision(&["plan"], &[]);
    assert_eq!(
        (again.code, last_line(&again.stdout)),
        (
            Some(0),
            "0 to create, 0 to update, 0 to disable, 0 to delete, 0 member changes, 0 held, 1 waiting for another object, 1 out of scope, 3 up to date"
        )
    );

    let links = world.run(&["provision", "links", "--state", "app.state"]);
    assert_eq!(links.stdout.lines().count(), 3, "{links:?}");
    assert!(links.stdout.starts_with("user  1  "), "{links:?}");
    let status = world.run(&["provision", "status", "--state", "app.state", "--json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(
        (&status["users"], &status["memberships"], &status["waiting"]),
        (&json!(2), &json!(1), &json!(0))
    );
}

#[test]
fn json_says_every_step_with_its_requests() {
    let world = World::start();
    let run = world.provision(&["run"], &["--json"]);
    let lines: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 5, "{run:?}");
    assert_eq!(lines[0]["action"], "create");
    assert_eq!(lines[0]["outcome"], "done");
    let requests = lines[0]["requests"].as_array().unwrap();
    let methods: Vec<_> = requests
        .iter()
        .map(|request| request["method"].as_str().unwrap())
        .collect();
    assert_eq!(methods, ["GET", "POST"]);
    assert_eq!(requests[1]["body"]["userName"], "ada@x.example");
    assert_eq!(lines[4]["created"], 3);
    assert_eq!(lines[4]["guards"], json!([]));
}

#[test]
fn a_guard_ends_with_3_and_its_reason_on_the_last_line() {
    let world = World::start();
    assert_eq!(world.provision(&["run"], &[]).code, Some(0));
    world.write(
        "users.csv",
        &USERS.replace("1,ada@x.example,R&D", "1,ada@x.example,Sales"),
    );
    let held = world.provision(&["run"], &["--threshold", "0", "--shrink-below", "0"]);
    assert_eq!(held.code, Some(3), "{held:?}");
    assert!(
        held.stdout
            .contains("held: disable   user  1  removals are held back  (out of scope)"),
        "{held:?}"
    );
    assert!(
        last_line(&held.stderr)
            .starts_with("keyfob: 1 resources would be disabled or deleted, and 0 are allowed"),
        "{held:?}"
    );
    let few = world.provision(&["run"], &[]);
    assert_eq!(few.code, Some(3), "{few:?}");
    assert!(
        last_line(&few.stderr).starts_with("keyfob: 1 of 2 users would stay: removals are held back"),
        "{few:?}"
    );
    world.write("members.csv", "group,member\n");
    let shrunk = world.provision(&["run"], &[]);
    assert_eq!(shrunk.code, Some(3), "{shrunk:?}");
    assert!(
        shrunk.stderr.contains("the source has 0 of 2 memberships"),
        "{shrunk:?}"
    );
    let alone = world.provision(&["on-demand", "g1"], &[]);
    assert_eq!(alone.code, Some(3), "{alone:?}");
    assert!(alone.stdout.contains("5 held: remove members\n"), "{alone:?}");
    assert!(
        last_line(&alone.stderr).starts_with("keyfob: 0 of 1 memberships would stay: removals are held back"),
        "{alone:?}"
    );
    let run = world.provision(&["run"], &["--shrink-below", "0"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stdout
            .contains("disable         user  1  active true -> false  (out of scope)"),
        "{run:?}"
    );
    assert!(run.stdout.contains("remove members  group g1  1"), "{run:?}");
}

#[test]
fn one_object_is_shown_in_five_steps() {
    let world = World::start();
    let dry = world.provision(&["on-demand", "1", "--dry-run"], &[]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    let lines: Vec<&str> = dry.stdout.lines().collect();
    assert!(
        lines[0].starts_with("1 test     GET /scim/v2/Users?filter=userName eq \""),
        "{dry:?}"
    );
    assert_eq!(lines[1], "2 import   ada@x.example  6 attributes");
    assert_eq!(lines[2], "3 scope    in: group 1 holds");
    assert_eq!(
        lines[3],
        "4 match    userName eq \"ada@x.example\" -> no resource to link"
    );
    assert_eq!(lines[4], "5 create");
    assert_eq!(
        lines[5],
        "           userName \"ada@x.example\"  [userPrincipalName]"
    );
    assert_eq!(
        *lines.last().unwrap(),
        "           POST /scim/v2/Users  dry run: not sent"
    );

    assert_eq!(world.provision(&["on-demand", "1"], &[]).code, Some(0));
    world.write("users.csv", &USERS.replace("Engineer", "Lead"));
    let update = world.provision(&["on-demand", "1"], &[]);
    assert!(update.stdout.contains("4 match    linked to "), "{update:?}");
    assert!(
        update
            .stdout
            .contains("           title \"Engineer\" -> \"Lead\"  [jobTitle]\n"),
        "{update:?}"
    );
    let out = world.provision(&["on-demand", "3"], &[]);
    assert!(out.stdout.ends_with("5 nothing to do\n"), "{out:?}");
    let nobody = world.provision(&["on-demand", "9"], &[]);
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(
        nobody.stderr.contains("the source has no object with the id `9`"),
        "{nobody:?}"
    );
}

#[test]
fn what_cannot_be_read_is_told_before_anything_is_sent() {
    let world = World::start();
    world.write("groups.csv", "id,displayName\ng1\n");
    let run = world.provision(&["run"], &[]);
    run.assert_unusable("`groups.csv`: line 2: this is not CSV: the row has 1 fields and the header 2");
    let unknown = world.run(&[
        "provision",
        "plan",
        "--mapping",
        "users.json",
        "--source",
        "vcard:x",
        "--target",
        &world.server.base,
    ]);
    unknown
        .assert_unusable("`vcard:x` names no source; it starts with `csv:`, `ldif:`, `ndjson:` or `graph:`");
    world.write(
        "users.json",
        r#"{"attributes": [{"target": "userName", "expression": "[mail]"}]}"#,
    );
    world
        .provision(&["plan"], &[])
        .assert_unusable("the mapping has no attribute to match by");
    world
        .run(&["provision", "links", "--state", "none.state"])
        .assert_unusable("there is no state file `none.state`; the first run makes it");
}

#[test]
fn a_target_that_refuses_the_token_ends_with_3() {
    let world = World::start();
    world.write("token", "kf1_wrong\n");
    let run = world.provision(&["run"], &["--token-file", "token"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(3), ""), "{run:?}");
    assert!(
        last_line(&run.stderr).contains("nothing was sent: the server answered 401"),
        "{run:?}"
    );
    assert!(!run.stderr.contains("kf1_wrong"));
}

#[test]
fn a_plan_that_was_looked_at_is_run_only_while_it_holds() {
    let world = World::start();
    assert_eq!(world.provision(&["plan"], &["--out", "the.plan"]).code, Some(1));
    world.write("users.csv", &USERS.replace("Engineer", "Lead"));
    let moved = world.provision(&["run"], &["--plan", "the.plan"]);
    assert_eq!((moved.code, moved.stdout.as_str()), (Some(3), ""), "{moved:?}");
    assert!(
        last_line(&moved.stderr).contains("planning anew gives another plan"),
        "{moved:?}"
    );
    world.write("users.csv", USERS);
    let run = world.provision(&["run"], &["--plan", "the.plan"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let again = world.provision(&["run"], &["--plan", "the.plan"]);
    assert_eq!(again.code, Some(3), "what was created is there by now: {again:?}");
}

#[test]
fn a_plan_replaces_an_earlier_plan_and_no_other_file() {
    let world = World::start();
    assert_eq!(world.provision(&["run"], &[]).code, Some(0));
    world.write("notes.txt", "by hand");
    let path = |name: &str| world.folder.path().join(name);
    let read = |name: &str| fs::read(path(name)).unwrap();
    let reads = "the command reads this file; give another one for the plan";
    let other = "there is a file that is no plan, and it was left as it is";
    for (name, why) in [
        ("users.csv", reads),
        ("./members.csv", reads),
        ("app.state", reads),
        ("groups.json", reads),
        ("notes.txt", other),
        (".", "this is no file that a plan could be written to"),
    ] {
        let before = path(name).is_file().then(|| read(name));
        let plan = world.provision(&["plan"], &["--out", name]);
        plan.assert_unusable(why);
        assert_eq!(path(name).is_file().then(|| read(name)), before, "{name}");
    }
    // A first line that is a summary alone is that of a plan, too.
    for _ in 0..2 {
        assert_eq!(world.provision(&["plan"], &["--out", "the.plan"]).code, Some(0));
    }
    let whole = read("the.plan");
    assert!(whole.starts_with(b"{\"created\":0"), "{whole:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path("the.plan"), fs::Permissions::from_mode(0o644)).unwrap();
    }
    world.write("groups.csv", "id,displayName\ng1\n");
    assert_eq!(world.provision(&["plan"], &["--out", "the.plan"]).code, Some(2));
    assert_eq!(read("the.plan"), whole, "a plan that fails leaves the one before");
    assert!(!path("the.plan.new").exists());
    world.write("groups.csv", "id,displayName\ng1,Leads\n");
    assert_eq!(world.provision(&["plan"], &["--out", "the.plan"]).code, Some(1));
    assert_ne!(read("the.plan"), whole);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path("the.plan")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    world.write("the.plan.new", "of another run");
    let plan = world.provision(&["plan"], &["--out", "the.plan"]);
    plan.assert_unusable("another plan is being written, or was left unfinished; delete it if so");
    assert_eq!(read("the.plan.new"), b"of another run");
}

#[test]
fn a_time_limit_that_no_clock_reaches_is_refused() {
    let world = World::start();
    for seconds in ["18446744073709551615", "3601", "0"] {
        let plan = world.provision(&["plan"], &["--timeout", seconds]);
        plan.assert_unusable(&format!("invalid value '{seconds}' for '--timeout <SECONDS>'"));
        let url = world.server.base.as_str();
        let client = world.run(&["client", url, "--timeout", seconds, "discover"]);
        client.assert_unusable(&format!("invalid value '{seconds}' for '--timeout <SECONDS>'"));
    }
    assert_eq!(world.provision(&["plan"], &["--timeout", "3600"]).code, Some(1));
}

#[test]
fn a_mapping_that_is_not_in_use_provisions_nobody() {
    let world = World::start();
    world.write(
        "users.json",
        &MAPPING_OF_USERS.replacen('{', "{\"enabled\": false,", 1),
    );
    world
        .provision(&["run"], &[])
        .assert_unusable("`users.json`: no mapping in the file is in use (`enabled`)");
}

#[test]
fn removals_that_were_held_back_are_made_once_they_are_allowed() {
    let world = World::start();
    assert_eq!(world.provision(&["run"], &[]).code, Some(0));
    let state = ["--state", "app.state"];
    let allow = || world.run(&[&["provision", "allow-deletes"], &state[..]].concat());
    let nothing = allow();
    assert_eq!(
        (nothing.code, nothing.stdout.as_str()),
        (
            Some(1),
            "allowed: 0 resources to disable or delete, 0 memberships to remove\n"
        )
    );
    world.write(
        "users.csv",
        &USERS.replace("1,ada@x.example,R&D", "1,ada@x.example,Sales"),
    );
    let held = world.provision(&["run"], &[]);
    assert_eq!(held.code, Some(3), "{held:?}");
    assert!(
        held.stderr.contains("`keyfob provision allow-deletes`"),
        "{held:?}"
    );
    let status = world.run(&[&["provision", "status"], &state[..]].concat());
    assert_eq!(status.code, Some(1), "{status:?}");
    assert!(status.stdout.contains("held         1 removals\n"), "{status:?}");
    let allowed = allow();
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    assert!(allowed.stdout.starts_with("allowed: 1 resources"), "{allowed:?}");
    let run = world.provision(&["run"], &[]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.contains("disable         user  1"), "{run:?}");

    let missing = world.run(&["provision", "allow-deletes", "--state", "other.state"]);
    missing.assert_unusable("there is no state file `other.state`");
}

#[test]
fn the_log_is_json_and_a_restart_reads_everything_again() {
    let world = World::start();
    assert_eq!(world.provision(&["run"], &[]).code, Some(0));
    let log = world.run(&["provision", "log", "--state", "app.state"]);
    let lines: Vec<Value> = log
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4, "{log:?}");
    assert_eq!(
        (
            &lines[0]["action"],
            &lines[0]["outcome"],
            &lines[0]["status"],
            &lines[0]["cycle"]
        ),
        (&json!("create"), &json!("done"), &json!(201), &json!(1))
    );
    assert_eq!(
        (&lines[3]["action"], &lines[3]["members"]),
        (&json!("add members"), &json!(1))
    );
    assert!(!log.stdout.contains("x.example"), "{log:?}");

    let restart = world.run(&["provision", "restart", "--state", "app.state"]);
    assert_eq!(
        (restart.code, restart.stdout.as_str()),
        (Some(0), "the next run reads 3 resources and compares them anew\n")
    );
    let run = world.provision(&["run"], &[]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        last_line(&run.stdout).starts_with("0 created, 0 updated"),
        "{run:?}"
    );
    let broken = world.run(&[
        "provision",
        "restart",
        "--break-links",
        "--state",
        "app.state",
        "--json",
    ]);
    assert_eq!(broken.stdout, "{\"links\":3,\"broken\":true}\n", "{broken:?}");
    let run = world.provision(&["run"], &[]);
    assert!(
        last_line(&run.stdout).starts_with("0 created, 3 adopted"),
        "{run:?}"
    );
}

#[test]
fn runs_come_again_until_a_signal_and_go_on_past_a_source_that_is_not_there() {
    let world = World::start();
    let refused = world.provision(&["run"], &["--every", "1x"]);
    refused.assert_unusable("is no time");
    let both = world.provision(&["run"], &["--every", "1h", "--plan", "plan.ndjson"]);
    assert_eq!(both.code, Some(2), "{both:?}");
    fs::rename(
        world.folder.path().join("groups.csv"),
        world.folder.path().join("away.csv"),
    )
    .unwrap();
    let first = world.provision(&["run"], &["--every", "1s"]);
    first.assert_unusable("groups.csv");

    fs::rename(
        world.folder.path().join("away.csv"),
        world.folder.path().join("groups.csv"),
    )
    .unwrap();
    let runs = Repeated::start(&mut world.provisioning(&["run"], &["--every", "1s"]));
    runs.wait_for("3 created, ");
    runs.wait_for("0 created, ");
    fs::remove_file(world.folder.path().join("groups.csv")).unwrap();
    runs.wait_for("keyfob: `groups.csv`");
    world.write("groups.csv", "id,displayName\ng1,Guides\ng2,Leads\n");
    runs.wait_for("1 created, ");
}

#[test]
fn rfc_2849_entries_of_a_directory_are_provisioned() {
    let world = World::start();
    world.write(
        "d.ldif",
        "version: 1\n\n\
         dn: uid=ada,ou=people,dc=x\nobjectClass: inetOrgPerson\nentryUUID: 1\nmail: ada@x.example\ndepartment:: UiZE\n\n\
         dn: cn=Guides,ou=groups,dc=x\nobjectClass: groupOfNames\nentryUUID: g1\ndisplayName: Guides\nmember: UID=Ada,\n  ou=people,dc=x\n",
    );
    world.write(
        "users.json",
        &MAPPING_OF_USERS.replace("[userPrincipalName]", "[mail]"),
    );
    let source = |file: &str| {
        let mappings = ["--mapping", "users.json", "--mapping", "groups.json"];
        let rest = [
            "--source",
            file,
            "--target",
            world.server.base.as_str(),
            "--state",
            "app.state",
        ];
        world.run(&[&["provision", "run"], &mappings[..], &rest].concat())
    };
    let run = source("ldif:d.ldif");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run:?}");
    assert!(
        run.stdout
            .contains("create          user  1  userName \"ada@x.example\""),
        "{run:?}"
    );
    assert!(run.stdout.contains("add members     group g1  1"), "{run:?}");
    world.write("d.ldif", "dn: uid=ada,dc=x\nchangetype: delete\n");
    source("ldif:d.ldif").assert_unusable("`d.ldif`: line 2: this is a change (`changetype: delete`)");
    source("ldif:d.ldif,e.ldif").assert_unusable("`ldif:` takes at most 1 files");
}

/// Users as SCIM names them.
const MAPPING_OF_SCIM_USERS: &str = r#"{
    "attributes": [
        {"target": "userName", "expression": "[userName]", "matching": 1},
        {"target": "active", "expression": "Switch([IsSoftDeleted], , \"False\", \"True\", \"True\", \"False\")"},
        {"target": "title", "expression": "[title]"}
    ]
}"#;

#[test]
fn the_log_has_values_where_a_run_keeps_them() {
    let world = World::start();
    assert_eq!(world.provision(&["run"], &[]).code, Some(0));
    world.write("users.csv", &USERS.replace("Engineer", "Lead"));
    assert_eq!(world.provision(&["run"], &["--log-values"]).code, Some(0));
    let log = world.run(&["provision", "log", "--last", "1", "--state", "app.state"]);
    let last: Value = serde_json::from_str(&log.stdout).unwrap();
    assert_eq!(
        last["changes"],
        json!([{"path": "title", "old": "Engineer", "new": "Lead"}]),
        "{last}"
    );
    let all = world.run(&["provision", "log", "--state", "app.state"]);
    assert!(
        !all.stdout.contains("x.example"),
        "the run before kept none: {all:?}"
    );
}

#[test]
fn a_server_and_its_store_are_the_same_source() {
    let world = World::start();
    let store = format!("sqlite:{}", world.folder.path().join("directory.db").display());
    let directory = World::of(Server::start(&["--store", &store]));
    assert_eq!(directory.provision(&["run"], &[]).code, Some(0));
    let directory = &directory.server;
    world.write("scim.json", MAPPING_OF_SCIM_USERS);
    world.write("token", directory.token.as_deref().unwrap());

    let provision = |command: &str, source: &str, more: &[&str]| {
        let arguments = [
            "provision",
            command,
            "--mapping",
            "scim.json",
            "--mapping",
            "groups.json",
            "--source",
            source,
            "--target",
            world.server.base.as_str(),
            "--state",
            "app.state",
        ];
        world.run(&[&arguments, more].concat())
    };
    let (server, stored) = (format!("scim:{}", directory.base), format!("keyfob:{store}"));
    let refused = provision("plan", &server, &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("401"), "{refused:?}");
    let plan = provision("plan", &server, &["--source-token-file", "token"]);
    assert_eq!(plan.code, Some(1), "{plan:?}");
    assert!(
        last_line(&plan.stdout)
            .starts_with("3 to create, 0 to update, 0 to disable, 0 to delete, 1 member changes"),
        "{plan:?}"
    );
    assert_eq!(provision("plan", &stored, &[]).stdout, plan.stdout);
    assert_eq!(
        provision("run", &server, &["--source-token-file", "token"]).code,
        Some(0)
    );
    let again = provision("plan", &stored, &[]);
    assert_eq!(again.code, Some(0), "{again:?}");

    for (source, message) in [
        ("keyfob:sqlite:nothing.db", "there is no store `nothing.db`"),
        ("keyfob:memory:", "`memory:` is empty and ends with the command"),
        ("keyfob:nowhere", "a store is `sqlite:PATH`"),
        ("scim:nowhere", "`nowhere`"),
    ] {
        let unusable = provision("plan", source, &[]);
        assert_eq!(unusable.code, Some(2), "{source}: {unusable:?}");
        assert!(unusable.stderr.contains(message), "{source}: {unusable:?}");
    }
    let nobody = provision("plan", &stored, &["--source-org", "elsewhere"]);
    assert_eq!(nobody.code, Some(2), "{nobody:?}");
    assert!(nobody.stderr.contains("elsewhere"), "{nobody:?}");
}

#[test]
fn a_job_is_a_file_with_the_arguments() {
    let world = World::start();
    let job = format!(
        "mapping = [\"users.json\", \"groups.json\"]\nsource = \"csv:users.csv,groups.csv,members.csv\"\n\
         target = \"{}\"\nstate = \"app.state\"\nevery = \"40m\"\nthreshold = 100\nrate = 1000\n\
         skip-out-of-scope-deletions = false\n",
        world.server.base
    );
    world.write("job.toml", &job);
    let plan = world.run(&["provision", "plan", "--job", "job.toml"]);
    assert_eq!(plan.stdout, world.provision(&["plan"], &[]).stdout, "{plan:?}");
    assert_eq!(plan.code, Some(1));
    // What is given counts in place of the file.
    let less = world.run(&[
        "provision",
        "plan",
        "--job",
        "job.toml",
        "--mapping",
        "users.json",
        "--source",
        "csv:users.csv",
    ]);
    assert!(last_line(&less.stdout).starts_with("2 to create"), "{less:?}");

    for (text, message) in [
        (
            "tresholt = 1\n",
            "there is no setting `tresholt`; `keyfob provision run --help` lists",
        ),
        ("job = \"other.toml\"\n", "there is no setting `job`"),
        (
            "threshold = 1.5\n",
            "`threshold` is a text, a number, true or false",
        ),
        ("threshold = \"many\"\n", "invalid value 'many'"),
        ("rate = 0\n", "invalid value '0'"),
        (
            "source = \"csv:users.csv\"\n",
            "`target` is missing, in the arguments and in the job's file",
        ),
        ("source = \n", "line 1, column"),
    ] {
        world.write("job.toml", text);
        let unusable = world.run(&["provision", "plan", "--job", "job.toml"]);
        assert_eq!(unusable.code, Some(2), "{text}: {unusable:?}");
        assert!(unusable.stderr.contains(message), "{text}: {unusable:?}");
    }
    let missing = world.run(&["provision", "plan", "--source", "csv:users.csv"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("--target"), "{missing:?}");
}
