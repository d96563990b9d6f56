//! The portal: what a signed-in client sees of their own record, and what they contribute themselves.
//!
//! The portal has its own views without any member that is for staff only, so that such a member cannot be shown by
//! mistake. Every store here starts from [`own`], the client that the caller is.

pub mod accounts;
pub mod cases;
pub mod feedback;
pub mod meetings;
pub mod statements;

pub use accounts::store::{lock_own, own};

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.configure(accounts::routes)
        .configure(cases::routes)
        .configure(meetings::routes)
        .configure(statements::routes)
        .configure(feedback::routes);
}
