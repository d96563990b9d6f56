//! The sections of a statement. One list defines their codes, their order, their headings and the members of the API.

use crate::types::{Patch, Text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

/// The text of one section.
pub type SectionText = Text<4000>;

macro_rules! sections {
    ($($(#[$doc:meta])* $section:ident = $field:ident, $code:tt, $heading:literal;)+) => {
        text_enum! {
            /// A section of a statement. There is no section for present substance use, because it could be held
            /// against the client.
            pub enum Section { $($(#[$doc])* $section = $code),+ }
        }

        impl Section {
            /// The printed heading.
            pub const fn heading(self) -> &'static str {
                match self { $(Self::$section => $heading),+ }
            }
        }

        /// The sections with text. Each is free text; all are optional.
        #[serde_with::skip_serializing_none]
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Validate, ToSchema)]
        #[serde(deny_unknown_fields, default)]
        #[schema(example = json!(crate::types::example(include_str!("examples/sections.json"))))]
        pub struct Sections { $($(#[$doc])* pub $field: Option<SectionText>),+ }

        impl Sections {
            pub const fn get(&self, section: Section) -> Option<&SectionText> {
                match section { $(Section::$section => self.$field.as_ref()),+ }
            }
            pub fn apply(&mut self, patch: SectionsPatch) {
                $(patch.$field.apply(&mut self.$field);)+
            }
            /// These sections, completed with the sections of `under`.
            pub fn over(self, under: Self) -> Self {
                Self { $($field: self.$field.or(under.$field)),+ }
            }
        }

        /// Changes to sections: absent sections stay, `null` clears one.
        #[derive(Debug, Clone, Default, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields, default)]
        #[schema(example = json!({"helps": "A text the day before, and one an hour before.", "does_not_help": null}))]
        pub struct SectionsPatch { $($(#[$doc])* pub $field: Patch<SectionText>),+ }

        impl SectionsPatch {
            /// The sections in the patch.
            pub fn touched(&self) -> impl Iterator<Item = Section> {
                [$((Section::$section, self.$field != Patch::Keep)),+].into_iter().filter_map(|(section, touched)| touched.then_some(section))
            }
        }
    };
}

sections! {
    /// What the person needs.
    Needs = needs, "needs", "What I need";
    /// What helps.
    Helps = helps, "helps", "What helps me";
    /// What does not help, or makes things worse.
    DoesNotHelp = does_not_help, "does_not_help", "What does not help me";
    /// How the person communicates, and takes things in.
    Communication = communication, "communication", "How I communicate";
    /// Only what the person chooses to share.
    MedicinesAndAllergies = medicines_and_allergies, "medicines_and_allergies", "Medicines and allergies I choose to \
         share";
    /// The pathway of recovery that the person chose, whatever it is.
    RecoveryPathway = recovery_pathway, "recovery_pathway", "The recovery pathway I chose";
    /// How pain is to be treated.
    PainCare = pain_care, "pain_care", "My plan for pain care";
    /// The people who are to be informed and to take part.
    PeopleToInclude = people_to_include, "people_to_include", "People to include";
    /// The people who are not to be informed and not to take part.
    PeopleToLeaveOut = people_to_leave_out, "people_to_leave_out", "People to leave out";
    /// The words that the person uses for themselves and for what they live with.
    WordsIUse = words_i_use, "words_i_use", "Words I use";
    /// Words that hurt or mislead.
    WordsToAvoid = words_to_avoid, "words_to_avoid", "Words to avoid";
    /// The changes that let the person take part.
    Accommodations = accommodations, "accommodations", "Changes that let me take part";
    /// What to do, and whom to call, when things go badly.
    CrisisPlan = crisis_plan, "crisis_plan", "If I am in crisis";
    /// What the person does not agree to.
    NoConsent = no_consent, "no_consent", "What I do not agree to";
}

impl Sections {
    /// The sections that have text, in order.
    pub fn filled(&self) -> impl Iterator<Item = (Section, &SectionText)> {
        Section::ALL.iter().filter_map(|section| Some((*section, self.get(*section)?)))
    }
    pub fn is_empty(&self) -> bool {
        self.filled().next().is_none()
    }
    /// The names of sections as members of a body, for the audit log.
    pub fn members(sections: impl Iterator<Item = Section>) -> Vec<String> {
        sections.map(|section| format!("sections/{}", section.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections(json: serde_json::Value) -> Sections {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn sections_have_a_fixed_order() {
        let mixed = sections(serde_json::json!({"no_consent": "n", "needs": "a", "helps": "b"}));
        let order: Vec<Section> = mixed.filled().map(|(section, _)| section).collect();
        assert_eq!(order, [Section::Needs, Section::Helps, Section::NoConsent]);
    }

    #[test]
    fn section_code_is_its_member_name() {
        for section in Section::ALL {
            let one = sections(serde_json::json!({section.as_str(): "words"}));
            assert_eq!(one.filled().map(|(section, _)| section).collect::<Vec<_>>(), [*section]);
        }
    }

    #[test]
    fn patch_keeps_sets_and_clears_sections() {
        let mut all = sections(serde_json::json!({"needs": "a", "helps": "b", "words_i_use": "c"}));
        let patch: SectionsPatch = serde_json::from_value(serde_json::json!({"needs": "z", "helps": null})).unwrap();
        assert_eq!(Sections::members(patch.touched()), ["sections/needs", "sections/helps"]);
        all.apply(patch);
        assert_eq!(all, sections(serde_json::json!({"needs": "z", "words_i_use": "c"})));
    }
}
