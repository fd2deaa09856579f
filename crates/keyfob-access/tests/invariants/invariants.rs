//! What holds after every step, numbered as in the requirements' list of invariants.

mod units;

use std::collections::{BTreeMap, BTreeSet};

use keyfob_access::Credential;
use keyfob_core::{DateTime, ExternalId, Projection, ResourceId, Value as CoreValue, message::SearchRequest};
use keyfob_engine::{Actor, Context};
use keyfob_provisioning::{AdminError, ProvisionedState as _, UserState};
use pollster::block_on;
use serde_json::Value;

use crate::{
    model::{Card, Document, Organization, User, folded},
    steps::Field,
    store::Snapshot,
    world::{CARD, EXTERNAL_ID, World},
};

/// Fails the case unless two things are equal, and says what they are.
macro_rules! same {
    ($found:expr, $expected:expr, $($what:tt)+) => {{
        let (found, expected) = (&$found, &$expected);
        if found != expected {
            return Err(format!("{}\n     found: {found:?}\n  expected: {expected:?}", format!($($what)+)));
        }
    }};
}

/// Fails the case unless the condition holds.
macro_rules! holds {
    ($condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err(format!($($what)+));
        }
    };
}
pub(crate) use {holds, same};

pub(crate) type Verdict = Result<(), String>;

/// Everything that the engine says of an organization is what the model says.
pub(crate) fn agree(world: &World, number: usize, model: &Organization, others: &Organization) -> Verdict {
    let cx = &world.tenants[number];
    let seen = Seen {
        world,
        cx,
        admin: cx.clone().acting_as(Actor::Administrator),
        model,
    };
    seen.tokens()?;
    seen.provisioning()?;
    for id in &model.known_users {
        seen.user(id)?;
    }
    seen.units()?;
    // T-1 and 7: what is another organization's is nobody's here.
    for id in others
        .known_users
        .iter()
        .filter(|id| !model.known_users.contains(id))
    {
        let found = block_on(world.engine.get(
            cx,
            world.kind("User"),
            &ResourceId::new(id),
            &Projection::all(),
        ));
        holds!(found.is_err(), "T-1: `{id}` of another organization is seen");
    }
    seen.lists()?;
    seen.groups()?;
    seen.access_groups()?;
    seen.invites()
}

/// What a user or a group is, beyond who manages it: whenever it changes, its version does, and only then.
pub(crate) fn versions(
    before: (&Organization, &Snapshot),
    after: (&Organization, &Snapshot),
    unlinks: bool,
) -> Verdict {
    let version = |snapshot: &Snapshot, kind: &str, id: &str| {
        let stored = snapshot.resources.get(&(kind.to_owned(), id.to_owned()));
        stored.map(|stored| stored.version)
    };
    for (id, user) in before.0.users.iter().filter(|(_, user)| user.is_live()) {
        let Some(now) = after.0.users.get(id).filter(|user| user.is_live()) else {
            continue;
        };
        let mut was = user.clone();
        was.is_managed &= now.is_managed;
        let changed = version(before.1, "User", id) != version(after.1, "User", id);
        same!(
            changed,
            was != *now,
            "U-1: whether the version of user `{id}` changes"
        );
    }
    for (id, group) in &before.0.groups {
        let Some(now) = after.0.groups.get(id) else {
            continue;
        };
        let source = |organization: &Organization| {
            let mut groups = organization.access_groups.iter();
            groups
                .find(|(_, group)| group.source.as_ref() == Some(id))
                .map(|(id, _)| id.clone())
        };
        let differs = group.name != now.name
            || before.0.live_members(&group.members) != after.0.live_members(&now.members)
            || (!group.is_managed && now.is_managed)
            || (&group.unit, &group.role) != (&now.unit, &now.role)
            || (!unlinks && source(before.0) != source(after.0));
        let changed = version(before.1, "Group", id) != version(after.1, "Group", id);
        same!(
            changed,
            differs,
            "U-1: whether the version of group `{id}` changes"
        );
    }
    Ok(())
}

struct Seen<'w> {
    world: &'w World,
    cx: &'w Context,
    admin: Context,
    model: &'w Organization,
}

