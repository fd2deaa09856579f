//! The views of Verkada's extensions.

use smol_str::SmolStr;

use super::{extension, field::Field};
use crate::{name::SchemaUri, resource::Resource, value::Object};

view! {
    /// The card credential of a user in Verkada's access extension.
    ///
    /// Numbers are texts here, because they have leading zeros and more digits than a JSON number keeps.
    #[derive(Default)]
    AccessUser in Object {
        /// The name of the card's format.
        card_format: Option<SmolStr> = "cardFormat",
        /// The card's number in decimal digits.
        card_number: Option<SmolStr> = "cardNumber",
        /// The card's number in hexadecimal digits.
        card_number_hex: Option<SmolStr> = "cardNumberHex",
        /// The credential's state: `active`, `deactivated` or `deleted`.
        credential_status: Option<SmolStr> = "credentialStatus",
        /// The facility's code in decimal digits.
        facility_code: Option<SmolStr> = "facilityCode",
    }
}

impl AccessUser {
    /// An extension that holds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The extension of this resource, if it has it.
    #[must_use]
    pub fn from_resource(resource: &Resource) -> Option<Self> {
        extension::read(resource, &SchemaUri::VERKADA_ACCESS_USER)
    }

    /// Puts it in place of the resource's extension and names it in `schemas`; one that holds nothing is taken out.
    pub fn write_to(&self, resource: &mut Resource) {
        extension::write(resource, &SchemaUri::VERKADA_ACCESS_USER, self.clone().into());
    }
}

view! {
    /// The identity of a user across integrations in Verkada's core extension.
    #[derive(Default)]
    CoreUser in Object {
        /// The organization's own id of the user, unique in it; another one than the common `externalId`.
        external_id: Option<SmolStr> = "externalId",
    }
}

impl CoreUser {
    /// An extension that holds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The extension of this resource, if it has it.
    #[must_use]
    pub fn from_resource(resource: &Resource) -> Option<Self> {
        extension::read(resource, &SchemaUri::VERKADA_CORE_USER)
    }

    /// Puts it in place of the resource's extension and names it in `schemas`; one that holds nothing is taken out.
    pub fn write_to(&self, resource: &mut Resource) {
        extension::write(resource, &SchemaUri::VERKADA_CORE_USER, self.clone().into());
    }
}
