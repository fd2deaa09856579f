//! Removes what an earlier run left.

use keyfob_client::{Client, Error, Ureq};
use keyfob_core::{ResourceId, SmolStr};

use crate::{Answer, Unusable, output};

/// Deletes the groups and users of a run, which are known by their names.
pub(super) fn run(client: &Client<Ureq>, run: &str) -> Result<Answer, Unusable> {
    // A name such as `a` would find other people's resources.
    let is_ours = run
        .strip_prefix("sim-")
        .is_some_and(|rest| rest.len() == 8 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !is_ours {
        return Err(Unusable::new(format_args!(
            "`{run}` is no name of a run, such as `sim-018f3a2c`, which its report shows"
        )));
    }
    let mark = format!("{run}-");
    let mut deleted = 0;
    for (resource_type, attribute) in [("Group", "displayName"), ("User", "userName")] {
        let found = match find(client, resource_type, attribute, &mark) {
            Ok(found) => found,
            Err(error) => {
                output::report(&format!("keyfob: the server can't be read: {error}"));
                return Ok(Answer::Negative);
            }
        };
        for (id, name) in found {
            match client.resources(resource_type).delete(&id).call() {
                Ok(()) => deleted += 1,
                Err(error) if error.is_gone() => {}
                Err(error) => {
                    output::report(&format!("keyfob: {name} can't be deleted: {error}"));
                    return Ok(Answer::Negative);
                }
            }
        }
    }
    output::line(&format!("{deleted} resources of {run} deleted"))?;
    Ok(Answer::Done)
}

/// Returns the resources whose names start with the mark.
fn find(
    client: &Client<Ureq>,
    resource_type: &str,
    attribute: &str,
    mark: &str,
) -> Result<Vec<(ResourceId, SmolStr)>, Error> {
    let mut found = Vec::new();
    // Without a filter, which not every server understands, and which one passes over.
    for stored in client
        .resources(resource_type)
        .list()
        .attributes([attribute])
        .iter()
    {
        let stored = stored?;
        let name = stored.resource.core().get_str(attribute).unwrap_or_default();
        if name.starts_with(mark) {
            found.push((stored.id.clone(), name.into()));
        }
    }
    Ok(found)
}
