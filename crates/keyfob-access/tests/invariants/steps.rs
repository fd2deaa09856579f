//! What providers and administrators do, over a small alphabet in which everything meets everything.

use std::fmt;

use keyfob_engine::Actor;
use proptest::{collection::vec, option, prelude::*, sample::select};

/// Names of users: two are one in another case, one has no domain, and one is of a domain that nobody has.
pub(crate) const USER_NAMES: [&str; 6] = [
    "ann@a.example",
    "bob@a.example",
    "cy@b.example",
    "dee",
    "ANN@A.example",
    "eve@evil.example",
];
pub(crate) const GROUP_NAMES: [&str; 4] = ["Guides", "Drivers", "Scouts", "guides"];
pub(crate) const DOMAINS: [&str; 4] = ["a.example", "b.example", "A.Example", "no domain"];
pub(crate) const LEVELS: [&str; 2] = ["Always", "Laboratory"];
/// Roles that there may be; the last one is nobody's before it is made.
pub(crate) const ROLES: [&str; 3] = ["Manager", "Guest", "Auditor"];
/// Units that there may be: one that every organization has, those of groups, and those that only administrators make.
pub(crate) const UNITS: [&str; 7] = ["Base", "Guides", "Drivers", "North", "West", "Crew", "Night"];
/// What tokens are called; the first one comes with the link.
pub(crate) const TOKENS: [&str; 3] = ["default", "spare", "test"];
/// What an organization may ask not to be synchronized. The last four it can't: every user has them, or they are no
/// attributes of users as a whole.
pub(crate) const IGNORABLE: [&str; 8] = [
    "displayName",
    "title",
    "emails",
    "name",
    "userName",
    "active",
    "name.givenName",
    "shoeSize",
];

/// What sequences are about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Alphabet {
    /// Cards, access groups and doors.
    Doors,
    /// Units and roles; whoever provisions says of users what is required.
    Units,
}

/// A sequence of steps, which prints as a numbered list.
#[derive(Clone)]
pub(crate) struct Steps(pub(crate) Vec<Step>);

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().enumerate() {
            write!(f, "\n  {number:>2}. {step:?}")?;
        }
        Ok(())
    }
}

/// What is done in one of the two organizations.
#[derive(Clone)]
pub(crate) struct Step {
    pub(crate) organization: usize,
    pub(crate) action: Action,
    /// Whether the store is out of reach while it is done.
    pub(crate) outage: bool,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outage = if self.outage { ", the store being down" } else { "" };
        write!(f, "in {}{outage}: {:?}", self.organization, self.action)
    }
}

/// Somebody or something, whose number is taken modulo what there ever was.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Nth(u8),
    OfOther(u8),
    /// One of those that are deleted and can be brought back.
    Deleted(u8),
    Group(u8),
    Nobody,
}

/// A user as it is sent as a whole; numbers stand for values of [`Field::value`].
#[derive(Clone, Debug)]
#[expect(
    clippy::option_option,
    reason = "absent and null are two things to say nothing"
)]
pub(crate) struct Body {
    pub(crate) user_name: u8,
    pub(crate) given_name: Option<u8>,
    pub(crate) family_name: Option<u8>,
    pub(crate) display_name: Option<u8>,
    pub(crate) title: Option<u8>,
    /// Absent, null, or said.
    pub(crate) active: Option<Option<bool>>,
    pub(crate) email: Option<u8>,
    pub(crate) phone: Option<u8>,
    pub(crate) external_id: Option<u8>,
    /// Format, number, facility code and status.
    pub(crate) card: [Option<u8>; 4],
    /// Whether the provider sends along what is dropped, as Okta does: a password and no groups.
    pub(crate) surplus: bool,
    /// Whether truth values are texts, as Entra sends them.
    pub(crate) texts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    UserName,
    GivenName,
    FamilyName,
    DisplayName,
    Title,
    Active,
    Email,
    Phone,
    ExternalId,
    CardFormat,
    CardNumber,
    FacilityCode,
    CardStatus,
}

