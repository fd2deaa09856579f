//! What can be wrong with a store.

use std::{sync::LazyLock, thread, time::Duration};

use keyfob_core::{
    AttrName, Collation, CompareKey, DateTime, Member, Registry, Resource, ResourceId, ResourceType,
    SchemaUri, Value,
    schema::{RelationKind, ResourceTypeBuilder},
};
use keyfob_store::{
    Change, CommitError, Committed, Event, EventId, Page, Query, RelationDelta, Selection, Store, Stored,
    TenantId, UniqueKey,
};
use keyfob_store_testkit::registry;

use crate::store::{Action, Broken, Draft, cut, everything};

pub(crate) fn keep_one_extension(_: &Broken, _: &TenantId, draft: &mut Draft<'_>) {
    if let Some(document) = &mut draft.document {
        document.extensions_mut().truncate(1);
    }
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

pub(crate) fn drop_unknown(_: &Broken, _: &TenantId, draft: &mut Draft<'_>) {
    if let (Some(document), Some(resource_type)) = (&mut draft.document, draft.resource_type) {
        document
            .core_mut()
            .retain(|name, _| resource_type.attribute(name.as_str()).is_some());
    }
}

pub(crate) fn compare_keys_with(draft: &mut Draft<'_>, collation: Collation) {
    for key in &mut draft.unique {
        key.value = CompareKey::new(collation, key.value.as_str());
    }
}

pub(crate) fn fold_ids(_: &Broken, _: &TenantId, draft: &mut Draft<'_>) {
    draft.id = ResourceId::new(draft.id.as_str().to_ascii_lowercase());
}

pub(crate) fn get_of_any_type(
    broken: &Broken,
    tenant: &TenantId,
    _: &ResourceType,
    id: &ResourceId,
    selection: &Selection,
) -> Option<Stored> {
    let types = registry().resource_types();
    types
        .iter()
        .find_map(|resource_type| broken.get_rightly(tenant, resource_type, id, selection))
}

pub(crate) fn get_of_any_tenant(
    broken: &Broken,
    tenant: &TenantId,
    resource_type: &ResourceType,
    id: &ResourceId,
    selection: &Selection,
) -> Option<Stored> {
    let others = ["acme", "globex"].map(TenantId::new);
    let mut tenants = std::iter::once(tenant).chain(&others);
    tenants.find_map(|tenant| broken.get_rightly(tenant, resource_type, id, selection))
}

/// The document of a resource as it is stored, without what a store adds.
fn stored_document(broken: &Broken, tenant: &TenantId, draft: &Draft<'_>) -> Option<Resource> {
    let stored = broken.get_rightly(tenant, draft.resource_type?, &draft.id, &Selection::document())?;
    let mut document = stored.resource;
    document.core_mut().remove("id");
    document.core_mut().remove("meta");
    Some(document)
}

pub(crate) fn merge(broken: &Broken, tenant: &TenantId, draft: &mut Draft<'_>) {
    let before = stored_document(broken, tenant, draft);
    if let (Action::Update, Some(document), Some(before)) = (draft.action, &mut draft.document, before) {
        for (name, value) in before.core().iter() {
            if document.core().get(name.as_str()).is_none() {
                document.core_mut().insert(name.clone(), value.clone());
            }
        }
    }
}

pub(crate) fn always_write(broken: &Broken, tenant: &TenantId, draft: &mut Draft<'_>) {
    if draft.action == Action::Update && draft.document.is_none() {
        draft.document = stored_document(broken, tenant, draft);
    }
}

pub(crate) fn check_versions_last(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    let mut drafts: Vec<Draft<'_>> = changes.iter().map(Draft::of).collect();
    for draft in &mut drafts {
        draft.precondition = None;
    }
    // A commit that fails for another reason tells that one.
    let unconditional: Vec<Change<'_>> = drafts
        .iter()
        .filter_map(Draft::as_change)
        .chain(nonsense())
        .collect();
    match broken.commit_rightly(tenant, &unconditional) {
        Err(error) if place_of(&error) < Some(changes.len()) => Err(error),
        _ => broken.commit_rightly(tenant, changes),
    }
}

/// A change that can't be applied, for a commit that is not meant.
fn nonsense() -> Option<Change<'static>> {
    static NOBODY: LazyLock<ResourceId> = LazyLock::new(|| ResourceId::new("no such resource"));
    Some(Change::Delete {
        resource_type: registry().resource_types().first()?,
        id: &NOBODY,
        precondition: None,
        at: DateTime::from_unix_millis(0),
    })
}

