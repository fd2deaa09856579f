//! From a path to an endpoint (RFC 7644 section 3.2).

use std::borrow::Cow;

use http::Method;
use keyfob_core::{Registry, ResourceId, ResourceType};
use keyfob_engine::Feature;
use percent_encoding::percent_decode_str;

/// What a path leads to.
#[derive(Debug)]
pub(crate) enum Route<'r> {
    /// All resources (RFC 7644 section 3.4.2.1).
    Root,
    /// All resources of a type.
    Resources(&'r ResourceType),
    /// One resource.
    Resource(&'r ResourceType, ResourceId),
    /// Queries by POST over one type, or over all of them.
    Search(Option<&'r ResourceType>),
    /// The resource that the caller is.
    Me,
    /// Bulk operations.
    Bulk,
    /// Security events for those who poll (RFC 8936).
    Events,
    /// The keys by which security events are checked.
    EventKeys,
    /// What the service says of itself.
    Discovery(Discovery),
}

/// The endpoints of RFC 7644 section 4, and one that is not SCIM's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Discovery {
    ServiceProviderConfig,
    ResourceTypes,
    ResourceType(String),
    Schemas,
    Schema(String),
    /// The description for machines.
    OpenApi,
}

impl<'r> Route<'r> {
    /// Resolves a path below the base path.
    ///
    /// Empty segments count for nothing, as an address typed with a slash at its end leads to `//Users` and
    /// `/Users/`. Each segment is percent-decoded once; one that is then no UTF-8 leads nowhere.
    pub(crate) fn of(path: &str, registry: &'r Registry) -> Option<Self> {
        let segments: Vec<Cow<'_, str>> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8())
            .collect::<Result<_, _>>()
            .ok()?;
        let segments: Vec<&str> = segments.iter().map(Cow::as_ref).collect();
        Some(match segments.as_slice() {
            [".search"] => Self::Search(None),
            ["Me"] => Self::Me,
            ["Bulk"] => Self::Bulk,
            ["Events"] => Self::Events,
            ["Events", "keys"] => Self::EventKeys,
            ["ServiceProviderConfig"] => Self::Discovery(Discovery::ServiceProviderConfig),
            ["ResourceTypes"] => Self::Discovery(Discovery::ResourceTypes),
            ["ResourceTypes", name] => Self::Discovery(Discovery::ResourceType((*name).into())),
            ["openapi.json"] => Self::Discovery(Discovery::OpenApi),
            ["Schemas"] => Self::Discovery(Discovery::Schemas),
            ["Schemas", uri] => Self::Discovery(Discovery::Schema((*uri).into())),
            [endpoint, below @ ..] => {
                let mut exposed = registry
                    .resource_types()
                    .iter()
                    .filter(|resource_type| resource_type.is_exposed());
                let resource_type = exposed
                    .find(|resource_type| resource_type.endpoint().strip_prefix('/') == Some(endpoint))?;
                match below {
                    [] => Self::Resources(resource_type),
                    [".search"] => Self::Search(Some(resource_type)),
                    [id] => Self::Resource(resource_type, ResourceId::new(*id)),
                    _ => return None,
                }
            }
            [] => Self::Root,
        })
    }

    /// The methods of the endpoint, as `Allow` lists them, under a service that offers these features.
    pub(crate) fn allow(&self, offers: impl Fn(Feature) -> bool) -> &'static str {
        match self {
            Self::Resources(_) => "GET, HEAD, OPTIONS, POST",
            Self::Resource(..) | Self::Me if offers(Feature::Patch) => {
                "GET, HEAD, OPTIONS, PUT, PATCH, DELETE"
            }
            Self::Resource(..) | Self::Me => "GET, HEAD, OPTIONS, PUT, DELETE",
            Self::Bulk if !offers(Feature::Bulk) => "OPTIONS",
            Self::Search(_) | Self::Bulk | Self::Events => "OPTIONS, POST",
            Self::Root | Self::EventKeys | Self::Discovery(_) => "GET, HEAD, OPTIONS",
        }
    }

    /// Returns the feature that a method of the endpoint belongs to, if to any.
    pub(crate) fn feature(&self, method: &Method) -> Option<Feature> {
        match self {
            Self::Resource(..) | Self::Me if *method == Method::PATCH => Some(Feature::Patch),
            Self::Bulk if *method == Method::POST => Some(Feature::Bulk),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::{
        SchemaUri,
        schema::{RegistryBuilder, ResourceTypeBuilder},
    };

    use super::*;

    /// A route in words.
    fn told(path: &str, registry: &Registry) -> String {
        match Route::of(path, registry) {
            None => "nothing".into(),
            Some(Route::Root) => "everything".into(),
            Some(Route::Resources(resource_type)) => format!("all {}", resource_type.name()),
            Some(Route::Resource(resource_type, id)) => format!("{} <{id}>", resource_type.name()),
            Some(Route::Search(Some(resource_type))) => format!("search {}", resource_type.name()),
            Some(Route::Search(None)) => "search".into(),
            Some(Route::Me) => "me".into(),
            Some(Route::Bulk) => "bulk".into(),
            Some(Route::Events) => "events".into(),
            Some(Route::EventKeys) => "event keys".into(),
            Some(Route::Discovery(discovery)) => format!("{discovery:?}"),
        }
    }

    #[test]
    fn paths_lead_to_endpoints() {
        for (path, expected) in [
            ("/Users", "all User"),
            ("/Users/", "all User"),
            ("//Users", "all User"),
            ("/%55sers", "all User"),
            ("/Groups", "all Group"),
            ("/Users/2819c223", "User <2819c223>"),
            ("/Users/2819c223/", "User <2819c223>"),
            ("/Users/a%20b", "User <a b>"),
            ("/Users/a%2520b", "User <a%20b>"),
            ("/Users/a+b", "User <a+b>"),
            ("/Users/%E2%82%AC", "User <\u{20ac}>"),
            ("/Users/a%2Fb", "User <a/b>"),
            ("/Users/..", "User <..>"),
            ("/Users/%2e%2e%2f", "User <../>"),
            ("/Users/100%", "User <100%>"),
            ("/Users/.search", "search User"),
            ("/Users/%2Esearch", "search User"),
            ("/.search", "search"),
            ("/Me", "me"),
            ("/Events", "events"),
            ("/Events/keys", "event keys"),
            ("/Events/x", "nothing"),
            ("/Bulk", "bulk"),
            ("/ServiceProviderConfig", "ServiceProviderConfig"),
            ("/ResourceTypes", "ResourceTypes"),
            ("/ResourceTypes/User", "ResourceType(\"User\")"),
            ("/openapi.json", "OpenApi"),
            ("/Schemas", "Schemas"),
            ("/Schemas/urn%3Aa:b", "Schema(\"urn:a:b\")"),
            ("", "everything"),
            ("/", "everything"),
            ("//", "everything"),
            ("/users", "nothing"),
            ("/User", "nothing"),
            ("/Users/a/b", "nothing"),
            ("/Users/%ff", "nothing"),
            ("/Me/x", "nothing"),
            ("/Schemas/a/b", "nothing"),
            ("*", "nothing"),
        ] {
            assert_eq!(told(path, Registry::rfc()), expected, "{path}");
        }
    }

    #[test]
    fn internal_types_have_no_endpoint() {
        let registry = RegistryBuilder::rfc()
            .resource_type(ResourceTypeBuilder::new("Secret", "/Secrets", SchemaUri::GROUP).internal())
            .build()
            .unwrap();
        for path in ["/Secrets", "/Secrets/1", "/Secrets/.search"] {
            assert_eq!(told(path, &registry), "nothing", "{path}");
        }
    }
}
