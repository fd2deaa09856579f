//! The seeds and past crashers of the fuzz target `okta_expression_total`, as an ordinary test.

use std::{fs, path::Path};

#[path = "../../../../fuzz/src/okta.rs"]
#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
mod properties;

#[test]
fn the_seeds_of_the_target_hold() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/okta_expression_total");
    let seeds: Vec<_> = fs::read_dir(directory).unwrap().collect();
    assert!(seeds.len() > 5);
    for seed in seeds {
        properties::okta_expression_total(&fs::read_to_string(seed.unwrap().path()).unwrap());
    }
}
