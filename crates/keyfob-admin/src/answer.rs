//! Calls of the administration, and its answers.

use keyfob_core::{Object, Value};
use keyfob_engine::{Change, Commit, RequestId};
use sha2::{Digest, Sha256};
use smol_str::SmolStr;

use crate::operation::Operation;

/// An operation with what it is given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// The operation.
    pub operation: &'static Operation,
    /// The values of its parameters, by name. Texts stand for values of every kind, as queries and command lines have them.
    pub input: Object,
    /// The digest of the preview that was confirmed.
    pub confirmation: Option<SmolStr>,
    /// If true, nothing is written, and the answer says what would be.
    pub dry_run: bool,
    /// Why it is done, for the record.
    pub reason: Option<SmolStr>,
    /// The id of the request, which events carry.
    pub request: RequestId,
}

impl Call {
    /// Creates a call.
    #[must_use]
    pub fn new(operation: &'static Operation, input: Object) -> Self {
        Self {
            operation,
            input,
            confirmation: None,
            dry_run: false,
            reason: None,
            request: RequestId::default(),
        }
    }

    /// Returns the same call, confirmed by the digest of a preview.
    #[must_use]
    pub fn confirmed(self, digest: impl Into<SmolStr>) -> Self {
        Self {
            confirmation: Some(digest.into()),
            ..self
        }
    }

    /// Returns the same call as one that is tried and not done.
    #[must_use]
    pub fn dry(self) -> Self {
        Self {
            dry_run: true,
            ..self
        }
    }

    /// Returns the same call with a reason for the record.
    #[must_use]
    pub fn with_reason(self, reason: impl Into<SmolStr>) -> Self {
        Self {
            reason: Some(reason.into()),
            ..self
        }
    }

    /// Returns the same call under the id of a request.
    #[must_use]
    pub fn with_request(self, request: RequestId) -> Self {
        Self { request, ..self }
    }
}

/// The answer of an operation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// It is done, and there is nothing to show.
    Done,
    /// A view.
    One(Object),
    /// A page of views.
    Page(Page<Object>),
    /// The changes that would be written, had the call not been a dry run.
    DryRun(Vec<Object>),
}

impl Answer {
    /// Returns the document of the answer; none where there is nothing to show.
    #[must_use]
    pub fn into_object(self) -> Option<Object> {
        match self {
            Self::Done => None,
            Self::One(view) => Some(view),
            Self::Page(page) => {
                let items = page.items.into_iter().map(Value::from);
                let mut object = Object::new();
                object.insert("items", items.collect::<Vec<_>>());
                object.insert("next", page.next.map_or(Value::Null, Value::from));
                Some(object)
            }
            Self::DryRun(changes) => {
                let changes = changes.into_iter().map(Value::from);
                let mut object = Object::new();
                object.insert("dryRun", true);
                object.insert("changes", changes.collect::<Vec<_>>());
                Some(object)
            }
        }
    }
}

/// A page of views.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Page<V> {
    /// The views.
    pub items: Vec<V>,
    /// Where the next page goes on, if there may be one. A page may be short and have a next one all the same.
    pub next: Option<SmolStr>,
}

impl<V> Page<V> {
    /// Creates a page.
    #[must_use]
    pub fn new(items: Vec<V>, next: Option<SmolStr>) -> Self {
        Self { items, next }
    }
}

/// The effects of an operation that can't be taken back, before it is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preview {
    /// The effects, one for each kind.
    pub effects: Vec<Effect>,
    /// A sentence for each thing that stays.
    pub stays: Vec<SmolStr>,
    /// The digest by which the operation is confirmed. It changes with the effects.
    pub confirmation: SmolStr,
}

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Effect {
    /// The effect, in words that go on from the number.
    pub what: SmolStr,
    /// The number of resources that it concerns.
    pub count: usize,
    /// Some of them, by name.
    pub sample: Vec<SmolStr>,
}

/// The number of names that an effect shows at most.
const SAMPLE: usize = 10;

impl Preview {
    /// Creates the preview of an operation on a subject without effects.
    pub(crate) fn of(operation: &str, subject: &str) -> PreviewBuilder {
        let mut digest = Sha256::new();
        for text in [operation, subject] {
            digest.update(text.len().to_be_bytes());
            digest.update(text.as_bytes());
        }
        PreviewBuilder {
            digest,
            preview: Self::default(),
        }
    }

