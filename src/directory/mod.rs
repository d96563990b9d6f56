//! Reference data: providers and their services, the rules of deadlines, preparation templates, and code lists.

pub mod code_lists;
pub mod deadline_rules;
pub mod preparation_templates;
pub mod providers;
pub mod services;
