//! The functions of the language: how they are called, and what they take.

use keyfob_core::name::closest;
use smol_str::SmolStr;

/// A function of the Okta Expression Language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Append,
    Join,
    Len,
    RemoveSpaces,
    Replace,
    ReplaceFirst,
    StartsWith,
    StringContains,
    StringSwitch,
    Substring,
    SubstringAfter,
    SubstringBefore,
    ToUpperCase,
    ToLowerCase,
    ArrayAdd,
    ArrayRemove,
    ArrayClear,
    ArrayGet,
    ArrayFlatten,
    ArrayContains,
    ArraySize,
    ArrayIsEmpty,
    ArrayToCsvString,
    ToInt,
    ToNum,
    ToAlpha2,
    ToAlpha3,
    ToNumeric,
    ToName,
    Now,
    FromWindowsToIso8601,
    FromUnixToIso8601,
    FromStringToIso8601,
    FromIso8601ToWindows,
    FromIso8601ToUnix,
    FromIso8601ToString,
    IsMemberOfGroup,
    IsMemberOfAnyGroup,
    IsMemberOfGroupName,
    IsMemberOfGroupNameStartsWith,
    IsMemberOfGroupNameContains,
    IsMemberOfGroupNameRegex,
    GetFilteredGroups,
    GetGroups,
    GroupsContains,
    GroupsStartsWith,
    GroupsEndsWith,
    HasDirectoryUser,
    HasWorkdayUser,
    FindDirectoryUser,
    FindWorkdayUser,
    GetManagerUser,
    GetManagerAppUser,
    GetAssistantUser,
    GetAssistantAppUser,
    GetLinkedObject,
    GetInternalProperty,
    EndsWith,
    IsMemberOf,
    DateTimeNow,
}

/// The family of a function, which decides where it may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Text,
    Array,
    Convert,
    Time,
    Group,
    /// Answers with another profile of the user or with another user, or whether there is one.
    Profile,
}

/// The form of a function's calls.
struct Signature {
    function: Function,
    name: &'static str,
    /// The name before functions had namespaces, which is deprecated and does the same.
    deprecated: Option<&'static str>,
    family: Family,
    /// The least number of arguments.
    required: usize,
    /// The number of arguments beyond those; `usize::MAX` for any number.
    optional: usize,
}

const fn signature(
    function: Function,
    name: &'static str,
    family: Family,
    required: usize,
    optional: usize,
) -> Signature {
    Signature {
        function,
        name,
        deprecated: None,
        family,
        required,
        optional,
    }
}

const fn renamed(
    function: Function,
    deprecated: &'static str,
    name: &'static str,
    required: usize,
) -> Signature {
    Signature {
        deprecated: Some(deprecated),
        ..signature(function, name, Text, required, 0)
    }
}

const ANY: usize = usize::MAX;

use Family::{Array, Convert, Group, Profile, Text, Time};
use Function as F;

