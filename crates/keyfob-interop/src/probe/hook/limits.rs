//! Limits that no configuration names, or another one than it names: found by trying.

use serde_json::{Value, json};

use crate::probe::{
    cx::{Cx, Halt},
    row::short,
    wire::{Ask, Reply},
};

/// One more than the limits of 50 and 100 that servers are known to have.
const CROWD: usize = 101;

pub(super) async fn page(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let advertised = cx.server().config.pointer("/filter/maxResults").cloned();
    // The resources that are there may be enough; more are created where the run may write.
    let mut reply = cx.send(large_page(cx)).await?;
    if cap(&reply).is_none() && !cx.run.probe.read_only {
        cx.crowd(CROWD).await?;
        reply = cx.send(large_page(cx)).await?;
    }
    if reply.status != 200 {
        return Err(Halt::Unclear(format!(
            "a large page is refused: {}",
            reply.short()
        )));
    }
    let found = reply.resources().len();
    let limit = advertised
        .as_ref()
        .and_then(Value::as_u64)
        .filter(|limit| *limit > 0);
    let is_above = limit.is_some_and(|limit| u64::try_from(found).is_ok_and(|found| found > limit));
    let Some(cap) = cap(&reply) else {
        cx.expect(
            !is_above,
            "above",
            format!(
                "a page holds {found} resources, and `filter.maxResults` is {}",
                shown(advertised.as_ref())
            ),
        );
        return Ok(());
    };
    cx.learn(
        "maxPage",
        cap,
        format_args!(
            "a page holds {cap} of {} resources",
            reply.total().unwrap_or_default()
        ),
    );
    cx.expect(
        limit == Some(cap),
        "",
        format!(
            "a page holds {cap} of {} resources, and `filter.maxResults` is {}",
            reply.total().unwrap_or_default(),
            shown(advertised.as_ref())
        ),
    );
    Ok(())
}

/// Asks for more users than any page holds.
fn large_page(cx: &Cx<'_, '_>) -> Ask {
    Ask::get(cx.users()).query("count", "1000000")
}

/// Returns the number of resources of a page that holds less than there are.
fn cap(reply: &Reply) -> Option<u64> {
    let found = u64::try_from(reply.resources().len()).ok()?;
    (reply.status == 200 && found > 0 && reply.total()? > found).then_some(found)
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "not there".to_owned(), short)
}

/// The outcome of a PATCH that adds members.
enum Added {
    All,
    /// The server refused it.
    Refused(Reply),
    /// It was answered as done, and the group has so many of them.
    Some(usize),
}

/// Creates a group and adds members to it with one operation.
async fn add(cx: &mut Cx<'_, '_>, members: &[String]) -> Result<Added, Halt> {
    cx.forget();
    let (path, _) = cx.created("Group", &Value::Null).await?;
    let values: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
    let operations = json!([{"op": "add", "path": "members", "value": values}]);
    let reply = cx.send(Ask::patch(&path, &operations)).await?;
    if matches!(reply.status, 429 | 503) {
        // That is said of the moment, not of the request.
        return Err(Halt::Unclear(format!("the server is busy: {}", reply.short())));
    }
    if !reply.is_success() {
        return Ok(Added::Refused(reply));
    }
    let read = cx.read(&path).await?;
    let shown = read.get("members").and_then(Value::as_array).map_or(0, Vec::len);
    Ok(if shown == members.len() {
        Added::All
    } else {
        Added::Some(shown)
    })
}

pub(super) async fn members(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let crowd = cx.crowd(CROWD).await?;
    let Added::Refused(refusal) = add(cx, &crowd).await? else {
        return Ok(());
    };
    let (mut taken, mut refused) = (0, CROWD);
    while refused - taken > 1 {
        let half = usize::midpoint(taken, refused);
        match add(cx, crowd.get(..half).unwrap_or_default()).await? {
            Added::Refused(_) => refused = half,
            Added::All | Added::Some(_) => taken = half,
        }
    }
    if taken == 0 {
        return Err(Halt::Unclear(format!(
            "no member can be added: {}",
            refusal.short()
        )));
    }
    let says = format!(
        "{taken} members are added at once, and {refused} are refused: {}",
        refusal.short()
    );
    cx.learn(
        "membersPerPatch",
        taken,
        format_args!("{taken} members are added at once, and {refused} are refused"),
    );
    cx.find("", says);
    Ok(())
}

pub(super) async fn members_kept(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let crowd = cx.crowd(CROWD).await?;
    match add(cx, &crowd).await? {
        Added::All => {}
        Added::Refused(reply) => return Err(Halt::Skip(format!("it is refused: {}", reply.short()))),
        // Some servers never show members, which another check is about.
        Added::Some(0) => return Err(Halt::Skip("the group shows no members".to_owned())),
        Added::Some(shown) => {
            let says = format!("of {CROWD} members that were added {shown} are there");
            if shown < CROWD {
                cx.learn("membersPerPatch", shown, &says);
            }
            cx.find("", says);
        }
    }
    Ok(())
}

pub(super) async fn soft_delete(cx: &mut Cx<'_, '_>) -> Result<(), Halt> {
    let (path, _) = cx.created("User", &Value::Null).await?;
    let deleted = cx.send(Ask::delete(&path)).await?;
    let read = cx.send(Ask::get(&path)).await?;
    match read.status {
        404 | 410 => {
            cx.learn("softDelete", "delete", "a deleted user is not found");
            return Ok(());
        }
        200 => {}
        _ => {
            return Err(Halt::Unclear(format!(
                "what was deleted can't be read: {}",
                read.short()
            )));
        }
    }
    if read.json.get("active") == Some(&json!(false)) {
        cx.learn("softDelete", "active", "DELETE sets `active` to false");
        cx.find("", "DELETE sets `active` to false, and the user stays");
        return Ok(());
    }
    // The user is as before: DELETE is refused, or does nothing.
    let operations = json!([{"op": "replace", "path": "active", "value": false}]);
    let patched = cx.send(Ask::patch(&path, &operations)).await?;
    let read = cx.send(Ask::get(&path)).await?;
    let is_inactive = read.json.get("active") == Some(&json!(false));
    let says = format!("DELETE is answered with {}, and the user stays", deleted.status);
    if !patched.is_success() || !is_inactive {
        return Err(Halt::Unclear(format!(
            "{says}; nor can `active` be set to false: {}",
            patched.short()
        )));
    }
    cx.learn("softDelete", "active", &says);
    cx.find("", says);
    Ok(())
}
