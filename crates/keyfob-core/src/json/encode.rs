//! Encoding of values, objects and resources.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    name::{AttrName, SchemaUri},
    resource::{Member, MemberSet, Resource, ResourceId},
    value::{Object, Value},
};

/// Encodes a value.
#[must_use]
pub fn value_to_vec(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    write_value(&mut out, value);
    out
}

/// Encodes an object.
#[must_use]
pub fn object_to_vec(object: &Object) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    write_object(&mut out, object);
    out
}

impl Resource {
    /// Encodes the resource: `schemas`, the core and common attributes, the relations, the extensions. A relation
    /// without members is left out, as an unassigned attribute is.
    ///
    /// # Complexity
    /// Linear in the text.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let members: usize = self.relations().iter().map(|(_, members)| members.len()).sum();
        let mut out = Vec::with_capacity(1024 + members * 96);
        write_resource(&mut out, self);
        out
    }

    /// Encodes the resource as [`to_json`](Self::to_json) does, cut after the last member of each of these relations, so that
    /// further members can be put in between. One without members is not cut at.
    ///
    /// ```
    /// use keyfob_core::{Registry, Resource};
    ///
    /// let group = Registry::rfc().resource_type("Group").unwrap();
    /// let text = br#"{"displayName": "Guides", "members": [{"value": "a"}]}"#;
    /// let resource = Resource::from_json(text, group)?;
    /// let parts = resource.to_json_parts(&["members".into()]);
    /// assert_eq!(parts, [&br#"{"displayName":"Guides","members":[{"value":"a"}"#[..], b"]}"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Complexity
    /// Linear in the text.
    #[must_use]
    pub fn to_json_parts(&self, relations: &[AttrName]) -> Vec<Vec<u8>> {
        let mut out = Vec::with_capacity(1024);
        let mut parts = Vec::with_capacity(relations.len() + 1);
        write_parts(
            &mut out,
            self,
            self.core().iter(),
            self.relations(),
            |out, name| {
                if relations.contains(name) {
                    parts.push(std::mem::take(out));
                }
            },
        );
        parts.push(out);
        parts
    }

    /// Encodes the resource without `id`, `meta` and the relations, which stores keep apart from the document.
    ///
    /// # Complexity
    /// Linear in the text.
    #[must_use]
    pub fn to_document_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        let is_apart = |name: &AttrName| name.is("id") || name.is("meta");
        let core = self.core().iter().filter(|(name, _)| !is_apart(name));
        write_parts(&mut out, self, core, &[], |_, _| ());
        out
    }
}

pub(crate) fn write_resource(out: &mut Vec<u8>, resource: &Resource) {
    write_parts(
        out,
        resource,
        resource.core().iter(),
        resource.relations(),
        |_, _| (),
    );
}

impl MemberSet {
    /// Encodes the members as further elements of an array: each has a comma before it.
    ///
    /// # Complexity
    /// Linear in the text.
    #[must_use]
    pub fn to_further_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len() * 128);
        for (id, member) in self.iter() {
            out.push(b',');
            write_member(&mut out, id, member);
        }
        out
    }
}

fn write_parts<'r>(
    out: &mut Vec<u8>,
    resource: &'r Resource,
    core: impl Iterator<Item = (&'r AttrName, &'r Value)>,
    relations: &[(AttrName, MemberSet)],
    mut after_members: impl FnMut(&mut Vec<u8>, &AttrName),
) {
    out.push(b'{');
    let mut separator = Separator::new();
    if !resource.schemas().is_empty() {
        separator.write(out);
        out.extend_from_slice(b"\"schemas\":[");
        let mut comma = Separator::new();
        for uri in resource.schemas() {
            comma.write(out);
            write_string(out, uri.as_str());
        }
        out.push(b']');
    }
    for (name, value) in core {
        separator.write(out);
        write_key(out, name.as_str());
        write_value(out, value);
    }
    for (name, members) in relations.iter().filter(|(_, members)| !members.is_empty()) {
        separator.write(out);
        write_key(out, name.as_str());
        out.push(b'[');
        let mut comma = Separator::new();
        for (id, member) in members.iter() {
            comma.write(out);
            write_member(out, id, member);
        }
        after_members(out, name);
        out.push(b']');
    }
    for (uri, object) in resource.extensions() {
        separator.write(out);
        write_key(out, uri.as_str());
        write_object(out, object);
    }
    out.push(b'}');
}

