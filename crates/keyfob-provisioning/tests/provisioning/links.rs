//! E-mail domains, tokens, invitations and what is synchronized.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use keyfob_core::{AttrPath, DateTime, ScimType, Value};
use keyfob_engine::{Actor, AuthenticationError, Context, Position, TenantId};
use keyfob_provisioning::{AdminError, Confirmed, Profile, Refusal, Synchronization, Token, event};
use pollster::block_on;

use crate::fixture::{Fixture, group, patch, refusal, set_active, user, user_at};

#[test]
fn t_2_the_first_domain_links_the_organization_and_shows_its_token() {
    let fixture = Fixture::unlinked(Profile::verkada());
    let admin = fixture.administrator();
    let token = block_on(fixture.admin().add_domain(&admin, "Example.com"))
        .unwrap()
        .unwrap();
    assert_eq!(
        block_on(fixture.engine().authenticate(token.expose()))
            .unwrap()
            .tenant()
            .clone(),
        *fixture.cx().tenant()
    );
    let again = block_on(fixture.admin().add_domain(&admin, "example.org")).unwrap();
    assert!(again.is_none(), "O-15: only the first domain makes a token");
    let provisioning = block_on(fixture.engine().provisioning(fixture.cx())).unwrap();
    assert!(provisioning.is_linked());
    let domains: Vec<_> = provisioning.domains.iter().map(ToString::to_string).collect();
    assert_eq!(domains, ["example.com", "example.org"]);
}

#[test]
fn t_3_a_token_is_seen_once_and_then_by_its_last_characters_alone() {
    let fixture = Fixture::unlinked(Profile::verkada());
    let token = block_on(
        fixture
            .admin()
            .add_domain(&fixture.administrator(), "example.com"),
    );
    let token = token.unwrap().unwrap();
    let provisioning = block_on(fixture.engine().provisioning(fixture.cx())).unwrap();
    let shown = format!("{provisioning:?}{token:?}");
    assert!(!shown.contains(token.expose()));
    assert!(token.expose().ends_with(provisioning.tokens[0].hint.as_str()));
    assert_eq!(provisioning.tokens[0].hint.len(), 4);
}

#[test]
fn t_4_a_refresh_shuts_the_old_token_out_at_once() {
    let fixture = Fixture::unlinked(Profile::verkada());
    let admin = fixture.administrator();
    let first = block_on(fixture.admin().add_domain(&admin, "example.com"))
        .unwrap()
        .unwrap();
    let second = block_on(fixture.admin().refresh_token(&admin, None, Some(Confirmed))).unwrap();
    assert!(matches!(
        block_on(fixture.engine().authenticate(first.expose())),
        Err(AuthenticationError::Rejected)
    ));
    assert!(block_on(fixture.engine().authenticate(second.expose())).is_ok());
    let provisioning = block_on(fixture.engine().provisioning(fixture.cx())).unwrap();
    assert_eq!(provisioning.tokens.len(), 1, "T-14: one token is valid at a time");
}

#[test]
fn t_4_no_request_that_starts_after_a_refresh_has_returned_gets_in_with_the_old_token() {
    let fixture = Fixture::unlinked(Profile::verkada());
    let admin = fixture.administrator();
    let mut token = block_on(fixture.admin().add_domain(&admin, "example.com"))
        .unwrap()
        .unwrap();
    for _ in 0..20 {
        let (refreshed, started) = (AtomicBool::new(false), AtomicUsize::new(0));
        let (fixture, old) = (&fixture, &token);
        let new = thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut tries_after = 0;
                    while tries_after < 50 {
                        let after = refreshed.load(Ordering::SeqCst);
                        let opens = block_on(fixture.engine().authenticate(old.expose())).is_ok();
                        started.fetch_add(1, Ordering::SeqCst);
                        assert!(!(after && opens), "the old token opened after the refresh");
                        tries_after += usize::from(after);
                    }
                });
            }
            while started.load(Ordering::SeqCst) < 4 {
                thread::yield_now();
            }
            let new = block_on(fixture.admin().refresh_token(&admin, None, Some(Confirmed))).unwrap();
            refreshed.store(true, Ordering::SeqCst);
            new
        });
        assert!(block_on(fixture.engine().authenticate(new.expose())).is_ok());
        token = new;
    }
}

