//! From columns to what they stand for.

use std::sync::Arc;

use keyfob_core::{DateTime, Object, Resource, ResourceId, ResourceType, Value, Version, json};
use keyfob_store::Visibility;
use smol_str::SmolStr;
use tokio_postgres::{Row, types::FromSql};

use crate::{
    error::{Failure, Undecodable},
    sql::unescape,
};

fn column<'r, T: FromSql<'r>>(row: &'r Row, column: usize) -> Result<T, Failure> {
    row.try_get(column).map_err(|_| Undecodable.into())
}

pub(crate) fn raw(row: &Row, place: usize) -> Result<&str, Failure> {
    column(row, place)
}

pub(crate) fn text(row: &Row, place: usize) -> Result<SmolStr, Failure> {
    Ok(unescape(raw(row, place)?).into())
}

pub(crate) fn optional_text(row: &Row, place: usize) -> Result<Option<SmolStr>, Failure> {
    let text: Option<&str> = column(row, place)?;
    Ok(text.map(|text| unescape(text).into()))
}

pub(crate) fn id(row: &Row, place: usize) -> Result<ResourceId, Failure> {
    Ok(ResourceId::new(text(row, place)?))
}

pub(crate) fn int(row: &Row, place: usize) -> Result<i64, Failure> {
    column(row, place)
}

pub(crate) fn optional_int(row: &Row, place: usize) -> Result<Option<i64>, Failure> {
    column(row, place)
}

pub(crate) fn flag(row: &Row, place: usize) -> Result<bool, Failure> {
    column(row, place)
}

pub(crate) fn count(row: &Row, place: usize) -> Result<usize, Failure> {
    usize::try_from(int(row, place)?).map_err(|_| Undecodable.into())
}

/// A number that is never negative.
pub(crate) fn natural(row: &Row, place: usize) -> Result<u64, Failure> {
    u64::try_from(int(row, place)?).map_err(|_| Undecodable.into())
}

pub(crate) fn document(row: &Row, place: usize, resource_type: &ResourceType) -> Result<Resource, Failure> {
    Resource::from_json(raw(row, place)?.as_bytes(), resource_type).map_err(|_| Undecodable.into())
}

/// State, which is empty where nothing is kept.
pub(crate) fn state(row: &Row, place: usize) -> Result<Arc<Object>, Failure> {
    match column::<Option<&str>>(row, place)? {
        None => Ok(Arc::default()),
        Some(text) => object(text).map(Arc::new),
    }
}

pub(crate) fn object(text: &str) -> Result<Object, Failure> {
    json::object_from_slice(text.as_bytes()).map_err(|_| Undecodable.into())
}

/// A list of texts, empty where there is none.
pub(crate) fn texts(row: &Row, place: usize) -> Result<Vec<SmolStr>, Failure> {
    let Some(text) = column::<Option<&str>>(row, place)? else {
        return Ok(Vec::new());
    };
    let list = json::value_from_slice(text.as_bytes()).map_err(|_| Undecodable)?;
    let texts = list.as_elements().iter().map(|value| match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(Undecodable.into()),
    });
    texts.collect()
}

pub(crate) fn visibility(row: &Row, place: usize) -> Result<Visibility, Failure> {
    Ok(if flag(row, place)? {
        Visibility::Hidden
    } else {
        Visibility::Live
    })
}

pub(crate) fn date_time(row: &Row, place: usize) -> Result<DateTime, Failure> {
    Ok(DateTime::from_unix_millis(int(row, place)?))
}

pub(crate) fn version(row: &Row, place: usize) -> Result<Version, Failure> {
    natural(row, place).map(Version::new)
}
