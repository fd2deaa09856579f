//! What became of each operation of a request.

use keyfob_core::{
    Dialect, Resource, ResourceType,
    message::PatchRequest,
    validate::{IgnoreRule, Ignored},
};
use smol_str::SmolStr;

use crate::{PatchError, Plan, compile::Action, members::PlannedRelation};

/// What became of an operation, or of an attribute in the value of one without a path. There is nothing between these
/// and an error: what was asked for is done, was so before, or is passed over by a rule that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OperationOutcome {
    /// It changed the resource.
    Applied,
    /// The resource was as it asks for (RFC 7644 section 3.5.2.1).
    AlreadySo,
    /// A rule passes it over.
    Ignored(IgnoreRule),
}

/// What became of what an operation names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explained {
    /// The operation, counted from zero.
    pub operation: usize,
    /// What it names: its path, or an attribute of its value. `None` where it names nothing.
    pub path: Option<SmolStr>,
    /// What became of it.
    pub outcome: OperationOutcome,
}

/// Says what becomes of each operation when a request is applied to a resource, which it leaves as it is.
///
/// ```
/// use keyfob_core::{Dialect, Registry, Resource, message::PatchRequest, validate::IgnoreRule};
/// use keyfob_patch::{OperationOutcome, explain};
///
/// let user = Registry::rfc().resource_type("User").unwrap();
/// let resource = Resource::from_json(br#"{"userName": "bjensen", "title": "Guide"}"#, user)?;
/// let request = PatchRequest::from_json(br#"{
///     "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
///     "Operations": [{"op": "replace", "path": "title", "value": "Guide"},
///                    {"op": "add", "path": "employeeType", "value": "Contractor"},
///                    {"op": "replace", "path": "active", "value": false}]
/// }"#)?;
/// let explained = explain(&request, user, Dialect::interop(), &resource)?;
/// let outcomes: Vec<OperationOutcome> = explained.iter().map(|explained| explained.outcome).collect();
/// assert_eq!(outcomes, [
///     OperationOutcome::AlreadySo,
///     OperationOutcome::Ignored(IgnoreRule::UnknownAttribute),
///     OperationOutcome::Applied,
/// ]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`Plan::compile`] and [`Plan::apply`].
///
/// # Complexity
/// Linear in the resource for each operation: for people who look at a request, not for serving one.
pub fn explain(
    request: &PatchRequest,
    resource_type: &ResourceType,
    dialect: Dialect,
    resource: &Resource,
) -> Result<Vec<Explained>, PatchError> {
    Plan::compile(request.clone(), resource_type, dialect)?.apply(&mut resource.clone())?;
    let mut state = resource.clone();
    let mut explained = Vec::new();
    for (index, operation) in request.operations.iter().enumerate() {
        let single = PatchRequest::new(vec![operation.clone()]);
        let plan = Plan::compile(single, resource_type, dialect)?;
        let mut parts = Parts {
            operation: index,
            explained: Vec::new(),
        };
        parts.run(&plan, resource, &mut state)?;
        if parts.explained.is_empty() {
            parts.add(operation.path.clone(), OperationOutcome::AlreadySo);
        }
        explained.append(&mut parts.explained);
    }
    Ok(explained)
}

/// What one operation names.
struct Parts {
    operation: usize,
    explained: Vec<Explained>,
}

impl Parts {
    /// Runs the plan of the one operation.
    fn run(&mut self, plan: &Plan<'_>, stored: &Resource, state: &mut Resource) -> Result<(), PatchError> {
        for (_, ignored) in &plan.ignored {
            let Ignored { attribute, rule, .. } = ignored;
            self.add(Some(attribute.clone()), OperationOutcome::Ignored(*rule));
        }
        let mut selected: Vec<PlannedRelation<'_>> = plan.selected.clone();
        for step in &plan.steps {
            let refused = |kind| PatchError::new(Some(self.operation), Some(step.path.clone()), kind);
            match &step.action {
                // What repeats a readOnly attribute is among the ignored.
                Action::Expect { .. } => {}
                Action::Change(place, _) => {
                    let before = place.get(state).cloned();
                    plan.run(step, stored, state, &mut []).map_err(refused)?;
                    let outcome = outcome(place.get(state) != before.as_ref());
                    self.add(Some(step.path.clone()), outcome);
                }
                Action::Members(attribute, change) => {
                    let of = |relation: &&mut PlannedRelation<'_>| relation.attribute.id == attribute.id;
                    if let Some(relation) = selected.iter_mut().find(of) {
                        relation.apply(change, state).map_err(refused)?;
                    }
                }
            }
        }
        let selected = selected
            .into_iter()
            .map(|relation| relation.pending.into_delta(relation.attribute));
        for delta in plan.deltas.iter().cloned().chain(selected) {
            let mut members = state
                .relation(delta.attribute.as_str())
                .cloned()
                .unwrap_or_default();
            let changed = delta.apply(&mut members);
            state.set_relation(&delta.attribute, members);
            self.add(Some(delta.attribute.as_str().into()), outcome(changed));
        }
        Ok(())
    }

    /// Notes what became of a part; one that several changes are about was applied if one of them was.
    fn add(&mut self, path: Option<SmolStr>, outcome: OperationOutcome) {
        let same = |explained: &&mut Explained| explained.path == path;
        match self.explained.iter_mut().find(same) {
            Some(present) if outcome == OperationOutcome::Applied => present.outcome = outcome,
            Some(_) => {}
            None => self.explained.push(Explained {
                operation: self.operation,
                path,
                outcome,
            }),
        }
    }
}

fn outcome(changed: bool) -> OperationOutcome {
    if changed {
        OperationOutcome::Applied
    } else {
        OperationOutcome::AlreadySo
    }
}
