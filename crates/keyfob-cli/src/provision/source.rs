//! The source that the arguments name.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use http::request::Parts;
use keyfob_client::{BlockingTransport, Client, InProcess, Request, Transport, TransportError};
use keyfob_core::Registry;
use keyfob_engine::{AuthenticationScheme, Caller, DynStore, TenantId};
use keyfob_http::{RequestAuthenticator, RequestAuthenticatorError, ScimService};
use keyfob_mapping::ObjectMapping;
use keyfob_sync::{
    Kind,
    source::{CsvSource, GraphSource, JsonSource, LdifSource, ObjectSource, ScimSource},
};
use tokio::runtime::Runtime;

use super::target::Reach;
use crate::{
    Unusable, client, definitions::DefinitionFiles, output, profile::NamedProfile, service::CardFormats,
    store::StoreUrl,
};

/// The environment variable with the token of a source.
const TOKEN: &str = "KEYFOB_SOURCE_TOKEN";

/// The arguments by which a source that is a server or a store is reached.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceWay {
    /// A file that holds the bearer token of the server that is the source; without it, `KEYFOB_SOURCE_TOKEN` has it
    #[arg(long, value_name = "FILE")]
    source_token_file: Option<PathBuf>,
    /// A preset for the server that is the source, as --preset is for the target
    #[arg(long, value_name = "NAME|FILE")]
    source_preset: Option<String>,
    /// The organization of the store that is the source, by its name or id
    #[arg(long, value_name = "NAME", default_value = "default")]
    source_org: String,
    #[command(flatten)]
    definitions: DefinitionFiles,
}

impl SourceWay {
    /// Returns the files that are read.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let preset = self.source_preset.as_deref().map(Path::new);
        self.source_token_file.as_deref().into_iter().chain(preset)
    }
}

/// Returns the files of a source, of whichever form.
pub(super) fn files(source: &str) -> impl Iterator<Item = &Path> {
    let (form, rest) = source.split_once(':').unwrap_or_default();
    let files = match form {
        "scim" => "",
        "keyfob" => rest.strip_prefix("sqlite:").unwrap_or_default(),
        _ => rest,
    };
    files.split(',').filter(|file| !file.is_empty()).map(Path::new)
}

/// Returns the source that a text names. A server or a store is read at once, of what the mappings make something.
pub(crate) fn open(
    text: &str,
    mappings: &[ObjectMapping],
    from: &SourceWay,
    reach: &Reach,
) -> Result<Box<dyn ObjectSource>, Unusable> {
    let unknown = || {
        Unusable::new(format_args!(
            "`{text}` names no source; it starts with `csv:`, `ldif:`, `ndjson:` or `graph:`, and files follow, or with \
             `scim:` and an address, or with `keyfob:` and a store"
        ))
    };
    let (form, rest) = text.split_once(':').ok_or_else(unknown)?;
    match form {
        "scim" => return Ok(Box::new(of_server(rest, mappings, from, reach)?)),
        "keyfob" => return Ok(Box::new(of_store(rest, mappings, from)?)),
        _ => {}
    }
    let files: Vec<&Path> = rest.split(',').map(Path::new).collect();
    if files.iter().any(|file| file.as_os_str().is_empty()) {
        return Err(Unusable::new(format_args!(
            "a file of the source `{text}` has no name"
        )));
    }
    let many = |most: usize| Unusable::new(format_args!("`{form}:` takes at most {most} files"));
    match (form, files.as_slice()) {
        ("csv", [users]) => Ok(Box::new(CsvSource::new(*users))),
        ("csv", [users, groups]) => Ok(Box::new(CsvSource::new(*users).groups(*groups))),
        ("csv", [users, groups, members]) => Ok(Box::new(
            CsvSource::new(*users).groups(*groups).memberships(*members),
        )),
        ("csv", _) => Err(many(3)),
        ("ldif", [file]) => Ok(Box::new(LdifSource::new(*file))),
        ("ldif", _) => Err(many(1)),
        ("ndjson", [_, _, _, ..]) => Err(many(2)),
        ("ndjson", files) => {
            let mut source = JsonSource::new();
            for (file, kind) in files.iter().zip([Kind::User, Kind::Group]) {
                source = source.file(file, Some(kind))?;
            }
            Ok(Box::new(source))
        }
        ("graph", files) => {
            let mut source = JsonSource::new();
            for file in files {
                source = source.file(file, None)?;
            }
            Ok(Box::new(GraphSource::of(source)?))
        }
        _ => Err(unknown()),
    }
}

