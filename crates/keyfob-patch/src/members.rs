//! Changes of relations: gathered into deltas by id, without the members wherever that can be.

use foldhash::fast::RandomState;
use indexmap::{IndexMap, map::Entry};
use keyfob_core::{Attribute, Member, MemberSet, Resource, ResourceId, message::PatchOperationKind};
use keyfob_filter::ElementPredicate;
use smol_str::SmolStr;

use crate::{RelationDelta, error::PatchErrorKind};

/// A relation that the request changes.
#[derive(Clone, Debug)]
pub(crate) struct PlannedRelation<'t> {
    pub(crate) attribute: &'t Attribute,
    /// What is known without the members: all, or what comes before the first change that selects members.
    pub(crate) pending: Pending,
    /// Whether a change selects members, so that it and all later ones are steps.
    pub(crate) is_selected: bool,
}

impl<'t> PlannedRelation<'t> {
    pub(crate) fn new(attribute: &'t Attribute) -> Self {
        Self {
            attribute,
            pending: Pending::default(),
            is_selected: false,
        }
    }

    /// Adds a change; `stored` is the resource whose members a filter selects from.
    pub(crate) fn apply(&mut self, change: &MembersChange, stored: &Resource) -> Result<(), PatchErrorKind> {
        match change {
            MembersChange::Known(edit) => {
                self.pending.apply(edit.clone());
                Ok(())
            }
            MembersChange::Selected(change) => {
                let members = stored.relation(self.attribute.name.as_str());
                self.pending.apply_selected(change, self.attribute, members)
            }
        }
    }
}

/// A change of a relation.
#[derive(Clone, Debug)]
pub(crate) enum MembersChange {
    Known(MembersEdit),
    Selected(Box<SelectedMembers>),
}

/// What operations in their order make of a relation whose members are not known.
///
/// # Complexity
/// Every change takes constant time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pending {
    clear: bool,
    /// Who is in afterwards, and who is not; the others stay.
    changes: IndexMap<ResourceId, Option<Member>, RandomState>,
}

/// A change of a relation that depends on nobody's being a member.
#[derive(Clone, Debug)]
pub(crate) enum MembersEdit {
    Clear,
    Add(Vec<(ResourceId, Member)>),
    Remove(Vec<ResourceId>),
}

/// A change of the members that a filter selects.
#[derive(Clone, Debug)]
pub(crate) struct SelectedMembers {
    pub(crate) kind: PatchOperationKind,
    pub(crate) selected: ElementPredicate,
    /// Who takes their place; for `add`, who they have to be.
    pub(crate) member: Option<(ResourceId, Member)>,
    /// Whether the member is put in when the filter selects nobody, rather than that being an error.
    pub(crate) creates: bool,
}

impl Pending {
    pub(crate) fn apply(&mut self, edit: MembersEdit) {
        match edit {
            MembersEdit::Clear => {
                self.clear = true;
                self.changes.clear();
            }
            MembersEdit::Add(members) => {
                self.changes.reserve(members.len());
                for (id, member) in members {
                    self.add(id, member);
                }
            }
            MembersEdit::Remove(ids) => ids.into_iter().for_each(|id| self.remove(id)),
        }
    }

    /// Puts a member in. One who was put in before stays as they are.
    fn add(&mut self, id: ResourceId, member: Member) {
        match self.changes.entry(id) {
            Entry::Occupied(mut entry) => {
                entry.get_mut().get_or_insert(member);
            }
            Entry::Vacant(entry) => {
                entry.insert(Some(member));
            }
        }
    }

    fn remove(&mut self, id: ResourceId) {
        if self.clear {
            self.changes.swap_remove(&id);
        } else {
            self.changes.insert(id, None);
        }
    }

    /// Changes who is selected among `members` as they are by now.
    ///
    /// # Complexity
    /// Linear in the members.
    pub(crate) fn apply_selected(
        &mut self,
        change: &SelectedMembers,
        attribute: &Attribute,
        members: Option<&MemberSet>,
    ) -> Result<(), PatchErrorKind> {
        let selected = self.select(&change.selected, attribute, members)?;
        let attribute = || attribute.name.as_str().into();
        match (change.kind, &change.member) {
            (PatchOperationKind::Remove, _) => self.apply(MembersEdit::Remove(selected)),
            (_, Some((id, member))) if selected.is_empty() && change.creates => {
                self.add(id.clone(), member.clone());
            }
            _ if selected.is_empty() => {
                let attribute = attribute();
                return Err(PatchErrorKind::NoMatch { attribute });
            }
            (PatchOperationKind::Replace, Some((id, member))) => {
                self.apply(MembersEdit::Remove(selected));
                self.add(id.clone(), member.clone());
            }
            (_, Some((id, _))) if selected.iter().any(|other| other != id) => {
                let attribute = attribute();
                return Err(PatchErrorKind::MemberChanged { attribute });
            }
            // One who is a member already keeps what is known of them.
            _ => {}
        }
        Ok(())
    }

    fn select(
        &self,
        selected: &ElementPredicate,
        attribute: &Attribute,
        members: Option<&MemberSet>,
    ) -> Result<Vec<ResourceId>, PatchErrorKind> {
        let stored = members
            .into_iter()
            .flat_map(MemberSet::iter)
            .filter(|(id, _)| !self.clear && !matches!(self.changes.get(*id), Some(None)));
        // One who is put in and stored keeps what is stored, also where everyone was taken out in between.
        let is_stored = |id: &ResourceId| members.is_some_and(|members| members.contains(id));
        let again = members
            .into_iter()
            .flat_map(MemberSet::iter)
            .filter(|(id, _)| self.clear && matches!(self.changes.get(*id), Some(Some(_))));
        let known = stored.chain(again);
        let known = known.filter(|(id, member)| selected.matches_member(id, member));
        let mut ids: Vec<ResourceId> = known.map(|(id, _)| id.clone()).collect();
        for (id, member) in &self.changes {
            let Some(member) = member.as_ref().filter(|_| !is_stored(id)) else {
                continue;
            };
            match matches_new(selected, attribute, id, member) {
                Some(true) => ids.push(id.clone()),
                Some(false) => {}
                None => {
                    return Err(PatchErrorKind::MemberUnknown {
                        attribute: attribute.name.as_str().into(),
                        id: id.clone(),
                    });
                }
            }
        }
        Ok(ids)
    }

    pub(crate) fn into_delta(self, attribute: &Attribute) -> RelationDelta {
        let mut delta = RelationDelta::new(attribute.name.clone());
        delta.clear = self.clear;
        for (id, change) in self.changes {
            match change {
                Some(member) => delta.add.push((id, member)),
                None => delta.remove.push(id),
            }
        }
        delta
    }
}

/// Returns true if a member that isn't stored yet matches, and `None` where that follows from its type, which a client may
/// leave out (RFC 7643 section 2.4) and only the store knows.
fn matches_new(
    selected: &ElementPredicate,
    attribute: &Attribute,
    id: &ResourceId,
    member: &Member,
) -> Option<bool> {
    let types = || attribute.member_types();
    if member.kind.is_some() || types().next().is_none() {
        return Some(selected.matches_member(id, member));
    }
    let as_type = |kind: &SmolStr| selected.matches_member(id, &member.clone().with_kind(kind.clone()));
    let mut outcomes = types().map(as_type);
    let first = outcomes.next()?;
    outcomes.all(|outcome| outcome == first).then_some(first)
}
