//! Files and standard input, and the resources in them.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use keyfob_core::{Registry, Resource, ResourceType};
use serde_json::value::RawValue;

use crate::Unusable;

/// No input is larger: 1 GiB.
const MAX_BYTES: u64 = 1 << 30;

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Unusable> {
    let name = path.display();
    let fail = |error: io::Error| Unusable::new(format!("cannot read `{name}`: {error}"));
    let mut bytes = Vec::new();
    let mut reader: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(fail)?)
    };
    reader
        .by_ref()
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Unusable::new(format!("`{name}` is larger than 1 GiB")));
    }
    Ok(bytes)
}

/// Refuses that more than one of the files is standard input, which can be read once.
pub(crate) fn one_standard_input<const N: usize>(
    names: [&str; N],
    files: [Option<&PathBuf>; N],
) -> Result<(), Unusable> {
    let given = files.into_iter().flatten();
    if given.filter(|file| file.as_os_str() == "-").count() > 1 {
        let message = format!("only one of {} can be standard input", names.join(", "));
        return Err(Unusable::new(message));
    }
    Ok(())
}

/// The JSON texts of the resources in a file: one object, an array of objects, or objects one after the other
/// (NDJSON).
pub(crate) fn split(bytes: &[u8]) -> Result<Vec<Box<RawValue>>, Unusable> {
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Ok(serde_json::from_slice(bytes)?);
    }
    let values = serde_json::Deserializer::from_slice(bytes).into_iter::<Box<RawValue>>();
    Ok(values.collect::<Result<_, _>>()?)
}

/// The resource type with this name.
pub(crate) fn named_type(name: &str) -> Result<&'static ResourceType, Unusable> {
    Registry::verkada()
        .resource_type(name)
        .ok_or_else(|| Unusable::new(format!("there is no resource type `{name}`")))
}

/// Decodes a resource of a type, or else of the type that its `schemas` name.
pub(crate) fn resource(
    text: &[u8],
    named: Option<&'static ResourceType>,
) -> Result<(Resource, &'static ResourceType), Unusable> {
    let resource_type = if let Some(resource_type) = named {
        resource_type
    } else {
        let untyped: Resource = serde_json::from_slice(text)?;
        Registry::verkada()
            .resource_type_of(untyped.schemas())
            .ok_or_else(|| Unusable::new("`schemas` names no known resource type; say which with --type"))?
    };
    Ok((Resource::from_json(text, resource_type)?, resource_type))
}
