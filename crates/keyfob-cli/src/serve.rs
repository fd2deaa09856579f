//! `keyfob serve`: SCIM 2.0 over HTTP.

mod body;
mod connection;

use std::{io::IsTerminal, net::SocketAddr, sync::Arc};

use clap::ValueEnum;
use keyfob_engine::{Actor, Context, DynStore, EmailDomain, Engine, Token};
use keyfob_http::ScimService;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use self::connection::StopSignals;
use crate::{Answer, Unusable, print, profile::NamedProfile, service::CardFormats, store::StoreUrl};

/// The arguments of `keyfob serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where resources are kept: `sqlite:PATH` or `memory:`
    #[arg(long, value_name = "URL", default_value = "sqlite:keyfob.db")]
    store: StoreUrl,
    /// The path under which SCIM is served
    #[arg(long, value_name = "PATH", default_value = "/scim/v2", value_parser = base_path)]
    base_path: String,
    /// The address, up to the base path, at which providers reach the server, if it isn't the one it listens on
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// How the server behaves where the RFC leaves a choice; without it as the store was served before, and at first as
    /// `interop`
    #[arg(long, value_enum)]
    profile: Option<NamedProfile>,
    #[command(flatten)]
    card_formats: CardFormats,
    /// An e-mail domain of the organization that the first start makes; without any, addresses may be in all
    #[arg(long = "domain", value_name = "DOMAIN")]
    domains: Vec<String>,
    /// What is logged to stderr, as in `info,keyfob_http=debug`
    #[arg(long, value_name = "FILTER", env = "KEYFOB_LOG", default_value = "info")]
    log: String,
    /// How it is logged
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// For people
    Text,
    /// For programs, an object a line
    Json,
}

/// Serves until it is told to stop.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let filter = EnvFilter::try_new(&arguments.log)
        .map_err(|error| Unusable(format!("`{}` is no log filter: {error}", arguments.log)))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match arguments.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: &Arguments) -> Result<Answer, Unusable> {
    let store = arguments.store.open()?;
    let profile = match arguments.profile {
        Some(profile) => profile,
        None => NamedProfile::of(&store).await?.unwrap_or(NamedProfile::Interop),
    };
    let engine = profile.engine(store, &arguments.card_formats)?;
    let listener = TcpListener::bind(arguments.listen)
        .await
        .map_err(|error| Unusable(format!("cannot listen on {}: {error}", arguments.listen)))?;
    let origin = format!("http://{}", listener.local_addr()?);
    profile.keep(engine.store()).await?;
    let shown = bootstrap(&engine, &arguments.domains).await?;
    let public = arguments
        .public_url
        .as_deref()
        .unwrap_or(&origin)
        .trim_end_matches('/');
    let service = ScimService::builder(Arc::new(engine))
        .base_path(&arguments.base_path)
        .organizations_at("/organizations")
        .public_url(format!("{public}{}", arguments.base_path))
        .build();
    // Whoever reads that the server listens may at once tell it to stop.
    let stop = StopSignals::catch()?;
    print(format!("listening on {origin}").as_bytes())?;
    print(format!("SCIM base URL: {public}{}", arguments.base_path).as_bytes())?;
    if let Some(token) = shown {
        print(format!("bearer token (shown once): {}", token.expose()).as_bytes())?;
    }
    connection::serve(listener, service, stop).await?;
    Ok(Answer::Done)
}

/// Gives a store without organizations its first one, and returns the token that has to be shown.
async fn bootstrap(engine: &Engine<DynStore>, domains: &[String]) -> Result<Option<Token>, Unusable> {
    if !engine.admin().organizations().await?.is_empty() {
        return Ok(None);
    }
    let chosen = std::env::var("KEYFOB_BOOTSTRAP_TOKEN")
        .ok()
        .filter(|secret| !secret.is_empty());
    let token = match &chosen {
        Some(secret) => {
            Token::chosen(secret).map_err(|error| Unusable(format!("KEYFOB_BOOTSTRAP_TOKEN: {error}")))?
        }
        None => Token::generate()?,
    };
    // What is wrong with a domain is said before there is anything.
    for domain in domains {
        domain.parse::<EmailDomain>()?;
    }
    let organization = engine.admin().create_organization("default", &token).await?;
    let cx = Context::new(organization.tenant).acting_as(Actor::OrganizationAdmin);
    for domain in domains {
        engine.admin().add_domain(&cx, domain).await?;
    }
    Ok(chosen.is_none().then_some(token))
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
