//! The newest records of a kind, as a case file shows them.

/// How many records of a kind a case file shows at most.
pub const MAX_RECORDS: i64 = 2_000;

/// The newest rows of a kind, oldest first.
#[derive(Debug)]
pub struct Capped<T> {
    pub rows: Vec<T>,
    /// The number of older rows that are left out.
    pub left_out: i64,
}

impl<T> Capped<T> {
    /// `rows` is the newest part of `all` rows.
    pub fn of(rows: Vec<T>, all: i64) -> Self {
        let left_out = (all - i64::try_from(rows.len()).unwrap_or(i64::MAX)).max(0);
        Self { rows, left_out }
    }
    /// Returns the rows, and writes the number of omitted rows to `left_out`.
    pub fn noting(self, left_out: &mut i64) -> Vec<T> {
        *left_out = self.left_out;
        self.rows
    }
}

/// The newest rows of a query, the oldest of them first. `$order` is descending. Runs the count query only if there may
/// be more rows than are shown.
#[macro_export]
macro_rules! newest {
    ($tx:ident, $row:ty, $order:expr, $query:expr) => {{
        let most = $crate::records::capped::MAX_RECORDS;
        let mut rows: Vec<$row> = $query.order($order).select(<$row>::as_select()).limit(most).load($tx.conn)?;
        let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let all: i64 = if shown < most { shown } else { $query.count().get_result($tx.conn)? };
        rows.reverse();
        $crate::records::Capped::of(rows, all)
    }};
}
