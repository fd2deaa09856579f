//! What can be wrong with a store: documents, versions, relations, keys, commits and pages.

use std::{sync::LazyLock, thread, time::Duration};

use keyfob_core::{
    AttrName, Collation, CompareKey, Member, Registry, Resource, ResourceId, ResourceType, SchemaUri, Value,
    schema::{RelationKind, ResourceTypeBuilder},
};
use keyfob_store::{
    Change, Commit, CommitError, Committed, OnRefusal, Page, Paging, Query, ReadContext, RelationDelta,
    Selection, StoreError, Stored, TenantId, UniqueKey, Visibility, When,
};
use keyfob_store_testkit::registry;

use crate::store::{
    Broken, cut, each_delta, each_document, each_keys, each_precondition, event_of, everything,
};

pub(crate) type Result<T = Committed> = std::result::Result<T, CommitError>;

pub(crate) fn keep_one_extension(_: &Broken, commit: &mut Commit) {
    each_document(commit, |_, document| document.extensions_mut().truncate(1));
}

pub(crate) fn cut_text(_: &Broken, _: &TenantId, stored: &mut Stored) {
    for (_, value) in stored.resource.core_mut().iter_mut() {
        if let Value::String(text) = value
            && let Some((before, _)) = text.split_once('\0')
        {
            *value = before.into();
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "that is the bug"
)]
pub(crate) fn round_integers(_: &Broken, _: &TenantId, stored: &mut Stored) {
    for (_, value) in stored.resource.core_mut().iter_mut() {
        if let Value::Integer(number) = value {
            *number = *number as f64 as i64;
        }
    }
}

pub(crate) fn create_anew(_: &Broken, _: &TenantId, stored: &mut Stored) {
    if let Some(mut meta) = stored.resource.meta() {
        meta.created = meta.last_modified;
        stored.resource.set_meta(&meta);
    }
}

pub(crate) fn drop_unknown(_: &Broken, commit: &mut Commit) {
    each_document(commit, |resource_type, document| {
        document
            .core_mut()
            .retain(|name, _| resource_type.attribute(name.as_str()).is_some());
    });
}

pub(crate) fn compare_keys_with(commit: &mut Commit, collation: Collation) {
    each_keys(commit, |_, _, keys| {
        for key in keys {
            key.value = CompareKey::new(collation, key.value.as_str());
        }
    });
}

pub(crate) fn fold_ids(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Create { id, .. } | Change::Update { id, .. } | Change::Delete { id, .. } = change {
            *id = ResourceId::new(id.as_str().to_ascii_lowercase());
        }
    }
}

pub(crate) fn get_of_any_type(
    broken: &Broken,
    cx: &ReadContext,
    _: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Vec<Option<Stored>> {
    let types = registry().resource_types();
    let read = |id| {
        let mut types = types.iter();
        types.find_map(|found| broken.get_rightly(&cx.tenant, found, id, selection))
    };
    ids.iter().map(read).collect()
}

pub(crate) fn get_of_any_tenant(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Vec<Option<Stored>> {
    let others = ["acme", "globex"].map(TenantId::new);
    let read = |id| {
        let mut tenants = std::iter::once(&cx.tenant).chain(&others);
        tenants.find_map(|tenant| broken.get_rightly(tenant, resource_type, id, selection))
    };
    ids.iter().map(read).collect()
}

/// The document of a resource as it is stored, without what a store adds.
pub(crate) fn stored_document(
    broken: &Broken,
    tenant: &TenantId,
    resource_type: &ResourceType,
    id: &ResourceId,
) -> Option<Resource> {
    let stored = broken.get_rightly(tenant, resource_type, id, &Selection::document())?;
    let mut document = stored.resource;
    document.core_mut().remove("id");
    document.core_mut().remove("meta");
    Some(document)
}

pub(crate) fn merge(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    for change in &mut commit.changes {
        if let Change::Update {
            resource_type,
            id,
            document: Some(document),
            ..
        } = change
            && let Some(before) = stored_document(broken, &tenant, resource_type, id)
        {
            let mut merged = Resource::clone(document);
            for (name, value) in before.core().iter() {
                if merged.core().get(name.as_str()).is_none() {
                    merged.core_mut().insert(name.clone(), value.clone());
                }
            }
            *document = merged.into();
        }
    }
}

pub(crate) fn always_write(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    for change in &mut commit.changes {
        if let Change::Update {
            resource_type,
            id,
            document: document @ None,
            ..
        } = change
        {
            *document = stored_document(broken, &tenant, resource_type, id).map(Into::into);
        }
    }
}

/// As [`always_write`], and with the keys of nothing.
pub(crate) fn free_without_keys(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Update {
            unique: unique @ None,
            ..
        } = change
        {
            *unique = Some(Vec::new());
        }
    }
}

pub(crate) fn keep_keys_without_document(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Update {
            document: None,
            unique,
            ..
        } = change
        {
            *unique = None;
        }
    }
}

