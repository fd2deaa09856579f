//! Scenarios that users write.

use keyfob_interop::simulate::{Scenario, Simulation, Verdict};

use crate::server::{Tamper, run_with};

/// A small provider: looks users up, creates them and deletes them.
const OWN: &str = r#"{
    "provider": "own", "title": "A provider of our own",
    "evidence": {"X1": {"class": ["C"], "fact": "what our provider sends", "source": "our log"}},
    "http": {"headers": {"Authorization": "Bearer {{token}}"}, "bodyHeaders": {"Content-Type": "application/json"}},
    "objects": {"user": {"userName": "{{run}}-{{number}}", "familyName": "{{last}}", "title": "Guide"}},
    "believes": {"user": {"userName": "{{user.userName}}", "title": "{{user.title}}", "name": {"familyName": "{{user.familyName}}"}}},
    "phases": [{"name": "all", "steps": [
        {"name": "create", "title": "Users are created", "evidence": ["X1"], "each": "users", "state": "absent", "send": [
            {"method": "POST", "path": "/Users", "save": {"user.id": "id"}, "body": {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "{{user.userName}}",
                "name": {"familyName": "{{user.familyName}}"}, "title": "{{user.title}}"}}]},
        {"name": "promote", "title": "A user is promoted", "evidence": ["X1"], "each": "users", "pick": 1, "needs": ["create"],
            "change": {"user.title": "Lead"}, "send": [
            {"method": "PATCH", "path": "/Users/{{user.id}}", "body": {
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "replace", "path": "title", "value": "{{user.title}}"}]}}]},
        {"name": "delete", "title": "Users are deleted", "evidence": ["X1"], "each": "users", "needs": ["create"],
            "then": {"user": "deleted"}, "send": [{"method": "DELETE", "path": "/Users/{{user.id}}"}]}
    ]}]
}"#;

#[test]
fn a_scenario_of_a_user_runs_as_those_of_the_crate_do() {
    let scenario = Scenario::from_json(OWN.as_bytes()).unwrap();
    let (report, ..) = run_with(
        Simulation::new(scenario.clone()).run_name("own-1").unwrap(),
        |_| Tamper::Pass,
    );
    assert_eq!(report.verdict(), Verdict::Ok, "{}", report.text());
    assert_eq!(report.steps.len(), 4);
    // It notices what goes wrong, too.
    let (report, ..) = run_with(Simulation::new(scenario), |request| {
        if request.method() == http::Method::PATCH {
            Tamper::Answer(200, "application/scim+json", "{}".into())
        } else {
            Tamper::Pass
        }
    });
    assert_eq!(report.verdict(), Verdict::Damage);
}

