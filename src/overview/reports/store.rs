//! Queries over the report facts. Every query starts from [`visible`].

use super::{
    aggregate::{Counts, Figure, GroupedCounts, ReportCounts, figure},
    measure::{Formula, Group, Keys, Measure, NONE, Statistic},
    measures::TEAM,
    model::*,
    request::*,
    sql::{Counted, changed_since, count_query},
    suppression::{self, PublishedCount, Threshold},
};
use crate::{
    auth::{CaseAccess, UserId},
    db::{
        Condition, Tx,
        dialect::Key,
        schema::{providers, services, teams as team_rows, users},
    },
    error::{ApiError, Result},
    identity::{
        organizations, sessions,
        teams::{self, model::TeamId},
    },
    records::visibility,
    types::{
        Instant, Line,
        code::{LISTS, words},
    },
};
use diesel::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

/// The most groups of a report. A larger request must use fewer `group_by` values.
const MAX_GROUPS: usize = 5_000;

/// The SQL condition for the facts of a slice that the caller may see now. If the caller has lost a right since the
/// request was interpreted, the count no longer includes the facts that this right covered.
pub(super) fn visible(tx: &mut Tx, slice: &Slice) -> Result<Condition> {
    // A report has many slices and an export many pages: a caller whose session ends meanwhile gets no more (AZ-04).
    let actor = tx.actor()?;
    if !sessions::store::revalidate_session(tx.conn, actor)? {
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
    match (tx.case_access(), slice) {
        (CaseAccess::Organization | CaseAccess::Counted, Slice::Teams(ids)) if !ids.is_empty() => Ok(of_teams(ids)),
        (CaseAccess::Teams(_), Slice::Teams(ids)) if !ids.is_empty() => {
            let own_teams = teams::store::of_caller(tx)?;
            if ids.iter().all(|id| own_teams.contains(id)) { Ok(of_teams(ids)) } else { Err(ApiError::not_found()) }
        }
        (CaseAccess::Assigned(_), Slice::Assigned(team)) => {
            let assigned = visibility::assigned_cases(tx, "f.case_id");
            Ok(match team {
                None => assigned,
                Some(team) => assigned.then(" AND f.team_id = ").id(team.uuid()),
            })
        }
        _ => Ok(Condition::nothing()),
    }
}

/// Interprets the request, and determines the slices in which it is counted. `now` is before the transaction: its
/// snapshot may be older than the moment at which this runs, and the report must not claim a later moment.
pub fn resolve_request(
    tx: &mut Tx,
    measure: &'static Measure,
    query: &ReportQuery,
    now: Instant,
) -> Result<ReportRequest> {
    let organization = organizations::store::find(tx)?;
    let sees_cases = !matches!(tx.case_access(), CaseAccess::Organization | CaseAccess::Counted);
    let view = match (query.view, sees_cases) {
        // A file is often passed on, so it is protected unless the request asks for exact numbers.
        (None, true) if query.is_for_file() => View::Protected,
        (None, true) => View::Exact,
        (None, false) => View::Protected,
        (Some(View::Exact), false) => {
            return Err(ApiError::forbidden("Only roles that can see the cases get exact numbers."));
        }
        (Some(view), _) => view,
    };
    let groups = groups(measure, query.group_by.as_deref())?;
    let moments = moments(measure, span(&groups), query, view, &organization, now)?;
    let periods = match span(&groups) {
        Some(span) => periods(measure, span, &moments, &organization.time_zone)?,
        None => Vec::new(),
    };
    if !sees_cases && query.team.is_some() {
        // Reports of single teams would reveal what is hidden when the teams are side by side.
        return Err(ApiError::parameter(
            "team",
            "too_fine",
            "must be left out: your role gets reports of all teams; use group_by=team",
        ));
    }
    let known = match tx.case_access() {
        CaseAccess::Organization | CaseAccess::Counted => teams::store::all(tx)?,
        _ => teams::store::of_caller(tx)?,
    };
    if query.team.is_some_and(|team| !known.contains(&team)) {
        return Err(ApiError::parameter("team", "unknown_reference", "is no team of yours"));
    }
    let scope = scope(tx, organization.name.to_string(), query.team, &known)?;
    let slices = match tx.case_access() {
        CaseAccess::Assigned(_) => vec![Slice::Assigned(query.team)],
        _ => {
            let asked: Vec<TeamId> =
                known.into_iter().filter(|team| query.team.is_none_or(|asked| asked == *team)).collect();
            // One team after the other, which is faster than all in one statement. But not for measures that count
            // clients, who may be in several teams.
            if measure.is_additive() {
                asked.into_iter().map(|team| Slice::Teams(vec![team])).collect()
            } else {
                vec![Slice::Teams(asked)]
            }
        }
    };
    let threshold = Threshold::from_setting(organization.suppression_threshold);
    Ok(ReportRequest {
        measure,
        groups,
        moments,
        zone: organization.time_zone,
        team: query.team,
        view,
        threshold,
        slices,
        periods,
        scope,
    })
}

/// What the report covers, in names.
fn scope(tx: &mut Tx, organization: String, asked: Option<TeamId>, known: &[TeamId]) -> Result<ReportScope> {
    let all = teams::store::all(tx)?.len();
    let is_own = matches!(tx.case_access(), CaseAccess::Assigned(_));
    let names = names(tx, &TEAM)?;
    let named = |ids: &[TeamId]| {
        let mut named: Vec<String> = ids.iter().map(|id| names.label(&id.to_string())).collect();
        named.sort();
        named
    };
    let (kind, teams) = match asked {
        _ if is_own => (ScopeKind::OwnCases, named(asked.as_slice())),
        Some(team) => (if all == 1 { ScopeKind::AllTeams } else { ScopeKind::Teams }, named(&[team])),
        None => (if known.len() >= all { ScopeKind::AllTeams } else { ScopeKind::Teams }, named(known)),
    };
    let advocate = match is_own {
        true => {
            let own = users::table
                .filter(users::organization_id.eq(tx.organization()))
                .filter(users::id.eq(tx.actor()?.user));
            Some(own.select(users::display_name).first::<Line<120>>(tx.conn)?.to_string())
        }
        false => None,
    };
    Ok(ReportScope { organization, kind, teams, of_teams: all, advocate })
}

/// Counts one slice, of the whole period or of one month or quarter.
pub fn count(
    tx: &mut Tx,
    request: &ReportRequest,
    period: Option<usize>,
    slice: &Slice,
    requested_counts: RequestedCounts,
) -> Result<GroupedCounts> {
    let measure = request.measure;
    let moments = period.and_then(|at| request.periods.get(at)).map_or(&request.moments, |period| &period.moments);
    let groups: &[&'static Group] =
        if requested_counts == RequestedCounts::Total { &[] } else { &request.sql_groups() };
    let keys: Vec<Keys> = groups.iter().map(|group| group.keys).collect();
    let mut counted = GroupedCounts::default();
    let visible = visible(tx, slice)?;
    let mut first_counter = 0;
    for part in measure.parts {
        let query = |groups, facts| count_query(part, first_counter, groups, visible.clone(), moments, facts);
        let is_indexed = moments.is_now && part.is_indexed(groups) && matches!(slice, Slice::Teams(_));
        if is_indexed && changed_since(part, visible.clone(), moments).load::<Key>(tx.conn)?.is_empty() {
            counted.add(measure, &keys, query(groups, Counted::Current).load(tx.conn)?);
            if measure.reports_entered_in_error {
                counted.add(measure, &[], query(&[], Counted::CurrentInError).load(tx.conn)?);
            }
        } else {
            counted.add(measure, &keys, query(groups, Counted::AsOf).load(tx.conn)?);
        }
        check_groups(counted.groups.len())?;
        first_counter += part.counters.len();
    }
    if requested_counts == RequestedCounts::Groups {
        counted.all = Counts::default();
    }
    Ok(counted)
}

/// Fails if a report has more groups than a reader can use.
pub fn check_size(report_counts: &ReportCounts) -> Result<()> {
    check_groups(
        std::iter::once(&report_counts.whole).chain(&report_counts.periods).map(|counted| counted.groups.len()).sum(),
    )
}

fn check_groups(groups: usize) -> Result<()> {
    let too_many = || {
        ApiError::parameter(
            "group_by",
            "too_many_rows",
            format!("makes more than {MAX_GROUPS} groups: use fewer group_by values"),
        )
    };
    if groups > MAX_GROUPS { Err(too_many()) } else { Ok(()) }
}

/// Builds the report from the counts, and adds the labels of its keys.
pub fn report(tx: &mut Tx, request: &ReportRequest, report_counts: &ReportCounts) -> Result<Report> {
    let measure = request.measure;
    check_size(report_counts)?;
    let counted_by = request.sql_groups();
    let names: Vec<Names> = counted_by.iter().map(|group| names(tx, group)).collect::<Result<_>>()?;
    let threshold = request.threshold;
    let protected = request.view == View::Protected;
    let exact = |counted: &GroupedCounts| {
        let figures_of = |counts| {
            measure.statistics.iter().map(|statistic| figure(measure, statistic, counts)).collect::<Vec<Figure>>()
        };
        (counted.groups.values().map(figures_of).collect::<Vec<_>>(), figures_of(&counted.all))
    };
    let by_time = !request.periods.is_empty() || span(&request.groups).is_some();
    let whole = &report_counts.whole;
    let (figures, mut totals) =
        if protected { suppression::figures(measure, &counted_by, whole, threshold) } else { exact(whole) };
    if !request.shows_whole_period() {
        totals.fill(Figure::HIDDEN);
    }
    let each = if protected {
        suppression::figures_by_span(measure, &counted_by, &report_counts.periods, threshold)
    } else {
        report_counts.periods.iter().map(exact).collect()
    };
    let published = |count: i64| match threshold.publish(count) {
        _ if !protected => Some(count),
        _ if !request.shows_whole_period() => None,
        PublishedCount::About(about) => Some(about),
        PublishedCount::Hidden => None,
    };
    let row = |group: Vec<(usize, GroupKey)>, figures: Vec<Figure>| {
        let group: Arc<[GroupKey]> = group.into_iter().map(|(_, key)| key).collect();
        let each = measure.statistics.iter().zip(figures);
        each.map(move |(statistic, figure)| ReportRow { group: Arc::clone(&group), statistic: statistic.name, figure })
    };
    let mut rows: Vec<RankedGroup> = Vec::new();
    let mut add = |counted: &GroupedCounts, figures: Vec<Vec<Figure>>, period: Option<(usize, &ReportPeriod)>| {
        for ((path, counts), figures) in counted.groups.iter().zip(figures) {
            // A group whose facts are all excluded gets no row.
            if is_empty_group(measure, counts) || figures.is_empty() {
                continue;
            }
            let mut group = Vec::new();
            let mut named = counted_by.iter().zip(&names).zip(path);
            for asked in &request.groups {
                if let (Some(_), Some((at, period))) = (asked.keys.span(), period) {
                    group.push((at, (asked.name, period.key.clone(), period.label.clone())));
                } else if let Some(((known, names), key)) = named.next() {
                    group.push((names.rank(key), (known.name, key.clone(), names.label(key))));
                }
            }
            rows.push((group, figures));
        }
    };
    if !by_time {
        add(whole, figures, None);
    }
    let (mut periods, mut period_rows) = (Vec::new(), Vec::new());
    for ((at, period), (counted, (figures, mut all))) in
        request.periods.iter().enumerate().zip(report_counts.periods.iter().zip(each))
    {
        let is_totals_only = |statistic: &Statistic| measure.by_time.totals_only.contains(&statistic.name);
        let mut figures = figures;
        for figures in figures.iter_mut().chain([&mut all]) {
            for (_, figure) in measure.statistics.iter().zip(figures).filter(|(statistic, _)| is_totals_only(statistic))
            {
                *figure = Figure::NOTHING;
            }
        }
        if counted_by.is_empty() {
            let group = request
                .groups
                .iter()
                .map(|group| (at, (group.name, period.key.clone(), period.label.clone())))
                .collect::<Vec<_>>();
            period_rows.push((group, all.clone()));
        } else {
            add(counted, figures, Some((at, period)));
        }
        periods.push(PeriodFigures { period: period.clone(), rows: row(Vec::new(), all).collect() });
    }
    rows.extend(period_rows);
    rows.sort_by(|(one, _), (other, _)| places(one).cmp(places(other)));
    let rows: Vec<ReportRow> = rows.into_iter().flat_map(|(group, figures)| row(group, figures)).collect();
    let excluded = measure
        .excluded
        .iter()
        .map(|excluded| Excluded {
            code: excluded.code,
            words: excluded.words,
            n: published(whole.all.get(measure, excluded.counter)),
        })
        .chain(measure.reports_entered_in_error.then(|| Excluded {
            code: ENTERED_IN_ERROR.0,
            words: ENTERED_IN_ERROR.1,
            n: published(whole.all.entered_in_error()),
        }))
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
        as_of: request.moments.at,
        time_zone: request.zone.clone(),
        scope: request.scope.clone(),
        from: request.moments.from.map(|(day, _)| day),
        to: request.moments.to.map(|(day, _)| day),
        filters: ReportFilters {
            team: request.team,
            group_by: request.groups.iter().map(|group| group.name).collect(),
            view: request.view,
        },
        n: published(whole.all.get(measure, measure.unit_counter)),
        excluded,
        threshold: protected.then_some(threshold.smallest_published()),
        step: protected.then_some(suppression::STEP),
        rows,
        totals: row(Vec::new(), totals).collect(),
        periods,
    })
}

