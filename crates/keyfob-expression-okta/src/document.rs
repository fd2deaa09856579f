//! Descriptions of all functions and methods, each with an example that runs, as `keyfob map functions` prints them.

mod classic;
mod engine;

/// The description of a function or a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FunctionDocument {
    /// Its name; that of a method without the value before it.
    pub name: &'static str,
    /// Its form, and the types of its arguments and of its value.
    pub signature: &'static str,
    /// Its purpose, in a sentence.
    pub summary: &'static str,
    /// An expression that calls it.
    pub example: &'static str,
    /// The profiles that the example reads, as JSON; `directory` holds the directory.
    pub source: &'static str,
    /// The value of the example.
    pub result: &'static str,
    /// The page that documents it.
    pub reference: &'static str,
}

const CLASSIC: &str = "Okta Developer: Okta Expression Language overview";
const ENGINE: &str = "Okta Developer: Okta Expression Language in Identity Engine";
const USER: &str = r#"{"user": {"firstName": "John", "email": "john.doe@okta.com", "created": "2015-07-30T23:58:32.000Z", "strArray": ["one", "two"], "status": "ACTIVE"}}"#;
const GROUPS: &str = r#"{"directory": {"groups": [{"id": "00g1", "name": "West Coast Users", "type": "OKTA_GROUP", "app": "OKTA"}]}}"#;
const OTHERS: &str = r#"{"directory": {"directoryUser": {"managerUpn": "ann@okta.com"}, "workdayUser": {"managerUpn": "ann@okta.com"}, "manager": {"active_directory": {"firstName": "Ann"}}, "managerApp": {"active_directory": {"google": {"firstName": "Ann"}}}, "assistant": {"active_directory": {"firstName": "Bob"}}, "assistantApp": {"active_directory": {"google": {"firstName": "Bob"}}}, "linked": {"manager": {"lastName": "Gates"}}}}"#;

/// A row: name, signature, summary, example, source, result.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

/// Returns every function of the classic language and every function and method of Identity Engine's.
///
/// ```
/// use keyfob_expression_okta as okta;
///
/// let split = okta::functions().find(|function| function.name == "split").ok_or("no such method")?;
/// assert_eq!(split.signature, "text.split(separator: text): array");
/// # Ok::<(), &str>(())
/// ```
pub fn functions() -> impl Iterator<Item = FunctionDocument> {
    let of = |reference| {
        move |&(name, signature, summary, example, source, result): &Row| FunctionDocument {
            name,
            signature,
            summary,
            example,
            source,
            result,
            reference,
        }
    };
    let classic = classic::FUNCTIONS.iter().map(of(CLASSIC));
    classic.chain(engine::FUNCTIONS.iter().map(of(ENGINE)))
}

#[cfg(test)]
mod tests {
    use keyfob_expression::{Source, Value};

    use super::*;
    use crate::{Context, Directory, Expression, function::Function, method::Method};

    fn json(value: &Value) -> String {
        match value {
            Value::List(values) => {
                let values: Vec<String> = values.iter().map(json).collect();
                format!("[{}]", values.join(","))
            }
            Value::Text(_) => value.to_json(),
            Value::Boolean(value) => value.to_string(),
            other => other.to_text().into(),
        }
    }

    #[test]
    fn every_function_and_method_has_an_example_that_gives_what_it_says() {
        for document in functions() {
            let source = Source::from_json(document.source.as_bytes()).unwrap();
            let directory = match source.get("directory") {
                Some(Value::Complex(members)) => Directory::from(members.iter().cloned().collect::<Source>()),
                _ => Directory::default(),
            };
            let cx =
                Context::new(&source, "2015-07-31T17:18:37.979Z".parse().unwrap()).with_directory(&directory);
            let expression = Expression::parse(document.example).unwrap_or_else(|error| {
                panic!("{}", error.display_with(document.example));
            });
            let value = expression
                .evaluate(&cx)
                .unwrap_or_else(|error| panic!("{}: {error}", document.name));
            let text = match &value {
                Value::Text(text) => text.to_string(),
                other => json(other),
            };
            assert_eq!(text, document.result, "{}", document.name);
        }
        for name in Function::names().chain(Method::names()) {
            assert!(functions().any(|document| document.name == name), "{name}");
        }
    }
}
