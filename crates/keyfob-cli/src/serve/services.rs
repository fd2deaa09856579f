//! One provisioner and one service for each profile, over one store: each organization is served by that of its profile.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use http::{Request, Response, request::Parts};
use keyfob_core::Quirk;
use keyfob_engine::{AuthenticationError, AuthenticationScheme, Caller, DynStore, StoreError, TenantId};
use keyfob_http::{
    AnswerBody, RequestAuthenticator, RequestAuthenticatorError, ScimService, ScimServiceBuilder,
    bearer_token, token_without_scheme,
};
use keyfob_provisioning::{AdminError, Provisioner};
use tower_service::Service;

use super::{body::SharedBody, failures::Failures};
use crate::{
    Unusable,
    definitions::Definitions,
    profile::{NamedProfile, PerProfile},
    service::CardFormats,
};

/// A provisioner for each profile.
pub(super) struct Provisioners(PerProfile<Provisioner<DynStore>>);

impl Provisioners {
    pub(super) fn new(
        store: &DynStore,
        card_formats: &CardFormats,
        definitions: &Definitions,
    ) -> Result<Self, Unusable> {
        let make = |profile: NamedProfile| profile.provisioner_of(store.clone(), card_formats, definitions);
        Ok(Self(PerProfile::try_new(make)?))
    }

    pub(super) fn of(&self, profile: NamedProfile) -> &Provisioner<DynStore> {
        self.0.of(profile)
    }

    /// The provisioner of any profile, for what is the same in all.
    pub(super) fn any(&self) -> &Provisioner<DynStore> {
        self.0.any()
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = Provisioner<DynStore>> {
        self.0.iter().cloned()
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
    /// Tokens and organizations are the same for the provisioners of all profiles.
    provisioner: Provisioner<DynStore>,
    /// The profiles of the organizations that have sent requests. An organization never changes its profile.
    profiles: RwLock<HashMap<TenantId, NamedProfile>>,
    failures: Arc<Failures>,
}

impl Shared {
    fn profile_of(&self, tenant: &TenantId) -> Option<NamedProfile> {
        let profiles = self.profiles.read().unwrap_or_else(PoisonError::into_inner);
        profiles.get(tenant).copied()
    }
}

impl Services {
    pub(super) fn new(
        provisioners: Provisioners,
        failures: Arc<Failures>,
        build: impl Fn(ScimServiceBuilder<DynStore>) -> ScimServiceBuilder<DynStore>,
    ) -> Self {
        let provisioner = provisioners.0.any().clone();
        let service = |provisioner: Provisioner<DynStore>| {
            build(ScimService::builder(
                Arc::clone(provisioner.engine()),
                TakesOutcome,
            ))
            .build()
        };
        Self(Arc::new(Shared {
            services: provisioners.0.map(service),
            provisioner,
            profiles: RwLock::default(),
            failures,
        }))
    }

    /// Answers a request by the service of the caller's organization, and one without a caller by any.
    pub(super) async fn call(
        &self,
        request: Request<SharedBody>,
    ) -> Result<Response<AnswerBody>, Infallible> {
        let (mut head, body) = request.into_parts();
        let found = self.authenticate(&head).await;
        let services = &self.0.services;
        let mut service = match &found {
            Ok((_, profile)) => services.of(*profile).clone(),
            Err(_) => services.any().clone(),
        };
        let outcome = found.map(|(caller, _)| caller);
        head.extensions.insert(Outcome {
            first: Arc::new(Mutex::new(Some(outcome))),
            services: self.clone(),
        });
        service.call(Request::from_parts(head, body)).await
    }

    /// The organization that a request's token opens, and its profile. A wrong token is counted.
    async fn authenticate(
        &self,
        request: &Parts,
    ) -> Result<(Caller, NamedProfile), RequestAuthenticatorError> {
        let found = self.find(request).await;
        let is_wrong = matches!(
            &found,
            Err(RequestAuthenticatorError::SchemeMissing
                | RequestAuthenticatorError::Refused(
                    AuthenticationError::Rejected | AuthenticationError::Invalid { .. }
                ))
        );
        if is_wrong && let Some(retry_after) = self.0.failures.note_refused(request) {
            return Err(AuthenticationError::TooMany { retry_after }.into());
        }
        found
    }

    async fn find(&self, request: &Parts) -> Result<(Caller, NamedProfile), RequestAuthenticatorError> {
        if let Some(token) = bearer_token(&request.headers) {
            return self.open(token).await;
        }
        let token = token_without_scheme(&request.headers).ok_or(AuthenticationError::Rejected)?;
        // Whether the scheme may be left out is known of an organization alone. Its lack is told of a token that opens
        // none in the same words, so that the answer says nothing of the token.
        match self.open(token).await {
            Ok((_, profile)) if !self.takes_bare_tokens(profile) => {
                Err(RequestAuthenticatorError::SchemeMissing)
            }
            Err(RequestAuthenticatorError::Refused(AuthenticationError::Rejected)) => {
                Err(RequestAuthenticatorError::SchemeMissing)
            }
            found => found,
        }
    }

    fn takes_bare_tokens(&self, profile: NamedProfile) -> bool {
        let dialect = self.0.services.of(profile).engine().profile().dialect;
        dialect.allows(Quirk::TokenWithoutScheme)
    }

    /// The organization that a token opens, and its profile.
    async fn open(&self, token: &str) -> Result<(Caller, NamedProfile), RequestAuthenticatorError> {
        let provisioner = &self.0.provisioner;
        let caller = provisioner.authenticate(token).await?;
        let tenant = caller.tenant();
        if let Some(profile) = self.0.profile_of(tenant) {
            return Ok((caller, profile));
        }
        let organization =
            provisioner
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
        drop(profiles);
        Ok((caller, profile))
    }
}

/// The outcome of the authentication that chose the service.
#[derive(Clone)]
struct Outcome {
    first: Arc<Mutex<Option<Result<Caller, RequestAuthenticatorError>>>>,
    services: Services,
}

/// Takes over the [`Outcome`], so that nobody is authenticated twice at once. Whoever asks again, as a bulk request does before
/// each run of its operations, is told how it is by then.
struct TakesOutcome;

impl RequestAuthenticator for TakesOutcome {
    async fn authenticate(&self, request: &Parts) -> Result<Caller, RequestAuthenticatorError> {
        let Some(outcome) = request.extensions.get::<Outcome>() else {
            return Err(AuthenticationError::Rejected.into());
        };
        let first = outcome
            .first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match first {
            Some(first) => first,
            None => outcome
                .services
                .authenticate(request)
                .await
                .map(|(caller, _)| caller),
        }
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        vec![AuthenticationScheme::bearer()]
    }
}
