//! Errors as one line for the terminal.

use alongside::{
    error::{ApiError, FieldPath},
    types::fault::Fault,
};

pub fn one_line(error: impl std::fmt::Display) -> String {
    error.to_string().replace('\n', " ")
}

/// An API error as one line: its own message, or its source for an internal fault.
pub fn api_error_line(error: ApiError) -> String {
    match (error.source_error(), error.all_issues().first()) {
        (Some(source), _) => one_line(source),
        (None, Some(_)) => error
            .all_issues()
            .iter()
            .map(|issue| format!("{}: {}", field_name(&issue.path), issue.fault.detail))
            .collect::<Vec<_>>()
            .join("; "),
        (None, None) => error.detail().to_owned(),
    }
}

/// The subject of a fault: a member of the body by its name.
fn field_name(path: &FieldPath) -> String {
    match path {
        FieldPath::Pointer(pointer) => pointer.trim_start_matches('/').replace('_', " "),
        FieldPath::Parameter(name) => name.clone(),
        FieldPath::Header(name) => (*name).to_owned(),
    }
}

/// A wrong argument, by its name.
pub fn argument_error(argument: &str, fault: Fault) -> String {
    format!("{argument} {}", fault.detail)
}
