//! Scoping filters.

use keyfob_expression::{Source, Value};
use keyfob_mapping::scope::{Clause, ClauseGroup, Operator, ScopeError, ScopeErrorKind, ScopingFilter};

use super::support::{source, testdata};

fn of(clauses: Vec<Clause>) -> ScopingFilter {
    ScopingFilter::new(vec![ClauseGroup::new("", clauses)])
}

fn contains(clause: Clause, source: &Source) -> Result<bool, ScopeErrorKind> {
    let contained = of(vec![clause])
        .compile()
        .and_then(|scope| scope.contains(source));
    contained.map_err(|error| error.kind)
}

#[test]
fn every_vector_is_decided_as_documented() {
    let vectors: serde_json::Value = serde_json::from_slice(&testdata("expression-scopes.json")).unwrap();
    let vectors = vectors.as_array().unwrap();
    assert_eq!(vectors.len(), 30);
    for vector in vectors {
        let filter = ScopingFilter::from_json(vector.to_string().as_bytes()).unwrap();
        let source = source(&vector["attrs"].to_string());
        let contained = filter.compile().unwrap().contains(&source).unwrap();
        assert_eq!(
            contained,
            vector["inScope"].as_bool().unwrap(),
            "{}",
            vector["id"]
        );
    }
}

#[test]
fn numbers_are_compared_as_numbers() {
    for (operator, value, bound, expected) in [
        (Operator::GreaterThan, "10", "9", true),
        (Operator::GreaterThan, "9", "10", false),
        (Operator::GreaterThanOrEquals, "9", "9", true),
        (Operator::GreaterThan, "99999999999999999999", "9", true),
        (Operator::GreaterThan, "-1", "0", false),
    ] {
        let source = Source::from_iter([("n", value)]);
        let clause = Clause::new("n", operator, bound);
        assert_eq!(
            contains(clause, &source),
            Ok(expected),
            "{value} {operator} {bound}"
        );
    }
}

#[test]
fn what_has_no_value_is_out_of_scope_by_every_operator_but_is_null() {
    for operator in Operator::ALL {
        let clause = if operator.is_unary() {
            Clause::unary("a", operator)
        } else {
            Clause::new("a", operator, "1")
        };
        for value in [Value::Null, Value::from(""), Value::List(Vec::new())] {
            let source = Source::from_iter([("a", value)]);
            let contained = contains(clause.clone(), &source);
            assert_eq!(contained, Ok(operator == Operator::IsNull), "{operator}");
        }
    }
}

#[test]
fn what_scoping_filters_do_not_support_is_an_error_and_never_out_of_scope() {
    let list = source(r#"{"a": ["x", "y"]}"#);
    let text = source(r#"{"a": "banana"}"#);
    for (clause, source, expected) in [
        (
            Clause::new("members", Operator::Equals, "x"),
            &text,
            "scoping filters do not support `members`",
        ),
        (
            Clause::new("a", Operator::Equals, "x"),
            &list,
            "scoping filters do not support a list of values, which is what `a` has",
        ),
        (
            Clause::unary("a", Operator::IsTrue),
            &text,
            "`IS TRUE` asks for a boolean, which the value of `a` is not",
        ),
        (
            Clause::new("a", Operator::GreaterThan, "5"),
            &text,
            "`Greater_Than` compares whole numbers, which `banana` is not",
        ),
        (
            Clause::new("a", Operator::GreaterThan, "many"),
            &text,
            "`Greater_Than` compares whole numbers, which `many` is not",
        ),
        (
            Clause::new("a", Operator::IsNull, "x"),
            &text,
            "`IS NULL` takes no value, not 1",
        ),
        (
            Clause::unary("a", Operator::Equals),
            &text,
            "`EQUALS` takes one value, not 0",
        ),
    ] {
        assert_eq!(contains(clause, source).unwrap_err().to_string(), expected);
    }
    assert!(matches!(
        contains(Clause::new("a", Operator::RegexMatch, "("), &text),
        Err(ScopeErrorKind::Pattern { .. })
    ));
    let empty: ScopeError = of(Vec::new()).compile().unwrap_err();
    assert_eq!(empty.to_string(), "clause 1 of group 1: the group has no clause");
}

#[test]
fn a_filter_with_conditions_beside_its_groups_is_refused() {
    let error = ScopingFilter::from_json(br#"{"groups": [], "inputFilterGroups": [{}]}"#).unwrap_err();
    assert_eq!(error.path, "inputFilterGroups");
    let error = ScopingFilter::from_json(
        br#"{"groups": [[{"sourceOperandName": "a", "operatorName": "EQUAL", "values": ["x"]}]]}"#,
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`groups[0][0].operatorName`: `EQUAL` is not known here"
    );
    assert_eq!(error.suggestion().unwrap(), "EQUALS");
}
