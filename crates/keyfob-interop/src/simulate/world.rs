//! The provider's own users and groups, and what it believes of them at the server.

use std::collections::BTreeSet;

use keyfob_core::{Object, SmolStr, Value};

use crate::simulate::{
    scenario::{Assign, Kind, Membership, ObjectState, Scenario},
    template::{Names, Text},
};

/// Names of people, some of which need escaping or more than ASCII on the wire.
const PEOPLE: [(&str, &str); 8] = [
    ("Ada", "Moreau"),
    ("Seán", "O'Brien"),
    ("보라", "김"),
    ("Zoë", "van der Berg"),
    ("Joy", "Young"),
    ("Nuria", "Peña & Co"),
    ("Omar", "Haddad"),
    ("Ines", "Kowalska"),
];

/// Users and groups of a source, in place of made-up ones: see [`Simulation::population`](crate::simulate::Simulation::population).
///
/// The attributes of each are those that a scenario's `objects` names, such as `userName`, `givenName` or `title`, as
/// texts or booleans. What is missing is made up where the scenario does so.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Population {
    /// The users.
    pub users: Vec<Object>,
    /// The groups, each with the positions of its users in [`users`](Self::users).
    pub groups: Vec<(Object, Vec<usize>)>,
}

impl Population {
    /// Creates a population of nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// A user or a group of the provider.
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) attributes: Object,
    pub(crate) id: Option<SmolStr>,
    pub(crate) state: ObjectState,
    /// The attributes at the server, as the provider believes.
    pub(crate) believed: Option<Object>,
    /// If true, a creation was sent whose outcome nobody knows.
    pub(crate) is_doubtful: bool,
    /// The users that are assigned to the group.
    pub(crate) assigned: Vec<usize>,
    /// The members at the server, as the provider believes.
    pub(crate) members: BTreeSet<Member>,
    /// What was found to be wrong before, which is said once.
    pub(crate) told: BTreeSet<String>,
}

/// A member of a group, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Member {
    User(usize),
    Group(usize),
}

impl Item {
    fn new(kind: Kind, attributes: Object) -> Self {
        Self {
            kind,
            attributes,
            id: None,
            state: ObjectState::Absent,
            believed: None,
            is_doubtful: false,
            assigned: Vec::new(),
            members: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    /// Returns the name by which people know it.
    pub(crate) fn name(&self) -> &str {
        self.attributes
            .get_str(self.kind.name_attribute())
            .unwrap_or_default()
    }
}

/// The objects of a run.
pub(crate) struct World {
    pub(crate) run: SmolStr,
    pub(crate) token: Option<SmolStr>,
    pub(crate) cycle: u32,
    pub(crate) users: Vec<Item>,
    pub(crate) groups: Vec<Item>,
    random: Random,
}

/// The objects with which a step is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) user: Option<usize>,
    pub(crate) group: Option<usize>,
    /// The user whose assignment changes in this step; where one leaves and another one joins, the one who leaves.
    pub(crate) moved: Option<usize>,
    /// The user who joins in this step.
    pub(crate) joined: Option<usize>,
}

impl World {
    /// Makes up users and groups, or takes those that are given.
    ///
    /// # Errors
    /// The name in a template of which nothing is known.
    pub(crate) fn new(
        scenario: &Scenario,
        run: SmolStr,
        token: Option<SmolStr>,
        seed: u64,
        population: &Population,
    ) -> Result<Self, SmolStr> {
        let mut world = Self {
            run,
            token,
            cycle: 0,
            users: Vec::new(),
            groups: Vec::new(),
            random: Random(seed),
        };
        for (index, given) in population.users.iter().enumerate() {
            let item = world.make(Kind::User, index, given, &scenario.objects.user)?;
            world.users.push(item);
        }
        for (index, (given, assigned)) in population.groups.iter().enumerate() {
            let mut item = world.make(Kind::Group, index, given, &scenario.objects.group)?;
            item.assigned
                .extend(assigned.iter().filter(|user| **user < world.users.len()));
            world.groups.push(item);
        }
        Ok(world)
    }

