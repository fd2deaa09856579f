//! The seeds and past crashers of the fuzz target `patch_apply_total`, as an ordinary test.

use std::{fs, path::Path};

#[cfg(test)]
#[path = "../../../fuzz/src/patch.rs"]
#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
mod properties;

#[test]
fn the_seeds_of_the_target_hold() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/patch_apply_total");
    let seeds: Vec<_> = fs::read_dir(directory).unwrap().collect();
    assert!(seeds.len() > 5);
    for seed in seeds {
        properties::patch_apply_total(&fs::read(seed.unwrap().path()).unwrap());
    }
}
