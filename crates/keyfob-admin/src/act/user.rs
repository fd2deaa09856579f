//! Users.

use keyfob_access::{AccessError, Credential};
use keyfob_core::{
    ExternalId, Object, Projection, Resource, ResourceId, Value,
    message::{PatchOperation, PatchOperationKind, PatchRequest},
};
use keyfob_engine::{Feeds, Maintenance, Precondition};
use keyfob_provisioning::{Confirmed, Origin, StateError, UserFilter, UserState, UserView};
use smol_str::{SmolStr, format_smolstr};

use super::one;
use crate::{
    answer::{Answer, Page, Preview},
    input::{Input, binding},
    problem::Problem,
    session::{Session, mark, seek_of},
    view::{self, View as _},
};

const STATES: [UserState; 5] = [
    UserState::Invited,
    UserState::Uninvited,
    UserState::Active,
    UserState::Deactivated,
    UserState::Deleted,
];

pub(super) async fn list<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let mut filter = UserFilter::new();
    filter.prefix = input.maybe("q").map(ToOwned::to_owned);
    filter.managed = input.flag("managed");
    filter.external_id = input.maybe("externalId").map(ExternalId::new);
    let state = input.maybe("state");
    filter.state = STATES.into_iter().find(|known| Some(known.as_str()) == state);
    if input.flag("deleted") == Some(true) {
        if filter.state.is_some_and(|state| state != UserState::Deleted) {
            let detail = "`deleted` lists deleted users, who are in no other state";
            return Err(Problem::malformed("deleted", detail));
        }
        filter.state = Some(UserState::Deleted);
    }
    let managed = filter
        .managed
        .map_or("", |managed| if managed { "yes" } else { "no" });
    let parts = [
        input.maybe("q").unwrap_or_default(),
        managed,
        input.maybe("externalId").unwrap_or_default(),
        filter.state.map_or("", UserState::as_str),
    ];
    let bound = binding("listUsers", &parts);
    let (after, limit) = (seek_of(input, &bound)?, input.limit()?);
    let page = session
        .admin()
        .user_page(&session.cx, &filter, after.as_ref(), limit)
        .await?;
    let users = page
        .users
        .iter()
        .map(|user| shown(session, user, None).to_object());
    let next = page.next.map(|next| mark(next.as_bytes(), &bound));
    Ok(Answer::Page(Page::new(users.collect(), next)))
}

/// Finds a user by id, by name, or as `external:VALUE` by the id by which applications know it.
async fn found<S: Feeds + Maintenance>(session: &Session<'_, S>, input: &Input) -> Result<UserView, Problem> {
    let (admin, name) = (session.admin(), input.text("user"));
    match admin.user(&session.cx, name).await {
        Ok(user) => Ok(user),
        Err(error) => {
            let Some(external) = name.strip_prefix("external:") else {
                return Err(error.into());
            };
            let id = ExternalId::new(external);
            match admin.find_user_by_external_id(&session.cx, &id).await? {
                Some(id) => Ok(admin.user(&session.cx, id.as_str()).await?),
                None => Err(error.into()),
            }
        }
    }
}

async fn detailed<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    user: &UserView,
) -> Result<view::User, Problem> {
    let groups = if user.state == UserState::Deleted {
        Vec::new()
    } else {
        let access = session.access()?.user(&session.cx, user.id.as_str()).await?;
        access.access_groups.into_iter().map(|group| group.name).collect()
    };
    Ok(shown(session, user, Some(groups)))
}

async fn again<S: Feeds + Maintenance>(session: &Session<'_, S>, id: &ResourceId) -> Result<Answer, Problem> {
    let user = session.admin().user(&session.cx, id.as_str()).await?;
    Ok(one(&detailed(session, &user).await?))
}

pub(super) async fn show<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = found(session, input).await?;
    Ok(one(&detailed(session, &user).await?))
}

