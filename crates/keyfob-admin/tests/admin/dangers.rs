//! Previews, confirmations, dry runs, reasons, and ways back.

use keyfob_admin::{Answer, OPERATIONS, Risk};
use keyfob_core::Value;

use crate::fixture::{Fixture, owner};

/// An operation with what it is given.
type Step<'s> = (&'static str, &'s [(&'s str, &'s str)]);

#[test]
fn l_2_what_was_seen_in_the_preview_is_what_happens() {
    let fixture = Fixture::new();
    let ann = fixture.provisioned("ann@example.com");
    fixture.create(
        "Group",
        &format!(r#"{{"displayName": "Guides", "members": [{{"value": "{ann}"}}]}}"#),
    );
    fixture.done(
        "createAccessGroupFromScim",
        &[("org", "Acme"), ("group", "Guides")],
    );
    fixture.done("createAccessGroup", &[("org", "Acme"), ("name", "Cleaners")]);
    let unlink = Fixture::call("unlink", &[("org", "Acme")]);
    let problem = fixture.perform(&owner(), &unlink).unwrap_err();
    assert_eq!(
        (problem.status, problem.code.as_str()),
        (428, "confirmationRequired")
    );
    let preview = problem.preview.unwrap();
    let counts: Vec<_> = preview.effects.iter().map(|effect| effect.count).collect();
    assert_eq!(
        counts,
        [1, 1, 0, 1],
        "tokens, access groups, people with doors, users"
    );
    assert_eq!(preview.effects[1].sample, ["Guides"]);
    // Another user comes between the preview and the confirmation.
    fixture.create("User", r#"{"userName": "bob@example.com"}"#);
    let confirmed = unlink.clone().confirmed(preview.confirmation.clone());
    let changed = fixture.perform(&owner(), &confirmed).unwrap_err();
    assert_eq!((changed.status, changed.code.as_str()), (409, "previewChanged"));
    let preview = changed.preview.unwrap();
    assert_eq!(preview.effects[3].count, 2);
    let shown = fixture.done("showOrganization", &[("org", "Acme")]);
    assert_eq!(
        shown.get("linked").and_then(Value::as_bool),
        Some(true),
        "nothing was done"
    );
    let confirmed = unlink.clone().confirmed(preview.confirmation);
    assert_eq!(fixture.perform(&owner(), &confirmed), Ok(Answer::Done));
    assert_eq!(
        fixture.names("listAccessGroups", "name", &[("org", "Acme")]),
        ["Cleaners"]
    );
    // Again: there is nothing to lose and nothing to confirm.
    assert_eq!(fixture.perform(&owner(), &unlink), Ok(Answer::Done));
    // A confirmation for something else is none.
    let door = fixture.done("createDoor", &[("org", "Acme"), ("name", "Lobby")]);
    let delete = Fixture::call("deleteDoor", &[("org", "Acme"), ("door", "Lobby")]);
    let foreign = fixture
        .perform(&owner(), &confirmed_with(&fixture, &delete, "unlink"))
        .unwrap_err();
    assert_eq!(foreign.code, "previewChanged");
    assert!(door.get_str("id").is_some());
}

fn confirmed_with(fixture: &Fixture, call: &keyfob_admin::Call, other: &str) -> keyfob_admin::Call {
    fixture.done("enableProvisioning", &[("org", "Acme")]);
    let other = Fixture::call(other, &[("org", "Acme")]);
    let preview = fixture.perform(&owner(), &other).unwrap_err().preview.unwrap();
    call.clone().confirmed(preview.confirmation)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a row for every operation")]
fn a_dry_run_says_what_would_be_written_and_writes_nothing() {
    let fixture = Fixture::new();
    let ann = fixture.provisioned("ann@example.com");
    fixture.create("Group", r#"{"displayName": "Guides"}"#);
    fixture.done("createDoor", &[("org", "Acme"), ("name", "Gate")]);
    fixture.done(
        "createLevel",
        &[("org", "Acme"), ("name", "Day"), ("doors", "Gate")],
    );
    fixture.done("createAccessGroup", &[("org", "Acme"), ("name", "Cleaners")]);
    let state = || {
        let lists = [
            "listUsers",
            "listGroups",
            "listDoors",
            "listLevels",
            "listAccessGroups",
            "listUnits",
            "listRoles",
        ];
        let lists = lists.map(|name| fixture.page(name, &[("org", "Acme")]).items);
        let shown = ["showOrganization", "showProvisioning", "showSynchronization"];
        let shown = shown.map(|name| fixture.done(name, &[("org", "Acme")]));
        let events = fixture
            .page("listAudit", &[("org", "Acme"), ("limit", "200")])
            .items;
        (
            lists,
            shown,
            events.len(),
            fixture.names("listOrganizations", "name", &[]),
        )
    };
    let before = state();
    let user = ann.as_str();
    for (name, input) in [
        (
            "createOrganization",
            &[("name", "Hooli"), ("profile", "accessiq")][..],
        ),
        ("renameOrganization", &[("org", "Acme"), ("name", "Acme Ltd")]),
        ("deleteOrganization", &[("org", "Acme")]),
        ("addDomains", &[("org", "Acme"), ("domains", "example.org")]),
        ("removeDomain", &[("org", "Acme"), ("domain", "example.com")]),
        ("refreshToken", &[("org", "Acme")]),
        ("unlink", &[("org", "Acme")]),
        ("turnInvitesOff", &[("org", "Acme")]),
        ("setSynchronization", &[("org", "Acme"), ("groups", "off")]),
        ("createUser", &[("org", "Acme"), ("userName", "bob")]),
        (
            "editUser",
            &[("org", "Acme"), ("user", user), ("displayName", "Ann")],
        ),
        ("acceptInvite", &[("org", "Acme"), ("user", user)]),
        ("inviteUser", &[("org", "Acme"), ("user", user)]),
        ("deactivateUser", &[("org", "Acme"), ("user", user)]),
        ("createAccessGroup", &[("org", "Acme"), ("name", "Guards")]),
        (
            "createAccessGroupFromScim",
            &[("org", "Acme"), ("group", "Guides")],
        ),
        (
            "renameAccessGroup",
            &[("org", "Acme"), ("accessGroup", "Cleaners"), ("name", "Guards")],
        ),
        (
            "addMember",
            &[("org", "Acme"), ("accessGroup", "Cleaners"), ("user", user)],
        ),
        (
            "deleteAccessGroup",
            &[("org", "Acme"), ("accessGroup", "Cleaners")],
        ),
        ("createDoor", &[("org", "Acme"), ("name", "Lobby")]),
        (
            "renameDoor",
            &[("org", "Acme"), ("door", "Gate"), ("name", "Lobby")],
        ),
        (
            "setTimeZone",
            &[("org", "Acme"), ("door", "Gate"), ("timeZone", "Asia/Kolkata")],
        ),
        ("deleteDoor", &[("org", "Acme"), ("door", "Gate")]),
        (
            "createLevel",
            &[("org", "Acme"), ("name", "Night"), ("doors", "Gate")],
        ),
        (
            "renameLevel",
            &[("org", "Acme"), ("level", "Day"), ("name", "Night")],
        ),
        (
            "setHours",
            &[("org", "Acme"), ("level", "Day"), ("hours", "MO 08:00-09:00")],
        ),
        (
            "setException",
            &[
                ("org", "Acme"),
                ("level", "Day"),
                ("date", "2026-12-25"),
                ("hours", "closed"),
            ],
        ),
        (
            "removeDoor",
            &[("org", "Acme"), ("level", "Day"), ("door", "Gate")],
        ),
        (
            "assignLevel",
            &[("org", "Acme"), ("level", "Day"), ("accessGroup", "Cleaners")],
        ),
        ("deleteLevel", &[("org", "Acme"), ("level", "Day")]),
        ("createUnit", &[("org", "Acme"), ("name", "Lab")]),
        ("createRole", &[("org", "Acme"), ("name", "Reader")]),
        (
            "issueAdminToken",
            &[("org", "Acme"), ("name", "ci"), ("roles", "auditor")],
        ),
        ("issueServiceToken", &[("name", "ops"), ("roles", "operator")]),
    ] {
        let call = Fixture::call(name, input).dry();
        match fixture.perform(&owner(), &call) {
            Ok(Answer::DryRun(changes)) => assert!(!changes.is_empty(), "{name} would write something"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(state(), before, "{name} has written");
    }
    // What would be refused is refused, also what only a store sees.
    for (name, input, code) in [
        (
            "createDoor",
            &[("org", "Acme"), ("name", "gate")][..],
            "nameTaken",
        ),
        (
            "renameLevel",
            &[("org", "Acme"), ("level", "Day"), ("name", "")],
            "nameMissing",
        ),
        (
            "deleteUser",
            &[("org", "Acme"), ("user", user)],
            "mustDeactivateInIdp",
        ),
        (
            "createUser",
            &[("org", "Acme"), ("userName", "ann@example.com")],
            "nameTaken",
        ),
        (
            "createOrganization",
            &[("name", "acme"), ("profile", "verkada")],
            "nameTaken",
        ),
    ] {
        let problem = fixture
            .perform(&owner(), &Fixture::call(name, input).dry())
            .unwrap_err();
        assert_eq!(problem.code, code, "{name}: {problem}");
    }
    // What changes nothing says so.
    let idle = Fixture::call("turnInvitesOn", &[("org", "Acme")]).dry();
    assert_eq!(fixture.perform(&owner(), &idle), Ok(Answer::DryRun(Vec::new())));
    // Reading is no dry run: it answers as ever.
    let read = Fixture::call("listDoors", &[("org", "Acme")]).dry();
    assert!(matches!(fixture.perform(&owner(), &read), Ok(Answer::Page(_))));
}

#[test]
fn a_reason_stands_in_the_record_beside_what_was_done() {
    let fixture = Fixture::new();
    let call = Fixture::call("createDoor", &[("org", "Acme"), ("name", "Lobby")]);
    fixture
        .perform(&owner(), &call.with_reason("moved to the new building"))
        .unwrap();
    let audit = fixture
        .page("listAudit", &[("org", "Acme"), ("actor", "operator")])
        .items;
    let names: Vec<_> = audit.iter().filter_map(|event| event.get_str("name")).collect();
    assert_eq!(names[..2], ["administrationReasoned", "created"]);
    assert!(format!("{:?}", audit[0]).contains("moved to the new building"));
    assert_eq!(audit[1].get_str("verb"), Some("createDoor"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a row for every way")]
fn every_way_back_leads_to_where_it_began() {
    let fixture = Fixture::new();
    let ann = fixture.provisioned("ann@example.com");
    let bob = fixture.done(
        "createUser",
        &[("org", "Acme"), ("userName", "bob"), ("phoneNumber", "1")],
    );
    let bob = bob.get_str("id").unwrap().to_owned();
    fixture.create("Group", r#"{"displayName": "Guides"}"#);
    fixture.done("createDoor", &[("org", "Acme"), ("name", "Gate")]);
    fixture.done(
        "createLevel",
        &[("org", "Acme"), ("name", "Day"), ("hours", "MO-FR 08:00-18:00")],
    );
    fixture.done("createAccessGroup", &[("org", "Acme"), ("name", "Cleaners")]);
    fixture.done("createUnit", &[("org", "Acme"), ("name", "Lab")]);
    fixture.done("createUnit", &[("org", "Acme"), ("name", "Office")]);
    fixture.done("setDefaultUnit", &[("org", "Acme"), ("unit", "Office")]);
    fixture.done("createRole", &[("org", "Acme"), ("name", "Reader")]);
    let (ann, bob) = (ann.as_str(), bob.as_str());
    let shown = |name: &str, input: &[(&str, &str)]| {
        let input = [&[("org", "Acme")], input].concat();
        match keyfob_admin::operation(name).unwrap().returns {
            keyfob_admin::Returns::Page(_) => format!("{:?}", fixture.page(name, &input).items),
            _ => format!("{:?}", fixture.done(name, &input)),
        }
    };
    let level = [("level", "Day")];
    let cleaners = [("accessGroup", "Cleaners")];
    let hook = [("webhook", "https://hooks.example.com/")];
    fixture.done("createWebhook", &[("org", "Acme"), ("url", hook[0].1)]);
    let ways: [(Step<'_>, Step<'_>, Step<'_>); 22] = [
        (
            ("renameOrganization", &[("name", "ACME")]),
            ("renameOrganization", &[("name", "Acme")]),
            ("showOrganization", &[]),
        ),
        (
            ("turnInvitesOff", &[]),
            ("turnInvitesOn", &[]),
            ("showOrganization", &[]),
        ),
        (
            ("addDomains", &[("domains", "example.net")]),
            ("removeDomain", &[("domain", "example.net")]),
            ("listDomains", &[]),
        ),
        (
            ("setSynchronization", &[("ignore", "title"), ("groups", "off")]),
            ("setSynchronization", &[("take", "title"), ("groups", "on")]),
            ("showSynchronization", &[]),
        ),
        (
            ("acceptInvite", &[("user", ann)]),
            ("inviteUser", &[("user", ann)]),
            ("showUser", &[("user", ann)]),
        ),
        (
            ("withdrawInvite", &[("user", ann)]),
            ("inviteUser", &[("user", ann)]),
            ("showUser", &[("user", ann)]),
        ),
        (
            ("renameUnit", &[("unit", "Office"), ("name", "Bureau")]),
            ("renameUnit", &[("unit", "Bureau"), ("name", "Office")]),
            ("listUnits", &[]),
        ),
        (
            ("moveUnit", &[("unit", "Lab"), ("parent", "Office")]),
            ("moveUnit", &[("unit", "Lab")]),
            ("listUnits", &[]),
        ),
        (
            ("deactivateUser", &[("user", ann)]),
            ("activateUser", &[("user", ann)]),
            ("showUser", &[("user", ann)]),
        ),
        (
            ("editUser", &[("user", bob), ("phoneNumber", "2")]),
            ("editUser", &[("user", bob), ("phoneNumber", "1")]),
            ("showUser", &[("user", bob)]),
        ),
        (
            (
                "renameAccessGroup",
                &[("accessGroup", "Cleaners"), ("name", "Guards")],
            ),
            (
                "renameAccessGroup",
                &[("accessGroup", "Guards"), ("name", "Cleaners")],
            ),
            ("listAccessGroups", &[]),
        ),
        (
            ("addMember", &[("accessGroup", "Cleaners"), ("user", bob)]),
            ("removeMember", &[("accessGroup", "Cleaners"), ("user", bob)]),
            ("showAccessGroup", &cleaners),
        ),
        (
            ("renameLevel", &[("level", "Day"), ("name", "Night")]),
            ("renameLevel", &[("level", "Night"), ("name", "Day")]),
            ("showLevel", &level),
        ),
        (
            ("setHours", &[("level", "Day"), ("hours", "SA 22:00-06:00")]),
            ("setHours", &[("level", "Day"), ("hours", "MO-FR 08:00-18:00")]),
            ("showLevel", &level),
        ),
        (
            (
                "setException",
                &[("level", "Day"), ("date", "2026-12-25"), ("hours", "closed")],
            ),
            ("removeException", &[("level", "Day"), ("date", "2026-12-25")]),
            ("showLevel", &level),
        ),
        (
            ("addDoor", &[("level", "Day"), ("door", "Gate")]),
            ("removeDoor", &[("level", "Day"), ("door", "Gate")]),
            ("showLevel", &level),
        ),
        (
            ("assignLevel", &[("level", "Day"), ("accessGroup", "Cleaners")]),
            ("unassignLevel", &[("level", "Day"), ("accessGroup", "Cleaners")]),
            ("showLevel", &level),
        ),
        (
            (
                "mapGroup",
                &[("group", "Guides"), ("unit", "Lab"), ("role", "Reader")],
            ),
            ("unmapGroup", &[("group", "Guides")]),
            ("showGroup", &[("group", "Guides")]),
        ),
        (
            ("setDefaultUnit", &[("unit", "Lab")]),
            ("setDefaultUnit", &[("unit", "Office")]),
            ("listUnits", &[]),
        ),
        (
            ("grantUnit", &[("user", bob), ("unit", "Lab"), ("role", "Reader")]),
            (
                "revokeUnit",
                &[("user", bob), ("unit", "Lab"), ("role", "Reader")],
            ),
            ("listGrants", &[("user", bob)]),
        ),
        (
            ("pauseWebhook", &hook),
            ("resumeWebhook", &hook),
            ("showWebhook", &hook),
        ),
        (
            ("editWebhook", &[hook[0], ("types", "User.*")]),
            ("editWebhook", &[hook[0], ("types", "*")]),
            ("showWebhook", &hook),
        ),
    ];
    let in_acme = |(name, input): Step<'_>| {
        fixture.done(name, &[&[("org", "Acme")], input].concat());
    };
    for (there, back, look) in ways {
        let before = shown(look.0, look.1);
        in_acme(there);
        if there.0.starts_with("rename") {
            in_acme(back);
        } else {
            assert_ne!(shown(look.0, look.1), before, "{} changes something", there.0);
            in_acme(back);
        }
        assert_eq!(
            shown(look.0, look.1),
            before,
            "{} is taken back by {}",
            there.0,
            back.0
        );
        let row = keyfob_admin::operation(there.0).unwrap();
        assert_eq!(row.risk, Risk::Reversible { inverse: back.0 });
    }
    // What is created is deleted, and the doors of a zone go back by hand.
    let walked = ways.iter().flat_map(|(there, back, _)| [there.0, back.0]);
    let walked: Vec<&str> = walked.collect();
    let others = OPERATIONS.iter().filter(|row| {
        matches!(row.risk, Risk::Reversible { .. })
            && !walked.contains(&row.name)
            && !row.name.starts_with("create")
            && !row.name.starts_with("issue")
    });
    let others: Vec<_> = others.map(|row| row.name).collect();
    assert_eq!(
        others,
        [
            "enableProvisioning",
            "deleteUser",
            "restoreUser",
            "renameDoor",
            "setTimeZone"
        ]
    );
    in_acme(("deactivateUser", &[("user", bob)]));
    let before = shown("showUser", &[("user", bob)]);
    in_acme(("deleteUser", &[("user", bob)]));
    let deleted = shown("showUser", &[("user", bob)]);
    assert!(
        deleted.contains("administrator") && deleted.contains("deleted"),
        "D-3: {deleted}"
    );
    in_acme(("restoreUser", &[("user", bob)]));
    assert_eq!(shown("showUser", &[("user", bob)]), before);
}
