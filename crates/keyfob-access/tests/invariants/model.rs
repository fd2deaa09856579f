//! What an organization has to look like after each step: slow, obvious, and written from the requirements.
//!
//! The model never says which of several reasons is given for a refusal; it says all that there are.

mod cards;
mod groups;
mod link;
mod units;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use keyfob_engine::Actor;
use keyfob_provisioning::{Origin, UserState};

pub(crate) use self::{
    cards::{Card, Slot},
    units::Account,
};
use crate::{
    steps::{
        Action, Body, DOMAINS, Field, GROUP_NAMES, IGNORABLE, LEVELS, ROLES, TOKENS, UNITS, USER_NAMES, Who,
    },
    world::said,
};

/// Why a step may be refused: the status that a client gets and, where there is more to it, the error's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) kind: String,
}

pub(crate) type Refusals = BTreeSet<Refusal>;

/// What the profile lays down.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each decision")]
pub(crate) struct Policy {
    pub(crate) deletes_softly: bool,
    pub(crate) restores: bool,
    pub(crate) adopts: bool,
    pub(crate) invites: bool,
    /// S-2, S-3: whether every user has an address and a name.
    pub(crate) requires: bool,
    pub(crate) default_unit: bool,
    pub(crate) many_tokens: bool,
}

/// What a step made that the model can't know: the id of a resource, or a token.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Made {
    pub(crate) id: Option<String>,
    pub(crate) token: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Organization {
    pub(crate) policy: Policy,
    pub(crate) is_linked: bool,
    /// None where it never had any: then all are allowed.
    pub(crate) domains: Option<Vec<String>>,
    pub(crate) sends_invites: bool,
    pub(crate) takes_groups: bool,
    /// What is not taken over of users.
    pub(crate) ignored: BTreeSet<Field>,
    /// By their names.
    pub(crate) tokens: BTreeMap<&'static str, Token>,
    pub(crate) dead_tokens: Vec<String>,
    /// Those that are deleted and can be brought back included.
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) access_groups: BTreeMap<String, AccessGroup>,
    /// By their names, the access groups that have them.
    pub(crate) levels: BTreeMap<&'static str, BTreeSet<String>>,
    /// By their folded names, of which other unit each is part.
    pub(crate) units: BTreeMap<String, Option<String>>,
    pub(crate) default_unit: Option<String>,
    pub(crate) roles: BTreeSet<&'static str>,
    /// What administrators granted: the user, the unit and the role.
    pub(crate) grants: BTreeSet<(String, String, Option<String>)>,
    /// Every user and group that there ever was, in the order in which they came.
    pub(crate) known_users: Vec<String>,
    pub(crate) known_groups: Vec<String>,
    pub(crate) known_access_groups: Vec<String>,
    /// How many users were deleted so far.
    pub(crate) deletions: usize,
    /// Which resource the last step was about.
    pub(crate) subject: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) secret: String,
    /// T-12: whether its time is over.
    pub(crate) is_over: bool,
}

/// What SCIM shows of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) user_name: String,
    pub(crate) given_name: Option<String>,
    pub(crate) family_name: Option<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) title: Option<String>,
    /// In what is stored always said; in what is sent, if it says anything.
    pub(crate) active: Option<bool>,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) card: Card,
}

/// An invitation that was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invitation {
    Sent,
    Withdrawn,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) document: Document,
    pub(crate) is_managed: bool,
    /// U-12: the invitation that it has not accepted, whatever became of it since.
    pub(crate) invitation: Option<Invitation>,
    /// True if it is invited when it is active for the first time.
    pub(crate) is_due: bool,
    pub(crate) deactivated_by: Option<Origin>,
    /// From which side it was deleted, and after how many others.
    pub(crate) deleted: Option<(Origin, usize)>,
    /// How many invitations were sent.
    pub(crate) invites: usize,
    pub(crate) slot: Slot,
    /// The unit that it joined when it was created.
    pub(crate) default_unit: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    /// Deleted users among them, who come back with their memberships.
    pub(crate) members: BTreeSet<String>,
    pub(crate) is_managed: bool,
    pub(crate) unit: String,
    pub(crate) role: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccessGroup {
    pub(crate) name: String,
    pub(crate) source: Option<String>,
    pub(crate) members: BTreeSet<String>,
}

impl Document {
    pub(crate) fn of(body: &Body) -> Self {
        let value = |field: Field, number: Option<u8>| number.map(|number| field.value(number));
        Self {
            user_name: Field::UserName.value(body.user_name),
            given_name: value(Field::GivenName, body.given_name),
            family_name: value(Field::FamilyName, body.family_name),
            display_name: value(Field::DisplayName, body.display_name),
            title: value(Field::Title, body.title),
            active: body.active.flatten(),
            email: value(Field::Email, body.email),
            phone: value(Field::Phone, body.phone),
            external_id: value(Field::ExternalId, body.external_id),
            card: Card {
                format: value(Field::CardFormat, body.card[0]),
                number: value(Field::CardNumber, body.card[1]),
                facility: value(Field::FacilityCode, body.card[2]),
                status: value(Field::CardStatus, body.card[3]),
            },
        }
    }

