//! What each endpoint does with a request.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, request::Parts};
use http_body::Body;
use keyfob_core::{
    AttrName, Dialect, EntityTag, ErrorBody, Resource, ResourceId, ResourceType, ToErrorBody,
    message::{BulkJob, BulkResponse, ListResponse, PatchRequest, SearchRequest},
};
use keyfob_engine::{
    AuthenticationError, BulkOutcomes, Context, Delivery, Engine, EngineError, Feature, FoundInPages,
    Precondition, Renewal, Store, Transport, Written,
};
use serde_json::json;
use smol_str::SmolStr;

use crate::{
    admission::Permit,
    answer::{AnswerBody, InPages},
    authenticate::{Erased, RequestAuthenticatorError},
    body::{self, Accepted, BodyError, Decode},
    conditional,
    error::HttpError,
    notes::Notes,
    openapi,
    query::Parameters,
    response,
    route::{Discovery, Route},
    stream::{FIRST_PAUSES, PATIENCE, PAUSE, PollRequest, Preferences, Stream},
};

/// A request that is to be answered.
pub(crate) struct Exchange<'x, S> {
    pub(crate) engine: &'x Arc<Engine<S>>,
    pub(crate) cx: Context,
    pub(crate) request: &'x Parts,
    pub(crate) transport: &'x Transport,
    pub(crate) authenticator: &'x Arc<dyn Erased>,
    pub(crate) stream: Option<&'x dyn Stream<S>>,
    /// The request's share of the service, until it is given back.
    pub(crate) permit: Mutex<Option<Permit>>,
    /// The type of the resource that the caller is.
    pub(crate) me: Option<&'x ResourceType>,
    pub(crate) notes: &'x Notes,
    /// Decodes bodies in gzip, where they are understood.
    pub(crate) gzip: Option<Decode>,
}

/// Shows the credentials of a request again.
struct Again {
    authenticator: Arc<dyn Erased>,
    request: Parts,
    cx: Context,
}

impl Renewal for Again {
    async fn renew(&self) -> Result<Context, ErrorBody> {
        match self.authenticator.authenticate(&self.request).await {
            Ok(caller) if caller.tenant() == self.cx.tenant() => Ok(caller.context().clone()),
            Ok(_) => Err(AuthenticationError::Rejected.to_error_body()),
            Err(error) => Err(error.to_error_body()),
        }
    }
}

