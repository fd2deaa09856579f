//! A table of API keys.

use own_authentication::{ApiKeys, api_keys};

use crate::support::{Server, engine};

#[tokio::test]
async fn a_key_opens_its_company_until_it_is_revoked() {
    let folder = std::env::temp_dir().join(format!("keyfob-api-keys-{}", std::process::id()));
    let keys = ApiKeys::open(&folder).unwrap();
    let acme = keys.create("acme", "Entra ID", true).unwrap();
    let other = keys.create("globex", "Okta", true).unwrap();
    let reader = keys.create("acme", "audit", false).unwrap();
    let stored = std::fs::read(&folder).unwrap();
    for key in [&acme, &other, &reader] {
        let is_there = stored.windows(key.len()).any(|window| window == key.as_bytes());
        assert!(!is_there, "the table holds digests alone");
    }
    let server = Server::new(engine(), keys, api_keys::scheme());
    assert_eq!(server.create(&acme, "bjensen").await.status, 201);
    assert_eq!(server.total(&acme).await, 1);
    assert_eq!(server.total(&reader).await, 1);
    assert_eq!(server.total(&other).await, 0, "one company doesn't see another");
    let refused = server.create(&reader, "jsmith").await;
    assert_eq!(refused.status, 403);
    assert!(
        refused.challenge.contains("insufficient_scope"),
        "{}",
        refused.challenge
    );

    // Another connection of the application revokes the key.
    ApiKeys::open(&folder)
        .unwrap()
        .revoke("acme", "Entra ID")
        .unwrap();
    for wrong in ["", "x", &acme, &acme.to_uppercase(), &format!("{other}0")] {
        let refused = server.create(wrong, "jsmith").await;
        assert_eq!(
            (refused.status, refused.challenge.as_str()),
            (401, "Bearer realm=\"SCIM\"")
        );
    }
    assert_eq!(server.total(&reader).await, 1);
    let config = server
        .send("GET", "/ServiceProviderConfig", &other, None)
        .await
        .body;
    assert_eq!(config["authenticationSchemes"][0]["name"], "API key");
    std::fs::remove_file(&folder).unwrap();
}
