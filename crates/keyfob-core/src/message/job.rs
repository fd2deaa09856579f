//! Bulk requests as servers read them (RFC 7644 section 3.7).

use smol_str::{SmolStr, format_smolstr};

use super::{MessageError, check_schema};
use crate::{
    json::{self, bulk_from_slice, members_from_str},
    name::SchemaUri,
    value::Value,
};

/// A bulk request as a server reads it: what is wrong with one operation is an error of that operation, and the bodies
/// of operations stay the texts that they are, to be read as those of single requests.
///
/// ```
/// use keyfob_core::message::BulkJob;
///
/// let text = br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [
///     {"method": "POST", "path": "/Users", "bulkId": "qwerty", "data": {"userName": "Alice"}}, {"method": 7}]}"#;
/// let job = BulkJob::from_json(text, 1000)?;
/// assert_eq!(job.operations[0].data, Some(br#"{"userName": "Alice"}"#.as_slice()));
/// assert!(job.operations[1].fault.is_some());
/// # Ok::<(), keyfob_core::message::MessageError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct BulkJob<'t> {
    /// The number of errors after which the server stops; it goes through all operations without it.
    pub fail_on_errors: Option<u64>,
    /// The operations in their order.
    pub operations: Vec<BulkJobOperation<'t>>,
}

/// One operation of a [`BulkJob`], as sent.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct BulkJobOperation<'t> {
    /// The method.
    pub method: Option<SmolStr>,
    /// The endpoint of a POST, or the resource.
    pub path: Option<SmolStr>,
    /// The name by which other operations refer to the resource that a POST creates.
    pub bulk_id: Option<SmolStr>,
    /// The version that the resource has to be of.
    pub version: Option<SmolStr>,
    /// The body, a JSON object.
    pub data: Option<&'t [u8]>,
    /// The fault that keeps the operation from being read as a whole.
    pub fault: Option<MessageError>,
}

impl<'t> BulkJob<'t> {
    /// Reads a request of at most so many operations.
    ///
    /// # Errors
    /// [`MessageError::TooManyOperations`], which maps to 413, and others, which map to `invalidSyntax`: malformed JSON,
    /// another message's schema, `Operations` or `failOnErrors` of another type.
    ///
    /// # Complexity
    /// Linear in the text. Operations beyond the limit are counted and not kept.
    pub fn from_json(text: &'t [u8], max_operations: usize) -> Result<Self, MessageError> {
        let mut sent = bulk_from_slice(text, max_operations)?;
        check_schema(sent.others.get("schemas"), &SchemaUri::BULK_REQUEST)?;
        let wrong = |member: &str, expected| MessageError::Member {
            member: member.into(),
            expected,
        };
        let fail_on_errors = match sent.others.remove("failOnErrors") {
            None | Some(Value::Null) => None,
            Some(value) => {
                let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
                Some(number.ok_or_else(|| wrong("failOnErrors", "a number of 0 or more"))?)
            }
        };
        let operations = sent.operations.ok_or_else(|| wrong("Operations", "an array"))?;
        if sent.count > max_operations {
            return Err(MessageError::TooManyOperations {
                count: sent.count,
                limit: max_operations,
            });
        }
        let operations = operations.into_iter().enumerate();
        let operations = operations.map(|(index, text)| BulkJobOperation::read(text, index));
        Ok(Self {
            fail_on_errors,
            operations: operations.collect(),
        })
    }
}

impl<'t> BulkJobOperation<'t> {
    fn read(text: &'t str, index: usize) -> Self {
        let mut operation = Self::default();
        let at = format_smolstr!("Operations[{index}]");
        let Ok(members) = members_from_str(text) else {
            operation.fault = Some(MessageError::Member {
                member: at,
                expected: "an object",
            });
            return operation;
        };
        let mut data = None;
        for (name, member, place) in [
            ("method", "a string", &mut operation.method),
            ("path", "a string", &mut operation.path),
            ("bulkId", "a string", &mut operation.bulk_id),
            ("version", "a string", &mut operation.version),
        ] {
            let mut texts = members.iter().filter(|(sent, _)| sent.eq_ignore_ascii_case(name));
            let expected = match (texts.next(), texts.next()) {
                (None, _) => continue,
                (Some(_), Some(_)) => "given once",
                (Some((_, text)), None) => match json::value_from_slice(text.as_bytes()) {
                    Ok(Value::Null) => continue,
                    Ok(Value::String(text)) => {
                        *place = Some(text);
                        continue;
                    }
                    _ => member,
                },
            };
            let member = format_smolstr!("{at}.{name}");
            operation
                .fault
                .get_or_insert(MessageError::Member { member, expected });
        }
        let mut fault = |expected| {
            let member = format_smolstr!("{at}.data");
            operation
                .fault
                .get_or_insert(MessageError::Member { member, expected });
        };
        for (_, text) in members
            .iter()
            .filter(|(sent, _)| sent.eq_ignore_ascii_case("data"))
        {
            match text.as_bytes() {
                b"null" => {}
                _ if data.is_some() => fault("given once"),
                object @ [b'{', ..] => data = Some(object),
                _ => fault("an object"),
            }
        }
        operation.data = data;
        operation
    }
}