    fn text_mut(&mut self, field: Field) -> Option<&mut Option<String>> {
        Some(match field {
            Field::UserName | Field::Active => return None,
            Field::GivenName => &mut self.given_name,
            Field::FamilyName => &mut self.family_name,
            Field::DisplayName => &mut self.display_name,
            Field::Title => &mut self.title,
            Field::Email => &mut self.email,
            Field::Phone => &mut self.phone,
            Field::ExternalId => &mut self.external_id,
            Field::CardFormat => &mut self.card.format,
            Field::CardNumber => &mut self.card.number,
            Field::FacilityCode => &mut self.card.facility,
            Field::CardStatus => &mut self.card.status,
        })
    }

    fn set(&mut self, field: Field, value: Option<String>) {
        match (field, self.text_mut(field)) {
            (_, Some(text)) => *text = value,
            // Nothing said unsays nothing.
            (Field::Active, None) => self.active = value.and_then(|value| said(&value)).or(self.active),
            (_, None) => self.user_name = value.unwrap_or_default(),
        }
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active != Some(false)
    }

    /// O-11: the `userName`, if it has an `@`, and every address.
    pub(crate) fn addresses(&self) -> Vec<&str> {
        let user_name = Some(&self.user_name).filter(|name| name.contains('@'));
        user_name
            .into_iter()
            .chain(&self.email)
            .map(String::as_str)
            .collect()
    }

    fn has_address_in(&self, domain: &str) -> bool {
        self.addresses()
            .iter()
            .any(|address| domain_of(address) == domain)
    }
}

/// Upper and lower case are one.
pub(crate) fn folded(text: &str) -> String {
    text.to_ascii_lowercase()
}

fn domain_of(address: &str) -> String {
    address
        .rsplit_once('@')
        .map_or_else(String::new, |(_, domain)| folded(domain))
}

impl User {
    pub(crate) fn is_live(&self) -> bool {
        self.deleted.is_none()
    }

    pub(crate) fn state(&self) -> UserState {
        if self.deleted.is_some() {
            UserState::Deleted
        } else if !self.document.is_active() {
            UserState::Deactivated
        } else {
            match self.invitation {
                Some(Invitation::Sent) => UserState::Invited,
                Some(Invitation::Withdrawn) => UserState::Uninvited,
                None => UserState::Active,
            }
        }
    }

    /// D-9, D-10: a provider sees whom an administrator deleted as deactivated.
    pub(crate) fn is_visible_to(&self, by: Actor) -> bool {
        match self.deleted {
            None => true,
            Some((origin, _)) => origin == Origin::Administrator && by == Actor::Provider,
        }
    }
}

fn origin_of(by: Actor) -> Origin {
    match by {
        Actor::Provider => Origin::Provider,
        _ => Origin::Administrator,
    }
}

fn refuse(refusals: &mut Refusals, status: u16, kind: &str) {
    refusals.insert(Refusal {
        status,
        kind: kind.into(),
    });
}

