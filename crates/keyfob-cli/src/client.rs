//! `keyfob client`: talks to any SCIM server.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Subcommand, ValueEnum};
use keyfob_client::{Client, Error, Patched, Preset, Stored, Target, Ureq};
use keyfob_core::{
    Object, Resource, ResourceId, SmolStr, Value,
    json::{object_from_slice, object_to_vec},
    message::{BulkMethod, BulkRequest, PatchRequest, SortOrder},
};

use crate::{Answer, Unusable, input, output};

/// The environment variable of the token.
const TOKEN: &str = "KEYFOB_TARGET_TOKEN";

/// The arguments of `keyfob client`.
#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "options that have nothing to do with each other"
)]
#[command(after_help = "\
The token is read from --token-file, or from the environment variable KEYFOB_TARGET_TOKEN. It is never an argument, since
arguments are seen by every user of the machine.

Exit codes: 0 done, 1 the server refused or nothing was found, 2 unusable arguments or input.")]
pub(crate) struct Arguments {
    /// The base URL, to which `/Users` is appended
    url: String,
    /// A file that holds the bearer token; `-` is standard input
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
    /// What is known of the server: aws, github, google-cloud, keyfob, rfc, slack, or a file in the form of these
    #[arg(long, value_name = "NAME|FILE", global = true)]
    preset: Option<String>,
    /// Doesn't ask the server what it supports, and goes by RFC 7643 and RFC 7644
    #[arg(long, global = true)]
    no_discovery: bool,
    /// Takes every departure from the RFC for an error, instead of naming it on standard error
    #[arg(long, global = true)]
    strict: bool,
    /// Gives up on a request after so many seconds, 3600 at most
    #[arg(long, value_name = "SECONDS", default_value_t = 30, global = true, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    timeout: u64,
    /// Allows http to other machines than this one
    #[arg(long, global = true)]
    allow_plain_text: bool,
    /// Prints JSON for programs
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints what the server supports, and how that is known
    Discover,
    /// Prints a resource
    Get {
        /// The resource type, such as User
        #[arg(value_name = "TYPE")]
        resource_type: String,
        /// The server's id
        id: String,
    },
    /// Prints resources: their ids and names, or all of each with --json, one a line
    List {
        /// The resource type, such as User
        #[arg(value_name = "TYPE")]
        resource_type: String,
        /// Those that match alone; sent as it is written
        #[arg(long)]
        filter: Option<String>,
        /// All pages, not the first one alone
        #[arg(long)]
        all: bool,
        /// The attributes of each, with commas between them
        #[arg(long, value_delimiter = ',', value_name = "NAMES")]
        attributes: Vec<String>,
        /// Sorts by this attribute
        #[arg(long, value_name = "NAME")]
        sort_by: Option<String>,
        /// In which order
        #[arg(long, value_enum, requires = "sort_by", default_value_t = Order::Ascending)]
        order: Order,
        /// The size of pages
        #[arg(long, default_value_t = 100)]
        page: u32,
    },
    /// Creates a resource, and prints it
    Create {
        /// The resource type, such as User
        #[arg(value_name = "TYPE")]
        resource_type: String,
        /// The resource as JSON; `-` is standard input
        file: PathBuf,
    },
    /// Modifies a resource, and prints it if the server does
    Patch {
        /// The resource type, such as User
        #[arg(value_name = "TYPE")]
        resource_type: String,
        /// The server's id
        id: String,
        /// The PATCH request as JSON; `-` is standard input
        file: PathBuf,
        /// The version that the resource has to be of
        #[arg(long, value_name = "VERSION")]
        if_match: Option<String>,
    },
    /// Replaces a resource, and prints it
    Replace {
        /// The resource type, such as User
        #[arg(value_name = "TYPE")]
        resource_type: String,
        /// The server's id
        id: String,
        /// The resource as JSON; `-` is standard input
        file: PathBuf,
        /// The version that the resource has to be of
        #[arg(long, value_name = "VERSION")]
        if_match: Option<String>,
    },
    /// Deletes a resource
    Delete {
        /// The resource type, such as User
        #[arg(value_name = "TYPE")]
        resource_type: String,
        /// The server's id
        id: String,
        /// The version that the resource has to be of
        #[arg(long, value_name = "VERSION")]
        if_match: Option<String>,
    },
    /// Sends a bulk request, split to what the server takes, and prints the results
    Bulk {
        /// The request as JSON; `-` is standard input
        file: PathBuf,
    },
}

