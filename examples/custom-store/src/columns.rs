//! Which attributes have a column of the application's.
//!
//! `resources.document` keeps a document whole, as it was last sent; the columns lie over it when it is read. So the
//! columns are what counts, and what the application changes in them is at once seen over SCIM.

use keyfob_core::{Collation, CompareKey, Object, Resource, Value, validate::is_primary};
use rusqlite::{Connection, Result, Row, params};

/// Writes the columns of a document.
pub(crate) fn write(
    connection: &Connection,
    company: &str,
    resource_type: &str,
    place: i64,
    document: &Resource,
) -> Result<()> {
    let core = document.core();
    let name = core.get("name").and_then(Value::as_object);
    let emails = core.get("emails").map(Value::as_elements).unwrap_or_default();
    let mail = emails
        .get(main(emails))
        .and_then(|email| email.as_object()?.get_str("value"));
    let login_key = core
        .get_str("userName")
        .map(|name| CompareKey::new(Collation::UserName, name));
    match resource_type {
        "User" => connection
            .prepare_cached(
                "INSERT INTO employees (resource, company, login, login_key, given_name, family_name, mail, active)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (resource) DO UPDATE SET login = ?3, login_key = ?4, given_name = ?5,
                    family_name = ?6, mail = ?7, active = ?8",
            )?
            .execute(params![
                place,
                company,
                core.get_str("userName"),
                login_key.as_ref().map(CompareKey::as_str),
                name.and_then(|name| name.get_str("givenName")),
                name.and_then(|name| name.get_str("familyName")),
                mail,
                core.get("active").and_then(Value::as_bool),
            ])?,
        "Group" => connection
            .prepare_cached(
                "INSERT INTO teams (resource, company, name) VALUES (?1, ?2, ?3)
                 ON CONFLICT (resource) DO UPDATE SET name = ?3",
            )?
            .execute(params![place, company, core.get_str("displayName")])?,
        _ => 0,
    };
    Ok(())
}

/// Lays the columns over a document.
pub(crate) fn read(row: &Row<'_>, resource_type: &str, document: &mut Resource) -> Result<()> {
    let text = |column| -> Result<Option<Value>> {
        Ok(row
            .get::<_, Option<String>>(column)?
            .map(|text| Value::String(text.into())))
    };
    let core = document.core_mut();
    match resource_type {
        "User" => {
            lay(core, "userName", text("login")?);
            lay(
                core,
                "active",
                row.get::<_, Option<bool>>("active")?.map(Value::Bool),
            );
            let mut name = match core.remove("name") {
                Some(Value::Object(name)) => name,
                _ => Object::new(),
            };
            lay(&mut name, "givenName", text("given_name")?);
            lay(&mut name, "familyName", text("family_name")?);
            lay(core, "name", (!name.is_empty()).then(|| name.into()));
            let emails = core.remove("emails").unwrap_or(Value::Null);
            let emails = lay_mail(emails.as_elements().to_vec(), text("mail")?);
            lay(core, "emails", (!emails.is_empty()).then(|| emails.into()));
        }
        "Group" => lay(core, "displayName", text("name")?),
        _ => {}
    }
    Ok(())
}

fn lay(object: &mut Object, attribute: &'static str, column: Option<Value>) {
    match column {
        Some(value) => drop(object.insert(attribute, value)),
        None => drop(object.remove(attribute)),
    }
}

/// The application knows one address of an employee, the main one of those that SCIM knows.
fn lay_mail(mut emails: Vec<Value>, mail: Option<Value>) -> Vec<Value> {
    let index = main(&emails);
    match (emails.get_mut(index).and_then(Value::as_object_mut), mail) {
        (Some(email), Some(mail)) => drop(email.insert("value", mail)),
        (Some(email), None) if email.get("value").is_some() => drop(emails.remove(index)),
        (None, Some(mail)) => {
            let email = [("value", mail), ("type", "work".into()), ("primary", true.into())];
            emails.push(Object::from_iter(email).into());
        }
        (_, None) => {}
    }
    emails
}

/// The place of the primary one, or else of the first.
fn main(emails: &[Value]) -> usize {
    emails.iter().position(is_primary).unwrap_or(0)
}
