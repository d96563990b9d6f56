//! Merges of duplicates. The row of a duplicate remains, and its id then stands for the surviving record. Each kind of
//! record that can be merged has a table of its merges; [`merge_table!`] writes the queries over it.

use crate::error::{ApiError, Code, Result};

/// `merge_table!(provider_merges, provider_id, ProviderId)`: the table, its column of the duplicate, and the id.
macro_rules! merge_table {
    ($table:ident, $duplicate_column:ident, $id:ty) => {
        /// The record that this id was merged into, if any. One step leads from any id to the survivor.
        pub fn merged_into(tx: &mut Tx, id: $id) -> Result<Option<$id>> {
            let merge = $table::table.find((tx.organization(), id));
            Ok(merge.select($table::into_id).first(tx.conn).optional()?)
        }

        /// The duplicates of each of these records, as (survivor, duplicate).
        pub fn merged(tx: &mut Tx, survivors: Vec<$id>) -> Result<Vec<($id, $id)>> {
            let merges = $table::table
                .filter($table::organization_id.eq(tx.organization()))
                .filter($table::into_id.eq_any(survivors));
            Ok(merges
                .order($table::$duplicate_column)
                .select(($table::into_id, $table::$duplicate_column))
                .load(tx.conn)?)
        }

        /// A condition: the column has this id or, if it was merged, the id of its survivor.
        pub fn column_is(tx: &Tx, column: &'static str, id: $id) -> $crate::db::Condition {
            use $crate::db::Condition;
            Condition::sql(column)
                .then(concat!(
                    " = coalesce((SELECT merge.into_id FROM ",
                    stringify!($table),
                    " AS merge WHERE merge.organization_id = "
                ))
                .id(tx.organization().uuid())
                .then(concat!(" AND merge.", stringify!($duplicate_column), " = "))
                .id(id.uuid())
                .then("), ")
                .id(id.uuid())
                .then(")")
        }

        /// Writes a merge. Earlier duplicates of this duplicate now point to the survivor, so that one step leads from
        /// any id to the survivor.
        pub fn insert_merge(
            tx: &mut Tx,
            duplicate: $id,
            survivor: $id,
            reason: Option<&$crate::types::Text<1000>>,
            at: $crate::types::Instant,
        ) -> Result<()> {
            let earlier = $table::table
                .filter($table::organization_id.eq(tx.organization()))
                .filter($table::into_id.eq(duplicate));
            diesel::update(earlier).set($table::into_id.eq(survivor)).execute(tx.conn)?;
            let merge = (
                $table::organization_id.eq(tx.organization()),
                $table::$duplicate_column.eq(duplicate),
                $table::into_id.eq(survivor),
                $table::reason.eq(reason),
                $table::merged_by.eq(tx.user()?),
                $table::merged_at.eq(at),
            );
            diesel::insert_into($table::table).values(merge).execute(tx.conn)?;
            Ok(())
        }
    };
}
pub(crate) use merge_table;

/// Checks the two ids of a merge. `id` is the id in the path, and `resolved` the surviving record that it leads to.
pub fn check_pair<I: PartialEq>(noun: &str, id: I, resolved: I, into: I) -> Result<()> {
    if into == resolved {
        return Err(ApiError::invalid("/into", "same_record", format!("names the {noun} itself")));
    }
    if resolved != id {
        let already = format!("This {noun} was already merged. Merge the surviving {noun} instead.");
        return Err(ApiError::conflict(already));
    }
    Ok(())
}

/// The survivor and the duplicate among the locked rows of both.
pub fn survivor_and_duplicate<R>(noun: &str, rows: Vec<R>, is_survivor: impl Fn(&R) -> bool) -> Result<(R, R)> {
    let (survivors, duplicates): (Vec<R>, Vec<R>) = rows.into_iter().partition(is_survivor);
    survivors.into_iter().next().zip(duplicates.into_iter().next()).ok_or_else(|| contention(noun))
}

/// Another request merged one of the records while this one waited for its lock. The whole transaction is retried, and
/// then sees that merge.
pub fn contention(noun: &str) -> ApiError {
    let detail = format!("Another request is merging this {noun}.");
    ApiError::new(Code::Contention, detail).header("retry-after", "1")
}
