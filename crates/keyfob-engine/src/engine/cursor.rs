//! Cursors as clients see them (RFC 9865): sealed envelopes around places in an order.

use std::{fmt::Write, time::Duration};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use keyfob_core::{
    AttrPath, CompareKey, DateTime, ErrorBody, ResourceType, ScimType, ToErrorBody, message::SearchRequest,
};
use keyfob_filter::Filter;
use keyfob_store::{Cursor, StoreError, TenantId};
use smol_str::{SmolStr, format_smolstr};
use thiserror::Error;

use super::secret::Secret;

/// The first byte of an envelope. Another layout gets another number.
const LAYOUT: u8 = 1;

const NONCE: usize = 24;

/// The error when a page can't be read by the cursor of a request (RFC 9865 section 2.1).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CursorError {
    /// The cursor is not one that this service gave for such a query; maps to `invalidCursor`.
    ///
    /// A forged cursor, one of another tenant, and one of another query are told in the same words (RFC 9865 section
    /// 5.2).
    #[error(
        "the cursor is not one of this query's: a query starts with an empty `cursor` and goes on with the `nextCursor` \
         of the page before, all other parameters being the same"
    )]
    Invalid,
    /// The cursor is older than the service takes; maps to `expiredCursor`.
    #[error(
        "the cursor has expired: cursors are valid for {seconds} seconds. Start again with an empty `cursor`"
    )]
    Expired {
        /// The seconds for which a cursor is valid.
        seconds: u64,
    },
    /// `count` is not that of the page before; maps to `invalidCount`.
    #[error("`count` is {sent}, and was {initial} when the query started")]
    Count {
        /// The size of this page.
        sent: usize,
        /// The size of the pages so far.
        initial: usize,
    },
    /// The query asks for a page by index and by cursor; maps to `invalidValue`.
    #[error("`startIndex` and `cursor` ask for different pages: a query has one of them")]
    WithStartIndex,
}

impl ToErrorBody for CursorError {
    fn to_error_body(&self) -> ErrorBody {
        let scim_type = match self {
            Self::Invalid => ScimType::InvalidCursor,
            Self::Expired { .. } => ScimType::ExpiredCursor,
            Self::Count { .. } => ScimType::InvalidCount,
            Self::WithStartIndex => ScimType::InvalidValue,
        };
        ErrorBody::bad_request(scim_type, format_smolstr!("{self}"))
    }
}

/// The end of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// A place in the store's order of the resources of one type, by the type's number in the query; the first place
    /// without bytes. The types after it follow.
    Store { kind: usize, after: Option<Cursor> },
    /// A place in an order that the engine makes.
    Engine(Cursor),
}

/// The query that a cursor belongs to.
///
/// The description is authenticated with the cursor and not part of it, so that a cursor of another query can't be opened.
pub(super) struct CursorScope {
    described: String,
    count: usize,
}

impl CursorScope {
    /// Describes a query. Two queries that differ in nothing but the case of attribute names and the blanks of the
    /// filter are one: RFC 9865 section 2 itself spells `userName` in two ways.
    pub(super) fn of(
        tenant: &TenantId,
        resource_types: &[&ResourceType],
        filter: Option<&Filter>,
        request: &SearchRequest,
        count: usize,
    ) -> Self {
        // Each part has its length before it, so that no two queries have one description.
        let mut described = String::from("cursor");
        let mut part = |text: &str| {
            let _ = write!(described, " {}:{text}", text.len());
        };
        part(&CompareKey::VERSION.to_string());
        part(tenant.as_str());
        part(&resource_types.len().to_string());
        for resource_type in resource_types {
            part(resource_type.name());
        }
        let mut condition = String::new();
        if let Some(filter) = filter {
            describe(filter, &mut condition);
        }
        part(&condition);
        let sort_by = request.sort_by.as_deref().map(AttrPath::parse);
        if let Some(Ok(path)) = sort_by {
            part(&name(&path));
            part(request.sort_order.as_str());
        }
        Self { described, count }
    }

