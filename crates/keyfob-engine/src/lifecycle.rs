//! The seam between the protocol and a product.

use keyfob_core::{DateTime, Resource, ResourceType};
use keyfob_store::Query;

use crate::{
    context::Context,
    engine::{DeleteAction, EngineError, Loaded},
    facts::Facts,
    rule::{Rejection, Review},
    state::State,
};

/// The life of resources as a product knows it: who sees what is hidden, what a create and a delete come to, and the first
/// review of every change.
///
/// Every method is pure and has the protocol's own answer as its default, which `()` stands for: nothing hidden is seen, a
/// create makes a new resource, a delete erases. What a method needs to know beside its arguments is among the [`Facts`],
/// which a [`FactSource`](crate::FactSource) has read.
pub trait Lifecycle: Send + Sync + 'static {
    /// Returns true if the caller sees a hidden resource under its id, without its relations. To everybody else there is
    /// none (404).
    fn shows(&self, _cx: &Context, _hidden: &Loaded) -> bool {
        false
    }

    /// Returns the queries that find the resources from which one that is to be created may go on. `document` is what the
    /// client sent, without relations.
    ///
    /// # Errors
    /// [`EngineError`] ends the request.
    fn candidates(
        &self,
        _cx: &Context,
        _resource_type: &ResourceType,
        _document: &Resource,
    ) -> Result<Vec<Query>, EngineError> {
        Ok(Vec::new())
    }

    /// Returns the resource from which a create goes on: a hidden one is revealed and a live one is replaced, under the id
    /// that it has. Without one the create makes a new resource.
    ///
    /// `candidates` are the answers to the queries, in their order.
    fn predecessor(&self, _cx: &Context, _facts: &Facts, _candidates: Vec<Loaded>) -> Option<Loaded> {
        None
    }

    /// Returns true if a change reveals the hidden resource that it is about. `document` is the resource as the change
    /// leaves it; what the request says nothing of is not in it where only a value counts, as of a user's `active`.
    fn reveals(&self, _cx: &Context, _hidden: &Loaded, _document: &Resource) -> bool {
        false
    }

    /// Returns the form of a deletion.
    fn delete_action(
        &self,
        _cx: &Context,
        _facts: &Facts,
        _resource_type: &ResourceType,
        _loaded: &Loaded,
        _now: DateTime,
    ) -> DeleteAction {
        DeleteAction::Erase
    }

    /// Returns true if a change of members alone depends on the resource that owns them, which is then read.
    fn reads_owner(&self, _cx: &Context, _facts: &Facts) -> bool {
        false
    }

    /// Returns true if a change of members alone also changes what is kept with the owner, whose state this is.
    fn writes_owner(&self, _cx: &Context, _facts: &Facts, _state: &State) -> bool {
        false
    }

    /// Reviews a change before the rules do.
    ///
    /// # Errors
    /// A [`Rejection`] refuses the request, and nothing is changed.
    fn review(&self, _cx: &Context, _review: &mut Review<'_>) -> Result<(), Rejection> {
        Ok(())
    }
}

impl Lifecycle for () {}