impl Field {
    /// The value with this number.
    pub(crate) fn value(self, number: u8) -> String {
        let number = usize::from(number);
        let among = |texts: &[&str]| texts[number % texts.len()].to_owned();
        match self {
            Self::UserName => among(&USER_NAMES),
            Self::GivenName => among(&["Ann", "Bob"]),
            Self::FamilyName => among(&["Lee", "Diaz"]),
            Self::DisplayName => among(&["One", "Two"]),
            Self::Title => among(&["Guide", "Scout"]),
            Self::Active => among(&["true", "false", "true", "false", "null"]),
            Self::Email => among(&[
                "x@a.example",
                "y@B.example",
                "z@evil.example",
                "x@a.example",
                "nowhere",
            ]),
            Self::Phone => among(&["1", "2"]),
            Self::CardFormat => among(&["Standard 26-bit Wiegand", "hid", "HID", "hid", "No such card"]),
            Self::CardNumber => among(&["7777", "07777", "42", "7777", "65536"]),
            Self::FacilityCode => among(&["111", "111", "111", "12", "256"]),
            Self::CardStatus => among(&["active", "Active", "deactivated", "deleted", "active", "broken"]),
            Self::ExternalId => match number % 6 {
                4 => String::new(),
                5 => "e".repeat(257),
                number => among(&["E1", "E2", "e1", "E1"][number..=number]),
            },
        }
    }
}

/// One operation of a PATCH request for a user.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edit {
    Set(Field, u8),
    Remove(Field),
    /// Something that can't be done.
    Broken(u8),
}

/// How a provider writes an operation.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// `replace` with a path.
    Replace,
    /// `Add` with a path, truth values as texts.
    Add,
    /// `replace` without a path.
    Whole,
}

/// One operation of a PATCH request for a group.
#[derive(Clone, Debug)]
pub(crate) enum GroupEdit {
    Add(Vec<Who>),
    /// By filters, or by an array of values.
    Remove(Vec<Who>, bool),
    Replace(Vec<Who>),
    Clear,
    Rename(u8),
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    PostUser(Actor, Body),
    PutUser(Actor, Who, Body),
    PatchUser(Actor, Who, Vec<(Shape, Edit)>),
    /// PUT what GET gives.
    PutBackUser(Who),
    DeleteUser(Actor, Who),
    /// A user without `userName`: as a whole, or by its removal.
    Nameless(Who, u8),
    PostGroup(Actor, u8, Vec<Who>),
    PutGroup(Actor, u8, u8, Vec<Who>),
    PatchGroup(Actor, u8, Vec<GroupEdit>),
    PutBackGroup(u8),
    DeleteGroup(Actor, u8),
    AddDomain(Actor, u8),
    RemoveDomain(Actor, u8, bool),
    /// Which token, and whether it is confirmed.
    RefreshToken(Actor, Option<u8>, bool),
    /// Under which name, and whether it is out of date from the start.
    IssueToken(Actor, u8, bool),
    RevokeToken(Actor, u8, bool),
    SetInvites(Actor, bool),
    /// Whether groups are taken over, and which of [`IGNORABLE`] are not.
    SetSynchronization(Actor, bool, Vec<u8>),
    AcceptInvite(Who),
    WithdrawInvite(Actor, Who),
    /// `user activate` or `user deactivate`.
    SetActive(Actor, Who, bool),
    SoftDelete(Actor, Who),
    Purge(Actor, Who, bool),
    Restore(Actor, Who),
    Unlink(Actor, bool),
    Convert(Actor, u8),
    CreateAccessGroup(Actor, u8),
    DeleteAccessGroup(Actor, u8),
    ChangeMembers(Actor, u8, Vec<Who>, Vec<Who>),
    CreateLevel(Actor, u8),
    DeleteLevel(Actor, u8),
    AssignLevel(Actor, u8, u8),
    UnassignLevel(Actor, u8, u8),
    /// A unit, and the one of which it is part.
    CreateUnit(Actor, u8, Option<u8>),
    /// Which unit, and below which, or to the top.
    MoveUnit(Actor, u8, Option<u8>),
    DeleteUnit(Actor, u8),
    SetDefaultUnit(Actor, Option<u8>),
    CreateRole(Actor, u8),
    MapGroup(Actor, u8, u8, Option<u8>),
    Grant(Actor, Who, u8, Option<u8>),
    Revoke(Actor, Who, u8, Option<u8>),
}

