-- Texts that stand in every row of an index are kept once and named by a number.
CREATE TABLE tenants (
    tenant INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE attributes (
    attribute INTEGER PRIMARY KEY,
    -- Paths are caseless: those of indexes and relations are in lower case, those of unique keys as the engine
    -- writes them.
    path TEXT NOT NULL UNIQUE
) STRICT;

-- A resource type of a tenant.
CREATE TABLE kinds (
    kind INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants,
    name TEXT NOT NULL,
    -- How many resources there are, so that nobody has to count them.
    resources INTEGER NOT NULL DEFAULT 0,
    -- By which attributes every one of them stands in `indexed`.
    indexed TEXT NOT NULL,
    UNIQUE (tenant, name)
) STRICT;

-- The row's number grows in the order in which resources are created. Rows are short, so that a group's members are
-- read from few pages and a new version writes little; documents stand apart.
CREATE TABLE resources (
    resource INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    kind INTEGER NOT NULL REFERENCES kinds,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    -- Milliseconds since the start of 1970.
    created INTEGER NOT NULL,
    last_modified INTEGER NOT NULL,
    -- Of resources that own a relation: what the inverse relation shows of them.
    display_name TEXT,
    UNIQUE (tenant, id)
) STRICT;

CREATE INDEX resources_by_kind ON resources (kind);

CREATE TABLE documents (
    resource INTEGER PRIMARY KEY REFERENCES resources ON DELETE CASCADE,
    -- JSON, without id, metadata and relations.
    document BLOB NOT NULL
) STRICT;

-- What no two resources of a kind may share. Values are folded by the application unless they are case-exact.
CREATE TABLE unique_keys (
    kind INTEGER NOT NULL,
    attribute INTEGER NOT NULL REFERENCES attributes,
    value TEXT NOT NULL,
    resource INTEGER NOT NULL REFERENCES resources ON DELETE CASCADE,
    PRIMARY KEY (kind, attribute, value)
) STRICT, WITHOUT ROWID;

CREATE INDEX unique_keys_by_resource ON unique_keys (resource);

-- Values by which resources are found; folded likewise.
CREATE TABLE indexed (
    kind INTEGER NOT NULL,
    attribute INTEGER NOT NULL REFERENCES attributes,
    value TEXT NOT NULL,
    resource INTEGER NOT NULL REFERENCES resources ON DELETE CASCADE,
    PRIMARY KEY (kind, attribute, value, resource)
) STRICT, WITHOUT ROWID;

CREATE INDEX indexed_by_resource ON indexed (resource);

-- The owned relations. The inverse ones are read from the index.
CREATE TABLE edges (
    owner INTEGER NOT NULL REFERENCES resources ON DELETE CASCADE,
    attribute INTEGER NOT NULL REFERENCES attributes,
    member INTEGER NOT NULL REFERENCES resources ON DELETE CASCADE,
    display TEXT,
    PRIMARY KEY (owner, attribute, member)
) STRICT, WITHOUT ROWID;

CREATE INDEX edges_by_member ON edges (member, attribute);

CREATE TABLE events (
    event INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant INTEGER NOT NULL REFERENCES tenants,
    name TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    -- Its id. Not a reference, as events outlive resources.
    resource TEXT NOT NULL,
    -- Milliseconds since the start of 1970.
    at INTEGER NOT NULL,
    -- JSON.
    data BLOB NOT NULL
) STRICT;

CREATE INDEX events_by_tenant ON events (tenant);
