//! Departures from the RFC in what a server answers.

use std::fmt;

use smol_str::SmolStr;

/// A departure from the RFC in an answer that a reader understands all the same.
///
/// ```
/// use keyfob_core::{ErrorBody, message::Deviations};
///
/// let mut deviations = Deviations::new();
/// let answer = br#"{"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": 404}"#;
/// assert_eq!(ErrorBody::from_json(answer, &mut deviations)?.status, 404);
/// let noted: Vec<String> = deviations.iter().map(|deviation| deviation.to_string()).collect();
/// assert_eq!(noted, ["`status` is not a string (RFC 7644 section 3.12)"]);
/// # Ok::<(), keyfob_core::message::MessageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deviation {
    /// The member of the message, such as `totalResults` or `Operations[2].status`; empty for the answer as a whole.
    pub path: SmolStr,
    /// What is wrong there, as the rest of a sentence: `is not a string`.
    pub rule: SmolStr,
    /// The section that says what would be right.
    pub rfc: &'static str,
}

impl Deviation {
    /// Creates a deviation.
    #[must_use]
    pub fn new(path: impl Into<SmolStr>, rule: impl Into<SmolStr>, rfc: &'static str) -> Self {
        Self {
            path: path.into(),
            rule: rule.into(),
            rfc,
        }
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(f, "the answer {} ({})", self.rule, self.rfc)
        } else {
            write!(f, "`{}` {} ({})", self.path, self.rule, self.rfc)
        }
    }
}

/// Collects the deviations of one message, at most [`MAX`](Self::MAX) of them, so that no answer can fill the memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deviations {
    noted: Vec<Deviation>,
}

impl Deviations {
    /// The number of deviations that are kept; those after them are passed over.
    pub const MAX: usize = 64;

    /// Creates a collection without deviations.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a deviation.
    pub fn note(&mut self, deviation: Deviation) {
        if self.noted.len() < Self::MAX {
            self.noted.push(deviation);
        }
    }

    /// Returns true if nothing was noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.noted.is_empty()
    }

    /// Returns the deviations in the order in which they were found.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Deviation> {
        self.noted.iter()
    }
}

impl IntoIterator for Deviations {
    type Item = Deviation;
    type IntoIter = std::vec::IntoIter<Deviation>;

    fn into_iter(self) -> Self::IntoIter {
        self.noted.into_iter()
    }
}
