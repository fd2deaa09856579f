//! What a run tells of a server's capabilities, as a preset.

use serde_json::{Map, Value, json};

use super::{
    check::CHECKS,
    cx::Measured,
    report::{Outcome, Verdict},
    server::Server,
};

/// Returns a preset of what was learnt. A feature that the server denies is none, whatever was tried.
pub(super) fn of(server: &Server, outcomes: &[Outcome], measured: Vec<Measured>) -> Value {
    let mut capabilities = Map::new();
    let mut sources = Map::new();
    for feature in ["patch", "bulk", "sort", "etag"] {
        if server.denies(feature) {
            capabilities.insert(feature.to_owned(), json!(false));
            sources.insert(
                feature.to_owned(),
                json!("`/ServiceProviderConfig` says that there is none"),
            );
        }
    }
    for outcome in outcomes {
        let check = CHECKS.iter().find(|check| check.id == outcome.check);
        let Some(learnt) = check.and_then(|check| check.capability.as_ref()) else {
            continue;
        };
        let (value, how) = match &outcome.verdict {
            Verdict::Passed => (&learnt.passed, "passed"),
            Verdict::Found(_) => (&learnt.failed, "found a departure"),
            Verdict::Skipped(_) | Verdict::Unclear(_) => continue,
        };
        let Some(value) = value.as_ref().filter(|value| !value.is_null()) else {
            continue;
        };
        // What was shown not to work stays so, whatever works beside it.
        let known = capabilities.get(&learnt.name);
        if known.is_some() && *how == *"passed" || is_worse(known, value) {
            continue;
        }
        capabilities.insert(learnt.name.clone(), value.clone());
        sources.insert(
            learnt.name.clone(),
            json!(format!("the check `{}` {how}", outcome.check)),
        );
    }
    for Measured { name, value, how } in measured {
        // Of two limits the smaller one holds.
        let is_smaller = |known: &Value| known.as_u64() > value.as_u64();
        if capabilities.get(name).is_none_or(is_smaller) {
            capabilities.insert(name.to_owned(), value);
            sources.insert(name.to_owned(), json!(how));
        }
    }
    json!({"name": "probed", "origin": "probed", "sources": sources, "capabilities": capabilities})
}

/// Returns true if what is known is worse than this value: no filter at all is less than `eq` alone.
fn is_worse(known: Option<&Value>, value: &Value) -> bool {
    known.is_some_and(|known| *known == json!("none") && *value == json!("equality"))
}