impl Seen<'_> {
    /// 1: the tokens that there are open the organization, and those before them open nothing.
    fn tokens(&self) -> Verdict {
        let engine = &self.world.engine;
        for (name, token) in &self.model.tokens {
            let opened = block_on(engine.authenticate(&token.secret)).ok();
            let expected = (!token.is_over).then(|| self.cx.tenant());
            same!(
                opened.as_ref().map(keyfob_engine::Caller::tenant),
                expected,
                "1, T-12: what the token `{name}` opens"
            );
        }
        for token in &self.model.dead_tokens {
            holds!(
                block_on(engine.authenticate(token)).is_err(),
                "1: a revoked token opens the organization"
            );
        }
        Ok(())
    }

    fn provisioning(&self) -> Verdict {
        let found = block_on(self.world.engine.provisioning(self.cx)).unwrap();
        same!(
            found.is_linked(),
            self.model.is_linked,
            "L-1: whether it is linked"
        );
        let tokens: BTreeSet<&str> = found.tokens.iter().map(|token| token.name.as_str()).collect();
        same!(found.tokens.len(), tokens.len(), "1: two tokens have one name");
        same!(
            tokens,
            self.model.tokens.keys().copied().collect(),
            "1, T-14: the tokens"
        );
        holds!(
            self.model.policy.many_tokens || tokens.len() <= 1,
            "1: an organization has several tokens"
        );
        holds!(
            found
                .tokens
                .iter()
                .all(|token| token.expires.is_some() == self.model.policy.many_tokens),
            "T-12: how long the tokens are valid"
        );
        let domains: Vec<String> = found.domains.iter().map(ToString::to_string).collect();
        same!(
            domains,
            self.model.domains.clone().unwrap_or_default(),
            "the domains"
        );
        same!(
            found.send_invites,
            self.model.sends_invites,
            "whether invitations are sent"
        );
        same!(
            found.synchronization.groups,
            self.model.takes_groups,
            "whether groups are taken"
        );
        let default = found.default_unit.map(|unit| unit.to_string());
        let expected = self
            .model
            .default_unit
            .as_ref()
            .map(|unit| format!("unit:{unit}"));
        same!(default, expected, "U-4: the default unit");
        Ok(())
    }

    /// 6, 7 and 13.
    fn user(&self, id: &str) -> Verdict {
        let (world, model) = (self.world, self.model);
        let key = ResourceId::new(id);
        let found = block_on(
            world
                .engine
                .get(self.cx, world.kind("User"), &key, &Projection::all()),
        );
        let view = block_on(world.engine.admin().user(&self.admin, id));
        let doors = block_on(
            world
                .access()
                .effective_doors(&self.admin, id, DateTime::from_unix_millis(0)),
        );
        let Some(user) = model.users.get(id) else {
            holds!(found.is_err(), "7, D-4: `{id}` was removed and is seen");
            holds!(
                matches!(view, Err(AdminError::NoSuchUser(_))),
                "D-4: `{id}` was removed and administrators see it: {view:?}"
            );
            holds!(doors.is_err(), "D-4: `{id}` was removed and has doors");
            return Ok(());
        };
        let view = view.map_err(|error| format!("13: no administrator sees `{id}`: {error}"))?;
        same!(view.id.as_str(), id, "13: the id");
        same!(view.user_name, user.document.user_name, "13: the name of `{id}`");
        same!(view.state, user.state(), "4.2: the state of `{id}`");
        same!(view.is_managed, user.is_managed, "U-2: whether `{id}` is managed");
        same!(
            view.internal.deactivated_by(),
            user.deactivated_by,
            "4.2: who deactivated `{id}`"
        );
        let credential = Credential::of(&view.internal);
        let name = credential.as_ref().map_or("empty", Credential::state);
        same!(name, user.slot.name(), "4.3: the credential of `{id}`");
        let card = credential.as_ref().and_then(Credential::card);
        let card = card.map(|card| (card.facility.unwrap_or_default(), card.number));
        same!(card, user.slot.card(), "C-13: the card of `{id}`");
        let is_effective = credential.is_some_and(|credential| credential.is_effective(view.state));
        let expected = user.slot.name() == "active" && user.state() == UserState::Active;
        same!(
            is_effective,
            expected,
            "C-14: whether the card of `{id}` opens doors"
        );
        if user.is_visible_to(Actor::Provider) {
            let found = found.map_err(|error| format!("`{id}` is not seen: {error}"))?;
            let (document, groups) = document_of(&serde_json::from_slice(&found.to_json()).unwrap())?;
            same!(document, user.document, "what SCIM shows of `{id}`");
            let of: BTreeSet<String> = if user.is_live() {
                let of = model
                    .groups
                    .iter()
                    .filter(|(_, group)| group.members.contains(id));
                of.map(|(group, _)| group.clone()).collect()
            } else {
                BTreeSet::new()
            };
            same!(groups, of, "the groups of `{id}`");
            let active = found
                .core()
                .get("active")
                .and_then(CoreValue::as_bool)
                .unwrap_or(true);
            let is_active = matches!(
                view.state,
                UserState::Invited | UserState::Uninvited | UserState::Active
            );
            same!(active, is_active, "13: whether `{id}` is active");
        } else {
            holds!(found.is_err(), "D-9: `{id}` was deleted and is seen");
        }
        if !user.is_live() {
            holds!(doors.is_err(), "D-3: `{id}` was deleted and has doors");
            return Ok(());
        }
        let doors = doors.map_err(|error| error.to_string())?;
        let names: BTreeSet<&str> = doors.iter().map(|door| door.name.as_str()).collect();
        holds!(
            names.is_empty() || user.state() == UserState::Active,
            "6: doors open to `{id}`, who is not active"
        );
        same!(names, model.doors_of(id), "A-4: the doors of `{id}`");
        Ok(())
    }

    /// 2 and 13: who is in the lists, and that nobody has a name twice.
    fn lists(&self) -> Verdict {
        let (world, model) = (self.world, self.model);
        let live: BTreeMap<&String, &User> = model.users.iter().filter(|(_, user)| user.is_live()).collect();
        let mut all = SearchRequest::new();
        all.count = Some(1000);
        let listed = block_on(world.engine.search(self.cx, &[world.kind("User")], &all)).unwrap();
        let mut ids = BTreeSet::new();
        let mut names = BTreeSet::new();
        let mut external = BTreeSet::new();
        for resource in &listed.resources {
            let id = resource.id().unwrap().as_str().to_owned();
            let (document, _) = document_of(&serde_json::from_slice(&resource.to_json()).unwrap())?;
            holds!(
                names.insert(folded(&document.user_name)),
                "2: two have the name of `{id}`"
            );
            if let Some(external_id) = document.external_id {
                holds!(
                    external.insert(external_id),
                    "2: two have the external id of `{id}`"
                );
            }
            holds!(ids.insert(id), "a user is listed twice");
        }
        same!(
            ids,
            live.keys().map(|id| (*id).clone()).collect(),
            "who is listed"
        );
        let cards: Vec<_> = live.values().filter_map(|user| user.slot.card()).collect();
        let different: BTreeSet<_> = cards.iter().collect();
        same!(different.len(), cards.len(), "2: how many cards there are");
        let ids = |users: Vec<keyfob_provisioning::UserView>| -> BTreeSet<String> {
            users.iter().map(|user| user.id.as_str().to_owned()).collect()
        };
        let users = ids(block_on(world.engine.admin().users(&self.admin)).unwrap());
        same!(
            users,
            live.keys().map(|id| (*id).clone()).collect(),
            "13: whom administrators see"
        );
        let deleted = ids(block_on(world.engine.admin().deleted_users(&self.admin)).unwrap());
        let gone = model.users.iter().filter(|(_, user)| !user.is_live());
        same!(
            deleted,
            gone.map(|(id, _)| id.clone()).collect(),
            "D-3: who can be brought back"
        );
        for number in 0..3 {
            let wanted = Field::ExternalId.value(number);
            let external_id = ExternalId::new(wanted.as_str());
            let found = block_on(
                world
                    .engine
                    .admin()
                    .find_user_by_external_id(&self.admin, &external_id),
            );
            let found = found.unwrap().map(|id| id.as_str().to_owned());
            let has = |user: &User| user.document.external_id.as_ref() == Some(&wanted);
            let owner = live
                .iter()
                .find(|(_, user)| has(user))
                .map(|(id, _)| (*id).clone());
            same!(found, owner, "X-4: whose external id `{wanted}` is");
        }
        Ok(())
    }

    fn groups(&self) -> Verdict {
        let (world, model) = (self.world, self.model);
        let mut all = SearchRequest::new();
        all.count = Some(1000);
        let listed = block_on(world.engine.search(self.cx, &[world.kind("Group")], &all)).unwrap();
        let mut found = BTreeMap::new();
        for resource in &listed.resources {
            let members = resource
                .relation("members")
                .into_iter()
                .flat_map(keyfob_core::MemberSet::iter);
            let members: BTreeSet<String> = members.map(|(id, _)| id.as_str().to_owned()).collect();
            let name = resource.core().get_str("displayName").unwrap_or_default();
            found.insert(
                resource.id().unwrap().as_str().to_owned(),
                (name.to_owned(), members),
            );
        }
        let expected = model.groups.iter();
        let expected = expected.map(|(id, group)| {
            (
                id.clone(),
                (group.name.clone(), model.live_members(&group.members)),
            )
        });
        same!(found, expected.collect(), "the groups and who is in them");
        Ok(())
    }

    /// 4 and 5.
    fn access_groups(&self) -> Verdict {
        let (access, model) = (self.world.access(), self.model);
        let mut found = BTreeMap::new();
        let mut sources = BTreeSet::new();
        for group in block_on(access.access_groups(&self.admin)).unwrap() {
            let members = block_on(access.members(&self.admin, group.id.as_str())).unwrap();
            let members: BTreeSet<String> = members.iter().map(|id| id.as_str().to_owned()).collect();
            let source = group.source.map(|id| id.as_str().to_owned());
            if let Some(source) = &source {
                holds!(
                    sources.insert(source.clone()),
                    "5: two access groups from `{source}`"
                );
                holds!(
                    model.is_linked,
                    "5, L-2: an access group of a provider that is not linked"
                );
            }
            found.insert(
                group.id.as_str().to_owned(),
                (group.name.to_string(), source, members),
            );
        }
        let expected = model.access_groups.iter().map(|(id, group)| {
            let rows = match &group.source {
                Some(source) => &model.groups[source].members,
                None => &group.members,
            };
            let group = (group.name.clone(), group.source.clone(), model.live_members(rows));
            (id.clone(), group)
        });
        same!(
            found,
            expected.collect(),
            "4: the access groups and who is in them"
        );
        let levels = block_on(access.levels(&self.admin))
            .unwrap()
            .into_iter()
            .map(|level| {
                let groups = level.access_groups.iter().map(|id| id.as_str().to_owned());
                (level.name.to_string(), groups.collect::<BTreeSet<_>>())
            });
        let expected = model
            .levels
            .iter()
            .map(|(name, groups)| ((*name).to_owned(), groups.clone()));
        same!(
            levels.collect::<BTreeMap<_, _>>(),
            expected.collect(),
            "A-10: who has which level"
        );
        Ok(())
    }

    /// 14.
    fn invites(&self) -> Verdict {
        let events = block_on(self.world.engine.admin().events(
            &self.admin,
            keyfob_engine::Position::START,
            usize::MAX,
        ))
        .unwrap();
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for published in events {
            if published.event.name == keyfob_provisioning::event::INVITE_REQUESTED {
                *found.entry(published.event.resource.as_str().into()).or_default() += 1;
            }
        }
        holds!(
            found.values().all(|count| *count == 1),
            "14: somebody is invited twice"
        );
        for (id, user) in &self.model.users {
            let count = found.get(id).copied().unwrap_or_default();
            same!(count, user.invites, "14, T-10: how often `{id}` is invited");
        }
        Ok(())
    }
}

