//! The requests of providers, as the log of an organization has them.

use std::{collections::HashMap, sync::Arc};

use keyfob_access::CredentialError;
use keyfob_core::{ResourceId, ScimType};
use keyfob_engine::{Explanation, Feeds, Maintenance, Stored};
use keyfob_provisioning::{LoggedRequest, Refusal, RequestLog, RequestQuery};
use keyfob_store::Selection;
use smol_str::{SmolStr, ToSmolStr};

use super::one;
use crate::{
    answer::{Answer, Page},
    input::Input,
    problem::Problem,
    session::Session,
    view::{self, View as _},
};

/// Returns the log in which a server notes the requests of its providers.
pub(super) fn log<S: Feeds + Maintenance>(session: &Session<'_, S>) -> RequestLog<S> {
    RequestLog::new(Arc::clone(session.provisioner.engine()))
}

pub(super) async fn list<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let mut query = RequestQuery::newest(input.limit()?);
    query.refused = input.maybe("outcome").map(|outcome| outcome == "refused");
    query.method = input.maybe("method").map(Into::into);
    query.status = input.number("status").map(status).transpose()?;
    query.resource = input.maybe("resource").map(ResourceId::new);
    query.credential = input.maybe("token").map(Into::into);
    query.since = input.instant("since");
    query.before = input.maybe("after").map(number).transpose()?;
    let page = log(session).read(session.cx.tenant(), &query).await?;
    let views = shown(session, page.requests).await?;
    let next = page.next.map(|next| next.to_smolstr());
    Ok(Answer::Page(Page::new(
        views.iter().map(view::Request::to_object).collect(),
        next,
    )))
}

fn status(status: u64) -> Result<u16, Problem> {
    let known = u16::try_from(status)
        .ok()
        .filter(|status| (100..600).contains(status));
    known.ok_or_else(|| Problem::malformed("status", "`status` is a status of HTTP, such as 409"))
}

fn number(text: &str) -> Result<u64, Problem> {
    let malformed = |_| {
        Problem::malformed(
            "after",
            format_args!("`{text}` is no number of a request in the log"),
        )
        .with_fix("take the `next` of the page before")
    };
    text.parse().map_err(malformed)
}

pub(super) async fn show<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let name = input.text("request");
    let found = match name.parse() {
        Ok(number) => log(session).request(session.cx.tenant(), number).await?,
        Err(_) => None,
    };
    let views = shown(session, found.into_iter().collect()).await?;
    match views.first() {
        Some(view) => Ok(one(view)),
        None => Err(Problem::missing("request", name).with_fix(
            "say its number in the log, which has the last 10,000 requests of an organization, for 30 days",
        )),
    }
}

/// Returns requests as administrators see them. Resources are named as they are called now: the log knows their ids alone.
pub(super) async fn shown<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    requests: Vec<LoggedRequest>,
) -> Result<Vec<view::Request>, Problem> {
    let ids = requests
        .iter()
        .filter_map(|logged| logged.record.resource.clone());
    let mut ids: Vec<ResourceId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let mut names = HashMap::new();
    for (resource_type, attribute) in [("User", "userName"), ("Group", "displayName")] {
        ids.retain(|id| !names.contains_key(id));
        let Some(resource_type) = session.provisioner.registry().resource_type(resource_type) else {
            continue;
        };
        if ids.is_empty() {
            break;
        }
        let (store, selection) = (session.provisioner.store(), Selection::document());
        let found = store
            .get(&session.cx.reading(), resource_type, &ids, &selection)
            .await?;
        let name = |stored: Stored| {
            let name: SmolStr = stored.resource.core().get_str(attribute)?.into();
            Some((stored.resource.id()?, name))
        };
        names.extend(found.into_iter().flatten().filter_map(name));
    }
    let views = requests.into_iter().map(|LoggedRequest { number, record, .. }| {
        let explanation = record.refusal.as_deref().and_then(explained);
        view::Request {
            id: number.to_smolstr(),
            at: record.at,
            method: record.method,
            path: record.path,
            status: record.status.into(),
            scim_type: record.scim_type.map(ScimType::as_str),
            token: Some(record.credential).filter(|credential| !credential.is_empty()),
            resource_name: record.resource.as_ref().and_then(|id| names.get(id).cloned()),
            resource: record.resource,
            attributes: record.attributes,
            request: record.request.as_str().into(),
            code: record.refusal,
            why: explanation.map(|explanation| explanation.reason),
            fix: explanation.map(|explanation| explanation.remedy),
        }
    });
    Ok(views.collect())
}

/// Returns the explanation of a refusal by whatever refuses requests: the protocol, the product, or cards.
fn explained(code: &str) -> Option<Explanation> {
    let of_card = Some(CredentialError::EXPLANATION).filter(|explanation| explanation.code == code);
    of_card.or_else(|| Refusal::explanation(code))
}
