//! Changes of a state by an administrator.

use keyfob_core::{Object, json::object_to_vec};
use keyfob_sync::State;

use super::StateArguments;
use crate::{Answer, Unusable, output};

/// Allows what guards held back.
pub(super) fn allow_removals(arguments: &StateArguments) -> Result<Answer, Unusable> {
    let allowed = State::open_existing(&arguments.state)?.allow_removals()?;
    if arguments.json {
        let mut object = Object::new();
        for (name, count) in [
            ("resources", allowed.resources),
            ("memberships", allowed.memberships),
        ] {
            object.insert(name, i64::try_from(count).unwrap_or(i64::MAX));
        }
        output::json(object_to_vec(&object))?;
    } else {
        output::line(&format!(
            "allowed: {} resources to disable or delete, {} memberships to remove",
            allowed.resources, allowed.memberships
        ))?;
    }
    let is_nothing = allowed.resources == 0 && allowed.memberships == 0;
    Ok(if is_nothing {
        Answer::Negative
    } else {
        Answer::Done
    })
}

/// Lets the next run look at everything again.
pub(super) fn restart(arguments: &StateArguments, break_links: bool) -> Result<Answer, Unusable> {
    let state = State::open_existing(&arguments.state)?;
    let links = state.links()?.len();
    if break_links {
        state.break_links()?;
    } else {
        state.restart()?;
    }
    if arguments.json {
        let mut object = Object::new();
        object.insert("links", i64::try_from(links).unwrap_or(i64::MAX));
        object.insert("broken", break_links);
        output::json(object_to_vec(&object))?;
    } else if break_links {
        output::line(&format!(
            "forgot {links} links; the next run looks for resources anew"
        ))?;
    } else {
        output::line(&format!(
            "the next run reads {links} resources and compares them anew"
        ))?;
    }
    Ok(Answer::Done)
}
