//! Conditional requests (RFC 7644 section 3.14, RFC 9110 section 13).

use std::borrow::Cow;

use keyfob_core::{AttrSet, EntityTag, ResourceId, ResourceType};
use keyfob_store::{Selection, Store};

use super::{Engine, EngineError, view::select_shown};
use crate::{
    context::{Actor, Context},
    feature::Feature,
};

/// A condition on the state of the resource that a request finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 9110 section 13.1 has no other header that SCIM uses"
)]
pub enum Precondition {
    /// The request takes any state.
    #[default]
    None,
    /// The request has one or both of the headers.
    Tags {
        /// The states that the request takes (`If-Match`).
        if_match: Option<EntityTags>,
        /// The states that the client has, or with which it refuses to write (`If-None-Match`).
        if_none_match: Option<EntityTags>,
    },
}

/// The value of `If-Match` or `If-None-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 9110 section 13.1.1 has no other form"
)]
pub enum EntityTags {
    /// `*`: any state.
    Any,
    /// These tags. A tag that no resource here ever had makes the list shorter, possibly empty.
    Listed(Vec<EntityTag>),
}

impl EntityTags {
    /// Reads the value of `If-Match` or `If-None-Match`, or the `version` of an operation of a bulk request: `*`, or entity
    /// tags with commas between them, over one line or several. Returns none for anything else: a condition that isn't
    /// understood would let a write through.
    ///
    /// Weak tags and strong ones are read alike, as RFC 7644 section 3.14 shows it for `If-Match`. A tag that is no version
    /// of this service never matches.
    ///
    /// ```
    /// use keyfob_engine::EntityTags;
    ///
    /// assert_eq!(EntityTags::parse(["W/\"3\", \"5\""]), EntityTags::parse(["\"3\"", "W/\"5\""]));
    /// assert_eq!(EntityTags::parse(["*"]), Some(EntityTags::Any));
    /// assert_eq!(EntityTags::parse(["3"]), None);
    /// ```
    ///
    /// # Complexity
    /// Linear in the text.
    pub fn parse<'t>(lines: impl IntoIterator<Item = &'t str>) -> Option<Self> {
        // Empty elements of a list count for nothing (RFC 9110 section 5.6.1.2).
        let elements = lines.into_iter().flat_map(elements);
        let listed: Vec<&str> = elements.filter(|element| !element.is_empty()).collect();
        match &*listed {
            [] => None,
            ["*"] => Some(Self::Any),
            listed if listed.iter().all(|tag| is_entity_tag(tag)) => {
                let known = listed.iter().filter_map(|tag| EntityTag::parse(tag));
                Some(Self::Listed(known.collect()))
            }
            _ => None,
        }
    }

    fn contain(&self, fits: impl Fn(EntityTag) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|tag| fits(*tag)),
        }
    }
}

/// Returns true for an entity tag of RFC 9110 section 8.8.3, whoever gave it out.
fn is_entity_tag(text: &str) -> bool {
    let opaque = text.strip_prefix("W/").unwrap_or(text);
    let inner = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let is_tag_character = |character: char| character > ' ' && character != '"' && character != '\u{7f}';
    inner.is_some_and(|inner| inner.chars().all(is_tag_character))
}

/// Returns the elements of a list. A tag of somebody else's may hold commas and asterisks between its quotes (RFC 9110
/// section 8.8.3).
fn elements(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    })
    .map(str::trim)
}

impl Precondition {
    /// Returns the condition of these two headers.
    #[must_use]
    pub fn new(if_match: Option<EntityTags>, if_none_match: Option<EntityTags>) -> Self {
        match (if_match, if_none_match) {
            (None, None) => Self::None,
            (if_match, if_none_match) => Self::Tags {
                if_match,
                if_none_match,
            },
        }
    }

    /// Returns the condition that the resource's state has one of these tags (`If-Match`).
    #[must_use]
    pub fn if_match(tags: Vec<EntityTag>) -> Self {
        Self::Tags {
            if_match: Some(EntityTags::Listed(tags)),
            if_none_match: None,
        }
    }

    /// Returns the condition as a service without versions has it: no tag was ever given out, so that none matches.
    fn without_tags(&self) -> Self {
        let tags = |tags: &Option<EntityTags>| {
            tags.as_ref().map(|tags| match tags {
                EntityTags::Any => EntityTags::Any,
                EntityTags::Listed(_) => EntityTags::Listed(Vec::new()),
            })
        };
        match self {
            Self::None => Self::None,
            Self::Tags {
                if_match,
                if_none_match,
            } => Self::Tags {
                if_match: tags(if_match),
                if_none_match: tags(if_none_match),
            },
        }
    }

