//! Organizations and those who administer them.

use keyfob_core::DateTime;
use smol_str::SmolStr;

use super::{Request, Secret, view};

view! {
    /// An organization.
    Organization {
        /// The id, which is the tenant of its resources.
        "id" id: SmolStr,
        /// The name.
        "name" name: SmolStr,
        /// The profile, by whose rules it is provisioned.
        "profile" profile: SmolStr,
        /// True if a provider may provision.
        "linked" linked: bool,
        /// The domains that users' addresses may have.
        "domains" domains: Vec<SmolStr>,
        /// True if addresses have to be in the domains; otherwise they may be in any.
        "restricted" restricted: bool,
        /// True if users whom the provider creates are invited.
        "sendInvites" send_invites: bool,
        /// The unit that created users join.
        "defaultUnit" default_unit: Option<SmolStr>,
        /// The base URL for the provider, where the server knows it.
        "baseUrl" base_url: Option<SmolStr>,
    }

    /// The state of an organization at a glance.
    Overview {
        /// The number of users that are not deleted.
        "users" users: usize,
        /// The number of deleted users.
        "deletedUsers" deleted_users: usize,
        /// The number of groups.
        "groups" groups: usize,
        /// The number of users that the provider manages; none where there are too many users to count.
        "managedUsers" managed_users: Option<usize>,
        /// The number of invited users who have not accepted.
        "invitedUsers" invited_users: Option<usize>,
        /// The number of deactivated users.
        "deactivatedUsers" deactivated_users: Option<usize>,
        /// The number of cards that wait for something.
        "stagedCards" staged_cards: Option<usize>,
        /// The number of groups that the provider manages; none where there are too many groups to count.
        "managedGroups" managed_groups: Option<usize>,
        /// The number of access groups.
        "accessGroups" access_groups: usize,
        /// The number of access levels.
        "levels" levels: usize,
        /// The number of doors.
        "doors" doors: usize,
        /// When the provider sent its last request with a valid token, to the minute where it only read.
        "lastRequest" last_request: Option<DateTime>,
        /// When a request of the provider was last done, to the minute where it only read.
        "lastSuccess" last_success: Option<DateTime>,
        /// The last request of the provider that was refused, for as long as the log keeps it.
        "lastRefusal" last_refusal: Option<Request>,
        /// What has to be looked at.
        "warnings" warnings: Vec<SmolStr>,
    }

    /// Whoever asks.
    Identity {
        /// The identity, as events name it.
        "id" id: SmolStr,
        /// The credential that let them in.
        "credential" credential: SmolStr,
        /// The roles, each with the organization in which it is held.
        "roles" roles: Vec<SmolStr>,
    }

    /// A token of an administrator or an application.
    AdminToken {
        /// The name.
        "name" name: SmolStr,
        /// The roles.
        "roles" roles: Vec<SmolStr>,
        /// The last four characters of the secret.
        "hint" hint: SmolStr,
        /// When it was made.
        "created" created: Option<DateTime>,
        /// By whom it was made.
        "createdBy" created_by: Option<SmolStr>,
        /// Until when it is valid; for ever where it doesn't expire.
        "expires" expires: Option<DateTime>,
        /// When it was used last, to the minute.
        "lastUsed" last_used: Option<DateTime>,
    }

    /// A token of an administrator with its secret, which is shown this once.
    AdminTokenIssued {
        /// The name.
        "name" name: SmolStr,
        /// The secret.
        "token" token: Secret,
        /// Until when it is valid; for ever where it doesn't expire.
        "expires" expires: Option<DateTime>,
    }

    /// Guides to setting up a provider, with the values of the organization.
    Guide {
        /// The provider.
        "provider" provider: SmolStr,
        /// The title.
        "title" title: SmolStr,
        /// The steps, in order.
        "steps" steps: Vec<SmolStr>,
        /// The rows of the mapping of users: target, source and kind.
        "userMappings" user_mappings: Vec<SmolStr>,
        /// The rows of the mapping of groups.
        "groupMappings" group_mappings: Vec<SmolStr>,
        /// What to look out for.
        "notes" notes: Vec<SmolStr>,
    }
}
