//! Rules of the project that the compiler cannot check.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

pub fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
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

/// The path within the repository, which may be in a folder of any name.
fn within(path: &Path) -> &Path {
    path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap()
}

/// Of the features. SQL may be in any module but the handlers, and `mod.rs` has the routes.
#[test]
fn handlers_contain_no_sql_and_other_modules_no_http() {
    for (path, text) in src() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let feature = ["identity", "directory", "casework", "portal", "overview"]
            .iter()
            .any(|area| within(&path).components().any(|part| part.as_os_str() == *area));
        if !feature {
            continue;
        }
        if name == "api.rs" {
            assert!(
                !text.contains("diesel") && !text.contains("Role::"),
                "{} must hold neither SQL nor roles",
                path.display()
            );
            // It takes no `Caller`, and sees all organizations.
            assert!(!text.contains(".maintain("), "{}: `Db::maintain` is for housekeeping", path.display());
        } else if name != "mod.rs" {
            assert!(!text.contains("actix_web"), "{} must not know of HTTP", path.display());
        }
        if name == "store.rs" {
            assert!(text.contains("fn visible("), "{} has no visible(): its reads must start from one", path.display());
        }
    }
}

/// FX-02: a file is sent only for an export that [`exports::gate`] has recorded. A file reply that is built elsewhere
/// bypasses that decision.
#[test]
fn file_replies_are_built_only_by_the_export_gate() {
    let mut made = Vec::new();
    for (path, text) in src() {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code.lines().filter(|line| {
            let is_made =
                |name: &str| line.contains(&format!("{name} {{")) && !line.contains("struct") && !line.contains("impl");
            (is_made("FileResponse") || is_made("Streamed"))
                && !line.contains("fn ")
                && !line.trim_start().starts_with("//")
        });
        let file = path.strip_prefix(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap().to_str().unwrap().to_owned();
        made.extend(lines.map(|line| (file.clone(), line.trim().to_owned())));
    }
    made.retain(|(file, line)| {
        let is_gate = file == "records/exports/gate.rs";
        // A chart for a screen, which is not an export.
        let is_chart = file == "overview/reports/api.rs"
            && line.contains("attached: false")
            && line.contains("Either::Right(FileResponse {");
        !is_gate && !is_chart
    });
    assert!(made.is_empty(), "{made:?}");
    let document =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/records/exports/gate.rs")).unwrap();
    assert!(
        document.contains("FileResponse {") && document.contains("Streamed {"),
        "the gate is where this test looks"
    );
}

#[test]
fn every_source_file_has_a_module_comment() {
    for (path, text) in src() {
        assert!(text.starts_with("//! "), "{} does not begin with a //! sentence", path.display());
    }
}

/// A file that is no module is never compiled, and its tests never run.
#[test]
fn every_test_file_is_a_module() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api");
    for (path, _) in sources(&folder) {
        let (parent, name) = (path.parent().unwrap(), path.file_stem().unwrap().to_str().unwrap());
        if name != "main" && name != "mod" {
            let list = parent.join(if parent == folder { "main.rs" } else { "mod.rs" });
            let text = std::fs::read_to_string(&list).unwrap();
            assert!(text.contains(&format!("mod {name};")), "{} does not name {}", list.display(), path.display());
        }
    }
}

#[test]
fn sql_is_not_built_from_strings() {
    for (path, text) in src() {
        if within(&path).components().any(|part| part.as_os_str() == "db") {
            continue;
        }
        for banned in ["sql_query", "dsl::sql", "batch_execute"] {
            assert!(!text.contains(banned), "{} uses {banned}", path.display());
        }
    }
}

#[test]
fn whole_rows_are_updated_only_by_rewrite() {
    let mut written = 0;
    for (path, text) in src() {
        written += text.matches("rewrite(").count() + text.matches("versioned! {").count();
        // The demo creates its rows with their final versions.
        let name = within(&path).display().to_string();
        if !["src/db/versioned.rs", "src/identity/organizations/store.rs"].contains(&&*name) {
            assert!(
                name.starts_with("src/demo/") || !text.contains(".version += 1"),
                "{name} raises a version itself; `db::save` does that"
            );
        }
        for update in text.split("diesel::update(").skip(1).map(|rest| rest.split(';').next().unwrap_or_default()) {
            let whole = [".set(row)", ".set(&row)", ".set(&*row)", ".set(self)"].iter().any(|row| update.contains(row));
            assert!(!whole, "{} writes a whole row without rewrite(): diesel::update({update}", path.display());
        }
    }
    assert!(written > 20, "only {written} were found");
}

/// Failed output must neither panic nor block, and a failed thread must be noticed.
#[test]
fn only_telemetry_prints_and_only_supervise_starts_threads() {
    for (path, text) in src() {
        let name =
            path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap().to_str().unwrap().to_owned();
        // The unit tests in a file are not part of the program.
        let program = text.split("#[cfg(test)]\nmod ").next().unwrap().split("#[cfg(all(test").next().unwrap();
        let printing = ["println!", "print!", "dbg!", "io::stdout", "io::stderr", "stdout()", "stderr()"];
        let starting = ["thread::spawn", "thread::Builder", "rt::spawn", "tokio::spawn", "task::spawn("];
        for (banned, allowed) in [
            (&printing[..], &["telemetry.rs"][..]),
            (&starting[..], &["telemetry.rs", "supervise.rs", "demo/mod.rs"][..]),
        ] {
            for word in banned.iter().filter(|_| !allowed.contains(&name.as_str())) {
                assert!(!program.contains(word), "{name} uses {word}");
            }
        }
    }
}

