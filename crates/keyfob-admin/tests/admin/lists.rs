//! Lists, what was meant by a mistyped name, and what an administrator is told.

use keyfob_core::Value;

use crate::fixture::Fixture;

#[test]
fn a_list_shows_each_once_whatever_the_size_of_its_pages() {
    let fixture = Fixture::new();
    fixture.provisioned("user0@example.com");
    for number in 1..9 {
        fixture.create("User", &format!(r#"{{"userName": "user{number}@example.com"}}"#));
        fixture.create("Group", &format!(r#"{{"displayName": "Group {number}"}}"#));
        fixture.done(
            "createDoor",
            &[("org", "Acme"), ("name", &format!("Door {number}"))],
        );
    }
    for (name, field) in [
        ("listUsers", "userName"),
        ("listGroups", "displayName"),
        ("listDoors", "name"),
    ] {
        let all = fixture.names(name, field, &[("org", "Acme"), ("limit", "200")]);
        for limit in ["1", "2", "3", "50"] {
            let (mut seen, mut after) = (Vec::new(), String::new());
            loop {
                let mut input = vec![("org", "Acme"), ("limit", limit)];
                if !after.is_empty() {
                    input.push(("after", &after));
                }
                let page = fixture.page(name, &input);
                assert!(page.items.len() <= limit.parse().unwrap());
                seen.extend(
                    page.items
                        .iter()
                        .filter_map(|view| view.get_str(field))
                        .map(str::to_owned),
                );
                match page.next {
                    Some(next) => after = next.to_string(),
                    None => break,
                }
            }
            assert_eq!(seen, all, "{name} by {limit}");
        }
    }
    let next = fixture
        .page("listUsers", &[("org", "Acme"), ("limit", "2")])
        .next
        .unwrap();
    let foreign = fixture.refused(
        "listUsers",
        &[("org", "Acme"), ("state", "active"), ("after", &next)],
    );
    assert_eq!(foreign.code, "invalidCursor", "a mark of another list");
}

#[test]
fn u_2_x_4_users_are_found_by_state_tag_beginning_and_external_id() {
    let fixture = Fixture::new();
    let ann = fixture.provisioned("ann@example.com");
    fixture.create(
        "User",
        r#"{"userName": "bob@example.com", "active": false,
            "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User": {"externalId": "Emp-1A"}}"#,
    );
    fixture.done("createUser", &[("org", "Acme"), ("userName", "cleo@example.com")]);
    let listed = |input: &[(&str, &str)]| {
        fixture.names("listUsers", "userName", &[&[("org", "Acme")], input].concat())
    };
    assert_eq!(
        listed(&[("managed", "true")]),
        ["ann@example.com", "bob@example.com"]
    );
    assert_eq!(listed(&[("managed", "false")]), ["cleo@example.com"]);
    assert_eq!(listed(&[("state", "invited")]), ["ann@example.com"]);
    assert_eq!(listed(&[("state", "active")]), ["cleo@example.com"]);
    assert_eq!(listed(&[("state", "deactivated")]), ["bob@example.com"]);
    assert_eq!(listed(&[("q", "AN")]), ["ann@example.com"]);
    assert_eq!(listed(&[("externalId", "Emp-1A")]), ["bob@example.com"]);
    assert_eq!(listed(&[("externalId", "emp-1a")]), Vec::<String>::new(), "X-1");
    let by_external = fixture.done("showUser", &[("org", "Acme"), ("user", "external:Emp-1A")]);
    assert_eq!(by_external.get_str("userName"), Some("bob@example.com"));
    // X-5: it is shown nowhere.
    let everything = [
        format!("{:?}", fixture.page("listUsers", &[("org", "Acme")])),
        format!("{by_external:?}"),
        format!(
            "{:?}",
            fixture.page("listAudit", &[("org", "Acme"), ("limit", "200")])
        ),
        format!(
            "{:?}",
            fixture.page("listEvents", &[("org", "Acme"), ("limit", "200")])
        ),
    ];
    assert!(
        everything.iter().all(|text| !text.contains("Emp-1A")),
        "{everything:?}"
    );
    // D-3: a deleted user is listed among the deleted ones, with when and from which side.
    fixture.done("unlink", &[("org", "Acme")]);
    fixture.done("deactivateUser", &[("org", "Acme"), ("user", ann.as_str())]);
    fixture.done("deleteUser", &[("org", "Acme"), ("user", ann.as_str())]);
    let deleted = fixture.page("listUsers", &[("org", "Acme"), ("deleted", "true")]);
    let deleted = deleted.items.first().unwrap();
    assert_eq!(deleted.get_str("deletedBy"), Some("administrator"));
    assert!(deleted.get_str("deletedAt").is_some());
    assert_eq!(listed(&[]).len(), 2);
}

#[test]
fn a_mistyped_name_creates_nothing_and_is_answered_with_what_was_meant() {
    let fixture = Fixture::new();
    let level = [("org", "Acme"), ("name", "Day"), ("doors", "Loby")];
    let none = fixture.refused("createLevel", &level);
    assert_eq!(
        (none.status, none.fix.as_deref()),
        (404, Some("there are none yet"))
    );
    fixture.done("createDoor", &[("org", "Acme"), ("name", "Lobby")]);
    let near = fixture.refused("createLevel", &level);
    assert_eq!(near.fix.as_deref(), Some("did you mean `Lobby`?"));
    let far = fixture.refused(
        "createLevel",
        &[("org", "Acme"), ("name", "Day"), ("doors", "Vault")],
    );
    assert_eq!(far.fix.as_deref(), Some("there is Door `Lobby`"));
    assert_eq!(fixture.names("listDoors", "name", &[("org", "Acme")]), ["Lobby"]);
    assert!(fixture.names("listLevels", "name", &[("org", "Acme")]).is_empty());
    let zone = fixture.refused(
        "createDoor",
        &[("org", "Acme"), ("name", "Gate"), ("timeZone", "Europe/Berln")],
    );
    assert_eq!(zone.fix.as_deref(), Some("did you mean `Europe/Berlin`?"));
}

#[test]
fn a_10_u_12_a_door_says_why_it_stays_closed() {
    let fixture = Fixture::new();
    let ann = fixture.provisioned("ann@example.com");
    let ann = ann.as_str();
    let why = |at: &str| {
        let input = [("org", "Acme"), ("user", ann), ("door", "Lobby"), ("at", at)];
        let decision = fixture.done("explainDoor", &input);
        let opens = fixture.names(
            "listDoorsOfUser",
            "name",
            &[("org", "Acme"), ("user", ann), ("at", at)],
        );
        let said = decision.get("opens").and_then(Value::as_bool);
        assert_eq!(said, Some(opens == ["Lobby"]), "both say the same: {decision:?}");
        decision.get_str("reason").unwrap().to_owned()
    };
    let tuesday = "2026-12-22T09:00:00Z";
    fixture.done("createDoor", &[("org", "Acme"), ("name", "Lobby")]);
    assert_eq!(why(tuesday), "invited");
    fixture.done("acceptInvite", &[("org", "Acme"), ("user", ann)]);
    assert_eq!(why(tuesday), "noAccessGroup");
    fixture.done("createAccessGroup", &[("org", "Acme"), ("name", "Guides")]);
    fixture.done(
        "addMember",
        &[("org", "Acme"), ("accessGroup", "Guides"), ("user", ann)],
    );
    assert_eq!(why(tuesday), "noLevel");
    let level = [
        ("org", "Acme"),
        ("name", "Office"),
        ("doors", "Lobby"),
        ("hours", "MO-FR 08:00-18:00;SA 22:00-06:00"),
    ];
    fixture.done("createLevel", &level);
    fixture.done(
        "assignLevel",
        &[("org", "Acme"), ("level", "Office"), ("accessGroup", "Guides")],
    );
    let closed = [
        ("org", "Acme"),
        ("level", "Office"),
        ("date", "2026-12-25"),
        ("hours", "closed"),
    ];
    fixture.done("setException", &closed);
    for (at, reason) in [
        (tuesday, "granted"),
        ("2026-12-22T18:00:00Z", "outsideHours"),
        ("2026-12-25T09:00:00Z", "exception"),
        ("2026-12-26T23:00:00Z", "granted"),
        ("2026-12-27T05:00:00Z", "granted"),
        ("2026-12-27T07:00:00Z", "outsideHours"),
    ] {
        assert_eq!(why(at), reason, "{at}");
    }
    fixture.done("deactivateUser", &[("org", "Acme"), ("user", ann)]);
    assert_eq!(why(tuesday), "deactivated");
}

#[test]
fn c_4_a_card_says_what_it_waits_for() {
    let fixture = Fixture::new();
    fixture.done("addDomains", &[("org", "Acme"), ("domains", "example.com")]);
    fixture.create(
        "User",
        r#"{"userName": "ann@example.com",
            "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User": {
                "cardFormat": "Standard 26-bit Wiegand", "facilityCode": "111", "cardNumber": "7777"}}"#,
    );
    let user = fixture.done("showUser", &[("org", "Acme"), ("user", "ann@example.com")]);
    let credential = user.get("credential").and_then(Value::as_object).unwrap();
    assert_eq!(credential.get_str("state"), Some("staged"));
    let why = credential.get("why").map(Value::as_elements).unwrap();
    let why: Vec<_> = why.iter().filter_map(Value::as_str).collect();
    assert_eq!(why, ["credentialStatus has to be `active` when a card is set up"]);
    let overview = fixture.done("showOverview", &[("org", "Acme")]);
    for (field, count) in [
        ("users", 1),
        ("managedUsers", 1),
        ("invitedUsers", 1),
        ("stagedCards", 1),
        ("groups", 0),
    ] {
        assert_eq!(
            overview.get(field).and_then(Value::as_integer),
            Some(count),
            "{field}"
        );
    }
}

#[test]
fn t_12_a_token_warns_before_it_expires_and_is_exchanged_without_a_gap() {
    let fixture = Fixture::new();
    fixture.done("enableProvisioning", &[("org", "Umbrella")]);
    let warnings = || {
        let overview = fixture.done("showOverview", &[("org", "Umbrella")]);
        let warnings = overview.get("warnings").map(Value::as_elements).unwrap();
        let warnings = warnings.iter().filter_map(Value::as_str).map(ToOwned::to_owned);
        warnings.collect::<Vec<_>>()
    };
    assert!(warnings().is_empty());
    fixture.clock.advance(340);
    assert!(
        warnings()[0].contains("expires within 26 days"),
        "{:?}",
        warnings()
    );
    fixture.done("issueToken", &[("org", "Umbrella"), ("name", "next")]);
    fixture.done("revokeToken", &[("org", "Umbrella"), ("token", "default")]);
    assert_eq!(
        fixture.names("listTokens", "name", &[("org", "Umbrella")]),
        ["next"]
    );
    assert!(warnings().is_empty());
    let one = fixture.refused("issueToken", &[("org", "Acme"), ("name", "second")]);
    assert_eq!(one.code, "oneToken", "T-14");
}

#[test]
fn s_3_a_guide_has_the_values_of_the_organization() {
    let fixture = Fixture::new();
    let added = fixture.done("addDomains", &[("org", "Acme"), ("domains", "acme.com;acme.de")]);
    let token = added.get_str("token").unwrap().to_owned();
    for provider in ["entra", "okta", "google", "onelogin", "jumpcloud", "other"] {
        let guide = fixture.done("showGuide", &[("org", "Acme"), ("provider", provider)]);
        let text = format!("{guide:?}");
        assert!(text.contains("https://scim.example.com/scim/v2"), "{provider}");
        assert!(text.contains("acme.com, acme.de"), "{provider}");
        let hint = token.get(token.len() - 4..).unwrap();
        assert!(text.contains(hint), "{provider}: the hint");
        assert!(!text.contains(&token), "{provider}: T-3");
        assert!(text.contains("credentialStatus"), "{provider}");
        assert!(
            !text.contains("{base}") && !text.contains("{token}"),
            "{provider}"
        );
    }
    let near = fixture.refused("showGuide", &[("org", "Acme"), ("provider", "okto")]);
    assert_eq!(near.fix.as_deref(), Some("did you mean `okta`?"));
}
