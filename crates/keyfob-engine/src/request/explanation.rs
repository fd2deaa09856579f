//! The meaning of refusals, in words for administrators.

/// Why requests of a kind are refused, and what to change.
///
/// ```
/// use keyfob_engine::Explanation;
///
/// let explanation = Explanation::of("uniqueness").unwrap();
/// assert_eq!(explanation.reason, "another resource has a value that has to be unique");
/// assert_eq!(Explanation::of("nonsense"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The kind of the refusal, as records and the log name it.
    pub code: &'static str,
    /// The reason, a sentence without a value of the request.
    pub reason: &'static str,
    /// The remedy: the setting to change, and its place.
    pub remedy: &'static str,
}

impl Explanation {
    /// Creates the explanation of a kind of refusal that the engine doesn't know: one of a product or of an application.
    #[must_use]
    pub const fn new(code: &'static str, reason: &'static str, remedy: &'static str) -> Self {
        Self { code, reason, remedy }
    }

    /// Returns the explanation of a kind of refusal of the engine or of HTTP. Those of a product are the product's.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        let row = TABLE.iter().find(|(known, ..)| *known == code)?;
        let (code, reason, remedy) = *row;
        Some(Self { code, reason, remedy })
    }

    /// Lists all explanations.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE
            .iter()
            .map(|(code, reason, remedy)| Self { code, reason, remedy })
    }
}

/// Code, reason, remedy.
const TABLE: &[(&str, &str, &str)] = &[
    // The engine's.
    (
        "notFound",
        "there is no such resource",
        "let the provider match its users and groups anew, as by a restart of its provisioning",
    ),
    (
        "readOnly",
        "the credential may read and not write",
        "give the provider a token that may write",
    ),
    (
        "preconditionFailed",
        "the resource has changed since the version that the request names",
        "nothing, if the provider repeats the request; it read the resource before somebody else changed it",
    ),
    (
        "preconditionRequired",
        "the profile demands `If-Match`, so that nobody overwrites what they have not read",
        "let the provider send `If-Match`, or choose another profile",
    ),
    (
        "uniqueness",
        "another resource has a value that has to be unique",
        "look for the other resource with this value, and rename or remove one of them",
    ),
    (
        "nameTaken",
        "a user can't come back, because another one has the user name by now",
        "rename or remove the other user, or bring this one back under another user name",
    ),
    (
        "unknownMembers",
        "members of the group don't exist here",
        "let the provider provision the members before the group: assign them to the application, too",
    ),
    (
        "required",
        "a user lacks an attribute that the profile demands",
        "map the attribute in the provider, and give the user a value there",
    ),
    (
        "tooLong",
        "a value has more characters than there is room for",
        "shorten the value in the provider",
    ),
    (
        "selfMember",
        "a group is put into itself",
        "take the group out of its own members in the provider",
    ),
    (
        "rule",
        "a rule of the service refuses the change",
        "look at the answer that the provider has logged; it names the rule",
    ),
    (
        "validation",
        "a value doesn't fit its attribute",
        "correct the mapping of the attribute in the provider; its log names the attribute",
    ),
    (
        "userName",
        "the user name holds a character that user names can't have",
        "correct the user name in the provider",
    ),
    (
        "patch",
        "an operation of the change can't be applied",
        "correct the mapping in the provider; its log names the operation and the path",
    ),
    (
        "message",
        "the body is no message of SCIM",
        "look at what the provider sends; a proxy may have changed it",
    ),
    (
        "filterSyntax",
        "the filter is malformed",
        "correct the matching attribute in the provider",
    ),
    (
        "filter",
        "the filter names an attribute or an operator that doesn't fit",
        "correct the matching attribute in the provider",
    ),
    (
        "sort",
        "the list can't be sorted as the request asks",
        "sort by another attribute, or filter first",
    ),
    (
        "cursor",
        "the page can't be read by its cursor",
        "read the list from its first page",
    ),
    (
        "notKept",
        "the service keeps no such value",
        "take the attribute out of the mapping in the provider",
    ),
    (
        "contention",
        "other requests change the resource at the same time",
        "nothing, if the provider repeats the request",
    ),
    (
        "exhausted",
        "the request would cost more work than one request may",
        "ask for less: a shorter filter, one with `eq`, a smaller page, fewer operations at once",
    ),
    (
        "limit",
        "the resource would be larger than a resource may be",
        "send less: fewer values, shorter texts",
    ),
    (
        "storeRefused",
        "a constraint of the application's own database refuses the change",
        "look at the answer that the provider has logged: it names the attribute or the constraint",
    ),
    (
        "store",
        "the store could not be reached or failed",
        "nothing, if the provider repeats the request; the server's log has the cause",
    ),
    // HTTP's.
    (
        "noEndpoint",
        "there is no such endpoint",
        "correct the base URL in the provider",
    ),
    (
        "notDescribed",
        "there is no such schema or resource type",
        "correct the mapping in the provider",
    ),
    (
        "methodNotAllowed",
        "the endpoint has other methods",
        "correct the base URL in the provider",
    ),
    (
        "notImplemented",
        "the service doesn't offer what the request asks for",
        "switch the feature off in the provider",
    ),
    (
        "bodyTooLarge",
        "the body is larger than a body may be",
        "let the provider send fewer members or operations at once",
    ),
    (
        "mediaType",
        "the body is not said to be JSON",
        "let the provider send `Content-Type: application/scim+json`",
    ),
    (
        "contentEncoding",
        "the body is compressed",
        "let the provider send bodies as they are",
    ),
    (
        "bodyIncomplete",
        "the body ended before it was complete",
        "nothing, if the provider repeats the request; the connection broke",
    ),
    (
        "bodyTooSlow",
        "the body did not arrive in time",
        "nothing, if the provider repeats the request; the connection is slow",
    ),
    (
        "host",
        "the request names no host, or several",
        "look at the proxy between the provider and the service",
    ),
    (
        "target",
        "the address of the request is too long",
        "let the provider search by POST to `/.search`",
    ),
    (
        "headerFields",
        "the request has too many header fields",
        "look at the proxy between the provider and the service",
    ),
    (
        "expectation",
        "the request expects something unknown",
        "look at the proxy between the provider and the service",
    ),
    (
        "busy",
        "too many requests are running",
        "nothing, if the provider repeats the request; it sends more at once than its share",
    ),
    (
        "entityTags",
        "a condition of the request is malformed",
        "report it to the provider",
    ),
    (
        "query",
        "a parameter of the query is malformed",
        "report it to the provider",
    ),
    (
        "attributes",
        "the list of attributes is malformed or too long",
        "report it to the provider",
    ),
    (
        "discoveryFilter",
        "what a service says of itself can't be filtered",
        "report it to the provider",
    ),
    (
        "json",
        "the body is no JSON, or holds an attribute twice",
        "look at what the provider sends; a proxy may have changed it",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_kind_of_refusal_has_one_explanation() {
        let codes: HashSet<_> = Explanation::all().map(|explanation| explanation.code).collect();
        assert_eq!(codes.len(), TABLE.len());
        for Explanation { code, reason, remedy } in Explanation::all() {
            assert!(!reason.ends_with('.') && !remedy.ends_with('.'), "{code}");
            assert_eq!(Explanation::of(code).unwrap().reason, reason);
        }
    }
}
