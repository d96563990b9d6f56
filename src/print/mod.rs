//! Pages that are read on paper: one description, as a web page and as a PDF. Knows nothing of what is printed.

pub mod html;
pub mod pdf;
mod text;

/// What is printed, before it has a form.
#[derive(Debug, Clone, Default)]
pub struct Sheet {
    /// The largest heading, and the name of the document.
    pub title: String,
    pub blocks: Vec<Block>,
    /// Stands at the foot of every page of a PDF, before the number of the page.
    pub foot: String,
}

/// One part of a sheet, from the top down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Under the title: whose it is.
    Name(String),
    /// In a frame: what must not be overlooked.
    Notice(String),
    Heading(String),
    /// Words as they were written; a line break in them is one on the page.
    Text(String),
}
