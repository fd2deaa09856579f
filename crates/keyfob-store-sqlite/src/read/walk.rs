//! Going through the resources of a type in the order that a query wants.

use keyfob_core::{DateTime, ResourceType, message::SortOrder};
use keyfob_store::{
    StoreError, Visibility,
    kit::{Place, SortAttribute, SortValue},
};
use rusqlite::{Statement, ToSql, types::Value};

use super::{Kind, Snapshot, lookup::Sql, rows};
use crate::error::carried;

/// What a query sorts by.
#[derive(Clone, Copy)]
pub(super) struct Sort<'t> {
    pub(super) attribute: SortAttribute<'t>,
    pub(super) order: SortOrder,
}

impl<'t> Sort<'t> {
    pub(super) fn of(
        resource_type: &'t ResourceType,
        key: Option<&keyfob_store::SortKey>,
    ) -> rusqlite::Result<Option<Self>> {
        let Some(keyfob_store::SortKey { path, order }) = key else {
            return Ok(None);
        };
        match SortAttribute::of(resource_type, path) {
            Some(attribute) => Ok(Some(Self {
                attribute,
                order: *order,
            })),
            None => Err(carried(StoreError::Unsupported("sort by this attribute"))),
        }
    }
}

/// The resources of a type in an order.
#[derive(Clone, Copy)]
pub(super) struct Walk<'r> {
    pub(super) tenant: &'r Snapshot<'r>,
    pub(super) kind: &'r Kind,
    pub(super) visibility: Visibility,
    pub(super) sort: Option<Sort<'r>>,
    /// What is asked of each resource, as an expression on its row.
    pub(super) condition: Option<&'r Sql>,
}

/// A statement that finds resources in order, from a place on.
struct Part {
    sql: &'static str,
    /// The value after which it begins.
    value: Value,
    created: i64,
    /// A text, or what is after every text.
    id: Value,
}

// Where no attribute is sorted by. The index holds all that is asked for.
const BY_CREATION: &str = "SELECT resource FROM resources
    WHERE kind = :kind AND hidden = :hidden AND (created, id) > (:created, :id)
    ORDER BY created, id LIMIT :limit OFFSET :offset";

const BY_CREATION_DESCENDING: &str = "SELECT resource FROM resources
    WHERE kind = :kind AND hidden = :hidden AND created <= :created AND (created < :created OR id > :id)
    ORDER BY created DESC, id LIMIT :limit OFFSET :offset";

// The pluses leave the index of ids as the one that answers.
const BY_ID: &str = "SELECT resource FROM resources
    WHERE tenant = :tenant AND id > :id AND +kind = :kind AND +hidden = :hidden
    ORDER BY id LIMIT :limit OFFSET :offset";

const BY_ID_DESCENDING: &str = "SELECT resource FROM resources
    WHERE tenant = :tenant AND id < :id AND +kind = :kind AND +hidden = :hidden
    ORDER BY id DESC LIMIT :limit OFFSET :offset";

const BY_MODIFICATION: &str = "SELECT resource FROM resources
    WHERE kind = :kind AND hidden = :hidden AND (last_modified, created, id) > (:value, :created, :id)
    ORDER BY last_modified, created, id LIMIT :limit OFFSET :offset";

const BY_MODIFICATION_DESCENDING: &str = "SELECT resource FROM resources
    WHERE kind = :kind AND hidden = :hidden AND last_modified <= :value
        AND (last_modified < :value OR (created, id) > (:created, :id))
    ORDER BY last_modified DESC, created, id LIMIT :limit OFFSET :offset";

const BY_VALUE: &str = "SELECT resource FROM indexed CROSS JOIN resources USING (resource)
    WHERE indexed.kind = :kind AND attribute = (SELECT attribute FROM attributes WHERE path = :path)
        AND value >= :value AND sorts AND hidden = :hidden AND (value > :value OR (created, id) > (:created, :id))
    ORDER BY value, created, id LIMIT :limit OFFSET :offset";

const BY_VALUE_DESCENDING: &str = "SELECT resource FROM indexed CROSS JOIN resources USING (resource)
    WHERE indexed.kind = :kind AND attribute = (SELECT attribute FROM attributes WHERE path = :path)
        AND value <= :value AND sorts AND hidden = :hidden AND (value < :value OR (created, id) > (:created, :id))
    ORDER BY value DESC, created, id LIMIT :limit OFFSET :offset";