    fn make(
        &mut self,
        kind: Kind,
        index: usize,
        given: &Object,
        templates: &[(SmolStr, Text)],
    ) -> Result<Item, SmolStr> {
        let mut item = Item::new(kind, Object::new());
        let mark = format!("{}-", self.run);
        for (name, template) in templates {
            let value = match given.get(name) {
                // The mark of the run is what its objects are removed by.
                Some(Value::String(text)) if *name == kind.name_attribute() => {
                    Value::String(format!("{mark}{text}").into())
                }
                Some(value) => value.clone(),
                None => {
                    let text = template.fill(
                        &mut Making {
                            world: self,
                            index,
                            item: &item,
                        },
                        str::to_owned,
                    )?;
                    match text.as_str() {
                        "true" => Value::Bool(true),
                        "false" => Value::Bool(false),
                        text => text.into(),
                    }
                }
            };
            item.attributes.insert(name.as_str(), value);
        }
        Ok(item)
    }

    pub(crate) fn item(&self, kind: Kind, index: usize) -> Option<&Item> {
        match kind {
            Kind::User => self.users.get(index),
            Kind::Group => self.groups.get(index),
        }
    }

    pub(crate) fn item_mut(&mut self, kind: Kind, index: usize) -> Option<&mut Item> {
        match kind {
            Kind::User => self.users.get_mut(index),
            Kind::Group => self.groups.get_mut(index),
        }
    }

    /// Returns a world of nobody.
    pub(crate) fn empty(run: SmolStr) -> Self {
        Self {
            run,
            token: None,
            cycle: 0,
            users: Vec::new(),
            groups: Vec::new(),
            random: Random(0),
        }
    }

    /// Changes which users are assigned to the group of a unit, and returns the unit with who joins and leaves. None if nothing
    /// changes.
    pub(crate) fn assign(&mut self, unit: Unit, assign: Assign) -> Option<Unit> {
        let present: Vec<usize> = (0..self.users.len())
            .filter(|user| {
                self.users
                    .get(*user)
                    .is_some_and(|user| user.state == ObjectState::Present)
            })
            .collect();
        let group = self.groups.get_mut(unit.group?)?;
        let joins = present
            .iter()
            .copied()
            .find(|user| !group.assigned.contains(user));
        let leaves = group.assigned.iter().copied().find(|user| present.contains(user));
        let (moved, joined) = match assign {
            Assign::Shrink => (Some(leaves?), None),
            Assign::Grow => (Some(joins?), joins),
            Assign::Swap => (Some(leaves?), Some(joins?)),
            Assign::Clear => (None, None),
        };
        if assign == Assign::Clear {
            group.assigned.clear();
        }
        if assign != Assign::Grow {
            group.assigned.retain(|user| Some(*user) != moved);
        }
        group.assigned.extend(joined);
        Some(Unit {
            moved,
            joined,
            ..unit
        })
    }

    /// Returns the group that is neither this one nor without a resource: the last of them.
    pub(crate) fn other_group(&self, group: usize) -> Option<usize> {
        let last = self.groups.len().checked_sub(1)?;
        let is_there = self.groups.get(last)?.state == ObjectState::Present;
        (last != group && is_there).then_some(last)
    }

    /// Notes what the provider believes of members after a step.
    pub(crate) fn join(&mut self, unit: Unit, joined: Membership) {
        if joined == Membership::LeftAll {
            if let Some(user) = unit.user {
                for group in &mut self.groups {
                    group.members.remove(&Member::User(user));
                    group.assigned.retain(|assigned| *assigned != user);
                }
            }
            return;
        }
        let Some(index) = unit.group else { return };
        let other = self.other_group(index).map(Member::Group);
        let assigned: Vec<usize> = self
            .groups
            .get(index)
            .map(|group| group.assigned.clone())
            .unwrap_or_default();
        let assigned: Vec<usize> = assigned.into_iter().filter(|user| self.is_there(*user)).collect();
        let Some(group) = self.groups.get_mut(index) else {
            return;
        };
        match (joined, unit.user) {
            (Membership::Assigned, _) => group.members = assigned.into_iter().map(Member::User).collect(),
            (Membership::Nobody, _) => group.members.clear(),
            (Membership::Moved, _) => {
                if let Some(user) = unit.moved {
                    if group.assigned.contains(&user) {
                        group.members.insert(Member::User(user));
                    } else {
                        group.members.remove(&Member::User(user));
                    }
                }
            }
            (Membership::Joined, Some(user)) => {
                group.members.insert(Member::User(user));
                if !group.assigned.contains(&user) {
                    group.assigned.push(user);
                }
            }
            (Membership::Left, Some(user)) => {
                group.members.remove(&Member::User(user));
                group.assigned.retain(|assigned| *assigned != user);
            }
            (Membership::OtherJoined, _) => group.members.extend(other),
            (Membership::OtherLeft, _) => group.members.retain(|member| Some(*member) != other),
            (Membership::Joined | Membership::Left | Membership::LeftAll, _) => {}
        }
    }

