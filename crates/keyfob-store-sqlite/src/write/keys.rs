//! Keys and index of a resource type, made anew where they are of another comparison or of other attributes.

use std::cell::RefCell;

use keyfob_core::{
    Collation, CompareKey, DateTime, Registry, Resource, ResourceId, ResourceType, schema::IndexedAttribute,
};
use keyfob_store::TenantId;
use rusqlite::{Connection, OptionalExtension, params};
use smol_str::SmolStr;

use super::{
    apply::Applying,
    entry::{INDEXED, of_document},
    removal::Counts,
};
use crate::{error::Failure, read::decode};

/// Two resources that were different and are the same under the present comparison. The older one has the key; the
/// other one keeps its value and has to be given another before anything else of it can be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collision {
    /// The tenant.
    pub tenant: TenantId,
    /// The name of their type.
    pub resource_type: SmolStr,
    /// The path of the unique attribute.
    pub attribute: SmolStr,
    /// Who was created first and has the key.
    pub keeps: ResourceId,
    /// Who lost it.
    pub loses: ResourceId,
}

/// The version of the comparison by which a later release made keys, if one did.
pub(crate) fn newer(connection: &Connection) -> rusqlite::Result<Option<u32>> {
    let newest: Option<u32> =
        connection.query_row("SELECT max(compared) FROM kinds", [], |row| row.get(0))?;
    Ok(newest.filter(|newest| *newest > CompareKey::VERSION))
}

/// Finds a type and an attribute by which it is indexed, though the registry's type isn't.
pub(crate) fn unknown_index(
    connection: &Connection,
    registry: &Registry,
) -> rusqlite::Result<Option<(String, String)>> {
    let mut kinds = connection.prepare("SELECT DISTINCT name, indexed FROM kinds ORDER BY name")?;
    let mut rows = kinds.query([])?;
    while let Some(row) = rows.next()? {
        let (name, indexed): (String, String) = (row.get(0)?, row.get(1)?);
        let Some(resource_type) = registry.resource_type(&name) else {
            continue;
        };
        // Beside the attributes, which have a line each, there is a line with a version.
        let attribute = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        let known = resource_type.index().attributes();
        let unknown = indexed
            .lines()
            .skip(1)
            .map(attribute)
            .find(|attribute| !known.iter().any(|known| known.key() == attribute));
        if let Some(attribute) = unknown {
            return Ok(Some((name, attribute)));
        }
    }
    Ok(None)
}

