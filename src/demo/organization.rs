//! The basis of the demo: the organization, its teams and people, the providers and their services.

use super::{
    Plan, SignIn,
    rng::{DAY, Rng, instant},
    rows::{MemberRow, NameRow, OrganizationRows, ProviderRow, ServiceRow, TeamRow, TemplateRow, UserRow},
    words,
};
use crate::{
    auth::{
        Role,
        password::{Cost, Password},
    },
    db::dialect::Key,
    error::{ApiError, Result},
    identity::organizations::model::{OrganizationRow, OrganizationStatus},
    types::{
        Code, Id, Json, Line, Zone,
        code::{CodeList, LISTS},
        fault::Fault,
        fold,
    },
};
use serde_json::json;

pub const ZONE: &str = "America/Chicago";
/// How far back the cases begin.
const MONTHS_24: i64 = 730 * DAY;
/// How long before the first case the organization was set up.
const SETUP_TIME: i64 = 20 * DAY;

/// The data of the organization that the generator of cases needs.
pub struct Context {
    pub organization: Key,
    pub zone: Zone,
    pub admin: Key,
    pub supervisor: Key,
    /// The two advocates who can sign in. They belong to the first team.
    pub advocates: [Key; 2],
    /// The client who can sign in, and the client's name.
    pub client: Key,
    pub client_name: (String, String),
    pub teams: Vec<Team>,
    pub providers: Vec<Provider>,
    /// The earliest opening time of a case, and the start of today. No event is later than today's start.
    pub start: i64,
    pub today: i64,
}

pub struct Team {
    pub id: Key,
    /// Without the users who can sign in.
    pub advocates: Vec<Key>,
}

pub struct Provider {
    pub id: Key,
    pub services: Vec<Key>,
}

fn wrong(fault: Fault) -> ApiError {
    ApiError::internal(fault.detail)
}

/// The codes of a list that need no additional text.
pub fn codes<L: CodeList>() -> Vec<&'static str> {
    let count = LISTS.get(L::LIST).map_or(0, |list| list.entries().count());
    let mut all: Vec<&str> =
        (0..count).filter_map(Code::<L>::nth).filter(|code| !code.needs_text()).map(Code::as_str).collect();
    all.sort_unstable();
    all.dedup();
    all
}

pub fn organization_row(plan: &Plan, rng: &mut Rng, today: i64) -> Result<OrganizationRow> {
    let at = today - MONTHS_24 - SETUP_TIME;
    Ok(OrganizationRow {
        second_factor_roles: Json(Vec::new()),
        id: Id::from_uuid(rng.id(at).uuid()),
        name: Line::parse(format!("River Peers (demo {})", plan.seed)).map_err(wrong)?,
        client_word: Line::parse("participant").map_err(wrong)?,
        time_zone: Zone::parse(ZONE).map_err(wrong)?,
        suppression_threshold: 11,
        second_person_closes: false,
        status: OrganizationStatus::Active,
        version: 1,
        created_at: instant(at),
        updated_at: instant(at),
    })
}

/// Generates the people, the teams and the providers. The passwords come from `secret`, because they must not follow
/// from the seed.
pub fn generate(
    plan: &Plan,
    rng: &mut Rng,
    row: &OrganizationRow,
    today: i64,
    mut secret: impl FnMut() -> Result<String>,
) -> Result<(Context, OrganizationRows, Vec<SignIn>)> {
    let mut generator = OrganizationGenerator {
        rows: OrganizationRows::default(),
        rng,
        organization: Key::from_uuid(row.id.uuid()),
        domain: format!("demo-{}.example", plan.seed),
        at: today - MONTHS_24 - SETUP_TIME,
    };
    let mut sign_ins = Vec::new();
    let mut named = |generator: &mut OrganizationGenerator<'_>, role: Role, email: &str| {
        let password = secret()?;
        let hash = Cost::MIN.hash(&Password::parse(&password).map_err(wrong)?)?;
        let (id, email) = generator.user(role, email, Some(hash));
        sign_ins.push(SignIn { role, email, password });
        Ok::<_, ApiError>(id)
    };
    let admin = named(&mut generator, Role::Admin, "admin")?;
    let supervisor = named(&mut generator, Role::Supervisor, "supervisor")?;
    let advocates =
        [named(&mut generator, Role::Advocate, "advocate")?, named(&mut generator, Role::Advocate, "second.advocate")?];
    let client = named(&mut generator, Role::Client, "client")?;
    named(&mut generator, Role::Auditor, "auditor")?;
    let client_name = generator.name_of(client);
    let mut teams = generator.teams(plan.teams.unwrap_or((plan.cases / 5_000).max(2)));
    for team in &teams {
        generator.join(team.id, supervisor);
    }
    if let Some(first) = teams.first() {
        advocates.iter().for_each(|advocate| generator.join(first.id, *advocate));
    }
    for place in 0..(plan.cases / 40).max(4) as usize {
        let (id, _) = generator.user(Role::Advocate, &format!("advocate{}", place + 1), None);
        let many = teams.len().max(1);
        if let Some(team) = teams.get_mut(place % many) {
            generator.join(team.id, id);
            team.advocates.push(id);
        }
    }
    let providers = generator.providers((plan.cases / 100).clamp(20, 200));
    if plan.has_short_checklists() {
        generator.templates();
    }
    let OrganizationGenerator { mut rows, organization, .. } = generator;
    rows.sort();
    let context = Context {
        organization,
        zone: row.time_zone.clone(),
        admin,
        supervisor,
        advocates,
        client,
        client_name,
        teams,
        providers,
        start: today - MONTHS_24,
        today,
    };
    Ok((context, rows, sign_ins))
}

