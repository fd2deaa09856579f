//! `keyfob serve`: SCIM 2.0 over HTTP.

mod administration;
mod answer;
mod background;
mod body;
mod connection;
#[cfg(feature = "tls")]
mod exchange;
mod explain;
mod failures;
mod first_start;
mod front;
mod health;
mod metrics;
mod proxy;
mod record;
mod services;
mod share;
pub(crate) mod stop;
mod stream;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "serve/no_tls.rs"]
mod tls;
mod webhooks;

use std::{
    io::IsTerminal,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use clap::{
    ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use keyfob_admin::AdminSecret;
use keyfob_engine::{DynStore, Feature, Limits};
use keyfob_http::{PublicUrl, ScimServiceBuilder};
use keyfob_provisioning::{Provisioner, RequestLog, Token};
use tokio::{net::TcpListener, runtime::Handle};
use tracing_subscriber::EnvFilter;

use self::{
    administration::{ADMIN_TOKEN, Administrators},
    background::Background,
    connection::Listeners,
    failures::Failures,
    first_start::{BOOTSTRAP_TOKEN, FirstStart},
    front::Front,
    health::{DatabaseFile, Health},
    metrics::Counters,
    proxy::{Network, Proxies},
    services::{Provisioners, Services},
    share::{ShareLimits, Shares},
    stop::{HangUp, StopSignals},
    tls::{Handshakes, Tls, TlsArguments},
};
use crate::{
    Answer, Unusable,
    definitions::{DefinitionFiles, Definitions},
    input, output,
    profile::NamedProfile,
    service::CardFormats,
    store::StoreUrl,
    time,
};

/// The arguments of `keyfob serve`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The first start links the first organization of the store, and creates `default` where there is \
none. Its bearer token is printed once, or is the one in the environment variable KEYFOB_BOOTSTRAP_TOKEN, of at least 32 \
characters and 10 different ones, which is not printed. Later starts may repeat the values of the first; others are refused."
)]
pub(crate) struct Arguments {
    /// The address to listen on, as in `127.0.0.1:8080` or `localhost:8080`; port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "KEYFOB_LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    listen: String,
    /// Where resources are kept: `sqlite:PATH`, `memory:`, or `postgres://USER@HOST/DATABASE` with the password in
    /// PGPASSWORD
    #[arg(
        long,
        value_name = "URL",
        env = "KEYFOB_STORE",
        hide_env_values = true,
        default_value = "sqlite:keyfob.db"
    )]
    store: StoreUrl,
    /// The address of a second port for operators, with `/metrics`, `/livez` and `/readyz`; without it there is none
    #[arg(long, value_name = "ADDRESS", env = "KEYFOB_ADMIN_LISTEN")]
    admin_listen: Option<String>,
    #[command(flatten)]
    tls: TlsArguments,
    /// The address or network of a proxy in front, whose `X-Request-Id` and `X-Forwarded-For` are believed; may be given
    /// several times
    #[arg(
        long = "trusted-proxy",
        value_name = "ADDRESS",
        env = "KEYFOB_TRUSTED_PROXY",
        value_delimiter = ','
    )]
    trusted_proxies: Vec<Network>,
    /// The path under which SCIM is served
    #[arg(long, value_name = "PATH", env = "KEYFOB_BASE_PATH", default_value = "/scim/v2", value_parser = base_path)]
    base_path: String,
    /// The address at which providers reach the server, up to the base path or with the whole of it, if it isn't the
    /// one that it listens on; like `https://id.example.com`
    #[arg(long, value_name = "URL", env = "KEYFOB_PUBLIC_URL")]
    public_url: Option<PublicUrl>,
    /// The profile of the organization that the first start creates: how the server behaves where the RFC leaves a
    /// choice [default: that of the store's first organization, or interop]
    #[arg(long, value_enum, env = "KEYFOB_PROFILE")]
    profile: Option<NamedProfile>,
    /// A feature to leave out, by its name in `/ServiceProviderConfig`: requests for it are refused, and nothing tells of it.
    /// May be given several times
    #[arg(
        long = "without",
        value_name = "FEATURE",
        env = "KEYFOB_WITHOUT",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(names()).try_map(|name: String| name.parse::<Feature>()),
        ignore_case = true
    )]
    left_out: Vec<Feature>,
    /// The requests that an organization may send in a second, as many at once and so many on average; more are answered 429.
    /// Without it the organizations share what the server has, and no number bounds them
    #[arg(long, value_name = "NUMBER", env = "KEYFOB_REQUESTS_PER_SECOND", value_parser = rate)]
    requests_per_second: Option<NonZeroU32>,
    /// For how long events are kept, such as 400d or 12h, for auditors and for consumers that read them late; `forever` removes
    /// none
    #[arg(long, value_name = "TIME", env = "KEYFOB_KEEP_EVENTS", default_value = "400d", value_parser = kept)]
    keep_events: Kept,
    /// Deliver webhooks to addresses of this machine, too, for development; without it to addresses of the public internet alone
    #[arg(long, env = "KEYFOB_LOOPBACK_WEBHOOKS")]
    loopback_webhooks: bool,
    #[command(flatten)]
    card_formats: CardFormats,
    #[command(flatten)]
    definitions: DefinitionFiles,
    /// An e-mail domain of the organization that the first start links; without any, addresses may be in all
    #[arg(
        long = "domain",
        value_name = "DOMAIN",
        env = "KEYFOB_DOMAIN",
        value_delimiter = ','
    )]
    domains: Vec<String>,
    /// A file with the token of the first start, in place of the variable `KEYFOB_BOOTSTRAP_TOKEN`, which other processes may see
    #[arg(long, value_name = "FILE", env = "KEYFOB_BOOTSTRAP_TOKEN_FILE")]
    bootstrap_token_file: Option<PathBuf>,
    /// A file with the first token of the administration, in place of the variable `KEYFOB_ADMIN_TOKEN`
    #[arg(long, value_name = "FILE", env = "KEYFOB_ADMIN_TOKEN_FILE")]
    admin_token_file: Option<PathBuf>,
    /// A file with the password of a PostgreSQL store, in place of the variable PGPASSWORD
    #[arg(long, value_name = "FILE", env = "KEYFOB_STORE_PASSWORD_FILE")]
    store_password_file: Option<PathBuf>,
    /// A file with settings (TOML): the names of these options, without the dashes before them. Options and variables come
    /// before what it says
    #[arg(long, value_name = "FILE", env = "KEYFOB_CONFIG")]
    config: Option<PathBuf>,
    /// What is logged to stderr, as in `info,keyfob_http=debug`
    #[arg(long, value_name = "FILTER", env = "KEYFOB_LOG", default_value = "info")]
    log: String,
    /// How it is logged
    #[arg(long, value_enum, env = "KEYFOB_LOG_FORMAT", default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// For programs, an object a line
    Json,
}

