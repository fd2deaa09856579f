//! A state, for people and for programs.

use std::path::Path;

use keyfob_core::{Object, Value, json::object_to_vec};
use keyfob_sync::{Escrow, Link, LogEntry, Owned, State};

use super::{StateArguments, print::change_json};
use crate::{Answer, Unusable, output};

/// Prints a summary of a state, and what failed.
pub(super) fn status(arguments: &StateArguments) -> Result<Answer, Unusable> {
    let state = State::open_existing(&arguments.state)?;
    let status = state.status()?;
    let escrows = state.escrows()?;
    let is_whole =
        escrows.is_empty() && status.quarantine.is_none() && status.uncertain == 0 && status.held == 0;
    if arguments.json {
        let mut object = Object::new();
        if let Some(target) = &status.target {
            object.insert("target", target.as_str());
        }
        if let Some(finished) = status.finished {
            object.insert("finished", finished.to_string().as_str());
        }
        if let Some((reason, since)) = &status.quarantine {
            let mut quarantine = Object::new();
            quarantine.insert("reason", reason.as_str());
            quarantine.insert("since", since.to_string().as_str());
            object.insert("quarantine", quarantine);
        }
        for (name, count) in [
            ("cycles", status.cycles),
            ("users", status.users),
            ("groups", status.groups),
            ("memberships", status.memberships),
            ("waiting", status.waiting),
            ("uncertain", status.uncertain),
            ("heldRemovals", status.held),
            ("allowedRemovals", status.allowed),
        ] {
            object.insert(name, i64::try_from(count).unwrap_or(i64::MAX));
        }
        let escrows: Vec<Value> = escrows.iter().map(|escrow| escrow_json(escrow).into()).collect();
        object.insert("escrows", escrows);
        output::json(object_to_vec(&object))?;
    } else {
        let finished = status
            .finished
            .map_or_else(|| "never".to_owned(), |instant| instant.to_string());
        output::line(&format!(
            "target       {}",
            status.target.as_deref().unwrap_or("none yet")
        ))?;
        output::line(&format!(
            "cycles       {}, the last whole one {finished}",
            status.cycles
        ))?;
        output::line(&format!("users        {}", status.users))?;
        output::line(&format!("groups       {}", status.groups))?;
        output::line(&format!("memberships  {}", status.memberships))?;
        output::line(&format!("waiting      {}", status.waiting))?;
        output::line(&format!("uncertain    {}", status.uncertain))?;
        for (name, count) in [("held", status.held), ("allowed", status.allowed)] {
            if count > 0 {
                output::line(&format!("{name:<12} {count} removals"))?;
            }
        }
        if let Some((reason, since)) = &status.quarantine {
            output::line(&format!("quarantine   since {since}: {reason}"))?;
        }
        for escrow in &escrows {
            let member = escrow.member.as_ref().map(|member| format!(", member {member}"));
            let next = escrow
                .next
                .map_or_else(|| "when it changes".to_owned(), |next| next.to_string());
            output::line(&format!(
                "escrow       {}{}  {} attempts since {}, next {next}: {}",
                escrow.source_id,
                member.unwrap_or_default(),
                escrow.attempts,
                escrow.first,
                escrow.reason
            ))?;
        }
    }
    Ok(if is_whole { Answer::Done } else { Answer::Negative })
}

fn escrow_json(escrow: &Escrow) -> Object {
    let mut object = Object::new();
    object.insert("sourceId", escrow.source_id.clone());
    if let Some(member) = &escrow.member {
        object.insert("member", member.clone());
    }
    object.insert("attempts", i64::from(escrow.attempts));
    object.insert("first", escrow.first.to_string().as_str());
    if let Some(next) = escrow.next {
        object.insert("next", next.to_string().as_str());
    }
    object.insert("reason", escrow.reason.as_str());
    object
}

/// Prints which resource stands for which object.
pub(super) fn links(arguments: &StateArguments) -> Result<Answer, Unusable> {
    let links = State::open_existing(&arguments.state)?.links()?;
    for link in &links {
        if arguments.json {
            output::json(object_to_vec(&link_json(link)))?;
            continue;
        }
        let disabled = if link.disabled { "  disabled" } else { "" };
        let gone = link.gone.map(|gone| format!("  gone since {gone}"));
        output::line(&format!(
            "{:<5} {}  {}  {}{disabled}{}",
            link.kind.to_string(),
            link.source_id,
            link.target_id,
            owned(link.owned),
            gone.unwrap_or_default()
        ))?;
    }
    Ok(if links.is_empty() {
        Answer::Negative
    } else {
        Answer::Done
    })
}

/// Prints the last steps that were done or failed.
pub(super) fn log(path: &Path, last: usize) -> Result<Answer, Unusable> {
    let entries = State::open_existing(path)?.log(last)?;
    for entry in &entries {
        output::json(object_to_vec(&entry_json(entry)))?;
    }
    Ok(if entries.is_empty() {
        Answer::Negative
    } else {
        Answer::Done
    })
}

fn entry_json(entry: &LogEntry) -> Object {
    let mut object = Object::new();
    object.insert("time", entry.time.to_string().as_str());
    object.insert("cycle", i64::try_from(entry.cycle).unwrap_or(i64::MAX));
    object.insert("kind", entry.kind.as_str());
    object.insert("sourceId", entry.source_id.clone());
    if let Some(id) = &entry.target_id {
        object.insert("targetId", id.as_str());
    }
    object.insert("action", entry.action.clone());
    object.insert("outcome", if entry.is_done { "done" } else { "failed" });
    if let Some(status) = entry.status {
        object.insert("status", i64::from(status));
    }
    let paths = entry.paths.iter().map(|path| Value::from(path.clone()));
    object.insert("paths", paths.collect::<Vec<_>>());
    if !entry.changes.is_empty() {
        let changes = entry.changes.iter().map(|change| change_json(change).into());
        object.insert("changes", changes.collect::<Vec<Value>>());
    }
    for (name, number) in [
        ("members", entry.members),
        ("requestCount", entry.requests),
        ("milliseconds", entry.millis),
    ] {
        object.insert(name, i64::from(number));
    }
    object
}

fn link_json(link: &Link) -> Object {
    let mut object = Object::new();
    object.insert("kind", link.kind.as_str());
    object.insert("sourceId", link.source_id.clone());
    object.insert("targetId", link.target_id.as_str());
    object.insert("owned", owned(link.owned));
    object.insert("disabled", link.disabled);
    if let Some(gone) = link.gone {
        object.insert("gone", gone.to_string().as_str());
    }
    object
}

fn owned(owned: Owned) -> &'static str {
    match owned {
        Owned::Created => "created",
        _ => "adopted",
    }
}
