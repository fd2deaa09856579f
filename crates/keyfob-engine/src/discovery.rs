//! What a service says of itself (RFC 7644 section 4, RFC 7643 sections 5 to 7).

use keyfob_core::{Object, Resource, SchemaUri, Value, resource::Meta};
use keyfob_store::Store;
use smol_str::{SmolStr, format_smolstr};

use crate::{
    context::Context,
    engine::Engine,
    feature::Feature,
    security_event::{COMPLETION, EVENT_URIS},
};

/// A way in which clients prove who they are (`authenticationSchemes`, RFC 7643 section 5).
///
/// ```
/// use keyfob_engine::AuthenticationScheme;
///
/// let scheme = AuthenticationScheme::new("httpbasic", "API key", "The key as the password")
///     .documented_at("https://docs.example.com/keys")
///     .challenging_with("Basic realm=\"SCIM\"");
/// assert_eq!(scheme.kind, "httpbasic");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthenticationScheme {
    /// `oauth`, `oauth2`, `oauthbearertoken`, `httpbasic`, `httpdigest` or another keyword (`type`).
    pub kind: SmolStr,
    /// Its name for people.
    pub name: SmolStr,
    /// How it is used.
    pub description: SmolStr,
    /// The address of its specification.
    pub specification: Option<SmolStr>,
    /// The address of help pages.
    pub documentation: Option<SmolStr>,
    /// The challenge in `WWW-Authenticate` of an answer 401 (RFC 9110 section 11.6.1), if the scheme has one.
    pub challenge: Option<SmolStr>,
}

impl AuthenticationScheme {
    /// A scheme of this type, with its name and a description for people.
    #[must_use]
    pub fn new(kind: impl Into<SmolStr>, name: impl Into<SmolStr>, description: impl Into<SmolStr>) -> Self {
        Self {
            kind: kind.into(),
            name: name.into(),
            description: description.into(),
            specification: None,
            documentation: None,
            challenge: None,
        }
    }

    /// Bearer tokens (RFC 6750).
    #[must_use]
    pub fn bearer() -> Self {
        let description = "A bearer token in the Authorization header";
        Self::new("oauthbearertoken", "OAuth Bearer Token", description)
            .specified_at("https://www.rfc-editor.org/info/rfc6750")
            .challenging_with("Bearer realm=\"SCIM\"")
    }

    /// The same scheme with the address of its specification (`specUri`).
    #[must_use]
    pub fn specified_at(self, url: impl Into<SmolStr>) -> Self {
        Self {
            specification: Some(url.into()),
            ..self
        }
    }

    /// The same scheme with the address of help pages (`documentationUri`).
    #[must_use]
    pub fn documented_at(self, url: impl Into<SmolStr>) -> Self {
        Self {
            documentation: Some(url.into()),
            ..self
        }
    }

    /// The same scheme with its challenge.
    #[must_use]
    pub fn challenging_with(self, challenge: impl Into<SmolStr>) -> Self {
        Self {
            challenge: Some(challenge.into()),
            ..self
        }
    }

    fn to_object(&self, primary: bool) -> Object {
        let mut object = Object::new();
        object.insert("type", self.kind.clone());
        object.insert("name", self.name.clone());
        object.insert("description", self.description.clone());
        for (name, url) in [
            ("specUri", &self.specification),
            ("documentationUri", &self.documentation),
        ] {
            if let Some(url) = url {
                object.insert(name, url.clone());
            }
        }
        object.insert("primary", primary);
        object
    }
}

/// What the service in front of an engine adds to the service provider's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what a service in front decides, and nothing else"
)]
pub struct Transport {
    /// How clients prove who they are, the preferred way first.
    pub authentication_schemes: Vec<AuthenticationScheme>,
    /// The largest number of bytes of a request's body.
    pub body_limit: usize,
    /// The address of the service's help pages for people (`documentationUri`), if it has any.
    pub documentation: Option<SmolStr>,
    /// The security events that clients can poll, if they can.
    pub security_events: Option<SecurityEvents>,
}

/// The security events that a service offers (`securityEvents`, RFC 9967 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the service in front decides each of them"
)]
pub struct SecurityEvents {
    /// If true, requests that ask for it may be answered before they are done (`asyncRequest` is `long`).
    pub answers_later: bool,
}

