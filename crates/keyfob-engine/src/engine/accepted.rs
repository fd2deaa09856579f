//! Bulk requests that are answered before they are done (RFC 9967 section 2.5.1).

use std::{sync::LazyLock, time::Duration};

use keyfob_core::{
    DateTime, ErrorBody, Object, Registry, Resource, ResourceId, ResourceType, Schema, Value, Version,
    message::{BulkJob, BulkMethod, BulkResult},
    schema::ResourceTypeBuilder,
};
use keyfob_store::{
    Capabilities, Change, CommitError, NewEvent, OnRefusal, Query, Selection, Store, StoreError, Stored,
    Total, When,
};
use smol_str::{SmolStr, format_smolstr};

use super::{Engine, EngineError};
use crate::{context::Context, event};

/// The type in which accepted requests are kept, in the tenant of the client. It has a registry of its own, as it isn't an
/// application's.
static TYPE: LazyLock<Option<ResourceType>> = LazyLock::new(|| {
    let schema = Schema::from_json(include_bytes!("../../schemas/accepted-request.json")).ok()?;
    let definition =
        ResourceTypeBuilder::new("AcceptedRequest", "/AcceptedRequests", schema.id.clone()).internal();
    let registry = Registry::builder().resource_type(definition).schema(schema);
    registry.build().ok()?.resource_type("AcceptedRequest").cloned()
});

/// The time that a server has to publish the outcomes of a request after its last operation. Beyond it the server is
/// taken for stopped.
const GRACE: Duration = Duration::from_secs(60);

/// The characters of a path that are kept. No longer one leads anywhere.
const MAX_PATH: usize = 512;

/// The number of requests that are given up at once.
const AT_ONCE: usize = 16;

/// Returns true if a store keeps accepted requests.
pub(super) fn is_kept(capabilities: &Capabilities) -> bool {
    TYPE.as_ref().is_some_and(|kind| capabilities.keeps(kind))
}

fn kind() -> Result<&'static ResourceType, StoreError> {
    TYPE.as_ref()
        .ok_or_else(|| StoreError::internal("the schema of accepted requests is malformed"))
}

/// A bulk request that was accepted: its outcome is told by events, one for each operation, whatever becomes of the server.
#[derive(Clone, Debug)]
pub struct AcceptedBulk {
    transaction: SmolStr,
    operations: Vec<Asked>,
    version: Option<Version>,
}

/// The request of one operation.
#[derive(Clone, Debug, Default)]
struct Asked {
    method: Option<SmolStr>,
    path: Option<SmolStr>,
    bulk_id: Option<SmolStr>,
}

impl AcceptedBulk {
    /// Returns the name of the request, which is sent as `Set-Txn` and which the `txn` of its events begin with.
    #[must_use]
    pub fn transaction(&self) -> &str {
        &self.transaction
    }

    fn id(&self) -> ResourceId {
        ResourceId::new(self.transaction.clone())
    }
}

/// The outcomes of the operations of a bulk request in their order, none where an operation was not done because the request
/// was over.
#[derive(Clone, Debug)]
pub struct BulkOutcomes {
    pub(super) results: Vec<Option<BulkResult>>,
}

impl BulkOutcomes {
    /// Returns the results of the operations that were done.
    #[must_use]
    pub fn into_results(self) -> Vec<BulkResult> {
        self.results.into_iter().flatten().collect()
    }
}

impl<S: Store> Engine<S> {
    /// Returns true if bulk requests can be accepted and done later: the store keeps what is promised.
    #[must_use]
    pub fn can_accept_bulk(&self) -> bool {
        is_kept(self.store().capabilities())
    }

    /// Accepts a bulk request: whatever happens to this server, each operation has an event about its outcome from now on.
    ///
    /// `transaction` is the name of the request, as [`next_transaction`](Self::next_transaction) gives it and as the request
    /// is done under.
    ///
    /// # Errors
    /// [`EngineError::ReadOnly`], [`EngineError::Store`].
    pub async fn accept_bulk(
        &self,
        cx: &Context,
        job: &BulkJob<'_>,
        transaction: &str,
    ) -> Result<AcceptedBulk, EngineError> {
        if cx.is_read_only() {
            return Err(EngineError::ReadOnly);
        }
        let kind = kind()?;
        let operations = job.operations.iter().map(|operation| Asked {
            method: operation.method.clone(),
            path: operation
                .path
                .as_ref()
                .map(|path| path.chars().take(MAX_PATH).collect()),
            bulk_id: operation.bulk_id.clone(),
        });
        let mut accepted = AcceptedBulk {
            transaction: transaction.into(),
            operations: operations.collect(),
            version: None,
        };
        let expires = self
            .now()
            .unix_millis()
            .saturating_add(millis(self.limits_of(cx).bulk_time + GRACE));
        let mut document = Resource::new([kind.schema().id.clone()]);
        let core = document.core_mut();
        core.insert(
            "expires",
            format_smolstr!("{}", DateTime::from_unix_millis(expires)),
        );
        let operations = accepted
            .operations
            .iter()
            .map(|asked| Value::Object(asked.to_object()));
        core.insert("operations", operations.collect::<Vec<_>>());
        let change = Change::create(kind, accepted.id(), document);
        let commit = self.commit_of(cx, "bulk", vec![change], None);
        let committed = self.commit(cx, commit).await.map_err(failed)?;
        let outcome = committed.outcomes.first().and_then(|outcome| outcome.revision());
        accepted.version = outcome.map(|revision| revision.version);
        Ok(accepted)
    }

    /// Returns the name of a new request, which its events carry.
    #[must_use]
    pub fn next_transaction(&self) -> SmolStr {
        self.next_commit_id()
    }

