-- State stands beside the document, resources can be hidden, and events have an identity and a position. `migration.rs`
-- fills what SQL can't work out.

-- The positions of the newest event, and of the newest that was removed. The one writer gives positions, so that there is
-- no gap.
ALTER TABLE tenants ADD COLUMN last INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN trimmed INTEGER NOT NULL DEFAULT 0;

-- `resources` counts those that are live, `hidden` the others.
ALTER TABLE kinds ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;

ALTER TABLE resources ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;

-- The order of resources: by creation and then by the bytes of the id.
DROP INDEX resources_by_kind;
CREATE INDEX resources_in_order ON resources (kind, hidden, created, id);

-- The versions in which resources went. Who gets their id goes on from there.
CREATE TABLE last_versions (
    tenant INTEGER NOT NULL REFERENCES tenants,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- Of several values of an attribute that should have one, the first is the one to sort by.
ALTER TABLE indexed ADD COLUMN sorts INTEGER NOT NULL DEFAULT 1;

-- Every resource is indexed again: users that were kept as something else have no entries yet.
UPDATE kinds SET indexed = '';

ALTER TABLE documents RENAME TO first_documents;

CREATE TABLE documents (
    resource INTEGER PRIMARY KEY REFERENCES resources ON DELETE CASCADE,
    -- What events call the resource. Before the document, which may go on over many pages.
    name TEXT,
    external_id TEXT,
    -- JSON, unless there is no state.
    state BLOB,
    -- JSON, without id, metadata and relations.
    document BLOB NOT NULL
) STRICT;

-- Commits are remembered by their ids, so that none is applied twice. Those with events say what all of them share.
CREATE TABLE commits (
    entry INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants,
    id TEXT NOT NULL,
    -- Milliseconds since the start of 1970.
    at INTEGER NOT NULL,
    role TEXT NOT NULL,
    identity TEXT NOT NULL,
    credential TEXT NOT NULL,
    request TEXT NOT NULL,
    verb TEXT NOT NULL,
    -- The position of its first event, and the number of its events.
    position INTEGER NOT NULL,
    events INTEGER NOT NULL,
    UNIQUE (tenant, id)
) STRICT;

CREATE INDEX commits_by_time ON commits (tenant, at);
CREATE INDEX commits_by_identity ON commits (tenant, identity) WHERE identity <> '';

ALTER TABLE events RENAME TO first_events;
DROP INDEX events_by_tenant;

CREATE TABLE events (
    event INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants,
    position INTEGER NOT NULL,
    -- The entry of its commit. Commits outlive their events.
    entry INTEGER NOT NULL,
    -- The event's number in its commit.
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    -- Its id. Not a reference, as events outlive resources.
    resource TEXT NOT NULL,
    -- The names by which people know the resource.
    label TEXT,
    external_id TEXT,
    version INTEGER,
    -- JSON: lists of texts, none where they are empty. Members are listed up to a limit; the numbers count all.
    attributes TEXT,
    joined TEXT,
    joined_count INTEGER NOT NULL,
    departed TEXT,
    departed_count INTEGER NOT NULL,
    -- JSON.
    data BLOB NOT NULL,
    UNIQUE (tenant, position)
) STRICT;

CREATE INDEX events_by_resource ON events (tenant, resource, position);

-- Each of the first edition's events becomes a commit of its own, in their order.
INSERT INTO commits (entry, tenant, id, at, role, identity, credential, request, verb, position, events)
SELECT event, tenant, 'first-edition-' || event, at, '', '', '', '', '',
    row_number() OVER (PARTITION BY tenant ORDER BY event), 1
FROM first_events;

INSERT INTO events (event, tenant, position, entry, number, name, resource_type, resource, joined_count, departed_count, data)
SELECT event, first_events.tenant, position, entry, 0, name, resource_type, resource, 0, 0, data
FROM first_events JOIN commits ON entry = event;

UPDATE tenants SET last = (SELECT count(*) FROM events WHERE events.tenant = tenants.tenant);

DROP TABLE first_events;

-- How far the events of a tenant were handled, and by whom.
CREATE TABLE consumers (
    tenant INTEGER NOT NULL REFERENCES tenants,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;
