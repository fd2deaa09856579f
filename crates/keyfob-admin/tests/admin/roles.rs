//! Who may do what, and where.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use keyfob_admin::{
    AdminSecret, Administration, Administrator, Answer, Call, Kind, OPERATIONS, Operation, Place, Problem,
    Role, Scope,
};
use keyfob_core::{Object, Registry, ResourceType, Value};
use keyfob_engine::{AuthenticationError, Commit, DynStore, Hooked, Hooks, ReadContext, StoreError};
use keyfob_provisioning::Provisioner;
use keyfob_store_memory::MemoryStore;
use pollster::block_on;

use crate::fixture::{Fixture, owner, with};

/// Input that can be read, whatever there is.
fn input_for(operation: &Operation, org: &str) -> Object {
    let mut input = Object::new();
    for parameter in operation
        .parameters
        .iter()
        .filter(|parameter| parameter.is_required)
    {
        let value: Value = match (parameter.name, parameter.kind) {
            ("org", _) => org.into(),
            ("date", _) => "2026-12-25".into(),
            ("roles", _) => vec![Value::from("auditor")].into(),
            ("domains", _) => vec![Value::from("example.org")].into(),
            ("hours", _) if operation.name == "setException" => vec![Value::from("closed")].into(),
            ("hours", _) => vec![Value::from("MO 08:00-18:00")].into(),
            ("profile", _) => "interop".into(),
            ("timeZone", _) => "UTC".into(),
            ("provider", _) => "entra".into(),
            ("url", _) => "https://hooks.example.com/".into(),
            (_, Kind::Texts) => vec![Value::from("nothing")].into(),
            _ => "nothing".into(),
        };
        input.insert(parameter.name, value);
    }
    input
}

/// The outcome of an operation for somebody, without anything being written.
fn outcome(fixture: &Fixture, by: &Administrator, operation: &'static Operation) -> Result<Answer, Problem> {
    let input = input_for(operation, "Acme");
    fixture.perform(by, &Call::new(operation, input).dry())
}

fn is_by_role(problem: &Problem) -> bool {
    ["forbidden", "readOnly", "directoryOnly"].contains(&problem.code.as_str())
}

/// What each role may do beside knowing who it is: all that reads is meant by its name, all that writes too.
fn expected(role: Role, operation: &Operation) -> bool {
    let service = [
        "createOrganization",
        "renameOrganization",
        "deleteOrganization",
        "listServiceTokens",
        "issueServiceToken",
        "revokeServiceToken",
    ];
    let administrators = [
        "listAdminTokens",
        "issueAdminToken",
        "revokeAdminToken",
        "listSetupLinks",
        "issueSetupLink",
        "revokeSetupLink",
    ];
    let set_up = [
        "showOrganization",
        "showProvisioning",
        "showGuide",
        "listTokens",
        "enableProvisioning",
        "issueToken",
        "refreshToken",
    ];
    let people = ["listUsers", "showUser", "listEvents"];
    let is_webhook = operation.path.contains("/webhooks");
    let audit = ["listAudit", "showHistoryOfUser"];
    let name = operation.name;
    if ["showIdentity", "listOrganizations"].contains(&name) {
        return true;
    }
    let reads = operation.method == keyfob_admin::Method::Get;
    match role {
        Role::Operator => {
            service.contains(&name) || administrators.contains(&name) || name == "showOrganization"
        }
        Role::Administrator => !service.contains(&name),
        Role::DirectoryAdministrator => {
            let closed = service.contains(&name) || administrators.contains(&name) || audit.contains(&name);
            reads && !closed
        }
        Role::Auditor => reads && !service.contains(&name) && !administrators.contains(&name),
        Role::Application => people.contains(&name) || name == "acceptInvite" || is_webhook,
        Role::SetUp => set_up.contains(&name),
        _ => false,
    }
}

#[test]
fn t_6_every_role_may_do_what_is_its_own_and_nothing_else() {
    let fixture = Fixture::new();
    let acme = fixture.tenant("Acme");
    for role in Role::ALL {
        // Of the service's own operations none is for whoever has a role in one organization.
        for scope in [Scope::Service, Scope::Organization(acme.clone())] {
            let by = with(role, scope.clone());
            for operation in &OPERATIONS {
                let is_of_org = operation
                    .parameters
                    .iter()
                    .any(|parameter| parameter.name == "org");
                let known = ["showIdentity", "listOrganizations"].contains(&operation.name);
                let may = expected(role, operation) && (is_of_org || known || scope == Scope::Service);
                match outcome(&fixture, &by, operation) {
                    Err(problem) if is_by_role(&problem) => {
                        assert!(
                            !may,
                            "{role:?} of {scope:?} may not {}: {problem}",
                            operation.name
                        );
                    }
                    other => assert!(may, "{role:?} of {scope:?} may {}: {other:?}", operation.name),
                }
            }
        }
    }
}

