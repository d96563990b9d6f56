//! Queries over the facts. Every one starts from [`visible`].

use super::{
    measure::{Group, Keys, Makes, Measure, NONE},
    model::*,
    protect::{self, Shown, Threshold},
    query::tally,
    question::*,
    reckon::{Counted, Counts, Figure, figure},
};
use crate::{
    auth::{Scope, UserId},
    casework::assignments,
    db::{
        Condition, Tx,
        dialect::Key,
        schema::{providers, services, teams as team_rows, users},
        tally::Cell,
    },
    error::{ApiError, Result},
    identity::{
        organizations, sessions,
        teams::{self, model::TeamId},
    },
    types::{
        Instant, Line,
        code::{LISTS, words},
    },
};
use diesel::prelude::*;
use std::collections::BTreeMap;

/// How many groups a report may have: whoever wants more asks for fewer kinds of them.
const MOST_GROUPS: usize = 5_000;

/// The condition under which the caller may see the facts of a slice, as of now: a right that has ended since the question was put
/// together ends what is counted for it.
pub(super) fn visible(tx: &mut Tx, slice: &Slice) -> Result<Condition> {
    // A report has many slices and an export many pages: whoever is put out meanwhile is told no more (AZ-04).
    let actor = tx.actor()?;
    if !sessions::store::stands(tx.conn, actor)? {
        return Err(ApiError::unauthenticated());
    }
    let of_teams = |ids: &[TeamId]| {
        if let [one] = ids {
            return Condition::sql("f.team_id = ").id(one.uuid());
        }
        let mut list = Condition::sql("f.team_id IN (");
        for (i, id) in ids.iter().enumerate() {
            list = if i == 0 { list } else { list.then(", ") };
            list = list.id(id.uuid());
        }
        list.then(")")
    };
    match (tx.scope(), slice) {
        (Scope::Organization | Scope::Counted, Slice::Teams(ids)) if !ids.is_empty() => Ok(of_teams(ids)),
        (Scope::Teams(_), Slice::Teams(ids)) if !ids.is_empty() => {
            let own = teams::store::of_caller(tx)?;
            if ids.iter().all(|id| own.contains(id)) { Ok(of_teams(ids)) } else { Err(ApiError::not_found()) }
        }
        (Scope::Assigned(_), Slice::Assigned(team)) => {
            let worked = assignments::store::worked(tx, "f.case_id");
            Ok(match team {
                None => worked,
                Some(team) => worked.then(" AND f.team_id = ").id(team.uuid()),
            })
        }
        _ => Ok(Condition::nothing()),
    }
}

/// Understands what was asked, and says in which slices it is counted.
pub fn question(tx: &mut Tx, measure: &'static Measure, query: &ReportQuery) -> Result<Question> {
    let organization = organizations::store::find(tx)?;
    let sees_cases = !matches!(tx.scope(), Scope::Organization | Scope::Counted);
    let view = match (query.view, sees_cases) {
        (None, true) => View::Exact,
        (None, false) => View::Protected,
        (Some(View::Exact), false) => return Err(ApiError::forbidden("Exact numbers are for those who see the cases.")),
        (Some(view), _) => view,
    };
    let groups = groups(measure, query.group_by.as_deref())?;
    let moments = moments(measure, query, view, &organization, Instant::now())?;
    if !sees_cases && query.team.is_some() {
        // Team by team they would tell what is hidden where they stand side by side.
        return Err(ApiError::parameter("team", "too_fine", "a report to those who do not see the cases is of all teams: group by team"));
    }
    let known = match tx.scope() {
        Scope::Organization | Scope::Counted => teams::store::all(tx)?,
        _ => teams::store::of_caller(tx)?,
    };
    if query.team.is_some_and(|team| !known.contains(&team)) {
        return Err(ApiError::parameter("team", "unknown_reference", "is no team of yours"));
    }
    let slices = match tx.scope() {
        Scope::Assigned(_) => vec![Slice::Assigned(query.team)],
        _ => {
            let asked: Vec<TeamId> = known.into_iter().filter(|team| query.team.is_none_or(|asked| asked == *team)).collect();
            // One after the other, which a statement goes through sooner than all together; but for those who may be in several.
            if measure.adds_up() { asked.into_iter().map(|team| Slice::Teams(vec![team])).collect() } else { vec![Slice::Teams(asked)] }
        }
    };
    let threshold = Threshold::of(organization.suppression_threshold);
    Ok(Question { measure, groups, moments, zone: organization.time_zone, team: query.team, view, threshold, slices })
}

