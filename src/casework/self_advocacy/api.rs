//! Handlers for self-advocacy.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadMeetings},
    casework::clients::model::ClientId,
    db::Db,
    http::{Reply, plain},
};
use actix_web::{
    get,
    web::{Data, Path},
};

/// How a client speaks up over time
///
/// Who spoke in each meeting that was held, as a rank on the participation ladder, and how the client rated it before and after, the earliest first. Only meetings that the caller may see are shown and counted, of these the latest 200. The ratings are local and not validated: they compare with this client's own and with nobody else's.
#[utoipa::path(tag = "Clients", params(("id" = ClientId, Path)), responses((status = 200, body = SelfAdvocacy)), security(("bearer" = ["meetings:read"])))]
#[get("/clients/{id}/self-advocacy")]
pub async fn get_self_advocacy(who: Allowed<ReadMeetings>, db: Data<Db>, id: Path<ClientId>) -> Reply<SelfAdvocacy> {
    plain(db.read(&who, move |tx| store::get(tx, *id)).await?)
}
