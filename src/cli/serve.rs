//! The commands that run the server.

use super::{
    Outcome,
    database::{open, prepare_data_dir, refuse_lost_database, reindex_search},
    errors::{api_error_line, one_line},
    operator, sign_ins,
};
use alongside::{
    admin, app,
    audit::checkpoint::CheckpointWriter,
    auth::{
        secret_keys::SecretKeys,
        source::TrustedProxies,
        token::{Keys, random_secret},
    },
    config::Config,
    db::{Db, Options},
    demo, housekeeping,
    identity::sessions,
    mail::Mailer,
    shutdown::{self, Signals},
    telemetry,
};
use std::{net::TcpListener, sync::Arc, time::Duration};

pub fn serve(config: &Config, migrate: bool, new_database: bool) -> Outcome {
    let system = actix_web::rt::System::new();
    // From here on SIGHUP does not end the process.
    let signals = system.block_on(async { Signals::listen_for_hangup() }).map_err(one_line)?;
    prepare_data_dir(config)?;
    refuse_lost_database(config, new_database)?;
    let db = open(&Options { migrate, ..config.database()? })?;
    reindex_search(&db)?;
    let keys = Keys::load(&config.data_dir)?;
    let secrets = admin::prepare_secrets(&db, &operator(), &config.data_dir)?;
    // This comes before the first request is answered.
    db.maintain_blocking(sessions::store::end_sessions_of_wrong_clock).map_err(api_error_line)?;
    config.server_options()?;
    let listener = TcpListener::bind(config.listen).map_err(|e| format!("listen = {}: {e}", config.listen))?;
    if admin::is_empty(&db, &operator()).map_err(api_error_line)? {
        telemetry::write_stdout_in_background(
            "Nobody can sign in yet. Set the installation up, once, in another terminal:\n  \
             alongside admin create-organization --name 'Your organization' --admin-email you@example.org --password-file PASSWORD-FILE"
                .to_owned(),
        );
    }
    run_server(&system, config, db, keys, secrets, listener, signals)
}

pub fn serve_demo(mut config: Config) -> Outcome {
    let system = actix_web::rt::System::new();
    let signals = system.block_on(async { Signals::listen_for_hangup() }).map_err(one_line)?;
    let folder = std::env::temp_dir().join(format!("alongside-demo-{}", uuid::Uuid::now_v7()));
    config.data_dir.clone_from(&folder);
    config.database_url = None;
    config.replica_url = None;
    let listener = TcpListener::bind(config.listen).map_err(|e| format!("listen = {}: {e}", config.listen))?;
    prepare_data_dir(&config)?;
    let db = open(&config.database()?)?;
    let keys = Keys::load(&config.data_dir)?;
    let secrets = Arc::new(SecretKeys::load(&config.data_dir)?);
    let plan = demo::Plan::new(200, u64::from(rand::random::<u32>()));
    let made = demo::fill(&db, &operator(), &plan, random_secret).map_err(api_error_line)?;
    demo::build_report_facts(&db, &made).map_err(api_error_line)?;
    let address = listener.local_addr().map_err(one_line)?;
    let scheme = if config.speaks_tls() { "https" } else { "http" };
    telemetry::write_stdout_in_background(format!(
        "Alongside, with invented data that is thrown away at the end.\n\n  API        {scheme}://{address}/api/v1\n  \
         Document   {scheme}://{address}/openapi.json\n  Docs page  {scheme}://{address}/docs\n\n{}",
        sign_ins(&made)
    ));
    let outcome = run_server(&system, &config, db, keys, secrets, listener, signals);
    // The folder contains only files of this process.
    drop(std::fs::remove_dir_all(folder));
    outcome
}

fn run_server(
    system: &actix_web::rt::SystemRunner,
    config: &Config,
    db: Db,
    keys: Keys,
    secrets: Arc<SecretKeys>,
    listener: TcpListener,
    signals: Signals,
) -> Outcome {
    system.block_on(async {
        let signals = signals.listen_for_termination().map_err(one_line)?;
        let (engine, keys) = (db.clone(), Arc::new(keys));
        let (watched, checkpoint_writer) =
            (Arc::clone(&keys), CheckpointWriter::new(Arc::clone(&keys), config.checkpoints()));
        let server_options = config.server_options()?;
        let tls = server_options.tls.clone();
        let mailer = Mailer::start(config.mail()?).map_err(one_line)?;
        let setup =
            app::Setup { db, keys, secrets, workers: config.worker_count(), server_options, mailer: mailer.clone() };
        let server = app::serve(listener, setup).map_err(one_line)?;
        if config.behind_proxy && config.trusted_proxies == TrustedProxies::default() {
            tracing::warn!(
                "trusted_proxies is not set: every request seems to come from the proxy, no address is made \
                 to wait, and anybody's failures make an account wait for everybody"
            );
        }
        tracing::info!(listen = %config.listen, tls = config.speaks_tls(), "serving");
        housekeeping::start(&engine, Arc::clone(&watched), tls.clone(), checkpoint_writer);
        let reload = move || {
            tracing::info!("SIGHUP: reading the signing keys and the certificate anew");
            let (keys, tls) = (Arc::clone(&watched), tls.clone());
            drop(actix_web::rt::task::spawn_blocking(move || housekeeping::reload_keys(&keys, tls.as_deref())));
        };
        let grace = Duration::from_secs(config.shutdown_grace);
        shutdown::run(server, signals, grace, reload, move || mailer.finish()).await.map_err(one_line)
    })
}
