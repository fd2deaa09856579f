//! What a query finds is what [`Predicate::matches`](keyfob_filter::Predicate::matches) says, whatever a store makes of
//! the filter.

use keyfob_core::Value;
use keyfob_store::{Paging, Query};

use crate::{
    cases::relations::users,
    failure::{Failure, Verdict},
    fixture::{Device, Group, Kind, User, document},
    step::{Step, delta},
    tenancy::{Tenancy, Tested, page_ids},
};

const USERS: &[&str] = &[
    r#"{"userName": "bjensen", "externalId": "701984", "title": "Tour Guide", "active": true,
        "name": {"familyName": "Jensen", "givenName": "Barbara"}, "displayName": "Babs Jensen",
        "emails": [{"value": "bjensen@example.com", "type": "work", "primary": true}, {"value": "babs@jensen.org", "type": "home"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Tours", "employeeNumber": "17"},
        "urn:example:params:scim:schemas:extension:badge:1.0:User": {"badgeNumber": "A-0042", "colour": "Rot", "level": 3,
            "score": 2.5, "issued": "2026-03-01T12:00:00Z", "lost": false, "doors": [{"name": "Lobby", "floor": 0}, {"name": "Roof", "floor": 12}]}}"#,
    r#"{"userName": "GRÖSSE", "externalId": "ΣΊΣΥΦΟΣ", "title": "tour guide", "active": false, "displayName": "Straße",
        "emails": [{"value": "BJENSEN@EXAMPLE.COM", "type": "home"}],
        "urn:example:params:scim:schemas:extension:badge:1.0:User": {"badgeNumber": "a-0042", "colour": "ROT", "level": -3, "score": -2.5}}"#,
    r#"{"userName": "größe2", "externalId": "σίσυφος", "displayName": "STRASSE", "nickName": "50% off_",
        "urn:example:params:scim:schemas:extension:badge:1.0:User": {"issued": "2026-03-01T13:00:00+01:00", "level": 30}}"#,
    r#"{"userName": "ΣΊΣΥΦΟΣ", "externalId": "701984 ", "displayName": "babs jensen", "nickName": "50x offx",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "TOURS", "manager": {"value": "u0"}}}"#,
    r#"{"userName": "출입", "externalId": "", "active": true, "title": "", "emails": [{"value": "x@example.com", "type": "WORK"}],
        "urn:example:params:scim:schemas:extension:badge:1.0:User": {"issued": "2025-12-31T23:59:59.999Z", "level": 9, "score": 10}}"#,
    r#"{"userName": "plain", "emails": [{"value": "a@example.org"}, {"value": "b@example.org", "type": "work"}], "nickName": "\"quoted\\"}"#,
    r#"{"userName": "Ｗｉｄｅ", "displayName": "ǅ titlecase", "nickName": "İı", "name": {"familyName": "O'Neil"}}"#,
    r#"{"userName": "a", "externalId": "701985", "title": "zz", "nickName": "\u0000nul", "displayName": "Z"}"#,
    r#"{"userName": "Zed", "displayName": "Babs Jensen", "title": "Zoe\u0301 Bay", "urn:example:params:scim:schemas:extension:badge:1.0:User": {"lost": true, "level": 3}}"#,
];

const DEVICES: &[&str] = &[
    r#"{"serialNumber": "abc", "label": "Lobby Door", "code": "X1", "slot": 1, "weight": 1.5, "online": true,
        "installed": "2026-01-01T00:00:00Z", "firmware": "AQID", "manual": "https://example.com/a", "tags": ["blue", "North"],
        "ports": [{"name": "eth0", "speed": 1000, "open": true, "since": "2026-02-01T00:00:00Z"}, {"name": "eth1", "speed": 100, "open": false}]}"#,
    r#"{"serialNumber": "ABC", "label": "lobby door", "code": "x1", "slot": 2, "weight": 2, "online": false,
        "installed": "2026-01-01T02:00:00+02:00", "firmware": "aqid", "manual": "https://example.com/A", "tags": ["NORTH"],
        "ports": [{"name": "eth0", "speed": 100, "open": true}, {"name": "ETH1", "speed": 1000, "open": false, "since": "2026-01-01T00:00:00.5Z"}]}"#,
    r#"{"serialNumber": "10", "label": "", "slot": 10, "weight": -0.25, "installed": "2025-06-30T12:00:00Z", "tags": ["größe"]}"#,
    r#"{"serialNumber": "9", "label": "Z", "slot": 9, "weight": 1e3, "tags": ["GRÖSSE", "GRÖẞE", "b"]}"#,
    r#"{"serialNumber": "n", "slot": 9007199254740993, "weight": 0.1, "ports": [{"speed": 5}]}"#,
    r#"{"serialNumber": "m", "slot": -9007199254740993, "code": "10", "tags": ["blue"]}"#,
    r#"{"serialNumber": "z", "slot": 0, "weight": 0.0, "online": true, "code": "9"}"#,
];

