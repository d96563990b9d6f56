//! Lists: filters, sort, keyset cursors, pages.

use super::faults::{self, Read};
use crate::{
    auth::{Actor, guard::AuthContext, token::CursorKeys},
    db::dialect::{RowAfter, row_after},
    error::{ApiError, Result},
    types::fault::Fault,
};
use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use diesel::{
    dsl::{Asc, Desc},
    expression::AsExpression,
    expression_methods::ExpressionMethods,
    query_dsl::methods::{FilterDsl, LimitDsl, OrderDsl},
    sql_types::SqlType,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, IntoDeserializer, Visitor},
};
use sha2::Sha256;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    future::{Ready, ready},
};
use subtle::ConstantTimeEq as _;
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ArrayBuilder, ObjectBuilder, Schema, Type},
    },
};

const DEFAULT_LIMIT: i64 = 50;
const LARGEST_LIMIT: i64 = 200;
const MOST_VALUES: usize = 50;

/// The parameters of every list.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described here; `List` reads them")]
struct PageQuery {
    /// How many items to return.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
    /// `page.next_cursor` of the page before. It belongs to its filters, its sort and its reader; the limit may change.
    #[param(max_length = 200)]
    cursor: Option<String>,
    /// Whether to count every item, page or not.
    include_total: Option<bool>,
}

/// The parameters of a list in the OpenAPI document: the page, the sort, and its own filters.
impl<F: Filter> IntoParams for List<F> {
    fn into_params(place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let sorts = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(F::SORTS.iter().copied()))
            .default(F::SORTS.first().map(|sort| serde_json::json!(sort)));
        let sort = ParameterBuilder::new()
            .name("sort")
            .parameter_in(ParameterIn::Query)
            .description(Some("What to sort by; a minus sign goes down."))
            .schema(Some(sorts));
        let mut all = PageQuery::into_params(&place);
        all.push(sort.build());
        all.extend(F::into_params(&place));
        all
    }
}

/// The filters of one list.
pub trait Filter: DeserializeOwned + Default + IntoParams + 'static {
    /// The possible sorts, the default first; a minus sign means descending.
    const SORTS: &'static [&'static str];
}

/// Several values of one filter: `a,b`, or the parameter given twice, means a OR b.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOf<T>(pub Vec<T>);

impl<'de, T: DeserializeOwned> Deserialize<'de> for OneOf<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let parts = several(d)?;
        if parts.len() > MOST_VALUES {
            return Err(Fault::new("too_long", format!("must be at most {MOST_VALUES} values")).serde());
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

const REPEATED: &str = "is given more than once";

impl<T: ToSchema> utoipa::__dev::ComposeSchema for OneOf<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ArrayBuilder::new().items(T::schema()).min_items(Some(1)).max_items(Some(MOST_VALUES)).into()
    }
}
impl<T: ToSchema> ToSchema for OneOf<T> {
    fn name() -> Cow<'static, str> {
        "OneOf".into()
    }
}

/// The parsed and validated query of a list.
#[derive(Debug)]
pub struct List<F> {
    pub filter: F,
    pub include_total: bool,
    limit: i64,
    sort: &'static str,
    cursor: Option<String>,
    /// The path and the filters. A cursor is bound to them, to the sort and to the reader.
    path: String,
    bound: String,
    /// The query without its cursor, which the link to the next page repeats.
    rest: String,
    keys: CursorKeys,
}

