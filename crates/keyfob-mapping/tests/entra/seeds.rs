//! The seeds and past crashers of the fuzz targets, as ordinary tests; and all vectors are seeds.

use std::{fs, path::Path};

use keyfob_mapping::vectors;

#[path = "../../../../fuzz/src/expression.rs"]
#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
mod properties;

#[test]
fn the_seeds_of_the_targets_hold() {
    for target in ["expression_total", "expression_roundtrip"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fuzz/seeds")
            .join(target);
        let seeds: Vec<_> = fs::read_dir(directory).unwrap().collect();
        assert!(seeds.len() > 5, "{target}");
        for seed in seeds {
            let seed = fs::read_to_string(seed.unwrap().path()).unwrap();
            properties::expression_total(&seed);
            properties::expression_roundtrip(&seed);
        }
    }
}

#[test]
fn the_vectors_hold_as_seeds() {
    let file = include_bytes!("../../../../testdata/entra/expressions.json");
    for vector in vectors::read(file).unwrap() {
        properties::expression_total(vector.expression());
        properties::expression_roundtrip(vector.expression());
    }
}
