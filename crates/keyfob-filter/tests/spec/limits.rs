//! What a filter may cost: budgets, bounded stack, linear time.

use std::{
    thread,
    time::{Duration, Instant},
};

use keyfob_core::{Dialect, Resource, SchemaUri};
use keyfob_filter::{Filter, Limits, ParseErrorKind as Kind, PatchPath};

use crate::support::user;

fn nested(open: &str, levels: usize) -> String {
    format!("{}title pr{}", open.repeat(levels), ")".repeat(levels))
}

/// The deepest tree of the default limits: every level adds a negation, a conjunction and a disjunction.
fn deepest() -> String {
    let open = "title pr or title pr and not (";
    nested(open, Limits::default().depth)
}

fn in_256_kib(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(256 * 1024).spawn(work).unwrap();
    thread.join().unwrap();
}

#[test]
fn an_or_of_a_thousand_ids_passes_the_default_limits() {
    let text: Vec<_> = (0..1000)
        .map(|number| format!("id eq \"2819c223-7f76-453a-919d-4138619{number:05}\""))
        .collect();
    let filter = Filter::parse(&text.join(" or ")).unwrap();
    let predicate = filter.compile(user(), Dialect::strict()).unwrap();
    let mut resource = Resource::new([SchemaUri::USER]);
    resource
        .core_mut()
        .insert("id", "2819c223-7f76-453a-919d-413861900999");
    assert!(predicate.matches(&resource));
    assert_eq!(predicate.lookups().next().unwrap().keys().count(), 1000);
}

#[test]
fn each_limit_is_exact_and_has_its_own_error() {
    let parse = |text: &str, limits: &Limits| {
        Filter::parse_with(text, limits, Dialect::strict())
            .map_err(|error| (error.kind().clone(), error.span()))
    };
    let mut limits = Limits::default();
    limits.depth = 3;
    assert!(parse("(((title pr)))", &limits).is_ok());
    assert!(parse("((a pr)) and ((emails[not (b pr)]))", &limits).is_err());
    assert!(parse("(emails[not (a pr)]) and ((b pr))", &limits).is_ok());
    for (text, at) in [
        ("((((title pr))))", 3),
        ("not (not (not (not (a pr))))", 19),
        ("((emails[(a pr)]))", 9),
    ] {
        assert_eq!(
            parse(text, &limits),
            Err((Kind::TooDeep { limit: 3 }, at..at + 1)),
            "{text}"
        );
    }

    let mut limits = Limits::default();
    limits.terms = 2;
    assert!(parse("a pr and b eq 1", &limits).is_ok());
    assert_eq!(
        parse("a pr and e[b eq 1 or c pr]", &limits),
        Err((Kind::TooManyTerms { limit: 2 }, 22..23))
    );

    let mut limits = Limits::default();
    limits.bytes = 8;
    assert!(parse("title pr", &limits).is_ok());
    assert_eq!(
        parse("title  pr", &limits),
        Err((Kind::TooLong { limit: 8 }, 8..9))
    );
    assert!(PatchPath::parse_with("emails.value", &limits, Dialect::strict()).is_err());
    limits.bytes = 5;
    assert_eq!(
        parse("größe pr", &limits),
        Err((Kind::TooLong { limit: 5 }, 6..10))
    );
}