/// The time for which something is kept; none for ever.
#[derive(Clone, Copy, Debug)]
struct Kept(Option<Duration>);

/// The longest time for which events are kept, unless it is for ever: a hundred years.
const LONGEST_KEPT: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

fn kept(text: &str) -> Result<Kept, String> {
    if text == "forever" {
        return Ok(Kept(None));
    }
    time::parse(text, LONGEST_KEPT).map(|time| Kept(Some(time)))
}

/// Serves until it is told to stop.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let filter = EnvFilter::try_new(&arguments.log)
        .map_err(|error| Unusable::new(format!("`{}` is no log filter: {error}", arguments.log)))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(output::stderr)
        .with_ansi(output::stderr().is_terminal());
    match arguments.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    // Two, so that no request holds up accepting connections and answering probes.
    let processors = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).get();
    let connections = runtime("connections", processors)?;
    let workers = runtime("workers", processors * WORKERS)?;
    let ended = connections.block_on(serve(arguments, workers.handle().clone()));
    // What is still running was given up.
    workers.shutdown_background();
    connections.shutdown_background();
    ended
}

/// The threads that do the work, for each processor. A request whose body is large or whose answer is keeps one of them for tens of
/// milliseconds; the others then share the processors with it, and a brief request doesn't wait for its end.
const WORKERS: usize = 4;

