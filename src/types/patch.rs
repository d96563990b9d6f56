//! The members of a JSON merge patch (RFC 7396): an absent member keeps the value, `null` clears it, a value sets it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::{
    Ref, RefOr,
    schema::{ObjectBuilder, OneOfBuilder, Schema, Type},
};

/// A member that may be cleared. It always has `#[serde(default)]`, so that an absent member is [`Patch::Keep`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Patch<T> {
    pub fn apply(self, to: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *to = None,
            Self::Set(value) => *to = Some(value),
        }
    }
    /// The new value, if there is one.
    pub const fn set(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            _ => None,
        }
    }
}
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(d)?.map_or(Self::Clear, Self::Set))
    }
}
/// In the OpenAPI document: the schema of `T`, or `null`.
impl<T: utoipa::ToSchema> utoipa::__dev::ComposeSchema for Patch<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::Null))
            .item(Ref::from_schema_name(T::name()))
            .description(Some("A new value, or `null` to clear it."))
            .into()
    }
}
impl<T: utoipa::ToSchema> utoipa::ToSchema for Patch<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        "Patch".into()
    }
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into(), T::schema()));
        T::schemas(schemas);
    }
}

/// A member that always has a value: it can be set but not cleared (`null` is refused, like any value of a wrong type).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change<T>(pub Option<T>);

impl<T> Default for Change<T> {
    fn default() -> Self {
        Self(None)
    }
}
impl<T> Change<T> {
    pub fn apply(self, to: &mut T) {
        if let Some(value) = self.0 {
            *to = value;
        }
    }
}
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize(d).map(|value| Self(Some(value)))
    }
}

impl<T: utoipa::PartialSchema> utoipa::__dev::ComposeSchema for Change<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        T::schema()
    }
}
impl<T: utoipa::ToSchema> utoipa::ToSchema for Change<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        "Change".into()
    }
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// Only the OpenAPI document uses this, to describe the default of an absent member.
macro_rules! absent {
    ($($name:ident),*) => {$(
        impl<T> Serialize for $name<T> {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_none()
            }
        }
    )*};
}
absent!(Patch, Change);

/// For an optional member of a patch that `validator` checks: an absent member keeps the value, and `null` is refused
/// like any value of a wrong type.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sent {
        #[serde(default)]
        may: Patch<i32>,
        #[serde(default)]
        must: Change<i32>,
    }

    /// Any JSON value, up to three levels deep.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("may|must|\\PC{0,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Only a value of the right type is accepted, and only `null` clears: not an empty text, not 0, not a list.
        #[test]
        fn any_patch_input_sets_clears_or_is_refused(value in json()) {
            let number = value.as_i64().and_then(|value| i32::try_from(value).ok());
            let sent = |name: &str| serde_json::from_value::<Sent>(json!({name: value}));
            let may = sent("may").ok().map(|sent| sent.may);
            prop_assert_eq!(may, if value.is_null() { Some(Patch::Clear) } else { number.map(Patch::Set) });
            prop_assert_eq!(sent("must").ok().and_then(|sent| sent.must.0), number);
            prop_assert!(serde_json::from_value::<Sent>(value.clone()).is_ok_and(|sent| sent.must.0.is_none() && sent.may == Patch::Keep) || value != json!({

            }), "absent keeps");
        }

        /// RFC 7396, section 2, for an object with one optional and one required member.
        #[test]
        fn patch_follows_rfc_7396(before: Option<i32>, always: i32, may: Option<Option<i32>>, must: Option<i32>) {
            let mut patch = serde_json::Map::new();
            if let Some(may) = may { patch.insert("may".into(), json!(may)); }
            if let Some(must) = must { patch.insert("must".into(), json!(must)); }
            let mut target = serde_json::Map::from_iter([("must".to_owned(), json!(always))]);
            if let Some(before) = before { target.insert("may".into(), json!(before)); }
            for (name, value) in &patch {
                if value.is_null() { target.remove(name); } else { target.insert(name.clone(), value.clone()); }
            }
            let sent: Sent = serde_json::from_value(Value::Object(patch)).unwrap();
            let (mut now, mut always) = (before, always);
            sent.may.apply(&mut now);
            sent.must.apply(&mut always);
            prop_assert_eq!(now.map(Value::from), target.get("may").cloned());
            prop_assert_eq!(Some(&json!(always)), target.get("must"));
        }
    }

    #[test]
    fn required_member_cannot_be_cleared() {
        for bad in [json!({"must": null}), json!({"must": "1"}), json!({"may": "1"}), json!({"other": 1})] {
            assert!(serde_json::from_value::<Sent>(bad.clone()).is_err(), "{bad}");
        }
    }
}
