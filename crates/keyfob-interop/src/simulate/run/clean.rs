//! Removes what a run created.

use http::Method;
use keyfob_client::Transport;
use keyfob_core::{SmolStr, Value, json::object_from_slice};

use super::{Runner, send::encoded};
use crate::simulate::{report::Sender, scenario::Kind, world::Item};

impl<X: Transport> Runner<'_, X> {
    /// Deletes the groups and then the users of the run. Returns what could not be deleted.
    pub(super) async fn clean_up(&mut self) -> Vec<SmolStr> {
        self.place = "end/clean-up".into();
        self.find_doubtful().await;
        let mut created = std::mem::take(&mut self.created);
        created.sort_by_key(|(kind, _)| *kind != Kind::Group);
        let mut left = Vec::new();
        for (kind, id) in created {
            let path = format!("{}/{}", kind.endpoint(), encoded(&id, "", "%20"));
            let answer = self.own(&Method::DELETE, &path).await;
            // One that is gone was deleted by a step.
            if !answer.is_some_and(|(status, _)| (200..300).contains(&status) || matches!(status, 404 | 410))
            {
                left.push(path.into());
            }
        }
        left
    }

    /// Looks for objects whose creation was sent and not confirmed.
    async fn find_doubtful(&mut self) {
        let doubtful = |item: &&Item| item.is_doubtful && item.id.is_none();
        let names: Vec<(Kind, String)> = self
            .world
            .users
            .iter()
            .chain(&self.world.groups)
            .filter(doubtful)
            .map(|item| (item.kind, item.name().to_owned()))
            .collect();
        for (kind, name) in names {
            let filter = format!(
                "{} eq {}",
                kind.name_attribute(),
                crate::simulate::compare::shown(&Value::from(name.as_str()))
            );
            let path = format!("{}?filter={}", kind.endpoint(), encoded(&filter, "", "%20"));
            let Some((200, body)) = self.own(&Method::GET, &path).await else {
                continue;
            };
            let Ok(list) = object_from_slice(&body) else {
                continue;
            };
            let found = list.get("Resources").map(Value::as_elements).unwrap_or_default();
            for resource in found.iter().filter_map(Value::as_object) {
                // A server that does not filter answers with other people's resources.
                let is_ours = resource.get_str(kind.name_attribute()) == Some(name.as_str());
                if let (true, Some(id)) = (is_ours, resource.get_str("id")) {
                    self.created.push((kind, id.into()));
                }
            }
        }
    }

    async fn own(&mut self, method: &Method, path: &str) -> Option<(u16, bytes::Bytes)> {
        let request = self.own_request(method, path).ok()?;
        let (_, answer) = self.exchange(vec![request], Sender::CleanUp).await.pop()?;
        let answer = answer.ok()?;
        Some((answer.status().as_u16(), answer.into_body()))
    }
}
