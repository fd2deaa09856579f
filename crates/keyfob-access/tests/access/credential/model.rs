//! Random writes of credentials beside a naive model of their life.

use std::collections::{BTreeMap, BTreeSet};

use keyfob_access::{CardStatus, Credential};
use keyfob_core::ResourceId;
use keyfob_provisioning::UserState;
use pollster::block_on;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::fixture::{Organization, URN, WIEGAND, refusal};

const USERS: [&str; 3] = ["ann", "bob", "cat"];

/// Few values, so that users get in each other's way, and wrong ones among them.
const VALUES: [(&str, &str); 22] = [
    ("cardFormat", WIEGAND),
    ("cardFormat", WIEGAND),
    ("cardFormat", "hid"),
    ("cardFormat", "HID 37-bit No Facility Code"),
    ("cardFormat", "nonsense"),
    ("cardFormat", ""),
    ("cardNumber", "1"),
    ("cardNumber", "2"),
    ("cardNumber", "002"),
    ("cardNumber", "65536"),
    ("cardNumber", "x"),
    ("cardNumber", ""),
    ("facilityCode", "7"),
    ("facilityCode", " 7 "),
    ("facilityCode", "256"),
    ("facilityCode", ""),
    ("credentialStatus", "active"),
    ("credentialStatus", "Active"),
    ("credentialStatus", "deactivated"),
    ("credentialStatus", "deleted"),
    ("credentialStatus", "lost"),
    ("credentialStatus", ""),
];

type Attributes = BTreeMap<&'static str, &'static str>;

