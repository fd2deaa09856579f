//! What SCIM needs to know of the application's tables.

use std::sync::Arc;

use keyfob_store::TenantId;
use keyfob_tables::{
    Access, Cell, Key, Kind, Members, Membership, Row, Scope, Shape, Table, TableError, Tables, Which,
    sqlite::{Keys, SqliteTransaction},
};
use rusqlite::{Connection, params};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// The application's tables as SCIM reads and writes them.
pub struct OwnTables(Arc<Mutex<Connection>>, Shape);

type Tx = SqliteTransaction<OwnedMutexGuard<Connection>>;
type Result<T> = std::result::Result<T, TableError>;

impl OwnTables {
    /// The tables behind this connection.
    #[must_use]
    pub fn new(connection: Arc<Mutex<Connection>>) -> Self {
        let employees = Table::numbered()
            .unique("login", "userName")
            .column("given_name", "name.givenName")
            .column("family_name", "name.familyName")
            .indexed("mail", "emails[primary].value")
            .column("active", "active");
        let shape = Shape::new(employees, Table::numbered().indexed("name", "displayName"));
        Self(connection, shape)
    }
}

/// A statement with the table of a kind, its columns in the order of the shape, and the places of their values.
fn sql(kind: Kind, statement: &str) -> String {
    let (table, columns, places) = match kind {
        Kind::User => ("employees", EMPLOYEE, "?3, ?4, ?5, ?6, ?7"),
        Kind::Group => ("teams", "name", "?3"),
    };
    let statement = statement.replace("$table", table);
    statement.replace("$columns", columns).replace("$places", places)
}

const EMPLOYEE: &str = "login, given_name, family_name, mail, active";
const SELECT: &str = "SELECT number, $columns FROM $table WHERE company = ?1 AND";
const INSERT: &str = "INSERT INTO $table (company, number, $columns) VALUES (?1, ?2, $places)";
const UPDATE: &str = "UPDATE $table SET ($columns) = ($places) WHERE company = ?1 AND number = ?2";
const RETURNING: &str = "RETURNING number, $columns";

impl Tables for OwnTables {
    type Transaction = Tx;

    fn shape(&self) -> &Shape {
        &self.1
    }

    async fn begin(&self, access: Access) -> Result<Tx> {
        SqliteTransaction::begin(Arc::clone(&self.0).lock_owned().await, access)
    }

    async fn rows(&self, tx: &mut Tx, of: Scope<'_>, which: Which<'_>) -> Result<Vec<Row>> {
        let (select, company) = (sql(of.kind, SELECT), of.tenant.as_str());
        match which {
            Which::Keys(keys) | Which::Locked(keys) => {
                let select = format!("{select} number IN (SELECT value FROM json_each(?2))");
                tx.rows(&select, params![company, Keys(keys)])
            }
            Which::Equal { column, text } => {
                let select = format!("{select} lower({column}) = lower(?2)");
                tx.rows(&select, params![company, text])
            }
            Which::All { after, limit } => {
                let select = format!("{select} number > coalesce(?2, 0) ORDER BY number LIMIT ?3");
                tx.rows(&select, params![company, after, limit])
            }
        }
    }

    async fn insert(&self, tx: &mut Tx, of: Scope<'_>, cells: &[Cell]) -> Result<Option<Row>> {
        let insert = sql(of.kind, &format!("{INSERT} {RETURNING}"));
        tx.row(&insert, params![of.tenant.as_str(), None::<i64>], cells)
    }

    async fn update(&self, tx: &mut Tx, of: Scope<'_>, key: &Key, cells: &[Cell]) -> Result<Option<Row>> {
        let update = sql(of.kind, &format!("{UPDATE} {RETURNING}"));
        tx.row(&update, params![of.tenant.as_str(), key], cells)
    }

    async fn delete(&self, tx: &mut Tx, of: Scope<'_>, key: &Key) -> Result<()> {
        let delete = sql(of.kind, "DELETE FROM $table WHERE company = ?1 AND number = ?2");
        tx.change(&delete, params![of.tenant.as_str(), key]).map(drop)
    }

    async fn members(
        &self,
        tx: &mut Tx,
        _: &TenantId,
        of: Members<'_>,
        most: i64,
    ) -> Result<Vec<Membership>> {
        let (end, keys) = match of {
            Members::OfGroups(keys) => ("team", keys),
            Members::OfUsers(keys) => ("employee", keys),
        };
        let select = format!(
            "SELECT team, employee FROM team_members WHERE {end} IN (SELECT value FROM json_each(?1)) LIMIT ?2"
        );
        tx.memberships(&select, params![Keys(keys), most])
    }

    async fn set_member(&self, tx: &mut Tx, _: &TenantId, edge: &Membership, joins: bool) -> Result<bool> {
        let statement = if joins {
            "INSERT INTO team_members (team, employee) VALUES (?1, ?2) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM team_members WHERE team = ?1 AND employee = ?2"
        };
        Ok(tx.change(statement, params![edge.group, edge.user])? > 0)
    }
}
