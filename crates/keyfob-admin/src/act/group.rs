//! Groups, and the units to which they are mapped.

use std::collections::HashMap;

use keyfob_access::GroupMapping;
use keyfob_core::{AttrPath, AttrSet, Dialect, ResourceId, ResourceType};
use keyfob_engine::{Feeds, Loaded, Maintenance, Selection};
use keyfob_provisioning::Provisioning;
use keyfob_store::{Query, StoreError};

use super::{one, user::refused};
use crate::{
    answer::{Answer, Page},
    input::{Input, binding},
    problem::Problem,
    session::{Session, mark, seek_of},
    view::{self, View as _},
};

/// The number of members of a group that are shown.
const MEMBERS: usize = 1000;

fn groups<'s, S: Feeds + Maintenance>(session: &'s Session<'_, S>) -> Result<&'s ResourceType, Problem> {
    let groups = session.provisioner.registry().resource_type("Group");
    groups.ok_or_else(|| Problem::new("noGroups", 501, "the service has no groups"))
}

pub(super) async fn list<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let groups = groups(session)?;
    let prefix = input.maybe("q");
    let bound = binding("listGroups", &[prefix.unwrap_or_default()]);
    let (after, limit) = (seek_of(input, &bound)?, input.limit()?);
    let query = Query::all();
    let query = match prefix {
        None => query,
        Some(prefix) => query.with_filter(starts_with(groups, prefix)?),
    };
    let (read, next) = session
        .admin()
        .page(&session.cx, groups, query, after.as_ref(), limit)
        .await?;
    let provisioning = session.provisioner.provisioning(&session.cx).await?;
    let made = access_groups(session).await?;
    let views = read
        .iter()
        .map(|group| shown(group, &provisioning, &made).to_object());
    let next = next.map(|next| mark(next.as_bytes(), &bound));
    Ok(Answer::Page(Page::new(views.collect(), next)))
}

fn starts_with(groups: &ResourceType, prefix: &str) -> Result<keyfob_filter::Predicate, Problem> {
    use keyfob_filter::{CompareOp, Filter, Literal};
    let path = AttrPath::parse("displayName").map_err(StoreError::internal)?;
    let filter = Filter::Compare(path, CompareOp::Sw, Literal::String(prefix.into()));
    let compiled = filter.compile(groups, Dialect::strict());
    Ok(compiled.map_err(StoreError::internal)?)
}

/// Returns the access groups by the groups from which they were made.
async fn access_groups<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
) -> Result<HashMap<ResourceId, ResourceId>, Problem> {
    let made = session.access()?.access_groups(&session.cx).await?.into_iter();
    Ok(made.filter_map(|group| Some((group.source?, group.id))).collect())
}

pub(super) async fn show<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let (resource_type, name) = (groups(session)?, input.text("group"));
    let id = session.access()?.group(&session.cx, name).await?;
    let mut attributes = AttrSet::new();
    if let Some(members) = resource_type.relation("members") {
        attributes.insert(members.attribute.id);
    }
    let selection = Selection::of(attributes);
    let loaded = session
        .provisioner
        .load(&session.cx, resource_type, &id, &selection)
        .await?;
    let group = loaded
        .filter(|loaded| !loaded.is_hidden())
        .ok_or_else(|| Problem::missing("group", name))?;
    let provisioning = session.provisioner.provisioning(&session.cx).await?;
    let made = access_groups(session).await?;
    let mapping = session.access()?.mapping(&session.cx, id.as_str()).await?;
    let members: Vec<ResourceId> = group
        .resource
        .relation("members")
        .map(|members| members.iter().map(|(id, _)| id.clone()).collect())
        .unwrap_or_default();
    Ok(one(&view::Group {
        unit: mapping.as_ref().map(|mapping| mapping.unit.clone()),
        role: mapping.and_then(|mapping| mapping.role),
        member_count: Some(members.len()),
        members: Some(members.into_iter().take(MEMBERS).collect()),
        ..shown(&group, &provisioning, &made)
    }))
}

fn shown(group: &Loaded, provisioning: &Provisioning, made: &HashMap<ResourceId, ResourceId>) -> view::Group {
    let is_managed = provisioning.manages(&group.state);
    view::Group {
        id: group.id.clone(),
        display_name: group
            .resource
            .core()
            .get_str("displayName")
            .unwrap_or_default()
            .into(),
        managed_by: if is_managed { "scim" } else { "admin" },
        access_group: made.get(&group.id).cloned(),
        unit: None,
        role: None,
        member_count: None,
        members: None,
    }
}

pub(super) async fn map<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    let mapped = session
        .access()?
        .map_group(
            &session.cx,
            input.text("group"),
            input.text("unit"),
            input.maybe("role"),
        )
        .await;
    match mapped {
        Ok(GroupMapping { unit, role, .. }) => Ok(one(&view::Mapping { unit, role })),
        Err(error) => Err(refused(session, error).await),
    }
}

pub(super) async fn unmap<S: Feeds + Maintenance>(
    session: &Session<'_, S>,
    input: &Input,
) -> Result<Answer, Problem> {
    session
        .access()?
        .unmap_group(&session.cx, input.text("group"))
        .await?;
    Ok(Answer::Done)
}
