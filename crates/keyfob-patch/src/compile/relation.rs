//! Operations on relations.

use keyfob_core::{
    Attribute, Quirk, ResourceId, Value,
    message::PatchOperationKind as Kind,
    schema::{AttributeType, Relation},
};
use keyfob_filter::{CompareOp, ElementPredicate, Filter, Literal};
use smol_str::SmolStr;

use super::{
    Action, Compiler, Compiling, Spot,
    document::{demand_no_value, listed, names_nothing},
};
use crate::{
    PatchErrorKind,
    members::{MembersChange, MembersEdit, PlannedRelation, SelectedMembers},
};

impl<'t> Compiler<'t> {
    /// Compiles an operation on a relation, its members or those that a filter selects.
    pub(super) fn relation(
        &mut self,
        kind: Kind,
        relation: &'t Relation,
        spot: Spot<'t, '_>,
        value: Option<Value>,
    ) -> Compiling {
        let (attribute, text) = (&relation.attribute, spot.text);
        if spot.sub.is_some() {
            return Err(PatchErrorKind::MemberChanged {
                attribute: attribute.name.as_str().into(),
            });
        }
        self.writes.insert(attribute.id);
        if let Some(filter) = spot.filter {
            if kind == Kind::Remove
                && let Some(ids) = ids_in(filter, attribute)
            {
                demand_no_value(value.as_ref(), text)?;
                return self.members(attribute, MembersChange::Known(MembersEdit::Remove(ids)), text);
            }
            let selected = filter.compile_for_elements(attribute, self.dialect)?;
            if kind == Kind::Remove {
                demand_no_value(value.as_ref(), text)?;
            }
            let change = match selected.member_ids() {
                Some(ids) if kind == Kind::Remove => MembersChange::Known(MembersEdit::Remove(ids)),
                _ => MembersChange::Selected(Box::new(
                    self.selected_members(kind, attribute, selected, value, text)?,
                )),
            };
            return self.members(attribute, change, text);
        }
        let Some(value) = value else {
            return self.members(attribute, MembersChange::Known(MembersEdit::Clear), text);
        };
        if kind == Kind::Remove && !self.dialect.allows(Quirk::RemoveByValue) {
            return Err(PatchErrorKind::ValueOfRemove {
                attribute: text.clone(),
            });
        }
        let any_names_nothing = match &value {
            Value::Array(values) => values.is_empty() || values.iter().any(names_nothing),
            single => names_nothing(single),
        };
        if kind == Kind::Remove && any_names_nothing {
            return Err(PatchErrorKind::NothingNamed {
                attribute: text.clone(),
            });
        }
        let value = if kind == Kind::Add { listed(value) } else { value };
        let members = self.reader.members(attribute, value, text)?;
        if kind == Kind::Remove {
            let ids = members.into_iter().map(|(id, _)| id).collect();
            return self.members(attribute, MembersChange::Known(MembersEdit::Remove(ids)), text);
        }
        if kind == Kind::Replace {
            self.members(attribute, MembersChange::Known(MembersEdit::Clear), text)?;
        }
        self.members(attribute, MembersChange::Known(MembersEdit::Add(members)), text)
    }

    fn selected_members(
        &mut self,
        kind: Kind,
        attribute: &Attribute,
        selected: ElementPredicate,
        value: Option<Value>,
        text: &str,
    ) -> Compiling<SelectedMembers> {
        let seed = self.seed(attribute, &selected);
        let member = match value {
            Some(value) if kind != Kind::Remove => {
                let element = self.element(attribute, value, seed.as_ref(), text)?;
                let members = self.reader.members(attribute, vec![element].into(), text)?;
                members.into_iter().next()
            }
            _ => None,
        };
        Ok(SelectedMembers {
            kind,
            selected,
            creates: seed.is_some(),
            member,
        })
    }

    /// Notes a change of a relation: in its delta as long as that is known without the members.
    fn members(&mut self, attribute: &'t Attribute, change: MembersChange, text: &SmolStr) -> Compiling {
        let known = self
            .relations
            .iter()
            .position(|relation| relation.attribute.id == attribute.id);
        let index = known.unwrap_or_else(|| {
            self.relations.push(PlannedRelation::new(attribute));
            self.relations.len() - 1
        });
        let Some(relation) = self.relations.get_mut(index) else {
            return Ok(());
        };
        match change {
            MembersChange::Known(edit) if !relation.is_selected => {
                relation.pending.apply(edit);
                Ok(())
            }
            change => {
                relation.is_selected = true;
                self.reads.insert(attribute.id);
                self.step(Action::Members(attribute, change), text)
            }
        }
    }
}

/// The ids in `value eq "x"` or in an `or` of those: what [`ElementPredicate::member_ids`] says, without compiling a
/// filter for each of the thousand operations that some providers send. None leaves it to that.
fn ids_in(filter: &Filter, attribute: &Attribute) -> Option<Vec<ResourceId>> {
    let sub = attribute.default_sub_attribute()?;
    let id = |filter: &Filter| match filter {
        Filter::Compare(path, CompareOp::Eq, Literal::String(id))
            if path.schema().is_none() && path.sub().is_none() && *path.name() == sub.name =>
        {
            Some(ResourceId::new(id.clone()))
        }
        _ => None,
    };
    let is_plain = sub.kind == AttributeType::String && sub.case_exact;
    match filter {
        _ if !is_plain => None,
        Filter::Or(operands) => operands.iter().map(id).collect(),
        single => Some(vec![id(single)?]),
    }
}
