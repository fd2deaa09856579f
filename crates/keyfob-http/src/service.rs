//! The service: from a request to an answer, whatever carries them.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{self, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header, request::Parts};
use http_body::Body;
use keyfob_core::{ResourceId, ResourceType};
use keyfob_engine::{
    Actor, AuthenticationError, Caller, Context, Engine, Feature, Limits, RequestId, RequestRecord,
    RequestRecorder, Store, TenantId, Transport,
};
#[cfg(feature = "events")]
use keyfob_engine::{Feeds, SecurityEvents};
use smol_str::{SmolStr, format_smolstr};
use tower_service::Service;
use tracing::Instrument as _;

#[cfg(feature = "gzip")]
use crate::gzip;
#[cfg(feature = "metrics")]
use crate::metrics::Metrics;
use crate::{
    access::Access,
    admission::{self, Admission},
    answer::AnswerBody,
    authenticate::{Erased, RequestAuthenticator, RequestAuthenticatorError},
    body::{BodyError, Decode},
    edge,
    endpoint::Exchange,
    error::{HttpError, Refusing},
    notes::{self, Notes},
    public_url::{AddressSource, PublicUrl},
    request_id, response,
    route::Route,
    sample::Sample,
    stream::Stream,
};
#[cfg(feature = "events")]
use crate::{events::Signed, stream::Runtime};

/// SCIM 2.0 over an [`Engine`]: a [`Service`] that never fails, as every refusal is an answer.
///
/// Cheap to clone; clones share everything.
pub struct ScimService<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    engine: Arc<Engine<S>>,
    authenticator: Arc<dyn Erased>,
    base_path: SmolStr,
    /// The path under which each tenant is served too, followed by its id.
    tenants: Option<SmolStr>,
    public_url: AddressSource,
    transport: Transport,
    /// The features that are left out.
    missing: Vec<Feature>,
    /// The limits that hold in place of the engine's.
    limits: Option<Arc<Limits>>,
    refusing: Refusing,
    admission: Option<Box<dyn admission::Erased>>,
    stream: Option<Arc<dyn Stream<S>>>,
    recorder: Option<Arc<dyn RequestRecorder>>,
    /// Decodes bodies in gzip, where they are understood. Large answers are encoded then.
    gzip: Option<Decode>,
    #[cfg(feature = "gzip")]
    encoder: gzip::Encoder,
    /// If true, `X-Request-Id` is a proxy's and not a client's.
    trusts_request_ids: bool,
    /// If true, clients reach the service without a proxy that checks what HTTP asks of a request.
    faces_clients: bool,
    #[cfg(feature = "metrics")]
    metrics: Option<Metrics>,
}

/// A path that leads to no endpoint.
const NOWHERE: &str = "*";

/// The number of warnings of requests that were not authenticated that are written in a second.
const WARNINGS: u32 = 10;

impl<S: Store> ScimService<S> {
    /// Creates a service with the defaults of [`ScimServiceBuilder`].
    #[must_use]
    pub fn new(engine: Arc<Engine<S>>, authenticator: impl RequestAuthenticator) -> Self {
        Self::builder(engine, authenticator).build()
    }

    /// Creates a service to be set up. `authenticator` finds out who sends a request, as
    /// [`BearerTokens`](crate::BearerTokens) do.
    pub fn builder(
        engine: Arc<Engine<S>>,
        authenticator: impl RequestAuthenticator,
    ) -> ScimServiceBuilder<S> {
        ScimServiceBuilder {
            shared: Shared {
                authenticator: Arc::new(authenticator),
                engine,
                base_path: SmolStr::default(),
                tenants: None,
                public_url: AddressSource::Path,
                transport: Transport {
                    authentication_schemes: Vec::new(),
                    body_limit: ScimServiceBuilder::<S>::BODY_LIMIT,
                    documentation: None,
                    security_events: None,
                },
                missing: Vec::new(),
                limits: None,
                refusing: Refusing {
                    challenges: Vec::new(),
                    unauthenticated: Sample::new(WARNINGS, Duration::from_secs(1)),
                },
                admission: None,
                stream: None,
                recorder: None,
                gzip: None,
                #[cfg(feature = "gzip")]
                encoder: gzip::Encoder::default(),
                trusts_request_ids: false,
                faces_clients: false,
                #[cfg(feature = "metrics")]
                metrics: None,
            },
        }
    }

