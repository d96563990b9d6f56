//! Meetings with a provider or an agency, with their preparation and outcome.

pub mod api;
pub mod commitments;
pub mod model;
pub mod outcome;
pub mod preparation;
pub mod store;
mod voice;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_case_meetings)
        .service(api::create_meeting)
        .service(api::list_meetings)
        .service(api::get_meeting)
        .service(api::update_meeting)
        .service(api::create_meeting_outcome);
}
