//! Mapping files, and the types of the resources that they make.

use std::path::PathBuf;

use keyfob_client::{Client, transport::Ureq};
use keyfob_core::{
    Object, Registry, ResourceType, Schema, Value, json, message::Deviations, render::with_suggestion,
    schema::RegistryBuilder,
};
use keyfob_mapping::{
    ImportError, ObjectMapping,
    graph::{ObjectDefinition, RuleMapping, SynchronizationSchema, TargetType},
};

use crate::{Unusable, input, output};

/// Where a mapping is, and which type its resources have.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct MappingFile {
    /// The mapping: a `synchronizationSchema` as Microsoft Graph exports it, or the native form; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) mapping: PathBuf,
    #[command(flatten)]
    pub(crate) target: TargetOptions,
}

/// The type of the resources.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TargetOptions {
    /// The resource's type; by default that of the existing resource, or that of the first mapping in use
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) resource_type: Option<String>,
    /// The target's schemas: a file with what its `/Schemas` answers, or the base URL of the server, which is asked
    /// with the bearer token in `KEYFOB_TARGET_TOKEN`. By default the definitions in the mapping's file, and the types of RFC
    /// 7643
    #[arg(long, value_name = "FILE|URL")]
    pub(crate) target_schema: Option<PathBuf>,
    /// The bearer token for the server of --target-schema
    #[arg(long, env = "KEYFOB_TARGET_TOKEN", hide = true, hide_env_values = true)]
    target_token: Option<String>,
}

/// A mapping, with what is known around it.
pub(crate) struct Loaded {
    pub(crate) mapping: ObjectMapping,
    /// The type of its resources; none where nobody knows the target.
    pub(crate) target: Option<TargetType>,
    /// The definition of the source's objects, where the file has one.
    pub(crate) source: Option<ObjectDefinition>,
    /// True where the file defines the target's attributes itself.
    pub(crate) defined: Option<ObjectDefinition>,
}

impl TargetOptions {
    /// The types that are known beside what a mapping's file says.
    pub(crate) fn registry(&self) -> Result<Registry, Unusable> {
        match &self.target_schema {
            None => Ok(Registry::verkada().clone()),
            Some(place) => match place.to_str().filter(|text| text.contains("://")) {
                Some(url) => self.ask(url).map_err(|error| error.within(place)),
                None => registry(&input::read(place)?).map_err(|error| error.within(place)),
            },
        }
    }

    /// The types of a server (RFC 7644 section 4).
    fn ask(&self, url: &str) -> Result<Registry, Unusable> {
        let base = url.trim_end_matches('/');
        let base = base.strip_suffix("/Schemas").unwrap_or(base);
        let mut client = Client::builder(base)?
            .transport(Ureq::new())
            .on_deviation(|deviation| {
                output::report(&format!("note: {deviation}"));
            });
        if base.starts_with("http://") {
            client = client.allow_plain_text();
        }
        if let Some(token) = &self.target_token {
            client = client.bearer(token);
        }
        Ok(client.build()?.discover().call()?.registry)
    }

    /// All mappings in a file.
    pub(crate) fn load(&self, text: &[u8]) -> Result<Vec<Loaded>, Unusable> {
        let known = self.registry()?;
        if !SynchronizationSchema::is_one(text) {
            let mapping = ObjectMapping::from_json(text).map_err(|error| unreadable(&error))?;
            let mut types = known.resource_types().iter();
            let found = types.find(|resource_type| match &self.resource_type {
                Some(name) => resource_type.name().eq_ignore_ascii_case(name),
                None => mapping.makes(resource_type),
            });
            return Ok(vec![Loaded {
                target: found.map(known_type),
                mapping,
                source: None,
                defined: None,
            }]);
        }
        let schema = SynchronizationSchema::from_json(text).map_err(|error| unreadable(&error))?;
        let directories = schema.directories().map_err(|error| unreadable(&error))?;
        let definition = |directory: &str, object: &str| {
            let mut directories = directories.iter().filter(|found| found.name == directory);
            directories
                .find_map(|directory| directory.object(object))
                .cloned()
        };
        let rules = schema.mappings().map_err(|error| unreadable(&error))?;
        let loaded = rules.into_iter().map(|rule| {
            Ok(Loaded {
                target: self.target_of(&schema, &rule, &known)?,
                source: definition(&rule.source_directory, &rule.mapping.source),
                defined: definition(&rule.target_directory, &rule.mapping.target)
                    .filter(|object| !object.attributes.is_empty()),
                mapping: rule.mapping,
            })
        });
        loaded.collect()
    }

