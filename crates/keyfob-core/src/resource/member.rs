//! Members of a relation, keyed by the id they point at.

use foldhash::fast::RandomState;
use indexmap::{IndexMap, map::Entry};
use smol_str::SmolStr;

use super::ResourceId;
use crate::value::Object;

/// One value of a relation, such as one member of a group (RFC 7643 section 4.2), without the id that keys it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Member {
    /// The name of the resource type of what it points at (`type`: `User`, `Group`); for the inverse relation
    /// `User.groups`, `direct` or `indirect`.
    pub kind: Option<SmolStr>,
    /// A name for people (`display`).
    pub display: Option<SmolStr>,
    /// The location of what it points at (`$ref`). Computed by the service provider on the way out.
    pub reference: Option<SmolStr>,
    /// Sub-attributes beyond these, as decoded.
    pub other: Option<Box<Object>>,
}

impl Member {
    /// A member of which only the id is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The member with this `type`.
    #[must_use]
    pub fn with_kind(mut self, kind: impl Into<SmolStr>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// The member with this `display`.
    #[must_use]
    pub fn with_display(mut self, display: impl Into<SmolStr>) -> Self {
        self.display = Some(display.into());
        self
    }

    /// The member that a complex value is, with the id it points at. What isn't of its sub-attribute's type goes into
    /// [`other`](Self::other).
    ///
    /// # Errors
    /// The object itself, when it has no `value` that is a string.
    pub fn from_object(mut object: Object) -> Result<(ResourceId, Self), Object> {
        let Some(id) = object.get_str("value").map(ResourceId::new) else {
            return Err(object);
        };
        object.remove("value");
        let mut text = |name: &str| {
            let text = object.get_str(name).map(SmolStr::new);
            if text.is_some() {
                object.remove(name);
            }
            text
        };
        let mut member = Self::new();
        member.kind = text("type");
        member.display = text("display");
        member.reference = text("$ref");
        member.other = (!object.is_empty()).then(|| Box::new(object));
        Ok((id, member))
    }

    /// The member as the complex value it is on the wire.
    #[must_use]
    pub fn into_object(self, id: ResourceId) -> Object {
        self.into_object_with(Some(id))
    }

    /// The member as a complex value, with its id if it has one.
    pub(crate) fn into_object_with(self, id: Option<ResourceId>) -> Object {
        let id = id.map(|id| SmolStr::from(id.as_str()));
        let mut object: Object = [
            ("value", id),
            ("$ref", self.reference),
            ("display", self.display),
            ("type", self.kind),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
        for (name, value) in self.other.into_iter().flat_map(|other| *other) {
            object.push_new(name, value);
        }
        object
    }
}

/// The values of a relation, each under the id it points at, in the order in which they came.
///
/// The order is not significant (RFC 7643 section 2.4), so taking one out may move the last into its place.
///
/// # Complexity
/// Adding, finding and removing one member takes constant time whatever the size.
#[derive(Clone, Debug, Default)]
pub struct MemberSet {
    members: IndexMap<ResourceId, Member, RandomState>,
}

impl MemberSet {
    /// A set without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether the id is a member.
    #[must_use]
    pub fn contains(&self, id: &ResourceId) -> bool {
        self.members.contains_key(id)
    }

    /// The member with this id.
    #[must_use]
    pub fn get(&self, id: &ResourceId) -> Option<&Member> {
        self.members.get(id)
    }

    /// The member with this id for change.
    pub fn get_mut(&mut self, id: &ResourceId) -> Option<&mut Member> {
        self.members.get_mut(id)
    }

    /// Puts a member under its id and returns the one that stood there.
    pub fn insert(&mut self, id: ResourceId, member: Member) -> Option<Member> {
        self.members.insert(id, member)
    }

    /// Puts a member under its id, without the cost of giving back the one that stood there.
    pub(crate) fn put(&mut self, id: ResourceId, member: Member) {
        match self.members.entry(id) {
            Entry::Vacant(vacant) => {
                vacant.insert(member);
            }
            Entry::Occupied(occupied) => *occupied.into_mut() = member,
        }
    }

    /// Takes out the member with this id.
    pub fn remove(&mut self, id: &ResourceId) -> Option<Member> {
        self.members.swap_remove(id)
    }

    /// Takes out all members.
    pub fn clear(&mut self) {
        self.members.clear();
    }

    /// The members in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&ResourceId, &Member)> + DoubleEndedIterator {
        self.members.iter()
    }

    /// The members after the one with this id, in order; none if the id is not a member.
    ///
    /// # Complexity
    /// Constant, and linear in those that are looked at.
    #[must_use]
    pub fn after(&self, id: &ResourceId) -> Option<impl ExactSizeIterator<Item = (&ResourceId, &Member)>> {
        let place = self.members.get_index_of(id)?;
        Some(self.members.iter().skip(place + 1))
    }

    /// The members in order, for change.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (&ResourceId, &mut Member)> {
        self.members.iter_mut()
    }

    /// Makes room for `additional` further members.
    pub fn reserve(&mut self, additional: usize) {
        self.members.reserve(additional);
    }
}

impl PartialEq for MemberSet {
    fn eq(&self, other: &Self) -> bool {
        self.members == other.members
    }
}

impl IntoIterator for MemberSet {
    type Item = (ResourceId, Member);
    type IntoIter = indexmap::map::IntoIter<ResourceId, Member>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}

impl FromIterator<(ResourceId, Member)> for MemberSet {
    fn from_iter<I: IntoIterator<Item = (ResourceId, Member)>>(members: I) -> Self {
        Self {
            members: members.into_iter().collect(),
        }
    }
}
