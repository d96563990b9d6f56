//! The case file: everything that happened in one case, in one document. One version is for supervision, another for
//! the client.

pub mod api;
pub mod client;
pub mod model;
pub mod narrative;
pub mod print;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::get_case_file).service(api::print_case_file);
}

/// The maximum number of records of each kind in a case file.
pub const MOST: i64 = 2_000;

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

/// The newest rows of a query, with `$order` descending. Runs the count query only if there may be more rows than are
/// shown.
#[macro_export]
macro_rules! newest {
    ($tx:ident, $row:ty, $order:expr, $query:expr) => {{
        let most = $crate::casework::case_file::MOST;
        let mut rows: Vec<$row> = $query.order($order).select(<$row>::as_select()).limit(most).load($tx.conn)?;
        let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let all: i64 = if shown < most { shown } else { $query.count().get_result($tx.conn)? };
        rows.reverse();
        $crate::casework::case_file::Capped::of(rows, all)
    }};
}
