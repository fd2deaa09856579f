//! Objects of the source, one by one.

use std::{borrow::Cow, collections::BTreeMap, fmt, vec};

use keyfob_expression::{RawObject, Source, Value};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::{StreamDeserializer, de::StrRead, value::RawValue};
use smol_str::SmolStr;

use super::{CsvObjects, GraphObject, ObjectsError, ObjectsErrorKind, user::named};

/// A reading of objects of the source in any of the forms that [`Objects`](super::Objects) lists, one by one, for files that
/// hold more of them than should be in memory at once.
///
/// It ends with the first error.
///
/// ```
/// use keyfob_mapping::graph::ObjectReader;
///
/// let mut reader = ObjectReader::new(b"{\"mail\": \"babs@example.com\"}\n{\"mail\": \"ann@example.com\"}\n{\"mail\":")?;
/// for line in [1, 2] {
///     assert_eq!(reader.next().ok_or("two objects are whole")??.line, line);
/// }
/// let error = reader.next().ok_or("the third line is cut off")?.unwrap_err();
/// assert_eq!(error.line, 3);
/// assert!(reader.next().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ObjectReader<'t> {
    form: Form<'t>,
    has_ended: bool,
}

#[derive(Debug)]
enum Form<'t> {
    Json(Json<'t>),
    Csv(CsvObjects<&'t [u8]>),
}

impl<'t> ObjectReader<'t> {
    /// Starts to read a text; of CSV it reads the header.
    ///
    /// # Errors
    /// [`ObjectsError`], where the text is not UTF-8, holds nothing, or its header can't be taken.
    pub fn new(text: &'t [u8]) -> Result<Self, ObjectsError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        // Once for all of it, since what reads JSON checks every text by itself otherwise.
        let text = str::from_utf8(text).map_err(|error| {
            let before = text.get(..error.valid_up_to()).unwrap_or_default();
            let lines = before.split(|byte| *byte == b'\n').count();
            at(lines, ObjectsErrorKind::NotUtf8)
        })?;
        let form = match text.bytes().find(|byte| !byte.is_ascii_whitespace()) {
            None => return Err(at(1, ObjectsErrorKind::Nothing)),
            Some(b'{' | b'[') => Form::Json(Json::new(text)),
            Some(_) => Form::Csv(CsvObjects::new(text.as_bytes())?),
        };
        Ok(Self {
            form,
            has_ended: false,
        })
    }

    /// The columns of a CSV file; none of other forms.
    #[must_use]
    pub fn columns(&self) -> Option<&[SmolStr]> {
        match &self.form {
            Form::Json(_) => None,
            Form::Csv(csv) => Some(csv.columns()),
        }
    }

    /// Returns true if pages are missing from what was read: the last one of Microsoft Graph names a page after it
    /// (`@odata.nextLink`), or those of a SCIM service hold less than they count (`totalResults`), not in the order of
    /// `startIndex`, or name a cursor at the end (RFC 7644 section 3.4.2.4, RFC 9865). What says nothing of this is taken for
    /// whole.
    ///
    /// ```
    /// use keyfob_mapping::graph::ObjectReader;
    ///
    /// let mut reader = ObjectReader::new(br#"{"@odata.nextLink": "https://graph.example/2", "value": [{"id": "1"}]}"#)?;
    /// assert_eq!(reader.by_ref().count(), 1);
    /// assert!(reader.lacks_pages());
    /// # Ok::<(), keyfob_mapping::graph::ObjectsError>(())
    /// ```
    #[must_use]
    pub fn lacks_pages(&self) -> bool {
        matches!(&self.form, Form::Json(json) if json.pages.lacks_some())
    }

    /// Returns true if what was read last is a page of a delta query of Microsoft Graph, of changes: it names the next query
    /// (`@odata.deltaLink`), or a page after it whose address says `delta`.
    ///
    /// ```
    /// use keyfob_mapping::graph::ObjectReader;
    ///
    /// let mut reader = ObjectReader::new(br#"{"@odata.deltaLink": "https://graph.example/d", "value": [{"id": "1"}]}"#)?;
    /// assert_eq!(reader.by_ref().count(), 1);
    /// assert!(reader.is_delta() && !reader.lacks_pages());
    /// # Ok::<(), keyfob_mapping::graph::ObjectsError>(())
    /// ```
    #[must_use]
    pub fn is_delta(&self) -> bool {
        matches!(&self.form, Form::Json(json) if json.pages.is_delta)
    }

    /// Returns true if what was read is one JSON object that is no page.
    #[must_use]
    pub fn is_single(&self) -> bool {
        match &self.form {
            Form::Json(json) => json.count == 1 && !json.is_page,
            Form::Csv(_) => false,
        }
    }
}

impl Iterator for ObjectReader<'_> {
    type Item = Result<GraphObject, ObjectsError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let object = match &mut self.form {
            Form::Json(json) => json.next().transpose(),
            Form::Csv(csv) => csv.next(),
        };
        self.has_ended = !matches!(object, Some(Ok(_)));
        object
    }
}

