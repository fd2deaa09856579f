//! The one other crate that applies PATCH requests to JSON. What it refuses or does otherwise is said instead of measured.

use criterion::Criterion;
use keyfob_benches::compare;
use scim_kit::patch::PatchOp;
use serde_json::Value;

/// Measures what is ours, from the bytes of two requests that undo one another to the changed resource, beside the crate.
pub(crate) fn measure<T>(
    criterion: &mut Criterion,
    name: &str,
    requests: &[Vec<u8>; 2],
    document: &Value,
    expected: &[Value; 2],
    ours: impl FnMut() -> T,
) -> Result<(), serde_json::Error> {
    let name = format!("decode, compile and apply {name} (floor: scim-kit)");
    let mut resource = document.clone();
    for (request, expected) in requests.iter().zip(expected) {
        let request: PatchOp = serde_json::from_slice(request)?;
        if request.apply_to(&mut resource).is_err() || resource != *expected {
            skip(&name);
            return Ok(());
        }
    }
    compare(criterion, &name, ours, || {
        let changes = requests.iter().map(|request| {
            let request: PatchOp = serde_json::from_slice(request).ok()?;
            request.apply_to(&mut resource).ok()
        });
        changes.collect::<Vec<_>>()
    });
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the ratios stand there too")]
fn skip(name: &str) {
    println!("{name}: it refuses the request or does something else");
}
