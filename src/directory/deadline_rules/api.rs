//! Handlers for deadline rules.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadDeadlineRules, WriteDeadlineRules},
    },
    db::Db,
    http::{Body, List, Once, Page, Reply, ok, once, paged, plain},
};
use actix_web::{
    get, post,
    web::{Data, Path},
};

/// List the deadline rules
///
/// Those that come with the product and the organization's own, each in the version that holds today. None of them is legal advice.
#[utoipa::path(tag = "Deadline rules", params(List<DeadlineRuleFilter>), responses((status = 200, body = Page<DeadlineRule>)), security(("bearer" = ["deadline_rules:read"])))]
#[get("/deadline-rules")]
pub async fn list_deadline_rules(
    who: Allowed<ReadDeadlineRules>,
    db: Data<Db>,
    list: List<DeadlineRuleFilter>,
) -> Reply<Page<DeadlineRule>> {
    paged(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Add a deadline rule
///
/// A rule of the organization's own, such as the number of days that its state sets.
#[utoipa::path(tag = "Deadline rules", request_body = NewDeadlineRule, responses((status = 201, body = DeadlineRule)), security(("bearer" = ["deadline_rules:write"])))]
#[post("/deadline-rules")]
pub async fn create_deadline_rule(
    who: Allowed<WriteDeadlineRules>,
    db: Data<Db>,
    request: Once,
    body: Body<NewDeadlineRule>,
) -> Reply<DeadlineRule> {
    once(&db, &who, request, body, store::create).await
}

/// Compute a due date
///
/// By the version of the rule that holds on the day of the trigger, with how it was come by, step by step. Nothing is stored. A day that
/// the notice prints beats the computed one; where they differ, the earlier is used and the difference flagged.
#[utoipa::path(tag = "Deadline rules", request_body = DeadlinePreviewRequest, responses((status = 200, body = DeadlinePreview)), security(("bearer" = ["deadline_rules:read"])))]
#[post("/deadline-rules/preview")]
pub async fn preview_deadline(who: Allowed<ReadDeadlineRules>, db: Data<Db>, body: Body<DeadlinePreviewRequest>) -> Reply<DeadlinePreview> {
    plain(db.read(&who, move |tx| store::preview(tx, &body)).await?)
}

/// Fetch one deadline rule
///
/// In the version that holds today, or the newest where none does.
#[utoipa::path(tag = "Deadline rules", params(("id" = DeadlineRuleId, Path)), responses((status = 200, body = DeadlineRule)), security(("bearer" = ["deadline_rules:read"])))]
#[get("/deadline-rules/{id}")]
pub async fn get_deadline_rule(who: Allowed<ReadDeadlineRules>, db: Data<Db>, id: Path<DeadlineRuleId>) -> Reply<DeadlineRule> {
    ok(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// List the versions of a deadline rule
///
/// Newest first. A version holds for the triggers from `effective_from` to `effective_to`.
#[utoipa::path(tag = "Deadline rules", params(("id" = DeadlineRuleId, Path), List<RuleVersionFilter>), responses((status = 200, body = Page<DeadlineRule>)), security(("bearer" = ["deadline_rules:read"])))]
#[get("/deadline-rules/{id}/versions")]
pub async fn list_deadline_rule_versions(
    who: Allowed<ReadDeadlineRules>,
    db: Data<Db>,
    id: Path<DeadlineRuleId>,
    list: List<RuleVersionFilter>,
) -> Reply<Page<DeadlineRule>> {
    paged(db.read(&who, move |tx| store::page_of_versions(tx, *id, &list)).await?)
}

/// Add a version of a deadline rule
///
/// Of a rule that comes with the product or of one's own, whole. From its `effective_from` on it takes the place of the version before,
/// which stays what it was; with the same day it corrects it.
#[utoipa::path(tag = "Deadline rules", params(("id" = DeadlineRuleId, Path)), request_body = NewDeadlineRule, responses((status = 201, body = DeadlineRule)), security(("bearer" = ["deadline_rules:write"])))]
#[post("/deadline-rules/{id}/versions")]
pub async fn add_deadline_rule_version(
    who: Allowed<WriteDeadlineRules>,
    db: Data<Db>,
    id: Path<DeadlineRuleId>,
    request: Once,
    body: Body<NewDeadlineRule>,
) -> Reply<DeadlineRule> {
    once(&db, &who, request, body, move |tx, new| store::add_version(tx, *id, new)).await
}
