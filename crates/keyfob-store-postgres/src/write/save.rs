//! The second round trip of a group of commits: what has changed, in a few statements whatever its number.

use std::{borrow::Cow, collections::BTreeSet};

use keyfob_core::{ResourceId, json};
use keyfob_store::Event;
use smol_str::SmolStr;

use super::{
    content::{Document, Entry},
    publish::{list, members},
    world::{Put, Row, World},
};
use crate::{
    session::Statement,
    sql::{Param, escape},
};

const DELETE_EDGES_FROM: &str = "DELETE FROM @edges WHERE tenant = $1 AND owner = ANY($2)";
const DELETE_EDGES_TO: &str = "DELETE FROM @edges WHERE tenant = $1 AND member = ANY($2)";
const DELETE_ENTRIES_OF: &str = "DELETE FROM @entries WHERE tenant = $1 AND id = ANY($2)";
const DELETE_RESOURCES: &str = "DELETE FROM @resources WHERE tenant = $1 AND id = ANY($2)";

const LAST_VERSIONS: &str = "INSERT INTO @last_versions (tenant, id, version)
    SELECT $1, w.id, w.version FROM unnest($2::text[], $3::bigint[]) AS w (id, version) ORDER BY w.id
    ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version";

const DELETE_KEYS: &str = "DELETE FROM @unique_keys k
    USING unnest($2::text[], $3::text[], $4::text[]) AS w (kind, attribute, key)
    WHERE k.tenant = $1 AND k.kind = w.kind AND k.attribute = w.attribute AND k.key = w.key";

// In their order, so that commits that take several of the same keys don't wait for one another in a circle.
const INSERT_KEYS: &str = "INSERT INTO @unique_keys (tenant, kind, attribute, key, id)
    SELECT $1, w.kind, w.attribute, w.key, w.id
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS w (kind, attribute, key, id)
    ORDER BY w.kind COLLATE \"C\", w.attribute COLLATE \"C\", w.key COLLATE \"C\"";

const INSERT_RESOURCES: &str = "INSERT INTO @resources (tenant, stamp, id, kind, hidden, version, created, modified,
        generation, name, external_id, display_name, state, document)
    SELECT $1, $2::bigint, w.* FROM unnest($3::text[], $4::text[], $5::boolean[], $6::bigint[], $7::bigint[],
        $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
        AS w (id, kind, hidden, version, created, modified, generation, name, external_id, display_name, state, document)
    ORDER BY w.id COLLATE \"C\"";

const UPDATE_RESOURCES: &str = "UPDATE @resources r
    SET stamp = $2, version = w.version, modified = w.modified, hidden = w.hidden
    FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::boolean[]) AS w (id, version, modified, hidden)
    WHERE r.tenant = $1 AND r.id = w.id";

const UPDATE_DOCUMENTS: &str = "UPDATE @resources r
    SET generation = w.generation, name = w.name, external_id = w.external_id, display_name = w.display_name,
        document = w.document
    FROM unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[])
        AS w (id, generation, name, external_id, display_name, document)
    WHERE r.tenant = $1 AND r.id = w.id";

const UPDATE_STATES: &str = "UPDATE @resources r SET state = w.state
    FROM unnest($2::text[], $3::text[]) AS w (id, state) WHERE r.tenant = $1 AND r.id = w.id";

const DELETE_ENTRIES: &str = "DELETE FROM @entries e
    USING unnest($2::text[], $3::text[], $4::boolean[], $5::text[], $6::bigint[], $7::text[])
        AS w (kind, attribute, hidden, key, created, id)
    WHERE e.tenant = $1 AND e.kind = w.kind AND e.attribute = w.attribute AND e.hidden = w.hidden AND e.key = w.key
        AND e.created = w.created AND e.id = w.id";

const INSERT_ENTRIES: &str = "INSERT INTO @entries (tenant, kind, attribute, hidden, key, created, id, sorts)
    SELECT $1, w.* FROM unnest($2::text[], $3::text[], $4::boolean[], $5::text[], $6::bigint[], $7::text[], $8::boolean[])
        AS w (kind, attribute, hidden, key, created, id, sorts)";

const DELETE_EDGES: &str = "DELETE FROM @edges e
    USING unnest($2::text[], $3::text[], $4::text[]) AS w (owner, attribute, member)
    WHERE e.tenant = $1 AND e.owner = w.owner AND e.attribute = w.attribute AND e.member = w.member";

const INSERT_EDGES: &str = "INSERT INTO @edges (tenant, owner, attribute, member, display, nests)
    SELECT $1, w.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[])
        AS w (owner, attribute, member, display, nests)";

const DELETE_COMMITS: &str = "DELETE FROM @commits WHERE tenant = $1 AND id = ANY($2)";

