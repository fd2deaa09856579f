//! What can be wrong with pages, orders, cursors and budgets, with events and with maintenance.

use std::collections::BTreeMap;

use keyfob_core::{DateTime, ResourceId, ResourceType, message::SortOrder};
use keyfob_store::{
    Change, Commit, Cursor, Event, Exhausted, FeedError, Feeds, Finding, Keys, Page, Paging, Position, Query,
    ReadContext, Retention, Selection, Store, StoreError, Stored, TenantId, UniqueKey, Visibility,
};
use keyfob_store_testkit::registry;

use crate::{
    bugs::{by_position, stored_document},
    store::{Broken, RIGHT, cut},
};

type Result<T = Page> = std::result::Result<T, StoreError>;

fn rightly(broken: &Broken, cx: &ReadContext, resource_type: &ResourceType, query: &Query) -> Result {
    pollster::block_on(broken.inner.query(cx, resource_type, query))
}

/// Remembers in which order resources are put in.
pub(crate) fn note_order(broken: &Broken, commit: &mut Commit) {
    for change in &commit.changes {
        if let Change::Create { id, document, .. } = change {
            let key = (commit.tenant.clone(), id.clone());
            broken
                .notes()
                .old
                .insert(key.clone(), keyfob_core::Resource::clone(document));
            broken.notes().order.push(key);
        }
    }
}

/// Sorts what a query finds in another way, and cuts the page out of that.
fn in_order(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
    sort: impl FnOnce(&mut Vec<Stored>),
) -> Result {
    by_position(broken, cx, resource_type, query, |mut all| {
        sort(&mut all);
        cut(all, query, |filter, stored| filter.matches(&stored.resource))
    })
}

pub(crate) fn order_by_insertion(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    in_order(broken, cx, resource_type, query, |all| {
        let notes = broken.notes();
        all.sort_by_key(|stored| {
            let id = stored.resource.id();
            notes
                .order
                .iter()
                .rposition(|(tenant, other)| *tenant == cx.tenant && Some(other) == id.as_ref())
        });
    })
}

pub(crate) fn order_by_id(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    in_order(broken, cx, resource_type, query, |all| {
        all.sort_by_key(|stored| stored.resource.id());
    })
}

pub(crate) fn order_by_change(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    in_order(broken, cx, resource_type, query, |all| {
        all.sort_by_key(|stored| stored.resource.meta().and_then(|meta| meta.last_modified));
    })
}

/// The text by which a query sorts, as it was written.
fn written(stored: &Stored, query: &Query) -> Option<String> {
    let path = &query.sort.as_ref()?.path;
    let core = stored.resource.core();
    core.get_str(path.name().as_str()).map(str::to_owned)
}

fn is_descending(query: &Query) -> bool {
    let order = query.sort.as_ref().map(|sort| sort.order);
    order == Some(SortOrder::Descending)
}

pub(crate) fn sort_texts_as_written(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    in_order(broken, cx, resource_type, query, |all| {
        if query.sort.is_some() {
            all.sort_by_key(|stored| written(stored, query));
        }
    })
}

pub(crate) fn sort_absent_first(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    in_order(broken, cx, resource_type, query, |all| {
        if query.sort.is_some() {
            all.sort_by_key(|stored| written(stored, query).is_some());
        }
    })
}

/// Descending order is ascending order from behind.
pub(crate) fn reverse_all(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    if !is_descending(query) {
        return rightly(broken, cx, resource_type, query);
    }
    let mut ascending = query.clone();
    if let Some(sort) = &mut ascending.sort {
        sort.order = SortOrder::Ascending;
    }
    let mut all = broken.all(cx, resource_type, &ascending);
    all.reverse();
    let page = cut(all, query, |filter, stored| filter.matches(&stored.resource));
    Ok(broken.selected(cx, resource_type, query, page))
}

/// Sorts the page alone.
pub(crate) fn sort_the_page(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    let unsorted = Query {
        sort: None,
        ..query.clone()
    };
    let mut page = rightly(broken, cx, resource_type, &unsorted)?;
    if query.sort.is_some() {
        page.resources.sort_by_key(|stored| written(stored, query));
    }
    Ok(page)
}

