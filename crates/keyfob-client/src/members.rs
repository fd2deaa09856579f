//! The members of a group.

use std::{collections::HashSet, fmt, future::IntoFuture};

use keyfob_core::{
    Resource, ResourceId,
    message::{PatchOperation, PatchOperationKind, PatchRequest},
};
use smol_str::format_smolstr;

use crate::{
    call::{BoxFuture, Call},
    error::Error,
    exchange::Exchange,
    fit::fit,
    patch::member_values,
    resources::Resources,
    session::Session,
    transport::{BlockingTransport, Transport},
    write,
};

/// The number of members that a request changes where the server names no limit: some 50 KB.
const MEMBERS_PER_REQUEST: u32 = 1_000;

/// A change of a group's members. Made by [`Resources::members`].
///
/// It is sent as additions and removals of those that change, in requests as large as the server takes, additions
/// first. A member that stays is never out of the group in between, as it is where the whole list is replaced in
/// pieces.
///
/// ```
/// # use keyfob_client::Client;
/// # use keyfob_core::{ResourceId, view::Group};
/// # fn example(client: &Client, group: &ResourceId, ada: ResourceId, bob: ResourceId) {
/// let groups = client.of::<Group>();
/// let change = groups.members(group).add([ada]).remove([bob]);
/// # let _ = change;
/// # }
/// ```
#[must_use = "a change of members does nothing until it is awaited or called"]
pub struct Members<'c, X> {
    groups: Resources<'c, X, Resource>,
    id: ResourceId,
    add: Vec<ResourceId>,
    remove: Vec<ResourceId>,
    /// The members that the group is to have, if all of them are given.
    set: Option<Vec<ResourceId>>,
}

/// What a change of members came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MembersChanged {
    /// The number of members that were to be added.
    pub added: usize,
    /// The number of members that were to be removed.
    pub removed: usize,
}

impl<'c, X> Members<'c, X> {
    pub(crate) fn new(groups: Resources<'c, X, Resource>, id: ResourceId) -> Self {
        Self {
            groups,
            id,
            add: Vec::new(),
            remove: Vec::new(),
            set: None,
        }
    }

    /// Adds these members. One that is there already stays.
    #[expect(
        clippy::should_implement_trait,
        reason = "a builder beside `remove` and `set`"
    )]
    pub fn add(mut self, ids: impl IntoIterator<Item = ResourceId>) -> Self {
        self.add.extend(ids);
        self
    }

    /// Removes these members.
    pub fn remove(mut self, ids: impl IntoIterator<Item = ResourceId>) -> Self {
        self.remove.extend(ids);
        self
    }

    /// Leaves the group with just these members: reads the ones that it has, and changes the difference.
    ///
    /// For a server that doesn't show members this fails with [`Error::Unsupported`]: what it shows is no list to
    /// remove from.
    pub fn set(mut self, ids: impl IntoIterator<Item = ResourceId>) -> Self {
        self.set.get_or_insert_default().extend(ids);
        self
    }

    fn into_call(self) -> Call<'c, X, MembersChanged> {
        let Self {
            groups,
            id,
            add,
            remove,
            set,
        } = self;
        Call::new(groups.transport(), groups.shared(), {
            let name = groups.name();
            move |session| async move {
                let (add, remove) = match set {
                    None => (distinct(add), distinct(remove)),
                    Some(_) if !(add.is_empty() && remove.is_empty()) => {
                        return Err(Error::Request(
                            "`set` says all; `add` and `remove` go without it".into(),
                        ));
                    }
                    Some(wanted) => difference(&session, &name, &id, distinct(wanted)).await?,
                };
                change(&session, &name, &id, &add, &remove).await
            }
        })
    }

    /// Returns the change as steps, to be driven without a transport.
    pub fn into_exchange(self) -> Exchange<MembersChanged> {
        self.into_call().into_exchange()
    }
}

impl<X: BlockingTransport> Members<'_, X> {
    /// Carries out the change.
    ///
    /// # Errors
    /// [`Error::Request`] for an id that is to be both added and removed; [`Error::Partial`] when a request in the middle
    /// is refused; [`Error::Status`] when the first is.
    pub fn call(self) -> Result<MembersChanged, Error> {
        self.into_call().call()
    }
}

impl<'c, X: Transport> IntoFuture for Members<'c, X> {
    type Output = Result<MembersChanged, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.into_call().into_future()
    }
}

impl<X> fmt::Debug for Members<'_, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members")
            .field("id", &self.id)
            .field("add", &self.add.len())
            .field("remove", &self.remove.len())
            .finish_non_exhaustive()
    }
}

/// The ids, each once, in their order.
fn distinct(ids: Vec<ResourceId>) -> Vec<ResourceId> {
    let mut seen = HashSet::new();
    ids.into_iter().filter(|id| seen.insert(id.clone())).collect()
}

/// Returns what has to be added and removed so that the group has just these members.
async fn difference(
    session: &Session,
    name: &str,
    id: &ResourceId,
    wanted: Vec<ResourceId>,
) -> Result<(Vec<ResourceId>, Vec<ResourceId>), Error> {
    if !write::reads_members(session) {
        return Err(Error::Unsupported("reading the members of a group".into()));
    }
    let stored = write::get(session, name, id).await?;
    let present = stored.resource.relation("members");
    let kept: HashSet<&ResourceId> = wanted.iter().collect();
    let remove = present
        .into_iter()
        .flat_map(|present| present.iter().map(|(id, _)| id));
    let remove = remove.filter(|id| !kept.contains(id)).cloned().collect();
    let is_new = |id: &ResourceId| present.is_none_or(|present| !present.contains(id));
    let add = wanted.into_iter().filter(is_new).collect();
    Ok((add, remove))
}

async fn change(
    session: &Session,
    name: &str,
    id: &ResourceId,
    add: &[ResourceId],
    remove: &[ResourceId],
) -> Result<MembersChanged, Error> {
    let added: HashSet<&ResourceId> = add.iter().collect();
    if let Some(both) = remove.iter().find(|id| added.contains(id)) {
        return Err(Error::Request(format_smolstr!(
            "`{both}` is to be both added and removed"
        )));
    }
    let operation = |kind, ids: &[ResourceId]| {
        (!ids.is_empty()).then(|| PatchOperation::new(kind, Some("members".into()), Some(member_values(ids))))
    };
    let operations = [
        operation(PatchOperationKind::Add, add),
        operation(PatchOperationKind::Remove, remove),
    ];
    let request = PatchRequest::new(operations.into_iter().flatten().collect());
    if !request.operations.is_empty() {
        if !session.capabilities().patch.value {
            return Err(Error::Unsupported("PATCH".into()));
        }
        let mut capabilities = session.capabilities().clone();
        capabilities
            .members_per_patch
            .value
            .get_or_insert(MEMBERS_PER_REQUEST);
        let requests = fit(request, &capabilities, session.resource_type(name)?)?;
        write::send_all(session, name, id, requests).await?;
    }
    Ok(MembersChanged {
        added: add.len(),
        removed: remove.len(),
    })
}
