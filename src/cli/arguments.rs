//! The commands and their arguments, as `--help` shows them.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Advocacy case management for peer-support organizations in addiction recovery.
#[derive(Parser)]
#[command(version, about)]
pub struct Cli {
    /// A settings file; the environment (ALONGSIDE_…) takes precedence.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Answer requests.
    Serve {
        /// Use a temporary database with invented data, and print sign-in details.
        #[arg(long)]
        demo: bool,
        /// Refuse to start if migrations are missing, instead of applying them.
        #[arg(long)]
        no_migrate: bool,
        #[command(flatten)]
        new: NewDatabase,
    },
    /// Create the database, or migrate its schema.
    Migrate {
        #[command(flatten)]
        new: NewDatabase,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Read the settings and print them, without secrets.
    CheckConfig,
    /// Check the database, recompute the hash chains of the audit log, and compare them with their signed checkpoints.
    Verify {
        /// The checkpoints are lost, or there are none yet: skip the comparison. Deleted entries at the end of a chain
        /// are then not detected.
        #[arg(long)]
        without_checkpoints: bool,
    },
    /// Fill the database with invented data.
    Demo {
        #[arg(long, default_value_t = 200)]
        cases: u32,
        /// The same seed generates the same data.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The number of teams that share the cases. Default: one for each 5,000 cases, and at least two.
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        teams: Option<u32>,
    },
    /// Administer an installation.
    #[command(subcommand)]
    Admin(Admin),
}

#[derive(Subcommand)]
pub enum Admin {
    #[command(flatten)]
    Keys(KeyCommand),
    #[command(flatten)]
    Records(RecordCommand),
}

#[derive(Subcommand)]
pub enum KeyCommand {
    /// List the keys that sign access tokens.
    SigningKeys,
    /// Create a key that signs access tokens after a delay, and verifies them at once. Running servers notice it.
    RotateSigningKey {
        /// The delay in seconds. All servers must have read the key by then: they check the folder every five seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        signs_in: u32,
    },
    /// Retire an old signing key: tokens that it has signed are refused. Running servers notice it.
    RetireSigningKey {
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
    /// Create a key that encrypts secrets in the database, from the next start of each server. That start encrypts
    /// again what an older key has encrypted; until then the older key is needed.
    RotateSecretKey,
    /// List the keys that encrypt secrets in the database, oldest first; the last one encrypts.
    SecretKeys,
}

#[derive(Subcommand)]
pub enum RecordCommand {
    /// Create an organization and its first administrator.
    CreateOrganization {
        #[arg(long)]
        name: String,
        #[arg(long)]
        admin_email: String,
        #[arg(long, default_value = "Administrator")]
        admin_name: String,
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// The organization's word for a client.
        #[arg(long, default_value = "client")]
        client_word: String,
        /// The roles that must have a second factor, separated by commas; `none` for none.
        #[arg(long, default_value = "admin,supervisor,auditor")]
        second_factor_roles: String,
        #[command(flatten)]
        password: PasswordFile,
    },
    /// Create a user.
    CreateUser {
        /// The name or id of the organization.
        #[arg(long)]
        organization: String,
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        #[arg(long)]
        role: String,
        /// A team of the user, created if it does not exist. May be given several times.
        #[arg(long)]
        team: Vec<String>,
        /// A scope of an integration: the name of a permission. May be given several times.
        #[arg(long)]
        scope: Vec<String>,
        /// The purpose for which an integration reads cases: `internal`. Without it, it sees no case.
        #[arg(long)]
        purpose: Option<String>,
        #[command(flatten)]
        password: PasswordFile,
    },
    /// Set a user's new password, end the user's sessions, and reset the failed sign-in attempts.
    SetPassword {
        #[arg(long)]
        email: String,
        #[command(flatten)]
        password: PasswordFile,
    },
    /// Set a user's new e-mail address for sign-in, and end the user's sessions.
    SetEmail {
        #[arg(long)]
        email: String,
        #[arg(long)]
        to: String,
    },
    /// Remove the lost second factor of a user, and end the user's sessions.
    RemoveSecondFactor {
        #[arg(long)]
        email: String,
    },
}

#[derive(Args)]
pub struct NewDatabase {
    /// Create a new database although the data directory contains keys or checkpoints of an installation.
    #[arg(long)]
    pub new_database: bool,
}

#[derive(Args)]
pub struct PasswordFile {
    /// A file whose first line is the password; `-` reads standard input. There is no argument for it, because other
    /// users can see arguments.
    #[arg(long, value_name = "FILE")]
    pub password_file: PathBuf,
}
