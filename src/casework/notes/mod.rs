//! Notes of what was said and done. A note is locked 24 hours after it was written. After that it can only be amended.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_notes)
        .service(api::create_note)
        .service(api::get_note)
        .service(api::update_note)
        .service(api::amend_note);
}
