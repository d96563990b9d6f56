//! Providers: the organizations that offer services. Modelled on Open Referral HSDS 3 (`organization`).

pub mod api;
pub mod model;
pub mod store;

use crate::http::Routes;
use crate::records::kind::{Included, Kind, id};

pub fn routes(routes: &mut Routes<'_>) {
    routes
        .service(api::list_providers)
        .service(api::create_provider)
        .service(api::get_provider)
        .service(api::update_provider)
        .service(api::merge_provider);
}

/// The properties of this kind of record, for the modules that handle all kinds.
pub const KIND: Kind = Kind {
    demo: Included::Yes,
    ..Kind::of_organization("provider", "providers", "/providers/{id}", |tx, text| store::get(tx, id(text)?).map(drop))
};
