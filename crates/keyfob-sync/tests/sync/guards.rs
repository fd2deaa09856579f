//! What holds removals, or everything, back.

use keyfob_mapping::DeletionThreshold;
use keyfob_sync::{Guard, StateError, SyncError};

use crate::world::{World, group, member, refusal, response, user};

#[test]
fn e21_above_the_threshold_nothing_is_disabled_and_the_rest_goes_on() {
    let mut world = World::new();
    let everybody: Vec<_> = (0..5).map(|n| user(&format!("u{n}"), "")).collect();
    world.run(&everybody);
    let source = vec![user("u0", ""), user("new", "")];
    let run = world.run_as(&source, |job| job.threshold(DeletionThreshold::new(3)));
    assert_eq!(run.report.guards, [Guard::Threshold { count: 4, limit: 3 }]);
    assert_eq!(run.report.counts.held, 4);
    assert_eq!(run.report.counts.created, 1);
    assert!(world.is_active("u4@x.example"));
    let run = world.run_as(&source, |job| job.threshold(DeletionThreshold::new(4)));
    assert_eq!((run.report.counts.disabled, run.report.guards.len()), (4, 0));
}

#[test]
fn a_source_that_lost_a_page_removes_nobody_until_it_is_whole_again() {
    let mut world = World::new();
    let mut whole: Vec<_> = (0..10).map(|n| user(&format!("u{n}"), "")).collect();
    whole.push(group("g1", "Guides"));
    whole.extend((0..10).map(|n| member("g1", &format!("u{n}"))));
    world.run(&whole);
    let mut cut: Vec<_> = whole[..5].to_vec();
    cut.extend_from_slice(&whole[10..16]);
    for _ in 0..2 {
        let run = world.run_as(&cut, |job| job.shrink_below(90));
        let (now, before) = (5, 10);
        let shrunk = |what| Guard::Shrunk { what, now, before };
        let what = "users";
        let remaining = Guard::Remaining { what, now, before };
        assert_eq!(
            run.report.guards,
            [shrunk("users"), shrunk("memberships"), remaining]
        );
        assert_eq!(run.report.counts.disabled + run.report.counts.members, 0);
    }
    assert_eq!(world.members_of("Guides").len(), 10);
    assert!(world.run_as(&whole, |job| job.shrink_below(90)).report.is_quiet());
}

#[test]
fn e20_a_failed_test_puts_the_target_into_quarantine_and_nothing_else_is_sent() {
    let source = vec![user("ada", "")];
    let answers = [
        (401, "application/scim+json", "{}"),
        (403, "text/html", "<html>"),
        (200, "text/html", "<html>Sign in</html>"),
        (500, "application/json", "{}"),
    ];
    for (status, media_type, body) in answers {
        let mut world = World::new();
        world.meddle(move |_, _| response(status, media_type, body));
        let run = world.run(&source);
        assert!(
            matches!(&run.report.guards[..], [Guard::Quarantine { .. }]),
            "{status}"
        );
        assert!(world.writes().is_empty());
        assert!(world.state.status().unwrap().quarantine.is_some());
        world.stop_meddling();
        assert_eq!(world.run(&source).report.counts.created, 1);
        assert!(world.state.status().unwrap().quarantine.is_none());
    }
}

