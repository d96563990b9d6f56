//! A document column.

use super::sql;
use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A column that holds any serde type: `jsonb` / JSON text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Jsonb)]
#[serde(transparent)]
pub struct Json<T: 'static>(pub T);

/// The types that a document column can hold.
pub trait Document: std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static {}
impl<T: std::fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static> Document for T {}

/// A file of `examples/`, as the `example` of a schema in the OpenAPI document.
///
/// # Panics If the file is not JSON. Each start of the server and the tests generate the document, so this is noticed
/// at once.
#[expect(clippy::expect_used, reason = "the files are part of the program")]
pub fn example(file: &str) -> serde_json::Value {
    serde_json::from_str(file).expect("a file of examples holds JSON")
}