/// In the order of [`Function`].
static SIGNATURES: &[Signature] = &[
    signature(F::Append, "String.append", Text, 2, 0),
    signature(F::Join, "String.join", Text, 2, ANY),
    signature(F::Len, "String.len", Text, 1, 0),
    signature(F::RemoveSpaces, "String.removeSpaces", Text, 1, 0),
    signature(F::Replace, "String.replace", Text, 3, 0),
    signature(F::ReplaceFirst, "String.replaceFirst", Text, 3, 0),
    signature(F::StartsWith, "String.startsWith", Text, 2, 0),
    signature(F::StringContains, "String.stringContains", Text, 2, 0),
    signature(F::StringSwitch, "String.stringSwitch", Text, 4, ANY),
    renamed(F::Substring, "substring", "String.substring", 3),
    renamed(F::SubstringAfter, "substringAfter", "String.substringAfter", 2),
    renamed(F::SubstringBefore, "substringBefore", "String.substringBefore", 2),
    renamed(F::ToUpperCase, "toUpperCase", "String.toUpperCase", 1),
    renamed(F::ToLowerCase, "toLowerCase", "String.toLowerCase", 1),
    signature(F::ArrayAdd, "Arrays.add", Array, 2, 0),
    signature(F::ArrayRemove, "Arrays.remove", Array, 2, 0),
    signature(F::ArrayClear, "Arrays.clear", Array, 1, 0),
    signature(F::ArrayGet, "Arrays.get", Array, 2, 0),
    signature(F::ArrayFlatten, "Arrays.flatten", Array, 1, ANY),
    signature(F::ArrayContains, "Arrays.contains", Array, 2, 0),
    signature(F::ArraySize, "Arrays.size", Array, 1, 0),
    signature(F::ArrayIsEmpty, "Arrays.isEmpty", Array, 1, 0),
    signature(F::ArrayToCsvString, "Arrays.toCsvString", Array, 1, 0),
    signature(F::ToInt, "Convert.toInt", Convert, 1, 0),
    signature(F::ToNum, "Convert.toNum", Convert, 1, 0),
    signature(F::ToAlpha2, "Iso3166Convert.toAlpha2", Convert, 1, 0),
    signature(F::ToAlpha3, "Iso3166Convert.toAlpha3", Convert, 1, 0),
    signature(F::ToNumeric, "Iso3166Convert.toNumeric", Convert, 1, 0),
    signature(F::ToName, "Iso3166Convert.toName", Convert, 1, 0),
    signature(F::Now, "Time.now", Time, 0, 2),
    signature(F::FromWindowsToIso8601, "Time.fromWindowsToIso8601", Time, 1, 0),
    signature(F::FromUnixToIso8601, "Time.fromUnixToIso8601", Time, 1, 0),
    signature(F::FromStringToIso8601, "Time.fromStringToIso8601", Time, 2, 0),
    signature(F::FromIso8601ToWindows, "Time.fromIso8601ToWindows", Time, 1, 0),
    signature(F::FromIso8601ToUnix, "Time.fromIso8601ToUnix", Time, 1, 0),
    signature(F::FromIso8601ToString, "Time.fromIso8601ToString", Time, 2, 0),
    signature(F::IsMemberOfGroup, "isMemberOfGroup", Group, 1, 0),
    signature(F::IsMemberOfAnyGroup, "isMemberOfAnyGroup", Group, 1, ANY),
    signature(F::IsMemberOfGroupName, "isMemberOfGroupName", Group, 1, 0),
    signature(
        F::IsMemberOfGroupNameStartsWith,
        "isMemberOfGroupNameStartsWith",
        Group,
        1,
        0,
    ),
    signature(
        F::IsMemberOfGroupNameContains,
        "isMemberOfGroupNameContains",
        Group,
        1,
        0,
    ),
    signature(
        F::IsMemberOfGroupNameRegex,
        "isMemberOfGroupNameRegex",
        Group,
        1,
        0,
    ),
    signature(F::GetFilteredGroups, "getFilteredGroups", Group, 3, 0),
    signature(F::GetGroups, "user.getGroups", Group, 1, ANY),
    signature(F::GroupsContains, "Groups.contains", Group, 3, 0),
    signature(F::GroupsStartsWith, "Groups.startsWith", Group, 3, 0),
    signature(F::GroupsEndsWith, "Groups.endsWith", Group, 3, 0),
    signature(F::HasDirectoryUser, "hasDirectoryUser", Profile, 0, 0),
    signature(F::HasWorkdayUser, "hasWorkdayUser", Profile, 0, 0),
    signature(F::FindDirectoryUser, "findDirectoryUser", Profile, 0, 0),
    signature(F::FindWorkdayUser, "findWorkdayUser", Profile, 0, 0),
    signature(F::GetManagerUser, "getManagerUser", Profile, 1, 0),
    signature(F::GetManagerAppUser, "getManagerAppUser", Profile, 2, 0),
    signature(F::GetAssistantUser, "getAssistantUser", Profile, 1, 0),
    signature(F::GetAssistantAppUser, "getAssistantAppUser", Profile, 2, 0),
    signature(F::GetLinkedObject, "user.getLinkedObject", Profile, 1, 0),
    signature(F::GetInternalProperty, "user.getInternalProperty", Profile, 1, 0),
    signature(F::EndsWith, "String.endsWith", Text, 2, 0),
    signature(F::IsMemberOf, "user.isMemberOf", Group, 1, ANY),
    signature(F::DateTimeNow, "DateTime.now", Time, 0, 0),
];

