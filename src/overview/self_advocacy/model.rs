//! The model of a client's self-advocacy, and its computation.

use crate::{
    casework::{
        cases::model::CaseId,
        clients::model::ClientId,
        meetings::model::{MeetingId, Rating, Ratings, WhoSpoke},
    },
    db::schema::meetings,
    types::{Instant, Json},
};
use diesel::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

/// The quality of the ratings. Every response states it, so that no reader misses it.
const RATINGS_ARE: &str = "local, not validated";

text_enum! {
    /// One of the four questions of a rating.
    pub enum Question { Prepared = "prepared", UnderstoodOptions = "understood_options", Heard = "heard", Confidence = "confidence" }
}
impl Question {
    const fn answer(self, ratings: &Ratings) -> Option<Rating> {
        match self {
            Self::Prepared => ratings.prepared,
            Self::UnderstoodOptions => ratings.understood_options,
            Self::Heard => ratings.heard,
            Self::Confidence => ratings.confidence,
        }
    }
}

/// The columns of a held meeting that self-advocacy needs.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = meetings)]
pub struct HeldRow {
    pub id: MeetingId,
    pub case_id: CaseId,
    pub starts_at: Instant,
    pub who_spoke: Option<WhoSpoke>,
    pub ratings_before: Option<Json<Ratings>>,
    pub ratings_after: Option<Json<Ratings>>,
}

/// One meeting that was held.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldMeeting {
    pub meeting_id: MeetingId,
    pub case_id: CaseId,
    pub starts_at: Instant,
    pub who_spoke: Option<WhoSpoke>,
    /// The rank of `who_spoke` on the ladder, from 4 (spoke for self) to 1 (non-instructed representation). Absent if
    /// the client was not there, by choice or because they were excluded: absence has no rank.
    #[schema(minimum = 1, maximum = 4)]
    pub rank: Option<i32>,
    pub ratings_before: Option<Ratings>,
    pub ratings_after: Option<Ratings>,
}
impl From<HeldRow> for HeldMeeting {
    fn from(row: HeldRow) -> Self {
        Self {
            meeting_id: row.id,
            case_id: row.case_id,
            starts_at: row.starts_at,
            who_spoke: row.who_spoke,
            rank: row.who_spoke.and_then(WhoSpoke::rank),
            ratings_before: row.ratings_before.map(|ratings| ratings.0),
            ratings_after: row.ratings_after.map(|ratings| ratings.0),
        }
    }
}

/// The change in the answers to one question, from before to after a meeting.
#[serde_with::skip_serializing_none]
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RatingShift {
    pub question: Question,
    /// The number of meetings with an answer from both before and after. Only these count.
    #[schema(minimum = 0)]
    pub pairs: i32,
    /// The mean of after minus before; absent if there is no pair.
    #[schema(minimum = -4, maximum = 4)]
    pub mean_shift: Option<f64>,
}

fn shift(question: Question, meetings: &[HeldMeeting]) -> RatingShift {
    let answer =
        |ratings: &Option<Ratings>| ratings.as_ref().and_then(|ratings| question.answer(ratings)).map(Rating::value);
    let (pairs, sum) = meetings
        .iter()
        .filter_map(|meeting| Some(answer(&meeting.ratings_after)? - answer(&meeting.ratings_before)?))
        .fold((0, 0), |(pairs, sum), moved| (pairs + 1, sum + moved));
    RatingShift { question, pairs, mean_shift: (pairs > 0).then(|| f64::from(sum) / f64::from(pairs)) }
}

/// How far a client spoke for themselves over time.
#[serde_with::skip_serializing_none]
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!(crate::types::example(include_str!("examples/self_advocacy.json"))))]
pub struct SelfAdvocacy {
    pub client_id: ClientId,
    /// The earliest first.
    pub meetings: Vec<HeldMeeting>,
    /// Whether there are earlier meetings than the latest 200. They are neither shown nor counted.
    pub earlier_left_out: bool,
    /// The rank in the first of the meetings that has one.
    pub first_rank: Option<i32>,
    /// The rank in the last of the meetings that has one.
    pub latest_rank: Option<i32>,
    /// The quality of all ratings here: local, not validated.
    pub ratings_are: &'static str,
    /// For each question of the ratings.
    pub shifts: Vec<RatingShift>,
}

impl SelfAdvocacy {
    /// `meetings` must be sorted by start, the earliest first.
    pub fn new(client_id: ClientId, meetings: Vec<HeldMeeting>, earlier_left_out: bool) -> Self {
        Self {
            client_id,
            earlier_left_out,
            first_rank: meetings.iter().find_map(|meeting| meeting.rank),
            latest_rank: meetings.iter().rev().find_map(|meeting| meeting.rank),
            ratings_are: RATINGS_ARE,
            shifts: Question::ALL.iter().map(|question| shift(*question, &meetings)).collect(),
            meetings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Id;

    fn held(who_spoke: WhoSpoke, before: serde_json::Value, after: serde_json::Value) -> HeldMeeting {
        HeldMeeting::from(HeldRow {
            id: Id::new(),
            case_id: Id::new(),
            starts_at: Instant::now(),
            who_spoke: Some(who_spoke),
            ratings_before: serde_json::from_value(before).unwrap(),
            ratings_after: serde_json::from_value(after).unwrap(),
        })
    }

    #[test]
    fn shifts_use_paired_ratings_and_absence_has_no_rank() {
        use serde_json::json;
        let shown = SelfAdvocacy::new(
            Id::new(),
            vec![
                held(WhoSpoke::Excluded, json!({"heard": 1}), json!(null)),
                held(WhoSpoke::AdvocateSpokeAsInstructed, json!({"heard": 2, "confidence": 3}), json!({"heard": 5})),
                held(WhoSpoke::SpokeForSelf, json!({"heard": 4}), json!({"heard": 3, "prepared": 5})),
                held(WhoSpoke::AbsentByChoice, json!(null), json!({"heard": 5})),
            ],
            false,
        );
        assert_eq!((shown.first_rank, shown.latest_rank), (Some(2), Some(4)));
        assert_eq!(
            shown.meetings.iter().map(|meeting| meeting.rank).collect::<Vec<_>>(),
            [None, Some(2), Some(4), None]
        );
        let heard = shown.shifts.iter().find(|shift| shift.question == Question::Heard).unwrap();
        assert_eq!((heard.pairs, heard.mean_shift), (2, Some(1.0)));
        assert!(
            shown
                .shifts
                .iter()
                .filter(|shift| shift.question != Question::Heard)
                .all(|shift| shift.mean_shift.is_none())
        );
    }
}
