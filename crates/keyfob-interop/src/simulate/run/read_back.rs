//! Reads back what the server has, and compares it with what the provider believes.

use std::collections::BTreeSet;

use http::Method;
use keyfob_client::Transport;
use keyfob_core::{Object, SmolStr, json::object_from_slice};

use super::{Runner, send::encoded};
use crate::simulate::{
    compare::{differences, start},
    report::{Finding, Sender, StepReport, Verdict},
    scenario::{Kind, ObjectState},
    simulation::Watch,
    world::Member,
};

/// The findings about the members of a group.
#[derive(Default)]
struct Members {
    wrong: Vec<String>,
    /// What can't be known.
    note: Option<String>,
}

impl<X: Transport> Runner<'_, X> {
    /// Compares everything once more when all steps are done.
    pub(super) async fn at_the_end(&mut self, watch: &mut impl Watch) {
        if self.ended.is_some() || !self.simulation.only.is_empty() {
            return;
        }
        self.place = "end/state".into();
        let mut findings = Vec::new();
        let counts = [
            (Kind::User, self.world.users.len()),
            (Kind::Group, self.world.groups.len()),
        ];
        for (kind, count) in counts {
            for index in 0..count {
                self.read_back(kind, index, &mut findings).await;
            }
        }
        let verdict = findings.iter().map(|finding| finding.verdict).max();
        let report = StepReport {
            phase: "end".into(),
            name: "state".into(),
            title: "The state of all objects is read back".into(),
            evidence: Vec::new(),
            verdict: verdict.unwrap_or(Verdict::Ok),
            objects: counts.iter().map(|(_, count)| count).sum(),
            requests: 0,
            at: self.now,
            findings,
        };
        self.tell(report, watch);
    }

    /// Reads an object and says how it differs from what the provider believes. What was said before is not said again.
    pub(super) async fn read_back(&mut self, kind: Kind, index: usize, findings: &mut Vec<Finding>) {
        let Some(item) = self.world.item(kind, index) else {
            return;
        };
        let (state, name) = (item.state, SmolStr::new(item.name()));
        let Some(id) = item.id.clone() else { return };
        if !matches!(state, ObjectState::Present | ObjectState::Deleted) {
            return;
        }
        let path = format!("{}/{}", kind.endpoint(), encoded(&id, "", "%20"));
        let Ok(request) = self.own_request(&Method::GET, &path) else {
            return;
        };
        let Some((shown, answer)) = self.exchange(vec![request], Sender::ReadBack).await.pop() else {
            return;
        };
        let mut tell = |verdict, status, says: String| {
            findings.push(Finding {
                request: Some(shown.clone()),
                status,
                ..Finding::plain(verdict, &name, says)
            });
        };
        let answer = match answer {
            Ok(answer) => answer,
            // What can't be read can't be judged.
            Err(error) => return tell(Verdict::Stops, None, format!("it can't be read back: {error}")),
        };
        let status = answer.status().as_u16();
        let mut notes = None;
        let says: Vec<String> = match (state, status) {
            (ObjectState::Deleted, 404 | 410) => Vec::new(),
            (ObjectState::Deleted, _) => vec!["it was deleted and is still there".into()],
            (_, 200) => match object_from_slice(answer.body()) {
                Ok(found) => {
                    let mut wrong = self.wrong(kind, index, &found);
                    if kind == Kind::Group {
                        let members = self.wrong_members(index, &found).await;
                        wrong.extend(members.wrong);
                        notes = members.note;
                    }
                    wrong
                }
                Err(error) => {
                    let text = String::from_utf8_lossy(answer.body());
                    vec![format!(
                        "it is no resource: {error}; it starts with `{}`",
                        start(&text, 80)
                    )]
                }
            },
            (_, 404 | 410) => vec!["it is gone".into()],
            _ => return tell(Verdict::Stops, Some(status), "it can't be read back".into()),
        };
        let says = says.into_iter().map(|says| (Verdict::Damage, says));
        for (verdict, says) in says.chain(notes.map(|says| (Verdict::Tolerated, says))) {
            let is_new = self
                .world
                .item_mut(kind, index)
                .is_some_and(|item| item.told.insert(says.clone()));
            if is_new {
                tell(verdict, Some(status), says);
            }
        }
    }

    /// Returns what is wrong with a resource.
    fn wrong(&self, kind: Kind, index: usize, found: &Object) -> Vec<String> {
        let Some(item) = self.world.item(kind, index) else {
            return Vec::new();
        };
        let believed = item.believed.as_ref();
        believed
            .map(|believed| differences(believed, found))
            .unwrap_or_default()
    }

    /// Returns what is wrong with the members of a group. Where no group has shown any, they are asked for one by one: some
    /// servers never show members.
    async fn wrong_members(&mut self, index: usize, found: &Object) -> Members {
        let Some(group) = self.world.groups.get(index) else {
            return Members::default();
        };
        let (group, believed) = (group.id.clone().unwrap_or_default(), group.members.clone());
        let shown = found.get("members").map(keyfob_core::Value::as_elements);
        self.shows_members |= shown.is_some_and(|shown| !shown.is_empty());
        let expected: Vec<(SmolStr, String)> = believed
            .iter()
            .filter_map(|member| match member {
                Member::User(index) => self.world.users.get(*index),
                Member::Group(index) => self.world.groups.get(*index),
            })
            .filter(|item| item.state != ObjectState::Deleted)
            .filter_map(|item| Some((item.id.clone()?, item.name().to_owned())))
            .collect();
        if self.shows_members || expected.is_empty() {
            return Members {
                wrong: self.differing_members(&believed, found),
                note: None,
            };
        }
        let mut wrong = Vec::new();
        for (id, name) in expected {
            match self.has_member(&group, &id).await {
                Some(true) => {}
                Some(false) => wrong.push(format!("`{name}` should be a member and is none")),
                None => {
                    let says = "the server shows no members and answers no filter on them, so that nothing is known of them";
                    return Members {
                        wrong: Vec::new(),
                        note: Some(says.to_owned()),
                    };
                }
            }
        }
        Members {
            wrong,
            note: Some("the server shows no members; they are asked for by a filter".to_owned()),
        }
    }

    /// Asks by a filter if a group has a member; none where the server answers no such filter.
    async fn has_member(&mut self, group: &str, member: &str) -> Option<bool> {
        let filter = format!("id eq \"{group}\" and members.value eq \"{member}\"");
        let path = format!(
            "{}?filter={}",
            Kind::Group.endpoint(),
            encoded(&filter, "", "%20")
        );
        let request = self.own_request(&Method::GET, &path).ok()?;
        let (_, answer) = self.exchange(vec![request], Sender::ReadBack).await.pop()?;
        let answer = answer.ok().filter(|answer| answer.status() == 200)?;
        let list = object_from_slice(answer.body()).ok()?;
        let resources = list.get("Resources").map(keyfob_core::Value::as_elements);
        let found = resources.unwrap_or_default().iter().any(|resource| {
            let resource = resource.as_object();
            resource.and_then(|resource| resource.get_str("id")) == Some(group)
        });
        // A server that counts and holds nothing back answers as the RFC has it; one that answers with all groups passes the filter over.
        let others = resources.unwrap_or_default().len() > usize::from(found);
        (!others).then_some(found)
    }

    fn differing_members(&self, believed: &BTreeSet<Member>, found: &Object) -> Vec<String> {
        let item = |member: &Member| match member {
            Member::User(index) => self.world.users.get(*index),
            Member::Group(index) => self.world.groups.get(*index),
        };
        // Whether a deleted user stays a member for a while is the server's own affair.
        let counts = |state: ObjectState| state != ObjectState::Deleted;
        let ids = |counted: bool| -> BTreeSet<SmolStr> {
            let items = self.world.users.iter().chain(&self.world.groups);
            items
                .filter(|item| counts(item.state) == counted)
                .filter_map(|item| item.id.clone())
                .collect()
        };
        let ignored = ids(false);
        let expected: BTreeSet<SmolStr> = believed
            .iter()
            .filter_map(item)
            .filter(|item| counts(item.state))
            .filter_map(|item| item.id.clone())
            .collect();
        let there: Vec<SmolStr> = found
            .get("members")
            .map(keyfob_core::Value::as_elements)
            .unwrap_or_default()
            .iter()
            .map(|member| {
                let id = member.as_object().and_then(|member| member.get_str("value"));
                SmolStr::new(id.or(member.as_str()).unwrap_or_default())
            })
            .filter(|id| !ignored.contains(id))
            .collect();
        let unique: BTreeSet<SmolStr> = there.iter().cloned().collect();
        let mut wrong = Vec::new();
        let name = |id: &SmolStr| {
            let mut items = self.world.users.iter().chain(&self.world.groups);
            let known = items.find(|item| item.id.as_ref() == Some(id));
            known.map_or_else(|| format!("`{id}`"), |item| format!("`{}`", item.name()))
        };
        for id in expected.difference(&unique) {
            wrong.push(format!("{} should be a member and is none", name(id)));
        }
        for id in unique.difference(&expected) {
            wrong.push(format!("{} is a member and should be none", name(id)));
        }
        if there.len() > unique.len() {
            wrong.push("a member is there more than once".into());
        }
        wrong
    }
}
