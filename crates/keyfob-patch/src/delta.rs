//! Changes of relations, small however large the relation is.

use keyfob_core::{AttrName, Member, MemberSet, ResourceId};

/// A change of one relation of one resource, such as of a group's `members`.
///
/// It says, in this order: take out everyone where [`clear`](Self::clear) is set, take out those in
/// [`remove`](Self::remove), put in those in [`add`](Self::add). No id is in both lists, and none is in one twice.
/// To take out who is not there and to put in who is there already changes nothing, so a delta can be applied again.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RelationDelta {
    /// The relation, in the schema's spelling.
    pub attribute: AttrName,
    /// Whether everyone is taken out first.
    pub clear: bool,
    /// Who is put in.
    pub add: Vec<(ResourceId, Member)>,
    /// Who is taken out.
    pub remove: Vec<ResourceId>,
}

impl RelationDelta {
    /// A delta that changes nothing yet.
    #[must_use]
    pub fn new(attribute: AttrName) -> Self {
        Self {
            attribute,
            clear: false,
            add: Vec::new(),
            remove: Vec::new(),
        }
    }

    /// A delta that leaves exactly these members.
    #[must_use]
    pub fn replace(attribute: AttrName, members: MemberSet) -> Self {
        Self {
            attribute,
            clear: true,
            add: members.into_iter().collect(),
            remove: Vec::new(),
        }
    }

    /// Whether it can't change anything, whatever the relation holds.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.clear && self.add.is_empty() && self.remove.is_empty()
    }

    /// Applies the delta and says whether who is a member changed. A member that stays keeps what is known of it.
    ///
    /// # Complexity
    /// Linear in the delta; with `clear`, in the members that are taken out too.
    pub fn apply(&self, members: &mut MemberSet) -> bool {
        if self.clear {
            return self.replace_all(members);
        }
        let mut changed = false;
        for id in &self.remove {
            changed |= members.remove(id).is_some();
        }
        for (id, member) in &self.add {
            if !members.contains(id) {
                members.insert(id.clone(), member.clone());
                changed = true;
            }
        }
        changed
    }

    fn replace_all(&self, members: &mut MemberSet) -> bool {
        let before = std::mem::take(members);
        let mut kept = 0;
        for (id, member) in &self.add {
            let stored = before.get(id);
            kept += usize::from(stored.is_some());
            members.insert(id.clone(), stored.unwrap_or(member).clone());
        }
        kept != before.len() || members.len() != before.len()
    }
}
