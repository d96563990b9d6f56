//! The model of a barrier: the database row and the API view.

use super::requests::{BarrierPatch, NewBarrier};
use crate::{
    auth::{OrganizationId, UserId},
    casework::cases::model::CaseId,
    db::{dialect::Key, schema::barriers},
    directory::providers::model::ProviderId,
    error::{Result, Violations},
    http::Resource,
    records::search::model::{SearchKind, Searchable, lines},
    types::{
        Day, Id, Instant, Json, Line, Patch, ServiceType, Text,
        code::{BarrierType, DiscriminationBasis, LISTS},
        fault::Fault,
    },
};
use diesel::prelude::*;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr,
        schema::{ArrayBuilder, Schema},
    },
};

pub type BarrierId = Id<BarrierRow>;

text_enum! {
    /// How heavily the barrier affects the client.
    pub enum Severity { Low = "low", Medium = "medium", High = "high", Crisis = "crisis" }
}
text_enum! {
    /// How well the barrier is verified. Help never depends on it.
    pub enum BarrierVerification {
        NotAssessed = "not_assessed",
        ReportedByClient = "reported_by_client",
        SupportedByDocument = "supported_by_document",
        Witnessed = "witnessed",
        ConfirmedByProvider = "confirmed_by_provider",
        NotVerified = "not_verified",
    }
}
text_enum! {
    /// The status of a barrier.
    pub enum BarrierStatus {
        Open = "open",
        InProgress = "in_progress",
        AwaitingProvider = "awaiting_provider",
        AwaitingDecision = "awaiting_decision",
        Resolved = "resolved",
        ClosedUnresolved = "closed_unresolved",
    }
}
text_enum! {
    /// How a barrier ended.
    pub enum BarrierDisposition {
        ResolvedFull = "resolved_full",
        ResolvedPartial = "resolved_partial",
        WorkaroundFound = "workaround_found",
        WithdrawnByClient = "withdrawn_by_client",
        NotResolved = "not_resolved",
        ReferredOn = "referred_on",
        UnknownLostContact = "unknown_lost_contact",
    }
}
text_enum! {
    /// Who judged the disposition. The client's judgement has priority.
    pub enum JudgedBy { Client = "client", Advocate = "advocate", Supervisor = "supervisor" }
}

impl BarrierStatus {
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Resolved | Self::ClosedUnresolved)
    }
}

const MAX_BASES: usize = 26;

/// The grounds of discrimination, without repetition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Bases(Vec<DiscriminationBasis>);

impl<'de> Deserialize<'de> for Bases {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let bases = Vec::<DiscriminationBasis>::deserialize(d)?;
        if bases.len() > MAX_BASES {
            return Err(Fault::new("out_of_range", format!("must be at most {MAX_BASES}")).serde());
        }
        let repeats =
            bases.iter().enumerate().any(|(place, basis)| bases.iter().take(place).any(|before| before == basis));
        if repeats { Err(Fault::new("invalid", "must name each basis once").serde()) } else { Ok(Self(bases)) }
    }
}
impl PartialSchema for Bases {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(DiscriminationBasis::name()))
            .max_items(Some(MAX_BASES))
            .unique_items(true)
            .description(Some("On what grounds, where it is discrimination; each named once."))
            .into()
    }
}
impl ToSchema for Bases {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((DiscriminationBasis::name().into(), DiscriminationBasis::schema()));
    }
}

/// A row of `barriers`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = barriers, treat_none_as_default_value = false)]
pub struct BarrierRow {
    pub organization_id: OrganizationId,
    pub id: BarrierId,
    pub case_id: CaseId,
    pub type_: BarrierType,
    pub type_text: Option<Line<200>>,
    /// Stored as text, so that a basis that is no longer offered can still be read.
    pub bases: Json<Vec<String>>,
    pub basis_text: Option<Line<200>>,
    pub service_type: Option<Json<ServiceType>>,
    pub provider_id: Option<ProviderId>,
    pub service_id: Option<Key>,
    pub occurred_on: Option<Day>,
    pub ongoing: bool,
    pub description: Text<8000>,
    pub severity: Severity,
    pub verification: BarrierVerification,
    pub status: BarrierStatus,
    pub disposition: Option<BarrierDisposition>,
    pub judged_by: Option<JudgedBy>,
    pub opened_at: Instant,
    pub resolved_at: Option<Instant>,
    pub created_by: UserId,
    pub version: i32,
    pub updated_at: Instant,
    pub possible_retaliation: bool,
}

fn texts(bases: &Bases) -> Json<Vec<String>> {
    Json(bases.0.iter().map(|basis| basis.as_str().to_owned()).collect())
}