/// Each matches some users of the population and not others.
const USER_FILTERS: &[&str] = &[
    r#"userName eq "BJENSEN""#,
    r#"userName eq "grösse""#,
    r#"userName eq "σίσυφος""#,
    // Whichever way a text is composed and however wide, it is one value (RFC 7644 section 5).
    r#"userName eq "wide""#,
    r#"title eq "ZOÉ BAY""#,
    r#"title sw "zoé""#,
    r#"userName ne "bjensen""#,
    r#"userName co "EN""#,
    r#"userName sw "GRÖ""#,
    r#"userName ew "E2" or userName ew "SE""#,
    r#"userName gt "p""#,
    r#"userName ge "plain" and userName le "ZED""#,
    r#"userName lt "b""#,
    r#"id eq "u3""#,
    r#"id eq "u1" or id eq "u5" or id eq "u1" or id eq "nobody""#,
    r#"id ne "u0" and not (id eq "u2")"#,
    r#"externalId eq "701984""#,
    r#"externalId eq "σίσυφος""#,
    r#"externalId eq """#,
    r#"externalId gt "701984""#,
    r#"displayName eq "BABS JENSEN""#,
    r#"displayName eq "strasse""#,
    r#"displayName eq "babs jensen" and title co "guide""#,
    r#"title eq "TOUR GUIDE""#,
    r#"title eq """#,
    "title pr",
    "not (title pr)",
    "title eq null",
    "displayName ne null",
    "active eq true",
    "active eq false",
    "active ne true",
    "not (active eq true)",
    "active pr",
    r#"name.familyName sw "j""#,
    r#"name.familyName co "'""#,
    "name pr",
    r#"nickName co "%""#,
    r#"nickName co "_""#,
    r#"nickName co "\"""#,
    r#"nickName ew "\\""#,
    r#"nickName co "\u0000n""#,
    r#"nickName eq "İı""#,
    r#"displayName sw "Ǆ""#,
    r#"emails.value eq "bjensen@Example.com""#,
    r#"emails eq "babs@jensen.org""#,
    r#"emails.value ew "example.com""#,
    r#"emails.type eq "work" and emails.value eq "a@example.org""#,
    r#"emails[type eq "work" and value co "example.org"]"#,
    r#"emails[type eq "home" and value eq "bjensen@example.com"]"#,
    "emails[not (type pr)]",
    r#"emails[type ne "work"]"#,
    r#"not (emails[type eq "work"])"#,
    "emails.primary eq true",
    "emails pr and not (emails.primary pr)",
    r#"meta.resourceType eq "User" and userName sw "b""#,
    r#"meta.created gt "2026-01-01T00:03:00Z""#,
    r#"meta.lastModified le "2026-01-01T01:04:00+01:00""#,
    r#"meta.version eq "W/\"2\"""#,
    r#"schemas eq "urn:example:params:scim:schemas:extension:badge:1.0:User""#,
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User pr",
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "tours""#,
    r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "u0""#,
    r#"urn:example:params:scim:schemas:extension:badge:1.0:User:badgeNumber eq "A-0042""#,
    r#"urn:example:params:scim:schemas:extension:badge:1.0:User:badgeNumber co "0042""#,
    r#"urn:example:params:scim:schemas:extension:badge:1.0:User:colour eq "rot""#,
    "urn:example:params:scim:schemas:extension:badge:1.0:User:level eq 3",
    "urn:example:params:scim:schemas:extension:badge:1.0:User:level gt 8.5",
    "urn:example:params:scim:schemas:extension:badge:1.0:User:level lt 0",
    "urn:example:params:scim:schemas:extension:badge:1.0:User:score ge 2.5",
    "urn:example:params:scim:schemas:extension:badge:1.0:User:score eq 10.0",
    r#"urn:example:params:scim:schemas:extension:badge:1.0:User:issued eq "2026-03-01T12:00:00.000Z""#,
    r#"urn:example:params:scim:schemas:extension:badge:1.0:User:issued lt "2026-01-01T00:00:00Z""#,
    "urn:example:params:scim:schemas:extension:badge:1.0:User:lost eq false",
    r#"urn:example:params:scim:schemas:extension:badge:1.0:User:doors[name eq "lobby" and floor eq 0]"#,
    "urn:example:params:scim:schemas:extension:badge:1.0:User:doors.floor gt 10",
    r#"groups.value eq "g0""#,
    r#"groups eq "g1""#,
    r#"groups.display co "GUIDES""#,
    r#"groups[value eq "g0" and display sw "x"] or groups.value eq "g1""#,
    r#"groups.type eq "direct""#,
    "groups pr",
    "not (groups pr)",
    r#"(userName eq "a" or userName eq "plain") and (displayName eq "z" or emails pr)"#,
    r#"userName eq "bjensen" or groups.value eq "g1" or displayName eq "straße""#,
];

