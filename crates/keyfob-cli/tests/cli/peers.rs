//! Provisioning of other people's servers, which `.ci/peers` starts, and from them.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    client::Client,
    process::{Finished, Server, finish, keyfob},
};

/// The base URLs of the servers, with blanks between them.
const PEERS: &str = "KEYFOB_PEERS";
/// The token that each of them takes.
const TOKEN: &str = "peer-token";

/// Lets one test at a time talk to the servers: what one creates is nothing that another one should count.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The servers that are there.
fn peers() -> Vec<String> {
    let peers = std::env::var(PEERS).unwrap_or_default();
    if peers.trim().is_empty() {
        println!("skipped: {PEERS} names no server; .ci/peers starts some");
    }
    peers.split_whitespace().map(str::to_owned).collect()
}

/// The file with what was found at a server, by the path that `.ci/peers` starts it at.
fn reviewed(peer: &str, ending: &str) -> PathBuf {
    let name = if peer.ends_with("/v2") {
        "scim2-server"
    } else {
        "scimmy"
    };
    folder().join(format!("{name}.{ending}"))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/findings")
}

/// A mapping of users, from the source's own names of an attribute.
fn users(title: &str, name: &str) -> String {
    json!({
        "attributes": [
            {"target": "userName", "expression": format!("[{name}]"), "matching": 1},
            {"target": "active",
                "expression": r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#},
            {"target": "title", "expression": format!("[{title}]")},
            {"target": "name.familyName", "expression": "[name.familyName]"},
        ]
    })
    .to_string()
}

const GROUPS: &str = r#"{
    "source": "Group", "target": "Group",
    "attributes": [
        {"target": "displayName", "expression": "[displayName]", "matching": 1},
        {"target": "members", "expression": "[members]"}
    ]
}"#;

fn provision(
    folder: &Path,
    command: &str,
    mapping: &str,
    (source, target): (&str, &str),
    token: &str,
) -> Finished {
    let state = format!("{}.state", mapping.trim_end_matches(".json"));
    let arguments = [
        "provision",
        command,
        "--mapping",
        mapping,
        "--mapping",
        "groups.json",
        "--source",
        source,
        "--target",
        target,
        "--state",
        &state,
    ];
    let mut command = keyfob(&arguments);
    command
        .current_dir(folder)
        .env("KEYFOB_TARGET_TOKEN", token)
        .env("KEYFOB_SOURCE_TOKEN", TOKEN);
    finish(&mut command, "")
}

/// The users and groups of a server by what a mapping writes, members by their names.
fn state(client: &Client, prefix: &str) -> (Vec<Value>, Vec<Value>) {
    let all = |path: &str| -> Vec<Value> {
        let answer = client.get(&format!("{path}?count=1000")).json();
        answer["Resources"].as_array().cloned().unwrap_or_default()
    };
    let users = all("/Users");
    let name_of = |id: &Value| {
        let user = users.iter().find(|user| user["id"] == *id);
        user.map_or(Value::Null, |user| user["userName"].clone())
    };
    let is_ours = |value: &Value| value.as_str().is_some_and(|text| text.starts_with(prefix));
    let mut of_users: Vec<Value> = users
        .iter()
        .filter(|user| is_ours(&user["userName"]))
        .map(|user| {
            json!({
                "userName": user["userName"], "active": user["active"], "title": user["title"],
                "familyName": user["name"]["familyName"],
            })
        })
        .collect();
    let mut of_groups: Vec<Value> = all("/Groups")
        .iter()
        .filter(|group| is_ours(&group["displayName"]))
        .map(|group| {
            let members = group["members"].as_array().cloned().unwrap_or_default();
            let mut members: Vec<Value> = members.iter().map(|member| name_of(&member["value"])).collect();
            members.sort_by_key(Value::to_string);
            json!({"displayName": group["displayName"], "members": members})
        })
        .collect();
    of_users.sort_by_key(Value::to_string);
    of_groups.sort_by_key(Value::to_string);
    (of_users, of_groups)
}

