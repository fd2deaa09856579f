//! Creating a resource once, whatever happens on the way.

use http::{Method, header};
use keyfob_core::{
    AttrPath, Resource, ResourceId, ResourceType, SmolStr,
    message::Deviation,
    schema::{Mutability, Uniqueness},
};
use keyfob_filter::Filter;
use percent_encoding::percent_decode_str;

use crate::{
    answer::Answer,
    capabilities::FilterSupport,
    confirm,
    error::Error,
    pager,
    resources::equality,
    session::{Attempts, Repeat, Session},
    stored::{Found, Stored},
    write,
};

pub(crate) async fn create(
    session: &Session,
    name: &str,
    mut resource: Resource,
    identified_by: Option<SmolStr>,
) -> Result<Stored, Error> {
    let resource_type = session.resource_type(name)?;
    if resource.schemas().is_empty() {
        resource.schemas_mut().push(resource_type.schema().id.clone());
    }
    let url = session.url(resource_type.endpoint(), &session.projection_query());
    let ask = session.ask(Method::POST, url, Some(resource.to_json()));
    let mut attempts = Attempts::default();
    loop {
        let failure = match session.send(&ask, Repeat::IfRefused, &mut attempts).await {
            Ok(answer) => match created(session, name, resource_type, &answer).await {
                Ok(Some(stored)) => return Ok(stored),
                // The resource was created, and the answer doesn't say under which id.
                Ok(None) => {
                    let error = Error::Decode("the answer to the creation can't be read".into());
                    return look(session, name, &resource, identified_by.as_ref(), error)
                        .await?
                        .map_err(ambiguous);
                }
                Err(error) => return Err(error),
            },
            Err(failure) => failure,
        };
        if !attempts.uncertain {
            return Err(failure.error);
        }
        // A conflict may be with what an earlier attempt created.
        let refused = !failure.uncertain && !failure.passing;
        if refused && failure.error.status() != Some(409) {
            return Err(failure.error);
        }
        let passing = failure.passing;
        // The wait comes before the look: a request that is still under way has time to arrive.
        let (cause, over) = if passing {
            match session.pause(failure, &attempts).await {
                Ok(()) => (Error::Decode("an earlier answer was lost".into()), false),
                Err(failure) => (failure.error, true),
            }
        } else {
            (failure.error, true)
        };
        match look(session, name, &resource, identified_by.as_ref(), cause).await? {
            Ok(stored) => return Ok(stored),
            Err(Unfound::Other(found, cause)) => return Err(ambiguous(Unfound::Other(found, cause))),
            Err(Unfound::Nothing(cause)) => {
                if over {
                    return Err(cause);
                }
            }
        }
    }
}

/// Why a look-up did not find what was created.
enum Unfound {
    /// There is nothing: it was not created.
    Nothing(Error),
    /// There is something else, or too much, or it can't be looked for.
    Other(Vec<ResourceId>, Error),
}

fn ambiguous(unfound: Unfound) -> Error {
    let (found, cause) = match unfound {
        Unfound::Nothing(cause) => (Vec::new(), cause),
        Unfound::Other(found, cause) => (found, cause),
    };
    Error::Ambiguous {
        found,
        cause: Box::new(cause),
    }
}

/// Looks for the resource, and returns it if it holds all that was sent.
async fn look(
    session: &Session,
    name: &str,
    sent: &Resource,
    identified_by: Option<&SmolStr>,
    cause: Error,
) -> Result<Result<Stored, Unfound>, Error> {
    let resource_type = session.resource_type(name)?;
    let can_filter = session.capabilities().filter.value != FilterSupport::Unsupported;
    let identity = identity(sent, resource_type, identified_by).filter(|_| can_filter);
    let Some((text, filter)) = identity else {
        return Ok(Err(Unfound::Other(Vec::new(), cause)));
    };
    Ok(match pager::find(session, name, text, &filter).await {
        Ok(Found::None) => Err(Unfound::Nothing(cause)),
        Ok(Found::One(stored))
            if confirm::holds(
                &stored.resource,
                sent,
                resource_type,
                write::reads_members(session),
            ) =>
        {
            Ok(stored)
        }
        Ok(Found::One(stored)) => Err(Unfound::Other(vec![stored.id], cause)),
        Ok(Found::Many(ids)) => Err(Unfound::Other(ids, cause)),
        Err(error) => Err(Unfound::Other(Vec::new(), error)),
    })
}

/// Returns the filter by which a resource is found again.
fn identity(
    sent: &Resource,
    resource_type: &ResourceType,
    identified_by: Option<&SmolStr>,
) -> Option<(SmolStr, Filter)> {
    let text = |name: &str| {
        sent.core()
            .get_str(name)
            .filter(|text| !text.is_empty())
            .map(SmolStr::new)
    };
    if let Some(name) = identified_by {
        return Some(equality(AttrPath::parse(name).ok()?, text(name)?));
    }
    let unique = resource_type.schema().attributes.iter().filter(|attribute| {
        matches!(attribute.uniqueness, Uniqueness::Server | Uniqueness::Global)
            && attribute.mutability != Mutability::ReadOnly
            && !attribute.is_complex()
    });
    unique
        .map(|attribute| attribute.name.as_str())
        .chain(["externalId", "displayName"])
        .find_map(|name| Some(equality(AttrPath::attribute(name), text(name)?)))
}

/// Returns the resource that an answer of success is about; `None` where the answer doesn't say which it is.
async fn created(
    session: &Session,
    name: &str,
    resource_type: &ResourceType,
    answer: &Answer,
) -> Result<Option<Stored>, Error> {
    if answer.status.as_u16() != 201 {
        session.deviates(Deviation::new("status", "is not 201", "RFC 7644 section 3.3"))?;
    }
    if answer.is_empty() {
        session.deviates(Deviation::new("", "holds no resource", "RFC 7644 section 3.3"))?;
    } else {
        match session.read(answer, |answer, deviations| {
            Stored::read(session, answer, resource_type, deviations)
        }) {
            Ok(stored) => return Ok(Some(stored)),
            Err(Error::Decode(_) | Error::NotScim { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    // The id is the last segment of the address (RFC 7644 section 3.3); nothing else of it is believed.
    let location = answer.header(header::LOCATION).unwrap_or_default();
    let segment = location
        .trim_end_matches('/')
        .rsplit_once(&format!("{}/", resource_type.endpoint()));
    let id = segment.and_then(|(_, id)| percent_decode_str(id).decode_utf8().ok());
    match id.filter(|id| !id.is_empty()) {
        Some(id) => Ok(write::get(session, name, &ResourceId::new(&*id))
            .await
            .map(Some)
            .unwrap_or_default()),
        None => Ok(None),
    }
}
