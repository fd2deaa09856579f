//! The seeds and past crashers of the fuzz targets, as ordinary tests.

use std::{fs, path::Path};

use self::properties::{filter_roundtrip, filter_total, path_roundtrip};
use crate::evaluation::filter_vs_oracle;

#[path = "../../../../fuzz/src/filter.rs"]
#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
pub(crate) mod properties;

pub(crate) fn seeds(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let seeds: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert!(seeds.len() > 5, "{target}");
    seeds
}

#[test]
fn the_seeds_of_the_filter_targets_hold() {
    for target in ["filter_total", "filter_roundtrip", "path_roundtrip"] {
        for seed in seeds(target) {
            let seed = String::from_utf8(seed).unwrap();
            filter_total(&seed);
            filter_roundtrip(&seed);
            path_roundtrip(&seed);
        }
    }
}

#[test]
fn evaluation_equals_the_oracle_s_on_the_seeds() {
    for seed in seeds("filter_vs_oracle") {
        filter_vs_oracle(&seed);
    }
}