impl<F: Filter> List<F> {
    /// The name of the member that the list is sorted by.
    pub fn sorted_by(&self) -> &'static str {
        self.sort.trim_start_matches('-')
    }
    pub fn down(&self) -> bool {
        self.sort.starts_with('-')
    }
    /// The number of rows to read: one more than the page shows, to know whether there are more.
    pub const fn fetch(&self) -> i64 {
        self.limit + 1
    }

    fn seal(&self, key: &[u8; 32], actor: Actor, position: &[u8]) -> [u8; 16] {
        let mut mac =
            <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
        for part in [
            actor.organization.uuid().as_bytes().as_slice(),
            actor.user.uuid().as_bytes(),
            self.path.as_bytes(),
            b"?",
            self.bound.as_bytes(),
            self.sort.as_bytes(),
            position,
        ] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        let mut seal = [0; 16];
        seal.copy_from_slice(mac.finalize().into_bytes().get(..16).unwrap_or(&[0; 16]));
        seal
    }

    /// The position after which the page begins: the sort value and the id of the last item of the page before.
    pub fn after(&self, actor: Actor) -> Result<Option<(i64, uuid::Uuid)>> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let wrong = || {
            ApiError::parameter(
                "cursor",
                "invalid_cursor",
                "is not a cursor of this list with these filters and this sort",
            )
        };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
        let (seal, position) = bytes.split_at_checked(16).ok_or_else(wrong)?;
        if !self.keys.open.iter().any(|key| self.seal(key, actor, position).ct_eq(seal).into()) {
            return Err(wrong());
        }
        let (value, id) = position.split_at_checked(8).ok_or_else(wrong)?;
        let value = i64::from_be_bytes(value.try_into().map_err(|_| wrong())?);
        Ok(Some((value, uuid::Uuid::from_slice(id).map_err(|_| wrong())?)))
    }

    /// The rows of the page, in its order: a query from the cursor on, with one row more than the page shows. `columns`
    /// are the sort column and the id; `value` and `id` turn the two parts of a cursor into their values.
    ///
    /// # Errors
    /// 400 for a cursor of another list, or of another reader.
    pub fn keyset<Q, A, B, X, Y>(
        &self,
        actor: Actor,
        query: Q,
        (first, second): (A, B),
        value: impl FnOnce(i64) -> X,
        id: impl FnOnce(uuid::Uuid) -> Y,
    ) -> Result<Q>
    where
        A: ExpressionMethods<SqlType: SqlType> + Copy,
        B: ExpressionMethods<SqlType: SqlType> + Copy,
        X: AsExpression<A::SqlType>,
        Y: AsExpression<B::SqlType>,
        Q: FilterDsl<RowAfter<A, B, X, Y>, Output = Q>
            + OrderDsl<(Desc<A>, Desc<B>), Output = Q>
            + OrderDsl<(Asc<A>, Asc<B>), Output = Q>
            + LimitDsl<Output = Q>,
    {
        let query = match self.after(actor)? {
            Some((position, last)) => {
                FilterDsl::filter(query, row_after((first, second), (value(position), id(last)), self.down()))
            }
            None => query,
        };
        let query = match self.down() {
            true => OrderDsl::order(query, (first.desc(), second.desc())),
            false => OrderDsl::order(query, (first.asc(), second.asc())),
        };
        Ok(LimitDsl::limit(query, self.fetch()))
    }

    /// Builds the page from these rows, of which there are up to [`List::fetch`].
    pub fn page<R, T>(
        &self,
        actor: Actor,
        mut rows: Vec<R>,
        total: Option<i64>,
        position: impl Fn(&R) -> (i64, uuid::Uuid),
        view: impl FnMut(R) -> T,
    ) -> Page<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| has_more).map(|last| {
            let (value, id) = position(last);
            let position = [value.to_be_bytes().as_slice(), id.as_bytes()].concat();
            URL_SAFE_NO_PAD.encode([self.seal(&self.keys.seals, actor, &position).as_slice(), &position].concat())
        });
        let next_link = next_cursor.as_ref().map(|cursor| {
            let join = if self.rest.is_empty() { "" } else { "&" };
            format!("<{}?{}{join}cursor={cursor}>; rel=\"next\"", self.path, self.rest)
        });
        Page {
            items: rows.into_iter().map(view).collect(),
            page: PageInfo { next_cursor, has_more, limit: self.limit },
            total,
            next_link,
        }
    }
}

impl<F: Filter> FromRequest for List<F> {
    type Error = ApiError;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read(req))
    }
}

