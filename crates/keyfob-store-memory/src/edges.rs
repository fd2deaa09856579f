//! The edges of owned relations, to be walked from either end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use keyfob_core::{Member, MemberSet, ResourceId};
use smol_str::SmolStr;

/// Where an edge starts: a resource and the attribute, in the schema's spelling, that is the relation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Holder {
    pub(crate) owner: ResourceId,
    pub(crate) attribute: SmolStr,
}

#[derive(Default)]
pub(crate) struct Edges {
    /// By owner, then by attribute. Neither map keeps what is empty.
    members: HashMap<ResourceId, BTreeMap<SmolStr, MemberSet>>,
    holders: HashMap<ResourceId, BTreeSet<Holder>>,
}

impl Edges {
    /// The members under one attribute of a resource.
    pub(crate) fn members(&self, owner: &ResourceId, attribute: &str) -> Option<&MemberSet> {
        self.members.get(owner)?.get(attribute)
    }

    /// Where the edges to a resource start.
    pub(crate) fn holders<'e>(&'e self, member: &ResourceId) -> impl Iterator<Item = &'e Holder> + use<'e> {
        self.holders.get(member).into_iter().flatten()
    }

    /// The edges that start at a resource.
    pub(crate) fn of(&self, owner: &ResourceId) -> impl Iterator<Item = (Holder, &ResourceId)> {
        self.members
            .get(owner)
            .into_iter()
            .flatten()
            .flat_map(|(attribute, members)| {
                let holder = Holder {
                    owner: owner.clone(),
                    attribute: attribute.clone(),
                };
                members.iter().map(move |(member, _)| (holder.clone(), member))
            })
    }

    /// Puts an edge in, or takes it out, and returns what stood there: done with that again, it is undone.
    pub(crate) fn set(&mut self, holder: &Holder, id: &ResourceId, member: Option<Member>) -> Option<Member> {
        match member {
            Some(member) => {
                self.holders.entry(id.clone()).or_default().insert(holder.clone());
                let attributes = self.members.entry(holder.owner.clone()).or_default();
                attributes
                    .entry(holder.attribute.clone())
                    .or_default()
                    .insert(id.clone(), member)
            }
            None => self.take(holder, id),
        }
    }

    fn take(&mut self, holder: &Holder, id: &ResourceId) -> Option<Member> {
        let attributes = self.members.get_mut(&holder.owner)?;
        let members = attributes.get_mut(&holder.attribute)?;
        let taken = members.remove(id)?;
        if members.is_empty() {
            attributes.remove(&holder.attribute);
        }
        if attributes.is_empty() {
            self.members.remove(&holder.owner);
        }
        if let Some(holders) = self.holders.get_mut(id) {
            holders.remove(holder);
            if holders.is_empty() {
                self.holders.remove(id);
            }
        }
        Some(taken)
    }
}
