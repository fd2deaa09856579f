//! Reading, replacing, modifying and deleting one resource.

use http::Method;
use keyfob_core::{
    Dialect, Resource, ResourceId, SmolStr, json,
    message::{Deviation, PatchRequest},
};
use keyfob_patch::{Plan, diff};

use crate::{
    answer::Answer,
    confirm,
    error::Error,
    fit::fit,
    session::{Attempts, Failure, Repeat, Session},
    stored::{Patched, Stored},
};

pub(crate) async fn get(session: &Session, name: &str, id: &ResourceId) -> Result<Stored, Error> {
    let resource_type = session.resource_type(name)?;
    let ask = session.ask(Method::GET, session.resource_url(resource_type, id)?, None);
    session
        .fetch(&ask, |answer, deviations| {
            Stored::read(session, answer, resource_type, deviations)
        })
        .await
}

/// Reads a resource in the middle of another operation, whatever the caller's conditions and projection.
async fn get_whole(session: &Session, name: &str, id: &ResourceId) -> Result<Stored, Error> {
    let resource_type = session.resource_type(name)?;
    let mut ask = session.ask(Method::GET, session.resource_address(resource_type, id)?, None);
    ask.if_match = None;
    session
        .fetch(&ask, |answer, deviations| {
            Stored::read(session, answer, resource_type, deviations)
        })
        .await
}

pub(crate) async fn replace(
    session: &Session,
    name: &str,
    id: &ResourceId,
    mut resource: Resource,
) -> Result<Stored, Error> {
    let resource_type = session.resource_type(name)?;
    if !session.capabilities().put.value {
        return Err(Error::Unsupported("PUT".into()));
    }
    if resource.schemas().is_empty() {
        resource.schemas_mut().push(resource_type.schema().id.clone());
    }
    let ask = session.ask(
        Method::PUT,
        session.resource_url(resource_type, id)?,
        Some(resource.to_json()),
    );
    let mut attempts = Attempts::default();
    match session.send(&ask, Repeat::Always, &mut attempts).await {
        Ok(answer) => written(session, name, id, &answer).await,
        Err(failure) if attempts.uncertain && is_refusal(&failure) => {
            // An earlier attempt may be what this one was refused for: the version has moved on.
            match get_whole(session, name, id).await {
                Ok(held)
                    if confirm::holds(&held.resource, &resource, resource_type, reads_members(session)) =>
                {
                    Ok(held)
                }
                _ => Err(failure.error),
            }
        }
        Err(failure) => Err(unknown(failure, attempts.uncertain)),
    }
}

/// Returns the resource of an answer to a write that was carried out. Where the answer doesn't show it, it is read.
pub(crate) async fn written(
    session: &Session,
    name: &str,
    id: &ResourceId,
    answer: &Answer,
) -> Result<Stored, Error> {
    let resource_type = session.resource_type(name)?;
    if answer.is_empty() {
        let rule = "holds no resource";
        session.deviates(Deviation::new("", rule, "RFC 7644 section 3.5.1"))?;
        return get_whole(session, name, id).await;
    }
    match session.read(answer, |answer, deviations| {
        Stored::read(session, answer, resource_type, deviations)
    }) {
        Err(Error::Decode(_)) => get_whole(session, name, id).await,
        read => read,
    }
}

pub(crate) async fn patch(
    session: &Session,
    name: &str,
    id: &ResourceId,
    request: PatchRequest,
) -> Result<Patched, Error> {
    let resource_type = session.resource_type(name)?;
    if !session.capabilities().patch.value {
        return Err(Error::Unsupported("PATCH".into()));
    }
    let requests = fit(request, session.capabilities(), resource_type)?;
    send_all(session, name, id, requests).await
}

/// Sends requests that together are one operation.
pub(crate) async fn send_all(
    session: &Session,
    name: &str,
    id: &ResourceId,
    requests: Vec<PatchRequest>,
) -> Result<Patched, Error> {
    let url = session.resource_url(session.resource_type(name)?, id)?;
    let mut version = session.options.if_match.clone();
    let mut last = Patched::NoContent { version: None };
    let of = requests.len();
    for (done, request) in requests.into_iter().enumerate() {
        match send_one(session, name, id, &url, request, version.take()).await {
            Ok(patched) => last = patched,
            Err(error) if of == 1 => return Err(error),
            Err(error) => {
                let cause = Box::new(error);
                return Err(Error::Partial { done, of, cause });
            }
        }
        if session.options.if_match.is_some() {
            version = last.version().cloned();
        }
    }
    Ok(last)
}

