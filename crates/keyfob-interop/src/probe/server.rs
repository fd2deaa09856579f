//! What a server says of itself, as far as it can be understood.

use keyfob_core::Registry;
use serde_json::{Value, json};

/// The user's schema and its extension (RFC 7643 sections 4.1 and 4.3).
pub(super) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// What a server says of itself. What it doesn't say is as in the RFC.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) config: Value,
    pub(super) types: Vec<Value>,
    pub(super) schemas: Vec<Value>,
}

/// An attribute as a schema describes it (RFC 7643 section 7).
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) name: String,
    /// The URI of the extension that it belongs to; empty for the resource type's own schema.
    pub(super) extension: String,
    pub(super) kind: String,
    pub(super) multi: bool,
    pub(super) required: bool,
    pub(super) mutability: String,
    pub(super) returned: String,
    pub(super) case_exact: bool,
    pub(super) canonical: Vec<String>,
    pub(super) subs: Vec<Attribute>,
}

impl Server {
    /// Reads the three answers; lists may be wrapped or not.
    pub(super) fn of(config: &Value, types: &Value, schemas: &Value) -> Self {
        let list = |value: &Value| {
            let elements = value.get("Resources").unwrap_or(value).as_array();
            elements.cloned().unwrap_or_default()
        };
        let mut server = Self {
            config: list(config).first().unwrap_or(config).clone(),
            types: list(types),
            schemas: list(schemas),
        };
        let rfc = Registry::rfc();
        if server.types.is_empty() {
            let rfc = rfc.resource_types().iter();
            server.types = rfc
                .map(|known| {
                    let extensions = known.extensions().iter();
                    json!({
                        "name": known.name().as_str(),
                        "endpoint": known.endpoint(),
                        "schema": known.schema().id.as_str(),
                        "schemaExtensions": extensions
                            .map(|extension| json!({"schema": extension.schema.id.as_str()}))
                            .collect::<Vec<_>>(),
                    })
                })
                .collect();
        }
        if server.schemas.is_empty() {
            let rfc = rfc.resource_types().iter().flat_map(|known| {
                let extensions = known.extensions().iter().map(|extension| &extension.schema);
                [known.schema()]
                    .into_iter()
                    .chain(extensions.map(|schema| &**schema))
            });
            server.schemas = rfc
                .filter_map(|schema| serde_json::from_slice(&schema.to_resource().to_json()).ok())
                .collect();
        }
        server
    }

    /// Returns true if the configuration says that a feature is supported.
    pub(super) fn offers(&self, feature: &str) -> bool {
        if feature == "cursor" {
            return self.config.pointer("/pagination/cursor") == Some(&Value::Bool(true));
        }
        self.config.pointer(&format!("/{feature}/supported")) == Some(&Value::Bool(true))
    }

    /// Returns true if the configuration denies a feature; one that it doesn't name is tried.
    pub(super) fn denies(&self, feature: &str) -> bool {
        self.config.pointer(&format!("/{feature}/supported")) == Some(&Value::Bool(false))
    }

    /// Returns the description of a resource type.
    pub(super) fn resource_type(&self, name: &str) -> Option<&Value> {
        let mut types = self.types.iter();
        types.find(|known| known.get("name").or(known.get("id")).and_then(Value::as_str) == Some(name))
    }

    /// Returns the path of a resource type behind the base URL.
    pub(super) fn endpoint(&self, name: &str) -> String {
        let known = self.resource_type(name).and_then(|known| known.get("endpoint"));
        let path = known.and_then(Value::as_str).unwrap_or_default();
        // Some servers write the whole address.
        let path = path.rsplit('/').next().unwrap_or_default();
        if path.is_empty() {
            format!("/{name}s")
        } else {
            format!("/{path}")
        }
    }

    /// Returns the schema with this URI.
    pub(super) fn schema(&self, uri: &str) -> Option<&Value> {
        let mut schemas = self.schemas.iter();
        schemas.find(|schema| text(schema, "id").eq_ignore_ascii_case(uri))
    }

    /// Returns the URIs of a resource type's extensions.
    pub(super) fn extensions(&self, name: &str) -> Vec<&str> {
        let known = self.resource_type(name);
        let extensions = known.and_then(|known| known.get("schemaExtensions")?.as_array());
        let extensions = extensions.map(Vec::as_slice).unwrap_or_default().iter();
        extensions.map(|extension| text(extension, "schema")).collect()
    }

    /// Returns the attributes of a resource type, those of extensions among them.
    pub(super) fn attributes(&self, name: &str) -> Vec<Attribute> {
        let own = match (self.resource_type(name).map(|known| text(known, "schema")), name) {
            (Some(uri), _) if !uri.is_empty() => uri,
            (_, "Group") => GROUP,
            _ => USER,
        };
        let mut attributes = Vec::new();
        for (uri, extension) in [(own, "")]
            .into_iter()
            .chain(self.extensions(name).into_iter().map(|uri| (uri, uri)))
        {
            let described = self
                .schema(uri)
                .and_then(|schema| schema.get("attributes")?.as_array());
            let described = described.map(Vec::as_slice).unwrap_or_default();
            attributes.extend(
                described
                    .iter()
                    .map(|described| Attribute::of(described, extension)),
            );
        }
        attributes
    }

