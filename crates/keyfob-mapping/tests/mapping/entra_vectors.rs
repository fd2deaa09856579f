//! Every vector of testdata/entra: those written after the documentation, and the published expressions.

use keyfob_expression::{Environment, Options, SeededEntropy};
use keyfob_mapping::vectors;

const EXPRESSIONS: &[u8] = include_bytes!("../../../../testdata/entra/expressions.json");

const PUBLISHED: &[u8] = include_bytes!("../../../../testdata/entra/expressions-2.json");

#[test]
fn every_vector_gives_what_it_says() {
    check(EXPRESSIONS, 331);
}

#[test]
fn every_published_expression_gives_what_is_published() {
    check(PUBLISHED, 33);
}

fn check(file: &[u8], count: usize) {
    let entropy = SeededEntropy::new(7);
    let environment = Environment::new("2026-01-01T12:00:00Z".parse().unwrap(), &entropy);
    let vectors = vectors::read(file).unwrap();
    assert_eq!(vectors.len(), count);
    let mut failed = Vec::new();
    for vector in &vectors {
        if let Err(mismatch) = vector.check(&Options::default(), &environment) {
            failed.push(format!("{}: {mismatch}: {}", vector.id(), vector.expression()));
        }
    }
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[path = "../../../../fuzz/src/expression.rs"]
#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
mod properties;

#[test]
fn the_vectors_hold_as_seeds_of_the_fuzz_targets() {
    for vector in vectors::read(EXPRESSIONS).unwrap() {
        properties::expression_total(vector.expression());
        properties::expression_roundtrip(vector.expression());
    }
}
