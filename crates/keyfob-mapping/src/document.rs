//! Reading of JSON documents, which says where one is wrong.

mod error;

use keyfob_core::{Object, Value, json, name::closest};
use smol_str::{SmolStr, format_smolstr};

pub use self::error::{ImportError, ImportErrorKind};

/// The deepest nesting of a document. The tree of an expression takes three levels for each function within another.
const MAX_LEVELS: usize = 120;

/// Decodes a document.
pub(crate) fn object_from_slice(text: &[u8]) -> Result<Object, ImportError> {
    json::object_from_slice_within(text, MAX_LEVELS)
        .map_err(|error| ImportError::new("", ImportErrorKind::Json(error)))
}

/// An object of a document and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'o> {
    object: &'o Object,
    path: SmolStr,
}

impl<'o> Reader<'o> {
    /// The document itself.
    pub(crate) fn new(object: &'o Object) -> Self {
        Self {
            object,
            path: SmolStr::default(),
        }
    }

    /// An object at `path`.
    pub(crate) fn of(value: &'o Value, path: SmolStr) -> Result<Self, ImportError> {
        match value {
            Value::Object(object) => Ok(Self { object, path }),
            _ => Err(invalid(path, "an object")),
        }
    }

    /// The path of a member.
    pub(crate) fn at(&self, member: &str) -> SmolStr {
        if self.path.is_empty() {
            member.into()
        } else {
            format_smolstr!("{}.{member}", self.path)
        }
    }

    pub(crate) fn missing(&self, member: &str) -> ImportError {
        ImportError::new(self.at(member), ImportErrorKind::Missing)
    }

    pub(crate) fn invalid(&self, member: &str, expected: &'static str) -> ImportError {
        invalid(self.at(member), expected)
    }

    /// The value of a member; `null` is as good as none.
    pub(crate) fn get(&self, member: &str) -> Option<&'o Value> {
        self.object.get(member).filter(|value| **value != Value::Null)
    }

    pub(crate) fn text(&self, member: &str) -> Result<Option<&'o str>, ImportError> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.invalid(member, "a string")),
        }
    }

    pub(crate) fn required_text(&self, member: &str) -> Result<&'o str, ImportError> {
        self.text(member)?.ok_or_else(|| self.missing(member))
    }

    pub(crate) fn flag(&self, member: &str) -> Result<Option<bool>, ImportError> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.invalid(member, "a boolean")),
        }
    }

    pub(crate) fn integer(&self, member: &str) -> Result<Option<i64>, ImportError> {
        match self.get(member) {
            None => Ok(None),
            Some(Value::Integer(number)) => Ok(Some(*number)),
            Some(_) => Err(self.invalid(member, "an integer")),
        }
    }

    /// The elements of an array with their paths; none where there is none.
    pub(crate) fn elements(
        &self,
        member: &str,
    ) -> Result<impl ExactSizeIterator<Item = (&'o Value, SmolStr)> + use<'o>, ImportError> {
        let values: &[Value] = match self.get(member) {
            None => &[],
            Some(Value::Array(values)) => values,
            Some(_) => return Err(self.invalid(member, "an array")),
        };
        let path = self.at(member);
        let place = move |(index, value)| (value, format_smolstr!("{path}[{index}]"));
        Ok(values.iter().enumerate().map(place))
    }

    /// The objects of an array.
    pub(crate) fn objects(&self, member: &str) -> Result<Vec<Self>, ImportError> {
        self.elements(member)?
            .map(|(value, path)| Self::of(value, path))
            .collect()
    }

    /// The strings of an array.
    pub(crate) fn texts(&self, member: &str) -> Result<Vec<SmolStr>, ImportError> {
        let text = |(value, path): (&Value, SmolStr)| match value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(invalid(path, "a string")),
        };
        self.elements(member)?.map(text).collect()
    }

    /// An object.
    pub(crate) fn object(&self, member: &str) -> Result<Option<Self>, ImportError> {
        self.get(member)
            .map(|value| Self::of(value, self.at(member)))
            .transpose()
    }

    /// Refuses members that are none of these: in a document that people write, they are slips of the pen.
    pub(crate) fn only(&self, known: &[&str]) -> Result<(), ImportError> {
        let mut names = self.object.iter().map(|(name, _)| name);
        match names.find(|name| !known.iter().any(|known| name.is(known))) {
            None => Ok(()),
            Some(name) => Err(ImportError::new(
                self.at(name.as_str()),
                ImportErrorKind::Unknown {
                    suggestion: closest(name.as_str(), known.iter().copied()),
                },
            )),
        }
    }
}

/// The error that something else is expected at `path`.
pub(crate) fn invalid(path: SmolStr, expected: &'static str) -> ImportError {
    ImportError::new(path, ImportErrorKind::Invalid { expected })
}
