//! Entries of a directory as LDIF.

mod dn;
mod record;

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use keyfob_core::SmolStr;
use keyfob_expression::{Source, Value};
use smol_str::format_smolstr;
use thiserror::Error;
use uuid::Uuid;

use self::record::{Record, Records};
use super::{
    IS_SOFT_DELETED, Item, Items, Membership, Object, ObjectSource, Place, SourceError, SourceErrorKind,
};
use crate::rule::Kind;

/// The buffer of a file, in bytes.
const BUFFER: usize = 1 << 16;

/// The attributes by which an entry is known for good. Names change with their people.
const IDS: [&str; 4] = ["entryUUID", "objectGUID", "ipaUniqueID", "nsUniqueId"];

/// Classes of entries that are users.
const USERS: [&str; 6] = [
    "person",
    "organizationalPerson",
    "inetOrgPerson",
    "user",
    "account",
    "posixAccount",
];

/// Classes of entries that are people or machines, and no accounts of people.
const OTHERS: [&str; 2] = ["computer", "contact"];

/// Classes of entries that are groups.
const GROUPS: [&str; 5] = [
    "group",
    "groupOfNames",
    "groupOfUniqueNames",
    "groupOfMembers",
    "posixGroup",
];

/// An LDIF file (RFC 2849) with whole entries, as `ldapsearch`, `slapcat` and `ldifde` export them, read entry by entry.
///
/// | of the entry | what it becomes |
/// |---|---|
/// | `objectClass` | A user (`person`, `inetOrgPerson`, `user`, `account`, …) or a group (`groupOfNames`, `group`, `posixGroup`, …). Entries of other classes, computers and contacts are passed over. |
/// | `entryUUID`, `objectGUID`, `ipaUniqueID`, `nsUniqueId` | The id. An entry without one is an error: by its name it would be somebody else after it is renamed. |
/// | `member`, `uniqueMember`, `memberUid` | The memberships. A member that is not in the file waits until it is. |
/// | `manager` | The id of that entry. |
/// | `userAccountControl`, `nsAccountLock`, `pwdAccountLockedTime` | `accountEnabled`, and with it `IsSoftDeleted`. |
/// | others | Attributes under their names, lists where there are several values. What is not text stays in base 64. |
///
/// Records of changes, values that stand in other files, and members that a server cut off (`member;range=0-1499`) are errors.
///
/// ```
/// use keyfob_sync::source::{Item, LdifSource, ObjectSource};
///
/// let folder = tempfile::tempdir()?;
/// let file = folder.path().join("directory.ldif");
/// std::fs::write(&file, "\
/// dn: uid=ada,ou=people,dc=example,dc=com
/// objectClass: inetOrgPerson
/// entryUUID: 0b6c
/// mail: ada@example.com
///
/// dn: cn=Guides,ou=groups,dc=example,dc=com
/// objectClass: groupOfNames
/// entryUUID: 7f1d
/// member: UID=Ada, ou=people, dc=example, dc=com
/// ")?;
///
/// let source = LdifSource::new(file);
/// let items = source.items()?.collect::<Result<Vec<_>, _>>()?;
/// assert!(matches!(&items[2], Item::Membership(membership) if membership.member == "0b6c"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LdifSource {
    file: PathBuf,
}

