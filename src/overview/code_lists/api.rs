//! Handlers for code lists.

use super::model::*;
use crate::{
    auth::{Allowed, policy::ReadCodeLists},
    error::{ApiError, Code},
    http::{Reply, ok_json},
};
use actix_web::{get, web::Path};

/// List the code lists
///
/// All lists of codes that fields of records use, both open vocabularies and closed sets.
#[utoipa::path(
    tag = "Directory",
    responses((status = 200, body = CodeLists)),
    security(("bearer" = ["code_lists:read"])),
)]
#[get("/code-lists")]
pub async fn list_code_lists(_who: Allowed<ReadCodeLists>) -> Reply<CodeLists> {
    ok_json(CodeLists::all())
}

/// The lists are the same for all callers, so an unknown name reveals nothing and the error can say where the names
/// are.
fn unknown() -> ApiError {
    ApiError::new(Code::NotFound, "There is no code list of this name. GET /api/v1/code-lists names them all.")
}

/// Fetch one code list
///
/// The codes with their labels. A retired code stays valid in old records and is refused in new ones.
#[utoipa::path(
    tag = "Directory",
    params(
        (
            "name" = String,
            Path,
            description = "The name of the list.",
            example = "barrier_type",
            max_length = 60,
            pattern = "^[a-z][a-z_]*$",
        ),
    ),
    responses((status = 200, body = CodeList)),
    security(("bearer" = ["code_lists:read"])),
)]
#[get("/code-lists/{name}")]
pub async fn get_code_list(_who: Allowed<ReadCodeLists>, name: Path<String>) -> Reply<CodeList> {
    ok_json(CodeList::named(&name).ok_or_else(unknown)?)
}
