//! Bulk requests and their answers (RFC 7644 section 3.7).

use smol_str::{SmolStr, format_smolstr};

use super::{Deviations, MessageError, check_schema, reader::Reader};
use crate::{
    json,
    name::SchemaUri,
    value::{Object, Value},
};

const RFC: &str = "RFC 7644 section 3.7";

/// Several operations in one request.
///
/// ```
/// use keyfob_core::{Object, message::{BulkMethod, BulkOperation, BulkRequest}};
///
/// let mut request = BulkRequest::new();
/// request.fail_on_errors = Some(1);
/// let mut delete = BulkOperation::new(BulkMethod::Delete, "/Users/26118915");
/// delete.version = Some("W/\"3\"".into());
/// request.operations.push(delete);
/// assert_eq!(
///     String::from_utf8(request.to_json())?,
///     concat!(
///         r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":1,"Operations":["#,
///         r#"{"method":"DELETE","path":"/Users/26118915","version":"W/\"3\""}]}"#,
///     ),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct BulkRequest {
    /// The number of errors after which the server stops; it goes through all operations without it.
    pub fail_on_errors: Option<u64>,
    /// The operations in their order.
    pub operations: Vec<BulkOperation>,
}

/// One operation of a bulk request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BulkOperation {
    /// The method.
    pub method: BulkMethod,
    /// The endpoint of a POST, such as `/Users`, or the resource, such as `/Users/26118915`.
    pub path: SmolStr,
    /// The name by which other operations of the request refer to the resource that a POST creates.
    pub bulk_id: Option<SmolStr>,
    /// The version that the resource has to be of.
    pub version: Option<SmolStr>,
    /// The body of a POST, PUT or PATCH.
    pub data: Option<Object>,
}

/// The method of a bulk operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 7644 section 3.7 is closed")]
pub enum BulkMethod {
    /// Creates a resource.
    Post,
    /// Replaces a resource.
    Put,
    /// Modifies a resource.
    Patch,
    /// Deletes a resource.
    Delete,
}

impl BulkMethod {
    /// Returns the keyword on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Returns what a keyword stands for, in any case.
    #[must_use]
    pub fn named(keyword: &str) -> Option<Self> {
        [Self::Post, Self::Put, Self::Patch, Self::Delete]
            .into_iter()
            .find(|method| method.as_str().eq_ignore_ascii_case(keyword))
    }
}

impl BulkOperation {
    /// Creates an operation without a body.
    #[must_use]
    pub fn new(method: BulkMethod, path: impl Into<SmolStr>) -> Self {
        Self {
            method,
            path: path.into(),
            bulk_id: None,
            version: None,
            data: None,
        }
    }

    fn read(mut operation: Object, at: &str) -> Result<Self, MessageError> {
        let wrong = |member: &str, expected| MessageError::Member {
            member: format_smolstr!("{at}.{member}"),
            expected,
        };
        let mut text = |member: &str| match operation.remove(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(member, "a string")),
        };
        let (method, path) = (text("method")?, text("path")?);
        let (bulk_id, version) = (text("bulkId")?, text("version")?);
        let method = method.as_deref().and_then(BulkMethod::named);
        Ok(Self {
            method: method.ok_or_else(|| wrong("method", "`POST`, `PUT`, `PATCH` or `DELETE`"))?,
            path: path.ok_or_else(|| wrong("path", "a string"))?,
            bulk_id,
            version,
            data: match operation.remove("data") {
                None | Some(Value::Null) => None,
                Some(Value::Object(data)) => Some(data),
                Some(_) => return Err(wrong("data", "an object")),
            },
        })
    }

    /// Returns the operation as an object of the message.
    #[must_use]
    pub fn to_object(&self) -> Object {
        let mut object = Object::new();
        object.insert("method", self.method.as_str());
        object.insert("path", self.path.clone());
        for (name, text) in [("bulkId", &self.bulk_id), ("version", &self.version)] {
            if let Some(text) = text {
                object.insert(name, text.clone());
            }
        }
        if let Some(data) = &self.data {
            object.insert("data", data.clone());
        }
        object
    }
}

impl BulkRequest {
    /// Creates a request without operations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a request by the RFC alone. Methods are taken in any case, as the names of PATCH operations are.
    ///
    /// ```
    /// use keyfob_core::message::BulkRequest;
    ///
    /// let text = br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
    ///                 "Operations": [{"method": "DELETE", "path": "/Users/26118915"}]}"#;
    /// let request = BulkRequest::from_json(text)?;
    /// assert_eq!(request.operations[0].path, "/Users/26118915");
    /// assert_eq!(BulkRequest::from_json(&request.to_json())?, request);
    /// # Ok::<(), keyfob_core::message::MessageError>(())
    /// ```
    ///
    /// # Errors
    /// [`MessageError`], which maps to `invalidSyntax`: malformed JSON, another message's schema, an operation without
    /// a method or a path, a member of another type.
    pub fn from_json(text: &[u8]) -> Result<Self, MessageError> {
        let mut message = json::object_from_slice(text)?;
        check_schema(message.get("schemas"), &SchemaUri::BULK_REQUEST)?;
        let wrong = |member: &str, expected| MessageError::Member {
            member: member.into(),
            expected,
        };
        let fail_on_errors = match message.remove("failOnErrors") {
            None | Some(Value::Null) => None,
            Some(value) => {
                let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
                Some(number.ok_or_else(|| wrong("failOnErrors", "a number of 0 or more"))?)
            }
        };
        let Some(Value::Array(operations)) = message.remove("Operations") else {
            return Err(wrong("Operations", "an array"));
        };
        let operations = operations.into_iter().enumerate().map(|(index, operation)| {
            let at = format_smolstr!("Operations[{index}]");
            match operation {
                Value::Object(operation) => BulkOperation::read(operation, &at),
                _ => Err(wrong(&at, "an object")),
            }
        });
        Ok(Self {
            fail_on_errors,
            operations: operations.collect::<Result<_, _>>()?,
        })
    }