#[derive(Clone, Debug)]
enum Step {
    /// A PATCH with an operation for each.
    Send(usize, Vec<(&'static str, &'static str)>),
    /// A PATCH that takes them away.
    Remove(usize, Vec<&'static str>),
    RemoveExtension(usize),
    /// A PUT of what a GET answers.
    PutBack(usize),
    /// A POST, also of a user who is among the deleted ones.
    Post(usize, Vec<(&'static str, &'static str)>),
    SetActive(usize, bool),
    Delete(usize),
    Restore(usize),
    Purge(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let user = 0..USERS.len();
    let complete =
        (select(vec!["1", "2"]), select(vec!["active", "deactivated"])).prop_map(|(number, status)| {
            vec![
                ("cardFormat", WIEGAND),
                ("cardNumber", number),
                ("facilityCode", "7"),
                ("credentialStatus", status),
            ]
        });
    let some = prop_oneof![2 => vec(select(VALUES.to_vec()), 1..5), 1 => complete];
    let names = vec!["cardFormat", "cardNumber", "facilityCode", "credentialStatus"];
    prop_oneof![
        12 => (user.clone(), some.clone()).prop_map(|(user, sent)| Step::Send(user, sent)),
        2 => (user.clone(), vec(select(names), 1..3)).prop_map(|(user, names)| Step::Remove(user, names)),
        1 => user.clone().prop_map(Step::RemoveExtension),
        2 => user.clone().prop_map(Step::PutBack),
        4 => (user.clone(), some).prop_map(|(user, sent)| Step::Post(user, sent)),
        2 => (user.clone(), any::<bool>()).prop_map(|(user, active)| Step::SetActive(user, active)),
        2 => user.clone().prop_map(Step::Delete),
        2 => user.clone().prop_map(Step::Restore),
        1 => user.prop_map(Step::Purge),
    ]
}

/// A card: whether it has 26 bits, its facility code and its number.
type Card = (bool, Option<u32>, u32);

/// A credential as 4.3 draws it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slot {
    Empty,
    Staged,
    Live { card: Card, id: u32, active: bool },
    Deleted,
}

#[derive(Clone, Debug)]
struct User {
    id: ResourceId,
    attributes: Attributes,
    slot: Slot,
    /// How many cards there have been.
    cards: u32,
    state: UserState,
}

/// What a text of the four says of a card.
enum Said {
    Nothing,
    Incomplete,
    Wrong,
    Card(Card),
}

fn said(attributes: &Attributes) -> Said {
    let text = |name| attributes.get(name).map_or("", |text: &&str| text.trim());
    let (format, number, facility) = (text("cardFormat"), text("cardNumber"), text("facilityCode"));
    let is_short = match format {
        "nonsense" => return Said::Wrong,
        "" if number.is_empty() && facility.is_empty() => return Said::Nothing,
        "" => return Said::Incomplete,
        format => format != "HID 37-bit No Facility Code",
    };
    if number.is_empty() || is_short && facility.is_empty() {
        return Said::Incomplete;
    }
    let Ok(number) = number.parse::<u32>() else {
        return Said::Wrong;
    };
    let facility = facility.parse::<u32>().ok().filter(|_| is_short);
    if is_short && (number > 65_535 || facility > Some(255)) {
        return Said::Wrong;
    }
    Said::Card((is_short, facility, number))
}

/// What a credential becomes with these attributes; `None` where they are refused.
fn next(slot: Slot, attributes: &Attributes, cards: &mut u32) -> Option<Slot> {
    let status = attributes
        .get("credentialStatus")
        .map_or("", |status| status.trim());
    let status = status.to_ascii_lowercase();
    let mut created = |card| {
        *cards += 1;
        let (id, active) = (*cards, true);
        Slot::Live { card, id, active }
    };
    let (card, nothing) = match said(attributes) {
        // A mistake keeps no card alive.
        Said::Wrong if status != "deleted" => return None,
        _ if status == "lost" => return None,
        Said::Card(card) => (Some(card), false),
        Said::Nothing => (None, status.is_empty()),
        Said::Incomplete | Said::Wrong => (None, false),
    };
    Some(match slot {
        Slot::Empty | Slot::Staged => match (status.as_str(), card) {
            ("active", Some(card)) => created(card),
            _ if nothing => Slot::Empty,
            _ => Slot::Staged,
        },
        Slot::Live { card: old, id, .. } => match (status.as_str(), card) {
            ("active", Some(card)) if card == old => Slot::Live {
                card,
                id,
                active: true,
            },
            ("deactivated", Some(card)) if card == old => Slot::Live {
                card,
                id,
                active: false,
            },
            ("active", Some(card)) => created(card),
            ("deactivated", Some(_)) => Slot::Staged,
            _ => Slot::Deleted,
        },
        Slot::Deleted => match (status.as_str(), card) {
            ("active", Some(card)) => created(card),
            ("active" | "deactivated", _) => Slot::Staged,
            _ => Slot::Deleted,
        },
    })
}

struct Run<'o> {
    organization: &'o Organization,
    users: BTreeMap<usize, User>,
    told: Vec<String>,
}

