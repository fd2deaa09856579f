//! What a migration does beside its script.

use keyfob_core::{DateTime, Object, ResourceId, Value, json};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use smol_str::{SmolStr, ToSmolStr};

use crate::read::{decode, path};

/// The extension in which the first edition kept state within the document.
const STATE: &str = "urn:keyfob:params:scim:schemas:internal:1.0:State";

/// The type as which the first edition kept users that were deleted, and what they are now.
const DELETED_USER: &str = "DeletedUser";
const USER: &str = "User";

/// Takes what the first edition of the store's contract kept within documents out of them. The script has made the tables
/// for it.
///
/// What can't be decoded stays as it is, as whoever reads it is told.
pub(crate) fn from_first_edition(connection: &Connection) -> rusqlite::Result<()> {
    let mut documents = connection.prepare("SELECT resource, document FROM first_documents")?;
    let mut rows = documents.query([])?;
    while let Some(row) = rows.next()? {
        let document = row.get_ref(1)?.as_blob()?;
        let content = Content::take_apart(document);
        content.write(connection, row.get(0)?)?;
    }
    drop(rows);
    drop(documents);
    connection.execute_batch("DROP TABLE first_documents")?;
    reveal_deleted_users(connection)
}

/// What stands beside one resource.
struct Content {
    name: Option<SmolStr>,
    external_id: Option<SmolStr>,
    state: Object,
    document: Vec<u8>,
}

impl Content {
    fn take_apart(text: &[u8]) -> Self {
        let Ok(mut document) = json::object_from_slice(text) else {
            return Self {
                name: None,
                external_id: None,
                state: Object::new(),
                document: text.to_vec(),
            };
        };
        let state = match document.get(STATE) {
            Some(Value::Object(state)) => state.clone(),
            _ => Object::new(),
        };
        let is_plain = state.is_empty();
        document.retain(|name, _| is_plain || !name.is(STATE));
        let text_of = |name| document.get_str(name).map(SmolStr::new);
        Self {
            name: text_of("userName").or_else(|| text_of("displayName")),
            external_id: text_of("externalId"),
            state,
            document: if is_plain {
                text.to_vec()
            } else {
                json::object_to_vec(&document)
            },
        }
    }

    fn write(&self, connection: &Connection, resource: i64) -> rusqlite::Result<()> {
        let state = (!self.state.is_empty()).then(|| json::object_to_vec(&self.state));
        connection
            .prepare_cached(
                "INSERT INTO documents (resource, name, external_id, state, document) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET name = ?2, external_id = ?3, state = ?4, document = ?5",
            )?
            .execute(params![
                resource,
                self.name.as_deref(),
                self.external_id.as_deref(),
                state,
                self.document
            ])?;
        Ok(())
    }
}

/// Makes hidden users of deleted ones.
fn reveal_deleted_users(connection: &Connection) -> rusqlite::Result<()> {
    let deleted: Vec<DeletedUser> = connection
        .prepare(
            "SELECT resources.tenant, kind, resource, id, created, document
             FROM kinds JOIN resources USING (kind) JOIN documents USING (resource) WHERE kinds.name = ?1",
        )?
        .query_map([DELETED_USER], DeletedUser::from_row)?
        .filter_map(Result::transpose)
        .collect::<rusqlite::Result<_>>()?;
    for user in &deleted {
        user.become_hidden(connection)?;
    }
    connection.execute(
        "DELETE FROM kinds WHERE name = ?1 AND resources = 0",
        [DELETED_USER],
    )?;
    Ok(())
}

/// A user as the first edition kept it once it was deleted.
struct DeletedUser {
    tenant: i64,
    kind: i64,
    resource: i64,
    content: Content,
    created: DateTime,
    version: i64,
    memberships: Vec<Membership>,
}

/// A relation to which a user comes back.
struct Membership {
    resource_type: SmolStr,
    attribute: SmolStr,
    owner: SmolStr,
}

