//! Random commits, the same each time, against a model that does it the plain way.

use keyfob_core::{CompareKey, Member, ResourceId, message::SortOrder};
use keyfob_store::{
    Answer, Capabilities, Cause, Commit, Expected, Outcome, Paging, Query, RelationDelta, Total, UniqueKey,
    Visibility,
};

use crate::{
    cases::{cursors::pages, sorting::by},
    effect::Refusal,
    failure::{Failure, Verdict},
    fixture::{Device, Group, Kind, User, minute},
    model::{Model, check_outcome},
    random::Random,
    step::{Action, Step},
    tenancy::{Tenancy, Tested, normal, page_ids},
};

const SEQUENCES: u64 = 64;
const COMMITS: usize = 40;

const IDS: [&str; 9] = ["u1", "u2", "u3", "u4", "g1", "g2", "g3", "d1", "d2"];
const NAMES: [&str; 6] = ["ada", "ADA", "grace", "größe", "GRÖSSE", "σ"];
const FILTERS: [(Kind, &str); 13] = [
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
    (Group, "not (members pr)"),
    (Device, r#"serialNumber eq "ada""#),
    (Device, r#"partOf.value eq "d1" or users.display eq "x""#),
];
const SORTS: [(Kind, &str); 9] = [
    (User, "userName"),
    (User, "externalId"),
    (User, "meta.lastModified"),
    (User, "id"),
    (Group, "displayName"),
    (Group, "externalId"),
    (Group, "meta.created"),
    (Device, "serialNumber"),
    (Device, "meta.lastModified"),
];
const CAUSES: [&[Cause]; 4] = [
    &[Cause::Missing, Cause::IdTaken],
    &[Cause::ValueTaken, Cause::Version],
    &[Cause::UnknownMembers],
    &[
        Cause::Missing,
        Cause::IdTaken,
        Cause::ValueTaken,
        Cause::Version,
        Cause::UnknownMembers,
    ],
];

/// What the store keeps of that which is drawn.
struct World {
    kinds: Vec<Kind>,
    capabilities: Capabilities,
    has_unique_names: bool,
    attributes: Vec<(Kind, &'static str)>,
}

impl World {
    fn of(tenant: &Tenancy<'_, impl Tested>) -> Self {
        let attributes = Kind::ALL.into_iter().flat_map(|kind| {
            ["externalId", "title", "members", "users", "components"].map(|name| (kind, name))
        });
        Self {
            kinds: tenant.kinds(),
            capabilities: tenant.capabilities().clone(),
            has_unique_names: tenant.has_unique_names,
            attributes: attributes
                .filter(|(kind, name)| tenant.keeps(*kind, name))
                .collect(),
        }
    }

    fn keeps(&self, kind: Kind, attribute: &str) -> bool {
        self.attributes
            .iter()
            .any(|(of, name)| *of == kind && *name == attribute)
    }

    fn ids(&self) -> Vec<&'static str> {
        let ids = IDS.into_iter();
        ids.filter(|id| self.kinds.contains(&kind_of(id))).collect()
    }
}

pub(crate) async fn random_commits_do_what_the_model_does(acme: &Tenancy<'_, impl Tested>) -> Verdict {
    let world = World::of(acme);
    for seed in 0..SEQUENCES {
        let tenant = acme.other(&format!("tenant {seed}"));
        let mut random = Random::new(seed);
        let mut model = Model::new(acme.registry);
        let mut number = 0;
        while number < COMMITS {
            // Some are handed over together.
            let together = if random.percent(15) { 3 } else { 1 };
            let mut commits = Vec::new();
            let mut expected = Vec::new();
            let mut drawn = Vec::new();
            for _ in 0..together {
                let steps = random_commit(&mut random, &world, &model, number);
                let commit = random_answer(&mut random, &tenant, tenant.to_commit(&steps)?, &steps)?;
                expected.push(expect(&mut model, &commit, &steps));
                commits.push(commit);
                drawn.push(steps);
                number += 1;
            }
            let context = |failure: Failure| {
                Failure::new(format!(
                    "seed {seed}, up to commit {number}, of {drawn:#?}\n{failure}"
                ))
            };
            follow(&tenant, &model, commits, &expected)
                .await
                .map_err(context)?;
            query(&tenant, &world, &model, &mut random)
                .await
                .map_err(context)?;
        }
    }
    Ok(())
}

/// What has to become of a commit: its outcomes, and its answer if it asks for one.
type Expectation = Result<(Vec<Outcome>, Option<Option<keyfob_store::Stored>>), Refusal>;

fn expect(model: &mut Model<'_>, commit: &Commit, steps: &[Step]) -> Expectation {
    let outcomes = model.commit(steps, commit)?;
    let answer = commit.answer.as_ref().map(|answer| {
        let is_made = outcomes.get(answer.change).and_then(Outcome::revision).is_some();
        let step = steps.get(answer.change).filter(|_| is_made)?;
        model.get(step.kind, &step.id)
    });
    Ok((outcomes, answer))
}

/// Commits, and compares what the store answers and what it then holds.
async fn follow(
    tenant: &Tenancy<'_, impl Tested>,
    model: &Model<'_>,
    commits: Vec<Commit>,
    expected: &[Expectation],
) -> Verdict {
    let results = tenant.commit_all(commits).await?;
    for (found, expected) in results.into_iter().zip(expected) {
        match (found, expected) {
            (Ok(committed), Ok((outcomes, answer))) => {
                for (found, expected) in committed.outcomes.iter().zip(outcomes) {
                    check_outcome(found, expected)?;
                }
                if let Some(answer) = answer {
                    ensure_eq!(committed.answer.map(normal), *answer, "the answer of the commit");
                }
            }
            (Err(found), Err(expected)) => ensure_eq!(found, *expected, "why the commit was refused"),
            (found, expected) => {
                return Err(Failure::different("the result of the commit", &found, expected));
            }
        }
    }
    let state = tenant.state().await?;
    let expected = model.resources(&tenant.kinds());
    let mut pairs = state.resources.iter().zip(&expected);
    if let Some((found, expected)) = pairs.find(|(found, expected)| found != expected) {
        return Err(Failure::different("a resource after the commit", found, expected));
    }
    ensure_eq!(
        state.resources.len(),
        expected.len(),
        "how many resources there are after the commit"
    );
    match &state.events {
        Some(events) => model.check_events(events),
        None => Ok(()),
    }
}

/// Asks for a page, for pages by cursor, for hidden members, and for who reserves a key.
async fn query(
    tenant: &Tenancy<'_, impl Tested>,
    world: &World,
    model: &Model<'_>,
    random: &mut Random,
) -> Verdict {
    let visibility = if random.percent(25) && world.capabilities.hiding {
        Visibility::Hidden
    } else {
        Visibility::Live
    };
    let filter = random.pick(&FILTERS).copied().unwrap_or((User, "userName pr"));
    find(tenant, world, model, random, visibility, filter).await?;
    sort(tenant, world, model, random, visibility).await?;
    let kind = random.pick(&world.kinds).copied().unwrap_or(User);
    let owner = if random.percent(70) { Group } else { Device };
    if world.capabilities.hiding && world.kinds.contains(&owner) {
        let selection = tenant.everything(owner)?.with_hidden_members();
        let query = Query::all().with_selection(selection).with_visibility(visibility);
        let page = tenant.query(owner, &query).await?;
        ensure_eq!(
            page.resources,
            model.list(owner, visibility, None, Visibility::Hidden),
            "the hidden members"
        );
    }
    let mut keys = model.reserved();
    keys.push((kind, UniqueKey::new("userName", CompareKey::verbatim("ada"))));
    if let Some((kind, key)) = random.pick(&keys) {
        let page = tenant.query(*kind, &Query::reserving(key.clone())).await?;
        let expected: Vec<String> = model
            .reserving(*kind, key)
            .into_iter()
            .map(ToString::to_string)
            .collect();
        ensure_eq!(page_ids(&page)?, expected, "who reserves {key:?}");
    }
    Ok(())
}

async fn find(
    tenant: &Tenancy<'_, impl Tested>,
    world: &World,
    model: &Model<'_>,
    random: &mut Random,
    visibility: Visibility,
    (kind, filter): (Kind, &str),
) -> Verdict {
    let (offset, count) = (random.below(3), random.below(4));
    if !world.kinds.contains(&kind) || (filter.contains("title") && !world.keeps(kind, "title")) {
        return Ok(());
    }
    let predicate = tenant.compile(kind, filter)?;
    let all = model.list(kind, visibility, None, Visibility::Live).into_iter();
    let expected: Vec<String> = all
        .filter(|stored| predicate.matches(&stored.resource))
        .filter_map(|stored| Some(stored.resource.id()?.to_string()))
        .collect();
    let query = Query::first(count)
        .with_filter(predicate)
        .with_visibility(visibility)
        .with_paging(Paging::Offset { offset, count });
    let page = tenant.query(kind, &query).await?;
    ensure_eq!(
        page.total,
        Some(expected.len()),
        "how many {visibility:?} match `{filter}`"
    );
    let on_page: Vec<_> = expected.iter().skip(offset).take(count).cloned().collect();
    ensure_eq!(
        page_ids(&page)?,
        on_page,
        "a page of {count} after {offset} of `{filter}`"
    );
    if world.capabilities.cursors && random.percent(50) {
        let query = query.with_total(Total::Unknown);
        ensure_eq!(
            pages(tenant, kind, &query, count + 1).await?,
            expected,
            "the pages of `{filter}`"
        );
    }
    Ok(())
}

async fn sort(
    tenant: &Tenancy<'_, impl Tested>,
    world: &World,
    model: &Model<'_>,
    random: &mut Random,
    visibility: Visibility,
) -> Verdict {
    let (kind, path) = random.pick(&SORTS).copied().unwrap_or((User, "id"));
    let order = if random.percent(50) {
        SortOrder::Ascending
    } else {
        SortOrder::Descending
    };
    let count = 1 + random.below(3);
    let is_kept = world.kinds.contains(&kind) && (path != "externalId" || world.keeps(kind, path));
    if !world.capabilities.sorting || !is_kept {
        return Ok(());
    }
    let sorted = model.list(kind, visibility, Some((path, order)), Visibility::Live);
    let expected: Vec<String> = sorted
        .iter()
        .filter_map(|stored| Some(stored.resource.id()?.to_string()))
        .collect();
    let query = Query::first(usize::MAX)
        .with_visibility(visibility)
        .with_sort(by(path, order)?);
    ensure_eq!(
        tenant.ids_of(kind, &query).await?,
        expected,
        "the {visibility:?} by {path}, {order:?}"
    );
    if world.capabilities.cursors {
        ensure_eq!(
            pages(tenant, kind, &query, count).await?,
            expected,
            "the pages of {count} by {path}, {order:?}"
        );
    }
    Ok(())
}

/// Lets some commits ask for a resource that they create or update.
fn random_answer(
    random: &mut Random,
    tenant: &Tenancy<'_, impl Tested>,
    commit: Commit,
    steps: &[Step],
) -> Result<Commit, Failure> {
    let places = steps.iter().enumerate();
    let places = places.filter(|(_, step)| matches!(step.action, Action::Create | Action::Update));
    let places: Vec<(usize, Kind)> = places.map(|(place, step)| (place, step.kind)).collect();
    match random.pick(&places) {
        Some((change, kind)) if random.percent(40) => Ok(commit.with_answer(Answer {
            change: *change,
            selection: tenant.everything(*kind)?,
        })),
        _ => Ok(commit),
    }
}

fn random_commit(random: &mut Random, world: &World, model: &Model<'_>, number: usize) -> Vec<Step> {
    let mut steps = Vec::new();
    for _ in 0..=random.below(3) {
        let step = random_step(random, world, model);
        let (kind, id) = (step.kind, step.id.clone());
        let deleted = step.action == Action::Delete;
        steps.push(step);
        if deleted && random.percent(40) {
            let other = if kind == User { Group } else { User };
            let kind = if random.percent(30) { other } else { kind };
            steps.push(random_creation(random, world, kind, id.as_str()));
        }
        if random.percent(30) {
            let event = Step::publish("event", kind, id.as_str());
            let change = random.below(steps.len() + 1).checked_sub(1);
            steps.push(match change {
                None => event,
                Some(change) if random.percent(30) => event.unless(change),
                Some(change) => event.of(change),
            });
        }
    }
    if random.percent(5)
        && let Some(step) = random.pick(&steps)
    {
        let (kind, id) = (step.kind, step.id.to_string());
        steps.push(Step::forget(kind, &id));
    }
    // Some clocks are behind. What becomes of the times of an id that is used again by such a clock is the store's affair.
    let is_fresh = |step: &Step| step.action != Action::Create || model.is_fresh(&step.id);
    let minutes = if random.percent(15) && steps.iter().all(is_fresh) {
        random.below(number + 1)
    } else {
        number
    };
    for step in &mut steps {
        step.at = minute(i64::try_from(minutes).unwrap_or_default());
    }
    steps
}

fn random_step(random: &mut Random, world: &World, model: &Model<'_>) -> Step {
    let id = random.pick(&world.ids()).copied().unwrap_or_default();
    let odd = random.percent(3);
    let kind = if odd {
        world.kinds.last().copied().unwrap_or(User)
    } else {
        kind_of(id)
    };
    let version = model.version(&ResourceId::new(id));
    if random.percent(8) {
        return Step::expect(kind, id, random_expectation(random, version));
    }
    // Half of what is tried would fail if it were drawn blindly; so it is the fitting thing more often than not.
    let exists = version.is_some() != random.percent(8);
    if !exists {
        return random_creation(random, world, kind, id);
    }
    let step = match random.below(11) {
        0 => Step::delete(kind, id),
        1..=4 => random_relations(random, world, Step::update(kind, id)),
        5 | 6 => random_document(random, world, Step::update(kind, id)),
        7 | 8 if world.capabilities.hiding => random_visibility(random, world, kind, id),
        _ => {
            let step = random_document(random, world, Step::update(kind, id));
            random_relations(random, world, step)
        }
    };
    let step = match random.below(8) {
        0 => step.precondition(u64::try_from(random.below(4)).unwrap_or_default()),
        1 | 2 => step.precondition(version.unwrap_or(1)),
        _ => step,
    };
    let step = random_refusal(random, step);
    random_state(random, step)
}

fn random_expectation(random: &mut Random, version: Option<u64>) -> Expected {
    let fits = random.percent(85);
    match version {
        Some(version) if fits && random.percent(60) => Expected::Version(keyfob_core::Version::new(version)),
        Some(_) if fits => Expected::Present,
        None if fits => Expected::Absent,
        _ => {
            let others = [
                Expected::Present,
                Expected::Absent,
                Expected::Version(keyfob_core::Version::new(2)),
            ];
            random.pick(&others).copied().unwrap_or(Expected::Absent)
        }
    }
}

/// Hides or reveals a resource, alone or with other changes.
fn random_visibility(random: &mut Random, world: &World, kind: Kind, id: &str) -> Step {
    let seen = if random.percent(50) {
        Visibility::Hidden
    } else {
        Visibility::Live
    };
    let step = Step::update(kind, id).seen(seen);
    let step = match random.below(4) {
        0 => random_document(random, world, step),
        1 => step.keys(&[("userName", "ada")]),
        _ => step,
    };
    if random.percent(80) {
        return step;
    }
    // Whether a resource joins itself while its visibility changes is nobody's question.
    let mut step = random_relations(random, world, step);
    for delta in &mut step.relations {
        delta.add.retain(|(member, _)| member.as_str() != id);
        delta.remove.retain(|member| member.as_str() != id);
    }
    step
}

fn random_creation(random: &mut Random, world: &World, kind: Kind, id: &str) -> Step {
    let step = random_document(random, world, Step::create(kind, id));
    let step = random_relations(random, world, step);
    let step = random_refusal(random, step);
    random_state(random, step)
}

fn random_state(random: &mut Random, step: Step) -> Step {
    if random.percent(15) && step.action != Action::Delete {
        let number = i64::try_from(random.below(3)).unwrap_or_default();
        return step.state("number", number);
    }
    step
}

fn random_refusal(random: &mut Random, step: Step) -> Step {
    match random.pick(&CAUSES) {
        Some(causes) if random.percent(30) => step.or_skip(causes),
        _ => step,
    }
}

fn kind_of(id: &str) -> Kind {
    match id.chars().next() {
        Some('u') => User,
        Some('g') => Group,
        _ => Device,
    }
}

fn random_document(random: &mut Random, world: &World, step: Step) -> Step {
    let kind = step.kind;
    let name = random.pick(&NAMES).copied().unwrap_or_default();
    let unique = format!("{name}{}", random.below(3));
    let step = if world.has_unique_names && kind == User {
        let own = format!("{}{unique}", step.id);
        step.named(&own)
    } else {
        step.named(if random.percent(50) { name } else { &unique })
    };
    let step = if random.percent(50) && world.keeps(kind, "externalId") {
        step.with("externalId", random.below(3).to_string().as_str())
    } else {
        step
    };
    if random.percent(30) && (world.keeps(kind, "title") || kind != User) {
        step.with(if kind == User { "title" } else { "externalId" }, "Guide")
    } else {
        step
    }
}

fn random_relations(random: &mut Random, world: &World, step: Step) -> Step {
    let relations: Vec<&str> = ["members", "users", "components"]
        .into_iter()
        .filter(|relation| world.keeps(step.kind, relation))
        .collect();
    let mut step = step;
    let mut named: Vec<ResourceId> = Vec::new();
    for relation in random.some(&relations, 80) {
        let mut delta = random_delta(random, world, step.kind, relation);
        // Whether one who joins by two relations joins twice is nobody's question.
        delta.add.retain(|(id, _)| !named.contains(id));
        delta.remove.retain(|id| !named.contains(id));
        named.extend(delta.add.iter().map(|(id, _)| id.clone()));
        named.extend(delta.remove.iter().cloned());
        delta.clear &= step.relations.is_empty();
        step = step.delta(delta);
    }
    step.members.skip_unknown = random.percent(25);
    step.members.accept_hidden = random.percent(25);
    step
}

fn random_delta(random: &mut Random, world: &World, kind: Kind, relation: &str) -> RelationDelta {
    let mut delta = RelationDelta::new(relation.into());
    delta.clear = random.percent(20);
    let unknown = random.percent(6).then_some("nobody");
    for id in world.ids().into_iter().chain(unknown) {
        let is_nested = kind == Group && kind_of(id) == Group;
        match random.below(6) {
            0 => delta.remove.push(ResourceId::new(id)),
            _ if is_nested && !world.capabilities.nested_groups => {}
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
    use std::collections::{BTreeMap, BTreeSet};

    use keyfob_store::TenantId;

    use super::*;
    use crate::{effect::Effect, fixture::registry, tenancy::new_commit_id};

    /// Sequences that mostly fail, or never fail, would try little.
    #[test]
    fn random_commits_meet_every_effect_and_every_refusal() {
        let world = World {
            kinds: Kind::ALL.to_vec(),
            capabilities: Capabilities::full(),
            has_unique_names: false,
            attributes: vec![
                (User, "externalId"),
                (User, "title"),
                (Group, "externalId"),
                (Group, "members"),
                (Device, "users"),
                (Device, "components"),
            ],
        };
        let (mut accepted, mut all, mut refused) = (0, 0, BTreeSet::new());
        let mut effects: BTreeMap<String, usize> = BTreeMap::new();
        let mut hidden_edges = 0;
        for seed in 0..SEQUENCES {
            let (mut random, mut model) = (Random::new(seed), Model::new(registry()));
            for number in 0..COMMITS {
                let steps = random_commit(&mut random, &world, &model, number);
                let at = steps[0].at;
                let commit = Commit::new(new_commit_id(), TenantId::new("t"), at, Vec::new());
                all += 1;
                match model.commit(&steps, &commit) {
                    Ok(found) => {
                        accepted += 1;
                        for outcome in &found {
                            *effects.entry(format!("{:?}", Effect::from(outcome))).or_default() += 1;
                        }
                    }
                    Err(refusal) => {
                        let debug = format!("{refusal:?}");
                        refused.insert(debug.split(' ').next().unwrap().to_owned());
                    }
                }
                for kind in [Group, Device] {
                    let shown = model.list(kind, Visibility::Live, None, Visibility::Hidden);
                    let relations = shown.iter().flat_map(|stored| stored.resource.relations());
                    let inverse = |name: &keyfob_core::AttrName| name.is("partOf");
                    hidden_edges += relations
                        .filter(|(name, members)| !inverse(name) && !members.is_empty())
                        .count();
                }
            }
        }
        assert!(accepted > all / 3, "{accepted} of {all} commits were accepted");
        assert_eq!(refused.len(), 5, "{refused:?}");
        assert!(hidden_edges > 200, "{hidden_edges} hidden edges");
        for effect in [
            "Changed(7)",
            "Unchanged(1)",
            "Deleted",
            "Published",
            "Suppressed",
            "Expected",
            "Forgotten",
            "Skipped(Missing)",
            "Skipped(IdTaken)",
            "Skipped(ValueTaken)",
            "Skipped(Version)",
            "Skipped(UnknownMembers)",
        ] {
            assert!(effects.contains_key(effect), "no {effect} in {effects:?}");
        }
    }
}
