//! The handler for access logs.

use super::{index, model::*, store};
use crate::{
    auth::{Allowed, policy::ReadAccessLog},
    casework::clients::model::ClientId,
    db::Db,
    http::{List, Page, Reply, ok_page},
};
use actix_web::{
    get,
    web::{Data, Path},
};

/// Read the access log of a client
///
/// Who read or changed the client's record, statements and case records, the newest first. A list or search appears
/// once for each record that it showed. Refused requests are not included. Reading the access log is itself an entry in
/// it.
///
/// For notes, which are confidential, a client sees that somebody read or changed one, when, and in which role.
#[utoipa::path(
    tag = "Clients",
    params(("id" = ClientId, Path), List<AccessLogFilter>),
    responses((status = 200, body = Page<AccessLogEntry>)),
    security(("bearer" = ["access_log:read"])),
)]
#[get("/clients/{id}/access-log")]
pub async fn get_client_access_log(
    who: Allowed<ReadAccessLog>,
    db: Data<Db>,
    id: Path<ClientId>,
    list: List<AccessLogFilter>,
) -> Reply<Page<AccessLogEntry>> {
    let (client, organization) = (*id, who.who().organization);
    let (head, mark) = db.read(&who, move |tx| store::index_progress(tx, client)).await?;
    if mark < head {
        index::catch_up(&db, organization, head).await?;
    }
    ok_page(db.read(&who, move |tx| store::page(tx, *id, &list)).await?)
}
