-- Resources are found and sorted by their last change. It holds all that is asked of it.
CREATE INDEX resources_by_modification ON resources (kind, hidden, last_modified, created, id);
