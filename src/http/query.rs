//! The parameters of a URL's query: one value or several, of a type.

use super::faults::{self, SerdeFault};
use crate::{
    error::{ApiError, Result},
    types::fault::Fault,
};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IntoDeserializer, Visitor},
};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    future::{Ready, ready},
};
use utoipa::{
    ToSchema,
    openapi::{
        RefOr,
        schema::{ArrayBuilder, Schema},
    },
};

const MAX_VALUES: usize = 50;

/// The query of an operation that is not a list. Unknown and repeated parameters are refused here too.
#[derive(Debug)]
pub struct Query<T>(T);

impl<T> std::ops::Deref for Query<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse_filter(form_urlencoded::parse(req.query_string().as_bytes())).map(Self))
    }
}

/// The query of an operation that takes no parameters.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}

/// Parses the query parameters of a list's filter, or of an operation that is not a list.
pub fn parse_filter<'a, F: DeserializeOwned>(
    pairs: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
) -> Result<F> {
    let mut given: BTreeMap<Cow<str>, Given> = BTreeMap::new();
    for (name, value) in pairs {
        given.entry(name).or_insert_with(|| Given(Vec::new())).0.push(value);
    }
    let parameters = serde::de::value::MapDeserializer::<_, serde::de::value::Error>::new(given.into_iter());
    serde_path_to_error::deserialize(parameters).map_err(|error| {
        let name = error.path().to_string();
        match faults::parse(&error.into_inner().to_string()) {
            SerdeFault::Unknown(name) => {
                ApiError::parameter(name, "unknown_parameter", "is not a parameter of this operation")
            }
            SerdeFault::Repeated(name) => ApiError::parameter(name, "duplicate", REPEATED),
            SerdeFault::Missing(name) => ApiError::parameter(name, "required", "must be given"),
            SerdeFault::Wrong(Fault { code: "duplicate", detail }) => ApiError::parameter(name, "duplicate", detail),
            SerdeFault::Wrong(Fault { detail, .. }) => ApiError::parameter(name, "invalid", detail),
        }
    })
}

/// Several values of one filter: `a,b`, or the parameter given twice, means a OR b.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOf<T>(pub Vec<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let parts = several(d)?;
        if parts.len() > MAX_VALUES {
            return Err(Fault::new("too_long", format!("must be at most {MAX_VALUES} values")).serde());
        }
        if parts.iter().any(String::is_empty) {
            let words = if parts.len() == 1 { EMPTY } else { "has an empty value: put one comma between two values" };
            return Err(Fault::new("empty", words).serde());
        }
        let each = parts.iter().map(|part| T::deserialize(serde::de::value::StrDeserializer::<D::Error>::new(part)));
        each.collect::<std::result::Result<Vec<T>, _>>().map(Self)
    }
}

/// The values of a parameter that takes several: separated by commas, or given as repeated parameters.
fn several<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<Vec<String>, D::Error> {
    let given = Vec::<Cow<str>>::deserialize(d)?;
    Ok(given.iter().flat_map(|value| value.split(',')).map(|part| part.trim().to_owned()).collect())
}
/// The same as one text with commas. An empty parameter gives an empty text.
pub fn listed<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<Option<String>, D::Error> {
    several(d).map(|parts| Some(parts.join(",")))
}

const EMPTY: &str = "must not be empty: leave the parameter out, or give it a value";

/// The values of one parameter, one for each time it was given. Only a type that takes several values requests a
/// sequence.
struct Given<'de>(Vec<Cow<'de, str>>);

impl<'de> Given<'de> {
    fn one(mut self) -> std::result::Result<Cow<'de, str>, serde::de::value::Error> {
        let value = self.0.pop().unwrap_or_default();
        match (self.0.is_empty(), value.is_empty()) {
            (false, _) => Err(Fault::new("duplicate", REPEATED).serde()),
            (true, true) => Err(Fault::new("empty", EMPTY).serde()),
            (true, false) => Ok(value),
        }
    }
}
impl<'de> IntoDeserializer<'de, serde::de::value::Error> for Given<'de> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

