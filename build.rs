//! Tells cargo that the embedded migrations are a source too.
#[expect(clippy::print_stdout, reason = "this is how cargo is told")]
fn main() {
    // embed_migrations! reads the folder at compile time; without this a new file goes unnoticed.
    println!("cargo:rerun-if-changed=migrations");
}
