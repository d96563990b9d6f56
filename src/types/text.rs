//! Bounded text without characters that could harm a screen, a terminal or a database.

use super::{fault::Fault, sql};
use diesel::{
    deserialize::{FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{Output, ToSql},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// The treatment of a character in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Treatment {
    Keep,
    /// Replaced by another character that looks the same.
    Become(char),
    /// Removed, because it is invisible and nothing looks different without it.
    Drop,
    /// A joiner: kept between letters where it is part of the spelling, else removed.
    Joiner,
    Refuse,
}

/// Unicode line breaks: the characters that are a line break in pasted text (UAX #14, classes BK, CR and NL).
const fn is_line_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{B}' | '\u{C}' | '\u{85}')
}
/// Embeddings and isolates. Some programs put them around copied text, for example a telephone number. They order their
/// contents and change no letter. The overrides U+202D and U+202E, which make a text appear as something else, are not
/// included.
pub(super) const fn is_embedding(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202C}' | '\u{2066}'..='\u{2069}')
}
/// Zero-width characters other than the joiners and the bidirectional controls. They are removed so that two names that
/// look the same are the same.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{206A}'..='\u{206F}'
            | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
    )
}
pub(super) const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

/// Several lines: changes only characters that are not text or could make it appear as something else.
fn treat_multiline(c: char) -> Treatment {
    match c {
        '\n' | '\t' => Treatment::Keep,
        c if is_line_break(c) => Treatment::Become('\n'),
        c if is_embedding(c) => Treatment::Drop,
        '\u{202D}' | '\u{202E}' => Treatment::Refuse,
        c if c.is_control() => Treatment::Refuse,
        _ => Treatment::Keep,
    }
}
/// One line: also removes invisible characters, so that two names that look the same are the same.
fn treat_single_line(c: char) -> Treatment {
    match c {
        '\t' | '\u{A0}' | '\u{2007}' | '\u{202F}' => Treatment::Become(' '),
        '\u{2028}' | '\u{2029}' => Treatment::Refuse,
        c if is_joiner(c) => Treatment::Joiner,
        c if is_invisible(c) => Treatment::Drop,
        c => match treat_multiline(c) {
            Treatment::Become(_) => Treatment::Refuse,
            _ if c == '\n' => Treatment::Refuse,
            treatment => treatment,
        },
    }
}

/// The common name of a refused character.
fn name_of(c: char) -> &'static str {
    match c {
        '\0' => "the null character",
        '\u{1B}' => "the escape character",
        '\u{202D}' => "a left-to-right override",
        '\u{202E}' => "a right-to-left override",
        '\u{2028}' | '\u{2029}' => "a line break",
        c if is_line_break(c) => "a line break",
        _ => "a control character",
    }
}

/// The class of a script whose spelling uses the zero width joiner and non-joiner (UAX #31, 2.3): 1 for cursive
/// scripts, 2 for scripts where a virama joins letters, 3 for emoji sequences, 0 for others.
const fn joining(c: char) -> u8 {
    match c as u32 {
        // Arabic, Syriac, N'Ko, Mandaic, Mongolian, Phags-pa, Adlam and similar.
        0x600..=0x8FF
        | 0x1800..=0x18AF
        | 0xA840..=0xA87F
        | 0xFB50..=0xFDFF
        | 0xFE70..=0xFEFC
        | 0x10AC0..=0x10AFF
        | 0x1E900..=0x1E95F => 1,
        // Devanagari to Sinhala, Tibetan, Myanmar, Khmer, and the newer blocks of Indic scripts.
        0x900..=0xDFF
        | 0xF00..=0x109F
        | 0x1780..=0x17FF
        | 0xA8E0..=0xA8FF
        | 0xA9E0..=0xA9FF
        | 0xAA60..=0xAA7F
        | 0x11000..=0x11AFF => 2,
        0x2190..=0x21FF | 0x2600..=0x27BF | 0x2B00..=0x2BFF | 0xFE0F | 0x1F000..=0x1FAFF => 3,
        _ => 0,
    }
}
/// Whether a joiner between these two characters is part of the spelling: between letters of one joining script
/// (contexts A1, A2 and B of UAX #31, but without a check of the joining type), and for a zero width joiner also after
/// a virama at the end of a word.
fn is_spelling(joiner: char, before: Option<char>, after: Option<char>) -> bool {
    use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
    const VIRAMA: u8 = 9;
    let Some(before) = before else { return false };
    let of_a_word = |c: char| joining(c) == 3 || c.is_alphabetic() || is_combining_mark(c);
    let writing = joining(before);
    if writing == 0 || !of_a_word(before) || writing == 3 && joiner == '\u{200C}' {
        return false;
    }
    match after.filter(|after| joining(*after) == writing && of_a_word(*after)) {
        Some(_) => true,
        None => {
            joiner == '\u{200D}'
                && writing == 2
                && canonical_combining_class(before) == VIRAMA
                && after.is_none_or(|c| !is_joiner(c))
        }
    }
}

