//! The model of a note: the database row, the API view, and the rules for changes and amendments.

use crate::{
    auth::{OrganizationId, UserId},
    casework::cases::model::CaseId,
    db::{
        dialect::Key,
        schema::{note_amendments, notes},
    },
    error::{Result, Violations},
    http::{Filter, OneOf, Resource},
    records::search::model::{SearchKind, Searchable, lines},
    types::{Change, Id, Instant, Json, Patch, Text, code, fault::Fault},
};
use diesel::prelude::*;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{
    IntoParams, PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, Type},
    },
};
use validator::Validate;

pub use crate::records::visibility::NoteKind;

pub type NoteId = Id<NoteRow>;
pub type AmendmentId = Id<AmendmentRow>;

/// A note can be changed for this long after it was written.
const LOCKED_AFTER_SECONDS: i64 = 24 * 3600;

text_enum! {
    /// The direction of a contact: `in` is to the organization, `out` is from it.
    pub enum ContactDirection { In = "in", Out = "out" }
}
text_enum! {
    /// How a contact was made.
    pub enum ContactMode {
        InPerson = "in_person",
        Phone = "phone",
        Video = "video",
        TextMessage = "text_message",
        Email = "email",
        Letter = "letter",
        HomeVisit = "home_visit",
        Other = "other",
    }
}

/// The length of a contact in minutes, at most one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Minutes(i32);

const MAX_MINUTES: i32 = 1440;

impl<'de> Deserialize<'de> for Minutes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        match i32::deserialize(d)? {
            minutes @ 0..=MAX_MINUTES => Ok(Self(minutes)),
            _ => Err(Fault::new("out_of_range", format!("must lie between 0 and {MAX_MINUTES}")).serde()),
        }
    }
}
impl PartialSchema for Minutes {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(MAX_MINUTES))
            .description(Some("Minutes of one day."))
            .into()
    }
}
impl ToSchema for Minutes {}

/// A row of `notes`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = notes, treat_none_as_default_value = false)]
pub struct NoteRow {
    pub organization_id: OrganizationId,
    pub id: NoteId,
    pub case_id: CaseId,
    pub kind: NoteKind,
    pub body: Text<100_000>,
    pub occurred_at: Instant,
    pub direction: Option<ContactDirection>,
    pub mode: Option<ContactMode>,
    pub successful: Option<bool>,
    pub minutes: Option<i32>,
    pub author_id: UserId,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}

