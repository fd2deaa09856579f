//! Members of groups, added and removed one by one.

use std::collections::BTreeMap;

use keyfob_client::BlockingTransport;
use keyfob_core::{ResourceId, SmolStr};

use super::{
    Cycle, PAGE, Stop, failure,
    flight::{Answer, Ask, Write, Written, cause},
};
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

/// The number of members that are in memory together, unless one group has more.
const MEMBERS: usize = 20_000;

/// Groups whose changes are sent together.
#[derive(Default)]
struct Page {
    groups: Vec<Changing>,
    members: usize,
}

/// A group whose members change.
struct Changing {
    group: Link,
    members: Vec<Member>,
    action: Action,
}

impl Changing {
    fn write(&self) -> Write<'_> {
        write(&self.group, &self.members, self.action)
    }
}

impl<X: BlockingTransport + Send + Sync> Cycle<'_, X> {
    /// Adds the members that the source has and the target lacks. One without a resource waits, and stops nobody else.
    pub(super) fn add_members(&mut self) -> Result<(), Stop> {
        let mut page = Page::default();
        for group in self.state.groups_to_extend(millis(self.now))? {
            let members = self.state.members_to_add(&group, millis(self.now))?;
            self.put_on(&mut page, &group, members, Action::AddMembers)?;
        }
        self.change_members(page)
    }

    /// Removes the members that this job added and the source no longer has, or tells that they are held back. Members that
    /// somebody else added stay.
    pub(super) fn remove_members(&mut self, is_held: bool) -> Result<(), Stop> {
        let mut page = Page::default();
        for group in self.state.groups_to_reduce(millis(self.now))? {
            // A guard lets through what was allowed.
            let mut all = Vec::new();
            for is_allowed in [true, false] {
                let members = self
                    .state
                    .members_to_remove(&group, millis(self.now), is_allowed)?;
                if is_held && !is_allowed {
                    self.hold_members(&group, &members)?;
                } else {
                    all.extend(members);
                }
            }
            self.put_on(&mut page, &group, all, Action::RemoveMembers)?;
        }
        self.change_members(page)
    }

    /// Tells that a guard holds back the removal of members.
    fn hold_members(&mut self, group: &str, members: &[Member]) -> Result<(), Stop> {
        if members.is_empty() {
            return Ok(());
        }
        if let Some(Linked { link, .. }) = self.state.link(group)? {
            self.hold(step(&link, members, Action::RemoveMembers), Held::Guard);
        }
        Ok(())
    }

    /// Puts the changes of a group on the page; a page that is full is sent first.
    fn put_on(
        &mut self,
        page: &mut Page,
        group: &SmolStr,
        members: Vec<Member>,
        action: Action,
    ) -> Result<(), Stop> {
        let Some(Linked { link, .. }) = self.state.link(group)? else {
            return Ok(());
        };
        if members.is_empty() {
            return Ok(());
        }
        if page.groups.len() == PAGE || page.members + members.len() > MEMBERS {
            self.change_members(std::mem::take(page))?;
        }
        page.members += members.len();
        page.groups.push(Changing {
            group: link,
            members,
            action,
        });
        Ok(())
    }

    /// Sends the changes of a page of groups.
    fn change_members(&mut self, page: Page) -> Result<(), Stop> {
        let groups = page.groups;
        let known = self.announce_members(&groups)?;
        let writes: Vec<Option<Write<'_>>> = groups.iter().map(|group| Some(group.write())).collect();
        self.page(|cycle| {
            cycle.each(&writes, |cycle, index, answer| {
                if let (Some(group), Some(known), Some(answer)) =
                    (groups.get(index), known.get(index), answer)
                {
                    cycle.change_some(&group.group, &group.members, group.action, known, answer)?;
                }
                cycle.demand_few_failures()
            })
        })
    }

    /// Writes down what is about to be sent, before it is. Returns what was known of the members before, for each group.
    fn announce_members(&self, groups: &[Changing]) -> Result<Vec<Known>, Stop> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let state = self.state;
        let known = state.atomically(|| {
            let known = groups.iter().map(|changing| {
                let group = &changing.group.source_id;
                let mut known = Known::new();
                for (member, _) in &changing.members {
                    if let Some(sure) = state.edge(group, member)? {
                        known.insert(member.clone(), sure);
                    }
                    state.put_edge(group, member, false)?;
                }
                Ok::<_, SyncError>(known)
            });
            known.collect::<Result<Vec<_>, _>>()
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

    /// Takes the result of changing members in one go; where the target refused that because of one of them, changes them in halves,
    /// until that one is found.
    fn change_some(
        &mut self,
        group: &Link,
        members: &[Member],
        action: Action,
        known: &Known,
        (written, requests): Answer<Written>,
    ) -> Result<(), Stop> {
        let mut step = step(group, members, action);
        step.requests = requests;
        let Err(error) = written.result else {
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
        };
        if written.is_gone {
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
            let mut before = step.requests;
            let (left, right) = members.split_at(members.len() / 2);
            for half in [left, right] {
                // The first half may have found that the group is gone.
                if self.state.target_of(&group.source_id)?.is_none() {
                    continue;
                }
                let written = write(group, half, action).ask(&self.gateway);
                before.extend(self.gateway.take_sent());
                self.change_some(group, half, action, known, (written, std::mem::take(&mut before)))?;
            }
            return Ok(());
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

fn write<'w>(group: &'w Link, members: &[Member], action: Action) -> Write<'w> {
    let ids = members.iter().map(|(_, id)| id.clone()).collect();
    match action {
        Action::AddMembers => Write::AddMembers(&group.target_id, ids),
        _ => Write::RemoveMembers(&group.target_id, ids),
    }
}

fn step(group: &Link, members: &[Member], action: Action) -> Step {
    Step {
        members: members.iter().map(|(member, _)| member.clone()).collect(),
        ..Step::new(Kind::Group, &group.source_id, action).of(&group.target_id)
    }
}