// Those that wait for their positions first: one that gets it meanwhile is among the others then.
const FORGET_PENDING: &str = "UPDATE @pending e SET label = NULL, external_id = NULL
    FROM unnest($2::text[], $3::text[]) AS w (kind, id)
    WHERE e.tenant = $1 AND e.resource = w.id AND e.resource_type = w.kind";
const FORGET: &str = "UPDATE @events e SET label = NULL, external_id = NULL
    FROM unnest($2::text[], $3::text[]) AS w (kind, id)
    WHERE e.tenant = $1 AND e.resource = w.id AND e.resource_type = w.kind";

const INSERT_EVENTS: &str = "INSERT INTO @pending (tenant, stamp, commit_id, number, at, role, identity, credential,
        request, verb, name, resource_type, resource, label, external_id, version, attributes, joined, joined_count,
        departed, departed_count, data)
    SELECT $1, w.* FROM unnest($2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::bigint[],
        $17::text[], $18::text[], $19::bigint[], $20::text[], $21::bigint[], $22::text[])
        AS w (stamp, commit_id, number, at, role, identity, credential, request, verb, name, resource_type, resource,
            label, external_id, version, attributes, joined, joined_count, departed, departed_count, data)";

/// The rows that a group of commits leaves beside the resources.
#[derive(Default)]
pub(super) struct Aside {
    /// Events, each with the stamp of its commit.
    pub(super) events: Vec<(i64, Event)>,
    /// Resources whose names are blanked in events, by type.
    pub(super) forgotten: BTreeSet<(SmolStr, ResourceId)>,
    /// Commits that were refused.
    pub(super) refused: Vec<SmolStr>,
}

/// The statements that write what has changed.
pub(super) fn statements<'p>(tenant: &'p str, world: &'p World, aside: &'p Aside) -> Vec<Statement<'p>> {
    let mut saving = Saving {
        tenant,
        world,
        statements: Vec::new(),
    };
    saving.deletions();
    saving.keys();
    saving.resources();
    saving.entries();
    saving.edges();
    saving.aside(aside);
    saving.statements
}

struct Saving<'p> {
    tenant: &'p str,
    world: &'p World,
    statements: Vec<Statement<'p>>,
}

impl<'p> Saving<'p> {
    /// Adds a statement, unless there is nothing to write.
    fn write(&mut self, template: &'static str, rows: usize, params: Vec<Param<'p>>) {
        if rows > 0 {
            let mut all = vec![Param::text(self.tenant)];
            all.extend(params);
            self.statements.push(Statement::Query(template, all));
        }
    }

    fn deletions(&mut self) {
        let stored: Vec<&ResourceId> = self
            .world
            .wiped()
            .filter(|id| self.world.base.rows.contains_key(*id))
            .collect();
        let ids = || vec![Param::texts(stored.iter().map(|id| id.as_str()))];
        for template in [
            DELETE_EDGES_FROM,
            DELETE_EDGES_TO,
            DELETE_ENTRIES_OF,
            DELETE_RESOURCES,
        ] {
            self.write(template, stored.len(), ids());
        }
        let gone: Vec<_> = self
            .world
            .last_versions
            .iter()
            .filter(|(id, _)| self.world.row(id).is_none())
            .collect();
        let params = vec![
            Param::texts(gone.iter().map(|(id, _)| id.as_str())),
            Param::ints(gone.iter().map(|(_, version)| number(version.number()))),
        ];
        self.write(LAST_VERSIONS, gone.len(), params);
    }

    fn keys(&mut self) {
        let (mut freed, mut taken) = (Vec::new(), Vec::new());
        for (key, holder) in self.world.holders.iter() {
            let before = self.world.base.holders.get(key);
            if before == holder.as_ref() {
                continue;
            }
            if before.is_some() {
                freed.push(key);
            }
            if let Some(holder) = holder {
                taken.push((key, holder));
            }
        }
        let params = vec![
            Param::texts(freed.iter().map(|(kind, _)| kind.as_str())),
            Param::texts(freed.iter().map(|(_, (attribute, _))| attribute.as_str())),
            Param::stored(freed.iter().map(|(_, (_, key))| key.as_str())),
        ];
        self.write(DELETE_KEYS, freed.len(), params);
        let params = vec![
            Param::texts(taken.iter().map(|((kind, _), _)| kind.as_str())),
            Param::texts(taken.iter().map(|((_, (attribute, _)), _)| attribute.as_str())),
            Param::stored(taken.iter().map(|((_, (_, key)), _)| key.as_str())),
            Param::texts(taken.iter().map(|(_, holder)| holder.as_str())),
        ];
        self.write(INSERT_KEYS, taken.len(), params);
    }

