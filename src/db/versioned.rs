//! Saving a changed row as its next version.

use super::{Conn, Tx};
use diesel::QueryResult;

/// A row whose version clients send back in `If-Match`. [`versioned!`] implements it.
pub trait Versioned {
    /// Sets the next version and, where the table has one, the time of the change.
    fn next_version(&mut self);
    /// Writes every column of the row to its table.
    fn write_row(&self, conn: &mut Conn) -> QueryResult<usize>;
}

/// Saves a changed row as its next version. The caller has locked the row.
pub fn save(tx: &mut Tx<'_>, row: &mut impl Versioned) -> QueryResult<()> {
    row.next_version();
    row.write_row(tx.conn)?;
    Ok(())
}

/// `versioned!(TaskRow, tasks, updated_at)`: a [`Versioned`] row, its table, and the column of the time of the change,
/// if the table has one.
macro_rules! versioned {
    ($row:ty, $table:ident $(, $changed_at:ident)?) => {
        impl crate::db::Versioned for $row {
            fn next_version(&mut self) {
                self.version += 1;
                $(self.$changed_at = crate::types::Instant::now();)?
            }
            fn write_row(&self, conn: &mut crate::db::Conn) -> diesel::QueryResult<usize> {
                crate::db::rewrite($table::table.find((self.organization_id, self.id)), self).execute(conn)
            }
        }
    };
}
pub(crate) use versioned;
