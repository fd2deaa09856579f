//! Guards that hold removals, or everything, back.

use keyfob_client::Client;
use keyfob_core::Registry;
use keyfob_expression::Options;
use keyfob_mapping::DeletionThreshold;
use keyfob_sync::{Guard, Job, Kind, Rule, StateError, SyncError, source::JsonSource};

use crate::world::{Way, World, group, manager_of, member, refusal, response, user, user_mapping};

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
        let remaining = |what| Guard::Remaining { what, now, before };
        assert_eq!(
            run.report.guards,
            [
                shrunk("users"),
                shrunk("memberships"),
                remaining("users"),
                remaining("memberships")
            ]
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
    world.refuse("POST", 500);
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
    let client = Client::builder("http://localhost/other")
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

/// A job whose users are active as an ordinary attribute of the source says, which is no `IsSoftDeleted`.
fn by_an_ordinary_attribute<'c>(client: &'c Client<Way>, world: &World) -> Job<'c, Way> {
    let mut mapping = user_mapping();
    for attribute in &mut mapping.attributes {
        if attribute.target == "active" {
            attribute.expression = Some("[works]".into());
        }
    }
    let user = Registry::rfc().resource_type("User").unwrap();
    let rule = Rule::compile(&mapping, user, &Options::default()).unwrap();
    let job = Job::new(client, vec![rule]).unwrap();
    job.clock(world.clock.clone()).shrink_below(0)
}

