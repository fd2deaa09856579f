//! What a server says of itself (RFC 7644 section 4).

use std::collections::HashSet;

use http::Method;
use keyfob_core::{
    Object, Registry, Resource, Schema, SchemaUri, Value,
    json::object_from_slice,
    message::{Deviation, Deviations, ListPage, ServiceProviderConfig},
    schema::{Mutability, RegistryBuilder, ResourceTypeBuilder},
};

use crate::{
    capabilities::{Capabilities, Origin},
    error::Error,
    preset::{Preset, PresetError},
    session::Session,
};

const RFC: &str = "RFC 7644 section 4";

/// What is known of a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Target {
    /// The schemas and resource types.
    pub registry: Registry,
    /// What it can do.
    pub capabilities: Capabilities,
}

impl Target {
    /// Returns what the RFC says of every server: User with the enterprise extension, and Group.
    #[must_use]
    pub fn rfc() -> Self {
        Self {
            registry: Registry::rfc().clone(),
            capabilities: Capabilities::rfc(),
        }
    }

    /// Puts a preset over what is known.
    #[must_use]
    pub fn preset(mut self, preset: &Preset) -> Self {
        // A preset that was read names nothing that can't be set.
        preset.apply(&mut self.capabilities).ok();
        self
    }

    /// Sets a capability by its name in presets.
    ///
    /// # Errors
    /// As [`Capabilities::set`].
    pub fn given(mut self, name: &str, value: impl Into<Value>) -> Result<Self, PresetError> {
        self.capabilities.set(name, &value.into(), Origin::Given)?;
        Ok(self)
    }
}

/// Reads the three endpoints.
pub(crate) async fn discover(session: Session) -> Result<Target, Error> {
    let known = &session.shared.target;
    let mut capabilities = known.capabilities.clone();
    let config = optional(&session, "/ServiceProviderConfig", fetch_config(&session).await)?;
    if let Some(config) = &config {
        capabilities.discovered(config);
    }
    let types = optional(
        &session,
        "/ResourceTypes",
        fetch_list(&session, "/ResourceTypes").await,
    )?;
    let schemas = optional(&session, "/Schemas", fetch_list(&session, "/Schemas").await)?;
    if config.is_none() && types.is_none() && schemas.is_none() {
        return Err(Error::Decode(
            "nothing at this address describes a SCIM server".into(),
        ));
    }
    let mut deviations = Deviations::new();
    let registry = registry(types, schemas, &mut deviations).unwrap_or_else(|| known.registry.clone());
    session.report(deviations)?;
    Ok(Target {
        registry,
        capabilities,
    })
}

/// Passes over an endpoint that the server doesn't have. A refusal of the client is for the caller to know.
fn optional<T>(session: &Session, endpoint: &str, read: Result<T, Error>) -> Result<Option<T>, Error> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) => match error.status() {
            Some(200..=299 | 403..=405 | 501) if !matches!(error, Error::Status { status: 403, .. }) => {
                let deviation = Deviation::new(endpoint, "is not served", RFC);
                session.deviates(deviation)?;
                Ok(None)
            }
            _ if matches!(error, Error::Decode(_)) => {
                session.deviates(Deviation::new(endpoint, "can't be read", RFC))?;
                Ok(None)
            }
            _ => Err(error),
        },
    }
}

async fn fetch_config(session: &Session) -> Result<ServiceProviderConfig, Error> {
    let ask = session.ask(Method::GET, session.url("/ServiceProviderConfig", ""), None);
    session
        .fetch(&ask, |answer, deviations| {
            let mut message = object_from_slice(&answer.body).map_err(unreadable)?;
            // Some servers wrap the one configuration into a list.
            if let Some(Value::Array(resources)) = message.get_mut("Resources") {
                let first = resources.drain(..).next();
                deviations.note(Deviation::new(
                    "Resources",
                    "is not a member of the configuration",
                    RFC,
                ));
                if let Some(Value::Object(config)) = first {
                    message = config;
                }
            }
            Ok(ServiceProviderConfig::from_object(message, deviations))
        })
        .await
}

/// Reads a list that RFC 7644 section 4 says is not paged; a server that pages it all the same is asked on.
async fn fetch_list(session: &Session, endpoint: &str) -> Result<Vec<Resource>, Error> {
    let mut resources: Vec<Resource> = Vec::new();
    loop {
        let query = if resources.is_empty() {
            String::new()
        } else {
            format!("startIndex={}", resources.len() + 1)
        };
        let ask = session.ask(Method::GET, session.url(endpoint, &query), None);
        let page = session
            .fetch(&ask, |answer, deviations| {
                ListPage::from_json(&answer.body, None, deviations).map_err(unreadable)
            })
            .await?;
        let total = page.total_results.unwrap_or_default();
        let is_new = |resource: &Resource| resources.iter().all(|known| known.core() != resource.core());
        let room = MAX_DESCRIBED - resources.len();
        let fresh: Vec<Resource> = page.resources.into_iter().filter(is_new).take(room).collect();
        let came = fresh.len();
        resources.extend(fresh);
        if came == 0 || resources.len() as u64 >= total || resources.len() >= MAX_DESCRIBED {
            return Ok(resources);
        }
    }
}