/// What there is before a sequence begins: domains everywhere, and in the first organization two users and a group that
/// gives one of them what the sequence is about; where that is doors, also a deleted user whose card and external id
/// somebody else has by now.
pub(crate) fn beginning(alphabet: Alphabet) -> Vec<Step> {
    let says = (alphabet == Alphabet::Units).then_some(0);
    let body = |user_name| Body {
        user_name,
        given_name: says,
        family_name: says,
        display_name: None,
        title: None,
        active: None,
        email: says,
        phone: None,
        external_id: None,
        card: [None; 4],
        surplus: false,
        texts: false,
    };
    let user = |user_name| (0, Action::PostUser(Actor::Provider, body(user_name)));
    let by = Actor::Administrator;
    let group = (0, Action::PostGroup(Actor::Provider, 0, vec![Who::Nth(0)]));
    let mut all: Vec<_> = [(0, 0), (0, 1), (1, 0), (1, 1)]
        .map(|(organization, domain)| (organization, Action::AddDomain(by, domain)))
        .into();
    match alphabet {
        Alphabet::Doors => all.extend([
            user(0),
            user(1),
            (0, Action::AcceptInvite(Who::Nth(0))),
            group,
            (0, Action::Convert(by, 0)),
            (0, Action::AssignLevel(by, 0, 0)),
            (0, Action::PostUser(Actor::Provider, with_card(body(2)))),
            (0, patch(2, &[(Field::Active, 1)])),
            (0, Action::SoftDelete(by, Who::Nth(2))),
            (
                0,
                patch(
                    1,
                    &[
                        (Field::ExternalId, 0),
                        (Field::CardFormat, 0),
                        (Field::CardNumber, 0),
                        (Field::FacilityCode, 0),
                        (Field::CardStatus, 0),
                    ],
                ),
            ),
        ]),
        Alphabet::Units => all.extend([
            (0, Action::SetDefaultUnit(by, Some(0))),
            (1, Action::SetDefaultUnit(by, Some(0))),
            // As deep as units go.
            (0, Action::CreateUnit(by, 3, Some(0))),
            (0, Action::CreateUnit(by, 4, Some(3))),
            (0, Action::CreateUnit(by, 5, Some(4))),
            (0, Action::CreateUnit(by, 6, Some(5))),
            user(0),
            user(1),
            group,
            (0, Action::MapGroup(by, 0, 3, Some(0))),
            (0, Action::Grant(by, Who::Nth(1), 6, Some(1))),
            (0, Action::IssueToken(by, 1, false)),
        ]),
    }
    let step = |(organization, action)| Step {
        organization,
        action,
        outage: false,
    };
    all.into_iter().map(step).collect()
}

fn with_card(mut body: Body) -> Body {
    body.external_id = Some(0);
    body.card = [Some(0); 4];
    body
}

fn patch(who: u8, set: &[(Field, u8)]) -> Action {
    let edits = set.iter();
    let edits = edits.map(|(field, value)| (Shape::Replace, Edit::Set(*field, *value)));
    Action::PatchUser(Actor::Provider, Who::Nth(who), edits.collect())
}

pub(crate) fn steps(alphabet: Alphabet, longest: usize) -> impl Strategy<Value = Steps> {
    vec(step(alphabet), 1..=longest).prop_map(Steps)
}