    fn target_of(
        &self,
        schema: &SynchronizationSchema,
        rule: &RuleMapping,
        known: &Registry,
    ) -> Result<Option<TargetType>, Unusable> {
        // What the live server says counts more than what the tenant was told of it.
        if self.target_schema.is_some() {
            let mut types = known.resource_types().iter();
            let found = types.find(|resource_type| rule.mapping.makes(resource_type));
            return Ok(found.map(known_type));
        }
        schema
            .target_type(rule, known)
            .map_err(|error| unreadable(&error))
    }

    /// The mapping in a file whose resources are of the type that is asked for, or else the first one in use.
    pub(crate) fn select(
        &self,
        text: &[u8],
        type_name: Option<&str>,
    ) -> Result<(Loaded, TargetType), Unusable> {
        let wanted = self.resource_type.as_deref().or(type_name);
        let mut loaded = self.load(text)?;
        // A stable sort, so that of several the first comes first.
        loaded.sort_by_key(|loaded| !loaded.mapping.enabled);
        let count = loaded.len();
        let fits = |loaded: &Loaded| match (wanted, &loaded.target) {
            (None, _) => true,
            (Some(name), Some(target)) => target.resource_type.name().eq_ignore_ascii_case(name),
            (Some(name), None) => name_of(&loaded.mapping).eq_ignore_ascii_case(name),
        };
        let names: Vec<String> = loaded
            .iter()
            .map(|loaded| format!("`{}`", name_of(&loaded.mapping)))
            .collect();
        let found = loaded.into_iter().find(fits);
        let Some(mut found) = found else {
            return Err(Unusable::new(if count == 0 {
                "there is no mapping in the file".to_owned()
            } else {
                format!(
                    "no mapping makes resources of the type `{}`; there are {}",
                    wanted.unwrap_or_default(),
                    names.join(", ")
                )
            }));
        };
        let Some(target) = found.target.take() else {
            return Err(Unusable::new(format!(
                "nothing is known of the target `{}`; say which with --type, or give its schemas with --target-schema",
                found.mapping.target
            )));
        };
        Ok((found, target))
    }
}

/// The name of a mapping's resource type.
fn name_of(mapping: &ObjectMapping) -> &str {
    mapping.target.rsplit(':').next().unwrap_or(&mapping.target)
}

fn known_type(resource_type: &ResourceType) -> TargetType {
    TargetType::scim(resource_type.clone())
}

/// The registry of RFC 7643 with the schemas that a server answers in place of its own, and as extensions those that it
/// has beside.
fn registry(text: &[u8]) -> Result<Registry, Unusable> {
    let wrapped;
    let document = if text.trim_ascii_start().starts_with(b"[") {
        wrapped = [b"{\"Resources\": ", text, b"}"].concat();
        json::object_from_slice(&wrapped)?
    } else {
        json::object_from_slice(text)?
    };
    let schemas: Vec<&Object> = match document.get("Resources") {
        Some(resources) => resources
            .as_elements()
            .iter()
            .filter_map(Value::as_object)
            .collect(),
        None => vec![&document],
    };
    let known = Registry::verkada();
    let mut deviations = Deviations::new();
    let mut builder = RegistryBuilder::verkada();
    let mut count = 0;
    for object in schemas {
        let schema = Schema::from_answer(object, &mut deviations)?;
        let uri = schema.id.as_str();
        let last = uri.rsplit(':').next().unwrap_or_default();
        count += 1;
        if known.schema(uri).is_some() {
            builder = builder.replace_schema(schema);
        } else if known.resource_type(last).is_some() {
            let resource_type = last.to_owned();
            builder = builder.extend(&resource_type, schema, false);
        }
    }
    if count == 0 {
        return Err(Unusable::new(
            "there is no schema in it; give what `/Schemas` answers",
        ));
    }
    for deviation in deviations.iter() {
        output::report(&format!("note: {deviation}"));
    }
    Ok(builder.build()?)
}

/// The fault of a document, and the word that was perhaps meant.
pub(crate) fn unreadable(error: &ImportError) -> Unusable {
    Unusable::new(with_suggestion(
        error.to_string(),
        error.suggestion().map(AsRef::as_ref),
    ))
}
