//! PATCH beside a slow, obvious model of it, on bytes as the fuzz target `patch_vs_model` gets them.

use std::{fs, path::Path};

use proptest::{collection::vec, prelude::*};

#[cfg(test)]
#[path = "../../../fuzz/src/model.rs"]
#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
mod properties;

#[test]
fn the_seeds_of_the_target_hold() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/patch_vs_model");
    let seeds: Vec<_> = fs::read_dir(directory).unwrap().collect();
    assert!(seeds.len() > 5);
    for seed in seeds {
        let bytes = fs::read(seed.unwrap().path()).unwrap();
        properties::patch_vs_model(&bytes);
        properties::diff_applies(&bytes);
        properties::operations_are_independent(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn a_patch_does_what_the_model_of_3_5_2_does(bytes in vec(any::<u8>(), 0..160)) {
        properties::patch_vs_model(&bytes);
    }

    #[test]
    fn operations_are_idempotent_and_independent_of_each_other(bytes in vec(any::<u8>(), 0..160)) {
        properties::operations_are_independent(&bytes);
    }

    #[test]
    fn a_difference_makes_one_resource_into_the_other(bytes in vec(any::<u8>(), 0..160)) {
        properties::diff_applies(&bytes);
    }
}