pub(crate) fn sort_by_old_values(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    in_order(broken, cx, resource_type, query, |all| {
        if query.sort.is_none() {
            return;
        }
        let notes = broken.notes();
        all.sort_by_key(|stored| {
            let id = stored.resource.id().unwrap_or_else(|| ResourceId::new(""));
            let old = notes.old.get(&(cx.tenant.clone(), id));
            let old = old.and_then(|old| old.core().get_str("externalId").map(str::to_owned));
            (old.is_none(), old)
        });
    })
}

pub(crate) fn sort_live_alone(_: &Broken, query: &mut Query) {
    if query.sort.is_some() {
        query.visibility = Visibility::Live;
    }
}

pub(crate) fn sort_ascending(_: &Broken, query: &mut Query) {
    if let Some(sort) = &mut query.sort {
        sort.order = SortOrder::Ascending;
    }
}

/// Where it can't sort, it doesn't.
pub(crate) fn pass_over_the_order(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    match rightly(broken, cx, resource_type, query) {
        Err(StoreError::Unsupported(_)) => {
            let unsorted = Query {
                sort: None,
                ..query.clone()
            };
            rightly(broken, cx, resource_type, &unsorted)
        }
        other => other,
    }
}

/// Pages by cursor in a way of its own.
fn paged(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
    page: impl FnOnce(Vec<Stored>, Option<&Cursor>, usize) -> (Vec<Stored>, Option<Cursor>),
) -> Result {
    let Paging::Cursor { after, count } = &query.paging else {
        return rightly(broken, cx, resource_type, query);
    };
    // The right store looks at the cursor.
    if after.is_none() {
        rightly(broken, cx, resource_type, query)?;
    }
    let all = broken.all(cx, resource_type, query);
    let total = all.len();
    let (resources, next) = page(all, after.as_ref(), *count);
    let page = Page::new(resources).with_next(next).with_total(total);
    Ok(broken.selected(cx, resource_type, query, page))
}

/// The cursor is a number of resources.
pub(crate) fn count_to_the_cursor(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    paged(broken, cx, resource_type, query, |all, after, count| {
        let text = after.map(|cursor| String::from_utf8_lossy(cursor.as_bytes()).into_owned());
        let offset: usize = text.and_then(|text| text.parse().ok()).unwrap_or_default();
        let end = offset.saturating_add(count);
        let next = (end < all.len()).then(|| Cursor::new(end.to_string().into_bytes()));
        (all.into_iter().skip(offset).take(count).collect(), next)
    })
}

/// The cursor is an instant.
pub(crate) fn page_by_time(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    let created = |stored: &Stored| {
        let created = stored.resource.meta().and_then(|meta| meta.created);
        created.map(DateTime::unix_millis).unwrap_or_default()
    };
    paged(broken, cx, resource_type, query, |all, after, count| {
        let text = after.map(|cursor| String::from_utf8_lossy(cursor.as_bytes()).into_owned());
        let after: i64 = text.and_then(|text| text.parse().ok()).unwrap_or(i64::MIN);
        let mut rest: Vec<Stored> = all.into_iter().filter(|stored| created(stored) > after).collect();
        let goes_on = rest.len() > count;
        rest.truncate(count);
        let next = rest
            .last()
            .map(|stored| Cursor::new(created(stored).to_string().into_bytes()));
        (rest, next.filter(|_| goes_on))
    })
}

/// A page begins with the last resource of the page before.
pub(crate) fn repeat_the_last_resource(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    paged(broken, cx, resource_type, query, |all, after, count| {
        let last = after.map(|cursor| String::from_utf8_lossy(cursor.as_bytes()).into_owned());
        let start = all.iter().position(|stored| {
            let id = stored.resource.id().map(|id| id.to_string());
            id == last
        });
        let start = start.unwrap_or_default();
        let goes_on = start.saturating_add(count) < all.len();
        let page: Vec<Stored> = all.into_iter().skip(start).take(count).collect();
        let next = page.last().and_then(|stored| stored.resource.id());
        let next = next.map(|id| Cursor::new(id.as_str().as_bytes().to_vec()));
        (page, next.filter(|_| goes_on))
    })
}

