//! Webhooks.

use keyfob_core::{DateTime, ResourceId};
use smol_str::SmolStr;

use super::{Secret, view};

view! {
    /// An address to which the organization's events are delivered.
    Webhook {
        /// The id.
        "id" id: ResourceId,
        /// The address; for whoever may not change it, its origin alone.
        "url" url: SmolStr,
        /// The types of the events that it gets; all of them where there are none.
        "types" types: Vec<SmolStr>,
        /// Why nothing is delivered, if it is paused: `administrator`, or `gone` after an answer 410.
        "paused" paused: Option<&'static str>,
        /// The number of events that were looked at and are not delivered yet.
        "waiting" waiting: usize,
        /// The number of attempts since the last delivery at which the receiver could not be reached.
        "failures" failures: u64,
        /// Until when nothing is sent, since the receiver could not be reached or asked for it.
        "heldUntil" held_until: Option<DateTime>,
        /// When a message was last delivered.
        "lastDelivered" last_delivered: Option<DateTime>,
        /// When an attempt last failed.
        "lastFailed" last_failed: Option<DateTime>,
        /// Why that attempt failed.
        "failure" failure: Option<SmolStr>,
        /// When the newest secret was made.
        "secretCreated" secret_created: Option<DateTime>,
        /// Until when the secret before the newest signs, if it still does.
        "formerSecretExpires" former_secret_expires: Option<DateTime>,
        /// When it was created.
        "created" created: Option<DateTime>,
        /// When it was last changed.
        "changed" changed: Option<DateTime>,
    }

    /// A webhook with the secret that signs its messages, which is shown this once.
    WebhookSecret {
        /// The id of the webhook.
        "id" id: ResourceId,
        /// The address.
        "url" url: SmolStr,
        /// The secret, as libraries of the Standard Webhooks specification take it.
        "secret" secret: Secret,
        /// Until when the secret before it signs too.
        "formerSecretExpires" former_secret_expires: Option<DateTime>,
    }

    /// A message that a receiver didn't take in time.
    DeadLetter {
        /// The id.
        "id" id: ResourceId,
        /// The id of the message, which a receiver gets as `webhook-id`.
        "message" message: SmolStr,
        /// The type of the message.
        "type" kind: SmolStr,
        /// The type of the resource that the event is about.
        "resourceType" resource_type: SmolStr,
        /// The resource.
        "resource" resource: ResourceId,
        /// When the event happened.
        "at" at: DateTime,
        /// The number of attempts.
        "attempts" attempts: u64,
        /// When the last of them failed.
        "lastFailed" last_failed: DateTime,
        /// Why it failed.
        "failure" failure: SmolStr,
        /// The body of the message.
        "body" body: SmolStr,
    }

    /// The messages that are delivered again.
    Redelivered {
        /// Their number.
        "messages" messages: usize,
    }
}
