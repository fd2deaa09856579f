//! Bulk requests, split to what the server takes.

use std::collections::HashMap;

use http::Method;
use keyfob_core::{
    SmolStr, Value,
    message::{BulkMethod, BulkOperation, BulkRequest, BulkResponse, BulkResult, Deviation},
};
use percent_encoding::percent_decode_str;
use smol_str::format_smolstr;

use crate::{
    call::Call,
    client::Client,
    discover::unreadable,
    error::Error,
    session::{Attempts, Repeat, Session},
    write::unknown,
};

/// How deep references are looked for in the body of an operation.
const MAX_DEPTH: usize = 16;

impl<X> Client<X> {
    /// Sends several operations at once (RFC 7644 section 3.7).
    ///
    /// Operations beyond `maxOperations` and `maxPayloadSize` go into further requests. A `bulkId:` that names a resource
    /// of an earlier request is replaced by that resource's id; operations that refer forward stay together with what
    /// they refer to. `failOnErrors` counts over all requests.
    ///
    /// The results are those of the server, in the order of the operations; each has its own status.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a server that does not say that it takes bulk requests (see
    /// [`discover`](Self::discover)), and for operations that refer to each other and are too many for one request.
    /// [`Error::Partial`] when a request after the first fails as a whole, and [`Error::Ambiguous`] when its answer is
    /// lost: a bulk request is not sent twice.
    pub fn bulk(&self, request: BulkRequest) -> Call<'_, X, BulkResponse> {
        Call::new(&*self.transport, &self.shared, |session| async move {
            bulk(&session, request).await
        })
    }
}

async fn bulk(session: &Session, request: BulkRequest) -> Result<BulkResponse, Error> {
    if !session.capabilities().bulk.value {
        return Err(Error::Unsupported(
            "bulk requests, as far as is known; discover what it supports first".into(),
        ));
    }
    let limits = session.capabilities().bulk_limits.value;
    let most = limits
        .max_operations
        .filter(|most| *most > 0)
        .map_or(usize::MAX, to_usize);
    let bytes = limits
        .max_payload_size
        .filter(|bytes| *bytes > 0)
        .map_or(usize::MAX, to_usize);
    let fail_on_errors = request.fail_on_errors;
    let parts = split(request.operations, most, bytes)?;
    let mut ids: HashMap<SmolStr, SmolStr> = HashMap::new();
    let mut errors: u64 = 0;
    let mut results = Vec::new();
    let of = parts.len();
    for (done, mut operations) in parts.into_iter().enumerate() {
        if !ids.is_empty() {
            for operation in &mut operations {
                resolve(operation, &ids);
            }
        }
        let mut part = BulkRequest::new();
        part.fail_on_errors = fail_on_errors.map(|most| most - errors);
        part.operations = operations;
        let answer = match send(session, &part).await {
            Ok(answer) => answer,
            Err(error) if done == 0 => return Err(error),
            Err(error) => {
                let cause = Box::new(error);
                return Err(Error::Partial { done, of, cause });
            }
        };
        errors += answer
            .results
            .iter()
            .filter(|result| !(200..300).contains(&result.status))
            .count() as u64;
        let answered = answer.results.len();
        for result in &answer.results {
            if let (Some(bulk_id), Some(id)) = (&result.bulk_id, id_of(result)) {
                ids.insert(bulk_id.clone(), id);
            }
        }
        results.extend(answer.results);
        if fail_on_errors.is_some_and(|most| errors >= most) {
            break;
        }
        if answered != part.operations.len() {
            let rule = "does not hold a result for each operation";
            session.deviates(Deviation::new("Operations", rule, "RFC 7644 section 3.7.3"))?;
        }
    }
    let mut response = BulkResponse::default();
    response.results = results;
    Ok(response)
}

async fn send(session: &Session, request: &BulkRequest) -> Result<BulkResponse, Error> {
    let ask = session.ask(Method::POST, session.url("/Bulk", ""), Some(request.to_json()));
    let mut attempts = Attempts::default();
    let answer = session.send(&ask, Repeat::IfRefused, &mut attempts).await;
    let answer = answer.map_err(|failure| unknown(failure, attempts.uncertain))?;
    let read = session.read(&answer, |answer, deviations| {
        BulkResponse::from_json(&answer.body, deviations).map_err(unreadable)
    });
    // The operations were carried out, and which succeeded is unknown.
    read.map_err(|error| match error {
        Error::Decode(_) | Error::NotScim { .. } => Error::Ambiguous {
            found: Vec::new(),
            cause: Box::new(error),
        },
        other => other,
    })
}

