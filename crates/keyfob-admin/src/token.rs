//! Tokens of administrators: random, shown once, stored as a digest alone.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use keyfob_core::{
    AttrPath, Collation, CompareKey, DateTime, Dialect, Registry, Resource, ResourceId, ResourceType, Schema,
    Value, schema::ResourceTypeBuilder,
};
use keyfob_engine::{
    AuthenticationError, Change, CommitError, Context, MemberPolicy, OnRefusal, Query, Selection, Store,
    StoreError, StoreExt, Stored, TenantId, UniqueKey,
};
use keyfob_filter::{CompareOp, Filter, Literal};
use keyfob_provisioning::{Provisioner, Token};
use sha2::{Digest, Sha256};
use smol_str::{SmolStr, ToSmolStr, format_smolstr};
use thiserror::Error;

use crate::{
    administrator::{Administrator, Grant, Role, Scope},
    answer::hex,
    problem::Problem,
    view::AdminToken,
};

/// The secret of an administrator's token. `Debug` doesn't show it, and the store holds its digest alone.
pub struct AdminSecret(String);

/// The text with which a secret begins that the service made.
const PREFIX: &str = "ka_";

/// The number of tokens that an organization, or the service, has at most.
const TOKENS: usize = 1000;

/// The milliseconds after which the use of a token is noted again.
const USED: i64 = 60_000;

impl AdminSecret {
    /// Makes a secret of 256 random bits.
    ///
    /// # Errors
    /// [`SecretError::NoRandomness`].
    pub fn generate() -> Result<Self, SecretError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|_| SecretError::NoRandomness)?;
        Ok(Self(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(secret))))
    }

    /// Takes a secret that an operator chose.
    ///
    /// # Errors
    /// [`SecretError::TooWeak`] where it would be guessed or can't be sent.
    pub fn chosen(secret: &str) -> Result<Self, SecretError> {
        // One rule for all tokens that somebody chooses.
        Token::chosen(secret).map_err(|_| SecretError::TooWeak)?;
        Ok(Self(secret.into()))
    }

    /// Returns the secret, for the one time that it is shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn hint(&self) -> SmolStr {
        let start = self.0.len().saturating_sub(4);
        self.0.get(start..).unwrap_or_default().into()
    }
}

impl fmt::Debug for AdminSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminSecret(..)")
    }
}

/// The error when there is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness")]
    NoRandomness,
    /// A chosen secret would be guessed or can't be sent.
    #[error("a chosen token has at least 32 visible ASCII characters, at least 10 of them distinct")]
    TooWeak,
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        Self::new("failed", 500, error.to_smolstr())
    }
}

/// A token that is to be made.
pub(crate) struct NewToken<'t> {
    pub(crate) name: &'t str,
    pub(crate) roles: &'t [Role],
    pub(crate) scope: &'t Scope,
    pub(crate) expires: Option<DateTime>,
}

/// The tokens of administrators, in the service's own tenant.
pub(crate) struct AdminTokens<'p, S> {
    pub(crate) provisioner: &'p Provisioner<S>,
}

