//! The target and the mappings that the arguments name.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use keyfob_client::{Client, ClientBuilder};
use keyfob_core::Registry;
use keyfob_expression::Options;
use keyfob_mapping::{ObjectMapping, graph::SynchronizationSchema};
use keyfob_sync::{Rule, source::ObjectSource};

use super::{Arguments, pace::Paced, source};
use crate::{Unusable, client, input, map, output};

/// The arguments by which the target is reached.
#[derive(Debug, clap::Args)]
pub(super) struct Way {
    /// A file that holds the bearer token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A preset, which says what is known of the target: aws, github, google-cloud, keyfob, rfc, slack, or a file in the form of these
    #[arg(long, value_name = "NAME|FILE")]
    preset: Option<String>,
    /// Sends the target at most so many requests in a second, at an even pace, however many are under way
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,
    #[command(flatten)]
    reach: Reach,
}

/// The arguments that all servers have in common.
#[derive(Debug, clap::Args)]
pub(crate) struct Reach {
    /// Gives up on a request after so many seconds, 3600 at most
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    timeout: u64,
    /// Allows http to other machines than this one
    #[arg(long)]
    allow_plain_text: bool,
}

impl Way {
    /// Returns the files that are read.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let preset = self.preset.as_deref().map(Path::new);
        self.token_file.as_deref().into_iter().chain(preset)
    }
}

impl Reach {
    /// Returns the time after which a request is given up.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// Starts a client of a server.
    pub(crate) fn builder(&self, url: &str, token: Option<&str>) -> Result<ClientBuilder, Unusable> {
        let mut builder = Client::builder(url)?.timeout(self.timeout());
        if let Some(token) = token {
            builder = builder.bearer(token);
        }
        Ok(if self.allow_plain_text {
            builder.allow_plain_text()
        } else {
            builder
        })
    }

    /// Returns a client of a server, whose departures from the RFC are told with its part in the cycle.
    pub(super) fn client(
        &self,
        url: &str,
        token: Option<&str>,
        part: &'static str,
        rate: Option<NonZeroU32>,
    ) -> Result<Client<Paced>, Unusable> {
        let builder = self
            .builder(url, token)?
            .on_deviation(move |deviation| output::report(&format!("note on the {part}: {deviation}")));
        Ok(builder.transport(Paced::new(rate)).build()?)
    }
}

/// The target, the mappings and the source of a cycle.
pub(super) struct Target {
    pub(super) client: Client<Paced>,
    pub(super) rules: Vec<Rule>,
    pub(super) source: Box<dyn ObjectSource>,
}

/// Reads the files and asks the target what it is. None where it can't be asked, which has been told.
pub(super) fn connect(arguments: &Arguments) -> Result<Option<Target>, Unusable> {
    let missing = |name| {
        Unusable::new(format_args!(
            "`{name}` is missing, in the arguments and in the job's file"
        ))
    };
    let source = arguments.source.as_deref().ok_or_else(|| missing("source"))?;
    let target = arguments.target.as_deref().ok_or_else(|| missing("target"))?;
    if arguments.mapping.is_empty() {
        return Err(missing("mapping"));
    }
    // What can't be read is told before the target is asked anything.
    let mut mappings = Vec::new();
    for file in &arguments.mapping {
        mappings.extend(self::mappings(&input::read(file)?).map_err(|error| error.within(file))?);
    }
    let way = &arguments.way;
    let preset = way.preset.as_deref().map(client::preset).transpose()?;
    let token = client::token(way.token_file.as_deref())?;
    let client = way.reach.client(target, token.as_deref(), "target", way.rate)?;
    let source = source::open(source, &mappings, &arguments.from, &way.reach)?;
    let mut target = match client.discover().call() {
        Ok(target) => target,
        Err(error) => {
            output::report(&format!(
                "keyfob: the target can't be asked, and nothing was sent: {error}"
            ));
            return Ok(None);
        }
    };
    if let Some(preset) = preset {
        target = target.preset(&preset);
    }
    let client = client.with(target);
    let registry = &client.target().registry;
    let rules = mappings.iter().map(|mapping| rule(mapping, registry));
    let rules = rules.collect::<Result<_, _>>()?;
    Ok(Some(Target {
        client,
        rules,
        source,
    }))
}

/// Returns the mappings in use of a file.
pub(crate) fn mappings(text: &[u8]) -> Result<Vec<ObjectMapping>, Unusable> {
    let mut mappings = if SynchronizationSchema::is_one(text) {
        let schema = SynchronizationSchema::from_json(text).map_err(|error| map::unreadable(&error))?;
        let rules = schema.mappings().map_err(|error| map::unreadable(&error))?;
        rules.into_iter().map(|rule| rule.mapping).collect()
    } else {
        vec![ObjectMapping::from_json(text).map_err(|error| map::unreadable(&error))?]
    };
    mappings.retain(|mapping| mapping.enabled);
    if mappings.is_empty() {
        return Err(Unusable::new("no mapping in the file is in use (`enabled`)"));
    }
    Ok(mappings)
}

/// Checks a mapping against what the target says of its own types.
pub(crate) fn rule(mapping: &ObjectMapping, registry: &Registry) -> Result<Rule, Unusable> {
    let mut types = registry.resource_types().iter();
    let found = types.find(|resource_type| mapping.makes(resource_type));
    let resource_type = found.ok_or_else(|| {
        Unusable::new(format_args!(
            "the target has no resource type `{}`, which a mapping makes",
            mapping.target
        ))
    })?;
    let name = if mapping.name.is_empty() {
        &mapping.target
    } else {
        &mapping.name
    };
    Rule::compile(mapping, resource_type, &Options::default())
        .map_err(|error| Unusable::new(format_args!("the mapping `{name}`: {error}")))
}
