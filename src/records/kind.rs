//! The declaration of a kind of record. Each feature declares its own beside its routes, and `overview::kinds` lists
//! them all.
//!
//! A *reader* is a feature that reads records of many kinds, such as the timeline, the search or the case file. The
//! access log of a client and the replay of idempotent requests use the declarations. Every other reader has its own
//! code, and a test compares it with the declarations.

use super::ids::{CaseId, ClientId};
use crate::{
    auth::OrganizationId,
    db::{Conn, Tx, dialect::Key},
    error::{ApiError, Result},
    types::Id,
};

/// How each reader treats one kind of record.
#[derive(Debug)]
pub struct Kind {
    /// The first part of the actions in the audit log: `note` of `note.read`.
    pub name: &'static str,
    pub table: &'static str,
    /// The record to which one of this kind belongs.
    pub belongs_to: BelongsTo,
    /// The path of a record in the API, as in `Location`: `/notes/{id}`.
    pub path: &'static str,
    /// Returns an error unless the caller may see the record with this id now. The replay of an idempotent request
    /// calls it, because a stored response must not show a record that the caller may no longer see.
    pub authorize: fn(&mut Tx<'_>, &str) -> Result<()>,
    /// Whether events of the record are on the timeline of its case.
    pub timeline: Included,
    /// Whether the search finds it by its words.
    pub search: Included,
    /// Whether it is in the case file for staff.
    pub case_file: Included,
    /// How the client sees it in their access log. A supervisor sees the entries of every kind.
    pub client_access_log: ForClient,
    /// Whether it can be due, and so be on somebody's agenda.
    pub agenda: Included,
    /// Whether an offer to hand over a case lists it as open work.
    pub handover: Included,
    /// Whether reports count it: the table `<kind>_facts` keeps the history of its reported fields.
    pub report_facts: Included,
    /// Whether `alongside demo` makes some.
    pub demo: Included,
}

/// Whether a reader includes a kind, and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Included {
    Yes,
    No(&'static str),
}

/// What a client sees of a kind in their access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForClient {
    Yes,
    /// Only that a record kept in confidence was read or changed, and in which role.
    InConfidence,
    No(&'static str),
}

/// The record to which one of this kind belongs. All but [`BelongsTo::Organization`] carry a function that finds the
/// client and the case of some ids.
#[derive(Debug, Clone, Copy)]
pub enum BelongsTo {
    /// The organization: the record is about no client.
    Organization,
    Client(Owners),
    Case(Owners),
    Meeting(Owners),
}

/// Finds the client and the case of records. Ids that are not records of the kind are left out.
pub type Owners = fn(&mut Conn, OrganizationId, Vec<Key>) -> Result<Vec<(Key, ClientId, Option<CaseId>)>>;

impl Kind {
    /// A kind that is no client's record: a user, a provider, a rule.
    pub const fn of_organization(
        name: &'static str,
        table: &'static str,
        path: &'static str,
        authorize: fn(&mut Tx<'_>, &str) -> Result<()>,
    ) -> Self {
        const NO: Included = Included::No("it is no client's record");
        Self {
            name,
            table,
            belongs_to: BelongsTo::Organization,
            path,
            authorize,
            timeline: NO,
            search: NO,
            case_file: NO,
            client_access_log: ForClient::No("it is no client's record"),
            agenda: NO,
            handover: NO,
            report_facts: NO,
            demo: NO,
        }
    }

    /// The function that finds the clients of some records of this kind; `None` where they have none.
    pub const fn owners(&self) -> Option<Owners> {
        match self.belongs_to {
            BelongsTo::Organization => None,
            BelongsTo::Client(owners) | BelongsTo::Case(owners) | BelongsTo::Meeting(owners) => Some(owners),
        }
    }
}

/// An id in a `Location`.
///
/// # Errors
/// 404 where it is none.
pub fn id<T>(text: &str) -> Result<Id<T>> {
    Id::parse(text).ok_or_else(ApiError::not_found)
}

/// [`Kind::authorize`] for a kind whose records are visible to every caller who may create one, so there is nothing to
/// check.
pub fn visible_to_its_creators(_: &mut Tx<'_>, _: &str) -> Result<()> {
    Ok(())
}

/// [`Kind::authorize`] for a kind that no POST with an `Idempotency-Key` creates.
///
/// # Errors
/// Always: a stored response of such a kind would be a fault.
pub fn never_replayed(_: &mut Tx<'_>, _: &str) -> Result<()> {
    Err(ApiError::internal("a response is stored for a kind that no request creates"))
}

/// `owners_of!(notes, case)`: the [`Owners`] of a table, through the column that names its parent.
#[macro_export]
macro_rules! owners_of {
    (@query $organization:ident, $ids:ident, $table:ident, $from:expr, $select:expr) => {
        $from
            .filter($crate::db::schema::$table::organization_id.eq($organization))
            .filter($crate::db::schema::$table::id.eq_any($ids))
            .select($select)
    };
    ($table:ident, client) => {
        $crate::owners_of!(@of $table, $crate::db::schema::$table::client_id)
    };
    // For a record of a client that may be about a case: the access log shows it to those who see that case.
    ($table:ident, client, case) => {
        |conn, organization, ids| {
            use diesel::prelude::*;
            use $crate::db::schema::$table;
            let select = ($table::id, $table::client_id, $table::case_id);
            Ok($crate::owners_of!(@query organization, ids, $table, $table::table, select).load(conn)?)
        }
    };
    (clients) => {
        $crate::owners_of!(@of clients, $crate::db::schema::clients::id)
    };
    (@of $table:ident, $client:expr) => {
        |conn, organization, ids| {
            use diesel::prelude::*;
            let query = $crate::db::schema::$table::table;
            let select = ($crate::db::schema::$table::id, $client);
            let found: Vec<($crate::db::dialect::Key, $crate::records::ids::ClientId)> =
                $crate::owners_of!(@query organization, ids, $table, query, select).load(conn)?;
            Ok(found.into_iter().map(|(id, client)| (id, client, None)).collect())
        }
    };
    (cases) => {
        |conn, organization, ids| {
            use diesel::prelude::*;
            use $crate::db::schema::cases;
            let select = (cases::id, cases::client_id, cases::id.nullable());
            Ok($crate::owners_of!(@query organization, ids, cases, cases::table, select).load(conn)?)
        }
    };
    ($table:ident, case) => {
        |conn, organization, ids| {
            use diesel::prelude::*;
            use $crate::db::schema::{cases, $table};
            let case = cases::table
                .on(cases::organization_id.eq($table::organization_id).and(cases::id.eq($table::case_id)));
            let select = ($table::id, cases::client_id, cases::id.nullable());
            let from = $table::table.inner_join(case);
            Ok($crate::owners_of!(@query organization, ids, $table, from, select).load(conn)?)
        }
    };
    ($table:ident, meeting) => {
        |conn, organization, ids| {
            use diesel::prelude::*;
            use $crate::db::schema::{cases, meetings, $table};
            let meeting = meetings::table
                .on(meetings::organization_id.eq($table::organization_id).and(meetings::id.eq($table::meeting_id)));
            let case = cases::table
                .on(cases::organization_id.eq($table::organization_id).and(cases::id.eq(meetings::case_id)));
            let select = ($table::id, cases::client_id, cases::id.nullable());
            let from = $table::table.inner_join(meeting).inner_join(case);
            Ok($crate::owners_of!(@query organization, ids, $table, from, select).load(conn)?)
        }
    };
}