/// Counts one slice.
pub fn count(tx: &mut Tx, question: &Question, slice: &Slice, side: Side) -> Result<Counted> {
    let measure = question.measure;
    let groups: &[&'static Group] = if side == Side::Total { &[] } else { &question.groups };
    let keys: Vec<Keys> = groups.iter().map(|group| group.keys).collect();
    let mut counted = Counted::default();
    let seen = visible(tx, slice)?;
    let mut place = 0;
    for part in measure.parts {
        let cells: Vec<Cell> = tally(part, place, groups, seen.clone(), &question.moments).load(tx.conn)?;
        counted.add(measure, &keys, cells);
        check_size(&counted)?;
        place += part.counters.len();
    }
    if side == Side::Groups {
        counted.all = Counts::default();
    }
    Ok(counted)
}

/// That a report has no more groups than anybody reads.
pub fn check_size(counted: &Counted) -> Result<()> {
    let told = || ApiError::parameter("group_by", "too_many_rows", format!("makes more than {MOST_GROUPS} groups: group by fewer things"));
    if counted.groups.len() > MOST_GROUPS { Err(told()) } else { Ok(()) }
}

/// Makes the report of what was counted, and names what it speaks of.
pub fn report(tx: &mut Tx, question: &Question, counted: &Counted) -> Result<Report> {
    let measure = question.measure;
    check_size(counted)?;
    let names: Vec<Names> = question.groups.iter().map(|group| names(tx, group)).collect::<Result<_>>()?;
    let threshold = question.threshold;
    let protected = question.view == View::Protected;
    let (figures, totals) = if protected {
        protect::figures(measure, counted, threshold)
    } else {
        let exact = |counts| measure.statistics.iter().map(|statistic| figure(measure, statistic, counts)).collect::<Vec<Figure>>();
        (counted.groups.values().map(exact).collect(), exact(&counted.all))
    };
    let shown = |count: i64| match threshold.show(count) {
        _ if !protected => Some(count),
        Shown::About(about) => Some(about),
        Shown::Hidden => None,
    };
    let row = |group: &[(&'static str, String, String)], figures: Vec<Figure>| {
        let each = measure.statistics.iter().zip(figures);
        each.map(|(statistic, figure)| ReportRow { group: group.to_vec(), statistic: statistic.name, figure }).collect::<Vec<_>>()
    };
    let mut rows = Vec::new();
    for (path, figures) in counted.groups.keys().zip(figures) {
        // Facts that were looked at to be left out make no group of their own.
        if counted.groups.get(path).is_some_and(|counts| is_idle(measure, counts)) || figures.is_empty() {
            continue;
        }
        let named = question.groups.iter().zip(&names).zip(path);
        let group: Vec<_> = named.clone().map(|((group, names), key)| (group.name, key.clone(), names.label(key))).collect();
        let order: Vec<(usize, String)> = named.map(|((_, names), key)| names.order(key)).collect();
        rows.push((order, row(&group, figures)));
    }
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    let rows: Vec<ReportRow> = rows.into_iter().flat_map(|(_, rows)| rows).collect();
    let excluded = measure
        .excluded
        .iter()
        .map(|excluded| Excluded { code: excluded.code, words: excluded.words, n: shown(counted.all.get(measure, excluded.counter)) })
        .chain(measure.tells_mistakes.then(|| Excluded { code: MISTAKE.0, words: MISTAKE.1, n: shown(counted.all.mistakes()) }))
        .collect();
    Ok(Report {
        id: measure.id,
        version: measure.version,
        title: measure.title,
        definition: measure.definition,
        numerator_is: measure.numerator,
        denominator_is: measure.denominator,
        caution: measure.caution,
        unit: measure.unit,
        as_of: question.moments.at,
        time_zone: question.zone.clone(),
        from: question.moments.from.map(|(day, _)| day),
        to: question.moments.to.map(|(day, _)| day),
        filters: ReportFilters {
            team: question.team,
            group_by: question.groups.iter().map(|group| group.name).collect(),
            view: question.view,
        },
        n: shown(counted.all.get(measure, measure.n)),
        excluded,
        threshold: protected.then_some(threshold.least()),
        step: protected.then_some(protect::STEP),
        rows,
        totals: row(&[], totals),
    })
}

/// Whether a group has nothing in it that a statistic is made of.
fn is_idle(measure: &Measure, counts: &Counts) -> bool {
    measure.statistics.iter().all(|statistic| {
        let parts = match statistic.makes {
            Makes::Count(of) | Makes::Quantile { of, .. } | Makes::Reaches { of, .. } => [of, of],
            Makes::Share { of, among } => [of, among],
            Makes::Weight { sum, of } | Makes::Mean { sum, of, .. } => [sum, of],
        };
        parts.iter().all(|name| counts.get(measure, name) == 0)
    })
}

/// What the keys of a group are called, and in what order they come.
#[derive(Clone)]
pub(super) enum Names {
    /// By name; what has none stands last.
    Found(BTreeMap<String, String>),
    Codes(&'static str),
    Words,
    Steps(&'static [(&'static str, &'static str)]),
}

impl Names {
    pub fn label(&self, key: &str) -> String {
        let found = match self {
            Self::Found(names) => names.get(key).cloned(),
            Self::Codes(list) => LISTS.get(*list).and_then(|list| list.entries().find(|entry| entry.code == key)).map(|entry| entry.label),
            Self::Steps(steps) => steps.iter().find(|(step, _)| *step == key).map(|(_, label)| (*label).to_owned()),
            Self::Words => None,
        };
        found.unwrap_or_else(|| match key {
            NONE => "Not said".to_owned(),
            key => words(key),
        })
    }
    fn order(&self, key: &str) -> (usize, String) {
        match self {
            Self::Steps(steps) => (steps.iter().position(|(step, _)| *step == key).unwrap_or(usize::MAX), String::new()),
            _ if key == NONE => (1, String::new()),
            _ => (0, format!("{}\u{0}{key}", self.label(key))),
        }
    }
}

pub(super) fn names(tx: &mut Tx, group: &Group) -> Result<Names> {
    let organization = tx.organization();
    let found = |rows: Vec<(Key, String)>| Names::Found(rows.into_iter().map(|(id, name)| (id.to_string(), name)).collect());
    fn plain<K: 'static, const N: usize>(rows: Vec<(crate::types::Id<K>, Line<N>)>) -> Vec<(Key, String)> {
        rows.into_iter().map(|(id, name)| (Key::from_uuid(id.uuid()), name.to_string())).collect()
    }
    Ok(match group.keys {
        Keys::Codes(list) | Keys::SeveralCodes(list) => Names::Codes(list),
        Keys::Words => Names::Words,
        Keys::Steps(steps) => Names::Steps(steps),
        Keys::Team => {
            let rows = team_rows::table.filter(team_rows::organization_id.eq(organization)).select((team_rows::id, team_rows::name));
            found(plain(rows.load::<(TeamId, Line<120>)>(tx.conn)?))
        }
        Keys::User => {
            let rows = users::table.filter(users::organization_id.eq(organization)).select((users::id, users::display_name));
            found(plain(rows.load::<(UserId, Line<120>)>(tx.conn)?))
        }
        Keys::Provider => {
            let rows = providers::table.filter(providers::organization_id.eq(organization)).select((providers::id, providers::name));
            found(plain(rows.load::<(crate::directory::providers::model::ProviderId, Line<200>)>(tx.conn)?))
        }
        Keys::Service => {
            let rows = services::table.filter(services::organization_id.eq(organization)).select((services::id, services::name));
            found(plain(rows.load::<(crate::directory::services::model::ServiceId, Line<200>)>(tx.conn)?))
        }
    })
}