fn read<F: Filter>(req: &HttpRequest) -> Result<List<F>> {
    let gate = req.app_data::<Data<AuthContext>>().ok_or_else(|| ApiError::internal("no gate"))?;
    let (mut limit, mut cursor, mut sort, mut include_total) =
        (DEFAULT_LIMIT, None, F::SORTS.first().copied().unwrap_or("id"), false);
    let mut seen = std::collections::BTreeSet::new();
    let mut rest = form_urlencoded::Serializer::new(String::new());
    let mut filters = Vec::new();
    for (name, value) in form_urlencoded::parse(req.query_string().as_bytes()) {
        let of_every_list = matches!(name.as_ref(), "limit" | "cursor" | "sort" | "include_total");
        if of_every_list && !seen.insert(name.clone()) {
            return Err(ApiError::parameter(name, "duplicate", REPEATED));
        }
        if name != "cursor" {
            rest.append_pair(&name, &value);
        }
        match name.as_ref() {
            "limit" => {
                let number = value.parse().ok().filter(|limit| (1..=LARGEST_LIMIT).contains(limit));
                limit = number.ok_or_else(|| {
                    ApiError::parameter("limit", "out_of_range", format!("must lie between 1 and {LARGEST_LIMIT}"))
                })?;
            }
            "cursor" => cursor = Some(value.into_owned()),
            "sort" => {
                let known = F::SORTS.iter().find(|sort| **sort == value);
                sort = known.ok_or_else(|| {
                    ApiError::parameter("sort", "unknown_sort", format!("must be one of {}", F::SORTS.join(", ")))
                })?;
            }
            "include_total" => {
                include_total = match value.as_ref() {
                    "true" => true,
                    "false" => false,
                    _ => return Err(ApiError::parameter("include_total", "wrong_type", "must be true or false")),
                }
            }
            _ => filters.push((name, value)),
        }
    }
    // A cursor does not depend on the order of the parameters, but on the order of the values of one parameter.
    filters.sort_by(|a, b| a.0.cmp(&b.0));
    let bound = form_urlencoded::Serializer::new(String::new()).extend_pairs(&filters).finish();
    let filter = parse_filter(filters)?;
    let (path, rest) = (req.path().to_owned(), rest.finish());
    Ok(List { filter, include_total, limit, sort, cursor, path, bound, rest, keys: gate.keys.cursor_keys() })
}

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
        match faults::read(&error.into_inner().to_string()) {
            Read::Unknown(name) => {
                ApiError::parameter(name, "unknown_parameter", "is not a parameter of this operation")
            }
            Read::Repeated(name) => ApiError::parameter(name, "duplicate", REPEATED),
            Read::Missing(name) => ApiError::parameter(name, "required", "must be given"),
            Read::Wrong(Fault { code: "duplicate", detail }) => ApiError::parameter(name, "duplicate", detail),
            Read::Wrong(Fault { detail, .. }) => ApiError::parameter(name, "invalid", detail),
        }
    })
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub page: PageInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    #[serde(skip)]
    next_link: Option<String>,
}

impl<T> Page<Option<T>> {
    /// The page, if every item is present.
    pub fn whole(self) -> Option<Page<T>> {
        let Self { items, page, total, next_link } = self;
        Some(Page { items: items.into_iter().collect::<Option<_>>()?, page, total, next_link })
    }
}

impl<T> Page<T> {
    pub fn next_link(&self) -> Option<String> {
        self.next_link.clone()
    }
    /// The same page, with another view of each item.
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, page, total, next_link } = self;
        Page { items: items.into_iter().map(view).collect(), page, total, next_link }
    }
}

/// Where a page stands in its list.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
pub struct PageInfo {
    /// Pass it as `cursor` to get the next page; absent on the last.
    pub next_cursor: Option<String>,
    pub has_more: bool,
    pub limit: i64,
}