    /// Returns true if a resource type has an attribute: `User.title`, `User.name.middleName`, or `User.enterprise.department`.
    pub(super) fn has(&self, path: &str) -> bool {
        let mut parts = path.split('.');
        let Some(name) = parts.next() else { return false };
        if name != "User" && self.resource_type(name).is_none() {
            return false;
        }
        let mut attributes = self.attributes(name);
        for part in parts {
            if part == "enterprise" {
                attributes.retain(|attribute| attribute.extension == ENTERPRISE);
                continue;
            }
            let found = attributes
                .into_iter()
                .find(|attribute| attribute.name.eq_ignore_ascii_case(part));
            // `externalId` is every resource's, in no schema (RFC 7643 section 3.1).
            match found {
                Some(attribute) => attributes = attribute.subs,
                None => return part == "externalId",
            }
        }
        true
    }
}

impl Attribute {
    fn of(described: &Value, extension: &str) -> Self {
        let flag = |name: &str| described.get(name) == Some(&Value::Bool(true));
        let list = |name: &str| {
            let list = described.get(name).and_then(Value::as_array);
            list.map(Vec::as_slice).unwrap_or_default()
        };
        let word = |name: &str, default: &str| match text(described, name) {
            "" => default.to_owned(),
            found => found.to_owned(),
        };
        Self {
            name: text(described, "name").to_owned(),
            extension: extension.to_owned(),
            kind: word("type", "string"),
            multi: flag("multiValued"),
            required: flag("required"),
            mutability: word("mutability", "readWrite"),
            returned: word("returned", "default"),
            case_exact: flag("caseExact"),
            canonical: list("canonicalValues")
                .iter()
                .filter_map(|value| value.as_str().map(ToOwned::to_owned))
                .collect(),
            subs: list("subAttributes")
                .iter()
                .map(|sub| Self::of(sub, ""))
                .collect(),
        }
    }

    /// Returns true if a client may set it and read it back.
    pub(super) fn comes_back(&self) -> bool {
        matches!(self.mutability.as_str(), "readWrite" | "immutable")
            && matches!(self.returned.as_str(), "default" | "always")
    }

    /// Returns the path of an attribute, with the URI of its extension before it.
    pub(super) fn path(&self) -> String {
        if self.extension.is_empty() {
            self.name.clone()
        } else {
            format!("{}:{}", self.extension, self.name)
        }
    }

    /// Returns a value of the attribute's type, or `None` where none can be made up.
    pub(super) fn example(&self, mark: &str) -> Option<Value> {
        if self.multi {
            if self.kind == "complex" {
                // Certificates have to be some, and a reference has to lead to something.
                if self.name == "x509Certificates" || self.subs.iter().any(|sub| sub.name == "$ref") {
                    return None;
                }
                let mut first = self.object(mark)?;
                if self.sub("primary").is_some() {
                    first.insert("primary".to_owned(), Value::Bool(true));
                }
                let mut values = vec![Value::Object(first.clone())];
                // A second value shows if several come back. It is of another type, where there are types.
                let second = self.sub("type").and_then(|types| types.canonical.get(1).cloned());
                if let (Some(second), Some(Value::String(value))) = (second, first.get("value").cloned()) {
                    first.insert("type".to_owned(), Value::String(second));
                    first.insert("value".to_owned(), Value::String(another(&self.name, &value)));
                    first.remove("primary");
                    values.push(Value::Object(first));
                }
                return Some(Value::Array(values));
            }
            return Some(Value::Array(vec![self.simple(mark)?]));
        }
        if self.kind == "complex" {
            if self.subs.iter().any(|sub| sub.name == "$ref") {
                return None;
            }
            return self.object(mark).map(Value::Object);
        }
        self.simple(mark)
    }

    fn sub(&self, name: &str) -> Option<&Self> {
        self.subs.iter().find(|sub| sub.name == name)
    }

    fn object(&self, mark: &str) -> Option<serde_json::Map<String, Value>> {
        let mut object = serde_json::Map::new();
        for sub in &self.subs {
            // What a server makes of the others itself is no loss.
            if !sub.comes_back() || matches!(sub.name.as_str(), "primary" | "display" | "formatted" | "$ref")
            {
                continue;
            }
            let value = match (self.name.as_str(), sub.name.as_str()) {
                ("emails", "value") => json!(format!("{mark}@probe.example")),
                ("phoneNumbers", "value") => json!("+1-201-555-0123"),
                ("photos", "value") => json!("https://probe.example/photo.png"),
                ("addresses", "country") => json!("DE"),
                _ if sub.multi || sub.kind == "complex" => continue,
                _ => sub.simple(mark)?,
            };
            object.insert(sub.name.clone(), value);
        }
        (!object.is_empty()).then_some(object)
    }

    fn simple(&self, mark: &str) -> Option<Value> {
        if let Some(first) = self.canonical.first() {
            return Some(json!(first));
        }
        Some(match (self.name.as_str(), self.kind.as_str()) {
            ("locale" | "preferredLanguage", _) => json!("en-US"),
            ("timezone", _) => json!("Europe/Berlin"),
            (_, "string") => json!(format!("{mark} Zoë")),
            (_, "boolean") => json!(true),
            (_, "integer") => json!(7),
            (_, "decimal") => json!(7.5),
            (_, "dateTime") => json!("2024-02-29T12:34:56Z"),
            (_, "reference") => json!("https://probe.example/x"),
            (_, "binary") => json!("a2V5Zm9i"),
            _ => return None,
        })
    }
}

/// Another value that is as well formed as the first one.
fn another(name: &str, value: &str) -> String {
    match name {
        "emails" => format!("second.{value}"),
        "phoneNumbers" => "+1-201-555-0124".to_owned(),
        "photos" => "https://probe.example/thumbnail.png".to_owned(),
        _ => format!("{value} 2"),
    }
}

/// Returns a text of an object, empty if there is none.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
