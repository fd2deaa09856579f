//! Every vector of testdata/entra/expressions.json.

use keyfob_mapping::{Environment, Options, SeededEntropy, vectors};

const EXPRESSIONS: &[u8] = include_bytes!("../../../../testdata/entra/expressions.json");

#[test]
fn every_vector_gives_what_it_says() {
    let entropy = SeededEntropy::new(7);
    let environment = Environment::new("2026-01-01T12:00:00Z".parse().unwrap(), &entropy);
    let vectors = vectors::read(EXPRESSIONS).unwrap();
    assert_eq!(vectors.len(), 331);
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
