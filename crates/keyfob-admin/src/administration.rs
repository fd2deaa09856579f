//! The administration of a service: who may do what, and doing it.

use std::sync::Arc;

use keyfob_core::Object;
use keyfob_core::ResourceId;
use keyfob_engine::{
    AuthenticationError, Change, Context, Feeds, Maintenance, NewEvent, Rehearsal, TenantId, When,
};
use keyfob_provisioning::{AdminError, Organization, Provisioner};
use smol_str::{SmolStr, format_smolstr};

use crate::{
    administrator::{Administrator, Permission, Role, Scope},
    answer::{Answer, Call, Preview, changes_of},
    input::Input,
    operation::Risk,
    problem::Problem,
    session::Session,
    token::{AdminSecret, AdminTokens, NewToken},
};

/// The administration of a service: finds out who asks, checks what they may do, and does it.
///
/// Cheap to clone; clones share everything.
///
/// ```
/// use keyfob_admin::{Administration, Administrator, Answer, Call, Grant, Role, Scope, operation};
/// use keyfob_core::Object;
/// use keyfob_provisioning::Provisioner;
/// use keyfob_store_memory::MemoryStore;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # pollster::block_on(async {
/// let registry = keyfob_access::register(keyfob_core::schema::RegistryBuilder::verkada()).build()?;
/// let administration = Administration::new([Provisioner::new(MemoryStore::new(), registry)]);
/// let ada = Administrator::new("ada", "session 17")
///     .with_grant(Grant::new(Role::Operator, Scope::Service))
///     .with_grant(Grant::new(Role::Administrator, Scope::Service));
///
/// let create = operation("createOrganization").ok_or("no such operation")?;
/// let input = Object::from_iter([("name", "Acme"), ("profile", "interop")]);
/// administration.perform(&ada, &Call::new(create, input)).await?;
///
/// let enable = operation("enableProvisioning").ok_or("no such operation")?;
/// let input = Object::from_iter([("org", "Acme")]);
/// let Answer::One(linked) = administration.perform(&ada, &Call::new(enable, input)).await? else {
///     return Err("a view is answered".into());
/// };
/// assert!(linked.get_str("token").is_some_and(|token| token.starts_with("kf1_")));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct Administration<S> {
    shared: Arc<Shared<S>>,
}

#[derive(Debug)]
struct Shared<S> {
    provisioners: Vec<Provisioner<S>>,
    base_url: Option<SmolStr>,
    console_url: Option<SmolStr>,
    loopback_webhooks: bool,
}

impl<S> Clone for Administration<S> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

/// The name of the token that the first start of a server makes.
const FIRST: &str = "first";

/// The name of the event of a refused action.
pub const REFUSED: &str = "administrationRefused";

/// The name of the event of the reason for an action.
pub const REASONED: &str = "administrationReasoned";

impl<S: Feeds + Maintenance> Administration<S> {
    /// Creates the administration of a service with a provisioner for each profile that its organizations have, all over the
    /// same store.
    #[must_use]
    pub fn new(provisioners: impl IntoIterator<Item = Provisioner<S>>) -> Self {
        Self {
            shared: Arc::new(Shared {
                provisioners: provisioners.into_iter().collect(),
                base_url: None,
                console_url: None,
                loopback_webhooks: false,
            }),
        }
    }

    /// Returns the same administration with the base URL under which providers reach the service.
    #[must_use]
    pub fn with_base_url(self, base_url: impl Into<SmolStr>) -> Self {
        self.with(|shared| shared.base_url = Some(base_url.into()))
    }

    /// Returns the same administration with the address at which its pages are served, which set-up links begin with.
    #[must_use]
    pub fn with_console_url(self, console_url: impl Into<SmolStr>) -> Self {
        self.with(|shared| shared.console_url = Some(console_url.into()))
    }