pub(crate) fn check_versions_last(broken: &Broken, commit: &Commit) -> Result {
    let mut unconditional = commit.clone();
    each_precondition(&mut unconditional, |precondition| *precondition = None);
    // A commit that fails for another reason tells that one.
    unconditional.changes.extend(nonsense());
    match broken.commit_rightly(&unconditional) {
        Err(error) if place_of(&error) < Some(commit.changes.len()) => Err(error),
        _ => broken.commit_rightly(commit),
    }
}

/// A change that can't be applied, for a commit that is not meant.
fn nonsense() -> Option<Change> {
    let resource_type = registry().resource_types().first()?;
    Some(Change::delete(
        resource_type,
        ResourceId::new("no such resource"),
        None,
    ))
}

fn place_of(error: &CommitError) -> Option<usize> {
    error.refusal().map(|(change, _)| change)
}

pub(crate) fn each_member(resource: &mut Resource, change: fn(&mut Member)) {
    for (_, members) in resource.relations_mut() {
        members.iter_mut().for_each(|(_, member)| change(member));
    }
}

pub(crate) fn clear_to_remove(_: &Broken, commit: &mut Commit) {
    each_delta(commit, |_, _, delta| delta.clear |= !delta.remove.is_empty());
}

pub(crate) fn clear_to_add(_: &Broken, commit: &mut Commit) {
    each_delta(commit, |_, _, delta| delta.clear |= !delta.add.is_empty());
}

pub(crate) fn add_without_names(_: &Broken, commit: &mut Commit) {
    each_delta(commit, |_, _, delta| {
        for (_, member) in &mut delta.add {
            member.display = None;
        }
    });
}

pub(crate) fn put_in_anew(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Create { relations, .. } | Change::Update { relations, .. } = change {
            let mut deltas = Vec::new();
            for delta in relations.iter() {
                let mut removal = RelationDelta::new(delta.attribute.clone());
                removal.remove = delta.add.iter().map(|(id, _)| id.clone()).collect();
                deltas.extend([removal, delta.clone()]);
            }
            *relations = deltas.into();
        }
    }
}

pub(crate) fn pass_over_unknown_members(broken: &Broken, commit: &Commit) -> Result {
    match broken.commit_rightly(commit) {
        Err(CommitError::UnknownMembers { members, .. }) => {
            let mut lenient = commit.clone();
            each_delta(&mut lenient, |_, _, delta| {
                delta.add.retain(|(id, _)| !members.contains(id));
            });
            broken.commit_rightly(&lenient)
        }
        other => other,
    }
}

pub(crate) fn name_one_unknown_member(broken: &Broken, commit: &Commit) -> Result {
    broken.commit_rightly(commit).map_err(|error| match error {
        CommitError::UnknownMembers { change, mut members } => {
            members.truncate(1);
            CommitError::UnknownMembers { change, members }
        }
        other => other,
    })
}