pub(super) async fn create<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let users = session.provisioner.user_type();
    let users = users.ok_or_else(|| Problem::new("noUsers", 501, "the service has no users"))?;
    let mut body = Resource::new([users.schema().id.clone()]);
    let core = body.core_mut();
    core.insert("userName", input.text("userName"));
    core.insert("active", true);
    if let Some(name) = input.maybe("displayName") {
        core.insert("displayName", name);
    }
    if let Some(phone) = input.maybe("phoneNumber") {
        core.insert("phoneNumbers", phones(phone));
    }
    if let Some(email) = input.maybe("email") {
        let email = Object::from_iter([("value", email), ("type", "work")]);
        core.insert("emails", vec![Value::from(email)]);
    }
    let mut name = Object::new();
    for part in ["givenName", "familyName"] {
        if let Some(text) = input.maybe(part) {
            name.insert(part, text);
        }
    }
    if !name.is_empty() {
        core.insert("name", name);
    }
    let created = session
        .provisioner
        .create(&session.cx, users, body, &Projection::all())
        .await?;
    again(session, &created.id).await
}

fn phones(phone: &str) -> Vec<Value> {
    vec![Object::from_iter([("value", phone), ("type", "work")]).into()]
}

pub(super) async fn edit<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = found(session, input).await?;
    let users = session.provisioner.user_type();
    let users = users.ok_or_else(|| Problem::new("noUsers", 501, "the service has no users"))?;
    let mut operations = Vec::new();
    let mut change = |path: &'static str, value: Option<Value>| {
        let kind = match value {
            Some(_) => PatchOperationKind::Replace,
            None => PatchOperationKind::Remove,
        };
        operations.push(PatchOperation::new(kind, Some(path.into()), value));
    };
    if let Some(name) = input.maybe("userName") {
        change("userName", Some(name.into()));
    }
    // An empty text takes the value away.
    if let Some(name) = input.maybe("displayName") {
        change("displayName", (!name.is_empty()).then(|| name.into()));
    }
    if let Some(phone) = input.maybe("phoneNumber") {
        change("phoneNumbers", (!phone.is_empty()).then(|| phones(phone).into()));
    }
    if operations.is_empty() {
        return Err(Problem::malformed("userName", "nothing is to be changed"));
    }
    session
        .provisioner
        .patch(
            &session.cx,
            users,
            &user.id,
            PatchRequest::new(operations),
            &Precondition::None,
            &Projection::all(),
        )
        .await?;
    again(session, &user.id).await
}

pub(super) async fn invite<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = found(session, input).await?;
    session.admin().invite(&session.cx, &user.id).await?;
    again(session, &user.id).await
}

pub(super) async fn withdraw<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = found(session, input).await?;
    session.admin().withdraw_invite(&session.cx, &user.id).await?;
    again(session, &user.id).await
}

pub(super) async fn accept<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = found(session, input).await?;
    session.admin().accept_invite(&session.cx, &user.id).await?;
    again(session, &user.id).await
}

pub(super) async fn activate<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = found(session, input).await?;
    session.admin().activate_user(&session.cx, &user.id).await?;
    again(session, &user.id).await
}

pub(super) async fn deactivate<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = found(session, input).await?;
    session.admin().deactivate_user(&session.cx, &user.id).await?;
    again(session, &user.id).await
}

pub(super) async fn delete<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = found(session, input).await?;
    session.admin().delete_user(&session.cx, &user.id).await?;
    again(session, &user.id).await
}

pub(super) async fn restore<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = found(session, input).await?;
    session.admin().restore_user(&session.cx, &user.id).await?;
    again(session, &user.id).await
}

pub(super) async fn purge<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = found(session, input).await?;
    session
        .admin()
        .purge_user(&session.cx, &user.id, Some(Confirmed))
        .await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_purge<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let user = found(session, input).await?;
    // Whether it can be removed at all is said before anybody confirms it.
    if matches!(
        user.state,
        UserState::Active | UserState::Invited | UserState::Uninvited
    ) {
        let reason = if user.is_managed {
            StateError::ActiveInProvider
        } else {
            StateError::Active
        };
        let user = user.id;
        return Err(keyfob_provisioning::AdminError::State { user, reason }.into());
    }
    let mut groups = Vec::new();
    let mut grants = 0;
    if user.state != UserState::Deleted {
        let access = session.access()?;
        let seen = access.user(&session.cx, user.id.as_str()).await?;
        groups = seen.access_groups;
        grants = access.grants(&session.cx, user.id.as_str()).await?.len();
    }
    let id = || SmolStr::new(user.id.as_str());
    let card = Credential::of(&user.internal);
    let card = card
        .as_ref()
        .map(|card| (id(), SmolStr::new_static(card.state())));
    let preview = Preview::of("purgeUser", user.id.as_str())
        .effect(
            "user is erased with everything that it has",
            [(id(), user.user_name.clone())],
        )
        .effect("card credentials are erased, and their numbers are free", card)
        .effect(
            "access groups lose it",
            groups
                .into_iter()
                .map(|group| (group.id.as_str().into(), group.name)),
        )
        .number("memberships of units and roles end", grants)
        .stays("the id, so that nobody gets it again")
        .stays("the events of the past, without a name");
    Ok(Some(preview.build()))
}

