//! A plan is what a run then sends.

use keyfob_core::view::User;
use keyfob_sync::{Action, Sent, source::Item};
use proptest::prelude::*;

use crate::{
    convergence::{Snapshot, snapshot},
    world::{Run, World, group, member, parallel, user},
};

/// Requests as texts, with the ids that a plan makes up in place of those of resources that were created.
fn texts(run: &Run) -> Vec<String> {
    let created = run
        .steps()
        .into_iter()
        .filter(|step| step.action == Action::Create);
    let created: Vec<String> = created
        .filter_map(|step| step.target_id.as_ref().map(ToString::to_string))
        .collect();
    let text = |sent: &&Sent| {
        let mut text = format!(
            "{} {} {}",
            sent.method,
            sent.path,
            String::from_utf8_lossy(&sent.body)
        );
        for (index, id) in created.iter().enumerate() {
            text = text.replace(id.as_str(), &format!("new-{}", index + 1));
        }
        text
    };
    run.requests().iter().map(text).collect()
}

/// Plans and runs cycles with requests for so many objects under way at the same time.
fn check(snapshots: &[Snapshot], most: usize) -> Result<(), TestCaseError> {
    let mut world = World::new();
    world.create_user(&User::new("p0.v0@x.example"));
    for snapshot in snapshots {
        let source: Vec<Item> = snapshot.items();
        world.asked();
        let plan = world.plan_as(&source, parallel(most));
        prop_assert!(world.writes().is_empty(), "a plan sends reads alone");
        let run = world.run_as(&source, parallel(most));
        prop_assert_eq!(texts(&plan), texts(&run));
        prop_assert_eq!(plan.told(), run.told());
        prop_assert_eq!(plan.report, run.report);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_equals_what_the_run_sends_request_by_request(
        snapshots in proptest::collection::vec(snapshot(), 1..5),
        most in 1..=4_usize,
    ) {
        check(&snapshots, most)?;
    }
}

#[test]
fn a_plan_of_more_than_a_page_equals_the_run() {
    let mut world = World::new();
    let mut source: Vec<_> = (0..730).map(|n| user(&format!("u{n:03}"), "")).collect();
    source.push(group("g1", "Guides"));
    source.extend((0..730).map(|n| member("g1", &format!("u{n:03}"))));
    let plan = world.plan(&source);
    let run = world.run(&source);
    assert_eq!(plan.report, run.report);
    assert_eq!(texts(&plan).len(), texts(&run).len());
}