    /// Seals the end of a page.
    ///
    /// A mark may hold values of resources, such as a user's name, which have no place in addresses and logs (RFC 7644
    /// section 7.5.2). So it is encrypted, and not only authenticated.
    ///
    /// # Errors
    /// [`StoreError`] without randomness.
    pub(super) fn seal(&self, secret: &Secret, at: DateTime, mark: &Mark) -> Result<SmolStr, StoreError> {
        let mut content = Vec::with_capacity(64);
        content.extend(at.unix_millis().to_be_bytes());
        content.extend(number(self.count).to_be_bytes());
        match mark {
            Mark::Store { kind, after } => {
                content.push(if after.is_some() { b'a' } else { b's' });
                content.extend(number(*kind).to_be_bytes());
                content.extend(after.iter().flat_map(Cursor::as_bytes));
            }
            Mark::Engine(cursor) => {
                content.push(b'e');
                content.extend(cursor.as_bytes());
            }
        }
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(StoreError::internal)?;
        let payload = Payload {
            msg: &content,
            aad: self.described.as_bytes(),
        };
        let sealed = cipher(secret)
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::internal("a cursor is too long to be sealed"))?;
        let mut envelope = vec![LAYOUT];
        envelope.extend(nonce);
        envelope.extend(sealed);
        Ok(BASE64_URL_SAFE_NO_PAD.encode(envelope).into())
    }

    /// Opens a cursor.
    ///
    /// # Errors
    /// [`CursorError`].
    pub(super) fn open(
        &self,
        secret: &Secret,
        now: DateTime,
        time: Duration,
        cursor: &str,
    ) -> Result<Mark, CursorError> {
        let content = self.unseal(secret, cursor).ok_or(CursorError::Invalid)?;
        let (at, count, mark) = read(&content).ok_or(CursorError::Invalid)?;
        let seconds = time.as_secs();
        let millis = i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX);
        if now.unix_millis().saturating_sub(at) > millis {
            return Err(CursorError::Expired { seconds });
        }
        if count != number(self.count) {
            return Err(CursorError::Count {
                sent: self.count,
                initial: usize::try_from(count).unwrap_or(usize::MAX),
            });
        }
        Ok(mark)
    }

    fn unseal(&self, secret: &Secret, cursor: &str) -> Option<Vec<u8>> {
        let envelope = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let sealed = envelope.strip_prefix(&[LAYOUT])?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload {
            msg: sealed,
            aad: self.described.as_bytes(),
        };
        cipher(secret).decrypt(&XNonce::from(*nonce), payload).ok()
    }
}

fn cipher(secret: &Secret) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*secret).into())
}