    /// The engine that is served.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine<S>> {
        &self.shared.engine
    }
}

impl<S> Clone for ScimService<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S> fmt::Debug for ScimService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScimService")
            .field("base_path", &self.shared.base_path)
            .field("public_url", &self.shared.public_url)
            .field("transport", &self.shared.transport)
            .finish_non_exhaustive()
    }
}

/// Sets up a [`ScimService`].
#[must_use]
pub struct ScimServiceBuilder<S> {
    shared: Shared<S>,
}

impl<S: Store> ScimServiceBuilder<S> {
    /// The largest number of bytes of a request's body by default: 8 MiB, enough for a group of 50,000 members.
    pub const BODY_LIMIT: usize = 8 << 20;

    /// The path under which the service is served, such as `/scim/v2`.
    ///
    /// Addresses in answers have it, and requests are served with it and without it: a router in front may have
    /// taken it away. Behind the router of the feature `axum` it need not be set.
    pub fn base_path(mut self, path: &str) -> Self {
        self.shared.base_path = rooted(path);
        self
    }

    /// Serves each tenant under an address of its own too: this path below the base path, such as `/tenants`, followed by the
    /// tenant's id. Whoever may not act for that tenant finds nothing there (404).
    pub fn tenants_at(mut self, path: &str) -> Self {
        self.shared.tenants = Some(rooted(path));
        self
    }

    /// The address at which clients reach the service, such as `https://id.example.com`, up to the base path or the
    /// path at which a router nests the service: what `Location`, `meta.location` and `$ref` start with.
    ///
    /// Without it, or one of the two methods below, they start with the base path alone.
    pub fn public_url(mut self, url: PublicUrl) -> Self {
        self.shared.public_url = AddressSource::Fixed(url);
        self
    }

    /// Takes the public address from the host that each request names, for a service that clients reach directly
    /// under several names.
    pub fn public_url_from_host(mut self) -> Self {
        self.shared.public_url = AddressSource::Host;
        self
    }

    /// Takes the public address from `X-Forwarded-Proto` and `X-Forwarded-Host`, and from `Host` where they are
    /// missing. Only for a service behind a proxy that sets these headers, as clients could set them otherwise.
    pub fn public_url_from_forwarded_headers(mut self) -> Self {
        self.shared.public_url = AddressSource::Forwarded;
        self
    }

    /// Sets the address of the service's help pages for people: `documentationUri` of `/ServiceProviderConfig`
    /// (RFC 7643 section 5). By default there is none.
    ///
    /// The rest of that answer is what holds: the schemes of the [authenticator](crate::RequestAuthenticator::schemes), the
    /// features that are not [left out](Self::without), the [`body_limit`](Self::body_limit), the [`limits`](Self::limits).
    pub fn documented_at(mut self, url: impl Into<SmolStr>) -> Self {
        self.shared.transport.documentation = Some(url.into());
        self
    }

    /// Leaves a feature out: requests for it are refused as [`Feature`] says, bulk operations among them, and
    /// `/ServiceProviderConfig`, `Allow` and `/openapi.json` don't name it.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use keyfob_core::Registry;
    /// # use keyfob_provisioning::Provisioner;
    /// # use keyfob_store_memory::MemoryStore;
    /// use keyfob_engine::Feature;
    /// use keyfob_http::{BearerTokens, ScimService};
    ///
    /// # let provisioner = Provisioner::new(MemoryStore::new(), Registry::rfc().clone());
    /// let engine = Arc::clone(provisioner.engine());
    /// let tokens = BearerTokens::new(&engine, provisioner);
    /// let service = ScimService::builder(engine, tokens)
    ///     .without(Feature::Bulk)
    ///     .without(Feature::Sort)
    ///     .build();
    /// # let _ = service;
    /// ```
    pub fn without(mut self, feature: Feature) -> Self {
        self.shared.missing.push(feature);
        self
    }

