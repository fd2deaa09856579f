//! Every cell of the table of states: what each act of each party comes to for a user, wherever it stands.

use keyfob_core::{ResourceId, ToErrorBody, Value};
use keyfob_engine::{Actor, EngineError, Position, Precondition, Written};
use keyfob_provisioning::{
    AdminError, Confirmed, Origin, Profile, ProvisionedState as _, StateError, UserState,
};
use pollster::block_on;

use crate::fixture::{Fixture, patch, set_active};

/// Where a user stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum At {
    Invited,
    Active,
    Deactivated(Origin),
    Deleted(Origin),
    Purged,
}

/// What an act comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum To {
    /// Nothing is stored and nothing is told.
    Same,
    /// Active where the user has accepted its invitation or had none, and otherwise invited.
    InUse,
    Deactivated(Origin),
    /// It stays deleted, and was deactivated by the provider from now on.
    Remembered,
    Deleted(Origin),
    Gone,
    /// Another user has the name.
    New,
    /// The user isn't found, or the name is taken.
    Status(u16),
    Refused(StateError),
}

const BY_PROVIDER: To = To::Deactivated(Origin::Provider);
const BY_ADMINISTRATOR: To = To::Deactivated(Origin::Administrator);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    /// `active: false`.
    Shut,
    /// `active: true`.
    Open,
    /// Null, removed or absent, in each of the ways to say so.
    Nothing(usize),
    Delete,
    Post,
    Deactivate,
    Activate,
    AdministratorDeletes,
    Purge,
    Restore,
    Accept,
}

/// Who is meant, and whether the profile invites and deletes softly.
struct Scene {
    fixture: Fixture,
    user: Written,
    accepted: bool,
    at: At,
}

const NAME: &str = "ann@example.com";

fn body(active: &str) -> String {
    format!(
        r#"{{"userName":"{NAME}","emails":[{{"value":"{NAME}"}}],"name":{{"givenName":"Ann","familyName":"Lee"}}{active}}}"#
    )
}

fn linked(profile: Profile) -> Fixture {
    let fixture = Fixture::unlinked(profile);
    let admin = fixture.administrator();
    block_on(fixture.admin().add_domain(&admin, "example.com")).unwrap();
    block_on(fixture.admin().set_default_unit(&admin, Some("unit"))).unwrap();
    fixture
}

impl Scene {
    /// A user that the provider created and manages, at one of the places.
    fn managed(profile: Profile, at: At, accepted: bool) -> Self {
        let fixture = linked(profile);
        let user = fixture.create("User", &body("")).unwrap();
        let scene = Self {
            fixture,
            user,
            accepted,
            at,
        };
        if accepted {
            scene.act(Act::Accept).unwrap();
        }
        let way: &[Act] = match at {
            At::Invited | At::Active => &[],
            At::Deactivated(Origin::Provider) => &[Act::Shut],
            At::Deactivated(_) => &[Act::Deactivate],
            At::Deleted(Origin::Provider) => &[Act::Delete],
            At::Deleted(_) => &[Act::Shut, Act::AdministratorDeletes],
            At::Purged => &[Act::Shut, Act::Purge],
        };
        for act in way {
            scene.act(*act).unwrap();
        }
        scene
    }

    /// A user that no provider manages.
    fn unmanaged(at: At) -> Self {
        let fixture = linked(Profile::verkada());
        let own = fixture.acting_as(Actor::Administrator);
        let user = own.create("User", &body("")).unwrap();
        let mut scene = Self {
            fixture,
            user,
            accepted: true,
            at,
        };
        match at {
            At::Active => {}
            At::Deactivated(Origin::Administrator) => scene.act(Act::Deactivate).unwrap(),
            At::Deleted(_) => {
                scene.act(Act::Deactivate).unwrap();
                scene.act(Act::AdministratorDeletes).unwrap();
            }
            // The link over which the provider said so is cut.
            At::Deactivated(_) | At::Invited => {
                let admin = scene.fixture.administrator();
                scene = Self::managed(Profile::verkada(), at, at != At::Invited);
                block_on(scene.fixture.admin().unlink(&admin, Some(Confirmed))).unwrap();
            }
            At::Purged => {
                scene.act(Act::Deactivate).unwrap();
                scene.act(Act::Purge).unwrap();
            }
        }
        scene
    }

