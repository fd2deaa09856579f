//! Set-up links: what they open, for how long, and that they open nothing else.

use std::{collections::BTreeSet, sync::Arc};

use keyfob_admin::{Administrator, Answer, Call, OPERATIONS, Role};
use keyfob_core::{Clock as _, Object, Value};
use keyfob_engine::{AuthenticationError, RequestId, RequestRecord, RequestRecorder as _};
use keyfob_provisioning::RequestLog;
use pollster::block_on;

use crate::fixture::Fixture;

fn issued(fixture: &Fixture, org: &str, name: &str) -> Object {
    fixture.done("issueSetupLink", &[("org", org), ("name", name)])
}

fn opened(fixture: &Fixture, link: &Object) -> Result<Administrator, AuthenticationError> {
    block_on(
        fixture
            .administration
            .authenticate(link.get_str("token").unwrap()),
    )
}

fn input_for(operation: &keyfob_admin::Operation, org: &str) -> Object {
    let required = operation
        .parameters
        .iter()
        .filter(|parameter| parameter.is_required);
    let input = required.map(|parameter| {
        let value = match (parameter.name, parameter.kind) {
            ("org", _) => org,
            ("provider", _) => "entra",
            ("date", _) => "2026-12-25",
            _ => "ann@example.com",
        };
        (parameter.name, value)
    });
    input.collect()
}

#[test]
fn t_1_a_set_up_link_opens_one_organization_and_names_nobody() {
    let fixture = Fixture::new();
    fixture.provisioned("ann@example.com");
    fixture.done("createDoor", &[("org", "Acme"), ("name", "Lobby")]);
    // A request about somebody was refused.
    let log = RequestLog::new(Arc::clone(fixture.verkada.engine()));
    let id = RequestId::new("r-1");
    let mut refused = RequestRecord::new(fixture.clock.now(), id, "PATCH", "/Users/{id}", 409);
    refused.refusal = Some("uniqueness".into());
    let ann = fixture.done("showUser", &[("org", "Acme"), ("user", "ann@example.com")]);
    refused.resource = ann.get_str("id").map(keyfob_core::ResourceId::new);
    log.record(&fixture.tenant("Acme"), refused);
    block_on(log.flush()).unwrap();
    let link = issued(&fixture, "Acme", "it@acme.example");
    let holder = opened(&fixture, &link).unwrap();
    let acme = fixture.tenant("Acme");
    assert_eq!(holder.roles_in(&acme).collect::<Vec<_>>(), [Role::SetUp]);
    assert_eq!(holder.roles_in_service().count(), 0);
    let mut opens = BTreeSet::new();
    for operation in OPERATIONS
        .iter()
        .filter(|operation| operation.path.contains("{org}"))
    {
        let call = |org: &str| Call::new(operation, input_for(operation, org)).dry();
        let other = fixture.perform(&holder, &call("Umbrella")).unwrap_err();
        assert!(
            other.status == 404 || other.is_malformed(),
            "{} in another organization: {other}",
            operation.name
        );
        match fixture.perform(&holder, &call("Acme")) {
            Err(problem) if problem.code == "forbidden" || problem.is_malformed() => {}
            answer => {
                opens.insert(operation.name);
                let said = format!("{answer:?}");
                for secret in ["ann@", "Lobby"] {
                    assert!(
                        !said.replace("token `ann@example.com`", "").contains(secret),
                        "{} says: {said}",
                        operation.name
                    );
                }
            }
        }
    }
    let all = [
        "enableProvisioning",
        "issueToken",
        "listTokens",
        "refreshToken",
        "showGuide",
        "showOrganization",
        "showProvisioning",
    ];
    assert_eq!(opens, BTreeSet::from(all));
    let organizations = fixture.perform(&holder, &Fixture::call("listOrganizations", &[]));
    let Ok(Answer::Page(organizations)) = organizations else {
        panic!("{organizations:?}");
    };
    let names: Vec<_> = organizations
        .items
        .iter()
        .map(|view| view.get_str("name"))
        .collect();
    assert_eq!(names, [Some("Acme")]);
}

#[test]
fn whoever_has_the_link_sees_the_steps_makes_the_token_and_sees_that_requests_arrive() {
    let fixture = Fixture::new();
    let holder = opened(&fixture, &issued(&fixture, "Acme", "it")).unwrap();
    let shown = |name: &str, input: &[(&str, &str)]| {
        let input = [&[("org", "Acme")], input].concat();
        match fixture.confirmed(&holder, name, &input) {
            Ok(Answer::One(view)) => view,
            other => panic!("{name}: {other:?}"),
        }
    };
    let linked = shown("enableProvisioning", &[]);
    assert_eq!(
        linked.get_str("baseUrl"),
        Some("https://scim.example.com/scim/v2")
    );
    let first = linked.get_str("token").unwrap().to_owned();
    assert!(format!("{:?}", shown("showGuide", &[("provider", "entra")])).contains("scim.example.com"));
    assert_eq!(
        shown("showProvisioning", &[]).get("lastRequest"),
        Some(&Value::Null)
    );
    let log = RequestLog::new(Arc::clone(fixture.verkada.engine()));
    log.note_read(&fixture.tenant("Acme"), "default", fixture.clock.now());
    block_on(log.flush()).unwrap();
    assert!(shown("showProvisioning", &[]).get_str("lastRequest").is_some());
    let second = shown("refreshToken", &[]);
    assert_ne!(second.get_str("token"), Some(first.as_str()));
    // It stands in the record who did it.
    let audit = fixture.page("listAudit", &[("org", "Acme"), ("actor", "it")]);
    assert!(!audit.items.is_empty());
    for (name, input) in [
        ("unlink", &[][..]),
        ("revokeToken", &[("token", "default")]),
        ("addDomains", &[("domains", "example.com")]),
        ("issueSetupLink", &[("name", "another")]),
        ("issueAdminToken", &[("name", "me"), ("roles", "administrator")]),
        ("listRequests", &[]),
        ("listUsers", &[]),
    ] {
        let input = [&[("org", "Acme")], input].concat();
        let problem = fixture
            .perform(&holder, &Fixture::call(name, &input))
            .unwrap_err();
        assert_eq!(
            (problem.status, problem.code.as_str()),
            (403, "forbidden"),
            "{name}"
        );
    }
}

