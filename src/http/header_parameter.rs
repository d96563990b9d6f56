//! How a request header that a handler takes appears in the OpenAPI document.

use utoipa::openapi::{
    Required,
    path::{Parameter, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
};

/// A header with text. `schema` adds the limits and an example.
pub fn header_parameter(
    name: &str,
    required: bool,
    description: &str,
    schema: impl FnOnce(ObjectBuilder) -> ObjectBuilder,
) -> Vec<Parameter> {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(if required { Required::True } else { Required::False })
        .description(Some(description))
        .schema(Some(schema(ObjectBuilder::new().schema_type(Type::String))));
    vec![parameter.build()]
}
