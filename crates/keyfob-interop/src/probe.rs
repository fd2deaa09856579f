//! The probe: what a SCIM server does that the RFCs don't allow, and which identity providers it hits.

mod baseline;
mod check;
mod cx;
mod hook;
mod html;
mod junit;
mod learnt;
mod report;
mod row;
mod server;
mod wire;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use keyfob_client::{Client, Transport, TransportError, UrlError};
use keyfob_core::{Clock, IdGenerator, SystemClock, UuidGenerator};
use thiserror::Error;

pub use self::{
    baseline::{Baseline, BaselineError, Changes},
    check::{Level, Severity},
    report::{Finding, Outcome, Report, Verdict},
};
use self::{
    check::{CHECKS, Check},
    cx::Run,
};

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/// A run of checks against a server.
///
/// Every check is a row of the crate's folder `checks`: its name, what a right server does, the sentence of the RFC with its section,
/// how much a departure matters, and which identity providers it hits. A run reads what the server says of itself, carries out the
/// checks that apply, and removes what it created. It needs a server that knows nothing of the probe: an organization, a tenant or a
/// test instance with a token of its own.
///
/// ```
/// use std::sync::Arc;
///
/// use keyfob_client::InProcess;
/// use keyfob_core::Registry;
/// use keyfob_http::{BearerTokens, ScimService};
/// use keyfob_interop::probe::{Probe, Severity};
/// use keyfob_provisioning::{Provisioner, Token};
/// use keyfob_store_memory::MemoryStore;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let provisioner = Provisioner::new(MemoryStore::new(), Registry::rfc().clone());
/// let token = Token::generate()?;
/// provisioner.admin().create_organization("Example", &token).await?;
/// let engine = Arc::clone(provisioner.engine());
/// let tokens = BearerTokens::new(&engine, provisioner);
/// let server = ScimService::builder(engine, tokens).base_path("/scim/v2").build();
///
/// let report = Probe::new("http://localhost/scim/v2")?
///     .bearer(token.expose())
///     .only("uniqueness")?
///     .run(&InProcess::new(server))
///     .await?;
/// assert_eq!(report.at_least(Severity::Note).count(), 0);
/// # Ok(())
/// # }
/// ```
pub struct Probe {
    pub(crate) base: String,
    token: Option<String>,
    other_token: Option<String>,
    level: Level,
    read_only: bool,
    only: Vec<String>,
    skipped: Vec<String>,
    timeout: Duration,
    run: String,
    stop: Stop,
}

/// Ends a [`Probe`] before its time, from anywhere: the run sends nothing more but what removes its resources.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the run.
    pub fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The error when a server can't be probed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The address is no base URL of a SCIM server.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// No check has this name.
    #[error("no check is called `{name}`; there are the areas {known}, and each check by its id")]
    Tag {
        /// The name.
        name: String,
        /// The areas and tags that there are.
        known: String,
    },
    /// The server can't be reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server refuses the token.
    #[error("the server refuses the token: {0}")]
    Refused(String),
    /// The host answers, and doesn't speak SCIM.
    #[error("no SCIM server answers at this address: {0}")]
    NotScim(String),
}

impl Probe {
    /// Sets up a run against the server at this base URL, the address to which `/Users` is appended.
    ///
    /// # Errors
    /// [`ProbeError::Url`] when the text is no absolute `http` or `https` URL.
    pub fn new(base_url: &str) -> Result<Self, ProbeError> {
        let client = Client::builder(base_url)?.allow_plain_text().build()?;
        Ok(Self {
            base: client.base_url().to_owned(),
            token: None,
            other_token: None,
            level: Level::default(),
            read_only: false,
            only: Vec::new(),
            skipped: Vec::new(),
            timeout: Duration::from_secs(30),
            run: run_name(),
            stop: Stop::default(),
        })
    }

    /// Sends a bearer token.
    #[must_use]
    pub fn bearer(mut self, token: &str) -> Self {
        self.token = Some(token.trim().to_owned());
        self
    }

    /// Sets the token of another tenant of the same server. Without it nothing is said of how tenants are kept apart.
    #[must_use]
    pub fn other_bearer(mut self, token: &str) -> Self {
        self.other_token = Some(token.trim().to_owned());
        self
    }

    /// Sets how far the run goes. Defaults to [`Level::Rfc`].
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Sends nothing that would change the server. Some checks then have little to look at.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Carries out these checks alone: an area such as `patch`, a tag such as `entra`, or the id of a check. Several add up.
    ///
    /// # Errors
    /// [`ProbeError::Tag`] when no check has this name.
    pub fn only(mut self, tag: &str) -> Result<Self, ProbeError> {
        self.only.push(known(tag)?);
        Ok(self)
    }

    /// Leaves checks out, by the same names.
    ///
    /// # Errors
    /// [`ProbeError::Tag`] when no check has this name.
    pub fn without(mut self, tag: &str) -> Result<Self, ProbeError> {
        self.skipped.push(known(tag)?);
        Ok(self)
    }

    /// Gives up on a request after that long. Defaults to 30 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Returns what ends the run before its time.
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Returns the word that the names of all resources of this run begin with.
    #[must_use]
    pub fn run_name(&self) -> &str {
        &self.run
    }

    /// Returns the path behind the base URL of an address that the server gave, absolute or relative (RFC 7643 section 2.3.7).
    fn path_of<'l>(&self, location: &'l str) -> Option<&'l str> {
        let below = |base: &str| location.strip_prefix(base).filter(|path| path.starts_with('/'));
        if location.contains("://") {
            return below(&self.base);
        }
        let (_, rest) = self.base.split_once("://")?;
        let path = rest
            .find('/')
            .and_then(|start| rest.get(start..))
            .unwrap_or_default();
        below(path)
    }

    /// Carries out the checks, one after the other, and removes what they created.
    ///
    /// # Errors
    /// [`ProbeError`] when there is nothing to probe: the server can't be reached, refuses the token, or speaks no SCIM. Nothing that
    /// a check meets ends the run.
    pub async fn run<X: Transport>(self, transport: &X) -> Result<Report, ProbeError> {
        let run = Run::begin(&self, transport).await?;
        Ok(run.checks().await)
    }

    /// Returns true if a check is to be carried out.
    fn is_wanted(&self, check: &Check) -> bool {
        let named = |tags: &[String]| tags.iter().any(|tag| check.is_tagged(tag));
        // Who names a check wants it, whatever its level.
        let wanted = if self.only.is_empty() {
            check.level <= self.level
        } else {
            named(&self.only) && (check.level <= self.level || self.only.contains(&check.id))
        };
        wanted && !named(&self.skipped)
    }
}

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Probe")
            .field("base", &self.base)
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

/// Returns a word that no other run has. It is in lower case, as filters of servers that take account of case want it.
fn run_name() -> String {
    let id = UuidGenerator::new().next_id(SystemClock::new().now());
    // Its last digits are random.
    let digits: Vec<char> = id.as_str().chars().rev().take(8).collect();
    format!("kfp{}", digits.into_iter().collect::<String>())
}

fn known(tag: &str) -> Result<String, ProbeError> {
    if CHECKS.iter().any(|check| check.is_tagged(tag)) {
        return Ok(tag.to_owned());
    }
    Err(ProbeError::Tag {
        name: tag.to_owned(),
        known: check::tags().join(", "),
    })
}
