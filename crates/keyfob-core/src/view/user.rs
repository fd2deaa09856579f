//! The view of users.

use smol_str::SmolStr;

use super::{Address, MultiValue, Name, Password, field::Field};
use crate::{
    name::SchemaUri,
    resource::{ExternalId, MemberSet, Meta, Resource, ResourceId},
};

view! {
    /// A user (RFC 7643 section 4.1).
    ///
    /// ```
    /// use keyfob_core::{Registry, Resource, view::User};
    ///
    /// let user_type = Registry::rfc().resource_type("User").unwrap();
    /// let body = br#"{"userName": "bjensen", "active": true, "shoeSize": 38}"#;
    /// let mut user = User::from(Resource::from_json(body, user_type)?);
    /// assert_eq!(user.active, Some(true));
    /// user.active = Some(false);
    ///
    /// let resource = Resource::from(user);
    /// assert_eq!(resource.core().get("active"), Some(&false.into()));
    /// assert_eq!(resource.core().get("shoeSize"), Some(&38.into()));
    /// # Ok::<(), keyfob_core::json::JsonError>(())
    /// ```
    User in Resource {
        /// The id that the service provider gave it.
        id: Option<ResourceId> = "id",
        /// The id that the provisioning client gave it.
        external_id: Option<ExternalId> = "externalId",
        /// The metadata.
        meta: Option<Meta> = "meta",
        /// The name by which it is known to the service; required and unique up to case.
        user_name: Option<SmolStr> = "userName",
        /// The parts of the person's name.
        name: Option<Name> = "name",
        /// The name to display.
        display_name: Option<SmolStr> = "displayName",
        /// How the person is casually called.
        nick_name: Option<SmolStr> = "nickName",
        /// The address of a page about the person.
        profile_url: Option<SmolStr> = "profileUrl",
        /// The title, such as `Vice President`.
        title: Option<SmolStr> = "title",
        /// What the person is to the organization, such as `Employee`.
        user_type: Option<SmolStr> = "userType",
        /// The preferred languages, in the form of HTTP's `Accept-Language`.
        preferred_language: Option<SmolStr> = "preferredLanguage",
        /// The locale for numbers, dates and currency, as a language tag.
        locale: Option<SmolStr> = "locale",
        /// The time zone by its IANA name.
        timezone: Option<SmolStr> = "timezone",
        /// Whether the user may use the service.
        active: Option<bool> = "active",
        /// The password to be set; never returned.
        password: Option<Password> = "password",
        /// E-mail addresses.
        emails: Vec<MultiValue> = "emails",
        /// Phone numbers.
        phone_numbers: Vec<MultiValue> = "phoneNumbers",
        /// Addresses for instant messages.
        ims: Vec<MultiValue> = "ims",
        /// Addresses of pictures.
        photos: Vec<MultiValue> = "photos",
        /// Postal addresses.
        addresses: Vec<Address> = "addresses",
        /// The groups that it is a member of; they are changed through the groups.
        groups: MemberSet = "groups",
        /// What the user is entitled to.
        entitlements: Vec<MultiValue> = "entitlements",
        /// The roles of the user.
        roles: Vec<MultiValue> = "roles",
        /// Certificates in base64.
        x509_certificates: Vec<MultiValue> = "x509Certificates",
    }
}

impl User {
    /// A user with this `userName`.
    #[must_use]
    pub fn new(user_name: impl Into<SmolStr>) -> Self {
        let mut user = Self::from(Resource::new([SchemaUri::USER]));
        user.user_name = Some(user_name.into());
        user
    }
}