    fn act(&self, act: Act) -> Result<(), AdminError> {
        let (fixture, id) = (&self.fixture, &self.user.id);
        let (admin, cx) = (fixture.admin(), fixture.administrator());
        let patched = |operation: &str| fixture.patch("User", &self.user, &patch(operation)).map(|_| ());
        let put = |active: &str| fixture.replace("User", &self.user, &body(active)).map(|_| ());
        match act {
            Act::Shut => Ok(fixture
                .patch("User", &self.user, &set_active(false))
                .map(|_| ())?),
            Act::Open => Ok(fixture.patch("User", &self.user, &set_active(true)).map(|_| ())?),
            Act::Nothing(way) => Ok(match way {
                0 => patched(r#"{"op":"replace","path":"active","value":null}"#),
                1 => patched(r#"{"op":"remove","path":"active"}"#),
                2 => patched(r#"{"op":"replace","value":{"active":null}}"#),
                3 => put(""),
                _ => put(r#","active":null"#),
            }?),
            Act::Delete => Ok(fixture.delete("User", &self.user, &Precondition::None)?),
            Act::Post => Ok(fixture.create("User", &body("")).map(|_| ())?),
            Act::Deactivate => block_on(admin.deactivate_user(&cx, id)),
            Act::Activate => block_on(admin.activate_user(&cx, id)),
            Act::AdministratorDeletes => block_on(admin.delete_user(&cx, id)),
            Act::Purge => block_on(admin.purge_user(&cx, id, Some(Confirmed))),
            Act::Restore => block_on(admin.restore_user(&cx, id)),
            Act::Accept => block_on(admin.accept_invite(&cx, id)),
        }
    }

    /// Where the user stands, and who deactivated it.
    fn look(&self) -> (At, Option<Origin>) {
        let (fixture, id) = (&self.fixture, &self.user.id);
        let seen = fixture.try_get("User", &self.user).ok();
        let Ok(view) = block_on(fixture.admin().user(&fixture.administrator(), id.as_str())) else {
            assert_eq!(seen, None);
            return (At::Purged, None);
        };
        let by = view.internal.deactivated_by();
        let at = match view.state {
            UserState::Invited => At::Invited,
            UserState::Active => At::Active,
            UserState::Deactivated => At::Deactivated(by.unwrap()),
            // D-9, D-10: the provider sees whom an administrator deleted.
            _ if seen.is_some() => At::Deleted(Origin::Administrator),
            _ => At::Deleted(Origin::Provider),
        };
        if let Some(seen) = seen {
            let active = seen.core().get("active").and_then(Value::as_bool);
            assert_eq!(active, Some(matches!(at, At::Invited | At::Active)), "{at:?}");
        }
        (at, by)
    }

    fn plays(self, act: Act, to: To) {
        let of = format!("{act:?} of a user at {:?}, accepted: {}", self.at, self.accepted);
        let before = (self.look(), self.fixture.event_names());
        assert!(self.at == before.0.0, "{of}: it stands at {:?}", before.0);
        let outcome = self.act(act);
        let after = (self.look(), self.fixture.event_names());
        match (to, outcome) {
            (To::Refused(reason), Err(AdminError::State { user, reason: given })) => {
                assert_eq!((given, user), (reason, self.user.id.clone()), "{of}");
                assert_eq!(before, after, "{of}");
            }
            (To::Status(status), Err(error)) => {
                assert_eq!(error.to_error_body().status, status, "{of}: {error}");
                assert_eq!(before, after, "{of}");
            }
            (_, Err(error)) => panic!("{of}: {error}, where {to:?} is right"),
            (To::Refused(_) | To::Status(_), Ok(())) => panic!("{of}: done, where {to:?} is right"),
            (To::Same, Ok(())) => assert_eq!(before, after, "{of}"),
            (to, Ok(())) => {
                let expected = match to {
                    To::InUse if self.accepted => At::Active,
                    To::InUse => At::Invited,
                    To::Deactivated(by) => At::Deactivated(by),
                    To::Remembered => At::Deleted(Origin::Administrator),
                    To::Deleted(by) => At::Deleted(by),
                    _ => At::Purged,
                };
                // Who comes in the place of a deleted user leaves it there.
                if to != To::New || !matches!(self.at, At::Deleted(_)) {
                    assert_eq!(after.0.0, expected, "{of}");
                }
                if to == To::Remembered {
                    assert_eq!(after.0.1, Some(Origin::Provider), "{of}");
                }
                assert_eq!(self.id_of_the_name() == self.user.id, to != To::New, "{of}");
            }
        }
        let invitations = after.1.iter().filter(|name| *name == "inviteRequested").count();
        assert!(invitations <= 1 + usize::from(to == To::New), "14: {of}");
    }

    fn id_of_the_name(&self) -> ResourceId {
        let found = self.fixture.list("User", &format!("userName eq \"{NAME}\""));
        let id = found.resources.first().and_then(keyfob_core::Resource::id);
        id.unwrap_or_else(|| self.user.id.clone())
    }
}

const NOTHING: [Act; 5] = [
    Act::Nothing(0),
    Act::Nothing(1),
    Act::Nothing(2),
    Act::Nothing(3),
    Act::Nothing(4),
];

/// Each row of the amended table under U-12 and D-6, for users that a provider manages; the columns are invited, active,
/// deactivated by the provider, deactivated by an administrator, deleted by an administrator, deleted by the provider,
/// purged.
#[expect(clippy::too_many_lines, reason = "the table as it stands in the requirements")]
fn rows() -> Vec<(Act, [To; 7])> {
    use StateError::{
        ActiveInProvider, AlreadyDeactivated, Deactivated, DeactivatedByProvider, Deleted, NotDeactivated,
        NotDeleted,
    };
    use To::{Gone, InUse, New, Refused, Remembered, Same, Status};
    const P: Origin = Origin::Provider;
    const A: Origin = Origin::Administrator;
    let none = Status(404);
    let nothing = NOTHING.map(|act| (act, [Same, Same, Same, Same, Same, none, none]));
    let mut rows = vec![
        (
            Act::Shut,
            [
                BY_PROVIDER,
                BY_PROVIDER,
                Same,
                BY_PROVIDER,
                Remembered,
                none,
                none,
            ],
        ),
        (Act::Open, [Same, Same, InUse, InUse, InUse, none, none]),
        (
            Act::Delete,
            [
                To::Deleted(P),
                To::Deleted(P),
                To::Deleted(P),
                To::Deleted(P),
                To::Deleted(P),
                none,
                none,
            ],
        ),
        (
            Act::Post,
            [
                Status(409),
                Status(409),
                Status(409),
                Status(409),
                InUse,
                InUse,
                New,
            ],
        ),
        (
            Act::Deactivate,
            [
                BY_ADMINISTRATOR,
                BY_ADMINISTRATOR,
                Refused(AlreadyDeactivated),
                Same,
                Refused(Deleted),
                Refused(Deleted),
                none,
            ],
        ),
        (
            Act::Activate,
            [
                Refused(NotDeactivated),
                Refused(NotDeactivated),
                Refused(DeactivatedByProvider),
                InUse,
                Refused(Deleted),
                Refused(Deleted),
                none,
            ],
        ),
        (
            Act::AdministratorDeletes,
            [
                Refused(ActiveInProvider),
                Refused(ActiveInProvider),
                To::Deleted(A),
                Refused(ActiveInProvider),
                Same,
                Same,
                none,
            ],
        ),
        (
            Act::Purge,
            [
                Refused(ActiveInProvider),
                Refused(ActiveInProvider),
                Gone,
                Refused(ActiveInProvider),
                Gone,
                Gone,
                none,
            ],
        ),
        (
            Act::Restore,
            [
                Refused(NotDeleted),
                Refused(NotDeleted),
                Refused(NotDeleted),
                Refused(NotDeleted),
                BY_PROVIDER,
                BY_PROVIDER,
                none,
            ],
        ),
        (
            Act::Accept,
            [
                InUse,
                Same,
                Refused(Deactivated),
                Refused(Deactivated),
                Refused(Deleted),
                Refused(Deleted),
                none,
            ],
        ),
    ];
    rows.extend(nothing);
    rows
}

const COLUMNS: [At; 7] = [
    At::Invited,
    At::Active,
    At::Deactivated(Origin::Provider),
    At::Deactivated(Origin::Administrator),
    At::Deleted(Origin::Administrator),
    At::Deleted(Origin::Provider),
    At::Purged,
];

#[test]
fn u_7_u_12_d_2_d_6_every_cell_of_the_table_holds_for_users_whom_a_provider_manages() {
    for (act, row) in rows() {
        for (at, to) in COLUMNS.into_iter().zip(row) {
            for accepted in [false, true] {
                if (at == At::Invited && accepted) || (at == At::Active && !accepted) {
                    continue;
                }
                let to = if act == Act::Accept && at == At::Invited {
                    // Whoever accepts has accepted.
                    let scene = Scene::managed(Profile::verkada(), at, false);
                    scene.act(act).unwrap();
                    assert_eq!(scene.look().0, At::Active);
                    continue;
                } else {
                    to
                };
                Scene::managed(Profile::verkada(), at, accepted).plays(act, to);
            }
        }
    }
}

/// U-12: an invitation that was withdrawn is none, whatever the provider says of the user.
#[test]
fn u_12_t_10_who_is_not_invited_any_more_accepts_nothing_until_it_is_invited_again() {
    let scene = Scene::managed(Profile::verkada(), At::Invited, false);
    let (admin, cx, id) = (
        scene.fixture.admin(),
        scene.fixture.administrator(),
        &scene.user.id,
    );
    let state = || block_on(admin.user(&cx, id.as_str())).unwrap().state;
    let withdraw = || block_on(admin.withdraw_invite(&cx, id));
    let refusal = |outcome: Result<(), AdminError>| match outcome {
        Err(AdminError::State { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    withdraw().unwrap();
    assert_eq!(state(), UserState::Uninvited);
    let events = scene.fixture.event_names();
    assert_eq!(events.last().map(String::as_str), Some("inviteWithdrawn"));
    withdraw().unwrap();
    assert_eq!(scene.fixture.event_names(), events, "it is withdrawn once");
    assert_eq!(refusal(scene.act(Act::Accept)), StateError::NotInvited);
    for (act, to) in [
        (Act::Open, UserState::Uninvited),
        (Act::Nothing(0), UserState::Uninvited),
        (Act::Shut, UserState::Deactivated),
        (Act::Open, UserState::Uninvited),
        (Act::Deactivate, UserState::Deactivated),
        (Act::Activate, UserState::Uninvited),
        (Act::Delete, UserState::Deleted),
        (Act::Post, UserState::Uninvited),
    ] {
        scene.act(act).unwrap();
        assert_eq!(state(), to, "{act:?}");
        assert!(scene.act(Act::Accept).is_err(), "{act:?}");
    }
    let shown = scene.fixture.get("User", &scene.user);
    assert_eq!(shown.core().get("active").and_then(Value::as_bool), Some(true));
    let invitations = || {
        let events = scene.fixture.event_names();
        events.iter().filter(|name| *name == "inviteRequested").count()
    };
    assert_eq!(invitations(), 1, "nobody was invited by that");
    scene.act(Act::Shut).unwrap();
    assert_eq!(refusal(withdraw()), StateError::Deactivated);
    scene.act(Act::Open).unwrap();
    block_on(admin.invite(&cx, id)).unwrap();
    assert_eq!((state(), invitations()), (UserState::Invited, 2));
    scene.act(Act::Accept).unwrap();
    assert_eq!(state(), UserState::Active);
    assert_eq!(refusal(withdraw()), StateError::NotInvited, "it has accepted");
}

/// Without invitations nobody has any to accept, and the provider's DELETE is for good.
#[test]
fn u_6_u_7_every_cell_of_the_table_holds_without_invitations_and_soft_deletion() {
    for (act, row) in rows() {
        for (at, to) in COLUMNS.into_iter().zip(row) {
            if matches!(at, At::Invited | At::Deleted(Origin::Provider)) {
                continue;
            }
            let to = match (act, at) {
                // Of a deleted user the provider's word is no more than that it stays hidden.
                (Act::Delete, At::Purged | At::Deleted(_)) => to,
                (Act::Delete, _) => To::Gone,
                (Act::Post, At::Deleted(_)) => To::New,
                _ => to,
            };
            Scene::managed(Profile::accessiq(), at, true).plays(act, to);
        }
    }
}

#[test]
fn u_8_d_2_an_administrator_does_it_all_to_users_whom_no_provider_manages_and_deactivates_first() {
    use StateError::{Active, Deactivated, Deleted, NotDeactivated, NotDeleted};
    use To::{Gone, InUse, Refused, Same, Status};
    let columns = [
        At::Invited,
        At::Active,
        At::Deactivated(Origin::Provider),
        At::Deactivated(Origin::Administrator),
        At::Deleted(Origin::Administrator),
        At::Purged,
    ];
    let away = To::Deleted(Origin::Administrator);
    let rows = [
        (
            Act::Deactivate,
            [
                BY_ADMINISTRATOR,
                BY_ADMINISTRATOR,
                Same,
                Same,
                Refused(Deleted),
                Status(404),
            ],
        ),
        (
            Act::Activate,
            [
                Refused(NotDeactivated),
                Refused(NotDeactivated),
                InUse,
                InUse,
                Refused(Deleted),
                Status(404),
            ],
        ),
        (
            Act::AdministratorDeletes,
            [Refused(Active), Refused(Active), away, away, Same, Status(404)],
        ),
        (
            Act::Purge,
            [Refused(Active), Refused(Active), Gone, Gone, Gone, Status(404)],
        ),
        (
            Act::Restore,
            [
                Refused(NotDeleted),
                Refused(NotDeleted),
                Refused(NotDeleted),
                Refused(NotDeleted),
                BY_ADMINISTRATOR,
                Status(404),
            ],
        ),
        (
            Act::Accept,
            [
                InUse,
                Same,
                Refused(Deactivated),
                Refused(Deactivated),
                Refused(Deleted),
                Status(404),
            ],
        ),
    ];
    for (act, row) in rows {
        for (at, to) in columns.into_iter().zip(row) {
            let mut scene = Scene::unmanaged(at);
            // Whoever accepts has accepted.
            scene.accepted |= act == Act::Accept;
            scene.plays(act, to);
        }
    }
}

#[test]
fn u_12_o_21_who_is_created_suspended_is_invited_once_when_it_is_active_for_the_first_time() {
    let fixture = Fixture::verkada();
    let invitations = || {
        let names = fixture.event_names();
        names.iter().filter(|name| *name == "inviteRequested").count()
    };
    let state = |user: &Written| {
        let view = block_on(fixture.admin().user(&fixture.administrator(), user.id.as_str()));
        view.unwrap().state
    };
    let suspended = |name: &str| {
        let body = format!(r#"{{"userName":"{name}@example.com","active":false}}"#);
        fixture.create("User", &body).unwrap()
    };
    let ann = suspended("ann");
    assert_eq!((state(&ann), invitations()), (UserState::Deactivated, 0));
    for active in [true, false, true] {
        fixture.patch("User", &ann, &set_active(active)).unwrap();
        assert_eq!(invitations(), 1);
    }
    assert_eq!(state(&ann), UserState::Invited);
    // Deleted before that, and back.
    let bob = suspended("bob");
    fixture.delete("User", &bob, &Precondition::None).unwrap();
    let again = fixture
        .create("User", r#"{"userName":"bob@example.com","active":false}"#)
        .unwrap();
    assert_eq!(
        (&again.id, state(&bob), invitations()),
        (&bob.id, UserState::Deactivated, 1)
    );
    fixture.patch("User", &bob, &set_active(true)).unwrap();
    assert_eq!((state(&bob), invitations()), (UserState::Invited, 2));
    // T-10: where invitations are off at one of both times, nobody is invited and nobody waits for it.
    let cy = suspended("cy");
    block_on(fixture.admin().set_invites(&fixture.administrator(), false)).unwrap();
    let dee = suspended("dee");
    fixture.patch("User", &cy, &set_active(true)).unwrap();
    block_on(fixture.admin().set_invites(&fixture.administrator(), true)).unwrap();
    fixture.patch("User", &dee, &set_active(true)).unwrap();
    assert_eq!(
        (state(&cy), state(&dee), invitations()),
        (UserState::Active, UserState::Active, 2)
    );
}

#[test]
fn u_7_an_administrators_deactivation_outlasts_what_says_nothing_of_it() {
    let scene = Scene::managed(Profile::verkada(), At::Deactivated(Origin::Administrator), true);
    let title = patch(r#"{"op":"replace","path":"title","value":"Guide"}"#);
    scene.fixture.patch("User", &scene.user, &title).unwrap();
    assert_eq!(scene.look().0, At::Deactivated(Origin::Administrator));
    scene.act(Act::Activate).unwrap();
    assert_eq!(scene.look().0, At::Active);
}

#[test]
fn d_6_a_deleted_user_whose_name_is_taken_stays_and_the_refusal_names_the_way_out() {
    let rename = patch(r#"{"op":"replace","path":"userName","value":"ann@example.com"}"#);
    for act in [Act::Restore, Act::Open] {
        let scene = Scene::managed(Profile::verkada(), At::Deleted(Origin::Administrator), true);
        let bob = scene
            .fixture
            .create("User", &body("").replace("ann@", "bob@"))
            .unwrap();
        scene.fixture.patch("User", &bob, &rename).unwrap();
        let events = scene.fixture.event_names();
        let refused = scene.act(act).unwrap_err();
        assert!(
            matches!(&refused, AdminError::Engine(EngineError::NameTaken { id }) if *id == scene.user.id),
            "{refused}"
        );
        let body = refused.to_error_body();
        assert_eq!(body.status, 409);
        assert!(body.detail.contains("another `userName`"), "{}", body.detail);
        assert_eq!(scene.fixture.event_names(), events);
        // The way out.
        let other = r#"{"op":"replace","value":{"userName":"ann.lee@example.com","active":true}}"#;
        let back = scene.fixture.patch("User", &scene.user, &patch(other)).unwrap();
        assert_eq!(back.id, scene.user.id);
        assert_eq!(scene.look().0, At::Active);
    }
}

#[test]
fn x_3_x_7_a_deleted_user_comes_back_without_the_external_id_that_somebody_else_has_by_now() {
    type Way = fn(&Fixture, &Written, &str) -> Result<(), AdminError>;
    const URI: &str = "urn:ietf:params:scim:schemas:extension:verkada:core:2.0:User";
    let with = |name: &str, id: &str| {
        format!(r#"{{"userName":"{name}@example.com","{URI}":{{"externalId":"{id}"}}}}"#)
    };
    let ways: [Way; 4] = [
        |fixture, ann, _| block_on(fixture.admin().restore_user(&fixture.administrator(), &ann.id)),
        |fixture, ann, _| Ok(fixture.patch("User", ann, &set_active(true)).map(|_| ())?),
        |fixture, _, body| Ok(fixture.create("User", body).map(|_| ())?),
        |fixture, ann, body| {
            let body = body.replacen('{', r#"{"active":true,"#, 1);
            Ok(fixture.replace("User", ann, &body).map(|_| ())?)
        },
    ];
    for way in ways {
        let fixture = Fixture::verkada();
        let ann = fixture.create("User", &with("ann", "E1")).unwrap();
        fixture.patch("User", &ann, &set_active(false)).unwrap();
        block_on(fixture.admin().delete_user(&fixture.administrator(), &ann.id)).unwrap();
        let bob = fixture.create("User", &with("bob", "E1")).unwrap();
        way(&fixture, &ann, &with("ann", "E1")).unwrap();
        assert_eq!(fixture.get("User", &ann).extension(&URI.into()), None);
        assert!(fixture.get("User", &bob).extension(&URI.into()).is_some());
        let events = block_on(
            fixture
                .admin()
                .events(&fixture.administrator(), Position::START, usize::MAX),
        )
        .unwrap();
        let told: Vec<_> = events
            .iter()
            .filter(|event| event.event.name == "restoredWithout")
            .map(|event| {
                let data = &event.event.data;
                (
                    event.event.resource.clone(),
                    data.get_str("attribute"),
                    data.get_str("reason"),
                )
            })
            .collect();
        let attribute = format!("{URI}:externalId");
        assert_eq!(told, [(ann.id.clone(), Some(attribute.as_str()), Some("taken"))]);
    }
    // What the request says anew is refused as ever.
    let fixture = Fixture::verkada();
    let ann = fixture.create("User", &with("ann", "E1")).unwrap();
    fixture.delete("User", &ann, &Precondition::None).unwrap();
    fixture.create("User", &with("bob", "E2")).unwrap();
    let refused = fixture.create("User", &with("ann", "E2")).unwrap_err();
    assert_eq!(refused.to_error_body().status, 409);
}
