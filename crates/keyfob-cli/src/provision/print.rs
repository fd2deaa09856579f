//! Steps and reports, for people and for programs.

use std::{fmt::Write as _, io};

use keyfob_core::{
    Object, Value,
    json::{object_to_vec, value_from_slice, value_to_vec},
};
use keyfob_sync::{Action, Changed, Counts, Guard, Outcome, Report, Sent, Step};

use crate::output;

/// The number of members that a line names.
const MEMBERS: usize = 5;

/// Prints a step on a line.
pub(super) fn step(step: &Step) -> io::Result<()> {
    let mut line = format!(
        "{:<15} {:<5} {}",
        word(step),
        step.kind.to_string(),
        step.source_id
    );
    match &step.outcome {
        Outcome::Held(held) => write!(line, "  {held}").ok(),
        Outcome::Failed { reason, .. } => write!(line, "  {reason}").ok(),
        _ => None,
    };
    if step.outcome == Outcome::Done {
        let changes: Vec<String> = match step.action {
            // What a new resource holds is in the source.
            Action::Create => step.changes.iter().take(1).map(change).collect(),
            _ => step.changes.iter().map(change).collect(),
        };
        if !changes.is_empty() {
            write!(line, "  {}", changes.join(", ")).ok();
        }
    }
    if let Some(reason) = &step.reason {
        write!(line, "  ({reason})").ok();
    }
    if !step.members.is_empty() {
        let named: Vec<&str> = step.members.iter().take(MEMBERS).map(AsRef::as_ref).collect();
        let more = step.members.len().saturating_sub(named.len());
        write!(line, "  {}", named.join(", ")).ok();
        if more > 0 {
            write!(line, " and {more} more").ok();
        }
    }
    output::line(&line)
}

/// The first word of a line: what is done, or that it is not.
pub(super) fn word(step: &Step) -> String {
    let action = step.action.as_str();
    match step.outcome {
        Outcome::Held(_) => format!("held: {action}"),
        Outcome::Failed { .. } => format!("failed: {action}"),
        _ => action.to_owned(),
    }
}

/// `title "Engineer" -> "Lead"`
pub(super) fn change(change: &Changed) -> String {
    let path = if change.path.is_empty() {
        "(all)"
    } else {
        change.path.as_str()
    };
    match (&change.old, &change.new) {
        (None, Some(new)) => format!("{path} {}", json(new)),
        (old, new) => {
            let text = |value: &Option<Value>| value.as_ref().map_or_else(|| "(none)".to_owned(), json);
            format!("{path} {} -> {}", text(old), text(new))
        }
    }
}

fn json(value: &Value) -> String {
    String::from_utf8_lossy(&value_to_vec(value)).into_owned()
}

/// Prints what a cycle came to, on a line.
pub(super) fn report(report: &Report, is_plan: bool) -> io::Result<()> {
    output::line(&summary(&report.counts, is_plan))
}

fn summary(counts: &Counts, is_plan: bool) -> String {
    let done = |verb: &str, participle: &str| {
        if is_plan {
            format!("to {verb}")
        } else {
            participle.to_owned()
        }
    };
    let always = [
        (counts.created, done("create", "created"), true),
        (counts.adopted, done("adopt", "adopted"), false),
        (counts.updated, done("update", "updated"), true),
        (counts.disabled, done("disable", "disabled"), true),
        (counts.deleted, done("delete", "deleted"), true),
        (counts.released, done("release", "released"), false),
        (counts.members, "member changes".to_owned(), true),
        (counts.failed, "failed".to_owned(), false),
        (counts.held, "held".to_owned(), true),
        (counts.waiting, "waiting for another object".to_owned(), false),
        (counts.skipped, "out of scope".to_owned(), false),
        (counts.up_to_date, "up to date".to_owned(), true),
    ];
    let shown = always.iter().filter(|(count, _, always)| *always || *count > 0);
    let shown: Vec<String> = shown
        .map(|(count, word, _)| format!("{} {word}", grouped(*count)))
        .collect();
    shown.join(", ")
}