    pub(crate) fn is_there(&self, user: usize) -> bool {
        self.users
            .get(user)
            .is_some_and(|user| user.state == ObjectState::Present && user.id.is_some())
    }
}

/// Numbers that a seed decides (`SplitMix64`).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a UUID of version 4 (RFC 9562 section 5.4).
    fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            ((low >> 48) & 0x3fff) | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }
}

/// What a template of an object that is being made may name.
struct Making<'w> {
    world: &'w mut World,
    index: usize,
    item: &'w Item,
}

impl Names for Making<'_> {
    fn value(&mut self, name: &str) -> Option<Value> {
        let person = || {
            let (first, last) = PEOPLE.get(self.index % PEOPLE.len())?;
            Some((*first, *last))
        };
        Some(match name {
            "number" => Value::Integer(i64::try_from(self.index).ok()?.checked_add(1)?),
            "first" => person()?.0.into(),
            "last" => person()?.1.into(),
            _ => match name.split_once('.') {
                Some((root, attribute)) if root == self.item.kind.as_str() => {
                    self.item.attributes.get(attribute)?.clone()
                }
                _ => self.world.generated(name)?,
            },
        })
    }

    fn each_member(&mut self, _: &mut dyn FnMut(&mut Self)) {}
}

impl World {
    /// Returns the value of a name that has nothing to do with an object.
    fn generated(&mut self, name: &str) -> Option<Value> {
        Some(match name {
            "run" => self.run.clone().into(),
            "cycle" => Value::Integer(self.cycle.into()),
            "token" => self.token.clone()?.into(),
            "uuid" => Value::String(self.random.uuid().into()),
            // Of all kinds of characters that rules for passwords ask for.
            "password" => Value::String(format!("Pw-{:016x}", self.random.next()).into()),
            _ => return None,
        })
    }
}

/// What a template of a request may name.
pub(crate) struct Scope<'w> {
    pub(crate) world: &'w mut World,
    pub(crate) unit: Unit,
    /// What was saved from answers of the step.
    pub(crate) saved: &'w Object,
    /// The user that an array is being filled with.
    pub(crate) member: Option<usize>,
}

impl Scope<'_> {
    fn of_item(&self, kind: Kind, index: Option<usize>, attribute: &str) -> Option<Value> {
        let item = self.world.item(kind, index?)?;
        match attribute {
            "id" => item.id.clone().map(Value::from),
            _ => item.attributes.get(attribute).cloned(),
        }
    }
}

impl Names for Scope<'_> {
    fn value(&mut self, name: &str) -> Option<Value> {
        if let Some(value) = self.saved.get(name) {
            return Some(value.clone());
        }
        let Some((root, rest)) = name.split_once('.') else {
            return self.world.generated(name);
        };
        match root {
            "user" => self.of_item(Kind::User, self.unit.user, rest),
            "group" => self.of_item(Kind::Group, self.unit.group, rest),
            "member" => self.of_item(Kind::User, self.member.or(self.unit.user), rest),
            "moved" => self.of_item(Kind::User, self.unit.moved, rest),
            "joined" => self.of_item(Kind::User, self.unit.joined, rest),
            // The first user is everybody's manager and has none.
            "manager" => self.of_item(
                Kind::User,
                self.unit.user.filter(|user| *user != 0).map(|_| 0),
                rest,
            ),
            "other" => {
                let other = self.unit.group.and_then(|group| self.world.other_group(group));
                self.of_item(Kind::Group, other, rest)
            }
            _ => lookup(self.saved.get(root)?, rest).cloned(),
        }
    }

    fn each_member(&mut self, fill: &mut dyn FnMut(&mut Self)) {
        let group = self.unit.group.and_then(|group| self.world.groups.get(group));
        let assigned = group.map(|group| group.assigned.clone()).unwrap_or_default();
        for user in assigned {
            if self.world.is_there(user) {
                self.member = Some(user);
                fill(self);
            }
        }
        self.member = None;
    }
}

/// Returns what a path with dots leads to: names of members, and positions of elements from 0.
pub(crate) fn lookup<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    if path.is_empty() {
        return Some(value);
    }
    path.split('.').try_fold(value, |value, name| match value {
        Value::Object(object) => object.get(name),
        Value::Array(values) => values.get(name.parse::<usize>().ok()?),
        _ => None,
    })
}
