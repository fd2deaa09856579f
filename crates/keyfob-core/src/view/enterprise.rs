//! The view of the enterprise extension.

use smol_str::SmolStr;

use super::{extension, field::Field};
use crate::{name::SchemaUri, resource::Resource, value::Object};

view! {
    /// What an employer keeps about a user (RFC 7643 section 4.3).
    #[derive(Default)]
    EnterpriseUser in Object {
        /// The number that the organization gave the person.
        employee_number: Option<SmolStr> = "employeeNumber",
        /// The cost center.
        cost_center: Option<SmolStr> = "costCenter",
        /// The organization.
        organization: Option<SmolStr> = "organization",
        /// The division.
        division: Option<SmolStr> = "division",
        /// The department.
        department: Option<SmolStr> = "department",
        /// Who the user reports to.
        manager: Option<Manager> = "manager",
    }
}

impl EnterpriseUser {
    /// An extension that holds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The extension of this resource, if it has it.
    #[must_use]
    pub fn from_resource(resource: &Resource) -> Option<Self> {
        extension::read(resource, &SchemaUri::ENTERPRISE_USER)
    }

    /// Puts it in place of the resource's extension and names it in `schemas`; one that holds nothing is taken out.
    pub fn write_to(&self, resource: &mut Resource) {
        extension::write(resource, &SchemaUri::ENTERPRISE_USER, self.clone().into());
    }
}

view! {
    /// Who a user reports to.
    #[derive(Default)]
    Manager in Object {
        /// The manager's id.
        value: Option<SmolStr> = "value",
        /// Where the manager is served (`$ref`).
        reference: Option<SmolStr> = "$ref",
        /// The manager's name to display; set by the service provider.
        display_name: Option<SmolStr> = "displayName",
    }
}

impl Manager {
    /// The manager with this id.
    #[must_use]
    pub fn new(id: impl Into<SmolStr>) -> Self {
        Self {
            value: Some(id.into()),
            ..Self::default()
        }
    }
}