    /// Sets the limits of the service: of the work of a request, of pages and cursors, of bulk requests and of what a resource
    /// holds. They hold in place of the engine's for whatever clients send, and `/ServiceProviderConfig` tells those for which
    /// RFC 7643 section 5 and RFC 9865 section 4 have a name. The application's own calls have the limits of the engine.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use keyfob_core::Registry;
    /// # use keyfob_provisioning::Provisioner;
    /// # use keyfob_store_memory::MemoryStore;
    /// use keyfob_engine::Limits;
    /// use keyfob_http::{BearerTokens, ScimService};
    ///
    /// # let provisioner = Provisioner::new(MemoryStore::new(), Registry::rfc().clone());
    /// let engine = Arc::clone(provisioner.engine());
    /// let tokens = BearerTokens::new(&engine, provisioner);
    /// let service = ScimService::builder(engine, tokens)
    ///     .limits(Limits { page: 200, bulk_operations: 100, ..Limits::default() })
    ///     .body_limit(1 << 20)
    ///     .build();
    /// # let _ = service;
    /// ```
    pub fn limits(mut self, limits: Limits) -> Self {
        self.shared.limits = Some(Arc::new(limits));
        self
    }

    /// Sets the largest number of bytes of a request's body (`bulk.maxPayloadSize`); more is answered 413.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.shared.transport.body_limit = bytes;
        self
    }

    /// Takes the id of a request from `X-Request-Id`. Only for a service behind a proxy that sets the header, as clients
    /// could set it otherwise.
    ///
    /// Without it each request is given an id, unless a layer in front has left a [`RequestId`] in the request's
    /// extensions. Every answer names the id in `X-Request-Id`.
    pub fn request_ids_from_header(mut self) -> Self {
        self.shared.trusts_request_ids = true;
        self
    }

    /// Checks what HTTP asks of every request, for a service that clients reach without a proxy: a request names one host
    /// (400), expects nothing but `100-continue` (417), and has a target of at most 32 KiB (414) and at most 100 header fields
    /// (431). Nothing is served outside the base path.
    pub fn facing_clients(mut self) -> Self {
        self.shared.faces_clients = true;
        self
    }

    /// Understands bodies in gzip (RFC 9110 section 8.4), and sends large answers in gzip to clients that accept it
    /// (`Accept-Encoding`, RFC 9110 section 12.5.3).
    ///
    /// The [`body_limit`](Self::body_limit) holds for what comes out of a body, of which no more is decoded. Signed security events
    /// are sent as they are, since their length would tell of what stands in them; so are answers of less than 16 KiB, those of
    /// more than 1 MiB while two others are being encoded, and what gzip makes hardly smaller.
    ///
    /// Without this a body in gzip is answered 415, and answers are sent as they are, which a layer in front may change.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use keyfob_core::Registry;
    /// # use keyfob_http::{BearerTokens, ScimService};
    /// # use keyfob_provisioning::Provisioner;
    /// # use keyfob_store_memory::MemoryStore;
    /// # let provisioner = Provisioner::new(MemoryStore::new(), Registry::rfc().clone());
    /// let engine = Arc::clone(provisioner.engine());
    /// let tokens = BearerTokens::new(&engine, provisioner);
    /// let service = ScimService::builder(engine, tokens).gzip().build();
    /// # let _ = service;
    /// ```
    #[cfg(feature = "gzip")]
    pub fn gzip(mut self) -> Self {
        self.shared.gzip = Some(gzip::decode);
        self
    }

    /// Lets requests in by this rule, after their callers are known.
    pub fn admission(mut self, admission: impl Admission) -> Self {
        self.shared.admission = Some(Box::new(admission));
        self
    }

    /// Hands over what a log of requests keeps: writes and refusals of callers that are known.
    pub fn recorder(mut self, recorder: Arc<dyn RequestRecorder>) -> Self {
        self.shared.recorder = Some(recorder);
        self
    }

    /// Counts requests.
    #[cfg(feature = "metrics")]
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.shared.metrics = Some(metrics);
        self
    }

    /// Offers security events (RFC 9967): clients poll them at `/Events` (RFC 8936), and bulk requests that prefer so are
    /// answered before they are done.
    ///
    /// Every tenant has one stream, for whoever may send its requests, and it needs no set-up. Tokens (RFC 8417) are signed by a
    /// key that is made when the first is sent and that all servers of the store share; `/Events/keys` has its public half.
    /// `runtime` runs what goes on after an answer.
    ///
    /// Changes nothing where the store doesn't keep what a stream needs ([`Engine::can_stream`]).
    #[cfg(feature = "events")]
    pub fn security_events(mut self, runtime: impl Runtime) -> Self
    where
        S: Feeds,
    {
        if !self.shared.engine.can_stream() {
            return self;
        }
        self.shared.transport.security_events = Some(SecurityEvents {
            answers_later: self.shared.engine.can_accept_bulk(),
        });
        self.shared.stream = Some(Arc::new(Signed::new(runtime)));
        self
    }

    /// The service.
    #[must_use]
    pub fn build(mut self) -> ScimService<S> {
        let schemes = self.shared.authenticator.schemes();
        // A challenge that can't be a header is left out, as every value of a header is.
        let challenges = schemes.iter().filter_map(|scheme| scheme.challenge.as_deref());
        self.shared.refusing.challenges = challenges
            .filter_map(|challenge| HeaderValue::from_str(challenge).ok())
            .collect();
        self.shared.transport.authentication_schemes = schemes;
        ScimService {
            shared: Arc::new(self.shared),
        }
    }
}

