//! The OpenAPI document: the parts that belong to no feature, and those that are derived from the operations by rules.

use crate::{
    auth::policy,
    http::problem::{Fault, Problem, ProblemCode},
    types::bounds,
};
use actix_web::{HttpResponse, get, web::Data};
use serde_json::{Map, Value, json};
use utoipa::{
    OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Alongside",
        description = "Advocacy case management for peer-support organizations in addiction recovery.\n\nEvery refusal \
             is an `application/problem+json` (RFC 9457) with a stable `code`. Lists are keyset pages. A record has a \
             `version`, which is its `ETag`; changing it needs `If-Match`. Any POST that makes something takes an \
             `Idempotency-Key`. Somebody else's record and one that does not exist get the same 404.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(name = "Alongside", url = "https://example.org/alongside")
    ),
    servers((url = "/", description = "This server")),
    tags(
        (name = "Signing in", description = "Sessions: signing in, staying signed in, signing out."),
        (name = "Me", description = "The person who is signed in."),
        (name = "Organization", description = "The organization and its settings."),
        (name = "Users", description = "The people who sign in."),
        (name = "Teams", description = "Who works together."),
        (name = "Clients", description = "The people supported."),
        (name = "Statements", description = "What a client needs and prefers, in their own words."),
        (name = "Portal", description = "What a client who signs in sees of their own record, and what they say \
             themselves."),
        (name = "Cases", description = "Episodes of advocacy, and their status."),
        (name = "Assignments", description = "Who works a case."),
        (name = "Handovers", description = "A case passes from one lead to the next."),
        (name = "Break-glass", description = "A supervisor of another team reads a case for some hours, in an \
             emergency. The access is recorded and reviewed."),
        (name = "Barriers", description = "Obstacles between a client and a service or a right."),
        (name = "Actions", description = "Steps against a barrier, and which step may follow."),
        (name = "Deadlines", description = "By when an action must be filed or answered, how the due date \
             was computed, and whether it was met."),
        (name = "Meetings", description = "Meetings with providers and agencies: preparation, outcome, commitments."),
        (name = "Notes", description = "Records of contacts, progress and supervision."),
        (name = "Tasks", description = "What an advocate has to do, with a due date."),
        (name = "Directory", description = "Providers, services and the code lists."),
        (name = "Deadline rules", description = "How a due date is computed, by which law, and dates computed from it. \
             No legal advice."),
        (name = "Reports", description = "Measures, each defined once, and their values."),
        (name = "Search", description = "Finding records by the words in them."),
        (name = "Audit", description = "The audit log, for auditors."),
        (name = "Operations", description = "Health and keys.")
    ),
    components(schemas(Problem, Fault, ProblemCode))
)]
struct Base;

pub fn base() -> utoipa::openapi::OpenApi {
    let mut doc = Base::openapi();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An access token of `POST /api/v1/auth/login`."))
        .build();
    doc.components.get_or_insert_default().add_security_scheme("bearer", SecurityScheme::Http(bearer));
    doc
}

/// Adds to each operation what follows from its kind: its camelCase id, its roles, its possible problems, its request
/// and response headers, an example of each page.
pub fn complete(mut doc: Value) -> Value {
    rename_generics(&mut doc);
    join_lines(&mut doc);
    tidy_schemas(&mut doc);
    let examples = item_examples(&doc);
    for (path, item) in doc.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            if let Some(operation) = operation.as_object_mut() {
                complete_operation(path, method, operation, &examples);
            }
        }
    }
    doc
}