/// The number of schemas and of resource types that are read.
const MAX_DESCRIBED: usize = 1_000;

pub(crate) fn unreadable(error: impl std::fmt::Display) -> Error {
    Error::Decode(smol_str::format_smolstr!("{error}"))
}

/// Makes a registry of what was read; `None` where too little was.
fn registry(
    types: Option<Vec<Resource>>,
    schemas: Option<Vec<Resource>>,
    deviations: &mut Deviations,
) -> Option<Registry> {
    let mut builder = RegistryBuilder::new();
    let mut uris = HashSet::from([SchemaUri::USER, SchemaUri::GROUP, SchemaUri::ENTERPRISE_USER]);
    let mut read: Vec<Schema> = Vec::new();
    for resource in schemas.unwrap_or_default() {
        match Schema::from_answer(resource.core(), deviations) {
            Ok(schema) if read.iter().all(|known| known.id != schema.id) => {
                uris.insert(schema.id.clone());
                read.push(schema);
            }
            Ok(schema) => deviations.note(Deviation::new(schema.id.as_str(), "is described twice", RFC)),
            Err(error) => deviations.note(Deviation::new(
                "/Schemas",
                format!("holds no schema: {error}"),
                RFC,
            )),
        }
    }
    let fallback = || {
        let user = ResourceTypeBuilder::new("User", "/Users", SchemaUri::USER);
        let group = ResourceTypeBuilder::new("Group", "/Groups", SchemaUri::GROUP);
        vec![user.extension(SchemaUri::ENTERPRISE_USER, false), group]
    };
    let mut definitions = Vec::new();
    for resource in types.unwrap_or_default() {
        match ResourceTypeBuilder::from_answer(whole(&resource), deviations) {
            Ok(definition) => definitions.push(definition),
            Err(error) => {
                deviations.note(Deviation::new(
                    "/ResourceTypes",
                    format!("holds no resource type: {error}"),
                    RFC,
                ));
            }
        }
    }
    if definitions.is_empty() {
        definitions = fallback();
    }
    // What the server did not describe is left out, if nobody else has described it.
    definitions.retain(|definition| {
        let described = uris.contains(definition.schema());
        if !described {
            let rule = "is the schema of a resource type and not described";
            deviations.note(Deviation::new(definition.schema().as_str(), rule, RFC));
        }
        described
    });
    let core = |uri: &SchemaUri| {
        let described = read.iter().find(|schema| schema.id == *uri);
        described.or_else(|| Registry::rfc().schema(uri.as_str()))
    };
    let keyed = |uri: &SchemaUri, name: &str| {
        core(uri)
            .and_then(|schema| schema.attribute(name))
            .is_some_and(|attribute| {
                attribute.multi_valued
                    && attribute.mutability != Mutability::Immutable
                    && attribute.default_sub_attribute().is_some()
            })
    };
    let has_members = keyed(&SchemaUri::GROUP, "members");
    let has_groups = keyed(&SchemaUri::USER, "groups");
    let group = definitions
        .iter()
        .find(|definition| *definition.schema() == SchemaUri::GROUP);
    let group = group.map(|definition| definition.name().clone());
    for definition in definitions {
        let mut definition = definition.retain_extensions(|uri| {
            let described = uris.contains(uri);
            if !described {
                deviations.note(Deviation::new(
                    uri.as_str(),
                    "is an extension and not described",
                    RFC,
                ));
            }
            described
        });
        if *definition.schema() == SchemaUri::GROUP && has_members {
            definition = definition.relation("members");
        }
        if let (true, Some(group), true) = (
            *definition.schema() == SchemaUri::USER,
            &group,
            has_groups && has_members,
        ) {
            definition = definition.inverse_relation("groups", group.clone(), "members");
        }
        builder = builder.resource_type(definition);
    }
    for schema in read {
        builder = builder.replace_schema(schema);
    }
    builder
        .build()
        .inspect_err(|error| {
            let rule = format!("do not fit together: {error}");
            deviations.note(Deviation::new("/ResourceTypes and /Schemas", rule, RFC));
        })
        .ok()
}

/// A resource type as one object again. Its own attributes are all core ones.
fn whole(resource: &Resource) -> Object {
    let mut object = resource.core().clone();
    let schemas = resource.schemas().iter().map(|uri| Value::from(uri.as_str()));
    object.insert("schemas", schemas.collect::<Vec<_>>());
    object
}