impl<S> fmt::Debug for ScimServiceBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScimServiceBuilder").finish_non_exhaustive()
    }
}

/// A path with a slash before it and none after it.
fn rooted(path: &str) -> SmolStr {
    let path = path.trim_matches('/');
    if path.is_empty() {
        SmolStr::default()
    } else {
        format_smolstr!("/{path}")
    }
}

/// The path under which a router has nested the service, as that router knows it.
#[derive(Clone, Debug)]
pub(crate) struct NestedAt(pub(crate) SmolStr);

impl<S: Store> Shared<S> {
    async fn answer<B>(
        &self,
        request: &Parts,
        body: B,
        request_id: &RequestId,
        access: &mut Access,
        notes: &Notes,
    ) -> Result<Response<AnswerBody>, HttpError>
    where
        B: Body<Data = Bytes, Error: Into<BodyError>>,
    {
        let (tenant, path) = match self.path_of(request) {
            Some(path) => self.tenant_of(path),
            None => (None, NOWHERE),
        };
        let route = Route::of(path, self.engine.registry());
        access.leads_to(route.as_ref());
        if self.faces_clients {
            edge::check(request)?;
        }
        let caller = self.authenticator.authenticate(request).await?;
        // An authenticator that takes the tenant from a header or a claim may find it empty.
        if *caller.tenant() == TenantId::SYSTEM {
            return Err(RequestAuthenticatorError::from(AuthenticationError::Forbidden).into());
        }
        access.acts_for(&caller);
        if tenant.is_some_and(|tenant| tenant != caller.tenant().as_str()) {
            return Err(HttpError::NoEndpoint);
        }
        let route = route.ok_or(HttpError::NoEndpoint)?;
        let stream = self
            .stream
            .as_deref()
            .filter(|_| !self.missing.contains(&Feature::SecurityEvents));
        if stream.is_none() && matches!(route, Route::Events | Route::EventKeys) {
            return Err(HttpError::NoEndpoint);
        }
        // Who changes his own data by way of `/Me` is a user and not the provider.
        let is_alias = matches!(route, Route::Me);
        let actor = if is_alias { Actor::User } else { Actor::Provider };
        let me = self.resource_of(&caller);
        let me_type = me.as_ref().map(|(resource_type, _)| *resource_type);
        let route = match (route, me) {
            (Route::Me, Some((resource_type, id))) => Route::Resource(resource_type, id),
            (Route::Me, None) => return Err(HttpError::NotImplemented { what: "`/Me`" }),
            (route, _) => route,
        };
        let nested_at = request.extensions.get().map(|NestedAt(path)| path.as_str());
        let base_path = Some(self.base_path.as_str())
            .filter(|path| !path.is_empty())
            .or(nested_at);
        let mut base_url = self.public_url.of(request, base_path.unwrap_or_default());
        if let (Some(tenant), Some(tenants)) = (tenant, &self.tenants) {
            base_url = format_smolstr!("{base_url}{tenants}/{tenant}");
        }
        if let (true, Route::Resource(resource_type, id)) = (is_alias, &route) {
            access.stands_for(resource_type.address(&base_url, id.as_str()));
        }
        let permit = match &self.admission {
            Some(admission) => Some(admission.admit(&caller, request).await?),
            None => None,
        };
        let cx = caller
            .context()
            .clone()
            .acting_as(actor)
            .with_base_url(base_url)
            .with_request(request_id.clone());
        let cx = self.missing.iter().copied().fold(cx, Context::without);
        let cx = match &self.limits {
            Some(limits) => cx.with_limits(Arc::clone(limits)),
            None => cx,
        };
        let exchange = Exchange {
            engine: &self.engine,
            cx,
            request,
            transport: &self.transport,
            authenticator: &self.authenticator,
            stream,
            permit: Mutex::new(permit),
            me: me_type,
            notes,
            gzip: self.gzip,
        };
        #[cfg(feature = "gzip")]
        let may_be_encoded = self.gzip.is_some() && !matches!(route, Route::Events | Route::EventKeys);
        let mut response = exchange.answer(route, body).await?;
        #[cfg(feature = "gzip")]
        if may_be_encoded {
            response = self.encoder.encode(&request.headers, response).await;
        }
        response.extensions_mut().insert(caller.tenant().clone());
        // The answer holds it until a client has it.
        if let Some(permit) = exchange.into_permit() {
            response.extensions_mut().insert(permit);
        }
        Ok(response)
    }