    /// Adds what the condition looks at to what is read of a resource.
    pub(super) fn select(&self, attributes: &mut AttrSet, resource_type: &ResourceType) {
        if self.names_known() {
            select_shown(attributes, resource_type);
        }
    }

    /// Returns the document with what the condition looks at.
    pub(super) fn selection(&self, resource_type: &ResourceType) -> Selection {
        let mut attributes = AttrSet::default();
        self.select(&mut attributes, resource_type);
        Selection::of(attributes)
    }

    /// Checks the condition of a PUT, PATCH or DELETE: `If-Match` has to name the state, `If-None-Match` must not.
    pub(super) fn check_write(&self, tag: EntityTag) -> Result<(), EngineError> {
        self.check_match(tag)?;
        if self.is_known(tag) {
            return Err(EngineError::PreconditionFailed);
        }
        Ok(())
    }

    /// Checks `If-Match` alone, as a GET does. Only the version counts: what the resource shows of an inverse relation
    /// is not part of the state that a client replaces.
    pub(super) fn check_match(&self, tag: EntityTag) -> Result<(), EngineError> {
        match self {
            Self::Tags {
                if_match: Some(tags), ..
            } if !tags.contain(|listed| listed.version() == tag.version()) => {
                Err(EngineError::PreconditionFailed)
            }
            _ => Ok(()),
        }
    }

    /// Returns true if `If-None-Match` is there.
    pub(super) fn names_known(&self) -> bool {
        matches!(
            self,
            Self::Tags {
                if_none_match: Some(_),
                ..
            }
        )
    }

    /// Returns true if `If-None-Match` names the tag.
    pub(super) fn is_known(&self, tag: EntityTag) -> bool {
        matches!(self, Self::Tags { if_none_match: Some(tags), .. } if tags.contain(|listed| listed == tag))
    }
}

impl<S: Store> Engine<S> {
    /// Returns a condition as it holds for a call.
    pub(super) fn condition<'p>(
        &self,
        cx: &Context,
        precondition: &'p Precondition,
    ) -> Cow<'p, Precondition> {
        if self.offers(cx, Feature::Etag) {
            Cow::Borrowed(precondition)
        } else {
            Cow::Owned(precondition.without_tags())
        }
    }

    /// Checks that a write says which state it is about, where the profile demands it of clients that know of states. An
    /// administrator acts on what there is.
    ///
    /// A resource that is gone comes before what the request lacks.
    pub(super) async fn check_conditional(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        id: &ResourceId,
        precondition: &Precondition,
    ) -> Result<(), EngineError> {
        let is_client = matches!(cx.actor(), Actor::Provider | Actor::User);
        let names_state = matches!(
            precondition,
            Precondition::Tags {
                if_match: Some(_),
                ..
            }
        );
        let is_demanded = self.profile().demands_if_match && self.offers(cx, Feature::Etag);
        if !is_client || names_state || !is_demanded {
            return Ok(());
        }
        self.check_exists(cx, resource_type, id).await?;
        Err(EngineError::PreconditionRequired)
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::Version;

    use super::*;

    #[test]
    fn rfc_9110_13_1_entity_tags_are_a_list_over_one_line_or_several() {
        let some = |numbers: &[u64]| {
            let tags = numbers.iter().map(|number| Version::new(*number).into());
            Some(EntityTags::Listed(tags.collect()))
        };
        for (sent, expected) in [
            (&["*"][..], Some(EntityTags::Any)),
            (&[" * "], Some(EntityTags::Any)),
            (&["W/\"3\""], some(&[3])),
            (&["\"3\""], some(&[3])),
            (&["W/\"3\", W/\"5\""], some(&[3, 5])),
            (&["W/\"3\"", "W/\"5\",W/\"7\""], some(&[3, 5, 7])),
            (&["W/\"theirs\", W/\"5\""], some(&[5])),
            (&["\"a,5\""], some(&[])),
            (&["\"a,*,b\""], some(&[])),
            (&["W/\"3\",, W/\"5\","], some(&[3, 5])),
            // What is neither an asterisk nor entity tags is nothing.
            (&[], None),
            (&[""], None),
            (&[","], None),
            (&["5"], None),
            (&["W/5"], None),
            (&["w/\"5\""], None),
            (&["\"5"], None),
            (&["W/\"3\", 5"], None),
            (&["W/\"3\" W/\"5\""], None),
            (&["\"a,\"5\",b\", W/\"3\""], None),
            (&["\"a b\""], None),
            (&["W/\"3\"", "*"], None),
            (&["*", "*"], None),
        ] {
            assert_eq!(EntityTags::parse(sent.iter().copied()), expected, "{sent:?}");
        }
    }
}
