-- Edges between two resources of one type, as from a group to a group in it. The indexes hold no others, so that it costs next to
-- nothing to look for groups in groups where there are none, and in a group of a million users.
ALTER TABLE @edges ADD COLUMN nests boolean NOT NULL DEFAULT false;

UPDATE @edges e SET nests = true FROM @resources o, @resources m
WHERE o.tenant = e.tenant AND o.id = e.owner AND m.tenant = e.tenant AND m.id = e.member AND o.kind = m.kind;

CREATE INDEX %edges_outwards ON @edges (tenant, member, attribute, owner) WHERE nests;
CREATE INDEX %edges_inwards ON @edges (tenant, owner, attribute, member) WHERE nests;
