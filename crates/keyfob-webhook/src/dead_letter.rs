//! Messages that were not delivered in time.

use keyfob_core::{AttrPath, DateTime, Dialect, Resource, ResourceId, Value, Version};
use keyfob_filter::{CompareOp, Filter, Literal, Predicate};
use keyfob_store::{Change, Cursor, Paging, Query, ReadContext, Store, StoreError, Stored, Total};
use smol_str::{SmolStr, ToSmolStr};

use crate::{message::Message, system};

/// A message that a receiver didn't take in time. It stays until it is redelivered or discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The id of the dead letter.
    pub id: ResourceId,
    /// The id of the message (`webhook-id`), with which it is delivered again.
    pub message: SmolStr,
    /// The type of the message, such as `User.changed`.
    pub kind: SmolStr,
    /// The name of the type of the event's resource.
    pub resource_type: SmolStr,
    /// The event's resource.
    pub resource: ResourceId,
    /// When the event happened.
    pub at: DateTime,
    /// The number of attempts.
    pub attempts: u32,
    /// When the last of them failed.
    pub failed: DateTime,
    /// Why it failed.
    pub reason: SmolStr,
    /// The body of the message, which holds nothing personal.
    pub body: SmolStr,
}

/// A page of dead letters, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetterPage {
    /// The dead letters.
    pub letters: Vec<DeadLetter>,
    /// The end of the page, if there may be more of them.
    pub next: Option<Cursor>,
}

/// A dead letter with the webhook that it belongs to and its version.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) webhook: ResourceId,
    pub(crate) letter: DeadLetter,
    pub(crate) version: Version,
}

impl DeadLetter {
    pub(crate) fn message(&self) -> Message {
        Message {
            id: self.message.clone(),
            kind: self.kind.clone(),
            body: self.body.as_str().to_owned().into(),
        }
    }

    fn to_document(&self, webhook: &ResourceId) -> Resource {
        let mut document = Resource::new([system::dead_letter().schema().id.clone()]);
        let core = document.core_mut();
        core.insert("webhook", webhook.as_str());
        core.insert("message", self.message.clone());
        core.insert("type", self.kind.clone());
        core.insert("resourceType", self.resource_type.clone());
        core.insert("resource", self.resource.as_str());
        core.insert("at", self.at.to_smolstr());
        core.insert("attempts", i64::from(self.attempts));
        core.insert("reason", self.reason.clone());
        core.insert("failed", self.failed.to_smolstr());
        core.insert("body", self.body.clone());
        document
    }

    /// Returns the change that stores a new dead letter.
    pub(crate) fn creation(&self, webhook: &ResourceId) -> Change {
        Change::create(system::dead_letter(), self.id.clone(), self.to_document(webhook))
    }
}

impl Kept {
    /// Reads a dead letter.
    pub(crate) fn of(stored: &Stored) -> Option<Self> {
        let core = stored.resource.core();
        let text = |name| core.get_str(name).map(SmolStr::new);
        let attempts = core.get("attempts").and_then(Value::as_integer)?;
        Some(Self {
            webhook: ResourceId::new(core.get_str("webhook")?),
            version: stored.version,
            letter: DeadLetter {
                id: stored.resource.id()?,
                message: text("message")?,
                kind: text("type")?,
                resource_type: text("resourceType")?,
                resource: ResourceId::new(core.get_str("resource")?),
                at: core.get_str("at")?.parse().ok()?,
                attempts: u32::try_from(attempts).unwrap_or_default(),
                failed: core.get_str("failed")?.parse().ok()?,
                reason: text("reason")?,
                body: text("body")?,
            },
        })
    }

    /// Returns the change that removes the dead letter.
    pub(crate) fn removal(&self) -> Change {
        Change::delete(system::dead_letter(), self.letter.id.clone(), Some(self.version))
    }

    /// Returns the change after another attempt has failed.
    pub(crate) fn update(&self) -> Change {
        let document = self.letter.to_document(&self.webhook);
        Change::replace(
            system::dead_letter(),
            self.letter.id.clone(),
            document,
            Some(self.version),
        )
    }
}

/// Counts the dead letters of a webhook.
pub(crate) async fn count<S: Store>(
    store: &S,
    cx: &ReadContext,
    webhook: &ResourceId,
) -> Result<usize, StoreError> {
    let query = Query::first(0)
        .with_filter(of_webhook(webhook)?)
        .with_total(Total::Exact);
    let page = store.query(cx, system::dead_letter(), &query).await?;
    Ok(page.total.unwrap_or_default())
}

fn of_webhook(webhook: &ResourceId) -> Result<Predicate, StoreError> {
    let of_webhook = Filter::Compare(
        AttrPath::attribute("webhook"),
        CompareOp::Eq,
        Literal::String(webhook.as_str().into()),
    );
    of_webhook
        .compile(system::dead_letter(), Dialect::strict())
        .map_err(StoreError::internal)
}

/// Reads dead letters of a webhook, the oldest first.
pub(crate) async fn page<S: Store>(
    store: &S,
    cx: &ReadContext,
    webhook: &ResourceId,
    after: Option<Cursor>,
    limit: usize,
) -> Result<(Vec<Kept>, Option<Cursor>), StoreError> {
    let kind = system::dead_letter();
    let query = Query::first(limit)
        .with_filter(of_webhook(webhook)?)
        .with_total(Total::Unknown)
        .with_paging(Paging::Cursor { after, count: limit });
    let page = store.query(cx, kind, &query).await?;
    let letters = page.resources.iter().filter_map(Kept::of).collect();
    Ok((letters, page.next))
}
