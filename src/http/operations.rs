//! The operations of the API, read from the OpenAPI document, so that the router's errors and the guard agree with it.

use crate::error::{ApiError, Code, Result};
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The operations of the OpenAPI document: path, method, and query parameters.
#[derive(Debug, Default)]
pub struct Operations {
    paths: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

impl Operations {
    pub fn of(document: &Value) -> Self {
        let mut paths: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (path, item) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let parameters = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
                let query = parameters.filter(|parameter| parameter.get("in").is_some_and(|place| place == "query"));
                let names = query.filter_map(|parameter| parameter.get("name")?.as_str().map(str::to_owned)).collect();
                paths.entry(path.clone()).or_default().insert(method.to_ascii_uppercase(), names);
            }
        }
        Self { paths }
    }

    /// The path template in the OpenAPI document, with placeholders for the ids.
    pub fn template(&self, path: &str) -> Option<&str> {
        self.find(path).map(|(template, _)| template.as_str())
    }

    fn find(&self, path: &str) -> Option<(&String, &BTreeMap<String, BTreeSet<String>>)> {
        let fits = |template: &str| {
            template.split('/').count() == path.split('/').count()
                && template
                    .split('/')
                    .zip(path.split('/'))
                    .all(|(part, given)| part == given || part.starts_with('{') && !given.is_empty())
        };
        self.paths.get_key_value(path).or_else(|| self.paths.iter().find(|(template, _)| fits(template)))
    }

    /// The methods of a path including `HEAD`, for `Allow`.
    fn methods(&self, path: &str) -> Option<String> {
        let (_, methods) = self.find(path)?;
        let mut names: Vec<&str> = methods.keys().map(String::as_str).collect();
        if names.contains(&"GET") {
            names.push("HEAD");
        }
        Some(names.join(", "))
    }

    /// Refuses a query parameter that the operation does not have.
    pub fn check_query(&self, req: &HttpRequest) -> Result<()> {
        if req.query_string().is_empty() {
            return Ok(());
        }
        let known = req.match_pattern().and_then(|pattern| self.paths.get(&pattern)?.get(req.method().as_str()));
        for (name, _) in form_urlencoded::parse(req.query_string().as_bytes()) {
            if !known.is_some_and(|known| known.contains(name.as_ref())) {
                return Err(ApiError::parameter(name, "unknown_parameter", "is not a parameter of this operation"));
            }
        }
        Ok(())
    }
}

/// Handles a request that no route matches: 405 with `Allow` on an existing path, else 404.
pub async fn unmatched(req: HttpRequest) -> HttpResponse {
    let operations = req.app_data::<Data<Operations>>();
    HttpResponse::from_error(match operations.and_then(|operations| operations.methods(req.path())) {
        Some(allow) => method_not_allowed(&allow),
        None => ApiError::new(Code::NotFound, "There is nothing at this address."),
    })
}

/// The error for a route that matched a path whose id is invalid: 405 if the path is itself an operation with other
/// methods, as `/deadline-rules/preview` is not a rule; else 404.
pub fn no_such_id(req: &HttpRequest) -> ApiError {
    let own = req.app_data::<Data<Operations>>().filter(|operations| operations.paths.contains_key(req.path()));
    own.and_then(|operations| operations.methods(req.path()))
        .map_or_else(ApiError::not_found, |allow| method_not_allowed(&allow))
}

fn method_not_allowed(allow: &str) -> ApiError {
    ApiError::new(
        Code::MethodNotAllowed,
        "This path does not support the method. The Allow header lists those that it supports.",
    )
    .header("allow", allow)
}