    fn resources(&mut self) {
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for (id, row) in self.world.rows.iter() {
            let Some(row) = row else { continue };
            if self.world.base.rows.contains_key(id) && !self.world.is_wiped(id) {
                changed.push((id, row));
            } else if let Some(document) = &row.document {
                new.push((id, row, document));
            }
        }
        self.insert(&new);
        let params = vec![
            Param::int(self.world.base.stamp),
            Param::texts(changed.iter().map(|(id, _)| id.as_str())),
            Param::ints(changed.iter().map(|(_, row)| number(row.version.number()))),
            Param::ints(changed.iter().map(|(_, row)| row.modified)),
            Param::Flags(changed.iter().map(|(_, row)| row.hidden).collect()),
        ];
        self.write(UPDATE_RESOURCES, changed.len(), params);
        let documents: Vec<(&ResourceId, &Document)> = changed
            .iter()
            .filter_map(|(id, row)| Some((*id, row.document.as_deref()?)))
            .collect();
        let params = vec![
            Param::texts(documents.iter().map(|(id, _)| id.as_str())),
            Param::ints(documents.iter().map(|(_, document)| document.generation)),
            Param::optional_texts(
                documents
                    .iter()
                    .map(|(_, document)| document.labels.name.as_deref()),
            ),
            Param::optional_texts(
                documents
                    .iter()
                    .map(|(_, document)| document.labels.external_id.as_deref()),
            ),
            Param::optional_texts(
                documents
                    .iter()
                    .map(|(_, document)| document.display_name.as_deref()),
            ),
            Param::stored(documents.iter().map(|(_, document)| document.json.as_str())),
        ];
        self.write(UPDATE_DOCUMENTS, documents.len(), params);
        let states: Vec<_> = changed
            .iter()
            .filter_map(|(id, row)| Some((*id, row.state.as_ref()?)))
            .collect();
        let params = vec![
            Param::texts(states.iter().map(|(id, _)| id.as_str())),
            Param::Texts(
                states
                    .iter()
                    .map(|(_, state)| state.as_deref().map(Cow::Borrowed))
                    .collect(),
            ),
        ];
        self.write(UPDATE_STATES, states.len(), params);
    }

