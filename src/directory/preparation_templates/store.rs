//! Queries over preparation templates.

use super::model::*;
use crate::{
    db::{Dialect, PortableDsl as _, Tx, rewrite, schema::preparation_templates as templates},
    error::{ApiError, Code, OnUnique as _, Result},
    http::{Body, IfMatch},
    types::{
        Instant, Json,
        code::{CodeList, LISTS, MeetingType, MeetingTypes},
    },
};
use diesel::prelude::*;

/// The templates that this caller may see: all of the organization.
fn visible(tx: &Tx) -> templates::BoxedQuery<'static, Dialect> {
    templates::table.filter(templates::organization_id.eq(tx.organization())).into_boxed()
}

/// The template for each type of meeting that is offered.
pub fn all(tx: &mut Tx) -> Result<PreparationTemplates> {
    let rows: Vec<TemplateRow> = visible(tx).select(TemplateRow::as_select()).load(tx.conn)?;
    let types =
        LISTS.get(MeetingTypes::LIST).into_iter().flat_map(|list| list.entries()).filter(|entry| !entry.retired);
    let items = types.filter_map(|entry| MeetingType::known(entry.code)).map(|meeting_type| {
        let own = rows.iter().find(|row| row.meeting_type == meeting_type).cloned();
        own.map_or_else(|| PreparationTemplate::built_in(meeting_type), Into::into)
    });
    Ok(PreparationTemplates { items: items.collect() })
}

/// The template for a type of meeting: the organization's own, or the built-in one.
pub fn find(tx: &mut Tx, meeting_type: MeetingType) -> Result<PreparationTemplate> {
    let row: Option<TemplateRow> = visible(tx)
        .filter(templates::meeting_type.eq(meeting_type))
        .select(TemplateRow::as_select())
        .first(tx.conn)
        .optional()?;
    Ok(row.map_or_else(|| PreparationTemplate::built_in(meeting_type), Into::into))
}

/// Replaces the current checklist with the organization's own.
pub fn replace(
    tx: &mut Tx,
    meeting_type: MeetingType,
    version: Option<&IfMatch>,
    new: &Body<NewPreparationTemplate>,
) -> Result<PreparationTemplate> {
    let own = visible(tx).filter(templates::meeting_type.eq(meeting_type)).select(TemplateRow::as_select()).locked();
    let own: Option<TemplateRow> = own.get_result(tx.conn).optional()?;
    let present = own.as_ref().map_or_else(|| PreparationTemplate::built_in(meeting_type).version, |row| row.version);
    if let Some(version) = version {
        version.check(present)?;
    }
    let row = TemplateRow {
        organization_id: tx.organization(),
        meeting_type,
        items: Json(new.items.clone()),
        version: present + 1,
        updated_at: Instant::now(),
    };
    if own.is_some() {
        rewrite(templates::table.find((row.organization_id, row.meeting_type)), &row).execute(tx.conn)?;
    } else {
        // If another request has inserted the first template meanwhile, the transaction runs again and replaces it.
        let elsewhere = || {
            ApiError::new(Code::Contention, "Another request is writing the same template.").header("retry-after", "1")
        };
        diesel::insert_into(templates::table).values(&row).execute(tx.conn).on_unique(elsewhere)?;
    }
    // A template has no id of its own: it is identified by the organization and the type of meeting.
    tx.record("preparation_template.replaced", row.organization_id, vec![meeting_type.as_str().into()]);
    Ok(row.into())
}
