//! Organizations and the tokens that open them.

use crate::fixture::Fixture;
use keyfob_core::ToErrorBody;
use keyfob_engine::{AuthenticationError, Selection, StoreExt, TenantId};
use keyfob_provisioning::{AdminError, Token};
use pollster::block_on;

const CHOSEN: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn t_1_a_token_opens_its_organization_and_no_other() {
    let fixture = Fixture::new();
    let engine = fixture.engine();
    let (first, second) = (Token::generate().unwrap(), Token::chosen(CHOSEN).unwrap());
    let acme = block_on(engine.admin().create_organization("Acme", &first)).unwrap();
    let umbrella = block_on(engine.admin().create_organization("Umbrella", &second)).unwrap();
    assert_ne!(acme.tenant, umbrella.tenant);
    assert_eq!(
        block_on(engine.authenticate(first.expose()))
            .unwrap()
            .tenant()
            .clone(),
        acme.tenant
    );
    assert_eq!(
        block_on(engine.authenticate(CHOSEN)).unwrap().tenant().clone(),
        umbrella.tenant
    );
    assert_eq!(
        block_on(engine.admin().organizations()).unwrap(),
        [acme, umbrella]
    );
}

#[test]
fn t_13_every_bad_token_is_refused_in_the_same_words() {
    let fixture = Fixture::new();
    let token = Token::chosen(CHOSEN).unwrap();
    block_on(fixture.engine().admin().create_organization("Acme", &token)).unwrap();
    for secret in [
        "",
        " ",
        "kf_unknown",
        &CHOSEN.to_uppercase(),
        CHOSEN.trim_start_matches('0'),
        &format!("{CHOSEN} "),
    ] {
        let error = block_on(fixture.engine().authenticate(secret)).unwrap_err();
        assert!(matches!(error, AuthenticationError::Rejected));
        let body = error.to_error_body();
        assert_eq!(
            (body.status, body.detail.as_str()),
            (401, "the credentials are missing or not valid")
        );
    }
}

#[test]
fn names_and_tokens_of_organizations_are_taken_once_and_a_refusal_leaves_nothing() {
    let fixture = Fixture::new();
    let engine = fixture.engine();
    let token = Token::chosen(CHOSEN).unwrap();
    block_on(engine.admin().create_organization("Acme", &token)).unwrap();
    let other = Token::generate().unwrap();
    let error = block_on(engine.admin().create_organization("ACME", &other)).unwrap_err();
    assert!(matches!(error, AdminError::NameTaken(_)));
    assert!(block_on(engine.authenticate(other.expose())).is_err());
    let error = block_on(engine.admin().create_organization("Umbrella", &token)).unwrap_err();
    assert!(matches!(error, AdminError::TokenTaken));
    let error = block_on(engine.admin().create_organization(" ", &other)).unwrap_err();
    assert!(matches!(error, AdminError::NameMissing));
    assert_eq!(block_on(engine.admin().organizations()).unwrap().len(), 1);
}

#[test]
fn the_services_own_resources_are_in_no_tenant() {
    let fixture = Fixture::new();
    let token = Token::chosen(CHOSEN).unwrap();
    let acme = block_on(fixture.engine().admin().create_organization("Acme", &token)).unwrap();
    assert_ne!(acme.tenant, TenantId::SYSTEM);
    let user = fixture.engine().registry().resource_type("User").unwrap();
    let id = keyfob_core::ResourceId::new(acme.tenant.as_str());
    let found = block_on(fixture.engine().store().get_one(
        &fixture.cx().reading(),
        user,
        &id,
        &Selection::document(),
    ))
    .unwrap();
    assert_eq!(found, None);
}
