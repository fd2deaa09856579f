//! Descriptions of all functions, each with an example that runs, as `keyfob map functions` prints them.

use super::Function;

/// The description of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// Its purpose, in a sentence.
    pub summary: &'static str,
    /// An expression that calls it.
    pub example: &'static str,
    /// The object that the example reads, as JSON.
    pub source: &'static str,
    /// The value of the example, as text, a list as JSON; empty for a function whose values differ each time.
    pub result: &'static str,
    /// Where it is documented.
    pub reference: &'static str,
}

const F: &str =
    "Microsoft Learn: Reference for writing expressions for attribute mappings in Microsoft Entra ID";
const G: &str = "Microsoft Graph: synchronization schema functions";
const C: &str = "Microsoft Learn: Attribute mapping expressions in Microsoft Entra Cloud Sync";

/// By the name of the function: summary, example, source, result, reference.
static DOCUMENTS: &[(&str, &str, &str, &str, &str, &str)] = &[
    (
        "Append",
        "Puts a suffix behind a text.",
        r#"Append([alias], "@contoso.com")"#,
        r#"{"alias": "babs"}"#,
        "babs@contoso.com",
        F,
    ),
    (
        "AppRoleAssignments",
        "Gives the names of all application roles.",
        "AppRoleAssignments([appRoleAssignments])",
        r#"{"appRoleAssignments": [{"displayName": "Admin", "value": "admin"}]}"#,
        r#"["Admin"]"#,
        G,
    ),
    (
        "AppRoleAssignmentsComplex",
        "Gives the application roles as SCIM's roles, which are added to those that a resource has.",
        "AppRoleAssignmentsComplex([appRoleAssignments])",
        r#"{"appRoleAssignments": [{"displayName": "Admin", "value": "admin"}]}"#,
        r#"[{"value":"admin","display":"Admin","type":"WindowsAzureActiveDirectoryRole","primary":"False"}]"#,
        F,
    ),
    (
        "AssertiveAppRoleAssignmentsComplex",
        "Gives the application roles as SCIM's roles, which replace those that a resource has.",
        "AssertiveAppRoleAssignmentsComplex([appRoleAssignments])",
        r#"{"appRoleAssignments": [{"displayName": "Admin", "value": "admin"}]}"#,
        r#"[{"value":"admin","display":"Admin","type":"WindowsAzureActiveDirectoryRole","primary":"False"}]"#,
        F,
    ),
    (
        "BitAnd",
        "Gives the bits that two integers of 64 bits share.",
        "BitAnd(&HF, &HF7)",
        "{}",
        "7",
        F,
    ),
    (
        "CBool",
        "Gives True for a number other than 0 and for the text true.",
        "CBool([a] = [b])",
        r#"{"a": "x", "b": "x"}"#,
        "True",
        F,
    ),
    (
        "CDate",
        "Reads a text as a date in UTC.",
        r#"CDate("2021-06-30+08:00")"#,
        "{}",
        "6/29/2021 4:00:00 PM",
        F,
    ),
    (
        "Coalesce",
        "Gives the first argument that is not null.",
        "Coalesce([mail], [userPrincipalName])",
        r#"{"userPrincipalName": "babs@contoso.com"}"#,
        "babs@contoso.com",
        F,
    ),
    (
        "ConvertFromBase64",
        "Reads base64 of a text in Unicode (UTF-16), as ConvertToBase64 writes it, or in ASCII or UTF8.",
        r#"ConvertFromBase64("SABpAA==")"#,
        "{}",
        "Hi",
        C,
    ),
    (
        "ConvertToBase64",
        "Writes a text in UTF-16 as base64.",
        r#"ConvertToBase64("Hi")"#,
        "{}",
        "SABpAA==",
        F,
    ),
    (
        "ConvertToUTF8Hex",
        "Writes the bytes of a text in UTF-8 as hexadecimal digits.",
        r#"ConvertToUTF8Hex("Hi")"#,
        "{}",
        "4869",
        F,
    ),
    (
        "Count",
        "Counts the values of an attribute.",
        "Count([proxyAddresses])",
        r#"{"proxyAddresses": ["a", "b"]}"#,
        "2",
        F,
    ),
    (
        "CStr",
        "Gives a value as text.",
        "CStr([flag])",
        r#"{"flag": true}"#,
        "True",
        F,
    ),
    (
        "DateAdd",
        "Adds an interval to a date: yyyy, m, ww, d, h, n or s.",
        r#"DateAdd("d", 7, CDate("2012-03-16-07:00"))"#,
        "{}",
        "3/23/2012 7:00:00 AM",
        F,
    ),
    (
        "DateDiff",
        "Counts the intervals from one date to another, as Visual Basic does.",
        r#"DateDiff("d", CDate("2021-08-18"), CDate("2021-08-31"))"#,
        "{}",
        "13",
        F,
    ),
    (
        "DateFromNum",
        "Reads a Windows file time: units of 100 ns since 1601.",
        "DateFromNum(129699324000000000)",
        "{}",
        "1/1/2012 11:00:00 PM",
        F,
    ),
    (
        "DNComponent",
        "Gives the value of a component of a distinguished name, counted from the left.",
        r#"DNComponent("CN=Jane,OU=Sales,DC=contoso", 2)"#,
        "{}",
        "Sales",
        C,
    ),
    (
        "Error",
        "Raises an error with a message.",
        r#"IIF(IsPresent([mail]), [mail], Error("no mail"))"#,
        r#"{"mail": "babs@contoso.com"}"#,
        "babs@contoso.com",
        C,
    ),
    (
        "FormatDateTime",
        "Reads a date in one .NET format and writes it in another; a value that is a date already is only written.",
        r#"FormatDateTime([hired], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")"#,
        r#"{"hired": "20150123105347.1Z"}"#,
        "2015-01-23",
        F,
    ),
    ("Guid", "Makes a random identifier.", "Guid()", "{}", "", F),
    (
        "IgnoreFlowIfNullOrEmpty",
        "Leaves the attribute out of the flow where the value is null or empty.",
        "IgnoreFlowIfNullOrEmpty([mail])",
        r#"{"mail": "babs@contoso.com"}"#,
        "babs@contoso.com",
        F,
    ),
    (
        "IIF",
        "Gives one value where a condition holds and another where it doesn't.",
        r#"IIF([country] = "US", "USD", "EUR")"#,
        r#"{"country": "FR"}"#,
        "EUR",
        F,
    ),
    (
        "InStr",
        "Gives the position of a text within another, counted from 1; 0 where it does not occur.",
        r#"InStr("The quick brown fox", "quick")"#,
        "{}",
        "5",
        F,
    ),
    (
        "IsNothing",
        "Gives True for null.",
        "IsNothing([mail])",
        "{}",
        "True",
        G,
    ),
    (
        "IsNull",
        "Gives True for null.",
        "IsNull([mail])",
        "{}",
        "True",
        F,
    ),
    (
        "IsNullOrEmpty",
        "Gives True for null and for the empty text.",
        "IsNullOrEmpty([mail])",
        r#"{"mail": ""}"#,
        "True",
        F,
    ),
    (
        "IsPresent",
        "Gives True for a value that is neither null nor empty.",
        "IsPresent([mail])",
        r#"{"mail": "babs@contoso.com"}"#,
        "True",
        F,
    ),
    (
        "IsString",
        "Gives True for a single value.",
        "IsString([mail])",
        r#"{"mail": "babs@contoso.com"}"#,
        "True",
        F,
    ),
    (
        "Item",
        "Gives a value of a multi-valued attribute, counted from 1.",
        "Item([proxyAddresses], 2)",
        r#"{"proxyAddresses": ["a", "b"]}"#,
        "b",
        F,
    ),
    (
        "Join",
        "Puts texts together with a separator; empty ones are left out with theirs.",
        r#"Join(", ", [surname], [middle], [givenName])"#,
        r#"{"surname": "Doe", "givenName": "John"}"#,
        "Doe, John",
        F,
    ),
    (
        "Left",
        "Gives the first characters of a text.",
        r#"Left("John Doe", 3)"#,
        "{}",
        "Joh",
        F,
    ),
    (
        "Mid",
        "Gives characters of a text from a position on, counted from 1.",
        r#"Mid("John Doe", 3, 5)"#,
        "{}",
        "hn Do",
        F,
    ),
    (
        "NormalizeDiacritics",
        "Gives letters without their diacritical marks, by Microsoft's table.",
        r#"NormalizeDiacritics("Zoë")"#,
        "{}",
        "Zoe",
        F,
    ),
    (
        "Not",
        "Gives False for True, and True for anything else.",
        "Not([IsSoftDeleted])",
        r#"{"IsSoftDeleted": false}"#,
        "True",
        F,
    ),
    (
        "Now",
        "Gives the time of the evaluation in UTC.",
        r#"FormatDateTime(Now(), , "G", "yyyy")"#,
        "{}",
        "2026",
        F,
    ),
    (
        "NumFromDate",
        "Writes a date as a Windows file time.",
        r#"NumFromDate("2012-01-01T23:00:00Z")"#,
        "{}",
        "129699324000000000",
        F,
    ),
    (
        "PCase",
        "Begins each word with a capital, as .NET's title case does, or between the separators given.",
        r#"PCase([lastName], " '-")"#,
        r#"{"lastName": "PINTO-DE'SILVA"}"#,
        "Pinto-De'Silva",
        F,
    ),
    (
        "Prepend",
        "Puts a prefix before a text.",
        r#"Prepend("smtp:", [mail])"#,
        r#"{"mail": "babs@contoso.com"}"#,
        "smtp:babs@contoso.com",
        G,
    ),
    (
        "RandomString",
        "Makes a random text with so many digits, special characters, capitals and small letters at least.",
        "RandomString(8, 2, 1, 1, 1)",
        "{}",
        "",
        F,
    ),
    (
        "Redact",
        "Lets a value flow and keeps it out of logs.",
        "Redact([password])",
        r#"{"password": "s3cret"}"#,
        "s3cret",
        F,
    ),
    (
        "RemoveDuplicates",
        "Leaves out values of an attribute that occur again.",
        "RemoveDuplicates([tags])",
        r#"{"tags": ["a", "b", "a"]}"#,
        r#"["a","b"]"#,
        F,
    ),
    (
        "Replace",
        "Replaces a text, what a .NET pattern matches, or a group of it; or fills a template.",
        r#"Replace([mobile], , "[()\\s-]+", , "", , )"#,
        r#"{"mobile": "+1 (999) 888-7777"}"#,
        "+19998887777",
        F,
    ),
    (
        "SelectUniqueValue",
        "Gives the first argument that the target has not taken yet; only when a resource is created.",
        r#"SelectUniqueValue([alias], Append([alias], "2"))"#,
        r#"{"alias": "babs"}"#,
        "babs",
        F,
    ),
    (
        "SingleAppRoleAssignment",
        "Gives the display name of the one application role.",
        "SingleAppRoleAssignment([appRoleAssignments])",
        r#"{"appRoleAssignments": [{"displayName": "DS Admin", "value": "DSAdmin"}]}"#,
        "DS Admin",
        F,
    ),
    (
        "Split",
        "Divides a text at a delimiter.",
        r#"Split([list], ",")"#,
        r#"{"list": "a, b"}"#,
        r#"["a","b"]"#,
        F,
    ),
    (
        "StringFromSid",
        "Writes a security identifier, given as the base64 of its bytes.",
        "StringFromSid([objectSid])",
        r#"{"objectSid": "AQIAAAAAAAUgAAAAIAIAAA=="}"#,
        "S-1-5-32-544",
        C,
    ),
    (
        "StripSpaces",
        "Removes all blanks.",
        r#"StripSpaces("Mary Ann")"#,
        "{}",
        "MaryAnn",
        F,
    ),
    (
        "Switch",
        "Gives the value of the first key that is equal to the source, or the default; null is equal to the key \"\".",
        r#"Switch([IsSoftDeleted], , "False", "True", "True", "False")"#,
        r#"{"IsSoftDeleted": false}"#,
        "True",
        F,
    ),
    (
        "ToLower",
        "Writes a text in small letters, one for one, by the rules of a culture.",
        r#"ToLower("Zoë")"#,
        "{}",
        "zoë",
        F,
    ),
    (
        "ToUpper",
        "Writes a text in capitals, one for one, by the rules of a culture.",
        r#"ToUpper("straße")"#,
        "{}",
        "STRAßE",
        F,
    ),
    (
        "Trim",
        "Removes the white space at both ends.",
        r#"Trim(" a b ")"#,
        "{}",
        "a b",
        C,
    ),
    (
        "Word",
        "Gives a word of a text, counted from 1; each of the delimiters divides.",
        r#"Word("The quick brown fox", 3, " ")"#,
        "{}",
        "brown",
        F,
    ),
];

