//! Looks for what is due in all tenants, and has it sent.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    pin::Pin,
    time::Duration,
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use keyfob_client::Transport;
use keyfob_core::{DateTime, ResourceId};
use keyfob_engine::Context;
use keyfob_store::{Feeds, Position, StoreError, TenantId};

use crate::{
    deliverer::{Deliverer, Served},
    directory,
    progress::millis,
};

/// The time between two looks at what is new.
const POLL: Duration = Duration::from_secs(1);

/// The time before a webhook is looked at again after the store failed.
const STORE_FAILED: Duration = Duration::from_secs(5);

/// The time between two looks at what is needed no more.
const HOUSEKEEPING: Duration = Duration::from_secs(60 * 60);

/// The number of webhooks that are served at the same time, and of those among them whose receivers could not be reached the
/// last time. So receivers that don't answer never take all places.
const PLACES: usize = 1_024;
const FAILING_PLACES: usize = PLACES / 2;

type Key = (TenantId, ResourceId);

/// What is known of tenants and their webhooks.
#[derive(Debug, Default)]
struct Board {
    tenants: HashMap<TenantId, Tenant>,
}

#[derive(Debug)]
struct Tenant {
    /// The position of the newest event when the webhooks were last looked at.
    newest: Position,
    webhooks: HashMap<ResourceId, Place>,
}

#[derive(Debug, Default)]
struct Place {
    /// When there is something to do; none until something happens in the tenant.
    due: Option<DateTime>,
    is_failing: bool,
}

impl Board {
    fn due(&self, now: DateTime) -> Vec<(Key, bool)> {
        let tenants = self.tenants.iter();
        let due = tenants.flat_map(|(tenant, known)| {
            let webhooks = known.webhooks.iter();
            let due = webhooks.filter(|(_, place)| place.due.is_some_and(|due| due <= now));
            due.map(|(id, place)| ((tenant.clone(), id.clone()), place.is_failing))
        });
        due.collect()
    }

    fn place(&mut self, (tenant, id): &Key) -> Option<&mut Place> {
        self.tenants.get_mut(tenant)?.webhooks.get_mut(id)
    }

    fn note(&mut self, key: &Key, served: &Served) {
        if let Some(place) = self.place(key) {
            // What came up meanwhile is due already.
            place.due = match (place.due, served.due) {
                (Some(due), Some(other)) => Some(due.min(other)),
                (due, other) => due.or(other),
            };
            place.is_failing = served.is_failing;
        }
    }

    fn newest(&self) -> HashMap<TenantId, Position> {
        let tenants = self.tenants.iter();
        tenants
            .map(|(tenant, known)| (tenant.clone(), known.newest))
            .collect()
    }

    /// Takes over what a look has found: tenants in which something has happened, and tenants that are gone.
    fn update(&mut self, survey: Survey, now: DateTime) {
        self.tenants.retain(|tenant, _| survey.tenants.contains(tenant));
        for (tenant, newest, webhooks) in survey.news {
            let mut before = self
                .tenants
                .remove(&tenant)
                .map(|known| known.webhooks)
                .unwrap_or_default();
            let webhooks = webhooks.into_iter().map(|id| {
                let is_failing = before.remove(&id).is_some_and(|place| place.is_failing);
                let due = Some(now);
                (id, Place { due, is_failing })
            });
            let webhooks = webhooks.collect();
            self.tenants.insert(tenant, Tenant { newest, webhooks });
        }
    }
}

/// What a look at all tenants with webhooks has found.
#[derive(Debug, Default)]
struct Survey {
    tenants: HashSet<TenantId>,
    /// The tenants in which something has happened, the position of the newest event of each, and its webhooks.
    news: Vec<(TenantId, Position, Vec<ResourceId>)>,
}

enum Done {
    Surveyed(Result<Survey, StoreError>),
    Served(Key, Result<Served, StoreError>),
    Tidied,
}

type Task<'t> = Pin<Box<dyn Future<Output = Done> + Send + 't>>;

