//! One page of a list.

use serde::Serialize;
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr,
        schema::{ArrayBuilder, ObjectBuilder, Schema, Type},
    },
};

/// One page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub page: PageInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    #[serde(skip)]
    pub(super) next_link: Option<String>,
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

/// The position of a page in its list.
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