    /// Returns the request as JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut message = Object::new();
        message.insert("schemas", vec![Value::from(SchemaUri::BULK_REQUEST.as_str())]);
        if let Some(errors) = self.fail_on_errors {
            message.insert("failOnErrors", i64::try_from(errors).unwrap_or(i64::MAX));
        }
        let operations = self
            .operations
            .iter()
            .map(|operation| Value::Object(operation.to_object()));
        message.insert("Operations", operations.collect::<Vec<_>>());
        json::object_to_vec(&message)
    }
}

/// The answer to a bulk request.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct BulkResponse {
    /// The results in the order of the answer. They are fewer than the operations if the server stopped.
    pub results: Vec<BulkResult>,
}

/// The result of one bulk operation.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct BulkResult {
    /// The method of the operation.
    pub method: Option<BulkMethod>,
    /// The `bulkId` of the operation.
    pub bulk_id: Option<SmolStr>,
    /// The address of the resource; missing after a POST that failed.
    pub location: Option<SmolStr>,
    /// The version of the resource after the operation.
    pub version: Option<SmolStr>,
    /// The HTTP status code; 0 where the answer has none.
    pub status: u16,
    /// The body of the answer: the error of an operation that failed, and perhaps the resource of another.
    pub response: Option<Object>,
}

impl BulkResponse {
    /// Creates an answer of these results.
    #[must_use]
    pub fn new(results: Vec<BulkResult>) -> Self {
        Self { results }
    }

    /// Returns the answer as JSON.
    ///
    /// ```
    /// use keyfob_core::message::{BulkMethod, BulkResponse, BulkResult};
    ///
    /// let mut result = BulkResult::new(204);
    /// result.method = Some(BulkMethod::Delete);
    /// result.location = Some("https://example.com/v2/Users/1".into());
    /// assert_eq!(
    ///     String::from_utf8(BulkResponse::new(vec![result]).to_json())?,
    ///     concat!(
    ///         r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],"Operations":["#,
    ///         r#"{"location":"https://example.com/v2/Users/1","method":"DELETE","status":"204"}]}"#,
    ///     ),
    /// );
    /// # Ok::<(), std::string::FromUtf8Error>(())
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut message = Object::new();
        message.insert("schemas", vec![Value::from(SchemaUri::BULK_RESPONSE.as_str())]);
        let results = self
            .results
            .iter()
            .map(|result| Value::Object(result.to_object()));
        message.insert("Operations", results.collect::<Vec<_>>());
        json::object_to_vec(&message)
    }

    /// Reads the answer to a bulk request.
    ///
    /// # Errors
    /// [`MessageError`] when the text is not a JSON object or has no `Operations`. Everything else that departs from the
    /// RFC is noted.
    pub fn from_json(text: &[u8], deviations: &mut Deviations) -> Result<Self, MessageError> {
        let mut message = json::object_from_slice(text)?;
        let mut reader = Reader::new(&mut message, RFC, deviations);
        reader.schema(&SchemaUri::BULK_RESPONSE);
        let Some(Value::Array(operations)) = reader.take("Operations") else {
            return Err(MessageError::Member {
                member: "Operations".into(),
                expected: "an array",
            });
        };
        let mut results = Vec::with_capacity(operations.len().min(1024));
        for (index, operation) in operations.into_iter().enumerate() {
            let path = format_smolstr!("Operations[{index}]");
            let Value::Object(mut operation) = operation else {
                return Err(MessageError::Member {
                    member: path,
                    expected: "an object",
                });
            };
            results.push(BulkResult::read(&mut reader.below(path, &mut operation)));
        }
        Ok(Self { results })
    }
}

impl BulkResult {
    /// Creates the result of an operation with this status.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// Returns the result as an object of the message.
    #[must_use]
    pub fn to_object(&self) -> Object {
        let mut object = Object::new();
        let method = self.method.map(|method| SmolStr::new_static(method.as_str()));
        for (name, text) in [
            ("location", &self.location),
            ("method", &method),
            ("bulkId", &self.bulk_id),
            ("version", &self.version),
        ] {
            if let Some(text) = text {
                object.insert(name, text.clone());
            }
        }
        object.insert("status", format_smolstr!("{}", self.status));
        if let Some(response) = &self.response {
            object.insert("response", response.clone());
        }
        object
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let method = reader
            .text("method")
            .and_then(|method| BulkMethod::named(&method));
        if method.is_none() {
            reader.note("method", "is not a method");
        }
        // Drafts of the RFC had an object with a `code` here, and servers still send it.
        let status = match reader.take("status") {
            Some(Value::String(text)) => text.parse().ok(),
            Some(Value::Integer(number)) => {
                reader.note("status", "is not a string");
                u16::try_from(number).ok()
            }
            Some(Value::Object(mut object)) => {
                reader.note("status", "is not a string");
                let path = reader.at("status");
                let code = reader.below(path, &mut object).text("code");
                code.and_then(|code| code.parse().ok())
            }
            _ => None,
        };
        if status.is_none() {
            reader.note("status", "is not a status code");
        }
        Self {
            method,
            bulk_id: reader.text("bulkId"),
            location: reader.text("location"),
            version: reader.text("version"),
            status: status.unwrap_or_default(),
            response: reader.object("response"),
        }
    }
}