fn step(alphabet: Alphabet) -> BoxedStrategy<Step> {
    (0_u8..8, action(alphabet), 0_u8..25)
        .prop_map(|(organization, action, outage)| Step {
            organization: usize::from(organization == 7),
            action,
            outage: outage == 24,
        })
        .boxed()
}

/// Whom it makes sense to bring back or to remove for good, or anybody.
fn whom_deleted() -> impl Strategy<Value = Who> {
    prop_oneof![who(), any::<u8>().prop_map(Who::Deleted)]
}

/// Whoever writes over SCIM or as if.
fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        9 => Just(Actor::Provider),
        3 => Just(Actor::Administrator),
        1 => Just(Actor::DirectoryAdministrator),
        1 => Just(Actor::User),
    ]
}

fn administrator() -> impl Strategy<Value = Actor> {
    prop_oneof![
        15 => Just(Actor::Administrator),
        1 => Just(Actor::DirectoryAdministrator),
    ]
}

/// Those who may try to delete a user by its address.
fn deleting() -> impl Strategy<Value = Actor> {
    prop_oneof![4 => Just(Actor::Provider), 1 => administrator()]
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        20 => any::<u8>().prop_map(Who::Nth),
        1 => any::<u8>().prop_map(Who::OfOther),
        1 => Just(Who::Nobody),
    ]
}

fn members() -> BoxedStrategy<Vec<Who>> {
    let member = prop_oneof![30 => who(), 1 => any::<u8>().prop_map(Who::Group)];
    vec(member, 0..3).boxed()
}

fn some_members() -> impl Strategy<Value = Vec<Who>> {
    vec(who(), 1..3)
}

fn body(alphabet: Alphabet) -> BoxedStrategy<Body> {
    // How often there is what one of the profiles requires.
    let (named, addressed) = match alphabet {
        Alphabet::Doors => (0.3, 0.5),
        Alphabet::Units => (0.96, 0.96),
    };
    let user_name = prop_oneof![12 => 0_u8..4, 1 => Just(4_u8), 1 => Just(5_u8)];
    let name = || option::weighted(named, 0_u8..2);
    let email = option::weighted(addressed, prop_oneof![12 => 0_u8..2, 1 => 2_u8..5]);
    let external_id = option::weighted(0.4, prop_oneof![12 => 0_u8..3, 1 => 3_u8..6]);
    let active = prop_oneof![
        4 => Just(None),
        4 => Just(Some(Some(true))),
        2 => Just(Some(Some(false))),
        1 => Just(Some(None)),
    ];
    let texts = (
        option::of(0_u8..2),
        option::of(0_u8..2),
        option::weighted(0.3, 0_u8..2),
    );
    (
        user_name,
        (name(), name()),
        texts,
        active,
        email,
        external_id,
        card(),
        any::<(bool, bool)>(),
    )
        .prop_map(
            |(user_name, name, texts, active, email, external_id, card, sent)| Body {
                user_name,
                given_name: name.0,
                family_name: name.1,
                display_name: texts.0,
                title: texts.1,
                active,
                email,
                phone: texts.2,
                external_id,
                card,
                surplus: sent.0,
                texts: sent.1,
            },
        )
        .boxed()
}

/// Mostly none, often one that is right, now and then a wrong or incomplete one.
fn card() -> impl Strategy<Value = [Option<u8>; 4]> {
    let part = || option::weighted(0.7, 0_u8..5);
    prop_oneof![
        6 => Just([None; 4]),
        3 => (0_u8..4, 0_u8..4, 0_u8..4).prop_map(|(format, number, facility)| {
            [Some(format), Some(number), Some(facility), Some(0)]
        }),
        1 => [part(), part(), part(), part()],
    ]
}

