//! Pieces of a log: a ring of resources, each with the records of a hundred requests in its state.

use std::sync::Arc;

use keyfob_core::{DateTime, Object, Resource, ResourceId, ScimType, Value, Version};
use keyfob_engine::{Loaded, RequestRecord};
use keyfob_store::{Cause, Change, CommitError, Committed, MemberPolicy, OnRefusal, RequestId, StoreError};
use smol_str::{SmolStr, format_smolstr};

use super::LoggedRequest;
use crate::system;

/// The number of requests of a piece. One is written anew with each batch, and a few are read for a page.
pub(super) const PIECE: usize = 100;

/// The number of pieces of a log. The oldest gives way to a new one.
pub(super) const PIECES: usize = 100;

/// As [`PIECE`], for numbers of requests.
pub(super) const SIZE: u64 = PIECE as u64;

const FIRST: &str = "first";
const LOST: &str = "lost";
const RECORDS: &str = "records";

/// A run of requests with consecutive numbers.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    /// The resource in which the piece stands.
    id: ResourceId,
    /// The number of the first of the records.
    first: u64,
    pub(super) records: Vec<RequestRecord>,
    /// The number of requests that were lost while the piece was the last one.
    pub(super) lost: u64,
    /// The version of the resource in which the piece stands, or that it takes the place of.
    version: Option<Version>,
}

/// Returns the id of the resource for the piece with this number in it. No generated id equals it.
pub(super) fn id_of(number: u64) -> ResourceId {
    id_at((number / SIZE) % PIECES as u64)
}

fn id_at(place: u64) -> ResourceId {
    ResourceId::new(format_smolstr!("requests-{place}"))
}

/// Lists the ids of all pieces.
pub(super) fn ids() -> impl Iterator<Item = ResourceId> {
    (0..PIECES as u64).map(id_at)
}

impl Piece {
    /// Reads a piece.
    pub(super) fn of(loaded: &Loaded) -> Result<Self, StoreError> {
        let malformed = || StoreError::internal("a piece of a log of requests is malformed");
        let number = |name| {
            let number = loaded.state.get(name).and_then(Value::as_integer);
            number.and_then(|number| u64::try_from(number).ok())
        };
        let records = loaded
            .state
            .get(RECORDS)
            .map(Value::as_elements)
            .unwrap_or_default();
        let records = records.iter().map(|record| read(record.as_object()?));
        Ok(Self {
            id: loaded.id.clone(),
            first: number(FIRST).ok_or_else(malformed)?,
            lost: number(LOST).unwrap_or_default(),
            records: records.collect::<Option<_>>().ok_or_else(malformed)?,
            version: Some(loaded.version),
        })
    }

    /// Returns the piece to which a number comes next: the one that is `there`, or a new one that takes the place of an older
    /// one. Returns `None` where another process has gone on from the number meanwhile.
    pub(super) fn for_number(number: u64, there: Option<Self>) -> Option<Self> {
        let is_older = |there: &Self| there.first / SIZE < number / SIZE;
        match there {
            Some(there) if is_older(&there) => Some(Self::new(number, there.version)),
            Some(there) => (there.end() == number).then_some(there),
            None => Some(Self::new(number, None)),
        }
    }

    fn new(first: u64, version: Option<Version>) -> Self {
        Self {
            id: id_of(first),
            first,
            records: Vec::new(),
            lost: 0,
            version,
        }
    }

    /// Returns the number of requests that the piece still takes. A piece ends where its number does.
    pub(super) fn room(&self) -> usize {
        let end = (self.first / SIZE + 1) * SIZE;
        usize::try_from(end.saturating_sub(self.end())).unwrap_or_default()
    }

    /// Returns the number after the last request of the piece.
    pub(super) fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    /// Returns the place of the piece in the ring.
    pub(super) fn place(&self) -> u64 {
        (self.first / SIZE) % PIECES as u64
    }

    /// Lists the requests with their numbers.
    pub(super) fn requests(
        &self,
    ) -> impl DoubleEndedIterator<Item = (u64, &RequestRecord)> + ExactSizeIterator {
        let records = self.records.iter().enumerate();
        records.map(|(number, record)| (self.first + number as u64, record))
    }

    pub(super) fn into_requests(self) -> impl DoubleEndedIterator<Item = LoggedRequest> {
        let first = self.first;
        let records = self.records.into_iter().enumerate();
        records.map(move |(number, record)| LoggedRequest {
            number: first + number as u64,
            record,
        })
    }

    /// Returns the piece without what is older, if it has anything older. The numbers of the others stay.
    pub(super) fn since(mut self, oldest: DateTime) -> Option<Self> {
        let old = self
            .records
            .iter()
            .take_while(|record| record.at < oldest)
            .count();
        self.records.drain(..old);
        self.first += old as u64;
        (old > 0).then_some(self)
    }

    /// Returns the change that writes the piece, if nobody else has written it since it was read.
    pub(super) fn to_change(&self) -> Change {
        let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let mut state = Object::new();
        state.insert(FIRST, number(self.first));
        if self.lost > 0 {
            state.insert(LOST, number(self.lost));
        }
        let records: Vec<Value> = self.records.iter().map(|record| write(record).into()).collect();
        state.insert(RECORDS, records);
        writing(self.id.clone(), state, self.version)
    }
}