impl<S: Store> AdminTokens<'_, S> {
    /// Finds the administrator whose token a secret is.
    pub(crate) async fn authenticate(&self, secret: &str) -> Result<Administrator, AuthenticationError> {
        self.of_id(&id_of(secret)).await
    }

    /// Finds the administrator whose token is stored under an id.
    pub(crate) async fn of_id(&self, id: &ResourceId) -> Result<Administrator, AuthenticationError> {
        let cx = Context::new(TenantId::SYSTEM);
        let selection = Selection::document();
        let found = self
            .provisioner
            .store()
            .get_one(&cx.reading(), token_type(), id, &selection)
            .await?;
        let now = self.provisioner.now();
        let stored = found.ok_or(AuthenticationError::Rejected)?;
        let token = Row::of(&stored).ok_or(AuthenticationError::Rejected)?;
        if token.view.expires.is_some_and(|expires| expires <= now) {
            return Err(AuthenticationError::Rejected);
        }
        let is_news = token
            .view
            .last_used
            .is_none_or(|used| now.unix_millis().saturating_sub(used.unix_millis()) >= USED);
        if is_news {
            self.note_use(&cx, &stored, now).await;
        }
        let credential = id.as_str().get(..18).unwrap_or_default();
        let mut administrator = Administrator::new(token.view.name.clone(), credential);
        administrator.token = Some(id.clone());
        for role in &token.view.roles {
            if let Some(role) = Role::named(role) {
                administrator = administrator.with_grant(Grant::new(role, token.scope.clone()));
            }
        }
        Ok(administrator)
    }

    /// Notes that a token is used. Where that fails, the request goes on: it is no part of what was asked for.
    async fn note_use(&self, cx: &Context, stored: &Stored, now: DateTime) {
        let Some(id) = stored.resource.id() else {
            return;
        };
        let mut document = Resource::new([token_type().schema().id.clone()]);
        for (name, value) in stored.resource.core().iter() {
            if !matches!(name.as_str(), "id" | "meta") {
                document.core_mut().insert(name.clone(), value.clone());
            }
        }
        document.core_mut().insert("lastUsed", now.to_smolstr());
        let update = Change::replace(token_type(), id, document, Some(stored.version));
        let commit = self
            .provisioner
            .commit_of(cx, "useAdminToken", vec![update], None);
        self.provisioner.commit(cx, commit).await.ok();
    }

    /// Makes a token and stores its digest.
    pub(crate) async fn issue(
        &self,
        cx: &Context,
        token: &NewToken<'_>,
        secret: &AdminSecret,
    ) -> Result<(), Problem> {
        let name = token.name.trim();
        if name.is_empty() {
            return Err(Problem::malformed("name", "a token needs a name"));
        }
        let scope = scope_text(token.scope);
        let mut document = Resource::new([token_type().schema().id.clone()]);
        let core = document.core_mut();
        core.insert("name", name);
        core.insert("scope", scope.clone());
        let roles = token.roles.iter().map(|role| Value::from(role.as_str()));
        core.insert("roles", roles.collect::<Vec<_>>());
        core.insert("hint", secret.hint());
        if !cx.identity().is_empty() {
            core.insert("createdBy", cx.identity().clone());
        }
        if let Some(expires) = token.expires {
            core.insert("expires", expires.to_smolstr());
        }
        let create = Change::Create {
            resource_type: token_type().clone(),
            id: id_of(secret.expose()),
            document: document.into(),
            state: Arc::default(),
            relations: Arc::default(),
            members: MemberPolicy::default(),
            unique: vec![name_key(&scope, name)],
            on_refusal: OnRefusal::Fail,
        };
        let cx = cx.in_tenant(TenantId::SYSTEM);
        let commit = self
            .provisioner
            .commit_of(&cx, "issueAdminToken", vec![create], None);
        match self.provisioner.commit(&cx, commit).await {
            Ok(_) => Ok(()),
            Err(CommitError::UniquenessViolated { .. }) => Err(Problem::new(
                "nameTaken",
                409,
                format_smolstr!("there is a token `{name}` already"),
            )
            .of_field("name")),
            Err(CommitError::IdTaken { .. }) => Err(Problem::new("tokenTaken", 409, "the token is in use")),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(other) => Err(StoreError::internal(other).into()),
        }
    }

    /// Refuses a further token where a scope has many: all of them are read to list them and to find one by its name.
    pub(crate) async fn demand_room(&self, scope: &Scope) -> Result<(), Problem> {
        if self.rows(scope).await?.len() < TOKENS {
            return Ok(());
        }
        let detail = format_smolstr!("there are {TOKENS} tokens already, which is the most");
        Err(Problem::new("tooManyTokens", 409, detail).with_fix("revoke one that nobody needs any more"))
    }

    /// Lists the tokens of a scope, in the order in which they were made.
    pub(crate) async fn list(&self, scope: &Scope) -> Result<Vec<AdminToken>, StoreError> {
        let rows = self.rows(scope).await?;
        Ok(rows.into_iter().map(|row| row.view).collect())
    }

    async fn rows(&self, scope: &Scope) -> Result<Vec<Row>, StoreError> {
        let cx = Context::new(TenantId::SYSTEM);
        let of_scope = Filter::Compare(
            AttrPath::attribute("scope"),
            CompareOp::Eq,
            Literal::String(scope_text(scope)),
        );
        let of_scope = of_scope
            .compile(token_type(), Dialect::strict())
            .map_err(StoreError::internal)?;
        let page = self
            .provisioner
            .store()
            .query(&cx.reading(), token_type(), &Query::all().with_filter(of_scope))
            .await?;
        let rows = page.resources.iter().filter_map(Row::of);
        Ok(rows.filter(|row| row.scope == *scope).collect())
    }

    /// Finds a token of a scope by its name.
    pub(crate) async fn named(&self, scope: &Scope, name: &str) -> Result<AdminToken, Problem> {
        Ok(self.row(scope, name).await?.view)
    }

    async fn row(&self, scope: &Scope, name: &str) -> Result<Row, Problem> {
        let key = name_key("", name);
        let rows = self.rows(scope).await?;
        let found = rows.into_iter().find(|row| name_key("", &row.view.name) == key);
        found.ok_or_else(|| Problem::missing("token", name))
    }

    /// Takes a token back: it opens nothing any more when this returns.
    pub(crate) async fn revoke(&self, cx: &Context, scope: &Scope, name: &str) -> Result<(), Problem> {
        let row = self.row(scope, name).await?;
        let delete = Change::delete(token_type(), row.id, None);
        let cx = cx.in_tenant(TenantId::SYSTEM);
        let commit = self
            .provisioner
            .commit_of(&cx, "revokeAdminToken", vec![delete], None);
        match self.provisioner.commit(&cx, commit).await {
            Ok(_) => Ok(()),
            Err(CommitError::NotFound { .. }) => Err(Problem::missing("token", name)),
            Err(CommitError::Store(error)) => Err(error.into()),
            Err(other) => Err(StoreError::internal(other).into()),
        }
    }

    /// Takes back every token of an organization that is removed.
    pub(crate) async fn revoke_all(&self, cx: &Context, scope: &Scope) -> Result<(), Problem> {
        for row in self.rows(scope).await? {
            match self.revoke(cx, scope, &row.view.name).await {
                Err(problem) if problem.status != 404 => return Err(problem),
                _ => {}
            }
        }
        Ok(())
    }
}