#[test]
fn t_1_another_organization_is_one_that_does_not_exist() {
    let fixture = Fixture::new();
    let (acme, umbrella) = (fixture.tenant("Acme"), fixture.tenant("Umbrella"));
    for role in Role::ALL {
        let by = with(role, Scope::Organization(umbrella.clone()));
        for operation in OPERATIONS.iter().filter(|operation| {
            operation
                .parameters
                .iter()
                .any(|parameter| parameter.name == "org")
        }) {
            for org in ["Acme", acme.as_str()] {
                let call = Call::new(operation, input_for(operation, org));
                let found = fixture.perform(&by, &call).expect_err(operation.name);
                let call = Call::new(operation, input_for(operation, "Nobody"));
                let missing = fixture.perform(&by, &call).expect_err(operation.name);
                assert_eq!(found.status, 404, "{}", operation.name);
                let detail = missing.detail.replace("Nobody", org);
                assert_eq!(found.detail, detail, "{}: in the same words", operation.name);
            }
        }
        let list = Fixture::call("listOrganizations", &[]);
        let Ok(Answer::Page(page)) = fixture.perform(&by, &list) else {
            panic!("{role:?} lists organizations");
        };
        let names: Vec<_> = page
            .items
            .iter()
            .filter_map(|view| view.get_str("name"))
            .collect();
        assert_eq!(names, ["Umbrella"], "{role:?}");
    }
}

#[test]
fn a_11_an_auditor_changes_nothing_and_sees_neither_phones_nor_card_numbers() {
    let fixture = Fixture::new();
    fixture.done("addDomains", &[("org", "Acme"), ("domains", "example.com")]);
    fixture.create(
        "User",
        r#"{"userName": "ann@example.com", "phoneNumbers": [{"value": "+49 30 1234567"}],
            "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User": {
                "cardFormat": "Standard 26-bit Wiegand", "facilityCode": "111", "cardNumber": "7777",
                "credentialStatus": "active"}}"#,
    );
    let acme = Scope::Organization(fixture.tenant("Acme"));
    let shown = |by: &Administrator| {
        let call = Fixture::call("showUser", &[("org", "Acme"), ("user", "ann@example.com")]);
        match fixture.perform(by, &call) {
            Ok(Answer::One(view)) => format!("{view:?}"),
            other => panic!("{other:?}"),
        }
    };
    let seen = shown(&with(Role::Administrator, acme.clone()));
    for secret in ["1234567", "7777", "2DE3CC3"] {
        assert!(
            seen.contains(secret),
            "{secret} is shown to an administrator: {seen}"
        );
        let masked = shown(&with(Role::Auditor, acme.clone()));
        assert!(
            !masked.contains(secret),
            "{secret} is shown to an auditor: {masked}"
        );
    }
    let auditor = with(Role::Auditor, acme);
    let call = Fixture::call("createDoor", &[("org", "Acme"), ("name", "Lobby")]);
    assert_eq!(fixture.perform(&auditor, &call).unwrap_err().code, "readOnly");
    // The refusal stands in the record, with whoever tried.
    let audit = fixture.page("listAudit", &[("org", "Acme"), ("actor", "auditor")]);
    let record = audit.items.first().expect("a refusal is recorded");
    assert_eq!(record.get_str("name"), Some("administrationRefused"));
    let data = record.get("data").and_then(Value::as_object).unwrap();
    assert_eq!(data.get_str("operation"), Some("createDoor"));
    assert_eq!(data.get_str("code"), Some("readOnly"));
}