/// Groups and devices with the same relations, of which each takes any resource.
static LENIENT: LazyLock<Option<Registry>> = LazyLock::new(|| {
    let mut builder = Registry::builder();
    for name in ["Group", "Device"] {
        let resource_type = registry().resource_type(name)?;
        let mut schema = resource_type.schema().clone();
        schema.id = SchemaUri::new(format!("{}:Lenient", schema.id));
        for attribute in &mut schema.attributes {
            for sub in &mut attribute.sub_attributes {
                sub.reference_types.clear();
            }
        }
        let mut definition = ResourceTypeBuilder::new(name, resource_type.endpoint(), schema.id.clone());
        for relation in resource_type.relations() {
            let attribute = relation.attribute.name.clone();
            if relation.kind == RelationKind::Owned {
                definition = definition.relation(attribute);
            }
        }
        for path in resource_type.indexed() {
            definition = definition.indexed(path.clone());
        }
        builder = builder.schema(schema).resource_type(definition);
    }
    builder.build().ok()
});

/// Lets the types of the changes for which it is true take any member.
fn take_any_member_of(commit: &mut Commit, which: impl Fn(&ResourceType) -> bool) {
    for change in &mut commit.changes {
        if let Change::Create { resource_type, .. } | Change::Update { resource_type, .. } = change
            && let Some(lenient) = LENIENT.as_ref()
            && let Some(lenient) = lenient.resource_type(resource_type.name())
            && which(resource_type)
        {
            *resource_type = lenient.clone();
        }
    }
}

pub(crate) fn take_any_member(_: &Broken, commit: &mut Commit) {
    take_any_member_of(commit, |_| true);
}

/// A device has a relation that takes any resource.
pub(crate) fn take_what_any_relation_takes(_: &Broken, commit: &mut Commit) {
    take_any_member_of(commit, |resource_type| resource_type.name() == "Device");
}

pub(crate) fn pass_over_members_of_a_wrong_type(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    each_delta(commit, |owner, _, delta| {
        let relation = owner.relation(delta.attribute.as_str());
        delta.add.retain(|(id, _)| {
            let mut types = registry().resource_types().iter();
            let found = types.find(|found| {
                broken
                    .get_rightly(&tenant, found, id, &Selection::document())
                    .is_some()
            });
            let mut both = relation.zip(found).into_iter();
            both.all(|(relation, found)| relation.takes(found.name()))
        });
    });
}

pub(crate) fn take_stated_types_alone(broken: &Broken, commit: &Commit) -> Result {
    for (number, change) in commit.changes.iter().enumerate() {
        let (Change::Create { relations, .. } | Change::Update { relations, .. }) = change else {
            continue;
        };
        let owner = change.subject().map(|(owner, _)| owner);
        for delta in relations.iter() {
            let relation = owner.and_then(|owner| owner.relation(delta.attribute.as_str()));
            let reference = relation.and_then(|relation| relation.attribute.sub_attribute("$ref"));
            if reference.is_some_and(|reference| reference.reference_types.is_empty())
                && !delta.add.is_empty()
            {
                let members = delta.add.iter().map(|(id, _)| id.clone()).collect();
                return Err(CommitError::UnknownMembers {
                    change: number,
                    members,
                });
            }
        }
    }
    broken.commit_rightly(commit)
}

/// A member that gets an id in the commit that frees it may be whatever its predecessor could be, or else.
pub(crate) fn take_members_by_what_was(broken: &Broken, commit: &mut Commit) {
    if id_given_again(commit).is_some() {
        take_any_member(broken, commit);
    }
}

/// The first change that gives an id which an earlier one of the commit frees, and which does so.
fn id_given_again(commit: &Commit) -> Option<(usize, Change)> {
    commit.changes.iter().enumerate().find_map(|(place, change)| {
        let Change::Create { id, .. } = change else {
            return None;
        };
        let mut earlier = commit.changes.iter().take(place);
        let freed =
            earlier.find(|earlier| matches!(earlier, Change::Delete { id: freed, .. } if freed == id))?;
        Some((place, freed.clone()))
    })
}