impl NoteRow {
    pub fn new(organization_id: OrganizationId, case_id: CaseId, author_id: UserId, new: &NewNote) -> Self {
        let (now, new) = (Instant::now(), new.clone());
        Self {
            organization_id,
            id: Id::new(),
            case_id,
            kind: new.kind,
            body: new.body,
            occurred_at: new.occurred_at.unwrap_or(now),
            direction: new.direction,
            mode: new.mode,
            successful: new.successful,
            minutes: new.minutes.map(|Minutes(minutes)| minutes),
            author_id,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The members that an amendment may correct.
    const fn details(&self) -> NoteDetails {
        NoteDetails {
            occurred_at: Some(self.occurred_at),
            direction: self.direction,
            mode: self.mode,
            successful: self.successful,
            minutes: self.minutes,
        }
    }

    /// Applies the corrections of an amendment. Returns the corrected values and the previous ones, without unchanged
    /// members; `None` if nothing changes.
    pub fn correct(&mut self, new: &NewAmendment) -> Option<(NoteDetails, NoteDetails)> {
        let before = self.details();
        let minutes = new.minutes.map(|Minutes(minutes)| minutes);
        let corrected = NoteDetails {
            occurred_at: new.occurred_at.filter(|value| before.occurred_at != Some(*value)),
            direction: new.direction.filter(|value| before.direction != Some(*value)),
            mode: new.mode.filter(|value| before.mode != Some(*value)),
            successful: new.successful.filter(|value| before.successful != Some(*value)),
            minutes: minutes.filter(|value| before.minutes != Some(*value)),
        };
        if corrected == NoteDetails::default() {
            return None;
        }
        self.occurred_at = corrected.occurred_at.unwrap_or(self.occurred_at);
        self.direction = corrected.direction.or(self.direction);
        self.mode = corrected.mode.or(self.mode);
        self.successful = corrected.successful.or(self.successful);
        self.minutes = corrected.minutes.or(self.minutes);
        let replaced = NoteDetails {
            occurred_at: before.occurred_at.filter(|_| corrected.occurred_at.is_some()),
            direction: before.direction.filter(|_| corrected.direction.is_some()),
            mode: before.mode.filter(|_| corrected.mode.is_some()),
            successful: before.successful.filter(|_| corrected.successful.is_some()),
            minutes: before.minutes.filter(|_| corrected.minutes.is_some()),
        };
        Some((corrected, replaced))
    }

    pub fn apply(&mut self, patch: &NotePatch) {
        let patch = patch.clone();
        patch.body.apply(&mut self.body);
        patch.occurred_at.apply(&mut self.occurred_at);
        self.direction = patch.direction.0.or(self.direction);
        self.mode = patch.mode.0.or(self.mode);
        self.successful = patch.successful.0.or(self.successful);
        match patch.minutes {
            Patch::Keep => {}
            Patch::Clear => self.minutes = None,
            Patch::Set(Minutes(minutes)) => self.minutes = Some(minutes),
        }
    }

    /// Checks the rules that involve several members of the body. A new contact note must give its time; other kinds
    /// may leave it to the server's clock.
    pub fn check(&self, time_given: bool) -> Result<()> {
        let mut violations = Violations::default();
        let contact = self.kind == NoteKind::Contact;
        violations.require(!contact || time_given, "occurred_at", "required", "a note of a contact says when it was");
        violations.require(self.occurred_at.has_come(), "occurred_at", "in_the_future", "must not lie in the future");
        for (member, given) in [
            ("direction", self.direction.is_some()),
            ("mode", self.mode.is_some()),
            ("successful", self.successful.is_some()),
        ] {
            violations.require(!contact || given, member, "required", "a note of a contact says this");
            violations.require(contact || !given, member, "not_allowed", "only a note of a contact says this");
        }
        violations.require(
            contact || self.minutes.is_none(),
            "minutes",
            "not_allowed",
            "only a note of a contact says this",
        );
        violations.into_result()
    }

    pub const fn locks_at(&self) -> Instant {
        self.created_at.plus_seconds(LOCKED_AFTER_SECONDS)
    }
    pub fn is_locked(&self) -> bool {
        Instant::now() >= self.locks_at()
    }

    /// The time of a contact that reached somebody; `None` for all other notes.
    pub fn reached_at(&self) -> Option<Instant> {
        (self.kind == NoteKind::Contact && self.successful == Some(true)).then_some(self.occurred_at)
    }
}

/// The time and the details of a contact, which an amendment may correct.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoteDetails {
    pub occurred_at: Option<Instant>,
    pub direction: Option<ContactDirection>,
    pub mode: Option<ContactMode>,
    /// Whether a person was reached.
    pub successful: Option<bool>,
    #[schema(minimum = 0, maximum = 1440)]
    pub minutes: Option<i32>,
}

/// A row of `note_amendments`.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = note_amendments, treat_none_as_default_value = false)]
pub struct AmendmentRow {
    pub organization_id: OrganizationId,
    pub id: AmendmentId,
    pub note_id: NoteId,
    pub body: Text<100_000>,
    pub author_id: UserId,
    pub created_at: Instant,
    pub corrected: Option<Json<NoteDetails>>,
    pub replaced: Option<Json<NoteDetails>>,
}

/// An addition to a note after it was locked, with corrections.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = NoteAmendment, example = json!(crate::types::example(include_str!("examples/amendment.json"))))]
pub struct Amendment {
    pub id: AmendmentId,
    pub body: Text<100_000>,
    /// The new values of the corrected members; absent if the amendment only added text. The note itself shows the
    /// values that are valid now.
    pub corrected: Option<NoteDetails>,
    /// The previous values of the corrected members. The first version of a member is in the first amendment that
    /// corrected it.
    pub replaced: Option<NoteDetails>,
    pub author_id: UserId,
    pub created_at: Instant,
}
impl From<AmendmentRow> for Amendment {
    fn from(row: AmendmentRow) -> Self {
        Self {
            id: row.id,
            body: row.body,
            corrected: row.corrected.map(|Json(details)| details),
            replaced: row.replaced.map(|Json(details)| details),
            author_id: row.author_id,
            created_at: row.created_at,
        }
    }
}

/// A note of what was said or done.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/note.json"))))]
pub struct Note {
    pub id: NoteId,
    pub case_id: CaseId,
    pub kind: NoteKind,
    pub body: Text<100_000>,
    pub occurred_at: Instant,
    /// This and the next three members only for a contact.
    pub direction: Option<ContactDirection>,
    pub mode: Option<ContactMode>,
    /// Whether a person was reached.
    pub successful: Option<bool>,
    #[schema(minimum = 0, maximum = 1440)]
    pub minutes: Option<i32>,
    pub author_id: UserId,
    /// Its author can change the note until then. From then on it can be amended.
    pub locks_at: Instant,
    /// The additions and corrections, oldest first. The members above are the values that are valid now.
    pub amendments: Vec<Amendment>,
    pub version: i32,
    pub created_at: Instant,
    pub updated_at: Instant,
}
impl Note {
    pub fn from_row(row: NoteRow, amendments: Vec<Amendment>) -> Self {
        Self {
            id: row.id,
            case_id: row.case_id,
            kind: row.kind,
            locks_at: row.locks_at(),
            body: row.body,
            occurred_at: row.occurred_at,
            direction: row.direction,
            mode: row.mode,
            successful: row.successful,
            minutes: row.minutes,
            author_id: row.author_id,
            amendments,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
impl Resource for Note {
    fn version(&self) -> i32 {
        self.version
    }
    fn location(&self) -> String {
        format!("/api/v1/notes/{}", self.id)
    }
}

/// A new note.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_note.json"))))]
pub struct NewNote {
    pub kind: NoteKind,
    pub body: Text<100_000>,
    /// Required for a contact; otherwise by default now. Not in the future.
    pub occurred_at: Option<Instant>,
    /// Required for a contact, and allowed only there.
    pub direction: Option<ContactDirection>,
    /// Required for a contact, and allowed only there.
    pub mode: Option<ContactMode>,
    /// Whether a person was reached. Required for a contact, and allowed only there.
    pub successful: Option<bool>,
    /// Only for a contact.
    pub minutes: Option<Minutes>,
}

/// Changes to a note that is not locked yet.
#[derive(Debug, Clone, Default, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!(crate::types::example(include_str!("examples/note_patch.json"))))]
pub struct NotePatch {
    pub body: Change<Text<100_000>>,
    /// Not in the future.
    pub occurred_at: Change<Instant>,
    /// Only for a contact.
    pub direction: Change<ContactDirection>,
    /// Only for a contact.
    pub mode: Change<ContactMode>,
    /// Only for a contact.
    pub successful: Change<bool>,
    /// Only for a contact.
    pub minutes: Patch<Minutes>,
}

/// An addition to a note, with optional corrections.
#[derive(Debug, Clone, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!(crate::types::example(include_str!("examples/new_amendment.json"))))]
pub struct NewAmendment {
    /// The additional text, or the reason for the correction.
    pub body: Text<100_000>,
    /// When the contact or event was. Not in the future.
    pub occurred_at: Option<Instant>,
    /// Only for a contact.
    pub direction: Option<ContactDirection>,
    /// Only for a contact.
    pub mode: Option<ContactMode>,
    /// Whether a person was reached. Only for a contact.
    pub successful: Option<bool>,
    /// Only for a contact.
    pub minutes: Option<Minutes>,
}

/// Which notes to list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct NoteFilter {
    #[param(value_type = Option<OneOf<NoteKind>>, inline)]
    pub kind: Option<OneOf<NoteKind>>,
}
impl Filter for NoteFilter {
    const SORTS: &'static [&'static str] = &["-occurred_at", "occurred_at"];
}

/// With its amendments.
impl Searchable for Note {
    const KIND: SearchKind = SearchKind::Note;
    fn key(&self) -> Key {
        Key::from_uuid(self.id.uuid())
    }
    fn case(&self) -> Option<CaseId> {
        Some(self.case_id)
    }
    fn title(&self) -> String {
        code::words(self.kind.as_str())
    }
    fn body(&self) -> String {
        lines([Some(self.body.as_str())].into_iter().chain(self.amendments.iter().map(|more| Some(more.body.as_str()))))
    }
    fn readers(&self) -> Option<(NoteKind, UserId)> {
        Some((self.kind, self.author_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::FieldPath;

    fn wrong(json: serde_json::Value) -> Vec<String> {
        let new: NewNote = serde_json::from_value(json).unwrap();
        let row = NoteRow::new(Id::new(), Id::new(), Id::new(), &new);
        let issues =
            row.check(new.occurred_at.is_some()).err().map(|error| error.all_issues().to_vec()).unwrap_or_default();
        issues
            .into_iter()
            .map(|issue| match issue.path {
                FieldPath::Pointer(at) => format!("{at} {}", issue.fault.code),
                _ => unreachable!(),
            })
            .collect()
    }

    #[test]
    fn only_contact_notes_have_contact_details() {
        assert_eq!(
            wrong(serde_json::json!({"kind": "contact", "body": "x"})),
            ["/occurred_at required", "/direction required", "/mode required", "/successful required"]
        );
        assert!(wrong(serde_json::json!({
            "kind": "contact", "body": "x", "occurred_at": "2026-01-01T00:00:00Z", "direction": "in", "mode": "letter",
            "successful": false,
        })).is_empty());
        assert_eq!(
            wrong(serde_json::json!({
                "kind": "progress", "body": "x", "direction": "in", "mode": "letter", "successful": false,
                "minutes": 0,
            })),
            ["/direction not_allowed", "/mode not_allowed", "/successful not_allowed", "/minutes not_allowed"]
        );
        assert!(wrong(serde_json::json!({"kind": "supervision", "body": "x"})).is_empty());
        assert_eq!(
            wrong(serde_json::json!({"kind": "progress", "body": "x", "occurred_at": "2199-01-01T00:00:00Z"})),
            ["/occurred_at in_the_future"]
        );
    }

    #[test]
    fn minutes_are_between_0_and_1440() {
        let read = |minutes: i64| serde_json::from_value::<Minutes>(minutes.into());
        assert!(read(0).is_ok() && read(1440).is_ok());
        assert!(read(-1).is_err() && read(1441).is_err() && read(1 << 40).is_err());
    }

    #[test]
    fn note_is_locked_after_a_day() {
        let new: NewNote = serde_json::from_value(serde_json::json!({"kind": "progress", "body": "x"})).unwrap();
        let mut row = NoteRow::new(Id::new(), Id::new(), Id::new(), &new);
        assert!(!row.is_locked());
        row.created_at = Instant::now().plus_seconds(-LOCKED_AFTER_SECONDS);
        assert!(row.is_locked());
    }

    #[test]
    fn amendment_keeps_only_the_replaced_values() {
        let contact = serde_json::json!({
            "kind": "contact", "body": "x", "occurred_at": "2026-01-03T00:00:00Z", "direction": "out", "mode": "phone",
            "successful": true,
        });
        let mut row = NoteRow::new(Id::new(), Id::new(), Id::new(), &serde_json::from_value(contact).unwrap());
        let mut amend = |json: serde_json::Value| row.correct(&serde_json::from_value(json).unwrap());
        assert_eq!(amend(serde_json::json!({"body": "words"})), None);
        assert_eq!(amend(serde_json::json!({"body": "the same again", "mode": "phone"})), None);
        let (corrected, replaced) = amend(serde_json::json!({
            "body": "b", "occurred_at": "2026-01-01T00:00:00Z", "mode": "phone", "successful": false, "minutes": 5,
        }))
        .unwrap();
        assert_eq!(
            serde_json::to_value([corrected, replaced]).unwrap(),
            serde_json::json!([
                {"occurred_at": "2026-01-01T00:00:00.000Z", "successful": false, "minutes": 5},
                {"occurred_at": "2026-01-03T00:00:00.000Z", "successful": true},
            ])
        );
        assert_eq!(
            (row.occurred_at, row.successful, row.minutes),
            (Instant::parse("2026-01-01T00:00:00Z").unwrap(), Some(false), Some(5))
        );
    }
}
