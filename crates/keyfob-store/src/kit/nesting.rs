//! Owners of owners.

use keyfob_core::{Member, MemberSet, ResourceId, schema::Relation};
use smol_str::SmolStr;

/// Adds the indirect members of an inverse relation to the direct ones, such as the groups of a user's groups to the
/// groups of the user (RFC 7643 section 4.1.2).
///
/// `owners_of` gives the live owners of an owner, each with its `display`. An owner is added once, a direct one stays
/// direct, and a circle ends. An owner behind more than `levels` others is not added.
///
/// ```
/// use keyfob_core::{Member, MemberSet, ResourceId, SmolStr};
/// use keyfob_store::kit::add_indirect;
///
/// // The guides are staff, and so is the staff by some mistake.
/// let owners_of = |owner: &ResourceId| -> Result<Vec<(ResourceId, Option<SmolStr>)>, std::convert::Infallible> {
///     Ok(match owner.as_str() {
///         "guides" | "staff" => vec![(ResourceId::new("staff"), Some("Staff".into()))],
///         _ => Vec::new(),
///     })
/// };
/// let direct = Member::new().with_kind("direct");
/// let mut groups: MemberSet = [(ResourceId::new("guides"), direct)].into_iter().collect();
/// add_indirect(&mut groups, 32, owners_of)?;
/// let kinds: Vec<_> = groups.iter().map(|(id, group)| (id.as_str(), group.kind.as_deref())).collect();
/// assert_eq!(kinds, [("guides", Some("direct")), ("staff", Some("indirect"))]);
/// # Ok::<(), std::convert::Infallible>(())
/// ```
///
/// # Errors
/// The error of `owners_of`.
///
/// # Complexity
/// One call of `owners_of` for each owner, and constant time for each that it gives.
pub fn add_indirect<O, E>(
    members: &mut MemberSet,
    levels: usize,
    mut owners_of: impl FnMut(&ResourceId) -> Result<O, E>,
) -> Result<(), E>
where
    O: IntoIterator<Item = (ResourceId, Option<SmolStr>)>,
{
    let mut reached: Vec<ResourceId> = members.iter().map(|(id, _)| id.clone()).collect();
    for _ in 1..levels {
        let mut further = Vec::new();
        for owner in &reached {
            for (id, display) in owners_of(owner)? {
                if members.contains(&id) {
                    continue;
                }
                let mut member = Member::new().with_kind(Relation::INDIRECT);
                member.display = display;
                members.insert(id.clone(), member);
                further.push(id);
            }
        }
        if further.is_empty() {
            break;
        }
        reached = further;
    }
    Ok(())
}