fn write_member(out: &mut Vec<u8>, id: &ResourceId, member: &Member) {
    out.extend_from_slice(b"{\"value\":");
    write_string(out, id.as_str());
    if let Some(reference) = &member.reference {
        out.extend_from_slice(b",\"$ref\":");
        write_string(out, reference);
    }
    if let Some(display) = &member.display {
        out.extend_from_slice(b",\"display\":");
        write_string(out, display);
    }
    if let Some(kind) = &member.kind {
        out.extend_from_slice(b",\"type\":");
        write_string(out, kind);
    }
    for (name, value) in member.other.iter().flat_map(|other| other.iter()) {
        out.push(b',');
        write_key(out, name.as_str());
        write_value(out, value);
    }
    out.push(b'}');
}

pub(crate) fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Integer(number) => write_number(out, number),
        Value::Decimal(number) => write_number(out, number),
        Value::String(text) => write_string(out, text),
        Value::Array(values) => {
            out.push(b'[');
            let mut separator = Separator::new();
            for value in values {
                separator.write(out);
                write_value(out, value);
            }
            out.push(b']');
        }
        Value::Object(object) => write_object(out, object),
    }
}

pub(crate) fn write_object(out: &mut Vec<u8>, object: &Object) {
    out.push(b'{');
    let mut separator = Separator::new();
    for (name, value) in object.iter() {
        separator.write(out);
        write_key(out, name.as_str());
        write_value(out, value);
    }
    out.push(b'}');
}

/// Writing a number into memory can't fail.
fn write_number(out: &mut Vec<u8>, number: &impl Serialize) {
    serde_json::to_writer(out, number).ok();
}

fn write_key(out: &mut Vec<u8>, name: &str) {
    write_string(out, name);
    out.push(b':');
}

/// Writes a JSON string, copying in one go whatever needs no escape.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_prefix(rest);
        let Some((copied, tail)) = rest.split_at_checked(plain) else {
            break;
        };
        out.extend_from_slice(copied);
        let Some((escaped, tail)) = tail.split_first() else {
            break;
        };
        write_escape(out, *escaped);
        rest = tail;
    }
    out.push(b'"');
}

/// How many bytes from the start need no escape, looking at eight at a time.
fn plain_prefix(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    let has_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut words = bytes.chunks_exact(8);
    let mut plain = 0;
    for chunk in &mut words {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        let word = u64::from_le_bytes(word);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let quote = has_zero(word ^ (ONES * u64::from(b'"')));
        let backslash = has_zero(word ^ (ONES * u64::from(b'\\')));
        if control | quote | backslash != 0 {
            return plain + chunk.iter().take_while(|byte| !needs_escape(**byte)).count();
        }
        plain += 8;
    }
    plain
        + words
            .remainder()
            .iter()
            .take_while(|byte| !needs_escape(**byte))
            .count()
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let hex = |digit: u8| {
                if digit < 10 {
                    b'0' + digit
                } else {
                    b'a' + digit - 10
                }
            };
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 0xf)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// A comma before every element but the first.
struct Separator {
    first: bool,
}

impl Separator {
    fn new() -> Self {
        Self { first: true }
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.first, false) {
            out.push(b',');
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Decimal(number) => serializer.serialize_f64(*number),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(values) => serializer.collect_seq(values),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(name, value)| (name.as_str(), value)))
    }
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.schemas().is_empty() {
            let uris: Vec<_> = self.schemas().iter().map(SchemaUri::as_str).collect();
            map.serialize_entry("schemas", &uris)?;
        }
        for (name, value) in self.core().iter() {
            map.serialize_entry(name.as_str(), value)?;
        }
        for (name, members) in self.relations().iter().filter(|(_, members)| !members.is_empty()) {
            let values: Vec<_> = members
                .iter()
                .map(|(id, member)| member.clone().into_object(id.clone()))
                .collect();
            map.serialize_entry(name.as_str(), &values)?;
        }
        for (uri, object) in self.extensions() {
            map.serialize_entry(uri.as_str(), object)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped_as_serde_json_escapes_them() {
        let mut texts: Vec<String> = (0..0x60u8)
            .map(|byte| format!("1234567{}9", char::from(byte)))
            .collect();
        texts.extend(
            [
                "",
                "\"",
                "\\\\\\\\\\\\\\\\\\",
                "größe 출입 그룹 \u{1f600}",
                "tab\tnewline\nquote\"end",
            ]
            .map(String::from),
        );
        for text in texts {
            assert_eq!(
                String::from_utf8(value_to_vec(&Value::from(text.as_str()))).unwrap(),
                serde_json::to_string(&text).unwrap()
            );
        }
    }
}
