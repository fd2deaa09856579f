//! Webhooks: the addresses to which events are delivered, and what became of the deliveries.

use std::time::Duration;

use keyfob_core::{DateTime, ResourceId};
use keyfob_engine::{Actor, Context, Feeds, Maintenance};
use keyfob_store::Cursor;
use keyfob_webhook::{Paused, Webhook, WebhookError, Webhooks};
use smol_str::{SmolStr, format_smolstr};

use super::one;
use crate::{
    administrator::Permission,
    answer::{Answer, Page, Preview},
    input::{Input, binding},
    problem::Problem,
    session::{Session, cut, mark, unmark},
    view::{self, View as _},
};

/// The time for which a secret that was replaced signs, where nothing is said.
const OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

fn webhooks<'s, S: Feeds + Maintenance>(session: &'s Session<'_, S>) -> Webhooks<'s, S> {
    let webhooks = Webhooks::new(session.provisioner.engine());
    if session.administration.allows_loopback_webhooks() {
        webhooks.allowing_loopback()
    } else {
        webhooks
    }
}

/// Returns the context of a read. The table has decided who may read; the library knows administrators and applications alone.
fn reading<S: Feeds + Maintenance>(session: &Session<'_, S>) -> Context {
    session.cx.clone().acting_as(Actor::Administrator)
}

/// Finds a webhook by its id or address.
async fn found<S: Feeds + Maintenance>(session: &Session<'_, S>, input: &Input) -> Result<Webhook, Problem> {
    let (webhooks, cx, name) = (webhooks(session), reading(session), input.text("webhook"));
    match webhooks.get(&cx, &ResourceId::new(name)).await {
        Err(WebhookError::NotFound(_)) => {}
        found => return Ok(found?),
    }
    let mut named = webhooks.list(&cx).await?;
    named.retain(|webhook| webhook.url == name && may_see_address(session));
    match named.pop() {
        Some(_) if !named.is_empty() => {
            let detail = format_smolstr!("several webhooks have the address `{name}`");
            Err(Problem::new("ambiguous", 409, detail).with_fix("name one by its id"))
        }
        Some(webhook) => Ok(webhook),
        None => Err(Problem::missing("webhook", name)),
    }
}

/// Returns true for whoever manages webhooks. An address may hold a secret of its receiver in its path or query.
fn may_see_address<S: Feeds + Maintenance>(session: &Session<'_, S>) -> bool {
    let mut roles = session.administrator.roles_in(session.cx.tenant());
    roles.any(|role| role.may(Permission::Webhooks))
}

fn shown<S: Feeds + Maintenance>(session: &Session<'_, S>, webhook: Webhook) -> view::Webhook {
    let url = if may_see_address(session) {
        webhook.url
    } else {
        origin(&webhook.url)
    };
    let now = session.provisioner.now();
    let former = webhook.secrets.get(1).and_then(|secret| secret.expires);
    view::Webhook {
        id: webhook.id,
        url,
        types: webhook.events,
        paused: webhook.paused.map(Paused::as_str),
        waiting: webhook.status.waiting,
        failures: webhook.status.failures.into(),
        held_until: webhook.status.held_until,
        last_delivered: webhook.status.succeeded,
        last_failed: webhook.status.failed,
        failure: webhook.status.reason,
        secret_created: webhook.secrets.first().map(|secret| secret.created),
        former_secret_expires: former.filter(|expires| *expires > now),
        created: webhook.created,
        changed: webhook.changed,
    }
}

/// Returns the scheme and the host of an address.
fn origin(url: &str) -> SmolStr {
    let start = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(start..).unwrap_or_default();
    let end = rest.find(['/', '?']).map_or(url.len(), |at| start + at);
    url.get(..end).unwrap_or_default().into()
}

pub(super) async fn list<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let all = webhooks(session).list(&reading(session)).await?;
    let views = all.into_iter().map(|webhook| shown(session, webhook)).collect();
    cut(
        input,
        "listWebhooks",
        views,
        |view: &view::Webhook| view.id.as_str(),
        |view| &view.url,
    )
}

pub(super) async fn show<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    Ok(one(&shown(session, found(session, input).await?)))
}

/// Returns the types of events that are given; none at all for `*`, which stands for all.
fn types(input: &Input) -> Option<Vec<&str>> {
    let types = input.texts("types");
    match types.as_slice() {
        [] => None,
        ["*"] => Some(Vec::new()),
        _ => Some(types),
    }
}

pub(super) async fn create<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let types = types(input).unwrap_or_default();
    let (webhook, secret) = webhooks(session)
        .create(&session.cx, input.text("url").trim(), &types)
        .await?;
    Ok(one(&view::WebhookSecret {
        id: webhook.id,
        url: webhook.url,
        secret: secret.expose().into(),
        former_secret_expires: None,
    }))
}

pub(super) async fn edit<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (id, types) = (found(session, input).await?.id, types(input));
    let url = input.maybe("url").map(str::trim);
    let changed = webhooks(session)
        .change(&session.cx, &id, url, types.as_deref())
        .await?;
    Ok(one(&shown(session, changed)))
}

pub(super) async fn pause<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let id = found(session, input).await?.id;
    let paused = webhooks(session).pause(&session.cx, &id).await?;
    Ok(one(&shown(session, paused)))
}

