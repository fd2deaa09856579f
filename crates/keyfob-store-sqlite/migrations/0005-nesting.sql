-- Edges between two resources of one type, as from a group to a group in it. The indexes hold no others, so that it costs next to
-- nothing to look for groups in groups where there are none, and in a group of a million users.
ALTER TABLE edges ADD COLUMN nests INTEGER NOT NULL DEFAULT 0;

UPDATE edges SET nests = 1
WHERE (SELECT kind FROM resources WHERE resource = owner) = (SELECT kind FROM resources WHERE resource = member);

CREATE INDEX edges_outwards ON edges (member, attribute, owner) WHERE nests = 1;
CREATE INDEX edges_inwards ON edges (owner, attribute, member) WHERE nests = 1;
