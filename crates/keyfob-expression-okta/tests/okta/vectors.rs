//! The examples of Okta's documentation and what follows from them, in `testdata/okta`.

use keyfob_core::DateTime;
use keyfob_expression::{Source, Value};
use keyfob_expression_okta::{Context, Directory, Expression};
use serde_json::Value as Json;

const VECTORS: &str = include_str!("../../../../testdata/okta/expressions.json");

/// The value, or the word for the error.
fn outcome(vector: &Json) -> Result<Value, String> {
    let text = vector["expr"].as_str().unwrap();
    let expression = Expression::parse(text).map_err(|error| error.class().to_string())?;
    let again = Expression::parse(&expression.to_string()).unwrap();
    assert_eq!(again, expression, "{expression}");
    let source = Source::from_json(vector["attrs"].to_string().as_bytes()).unwrap();
    let now = vector["now"].as_str().unwrap_or("2026-01-01T00:00:00Z");
    let directory = vector
        .get("directory")
        .map(|directory| Directory::from_json(directory.to_string().as_bytes()).unwrap());
    let mut cx = Context::new(&source, now.parse::<DateTime>().unwrap());
    if let Some(directory) = &directory {
        cx = cx.with_directory(directory);
    }
    expression
        .evaluate(&cx)
        .map_err(|error| error.class().to_string())
}

fn expected(vector: &Json) -> Result<Value, String> {
    if let Some(error) = vector.get("error") {
        return Err(error.as_str().unwrap().to_owned());
    }
    let wrapped = Json::from_iter([("expected".to_owned(), vector["expected"].clone())]);
    let source = Source::from_json(wrapped.to_string().as_bytes()).unwrap();
    Ok(source.get("expected").unwrap().clone())
}

#[test]
fn every_example_of_the_documentation_has_the_value_that_it_prints() {
    let vectors: Vec<Json> = serde_json::from_str(VECTORS).unwrap();
    assert!(vectors.len() > 150);
    let failed: Vec<String> = vectors
        .iter()
        .filter_map(|vector| {
            let (is, should_be) = (outcome(vector), expected(vector));
            (is != should_be).then(|| format!("{}: {is:?}, not {should_be:?}", vector["id"]))
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