/// The order of a sorted list.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Order {
    /// Smallest first
    Ascending,
    /// Largest first
    Descending,
}

/// Runs one of the commands.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    let client = connect(arguments)?;
    // What can't be read or sent is told before the server is asked anything.
    let prepared = Prepared::of(&arguments.command)?;
    let done = discovered(arguments, &client).and_then(|client| prepared.run(&client, arguments));
    match done {
        Ok(answer) => Ok(answer),
        Err(Failed::Unusable(unusable)) => Err(unusable),
        Err(Failed::Server(Error::Request(message))) => Err(Unusable::rendered(message)),
        Err(Failed::Server(error)) => {
            output::report_lines(&format!("keyfob: {}", Unusable::from(error).message()));
            Ok(Answer::Negative)
        }
    }
}

/// Why a command came to nothing.
enum Failed {
    Server(Error),
    Unusable(Unusable),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Server(error)
    }
}

impl From<Unusable> for Failed {
    fn from(unusable: Unusable) -> Self {
        Self::Unusable(unusable)
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Unusable(error.into())
    }
}

fn connect(arguments: &Arguments) -> Result<Client<Ureq>, Unusable> {
    let mut builder = Client::builder(&arguments.url)?
        .timeout(Duration::from_secs(arguments.timeout))
        .on_deviation(|deviation| output::report(&format!("note: {deviation}")));
    if let Some(token) = token(arguments.token_file.as_deref())? {
        builder = builder.bearer(&token);
    }
    if arguments.strict {
        builder = builder.strict();
    }
    if arguments.allow_plain_text {
        builder = builder.allow_plain_text();
    }
    Ok(builder.transport(Ureq::new()).build()?)
}

/// Returns the bearer token of the target, out of the file or else out of the environment.
pub(crate) fn token(file: Option<&Path>) -> Result<Option<String>, Unusable> {
    token_of(file, TOKEN)
}

/// Returns a bearer token, out of the file or else out of this variable of the environment.
pub(crate) fn token_of(file: Option<&Path>, variable: &str) -> Result<Option<String>, Unusable> {
    let text = match file {
        Some(file) => {
            String::from_utf8(input::read(file)?).map_err(|error| Unusable::from(error).within(file))?
        }
        None => match std::env::var(variable) {
            Ok(token) => token,
            Err(std::env::VarError::NotPresent) => return Ok(None),
            Err(error) => return Err(Unusable::new(format_args!("{variable}: {error}"))),
        },
    };
    let token = text.trim();
    if token.is_empty() {
        return Err(Unusable::new("the token is empty"));
    }
    Ok(Some(token.to_owned()))
}

/// Returns the preset of this name, or the one in this file.
pub(crate) fn preset(name: &str) -> Result<Preset, Unusable> {
    if let Some(preset) = Preset::named(name) {
        return Ok(preset);
    }
    let file = PathBuf::from(name);
    if !file.exists() {
        let names: Vec<&str> = Preset::names().collect();
        return Err(Unusable::new(format_args!(
            "there is no preset and no file `{name}`; presets are {}",
            names.join(", ")
        )));
    }
    Preset::from_json(&input::read(&file)?).map_err(|error| Unusable::from(error).within(&file))
}

fn discovered(arguments: &Arguments, client: &Client<Ureq>) -> Result<Client<Ureq>, Failed> {
    let preset = arguments.preset.as_deref().map(preset).transpose()?;
    let mut target = if arguments.no_discovery {
        Target::rfc()
    } else {
        client.discover().call()?
    };
    if let Some(preset) = preset {
        target = target.preset(&preset);
    }
    Ok(client.with(target))
}

