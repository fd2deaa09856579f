//! What SCIM needs to know of the application's tables.

use deadpool_postgres::{Object, Pool};
use keyfob_store::TenantId;
use keyfob_tables::{
    Access, Cell, Hiding, Key, Kind, Members, Membership, Row, Scope, Shape, Table, TableError, Tables,
    Which, postgres::PostgresTransaction,
};

/// The application's tables as SCIM reads and writes them.
pub struct OwnTables(Pool, Shape);

type Tx = PostgresTransaction<Object>;
type Result<T> = std::result::Result<T, TableError>;

impl OwnTables {
    /// The tables of the database to which these connections lead.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        let members = Table::named()
            .unique("login", "userName")
            .column("given_name", "name.givenName")
            .column("family_name", "name.familyName")
            .indexed("mail", "emails[primary].value")
            .column("is_active", "active")
            .hiding(Hiding::Row);
        let teams = Table::numbered()
            .indexed("title", "displayName")
            .hiding(Hiding::Row);
        Self(pool, Shape::new(members, teams))
    }
}

const SELECT: &str = "SELECT $row FROM $table WHERE org = $1 AND";
const INSERT: &str = "INSERT INTO $table (org, $columns) VALUES ($1, $places) RETURNING $row";
const UPDATE: &str = "UPDATE $table SET ($columns) = ROW($places) WHERE org = $1 AND id = $2 RETURNING $row";
const ROW: &str =
    "id, deleted_at IS NOT NULL AS hidden, (extract(epoch FROM since) * 1000)::bigint AS created, $columns";

/// A statement with the table of a kind, its columns in the order of the shape, and places of values from `first` on.
fn sql(kind: Kind, statement: &str, first: usize) -> String {
    let (table, id, columns) = match kind {
        Kind::User => (
            "members",
            "uuid",
            "login, given_name, family_name, mail, is_active",
        ),
        Kind::Group => ("teams", "bigint", "title"),
    };
    let places = columns
        .split(',')
        .zip(first..)
        .map(|(_, place)| format!("${place}"));
    let places = places.collect::<Vec<_>>().join(", ");
    let statement = statement
        .replace("$row", ROW)
        .replace("$table", table)
        .replace("$id", id);
    statement.replace("$columns", columns).replace("$places", &places)
}

impl Tables for OwnTables {
    type Transaction = Tx;

    fn shape(&self) -> &Shape {
        &self.1
    }

    async fn begin(&self, access: Access) -> Result<Tx> {
        let connection = self.0.get().await.map_err(TableError::unavailable)?;
        PostgresTransaction::begin(connection, access).await
    }

    async fn rows(&self, tx: &mut Tx, of: Scope<'_>, which: Which<'_>) -> Result<Vec<Row>> {
        let (select, org) = (sql(of.kind, SELECT, 0), of.tenant.as_str());
        match which {
            Which::Keys(keys) => tx.rows(&format!("{select} id = ANY($2)"), &[&org, &keys]).await,
            Which::Locked(keys) => {
                let select = format!("{select} id = ANY($2) ORDER BY id {}", tx.for_update());
                tx.rows(&select, &[&org, &keys]).await
            }
            Which::Equal { column, text } => {
                let select = format!("{select} lower({column}) = lower($2)");
                tx.rows(&select, &[&org, &text]).await
            }
            Which::All { after, limit } => {
                let page = sql(of.kind, "($2::$id IS NULL OR id > $2) ORDER BY id LIMIT $3", 0);
                tx.rows(&format!("{select} {page}"), &[&org, &after, &limit])
                    .await
            }
        }
    }

    async fn insert(&self, tx: &mut Tx, of: Scope<'_>, cells: &[Cell]) -> Result<Option<Row>> {
        tx.row(&sql(of.kind, INSERT, 2), &[&of.tenant.as_str()], cells)
            .await
    }

    async fn update(&self, tx: &mut Tx, of: Scope<'_>, key: &Key, cells: &[Cell]) -> Result<Option<Row>> {
        tx.row(&sql(of.kind, UPDATE, 3), &[&of.tenant.as_str(), key], cells)
            .await
    }

    async fn delete(&self, tx: &mut Tx, of: Scope<'_>, key: &Key) -> Result<()> {
        let delete = sql(of.kind, "DELETE FROM $table WHERE org = $1 AND id = $2", 0);
        tx.change(&delete, &[&of.tenant.as_str(), key]).await.map(drop)
    }

    async fn hide(&self, tx: &mut Tx, of: Scope<'_>, key: &Key, hidden: bool) -> Result<()> {
        let hide = "UPDATE $table SET deleted_at = CASE WHEN $3 THEN now() END WHERE org = $1 AND id = $2";
        tx.change(&sql(of.kind, hide, 0), &[&of.tenant.as_str(), key, &hidden])
            .await
            .map(drop)
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
            Members::OfUsers(keys) => ("member", keys),
        };
        let select = format!("SELECT team, member FROM team_members WHERE {end} = ANY($1) LIMIT $2");
        tx.memberships(&select, &[&keys, &most]).await
    }

    async fn set_member(&self, tx: &mut Tx, _: &TenantId, edge: &Membership, joins: bool) -> Result<bool> {
        let statement = if joins {
            "INSERT INTO team_members (team, member) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM team_members WHERE team = $1 AND member = $2"
        };
        Ok(tx.change(statement, &[&edge.group, &edge.user]).await? > 0)
    }
}