#[test]
fn a_token_of_an_administrator_opens_what_its_roles_say_until_it_is_taken_back_or_expires() {
    let fixture = Fixture::new();
    let issue = |name: &str| {
        let input = [
            ("org", "Acme"),
            ("name", name),
            ("roles", "auditor;application"),
            ("expiresIn", "90d"),
        ];
        let issued = fixture.done("issueAdminToken", &input);
        issued.get_str("token").unwrap().to_owned()
    };
    let open = |secret: &str| block_on(fixture.administration.authenticate(secret));
    let secret = issue("ci");
    let administrator = open(&secret).unwrap();
    assert_eq!(administrator.id, "ci");
    let roles: Vec<_> = administrator.roles_in(&fixture.tenant("Acme")).collect();
    assert_eq!(roles, [Role::Auditor, Role::Application]);
    assert_eq!(administrator.roles_in(&fixture.tenant("Umbrella")).count(), 0);
    let listed = fixture.page("listAdminTokens", &[("org", "Acme")]);
    let token = listed.items.first().unwrap();
    assert!(!format!("{token:?}").contains(&secret), "T-3: it is shown once");
    assert!(secret.ends_with(token.get_str("hint").unwrap()));
    assert_eq!(token.get_str("createdBy"), Some("operator"));
    assert!(token.get_str("lastUsed").is_some(), "it was used just now");
    let conflict = fixture.refused(
        "issueAdminToken",
        &[("org", "Acme"), ("name", "CI"), ("roles", "auditor")],
    );
    assert_eq!(conflict.code, "nameTaken");
    // In another organization the name is free.
    fixture.done(
        "issueAdminToken",
        &[("org", "Umbrella"), ("name", "ci"), ("roles", "auditor")],
    );
    let operator = fixture.refused(
        "issueAdminToken",
        &[("org", "Acme"), ("name", "root"), ("roles", "operator")],
    );
    assert_eq!(
        operator.field.as_deref(),
        Some("roles"),
        "an organization has no operators"
    );
    fixture.done("revokeAdminToken", &[("org", "Acme"), ("token", "ci")]);
    assert!(matches!(open(&secret), Err(AuthenticationError::Rejected)));
    let second = issue("ci");
    assert!(open(&second).is_ok() && second != secret);
    fixture.clock.advance(91);
    assert!(open(&second).is_err(), "it has expired");
    assert!(open("ka_nothing").is_err());
}

#[test]
fn t_1_the_tokens_of_an_organization_end_with_it() {
    let fixture = Fixture::new();
    let issued = fixture.done(
        "issueAdminToken",
        &[("org", "Acme"), ("name", "ci"), ("roles", "administrator")],
    );
    let secret = issued.get_str("token").unwrap();
    let linked = fixture.done("enableProvisioning", &[("org", "Acme")]);
    assert!(linked.get_str("token").is_some());
    fixture.done("deleteOrganization", &[("org", "Acme")]);
    assert!(block_on(fixture.administration.authenticate(secret)).is_err());
    assert_eq!(fixture.names("listOrganizations", "name", &[]), ["Umbrella"]);
    let again = fixture.done("createOrganization", &[("name", "Acme"), ("profile", "verkada")]);
    assert_eq!(again.get("linked").and_then(Value::as_bool), Some(false));
}

fn chosen_secret() -> AdminSecret {
    AdminSecret::chosen("0123456789abcdef0123456789abcdef").unwrap()
}

#[test]
fn the_first_token_is_made_once_or_chosen() {
    let fixture = Fixture::new();
    let first = block_on(fixture.administration.bootstrap(None)).unwrap().unwrap();
    let administrator = block_on(fixture.administration.authenticate(first.expose())).unwrap();
    assert_eq!(administrator.roles_in_service().count(), 2);
    assert!(
        block_on(fixture.administration.bootstrap(None))
            .unwrap()
            .is_none()
    );
    for _ in 0..2 {
        let made = block_on(fixture.administration.bootstrap(Some(chosen_secret()))).unwrap();
        assert!(made.is_none());
    }
    assert!(block_on(fixture.administration.authenticate(chosen_secret().expose())).is_ok());
    assert!(
        block_on(fixture.administration.authenticate(first.expose())).is_err(),
        "the chosen one takes the place of the one that was made"
    );
    assert_eq!(fixture.names("listServiceTokens", "name", &[]), ["first"]);
}

#[test]
fn a_chosen_token_that_was_revoked_stays_revoked_while_there_are_others() {
    let fixture = Fixture::new();
    let start = || {
        let made = block_on(fixture.administration.bootstrap(Some(chosen_secret()))).unwrap();
        assert!(made.is_none());
        block_on(fixture.administration.authenticate(chosen_secret().expose())).is_ok()
    };
    assert!(start());
    fixture.done("issueServiceToken", &[("name", "second"), ("roles", "operator")]);
    fixture.done("revokeServiceToken", &[("token", "first")]);
    assert!(!start(), "the token comes back");
    assert_eq!(fixture.names("listServiceTokens", "name", &[]), ["second"]);
    // With none at all somebody has to begin again.
    fixture.done("revokeServiceToken", &[("token", "second")]);
    assert!(start());
}

/// The events while a server starts: one of its reads fails, or another server is faster than its first commit.
#[derive(Default)]
struct Meanwhile {
    /// The number of reads before the one that fails.
    reads: AtomicUsize,
    other: Mutex<Option<Administration<DynStore>>>,
}

/// The hooks of a store, which the test sets as it goes.
#[derive(Clone)]
struct Following(Arc<Meanwhile>);

impl Hooks for Following {
    fn before_read(&self, _: &ReadContext, _: &ResourceType) -> Result<(), StoreError> {
        match self.0.reads.fetch_sub(1, Relaxed) {
            0 => Err(StoreError::unavailable("the database is away")),
            _ => Ok(()),
        }
    }

