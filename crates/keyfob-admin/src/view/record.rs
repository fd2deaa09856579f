//! What happened.

use keyfob_core::{DateTime, Object, ResourceId};
use smol_str::SmolStr;

use super::view;

view! {
    /// An event.
    Event {
        /// The place in the organization's feed.
        "position" position: u64,
        /// The id.
        "id" id: SmolStr,
        /// What happened.
        "name" name: SmolStr,
        /// The type of the resource that it is about.
        "resourceType" resource_type: SmolStr,
        /// The resource.
        "resource" resource: ResourceId,
        /// When it happened.
        "at" at: DateTime,
        /// On whose behalf.
        "actor" actor: EventActor,
        /// The id of the request.
        "request" request: Option<SmolStr>,
        /// The operation.
        "verb" verb: Option<SmolStr>,
        /// The name of the resource.
        "label" label: Option<SmolStr>,
        /// The version of the resource after the change.
        "version" version: Option<u64>,
        /// The attributes that changed.
        "attributes" attributes: Vec<SmolStr>,
        /// The members that joined: their number, and the ids of the first ones.
        "joined" joined: Option<Object>,
        /// The members that left.
        "left" left: Option<Object>,
        /// Whatever else there is to say.
        "data" data: Option<Object>,
    }

    /// Whoever did something.
    EventActor {
        /// The role.
        "role" role: Option<SmolStr>,
        /// The identity.
        "identity" identity: Option<SmolStr>,
        /// The name of the credential.
        "credential" credential: Option<SmolStr>,
    }
}
