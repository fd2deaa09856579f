//! The server's counters, for Prometheus.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use keyfob_core::ResourceType;
use keyfob_engine::{Commit, CommitError, Committed, DynStore, Hooked, Hooks, ReadContext, StoreError};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text::encode},
    metrics::{counter::Counter, family::Family, gauge::ConstGauge, histogram::Histogram},
    registry::Registry,
};

use super::{answer, failures::Failures, share::Shares};

/// The upper ends of the buckets of the number of commits that are handed over together.
const BATCHES: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 1000.0];

/// The counters of a server.
pub(super) struct Metrics {
    registry: Arc<Registry>,
}

/// Creates the counters of requests and of the store. The server asks for the text with [`Metrics::answer`].
pub(super) struct Counters {
    registry: Registry,
    pub(super) requests: keyfob_http::metrics::Metrics,
    store: StoreCounters,
}

#[derive(Clone, Debug, Default)]
struct StoreCounters {
    reads: Counter,
    commits: Family<[(&'static str, &'static str); 1], Counter>,
    batches: Batches,
}

#[derive(Clone, Debug)]
struct Batches(Histogram);

impl Default for Batches {
    fn default() -> Self {
        Self(Histogram::new(BATCHES))
    }
}

impl Counters {
    pub(super) fn new() -> Self {
        let mut registry = Registry::default();
        let requests = keyfob_http::metrics::Metrics::register(&mut registry);
        let store = StoreCounters::default();
        registry.register("keyfob_store_reads", "Reads of the store", store.reads.clone());
        registry.register(
            "keyfob_store_commits",
            "Commits, done, refused for what they ask, and failed",
            store.commits.clone(),
        );
        registry.register(
            "keyfob_store_batch_commits",
            "Commits that were handed over together",
            store.batches.0.clone(),
        );
        Self {
            registry,
            requests,
            store,
        }
    }

    /// Returns the store with its calls counted.
    pub(super) fn count(&self, store: DynStore) -> DynStore {
        DynStore::new(Hooked::new(store, self.store.clone()))
    }

    pub(super) fn finish(mut self, shares: &Arc<Shares>, failures: &Failures) -> Metrics {
        self.registry.register(
            "keyfob_wrong_tokens",
            "Wrong tokens that were shown, on both ports",
            failures.counter(),
        );
        self.registry
            .register_collector(Box::new(Queues(Arc::clone(shares))));
        Metrics {
            registry: Arc::new(self.registry),
        }
    }
}

impl Metrics {
    /// The text that Prometheus reads.
    pub(super) fn answer(&self) -> Response<Full<Bytes>> {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            return answer::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the metrics can't be written\n",
            );
        }
        let mut response = answer::text(StatusCode::OK, text);
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"),
        );
        response
    }
}

impl Hooks for StoreCounters {
    fn before_read(&self, _: &ReadContext, _: &ResourceType) -> Result<(), StoreError> {
        self.reads.inc();
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of commits is small")]
    fn after_commit(&self, commits: &[Arc<Commit>], outcomes: &mut Vec<Result<Committed, CommitError>>) {
        self.batches.0.observe(commits.len() as f64);
        for outcome in outcomes {
            let word = match outcome {
                Ok(_) => "done",
                Err(CommitError::Store(_)) => "failed",
                Err(_) => "refused",
            };
            self.commits.get_or_create(&[("outcome", word)]).inc();
        }
    }
}

/// The lengths of the queues, looked up when they are asked for.
#[derive(Debug)]
struct Queues(Arc<Shares>);

impl Collector for Queues {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let waiting = ConstGauge::new(i64::try_from(self.0.waiting()).unwrap_or(i64::MAX));
        let encoder = encoder.encode_descriptor(
            "keyfob_requests_waiting",
            "Requests that wait for their tenant's turn",
            None,
            waiting.metric_type(),
        )?;
        waiting.encode(encoder)
    }
}
