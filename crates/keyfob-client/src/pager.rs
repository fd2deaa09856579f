//! Look-ups and the pages of lists.

use std::collections::HashSet;

use http::Method;
use keyfob_core::{
    Resource, ResourceId, ResourceType, SmolStr,
    message::{Deviation, ListPage, SearchRequest},
};
use keyfob_filter::{CompareOp, Filter};
use smol_str::format_smolstr;

use crate::{
    capabilities::{FilterSupport, Origin, Paging},
    confirm,
    discover::unreadable,
    error::Error,
    session::{Ask, Session},
    stored::{Found, Stored, check},
};

const RFC: &str = "RFC 7644 section 3.4.2.4";

/// Refuses a filter that the server is known not to understand.
pub(crate) fn allowed(filter: &Filter, session: &Session) -> Result<(), Error> {
    let is_equality = |filter: &Filter| matches!(filter, Filter::Compare(_, CompareOp::Eq, _));
    match session.capabilities().filter.value {
        FilterSupport::Full => Ok(()),
        FilterSupport::Equality => match filter {
            Filter::And(filters) if filters.iter().all(is_equality) => Ok(()),
            filter if is_equality(filter) => Ok(()),
            // A value path is what `emails[type eq "work"].value eq "x"` is read as.
            Filter::Path(_, filter) => allowed(filter, session),
            _ => Err(Error::Unsupported("filters other than `eq` and `and`".into())),
        },
        FilterSupport::Unsupported => Err(Error::Unsupported("filters".into())),
    }
}

/// Looks for the one resource that matches a filter.
pub(crate) async fn find(
    session: &Session,
    name: &str,
    text: SmolStr,
    filter: &Filter,
) -> Result<Found, Error> {
    allowed(filter, session)?;
    let resource_type = session.resource_type(name)?;
    let mut request = SearchRequest::new();
    request.filter = Some(text);
    request.count = Some(2);
    request.projection = session.options.projection.clone();
    let mut ask = session.ask(
        Method::GET,
        session.url(resource_type.endpoint(), &request.to_query()),
        None,
    );
    ask.if_match = None;
    let page = fetch(session, &ask, Some(resource_type)).await?;
    let total = page.total_results;
    let mut stored = Vec::new();
    for resource in page.resources {
        if confirm::contradicts(filter, &resource, resource_type) {
            return Err(Error::Decode(
                "the server answers with a resource that does not match the filter".into(),
            ));
        }
        stored.push(Stored::of(resource, None)?);
    }
    stored.dedup_by(|later, earlier| later.id == earlier.id);
    match (stored.pop(), total) {
        (None, Some(1..)) => Err(Error::Decode(
            "`totalResults` counts resources, and the answer holds none".into(),
        )),
        (None, _) => Ok(Found::None),
        (Some(one), None | Some(0 | 1)) if stored.is_empty() => Ok(Found::One(one)),
        (Some(last), _) => {
            let mut ids: Vec<ResourceId> = stored.into_iter().map(|stored| stored.id).collect();
            ids.push(last.id);
            Ok(Found::Many(ids))
        }
    }
}

async fn fetch(
    session: &Session,
    ask: &Ask,
    resource_type: Option<&ResourceType>,
) -> Result<ListPage, Error> {
    session
        .fetch(ask, |answer, deviations| {
            let page = ListPage::from_json(&answer.body, resource_type, deviations).map_err(unreadable)?;
            if let Some(resource_type) = resource_type {
                page.resources
                    .iter()
                    .for_each(|resource| check(session, resource, resource_type, deviations));
            }
            Ok(page)
        })
        .await
}

