//! The names of the events that this crate publishes beside those of the [engine](keyfob_engine::event).
//!
//! That a webhook was created, changed or deleted is told by the engine's `created`, `changed` and `deleted`, with `Webhook`
//! as the name of the resource type. A change names the attributes `url`, `events`, `paused` or `secrets`.

/// A test message was asked for. It is delivered to the webhook that the event is about, whatever events the webhook takes.
pub const TESTED: &str = "webhookTested";
/// The redelivery of a dead letter was asked for. The event is about the webhook; the data has the id of the `letter`.
pub const REDELIVERY_REQUESTED: &str = "redeliveryRequested";

/// The type of the message that tells of events that were removed before they were delivered.
pub(crate) const LOST: &str = "webhook.eventsLost";
/// The type of the message of a test.
pub(crate) const TEST: &str = "webhook.test";
/// The member of the data that names a dead letter.
pub(crate) const LETTER: &str = "letter";
