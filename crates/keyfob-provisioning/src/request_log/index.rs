//! What is known of a log without reading its pieces: where it ends, which of them hold refusals, and when requests came last.

use std::collections::BTreeMap;

use keyfob_core::{DateTime, Object, ResourceId, Value, Version};
use keyfob_engine::{Loaded, RequestRecord};
use keyfob_store::{Change, StoreError};
use smol_str::SmolStr;

use super::piece::{PIECES, Piece, SIZE, writing};

const NEXT: &str = "next";
const REFUSED: &str = "refused";
const LOST: &str = "lost";
const LAST_SUCCESS: &str = "lastSuccess";
const LAST_REFUSAL: &str = "lastRefusal";
const USED: &str = "used";

/// The number of credentials of which the last use is known. The one that was used longest ago gives way to another.
pub(super) const CREDENTIALS: usize = 100;

/// The milliseconds after which the use of a credential that only reads is noted again.
const NOTED: i64 = 60_000;

const PLACES: u64 = PIECES as u64;

/// The index of a log, which is written in the same commit as a piece.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// The number of the next request.
    pub(super) next: u64,
    /// The number of refusals in each piece that holds any, by its place in the ring. A piece of which old requests were
    /// removed may hold fewer.
    refused: BTreeMap<u64, u64>,
    /// The number of requests that were lost while a piece was the last one, by its place in the ring.
    lost: BTreeMap<u64, u64>,
    /// The instant of the last request that was done.
    pub(super) last_success: Option<DateTime>,
    /// The number of the last request that was refused.
    pub(super) last_refusal: Option<u64>,
    /// When each credential was used last.
    pub(super) used: BTreeMap<SmolStr, DateTime>,
    /// The version of the resource in which the index stands.
    version: Option<Version>,
}

/// Returns the id of the resource of the index. No generated id equals it.
pub(super) fn index_id() -> ResourceId {
    ResourceId::new("requests")
}

impl Index {
    /// Reads an index.
    pub(super) fn of(loaded: &Loaded) -> Result<Self, StoreError> {
        let (state, malformed) = (&loaded.state, || {
            StoreError::internal("the index of a log of requests is malformed")
        });
        let next = state.get(NEXT).and_then(unsigned).ok_or_else(malformed)?;
        let numbers = |name: &str| -> Option<BTreeMap<u64, u64>> {
            let Some(object) = state.get(name).and_then(Value::as_object) else {
                return Some(BTreeMap::new());
            };
            let entry = |(place, number): (&keyfob_core::AttrName, &Value)| {
                // A name of an attribute doesn't begin with a digit.
                Some((place.as_str().strip_prefix('p')?.parse().ok()?, unsigned(number)?))
            };
            object.iter().map(entry).collect()
        };
        let used = state.get(USED).map(Value::as_elements).unwrap_or_default();
        let used = used.iter().map(|entry| {
            let entry = entry.as_object()?;
            Some((entry.get_str("token")?.into(), instant(entry.get("at")?)?))
        });
        Ok(Self {
            next,
            refused: numbers(REFUSED).ok_or_else(malformed)?,
            lost: numbers(LOST).ok_or_else(malformed)?,
            last_success: state.get(LAST_SUCCESS).and_then(instant),
            last_refusal: state.get(LAST_REFUSAL).and_then(unsigned),
            used: used.collect::<Option<_>>().ok_or_else(malformed)?,
            version: Some(loaded.version),
        })
    }

    /// Returns the index of a log that has none yet.
    pub(super) fn of_pieces(pieces: Vec<Piece>) -> Self {
        let mut index = Self::default();
        let mut pieces = pieces;
        pieces.sort_by_key(Piece::end);
        for piece in pieces {
            if !piece.records.is_empty() {
                index.note_piece(&piece);
            }
            for (number, record) in piece.requests() {
                index.note(number, record);
            }
            index.next = piece.end();
        }
        index
    }

    /// Returns the instant of the last request.
    pub(super) fn last_request(&self) -> Option<DateTime> {
        self.used.values().copied().max()
    }

    /// Returns the number of requests that were lost, as far back as the log goes.
    pub(super) fn lost(&self) -> u64 {
        self.lost.values().sum()
    }

    /// Lists the pieces in which requests with smaller numbers stand, by the numbers that they begin with over [`SIZE`], the
    /// newest first.
    pub(super) fn runs(&self, before: u64, refused_alone: bool) -> impl Iterator<Item = u64> + use<> {
        let newest = self.next.saturating_sub(1) / SIZE;
        let oldest = newest.saturating_sub(PLACES - 1);
        let end = before.min(self.next).div_ceil(SIZE);
        let refused = self.refused.clone();
        let may_match = move |run: &u64| !refused_alone || refused.contains_key(&(run % PLACES));
        (oldest..end).rev().filter(may_match)
    }

    /// Notes what a piece holds that is written with the index.
    pub(super) fn note_piece(&mut self, piece: &Piece) {
        let place = piece.place();
        let refused = piece.records.iter().filter(|record| record.is_refused()).count() as u64;
        for (numbers, number) in [(&mut self.refused, refused), (&mut self.lost, piece.lost)] {
            if number > 0 {
                numbers.insert(place, number);
            } else {
                numbers.remove(&place);
            }
        }
    }

