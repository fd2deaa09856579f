//! What is noted of a request while it is answered: its span, and the line that it leaves in the log.

use std::time::{Duration, Instant};

use http::{Method, Response, StatusCode};
use http_body::Body;
use keyfob_core::{ResourceId, ScimType};
use keyfob_engine::{Caller, RequestId};
use smol_str::{SmolStr, format_smolstr};
use tracing::{Span, field::Empty};

#[cfg(feature = "metrics")]
use crate::metrics::Metrics;
use crate::{
    answer::AnswerBody,
    route::{Discovery, Route},
};

/// What is noted of a request while it is answered.
///
/// Nothing of it is a value of a resource or of the query: the path is that of the endpoint, with the id of a resource
/// apart from it and only where the id is one that the service gave out.
pub(crate) struct Access {
    started: Instant,
    span: Span,
    method: &'static str,
    path: SmolStr,
    id: Option<ResourceId>,
    permanent_location: Option<SmolStr>,
    caller: Option<Caller>,
    reads_by_post: bool,
    is_answered: bool,
    #[cfg(feature = "metrics")]
    metrics: Option<Metrics>,
}

impl Access {
    pub(crate) fn start(method: &Method, request_id: &RequestId) -> Self {
        let method = word_of(method);
        // Of the highest level, so that whatever is logged names its request.
        let span = tracing::error_span!(
            "request",
            request_id = request_id.as_str(),
            method,
            path = Empty,
            tenant = Empty,
            token = Empty,
            status = Empty,
            scim_type = Empty,
            ms = Empty,
            bytes = Empty,
        );
        Self {
            started: Instant::now(),
            span,
            method,
            path: SmolStr::new_static("-"),
            id: None,
            permanent_location: None,
            caller: None,
            reads_by_post: false,
            is_answered: false,
            #[cfg(feature = "metrics")]
            metrics: None,
        }
    }

    /// Counts the request, too.
    #[cfg(feature = "metrics")]
    pub(crate) fn counted_by(&mut self, metrics: &Metrics) {
        metrics.begun();
        self.metrics = Some(metrics.clone());
    }

    /// Returns the span in which the request is answered.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Notes where the path leads to.
    pub(crate) fn leads_to(&mut self, route: Option<&Route<'_>>) {
        if let Some(route) = route {
            self.path = path_of(route);
            self.reads_by_post = matches!(route, Route::Search(_) | Route::Events);
            if let Route::Resource(_, id) = route {
                self.id = Some(id.clone());
            }
        }
        self.span.record("path", self.path.as_str());
    }

    /// Notes for whom the caller acts.
    pub(crate) fn acts_for(&mut self, caller: &Caller) {
        self.caller = Some(caller.clone());
        self.span.record("tenant", caller.tenant().as_str());
        let credential = caller.context().credential();
        if !credential.is_empty() {
            self.span.record("token", credential);
        }
    }

    /// Notes the address of the resource for which the path is an alias.
    pub(crate) fn stands_for(&mut self, location: SmolStr) {
        self.permanent_location = Some(location);
    }

    /// Returns the address of the resource for which the path is an alias.
    pub(crate) fn permanent_location(&self) -> Option<&str> {
        self.permanent_location.as_deref()
    }

    /// Returns whoever has sent the request, if that is known.
    pub(crate) fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// Returns the method as logs name it.
    pub(crate) fn method(&self) -> &'static str {
        self.method
    }

    /// Returns the path of the endpoint.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Returns true if the request asks for a change.
    pub(crate) fn is_write(&self, method: &Method) -> bool {
        matches!(
            *method,
            Method::POST | Method::PUT | Method::PATCH | Method::DELETE
        ) && !self.reads_by_post
    }

    /// Writes the line. The span says whose request it was and which.
    pub(crate) fn answered(mut self, response: &Response<AnswerBody>) {
        self.is_answered = true;
        let status = response.status();
        let scim_type = response
            .extensions()
            .get::<ScimType>()
            .map(|scim_type| scim_type.as_str());
        let id = self
            .id
            .as_ref()
            .filter(|_| status.is_success() || status == StatusCode::NOT_MODIFIED);
        let (took, bytes) = (self.started.elapsed(), Body::size_hint(response.body()).exact());
        let (status, ms) = (status.as_u16(), milliseconds(took));
        self.span.in_scope(|| {
            tracing::info!(
                status,
                scim_type,
                ms,
                bytes,
                id = id.map(ResourceId::as_str),
                "answered"
            );
        });
        // For those who collect spans. A line that repeats its span has been written by now.
        self.span.record("status", status);
        if let Some(scim_type) = scim_type {
            self.span.record("scim_type", scim_type);
        }
        // Of what is made while it is sent nobody knows them yet.
        self.span.record("ms", ms).record("bytes", bytes);
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &self.metrics {
            metrics.answered(self.method, &self.path, status, took, bytes.unwrap_or_default());
        }
    }
}

impl Drop for Access {
    /// A request that was not answered was given up: its client went away, or a layer in front did.
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        let ms = milliseconds(self.started.elapsed());
        self.span.in_scope(|| tracing::info!(ms, "abandoned"));
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &self.metrics {
            metrics.abandoned();
        }
    }
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the path of an endpoint, without what a client writes into it.
fn path_of(route: &Route<'_>) -> SmolStr {
    match route {
        Route::Root => SmolStr::new_static("/"),
        Route::Resources(resource_type) => resource_type.endpoint().into(),
        Route::Resource(resource_type, _) => format_smolstr!("{}/{{id}}", resource_type.endpoint()),
        Route::Search(None) => SmolStr::new_static("/.search"),
        Route::Search(Some(resource_type)) => format_smolstr!("{}/.search", resource_type.endpoint()),
        Route::Me => SmolStr::new_static("/Me"),
        Route::Bulk => SmolStr::new_static("/Bulk"),
        Route::Events => SmolStr::new_static("/Events"),
        Route::EventKeys => SmolStr::new_static("/Events/keys"),
        Route::Discovery(discovery) => SmolStr::new_static(match discovery {
            Discovery::ServiceProviderConfig => "/ServiceProviderConfig",
            Discovery::ResourceTypes => "/ResourceTypes",
            Discovery::ResourceType(_) => "/ResourceTypes/{id}",
            Discovery::OpenApi => "/openapi.json",
            Discovery::Schemas => "/Schemas",
            Discovery::Schema(_) => "/Schemas/{id}",
        }),
    }
}

/// Returns a method of RFC 9110 or RFC 5789 as it is, and one fixed word for any other: a client may write into it
/// whatever it likes.
fn word_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => "other",
    }
}
