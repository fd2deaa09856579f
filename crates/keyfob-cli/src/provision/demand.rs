//! One object, step by step as the portal of Entra ID shows it.

use std::io;

use keyfob_sync::{Action, Event, Outcome, Sent, Step};
use percent_encoding::percent_decode_str;

use super::{Arguments, answer, connect, job, open, print};
use crate::{Answer, Unusable, output};

/// Provisions one object, or plans that.
pub(super) fn run(arguments: &Arguments, id: &str, is_dry: bool) -> Result<Answer, Unusable> {
    let Some(target) = connect(arguments)? else {
        return Ok(Answer::Guarded);
    };
    let mut state = open(arguments, is_dry)?;
    let job = job(&target.client, target.rules, arguments)?;
    let mut printed = Ok(());
    let mut has_step = false;
    let report = job.on_demand(&mut state, &*target.source, id, is_dry, &mut |event| {
        has_step |= matches!(event, Event::Step(_));
        if printed.is_ok() {
            printed = match (event, arguments.json) {
                (Event::Step(step), true) => output::json(print::step_json(step)),
                (_, true) => Ok(()),
                (event, false) => told(event, is_dry),
            };
        }
    })?;
    printed?;
    if arguments.json {
        output::json(print::report_json(&report))?;
    } else if !has_step && report.guards.is_empty() {
        output::line("5 nothing to do")?;
    }
    // A dry run of one object is no plan that a script waits for: that there are changes is no negative answer.
    Ok(answer(&report, false))
}

/// Prints one of the five steps.
fn told(event: &Event, is_dry: bool) -> io::Result<()> {
    match event {
        Event::Tested { requests } => {
            for sent in requests {
                output::line(&format!("1 test     {}", request(sent, false)))?;
            }
            Ok(())
        }
        Event::Imported { name, attributes } => {
            output::line(&format!("2 import   {name}  {attributes} attributes"))
        }
        Event::Scoped { in_scope, decision } => {
            let word = if *in_scope { "in" } else { "out" };
            output::line(&format!("3 scope    {word}: {decision}"))
        }
        Event::Matched { filters, target_id } => {
            let found = match target_id {
                Some(id) if filters.is_empty() => format!("linked to {id}"),
                Some(id) => format!("{} -> {id}", filters.join(", then ")),
                None => format!("{} -> no resource to link", filters.join(", then ")),
            };
            output::line(&format!("4 match    {found}"))
        }
        Event::Step(step) => action(step, is_dry),
        _ => Ok(()),
    }
}

fn action(step: &Step, is_dry: bool) -> io::Result<()> {
    output::line(&format!("5 {}", print::word(step)))?;
    match &step.outcome {
        Outcome::Held(held) => output::line(&format!("           {held}"))?,
        Outcome::Failed { reason, .. } => output::line(&format!("           {reason}"))?,
        _ => {}
    }
    for change in &step.changes {
        let expression = change.expression.as_ref().map(|text| format!("  {text}"));
        let expression = expression.unwrap_or_default();
        output::line(&format!("           {}{expression}", print::change(change)))?;
    }
    if !step.members.is_empty() && matches!(step.action, Action::AddMembers | Action::RemoveMembers) {
        let members: Vec<&str> = step.members.iter().map(AsRef::as_ref).collect();
        output::line(&format!("           {}", members.join(", ")))?;
    }
    for sent in &step.requests {
        output::line(&format!("           {}", request(sent, is_dry)))?;
    }
    Ok(())
}

/// `GET /Users?filter=userName eq "x"  200`
fn request(sent: &Sent, is_dry: bool) -> String {
    let path = percent_decode_str(&sent.path).decode_utf8_lossy();
    let status = match sent.status {
        Some(status) => status.to_string(),
        None if is_dry => "dry run: not sent".to_owned(),
        None => "no answer".to_owned(),
    };
    format!("{} {path}  {status}", sent.method)
}
