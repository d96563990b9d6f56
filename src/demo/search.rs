//! The search documents of the generated records: the same texts that `records::search` indexes for real records.

use super::rows::{Batch, DocumentRow};
use crate::{
    db::dialect::Key,
    identity::teams::model::TeamId,
    overview::search::indexer::{self, NewSegment},
    records::search::model::{Content, SearchKind, of_case_number, of_person},
    types::code::{self, BarrierType, MeetingType},
};
use std::collections::{BTreeMap, BTreeSet};

/// The index segments of the documents, filled in order.
#[derive(Default)]
pub struct Segments {
    /// The segment that is being filled, and the number of its documents.
    last: BTreeMap<(Key, SearchKind), (i64, usize)>,
    pub created: Vec<NewSegment>,
}
impl Segments {
    fn next_segment(&mut self, team: Key, kind: SearchKind) -> i64 {
        let (segment, documents) = self.last.entry((team, kind)).or_insert((0, indexer::SEGMENT_SIZE));
        if *documents == indexer::SEGMENT_SIZE {
            (*segment, *documents) = (indexer::draw_number(), 0);
            self.created.push(NewSegment { id: *segment, team: TeamId::from_uuid(team.uuid()), kind });
        }
        *documents += 1;
        *segment
    }
}

/// Adds a search document for each record of the batch.
pub fn index(batch: &mut Batch, segments: &mut Segments) {
    let teams: BTreeMap<Key, Key> = batch.cases.iter().map(|case| (case.id, case.team_id)).collect();
    let mut all = Vec::new();
    let mut add = |organization_id, id, kind: SearchKind, team_id, case_id, title: String, body: String, more| {
        let Content { title, body, words } = Content::new(title, body, more);
        let segment = Some(segments.next_segment(team_id, kind));
        let kind = kind.as_str();
        all.push(DocumentRow {
            organization_id,
            id,
            kind,
            team_id,
            case_id,
            note_kind: None,
            author_id: None,
            segment,
            title,
            body,
            words,
        });
    };
    let in_case = |case: Key| teams.get(&case).copied().map(|team| (team, Some(case)));
    for row in &batch.clients {
        let names = [Some(row.preferred_name.as_str()), row.legal_name.as_deref()];
        let body = names.into_iter().flatten().collect::<Vec<_>>().join("\n");
        let more = of_person(names.into_iter().flatten(), row.phone.as_deref(), None, row.date_of_birth);
        add(row.organization_id, row.id, SearchKind::Client, row.team_id, None, row.preferred_name.clone(), body, more);
    }
    for row in &batch.cases {
        let texts = [Some(row.client_goal.as_str()), row.priority_reason, row.closing_summary];
        let texts =
            texts.into_iter().flatten().chain(row.tags.0.iter().map(String::as_str)).collect::<Vec<_>>().join("\n");
        add(
            row.organization_id,
            row.id,
            SearchKind::Case,
            row.team_id,
            Some(row.id),
            row.case_number.clone(),
            texts,
            of_case_number(&row.case_number),
        );
    }
    for row in &batch.barriers {
        let Some((team, case)) = in_case(row.case_id) else { continue };
        let title = BarrierType::known(row.type_).map(BarrierType::label).unwrap_or_default();
        add(
            row.organization_id,
            row.id,
            SearchKind::Barrier,
            team,
            case,
            title,
            row.description.clone(),
            BTreeSet::new(),
        );
    }
    for row in &batch.meetings {
        let Some((team, case)) = in_case(row.case_id) else { continue };
        let names = row.participants.0.as_array().into_iter().flatten().filter_map(|who| who.get("name")?.as_str());
        let texts = [Some(row.purpose), row.place, row.summary]
            .into_iter()
            .flatten()
            .chain(names)
            .collect::<Vec<_>>()
            .join("\n");
        let title = MeetingType::known(row.type_).map(MeetingType::label).unwrap_or_default();
        add(row.organization_id, row.id, SearchKind::Meeting, team, case, title, texts, BTreeSet::new());
    }
    for row in &batch.notes {
        let Some((team, case)) = in_case(row.case_id) else { continue };
        add(
            row.organization_id,
            row.id,
            SearchKind::Note,
            team,
            case,
            code::words(row.kind),
            row.body.clone(),
            BTreeSet::new(),
        );
    }
    let written: BTreeMap<Key, _> = batch.notes.iter().map(|row| (row.id, (row.kind, row.author_id))).collect();
    for document in &mut all {
        (document.note_kind, document.author_id) = written.get(&document.id).copied().unzip();
    }
    batch.documents = all;
}