/// Goes through the pages of a list and loses nothing on the way.
///
/// Servers cap pages without saying so, repeat resources, count wrongly, and move what they list while it is read. So
/// the pager goes by what came, not by what was announced: it starts the next page behind the last resource, passes over
/// those that it has seen, reads one more page where the end is only claimed, and starts again where the list shrank
/// meanwhile, since something may have moved to a page that was read already.
///
/// It keeps the ids that it has seen, about 100 bytes for each.
pub(crate) struct Pager {
    request: SearchRequest,
    endpoint: SmolStr,
    /// The resource type; none in a search over all of them.
    name: Option<SmolStr>,
    by_post: bool,
    count: u32,
    position: Position,
    seen: HashSet<ResourceId>,
    pages: u64,
    pass: Pass,
    passes: u32,
    /// The pages of the longest pass so far; a later one is not much longer.
    longest_pass: u64,
    /// The cursors of this pass.
    cursors: HashSet<SmolStr>,
    /// If true, the list was started again because its cursor had expired.
    restarted: bool,
    /// If true, the total that moved was reported.
    reported: bool,
    short: Short,
}

/// The kind of a list that ends before its total.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Short {
    Deviation,
    Error,
}

/// Where the next page starts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Position {
    Index(u64),
    /// The first page is asked for with an empty cursor.
    Cursor(SmolStr),
    End,
}

/// What was seen since the list was started.
#[derive(Debug, Default)]
struct Pass {
    pages: u64,
    /// The resources that came, repeated ones included.
    came: u64,
    last_total: Option<u64>,
    shrank: bool,
    /// Pages in a row that held resources, and none that was new.
    idle: u32,
}

impl Pager {
    /// The number of times that a list is gone through.
    const MAX_PASSES: u32 = 3;
    /// The number of pages in a row without anything new after which a server is taken to repeat itself.
    const MAX_IDLE: u32 = 3;

    pub(crate) fn new(
        session: &Session,
        request: SearchRequest,
        name: Option<SmolStr>,
        by_post: bool,
        page: u32,
    ) -> Result<Self, Error> {
        let endpoint = match &name {
            Some(name) => session.resource_type(name)?.endpoint().into(),
            None => SmolStr::default(),
        };
        if request.sort_by.is_some() && !session.capabilities().sort.value {
            return Err(Error::Unsupported("sorting".into()));
        }
        let count = session
            .capabilities()
            .max_page
            .value
            .map_or(page, |most| page.min(most))
            .max(1);
        let position = Self::first(session);
        Ok(Self {
            request,
            endpoint,
            name,
            by_post,
            count,
            position,
            seen: HashSet::new(),
            pages: 0,
            pass: Pass::default(),
            passes: 1,
            longest_pass: 0,
            cursors: HashSet::new(),
            restarted: false,
            reported: false,
            short: Short::Deviation,
        })
    }

    /// Makes a list that ends before its total an error.
    pub(crate) fn whole(self) -> Self {
        Self {
            short: Short::Error,
            ..self
        }
    }

    fn first(session: &Session) -> Position {
        match session.capabilities().paging.value {
            Paging::Index => Position::Index(1),
            Paging::Cursor => Position::Cursor(SmolStr::default()),
        }
    }

    /// Reads on until something new comes; `None` at the end.
    pub(crate) async fn next(&mut self, session: &Session) -> Result<Option<Vec<Stored>>, Error> {
        while self.position != Position::End {
            if self.pages >= session.shared.max_pages {
                return Err(self.incomplete("there are more pages than the client reads"));
            }
            self.pages += 1;
            self.pass.pages += 1;
            let page = match fetch(session, &self.ask(session), self.resource_type(session)?).await {
                Ok(page) => page,
                Err(error) => {
                    if self.recovers(session, &error)? {
                        continue;
                    }
                    return Err(error);
                }
            };
            let fresh = self.take(session, page)?;
            if !fresh.is_empty() {
                return Ok(Some(fresh));
            }
        }
        Ok(None)
    }

