//! `keyfob admin group`.

use clap::Subcommand;
use keyfob_core::{
    AttrPath, Object, Projection, Resource, ResourceId, ResourceType, Value, message::SearchRequest,
};
use keyfob_engine::EngineError;
use keyfob_provisioning::AdminError;

use super::{Failure, Session};
use crate::Unusable;

/// The commands of `keyfob admin group`.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Prints all groups
    List,
    /// Prints a group with its members
    Show {
        /// The group, by its id or displayName
        #[arg(value_name = "NAME|ID")]
        name: String,
    },
}

pub(super) async fn run(session: &Session, command: &Command) -> Result<(), Failure> {
    let groups = session.provisioner.registry().resource_type("Group");
    let groups = groups.ok_or_else(|| Unusable::new("the service has no groups"))?;
    match command {
        Command::List => {
            let mut request = SearchRequest::new();
            request.projection = Projection::except(vec![AttrPath::attribute("members")]);
            let mut start = 1;
            loop {
                request.start_index = Some(start);
                let page = session
                    .provisioner
                    .list(&session.cx, groups, &request)
                    .await
                    .map_err(AdminError::from)?;
                if page.resources.is_empty() {
                    return Ok(());
                }
                start += i64::try_from(page.resources.len()).unwrap_or(i64::MAX);
                for group in &page.resources {
                    show(session, group)?;
                }
            }
        }
        Command::Show { name } => show(session, &find(session, groups, name).await?),
    }
}

/// The group with this id or `displayName`.
async fn find(session: &Session, groups: &ResourceType, name: &str) -> Result<Resource, Failure> {
    let all = Projection::all();
    let id = ResourceId::new(name);
    match session.provisioner.get(&session.cx, groups, &id, &all).await {
        Err(EngineError::NotFound { .. }) => {}
        outcome => return Ok(outcome.map_err(AdminError::from)?),
    }
    let mut request = SearchRequest::new();
    let quoted = serde_json::to_string(name).map_err(Unusable::from)?;
    request.filter = Some(format!("displayName eq {quoted}").into());
    let found = session
        .provisioner
        .list(&session.cx, groups, &request)
        .await
        .map_err(AdminError::from)?;
    let group = found.resources.into_iter().next();
    Ok(group.ok_or_else(|| {
        AdminError::from(EngineError::NotFound {
            resource_type: groups.name().clone(),
            id,
        })
    })?)
}

fn show(session: &Session, group: &Resource) -> Result<(), Failure> {
    let id = group.id().map(|id| id.to_string()).unwrap_or_default();
    let name = group.core().get_str("displayName").unwrap_or_default();
    let mut object = Object::new();
    object.insert("id", id.as_str());
    object.insert("displayName", name);
    let mut ids = Vec::new();
    if let Some(members) = group.relation("members") {
        ids.extend(members.iter().map(|(id, _)| id.clone()));
        let values: Vec<Value> = ids.iter().map(|id| id.as_str().into()).collect();
        object.insert("members", values);
    }
    session.show_with(&object, &format!("{id}  {name}"), &ids)?;
    Ok(())
}
