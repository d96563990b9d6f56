//! The command line. A command that succeeds exits with 0. A command that fails prints one line to standard error and
//! exits with 1; before that, `verify` prints one line for each result. A usage error exits with 2.

mod administer;
mod arguments;
mod database;
mod errors;
mod keys;
mod serve;

use alongside::{
    app,
    auth::{Operator, token::random_secret},
    clock,
    config::Config,
    db::Db,
    demo, telemetry,
    types::Instant,
};
use arguments::{Admin, Cli, Command};
use clap::Parser as _;
use errors::{api_error_line, one_line};
use std::process::ExitCode;

/// What a command returns. An error is one line for the person at the terminal.
type Outcome<T = ()> = Result<T, String>;

pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            let printed = usage.print().is_ok();
            return if printed {
                ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(1))
            } else {
                ExitCode::FAILURE
            };
        }
    };
    let outcome = run(cli);
    telemetry::finish();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::write_stderr(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Outcome {
    if matches!(cli.command, Command::Openapi) {
        return print_document();
    }
    let config = Config::load(cli.config.as_deref())?;
    telemetry::start(&config.log)?;
    // These two commands only read, so they work with any clock. All other commands check it, the lists of keys too.
    if !matches!(cli.command, Command::CheckConfig | Command::Verify { .. }) {
        clock::check(Instant::now())?;
    }
    match cli.command {
        Command::Serve { demo: true, .. } => serve::serve_demo(config),
        Command::Serve { no_migrate, new, .. } => serve::serve(&config, !no_migrate, new.new_database),
        Command::Migrate { new } => database::migrate(&config, new.new_database),
        Command::Openapi => Ok(()),
        Command::CheckConfig => {
            config.server_options()?;
            telemetry::write_stdout(&config.describe())
        }
        Command::Verify { without_checkpoints } => database::verify(&config, without_checkpoints),
        Command::Demo { cases, seed, teams } => {
            database::prepare_data_dir(&config)?;
            database::refuse_lost_database(&config, false)?;
            let plan = demo::Plan { teams, ..demo::Plan::new(cases, seed) };
            let fill = |db: &Db| demo::fill(db, &operator(), &plan, random_secret);
            let made = Db::load(&config.database()?, fill, demo::build_report_facts).map_err(api_error_line)?;
            telemetry::write_stdout(&sign_ins(&made))
        }
        Command::Admin(Admin::Keys(command)) => keys::run(&config, command),
        Command::Admin(Admin::Records(command)) => administer::run(&config, command),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the command line")]
fn operator() -> Operator {
    Operator::new()
}

fn print_document() -> Outcome {
    telemetry::write_stdout(&serde_json::to_string_pretty(app::openapi()).map_err(one_line)?)
}

fn sign_ins(made: &demo::GeneratedDemo) -> String {
    let each =
        made.sign_ins.iter().map(|one| format!("  {:<11} {:<40} {}\n", one.role.as_str(), one.email, one.password));
    format!("Sign in to {} with:\n{}", made.name, each.collect::<String>())
}