async fn send_one(
    session: &Session,
    name: &str,
    id: &ResourceId,
    url: &str,
    request: PatchRequest,
    version: Option<SmolStr>,
) -> Result<Patched, Error> {
    let resource_type = session.resource_type(name)?;
    let mut ask = session.ask(
        Method::PATCH,
        url.to_owned(),
        Some(json::object_to_vec(&request.to_object())),
    );
    ask.if_match = version;
    let mut attempts = Attempts::default();
    let answer = match session.send(&ask, Repeat::Always, &mut attempts).await {
        Ok(answer) => answer,
        Err(failure) if attempts.uncertain && is_refusal(&failure) => {
            // An earlier attempt may be what this one was refused for: its target is gone, or the version has moved on.
            return match get_whole(session, name, id).await {
                Ok(held) if confirm::is_carried_out(&request, &held.resource, resource_type) => {
                    Ok(Patched::Body(held))
                }
                _ => Err(failure.error),
            };
        }
        Err(failure) => return Err(unknown(failure, attempts.uncertain)),
    };
    if answer.is_empty() {
        if answer.status.as_u16() == 200 {
            session.deviates(Deviation::new("", "holds no resource", "RFC 7644 section 3.5.2"))?;
        }
        let version = answer.version();
        return Ok(Patched::NoContent { version });
    }
    match session.read(&answer, |answer, deviations| {
        Stored::read(session, answer, resource_type, deviations)
    }) {
        Ok(stored) => Ok(Patched::Body(stored)),
        // The change was made; what can't be read of the answer is read afresh by whoever needs it.
        Err(Error::Decode(_)) => {
            let version = answer.version();
            Ok(Patched::NoContent { version })
        }
        Err(error) => Err(error),
    }
}

pub(crate) async fn update(
    mut session: Session,
    name: &str,
    id: &ResourceId,
    version: Option<SmolStr>,
    before: Resource,
    after: Resource,
) -> Result<Stored, Error> {
    let request = diff(&before, &after, session.resource_type(name)?);
    if request.operations.is_empty() {
        return Stored::of(before, version);
    }
    if session.options.if_match.is_none() && session.capabilities().etag.value {
        session.options.if_match.clone_from(&version);
    }
    if session.capabilities().patch.value {
        return match patch(&session, name, id, request).await? {
            Patched::Body(stored) => Ok(stored),
            Patched::NoContent { version } => {
                let mut stored = Stored::of(after, None)?;
                stored.version = version;
                Ok(stored)
            }
        };
    }
    let current = get_whole(&session, name, id).await?;
    let mut resource = current.resource;
    let resource_type = session.resource_type(name)?;
    Plan::compile(request, resource_type, Dialect::interop())
        .and_then(|plan| plan.apply(&mut resource))
        .map_err(|error| Error::Request(smol_str::format_smolstr!("the change can't be made: {error}")))?;
    replace(&session, name, id, resource).await
}

pub(crate) async fn delete(session: &Session, name: &str, id: &ResourceId) -> Result<(), Error> {
    if !session.capabilities().delete.value {
        return Err(Error::Unsupported("DELETE".into()));
    }
    let url = session.resource_address(session.resource_type(name)?, id)?;
    let ask = session.ask(Method::DELETE, url, None);
    let mut attempts = Attempts::default();
    match session.send(&ask, Repeat::Always, &mut attempts).await {
        Ok(_) => Ok(()),
        Err(failure) if attempts.uncertain && failure.error.is_gone() => Ok(()),
        Err(failure) => Err(unknown(failure, attempts.uncertain)),
    }
}

/// Returns true for an answer that an earlier attempt, carried out, could be the reason of.
fn is_refusal(failure: &Failure) -> bool {
    matches!(
        failure.error,
        Error::Status {
            status: 400..=499,
            ..
        }
    ) && !failure.passing
}

/// Returns the error of a write: ambiguous where an attempt may have been carried out.
pub(crate) fn unknown(failure: Failure, uncertain: bool) -> Error {
    if uncertain || failure.uncertain {
        Error::Ambiguous {
            found: Vec::new(),
            cause: Box::new(failure.error),
        }
    } else {
        failure.error
    }
}

pub(crate) fn reads_members(session: &Session) -> bool {
    session.capabilities().members_readable.value
}