fn to_usize(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Returns the id of the resource that an operation created.
fn id_of(result: &BulkResult) -> Option<SmolStr> {
    let shown = result
        .response
        .as_ref()
        .and_then(|resource| resource.get_str("id"))
        .map(SmolStr::new);
    shown.or_else(|| {
        let (_, segment) = result
            .location
            .as_deref()?
            .trim_end_matches('/')
            .rsplit_once('/')?;
        let id = percent_decode_str(segment).decode_utf8().ok()?;
        (!id.is_empty()).then(|| SmolStr::new(id))
    })
}

/// Splits operations into requests within the limits, each as long as possible.
fn split(
    operations: Vec<BulkOperation>,
    most: usize,
    bytes: usize,
) -> Result<Vec<Vec<BulkOperation>>, Error> {
    // What surrounds the operations of a request.
    const FRAME: usize = 160;
    let units = units(operations);
    let mut parts: Vec<Vec<BulkOperation>> = Vec::new();
    let mut size = 0;
    for unit in units {
        let length = unit
            .iter()
            .map(|operation| keyfob_core::json::object_to_vec(&operation.to_object()).len() + 1)
            .sum::<usize>();
        if unit.len() > most || length + FRAME > bytes {
            return Err(Error::Unsupported(format_smolstr!(
                "{} operations of {length} bytes in one bulk request",
                unit.len()
            )));
        }
        match parts.last_mut() {
            Some(last) if last.len() + unit.len() <= most && size + length + FRAME <= bytes => {
                last.extend(unit);
                size += length;
            }
            _ => {
                parts.push(unit);
                size = length;
            }
        }
    }
    Ok(parts)
}

/// Groups the operations that have to be in one request: one that refers forward, and all up to what it refers to.
fn units(operations: Vec<BulkOperation>) -> Vec<Vec<BulkOperation>> {
    let places: HashMap<SmolStr, usize> = operations
        .iter()
        .enumerate()
        .filter(|(_, operation)| operation.method == BulkMethod::Post)
        .filter_map(|(place, operation)| Some((operation.bulk_id.clone()?, place)))
        .collect();
    let mut units: Vec<Vec<BulkOperation>> = Vec::new();
    // The last operation that the present unit must reach.
    let mut reach = 0;
    for (place, operation) in operations.into_iter().enumerate() {
        let mut furthest = place;
        references(&operation, &mut |bulk_id| {
            if let Some(place) = places.get(bulk_id) {
                furthest = furthest.max(*place);
            }
        });
        match units.last_mut() {
            Some(unit) if place <= reach && place > 0 => unit.push(operation),
            _ => units.push(vec![operation]),
        }
        reach = reach.max(furthest);
    }
    units
}

/// Calls the function with every `bulkId:` that an operation refers to.
fn references(operation: &BulkOperation, each: &mut impl FnMut(&str)) {
    if let Some(bulk_id) = operation
        .path
        .rsplit('/')
        .next()
        .and_then(|segment| segment.strip_prefix("bulkId:"))
    {
        each(bulk_id);
    }
    if let Some(data) = &operation.data {
        data.iter()
            .for_each(|(_, value)| in_value(value, MAX_DEPTH, each));
    }
}

fn in_value(value: &Value, depth: usize, each: &mut impl FnMut(&str)) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::String(text) => {
            if let Some(bulk_id) = text.strip_prefix("bulkId:") {
                each(bulk_id);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| in_value(value, depth, each)),
        Value::Object(object) => object.iter().for_each(|(_, value)| in_value(value, depth, each)),
        _ => {}
    }
}

/// Puts ids in the place of the `bulkId:`s of resources that exist by now.
fn resolve(operation: &mut BulkOperation, ids: &HashMap<SmolStr, SmolStr>) {
    if let Some((endpoint, segment)) = operation.path.rsplit_once('/')
        && let Some(id) = segment
            .strip_prefix("bulkId:")
            .and_then(|bulk_id| ids.get(bulk_id))
    {
        operation.path = format_smolstr!("{endpoint}/{id}");
    }
    if let Some(data) = &mut operation.data {
        data.iter_mut()
            .for_each(|(_, value)| resolve_value(value, MAX_DEPTH, ids));
    }
}

fn resolve_value(value: &mut Value, depth: usize, ids: &HashMap<SmolStr, SmolStr>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::String(text) => {
            if let Some(id) = text.strip_prefix("bulkId:").and_then(|bulk_id| ids.get(bulk_id)) {
                *text = id.clone();
            }
        }
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| resolve_value(value, depth, ids)),
        Value::Object(object) => object
            .iter_mut()
            .for_each(|(_, value)| resolve_value(value, depth, ids)),
        _ => {}
    }
}