/// What SCIM shows, and of which groups the user is. Nothing else may be there.
fn document_of(user: &Value) -> Result<(Document, BTreeSet<String>), String> {
    let mut document = Document::default();
    let mut groups = BTreeSet::new();
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let only = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([one]) => Ok(text(&one["value"])),
        _ => Err(format!("one value is expected in {value}")),
    };
    for (name, value) in user.as_object().ok_or("a user is no object")? {
        match name.as_str() {
            "schemas" | "id" | "meta" => {}
            "userName" => document.user_name = text(value).unwrap_or_default(),
            "name" => {
                document.given_name = text(&value["givenName"]);
                document.family_name = text(&value["familyName"]);
            }
            "displayName" => document.display_name = text(value),
            "title" => document.title = text(value),
            "active" => document.active = value.as_bool(),
            "emails" => document.email = only(value)?,
            "phoneNumbers" => document.phone = only(value)?,
            "groups" => {
                let of = value.as_array().into_iter().flatten();
                groups = of.filter_map(|group| text(&group["value"])).collect();
            }
            CARD => {
                let of = |name: &str| text(&value[name]);
                document.card = Card {
                    format: of("cardFormat"),
                    number: of("cardNumber"),
                    facility: of("facilityCode"),
                    status: of("credentialStatus"),
                };
            }
            EXTERNAL_ID => document.external_id = text(&value["externalId"]),
            other => return Err(format!("`{other}` is shown, which nobody sent: {user}")),
        }
    }
    Ok((document, groups))
}
