//! Objects of the source and existing resources, for every command that takes them.

use keyfob_core::{Registry, Resource, ResourceType};
use keyfob_expression::Source;
use keyfob_mapping::graph::{GraphObject, Objects};
use serde_json::Value as Json;

use super::evaluating::Attributes;
use crate::{Unusable, input};

/// The objects that the arguments name; one without attributes where they name none.
pub(super) fn read(attributes: &Attributes) -> Result<Objects, Unusable> {
    let mut objects = match &attributes.attrs {
        None => Objects::of(Source::new()),
        Some(file) => {
            Objects::read(&input::read(file)?).map_err(|error| Unusable::from(error).within(file))?
        }
    };
    for GraphObject { source, .. } in &mut objects.objects {
        attributes.add_to(source)?;
    }
    Ok(objects)
}

/// The name of the type of existing resources, as the first of them says.
pub(super) fn type_name(text: &[u8]) -> Option<String> {
    let resources = input::split(text).ok()?;
    let first: Json = serde_json::from_str(resources.first()?.get()).ok()?;
    let schemas = first.get("schemas")?.as_array()?;
    let types = Registry::rfc().resource_types();
    let core = schemas.iter().filter_map(Json::as_str);
    let name = core.filter_map(|uri| uri.rsplit(':').next());
    let mut names = name.filter(|name| types.iter().any(|known| known.name().eq_ignore_ascii_case(name)));
    names.next().map(str::to_owned)
}

/// The resources in a file.
pub(super) fn resources(text: &[u8], resource_type: &ResourceType) -> Result<Vec<Resource>, Unusable> {
    let resources = input::split(text)?;
    let resources = resources
        .iter()
        .map(|resource| Ok(Resource::from_json(resource.get().as_bytes(), resource_type)?));
    resources.collect()
}
