//! What the person at the server's own terminal does: organizations, users, and the check of the trace.

use crate::{
    audit::chain,
    auth::{Operator, OrganizationId, Role, password},
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
    pub teams: Vec<Line<120>>,
    pub password: password::Password,
}

impl NewUser {
    fn hash(&self) -> Result<String> {
        let own = [self.name.as_str(), self.email.as_str()];
        self.password.check_new(&own).map_err(|fault| ApiError::invalid("/password", fault.code, fault.detail))?;
        password::hash_here(&self.password)
    }

    fn insert(&self, tx: &mut Tx, hash: &str) -> Result<UserRow> {
        let row = UserRow::new(tx.organization(), self.email.clone(), self.name.clone(), self.role, Some(hash.to_owned()));
        users::store::insert(tx, &row)?;
        for name in &self.teams {
            let team = teams::store::named(tx, name.clone())?;
            teams::store::add_member(tx, team, row.id)?;
        }
        Ok(row)
    }
}

/// Makes an organization and its first administrator, both or neither.
pub fn create_organization(db: &Db, who: &Operator, new: NewOrganization) -> Result<OrganizationId> {
    let hash = new.admin.hash()?;
    db.write_blocking(who, move |tx| {
        let row = OrganizationRow::new(new.name.clone(), new.time_zone.clone(), new.client_word.clone());
        organizations::store::insert(tx, &row)?;
        new.admin.insert(tx, &hash)?;
        Ok(row.id)
    })
}

/// Makes a user in the organization of this name or id.
pub fn create_user(db: &Db, who: &Operator, organization: String, new: NewUser) -> Result<UserRow> {
    let hash = new.hash()?;
    db.write_blocking(who, move |tx| {
        let id = find_organization(tx, &organization)?;
        tx.enter(id)?;
        new.insert(tx, &hash)
    })
}

fn find_organization(tx: &mut Tx, name_or_id: &str) -> Result<OrganizationId> {
    let found = match OrganizationId::parse(name_or_id) {
        Some(id) => rows::table.filter(rows::id.eq(id)).select(rows::id).first(tx.conn).optional()?,
        None => rows::table.filter(rows::name.eq(name_or_id)).select(rows::id).first(tx.conn).optional()?,
    };
    found.ok_or_else(|| ApiError::new(Code::NotFound, "There is no organization of this name or id."))
}

/// Whether nobody has set the installation up yet.
pub fn is_empty(db: &Db, who: &Operator) -> Result<bool> {
    db.write_blocking(who, |tx| {
        tx.nothing_changed();
        let found: Option<OrganizationId> = rows::table.select(rows::id).first(tx.conn).optional()?;
        Ok(found.is_none())
    })
}

/// What is wrong with the database, a line each; nothing, if all is well.
pub fn verify(db: &Db, who: &Operator) -> Result<(Vec<String>, Vec<String>)> {
    db.write_blocking(who, |tx| {
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
        Ok((sound, wrong))
    })
}