type Answer = Result<Response<AnswerBody>, HttpError>;

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
            (Route::Bulk, &Method::POST) => self.bulk(self.read(body).await?).await,
            (Route::Events, &Method::POST) => self.poll(self.read(body).await?).await,
            (Route::EventKeys, &Method::GET) => self.event_keys().await,
            _ => Err(HttpError::Method {
                allow: route.allow(|feature| self.offers(feature)),
            }),
        }
    }

    /// Returns the request's share of the service, if it still has one.
    pub(crate) fn into_permit(self) -> Option<Permit> {
        self.permit.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn share(&self) -> MutexGuard<'_, Option<Permit>> {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner)
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
        let accepted = Accepted {
            limit: self.transport.body_limit,
            dialect: self.dialect(),
            gzip: self.gzip,
        };
        body::read(&self.request.headers, body, accepted).await
    }

    async fn search(&self, resource_types: &[&ResourceType], request: &SearchRequest) -> Answer {
        let list = self.engine.search(&self.cx, resource_types, request).await?;
        Ok(response::json(StatusCode::OK, self.media_type(), list.to_json()))
    }

    /// Does several operations (RFC 7644 section 3.7).
    async fn bulk(&self, body: Bytes) -> Answer {
        let job = BulkJob::from_json(&body, self.engine.limits_of(&self.cx).bulk_operations)?;
        let transaction = self.engine.next_transaction();
        let mut work = self.bulk_work(body.clone(), transaction.clone());
        let preferences = Preferences::of(&self.request.headers);
        let stream = self.stream.filter(|_| {
            let offered = self.transport.security_events;
            preferences.respond_async
                && !self.cx.is_read_only()
                && offered.is_some_and(|offered| offered.answers_later)
        });
        let place = stream.and_then(|stream| Some((stream, stream.place_to_work(self.cx.tenant())?)));
        let Some((stream, place)) = place else {
            return Ok(self.done_bulk(work.await));
        };
        if !preferences.wait.is_zero() {
            let mut over = stream.runtime().sleep(preferences.wait);
            let done = poll_fn(|cx| match work.as_mut().poll(cx) {
                Poll::Ready(outcomes) => Poll::Ready(Some(outcomes)),
                Poll::Pending => over.as_mut().poll(cx).map(|()| None),
            });
            if let Some(outcomes) = done.await {
                return Ok(self.done_bulk(outcomes));
            }
        }
        let accepted = match self.engine.accept_bulk(&self.cx, &job, &transaction).await {
            Ok(accepted) => accepted,
            // Without a note there is no promise. What may have begun is not left half done, though.
            Err(error) => {
                tracing::warn!(cause = %error, "a bulk request could not be accepted and is done before its answer");
                return Ok(self.done_bulk(work.await));
            }
        };
        let (engine, cx) = (Arc::clone(self.engine), self.cx.clone());
        // Given back when the request is done, and not when it is answered.
        let held = (place, self.share().clone());
        stream.runtime().spawn(Box::pin(async move {
            let outcomes = work.await;
            if let Err(error) = engine.complete_bulk(&cx, &accepted, &outcomes).await {
                tracing::error!(transaction = accepted.transaction(), cause = %error, "outcomes were not published");
            }
            drop(held);
        }));
        Ok(response::accepted(&transaction))
    }

    /// The operations of a bulk request, to be done here or after the answer.
    fn bulk_work(
        &self,
        body: Bytes,
        transaction: SmolStr,
    ) -> Pin<Box<dyn Future<Output = BulkOutcomes> + Send + 'static>> {
        let (engine, cx) = (Arc::clone(self.engine), self.cx.clone());
        let again = Again {
            authenticator: Arc::clone(self.authenticator),
            request: self.request.clone(),
            cx: self.cx.clone(),
        };
        Box::pin(async move {
            // It was read before, and borrows the body.
            let job = BulkJob::from_json(&body, engine.limits_of(&cx).bulk_operations).unwrap_or_default();
            engine.bulk_outcomes(&cx, &again, &job, transaction).await
        })
    }

    fn done_bulk(&self, outcomes: BulkOutcomes) -> Response<AnswerBody> {
        let response = BulkResponse::new(outcomes.into_results());
        response::json(StatusCode::OK, self.media_type(), response.to_json())
    }

    /// Acknowledges security events and answers with those that wait (RFC 8936 section 2).
    async fn poll(&self, body: Bytes) -> Answer {
        let stream = self.stream.ok_or(HttpError::NoEndpoint)?;
        let request = PollRequest::from_json(&body)?;
        // Whoever may only read doesn't take events from those who may write.
        if self.cx.is_read_only() && !request.acknowledged.is_empty() {
            return Err(EngineError::ReadOnly.into());
        }
        stream
            .acknowledge(self.engine, &self.cx, &request.acknowledged)
            .await?;
        // One line, however many there are: a receiver doesn't fill the log.
        if let Some((event, error)) = request.errors.first() {
            let event: String = event.chars().take(64).collect();
            let events = request.errors.len();
            tracing::warn!(events, first = ?event, error = ?error.as_str(), "a receiver could not use events");
        }
        let limit = match request.max_events {
            None => Engine::<S>::MAX_EVENTS_AT_ONCE,
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let is_patient = !request.return_immediately;
        // The room for a body may be somebody else's while this waits.
        drop((request, body));
        let mut delivery = Delivery::default();
        if limit > 0 {
            stream.open(self.engine, &self.cx).await?;
            let mut waiting = None;
            let mut waited = Duration::ZERO;
            let mut pauses = FIRST_PAUSES.into_iter();
            loop {
                delivery = stream.deliver(self.engine, &self.cx, limit).await?;
                let is_over = !is_patient || waited >= PATIENCE;
                if !delivery.events.is_empty() || is_over {
                    break;
                }
                waiting = waiting.or_else(|| stream.place_to_wait(self.cx.tenant()));
                if waiting.is_none() {
                    break;
                }
                // Whoever waits for events takes nothing from whoever makes them: neither a turn nor room for a body.
                self.share().take();
                let pause = pauses.next().unwrap_or(PAUSE);
                stream.runtime().sleep(pause).await;
                waited += pause;
                // Whoever may not send requests any more is told nothing more.
                let caller = self.authenticator.authenticate(self.request).await?;
                if caller.tenant() != self.cx.tenant() {
                    return Err(RequestAuthenticatorError::from(AuthenticationError::Rejected).into());
                }
            }
        }
        let has_more = delivery.has_more;
        let sets = stream.sign(self.engine, &self.cx, delivery).await?;
        let answer = json!({"sets": sets, "moreAvailable": has_more});
        Ok(response::json(
            StatusCode::OK,
            response::JSON,
            answer.to_string().into_bytes(),
        ))
    }

    async fn event_keys(&self) -> Answer {
        let stream = self.stream.ok_or(HttpError::NoEndpoint)?;
        let keys = stream.keys(self.engine).await?;
        let body = keys.to_string().into_bytes();
        Ok(response::json(StatusCode::OK, response::JWK_SET, body))
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
        let FoundInPages { found, pages, .. } = self
            .engine
            .get_in_pages(&self.cx, resource_type, id, &precondition, &projection)
            .await?;
        let is_unchanged = found.resource.is_none();
        let body = found.resource.map(|resource| {
            if pages.is_empty() {
                return Bytes::from(resource.to_json()).into();
            }
            let relations: Vec<AttrName> = pages.iter().map(|pages| pages.relation().clone()).collect();
            AnswerBody::of(InPages::new(resource.to_json_parts(&relations), pages))
        });
        let mut response = response::resource(
            StatusCode::OK,
            self.media_type(),
            self.tag(found.tag),
            &found.location,
            body,
        );
        if is_unchanged {
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

    fn written(&self, status: StatusCode, written: &Written) -> Response<AnswerBody> {
        self.notes.resource(&written.id);
        let resource = written.resource.as_ref();
        response::resource(
            status,
            self.media_type(),
            self.tag(written.tag),
            &written.location,
            resource.map(|resource| Bytes::from(resource.to_json()).into()),
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
