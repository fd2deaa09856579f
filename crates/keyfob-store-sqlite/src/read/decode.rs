//! From columns to what they stand for.

use std::sync::Arc;

use keyfob_core::{DateTime, Object, Resource, ResourceType, Version, json};
use keyfob_store::Visibility;
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

/// A number that is never negative.
pub(crate) fn natural(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    Ok(u64::try_from(number).map_err(|_| Undecodable)?)
}

pub(crate) fn document(
    row: &Row<'_>,
    column: usize,
    resource_type: &ResourceType,
) -> rusqlite::Result<Resource> {
    let text = row.get_ref(column)?.as_blob()?;
    Ok(Resource::from_json(text, resource_type).map_err(|_| Undecodable)?)
}

/// State, which is empty where nothing is kept.
pub(crate) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<Arc<Object>> {
    match row.get_ref(column)?.as_blob_or_null()? {
        None => Ok(Arc::default()),
        Some(text) => Ok(Arc::new(json::object_from_slice(text).map_err(|_| Undecodable)?)),
    }
}

pub(crate) fn visibility(row: &Row<'_>, column: usize) -> rusqlite::Result<Visibility> {
    Ok(if row.get(column)? {
        Visibility::Hidden
    } else {
        Visibility::Live
    })
}

pub(crate) fn date_time(row: &Row<'_>, column: usize) -> rusqlite::Result<DateTime> {
    Ok(DateTime::from_unix_millis(row.get(column)?))
}

pub(crate) fn version(row: &Row<'_>, column: usize) -> rusqlite::Result<Version> {
    natural(row, column).map(Version::new)
}
