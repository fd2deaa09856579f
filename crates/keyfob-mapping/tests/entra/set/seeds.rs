//! The seeds and past crashers of the fuzz target `mapping_import_total`, as an ordinary test.

use std::{fs, path::Path};

#[path = "../../../../../fuzz/src/synchronization.rs"]
#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
mod properties;

#[test]
fn the_seeds_of_the_target_hold() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/mapping_import_total");
    let seeds: Vec<_> = fs::read_dir(directory).unwrap().collect();
    assert!(seeds.len() > 5);
    for seed in seeds {
        properties::mapping_import_total(&fs::read(seed.unwrap().path()).unwrap());
    }
}