const GROUP_FILTERS: &[&str] = &[
    r#"displayName eq "tour guides""#,
    r#"displayName co "GUIDE""#,
    r#"externalId eq "G""#,
    r#"members.value eq "u0""#,
    r#"members eq "u4""#,
    r#"members.value eq "u1" or members.value eq "u4""#,
    r#"members[value eq "u0" and type eq "user"]"#,
    r#"members[value eq "g0" and type eq "Group"]"#,
    r#"members.type eq "group""#,
    r#"members.display eq "ADA""#,
    "members.display pr",
    "members pr",
    "not (members pr)",
    r#"id eq "g1" and members.value eq "u4""#,
    r#"id eq "g0" and not (members.value eq "u8")"#,
    r#"not (members.value eq "u0")"#,
];

const DEVICE_FILTERS: &[&str] = &[
    r#"serialNumber eq "abc""#,
    r#"serialNumber sw "A""#,
    r#"serialNumber gt "9""#,
    r#"label eq "LOBBY DOOR""#,
    r#"label eq """#,
    r#"label gt "l""#,
    r#"code eq "x1""#,
    r#"code lt "9""#,
    "slot eq 1",
    "slot gt 8",
    "slot ge 9007199254740993",
    "slot gt 9007199254740992.0",
    "slot lt -9007199254740992",
    "slot eq 9.0",
    "weight eq 2",
    "weight gt 1",
    "weight le 0",
    "weight eq 1000",
    "weight lt 0.2 and weight gt 0",
    "online eq true",
    "online ne true",
    r#"installed eq "2026-01-01T00:00:00.000Z""#,
    r#"installed lt "2026-01-01T00:00:00Z""#,
    r#"firmware eq "AQID""#,
    r#"manual eq "https://example.com/a""#,
    r#"manual sw "https://example.com/A""#,
    r#"tags eq "BLUE""#,
    r#"tags eq "grösse""#,
    r#"tags co "ÖSS""#,
    r#"tags[value sw "n"]"#,
    r#"not (tags eq "blue")"#,
    r#"ports[name eq "eth1" and speed ge 1000]"#,
    "ports[open eq true and speed lt 500]",
    r#"ports.name eq "ETH0""#,
    r#"ports[since gt "2026-01-15T00:00:00Z"]"#,
    "ports[not (name pr)]",
    r#"users.value eq "u0""#,
    r#"users.value eq "part" or components.value eq "d1""#,
    r#"components.type eq "Device""#,
    r#"partOf.value eq "d0""#,
    "partOf pr",
];

pub(crate) async fn a_filter_finds_the_users_that_match_it(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    populate(acme).await?;
    find_what_matches(acme, User, USER_FILTERS).await
}

pub(crate) async fn a_filter_finds_the_groups_that_match_it(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    populate(acme).await?;
    find_what_matches(acme, Group, GROUP_FILTERS).await
}

pub(crate) async fn a_filter_finds_what_matches_by_values_of_every_type(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    populate(acme).await?;
    find_what_matches(acme, Device, DEVICE_FILTERS).await
}

