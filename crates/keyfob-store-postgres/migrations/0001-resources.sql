-- Keys begin with the tenant and compare by their bytes. There is no sequence and no foreign key: what belongs together is
-- written by one transaction that holds the locks of its resources.

CREATE TABLE @resources (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    hidden boolean NOT NULL,
    version bigint NOT NULL,
    -- Milliseconds since the start of 1970.
    created bigint NOT NULL,
    modified bigint NOT NULL,
    -- When the last commit that touched it was made: microseconds of the database's clock.
    stamp bigint NOT NULL,
    -- By which attributes and which comparison it stands in `entries`.
    generation bigint NOT NULL,
    -- What events call it.
    name text,
    external_id text,
    -- Of resources that own a relation: what the inverse relation shows of them.
    display_name text,
    -- JSON, unless there is no state.
    state text,
    -- JSON, without id, metadata and relations.
    document text NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Nothing that every change writes is indexed, so that a new version of a group costs no index.
CREATE INDEX %resources_in_order ON @resources (tenant, kind, hidden, created, id);
CREATE INDEX %resources_by_generation ON @resources (tenant, kind, generation);

-- What no two live resources of a type may share.
CREATE TABLE @unique_keys (
    tenant text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    attribute text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, kind, attribute, key)
);

CREATE INDEX %unique_keys_by_id ON @unique_keys (tenant, id);

-- Values by which resources are found and sorted. One key's resources stand in the order of their creation.
CREATE TABLE @entries (
    tenant text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    attribute text COLLATE "C" NOT NULL,
    hidden boolean NOT NULL,
    key text COLLATE "C" NOT NULL,
    created bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    -- Of several values of an attribute that should have one, the first is the one to sort by.
    sorts boolean NOT NULL,
    PRIMARY KEY (tenant, kind, attribute, hidden, key, created, id)
);

CREATE INDEX %entries_by_id ON @entries (tenant, id);

-- The owned relations. The inverse ones are read from the index.
CREATE TABLE @edges (
    tenant text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    attribute text COLLATE "C" NOT NULL,
    member text COLLATE "C" NOT NULL,
    display text,
    PRIMARY KEY (tenant, owner, attribute, member)
);

CREATE INDEX %edges_by_member ON @edges (tenant, member, attribute, owner);

-- The versions in which resources went. The next resource of the id goes on from there.
CREATE TABLE @last_versions (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Commits are remembered by their ids, so that none is applied twice.
CREATE TABLE @commits (
    tenant text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX %commits_by_time ON @commits (tenant, at);

-- Events of commits, without positions yet, by the stamps of their commits.
CREATE TABLE @pending (
    tenant text COLLATE "C" NOT NULL,
    stamp bigint NOT NULL,
    commit_id text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    at bigint NOT NULL,
    role text NOT NULL,
    identity text COLLATE "C" NOT NULL,
    credential text NOT NULL,
    request text NOT NULL,
    verb text NOT NULL,
    name text NOT NULL,
    resource_type text COLLATE "C" NOT NULL,
    resource text COLLATE "C" NOT NULL,
    label text,
    external_id text,
    version bigint,
    -- JSON: lists of texts. Members are listed up to a limit; the numbers count all.
    attributes text,
    joined text,
    joined_count bigint NOT NULL,
    departed text,
    departed_count bigint NOT NULL,
    data text NOT NULL,
    PRIMARY KEY (tenant, stamp, commit_id, number)
);

-- The same, once they have their positions.
CREATE TABLE @events (
    tenant text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    commit_id text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    at bigint NOT NULL,
    role text NOT NULL,
    identity text COLLATE "C" NOT NULL,
    credential text NOT NULL,
    request text NOT NULL,
    verb text NOT NULL,
    name text NOT NULL,
    resource_type text COLLATE "C" NOT NULL,
    resource text COLLATE "C" NOT NULL,
    label text,
    external_id text,
    version bigint,
    attributes text,
    joined text,
    joined_count bigint NOT NULL,
    departed text,
    departed_count bigint NOT NULL,
    data text NOT NULL,
    PRIMARY KEY (tenant, position)
);

CREATE INDEX %events_by_resource ON @events (tenant, resource, position);
CREATE INDEX %events_by_identity ON @events (tenant, identity, position) WHERE identity <> '';
CREATE INDEX %events_by_commit ON @events (tenant, commit_id);

-- Of each tenant that ever had an event: the positions of the newest one, and of the newest that was removed.
CREATE TABLE @feed_heads (
    tenant text COLLATE "C" NOT NULL,
    last bigint NOT NULL,
    trimmed bigint NOT NULL,
    PRIMARY KEY (tenant)
);

-- How far the events of a tenant were handled, and by whom.
CREATE TABLE @consumers (
    tenant text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (tenant, name)
);
