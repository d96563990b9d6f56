//! Handovers: a case is offered to its next lead, who accepts or refuses.

pub mod api;
pub mod model;
pub mod store;

use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(api::list_case_handovers)
        .service(api::create_handover)
        .service(api::list_handovers)
        .service(api::get_handover)
        .service(api::accept_handover)
        .service(api::refuse_handover)
        .service(api::withdraw_handover);
}