#[test]
fn whoever_any_attribute_disables_is_a_removal() {
    let mut world = World::new();
    let client = world.client();
    let people = |works: bool| -> Vec<_> {
        let person = |n| {
            user(
                &format!("u{n}"),
                &format!(r#""works": {works}, "manager": {{"id": "later"}}"#),
            )
        };
        (0..5).map(person).collect()
    };
    let job = by_an_ordinary_attribute(&client, &world);
    job.run(&mut world.state, &people(true), &mut |_| {}).unwrap();
    assert!(world.is_active("u0@x.example"));

    let guarded = by_an_ordinary_attribute(&client, &world).threshold(DeletionThreshold::new(4));
    let mut source = people(false);
    // An object that others wait for arrives, and what is held back is not sent for it.
    source.push(user("later", r#""works": true"#));
    let report = guarded.run(&mut world.state, &source, &mut |_| {}).unwrap();
    assert_eq!(report.guards, [Guard::Threshold { count: 5, limit: 4 }]);
    assert_eq!((report.counts.updated, report.counts.held), (0, 5));
    assert!((0..5).all(|n| world.is_active(&format!("u{n}@x.example"))));
    let shrinking = by_an_ordinary_attribute(&client, &world).shrink_below(90);
    let report = shrinking.run(&mut world.state, &source, &mut |_| {}).unwrap();
    let (what, now, before) = ("users", 1, 6);
    assert_eq!(report.guards, [Guard::Remaining { what, now, before }]);

    let report = job.run(&mut world.state, &source, &mut |_| {}).unwrap();
    assert_eq!((report.counts.disabled, report.counts.updated), (5, 0));
    let links = world.state.links().unwrap();
    assert_eq!(links.iter().filter(|link| link.disabled).count(), 5);
    job.run(&mut world.state, &source, &mut |_| {}).unwrap();
    let manager = manager_of(&world.user_named("u0@x.example").unwrap());
    assert!(manager.is_some());
    let report = job.run(&mut world.state, &source, &mut |_| {}).unwrap();
    assert!(report.is_quiet());
    let report = job.run(&mut world.state, &people(true), &mut |_| {}).unwrap();
    assert_eq!(report.counts.updated, 5);
    assert!(world.is_active("u0@x.example"));
    assert!(
        world
            .state
            .links()
            .unwrap()
            .iter()
            .all(|link| !link.disabled || link.source_id == "later")
    );
}

#[test]
fn a_source_whose_members_are_in_other_groups_removes_none() {
    let mut world = World::new();
    let source = |shift: usize| -> Vec<_> {
        let users = (0..20).map(|n| user(&format!("u{n}"), ""));
        let groups = (0..4).map(|n| group(&format!("g{n}"), &format!("Group {n}")));
        let members = (0..20).map(|n| member(&format!("g{}", n % 4), &format!("u{}", (n + shift) % 20)));
        users.chain(groups).chain(members).collect()
    };
    world.run(&source(0));
    // The members that the source has now are added in the first cycle, and stay.
    for (now, before) in [(0, 20), (20, 40)] {
        let run = world.run_as(&source(1), |job| job.shrink_below(90));
        let what = "memberships";
        assert_eq!(run.report.guards, [Guard::Remaining { what, now, before }]);
        assert_eq!(run.report.counts.held, 20, "each member is told of");
        let told = run.told();
        assert_eq!(
            told.last().map(String::as_str),
            Some("remove members g3: held: removals are held back")
        );
        assert_eq!(world.members_of("Group 0").len(), 10);
    }
    let run = world.run(&source(1));
    assert_eq!((run.report.counts.members, run.report.guards.len()), (20, 0));
    assert_eq!(world.members_of("Group 0").len(), 5);
    let run = world.run_as(&source(1), |job| job.shrink_below(90));
    assert!(run.report.is_quiet(), "{:?}", run.told());
}

#[test]
fn memberships_of_a_group_whose_members_the_source_does_not_say_count_for_none() {
    let mut world = World::new();
    let client = world.client();
    let source = |small: &str, large: &str| {
        let user =
            |n| format!(r#"{{"id": "{n}", "userPrincipalName": "u{n}@x.example", "department": "R&D"}}"#);
        let users = (0..9).map(user).collect::<Vec<_>>().join("\n");
        let groups = format!(
            r#"{{"id": "s", "displayName": "Small"{small}}}{{"id": "l", "displayName": "Large"{large}}}"#
        );
        JsonSource::new()
            .text("users", users.into_bytes(), Some(Kind::User))
            .text("groups", groups.into_bytes(), Some(Kind::Group))
    };
    let job = crate::world::job(&client, &world.clock).shrink_below(50);
    let all = r#", "members": ["0", "1", "2", "3", "4", "5", "6", "7", "8"]"#;
    let whole = source(r#", "members": ["0"]"#, all);
    job.run(&mut world.state, &whole, &mut |_| {}).unwrap();
    let other = source(r#", "members": ["1"]"#, "");
    let report = job.run(&mut world.state, &other, &mut |_| {}).unwrap();
    let remaining = Guard::Remaining {
        what: "memberships",
        now: 0,
        before: 1,
    };
    assert!(report.guards.contains(&remaining), "{:?}", report.guards);
    assert_eq!(world.members_of("Small"), ["u0@x.example", "u1@x.example"]);
}

#[test]
fn one_group_that_lost_its_members_keeps_them_on_demand() {
    let mut world = World::new();
    let mut whole: Vec<_> = (0..10).map(|n| user(&format!("u{n}"), "")).collect();
    whole.extend([group("g1", "Guides"), group("g2", "Leads")]);
    let lost = whole.clone();
    whole.extend((0..10).map(|n| member("g1", &format!("u{n}"))));
    whole.push(member("g2", "u0"));
    world.run(&whole);
    let client = world.client();
    let job = |percent| crate::world::job(&client, &world.clock).shrink_below(percent);
    let (guarded, unguarded) = (job(90), job(0));
    let on_demand = |job: &Job<'_, Way>, world: &mut World| {
        job.on_demand(&mut world.state, &lost, "g1", false, &mut |_| {})
            .unwrap()
    };
    let report = on_demand(&guarded, &mut world);
    let guard = Guard::Remaining {
        what: "memberships",
        now: 0,
        before: 10,
    };
    assert_eq!(report.guards, [guard]);
    assert_eq!((report.counts.members, report.counts.held), (0, 10));
    assert_eq!(world.members_of("Guides").len(), 10);
    let report = on_demand(&unguarded, &mut world);
    assert_eq!((report.counts.members, report.guards.len()), (10, 0));
    assert_eq!(world.members_of("Leads"), ["u0@x.example"]);
}

#[test]
fn what_was_held_back_and_allowed_is_removed_and_what_came_since_is_counted_anew() {
    let mut world = World::new();
    let people =
        |numbers: std::ops::Range<usize>| -> Vec<_> { numbers.map(|n| user(&format!("u{n}"), "")).collect() };
    world.run(&people(0..10));
    let run = world.run_as(&people(4..10), |job| job.threshold(DeletionThreshold::new(3)));
    assert_eq!(run.report.guards, [Guard::Threshold { count: 4, limit: 3 }]);
    assert_eq!(world.state.status().unwrap().held, 4);
    let allowed = world.state.allow_removals().unwrap();
    assert_eq!((allowed.resources, allowed.memberships), (4, 0));
    let status = world.state.status().unwrap();
    assert_eq!((status.held, status.allowed), (0, 4));

    // Four more leave: they are as many as the first time, and those are gone.
    let run = world.run_as(&people(8..10), |job| job.threshold(DeletionThreshold::new(3)));
    assert_eq!(run.report.guards, [Guard::Threshold { count: 4, limit: 3 }]);
    assert_eq!((run.report.counts.disabled, run.report.counts.held), (4, 4));
    assert!(!world.is_active("u3@x.example") && world.is_active("u4@x.example"));
    let status = world.state.status().unwrap();
    assert_eq!((status.held, status.allowed), (4, 0));

    // One of them comes back: what was allowed is not done to whoever the source has again.
    world.state.allow_removals().unwrap();
    let run = world.run_as(&people(7..10), |job| job.threshold(DeletionThreshold::new(3)));
    assert_eq!((run.report.counts.disabled, run.report.guards.len()), (3, 0));
    assert!(world.is_active("u7@x.example"));
    let status = world.state.status().unwrap();
    assert_eq!((status.held, status.allowed), (0, 0));
    assert_eq!(
        world.state.allow_removals().unwrap(),
        keyfob_sync::Allowed::default()
    );
}

#[test]
fn a_smaller_source_is_taken_for_whole_when_all_its_removals_were_allowed() {
    let mut world = World::new();
    let source = |count: usize| -> Vec<_> {
        let mut source: Vec<_> = (0..count).map(|n| user(&format!("u{n}"), "")).collect();
        source.push(group("g1", "Guides"));
        source.extend((0..count).map(|n| member("g1", &format!("u{n}"))));
        source
    };
    world.run(&source(10));
    let run = world.run_as(&source(5), |job| job.shrink_below(90));
    assert_eq!(run.report.guards.len(), 4);
    let allowed = world.state.allow_removals().unwrap();
    assert_eq!((allowed.resources, allowed.memberships), (5, 5));

    // A target that is away does not use up what was allowed.
    world.meddle(|_, _| refusal(401));
    let run = world.run_as(&source(5), |job| job.shrink_below(90));
    assert!(matches!(&run.report.guards[..], [Guard::Quarantine { .. }]));
    world.stop_meddling();
    assert_eq!(world.state.status().unwrap().allowed, 10);

    let run = world.run_as(&source(5), |job| job.shrink_below(90));
    assert_eq!((run.report.counts.disabled, run.report.guards.len()), (5, 0));
    assert_eq!(world.members_of("Guides").len(), 5);
    let run = world.run_as(&source(5), |job| job.shrink_below(90));
    assert!(run.report.is_quiet(), "{:?} {:?}", run.told(), run.report.guards);
}

#[test]
fn a_plan_neither_holds_nor_uses_up_what_was_allowed() {
    let mut world = World::new();
    let people = |count: usize| -> Vec<_> { (0..count).map(|n| user(&format!("u{n}"), "")).collect() };
    world.run(&people(600));
    let plan = world.plan(&people(1));
    assert_eq!(plan.report.counts.held, 599);
    assert_eq!(world.state.status().unwrap().held, 0);
    let run = world.run(&people(1));
    assert_eq!(run.report.counts.held, 599);
    world.state.allow_removals().unwrap();
    for _ in 0..2 {
        let plan = world.plan(&people(1));
        assert_eq!((plan.report.counts.disabled, plan.report.guards.len()), (599, 0));
    }
    assert_eq!(world.run(&people(1)).report.counts.disabled, 599);
}
