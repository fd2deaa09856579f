//! What holds of every expression: it prints as what reads back, and evaluating it ends.

use keyfob_expression::{
    Comparison, Decimal, Environment, Expression, Function, FunctionSet, Operator, Options, Outcome, Program,
    SeededEntropy, Source, Value, Word,
};
use proptest::{collection::vec, prelude::*, sample::select};

const OPERATORS: [Operator; 6] = [
    Operator::Equal,
    Operator::NotEqual,
    Operator::Greater,
    Operator::GreaterOrEqual,
    Operator::Less,
    Operator::LessOrEqual,
];

fn all_functions() -> Options {
    let mut options = Options::default();
    options.functions = FunctionSet::CloudSync.into();
    options
}

fn leaf() -> impl Strategy<Value = Expression> {
    prop_oneof![
        "[a-z]{1,3}|emails\\[type eq \"[a-z\\]]{1,4}\"\\]\\.value"
            .prop_map(|name| Expression::Attribute(name.into())),
        any::<String>().prop_map(|text| Expression::Text(text.into())),
        r#"[a-z"\\, ()\[\]0-9/-]{0,6}"#.prop_map(|text| Expression::Text(text.into())),
        "-?[0-9]{1,4}(\\.[0-9]{1,3})?"
            .prop_map(|digits| Expression::Number(Decimal::parse(&digits).unwrap())),
        select(Word::ALL.to_vec()).prop_map(Expression::Word),
    ]
}

/// A call of any function with as many arguments as it takes.
fn call(argument: impl Strategy<Value = Expression> + Clone + 'static) -> impl Strategy<Value = Expression> {
    let functions: Vec<Function> = Function::all(FunctionSet::CloudSync).collect();
    (select(functions), 1..3_usize).prop_flat_map(move |(function, turns)| {
        let fixed = function.parameters().len() - function.repeated();
        // `SelectUniqueValue` wants two at least.
        let count = fixed + function.repeated() * (turns + 1);
        (vec(argument.clone(), count), vec(any::<bool>(), count)).prop_map(move |(arguments, given)| {
            let arguments = arguments.into_iter().zip(given).enumerate();
            Expression::Call {
                function,
                arguments: arguments
                    .map(|(place, (argument, is_given))| {
                        let parameter = function.parameters().get(place);
                        let may_be_empty = parameter.is_some_and(|parameter| !parameter.is_required());
                        (is_given || !may_be_empty).then_some(argument)
                    })
                    .collect(),
            }
        })
    })
}

fn expression() -> impl Strategy<Value = Expression> {
    leaf().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            3 => call(inner.clone()),
            1 => (leaf(), select(OPERATORS.to_vec()), leaf()).prop_map(|(left, operator, right)| {
                Expression::Comparison(Box::new(Comparison { left, operator, right }))
            }),
        ]
    })
}

fn value() -> impl Strategy<Value = Value> {
    let single = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9]{4}-[01][0-9]-[0-3][0-9]".prop_map(Value::from),
    ];
    prop_oneof![
        3 => single.clone(),
        1 => vec(single, 0..4).prop_map(Value::from),
    ]
}

/// `Switch` among constants and attributes, within one another.
fn choice() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        "[a-c]".prop_map(|name| Expression::Attribute(name.into())),
        "(True|False|a|)".prop_map(|text| Expression::Text(text.into())),
        Just(Expression::Number(Decimal::parse("1").unwrap())),
        select(vec![Word::True, Word::Null]).prop_map(Expression::Word),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let key = select(vec!["True", "False", "a", "", "1"]).prop_map(|key| Expression::Text(key.into()));
        let cases = vec((key, inner.clone()), 1..4);
        (inner.clone(), proptest::option::of(inner), cases).prop_map(|(source, otherwise, cases)| {
            let mut arguments = vec![Some(source), otherwise];
            for (key, value) in cases {
                arguments.extend([Some(key), Some(value)]);
            }
            let function = Function::named("Switch", FunctionSet::Entra).unwrap();
            Expression::Call { function, arguments }
        })
    })
}

proptest! {
    #[test]
    fn a_choice_of_values_that_are_there_is_what_evaluating_it_gives(
        expression in choice(),
        attributes in vec(("[a-c]", prop_oneof![value(), "(True|False|a)".prop_map(Value::from)]), 0..4),
        work in prop_oneof![Just(usize::MAX), 0..400_usize],
    ) {
        let source: Source = attributes.into_iter().collect();
        let mut options = all_functions();
        options.limits.work = work;
        let Ok(program) = Program::compile(&expression, &options) else {
            return Ok(());
        };
        // `Coalesce` of one value is that value, and is evaluated.
        let function = Function::named("Coalesce", FunctionSet::Entra).unwrap();
        let evaluated = Expression::Call { function, arguments: vec![Some(expression)] };
        let evaluated = Program::compile(&evaluated, &all_functions()).unwrap();
        prop_assert_eq!(evaluated.borrowed(&source), None);
        let entropy = SeededEntropy::new(1);
        let environment = Environment::new("2026-01-01T12:00:00Z".parse().unwrap(), &entropy);
        let expected = evaluated.evaluate(&source, &environment).unwrap();
        if let Some(value) = program.borrowed(&source) {
            prop_assert_eq!(Outcome::Value(value.clone()), expected.clone());
        }
        // With less work it gives the same or nothing.
        if let Ok(outcome) = program.evaluate(&source, &environment) {
            prop_assert_eq!(outcome, expected);
        }
    }

    #[test]
    fn an_expression_prints_as_what_reads_back(expression in expression()) {
        let printed = expression.to_string();
        let read = Expression::parse_with(&printed, &all_functions());
        prop_assert_eq!(read.as_ref(), Ok(&expression), "{}", printed);
    }

    #[test]
    fn evaluating_gives_the_same_twice(
        expression in expression(),
        attributes in vec(("[a-z]{1,2}", value()), 0..8),
    ) {
        let source: Source = attributes.into_iter().collect();
        let Ok(program) = Program::compile(&expression, &all_functions()) else {
            return Ok(());
        };
        let evaluate = || {
            let entropy = SeededEntropy::new(1);
            let now = "2026-01-01T12:00:00Z".parse().unwrap();
            program.evaluate(&source, &Environment::new(now, &entropy))
        };
        let outcome = evaluate();
        prop_assert_eq!(&outcome, &evaluate());
        if let Ok(Outcome::Value(value)) = outcome {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&value.to_json()).is_ok());
        }
    }

    #[test]
    fn a_text_never_makes_reading_panic(text in any::<String>()) {
        let _ = Expression::parse(&text);
    }
}
