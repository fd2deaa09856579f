//! Lists of resources, page by page or one by one.

use std::{
    collections::VecDeque,
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use keyfob_core::{
    Dialect, Projection, Resource, SmolStr,
    message::{SearchRequest, SortOrder},
};

use crate::{
    call::{BoxFuture, Call, drive, drive_blocking},
    client::{Client, Shared},
    error::Error,
    exchange::Exchange,
    pager::{self, Pager},
    patch::IntoFilter,
    session::{Options, Session},
    stored::Stored,
    transport::{BlockingTransport, Transport},
};

/// A list of resources that is not read yet.
///
/// Pages are asked for as they are needed. Each resource comes once, whatever the server repeats; what a server skips
/// because its list moved is looked for again. See [`Error::Incomplete`] for lists that come to no end.
#[must_use = "a list is not read until it is streamed, iterated over or collected"]
pub struct List<'c, X, V> {
    transport: &'c X,
    shared: &'c Arc<Shared>,
    query: Query,
    view: PhantomData<fn() -> V>,
}

/// What is asked for.
struct Query {
    request: SearchRequest,
    resource_type: Option<SmolStr>,
    by_post: bool,
    page: u32,
    is_whole: bool,
    filter: Option<keyfob_filter::Filter>,
    error: Option<Error>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page<V = Resource> {
    /// The resources.
    pub resources: Vec<Stored<V>>,
    /// The number of resources on all pages, if the server counts them.
    pub total: Option<u64>,
}

impl<X> Client<X> {
    /// Searches over the resources of all types (RFC 7644 section 3.4.3, POST to `/.search` below the base URL).
    pub fn search(&self) -> List<'_, X, Resource> {
        List::new(&*self.transport, &self.shared, None).by_post()
    }
}

impl<'c, X, V> List<'c, X, V>
where
    V: From<Resource> + Send + 'static,
{
    /// The size of pages that is asked for, unless the server is known to give less.
    pub const PAGE: u32 = 100;

    pub(crate) fn new(transport: &'c X, shared: &'c Arc<Shared>, resource_type: Option<SmolStr>) -> Self {
        Self {
            transport,
            shared,
            query: Query {
                request: SearchRequest::new(),
                resource_type,
                by_post: false,
                page: Self::PAGE,
                is_whole: false,
                filter: None,
                error: None,
            },
            view: PhantomData,
        }
    }

    /// Lists the resources that match the filter alone (RFC 7644 section 3.4.2.2).
    pub fn filter(mut self, filter: impl IntoFilter) -> Self {
        match filter.into_filter() {
            Ok((text, filter)) => {
                self.query.request.filter = Some(text);
                self.query.filter = Some(filter);
            }
            Err(error) => {
                self.query.error.get_or_insert(error);
            }
        }
        self
    }

    /// Asks for these attributes alone (RFC 7644 section 3.9).
    pub fn attributes<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.project(names, [])
    }

    /// Asks for all attributes that are returned by default but these: `members` of groups, for one.
    pub fn excluding<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.project([], names)
    }

    fn project<'n>(
        mut self,
        attributes: impl IntoIterator<Item = &'n str>,
        excluded: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        match Projection::of_names(attributes, excluded, Dialect::strict()) {
            Ok(projection) => self.query.request.projection = projection,
            Err(error) => {
                self.query
                    .error
                    .get_or_insert(Error::Request(SmolStr::from(error.to_string())));
            }
        }
        self
    }

    /// Sorts by this attribute (RFC 7644 section 3.4.2.3).
    pub fn sort_by(mut self, attribute: &str, order: SortOrder) -> Self {
        self.query.request.sort_by = Some(attribute.into());
        self.query.request.sort_order = order;
        self
    }

    /// Asks for pages of this size; 1 at least.
    pub fn page(mut self, size: u32) -> Self {
        self.query.page = size.max(1);
        self
    }

    /// Makes a list that ends before all that the server counts (`totalResults`) an error, [`Error::Incomplete`], for callers who take
    /// a resource that is missing for one that is gone. By default that is a deviation, since some servers count what they don't
    /// show.
    pub fn whole(mut self) -> Self {
        self.query.is_whole = true;
        self
    }

    /// Asks by POST to `/.search` instead of GET.
    pub(crate) fn by_post(mut self) -> Self {
        self.query.by_post = true;
        self
    }

    /// Reads all of the list.
    ///
    /// # Errors
    /// As the items of [`stream`](Self::stream).
    pub fn all(self) -> Call<'c, X, Vec<Stored<V>>> {
        let query = self.query;
        Call::new(self.transport, self.shared, |session| async move {
            let mut pager = query.start(&session)?;
            let mut all = Vec::new();
            while let Some(page) = next(&mut pager, &session).await? {
                all.extend(page);
            }
            Ok(all)
        })
    }

    /// Reads the first page alone.
    ///
    /// # Errors
    /// As the items of [`stream`](Self::stream).
    pub fn first_page(self) -> Call<'c, X, Page<V>> {
        let query = self.query;
        Call::new(self.transport, self.shared, |session| async move {
            let mut pager = query.start(&session)?;
            let resources = next(&mut pager, &session).await?.unwrap_or_default();
            let total = pager.total();
            Ok(Page { resources, total })
        })
    }

    fn pages(self) -> Pages<'c, X, V> {
        Pages {
            transport: self.transport,
            shared: Arc::clone(self.shared),
            state: State::New(Box::new(self.query)),
            view: PhantomData,
        }
    }
}

