//! The link to a provider.

use keyfob_core::DateTime;
use smol_str::SmolStr;

use super::{Request, Secret, view};

view! {
    /// The provisioning of an organization.
    Provisioning {
        /// True if a provider may provision.
        "enabled" enabled: bool,
        /// The base URL for the provider, where the server knows it.
        "baseUrl" base_url: Option<SmolStr>,
        /// The profile.
        "profile" profile: SmolStr,
        /// The domains that users' addresses may have.
        "domains" domains: Vec<SmolStr>,
        /// True if users whom the provider creates are invited.
        "sendInvites" send_invites: bool,
        /// The tokens that open the organization.
        "tokens" tokens: Vec<Token>,
        /// When the provider sent its last request with a valid token, to the minute where it only read.
        "lastRequest" last_request: Option<DateTime>,
        /// When a request of the provider was last done, to the minute where it only read.
        "lastSuccess" last_success: Option<DateTime>,
        /// The last request of the provider that was refused, for as long as the log keeps it. Nobody is named in it.
        "lastRefusal" last_refusal: Option<Request>,
    }

    /// A link by which somebody sets a provider up, as far as it can be seen after it was shown.
    SetupLink {
        /// The name.
        "name" name: SmolStr,
        /// The last four characters of the link.
        "hint" hint: SmolStr,
        /// When it was made.
        "created" created: Option<DateTime>,
        /// By whom it was made.
        "createdBy" created_by: Option<SmolStr>,
        /// Until when it is valid.
        "expires" expires: Option<DateTime>,
        /// When it was used last, to the minute.
        "lastUsed" last_used: Option<DateTime>,
    }

    /// A set-up link with its secret, which is shown this once.
    SetupLinkIssued {
        /// The name.
        "name" name: SmolStr,
        /// The address to send, where the server knows that of its pages.
        "url" url: Option<Secret>,
        /// The secret, which the pages of administrators and their interface over HTTP take as a token.
        "token" token: Secret,
        /// Until when it is valid.
        "expires" expires: DateTime,
    }

    /// What the link to a provider came to.
    Linked {
        /// The domains that users' addresses may have.
        "domains" domains: Vec<SmolStr>,
        /// The base URL for the provider, where the server knows it.
        "baseUrl" base_url: Option<SmolStr>,
        /// The token by which the provider opens the organization, shown this once; none where it was linked already.
        "token" token: Option<Secret>,
    }

    /// An e-mail domain.
    Domain {
        /// The domain, in ASCII.
        "domain" domain: SmolStr,
    }

    /// A token of the provider, as far as it can be seen after it was shown.
    Token {
        /// The name.
        "name" name: SmolStr,
        /// The last four characters of the secret.
        "hint" hint: SmolStr,
        /// When it was made.
        "created" created: DateTime,
        /// Until when it is valid; until it is refreshed where it doesn't expire.
        "expires" expires: Option<DateTime>,
        /// When the provider used it last, to the minute.
        "lastUsed" last_used: Option<DateTime>,
        /// A warning before the token expires, and after.
        "warning" warning: Option<SmolStr>,
    }

    /// A token of the provider with its secret, which is shown this once.
    TokenIssued {
        /// The name.
        "name" name: SmolStr,
        /// The secret.
        "token" token: Secret,
        /// Until when it is valid.
        "expires" expires: Option<DateTime>,
    }

    /// What of the provider's data is taken over.
    Synchronization {
        /// True if groups are.
        "groups" groups: bool,
        /// The attributes of users that are not.
        "ignored" ignored: Vec<SmolStr>,
        /// The id of the unit that created users join.
        "defaultUnit" default_unit: Option<SmolStr>,
        /// Its name.
        "defaultUnitName" default_unit_name: Option<SmolStr>,
    }
}
