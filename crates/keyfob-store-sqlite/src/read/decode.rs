//! From columns to what they stand for.

use keyfob_core::{DateTime, Resource, ResourceType, Version};
use rusqlite::Row;
use smol_str::SmolStr;

use crate::error::Undecodable;

pub(crate) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<SmolStr> {
    Ok(row.get_ref(column)?.as_str()?.into())
}

pub(crate) fn optional_text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<SmolStr>> {
    Ok(row.get_ref(column)?.as_str_or_null()?.map(SmolStr::new))
}

pub(crate) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    let count: i64 = row.get(column)?;
    Ok(usize::try_from(count).map_err(|_| Undecodable)?)
}

pub(crate) fn document(
    row: &Row<'_>,
    column: usize,
    resource_type: &ResourceType,
) -> rusqlite::Result<Resource> {
    let text = row.get_ref(column)?.as_blob()?;
    Ok(Resource::from_json(text, resource_type).map_err(|_| Undecodable)?)
}

pub(crate) fn date_time(row: &Row<'_>, column: usize) -> rusqlite::Result<DateTime> {
    Ok(DateTime::from_unix_millis(row.get(column)?))
}

pub(crate) fn version(row: &Row<'_>, column: usize) -> rusqlite::Result<Version> {
    let number: i64 = row.get(column)?;
    Ok(Version::new(u64::try_from(number).map_err(|_| Undecodable)?))
}
