//! How long does a resource take to become JSON, against `serde_json::to_vec` of a `serde_json::Value` that says the
//! same?

use keyfob_benches::{USER, compare, criterion, group};
use keyfob_core::{Registry, Resource};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::rfc();
    let user_type = registry.resource_type("User").ok_or("no users")?;
    let group_type = registry.resource_type("Group").ok_or("no groups")?;
    let group = group(100_000);
    let mut criterion = criterion();
    for (name, text, resource_type) in [
        ("encode user", USER, user_type),
        ("encode group of 100,000", &group, group_type),
    ] {
        let resource = Resource::from_json(text, resource_type)?;
        let value: serde_json::Value = serde_json::from_slice(text)?;
        compare(
            &mut criterion,
            name,
            || resource.to_json(),
            || serde_json::to_vec(&value),
        );
    }
    criterion.final_summary();
    Ok(())
}
