//! Policies: what the RFC leaves to the service provider, as few named values.

use keyfob_core::Dialect;

/// How a service behaves where the RFC leaves a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Profile {
    /// The name.
    pub name: &'static str,
    /// Which departures from the RFC are understood.
    pub dialect: Dialect,
    /// Whether two groups of a tenant may not have one `displayName`. Entra ID's validator wants it so; RFC 7643
    /// doesn't ask for it.
    pub unique_group_names: bool,
    /// What becomes of members that don't exist or are of a type that the relation doesn't take.
    pub unknown_members: UnknownMembers,
    /// What a PATCH of a writeOnly attribute does, of which the service keeps none.
    pub write_only: WriteOnlyPatch,
    /// If true, a client's PUT, PATCH or DELETE has to name the version that it is about, by `If-Match` or as the
    /// `version` of an operation of a bulk request, and is answered 428 otherwise (RFC 6585 section 3): no client
    /// overwrites what it hasn't seen. `If-Match: *` says that any version will do. No provider is known to send one.
    pub demands_if_match: bool,
    /// What a provider has to say of every user beyond what the schema demands, in paths such as `name.givenName`.
    pub required: &'static [&'static str],
    /// What a PATCH of a user or any other resource without owned relations answers.
    pub patch_answer: PatchAnswer,
    /// What a PATCH of a resource with owned relations, such as a group, answers.
    pub patch_relation_answer: PatchAnswer,
}

impl Profile {
    /// Understands all that providers send and is unambiguous. The default.
    #[must_use]
    pub fn interop() -> Self {
        Self {
            name: "interop",
            dialect: Dialect::interop(),
            unique_group_names: true,
            unknown_members: UnknownMembers::Reject,
            write_only: WriteOnlyPatch::Ignore,
            demands_if_match: false,
            required: &[],
            patch_answer: PatchAnswer::Body,
            patch_relation_answer: PatchAnswer::BodyUpTo(256),
        }
    }

    /// The RFC alone.
    #[must_use]
    pub fn rfc() -> Self {
        Self {
            name: "rfc",
            dialect: Dialect::strict(),
            unique_group_names: false,
            write_only: WriteOnlyPatch::Refuse,
            ..Self::interop()
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::interop()
    }
}

/// What becomes of members that don't exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownMembers {
    /// The request is refused, and nothing is changed.
    Reject,
    /// They are left out, and the rest is done.
    Skip,
}

/// What a PATCH of a writeOnly attribute such as `password` does (RFC 7643 section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteOnlyPatch {
    /// It is refused, since the client would take a value for changed that is not.
    Refuse,
    /// It changes nothing, and the rest of the request is done.
    Ignore,
}

/// What a PATCH answers (RFC 7644 section 3.5.2: 200 with the resource or 204).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PatchAnswer {
    /// The resource.
    Body,
    /// Nothing.
    NoContent,
    /// The resource, if the relations that the client wants to see have at most so many members each; nothing
    /// otherwise, so that changing a huge group never reads it.
    BodyUpTo(usize),
}