#[test]
fn every_test_and_path_named_in_the_documents_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let (mut named, mut ids) = (0, Vec::new());
    for quoted in text.split('`').skip(1).step_by(2) {
        let Some((module, test)) = quoted.split_once("::").filter(|(module, _)| !module.contains(' ')) else {
            continue;
        };
        let file = root.join(format!("tests/api/{module}.rs"));
        if module == "db" {
            continue; // A path of the source.
        }
        let source = std::fs::read_to_string(&file)
            .unwrap_or_else(|_| panic!("SECURITY.md names {quoted}: there is no {}", file.display()));
        assert!(source.contains(&format!("fn {test}(")), "SECURITY.md names {quoted}, which is not there");
        named += 1;
    }
    assert!(named > 40, "SECURITY.md names {named} tests");
    for line in text.lines().filter_map(|line| line.strip_prefix("| ")) {
        ids.extend(
            line.split(['|', ',', ' ']).filter(|word| word.len() == 5 && word.as_bytes()[2] == b'-').map(str::to_owned),
        );
        assert!(line.matches('|').count() == 3, "a line without its proof: {line}");
    }
    assert!(ids.len() > 60, "{} requirements", ids.len());
    for document in ["SECURITY.md", "ARCHITECTURE.md"] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        let words = text.split('`').skip(1).step_by(2).flat_map(str::split_whitespace);
        let paths: BTreeSet<&str> = words
            .filter(|word| {
                ["src/", "tests/", "benches/", ".ci/", "docs/"].iter().any(|folder| word.starts_with(folder))
            })
            .collect();
        for path in &paths {
            // Of a pattern such as `src/types/code_lists/*.json`, the folder.
            let fixed = path.split('*').next().unwrap();
            assert!(root.join(fixed).exists(), "{document} names {path}, which does not exist");
        }
        assert!(paths.len() > 20, "{document} names {} paths", paths.len());
    }
}

/// The layers of the source, lowest first. A file imports from its own folder, from its own layer and from lower ones.
/// The test finds the folders by itself: a new one must get a place here.
const LAYERS: &[&[&str]] = &[
    &["types", "error", "clock", "lock", "print", "privacy"],
    &["supervise", "telemetry", "shutdown", "mail", "auth", "http", "db", "audit"],
    &["records"],
    &["identity"],
    &["directory"],
    &["casework"],
    &["portal"],
    &["overview"],
    &["admin", "app", "cli", "config", "demo", "housekeeping", "lib", "main", "openapi", "operations", "tls"],
];

/// The folder, or the file without its ending, that stands directly in `src`.
fn place(path: &Path) -> String {
    let inner = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = inner.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// What a source names after `crate::`, directly or in a group of imports.
fn imported(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text
        .split("#[cfg(test)]\nmod ")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let (mut depth, mut begins) = (1, true);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => begins = true,
                c if begins && depth == 1 && c.is_alphabetic() => {
                    found.insert(word(&group[at..]));
                    begins = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

#[test]
fn no_layer_imports_from_a_higher_one() {
    let layer = |name: &str| LAYERS.iter().position(|layer| layer.contains(&name));
    let (mut wrong, mut checked) = (Vec::new(), 0);
    for (path, text) in src() {
        let own = place(&path);
        let at = layer(&own).unwrap_or_else(|| panic!("src/{own} has no place in LAYERS"));
        for name in imported(&text) {
            // Macros and functions of the crate's root have no layer.
            let Some(other) = layer(&name) else { continue };
            checked += 1;
            if other > at {
                wrong.push(format!("{} imports from {name}", within(&path).display()));
            }
        }
    }
    assert!(checked > 1_000, "only {checked} imports were found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn lines_are_at_most_160_columns_except_sql_and_patterns() {
    // Regular expressions that cannot be broken.
    const PATTERNS: &[&str] = &["src/types/text.rs"];
    let tests = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"));
    let mut wrong = Vec::new();
    for (path, text) in src().into_iter().chain(tests) {
        let name = within(&path).display().to_string();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| line.chars().count() > 160) {
            let is_sql = ["SELECT", "WHERE", "FROM", "coalesce(", "WHEN"].iter().any(|word| line.contains(word));
            let is_pattern = PATTERNS.contains(&name.as_str()) && line.contains("pattern:");
            if !is_sql && !is_pattern {
                wrong.push(format!("{name}:{}", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The arguments of the handlers decide which headers the published document must have.
#[test]
fn documented_request_headers_are_the_arguments_of_the_handlers() {
    let document = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    let operations: Vec<&serde_json::Value> =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values()).collect();
    let mut handlers = Vec::new();
    for (path, text) in src().into_iter().filter(|(path, _)| path.ends_with("api.rs")) {
        for handler in text.split("pub async fn ").skip(1) {
            let (name, rest) = handler.split_once('(').unwrap_or_else(|| panic!("{}", path.display()));
            let arguments = rest.split(" -> ").next().unwrap();
            handlers.push((camel(name), arguments.to_owned()));
        }
    }
    assert!(handlers.len() > 150, "{} handlers", handlers.len());
    for (header, argument) in [("If-Match", "IfMatch"), ("Idempotency-Key", "IdempotencyKey")] {
        let documented: BTreeSet<&str> = operations
            .iter()
            .filter(|operation| {
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                parameters.into_iter().any(|parameter| parameter["name"] == header)
            })
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        let taken: BTreeSet<&str> = handlers
            .iter()
            .filter(|(_, arguments)| arguments.contains(argument))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(documented, taken, "{header}");
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}
