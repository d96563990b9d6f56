//! The commands for the keys in the data directory.

use super::{Outcome, arguments::KeyCommand, database::prepare_data_dir};
use alongside::{
    auth::{secret_keys::SecretKeys, signing_keys::SigningKeys},
    config::Config,
    telemetry,
    types::Instant,
};

pub fn run(config: &Config, command: KeyCommand) -> Outcome {
    prepare_data_dir(config)?;
    match command {
        KeyCommand::SigningKeys => {
            let (keys, faults) = SigningKeys::read(&config.data_dir, None)?;
            for key in keys.keys() {
                let since = if key.signs_from.micros() == i64::MIN {
                    "the beginning".to_owned()
                } else {
                    key.signs_from.to_string()
                };
                let now = if key.kid == keys.signer().kid { ": now" } else { "" };
                telemetry::write_stdout(&format!("{} signs from {since}{now}", key.kid))?;
            }
            faults.into_iter().next().map_or(Ok(()), Err)
        }
        KeyCommand::RotateSigningKey { signs_in } => {
            SigningKeys::create_first_key(&config.data_dir)?;
            telemetry::write_stdout(&SigningKeys::add(&config.data_dir, Instant::now().plus_seconds(signs_in.into()))?)
        }
        KeyCommand::RetireSigningKey { kid } => SigningKeys::retire(&config.data_dir, &kid),
        KeyCommand::RotateSecretKey => telemetry::write_stdout(&SecretKeys::add(&config.data_dir)?),
        KeyCommand::SecretKeys => {
            SecretKeys::read(&config.data_dir)?.ids().iter().try_for_each(|kid| telemetry::write_stdout(kid))
        }
    }
}