pub(crate) fn free_ids_last(broken: &Broken, commit: &Commit) -> Result {
    match id_given_again(commit) {
        Some((change, _)) => Err(CommitError::IdTaken { change }),
        None => broken.commit_rightly(commit),
    }
}

/// Where a commit fails, what it deleted is not put back if it gave the id again.
pub(crate) fn forget_what_was_there(broken: &Broken, commit: &Commit) -> Result {
    broken.commit_rightly(commit).inspect_err(|error| {
        if let Some((change, freed)) = id_given_again(commit)
            && Some(change) < place_of(error)
        {
            broken.also(&commit.tenant, vec![freed]).ok();
        }
    })
}

pub(crate) fn merge_relations(_: &Broken, commit: &mut Commit) {
    each_delta(commit, |_, _, delta| {
        if delta.attribute.is("users") {
            delta.attribute = AttrName::new("components");
        }
    });
}

pub(crate) fn empty_renamed(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Update {
            resource_type,
            document: Some(_),
            relations,
            ..
        } = change
            && resource_type.schema().id == SchemaUri::GROUP
        {
            let mut delta = RelationDelta::new(AttrName::new("members"));
            delta.clear = true;
            let mut deltas = relations.to_vec();
            deltas.insert(0, delta);
            *relations = deltas.into();
        }
    }
}

pub(crate) fn keep_first_names(broken: &Broken, _: &TenantId, stored: &mut Stored) {
    let mut notes = broken.notes();
    if let (Some(id), Some(name)) = (
        stored.resource.id(),
        stored.resource.core().get_str("displayName"),
    ) {
        notes.displays.entry(id).or_insert_with(|| name.to_owned());
    }
    for (relation, members) in stored.resource.relations_mut() {
        if relation.is("groups") {
            for (id, member) in members.iter_mut() {
                let first = member.display.clone().unwrap_or_default();
                let first = notes
                    .displays
                    .entry(id.clone())
                    .or_insert_with(|| first.to_string());
                member.display = Some(first.as_str().into());
            }
        }
    }
}

/// Answers a query by position out of all live resources in their order.
pub(crate) fn by_position(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
    page: impl FnOnce(Vec<Stored>) -> Page,
) -> std::result::Result<Page, StoreError> {
    if query.reserved.is_some() || matches!(query.paging, Paging::Cursor { .. }) {
        return pollster::block_on(keyfob_store::Store::query(
            &broken.inner,
            cx,
            resource_type,
            query,
        ));
    }
    let unfiltered = Query {
        filter: None,
        ..query.clone()
    };
    let all = broken.all(cx, resource_type, &unfiltered);
    Ok(broken.selected(cx, resource_type, query, page(all)))
}

/// Counts whatever was listed at any time.
pub(crate) fn count_deleted(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> std::result::Result<Page, StoreError> {
    by_position(broken, cx, resource_type, query, |all| {
        let mut notes = broken.notes();
        for id in all.iter().filter_map(|stored| stored.resource.id()) {
            notes
                .listed
                .insert((cx.tenant.clone(), resource_type.name().to_string(), id));
        }
        let deleted = |(of, name, id): &&(TenantId, String, ResourceId)| {
            *of == cx.tenant
                && name == resource_type.name()
                && !all.iter().any(|stored| stored.resource.id().as_ref() == Some(id))
        };
        let deleted = notes.listed.iter().filter(deleted).count();
        let page = cut(all, query, |filter, stored| filter.matches(&stored.resource));
        let total = page.total.unwrap_or_default() + deleted;
        page.with_total(total)
    })
}

/// The edges to a deleted user are out of sight until somebody gets its id again.
pub(crate) fn leave_edges(broken: &Broken, commit: &Commit) -> Result {
    let Some(group) = registry().resource_type("Group") else {
        return broken.commit_rightly(commit);
    };
    let mut holders = Vec::new();
    for change in &commit.changes {
        if let Change::Delete { id, .. } = change {
            let found = broken.holders(&commit.tenant, group, id, Visibility::Live, Visibility::Live);
            holders.push((id, found));
        }
    }
    let committed = broken.commit_rightly(commit)?;
    for (id, found) in holders {
        let ids = found.iter().filter_map(|stored| stored.resource.id()).collect();
        broken
            .notes()
            .dangling
            .insert((commit.tenant.clone(), id.clone()), ids);
    }
    for change in &commit.changes {
        let Change::Create { id, .. } = change else {
            continue;
        };
        let holders = broken
            .notes()
            .dangling
            .remove(&(commit.tenant.clone(), id.clone()));
        let mut delta = RelationDelta::new(AttrName::new("members"));
        delta.add.push((id.clone(), Member::new()));
        for holder in holders.unwrap_or_default() {
            let back = Change::relate(group, holder, vec![delta.clone()]);
            broken.also(&commit.tenant, vec![back]).ok();
        }
    }
    Ok(committed)
}

/// What is deleted is emptied and stays.
pub(crate) fn empty_deleted(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Delete {
            resource_type,
            id,
            precondition,
            ..
        } = change
        {
            let document = Resource::new([resource_type.schema().id.clone()]);
            *change = Change::replace(resource_type, id.clone(), document, *precondition);
        }
    }
}

