//! The resources of one type.

use std::{fmt, marker::PhantomData, sync::Arc};

use keyfob_core::{
    Resource, ResourceId, SmolStr,
    view::{Group, User},
};
use keyfob_filter::Filter;

use crate::{
    call::Call,
    client::{Client, Shared},
    create,
    error::Error,
    list::List,
    members::Members,
    pager,
    patch::{IntoFilter, Patch},
    stored::{Found, Patched, Stored},
    write,
};

/// A typed view of the resources of one type. [`User`] and [`Group`] are two; implement it for your own.
pub trait View: From<Resource> + Into<Resource> + Clone + Send + Sync + 'static {
    /// The name of the resource type.
    const RESOURCE_TYPE: &'static str;
}

impl View for User {
    const RESOURCE_TYPE: &'static str = "User";
}

impl View for Group {
    const RESOURCE_TYPE: &'static str = "Group";
}

/// The resources of one type on the server, as the typed view `V` or as [`Resource`]s.
///
/// Every method returns a [`Call`], which does nothing until it is awaited or called.
pub struct Resources<'c, X, V> {
    transport: &'c X,
    shared: &'c Arc<Shared>,
    resource_type: SmolStr,
    /// The attribute by which a resource is found again; the resource's own if there is none.
    identified_by: Option<SmolStr>,
    view: PhantomData<fn() -> V>,
}

impl<'c, X, V> Resources<'c, X, V> {
    pub(crate) fn new(client: &'c Client<X>, resource_type: SmolStr) -> Self {
        Self {
            transport: &client.transport,
            shared: &client.shared,
            resource_type,
            identified_by: None,
            view: PhantomData,
        }
    }

    pub(crate) fn call<T: 'static, F>(
        &self,
        start: impl FnOnce(crate::session::Session, SmolStr) -> F + Send + 'static,
    ) -> Call<'c, X, T>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let resource_type = self.resource_type.clone();
        Call::new(self.transport, self.shared, move |session| {
            start(session, resource_type)
        })
    }

    pub(crate) fn transport(&self) -> &'c X {
        self.transport
    }

    pub(crate) fn shared(&self) -> &'c Arc<Shared> {
        self.shared
    }

    pub(crate) fn name(&self) -> SmolStr {
        self.resource_type.clone()
    }

    /// Finds a resource again by this attribute when whether it was created is unknown. Defaults to the attribute that
    /// the schema says is unique, such as `userName`, then `externalId`, then `displayName`.
    #[must_use]
    pub fn identified_by(mut self, attribute: &str) -> Self {
        self.identified_by = Some(attribute.into());
        self
    }
}