fn runtime(name: &str, threads: usize) -> Result<tokio::runtime::Runtime, Unusable> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder
        .worker_threads(threads)
        .thread_name(name)
        .enable_all()
        .build()?)
}

async fn serve(arguments: &Arguments, workers: Handle) -> Result<Answer, Unusable> {
    // Before anything that takes time, as bringing a store up to date may: one that comes early is answered later.
    let hang_up = HangUp::catch()?;
    // All that is wrong with the arguments is said before anything is stored.
    let first_start = arguments.first_start()?;
    let admin_token = arguments.chosen_admin_token()?;
    arguments.check()?;
    let tls = arguments.tls.read()?;
    let definitions = arguments.definitions.read()?;
    let (public, admin) = arguments.bind().await?;
    let store = arguments.open_store(&definitions).await?;
    let file = arguments.store.file().map(DatabaseFile::of).transpose()?;
    let counters = admin.is_some().then(Counters::new);
    let store = match &counters {
        Some(counters) => counters.count(store),
        None => store,
    };
    let provisioners = Provisioners::new(&store, &arguments.card_formats, &definitions)?;
    let address = public.local_addr()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let origin = format!("{scheme}://{address}");
    let admin_address = admin.as_ref().map(TcpListener::local_addr).transpose()?;
    let admin_origin = admin_address.map(|address| format!("{scheme}://{address}"));
    let profiles = match provisioners.profiles().await?.as_slice() {
        [] => vec![first_start.profile()],
        profiles => profiles.to_vec(),
    };
    arguments.card_formats.check(&profiles)?;
    let shown = first_start.perform(&provisioners).await?;
    let public_url = match &arguments.public_url {
        Some(url) => url.clone(),
        None => origin.parse()?,
    };
    let base_url = public_url.with_base_path(&arguments.base_path);
    let health = Health::new(Arc::clone(provisioners.any().engine()), file);
    let body_limit = ScimServiceBuilder::<DynStore>::BODY_LIMIT;
    let share_limits = ShareLimits {
        rate: arguments.requests_per_second,
        ..ShareLimits::default()
    };
    let shares = Arc::new(Shares::new(share_limits, body_limit));
    let provisioner = provisioners.any().clone();
    let requests = Arc::new(RequestLog::new(Arc::clone(provisioner.engine())));
    let failures = Arc::new(Failures::new());
    let (administrators, first_admin) = Administrators::start(
        admin_origin.as_deref(),
        admin_token,
        &provisioners,
        &failures,
        base_url.as_ref(),
        arguments.loopback_webhooks,
    )
    .await?;
    let services = Services::new(provisioners, Arc::clone(&failures), |service| {
        let left_out = arguments.left_out.iter().copied();
        let service = left_out
            .fold(service, ScimServiceBuilder::without)
            .base_path(&arguments.base_path)
            .tenants_at("/organizations")
            .public_url(public_url.clone())
            .body_limit(body_limit)
            // The front takes it away from everybody but proxies.
            .request_ids_from_header()
            .facing_clients()
            .gzip()
            .admission(Arc::clone(&shares))
            .recorder(requests.clone())
            .security_events(Background(workers.clone()));
        match &counters {
            Some(counters) => service.metrics(counters.requests.clone()),
            None => service,
        }
    });
    let front = Arc::new(Front {
        services,
        administrators,
        health,
        metrics: counters.map(|counters| counters.finish(&shares, &failures)),
        proxies: Proxies::new(&arguments.trusted_proxies),
        shares,
        workers: workers.clone(),
        busy: Arc::default(),
    });
    match &tls {
        None => warn_of_plain_text([Some(&public), admin.as_ref()])?,
        Some(_) => warn_of_plain_addresses(&public_url),
    }
    // Whoever reads that the server listens may at once tell it to stop.
    let stop = StopSignals::catch()?;
    let tls = start_tls(tls, hang_up);
    output::line(&format!("listening on {origin}"))?;
    output::line(&format!("SCIM base URL: {base_url}"))?;
    announce(shown.as_ref(), &profiles, arguments)?;
    administration::announce(scheme, admin.as_ref(), first_admin)?;
    tell_limits(provisioner.engine().limits(), share_limits, body_limit);
    arguments.start_work(&workers, &requests, &provisioner);
    let cut = connection::serve(Listeners { public, admin, tls }, front, stop).await;
    record::finish(&requests, &provisioner).await;
    Ok(if cut == 0 { Answer::Done } else { Answer::Negative })
}

