//! The title block of a printed client record: the recipient, the purpose, and the notice that goes with it.

use super::{gate::ExportPermit, model::Audience};
use crate::{
    print::{Block, Sheet},
    privacy::notices,
    types::Line,
};

/// Adds the title block of an export to a sheet. `organization` is the name of the organization that owns the record, `on` is
/// the date in words.
///
/// A copy for a recipient begins with the recipient, the purpose, the date, the basis and Statement 1 of 42 CFR
/// 2.32(a), so that all of it is on the first page; Statement 2 is at the foot of every page. An internal copy states
/// on every page that it is not for anybody outside. A copy for the client has neither: it is their own record (42 CFR
/// 2.23).
pub fn put(sheet: &mut Sheet, permit: &ExportPermit, organization: &Line<200>, on: &str) {
    // The title bar and the file's properties must not show whose record it is.
    sheet.name = Some(permit.title());
    match permit.audience() {
        Some(Audience::Recipient) => {
            let mut lines = Vec::new();
            lines.extend(permit.recipient().map(|recipient| format!("For: {recipient}")));
            lines.extend(permit.purpose().map(|purpose| format!("Purpose: {purpose}")));
            lines.push(format!("Date: {on}"));
            lines.push(format!("Given by: {organization}. Basis: {}.", permit.basis().label()));
            lines.push(String::new());
            lines.push(notices::FULL.text.clone());
            sheet.blocks.insert(0, Block::Small(lines.join("\n")));
            sheet.foot_notice = Some(notices::SHORT.text.clone());
        }
        Some(Audience::Internal) => {
            let internal = format!("Not for anybody outside {organization}");
            sheet.blocks.insert(0, Block::Notice(format!("{internal}.")));
            sheet.foot_notice = Some(format!("{internal}. {}", notices::SHORT.text));
        }
        Some(Audience::Client) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::exports::gate::tests::permit;

    /// Uses the longest recipient, purpose and organization name that the API accepts.
    #[test]
    fn recipient_notice_fits_completely_on_the_first_page() {
        let long = |most: usize| "Clinic at the River ".repeat(20).chars().take(most).collect::<String>();
        let query = serde_json::json!({
            "for": "recipient", "recipient": long(200).trim(), "purpose": "other", "purpose_text": long(120).trim(),
            "basis": "consent", "reason": "They ask for it",
        });
        let mut sheet = Sheet {
            title: "What I need and what I prefer".into(),
            blocks: vec![Block::Text("Words.".into())],
            ..Sheet::default()
        };
        put(&mut sheet, &permit(query), &Line::parse(long(200).trim().to_owned()).unwrap(), "30 November 2026");
        let Some(Block::Small(block)) = sheet.blocks.first() else { panic!("{sheet:?}") };
        assert!(block.ends_with(&notices::FULL.text) && block.starts_with("For: Clinic at the River"), "{block}");
        assert_eq!(crate::print::pdf::pages_of_first_block(&sheet), 1);
        assert_eq!(sheet.foot_notice.as_deref(), Some(notices::SHORT.text.as_str()));
    }
}
