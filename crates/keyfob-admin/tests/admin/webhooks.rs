//! Webhooks, as administrators and applications manage them.

use keyfob_admin::{Answer, Role, Scope};
use keyfob_core::{Object, Value};
use pollster::block_on;

use crate::fixture::{Fixture, owner, with};

const URL: &str = "https://hooks.example.com/keyfob?key=of-the-receiver";

fn id(webhook: &Object) -> String {
    webhook.get_str("id").unwrap().to_owned()
}

#[test]
fn a_webhook_is_created_changed_paused_and_deleted_and_its_secret_is_shown_once() {
    let fixture = Fixture::new();
    let made = fixture.done(
        "createWebhook",
        &[("org", "Acme"), ("url", URL), ("types", "User.*;Group.created")],
    );
    let secret = made.get_str("secret").unwrap();
    assert!(secret.starts_with("whsec_"));
    let id = id(&made);
    let of = |more: &[(&'static str, &'static str)]| {
        let mut input = vec![("org", "Acme"), ("webhook", id.as_str())];
        input.extend_from_slice(more);
        input
    };
    let texts = |view: &Object, name: &str| -> Vec<String> {
        let values = view.get(name).map(Value::as_elements).unwrap_or_default();
        values
            .iter()
            .filter_map(Value::as_str)
            .map(ToOwned::to_owned)
            .collect()
    };
    let shown = fixture.done("showWebhook", &of(&[]));
    assert_eq!(shown.get_str("url"), Some(URL));
    assert_eq!(texts(&shown, "types"), ["User.*", "Group.created"]);
    let changed = fixture.done("editWebhook", &of(&[("types", "*")]));
    assert_eq!(texts(&changed, "types"), Vec::<String>::new(), "all of them");
    let paused = fixture.done("pauseWebhook", &of(&[]));
    assert_eq!(paused.get_str("paused"), Some("administrator"));
    let problem = fixture.refused("testWebhook", &of(&[]));
    assert_eq!((problem.status, problem.code.as_str()), (409, "paused"));
    let resumed = fixture.done("resumeWebhook", &of(&[]));
    assert_eq!(resumed.get("paused"), Some(&Value::Null));
    fixture.done("testWebhook", &of(&[]));
    // By its address, too, as long as one webhook has it.
    let by_address = fixture.done("showWebhook", &[("org", "Acme"), ("webhook", URL)]);
    assert_eq!(by_address.get_str("id"), Some(id.as_str()));
    // A secret is replaced after a look at what ends, and the one before signs for a while.
    let asked = fixture.refused("rotateWebhookSecret", &of(&[]));
    assert_eq!(asked.status, 428);
    let rotated = fixture.done("rotateWebhookSecret", &of(&[("overlap", "2h")]));
    assert_ne!(rotated.get_str("secret"), Some(secret));
    assert!(rotated.get_str("formerSecretExpires").is_some());
    let long = fixture.refused("rotateWebhookSecret", &of(&[("overlap", "31d")]));
    assert_eq!((long.status, long.field.as_deref()), (400, Some("overlap")));
    // The secrets are shown nowhere else, and stand in no event.
    let everything = format!(
        "{:?}{:?}{:?}",
        fixture.page("listWebhooks", &[("org", "Acme")]),
        fixture.done("showWebhook", &of(&[])),
        fixture.page("listAudit", &[("org", "Acme"), ("limit", "200")])
    );
    assert!(!everything.contains("whsec_"));
    // The audit has each of them with whoever did it.
    for verb in [
        "createWebhook",
        "changeWebhook",
        "pauseWebhook",
        "resumeWebhook",
        "testWebhook",
        "rotateWebhookSecret",
    ] {
        assert!(everything.contains(verb), "{verb} is recorded");
    }
    fixture.done("deleteWebhook", &of(&[]));
    assert_eq!(fixture.refused("showWebhook", &of(&[])).status, 404);
    assert!(fixture.page("listWebhooks", &[("org", "Acme")]).items.is_empty());
}