/// A fault of an LDIF file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LdifErrorKind {
    /// A line that is no attribute.
    #[error("this is no `attribute: value`")]
    NoAttribute,
    /// A line that continues nothing.
    #[error("a line that starts with a blank continues the one before it, and there is none")]
    NothingToContinue,
    /// A value that is no base 64.
    #[error("the value of `{attribute}` is not base 64")]
    Base64 {
        /// The attribute.
        attribute: SmolStr,
    },
    /// A value that stands somewhere else.
    #[error("the value of `{attribute}` is in another place, which is not read; export it with the entry")]
    Url {
        /// The attribute.
        attribute: SmolStr,
    },
    /// Text in another encoding.
    #[error("the text is not UTF-8, which LDIF is; export it again")]
    NotUtf8,
    /// A line or a record that is too long.
    #[error("this is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// A file that was cut off.
    #[error("the file ends in the middle of a line; copy or export it again as a whole")]
    Cut,
    /// Another version of the format.
    #[error("the version of the format is `{found}`; version 1 is read")]
    Version {
        /// The version.
        found: SmolStr,
    },
    /// A record without a name.
    #[error("a record starts with `dn:`")]
    NoName,
    /// A name that is none.
    #[error("`{dn}` is no distinguished name")]
    Name {
        /// The text.
        dn: SmolStr,
    },
    /// A record of changes.
    #[error("this is a change (`{line}`), not a whole entry; export entries")]
    Change {
        /// The line that says so.
        line: SmolStr,
    },
    /// An entry of no class.
    #[error("the entry has no `objectClass`, which says if it is a user or a group; export it too")]
    NoClass,
    /// An entry without a lasting id.
    #[error(
        "the entry has none of `entryUUID`, `objectGUID`, `ipaUniqueID` and `nsUniqueId`, by which it would be known again when \
         it is renamed; export operational attributes too, as `ldapsearch … '*' '+'` does"
    )]
    NoId,
    /// Two entries of one name.
    #[error("there is another entry of this name")]
    TwoEntries,
    /// A member by a `uid` that two users have.
    #[error("`memberUid` is `{uid}`, and several users have this `uid`; name them by `member`")]
    SeveralUsers {
        /// The `uid`.
        uid: SmolStr,
    },
    /// An attribute that has several values, and can have one.
    #[error("`{attribute}` has several values")]
    Several {
        /// The attribute.
        attribute: &'static str,
    },
    /// Members of which some are missing.
    #[error("`{attribute}` holds some of the members alone; export the group with all of them")]
    SomeMembers {
        /// The attribute with its option.
        attribute: SmolStr,
    },
    /// An attribute that says if an account is disabled, and says neither.
    #[error(
        "`{attribute}` is `{found}`, which says neither that the account is enabled nor that it is disabled"
    )]
    Disabled {
        /// The attribute.
        attribute: &'static str,
        /// Its value.
        found: SmolStr,
    },
}

impl LdifSource {
    /// Reads a file, twice each time: members are said by names, which any entry may have.
    #[must_use]
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into() }
    }

    fn records(&self) -> Result<impl Iterator<Item = Result<Record, SourceError>>, SourceError> {
        let file = File::open(&self.file)
            .map_err(|error| SourceErrorKind::from(error).at(&Place::new(&self.file, 0)))?;
        Ok(records(BufReader::with_capacity(BUFFER, file), &self.file))
    }
}

fn records<R: BufRead>(reader: R, file: &Path) -> impl Iterator<Item = Result<Record, SourceError>> {
    Records::new(reader).map(|record| record.map_err(|error| error.kind.at(&Place::new(file, error.line))))
}

impl ObjectSource for LdifSource {
    fn items(&self) -> Result<Items<'_>, SourceError> {
        let mut names = Names::default();
        for record in self.records()? {
            names.add(&record?, &self.file)?;
        }
        // A list of nobody is a failed export.
        if !names.has_user {
            let nothing = keyfob_mapping::graph::ObjectsErrorKind::Nothing;
            return Err(SourceErrorKind::from(nothing).at(&Place::new(&self.file, 0)));
        }
        let items = self.records()?.flat_map(move |record| {
            match record.and_then(|record| items(&record, &names, &self.file)) {
                Ok(items) => items.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        });
        Ok(Box::new(items))
    }

    fn lists_memberships(&self) -> bool {
        true
    }
}

/// The ids of the users and groups of a file.
#[derive(Default)]
struct Names {
    /// By their normalized distinguished names.
    by_dn: HashMap<String, SmolStr>,
    /// By the attribute `uid`; none where several users have it.
    by_uid: HashMap<SmolStr, Option<SmolStr>>,
    has_user: bool,
}

impl Names {
    fn add(&mut self, record: &Record, file: &Path) -> Result<(), SourceError> {
        let refuse = |kind: LdifErrorKind| SourceErrorKind::from(kind).at(&Place::new(file, record.line));
        let Some(kind) = kind(record).map_err(refuse)? else {
            return Ok(());
        };
        let id = id(record).map_err(refuse)?;
        if kind == Kind::User {
            self.has_user = true;
            for uid in record.texts("uid") {
                let of_one = self.by_uid.entry(uid.clone()).or_insert_with(|| Some(id.clone()));
                // Whoever is meant is not to be guessed.
                *of_one = of_one.take().filter(|known| *known == id);
            }
        }
        match self.by_dn.insert(record.normalized.clone(), id) {
            None => Ok(()),
            Some(_) => Err(refuse(LdifErrorKind::TwoEntries)),
        }
    }

    /// Returns the id of the entry of a name. Nobody has the one of a name that is not in the file.
    fn id_of(&self, dn: &SmolStr) -> Result<SmolStr, LdifErrorKind> {
        let normalized = dn::normalized(dn).ok_or_else(|| LdifErrorKind::Name { dn: dn.clone() })?;
        Ok(self.by_dn.get(&normalized).unwrap_or(dn).clone())
    }
}

