//! The statement that records the clients of an export. An export may have a hundred thousand, so it is one statement
//! for all of them.

use super::{Conn, dialect::Key};
use crate::{auth::OrganizationId, types::sql};
use diesel::{
    prelude::*,
    sql_types::{Array, BigInt, Binary},
};

/// Records that an export holds the records of these clients. In the order of their ids it is fastest.
pub fn insert(conn: &mut Conn, organization: OrganizationId, export: Key, clients: Vec<Key>) -> QueryResult<()> {
    match conn {
        _ if clients.is_empty() => Ok(()),
        Conn::Pg(c) => {
            diesel::sql_query("INSERT INTO export_clients SELECT $1, $2, client_id FROM unnest($3) AS client_id")
                .bind::<sql::Uuid, _>(organization)
                .bind::<sql::Uuid, _>(export)
                .bind::<Array<sql::Uuid>, _>(clients)
                .execute(c)
                .map(drop)
        }
        // SQLite has no arrays: the ids are bound as one value of 16 bytes each.
        Conn::Sqlite(c) => diesel::sql_query(
            "INSERT INTO export_clients
             WITH RECURSIVE places (place) AS (SELECT 1 UNION ALL SELECT place + 16 FROM places WHERE place + 16 <= ?1)
             SELECT ?2, ?3, substr(?4, place, 16) FROM places",
        )
        .bind::<BigInt, _>(i64::try_from(clients.len() * 16).unwrap_or(i64::MAX))
        .bind::<sql::Uuid, _>(organization)
        .bind::<sql::Uuid, _>(export)
        .bind::<Binary, _>(clients.iter().flat_map(|client| client.uuid().into_bytes()).collect::<Vec<u8>>())
        .execute(c)
        .map(drop),
    }
}