pub(crate) async fn filters_find_what_is_there_after_many_changes(
    acme: &Tenancy<'_, impl Tested>,
) -> Verdict {
    populate(acme).await?;
    // Read once before, for the sake of stores that remember what they read.
    acme.state().await?;
    // Everybody takes the document of the next, under a name of the own; then some leave and some come back.
    let mut updates = Vec::new();
    for (number, json) in USERS.iter().cycle().skip(1).take(USERS.len()).enumerate() {
        let name = document(User, json)?
            .core()
            .get_str("userName")
            .unwrap_or_default()
            .to_owned();
        let step = Step::update(User, &format!("u{number}")).document(document(User, json)?);
        updates.push(
            step.with("userName", name.as_str())
                .keys(&[("userName", &format!("swapped {name}"))])
                .at(3),
        );
    }
    for (number, json) in DEVICES.iter().rev().enumerate() {
        let step = Step::update(Device, &format!("d{number}")).document(document(Device, json)?);
        updates.push(step.keys(&[("serialNumber", &format!("swapped {number}"))]).at(3));
    }
    updates.extend([
        Step::update(Group, "g0").named("Drivers").remove(&["u0"]),
        Step::update(Group, "g1")
            .members(&["u0", "u8"])
            .named("Tour Guides"),
        Step::delete(User, "u6"),
        Step::delete(User, "u1"),
        Step::delete(Device, "d2"),
    ]);
    acme.apply(&updates).await?;
    let back = document(User, USERS.first().copied().unwrap_or_default())?;
    acme.apply(&[Step::create(User, "u1")
        .document(back)
        .keys(&[("userName", "back")])
        .at(9)])
        .await?;
    for (kind, filters) in [
        (User, USER_FILTERS),
        (Group, GROUP_FILTERS),
        (Device, DEVICE_FILTERS),
    ] {
        for filter in filters {
            find(acme, kind, filter).await?;
        }
    }
    Ok(())
}

pub(crate) async fn a_filter_may_ask_for_a_thousand_ids(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    users(acme, &["u1", "u2", "u3", "u4"]).await?;
    acme.apply(&[Step::create(Group, "g1").add(&["u2", "u4"])])
        .await?;
    let ors = |path: &str| {
        let terms = (0..1_000)
            .rev()
            .map(|number| format!("{path} eq \"u{}\"", number * 2));
        terms.collect::<Vec<_>>().join(" or ")
    };
    ensure_eq!(
        acme.find(User, &ors("id")).await?,
        ["u2", "u4"],
        "an `or` of a thousand ids"
    );
    ensure_eq!(
        acme.find(User, &ors("userName")).await?,
        ["u2", "u4"],
        "an `or` of a thousand names"
    );
    ensure_eq!(
        acme.find(Group, &ors("members.value")).await?,
        ["g1"],
        "an `or` of a thousand members"
    );
    Ok(())
}

