//! Requests of PATCH, made in code; and what is taken for a path or a filter.

use keyfob_core::{
    Dialect, Member, Object, ResourceId, SmolStr, Value,
    message::{PatchOperation, PatchOperationKind, PatchRequest},
};
use keyfob_filter::{Filter, Limits, PatchPath};

use crate::error::Error;

/// A PATCH (RFC 7644 section 3.5.2), made operation by operation.
///
/// Paths are texts or [`PatchPath`]s. A path that is malformed is an error when the PATCH is sent, before anything
/// goes out.
///
/// ```
/// use keyfob_client::Patch;
/// use keyfob_core::json;
///
/// let patch = Patch::new()
///     .replace("active", false)
///     .replace(r#"emails[type eq "work"].value"#, "ada@contoso.com")
///     .remove("title");
/// assert_eq!(
///     String::from_utf8(json::object_to_vec(&patch.to_request()?.to_object()))?,
///     concat!(
///         r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":["#,
///         r#"{"op":"replace","path":"active","value":false},"#,
///         r#"{"op":"replace","path":"emails[type eq \"work\"].value","value":"ada@contoso.com"},"#,
///         r#"{"op":"remove","path":"title"}]}"#,
///     ),
/// );
/// assert!(Patch::new().remove("emails[type eq").to_request().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct Patch {
    operations: Vec<PatchOperation>,
    error: Option<Error>,
}

impl Patch {
    /// Creates a PATCH without operations.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value to the attribute at the path.
    pub fn add(self, path: impl IntoPath, value: impl Into<Value>) -> Self {
        self.operation(PatchOperationKind::Add, path, Some(value.into()))
    }

    /// Replaces the value of the attribute at the path.
    pub fn replace(self, path: impl IntoPath, value: impl Into<Value>) -> Self {
        self.operation(PatchOperationKind::Replace, path, Some(value.into()))
    }

    /// Removes the attribute, or those of its values that the path selects.
    pub fn remove(self, path: impl IntoPath) -> Self {
        self.operation(PatchOperationKind::Remove, path, None)
    }

    /// Adds several attributes at once, without a path.
    pub fn add_all(mut self, attributes: Object) -> Self {
        self.operations.push(PatchOperation::new(
            PatchOperationKind::Add,
            None,
            Some(attributes.into()),
        ));
        self
    }

    /// Replaces several attributes at once, without a path.
    pub fn replace_all(mut self, attributes: Object) -> Self {
        self.operations.push(PatchOperation::new(
            PatchOperationKind::Replace,
            None,
            Some(attributes.into()),
        ));
        self
    }

    fn operation(mut self, kind: PatchOperationKind, path: impl IntoPath, value: Option<Value>) -> Self {
        match path.into_path() {
            Ok(path) => self.operations.push(PatchOperation::new(kind, Some(path), value)),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        self
    }

    /// Returns the request.
    ///
    /// # Errors
    /// [`Error::Request`] for the first path that is malformed, and for a PATCH without operations, which RFC 7644
    /// section 3.5.2 does not know.
    pub fn to_request(&self) -> Result<PatchRequest, Error> {
        match &self.error {
            Some(Error::Request(message)) => Err(Error::Request(message.clone())),
            _ if self.operations.is_empty() => Err(Error::Request("a PATCH needs an operation".into())),
            _ => Ok(PatchRequest::new(self.operations.clone())),
        }
    }
}

/// A request that was read or computed, such as by [`keyfob_patch::diff`].
impl From<PatchRequest> for Patch {
    fn from(request: PatchRequest) -> Self {
        Self {
            operations: request.operations,
            error: None,
        }
    }
}

/// Something that can be the path of a PATCH operation.
pub trait IntoPath {
    /// Returns the path as text.
    ///
    /// # Errors
    /// [`Error::Request`] for a text that is no path, with a caret under the fault.
    fn into_path(self) -> Result<SmolStr, Error>;
}

impl IntoPath for &str {
    fn into_path(self) -> Result<SmolStr, Error> {
        PatchPath::parse_with(self, &Limits::default(), Dialect::interop())
            .map_err(|error| Error::parse(&error, self))?;
        Ok(self.into())
    }
}

impl IntoPath for PatchPath {
    fn into_path(self) -> Result<SmolStr, Error> {
        Ok(SmolStr::from(self.to_string()))
    }
}

/// Something that can be a filter: a [`Filter`], or a text.
pub trait IntoFilter {
    /// Returns the filter as text and as a tree.
    ///
    /// A text is sent as it is written. Some servers understand one of two forms that mean the same, such as
    /// `emails[type eq "work"].value eq "x"`.
    ///
    /// # Errors
    /// [`Error::Request`] for a text that is no filter, with a caret under the fault.
    fn into_filter(self) -> Result<(SmolStr, Filter), Error>;
}

impl IntoFilter for &str {
    fn into_filter(self) -> Result<(SmolStr, Filter), Error> {
        let filter = Filter::parse_with(self, &Limits::default(), Dialect::interop());
        Ok((self.into(), filter.map_err(|error| Error::parse(&error, self))?))
    }
}

impl IntoFilter for &String {
    fn into_filter(self) -> Result<(SmolStr, Filter), Error> {
        self.as_str().into_filter()
    }
}

impl IntoFilter for Filter {
    fn into_filter(self) -> Result<(SmolStr, Filter), Error> {
        Ok((SmolStr::from(self.to_string()), self))
    }
}

/// The values of members, as PATCH adds and removes them.
pub(crate) fn member_values<'i>(ids: impl IntoIterator<Item = &'i ResourceId>) -> Value {
    let values = ids
        .into_iter()
        .map(|id| Value::Object(Member::new().into_object(id.clone())));
    Value::Array(values.collect())
}