/// Parses a value from its text.
macro_rules! written {
    ($($method:ident $visit:ident $words:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Self::Error> {
            match self.one()?.trim().parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(Fault::new("wrong_type", $words).serde()),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Given<'de> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Self::Error> {
        match self.one()? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Self::Error> {
        visitor.visit_seq(serde::de::value::SeqDeserializer::new(self.0.into_iter()))
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> std::result::Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> std::result::Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> std::result::Result<V::Value, Self::Error> {
        let value = self.one()?;
        visitor.visit_enum(IntoDeserializer::<Self::Error>::into_deserializer(value.trim()))
    }
    written! {
        deserialize_bool visit_bool "must be true or false";
        deserialize_i8 visit_i8 "must be a whole number";
        deserialize_i16 visit_i16 "must be a whole number";
        deserialize_i32 visit_i32 "must be a whole number";
        deserialize_i64 visit_i64 "must be a whole number";
        deserialize_u8 visit_u8 "must be a whole number";
        deserialize_u16 visit_u16 "must be a whole number";
        deserialize_u32 visit_u32 "must be a whole number";
        deserialize_u64 visit_u64 "must be a whole number";
        deserialize_f32 visit_f32 "must be a number";
        deserialize_f64 visit_f64 "must be a number";
    }
    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}

pub(super) const REPEATED: &str = "is given more than once";

impl<T: ToSchema> utoipa::__dev::ComposeSchema for OneOf<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ArrayBuilder::new().items(T::schema()).min_items(Some(1)).max_items(Some(MAX_VALUES)).into()
    }
}
impl<T: ToSchema> ToSchema for OneOf<T> {
    fn name() -> Cow<'static, str> {
        "OneOf".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_parameter_accepts_commas_and_repetition() {
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct Several {
            status: Option<OneOf<crate::auth::Role>>,
            mine: Option<bool>,
            number: Option<i32>,
            #[serde(deserialize_with = "listed")]
            names: Option<String>,
        }
        let read = |query: &str| parse_filter::<Several>(form_urlencoded::parse(query.as_bytes()));
        let roles = |query: &str| read(query).unwrap().status.unwrap().0.len();
        for two in [
            "status=admin,client",
            "status=admin&status=client",
            "status=admin,%20client",
            "status=+admin+,client",
            "status=client&mine=true&status=admin",
        ] {
            assert_eq!(roles(two), 2, "{two}");
        }
        assert_eq!(roles("status=admin,client&status=auditor"), 3);
        assert_eq!(read("mine=true&number=5").unwrap().number, Some(5));
        assert_eq!(read("names=").unwrap().names.as_deref(), Some(""));
        assert_eq!(read("names=a,b&names=c").unwrap().names.as_deref(), Some("a,b,c"));
        for (wrong, name, code, detail) in [
            ("mine=true&mine=true", "mine", "duplicate", REPEATED),
            ("mine=", "mine", "invalid", EMPTY),
            ("status=", "status", "invalid", EMPTY),
            ("status=admin,", "status", "invalid", "has an empty value: put one comma between two values"),
            ("mine=yes", "mine", "invalid", "must be true or false"),
            ("number=1.5", "number", "invalid", "must be a whole number"),
            ("other=1", "other", "unknown_parameter", "is not a parameter of this operation"),
        ] {
            let error = read(wrong).unwrap_err();
            let issue = &error.all_issues()[0];
            let crate::error::FieldPath::Parameter(at) = &issue.path else { panic!("{wrong}") };
            assert_eq!((at.as_str(), issue.fault.code, issue.fault.detail.as_str()), (name, code, detail), "{wrong}");
        }
        let error = read("status=nobody").unwrap_err();
        assert!(error.all_issues()[0].fault.detail.starts_with("must be one of admin, "), "{error:?}");
    }
}