/// Generates the rows of the organization, all with the time `at`.
struct OrganizationGenerator<'a> {
    rows: OrganizationRows,
    rng: &'a mut Rng,
    organization: Key,
    domain: String,
    at: i64,
}

impl OrganizationGenerator<'_> {
    fn user(&mut self, role: Role, local: &str, password_hash: Option<String>) -> (Key, String) {
        let (id, at) = (self.rng.id(self.at), instant(self.at));
        let email = format!("{local}@{}", self.domain);
        let display_name = format!("{} {}", self.rng.pick(words::GIVEN_NAMES), self.rng.pick(words::FAMILY_NAMES));
        self.rows.names.push(NameRow { email: email.clone(), organization_id: self.organization, user_id: id });
        self.rows.users.push(UserRow {
            organization_id: self.organization,
            id,
            email: email.clone(),
            display_name,
            role: role.as_str(),
            status: "active",
            password_hash,
            version: 1,
            created_at: at,
            updated_at: at,
        });
        (id, email)
    }

    /// The given name and the family name of a generated user.
    fn name_of(&self, user: Key) -> (String, String) {
        let name =
            self.rows.users.iter().find(|row| row.id == user).map(|row| row.display_name.as_str()).unwrap_or_default();
        let (given, family) = name.split_once(' ').unwrap_or((name, ""));
        (given.to_owned(), family.to_owned())
    }

    /// The organization's own short checklist for each type of meeting.
    fn templates(&mut self) {
        let items: Vec<_> = words::PREPARATION
            .iter()
            .map(|(category, text, mandatory, owner)| {
                json!({
                    "category": category, "text": text, "mandatory": mandatory, "owner": owner,
                })
            })
            .collect();
        for meeting_type in codes::<crate::types::code::MeetingTypes>() {
            self.rows.templates.push(TemplateRow {
                organization_id: self.organization,
                meeting_type,
                items: Json(json!(items)),
                version: 2,
                updated_at: instant(self.at),
            });
        }
    }

    fn join(&mut self, team_id: Key, user_id: Key) {
        self.rows.members.push(MemberRow {
            organization_id: self.organization,
            team_id,
            user_id,
            added_at: instant(self.at),
        });
    }

    fn teams(&mut self, count: u32) -> Vec<Team> {
        let names = words::TEAMS.iter().copied().cycle().take(count as usize).enumerate();
        let all: Vec<Team> = names
            .map(|(place, name)| {
                let (id, at) = (self.rng.id(self.at), instant(self.at));
                let round = place / words::TEAMS.len();
                let name = if round == 0 { name.to_owned() } else { format!("{name} {}", round + 1) };
                self.rows.teams.push(TeamRow {
                    organization_id: self.organization,
                    id,
                    name,
                    version: 1,
                    created_at: at,
                    updated_at: at,
                });
                Team { id, advocates: Vec::new() }
            })
            .collect();
        all
    }

    fn providers(&mut self, count: u32) -> Vec<Provider> {
        let kinds = codes::<crate::types::code::ServiceStatuses>();
        let fields = service_types();
        let names = words::PROVIDER_KINDS
            .iter()
            .flat_map(|kind| words::PROVIDER_PLACES.iter().map(move |place| format!("{place} {kind}")));
        let mut names: Vec<String> = names.collect();
        (0..count)
            .map(|number| {
                let name = match names.len() {
                    0 => format!("Provider {}", number + 1),
                    many => names.swap_remove(self.rng.below(many)),
                };
                let at = self.at + self.rng.between(0, 10 * DAY);
                let id = self.rng.id(at);
                self.rows.providers.push(ProviderRow {
                    organization_id: self.organization,
                    id,
                    description: Some(format!("{name}. Invented for the demonstration.")),
                    words: fold::name_words([name.as_str()]),
                    name,
                    url: Some(format!("https://provider{}.{}", number + 1, self.domain)),
                    phone: Some(self.rng.phone()),
                    version: 1,
                    created_at: instant(at),
                    updated_at: instant(at),
                });
                let services = (0..=self.rng.below(3)).map(|_| self.service(id, at, &kinds, &fields)).collect();
                Provider { id, services }
            })
            .collect()
    }

    fn service(&mut self, provider_id: Key, at: i64, statuses: &[&'static str], fields: &[&'static str]) -> Key {
        let id = self.rng.id(at);
        let status = if self.rng.percent(90) { "active" } else { self.rng.pick(statuses) };
        let kind = self.rng.pick(fields);
        let name = self.rng.pick(words::SERVICES);
        self.rows.services.push(ServiceRow {
            organization_id: self.organization,
            id,
            provider_id,
            words: fold::name_words([name]),
            name,
            status,
            service_type: Some(Json(json!({"system": "open_eligibility", "code": kind}))),
            eligibility_description: self.rng.percent(50).then_some("Adults who live in the county."),
            wait_time: Some(self.rng.pick(words::WAIT_TIMES)),
            version: 1,
            created_at: instant(at),
            updated_at: instant(at),
        });
        id
    }
}

/// The codes of the built-in taxonomy.
pub fn service_types() -> Vec<&'static str> {
    LISTS
        .get("open_eligibility")
        .into_iter()
        .flat_map(|list| list.entries())
        .filter(|entry| !entry.retired)
        .map(|entry| entry.code)
        .collect()
}
