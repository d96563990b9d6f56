//! Lists: their parameters, sort and keyset cursors.

use super::{
    page::{Page, PageInfo},
    query::{REPEATED, parse_filter},
};
use crate::{
    auth::{Actor, guard::AuthContext, token::CursorKeys},
    db::dialect::{RowAfter, row_after},
    error::{ApiError, Result},
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
use serde::de::DeserializeOwned;
use sha2::Sha256;
use std::future::{Ready, ready};
use subtle::ConstantTimeEq as _;
use utoipa::{
    IntoParams,
    openapi::{
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 200;

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

    fn sign(&self, key: &[u8; 32], actor: Actor, position: &[u8]) -> [u8; 16] {
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
        let mut signature = [0; 16];
        signature.copy_from_slice(mac.finalize().into_bytes().get(..16).unwrap_or(&[0; 16]));
        signature
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
        let (signature, position) = bytes.split_at_checked(16).ok_or_else(wrong)?;
        if !self.keys.verifying.iter().any(|key| self.sign(key, actor, position).ct_eq(signature).into()) {
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
            URL_SAFE_NO_PAD.encode([self.sign(&self.keys.signing, actor, &position).as_slice(), &position].concat())
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
    let auth = req.app_data::<Data<AuthContext>>().ok_or_else(|| ApiError::internal("no AuthContext"))?;
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
                let number = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
                limit = number.ok_or_else(|| {
                    ApiError::parameter("limit", "out_of_range", format!("must lie between 1 and {MAX_LIMIT}"))
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
    Ok(List { filter, include_total, limit, sort, cursor, path, bound, rest, keys: auth.keys.cursor_keys() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

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
            keys: CursorKeys { signing: [7; 32], verifying: vec![[7; 32]] },
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
        /// A cursor works for its own list and its reader only: no two different inputs of its signature are joined to
        /// the same bytes.
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
        let is_valid_with = |signing: u8, verifying: &[u8]| {
            let keys =
                CursorKeys { signing: [signing; 32], verifying: verifying.iter().map(|key| [*key; 32]).collect() };
            List { keys, ..list("/cases", "status=active", Some(made.clone())) }.after(actor).is_ok()
        };
        assert!(is_valid_with(8, &[7, 8]) && is_valid_with(8, &[8, 7]));
        assert!(!is_valid_with(8, &[8]) && !is_valid_with(8, &[]), "its key is retired");
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
}
