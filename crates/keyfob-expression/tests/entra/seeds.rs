//! The seeds and past crashers of the fuzz targets, as ordinary tests.

use std::{fs, path::Path};

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