impl Function {
    /// Returns what the function is for, with an example.
    #[must_use]
    pub fn document(self) -> Option<Document> {
        let mut documents = DOCUMENTS.iter();
        let found = documents.find(|(name, ..)| *name == self.name());
        found.map(|(_, summary, example, source, result, reference)| Document {
            summary,
            example,
            source,
            result,
            reference,
        })
    }

    /// Returns the function's name, its parameters with their types, and the type of its values:
    /// `Left(String: a single value, NumChars: an integer): a single value`. `?` marks a parameter that may be left empty,
    /// `…` those that repeat.
    #[must_use]
    pub fn signature(self) -> String {
        let definition = self.definition();
        let fixed = self.parameters().len().saturating_sub(self.repeated());
        let parameters = self.parameters().iter().enumerate().map(|(index, parameter)| {
            let optional = if parameter.is_required() { "" } else { "?" };
            let repeats = if index >= fixed { "…" } else { "" };
            format!(
                "{}{optional}{repeats}: {}",
                parameter.key(),
                parameter.kind().described()
            )
        });
        let parameters: Vec<String> = parameters.collect();
        format!(
            "{}({}): {}",
            self.name(),
            parameters.join(", "),
            definition.returns().described()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        environment::{Environment, SeededEntropy},
        options::{FunctionSet, Options},
        program::{Outcome, Program},
        source::Source,
        value::Value,
    };

    #[test]
    fn every_function_has_an_example_that_gives_what_it_says() {
        let entropy = SeededEntropy::new(0);
        let environment = Environment::new("2026-01-01T12:00:00Z".parse().unwrap(), &entropy);
        let options = Options {
            functions: FunctionSet::CloudSync.into(),
            ..Options::default()
        };
        for function in Function::all(FunctionSet::CloudSync) {
            let document = function.document().unwrap_or_else(|| panic!("{function}"));
            assert!(document.example.contains(&format!("{function}(")), "{function}");
            let program = Program::read(document.example, &options).unwrap();
            let source = Source::from_json(document.source.as_bytes()).unwrap();
            let outcome = program.evaluate(&source, &environment).unwrap();
            let Ok(Outcome::Value(value)) = outcome.settle(&[] as &[&str]) else {
                panic!("{function}");
            };
            let text = match value.reveal() {
                list @ Value::List(_) => list.to_json(),
                single => single.to_text().into(),
            };
            if !document.result.is_empty() {
                assert_eq!(text, document.result, "{function}");
            }
        }
        assert_eq!(DOCUMENTS.len(), Function::all(FunctionSet::CloudSync).count());
    }

    #[test]
    fn a_signature_names_parameters_and_types() {
        let signature = |name| Function::named(name, FunctionSet::Entra).unwrap().signature();
        assert_eq!(
            signature("Left"),
            "Left(String: a single value, NumChars: an integer): a single value"
        );
        assert_eq!(
            signature("Switch"),
            "Switch(source: a single value, defaultValue?: any value, switchValue…: a single value, switchValue…: any value): any value"
        );
    }
}
