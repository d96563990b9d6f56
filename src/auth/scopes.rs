//! The scopes of an integration: each is the name of a permission that an integration may be given.

use super::policy;
use crate::types::{fault::Fault, sql};
use diesel::{deserialize::FromSqlRow, expression::AsExpression};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};

/// A set of permissions with one bit for each that is given by scope, so that it is cheap to copy.
///
/// It is not an enum with the bit set of a crate: the scopes are the rows of the policy table, and an enum would be a
/// second list of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = sql::Jsonb)]
pub struct Scopes(u64);

/// The permissions that an integration may be given. The position in this list is the number of the bit in [`Scopes`].
fn rows() -> impl Iterator<Item = &'static policy::Row> {
    policy::ALL.iter().filter(|row| row.by_scope)
}

impl Scopes {
    pub const NONE: Self = Self(0);
    /// The most names in one request.
    const MAX: usize = 64;

    /// All scopes that an integration may be given.
    pub fn all() -> Self {
        Self::of(rows().map(|row| row.name)).0
    }

    /// The valid scopes among these names, and the first name that is not valid.
    fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> (Self, Option<&'n str>) {
        let (mut scopes, mut unknown) = (Self::NONE, None);
        for name in names {
            match rows().position(|row| row.name == name) {
                Some(bit) => scopes.0 |= 1 << bit,
                None => unknown = unknown.or(Some(name)),
            }
        }
        (scopes, unknown)
    }

    /// The scopes among these stored names that are still valid: a permission that was removed from the table is left
    /// out.
    pub fn from_stored(names: &[String]) -> Self {
        Self::of(names.iter().map(String::as_str)).0
    }

    /// The scopes of these names.
    ///
    /// # Errors
    /// If a name is unknown or is a permission that no integration may have.
    pub fn parse<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, Fault> {
        match Self::of(names) {
            (scopes, None) => Ok(scopes),
            _ => Err(Fault::new("unknown_scope", "must be scopes that an integration may be given")),
        }
    }

    /// Whether the set contains the permission with this bit.
    pub const fn has(self, bit: u32) -> bool {
        self.0 & (1 << bit) != 0
    }
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// The names of the scopes, in the table's order.
    pub fn names(self) -> Vec<&'static str> {
        rows().zip(0..).filter(|(_, bit)| self.has(*bit)).map(|(row, _)| row.name).collect()
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.names())
    }
}
impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(d)?;
        if names.len() > Self::MAX {
            return Err(Fault::new("out_of_range", format!("must be at most {}", Self::MAX)).serde());
        }
        Self::parse(names.iter().map(String::as_str)).map_err(Fault::serde)
    }
}
impl utoipa::PartialSchema for Scopes {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        let names = Self::all().names();
        ArrayBuilder::new()
            .max_items(Some(Self::MAX))
            .items(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names)))
            .description(Some("What an integration may do."))
            .into()
    }
}
impl utoipa::ToSchema for Scopes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_permissions_for_integrations_are_scopes() {
        let some = Scopes::parse(["cases:read", "directory:write", "cases:read"]).unwrap();
        assert_eq!(some.names(), ["cases:read", "directory:write"]);
        for never in [
            "notes:read",
            "clients:read",
            "statements:read",
            "search:read",
            "meetings:read",
            "audit:read",
            "users:read",
            "portal:read",
            "self:write",
            "x",
            "",
        ] {
            assert!(Scopes::parse(["cases:read", never]).is_err(), "{never}");
        }
        assert_eq!(Scopes::from_stored(&["cases:read".into(), "gone:read".into()]).names(), ["cases:read"]);
        assert!(Scopes::NONE.is_empty() && Scopes::NONE.names().is_empty());
    }

    #[test]
    fn scopes_apply_only_to_integrations() {
        use crate::auth::{Role, policy::*};
        for role in Role::ALL {
            assert_eq!(
                allowed::<ReadDirectory>(*role, Scopes::all()),
                !matches!(role, Role::Client | Role::Auditor),
                "{role:?}"
            );
            assert!(!allowed::<ReadNotes>(Role::Integration, Scopes(u64::MAX)));
        }
        assert!(!allowed::<ReadCases>(Role::Integration, Scopes::parse(["directory:read"]).unwrap()));
        assert_eq!(permissions(Role::Integration, Scopes::NONE), ["self:read", "self:factor"]);
        assert_eq!(permissions(Role::Auditor, Scopes::all()), permissions(Role::Auditor, Scopes::NONE));
    }
}
