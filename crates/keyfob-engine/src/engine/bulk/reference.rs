//! The places at which bodies refer to resources that the same request creates (RFC 7644 section 3.7.2).

use keyfob_core::{
    AttrPathRef, Attribute, Dialect, Object, ResourceType, SchemaUri, SmolStr, Value,
    schema::{AttributeType, Container, ResolvedAttribute, Target},
};
use keyfob_filter::{Filter, Limits, Literal, PatchPath};
use smol_str::format_smolstr;

/// The prefix of a reference by `bulkId`.
const PREFIX: &str = "bulkId:";

/// A text of a body with the attribute whose value it is.
pub(super) struct Leaf<'l> {
    /// The schema that the attribute is of.
    pub(super) schema: &'l SchemaUri,
    pub(super) attribute: &'l Attribute,
    pub(super) sub: Option<&'l Attribute>,
    pub(super) text: &'l mut SmolStr,
}

/// A reference to a resource that the request creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference<'t> {
    /// The text before it: a path that ends with a slash, or nothing.
    before: &'t str,
    /// The `bulkId`.
    pub(super) bulk_id: &'t str,
}

impl<'t> Reference<'t> {
    /// Reads a text that is a reference as a whole, or an address whose last segment is one.
    fn parse(text: &'t str, is_address: bool) -> Option<Self> {
        if let Some(bulk_id) = text.strip_prefix(PREFIX) {
            return Some(Self { before: "", bulk_id });
        }
        let at = text.find("/bulkId:").filter(|_| is_address)?;
        let (before, rest) = text.split_at_checked(at + 1)?;
        let bulk_id = rest.strip_prefix(PREFIX)?;
        Some(Self { before, bulk_id })
    }
}

impl Leaf<'_> {
    /// Returns the sub-attribute, or else the attribute.
    pub(super) fn leaf(&self) -> &Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// Returns the reference that the text is. Texts of attributes that refer to no resource are none: a `displayName`
    /// may be `bulkId:x`.
    pub(super) fn reference(&self) -> Option<Reference<'_>> {
        let is_address = self.leaf().kind == AttributeType::Reference;
        self.refers()
            .then(|| Reference::parse(self.text, is_address))
            .flatten()
    }

    /// Puts the id of a resource in the place of the reference; its address where the text has to be one.
    pub(super) fn resolve(self, id: &str, address: &SmolStr) {
        let is_address = self.leaf().kind == AttributeType::Reference;
        let Some(reference) = Reference::parse(self.text, is_address) else {
            return;
        };
        *self.text = match reference.before {
            "" if is_address => address.clone(),
            before => format_smolstr!("{before}{id}"),
        };
    }

    /// Returns true if the values of the attribute refer to resources: as an address, or as the `value` beside one.
    fn refers(&self) -> bool {
        let leaf = self.leaf();
        if leaf.kind == AttributeType::Reference {
            let mut types = leaf.reference_types.iter().peekable();
            let is_type = |name: &SmolStr| name != "external" && name != "uri";
            return types.peek().is_none() || types.any(is_type);
        }
        self.sub.is_some() && leaf.name.is("value") && self.attribute.sub_attribute("$ref").is_some()
    }
}

