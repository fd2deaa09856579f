//! What can be wrong with groups in groups.

use keyfob_core::{Member, MemberSet, ResourceId, ResourceType};
use keyfob_store::{Query, ReadContext, Selection, Stored, TenantId, Visibility};
use keyfob_store_testkit::registry;

use crate::{
    bugs::by_position,
    store::{Broken, Paged, cut, everything},
};

/// The groups that a user shows.
fn groups_of(stored: &mut Stored) -> Option<&mut MemberSet> {
    let mut relations = stored.resource.relations_mut().iter_mut();
    let groups = relations.find(|entry| entry.0.is("groups"))?;
    Some(&mut groups.1)
}

/// Leaves the groups for which something holds.
fn retain(stored: &mut Stored, holds: impl Fn(&ResourceId, &Member, &MemberSet) -> bool) {
    if let Some(groups) = groups_of(stored) {
        let all = groups.clone();
        let left = all.iter().filter(|(id, group)| holds(id, group, &all));
        *groups = left.map(|(id, group)| (id.clone(), group.clone())).collect();
    }
}

fn is_direct(group: &Member) -> bool {
    group.kind.as_deref() == Some("direct")
}

/// Whether a group has a member.
fn has(broken: &Broken, tenant: &TenantId, id: &ResourceId, member: &ResourceId) -> bool {
    let group = registry().resource_type("Group");
    let found = group.and_then(|group| broken.get_rightly(tenant, group, id, &everything(group)));
    let members = found
        .as_ref()
        .and_then(|found| found.resource.relation("members"));
    members.is_some_and(|members| members.contains(member))
}

pub(crate) fn drop_indirect(_: &Broken, _: &TenantId, stored: &mut Stored) {
    retain(stored, |_, group, _| is_direct(group));
}

pub(crate) fn call_all_direct(_: &Broken, _: &TenantId, stored: &mut Stored) {
    for (_, group) in groups_of(stored).into_iter().flat_map(MemberSet::iter_mut) {
        group.kind = Some("direct".into());
    }
}

pub(crate) fn prefer_indirect(broken: &Broken, tenant: &TenantId, stored: &mut Stored) {
    let Some(groups) = groups_of(stored) else { return };
    let all = groups.clone();
    for (id, group) in groups.iter_mut() {
        if all
            .iter()
            .any(|(other, _)| other != id && has(broken, tenant, id, other))
        {
            group.kind = Some("indirect".into());
        }
    }
}

pub(crate) fn keep_two_levels(broken: &Broken, tenant: &TenantId, stored: &mut Stored) {
    retain(stored, |id, group, all| {
        let mut direct = all.iter().filter(|(_, group)| is_direct(group));
        is_direct(group) || direct.any(|(direct, _)| has(broken, tenant, id, direct))
    });
}

pub(crate) fn leave_out_circles(broken: &Broken, tenant: &TenantId, stored: &mut Stored) {
    retain(stored, |id, _, _| !has(broken, tenant, id, id));
}

/// Shows the owners of a hidden group to those within it.
pub(crate) fn reach_through_hidden(broken: &Broken, tenant: &TenantId, stored: &mut Stored) {
    let (Some(groups), Some(group)) = (groups_of(stored), registry().resource_type("Group")) else {
        return;
    };
    let owners = |member: &ResourceId, of, members| {
        let owners = broken.holders(tenant, group, member, of, members).into_iter();
        owners.filter_map(|owner| owner.resource.id()).collect::<Vec<_>>()
    };
    for (id, _) in groups.clone().iter() {
        for hidden in owners(id, Visibility::Hidden, Visibility::Live) {
            for owner in owners(&hidden, Visibility::Live, Visibility::Hidden) {
                groups.insert(owner, Member::new().with_kind("indirect"));
            }
        }
    }
}

pub(crate) fn raise_limit(resource_type: &ResourceType, selection: &mut Selection) {
    if *resource_type.name() == "User" {
        selection.relation_limit = selection.relation_limit.map(|limit| limit + 1);
    }
}

/// Finds users by the groups that name them.
pub(crate) fn find_direct(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Paged {
    by_position(broken, cx, resource_type, query, |all| {
        cut(all, query, |filter, stored| {
            let mut seen = stored.clone();
            retain(&mut seen, |_, group, _| is_direct(group));
            filter.matches(&seen.resource)
        })
    })
}