fn edits() -> BoxedStrategy<Vec<(Shape, Edit)>> {
    let field = || {
        select(vec![
            Field::GivenName,
            Field::FamilyName,
            Field::DisplayName,
            Field::Title,
            Field::Active,
            Field::Active,
            Field::Email,
            Field::Phone,
            Field::ExternalId,
            Field::CardFormat,
            Field::CardNumber,
            Field::FacilityCode,
            Field::CardStatus,
            Field::CardStatus,
        ])
    };
    let set = prop_oneof![8 => field(), 1 => Just(Field::UserName)];
    let edit = prop_oneof![
        20 => (set, 0_u8..6).prop_map(|(field, value)| Edit::Set(field, value)),
        4 => field().prop_map(Edit::Remove),
        1 => (0_u8..2).prop_map(Edit::Broken),
    ];
    vec((shape(), edit), 1..4).boxed()
}

pub(crate) fn shape() -> impl Strategy<Value = Shape> {
    select(vec![Shape::Replace, Shape::Add, Shape::Whole])
}

fn group_edits() -> BoxedStrategy<Vec<GroupEdit>> {
    let edit = prop_oneof![
        6 => members().prop_map(GroupEdit::Add),
        5 => (some_members(), any::<bool>()).prop_map(|(members, array)| GroupEdit::Remove(members, array)),
        2 => members().prop_map(GroupEdit::Replace),
        1 => Just(GroupEdit::Clear),
        3 => (0_u8..4).prop_map(GroupEdit::Rename),
    ];
    vec(edit, 1..4).boxed()
}

fn action(alphabet: Alphabet) -> BoxedStrategy<Action> {
    let (doors, units) = match alphabet {
        Alphabet::Doors => (17, 7),
        Alphabet::Units => (2, 40),
    };
    prop_oneof![
        46 => of_users(alphabet),
        30 => of_groups(),
        22 => of_administrators(),
        doors => of_doors(),
        units => of_units(),
    ]
    .boxed()
}

fn of_users(alphabet: Alphabet) -> BoxedStrategy<Action> {
    let body = || body(alphabet);
    prop_oneof![
        14 => (actor(), body()).prop_map(|(by, body)| Action::PostUser(by, body)),
        5 => (actor(), who(), body()).prop_map(|(by, who, body)| Action::PutUser(by, who, body)),
        14 => (actor(), who(), edits()).prop_map(|(by, who, edits)| Action::PatchUser(by, who, edits)),
        3 => who().prop_map(Action::PutBackUser),
        4 => (deleting(), who()).prop_map(|(by, who)| Action::DeleteUser(by, who)),
        1 => (who(), 0_u8..3).prop_map(|(who, way)| Action::Nameless(who, way)),
    ]
    .boxed()
}

fn of_groups() -> BoxedStrategy<Action> {
    prop_oneof![
        6 => (actor(), 0_u8..4, members()).prop_map(|(by, name, members)| Action::PostGroup(by, name, members)),
        3 => (actor(), any::<u8>(), 0_u8..4, members())
            .prop_map(|(by, group, name, members)| Action::PutGroup(by, group, name, members)),
        14 => (actor(), any::<u8>(), group_edits())
            .prop_map(|(by, group, edits)| Action::PatchGroup(by, group, edits)),
        2 => any::<u8>().prop_map(Action::PutBackGroup),
        2 => (actor(), any::<u8>()).prop_map(|(by, group)| Action::DeleteGroup(by, group)),
    ]
    .boxed()
}