fn announce(shown: Option<&Token>, profiles: &[NamedProfile], arguments: &Arguments) -> Result<(), Unusable> {
    if let Some(token) = shown {
        output::line(&format!("bearer token (shown once): {}", token.expose()))?;
    }
    let profiles: Vec<_> = profiles.iter().map(|profile| profile.name()).collect();
    output::line(&format!("profile: {}", profiles.join(", ")))?;
    output::line(&format!("store: {}", arguments.store))?;
    Ok(())
}

async fn listen(address: &str) -> Result<TcpListener, Unusable> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Unusable::new(format!("cannot listen on {address}: {error}")))
}

/// Writes the limits that are in force to the log.
fn tell_limits(limits: &Limits, shares: ShareLimits, body: usize) {
    tracing::info!(
        body_bytes = body,
        work = ?limits.time,
        bulk_work = ?limits.bulk_time,
        bulk_operations = limits.bulk_operations,
        query_steps = limits.steps,
        patch_steps = limits.patch_steps,
        page = limits.page,
        page_bytes = limits.page_bytes,
        resource_bytes = limits.document_bytes,
        tenant_running = shares.running,
        tenant_waiting = shares.waiting,
        tenant_requests_per_second = shares.rate.map(NonZeroU32::get),
        "limits"
    );
}

/// Starts TLS where there is a certificate. Without one, a signal to read it again is answered by the log.
#[cfg_attr(
    not(feature = "tls"),
    expect(unreachable_code, reason = "without the feature nobody has a `Tls`")
)]
fn start_tls(tls: Option<Tls>, hang_up: HangUp) -> Option<Handshakes> {
    if let Some(tls) = tls {
        return Some(tls.start(hang_up));
    }
    tokio::spawn(hang_up.decline());
    None
}

/// Warns of answers that name addresses without TLS where the ports speak it.
fn warn_of_plain_addresses(public_url: &PublicUrl) {
    if public_url.as_str().starts_with("http:") {
        tracing::warn!(%public_url, "the ports speak TLS, and answers name addresses without it: give an `https` address");
    }
}

/// Warns of ports whose connections others can read.
fn warn_of_plain_text(listeners: [Option<&TcpListener>; 2]) -> Result<(), Unusable> {
    for listener in listeners.into_iter().flatten() {
        let address = listener.local_addr()?;
        if !address.ip().is_loopback() {
            tracing::warn!(
                %address,
                "tokens cross the network as they are: give a certificate with `--tls-certificate` and `--tls-key`, or serve on a \
                 loopback address behind a proxy that speaks TLS (RFC 7644 section 7.4)"
            );
        }
    }
    Ok(())
}

impl Arguments {
    /// The values that the start is given for the first organization.
    fn first_start(&self) -> Result<FirstStart, Unusable> {
        let domains = self.domains.iter().map(|domain| domain.parse());
        Ok(FirstStart {
            profile: self.profile,
            token: self.chosen_token()?,
            domains: domains.collect::<Result<_, _>>()?,
        })
    }

    /// Opens the store, or creates it.
    async fn open_store(&self, definitions: &Definitions) -> Result<DynStore, Unusable> {
        let store = match &self.store_password_file {
            Some(path) => self.store.clone().with_password(&secret(path)?)?,
            None => self.store.clone(),
        };
        store.open_or_create_for(definitions).await
    }

    /// Starts what the server does by itself.
    fn start_work(
        &self,
        workers: &Handle,
        requests: &Arc<RequestLog<DynStore>>,
        provisioner: &Provisioner<DynStore>,
    ) {
        let engine = Arc::clone(provisioner.engine());
        workers.spawn(webhooks::deliver(engine, self.loopback_webhooks));
        let Kept(events_kept) = self.keep_events;
        workers.spawn(record::keep(
            Arc::clone(requests),
            provisioner.clone(),
            events_kept,
        ));
    }

