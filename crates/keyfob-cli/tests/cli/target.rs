//! `keyfob client` against `keyfob serve`.

use std::fs;

use serde_json::Value;

use crate::process::{Finished, Server, finish, keyfob};

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

    fn run(&self, arguments: &[&str], stdin: &str) -> Finished {
        let mut command = keyfob(&[&["client", self.server.base.as_str()], arguments].concat());
        command.env("KEYFOB_TARGET_TOKEN", self.server.token.as_deref().unwrap());
        finish(&mut command, stdin)
    }

    #[track_caller]
    fn json(&self, arguments: &[&str], stdin: &str) -> Value {
        let finished = self.run(arguments, stdin);
        assert_eq!(
            (finished.code, finished.stderr.as_str()),
            (Some(0), ""),
            "{finished:?}"
        );
        serde_json::from_str(&finished.stdout).unwrap()
    }
}

const USER: &str =
    r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada", "title": "Countess"}"#;

#[test]
fn a_user_is_created_read_changed_listed_and_deleted() {
    let target = Target::start();
    let created = target.json(&["create", "User", "-"], USER);
    let id = created["id"].as_str().unwrap();
    assert_eq!(target.json(&["get", "Users", id], "")["title"], "Countess");

    let patch = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "replace", "path": "title", "value": "Analyst"}]}"#;
    assert_eq!(
        target.json(&["patch", "User", id, "-"], patch)["title"],
        "Analyst"
    );
    let stale = target.run(&["patch", "User", id, "-", "--if-match", "W/\"1\""], patch);
    assert_eq!(stale.code, Some(1), "{stale:?}");
    assert!(stale.stderr.contains("412 Precondition Failed"), "{stale:?}");
    let replaced = target.json(&["replace", "User", id, "-"], &USER.replace("Countess", "Lead"));
    assert_eq!(replaced["title"], "Lead");

    let listed = target.run(&["list", "User", "--filter", "userName eq \"ADA\""], "");
    assert_eq!(listed.stdout, format!("{id}  ada\n"), "{listed:?}");
    let none = target.run(&["list", "User", "--filter", "userName eq \"bob\""], "");
    assert_eq!((none.code, none.stdout.as_str()), (Some(1), ""), "{none:?}");

    assert_eq!(target.run(&["delete", "User", id], "").code, Some(0));
    let gone = target.run(&["get", "User", id], "");
    assert_eq!(gone.code, Some(1), "{gone:?}");
    assert!(
        gone.stderr
            .starts_with("keyfob: the server answered 404 Not Found"),
        "{gone:?}"
    );
}

#[test]
fn a_list_prints_one_page_or_all_of_them() {
    let target = Target::start();
    for number in 0..5 {
        target.json(
            &["create", "User", "-"],
            &USER.replace("ada", &format!("u{number}")),
        );
    }
    let first = target.run(&["list", "User", "--page", "2"], "");
    assert_eq!(first.stdout.lines().count(), 2, "{first:?}");
    assert_eq!(first.stderr, "2 of 5; --all lists the rest\n");
    let all = target.run(
        &[
            "list",
            "User",
            "--page",
            "2",
            "--all",
            "--json",
            "--attributes",
            "userName",
        ],
        "",
    );
    assert_eq!(all.stderr, "");
    let names: Vec<Value> = all
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(names.len(), 5);
    assert!(
        names
            .iter()
            .all(|user| user["userName"].is_string() && user.get("title").is_none())
    );
}

#[test]
fn what_the_server_supports_is_told_with_its_origin() {
    let target = Target::start();
    let text = target.run(&["discover", "--preset", "aws"], "");
    assert!(
        text.stdout
            .contains("User at /Users: urn:ietf:params:scim:schemas:core:2.0:User\n"),
        "{text:?}"
    );
    assert!(
        text.stdout
            .lines()
            .any(|line| line.starts_with("membersPerPatch") && line.ends_with("preset"))
    );
    let json = target.json(&["discover", "--json"], "");
    let patch = json["capabilities"]
        .as_array()
        .unwrap()
        .iter()
        .find(|known| known["name"] == "patch")
        .unwrap();
    assert_eq!(
        (&patch["value"], &patch["origin"]),
        (&"yes".into(), &"discovered".into())
    );
}