    fn insert(&mut self, new: &[(&'p ResourceId, &'p Row, &'p std::sync::Arc<Document>)]) {
        let states = new
            .iter()
            .map(|(_, row, _)| row.state.as_ref().and_then(|state| state.as_deref()));
        let params = vec![
            Param::int(self.world.base.stamp),
            Param::texts(new.iter().map(|(id, ..)| id.as_str())),
            Param::texts(new.iter().map(|(_, row, _)| row.kind.as_str())),
            Param::Flags(new.iter().map(|(_, row, _)| row.hidden).collect()),
            Param::ints(new.iter().map(|(_, row, _)| number(row.version.number()))),
            Param::ints(new.iter().map(|(_, row, _)| row.created)),
            Param::ints(new.iter().map(|(_, row, _)| row.modified)),
            Param::ints(new.iter().map(|(.., document)| document.generation)),
            Param::optional_texts(new.iter().map(|(.., document)| document.labels.name.as_deref())),
            Param::optional_texts(
                new.iter()
                    .map(|(.., document)| document.labels.external_id.as_deref()),
            ),
            Param::optional_texts(new.iter().map(|(.., document)| document.display_name.as_deref())),
            Param::Texts(states.map(|state| state.map(Cow::Borrowed)).collect()),
            Param::stored(new.iter().map(|(.., document)| document.json.as_str())),
        ];
        self.write(INSERT_RESOURCES, new.len(), params);
    }

    fn entries(&mut self) {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (id, row) in self.world.rows.iter() {
            let Some(row) = row else { continue };
            let base = self.world.base.rows.get(id).filter(|_| !self.world.is_wiped(id));
            let turns = base.is_some_and(|base| base.hidden != row.hidden);
            if row.document.is_none() && !turns {
                continue;
            }
            let stored = self.world.base.entries.get(id).filter(|_| base.is_some());
            let stored = stored.cloned().unwrap_or_default();
            let turned = |entry: &Entry| Entry {
                hidden: row.hidden,
                ..entry.clone()
            };
            let wanted: BTreeSet<Entry> = if let Some(document) = &row.document {
                Entry::of_indexed(&document.indexed, row.hidden, row.created)
            } else {
                stored.iter().map(turned).collect()
            };
            old.extend(stored.difference(&wanted).map(|entry| (id, row, entry.clone())));
            new.extend(wanted.difference(&stored).map(|entry| (id, row, entry.clone())));
        }
        let params = |entries: &[(&'p ResourceId, &'p Row, Entry)]| {
            vec![
                Param::texts(entries.iter().map(|(_, row, _)| row.kind.as_str())),
                owned(
                    entries
                        .iter()
                        .map(|(.., entry)| escape(&entry.attribute).into_owned()),
                ),
                Param::Flags(entries.iter().map(|(.., entry)| entry.hidden).collect()),
                owned(entries.iter().map(|(.., entry)| entry.key.clone())),
                Param::ints(entries.iter().map(|(.., entry)| entry.created)),
                Param::texts(entries.iter().map(|(id, ..)| id.as_str())),
            ]
        };
        self.write(DELETE_ENTRIES, old.len(), params(&old));
        let mut inserted = params(&new);
        inserted.push(Param::Flags(new.iter().map(|(.., entry)| entry.sorts).collect()));
        self.write(INSERT_ENTRIES, new.len(), inserted);
    }

    fn edges(&mut self) {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (edge, (_, put)) in self.world.edges.iter() {
            match (self.world.is_stored(edge), self.world.has_edge(edge), put) {
                (true, false, _) => old.push(edge),
                (false, true, Put::In(display)) => new.push((edge, display.as_deref())),
                _ => {}
            }
        }
        let params = vec![
            Param::texts(old.iter().map(|(owner, ..)| owner.as_str())),
            Param::texts(old.iter().map(|(_, attribute, _)| attribute.as_str())),
            Param::texts(old.iter().map(|(.., member)| member.as_str())),
        ];
        self.write(DELETE_EDGES, old.len(), params);
        let params = vec![
            Param::texts(new.iter().map(|((owner, ..), _)| owner.as_str())),
            Param::texts(new.iter().map(|((_, attribute, _), _)| attribute.as_str())),
            Param::texts(new.iter().map(|((.., member), _)| member.as_str())),
            Param::optional_texts(new.iter().map(|(_, display)| *display)),
            Param::Flags(new.iter().map(|(edge, _)| self.world.nests(edge)).collect()),
        ];
        self.write(INSERT_EDGES, new.len(), params);
    }

    fn aside(&mut self, aside: &'p Aside) {
        let refused = &aside.refused;
        let params = vec![Param::texts(refused.iter().map(SmolStr::as_str))];
        self.write(DELETE_COMMITS, refused.len(), params);
        let forgotten = &aside.forgotten;
        let params = || {
            vec![
                Param::texts(forgotten.iter().map(|(kind, _)| kind.as_str())),
                Param::texts(forgotten.iter().map(|(_, id)| id.as_str())),
            ]
        };
        self.write(FORGET_PENDING, forgotten.len(), params());
        self.write(FORGET, forgotten.len(), params());
        let events = &aside.events;
        let all = || events.iter().map(|(_, event)| event);
        let params = vec![
            Param::ints(events.iter().map(|(stamp, _)| *stamp)),
            Param::texts(all().map(|event| event.id.commit.as_str())),
            Param::ints(all().map(|event| event.id.number.into())),
            Param::ints(all().map(|event| event.at.unix_millis())),
            Param::texts(all().map(|event| event.actor.role.as_str())),
            Param::texts(all().map(|event| event.actor.identity.as_str())),
            Param::texts(all().map(|event| event.actor.credential.as_str())),
            Param::texts(all().map(|event| event.request.as_str())),
            Param::texts(all().map(|event| event.verb.as_str())),
            Param::texts(all().map(|event| event.event.name.as_str())),
            Param::texts(all().map(|event| event.event.resource_type.as_str())),
            Param::texts(all().map(|event| event.event.resource.as_str())),
            Param::optional_texts(all().map(|event| event.labels.name.as_deref())),
            Param::optional_texts(all().map(|event| event.labels.external_id.as_deref())),
            Param::Ints(
                all()
                    .map(|event| event.version.map(|version| number(version.number())))
                    .collect(),
            ),
            optional(all().map(|event| list(event.event.attributes.iter().cloned()))),
            optional(all().map(|event| members(&event.joined))),
            Param::ints(all().map(|event| number_of(event.joined.count))),
            optional(all().map(|event| members(&event.left))),
            Param::ints(all().map(|event| number_of(event.left.count))),
            owned(all().map(|event| super::content::text(json::object_to_vec(&event.event.data)))),
        ];
        self.write(INSERT_EVENTS, events.len(), params);
    }
}

fn owned<'p>(texts: impl Iterator<Item = String>) -> Param<'p> {
    Param::Texts(texts.map(|text| Some(Cow::Owned(text))).collect())
}

fn optional<'p>(texts: impl Iterator<Item = Option<String>>) -> Param<'p> {
    Param::Texts(texts.map(|text| text.map(Cow::Owned)).collect())
}

/// As a column keeps it. Nothing is counted so far.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number_of(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