/// The cursor knows the creation of the last resource and not its value.
pub(crate) fn page_without_values(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    let unsorted = Query {
        sort: None,
        ..query.clone()
    };
    if query.sort.is_some() && matches!(query.paging, Paging::Cursor { after: Some(_), .. }) {
        return rightly(broken, cx, resource_type, &unsorted).or_else(|_| Ok(Page::default()));
    }
    rightly(broken, cx, resource_type, query)
}

pub(crate) fn begin_again_at_odd_cursors(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    match rightly(broken, cx, resource_type, query) {
        Err(StoreError::InvalidCursor) => {
            let first = query.clone().with_paging(Paging::Cursor {
                after: None,
                count: query.paging.count(),
            });
            rightly(broken, cx, resource_type, &first)
        }
        other => other,
    }
}

pub(crate) fn count_the_rest(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    let mut page = rightly(broken, cx, resource_type, query)?;
    if let Paging::Cursor { after: Some(_), .. } = query.paging {
        let rest = page.total.map(|total| total.saturating_sub(query.paging.count()));
        page.total = rest;
    }
    Ok(page)
}

pub(crate) fn show_live_ones_on_later_pages(_: &Broken, query: &mut Query) {
    if let Paging::Cursor { after: Some(_), .. } = query.paging {
        query.visibility = Visibility::Live;
    }
}

pub(crate) fn always_go_on(_: &Query, page: &mut Page) {
    if page.next.is_none() {
        page.next = Some(Cursor::new(b"on".to_vec()));
    }
}

/// Gives what it has found when the budget is exhausted.
pub(crate) fn answer_short(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    match rightly(broken, cx, resource_type, query) {
        Err(StoreError::Exhausted(Exhausted::Steps { .. })) => {
            let unlimited = ReadContext::new(cx.tenant.clone());
            let mut page = rightly(broken, &unlimited, resource_type, query)?;
            page.resources.pop();
            Ok(page)
        }
        other => other,
    }
}

/// Leaves out what its bytes don't cover.
pub(crate) fn leave_out_beyond_bytes(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    let mut page = rightly(broken, cx, resource_type, query)?;
    let covered = usize::try_from(cx.budget.bytes / 100).unwrap_or(usize::MAX);
    page.resources.truncate(covered);
    Ok(page)
}