/// A doc comment is wrapped for the source file; in the OpenAPI document each paragraph of a description is one line.
fn join_lines(doc: &mut Value) {
    fn paragraphs(text: &str) -> String {
        let paragraphs = text.split("\n\n");
        // A list or a table keeps its line breaks.
        let is_prose = |paragraph: &str| !paragraph.lines().any(|line| line.starts_with(['-', '*', '|']));
        let joined = paragraphs.map(|each| if is_prose(each) { each.replace('\n', " ") } else { each.to_owned() });
        joined.collect::<Vec<_>>().join("\n\n")
    }
    match doc {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "description" => *text = paragraphs(text),
                    _ => join_lines(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(join_lines),
        _ => {}
    }
}

/// utoipa composes the names of generic schemas: `Page_Case` becomes `CasePage`, `Vec_Case` `CaseList`, `Patch_Day`
/// `NullableDay`, and `Change_T` becomes `T`.
fn rename_generics(doc: &mut Value) {
    fn plain(name: &str) -> String {
        match name.split_once('_') {
            Some(("Page", item)) => format!("{}Page", plain(item)),
            Some(("Patch", item)) => format!("Nullable{}", plain(item)),
            Some(("Change", item)) => plain(item),
            Some(("Vec", item)) => format!("{}List", plain(item)),
            Some((name, "")) => name.to_owned(),
            _ => name.to_owned(),
        }
    }
    fn walk(value: &mut Value) {
        const PREFIX: &str = "#/components/schemas/";
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    match value {
                        Value::String(text) if key == "$ref" => {
                            if let Some(name) = text.strip_prefix(PREFIX) {
                                *text = format!("{PREFIX}{}", plain(name));
                            }
                        }
                        _ => walk(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            _ => {}
        }
    }
    walk(doc);
    if let Some(schemas) = doc.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        let renamed: Map<String, Value> =
            std::mem::take(schemas).into_iter().map(|(name, schema)| (plain(&name), schema)).collect();
        *schemas = renamed;
    }
}

/// Input with an unknown member is refused, and a reply omits unset members. So every input has `additionalProperties:
/// false`, a view contains no `null`, and no default is `null`.
fn tidy_schemas(doc: &mut Value) {
    let mut inputs = std::collections::BTreeSet::new();
    for operation in doc
        .get("paths")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .flat_map(|(_, item)| item.as_object())
        .flatten()
        .map(|(_, operation)| operation)
    {
        for schema in operation
            .pointer("/requestBody/content")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(_, media)| media.get("schema"))
        {
            collect_refs(schema, doc, &mut inputs);
        }
    }
    for (name, schema) in doc.pointer_mut("/components/schemas").and_then(Value::as_object_mut).into_iter().flatten() {
        let input = inputs.contains(name.as_str());
        for (member, property) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
            if let Some(property) = property.as_object_mut() {
                if property.get("default").is_some_and(Value::is_null) {
                    property.remove("default");
                }
                if !input {
                    without_null(property);
                }
                if let Some(kind) = bounds::Kind::of(member).filter(|_| input && is_date(property)) {
                    let words = property
                        .get("description")
                        .and_then(Value::as_str)
                        .map(|words| format!("{words} "))
                        .unwrap_or_default();
                    property.insert("description".into(), json!(format!("{words}It lies {}.", kind.description())));
                }
            }
        }
    }
    drop_unused(doc);
}

/// Whether a member is a date or an instant, or may be one.
fn is_date(property: &Map<String, Value>) -> bool {
    let ends =
        |value: &Value| value.as_str().is_some_and(|name| ["Day", "Instant"].iter().any(|end| name.ends_with(end)));
    let format = |value: &Value| value == "date" || value == "date-time";
    property.iter().any(|(name, value)| match value {
        Value::Array(ways) => ways.iter().filter_map(Value::as_object).any(is_date),
        _ => name == "$ref" && ends(value) || name == "format" && format(value),
    })
}

/// A filter with several values is documented as a repeated parameter, which most generators use. The server accepts
/// commas too.
fn takes_several(parameter: &mut Map<String, Value>) {
    if parameter.get("in").is_none_or(|place| place != "query")
        || parameter.get("schema").is_none_or(|schema| schema.get("type") != Some(&json!("array")))
    {
        return;
    }
    parameter.insert("style".into(), json!("form"));
    parameter.insert("explode".into(), json!(true));
    let words =
        parameter.get("description").and_then(Value::as_str).map(|words| format!("{words} ")).unwrap_or_default();
    parameter.insert(
        "description".into(),
        json!(format!("{words}Several values: repeat the parameter, or put commas between them.")),
    );
}

fn without_null(property: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            property.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(ways)) = property.get_mut("oneOf") {
        ways.retain(|way| way != &json!({"type": "null"}));
        if let [Value::Object(only)] = ways.as_slice() {
            let only = only.clone();
            property.remove("oneOf");
            property.extend(only);
        }
    }
}

fn collect_refs(value: &Value, doc: &Value, found: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(name) =
                map.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix("#/components/schemas/"))
                && found.insert(name.to_owned())
                && let Some(schema) = doc.pointer(&format!("/components/schemas/{name}"))
            {
                collect_refs(schema, doc, found);
            }
            map.values().for_each(|value| collect_refs(value, doc, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_refs(value, doc, found)),
        _ => {}
    }
}