#[test]
fn what_is_provisioned_into_another_server_comes_out_of_it_again() {
    let _turn = alone();
    for (number, peer) in peers().iter().map(String::as_str).enumerate() {
        println!("{peer}");
        let folder = TempDir::new().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let prefix = format!("round{number}-");
        write("into.json", &users("jobTitle", "userPrincipalName"));
        write("outof.json", &users("title", "userName"));
        write("groups.json", GROUPS);
        // SCIMMY answers with the first 20 users whatever page is asked for, and is no source of more.
        let rows = |first: usize, title: &str| -> String {
            let rows = (first..18).map(|user| {
                format!(
                    "u{user},{prefix}u{user}@x.example,{title},Nr {user},{}\n",
                    user % 7 != 0
                )
            });
            "id,userPrincipalName,jobTitle,name.familyName,accountEnabled\n".to_owned()
                + &rows.collect::<String>()
        };
        write("users.csv", &rows(0, "Engineer"));
        write(
            "groups.csv",
            &format!("id,displayName\ng1,{prefix}Guides\ng2,{prefix}Nobody\n"),
        );
        let members: Vec<String> = (0..18).map(|user| format!("g1,u{user}\n")).collect();
        let members = members.concat();
        write("members.csv", &format!("group,member\n{members}"));
        let source = "csv:users.csv,groups.csv,members.csv";

        let keyfob = Server::start(&["--store", "memory:"]);
        let token = keyfob.token.clone().unwrap();
        let out_of = format!("scim:{peer}");
        let round = |changed: &str| {
            let into = provision(folder.path(), "run", "into.json", (source, peer), TOKEN);
            assert_eq!(into.code, Some(0), "{changed}: into {peer}: {into:?}");
            let again = provision(folder.path(), "plan", "into.json", (source, peer), TOKEN);
            assert_eq!(again.code, Some(0), "{changed}: into {peer} again: {again:?}");
            let out = provision(
                folder.path(),
                "run",
                "outof.json",
                (&out_of, &keyfob.base),
                &token,
            );
            assert_eq!(out.code, Some(0), "{changed}: out of {peer}: {out:?}");
            let of_peer = state(&Client::new(peer, Some(TOKEN)), &prefix);
            let of_keyfob = state(&keyfob.client(&token), &prefix);
            assert_eq!(of_peer, of_keyfob, "{changed}: {peer}");
            of_keyfob
        };
        let (users, groups) = round("at first");
        // Who is disabled in the source is not created: every seventh.
        assert_eq!((users.len(), groups.len()), (15, 2));
        assert_eq!(groups[0]["members"].as_array().map(Vec::len), Some(15));
        assert_eq!(users[0]["title"], json!("Engineer"));

        write(
            "users.csv",
            &rows(0, "Lead").replace("u1@x.example,Lead,Nr 1,true", "u1@x.example,Lead,Nr 1,false"),
        );
        write(
            "members.csv",
            &format!("group,member\n{}", members.replace("g1,u2\n", "")),
        );
        let (users, groups) = round("after changes");
        let of = |name: &str| {
            let name = json!(format!("{prefix}{name}@x.example"));
            users
                .iter()
                .find(|user| user["userName"] == name)
                .unwrap()
                .clone()
        };
        assert_eq!(of("u1")["active"], json!(false), "{peer}");
        assert_eq!(of("u3")["title"], json!("Lead"), "{peer}");
        let left = json!(format!("{prefix}u2@x.example"));
        assert!(
            !groups[0]["members"].as_array().unwrap().contains(&left),
            "{peer}"
        );
    }
}

/// Returns what every variant of every provider finds at a server: the steps that are not as the provider expects, each
/// with its findings, without what is another in each run.
fn findings(url: &str) -> String {
    let mut text = String::new();
    for (provider, variants) in [
        ("entra", &["docs", "2018", "flag"][..]),
        ("okta", &["wizard", "catalogue"]),
        ("onelogin", &["2020", "patch"]),
        ("jumpcloud", &[""]),
        ("google", &[""]),
    ] {
        for variant in variants {
            let mut arguments = vec!["simulate", provider, url, "--report", "json", "--seed", "1"];
            if !variant.is_empty() {
                arguments.extend(["--variant", variant]);
            }
            let finished = finish(keyfob(&arguments).env("KEYFOB_TARGET_TOKEN", TOKEN), "");
            let report: Value =
                serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:?}"));
            let title = format!("{provider} {variant}");
            writeln!(
                text,
                "# {}: {}",
                title.trim_end(),
                report["verdict"].as_str().unwrap()
            )
            .unwrap();
            let run = report["run"].as_str().unwrap();
            for step in report["steps"].as_array().unwrap() {
                if step["verdict"] == "ok" {
                    continue;
                }
                writeln!(
                    text,
                    "{}: {}",
                    step["name"].as_str().unwrap(),
                    step["verdict"].as_str().unwrap()
                )
                .unwrap();
                let mut said = Vec::new();
                for finding in step["findings"].as_array().unwrap() {
                    let request = finding["request"].as_str().unwrap_or_default();
                    let status = finding["status"]
                        .as_u64()
                        .map(|status| format!(" -> {status}"))
                        .unwrap_or_default();
                    let line = format!(
                        "{}: {request}{status} {}",
                        finding["verdict"].as_str().unwrap(),
                        finding["says"].as_str().unwrap()
                    );
                    said.push(without_ids(&line.replace(run, "RUN").replace('\n', "\\n")));
                }
                // Many objects often fail alike.
                said.dedup();
                for line in said {
                    writeln!(text, "  {line}").unwrap();
                }
            }
            for left in report["left"].as_array().unwrap() {
                writeln!(text, "left: {}", without_ids(left.as_str().unwrap())).unwrap();
            }
            text.push('\n');
        }
    }
    text
}

