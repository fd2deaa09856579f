//! The mappings that Entra ID starts a custom application with.

use super::{AttributeMapping, ObjectMapping};

/// The user mapping: source expression and target path. Reconstructed from the documentation of Microsoft and of
/// vendors, as no export is published.
const USER: [(&str, &str); 22] = [
    ("[userPrincipalName]", "userName"),
    (
        r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#,
        "active",
    ),
    ("[displayName]", "displayName"),
    ("[jobTitle]", "title"),
    ("[mail]", r#"emails[type eq "work"].value"#),
    ("[preferredLanguage]", "preferredLanguage"),
    ("[givenName]", "name.givenName"),
    ("[surname]", "name.familyName"),
    (r#"Join(" ", [givenName], [surname])"#, "name.formatted"),
    (
        "[physicalDeliveryOfficeName]",
        r#"addresses[type eq "work"].formatted"#,
    ),
    ("[streetAddress]", r#"addresses[type eq "work"].streetAddress"#),
    ("[city]", r#"addresses[type eq "work"].locality"#),
    ("[state]", r#"addresses[type eq "work"].region"#),
    ("[postalCode]", r#"addresses[type eq "work"].postalCode"#),
    ("[country]", r#"addresses[type eq "work"].country"#),
    ("[telephoneNumber]", r#"phoneNumbers[type eq "work"].value"#),
    ("[mobile]", r#"phoneNumbers[type eq "mobile"].value"#),
    (
        "[facsimileTelephoneNumber]",
        r#"phoneNumbers[type eq "fax"].value"#,
    ),
    ("[mailNickname]", "externalId"),
    (
        "[employeeId]",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber",
    ),
    (
        "[department]",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    ),
    (
        "[manager]",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    ),
];

/// The group mapping.
const GROUP: [(&str, &str); 3] = [
    ("[displayName]", "displayName"),
    ("[objectId]", "externalId"),
    ("[members]", "members"),
];

impl ObjectMapping {
    /// Returns the mapping by which Entra ID maps users of a custom application by until somebody changes it: 22 attributes, matched by
    /// `userName`.
    #[must_use]
    pub fn entra_user() -> Self {
        of_rows("User", &USER)
    }

    /// Returns the mapping by which Entra ID maps groups of a custom application by until somebody changes it: three attributes, matched by
    /// `displayName`.
    #[must_use]
    pub fn entra_group() -> Self {
        of_rows("Group", &GROUP)
    }
}

/// The first row is matched by.
fn of_rows(name: &'static str, rows: &[(&'static str, &'static str)]) -> ObjectMapping {
    let attribute = |(index, (expression, target)): (usize, &(&'static str, &'static str))| {
        AttributeMapping::new(*target, *expression).matching(u32::from(index == 0))
    };
    let mut mapping = ObjectMapping::new(name, name);
    mapping.attributes = rows.iter().enumerate().map(attribute).collect();
    mapping
}