#[test]
fn a_target_that_passes_over_filters_is_not_provisioned() {
    let mut world = World::new();
    let somebody = r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 1, "Resources": [
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": "somebody"}]}"#;
    world.meddle(move |_, _| response(200, "application/scim+json", somebody));
    let run = world.run(&vec![user("ada", "")]);
    assert!(matches!(&run.report.guards[..], [Guard::Quarantine { .. }]));
    assert!(world.writes().is_empty());
}

#[test]
fn a_token_that_is_refused_in_the_middle_ends_the_cycle_and_keeps_what_was_done() {
    let mut world = World::new();
    let mut posts = 0;
    world.meddle(move |way, request| {
        posts += usize::from(request.http.method() == "POST");
        if posts > 2 {
            refusal(401)
        } else {
            way.arrive(request)
        }
    });
    let source: Vec<_> = (0..5).map(|n| user(&format!("u{n}"), "")).collect();
    let run = world.run(&source);
    assert_eq!(run.report.counts.created, 2);
    assert!(matches!(&run.report.guards[..], [Guard::Quarantine { .. }]));
    assert_eq!(world.state.links().unwrap().len(), 2);
    world.stop_meddling();
    assert_eq!(world.run(&source).report.counts.created, 3);
    assert_eq!(world.users().len(), 5);
}

#[test]
fn a_target_that_does_not_answer_is_left_alone_after_some_attempts() {
    let mut world = World::new();
    world.meddle(|way, request| {
        if request.http.method() == "POST" {
            refusal(500)
        } else {
            way.arrive(request)
        }
    });
    let source: Vec<_> = (0..300).map(|n| user(&format!("u{n}"), "")).collect();
    let run = world.run(&source);
    assert!(matches!(&run.report.guards[..], [Guard::Quarantine { .. }]));
    assert!(run.report.counts.failed <= 20);
    world.stop_meddling();
    world.clock.advance(24);
    world.run(&source);
    assert_eq!(world.users().len(), 300);
}

#[test]
fn a_state_is_of_one_target() {
    let mut world = World::new();
    world.run(&vec![user("ada", "")]);
    let client = keyfob_client::Client::builder("http://localhost/other")
        .unwrap()
        .transport(world.way.clone())
        .build()
        .unwrap();
    let job = crate::world::job(&client, &world.clock);
    let error = job.run(&mut world.state, &vec![user("ada", "")], &mut |_| {});
    assert!(matches!(
        error,
        Err(SyncError::State(StateError::OtherTarget { .. }))
    ));
}

#[test]
fn a_source_with_other_ids_for_the_same_people_disables_nobody() {
    let mut world = World::new();
    let people = |start: &str| -> Vec<_> {
        let person = |n| {
            user(
                &format!("{start}{n}"),
                &format!(r#""userPrincipalName": "p{n}@x.example""#),
            )
        };
        (0..10).map(person).collect()
    };
    world.run(&people("a"));
    let run = world.run_as(&people("b"), |job| job.shrink_below(90));
    let guard = Guard::Remaining {
        what: "users",
        now: 0,
        before: 10,
    };
    assert_eq!(run.report.guards, [guard]);
    assert_eq!(run.report.counts.disabled, 0);
    assert_eq!(
        run.report.counts.held, 20,
        "ten removals, and ten that match what stands for others"
    );
}

#[test]
fn a_source_that_lost_the_column_of_the_scope_disables_nobody() {
    let mut world = World::new();
    let people = |members: &str| -> Vec<_> { (0..10).map(|n| user(&format!("u{n}"), members)).collect() };
    world.run(&people(""));
    let lost = people(r#""department": null"#);
    let run = world.run_as(&lost, |job| job.shrink_below(90));
    let guard = Guard::Remaining {
        what: "users",
        now: 0,
        before: 10,
    };
    assert_eq!(run.report.guards, [guard]);
    assert_eq!((run.report.counts.disabled, run.report.counts.held), (0, 10));
    // Who is disabled by intent is not counted again.
    assert_eq!(world.run(&lost).report.counts.disabled, 10);
    let run = world.run_as(&lost, |job| job.shrink_below(90));
    assert!(run.report.guards.is_empty(), "{:?}", run.report.guards);
}

#[test]
fn a_source_that_disables_most_of_its_users_disables_nobody() {
    let mut world = World::new();
    let people = |members: &str| -> Vec<_> { (0..10).map(|n| user(&format!("u{n}"), members)).collect() };
    world.run(&people(""));
    let mut disabled = people(r#""IsSoftDeleted": true"#);
    disabled.truncate(2);
    disabled.extend_from_slice(&people("")[2..]);
    let run = world.run_as(&disabled, |job| job.shrink_below(90));
    assert_eq!(
        run.report.guards[0].to_string(),
        "8 of 10 users would stay: removals are held back; if that is right, run without this guard"
    );
    assert_eq!(run.report.counts.disabled, 0);
    let run = world.run_as(&disabled, |job| job.shrink_below(80));
    assert_eq!((run.report.counts.disabled, run.report.guards.len()), (2, 0));
}