pub(crate) async fn a_filter_that_nothing_matches_finds_nothing(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    populate(acme).await?;
    for (kind, filter) in [
        (User, r#"userName eq "GRÖẞE""#),
        (User, r#"userName eq "bjensen ""#),
        (User, r#"externalId eq "ΣΊΣΥΦΟς""#),
        (User, r#"id eq "U0""#),
        (User, r#"id eq "g0""#),
        (User, r#"groups.value eq "u0""#),
        (User, r#"displayName eq "straße" and displayName eq "strasse""#),
        (Group, r#"members.value eq "U0""#),
        (Group, r#"members.value eq "nobody""#),
        (Group, r#"members[value eq "u0" and type eq "Group"]"#),
        (Device, r#"serialNumber eq "aBC""#),
        (Device, "slot eq 9007199254740992"),
        (Device, "weight eq 0.30000000000000004"),
    ] {
        ensure_eq!(acme.find(kind, filter).await?, [""; 0], "`{filter}`");
    }
    Ok(())
}

/// Values of the wrong type are stored as they are; a filter neither finds nor stumbles over them.
pub(crate) async fn a_filter_passes_over_values_of_another_type(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let odd: [Value; 5] = [
        "text".into(),
        true.into(),
        7.into(),
        vec![Value::from("a"), 8.into()].into(),
        Value::Decimal(1.5),
    ];
    for (place, value) in odd.into_iter().enumerate() {
        let step = Step::create(Device, &format!("d{place}"));
        let step = ["label", "slot", "weight", "online", "installed", "tags", "ports"]
            .into_iter()
            .fold(step, |step, attribute| step.with(attribute, value.clone()));
        acme.apply(&[step]).await?;
    }
    for filter in [
        r#"label eq "text""#,
        r#"label co "e""#,
        r#"label eq "a""#,
        "label pr",
        "slot eq 7",
        "slot gt 1",
        "weight eq 7",
        "weight lt 8.5",
        "online eq true",
        r#"installed gt "2026-01-01T00:00:00Z""#,
        r#"tags eq "A""#,
        r#"ports.name eq "text""#,
        "ports[name pr]",
        "ports pr",
    ] {
        find(acme, Device, filter).await?;
    }
    Ok(())
}

async fn populate(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    acme.needs_nested_groups()?;
    for (number, json) in (0..).zip(USERS) {
        let step = Step::create(User, &format!("u{number}")).document(listed(User, json)?);
        acme.apply(&[step.at(number)]).await?;
    }
    for (number, json) in (0..).zip(DEVICES) {
        let step = Step::create(Device, &format!("d{number}")).document(document(Device, json)?);
        acme.apply(&[step.at(number)]).await?;
    }
    let mut named = delta("members", &["u0", "u4"], &[]);
    for (id, member) in &mut named.add {
        member.display = (id.as_str() == "u0").then(|| "Ada".into());
    }
    let steps = [
        Step::update(User, "u2")
            .document(listed(User, USERS.get(2).copied().unwrap_or_default())?)
            .at(30),
        Step::create(Group, "g0")
            .named("Tour Guides")
            .with("externalId", "G")
            .delta(named),
        Step::create(Group, "g1")
            .named("tour guides (night)")
            .with("externalId", "g")
            .add(&["u1", "u4", "g0"]),
        Step::create(Group, "g2").named("Empty"),
        Step::update(Device, "d0")
            .add(&["u0", "u1"])
            .delta(delta("components", &["d1", "d2"], &[])),
        Step::update(Device, "d3")
            .add(&["u0"])
            .delta(delta("components", &["d1", "u5"], &[])),
    ];
    acme.apply(&steps).await?;
    users(&acme.other("globex"), &["bjensen", "plain"]).await
}

/// The document, stating the schemas of which it holds something.
fn listed(kind: Kind, json: &str) -> Result<keyfob_core::Resource, Failure> {
    let mut document = document(kind, json)?;
    let mut schemas = vec![kind.definition().schema().id.clone()];
    schemas.extend(document.extensions().iter().map(|(uri, _)| uri.clone()));
    *document.schemas_mut() = schemas;
    Ok(document)
}

async fn find_what_matches(acme: &Tenancy<'_, impl Tested>, kind: Kind, filters: &[&str]) -> Verdict {
    let all = acme.ids(kind).await?.len();
    for filter in filters {
        let found = find(acme, kind, filter).await?;
        ensure!(
            0 < found && found < all,
            "the suite is at fault: `{filter}` tells nothing apart"
        );
    }
    Ok(())
}

/// Checks that a filter finds what matches, whole and in pages, and says how many that are.
async fn find(acme: &Tenancy<'_, impl Tested>, kind: Kind, filter: &str) -> Result<usize, Failure> {
    let predicate = acme.compile(kind, filter)?;
    let mut expected = Vec::new();
    for id in acme.ids(kind).await? {
        if predicate.matches(&acme.read(kind, &id).await?.resource) {
            expected.push(id);
        }
    }
    ensure_eq!(acme.find(kind, filter).await?, expected, "`{filter}`");
    let selection = acme.everything(kind)?;
    let mut paged = Vec::new();
    while paged.len() < expected.len() {
        let query = Query::first(2)
            .with_filter(predicate.clone())
            .with_selection(selection.clone())
            .with_paging(Paging::Offset {
                offset: paged.len(),
                count: 2,
            });
        let page = acme.query(kind, &query).await?;
        ensure_eq!(
            page.total,
            Some(expected.len()),
            "how many match `{filter}`, on a page after {}",
            paged.len()
        );
        ensure!(
            !page.resources.is_empty(),
            "a page of `{filter}` after {} of {} is empty",
            paged.len(),
            expected.len()
        );
        paged.extend(page_ids(&page)?);
    }
    ensure_eq!(paged, expected, "`{filter}` in pages");
    Ok(expected.len())
}
