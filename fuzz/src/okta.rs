//! Expressions of Okta: nothing panics, what is read prints as what reads back, and values are the same each time.

use keyfob_expression::Source;
use keyfob_expression_okta::{Context, Directory, Expression, ParseOptions};

const SOURCE: &[u8] = br#"{
    "user": {
        "firstName": "Winston", "lastName": "Churchill", "login": "w@example.com", "salary": 1000001, "ratio": 2.5,
        "isContractor": false, "roles": ["a", "b,c", 3, null], "country": "GB", "hireDate": "2015-06-17T00:23:19Z",
        "emoji": "\ud83d\udd11 key"
    },
    "appuser": {"role": "x"}, "x": "y"
}"#;
const DIRECTORY: &[u8] = br#"{
    "directoryUser": {"managerUpn": "bob@example.com"}, "workdayUser": [{"id": 1}, {"id": 2}],
    "manager": {"active_directory": {"firstName": "Ann"}},
    "groups": [{"id": "00g1", "name": "Sales", "type": "OKTA_GROUP", "app": "OKTA", "source": {"id": "0a1"}},
               {"id": "00g2", "name": "Admins", "app": "google"}, 7]
}"#;

/// No text makes reading, printing or evaluating panic; an error's span is in the text; what is read prints as what
/// reads back as itself; and it has the same value, or the same error, each time.
pub fn okta_expression_total(text: &str) {
    let options = any_function_decides();
    let expression = match Expression::parse_with(text, &options) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(text.get(error.span()).is_some(), "{error:?}");
            let _ = (error.display_with(text).to_string(), error.class());
            return;
        }
    };
    let printed = expression.to_string();
    let read = Expression::parse_with(&printed, &options).unwrap();
    assert_eq!(read, expression, "{printed}");
    assert_eq!(read.to_string(), printed);
    let source = Source::from_json(SOURCE).unwrap();
    let directory = Directory::from_json(DIRECTORY).unwrap();
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    for cx in [
        Context::new(&source, now).with_directory(&directory),
        Context::new(&source, now),
    ] {
        let value = expression.evaluate(&cx);
        assert_eq!(read.evaluate(&cx), value);
        if let Err(error) = value {
            let _ = (error.to_string(), error.class());
        }
    }
}

/// With room for what printing writes out that was left out.
fn any_function_decides() -> ParseOptions {
    let mut options = ParseOptions::default();
    options.any_function_decides = true;
    options.bytes *= 4;
    options
}