    /// Opens the ports.
    async fn bind(&self) -> Result<(TcpListener, Option<TcpListener>), Unusable> {
        let public = listen(&self.listen).await?;
        match &self.admin_listen {
            Some(address) => Ok((public, Some(listen(address).await?))),
            None => Ok((public, None)),
        }
    }

    /// Refuses arguments that don't go together.
    pub(crate) fn check(&self) -> Result<(), Unusable> {
        self.tls.check()?;
        if let Some(url) = &self.public_url {
            url.check_base_path(&self.base_path)
                .map_err(|error| Unusable::new(format!("`--public-url {url}`: {error}")))?;
        }
        if self.admin_token_file.is_some() && self.admin_listen.is_none() {
            return Err(Unusable::new(
                "`--admin-token-file`: there is no administration without `--admin-listen`",
            ));
        }
        let is_left_out = |feature| self.left_out.contains(&feature);
        if is_left_out(Feature::IndexPagination) && is_left_out(Feature::CursorPagination) {
            return Err(Unusable::new(
                "`--without`: a list needs pagination.index or pagination.cursor for its second page",
            ));
        }
        Ok(())
    }

    /// The token that the operator has chosen for the first start.
    fn chosen_token(&self) -> Result<Option<Token>, Unusable> {
        let file = self.bootstrap_token_file.as_deref();
        let Some((secret, origin)) = given(BOOTSTRAP_TOKEN, file, "--bootstrap-token-file")? else {
            return Ok(None);
        };
        let token = Token::chosen(&secret);
        token
            .map(Some)
            .map_err(|error| Unusable::new(format!("{origin}: {error}")))
    }

    /// The first token of the administration that the operator has chosen.
    fn chosen_admin_token(&self) -> Result<Option<AdminSecret>, Unusable> {
        // Without an administration the variable is for `keyfob admin --server`.
        if self.admin_listen.is_none() {
            return Ok(None);
        }
        let file = self.admin_token_file.as_deref();
        let Some((secret, origin)) = given(ADMIN_TOKEN, file, "--admin-token-file")? else {
            return Ok(None);
        };
        let token = AdminSecret::chosen(&secret);
        token
            .map(Some)
            .map_err(|error| Unusable::new(format!("{origin}: {error}")))
    }
}

/// Returns the secret that a variable or a file gives, and which of them does.
fn given(variable: &str, file: Option<&Path>, option: &str) -> Result<Option<(String, String)>, Unusable> {
    let of_variable = std::env::var(variable).ok().filter(|secret| !secret.is_empty());
    match (file, of_variable) {
        (Some(_), Some(_)) => Err(Unusable::new(format!(
            "a token is given twice: unset {variable}, or leave `{option}` out"
        ))),
        (Some(path), None) => Ok(Some((secret(path)?, path.display().to_string()))),
        (None, Some(secret)) => Ok(Some((secret, variable.to_owned()))),
        (None, None) => Ok(None),
    }
}

/// The secret in a file, without the line feed at its end.
fn secret(path: &Path) -> Result<String, Unusable> {
    let text = input::read(path)?;
    let text = String::from_utf8(text).map_err(|_| Unusable::new("a secret is text").within(path))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn rate(text: &str) -> Result<NonZeroU32, String> {
    let number: u32 = text.parse().map_err(|error| format!("{error}"))?;
    NonZeroU32::new(number).ok_or_else(|| "at least 1; leave it out for no limit".into())
}

/// The names of the features that can be left out.
fn names() -> Vec<&'static str> {
    let offered = Feature::ALL.into_iter().filter(|feature| feature.is_supported());
    offered.map(Feature::name).collect()
}

/// A base path starts with a slash and has none at its end; the root is the empty path.
fn base_path(text: &str) -> Result<String, String> {
    let trimmed = text.trim_end_matches('/');
    let legal = trimmed
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'%'));
    if legal && (trimmed.is_empty() || trimmed.starts_with('/')) {
        Ok(trimmed.into())
    } else {
        Err("a base path is like `/scim/v2`".into())
    }
}
