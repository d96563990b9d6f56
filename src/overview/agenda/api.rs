//! The handler for the agenda.

use super::{model::*, store};
use crate::{
    auth::{Allowed, policy::ReadAgenda},
    db::Db,
    http::{Query, Reply, ok_json},
};
use actix_web::{get, web::Data};

/// Read my agenda
///
/// For an advocate: their own cases. For a supervisor: their teams' cases, and first those without a lead or assignee,
/// or with one who has left. At most 30 entries of each kind, the soonest first: open and overdue deadlines; meetings
/// from today on; tasks and promises due today or overdue; cases in which nobody was reached for `quiet_days`;
/// handovers that wait for the caller's answer.
#[utoipa::path(
    tag = "Me",
    params(AgendaView),
    responses((status = 200, body = Agenda)),
    security(("bearer" = ["agenda:read"])),
)]
#[get("/me/agenda")]
pub async fn get_agenda(who: Allowed<ReadAgenda>, db: Data<Db>, view: Query<AgendaView>) -> Reply<Agenda> {
    ok_json(db.read(&who, move |tx| store::agenda(tx, &view)).await?)
}