    /// Publishes the outcomes of an accepted request, which is done by then.
    ///
    /// # Errors
    /// [`EngineError::Store`]. The events then say that the outcome is unknown, once the time of the request is over.
    pub async fn complete_bulk(
        &self,
        cx: &Context,
        accepted: &AcceptedBulk,
        outcomes: &BulkOutcomes,
    ) -> Result<(), EngineError> {
        let not_done = failure(424, NOT_DONE);
        let mut results = outcomes.results.iter();
        self.publish_outcomes(cx, accepted, |_| {
            let result = results.next().and_then(Option::as_ref);
            result.unwrap_or(&not_done).clone()
        })
        .await
    }

    /// Tells of the accepted requests of which no server tells any more that their outcome is unknown.
    pub(super) async fn give_up_accepted(&self, cx: &Context) -> Result<(), EngineError> {
        if !self.can_accept_bulk() {
            return Ok(());
        }
        let query = Query::first(AT_ONCE)
            .with_total(Total::Unknown)
            .with_selection(Selection::document());
        let page = self.store().query(&cx.reading(), kind()?, &query).await?;
        for stored in page.resources {
            let Some(accepted) = self.abandoned(&stored) else {
                continue;
            };
            let unknown = failure(500, UNKNOWN);
            tracing::warn!(
                transaction = accepted.transaction(),
                "a bulk request was not finished"
            );
            match self.publish_outcomes(cx, &accepted, |_| unknown.clone()).await {
                // Another server may have been faster.
                Ok(()) | Err(EngineError::Contention) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns an accepted request whose time is over.
    fn abandoned(&self, stored: &Stored) -> Option<AcceptedBulk> {
        let core = stored.resource.core();
        let expires: DateTime = core.get_str("expires")?.parse().ok()?;
        if expires > self.now() {
            return None;
        }
        let operations = core.get("operations").map(Value::as_elements).unwrap_or_default();
        Some(AcceptedBulk {
            transaction: stored.resource.id()?.as_str().into(),
            operations: operations.iter().map(Asked::from_value).collect(),
            version: Some(stored.version),
        })
    }

    /// Publishes an event for each operation, and forgets the request, in one commit.
    async fn publish_outcomes(
        &self,
        cx: &Context,
        accepted: &AcceptedBulk,
        mut result_of: impl FnMut(usize) -> BulkResult + Send,
    ) -> Result<(), EngineError> {
        let kind = kind()?;
        let id = accepted.id();
        let mut changes = vec![Change::Delete {
            resource_type: kind.clone(),
            id: id.clone(),
            precondition: accepted.version,
            on_refusal: OnRefusal::Fail,
        }];
        for (number, asked) in accepted.operations.iter().enumerate() {
            let result = result_of(number);
            let mut event = NewEvent::new(event::COMPLETED, kind.name().clone(), id.clone());
            event.data = asked.outcome(&result, cx.base_url());
            event.data.insert(
                event::TRANSACTION,
                format_smolstr!("{}:{number}", accepted.transaction),
            );
            changes.push(Change::Publish {
                event: event.into(),
                when: When::Always,
            });
        }
        // Its own deadline is over where the request took all its time.
        let cx = &cx.clone().with_budget(keyfob_store::Budget::UNLIMITED);
        let commit = self.commit_of(cx, "bulk", changes, None);
        self.commit(cx, commit).await.map(drop).map_err(failed)
    }
}

/// The result of an operation that has none.
fn failure(status: u16, detail: &'static str) -> BulkResult {
    let mut result = BulkResult::new(status);
    result.response = Some(ErrorBody::new(status, detail).to_object());
    result
}

const NOT_DONE: &str =
    "the operation was not done: the request was over by the number of errors in `failOnErrors`";
const UNKNOWN: &str = "the server stopped before it could tell of the outcome: read the resource to see whether the operation was done";

impl Asked {
    fn to_object(&self) -> Object {
        let mut object = Object::new();
        for (name, text) in [
            ("method", &self.method),
            ("path", &self.path),
            ("bulkId", &self.bulk_id),
        ] {
            if let Some(text) = text {
                object.insert(name, text.clone());
            }
        }
        object
    }

    fn from_value(value: &Value) -> Self {
        let text = |name| {
            value
                .as_object()
                .and_then(|object| object.get_str(name))
                .map(SmolStr::new)
        };
        Self {
            method: text("method"),
            path: text("path"),
            bulk_id: text("bulkId"),
        }
    }

    /// Returns what an event says of the outcome: the result as a bulk response has it (RFC 7644 section 3.7.3), with the
    /// address of the resource relative to the base URL, as `sub_id` has it.
    fn outcome(&self, result: &BulkResult, base_url: &str) -> Object {
        let mut result = result.clone();
        let location = result.location.take();
        let known = location
            .as_deref()
            .and_then(|location| location.strip_prefix(base_url));
        let path = known.or(self.path.as_deref()).unwrap_or("/");
        let method = self.method.as_deref().and_then(BulkMethod::named);
        result.method = result.method.or(method);
        result.bulk_id = result.bulk_id.or_else(|| self.bulk_id.clone());
        let mut object = result.to_object();
        object.insert(event::SUBJECT, path);
        object
    }
}

fn failed(error: CommitError) -> EngineError {
    match error {
        CommitError::Store(error) => error.into(),
        // Somebody else has told of the request.
        _ => EngineError::Contention,
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_of_accepted_requests_loads_and_is_kept_from_clients() {
        assert!(TYPE.as_ref().is_some_and(|kind| !kind.is_exposed()));
        assert!(is_kept(&Capabilities::full()));
    }
}
