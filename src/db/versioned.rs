//! Saving a changed row as its next version.

use super::{Conn, Tx};
use diesel::QueryResult;

/// A row whose version clients send back in `If-Match`. [`versioned!`] implements it.
pub trait Versioned {
    /// Sets the next version and, where the table has one, the time of the change.
    fn next_version(&mut self);
    /// Writes the row to its table.
    fn write_row(&self, conn: &mut Conn) -> QueryResult<usize>;
}

/// Saves a changed row as its next version. The caller has locked the row.
pub fn save(tx: &mut Tx<'_>, row: &mut impl Versioned) -> QueryResult<()> {
    row.next_version();
    row.write_row(tx.conn)?;
    Ok(())
}

/// Implements [`Versioned`] for a row: its table, the column of the time of the change, if the table has one, another
/// that `next_version` sets to the same time, and all columns that are not its key.
///
/// SQLite rewrites every index of a column that an `UPDATE` names, and checks every foreign key of it, even if the
/// value stays the same. So the columns of indexes and foreign keys are in `if_changed`: on SQLite they are compared
/// with the stored row and only written if they differ. The others are in `always`, to keep the number of different
/// statements low, because each stays prepared. PostgreSQL compares the values itself and gets all columns.
///
/// The test `columns_of_indexes_are_written_only_if_changed` compares `if_changed` with the tables.
macro_rules! versioned {
    (
        $row:ty, $table:ident $(, $changed_at:ident $(, $kept_at:ident)?)?;
        always [$($always:ident),+ $(,)?]
        if_changed [$($if_changed:ident),+ $(,)?]
    ) => {
        impl crate::db::Versioned for $row {
            fn next_version(&mut self) {
                self.version += 1;
                $(self.$changed_at = crate::types::Instant::now(); $(self.$kept_at = Some(self.$changed_at);)?)?
            }
            fn write_row(&self, conn: &mut crate::db::Conn) -> diesel::QueryResult<usize> {
                // Without `..`, so that the compiler refuses a column that is in neither list.
                let Self { organization_id, id, $($always,)+ $($if_changed,)+ } = self;
                let stored = || $table::table.find((organization_id, id));
                let ($($if_changed,)+) = match conn {
                    crate::db::Conn::Sqlite(c) => {
                        let ($($if_changed,)+) =
                            stored().select(($($table::$if_changed.is_not($if_changed),)+)).get_result(c)?;
                        ($(if $if_changed { Some($table::$if_changed.eq(&self.$if_changed)) } else { None },)+)
                    }
                    crate::db::Conn::Pg(_) => ($(Some($table::$if_changed.eq($if_changed)),)+),
                };
                let changes = (
                    $($table::$always.eq($always),)+
                    $($if_changed,)+
                );
                crate::db::rewrite(stored(), changes).execute(conn)
            }
        }
    };
}
pub(crate) use versioned;
