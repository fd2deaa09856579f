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

    /// A request of a provider: one that writes, or one that was refused.
    Request {
        /// The number in the organization's log.
        "id" id: SmolStr,
        /// When it was answered.
        "at" at: DateTime,
        /// The method.
        "method" method: SmolStr,
        /// The endpoint.
        "path" path: SmolStr,
        /// The HTTP status of the answer.
        "status" status: u64,
        /// The `scimType` of the answer.
        "scimType" scim_type: Option<&'static str>,
        /// The name of the token that let it in.
        "token" token: Option<SmolStr>,
        /// The id of the resource that it is about.
        "resource" resource: Option<ResourceId>,
        /// The name that the resource has now; none where it was removed for good.
        "resourceName" resource_name: Option<SmolStr>,
        /// The names of the attributes that it writes.
        "attributes" attributes: Vec<SmolStr>,
        /// The id of the request, as its answer has it in `X-Request-Id`.
        "request" request: SmolStr,
        /// The word by which a program knows why it was refused; none where it was done.
        "code" code: Option<SmolStr>,
        /// Why it was refused, in a sentence.
        "why" why: Option<&'static str>,
        /// The change to make in the provider, or here.
        "fix" fix: Option<&'static str>,
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
