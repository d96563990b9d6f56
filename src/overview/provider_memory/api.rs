//! Handlers for provider memory.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadProviderMemory},
    db::Db,
    directory::providers::model::ProviderId,
    http::{Reply, ok_json},
};
use actix_web::{
    get,
    web::{Data, Path},
};

/// Read the history with a provider
///
/// How it kept its promises, which barriers people met there, and how many meetings were held. Counted over the
/// caller's own caseload only: the cases that the caller works on or supervises. Two people can get different numbers.
/// The id of a merged duplicate returns the history of the surviving provider.
#[utoipa::path(
    tag = "Directory",
    params(("id" = ProviderId, Path)),
    responses((status = 200, body = ProviderMemory)),
    security(("bearer" = ["providers:memory"])),
)]
#[get("/providers/{id}/memory")]
pub async fn get_provider_memory(
    who: Allowed<ReadProviderMemory>,
    db: Data<Db>,
    id: Path<ProviderId>,
) -> Reply<ProviderMemory> {
    ok_json(db.read(&who, move |tx| store::get(tx, *id)).await?)
}
