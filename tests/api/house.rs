//! The rules of the house that the compiler cannot hold.

use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

fn src() -> Vec<(PathBuf, String)> {
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn sql_stays_in_stores_and_http_in_handlers() {
    for (path, text) in src() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let feature =
            ["identity", "casework", "directory", "oversight"].iter().any(|area| path.components().any(|part| part.as_os_str() == *area));
        if !feature {
            continue;
        }
        if name == "api.rs" {
            assert!(!text.contains("diesel") && !text.contains("Role::"), "{} must hold neither SQL nor roles", path.display());
        } else if name != "mod.rs" {
            assert!(!text.contains("actix_web"), "{} must not know of HTTP", path.display());
        }
        if name == "store.rs" {
            assert!(text.contains("fn visible("), "{} has no visible(): its reads must start from one", path.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is() {
    for (path, text) in src() {
        assert!(text.starts_with("//! "), "{} does not begin with a //! sentence", path.display());
    }
}

#[test]
fn no_sql_is_put_together_from_text() {
    for (path, text) in src() {
        if path.components().any(|part| part.as_os_str() == "db") {
            continue;
        }
        for banned in ["sql_query", "dsl::sql", "batch_execute"] {
            assert!(!text.contains(banned), "{} uses {banned}", path.display());
        }
    }
}
