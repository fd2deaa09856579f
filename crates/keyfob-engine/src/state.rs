//! The state of a resource: what rules and products keep with it beyond what clients send.

use std::sync::Arc;

use keyfob_core::{Object, Value};
use keyfob_store::Stored;

/// What is kept with a resource and never seen over SCIM.
///
/// It stands beside the document: a client can neither read nor write nor filter by it. Rules and products keep what they
/// need to know next time under names of their own, such as `credential`.
///
/// ```
/// use keyfob_engine::State;
///
/// let mut state = State::new();
/// state.set("badge", "issued");
/// assert_eq!(state.get("badge").and_then(|value| value.as_str()), Some("issued"));
/// state.remove("badge");
/// assert_eq!(state, State::new());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State(Arc<Object>);

impl State {
    /// Creates an empty state, as of a resource that nobody has changed through an engine.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the state of a stored resource.
    #[must_use]
    pub fn of(stored: &Stored) -> Self {
        Self(Arc::clone(&stored.state))
    }

    /// Returns the value under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Puts a value under this name.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        Arc::make_mut(&mut self.0).insert(name, value);
    }

    /// Forgets the value under this name.
    pub fn remove(&mut self, name: &str) {
        if self.0.get(name).is_some() {
            Arc::make_mut(&mut self.0).remove(name);
        }
    }

    /// Returns the state as a store keeps it.
    #[must_use]
    pub fn into_object(self) -> Arc<Object> {
        self.0
    }
}
