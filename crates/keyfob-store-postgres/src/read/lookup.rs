//! Look-ups by which indexes answer a filter: the kit's plan as SQL.

use std::borrow::Cow;

use keyfob_core::ResourceId;
use keyfob_store::kit::{KeyRange, Keys, Lookup, Plan, Search, TimeSpan, keyless};

use super::relation::path;
use crate::{
    session::Statement,
    sql::{MAX_KEY, Param, escape},
};

/// A statement that is put together, with the values that it is given.
#[derive(Clone, Default)]
pub(super) struct Sql<'p> {
    text: String,
    pub(super) params: Vec<Param<'p>>,
    /// Whether it is of a shape that hardly comes again.
    is_rare: bool,
}

impl<'p> Sql<'p> {
    pub(super) fn new(params: Vec<Param<'p>>) -> Self {
        Self {
            params,
            ..Self::default()
        }
    }

    pub(super) fn into_statement(self) -> Statement<'p> {
        if self.is_rare {
            Statement::Once(self.text, self.params)
        } else {
            Statement::Made(self.text, self.params)
        }
    }

    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Puts in a value.
    pub(super) fn bind(&mut self, param: Param<'p>) -> &mut Self {
        self.params.push(param);
        let place = self.params.len().to_string();
        self.push("$").push(&place)
    }

    fn bind_path(&mut self, path: String) -> &mut Self {
        self.bind(Param::Text(Some(Cow::Owned(path))))
    }

    /// Adds the conditions of a plan on a resource `r`. The values 1 to 3 are tenant, type and visibility.
    pub(super) fn add_plan(&mut self, plan: &'p Plan<'_>) {
        // A client may ask for any combination, and a connection keeps every statement that is prepared for good.
        self.is_rare |= !is_common(plan);
        for search in plan.searches() {
            self.push(" AND ");
            match search {
                // What stands in the row itself needs no look-up once the row is there.
                Search::One(Lookup::Ids(ids)) => {
                    self.push("r.id = ANY(").bind(texts(ids)).push(")");
                }
                Search::One(Lookup::Created(span)) => self.span("r.created", *span),
                Search::One(Lookup::Modified(span)) => self.span("r.modified", *span),
                search => {
                    self.push("r.id IN (").source(search);
                    self.push(")");
                }
            }
        }
    }

    /// A statement that finds the ids of all resources that a search finds, and perhaps some twice.
    fn source(&mut self, search: &'p Search<'_>) {
        match search {
            Search::One(lookup) => self.lookup(lookup),
            Search::Any(searches) => {
                // Without any there is nothing.
                self.push("SELECT NULL::text AS id WHERE false");
                for search in searches {
                    self.push(" UNION ALL SELECT f.id FROM (").source(search);
                    self.push(") f");
                }
            }
            Search::All(searches) => {
                self.push("SELECT x.id FROM @resources x WHERE x.tenant = $1");
                for search in searches {
                    self.push(" AND x.id IN (").source(search);
                    self.push(")");
                }
            }
        }
    }

    fn lookup(&mut self, lookup: &'p Lookup<'_>) {
        const RESOURCES: &str =
            "SELECT x.id FROM @resources x WHERE x.tenant = $1 AND x.kind = $2 AND x.hidden = $3 AND ";
        match lookup {
            Lookup::Ids(ids) => {
                self.push(RESOURCES)
                    .push("x.id = ANY(")
                    .bind(texts(ids))
                    .push(")");
            }
            // What is at the other end of a relation is always live.
            Lookup::Owners { relation, ids } => {
                self.push(
                    "SELECT e.owner AS id FROM @edges e
                        JOIN @resources m ON m.tenant = e.tenant AND m.id = e.member
                        WHERE e.tenant = $1 AND NOT m.hidden AND e.attribute = ",
                )
                .bind_path(path(relation.as_str()))
                .push(" AND e.member = ANY(")
                .bind(texts(ids))
                .push(")");
            }
            Lookup::Members {
                owner_type,
                relation,
                ids,
                levels: 1,
            } => {
                self.push(
                    "SELECT e.member AS id FROM @edges e
                        JOIN @resources o ON o.tenant = e.tenant AND o.id = e.owner
                        WHERE e.tenant = $1 AND NOT o.hidden AND o.kind = ",
                )
                .bind(Param::text(owner_type))
                .push(" AND e.attribute = ")
                .bind_path(path(relation.as_str()))
                .push(" AND e.owner = ANY(")
                .bind(texts(ids))
                .push(")");
            }
            Lookup::Members {
                owner_type,
                relation,
                ids,
                levels,
            } => {
                // Edges to owners are in an index that holds no others.
                self.push(
                    "SELECT e.member AS id FROM @edges e WHERE e.tenant = $1 AND e.owner IN (
                        WITH RECURSIVE below (owner, level) AS (
                            SELECT o.id, 1 FROM @resources o WHERE o.tenant = $1 AND NOT o.hidden AND o.kind = ",
                )
                .bind(Param::text(owner_type))
                .push(" AND o.id = ANY(")
                .bind(texts(ids))
                .push(
                    ") UNION
                            SELECT n.member, b.level + 1 FROM below b
                                JOIN @edges n ON n.owner = b.owner JOIN @resources m ON m.tenant = n.tenant AND m.id = n.member
                            WHERE n.tenant = $1 AND n.nests AND NOT m.hidden AND b.level < ",
                )
                .bind(Param::count(*levels))
                .push("::bigint AND n.attribute = ")
                .bind_path(path(relation.as_str()))
                .push(") SELECT owner FROM below) AND e.attribute = ")
                .bind_path(path(relation.as_str()));
            }
            Lookup::Entries(indexed, keys) => self.entries(indexed.key(), keys),
            Lookup::Created(span) => {
                self.push(RESOURCES).span("x.created", *span);
            }
            Lookup::Modified(span) => {
                self.push(RESOURCES).span("x.modified", *span);
            }
        }
    }

    fn entries(&mut self, attribute: &'p str, keys: &'p Keys) {
        if let Keys::Within(ranges) = keys {
            // Each range is a search of its own.
            for (place, range) in ranges.iter().enumerate() {
                self.push(if place > 0 { " UNION ALL " } else { "" });
                self.entries_of(attribute).range(range);
            }
            return;
        }
        self.entries_of(attribute);
        match keys {
            Keys::Equal(keys) => {
                let keys = Param::keys(keys.iter().map(AsRef::as_ref));
                self.push(" AND e.key = ANY(").bind(keys).push(")");
            }
            // Of a key that was cut off nobody knows the end.
            Keys::Containing(text) => {
                let text = Param::text(text);
                self.push(" AND (position(")
                    .bind(text)
                    .push("::text IN e.key) > 0")
                    .or_cut();
            }
            Keys::Ending(text) => {
                let length = Param::count(escape(text).chars().count());
                self.push(" AND (right(e.key, ")
                    .bind(length)
                    .push("::bigint::int) = ")
                    .bind(Param::text(text))
                    .or_cut();
            }
            Keys::Any => {
                self.push(" UNION ALL ")
                    .entries_of_path(keyless(attribute).into());
            }
            Keys::Within(_) => {}
        }
    }

    fn or_cut(&mut self) -> &mut Self {
        self.push(" OR octet_length(e.key) > ")
            .push(&MAX_KEY.to_string())
            .push(")")
    }

    fn entries_of(&mut self, attribute: &'p str) -> &mut Self {
        self.push(ENTRIES).bind(Param::text(attribute))
    }

    fn entries_of_path(&mut self, attribute: String) -> &mut Self {
        self.push(ENTRIES).bind_path(attribute)
    }

    fn range(&mut self, range: &'p KeyRange) {
        self.push(" AND e.key >= ").bind(Param::text(&range.from));
        if let Some(before) = &range.before {
            self.push(" AND e.key < ").bind(Param::text(before));
        }
    }

    fn span(&mut self, column: &str, span: TimeSpan) {
        self.push(column)
            .push(" BETWEEN ")
            .bind(Param::int(span.from))
            .push(" AND ")
            .bind(Param::int(span.to));
    }
}

const ENTRIES: &str =
    "SELECT e.id FROM @entries e WHERE e.tenant = $1 AND e.kind = $2 AND e.hidden = $3 AND e.attribute = ";

fn texts(ids: &[ResourceId]) -> Param<'_> {
    Param::texts(ids.iter().map(ResourceId::as_str))
}

/// Returns true if the statement for a plan is one of few: for one look-up, or for two equalities that both hold.
fn is_common(plan: &Plan<'_>) -> bool {
    let is_equality = |search: &Search<'_>| match search {
        Search::One(Lookup::Entries(_, keys)) => matches!(keys, Keys::Equal(_)),
        Search::One(Lookup::Created(_) | Lookup::Modified(_)) | Search::Any(_) | Search::All(_) => false,
        Search::One(_) => true,
    };
    match plan.searches() {
        [] => true,
        [search] => search.lookups().len() < 2,
        [first, second] => is_equality(first) && is_equality(second),
        _ => false,
    }
}