impl Function {
    /// The function of this name, a deprecated one included. Names are case-sensitive.
    pub(super) fn named(name: &str) -> Option<Self> {
        SIGNATURES
            .iter()
            .find(|signature| signature.name == name || signature.deprecated == Some(name))
            .map(|signature| signature.function)
    }

    /// The name, never a deprecated one.
    pub(super) fn name(self) -> &'static str {
        self.signature().map_or("", |signature| signature.name)
    }

    pub(super) fn family(self) -> Family {
        self.signature().map_or(Text, |signature| signature.family)
    }

    /// Returns true if Okta lets the function stand in what decides a conditional expression.
    pub(super) fn decides(self) -> bool {
        // The language of Identity Engine, which has no such limit, is the only one to have this function.
        self == Self::DateTimeNow || !matches!(self.family(), Array | Convert | Time)
    }

    /// All of them, by the names that are not deprecated.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        SIGNATURES.iter().map(|signature| signature.name)
    }

    /// Returns true if a call may have so many arguments.
    pub(super) fn takes(self, arguments: usize) -> bool {
        let Some(signature) = self.signature() else {
            return false;
        };
        let is_paired = self != Self::StringSwitch || arguments.is_multiple_of(2);
        let most = signature.required.saturating_add(signature.optional);
        (signature.required..=most).contains(&arguments) && is_paired
    }

    /// Returns how many arguments the function takes, in words.
    pub(super) fn arity(self) -> SmolStr {
        let Some(signature) = self.signature() else {
            return SmolStr::default();
        };
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        let required = signature.required;
        match (self, signature.optional) {
            (Self::StringSwitch, _) => "2 arguments and pairs of key and value".into(),
            (_, 0) if required == 0 => "no arguments".into(),
            (_, 0) => format!("{required} argument{}", plural(required)).into(),
            (_, ANY) => format!("at least {required} argument{}", plural(required)).into(),
            (_, optional) => format!("{required} to {} arguments", required + optional).into(),
        }
    }

    fn signature(self) -> Option<&'static Signature> {
        SIGNATURES.get(self as usize)
    }
}

/// The function that was perhaps meant by a name that no function has.
pub(super) fn suggestion(name: &str) -> Option<SmolStr> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let same = |signature: &&Signature| {
        let known = signature.name.rsplit('.').next().unwrap_or(signature.name);
        known.eq_ignore_ascii_case(last)
    };
    SIGNATURES
        .iter()
        .find(same)
        .map(|signature| SmolStr::new_static(signature.name))
        .or_else(|| closest(name, Function::names()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_function_finds_its_own_signature() {
        for (index, signature) in SIGNATURES.iter().enumerate() {
            assert_eq!(signature.function as usize, index, "{}", signature.name);
            assert_eq!(Function::named(signature.name), Some(signature.function));
        }
    }

    #[test]
    fn deprecated_names_mean_the_functions_that_took_their_place() {
        for name in [
            "toUpperCase",
            "toLowerCase",
            "substringBefore",
            "substringAfter",
            "substring",
        ] {
            let function = Function::named(name).unwrap();
            assert_eq!(function.name(), format!("String.{name}"));
        }
    }

    #[test]
    fn a_slip_leads_to_the_function() {
        for (written, meant) in [
            ("String.touppercase", "String.toUpperCase"),
            ("Array.contains", "Arrays.contains"),
            ("String.subString", "String.substring"),
            ("isMemberOfGroupNamed", "isMemberOfGroupName"),
        ] {
            assert_eq!(suggestion(written).as_deref(), Some(meant), "{written}");
        }
        assert_eq!(suggestion("xyzzy"), None);
    }
}