impl Organization {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            is_linked: false,
            domains: None,
            sends_invites: true,
            takes_groups: true,
            ignored: BTreeSet::new(),
            tokens: BTreeMap::new(),
            dead_tokens: Vec::new(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            access_groups: BTreeMap::new(),
            levels: LEVELS.into_iter().map(|level| (level, BTreeSet::new())).collect(),
            units: BTreeMap::from([(folded(UNITS[0]), None)]),
            default_unit: None,
            roles: ROLES.into_iter().take(2).collect(),
            grants: BTreeSet::new(),
            known_users: Vec::new(),
            known_groups: Vec::new(),
            known_access_groups: Vec::new(),
            deletions: 0,
            subject: None,
        }
    }

    /// What the organization becomes by an action, or all the reasons why it is refused.
    pub(crate) fn after(&self, action: &Action, made: &Made, others: &Self) -> Result<Self, Refusals> {
        let mut after = self.clone();
        after.subject = None;
        let mut refusals = Refusals::new();
        after.act(action, made, others, &mut refusals);
        if refusals.is_empty() {
            Ok(after)
        } else {
            Err(refusals)
        }
    }

    pub(crate) fn user_id(&self, who: Who, others: &Self) -> String {
        nth(who, self, others)
    }

    pub(crate) fn group_id(&self, number: u8) -> String {
        pick(&self.known_groups, number)
    }

    pub(crate) fn access_group_id(&self, number: u8) -> String {
        pick(&self.known_access_groups, number)
    }

    pub(crate) fn live_members(&self, rows: &BTreeSet<String>) -> BTreeSet<String> {
        let is_live = |id: &&String| self.users.get(*id).is_some_and(User::is_live);
        rows.iter().filter(is_live).cloned().collect()
    }

    /// The organization without the memberships of deleted users, which nobody sees before they are back.
    pub(crate) fn as_seen(&self) -> Self {
        let mut seen = self.clone();
        for group in seen.groups.values_mut() {
            group.members = self.live_members(&group.members);
        }
        for group in seen.access_groups.values_mut() {
            group.members = self.live_members(&group.members);
        }
        seen
    }

    fn deleted_users(&self) -> BTreeSet<String> {
        let deleted = self.users.iter().filter(|(_, user)| !user.is_live());
        deleted.map(|(id, _)| id.clone()).collect()
    }

    /// of which access groups a user is.
    fn access_groups_of<'m>(&'m self, user: &'m str) -> impl Iterator<Item = &'m str> {
        let of = self
            .access_groups
            .iter()
            .filter(move |(_, group)| match &group.source {
                Some(source) => self.groups[source].members.contains(user),
                None => group.members.contains(user),
            });
        of.map(|(id, _)| id.as_str())
    }

    /// the doors of the levels of the access groups, for those who are active.
    pub(crate) fn doors_of(&self, user: &str) -> BTreeSet<&'static str> {
        if self.users[user].state() != UserState::Active {
            return BTreeSet::new();
        }
        let groups: BTreeSet<&str> = self.access_groups_of(user).collect();
        let levels = self.levels.iter();
        let levels = levels.filter(|(_, assigned)| assigned.iter().any(|id| groups.contains(id.as_str())));
        levels
            .flat_map(|(name, _)| doors_of_level(name))
            .copied()
            .collect()
    }

    fn act(&mut self, action: &Action, made: &Made, others: &Self, refusals: &mut Refusals) {
        self.provide_users(action, made, others, refusals);
    }

    /// T-12: a token that opens the organization.
    pub(crate) fn open_token(&self) -> Option<&str> {
        let mut open = self.tokens.values().filter(|token| !token.is_over);
        open.next().map(|token| token.secret.as_str())
    }

    /// L-3: who is not linked has no token that opens anything.
    fn authenticate(&self, by: Actor, refusals: &mut Refusals) {
        if by == Actor::Provider && self.open_token().is_none() {
            refuse(refusals, 401, "Rejected");
        }
    }
}

fn demand_admin(by: Actor, refusals: &mut Refusals) {
    if by != Actor::Administrator {
        refuse(refusals, 403, "Forbidden");
    }
}

fn demand_confirmation(confirmed: bool, refusals: &mut Refusals) {
    if !confirmed {
        refuse(refusals, 400, "ConfirmationRequired");
    }
}

/// The doors of an access level.
pub(crate) fn doors_of_level(level: &str) -> &'static [&'static str] {
    if level == LEVELS[0] {
        &["Lobby"]
    } else {
        &["Laboratory", "Lobby"]
    }
}

pub(crate) fn domain_name(number: u8) -> &'static str {
    DOMAINS[usize::from(number) % DOMAINS.len()]
}

pub(crate) fn group_name(number: u8) -> &'static str {
    GROUP_NAMES[usize::from(number) % GROUP_NAMES.len()]
}

pub(crate) fn role_name(number: u8) -> &'static str {
    ROLES[usize::from(number)]
}

pub(crate) fn unit_name(number: u8) -> &'static str {
    UNITS[usize::from(number)]
}

pub(crate) fn token_name(number: u8) -> &'static str {
    TOKENS[usize::from(number)]
}

pub(crate) fn ignorable(number: u8) -> &'static str {
    IGNORABLE[usize::from(number)]
}

fn nth(who: Who, organization: &Organization, others: &Organization) -> String {
    match who {
        Who::Nth(number) => pick(&organization.known_users, number),
        Who::OfOther(number) => pick(&others.known_users, number),
        Who::Deleted(number) => {
            let deleted: Vec<String> = organization.deleted_users().into_iter().collect();
            pick(&deleted, number)
        }
        Who::Group(number) => pick(&organization.known_groups, number),
        Who::Nobody => "nobody".into(),
    }
}

fn pick(ids: &[String], number: u8) -> String {
    let number = usize::from(number) % ids.len().max(1);
    ids.get(number).map_or_else(|| "nobody".into(), Clone::clone)
}

#[cfg(test)]
#[test]
fn the_alphabet_has_names_that_differ_in_case_alone() {
    assert_eq!(folded(USER_NAMES[0]), folded(USER_NAMES[4]));
    assert_eq!(folded(GROUP_NAMES[0]), folded(GROUP_NAMES[3]));
}