    /// Returns the same administration, which takes addresses of this machine for webhooks, also without encryption. The
    /// transport of the deliveries has to allow them as well.
    #[must_use]
    pub fn allowing_loopback_webhooks(self) -> Self {
        self.with(|shared| shared.loopback_webhooks = true)
    }

    fn with(self, change: impl FnOnce(&mut Shared<S>)) -> Self {
        let mut shared = Shared {
            provisioners: self.shared.provisioners.clone(),
            base_url: self.shared.base_url.clone(),
            console_url: self.shared.console_url.clone(),
            loopback_webhooks: self.shared.loopback_webhooks,
        };
        change(&mut shared);
        Self {
            shared: Arc::new(shared),
        }
    }

    pub(crate) fn allows_loopback_webhooks(&self) -> bool {
        self.shared.loopback_webhooks
    }

    pub(crate) fn console_url(&self) -> Option<&SmolStr> {
        self.shared.console_url.as_ref()
    }

    pub(crate) fn base_url(&self) -> Option<&SmolStr> {
        self.shared.base_url.as_ref()
    }

    /// Returns the names of the profiles that organizations can have here.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = &'static str> {
        self.shared
            .provisioners
            .iter()
            .map(|provisioner| provisioner.profile().name())
    }

    /// Returns the provisioner of a profile.
    pub(crate) fn provisioner(&self, profile: &str) -> Option<&Provisioner<S>> {
        let mut provisioners = self.shared.provisioners.iter();
        provisioners.find(|provisioner| provisioner.profile().name() == profile)
    }

    /// Returns any provisioner: organizations and tokens are the same for all of them.
    pub(crate) fn any(&self) -> Result<&Provisioner<S>, Problem> {
        let first = self.shared.provisioners.first();
        first.ok_or_else(|| Problem::new("failed", 500, "the service has no profile"))
    }

    pub(crate) fn tokens(&self) -> Result<AdminTokens<'_, S>, Problem> {
        let provisioner = self.any()?;
        Ok(AdminTokens { provisioner })
    }

    /// Finds the administrator whose token a secret is. The use of a token is noted, to the minute.
    ///
    /// # Errors
    /// [`AuthenticationError::Rejected`] for every secret that is no valid token, in the same words;
    /// [`AuthenticationError::Store`].
    pub async fn authenticate(&self, secret: &str) -> Result<Administrator, AuthenticationError> {
        let tokens = self.tokens().map_err(|_| AuthenticationError::Rejected)?;
        tokens.authenticate(secret).await
    }

    /// Finds an administrator again whom a token has let in, with the roles that the token has now: for sessions, which end
    /// with their token. Somebody whom no token has let in is returned as they are.
    ///
    /// # Errors
    /// As [`authenticate`](Self::authenticate).
    pub async fn recall(&self, administrator: &Administrator) -> Result<Administrator, AuthenticationError> {
        let Some(id) = &administrator.token else {
            return Ok(administrator.clone());
        };
        let tokens = self.tokens().map_err(|_| AuthenticationError::Rejected)?;
        tokens.of_id(id).await
    }

    /// Makes the first token, `first`, for the operator who starts a server: with every role that administers. Where there is
    /// a token of the service already, nothing is made.
    ///
    /// A secret that the operator chose becomes that token where there is none of the service, and takes the place of `first`
    /// where that has another secret, with a warning. Where there are other tokens and no `first`, it was revoked or never
    /// issued: it has no effect, with a warning, so that no start brings a token back that was taken back. Nothing remembers
    /// the secrets of revoked tokens: where the last token of the service is revoked, a chosen secret is issued again.
    ///
    /// Returns the secret if it was made and has to be shown.
    ///
    /// # Errors
    /// [`Problem`] where the store can't be read or written; no token is taken back before it is known that the secret is another
    /// one.
    pub async fn bootstrap(&self, chosen: Option<AdminSecret>) -> Result<Option<AdminSecret>, Problem> {
        let (tokens, cx) = (self.tokens()?, Context::new(TenantId::SYSTEM));
        let present = tokens.list(&Scope::Service).await?;
        let is_chosen = chosen.is_some();
        let secret = match chosen {
            Some(secret) => {
                match tokens.authenticate(secret.expose()).await {
                    Ok(_) => return Ok(None),
                    // Nothing is known of the token: none may be taken back for it.
                    Err(AuthenticationError::Store(error)) => return Err(error.into()),
                    Err(_) => {}
                }
                if present.iter().any(|token| token.name == FIRST) {
                    tracing::warn!("the chosen token takes the place of the token `first`, which is revoked");
                    match tokens.revoke(&cx, &Scope::Service, FIRST).await {
                        // Another server that starts at the same time was faster.
                        Err(problem) if problem.status != 404 => return Err(problem),
                        _ => {}
                    }
                } else if !present.is_empty() {
                    tracing::warn!(
                        "the chosen token was revoked or never issued, and has no effect as there are other tokens: leave it out"
                    );
                    return Ok(None);
                } else {
                    tracing::info!("the chosen token is issued as the token `first`");
                }
                secret
            }
            None if !present.is_empty() => return Ok(None),
            None => AdminSecret::generate()?,
        };
        let token = NewToken {
            name: FIRST,
            roles: &[Role::Operator, Role::Administrator],
            scope: &Scope::Service,
            expires: None,
        };
        match tokens.issue(&cx, &token, &secret).await {
            Ok(()) => Ok((!is_chosen).then_some(secret)),
            // Another server starts at the same time, with the same chosen secret or another one, and was faster.
            Err(problem) if matches!(&*problem.code, "nameTaken" | "tokenTaken") => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Does what a call asks for, as far as the administrator may.
    ///
    /// An organization in which the administrator has no role is answered like one that doesn't exist.
    ///
    /// # Errors
    /// [`Problem`]: with status 428 and a preview for what can't be taken back and isn't confirmed, 409 with the new preview
    /// where the effects have changed since, 400 for input that can't be read, 403 for what the role doesn't allow, 404 for
    /// what isn't there.
    pub async fn perform(&self, administrator: &Administrator, call: &Call) -> Result<Answer, Problem> {
        let operation = call.operation;
        let input = operation.check(&call.input)?;
        let session = self.session(administrator, call, &input).await?;
        let rehearsal = Rehearsal::new();
        let session = if call.dry_run && operation.risk != Risk::Read {
            Session {
                cx: session.cx.clone().rehearsing(rehearsal.clone()),
                ..session
            }
        } else {
            self.confirm(&session, call, &input).await?;
            session
        };
        let outcome = operation.action.run(&session, &input).await;
        if let Some(commit) = rehearsal.take() {
            return Ok(Answer::DryRun(changes_of(&commit)));
        }
        match outcome {
            Ok(_) if call.dry_run && operation.risk != Risk::Read => Ok(Answer::DryRun(Vec::new())),
            Ok(answer) => {
                if operation.risk != Risk::Read
                    && let Some(reason) = &call.reason
                {
                    record(&session, call, REASONED, "reason", reason).await;
                }
                Ok(answer)
            }
            Err(problem) => {
                if operation.risk != Risk::Read && matches!(problem.status, 403 | 409) {
                    record(&session, call, REFUSED, "code", &problem.code).await;
                }
                Err(problem)
            }
        }
    }

    /// Finds the organization of a call and checks what the administrator may do there.
    async fn session<'a>(
        &'a self,
        administrator: &'a Administrator,
        call: &Call,
        input: &Input,
    ) -> Result<Session<'a, S>, Problem> {
        let operation = call.operation;
        let organization = match input.maybe("org") {
            Some(org) => Some(self.organization(administrator, org).await?),
            None => None,
        };
        let tenant = organization
            .as_ref()
            .map_or(TenantId::SYSTEM, |organization| organization.tenant.clone());
        let roles: Vec<Role> = if organization.is_some() {
            administrator.roles_in(&tenant).collect()
        } else if operation.permission == Permission::Known {
            administrator.grants.iter().map(|grant| grant.role).collect()
        } else {
            administrator.roles_in_service().collect()
        };
        let provisioner = match &organization {
            None => self.any()?,
            Some(organization) => self.provisioner(&organization.profile).ok_or_else(|| {
                let profile = &organization.profile;
                Problem::new(
                    "unknownProfile",
                    501,
                    format_smolstr!("the organization has the profile `{profile}`, which is unknown here"),
                )
            })?,
        };
        let mut cx = administrator
            .context(&tenant, operation.permission)
            .with_request(call.request.clone());
        if let Some(base_url) = self.base_url() {
            cx = cx.with_base_url(base_url.clone());
        }
        let session = Session {
            administration: self,
            administrator,
            provisioner,
            masks: organization.is_some() && administrator.is_shown_masks(&tenant),
            organization,
            cx,
        };
        if !roles.iter().any(|role| role.may(operation.permission)) {
            let problem = Role::refusal(&roles);
            if operation.risk != Risk::Read && session.organization.is_some() {
                record(&session, call, REFUSED, "code", &problem.code).await;
            }
            return Err(problem);
        }
        Ok(session)
    }

    /// Finds an organization in which the administrator has a role, by its id or name.
    pub(crate) async fn organization(
        &self,
        administrator: &Administrator,
        org: &str,
    ) -> Result<Organization, Problem> {
        let admin = self.any()?.admin();
        let found = match admin.organization_of(&TenantId::new(org)).await {
            Err(AdminError::NoSuchOrganization(_)) => admin.organization(org).await,
            found => found,
        };
        let missing = || Problem::missing("organization", org);
        match found {
            Ok(organization) if administrator.roles_in(&organization.tenant).next().is_some() => {
                Ok(organization)
            }
            Ok(_) | Err(AdminError::NoSuchOrganization(_)) => Err(missing()),
            Err(error) => Err(error.into()),
        }
    }

    /// Demands the digest of a preview for what can't be taken back.
    async fn confirm(&self, session: &Session<'_, S>, call: &Call, input: &Input) -> Result<(), Problem> {
        if call.operation.risk != Risk::Confirmed {
            return Ok(());
        }
        let Some(preview) = call.operation.action.preview(session, input).await? else {
            return Ok(());
        };
        let problem = match &call.confirmation {
            Some(digest) if *digest == preview.confirmation => return Ok(()),
            Some(_) => Problem::new(
                "previewChanged",
                409,
                "the effects are others than those that were confirmed",
            )
            .with_fix("look at the preview and confirm it"),
            None => Problem::new(
                "confirmationRequired",
                428,
                "this can't be undone and needs a confirmation",
            )
            .with_fix("repeat it with the `confirmation` of the preview"),
        };
        let preview: Option<Box<Preview>> = Some(Box::new(preview));
        Err(Problem { preview, ..problem })
    }
}

/// Publishes what the feed of the organization has to say of an action beside what the action itself publishes. Where that
/// fails, the outcome of the action stands.
async fn record<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    call: &Call,
    name: &'static str,
    field: &'static str,
    text: &str,
) {
    let mut event = NewEvent::new(name, "Administration", ResourceId::new("administration"));
    let mut data = Object::new();
    data.insert("operation", call.operation.name);
    data.insert(field, text);
    event.data = data;
    let publish = Change::Publish {
        event: Arc::new(event),
        when: When::Always,
    };
    let provisioner = session.provisioner;
    let commit = provisioner.commit_of(&session.cx, call.operation.name, vec![publish], None);
    if let Err(error) = provisioner.commit(&session.cx, commit).await {
        tracing::warn!(%error, operation = call.operation.name, "an action is not recorded");
    }
}
