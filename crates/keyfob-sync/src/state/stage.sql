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

-- Memberships that the source has and the target lacks. `next` is when one that failed is tried again.
CREATE TEMP VIEW lacking AS
    SELECT s.group_id, s.member_id, m.target_id, f.next
    FROM staged_edge s
    JOIN staged t ON t.source_id = s.group_id AND t.in_scope = 1
    JOIN link g ON g.source_id = s.group_id
    JOIN link m ON m.source_id = s.member_id
    LEFT JOIN escrow f ON f.source_id = s.group_id AND f.member = s.member_id
    WHERE NOT EXISTS (
        SELECT 1 FROM edge e WHERE e.group_id = s.group_id AND e.member_id = s.member_id AND e.sure = 1
    );

-- Memberships that the target has through this job, of groups in scope whose members the source says. `stays` is 0 where
-- the source no longer has one.
CREATE TEMP VIEW decided AS
    SELECT e.group_id, e.member_id, m.target_id, f.next, s.group_id IS NOT NULL AS stays, coalesce(h.allowed, 0) AS allowed
    FROM edge e
    JOIN staged t ON t.source_id = e.group_id AND t.in_scope = 1 AND t.knows_members = 1
    JOIN link m ON m.source_id = e.member_id
    LEFT JOIN staged_edge s ON s.group_id = e.group_id AND s.member_id = e.member_id
    LEFT JOIN escrow f ON f.source_id = e.group_id AND f.member = e.member_id
    LEFT JOIN held h ON h.source_id = e.group_id AND h.member = e.member_id;

-- What has to be disabled or deleted, and what somebody allowed of it.
CREATE TEMP VIEW judged AS
    SELECT r.*, coalesce(h.allowed, 0) AS allowed
    FROM removal r
    LEFT JOIN held h ON h.source_id = r.source_id AND h.member = '';
