//! The notices of 42 CFR 2.32 that accompany a record, as versioned data. The text is that of the regulation, and a
//! version never changes.

use serde::Deserialize;
use std::sync::LazyLock;

/// Which statement of the notice it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Statement 1: on the first page of a copy, and as the last record of a file.
    Full,
    /// Statement 2: at the foot of every page.
    Short,
}

/// One version of a notice.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// The identifier that is stored with an export.
    pub version: String,
    pub form: Form,
    /// The paragraph that prescribes the text.
    pub citation: String,
    /// The first day on which it is used (`YYYY-MM-DD`).
    pub effective_from: String,
    /// The text itself; a line break separates paragraphs.
    pub text: String,
}

#[expect(clippy::expect_used, reason = "the files are compiled in, and a unit test reads them")]
fn read(json: &str) -> Notice {
    serde_json::from_str(json).expect("a notice")
}

/// Statement 1, 42 CFR 2.32(a)(1), as amended in 2024.
pub static FULL: LazyLock<Notice> = LazyLock::new(|| read(include_str!("notices/part2-2024-1.json")));
/// Statement 2, 42 CFR 2.32(a)(2), as amended in 2024.
pub static SHORT: LazyLock<Notice> = LazyLock::new(|| read(include_str!("notices/part2-2024-2.json")));

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};

    fn digest(text: &str) -> String {
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A change of a single byte of a notice that has been used requires a new version, in a file of its own.
    #[test]
    fn notices_match_the_regulation_word_for_word() {
        assert_eq!((FULL.version.as_str(), FULL.form), ("part2-2024-1", Form::Full));
        assert_eq!((SHORT.version.as_str(), SHORT.form), ("part2-2024-2", Form::Short));
        assert_eq!((FULL.citation.as_str(), SHORT.citation.as_str()), ("42 CFR 2.32(a)(1)", "42 CFR 2.32(a)(2)"));
        assert_eq!((FULL.effective_from.as_str(), SHORT.effective_from.as_str()), ("2024-04-16", "2024-04-16"));
        assert_eq!(SHORT.text, "42 CFR part 2 prohibits unauthorized use or disclosure of these records.");
        assert_eq!(digest(&SHORT.text), "79fee3d6dff7e052183c61b66bfed589f0f45dcf330bb277e07b396bd12e9774");
        let paragraphs: Vec<&str> = FULL.text.split('\n').collect();
        assert_eq!(paragraphs.len(), 5);
        assert!(paragraphs[0].starts_with(
            "This record which has been disclosed to you is protected by Federal confidentiality rules (42 CFR part 2)."
        ));
        assert_eq!(
            paragraphs[1],
            "(i) Further use or disclosure is expressly permitted by the written consent of the individual whose \
             information is being disclosed in this record or as otherwise permitted by 42 CFR part 2."
        );
        assert!(paragraphs[4].ends_with("to further use or redisclose the record (see 42 CFR 2.31)."));
        assert_eq!(digest(&FULL.text), "dae0b4d455d63722bc4e0d3760e8319ba4ea929068b0a9d96244bf20c338245d");
    }
}
