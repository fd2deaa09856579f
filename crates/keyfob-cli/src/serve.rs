//! `keyfob serve`: SCIM 2.0 over HTTP.

mod body;
mod connection;
mod first_start;
mod services;
mod stop;

use std::io::IsTerminal;

use clap::ValueEnum;
use keyfob_http::PublicUrl;
use keyfob_provisioning::Token;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use self::{
    first_start::{BOOTSTRAP_TOKEN, FirstStart},
    services::{Provisioners, Services},
    stop::StopSignals,
};
use crate::{
    Answer, Unusable, definitions::DefinitionFiles, output, profile::NamedProfile, service::CardFormats,
    store::StoreUrl,
};

/// The arguments of `keyfob serve`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The first start links the first organization of the store, and creates `default` where there is \
none. Its bearer token is printed once, or is the one in the environment variable KEYFOB_BOOTSTRAP_TOKEN, of at least 32 \
characters, which is not printed. Later starts may repeat the values of the first; others are refused."
)]
pub(crate) struct Arguments {
    /// The address to listen on, as in `127.0.0.1:8080` or `localhost:8080`; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Where resources are kept: `sqlite:PATH`, `memory:`, or `postgres://USER@HOST/DATABASE` with the password in
    /// PGPASSWORD
    #[arg(long, value_name = "URL", default_value = "sqlite:keyfob.db")]
    store: StoreUrl,
    /// The path under which SCIM is served
    #[arg(long, value_name = "PATH", default_value = "/scim/v2", value_parser = base_path)]
    base_path: String,
    /// The address at which providers reach the server, up to the base path or with the whole of it, if it isn't the
    /// one that it listens on; like `https://id.example.com`
    #[arg(long, value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// The profile of the organization that the first start creates: how the server behaves where the RFC leaves a
    /// choice [default: that of the store's first organization, or interop]
    #[arg(long, value_enum)]
    profile: Option<NamedProfile>,
    #[command(flatten)]
    card_formats: CardFormats,
    #[command(flatten)]
    definitions: DefinitionFiles,
    /// An e-mail domain of the organization that the first start links; without any, addresses may be in all
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
        .map_err(|error| Unusable::new(format!("`{}` is no log filter: {error}", arguments.log)))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(output::stderr)
        .with_ansi(output::stderr().is_terminal());
    match arguments.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(arguments))
}

async fn serve(arguments: &Arguments) -> Result<Answer, Unusable> {
    // All that is wrong with the arguments is said before anything is stored.
    let first_start = FirstStart {
        profile: arguments.profile,
        token: chosen_token()?,
        domains: arguments
            .domains
            .iter()
            .map(|domain| domain.parse())
            .collect::<Result<_, _>>()?,
    };
    if let Some(url) = &arguments.public_url {
        url.check_base_path(&arguments.base_path)
            .map_err(|error| Unusable::new(format!("`--public-url {url}`: {error}")))?;
    }
    let definitions = arguments.definitions.read()?;
    let listener = TcpListener::bind(&arguments.listen)
        .await
        .map_err(|error| Unusable::new(format!("cannot listen on {}: {error}", arguments.listen)))?;
    let store = arguments.store.open_or_create_for(&definitions).await?;
    let provisioners = Provisioners::new(&store, &arguments.card_formats, &definitions)?;
    let origin = format!("http://{}", listener.local_addr()?);
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
    let services = Services::new(provisioners, |service| {
        service
            .base_path(&arguments.base_path)
            .tenants_at("/organizations")
            .public_url(public_url.clone())
    });
    // Whoever reads that the server listens may at once tell it to stop.
    let stop = StopSignals::catch()?;
    output::line(&format!("listening on {origin}"))?;
    output::line(&format!("SCIM base URL: {base_url}"))?;
    if let Some(token) = shown {
        output::line(&format!("bearer token (shown once): {}", token.expose()))?;
    }
    let profiles: Vec<_> = profiles.iter().map(|profile| profile.name()).collect();
    output::line(&format!("profile: {}", profiles.join(", ")))?;
    output::line(&format!("store: {}", arguments.store))?;
    connection::serve(listener, services, stop).await?;
    Ok(Answer::Done)
}

/// The token that the operator has chosen for the first start.
fn chosen_token() -> Result<Option<Token>, Unusable> {
    let chosen = std::env::var(BOOTSTRAP_TOKEN)
        .ok()
        .filter(|secret| !secret.is_empty());
    let token = chosen.map(|secret| Token::chosen(&secret)).transpose();
    token.map_err(|error| Unusable::new(format!("{BOOTSTRAP_TOKEN}: {error}")))
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
