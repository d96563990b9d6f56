//! Notes: what was said and done, by kind.

pub mod model;
