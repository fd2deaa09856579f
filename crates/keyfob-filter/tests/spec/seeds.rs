//! The seeds and past crashers of the fuzz targets, as ordinary tests.

use std::{fs, path::Path};

use self::properties::{filter_roundtrip, filter_total, path_roundtrip};

#[path = "../../../../fuzz/src/filter.rs"]
#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
mod properties;

fn seeds(target: &str) -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let seeds: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| String::from_utf8(fs::read(entry.unwrap().path()).unwrap()).unwrap())
        .collect();
    assert!(seeds.len() > 5, "{target}");
    seeds
}

#[test]
fn the_seeds_of_the_filter_targets_hold() {
    for target in ["filter_total", "filter_roundtrip", "path_roundtrip"] {
        for seed in seeds(target) {
            filter_total(&seed);
            filter_roundtrip(&seed);
            path_roundtrip(&seed);
        }
    }
}