impl DeletedUser {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Option<Self>> {
        let id = ResourceId::new(decode::text(row, 3)?);
        let kept = json::object_from_slice(row.get_ref(5)?.as_blob()?).ok();
        let read = |kept: &Object| {
            let text = kept.get_str("document")?.as_bytes();
            json::object_from_slice(text).ok()?;
            let mut content = Content::take_apart(text);
            let deleted = decode::date_time(row, 4).ok()?;
            content.state.insert("deletedBy", kept.get_str("origin")?);
            content.state.insert("deletedAt", deleted.to_smolstr());
            let memberships = kept.get("memberships").map(Value::as_elements);
            Some(Self {
                tenant: row.get(0).ok()?,
                kind: row.get(1).ok()?,
                resource: row.get(2).ok()?,
                content,
                created: kept.get_str("created")?.parse().ok()?,
                version: kept.get("version")?.as_integer()?,
                memberships: memberships
                    .unwrap_or_default()
                    .iter()
                    .filter_map(Membership::from_value)
                    .collect(),
            })
        };
        let user = kept.as_ref().and_then(read);
        if user.is_none() {
            tracing::warn!(
                id = id.as_str(),
                "a deleted user can't be decoded and stays as it is"
            );
        }
        Ok(user)
    }

    fn become_hidden(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT INTO kinds (tenant, name, indexed) VALUES (?1, ?2, '') ON CONFLICT DO NOTHING",
            )?
            .execute(params![self.tenant, USER])?;
        connection
            .prepare_cached("UPDATE kinds SET hidden = hidden + 1 WHERE tenant = ?1 AND name = ?2")?
            .execute(params![self.tenant, USER])?;
        connection
            .prepare_cached("UPDATE kinds SET resources = resources - 1 WHERE kind = ?1")?
            .execute([self.kind])?;
        for sql in [
            "DELETE FROM indexed WHERE resource = ?1",
            "DELETE FROM unique_keys WHERE resource = ?1",
        ] {
            connection.prepare_cached(sql)?.execute([self.resource])?;
        }
        connection
            .prepare_cached(
                "UPDATE resources SET kind = (SELECT kind FROM kinds WHERE tenant = :tenant AND name = :user),
                    hidden = 1, version = :version, created = :created, display_name = NULL
                 WHERE resource = :resource",
            )?
            .execute(named_params! {
                ":tenant": self.tenant,
                ":user": USER,
                ":version": self.version,
                ":created": self.created.unix_millis(),
                ":resource": self.resource,
            })?;
        self.content.write(connection, self.resource)?;
        for membership in &self.memberships {
            membership.write(connection, self.tenant, self.resource)?;
        }
        Ok(())
    }
}

impl Membership {
    fn from_value(value: &Value) -> Option<Self> {
        let membership = value.as_object()?;
        Some(Self {
            resource_type: membership.get_str("resourceType")?.into(),
            attribute: path(membership.get_str("attribute")?).into(),
            owner: membership.get_str("value")?.into(),
        })
    }

    /// Makes an edge of it, unless its owner is gone.
    fn write(&self, connection: &Connection, tenant: i64, member: i64) -> rusqlite::Result<()> {
        let owner: Option<i64> = connection
            .prepare_cached(
                "SELECT resource FROM resources JOIN kinds USING (kind)
                 WHERE resources.tenant = ?1 AND id = ?2 AND kinds.name = ?3",
            )?
            .query_row(
                params![tenant, self.owner.as_str(), self.resource_type.as_str()],
                |row| row.get(0),
            )
            .optional()?;
        let Some(owner) = owner else {
            return Ok(());
        };
        connection
            .prepare_cached("INSERT INTO attributes (path) VALUES (?1) ON CONFLICT DO NOTHING")?
            .execute([self.attribute.as_str()])?;
        connection
            .prepare_cached(
                "INSERT INTO edges (owner, attribute, member)
                 VALUES (?1, (SELECT attribute FROM attributes WHERE path = ?2), ?3) ON CONFLICT DO NOTHING",
            )?
            .execute(params![owner, self.attribute.as_str(), member])?;
        Ok(())
    }
}