pub(super) fn at(line: usize, kind: impl Into<ObjectsErrorKind>) -> ObjectsError {
    ObjectsError {
        line,
        kind: kind.into(),
    }
}

/// A reading of JSON.
struct Json<'t> {
    text: &'t str,
    /// The values at the top of the text.
    values: StreamDeserializer<'t, StrRead<'t>, Top<'t>>,
    /// The elements of the page or array that is being read, and of which kind they are.
    elements: vec::IntoIter<&'t RawValue>,
    kind: Option<SmolStr>,
    /// The number of values that were read at the top.
    count: usize,
    /// True if one of them is a page or an array.
    is_page: bool,
    pages: Pages,
    /// The place up to which lines were counted, and the line there.
    counted: usize,
    line: usize,
}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Json")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

impl<'t> Json<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            values: serde_json::Deserializer::from_str(text).into_iter(),
            elements: Vec::new().into_iter(),
            kind: None,
            count: 0,
            is_page: false,
            pages: Pages::default(),
            counted: 0,
            line: 1,
        }
    }

    fn next(&mut self) -> Result<Option<GraphObject>, ObjectsError> {
        loop {
            if let Some(element) = self.elements.next() {
                let text = element.get();
                if !text.starts_with('{') {
                    let found = kind_of(text);
                    return Err(self.refuse(text, ObjectsErrorKind::NoObject { found }));
                }
                let source = Source::from_json(text.as_bytes()).map_err(|error| self.refuse(text, error))?;
                let kind = self.kind.clone();
                return Ok(Some(self.object(source, text, kind)));
            }
            let start = self.values.byte_offset();
            let Some(value) = self.values.next() else {
                return Ok(None);
            };
            let value = value.map_err(|error| {
                let kind = if error.is_eof() {
                    ObjectsErrorKind::Cut
                } else {
                    ObjectsErrorKind::Json(without_place(&error))
                };
                at(error.line().max(1), kind)
            })?;
            self.count += 1;
            let end = self.values.byte_offset();
            let text = self.text.get(start..end).unwrap_or_default().trim_ascii();
            match value {
                Top::Object(object) => {
                    let source = Source::from_raw(object).map_err(|error| self.refuse(text, error))?;
                    return Ok(Some(self.object(source, text, None)));
                }
                Top::Special => {
                    if let Some(object) = self.object_or_page(text)? {
                        return Ok(Some(object));
                    }
                }
                Top::Array => self.page(text, None)?,
                Top::Other => {
                    let found = kind_of(text);
                    return Err(self.refuse(text, ObjectsErrorKind::NoObject { found }));
                }
            }
        }
    }

    /// Reads an object whose names may be those of something else. There is none where it is a page, whose elements are read
    /// next.
    fn object_or_page(&mut self, text: &'t str) -> Result<Option<GraphObject>, ObjectsError> {
        let members: Members<'_> = self.parse(text)?;
        let is_context = |name: &str| name.starts_with('@') || name.starts_with("odata.");
        if let Some(elements) = members.get("value")
            && members.keys().all(|name| name == "value" || is_context(name))
        {
            let context = members.get("@odata.context").and_then(|context| text_of(context));
            let kind = context.as_deref().and_then(collection);
            self.elements_of("value", elements, kind)?;
            let next = members.get("@odata.nextLink").and_then(|link| text_of(link));
            self.pages
                .take_linked(next.as_deref(), members.contains_key("@odata.deltaLink"));
            return Ok(None);
        }
        if let Some(elements) = members.get("Resources")
            && members.contains_key("schemas")
        {
            self.elements_of("Resources", elements, None)?;
            let total = self.number(text, &members, "totalResults")?;
            let start = self.number(text, &members, "startIndex")?;
            let names_next = members
                .get("nextCursor")
                .is_some_and(|cursor| cursor.get() != "null");
            self.pages
                .take_counted(start, self.elements.len(), total, names_next);
            return Ok(None);
        }
        if members.contains_key("synchronizationRules") {
            return Err(self.refuse(text, ObjectsErrorKind::IsSchema));
        }
        if let (Some(error), 1) = (members.get("error"), members.len()) {
            let message = serde_json::from_str::<Members<'_>>(error.get()).ok();
            let message = message.and_then(|error| error.get("message").and_then(|message| text_of(message)));
            let message = message.unwrap_or_else(|| "it says no more".into());
            return Err(self.refuse(text, ObjectsErrorKind::GraphError { message }));
        }
        let source = Source::from_json(text.as_bytes()).map_err(|error| self.refuse(text, error))?;
        Ok(Some(self.object(source, text, None)))
    }

    fn elements_of(
        &mut self,
        member: &'static str,
        elements: &'t RawValue,
        kind: Option<SmolStr>,
    ) -> Result<(), ObjectsError> {
        let text = elements.get();
        if text.starts_with('[') {
            return self.page(text, kind);
        }
        let found = kind_of(text);
        Err(self.refuse(text, ObjectsErrorKind::NoPage { member, found }))
    }

    /// Reads a number of a page.
    fn number(&mut self, text: &str, page: &Members<'_>, name: &str) -> Result<Option<i64>, ObjectsError> {
        let Some(number) = page
            .get(name)
            .map(|number| number.get())
            .filter(|number| *number != "null")
        else {
            return Ok(None);
        };
        if let Ok(number) = number.parse() {
            return Ok(Some(number));
        }
        let found = kind_of(number);
        let message = format!("`{name}` is {found} and has to be a whole number");
        Err(self.refuse(text, ObjectsErrorKind::Json(message)))
    }

    /// Reads the elements of an array next.
    fn page(&mut self, text: &'t str, kind: Option<SmolStr>) -> Result<(), ObjectsError> {
        let elements: Vec<&RawValue> = self.parse(text)?;
        self.elements = elements.into_iter();
        self.kind = kind;
        self.is_page = true;
        Ok(())
    }

    fn object(&mut self, source: Source, text: &str, kind: Option<SmolStr>) -> GraphObject {
        let line = self.line_of(text);
        let own = kind_said_by(&source);
        GraphObject {
            source: named(source),
            kind: own.or(kind),
            line,
        }
    }

    fn parse<T: Deserialize<'t>>(&mut self, text: &'t str) -> Result<T, ObjectsError> {
        serde_json::from_str(text)
            .map_err(|error| self.refuse(text, ObjectsErrorKind::Json(without_place(&error))))
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

/// How far lists that come in pages were read.
#[derive(Default)]
struct Pages {
    /// How the next page is known, if one has to come.
    next: Option<Next>,
    /// The number of resources in the pages of a list that has to go on.
    read: i64,
    /// True if a page did not come.
    is_one_missing: bool,
    /// True if the last page is one of a delta query.
    is_delta: bool,
}

/// A page that has to come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// A link or a cursor leads to it.
    Named,
    /// A link of a delta query leads to it, the last page of which names the next query.
    Delta,
    /// It starts where the last one ended.
    Counted,
}

