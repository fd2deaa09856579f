//! What is noted of a request while it is answered, and the line that it leaves in the log.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use keyfob_core::{ResourceId, ScimType};
use keyfob_engine::TenantId;
use smol_str::{SmolStr, format_smolstr};

use crate::{
    error::request_id,
    route::{Discovery, Route},
};

/// What is noted of a request while it is answered.
///
/// Nothing of it is a value of a resource or of the query: the path is that of the endpoint, with the id of a resource
/// apart from it and only where the id is one that the service gave out.
pub(crate) struct Access {
    started: Instant,
    endpoint: SmolStr,
    id: Option<ResourceId>,
    tenant: Option<TenantId>,
    permanent_location: Option<SmolStr>,
}

impl Access {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            endpoint: SmolStr::new_static("-"),
            id: None,
            tenant: None,
            permanent_location: None,
        }
    }

    /// Notes where the path leads to.
    pub(crate) fn leads_to(&mut self, route: &Route<'_>) {
        self.endpoint = match route {
            Route::Root => SmolStr::new_static("/"),
            Route::Resources(resource_type) => resource_type.endpoint().into(),
            Route::Resource(resource_type, id) => {
                self.id = Some(id.clone());
                format_smolstr!("{}/{{id}}", resource_type.endpoint())
            }
            Route::Search(None) => SmolStr::new_static("/.search"),
            Route::Search(Some(resource_type)) => format_smolstr!("{}/.search", resource_type.endpoint()),
            Route::Me => SmolStr::new_static("/Me"),
            Route::Bulk => SmolStr::new_static("/Bulk"),
            Route::Discovery(discovery) => SmolStr::new_static(match discovery {
                Discovery::ServiceProviderConfig => "/ServiceProviderConfig",
                Discovery::ResourceTypes => "/ResourceTypes",
                Discovery::ResourceType(_) => "/ResourceTypes/{id}",
                Discovery::OpenApi => "/openapi.json",
                Discovery::Schemas => "/Schemas",
                Discovery::Schema(_) => "/Schemas/{id}",
            }),
        };
    }

    /// Notes for whom the caller acts.
    pub(crate) fn acts_for(&mut self, tenant: &TenantId) {
        self.tenant = Some(tenant.clone());
    }

    /// Notes the address of the resource for which the path is an alias.
    pub(crate) fn stands_for(&mut self, location: SmolStr) {
        self.permanent_location = Some(location);
    }

    /// Returns the address of the resource for which the path is an alias.
    pub(crate) fn permanent_location(&self) -> Option<&str> {
        self.permanent_location.as_deref()
    }

    /// Writes the line.
    pub(crate) fn log(&self, method: &Method, headers: &HeaderMap, response: &Response<Full<Bytes>>) {
        let status = response.status();
        let scim_type = response
            .extensions()
            .get::<ScimType>()
            .map(|scim_type| scim_type.as_str());
        let id = self
            .id
            .as_ref()
            .filter(|_| status.is_success() || status == StatusCode::NOT_MODIFIED);
        tracing::info!(
            method = %word_of(method),
            path = %self.endpoint,
            id = id.map(ResourceId::as_str),
            status = status.as_u16(),
            scim_type,
            ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            bytes = Body::size_hint(response.body()).exact().unwrap_or_default(),
            tenant = self.tenant.as_ref().map(TenantId::as_str),
            request_id = request_id(headers),
            "answered"
        );
    }
}

/// Returns a method of RFC 9110 or RFC 5789 as it is, and one fixed word for any other: a client may write into it
/// whatever it likes.
fn word_of(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::CONNECT
        | Method::TRACE => method.as_str(),
        _ => "other",
    }
}
