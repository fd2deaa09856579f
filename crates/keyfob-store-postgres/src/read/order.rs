//! The order in which a query wants resources, as statements that an index answers in that order.

use keyfob_core::{DateTime, ResourceType, message::SortOrder};
use keyfob_store::{
    StoreError, Visibility,
    kit::{Place, Plan, SortAttribute, SortValue},
};

use super::{lookup::Sql, resource::columns};
use crate::sql::Param;

/// An order of the resources of a type.
#[derive(Clone, Copy)]
pub(super) struct Order<'t> {
    pub(super) attribute: Option<SortAttribute<'t>>,
    pub(super) direction: SortOrder,
}

impl<'t> Order<'t> {
    pub(super) fn of(
        resource_type: &'t ResourceType,
        key: Option<&keyfob_store::SortKey>,
    ) -> Result<Self, StoreError> {
        let Some(keyfob_store::SortKey { path, order }) = key else {
            return Ok(Self {
                attribute: None,
                direction: SortOrder::Ascending,
            });
        };
        let attribute = SortAttribute::of(resource_type, path)
            .ok_or(StoreError::Unsupported("sort by this attribute"))?;
        Ok(Self {
            attribute: Some(attribute),
            direction: *order,
        })
    }

    /// Whether the index of values has to know the order.
    pub(super) fn needs_values(self) -> bool {
        matches!(self.attribute, Some(SortAttribute::Indexed(_)))
    }

    /// The parts of the order from a place on: one after the other they hold all.
    pub(super) fn parts(self, after: Option<&Place>) -> Vec<Part> {
        let part = |kind: Kind, after: Option<&Place>| Part {
            kind,
            is_descending: self.direction == SortOrder::Descending,
            after: after.cloned(),
        };
        match self.attribute {
            None => vec![Part {
                is_descending: false,
                ..part(Kind::Created, after)
            }],
            Some(SortAttribute::Created) => vec![part(Kind::Created, after)],
            Some(SortAttribute::Id) => vec![part(Kind::Id, after)],
            Some(SortAttribute::LastModified) => vec![part(Kind::Modified, after)],
            Some(SortAttribute::Indexed(indexed)) => {
                let with = |after| part(Kind::Value(indexed.key().to_string()), after);
                // Among those without a value nothing is descending.
                let without = |after| Part {
                    is_descending: false,
                    ..part(Kind::NoValue(indexed.key().to_string()), after)
                };
                let has_value = after.is_some_and(|after| after.value.is_some());
                match (self.direction, after, has_value) {
                    (SortOrder::Ascending, None, _) => vec![with(None), without(None)],
                    (SortOrder::Ascending, Some(_), true) => vec![with(after), without(None)],
                    (SortOrder::Ascending, Some(_), false) => vec![without(after)],
                    (SortOrder::Descending, None, _) => vec![without(None), with(None)],
                    (SortOrder::Descending, Some(_), true) => vec![with(after)],
                    (SortOrder::Descending, Some(_), false) => vec![without(after), with(None)],
                }
            }
        }
    }
}

/// Resources that come one after the other in an index.
pub(super) struct Part {
    kind: Kind,
    is_descending: bool,
    after: Option<Place>,
}

enum Kind {
    Created,
    Id,
    Modified,
    /// Those with a value of the attribute with this path.
    Value(String),
    /// Those without one.
    NoValue(String),
}

/// The resources that a query is about.
#[derive(Clone, Copy)]
pub(super) struct Scope<'q> {
    pub(super) tenant: &'q str,
    pub(super) resource_type: &'q ResourceType,
    pub(super) visibility: Visibility,
    pub(super) plan: &'q Plan<'q>,
}