/// The keys of a group with their ranks, and its figures.
type RankedGroup = (Vec<(usize, GroupKey)>, Vec<Figure>);

/// The place of a group among the rows: by the ranks of its keys, and among keys of one rank by label.
fn places(group: &[(usize, GroupKey)]) -> impl Iterator<Item = (usize, &String, &String)> {
    group.iter().map(|(rank, (_, key, label))| (*rank, label, key))
}

/// Whether all counts of a group that a statistic uses are 0.
fn is_empty_group(measure: &Measure, counts: &Counts) -> bool {
    measure.statistics.iter().all(|statistic| {
        let counters = match statistic.formula {
            Formula::Count(counter) | Formula::Quantile { counter, .. } => [counter, counter],
            Formula::Share { numerator: one, denominator: other }
            | Formula::Flagged { providers: one, units: other }
            | Formula::Weight { sum: one, units: other }
            | Formula::Mean { sum: one, count: other, .. } => [one, other],
        };
        counters.iter().all(|name| counts.get(measure, name) == 0)
    })
}

/// The labels of a group's keys, and the order of the keys.
#[derive(Clone)]
pub(super) enum Names {
    /// Names by id, in the order of the names. The key for a missing value comes last.
    ById(BTreeMap<String, String>),
    Codes(&'static str),
    FixedCodes,
    Ordered(&'static [(&'static str, &'static str)]),
}

impl Names {
    pub fn label(&self, key: &str) -> String {
        let found = match self {
            Self::ById(names) => names.get(key).cloned(),
            Self::Codes(list) => LISTS
                .get(*list)
                .and_then(|list| list.entries().find(|entry| entry.code == key))
                .map(|entry| entry.label),
            Self::Ordered(steps) => steps.iter().find(|(step, _)| *step == key).map(|(_, label)| (*label).to_owned()),
            Self::FixedCodes => None,
        };
        found.unwrap_or_else(|| match key {
            NONE => "Not said".to_owned(),
            key => words(key),
        })
    }
    fn rank(&self, key: &str) -> usize {
        match self {
            Self::Ordered(steps) => steps.iter().position(|(step, _)| *step == key).unwrap_or(usize::MAX),
            _ => usize::from(key == NONE),
        }
    }
}

pub(super) fn names(tx: &mut Tx, group: &Group) -> Result<Names> {
    let organization = tx.organization();
    let found =
        |rows: Vec<(Key, String)>| Names::ById(rows.into_iter().map(|(id, name)| (id.to_string(), name)).collect());
    fn plain<K: 'static, const N: usize>(rows: Vec<(crate::types::Id<K>, Line<N>)>) -> Vec<(Key, String)> {
        rows.into_iter().map(|(id, name)| (Key::from_uuid(id.uuid()), name.to_string())).collect()
    }
    Ok(match group.keys {
        Keys::Codes(list) | Keys::SeveralCodes(list) => Names::Codes(list),
        // Months and quarters have their own labels.
        Keys::FixedCodes | Keys::Span(_) => Names::FixedCodes,
        Keys::Ordered(steps) => Names::Ordered(steps),
        Keys::Team => {
            let rows = team_rows::table
                .filter(team_rows::organization_id.eq(organization))
                .select((team_rows::id, team_rows::name));
            found(plain(rows.load::<(TeamId, Line<120>)>(tx.conn)?))
        }
        Keys::User => {
            let rows =
                users::table.filter(users::organization_id.eq(organization)).select((users::id, users::display_name));
            found(plain(rows.load::<(UserId, Line<120>)>(tx.conn)?))
        }
        Keys::Provider => {
            let rows = providers::table
                .filter(providers::organization_id.eq(organization))
                .select((providers::id, providers::name));
            found(plain(rows.load::<(crate::directory::providers::model::ProviderId, Line<200>)>(tx.conn)?))
        }
        Keys::Service => {
            let rows = services::table
                .filter(services::organization_id.eq(organization))
                .select((services::id, services::name));
            found(plain(rows.load::<(crate::directory::services::model::ServiceId, Line<200>)>(tx.conn)?))
        }
    })
}