#[test]
fn t_5_t_6_t_7_a_refresh_takes_a_link_an_administrator_and_a_confirmation() {
    let fixture = Fixture::unlinked(Profile::verkada());
    let admin = fixture.administrator();
    let refresh =
        |cx: &Context, confirmation| block_on(fixture.admin().refresh_token(cx, None, confirmation));
    assert!(matches!(
        refresh(&admin, Some(Confirmed)),
        Err(AdminError::NotEnabled)
    ));
    let token = block_on(fixture.admin().add_domain(&admin, "example.com"))
        .unwrap()
        .unwrap();
    for actor in [Actor::Provider, Actor::DirectoryAdministrator, Actor::User] {
        let cx = fixture.cx().clone().acting_as(actor);
        assert!(matches!(
            refresh(&cx, Some(Confirmed)),
            Err(AdminError::Forbidden)
        ));
    }
    assert!(matches!(
        refresh(&admin, None),
        Err(AdminError::ConfirmationRequired)
    ));
    assert!(block_on(fixture.engine().authenticate(token.expose())).is_ok());
}

#[test]
fn t_8_t_9_addresses_are_in_the_organizations_domains() {
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    fixture.create("User", &user_at("bob@EXAMPLE.org")).unwrap();
    let error = fixture.create("User", &user_at("eve@evil.com")).unwrap_err();
    assert!(matches!(
        Refusal::of(&error),
        Some(Refusal::DomainNotAllowed { domain, .. }) if domain.as_str() == "evil.com"
    ));
    let (status, scim_type, detail) = refusal::<()>(Err(error));
    assert_eq!((status, scim_type), (400, Some(ScimType::InvalidValue)));
    assert!(detail.contains("evil.com"), "{detail}");
    assert_eq!(
        fixture.list("User", "userName eq \"eve@evil.com\"").total_results,
        0
    );
    let before = fixture.stored("User", &ann);
    for operation in [
        r#"{"op":"replace","path":"emails[type eq \"work\"].value","value":"ann@evil.com"}"#,
        r#"{"op":"replace","path":"userName","value":"ann@sub.example.com"}"#,
        r#"{"op":"add","path":"emails","value":[{"value":"no address"}]}"#,
    ] {
        let (status, ..) = refusal(fixture.patch("User", &ann, &patch(operation)));
        assert_eq!(status, 400, "{operation}");
    }
    assert_eq!(fixture.stored("User", &ann), before);
}

#[test]
fn o_14_a_domain_with_users_is_given_up_by_force_and_who_is_in_it_can_still_be_shut_out() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let remove = |force| block_on(fixture.admin().remove_domain(&admin, "example.com", force));
    assert!(matches!(
        remove(false),
        Err(AdminError::DomainInUse { users: 1, .. })
    ));
    remove(true).unwrap();
    assert!(matches!(remove(true), Err(AdminError::NoSuchDomain(_))));
    let title = patch(r#"{"op":"replace","path":"title","value":"Guide"}"#);
    assert_eq!(refusal(fixture.patch("User", &ann, &title)).0, 400);
    fixture.patch("User", &ann, &set_active(false)).unwrap();
}

#[test]
fn o_14_whoever_gives_up_the_last_domain_opens_the_organization_to_nobody() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    for domain in ["example.com", "example.org"] {
        block_on(fixture.admin().remove_domain(&admin, domain, true)).unwrap();
    }
    let title = patch(r#"{"op":"replace","path":"title","value":"Guide"}"#);
    assert_eq!(refusal(fixture.patch("User", &ann, &title)).0, 400);
    assert_eq!(refusal(fixture.create("User", &user_at("eve@evil.com"))).0, 400);
    block_on(fixture.admin().add_domain(&admin, "example.com")).unwrap();
    fixture.patch("User", &ann, &title).unwrap();
}

#[test]
fn t_10_a_created_user_is_invited_once_unless_invitations_are_off() {
    let fixture = Fixture::verkada();
    let count = || {
        fixture
            .event_names()
            .iter()
            .filter(|name| *name == "inviteRequested")
            .count()
    };
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    assert_eq!(count(), 1);
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    fixture.patch("User", &ann, &set_active(true)).unwrap();
    fixture
        .replace("User", &ann, &user_at("ann@example.com"))
        .unwrap();
    fixture.create("User", &user_at("ann@example.com")).unwrap_err();
    assert_eq!(count(), 1, "O-21: nobody is invited twice");
    block_on(fixture.admin().set_invites(&fixture.administrator(), false)).unwrap();
    fixture.create("User", &user_at("bob@example.com")).unwrap();
    assert_eq!(count(), 1);
}