/// Returns a user or a group with its memberships, or nothing for other entries.
fn items(record: &Record, names: &Names, file: &Path) -> Result<Vec<Item>, SourceError> {
    let place = Place::new(file, record.line);
    let refuse = |kind: LdifErrorKind| SourceErrorKind::from(kind).at(&place);
    let Some(kind) = kind(record).map_err(refuse)? else {
        return Ok(Vec::new());
    };
    let id = id(record).map_err(refuse)?;
    let mut items = vec![Item::Object(Object {
        kind,
        id: id.clone(),
        source: source(record, names, kind).map_err(refuse)?,
        place: place.clone(),
    })];
    if kind == Kind::Group {
        for member in members(record, names).map_err(refuse)? {
            items.push(Item::Membership(Membership {
                group: id.clone(),
                member,
                place: place.clone(),
            }));
        }
    }
    Ok(items)
}

fn kind(record: &Record) -> Result<Option<Kind>, LdifErrorKind> {
    let mut classes = record.texts("objectClass").peekable();
    if classes.peek().is_none() {
        return Err(LdifErrorKind::NoClass);
    }
    let mut kind = None;
    for class in classes {
        let is_one_of = |known: &[&str]| known.iter().any(|known| class.eq_ignore_ascii_case(known));
        if is_one_of(&OTHERS) {
            return Ok(None);
        }
        if is_one_of(&GROUPS) {
            kind = Some(Kind::Group);
        } else if is_one_of(&USERS) {
            kind = kind.or(Some(Kind::User));
        }
    }
    Ok(kind)
}

fn id(record: &Record) -> Result<SmolStr, LdifErrorKind> {
    for attribute in IDS {
        let mut values = record.values(attribute);
        if let Some(value) = values.next() {
            if values.next().is_some() {
                return Err(LdifErrorKind::Several { attribute });
            }
            return Ok(match value {
                // How Active Directory and Entra ID write the same: the first three parts begin with their last bytes.
                Value::Text(_) if attribute == "objectGUID" => {
                    record.bytes(attribute).and_then(guid).unwrap_or(value.to_text())
                }
                value => value.to_text(),
            });
        }
    }
    Err(LdifErrorKind::NoId)
}

/// Returns sixteen bytes as Active Directory shows them to people.
fn guid(bytes: &[u8]) -> Option<SmolStr> {
    let bytes = <[u8; 16]>::try_from(bytes).ok()?;
    Some(format_smolstr!("{}", Uuid::from_bytes_le(bytes)))
}

fn source(record: &Record, names: &Names, kind: Kind) -> Result<Source, LdifErrorKind> {
    let mut source = Source::new();
    for (name, values) in &record.attributes {
        let value = match values.as_slice() {
            [] => continue,
            [value] => value.clone(),
            several => Value::List(several.to_vec()),
        };
        source.insert(name.clone(), value);
    }
    if kind == Kind::User {
        if let Some(manager) = record.text("manager")? {
            source.insert("manager", names.id_of(manager)?);
        }
        if let Some(enabled) = enabled(record)? {
            source.insert_new("accountEnabled", enabled);
            source.insert_new(IS_SOFT_DELETED, !enabled);
        }
    }
    Ok(source)
}

/// Returns if an account is enabled, where one of the attributes of the servers says so.
fn enabled(record: &Record) -> Result<Option<bool>, LdifErrorKind> {
    /// The bit of an account that is disabled.
    const ACCOUNTDISABLE: i64 = 2;

    let refuse = |attribute: &'static str, found: &SmolStr| LdifErrorKind::Disabled {
        attribute,
        found: found.clone(),
    };
    let mut enabled = None;
    let attribute = "userAccountControl";
    if let Some(flags) = record.text(attribute)? {
        let flags: i64 = flags.parse().map_err(|_| refuse(attribute, flags))?;
        enabled = Some(flags & ACCOUNTDISABLE == 0);
    }
    let attribute = "nsAccountLock";
    if let Some(lock) = record.text(attribute)? {
        enabled = Some(match lock.to_ascii_lowercase().as_str() {
            "true" => false,
            "false" => true,
            _ => return Err(refuse(attribute, lock)),
        });
    }
    // Any other time is one of too many wrong passwords, which passes.
    if record
        .text("pwdAccountLockedTime")?
        .is_some_and(|time| time == "000001010000Z")
    {
        enabled = Some(false);
    }
    Ok(enabled)
}