impl<S: Feeds, T: Transport> Deliverer<S, T> {
    /// Delivers events for as long as the future is polled. Dropping it ends the deliveries; what was under way then comes
    /// again.
    ///
    /// A receiver that is slow, or doesn't answer, holds up no other: each webhook is served apart from the others. Where the
    /// store fails, the log says so, and the deliveries go on when it is back.
    ///
    /// ```no_run
    /// # async fn run(engine: std::sync::Arc<keyfob_engine::Engine<keyfob_store_memory::MemoryStore>>)
    /// # -> Result<(), keyfob_client::TransportError> {
    /// use keyfob_client::{Reqwest, is_public};
    /// use keyfob_webhook::Deliverer;
    ///
    /// let deliverer = Deliverer::new(engine, Reqwest::reaching(is_public)?);
    /// tokio::spawn(async move { deliverer.run().await });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The transport has to wait when it is told to: one in the same process, which doesn't, is for
    /// [`deliver_due`](Self::deliver_due).
    ///
    /// # Complexity
    /// Reads the list of tenants with webhooks every second, and the newest event of each of them.
    pub async fn run(&self) -> Infallible {
        let mut board = Board::default();
        let mut tasks: FuturesUnordered<Task<'_>> = FuturesUnordered::new();
        let mut running: HashMap<Key, bool> = HashMap::new();
        let mut is_store_failing = false;
        tasks.push(Box::pin(async {
            Done::Surveyed(self.survey(HashMap::new()).await)
        }));
        tasks.push(Box::pin(self.tidy_later()));
        loop {
            match tasks.next().await {
                Some(Done::Surveyed(survey)) => {
                    match survey {
                        Ok(survey) => {
                            board.update(survey, self.engine().now());
                            is_store_failing = false;
                        }
                        // A store that is away would say so every second.
                        Err(_) if is_store_failing => {}
                        Err(error) => {
                            is_store_failing = true;
                            tracing::warn!(%error, "webhooks wait for the store");
                        }
                    }
                    let newest = board.newest();
                    tasks.push(Box::pin(async move {
                        self.transport().wait(POLL).await;
                        Done::Surveyed(self.survey(newest).await)
                    }));
                }
                Some(Done::Served(key, outcome)) => {
                    running.remove(&key);
                    let served = outcome.unwrap_or_else(|error| {
                        tracing::warn!(%error, tenant = %key.0, webhook = %key.1, "a webhook waits for the store");
                        Served {
                            due: Some(after(self.engine().now(), STORE_FAILED)),
                            ..Served::default()
                        }
                    });
                    board.note(&key, &served);
                }
                Some(Done::Tidied) => tasks.push(Box::pin(self.tidy_later())),
                // The look at what is new is always among them.
                None => std::future::pending::<()>().await,
            }
            let mut failing = running.values().filter(|is_failing| **is_failing).count();
            for (key, is_failing) in board.due(self.engine().now()) {
                if running.len() >= PLACES {
                    break;
                }
                if running.contains_key(&key) || (is_failing && failing >= FAILING_PLACES) {
                    continue;
                }
                failing += usize::from(is_failing);
                running.insert(key.clone(), is_failing);
                if let Some(place) = board.place(&key) {
                    place.due = None;
                }
                tasks.push(Box::pin(async move {
                    let served = self.serve(&key.0, &key.1).await;
                    Done::Served(key, served)
                }));
            }
        }
    }

    /// Delivers what is due now, to all webhooks at the same time, and returns the number of messages that were delivered:
    /// for programs that call it by themselves every now and then.
    ///
    /// What fails is due later, and is sent by a later call.
    ///
    /// # Errors
    /// [`StoreError`] of the first webhook of which the store failed; the others are served all the same.
    pub async fn deliver_due(&self) -> Result<usize, StoreError> {
        let mut board = Board::default();
        board.update(self.survey(HashMap::new()).await?, self.engine().now());
        let mut delivered = 0;
        let mut outcome = Ok(());
        loop {
            let now = self.engine().now();
            let due = board.due(now);
            if due.is_empty() {
                break;
            }
            let mut tasks = FuturesUnordered::new();
            for (key, _) in due {
                if let Some(place) = board.place(&key) {
                    place.due = None;
                }
                tasks.push(async move {
                    let served = self.serve(&key.0, &key.1).await;
                    (key, served)
                });
            }
            while let Some((key, served)) = tasks.next().await {
                match served {
                    Ok(served) => {
                        delivered += served.delivered;
                        board.note(&key, &served);
                    }
                    Err(error) => outcome = outcome.and(Err(error)),
                }
            }
        }
        outcome?;
        self.tidy().await?;
        Ok(delivered)
    }

    /// Looks which tenants have webhooks, and in which of them something has happened since the newest event that is known.
    async fn survey(&self, known: HashMap<TenantId, Position>) -> Result<Survey, StoreError> {
        let mut survey = Survey::default();
        for tenant in directory::tenants(self.engine()).await? {
            let newest = directory::newest(self.engine().store(), &tenant).await?;
            if known.get(&tenant) != Some(&newest) {
                let cx = Context::new(tenant.clone());
                let webhooks = directory::webhooks(self.engine(), &cx).await?;
                let ids = webhooks.into_iter().map(|webhook| webhook.id).collect();
                survey.news.push((tenant.clone(), newest, ids));
            }
            survey.tenants.insert(tenant);
        }
        Ok(survey)
    }

    async fn tidy_later(&self) -> Done {
        self.transport().wait(HOUSEKEEPING).await;
        if let Err(error) = self.tidy().await {
            tracing::warn!(%error, "events that all webhooks have may still be stored");
        }
        Done::Tidied
    }

    /// Acknowledges what all webhooks of a tenant have, and forgets tenants without webhooks.
    async fn tidy(&self) -> Result<(), StoreError> {
        for tenant in directory::tenants(self.engine()).await? {
            let cx = Context::new(tenant.clone());
            let store = self.engine().store();
            // Read first: what is published afterwards is nothing that webhooks have which are read now.
            let mut done = directory::newest(store, &tenant).await?;
            let webhooks = directory::webhooks(self.engine(), &cx).await?;
            if webhooks.is_empty() {
                directory::forget(self.engine(), &tenant).await?;
            }
            for webhook in webhooks {
                if let Some((progress, _)) = self.progress(&cx, &webhook.id).await? {
                    done = done.min(progress.done());
                }
            }
            if store.acknowledged(&tenant, directory::CONSUMER).await? < done {
                store.acknowledge(&tenant, directory::CONSUMER, done).await?;
            }
        }
        Ok(())
    }
}

fn after(now: DateTime, wait: Duration) -> DateTime {
    DateTime::from_unix_millis(now.unix_millis().saturating_add(millis(wait)))
}
