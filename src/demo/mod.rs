//! Realistic invented data for a demo or a measurement: one organization, its people, and the requested number of
//! cases. From eight cases on, there is prepared work for every user who can sign in: see `prepared_cases`. The same
//! seed generates the same rows on the same day; only the passwords are new each time.

mod case;
mod ladder;
mod organization;
mod prepared_cases;
mod rng;
mod rows;
mod search;
mod words;
mod work;

use crate::{
    auth::{Operator, OrganizationId, Role},
    casework::cases::opening,
    db::Db,
    error::{ApiError, Code, Result},
    identity::organizations,
    overview::{reports::facts, search::indexer},
    types::Instant,
};
use indicatif::{ProgressBar, ProgressStyle};
use std::{collections::BTreeMap, sync::mpsc};

/// The parameters of the generated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub cases: u32,
    pub seed: u64,
    pub teams: Option<u32>,
}
impl Plan {
    pub const fn new(cases: u32, seed: u64) -> Self {
        Self { cases, seed, teams: None }
    }

    /// Whether the organization has its own short checklist, and only a few meetings have one: otherwise a measurement
    /// with very many cases would spend its time on checklists.
    const fn has_short_checklists(&self) -> bool {
        self.cases > 5_000
    }
}

/// A user who can sign in. Not `Debug`, because it contains a password.
pub struct SignIn {
    pub role: Role,
    pub email: String,
    pub password: String,
}

/// The organization that was generated, and the users who can sign in.
pub struct GeneratedDemo {
    pub organization: OrganizationId,
    pub name: String,
    pub sign_ins: Vec<SignIn>,
}

/// The number of cases in one transaction.
const BATCH: u32 = 4_000;

/// The last case number of each year.
type Numbers = BTreeMap<i32, i32>;

/// Writes the report facts of the new rows. This is a step of its own because it needs the indexes, which a bulk load
/// creates after the rows.
pub fn build_report_facts(db: &Db, made: &GeneratedDemo) -> Result<()> {
    let organization = made.organization;
    db.maintain_blocking(move |conn| facts::rebuild(conn, organization))
}

/// Fills the database. Call [`build_report_facts`] afterwards. `secret` generates each password; production code uses
/// `auth::token::random_secret`.
pub fn fill(db: &Db, who: &Operator, plan: &Plan, secret: impl FnMut() -> Result<String>) -> Result<GeneratedDemo> {
    let today = Instant::now().micros().div_euclid(1_000_000).div_euclid(rng::DAY) * rng::DAY;
    let mut rng = rng::Rng::new(plan.seed);
    let row = organization::organization_row(plan, &mut rng, today)?;
    let (context, people, sign_ins) = organization::generate(plan, &mut rng, &row, today, secret)?;
    let made = GeneratedDemo { organization: row.id, name: row.name.to_string(), sign_ins };
    db.write_blocking(who, move |tx| {
        if !organizations::store::named(tx, row.name.as_str())?.is_empty() {
            return Err(ApiError::new(Code::AlreadyExists, format!("{} already exists: use another seed.", row.name)));
        }
        organizations::store::insert(tx, &row)?;
        people.write(tx.conn)?;
        tx.record("demo.filled", row.id, Vec::new());
        Ok(())
    })?;
    let segments = cases(db, who, plan, context, rng, made.organization)?;
    let organization = made.organization;
    db.maintain_blocking(move |conn| indexer::insert_segments(conn, organization, &segments))?;
    Ok(made)
}

/// Writes the cases in batches. The next batch is generated while one is written. Returns the index segments of their
/// documents.
fn cases(
    db: &Db,
    who: &Operator,
    plan: &Plan,
    context: organization::Context,
    rng: rng::Rng,
    organization: OrganizationId,
) -> Result<Vec<indexer::NewSegment>> {
    let (total, short) = (plan.cases, plan.has_short_checklists());
    let (made, batches) = mpsc::sync_channel::<(u32, rows::Batch, Numbers)>(1);
    let producer = std::thread::Builder::new().name("demo".into()).spawn(move || {
        let mut generator = case::CaseGenerator::new(&context, rng, total, short);
        let mut segments = search::Segments::default();
        let mut first = 0;
        while first < total {
            let next = first.saturating_add(BATCH).min(total);
            let mut batch = rows::Batch::default();
            (first..next).for_each(|index| generator.generate(index, &mut batch));
            search::index(&mut batch, &mut segments);
            batch.sort();
            if made.send((next - first, batch, generator.numbers.clone())).is_err() {
                // The write has failed and reports its own error.
                break;
            }
            first = next;
        }
        segments.created
    });
    let producer = producer.map_err(ApiError::internal)?;
    let progress = ProgressBar::new(total.into());
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} cases, {eta} left") {
        progress.set_style(style);
    }
    let mut made_so_far = 0;
    for (count, batch, numbers) in batches {
        let is_last = made_so_far + count == total;
        db.write_blocking(who, move |tx| {
            tx.switch_organization(organization)?;
            tx.conn.defer_fact_triggers()?;
            batch.write(tx.conn)?;
            if is_last {
                // New cases continue after the last number of each year.
                numbers.iter().try_for_each(|(year, last)| opening::start_numbers(tx, *year, last + 1))?;
            }
            tx.record("demo.filled", organization, Vec::new());
            Ok(())
        })?;
        made_so_far += count;
        progress.inc(count.into());
    }
    progress.finish_and_clear();
    producer.join().map_err(|_| ApiError::internal("making the data up failed"))
}