impl<'c, X, V> Resources<'c, X, V>
where
    V: From<Resource> + Into<Resource> + Clone + Send + 'static,
{
    /// Reads a resource (RFC 7644 section 3.4.1).
    ///
    /// # Errors
    /// [`Error::Status`] 404 when the resource is gone; see [`Error::is_gone`].
    pub fn get(&self, id: &ResourceId) -> Call<'c, X, Stored<V>> {
        let id = id.clone();
        self.call(move |session, name| async move { Ok(write::get(&session, &name, &id).await?.typed()) })
    }

    /// Looks for the one resource that matches a filter.
    ///
    /// # Errors
    /// [`Error::Decode`] when the server answers with a resource that contradicts the filter: it goes by something else,
    /// and taking the resource for the one that is meant would change somebody else's.
    pub fn find(&self, filter: impl IntoFilter) -> Call<'c, X, Found<V>> {
        let filter = filter.into_filter();
        self.call(move |session, name| async move {
            let (text, filter) = filter?;
            Ok(match pager::find(&session, &name, text, &filter).await? {
                Found::None => Found::None,
                Found::One(stored) => Found::One(stored.typed()),
                Found::Many(ids) => Found::Many(ids),
            })
        })
    }

    /// Lists resources: all of them, or those that match a [filter](List::filter).
    pub fn list(&self) -> List<'c, X, V> {
        List::new(self.transport, self.shared, Some(self.resource_type.clone()))
    }

    /// Lists resources by POST to `/.search` (RFC 7644 section 3.4.3), for filters that should not stand in addresses,
    /// where logs keep them, or are too long for one.
    pub fn search(&self) -> List<'c, X, V> {
        self.list().by_post()
    }

    /// Creates a resource (RFC 7644 section 3.3).
    ///
    /// When the answer to a request is lost, the client looks for the resource before it sends the request again. It
    /// returns what it finds if that holds all that was sent, so that nothing is created twice.
    ///
    /// # Errors
    /// [`Error::Status`] 409 when a unique value is taken. [`Error::Ambiguous`] when whether the resource was created
    /// is unknown: it can't be looked for, or what is found is not what was sent.
    pub fn create(&self, resource: &V) -> Call<'c, X, Stored<V>> {
        let resource: Resource = resource.clone().into();
        let identified_by = self.identified_by.clone();
        self.call(move |session, name| async move {
            Ok(create::create(&session, &name, resource, identified_by)
                .await?
                .typed())
        })
    }

    /// Replaces a resource (RFC 7644 section 3.5.1). What the new one doesn't have is removed.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a server without PUT; [`Error::Status`] for a refusal.
    pub fn replace(&self, id: &ResourceId, resource: &V) -> Call<'c, X, Stored<V>> {
        let (id, resource): (_, Resource) = (id.clone(), resource.clone().into());
        self.call(move |session, name| async move {
            Ok(write::replace(&session, &name, &id, resource).await?.typed())
        })
    }

    /// Modifies a resource by PATCH (RFC 7644 section 3.5.2).
    ///
    /// A request that is larger than the server takes is sent in several, in order. Then not all of it may have been
    /// applied when one is refused.
    ///
    /// # Errors
    /// [`Error::Request`] for a path that is malformed, [`Error::Unsupported`] for what the server can't be asked for,
    /// [`Error::Status`] for a refusal, [`Error::Partial`] for one in the middle.
    pub fn patch(&self, id: &ResourceId, patch: impl Into<Patch>) -> Call<'c, X, Patched<V>> {
        let (id, request) = (id.clone(), patch.into().to_request());
        self.call(move |session, name| async move {
            Ok(match write::patch(&session, &name, &id, request?).await? {
                Patched::Body(stored) => Patched::Body(stored.typed()),
                Patched::NoContent { version } => Patched::NoContent { version },
            })
        })
    }

    /// Changes a resource that was read: sends what the function changes, and nothing if it changes nothing.
    ///
    /// The request is a PATCH of the differences, made only if the resource still is of the version that was read.
    /// For a server without PATCH the resource is read again, changed in the same places and replaced.
    ///
    /// ```
    /// # use keyfob_client::{Client, Step, Stored};
    /// # use keyfob_core::view::User;
    /// # fn example(client: &Client, stored: &Stored<User>) {
    /// let call = client.of::<User>().update(stored, |user| user.title = Some("Lead".into()));
    /// # let _ = call;
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`patch`](Self::patch) and [`replace`](Self::replace); [`Error::Status`] 412 when somebody else changed the
    /// resource meanwhile.
    pub fn update(&self, stored: &Stored<V>, change: impl FnOnce(&mut V)) -> Call<'c, X, Stored<V>> {
        let before: Resource = stored.resource.clone().into();
        let mut after = stored.resource.clone();
        change(&mut after);
        let (id, version, after): (_, _, Resource) =
            (stored.id.clone(), stored.version.clone(), after.into());
        self.call(move |session, name| async move {
            Ok(write::update(session, &name, &id, version, before, after)
                .await?
                .typed())
        })
    }

    /// Deletes a resource (RFC 7644 section 3.6). One that is gone when the request is repeated was deleted.
    ///
    /// # Errors
    /// [`Error::Status`] 404 when there was no such resource; see [`Error::is_gone`].
    pub fn delete(&self, id: &ResourceId) -> Call<'c, X, ()> {
        let id = id.clone();
        self.call(move |session, name| async move { write::delete(&session, &name, &id).await })
    }

    /// Changes the members of a group.
    pub fn members(&self, id: &ResourceId) -> Members<'c, X> {
        Members::new(self.call_maker(), id.clone())
    }

    fn call_maker(&self) -> Resources<'c, X, Resource> {
        Resources {
            transport: self.transport,
            shared: self.shared,
            resource_type: self.resource_type.clone(),
            identified_by: None,
            view: PhantomData,
        }
    }
}

impl<X, V> fmt::Debug for Resources<'_, X, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources")
            .field("resource_type", &self.resource_type)
            .finish_non_exhaustive()
    }
}

/// A filter by one attribute.
pub(crate) fn equality(path: keyfob_core::AttrPath, value: SmolStr) -> (SmolStr, Filter) {
    let filter = Filter::eq(path, value);
    (SmolStr::from(filter.to_string()), filter)
}