/// Makes the keys of all types that the registry knows those of the present comparison, and indexes those types that are
/// not indexed as they want it.
pub(crate) fn rekey(connection: &Connection, registry: &Registry) -> Result<Vec<Collision>, Failure> {
    let kinds: Vec<(i64, i64, SmolStr, SmolStr, SmolStr, u32)> = connection
        .prepare(
            "SELECT kind, tenant, tenants.name, kinds.name, indexed, compared FROM kinds JOIN tenants USING (tenant)
             ORDER BY kind",
        )?
        .query_map([], |row| {
            let (tenant, kind) = (decode::text(row, 2)?, decode::text(row, 3)?);
            let indexed = decode::text(row, 4)?;
            Ok((row.get(0)?, row.get(1)?, tenant, kind, indexed, row.get(5)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut collisions = Vec::new();
    for (kind, tenant, tenant_name, name, indexed, compared) in kinds {
        let Some(resource_type) = registry.resource_type(&name) else {
            continue;
        };
        if compared == CompareKey::VERSION && indexed == resource_type.index().signature() {
            continue;
        }
        tracing::info!(tenant = %tenant_name, resource_type = %name, "making the keys anew");
        let known = RefCell::default();
        let counts = Counts::new();
        let applying = Applying {
            counts: &counts,
            connection,
            known: &known,
            tenant,
            at: DateTime::from_unix_millis(0),
            change: 0,
        };
        collisions.extend(applying.renew(kind, resource_type, compared)?);
    }
    Ok(collisions)
}

/// A key that changes.
struct Changed {
    /// When the resource was created, and its place in the order of creation.
    age: (i64, i64),
    attribute: i64,
    path: SmolStr,
    key: CompareKey,
}

impl Applying<'_> {
    /// The number of a resource type, of which all resources are indexed and compared as it wants it.
    pub(super) fn kind(&self, resource_type: &ResourceType) -> Result<i64, Failure> {
        let (name, signature) = (resource_type.name(), resource_type.index().signature());
        let known = self.known.borrow().kind(self.tenant, name, signature);
        if let Some(kind) = known {
            return Ok(kind);
        }
        let kind = self.stored_kind(resource_type, signature)?;
        self.known
            .borrow_mut()
            .note_kind(self.tenant, name, kind, signature);
        Ok(kind)
    }

    fn stored_kind(&self, resource_type: &ResourceType, signature: &str) -> Result<i64, Failure> {
        let present: Option<(i64, bool, u32)> = self
            .cached("SELECT kind, indexed = ?3, compared FROM kinds WHERE tenant = ?1 AND name = ?2")?
            .query_row(
                params![self.tenant, resource_type.name().as_str(), signature],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        match present {
            Some((kind, true, CompareKey::VERSION)) => Ok(kind),
            Some((kind, _, compared)) => {
                self.renew(kind, resource_type, compared)?;
                Ok(kind)
            }
            None => {
                self.cached("INSERT INTO kinds (tenant, name, indexed, compared) VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![
                        self.tenant,
                        resource_type.name().as_str(),
                        signature,
                        CompareKey::VERSION
                    ])?;
                Ok(self.connection.last_insert_rowid())
            }
        }
    }

    /// Indexes all resources of a type and makes those of their keys anew that are of an older version of the
    /// comparison.
    pub(super) fn renew(
        &self,
        kind: i64,
        resource_type: &ResourceType,
        compared: u32,
    ) -> Result<Vec<Collision>, Failure> {
        let mut changed = Vec::new();
        // The others got the keys that they have now before there was a version.
        let reserving: Vec<(&IndexedAttribute, Collation)> = resource_type
            .index()
            .attributes()
            .iter()
            .filter_map(|indexed| Some((indexed, indexed.collation()?)))
            .filter(|(_, collation)| *collation != Collation::Caseless)
            .collect();
        let mut documents = self.cached(
            "SELECT resource, document, created FROM resources JOIN documents USING (resource) WHERE kind = ?1",
        )?;
        let mut rows = documents.query([kind])?;
        while let Some(row) = rows.next()? {
            let resource = row.get(0)?;
            let document = decode::document(row, 1, resource_type)?;
            let entries = of_document(resource_type, &document);
            self.replace_entries(&INDEXED, kind, resource, &entries)?;
            if compared != CompareKey::VERSION {
                let age = (row.get(2)?, resource);
                changed.append(&mut self.take_changed(kind, age, &reserving, &document)?);
            }
        }
        self.cached("UPDATE kinds SET indexed = ?2, compared = ?3 WHERE kind = ?1")?
            .execute(params![
                kind,
                resource_type.index().signature(),
                CompareKey::VERSION
            ])?;
        changed.sort_by_key(|changed| changed.age);
        let mut collisions = Vec::new();
        for changed in &changed {
            if let Some(collision) = self.put_changed(kind, resource_type, changed)? {
                tracing::warn!(
                    tenant = collision.tenant.as_str(),
                    resource_type = %collision.resource_type,
                    attribute = %collision.attribute,
                    keeps = collision.keeps.as_str(),
                    loses = collision.loses.as_str(),
                    "two resources have what only one may have by now; give the second another value"
                );
                collisions.push(collision);
            }
        }
        Ok(collisions)
    }

    /// Frees what a resource reserved for texts of its document that have another key now. Whatever else is reserved was
    /// reserved by a rule and stays.
    fn take_changed(
        &self,
        kind: i64,
        age: (i64, i64),
        reserving: &[(&IndexedAttribute, Collation)],
        document: &Resource,
    ) -> Result<Vec<Changed>, Failure> {
        let (_, resource) = age;
        let reserved: Vec<(i64, SmolStr, SmolStr)> = self
            .cached("SELECT attribute, path, value FROM unique_keys JOIN attributes USING (attribute) WHERE resource = ?1")?
            .query_map([resource], |row| {
                Ok((row.get(0)?, decode::text(row, 1)?, decode::text(row, 2)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mut changed = Vec::new();
        for (attribute, path, value) in reserved {
            let lower = path.to_ascii_lowercase();
            let found = reserving.iter().find(|(indexed, _)| *indexed.key() == lower);
            let Some((indexed, collation)) = found.copied() else {
                continue;
            };
            let text = indexed
                .texts(document)
                .find(|text| version_0(collation, text) == value);
            let Some(key) = text.map(|text| CompareKey::new(collation, text)) else {
                continue;
            };
            if key.as_str() != value {
                self.cached("DELETE FROM unique_keys WHERE kind = ?1 AND attribute = ?2 AND value = ?3")?
                    .execute(params![kind, attribute, value.as_str()])?;
                changed.push(Changed {
                    age,
                    attribute,
                    path,
                    key,
                });
            }
        }
        Ok(changed)
    }

    /// Reserves a key for a resource, unless an older one has it.
    fn put_changed(
        &self,
        kind: i64,
        resource_type: &ResourceType,
        changed: &Changed,
    ) -> Result<Option<Collision>, Failure> {
        let Changed {
            age,
            attribute,
            path,
            key,
        } = changed;
        let (_, resource) = age;
        let holder: Option<(i64, i64)> = self
            .cached(
                "SELECT created, resource FROM unique_keys JOIN resources USING (resource)
                 WHERE unique_keys.kind = ?1 AND attribute = ?2 AND value = ?3",
            )?
            .query_row(params![kind, attribute, key.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        if holder.is_none_or(|holder| holder > *age) {
            self.cached(
                "INSERT INTO unique_keys (kind, attribute, value, resource) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET resource = ?4",
            )?
            .execute(params![kind, attribute, key.as_str(), resource])?;
        }
        let Some(holder) = holder.filter(|holder| holder != age) else {
            return Ok(None);
        };
        let (keeps, loses) = if holder < *age {
            (holder, *age)
        } else {
            (*age, holder)
        };
        Ok(Some(Collision {
            tenant: self.tenant_id()?,
            resource_type: resource_type.name().clone(),
            attribute: path.clone(),
            keeps: self.id(keeps.1)?,
            loses: self.id(loses.1)?,
        }))
    }

    fn tenant_id(&self) -> Result<TenantId, Failure> {
        let name = self
            .cached("SELECT name FROM tenants WHERE tenant = ?1")?
            .query_row([self.tenant], |row| decode::text(row, 0))?;
        Ok(TenantId::new(name))
    }

    fn id(&self, resource: i64) -> Result<ResourceId, Failure> {
        let id = self
            .cached("SELECT id FROM resources WHERE resource = ?1")?
            .query_row([resource], |row| decode::text(row, 0))?;
        Ok(ResourceId::new(id))
    }
}

/// The key of a text before comparisons had versions: as it is where it is caseExact, composed and folded otherwise.
fn version_0(collation: Collation, text: &str) -> SmolStr {
    match collation {
        Collation::Exact => text.into(),
        Collation::Caseless | Collation::UserName => CompareKey::new(Collation::Caseless, text).into(),
    }
}