#[test]
fn a_set_up_link_ends_by_itself_when_it_is_revoked_and_with_its_organization() {
    let fixture = Fixture::new();
    let rejected = |link: &Object| matches!(opened(&fixture, link), Err(AuthenticationError::Rejected));
    let link = issued(&fixture, "Acme", "it");
    let session = opened(&fixture, &link).unwrap();
    fixture.clock.advance(2);
    assert!(!rejected(&link));
    fixture.clock.advance(1);
    assert!(rejected(&link), "72 hours");
    let ended = block_on(fixture.administration.recall(&session));
    assert!(
        matches!(ended, Err(AuthenticationError::Rejected)),
        "its session too"
    );
    for (expires, field) in [
        ("31d", "expiresIn"),
        ("721h", "expiresIn"),
        ("0d", "expiresIn"),
        ("soon", "expiresIn"),
    ] {
        let input = [("org", "Acme"), ("name", "late"), ("expiresIn", expires)];
        assert_eq!(
            fixture.refused("issueSetupLink", &input).field.as_deref(),
            Some(field)
        );
    }
    let link = fixture.done(
        "issueSetupLink",
        &[("org", "Acme"), ("name", "long"), ("expiresIn", "30d")],
    );
    fixture.clock.advance(29);
    assert!(!rejected(&link));
    fixture.done("revokeSetupLink", &[("org", "Acme"), ("link", "long")]);
    assert!(rejected(&link));
    assert_eq!(
        fixture
            .refused("revokeSetupLink", &[("org", "Acme"), ("link", "long")])
            .status,
        404
    );
    let link = issued(&fixture, "Acme", "last");
    fixture.done("deleteOrganization", &[("org", "Acme")]);
    assert!(rejected(&link));
}

#[test]
fn links_and_tokens_of_administrators_are_kept_apart() {
    let fixture = Fixture::new();
    let link = issued(&fixture, "Acme", "it");
    let token = [("org", "Acme"), ("name", "ci"), ("roles", "auditor")];
    fixture.done("issueAdminToken", &token);
    assert_eq!(
        fixture.names("listSetupLinks", "name", &[("org", "Acme")]),
        ["it"]
    );
    assert_eq!(
        fixture.names("listAdminTokens", "name", &[("org", "Acme")]),
        ["ci"]
    );
    assert_eq!(
        fixture.names("listSetupLinks", "name", &[("org", "Umbrella")]),
        Vec::<String>::new()
    );
    let listed = format!("{:?}", fixture.page("listSetupLinks", &[("org", "Acme")]));
    assert!(
        !listed.contains(link.get_str("token").unwrap()),
        "it is shown once"
    );
    for (name, input) in [
        ("revokeSetupLink", [("org", "Acme"), ("link", "ci")]),
        ("revokeSetupLink", [("org", "Umbrella"), ("link", "it")]),
        ("revokeAdminToken", [("org", "Acme"), ("token", "it")]),
    ] {
        assert_eq!(fixture.refused(name, &input).status, 404, "{name} {input:?}");
    }
    let role = [("org", "Acme"), ("name", "sly"), ("roles", "setUp")];
    assert_eq!(
        fixture.refused("issueAdminToken", &role).field.as_deref(),
        Some("roles")
    );
    let service = [("name", "sly"), ("roles", "setUp")];
    assert_eq!(
        fixture.refused("issueServiceToken", &service).field.as_deref(),
        Some("roles")
    );
    assert!(opened(&fixture, &link).is_ok());
    // Where the pages are known to be served, the link is an address.
    let administration = fixture
        .administration
        .clone()
        .with_console_url("https://admin.example.com/console");
    let owner = crate::fixture::owner();
    let call = Fixture::call("issueSetupLink", &[("org", "Acme"), ("name", "third")]);
    let Ok(Answer::One(third)) = block_on(administration.perform(&owner, &call)) else {
        panic!("a link is made");
    };
    let url = format!(
        "https://admin.example.com/console/link/{}",
        third.get_str("token").unwrap()
    );
    assert_eq!(third.get_str("url"), Some(url.as_str()));
}
