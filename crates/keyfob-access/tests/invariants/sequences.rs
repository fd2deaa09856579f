//! Runs the sequences.

use std::sync::atomic::Ordering;

use keyfob_core::{Projection, ResourceId};
use keyfob_engine::{Actor, Context, DynStore, TenantId};
use keyfob_provisioning::{Adopt, Deletion, Profile, Reprovision, TokenPolicy};
use keyfob_store_memory::MemoryStore;
use keyfob_store_sqlite::SqliteStore;
use pollster::block_on;
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};

use crate::{
    invariants::{Verdict, agree, holds, same, versions},
    model::{Made, Organization, Policy, User},
    steps::{Action, Alphabet, Edit, Field, Shape, Step, Steps, Who, beginning, steps},
    store::{Snapshot, snapshot},
    world::{PASSWORD, World},
};

/// The profiles under which sequences run: those of Verkada Command and of `AccessIQ`, and what may be decided otherwise.
#[derive(Clone, Copy, Debug)]
enum Service {
    Verkada,
    Adopting,
    NotRestoring,
    Interop,
    AccessIq,
    /// As `AccessIq`, with users who come back.
    Restoring,
}

impl Service {
    fn profile(self) -> Profile {
        let mut profile = match self {
            Self::Verkada | Self::Adopting | Self::NotRestoring => Profile::verkada(),
            Self::Interop => Profile::interop(),
            Self::AccessIq | Self::Restoring => Profile::accessiq(),
        };
        match self {
            Self::Verkada | Self::Interop | Self::AccessIq => {}
            Self::Adopting => profile.adopt = Adopt::ByUserName,
            Self::NotRestoring => profile.reprovision = Reprovision::New,
            Self::Restoring => {
                (profile.deletion, profile.reprovision) = (Deletion::Soft, Reprovision::Restore);
                profile.adopt = Adopt::ByUserName;
            }
        }
        profile
    }

    fn alphabet(self) -> Alphabet {
        match self {
            Self::AccessIq | Self::Restoring => Alphabet::Units,
            _ => Alphabet::Doors,
        }
    }

    fn policy(self) -> Policy {
        let profile = self.profile();
        Policy {
            deletes_softly: profile.deletion == Deletion::Soft,
            restores: profile.reprovision == Reprovision::Restore,
            adopts: profile.adopt == Adopt::ByUserName,
            invites: profile.invites,
            requires: !profile.protocol.required.is_empty(),
            default_unit: profile.default_unit,
            many_tokens: profile.tokens != TokenPolicy::One,
        }
    }
}

/// Sequences of at most so many steps, and under which profile each runs.
fn of_verkada(longest: usize) -> impl Strategy<Value = (Service, Steps)> {
    let services = prop_oneof![
        5 => Just(Service::Verkada),
        1 => Just(Service::Adopting),
        1 => Just(Service::NotRestoring),
        1 => Just(Service::Interop),
    ];
    (services, steps(Alphabet::Doors, longest))
}

fn of_accessiq(longest: usize) -> impl Strategy<Value = (Service, Steps)> {
    let services = prop_oneof![Just(Service::AccessIq), Just(Service::Restoring)];
    (services, steps(Alphabet::Units, longest))
}

/// Of how many sequences in all so many tenths.
fn tenths(tenths: u32) -> u32 {
    let wanted = std::env::var("KEYFOB_SEQUENCES").ok();
    let all: u32 = wanted.and_then(|number| number.parse().ok()).unwrap_or(200);
    all.div_ceil(10) * tenths
}

fn prove<T: std::fmt::Debug>(cases: u32, strategy: &impl Strategy<Value = T>, test: impl Fn(T) -> Verdict) {
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::with_cases(cases)
    });
    let outcome = runner.run(strategy, |case| test(case).map_err(TestCaseError::fail));
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn in_memory((service, steps): (Service, Steps)) -> Verdict {
    Run::new(DynStore::new(MemoryStore::new()), service).play(&steps)
}

// The longest stands first in the alphabet too, so that the others run beside it.
#[test]
fn cards_and_doors_keep_the_invariants_under_the_profile_of_verkada() {
    prove(tenths(7), &of_verkada(40), in_memory);
}

#[test]
fn units_and_roles_keep_the_invariants_under_the_profile_of_accessiq() {
    prove(tenths(2), &of_accessiq(40), in_memory);
}

#[test]
fn the_invariants_hold_over_sequences_on_sqlite() {
    let both = prop_oneof![of_verkada(20), of_accessiq(20)];
    prove(tenths(1), &both, |(service, steps)| {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let store = SqliteStore::open(directory.path().join("sequence.db"));
        let store = store.map_err(|error| error.to_string())?;
        Run::new(DynStore::new(store), service).play(&steps)
    });
}