    fn before_commit(&self, _: &[Arc<Commit>]) -> Result<(), StoreError> {
        let other = self.0.other.lock().unwrap().take();
        if let Some(other) = other {
            block_on(other.bootstrap(Some(chosen_secret()))).unwrap();
        }
        Ok(())
    }
}

/// Two servers over one store, of which the second one meets what the hooks do.
fn two_servers() -> (Administration<DynStore>, Administration<DynStore>, Arc<Meanwhile>) {
    let (store, meanwhile) = (DynStore::new(MemoryStore::new()), Arc::<Meanwhile>::default());
    meanwhile.reads.store(usize::MAX, Relaxed);
    let hooked = DynStore::new(Hooked::new(store.clone(), Following(Arc::clone(&meanwhile))));
    let of = |store| Administration::new([Provisioner::new(store, Registry::verkada().clone())]);
    (of(store), of(hooked), meanwhile)
}

#[test]
fn a_start_that_cannot_read_the_store_takes_no_token_back() {
    let (plain, hooked, meanwhile) = two_servers();
    let first = block_on(plain.bootstrap(None)).unwrap().unwrap();
    let opens = |secret: &AdminSecret| block_on(plain.authenticate(secret.expose())).is_ok();
    let mut failures = 0;
    // Whichever read it is, until none fails.
    loop {
        meanwhile.reads.store(failures, Relaxed);
        match block_on(hooked.bootstrap(Some(chosen_secret()))) {
            Ok(_) => break,
            Err(problem) => assert_eq!(problem.status, 503, "read {failures}: {problem}"),
        }
        assert!(opens(&first), "read {failures}: the first token is taken back");
        failures += 1;
    }
    assert!(failures >= 2 && opens(&chosen_secret()) && !opens(&first));
}

/// As servers do that share their settings.
#[test]
fn servers_that_start_at_once_with_the_same_chosen_token_both_start() {
    for had_first in [false, true] {
        let (plain, hooked, meanwhile) = two_servers();
        if had_first {
            block_on(plain.bootstrap(None)).unwrap();
        }
        *meanwhile.other.lock().unwrap() = Some(plain.clone());
        let made = block_on(hooked.bootstrap(Some(chosen_secret())));
        assert!(made.unwrap().is_none(), "there was a first one: {had_first}");
        assert!(block_on(plain.authenticate(chosen_secret().expose())).is_ok());
    }
}

#[test]
fn input_is_checked_before_anything_is_looked_up() {
    let fixture = Fixture::new();
    for (name, input, field) in [
        ("createDoor", &[("org", "Acme")][..], "name"),
        (
            "createDoor",
            &[("org", "Acme"), ("name", "Lobby"), ("nam", "x")],
            "nam",
        ),
        ("listUsers", &[("org", "Acme"), ("state", "activ")], "state"),
        ("listUsers", &[("org", "Acme"), ("limit", "0")], "limit"),
        ("listUsers", &[("org", "Acme"), ("limit", "201")], "limit"),
        ("listUsers", &[("org", "Acme"), ("limit", "-1")], "limit"),
        ("listUsers", &[("org", "Acme"), ("managed", "maybe")], "managed"),
        (
            "listDoorsOfUser",
            &[("org", "Acme"), ("user", "x"), ("at", "noon")],
            "at",
        ),
        ("listEvents", &[("org", "Acme"), ("after", "last")], "after"),
        ("listDoors", &[("org", "Acme"), ("after", "!")], "after"),
        ("listUsers", &[("org", "Acme"), ("after", "AAAA")], "after"),
    ] {
        let problem = fixture.refused(name, input);
        assert_eq!(problem.status, 400, "{name} {input:?}: {problem}");
        assert_eq!(problem.field.as_deref(), Some(field), "{name} {input:?}");
    }
    let near = fixture.refused("listUsers", &[("org", "Acme"), ("state", "activ")]);
    assert_eq!(near.fix.as_deref(), Some("did you mean `active`?"));
    let long = "x".repeat(5000);
    let problem = fixture.refused("createDoor", &[("org", "Acme"), ("name", &long)]);
    assert_eq!(problem.status, 400);
    assert!(
        problem.detail.len() < 200,
        "what was sent isn't repeated at length"
    );
    for operation in &OPERATIONS {
        let places = operation.parameters.iter().map(|parameter| parameter.place);
        assert!(
            places.filter(|place| *place == Place::Path).count() <= 3,
            "{}",
            operation.name
        );
        let call = Call::new(operation, Object::from_iter([("org", 17)]));
        assert_eq!(
            fixture.perform(&owner(), &call).unwrap_err().status,
            400,
            "{}",
            operation.name
        );
    }
}
