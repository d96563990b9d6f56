//! Handlers for deadline rules.

use super::{model::*, store};
use crate::{
    auth::{
        Allowed,
        policy::{ReadDeadlineRules, WriteDeadlineRules},
    },
    db::Db,
    directory::Dependents,
    http::{Body, IdempotencyKey, List, Page, Reply, create_idempotent, ok_json, ok_page, ok_record},
};
use actix_web::{
    get, post,
    web::{Data, Path},
};

/// List deadline rules
///
/// The built-in rules and the organization's own, each in the version that is in force today. They are not legal
/// advice.
#[utoipa::path(
    tag = "Deadline rules",
    params(List<DeadlineRuleFilter>),
    responses((status = 200, body = Page<DeadlineRule>)),
    security(("bearer" = ["deadline_rules:read"])),
)]
#[get("/deadline-rules")]
pub async fn list_deadline_rules(
    who: Allowed<ReadDeadlineRules>,
    db: Data<Db>,
    list: List<DeadlineRuleFilter>,
) -> Reply<Page<DeadlineRule>> {
    ok_page(db.read(&who, move |tx| store::page(tx, &list)).await?)
}

/// Add a deadline rule
///
/// A rule of the organization, such as the number of days that its state sets.
#[utoipa::path(
    tag = "Deadline rules",
    params(IdempotencyKey),
    request_body = NewDeadlineRule,
    responses((status = 201, body = DeadlineRule)),
    security(("bearer" = ["deadline_rules:write"])),
)]
#[post("/deadline-rules")]
pub async fn create_deadline_rule(
    who: Allowed<WriteDeadlineRules>,
    db: Data<Db>,
    key: IdempotencyKey,
    body: Body<NewDeadlineRule>,
) -> Reply<DeadlineRule> {
    create_idempotent(&db, &who, key, body, store::create).await
}

/// Compute a due date
///
/// Uses the version of the rule that is in force on the trigger date, and returns the computation step by step. Stores
/// nothing. If the notice states a date, the earlier of the two counts, and a difference is flagged.
#[utoipa::path(
    tag = "Deadline rules",
    request_body = DeadlinePreviewRequest,
    responses((status = 200, body = DeadlinePreview)),
    security(("bearer" = ["deadline_rules:read"])),
)]
#[post("/deadline-rules/preview")]
pub async fn preview_deadline(
    who: Allowed<ReadDeadlineRules>,
    db: Data<Db>,
    body: Body<DeadlinePreviewRequest>,
) -> Reply<DeadlinePreview> {
    ok_json(db.read(&who, move |tx| store::preview(tx, &body)).await?)
}

/// Fetch one deadline rule
///
/// The version that is in force today or, if there is none, the newest.
#[utoipa::path(
    tag = "Deadline rules",
    params(("id" = DeadlineRuleId, Path)),
    responses((status = 200, body = DeadlineRule)),
    security(("bearer" = ["deadline_rules:read"])),
)]
#[get("/deadline-rules/{id}")]
pub async fn get_deadline_rule(
    who: Allowed<ReadDeadlineRules>,
    db: Data<Db>,
    id: Path<DeadlineRuleId>,
) -> Reply<DeadlineRule> {
    ok_record(db.peek(&who, move |tx| store::get(tx, *id)).await?)
}

/// List the versions of a deadline rule
///
/// The newest first. A version applies to trigger dates from `effective_from` to `effective_to`.
#[utoipa::path(
    tag = "Deadline rules",
    params(("id" = DeadlineRuleId, Path), List<RuleVersionFilter>),
    responses((status = 200, body = Page<DeadlineRule>)),
    security(("bearer" = ["deadline_rules:read"])),
)]
#[get("/deadline-rules/{id}/versions")]
pub async fn list_deadline_rule_versions(
    who: Allowed<ReadDeadlineRules>,
    db: Data<Db>,
    id: Path<DeadlineRuleId>,
    list: List<RuleVersionFilter>,
) -> Reply<Page<DeadlineRule>> {
    ok_page(db.read(&who, move |tx| store::page_of_versions(tx, *id, &list)).await?)
}

/// Add a version of a deadline rule
///
/// For a built-in rule or the organization's own, as a whole. From `effective_from` on it replaces the earlier version,
/// which stays stored; with the same `effective_from` it corrects that version.
#[utoipa::path(
    tag = "Deadline rules",
    params(("id" = DeadlineRuleId, Path), IdempotencyKey),
    request_body = NewDeadlineRule,
    responses((status = 201, body = DeadlineRule)),
    security(("bearer" = ["deadline_rules:write"])),
)]
#[post("/deadline-rules/{id}/versions")]
pub async fn add_deadline_rule_version(
    who: Allowed<WriteDeadlineRules>,
    db: Data<Db>,
    id: Path<DeadlineRuleId>,
    key: IdempotencyKey,
    body: Body<NewDeadlineRule>,
    dependents: Data<Dependents>,
) -> Reply<DeadlineRule> {
    create_idempotent(&db, &who, key, body, move |tx, new| store::add_version(tx, *id, new, &dependents)).await
}
