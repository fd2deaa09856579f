//! Reading the source: what has to be looked at again, and what has to be removed.

use std::{cell::RefCell, collections::BTreeSet};

use keyfob_client::BlockingTransport;
use keyfob_core::{SmolStr, json, message::PatchRequest};
use keyfob_expression::{Source, Value};
use keyfob_mapping::Change;

use super::{Cycle, Stop, change};
use crate::{
    error::SyncError,
    event::{Action, Event, Guard, Held, Step},
    rule::{Kind, Rule},
    source::{IS_SOFT_DELETED, Item, Membership, Object, Place, SourceErrorKind, demand_plain},
    state::{Digest, Failed, Linked, Owned, Removal, Size, Staged, State, StateError, millis},
};

/// The removals that guards hold back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guarded {
    /// If true, nothing is disabled or deleted but what was allowed.
    pub(super) removals: bool,
    /// If true, no member is removed either but those that were allowed, and the read doesn't count as whole.
    pub(super) is_shrunk: bool,
}

/// The resources that references point at, and those that are missing.
pub(super) struct References<'r> {
    state: &'r State,
    rule: &'r Rule,
    found: RefCell<Found>,
}

#[derive(Default)]
struct Found {
    missing: BTreeSet<SmolStr>,
    failure: Option<StateError>,
}

impl<'r> References<'r> {
    pub(super) fn new(state: &'r State, rule: &'r Rule) -> Self {
        Self {
            state,
            rule,
            found: RefCell::default(),
        }
    }

    /// Returns the id of the resource for an object. Members are no part of a resource here: they follow one by one.
    pub(super) fn resolve(&self, path: &str, source_id: &str) -> Option<SmolStr> {
        if self.rule.is_relation(path) {
            return None;
        }
        let mut found = self.found.borrow_mut();
        match self.state.target_of(source_id) {
            Ok(Some(id)) => Some(id.as_str().into()),
            Ok(None) => {
                found.missing.insert(source_id.into());
                None
            }
            Err(error) => {
                found.failure = Some(error);
                None
            }
        }
    }

    /// Returns the ids of the objects without a resource.
    pub(super) fn missing(self) -> Result<BTreeSet<SmolStr>, StateError> {
        let found = self.found.into_inner();
        found.failure.map_or(Ok(found.missing), Err)
    }
}