/// A text of the scenario, what stands in its place, and what the error says.
const WRONG: &[(&str, &str, &str)] = &[
    (
        r#""provider": "own","#,
        r#""providr": "own","#,
        "`providr`: there is no such member; there are provider, ",
    ),
    (r#""provider": "own","#, "", "`provider`: it is missing"),
    (
        r#""provider": "own","#,
        r#""provider": 1,"#,
        "`provider`: it is an integer and not a string",
    ),
    (
        r#""class": ["C"]"#,
        r#""class": ["X"]"#,
        "`evidence.X1.class[0]`: `X` is none of D, C, T, I",
    ),
    (
        r#""class": ["C"]"#,
        r#""class": []"#,
        "`evidence.X1.class`: a fact is known in some way",
    ),
    (
        r#"["X1"], "each""#,
        r#"["X2"], "each""#,
        "`phases[0].steps[0].evidence`: `evidence` has no `X2`",
    ),
    (
        r#"["X1"], "each""#,
        r#"["X1"], "cycle": {"expect": "done"}, "each""#,
        "`phases[0].steps[0].cycle`: the scenario has no `engine`",
    ),
    (
        r#""method": "POST""#,
        r#""method": "FETCH""#,
        "`phases[0].steps[0].send[0].method`: `FETCH` is none of GET, POST, PUT, PATCH, DELETE",
    ),
    (
        r#""path": "/Users","#,
        r#""path": "Users","#,
        "`phases[0].steps[0].send[0].path`: a path starts with `/`",
    ),
    (
        r#""path": "/Users","#,
        r#""path": "/Users", "bdy": 1,"#,
        "`phases[0].steps[0].send[0].bdy`: there is no such member",
    ),
    (
        r#""{{user.title}}", "name""#,
        r#""{{usr.title}}", "name""#,
        "`believes.user`: nothing is called `usr.title`; there are user, ",
    ),
    (
        r#""{{run}}-{{number}}""#,
        r#""{{number}}""#,
        "`objects.user.userName`: it is missing, or does not start with `{{run}}-`",
    ),
    (
        r#""{{run}}-{{number}}""#,
        r#""{{run}}-{{number""#,
        "`objects.user.userName`: `{{` has no `}}`",
    ),
    (
        r#""pick": 1"#,
        r#""pick": 0"#,
        "`phases[0].steps[1].pick`: it is no number from 1 to 1000000",
    ),
    (
        r#""needs": ["create"],
            "change""#,
        r#""needs": ["delete"],
            "change""#,
        "`phases[0].steps[1].needs`: no step before this one is called `delete`",
    ),
    (
        r#""name": "promote""#,
        r#""name": "create""#,
        "`phases[0].steps[1].name`: another step is called `create`",
    ),
    (
        r#""user.title": "Lead""#,
        r#""group.title": "Lead""#,
        "`phases[0].steps[1].change[\"group.title\"]`: it is no attribute of the step's objects",
    ),
    (
        r#""then": {"user": "deleted"}"#,
        r#""then": {"members": "joined"}"#,
        "`phases[0].steps[2].then.members`: it does not fit what the step is done with",
    ),
    (
        r#""save": {"user.id": "id"}"#,
        r#""save": {"user.name": "id"}"#,
        "`phases[0].steps[0].send[0].save[\"user.name\"]`: a name is `user.id`, `group.id`, or a word of its own",
    ),
    (
        r#""bodyHeaders": {"Content-Type""#,
        r#""bodyHeaders": {"Content Type""#,
        "it is no name of a header",
    ),
    (
        r#""bodyHeaders": {"#,
        r#""absent": ["authorization"], "bodyHeaders": {"#,
        "`http.absent`: `authorization` is among the headers that are sent",
    ),
    (
        r#""bodyHeaders": {"#,
        r##""plain": "#", "bodyHeaders": {"##,
        "`http.plain`: `#` can't stand in the value of a query as it is",
    ),
    (
        r#""phases": ["#,
        r#""failures": [{"on": ["6xx"], "verdict": "stops", "says": ""}], "phases": ["#,
        "`failures[0].on[0]`: `6xx` is none of any, ",
    ),
    (
        r#""phases": ["#,
        r#""failures": [{"on": ["any"], "verdict": "retries", "says": "", "after": ["6 h"]}], "phases": ["#,
        "`failures[0].after[0]`: `6 h` is no time",
    ),
];

#[test]
fn what_is_not_understood_is_an_error_with_its_path() {
    let change = |from: &str, to: &str| {
        assert!(OWN.contains(from), "{from}");
        Scenario::from_json(OWN.replacen(from, to, 1).as_bytes())
            .unwrap_err()
            .to_string()
    };
    for (from, to, message) in WRONG {
        let found = change(from, to);
        assert!(found.contains(message), "{found}\n{message}");
    }
    for text in ["", "[]", "{", "null"] {
        assert!(Scenario::from_json(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_name_of_which_nothing_is_known_fails_the_object_and_not_the_run() {
    let text = OWN.replacen("/Users/{{user.id}}", "/Users/{{user.nothing}}", 1);
    let scenario = Scenario::from_json(text.as_bytes()).unwrap();
    let (report, ..) = run_with(Simulation::new(scenario), |_| Tamper::Pass);
    let promote = &report.steps[1];
    assert_eq!(promote.verdict, Verdict::Stops);
    assert_eq!(
        promote.findings[0].says,
        "nothing is known as `user.nothing`, so that the request can't be sent"
    );
}

#[test]
fn the_scenario_of_the_readme_runs() {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```json\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let scenario = Scenario::from_json(text.as_bytes()).unwrap();
    let (report, ..) = run_with(Simulation::new(scenario), |_| Tamper::Pass);
    assert_eq!(report.verdict(), Verdict::Ok, "{}", report.text());
    assert_eq!(report.steps.len(), 3);
}
