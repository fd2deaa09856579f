//! Dialects: by which named rules a request may depart from the RFC.

use std::fmt;

/// One way in which what a provider sends departs from the RFC and is still unambiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum Quirk {
    /// `"active": "False"`: a boolean as a string in any case, in bodies, PATCH values and filters (Entra ID).
    BooleanStrings,
    /// `"manager": "26118915"`: a bare string where a complex value belongs that points at a resource (`value` beside
    /// `$ref`), as the only value or as an element (Entra ID, the Microsoft collection's members). `""` unassigns,
    /// and so does `""` as the `value` of the only one, in an object or by a path.
    BareValues,
    /// `"emails": {…}`: a single value where a multi-valued attribute takes an array, and an array of one where a
    /// single value belongs.
    SingleValues,
    /// `[{"value": "a"}]`: objects around the elements of a multi-valued attribute of simple values (Entra ID), and
    /// `[{"$ref": null, "value": "a"}]` around the one value of a simple attribute.
    WrappedValues,
    /// A number or a boolean where a string belongs, taken as its JSON text (card and employee numbers).
    StringNumbers,
    /// A schema that the registry doesn't have: its URI in `schemas`, such as Entra's
    /// `http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group`, its object in a body or in a value,
    /// and a PATCH path into it are ignored.
    UnknownSchemas,
    /// An extension's attributes without its URI in `schemas` (OneLogin): the URI is added.
    UnlistedSchemas,
    /// Core attributes inside an object named by the core schema's URI: taken as if they stood at the top.
    NestedCore,
    /// Attributes and sub-attributes that no schema has: ignored with a path and without one, so that an attribute that
    /// an administrator mapped by mistake doesn't keep a leaver active. Without this quirk they are ignored in bodies
    /// and in values of a PATCH without path alone (RFC 7644 section 3.3).
    UnknownAttributes,
    /// `{"name.givenName": …}`, `{"emails[type eq \"work\"].value": …}` and `{"urn:…:User:department": …}`: keys of
    /// a PATCH without path are themselves paths (Entra ID with `aadOptscim062020`).
    PathKeys,
    /// `urn:…:enterprise:2.0:User.manager`: a dot where a colon belongs after an extension's URI (Entra ID).
    DottedUrn,
    /// A value filter that matches no element creates one from the filter's equalities, for `add` and `replace`
    /// (Entra ID, Okta); for `remove` it changes nothing. A value that replaces an element holds these equalities too,
    /// unless it says otherwise, so that the same request finds it again.
    CreateOnNoMatch,
    /// `remove` of `members` with a `value` array takes out those members (Entra ID, JumpCloud, authentik). Without
    /// this quirk such a request is refused; it never empties the group.
    RemoveByValue,
    /// A PATCH path may name a readOnly attribute when the value equals what is stored. Within the value of a PATCH
    /// without path every dialect takes such a repetition, since it modifies nothing (Okta repeats `id`).
    RepeatedReadOnly,
    /// A PATCH value that is a string holding a JSON object (scim-for-keycloak).
    EncodedValue,
    /// `emails[type eq "work"].value eq "x"`: a comparison after a value path, read as
    /// `emails[type eq "work" and value eq "x"]` (Entra ID).
    ValuePathComparison,
    /// `meta.created gt 2015-10-10T14:38:21Z`: an unquoted `dateTime` in a filter (the Microsoft collection).
    UnquotedDates,
    /// `userName eq 'x'`: a string of a filter in single quotes, without escapes.
    SingleQuotes,
    /// `manager eq "x"`: an extension's attribute without its URI, where the name is nobody else's (Entra ID).
    UnqualifiedExtensions,
    /// `attributes` together with `excludedAttributes`: the first counts, since it names what the client needs (RFC
    /// 7644 section 3.9 has them mutually exclusive).
    BothAttributeLists,
    /// `"attributes": "userName,displayName"`: a string with commas, or with one name, where a `.search` body takes an
    /// array (older SCIM-SDK and Gluu clients).
    CommaSeparatedAttributes,
    /// `Content-Type: */*`: taken for JSON, as a body without the header is (ZITADEL).
    WildcardContentType,
    /// `Authorization: TOKEN`: a token without the scheme `Bearer` before it (Entra ID's secret field with a pasted
    /// token, older Okta agents).
    TokenWithoutScheme,
    /// `userName eq "domain\user"`: a backslash in a string of a filter that begins no escape of JSON, such as `\u`
    /// without four digits, stands for itself (Active Directory names).
    LiteralBackslashes,
    /// `"roles": "Admin"`, and `"a@example.com"` for `emails[type eq "work"]`: a bare string where an element belongs
    /// that has a `value` (Entra ID's `SingleAppRoleAssignment`).
    BareElements,
    /// `{"value": "{\"id\": …, \"value\": \"25\", \"displayName\": \"Guide\"}"}`: an element, or its `value`, that is an
    /// object written as text (Entra ID's `AppRoleAssignmentsComplex`). `displayName` is taken as `display`.
    EncodedElements,
    /// `remove` with `[{"type": "home"}]`: elements are taken out by the sub-attributes that are sent, where `value` is
    /// not among them. Goes with [`RemoveByValue`](Self::RemoveByValue).
    RemoveBySubAttributes,
    /// `{"path": "members", "value": {"members": […]}}`: a PATCH value that names the attribute of the path once more
    /// (Salesforce).
    RepeatedPath,
    /// `"Operations": []`: a PATCH without operations, which changes nothing (Entra ID's validator).
    EmptyOperations,
    /// A PATCH body that states no `schemas`.
    UnstatedMessages,
    /// `"userName": "Jane Doe"`: a user name that PRECIS `UsernameCaseMapped` doesn't take (RFC 7644 section 5), as directories
    /// hold them with blanks and symbols. Control characters, characters that show nothing, and blanks at either end
    /// are refused in every dialect.
    UnpreparedNames,
    /// `"locale": "en_US"`, `"country": "Germany"`, `"profileUrl": "unknown"`: a string that lacks the form of its
    /// attribute, such as a language tag or a URI, is taken as it is.
    LooseFormats,
    /// `"manager": {"managerId": "26118915"}`: the `value` of the one resource that an attribute points at, under the name that
    /// SCIM 1.1 has for it (OneLogin's template).
    FormerNames,
}

