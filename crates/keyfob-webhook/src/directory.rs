//! The tenants that have webhooks, so that nobody looks at all tenants for them.

use std::time::Duration;

use keyfob_core::{DateTime, Resource, ResourceId};
use keyfob_engine::{Context, Engine};
use keyfob_store::{
    Cause, Change, CommitError, Committed, Feeds, LookBack, Position, Query, Selection, Store, StoreError,
    StoreExt as _, TenantId,
};
use smol_str::ToSmolStr;

use crate::{system, webhook::Settings};

/// The consumer of a tenant's feed that its webhooks are together: no event is trimmed before all have it, as far as the
/// operator's patience goes.
pub(crate) const CONSUMER: &str = "webhooks";

/// The time for which the note of a tenant without webhooks stays. Whoever creates a webhook writes the note first.
const UNUSED: Duration = Duration::from_secs(60 * 60);

/// Notes that a tenant has webhooks, before it has.
pub(crate) async fn note<S: Store>(engine: &Engine<S>, tenant: &TenantId) -> Result<(), StoreError> {
    let kind = system::tenant();
    let id = system::tenant_id(tenant);
    let cx = Context::new(TenantId::SYSTEM);
    for _ in 0..Engine::<S>::MAX_ATTEMPTS {
        let mut document = Resource::new([kind.schema().id.clone()]);
        document.core_mut().insert("tenant", tenant.as_str());
        document.core_mut().insert("noted", engine.now().to_smolstr());
        let there = engine.load(&cx, kind, &id, &Selection::document()).await?;
        let change = match there {
            Some(there) => Change::replace(kind, id.clone(), document, Some(there.version)),
            None => Change::create(kind, id.clone(), document),
        };
        let commit = engine.commit_of(&cx, "noteWebhooks", vec![change], None);
        if applied(engine.store().commit_one(commit).await)?.is_some() {
            return Ok(());
        }
    }
    Err(StoreError::unavailable(
        "other servers change the note of a tenant's webhooks",
    ))
}

/// Lists the tenants that may have webhooks.
pub(crate) async fn tenants<S: Store>(engine: &Engine<S>) -> Result<Vec<TenantId>, StoreError> {
    let cx = Context::new(TenantId::SYSTEM);
    let page = engine
        .store()
        .query(&cx.reading(), system::tenant(), &Query::all())
        .await?;
    let tenants = page.resources.iter();
    Ok(tenants
        .filter_map(|stored| stored.resource.core().get_str("tenant").map(TenantId::new))
        .collect())
}

/// Removes the note of a tenant that has had no webhooks for a while.
pub(crate) async fn forget<S: Store>(engine: &Engine<S>, tenant: &TenantId) -> Result<(), StoreError> {
    let cx = Context::new(TenantId::SYSTEM);
    let (kind, id) = (system::tenant(), system::tenant_id(tenant));
    let Some(note) = engine.load(&cx, kind, &id, &Selection::document()).await? else {
        return Ok(());
    };
    let noted: Option<DateTime> = note
        .resource
        .core()
        .get_str("noted")
        .and_then(|at| at.parse().ok());
    let age = noted.map(|noted| engine.now().unix_millis().saturating_sub(noted.unix_millis()));
    if age.is_some_and(|age| u128::try_from(age).is_ok_and(|age| age >= UNUSED.as_millis())) {
        // Whoever writes it at the same time needs it.
        let change = Change::delete(kind, id, Some(note.version));
        let commit = engine.commit_of(&cx, "forgetWebhooks", vec![change], None);
        applied(engine.store().commit_one(commit).await)?;
    }
    Ok(())
}

/// Reads the webhooks of a tenant, in the order in which they were created.
pub(crate) async fn webhooks<S: Store>(
    engine: &Engine<S>,
    cx: &Context,
) -> Result<Vec<Settings>, StoreError> {
    let page = engine
        .store()
        .query(&cx.reading(), system::webhook(), &Query::all())
        .await?;
    Ok(page.resources.iter().filter_map(Settings::of).collect())
}

/// Reads a webhook.
pub(crate) async fn webhook<S: Store>(
    engine: &Engine<S>,
    cx: &Context,
    id: &ResourceId,
) -> Result<Option<Settings>, StoreError> {
    let selection = Selection::document();
    let stored = engine
        .store()
        .get_one(&cx.reading(), system::webhook(), id, &selection)
        .await?;
    Ok(stored.as_ref().and_then(Settings::of))
}

/// Returns the position of a tenant's newest event.
pub(crate) async fn newest<S: Feeds>(store: &S, tenant: &TenantId) -> Result<Position, StoreError> {
    let query = LookBack {
        limit: 1,
        ..LookBack::default()
    };
    let newest = store.look_back(tenant, &query).await?;
    Ok(newest.first().map_or(Position::START, |event| event.position))
}

/// Returns what a commit did; none where somebody else was faster and it did nothing.
pub(crate) fn applied(outcome: Result<Committed, CommitError>) -> Result<Option<Committed>, StoreError> {
    match outcome {
        Ok(committed) => Ok(Some(committed)),
        Err(CommitError::Store(error)) => Err(error),
        Err(error) => match error.refusal() {
            Some((_, Cause::Version | Cause::IdTaken | Cause::Missing)) => Ok(None),
            _ => Err(StoreError::internal(error)),
        },
    }
}