/// Whether a left-to-right override contains only left-to-right text, so that it has no effect. Phones copy their
/// numbers this way.
fn overrides_nothing(text: &str) -> bool {
    use unicode_bidi::{BidiClass, bidi_class};
    !text.contains('\u{202E}')
        && !text.chars().any(|c| matches!(bidi_class(c), BidiClass::R | BidiClass::AL | BidiClass::AN))
}

/// The position of a character in the input, for people: counted from 1, with CR LF as one line break.
fn describe_position(text: &str, at: usize, lines: bool) -> String {
    let before = text.get(..at).unwrap_or_default().replace("\r\n", "\n");
    let breaks = before.chars().filter(|c| is_line_break(*c)).count();
    let column = before.chars().rev().take_while(|c| !is_line_break(*c)).count() + 1;
    match breaks {
        _ if !lines => format!("at character {}", before.chars().count() + 1),
        0 => format!("at character {column}"),
        breaks => format!("in line {}, at character {column}", breaks + 1),
    }
}

/// The normalized text for storage: text that looks the same is stored the same. A harmful character is refused, with
/// its name and position.
fn clean(text: String, treatment: impl Fn(char) -> Treatment, lines: bool) -> Result<String, Fault> {
    if text.chars().all(|c| treatment(c) == Treatment::Keep) && (lines || text.trim().len() == text.len()) {
        return Ok(text);
    }
    // All white space at the start and at the end of a single line is removed, including line breaks.
    let edge = |c: char| c.is_whitespace() || is_invisible(c) || is_embedding(c);
    let start = if lines { 0 } else { text.len() - text.trim_start_matches(edge).len() };
    let kept = if lines { text.as_str() } else { text.trim_matches(edge) };
    let (overridable, mut marks) = (overrides_nothing(kept), Vec::with_capacity(kept.len()));
    let mut before = None;
    for (at, c) in kept.char_indices() {
        match treatment(c) {
            Treatment::Keep | Treatment::Joiner => marks.push(c),
            // CR LF is one line break.
            Treatment::Become('\n') if c == '\r' && kept.get(at + 1..).is_some_and(|rest| rest.starts_with('\n')) => {}
            Treatment::Become(other) => marks.push(other),
            Treatment::Drop => {}
            Treatment::Refuse if c == '\u{202D}' && overridable => {}
            Treatment::Refuse => {
                let detail = format!(
                    "must not contain U+{:04X} ({}), {}",
                    u32::from(c),
                    name_of(c),
                    describe_position(&text, start + at, lines)
                );
                return Err(Fault::new("forbidden_character", detail));
            }
        }
    }
    let mut cleaned = String::with_capacity(kept.len());
    for (i, c) in marks.iter().enumerate() {
        if treatment(*c) == Treatment::Joiner && !is_spelling(*c, before, marks.get(i + 1).copied()) {
            continue;
        }
        cleaned.push(*c);
        before = Some(*c);
    }
    Ok(if lines { cleaned } else { cleaned.trim().to_owned() })
}

fn check(text: String, most: usize, treatment: impl Fn(char) -> Treatment, lines: bool) -> Result<String, Fault> {
    let text = clean(text, treatment, lines)?;
    if text.chars().count() > most {
        return Err(Fault::new("too_long", format!("must be at most {most} characters")));
    }
    if text.trim().is_empty() {
        return Err(Fault::new("blank", "must not be blank"));
    }
    Ok(text)
}

