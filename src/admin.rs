//! The work of the operator at the server's own terminal: organizations, users, and the check of the audit log.

use crate::{
    audit::{
        chain,
        checkpoint::{self, Checkpoints},
    },
    auth::{
        IntegrationPurpose, Operator, OrganizationId, Role, Scopes, UserId,
        password::{Cost, Password},
        secret_keys::{self, SecretKeys},
        token::Keys,
    },
    db::{Db, Tx, schema::organizations as rows},
    error::{ApiError, Code, Result},
    identity::{
        organizations::{self, model::OrganizationRow},
        second_factor,
        sessions::throttle,
        teams,
        users::{self, model::UserRow},
    },
    types::{Email, Json, Line, Zone},
};
use diesel::prelude::*;
use std::{collections::BTreeSet, path::Path, sync::Arc};

/// A new organization with its first administrator.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    pub name: Line<200>,
    pub time_zone: Zone,
    pub client_word: Line<40>,
    /// The roles that must have a second factor.
    pub second_factor_roles: Vec<Role>,
    pub admin: NewUser,
}

/// A new user.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub email: Email,
    pub name: Line<120>,
    pub role: Role,
    /// Only for an integration.
    pub scopes: Scopes,
    /// Only for an integration. Without a purpose it sees no case.
    pub purpose: Option<IntegrationPurpose>,
    pub teams: Vec<Line<120>>,
    pub password: Password,
}

impl NewUser {
    fn insert(&self, tx: &mut Tx, hash: &str) -> Result<UserRow> {
        users::store::check_password(tx, &self.password, &self.name, &self.email)?;
        users::store::refuse_known(tx, &self.email)?;
        if !self.scopes.is_empty() && self.role != Role::Integration {
            return Err(ApiError::invalid("/scopes", "not_an_integration", "only an integration has scopes"));
        }
        if self.purpose.is_some() && self.role != Role::Integration {
            return Err(ApiError::invalid("/purpose", "not_an_integration", "only an integration has a purpose"));
        }
        let row =
            UserRow::new(tx.organization(), self.email.clone(), self.name.clone(), self.role, Some(hash.to_owned()));
        let row = UserRow { scopes: self.scopes, purpose: self.purpose, ..row };
        users::store::insert(tx, &row)?;
        for name in &self.teams {
            let team = teams::store::named(tx, name.clone())?;
            teams::store::add_member(tx, team, row.id)?;
        }
        Ok(row)
    }
}

/// Creates an organization and its first administrator, both or neither.
pub fn create_organization(db: &Db, who: &Operator, new: NewOrganization, cost: Cost) -> Result<OrganizationId> {
    let hash = cost.hash(&new.admin.password)?;
    db.write_blocking(who, move |tx| {
        // Two organizations may have the same name, but not because a command ran twice.
        if !organizations::store::named(tx, new.name.as_str())?.is_empty() {
            return Err(ApiError::new(Code::AlreadyExists, "An organization with this name already exists."));
        }
        let mut row = OrganizationRow::new(new.name.clone(), new.time_zone.clone(), new.client_word.clone());
        row.second_factor_roles = Json(new.second_factor_roles.clone());
        organizations::store::insert(tx, &row)?;
        new.admin.insert(tx, &hash)?;
        Ok(row.id)
    })
}

/// Creates a user in the organization with this name or id.
pub fn create_user(db: &Db, who: &Operator, organization: String, new: NewUser, cost: Cost) -> Result<UserRow> {
    let hash = cost.hash(&new.password)?;
    db.write_blocking(who, move |tx| {
        let id = find_organization(tx, &organization)?;
        tx.switch_organization(id)?;
        new.insert(tx, &hash)
    })
}

/// Sets a new password for a user of any organization.
pub fn set_password(db: &Db, who: &Operator, email: Email, password: Password, cost: Cost) -> Result<UserId> {
    let hash = cost.hash(&password)?;
    db.write_blocking(who, move |tx| {
        let row = find_user(tx, &email)?;
        users::store::check_password(tx, &password, &row.display_name, &email)?;
        throttle::forget_factor(tx.conn, row.id)?;
        Ok(users::store::reset_password(tx, row.id, &hash)?.id)
    })
}

/// Sets a new e-mail address for a user who cannot change it.
pub fn set_email(db: &Db, who: &Operator, email: Email, to: Email) -> Result<UserId> {
    db.write_blocking(who, move |tx| {
        let row = find_user(tx, &email)?;
        users::store::change_email(tx, row.id, &to)?;
        Ok(row.id)
    })
}

/// Removes the second factor of a user who has lost it, with all its codes.
pub fn remove_second_factor(db: &Db, who: &Operator, email: Email) -> Result<UserId> {
    db.write_blocking(who, move |tx| {
        let row = find_user(tx, &email)?;
        second_factor::store::remove_for(tx, row.id)?;
        Ok(row.id)
    })
}

fn find_user(tx: &mut Tx, email: &Email) -> Result<UserRow> {
    users::store::by_email(tx, email)?.ok_or_else(|| ApiError::new(Code::NotFound, "No user has this e-mail address."))
}