const WITHOUT_VALUE: &str = "SELECT resource FROM resources
    WHERE kind = :kind AND hidden = :hidden AND (created, id) > (:created, :id)
        AND NOT EXISTS (
            SELECT 1 FROM indexed WHERE indexed.resource = resources.resource AND indexed.kind = :kind
                AND attribute = (SELECT attribute FROM attributes WHERE path = :path)
        )
    ORDER BY created, id LIMIT :limit OFFSET :offset";

/// The first text, and what SQLite sorts after every text.
const FIRST: Value = Value::Text(String::new());
const LAST: Value = Value::Blob(Vec::new());

impl Walk<'_> {
    /// Whether the index knows the order. If it doesn't, every resource has to be read.
    pub(super) fn is_possible(&self, resource_type: &ResourceType) -> bool {
        match self.sort {
            Some(Sort {
                attribute: SortAttribute::Indexed(_),
                ..
            }) => self.kind.is_indexed_as(resource_type),
            _ => true,
        }
    }

    /// Gives the resources after a place that satisfy the condition, until `take` returns false. Each resource that is
    /// passed over counts as a step.
    pub(super) fn each_that_holds(
        &self,
        after: Option<&Place>,
        mut take: impl FnMut(i64) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<()> {
        let Some(condition) = self.condition else {
            return self.each(after, (0, usize::MAX), take);
        };
        for part in self.parts(after) {
            let sql = part
                .sql
                .replacen("resource FROM", &format!("resource, {} FROM", condition.text), 1);
            let mut statement = self.tenant.connection().prepare_cached(&sql)?;
            self.bind(&mut statement, &part, 0, usize::MAX)?;
            condition.bind_to(&mut statement)?;
            let mut resources = statement.raw_query();
            while let Some(row) = resources.next()? {
                let holds: bool = row.get(1)?;
                if !holds {
                    self.tenant.step()?;
                } else if !take(row.get(0)?)? {
                    return Ok(());
                }
            }
            drop(resources);
            condition.done_with(statement);
        }
        Ok(())
    }

    /// Gives the resources after a place, `offset` of them passed over, until there are `limit` or `take` returns false.
    pub(super) fn each(
        &self,
        after: Option<&Place>,
        (offset, limit): (usize, usize),
        mut take: impl FnMut(i64) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<()> {
        let (mut offset, mut limit) = (offset, limit);
        for part in self.parts(after) {
            let mut found = 0;
            let mut statement = self.tenant.connection().prepare_cached(part.sql)?;
            self.bind(&mut statement, &part, offset, limit)?;
            let mut resources = statement.raw_query();
            while let Some(row) = resources.next()? {
                found += 1;
                if !take(row.get(0)?)? {
                    return Ok(());
                }
            }
            limit -= found.min(limit);
            if limit == 0 {
                return Ok(());
            }
            if found > 0 {
                offset = 0;
            } else if offset > 0 {
                offset -= self.count(&part)?.min(offset);
            }
        }
        Ok(())
    }

    fn count(&self, part: &Part) -> rusqlite::Result<usize> {
        let sql = format!("SELECT count(*) FROM ({})", part.sql);
        let mut statement = self.tenant.connection().prepare_cached(&sql)?;
        self.bind(&mut statement, part, 0, usize::MAX)?;
        let mut counted = statement.raw_query();
        let row = counted.next()?;
        row.map_or(Ok(0), |row| super::decode::count(row, 0))
    }

    /// Binds those parameters that the statement has.
    fn bind(
        &self,
        statement: &mut Statement<'_>,
        part: &Part,
        offset: usize,
        limit: usize,
    ) -> rusqlite::Result<()> {
        let path = match self.sort.map(|sort| sort.attribute) {
            Some(SortAttribute::Indexed(indexed)) => Some(indexed.key().as_str()),
            _ => None,
        };
        let parameters: [(&str, &dyn ToSql); 9] = [
            (":tenant", &self.kind.tenant),
            (":kind", &self.kind.number),
            (":hidden", &(self.visibility == Visibility::Hidden)),
            (":path", &path),
            (":value", &part.value),
            (":created", &part.created),
            (":id", &part.id),
            (":limit", &rows(limit)),
            (":offset", &rows(offset)),
        ];
        for (name, value) in parameters {
            if let Some(index) = statement.parameter_index(name)? {
                statement.raw_bind_parameter(index, value)?;
            }
        }
        Ok(())
    }

    /// What has to be gone through, one after the other.
    fn parts(&self, after: Option<&Place>) -> Vec<Part> {
        let created = after.map_or(i64::MIN, |after| after.created.unix_millis());
        let id = after.map_or(FIRST, |after| Value::Text(after.id.as_str().to_owned()));
        let part = |sql, value, created, id| Part {
            sql,
            value,
            created,
            id,
        };
        let Some(Sort { attribute, order }) = self.sort else {
            return vec![part(BY_CREATION, FIRST, created, id)];
        };
        let is_descending = order == SortOrder::Descending;
        match attribute {
            SortAttribute::Id if is_descending => {
                let id = if after.is_some() { id } else { LAST };
                vec![part(BY_ID_DESCENDING, FIRST, created, id)]
            }
            SortAttribute::Id => vec![part(BY_ID, FIRST, created, id)],
            SortAttribute::Created if is_descending => {
                let created = after.map_or(i64::MAX, |_| created);
                vec![part(BY_CREATION_DESCENDING, FIRST, created, id)]
            }
            SortAttribute::Created => vec![part(BY_CREATION, FIRST, created, id)],
            SortAttribute::LastModified => {
                let time = after.and_then(|after| after.value.as_ref()?.to_time());
                let (sql, first) = if is_descending {
                    (BY_MODIFICATION_DESCENDING, i64::MAX)
                } else {
                    (BY_MODIFICATION, i64::MIN)
                };
                let time = time.map_or(first, DateTime::unix_millis);
                vec![part(sql, Value::Integer(time), created, id)]
            }
            SortAttribute::Indexed(_) => {
                let text = |value: &SortValue| Value::Text(value.as_str().to_owned());
                let value = after.and_then(|after| after.value.as_ref()).map(text);
                let (sql, first) = if is_descending {
                    (BY_VALUE_DESCENDING, LAST)
                } else {
                    (BY_VALUE, FIRST)
                };
                let with_value = |place: Option<Value>| match place {
                    Some(value) => part(sql, value, created, id.clone()),
                    None => part(sql, first, i64::MIN, FIRST),
                };
                let without_value = |place: bool| {
                    let (created, id) = if place {
                        (created, id.clone())
                    } else {
                        (i64::MIN, FIRST)
                    };
                    part(WITHOUT_VALUE, FIRST, created, id)
                };
                match (is_descending, after, value) {
                    (false, None, _) => vec![with_value(None), without_value(false)],
                    (false, Some(_), Some(value)) => vec![with_value(Some(value)), without_value(false)],
                    (false, Some(_), None) => vec![without_value(true)],
                    (true, None, _) => vec![without_value(false), with_value(None)],
                    (true, Some(_), Some(value)) => vec![with_value(Some(value))],
                    (true, Some(_), None) => vec![without_value(true), with_value(None)],
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::tests::plan_with_sorting;

    #[test]
    fn what_an_index_can_answer_is_gone_through_in_its_order() {
        let values = "SEARCH indexed USING PRIMARY KEY (kind=? AND attribute=? AND value";
        for (sql, first, sorting) in [
            (
                BY_CREATION,
                "SEARCH resources USING COVERING INDEX resources_in_order (kind=? AND hidden=? AND (created,id)>(?,?))",
                None,
            ),
            (
                BY_CREATION_DESCENDING,
                "SEARCH resources USING COVERING INDEX resources_in_order (kind=? AND hidden=? AND created<?)",
                Some("USE TEMP B-TREE FOR LAST TERM OF ORDER BY"),
            ),
            (
                BY_ID,
                "SEARCH resources USING INDEX sqlite_autoindex_resources_1 (tenant=? AND id>?)",
                None,
            ),
            (
                BY_ID_DESCENDING,
                "SEARCH resources USING INDEX sqlite_autoindex_resources_1 (tenant=? AND id<?)",
                None,
            ),
            (
                BY_MODIFICATION,
                "SEARCH resources USING COVERING INDEX resources_by_modification (kind=? AND hidden=? AND (last_modified,created,id)>(?,?,?))",
                None,
            ),
            (
                BY_MODIFICATION_DESCENDING,
                "SEARCH resources USING COVERING INDEX resources_by_modification (kind=? AND hidden=? AND last_modified<?)",
                Some("USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY"),
            ),
            // Resources of equal value alone are sorted, as they are come to.
            (
                BY_VALUE,
                values,
                Some("USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY"),
            ),
            (
                BY_VALUE_DESCENDING,
                values,
                Some("USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY"),
            ),
            (
                WITHOUT_VALUE,
                "SEARCH resources USING COVERING INDEX resources_in_order (kind=? AND hidden=? AND (created,id)>(?,?))",
                None,
            ),
        ] {
            let (plan, sorted) = plan_with_sorting(sql);
            assert!(plan[0].starts_with(first), "{sql}: {plan:#?}");
            assert!(plan.iter().all(|line| line.starts_with("SEARCH")), "{plan:#?}");
            assert_eq!(sorted.first().map(String::as_str), sorting, "{sql}");
        }
    }
}