#[test]
fn deep_input_is_refused_at_once_and_the_deepest_allowed_is_handled_on_a_small_stack() {
    in_256_kib(|| {
        for open in ["(", "not (", "not(", "a pr and (", "a pr or not ("] {
            let started = Instant::now();
            let text = nested(open, 10_000);
            let mut limits = Limits::default();
            limits.bytes = usize::MAX;
            let error = Filter::parse_with(&text, &limits, Dialect::interop()).unwrap_err();
            assert!(
                matches!(error.kind(), Kind::TooDeep { limit: 32 }),
                "{open}: {error}"
            );
            assert!(PatchPath::parse_with(&format!("e[{text}]"), &limits, Dialect::interop()).is_err());
            assert!(started.elapsed() < Duration::from_secs(1), "{open}");
        }
        let text = deepest();
        let filter = Filter::parse(&text).unwrap();
        assert_eq!(filter.to_string(), text);
        assert_eq!(filter.clone(), filter);
        assert!(filter.to_sexpr().len() > text.len());
        assert!(filter.to_json().len() > text.len());
        assert!(format!("{filter:?}").len() > text.len());
        let predicate = filter.compile(user(), Dialect::strict()).unwrap();
        assert!(!predicate.matches(&Resource::new([SchemaUri::USER])));
        let wrong = text.replace("title pr)", "titel pr)");
        let error = Filter::parse(&wrong)
            .unwrap()
            .compile(user(), Dialect::strict())
            .unwrap_err();
        assert!(error.display_with(&wrong).to_string().contains('^'));
        drop((predicate, filter));
    });
}

#[test]
fn a_long_filter_is_flat_and_handled_on_a_small_stack() {
    in_256_kib(|| {
        let mut limits = Limits::default();
        limits.bytes = usize::MAX;
        limits.terms = usize::MAX;
        let text = vec!["title pr"; 50_000].join(" or ");
        let filter = Filter::parse_with(&text, &limits, Dialect::strict()).unwrap();
        assert!(matches!(&filter, Filter::Or(operands) if operands.len() == 50_000));
        assert_eq!(filter.to_string(), text);
        assert!(
            !filter
                .compile(user(), Dialect::strict())
                .unwrap()
                .matches(&Resource::new([SchemaUri::USER]))
        );
    });
}

/// A quadratic step would make 64 times the input take 4,096 times as long; caches and a busy machine account for less
/// than the factor of ten that is allowed.
#[test]
fn time_grows_with_the_length_of_the_input() {
    let shapes: [fn(usize) -> String; 7] = [
        |n| vec!["title pr"; n].join(" or "),
        |n| vec!["title pr and (nickName pr or emails[not (type pr)])"; n].join(" and "),
        |n| format!("title eq \"{}\"", "\\\\\\\"".repeat(n)),
        |n| format!("title eq \"{}", "\\u0041".repeat(n)),
        |n| format!("title{} pr", ".a".repeat(n)),
        |n| format!("{}title pr", "urn:".repeat(n)),
        |n| format!("title pr{}and", " ".repeat(n)),
    ];
    let mut limits = Limits::default();
    limits.bytes = usize::MAX;
    limits.terms = usize::MAX;
    let time = |text: &str| {
        (0..5)
            .map(|_| {
                let started = Instant::now();
                let filter = Filter::parse_with(text, &limits, Dialect::interop());
                if let Ok(filter) = filter {
                    assert!(filter.to_string().len() <= text.len() + 8);
                }
                started.elapsed()
            })
            .min()
            .unwrap()
    };
    for (number, shape) in shapes.iter().enumerate() {
        let (short, long) = (time(&shape(500)), time(&shape(32_000)));
        assert!(
            long < short * 640 + Duration::from_millis(5),
            "shape {number}: {short:?} for 500 and {long:?} for 32,000"
        );
    }
}

/// By trial this search would take half a thousand million steps.
#[test]
fn a_search_for_text_that_nearly_occurs_everywhere_is_linear() {
    let needle = format!("{}b", "a".repeat(30_000));
    let filter = Filter::parse(&format!("title co \"{needle}\"")).unwrap();
    let predicate = filter.compile(user(), Dialect::strict()).unwrap();
    let mut resource = Resource::new([SchemaUri::USER]);
    resource.core_mut().insert("title", "A".repeat(500_000).as_str());
    let started = Instant::now();
    assert!(!predicate.matches(&resource));
    assert!(started.elapsed() < Duration::from_secs(1));
}
