//! The portal: what a client who signs in sees of their own record, and what they say themselves.
//!
//! Its views are its own: what is for staff alone is in none of them, so that it cannot be shown by mistake. Every
//! store here starts from [`own`], the one client whom the caller is.

pub mod accounts;
pub mod cases;
pub mod feedback;
pub mod meetings;
pub mod statements;

pub use accounts::store::{hold_own, own};

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.configure(accounts::routes)
        .configure(cases::routes)
        .configure(meetings::routes)
        .configure(statements::routes)
        .configure(feedback::routes);
}
