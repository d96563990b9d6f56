//! What the person at the server's own terminal does: organizations, users, and the check of the trace.

use crate::{
    audit::{chain, checkpoint},
    auth::{
        Operator, OrganizationId, Role, Scopes, UserId,
        password::{Cost, Password},
        token::Keys,
    },
    db::{Db, Tx, schema::organizations as rows},
    error::{ApiError, Code, Result},
    identity::{
        organizations::{self, model::OrganizationRow},
        teams,
        users::{self, model::UserRow},
    },
    types::{Email, Line, Zone},
};
use diesel::prelude::*;
use std::path::PathBuf;

/// A new organization with its first administrator.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    pub name: Line<200>,
    pub time_zone: Zone,
    pub client_word: Line<40>,
    pub admin: NewUser,
}

/// Somebody who will sign in.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub email: Email,
    pub name: Line<120>,
    pub role: Role,
    /// For an integration alone.
    pub scopes: Scopes,
    pub teams: Vec<Line<120>>,
    pub password: Password,
}

/// Whether a password is fit to be that of somebody of the organization that has been entered.
fn fit(tx: &mut Tx, password: &Password, own: &[&str]) -> Result<()> {
    let organization = organizations::store::find(tx)?;
    let words = [own, &[organization.name.as_str()]].concat();
    password.check_new(&words).map_err(|fault| ApiError::invalid("/password", fault.code, fault.detail))
}

impl NewUser {
    fn insert(&self, tx: &mut Tx, hash: &str) -> Result<UserRow> {
        fit(tx, &self.password, &[self.name.as_str(), self.email.as_str()])?;
        if !self.scopes.is_empty() && self.role != Role::Integration {
            return Err(ApiError::invalid("/scopes", "not_an_integration", "only an integration has scopes"));
        }
        let row = UserRow::new(tx.organization(), self.email.clone(), self.name.clone(), self.role, Some(hash.to_owned()));
        let row = UserRow { scopes: self.scopes, ..row };
        users::store::insert(tx, &row)?;
        for name in &self.teams {
            let team = teams::store::named(tx, name.clone())?;
            teams::store::add_member(tx, team, row.id)?;
        }
        Ok(row)
    }
}

/// Makes an organization and its first administrator, both or neither.
pub fn create_organization(db: &Db, who: &Operator, new: NewOrganization, cost: Cost) -> Result<OrganizationId> {
    let hash = cost.hash(&new.admin.password)?;
    db.write_blocking(who, move |tx| {
        // Two may have one name, but not because a command was given twice.
        if !organizations::store::named(tx, new.name.as_str())?.is_empty() {
            return Err(ApiError::new(Code::AlreadyExists, "An organization of this name exists."));
        }
        let row = OrganizationRow::new(new.name.clone(), new.time_zone.clone(), new.client_word.clone());
        organizations::store::insert(tx, &row)?;
        new.admin.insert(tx, &hash)?;
        Ok(row.id)
    })
}

/// Makes a user in the organization of this name or id.
pub fn create_user(db: &Db, who: &Operator, organization: String, new: NewUser, cost: Cost) -> Result<UserRow> {
    let hash = cost.hash(&new.password)?;
    db.write_blocking(who, move |tx| {
        let id = find_organization(tx, &organization)?;
        tx.enter(id)?;
        new.insert(tx, &hash)
    })
}

/// Gives somebody a new password, of whatever organization they are.
pub fn set_password(db: &Db, who: &Operator, email: Email, password: Password, cost: Cost) -> Result<UserId> {
    let hash = cost.hash(&password)?;
    db.write_blocking(who, move |tx| {
        let row = users::store::by_email(tx, &email)?;
        let row = row.ok_or_else(|| ApiError::new(Code::NotFound, "Nobody signs in with this e-mail address."))?;
        fit(tx, &password, &[row.display_name.as_str(), email.as_str()])?;
        users::store::reset_password(tx, row.id, &hash)
    })
}

fn find_organization(tx: &mut Tx, name_or_id: &str) -> Result<OrganizationId> {
    let found = match OrganizationId::parse(name_or_id) {
        Some(id) => rows::table.filter(rows::id.eq(id)).select(rows::id).load(tx.conn)?,
        None => organizations::store::named(tx, name_or_id)?,
    };
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(ApiError::new(Code::NotFound, "There is no organization of this name or id.")),
        _ => Err(ApiError::new(Code::Conflict, "Several organizations have this name: say which by its id.")),
    }
}

/// Whether nobody has set the installation up yet.
pub fn is_empty(db: &Db, who: &Operator) -> Result<bool> {
    db.write_blocking(who, |tx| {
        tx.nothing_changed();
        let found: Option<OrganizationId> = rows::table.select(rows::id).first(tx.conn).optional()?;
        Ok(found.is_none())
    })
}

/// What holds, a line each, and what is wrong with the database: nothing, if all is well. `sealed` is the file of the checkpoints, and the
/// key that they are signed with.
pub fn verify(db: &Db, who: &Operator, sealed: Option<(Keys, PathBuf)>) -> Result<(Vec<String>, Vec<String>)> {
    db.write_blocking(who, move |tx| {
        tx.nothing_changed();
        let mut wrong = tx.conn.integrity_faults()?;
        let mut sound = Vec::new();
        for organization in chain::organizations(tx.conn)? {
            let finding = chain::verify(tx.conn, organization)?;
            match finding.broken {
                Some((sequence, reason)) => {
                    wrong.push(format!("organization {organization}: the chain breaks at entry {sequence}: {reason}"))
                }
                None => sound.push(format!("organization {organization}: {} entries, checkpoint {}", finding.entries, finding.checkpoint)),
            }
        }
        match &sealed {
            Some((keys, file)) => {
                let (told, found) = checkpoint::contradictions(tx.conn, keys, file)?;
                sound.push(told);
                wrong.extend(found);
            }
            None => sound.push("no checkpoints are here to hold the chains against".into()),
        }
        Ok((sound, wrong))
    })
}
