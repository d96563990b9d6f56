//! Handlers for the caller's organization.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed, RecentlyAuthenticated,
        policy::{ReadOrganization, WriteOrganization},
    },
    db::Db,
    http::{Body, IfMatch, Reply, ok_record},
};
use actix_web::{get, patch, web::Data};

/// Fetch the organization
///
/// The caller's own organization and its settings.
#[utoipa::path(
    tag = "Organization",
    responses((status = 200, body = Organization)),
    security(("bearer" = ["organization:read"])),
)]
#[get("/organization")]
pub async fn get_organization(who: Allowed<ReadOrganization>, db: Data<Db>) -> Reply<Organization> {
    let row = db.peek(&who, store::find).await?;
    ok_record(row.into())
}

/// Change the organization's settings
///
/// Settings apply from the next request on: the time zone decides what day it is, and a second person may be needed to
/// close a case. Needs a password that was entered within the last ten minutes.
#[utoipa::path(
    tag = "Organization",
    params(IfMatch),
    request_body = OrganizationPatch,
    responses((status = 200, body = Organization)),
    security(("bearer" = ["organization:write"])),
)]
#[patch("/organization")]
pub async fn update_organization(
    who: RecentlyAuthenticated<WriteOrganization>,
    db: Data<Db>,
    version: IfMatch,
    patch: Body<OrganizationPatch>,
) -> Reply<Organization> {
    ok_record(db.write(&who, move |tx| store::update(tx, &version, &patch)).await?)
}
