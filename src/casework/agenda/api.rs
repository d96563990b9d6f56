//! The handler for the agenda.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadAgenda},
    db::Db,
    http::{Query, Reply, plain},
};
use actix_web::{get, web::Data};

/// What is before me
///
/// For an advocate of the own cases, for a supervisor of the teams that they oversee, first what has lost its lead or its assignee, who has left, and what nobody leads. At most 30 of each, soonest first: open deadlines, those that are over too; meetings from today on; tasks and promises that are due today or overdue; cases in which nobody has been reached for `quiet_days`; handovers that wait for the caller's answer.
#[utoipa::path(tag = "Me", params(AgendaView), responses((status = 200, body = Agenda)), security(("bearer" = ["agenda:read"])))]
#[get("/me/agenda")]
pub async fn get_agenda(who: Allowed<ReadAgenda>, db: Data<Db>, view: Query<AgendaView>) -> Reply<Agenda> {
    plain(db.read(&who, move |tx| store::agenda(tx, &view)).await?)
}
