-- What one cycle read of the source. It is read again by the next cycle, so that it need not last.

CREATE TEMP TABLE staged (
    source_id TEXT PRIMARY KEY,
    kind INTEGER NOT NULL,
    digest BLOB NOT NULL,
    in_scope INTEGER NOT NULL,
    -- If 1, the object has to be looked at again.
    work INTEGER NOT NULL,
    -- If 1, the source says all members of the group.
    knows_members INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TEMP TABLE staged_edge (
    group_id TEXT NOT NULL,
    member_id TEXT NOT NULL,
    PRIMARY KEY (group_id, member_id)
) WITHOUT ROWID;

-- What has to be disabled or deleted: `patch` is null for a deletion.
CREATE TEMP TABLE removal (
    source_id TEXT PRIMARY KEY,
    kind INTEGER NOT NULL,
    patch BLOB,
    digest BLOB,
    reason TEXT NOT NULL
) WITHOUT ROWID;
