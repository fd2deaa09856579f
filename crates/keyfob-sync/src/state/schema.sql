-- The state of one job: what the target has through it.

CREATE TABLE job (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- The base URL of the target that the ids belong to.
    target TEXT NOT NULL,
    -- The number of cycles that came to their end.
    cycle INTEGER NOT NULL DEFAULT 0,
    finished INTEGER,
    -- The watermark: the size of the last full read that was taken as a whole.
    users INTEGER,
    groups INTEGER,
    memberships INTEGER,
    -- Why the target is not provisioned, and since when.
    quarantine TEXT,
    quarantined INTEGER
);

CREATE TABLE link (
    source_id TEXT PRIMARY KEY,
    kind INTEGER NOT NULL,
    target_id TEXT NOT NULL,
    owned INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    -- The object, its mapping and its scope when the resource was last brought up to date.
    digest BLOB,
    -- The resource as it was written, in JSON.
    held BLOB NOT NULL,
    -- When the object was first missing from the source.
    gone INTEGER,
    -- If 1, something was about to be sent, and what came of it is not known: the resource has to be read.
    uncertain INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE UNIQUE INDEX link_target ON link (kind, target_id);
CREATE INDEX link_uncertain ON link (source_id) WHERE uncertain = 1;

-- The memberships that the target has through this job, by source ids.
CREATE TABLE edge (
    group_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    -- If 0, a change was about to be sent, and what came of it is not known.
    sure INTEGER NOT NULL,
    PRIMARY KEY (group_id, member_id)
) WITHOUT ROWID;
CREATE INDEX edge_member ON edge (member_id);

-- References that wait for the other object to have a resource.
CREATE TABLE reference (
    source_id TEXT NOT NULL,
    missing TEXT NOT NULL,
    PRIMARY KEY (source_id, missing)
) WITHOUT ROWID;
CREATE INDEX reference_missing ON reference (missing);

-- What failed, and when it is tried again. The member is empty where the object itself failed.
CREATE TABLE escrow (
    source_id TEXT NOT NULL,
    member TEXT NOT NULL,
    digest BLOB,
    first INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    next INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (source_id, member)
) WITHOUT ROWID;

-- Creations that were about to be sent: whoever finds one here looks before anything is created again.
CREATE TABLE intent (
    source_id TEXT PRIMARY KEY,
    kind INTEGER NOT NULL,
    filters TEXT NOT NULL,
    body BLOB NOT NULL
) WITHOUT ROWID;

-- Removals that guards held back in the last cycle. The member is empty where the resource itself would be disabled or deleted.
CREATE TABLE held (
    source_id TEXT NOT NULL,
    member TEXT NOT NULL,
    -- If 1, somebody allowed it.
    allowed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source_id, member)
) WITHOUT ROWID;

-- What was done, and what failed, without names and values of people.
CREATE TABLE log (
    number INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    cycle INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    source_id TEXT NOT NULL,
    target_id TEXT,
    action TEXT NOT NULL,
    done INTEGER NOT NULL,
    -- The status of the last answer.
    status INTEGER,
    -- The paths that changed, a line each.
    paths TEXT NOT NULL,
    -- The changes with their values as JSON, where the job keeps them.
    changes BLOB,
    members INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    -- The time that the target took.
    millis INTEGER NOT NULL
);
