//! The commands that administer the records of an installation.

use super::{
    Outcome,
    arguments::RecordCommand,
    database::open_existing,
    errors::{api_error_line, argument_error},
    operator,
};
use alongside::{
    admin::{self, NewOrganization, NewUser},
    auth::{IntegrationPurpose, Role, Scopes, password::Password},
    config::Config,
    telemetry,
    types::{Email, Line, Zone, fault::Fault},
};
use std::path::Path;

pub fn run(config: &Config, command: RecordCommand) -> Outcome {
    let (db, cost) = (open_existing(config)?, config.password_cost()?);
    let id = match command {
        RecordCommand::CreateOrganization {
            name,
            admin_email,
            admin_name,
            time_zone,
            client_word,
            second_factor_roles,
            password,
        } => {
            let admin = new_user(&admin_email, &admin_name, Role::Admin, &[], &password.password_file)?;
            let new = NewOrganization {
                name: Line::parse(name).map_err(|f| argument_error("--name", f))?,
                time_zone: Zone::parse(&time_zone).map_err(|f| argument_error("--time-zone", f))?,
                client_word: Line::parse(client_word).map_err(|f| argument_error("--client-word", f))?,
                second_factor_roles: match second_factor_roles.as_str() {
                    "none" => Vec::new(),
                    some => some
                        .split(',')
                        .map(|name| role("--second-factor-roles", name.trim()))
                        .collect::<Outcome<_>>()?,
                },
                admin,
            };
            let id = admin::create_organization(&db, &operator(), new, cost).map_err(api_error_line)?;
            id.to_string()
        }
        RecordCommand::CreateUser { organization, email, name, role: role_name, team, scope, purpose, password } => {
            let user = new_user(&email, &name, role("--role", &role_name)?, &team, &password.password_file)?;
            let scopes = Scopes::parse(scope.iter().map(String::as_str)).map_err(|f| {
                argument_error(
                    "--scope",
                    Fault { detail: format!("{}: {}", f.detail, Scopes::all().names().join(", ")), ..f },
                )
            })?;
            let purpose = purpose.map(|name| integration_purpose(&name)).transpose()?;
            let user = NewUser { scopes, purpose, ..user };
            let row = admin::create_user(&db, &operator(), organization, user, cost).map_err(api_error_line)?;
            row.id.to_string()
        }
        RecordCommand::SetPassword { email, password } => {
            let email = address("--email", &email)?;
            let password = read_password(&password.password_file)?;
            admin::set_password(&db, &operator(), email, password, cost).map_err(api_error_line)?.to_string()
        }
        RecordCommand::SetEmail { email, to } => {
            let (email, to) = (address("--email", &email)?, address("--to", &to)?);
            admin::set_email(&db, &operator(), email, to).map_err(api_error_line)?.to_string()
        }
        RecordCommand::RemoveSecondFactor { email } => {
            admin::remove_second_factor(&db, &operator(), address("--email", &email)?)
                .map_err(api_error_line)?
                .to_string()
        }
    };
    telemetry::write_stdout(&id)
}

fn role(argument: &str, name: &str) -> Outcome<Role> {
    let known = Role::ALL.iter().copied().find(|role| role.as_str() == name);
    known.ok_or_else(|| {
        format!(
            "{argument} must be one of {}",
            Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
        )
    })
}

fn integration_purpose(name: &str) -> Outcome<IntegrationPurpose> {
    let known = IntegrationPurpose::ALL.iter().copied().find(|purpose| purpose.as_str() == name);
    known.ok_or_else(|| {
        format!(
            "--purpose must be one of {}",
            IntegrationPurpose::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ")
        )
    })
}

fn address(argument: &str, text: &str) -> Outcome<Email> {
    Email::parse(text).map_err(|f| argument_error(argument, f))
}

fn new_user(email: &str, name: &str, role: Role, teams: &[String], password_file: &Path) -> Outcome<NewUser> {
    let teams: Result<Vec<_>, _> = teams.iter().map(|team| Line::parse(team.clone())).collect();
    Ok(NewUser {
        email: address("--email", email)?,
        name: Line::parse(name).map_err(|f| argument_error("--name", f))?,
        role,
        scopes: Scopes::NONE,
        purpose: None,
        teams: teams.map_err(|f| argument_error("--team", f))?,
        password: read_password(password_file)?,
    })
}

fn read_password(file: &Path) -> Outcome<Password> {
    let text =
        if file == Path::new("-") { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    let text = text.map_err(|e| format!("--password-file {}: {e}", file.display()))?;
    let line = text.lines().next().unwrap_or_default();
    Password::parse(line).map_err(|f| argument_error("--password-file: the password", f))
}