fn find_organization(tx: &mut Tx, name_or_id: &str) -> Result<OrganizationId> {
    let found = match OrganizationId::parse(name_or_id) {
        Some(id) => rows::table.filter(rows::id.eq(id)).select(rows::id).load(tx.conn)?,
        None => organizations::store::named(tx, name_or_id)?,
    };
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(ApiError::new(Code::NotFound, "There is no organization of this name or id.")),
        _ => Err(ApiError::new(Code::Conflict, "Several organizations have this name. Use the organization's id.")),
    }
}

/// Whether the installation has no organization yet.
pub fn is_empty(db: &Db, who: &Operator) -> Result<bool> {
    db.write_blocking(who, |tx| {
        tx.nothing_changed();
        let found: Option<OrganizationId> = rows::table.select(rows::id).first(tx.conn).optional()?;
        Ok(found.is_none())
    })
}

/// Prepares the keys for secrets in the database: creates the first one, and encrypts with the newest key every secret
/// that is not yet encrypted with it.
///
/// # Errors
/// One line for the operator. If a key that the database needs is missing, the server does not start: no user could
/// sign in with a second factor that the key encrypts.
pub fn prepare_secrets(db: &Db, who: &Operator, data_dir: &Path) -> std::result::Result<Arc<SecretKeys>, String> {
    let message = |error: ApiError| error.source_error().map_or_else(|| error.detail().to_owned(), ToString::to_string);
    let in_use = |tx: &mut Tx<'_>| {
        tx.nothing_changed();
        let mut all = BTreeSet::new();
        for organization in chain::organizations(tx.conn)? {
            tx.switch_organization(organization)?;
            all.extend(second_factor::store::keys_in_use(tx)?);
        }
        Ok(all)
    };
    let in_use = db.write_blocking(who, in_use).map_err(message)?;
    let keys = Arc::new(if in_use.is_empty() { SecretKeys::load(data_dir)? } else { SecretKeys::read(data_dir)? });
    let known = keys.ids();
    if let Some(missing) = in_use.iter().find(|kid| !known.contains(kid)) {
        return Err(format!(
            "the database holds second factors that are encrypted with key {missing}, which is not in {}: is \
             everything mounted? Without it, `alongside admin remove-second-factor` removes them one by one",
            data_dir.join(secret_keys::FOLDER).display()
        ));
    }
    let with = Arc::clone(&keys);
    let encrypt = move |tx: &mut Tx<'_>| {
        tx.nothing_changed();
        let mut encrypted = 0;
        for organization in chain::organizations(tx.conn)? {
            tx.switch_organization(organization)?;
            encrypted += second_factor::store::encrypt_all(tx, &with)?;
        }
        Ok(encrypted)
    };
    let encrypted = db.write_blocking(who, encrypt).map_err(message)?;
    if encrypted > 0 {
        tracing::info!(encrypted, "secrets of second factors were encrypted with the newest key");
    }
    Ok(keys)
}

/// Checks the secrets of second factors. Returns a summary and the faults.
pub fn check_secrets(db: &Db, who: &Operator, secrets: SecretKeys) -> Result<(String, Vec<String>)> {
    db.inspect_blocking(who, move |tx| {
        let (mut count, mut invalid) = (0, Vec::new());
        for organization in chain::organizations(tx.conn)? {
            tx.switch_organization(organization)?;
            let (some, found) = second_factor::store::check_all(tx, &secrets)?;
            count += some;
            invalid.extend(found);
        }
        Ok((format!("{} of {count} secrets of second factors can be decrypted", count - invalid.len()), invalid))
    })
}

/// Checks the database. Returns the successful checks, one line each, and the faults. `checkpoints` contains the file
/// of the checkpoints and the keys that they are signed with, if there are any; without it, the chains are compared
/// with no checkpoint.
pub fn verify(
    db: &Db,
    who: &Operator,
    checkpoints: Option<(Option<Keys>, Checkpoints)>,
) -> Result<(Vec<String>, Vec<String>)> {
    db.inspect_blocking(who, move |tx| {
        let mut invalid = tx.conn.integrity_faults()?;
        let mut valid = Vec::new();
        for organization in chain::organizations(tx.conn)? {
            let finding = chain::verify(tx.conn, organization)?;
            match finding.broken {
                Some((sequence, reason)) => {
                    invalid.push(format!("organization {organization}: the chain breaks at entry {sequence}: {reason}"))
                }
                None => valid.push(format!(
                    "organization {organization}: {} entries, checkpoint {}",
                    finding.entries, finding.head_hash
                )),
            }
        }
        match &checkpoints {
            Some((keys, file)) => {
                let (message, found) = checkpoint::verify(tx.conn, keys.as_ref(), file)?;
                valid.push(message);
                invalid.extend(found);
            }
            None => valid.push("the chains were held against no checkpoint: --without-checkpoints".into()),
        }
        Ok((valid, invalid))
    })
}
