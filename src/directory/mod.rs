//! What there is to know besides the work: providers and their services, the rules of deadlines, and the codes that
//! everything is named by.

pub mod code_lists;
pub mod deadline_rules;
pub mod preparation_templates;
pub mod providers;
pub mod services;