    /// Reads a preview that [`to_object`](Self::to_object) made.
    pub(crate) fn from_object(object: &Object) -> Option<Self> {
        let texts = |value: Option<&Value>| -> Vec<SmolStr> {
            let elements = value.map(Value::as_elements).unwrap_or_default();
            elements
                .iter()
                .filter_map(Value::as_str)
                .map(Into::into)
                .collect()
        };
        let effects = object.get("effects").map(Value::as_elements).unwrap_or_default();
        let effect = |effect: &Value| {
            let effect = effect.as_object()?;
            let count = effect.get("count").and_then(Value::as_integer)?;
            Some(Effect {
                what: effect.get_str("what")?.into(),
                count: usize::try_from(count).ok()?,
                sample: texts(effect.get("sample")),
            })
        };
        Some(Self {
            effects: effects.iter().filter_map(effect).collect(),
            stays: texts(object.get("stays")),
            confirmation: object.get_str("confirmation")?.into(),
        })
    }

    /// Returns the preview's document.
    #[must_use]
    pub fn to_object(&self) -> Object {
        let texts = |texts: &[SmolStr]| texts.iter().cloned().map(Value::from).collect::<Vec<_>>();
        let effects = self.effects.iter().map(|effect| {
            let mut object = Object::new();
            object.insert("what", effect.what.clone());
            object.insert("count", i64::try_from(effect.count).unwrap_or(i64::MAX));
            object.insert("sample", texts(&effect.sample));
            Value::from(object)
        });
        let mut object = Object::new();
        object.insert("effects", effects.collect::<Vec<_>>());
        object.insert("stays", texts(&self.stays));
        object.insert("irreversible", true);
        object.insert("confirmation", self.confirmation.clone());
        object
    }
}

/// Collects the effects of an operation, and the digest over all of them: also of those that the sample leaves out.
pub(crate) struct PreviewBuilder {
    digest: Sha256,
    preview: Preview,
}

impl PreviewBuilder {
    /// Adds an effect on resources, each of an id and a name.
    pub(crate) fn effect(mut self, what: &str, on: impl IntoIterator<Item = (SmolStr, SmolStr)>) -> Self {
        let mut on: Vec<_> = on.into_iter().collect();
        on.sort_unstable();
        self.digest.update(what.as_bytes());
        for (id, _) in &on {
            self.digest.update(id.len().to_be_bytes());
            self.digest.update(id.as_bytes());
        }
        self.digest.update([0]);
        self.preview.effects.push(Effect {
            what: what.into(),
            count: on.len(),
            sample: on.into_iter().take(SAMPLE).map(|(_, name)| name).collect(),
        });
        self
    }

    /// Adds an effect of which the number alone is known.
    pub(crate) fn number(mut self, what: &str, count: usize) -> Self {
        self.digest.update(what.as_bytes());
        self.digest.update(count.to_be_bytes());
        self.preview.effects.push(Effect {
            what: what.into(),
            count,
            sample: Vec::new(),
        });
        self
    }

    /// Adds what stays.
    pub(crate) fn stays(mut self, what: &str) -> Self {
        self.preview.stays.push(what.into());
        self
    }

    pub(crate) fn build(self) -> Preview {
        Preview {
            confirmation: hex(&self.digest.finalize()),
            ..self.preview
        }
    }
}

/// Returns bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> SmolStr {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]);
    digits.collect::<String>().into()
}

/// Returns what a commit would write, a view a change.
pub(crate) fn changes_of(commit: &Commit) -> Vec<Object> {
    let views = commit.changes.iter().filter_map(|change| {
        let action = match change {
            Change::Create { .. } => "create",
            Change::Update { .. } => "update",
            Change::Delete { .. } => "delete",
            Change::Expect { .. } | Change::Publish { .. } | Change::Forget { .. } => return None,
        };
        let (resource_type, id) = change.subject()?;
        let mut object = Object::new();
        object.insert("action", action);
        object.insert("resourceType", resource_type.name().clone());
        object.insert("id", id.as_str());
        if let Change::Create { relations, .. } | Change::Update { relations, .. } = change {
            let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
            let joined = relations.iter().map(|delta| delta.add.len()).sum();
            let left = relations.iter().map(|delta| delta.remove.len()).sum();
            for (name, count) in [("joined", joined), ("left", left)] {
                if count > 0 {
                    object.insert(name, number(count));
                }
            }
        }
        Some(object)
    });
    views.collect()
}
