//! The handler for access logs.

use super::{index, model::*, store};
use crate::{
    auth::{Allowed, policy::ReadAccessLog},
    casework::clients::model::ClientId,
    db::Db,
    http::{List, Page, Reply, paged},
};
use actix_web::{
    get,
    web::{Data, Path},
};

/// Read the access log of a client
///
/// Who saw or changed the client's record, their statements and whatever hangs on their cases, newest first; a list and a search too, by
/// each record that they showed. What was refused showed nothing, and is for the auditor. Reading it is itself in it the next time.
///
/// A client is shown of what is kept in confidence, the notes, that somebody saw or changed it: when, and in which role.
#[utoipa::path(tag = "Clients", params(("id" = ClientId, Path), List<AccessLogFilter>), responses((status = 200, body = Page<AccessLogEntry>)), security(("bearer" = ["access_log:read"])))]
#[get("/clients/{id}/access-log")]
pub async fn get_client_access_log(
    who: Allowed<ReadAccessLog>,
    db: Data<Db>,
    id: Path<ClientId>,
    list: List<AccessLogFilter>,
) -> Reply<Page<AccessLogEntry>> {
    let (client, organization) = (*id, who.who().organization);
    let (head, mark) = db.read(&who, move |tx| store::standing(tx, client)).await?;
    if mark < head {
        index::catch_up(&db, organization, head).await?;
    }
    paged(db.read(&who, move |tx| store::page(tx, *id, &list)).await?)
}
