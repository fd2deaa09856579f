//! Random commits, the same each time, against a model that does it the plain way.

use keyfob_core::{Member, ResourceId};
use keyfob_store::{Query, RelationDelta, Selection};

use crate::{
    failure::{Failure, Verdict},
    fixture::{Device, Group, Kind, User},
    model::{Effect, Model},
    random::Random,
    step::{Action, Step},
    tenancy::{Tenancy, Tested, page_ids},
};

const SEQUENCES: u64 = 64;
const COMMITS: usize = 40;

const IDS: [&str; 9] = ["u1", "u2", "u3", "u4", "g1", "g2", "g3", "d1", "d2"];
const NAMES: [&str; 6] = ["ada", "ADA", "grace", "größe", "GRÖSSE", "σ"];
const FILTERS: [(Kind, &str); 12] = [
    (User, r#"userName eq "Ada""#),
    (User, r#"externalId eq "1" or externalId eq "2""#),
    (User, r#"title eq "guide" and userName pr"#),
    (User, r#"groups.value eq "g1" or groups.value eq "g2""#),
    (User, r#"groups.display eq "ada""#),
    (User, "not (groups pr)"),
    (Group, r#"displayName eq "GRÖSSE""#),
    (Group, r#"members.value eq "u1""#),
    (Group, r#"members[type eq "Group"]"#),
    (Group, r#"id eq "g1" and members.value eq "u2""#),
    (Device, r#"serialNumber eq "ada""#),
    (Device, r#"partOf.value eq "d1" or users.display eq "x""#),
];

pub(crate) async fn random_commits_do_what_the_model_does(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    for seed in 0..SEQUENCES {
        let tenant = acme.other(&format!("tenant {seed}"));
        let mut random = Random::new(seed);
        let mut model = Model::default();
        for number in 0..COMMITS {
            let steps = random_commit(&mut random, &model, number);
            let context = |failure: Failure| {
                Failure::new(format!("seed {seed}, commit {number}, of {steps:#?}\n{failure}"))
            };
            follow(&tenant, &mut model, &steps).await.map_err(context)?;
            query(&tenant, &model, &mut random).await.map_err(context)?;
        }
    }
    Ok(())
}

/// Commits to both, and compares what they answer and what they then hold.
async fn follow(tenant: &Tenancy<'_, impl Tested>, model: &mut Model, steps: &[Step]) -> Verdict {
    let expected = model.commit(steps);
    let found = match tenant.commit(steps).await {
        Ok(committed) => Ok(committed
            .outcomes
            .into_iter()
            .map(effect_of)
            .collect::<Result<_, _>>()?),
        Err(error) => Err(Refusal::try_from(error)?),
    };
    ensure_eq!(found, expected, "what becomes of the commit");
    let state = tenant.state().await?;
    let expected = model.resources();
    let mut pairs = state.resources.iter().zip(&expected);
    if let Some((found, expected)) = pairs.find(|(found, expected)| found != expected) {
        return Err(Failure::different("a resource after the commit", found, expected));
    }
    ensure_eq!(
        state.resources.len(),
        expected.len(),
        "how many resources there are after the commit"
    );
    let events: Vec<_> = state.events.iter().map(|event| &event.event).collect();
    ensure_eq!(
        events,
        model.events.iter().collect::<Vec<_>>(),
        "the events after the commit"
    );
    ensure!(
        state.events.is_sorted_by(|left, right| left.id < right.id),
        "the ids of events don't grow: {:?}",
        state.events
    );
    Ok(())
}

/// Asks for a page of a filter.
async fn query(tenant: &Tenancy<'_, impl Tested>, model: &Model, random: &mut Random) -> Verdict {
    let Some((kind, filter)) = random.pick(&FILTERS).copied() else {
        return Ok(());
    };
    let (offset, count) = (random.below(3), random.below(4));
    let predicate = acme.compile(kind, filter)?;
    let resources = model.resources().into_iter();
    let matching = resources.filter(|(found, stored)| *found == kind && predicate.matches(&stored.resource));
    let expected: Vec<_> = matching
        .filter_map(|(_, stored)| Some(stored.resource.id()?.to_string()))
        .collect();
    let selection = Selection::document();
    let page = tenant
        .query(
            kind,
            &Query::first(count)
                .with_filter(&predicate)
                .with_offset(offset),
        )
        .await?;
    ensure_eq!(page.total, expected.len(), "how many match `{filter}`");
    let expected: Vec<_> = expected.into_iter().skip(offset).take(count).collect();
    ensure_eq!(
        page_ids(&page)?,
        expected,
        "a page of {count} after {offset} of `{filter}`"
    );
    Ok(())
}

fn effect_of(outcome: Outcome) -> Result<Effect, Failure> {
    Ok(match outcome {
        Outcome::Changed(version) => Effect::Changed(version.number()),
        Outcome::Unchanged(version) => Effect::Unchanged(version.number()),
        Effect::Deleted => Effect::Deleted,
        Effect::Published(_) => Effect::Published,
        Effect::Suppressed => Effect::Suppressed,
        other => {
            return Err(Failure::new(format!(
                "the suite does not know the outcome {other:?}"
            )));
        }
    })
}

fn random_commit(random: &mut Random, model: &Model, number: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..=random.below(3) {
        let step = random_step(random, model, number);
        let (kind, id) = (step.kind, step.id.clone());
        let deleted = step.action == Action::Delete;
        steps.push(step);
        if deleted && random.percent(40) {
            let other = if kind == User { Group } else { User };
            let kind = if random.percent(30) { other } else { kind };
            steps.push(random_creation(random, kind, id.as_str(), number));
        }
        if random.percent(30) {
            let event = Step::publish("event", kind, id.as_str());
            let of = random.below(steps.len() + 1).checked_sub(1);
            steps.push(of.map_or(event.clone(), |of| event.of(of)));
        }
    }
    steps
}

fn random_step(random: &mut Random, model: &Model, number: usize) -> Step {
    let id = random.pick(&IDS).copied().unwrap_or_default();
    let kind = if random.percent(3) { Device } else { kind_of(id) };
    let version = model.version(&ResourceId::new(id));
    // Half of what is tried would fail if it were drawn blindly; so it is the fitting thing more often than not.
    let exists = version.is_some() != random.percent(8);
    if !exists {
        return random_creation(random, kind, id, number);
    }
    let step = match random.below(10) {
        0 => Step::delete(kind, id),
        1..=5 => random_relations(random, Step::update(kind, id)),
        6 | 7 => random_document(random, Step::update(kind, id)),
        _ => {
            let step = random_document(random, Step::update(kind, id));
            random_relations(random, step)
        }
    };
    let step = match random.below(8) {
        0 => step.precondition(u64::try_from(random.below(4)).unwrap_or_default()),
        1 | 2 => step.precondition(version.unwrap_or(1)),
        _ => step,
    };
    step.at(minutes(number))
}

/// Creates a resource, or brings it back.
fn random_creation(random: &mut Random, kind: Kind, id: &str, number: usize) -> Step {
    let step = random_document(random, Step::create(kind, id));
    let step = random_relations(random, step).at(minutes(number));
    if random.percent(30) {
        let version = u64::try_from(random.below(5)).unwrap_or_default();
        step.again(version + 1, minutes(number / 2))
    } else {
        step
    }
}

/// When a commit is made.
fn minutes(number: usize) -> i64 {
    i64::try_from(number).unwrap_or_default()
}

fn kind_of(id: &str) -> Kind {
    match id.chars().next() {
        Some('u') => User,
        Some('g') => Group,
        _ => Device,
    }
}

fn random_document(random: &mut Random, step: Step) -> Step {
    let name = random.pick(&NAMES).copied().unwrap_or_default();
    let unique = format!("{name}{}", random.below(3));
    let step = step.named(if random.percent(50) { name } else { &unique });
    let step = if random.percent(50) {
        step.with("externalId", random.below(3).to_string().as_str())
    } else {
        step
    };
    if random.percent(30) {
        step.with("title", "Guide")
    } else {
        step
    }
}

fn random_relations(random: &mut Random, step: Step) -> Step {
    let relations: &[&str] = match step.kind {
        User => &[],
        Group => &["members"],
        Device => &["users", "components"],
    };
    random
        .some(relations, 80)
        .into_iter()
        .fold(step, |step, relation| {
            let delta = random_delta(random, step.kind, relation);
            step.delta(delta)
        })
}

fn random_delta(random: &mut Random, kind: Kind, relation: &str) -> RelationDelta {
    let mut delta = RelationDelta::new(relation.into());
    delta.clear = random.percent(20);
    let unknown = random.percent(6).then_some("nobody");
    for id in IDS.into_iter().chain(unknown) {
        match random.below(6) {
            0 => delta.remove.push(ResourceId::new(id)),
            1 | 2 if random.percent(if kind.takes(relation, kind_of(id)) { 60 } else { 4 }) => {
                let mut member = Member::new();
                member.display = random.percent(30).then(|| "x".into());
                delta.add.push((ResourceId::new(id), member));
            }
            _ => {}
        }
    }
    delta
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Sequences that mostly fail, or never fail, would try little.
    #[test]
    fn random_commits_meet_every_effect_and_every_refusal() {
        let (mut accepted, mut refused) = (0, BTreeSet::new());
        let mut effects = BTreeSet::new();
        for seed in 0..SEQUENCES {
            let (mut random, mut model) = (Random::new(seed), Model::default());
            for number in 0..COMMITS {
                match model.commit(&random_commit(&mut random, &model, number)) {
                    Ok(found) => {
                        accepted += 1;
                        effects.extend(found.iter().map(|effect| format!("{effect:?}")));
                    }
                    Err(refusal) => {
                        let debug = format!("{refusal:?}");
                        refused.insert(debug.split(' ').next().unwrap().to_owned());
                    }
                }
                query_randomness(&mut random);
            }
        }
        assert!(accepted > 64 * COMMITS / 3, "{accepted} commits were accepted");
        assert_eq!(refused.len(), 5, "{refused:?}");
        for effect in ["Changed(7)", "Unchanged(1)", "Deleted", "Published", "Suppressed"] {
            assert!(effects.contains(effect), "{effects:?}");
        }
    }

    /// Draws what a query draws, so that the commits are those of the case.
    fn query_randomness(random: &mut Random) {
        random.pick(&FILTERS);
        random.below(3);
        random.below(4);
    }
}