pub(super) async fn doors<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = found(session, input).await?;
    let at = input.instant("at").unwrap_or_else(|| session.provisioner.now());
    let open = session
        .access()?
        .effective_doors(&session.cx, user.id.as_str(), at)
        .await?;
    super::access::page_of_doors(input, "listDoorsOfUser", open)
}

pub(super) async fn explain_door<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let user = found(session, input).await?;
    let at = input.instant("at").unwrap_or_else(|| session.provisioner.now());
    let explained = session
        .access()?
        .explain_door(&session.cx, user.id.as_str(), input.text("door"), at)
        .await;
    let (door, reason) = match explained {
        Ok(explained) => explained,
        Err(error) => return Err(refused(session, error).await),
    };
    Ok(one(&view::DoorDecision {
        door: door.id,
        name: door.name,
        opens: reason.opens(),
        reason: reason.as_str(),
        explanation: format_smolstr!("{} {reason}", user.user_name),
    }))
}

/// Returns the problem of a refusal, with what was probably meant.
pub(super) async fn refused<S: Feeds + Maintenance>(session: &Session<'_, S>, error: AccessError) -> Problem {
    let not_found = match &error {
        AccessError::NotFound { resource_type, name } => Some(AccessError::NotFound {
            resource_type: resource_type.clone(),
            name: name.clone(),
        }),
        _ => None,
    };
    let problem = Problem::from(error);
    match not_found {
        Some(error) => session.explained(problem, &error).await,
        None => problem,
    }
}

/// Returns a user as administrators see it.
fn shown<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    user: &UserView,
    access_groups: Option<Vec<SmolStr>>,
) -> view::User {
    let phone_number = user.phone_number.clone();
    view::User {
        id: user.id.clone(),
        user_name: user.user_name.clone(),
        display_name: user.display_name.clone(),
        phone_number: phone_number.map(|phone| masked(session.masks, phone)),
        state: user.state.as_str(),
        managed_by: if user.is_managed { "scim" } else { "admin" },
        credential: Credential::of(&user.internal).map(|credential| card(session.masks, &credential)),
        access_groups,
        deleted_at: user.deleted.and_then(|(_, at)| at),
        deleted_by: user.deleted.map(|(by, _): (Origin, _)| by.as_str()),
    }
}

fn card(masks: bool, credential: &Credential) -> view::Credential {
    let card = credential.card();
    let why = match credential {
        Credential::Staged { missing, problem } => {
            let missing = missing.iter().map(|name| match name.as_str() {
                "credentialStatus" => {
                    SmolStr::new_static("credentialStatus has to be `active` when a card is set up")
                }
                name => format_smolstr!("{name} is missing"),
            });
            missing.chain(problem.clone()).collect()
        }
        _ => Vec::new(),
    };
    let number = card.map(|card| card.number);
    view::Credential {
        state: credential.state(),
        format: card.map(|card| card.format.clone()),
        facility: card.and_then(|card| card.facility),
        number: number.filter(|_| !masks),
        word: card
            .and_then(|card| card.word.clone())
            .map(|word| masked(masks, word)),
        why,
    }
}

/// Returns a text of which the last two characters alone are shown to those who may not see it.
fn masked(masks: bool, text: SmolStr) -> SmolStr {
    if !masks {
        return text;
    }
    let start = text.char_indices().rev().nth(1).map_or(0, |(start, _)| start);
    let shown = if text.chars().count() > 4 {
        text.get(start..)
    } else {
        None
    };
    format_smolstr!("…{}", shown.unwrap_or_default())
}