impl<'c, X: Transport, V: From<Resource> + Send + 'static> List<'c, X, V> {
    /// Reads the list as a [stream](futures_core::Stream).
    ///
    /// After an error the stream ends: what comes after it is unknown.
    pub fn stream(self) -> Stream<'c, X, V> {
        Stream {
            pages: self.pages(),
            page: VecDeque::new(),
            pending: None,
        }
    }
}

impl<'c, X: BlockingTransport, V: From<Resource> + Send + 'static> List<'c, X, V> {
    /// Reads the list as an iterator, which blocks.
    ///
    /// After an error the iterator ends: what comes after it is unknown.
    pub fn iter(self) -> Iter<'c, X, V> {
        Iter {
            pages: self.pages(),
            page: VecDeque::new(),
        }
    }
}

impl Query {
    fn start(self, session: &Session) -> Result<Pager, Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if let Some(filter) = &self.filter {
            pager::allowed(filter, session)?;
        }
        let pager = Pager::new(session, self.request, self.resource_type, self.by_post, self.page)?;
        Ok(if self.is_whole { pager.whole() } else { pager })
    }
}

async fn next<V: From<Resource>>(
    pager: &mut Pager,
    session: &Session,
) -> Result<Option<Vec<Stored<V>>>, Error> {
    let Some(page) = pager.next(session).await? else {
        return Ok(None);
    };
    let mut typed = Vec::with_capacity(page.len());
    for stored in page {
        let stored = if pager.is_of_all_types() {
            Pager::rekeyed(session, stored)?
        } else {
            stored
        };
        typed.push(stored.typed());
    }
    Ok(Some(typed))
}

/// The pages of a list.
struct Pages<'c, X, V> {
    transport: &'c X,
    shared: Arc<Shared>,
    state: State,
    view: PhantomData<fn() -> V>,
}

enum State {
    New(Box<Query>),
    Open(Box<Pager>),
    Over,
}

/// A page, and the pager that reads the next one.
type Turn<V> = (Box<Pager>, Option<Vec<Stored<V>>>);

impl<X, V: From<Resource> + Send + 'static> Pages<'_, X, V> {
    /// Returns the exchange that reads the next page; `None` when there is none.
    fn turn(&mut self) -> Option<Exchange<Turn<V>>> {
        let state = std::mem::replace(&mut self.state, State::Over);
        let shared = Arc::clone(&self.shared);
        (!matches!(state, State::Over)).then(|| {
            Exchange::new(move |port| async move {
                let session = Session::new(shared, port, Options::default());
                let mut pager = match state {
                    State::New(query) => Box::new(query.start(&session)?),
                    State::Open(pager) => pager,
                    State::Over => return Err(Error::Finished),
                };
                let page = next(&mut pager, &session).await?;
                Ok((pager, page))
            })
        })
    }

    /// Takes the result of a turn in.
    fn turned(&mut self, turn: Result<Turn<V>, Error>, page: &mut VecDeque<Stored<V>>) -> Option<Error> {
        match turn {
            Ok((pager, Some(resources))) => {
                self.state = State::Open(pager);
                page.extend(resources);
                None
            }
            Ok((_, None)) => None,
            Err(error) => Some(error),
        }
    }
}

/// A list as a stream of resources. Made by [`List::stream`].
#[must_use = "streams do nothing until they are polled"]
pub struct Stream<'c, X, V> {
    pages: Pages<'c, X, V>,
    page: VecDeque<Stored<V>>,
    pending: Option<BoxFuture<'c, Result<Turn<V>, Error>>>,
}

impl<X: Transport, V: From<Resource> + Send + Unpin + 'static> futures_core::Stream for Stream<'_, X, V> {
    type Item = Result<Stored<V>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(stored) = this.page.pop_front() {
                return Poll::Ready(Some(Ok(stored)));
            }
            if this.pending.is_none() {
                let Some(exchange) = this.pages.turn() else {
                    return Poll::Ready(None);
                };
                this.pending = Some(Box::pin(drive(this.pages.transport, exchange)));
            }
            if let Some(pending) = &mut this.pending {
                let turn = ready!(pending.as_mut().poll(cx));
                this.pending = None;
                if let Some(error) = this.pages.turned(turn, &mut this.page) {
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl<X: Transport, V: From<Resource> + Send + Unpin + 'static> Stream<'_, X, V> {
    /// Returns the next resource; `None` at the end. As `StreamExt::next` of the futures crates.
    pub async fn next(&mut self) -> Option<Result<Stored<V>, Error>> {
        std::future::poll_fn(|cx| futures_core::Stream::poll_next(Pin::new(self), cx)).await
    }
}

/// A list as an iterator over resources. Made by [`List::iter`].
#[must_use = "iterators do nothing until they are advanced"]
pub struct Iter<'c, X, V> {
    pages: Pages<'c, X, V>,
    page: VecDeque<Stored<V>>,
}

impl<X: BlockingTransport, V: From<Resource> + Send + 'static> Iterator for Iter<'_, X, V> {
    type Item = Result<Stored<V>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(stored) = self.page.pop_front() {
                return Some(Ok(stored));
            }
            let turn = drive_blocking(self.pages.transport, self.pages.turn()?);
            if let Some(error) = self.pages.turned(turn, &mut self.page) {
                return Some(Err(error));
            }
        }
    }
}

macro_rules! opaque {
    ($($name:ident)*) => {
        $(impl<X, V> fmt::Debug for $name<'_, X, V> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })*
    };
}

opaque! { List Stream Iter }