fn place_of(error: &CommitError) -> Option<usize> {
    match error {
        CommitError::NotFound { change }
        | CommitError::IdTaken { change }
        | CommitError::VersionMismatch { change, .. }
        | CommitError::UniquenessViolated { change, .. }
        | CommitError::UnknownMembers { change, .. } => Some(*change),
        CommitError::Store(_) => None,
    }
}

pub(crate) fn each_member(resource: &mut Resource, change: fn(&mut Member)) {
    for (_, members) in resource.relations_mut() {
        members.iter_mut().for_each(|(_, member)| change(member));
    }
}

pub(crate) fn clear_to_remove(_: &Broken, _: &TenantId, draft: &mut Draft<'_>) {
    for delta in &mut draft.relations {
        delta.clear |= !delta.remove.is_empty();
    }
}

pub(crate) fn clear_to_add(_: &Broken, _: &TenantId, draft: &mut Draft<'_>) {
    for delta in &mut draft.relations {
        delta.clear |= !delta.add.is_empty();
    }
}

pub(crate) fn add_without_names(_: &Broken, _: &TenantId, draft: &mut Draft<'_>) {
    for (_, member) in draft.relations.iter_mut().flat_map(|delta| &mut delta.add) {
        member.display = None;
    }
}

pub(crate) fn put_in_anew(_: &Broken, _: &TenantId, draft: &mut Draft<'_>) {
    let deltas = std::mem::take(&mut draft.relations);
    for delta in deltas {
        let mut removal = RelationDelta::new(delta.attribute.clone());
        removal.remove = delta.add.iter().map(|(id, _)| id.clone()).collect();
        draft.relations.extend([removal, delta]);
    }
}

pub(crate) fn pass_over_unknown_members(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    match broken.commit_rightly(tenant, changes) {
        Err(CommitError::UnknownMembers { members, .. }) => {
            let mut drafts: Vec<Draft<'_>> = changes.iter().map(Draft::of).collect();
            for delta in drafts.iter_mut().flat_map(|draft| &mut draft.relations) {
                delta.add.retain(|(id, _)| !members.contains(id));
            }
            let changes: Vec<Change<'_>> = drafts.iter().filter_map(Draft::as_change).collect();
            broken.commit_rightly(tenant, &changes)
        }
        other => other,
    }
}

