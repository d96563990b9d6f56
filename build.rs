//! Tells cargo to rebuild when the embedded migrations change, and gives the program the date of the newest migration.
//! Every build of the same source has this date, whatever the clock of the build machine says.

#[allow(clippy::print_stdout, reason = "cargo reads instructions from there")]
fn main() {
    // embed_migrations! reads the folder at compile time. Without this line cargo would not notice a new file.
    println!("cargo:rerun-if-changed=migrations");
    let names = std::fs::read_dir("migrations/sqlite").into_iter().flatten().flatten();
    let days = names.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.get(..10)).map(str::to_owned));
    println!("cargo:rustc-env=NEWEST_MIGRATION_ON={}", days.max().unwrap_or_default());
}
