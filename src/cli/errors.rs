//! Errors as one line for the terminal.

use alongside::{
    error::{ApiError, Place},
    types::fault::Fault,
};

pub fn words(error: impl std::fmt::Display) -> String {
    error.to_string().replace('\n', " ")
}

/// An API error as one line: its own message, or its source for an internal fault.
pub fn api_words(error: ApiError) -> String {
    match (error.inner(), error.all_issues().first()) {
        (Some(source), _) => words(source),
        (None, Some(_)) => error
            .all_issues()
            .iter()
            .map(|issue| format!("{}: {}", place(&issue.place), issue.fault.detail))
            .collect::<Vec<_>>()
            .join("; "),
        (None, None) => error.detail().to_owned(),
    }
}

/// The subject of a fault: a member of the body by its name.
fn place(place: &Place) -> String {
    match place {
        Place::Pointer(pointer) => pointer.trim_start_matches('/').replace('_', " "),
        Place::Parameter(name) => name.clone(),
        Place::Header(name) => (*name).to_owned(),
    }
}

/// A wrong argument, by its name.
pub fn named(argument: &str, fault: Fault) -> String {
    format!("{argument} {}", fault.detail)
}
