//! Cutting the link to a provider, and linking again.

use keyfob_engine::{Actor, AuthenticationError, EngineError};
use keyfob_provisioning::{AdminError, Confirmed, Profile, Refusal};
use pollster::block_on;

use crate::fixture::{Fixture, group, patch, refused_by, set_active, user_at};

#[test]
fn l_1_to_l_5_an_unlinked_organization_is_its_own_again() {
    let fixture = Fixture::unlinked(Profile::verkada());
    let admin = fixture.administrator();
    let token = block_on(fixture.admin().add_domain(&admin, "example.com"))
        .unwrap()
        .unwrap();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let guides = fixture.create("Group", &group("Guides", &[])).unwrap();
    let phone = patch(r#"{"op":"add","path":"phoneNumbers","value":[{"value":"1","type":"work"}]}"#);
    fixture.patch("User", &ann, &phone).unwrap();
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    let unlink = |cx, confirmation| block_on(fixture.admin().unlink(cx, confirmation));
    assert!(matches!(
        unlink(fixture.cx(), Some(Confirmed)),
        Err(AdminError::Forbidden)
    ));
    assert!(matches!(
        unlink(&admin, None),
        Err(AdminError::ConfirmationRequired)
    ));
    let before = fixture.stored("User", &ann);
    unlink(&admin, Some(Confirmed)).unwrap();
    let events = fixture.event_names();
    unlink(&admin, Some(Confirmed)).unwrap();
    assert_eq!(fixture.event_names(), events, "L-5: twice is once");
    assert!(matches!(
        block_on(fixture.engine().authenticate(token.expose())),
        Err(AuthenticationError::Rejected)
    ));
    assert_eq!(fixture.stored("User", &ann), before, "L-4: the user is as it was");
    let view = block_on(fixture.admin().user(&admin, "ann@example.com")).unwrap();
    assert!(!view.is_managed);
    // L-4, P-5: administrators may do now what only the provider could.
    let own = fixture.acting_as(Actor::Administrator);
    block_on(fixture.admin().activate_user(&admin, &ann.id)).unwrap();
    let removal = patch(r#"{"op":"remove","path":"phoneNumbers"}"#);
    own.patch("User", &ann, &removal).unwrap();
    let join = patch(&format!(
        r#"{{"op":"add","path":"members","value":[{{"value":"{}"}}]}}"#,
        ann.id
    ));
    own.patch("Group", &guides, &join).unwrap();
}

#[test]
fn l_6_after_linking_again_the_provider_finds_its_users_and_takes_them_over() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    block_on(fixture.admin().unlink(&admin, Some(Confirmed))).unwrap();
    let token = block_on(fixture.admin().add_domain(&admin, "example.com")).unwrap();
    assert!(token.is_some(), "a new link has a new token");
    let again = fixture.create("User", &user_at("ann@example.com"));
    assert!(
        matches!(again, Err(EngineError::Uniqueness { .. })),
        "O-5: a conflict by default"
    );
    assert!(
        !block_on(fixture.admin().user(&admin, "ann@example.com"))
            .unwrap()
            .is_managed
    );
    let title = patch(r#"{"op":"replace","path":"title","value":"Guide"}"#);
    fixture.patch("User", &ann, &title).unwrap();
    assert!(
        block_on(fixture.admin().user(&admin, "ann@example.com"))
            .unwrap()
            .is_managed
    );
}

#[test]
fn u_2_g_5_after_linking_again_a_group_is_the_providers_from_its_first_change_on_its_members_included() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let guides = fixture.create("Group", &group("Guides", &[])).unwrap();
    block_on(fixture.admin().unlink(&admin, Some(Confirmed))).unwrap();
    block_on(fixture.admin().add_domain(&admin, "example.com")).unwrap();
    let member = |op: &str| {
        patch(&format!(
            r#"{{"op":"{op}","path":"members","value":[{{"value":"{}"}}]}}"#,
            ann.id
        ))
    };
    let own = fixture.acting_as(Actor::Administrator);
    own.patch("Group", &guides, &member("add")).unwrap();
    own.patch("Group", &guides, &member("remove")).unwrap();
    fixture.patch("Group", &guides, &member("add")).unwrap();
    let refused = own.patch("Group", &guides, &member("remove"));
    assert!(matches!(
        refused_by(&refused),
        Some(Refusal::ManagedByProvider { .. })
    ));
    let version = fixture.stored("Group", &guides).version;
    fixture.patch("Group", &guides, &member("add")).unwrap();
    assert_eq!(
        fixture.stored("Group", &guides).version,
        version,
        "who is in already changes nothing"
    );
}
