//! The target, the mappings and the source that the arguments name.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use keyfob_client::{Client, Ureq};
use keyfob_core::Registry;
use keyfob_expression::Options;
use keyfob_mapping::{ObjectMapping, graph::SynchronizationSchema};
use keyfob_sync::{
    Kind, Rule,
    source::{CsvSource, JsonSource, LdifSource, ObjectSource},
};

use super::Arguments;
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

/// The target, the mappings and the source of a cycle.
pub(super) struct Target {
    pub(super) client: Client<Ureq>,
    pub(super) rules: Vec<Rule>,
    pub(super) source: Box<dyn ObjectSource>,
}

/// Reads the files and asks the target what it is. None where it can't be asked, which has been told.
pub(super) fn connect(arguments: &Arguments) -> Result<Option<Target>, Unusable> {
    // What can't be read is told before the target is asked anything.
    let source = source(&arguments.source)?;
    let mut mappings = Vec::new();
    for file in &arguments.mapping {
        mappings.extend(read(&input::read(file)?).map_err(|error| error.within(file))?);
    }
    let way = &arguments.way;
    let mut builder = Client::builder(&arguments.target)?
        .timeout(Duration::from_secs(way.timeout))
        .on_deviation(|deviation| output::report(&format!("note: {deviation}")));
    if let Some(token) = client::token(way.token_file.as_deref())? {
        builder = builder.bearer(&token);
    }
    if way.allow_plain_text {
        builder = builder.allow_plain_text();
    }
    let preset = way.preset.as_deref().map(client::preset).transpose()?;
    let client = builder.transport(Ureq::new()).build()?;
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
fn read(text: &[u8]) -> Result<Vec<ObjectMapping>, Unusable> {
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
fn rule(mapping: &ObjectMapping, registry: &Registry) -> Result<Rule, Unusable> {
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

/// Returns the files of a source, of whichever form.
pub(super) fn files(source: &str) -> impl Iterator<Item = &Path> {
    let (_, files) = source.split_once(':').unwrap_or_default();
    files.split(',').map(Path::new)
}

/// Returns the source that a text names.
fn source(text: &str) -> Result<Box<dyn ObjectSource>, Unusable> {
    let unknown = || {
        Unusable::new(format_args!(
            "`{text}` names no source; it starts with `csv:`, `ldif:`, `ndjson:` or `graph:`, and files follow"
        ))
    };
    let (form, _) = text.split_once(':').ok_or_else(unknown)?;
    let files: Vec<&Path> = files(text).collect();
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
            Ok(Box::new(source))
        }
        _ => Err(unknown()),
    }
}
