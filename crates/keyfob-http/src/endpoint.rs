//! What each endpoint does with a request.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, request::Parts};
use http_body::Body;
use http_body_util::Full;
use keyfob_core::{
    Dialect, EntityTag, ErrorBody, Resource, ResourceId, ResourceType, ToErrorBody,
    message::{BulkJob, ListResponse, PatchRequest, SearchRequest},
};
use keyfob_engine::{
    AuthenticationError, Context, Engine, EngineError, Feature, Precondition, Renewal, Store, Transport,
    Written,
};

use crate::{
    authenticate::Erased,
    body::{self, BodyError},
    conditional,
    error::HttpError,
    notes::Notes,
    openapi,
    query::Parameters,
    response,
    route::{Discovery, Route},
};

/// A request that is to be answered.
pub(crate) struct Exchange<'x, S> {
    pub(crate) engine: &'x Engine<S>,
    pub(crate) cx: Context,
    pub(crate) request: &'x Parts,
    pub(crate) transport: &'x Transport,
    pub(crate) authenticator: &'x dyn Erased,
    /// The type of the resource that the caller is.
    pub(crate) me: Option<&'x ResourceType>,
    pub(crate) notes: &'x Notes,
}

/// Shows the credentials of a request again.
struct Again<'x> {
    authenticator: &'x dyn Erased,
    request: &'x Parts,
    cx: &'x Context,
}

impl Renewal for Again<'_> {
    async fn renew(&self) -> Result<Context, ErrorBody> {
        match self.authenticator.authenticate(self.request).await {
            Ok(caller) if caller.tenant() == self.cx.tenant() => Ok(caller.context().clone()),
            Ok(_) => Err(AuthenticationError::Rejected.to_error_body()),
            Err(error) => Err(error.to_error_body()),
        }
    }
}

type Answer = Result<Response<Full<Bytes>>, HttpError>;