macro_rules! bounded_text {
    (
        $(#[$doc:meta])* $name:ident, lines: $lines:literal, treatment: $treatment:expr,
        pattern: $pattern:literal, what: $what:literal, about: $about:literal
    ) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow)]
        #[diesel(sql_type = sql::Text)]
        pub struct $name<const MAX: usize>(String);

        impl<const MAX: usize> $name<MAX> {
            pub fn parse(text: impl Into<String>) -> Result<Self, Fault> {
                check(text.into(), MAX, $treatment, $lines).map(Self)
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl<const MAX: usize> fmt::Display for $name<MAX> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        // The debug output never contains what people wrote.
        impl<const MAX: usize> fmt::Debug for $name<MAX> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "…{} bytes", self.0.len())
            }
        }
        impl<const MAX: usize> Serialize for $name<MAX> {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }
        impl<'de, const MAX: usize> Deserialize<'de> for $name<MAX> {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(d)?).map_err(Fault::serde)
            }
        }
        impl<const MAX: usize> utoipa::__dev::ComposeSchema for $name<MAX> {
            fn compose(_: Vec<utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>>) -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .min_length(Some(1))
                    .max_length(Some(MAX))
                    .pattern(Some($pattern))
                    .description(Some(format!(concat!($what, " of at most {} characters, not blank. ", $about), MAX)))
                    .into()
            }
        }
        impl<const MAX: usize> utoipa::ToSchema for $name<MAX> {
            fn name() -> std::borrow::Cow<'static, str> {
                format!(concat!(stringify!($name), "{}"), MAX).into()
            }
        }
        impl<const MAX: usize, DB> ToSql<sql::Text, DB> for $name<MAX>
        where
            DB: diesel::backend::Backend,
            str: ToSql<sql::Text, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> diesel::serialize::Result {
                self.0.as_str().to_sql(out)
            }
        }
        // Stored text was checked on input: a later, stricter limit must not make old records unreadable.
        impl<const MAX: usize, DB> FromSql<sql::Text, DB> for $name<MAX>
        where
            DB: diesel::backend::Backend,
            String: FromSql<sql::Text, DB>,
        {
            fn from_sql(raw: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                Ok(Self(String::from_sql(raw)?))
            }
        }
    };
}

