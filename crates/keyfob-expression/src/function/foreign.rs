//! The functions and operators of other languages, and their names here.

/// Functions of Visual Basic, Excel, Entra Connect, SQL and Okta, and what does the same here.
const FUNCTIONS: [(&str, &str); 38] = [
    ("AfterLast", r#"Replace([attribute], , "^.*@", , "", , )"#),
    ("Concat", "Append"),
    ("Concatenate", "Append"),
    ("Contains", r#"InStr([attribute], "text") > 0"#),
    ("Date", "Now"),
    ("DateValue", "CDate"),
    ("EndsWith", r#"Replace([attribute], , "^.*text$", , "", , ) = """#),
    ("Find", "InStr"),
    ("Format", "FormatDateTime"),
    ("FormatDate", "FormatDateTime"),
    ("GetDate", "Now"),
    ("If", "IIF"),
    ("IfNull", "Coalesce"),
    ("ImportedValue", "[attribute]"),
    ("IndexOf", "InStr"),
    ("IsBlank", "IsNullOrEmpty"),
    ("IsEmpty", "IsNullOrEmpty"),
    ("IsNotNull", "IsPresent"),
    ("IsNotNullOrEmpty", "IsPresent"),
    ("LCase", "ToLower"),
    ("Lower", "ToLower"),
    ("LTrim", r#"Replace([attribute], , "^\\s+", , "", , )"#),
    ("Nvl", "Coalesce"),
    ("Proper", "PCase"),
    ("ReplaceChars", "NormalizeDiacritics"),
    (
        "Right",
        r#"Replace([attribute], , "^.*(?<end>.{4})$", , "${end}", , )"#,
    ),
    ("RTrim", r#"Replace([attribute], , "\\s+$", , "", , )"#),
    ("StartsWith", r#"InStr([attribute], "text") = 1"#),
    ("StringContains", r#"InStr([attribute], "text") > 0"#),
    ("Substr", "Mid"),
    ("Substring", "Mid"),
    ("SubstringAfter", r#"Replace([attribute], , "^.*?@", , "", , )"#),
    ("SubstringBefore", r#"Replace([attribute], , "@.*$", , "", , )"#),
    ("Today", "Now"),
    ("ToLowerCase", "ToLower"),
    ("ToUpperCase", "ToUpper"),
    ("UCase", "ToUpper"),
    ("Upper", "ToUpper"),
];

const OKTA: &str =
    "Okta's language has this (`--dialect okta`); here an attribute stands in brackets, as in [login]";
const JOIN: &str = "`Append` puts two texts together, `Join` any number with a separator between them";

/// Remarks on functions and operators of other languages.
const HINTS: [(&str, &str); 15] = [
    ("appuser", OKTA),
    ("Arrays", OKTA),
    ("Convert", OKTA),
    ("String", OKTA),
    ("Time", OKTA),
    ("user", OKTA),
    ("Groups", OKTA),
    ("Concat", JOIN),
    ("Concatenate", JOIN),
    ("&", JOIN),
    ("+", JOIN),
    (
        "Len",
        "nothing gives a length; the length of `Left` and `Mid` may go past the end of a text",
    ),
    (
        "Length",
        "nothing gives a length; the length of `Left` and `Mid` may go past the end of a text",
    ),
    (
        "Trim",
        r#"in app provisioning `Replace([attribute], , "^\\s+|\\s+$", , "", , )` does the same"#,
    ),
    (
        "IsMemberOf",
        "no function asks for groups; assign an application role and read `[appRoleAssignments]`",
    ),
];

/// Operators of other languages, and what does the same here.
const OPERATORS: [(&str, &str); 9] = [
    ("==", "="),
    ("!=", "<>"),
    ("&&", r#"IIF(first, IIF(second, "both", "other"), "other")"#),
    ("AND", r#"IIF(first, IIF(second, "both", "other"), "other")"#),
    ("||", r#"IIF(first, "either", IIF(second, "either", "other"))"#),
    ("OR", r#"IIF(first, "either", IIF(second, "either", "other"))"#),
    ("|", r#"IIF(first, "either", IIF(second, "either", "other"))"#),
    ("&", "Append"),
    ("+", "Append"),
];

/// Returns what a function of another language is called here.
pub(crate) fn function(name: &str) -> Option<&'static str> {
    find(name, &FUNCTIONS)
}

/// Returns what else there is to know about a function or an operator of another language, or what to do without it.
pub(crate) fn hint(word: &str) -> Option<&'static str> {
    find(word, &HINTS)
}

/// Returns what an operator of another language is here.
pub(crate) fn operator(symbol: &str) -> Option<&'static str> {
    find(symbol, &OPERATORS)
}

fn find(word: &str, words: &[(&str, &'static str)]) -> Option<&'static str> {
    let mut words = words.iter();
    words
        .find(|(theirs, _)| theirs.eq_ignore_ascii_case(word))
        .map(|(_, ours)| *ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{function::Function, options::FunctionSet};

    #[test]
    fn a_word_that_is_a_function_here_needs_no_translation() {
        for (name, _) in FUNCTIONS {
            assert!(
                Function::in_any_case(name, FunctionSet::CloudSync).is_none(),
                "{name}"
            );
        }
    }

    #[test]
    fn every_translation_that_is_a_word_is_a_function() {
        let words = FUNCTIONS.iter().map(|(_, ours)| *ours);
        for word in words.filter(|word| word.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            assert!(Function::named(word, FunctionSet::Entra).is_some(), "{word}");
        }
    }
}
