-- A commit writes two pages less. Events stand in the order of their positions instead of beside an index of it, and commits
-- in that of a tenant's entries, in which they are forgotten.

ALTER TABLE commits RENAME TO old_commits;
DROP INDEX commits_by_time;
DROP INDEX commits_by_identity;

CREATE TABLE commits (
    tenant INTEGER NOT NULL REFERENCES tenants,
    -- Grows from commit to commit.
    entry INTEGER NOT NULL,
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
    PRIMARY KEY (tenant, entry),
    UNIQUE (tenant, id)
) STRICT, WITHOUT ROWID;

INSERT INTO commits (tenant, entry, id, at, role, identity, credential, request, verb, position, events)
SELECT tenant, entry, id, at, role, identity, credential, request, verb, position, events
FROM old_commits ORDER BY tenant, entry;

DROP TABLE old_commits;
CREATE INDEX commits_by_identity ON commits (tenant, identity) WHERE identity <> '';

ALTER TABLE events RENAME TO old_events;
DROP INDEX events_by_resource;

CREATE TABLE events (
    tenant INTEGER NOT NULL REFERENCES tenants,
    position INTEGER NOT NULL,
    -- That of its commit. Commits outlive their events.
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
    PRIMARY KEY (tenant, position)
) STRICT, WITHOUT ROWID;

INSERT INTO events (tenant, position, entry, number, name, resource_type, resource, label, external_id, version, attributes,
    joined, joined_count, departed, departed_count, data)
SELECT tenant, position, entry, number, name, resource_type, resource, label, external_id, version, attributes, joined,
    joined_count, departed, departed_count, data
FROM old_events ORDER BY tenant, position;

DROP TABLE old_events;
CREATE INDEX events_by_resource ON events (tenant, resource, position);
