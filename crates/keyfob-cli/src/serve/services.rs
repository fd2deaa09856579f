//! One engine and one service for each profile, over one store: each organization is served by that of its profile.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use bytes::Bytes;
use http::{Request, Response, request::Parts};
use http_body_util::Full;
use keyfob_core::Quirk;
use keyfob_engine::{
    AdminError, Authenticated, AuthenticationScheme, DynStore, Engine, StoreError, TenantId,
};
use keyfob_http::{
    Authenticator, AuthenticatorError, Caller, ScimService, ScimServiceBuilder, bearer_token,
    token_without_scheme,
};
use tower_service::Service;

use super::body::SharedBody;
use crate::{
    Unusable,
    profile::{NamedProfile, PerProfile},
    service::CardFormats,
};

/// An engine for each profile.
pub(super) struct Engines(PerProfile<Arc<Engine<DynStore>>>);

impl Engines {
    pub(super) fn new(store: &DynStore, card_formats: &CardFormats) -> Result<Self, Unusable> {
        let engine = |profile: NamedProfile| profile.engine(store.clone(), card_formats).map(Arc::new);
        Ok(Self(PerProfile::try_new(engine)?))
    }

    pub(super) fn of(&self, profile: NamedProfile) -> &Engine<DynStore> {
        self.0.of(profile)
    }

    /// The profiles of the store's organizations, in the order of the oldest of each.
    pub(super) async fn profiles(&self) -> Result<Vec<NamedProfile>, Unusable> {
        let mut profiles = Vec::new();
        for organization in self.0.any().admin().organizations().await? {
            let profile = NamedProfile::of(&organization)?;
            if !profiles.contains(&profile) {
                profiles.push(profile);
            }
        }
        Ok(profiles)
    }
}

/// A service for each profile.
#[derive(Clone)]
pub(super) struct Services(Arc<Shared>);

struct Shared {
    services: PerProfile<ScimService<DynStore>>,
    /// The profiles of the organizations that have sent requests. An organization never changes its profile.
    profiles: RwLock<HashMap<TenantId, NamedProfile>>,
}

impl Shared {
    fn profile_of(&self, tenant: &TenantId) -> Option<NamedProfile> {
        let profiles = self.profiles.read().unwrap_or_else(PoisonError::into_inner);
        profiles.get(tenant).copied()
    }
}

impl Services {
    pub(super) fn new(
        engines: Engines,
        build: impl Fn(ScimServiceBuilder<DynStore>) -> ScimServiceBuilder<DynStore>,
    ) -> Self {
        let service = |engine| build(ScimService::builder(engine).authenticator(TakesOutcome)).build();
        Self(Arc::new(Shared {
            services: engines.0.map(service),
            profiles: RwLock::default(),
        }))
    }

    /// Answers a request by the service of the caller's organization, and one without a caller by any.
    pub(super) async fn call(
        &self,
        request: Request<SharedBody>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (mut head, body) = request.into_parts();
        let found = self.authenticate(&head).await;
        let services = &self.0.services;
        let mut service = match &found {
            Ok((_, profile)) => services.of(*profile).clone(),
            Err(_) => services.any().clone(),
        };
        let outcome = found.map(|(authenticated, _)| Caller::provider(&authenticated));
        head.extensions
            .insert(Outcome(Arc::new(Mutex::new(Some(outcome)))));
        service.call(Request::from_parts(head, body)).await
    }

    /// The organization that a request's token opens, and its profile.
    async fn authenticate(
        &self,
        request: &Parts,
    ) -> Result<(Authenticated, NamedProfile), AuthenticatorError> {
        if let Some(token) = bearer_token(&request.headers) {
            return self.open(token).await;
        }
        let token = token_without_scheme(&request.headers).ok_or(AuthenticatorError::Unauthorized)?;
        // Whether the scheme may be left out is known of an organization alone. Its lack is told of a token that opens
        // none in the same words, so that the answer says nothing of the token.
        match self.open(token).await {
            Ok((_, profile)) if !self.takes_bare_tokens(profile) => Err(AuthenticatorError::SchemeMissing),
            Err(AuthenticatorError::Unauthorized) => Err(AuthenticatorError::SchemeMissing),
            found => found,
        }
    }

    fn takes_bare_tokens(&self, profile: NamedProfile) -> bool {
        let dialect = self.0.services.of(profile).engine().profile().dialect;
        dialect.allows(Quirk::TokenWithoutScheme)
    }

    /// The organization that a token opens, and its profile.
    async fn open(&self, token: &str) -> Result<(Authenticated, NamedProfile), AuthenticatorError> {
        // Tokens and organizations are the same for the engines of all profiles.
        let engine = self.0.services.any().engine();
        let authenticated = engine.authenticate(token).await?;
        let tenant = &authenticated.tenant;
        if let Some(profile) = self.0.profile_of(tenant) {
            return Ok((authenticated, profile));
        }
        let organization = engine
            .admin()
            .organization_of(tenant)
            .await
            .map_err(|error| match error {
                AdminError::Store(error) => error,
                error => StoreError::internal(error),
            })?;
        let profile =
            NamedProfile::of(&organization).map_err(|error| StoreError::internal(error.message()))?;
        let mut profiles = self.0.profiles.write().unwrap_or_else(PoisonError::into_inner);
        profiles.insert(tenant.clone(), profile);
        Ok((authenticated, profile))
    }
}

/// The outcome of the authentication that chose the service.
#[derive(Clone)]
struct Outcome(Arc<Mutex<Option<Result<Caller, AuthenticatorError>>>>);

/// Takes over the [`Outcome`], so that nobody is authenticated twice.
struct TakesOutcome;

impl Authenticator for TakesOutcome {
    async fn authenticate(&self, request: &Parts) -> Result<Caller, AuthenticatorError> {
        let outcome = request
            .extensions
            .get()
            .and_then(|Outcome(outcome)| outcome.lock().unwrap_or_else(PoisonError::into_inner).take());
        outcome.unwrap_or(Err(AuthenticatorError::Unauthorized))
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        vec![AuthenticationScheme::bearer()]
    }
}