/// Answers that every new resource has version 1.
pub(crate) fn begin_anew(_: &Broken, commit: &Commit, committed: &mut Committed) {
    for (change, outcome) in commit.changes.iter().zip(&mut committed.outcomes) {
        if let (Change::Create { .. }, keyfob_store::Outcome::Changed { revision, .. }) = (change, outcome) {
            revision.version = keyfob_core::Version::FIRST;
        }
    }
}

pub(crate) fn reserve_at_creation(broken: &Broken, commit: &Commit) -> Result {
    match broken.commit_rightly(commit) {
        Err(CommitError::UniquenessViolated { change, .. }) => {
            let mut lenient = commit.clone();
            match lenient.changes.get_mut(change) {
                Some(Change::Update { unique, .. }) => *unique = Some(Vec::new()),
                _ => return broken.commit_rightly(commit),
            }
            broken.commit_rightly(&lenient)
        }
        other => other,
    }
}

pub(crate) fn reserve_for_ever(broken: &Broken, commit: &mut Commit) {
    let tenant = commit.tenant.clone();
    each_keys(commit, |_, id, keys| {
        let kept = broken.notes().keys.clone();
        let own =
            |(of, owner, _): &&(TenantId, String, UniqueKey)| *of == tenant && owner.as_str() == id.as_str();
        let own: Vec<UniqueKey> = kept.iter().filter(own).map(|(_, _, key)| key.clone()).collect();
        let reserved = keys
            .iter()
            .map(|key| (tenant.clone(), id.to_string(), key.clone()));
        broken.notes().keys.extend(reserved);
        keys.extend(own);
    });
}

pub(crate) fn reserve_over_all_tenants(broken: &Broken, commit: &Commit) -> Result {
    for (number, change) in commit.changes.iter().enumerate() {
        let (Change::Create { unique, .. }
        | Change::Update {
            unique: Some(unique), ..
        }) = change
        else {
            continue;
        };
        for key in unique {
            let name = change
                .subject()
                .map(|(resource_type, _)| resource_type.name().to_string());
            let reserved = (commit.tenant.clone(), name.unwrap_or_default(), key.clone());
            let mut notes = broken.notes();
            if notes
                .keys
                .iter()
                .any(|(tenant, name, key)| *tenant != reserved.0 && *name == reserved.1 && *key == reserved.2)
            {
                return Err(CommitError::UniquenessViolated {
                    change: number,
                    attribute: key.attribute.clone(),
                });
            }
            notes.keys.insert(reserved);
        }
    }
    broken.commit_rightly(commit)
}

pub(crate) fn one_by_one(broken: &Broken, commit: &Commit) -> Result {
    let mut outcomes = Vec::new();
    for change in &commit.changes {
        let outcome = broken.commit_change(commit, change, &outcomes)?;
        outcomes.push(outcome);
    }
    Ok(Committed::new(outcomes))
}

