//! Tells cargo that the embedded migrations are a source too, and the program the day of the newest of them: the one
//! date that every build of one source knows, whatever the clock of the machine that builds it.

#[allow(clippy::print_stdout, reason = "cargo reads instructions from there")]
fn main() {
    // embed_migrations! reads the folder at compile time; without this a new file goes unnoticed.
    println!("cargo:rerun-if-changed=migrations");
    let names = std::fs::read_dir("migrations/sqlite").into_iter().flatten().flatten();
    let days = names.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.get(..10)).map(str::to_owned));
    println!("cargo:rustc-env=NEWEST_MIGRATION_ON={}", days.max().unwrap_or_default());
}
