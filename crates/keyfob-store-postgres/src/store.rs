//! The store: a pool of connections to the database.

use std::{fmt, sync::Arc};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use keyfob_core::{ResourceId, ResourceType};
use keyfob_store::{
    Capabilities, Commit, CommitError, CommitId, Committed, Page, Query, ReadContext, Selection, Store,
    StoreError, Stored, TenantId,
};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::runtime::Handle;
use tokio_postgres::Row;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{
    error::OpenError,
    hook::Hook,
    migration,
    options::{DatabaseUrl, Options},
    read::{self, Attempts},
    reindex,
    session::Database,
    sql::{Names, Param},
    write,
};

/// A [`Store`] on a PostgreSQL database, for any number of processes.
///
/// It needs a tokio runtime: that in which it is opened also finishes commits of which nobody waits for the outcome any
/// more.
///
/// # Complexity
/// - A commit: two round trips whatever its changes are, one more where a resource is deleted, hidden or revealed. Its work
///   is independent of what is stored and of the size of a group whose membership changes; replacing all members is linear
///   in those before and after, and deleting, hiding or revealing a resource in its owners.
/// - A query without a filter: linear in the page and in its offset; one that sorts by `meta.lastModified` is linear in the
///   resources of the type. A total is a count over an index, linear in what it counts.
/// - A query whose filter demands, by `eq`, a certain `id`, unique or [indexed](ResourceType::indexed) text, member or
///   group: linear in the resources that have it. Any other filter is asked of every resource of the type, and where
///   nobody [counts](keyfob_store::Total) until a page is full.
#[derive(Clone)]
pub struct PostgresStore {
    shared: Arc<Shared>,
}

struct Shared {
    database: Database,
    hook: Option<Arc<dyn Hook>>,
    runtime: Handle,
    capabilities: Capabilities,
}

impl PostgresStore {
    /// Connects to the database of a URL such as `postgres://keyfob@db.example.com/app?schema=scim`, makes the tables where
    /// there are none and brings those of an older release up to date.
    ///
    /// # Errors
    /// [`OpenError`]; the database is then as it was.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, OpenError> {
        let config = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
        let config = config
            .with_safe_default_protocol_versions()
            .and_then(BuilderVerifierExt::with_platform_verifier);
        Self::connect_with_tls(url, config.map_err(OpenError::Tls)?.with_no_client_auth()).await
    }

    /// Connects with a configuration of TLS, as for a certificate authority of one's own.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_with_tls(url: &DatabaseUrl, tls: ClientConfig) -> Result<Self, OpenError> {
        let manager = Manager::from_config(
            url.config().clone(),
            MakeRustlsConnect::new(tls),
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager).max_size(url.options().connections).build();
        let pool = pool.map_err(|error| OpenError::Unreachable(error.into()))?;
        Self::open(pool, url.options()).await
    }

    /// Opens the store on a pool of the application's.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn open(pool: Pool, options: &Options) -> Result<Self, OpenError> {
        options.check()?;
        let database = Database::new(pool, Names::new(&options.schema, &options.prefix));
        migration::prepare(&database, options).await?;
        if let Some(registry) = &options.registry
            && options.keep_indexes
        {
            reindex::demand_known(&database, registry, &options.schema).await?;
        } else if let Some(registry) = &options.registry {
            reindex::reindex(&database, registry)
                .await
                .map_err(OpenError::database)?;
        }
        let shared = Shared {
            database,
            hook: options.hook.clone(),
            runtime: Handle::current(),
            capabilities: Capabilities::full().durable(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    pub(crate) fn database(&self) -> &Database {
        &self.shared.database
    }

    /// Runs one statement that may be run twice.
    pub(crate) async fn ask(
        &self,
        template: &'static str,
        params: Vec<Param<'_>>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut attempts = Attempts::until(None);
        loop {
            let asked = async {
                let mut session = self.database().session(None).await?;
                session.query(template, params.clone()).await
            };
            if let Some(result) = attempts.judge(asked.await).await {
                return result;
            }
        }
    }
}

impl Store for PostgresStore {
    fn capabilities(&self) -> &Capabilities {
        &self.shared.capabilities
    }

    async fn get(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        ids: &[ResourceId],
        selection: &Selection,
    ) -> Result<Vec<Option<Stored>>, StoreError> {
        read::get(self.database(), cx, resource_type, ids, selection).await
    }

    async fn query(
        &self,
        cx: &ReadContext,
        resource_type: &ResourceType,
        query: &Query,
    ) -> Result<Page, StoreError> {
        read::query(self.database(), cx, resource_type, query).await
    }

    async fn commit(&self, commits: &[Arc<Commit>]) -> Vec<Result<Committed, CommitError>> {
        if commits.is_empty() {
            return Vec::new();
        }
        // A task of its own finishes what was handed over, whether or not anybody waits for it.
        let shared = Arc::clone(&self.shared);
        let owned = commits.to_vec();
        let task = self
            .shared
            .runtime
            .spawn(async move { write::commit(&shared.database, shared.hook.as_deref(), &owned).await });
        task.await.unwrap_or_else(|error| {
            let stopped = error.to_string();
            let lost = |_| Err(StoreError::internal(stopped.as_str()).into());
            commits.iter().map(lost).collect()
        })
    }

    async fn committed(&self, tenant: &TenantId, commit: &CommitId) -> Result<bool, StoreError> {
        let mut attempts = Attempts::until(None);
        loop {
            let asked = write::committed(self.database(), tenant, commit, None).await;
            if let Some(result) = attempts.judge(asked).await {
                return result;
            }
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}