    fn resource_type<'s>(&self, session: &'s Session) -> Result<Option<&'s ResourceType>, Error> {
        self.name
            .as_ref()
            .map(|name| session.resource_type(name))
            .transpose()
    }

    fn ask(&self, session: &Session) -> Ask {
        let mut request = self.request.clone();
        request.count = Some(self.count.into());
        match &self.position {
            Position::Index(1) | Position::End => {}
            Position::Index(start) => request.start_index = i64::try_from(*start).ok(),
            Position::Cursor(cursor) => request.cursor = Some(cursor.clone()),
        }
        let (endpoint, name) = (&self.endpoint, "/.search");
        let mut ask = if self.by_post {
            session.ask(
                Method::POST,
                session.url(&format!("{endpoint}{name}"), ""),
                Some(request.to_json()),
            )
        } else {
            session.ask(Method::GET, session.url(endpoint, &request.to_query()), None)
        };
        ask.if_match = None;
        ask
    }

    /// Returns true if the list can go on after an error.
    fn recovers(&mut self, session: &Session, error: &Error) -> Result<bool, Error> {
        use keyfob_core::ScimType;
        if let Position::Cursor(cursor) = &self.position {
            let expired = matches!(
                error.scim_type(),
                Some(ScimType::ExpiredCursor | ScimType::InvalidCursor)
            );
            if expired && !cursor.is_empty() && !self.restarted {
                self.restarted = true;
                self.restart(session);
                return Ok(true);
            }
            return Ok(false);
        }
        // Whoever asks for what lies behind the end is refused by some servers, instead of being told that it is empty.
        let is_behind = self.pass.last_total.is_some_and(|total| self.pass.came >= total);
        if is_behind && self.pass.came > 0 && matches!(error.status(), Some(400 | 404)) {
            session.deviates(Deviation::new(
                "startIndex",
                "is refused behind the end of the list",
                RFC,
            ))?;
            self.end(session)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn restart(&mut self, session: &Session) {
        self.longest_pass = self.longest_pass.max(self.pass.pages);
        self.pass = Pass::default();
        self.cursors.clear();
        self.position = Self::first(session);
    }

    /// Takes a page in, and returns what is new in it.
    fn take(&mut self, session: &Session, page: ListPage) -> Result<Vec<Stored>, Error> {
        let came = page.resources.len() as u64;
        if came > u64::from(self.count) {
            session.deviates(Deviation::new(
                "Resources",
                "holds more than `count` resources",
                RFC,
            ))?;
        }
        self.count_total(session, page.total_results)?;
        let mut fresh = Vec::new();
        for resource in page.resources {
            let stored = Stored::of(resource, None)?;
            if self.seen.insert(stored.id.clone()) {
                fresh.push(stored);
            }
        }
        self.pass.came += came;
        self.pass.idle = if came > 0 && fresh.is_empty() {
            self.pass.idle + 1
        } else {
            0
        };
        if let Some(next) = page.next_cursor {
            return self.follow(next).map(|()| fresh);
        }
        let start = match &self.position {
            Position::Index(start) => *start,
            // A server that doesn't know cursors answers the first page and counts more.
            Position::Cursor(cursor) if cursor.is_empty() && self.pass.last_total > Some(came) => 1,
            _ => {
                self.end(session)?;
                return Ok(fresh);
            }
        };
        self.position = Position::Index(start + came);
        if came == 0 || self.is_last(session, came) || self.is_repeated()? {
            self.end(session)?;
        }
        Ok(fresh)
    }

    /// Returns true if the server repeats what it has said, and has said all that it counts.
    fn is_repeated(&self) -> Result<bool, Error> {
        if self.pass.idle == 0 {
            return Ok(false);
        }
        let is_whole = self
            .pass
            .last_total
            .is_some_and(|total| self.seen.len() as u64 >= total);
        if self.is_first_pass() {
            if !is_whole && self.pass.idle >= Self::MAX_IDLE {
                return Err(self.incomplete("the server answers with the same resources again and again"));
            }
            return Ok(is_whole);
        }
        // Another pass holds what the first one held; it ends where that ended.
        Ok(self.pass.pages > self.longest_pass + 1)
    }

    fn is_first_pass(&self) -> bool {
        self.passes == 1 && !self.restarted
    }

    fn follow(&mut self, next: SmolStr) -> Result<(), Error> {
        let is_idle = self.is_first_pass() && self.pass.idle >= Self::MAX_IDLE;
        let is_long =
            !self.is_first_pass() && self.pass.idle > 0 && self.pass.pages > self.longest_pass * 2 + 3;
        if is_idle || is_long || !self.cursors.insert(next.clone()) {
            return Err(self.incomplete("the server answers with the same pages again and again"));
        }
        self.position = Position::Cursor(next);
        Ok(())
    }

    fn count_total(&mut self, session: &Session, total: Option<u64>) -> Result<(), Error> {
        let Some(total) = total else { return Ok(()) };
        if self.pass.last_total.is_some_and(|before| before != total) && !self.reported {
            self.reported = true;
            session.deviates(Deviation::new("totalResults", "changes from page to page", RFC))?;
        }
        self.pass.shrank |= self.pass.last_total.is_some_and(|before| total < before);
        self.pass.last_total = Some(total);
        Ok(())
    }

    /// Returns true if nothing can follow this page. A total that is reached is believed where the page is shorter than
    /// what the server is known to give; otherwise the server may have capped both.
    fn is_last(&self, session: &Session, came: u64) -> bool {
        let is_reached = self.pass.last_total.is_some_and(|total| self.pass.came >= total);
        let is_capped_openly = session.capabilities().max_page.value.is_some()
            || session.capabilities().max_page.origin != Origin::Preset;
        is_reached && came < u64::from(self.count) && is_capped_openly
    }

    /// Ends the list, or starts it again where something may have been missed.
    fn end(&mut self, session: &Session) -> Result<(), Error> {
        let seen = self.seen.len() as u64;
        let is_short = self.pass.last_total.is_some_and(|total| seen < total);
        if is_short && seen == 0 {
            return Err(self.incomplete("`totalResults` counts resources, and the pages hold none"));
        }
        // A cursor stays where it is; an index counts through a list that moves.
        let is_index = matches!(self.position, Position::Index(_));
        if is_index && (self.pass.shrank || is_short) && self.passes < Self::MAX_PASSES {
            self.passes += 1;
            self.restart(session);
            return Ok(());
        }
        if is_short && self.short == Short::Error {
            return Err(self.incomplete("`totalResults` counts more resources than the pages hold"));
        }
        if is_short {
            let rule = "is more than the number of resources that the pages hold";
            session.deviates(Deviation::new("totalResults", rule, RFC))?;
        }
        self.position = Position::End;
        Ok(())
    }

    fn incomplete(&self, reason: &'static str) -> Error {
        Error::Incomplete {
            reason,
            read: self.seen.len(),
        }
    }

    /// Returns the number of resources that the server counts.
    pub(crate) fn total(&self) -> Option<u64> {
        self.pass.last_total
    }

    /// Returns true if the list goes over the resources of all types.
    pub(crate) fn is_of_all_types(&self) -> bool {
        self.name.is_none()
    }

    /// Reads a resource that a search over all types found as one of its own type, with its relations keyed.
    pub(crate) fn rekeyed(session: &Session, stored: Stored) -> Result<Stored, Error> {
        let registry = &session.shared.target.registry;
        let Some(resource_type) = registry.resource_type_of(stored.resource.schemas()) else {
            return Ok(stored);
        };
        if resource_type.relations().is_empty() {
            return Ok(stored);
        }
        let text = stored.resource.to_json();
        let resource: Resource = Resource::from_json(&text, resource_type)
            .map_err(|error| Error::Decode(format_smolstr!("{error}")))?;
        Stored::of(resource, stored.version)
    }
}
