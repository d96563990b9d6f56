//! The participants of a meeting, how far the client spoke for themselves, and the client's ratings.

use crate::types::{Json, Line, Patch, fault::Fault};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{
    ToSchema,
    openapi::{
        Ref, RefOr,
        schema::{ArrayBuilder, ObjectBuilder, Schema, Type},
    },
};

text_enum! {
    /// The participation ladder: how far the client spoke for themselves.
    pub enum WhoSpoke {
        SpokeForSelf = "spoke_for_self",
        SpokeWithSupport = "spoke_with_support",
        AdvocateSpokeAsInstructed = "advocate_spoke_as_instructed",
        NonInstructedRepresentation = "non_instructed_representation",
        AbsentByChoice = "absent_by_choice",
        Excluded = "excluded",
    }
}
impl WhoSpoke {
    /// The rank on the ladder; the client's own voice has the highest. An absent client has no rank: absence by choice
    /// is not a lower rank, and exclusion is not the client's doing.
    pub const fn rank(self) -> Option<i32> {
        match self {
            Self::SpokeForSelf => Some(4),
            Self::SpokeWithSupport => Some(3),
            Self::AdvocateSpokeAsInstructed => Some(2),
            Self::NonInstructedRepresentation => Some(1),
            Self::AbsentByChoice | Self::Excluded => None,
        }
    }
}
text_enum! {
    /// Whether the provider wrote down what the client said.
    pub enum ViewsRecorded { Yes = "yes", No = "no", Unknown = "unknown" }
}
text_enum! {
    /// The party of a participant.
    pub enum ParticipantParty { Client = "client", Advocate = "advocate", Provider = "provider", Other = "other" }
}

/// A participant.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Dr. Lee", "role": "Attending physician", "party": "provider"}))]
pub struct Participant {
    pub name: Line<200>,
    pub role: Option<Line<100>>,
    pub party: ParticipantParty,
}

/// The participants, at most 30.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Participants(Vec<Participant>);

impl Participants {
    const MAX: usize = 30;

    pub fn iter(&self) -> std::slice::Iter<'_, Participant> {
        self.0.iter()
    }
}
impl<'de> Deserialize<'de> for Participants {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let all = Vec::deserialize(d)?;
        if all.len() > Self::MAX {
            Err(Fault::new("out_of_range", format!("must be at most {}", Self::MAX)).serde())
        } else {
            Ok(Self(all))
        }
    }
}
impl utoipa::PartialSchema for Participants {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(Participant::name()))
            .max_items(Some(Self::MAX))
            .description(Some("Who takes part."))
            .into()
    }
}
impl ToSchema for Participants {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Participant::name().into(), <Participant as utoipa::PartialSchema>::schema()));
        Participant::schemas(schemas);
    }
}

/// The client's answer to one question, from 1 (not at all) to 5 (fully).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Rating(i32);

impl Rating {
    pub const fn value(self) -> i32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Rating {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let number = i64::deserialize(d)?;
        let rating = i32::try_from(number).ok().filter(|rating| (1..=5).contains(rating));
        rating.map(Self).ok_or_else(|| Fault::new("out_of_range", "must lie between 1 and 5").serde())
    }
}
impl utoipa::PartialSchema for Rating {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(5))
            .description(Some("From 1 (not at all) to 5 (fully)."))
            .into()
    }
}
impl ToSchema for Rating {}

/// The client's ratings. The scale is local, not validated: compare answers only within the same client.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"prepared": 4, "understood_options": 3, "heard": 4, "confidence": 5}))]
pub struct Ratings {
    pub prepared: Option<Rating>,
    pub understood_options: Option<Rating>,
    pub heard: Option<Rating>,
    pub confidence: Option<Rating>,
}

/// Changes to ratings: absent answers stay, `null` clears one. Local, not validated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"heard": 5}))]
pub struct RatingsPatch {
    pub prepared: Patch<Rating>,
    pub understood_options: Patch<Rating>,
    pub heard: Patch<Rating>,
    pub confidence: Patch<Rating>,
}

/// Merges a patch into the present ratings (RFC 7396).
pub(super) fn merge(patch: Patch<RatingsPatch>, to: &mut Option<Json<Ratings>>) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *to = None,
        Patch::Set(patch) => {
            let Json(ratings) = to.get_or_insert_with(Json::default);
            patch.prepared.apply(&mut ratings.prepared);
            patch.understood_options.apply(&mut ratings.understood_options);
            patch.heard.apply(&mut ratings.heard);
            patch.confidence.apply(&mut ratings.confidence);
        }
    }
}
