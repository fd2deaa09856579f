//! Scoping filters and vectors in a program that is built without the feature `regex`.
#![cfg(not(feature = "regex"))]

use keyfob_mapping::{
    scope::{Clause, ClauseGroup, Operator, ScopingFilter},
    vectors,
};

#[test]
fn a_pattern_of_a_scoping_filter_is_an_error_of_its_clause() {
    for (operator, name) in [
        (Operator::RegexMatch, "REGEX MATCH"),
        (Operator::NotRegexMatch, "NOT REGEX MATCH"),
    ] {
        let clauses = vec![
            Clause::new("department", Operator::Equals, "Sales"),
            Clause::new("department", operator, "^S"),
        ];
        let error = ScopingFilter::new(vec![ClauseGroup::new("Sales", clauses)])
            .compile()
            .unwrap_err();
        let expected = format!("clause 2 of group 1: `{name}` needs the feature `regex` of keyfob-mapping");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_match_of_a_vector_is_refused() {
    let file = r#"[{"id": "phone", "expr": "[mobile]", "attrs": {"mobile": "1"}, "match": "^\\d$"}]"#;
    let error = vectors::read(file.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "vector phone: `match` needs the feature `regex` of keyfob-mapping"
    );
}