/// Operations on different attributes.
fn independent() -> impl Strategy<Value = Vec<(Shape, Edit)>> {
    let fields = vec![
        Field::UserName,
        Field::GivenName,
        Field::FamilyName,
        Field::DisplayName,
        Field::Title,
        Field::Active,
        Field::Email,
        Field::Phone,
        Field::ExternalId,
        Field::CardFormat,
        Field::CardNumber,
        Field::FacilityCode,
        Field::CardStatus,
    ];
    let edit = (crate::steps::shape(), 0_u8..6, 0_u8..6);
    let edits = prop::collection::vec(edit, fields.len());
    (Just(fields).prop_shuffle(), edits).prop_map(|(fields, edits)| {
        let edits = fields.into_iter().zip(edits);
        edits
            .map(|(field, (shape, value, removed))| match (field, removed) {
                (Field::UserName, _) | (_, 1..) => (shape, Edit::Set(field, value)),
                _ => (shape, Edit::Remove(field)),
            })
            .collect()
    })
}

#[test]
fn invariant_10_the_order_of_independent_operations_is_of_no_account() {
    let orders = independent().prop_flat_map(|edits| (Just(edits.clone()), Just(edits).prop_shuffle()));
    let strategy = (steps(Alphabet::Doors, 12), any::<Index>(), orders);
    prove(tenths(1), &strategy, |(steps, who, (one, other))| {
        let mut seen = Vec::new();
        for edits in [one, other] {
            let mut run = Run::new(DynStore::new(MemoryStore::new()), Service::Verkada);
            run.play(&steps)?;
            let who = Who::Nth(u8::try_from(who.index(256)).unwrap());
            let id = run.model[0].user_id(who, &run.model[1]);
            let action = Action::PatchUser(Actor::Provider, who, edits);
            let outcome = run.step(&Step {
                organization: 0,
                action,
                outage: false,
            });
            outcome?;
            let world = &run.world;
            let found = block_on(world.engine.get(
                &world.tenants[0],
                world.kind("User"),
                &ResourceId::new(id),
                &Projection::all(),
            ));
            let mut found = found.ok();
            // When it happened is not what it came to.
            if let Some(found) = &mut found {
                found.core_mut().remove("meta");
            }
            seen.push((found, run.model[0].clone().users));
        }
        same!(seen[0], seen[1], "10: the same operations in another order");
        Ok(())
    });
}

/// A sequence as far as it has come.
struct Run {
    world: World,
    model: [Organization; 2],
    alphabet: Alphabet,
    /// Of the organizations, and of the service itself.
    snapshots: [Snapshot; 3],
}

impl Run {
    /// Two organizations that are linked to their providers.
    fn new(store: DynStore, service: Service) -> Self {
        let world = World::new(store, service.profile());
        let organization = || Organization::new(service.policy());
        let mut run = Self {
            world,
            model: [organization(), organization()],
            alphabet: service.alphabet(),
            snapshots: Default::default(),
        };
        run.snapshots = run.look();
        run
    }

    fn look(&self) -> [Snapshot; 3] {
        let store = self.world.engine.store();
        let [one, other] = &self.world.tenants;
        let service = Context::new(TenantId::SYSTEM);
        [
            snapshot(store, one),
            snapshot(store, other),
            snapshot(store, &service),
        ]
    }

