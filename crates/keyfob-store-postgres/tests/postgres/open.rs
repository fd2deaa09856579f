//! Opening a database: whose it is, of which version, and who makes the tables.

use std::time::Duration;

use keyfob_store_postgres::{
    DatabaseUrl, OpenError, Options, PostgresStore, migrations,
    rustls::{
        ClientConfig, RootCertStore, crypto,
        pki_types::{CertificateDer, pem::PemObject},
    },
};
use tokio::task::JoinSet;

use crate::support::{
    Schema, add, client, commit, get, new_group, new_user, pool_at, retitle, search, server, test, url,
    user_type,
};

impl Schema {
    /// The values that the store keeps of itself, by name.
    async fn values(&self) -> Vec<(String, String)> {
        let sql = format!("SELECT name, value FROM {} ORDER BY name", self.table("meta"));
        let rows = client().await.query(&sql, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    async fn version(&self) -> String {
        let values = self.values().await;
        let mut found = values.into_iter().filter(|(name, _)| name == "schema");
        found.next().unwrap().1
    }
}

async fn refused(schema: &Schema, options: &Options) -> OpenError {
    let url = DatabaseUrl::parse_with(&url().unwrap(), options.clone()).unwrap();
    let refused = PostgresStore::connect(&url).await;
    let error = refused.err();
    error.unwrap_or_else(|| panic!("{} was opened", schema.name))
}

#[test]
fn servers_that_start_at_once_make_the_tables_once() {
    test(|schema| async move {
        let mut opening = JoinSet::new();
        for _ in 0..6 {
            let schema = schema.clone();
            opening.spawn(async move { schema.open().await });
        }
        let stores = opening.join_all().await;
        for (number, store) in stores.iter().enumerate() {
            let user = format!("u{number}");
            commit(store, vec![new_user(&user, &user)]).await.unwrap();
        }
        let version = format!(
            "SELECT value::bigint FROM {} WHERE name = 'schema'",
            schema.table("meta")
        );
        assert_eq!(schema.number(&version).await, 3);
    });
}

#[test]
fn a_schema_without_a_store_is_missing_where_none_may_be_made() {
    test(|schema| async move {
        let error = refused(&schema, &schema.options().without_migration()).await;
        assert_eq!(
            error.to_string(),
            format!("there is no store in the schema `{}`", schema.name)
        );
        let made = format!(
            "SELECT count(*) FROM pg_namespace WHERE nspname = '{}'",
            schema.name
        );
        assert_eq!(schema.number(&made).await, 0);
    });
}

#[test]
fn printed_migrations_make_what_the_store_would_make() {
    test(|schema| async move {
        let options = schema.options().with_prefix("kf_");
        let sql = migrations(&options, 0).unwrap();
        client().await.batch_execute(&sql).await.unwrap();
        let (_, port) = server();
        let store = PostgresStore::open(pool_at(port, 2), &options.without_migration())
            .await
            .unwrap();
        commit(&store, vec![new_user("u", "u")]).await.unwrap();
        assert!(get(&store, user_type(), "u").await.is_some());
        assert_eq!(
            schema
                .number(&format!("SELECT count(*) FROM {}", schema.table("kf_resources")))
                .await,
            1
        );
        // Nothing is left to do.
        assert_eq!(migrations(&schema.options(), 3).unwrap(), "");
    });
}

#[test]
fn tables_of_version_1_are_brought_up_to_date_with_nothing_lost() {
    test(|schema| async move {
        let store = schema.open().await;
        let made = vec![
            new_user("ada", "ada"),
            new_group("inner"),
            new_group("outer"),
            add("inner", "ada"),
            add("outer", "inner"),
        ];
        commit(&store, made).await.unwrap();
        drop(store);
        schema
            .sql(&format!(
                "DROP INDEX \"{}\".resources_by_modification; ALTER TABLE {} DROP COLUMN nests;
                 UPDATE {} SET value = '1' WHERE name = 'schema'",
                schema.name,
                schema.table("edges"),
                schema.table("meta")
            ))
            .await;
        let refused = refused(&schema, &schema.options().without_migration()).await;
        assert!(
            matches!(
                refused,
                OpenError::Older {
                    found: 1,
                    needed: 3,
                    ..
                }
            ),
            "{refused}"
        );
        let store = schema.open().await;
        let ada = get(&store, user_type(), "ada").await.unwrap();
        assert_eq!(ada.resource.relation("groups").unwrap().len(), 2);
        assert_eq!(search(&store, r#"groups.value eq "outer""#).await, ["ada"]);
        let index = format!(
            "SELECT count(*) FROM pg_indexes WHERE schemaname = '{}' AND indexname = 'resources_by_modification'",
            schema.name
        );
        assert_eq!(schema.number(&index).await, 1);
    });
}

#[test]
fn tables_that_somebody_else_migrates_are_waited_for_and_left_alone() {
    test(|schema| async move {
        drop(schema.open().await);
        let meta = schema.table("meta");
        // Somebody else has begun with tables of version 2 and has not come back yet.
        let now = "extract(epoch FROM clock_timestamp())";
        schema
            .sql(&format!(
                "ALTER TABLE {} DROP COLUMN nests;
                 UPDATE {meta} SET value = '2' WHERE name = 'schema';
                 UPDATE {meta} SET value = (({now} + 60) * 1000)::bigint::text WHERE name = 'lease'",
                schema.table("edges")
            ))
            .await;
        let impatient = schema.options().with_patience(Duration::from_millis(120));
        let before = schema.values().await;
        let error = refused(&schema, &impatient).await;
        assert!(matches!(error, OpenError::Locked(_)), "{error:?}");
        assert_eq!(
            error.to_string(),
            format!(
                "another process is migrating the schema `{}` and doesn't come to an end",
                schema.name
            )
        );
        assert_eq!(schema.values().await, before);
        // A lease that has run out is nobody's: a process that died half-way holds nothing up.
        schema
            .sql(&format!(
                "UPDATE {meta} SET value = (({now} - 1) * 1000)::bigint::text WHERE name = 'lease'"
            ))
            .await;
        drop(schema.open().await);
        assert_eq!(schema.version().await, "3");
    });
}

/// A rolling upgrade: the newer release expands the tables, both serve, and once no old server runs it contracts them.
#[test]
fn tables_that_a_newer_release_has_expanded_serve_this_one_until_they_are_contracted() {
    test(|schema| async move {
        let before = schema.open().await;
        commit(&before, vec![new_user("ada", "ada")]).await.unwrap();
        let (meta, resources) = (schema.table("meta"), schema.table("resources"));
        // As the script of a next version that leaves what the version before reads and writes.
        schema
            .sql(&format!(
                "ALTER TABLE {resources} ADD COLUMN later text;
                 UPDATE {meta} SET value = '4' WHERE name = 'schema'"
            ))
            .await;
        // One that runs goes on, and one that starts is let in, whether or not it may migrate.
        let options = [schema.options(), schema.options().without_migration()];
        for (number, options) in options.into_iter().enumerate() {
            let url = DatabaseUrl::parse_with(&url().unwrap(), options).unwrap();
            let after = PostgresStore::connect(&url).await.unwrap();
            for store in [&before, &after] {
                commit(store, vec![retitle("ada", "t")]).await.unwrap();
                assert_eq!(search(store, r#"userName eq "ada""#).await, ["ada"]);
            }
            commit(
                &after,
                vec![new_user(&format!("u{number}"), &format!("u{number}"))],
            )
            .await
            .unwrap();
        }
        assert_eq!(schema.version().await, "4", "nothing is migrated back");
        schema
            .sql(&format!("UPDATE {meta} SET value = '4' WHERE name = 'serves'"))
            .await;
        let error = refused(&schema, &schema.options()).await;
        assert!(matches!(error, OpenError::Newer { found: 4, .. }), "{error}");
    });
}

#[test]
fn tables_of_a_newer_release_are_refused_and_left_alone() {
    test(|schema| async move {
        drop(schema.open().await);
        let meta = schema.table("meta");
        for (name, value, told) in [
            (
                "schema",
                "7",
                "has version 7, and this release reads up to version 3",
            ),
            (
                "comparison",
                "9",
                "has keys of comparison 9, and this release compares by version 1",
            ),
            ("application", "other", "is not a table of keyfob"),
        ] {
            schema
                .sql(&format!(
                    "CREATE TABLE {}.kept AS SELECT * FROM {meta};
                     UPDATE {meta} SET value = '{value}' WHERE name IN ('{name}', 'serves')",
                    schema.name
                ))
                .await;
            let error = refused(&schema, &schema.options()).await.to_string();
            assert!(error.contains(told), "{name}: {error}");
            schema
                .sql(&format!(
                    "DELETE FROM {meta}; INSERT INTO {meta} SELECT * FROM {0}.kept; DROP TABLE {0}.kept",
                    schema.name
                ))
                .await;
        }
        drop(schema.open().await);
    });
}

#[test]
fn tables_of_somebody_else_are_refused_and_left_alone() {
    test(|schema| async move {
        for table in ["resources", "meta"] {
            schema
                .sql(&format!(
                    "CREATE SCHEMA \"{}\"; CREATE TABLE {} (a text)",
                    schema.name,
                    schema.table(table)
                ))
                .await;
            let error = refused(&schema, &schema.options()).await.to_string();
            let told = format!(
                "`{table}` in the schema `{}` is not a table of keyfob; take another schema or prefix",
                schema.name
            );
            assert_eq!(error, told);
            let tables = format!(
                "SELECT count(*) FROM pg_tables WHERE schemaname = '{}'",
                schema.name
            );
            assert_eq!(schema.number(&tables).await, 1);
            schema
                .sql(&format!("DROP SCHEMA \"{}\" CASCADE", schema.name))
                .await;
        }
        // With a prefix there is room for both.
        schema
            .sql(&format!(
                "CREATE SCHEMA \"{}\"; CREATE TABLE {} (a text)",
                schema.name,
                schema.table("resources")
            ))
            .await;
        let (_, port) = server();
        let options = schema.options().with_prefix("kf_");
        PostgresStore::open(pool_at(port, 2), &options).await.unwrap();
    });
}

#[test]
fn a_key_that_is_not_ordered_by_its_bytes_is_refused() {
    test(|schema| async move {
        drop(schema.open().await);
        schema
            .sql(&format!(
                "ALTER TABLE {} ALTER COLUMN key TYPE text COLLATE \"default\"",
                schema.table("entries")
            ))
            .await;
        let error = refused(&schema, &schema.options()).await.to_string();
        assert_eq!(
            error,
            "the column `key` of `entries` is not COLLATE \"C\"; its order has to be that of bytes"
        );
    });
}

#[test]
fn a_wrong_password_or_host_is_told_without_the_password() {
    test(|schema| async move {
        for text in [
            "postgres://nobody:s3cret@127.0.0.1:1/none",
            "postgres://nobody:s3cret@no-such-host.invalid/none",
        ] {
            let url = DatabaseUrl::parse_with(text, schema.options()).unwrap();
            let error = PostgresStore::connect(&url).await.unwrap_err();
            let texts = format!("{error} {error:?} {url} {url:?}");
            assert!(
                texts.contains("can't be reached") && !texts.contains("s3cret"),
                "{texts}"
            );
        }
        let database = url().unwrap().replace("postgres://", "postgres://nobody:s3cret@");
        let database = database.replacen("@keyfob@", "@", 1);
        if let Ok(url) = DatabaseUrl::parse_with(&database, schema.options())
            && let Err(error) = PostgresStore::connect(&url).await
        {
            let texts = format!("{error} {error:?}");
            assert!(!texts.contains("s3cret"), "{texts}");
        }
    });
}

#[test]
fn a_connection_is_encrypted_and_the_certificate_of_the_server_is_checked() {
    test(|schema| async move {
        let Some(certificate) = std::env::var_os("KEYFOB_TEST_POSTGRES_CERTIFICATE") else {
            return;
        };
        let (_, port) = server();
        let text = format!("postgres://keyfob@localhost:{port}/keyfob?sslmode=require");
        let url = DatabaseUrl::parse_with(&text, schema.options()).unwrap();
        // Nobody whom the operating system trusts has signed it.
        let error = PostgresStore::connect(&url).await.unwrap_err().to_string();
        assert!(error.contains("certificate"), "{error}");
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(certificate).unwrap())
            .unwrap();
        let tls = ClientConfig::builder_with_provider(crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let store = PostgresStore::connect_with_tls(&url, tls).await.unwrap();
        commit(&store, vec![new_user("u", "u")]).await.unwrap();
        // The other tests do without.
        let encrypted = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
             WHERE s.ssl AND a.application_name = 'keyfob'";
        assert!(schema.number(encrypted).await > 0);
    });
}
