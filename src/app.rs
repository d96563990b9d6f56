//! The whole application: every feature, mounted once.

use crate::{
    auth::{
        guard::AuthContext,
        password::{Cost, Hasher},
        secret_keys::SecretKeys,
        source::Sources,
        token::Keys,
    },
    casework,
    db::{AccessChecks, Db},
    directory,
    http::{self, Routes, problem::ProblemTypes},
    identity,
    mail::Mailer,
    openapi, operations, overview, portal,
    records::visibility,
    tls::{self, Certificate},
};
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{App, HttpServer, dev::Server, middleware::from_fn, rt::net::TcpStream, web::Data};
use std::{
    net::TcpListener,
    sync::{Arc, LazyLock},
    time::Duration,
};
use tracing_actix_web::TracingLogger;

/// All routes.
pub fn routes(routes: &mut Routes<'_>) {
    routes.scope("/api/v1", |routes| {
        routes
            .configure(identity::sessions::routes)
            .configure(identity::second_factor::routes)
            .configure(identity::recovery::routes)
            .configure(identity::email_change::routes)
            .configure(identity::invitations::routes)
            .configure(identity::users::routes)
            .configure(identity::teams::routes)
            .configure(identity::teams::deputies::routes)
            .configure(identity::organizations::routes)
            .configure(overview::agenda::routes)
            .configure(casework::clients::routes)
            .configure(casework::statements::routes)
            .configure(casework::cases::routes)
            .configure(casework::assignments::routes)
            .configure(casework::handovers::routes)
            .configure(casework::break_glass::routes)
            .configure(overview::timeline::routes)
            .configure(overview::case_file::routes)
            .configure(casework::conflicts::routes)
            .configure(casework::conflicts::interests::routes)
            .configure(casework::barriers::routes)
            .configure(casework::actions::routes)
            .configure(casework::deadlines::routes)
            .configure(casework::notes::routes)
            .configure(casework::tasks::routes)
            .configure(casework::meetings::routes)
            .configure(casework::meetings::preparation::routes)
            .configure(casework::meetings::commitments::routes)
            .configure(overview::provider_memory::routes)
            .configure(overview::self_advocacy::routes)
            .configure(portal::routes)
            .configure(directory::providers::routes)
            .configure(directory::preparation_templates::routes)
            .configure(directory::services::routes)
            .configure(directory::deadline_rules::routes)
            .configure(overview::code_lists::routes)
            .configure(overview::access_log::routes)
            .configure(overview::search::routes)
            .configure(overview::reports::routes)
            .configure(overview::exports::routes)
            .configure(overview::audit_events::routes);
    });
    routes.configure(operations::routes);
}

/// The checks that `db` needs from higher layers.
pub const ACCESS_CHECKS: AccessChecks = AccessChecks {
    session_is_valid: identity::sessions::store::revalidate_session,
    has_break_glass: visibility::has_break_glass,
};

/// What casework does when the directory changes.
const DEPENDENTS: directory::Dependents = directory::Dependents {
    provider_merged: casework::conflicts::store::recheck_after_merge,
    rule_version_added: casework::deadlines::review::rule_changed,
};

/// The OpenAPI document of these routes.
pub fn openapi() -> &'static serde_json::Value {
    static DOCUMENT: LazyLock<serde_json::Value> = LazyLock::new(|| {
        let mut document = openapi::base();
        drop(App::new().configure(|config| routes(&mut Routes::new(config, Some(&mut document)))));
        openapi::complete(serde_json::to_value(&document).unwrap_or_default())
    });
    &DOCUMENT
}

/// The dependencies of the server.
pub struct Setup {
    pub db: Db,
    pub keys: Arc<Keys>,
    /// The keys that encrypt secrets in the database.
    pub secrets: Arc<SecretKeys>,
    pub workers: usize,
    pub server_options: ServerOptions,
    pub mailer: Mailer,
}

/// The server's settings about its environment.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    pub sources: Sources,
    pub password_cost: Cost,
    /// The most connections that are open at once (HT-06). A further connection waits until one of them closes.
    pub most_connections: usize,
    /// Whether the OpenAPI document and its page are served.
    pub docs: bool,
    /// The origins whose pages may read responses.
    pub origins: http::cors::Origins,
    /// If set, the server accepts TLS only.
    pub tls: Option<Arc<Certificate>>,
    /// What the `type` of every problem begins with.
    pub problem_types: ProblemTypes,
}