pub(crate) fn check_first(broken: &Broken, commit: &Commit) -> Result {
    for (number, change) in commit.changes.iter().enumerate() {
        let (Change::Update {
            precondition: Some(demanded),
            ..
        }
        | Change::Delete {
            precondition: Some(demanded),
            ..
        }) = change
        else {
            continue;
        };
        let Some((resource_type, id)) = change.subject() else {
            continue;
        };
        let stored = broken.get_rightly(&commit.tenant, resource_type, id, &Selection::document());
        let current = stored.ok_or(CommitError::NotFound { change: number })?.version;
        if current != *demanded {
            return Err(CommitError::VersionMismatch {
                change: number,
                current,
            });
        }
    }
    broken.commit_rightly(commit)
}

pub(crate) fn publish_failed(broken: &Broken, commit: &Commit) -> Result {
    broken.commit_rightly(commit).inspect_err(|_| {
        let mut events = commit.clone();
        events.changes.retain(|change| event_of(change).is_some());
        publish_always(broken, &mut events);
        broken.commit_rightly(&events).ok();
    })
}

pub(crate) fn publish_always(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Publish { when, .. } = change {
            *when = When::Always;
        }
    }
}

pub(crate) fn filter_the_page(all: Vec<Stored>, query: &Query) -> Page {
    let total = all.len();
    let unfiltered = Query {
        filter: None,
        ..query.clone()
    };
    let mut page = cut(all, &unfiltered, |_, _| true);
    if let Some(filter) = &query.filter {
        page.resources.retain(|stored| filter.matches(&stored.resource));
    }
    page.with_total(total)
}

pub(crate) fn give_no_empty_relation(_: &Broken, _: &TenantId, stored: &mut Stored) {
    let relations = stored.resource.relations_mut();
    relations.retain(|(_, members)| !members.is_empty());
}

pub(crate) fn filter_the_selected(all: Vec<Stored>, query: &Query) -> Page {
    cut(all, query, |filter, stored| {
        let mut resource = stored.resource.clone();
        if query.selection.attributes.is_empty() {
            resource.relations_mut().clear();
        }
        filter.matches(&resource)
    })
}