impl<S: Store> Exchange<'_, S> {
    /// Does what the request asks for.
    pub(crate) async fn answer<B>(&self, route: Route<'_>, body: B) -> Answer
    where
        B: Body<Data = Bytes, Error: Into<BodyError>>,
    {
        if self.request.method == Method::OPTIONS {
            return Ok(response::options(&route, |feature| self.offers(feature)));
        }
        if let Some(feature) = route.feature(&self.request.method)
            && !self.offers(feature)
        {
            return Err(EngineError::Unsupported(feature).into());
        }
        let parameters = Parameters::parse(self.request.uri.query().unwrap_or_default())?;
        let method = match self.request.method {
            Method::HEAD => &Method::GET,
            ref method => method,
        };
        match (&route, method) {
            (Route::Root, &Method::GET) => {
                let request = parameters.search_request(self.dialect())?;
                self.search(&self.exposed(), &request).await
            }
            (Route::Resources(resource_type), &Method::GET) => {
                self.search(&[resource_type], &parameters.search_request(self.dialect())?)
                    .await
            }
            (Route::Resources(resource_type), &Method::POST) => {
                self.create(resource_type, &parameters, &self.read(body).await?)
                    .await
            }
            (Route::Resource(resource_type, id), &Method::GET) => {
                self.get(resource_type, id, &parameters).await
            }
            (Route::Resource(resource_type, id), &Method::PUT) => {
                self.replace(resource_type, id, &parameters, &self.read(body).await?)
                    .await
            }
            (Route::Resource(resource_type, id), &Method::PATCH) => {
                self.patch(resource_type, id, &parameters, &self.read(body).await?)
                    .await
            }
            (Route::Resource(resource_type, id), &Method::DELETE) => self.delete(resource_type, id).await,
            (Route::Search(Some(resource_type)), &Method::POST) => {
                let request = SearchRequest::from_json(&self.read(body).await?, self.dialect())?;
                self.search(&[resource_type], &request).await
            }
            (Route::Search(None), &Method::POST) => {
                let request = SearchRequest::from_json(&self.read(body).await?, self.dialect())?;
                self.search(&self.exposed(), &request).await
            }
            (Route::Discovery(_), &Method::GET) if parameters.has_filter() => Err(HttpError::DiscoveryFilter),
            (Route::Discovery(discovery), &Method::GET) => self.discover(discovery),
            (Route::Bulk, &Method::POST) => self.bulk(&self.read(body).await?).await,
            _ => Err(HttpError::Method {
                allow: route.allow(|feature| self.offers(feature)),
            }),
        }
    }

    /// The resource types that clients see.
    fn exposed(&self) -> Vec<&ResourceType> {
        let resource_types = self.engine.registry().resource_types().iter();
        resource_types
            .filter(|resource_type| resource_type.is_exposed())
            .collect()
    }

    async fn read<B>(&self, body: B) -> Result<Bytes, HttpError>
    where
        B: Body<Data = Bytes, Error: Into<BodyError>>,
    {
        body::read(
            &self.request.headers,
            body,
            self.transport.body_limit,
            self.dialect(),
        )
        .await
    }

    async fn search(&self, resource_types: &[&ResourceType], request: &SearchRequest) -> Answer {
        let list = self.engine.search(&self.cx, resource_types, request).await?;
        Ok(response::json(StatusCode::OK, self.media_type(), list.to_json()))
    }

    /// Does several operations (RFC 7644 section 3.7).
    async fn bulk(&self, body: &[u8]) -> Answer {
        let job = BulkJob::from_json(body, self.engine.limits().bulk_operations)?;
        let again = Again {
            authenticator: self.authenticator,
            request: self.request,
            cx: &self.cx,
        };
        let response = self.engine.bulk_renewed(&self.cx, &again, &job).await;
        Ok(response::json(
            StatusCode::OK,
            self.media_type(),
            response.to_json(),
        ))
    }

    async fn create(&self, resource_type: &ResourceType, parameters: &Parameters<'_>, body: &[u8]) -> Answer {
        let projection = parameters.projection(self.dialect())?;
        let resource = Resource::from_json(body, resource_type)?;
        self.notes.body(&resource, resource_type);
        let written = self
            .engine
            .create(&self.cx, resource_type, resource, &projection)
            .await?;
        Ok(self.written(StatusCode::CREATED, &written))
    }

    async fn get(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        parameters: &Parameters<'_>,
    ) -> Answer {
        let projection = parameters.projection(self.dialect())?;
        let precondition = self.precondition()?;
        let found = self
            .engine
            .get_if(&self.cx, resource_type, id, &precondition, &projection)
            .await?;
        let resource = found.resource.as_ref();
        let mut response = response::resource(
            StatusCode::OK,
            self.media_type(),
            self.tag(found.tag),
            &found.location,
            resource,
        );
        if resource.is_none() {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        Ok(response)
    }

    async fn replace(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        parameters: &Parameters<'_>,
        body: &[u8],
    ) -> Answer {
        let projection = parameters.projection(self.dialect())?;
        let read = Resource::from_json(body, resource_type);
        let resource = self.or_gone(resource_type, id, read).await?;
        self.notes.body(&resource, resource_type);
        let precondition = self.precondition()?;
        let written = self
            .engine
            .replace(&self.cx, resource_type, id, resource, &precondition, &projection)
            .await?;
        Ok(self.written(StatusCode::OK, &written))
    }

    async fn patch(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        parameters: &Parameters<'_>,
        body: &[u8],
    ) -> Answer {
        let projection = parameters.projection(self.dialect())?;
        let read = PatchRequest::from_json_with(body, self.dialect());
        let request = self.or_gone(resource_type, id, read).await?;
        self.notes.patch(&request, resource_type);
        let precondition = self.precondition()?;
        let written = self
            .engine
            .patch(&self.cx, resource_type, id, request, &precondition, &projection)
            .await?;
        Ok(self.written(StatusCode::OK, &written))
    }

    /// What a body holds. A resource that is gone comes before what is wrong with the body.
    async fn or_gone<T, E: Into<HttpError>>(
        &self,
        resource_type: &ResourceType,
        id: &ResourceId,
        read: Result<T, E>,
    ) -> Result<T, HttpError> {
        match read {
            Ok(read) => Ok(read),
            Err(error) => {
                self.engine.check_exists(&self.cx, resource_type, id).await?;
                Err(error.into())
            }
        }
    }

    async fn delete(&self, resource_type: &ResourceType, id: &ResourceId) -> Answer {
        let precondition = self.precondition()?;
        self.engine
            .delete(&self.cx, resource_type, id, &precondition)
            .await?;
        self.notes.resource(id);
        Ok(response::empty(StatusCode::NO_CONTENT))
    }

    /// Answers what the service says of itself (RFC 7644 section 4); parameters other than `filter` are ignored.
    fn discover(&self, discovery: &Discovery) -> Answer {
        let named = |mut resources: Box<dyn Iterator<Item = Resource> + '_>, kind, id: &str| {
            let is_named = |resource: &Resource| {
                resource
                    .core()
                    .get_str("id")
                    .is_some_and(|present| present.eq_ignore_ascii_case(id))
            };
            resources
                .find(is_named)
                .map(|resource| resource.to_json())
                .ok_or_else(|| HttpError::NotDescribed {
                    kind,
                    id: id.chars().take(128).collect(),
                })
        };
        let all = |resources: Vec<Resource>| ListResponse::new(resources.len(), 1, resources).to_json();
        let body = match discovery {
            Discovery::ServiceProviderConfig => self
                .engine
                .service_provider_config(&self.cx, self.transport)
                .to_json(),
            Discovery::ResourceTypes => all(self.engine.resource_types(&self.cx).collect()),
            Discovery::ResourceType(name) => named(
                Box::new(self.engine.resource_types(&self.cx)),
                "resource type",
                name,
            )?,
            Discovery::Schemas => all(self.engine.schemas(&self.cx).collect()),
            Discovery::Schema(uri) => named(Box::new(self.engine.schemas(&self.cx)), "schema", uri)?,
            Discovery::OpenApi => {
                let description = openapi::describe(self.engine, &self.cx, self.transport, self.me);
                return Ok(response::json(StatusCode::OK, response::JSON, description));
            }
        };
        Ok(response::json(StatusCode::OK, self.media_type(), body))
    }

    fn written(&self, status: StatusCode, written: &Written) -> Response<Full<Bytes>> {
        self.notes.resource(&written.id);
        let resource = written.resource.as_ref();
        response::resource(
            status,
            self.media_type(),
            self.tag(written.tag),
            &written.location,
            resource,
        )
    }

    /// Returns true if the service offers a feature.
    fn offers(&self, feature: Feature) -> bool {
        self.engine.offers(&self.cx, feature)
    }

    /// Returns a tag where the service has them.
    fn tag(&self, tag: EntityTag) -> Option<EntityTag> {
        self.offers(Feature::Etag).then_some(tag)
    }

    fn precondition(&self) -> Result<Precondition, HttpError> {
        conditional::precondition(&self.request.headers)
    }

    /// The departures from the RFC that the profile takes.
    fn dialect(&self) -> Dialect {
        self.engine.profile().dialect
    }

    fn media_type(&self) -> HeaderValue {
        response::media_type(&self.request.headers)
    }
}