pub(crate) fn name_one_unknown_member(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    broken
        .commit_rightly(tenant, changes)
        .map_err(|error| match error {
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

pub(crate) fn take_any_member(draft: &mut Draft<'_>) {
    let name = draft.resource_type.map(ResourceType::name);
    let lenient = LENIENT.as_ref().zip(name);
    if let Some(lenient) = lenient.and_then(|(registry, name)| registry.resource_type(name)) {
        draft.resource_type = Some(lenient);
    }
}

/// A device has a relation that takes any resource.
pub(crate) fn take_what_any_relation_takes(_: &Broken, _: &TenantId, draft: &mut Draft<'_>) {
    if draft
        .resource_type
        .is_some_and(|resource_type| resource_type.name() == "Device")
    {
        take_any_member(draft);
    }
}

pub(crate) fn pass_over_members_of_a_wrong_type(broken: &Broken, tenant: &TenantId, draft: &mut Draft<'_>) {
    let Some(owner) = draft.resource_type else {
        return;
    };
    for delta in &mut draft.relations {
        let relation = owner.relation(delta.attribute.as_str());
        delta.add.retain(|(id, _)| {
            let mut types = registry().resource_types().iter();
            let found = types.find(|found| {
                broken
                    .get_rightly(tenant, found, id, &Selection::document())
                    .is_some()
            });
            let mut both = relation.zip(found).into_iter();
            both.all(|(relation, found)| relation.takes(found.name()))
        });
    }
}

pub(crate) fn take_stated_types_alone(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    for (change, draft) in changes.iter().map(Draft::of).enumerate() {
        for delta in &draft.relations {
            let relation = draft
                .resource_type
                .and_then(|owner| owner.relation(delta.attribute.as_str()));
            let reference = relation.and_then(|relation| relation.attribute.sub_attribute("$ref"));
            if reference.is_some_and(|reference| reference.reference_types.is_empty())
                && !delta.add.is_empty()
            {
                let members = delta.add.iter().map(|(id, _)| id.clone()).collect();
                return Err(CommitError::UnknownMembers { change, members });
            }
        }
    }
    broken.commit_rightly(tenant, changes)
}

/// Who gets an id in the commit that frees it may be whatever its predecessor could be, or else.
pub(crate) fn take_members_by_what_was(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    let mut drafts: Vec<Draft<'_>> = changes.iter().map(Draft::of).collect();
    if id_given_again(&drafts).is_some() {
        drafts.iter_mut().for_each(take_any_member);
    }
    let changes: Vec<Change<'_>> = drafts.iter().filter_map(Draft::as_change).collect();
    broken.commit_rightly(tenant, &changes)
}

pub(crate) fn date_back(_: &Broken, _: &TenantId, draft: &mut Draft<'_>) {
    if draft.action == Action::Create {
        draft.at = draft.created;
    }
}

/// The first change that gives an id which an earlier one of the commit frees, and which does so.
fn id_given_again<'d, 'c>(drafts: &'d [Draft<'c>]) -> Option<(usize, &'d Draft<'c>)> {
    drafts.iter().enumerate().find_map(|(place, draft)| {
        let deletes = |earlier: &&Draft<'_>| earlier.action == Action::Delete && earlier.id == draft.id;
        let freed = drafts.iter().take(place).find(deletes)?;
        (draft.action == Action::Create).then_some((place, freed))
    })
}

pub(crate) fn free_ids_last(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    let drafts: Vec<Draft<'_>> = changes.iter().map(Draft::of).collect();
    match id_given_again(&drafts) {
        Some((change, _)) => Err(CommitError::IdTaken { change }),
        None => broken.commit_rightly(tenant, changes),
    }
}

/// Where a commit fails, what it deleted is not put back if it gave the id again.
pub(crate) fn forget_what_was_there(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    let drafts: Vec<Draft<'_>> = changes.iter().map(Draft::of).collect();
    broken.commit_rightly(tenant, changes).inspect_err(|error| {
        if let Some((change, freed)) = id_given_again(&drafts)
            && Some(change) < place_of(error)
        {
            let deletion: Vec<Change<'_>> = freed.as_change().into_iter().collect();
            broken.commit_rightly(tenant, &deletion).ok();
        }
    })
}

pub(crate) fn merge_relations(_: &Broken, _: &TenantId, draft: &mut Draft<'_>) {
    for delta in &mut draft.relations {
        if delta.attribute.is("users") {
            delta.attribute = AttrName::new("components");
        }
    }
}

pub(crate) fn empty_renamed(_: &Broken, _: &TenantId, draft: &mut Draft<'_>) {
    let is_group = draft
        .resource_type
        .is_some_and(|resource_type| resource_type.schema().id == SchemaUri::GROUP);
    if is_group && draft.action == Action::Update && draft.document.is_some() {
        let mut delta = RelationDelta::new(AttrName::new("members"));
        delta.clear = true;
        draft.relations.insert(0, delta);
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

/// Counts whatever was listed at any time.
pub(crate) fn count_deleted(broken: &Broken, tenant: &TenantId, all: Vec<Stored>, query: &Query<'_>) -> Page {
    let mut notes = broken.notes();
    let listed = all
        .iter()
        .filter_map(|stored| Some((stored.resource.meta()?.resource_type?, stored.resource.id()?)));
    for (resource_type, id) in listed {
        notes
            .listed
            .insert((tenant.clone(), resource_type.to_string(), id));
    }
    let kind = all
        .first()
        .and_then(|stored| stored.resource.meta()?.resource_type);
    let deleted = |(of, name, id): &&(TenantId, String, ResourceId)| {
        of == tenant
            && Some(name.as_str()) == kind.as_deref()
            && !all.iter().any(|stored| stored.resource.id().as_ref() == Some(id))
    };
    let deleted = notes.listed.iter().filter(deleted).count();
    let page = cut(all, query, |filter, stored| filter.matches(&stored.resource));
    Page::new(page.total + deleted, page.resources)
}

/// The edges to a deleted user are out of sight until somebody gets its id again.
pub(crate) fn leave_edges(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    let Some(group) = registry().resource_type("Group") else {
        return broken.commit_rightly(tenant, changes);
    };
    let groups = pollster::block_on(broken.inner.query(
        tenant,
        group,
        &Query::new(&everything(group), usize::MAX),
    ))?;
    let committed = broken.commit_rightly(tenant, changes)?;
    for draft in changes.iter().map(Draft::of) {
        let key = (tenant.clone(), draft.id.clone());
        if draft.action == Action::Delete {
            let holders = groups.resources.iter().filter(|stored| {
                stored
                    .resource
                    .relation("members")
                    .is_some_and(|members| members.contains(&draft.id))
            });
            let holders = holders.filter_map(|stored| stored.resource.id()).collect();
            broken.notes().dangling.insert(key, holders);
        } else if draft.action == Action::Create {
            let holders = broken.notes().dangling.remove(&key).unwrap_or_default();
            let mut delta = RelationDelta::new(AttrName::new("members"));
            delta.add.push((draft.id.clone(), Member::new()));
            for holder in holders {
                let back = Change::Update {
                    resource_type: group,
                    id: &holder,
                    document: None,
                    relations: std::slice::from_ref(&delta),
                    unique: &[],
                    precondition: None,
                    at: DateTime::from_unix_millis(0),
                };
                broken.commit_rightly(tenant, &[back]).ok();
            }
        }
    }
    Ok(committed)
}

/// What is deleted is emptied and stays.
pub(crate) fn empty_deleted(_: &Broken, _: &TenantId, draft: &mut Draft<'_>) {
    if let (Action::Delete, Some(resource_type)) = (draft.action, draft.resource_type) {
        draft.action = Action::Update;
        draft.document = Some(Resource::new([resource_type.schema().id.clone()]));
    }
}

pub(crate) fn reserve_at_creation(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    match broken.commit_rightly(tenant, changes) {
        Err(CommitError::UniquenessViolated { change, .. })
            if matches!(changes.get(change), Some(Change::Update { .. })) =>
        {
            let mut drafts: Vec<Draft<'_>> = changes.iter().map(Draft::of).collect();
            if let Some(draft) = drafts.get_mut(change) {
                draft.unique.clear();
            }
            let changes: Vec<Change<'_>> = drafts.iter().filter_map(Draft::as_change).collect();
            broken.commit_rightly(tenant, &changes)
        }
        other => other,
    }
}

pub(crate) fn reserve_for_ever(broken: &Broken, tenant: &TenantId, draft: &mut Draft<'_>) {
    let kept = broken.notes().keys.clone();
    let own = |(of, id, _): &&(TenantId, String, UniqueKey)| of == tenant && id.as_str() == draft.id.as_str();
    let own: Vec<UniqueKey> = kept.iter().filter(own).map(|(_, _, key)| key.clone()).collect();
    let reserved = draft
        .unique
        .iter()
        .map(|key| (tenant.clone(), draft.id.to_string(), key.clone()));
    broken.notes().keys.extend(reserved);
    draft.unique.extend(own);
}

pub(crate) fn reserve_over_all_tenants(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    for (change, draft) in changes.iter().map(Draft::of).enumerate() {
        for key in draft.unique {
            let name = draft
                .resource_type
                .map(|resource_type| resource_type.name().to_string());
            let reserved = (tenant.clone(), name.unwrap_or_default(), key.clone());
            let mut notes = broken.notes();
            if notes
                .keys
                .iter()
                .any(|(tenant, name, key)| *tenant != reserved.0 && *name == reserved.1 && *key == reserved.2)
            {
                return Err(CommitError::UniquenessViolated {
                    change,
                    attribute: key.attribute,
                });
            }
            notes.keys.insert(reserved);
        }
    }
    broken.commit_rightly(tenant, changes)
}

pub(crate) fn one_by_one(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    let mut outcomes = Vec::new();
    for change in changes {
        let outcome = broken.commit_one(tenant, *change, &outcomes)?;
        outcomes.push(outcome);
    }
    Ok(Committed::new(outcomes))
}

pub(crate) fn check_first(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    for (change, draft) in changes.iter().map(Draft::of).enumerate() {
        let (Some(resource_type), Some(demanded)) = (draft.resource_type, draft.precondition) else {
            continue;
        };
        let stored = broken.get_rightly(tenant, resource_type, &draft.id, &Selection::document());
        let current = stored.ok_or(CommitError::NotFound { change })?.version;
        if current != demanded {
            return Err(CommitError::VersionMismatch { change, current });
        }
    }
    broken.commit_rightly(tenant, changes)
}

pub(crate) fn publish_failed(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    broken.commit_rightly(tenant, changes).inspect_err(|_| {
        let mut events: Vec<Draft<'_>> = changes.iter().map(Draft::of).collect();
        events.retain(|draft| draft.action == Action::Publish);
        for event in &mut events {
            event.of = None;
        }
        let events: Vec<Change<'_>> = events.iter().filter_map(Draft::as_change).collect();
        broken.commit_rightly(tenant, &events).ok();
    })
}

pub(crate) fn repeat_the_last(
    _: &Broken,
    all: Vec<Event>,
    after: Option<EventId>,
    limit: usize,
) -> Vec<Event> {
    let events = all.into_iter().filter(|event| Some(event.id) >= after);
    events.take(limit).collect()
}

pub(crate) fn read_backwards(
    _: &Broken,
    all: Vec<Event>,
    after: Option<EventId>,
    limit: usize,
) -> Vec<Event> {
    let events = all.into_iter().rev().filter(|event| Some(event.id) > after);
    events.take(limit).collect()
}

pub(crate) fn count_the_page(_: &Broken, _: &TenantId, all: Vec<Stored>, query: &Query<'_>) -> Page {
    let page = cut(all, query, |filter, stored| filter.matches(&stored.resource));
    Page::new(page.resources.len(), page.resources)
}

pub(crate) fn order_by_id(_: &Broken, _: &TenantId, mut all: Vec<Stored>, query: &Query<'_>) -> Page {
    all.sort_by_key(|stored| stored.resource.id());
    cut(all, query, |filter, stored| filter.matches(&stored.resource))
}

pub(crate) fn order_by_change(_: &Broken, _: &TenantId, mut all: Vec<Stored>, query: &Query<'_>) -> Page {
    all.sort_by_key(|stored| stored.resource.meta().and_then(|meta| meta.last_modified));
    cut(all, query, |filter, stored| filter.matches(&stored.resource))
}

pub(crate) fn take_0_for_none(_: &Broken, _: &TenantId, all: Vec<Stored>, query: &Query<'_>) -> Page {
    let mut query = query.clone();
    if query.count == 0 {
        query.count = usize::MAX;
    }
    cut(all, &query, |filter, stored| filter.matches(&stored.resource))
}

pub(crate) fn filter_the_page(_: &Broken, _: &TenantId, all: Vec<Stored>, query: &Query<'_>) -> Page {
    let total = all.len();
    let page = all.into_iter().skip(query.offset).take(query.count);
    let matching = page.filter(|stored| query.filter.is_none_or(|filter| filter.matches(&stored.resource)));
    Page::new(total, matching.collect())
}

pub(crate) fn filter_the_selected(_: &Broken, _: &TenantId, all: Vec<Stored>, query: &Query<'_>) -> Page {
    cut(all, query, |filter, stored| {
        let mut resource = stored.resource.clone();
        if query.selection.attributes.is_empty() {
            resource.relations_mut().clear();
        }
        filter.matches(&resource)
    })
}

pub(crate) fn select_everything(resource_type: &ResourceType, selection: &mut Selection) {
    selection.attributes = everything(resource_type).attributes;
}

pub(crate) fn give_no_empty_relation(_: &Broken, _: &TenantId, stored: &mut Stored) {
    let relations = stored.resource.relations_mut();
    relations.retain(|(_, members)| !members.is_empty());
}

pub(crate) fn lower_the_limit(_: &ResourceType, selection: &mut Selection) {
    let lower = |limit: usize| limit.saturating_sub(1);
    selection.relation_limit = selection.relation_limit.map(lower);
}

pub(crate) fn find_by_old_values(
    broken: &Broken,
    tenant: &TenantId,
    all: Vec<Stored>,
    query: &Query<'_>,
) -> Page {
    let mut notes = broken.notes();
    for stored in &all {
        let Some(id) = stored.resource.id() else { continue };
        notes
            .old
            .entry((tenant.clone(), id))
            .or_insert_with(|| stored.resource.clone());
    }
    cut(all, query, |filter, stored| {
        let id = stored.resource.id().map(|id| (tenant.clone(), id));
        let old = id.and_then(|id| notes.old.get(&id)).unwrap_or(&stored.resource);
        filter.matches(old)
    })
}

pub(crate) fn find_composed_alone(_: &Broken, _: &TenantId, all: Vec<Stored>, query: &Query<'_>) -> Page {
    cut(all, query, |filter, stored| {
        let document = String::from_utf8_lossy(&stored.resource.to_json()).into_owned();
        let is_composed = CompareKey::new(Collation::Exact, &document).as_str() == document;
        is_composed && filter.matches(&stored.resource)
    })
}

pub(crate) fn find_without_extensions(_: &Broken, _: &TenantId, all: Vec<Stored>, query: &Query<'_>) -> Page {
    cut(all, query, |filter, stored| {
        let mut resource = stored.resource.clone();
        resource.extensions_mut().clear();
        filter.matches(&resource)
    })
}

pub(crate) fn check_versions_then_write(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    if changes.len() > 1
        || !changes
            .iter()
            .map(Draft::of)
            .any(|draft| draft.precondition.is_some())
    {
        return broken.commit_rightly(tenant, changes);
    }
    check_first(broken, tenant, changes)?;
    thread::sleep(Duration::from_millis(1));
    let mut drafts: Vec<Draft<'_>> = changes.iter().map(Draft::of).collect();
    for draft in &mut drafts {
        draft.precondition = None;
    }
    let changes: Vec<Change<'_>> = drafts.iter().filter_map(Draft::as_change).collect();
    broken.commit_rightly(tenant, &changes)
}

pub(crate) fn check_keys_then_write(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    let [Change::Create { .. }] = changes else {
        return broken.commit_rightly(tenant, changes);
    };
    let meant: Vec<Change<'_>> = changes.iter().copied().chain(nonsense()).collect();
    match broken.commit_rightly(tenant, &meant) {
        Err(error) if place_of(&error) == Some(0) => return Err(error),
        _ => thread::sleep(Duration::from_millis(1)),
    }
    let mut drafts: Vec<Draft<'_>> = changes.iter().map(Draft::of).collect();
    match broken.commit_rightly(tenant, changes) {
        Err(CommitError::UniquenessViolated { .. }) => {
            for draft in &mut drafts {
                draft.unique.clear();
            }
            let changes: Vec<Change<'_>> = drafts.iter().filter_map(Draft::as_change).collect();
            broken.commit_rightly(tenant, &changes)
        }
        other => other,
    }
}

pub(crate) fn write_whole_groups(
    broken: &Broken,
    tenant: &TenantId,
    changes: &[Change<'_>],
) -> Result<Committed, CommitError> {
    let mut drafts: Vec<Draft<'_>> = changes.iter().map(Draft::of).collect();
    if let [draft] = drafts.as_mut_slice()
        && let (Action::Update, Some(resource_type)) = (draft.action, draft.resource_type)
        && let Some(stored) = broken.get_rightly(tenant, resource_type, &draft.id, &everything(resource_type))
    {
        thread::sleep(Duration::from_micros(200));
        for delta in &mut draft.relations {
            let mut members = stored
                .resource
                .relation(delta.attribute.as_str())
                .cloned()
                .unwrap_or_default();
            delta.apply(&mut members);
            *delta = RelationDelta::replace(delta.attribute.clone(), members);
        }
    }
    let changes: Vec<Change<'_>> = drafts.iter().filter_map(Draft::as_change).collect();
    broken.commit_rightly(tenant, &changes)
}

/// Some events are not there yet when they are first asked for, although later ones are.
pub(crate) fn show_late(
    broken: &Broken,
    all: Vec<Event>,
    after: Option<EventId>,
    limit: usize,
) -> Vec<Event> {
    let mut notes = broken.notes();
    let shown = |event: &Event| {
        Some(event.id) > after && (!event.id.number().is_multiple_of(5) || !notes.seen.insert(event.id))
    };
    all.into_iter().filter(shown).take(limit).collect()
}

pub(crate) fn forget_events(broken: Broken) -> Broken {
    for tenant in ["acme", "globex"] {
        let tenant = TenantId::new(tenant);
        let events = pollster::block_on(broken.inner.events(&tenant, None, usize::MAX)).unwrap_or_default();
        broken.notes().seen.extend(events.iter().map(|event| event.id));
    }
    broken
}
