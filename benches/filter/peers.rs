//! Other crates that read filters. What one refuses, answers otherwise or takes too long for is said instead
//! of measured.

use std::hint::black_box;

use criterion::Criterion;
use keyfob_benches::compare;
use keyfob_filter::PatchPath;
use serde_json::Value;

/// Measures what is ours beside each crate that reads the filter.
pub(crate) fn parse<T>(criterion: &mut Criterion, name: &str, text: &str, mut ours: impl FnMut() -> T) {
    let name = |peer| format!("parse {name} (floor: {peer})");
    if scim_kit::filter::Filter::parse(text).is_ok() {
        compare(criterion, &name("scim-kit"), &mut ours, || {
            scim_kit::filter::Filter::parse(black_box(text))
        });
    } else {
        skip(&name("scim-kit"));
    }
    if text.parse::<scim_v2::filter::Filter>().is_ok() {
        compare(criterion, &name("scim_v2"), &mut ours, || {
            black_box(text).parse::<scim_v2::filter::Filter>()
        });
    } else {
        skip(&name("scim_v2"));
    }
    if scim_filter_reads(text) {
        compare(criterion, &name("scim-filter"), &mut ours, || {
            scim_filter::parser::filter(black_box(text)).is_ok()
        });
    } else {
        skip(&name("scim-filter"));
    }
}

/// Measures a PATCH path beside the one crate that reads them.
pub(crate) fn parse_path(criterion: &mut Criterion, path: &str) {
    let name = format!("parse path {path} (floor: scim_v2)");
    if path.parse::<scim_v2::filter::PatchPath>().is_err() {
        skip(&name);
        return;
    }
    compare(
        criterion,
        &name,
        || PatchPath::parse(black_box(path)),
        || black_box(path).parse::<scim_v2::filter::PatchPath>(),
    );
}

/// Measures an evaluation beside the crates that evaluate.
pub(crate) fn evaluate(
    criterion: &mut Criterion,
    name: &str,
    text: &str,
    resource: &Value,
    mut ours: impl FnMut() -> bool,
) {
    let name = |peer| format!("evaluate {name} (floor: {peer})");
    match scim_kit::filter::Filter::parse(text) {
        Ok(filter) if filter.matches(resource) == ours() => {
            compare(criterion, &name("scim-kit"), &mut ours, || {
                black_box(&filter).matches(black_box(resource))
            });
        }
        _ => skip(&name("scim-kit")),
    }
    match scim_filter::parser::filter(text) {
        Ok(("", filter)) if filter.r#match(resource).ok() == Some(ours()) => {
            compare(criterion, &name("scim-filter"), &mut ours, || {
                black_box(&filter).r#match(black_box(resource)).is_ok()
            });
        }
        _ => skip(&name("scim-filter")),
    }
}

/// Whether scim-filter reads the filter; it is not asked where parentheses nest deep, each of which doubles its time.
fn scim_filter_reads(text: &str) -> bool {
    !text.starts_with(&"(".repeat(11)) && matches!(scim_filter::parser::filter(text), Ok(("", _)))
}

#[expect(clippy::print_stdout, reason = "the ratios stand there too")]
fn skip(name: &str) {
    println!("{name}: it refuses the filter, answers otherwise or takes too long");
}