/// Closes a connection whose client does not read the response: actix has no time limit for this (HT-05). A client that
/// reads very slowly, or on a system without this option, keeps one of the connections.
fn set_tcp_user_timeout(socket: &dyn std::any::Any) {
    #[cfg(target_os = "linux")]
    if let Some(socket) = tcp_stream(socket) {
        let milliseconds = 30_000;
        let _ = rustix::net::sockopt::set_tcp_user_timeout(socket, milliseconds);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

/// The TCP socket, also below TLS.
#[cfg(target_os = "linux")]
fn tcp_stream(connection: &dyn std::any::Any) -> Option<&TcpStream> {
    connection
        .downcast_ref()
        .or_else(|| connection.downcast_ref::<TlsStream<TcpStream>>().map(|stream| stream.get_ref().0))
}

/// Starts the server on a bound listener.
pub fn serve(listener: TcpListener, setup: Setup) -> std::io::Result<Server> {
    let document = openapi();
    let operations = Arc::new(http::operations::Operations::of(document));
    let document = Data::new(openapi::Published(serde_json::to_string(document).unwrap_or_default()));
    let ServerOptions { sources, password_cost, most_connections, docs, origins, tls, problem_types } =
        setup.server_options;
    let most_each = (most_connections / setup.workers.max(1)).max(1);
    let mailer = Data::new(setup.mailer);
    let hasher = Data::new(Hasher::start(password_cost).map_err(std::io::Error::other)?);
    let sessions = Arc::new(identity::sessions::batched_lookup::BatchedLookup::start(&setup.db)?);
    let auth = Data::new(AuthContext {
        keys: Arc::clone(&setup.keys),
        secrets: setup.secrets,
        sessions,
        operations: Arc::clone(&operations),
        sources,
    });
    let db = Data::new(setup.db);
    let explains_problems = problem_types.has_page();
    let (origins, problem_types) = (Data::new(origins), Data::new(problem_types));
    let server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(http::middleware::process_request))
            .wrap(TracingLogger::<crate::telemetry::RequestSpan>::new())
            .app_data(db.clone())
            .app_data(auth.clone())
            .app_data(hasher.clone())
            .app_data(mailer.clone())
            .app_data(origins.clone())
            .app_data(problem_types.clone())
            .app_data(Data::from(Arc::clone(&operations)))
            .app_data(Data::new(DEPENDENTS))
            .app_data(overview::kinds::authorize_replay as http::idempotency::AuthorizeReplay)
            .app_data(document.clone())
            .app_data(
                actix_web::web::PathConfig::default().error_handler(|_, req| http::operations::no_such_id(req).into()),
            )
            .configure(|config| routes(&mut Routes::new(config, None)))
            .configure(|cfg| {
                if docs || explains_problems {
                    cfg.service(http::problem::get_problems);
                }
                if docs {
                    openapi::docs(cfg)
                }
            })
            .default_service(actix_web::web::to(http::operations::unmatched))
    });
    let server = server
        .workers(setup.workers)
        .on_connect(|socket, _| set_tcp_user_timeout(socket))
        .max_connections(most_each)
        // The most connections in a TLS handshake at once. It is the same number, so it never delays a connection
        // before `max_connections` does.
        .max_connection_rate(most_each)
        .tls_handshake_timeout(Duration::from_secs(5))
        .client_request_timeout(Duration::from_secs(5))
        .keep_alive(Duration::from_secs(15))
        // The module `shutdown` handles signals.
        .disable_signals()
        .shutdown_timeout(30);
    let server = match tls {
        Some(certificate) => {
            server.listen_rustls_0_23(listener, tls::server_config(certificate).map_err(std::io::Error::other)?)?
        }
        None => server.listen(listener)?,
    };
    Ok(server.run())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use actix_tls::accept::rustls_0_23::Acceptor;
    use actix_web::dev::{Service as _, ServiceFactory};

    /// HT-05: also for a connection over TLS.
    #[actix_web::test]
    async fn connection_that_reads_no_response_is_closed() {
        let (listener, folder) =
            (actix_web::rt::net::TcpListener::bind("127.0.0.1:0").await.unwrap(), tempfile::tempdir().unwrap());
        let (chain, key, known) = tls::tests::files(folder.path());
        let certificate = Certificate::load(&chain, &key).unwrap();
        let acceptor = Acceptor::new(tls::server_config(Arc::new(certificate)).unwrap());
        let acceptor = ServiceFactory::<TcpStream>::new_service(&acceptor, ()).await.unwrap();
        let place = listener.local_addr().unwrap();
        let client = std::thread::spawn(move || tls::tests::shake_hands(place, known));
        let (socket, _) = listener.accept().await.unwrap();
        let connection = acceptor.call(socket).await.unwrap_or_else(|_| panic!("no handshake"));
        set_tcp_user_timeout(&connection);
        assert_eq!(rustix::net::sockopt::tcp_user_timeout(connection.get_ref().0).unwrap(), 30_000);
        client.join().unwrap();
    }
}
