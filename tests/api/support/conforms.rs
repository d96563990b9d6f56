//! Fails a test whose reply does not conform to the OpenAPI document.

use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

pub static DOC: LazyLock<&Value> = LazyLock::new(alongside::app::openapi);

static VALIDATORS: LazyLock<Mutex<HashMap<String, std::sync::Arc<jsonschema::Validator>>>> =
    LazyLock::new(Mutex::default);

fn fits(template: &str, path: &str) -> bool {
    template.split('/').count() == path.split('/').count()
        && template.split('/').zip(path.split('/')).all(|(t, p)| t.starts_with('{') || t == p)
}

/// The operation that matches a request, if the OpenAPI document has one.
pub fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap();
    let paths = DOC["paths"].as_object().unwrap();
    let item =
        paths.get(path).or_else(|| paths.iter().find(|(template, _)| fits(template, path)).map(|(_, item)| item))?;
    item.get(method.to_lowercase())
}

pub fn check(method: &str, path: &str, status: u16, content_type: &str, body: &Value) {
    if status >= 400 {
        assert_eq!(
            content_type, "application/problem+json",
            "{method} {path} answered {status} without a problem: {body}"
        );
        validate("Problem", &json!({"$ref": "#/components/schemas/Problem"}), method, path, body);
    }
    let method_in_doc = if method == "HEAD" { "GET" } else { method };
    let Some(operation) = operation(method_in_doc, path) else {
        assert!(
            matches!(status, 404 | 405),
            "{method} {path} answered {status}, and the document has no such operation"
        );
        return;
    };
    let reply = &operation["responses"][status.to_string()];
    assert!(!reply.is_null(), "{method} {path} answered {status}, which the document does not list: {body}");
    let schema = &reply["content"]["application/json"]["schema"];
    let kind = content_type.split(';').next().unwrap();
    if status < 300 && !body.is_null() && kind != "application/json" {
        assert!(
            reply["content"].get(kind).is_some(),
            "{method} {path} answered {kind}, which the document does not list"
        );
    } else if status < 300 && method != "HEAD" {
        assert_eq!(
            schema.is_null(),
            body.is_null(),
            "{method} {path} {status}: body and document disagree on whether there is one"
        );
    }
    if !schema.is_null() && method != "HEAD" && (kind == "application/json" || body.is_null()) {
        let name = format!("{} {status}", operation["operationId"]);
        validate(&name, schema, method, path, body);
    }
}

fn validate(name: &str, schema: &Value, method: &str, path: &str, body: &Value) {
    let validator = std::sync::Arc::clone(VALIDATORS.lock().unwrap().entry(name.to_owned()).or_insert_with(|| {
        let whole = json!({"allOf": [schema], "components": DOC["components"]});
        std::sync::Arc::new(jsonschema::validator_for(&whole).unwrap())
    }));
    if let Err(error) = validator.validate(body) {
        panic!("{method} {path} breaks its schema at {}: {error}\n{body:#}", error.instance_path());
    }
}
