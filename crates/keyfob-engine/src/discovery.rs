//! What a service says of itself (RFC 7644 section 4, RFC 7643 sections 5 to 7).

use keyfob_core::{Object, Resource, SchemaUri, Value, resource::Meta};
use keyfob_store::Store;
use smol_str::format_smolstr;

use crate::{context::Context, engine::Engine};

impl<S: Store> Engine<S> {
    /// The service provider's configuration (`/ServiceProviderConfig`).
    #[must_use]
    pub fn service_provider_config(&self, cx: &Context) -> Resource {
        let flag = |supported: bool| Object::from_iter([("supported", supported)]);
        let limit = |object: &mut Object, name: &str, value: usize| {
            object.insert(name, i64::try_from(value).unwrap_or(i64::MAX));
        };
        let mut bulk = flag(false);
        limit(&mut bulk, "maxOperations", 0);
        limit(&mut bulk, "maxPayloadSize", 0);
        let mut filter = flag(true);
        limit(&mut filter, "maxResults", self.profile().max_page);
        let mut scheme = Object::new();
        scheme.insert("type", "oauthbearertoken");
        scheme.insert("name", "OAuth Bearer Token");
        scheme.insert(
            "description",
            "The bearer token of an organization in the Authorization header",
        );
        scheme.insert("specUri", "https://www.rfc-editor.org/info/rfc6750");
        scheme.insert("primary", true);
        let mut config = Resource::new([SchemaUri::SERVICE_PROVIDER_CONFIG]);
        let core = config.core_mut();
        core.insert("patch", flag(true));
        core.insert("bulk", bulk);
        core.insert("filter", filter);
        core.insert("changePassword", flag(false));
        core.insert("sort", flag(false));
        core.insert("etag", flag(true));
        core.insert("authenticationSchemes", vec![Value::from(scheme)]);
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

    /// The schemas that are served (`/Schemas`).
    pub fn schemas(&self, cx: &Context) -> impl Iterator<Item = Resource> {
        self.registry().schemas().map(move |schema| {
            let mut resource = schema.to_resource();
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