impl Run<'_> {
    /// Whether another user who is not deleted has the card.
    fn is_taken(&self, number: usize, slot: Slot) -> bool {
        let Slot::Live { card: wanted, .. } = slot else {
            return false;
        };
        let mut others = self.users.iter().filter(|(other, _)| **other != number);
        others.any(|(_, user)| {
            let has = matches!(user.slot, Slot::Live { card, .. } if card == wanted);
            has && user.state != UserState::Deleted
        })
    }

    /// What the model makes of a request: its new self, or the status of the refusal.
    fn expected(&self, number: usize, attributes: Attributes, before: &User) -> Result<User, u16> {
        let mut user = before.clone();
        if attributes != before.attributes {
            user.slot = next(before.slot, &attributes, &mut user.cards).ok_or(400_u16)?;
        }
        user.attributes = attributes;
        if self.is_taken(number, user.slot) {
            let id = |slot| match slot {
                Slot::Live { id, .. } => Some(id),
                _ => None,
            };
            // C-11: a deleted user comes back without the card that it had.
            if before.state != UserState::Deleted || id(before.slot) != id(user.slot) {
                return Err(409);
            }
            user.attributes.remove("cardNumber");
            user.slot = Slot::Deleted;
        }
        Ok(user)
    }

    fn tell(&mut self, before: Slot, after: Slot, id: &ResourceId) {
        let mut tell = |what, card| self.told.push(format!("credential{what} {id}.{card}"));
        match (before, after) {
            (
                Slot::Live { id, active, .. },
                Slot::Live {
                    id: same,
                    active: now,
                    ..
                },
            ) if id == same => {
                if active != now {
                    tell(if now { "Activated" } else { "Deactivated" }, id);
                }
            }
            (before, after) => {
                if let Slot::Live { id, .. } = before {
                    tell("Deleted", id);
                }
                if let Slot::Live { id, .. } = after {
                    tell("Created", id);
                }
            }
        }
    }

    /// A request that makes these attributes of a user's.
    fn change(&mut self, number: usize, attributes: Attributes, operations: &Value) {
        let organization = self.organization;
        let Some(before) = self.users.get(&number).cloned() else {
            return;
        };
        if before.state == UserState::Deleted {
            assert_eq!(refusal(organization.patch(&before.id, operations)).0, 404);
            return;
        }
        let version = organization.version(&before.id);
        let expected = self.expected(number, attributes, &before);
        let outcome = organization.patch(&before.id, operations);
        match expected {
            Err(status) => assert_eq!(refusal(outcome).0, status),
            Ok(after) => {
                let is_changed = after.attributes != before.attributes;
                assert_eq!(
                    outcome.unwrap().tag.version() != version,
                    is_changed,
                    "invariant 11"
                );
                self.tell(before.slot, after.slot, &before.id);
                self.users.insert(number, after);
            }
        }
    }

    fn apply(&mut self, step: &Step) {
        let organization = self.organization;
        let attributes_of = |run: &Self, number: &usize| {
            let user = run.users.get(number);
            user.map(|user| user.attributes.clone()).unwrap_or_default()
        };
        match step {
            Step::Send(number, sent) => {
                let mut attributes = attributes_of(self, number);
                attributes.extend(sent.iter().copied());
                self.change(*number, attributes, &super::fixture::adds(sent));
            }
            Step::Remove(number, names) => {
                let mut attributes = attributes_of(self, number);
                attributes.retain(|name, _| !names.contains(name));
                let operations = names
                    .iter()
                    .map(|name| json!({"op": "remove", "path": format!("{URN}:{name}")}));
                self.change(*number, attributes, &operations.collect());
            }
            Step::RemoveExtension(number) => {
                self.change(
                    *number,
                    Attributes::new(),
                    &json!([{"op": "remove", "path": URN}]),
                );
            }
            Step::PutBack(number) => {
                let user = self
                    .users
                    .get(number)
                    .filter(|user| user.state != UserState::Deleted);
                if let Some(user) = user {
                    let version = organization.version(&user.id);
                    let written = organization.put(&user.id, &organization.get(&user.id)).unwrap();
                    assert_eq!(written.tag.version(), version, "invariant 12");
                }
            }
            Step::Post(number, sent) => self.post(*number, sent),
            Step::SetActive(number, active) => {
                if let Some(user) = self
                    .users
                    .get_mut(number)
                    .filter(|user| user.state != UserState::Deleted)
                {
                    organization.set_active(&user.id, *active);
                    user.state = if *active {
                        UserState::Active
                    } else {
                        UserState::Deactivated
                    };
                }
            }
            Step::Delete(number) => {
                if let Some(user) = self
                    .users
                    .get_mut(number)
                    .filter(|user| user.state != UserState::Deleted)
                {
                    organization.delete(&user.id);
                    user.state = UserState::Deleted;
                }
            }
            Step::Restore(number) => {
                let Some(user) = self
                    .users
                    .get(number)
                    .filter(|user| user.state == UserState::Deleted)
                else {
                    return;
                };
                let admin = organization.engine.admin();
                block_on(admin.restore_user(&organization.admin, &user.id)).unwrap();
                let mut after = self.expected(*number, user.attributes.clone(), user).unwrap();
                after.state = UserState::Deactivated;
                let (id, before) = (user.id.clone(), user.slot);
                self.tell(before, after.slot, &id);
                self.users.insert(*number, after);
            }
            Step::Purge(number) => {
                if let Some(user) = self.users.remove(number) {
                    if user.state == UserState::Active {
                        organization.set_active(&user.id, false);
                    }
                    organization.purge(&user.id);
                }
            }
        }
    }

    fn post(&mut self, number: usize, sent: &[(&'static str, &'static str)]) {
        let organization = self.organization;
        let attributes: Attributes = sent.iter().copied().collect();
        let outcome = organization.post(USERS[number], sent);
        let before = self.users.get(&number).cloned();
        if before
            .as_ref()
            .is_some_and(|user| user.state != UserState::Deleted)
        {
            // Rules look at a user before the store finds the userName taken.
            let is_wrong = next(Slot::Empty, &attributes, &mut 0).is_none();
            assert_eq!(refusal(outcome).0, if is_wrong { 400 } else { 409 });
            return;
        }
        let id = outcome.as_ref().ok().cloned();
        let before = before.unwrap_or_else(|| User {
            id: id.unwrap_or_else(|| ResourceId::new("nobody")),
            attributes: Attributes::new(),
            slot: Slot::Empty,
            cards: 0,
            state: UserState::Active,
        });
        match self.expected(number, attributes, &before) {
            Err(status) => assert_eq!(refusal(outcome).0, status),
            Ok(mut after) => {
                assert_eq!(outcome.unwrap(), before.id);
                after.state = UserState::Active;
                self.tell(before.slot, after.slot, &before.id);
                self.users.insert(number, after);
            }
        }
    }

    fn check(&self) {
        let organization = self.organization;
        let mut cards = BTreeSet::new();
        for user in self.users.values() {
            let view = organization.view(&user.id);
            assert_eq!(view.state, user.state);
            let credential = Credential::of(&view.internal);
            let found = match &credential {
                None => Slot::Empty,
                Some(Credential::Staged { problem, .. }) => {
                    assert_eq!(*problem, None);
                    Slot::Staged
                }
                Some(Credential::Live { card, status, .. }) => {
                    let (owner, number) = card.id.rsplit_once('.').unwrap();
                    assert_eq!(owner, user.id.as_str());
                    Slot::Live {
                        card: (
                            card.format == WIEGAND,
                            card.facility.map(|facility| u32::try_from(facility).unwrap()),
                            u32::try_from(card.number).unwrap(),
                        ),
                        id: number.parse().unwrap(),
                        active: *status == CardStatus::Active,
                    }
                }
                Some(Credential::Deleted) => Slot::Deleted,
                Some(other) => panic!("{other:?}"),
            };
            assert_eq!(found, user.slot, "{:?}", user.attributes);
            let effective = credential.is_some_and(|credential| credential.is_effective(view.state));
            let expected =
                matches!(user.slot, Slot::Live { active: true, .. }) && user.state == UserState::Active;
            assert_eq!(effective, expected, "invariant 6");
            if user.state == UserState::Deleted {
                continue;
            }
            if let Slot::Live { card, .. } = user.slot {
                assert!(cards.insert(card), "invariant 2");
            }
            let echoed = organization.echoed(&user.id);
            let expected = user
                .attributes
                .iter()
                .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
            assert_eq!(echoed, expected.collect());
        }
        assert_eq!(organization.told(), self.told);
    }
}

fn run(organization: &Organization, steps: &[Step]) {
    let mut run = Run {
        organization,
        users: BTreeMap::new(),
        told: Vec::new(),
    };
    for step in steps {
        run.apply(step);
        run.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn c_4_to_c_11_credentials_live_as_the_model_says_in_memory(steps in vec(step(), 1..40)) {
        run(&Organization::new(), &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn c_4_to_c_11_credentials_live_as_the_model_says_in_sqlite(steps in vec(step(), 1..20)) {
        run(&Organization::in_sqlite(), &steps);
    }
}
