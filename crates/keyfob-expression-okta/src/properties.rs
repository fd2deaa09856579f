//! Properties of all expressions.

use keyfob_expression::{Decimal, Source};
use proptest::prelude::*;

use crate::{
    Context, Directory, Expression,
    function::Function,
    node::{Comparison, Node, Sign},
};

fn leaf() -> impl Strategy<Value = Node> {
    prop_oneof![
        Just(Node::Null),
        any::<bool>().prop_map(Node::Bool),
        (0..i64::MAX).prop_map(Node::Integer),
        "[0-9]{1,6}\\.[0-9]{0,4}[1-9]".prop_map(|digits| Node::Decimal(Decimal::parse(&digits).unwrap())),
        "[ -~é🔑'\"]{0,8}".prop_map(|text| Node::Text(text.into())),
        "(user|appuser|x)(\\.[a-z][A-Za-z0-9_]{0,5}){0,2}".prop_map(|path| Node::Attribute(path.into())),
    ]
}

/// Functions of so many arguments, all of which may decide.
fn call(arguments: Vec<Node>) -> Node {
    let function = match arguments.len() {
        0 => Function::FindDirectoryUser,
        1 => Function::ToUpperCase,
        2 => Function::Append,
        3 => Function::Substring,
        _ => Function::Join,
    };
    Node::Call(function, arguments)
}

fn comparison() -> impl Strategy<Value = Comparison> {
    prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::NotEqual),
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
        Just(Comparison::Greater),
        Just(Comparison::GreaterOrEqual),
    ]
}

/// Trees as reading makes them.
fn node() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(5, 48, 4, |inner| {
        let one = || inner.clone();
        let boxed = |node| Box::new(node);
        prop_oneof![
            prop::collection::vec(one(), 0..3).prop_map(Node::List),
            prop::collection::vec(one(), 0..5).prop_map(call),
            (one(), "[a-z]{1,4}").prop_map(move |(of, name)| Node::Member(boxed(of), name.into())),
            (one(), one()).prop_map(move |(of, position)| Node::Index(boxed(of), boxed(position))),
            (one(), "[a-z]{1,4}(\\.[a-z]{1,4})?")
                .prop_map(move |(of, path)| Node::Projection(boxed(of), path.into())),
            prop::collection::vec(("[ -~]{0,4}", one()), 1..3).prop_map(|members| {
                Node::Map(
                    members
                        .into_iter()
                        .map(|(key, value)| (key.into(), value))
                        .collect(),
                )
            }),
            one().prop_map(move |operand| Node::Not(boxed(operand))),
            one().prop_map(Node::negative),
            (one(), any::<bool>(), one()).prop_map(|(left, is_plus, right)| {
                Node::sum(left, if is_plus { Sign::Plus } else { Sign::Minus }, right)
            }),
            (comparison(), one(), one()).prop_map(move |(comparison, left, right)| Node::Compare(
                comparison,
                boxed(left),
                boxed(right)
            )),
            (one(), one()).prop_map(move |(left, right)| Node::Matches(boxed(left), boxed(right))),
            (one(), one()).prop_map(|(left, right)| Node::and(left, right)),
            (one(), one()).prop_map(|(left, right)| Node::or(left, right)),
            (one(), one(), one()).prop_map(|(condition, value, otherwise)| {
                Node::choose(vec![(condition, value)], otherwise)
            }),
            (one(), one()).prop_map(move |(value, otherwise)| Node::Elvis(boxed(value), boxed(otherwise))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_the_same_expression(node in node()) {
        let expression = Expression(node);
        let text = expression.to_string();
        let again = Expression::parse(&text);
        prop_assert_eq!(again.as_ref(), Ok(&expression), "{}", text);
    }

    #[test]
    fn reading_and_evaluating_end_for_any_text(text in "[ -~é]{0,60}") {
        check(&text);
    }

    #[test]
    fn reading_and_evaluating_end_for_any_lexemes(
        lexemes in prop::collection::vec(
            prop::sample::select(vec![
                "user.a", "user.b", "(", ")", "{", "}", "[0]", ",", "?", ":", "?:", "+", "-", "!", "==", "<", "AND",
                "OR", "1", "2.5", "'x'", "null", "String.len(", "Arrays.get(", "String.replace(user.a,'',user.b)",
            ]),
            0..24,
        ),
    ) {
        check(&lexemes.join(" "));
    }
}

/// A text is refused, or read, printed, read again as the same, and evaluated to the same value twice.
fn check(text: &str) {
    let Ok(expression) = Expression::parse(text) else {
        return;
    };
    assert_eq!(
        Expression::parse(&expression.to_string()).as_ref(),
        Ok(&expression)
    );
    let source = Source::from_json(br#"{"user": {"a": "Ann", "b": [1, "x", null]}}"#).unwrap();
    let directory = Directory::default();
    let cx = Context::new(&source, "2026-01-01T00:00:00Z".parse().unwrap()).with_directory(&directory);
    assert_eq!(expression.evaluate(&cx), expression.evaluate(&cx));
}

#[test]
fn the_deepest_expression_needs_no_more_than_a_small_stack() {
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(31), close.repeat(31));
    let texts = [
        nested("(", ")"),
        nested("String.append('a', 1 + ", ")"),
        nested("(true OR false AND 1 == 2 + ", ")"),
        nested("{", "}"),
        nested("(true ? ", " : 2)"),
        "!".repeat(30) + "true",
    ];
    for text in texts {
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        thread.spawn(move || check(&text)).unwrap().join().unwrap();
    }
}

#[test]
fn a_long_expression_is_no_deeper_than_a_short_one() {
    let arms = "user.a == 'x' ? 1 : ".repeat(300) + "2";
    let sum = "'a' + ".repeat(1000) + "'b'";
    let any = "user.a == 'b' OR ".repeat(500) + "true";
    for text in [arms, sum, any] {
        assert!(Expression::parse(&text).is_ok());
        check(&text);
    }
    let source = Source::from_iter([("a", "x".repeat(1000))]);
    let cx = Context::new(&source, "2026-01-01T00:00:00Z".parse().unwrap());
    let sum = Expression::parse(&("a + ".repeat(900) + "a")).unwrap();
    assert_eq!(sum.evaluate(&cx), Ok("x".repeat(901_000).into()));
}