/// Reads the time, the count and the mark of a cursor that this service sealed.
fn read(content: &[u8]) -> Option<(i64, u32, Mark)> {
    let (at, rest) = content.split_first_chunk()?;
    let (count, rest) = rest.split_first_chunk()?;
    let (tag, rest) = rest.split_first()?;
    let mark = match tag {
        b'e' => Mark::Engine(Cursor::new(rest)),
        b'a' | b's' => {
            let (kind, rest) = rest.split_first_chunk()?;
            Mark::Store {
                kind: usize::try_from(u32::from_be_bytes(*kind)).ok()?,
                after: (*tag == b'a').then(|| Cursor::new(rest)),
            }
        }
        _ => return None,
    };
    Some((i64::from_be_bytes(*at), u32::from_be_bytes(*count), mark))
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn name(path: &AttrPath) -> String {
    path.to_string().to_ascii_lowercase()
}

/// Writes a filter with names in lower case and nothing that is optional.
fn describe(filter: &Filter, out: &mut String) {
    let mut all = |word: &str, operands: &[Filter]| {
        let _ = write!(out, "({word}");
        for operand in operands {
            out.push(' ');
            describe(operand, out);
        }
        out.push(')');
    };
    match filter {
        Filter::And(operands) => all("and", operands),
        Filter::Or(operands) => all("or", operands),
        Filter::Not(operand) => all("not", std::slice::from_ref(&**operand)),
        Filter::Path(path, operand) => all(&name(path), std::slice::from_ref(&**operand)),
        Filter::Present(path) => {
            let _ = write!(out, "(pr {})", name(path));
        }
        Filter::Compare(path, op, literal) => {
            let _ = write!(out, "({op} {} {literal})", name(path));
        }
    }
}

#[cfg(test)]
mod tests {
    use keyfob_core::{Registry, message::SortOrder};

    use super::*;

    const SECRET: Secret = [7; 32];
    const DAY: Duration = Duration::from_secs(86_400);

    fn scope(
        tenant: &str,
        names: &[&str],
        filter: Option<&str>,
        sort: Option<&str>,
        count: usize,
    ) -> CursorScope {
        let types: Vec<_> = names
            .iter()
            .map(|name| Registry::rfc().resource_type(name).unwrap())
            .collect();
        let mut request = SearchRequest::new();
        if let Some(sort) = sort {
            let (path, order) = sort.split_once(' ').unwrap();
            request.sort_by = Some(path.into());
            request.sort_order = SortOrder::parse(order).unwrap();
        }
        let filter = filter.map(|filter| Filter::parse(filter).unwrap());
        CursorScope::of(&TenantId::new(tenant), &types, filter.as_ref(), &request, count)
    }

    fn at(seconds: i64) -> DateTime {
        DateTime::from_unix_millis(seconds * 1000)
    }

    fn marks() -> [Mark; 3] {
        [
            Mark::Store { kind: 1, after: None },
            Mark::Store {
                kind: 0,
                after: Some(Cursor::new(*b"place")),
            },
            Mark::Engine(Cursor::new(*b"")),
        ]
    }

    #[test]
    fn rfc_9865_2_a_cursor_leads_to_its_place_and_has_nothing_but_unreserved_characters() {
        let scope = scope("t", &["User"], Some("userName sw \"J\""), None, 10);
        for mark in marks() {
            let cursor = scope.seal(&SECRET, at(0), &mark).unwrap();
            assert_eq!(scope.open(&SECRET, at(0), DAY, &cursor), Ok(mark));
            let is_unreserved =
                |character: char| character.is_ascii_alphanumeric() || "-._~".contains(character);
            assert!(cursor.chars().all(is_unreserved), "{cursor}");
        }
    }

    #[test]
    fn rfc_9865_2_names_in_another_case_and_other_blanks_are_the_same_query() {
        let initial = scope(
            "t",
            &["User"],
            Some("userName sw \"J\" and title pr"),
            Some("name.familyName ascending"),
            10,
        );
        let cursor = initial.seal(&SECRET, at(0), &marks()[0]).unwrap();
        let next = scope(
            "t",
            &["User"],
            Some("USERNAME SW \"J\"   and (title pr)"),
            Some("NAME.FAMILYNAME ascending"),
            10,
        );
        assert!(next.open(&SECRET, at(0), DAY, &cursor).is_ok());
    }

    #[test]
    fn rfc_9865_5_2_a_cursor_of_another_query_or_tenant_is_told_in_the_words_for_a_forged_one() {
        let of_users = || scope("t", &["User"], Some("title pr"), Some("title ascending"), 10);
        let cursor = of_users().seal(&SECRET, at(0), &marks()[1]).unwrap();
        for other in [
            scope("u", &["User"], Some("title pr"), Some("title ascending"), 10),
            scope("t", &["Group"], Some("title pr"), Some("title ascending"), 10),
            scope(
                "t",
                &["User", "Group"],
                Some("title pr"),
                Some("title ascending"),
                10,
            ),
            scope("t", &["User"], None, Some("title ascending"), 10),
            scope(
                "t",
                &["User"],
                Some("title eq \"pr\""),
                Some("title ascending"),
                10,
            ),
            scope("t", &["User"], Some("title pr"), Some("title descending"), 10),
            scope("t", &["User"], Some("title pr"), Some("userName ascending"), 10),
            scope("t", &["User"], Some("title pr"), None, 10),
        ] {
            assert_eq!(
                other.open(&SECRET, at(0), DAY, &cursor),
                Err(CursorError::Invalid)
            );
        }
        assert_eq!(
            of_users().open(&[8; 32], at(0), DAY, &cursor),
            Err(CursorError::Invalid)
        );
        for forged in ["", "VZUTiyhEQJ94IR", "AQ", "%", "\u{20ac}"] {
            assert_eq!(
                of_users().open(&SECRET, at(0), DAY, forged),
                Err(CursorError::Invalid),
                "{forged}"
            );
        }
    }

    #[test]
    fn a_cursor_of_which_one_bit_is_changed_is_forged() {
        let scope = scope("t", &["User"], None, None, 10);
        let cursor = scope.seal(&SECRET, at(0), &marks()[1]).unwrap();
        let envelope = BASE64_URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for bit in 0..envelope.len() * 8 {
            let mut changed = envelope.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = BASE64_URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(
                scope.open(&SECRET, at(0), DAY, &changed),
                Err(CursorError::Invalid),
                "{bit}"
            );
        }
        for end in 0..cursor.len() {
            assert_eq!(
                scope.open(&SECRET, at(0), DAY, cursor.get(..end).unwrap()),
                Err(CursorError::Invalid),
                "{end}"
            );
        }
    }

    #[test]
    fn what_a_mark_holds_is_not_to_be_read_in_the_cursor() {
        let scope = scope("t", &["User"], None, Some("userName ascending"), 10);
        let mark = Mark::Engine(Cursor::new(*b"bjensen@example.com"));
        let cursor = scope.seal(&SECRET, at(0), &mark).unwrap();
        let envelope = BASE64_URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        assert!(!envelope.windows(7).any(|bytes| bytes == b"bjensen"));
    }

    #[test]
    fn rfc_9865_2_1_a_cursor_expires_and_keeps_its_count() {
        let scope_of = |count| scope("t", &["User"], None, None, count);
        let cursor = scope_of(10).seal(&SECRET, at(0), &marks()[0]).unwrap();
        let timeout = 86_400;
        assert!(scope_of(10).open(&SECRET, at(timeout), DAY, &cursor).is_ok());
        assert_eq!(
            scope_of(10).open(&SECRET, at(timeout + 1), DAY, &cursor),
            Err(CursorError::Expired { seconds: 86_400 })
        );
        assert_eq!(
            scope_of(11).open(&SECRET, at(0), DAY, &cursor),
            Err(CursorError::Count {
                sent: 11,
                initial: 10
            })
        );
    }
}