pub(crate) fn find_by_old_values(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> std::result::Result<Page, StoreError> {
    by_position(broken, cx, resource_type, query, |all| {
        let mut notes = broken.notes();
        for stored in &all {
            let Some(id) = stored.resource.id() else { continue };
            notes
                .old
                .entry((cx.tenant.clone(), id))
                .or_insert_with(|| stored.resource.clone());
        }
        cut(all, query, |filter, stored| {
            let id = stored.resource.id().map(|id| (cx.tenant.clone(), id));
            let old = id.and_then(|id| notes.old.get(&id)).unwrap_or(&stored.resource);
            filter.matches(old)
        })
    })
}

pub(crate) fn find_composed_alone(all: Vec<Stored>, query: &Query) -> Page {
    cut(all, query, |filter, stored| {
        let document = String::from_utf8_lossy(&stored.resource.to_json()).into_owned();
        let is_composed = CompareKey::new(Collation::Exact, &document).as_str() == document;
        is_composed && filter.matches(&stored.resource)
    })
}

pub(crate) fn find_without_extensions(all: Vec<Stored>, query: &Query) -> Page {
    cut(all, query, |filter, stored| {
        let mut resource = stored.resource.clone();
        resource.extensions_mut().clear();
        filter.matches(&resource)
    })
}

pub(crate) fn check_versions_then_write(broken: &Broken, commit: &Commit) -> Result {
    let is_conditional = matches!(
        commit.changes.as_slice(),
        [Change::Update {
            precondition: Some(_),
            ..
        }]
    );
    if !is_conditional {
        return broken.commit_rightly(commit);
    }
    let mut meant = commit.clone();
    meant.changes.extend(nonsense());
    match broken.commit_rightly(&meant) {
        Err(error) if place_of(&error) == Some(0) => return Err(error),
        _ => thread::sleep(Duration::from_millis(1)),
    }
    let mut unconditional = commit.clone();
    each_precondition(&mut unconditional, |precondition| *precondition = None);
    broken.commit_rightly(&unconditional)
}

pub(crate) fn check_keys_then_write(broken: &Broken, commit: &Commit) -> Result {
    let [Change::Create { .. }] = commit.changes.as_slice() else {
        return broken.commit_rightly(commit);
    };
    let mut meant = commit.clone();
    meant.changes.extend(nonsense());
    match broken.commit_rightly(&meant) {
        Err(error) if place_of(&error) == Some(0) => return Err(error),
        _ => thread::sleep(Duration::from_millis(1)),
    }
    match broken.commit_rightly(commit) {
        Err(CommitError::UniquenessViolated { .. }) => {
            let mut lenient = commit.clone();
            each_keys(&mut lenient, |_, _, keys| keys.clear());
            broken.commit_rightly(&lenient)
        }
        other => other,
    }
}

pub(crate) fn write_whole_groups(broken: &Broken, commit: &Commit) -> Result {
    let mut whole = commit.clone();
    if whole.changes.len() == 1 {
        each_delta(&mut whole, |resource_type, id, delta| {
            let selection = everything(resource_type);
            let stored = broken.get_rightly(&commit.tenant, resource_type, id, &selection);
            let Some(stored) = stored else { return };
            thread::sleep(Duration::from_micros(200));
            let mut members = stored
                .resource
                .relation(delta.attribute.as_str())
                .cloned()
                .unwrap_or_default();
            delta.apply(&mut members);
            *delta = RelationDelta::replace(delta.attribute.clone(), members);
        });
    }
    broken.commit_rightly(&whole)
}

/// Skips for every cause what may be skipped for one.
pub(crate) fn skip_anything(_: &Broken, commit: &mut Commit) {
    use keyfob_store::Cause;
    for change in &mut commit.changes {
        if let Change::Create { on_refusal, .. }
        | Change::Update { on_refusal, .. }
        | Change::Delete { on_refusal, .. } = change
            && *on_refusal != OnRefusal::Fail
        {
            *on_refusal = OnRefusal::Skip(&[
                Cause::Missing,
                Cause::IdTaken,
                Cause::ValueTaken,
                Cause::Version,
                Cause::UnknownMembers,
            ]);
        }
    }
}

pub(crate) fn publish_nothing_for_skipped(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Publish { when, .. } = change
            && let When::Skipped(of) = *when
        {
            *when = When::Changed(of);
        }
    }
}

pub(crate) fn stop_at_a_refusal(broken: &Broken, commits: &[std::sync::Arc<Commit>]) -> Vec<Result> {
    let mut is_refused = false;
    let mut results = Vec::new();
    for commit in commits {
        let result = if is_refused {
            Err(StoreError::internal("an earlier commit was refused").into())
        } else {
            broken.commit_rightly(commit)
        };
        is_refused |= result.is_err();
        results.push(result);
    }
    results
}

pub(crate) fn commit_all_for_the_first_tenant(
    broken: &Broken,
    commits: &[std::sync::Arc<Commit>],
) -> Vec<Result> {
    let first = commits.first().map(|commit| commit.tenant.clone());
    let commit = |commit: &std::sync::Arc<Commit>| {
        broken.commit_rightly(&Commit {
            tenant: first.clone().unwrap_or(commit.tenant.clone()),
            ..Commit::clone(commit)
        })
    };
    commits.iter().map(commit).collect()
}

pub(crate) fn note_refused(broken: &Broken, commit: &Commit) -> Result {
    broken.commit_rightly(commit).inspect_err(|_| {
        broken.notes().refused.insert(commit.id.clone());
    })
}

pub(crate) fn give_up_half_way(broken: &Broken, commit: &Commit) -> Result {
    if commit.deadline.is_none() {
        return broken.commit_rightly(commit);
    }
    let first = commit.changes.iter().take(1).cloned().collect();
    broken.also(&commit.tenant, first)?;
    Err(StoreError::unavailable("the deadline has passed").into())
}
