//! Objects of the source in whatever form they are exported: one reader for all of them.

use std::{collections::BTreeMap, fmt};

use keyfob_expression::{Source, SourceError, Value};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use super::user::named;

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
/// Every object gets the names that mappings know, as [`source_from_json`](super::source_from_json) gives them. An empty
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
    /// Takes one object, whose attributes have the names that mappings know.
    #[must_use]
    pub fn of(source: Source) -> Self {
        let object = GraphObject {
            source,
            kind: None,
            line: 1,
        };
        Self {
            objects: vec![object],
            columns: None,
            is_single: true,
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ObjectsError`] says on which line the file holds something else.
    ///
    /// # Complexity
    /// Linear in the text.
    pub fn read(text: &[u8]) -> Result<Self, ObjectsError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        // Once for all of it, since what reads JSON checks every text by itself otherwise.
        let text = str::from_utf8(text).map_err(|error| {
            let before = text.get(..error.valid_up_to()).unwrap_or_default();
            let lines = before.split(|byte| *byte == b'\n').count();
            at(lines, ObjectsErrorKind::NotUtf8)
        })?;
        match text.bytes().find(|byte| !byte.is_ascii_whitespace()) {
            None => Err(at(1, ObjectsErrorKind::Nothing)),
            Some(b'{' | b'[') => Reading::new(text).json(),
            Some(_) => from_csv(text.as_bytes()),
        }
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

fn at(line: usize, kind: impl Into<ObjectsErrorKind>) -> ObjectsError {
    ObjectsError {
        line,
        kind: kind.into(),
    }
}

/// A value at the top of a text, as far as it has to be known before it is read.
enum Shape {
    /// An object of the source.
    Object,
    /// A page, an error of Microsoft Graph or a schema, perhaps.
    Special,
    Array,
    Other,
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfAny;
        impl<'de> Visitor<'de> for OfAny {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
                let mut shape = Shape::Object;
                while let Some(SpecialName(is_special)) = map.next_key()? {
                    if is_special {
                        shape = Shape::Special;
                    }
                    map.next_value::<IgnoredAny>()?;
                }
                Ok(shape)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Shape, A::Error> {
                while elements.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Shape::Array)
            }

            fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
                Ok(Shape::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
                Ok(Shape::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
                Ok(Shape::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
                Ok(Shape::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
                Ok(Shape::Other)
            }

            fn visit_unit<E>(self) -> Result<Shape, E> {
                Ok(Shape::Other)
            }
        }
        deserializer.deserialize_any(OfAny)
    }
}

/// True for a name that objects of the source seldom have, and pages, errors and schemas do.
struct SpecialName(bool);

impl<'de> Deserialize<'de> for SpecialName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfText;
        impl Visitor<'_> for OfText {
            type Value = SpecialName;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<SpecialName, E> {
                let special = ["value", "Resources", "synchronizationRules", "error"];
                Ok(SpecialName(special.contains(&name)))
            }
        }
        deserializer.deserialize_str(OfText)
    }
}

type Members<'t> = BTreeMap<std::borrow::Cow<'t, str>, &'t RawValue>;

/// A reading of JSON: the objects that were found, and the place up to which lines were counted.
struct Reading<'t> {
    text: &'t str,
    objects: Vec<GraphObject>,
    counted: usize,
    line: usize,
}

impl<'t> Reading<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            objects: Vec::new(),
            counted: 0,
            line: 1,
        }
    }

    fn json(mut self) -> Result<Objects, ObjectsError> {
        let mut shapes = serde_json::Deserializer::from_str(self.text).into_iter::<Shape>();
        let mut count = 0;
        let mut is_page = false;
        loop {
            let start = shapes.byte_offset();
            let Some(shape) = shapes.next() else { break };
            let shape = shape.map_err(|error| {
                let kind = if error.is_eof() {
                    ObjectsErrorKind::Cut
                } else {
                    ObjectsErrorKind::Json(without_place(&error))
                };
                at(error.line().max(1), kind)
            })?;
            let value = self.text.get(start..shapes.byte_offset()).unwrap_or_default();
            let value = value.trim_ascii();
            if let Shape::Object = shape {
                self.object(value, None)?;
            } else {
                let raw: &RawValue = serde_json::from_str(value)
                    .map_err(|error| self.refuse(value, ObjectsErrorKind::Json(without_place(&error))))?;
                is_page |= self.value(raw, &shape)?;
            }
            count += 1;
        }
        Ok(Objects {
            objects: self.objects,
            columns: None,
            is_single: count == 1 && !is_page,
        })
    }

    /// Takes the objects of a value, and returns true where it is not an object itself.
    fn value(&mut self, raw: &'t RawValue, shape: &Shape) -> Result<bool, ObjectsError> {
        match shape {
            Shape::Array => {
                self.elements(raw, None)?;
                Ok(true)
            }
            Shape::Object | Shape::Special => self.object_or_page(raw),
            Shape::Other => {
                let found = kind_of(raw);
                Err(self.refuse(raw.get(), ObjectsErrorKind::NoObject { found }))
            }
        }
    }

    fn object_or_page(&mut self, raw: &'t RawValue) -> Result<bool, ObjectsError> {
        let members = self.members(raw)?;
        let is_context = |name: &str| name.starts_with('@') || name.starts_with("odata.");
        if let Some(elements) = members.get("value")
            && members.keys().all(|name| name == "value" || is_context(name))
        {
            let context = members.get("@odata.context").and_then(|context| text_of(context));
            let kind = context.as_deref().and_then(collection);
            self.page("value", elements, kind.as_ref())?;
            return Ok(true);
        }
        if let Some(elements) = members.get("Resources")
            && members.contains_key("schemas")
        {
            self.page("Resources", elements, None)?;
            return Ok(true);
        }
        if members.contains_key("synchronizationRules") {
            return Err(self.refuse(raw.get(), ObjectsErrorKind::IsSchema));
        }
        if let (Some(error), 1) = (members.get("error"), members.len()) {
            let message = serde_json::from_str::<Members<'_>>(error.get()).ok();
            let message = message.and_then(|error| error.get("message").and_then(|message| text_of(message)));
            let message = message.unwrap_or_else(|| "it says no more".into());
            return Err(self.refuse(raw.get(), ObjectsErrorKind::GraphError { message }));
        }
        self.object(raw.get(), None)?;
        Ok(false)
    }

    fn page(
        &mut self,
        member: &'static str,
        elements: &'t RawValue,
        kind: Option<&SmolStr>,
    ) -> Result<(), ObjectsError> {
        if elements.get().starts_with('[') {
            return self.elements(elements, kind);
        }
        let found = kind_of(elements);
        Err(self.refuse(elements.get(), ObjectsErrorKind::NoPage { member, found }))
    }

    fn elements(&mut self, raw: &'t RawValue, kind: Option<&SmolStr>) -> Result<(), ObjectsError> {
        let elements: Vec<&RawValue> = serde_json::from_str(raw.get())
            .map_err(|error| self.refuse(raw.get(), ObjectsErrorKind::Json(without_place(&error))))?;
        for element in elements {
            if !element.get().starts_with('{') {
                let found = kind_of(element);
                return Err(self.refuse(element.get(), ObjectsErrorKind::NoObject { found }));
            }
            self.object(element.get(), kind.cloned())?;
        }
        Ok(())
    }

    fn object(&mut self, text: &str, kind: Option<SmolStr>) -> Result<(), ObjectsError> {
        let source = Source::from_json(text.as_bytes()).map_err(|error| self.refuse(text, error))?;
        let line = self.line_of(text);
        let said = |annotation| match source.iter().find(|(name, _)| *name == annotation) {
            Some((_, Value::Text(text))) => Some(text),
            _ => None,
        };
        let own = match said("@odata.type") {
            Some(name) => name.rsplit('.').next().map(SmolStr::new),
            None => said("@odata.context").and_then(|context| collection(context)),
        };
        self.objects.push(GraphObject {
            source: named(source),
            kind: own.or(kind),
            line,
        });
        Ok(())
    }

    fn members(&mut self, raw: &'t RawValue) -> Result<Members<'t>, ObjectsError> {
        serde_json::from_str(raw.get())
            .map_err(|error| self.refuse(raw.get(), ObjectsErrorKind::Json(without_place(&error))))
    }

    #[cold]
    fn refuse(&mut self, text: &str, kind: impl Into<ObjectsErrorKind>) -> ObjectsError {
        at(self.line_of(text), kind)
    }

    /// The line on which a part of the text starts, counted on from the last one.
    fn line_of(&mut self, text: &str) -> usize {
        let start = text.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        if let Some(new) = self.text.get(self.counted..start) {
            self.line += new.matches('\n').count();
            self.counted = start;
        }
        self.line
    }
}

/// The kind of the objects in a page, as in `…/$metadata#users(id,mail)`.
fn collection(context: &str) -> Option<SmolStr> {
    let (_, fragment) = context.rsplit_once('#')?;
    let name: String = fragment.chars().take_while(char::is_ascii_alphanumeric).collect();
    // Of other collections nothing says of which kind their objects are.
    ["users", "groups", "devices", "servicePrincipals"]
        .contains(&name.as_str())
        .then(|| name.trim_end_matches('s').into())
}

fn text_of(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

fn kind_of(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// Returns what is wrong with some JSON, without the line and the column that are said beside it.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    message
        .strip_suffix(&place)
        .map_or(message.clone(), str::to_owned)
}

fn from_csv(text: &[u8]) -> Result<Objects, ObjectsError> {
    let header = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = [b',', b';', b'\t']
        .into_iter()
        .find(|delimiter| header.contains(delimiter));
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.delimiter(delimiter.unwrap_or(b',')).from_reader(text);
    let refuse = |error: &csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let message = match error.kind() {
            csv::ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => {
                format!("the row has {len} fields and the header {expected_len}")
            }
            _ => error.to_string(),
        };
        at(
            usize::try_from(line).unwrap_or(usize::MAX),
            ObjectsErrorKind::Csv(message),
        )
    };
    let mut columns: Vec<SmolStr> = Vec::new();
    for (name, number) in reader.headers().map_err(|error| refuse(&error))?.iter().zip(1..) {
        let name = SmolStr::new(name.trim());
        if name.is_empty() {
            return Err(at(1, ObjectsErrorKind::NoColumnName { number }));
        }
        if columns.contains(&name) {
            return Err(at(1, ObjectsErrorKind::ColumnTwice { name }));
        }
        columns.push(name);
    }
    let mut objects = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| refuse(&error))? {
        let line = record.position().map_or(0, csv::Position::line);
        let fields = columns.iter().zip(&record).filter(|(_, field)| !field.is_empty());
        let source = fields.map(|(name, field)| (name.clone(), field)).collect();
        objects.push(GraphObject {
            source: named(source),
            kind: None,
            line: usize::try_from(line).unwrap_or(usize::MAX),
        });
    }
    if objects.is_empty() {
        return Err(at(1, ObjectsErrorKind::Nothing));
    }
    Ok(Objects {
        objects,
        columns: Some(columns),
        is_single: false,
    })
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