fn members(record: &Record, names: &Names) -> Result<Vec<SmolStr>, LdifErrorKind> {
    let mut members = Vec::new();
    for (name, _) in &record.attributes {
        let (attribute, options) = name.split_once(';').unwrap_or((name, ""));
        let is_of_members = ["member", "uniqueMember", "memberUid"]
            .iter()
            .any(|known| attribute.eq_ignore_ascii_case(known));
        if is_of_members && options.to_ascii_lowercase().contains("range=") {
            return Err(LdifErrorKind::SomeMembers {
                attribute: name.clone(),
            });
        }
    }
    for member in record.texts("member") {
        members.push(names.id_of(member)?);
    }
    for member in record.texts("uniqueMember") {
        // RFC 4517 section 3.3.21: a bit string may follow the name.
        let dn = match member.rsplit_once('#') {
            Some((dn, bits)) if bits.starts_with('\'') && bits.ends_with("'B") => SmolStr::new(dn),
            _ => member.clone(),
        };
        members.push(names.id_of(&dn)?);
    }
    for uid in record.texts("memberUid") {
        let member = match names.by_uid.get(uid) {
            Some(Some(id)) => id,
            Some(None) => return Err(LdifErrorKind::SeveralUsers { uid: uid.clone() }),
            // Nobody has this id, so that it waits.
            None => uid,
        };
        members.push(member.clone());
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Item>, SourceError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("d.ldif");
        std::fs::write(&file, text).unwrap();
        let source = LdifSource::new(&file);
        source.items().and_then(Iterator::collect)
    }

    fn objects(text: &str) -> Vec<Object> {
        let items = read(text).unwrap().into_iter();
        items
            .filter_map(|item| match item {
                Item::Object(object) => Some(object),
                Item::Membership(_) | Item::Deleted(_) => None,
            })
            .collect()
    }

    const ADA: &str = "dn: uid=ada,dc=x\nobjectClass: person\nentryUUID: 1\nuid: ada\n";

    #[test]
    fn entries_of_active_directory_are_users_and_groups_with_their_guids() {
        let found = objects(
            "version: 1\n\n# Ada, Room 1\ndn: CN=Ada Lovelace,OU=People,DC=x\nobjectClass: top\nobjectClass: person\n\
             objectClass: organizationalPerson\nobjectClass: user\nobjectGUID:: EjRWeJq83vASNFZ4mrze8A==\n\
             userAccountControl: 514\nproxyAddresses: SMTP:ada@x\nproxyAddresses: smtp:a@x\ncn:: QWRhIEzDtnZlbGFjZQ==\n\
             jpegPhoto:: /9j/4A==\nuserPassword: {SSHA}abc\nempty:\n\n\
             dn: CN=PC,DC=x\nobjectClass: person\nobjectClass: user\nobjectClass: computer\n\n\
             dn: OU=People,DC=x\nobjectClass: organizationalUnit\n",
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, "78563412-bc9a-f0de-1234-56789abcdef0");
        assert_eq!(found[0].place.line, 4);
        let get = |name: &str| found[0].source.get(name);
        assert_eq!(get("accountEnabled"), Some(&Value::Boolean(false)));
        assert_eq!(get("IsSoftDeleted"), Some(&Value::Boolean(true)));
        assert_eq!(
            get("proxyAddresses"),
            Some(&Value::List(vec!["SMTP:ada@x".into(), "smtp:a@x".into()]))
        );
        assert_eq!(get("cn"), Some(&"Ada Lövelace".into()));
        assert_eq!(get("jpegPhoto"), Some(&"/9j/4A==".into()));
        assert_eq!(get("empty"), None);
        assert!(get("userPassword").unwrap().is_redacted());
    }

    #[test]
    fn members_and_managers_are_found_by_their_names_however_they_are_written() {
        let text = format!(
            "{ADA}\n\
             dn: uid=bob,dc=x\nobjectClass: account\nentryUUID: 2\nmanager: UID = ada , DC=X\n\n\
             dn: cn=\\C3\\96l\\2C Gas,dc=x\nobjectClass: groupOfUniqueNames\nentryUUID: g1\nuniqueMember: uid=bob,dc=x#'0101'B\n\
             uniqueMember: uid=eve,dc=x\n\n\
             dn: cn=all,dc=x\nobjectClass: posixGroup\nobjectClass: groupOfNames\nentryUUID: g2\nmemberUid: ada\n\
             member: CN=öl\\, gas,dc=x\n"
        );
        let items = read(&text).unwrap();
        let memberships: Vec<_> = items
            .iter()
            .filter_map(|item| match item {
                Item::Membership(membership) => Some((membership.group.as_str(), membership.member.as_str())),
                Item::Object(_) | Item::Deleted(_) => None,
            })
            .collect();
        assert_eq!(
            memberships,
            [("g1", "2"), ("g1", "uid=eve,dc=x"), ("g2", "g1"), ("g2", "1")]
        );
        let Item::Object(bob) = &items[1] else {
            panic!("{items:?}")
        };
        assert_eq!(bob.source.get("manager"), Some(&"1".into()));
    }

    #[test]
    fn an_account_is_disabled_as_each_server_says_it() {
        for (line, expected) in [
            ("userAccountControl: 512", Some(true)),
            ("userAccountControl: 66050", Some(false)),
            ("userAccountControl: off", None),
            ("nsAccountLock: TRUE", Some(false)),
            ("nsAccountLock: false", Some(true)),
            ("nsAccountLock: yes", None),
            ("pwdAccountLockedTime: 000001010000Z", Some(false)),
        ] {
            let read = read(&format!("{ADA}{line}\n"));
            let Some(expected) = expected else {
                assert!(
                    read.unwrap_err().to_string().contains("which says neither"),
                    "{line}"
                );
                continue;
            };
            let [Item::Object(ada)] = &read.unwrap()[..] else {
                panic!("{line}")
            };
            assert_eq!(ada.source.get("accountEnabled"), Some(&expected.into()), "{line}");
            assert_eq!(
                ada.source.get("IsSoftDeleted"),
                Some(&(!expected).into()),
                "{line}"
            );
        }
        let [Item::Object(ada)] =
            &read(&format!("{ADA}pwdAccountLockedTime: 20261130120000Z\n")).unwrap()[..]
        else {
            panic!("one object")
        };
        assert_eq!(ada.source.get("accountEnabled"), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let group = "\ndn: cn=g,dc=x\nobjectClass: group\nentryUUID: g\n";
        for (text, line, told) in [
            (String::new(), 0, "the file holds no objects"),
            (
                "dn: ou=x\nobjectClass: organizationalUnit\n".into(),
                0,
                "the file holds no objects",
            ),
            (format!("{ADA}mail"), 5, "ends in the middle of a line"),
            (format!("{ADA}mail\n"), 5, "no `attribute: value`"),
            (format!("{ADA}mail::!\n"), 5, "`mail` is not base 64"),
            (
                format!("{ADA}jpegPhoto:< file:///ada.jpg\n"),
                5,
                "`jpegPhoto` is in another place",
            ),
            (" x\n".into(), 1, "continues the one before it"),
            ("version: 2\n\n".into(), 1, "version 1 is read"),
            ("mail: x\n".into(), 1, "starts with `dn:`"),
            (
                "dn: ada\nobjectClass: person\n".into(),
                1,
                "`ada` is no distinguished name",
            ),
            (
                format!("dn: dc=x\nchangetype: modify\n{ADA}"),
                2,
                "a change (`changetype: modify`)",
            ),
            (
                "dn: dc=x\ncontrol: 1.2.3 true\n".into(),
                2,
                "a change (`control: 1.2.3 true`)",
            ),
            ("dn: uid=ada,dc=x\nmail: x\n".into(), 1, "no `objectClass`"),
            (
                "dn: uid=ada,dc=x\nobjectClass: person\n".into(),
                1,
                "none of `entryUUID`",
            ),
            (
                format!("{ADA}entryUUID: 2\n"),
                1,
                "`entryUUID` has several values",
            ),
            (
                format!("{ADA}manager: uid=a,dc=x\nmanager: uid=b,dc=x\n"),
                1,
                "`manager` has several values",
            ),
            (
                format!("{ADA}manager: Bob\n"),
                1,
                "`Bob` is no distinguished name",
            ),
            (
                format!("{ADA}{group}member: Bob\n"),
                6,
                "`Bob` is no distinguished name",
            ),
            (format!("{ADA}\n{ADA}"), 6, "another entry of this name"),
            (
                format!(
                    "{ADA}\n{other}{group}memberUid: ada\n",
                    other = ADA.replace("uid=ada", "uid=eve").replace("UUID: 1", "UUID: 2")
                ),
                11,
                "`memberUid` is `ada`, and several users have this `uid`",
            ),
            (
                format!("{ADA}{group}member;range=0-1499: uid=ada,dc=x\n"),
                6,
                "`member;range=0-1499` holds some of the members alone",
            ),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.to_string().contains(told), "{text}: {error}");
            assert_eq!(error.place.line, line, "{text}");
        }
        // What adds an entry is an entry.
        let added = format!(
            "dn: uid=a,dc=x\nchangetype: add\n{}",
            ADA.split_once('\n').unwrap().1
        );
        assert_eq!(read(&added).unwrap().len(), 1);
    }
}
