//! Objects of the source in whatever form they are exported: one reader for all of them.

use keyfob_expression::{Source, SourceError, Value};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use super::ObjectReader;

/// Objects of the source, read from a file.
///
/// | form | told by |
/// |---|---|
/// | one object, as `GET /users/{id}` answers it | a JSON object |
/// | a page of Microsoft Graph, of a list or of a delta query | an object with an array `value` and nothing but `@odata.…` beside it |
/// | a page of a SCIM server | an object with an array `Resources` |
/// | an array | a JSON array |
/// | NDJSON | JSON objects one after the other; pages and arrays may stand among them |
/// | CSV with a header | a file that starts with neither `{` nor `[`; `,`, `;` or a tab separates the fields |
///
/// [`ObjectReader`] reads the same one by one. Every object gets the names that mappings know, as [`source_from_json`](super::source_from_json) gives them. An empty
/// field of a CSV file is no value.
///
/// ```
/// use keyfob_expression::Value;
/// use keyfob_mapping::graph::Objects;
///
/// let page = br#"{
///     "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users",
///     "value": [{"id": "1", "mail": "babs@example.com"}, {"id": "2", "@removed": {"reason": "changed"}}]
/// }"#;
/// let read = Objects::read(page)?;
/// assert_eq!(read.objects.len(), 2);
/// assert_eq!(read.objects[0].kind.as_deref(), Some("user"));
/// assert_eq!(read.objects[1].source.get("IsSoftDeleted"), Some(&Value::from(true)));
///
/// let csv = Objects::read(b"userPrincipalName,mail\nbabs@example.com,\n")?;
/// assert_eq!(csv.objects[0].source.get("mail"), None);
/// # Ok::<(), keyfob_mapping::graph::ObjectsError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Objects {
    /// The objects in their order.
    pub objects: Vec<GraphObject>,
    /// The columns of a CSV file; none of other forms.
    pub columns: Option<Vec<SmolStr>>,
    /// True for one JSON object that is no page.
    pub is_single: bool,
}

/// An object of the source and where it stands.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct GraphObject {
    /// The attributes, under the names that mappings know.
    pub source: Source,
    /// The kind of the object, as in `user` or `group`, where the file says.
    pub kind: Option<SmolStr>,
    /// The line of the file on which it starts, from 1.
    pub line: usize,
}

/// Why a file holds no objects of the source.
#[derive(Debug, Error)]
#[error("line {line}: {kind}")]
#[non_exhaustive]
pub struct ObjectsError {
    /// The line, from 1.
    pub line: usize,
    /// The fault.
    pub kind: ObjectsErrorKind,
}

/// A fault of a file of objects.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ObjectsErrorKind {
    /// The file ends within a value.
    #[error("the file ends in the middle of a value; fetch or copy it again as a whole")]
    Cut,
    /// The text is not JSON.
    #[error("this is not JSON: {0}")]
    Json(String),
    /// A value that is no object.
    #[error("an object is expected, not {found}")]
    NoObject {
        /// The thing that stands there.
        found: &'static str,
    },
    /// A page whose elements are no array.
    #[error("`{member}` of a page is an array, not {found}")]
    NoPage {
        /// The member that should hold the elements.
        member: &'static str,
        /// The thing that stands there.
        found: &'static str,
    },
    /// An error of Microsoft Graph in place of a page.
    #[error("this is an error of Microsoft Graph, not an object: {message}; fetch it again")]
    GraphError {
        /// Its message.
        message: String,
    },
    /// A synchronization schema.
    #[error("this is a synchronization schema, not an object of the source; give it as the mapping")]
    IsSchema,
    /// An object can't be taken.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The text is not CSV.
    #[error("this is not CSV: {0}")]
    Csv(String),
    /// A header with nothing in a place.
    #[error("column {number} has no name in the header")]
    NoColumnName {
        /// The number of the column, from 1.
        number: usize,
    },
    /// A header with a name twice.
    #[error("the header names the column `{name}` twice")]
    ColumnTwice {
        /// The name.
        name: SmolStr,
    },
    /// The text is in another encoding.
    #[error("the text is not UTF-8; save it as UTF-8, as in PowerShell with `Out-File -Encoding utf8`")]
    NotUtf8,
    /// There is nothing in the file.
    #[error("the file holds no objects")]
    Nothing,
}