    /// Notes a request that a piece holds.
    pub(super) fn note(&mut self, number: u64, record: &RequestRecord) {
        self.next = self.next.max(number + 1);
        if record.is_refused() {
            self.last_refusal = Some(number);
        } else {
            self.last_success = self.last_success.max(Some(record.at));
        }
        self.note_use(&record.credential, record.at);
    }

    /// Notes a request that was done and that no piece holds.
    pub(super) fn note_read(&mut self, credential: &SmolStr, at: DateTime) {
        self.last_success = self.last_success.max(Some(at));
        self.note_use(credential, at);
    }

    fn note_use(&mut self, credential: &SmolStr, at: DateTime) {
        let used = self.used.entry(credential.clone()).or_insert(at);
        *used = at.max(*used);
        if self.used.len() > CREDENTIALS {
            let first = self.used.iter().min_by_key(|(_, at)| **at);
            if let Some(first) = first.map(|(credential, _)| credential.clone()) {
                self.used.remove(&first);
            }
        }
    }

    /// Returns true if a use of a credential is worth a commit of its own.
    pub(super) fn is_news(&self, credential: &SmolStr, at: DateTime) -> bool {
        let used = self.used.get(credential);
        used.is_none_or(|used| at.unix_millis().saturating_sub(used.unix_millis()) >= NOTED)
    }

    /// Returns the index as it stands after the commit that wrote it.
    pub(super) fn written_as(self, version: Option<Version>) -> Self {
        Self { version, ..self }
    }

    /// Returns the change that writes the index, if nobody else has written it since it was read.
    pub(super) fn to_change(&self) -> Change {
        let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let mut state = Object::new();
        state.insert(NEXT, number(self.next));
        for (name, numbers) in [(REFUSED, &self.refused), (LOST, &self.lost)] {
            let mut object = Object::new();
            for (place, count) in numbers {
                object.insert(format!("p{place}").as_str(), number(*count));
            }
            state.insert(name, object);
        }
        if let Some(at) = self.last_success {
            state.insert(LAST_SUCCESS, at.unix_millis());
        }
        if let Some(last_refusal) = self.last_refusal {
            state.insert(LAST_REFUSAL, number(last_refusal));
        }
        let used = self.used.iter().map(|(credential, at)| {
            let mut object = Object::from_iter([("token", credential.clone())]);
            object.insert("at", at.unix_millis());
            Value::from(object)
        });
        state.insert(USED, used.collect::<Vec<_>>());
        writing(index_id(), state, self.version)
    }
}

fn unsigned(value: &Value) -> Option<u64> {
    u64::try_from(value.as_integer()?).ok()
}

fn instant(value: &Value) -> Option<DateTime> {
    value.as_integer().map(DateTime::from_unix_millis)
}

#[cfg(test)]
mod tests {
    use keyfob_store::RequestId;

    use super::*;

    fn record(at: i64, refusal: Option<&str>) -> RequestRecord {
        let at = DateTime::from_unix_millis(at);
        let mut record = RequestRecord::new(at, RequestId::new("r"), "POST", "/Users", 201);
        record.credential = "default".into();
        record.refusal = refusal.map(SmolStr::new);
        record
    }

    fn piece(first: u64, records: Vec<RequestRecord>) -> Piece {
        let mut piece = Piece::for_number(first, None).unwrap();
        piece.records = records;
        piece
    }

    #[test]
    fn the_index_of_a_log_without_one_follows_from_its_pieces() {
        let pieces = vec![
            piece(100, vec![record(3, None), record(4, None)]),
            piece(0, vec![record(1, Some("rule")), record(2, None)]),
        ];
        let index = Index::of_pieces(pieces);
        assert_eq!((index.next, index.last_refusal), (102, Some(0)));
        assert_eq!(index.last_success, Some(DateTime::from_unix_millis(4)));
        assert_eq!(index.last_request(), Some(DateTime::from_unix_millis(4)));
        assert_eq!(index.runs(u64::MAX, false).collect::<Vec<_>>(), [1, 0]);
        assert_eq!(index.runs(u64::MAX, true).collect::<Vec<_>>(), [0]);
        assert_eq!(index.runs(100, false).collect::<Vec<_>>(), [0]);
        assert_eq!(index.runs(0, false).count(), 0);
        assert_eq!(Index::default().runs(u64::MAX, false).count(), 0);
    }

    #[test]
    fn a_log_that_goes_round_has_its_last_hundred_pieces() {
        let index = Index {
            next: 10_301,
            ..Index::default()
        };
        let runs: Vec<u64> = index.runs(u64::MAX, false).collect();
        assert_eq!(
            (runs.len(), runs.first(), runs.last()),
            (PIECES, Some(&103), Some(&4))
        );
    }

    #[test]
    fn the_last_uses_of_a_hundred_credentials_are_known() {
        let mut index = Index::default();
        for number in 0..110 {
            let credential = format!("token {number}").into();
            index.note_read(&credential, DateTime::from_unix_millis(number * 60_000));
        }
        assert_eq!(index.used.len(), CREDENTIALS);
        let at = DateTime::from_unix_millis;
        assert!(!index.is_news(&"token 109".into(), at(109 * 60_000 + 59_999)));
        assert!(index.is_news(&"token 109".into(), at(110 * 60_000)));
        assert!(index.is_news(&"token 3".into(), at(0)), "it gave way");
    }
}
