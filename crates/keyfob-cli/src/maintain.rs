//! `keyfob backup`, `keyfob restore` and `keyfob check`: a store in its operator's hands.

use std::path::{Path, PathBuf};

use keyfob_core::{Registry, schema::RegistryBuilder};
use keyfob_engine::{DynStore, Maintenance, TenantId, engine::unique_keys};
use keyfob_provisioning::{Organization, Profile};
use keyfob_store::Finding;
use keyfob_store_sqlite as sqlite;

use crate::{
    Answer, Unusable,
    definitions::{DefinitionFiles, Definitions},
    output,
    profile::NamedProfile,
    service::CardFormats,
    store::StoreUrl,
};

/// The store that a command is about.
#[derive(Debug, clap::Args)]
pub(crate) struct Store {
    /// Where resources are kept: `sqlite:PATH`, or `postgres://USER@HOST/DATABASE` with the password in PGPASSWORD
    #[arg(
        long,
        value_name = "URL",
        env = "KEYFOB_STORE",
        hide_env_values = true,
        default_value = "sqlite:keyfob.db"
    )]
    store: StoreUrl,
}

/// The arguments of `keyfob backup`.
#[derive(Debug, clap::Args)]
pub(crate) struct BackupArguments {
    /// The file to write, which must not exist; its owner alone may read it
    file: PathBuf,
    #[command(flatten)]
    store: Store,
}

/// The arguments of `keyfob restore`.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArguments {
    /// A file that `keyfob backup` has written
    file: PathBuf,
    #[command(flatten)]
    store: Store,
}

/// The arguments of `keyfob check`.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    store: Store,
    #[command(flatten)]
    definitions: DefinitionFiles,
}

impl Store {
    /// Returns the URL of the store.
    pub(crate) fn url(&self) -> &StoreUrl {
        &self.store
    }

    /// Returns the file of the database, for what is done to a file. `instead` is what PostgreSQL has for it.
    fn file(&self, instead: &str) -> Result<&Path, Unusable> {
        self.store.demand_lasting()?;
        self.store.file().ok_or_else(|| {
            Unusable::new(format!(
                "this is for SQLite; a PostgreSQL database has tools of its own: {instead}"
            ))
        })
    }
}

/// Copies a store while servers write to it.
pub(crate) fn backup(arguments: &BackupArguments) -> Result<Answer, Unusable> {
    let database = arguments
        .store
        .file("`pg_dump --format=custom --file=FILE DATABASE`")?;
    sqlite::backup(database, &arguments.file)?;
    output::line(&format!("{}", arguments.file.display()))?;
    Ok(Answer::Done)
}

/// Puts a copy where there is no store.
pub(crate) fn restore(arguments: &RestoreArguments) -> Result<Answer, Unusable> {
    let database = arguments.store.file("`pg_restore --dbname=DATABASE FILE`")?;
    match sqlite::restore(&arguments.file, database) {
        Err(error @ sqlite::CopyError::Exists { .. }) => Err(Unusable::new(format!(
            "{error}; stop the server, move the database and its `-wal` and `-shm` files away, and try again"
        ))),
        outcome => Ok(outcome.map(|()| Answer::Done)?),
    }
}

/// Checks a store and prints what is wrong.
pub(crate) fn check(arguments: &CheckArguments) -> Result<Answer, Unusable> {
    let store = &arguments.store.store;
    store.demand_lasting()?;
    let definitions = arguments.definitions.read()?;
    let mut faults = Vec::new();
    if let Some(file) = store.file() {
        faults.extend(sqlite::integrity(file)?);
    }
    // What is damaged can't be read any further.
    if faults.is_empty() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(check_resources(store, &definitions, &mut faults))?;
    }
    for fault in &faults {
        output::line(fault)?;
    }
    if faults.is_empty() {
        output::line("ok")?;
        return Ok(Answer::Done);
    }
    Ok(Answer::Negative)
}

/// Checks that what follows from documents is what is stored, of every organization.
async fn check_resources(
    store: &StoreUrl,
    definitions: &Definitions,
    faults: &mut Vec<String>,
) -> Result<(), Unusable> {
    let store = store.open_for(definitions).await?;
    let any = NamedProfile::Interop.provisioner(store.clone(), &CardFormats::default())?;
    let organizations = any.admin().organizations().await?;
    // A server erases them within two hours.
    let erased = any.admin().tenants_to_erase().await?;
    let registry = keyfob_access::register(definitions.add_to(RegistryBuilder::verkada())).build()?;
    for organization in &organizations {
        let profile = NamedProfile::of(organization)?.profile();
        check_organization(&store, organization, &registry, &profile, faults).await?;
    }
    let mut after = None;
    loop {
        let tenants = store.tenants(after.as_ref(), TENANTS).await?;
        for tenant in &tenants {
            let is_known = organizations
                .iter()
                .any(|organization| organization.tenant == *tenant);
            if *tenant != TenantId::SYSTEM && !is_known && !erased.contains(tenant) {
                faults.push(format!("the tenant `{tenant}` belongs to no organization"));
            }
        }
        match tenants.last() {
            Some(last) if tenants.len() == TENANTS => after = Some(last.clone()),
            _ => return Ok(()),
        }
    }
}

/// The number of tenants that are listed at once.
const TENANTS: usize = 1_000;

async fn check_organization(
    store: &DynStore,
    organization: &Organization,
    registry: &Registry,
    profile: &Profile,
    faults: &mut Vec<String>,
) -> Result<(), Unusable> {
    for resource_type in registry.resource_types() {
        let (of_type, protocol) = (resource_type.clone(), profile.protocol.clone());
        let is_exposed = resource_type.is_exposed();
        let keys = move |stored: &keyfob_engine::Stored| {
            // Keys that rules add are theirs to check.
            if stored.is_hidden() || !is_exposed {
                return Vec::new();
            }
            unique_keys(&of_type, &stored.resource, &protocol)
        };
        for finding in store.check(&organization.tenant, resource_type, &keys).await? {
            let (name, of) = (&organization.name, resource_type.name());
            faults.push(format!("{name}, {of}: {}", told(&finding)));
        }
    }
    Ok(())
}

/// A finding in words, with ids and without values.
fn told(finding: &Finding) -> String {
    match finding {
        Finding::Collision { resource, key, owner } => {
            format!(
                "`{resource}` doesn't hold its `{}`, which `{owner}` has",
                key.attribute
            )
        }
        Finding::Unreserved { resource, key } => {
            format!("`{resource}` doesn't hold its `{}`", key.attribute)
        }
        Finding::Unindexed { resource } => format!("the index doesn't say what `{resource}` says"),
        Finding::Miscounted { kept, counted } => {
            format!("{kept} resources are counted, and there are {counted}")
        }
        Finding::Unreadable { resource, reason } => format!("`{resource}` can't be read: {reason}"),
        other => format!("{other:?}"),
    }
}