impl<S: Store> Engine<S> {
    /// The service provider's configuration (`/ServiceProviderConfig`): the features that the call may use, with the limits
    /// that hold.
    #[must_use]
    pub fn service_provider_config(&self, cx: &Context, transport: &Transport) -> Resource {
        let flag = |feature: Feature| Object::from_iter([("supported", self.offers(cx, feature))]);
        let limit = |object: &mut Object, name: &str, value: usize| {
            object.insert(name, i64::try_from(value).unwrap_or(i64::MAX));
        };
        let limits = self.limits_of(cx);
        let mut bulk = flag(Feature::Bulk);
        // Both are demanded, whatever they are worth without the feature.
        let bulk_limit = |limit: usize| if self.offers(cx, Feature::Bulk) { limit } else { 0 };
        limit(&mut bulk, "maxOperations", bulk_limit(limits.bulk_operations));
        limit(&mut bulk, "maxPayloadSize", bulk_limit(transport.body_limit));
        let mut filter = flag(Feature::Filter);
        limit(&mut filter, "maxResults", limits.page);
        let mut pagination = Object::new();
        let has_cursors = self.offers(cx, Feature::CursorPagination);
        let has_indexes = self.offers(cx, Feature::IndexPagination);
        pagination.insert("cursor", has_cursors);
        pagination.insert("index", has_indexes);
        let default = if has_indexes { "index" } else { "cursor" };
        pagination.insert("defaultPaginationMethod", default);
        limit(
            &mut pagination,
            "defaultPageSize",
            limits.default_page.min(limits.page),
        );
        limit(&mut pagination, "maxPageSize", limits.page);
        if has_cursors {
            let seconds = i64::try_from(limits.cursor_time.as_secs()).unwrap_or(i64::MAX);
            pagination.insert("cursorTimeout", seconds);
        }
        let offered = transport.security_events;
        let offered = offered.filter(|_| self.offers(cx, Feature::SecurityEvents));
        let events = offered.map(|offered| {
            let answers_later = offered.answers_later && self.offers(cx, Feature::Bulk);
            let mut events = Object::new();
            events.insert("asyncRequest", if answers_later { "long" } else { "none" });
            let uris = EVENT_URIS
                .iter()
                .filter(|uri| answers_later || **uri != COMPLETION);
            events.insert("eventUris", uris.map(|uri| Value::from(*uri)).collect::<Vec<_>>());
            events
        });
        let schemes = transport.authentication_schemes.iter().enumerate();
        let schemes = schemes.map(|(place, scheme)| Value::from(scheme.to_object(place == 0)));
        let mut config = Resource::new([SchemaUri::SERVICE_PROVIDER_CONFIG]);
        let core = config.core_mut();
        if let Some(url) = &transport.documentation {
            core.insert("documentationUri", url.clone());
        }
        core.insert("patch", flag(Feature::Patch));
        core.insert("bulk", bulk);
        core.insert("filter", filter);
        core.insert("changePassword", flag(Feature::ChangePassword));
        core.insert("sort", flag(Feature::Sort));
        core.insert("etag", flag(Feature::Etag));
        core.insert("pagination", pagination);
        if let Some(events) = events {
            core.insert("securityEvents", events);
        }
        core.insert("authenticationSchemes", schemes.collect::<Vec<_>>());
        locate(&mut config, cx, "ServiceProviderConfig", "/ServiceProviderConfig");
        config
    }

    /// The resource types that are served (`/ResourceTypes`).
    pub fn resource_types(&self, cx: &Context) -> impl Iterator<Item = Resource> {
        let exposed = self
            .registry()
            .resource_types()
            .iter()
            .filter(|resource_type| resource_type.is_exposed());
        exposed.map(move |resource_type| {
            let mut resource = resource_type.to_resource();
            let path = format_smolstr!("/ResourceTypes/{}", resource_type.name());
            locate(&mut resource, cx, "ResourceType", &path);
            resource
        })
    }

    /// The schemas that are served (`/Schemas`), with what the profile demands beyond them.
    pub fn schemas(&self, cx: &Context) -> impl Iterator<Item = Resource> {
        self.registry().schemas().map(move |schema| {
            let mut resource = self.profile().schema(schema).to_resource();
            locate(
                &mut resource,
                cx,
                "Schema",
                &format_smolstr!("/Schemas/{}", schema.id),
            );
            resource
        })
    }
}

fn locate(resource: &mut Resource, cx: &Context, resource_type: &str, path: &str) {
    let mut meta = Meta::new();
    meta.resource_type = Some(resource_type.into());
    meta.location = Some(format_smolstr!("{}{path}", cx.base_url()));
    resource.set_meta(&meta);
}
