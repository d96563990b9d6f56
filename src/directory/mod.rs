//! What there is to know besides the work: providers and their services, and the codes that everything is named by.

pub mod preparation_templates;
pub mod code_lists;
pub mod providers;
pub mod services;
