//! Members of groups, added and removed one by one.

use std::collections::BTreeMap;

use keyfob_client::{BlockingTransport, Error};
use keyfob_core::{ResourceId, SmolStr};

use super::{Cycle, Stop, failure};
use crate::{
    error::SyncError,
    event::{Action, Held, Outcome, Step},
    rule::Kind,
    state::{Link, Linked, millis},
};

/// A member, and its resource.
type Member = (SmolStr, ResourceId);

/// The memberships that are known, each with true if it is sure.
type Known = BTreeMap<SmolStr, bool>;

impl<X: BlockingTransport> Cycle<'_, X> {
    /// Adds the members that the source has and the target lacks. One without a resource waits, and stops nobody else.
    pub(super) fn add_members(&mut self) -> Result<(), Stop> {
        for group in self.state.groups_to_extend(millis(self.now))? {
            let members = self.state.members_to_add(&group, millis(self.now))?;
            self.change_members(&group, &members, Action::AddMembers)?;
        }
        Ok(())
    }

    /// Removes the members that this job added and the source no longer has, or tells that they are held back. Members that
    /// somebody else added stay.
    pub(super) fn remove_members(&mut self, is_held: bool) -> Result<(), Stop> {
        for group in self.state.groups_to_reduce(millis(self.now))? {
            for is_allowed in [true, false] {
                let members = self
                    .state
                    .members_to_remove(&group, millis(self.now), is_allowed)?;
                if members.is_empty() {
                    continue;
                }
                if is_held && !is_allowed {
                    self.hold_members(&group, &members)?;
                } else {
                    self.change_members(&group, &members, Action::RemoveMembers)?;
                }
            }
        }
        Ok(())
    }

    /// Tells that a guard holds back the removal of members.
    fn hold_members(&mut self, group: &str, members: &[Member]) -> Result<(), Stop> {
        if let Some(Linked { link, .. }) = self.state.link(group)? {
            self.hold(step(&link, members, Action::RemoveMembers), Held::Guard);
        }
        Ok(())
    }

    fn change_members(&mut self, group: &SmolStr, members: &[Member], action: Action) -> Result<(), Stop> {
        let Some(linked) = self.state.link(group)? else {
            return Ok(());
        };
        let known = self.announce_members(group, members)?;
        self.page(|cycle| {
            cycle.change_some(&linked, members, action, &known)?;
            cycle.demand_few_failures()
        })
    }

    /// Writes down what is about to be sent, before it is. Returns what was known of the members before.
    fn announce_members(&self, group: &str, members: &[Member]) -> Result<Known, Stop> {
        let state = self.state;
        let known = state.atomically(|| {
            let mut known = Known::new();
            for (member, _) in members {
                if let Some(sure) = state.edge(group, member)? {
                    known.insert(member.clone(), sure);
                }
                state.put_edge(group, member, false)?;
            }
            Ok::<_, SyncError>(known)
        })?;
        Ok(known)
    }

    /// Puts back what was known of members, as the target certainly did nothing.
    fn restore(&self, group: &str, members: &[Member], known: &Known) -> Result<(), Stop> {
        for (member, _) in members {
            match known.get(member) {
                Some(sure) => self.state.put_edge(group, member, *sure)?,
                None => self.state.remove_edge(group, member)?,
            }
        }
        Ok(())
    }

    /// Changes members in one go; where the target refuses that because of one of them, in halves, until that one is found.
    fn change_some(
        &mut self,
        linked: &Linked,
        members: &[Member],
        action: Action,
        known: &Known,
    ) -> Result<(), Stop> {
        let group = &linked.link;
        if members.is_empty() || self.state.target_of(&group.source_id)?.is_none() {
            return Ok(());
        }
        let ids: Vec<ResourceId> = members.iter().map(|(_, id)| id.clone()).collect();
        let (add, remove) = match action {
            Action::AddMembers => (ids, Vec::new()),
            _ => (Vec::new(), ids),
        };
        let step = step(group, members, action);
        let error = match self.gateway.members(&group.target_id, add, remove) {
            Ok(()) => {
                self.succeeded();
                for (member, _) in members {
                    match action {
                        Action::AddMembers => self.state.put_edge(&group.source_id, member, true)?,
                        _ => self.state.remove_edge(&group.source_id, member)?,
                    }
                    self.state.remove_failed(&group.source_id, member)?;
                }
                self.tell(step, Outcome::Done);
                return Ok(());
            }
            Err(error) => error,
        };
        if cause(&error).is_gone() && self.is_confirmed_gone(group) {
            // The next cycle finds the group missing, creates it again, and all its members follow.
            self.state.unlink(&group.source_id)?;
            self.tell(
                step,
                Outcome::Failed {
                    status: error.status(),
                    reason: "the group is gone at the target; it is created again".into(),
                },
            );
            return Ok(());
        }
        if failure::is_refusal(cause(&error)) && members.len() > 1 {
            let (left, right) = members.split_at(members.len() / 2);
            self.change_some(linked, left, action, known)?;
            return self.change_some(linked, right, action, known);
        }
        if failure::is_certain(&error) {
            self.restore(&group.source_id, members, known)?;
        }
        for (member, _) in members {
            self.postpone(&group.source_id, member, None, error.to_string())?;
        }
        let outcome = self.blamed(&error)?;
        self.tell(step, outcome);
        Ok(())
    }
}

fn step(group: &Link, members: &[Member], action: Action) -> Step {
    Step {
        members: members.iter().map(|(member, _)| member.clone()).collect(),
        ..Step::new(Kind::Group, &group.source_id, action).of(&group.target_id)
    }
}

/// Returns why the request in the middle of several was refused.
fn cause(error: &Error) -> &Error {
    match error {
        Error::Partial { cause, .. } => cause,
        other => other,
    }
}
