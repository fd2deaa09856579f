//! The work that a server does by itself: it writes the log of requests that administrators read, erases what is left of
//! organizations, removes events that are old, and tells of tokens that end and of those that were refused.

use std::{sync::Arc, time::Duration};

use keyfob_engine::DynStore;
use keyfob_provisioning::{Provisioner, RequestLog};

/// The time for which requests come together before they are written.
const FLUSH: Duration = Duration::from_secs(1);

/// The time between two removals of what is too old.
const SWEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// The time between two erasures of what is left of organizations and of events that are old, and between two looks at tokens that
/// end.
const HOUSEKEEPING: Duration = Duration::from_secs(60 * 60);

/// The time for which a server that stops waits for its last requests to be written.
const LAST_FLUSH: Duration = Duration::from_secs(1);

/// Writes what comes together, and removes what is too old, for as long as the server runs.
pub(super) async fn keep(
    log: Arc<RequestLog<DynStore>>,
    provisioner: Provisioner<DynStore>,
    events_kept: Option<Duration>,
) {
    let mut flush = tokio::time::interval(FLUSH);
    flush.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut sweep = tokio::time::interval(SWEEP);
    let mut housekeeping = tokio::time::interval(HOUSEKEEPING);
    let mut is_failing = false;
    loop {
        tokio::select! {
            _ = flush.tick() => match log.flush().await {
                Ok(()) => is_failing = false,
                // The log of a store that is away would say so every second.
                Err(_) if is_failing => {}
                Err(error) => {
                    is_failing = true;
                    tracing::warn!(%error, "requests are lost to the log of requests");
                }
            },
            _ = sweep.tick() => {
                if let Err(error) = remove_old(&log, &provisioner).await {
                    tracing::warn!(%error, "the log of requests still has some that are too old");
                }
            }
            _ = housekeeping.tick() => {
                erase_remains(&provisioner).await;
                if let Some(kept) = events_kept {
                    trim_events(&provisioner, kept).await;
                }
                warn_of_expiry(&provisioner).await;
                tell_of_refused_tokens(&provisioner).await;
            }
        }
    }
}

async fn erase_remains(provisioner: &Provisioner<DynStore>) {
    match provisioner.admin().sweep_tenants().await {
        Ok(0) => {}
        Ok(tenants) => tracing::info!(tenants, "what was left of organizations is erased"),
        Err(error) => tracing::warn!(%error, "what was left of organizations is still stored"),
    }
}

async fn trim_events(provisioner: &Provisioner<DynStore>, kept: Duration) {
    match provisioner.admin().trim_events(kept).await {
        Ok(0) => {}
        Ok(events) => tracing::info!(events, "events that were kept for long enough are removed"),
        Err(error) => tracing::warn!(%error, "events that are old are still stored"),
    }
}

async fn warn_of_expiry(provisioner: &Provisioner<DynStore>) {
    match provisioner.admin().warn_of_expiry().await {
        Ok(tokens) => {
            for token in tokens {
                tracing::warn!(
                    tenant = token.tenant.as_str(),
                    token = token.name.as_str(),
                    expires = %token.expires,
                    "a token ends soon"
                );
            }
        }
        Err(error) => tracing::warn!(%error, "tokens that end soon may not be told of"),
    }
}

async fn tell_of_refused_tokens(provisioner: &Provisioner<DynStore>) {
    if let Err(error) = provisioner.admin().tell_of_refused_tokens().await {
        tracing::warn!(%error, "organizations are told later of tokens that were refused");
    }
}

async fn remove_old(
    log: &RequestLog<DynStore>,
    provisioner: &Provisioner<DynStore>,
) -> Result<(), keyfob_provisioning::AdminError> {
    for organization in provisioner.admin().organizations().await? {
        log.sweep(&organization.tenant).await?;
    }
    Ok(())
}

/// Writes what a server that stops has left.
pub(super) async fn finish(log: &RequestLog<DynStore>, provisioner: &Provisioner<DynStore>) {
    let told = tokio::time::timeout(LAST_FLUSH, tell_of_refused_tokens(provisioner)).await;
    if told.is_err() {
        tracing::warn!("some organizations are not told of tokens that were refused");
    }
    let flushed = tokio::time::timeout(LAST_FLUSH, log.flush()).await;
    if !matches!(flushed, Ok(Ok(()))) {
        tracing::warn!("the last requests are not in the log of requests");
    }
}
