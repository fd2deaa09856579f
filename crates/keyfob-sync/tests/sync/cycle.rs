//! A cycle, phase by phase.

use keyfob_client::{Preset, Target};
use keyfob_core::{Registry, message::PatchRequest, view::User};
use keyfob_expression::Options;
use keyfob_mapping::AttributeMapping;
use keyfob_sync::{Owned, Rule};

use crate::world::{
    World, group, manager_of, member, member_with_title, refusal, response, rule, user, user_mapping,
};

#[test]
fn e4_the_first_cycle_creates_users_and_groups_and_then_their_members() {
    let mut world = World::new();
    let source = vec![
        user("ada", r#""jobTitle": "Lead", "mail": "ada@x.example""#),
        user("bob", r#""manager": {"id": "ada"}"#),
        group("g1", "Guides"),
        member("g1", "ada"),
        member("g1", "bob"),
    ];
    let run = world.run(&source);
    assert_eq!(
        run.told(),
        [
            "create ada: done",
            "create bob: done",
            "create g1: done",
            "add members g1: done",
            "update bob: done"
        ]
    );
    assert_eq!(world.members_of("Guides"), ["ada@x.example", "bob@x.example"]);
    let bob = world.user_named("bob@x.example").unwrap();
    let ada = world.user_named("ada@x.example").unwrap();
    assert_eq!(ada.core().get_str("title"), Some("Lead"));
    assert_eq!(manager_of(&bob), ada.id().map(|id| id.to_string()));
}

#[test]
fn a_cycle_without_changes_sends_the_test_look_up_alone() {
    let mut world = World::new();
    let source = vec![user("ada", ""), group("g1", "Guides"), member("g1", "ada")];
    world.run(&source);
    world.asked();
    let run = world.run(&source);
    assert!(run.report.is_quiet());
    assert_eq!(run.report.counts.up_to_date, 2);
    let asked = world.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert!(asked[0].starts_with("GET /Users?filter=userName"), "{asked:?}");
}

#[test]
fn e8_differences_alone_are_sent() {
    let mut world = World::new();
    world.run(&vec![user(
        "ada",
        r#""jobTitle": "Guide", "mail": "a@x.example""#,
    )]);
    world.asked();
    let run = world.run(&vec![user("ada", r#""jobTitle": "Lead", "mail": "a@x.example""#)]);
    let step = run.steps()[0];
    assert_eq!(step.changes.len(), 1);
    assert_eq!(step.changes[0].path, "title");
    assert_eq!(step.changes[0].old, Some("Guide".into()));
    assert_eq!(step.changes[0].new, Some("Lead".into()));
    assert_eq!(step.changes[0].expression.as_deref(), Some("[jobTitle]"));
    assert_eq!(world.writes().len(), 1);
}

#[test]
fn e14_who_leaves_the_scope_or_the_source_is_disabled_before_anything_else_and_comes_back() {
    let mut world = World::new();
    world.run(&vec![user("ada", ""), user("bob", ""), user("cy", "")]);
    let source = vec![
        user("ada", r#""department": "Sales""#),
        user("cy", r#""accountEnabled": false"#),
        user("dan", ""),
    ];
    let run = world.run(&source);
    assert_eq!(
        run.told(),
        [
            "disable ada: done",
            "disable bob: done",
            "disable cy: done",
            "create dan: done"
        ]
    );
    for name in ["ada@x.example", "bob@x.example", "cy@x.example"] {
        assert!(!world.is_active(name), "{name}");
    }
    assert!(world.run(&source).report.is_quiet());
    let run = world.run(&vec![
        user("ada", ""),
        user("bob", ""),
        user("cy", ""),
        user("dan", ""),
    ]);
    assert_eq!(
        run.told(),
        ["update ada: done", "update bob: done", "update cy: done"]
    );
    assert!(world.is_active("bob@x.example"));
}

#[test]
fn e15_a_resource_is_deleted_when_its_object_has_been_gone_for_30_days_and_is_the_jobs_own() {
    let mut world = World::new();
    world.create_user(&User::new("old@x.example"));
    world.run(&vec![user("ada", ""), user("bob", ""), user("old", "")]);
    let source = vec![user("ada", "")];
    assert_eq!(
        world.run(&source).told(),
        ["disable bob: done", "disable old: done"]
    );
    world.clock.advance(29 * 24);
    assert!(world.run(&source).report.is_quiet());
    world.clock.advance(2 * 24);
    assert_eq!(world.run(&source).told(), ["delete bob: done"]);
    assert!(world.user_named("bob@x.example").is_none());
    assert!(!world.is_active("old@x.example"));
}

#[test]
fn e17_a_user_who_is_disabled_in_the_source_is_not_created() {
    let mut world = World::new();
    let run = world.run(&vec![user("ada", r#""accountEnabled": false"#)]);
    assert!(run.told().is_empty());
    assert!(world.users().is_empty());
}

#[test]
fn e15_a_group_that_is_gone_is_deleted_and_one_that_was_there_before_stays() {
    let mut world = World::new();
    let foreign = world.create_user(&User::new("foreign"));
    world.create_group("Old", &[foreign]);
    world.run(&vec![group("g1", "New"), group("g2", "Old")]);
    let links = world.state.links().unwrap();
    assert_eq!((links[0].owned, links[1].owned), (Owned::Created, Owned::Adopted));
    let run = world.run(&Vec::new());
    assert_eq!(run.told(), ["delete g1: done", "release g2: done"]);
    assert_eq!(world.members_of("Old"), ["foreign"]);
}

#[test]
fn e6_several_matches_and_a_match_that_is_linked_are_held_and_named() {
    let mut world = World::new();
    world.run(&vec![user("ada", "")]);
    world.asked();
    world.meddle(|way, request| {
        if request.http.uri().path().ends_with("/Groups") {
            return response(
                200,
                "application/scim+json",
                r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 2, "Resources": [
                    {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "1", "displayName": "Guides"},
                    {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "2", "displayName": "Guides"}]}"#,
            );
        }
        way.arrive(request)
    });
    let source = vec![
        user("ada", ""),
        user("eve", r#""userPrincipalName": "ada@x.example""#),
        group("g1", "Guides"),
    ];
    let run = world.run(&source);
    let told = run.told();
    assert_eq!(
        told[0],
        "match eve: held: the resource that matches stands for `ada` already"
    );
    assert_eq!(told[1], "match g1: held: several resources match: `1`, `2`");
    assert!(world.writes().is_empty());
    // They are named in every cycle, and asked about again when it is time.
    world.asked();
    assert_eq!(world.run(&source).report.counts.held, 2);
    assert_eq!(world.asked().len(), 1);
}

#[test]
fn two_objects_that_match_alike_are_not_both_created() {
    let mut world = World::new();
    let run = world.run(&vec![group("g1", "Guides"), group("g2", "Guides")]);
    assert_eq!(
        run.told(),
        [
            "match g2: held: the resource that matches stands for `another object of this cycle` already",
            "create g1: done",
        ]
    );
}

#[test]
fn a_circle_of_references_is_closed_in_one_cycle() {
    let mut world = World::new();
    let source = vec![
        user("ada", r#""manager": {"id": "bob"}"#),
        user("bob", r#""manager": {"id": "ada"}"#),
    ];
    world.run(&source);
    for name in ["ada@x.example", "bob@x.example"] {
        assert!(manager_of(&world.user_named(name).unwrap()).is_some(), "{name}");
    }
    assert!(world.run(&source).report.is_quiet());
}

#[test]
fn members_that_somebody_else_added_stay() {
    let mut world = World::new();
    let foreign = world.create_user(&User::new("foreign"));
    world.create_group("Guides", &[foreign]);
    let whole = vec![user("ada", ""), group("g1", "Guides"), member("g1", "ada")];
    world.run(&whole);
    assert_eq!(world.members_of("Guides"), ["ada@x.example", "foreign"]);
    let run = world.run(&vec![user("ada", ""), group("g1", "Guides")]);
    assert_eq!(run.told(), ["remove members g1: done"]);
    assert_eq!(world.members_of("Guides"), ["foreign"]);
}

#[test]
fn what_is_gone_at_the_target_is_created_again_with_its_members() {
    let mut world = World::new();
    world.run(&member_with_title("Guide"));
    let id = world.state.links().unwrap()[0].target_id.clone();
    world.truth(|client| client.of::<User>().delete(&id).call().unwrap());
    let run = world.run(&member_with_title("Lead"));
    assert_eq!(run.told(), ["create ada: done", "add members g1: done"]);
    assert_eq!(world.members_of("Guides"), ["ada@x.example"]);
    assert!(world.run(&member_with_title("Lead")).report.is_quiet());
}

#[test]
fn e19_a_refused_object_waits_and_is_tried_at_once_when_it_changes() {
    let mut world = World::new();
    world.refuse("POST", 400);
    let source = vec![user("ada", "")];
    assert_eq!(world.run(&source).told(), ["create ada: failed: Some(400)"]);
    world.asked();
    assert_eq!(world.run(&source).report.counts.held, 1);
    assert_eq!(world.asked().len(), 1, "it is not time yet");
    world.clock.advance(6);
    assert_eq!(world.run(&source).report.counts.failed, 1);
    world.stop_meddling();
    let changed = vec![user("ada", r#""jobTitle": "Lead""#)];
    assert_eq!(world.run(&changed).told(), ["create ada: done"]);
    assert!(world.state.escrows().unwrap().is_empty());
}

#[test]
fn a_resource_that_somebody_else_changed_is_read_when_the_change_is_refused() {
    let mut world = World::new();
    world.run(&vec![user(
        "ada",
        r#""mail": "a@x.example", "jobTitle": "Guide""#,
    )]);
    // The target refuses the first PATCH, as one does whose filter selects nothing any more.
    let mut refused = false;
    world.meddle(move |way, request| {
        if request.http.method() == "PATCH" && !std::mem::replace(&mut refused, true) {
            return refusal(400);
        }
        way.arrive(request)
    });
    let id = world.state.links().unwrap()[0].target_id.clone();
    world.truth(|client| {
        let patch = keyfob_client::Patch::new().remove("emails");
        client.of::<User>().patch(&id, patch).call().unwrap()
    });
    let run = world.run(&vec![user(
        "ada",
        r#""mail": "b@x.example", "jobTitle": "Guide""#,
    )]);
    assert_eq!(run.told(), ["update ada: done"]);
    let ada = User::from(world.user_named("ada@x.example").unwrap());
    assert_eq!(ada.emails[0].value.as_deref(), Some("b@x.example"));
}

#[test]
fn e13_a_group_within_a_group_is_a_member_by_the_id_of_its_resource() {
    let mut world = World::new();
    let source = vec![
        user("ada", ""),
        group("inner", "Inner"),
        group("outer", "Outer"),
        member("outer", "inner"),
        member("inner", "ada"),
    ];
    world.run(&source);
    assert_eq!(world.members_of("Outer"), ["Inner"]);
    assert!(world.run(&source).report.is_quiet());
}

#[test]
fn what_failed_for_an_object_that_is_no_more_is_forgotten() {
    let mut world = World::new();
    world.refuse("POST", 400);
    world.run(&vec![user("ada", "")]);
    assert_eq!(world.state.escrows().unwrap().len(), 1);
    world.run(&Vec::new());
    assert!(world.state.escrows().unwrap().is_empty());
}

#[test]
fn an_attribute_that_the_target_never_shows_is_not_provisioned() {
    let mut mapping = user_mapping();
    mapping
        .attributes
        .push(AttributeMapping::new("password", "[password]"));
    let user = Registry::rfc().resource_type("User").unwrap();
    let error = Rule::compile(&mapping, user, &Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`password` is a secret, which no target shows, so that what it has can't be compared; take it out of the mapping"
    );
}

#[test]
fn after_a_restart_everything_is_read_and_compared_and_what_others_changed_is_put_right() {
    let mut world = World::new();
    let source = vec![
        user("ada", r#""jobTitle": "Lead""#),
        user("bob", r#""jobTitle": "Guide""#),
        group("g1", "Guides"),
        member("g1", "ada"),
    ];
    world.run(&source);
    let ada = world.user_named("ada@x.example").unwrap();
    world.truth(|client| {
        let request = PatchRequest::from_json(
            br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "replace", "path": "title", "value": "Intern"}]}"#,
        );
        let patched = client
            .resources("User")
            .patch(&ada.id().unwrap(), request.unwrap());
        patched.call().unwrap();
        let groups = client.resources("Group").list().iter();
        let guides = groups.map(|group| group.unwrap()).next().unwrap();
        let change = client.resources("Group").members(&guides.id);
        change.remove(vec![ada.id().unwrap()]).call().unwrap();
    });
    assert!(
        world.run(&source).report.is_quiet(),
        "differences are those to what was last written"
    );
    world.refuse("POST", 400);
    let mut with_eve = source.clone();
    with_eve.push(user("eve", ""));
    world.run(&with_eve);
    world.stop_meddling();
    assert_eq!(world.state.status().unwrap().escrows, 1);

    world.state.restart().unwrap();
    assert_eq!(world.state.status().unwrap().escrows, 0);
    let run = world.run(&with_eve);
    assert_eq!(
        run.told(),
        ["update ada: done", "create eve: done", "add members g1: done"]
    );
    assert_eq!(world.members_of("Guides"), ["ada@x.example"]);
    let ada = world.user_named("ada@x.example").unwrap();
    assert_eq!(ada.core().get_str("title"), Some("Lead"));
    assert!(world.run(&with_eve).report.is_quiet());
    let links = world.state.links().unwrap();
    assert!(links.iter().all(|link| link.owned == Owned::Created));
}

#[test]
fn broken_links_are_made_anew_and_what_is_found_is_never_deleted() {
    let mut world = World::new();
    let source = vec![user("ada", ""), group("g1", "Guides"), member("g1", "ada")];
    world.run(&source);
    world.state.break_links().unwrap();
    assert!(world.state.links().unwrap().is_empty());
    let run = world.run(&source);
    assert_eq!((run.report.counts.adopted, run.report.counts.created), (2, 0));
    assert!(world.run(&source).report.is_quiet());
    assert_eq!(world.members_of("Guides"), ["ada@x.example"]);
    let run = world.run(&vec![user("ada", "")]);
    assert_eq!((run.report.counts.released, run.report.counts.deleted), (1, 0));
    assert_eq!(world.groups().len(), 1);
}

#[test]
fn the_log_has_each_step_that_was_done_or_failed_and_no_value_of_anybody() {
    let mut world = World::new();
    world.run(&vec![user("ada", r#""jobTitle": "Guide""#), user("bob", "")]);
    world.refuse("PATCH", 400);
    world.run(&vec![user("ada", r#""jobTitle": "Lead""#), user("bob", "")]);
    world.stop_meddling();
    world.plan(&vec![user("bob", ""), user("eve", "")]);
    let log = world.state.log(10).unwrap();
    let told: Vec<_> = log
        .iter()
        .map(|entry| {
            (
                entry.cycle,
                entry.source_id.as_str(),
                entry.action.as_str(),
                entry.is_done,
                entry.status,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "ada", "create", true, Some(201)),
            (1, "bob", "create", true, Some(201)),
            (2, "ada", "update", false, Some(400)),
        ]
    );
    assert_eq!(log[2].paths, ["title"]);
    assert_eq!(log[0].requests, 2, "the look-up and the creation");
    assert!(log.iter().all(|entry| entry.target_id.is_some()));
    let last: Vec<_> = world.state.log(1).unwrap();
    assert_eq!(last, log[2..]);
    assert!(!format!("{log:?}").contains("x.example"));
}

/// Provisions users at a target that answers DELETE by disabling them, and returns the requests that change something.
fn at_a_target_that_deletes_nobody(world: &mut World, names: &[&str], maps_active: bool) -> Vec<String> {
    let slack = Target::rfc().preset(&Preset::named("slack").unwrap());
    let client = world.client().with(slack);
    let mut mapping = user_mapping();
    mapping
        .attributes
        .retain(|attribute| maps_active || attribute.target != "active");
    let job = keyfob_sync::Job::new(&client, vec![rule(&mapping, "User")])
        .unwrap()
        .clock(world.clock.clone())
        .shrink_below(0);
    let source: Vec<_> = names.iter().map(|name| user(name, "")).collect();
    job.run(&mut world.state, &source, &mut |_| {}).unwrap();
    world.writes()
}

#[test]
fn at_a_target_that_deletes_no_users_access_ends_by_active_and_the_link_is_forgotten() {
    for maps_active in [true, false] {
        let mut world = World::new();
        at_a_target_that_deletes_nobody(&mut world, &["ada", "bob"], maps_active);
        let id = world
            .user_named("bob@x.example")
            .unwrap()
            .id()
            .unwrap()
            .to_string();
        let gone = at_a_target_that_deletes_nobody(&mut world, &["ada"], maps_active);
        assert_eq!(gone, [format!("PATCH /Users/{id}")], "{maps_active}");
        assert!(!world.is_active("bob@x.example"));
        // What would be deleted for good is left as it is.
        world.clock.advance(31 * 24);
        assert_eq!(
            at_a_target_that_deletes_nobody(&mut world, &["ada"], maps_active),
            [""; 0]
        );
        assert_eq!(world.state.links().unwrap().len(), 1, "{maps_active}");
        // Who comes back is found, and no second user is created.
        let back = at_a_target_that_deletes_nobody(&mut world, &["ada", "bob"], maps_active);
        let expected = if maps_active {
            vec![format!("PATCH /Users/{id}")]
        } else {
            Vec::new()
        };
        assert_eq!(back, expected);
        assert_eq!(world.is_active("bob@x.example"), maps_active);
        assert_eq!(world.users().len(), 2);
    }
}
