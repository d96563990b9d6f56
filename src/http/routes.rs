//! The registration of handlers: with actix-web, and in the OpenAPI document.

use actix_web::{dev::HttpServiceFactory, web};
use utoipa::openapi::{OpenApi, path::PathsBuilder};
use utoipa_actix_web::OpenApiFactory;

/// Where a feature registers its handlers. Each worker of a server registers them; the document is built once, because
/// it costs far more.
pub struct Routes<'a> {
    config: &'a mut web::ServiceConfig,
    document: Option<&'a mut OpenApi>,
    prefix: &'static str,
}

impl<'a> Routes<'a> {
    pub const fn new(config: &'a mut web::ServiceConfig, document: Option<&'a mut OpenApi>) -> Self {
        Self { config, document, prefix: "" }
    }

    pub fn service<H: HttpServiceFactory + OpenApiFactory + 'static>(&mut self, handler: H) -> &mut Self {
        if let Some(document) = self.document.as_deref_mut() {
            let paths =
                handler.paths().paths.into_iter().fold(PathsBuilder::new(), |paths, (path, item)| {
                    paths.path(format!("{}{path}", self.prefix), item)
                });
            document.paths.merge(paths.build());
            let mut schemas = Vec::new();
            handler.schemas(&mut schemas);
            document.components.get_or_insert_default().schemas.extend(schemas);
        }
        self.config.service(handler);
        self
    }

    /// Registers the handlers of a feature.
    pub fn configure(&mut self, feature: impl FnOnce(&mut Routes<'_>)) -> &mut Self {
        feature(self);
        self
    }

    /// Registers handlers under a path.
    pub fn scope(&mut self, prefix: &'static str, features: impl FnOnce(&mut Routes<'_>)) -> &mut Self {
        let document = self.document.as_deref_mut();
        let scope = web::scope(prefix).configure(|config| features(&mut Routes { config, document, prefix }));
        self.config.service(scope);
        self
    }
}
