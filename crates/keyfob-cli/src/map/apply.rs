//! `keyfob map apply`: what a mapping makes of an object.

use std::path::PathBuf;

use keyfob_core::{
    Clock, Dialect, Registry, Resource, ResourceType, SystemClock, json, message::PatchRequest,
    render::with_suggestion, validate,
};
use keyfob_mapping::{
    Environment, ImportError, Options, SystemEntropy,
    graph::{self, SynchronizationSchema},
    mapping::{Change, Mapper, MappingError, ObjectMapping},
};

use crate::{Answer, Unusable, input, output};

/// The arguments of `keyfob map apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The mapping: a `synchronizationSchema` as Microsoft Graph exports it, or the native form; `-` is standard input
    #[arg(long, value_name = "FILE")]
    mapping: PathBuf,
    /// The object of the source as JSON, such as a user of Microsoft Graph; `-` is standard input
    #[arg(long, value_name = "FILE")]
    source: PathBuf,
    /// The resource's type; by default that of the existing resource, or that of the mapping
    #[arg(long = "type", value_name = "TYPE")]
    resource_type: Option<String>,
    /// The resource that the object has already, as JSON; `-` is standard input
    #[arg(long, value_name = "FILE")]
    existing: Option<PathBuf>,
}

/// Prints the resource that an object is to have, or the PATCH that brings the one that it has up to date.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    input::one_standard_input(
        ["--mapping", "--source", "--existing"],
        [
            Some(&arguments.mapping),
            Some(&arguments.source),
            arguments.existing.as_ref(),
        ],
    )?;
    let named = arguments
        .resource_type
        .as_deref()
        .map(input::named_type)
        .transpose()?;
    let existing = match &arguments.existing {
        None => None,
        Some(file) => Some(input::resource(&input::read(file)?, named).map_err(|error| error.within(file))?),
    };
    let known = existing
        .as_ref()
        .map(|(_, resource_type)| *resource_type)
        .or(named);
    let text = input::read(&arguments.mapping)?;
    let (mapping, resource_type) = mapping(&text, known).map_err(|error| error.within(&arguments.mapping))?;
    let mapper = Mapper::compile(&mapping, resource_type, &Options::default())
        .map_err(|error| Unusable(told(&error)).within(&arguments.mapping))?;
    let source = graph::source_from_json(&input::read(&arguments.source)?)
        .map_err(|error| Unusable::from(error).within(&arguments.source))?;
    let entropy = SystemEntropy::new();
    let environment = Environment::new(SystemClock::new().now(), &entropy);
    let existing = existing.as_ref().map(|(resource, _)| resource);
    match mapper.apply(&source, existing, &environment) {
        Ok(change) => answer(change, resource_type),
        Err(error) => {
            output::report(&error.to_string());
            Ok(Answer::Negative)
        }
    }
}

/// The mapping in a file, of resources of the type that is known or else of any, with their type.
fn mapping(
    text: &[u8],
    known: Option<&'static ResourceType>,
) -> Result<(ObjectMapping, &'static ResourceType), Unusable> {
    let types = || match known {
        Some(resource_type) => std::slice::from_ref(resource_type),
        None => Registry::verkada().resource_types(),
    };
    if !SynchronizationSchema::is_one(text) {
        let mapping = ObjectMapping::from_json(text).map_err(|error| unreadable(&error))?;
        let of_type = types()
            .iter()
            .find(|resource_type| known.is_some() || mapping.makes(resource_type));
        let resource_type = of_type.ok_or_else(|| {
            Unusable(format!(
                "`{}` is no known resource type; say which with --type",
                mapping.target
            ))
        })?;
        return Ok((mapping, resource_type));
    }
    let schema = SynchronizationSchema::from_json(text).map_err(|error| unreadable(&error))?;
    for resource_type in types() {
        let found = schema.mapping_of(resource_type);
        if let Some(found) = found.map_err(|error| unreadable(&error))? {
            return Ok((found.mapping, resource_type));
        }
    }
    Err(Unusable(
        "the schema maps no objects to resources of this type".into(),
    ))
}

/// What is wrong with a document, and what was perhaps meant.
pub(super) fn unreadable(error: &ImportError) -> Unusable {
    Unusable(with_suggestion(
        error.to_string(),
        error.suggestion().map(AsRef::as_ref),
    ))
}

fn told(error: &MappingError) -> String {
    let faults = error.faults.iter().map(|fault| {
        let help = fault.help().map(|help| format!(" ({help})"));
        with_suggestion(fault.to_string(), fault.suggestion()) + &help.unwrap_or_default()
    });
    faults.collect::<Vec<_>>().join("\n")
}

/// Prints what is to be sent; where nothing is, says why.
fn answer(change: Change, resource_type: &ResourceType) -> Result<Answer, Unusable> {
    let reason = match change {
        Change::Create(resource) => return created(resource, resource_type),
        Change::Update(request) | Change::Disable(request) => {
            output::json(json::object_to_vec(&request.to_object()))?;
            return Ok(Answer::Done);
        }
        Change::UpToDate => {
            output::report("the resource is up to date");
            output::json(json::object_to_vec(&PatchRequest::new(Vec::new()).to_object()))?;
            return Ok(Answer::Done);
        }
        Change::Delete => "the object is out of scope: its resource is deleted",
        Change::OutOfScope => "the object is out of scope",
        Change::Skipped { target } => {
            output::report(&format!(
                "the expression for `{target}` leaves the object out of the flow"
            ));
            return Ok(Answer::Negative);
        }
        _ => "the mapping doesn't allow what would have to be done",
    };
    output::report(reason);
    Ok(Answer::Negative)
}

fn created(resource: Resource, resource_type: &ResourceType) -> Result<Answer, Unusable> {
    output::json(resource.to_json())?;
    if let Err(error) = validate::create(resource, resource_type, Dialect::strict()) {
        output::report(&format!(
            "warning: a service provider will refuse this resource: {error}"
        ));
    }
    Ok(Answer::Done)
}