    /// Hands a request over to the recorder, if a log keeps such requests.
    fn record(
        &self,
        method: &Method,
        id: &RequestId,
        access: &Access,
        notes: Notes,
        response: &Response<AnswerBody>,
    ) {
        let (Some(recorder), Some(caller)) = (&self.recorder, access.caller()) else {
            return;
        };
        let now = self.engine.now();
        if !notes::is_kept(method, access.is_write(method), response) {
            recorder.note_read(caller.tenant(), caller.context().credential(), now);
            return;
        }
        let status = response.status().as_u16();
        let mut record = RequestRecord::new(now, id.clone(), access.method(), access.path(), status);
        record.credential = caller.context().credential().into();
        notes.complete(&mut record);
        notes::of_answer(&mut record, response);
        recorder.record(caller.tenant(), record);
    }

    /// The path below the base path. A router in front may have taken that away, but not from a service that faces clients:
    /// there a proxy that lets the base path through lets nothing else through.
    fn path_of<'p>(&self, request: &'p Parts) -> Option<&'p str> {
        let path = request.uri.path();
        path.strip_prefix(self.base_path.as_str())
            .filter(|below| below.is_empty() || below.starts_with('/'))
            .or_else(|| (!self.faces_clients).then_some(path))
    }

    /// The tenant that a path names, and the path below its address.
    fn tenant_of<'p>(&self, path: &'p str) -> (Option<&'p str>, &'p str) {
        let named = self.tenants.as_ref().and_then(|tenants| {
            let below = path.strip_prefix(tenants.as_str())?.strip_prefix('/')?;
            let end = below.find('/').unwrap_or(below.len());
            below.split_at_checked(end)
        });
        match named {
            Some((tenant, below)) => (Some(tenant), below),
            None => (None, path),
        }
    }

    /// Returns the resource that the caller is: what `/Me` stands for.
    fn resource_of(&self, caller: &Caller) -> Option<(&ResourceType, ResourceId)> {
        let (name, id) = caller.resource()?;
        let resource_type = self.engine.registry().resource_type(name)?;
        resource_type.is_exposed().then(|| (resource_type, id.clone()))
    }
}

impl<S, B> Service<Request<B>> for ScimService<S>
where
    S: Store,
    B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let (request, body) = request.into_parts();
            let request_id = request_id::of(&request, shared.trusts_request_ids, &shared.engine);
            let mut access = Access::start(&request.method, &request_id);
            #[cfg(feature = "metrics")]
            if let Some(metrics) = &shared.metrics {
                access.counted_by(metrics);
            }
            let span = access.span().clone();
            let notes = Notes::default();
            let answer = shared.answer(&request, body, &request_id, &mut access, &notes);
            let answered = answer.instrument(span.clone()).await;
            let refused =
                |error: HttpError| span.in_scope(|| error.into_response(&request_id, &shared.refusing));
            let mut response = answered.unwrap_or_else(refused);
            // RFC 7644 section 3.11: in any response to `/Me`, refusals among them.
            if let Some(location) = access.permanent_location() {
                response::insert(response.headers_mut(), header::LOCATION, location);
            }
            if request.method == Method::HEAD {
                response = response::without_body(response);
            }
            response::finish(&request_id, response.headers_mut());
            shared.record(&request.method, &request_id, &access, notes, &response);
            access.answered(&response);
            Ok(response)
        })
    }
}