/// A number with commas between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a step as JSON, on one line.
pub(super) fn step_json(step: &Step) -> Vec<u8> {
    let mut object = Object::new();
    object.insert("action", step.action.as_str());
    object.insert("kind", step.kind.as_str());
    object.insert("sourceId", step.source_id.clone());
    if let Some(id) = &step.target_id {
        object.insert("targetId", id.as_str());
    }
    if let Some(reason) = &step.reason {
        object.insert("reason", reason.as_str());
    }
    let (outcome, detail, status) = match &step.outcome {
        Outcome::Done => ("done", None, None),
        Outcome::Held(held) => ("held", Some(held.to_string()), None),
        Outcome::Failed { status, reason } => ("failed", Some(reason.clone()), *status),
        _ => ("unknown", None, None),
    };
    object.insert("outcome", outcome);
    if let Some(detail) = detail {
        object.insert("detail", detail.as_str());
    }
    if let Some(status) = status {
        object.insert("status", i64::from(status));
    }
    if !step.changes.is_empty() {
        let changes: Vec<Value> = step
            .changes
            .iter()
            .map(|change| change_json(change).into())
            .collect();
        object.insert("changes", changes);
    }
    if !step.members.is_empty() {
        let members: Vec<Value> = step.members.iter().cloned().map(Value::from).collect();
        object.insert("members", members);
    }
    let requests: Vec<Value> = step
        .requests
        .iter()
        .map(|sent| request_json(sent).into())
        .collect();
    object.insert("requests", requests);
    object_to_vec(&object)
}

pub(super) fn change_json(change: &Changed) -> Object {
    let mut object = Object::new();
    object.insert("path", change.path.clone());
    if let Some(old) = &change.old {
        object.insert("old", old.clone());
    }
    if let Some(new) = &change.new {
        object.insert("new", new.clone());
    }
    if let Some(expression) = &change.expression {
        object.insert("expression", expression.clone());
    }
    object
}

fn request_json(sent: &Sent) -> Object {
    let mut object = Object::new();
    object.insert("method", sent.method.as_str());
    object.insert("path", sent.path.as_str());
    if let Ok(body) = value_from_slice(&sent.body) {
        object.insert("body", body);
    }
    if let Some(status) = sent.status {
        object.insert("status", i64::from(status));
    }
    object
}

/// Returns what a cycle came to as JSON, on one line.
pub(super) fn report_json(report: &Report) -> Vec<u8> {
    let counts = &report.counts;
    let mut object = Object::new();
    for (name, count) in [
        ("created", counts.created),
        ("adopted", counts.adopted),
        ("updated", counts.updated),
        ("disabled", counts.disabled),
        ("deleted", counts.deleted),
        ("released", counts.released),
        ("members", counts.members),
        ("failed", counts.failed),
        ("held", counts.held),
        ("waiting", counts.waiting),
        ("skipped", counts.skipped),
        ("upToDate", counts.up_to_date),
        ("requestCount", report.requests),
    ] {
        object.insert(name, i64::try_from(count).unwrap_or(i64::MAX));
    }
    let guards = report.guards.iter().map(|guard| {
        let mut object = Object::new();
        object.insert(
            "guard",
            match guard {
                Guard::Threshold { .. } => "threshold",
                Guard::Shrunk { .. } => "shrunk",
                Guard::Remaining { .. } => "remaining",
                _ => "quarantine",
            },
        );
        object.insert("reason", guard.to_string().as_str());
        Value::from(object)
    });
    object.insert("guards", guards.collect::<Vec<_>>());
    object_to_vec(&object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_what_is_always_asked_for_and_what_there_is_beside() {
        let counts = |set: fn(&mut Counts)| {
            let mut counts = Counts::default();
            counts.created = 12;
            counts.members = 40;
            counts.up_to_date = 9_982;
            set(&mut counts);
            counts
        };
        assert_eq!(
            summary(&counts(|_| ()), true),
            "12 to create, 0 to update, 0 to disable, 0 to delete, 40 member changes, 0 held, 9,982 up to date"
        );
        let with_more = counts(|counts| (counts.adopted, counts.failed) = (1, 2));
        assert_eq!(
            summary(&with_more, false),
            "12 created, 1 adopted, 0 updated, 0 disabled, 0 deleted, 40 member changes, 2 failed, 0 held, 9,982 up to date"
        );
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, expected) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expected);
        }
    }
}
