//! Services: what providers offer. Modelled on Open Referral HSDS 3 (`service`).

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::records::kind::{Included, Kind, id};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_services)
        .service(api::create_service)
        .service(api::get_service)
        .service(api::update_service)
        .service(api::merge_service);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    demo: Included::Yes,
    ..Kind::of_organization("service", "services", "/services/{id}", |tx, text| store::get(tx, id(text)?).map(drop))
};
