//! Lists that are read page by page.

use keyfob_core::{AttrPath, Dialect, ExternalId, ResourceType, SchemaUri};
use keyfob_engine::{Context, Loaded};
use keyfob_filter::{CompareOp, Filter, Literal, Predicate};
use keyfob_store::{Cursor, Paging, Query, Selection, Store, StoreError, Total, Visibility};

use super::{Admin, AdminError, user::UserView};
use crate::state::UserState;

/// The end of a page, from which the next one goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seek(Box<[u8]>);

impl Seek {
    /// Creates a mark from the bytes of [`as_bytes`](Self::as_bytes).
    #[must_use]
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// Returns the mark's bytes. They may hold a value of the last resource of the page.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Which users are listed. A filter without a condition lists all that are not deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserFilter {
    /// Only users whose `userName` starts with this text.
    pub prefix: Option<String>,
    /// Only users in this state; [`UserState::Deleted`] lists the deleted users.
    pub state: Option<UserState>,
    /// Only users that the provider manages, or only others.
    pub managed: Option<bool>,
    /// Only the user with this `externalId` of the Verkada extension.
    pub external_id: Option<ExternalId>,
}

impl UserFilter {
    /// Creates a filter without a condition.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn visibility(&self) -> Visibility {
        match self.state {
            Some(UserState::Deleted) => Visibility::Hidden,
            _ => Visibility::Live,
        }
    }

    /// Returns the conditions that a store answers. It doesn't know of invitations and of who manages a user.
    fn predicate(&self, users: &ResourceType) -> Result<Option<Predicate>, StoreError> {
        let path = |text: &str| AttrPath::parse(text).map_err(StoreError::internal);
        let text = |text: &str| Literal::String(text.into());
        let mut conditions = Vec::new();
        if let Some(prefix) = &self.prefix {
            conditions.push(Filter::Compare(path("userName")?, CompareOp::Sw, text(prefix)));
        }
        if let Some(id) = &self.external_id {
            let path = path(&format!("{}:externalId", SchemaUri::VERKADA_CORE_USER))?;
            conditions.push(Filter::Compare(path, CompareOp::Eq, text(id.as_str())));
        }
        let active = match self.state {
            Some(UserState::Active | UserState::Invited | UserState::Uninvited) => Some(true),
            Some(UserState::Deactivated) => Some(false),
            _ => None,
        };
        if let Some(active) = active {
            conditions.push(Filter::Compare(
                path("active")?,
                CompareOp::Eq,
                Literal::Bool(active),
            ));
        }
        let filter = match conditions.len() {
            0 => return Ok(None),
            1 => conditions.pop(),
            _ => Some(Filter::And(conditions)),
        };
        let compiled = filter.map(|filter| filter.compile(users, Dialect::strict()));
        compiled.transpose().map_err(StoreError::internal)
    }

    fn matches(&self, user: &UserView) -> bool {
        self.state.is_none_or(|state| state == user.state)
            && self.managed.is_none_or(|managed| managed == user.is_managed)
    }
}

/// A page of users.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UserPage {
    /// The users, in the order of their creation.
    pub users: Vec<UserView>,
    /// The end of the page, if there may be more users.
    pub next: Option<Seek>,
}

/// How often a store is asked for one page at most. Where few users match, the page is shorter and says where to go on.
const READS: usize = 16;

impl<S: Store> Admin<'_, S> {
    /// Lists at most `limit` users that a filter matches, after the end of the page before.
    ///
    /// A page may be shorter than `limit` although there are more users: then it has a [`next`](UserPage::next).
    ///
    /// # Errors
    /// [`AdminError::Store`], with [`StoreError::InvalidCursor`] for a mark of another list.
    ///
    /// # Complexity
    /// At most 16 queries of the page's size, whatever the number of users.
    pub async fn user_page(
        &self,
        cx: &Context,
        filter: &UserFilter,
        after: Option<&Seek>,
        limit: usize,
    ) -> Result<UserPage, AdminError> {
        let users = self.user_type()?;
        let provisioning = self.provisioner.provisioning_of(cx).await?;
        let query = Query::all()
            .with_visibility(filter.visibility())
            .with_selection(Selection::document());
        let query = match filter.predicate(users)? {
            Some(predicate) => query.with_filter(predicate),
            None => query,
        };
        let mut page = UserPage {
            users: Vec::new(),
            next: after.cloned(),
        };
        for _ in 0..READS {
            let count = limit.saturating_sub(page.users.len());
            if count == 0 {
                break;
            }
            let (read, next) = self
                .page(cx, users, query.clone(), page.next.as_ref(), count)
                .await?;
            let views = read
                .into_iter()
                .map(|loaded| UserView::new(loaded, &provisioning));
            page.users.extend(views.filter(|user| filter.matches(user)));
            page.next = next;
            if page.next.is_none() {
                break;
            }
        }
        Ok(page)
    }

    /// Reads at most `count` resources that a query matches, after the end of the page before; the query's own paging is
    /// passed over.
    ///
    /// # Errors
    /// [`AdminError::Store`], with [`StoreError::InvalidCursor`] for a mark of another list.
    pub async fn page(
        &self,
        cx: &Context,
        resource_type: &ResourceType,
        query: Query,
        after: Option<&Seek>,
        count: usize,
    ) -> Result<(Vec<Loaded>, Option<Seek>), AdminError> {
        let store = self.provisioner.store();
        // A store without cursors counts, which misses resources when others are removed meanwhile.
        let has_cursors = store.capabilities().cursors;
        let offset = match after {
            Some(after) if !has_cursors => offset_of(after)?,
            _ => 0,
        };
        let paging = if has_cursors {
            Paging::Cursor {
                after: after.map(|after| Cursor::new(after.as_bytes())),
                count,
            }
        } else {
            Paging::Offset { offset, count }
        };
        let query = query.with_paging(paging).with_total(Total::Unknown);
        let page = store.query(&cx.reading(), resource_type, &query).await?;
        let read: Vec<Loaded> = page.resources.into_iter().map(Loaded::new).collect();
        let next = if has_cursors {
            page.next.map(|cursor| Seek::new(cursor.as_bytes()))
        } else {
            let end = u64::try_from(offset + read.len()).unwrap_or(u64::MAX);
            (read.len() == count).then(|| Seek::new(end.to_be_bytes().as_slice()))
        };
        Ok((read, next))
    }
}

fn offset_of(after: &Seek) -> Result<usize, StoreError> {
    let bytes = after.as_bytes().try_into().ok();
    let offset = bytes
        .map(u64::from_be_bytes)
        .and_then(|end| usize::try_from(end).ok());
    offset.ok_or(StoreError::InvalidCursor)
}