impl BarrierRow {
    pub fn new(organization_id: OrganizationId, case_id: CaseId, created_by: UserId, new: &NewBarrier) -> Self {
        let (now, new) = (Instant::now(), new.clone());
        Self {
            organization_id,
            id: Id::new(),
            case_id,
            type_: new.kind,
            type_text: new.type_text,
            bases: texts(&new.bases),
            basis_text: new.basis_text,
            service_type: new.service_type.map(Json),
            provider_id: new.provider_id,
            service_id: new.service_id,
            occurred_on: new.occurred_on,
            ongoing: new.ongoing,
            description: new.description,
            severity: new.severity.unwrap_or(Severity::Medium),
            verification: new.verification.unwrap_or(BarrierVerification::ReportedByClient),
            status: BarrierStatus::Open,
            disposition: None,
            judged_by: None,
            opened_at: now,
            resolved_at: None,
            created_by,
            version: 1,
            updated_at: now,
            possible_retaliation: false,
        }
    }

    /// Sets `resolved_at` when the patch ends the barrier, and clears it when the patch reopens the barrier.
    pub fn apply(&mut self, patch: &BarrierPatch) {
        let patch = patch.clone();
        patch.kind.apply(&mut self.type_);
        patch.type_text.apply(&mut self.type_text);
        if let Some(bases) = &patch.bases.0 {
            self.bases = texts(bases);
        }
        patch.basis_text.apply(&mut self.basis_text);
        match patch.service_type {
            Patch::Keep => {}
            Patch::Clear => self.service_type = None,
            Patch::Set(service_type) => self.service_type = Some(Json(service_type)),
        }
        patch.provider_id.apply(&mut self.provider_id);
        patch.service_id.apply(&mut self.service_id);
        patch.occurred_on.apply(&mut self.occurred_on);
        patch.ongoing.apply(&mut self.ongoing);
        patch.description.apply(&mut self.description);
        patch.severity.apply(&mut self.severity);
        patch.verification.apply(&mut self.verification);
        patch.status.apply(&mut self.status);
        patch.disposition.apply(&mut self.disposition);
        patch.judged_by.apply(&mut self.judged_by);
        self.resolved_at =
            if self.status.is_ended() { self.resolved_at.or_else(|| Some(Instant::now())) } else { None };
    }

    /// Checks the rules that involve several members of the body, for a new and for a changed barrier.
    pub fn check(&self) -> Result<()> {
        let mut violations = Violations::default();
        let (ended, wordless) = (self.status.is_ended(), self.bases().iter().any(|basis| basis.needs_text()));
        violations.require(
            !self.type_.needs_text() || self.type_text.is_some(),
            "type_text",
            "required",
            "this code says nothing without words",
        );
        violations.require(
            !wordless || self.basis_text.is_some(),
            "basis_text",
            "required",
            "one of the bases says nothing without words",
        );
        violations.require(
            !ended || self.disposition.is_some(),
            "disposition",
            "required",
            "a barrier that has ended says what became of it",
        );
        violations.require(
            !ended || self.judged_by.is_some(),
            "judged_by",
            "required",
            "a barrier that has ended says who judged it",
        );
        violations.require(
            ended || self.disposition.is_none(),
            "disposition",
            "not_allowed",
            "only a barrier that is resolved or closed unresolved has a disposition",
        );
        violations.into_result()
    }

    fn bases(&self) -> Vec<DiscriminationBasis> {
        self.bases.0.iter().filter_map(|basis| DiscriminationBasis::known(basis)).collect()
    }
}

/// Whether the type is abuse, neglect or exploitation. These need more than advocacy.
fn asks_for_safeguarding(kind: BarrierType) -> bool {
    LISTS.get("safeguarding_concern").is_some_and(|list| list.entries().any(|entry| entry.code == kind.as_str()))
}

