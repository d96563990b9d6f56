//! Prints a statement to hand out, in plain words and in the client's name.

use super::model::{Statement, StatementStatus};
use crate::{
    print::{Block, Sheet},
    types::{Day, Line},
};

/// 24 November 2026: a format that US and European readers understand in the same way.
pub fn date(day: Day) -> String {
    day.jiff().strftime("%-d %B %Y").to_string()
}

/// The page, without empty sections.
pub fn sheet(statement: &Statement, name: &Line<120>) -> Sheet {
    let number = statement.number;
    let approved = statement.approval.as_ref().map(|approval| date(approval.on));
    let (state, foot) = match (&approved, statement.status) {
        (Some(on), StatementStatus::Superseded) => (
            Block::Notice(format!(
                "This is an old version. There is a newer one: please ask for it.\nVersion {number}, approved by \
                 {name} on {on}."
            )),
            format!("Version {number} · Old"),
        ),
        (Some(on), _) => (
            Block::Text(format!("Version {number}. Approved by {name} on {on}.")),
            format!("Version {number} · Approved {on}"),
        ),
        (None, _) => (
            Block::Notice(format!(
                "Draft, not yet approved.\nVersion {number}. {name} has not agreed to these words yet."
            )),
            format!("Version {number} · Draft, not yet approved"),
        ),
    };
    let mut blocks = vec![Block::Name(name.to_string()), state];
    if approved.is_some() {
        blocks.push(Block::Text(
            "These are my own words. Please read them before we talk. If something is not clear, please ask me.".into(),
        ));
    }
    for (section, words) in statement.sections.filled() {
        blocks.push(Block::Heading(section.heading().into()));
        blocks.push(Block::Text(words.as_str().trim().into()));
    }
    if statement.sections.is_empty() {
        blocks.push(Block::Text("Nothing has been written here yet.".into()));
    }
    Sheet {
        title: "What I need and what I prefer".into(),
        blocks,
        foot: format!("{foot} · {name}"),
        ..Sheet::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::casework::statements::model::{NewStatement, NewStatementApproval, StatementRow};
    use crate::types::Id;

    fn row() -> StatementRow {
        let new: NewStatement =
            serde_json::from_value(serde_json::json!({"sections": {"no_consent": "Photos.", "needs": " Quiet.\n"}}))
                .unwrap();
        StatementRow::new(Id::new(), Id::new(), Id::new(), None, &new).unwrap()
    }
    fn printed(row: StatementRow) -> Sheet {
        sheet(&row.into(), &Line::parse("Sam").unwrap())
    }

    #[test]
    fn printed_statement_shows_draft_approval_or_superseded_status() {
        let mut row = row();
        assert!(
            matches!(printed(row.clone()).blocks.get(1), Some(Block::Notice(text)) if text.starts_with("Draft, not yet approved."))
        );
        let approval: NewStatementApproval =
            serde_json::from_value(serde_json::json!({"approved_by": "client", "method": "phone"})).unwrap();
        row.approve(Id::new(), &approval, Day::parse("2026-11-04").unwrap()).unwrap();
        assert_eq!(
            printed(row.clone()).blocks.get(1),
            Some(&Block::Text("Version 1. Approved by Sam on 4 November 2026.".into()))
        );
        row.supersede();
        assert!(
            matches!(printed(row).blocks.get(1), Some(Block::Notice(text)) if text.starts_with("This is an old version."))
        );
    }

    #[test]
    fn printed_sections_are_in_order_without_empty_ones() {
        let headings: Vec<Block> = printed(row()).blocks.split_off(2);
        assert_eq!(
            headings,
            [
                Block::Heading("What I need".into()),
                Block::Text("Quiet.".into()),
                Block::Heading("What I do not agree to".into()),
                Block::Text("Photos.".into()),
            ]
        );
    }
}