impl<'q> Scope<'q> {
    /// The values 1 to 3 of every statement.
    fn sql(self) -> Sql<'q> {
        Sql::new(vec![
            Param::text(self.tenant),
            Param::text(self.resource_type.name()),
            Param::Flag(self.visibility == Visibility::Hidden),
        ])
    }

    /// The statement that counts all resources.
    pub(super) fn count(self) -> Sql<'q> {
        let mut sql = self.sql();
        sql.push("SELECT count(*) FROM @resources r WHERE r.tenant = $1 AND r.kind = $2 AND r.hidden = $3");
        sql.add_plan(self.plan);
        sql
    }

    /// The statement that counts the resources of the type up to a limit, whatever the plan finds.
    pub(super) fn count_all(self, limit: usize) -> Sql<'q> {
        let mut sql = self.sql();
        sql.push(
            "SELECT count(*) FROM (
                SELECT 1 FROM @resources r WHERE r.tenant = $1 AND r.kind = $2 AND r.hidden = $3 LIMIT ",
        )
        .bind(Param::count(limit))
        .push(") n");
        sql
    }

    /// The statement that counts the resources of a part.
    pub(super) fn count_part(self, part: &'q Part) -> Sql<'q> {
        let mut sql = self.sql();
        sql.push("SELECT count(*)");
        self.add_part(part, &mut sql);
        sql
    }

    /// The statement that reads resources of a part, `offset` of them passed over.
    pub(super) fn page(self, part: &'q Part, offset: usize, limit: usize) -> Sql<'q> {
        let mut sql = self.sql();
        sql.push(concat!("SELECT ", columns!()));
        self.add_part(part, &mut sql);
        sql.push(match (&part.kind, part.is_descending) {
            (Kind::Created | Kind::NoValue(_), false) => " ORDER BY r.created, r.id",
            (Kind::Created | Kind::NoValue(_), true) => " ORDER BY r.created DESC, r.id",
            (Kind::Id, false) => " ORDER BY r.id",
            (Kind::Id, true) => " ORDER BY r.id DESC",
            (Kind::Modified, false) => " ORDER BY r.modified, r.created, r.id",
            (Kind::Modified, true) => " ORDER BY r.modified DESC, r.created, r.id",
            (Kind::Value(_), false) => " ORDER BY s.key, s.created, s.id",
            (Kind::Value(_), true) => " ORDER BY s.key DESC, s.created, s.id",
        });
        sql.push(" LIMIT ").bind(Param::count(limit));
        if offset > 0 {
            sql.push(" OFFSET ").bind(Param::count(offset));
        }
        sql
    }

    fn add_part(self, part: &'q Part, sql: &mut Sql<'q>) {
        match &part.kind {
            Kind::Value(path) => sql
                .push(
                    " FROM @entries s JOIN @resources r ON r.tenant = s.tenant AND r.id = s.id
                    WHERE s.tenant = $1 AND s.kind = $2 AND s.hidden = $3 AND s.sorts AND s.attribute = ",
                )
                .bind(Param::text(path)),
            Kind::NoValue(path) => sql
                .push(
                    " FROM @resources r WHERE r.tenant = $1 AND r.kind = $2 AND r.hidden = $3 AND NOT EXISTS (
                        SELECT 1 FROM @entries s WHERE s.tenant = r.tenant AND s.id = r.id AND s.attribute = ",
                )
                .bind(Param::text(path))
                .push(")"),
            _ => sql.push(" FROM @resources r WHERE r.tenant = $1 AND r.kind = $2 AND r.hidden = $3"),
        };
        if let Some(after) = &part.after {
            part.add_after(after, sql);
        }
        sql.add_plan(self.plan);
    }
}

impl Part {
    /// The same part from another place on.
    pub(super) fn after(self, place: Place) -> Self {
        Self {
            after: Some(place),
            ..self
        }
    }

    fn add_after<'q>(&'q self, after: &'q Place, sql: &mut Sql<'q>) {
        let created = || Param::int(after.created.unix_millis());
        let id = || Param::text(after.id.as_str());
        let is_descending = self.is_descending;
        // Placed after those of a greater value, among those of the same by creation.
        let behind = |sql: &mut Sql<'q>, column: &str, value: Param<'q>, prefix: &str| {
            if is_descending {
                let place = sql.params.len() + 1;
                sql.push(&format!(" AND {column} <= "))
                    .bind(value)
                    .push(&format!(
                        " AND ({column} < ${place} OR ({prefix}.created, {prefix}.id) > ("
                    ))
                    .bind(created())
                    .push(", ")
                    .bind(id())
                    .push("))");
            } else {
                sql.push(&format!(" AND ({column}, {prefix}.created, {prefix}.id) > ("))
                    .bind(value)
                    .push(", ")
                    .bind(created())
                    .push(", ")
                    .bind(id())
                    .push(")");
            }
        };
        match &self.kind {
            Kind::Created if is_descending => {
                let place = sql.params.len() + 1;
                sql.push(" AND r.created <= ")
                    .bind(created())
                    .push(&format!(" AND (r.created < ${place} OR r.id > "))
                    .bind(id())
                    .push(")");
            }
            Kind::Created | Kind::NoValue(_) => {
                sql.push(" AND (r.created, r.id) > (")
                    .bind(created())
                    .push(", ")
                    .bind(id())
                    .push(")");
            }
            Kind::Id => {
                sql.push(if is_descending {
                    " AND r.id < "
                } else {
                    " AND r.id > "
                })
                .bind(id());
            }
            Kind::Modified => {
                let time = after.value.as_ref().and_then(SortValue::to_time);
                // A place of another order, which no cursor of this query is.
                let first = if is_descending { i64::MAX } else { i64::MIN };
                let time = Param::int(time.map_or(first, DateTime::unix_millis));
                behind(sql, "r.modified", time, "r");
            }
            Kind::Value(_) => {
                let value = after.value.as_ref().map_or("", SortValue::as_str);
                behind(sql, "s.key", Param::key(value), "s");
            }
        }
    }
}