#[test]
fn t_12_several_tokens_with_names_expire_where_the_profile_allows_them() {
    let fixture = Fixture::unlinked(Profile::accessiq());
    let admin = fixture.administrator();
    let first = block_on(fixture.admin().add_domain(&admin, "example.com"))
        .unwrap()
        .unwrap();
    let soon = DateTime::from_unix_millis(1_700_000_000_500);
    let second = block_on(fixture.admin().issue_token(&admin, "second", Some(soon))).unwrap();
    let opens = |token: &Token| block_on(fixture.engine().authenticate(token.expose())).is_ok();
    assert!(opens(&first) && opens(&second));
    fixture.clock.advance();
    assert!(opens(&first) && !opens(&second), "the second has expired");
    let taken = block_on(fixture.admin().issue_token(&admin, "second", None));
    assert!(matches!(taken, Err(AdminError::TokenNameTaken(_))));
    let ambiguous = block_on(fixture.admin().refresh_token(&admin, None, Some(Confirmed)));
    assert!(matches!(ambiguous, Err(AdminError::AmbiguousToken)));
    let renewed = block_on(
        fixture
            .admin()
            .refresh_token(&admin, Some("second"), Some(Confirmed)),
    )
    .unwrap();
    assert!(opens(&renewed) && opens(&first));
    block_on(fixture.admin().revoke_token(&admin, "default", Some(Confirmed))).unwrap();
    assert!(opens(&renewed) && !opens(&first));
    let one = Fixture::verkada();
    let refused = block_on(one.admin().issue_token(&one.administrator(), "second", None));
    assert!(matches!(refused, Err(AdminError::OneToken)));
}

#[test]
fn administrators_are_told_30_7_and_1_days_before_a_token_ends_and_each_time_once() {
    let fixture = Fixture::unlinked(Profile::accessiq());
    let organization = block_on(
        fixture
            .admin()
            .create_organization("Acme", &Token::generate().unwrap()),
    )
    .unwrap();
    let cx = Context::new(organization.tenant.clone()).acting_as(Actor::Administrator);
    let in_days = |days: i64| {
        let now = fixture.engine().now().unix_millis();
        DateTime::from_unix_millis(now + days * 24 * 60 * 60 * 1_000)
    };
    for (name, days) in [("long", 40), ("short", 5)] {
        block_on(fixture.admin().issue_token(&cx, name, Some(in_days(days)))).unwrap();
    }
    let told = || -> Vec<String> {
        let told = block_on(fixture.admin().warn_of_expiry()).unwrap();
        assert_eq!(
            block_on(fixture.admin().warn_of_expiry()).unwrap(),
            [],
            "told twice"
        );
        assert!(told.iter().all(|token| token.tenant == organization.tenant));
        told.iter().map(|token| token.name.to_string()).collect()
    };
    let events = || {
        let events = block_on(fixture.admin().events(&cx, Position::START, usize::MAX)).unwrap();
        events
            .iter()
            .filter(|event| event.event.name == event::TOKEN_EXPIRING)
            .count()
    };
    // The token of the link ends after 365 days. What has ended already is not told of.
    for (day, expected, number) in [
        (0, &["short"][..], 1),
        (3, &[], 1),
        (4, &["short"], 2),
        (9, &[], 2),
        (10, &["long"], 3),
        (20, &[], 3),
        // Nobody looked when it was 7 days.
        (39, &["long"], 4),
        (40, &[], 4),
        (334, &[], 4),
        (335, &["default"], 5),
    ] {
        let passed = (fixture.engine().now().unix_millis() - 1_700_000_000_000) / (24 * 60 * 60 * 1_000);
        fixture.clock.advance_days(day - passed);
        assert_eq!(
            (told(), events()),
            (expected.iter().map(|name| (*name).to_owned()).collect(), number),
            "day {day}"
        );
    }
    // What comes in its place is told of in its own time.
    block_on(
        fixture
            .admin()
            .refresh_token(&cx, Some("default"), Some(Confirmed)),
    )
    .unwrap();
    assert_eq!(told(), Vec::<String>::new());
}