/// A set of [`Quirk`]s: how much of what providers really send is understood.
///
/// [`interop`](Self::interop), the default, understands all that is unambiguous; [`strict`](Self::strict) is the RFC
/// alone. A dialect only ever rewrites a request into what the RFC describes; it never weakens what is stored.
///
/// ```
/// use keyfob_core::{Dialect, Quirk};
///
/// assert!(Dialect::interop().allows(Quirk::BooleanStrings));
/// assert!(!Dialect::strict().allows(Quirk::BooleanStrings));
/// assert!(Dialect::strict().with(Quirk::BooleanStrings).allows(Quirk::BooleanStrings));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dialect {
    quirks: u64,
}

impl Dialect {
    const ALL: [Quirk; 33] = [
        Quirk::BooleanStrings,
        Quirk::BareValues,
        Quirk::SingleValues,
        Quirk::WrappedValues,
        Quirk::StringNumbers,
        Quirk::UnknownSchemas,
        Quirk::UnlistedSchemas,
        Quirk::NestedCore,
        Quirk::UnknownAttributes,
        Quirk::PathKeys,
        Quirk::DottedUrn,
        Quirk::CreateOnNoMatch,
        Quirk::RemoveByValue,
        Quirk::RepeatedReadOnly,
        Quirk::EncodedValue,
        Quirk::ValuePathComparison,
        Quirk::UnquotedDates,
        Quirk::SingleQuotes,
        Quirk::UnqualifiedExtensions,
        Quirk::BothAttributeLists,
        Quirk::CommaSeparatedAttributes,
        Quirk::WildcardContentType,
        Quirk::TokenWithoutScheme,
        Quirk::LiteralBackslashes,
        Quirk::BareElements,
        Quirk::EncodedElements,
        Quirk::RemoveBySubAttributes,
        Quirk::RepeatedPath,
        Quirk::EmptyOperations,
        Quirk::UnstatedMessages,
        Quirk::UnpreparedNames,
        Quirk::LooseFormats,
        Quirk::FormerNames,
    ];

    /// The RFC alone.
    #[must_use]
    pub const fn strict() -> Self {
        Self { quirks: 0 }
    }

    /// All that is unambiguous, whoever sends it: every quirk.
    #[must_use]
    pub fn interop() -> Self {
        Self::ALL.into_iter().fold(Self::strict(), Self::with)
    }

    /// What Microsoft Entra ID sends, with and without `aadOptscim062020`: [`interop`](Self::interop) without what is
    /// other providers' alone.
    #[must_use]
    pub fn entra() -> Self {
        Self::interop()
            .without(Quirk::EncodedValue)
            .without(Quirk::NestedCore)
            .without(Quirk::RepeatedPath)
            .without(Quirk::FormerNames)
    }

    /// What Okta sends: the RFC, with `id` repeated, elements created through value filters, and `schemas` that don't
    /// match the body.
    #[must_use]
    pub fn okta() -> Self {
        [
            Quirk::RepeatedReadOnly,
            Quirk::CreateOnNoMatch,
            Quirk::UnlistedSchemas,
            Quirk::UnknownSchemas,
            Quirk::UnpreparedNames,
        ]
        .into_iter()
        .fold(Self::strict(), Self::with)
    }

    /// The dialect that also allows `quirk`.
    #[must_use]
    pub const fn with(self, quirk: Quirk) -> Self {
        Self {
            quirks: self.quirks | 1 << quirk as u8,
        }
    }

    /// The dialect that does not allow `quirk`.
    #[must_use]
    pub const fn without(self, quirk: Quirk) -> Self {
        Self {
            quirks: self.quirks & !(1 << quirk as u8),
        }
    }

    /// Whether it allows `quirk`.
    #[must_use]
    pub const fn allows(self, quirk: Quirk) -> bool {
        self.quirks & (1 << quirk as u8) != 0
    }

    /// What it allows.
    pub fn quirks(self) -> impl Iterator<Item = Quirk> {
        Self::ALL.into_iter().filter(move |quirk| self.allows(*quirk))
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self::interop()
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.quirks()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quirk_is_listed_and_has_a_bit_of_its_own() {
        for (place, quirk) in Dialect::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(quirk as u8), place, "{quirk:?}");
            let only = Dialect::strict().with(quirk);
            assert_eq!(only.quirks().collect::<Vec<_>>(), [quirk]);
            assert_eq!(only.without(quirk), Dialect::strict());
        }
        assert_eq!(Dialect::interop().quirks().count(), Dialect::ALL.len());
    }
}
