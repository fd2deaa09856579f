//! PATCH requests, as sent.

use smol_str::{SmolStr, format_smolstr};

use super::{MessageError, check_schema};
use crate::{
    dialect::{Dialect, Quirk},
    json,
    name::SchemaUri,
    value::{Object, Value},
};

/// A PATCH request (RFC 7644 section 3.5.2) as a client sent it; what it means is decided against a schema.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PatchRequest {
    /// The operations, to be applied in order and all or none.
    pub operations: Vec<PatchOperation>,
}

/// One operation of a PATCH request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PatchOperation {
    /// What it does.
    pub kind: PatchOperationKind,
    /// What it does it to, unparsed. Absent and `null` mean the resource itself.
    pub path: Option<SmolStr>,
    /// The value. A `null` that was sent is not the same as no value: it unassigns.
    pub value: Option<Value>,
}

impl PatchOperation {
    /// An operation.
    #[must_use]
    pub fn new(kind: PatchOperationKind, path: Option<SmolStr>, value: Option<Value>) -> Self {
        Self { kind, path, value }
    }
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 7644 section 3.5.2 is closed")]
pub enum PatchOperationKind {
    /// Adds values (RFC 7644 section 3.5.2.1).
    Add,
    /// Removes values (section 3.5.2.2).
    Remove,
    /// Replaces values (section 3.5.2.3).
    Replace,
}

impl PatchOperationKind {
    /// The keyword on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
        }
    }

    /// What a keyword in any case stands for.
    pub(crate) fn named(keyword: &str) -> Option<Self> {
        [Self::Add, Self::Remove, Self::Replace]
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(keyword))
    }
}

impl PatchRequest {
    /// A request of these operations.
    #[must_use]
    pub fn new(operations: Vec<PatchOperation>) -> Self {
        Self { operations }
    }

    /// Reads a request by the RFC alone. Operation names are taken in any case, since they are values of a caseless
    /// attribute and Entra ID capitalises them.
    ///
    /// # Errors
    /// [`MessageError`], which maps to `invalidSyntax`: malformed JSON, another message's schema, no operation, an
    /// unknown one, a `path` that is no string.
    ///
    /// # Complexity
    /// Linear in the text.
    pub fn from_json(text: &[u8]) -> Result<Self, MessageError> {
        Self::from_json_with(text, Dialect::strict())
    }

    /// Reads a request with what the dialect allows: [`Quirk::EmptyOperations`] and [`Quirk::UnstatedMessages`].
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    ///
    /// # Complexity
    /// Linear in the text.
    pub fn from_json_with(text: &[u8], dialect: Dialect) -> Result<Self, MessageError> {
        json::patch_from_slice(text)?.read(dialect)
    }

    /// Reads a request out of a decoded body, with what the dialect allows.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_object(mut message: Object, dialect: Dialect) -> Result<Self, MessageError> {
        let mut sent = SentPatch {
            schemas: message.remove("schemas"),
            ..SentPatch::default()
        };
        if let Some(Value::Array(operations)) = message.remove("Operations") {
            sent.has_operations = true;
            for operation in operations {
                sent.push(match operation {
                    Value::Object(mut members) => Some(SentOperation {
                        kind: members.get_str("op").and_then(PatchOperationKind::named),
                        path: members.remove("path"),
                        value: members.remove("value"),
                    }),
                    _ => None,
                });
            }
        }
        sent.read(dialect)
    }

    /// The request as a message.
    #[must_use]
    pub fn to_object(&self) -> Object {
        let operations = self.operations.iter().map(|operation| {
            let mut object = Object::new();
            object.insert("op", operation.kind.as_str());
            if let Some(path) = &operation.path {
                object.insert("path", path.clone());
            }
            if let Some(value) = &operation.value {
                object.insert("value", value.clone());
            }
            Value::Object(object)
        });
        let operations: Vec<Value> = operations.collect();
        let mut message = Object::new();
        message.insert("schemas", vec![Value::from(SchemaUri::PATCH_OP.as_str())]);
        message.insert("Operations", operations);
        message
    }
}

/// What a body holds of a PATCH request.
#[derive(Default)]
pub(crate) struct SentPatch {
    pub(crate) schemas: Option<Value>,
    /// True if `Operations` is an array.
    pub(crate) has_operations: bool,
    operations: Vec<PatchOperation>,
    /// What is wrong with the first element of `Operations` that is no operation; what follows it is not kept.
    fault: Option<MessageError>,
}

/// What an object holds of an operation.
#[derive(Default)]
pub(crate) struct SentOperation {
    /// What `op` names, if it does.
    pub(crate) kind: Option<PatchOperationKind>,
    pub(crate) path: Option<Value>,
    pub(crate) value: Option<Value>,
}

impl SentPatch {
    /// Takes the next element of `Operations`; `None` stands for one that is no object.
    pub(crate) fn push(&mut self, sent: Option<SentOperation>) {
        if self.fault.is_some() {
            return;
        }
        match SentOperation::read(sent, self.operations.len()) {
            Ok(operation) => self.operations.push(operation),
            Err(fault) => self.fault = Some(fault),
        }
    }

    fn read(self, dialect: Dialect) -> Result<PatchRequest, MessageError> {
        let states_none = self
            .schemas
            .as_ref()
            .is_none_or(|schemas| *schemas == Value::Null);
        if !(states_none && dialect.allows(Quirk::UnstatedMessages)) {
            check_schema(self.schemas.as_ref(), &SchemaUri::PATCH_OP)?;
        }
        let may_be_empty = self.has_operations && dialect.allows(Quirk::EmptyOperations);
        match self.fault {
            Some(fault) => Err(fault),
            None if self.operations.is_empty() && !may_be_empty => Err(MessageError::Member {
                member: "Operations".into(),
                expected: "an array of at least one operation",
            }),
            None => Ok(PatchRequest::new(self.operations)),
        }
    }
}

impl SentOperation {
    fn read(sent: Option<Self>, index: usize) -> Result<PatchOperation, MessageError> {
        let wrong = |member: &str, expected| MessageError::Member {
            member: format_smolstr!("Operations[{index}]{member}"),
            expected,
        };
        let sent = sent.ok_or_else(|| wrong("", "an object"))?;
        let kind = sent
            .kind
            .ok_or_else(|| wrong(".op", "`add`, `remove` or `replace`"))?;
        let path = match sent.path {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) => Some(path),
            Some(_) => return Err(wrong(".path", "a string")),
        };
        Ok(PatchOperation::new(kind, path, sent.value))
    }
}
