//! The key of a record: a version 7 UUID, so that keys sort by creation time.

use super::{fault::Fault, sql};
use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

/// The key of a `T`: a UUID in canonical lower-case form. Other forms are refused.
#[derive(AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Uuid)]
pub struct Id<T: 'static>(uuid::Uuid, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// The nil id: no record has it.
    pub const NIL: Self = Self::from_uuid(uuid::Uuid::nil());

    #[expect(clippy::new_without_default, reason = "an id is never a default")]
    pub fn new() -> Self {
        Self::from_uuid(uuid::Uuid::now_v7())
    }
    pub const fn from_uuid(uuid: uuid::Uuid) -> Self {
        Self(uuid, PhantomData)
    }
    pub const fn uuid(self) -> uuid::Uuid {
        self.0
    }

    /// Parses the canonical form (RFC 9562, lower case) only.
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = text.len() == 36 && !text.bytes().any(|b| b.is_ascii_uppercase());
        let uuid = canonical.then(|| uuid::Uuid::try_parse(text).ok())??;
        Some(Self::from_uuid(uuid))
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.0.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))
    }
}
impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text)
            .ok_or_else(|| Fault::new("invalid_id", "must be a UUID in canonical lower-case form").serde())
    }
}
impl<T> utoipa::PartialSchema for Id<T> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
            .pattern(Some("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"))
            .description(Some("The key of a record: a UUID in canonical lower-case form."))
            .examples([serde_json::json!("019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6a7b")])
            .into()
    }
}
impl<T> utoipa::ToSchema for Id<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_uuid_form_is_an_id() {
        let good = "019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6a7b";
        assert_eq!(Id::<()>::parse(good).map(|id| id.to_string()).as_deref(), Some(good));
        for bad in [
            "019AB3C4-5D6E-7F80-9A1B-2C3D4E5F6A7B",
            "019ab3c45d6e7f809a1b2c3d4e5f6a7b",
            "",
            "{019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6a7b}",
        ] {
            assert_eq!(Id::<()>::parse(bad), None, "{bad}");
        }
    }
}
