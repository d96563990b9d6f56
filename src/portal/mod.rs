//! The portal: what a signed-in client sees of their own record, and what they contribute themselves.
//!
//! The portal has its own views, without any field that is for staff only, so that no such field is shown by mistake.
//! Every store here starts from [`client_of_caller`], the client whom the signed-in user is linked to.

pub mod accounts;
pub mod cases;
pub mod feedback;
pub mod meetings;
pub mod statements;

pub use accounts::store::{client_of_caller, lock_client_of_caller};

use crate::http::Routes;

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .configure(accounts::routes)
        .configure(cases::routes)
        .configure(meetings::routes)
        .configure(statements::routes)
        .configure(feedback::routes);
}