impl<X: BlockingTransport + Send + Sync> Cycle<'_, X> {
    /// Reads the source once, and stages what it says. Returns its size.
    pub(super) fn stage(&mut self) -> Result<Size, Stop> {
        self.page(|cycle| {
            cycle.state.clear_stage()?;
            let source = cycle.source;
            let mut has_object = false;
            for item in source.items().map_err(SyncError::from)? {
                match item.map_err(SyncError::from)? {
                    Item::Object(mut object) => {
                        if cycle.only.is_none_or(|only| only == object.id) {
                            has_object = true;
                            complete(&mut object)?;
                            cycle.stage_object(&object)?;
                        }
                    }
                    Item::Membership(membership) => cycle.stage_membership(&membership)?,
                    Item::Deleted(id) => {
                        cycle.deleted.insert(id);
                    }
                }
            }
            match cycle.only {
                Some(id) if !has_object => return Err(SyncError::NoObject { id: id.into() }.into()),
                Some(_) => {}
                None => {
                    if let Some((group, member)) = cycle.state.edge_of_nobody()? {
                        let kind = SourceErrorKind::NoGroup { group, member };
                        return Err(kind.at(&Place::default()).into());
                    }
                    cycle.stage_missing()?;
                }
            }
            Ok(())
        })?;
        Ok(self.state.read_size()?)
    }

    fn stage_membership(&mut self, membership: &Membership) -> Result<(), Stop> {
        if self.only.is_some_and(|only| only != membership.group) {
            return Ok(());
        }
        if self.rule(Kind::Group).is_none_or(|rule| rule.members.is_none()) {
            return Err(SourceErrorKind::MembersNotMapped.at(&membership.place).into());
        }
        for id in [&membership.group, &membership.member] {
            demand_plain(id).map_err(|kind| kind.at(&membership.place))?;
        }
        self.state
            .put_staged_edge(&membership.group, &membership.member)?;
        Ok(())
    }

    fn stage_object(&mut self, object: &Object) -> Result<(), Stop> {
        let refuse = |kind: SourceErrorKind| Stop::from(kind.at(&object.place));
        demand_plain(&object.id).map_err(refuse)?;
        let rule = self.rule(object.kind);
        let rule = rule.ok_or_else(|| refuse(SourceErrorKind::NoRule { kind: object.kind }))?;
        let linked = self.state.link(&object.id)?;
        let is_other = |linked: &Linked| linked.link.kind != object.kind;
        if self.state.staged(&object.id)?.is_some() || linked.as_ref().is_some_and(is_other) {
            return Err(refuse(SourceErrorKind::Twice {
                id: object.id.clone(),
            }));
        }
        let mut knows_members = false;
        if let Some(name) = rule.members.as_deref().filter(|_| object.kind == Kind::Group) {
            knows_members = self.source.lists_memberships();
            if let Some(members) = object.source.get(name) {
                knows_members = true;
                for member in ids(members).map_err(refuse)? {
                    self.state.put_staged_edge(&object.id, &member)?;
                }
            }
        }
        let scope = rule.mapper.scope();
        let decided = scope.contains(&object.source);
        let in_scope = matches!(decided, Ok(true));
        let digest = rule.digest(&object.source, in_scope);
        self.tell_of(object, rule);
        let work = match &decided {
            Ok(_) => self.is_work(object, rule, linked.as_ref(), digest, in_scope)?,
            // Nothing is in or out of scope then: to take it for out of scope would remove what should stay.
            Err(error) => {
                self.hold(
                    Step::new(object.kind, &object.id, Action::Match),
                    Held::Mapping(error.to_string()),
                );
                false
            }
        };
        self.state.put_staged(
            &object.id,
            &Staged {
                kind: object.kind,
                digest,
                in_scope,
                work,
                knows_members,
            },
        )?;
        Ok(())
    }

    /// Tells of the one object of an on-demand run.
    fn tell_of(&mut self, object: &Object, rule: &Rule) {
        if self.only.is_none() {
            return;
        }
        let named = ["userPrincipalName", "displayName", "mail", "userName"];
        let name = named.iter().find_map(|name| object.source.get(name));
        let name = name.map_or_else(|| object.id.clone(), Value::to_text);
        let attributes = object.source.iter().len();
        (self.observe)(&Event::Imported { name, attributes });
        if let Ok(decision) = rule.mapper.scope().decide(&object.source) {
            (self.observe)(&Event::Scoped {
                in_scope: decision.in_scope,
                decision: decision.to_string(),
            });
        }
    }

    /// Returns true if an object has to be looked at again. One whose resource has to be disabled or deleted is not, but
    /// becomes a removal.
    fn is_work(
        &mut self,
        object: &Object,
        rule: &Rule,
        linked: Option<&Linked>,
        digest: Digest,
        in_scope: bool,
    ) -> Result<bool, Stop> {
        let is_deleted = object.kind == Kind::User && is_soft_deleted(&object.source);
        let failed = self.state.failed(&object.id, "")?;
        let is_as_it_failed = |failed: &Failed| failed.digest.as_deref() == Some(&digest[..]);
        let is_forced = self.only.is_some();
        if self.state.has_intent(&object.id)? {
            let step = Step::new(object.kind, &object.id, Action::Create);
            let several = self.several.remove(&object.id);
            self.hold(
                step,
                several.map_or(Held::Uncertain, |(_, ids)| Held::SeveralMatch { ids }),
            );
            return Ok(false);
        }
        let Some(linked) = linked else {
            // A user who is disabled is not created.
            if !in_scope || is_deleted {
                self.report.counts.skipped += 1;
                self.state.remove_failed(&object.id, "")?;
                return Ok(false);
            }
            return Ok(match failed.filter(|failed| is_as_it_failed(failed)) {
                Some(failed) if failed.next > millis(self.now) && !is_forced => {
                    let step = Step::new(object.kind, &object.id, Action::Match);
                    self.hold(step, Held::Escrow(failed.reason));
                    false
                }
                _ => true,
            });
        };
        if linked.uncertain {
            let step = Step::new(object.kind, &object.id, Action::Update).of(&linked.link.target_id);
            self.hold(step, Held::Uncertain);
            return Ok(false);
        }
        if !in_scope && self.job.skip_out_of_scope_deletions {
            self.report.counts.skipped += 1;
            return Ok(false);
        }
        let is_unchanged = linked.digest.as_deref() == Some(&digest[..]);
        match &failed {
            None if is_unchanged && !is_forced => {
                self.report.counts.up_to_date += 1;
                return Ok(false);
            }
            Some(failed) if is_as_it_failed(failed) && failed.next > millis(self.now) && !is_forced => {
                let step = Step::new(object.kind, &object.id, Action::Update).of(&linked.link.target_id);
                self.hold(step, Held::Escrow(failed.reason.clone()));
                return Ok(false);
            }
            _ => {}
        }
        let held = linked.held(rule.resource_type())?;
        let references = References::new(self.state, rule);
        let change = self.apply(rule, object, Some(&held), &references);
        let missing = references.missing()?;
        let disables = |request: &PatchRequest| {
            !change::is_inactive(&held)
                && change::after(&held, request, rule.resource_type())
                    .is_some_and(|after| change::is_inactive(&after))
        };
        let removal = match change {
            Ok(Change::Disable(request)) => Some(Some(request)),
            // Whatever attribute of the source that comes from: who is no longer active has lost access.
            Ok(Change::Update(request)) if disables(&request) => Some(Some(request)),
            Ok(Change::Delete) => Some(None),
            // What else it is, and what is wrong with it, is told where it is sent.
            _ => None,
        };
        let Some(patch) = removal else {
            return Ok(true);
        };
        let reason = if in_scope {
            "disabled in the source"
        } else {
            "out of scope"
        };
        self.put_removal(linked, patch.as_ref(), Some(digest), reason)?;
        // What the resource refers to follows in a later cycle, when this one is done or let through.
        self.state.put_references(&object.id, &missing)?;
        Ok(false)
    }

    /// Stages the removal of resources whose objects the source no longer has.
    fn stage_missing(&mut self) -> Result<(), Stop> {
        let job = self.job;
        for source_id in self.state.missing()? {
            let Some(linked) = self.state.link(&source_id)? else {
                continue;
            };
            let link = &linked.link;
            let Some(rule) = self.rule(link.kind) else {
                continue;
            };
            if linked.uncertain {
                let step = Step::new(link.kind, &link.source_id, Action::Disable).of(&link.target_id);
                self.hold(step, Held::Uncertain);
                continue;
            }
            if job.skip_out_of_scope_deletions {
                self.report.counts.skipped += 1;
                continue;
            }
            if let Some(failed) = self.state.failed(&link.source_id, "")?
                && failed.digest.is_none()
                && failed.next > millis(self.now)
            {
                let step = Step::new(link.kind, &link.source_id, Action::Disable).of(&link.target_id);
                self.hold(step, Held::Escrow(failed.reason));
                continue;
            }
            let may_delete = link.owned == Owned::Created && rule.mapping.actions.delete;
            if may_delete && self.deleted.contains(&source_id) {
                self.put_removal(&linked, None, None, "deleted in the source")?;
                continue;
            }
            let held = linked.held(rule.resource_type())?;
            let object = Source::from_iter([
                ("objectId", Value::Text(link.source_id.clone())),
                (
                    "@removed",
                    Value::Complex(vec![("reason".into(), "changed".into())]),
                ),
            ]);
            let age = link
                .gone
                .map_or(0, |gone| millis(self.now).saturating_sub(millis(gone)));
            let is_due = link.gone.is_some()
                && u128::try_from(age).is_ok_and(|age| age >= job.delete_after.as_millis());
            let change = rule.mapper.apply(&object, Some(&held), &self.environment());
            match change {
                Ok(Change::Disable(request)) => self.put_removal(&linked, Some(&request), None, "gone")?,
                Ok(Change::Delete) => self.put_removal(&linked, None, None, "gone")?,
                // Disabled so long ago that the object does not come back.
                Ok(Change::UpToDate) if is_due && may_delete => {
                    self.put_removal(&linked, None, None, "gone for long")?;
                }
                Ok(Change::UpToDate) => {
                    self.state.put_gone(&link.source_id, self.now)?;
                    self.report.counts.up_to_date += 1;
                }
                Ok(_) => self.report.counts.skipped += 1,
                Err(error) => {
                    let step = Step::new(link.kind, &link.source_id, Action::Disable).of(&link.target_id);
                    self.hold(step, Held::Mapping(error.to_string()));
                }
            }
        }
        Ok(())
    }

    fn put_removal(
        &self,
        linked: &Linked,
        patch: Option<&PatchRequest>,
        digest: Option<Digest>,
        reason: &str,
    ) -> Result<(), Stop> {
        self.state.put_removal(&Removal {
            source_id: linked.link.source_id.clone(),
            kind: linked.link.kind,
            patch: patch.map(|patch| json::object_to_vec(&patch.to_object())),
            digest,
            reason: reason.to_owned(),
            is_allowed: false,
        })?;
        Ok(())
    }

    /// Decides what is held back, before anything is sent.
    pub(super) fn guard(&mut self, size: Size) -> Result<Guarded, Stop> {
        let is_whole = self.only.is_none();
        let share = u64::from(self.job.shrink_below);
        let is_less = |now: u64, before: u64| now.saturating_mul(100) < before.saturating_mul(share);
        let guards = &mut self.report.guards;
        if is_whole && let Some(before) = self.state.last_read()? {
            for (what, now, before) in [
                ("users", size.users, before.users),
                ("groups", size.groups, before.groups),
                ("memberships", size.memberships, before.memberships),
            ] {
                if is_less(now, before) {
                    guards.push(Guard::Shrunk { what, now, before });
                }
            }
        }
        // A source of the same size may be another one, have other ids for the same people, lack a column by which they
        // are in scope, or have its members in other groups.
        let mut remaining = Vec::new();
        if is_whole {
            remaining.push(("users", self.state.remaining(Kind::User)?));
            remaining.push(("groups", self.state.remaining(Kind::Group)?));
        }
        // Of one object alone its own members are staged.
        remaining.push(("memberships", self.state.remaining_memberships()?));
        for (what, (now, before)) in remaining {
            if is_less(now, before) {
                guards.push(Guard::Remaining { what, now, before });
            }
        }
        let mut is_shrunk = !guards.is_empty();
        // What somebody allowed counts no more.
        let count = self.state.removal_count(false)?;
        let is_above = is_whole && !self.job.threshold.allows(count);
        if is_above {
            let limit = self.job.threshold.limit().unwrap_or(u64::MAX);
            guards.push(Guard::Threshold { count, limit });
        }
        let of_members = self.state.member_removal_count(false)?;
        let allowed = self.state.removal_count(true)? + self.state.member_removal_count(true)?;
        if count + of_members == 0 && allowed > 0 {
            // All that is left to do was looked at: the source is what it is said to be.
            guards.clear();
            is_shrunk = false;
        }
        let removals = is_shrunk || is_above;
        if is_whole {
            self.state
                .atomically(|| self.state.put_held(removals, is_shrunk))?;
        }
        Ok(Guarded { removals, is_shrunk })
    }
}