/// Returns the kinds of which the mappings make something: nothing else is asked of a server.
fn kinds(mappings: &[ObjectMapping]) -> Vec<Kind> {
    let registry = Registry::rfc();
    let is_made = |kind: &Kind| {
        let resource_type = registry.resource_type(kind.as_str());
        resource_type.is_some_and(|of| mappings.iter().any(|mapping| mapping.makes(of)))
    };
    Kind::ALL.into_iter().filter(is_made).collect()
}

fn of_server(
    url: &str,
    mappings: &[ObjectMapping],
    from: &SourceWay,
    reach: &Reach,
) -> Result<ScimSource, Unusable> {
    let token = client::token_of(from.source_token_file.as_deref(), TOKEN)?;
    let client = reach.client(url, token.as_deref(), "source", None)?;
    let unreachable = |error| Unusable::new(format_args!("the source can't be asked: {error}"));
    let mut server = client.discover().call().map_err(unreachable)?;
    if let Some(preset) = from.source_preset.as_deref() {
        server = server.preset(&client::preset(preset)?);
    }
    Ok(ScimSource::fetch(&client.with(server), &kinds(mappings))?)
}

/// Reads the store of a server as that server would answer, without one.
fn of_store(url: &str, mappings: &[ObjectMapping], from: &SourceWay) -> Result<ScimSource, Unusable> {
    let store: StoreUrl = url.parse().map_err(Unusable::new)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let service = runtime.block_on(service(&store, from))?;
    let client = Client::builder("http://localhost/scim/v2")?
        .on_deviation(|deviation| output::report(&format!("note: {deviation}")))
        .transport(Within {
            runtime,
            service: InProcess::new(service),
        })
        .build()?;
    let server = client
        .discover()
        .call()
        .map_err(|error| Unusable::new(format_args!("the store `{store}` can't be read: {error}")))?;
    Ok(ScimSource::fetch(&client.with(server), &kinds(mappings))?)
}

/// Returns a service of one organization that writes nothing.
async fn service(store: &StoreUrl, from: &SourceWay) -> Result<ScimService<DynStore>, Unusable> {
    let definitions = from.definitions.read()?;
    let opened = store.open_for(&definitions).await?;
    let provisioner =
        |profile: NamedProfile| profile.provisioner_of(opened.clone(), &CardFormats::default(), &definitions);
    let any = provisioner(NamedProfile::Interop)?;
    let organization = any.admin().organization(&from.source_org).await?;
    let engine = provisioner(NamedProfile::of(&organization)?)?.engine().clone();
    Ok(ScimService::builder(engine, Reader(organization.tenant))
        .base_path("/scim/v2")
        .build())
}

/// Takes every request for that of a reader of the organization: whoever opens the store may read all of it.
struct Reader(TenantId);

impl RequestAuthenticator for Reader {
    async fn authenticate(&self, _: &Parts) -> Result<Caller, RequestAuthenticatorError> {
        Ok(Caller::new(self.0.clone()).read_only())
    }

    fn schemes(&self) -> Vec<AuthenticationScheme> {
        Vec::new()
    }
}

/// A blocking way to a service in this process.
struct Within {
    runtime: Runtime,
    service: InProcess<ScimService<DynStore>>,
}

impl BlockingTransport for Within {
    fn send_blocking(&self, request: Request) -> Result<http::Response<Bytes>, TransportError> {
        self.runtime.block_on(self.service.send(request))
    }

    fn wait_blocking(&self, time: Duration) {
        std::thread::sleep(time);
    }
}