impl<T: ToSchema> utoipa::__dev::ComposeSchema for Page<T> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ObjectBuilder::new()
            .property("items", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .required("items")
            .property("page", Ref::from_schema_name("PageInfo"))
            .required("page")
            .property(
                "total",
                ObjectBuilder::new()
                    .schema_type(Type::Integer)
                    .description(Some("With `include_total=true`: how many there are.")),
            )
            .description(Some("One page of a list."))
            .into()
    }
}
impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        "Page".into()
    }
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into(), T::schema()));
        schemas.push(("PageInfo".into(), PageInfo::schema()));
        T::schemas(schemas);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Default, Deserialize, IntoParams)]
    struct Nothing {}
    impl Filter for Nothing {
        const SORTS: &'static [&'static str] = &["-at"];
    }

    fn list(path: &str, rest: &str, cursor: Option<String>) -> List<Nothing> {
        List {
            filter: Nothing {},
            include_total: false,
            limit: 1,
            sort: "-at",
            cursor,
            path: path.into(),
            bound: rest.into(),
            rest: rest.into(),
            keys: CursorKeys { seals: [7; 32], open: vec![[7; 32]] },
        }
    }
    fn reader() -> Actor {
        Actor::somebody()
    }
    fn cursor(actor: Actor, value: i64, id: uuid::Uuid) -> String {
        let next = list("/cases", "status=active", None)
            .page(actor, vec![(value, id); 2], None, |row| *row, |row| row)
            .page
            .next_cursor;
        next.unwrap()
    }

    proptest! {
        /// A cursor works for its own list and its reader only: no two different inputs of its seal are joined to the
        /// same bytes.
        #[test]
        fn cursor_is_valid_only_for_its_exact_list_and_query(
            one in "/[a-z]{0,6}",
            rest in "[a-z=&?]{0,6}",
            other in "/[a-z]{0,6}",
            other_rest in "[a-z=&?]{0,6}",
            mine: bool,
        ) {
            let actor = reader();
            let made = list(&one, &rest, None).page(actor, vec![(1, uuid::Uuid::nil()); 2], None, |row| *row, |row| row).page.next_cursor;
            let asks = if mine { actor } else { reader() };
            let opened = list(&other, &other_rest, made).after(asks).is_ok();
            prop_assert_eq!(opened, mine && (&one, &rest) == (&other, &other_rest));
        }

        #[test]
        fn cursor_round_trips_its_position(value: i64, id: u128) {
            let (actor, id) = (reader(), uuid::Uuid::from_u128(id));
            let made = cursor(actor, value, id);
            prop_assert!(made.len() <= 200, "as the document has it");
            prop_assert_eq!(list("/cases", "status=active", Some(made)).after(actor).unwrap(), Some((value, id)));
        }

        #[test]
        fn arbitrary_text_is_not_a_cursor(text in "\\PC{0,80}|[A-Za-z0-9_-]{54}") {
            prop_assert!(list("/cases", "status=active", Some(text)).after(reader()).is_err());
        }

        #[test]
        fn cursor_with_one_changed_character_is_refused(place in 0_usize..54, letter in "[A-Za-z0-9_-]") {
            let actor = reader();
            let made = cursor(actor, 1, uuid::Uuid::nil());
            let changed = format!("{}{letter}{}", &made[..place], &made[place + 1..]);
            prop_assert_eq!(list("/cases", "status=active", Some(changed.clone())).after(actor).is_ok(), changed == made);
        }
    }

    #[test]
    fn cursor_is_valid_with_any_current_key() {
        let actor = reader();
        let made = cursor(actor, 1, uuid::Uuid::nil());
        let by = |seals: u8, open: &[u8]| {
            let keys = CursorKeys { seals: [seals; 32], open: open.iter().map(|key| [*key; 32]).collect() };
            List { keys, ..list("/cases", "status=active", Some(made.clone())) }.after(actor).is_ok()
        };
        assert!(by(8, &[7, 8]) && by(8, &[8, 7]));
        assert!(!by(8, &[8]) && !by(8, &[]), "its key is retired");
    }

    #[test]
    fn cursor_is_valid_only_for_its_reader_and_list() {
        let (actor, other) = (reader(), reader());
        let made = || Some(cursor(actor, 1, uuid::Uuid::nil()));
        assert!(list("/cases", "status=active", made()).after(actor).is_ok());
        assert!(list("/cases", "status=active", made()).after(other).is_err());
        assert!(
            list("/cases", "status=active", made()).after(Actor { organization: other.organization, ..actor }).is_err()
        );
        assert!(list("/cases", "status=closed", made()).after(actor).is_err());
        assert!(list("/tasks", "status=active", made()).after(actor).is_err());
    }

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
            let crate::error::Place::Parameter(at) = &issue.place else { panic!("{wrong}") };
            assert_eq!((at.as_str(), issue.fault.code, issue.fault.detail.as_str()), (name, code, detail), "{wrong}");
        }
        let error = read("status=nobody").unwrap_err();
        assert!(error.all_issues()[0].fault.detail.starts_with("must be one of admin, "), "{error:?}");
    }
}