/// A token as it is stored.
struct Row {
    id: ResourceId,
    scope: Scope,
    view: AdminToken,
}

impl Row {
    /// Reads a token. What can't be read is no token.
    fn of(stored: &Stored) -> Option<Self> {
        let core = stored.resource.core();
        // An expiry that can't be read must not make a token valid for ever.
        let instant = |name: &str| core.get_str(name).map(str::parse).transpose().ok();
        let roles = core.get("roles").map(Value::as_elements).unwrap_or_default();
        Some(Self {
            id: stored.resource.id()?,
            scope: scope_of(core.get_str("scope")?)?,
            view: AdminToken {
                name: core.get_str("name")?.into(),
                roles: roles.iter().filter_map(Value::as_str).map(Into::into).collect(),
                hint: core.get_str("hint")?.into(),
                created: stored.resource.meta().and_then(|meta| meta.created),
                created_by: core.get_str("createdBy").map(Into::into),
                expires: instant("expires")?,
                last_used: instant("lastUsed")?,
            },
        })
    }
}

const SERVICE: &str = "service";

/// The text before the tenant of an organization, so that none is taken for the service.
const ORGANIZATION: &str = "organization:";

fn scope_text(scope: &Scope) -> SmolStr {
    match scope {
        Scope::Service => SmolStr::new_static(SERVICE),
        Scope::Organization(tenant) => format_smolstr!("{ORGANIZATION}{tenant}"),
    }
}

/// Reads what [`scope_text`] wrote.
fn scope_of(text: &str) -> Option<Scope> {
    if text == SERVICE {
        return Some(Scope::Service);
    }
    let tenant = text.strip_prefix(ORGANIZATION)?;
    Some(Scope::Organization(TenantId::new(tenant)))
}

/// Returns the key that a name reserves in its scope.
fn name_key(scope: &str, name: &str) -> UniqueKey {
    let text = format!("{scope}\n{}", name.trim());
    UniqueKey::new("name", CompareKey::new(Collation::Caseless, &text))
}

/// Returns the id under which a secret is stored. It is none of a provider's token.
fn id_of(secret: &str) -> ResourceId {
    ResourceId::new(format_smolstr!(
        "admin:{}",
        hex(&Sha256::digest(secret.as_bytes()))
    ))
}

/// The type in which tokens are stored, in a registry of its own.
fn token_type() -> &'static ResourceType {
    static TYPE: LazyLock<ResourceType> = LazyLock::new(load);
    &TYPE
}

#[expect(
    clippy::panic,
    reason = "the definition is part of the crate and a test loads it"
)]
fn load() -> ResourceType {
    let definition = || {
        let schema = Schema::from_json(include_bytes!("../schemas/admin-token.json")).ok()?;
        let definition = ResourceTypeBuilder::new("AdminToken", "/AdminTokens", schema.id.clone())
            .indexed(AttrPath::attribute("scope"))
            .internal();
        let registry = Registry::builder()
            .resource_type(definition)
            .schema(schema)
            .build()
            .ok()?;
        registry.resource_type("AdminToken").cloned()
    };
    match definition() {
        Some(resource_type) => resource_type,
        None => panic!("the schema of administrators' tokens is malformed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_was_written_whatever_an_organization_is_called() {
        for scope in ["service", "organization:", "acme"]
            .map(|tenant| Scope::Organization(TenantId::new(tenant)))
            .into_iter()
            .chain([Scope::Service])
        {
            assert_eq!(scope_of(&scope_text(&scope)), Some(scope));
        }
        assert_eq!(scope_of("acme"), None);
    }

    #[test]
    fn a_secret_is_hard_to_guess_and_does_not_print_itself() {
        assert!(!token_type().is_exposed());
        let secret = AdminSecret::generate().unwrap();
        assert!(secret.expose().starts_with(PREFIX));
        assert!(!format!("{secret:?}").contains(secret.expose()));
        assert!(!id_of(secret.expose()).as_str().contains(secret.expose()));
        assert!(AdminSecret::chosen("0123456789abcdef0123456789abcdef").is_ok());
        for weak in [
            "short",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "0123456789abcdef 0123456789abcdef",
            "0123456789abcdef0123456789abcdeé",
        ] {
            assert_eq!(
                AdminSecret::chosen(weak).unwrap_err(),
                SecretError::TooWeak,
                "{weak}"
            );
        }
    }
}
