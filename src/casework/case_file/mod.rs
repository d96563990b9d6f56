//! A report for one case: everything that happened in it, for supervision, and in a version of its own for the client
//! who asks for it.

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

/// How many records of a kind a case file shows at the most.
pub const MOST: i64 = 2_000;

/// The newest rows of a kind, in the order of time.
#[derive(Debug)]
pub struct Capped<T> {
    pub rows: Vec<T>,
    /// How many older ones there are besides.
    pub left_out: i64,
}

impl<T> Capped<T> {
    /// These rows, out of so many that there are.
    pub fn of(rows: Vec<T>, all: i64) -> Self {
        let left_out = (all - i64::try_from(rows.len()).unwrap_or(i64::MAX)).max(0);
        Self { rows, left_out }
    }
    /// The rows, where what was left out is noted in `left_out`.
    pub fn noting(self, left_out: &mut i64) -> Vec<T> {
        *left_out = self.left_out;
        self.rows
    }
}

/// The newest rows that a query gives, by an order that goes down. The query is counted only where there may be more
/// than are shown.
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
