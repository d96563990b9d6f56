//! Handlers for self-advocacy.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadMeetings},
    casework::clients::model::ClientId,
    db::Db,
    http::{Reply, ok_json},
};
use actix_web::{
    get,
    web::{Data, Path},
};

/// Read how a client's self-advocacy develops
///
/// For each meeting that was held, who spoke, as a rank on the participation ladder, and the client's ratings before
/// and after, the earliest first. Includes only meetings that the caller may see, at most the latest 200. The ratings
/// are not a validated scale: compare them only within the same client.
#[utoipa::path(
    tag = "Clients",
    params(("id" = ClientId, Path)),
    responses((status = 200, body = SelfAdvocacy)),
    security(("bearer" = ["meetings:read"])),
)]
#[get("/clients/{id}/self-advocacy")]
pub async fn get_self_advocacy(who: Allowed<ReadMeetings>, db: Data<Db>, id: Path<ClientId>) -> Reply<SelfAdvocacy> {
    ok_json(db.read(&who, move |tx| store::get(tx, *id)).await?)
}
