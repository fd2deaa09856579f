//! Metrics of the service, for Prometheus.

use std::{borrow::Cow, time::Duration};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// The labels of a family: names and values that clients can't choose, so that their number has a bound.
type Labels<const N: usize> = [(&'static str, Cow<'static, str>); N];

/// The upper ends of the buckets of durations, in seconds.
const BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Counters of the requests that services answer. Cheap to clone; clones count together.
///
/// | metric | labels | meaning |
/// |---|---|---|
/// | `scim_requests_total` | `method`, `path`, `status` | answered requests |
/// | `scim_request_duration_seconds` | `method`, `path` | from the head of the request to the answer |
/// | `scim_requests_in_flight` | | requests that are being answered |
/// | `scim_requests_abandoned_total` | | requests whose clients went away before the answer |
/// | `scim_response_bytes_total` | | bytes of bodies |
///
/// `path` is that of the endpoint, as in `/Users/{id}`. No label names a tenant or a resource.
///
/// ```
/// use keyfob_http::metrics::Metrics;
/// use prometheus_client::{encoding::text::encode, registry::Registry};
///
/// let mut registry = Registry::default();
/// let metrics = Metrics::register(&mut registry);
/// // `ScimService::builder(..).metrics(metrics)` counts with them.
/// # let _ = metrics;
/// let mut text = String::new();
/// encode(&mut text, &registry)?;
/// assert!(text.contains("# TYPE scim_requests_in_flight gauge"));
/// # Ok::<(), std::fmt::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<Labels<3>, Counter>,
    durations: Family<Labels<2>, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    abandoned: Counter,
    bytes: Counter,
}

impl Metrics {
    /// Creates the counters and registers them.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            in_flight: Gauge::default(),
            abandoned: Counter::default(),
            bytes: Counter::default(),
        };
        registry.register(
            "scim_requests",
            "Requests that were answered",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "scim_request_duration",
            "Time from the head of a request to its answer",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register(
            "scim_requests_in_flight",
            "Requests that are being answered",
            metrics.in_flight.clone(),
        );
        registry.register(
            "scim_requests_abandoned",
            "Requests whose clients went away before the answer",
            metrics.abandoned.clone(),
        );
        registry.register_with_unit(
            "scim_response",
            "Bytes of the bodies of answers",
            Unit::Bytes,
            metrics.bytes.clone(),
        );
        metrics
    }

    pub(crate) fn begun(&self) {
        self.in_flight.inc();
    }

    pub(crate) fn answered(&self, method: &'static str, path: &str, status: u16, took: Duration, bytes: u64) {
        self.in_flight.dec();
        let (method, path) = (("method", method.into()), ("path", Cow::Owned(path.to_owned())));
        let status = ("status", Cow::Owned(status.to_string()));
        self.durations
            .get_or_create(&[method.clone(), path.clone()])
            .observe(took.as_secs_f64());
        self.requests.get_or_create(&[method, path, status]).inc();
        self.bytes.inc_by(bytes);
    }

    pub(crate) fn abandoned(&self) {
        self.in_flight.dec();
        self.abandoned.inc();
    }
}
