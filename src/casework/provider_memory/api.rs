//! Handlers for provider memory.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadProviderMemory},
    db::Db,
    directory::providers::model::ProviderId,
    http::{Reply, plain},
};
use actix_web::{
    get,
    web::{Data, Path},
};

/// What is remembered of a provider
///
/// How its promises were kept, what barriers people met there, and how often we met. Everything is counted over the caller's own caseload: the cases that the caller works in or supervises, and no others; two people may rightly read different numbers. The id of a merged duplicate answers for the provider that it was merged into.
#[utoipa::path(tag = "Directory", params(("id" = ProviderId, Path)), responses((status = 200, body = ProviderMemory)), security(("bearer" = ["providers:memory"])))]
#[get("/providers/{id}/memory")]
pub async fn get_provider_memory(who: Allowed<ReadProviderMemory>, db: Data<Db>, id: Path<ProviderId>) -> Reply<ProviderMemory> {
    plain(db.read(&who, move |tx| store::get(tx, *id)).await?)
}
