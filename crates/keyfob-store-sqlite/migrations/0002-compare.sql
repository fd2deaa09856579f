-- Of which version of the comparison the unique keys and the index of a resource type are.
ALTER TABLE kinds ADD COLUMN compared INTEGER NOT NULL DEFAULT 0;