    fn play(&mut self, steps: &Steps) -> Verdict {
        for step in beginning(self.alphabet) {
            self.step(&step)
                .map_err(|fault| format!("in the beginning, {step:?}: {fault}"))?;
        }
        for (number, step) in steps.0.iter().enumerate() {
            self.step(step)
                .map_err(|fault| format!("step {number}, {step:?}: {fault}"))?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Verdict {
        let number = step.organization;
        let (before, others) = (self.model[number].clone(), self.model[1 - number].clone());
        let expected = before.after(&step.action, &Made::default(), &others);
        let store = self.world.engine.store();
        store.hooks().is_down.store(step.outage, Ordering::Relaxed);
        let outcome = self.world.run(number, &step.action, &before, &others);
        store.hooks().is_down.store(false, Ordering::Relaxed);
        let snapshots = self.look();
        let made = match (expected, outcome) {
            (expected, Err(refusal)) => {
                // 9 and L-5.
                self.unchanged(&snapshots, "9: a refused step")?;
                if step.outage && refusal.status == 503 {
                    return Ok(());
                }
                let Err(reasons) = expected else {
                    return Err(format!("refused with {refusal:?}, without a reason"));
                };
                let is_it = |reason: &crate::model::Refusal| {
                    reason.status == refusal.status && (reason.kind.is_empty() || reason.kind == refusal.kind)
                };
                holds!(
                    reasons.iter().any(is_it),
                    "refused with {refusal:?} and not for {reasons:?}"
                );
                return Ok(());
            }
            (Err(reasons), Ok(_)) => return Err(format!("accepted, in spite of {reasons:?}")),
            (Ok(_), Ok(made)) => made,
        };
        // U-11.
        let is_secret = |stored: &keyfob_engine::Stored| format!("{stored:?}").contains(PASSWORD);
        holds!(
            !snapshots[number].resources.values().any(is_secret),
            "U-11: a password is stored"
        );
        let after = before
            .after(&step.action, &made, &others)
            .expect("it was accepted");
        check_id(&after, &made, &others)?;
        let same_content = |one: &Organization, other: &Organization| {
            let content = |organization: &Organization| Organization {
                subject: None,
                ..organization.clone()
            };
            content(one) == content(other)
        };
        if same_content(&before, &after) {
            // 11 and 12.
            self.unchanged(&snapshots, "11, 12: a step that changes nothing")?;
        } else if !same_content(&before.as_seen(), &after.as_seen()) {
            let events = |snapshot: &Snapshot| snapshot.events.len();
            holds!(
                events(&snapshots[number]) > events(&self.snapshots[number]),
                "a change of which nobody is told"
            );
        }
        same!(
            snapshots[1 - number],
            self.snapshots[1 - number],
            "T-1: the other organization"
        );
        let unlinks = matches!(step.action, Action::Unlink(..));
        versions(
            (&before, &self.snapshots[number]),
            (&after, &snapshots[number]),
            unlinks,
        )?;
        self.model[number] = after.clone();
        self.snapshots = snapshots;
        agree(&self.world, number, &self.model[number], &others)?;
        // Whoever comes back does without what somebody else has by now, which is refused to those who are there.
        let is_gone = |user: &User| !user.is_live();
        let comes_back = after
            .users
            .iter()
            .any(|(id, user)| user.is_live() && before.users.get(id).is_some_and(is_gone));
        if is_idempotent(&step.action) && !comes_back {
            self.again(number, &step.action)?;
        }
        Ok(())
    }

    /// 11: what is done twice is done once.
    fn again(&mut self, number: usize, action: &Action) -> Verdict {
        let (organization, others) = (&self.model[number], &self.model[1 - number]);
        let outcome = self.world.run(number, action, organization, others);
        holds!(outcome.is_ok(), "11: done again, it is refused: {outcome:?}");
        let snapshots = self.look();
        self.unchanged(&snapshots, "11: done again")
    }

    fn unchanged(&self, snapshots: &[Snapshot; 3], what: &str) -> Verdict {
        for (now, before) in snapshots.iter().zip(&self.snapshots) {
            same!(now.events, before.events, "{what}: what was told");
            for (key, stored) in &before.resources {
                same!(
                    now.resources.get(key),
                    Some(stored),
                    "{what}: what is stored under {key:?}"
                );
            }
            same!(
                now.resources.keys().collect::<Vec<_>>(),
                before.resources.keys().collect::<Vec<_>>(),
                "{what}: what is stored"
            );
        }
        Ok(())
    }
}

/// 7 and 8: whoever is new has an id that nobody ever had, and whoever comes back has the id that it had.
fn check_id(after: &Organization, made: &Made, others: &Organization) -> Verdict {
    let Some(id) = &made.id else { return Ok(()) };
    same!(after.subject.as_ref(), Some(id), "8: which resource it is");
    let known = |organization: &Organization| {
        let users = organization.known_users.iter().chain(&organization.known_groups);
        let all = users.chain(&organization.known_access_groups);
        all.filter(|known| *known == id).count()
    };
    let times = known(after) + known(others);
    same!(times, 1, "7: how many resources ever had the id `{id}`");
    Ok(())
}

/// Whether doing it twice is doing it once.
fn is_idempotent(action: &Action) -> bool {
    matches!(
        action,
        Action::PutUser(..)
            | Action::PatchUser(..)
            | Action::PutBackUser(_)
            | Action::PutGroup(..)
            | Action::PatchGroup(..)
            | Action::PutBackGroup(_)
            | Action::AddDomain(..)
            | Action::SetInvites(..)
            | Action::SetSynchronization(..)
            | Action::WithdrawInvite(..)
            | Action::SetActive(_, _, false)
            | Action::Unlink(..)
            | Action::Convert(..)
            | Action::ChangeMembers(..)
            | Action::AssignLevel(..)
            | Action::UnassignLevel(..)
            | Action::SetDefaultUnit(..)
            | Action::MoveUnit(..)
            | Action::MapGroup(..)
            | Action::Grant(..)
            | Action::Revoke(..)
    )
}
