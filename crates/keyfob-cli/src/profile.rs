//! With which profile a store is served.
//!
//! The store remembers it, so that a server that is started again, and the administrators' commands beside it, go by the
//! rules by which everything in it came about.

use clap::ValueEnum;
use keyfob_core::{
    Clock, Registry, Resource, ResourceId, ResourceType, Schema, SystemClock, Version,
    schema::ResourceTypeBuilder,
};
use keyfob_engine::{Change, CommitError, Context, DynStore, Selection, Store, TenantId};

use crate::Unusable;

/// The profiles by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NamedProfile {
    /// Understands all that providers send and is unambiguous
    Interop,
    /// The RFC alone
    Rfc,
    /// As Verkada Command provisions: invitations, card credentials, users that can be brought back
    Verkada,
    /// As `AccessIQ` provisions: names and addresses required, several tokens, units and roles
    Accessiq,
}

impl NamedProfile {
    fn name(self) -> &'static str {
        match self {
            Self::Interop => "interop",
            Self::Rfc => "rfc",
            Self::Verkada => "verkada",
            Self::Accessiq => "accessiq",
        }
    }

    fn named(name: &str) -> Result<Self, Unusable> {
        let mut profiles = Self::value_variants().iter();
        let found = profiles.find(|profile| profile.name() == name).copied();
        found.ok_or_else(|| {
            Unusable(format!(
                "the store is served with the profile `{name}`, which is unknown here"
            ))
        })
    }

    /// The profile with which a store is served.
    pub(crate) async fn of(store: &DynStore) -> Result<Option<Self>, Unusable> {
        Ok(Kept::of(store).await?.profile)
    }

    /// Has a store remember the profile.
    pub(crate) async fn keep(self, store: &DynStore) -> Result<(), Unusable> {
        loop {
            let kept = Kept::of(store).await?;
            if kept.profile == Some(self) {
                return Ok(());
            }
            match kept.replace_by(store, self).await {
                Ok(()) => {
                    if let Some(last) = kept.profile {
                        let (last, now) = (last.name(), self.name());
                        tracing::warn!(
                            "this store was served with the profile `{last}` and is now with `{now}`"
                        );
                    }
                    return Ok(());
                }
                // Another server starts at the same time.
                Err(CommitError::IdTaken { .. } | CommitError::VersionMismatch { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The profile with which administrators work on a store: the one with which it is served. Who asks for another one
    /// would break its rules.
    pub(crate) async fn to_administer(store: &DynStore, asked: Option<Self>) -> Result<Self, Unusable> {
        match (asked, Self::of(store).await?) {
            (Some(asked), Some(served)) if asked != served => Err(Unusable(format!(
                "the store is served with the profile `{}`, not with `{}`",
                served.name(),
                asked.name()
            ))),
            (asked, served) => Ok(served.or(asked).unwrap_or(Self::Verkada)),
        }
    }
}

/// What a store remembers.
struct Kept {
    resource_type: ResourceType,
    profile: Option<NamedProfile>,
    version: Option<Version>,
}

/// The one resource in which it is kept, in a tenant of its own; no generated id is equal.
const SERVICE: &str = "service";

const SCHEMA: &str = r#"{
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
    "id": "urn:keyfob:params:scim:schemas:cli:1.0:Service",
    "name": "Service",
    "description": "How a store is served.",
    "attributes": [{
        "name": "profile", "type": "string", "multiValued": false, "description": "The name of the profile.",
        "required": true, "caseExact": true, "mutability": "readWrite", "returned": "default", "uniqueness": "none"
    }]
}"#;

impl Kept {
    async fn of(store: &DynStore) -> Result<Self, Unusable> {
        let schema = Schema::from_json(SCHEMA.as_bytes())?;
        let service = ResourceTypeBuilder::new("Service", "/Services", schema.id.clone()).internal();
        let registry = Registry::builder()
            .resource_type(service)
            .schema(schema)
            .build()?;
        let Some(resource_type) = registry.resource_type("Service").cloned() else {
            return Err(Unusable("there is no type of services".to_owned()));
        };
        let (cx, id) = (tenant(), ResourceId::new(SERVICE));
        let stored = store
            .get(cx.tenant(), &resource_type, &id, &Selection::document())
            .await?;
        let name = stored
            .as_ref()
            .and_then(|stored| stored.resource.core().get_str("profile"));
        let profile = name.map(NamedProfile::named).transpose()?;
        Ok(Self {
            resource_type,
            profile,
            version: stored.map(|stored| stored.version),
        })
    }

    async fn replace_by(&self, store: &DynStore, profile: NamedProfile) -> Result<(), CommitError> {
        let (resource_type, id) = (&self.resource_type, &ResourceId::new(SERVICE));
        let mut document = Resource::new([resource_type.schema().id.clone()]);
        document.core_mut().insert("profile", profile.name());
        let (document, at) = (&document, SystemClock::default().now());
        let change = match self.version {
            None => Change::Create {
                resource_type,
                id,
                document,
                relations: &[],
                unique: &[],
                version: Version::FIRST,
                created: at,
                at,
            },
            precondition => Change::Update {
                resource_type,
                id,
                document: Some(document),
                relations: &[],
                unique: &[],
                precondition,
                at,
            },
        };
        store.commit(tenant().tenant(), &[change]).await.map(|_| ())
    }
}

fn tenant() -> Context {
    Context::new(TenantId::new(SERVICE))
}