#[test]
fn s_1_to_s_3_accessiq_demands_an_address_and_a_name() {
    let fixture = Fixture::unlinked(Profile::accessiq());
    let admin = fixture.administrator();
    block_on(fixture.admin().add_domain(&admin, "example.com")).unwrap();
    block_on(fixture.admin().set_default_unit(&admin, Some("unit"))).unwrap();
    let whole = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann@example.com",
        "emails":[{"value":"ann@example.com"}],"name":{"givenName":"Ann","familyName":"Lee"}}"#;
    for (left_out, path) in [
        (r#""emails":[{"value":"ann@example.com"}],"#, "emails"),
        (r#""givenName":"Ann","#, "name.givenName"),
        (r#","familyName":"Lee""#, "name.familyName"),
        (r#""userName":"ann@example.com","#, "userName"),
    ] {
        let (status, scim_type, detail) = refusal(fixture.create("User", &whole.replace(left_out, "")));
        assert_eq!((status, scim_type), (400, Some(ScimType::InvalidValue)), "{path}");
        assert!(detail.contains(path), "{detail}");
    }
    let ann = fixture.create("User", whole).unwrap();
    let before = fixture.stored("User", &ann);
    let removal = patch(r#"{"op":"remove","path":"name.givenName"}"#);
    assert_eq!(refusal(fixture.patch("User", &ann, &removal)).0, 400);
    assert_eq!(fixture.stored("User", &ann), before);
}

#[test]
fn u_6_s_3_who_lacks_what_is_required_can_be_deactivated_all_the_same() {
    let fixture = Fixture::unlinked(Profile::accessiq());
    let admin = fixture.administrator();
    block_on(fixture.admin().add_domain(&admin, "example.com")).unwrap();
    let own = fixture.acting_as(Actor::Administrator);
    let ann = own.create("User", &user("ann@example.com")).unwrap();
    // Active users are completed.
    let title = patch(r#"{"op":"add","path":"title","value":"Guide"}"#);
    assert_eq!(refusal(fixture.patch("User", &ann, &title)).0, 400);
    fixture.patch("User", &ann, &set_active(false)).unwrap();
    let shown = fixture.get("User", &ann);
    assert_eq!(shown.core().get("active"), Some(&Value::Bool(false)));
    assert_eq!(refusal(fixture.patch("User", &ann, &set_active(true))).0, 400);
    // What is there is not taken away again.
    let emails = r#"{"op":"add","path":"emails","value":[{"value":"ann@example.com"}]}"#;
    fixture.patch("User", &ann, &patch(emails)).unwrap();
    let removal = patch(r#"{"op":"remove","path":"emails"}"#);
    assert_eq!(refusal(fixture.patch("User", &ann, &removal)).0, 400);
}

#[test]
fn s_5_an_organization_may_take_no_groups_from_its_provider() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let guides = fixture.create("Group", &group("Guides", &[])).unwrap();
    block_on(
        fixture
            .admin()
            .set_synchronization(&admin, &Synchronization::new(false, Vec::new())),
    )
    .unwrap();
    let (status, _, detail) = refusal(fixture.create("Group", &group("Drivers", &[])));
    assert_eq!(status, 403);
    assert!(detail.contains("group sync disabled"), "{detail}");
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let join = patch(&format!(
        r#"{{"op":"add","path":"members","value":[{{"value":"{}"}}]}}"#,
        ann.id
    ));
    assert_eq!(refusal(fixture.patch("Group", &guides, &join)).0, 403);
}

#[test]
fn s_6_s_7_an_attribute_that_is_not_synchronized_keeps_its_value_and_comes_with_the_next_write() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let ann = fixture.create("User", &user_at("ann@example.com")).unwrap();
    let name = |text: &str| {
        patch(&format!(
            r#"{{"op":"replace","path":"displayName","value":"{text}"}}"#
        ))
    };
    fixture.patch("User", &ann, &name("Ann")).unwrap();
    let ignore = |path: &str| {
        let ignored = Synchronization::new(true, vec![AttrPath::parse(path).unwrap()]);
        block_on(fixture.admin().set_synchronization(&admin, &ignored))
    };
    ignore("displayName").unwrap();
    fixture.patch("User", &ann, &name("Annie")).unwrap();
    let shown = |fixture: &Fixture| {
        let user = fixture.get("User", &ann);
        user.core().get_str("displayName").map(ToString::to_string)
    };
    assert_eq!(shown(&fixture).as_deref(), Some("Ann"));
    assert!(matches!(
        ignore("userName"),
        Err(AdminError::RequiredAttribute(_))
    ));
    assert!(matches!(ignore("nonsense"), Err(AdminError::UnknownAttribute(_))));
    let everything = Synchronization::default();
    block_on(fixture.admin().set_synchronization(&admin, &everything)).unwrap();
    assert_eq!(
        shown(&fixture).as_deref(),
        Some("Ann"),
        "S-7: nothing is changed in retrospect"
    );
    fixture.patch("User", &ann, &name("Annie")).unwrap();
    assert_eq!(shown(&fixture).as_deref(), Some("Annie"));
}

#[test]
fn s_6_attributes_are_told_of_as_changed_where_others_are_named_and_not_for_their_order() {
    let fixture = Fixture::verkada();
    let admin = fixture.administrator();
    let told = |paths: &[&str]| {
        let paths = paths.iter().map(|path| AttrPath::parse(path).unwrap());
        let ignored = Synchronization::new(true, paths.collect());
        let before = fixture.event_names().len();
        block_on(fixture.admin().set_synchronization(&admin, &ignored)).unwrap();
        fixture.event_names().len() - before
    };
    assert_eq!(told(&["title", "displayName"]), 1);
    assert_eq!(told(&["displayName", "title"]), 0);
    assert_eq!(told(&["title", "displayName", "Title"]), 0);
    assert_eq!(told(&["title"]), 1);
}

#[test]
fn u_4_without_a_default_unit_no_user_is_created() {
    let fixture = Fixture::unlinked(Profile::accessiq());
    block_on(
        fixture
            .admin()
            .add_domain(&fixture.administrator(), "example.com"),
    )
    .unwrap();
    let body = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann@example.com",
        "emails":[{"value":"ann@example.com"}],"name":{"givenName":"Ann","familyName":"Lee"}}"#;
    let error = fixture.create("User", body).unwrap_err();
    assert!(matches!(Refusal::of(&error), Some(Refusal::NoDefaultUnit)));
    assert_eq!(fixture.list("User", "userName pr").total_results, 0);
}

#[test]
fn an_organization_is_told_once_of_the_tokens_that_were_refused_since() {
    let fixture = Fixture::with(|engine| engine.with_profile(Profile::accessiq()));
    let create = |name| {
        block_on(
            fixture
                .admin()
                .create_organization(name, &Token::generate().unwrap()),
        )
        .unwrap()
    };
    let [acme, other] = ["Acme", "Other"].map(create);
    let cx = Context::new(acme.tenant.clone()).acting_as(Actor::Administrator);
    let refused = |token: &str| block_on(fixture.engine().authenticate(token)).is_err();
    let tell = || block_on(fixture.admin().tell_of_refused_tokens()).unwrap();
    let told = |cx: &Context| -> Vec<(Option<Value>, Option<String>)> {
        let events = block_on(fixture.admin().events(cx, Position::START, usize::MAX)).unwrap();
        let of_refusals = events
            .into_iter()
            .filter(|event| event.event.name == event::TOKEN_REFUSED);
        of_refusals
            .map(|event| {
                let data = event.event.data;
                let ended = data.get_str("ended").map(str::to_owned);
                (data.get("requests").cloned(), ended)
            })
            .collect()
    };
    let day = 24 * 60 * 60 * 1_000;
    let tomorrow = DateTime::from_unix_millis(fixture.engine().now().unix_millis() + day);
    let token = block_on(fixture.admin().issue_token(&cx, "ci", Some(tomorrow))).unwrap();

    assert!(!refused(token.expose()));
    assert_eq!(tell(), 0);
    fixture.clock.advance_days(1);
    // One that has ended, one that is none, and those that name no organization, or one that isn't there.
    let wrong = Token::generate_for(&acme.tenant).unwrap();
    let stranger = Token::generate_for(&TenantId::new("00000000-0000-4000-8000-000000000000")).unwrap();
    for (token, times) in [
        (token.expose(), 2),
        (wrong.expose(), 1),
        (stranger.expose(), 1),
        ("kf1_", 1),
        ("", 1),
    ] {
        for _ in 0..times {
            assert!(refused(token), "{token}");
        }
    }
    assert_eq!(tell(), 1);
    assert_eq!(told(&cx), [(Some(3.into()), Some("ci".to_owned()))]);
    assert_eq!(tell(), 0, "nothing is told twice");
    assert!(refused(wrong.expose()));
    assert_eq!(tell(), 1);
    assert_eq!(
        told(&cx),
        [(Some(3.into()), Some("ci".to_owned())), (Some(1.into()), None)]
    );
    let cx = Context::new(other.tenant).acting_as(Actor::Administrator);
    assert_eq!(told(&cx), []);
}