bounded_text! {
    /// Text of several lines. It is stored unchanged, except that line breaks become LF and direction embeddings are
    /// removed.
    Text, lines: true, treatment: treat_multiline,
    pattern: "^[^\\u0000-\\u0008\\u000E-\\u001F\\u007F-\\u0084\\u0086-\\u009F\\u202E]*[^\\s\\u0000-\\u0020\\u007F-\\u00A0\\u1680\\u2000-\\u200A\\u2028-\\u202F\\u205F\\u2066-\\u2069\\u3000][^\\u0000-\\u0008\\u000E-\\u001F\\u007F-\\u0084\\u0086-\\u009F\\u202E]*$",
    what: "Text",
    about: "CR LF and CR are taken as LF."
}
bounded_text! {
    /// A name or another single line, without surrounding white space and without invisible characters.
    Line, lines: false, treatment: treat_single_line,
    pattern: "^[^\\u0000-\\u0008\\u000E-\\u001F\\u007F-\\u0084\\u0086-\\u009F\\u202E]*[^\\s\\u0000-\\u0020\\u007F-\\u00A0\\u00AD\\u1680\\u2000-\\u200F\\u2028-\\u202F\\u205F-\\u206F\\u3000\\uFEFF][^\\u0000-\\u0008\\u000E-\\u001F\\u007F-\\u0084\\u0086-\\u009F\\u202E]*$",
    what: "A single line",
    about: "White space around it, and characters that cannot be seen, are left out."
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Email, Url};
    use proptest::prelude::*;

    /// Characters that no stored text contains.
    fn is_harmful(c: char) -> bool {
        c.is_control() && !matches!(c, '\n' | '\t') || is_embedding(c) || matches!(c, '\u{202D}' | '\u{202E}')
    }
    fn lf(text: &str) -> String {
        text.replace("\r\n", "\n")
            .chars()
            .filter(|c| !is_embedding(*c))
            .map(|c| if is_line_break(c) { '\n' } else { c })
            .collect()
    }

    proptest! {
        /// An accepted value contains no character that its type forbids, and parsing it again does not change it.
        #[test]
        fn any_text_is_stored_safely_or_refused(
            text in "(\\PC|\r\n|[\\x00-\\x20\u{7f}\u{85}\u{ad}\u{200b}\u{200c}\u{200d}\u{202a}\
                     \u{202d}\u{202e}\u{2066}\u{feff}\u{627}\u{628}\u{915}\u{94d}]){0,60}",
        ) {
            match Text::<50>::parse(text.clone()) {
                Ok(kept) => {
                    prop_assert_eq!(kept.as_str(), lf(&text).replace('\u{202D}', ""));
                    prop_assert!(kept.as_str().chars().count() <= 50 && !kept.as_str().trim().is_empty());
                    prop_assert!(!kept.as_str().chars().any(is_harmful));
                    let json = serde_json::to_string(&kept).unwrap();
                    prop_assert_eq!(serde_json::from_str::<Text<50>>(&json).unwrap(), kept);
                }
                Err(fault) => prop_assert!(matches!(fault.code, "too_long" | "forbidden_character" | "blank")),
            }
            if let Ok(line) = Line::<50>::parse(text) {
                prop_assert!(line.as_str().chars().all(|c| !c.is_control() && !is_invisible(c) && !is_harmful(c)));
                prop_assert_eq!(line.as_str().trim(), line.as_str());
                prop_assert_eq!(Line::<50>::parse(line.as_str()).unwrap(), line);
            }
        }

        /// Any text, with a strange character inserted: the stored text does not contain it, unless it is a joiner that
        /// is part of the spelling.
        #[test]
        fn unsafe_characters_are_removed_or_refused_in_any_text(
            text: String,
            strange in proptest::sample::select(vec![
                '\0', '\u{7f}', '\u{85}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}', '\u{200b}',
                '\u{200d}', '\u{200f}', '\u{2028}', '\u{2060}', '\u{feff}', '\u{ad}',
            ]),
            at: proptest::sample::Index,
        ) {
            let place = at.index(text.chars().count() + 1);
            let mut with: Vec<char> = text.chars().collect();
            with.insert(place, strange);
            let with: String = with.into_iter().collect();
            if let Ok(line) = Line::<300>::parse(with.clone()) {
                let before = line.as_str().split(strange).next().and_then(|start| start.chars().next_back());
                let spelling = is_joiner(strange) && before.is_some_and(|c| joining(c) > 0);
                prop_assert!(!line.as_str().contains(strange) || spelling, "{:?}", line.as_str());
            }
            if let Ok(several) = Text::<300>::parse(with.clone()) {
                prop_assert!(!several.as_str().chars().any(is_harmful));
            }
            let harms = matches!(strange, '\0' | '\u{7f}' | '\u{202e}');
            prop_assert!(!harms || Text::<300>::parse(with.clone()).is_err(), "{:?}", with);
            for text in [&text, &with] {
                let (line, several) = (Line::<300>::parse(text.clone()), Text::<300>::parse(text.clone()));
                let overridden = text.contains('\u{202d}');
                prop_assert!(line.is_err() || several.is_ok() || overridden, "a line is a text");
                if let Ok(email) = Email::parse(text) { prop_assert_eq!(Email::parse(email.as_str()).unwrap(), email); }
            }
        }

        /// A refused character is named by its code point and position.
        #[test]
        fn refused_character_is_named_with_its_position(
            before in "[a-z]{1,9}",
            lines in 0_usize..4,
            after in "[a-z]{1,9}",
            bad in proptest::sample::select(vec!['\0', '\u{1b}', '\u{7}', '\u{9f}', '\u{202e}']),
        ) {
            let text = format!("{}{before}{bad}{after}", "line\r\n".repeat(lines));
            let detail = Text::<300>::parse(text).unwrap_err().detail;
            let at = format!("at character {}", before.chars().count() + 1);
            let at = if lines == 0 { at } else { format!("in line {}, {at}", lines + 1) };
            prop_assert_eq!(detail, format!("must not contain U+{:04X} ({}), {at}", u32::from(bad), name_of(bad)));
        }

        /// A valid address is accepted, in any letters, up to the maximum length.
        #[test]
        fn valid_email_address_is_accepted(local in "[A-Za-z0-9_+'-]{1,20}(\\.[A-Za-z0-9]{1,20}){0,3}", domain in "([A-Za-z0-9]{1,60}\\.){1,5}[A-Za-z]{2,10}") {
            let text = format!("{local}@{domain}");
            let taken = Email::parse(&text);
            prop_assert_eq!(taken.is_ok(), local.len() <= 64 && text.len() <= 254, "{}", text);
            if let Ok(email) = taken { prop_assert_eq!(email.as_str(), text.to_lowercase()); }
        }

        /// An address has one normalized form, which does not change when it is parsed again. Another notation of it is
        /// the same address.
        #[test]
        fn any_accepted_email_has_one_normalized_form(text in "[ \
             \\t]?[a-zA-Z0-9.+\u{131}\u{212a}'\"_-]{0,70}@{0,2}[a-zA-Z0-9.\\-\u{e9}]{0,70}[ \\r\\n]?") {
            if let Ok(email) = Email::parse(&text) {
                let kept = email.as_str();
                prop_assert!(kept.is_ascii() && kept.len() <= 254 && kept.matches('@').count() == 1);
                prop_assert!(kept.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase() && !b"\"(),:;<>[]\\".contains(&b)));
                for other in [kept.to_owned(), kept.to_uppercase(), format!(" {kept} ")] {
                    prop_assert_eq!(Email::parse(&other).unwrap(), email.clone());
                }
            }
        }
    }

    #[test]
    fn text_is_limited_in_characters_and_stored_unchanged() {
        assert_eq!(Text::<5>::parse(" añb\n").unwrap().as_str(), " añb\n");
        assert_eq!(Text::<5>::parse("123456").unwrap_err().code, "too_long");
        assert_eq!(Text::<5>::parse(" \n\t").unwrap_err().code, "blank");
        for bad in ["a\0", "a\u{1b}[31m", "a\u{202e}b"] {
            assert_eq!(Text::<9>::parse(bad).unwrap_err().code, "forbidden_character", "{bad:?}");
        }
        assert_eq!(
            Line::<9>::parse("a\nb").unwrap_err().detail,
            "must not contain U+000A (a line break), at character 2"
        );
    }

    #[test]
    fn every_line_break_becomes_one_line_feed() {
        for text in ["a\r\nb", "a\rb", "a\nb", "a\u{b}b", "a\u{c}b", "a\u{85}b"] {
            assert_eq!(Text::<3>::parse(text).unwrap().as_str(), "a\nb", "{text:?}");
        }
        assert_eq!(Text::<9>::parse("\r\r\n\n\r\na").unwrap().as_str(), "\n\n\n\na");
    }

    #[test]
    fn line_is_accepted_after_removing_invisible_characters() {
        for (sent, kept) in [
            ("Ana\r\n", "Ana"),
            ("\u{feff}Ana Lo\u{ad}pez\u{200b}", "Ana Lopez"),
            ("Ana\tLopez", "Ana Lopez"),
            ("Ana\u{a0}Lopez\u{a0}", "Ana Lopez"),
            ("\u{202a}+1 555 0100\u{202c}", "+1 555 0100"),
            ("\u{202d}+1 555 0100\u{202c}", "+1 555 0100"),
            ("\u{2068}דנה\u{2069}\u{200f}", "דנה"),
            // Spelling in Persian, Sinhala, Malayalam (also at the end of a word), Bengali; an emoji sequence of a
            // family.
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("ශ්\u{200d}රී", "ශ්\u{200d}රී"),
            ("അവന്\u{200d}", "അവന്\u{200d}"),
            ("র\u{200d}্যাব", "র\u{200d}্যাব"),
            ("क्\u{200c}ष", "क्\u{200c}ष"),
            ("👩\u{200d}👧", "👩\u{200d}👧"),
            // Between these characters the joiner has no effect and is removed.
            ("A\u{200d}na\u{200c}", "Ana"),
            ("م\u{200c}", "م"),
            ("م\u{200c}\u{200c}ن", "م\u{200c}ن"),
        ] {
            assert_eq!(Line::<40>::parse(sent).unwrap().as_str(), kept, "{sent:?}");
        }
        for (bad, at) in [
            ("ab\u{202e}c", "U+202E (a right-to-left override), at character 3"),
            ("דנ\u{202d}ה", "U+202D (a left-to-right override), at character 3"),
            (" \u{1b}[1m", "U+001B (the escape character), at character 2"),
            ("a\u{2028}b", "U+2028 (a line break), at character 2"),
        ] {
            assert_eq!(Line::<40>::parse(bad).unwrap_err().detail, format!("must not contain {at}"), "{bad:?}");
        }
        assert_eq!(Line::<40>::parse("\u{200b}\u{3164}\r\n").unwrap_err().code, "blank");
        assert_eq!(Email::parse("\u{202a}ana@example.org\u{202c}\u{200b}\r\n").unwrap().as_str(), "ana@example.org");
        assert_eq!(Url::parse("https://example.org/a\n").unwrap().as_str(), "https://example.org/a");
    }
}