fn of_administrators() -> BoxedStrategy<Action> {
    let token = || 0_u8..3;
    let ignored = prop_oneof![9 => 0_u8..4, 1 => 4_u8..8];
    prop_oneof![
        3 => (administrator(), 0_u8..4).prop_map(|(by, domain)| Action::AddDomain(by, domain)),
        2 => (administrator(), 0_u8..4, any::<bool>())
            .prop_map(|(by, domain, force)| Action::RemoveDomain(by, domain, force)),
        2 => (administrator(), option::of(token()), any::<bool>())
            .prop_map(|(by, token, yes)| Action::RefreshToken(by, token, yes)),
        2 => (administrator(), token(), 0_u8..4)
            .prop_map(|(by, token, number)| Action::IssueToken(by, token, number == 0)),
        1 => (administrator(), token(), any::<bool>())
            .prop_map(|(by, token, yes)| Action::RevokeToken(by, token, yes)),
        2 => (administrator(), any::<bool>()).prop_map(|(by, send)| Action::SetInvites(by, send)),
        2 => (administrator(), 0_u8..4, vec(ignored, 0..3))
            .prop_map(|(by, groups, ignored)| Action::SetSynchronization(by, groups != 0, ignored)),
        7 => who().prop_map(Action::AcceptInvite),
        4 => (administrator(), who()).prop_map(|(by, who)| Action::WithdrawInvite(by, who)),
        6 => (administrator(), who(), any::<bool>())
            .prop_map(|(by, who, active)| Action::SetActive(by, who, active)),
        5 => (administrator(), who()).prop_map(|(by, who)| Action::SoftDelete(by, who)),
        4 => (administrator(), whom_deleted(), any::<bool>())
            .prop_map(|(by, who, yes)| Action::Purge(by, who, yes)),
        5 => (administrator(), whom_deleted()).prop_map(|(by, who)| Action::Restore(by, who)),
        2 => (administrator(), any::<bool>()).prop_map(|(by, yes)| Action::Unlink(by, yes)),
    ]
    .boxed()
}

fn of_doors() -> BoxedStrategy<Action> {
    prop_oneof![
        6 => (administrator(), any::<u8>()).prop_map(|(by, group)| Action::Convert(by, group)),
        2 => (administrator(), 0_u8..4).prop_map(|(by, name)| Action::CreateAccessGroup(by, name)),
        1 => (administrator(), any::<u8>()).prop_map(|(by, group)| Action::DeleteAccessGroup(by, group)),
        3 => (administrator(), any::<u8>(), some_members(), members())
            .prop_map(|(by, group, add, remove)| Action::ChangeMembers(by, group, add, remove)),
        2 => (administrator(), 0_u8..2).prop_map(|(by, level)| Action::CreateLevel(by, level)),
        1 => (administrator(), 0_u8..2).prop_map(|(by, level)| Action::DeleteLevel(by, level)),
        5 => (administrator(), 0_u8..2, any::<u8>())
            .prop_map(|(by, level, group)| Action::AssignLevel(by, level, group)),
        1 => (administrator(), 0_u8..2, any::<u8>())
            .prop_map(|(by, level, group)| Action::UnassignLevel(by, level, group)),
    ]
    .boxed()
}

fn of_units() -> BoxedStrategy<Action> {
    let unit = || 0_u8..7;
    let role = || option::of(prop_oneof![6 => 0_u8..2, 1 => Just(2_u8)]);
    prop_oneof![
        8 => (administrator(), any::<u8>(), unit(), role())
            .prop_map(|(by, group, unit, role)| Action::MapGroup(by, group, unit, role)),
        9 => (administrator(), who(), unit(), role())
            .prop_map(|(by, who, unit, role)| Action::Grant(by, who, unit, role)),
        7 => (administrator(), who(), unit(), role())
            .prop_map(|(by, who, unit, role)| Action::Revoke(by, who, unit, role)),
        5 => (administrator(), unit(), option::weighted(0.8, unit()))
            .prop_map(|(by, unit, parent)| Action::CreateUnit(by, unit, parent)),
        5 => (administrator(), unit(), option::weighted(0.8, unit()))
            .prop_map(|(by, unit, parent)| Action::MoveUnit(by, unit, parent)),
        5 => (administrator(), unit()).prop_map(|(by, unit)| Action::DeleteUnit(by, unit)),
        4 => (administrator(), option::weighted(0.8, unit()))
            .prop_map(|(by, unit)| Action::SetDefaultUnit(by, unit)),
        1 => (administrator(), 0_u8..3).prop_map(|(by, role)| Action::CreateRole(by, role)),
    ]
    .boxed()
}