impl Objects {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ObjectsError`] says on which line the file holds something else.
    ///
    /// # Complexity
    /// Linear in the text.
    pub fn read(text: &[u8]) -> Result<Self, ObjectsError> {
        let mut reader = ObjectReader::new(text)?;
        let objects = reader.by_ref().collect::<Result<_, _>>()?;
        Ok(Self {
            objects,
            columns: reader.columns().map(<[SmolStr]>::to_vec),
            is_single: reader.is_single(),
        })
    }
}

impl GraphObject {
    /// Returns what people know the object by: the first of its `userPrincipalName`, `displayName`, `mail` and ids.
    #[must_use]
    pub fn name(&self) -> SmolStr {
        let names = [
            "userPrincipalName",
            "displayName",
            "mail",
            "userName",
            "objectId",
            "id",
        ];
        let mut names = names.into_iter().filter_map(|name| self.source.get(name));
        let name = names.find(|value| !value.is_empty());
        name.map_or_else(|| format_smolstr!("line {}", self.line), Value::to_text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        let read = Objects::read(text.as_bytes()).unwrap();
        read.objects
            .iter()
            .map(|object| format!("{}@{}", object.name(), object.line))
            .collect()
    }

    #[test]
    fn every_form_of_an_export_is_read() {
        for (text, expected) in [
            (r#"{"displayName": "a"}"#, &["a@1"][..]),
            ("\u{feff}{\"displayName\": \"a\"}", &["a@1"]),
            (
                "[{\"displayName\": \"a\"},\n {\"displayName\": \"b\"}]",
                &["a@1", "b@2"],
            ),
            (
                "{\"displayName\": \"a\"}\n\n{\"displayName\": \"b\"}\n",
                &["a@1", "b@3"],
            ),
            (
                "{\"@odata.context\": \"x\", \"@odata.nextLink\": \"y\",\n\"value\": [\n{\"displayName\": \"a\"},\n{\"displayName\": \"b\"}]}",
                &["a@3", "b@4"],
            ),
            ("{\"value\": []}", &[]),
            (
                r#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 1, "Resources": [{"userName": "a"}]}"#,
                &["a@1"],
            ),
            ("displayName;mail\na;b\n\"c\nd\";e\n", &["a@2", "c\nd@3"]),
            ("displayName\ta\nx\t\n", &["x@2"]),
        ] {
            assert_eq!(names(text), expected, "{text}");
        }
        assert!(Objects::read(b"{\"a\": 1}").unwrap().is_single);
        assert!(!Objects::read(b"[{\"a\": 1}]").unwrap().is_single);
        assert!(!Objects::read(b"{\"a\": 1} {\"a\": 2}").unwrap().is_single);
    }

    #[test]
    fn what_is_no_object_of_the_source_is_refused_with_its_line() {
        for (text, expected) in [
            ("", "line 1: the file holds no objects"),
            (
                "{\"value\": [\n{\"id\": \"1\"},\n{\"id\":",
                "line 3: the file ends in the middle of a value; fetch or copy it again as a whole",
            ),
            ("[1]", "line 1: an object is expected, not a number"),
            ("[{\"a\": 1},\n[]]", "line 2: an object is expected, not an array"),
            ("{\"a\": 1}\n3", "line 2: an object is expected, not a number"),
            (
                "{\"value\": {}, \"@odata.context\": \"x\"}",
                "line 1: `value` of a page is an array, not an object",
            ),
            (
                r#"{"error": {"code": "x", "message": "the token has expired"}}"#,
                "line 1: this is an error of Microsoft Graph, not an object: the token has expired; fetch it again",
            ),
            (
                r#"{"synchronizationRules": []}"#,
                "line 1: this is a synchronization schema, not an object of the source; give it as the mapping",
            ),
            (
                "a,b\n1\n",
                "line 2: this is not CSV: the row has 1 fields and the header 2",
            ),
            ("a,\n1,2\n", "line 1: column 2 has no name in the header"),
            ("a,a\n1,2\n", "line 1: the header names the column `a` twice"),
            ("a,b\n", "line 1: the file holds no objects"),
        ] {
            let error = Objects::read(text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        }
        for (text, line) in [
            (&b"a,b\n\xff,2\n"[..], 2),
            (b"\xff\xfe{\0}\0", 1),
            (b"{\"a\": \"\xe9\"}", 1),
        ] {
            let error = Objects::read(text).unwrap_err();
            assert!(matches!(error.kind, ObjectsErrorKind::NotUtf8), "{error}");
            assert_eq!(error.line, line);
        }
    }

    #[test]
    fn the_kind_of_an_object_is_what_the_object_or_its_page_says() {
        let kind = |text: &str| Objects::read(text.as_bytes()).unwrap().objects[0].kind.clone();
        for (text, expected) in [
            (
                r#"{"@odata.context": "https://x/$metadata#groups(id)", "value": [{"id": "1"}]}"#,
                Some("group"),
            ),
            (
                r##"{"@odata.type": "#microsoft.graph.user", "id": "1"}"##,
                Some("user"),
            ),
            (
                r#"{"@odata.context": "https://x/$metadata#groups/$entity", "id": "1"}"#,
                Some("group"),
            ),
            (
                r#"{"@odata.context": "https://x/$metadata#directoryObjects", "value": [{"id": "1"}]}"#,
                None,
            ),
        ] {
            assert_eq!(kind(text).as_deref(), expected, "{text}");
        }
    }
}