pub(super) async fn resume<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let id = found(session, input).await?.id;
    let resumed = webhooks(session).resume(&session.cx, &id).await?;
    Ok(one(&shown(session, resumed)))
}

/// Returns the time for which the secret before signs.
fn overlap(input: &Input) -> Result<Duration, Problem> {
    let start = DateTime::from_unix_millis(0);
    let Some(end) = input.later("overlap", start) else {
        return Ok(OVERLAP);
    };
    let overlap = Duration::from_millis(u64::try_from(end.unix_millis()).unwrap_or_default());
    if overlap > LONGEST {
        return Err(Problem::malformed(
            "overlap",
            "the secret before signs for at most 30 days",
        ));
    }
    Ok(overlap)
}

const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(super) async fn rotate_secret<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (id, overlap) = (found(session, input).await?.id, overlap(input)?);
    let webhooks = webhooks(session);
    let secret = webhooks.rotate_secret(&session.cx, &id, overlap).await?;
    let webhook = shown(session, webhooks.get(&reading(session), &id).await?);
    Ok(one(&view::WebhookSecret {
        id,
        url: webhook.url,
        secret: secret.expose().into(),
        former_secret_expires: webhook.former_secret_expires,
    }))
}

pub(super) async fn preview_rotation<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let (webhook, overlap) = (found(session, input).await?, overlap(input)?);
    let now = session.provisioner.now();
    let secrets = webhook.secrets.iter();
    let mut signing: Vec<SmolStr> = secrets
        .filter(|secret| secret.expires.is_none_or(|expires| expires > now))
        .map(|secret| format_smolstr!("{}", secret.created))
        .collect();
    let former = signing.split_off(signing.len().min(1));
    let named = |secrets: Vec<SmolStr>| secrets.into_iter().map(|made| (made.clone(), made));
    let hours = usize::try_from(overlap.as_secs() / 3600).unwrap_or(usize::MAX);
    let preview = Preview::of("rotateWebhookSecret", webhook.id.as_str())
        .effect("secrets that sign today end later", named(signing))
        .number("hours are left for the receiver to change over", hours)
        .effect("secrets that were replaced before end at once", named(former))
        .stays("the webhook, and the events that wait");
    Ok(Some(preview.build()))
}

pub(super) async fn test<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let id = found(session, input).await?.id;
    let tested = webhooks(session).test(&session.cx, &id).await?;
    Ok(one(&shown(session, tested)))
}

pub(super) async fn delete<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let id = found(session, input).await?.id;
    webhooks(session).delete(&session.cx, &id).await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_deletion<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let webhook = found(session, input).await?;
    let letters = webhooks(session)
        .count_dead_letters(&reading(session), &webhook.id)
        .await?;
    // Events that wait are not counted: their number changes while somebody reads the preview.
    let preview = Preview::of("deleteWebhook", webhook.id.as_str())
        .effect(
            "webhook is deleted with its secret, and events that wait are not delivered to it",
            [(webhook.id.as_str().into(), webhook.url.clone())],
        )
        .number("messages that it didn't take are lost", letters)
        .stays("the events in the organization's feed, and other webhooks");
    Ok(Some(preview.build()))
}

pub(super) async fn list_dead_letters<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (limit, id) = (input.limit()?, found(session, input).await?.id);
    let bound = binding("listDeadLetters", &[id.as_str()]);
    let after = input.maybe("after").map(|after| unmark(after, &bound));
    let after = after.transpose()?.map(Cursor::new);
    let page = webhooks(session)
        .dead_letters(&reading(session), &id, after, limit)
        .await?;
    let views = page.letters.into_iter().map(|letter| {
        view::DeadLetter {
            id: letter.id,
            message: letter.message,
            kind: letter.kind,
            resource_type: letter.resource_type,
            resource: letter.resource,
            at: letter.at,
            attempts: letter.attempts.into(),
            last_failed: letter.failed,
            failure: letter.reason,
            body: letter.body,
        }
        .to_object()
    });
    let next = page.next.map(|next| mark(next.as_bytes(), &bound));
    Ok(Answer::Page(Page::new(views.collect(), next)))
}

pub(super) async fn redeliver<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (webhooks, id) = (webhooks(session), found(session, input).await?.id);
    let messages = match input.maybe("letter") {
        Some(letter) => {
            webhooks
                .redeliver(&session.cx, &id, &ResourceId::new(letter))
                .await?;
            1
        }
        None => webhooks.redeliver_all(&session.cx, &id).await?,
    };
    Ok(one(&view::Redelivered { messages }))
}

pub(super) async fn discard<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let id = found(session, input).await?.id;
    let letter = ResourceId::new(input.text("letter"));
    webhooks(session).discard(&session.cx, &id, &letter).await?;
    Ok(Answer::Done)
}

pub(super) async fn preview_discarding<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Option<Preview>, Problem> {
    let id = found(session, input).await?.id;
    let letter = ResourceId::new(input.text("letter"));
    let letter = webhooks(session)
        .dead_letter(&reading(session), &id, &letter)
        .await?;
    let preview = Preview::of("discardDeadLetter", letter.id.as_str())
        .effect("message is never delivered", [(letter.message, letter.kind)])
        .stays("the event in the organization's feed");
    Ok(Some(preview.build()))
}
