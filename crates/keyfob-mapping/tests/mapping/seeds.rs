//! The seeds and past crashers of the fuzz targets, as ordinary tests.

use std::{fs, path::Path};

#[path = "../../../../fuzz/src/objects.rs"]
#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
mod objects;
#[path = "../../../../fuzz/src/synchronization.rs"]
#[expect(unreachable_pub, reason = "public in the package of the fuzz targets")]
mod synchronization;

#[test]
fn the_seeds_of_mapping_import_total_hold() {
    each_seed("mapping_import_total", synchronization::mapping_import_total);
}

#[test]
fn the_seeds_of_objects_total_hold() {
    each_seed("objects_total", objects::objects_total);
}

fn each_seed(target: &str, property: impl Fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let seeds: Vec<_> = fs::read_dir(directory).unwrap().collect();
    assert!(seeds.len() > 5, "{target}");
    for seed in seeds {
        property(&fs::read(seed.unwrap().path()).unwrap());
    }
}