#[test]
fn an_address_that_is_not_public_or_not_encrypted_is_refused_with_what_would_be_right() {
    let fixture = Fixture::new();
    for url in [
        "http://hooks.example.com/",
        "https://127.0.0.1/",
        "http://localhost:8080/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest",
        "https://me:secret@hooks.example.com/",
        "ftp://hooks.example.com/",
        "hooks",
        "",
    ] {
        let problem = fixture.refused("createWebhook", &[("org", "Acme"), ("url", url)]);
        assert_eq!(
            (problem.status, problem.code.as_str(), problem.field.as_deref()),
            (400, "addressRefused", Some("url")),
            "{url}: {problem}"
        );
        assert!(
            problem.fix.is_some() && !problem.detail.contains("secret"),
            "{url}"
        );
    }
    let wrong = [("org", "Acme"), ("url", URL), ("types", "User")];
    let problem = fixture.refused("createWebhook", &wrong);
    assert_eq!(problem.field.as_deref(), Some("types"));
    assert!(fixture.page("listWebhooks", &[("org", "Acme")]).items.is_empty());
    // A service that delivers to its own machine takes such addresses.
    let here = fixture.administration.clone().allowing_loopback_webhooks();
    let call = Fixture::call(
        "createWebhook",
        &[("org", "Acme"), ("url", "http://127.0.0.1:9/")],
    );
    assert!(block_on(here.perform(&owner(), &call)).is_ok());
}

#[test]
fn trying_an_operation_on_webhooks_writes_nothing() {
    let fixture = Fixture::new();
    let create = Fixture::call("createWebhook", &[("org", "Acme"), ("url", URL)]);
    let tried = fixture.perform(&owner(), &create.clone().dry()).unwrap();
    let Answer::DryRun(changes) = tried else {
        panic!("{tried:?}")
    };
    assert!(
        changes
            .iter()
            .any(|change| change.get_str("resourceType") == Some("Webhook"))
    );
    assert!(fixture.page("listWebhooks", &[("org", "Acme")]).items.is_empty());
    let id = id(&fixture.done("createWebhook", &[("org", "Acme"), ("url", URL)]));
    let of = [("org", "Acme"), ("webhook", id.as_str())];
    let before = fixture.done("showWebhook", &of);
    let events = fixture.page("listEvents", &[("org", "Acme"), ("limit", "200")]);
    for name in [
        "pauseWebhook",
        "resumeWebhook",
        "testWebhook",
        "redeliver",
        "rotateWebhookSecret",
        "deleteWebhook",
    ] {
        let call = Fixture::call(name, &of).dry();
        assert!(
            matches!(fixture.perform(&owner(), &call), Ok(Answer::DryRun(_))),
            "{name}"
        );
    }
    assert_eq!(fixture.done("showWebhook", &of), before);
    assert_eq!(
        fixture.page("listEvents", &[("org", "Acme"), ("limit", "200")]),
        events
    );
}

#[test]
fn an_application_manages_webhooks_and_whoever_reads_sees_no_secret_of_an_address() {
    let fixture = Fixture::new();
    let acme = Scope::Organization(fixture.tenant("Acme"));
    let application = with(Role::Application, acme.clone());
    let create = Fixture::call("createWebhook", &[("org", "Acme"), ("url", URL)]);
    let Ok(Answer::One(made)) = fixture.perform(&application, &create) else {
        panic!("an application has webhooks")
    };
    let of = [("org", "Acme"), ("webhook", made.get_str("id").unwrap())];
    for role in [Role::Auditor, Role::DirectoryAdministrator] {
        let by = with(role, acme.clone());
        let Ok(Answer::One(seen)) = fixture.perform(&by, &Fixture::call("showWebhook", &of)) else {
            panic!("{role:?} reads")
        };
        assert_eq!(seen.get_str("url"), Some("https://hooks.example.com"), "{role:?}");
        // Nor is an address confirmed by asking for it.
        let by_address = Fixture::call("showWebhook", &[("org", "Acme"), ("webhook", URL)]);
        assert_eq!(fixture.perform(&by, &by_address).unwrap_err().status, 404);
        let refused = fixture.confirmed(&by, "deleteWebhook", &of).unwrap_err();
        assert_eq!(refused.status, 403, "{role:?}");
    }
    let foreign = with(Role::Application, Scope::Organization(fixture.tenant("Umbrella")));
    for name in ["showWebhook", "testWebhook", "deleteWebhook"] {
        let there = Fixture::call(name, &of);
        assert_eq!(fixture.perform(&foreign, &there).unwrap_err().status, 404);
        let here = [("org", "Umbrella"), of[1]];
        let here = Fixture::call(name, &here);
        assert_eq!(
            fixture.perform(&foreign, &here).unwrap_err().status,
            404,
            "{name}"
        );
    }
}