/// Gives the members of a page in the order of their ids, those after the mark among them.
pub(crate) fn order_pages_by_id(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Vec<Option<Stored>> {
    let mut whole = selection.clone();
    let page = whole.page.take();
    if page.is_some() {
        whole.relation_limit = None;
    }
    let mut found = read_in_order(broken, cx, resource_type, ids, &whole);
    if let Some(page) = page {
        for stored in found.iter_mut().flatten() {
            for (_, members) in stored.resource.relations_mut() {
                let sorted: BTreeMap<_, _> = std::mem::take(members).into_iter().collect();
                let after = sorted
                    .into_iter()
                    .filter(|(id, _)| page.after.as_ref().is_none_or(|after| id > after));
                *members = after.take(page.count).collect();
            }
        }
    }
    found
}

/// Cuts inverse relations as owned ones.
pub(crate) fn cut_all_relations_to_a_page(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Vec<Option<Stored>> {
    let mut found = read_in_order(broken, cx, resource_type, ids, selection);
    if let Some(page) = &selection.page {
        for stored in found.iter_mut().flatten() {
            for (_, members) in stored.resource.relations_mut() {
                *members = std::mem::take(members).into_iter().take(page.count).collect();
            }
        }
    }
    found
}

fn read_in_order(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Vec<Option<Stored>> {
    let ids = ids.iter();
    ids.map(|id| broken.get_rightly(&cx.tenant, resource_type, id, selection))
        .collect()
}

pub(crate) fn find_keys_of_any_attribute(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    let Some(key) = &query.reserved else {
        return rightly(broken, cx, resource_type, query);
    };
    let mut found = Page::default();
    for attribute in ["userName", "card"] {
        let other = Query {
            reserved: Some(UniqueKey::new(attribute, key.value.clone())),
            ..query.clone()
        };
        found = rightly(broken, cx, resource_type, &other)?;
        if !found.resources.is_empty() {
            break;
        }
    }
    Ok(found)
}

/// Finds the hidden resource that would reserve a key.
pub(crate) fn find_keys_of_hidden(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    query: &Query,
) -> Result {
    let found = rightly(broken, cx, resource_type, query)?;
    let Some(key) = query.reserved.as_ref().filter(|_| found.resources.is_empty()) else {
        return Ok(found);
    };
    let hidden = Query::all().with_visibility(Visibility::Hidden);
    let mut hidden = broken.all(cx, resource_type, &hidden);
    hidden.retain(|stored| stored.resource.core().get_str(&key.attribute) == Some(key.value.as_str()));
    Ok(Page::new(hidden))
}

pub(crate) fn read_in_order_of_ids(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Vec<Option<Stored>> {
    let mut sorted = ids.to_vec();
    sorted.sort();
    (RIGHT.get)(broken, cx, resource_type, &sorted, selection)
}

pub(crate) fn read_what_is_there(
    broken: &Broken,
    cx: &ReadContext,
    resource_type: &ResourceType,
    ids: &[ResourceId],
    selection: &Selection,
) -> Vec<Option<Stored>> {
    let mut found = (RIGHT.get)(broken, cx, resource_type, ids, selection);
    if ids.len() > 1 {
        found.retain(Option::is_some);
    }
    found
}

/// Reads everything that is left of a feed.
fn whole_feed(broken: &Broken, tenant: &TenantId) -> Vec<Event> {
    let read = |after| pollster::block_on(broken.inner.read_feed(tenant, after, usize::MAX));
    match read(Position::START) {
        Err(FeedError::Gone { oldest }) => {
            read(Position::new(oldest.number().saturating_sub(1))).unwrap_or_default()
        }
        events => events.unwrap_or_default(),
    }
}

type Read = std::result::Result<Vec<Event>, FeedError>;

pub(crate) fn repeat_the_last(
    broken: &Broken,
    tenant: &TenantId,
    after: Position,
    limit: usize,
) -> Vec<Event> {
    let events = whole_feed(broken, tenant).into_iter();
    events
        .filter(|event| event.position >= after)
        .take(limit)
        .collect()
}

pub(crate) fn know_no_limit(broken: &Broken, tenant: &TenantId, after: Position, _: usize) -> Read {
    pollster::block_on(broken.inner.read_feed(tenant, after, usize::MAX))
}

pub(crate) fn read_backwards(broken: &Broken, tenant: &TenantId, after: Position, limit: usize) -> Read {
    let mut events = pollster::block_on(broken.inner.read_feed(tenant, after, usize::MAX))?;
    events.reverse();
    events.truncate(limit);
    Ok(events)
}

/// Some events are not there yet when they are first asked for, although later ones are.
pub(crate) fn show_late(broken: &Broken, tenant: &TenantId, after: Position, limit: usize) -> Read {
    let events = pollster::block_on(broken.inner.read_feed(tenant, after, usize::MAX))?;
    let mut notes = broken.notes();
    let shown = |event: &Event| {
        let is_late = event.position.number().is_multiple_of(5);
        !is_late || !notes.seen.insert((tenant.clone(), event.position))
    };
    Ok(events.into_iter().filter(shown).take(limit).collect())
}

/// What was there before the store was closed is lost.
pub(crate) fn read_what_was_not_seen(
    broken: &Broken,
    tenant: &TenantId,
    after: Position,
    limit: usize,
) -> Read {
    let events = pollster::block_on(broken.inner.read_feed(tenant, after, usize::MAX))?;
    let lost = |event: &Event| broken.notes().seen.contains(&(tenant.clone(), event.position));
    Ok(events
        .into_iter()
        .filter(|event| !lost(event))
        .take(limit)
        .collect())
}

pub(crate) fn forget_events(broken: Broken) -> Broken {
    for tenant in ["acme", "globex"] {
        let tenant = TenantId::new(tenant);
        let events = whole_feed(&broken, &tenant);
        let seen = events.iter().map(|event| (tenant.clone(), event.position));
        broken.notes().seen.extend(seen);
    }
    broken
}

/// Starts where the feed now starts.
pub(crate) fn pass_over_what_is_gone(
    broken: &Broken,
    tenant: &TenantId,
    after: Position,
    limit: usize,
) -> Read {
    match pollster::block_on(broken.inner.read_feed(tenant, after, limit)) {
        Err(FeedError::Gone { oldest }) => {
            let start = Position::new(oldest.number().saturating_sub(1));
            pollster::block_on(broken.inner.read_feed(tenant, start, limit))
        }
        other => other,
    }
}

/// Drops events of what was forgotten.
pub(crate) fn read_what_is_not_forgotten(
    broken: &Broken,
    tenant: &TenantId,
    after: Position,
    limit: usize,
) -> Read {
    let mut events = pollster::block_on(broken.inner.read_feed(tenant, after, limit))?;
    let forgotten = broken.notes().forgotten.clone();
    events.retain(|event| !forgotten.contains(&event.event.resource));
    Ok(events)
}

pub(crate) fn note_forgotten(broken: &Broken, commit: &mut Commit) {
    for change in &commit.changes {
        if let Change::Forget { id, .. } = change {
            broken.notes().forgotten.insert(id.clone());
        }
    }
}

pub(crate) fn forget_nobody(_: &Broken, commit: &mut Commit) {
    for change in &mut commit.changes {
        if let Change::Forget { id, .. } = change {
            *id = ResourceId::new("no such resource");
        }
    }
}

pub(crate) fn forget_everywhere(broken: &Broken, commit: &mut Commit) {
    let forgets = commit.changes.iter();
    let forgets: Vec<Change> = forgets
        .filter(|change| matches!(change, Change::Forget { .. }))
        .cloned()
        .collect();
    for tenant in ["acme", "globex"] {
        broken.also(&TenantId::new(tenant), forgets.clone()).ok();
    }
}

pub(crate) fn split_the_first_commit(
    broken: &Broken,
    tenant: &TenantId,
    retention: &Retention,
    limit: usize,
) -> usize {
    let trimmed = (RIGHT.trim)(broken, tenant, retention, limit);
    if trimmed > 0 && trimmed < limit && !whole_feed(broken, tenant).is_empty() {
        let next = whole_feed(broken, tenant)
            .first()
            .map(|event| event.position.number());
        broken
            .notes()
            .trimmed
            .insert(tenant.clone(), next.unwrap_or_default());
        return trimmed + 1;
    }
    trimmed
}

/// Positions begin again after a trim of everything.
pub(crate) fn count_anew(broken: &Broken, tenant: &TenantId, event: &mut Event) {
    let trimmed = broken.notes().trimmed.get(tenant).copied().unwrap_or_default();
    event.position = Position::new(event.position.number().saturating_sub(trimmed).max(1));
}

pub(crate) fn note_trimmed(broken: &Broken, tenant: &TenantId, retention: &Retention, limit: usize) -> usize {
    let trimmed = (RIGHT.trim)(broken, tenant, retention, limit);
    if whole_feed(broken, tenant).is_empty() {
        let count = u64::try_from(trimmed).unwrap_or_default();
        *broken.notes().trimmed.entry(tenant.clone()).or_default() += count;
    }
    trimmed
}

pub(crate) fn acknowledge_back(broken: &Broken, tenant: &TenantId, consumer: &str, position: Position) {
    let key = (tenant.clone(), consumer.to_owned());
    broken.notes().acknowledged.insert(key, position);
}

pub(crate) fn acknowledged_last(broken: &Broken, tenant: &TenantId, consumer: &str) -> Position {
    let key = (tenant.clone(), consumer.to_owned());
    broken.notes().acknowledged.get(&key).copied().unwrap_or_default()
}

pub(crate) fn list_from_the_start(
    broken: &Broken,
    consumer: &str,
    _: Option<&TenantId>,
    limit: usize,
) -> Vec<TenantId> {
    (RIGHT.with_news)(broken, consumer, None, limit)
}

pub(crate) fn list_news_backwards(
    broken: &Broken,
    consumer: &str,
    after: Option<&TenantId>,
    limit: usize,
) -> Vec<TenantId> {
    let mut listed = (RIGHT.with_news)(broken, consumer, after, limit);
    listed.reverse();
    listed
}

pub(crate) fn list_all_as_news(
    broken: &Broken,
    _: &str,
    after: Option<&TenantId>,
    limit: usize,
) -> Vec<TenantId> {
    (RIGHT.tenants)(broken, after, limit)
}

pub(crate) fn erase_by_prefix(broken: &Broken, tenant: &TenantId) -> bool {
    for other in (RIGHT.tenants)(broken, None, usize::MAX) {
        if other != *tenant && other.as_str().starts_with(tenant.as_str()) {
            (RIGHT.erase)(broken, &other);
        }
    }
    (RIGHT.erase)(broken, tenant)
}

/// Erases resources and leaves the events.
pub(crate) fn erase_resources(broken: &Broken, tenant: &TenantId) -> bool {
    let mut changes = Vec::new();
    for resource_type in registry().resource_types() {
        let cx = ReadContext::new(tenant.clone());
        for stored in broken.all(&cx, resource_type, &Query::all()) {
            let id = stored.resource.id();
            changes.extend(id.map(|id| Change::delete(resource_type, id, None)));
        }
    }
    let found = !changes.is_empty();
    broken.also(tenant, changes).ok();
    found
}

pub(crate) fn find_what_is_sound(
    broken: &Broken,
    tenant: &TenantId,
    resource_type: &ResourceType,
    keys: &Keys,
) -> Vec<Finding> {
    let mut findings = (RIGHT.check)(broken, tenant, resource_type, keys);
    let cx = ReadContext::new(tenant.clone());
    for stored in broken.all(&cx, resource_type, &Query::first(1)) {
        let id = stored.resource.id();
        findings.extend(id.map(|resource| Finding::Unindexed { resource }));
    }
    findings
}

/// Misses keys of hidden resources.
pub(crate) fn find_keys_missing_of_hidden(
    broken: &Broken,
    tenant: &TenantId,
    resource_type: &ResourceType,
    keys: &Keys,
) -> Vec<Finding> {
    let mut findings = (RIGHT.check)(broken, tenant, resource_type, keys);
    let cx = ReadContext::new(tenant.clone());
    let hidden = Query::all().with_visibility(Visibility::Hidden);
    for stored in broken.all(&cx, resource_type, &hidden) {
        for key in keys(&stored) {
            let id = stored.resource.id();
            findings.extend(id.map(|resource| Finding::Unreserved { resource, key }));
        }
    }
    findings
}

/// Takes a collision for a key that nobody has.
pub(crate) fn find_no_owner(
    broken: &Broken,
    tenant: &TenantId,
    resource_type: &ResourceType,
    keys: &Keys,
) -> Vec<Finding> {
    let findings = (RIGHT.check)(broken, tenant, resource_type, keys).into_iter();
    findings
        .map(|finding| match finding {
            Finding::Collision { resource, key, .. } => Finding::Unreserved { resource, key },
            other => other,
        })
        .collect()
}

/// Checks and mends at once.
pub(crate) fn check_by_writing(
    broken: &Broken,
    tenant: &TenantId,
    resource_type: &ResourceType,
    keys: &Keys,
) -> Vec<Finding> {
    let cx = ReadContext::new(tenant.clone());
    for stored in broken.all(&cx, resource_type, &Query::first(1)) {
        let Some(id) = stored.resource.id() else { continue };
        if let Some(document) = stored_document(broken, tenant, resource_type, &id) {
            let again = Change::replace(resource_type, id, document, None);
            broken.also(tenant, vec![again]).ok();
        }
    }
    (RIGHT.check)(broken, tenant, resource_type, keys)
}
