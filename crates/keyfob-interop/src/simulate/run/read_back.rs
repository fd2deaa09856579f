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
        let says: Vec<String> = match (state, status) {
            (ObjectState::Deleted, 404 | 410) => Vec::new(),
            (ObjectState::Deleted, _) => vec!["it was deleted and is still there".into()],
            (_, 200) => match object_from_slice(answer.body()) {
                Ok(found) => self.wrong(kind, index, &found),
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
        for says in says {
            let is_new = self
                .world
                .item_mut(kind, index)
                .is_some_and(|item| item.told.insert(says.clone()));
            if is_new {
                tell(Verdict::Damage, Some(status), says);
            }
        }
    }

    /// Returns what is wrong with a resource.
    fn wrong(&self, kind: Kind, index: usize, found: &Object) -> Vec<String> {
        let Some(item) = self.world.item(kind, index) else {
            return Vec::new();
        };
        let mut wrong = item
            .believed
            .as_ref()
            .map(|believed| differences(believed, found))
            .unwrap_or_default();
        if kind == Kind::Group {
            wrong.extend(self.wrong_members(&item.members, found));
        }
        wrong
    }

    fn wrong_members(&self, believed: &BTreeSet<Member>, found: &Object) -> Vec<String> {
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
