//! The OpenAPI document: it matches the router, it is complete, and its examples are valid.

use crate::support::conforms::DOC;
use serde_json::Value;
use std::collections::BTreeSet;

fn operations() -> impl Iterator<Item = (&'static str, &'static str, &'static Value)> {
    DOC["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

#[test]
fn the_published_document_matches_the_router() {
    let now = serde_json::to_string_pretty(&*DOC).unwrap() + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json");
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi")).unwrap();
        std::fs::write(path, &now).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap_or_default() == now,
        "openapi/openapi.json is stale: BLESS=1 ./test published_document, and review the diff"
    );
}

#[test]
fn every_operation_has_id_summary_description_and_tag() {
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations() {
        let name = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap();
        assert!(
            ids.insert(id) && !id.contains('_') && id.starts_with(|c: char| c.is_ascii_lowercase()),
            "{name}: {id}"
        );
        for member in ["summary", "description"] {
            assert!(operation[member].as_str().is_some_and(|text| text.len() > 5), "{name} has no {member}");
        }
        assert!(!operation["summary"].as_str().unwrap().ends_with('.'), "{name}");
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{name}");
        let tag = &operation["tags"][0];
        assert!(
            DOC["tags"].as_array().unwrap().iter().any(|known| known["name"] == *tag),
            "{name}: src/openapi.rs does not declare the tag {tag}"
        );
        for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let observed =
                operation["parameters"].as_array().unwrap().iter().any(|p| p["in"] == "path" && p["name"] == part);
            assert!(observed, "{name} does not describe {part}");
        }
        let needs_permission = !operation["security"].as_array().unwrap().is_empty();
        assert_eq!(needs_permission, operation["x-permission"].is_string(), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.starts_with('2')), "{name}");
        if needs_permission {
            for status in ["401", "403", "500", "503"] {
                assert!(responses.contains_key(status), "{name} does not tell of {status}");
            }
            assert!(alongside::auth::policy::roles(operation["x-permission"].as_str().unwrap()).is_some(), "{name}");
        }
    }
}

/// What is wrong with a document, for each alternative of a `oneOf`.
fn explain(error: &jsonschema::ValidationError<'_>) -> String {
    let jsonschema::error::ValidationErrorKind::OneOfNotValid { context } = error.kind() else {
        return format!("at {:?}: {error}", error.instance_path().as_str()).chars().take(300).collect();
    };
    context.iter().flatten().map(explain).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_body_and_response_has_a_valid_example() {
    let schemas = DOC["components"]["schemas"].as_object().unwrap();
    let mut named = BTreeSet::new();
    for (path, method, operation) in operations() {
        let request = operation["requestBody"]["content"].as_object().into_iter().flatten().map(|(_, media)| media);
        // An HTML page or a file has no schema.
        let replies = operation["responses"].as_object().unwrap().values().flat_map(|reply| {
            reply["content"]
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(kind, _)| kind.ends_with("json"))
                .map(|(_, media)| media)
        });
        for media in request.chain(replies) {
            let name = media["schema"]["$ref"]
                .as_str()
                .unwrap_or_else(|| panic!("{method} {path}: a schema without a name"))
                .rsplit('/')
                .next()
                .unwrap();
            let example = media
                .get("example")
                .or_else(|| schemas[name].get("example"))
                .unwrap_or_else(|| panic!("{method} {path}: {name} has no example"));
            if named.insert(name) {
                let whole = serde_json::json!({"allOf": [media["schema"]], "components": DOC["components"]});
                let validator = jsonschema::validator_for(&whole).unwrap();
                if let Err(error) = validator.validate(example) {
                    panic!(
                        "the example of {name} (of the attribute or a file in examples/) is invalid: {}",
                        explain(&error)
                    );
                }
            }
        }
    }
}

#[test]
fn request_schemas_forbid_unknown_members() {
    for (path, method, operation) in operations() {
        if let Some(name) = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str() {
            let schema = &DOC["components"]["schemas"][name.rsplit('/').next().unwrap()];
            assert_eq!(schema["additionalProperties"], false, "{method} {path}");
        }
    }
}

#[test]
fn every_schema_reference_resolves() {
    fn walk(value: &Value) {
        match value {
            Value::Object(map) => {
                if let Some(pointer) = map.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#')) {
                    assert!(DOC.pointer(pointer).is_some(), "{pointer} is nowhere");
                }
                map.values().for_each(walk);
            }
            Value::Array(items) => items.iter().for_each(walk),
            _ => {}
        }
    }
    walk(&DOC);
}