#[test]
fn the_token_comes_from_a_file_and_is_no_argument() {
    let target = Target::start();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    fs::write(&file, format!("{}\n", target.server.token.as_deref().unwrap())).unwrap();
    let read = finish(
        &mut keyfob(&[
            "client",
            &target.server.base,
            "list",
            "User",
            "--token-file",
            file.to_str().unwrap(),
        ]),
        "",
    );
    assert_eq!((read.code, read.stderr.as_str()), (Some(1), ""), "{read:?}");
    let nobody = finish(&mut keyfob(&["client", &target.server.base, "discover"]), "");
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.stderr.contains("401 Unauthorized"), "{nobody:?}");
    let argument = finish(
        &mut keyfob(&["client", &target.server.base, "discover", "--token", "abc"]),
        "",
    );
    assert_eq!(argument.code, Some(2), "{argument:?}");
    fs::write(&file, " \n").unwrap();
    let empty = keyfob(&[
        "client",
        &target.server.base,
        "discover",
        "--token-file",
        file.to_str().unwrap(),
    ])
    .output()
    .unwrap();
    assert_eq!(empty.status.code(), Some(2));
}

#[test]
fn what_can_not_be_sent_is_told_without_asking_the_server() {
    let nowhere = "http://127.0.0.1:9/scim/v2";
    for (arguments, stdin, message) in [
        (
            &["client", "app.example", "discover"][..],
            "",
            "is no URL such as",
        ),
        (
            &["client", "http://app.example", "discover"],
            "",
            "is not encrypted",
        ),
        (
            &["client", "https://me:pw@app.example", "discover"],
            "",
            "holds credentials",
        ),
        (&["client", nowhere, "create", "User", "-"], "{", "`-`: "),
        (
            &["client", nowhere, "patch", "User", "1", "-"],
            "{}",
            "`schemas` does not name",
        ),
        (&["client", nowhere, "bulk", "-"], "[]", "`-`: "),
        (
            &["client", nowhere, "get", "User", "1", "--preset", "nobody"],
            "",
            "there is no preset and no file `nobody`",
        ),
        (
            &["client", nowhere, "get", "Device", "1", "--no-discovery"],
            "",
            "it has User, Group",
        ),
        (
            &["client", nowhere, "get", "User", "..", "--no-discovery"],
            "",
            "can't be the id of a resource",
        ),
        (
            &[
                "client",
                nowhere,
                "list",
                "User",
                "--filter",
                "a eg 1",
                "--no-discovery",
            ],
            "",
            "`eg` is not an operator",
        ),
    ] {
        finish(&mut keyfob(arguments), stdin).assert_unusable(message);
    }
}

#[test]
fn a_bulk_request_is_sent_and_what_became_of_each_operation_is_printed() {
    let target = Target::start();
    let request = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "ada",
         "data": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada"}},
        {"method": "DELETE", "path": "/Users/nobody"}]}"#;
    let sent = target.run(&["bulk", "-"], request);
    assert_eq!(sent.code, Some(1), "one operation failed: {sent:?}");
    assert!(
        sent.stdout.contains("201") && sent.stdout.contains("404"),
        "{sent:?}"
    );
}

#[test]
fn a_server_without_bulk_requests_is_sent_none() {
    let target = Target::start();
    let request = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "DELETE", "path": "/Users/1"}]}"#;
    // By RFC 7643 and RFC 7644 alone a server may have none.
    let refused = target.run(&["bulk", "-", "--no-discovery"], request);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(
        refused.stderr.contains("does not support bulk requests"),
        "{refused:?}"
    );
}
