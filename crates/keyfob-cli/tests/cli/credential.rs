//! Card credentials, from what a provider sends to what an administrator sees.

use serde_json::{Value, json};

use crate::{
    admin::Site,
    client::{Answer, patch},
    process::{Server, run},
};

const URN: &str = "urn:ietf:params:scim:schemas:extension:verkada:access:2.0:User";

/// The five operations of Verkada's documentation, or some of them with other values.
fn operations(attributes: &[(&str, &str)]) -> Value {
    let operation =
        |(name, value): &(&str, &str)| json!({"op": "Add", "path": format!("{URN}:{name}"), "value": value});
    patch(&attributes.iter().map(operation).collect())
}

const EXAMPLE: [(&str, &str); 5] = [
    ("cardFormat", "Standard 26-bit Wiegand"),
    ("cardNumber", "7777"),
    ("cardNumberHex", "7"),
    ("credentialStatus", "active"),
    ("facilityCode", "111"),
];

fn send(site: &Site, id: &str, attributes: &[(&str, &str)]) -> Answer {
    site.client
        .send("PATCH", &format!("/Users/{id}"), Some(&operations(attributes)))
}

fn credential(site: &Site, name: &str) -> Value {
    let shown = &site.ask(&["user", "show", name])[0]["credential"];
    match shown {
        Value::Null => Value::Null,
        shown => json!({"state": shown["state"], "format": shown["format"], "word": shown["word"]}),
    }
}

#[test]
fn c_13_the_example_of_the_documentation_comes_back_as_sent_and_is_a_card_to_administrators() {
    let site = Site::start("verkada");
    let ann = site.client.create_user("ann@example.com");
    assert_eq!(credential(&site, "ann@example.com"), Value::Null);

    let answer = send(&site, &ann, &EXAMPLE);
    assert_eq!(answer.status, 200, "{answer}");
    let sent: Value = EXAMPLE
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(site.client.get(&format!("/Users/{ann}")).json()[URN], sent);
    let active = json!({"state": "active", "format": "Standard 26-bit Wiegand", "word": "2DE3CC3"});
    assert_eq!(credential(&site, "ann@example.com"), active);

    // C-11: nobody else gets the card.
    let bob = site.client.create_user("bob@example.com");
    let answer = send(&site, &bob, &EXAMPLE);
    assert_eq!(answer.status, 409, "{answer}");
    assert_eq!(answer.json()["scimType"], "uniqueness");
    assert!(
        answer.json()["detail"].as_str().unwrap().contains("cardNumber"),
        "{answer}"
    );
    assert_eq!(site.client.get(&format!("/Users/{bob}")).json()[URN], Value::Null);
    assert_eq!(credential(&site, "bob@example.com"), Value::Null);

    // C-9: what is out of range changes nothing.
    let before = site.client.get(&format!("/Users/{ann}")).body;
    let answer = send(&site, &ann, &[("facilityCode", "256"), ("cardNumber", "1")]);
    assert_eq!(answer.status, 400, "{answer}");
    assert_eq!(answer.json()["scimType"], "invalidValue");
    assert_eq!(site.client.get(&format!("/Users/{ann}")).body, before);
    assert_eq!(credential(&site, "ann@example.com"), active);

    // C-1: a number is taken, and is a text from then on.
    let number = patch(&json!([{"op": "replace", "path": format!("{URN}:cardNumber"), "value": 7778}]));
    let answer = site.client.send("PATCH", &format!("/Users/{ann}"), Some(&number));
    assert_eq!(answer.json()[URN]["cardNumber"], "7778");

    // C-3, C-6: each state has its name.
    for (status, state, word) in [
        ("Deactivated", "deactivated", json!("2DE3CC5")),
        ("deleted", "deleted", Value::Null),
        ("deactivated", "staged", Value::Null),
    ] {
        send(&site, &ann, &[("credentialStatus", status)]);
        let shown = credential(&site, "ann@example.com");
        assert_eq!((&shown["state"], &shown["word"]), (&json!(state), &word));
    }
    let names = site.ask(&["events"]);
    let names = names.iter().filter_map(|event| event["name"].as_str());
    let names: Vec<_> = names.filter(|name| name.starts_with("credential")).collect();
    let expected = ["Created", "Deleted", "Created", "Deactivated", "Deleted"];
    assert_eq!(names, expected.map(|what| format!("credential{what}")));
}

#[test]
fn o_7_a_table_of_the_owner_adds_formats_and_is_for_the_profile_that_reads_cards() {
    let folder = tempfile::TempDir::new().unwrap();
    let (store, table) = (folder.path().join("scim.db"), folder.path().join("formats.json"));
    let (store, table) = (format!("sqlite:{}", store.display()), table.display().to_string());
    std::fs::write(&table, r#"[{"name": "Acme 8-bit", "bits": 8, "number": "0-7"}]"#).unwrap();
    let arguments = [
        "--profile",
        "verkada",
        "--store",
        &store,
        "--card-formats",
        &table,
    ];
    let (server, client) = Server::start_fresh(&arguments);
    let ann = client.create_user("ann@example.com");
    let card = operations(&[
        ("cardFormat", "acme8bit"),
        ("cardNumber", "255"),
        ("credentialStatus", "active"),
    ]);
    let answer = client.send("PATCH", &format!("/Users/{ann}"), Some(&card));
    assert_eq!(answer.status, 200, "{answer}");
    let shown = run(
        &[
            "admin",
            "user",
            "show",
            "ann@example.com",
            "--json",
            "--store",
            &store,
            "--card-formats",
            &table,
        ],
        "",
    );
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!(shown["credential"]["word"], "FF");
    drop(server);

    let elsewhere = [
        "serve",
        "--profile",
        "interop",
        "--store",
        "memory:",
        "--card-formats",
        &table,
    ];
    run(&elsewhere, "").assert_unusable("`--card-formats` is for the profile `verkada`");
    let missing = [
        "serve",
        "--profile",
        "verkada",
        "--store",
        "memory:",
        "--card-formats",
        "nowhere.json",
    ];
    run(&missing, "").assert_unusable("cannot read `nowhere.json`");
    std::fs::write(&table, r#"[{"name": "Acme 8-bit", "bits": 8, "number": "0-6"}]"#).unwrap();
    let wrong = [
        "serve",
        "--profile",
        "verkada",
        "--store",
        "memory:",
        "--card-formats",
        &table,
    ];
    run(&wrong, "").assert_unusable("bit 7 belongs to no field");
}