/// Puts `ID` in place of what a server gives as an id.
fn without_ids(text: &str) -> String {
    let mut shown = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\0']) {
        if character.is_ascii_hexdigit() || character == '-' {
            word.push(character);
            continue;
        }
        let is_id = word.len() >= 24 && word.chars().any(|character| character.is_ascii_digit());
        shown.push_str(if is_id { "ID" } else { &word });
        word.clear();
        if character != '\0' {
            shown.push(character);
        }
    }
    shown
}

#[test]
fn what_providers_meet_at_another_server_is_what_was_found_and_reviewed() {
    let _turn = alone();
    for peer in &peers() {
        let file = reviewed(peer, "txt");
        let found = findings(peer);
        if std::env::var_os("KEYFOB_WRITE_FINDINGS").is_some() {
            fs::write(&file, &found).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        assert!(found == expected, "{} is another now:\n{found}", file.display());
    }
}

/// Returns the part of a report that is the same in each run: the findings and the outcomes of the other checks.
fn outcome(report: &Value) -> BTreeSet<String> {
    let list = |name: &str| report[name].as_array().unwrap().clone();
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let mut lines = BTreeSet::new();
    for found in list("findings") {
        let (severity, check, case) = (
            text(&found, "severity"),
            text(&found, "check"),
            text(&found, "case"),
        );
        lines.insert(format!("{severity} {check} [{case}]"));
    }
    lines.extend(
        list("passed")
            .iter()
            .map(|check| format!("passed {}", check.as_str().unwrap())),
    );
    for kind in ["skipped", "unclear"] {
        lines.extend(
            list(kind)
                .iter()
                .map(|check| format!("{kind} {}", text(check, "check"))),
        );
    }
    let learnt = report["capabilities"]["capabilities"]
        .as_object()
        .unwrap()
        .clone();
    lines.extend(
        learnt
            .iter()
            .map(|(name, value)| format!("learnt {name} {value}")),
    );
    lines.extend(
        list("notRemoved")
            .iter()
            .map(|path| format!("not removed {path}")),
    );
    lines
}

/// Puts words in place of what is another in each run: the address, the name of the run, ids and times.
fn without_chance(report: &str, peer: &str) -> String {
    let run = serde_json::from_str::<Value>(report).unwrap()["run"]
        .as_str()
        .unwrap()
        .to_owned();
    let text = without_ids(&report.replace(peer, "SERVER").replace(&run, "RUN"));
    // `2026-11-30T23:45:17.084547Z`
    let is_time = |word: &str| {
        let bytes = word.as_bytes();
        let has = |place: usize, byte: u8| bytes.get(place) == Some(&byte);
        let is_year = bytes.iter().take(4).all(u8::is_ascii_digit);
        bytes.len() >= 19 && is_year && has(4, b'-') && has(7, b'-') && has(10, b'T')
    };
    let ends = ['"', '\\', ' '];
    let pieces = text.split_inclusive(ends).map(|piece| {
        let word = piece.trim_end_matches(ends);
        if is_time(word) {
            piece.replacen(word, "TIME", 1)
        } else {
            piece.to_owned()
        }
    });
    pieces.collect()
}

#[test]
fn what_the_probe_finds_at_another_server_is_what_was_found_and_reviewed() {
    let _turn = alone();
    for peer in &peers() {
        let file = reviewed(peer, "probe.json");
        let probed = || {
            let mut command = keyfob(&["probe", peer, "--json"]);
            let finished = finish(command.env("KEYFOB_TARGET_TOKEN", TOKEN), "");
            let report: Value =
                serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:?}"));
            (finished.stdout, report)
        };
        let (mut text, mut report) = probed();
        // A server that closes an idle connection just when a request is sent leaves a check without a result.
        for _ in 0..2 {
            if report["unclear"]
                .as_array()
                .is_some_and(|unclear| !unclear.is_empty())
            {
                (text, report) = probed();
            }
        }
        if std::env::var_os("KEYFOB_WRITE_FINDINGS").is_some() {
            fs::write(&file, without_chance(&text, peer)).unwrap();
        }
        let expected: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        let (found, expected) = (outcome(&report), outcome(&expected));
        let new: Vec<&String> = found.difference(&expected).collect();
        let gone: Vec<&String> = expected.difference(&found).collect();
        assert!(
            new.is_empty() && gone.is_empty(),
            "{}: new {new:#?}, gone {gone:#?}",
            file.display()
        );
    }
}

#[test]
fn each_finding_at_another_server_is_explained_beside_its_report() {
    let explained = fs::read_to_string(folder().join("README.md")).unwrap();
    for name in ["scim2-server", "scimmy"] {
        let report = fs::read_to_string(folder().join(format!("{name}.probe.json"))).unwrap();
        let report: Value = serde_json::from_str(&report).unwrap();
        let findings = report["findings"].as_array().unwrap();
        assert!(!findings.is_empty(), "{name}");
        for finding in findings {
            let check = finding["check"].as_str().unwrap();
            assert!(
                explained.contains(&format!("`{check}`")),
                "{name}: {check} is not explained"
            );
        }
    }
}