impl Pages {
    /// Takes a page of Microsoft Graph, with the address of the page after it.
    fn take_linked(&mut self, next: Option<&str>, ends_delta: bool) {
        let is_end = next.is_none() && !ends_delta;
        self.is_one_missing |= match self.next {
            Some(Next::Counted) => true,
            Some(Next::Delta) => is_end,
            Some(Next::Named) | None => false,
        };
        let is_delta = next.is_some_and(|link| link.contains("/delta") || link.contains("$deltatoken="));
        self.is_delta = ends_delta || is_delta;
        self.next = next.map(|_| if is_delta { Next::Delta } else { Next::Named });
        self.read = 0;
    }

    /// Takes a page of a SCIM service.
    fn take_counted(&mut self, start: Option<i64>, resources: usize, total: Option<i64>, names_next: bool) {
        let before = start.map_or(self.read, |start| start.max(1) - 1);
        self.is_one_missing |= before != self.read && self.next != Some(Next::Named);
        let read = before.saturating_add_unsigned(resources as u64);
        self.next = if names_next {
            Some(Next::Named)
        } else {
            total.filter(|total| read < *total).map(|_| Next::Counted)
        };
        self.read = if self.next.is_some() { read } else { 0 };
    }

    fn lacks_some(&self) -> bool {
        self.is_one_missing || self.next.is_some()
    }
}

/// A value at the top of a text.
enum Top<'t> {
    /// An object of the source.
    Object(RawObject<'t>),
    /// A page, an error of Microsoft Graph or a schema, perhaps.
    Special,
    Array,
    Other,
}

