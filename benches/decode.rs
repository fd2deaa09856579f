//! How long does a body take to become a resource, against `serde_json::Value` of the same bytes?

use keyfob_benches::{USER, compare, criterion, group};
use keyfob_core::{Registry, Resource};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::rfc();
    let user_type = registry.resource_type("User").ok_or("no users")?;
    let group_type = registry.resource_type("Group").ok_or("no groups")?;
    let group = group(100_000);
    let mut criterion = criterion();
    compare(
        &mut criterion,
        "decode user",
        || Resource::from_json(USER, user_type),
        || serde_json::from_slice::<serde_json::Value>(USER),
    );
    compare(
        &mut criterion,
        "decode group of 100,000",
        || Resource::from_json(&group, group_type),
        || serde_json::from_slice::<serde_json::Value>(&group),
    );
    criterion.final_summary();
    Ok(())
}