/// Returns the change that writes a resource of the log: a new one, or the next version of one.
pub(super) fn writing(id: ResourceId, state: Object, version: Option<Version>) -> Change {
    let (resource_type, state) = (system::requests().clone(), Arc::new(state));
    match version {
        None => Change::Create {
            document: Resource::new([resource_type.schema().id.clone()]).into(),
            resource_type,
            id,
            state,
            relations: Arc::default(),
            members: MemberPolicy::default(),
            unique: Vec::new(),
            on_refusal: OnRefusal::Fail,
        },
        Some(version) => Change::Update {
            resource_type,
            id,
            document: None,
            state: Some(state),
            visibility: None,
            relations: Arc::default(),
            members: MemberPolicy::default(),
            unique: None,
            precondition: Some(version),
            on_refusal: OnRefusal::Fail,
        },
    }
}

/// Returns what was written, and none if another process was faster.
pub(super) fn outcome(committed: Result<Committed, CommitError>) -> Result<Option<Committed>, StoreError> {
    let error = match committed {
        Ok(committed) => return Ok(Some(committed)),
        Err(error) => error,
    };
    match (error.refusal(), error) {
        (Some((_, Cause::Version | Cause::IdTaken | Cause::Missing)), _) => Ok(None),
        (_, CommitError::Store(error)) => Err(error),
        (_, error) => Err(StoreError::internal(error)),
    }
}

fn write(record: &RequestRecord) -> Object {
    let mut object = Object::new();
    object.insert("at", record.at.unix_millis());
    object.insert("request", record.request.as_str());
    object.insert("method", record.method.clone());
    object.insert("path", record.path.clone());
    object.insert("status", i64::from(record.status));
    if !record.credential.is_empty() {
        object.insert("token", record.credential.clone());
    }
    if let Some(resource) = &record.resource {
        object.insert("resource", resource.as_str());
    }
    if !record.attributes.is_empty() {
        let attributes = record.attributes.iter().cloned();
        object.insert("attributes", attributes.map(Value::from).collect::<Vec<_>>());
    }
    if let Some(scim_type) = record.scim_type {
        object.insert("scimType", scim_type.as_str());
    }
    if let Some(refusal) = &record.refusal {
        object.insert("refusal", refusal.clone());
    }
    object
}

fn read(object: &Object) -> Option<RequestRecord> {
    let text = |name| object.get_str(name).map(SmolStr::new);
    let mut record = RequestRecord::new(
        DateTime::from_unix_millis(object.get("at")?.as_integer()?),
        RequestId::new(object.get_str("request")?),
        object.get_str("method")?,
        object.get_str("path")?,
        u16::try_from(object.get("status")?.as_integer()?).ok()?,
    );
    record.credential = text("token").unwrap_or_default();
    record.resource = object.get_str("resource").map(ResourceId::new);
    let attributes = object
        .get("attributes")
        .map(Value::as_elements)
        .unwrap_or_default();
    record.attributes = attributes
        .iter()
        .filter_map(|name| name.as_str().map(SmolStr::new))
        .collect();
    record.scim_type = object.get_str("scimType").and_then(ScimType::named);
    record.refusal = text("refusal");
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u64) -> RequestRecord {
        let at = DateTime::from_unix_millis(i64::try_from(number).unwrap());
        RequestRecord::new(at, RequestId::new("r"), "POST", "/Users", 201)
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut full = record(7);
        full.credential = "default".into();
        full.resource = Some(ResourceId::new("u-1"));
        full.attributes = vec!["userName".into(), "emails".into()];
        full.scim_type = Some(ScimType::Uniqueness);
        full.refusal = Some("uniqueness".into());
        for record in [full, record(8)] {
            assert_eq!(read(&write(&record)), Some(record));
        }
        assert_eq!(read(&Object::new()), None);
    }

    #[test]
    fn a_number_goes_on_with_its_piece_or_begins_one_in_the_place_of_the_oldest() {
        let piece = |first: u64, count: u64| Piece {
            id: id_of(first),
            first,
            records: (first..first + count).map(record).collect(),
            lost: 3,
            version: Some(Version::new(5)),
        };
        let new = Piece::for_number(0, None).unwrap();
        assert_eq!((new.first, new.room(), new.version), (0, 100, None));
        let goes_on = Piece::for_number(140, Some(piece(100, 40))).unwrap();
        assert_eq!((goes_on.first, goes_on.room(), goes_on.lost), (100, 60, 3));
        // Of which the older half was swept away.
        let swept = Piece::for_number(140, Some(piece(120, 20))).unwrap();
        assert_eq!((swept.first, swept.room()), (120, 60));
        // Another process has written since.
        assert!(Piece::for_number(139, Some(piece(100, 40))).is_none());
        assert!(Piece::for_number(140, Some(piece(10_100, 1))).is_none());
        let round = Piece::for_number(10_100, Some(piece(100, 100))).unwrap();
        assert_eq!((round.first, round.room(), round.lost), (10_100, 100, 0));
        assert_eq!(round.version, Some(Version::new(5)));
        assert_eq!((id_of(10_100), id_of(199)), (id_of(100), id_of(100)));
        assert_ne!(id_of(200), id_of(199));
    }

    #[test]
    fn what_is_older_goes_and_the_others_keep_their_numbers() {
        let piece = Piece {
            id: id_of(100),
            first: 100,
            records: (100..200).map(record).collect(),
            lost: 0,
            version: None,
        };
        assert!(piece.clone().since(DateTime::from_unix_millis(100)).is_none());
        let kept = piece.clone().since(DateTime::from_unix_millis(103)).unwrap();
        let numbers: Vec<u64> = kept.into_requests().map(|logged| logged.number).collect();
        assert_eq!(numbers, (103..200).collect::<Vec<_>>());
        // A piece of which nothing is left still says which number is next, in its own place.
        let nothing = piece.since(DateTime::from_unix_millis(200)).unwrap();
        assert_eq!((nothing.end(), nothing.id), (200, id_of(100)));
    }
}