impl<'de> Deserialize<'de> for Top<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfAny;
        impl<'de> Visitor<'de> for OfAny {
            type Value = Top<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Top<'de>, A::Error> {
                let object = RawObject::deserialize(MapAccessDeserializer::new(map))?;
                // Names that objects of the source seldom have, and pages, errors and schemas do.
                let special = ["value", "Resources", "synchronizationRules", "error"];
                Ok(if object.names().any(|name| special.contains(&name)) {
                    Top::Special
                } else {
                    Top::Object(object)
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Top<'de>, A::Error> {
                while elements.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Top::Array)
            }

            fn visit_str<E>(self, _: &str) -> Result<Top<'de>, E> {
                Ok(Top::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Top<'de>, E> {
                Ok(Top::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Top<'de>, E> {
                Ok(Top::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Top<'de>, E> {
                Ok(Top::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Top<'de>, E> {
                Ok(Top::Other)
            }

            fn visit_unit<E>(self) -> Result<Top<'de>, E> {
                Ok(Top::Other)
            }
        }
        deserializer.deserialize_any(OfAny)
    }
}

type Members<'t> = BTreeMap<Cow<'t, str>, &'t RawValue>;

/// The kind that an object itself says.
fn kind_said_by(source: &Source) -> Option<SmolStr> {
    // Names are in order, and annotations come before most.
    let annotations = source
        .iter()
        .take_while(|(name, _)| !name.starts_with(|first| first > '@'));
    let mut context = None;
    for (name, value) in annotations {
        match (name, value) {
            ("@odata.type", Value::Text(kind)) => return kind.rsplit('.').next().map(SmolStr::new),
            ("@odata.context", Value::Text(text)) => context = collection(text),
            _ => {}
        }
    }
    context
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

fn kind_of(text: &str) -> &'static str {
    match text.as_bytes().first() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_whose_pages_are_not_all_there_is_told_from_a_whole_one() {
        let graph = |next: &str| format!(r#"{{{next}"value": [{{"id": "a"}}]}}"#);
        let scim = |members: &str| {
            let list = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
            format!(r#"{{"schemas": ["{list}"], {members} "Resources": [{{"id": "a"}}, {{"id": "b"}}]}}"#)
        };
        let link = graph(r#""@odata.nextLink": "x", "#);
        let delta = graph(r#""@odata.nextLink": "https://x/users/delta?$skiptoken=1", "#);
        let end = graph(r#""@odata.deltaLink": "https://x/users/delta?$deltatoken=1", "#);
        let (first, second) = (
            r#""totalResults": 4, "#,
            r#""totalResults": 4, "startIndex": 3, "#,
        );
        let cursor = r#""totalResults": 4, "nextCursor": "x", "#;
        for (pages, lacks_some) in [
            (vec![graph("")], false),
            (vec![link.clone()], true),
            (vec![link.clone(), graph("")], false),
            (vec![delta.clone(), end.clone()], false),
            (vec![delta.clone(), end.clone(), delta.clone()], true),
            // The last page of a delta query names the next one.
            (vec![delta.clone(), graph("")], true),
            (vec![end, graph("")], false),
            (vec![delta], true),
            (vec![scim("")], false),
            (vec![scim(r#""totalResults": 2, "#)], false),
            (vec![scim(r#""totalResults": 2, "startIndex": 0, "#)], false),
            // A server may count less than it shows.
            (vec![scim(r#""totalResults": 1, "#)], false),
            (vec![scim(first)], true),
            (vec![scim(first), scim(second)], false),
            // The start may be left out.
            (vec![scim(first), scim(first)], false),
            (vec![scim(second)], true),
            (vec![scim(second), scim(first)], true),
            (vec![scim(first), scim(second), scim(second)], true),
            (vec![scim(cursor)], true),
            (
                vec![scim(cursor), scim(r#""totalResults": 4, "nextCursor": null, "#)],
                false,
            ),
            (vec![scim(cursor), scim(r#""totalResults": 5, "#)], true),
            (vec![scim(cursor), scim(r#""totalResults": 2, "#)], false),
            // Of users there is but one page, and of groups all.
            (
                vec![scim(first), scim(r#""totalResults": 2, "startIndex": 1, "#)],
                true,
            ),
            (vec![scim(first), graph("")], true),
        ] {
            let text = pages.join("\n");
            let mut reader = ObjectReader::new(text.as_bytes()).unwrap();
            reader.by_ref().try_for_each(|object| object.map(drop)).unwrap();
            assert_eq!(reader.lacks_pages(), lacks_some, "{text}");
        }
    }

    #[test]
    fn a_count_that_is_no_number_is_refused() {
        let text = r#"{"schemas": ["x"], "totalResults": "many", "Resources": []}"#;
        let error = ObjectReader::new(text.as_bytes())
            .unwrap()
            .next()
            .unwrap()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 1: this is not JSON: `totalResults` is a string and has to be a whole number"
        );
    }
}
