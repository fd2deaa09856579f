//! What a service keeps of requests, for the administrators who look for the reason of a refusal.

mod explanation;

use keyfob_core::{DateTime, ResourceId, ScimType};
use keyfob_store::{RequestId, TenantId};
use smol_str::SmolStr;

pub use self::explanation::Explanation;

/// A write or a refusal, as a log of requests keeps it.
///
/// It holds no value: attributes by their names alone, people by the ids of their resources.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestRecord {
    /// The instant at which the request was answered.
    pub at: DateTime,
    /// The id of the request, as access logs and events have it.
    pub request: RequestId,
    /// The name of the token that let the request in.
    pub credential: SmolStr,
    /// The method of the request, such as `PATCH`.
    pub method: SmolStr,
    /// The endpoint, such as `/Users/{id}`.
    pub path: SmolStr,
    /// The resource, where the request is about one and has found or made it.
    pub resource: Option<ResourceId>,
    /// The names of the attributes that a write names: at most [`MAX_ATTRIBUTES`](Self::MAX_ATTRIBUTES).
    pub attributes: Vec<SmolStr>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The `scimType` of the answer, if it has one.
    pub scim_type: Option<ScimType>,
    /// The kind of the refusal, of which [`Explanation::of`] knows the reason and the remedy. None where the request was done.
    pub refusal: Option<SmolStr>,
}

impl RequestRecord {
    /// The number of attributes that a record names.
    pub const MAX_ATTRIBUTES: usize = 32;

    /// Creates the record of a request that was done, to which the rest is added.
    #[must_use]
    pub fn new(at: DateTime, request: RequestId, method: &str, path: &str, status: u16) -> Self {
        Self {
            at,
            request,
            credential: SmolStr::default(),
            method: method.into(),
            path: path.into(),
            resource: None,
            attributes: Vec::new(),
            status,
            scim_type: None,
            refusal: None,
        }
    }

    /// Returns true if the request was refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refusal.is_some()
    }

    /// Returns why the request was refused and what to change.
    #[must_use]
    pub fn explanation(&self) -> Option<Explanation> {
        self.refusal.as_deref().and_then(Explanation::of)
    }
}

/// Takes the records of requests while they are answered.
///
/// It is called once for each write and each refusal, by whatever thread answers the request, so that it neither waits nor
/// fails: a recorder that can't keep up counts what it loses.
pub trait RequestRecorder: Send + Sync + 'static {
    /// Takes a record of a tenant.
    fn record(&self, tenant: &TenantId, record: RequestRecord);

    /// Takes note of a request that was done and only read, of which there is no record. By default nothing is noted.
    fn note_read(&self, tenant: &TenantId, credential: &str, at: DateTime) {
        let _ = (tenant, credential, at);
    }
}