/// An obstacle between a client and a service or a right.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/barrier.json"))))]
pub struct Barrier {
    pub id: BarrierId,
    pub case_id: CaseId,
    #[serde(rename = "type")]
    pub kind: BarrierType,
    pub type_text: Option<Line<200>>,
    /// The grounds, if the barrier is discrimination. A barrier may have several, so the sum over all grounds is not
    /// the number of barriers.
    pub bases: Vec<DiscriminationBasis>,
    pub basis_text: Option<Line<200>>,
    pub service_type: Option<ServiceType>,
    pub provider_id: Option<ProviderId>,
    pub service_id: Option<Key>,
    pub occurred_on: Option<Day>,
    pub ongoing: bool,
    pub description: Text<8000>,
    pub severity: Severity,
    pub verification: BarrierVerification,
    pub status: BarrierStatus,
    /// How the barrier ended; absent until it has ended.
    pub disposition: Option<BarrierDisposition>,
    pub judged_by: Option<JudgedBy>,
    /// Whether the type of the barrier calls for a safeguarding referral.
    pub asks_for_safeguarding: bool,
    /// Whether the barrier came within 90 days after an action against the same provider was filed in the same case.
    pub possible_retaliation: bool,
    pub opened_at: Instant,
    /// When it was resolved or closed unresolved.
    pub resolved_at: Option<Instant>,
    pub created_by: UserId,
    pub version: i32,
    pub updated_at: Instant,
}
impl From<BarrierRow> for Barrier {
    fn from(row: BarrierRow) -> Self {
        Self {
            id: row.id,
            case_id: row.case_id,
            kind: row.type_,
            bases: row.bases(),
            type_text: row.type_text,
            basis_text: row.basis_text,
            service_type: row.service_type.map(|Json(service_type)| service_type),
            provider_id: row.provider_id,
            service_id: row.service_id,
            occurred_on: row.occurred_on,
            ongoing: row.ongoing,
            description: row.description,
            severity: row.severity,
            verification: row.verification,
            status: row.status,
            disposition: row.disposition,
            judged_by: row.judged_by,
            asks_for_safeguarding: asks_for_safeguarding(row.type_),
            possible_retaliation: row.possible_retaliation,
            opened_at: row.opened_at,
            resolved_at: row.resolved_at,
            created_by: row.created_by,
            version: row.version,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Barrier {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/barriers/{}", self.id)
    }
}

impl Searchable for BarrierRow {
    const KIND: SearchKind = SearchKind::Barrier;
    fn key(&self) -> Key {
        Key::from_uuid(self.id.uuid())
    }
    fn case(&self) -> Option<CaseId> {
        Some(self.case_id)
    }
    fn title(&self) -> String {
        self.type_.label()
    }
    fn body(&self) -> String {
        lines([
            Some(self.description.as_str()),
            self.type_text.as_ref().map(|text| text.as_str()),
            self.basis_text.as_ref().map(|text| text.as_str()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FieldPath;

    fn new(json: serde_json::Value) -> BarrierRow {
        BarrierRow::new(Id::new(), Id::new(), Id::new(), &serde_json::from_value(json).unwrap())
    }
    fn patched(row: &mut BarrierRow, json: serde_json::Value) {
        row.apply(&serde_json::from_value(json).unwrap());
    }
    fn wrong(row: &BarrierRow) -> Vec<String> {
        let issues = row.check().err().map(|error| error.all_issues().to_vec()).unwrap_or_default();
        issues
            .into_iter()
            .map(|issue| match issue.path {
                FieldPath::Pointer(at) => format!("{at} {}", issue.fault.code),
                _ => unreachable!(),
            })
            .collect()
    }

    #[test]
    fn code_other_requires_text() {
        let row = new(serde_json::json!({"type": "other", "bases": ["race", "other"], "description": "x"}));
        assert_eq!(wrong(&row), ["/type_text required", "/basis_text required"]);
        let row = new(serde_json::json!({
            "type": "other", "type_text": "a", "bases": ["other"], "basis_text": "b", "description": "x",
        }));
        assert!(wrong(&row).is_empty());
    }

    #[test]
    fn closed_barrier_has_a_disposition_and_reopened_one_has_none() {
        let mut row = new(serde_json::json!({"type": "cost", "description": "x"}));
        assert_eq!(
            (row.severity, row.verification, row.status),
            (Severity::Medium, BarrierVerification::ReportedByClient, BarrierStatus::Open)
        );
        patched(&mut row, serde_json::json!({"status": "resolved"}));
        assert_eq!(wrong(&row), ["/disposition required", "/judged_by required"]);
        patched(&mut row, serde_json::json!({"disposition": "resolved_full", "judged_by": "client"}));
        assert!(wrong(&row).is_empty());
        let ended = row.resolved_at.unwrap();
        patched(&mut row, serde_json::json!({"status": "closed_unresolved", "disposition": "not_resolved"}));
        assert_eq!(row.resolved_at, Some(ended));
        patched(&mut row, serde_json::json!({"status": "open"}));
        assert_eq!((wrong(&row), row.resolved_at), (vec!["/disposition not_allowed".to_owned()], None));
        patched(&mut row, serde_json::json!({"disposition": null}));
        assert!(wrong(&row).is_empty());
    }

    #[test]
    fn bases_are_known_and_distinct() {
        assert!(serde_json::from_value::<Bases>(serde_json::json!(["race", "sex"])).is_ok());
        assert!(serde_json::from_value::<Bases>(serde_json::json!(["race", "race"])).is_err());
        assert!(serde_json::from_value::<Bases>(serde_json::json!(["nope"])).is_err());
    }

    #[test]
    fn abuse_neglect_and_exploitation_require_safeguarding() {
        let asks = |code: &str| asks_for_safeguarding(BarrierType::known(code).unwrap());
        assert!(asks("abuse") && asks("neglect") && asks("exploitation") && !asks("cost"));
    }
}