/// Removes schemas without references: leftovers of the composed names.
fn drop_unused(doc: &mut Value) {
    let mut used = std::collections::BTreeSet::new();
    collect_refs(&problem(""), doc, &mut used);
    if let Some(paths) = doc.get("paths") {
        collect_refs(paths, doc, &mut used);
    }
    if let Some(schemas) = doc.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.retain(|name, _| used.contains(name));
    }
}

/// The example of each schema that has one, for the examples of pages.
fn item_examples(doc: &Value) -> Map<String, Value> {
    let schemas = doc.pointer("/components/schemas").and_then(Value::as_object).into_iter().flatten();
    schemas
        .filter_map(|(name, schema)| {
            Some((name.clone(), schema.get("example").or_else(|| schema.pointer("/examples/0"))?.clone()))
        })
        .collect()
}

fn camel(snake: &str) -> String {
    let mut upper = false;
    snake.chars().fold(String::new(), |mut name, c| {
        match c {
            '_' => upper = true,
            c if std::mem::take(&mut upper) => name.extend(c.to_uppercase()),
            c => name.push(c),
        }
        name
    })
}

fn problem(description: &str) -> Value {
    json!({
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    })
}

/// Whether the reply is a record with a version, judged by its example.
fn gives_version(operation: &Map<String, Value>, examples: &Map<String, Value>) -> bool {
    ["200", "201"].iter().any(|status| {
        let schema = operation
            .get("responses")
            .and_then(|responses| responses.pointer(&format!("/{status}/content/application~1json/schema/$ref")));
        let name = schema.and_then(Value::as_str).and_then(|name| name.rsplit('/').next());
        // A computed report has the version of its definition, but none of its own.
        let has_version = |example: &Value| example.get("version").is_some() && example.get("as_of").is_none();
        name.and_then(|name| examples.get(name)).is_some_and(has_version)
    })
}

