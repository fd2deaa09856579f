//! The operations that bring a resource up to date.

use keyfob_core::{
    MemberSet, Resource, ResourceType, Value,
    message::{PatchOperation, PatchOperationKind},
};
use keyfob_patch::diff;
use smol_str::{SmolStr, format_smolstr};

use super::{
    ApplyErrorKind,
    coerce::{holds, members},
    target::{Element, Part, Target, assigned},
};

/// Operations for one resource, gathered target by target.
pub(super) struct Update<'r> {
    existing: &'r Resource,
    resource_type: &'r ResourceType,
    operations: Vec<PatchOperation>,
    /// Values that are added to multi-valued attributes, by the place of their operation.
    added: Vec<Added>,
}

/// The treatment of values of a multi-valued target that are not wanted.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Others {
    /// They are removed one by one.
    Removed,
    /// They stay.
    Kept,
    /// All values are replaced as a whole.
    Replaced,
    /// They stay, but for these.
    Without(Value),
}

/// Values that are added to one attribute by one operation.
struct Added {
    path: SmolStr,
    operation: usize,
    values: Vec<Value>,
}

impl<'r> Update<'r> {
    pub(super) fn new(existing: &'r Resource, resource_type: &'r ResourceType) -> Self {
        Self {
            existing,
            resource_type,
            operations: Vec::new(),
            added: Vec::new(),
        }
    }

    /// The operations, in the order of the targets.
    pub(super) fn finish(mut self) -> Vec<PatchOperation> {
        for added in self.added {
            if let Some(operation) = self.operations.get_mut(added.operation) {
                operation.value = Some(added.values.into());
            }
        }
        self.operations
    }

    /// Lets the target hold `wanted`, and says whether that takes any operation.
    pub(super) fn set(
        &mut self,
        target: &Target,
        wanted: Value,
        others: &Others,
    ) -> Result<bool, ApplyErrorKind> {
        let before = (self.operations.len(), self.added_values());
        match &target.part {
            _ if target.is_relation => {
                let removed = match others {
                    Others::Without(removed) => Some(members(removed.clone(), &target.path)?),
                    Others::Kept => Some(MemberSet::default()),
                    Others::Removed | Others::Replaced => None,
                };
                self.set_members(target, members(wanted, &target.path)?, removed.as_ref());
            }
            Part::Whole if target.attribute.multi_valued => self.set_values(target, wanted, others),
            Part::Whole => {
                let held = target.value_in(self.existing);
                self.set_each(target, &[held], wanted);
            }
            Part::Sub(sub) => {
                let value = target.value_in(self.existing);
                let held = value.and_then(|value| assigned(value, sub));
                self.set_each(target, &[held], wanted);
            }
            Part::Element(element) => self.set_element(target, element, wanted),
        }
        Ok(before != (self.operations.len(), self.added_values()))
    }

    fn added_values(&self) -> usize {
        self.added.iter().map(|added| added.values.len()).sum()
    }

    fn push(&mut self, kind: PatchOperationKind, path: &SmolStr, value: Option<Value>) {
        self.operations
            .push(PatchOperation::new(kind, Some(path.clone()), value));
    }

    /// Lets one value, or each of those that a filter selects, be the wanted one.
    fn set_each(&mut self, target: &Target, held: &[Option<&Value>], wanted: Value) {
        let is_held = held.iter().any(Option::is_some);
        if wanted.is_unassigned() {
            if is_held {
                self.push(PatchOperationKind::Remove, &target.path, None);
            }
            return;
        }
        let leaf = target.leaf();
        if held
            .iter()
            .all(|held| held.is_some_and(|held| holds(held, &wanted, leaf)))
        {
            return;
        }
        let kind = if is_held {
            PatchOperationKind::Replace
        } else {
            PatchOperationKind::Add
        };
        self.push(kind, &target.path, Some(wanted));
    }

    fn set_element(&mut self, target: &Target, element: &Element, wanted: Value) {
        let values = target.value_in(self.existing).map(Value::as_elements);
        let selected = values
            .unwrap_or_default()
            .iter()
            .filter(|value| element.predicate.matches(value));
        let held: Vec<Option<&Value>> = selected.map(|value| assigned(value, &element.sub)).collect();
        if !held.is_empty() {
            self.set_each(target, &held, wanted);
        } else if !wanted.is_unassigned() {
            element.put(self.additions(target), wanted, None);
        }
    }

    /// The values that are added to the target's attribute.
    fn additions(&mut self, target: &Target) -> &mut Vec<Value> {
        let path = format_smolstr!("{}", target.attribute_path());
        let present = self.added.iter().position(|added| added.path == path);
        let index = present.unwrap_or_else(|| {
            self.added.push(Added {
                path: path.clone(),
                operation: self.operations.len(),
                values: Vec::new(),
            });
            self.push(PatchOperationKind::Add, &path, None);
            self.added.len() - 1
        });
        #[expect(
            clippy::indexing_slicing,
            reason = "the index was found or made on the line above"
        )]
        &mut self.added[index].values
    }

    /// Lets a multi-valued attribute hold exactly the wanted values, or at least those. A value stays as it is when it
    /// is one that is wanted and knows more.
    fn set_values(&mut self, target: &Target, value: Value, others: &Others) {
        let held = target
            .value_in(self.existing)
            .map(Value::as_elements)
            .unwrap_or_default();
        let wanted = value.as_elements();
        let attribute = &target.attribute;
        let is_wanted = |held: &&Value| wanted.iter().any(|wanted| holds(held, wanted, attribute));
        let stays = |held: &&Value| match others {
            Others::Kept => true,
            Others::Without(removed) => {
                let mut removed = removed.as_elements().iter();
                !removed.any(|removed| holds(held, removed, attribute))
            }
            Others::Removed | Others::Replaced => false,
        };
        let mut after: Vec<Value> = held
            .iter()
            .filter(|held| stays(held) || is_wanted(held))
            .cloned()
            .collect();
        let kept = after.len();
        for wanted in wanted {
            if !after.iter().any(|present| holds(present, wanted, attribute)) {
                after.push(wanted.clone());
            }
        }
        if after.len() == kept && kept == held.len() {
            return;
        }
        if after.is_empty() {
            self.push(PatchOperationKind::Remove, &target.path, None);
            return;
        }
        if *others == Others::Replaced {
            self.push(PatchOperationKind::Replace, &target.path, Some(value));
            return;
        }
        let holding = |values: Vec<Value>| {
            let mut resource = Resource::default();
            let mut object = resource.attributes_mut(target.extension.as_ref());
            object.insert(attribute.name.clone(), values);
            drop(object);
            resource
        };
        self.extend(&holding(held.to_vec()), &holding(after));
    }

    /// Lets a relation hold exactly the wanted members, or with `removed` all others but these too.
    fn set_members(&mut self, target: &Target, mut wanted: MemberSet, removed: Option<&MemberSet>) {
        let name = &target.attribute.name;
        let held = self.existing.relation(name.as_str()).cloned().unwrap_or_default();
        if let Some(removed) = removed {
            for (id, member) in held.iter() {
                if !wanted.contains(id) && !removed.contains(id) {
                    wanted.insert(id.clone(), member.clone());
                }
            }
        }
        let holding = |members: MemberSet| {
            let mut resource = Resource::default();
            resource.set_relation(name, members);
            resource
        };
        self.extend(&holding(held), &holding(wanted));
    }

    /// The operations that turn one resource into another, which hold nothing but one attribute.
    fn extend(&mut self, from: &Resource, to: &Resource) {
        self.operations
            .extend(diff(from, to, self.resource_type).operations);
    }
}