/// Puts what the service that mappings are written for knows of every user, as the boolean that it is there: a user who is
/// not said to be disabled is not deleted. Without it a user who comes back would stay disabled, and `TRUE` in a file, which
/// `Switch` does not take for `True`, would leave a user active.
pub(super) fn complete(object: &mut Object) -> Result<(), SyncError> {
    if object.kind == Kind::User {
        let flag = soft_deleted(&object.source).map_err(|kind| kind.at(&object.place))?;
        object.source.insert(IS_SOFT_DELETED, flag);
    }
    Ok(())
}

/// Returns true if a user says that it is deleted or disabled.
fn soft_deleted(source: &Source) -> Result<bool, SourceErrorKind> {
    let found = match source.get(IS_SOFT_DELETED).map(Value::reveal) {
        None | Some(Value::Null) => return Ok(false),
        Some(Value::Boolean(flag)) => return Ok(*flag),
        Some(Value::Text(text)) => match text.trim() {
            "" => return Ok(false),
            word if word.eq_ignore_ascii_case("true") => return Ok(true),
            word if word.eq_ignore_ascii_case("false") => return Ok(false),
            other => format!("`{other}`"),
        },
        Some(other) => other.type_name().to_owned(),
    };
    Err(SourceErrorKind::Deletion { found })
}

/// Returns true if a user, whose object is complete, is deleted or disabled.
fn is_soft_deleted(source: &Source) -> bool {
    source.get(IS_SOFT_DELETED) == Some(&Value::Boolean(true))
}

/// The ids in a list of members.
fn ids(members: &Value) -> Result<Vec<SmolStr>, SourceErrorKind> {
    let id = |value: &Value| match value.reveal() {
        Value::Text(id) if !id.is_empty() => demand_plain(id).map(|()| id.clone()),
        other => Err(SourceErrorKind::Member {
            found: other.type_name(),
        }),
    };
    match members.reveal() {
        Value::List(members) => members.iter().map(id).collect(),
        Value::Null => Ok(Vec::new()),
        single => Ok(vec![id(single)?]),
    }
}