/// A command with its files read.
enum Prepared<'a> {
    Discover,
    Get(&'a str, ResourceId),
    List(&'a Command),
    Create(&'a str, Vec<u8>),
    Patch(&'a str, ResourceId, PatchRequest, Option<&'a str>),
    Replace(&'a str, ResourceId, Vec<u8>, Option<&'a str>),
    Delete(&'a str, ResourceId, Option<&'a str>),
    Bulk(BulkRequest),
}

impl<'a> Prepared<'a> {
    fn of(command: &'a Command) -> Result<Self, Unusable> {
        let resource = |file: &PathBuf| {
            let text = input::read(file)?;
            object_from_slice(&text).map_err(|error| Unusable::from(error).within(file))?;
            Ok::<_, Unusable>(text)
        };
        Ok(match command {
            Command::Discover => Self::Discover,
            Command::Get { resource_type, id } => Self::Get(resource_type, ResourceId::new(id.as_str())),
            Command::List { .. } => Self::List(command),
            Command::Create { resource_type, file } => Self::Create(resource_type, resource(file)?),
            Command::Patch {
                resource_type,
                id,
                file,
                if_match,
            } => {
                let request = PatchRequest::from_json(&input::read(file)?);
                let request = request.map_err(|error| Unusable::from(error).within(file))?;
                Self::Patch(
                    resource_type,
                    ResourceId::new(id.as_str()),
                    request,
                    if_match.as_deref(),
                )
            }
            Command::Replace {
                resource_type,
                id,
                file,
                if_match,
            } => Self::Replace(
                resource_type,
                ResourceId::new(id.as_str()),
                resource(file)?,
                if_match.as_deref(),
            ),
            Command::Delete {
                resource_type,
                id,
                if_match,
            } => Self::Delete(resource_type, ResourceId::new(id.as_str()), if_match.as_deref()),
            Command::Bulk { file } => {
                let request = BulkRequest::from_json(&input::read(file)?);
                Self::Bulk(request.map_err(|error| Unusable::from(error).within(file))?)
            }
        })
    }

    fn run(self, client: &Client<Ureq>, arguments: &Arguments) -> Result<Answer, Failed> {
        match self {
            Self::Discover => discover(client, arguments.json),
            Self::Get(name, id) => {
                let stored = client.resources(&named(client, name)?).get(&id).call()?;
                print(&stored)
            }
            Self::List(command) => list(client, command, arguments.json),
            Self::Create(name, text) => {
                let name = named(client, name)?;
                let resource = decoded(client, &name, &text)?;
                print(&client.resources(&name).create(&resource).call()?)
            }
            Self::Patch(name, id, request, if_match) => {
                let mut call = client.resources(&named(client, name)?).patch(&id, request);
                if let Some(version) = if_match {
                    call = call.if_match(version);
                }
                match call.call()? {
                    Patched::Body(stored) => print(&stored),
                    Patched::NoContent { .. } => Ok(Answer::Done),
                }
            }
            Self::Replace(name, id, text, if_match) => {
                let name = named(client, name)?;
                let resource = decoded(client, &name, &text)?;
                let mut call = client.resources(&name).replace(&id, &resource);
                if let Some(version) = if_match {
                    call = call.if_match(version);
                }
                print(&call.call()?)
            }
            Self::Delete(name, id, if_match) => {
                let mut call = client.resources(&named(client, name)?).delete(&id);
                if let Some(version) = if_match {
                    call = call.if_match(version);
                }
                call.call()?;
                Ok(Answer::Done)
            }
            Self::Bulk(request) => bulk(client, request, arguments.json),
        }
    }
}

/// Returns the name of the resource type that is meant: `User`, or its endpoint `Users`, in any case.
fn named(client: &Client<Ureq>, text: &str) -> Result<SmolStr, Unusable> {
    let registry = &client.target().registry;
    let endpoint = |text: &str| {
        let mut types = registry.resource_types().iter();
        types.find(|resource_type| resource_type.endpoint().trim_start_matches('/') == text)
    };
    let found = registry.resource_type(text).or_else(|| endpoint(text));
    found
        .map(|resource_type| resource_type.name().clone())
        .ok_or_else(|| {
            let names: Vec<&str> = registry
                .resource_types()
                .iter()
                .map(|known| known.name().as_str())
                .collect();
            Unusable::new(format_args!(
                "the server has no resource type `{text}`; it has {}",
                names.join(", ")
            ))
        })
}

fn decoded(client: &Client<Ureq>, name: &str, text: &[u8]) -> Result<Resource, Unusable> {
    let resource_type = client.target().registry.resource_type(name);
    let resource_type =
        resource_type.ok_or_else(|| Unusable::new(format_args!("there is no resource type `{name}`")))?;
    Ok(Resource::from_json(text, resource_type)?)
}

fn print(stored: &Stored) -> Result<Answer, Failed> {
    output::json(stored.resource.to_json())?;
    Ok(Answer::Done)
}

fn discover(client: &Client<Ureq>, json: bool) -> Result<Answer, Failed> {
    let target = client.target();
    let types = target.registry.resource_types();
    if json {
        let mut object = Object::new();
        let types = types.iter().map(|known| Value::from(known.name().clone()));
        object.insert("resourceTypes", types.collect::<Vec<_>>());
        let capabilities = target
            .capabilities
            .list()
            .into_iter()
            .map(|(name, value, origin)| {
                let mut known = Object::new();
                known.insert("name", name);
                known.insert("value", value);
                known.insert("origin", origin.as_str());
                Value::from(known)
            });
        object.insert("capabilities", capabilities.collect::<Vec<_>>());
        output::json(object_to_vec(&object))?;
        return Ok(Answer::Done);
    }
    for known in types {
        let extensions: Vec<&str> = known
            .extensions()
            .iter()
            .map(|extension| extension.schema.id.as_str())
            .collect();
        output::line(&format!(
            "{} at {}: {}",
            known.name(),
            known.endpoint(),
            known.schema().id.as_str()
        ))?;
        for extension in extensions {
            output::line(&format!("  with {extension}"))?;
        }
    }
    for (name, value, origin) in target.capabilities.list() {
        output::line(&format!("{name:<24} {value:<22} {}", origin.as_str()))?;
    }
    Ok(Answer::Done)
}

fn list(client: &Client<Ureq>, command: &Command, json: bool) -> Result<Answer, Failed> {
    let Command::List {
        resource_type,
        filter,
        all,
        attributes,
        sort_by,
        order,
        page,
    } = command
    else {
        return Ok(Answer::Done);
    };
    let resources = client.resources(&named(client, resource_type)?);
    let mut list = resources.list().page(*page);
    if let Some(filter) = filter {
        list = list.filter(filter.as_str());
    }
    if !attributes.is_empty() {
        list = list.attributes(attributes.iter().map(String::as_str));
    }
    if let Some(attribute) = sort_by {
        let order = match order {
            Order::Ascending => SortOrder::Ascending,
            Order::Descending => SortOrder::Descending,
        };
        list = list.sort_by(attribute, order);
    }
    let mut count = 0;
    let mut each = |stored: &Stored| {
        count += 1;
        if json {
            output::json(stored.resource.to_json())
        } else {
            output::line(&format!("{}  {}", stored.id, name_of(stored)))
        }
    };
    if *all {
        for stored in list.iter() {
            each(&stored?)?;
        }
    } else {
        let first = list.first_page().call()?;
        for stored in &first.resources {
            each(stored)?;
        }
        if first
            .total
            .is_some_and(|total| total > first.resources.len() as u64)
        {
            let total = first.total.unwrap_or_default();
            output::report(&format!(
                "{} of {total}; --all lists the rest",
                first.resources.len()
            ));
        }
    }
    Ok(if count > 0 { Answer::Done } else { Answer::Negative })
}

fn name_of(stored: &Stored) -> SmolStr {
    let core = stored.resource.core();
    let name = ["userName", "displayName", "name"]
        .iter()
        .find_map(|name| core.get_str(name));
    name.map(SmolStr::new).unwrap_or_default()
}

fn bulk(client: &Client<Ureq>, request: BulkRequest, json: bool) -> Result<Answer, Failed> {
    let response = client.bulk(request).call()?;
    let mut answer = Answer::Done;
    for result in response.results {
        if !(200..300).contains(&result.status) {
            answer = Answer::Negative;
        }
        let method = result.method.map_or("?", BulkMethod::as_str);
        if json {
            let mut object = Object::new();
            object.insert("method", method);
            object.insert("status", i64::from(result.status));
            for (name, text) in [
                ("bulkId", result.bulk_id),
                ("location", result.location),
                ("version", result.version),
            ] {
                if let Some(text) = text {
                    object.insert(name, text);
                }
            }
            if let Some(response) = result.response {
                object.insert("response", response);
            }
            output::json(object_to_vec(&object))?;
        } else {
            let detail = result
                .response
                .as_ref()
                .and_then(|response| response.get_str("detail"));
            let place = result.location.or(result.bulk_id).unwrap_or_default();
            output::line(&format!(
                "{} {method} {place} {}",
                result.status,
                detail.unwrap_or_default()
            ))?;
        }
    }
    Ok(answer)
}
