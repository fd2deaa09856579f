-- Resources are found and sorted by their last change, as clients do that ask for what is new. Every change writes this index,
-- at its end; without it such a query reads every resource.
CREATE INDEX %resources_by_modification ON @resources (tenant, kind, hidden, modified, created, id);
