//! `keyfob patch`: applies a PATCH request to a resource.

use std::path::PathBuf;

use clap::ValueEnum;
use keyfob_core::{Dialect, ErrorBody, Resource, ResourceType, ToErrorBody, message::PatchRequest};
use keyfob_patch::Plan;

use crate::{Answer, Unusable, input, output};

/// The arguments of `keyfob patch`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The resource as JSON; `-` is standard input
    #[arg(long, value_name = "FILE")]
    resource: PathBuf,
    /// The PATCH request as JSON; `-` is standard input
    #[arg(long, value_name = "FILE")]
    patch: PathBuf,
    /// The resource's type; by default the one that its `schemas` name
    #[arg(long = "type", value_name = "TYPE")]
    resource_type: Option<String>,
    /// Which departures from the RFC are understood
    #[arg(long, value_enum, default_value_t = NamedDialect::Interop)]
    dialect: NamedDialect,
}

/// The dialects by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum NamedDialect {
    /// All that is unambiguous
    Interop,
    /// The RFC alone
    Strict,
    /// What Entra ID sends
    Entra,
    /// What Okta sends
    Okta,
}

impl NamedDialect {
    fn dialect(self) -> Dialect {
        match self {
            Self::Interop => Dialect::interop(),
            Self::Strict => Dialect::strict(),
            Self::Entra => Dialect::entra(),
            Self::Okta => Dialect::okta(),
        }
    }
}

/// Prints the patched resource, or the error body where the request is refused.
pub(crate) fn run(arguments: &Arguments) -> Result<Answer, Unusable> {
    if arguments.resource.as_os_str() == "-" && arguments.patch.as_os_str() == "-" {
        return Err(Unusable::new(
            "only one of --resource and --patch can be standard input",
        ));
    }
    let named = arguments
        .resource_type
        .as_deref()
        .map(input::named_type)
        .transpose()?;
    let (mut resource, resource_type) = input::resource(&input::read(&arguments.resource)?, named)
        .map_err(|error| error.within(&arguments.resource))?;
    let request = input::read(&arguments.patch)?;
    match apply(
        &request,
        &mut resource,
        resource_type,
        arguments.dialect.dialect(),
    ) {
        Ok(()) => {
            output::json(resource.to_json())?;
            Ok(Answer::Done)
        }
        Err(error) => {
            output::json(error.to_json())?;
            Ok(Answer::Negative)
        }
    }
}

fn apply(
    request: &[u8],
    resource: &mut Resource,
    resource_type: &ResourceType,
    dialect: Dialect,
) -> Result<(), ErrorBody> {
    let request = PatchRequest::from_json_with(request, dialect).map_err(|error| error.to_error_body())?;
    let plan = Plan::compile(request, resource_type, dialect).map_err(|error| error.to_error_body())?;
    plan.apply(resource).map_err(|error| error.to_error_body())?;
    Ok(())
}