fn complete_operation(path: &str, method: &str, operation: &mut Map<String, Value>, examples: &Map<String, Value>) {
    if let Some(Value::String(id)) = operation.get_mut("operationId") {
        *id = camel(id);
    }
    let permission = operation
        .get("security")
        .and_then(|security| security.pointer("/0/bearer/0"))
        .and_then(Value::as_str)
        .map(str::to_owned);
    let needs_permission = permission.is_some();
    if let Some(permission) = &permission {
        let (roles, by_scope) = policy::roles(permission).unwrap_or_default();
        let mut roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        roles.extend(by_scope.then_some("integration (by scope)"));
        if let Some(Value::String(description)) = operation.get_mut("description") {
            description.push_str(&format!("\n\nPermission `{permission}`. Roles: {}.", roles.join(", ")));
        }
        operation.insert("x-permission".into(), json!(permission));
    }
    // `x-permission` names the scope, because an HTTP security scheme has no scopes in OpenAPI.
    operation.insert("security".into(), if needs_permission { json!([{"bearer": []}]) } else { json!([]) });

    let has_body = operation.contains_key("requestBody");
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    if let Some(list) = parameters.as_array_mut() {
        for parameter in list.iter_mut().filter_map(Value::as_object_mut) {
            if let Some(schema) = parameter.get_mut("schema").and_then(Value::as_object_mut) {
                without_null(schema);
            }
            takes_several(parameter);
        }
    }
    let takes_query = parameters
        .as_array()
        .is_some_and(|list| list.iter().any(|parameter| parameter.get("in").is_some_and(|place| place == "query")));
    let if_match = parameters.as_array().into_iter().flatten().find(|parameter| parameter["name"] == "If-Match");
    let needs_if_match = if_match.is_some_and(|parameter| parameter["required"] == true);
    let takes_if_match = if_match.is_some();
    let gives_version = gives_version(operation, examples);
    if method == "get"
        && gives_version
        && let Some(parameters) = operation.get_mut("parameters").and_then(Value::as_array_mut)
    {
        parameters.push(json!({
            "name": "If-None-Match",
            "in": "header",
            "required": false,
            "description": "The ETag of a version that you have; answered 304 while it is current.",
            "schema": {"type": "string", "examples": ["\"v7\""]},
        }));
    }
    if let Some(content) =
        operation.get_mut("requestBody").and_then(|body| body.get_mut("content")).and_then(Value::as_object_mut)
        && method == "patch"
        && let Some(json) = content.get("application/json").cloned()
    {
        content.insert("application/merge-patch+json".into(), json);
    }
    let has_path_parameter = path.contains('{');
    let content =
        operation.get("responses").and_then(|responses| responses.pointer("/200/content")).and_then(Value::as_object);
    let has_other_media_types =
        content.is_some_and(|content| content.len() > 1 || !content.contains_key("application/json"));
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    for (status, response) in responses.iter_mut() {
        let Some(response) = response.as_object_mut() else { continue };
        if response.get("description").and_then(Value::as_str).unwrap_or_default().is_empty() {
            let words = match status.as_str() {
                "201" => "Created. `Location` is its URL.",
                _ => "Successful.",
            };
            response.insert("description".into(), json!(words));
        }
        if matches!(status.as_str(), "401" | "409" | "429") {
            let words = response.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
            *response = problem(&words).as_object().cloned().unwrap_or_default();
        }
        for (_, media) in response.get_mut("content").and_then(Value::as_object_mut).into_iter().flatten() {
            let name = media
                .pointer("/schema/$ref")
                .and_then(Value::as_str)
                .and_then(|name| name.rsplit('/').next())
                .unwrap_or_default()
                .to_owned();
            if let Some(item) = name.strip_suffix("Page").and_then(|name| examples.get(name))
                && let Some(media) = media.as_object_mut()
            {
                media.insert("example".into(), json!({"items": [item], "page": {"has_more": false, "limit": 50}}));
            }
        }
        let mut headers = Map::new();
        if gives_version && matches!(status.as_str(), "200" | "201") {
            headers.insert(
                "ETag".into(),
                json!({"description": "The version, as `\"v7\"`.", "schema": {"type": "string"}}),
            );
        }
        if status == "201" {
            headers.insert(
                "Location".into(),
                json!({"description": "The URL of the new record.", "schema": {"type": "string"}}),
            );
        }
        if !headers.is_empty() {
            response.insert("headers".into(), Value::Object(headers));
        }
    }
    let mut add_problem = |status: &str, words: &str, when: bool| {
        if when && !responses.contains_key(status) {
            responses.insert(status.to_owned(), problem(words));
        }
    };
    add_problem(
        "400",
        "A parameter, a header or the body is not well-formed.",
        needs_permission || takes_query || has_body,
    );
    add_problem("401", "The request carries no valid access token.", needs_permission);
    add_problem("403", "The caller's role may not do this.", needs_permission);
    add_problem(
        "404",
        "The record does not exist, or the caller may not see it.",
        has_path_parameter || needs_permission && method == "post",
    );
    add_problem(
        "409",
        "The state of the record does not allow this. `errors` gives the reasons.",
        needs_permission && method != "get",
    );
    add_problem("412", "The record has changed since it was read. `ETag` is its current version.", takes_if_match);
    add_problem("406", "The response is not available in any media type of `Accept`.", has_other_media_types);
    add_problem("408", "The body did not arrive in time.", has_body);
    add_problem("413", "The body is too large.", has_body);
    add_problem("414", "The address is too long.", true);
    add_problem("415", "The body is not `application/json` in UTF-8.", has_body);
    add_problem("422", "A member of the body is invalid. `errors` points at it.", has_body);
    add_problem("428", "`If-Match` is missing.", needs_if_match);
    add_problem("431", "The headers are too large.", true);
    add_problem("500", "Internal error. It is logged with the request's id.", true);
    add_problem("503", "Overloaded, or the database is unavailable. `Retry-After` says when to try again.", true);
    if method == "get" && gives_version {
        responses.insert("304".into(), json!({"description": "The version named by `If-None-Match` is current."}));
    }
}

/// The OpenAPI document as it is served.
#[derive(Debug)]
pub struct Published(pub String);

#[get("/openapi.json")]
async fn get_document(document: Data<Published>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document.0.clone())
}

#[get("/docs")]
async fn go_to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header(("location", "/docs/")).finish()
}

/// The OpenAPI document and the page that displays it, both from the binary.
pub fn docs(cfg: &mut actix_web::web::ServiceConfig) {
    let page = utoipa_swagger_ui::SwaggerUi::new("/docs/{_:.*}")
        .config(utoipa_swagger_ui::Config::from("/openapi.json").validator_url("none"));
    cfg.service(get_document).service(go_to_docs).service(page);
}