/// Calls `each` with every text in the body of a POST or a PUT that is the value of a known attribute.
pub(super) fn each_in_resource(
    body: &mut Object,
    resource_type: &ResourceType,
    dialect: Dialect,
    each: &mut dyn FnMut(Leaf<'_>),
) {
    let visit = Visit {
        resource_type,
        dialect,
    };
    visit.object(body, None, each);
}

/// Calls `each` with every text in the body of a PATCH that is the value of a known attribute, those in value filters
/// among them.
pub(super) fn each_in_patch(
    body: &mut Object,
    resource_type: &ResourceType,
    dialect: Dialect,
    each: &mut dyn FnMut(Leaf<'_>),
) {
    let visit = Visit {
        resource_type,
        dialect,
    };
    let Some(Value::Array(operations)) = body.get_mut("Operations") else {
        return;
    };
    for operation in operations.iter_mut().filter_map(Value::as_object_mut) {
        let path = match operation.get_mut("path") {
            Some(Value::String(path)) => Some(visit.path(path, each)),
            _ => None,
        };
        let Some(value) = operation.get_mut("value") else {
            continue;
        };
        match path {
            Some(Some(path)) => visit.value_at(value, &path, each),
            // A path that can't be read is an error of the operation.
            Some(None) => {}
            None => {
                if let Value::Object(object) = value {
                    visit.object(object, None, each);
                }
            }
        }
    }
}

struct Visit<'v> {
    resource_type: &'v ResourceType,
    dialect: Dialect,
}

impl Visit<'_> {
    /// Visits an object whose keys are attributes, those of a schema where one is given.
    fn object(&self, object: &mut Object, schema: Option<&SchemaUri>, each: &mut dyn FnMut(Leaf<'_>)) {
        for (name, value) in object.iter_mut() {
            let name = name.as_str();
            if let Value::Object(core) = value
                && schema.is_none()
                && self.resource_type.schema().id.is(name)
            {
                self.object(core, Some(&self.resource_type.schema().id), each);
                continue;
            }
            let Ok(path) = AttrPathRef::parse(name) else {
                continue;
            };
            let path = match schema {
                Some(uri) => path.with_schema(Some(uri.as_str())),
                None => path,
            };
            self.target(value, path, None, each);
        }
    }

    /// Visits what a path is about.
    fn value_at(&self, value: &mut Value, path: &PatchPath, each: &mut dyn FnMut(Leaf<'_>)) {
        let sub = path.sub.as_ref().map(keyfob_core::AttrName::as_str);
        self.target(value, path.attr.borrowed(), sub, each);
    }

    fn target(
        &self,
        value: &mut Value,
        path: AttrPathRef<'_>,
        sub: Option<&str>,
        each: &mut dyn FnMut(Leaf<'_>),
    ) {
        match self.resource_type.find(path, self.dialect) {
            Some(Target::Extension(schema)) => {
                if let Value::Object(object) = value {
                    self.object(object, Some(&schema.id), each);
                }
            }
            Some(Target::Attribute(resolved)) => {
                let sub = sub
                    .and_then(|sub| resolved.attribute.sub_attribute(sub))
                    .or(resolved.sub);
                self.at(&resolved).value(value, sub, each);
            }
            None => {}
        }
    }

    fn at<'a>(&'a self, resolved: &ResolvedAttribute<'a>) -> At<'a> {
        At {
            schema: match resolved.container {
                Container::Core => &self.resource_type.schema().id,
                Container::Extension(uri) => uri,
            },
            attribute: resolved.attribute,
        }
    }

    /// Reads a path, and visits the texts in its value filter.
    fn path(&self, text: &mut SmolStr, each: &mut dyn FnMut(Leaf<'_>)) -> Option<PatchPath> {
        let mut path = PatchPath::parse_with(text, &Limits::default(), self.dialect).ok()?;
        let may_refer = text.contains(PREFIX);
        if let (true, Some(filter)) = (may_refer, &mut path.filter)
            && let Some(Target::Attribute(resolved)) = self.resource_type.find(&path.attr, self.dialect)
        {
            self.at(&resolved).filter(filter, each);
            *text = format_smolstr!("{path}");
        }
        Some(path)
    }
}

/// An attribute with the schema that it is of.
struct At<'a> {
    schema: &'a SchemaUri,
    attribute: &'a Attribute,
}

impl At<'_> {
    fn value(&self, value: &mut Value, sub: Option<&Attribute>, each: &mut dyn FnMut(Leaf<'_>)) {
        match (value, sub) {
            (Value::Array(elements), _) => {
                for element in elements {
                    self.value(element, sub, each);
                }
            }
            (Value::Object(object), None) => {
                for (name, value) in object.iter_mut() {
                    if let Some(sub) = self.attribute.sub_attribute(name.as_str()) {
                        self.value(value, Some(sub), each);
                    }
                }
            }
            (Value::String(text), sub) => {
                // A bare value of a complex attribute is that of its `value` (RFC 7643 section 2.4).
                let sub = sub.or_else(|| self.attribute.default_sub_attribute());
                self.leaf(sub, text, each);
            }
            _ => {}
        }
    }

    fn filter(&self, filter: &mut Filter, each: &mut dyn FnMut(Leaf<'_>)) {
        match filter {
            Filter::And(operands) | Filter::Or(operands) => {
                for operand in operands {
                    self.filter(operand, each);
                }
            }
            Filter::Not(operand) => self.filter(operand, each),
            Filter::Compare(path, _, Literal::String(text)) => {
                if let Some(sub) = self.attribute.sub_attribute(path.name().as_str()) {
                    self.leaf(Some(sub), text, each);
                }
            }
            Filter::Path(..) | Filter::Present(_) | Filter::Compare(..) => {}
        }
    }

    fn leaf(&self, sub: Option<&Attribute>, text: &mut SmolStr, each: &mut dyn FnMut(Leaf<'_>)) {
        each(Leaf {
            schema: self.schema,
            attribute: self.attribute,
            sub,
            text,
        });
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::{Registry, json};

    use super::*;

    const USER: &str = "https://example.com/Users/7";

    /// Resolves every reference of a body to user 7, and lists them.
    fn resolved(text: &str, name: &str, is_patch: bool) -> (String, Vec<String>) {
        let resource_type = Registry::rfc().resource_type(name).unwrap();
        let mut body = json::object_from_slice(text.as_bytes()).unwrap();
        let mut found = Vec::new();
        let mut each = |leaf: Leaf<'_>| {
            if let Some(reference) = leaf.reference() {
                found.push(reference.bulk_id.to_owned());
                leaf.resolve("7", &USER.into());
            }
        };
        let visit = if is_patch { each_in_patch } else { each_in_resource };
        visit(&mut body, resource_type, Dialect::interop(), &mut each);
        (String::from_utf8(json::object_to_vec(&body)).unwrap(), found)
    }

    #[test]
    fn rfc_7644_3_7_2_references_in_bodies_are_replaced_and_other_texts_stay() {
        for (name, sent, expected) in [
            (
                "Group",
                r#"{"members":[{"value":"bulkId:a"}]}"#,
                r#"{"members":[{"value":"7"}]}"#,
            ),
            (
                "Group",
                r#"{"MEMBERS":{"VALUE":"bulkId:a"}}"#,
                r#"{"MEMBERS":{"VALUE":"7"}}"#,
            ),
            ("Group", r#"{"members":["bulkId:a"]}"#, r#"{"members":["7"]}"#),
            (
                "Group",
                r#"{"members":[{"value":"bulkId:a","$ref":"../Users/bulkId:a","display":"bulkId:a"}]}"#,
                r#"{"members":[{"value":"7","$ref":"../Users/7","display":"bulkId:a"}]}"#,
            ),
            (
                "Group",
                r#"{"members":[{"$ref":"bulkId:a"}],"displayName":"bulkId:a","externalId":"bulkId:a"}"#,
                r#"{"members":[{"$ref":"https://example.com/Users/7"}],"displayName":"bulkId:a","externalId":"bulkId:a"}"#,
            ),
            (
                "User",
                r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"bulkId:a","displayName":"bulkId:a"}}}"#,
                r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"7","displayName":"bulkId:a"}}}"#,
            ),
            (
                "User",
                r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager":"bulkId:a"}"#,
                r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager":"7"}"#,
            ),
            (
                "User",
                r#"{"emails":[{"value":"bulkId:a"}]}"#,
                r#"{"emails":[{"value":"bulkId:a"}]}"#,
            ),
            (
                "User",
                r#"{"profileUrl":"bulkId:a"}"#,
                r#"{"profileUrl":"bulkId:a"}"#,
            ),
            (
                "User",
                r#"{"colour":{"value":"bulkId:a"}}"#,
                r#"{"colour":{"value":"bulkId:a"}}"#,
            ),
        ] {
            assert_eq!(resolved(sent, name, false).0, expected);
        }
    }

    #[test]
    fn rfc_7644_3_7_2_references_in_patches_are_replaced_in_values_and_filters() {
        for (name, sent, expected) in [
            (
                "Group",
                r#""path":"members","value":[{"value":"bulkId:a"}]"#,
                r#""path":"members","value":[{"value":"7"}]"#,
            ),
            (
                "Group",
                r#""value":{"members":[{"value":"bulkId:a"}]}"#,
                r#""value":{"members":[{"value":"7"}]}"#,
            ),
            (
                "Group",
                r#""path":"members[value eq \"bulkId:a\"]""#,
                r#""path":"members[value eq \"7\"]""#,
            ),
            (
                "Group",
                r#""path":"members[display eq \"bulkId:a\" or not (value eq \"bulkId:a\")].display","value":"bulkId:a""#,
                r#""path":"members[display eq \"bulkId:a\" or not (value eq \"7\")].display","value":"bulkId:a""#,
            ),
            (
                "User",
                r#""path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value","value":"bulkId:a""#,
                r#""path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value","value":"7""#,
            ),
            (
                "User",
                r#""path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"manager":{"value":"bulkId:a"}}"#,
                r#""path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"manager":{"value":"7"}}"#,
            ),
            (
                "User",
                r#""path":"title","value":"bulkId:a""#,
                r#""path":"title","value":"bulkId:a""#,
            ),
            (
                "User",
                r#""path":"][","value":"bulkId:a""#,
                r#""path":"][","value":"bulkId:a""#,
            ),
        ] {
            let body = |operation: &str| format!(r#"{{"Operations":[{{"op":"add",{operation}}}]}}"#);
            assert_eq!(resolved(&body(sent), name, true).0, body(expected));
        }
    }

    #[test]
    fn a_reference_is_a_whole_text_and_has_the_whole_name() {
        let (_, found) = resolved(
            r#"{"members":[{"value":"bulkId:a"},{"value":"bulkId:ab"},{"value":"bulkId:a/\"%"},{"value":"bulkid:a"},{"value":"x bulkId:a"}]}"#,
            "Group",
            false,
        );
        assert_eq!(found, ["a", "ab", "a/\"%"]);
    }
}
